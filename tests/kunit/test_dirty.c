// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log: what it reports, that nothing is lost when the report cannot be
 * delivered, and large pages under it.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "world.h"

#define LOG	KVM_MEM_LOG_DIRTY_PAGES

/* The bitmap goes to the VMM's memory, to the last page of WORLD_ANON. */
static hva_t dirty_buffer(void)
{
	return world_hva(WORLD_ANON, WORLD_PAGES - 1);
}

static int dirty_harvest(u32 id)
{
	struct kvm_dirty_log log = {
		.slot = id,
		.dirty_bitmap = (void __user *)dirty_buffer(),
	};

	return mem_get_dirty_log(&world.mem, &log);
}

static u64 dirty_word(int i)
{
	return world_peek(dirty_buffer() + i * sizeof(u64));
}

static void dirty_refused(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 100, world_hva(WORLD_FILE, 0), 0), 0);
	KUNIT_EXPECT_EQ(test, dirty_harvest(0), -ENOENT);
	KUNIT_EXPECT_EQ(test, dirty_harvest(1), -ENOENT);
	KUNIT_EXPECT_EQ(test, dirty_harvest(1 << 16), -EINVAL);
}

static void dirty_reports(struct kunit *test)
{
	hva_t hva = world_hva(WORLD_FILE, 0);

	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 100, hva, 0), 0);
	KUNIT_EXPECT_EQ(test, world_write(0, 1, 1), WORLD_OK);
	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 100, hva, LOG), 0);
	KUNIT_EXPECT_TRUE(test, world_consistent(test));
	KUNIT_EXPECT_EQ(test, dirty_harvest(0), 0);
	KUNIT_EXPECT_EQ(test, dirty_word(0) | dirty_word(1), 0);
	KUNIT_EXPECT_EQ(test, world_write(0, 1, 2), WORLD_OK);
	KUNIT_EXPECT_EQ(test, world_read(0, 2), WORLD_OK);
	KUNIT_EXPECT_EQ(test, world_write(1, 99, 2), WORLD_OK);
	KUNIT_EXPECT_TRUE(test, world_consistent(test));
	KUNIT_EXPECT_EQ(test, dirty_harvest(0), 0);
	KUNIT_EXPECT_EQ(test, dirty_word(0), 2);
	KUNIT_EXPECT_EQ(test, dirty_word(1), 1ull << (99 - 64));
	KUNIT_EXPECT_TRUE(test, world_consistent(test));
	KUNIT_EXPECT_EQ(test, dirty_harvest(0), 0);
	KUNIT_EXPECT_EQ(test, dirty_word(0) | dirty_word(1), 0);
	/* Ended, and begun again: no old bit, no writable page that is not logged. */
	KUNIT_EXPECT_EQ(test, world_write(1, 98, 2), WORLD_OK);
	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 100, hva, 0), 0);
	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 100, hva, LOG), 0);
	KUNIT_EXPECT_EQ(test, dirty_harvest(0), 0);
	KUNIT_EXPECT_EQ(test, dirty_word(0) | dirty_word(1), 0);
	KUNIT_EXPECT_TRUE(test, world_consistent(test));
}

/* The kernel's own writes count as the guest's do. */
static void dirty_written_by_host(struct kunit *test)
{
	u64 old = 0, new = 5;
	int idx;

	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 64, world_hva(WORLD_FILE, 0), LOG), 0);
	idx = mem_read_lock(&world.mem);
	KUNIT_EXPECT_EQ(test, mem_write(&world.mem, 0x3ffc, &new, 8), 0);
	KUNIT_EXPECT_EQ(test, mem_cmpxchg(&world.mem, 0x9000, &old, &new, 8), 1);
	/* One that fails has written nothing. */
	KUNIT_EXPECT_EQ(test, mem_cmpxchg(&world.mem, 0x9000, &old, &new, 8), 0);
	mem_read_unlock(&world.mem, idx);
	KUNIT_EXPECT_EQ(test, old, 5);
	KUNIT_EXPECT_EQ(test, dirty_harvest(0), 0);
	KUNIT_EXPECT_EQ(test, dirty_word(0), BIT(3) | BIT(4) | BIT(9));
}

static void dirty_not_delivered(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 64, world_hva(WORLD_FILE, 0), LOG), 0);
	KUNIT_EXPECT_EQ(test, world_write(0, 7, 1), WORLD_OK);
	KUNIT_ASSERT_EQ(test, vm_munmap(dirty_buffer(), PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, dirty_harvest(0), -EFAULT);
	KUNIT_EXPECT_TRUE(test, test_bit(7, world.mem.slots->by_gfn[0]->dirty));
	KUNIT_EXPECT_TRUE(test, world_consistent(test));
}

static void dirty_large_pages(struct kunit *test)
{
	hva_t hva = world_hva(WORLD_ANON, 0);
	u64 value;

	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 1024, hva, 0), 0);
	KUNIT_EXPECT_EQ(test, world_write(0, 5, 5), WORLD_OK);
	KUNIT_EXPECT_EQ(test, world_write(0, 600, 6), WORLD_OK);
	KUNIT_ASSERT_EQ(test, world_mapped(PT_LEVEL_2M), 2);
	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 1024, hva, LOG), 0);
	KUNIT_EXPECT_EQ(test, world_mapped(PT_LEVEL_2M), 2);
	KUNIT_EXPECT_TRUE(test, world_consistent(test));
	/* A read goes on through the large leaf, a write splits it. */
	KUNIT_EXPECT_EQ(test, world_access(0, 5, false, &value), WORLD_OK);
	KUNIT_EXPECT_EQ(test, value, 5);
	KUNIT_EXPECT_EQ(test, world_mapped(PT_LEVEL_2M), 2);
	KUNIT_EXPECT_EQ(test, world_write(0, 7, 7), WORLD_OK);
	KUNIT_EXPECT_EQ(test, world_mapped(PT_LEVEL_2M), 1);
	KUNIT_EXPECT_EQ(test, world_mapped(PT_LEVEL_4K), 512);
	KUNIT_EXPECT_TRUE(test, world_consistent(test));
	KUNIT_EXPECT_EQ(test, dirty_harvest(0), 0);
	KUNIT_EXPECT_EQ(test, dirty_word(0), BIT(7));
	/* Large ones come back when it ends. */
	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 1024, hva, 0), 0);
	KUNIT_EXPECT_EQ(test, world_write(0, 7, 8), WORLD_OK);
	KUNIT_EXPECT_EQ(test, world_mapped(PT_LEVEL_2M), 2);
	KUNIT_EXPECT_TRUE(test, world_consistent(test));
}

static struct kunit_case dirty_cases[] = {
	KUNIT_CASE(dirty_refused),
	KUNIT_CASE(dirty_reports),
	KUNIT_CASE(dirty_written_by_host),
	KUNIT_CASE(dirty_not_delivered),
	KUNIT_CASE(dirty_large_pages),
	{}
};

static struct kunit_suite dirty_suite = {
	.name = "quire-dirty",
	.init = world_init,
	.exit = world_exit,
	.test_cases = dirty_cases,
};

kunit_test_suite(dirty_suite);
