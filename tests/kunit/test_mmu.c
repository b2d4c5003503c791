// SPDX-License-Identifier: GPL-2.0-only
/*
 * Direct tables over real pages: map, what the host takes back, sizes, permissions,
 * MMIO, dirty logging, failing allocations.
 */
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/sched.h>

#include "world.h"

static void mmu_map(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, world_slot(0, 16, 64, world_hva(WORLD_FILE, 0), 0), 0);
	KUNIT_EXPECT_EQ(test, world_level(16), 0);
	KUNIT_EXPECT_EQ(test, world_write(0, 16, 7), WORLD_OK);
	KUNIT_EXPECT_EQ(test, world_level(16), PT_LEVEL_4K);
	KUNIT_EXPECT_EQ(test, world_peek(world_hva(WORLD_FILE, 0)), 7);
	KUNIT_EXPECT_EQ(test, world.vcpu[0].faults, 1);
	KUNIT_EXPECT_EQ(test, world_read(1, 16), WORLD_OK);
	KUNIT_EXPECT_EQ(test, world.vcpu[1].faults, 0);
	/* Root and three below it. */
	KUNIT_EXPECT_EQ(test, atomic_long_read(&world.mv.tables), 4);
	KUNIT_EXPECT_EQ(test, world_write(0, 79, 7), WORLD_OK);
	KUNIT_EXPECT_EQ(test, world_write(0, 80, 7), WORLD_MMIO);
	KUNIT_EXPECT_EQ(test, world_write(0, 15, 7), WORLD_MMIO);
	KUNIT_EXPECT_TRUE(test, world_consistent(test));
}

static void mmu_spurious(struct kunit *test)
{
	u64 code = PF_ERR_USER | PF_ERR_WRITE;

	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 64, world_hva(WORLD_FILE, 0), 0), 0);
	KUNIT_EXPECT_EQ(test, world_fault(0, 1, code, NULL), MMU_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, world_fault(1, 1, code, NULL), MMU_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, world.vcpu[1].mmu.results[MMU_FAULT_SPURIOUS], 1);
}

static void mmu_host_unmaps(struct kunit *test)
{
	u64 value;
	gfn_t gfn;

	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 2048, world_hva(WORLD_FILE, 0), 0), 0);
	for (gfn = 0; gfn < 2048; gfn++)
		KUNIT_ASSERT_EQ(test, world_write(gfn % WORLD_VCPUS, gfn, gfn), WORLD_OK);
	KUNIT_EXPECT_EQ(test, world_mapped(PT_LEVEL_4K), 2048);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&world.mv.tables), 3 + 4);
	world_unmap(3, 1);
	KUNIT_EXPECT_EQ(test, world_mapped(PT_LEVEL_4K), 2047);
	KUNIT_EXPECT_GE(test, atomic_read(&world.flushes), 1);
	/* One whole table of leaves, parts of two. */
	world_unmap(500, 600);
	KUNIT_EXPECT_EQ(test, world_mapped(PT_LEVEL_4K), 2047 - 600);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&world.mv.tables), 3 + 3);
	KUNIT_EXPECT_TRUE(test, world_consistent(test));
	KUNIT_EXPECT_EQ(test, world_access(0, 600, false, &value), WORLD_OK);
	KUNIT_EXPECT_EQ(test, value, 600);
	KUNIT_EXPECT_TRUE(test, world_consistent(test));
}

static void mmu_host_frees(struct kunit *test)
{
	u64 value = ~0ull;

	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 64, world_hva(WORLD_FILE, 0), 0), 0);
	KUNIT_EXPECT_EQ(test, world_write(0, 5, 55), WORLD_OK);
	KUNIT_EXPECT_EQ(test, world_write(1, 6, 66), WORLD_OK);
	world_punch(5, 1);
	KUNIT_EXPECT_EQ(test, world_level(5), 0);
	KUNIT_EXPECT_EQ(test, world_access(0, 5, false, &value), WORLD_OK);
	KUNIT_EXPECT_EQ(test, value, 0);
	KUNIT_EXPECT_EQ(test, world_access(1, 6, false, &value), WORLD_OK);
	KUNIT_EXPECT_EQ(test, value, 66);
	KUNIT_EXPECT_TRUE(test, world_consistent(test));
}

/* Anonymous memory: reads share the zero page, the first write has its own. */
static void mmu_copy_on_write(struct kunit *test)
{
	hva_t hva = world_hva(WORLD_ANON, 0);
	u64 value = ~0ull;

	/* One page at the end of a 2M range that is in no other slot. */
	KUNIT_ASSERT_EQ(test, vm_munmap(hva, PAGE_SIZE), 0);
	KUNIT_ASSERT_EQ(test, world_slot(0, 511, 1, hva + 511 * PAGE_SIZE, 0), 0);
	KUNIT_EXPECT_EQ(test, world_access(0, 511, false, &value), WORLD_OK);
	KUNIT_EXPECT_EQ(test, value, 0);
	KUNIT_EXPECT_FALSE(test, world_writable(511));
	KUNIT_EXPECT_EQ(test, world_write(0, 511, 9), WORLD_OK);
	KUNIT_EXPECT_TRUE(test, world_writable(511));
	KUNIT_EXPECT_EQ(test, world_access(1, 511, false, &value), WORLD_OK);
	KUNIT_EXPECT_EQ(test, value, 9);
	KUNIT_EXPECT_TRUE(test, world_consistent(test));
}

static void mmu_large_pages(struct kunit *test)
{
	hva_t hva = world_hva(WORLD_ANON, 0);

	KUNIT_ASSERT_EQ(test, world_slot(0, 1024, 2048, hva, 0), 0);
	KUNIT_EXPECT_EQ(test, world_write(0, 1024, 9), WORLD_OK);
	KUNIT_ASSERT_EQ(test, world_level(1024), PT_LEVEL_2M);
	KUNIT_EXPECT_EQ(test, world_write(0, 1024 + 511, 9), WORLD_OK);
	KUNIT_EXPECT_EQ(test, world.vcpu[0].faults, 1);
	KUNIT_EXPECT_EQ(test, world_mapped(PT_LEVEL_2M), 1);
	KUNIT_EXPECT_TRUE(test, world_consistent(test));
	/* The host splits it: small ones come back. */
	KUNIT_EXPECT_EQ(test, vm_munmap(hva + 7 * PAGE_SIZE, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, world_mapped(PT_LEVEL_2M), 0);
	KUNIT_EXPECT_EQ(test, world_write(0, 1024, 9), WORLD_OK);
	KUNIT_EXPECT_EQ(test, world_level(1024), PT_LEVEL_4K);
	KUNIT_EXPECT_EQ(test, world_write(0, 1024 + 7, 9), -EFAULT);
	KUNIT_EXPECT_TRUE(test, world_consistent(test));
	/* hva and gfn do not agree about where 2M begin. */
	KUNIT_ASSERT_EQ(test, world_slot(1, 8192 + 1, 1024, hva + 2048 * PAGE_SIZE, 0), 0);
	KUNIT_EXPECT_EQ(test, world_write(0, 8192 + 513, 9), WORLD_OK);
	KUNIT_EXPECT_EQ(test, world_level(8192 + 513), PT_LEVEL_4K);
	KUNIT_EXPECT_TRUE(test, world_consistent(test));
}

static void mmu_slots(struct kunit *test)
{
	u64 value;

	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 1024, world_hva(WORLD_FILE, 0), 0), 0);
	KUNIT_ASSERT_EQ(test, world_slot(1, 2048, 64, world_hva(WORLD_FILE, 1024), 0), 0);
	KUNIT_EXPECT_EQ(test, world_write(0, 5, 55), WORLD_OK);
	KUNIT_EXPECT_EQ(test, world_write(0, 600, 66), WORLD_OK);
	KUNIT_EXPECT_EQ(test, world_write(1, 2050, 77), WORLD_OK);
	/* Onto itself: gfn 600 now has what gfn 88 had. */
	KUNIT_EXPECT_EQ(test, world_slot(0, 512, 1024, world_hva(WORLD_FILE, 0), 0), 0);
	KUNIT_EXPECT_EQ(test, world_read(0, 5), WORLD_MMIO);
	KUNIT_EXPECT_EQ(test, world_access(0, 517, false, &value), WORLD_OK);
	KUNIT_EXPECT_EQ(test, value, 55);
	KUNIT_EXPECT_EQ(test, world_access(1, 1112, false, &value), WORLD_OK);
	KUNIT_EXPECT_EQ(test, value, 66);
	/* Only what the slot mapped goes. */
	KUNIT_EXPECT_EQ(test, world_slot(0, 512, 0, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, world_mapped(PT_LEVEL_4K), 1);
	KUNIT_EXPECT_EQ(test, world_read(0, 517), WORLD_MMIO);
	KUNIT_EXPECT_TRUE(test, world_consistent(test));
}

static void mmu_mmio(struct kunit *test)
{
	struct mmu_fault fault;

	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 64, world_hva(WORLD_FILE, 0), 0), 0);
	KUNIT_EXPECT_EQ(test, world_fault(0, 0xfec00, PF_ERR_USER, &fault), MMU_FAULT_EMULATE);
	KUNIT_EXPECT_EQ(test, fault.goal, PT_LEVEL_1G);
	/* The second time, the entry says so: the slots were not looked at. */
	KUNIT_EXPECT_EQ(test, world_fault(0, 0xfec01, PF_ERR_USER, &fault), MMU_FAULT_EMULATE);
	KUNIT_EXPECT_EQ(test, fault.goal, 0);
	/* A new set of slots makes it void. */
	KUNIT_ASSERT_EQ(test, world_slot(1, 0xfec01, 1, world_hva(WORLD_FILE, 64), 0), 0);
	KUNIT_EXPECT_EQ(test, world_write(0, 0xfec01, 1), WORLD_OK);
	KUNIT_EXPECT_EQ(test, world_write(0, 0xfec00, 1), WORLD_MMIO);
	KUNIT_EXPECT_TRUE(test, world_consistent(test));
}

static void mmu_read_only(struct kunit *test)
{
	hva_t hva = world_hva(WORLD_FILE, 0);

	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 64, hva, KVM_MEM_READONLY), 0);
	KUNIT_EXPECT_EQ(test, world_write(0, 3, 1), WORLD_MMIO);
	KUNIT_EXPECT_EQ(test, world_read(0, 3), WORLD_OK);
	KUNIT_EXPECT_EQ(test, world_level(3), PT_LEVEL_4K);
	KUNIT_EXPECT_FALSE(test, world_writable(3));
	KUNIT_EXPECT_EQ(test, world_write(0, 3, 1), WORLD_MMIO);
	KUNIT_EXPECT_TRUE(test, world_consistent(test));
}

static void mmu_no_memory(struct kunit *test)
{
	hva_t hva = world_hva(WORLD_ANON, 0);
	struct mmu_fault fault;

	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 64, hva, 0), 0);
	KUNIT_EXPECT_EQ(test, world_write(0, 5, 1), WORLD_OK);
	KUNIT_ASSERT_EQ(test, vm_munmap(hva + 5 * PAGE_SIZE, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, world_fault(0, 5, PF_ERR_USER, &fault), -EFAULT);
	KUNIT_EXPECT_EQ(test, fault.memory_gpa, 5 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, fault.memory_size, PAGE_SIZE);
}

static void mmu_young(struct kunit *test)
{
	hva_t hva = world_hva(WORLD_FILE, 5);

	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 64, world_hva(WORLD_FILE, 0), 0), 0);
	KUNIT_EXPECT_FALSE(test, mem_young(&world.mem, hva, hva + PAGE_SIZE, true));
	KUNIT_EXPECT_EQ(test, world_read(0, 5), WORLD_OK);
	KUNIT_EXPECT_TRUE(test, mem_young(&world.mem, hva, hva + PAGE_SIZE, false));
	KUNIT_EXPECT_TRUE(test, mem_young(&world.mem, hva, hva + PAGE_SIZE, true));
	KUNIT_EXPECT_FALSE(test, mem_young(&world.mem, hva, hva + PAGE_SIZE, true));
	/* Another vCPU's TLB does not have it. */
	KUNIT_EXPECT_EQ(test, world_read(1, 5), WORLD_OK);
	KUNIT_EXPECT_TRUE(test, mem_young(&world.mem, hva, hva + PAGE_SIZE, true));
}

/* What never sleeps, where nobody may; the kernel watches (DEBUG_ATOMIC_SLEEP). */
static void mmu_atomic(struct kunit *test)
{
	hva_t hva = world_hva(WORLD_FILE, 0);
	gfn_t gfn;

	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 1024, hva, 0), 0);
	for (gfn = 0; gfn < 1024; gfn += 3)
		KUNIT_ASSERT_EQ(test, world_write(0, gfn, gfn), WORLD_OK);
	preempt_disable();
	mem_young(&world.mem, hva, hva + 1024 * PAGE_SIZE, true);
	mem_host_level(&world.mem, hva);
	mem_invalidate_begin(&world.mem, hva, hva + 700 * PAGE_SIZE, false);
	mem_invalidate_end(&world.mem, hva, hva + 700 * PAGE_SIZE);
	preempt_enable();
	KUNIT_EXPECT_EQ(test, world_mapped(PT_LEVEL_4K), 108);
}

/* An invalidation that is under way denies its range, and nothing else. */
static void mmu_invalidation(struct kunit *test)
{
	hva_t hva = world_hva(WORLD_FILE, 0);

	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 64, hva, 0), 0);
	KUNIT_EXPECT_EQ(test, world_read(0, 5), WORLD_OK);
	mem_invalidate_begin(&world.mem, hva + 5 * PAGE_SIZE, hva + 7 * PAGE_SIZE, true);
	KUNIT_EXPECT_EQ(test, world_fault(0, 4, PF_ERR_USER, NULL), MMU_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, world_fault(0, 5, PF_ERR_USER, NULL), MMU_FAULT_RETRY);
	KUNIT_EXPECT_EQ(test, world_fault(0, 6, PF_ERR_USER, NULL), MMU_FAULT_RETRY);
	KUNIT_EXPECT_EQ(test, world_fault(0, 7, PF_ERR_USER, NULL), MMU_FAULT_FIXED);
	mem_invalidate_end(&world.mem, hva + 5 * PAGE_SIZE, hva + 7 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, world_fault(0, 5, PF_ERR_USER, NULL), MMU_FAULT_FIXED);
}

static void mmu_zap_everything(struct kunit *test)
{
	gfn_t gfn;

	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 2048, world_hva(WORLD_FILE, 0), 0), 0);
	for (gfn = 0; gfn < 2048; gfn += 3)
		KUNIT_ASSERT_EQ(test, world_write(0, gfn, gfn), WORLD_OK);
	mmu_zap_all(&world.mv);
	KUNIT_EXPECT_EQ(test, world_mapped(PT_LEVEL_4K), 0);
	KUNIT_EXPECT_TRUE(test, world_consistent(test));
	KUNIT_EXPECT_EQ(test, world_write(0, 4, 4), WORLD_OK);
	mem_release(&world.mem);
	KUNIT_EXPECT_EQ(test, world_mapped(PT_LEVEL_4K), 0);
}

#ifdef CONFIG_FAULT_INJECTION
/* A fault at @gfn with its @nth allocation failing.  Return: did it come to that one? */
static bool mmu_fault_starved(gfn_t gfn, int nth, int *result)
{
	bool came;

	WRITE_ONCE(current->fail_nth, nth);
	*result = world_fault(0, gfn, PF_ERR_USER, NULL);
	came = !READ_ONCE(current->fail_nth);
	WRITE_ONCE(current->fail_nth, 0);
	return came;
}

/*
 * Each allocation of a fault fails once: those of two tables, a descriptor and a page
 * each, since every fault is in a 1G of its own; the host's page is there.  What the
 * kernel allocates to watch us may fail, too, and the fault does not mind; it comes
 * and goes, so that one of ours may be met twice, or not at all.
 */
static void mmu_out_of_memory(struct kunit *test)
{
	hva_t hva = world_hva(WORLD_FILE, 0);
	int nth, r, starved = 0;
	bool came = true;

	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 64, hva, 0), 0);
	KUNIT_ASSERT_EQ(test, world_write(0, 0, 7), WORLD_OK);
	for (nth = 1; came; nth++) {
		gfn_t gfn = nth * pt_level_pages(PT_LEVEL_1G);

		KUNIT_ASSERT_EQ(test, world_slot(0, gfn, 64, hva, 0), 0);
		came = mmu_fault_starved(gfn, nth, &r);
		if (r != MMU_FAULT_FIXED)
			KUNIT_ASSERT_EQ(test, r, -ENOMEM);
		starved += r == -ENOMEM;
		KUNIT_ASSERT_TRUE(test, world_consistent(test));
		/* With no table to spare, as it was. */
		mmu_destroy(&world.vcpu[0].mmu);
		KUNIT_ASSERT_EQ(test, mmu_init(&world.vcpu[0].mmu, &world.mv), 0);
		KUNIT_ASSERT_EQ(test, mmu_load(&world.vcpu[0].mmu), 0);
	}
	KUNIT_EXPECT_EQ(test, r, MMU_FAULT_FIXED);
	KUNIT_EXPECT_GE(test, starved, 3);
}
#else
static void mmu_out_of_memory(struct kunit *test)
{
	kunit_skip(test, "no fault injection in this kernel");
}
#endif

static struct kunit_case mmu_cases[] = {
	KUNIT_CASE(mmu_map),
	KUNIT_CASE(mmu_spurious),
	KUNIT_CASE(mmu_host_unmaps),
	KUNIT_CASE(mmu_host_frees),
	KUNIT_CASE(mmu_copy_on_write),
	KUNIT_CASE(mmu_large_pages),
	KUNIT_CASE(mmu_slots),
	KUNIT_CASE(mmu_mmio),
	KUNIT_CASE(mmu_read_only),
	KUNIT_CASE(mmu_no_memory),
	KUNIT_CASE(mmu_young),
	KUNIT_CASE(mmu_atomic),
	KUNIT_CASE(mmu_invalidation),
	KUNIT_CASE(mmu_zap_everything),
	KUNIT_CASE(mmu_out_of_memory),
	{}
};

static struct kunit_suite mmu_suite = {
	.name = "quire-mmu",
	.init = world_init,
	.exit = world_exit,
	.test_cases = mmu_cases,
};

kunit_test_suite(mmu_suite);
