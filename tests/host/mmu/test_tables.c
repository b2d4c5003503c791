// SPDX-License-Identifier: GPL-2.0-only
/*
 * Direct tables, one thing at a time: map, unmap, permissions, sizes, MMIO,
 * dirty logging, failing allocations.
 */
#include <time.h>

#include "../../../src/mmu/iter.h"
#include "world.h"

#define PAGES_2M	512ull
#define PAGES_1G	(512ull * 512)

static long mapped(int level)
{
	return atomic_long_read(&world.mv.pages[level]);
}

static int level_of(gfn_t gfn)
{
	bool writable;
	u64 pfn;

	return world_walk(gfn, &pfn, &writable);
}

static void check_map(void)
{
	CHECK_EQ(world_slot(0, 16, 64, 0, 0), 0);
	CHECK_EQ(level_of(16), 0);
	CHECK_EQ(world_write(0, 16, 7), WORLD_OK);
	CHECK_EQ(level_of(16), PT_LEVEL_4K);
	CHECK_EQ(world.vcpu[0].faults, 1);
	CHECK_EQ(world_read(1, 16), WORLD_OK);
	CHECK_EQ(world.vcpu[1].faults, 0);
	CHECK_EQ(mapped(PT_LEVEL_4K), 1);
	/* Root and three below it. */
	CHECK_EQ(atomic_long_read(&world.mv.tables), 4);
	CHECK_EQ(world_write(0, 79, 7), WORLD_OK);
	CHECK_EQ(world_write(0, 80, 7), WORLD_MMIO);
	CHECK_EQ(world_write(0, 15, 7), WORLD_MMIO);
	CHECK(world_consistent());
}

static void check_spurious(void)
{
	u64 code = PF_ERR_USER | PF_ERR_WRITE;

	CHECK_EQ(world_slot(0, 0, 64, 0, 0), 0);
	CHECK_EQ(world_fault(0, 1, code, NULL), MMU_FAULT_FIXED);
	CHECK_EQ(world_fault(1, 1, code, NULL), MMU_FAULT_SPURIOUS);
	CHECK_EQ(world.host.lookups, 2);
	CHECK_EQ(world.vcpu[0].mmu.results[MMU_FAULT_FIXED], 1);
	CHECK_EQ(world.vcpu[1].mmu.results[MMU_FAULT_SPURIOUS], 1);
	CHECK_EQ(world.vcpu[0].mmu.mapped[PT_LEVEL_4K], 1);
	CHECK_EQ(world.vcpu[1].mmu.mapped[PT_LEVEL_4K], 0);
}

/* Whoever does not want to wait for the host learns where the page is missing. */
static void check_nowait(void)
{
	struct mmu_fault fault = {
		.addr = 5 << 12, .error_code = PF_ERR_USER | PF_ERR_WRITE, .nowait = true,
	};
	struct mmu *mmu = &world.vcpu[0].mmu;
	int idx;

	CHECK_EQ(world_slot(0, 0, 64, 2, 0), 0);
	CHECK_EQ(world_slot(1, 128, 64, 2, 0), 0);
	idx = mem_read_lock(&world.mem);
	CHECK_EQ(mmu_load(mmu), 0);
	CHECK_EQ(mmu_fault(mmu, &fault), MMU_FAULT_ABSENT);
	CHECK_EQ(fault.hva, HOST_HVA + (5 + 2) * PAGE_SIZE);
	CHECK(fault.write);
	CHECK_EQ(mapped(PT_LEVEL_4K), 0);
	fault.nowait = false;
	CHECK_EQ(mmu_fault(mmu, &fault), MMU_FAULT_FIXED);
	/* What is there needs no waiting. */
	fault.addr = (128 + 5) << 12;
	fault.nowait = true;
	CHECK_EQ(mmu_fault(mmu, &fault), MMU_FAULT_FIXED);
	mem_read_unlock(&world.mem, idx);
	CHECK(world_consistent());
}

static void check_unmap(void)
{
	gfn_t gfn;

	CHECK_EQ(world_slot(0, 0, 2048, 0, 0), 0);
	for (gfn = 0; gfn < 2048; gfn++)
		CHECK_EQ(world_write(gfn % WORLD_VCPUS, gfn, gfn), WORLD_OK);
	CHECK_EQ(mapped(PT_LEVEL_4K), 2048);
	CHECK_EQ(atomic_long_read(&world.mv.tables), 3 + 4);
	host_unmap(3, 1);
	CHECK_EQ(mapped(PT_LEVEL_4K), 2047);
	CHECK_EQ(world.flushes, 1);
	/* One whole table of leaves, parts of two. */
	host_unmap(500, 600);
	CHECK_EQ(mapped(PT_LEVEL_4K), 2047 - 600);
	CHECK_EQ(atomic_long_read(&world.mv.tables), 3 + 3);
	CHECK(world_consistent());
	CHECK_EQ(world_read(0, 600), WORLD_OK);
	CHECK(world_consistent());
	/* Nothing there, nothing to flush. */
	world.flushes = 0;
	host_unmap(4096, 16);
	CHECK_EQ(world.flushes, 0);
}

static void check_slot_delete(void)
{
	gfn_t gfn;

	CHECK_EQ(world_slot(0, 0, 1024, 0, 0), 0);
	CHECK_EQ(world_slot(1, 1024, 1024, 1024, 0), 0);
	for (gfn = 0; gfn < 2048; gfn += 8)
		CHECK_EQ(world_write(0, gfn, gfn), WORLD_OK);
	CHECK_EQ(world_slot(0, 0, 0, 0, 0), 0);
	/* Only what the slot mapped goes. */
	CHECK_EQ(mapped(PT_LEVEL_4K), 128);
	CHECK_EQ(world_write(0, 8, 1), WORLD_MMIO);
	CHECK_EQ(world_write(0, 1024, 1), WORLD_OK);
	CHECK(world_consistent());
}

static void check_slot_move(void)
{
	u64 value;

	CHECK_EQ(world_slot(0, 0, 1024, 0, 0), 0);
	CHECK_EQ(world_write(0, 5, 55), WORLD_OK);
	CHECK_EQ(world_write(0, 600, 66), WORLD_OK);
	/* Onto itself: gfn 600 now has what gfn 88 had. */
	CHECK_EQ(world_slot(0, 512, 1024, 0, 0), 0);
	CHECK_EQ(world_read(0, 5), WORLD_MMIO);
	CHECK_EQ(world_access(0, 517, false, &value), WORLD_OK);
	CHECK_EQ(value, 55);
	CHECK_EQ(world_access(1, 1112, false, &value), WORLD_OK);
	CHECK_EQ(value, 66);
	CHECK(world_consistent());
}

static void check_mmio(void)
{
	struct mmu_fault fault;
	long tables;

	CHECK_EQ(world_slot(0, 0, 64, 0, 0), 0);
	CHECK_EQ(world_fault(0, 0xfec00, PF_ERR_USER, &fault), MMU_FAULT_EMULATE);
	CHECK_EQ(fault.goal, PT_LEVEL_1G);
	tables = atomic_long_read(&world.mv.tables);
	CHECK_EQ(tables, 2);
	/* The second time, the entry says so: the slots were not looked at. */
	CHECK_EQ(world_fault(0, 0xfec01, PF_ERR_USER, &fault), MMU_FAULT_EMULATE);
	CHECK_EQ(fault.goal, 0);
	/* A new set of slots makes it void. */
	CHECK_EQ(world_slot(1, 0xfec01, 1, 64, 0), 0);
	CHECK_EQ(world_write(0, 0xfec01, 1), WORLD_OK);
	CHECK_EQ(world_write(0, 0xfec00, 1), WORLD_MMIO);
	CHECK_EQ(world_slot(1, 0xfec01, 0, 0, 0), 0);
	CHECK_EQ(world_write(0, 0xfec01, 1), WORLD_MMIO);
	/* Beyond what the tables can say. */
	CHECK_EQ(world_fault(0, 1ull << 36, PF_ERR_USER, NULL), MMU_FAULT_EMULATE);
	CHECK(world_consistent());
}

static void check_read_only(void)
{
	bool writable;
	u64 pfn;

	CHECK_EQ(world_slot(0, 0, 64, 0, KVM_MEM_READONLY), 0);
	CHECK_EQ(world_write(0, 3, 1), WORLD_MMIO);
	CHECK_EQ(world_read(0, 3), WORLD_OK);
	CHECK_EQ(world_walk(3, &pfn, &writable), PT_LEVEL_4K);
	CHECK(!writable);
	CHECK_EQ(world_write(0, 3, 1), WORLD_MMIO);
	CHECK(world_consistent());
}

static void check_host_read_only(void)
{
	bool writable;
	u64 pfn;

	world.host.shared_reads = true;
	CHECK_EQ(world_slot(0, 0, 64, 0, 0), 0);
	CHECK_EQ(world_read(0, 3), WORLD_OK);
	CHECK_EQ(world_walk(3, &pfn, &writable), PT_LEVEL_4K);
	CHECK(!writable);
	/* Breaks copy-on-write: another frame. */
	CHECK_EQ(world_write(0, 3, 1), WORLD_OK);
	CHECK_EQ(world_walk(3, &pfn, &writable), PT_LEVEL_4K);
	CHECK(writable);
	host_write_protect(3);
	CHECK_EQ(world_write(0, 3, 1), WORLD_OK);
	CHECK(world_consistent());
}

static void check_no_memory(void)
{
	struct mmu_fault fault;

	CHECK_EQ(world_slot(0, 0, 64, 0, 0), 0);
	host_hole(5, 1);
	CHECK_EQ(world_fault(0, 5, PF_ERR_USER, &fault), -EFAULT);
	CHECK_EQ(fault.memory_gpa, 5 * PAGE_SIZE);
	CHECK_EQ(fault.memory_size, PAGE_SIZE);
}

static void check_alloc_fails(void)
{
	int n;

	CHECK_EQ(world_slot(0, 0, 64, 0, 0), 0);
	for (n = 0; n < 6; n++) {
		shim_fail_after = n;
		CHECK_EQ(world_fault(0, 5, PF_ERR_USER, NULL), -ENOMEM);
		CHECK_EQ(shim_fail_after, -1);
		CHECK(world_consistent());
		mmu_destroy(&world.vcpu[0].mmu);
		CHECK_EQ(mmu_init(&world.vcpu[0].mmu, &world.mv), 0);
		CHECK_EQ(mmu_load(&world.vcpu[0].mmu), 0);
	}
	shim_fail_after = 6;
	CHECK_EQ(world_fault(0, 5, PF_ERR_USER, NULL), MMU_FAULT_FIXED);
	shim_fail_after = -1;
}

static void check_huge(void)
{
	bool writable;
	u64 pfn;

	CHECK_EQ(world_slot(0, PAGES_1G, 4 * PAGES_2M, 512, 0), 0);
	world.host.huge = true;
	CHECK_EQ(world_read(0, PAGES_1G + 700), WORLD_OK);
	CHECK_EQ(world_walk(PAGES_1G + 700, &pfn, &writable), PT_LEVEL_2M);
	CHECK(writable);
	CHECK_EQ(world_write(0, PAGES_1G + 512, 9), WORLD_OK);
	CHECK_EQ(mapped(PT_LEVEL_2M), 1);
	CHECK_EQ(world.vcpu[0].faults, 1);
	CHECK_EQ(world.vcpu[0].mmu.mapped[PT_LEVEL_2M], 1);
	CHECK_EQ(world.vcpu[0].mmu.mapped[PT_LEVEL_4K], 0);
	CHECK_EQ(atomic_long_read(&world.mv.tables), 3);
	CHECK(world_consistent());
	/* The host splits it: small ones come back. */
	host_split(512 + 512);
	CHECK_EQ(mapped(PT_LEVEL_2M), 0);
	CHECK_EQ(world_read(0, PAGES_1G + 512), WORLD_OK);
	CHECK_EQ(level_of(PAGES_1G + 512), PT_LEVEL_4K);
	/* And collapses it. */
	host_collapse(512 + 512);
	CHECK_EQ(mapped(PT_LEVEL_4K), 0);
	CHECK_EQ(world_read(0, PAGES_1G + 512), WORLD_OK);
	CHECK_EQ(level_of(PAGES_1G + 512), PT_LEVEL_2M);
	CHECK(world_consistent());
}

static void check_huge_alignment(void)
{
	world.host.huge = true;
	/* hva and gfn do not agree about where 2M begin. */
	CHECK_EQ(world_slot(0, 512, 2048, 100, 0), 0);
	CHECK_EQ(world_read(0, 600), WORLD_OK);
	CHECK_EQ(level_of(600), PT_LEVEL_4K);
	/* The slot ends in the middle of one, and begins there. */
	CHECK_EQ(world_slot(1, 8192 + 10, 1000, 8192 + 10, 0), 0);
	CHECK_EQ(world_read(0, 8192 + 20), WORLD_OK);
	CHECK_EQ(level_of(8192 + 20), PT_LEVEL_4K);
	CHECK_EQ(world_read(0, 8192 + 600), WORLD_OK);
	CHECK_EQ(level_of(8192 + 600), PT_LEVEL_4K);
	CHECK_EQ(world_slot(2, 16384 + 10, 1100, 16384 + 10, 0), 0);
	CHECK_EQ(world_read(0, 16384 + 600), WORLD_OK);
	CHECK_EQ(level_of(16384 + 600), PT_LEVEL_2M);
	CHECK(world_consistent());
}

static void check_gigabyte(void)
{
	CHECK_EQ(world_slot(0, 0, PAGES_1G, 0, 0), 0);
	host_map(0, PT_LEVEL_1G, true);
	CHECK_EQ(world_write(0, 12345, 1), WORLD_OK);
	CHECK_EQ(level_of(12345), PT_LEVEL_1G);
	CHECK_EQ(atomic_long_read(&world.mv.tables), 2);
	host_split(0);
	CHECK_EQ(world_write(0, 12345, 1), WORLD_OK);
	CHECK_EQ(level_of(12345), PT_LEVEL_4K);
	CHECK(world_consistent());
}

/* Small leaves under a large page, as they are left when a log ends late. */
static void check_merge_in_place(void)
{
	CHECK_EQ(world_slot(0, 0, 1024, 0, KVM_MEM_LOG_DIRTY_PAGES), 0);
	host_map(0, PT_LEVEL_2M, true);
	CHECK_EQ(world_write(0, 1, 1), WORLD_OK);
	CHECK_EQ(world_write(0, 2, 2), WORLD_OK);
	CHECK_EQ(mapped(PT_LEVEL_4K), 2);
	host_map(512, PT_LEVEL_4K, true);
	CHECK_EQ(world_write(0, 512, 2), WORLD_OK);
	CHECK_EQ(world_slot(0, 0, 1024, 0, 0), 0);
	/* Only the table that the host has as one page went. */
	CHECK_EQ(mapped(PT_LEVEL_4K), 1);
	CHECK_EQ(world_read(0, 3), WORLD_OK);
	CHECK_EQ(mapped(PT_LEVEL_2M), 1);
	CHECK(world_consistent());
}

static int harvest(u32 id, unsigned long *bitmap)
{
	struct kvm_dirty_log log = { .slot = id, .dirty_bitmap = bitmap };

	return mem_get_dirty_log(&world.mem, &log);
}

static void check_dirty_log(void)
{
	unsigned long bitmap[2];

	CHECK_EQ(world_slot(0, 0, 100, 0, 0), 0);
	CHECK_EQ(harvest(0, bitmap), -ENOENT);
	CHECK_EQ(harvest(1, bitmap), -ENOENT);
	CHECK_EQ(harvest(1 << 16, bitmap), -EINVAL);
	CHECK_EQ(world_write(0, 1, 1), WORLD_OK);
	CHECK_EQ(world_slot(0, 0, 100, 0, KVM_MEM_LOG_DIRTY_PAGES), 0);
	CHECK(world_consistent());
	CHECK_EQ(harvest(0, bitmap), 0);
	CHECK_EQ(bitmap[0] | bitmap[1], 0);
	CHECK_EQ(world_write(0, 1, 2), WORLD_OK);
	CHECK_EQ(world_read(0, 2), WORLD_OK);
	CHECK_EQ(world_write(1, 99, 2), WORLD_OK);
	CHECK_EQ(harvest(0, (void *)HOST_HVA), -EFAULT);
	CHECK_EQ(harvest(0, bitmap), 0);
	CHECK_EQ(bitmap[0], 2);
	CHECK_EQ(bitmap[1], 1ul << (99 - 64));
	CHECK(world_consistent());
	CHECK_EQ(harvest(0, bitmap), 0);
	CHECK_EQ(bitmap[0] | bitmap[1], 0);
	/* A page that was only protected needs no look at the host. */
	world.host.lookups = 0;
	CHECK_EQ(world_write(0, 1, 3), WORLD_OK);
	CHECK_EQ(world_write(0, 2, 3), WORLD_OK);
	CHECK_EQ(world.host.lookups, 0);
	CHECK_EQ(world.vcpu[0].mmu.granted, 3);
	CHECK_EQ(harvest(0, bitmap), 0);
	CHECK_EQ(bitmap[0], 6);
}

static void check_dirty_log_huge(void)
{
	unsigned long bitmap[16];
	u64 value;

	CHECK_EQ(world_slot(0, 0, 1024, 0, 0), 0);
	host_map(0, PT_LEVEL_2M, true);
	host_map(512, PT_LEVEL_2M, true);
	CHECK_EQ(world_write(0, 5, 5), WORLD_OK);
	CHECK_EQ(world_write(0, 600, 6), WORLD_OK);
	CHECK_EQ(mapped(PT_LEVEL_2M), 2);
	CHECK_EQ(world_slot(0, 0, 1024, 0, KVM_MEM_LOG_DIRTY_PAGES), 0);
	CHECK_EQ(mapped(PT_LEVEL_2M), 2);
	CHECK(world_consistent());
	/* A read goes on through the large leaf, a write splits it. */
	CHECK_EQ(world_access(0, 5, false, &value), WORLD_OK);
	CHECK_EQ(value, 5);
	CHECK_EQ(mapped(PT_LEVEL_2M), 2);
	CHECK_EQ(world_write(0, 7, 7), WORLD_OK);
	CHECK_EQ(mapped(PT_LEVEL_2M), 1);
	CHECK_EQ(mapped(PT_LEVEL_4K), 512);
	CHECK(world_consistent());
	CHECK_EQ(harvest(0, bitmap), 0);
	CHECK_EQ(bitmap[0], 1 << 7);
	CHECK_EQ(world_access(1, 5, false, &value), WORLD_OK);
	CHECK_EQ(value, 5);
	/* Large ones come back when it ends. */
	CHECK_EQ(world_slot(0, 0, 1024, 0, 0), 0);
	CHECK_EQ(world_write(0, 7, 8), WORLD_OK);
	CHECK_EQ(mapped(PT_LEVEL_2M), 2);
	CHECK(world_consistent());
}

/* Between the split of a leaf in a spare table and its exchange another vCPU is faster. */
static bool split_filled;

static void *write_beside(void *arg)
{
	world_write(1, 7, 7);
	return NULL;
}

static void write_before_split(void)
{
	pthread_t thread;

	split_filled |= world.vcpu[0].mmu.nr_spare > 0;
	if (!split_filled || world.vcpu[0].mmu.nr_spare)
		return;
	shim_hooks.race_point = NULL;
	pthread_create(&thread, NULL, write_beside, NULL);
	pthread_join(thread, NULL);
}

static void check_split_race(void)
{
	CHECK_EQ(world_slot(0, 0, 2048, 0, 0), 0);
	host_map(0, PT_LEVEL_2M, true);
	CHECK_EQ(world_read(0, 5), WORLD_OK);
	CHECK_EQ(world_slot(0, 0, 2048, 0, KVM_MEM_LOG_DIRTY_PAGES), 0);
	split_filled = false;
	shim_hooks.race_point = write_before_split;
	CHECK_EQ(world_write(0, 5, 5), WORLD_OK);
	CHECK(!shim_hooks.race_point);
	CHECK_EQ(mapped(PT_LEVEL_4K), 512);
	/* The table that came too late is empty again, and good for another place. */
	CHECK_EQ(world.vcpu[0].mmu.nr_spare, 1);
	CHECK_EQ(world_write(0, 1024, 1), WORLD_OK);
	CHECK_EQ(world.vcpu[0].mmu.nr_spare, 0);
	CHECK_EQ(mapped(PT_LEVEL_4K), 513);
	CHECK(world_consistent());
}

/* The first write splits twice: the 2M leaves in between are leaves. */
static void check_dirty_log_gigabyte(void)
{
	u64 value;

	CHECK_EQ(world_slot(0, 0, PAGES_1G, 0, 0), 0);
	host_map(0, PT_LEVEL_1G, true);
	CHECK_EQ(world_write(0, 12345, 5), WORLD_OK);
	CHECK_EQ(mapped(PT_LEVEL_1G), 1);
	CHECK_EQ(world_slot(0, 0, PAGES_1G, 0, KVM_MEM_LOG_DIRTY_PAGES), 0);
	CHECK_EQ(world_write(0, 7, 7), WORLD_OK);
	CHECK_EQ(mapped(PT_LEVEL_1G), 0);
	CHECK_EQ(mapped(PT_LEVEL_2M), 511);
	CHECK_EQ(mapped(PT_LEVEL_4K), 512);
	CHECK_EQ(level_of(12345), PT_LEVEL_2M);
	CHECK_EQ(world_access(1, 12345, false, &value), WORLD_OK);
	CHECK_EQ(value, 5);
	CHECK(world_consistent());
}

static void check_young(void)
{
	hva_t hva = HOST_HVA + 5 * PAGE_SIZE;

	CHECK_EQ(world_slot(0, 0, 64, 0, 0), 0);
	CHECK(!mem_young(&world.mem, hva, hva + PAGE_SIZE, true));
	CHECK_EQ(world_read(0, 5), WORLD_OK);
	CHECK(mem_young(&world.mem, hva, hva + PAGE_SIZE, false));
	CHECK(mem_young(&world.mem, hva, hva + PAGE_SIZE, true));
	CHECK(!mem_young(&world.mem, hva, hva + PAGE_SIZE, true));
	/* Another vCPU's TLB does not have it. */
	CHECK_EQ(world_read(1, 5), WORLD_OK);
	CHECK(mem_young(&world.mem, hva, hva + PAGE_SIZE, true));
	CHECK(world_consistent());
}

/* An invalidation that is under way denies its range, and nothing else. */
static void check_invalidation(void)
{
	CHECK_EQ(world_slot(0, 0, 64, 0, 0), 0);
	CHECK_EQ(world_read(0, 5), WORLD_OK);
	mem_invalidate_begin(&world.mem, HOST_HVA + 5 * PAGE_SIZE,
			     HOST_HVA + 7 * PAGE_SIZE, true);
	CHECK_EQ(world_fault(0, 4, PF_ERR_USER, NULL), MMU_FAULT_FIXED);
	CHECK_EQ(world_fault(0, 5, PF_ERR_USER, NULL), MMU_FAULT_RETRY);
	CHECK_EQ(world_fault(0, 6, PF_ERR_USER, NULL), MMU_FAULT_RETRY);
	CHECK_EQ(world_fault(0, 7, PF_ERR_USER, NULL), MMU_FAULT_FIXED);
	mem_invalidate_end(&world.mem, HOST_HVA + 5 * PAGE_SIZE, HOST_HVA + 7 * PAGE_SIZE);
	CHECK_EQ(world_fault(0, 5, PF_ERR_USER, NULL), MMU_FAULT_FIXED);
	CHECK(world_consistent());
}

/* Invalidations that begin and end between the lookup and the installation. */
static u32 ended_page, ended_times;

static void invalidate_after_lookup(void)
{
	hva_t hva = HOST_HVA + ended_page * PAGE_SIZE;
	u32 i;

	for (i = 0; i < ended_times; i++) {
		mem_invalidate_begin(&world.mem, hva, hva + PAGE_SIZE, true);
		mem_invalidate_end(&world.mem, hva, hva + PAGE_SIZE);
	}
}

/* Return: how often a fault on @gfn had to look at the host. */
static unsigned long lookups_for(gfn_t gfn, u32 page, u32 times)
{
	unsigned long before = world.host.lookups;

	ended_page = page;
	ended_times = times;
	world.after_lookup = invalidate_after_lookup;
	if (world_fault(0, gfn, PF_ERR_USER, NULL) != MMU_FAULT_FIXED)
		return 0;
	return world.host.lookups - before;
}

static void check_ended_invalidation(void)
{
	CHECK_EQ(world_slot(0, 0, 2048, 0, 0), 0);
	for (gfn_t gfn = 1; gfn < 6; gfn++)
		host_map(gfn, PT_LEVEL_4K, true);
	/* Of the page itself: all over again. */
	CHECK_EQ(lookups_for(1, 1, 1), 2);
	/* Of its neighbour: what does it matter? */
	CHECK_EQ(lookups_for(2, 3, 1), 1);
	CHECK_EQ(lookups_for(3, 2, MEM_ENDED), 1);
	/* More than are remembered. */
	CHECK_EQ(lookups_for(4, 2, MEM_ENDED + 1), 2);
	/* Of a part of the large page that it would map. */
	host_map(512, PT_LEVEL_2M, true);
	CHECK_EQ(lookups_for(600, 1000, 1), 2);
	CHECK_EQ(level_of(600), PT_LEVEL_2M);
	CHECK(world_consistent());
}

/* Somebody waits all the time: each piece of the work is done all the same. */
static unsigned long contentions;

static bool always_contended(void)
{
	return ++contentions < 100000;
}

static void check_contended_walks(void)
{
	unsigned long bitmap[32];
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = bitmap };
	gfn_t gfn;

	CHECK_EQ(world_slot(0, 0, 2048, 0, 0), 0);
	for (gfn = 0; gfn < 2048; gfn++)
		CHECK_EQ(world_write(0, gfn, gfn), WORLD_OK);
	contentions = 0;
	shim_hooks.contended = always_contended;
	host_unmap(100, 200);
	CHECK_EQ(world_slot(0, 0, 2048, 0, KVM_MEM_LOG_DIRTY_PAGES), 0);
	for (gfn = 0; gfn < 2048; gfn += 2)
		CHECK_EQ(world_write(0, gfn, gfn), WORLD_OK);
	CHECK_EQ(mem_get_dirty_log(&world.mem, &log), 0);
	CHECK_EQ(world_slot(0, 0, 2048, 0, 0), 0);
	CHECK_EQ(world_slot(0, 0, 0, 0, 0), 0);
	shim_hooks.contended = NULL;
	CHECK(contentions > 4096 && contentions < 20000);
	CHECK_EQ(mapped(PT_LEVEL_4K), 0);
	CHECK(world_consistent());
}

/* More invalidations than are remembered, of which the first was the page's own. */
static void invalidate_many(void)
{
	int i;

	host_unmap(5, 1);
	for (i = 0; i < 2 * MEM_ENDED; i++)
		host_unmap(40, 1);
}

static void check_invalidations_forgotten(void)
{
	CHECK_EQ(world_slot(0, 0, 64, 0, 0), 0);
	world.after_lookup = invalidate_many;
	CHECK_EQ(world_write(0, 5, 1), WORLD_OK);
	CHECK(world_consistent());
}

/* Between a change and its flush, the host wants the page: it must not wait. */
static bool late_cached;

static void invalidate_before_flush(void)
{
	mem_invalidate_begin(&world.mem, HOST_HVA, HOST_HVA + PAGE_SIZE, true);
	late_cached = world_cached(1, 0);
	mem_invalidate_end(&world.mem, HOST_HVA, HOST_HVA + PAGE_SIZE);
}

static void check_pending_flush(void)
{
	CHECK_EQ(world_slot(0, 0, 64, 0, 0), 0);
	CHECK_EQ(world_write(1, 0, 1), WORLD_OK);
	CHECK(world_cached(1, 0));
	world.before_flush = invalidate_before_flush;
	late_cached = true;
	CHECK_EQ(world_slot(0, 0, 0, 0, 0), 0);
	CHECK(!late_cached);
}

/* A slot that left the set, but not yet the tables, is still found by its hva. */
static void invalidate_leaving(void)
{
	bool writable;
	u64 pfn;

	shim_hooks.on_synchronize = NULL;
	mem_invalidate_begin(&world.mem, HOST_HVA, HOST_HVA + PAGE_SIZE, true);
	late_cached = world_walk(16, &pfn, &writable) || world_cached(1, 16);
	mem_invalidate_end(&world.mem, HOST_HVA, HOST_HVA + PAGE_SIZE);
}

static void check_leaving_slot(void)
{
	CHECK_EQ(world_slot(0, 16, 64, 0, 0), 0);
	CHECK_EQ(world_write(1, 16, 1), WORLD_OK);
	shim_hooks.on_synchronize = invalidate_leaving;
	late_cached = true;
	CHECK_EQ(world_slot(0, 512, 64, 0, 0), 0);
	CHECK(!late_cached);
}

/* A table that dies stays readable, and refuses, until walkers have left. */
static void *unmap_table(void *arg)
{
	host_unmap(0, 512);
	return NULL;
}

static void check_dead_table(void)
{
	struct timespec pause = { .tv_nsec = 1000000 };
	struct spte_pos pos;
	pthread_t thread;

	CHECK_EQ(world_slot(0, 0, 512, 0, 0), 0);
	CHECK_EQ(world_write(0, 5, 1), WORLD_OK);
	rcu_read_lock();
	spte_lookup(world.vcpu[0].mmu.root, 5, PT_LEVEL_4K, &pos);
	pthread_create(&thread, NULL, unmap_table, NULL);
	while (READ_ONCE(world.mv.pages[PT_LEVEL_4K].counter))
		nanosleep(&pause, NULL);
	/* Let it come as far as it can. */
	pause.tv_nsec = 50000000;
	nanosleep(&pause, NULL);
	CHECK_EQ(READ_ONCE(*pos.sptep), SPTE_FROZEN);
	rcu_read_unlock();
	pthread_join(thread, NULL);
}

static void check_zap_all(void)
{
	gfn_t gfn;

	CHECK_EQ(world_slot(0, 0, 2048, 0, 0), 0);
	for (gfn = 0; gfn < 2048; gfn += 3)
		CHECK_EQ(world_write(0, gfn, gfn), WORLD_OK);
	mmu_zap_all(&world.mv);
	CHECK_EQ(mapped(PT_LEVEL_4K), 0);
	CHECK(world_consistent());
	CHECK_EQ(world_write(0, 4, 4), WORLD_OK);
	mem_release(&world.mem);
	CHECK_EQ(mapped(PT_LEVEL_4K), 0);
}

/* 1G by 4K and by 2M: what the kernel pays. */
static void check_footprint(void)
{
	gfn_t gfn;

	CHECK_EQ(world_slot(0, PAGES_1G, PAGES_1G, 0, 0), 0);
	for (gfn = 0; gfn < PAGES_1G; gfn++)
		CHECK_EQ(world_write(0, PAGES_1G + gfn, 1), WORLD_OK);
	CHECK_EQ(mapped(PT_LEVEL_4K), PAGES_1G);
	CHECK_EQ(shim_pages, 3 + 512);
	CHECK(mmu_memory_used(&world.mv) <= 515 * (4096 + 64));
	printf("# 1G by 4K: %llu bytes\n", (long long)mmu_memory_used(&world.mv));
	host_unmap(0, PAGES_1G);
	world.host.huge = true;
	for (gfn = 0; gfn < PAGES_1G; gfn += 512)
		CHECK_EQ(world_write(0, PAGES_1G + gfn, 1), WORLD_OK);
	rcu_barrier();
	CHECK_EQ(mapped(PT_LEVEL_2M), 512);
	CHECK_EQ(shim_pages, 3);
	printf("# 1G by 2M: %llu bytes\n", (long long)mmu_memory_used(&world.mv));
}

static void check_unsupported(void)
{
	struct mmu_caps caps = { .format = &pt_format_4level, .max_leaf = 3 };

	CHECK_EQ(mmu_module_init(&caps), -EOPNOTSUPP);
	caps.tdp = true;
	caps.max_leaf = 4;
	CHECK_EQ(mmu_module_init(&caps), -EOPNOTSUPP);
	caps.format = NULL;
	CHECK_EQ(mmu_module_init(&caps), -EOPNOTSUPP);
}

/* A slot that no table can reach would be memory that is emulated for ever. */
static void check_gpa_bits(void)
{
	struct mmu_caps caps = { .tdp = true, .format = &pt_format_4level, .max_leaf = 3,
				 .phys_bits = 52 };

	CHECK_EQ(mmu_module_init(&caps), 0);
	CHECK_EQ(mmu_gpa_bits(), 48);
	mmu_module_exit();
	caps.phys_bits = 40;
	CHECK_EQ(mmu_module_init(&caps), 0);
	CHECK_EQ(mmu_gpa_bits(), 40);
	mmu_module_exit();
	caps.format = &pt_format_5level;
	caps.phys_bits = 52;
	CHECK_EQ(mmu_module_init(&caps), 0);
	CHECK_EQ(mmu_gpa_bits(), 52);
	mmu_module_exit();
}

#define IN_WORLD(test) static void test(void) { world_begin(3); check_##test(); world_end(); }

IN_WORLD(map)
IN_WORLD(spurious)
IN_WORLD(nowait)
IN_WORLD(unmap)
IN_WORLD(slot_delete)
IN_WORLD(slot_move)
IN_WORLD(mmio)
IN_WORLD(read_only)
IN_WORLD(host_read_only)
IN_WORLD(no_memory)
IN_WORLD(alloc_fails)
IN_WORLD(huge)
IN_WORLD(huge_alignment)
IN_WORLD(gigabyte)
IN_WORLD(merge_in_place)
IN_WORLD(dirty_log)
IN_WORLD(dirty_log_huge)
IN_WORLD(dirty_log_gigabyte)
IN_WORLD(split_race)
IN_WORLD(young)
IN_WORLD(invalidation)
IN_WORLD(ended_invalidation)
IN_WORLD(contended_walks)
IN_WORLD(invalidations_forgotten)
IN_WORLD(pending_flush)
IN_WORLD(leaving_slot)
IN_WORLD(dead_table)
IN_WORLD(zap_all)
IN_WORLD(footprint)

static const struct tap_test tests[] = {
	{ "a fault maps a page for all vCPUs", map },
	{ "a fault that another vCPU has handled", spurious },
	{ "a fault that does not wait for the host", nowait },
	{ "the host takes pages back", unmap },
	{ "a slot that is deleted loses its pages and no others", slot_delete },
	{ "a slot that moves onto itself", slot_move },
	{ "MMIO entries and their generation", mmio },
	{ "read-only slots", read_only },
	{ "pages that the host shares", host_read_only },
	{ "memory that the VMM has not mapped", no_memory },
	{ "every allocation fails once", alloc_fails },
	{ "2M pages, split and merged by the host", huge },
	{ "what keeps a page from being mapped large", huge_alignment },
	{ "1G pages", gigabyte },
	{ "large pages come back where the host has them", merge_in_place },
	{ "dirty log", dirty_log },
	{ "dirty log over large pages", dirty_log_huge },
	{ "two vCPUs split one page", split_race },
	{ "dirty log over a page of 1G", dirty_log_gigabyte },
	{ "accessed bits", young },
	{ "an invalidation under way", invalidation },
	{ "an invalidation that ended during a fault", ended_invalidation },
	{ "walks that let others in whenever they can", contended_walks },
	{ "a fault that slept through many invalidations", invalidations_forgotten },
	{ "an invalidation finds what is not flushed yet", pending_flush },
	{ "an invalidation finds a slot on its way out", leaving_slot },
	{ "a dead table and who is still in it", dead_table },
	{ "everything goes", zap_all },
	{ "what 1G costs", footprint },
	{ "hardware that is refused", check_unsupported },
	{ "how far tables reach", check_gpa_bits },
};

TAP_MAIN("tables", tests)
