/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The oracle: a model of guest memory, a player of steps, and what must hold.
 *
 * A step is one thing that a vCPU, the host or the VMM does.  A sequence of steps
 * is data: it is made by chance or by enumeration, played, shrunk, written down as
 * text and read again.  Played one at a time (oracle.exact), each step's outcome is
 * foretold and everything is compared after it.  Played by threads at once, what
 * must hold at any moment is checked where it could break, and everything is
 * compared when all stand still.
 */
#ifndef TESTS_HOST_ORACLE_ORACLE_H
#define TESTS_HOST_ORACLE_ORACLE_H

#include "../mmu/world.h"

#define ORACLE_SLOTS	4
#define ORACLE_OPEN	3
#define STEP_ARGS	5
#define SEQUENCE_MAX	4096

/**
 * struct oracle_kind - one kind of tables on one sort of hardware
 * @name:	for the text of a sequence, and --kind
 * @format:	of the hardware
 * @reaches:	the gfn that an access of @cpu to page @page of its address space
 *		reaches if everything is mapped; false if the guest's own tables
 *		forbid it
 */
struct oracle_kind {
	const char *name;
	struct hw_format format;
	bool (*reaches)(int cpu, u64 page, enum hw_access access, gfn_t *gfn);
};

extern const struct oracle_kind oracle_kinds[];
extern const int oracle_nr_kinds;

/**
 * enum step_when - a step happens by itself, or in the middle of the one after it
 * @WHEN_LOOKUP: between a fault's look at the host and the installation
 * @WHEN_FLUSH:	between a change of the tables and its TLB flush
 * @WHEN_SYNC:	while an update of the slots waits for readers
 */
enum step_when { WHEN_NOW, WHEN_LOOKUP, WHEN_FLUSH, WHEN_SYNC, WHEN_NR };

struct step {
	u8 op;
	u8 when;
	u64 arg[STEP_ARGS];
};

struct sequence {
	u32 kind;
	u32 nr;
	struct step steps[SEQUENCE_MAX];
};

/**
 * struct step_op - what a step can do
 * @name, @args: for its text
 * @pick:	choose arguments
 * @play:	do it
 * @race:	do it beside other threads, if that is not the same
 * @weight:	how often it is chosen
 * @inside:	BIT(enum step_when) at which it may happen
 * @holds:	BIT(enum step_when) that may happen in the middle of it
 * @alone:	not beside other threads
 * @waits:	for readers of the slots
 */
struct step_op {
	const char *name;
	const char *args[STEP_ARGS];
	void (*pick)(u64 *arg);
	void (*play)(const u64 *arg);
	void (*race)(const u64 *arg);
	u8 weight;
	u8 inside;
	u8 holds;
	bool alone;
	bool waits;
};

extern const struct step_op step_ops[];
extern const int step_nr_ops;

/**
 * struct model_slot - a slot, as the VMM knows it
 * @npages:	0: there is none
 * @must:	pages that were written since the log was read: it has to tell of them
 * @may:	pages that somebody asked to write: it may tell of them
 */
struct model_slot {
	gfn_t gfn;
	u64 npages;
	u32 page;
	u32 flags;
	unsigned long *must;
	unsigned long *may;
};

/**
 * struct oracle - the state of a play
 * @kind:	what is played
 * @exact:	one step at a time
 * @failed:	something was found; @report says what
 * @nested:	the step that is played happens in the middle of another one
 * @disturbed:	and one has happened in the middle of the current one
 * @no_memory:	allocations of this step may fail
 * @outer_cpu:	the vCPU that is in a fault already, or -1
 * @lock:	guards @slot and @next with threads
 * @slot:	by id; @next is what it is about to become
 * @changing:	@next counts as well
 * @version:	counts changes of @slot
 * @updates:	serialises those who change slots or read logs
 * @open:	host ranges that are announced, @nr_open of them, by page
 * @hull:	the least range around all that was announced while one was open
 * @themes:	what this sequence likes to do
 */
struct oracle {
	const struct oracle_kind *kind;
	bool exact;
	bool failed;
	bool nested;
	bool disturbed;
	bool no_memory;
	int outer_cpu;
	char report[256];
	pthread_rwlock_t lock;
	pthread_mutex_t updates;
	struct model_slot slot[ORACLE_SLOTS];
	struct model_slot next[ORACLE_SLOTS];
	bool changing[ORACLE_SLOTS];
	unsigned long version;
	struct { u32 page, n; } open[ORACLE_OPEN];
	u32 nr_open;
	u32 hull_start, hull_end;
	u32 themes;
};

extern struct oracle oracle;

/* Steps that were played, faults in them, and updates of the logs. */
struct oracle_counts {
	unsigned long steps, faults, harvests, flushes;
};

extern struct oracle_counts oracle_counts;

/* check.c: what was found; the first one counts. */
void finding(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Compare everything, after a step with @aged: which may have cleared accessed bits. */
void check_all(bool aged);
/* Nothing may reach host pages [@page, @page + @n) now; struct world.invalidated. */
void check_invalidated(u32 page, u32 n);
/* Forget what check_all() remembers of the step before. */
void check_begin(void);
void check_end(void);

/* model.c */
void model_begin(void);
void model_end(void);
struct world_backing model_backing(gfn_t gfn);
/* The slot of @gfn, or NULL. */
struct model_slot *model_slot(gfn_t gfn);
/* What mem_set_region() has to return.  *slot is what the slot would become. */
int model_region(const struct kvm_userspace_memory_region2 *region, struct model_slot *slot);
void model_replace(u32 id, struct model_slot *slot);
struct model_slot model_slot_new(const struct kvm_userspace_memory_region2 *region);
void model_slot_free(struct model_slot *slot);
/* @gfn was written; or somebody asked to. */
void model_written(gfn_t gfn);
void model_asked(gfn_t gfn);
/* The level at which a fault on @gfn has to map. */
int model_goal(const struct model_slot *slot, gfn_t gfn);
bool model_is_open(u32 page, u32 n);

/* pick.c: chance, for this thread. */
void pick_seed(u32 seed);
u32 pick(u32 n);
void pick_themes(void);
void pick_access(u64 *arg);
void pick_fault(u64 *arg);
void pick_evict(u64 *arg);
void pick_slot(u64 *arg);
void pick_id(u64 *arg);
void pick_harvest(u64 *arg);
void pick_gfn(u64 *arg);
void pick_pages(u64 *arg);
void pick_page(u64 *arg);
void pick_map(u64 *arg);
void pick_mode(u64 *arg);
void pick_young(u64 *arg);
void pick_small(u64 *arg);
void pick_cpu(u64 *arg);
void pick_nothing(u64 *arg);
void pick_step(struct step *step);

/* play_guest.c, play_host.c: the steps. */
void play_read(const u64 *arg);
void play_write(const u64 *arg);
void play_fetch(const u64 *arg);
void play_fault(const u64 *arg);
void play_evict(const u64 *arg);
void play_kernel_read(const u64 *arg);
void play_kernel_write(const u64 *arg);
void play_restart(const u64 *arg);
void play_slot(const u64 *arg);
void play_unslot(const u64 *arg);
void play_harvest(const u64 *arg);
void play_zap_all(const u64 *arg);
void play_map(const u64 *arg);
void play_unmap(const u64 *arg);
void play_hole(const u64 *arg);
void play_migrate(const u64 *arg);
void play_split(const u64 *arg);
void play_collapse(const u64 *arg);
void play_protect(const u64 *arg);
void play_mode(const u64 *arg);
void play_young(const u64 *arg);
void play_open(const u64 *arg);
void play_close(const u64 *arg);
void play_no_memory(const u64 *arg);
void play_late(const u64 *arg);

/* sequence.c: text, and playing one after the other. */
void oracle_begin(int kind);
void oracle_end(void);
void sequence_play(const struct sequence *sequence);
void sequence_step(const struct step *step);
/* A fault is over: what it has kept waiting may end. */
void sequence_settle(void);
void sequence_print(FILE *file, const char *prefix, const struct sequence *sequence);
/* Arguments that have a meaning, whatever they were. */
void step_sanitize(struct step *step);
/* Return: NULL, or what is wrong with the text. */
const char *sequence_parse(const char *text, struct sequence *sequence);
const char *sequence_parse_step(const char *line, struct step *step);

/**
 * struct record - what a child that plays leaves to its parent, however it ends
 * @sequence:	what it is playing, or empty if threads are
 * @report:	what was found
 * @counts:	so far
 */
struct record {
	struct sequence sequence;
	char report[256];
	struct oracle_counts counts;
};

/* campaign.c */
extern struct record *record;

/**
 * campaign_run() - play in a child
 * @play: what; it may end by any sanitizer's report, or hang
 * A sequence that fails is shrunk and printed.  Return: was nothing found?
 */
bool campaign_run(void (*play)(const void *arg), const void *arg);
/* For @play, now and then: the sequence in *record failed, if oracle.failed; else no hang. */
void campaign_settle(void);

/* exhaustive.c: every sequence of @depth steps out of a few. */
void exhaustive_play(int depth);

/* threads.c: @steps in all, in one world; and the steps that are not the same there. */
void threads_play(int kind, int threads, unsigned long steps, u32 seed);
void race_read(const u64 *arg);
void race_write(const u64 *arg);
void race_fetch(const u64 *arg);
void race_slot(const u64 *arg);
void race_unslot(const u64 *arg);
void race_harvest(const u64 *arg);
void race_kernel_read(const u64 *arg);
void race_kernel_write(const u64 *arg);
struct kvm_userspace_memory_region2 play_region(const u64 *arg);

#endif
