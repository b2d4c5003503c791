// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations, one after the other, against the world's model: after each
 * few, every leaf is compared with slots and host, and every count with the tables.
 * An access must come to what the slots say, and a read must see the last write.
 */
#include "world.h"

#define RANDOM_PAGES	4096u
#define RANDOM_SLOTS	4

/* What the guest wrote to the host's pages, by page. */
static u64 model[RANDOM_PAGES];
static u32 seed;

/* Nobody changes them meanwhile. */
static struct mem_slots *mem_slots_now(void)
{
	return READ_ONCE(world.mem.slots);
}

static u32 pick(u32 n)
{
	return world_random(&seed) % n;
}

static bool in_large(u32 page)
{
	return world.host.ptes[page].pfn && world.host.ptes[page].level == PT_LEVEL_2M;
}

static void forget(u32 page, u32 n)
{
	u32 first = page, end = page + n;

	/* A large page goes as a whole. */
	if (in_large(first))
		first &= ~511u;
	if (in_large(end - 1))
		end = (end + 511) & ~511u;
	memset(&model[first], 0, (end - first) * sizeof(model[0]));
	host_unmap(page, n);
}

static void random_slot(void)
{
	u32 flags = pick(4) ? 0 : KVM_MEM_LOG_DIRTY_PAGES;
	u64 npages = pick(3) ? 1 + pick(1500) : 0;
	u32 page = pick(RANDOM_PAGES - 1500);
	u32 id = pick(RANDOM_SLOTS);
	struct mem_slot *slot = NULL;
	u32 i;

	if (pick(2))
		page &= ~511u;
	for (i = 0; i < mem_slots_now()->nr; i++)
		if (mem_slots_now()->by_gfn[i]->id == id)
			slot = mem_slots_now()->by_gfn[i];
	/* Mostly what can succeed. */
	if (slot && npages && pick(4)) {
		page = (slot->hva - HOST_HVA) >> 12;
		npages = slot->npages;
		flags |= slot->flags & KVM_MEM_READONLY;
	} else if (!slot && !pick(6)) {
		flags = KVM_MEM_READONLY;
	}
	world_slot(id, pick(2) ? page : pick(8192), npages, page, flags);
}

static bool random_access(void)
{
	gfn_t gfn = pick(9000);
	bool write = pick(2);
	u64 value = world_random(&seed);
	struct mem_slot *slot;
	int r, want = WORLD_OK;
	u32 page = 0;

	slot = mem_slots_find(mem_slots_now(), gfn);
	if (slot)
		page = (mem_slot_hva(slot, gfn) - HOST_HVA) >> 12;
	if (!slot || (write && slot->flags & KVM_MEM_READONLY))
		want = WORLD_MMIO;
	r = world_access(pick(WORLD_VCPUS), gfn, write, &value);
	if (r != want) {
		printf("# gfn %#llx: access came to %d, not %d\n", (long long)gfn, r, want);
		return false;
	}
	if (r == WORLD_MMIO)
		return true;
	if (write)
		model[page] = value;
	if (value != model[page]) {
		printf("# gfn %#llx: read %#llx, not %#llx\n", (long long)gfn,
		       (long long)value, (long long)model[page]);
		return false;
	}
	return true;
}

static bool random_step(void)
{
	u32 page = pick(RANDOM_PAGES - 700);

	switch (pick(40)) {
	case 0:
		random_slot();
		return true;
	case 1:
		forget(page, 1 + pick(700));
		return true;
	case 2:
		host_migrate(page);
		return true;
	case 3:
		host_split(page);
		return true;
	case 4:
		host_collapse(page);
		return true;
	case 5:
		host_write_protect(page);
		return true;
	case 6:
		world.host.huge = pick(2);
		world.host.shared_reads = pick(2);
		return true;
	case 7:
		mem_young(&world.mem, HOST_HVA, HOST_HVA + page * PAGE_SIZE, pick(2));
		return true;
	default:
		return random_access();
	}
}

static void random_run(u32 start)
{
	int i;

	seed = start;
	memset(model, 0, sizeof(model));
	world_begin(3);
	for (i = 0; i < 20000; i++) {
		if (!random_step() || (i % 97 == 0 && !world_consistent())) {
			printf("# seed %u, step %d\n", start, i);
			tap_failed = true;
			break;
		}
	}
	world_end();
}

static void random_fixed(void)
{
	u32 i;

	for (i = 1; i <= 10 && !tap_failed; i++)
		random_run(i * 2654435761u);
}

static const struct tap_test tests[] = {
	{ "random operations against the model", random_fixed },
};

TAP_MAIN("random", tests)
