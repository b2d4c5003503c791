// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once: vCPUs that fault, a host that takes pages back, a VMM that
 * changes slots and reads the dirty log.  Threads play them.  That no page is reached
 * after it was freed, KASAN sees, and unmarked races KCSAN; here is checked that no
 * write is lost.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "world.h"

#define RACE_PAGES	1024u
#define RACE_FAULTS	2000
#define RACE_CHANGES	40
#define RACE_INVALIDATIONS	(IS_ENABLED(CONFIG_KCSAN) ? 50000 : 1000)

/**
 * struct race - the threads of a test
 * @host:	what the host does, or NULL; gets a random number
 * @last:	value that was stored last, by page; each page has one writer
 * @keeps:	@host never drops the content of a page
 * @failed:	accesses that came to what they must not
 * @threads:	vCPUs, and the host
 */
struct race {
	struct kunit *test;
	void (*host)(u32 random);
	u64 *last;
	bool keeps;
	atomic_t failed;
	struct task_struct *threads[WORLD_VCPUS + 1];
};

static struct race race;

static void race_complain(gfn_t gfn, const char *what, long long value)
{
	kunit_err(race.test, "gfn %#llx: %s %lld", gfn, what, value);
	atomic_inc(&race.failed);
}

/* What stops a kernel thread counts as a signal, and that ends a lookup. */
static bool race_may_fail(int error)
{
	return error == -EINTR && kthread_should_stop();
}

static void race_access(int cpu, u32 *seed)
{
	gfn_t gfn = world_random(seed) % (RACE_PAGES + 16);
	bool write = world_random(seed) & 1;
	bool own = gfn < RACE_PAGES && gfn % WORLD_VCPUS == cpu;
	u64 value = world_random(seed);
	int r;

	write &= own;
	r = world_access(cpu, gfn, write, &value);
	if (r < 0 && !race_may_fail(r))
		race_complain(gfn, "an access came to", r);
	if (r != WORLD_OK || !own)
		return;
	if (write)
		race.last[gfn] = value;
	else if (race.keeps && value != race.last[gfn])
		race_complain(gfn, "a write was lost, it holds", value);
}

static int race_vcpu(void *arg)
{
	int cpu = (long)arg;
	u32 seed = 77 + cpu;

	kthread_use_mm(world.mm);
	while (!kthread_should_stop()) {
		race_access(cpu, &seed);
		cond_resched();
	}
	kthread_unuse_mm(world.mm);
	return 0;
}

static int race_host(void *arg)
{
	u32 seed = 5;

	kthread_use_mm(world.mm);
	while (!kthread_should_stop()) {
		race.host(world_random(&seed));
		usleep_range(50, 500);
	}
	kthread_unuse_mm(world.mm);
	return 0;
}

static void race_begin(struct kunit *test, void (*host)(u32 random), bool keeps)
{
	long i;

	race = (struct race) { .test = test, .host = host, .keeps = keeps };
	race.last = kunit_kcalloc(test, RACE_PAGES, sizeof(u64), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, race.last);
	KUNIT_ASSERT_EQ(test, world_slot(0, 0, RACE_PAGES / 2, world_hva(WORLD_FILE, 0), 0), 0);
	KUNIT_ASSERT_EQ(test, world_slot(1, RACE_PAGES / 2, RACE_PAGES / 2,
					 world_hva(WORLD_FILE, RACE_PAGES / 2), 0), 0);
	for (i = 0; i <= WORLD_VCPUS; i++)
		race.threads[i] = i < WORLD_VCPUS ?
			kthread_run(race_vcpu, (void *)i, "race-vcpu-%ld", i) :
			kthread_run(race_host, NULL, "race-host");
}

static void race_end(struct kunit *test)
{
	int i;

	for (i = 0; i <= WORLD_VCPUS; i++)
		if (!IS_ERR(race.threads[i]))
			kthread_stop(race.threads[i]);
	KUNIT_EXPECT_EQ(test, atomic_read(&race.failed), 0);
	KUNIT_EXPECT_TRUE(test, world_consistent(test));
}

static unsigned long race_faults(void)
{
	unsigned long faults = 0;
	int cpu;

	for (cpu = 0; cpu < WORLD_VCPUS; cpu++)
		faults += READ_ONCE(world.vcpu[cpu].faults);
	return faults;
}

static void race_wait(unsigned long faults)
{
	faults += race_faults();
	while (race_faults() < faults)
		usleep_range(1000, 2000);
}

static void host_unmaps(u32 random)
{
	u32 page = random % RACE_PAGES;

	world_unmap(page, 1 + random / RACE_PAGES % 100);
	mem_young(&world.mem, world_hva(WORLD_FILE, page), world_hva(WORLD_FILE, page + 50), true);
}

static void host_frees(u32 random)
{
	world_punch(random % RACE_PAGES, 1 + random / RACE_PAGES % 60);
}

static void race_faults_and_unmaps(struct kunit *test)
{
	race_begin(test, host_unmaps, true);
	race_wait(RACE_FAULTS);
	race_end(test);
}

static void race_faults_and_frees(struct kunit *test)
{
	race_begin(test, host_frees, false);
	race_wait(RACE_FAULTS);
	race_end(test);
}

static void race_change_slot(u32 random)
{
	hva_t low = world_hva(WORLD_FILE, 0), high = world_hva(WORLD_FILE, RACE_PAGES / 2);

	switch (random % 4) {
	case 0:
		world_slot(1, 0, 0, 0, 0);
		world_slot(1, RACE_PAGES / 2, RACE_PAGES / 2, high, 0);
		break;
	case 1:
		world_slot(1, RACE_PAGES / 2 + random / 4 % 64, RACE_PAGES / 2, high, 0);
		break;
	case 2:
		world_slot(0, 0, RACE_PAGES / 2, low, KVM_MEM_LOG_DIRTY_PAGES);
		world_slot(0, 0, RACE_PAGES / 2, low, 0);
		break;
	case 3:
		mmu_zap_all(&world.mv);
		break;
	}
}

static void race_faults_and_slots(struct kunit *test)
{
	u32 seed = 3;
	int i;

	race_begin(test, host_frees, false);
	for (i = 0; i < RACE_CHANGES; i++) {
		race_change_slot(world_random(&seed));
		race_wait(RACE_FAULTS / RACE_CHANGES);
	}
	race_end(test);
}

/*
 * A migration: copy what the log reports, again and again, while the guest writes and
 * the host takes pages away.  In the end the copy must be the guest.
 */
static void race_copy_dirty(struct kunit *test, u64 *copy)
{
	hva_t buffer = world_hva(WORLD_ANON, 0);
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = (void __user *)buffer };
	u32 page;

	KUNIT_ASSERT_EQ(test, mem_get_dirty_log(&world.mem, &log), 0);
	for (page = 0; page < RACE_PAGES / 2; page++)
		if (world_peek(buffer + page / 64 * 8) & BIT_ULL(page % 64))
			copy[page] = world_peek(world_hva(WORLD_FILE, page));
}

static void race_migration(struct kunit *test)
{
	u64 *copy = kunit_kcalloc(test, RACE_PAGES / 2, sizeof(u64), GFP_KERNEL);
	u32 page, i;

	KUNIT_ASSERT_NOT_NULL(test, copy);
	race_begin(test, host_unmaps, true);
	KUNIT_EXPECT_EQ(test, world_slot(0, 0, RACE_PAGES / 2, world_hva(WORLD_FILE, 0),
					 KVM_MEM_LOG_DIRTY_PAGES), 0);
	for (page = 0; page < RACE_PAGES / 2; page++)
		copy[page] = world_peek(world_hva(WORLD_FILE, page));
	for (i = 0; i < RACE_CHANGES; i++) {
		race_copy_dirty(test, copy);
		race_wait(RACE_FAULTS / RACE_CHANGES);
	}
	race_end(test);
	race_copy_dirty(test, copy);
	for (page = 0; page < RACE_PAGES / 2; page++)
		KUNIT_EXPECT_EQ(test, copy[page], world_peek(world_hva(WORLD_FILE, page)));
}

static int race_count(void *arg)
{
	while (!kthread_should_stop()) {
		mem_invalidation_seq(&world.mem);
		cond_resched();
	}
	return 0;
}

/*
 * The count of invalidations moves while faults read it without a lock.  KCSAN looks
 * at few accesses of many, so that these two must come often, and little else.
 */
static void race_invalidations(struct kunit *test)
{
	hva_t hva = world_hva(WORLD_FILE, 0);
	struct task_struct *reader = kthread_run(race_count, NULL, "race-reader");
	unsigned long before = mem_invalidation_seq(&world.mem);
	u32 i;

	KUNIT_ASSERT_FALSE(test, IS_ERR(reader));
	for (i = 0; i < RACE_INVALIDATIONS; i++) {
		mem_invalidate_begin(&world.mem, hva, hva + PAGE_SIZE, true);
		mem_invalidate_end(&world.mem, hva, hva + PAGE_SIZE);
		cond_resched();
	}
	kthread_stop(reader);
	KUNIT_EXPECT_LE(test, before + RACE_INVALIDATIONS, mem_invalidation_seq(&world.mem));
}

static int race_load(void *arg)
{
	struct mmu *mmu = arg;
	int i;

	for (i = 0; i < 100; i++) {
		mmu_destroy(mmu);
		if (mmu_init(mmu, &world.mv) || mmu_load(mmu))
			atomic_inc(&race.failed);
	}
	while (!kthread_should_stop())
		usleep_range(100, 200);
	return 0;
}

/* All vCPUs want a root at once: they share one. */
static void race_roots(struct kunit *test)
{
	int cpu;

	race = (struct race) { .test = test };
	for (cpu = 0; cpu < WORLD_VCPUS; cpu++)
		race.threads[cpu] = kthread_run(race_load, &world.vcpu[cpu].mmu,
						"race-vcpu-%d", cpu);
	for (cpu = 0; cpu < WORLD_VCPUS; cpu++)
		if (!IS_ERR(race.threads[cpu]))
			kthread_stop(race.threads[cpu]);
	KUNIT_EXPECT_EQ(test, atomic_read(&race.failed), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&world.mv.tables), 1);
	for (cpu = 1; cpu < WORLD_VCPUS; cpu++)
		KUNIT_EXPECT_EQ(test, mmu_root_hpa(&world.vcpu[cpu].mmu),
				mmu_root_hpa(&world.vcpu[0].mmu));
}

static struct kunit_case race_cases[] = {
	KUNIT_CASE(race_roots),
	KUNIT_CASE(race_invalidations),
	KUNIT_CASE(race_faults_and_unmaps),
	KUNIT_CASE(race_faults_and_frees),
	KUNIT_CASE(race_faults_and_slots),
	KUNIT_CASE(race_migration),
	{}
};

static struct kunit_suite race_suite = {
	.name = "quire-race",
	.init = world_init,
	.exit = world_exit,
	.test_cases = race_cases,
};

kunit_test_suite(race_suite);
