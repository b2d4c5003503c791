// SPDX-License-Identifier: GPL-2.0-only
/*
 * The oracle's program.  Without options it plays a fixed slice: the sequences that
 * were kept, all short ones in a few corners, and random ones, step by step and by
 * four threads.  With options, as much as is asked for:
 *
 *	--steps N	random steps for each kind of tables
 *	--threads N	by so many threads at once, at most four; 1: step by step
 *	--depth N	all sequences of so many steps
 *	--seed S	where chance begins; printed
 *	--kind NAME	this kind alone
 *	--replay FILE	one sequence
 */
#include <dirent.h>
#include <getopt.h>

#include "oracle.h"

/* In one world: a host has only so many frames, and a sequence is to be short. */
#define EPISODE_STEPS	300
#define THREADS_STEPS	40000ul

#ifdef __SANITIZE_THREAD__
#define ONLY_THREADS	1
#else
#define ONLY_THREADS	0
#endif

static unsigned long opt_steps, opt_threads = 1;
static u32 opt_seed = 1;
static int opt_depth, opt_kind = -1;

/* What one campaign is asked to do. */
struct work {
	int kind;
	int threads;
	unsigned long steps;
	u32 seed;
};

static void play_episode(int kind, unsigned long steps)
{
	struct sequence *sequence = &record->sequence;

	sequence->kind = kind;
	sequence->nr = 0;
	oracle_begin(kind);
	pick_themes();
	/* The generations wrap soon, now and then. */
	if (!pick(4) && !sequence_parse_step("late left=2", &sequence->steps[0]))
		sequence_step(&sequence->steps[sequence->nr++]);
	while (sequence->nr < steps && !oracle.failed) {
		struct step *step = &sequence->steps[sequence->nr];

		pick_step(step);
		sequence->nr++;
		sequence_step(step);
	}
	campaign_settle();
	oracle_end();
}

static void play_random(const void *arg)
{
	const struct work *work = arg;
	unsigned long done;

	for (done = 0; done < work->steps; done += EPISODE_STEPS) {
		pick_seed(work->seed + 2654435761u * (done / EPISODE_STEPS + 1));
		play_episode(work->kind, min(work->steps - done, (unsigned long)EPISODE_STEPS));
	}
}

static void play_threads(const void *arg)
{
	const struct work *work = arg;
	unsigned long done;
	u32 seed = work->seed;

	for (done = 0; done < work->steps; done += THREADS_STEPS) {
		threads_play(work->kind, work->threads, min(work->steps - done, THREADS_STEPS),
			     seed++);
		campaign_settle();
	}
}

static void play_depth(const void *arg)
{
	exhaustive_play(*(const int *)arg);
}

static void play_file(const void *arg)
{
	sequence_play(&record->sequence);
	campaign_settle();
}

static bool run(struct work work)
{
	bool good = campaign_run(work.threads > 1 ? play_threads : play_random, &work);
	const struct oracle_counts *counts = &record->counts;

	printf("# %s, seed %u, %d threads: %lu steps, %lu faults, %lu harvests: %s\n",
	       oracle_kinds[work.kind].name, work.seed, work.threads, counts->steps,
	       counts->faults, counts->harvests, good ? "nothing found" : "FOUND");
	return good;
}

struct text {
	const char *name;
	char content[64 * SEQUENCE_MAX];
};

static void play_text(const void *arg)
{
	const struct text *text = arg;
	const char *why = sequence_parse(text->content, &record->sequence);

	if (why) {
		fprintf(stderr, "# %s, step %u: %s\n", text->name, record->sequence.nr, why);
		record->sequence.nr = 0;
		exit(EXIT_FAILURE);
	}
	play_file(NULL);
}

static bool replay(const char *name)
{
	static struct text text;
	FILE *file = fopen(name, "r");
	size_t n;

	if (!file) {
		perror(name);
		return false;
	}
	n = fread(text.content, 1, sizeof(text.content) - 1, file);
	fclose(file);
	text.content[n] = 0;
	text.name = name;
	return campaign_run(play_text, &text);
}

static void kept_sequences(void)
{
	struct dirent **names;
	char path[512];
	int n = scandir(ORACLE_SEQUENCES, &names, NULL, alphasort), i;

	CHECK(n >= 0);
	for (i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s", ORACLE_SEQUENCES, names[i]->d_name);
			if (!replay(path)) {
				printf("# %s\n", names[i]->d_name);
				tap_failed = true;
			}
		}
		free(names[i]);
	}
	free(names);
}

static void all_short_ones(void)
{
	int depth = 3;

	CHECK(campaign_run(play_depth, &depth));
}

static void random_ones(void)
{
	int kind;

	for (kind = 0; kind < oracle_nr_kinds; kind++)
		CHECK(run((struct work){ .kind = kind, .threads = 1, .steps = 30000,
					 .seed = opt_seed }));
}

static void four_threads(void)
{
	int kind;

	for (kind = 0; kind < oracle_nr_kinds; kind++)
		CHECK(run((struct work){ .kind = kind, .threads = 4, .steps = 20000,
					 .seed = opt_seed }));
}

static const struct tap_test tests[] = {
	{ "four threads at once", four_threads },
	{ "sequences that were kept", kept_sequences },
	{ "all sequences of three steps", all_short_ones },
	{ "random sequences", random_ones },
};

static int kind_named(const char *name)
{
	int i;

	for (i = 0; i < oracle_nr_kinds; i++)
		if (!strcmp(name, oracle_kinds[i].name))
			return i;
	fprintf(stderr, "no kind \"%s\"; there are:", name);
	for (i = 0; i < oracle_nr_kinds; i++)
		fprintf(stderr, " %s", oracle_kinds[i].name);
	fputc('\n', stderr);
	exit(2);
}

static bool run_asked(void)
{
	bool good = true;
	int kind;

	if (opt_depth)
		good = campaign_run(play_depth, &opt_depth);
	for (kind = 0; opt_steps && kind < oracle_nr_kinds; kind++)
		if (opt_kind < 0 || opt_kind == kind)
			good &= run((struct work){ .kind = kind, .threads = opt_threads,
						   .steps = opt_steps, .seed = opt_seed });
	return good;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "steps", required_argument, NULL, 's' },
		{ "threads", required_argument, NULL, 't' },
		{ "depth", required_argument, NULL, 'd' },
		{ "seed", required_argument, NULL, 'S' },
		{ "kind", required_argument, NULL, 'k' },
		{ "replay", required_argument, NULL, 'r' },
		{ },
	};
	int c;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			opt_steps = strtoul(optarg, NULL, 0);
			break;
		case 't':
			opt_threads = strtoul(optarg, NULL, 0);
			break;
		case 'd':
			opt_depth = atoi(optarg);
			break;
		case 'S':
			opt_seed = strtoul(optarg, NULL, 0);
			break;
		case 'k':
			opt_kind = kind_named(optarg);
			break;
		case 'r':
			return replay(optarg) ? EXIT_SUCCESS : EXIT_FAILURE;
		default:
			fprintf(stderr, "test_oracle.c begins with what the options are\n");
			return 2;
		}
	}
	if (opt_threads < 1 || opt_threads > WORLD_VCPUS) {
		fprintf(stderr, "1 to %d threads\n", WORLD_VCPUS);
		return 2;
	}
	if (opt_steps || opt_depth)
		return run_asked() ? EXIT_SUCCESS : EXIT_FAILURE;
	return tap_run("oracle", tests, ONLY_THREADS ? 1 : ARRAY_SIZE(tests));
}
