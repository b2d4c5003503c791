// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slots: what an update accepts and refuses, lookups, and the kernel's own accesses
 * to guest memory across pages and slots, through a real address space.
 */
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "world.h"

#define VALID	0x100000ull
#define LIMIT	(1ull << WORLD_PHYS_BITS)

/**
 * struct slots_case - a region and what becomes of it
 * @hva:	added to that of WORLD_FILE
 */
struct slots_case {
	const char *name;
	u32 slot;
	u32 flags;
	u64 gpa;
	u64 size;
	u64 hva;
	int want;
};

/* In this order, on top of slot 0 of VALID bytes at 0. */
static const struct slots_case slots_table[] = {
	{ "id beyond the last", MEM_USER_SLOTS, 0, VALID, VALID, 0, -EINVAL },
	{ "another address space", 1 << 16, 0, VALID, VALID, 0, -EINVAL },
	{ "id of all ones", U32_MAX, 0, VALID, VALID, 0, -EINVAL },
	{ "private memory", 1, 1u << 2, VALID, VALID, 0, -EINVAL },
	{ "unknown flag", 1, 1u << 31, VALID, VALID, 0, -EINVAL },
	{ "gpa not aligned", 1, 0, VALID + 1, VALID, 0, -EINVAL },
	{ "size not aligned", 1, 0, VALID, VALID + 0x800, 0, -EINVAL },
	{ "hva not aligned", 1, 0, VALID, VALID, 8, -EINVAL },
	{ "gpa wraps", 1, 0, ~0xfffull, VALID, 0, -EINVAL },
	{ "size wraps", 1, 0, VALID, ~0xfffull, 0, -EINVAL },
	{ "too large", 1, 0, VALID, 1ull << 43, 0, -EINVAL },
	{ "across the address width", 1, 0, LIMIT - VALID, 2 * VALID, 0, -EINVAL },
	{ "beyond the address width", 1, 0, LIMIT, VALID, 0, -EINVAL },
	{ "not of user space", 1, 0, VALID, VALID, 1ull << 63, -EINVAL },
	{ "nothing to delete", 1, 0, VALID, 0, 0, -EINVAL },
	{ "resized", 0, 0, 0, 2 * VALID, 0, -EINVAL },
	{ "another hva", 0, 0, 0, VALID, VALID, -EINVAL },
	{ "becomes a ROM", 0, KVM_MEM_READONLY, 0, VALID, 0, -EINVAL },
	{ "a second one", 1, 0, 4 * VALID, 4 * VALID, 0, 0 },
	{ "overlap in front", 2, 0, 3 * VALID, VALID + 0x1000, 0, -EEXIST },
	{ "overlap behind", 2, 0, 8 * VALID - 0x1000, VALID, 0, -EEXIST },
	{ "overlap within", 2, 0, 5 * VALID, VALID, 0, -EEXIST },
	{ "overlap around", 2, 0, 3 * VALID, 8 * VALID, 0, -EEXIST },
	{ "moved onto another", 0, 0, 4 * VALID, VALID, 0, -EEXIST },
	{ "between two", 2, 0, VALID, 3 * VALID, 0, 0 },
	{ "at the end", 3, 0, LIMIT - VALID, VALID, 0, 0 },
	{ "the last id", MEM_USER_SLOTS - 1, 0, 8 * VALID, 0x1000, 0, 0 },
};

static void slots_regions(struct kunit *test)
{
	hva_t hva = world_hva(WORLD_FILE, 0);
	const struct slots_case *c;

	KUNIT_ASSERT_EQ(test, world_slot(0, 0, VALID >> PAGE_SHIFT, hva, 0), 0);
	for (c = slots_table; c < slots_table + ARRAY_SIZE(slots_table); c++) {
		struct kvm_userspace_memory_region2 region = {
			.slot = c->slot,
			.flags = c->flags,
			.guest_phys_addr = c->gpa,
			.memory_size = c->size,
			.userspace_addr = hva + c->hva,
		};

		KUNIT_EXPECT_EQ_MSG(test, mem_set_region(&world.mem, &region), c->want,
				    "%s", c->name);
	}
	KUNIT_EXPECT_EQ(test, world.mem.slots->nr, 5);
}

/* The order in which @nr slots come and go: a permutation. */
static u32 *slots_order(struct kunit *test, u32 nr)
{
	u32 *order = kunit_kmalloc_array(test, nr, sizeof(*order), GFP_KERNEL);
	u32 seed = 99, i, k;

	KUNIT_ASSERT_NOT_NULL(test, order);
	for (i = 0; i < nr; i++)
		order[i] = i;
	for (i = nr - 1; i; i--) {
		k = world_random(&seed) % i;
		swap(order[i], order[k]);
	}
	return order;
}

/* Any order of creation, any of deletion: the set stays in order. */
static void slots_many(struct kunit *test)
{
	const u32 nr = 300, gone = 200;
	u32 *order = slots_order(test, nr);
	struct mem_slots *slots;
	u32 i;

	for (i = 0; i < nr; i++)
		KUNIT_ASSERT_EQ(test, world_slot(order[i], order[i] * 2, 1,
						 world_hva(WORLD_FILE, i), 0), 0);
	for (i = 0; i < gone; i++)
		KUNIT_ASSERT_EQ(test, world_slot(order[i], 0, 0, 0, 0), 0);
	slots = rcu_dereference_protected(world.mem.slots, true);
	KUNIT_ASSERT_EQ(test, slots->nr, nr - gone);
	for (i = 1; i < slots->nr; i++)
		KUNIT_EXPECT_LT(test, slots->by_gfn[i - 1]->base_gfn,
				slots->by_gfn[i]->base_gfn);
	for (i = 0; i < nr; i++) {
		struct mem_slot *slot = mem_slots_find(slots, order[i] * 2);

		KUNIT_EXPECT_EQ(test, !!slot, i >= gone);
		KUNIT_EXPECT_TRUE(test, !slot || slot->id == order[i]);
		KUNIT_EXPECT_NULL(test, mem_slots_find(slots, order[i] * 2 + 1));
		KUNIT_EXPECT_EQ(test, mem_slots_overlap(slots, order[i] * 2, order[i] * 2 + 2),
				i >= gone);
	}
}

/* Four pages of memory at 0 in two slots that lie apart in the VMM, a ROM at 0x8000. */
static void slots_lay_out(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, world_slot(0, 0, 2, world_hva(WORLD_FILE, 10), 0), 0);
	KUNIT_ASSERT_EQ(test, world_slot(1, 2, 2, world_hva(WORLD_ANON, 20), 0), 0);
	KUNIT_ASSERT_EQ(test, world_slot(2, 8, 1, world_hva(WORLD_FILE, 10),
					 KVM_MEM_READONLY), 0);
}

static void slots_copies(struct kunit *test)
{
	const size_t size = 0x2800;
	u8 *out = kunit_kmalloc(test, size, GFP_KERNEL);
	u8 *back = kunit_kzalloc(test, size, GFP_KERNEL);
	int i, idx;

	KUNIT_ASSERT_NOT_NULL(test, out);
	KUNIT_ASSERT_NOT_NULL(test, back);
	slots_lay_out(test);
	for (i = 0; i < size; i++)
		out[i] = i * 7;
	idx = mem_read_lock(&world.mem);
	KUNIT_EXPECT_EQ(test, mem_write(&world.mem, 0x0800, out, size), 0);
	KUNIT_EXPECT_EQ(test, mem_read(&world.mem, 0x0800, back, size), 0);
	KUNIT_EXPECT_MEMEQ(test, out, back, size);
	KUNIT_EXPECT_EQ(test, mem_read(&world.mem, 0x3ff0, back, 0x11), -EFAULT);
	KUNIT_EXPECT_EQ(test, mem_write(&world.mem, 0x3ff0, back, 0x11), -EFAULT);
	KUNIT_EXPECT_EQ(test, mem_read(&world.mem, 0x8000, back, 0x1000), 0);
	KUNIT_EXPECT_MEMEQ(test, out, back + 0x800, 0x800);
	KUNIT_EXPECT_EQ(test, mem_write(&world.mem, 0x8000, back, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, mem_read(&world.mem, ~0ull, back, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, mem_backing(&world.mem, 1), MEM_RAM);
	KUNIT_EXPECT_EQ(test, mem_backing(&world.mem, 8), MEM_READ_ONLY);
	KUNIT_EXPECT_EQ(test, mem_backing(&world.mem, 9), MEM_ABSENT);
	/* A slot whose memory the VMM has taken away. */
	KUNIT_ASSERT_EQ(test, vm_munmap(world_hva(WORLD_ANON, 21), PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, mem_read(&world.mem, 0x2ff0, back, 0x20), -EFAULT);
	KUNIT_EXPECT_EQ(test, mem_write(&world.mem, 0x3000, back, 1), -EFAULT);
	mem_read_unlock(&world.mem, idx);
}

static void slots_cmpxchg_of(struct kunit *test, unsigned int bytes)
{
	u8 zero[16] = {}, old[16] = {}, new[16], back[16];
	gpa_t gpa = 0x1000 - bytes;

	memset(new, 0xa0 | bytes, sizeof(new));
	KUNIT_EXPECT_EQ(test, mem_write(&world.mem, gpa, zero, bytes), 0);
	KUNIT_EXPECT_EQ(test, mem_cmpxchg(&world.mem, gpa, old, new, bytes), 1);
	KUNIT_EXPECT_EQ(test, mem_read(&world.mem, gpa, back, bytes), 0);
	KUNIT_EXPECT_MEMEQ(test, back, new, bytes);
	/* The expected value is not there: it is told, and nothing is stored. */
	KUNIT_EXPECT_EQ(test, mem_cmpxchg(&world.mem, gpa, old, zero, bytes), 0);
	KUNIT_EXPECT_MEMEQ(test, old, new, bytes);
	KUNIT_EXPECT_EQ(test, mem_cmpxchg(&world.mem, 0x8000, old, new, bytes), -EFAULT);
	KUNIT_EXPECT_EQ(test, mem_cmpxchg(&world.mem, 0x4000, old, new, bytes), -EFAULT);
	if (bytes > 1)
		KUNIT_EXPECT_EQ(test, mem_cmpxchg(&world.mem, gpa + 1, old, new, bytes),
				-EINVAL);
}

static void slots_cmpxchg(struct kunit *test)
{
	u64 gpte, value = 0x1122334455667788;
	unsigned int bytes;
	int idx;

	slots_lay_out(test);
	idx = mem_read_lock(&world.mem);
	for (bytes = 1; bytes <= 16; bytes *= 2)
		slots_cmpxchg_of(test, bytes);
	KUNIT_EXPECT_EQ(test, mem_cmpxchg(&world.mem, 0, &value, &gpte, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, mem_write(&world.mem, 0x1ff8, &value, 8), 0);
	KUNIT_EXPECT_EQ(test, mem_read_gpte(&world.mem, 0x1ff8, 8, &gpte), 0);
	KUNIT_EXPECT_EQ(test, gpte, value);
	KUNIT_EXPECT_EQ(test, mem_read_gpte(&world.mem, 0x1ffc, 4, &gpte), 0);
	KUNIT_EXPECT_EQ(test, gpte, value >> 32);
	KUNIT_EXPECT_EQ(test, mem_read_gpte(&world.mem, 0x4000, 8, &gpte), -EFAULT);
	mem_read_unlock(&world.mem, idx);
}

static struct kunit_case slots_cases[] = {
	KUNIT_CASE(slots_regions),
	KUNIT_CASE(slots_many),
	KUNIT_CASE(slots_copies),
	KUNIT_CASE(slots_cmpxchg),
	{}
};

static struct kunit_suite slots_suite = {
	.name = "quire-slots",
	.init = world_init,
	.exit = world_exit,
	.test_cases = slots_cases,
};

kunit_test_suite(slots_suite);
