// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory as the VMM knows it: what it asked for, by the documents of the ABI,
 * and which pages were written since it looked.
 */
#include "oracle.h"

struct oracle oracle = { .outer_cpu = -1 };

static size_t bitmap_bytes(u64 npages)
{
	return BITS_TO_LONGS(npages) * sizeof(long);
}

void model_begin(void)
{
	memset(&oracle.slot, 0, sizeof(oracle.slot));
	memset(&oracle.next, 0, sizeof(oracle.next));
	memset(&oracle.changing, 0, sizeof(oracle.changing));
	oracle.version = 0;
	oracle.nr_open = 0;
	pthread_rwlock_init(&oracle.lock, NULL);
	pthread_mutex_init(&oracle.updates, NULL);
}

void model_slot_free(struct model_slot *slot)
{
	free(slot->must);
	free(slot->may);
	memset(slot, 0, sizeof(*slot));
}

void model_end(void)
{
	int id;

	for (id = 0; id < ORACLE_SLOTS; id++)
		model_slot_free(&oracle.slot[id]);
}

static bool slot_has(const struct model_slot *slot, gfn_t gfn)
{
	return slot->npages && gfn >= slot->gfn && gfn < slot->gfn + slot->npages;
}

struct model_slot *model_slot(gfn_t gfn)
{
	int id;

	for (id = 0; id < ORACLE_SLOTS; id++)
		if (slot_has(&oracle.slot[id], gfn))
			return &oracle.slot[id];
	return NULL;
}

/* The bitmap is the one thing that is not the model's: whether a bit is set. */
static const unsigned long *backing_dirty(gfn_t gfn)
{
	static const unsigned long clean[BITS_TO_LONGS(512 * 512)];
	int idx = mem_read_lock(&world.mem);
	const struct mem_slot *slot = mem_find_slot(&world.mem, gfn);
	const unsigned long *dirty = slot && slot->dirty ? slot->dirty : clean;

	mem_read_unlock(&world.mem, idx);
	return dirty;
}

struct world_backing model_backing(gfn_t gfn)
{
	const struct model_slot *slot = model_slot(gfn);
	struct world_backing backing = { 0 };

	if (!slot)
		return backing;
	backing.base = slot->gfn;
	backing.npages = slot->npages;
	backing.page = slot->page;
	backing.read_only = slot->flags & KVM_MEM_READONLY;
	if (slot->flags & KVM_MEM_LOG_DIRTY_PAGES)
		backing.dirty = backing_dirty(gfn);
	return backing;
}

struct model_slot model_slot_new(const struct kvm_userspace_memory_region2 *region)
{
	struct model_slot slot = {
		.gfn = region->guest_phys_addr >> 12,
		.npages = region->memory_size >> 12,
		.page = (region->userspace_addr - HOST_HVA) >> 12,
		.flags = region->flags,
	};

	if (slot.npages && slot.flags & KVM_MEM_LOG_DIRTY_PAGES) {
		slot.must = calloc(1, bitmap_bytes(slot.npages));
		slot.may = calloc(1, bitmap_bytes(slot.npages));
	}
	return slot;
}

static bool region_overlaps(const struct kvm_userspace_memory_region2 *region)
{
	gfn_t start = region->guest_phys_addr >> 12;
	gfn_t end = start + (region->memory_size >> 12);
	u32 id;

	for (id = 0; id < ORACLE_SLOTS; id++)
		if (id != region->slot && oracle.slot[id].npages &&
		    oracle.slot[id].gfn < end &&
		    oracle.slot[id].gfn + oracle.slot[id].npages > start)
			return true;
	return false;
}

int model_region(const struct kvm_userspace_memory_region2 *region, struct model_slot *slot)
{
	const struct model_slot *old = &oracle.slot[region->slot];

	memset(slot, 0, sizeof(*slot));
	if (region->flags & ~(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY))
		return -EINVAL;
	if (region->guest_phys_addr + region->memory_size > 1ull << 40)
		return -EINVAL;
	if (!region->memory_size)
		return old->npages ? 0 : -EINVAL;
	*slot = model_slot_new(region);
	if (old->npages && (old->npages != slot->npages || old->page != slot->page ||
			    (old->flags ^ slot->flags) & KVM_MEM_READONLY))
		return -EINVAL;
	return region_overlaps(region) ? -EEXIST : 0;
}

void model_replace(u32 id, struct model_slot *slot)
{
	struct model_slot *old = &oracle.slot[id];

	/* Nothing changes, and no bit is lost. */
	if (slot->npages && old->npages == slot->npages && old->gfn == slot->gfn &&
	    old->flags == slot->flags) {
		model_slot_free(slot);
		return;
	}
	model_slot_free(old);
	*old = *slot;
	/* Somebody wrote meanwhile, to the old one or to this one. */
	if (oracle.disturbed && old->may)
		memset(old->may, 0xff, bitmap_bytes(old->npages));
	memset(slot, 0, sizeof(*slot));
}

static void mark(const struct model_slot *slot, gfn_t gfn, bool written)
{
	if (!slot_has(slot, gfn) || !slot->may)
		return;
	set_bit(gfn - slot->gfn, slot->may);
	if (written)
		set_bit(gfn - slot->gfn, slot->must);
}

void model_written(gfn_t gfn)
{
	int id;

	for (id = 0; id < ORACLE_SLOTS; id++)
		mark(&oracle.slot[id], gfn, true);
}

void model_asked(gfn_t gfn)
{
	int id;

	for (id = 0; id < ORACLE_SLOTS; id++)
		mark(&oracle.slot[id], gfn, false);
}

int model_goal(const struct model_slot *slot, gfn_t gfn)
{
	const struct host_pte *pte = &world.host.ptes[slot->page + (gfn - slot->gfn)];
	int level = min(pte->level, oracle.kind->format.max_leaf);

	if (slot->flags & KVM_MEM_LOG_DIRTY_PAGES)
		return 1;
	for (; level > 1; level--) {
		u64 n = hw_level_pages(level), first = gfn & ~(n - 1);

		if (first >= slot->gfn && first + n <= slot->gfn + slot->npages &&
		    !((slot->page + first - slot->gfn) & (n - 1)))
			break;
	}
	return max(level, 1);
}

bool model_is_open(u32 page, u32 n)
{
	u32 i;

	for (i = 0; i < oracle.nr_open; i++)
		if (oracle.open[i].page < page + n &&
		    oracle.open[i].page + oracle.open[i].n > page)
			return true;
	return false;
}
