/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The node fuzzer's parts: chance, the world that is fuzzed, the table of calls, guests.
 */
#ifndef SELFTESTS_FUZZ_FUZZ_H
#define SELFTESTS_FUZZ_FUZZ_H

#include <pthread.h>
#include "vm.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* --- chance: each operation has its own stream, so that it is the same whatever ran before it --- */

struct chance {
	u64 state;
};

void chance_seed(struct chance *c, u64 seed, u64 round, u64 thread, u64 op);
u64 chance_next(struct chance *c);
/* 0 ... n - 1 */
u64 chance_below(struct chance *c, u64 n);
/* true once in n times */
bool chance_one_in(struct chance *c, u64 n);
/* a number that likes to go wrong: edges, powers of two, addresses of the architecture */
u64 chance_nasty(struct chance *c);

/* --- the world --- */

#define WORLD_VCPUS	4
#define WORLD_EVENTS	4
#define WORLD_MSRS	256
/* guest memory of ours: a shared file, of which we have a second mapping that stays; then anonymous memory */
#define ARENA_SHARED	(4 * MiB)
#define ARENA_SIZE	(8 * MiB)

struct world {
	int node, vm;
	u64 run_size;
	pthread_mutex_t lock;		/* vcpus[] while it changes */
	pthread_mutex_t guest;		/* held by the thread that runs a guest, unless they run together */
	bool together;
	struct {
		int fd;			/* -1: none */
		struct kvm_run *run;	/* stays mapped while other threads may use it */
	} vcpus[WORLD_VCPUS];
	u8 *arena;			/* what slots are made of; comes and goes */
	u8 *backdoor;			/* ARENA_SHARED bytes of it, always there */
	int arena_file;
	int events[WORLD_EVENTS];
	struct kvm_cpuid2 *cpuid;
	u32 msrs[WORLD_MSRS];
	u32 nr_msrs;
};

/* one thread */
struct actor {
	struct world *world;
	struct chance chance;
	u8 *argument;			/* ARGUMENT_SIZE bytes that end where nothing is mapped */
	timer_t timer;			/* ends KVM_RUN */
	u32 index;
	bool alone;			/* there is no other thread */
};

#define ARGUMENT_SIZE	16384
#define TIMER_SIGNAL	SIGUSR1

/* VM, memory, a vCPU; aborts if that fails */
void world_begin(struct world *w, struct chance *c);
/* a vCPU in the place @index, if there is none; -errno or 0 */
int world_add_vcpu(struct world *w, u32 index, u32 id);
/* closes the fd of a vCPU */
void world_drop_vcpu(struct world *w, u32 index);
/* puts the slot at 0 and the pages behind its beginning back */
void world_mend(struct world *w);
/* what the host does with memory: discard, protect, unmap, replace, page out */
void world_stir_memory(struct actor *a);

/* --- the table --- */

enum fuzz_target { ON_NODE, ON_VM, ON_VCPU, NR_TARGETS };

/*
 * name, cmd: the ioctl. on: which kind of fd. weight: how often, 0 for KVM_RUN, which has its own way. make: a
 * plausible argument, written to a->argument; returns it, or the number that is the argument. get: the ioctl whose
 * answer is the base of the argument, 0 if none. tail: bytes of the argument behind the structure.
 */
struct fuzz_call {
	const char *name;
	unsigned long cmd;
	enum fuzz_target on;
	u32 weight;
	u64 (*make)(struct actor *a);
	unsigned long get;
	u32 tail;
};

extern const struct fuzz_call fuzz_calls[];
extern const u32 nr_fuzz_calls;

/* a row of that kind of fd, by weight; its number */
u32 fuzz_pick(struct chance *c, enum fuzz_target on);
/* builds the argument of a call: plausible, then mostly bent a little, sometimes out of shape */
u64 fuzz_argument(struct actor *a, const struct fuzz_call *call, int fd);

/* --- what happened; shared by all processes --- */

#define NR_VECTORS	33		/* exceptions, and interrupts as one */

struct fuzz_totals {
	u64 ops, runs;
	u64 exits[64];			/* runs that returned 0, by reason */
	u64 errors[256];		/* the others, by errno */
	u64 vectors[NR_VECTORS];	/* turns in which handlers of guests have seen them */
	struct {
		u64 calls, good;
	} row[128];
};

extern struct fuzz_totals *fuzz_totals;

/* makes a call and judges what it returned; aborts on what no ioctl may return */
long fuzz_ioctl(const char *name, int fd, unsigned long cmd, u64 argument);

/* --- guests --- */

/* code, tables and state for a vCPU; what is refused stays as it was */
void guest_prepare(struct actor *a, int fd);
/* after its last exit there is nothing left to run */
bool guest_is_dead(const struct kvm_run *run);
/* KVM_RUN and what a VMM does after it, some times */
void guest_run(struct actor *a, u32 vcpu);

/* --- operations --- */

void fuzz_operation(struct actor *a);

#endif
