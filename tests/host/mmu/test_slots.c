// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slots: what an update accepts and refuses, lookups, and the kernel's own accesses
 * to guest memory across pages and slots.
 */
#include <limits.h>

#include "world.h"

#define VALID 0x100000ull

static int region(u32 slot, u32 flags, u64 gpa, u64 size, u64 hva)
{
	struct kvm_userspace_memory_region2 region = {
		.slot = slot, .flags = flags, .guest_phys_addr = gpa,
		.memory_size = size, .userspace_addr = hva,
	};

	return mem_set_region(&world.mem, &region);
}

static u32 nr_slots(void)
{
	return READ_ONCE(world.mem.slots)->nr;
}

static void check_refused(void)
{
	CHECK_EQ(region(0, 0, 0, VALID, HOST_HVA), 0);
	/* Ids, other address spaces, flags. */
	CHECK_EQ(region(MEM_USER_SLOTS, 0, VALID, VALID, HOST_HVA), -EINVAL);
	CHECK_EQ(region(1 << 16, 0, VALID, VALID, HOST_HVA), -EINVAL);
	CHECK_EQ(region(UINT_MAX, 0, VALID, VALID, HOST_HVA), -EINVAL);
	CHECK_EQ(region(1, KVM_MEM_GUEST_MEMFD, VALID, VALID, HOST_HVA), -EINVAL);
	CHECK_EQ(region(1, 1u << 31, VALID, VALID, HOST_HVA), -EINVAL);
	/* Alignment of each. */
	CHECK_EQ(region(1, 0, VALID + 1, VALID, HOST_HVA), -EINVAL);
	CHECK_EQ(region(1, 0, VALID, VALID + 0x800, HOST_HVA), -EINVAL);
	CHECK_EQ(region(1, 0, VALID, VALID, HOST_HVA + 8), -EINVAL);
	/* Wrapping, too large, beyond the address width, not user space. */
	CHECK_EQ(region(1, 0, ~0xfffull, VALID, HOST_HVA), -EINVAL);
	CHECK_EQ(region(1, 0, VALID, ~0xfffull, HOST_HVA), -EINVAL);
	CHECK_EQ(region(1, 0, VALID, 1ull << 43, HOST_HVA), -EINVAL);
	CHECK_EQ(region(1, 0, (1ull << 40) - VALID, 2 * VALID, HOST_HVA), -EINVAL);
	CHECK_EQ(region(1, 0, 1ull << 40, VALID, HOST_HVA), -EINVAL);
	CHECK_EQ(region(1, 0, VALID, VALID, 0xffff800000000000), -EINVAL);
	CHECK_EQ(region(1, 0, VALID, VALID, (1ull << 47) - 0x1000), -EINVAL);
	/* Nothing to delete. */
	CHECK_EQ(region(1, 0, VALID, 0, HOST_HVA), -EINVAL);
	/* What cannot change. */
	CHECK_EQ(region(0, 0, 0, 2 * VALID, HOST_HVA), -EINVAL);
	CHECK_EQ(region(0, 0, 0, VALID, HOST_HVA + VALID), -EINVAL);
	CHECK_EQ(region(0, KVM_MEM_READONLY, 0, VALID, HOST_HVA), -EINVAL);
	/* Overlaps: in front, behind, within, around. */
	CHECK_EQ(region(1, 0, 4 * VALID, 4 * VALID, HOST_HVA), 0);
	CHECK_EQ(region(2, 0, 3 * VALID, VALID + 0x1000, HOST_HVA), -EEXIST);
	CHECK_EQ(region(2, 0, 8 * VALID - 0x1000, VALID, HOST_HVA), -EEXIST);
	CHECK_EQ(region(2, 0, 5 * VALID, VALID, HOST_HVA), -EEXIST);
	CHECK_EQ(region(2, 0, 3 * VALID, 8 * VALID, HOST_HVA), -EEXIST);
	CHECK_EQ(region(0, 0, 4 * VALID, VALID, HOST_HVA), -EEXIST);
	CHECK_EQ(nr_slots(), 2);
	/* And what is just right. */
	CHECK_EQ(region(2, 0, VALID, 3 * VALID, HOST_HVA), 0);
	CHECK_EQ(region(3, 0, (1ull << 40) - VALID, VALID, HOST_HVA), 0);
	CHECK_EQ(region(MEM_USER_SLOTS - 1, 0, 8 * VALID, 0x1000, (1ull << 47) - 0x1000), 0);
	CHECK_EQ(nr_slots(), 5);
}

static void check_update_fails(void)
{
	u64 generation;
	int n;

	CHECK_EQ(region(0, 0, 0, VALID, HOST_HVA), 0);
	generation = READ_ONCE(world.mem.slots)->generation;
	for (n = 0; n < 3; n++) {
		shim_fail_after = n;
		CHECK_EQ(region(1, KVM_MEM_LOG_DIRTY_PAGES, VALID, VALID, HOST_HVA), -ENOMEM);
		shim_fail_after = n > 0 ? -1 : 0;
		CHECK_EQ(region(0, 0, 0, 0, 0), n > 0 ? 0 : -ENOMEM);
		shim_fail_after = -1;
		if (n > 0)
			CHECK_EQ(region(0, 0, 0, VALID, HOST_HVA), 0);
		else
			CHECK_EQ(READ_ONCE(world.mem.slots)->generation, generation);
	}
	CHECK_EQ(nr_slots(), 1);
}

/* Any order of creation, any of deletion: the set stays in order. */
static void check_many(void)
{
	static u32 order[3000];
	u32 seed = 99, i, k, n = ARRAY_SIZE(order);
	struct mem_slots *slots;

	for (i = 0; i < n; i++)
		order[i] = i;
	for (i = n - 1; i; i--) {
		k = world_random(&seed) % i;
		u32 swap = order[i];

		order[i] = order[k];
		order[k] = swap;
	}
	for (i = 0; i < n; i++)
		CHECK_EQ(region(order[i], 0, order[i] * 0x2000ull, 0x1000, HOST_HVA), 0);
	for (i = 0; i < 2000; i++)
		CHECK_EQ(region(order[i], 0, 0, 0, 0), 0);
	slots = READ_ONCE(world.mem.slots);
	CHECK_EQ(slots->nr, n - 2000);
	for (i = 1; i < slots->nr; i++)
		CHECK(slots->by_gfn[i - 1]->base_gfn < slots->by_gfn[i]->base_gfn);
	for (i = 0; i < n; i++) {
		struct mem_slot *slot = mem_slots_find(slots, order[i] * 2ull);

		CHECK_EQ(!!slot, i >= 2000);
		CHECK(!slot || slot->id == order[i]);
		CHECK(!mem_slots_find(slots, order[i] * 2ull + 1));
		CHECK_EQ(mem_slots_overlap(slots, order[i] * 2ull, order[i] * 2ull + 2),
			 i >= 2000);
		CHECK(!mem_slots_overlap(slots, order[i] * 2ull + 1, order[i] * 2ull + 2));
	}
}

static void copy(u8 *low, u8 *high)
{
	u8 buf[0x3000], back[0x3000];
	unsigned long bitmap[1];
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = bitmap };
	int i, idx;

	CHECK_EQ(region(0, 0, 0, 0x2000, (u64)low), 0);
	CHECK_EQ(region(1, KVM_MEM_LOG_DIRTY_PAGES, 0x2000, 0x2000, (u64)high), 0);
	CHECK_EQ(region(2, KVM_MEM_READONLY, 0x8000, 0x1000, (u64)low), 0);
	for (i = 0; i < sizeof(buf); i++)
		buf[i] = i * 7;
	idx = mem_read_lock(&world.mem);
	CHECK_EQ(mem_write(&world.mem, 0x0800, buf, 0x2800), 0);
	CHECK_EQ(mem_read(&world.mem, 0x0800, back, 0x2800), 0);
	CHECK(!memcmp(buf, back, 0x2800));
	CHECK(!memcmp(high, buf + 0x1800, 0x1000));
	CHECK_EQ(mem_read(&world.mem, 0x3ff0, back, 0x11), -EFAULT);
	CHECK_EQ(mem_write(&world.mem, 0x3ff0, back, 0x11), -EFAULT);
	CHECK_EQ(mem_read(&world.mem, 0x8000, back, 0x1000), 0);
	CHECK_EQ(mem_write(&world.mem, 0x8000, back, 1), -EFAULT);
	CHECK_EQ(mem_read(&world.mem, ~0ull, back, 1), -EFAULT);
	CHECK_EQ(mem_backing(&world.mem, 1), MEM_RAM);
	CHECK_EQ(mem_backing(&world.mem, 8), MEM_READ_ONLY);
	CHECK_EQ(mem_backing(&world.mem, 9), MEM_ABSENT);
	CHECK_EQ(mem_gfn_to_hva(&world.mem, 3, true), (u64)high + 0x1000);
	CHECK_EQ(mem_gfn_to_hva(&world.mem, 8, true), MEM_BAD_HVA);
	CHECK_EQ(mem_gfn_to_hva(&world.mem, 8, false), (u64)low);
	mem_read_unlock(&world.mem, idx);
	/* The write that failed in the end has written as well. */
	CHECK_EQ(mem_get_dirty_log(&world.mem, &log), 0);
	CHECK_EQ(bitmap[0], 3);
}

static void poke(u8 *page)
{
	unsigned long bitmap[1];
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = bitmap };
	int idx;

	memset(page, 0, 0x2000);
	CHECK_EQ(region(0, KVM_MEM_LOG_DIRTY_PAGES, 0, 0x2000, (u64)page), 0);
	CHECK_EQ(region(1, KVM_MEM_READONLY, 0x2000, 0x1000, (u64)page), 0);
	idx = mem_read_lock(&world.mem);
	CHECK_EQ(mem_poke(&world.mem, 0x1010, 0xa5), 0);
	CHECK_EQ(page[0x1010], 0xa5);
	CHECK_EQ(page[0x1011], 0);
	CHECK_EQ(mem_poke(&world.mem, 0x2000, 1), -EFAULT);
	CHECK_EQ(mem_poke(&world.mem, 0x3000, 1), -EFAULT);
	mem_read_unlock(&world.mem, idx);
	CHECK_EQ(mem_get_dirty_log(&world.mem, &log), 0);
	CHECK_EQ(bitmap[0], 2);
}

static void swap(u8 *page)
{
	u64 old[2], new[2] = { 0x1122334455667788, 0x99aabbccddeeff00 };
	unsigned int bytes;
	int idx;

	CHECK_EQ(region(0, 0, 0, 0x1000, (u64)page), 0);
	CHECK_EQ(region(1, KVM_MEM_READONLY, 0x1000, 0x1000, (u64)page), 0);
	idx = mem_read_lock(&world.mem);
	for (bytes = 1; bytes <= 16; bytes *= 2) {
		memset(page, 0, 64);
		memset(old, 0, sizeof(old));
		CHECK_EQ(mem_cmpxchg(&world.mem, 16, old, new, bytes), 1);
		CHECK(!memcmp(page + 16, new, bytes));
		CHECK_EQ(page[16 + bytes], 0);
		CHECK_EQ(mem_cmpxchg(&world.mem, 16, old, new, bytes), 0);
		CHECK(!memcmp(old, new, bytes));
		CHECK_EQ(mem_cmpxchg(&world.mem, 0x1000, old, new, bytes), -EFAULT);
		CHECK_EQ(mem_cmpxchg(&world.mem, 0x2000, old, new, bytes), -EFAULT);
	}
	CHECK_EQ(mem_cmpxchg(&world.mem, 17, old, new, 16), -EINVAL);
	CHECK_EQ(mem_cmpxchg(&world.mem, 0, old, new, 0), -EINVAL);
	CHECK_EQ(mem_cmpxchg(&world.mem, 0, old, new, 3), -EINVAL);
	CHECK_EQ(mem_cmpxchg(&world.mem, 0, old, new, 32), -EINVAL);
	mem_read_unlock(&world.mem, idx);
}

/* At every offset of a cache line and one beyond it. */
static void swap_misaligned(u8 *page, u8 *high)
{
	unsigned int bytes, at, i;
	u8 model[128];
	u64 old, new;
	int idx, r;

	CHECK_EQ(region(0, 0, 0, 0x1000, (u64)page), 0);
	idx = mem_read_lock(&world.mem);
	for (bytes = 1; bytes <= 8; bytes *= 2) {
		for (i = 0; i < sizeof(model); i++)
			page[i] = model[i] = i;
		for (at = 0; at <= 64; at++) {
			old = 0;
			memcpy(&old, model + at, bytes);
			new = ~old;
			r = mem_cmpxchg(&world.mem, at, &old, &new, bytes);
			CHECK_EQ(r, at < 64 && at + bytes > 64 ? -EINVAL : 1);
			if (r < 0)
				continue;
			memcpy(model + at, &new, bytes);
			CHECK(!memcmp(page, model, sizeof(model)));
			old = 0;
			CHECK_EQ(mem_cmpxchg(&world.mem, at, &old, &new, bytes), 0);
			CHECK(!memcmp(&old, model + at, bytes));
		}
	}
	mem_read_unlock(&world.mem, idx);
}

/* With two pages of real memory, and what keeps the slots. */
static void with_memory(void (*test)(u8 *, u8 *))
{
	u8 *low = aligned_alloc(PAGE_SIZE, 0x2000), *high = aligned_alloc(PAGE_SIZE, 0x2000);

	test(low, high);
	free(low);
	free(high);
}

static void check_accesses(void)
{
	with_memory(copy);
}

static void poke_low(u8 *low, u8 *high)
{
	poke(low);
}

static void check_pokes(void)
{
	with_memory(poke_low);
}

static void swap_low(u8 *low, u8 *high)
{
	swap(low);
}

static void check_exchanges(void)
{
	with_memory(swap_low);
}

static void check_misaligned(void)
{
	with_memory(swap_misaligned);
}

#define IN_WORLD(test) static void test(void) { world_begin(3); check_##test(); world_end(); }

IN_WORLD(refused)
IN_WORLD(update_fails)
IN_WORLD(many)
IN_WORLD(accesses)
IN_WORLD(pokes)
IN_WORLD(exchanges)
IN_WORLD(misaligned)

static const struct tap_test tests[] = {
	{ "what an update refuses", refused },
	{ "an update that finds no memory changes nothing", update_fails },
	{ "three thousand slots", many },
	{ "reads and writes across pages and slots", accesses },
	{ "one byte, without sleeping", pokes },
	{ "compare and exchange of every size", exchanges },
	{ "compare and exchange at every offset of a line", misaligned },
};

TAP_MAIN("slots", tests)
