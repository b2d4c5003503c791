// SPDX-License-Identifier: GPL-2.0-only
/*
 * Campaigns: play in a child, and if it fails, find out by what.
 *
 * A child writes down what it is about to do before it does it, in memory that its
 * parent shares, so that no way to end (a finding, a sanitizer's report, a warning
 * of the kernel's code, a hang) takes the sequence along.  The parent plays ever
 * shorter ones, each in a child of its own, and keeps what still fails.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oracle.h"

/* A world's worth of steps takes far less than this, on any machine. */
#define HANG_SECONDS	300
#define HANG_SECONDS_SHRINK	30

struct record *record;

static void watchdog(int seconds)
{
	struct itimerval timer = { .it_value.tv_sec = seconds };

	signal(SIGALRM, SIG_DFL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

void campaign_settle(void)
{
	record->counts = oracle_counts;
	if (!oracle.failed) {
		watchdog(HANG_SECONDS);
		return;
	}
	memcpy(record->report, oracle.report, sizeof(record->report));
	_exit(EXIT_FAILURE);
}

static void describe_end(int status, char *text, size_t size)
{
	if (*text)
		return;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		snprintf(text, size, "it hangs");
	else if (WIFSIGNALED(status))
		snprintf(text, size, "signal %d", WTERMSIG(status));
	else
		snprintf(text, size, "status %d", WEXITSTATUS(status));
}

/* Return: did it end well? */
static bool child_run(void (*play)(const void *arg), const void *arg, bool quiet)
{
	int status = 0;
	pid_t pid;

	fflush(NULL);
	record->report[0] = 0;
	pid = fork();
	if (!pid) {
		if (quiet && (!freopen("/dev/null", "w", stdout) ||
			      !freopen("/dev/null", "w", stderr)))
			_exit(EXIT_FAILURE);
		watchdog(quiet ? HANG_SECONDS_SHRINK : HANG_SECONDS);
		play(arg);
		record->counts = oracle_counts;
		exit(EXIT_SUCCESS);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	if (!status)
		return true;
	describe_end(status, record->report, sizeof(record->report));
	return false;
}

static void play_sequence(const void *arg)
{
	sequence_play(arg);
	campaign_settle();
}

static bool still_fails(const struct sequence *sequence)
{
	return !child_run(play_sequence, sequence, true);
}

/* Without @n steps from @at on. */
static void cut(const struct sequence *from, struct sequence *to, u32 at, u32 n)
{
	to->kind = from->kind;
	to->nr = from->nr - n;
	memcpy(to->steps, from->steps, at * sizeof(struct step));
	memcpy(to->steps + at, from->steps + at + n, (to->nr - at) * sizeof(struct step));
}

static void shrink(struct sequence *sequence)
{
	struct sequence *shorter = malloc(sizeof(*shorter));
	u32 n = sequence->nr / 2, at;
	bool progress;

	do {
		progress = false;
		for (at = 0; at < sequence->nr;) {
			cut(sequence, shorter, at, min(n, sequence->nr - at));
			if (still_fails(shorter)) {
				*sequence = *shorter;
				progress = true;
			} else {
				at += n;
			}
		}
		if (n > 1)
			n = (n + 1) / 2;
		else if (!progress)
			n = 0;
	} while (n);
	free(shorter);
}

/* The child that fails is heard this time: its reports say the rest. */
static void shrink_and_print(void)
{
	struct sequence *sequence = malloc(sizeof(*sequence));

	*sequence = record->sequence;
	if (!still_fails(sequence)) {
		printf("# played alone, it does not fail\n");
	} else {
		shrink(sequence);
		child_run(play_sequence, sequence, false);
		printf("# found: %s\n# by %u steps:\n", record->report, sequence->nr);
	}
	sequence_print(stdout, "#: ", sequence);
	free(sequence);
}

bool campaign_run(void (*play)(const void *arg), const void *arg)
{
	if (!record) {
		record = mmap(NULL, sizeof(*record), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (record == MAP_FAILED)
			abort();
	}
	memset(record, 0, sizeof(*record));
	if (child_run(play, arg, false))
		return true;
	printf("# failed: %s\n", record->report);
	if (record->sequence.nr)
		shrink_and_print();
	return false;
}
