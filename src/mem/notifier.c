// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's invalidations: the MMU notifier of the VMM's address space.
 *
 * The host may take a page away at any time: to swap it out, to migrate or
 * merge it, because the VMM unmapped it.  It says so between
 * invalidate_range_start() and _end(), and when _start() returns no translation
 * of the range may be left, nor come back before _end().  What makes this true:
 *
 *	fault				invalidation
 *	read inval.seq			mmu_lock exclusive: active++, widen range
 *	look the host page up		drop translations, flush
 *	mmu_lock shared			(the host changes its mapping)
 *	  mem_invalidated()? retry	mmu_lock exclusive: seq++, active--
 *	  install
 *
 * A fault that checked before the announcement has installed by the time that
 * mmu_lock is exclusive, so that the walk that follows finds it.  One that checks
 * later sees the range.  One that checks after the end sees that @seq moved since
 * it looked the page up, and finds the range among those that ended; the host may
 * well take other pages at a rate at which no fault would come to an end otherwise.
 *
 * The range is kept in hvas, so that a begin and its end need not agree about
 * slots, which come and go in between.
 */
#include <linux/mmu_notifier.h>
#include <linux/sched/mm.h>

#include "../host/compat/young.h"
#include "mem.h"

/* The gfns of @slot that lie behind [@start, @end); false if none does. */
static bool slot_range(const struct mem_slot *slot, hva_t start, hva_t end,
		       gfn_t *first, gfn_t *after)
{
	hva_t slot_end = slot->hva + (slot->npages << 12);

	start = max(start, slot->hva);
	end = min(end, slot_end);
	if (start >= end)
		return false;
	*first = slot->base_gfn + ((start - slot->hva) >> 12);
	*after = slot->base_gfn + ((end - slot->hva + 0xfff) >> 12);
	return true;
}

/*
 * Slots in the current set, then the one that is leaving it.  The order of the
 * two reads matters: who sees the set without it sees it in @leaving.
 */
#define for_each_slot_and_leaving(mem, slots, slot, i)			\
	for (i = 0, slots = mem_slots(mem); (slot = slot_at(mem, slots, i)); i++)

static const struct mem_slot *slot_at(struct guest_memory *mem,
				      const struct mem_slots *slots, u32 i)
{
	if (i < slots->nr)
		return slots->by_gfn[i];
	return i == slots->nr ? srcu_dereference(mem->leaving, &mem->srcu) : NULL;
}

static void invalidate_zap(struct guest_memory *mem, hva_t start, hva_t end,
			   bool may_sleep)
{
	struct mem_listener *listener = srcu_dereference(mem->listener, &mem->srcu);
	const struct mem_slots *slots;
	const struct mem_slot *slot;
	gfn_t first, after;
	u32 i;

	if (!listener)
		return;
	for_each_slot_and_leaving(mem, slots, slot, i)
		if (slot_range(slot, start, end, &first, &after))
			listener->ops->zap(listener, first, after, may_sleep);
}

void mem_invalidate_begin(struct guest_memory *mem, hva_t start, hva_t end,
			  bool may_sleep)
{
	struct mem_invalidation *inval = &mem->inval;
	int idx;

	write_lock(&mem->mmu_lock);
	if (inval->active++) {
		inval->around.start = min(inval->around.start, start);
		inval->around.end = max(inval->around.end, end);
	} else {
		inval->around.start = start;
		inval->around.end = end;
	}
	write_unlock(&mem->mmu_lock);

	idx = mem_read_lock(mem);
	invalidate_zap(mem, start, end, may_sleep);
	mem_read_unlock(mem, idx);
}

void mem_invalidate_end(struct guest_memory *mem, hva_t start, hva_t end)
{
	struct mem_invalidation *inval = &mem->inval;

	write_lock(&mem->mmu_lock);
	inval->ended[inval->seq % MEM_ENDED] =
		(struct mem_hva_range){ .start = start, .end = end };
	WRITE_ONCE(inval->seq, inval->seq + 1);
	WARN_ON_ONCE(!inval->active--);
	write_unlock(&mem->mmu_lock);
}

bool mem_invalidation_ended(const struct mem_invalidation *inval, unsigned long seq,
			    hva_t start, hva_t end)
{
	/* More than are remembered. */
	if (inval->seq - seq > MEM_ENDED)
		return true;
	for (; seq != inval->seq; seq++) {
		const struct mem_hva_range *range = &inval->ended[seq % MEM_ENDED];

		if (start < range->end && end > range->start)
			return true;
	}
	return false;
}

bool mem_young(struct guest_memory *mem, hva_t start, hva_t end, bool clear)
{
	struct mem_listener *listener;
	const struct mem_slots *slots;
	const struct mem_slot *slot;
	bool young = false;
	gfn_t first, after;
	int idx = mem_read_lock(mem);
	u32 i;

	listener = srcu_dereference(mem->listener, &mem->srcu);
	if (listener)
		for_each_slot_and_leaving(mem, slots, slot, i)
			if (slot_range(slot, start, end, &first, &after))
				young |= listener->ops->young(listener, first,
							      after, clear);
	mem_read_unlock(mem, idx);
	return young;
}

void mem_release(struct guest_memory *mem)
{
	struct mem_listener *listener;
	int idx = mem_read_lock(mem);

	listener = srcu_dereference(mem->listener, &mem->srcu);
	if (listener)
		listener->ops->zap_all(listener);
	mem_read_unlock(mem, idx);
}

static struct guest_memory *notifier_mem(struct mmu_notifier *mn)
{
	return container_of(mn, struct guest_memory, notifier);
}

static int notifier_start(struct mmu_notifier *mn,
			  const struct mmu_notifier_range *range)
{
	mem_invalidate_begin(notifier_mem(mn), range->start, range->end,
			     mmu_notifier_range_blockable(range));
	return 0;
}

static void notifier_end(struct mmu_notifier *mn,
			 const struct mmu_notifier_range *range)
{
	mem_invalidate_end(notifier_mem(mn), range->start, range->end);
}

static compat_young_t notifier_clear_young(struct mmu_notifier *mn,
					   struct mm_struct *mm,
					   unsigned long start,
					   unsigned long end)
{
	/*
	 * No flush: a TLB that still holds the accessed bit delays the next
	 * record of an access, which costs less than stopping the vCPUs.
	 */
	return mem_young(notifier_mem(mn), start, end, true);
}

static compat_young_t notifier_test_young(struct mmu_notifier *mn,
					  struct mm_struct *mm,
					  unsigned long address)
{
	return mem_young(notifier_mem(mn), address, address + PAGE_SIZE, false);
}

static void notifier_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	mem_release(notifier_mem(mn));
}

static const struct mmu_notifier_ops notifier_ops = {
	.invalidate_range_start	= notifier_start,
	.invalidate_range_end	= notifier_end,
	.clear_flush_young	= notifier_clear_young,
	.clear_young		= notifier_clear_young,
	.test_young		= notifier_test_young,
	.release		= notifier_release,
};

int mem_notifier_register(struct guest_memory *mem)
{
	mem->notifier.ops = &notifier_ops;
	return mmu_notifier_register(&mem->notifier, mem->mm);
}

void mem_notifier_unregister(struct guest_memory *mem)
{
	mmu_notifier_unregister(&mem->notifier, mem->mm);
}
