// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps by several threads at once.  Each is a vCPU, and the host and the VMM as well.
 *
 * What must hold at any moment is checked there.  A translation may be used by an
 * access, which is in the guest from the lookup to the end, only if a slot that is in
 * force, or that is just becoming or ceasing to be, leads there, and only to the page
 * that the host has there now, with the host's rights.  After the announcement of an
 * invalidation nothing leads to its pages.
 *
 * Now and then all stand still, and everything is compared as after a single step.
 * Only then is the log held to account: a fault that has made a page writable sets its
 * bit a moment later, and others may write meanwhile.
 */
#include <time.h>

#include "oracle.h"

/* Steps of one thread between two standstills. */
#define STEPS_TO_STANDSTILL	500

static pthread_barrier_t barrier;
static unsigned long steps_each;
static u32 run_seed;
static __thread int own_cpu;

static struct model_slot *candidate(int id, int i)
{
	return !i ? &oracle.slot[id] : oracle.changing[id] ? &oracle.next[id] : NULL;
}

static bool leads_to(const struct model_slot *slot, gfn_t gfn, u32 page, bool write)
{
	return slot && gfn - slot->gfn < slot->npages && slot->page + (gfn - slot->gfn) == page &&
	       !(write && slot->flags & KVM_MEM_READONLY);
}

/* Does a slot lead there?  Marks what was written. */
static bool race_allowed(gfn_t gfn, u32 page, bool write)
{
	bool allowed = false;
	int id, i;

	pthread_rwlock_rdlock(&oracle.lock);
	for (id = 0; id < ORACLE_SLOTS; id++)
		for (i = 0; i < 2; i++) {
			struct model_slot *slot = candidate(id, i);

			if (!leads_to(slot, gfn, page, write))
				continue;
			allowed = true;
			if (write && slot->must)
				set_bit(gfn - slot->gfn, slot->must);
		}
	pthread_rwlock_unlock(&oracle.lock);
	return allowed;
}

/* In the guest, with the translation that was just used. */
static void race_reached(gfn_t gfn, u64 pfn, bool write)
{
	struct host_pte pte;
	u32 page;

	if (pfn < HOST_PFN || pfn >= HOST_PFN + HOST_FRAMES) {
		finding("gfn %#llx: reached frame %#llx, which was never given", (long long)gfn,
			(long long)pfn);
		return;
	}
	pthread_mutex_lock(&world.host.tables);
	page = world.host.frames[pfn - HOST_PFN].page;
	pte = world.host.ptes[page];
	pthread_mutex_unlock(&world.host.tables);
	if (pte.pfn != pfn)
		finding("gfn %#llx: reached frame %#llx, which the host took back",
			(long long)gfn, (long long)pfn);
	if (write && !pte.writable)
		finding("gfn %#llx: wrote a page that the host keeps", (long long)gfn);
	if (!race_allowed(gfn, page, write))
		finding("gfn %#llx: %s host page %#x, where no slot leads", (long long)gfn,
			write ? "wrote" : "read", page);
}

/* May @gfn be accessed now, and no slot is just changing? */
static bool race_certain(gfn_t gfn, bool write, unsigned long *version)
{
	const struct model_slot *slot;
	bool certain;
	int id;

	pthread_rwlock_rdlock(&oracle.lock);
	*version = oracle.version;
	slot = model_slot(gfn);
	certain = slot && !(write && slot->flags & KVM_MEM_READONLY);
	for (id = 0; id < ORACLE_SLOTS; id++)
		certain &= !oracle.changing[id];
	pthread_rwlock_unlock(&oracle.lock);
	return certain;
}

static int race_fault(gfn_t gfn, u64 code, bool write)
{
	unsigned long before, after;
	bool certain = race_certain(gfn, write, &before);
	int r = world_fault(own_cpu, gfn, code, NULL);

	__atomic_fetch_add(&oracle_counts.faults, 1, __ATOMIC_RELAXED);
	if (code & HW_ERR_RESERVED)
		finding("gfn %#llx: a reserved bit is set", (long long)gfn);
	if (r < 0)
		finding("gfn %#llx: fault came to %d", (long long)gfn, r);
	if (r == MMU_FAULT_EMULATE && certain && race_certain(gfn, write, &after) &&
	    before == after)
		finding("gfn %#llx: emulated, though there is memory", (long long)gfn);
	return r;
}

static void race_access(gfn_t gfn, enum hw_access access)
{
	struct world_vcpu *vcpu = &world.vcpu[own_cpu];
	struct timespec pause = { .tv_nsec = 100000 };
	bool write = access == HW_WRITE;
	u64 code, pfn;
	int tries;

	for (tries = 0; tries < 10000; tries++) {
		pthread_mutex_lock(&vcpu->in_guest);
		code = hw_access(&vcpu->hw, gfn, access, &pfn);
		if (!code)
			race_reached(gfn, pfn, write);
		pthread_mutex_unlock(&vcpu->in_guest);
		if (!code || race_fault(gfn, code, write) == MMU_FAULT_EMULATE)
			return;
		/* Whoever is in the way may wait for this CPU. */
		if (tries > 100)
			nanosleep(&pause, NULL);
	}
	finding("gfn %#llx: an access makes no progress", (long long)gfn);
}

void race_read(const u64 *arg)
{
	race_access(arg[1], HW_READ);
}

void race_write(const u64 *arg)
{
	race_access(arg[1], HW_WRITE);
}

void race_fetch(const u64 *arg)
{
	race_access(arg[1], HW_FETCH);
}

/* Slots that the kernel may have written through. */
static void race_kernel_wrote(gfn_t gfn)
{
	int id, i;

	pthread_rwlock_rdlock(&oracle.lock);
	for (id = 0; id < ORACLE_SLOTS; id++)
		for (i = 0; i < 2; i++) {
			struct model_slot *slot = candidate(id, i);

			if (slot && slot->must && gfn - slot->gfn < slot->npages)
				set_bit(gfn - slot->gfn, slot->must);
		}
	pthread_rwlock_unlock(&oracle.lock);
}

static void race_kernel(gfn_t gfn, bool write)
{
	unsigned long before, after;
	bool certain = race_certain(gfn, write, &before);
	u64 value = gfn;
	int idx, r;

	idx = mem_read_lock(&world.mem);
	r = write ? mem_write(&world.mem, gfn << 12, &value, sizeof(value)) :
		    mem_read(&world.mem, gfn << 12, &value, sizeof(value));
	/* An update that takes a slot away waits for us; what it is in is not over. */
	if (write && !r)
		race_kernel_wrote(gfn);
	mem_read_unlock(&world.mem, idx);
	if (r && certain && race_certain(gfn, write, &after) && before == after)
		finding("gfn %#llx: the kernel's access came to %d", (long long)gfn, r);
}

void race_kernel_read(const u64 *arg)
{
	race_kernel(arg[0], false);
}

void race_kernel_write(const u64 *arg)
{
	race_kernel(arg[0], true);
}

static void race_update(const struct kvm_userspace_memory_region2 *region,
			struct model_slot *slot, int want)
{
	u32 id = region->slot;
	int r;

	if (!want) {
		pthread_rwlock_wrlock(&oracle.lock);
		oracle.next[id] = *slot;
		oracle.changing[id] = true;
		oracle.version++;
		pthread_rwlock_unlock(&oracle.lock);
	}
	r = mem_set_region(&world.mem, region);
	if (r != want)
		finding("slot %u: an update came to %d, not %d", id, r, want);
	if (want) {
		model_slot_free(slot);
		return;
	}
	pthread_rwlock_wrlock(&oracle.lock);
	/* What was written before the log began is not its business. */
	if (slot->must)
		memset(slot->must, 0, BITS_TO_LONGS(slot->npages) * sizeof(long));
	oracle.changing[id] = false;
	oracle.version++;
	model_replace(id, slot);
	pthread_rwlock_unlock(&oracle.lock);
}

void race_slot(const u64 *arg)
{
	struct kvm_userspace_memory_region2 region = play_region(arg);
	struct model_slot slot;
	int want;

	pthread_mutex_lock(&oracle.updates);
	want = model_region(&region, &slot);
	race_update(&region, &slot, want);
	pthread_mutex_unlock(&oracle.updates);
}

void race_unslot(const u64 *arg)
{
	const u64 none[STEP_ARGS] = { arg[0] };

	race_slot(none);
}

/* Take the marks that @log knows of. */
static void race_reported(struct model_slot *slot, const unsigned long *log)
{
	size_t i;

	for (i = 0; i < BITS_TO_LONGS(slot->npages); i++)
		__atomic_fetch_and(&slot->must[i], ~log[i], __ATOMIC_SEQ_CST);
}

/* @strict: nobody runs, so that all that was written must be in it. */
static void do_harvest(u32 id, bool strict)
{
	struct model_slot *slot = &oracle.slot[id];
	bool logged = slot->npages && slot->must;
	size_t i, words = BITS_TO_LONGS(max(slot->npages, 64ull));
	unsigned long *bitmap = calloc(words, sizeof(long));
	struct kvm_dirty_log log = { .slot = id, .dirty_bitmap = bitmap };
	int r = mem_get_dirty_log(&world.mem, &log);

	__atomic_fetch_add(&oracle_counts.harvests, 1, __ATOMIC_RELAXED);
	if (r != (logged ? 0 : -ENOENT))
		finding("slot %u: a harvest came to %d", id, r);
	if (!r)
		race_reported(slot, bitmap);
	for (i = 0; !r && strict && i < BITS_TO_LONGS(slot->npages); i++)
		if (slot->must[i])
			finding("slot %u: pages %#llx.. were written (%#lx) and are not in the log",
				id, (long long)i * 64, slot->must[i]);
	free(bitmap);
}

void race_harvest(const u64 *arg)
{
	pthread_mutex_lock(&oracle.updates);
	do_harvest(arg[0], false);
	pthread_mutex_unlock(&oracle.updates);
}

static void standstill(void)
{
	u32 id;

	if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
		check_all(true);
		for (id = 0; id < ORACLE_SLOTS; id++)
			do_harvest(id, true);
	}
	pthread_barrier_wait(&barrier);
}

static void *thread_main(void *arg)
{
	unsigned long i;

	own_cpu = (long)arg;
	pick_seed(run_seed + 7919 * (own_cpu + 1));
	shim_seed(run_seed + 31 * (own_cpu + 1));
	for (i = 0; i < steps_each; i++) {
		const struct step_op *op;
		struct step step;

		pick_step(&step);
		op = &step_ops[step.op];
		(op->race ? op->race : op->play)(step.arg);
		if (i % STEPS_TO_STANDSTILL == STEPS_TO_STANDSTILL - 1)
			standstill();
	}
	standstill();
	return NULL;
}

void threads_play(int kind, int threads, unsigned long steps, u32 seed)
{
	pthread_t thread[WORLD_VCPUS];
	long i;

	run_seed = seed;
	oracle_begin(kind);
	oracle.exact = false;
	oracle.themes = run_seed & 5;
	world.host.huge = run_seed & 1;
	shim_hooks.dawdle = true;
	steps_each = (steps + threads - 1) / threads;
	pthread_barrier_init(&barrier, NULL, threads);
	for (i = 0; i < threads; i++)
		pthread_create(&thread[i], NULL, thread_main, (void *)i);
	for (i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&barrier);
	shim_hooks.dawdle = false;
	oracle_end();
	oracle_counts.steps += steps_each * threads;
}
