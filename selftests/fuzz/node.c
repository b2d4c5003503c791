// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz_node: random sequences of the ABI's ioctls on the node, on several threads, with small random guests.
 *
 * An errno is the worst that may come of any of it. What counts as a finding: an errno that is not of the ABI, a
 * process that cannot be ended, a VM made before or after that does not work, and any report in the kernel's log,
 * which is for whoever runs this to read (each round leaves a line there, so that a report can be placed).
 *
 * A seed is worked through in rounds. Each is a process with a world of its own (world.c), whose threads do random
 * operations (operations.c, table.c, arguments.c, guests.c), and which then closes its fds, or just ends, or is killed
 * in the midst of it. An operation depends on nothing but seed, round, thread and its number: with one thread the same
 * seed does the same, up to the moments at which timers interrupt a guest, and --round N repeats one round alone.
 *
 * fuzz_node.seeds lists the seeds that have found something once, and some that go far; without --seed those are run.
 */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "kselftest.h"
#include "guest.h"

#define OPS_PER_ROUND	300
#define PATIENCE_S	120	/* far more than a round takes anywhere */
#define MAX_THREADS	8
#define MAX_SEEDS	64

struct fuzz_totals *fuzz_totals;

struct seed {
	u64 seed, ops;
	u32 threads;
};

struct options {
	struct seed seeds[MAX_SEEDS];
	u32 nr_seeds;
	long round;		/* the only one, or -1 */
	bool verbose;
	bool together;		/* guests run at the same time */
	bool depth;		/* all seeds of the file: together they must go deep */
};

static struct options options = { .round = -1 };

/* one thread's share of a round */
struct share {
	pthread_t thread;
	struct actor actor;
	const struct seed *seed;
	u64 round;
};

static void nothing(int number)
{
}

static void log_line(const char *text)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		(void)!write(fd, text, strlen(text));
		close(fd);
	}
}

/* --- a round --- */

static void actor_begin(struct actor *a, struct world *w, u32 index)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = TIMER_SIGNAL };

	event._sigev_un._tid = gettid();
	a->world = w;
	a->index = index;
	if (timer_create(CLOCK_MONOTONIC, &event, &a->timer))
		die("no timer: %s", strerror(errno));
	a->argument = host_memory(ARGUMENT_SIZE + PAGE_SIZE, PAGE_SIZE);
	mprotect(a->argument + ARGUMENT_SIZE, PAGE_SIZE, PROT_NONE);
}

static void *act(void *argument)
{
	struct share *share = argument;
	struct actor *a = &share->actor;
	u64 op, ops = OPS_PER_ROUND / share->seed->threads;

	actor_begin(a, a->world, a->index);
	for (op = 0; op < ops; op++) {
		chance_seed(&a->chance, share->seed->seed, share->round, a->index, op);
		if (options.verbose)
			printf("# round %lu thread %u operation %lu\n", share->round, a->index, op);
		fuzz_operation(a);
	}
	return NULL;
}

/* in the round's own process; how it ends is part of the round */
static void play(const struct seed *seed, u64 round)
{
	struct sigaction action = { .sa_handler = nothing };
	struct share shares[MAX_THREADS] = {};
	static struct world world;
	struct chance chance;
	u32 i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(TIMER_SIGNAL, &action, NULL);
	chance_seed(&chance, seed->seed, round, MAX_THREADS, 0);
	world_begin(&world, &chance);
	world.together = options.together;
	for (i = 0; i < seed->threads; i++) {
		shares[i].seed = seed;
		shares[i].round = round;
		shares[i].actor.world = &world;
		shares[i].actor.index = i;
		shares[i].actor.alone = seed->threads == 1;
		if (i && pthread_create(&shares[i].thread, NULL, act, &shares[i]))
			die("no thread");
	}
	act(&shares[0]);
	for (i = 1; i < seed->threads; i++)
		pthread_join(shares[i].thread, NULL);
	if (chance_one_in(&chance, 2))
		_exit(0);
	for (i = 0; i < WORLD_VCPUS; i++)
		world_drop_vcpu(&world, chance_below(&chance, WORLD_VCPUS));
	close(world.vm);
	_exit(0);
}

/* ends by itself, or by @kill_after ms; false if it fails or cannot be ended */
static bool await(pid_t pid, u64 kill_after)
{
	struct timespec tick = { .tv_nsec = 1000000 };
	bool killed = false;
	int status;
	u64 ms;

	for (ms = 0; ms < 2 * PATIENCE_S * 1000; ms++) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			if (WIFEXITED(status) && !WEXITSTATUS(status))
				return true;
			if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && kill_after)
				return true;
			ksft_print_msg("the round ended with status %#x\n", status);
			return false;
		}
		if (!killed && ms >= (kill_after ? kill_after : PATIENCE_S * 1000)) {
			kill(pid, SIGKILL);
			killed = true;
		}
		nanosleep(&tick, NULL);
	}
	ksft_print_msg("the round's process cannot be ended\n");
	return false;
}

static bool play_round(const struct seed *seed, u64 round)
{
	struct chance chance;
	char text[128];
	pid_t pid;

	snprintf(text, sizeof(text), "fuzz_node: seed %#lx threads %u round %lu\n", seed->seed, seed->threads, round);
	log_line(text);
	chance_seed(&chance, seed->seed, round, MAX_THREADS, 1);
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (!pid)
		play(seed, round);
	return await(pid, chance_one_in(&chance, 8) ? 1 + chance_below(&chance, 500) : 0);
}

/* --- the witnesses --- */

static void guest_count(u64 argument)
{
	u64 i;

	for (i = 0; ; i++) {
		*(volatile u64 *)0x100000 = i;
		guest_sync(i);
	}
}

static void witness_begin(struct vm *vm)
{
	vm_create(vm, VM_SPLIT_IRQCHIP);
	vcpu_create(vm, 0);
	vcpu_set_guest(vm->vcpus[0], guest_count, 0);
}

static bool witness_lives(struct vm *vm, u64 count)
{
	call_wait_sync(vm->vcpus[0], count);
	return *(u64 *)vm_hva(vm, 0x100000) == count;
}

/* --- seeds --- */

static bool play_seed(const struct seed *seed, struct vm *old, u64 *count)
{
	u64 round, rounds = (seed->ops + OPS_PER_ROUND - 1) / OPS_PER_ROUND;
	struct vm fresh;
	bool good = true;

	for (round = 0; round < rounds && good; round++)
		if (options.round < 0 || (u64)options.round == round)
			good = play_round(seed, round);
	if (!good)
		ksft_print_msg("seed %#lx threads %u: round %lu failed\n", seed->seed, seed->threads, round - 1);
	witness_begin(&fresh);
	good = witness_lives(&fresh, 0) && good;
	vm_destroy(&fresh);
	return witness_lives(old, (*count)++) && good;
}

/* --- what guests did --- */

static const char *const vector_names[NR_VECTORS] = {
	[0] = "#DE", [1] = "#DB", [2] = "NMI", [3] = "#BP", [4] = "#OF", [5] = "#BR", [6] = "#UD", [7] = "#NM",
	[8] = "#DF", [10] = "#TS", [11] = "#NP", [12] = "#SS", [13] = "#GP", [14] = "#PF", [16] = "#MF", [17] = "#AC",
	[32] = "interrupts",
};

/* without these a fuzzer of guests is none */
static const u32 needed_exits[] = {
	KVM_EXIT_IO, KVM_EXIT_MMIO, KVM_EXIT_HLT, KVM_EXIT_IRQ_WINDOW_OPEN, KVM_EXIT_SHUTDOWN,
};
static const u32 needed_vectors[] = { 0, 1, 2, 3, 6, 13, 14, 32 };

static void report_guests(void)
{
	u32 i;

	ksft_print_msg("%lu operations, %lu runs of guests; exits:", fuzz_totals->ops, fuzz_totals->runs);
	for (i = 0; i < COUNT_OF(fuzz_totals->exits); i++)
		if (fuzz_totals->exits[i])
			printf(" %s %lu", exit_name(i), fuzz_totals->exits[i]);
	printf("\n");
	ksft_print_msg("runs that ended by an errno:");
	for (i = 0; i < COUNT_OF(fuzz_totals->errors); i++)
		if (fuzz_totals->errors[i])
			printf(" %s %lu", strerrorname_np(i) ?: "?", fuzz_totals->errors[i]);
	printf("\n");
	ksft_print_msg("turns with events in the guest:");
	for (i = 0; i < NR_VECTORS; i++)
		if (vector_names[i] && fuzz_totals->vectors[i])
			printf(" %s %lu", vector_names[i], fuzz_totals->vectors[i]);
	printf("\n");
}

static bool guests_did_it_all(void)
{
	bool good = true;
	u32 i;

	for (i = 0; i < COUNT_OF(needed_exits); i++)
		if (!fuzz_totals->exits[needed_exits[i]]) {
			ksft_print_msg("no guest has seen the exit %s\n", exit_name(needed_exits[i]));
			good = false;
		}
	for (i = 0; i < COUNT_OF(needed_vectors); i++)
		if (!fuzz_totals->vectors[needed_vectors[i]]) {
			ksft_print_msg("no guest has seen %s\n", vector_names[needed_vectors[i]]);
			good = false;
		}
	return good;
}

static void report_calls(void)
{
	u32 i;

	for (i = 0; i < nr_fuzz_calls; i++)
		if (options.verbose || (fuzz_totals->row[i].calls && !fuzz_totals->row[i].good))
			ksft_print_msg("%s: %lu calls, %lu good\n", fuzz_calls[i].name, fuzz_totals->row[i].calls,
				       fuzz_totals->row[i].good);
}

static void add_seed(const char *text, u64 ops, u64 threads)
{
	struct seed *seed = &options.seeds[options.nr_seeds];

	if (options.nr_seeds == MAX_SEEDS)
		die("too many seeds");
	seed->seed = strtoull(text, NULL, 0);
	seed->ops = ops;
	seed->threads = threads < 1 ? 1 : threads > MAX_THREADS ? MAX_THREADS : threads;
	options.nr_seeds++;
}

/* lines of: seed, operations, threads; # begins a comment */
static void read_seeds(const char *path)
{
	char line[256], seed[64];
	u64 ops, threads;
	FILE *file = fopen(path, "r");

	if (!file)
		die("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file))
		if (*line != '#' && sscanf(line, "%63s %lu %lu", seed, &ops, &threads) == 3)
			add_seed(seed, ops, threads);
	fclose(file);
}

static const char usage[] =
	"usage: fuzz_node [--seed S]... [--ops N] [--threads N] [--round N] [--seeds FILE] [--together] [--verbose]\n"
	"  --seed S     a number, or \"time\"; may be repeated; without it the seeds of FILE\n"
	"  --ops N      operations for each seed (3000), in rounds of 300\n"
	"  --threads N  threads in a round (3)\n"
	"  --round N    of each seed only this round\n"
	"  --seeds FILE lines of: seed, operations, threads (fuzz_node.seeds)\n"
	"  --together   several threads may be in guests at once, of which QEMU's emulation dies now and then;\n"
	"               otherwise one at a time, while the others do all else\n"
	"  --verbose    each operation is announced\n";

static void parse(int argc, char **argv)
{
	static const struct option names[] = {
		{ "seed", 1, NULL, 's' }, { "ops", 1, NULL, 'o' }, { "threads", 1, NULL, 't' },
		{ "round", 1, NULL, 'r' }, { "seeds", 1, NULL, 'f' }, { "together", 0, NULL, 'g' },
		{ "verbose", 0, NULL, 'v' }, {},
	};
	const char *file = "fuzz_node.seeds";
	u64 ops = 3000, threads = 3;
	char now[32];
	int c;
	u32 i;

	snprintf(now, sizeof(now), "%lu", (u64)time(NULL));
	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 's': add_seed(strcmp(optarg, "time") ? optarg : now, 0, 0); break;
		case 'o': ops = strtoull(optarg, NULL, 0); break;
		case 't': threads = strtoull(optarg, NULL, 0); break;
		case 'r': options.round = strtol(optarg, NULL, 0); break;
		case 'f': file = optarg; break;
		case 'g': options.together = true; break;
		case 'v': options.verbose = true; break;
		default: ksft_exit_fail_msg("%s", usage);
		}
	}
	for (i = 0; i < options.nr_seeds; i++) {
		options.seeds[i].ops = ops;
		options.seeds[i].threads = threads < 1 ? 1 : threads > MAX_THREADS ? MAX_THREADS : threads;
	}
	if (!options.nr_seeds) {
		read_seeds(file);
		options.depth = options.round < 0;
	}
}

int main(int argc, char **argv)
{
	struct rlimit files = { 4096, 4096 };
	struct vm old;
	u64 count = 0;
	u32 i;

	ksft_print_header();
	parse(argc, argv);
	setrlimit(RLIMIT_NOFILE, &files);
	fuzz_totals = mmap(NULL, sizeof(*fuzz_totals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fuzz_totals == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	ksft_set_plan(options.nr_seeds + options.depth);
	witness_begin(&old);
	for (i = 0; i < options.nr_seeds; i++) {
		const struct seed *seed = &options.seeds[i];

		ksft_test_result(play_seed(seed, &old, &count), "seed %#lx, %lu operations, %u threads\n", seed->seed,
				 seed->ops, seed->threads);
	}
	vm_destroy(&old);
	report_guests();
	report_calls();
	if (options.depth)
		ksft_test_result(guests_did_it_all(), "guests have met what guests meet\n");
	ksft_finished();
}
