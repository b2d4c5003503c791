// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sequences: played one step at a time, written as text and read again.
 *
 *	kind direct
 *	slot id=0 gfn=0x0 npages=0x200 page=0x0 flags=0x1
 *	in-lookup migrate page=0x3
 *	write cpu=0x1 gfn=0x3
 *
 * A step "in-lookup", "in-flush" or "in-sync" waits for that moment of the step after
 * it; if the moment does not come, it is played after.  A line that begins with '#'
 * says nothing, unless it is "#: ", before which reports put each line.
 */
#include "oracle.h"

static bool direct_reaches(int cpu, u64 page, enum hw_access access, gfn_t *gfn)
{
	*gfn = page;
	return true;
}

#define DIRECT(text, top, leaf, bits)						\
	{ .name = text, .reaches = direct_reaches,				\
	  .format = { .levels = top, .max_leaf = leaf, .phys_bits = bits } }

/* All kinds of tables there are, on hardware that differs. */
const struct oracle_kind oracle_kinds[] = {
	DIRECT("direct", 4, 3, 40),
	DIRECT("direct-2m", 4, 2, 40),
	DIRECT("direct-4k", 4, 1, 40),
	DIRECT("direct-5level", 5, 3, 40),
};

const int oracle_nr_kinds = ARRAY_SIZE(oracle_kinds);
struct oracle_counts oracle_counts;

#define IN_LOOKUP	BIT(WHEN_LOOKUP)
#define IN_FLUSH	BIT(WHEN_FLUSH)
#define IN_SYNC		BIT(WHEN_SYNC)
#define ANYWHERE	(IN_LOOKUP | IN_FLUSH | IN_SYNC)

#define OP(n, w, picks, plays, ...)						\
	{ .name = n, .weight = w, .pick = picks, .play = plays, __VA_ARGS__ }

const struct step_op step_ops[] = {
	OP("read", 60, pick_access, play_read, .args = { "cpu", "gfn" },
	   .race = race_read,
	   .inside = ANYWHERE, .holds = IN_LOOKUP | IN_FLUSH),
	OP("write", 60, pick_access, play_write, .args = { "cpu", "gfn" },
	   .race = race_write,
	   .inside = ANYWHERE, .holds = IN_LOOKUP | IN_FLUSH),
	OP("fetch", 10, pick_access, play_fetch, .args = { "cpu", "gfn" },
	   .race = race_fetch,
	   .inside = ANYWHERE, .holds = IN_LOOKUP | IN_FLUSH),
	OP("fault", 15, pick_fault, play_fault, .args = { "cpu", "gfn", "access" },
	   .inside = ANYWHERE, .holds = IN_LOOKUP | IN_FLUSH, .alone = true),
	OP("evict", 10, pick_evict, play_evict, .args = { "cpu", "n" }),
	OP("kernel-read", 5, pick_gfn, play_kernel_read, .args = { "gfn" },
	   .race = race_kernel_read, .inside = ANYWHERE),
	OP("kernel-write", 8, pick_gfn, play_kernel_write, .args = { "gfn" },
	   .race = race_kernel_write, .inside = ANYWHERE),
	OP("restart", 2, pick_cpu, play_restart, .args = { "cpu" }, .alone = true),
	OP("slot", 16, pick_slot, play_slot,
	   .args = { "id", "gfn", "npages", "page", "flags" },
	   .race = race_slot, .inside = IN_LOOKUP, .holds = IN_FLUSH | IN_SYNC, .waits = true),
	OP("unslot", 4, pick_id, play_unslot, .args = { "id" },
	   .race = race_unslot, .inside = IN_LOOKUP, .holds = IN_FLUSH | IN_SYNC, .waits = true),
	OP("harvest", 15, pick_harvest, play_harvest, .args = { "id", "nowhere" },
	   .race = race_harvest, .inside = IN_LOOKUP, .holds = IN_FLUSH),
	OP("zap-all", 2, pick_nothing, play_zap_all, .inside = IN_LOOKUP, .holds = IN_FLUSH),
	OP("map", 6, pick_map, play_map, .args = { "page", "level", "writable", "device" },
	   .inside = ANYWHERE, .alone = true),
	OP("unmap", 5, pick_pages, play_unmap, .args = { "page", "npages" },
	   .inside = ANYWHERE),
	OP("hole", 1, pick_pages, play_hole, .args = { "page", "npages" },
	   .inside = ANYWHERE, .alone = true),
	OP("migrate", 8, pick_page, play_migrate, .args = { "page" }, .inside = ANYWHERE),
	OP("split", 4, pick_page, play_split, .args = { "page" }, .inside = ANYWHERE),
	OP("collapse", 4, pick_page, play_collapse, .args = { "page" }, .inside = ANYWHERE),
	OP("protect", 6, pick_page, play_protect, .args = { "page" }, .inside = ANYWHERE),
	OP("mode", 3, pick_mode, play_mode, .args = { "huge", "shared" }),
	OP("young", 12, pick_young, play_young, .args = { "page", "npages", "clear" },
	   .inside = ANYWHERE),
	OP("open", 2, pick_pages, play_open, .args = { "page", "npages" },
	   .inside = ANYWHERE, .alone = true),
	OP("close", 4, pick_nothing, play_close, .inside = ANYWHERE, .alone = true),
	OP("late", 0, pick_small, play_late, .args = { "left" }, .alone = true),
	OP("no-memory", 6, pick_small, play_no_memory, .args = { "after" }, .alone = true),
};

const int step_nr_ops = ARRAY_SIZE(step_ops);

static const char *const when_names[WHEN_NR] = {
	[WHEN_LOOKUP] = "in-lookup", [WHEN_FLUSH] = "in-flush", [WHEN_SYNC] = "in-sync",
};

/* By the name of an argument: it is less than this, and at least @least. */
static const struct {
	const char *name;
	u64 least, end;
} limits[] = {
	{ "cpu", 0, WORLD_VCPUS },
	{ "id", 0, ORACLE_SLOTS },
	{ "gfn", 0, 1ull << 46 },
	{ "page", 0, HOST_PAGES },
	{ "npages", 0, 512 * 512 + 1 },
	{ "level", 1, 4 },
	{ "n", 0, HW_TLB_ENTRIES },
	{ "left", 0, 64 },
	{ "after", 0, 64 },
};

void step_sanitize(struct step *step)
{
	const struct step_op *op = &step_ops[step->op %= step_nr_ops];
	int i, k;

	for (k = 0; k < STEP_ARGS && op->args[k]; k++)
		for (i = 0; i < ARRAY_SIZE(limits); i++)
			if (!strcmp(op->args[k], limits[i].name))
				step->arg[k] = max(limits[i].least, step->arg[k] % limits[i].end);
	/* Slots lie in what the VMM has. */
	if (op->play == play_slot && step->arg[3] + step->arg[2] > HOST_PAGES)
		step->arg[3] = HOST_PAGES - step->arg[2];
	if (step->when && (step->when >= WHEN_NR || !(op->inside & BIT(step->when))))
		step->when = WHEN_NOW;
}

static struct step pending;

/*
 * A step that waits for readers, in the middle of one that is such a reader: another
 * thread plays it, while this one waits until it is done, or waits itself.  Which of
 * the two it is does not depend on chance.
 */
static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool running;
	bool stands;
	struct step step;
} aside = { .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };

static void aside_stands(void)
{
	pthread_mutex_lock(&aside.lock);
	aside.stands = true;
	pthread_cond_signal(&aside.cond);
	pthread_mutex_unlock(&aside.lock);
}

static void *aside_main(void *arg)
{
	step_ops[aside.step.op].play(aside.step.arg);
	aside_stands();
	return NULL;
}

static void aside_begin(const struct step *step)
{
	aside.step = *step;
	aside.running = true;
	aside.stands = false;
	shim_hooks.on_synchronize = aside_stands;
	if (pthread_create(&aside.thread, NULL, aside_main, NULL))
		abort();
	pthread_mutex_lock(&aside.lock);
	while (!aside.stands)
		pthread_cond_wait(&aside.cond, &aside.lock);
	pthread_mutex_unlock(&aside.lock);
}

void sequence_settle(void)
{
	if (!aside.running)
		return;
	pthread_join(aside.thread, NULL);
	aside.running = false;
	shim_hooks.on_synchronize = NULL;
}

static void play_pending(void);

/* Not while the host is in the middle of something itself. */
static void play_pending_in_flush(void)
{
	if (pthread_mutex_trylock(&world.host.ops)) {
		world.before_flush = play_pending_in_flush;
		return;
	}
	pthread_mutex_unlock(&world.host.ops);
	play_pending();
}

static void play_pending(void)
{
	struct step step = pending;
	bool no_memory = oracle.no_memory;
	int fail_after = shim_fail_after;

	if (!pending.when)
		return;
	pending.when = WHEN_NOW;
	world.before_flush = world.after_lookup = shim_hooks.on_synchronize = NULL;
	if (step_ops[step.op].waits && step.when == WHEN_LOOKUP) {
		oracle.disturbed = true;
		aside_begin(&step);
		return;
	}
	/* Memory is short for the other one alone. */
	shim_fail_after = -1;
	oracle.no_memory = false;
	oracle.nested = oracle.disturbed = true;
	step_ops[step.op].play(step.arg);
	oracle.nested = false;
	oracle.no_memory = no_memory;
	shim_fail_after = fail_after;
}

static void arm(const struct step_op *op)
{
	if (!(op->holds & BIT(pending.when)))
		return;
	if (pending.when == WHEN_LOOKUP)
		world.after_lookup = play_pending;
	if (pending.when == WHEN_FLUSH)
		world.before_flush = play_pending_in_flush;
	if (pending.when == WHEN_SYNC)
		shim_hooks.on_synchronize = play_pending;
}

static bool ages(const struct step *step)
{
	return step->op < step_nr_ops && step_ops[step->op].play == play_young;
}

static void play_one(const struct step *step)
{
	const struct step_op *op = &step_ops[step->op];
	bool aged = ages(step) || (pending.when && ages(&pending));

	if (op->play == play_no_memory) {
		op->play(step->arg);
		return;
	}
	oracle.disturbed = false;
	arm(op);
	op->play(step->arg);
	world.before_flush = world.after_lookup = shim_hooks.on_synchronize = NULL;
	oracle.no_memory = false;
	shim_fail_after = -1;
	if (pending.when) {
		oracle.disturbed = false;
		op = &step_ops[pending.op];
		pending.when = WHEN_NOW;
		op->play(pending.arg);
	}
	check_all(aged);
}

void sequence_step(const struct step *step)
{
	oracle_counts.steps++;
	if (step->when && !pending.when) {
		pending = *step;
		return;
	}
	play_one(step);
}

/* The host's pages, or a bitmap of ours. */
static size_t user_copy(unsigned long user, void *buf, size_t n, bool write)
{
	if (user >= HOST_HVA && user < HOST_HVA + (HOST_PAGES + 1) * PAGE_SIZE)
		return host_user_copy(user, buf, n, write);
	if (write)
		memcpy((void *)user, buf, n);
	else
		memcpy(buf, (void *)user, n);
	return 0;
}

void oracle_begin(int kind)
{
	oracle.kind = &oracle_kinds[kind];
	oracle.exact = true;
	oracle.failed = oracle.nested = oracle.disturbed = oracle.no_memory = false;
	oracle.outer_cpu = -1;
	memset(&pending, 0, sizeof(pending));
	world_begin_on(&oracle.kind->format);
	world.backing = model_backing;
	world.invalidated = check_invalidated;
	shim_hooks.user_copy = user_copy;
	model_begin();
	check_begin();
}

void oracle_end(void)
{
	while (oracle.nr_open)
		play_close(NULL);
	shim_hooks.user_copy = NULL;
	shim_fail_after = -1;
	world_end();
	model_end();
	check_end();
}

void sequence_play(const struct sequence *sequence)
{
	u32 i;

	oracle_begin(sequence->kind);
	for (i = 0; i < sequence->nr && !oracle.failed; i++)
		sequence_step(&sequence->steps[i]);
	oracle_end();
}

void sequence_print(FILE *file, const char *prefix, const struct sequence *sequence)
{
	u32 i;
	int k;

	fprintf(file, "%skind %s\n", prefix, oracle_kinds[sequence->kind].name);
	for (i = 0; i < sequence->nr; i++) {
		const struct step *step = &sequence->steps[i];
		const struct step_op *op = &step_ops[step->op];

		fprintf(file, "%s%s%s%s", prefix, step->when ? when_names[step->when] : "",
			step->when ? " " : "", op->name);
		for (k = 0; k < STEP_ARGS && op->args[k]; k++)
			fprintf(file, " %s=%#llx", op->args[k], (long long)step->arg[k]);
		fputc('\n', file);
	}
}

static const char *parse_args(char **rest, struct step *step)
{
	const struct step_op *op = &step_ops[step->op];
	size_t len;
	char *word;
	int k;

	for (k = 0; k < STEP_ARGS && op->args[k]; k++) {
		word = strtok_r(NULL, " ", rest);
		len = strlen(op->args[k]);
		if (!word || strncmp(word, op->args[k], len) || word[len] != '=')
			return "an argument is missing";
		step->arg[k] = strtoull(word + len + 1, NULL, 0);
	}
	return strtok_r(NULL, " ", rest) ? "too many arguments" : NULL;
}

const char *sequence_parse_step(const char *line, struct step *step)
{
	char copy[200], *rest, *word;
	int i;

	memset(step, 0, sizeof(*step));
	snprintf(copy, sizeof(copy), "%s", line);
	word = strtok_r(copy, " ", &rest);
	for (i = 1; word && i < WHEN_NR; i++)
		if (!strcmp(word, when_names[i])) {
			step->when = i;
			word = strtok_r(NULL, " ", &rest);
			break;
		}
	for (i = 0; word && i < step_nr_ops; i++)
		if (!strcmp(word, step_ops[i].name)) {
			const char *why;

			step->op = i;
			why = parse_args(&rest, step);
			step_sanitize(step);
			return why;
		}
	return "no such step";
}

static const char *parse_line(const char *line, struct sequence *sequence)
{
	int i;

	/* As a report has it, in the middle of other text. */
	if (!strncmp(line, "#: ", 3))
		line += 3;
	if (!*line || *line == '#')
		return NULL;
	if (!strncmp(line, "kind ", 5)) {
		for (i = 0; i < oracle_nr_kinds; i++)
			if (!strcmp(line + 5, oracle_kinds[i].name)) {
				sequence->kind = i;
				return NULL;
			}
		return "no such kind";
	}
	if (sequence->nr == SEQUENCE_MAX)
		return "too long";
	return sequence_parse_step(line, &sequence->steps[sequence->nr++]);
}

const char *sequence_parse(const char *text, struct sequence *sequence)
{
	const char *why = NULL;
	char line[200];

	sequence->kind = sequence->nr = 0;
	while (*text && !why) {
		size_t n = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)n, text);
		why = parse_line(line, sequence);
		text += n + (text[n] == '\n');
	}
	return why;
}
