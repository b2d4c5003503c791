// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log: which pages of a slot were written since it was read last.
 *
 * A page whose bit is clear has no writable translation; whoever makes one, or
 * writes for the guest, sets the bit afterwards.  A harvest goes the other way:
 *
 *	writer				harvest
 *	make the spte writable		take the bit (exchange with 0)
 *	set the bit			take write access away, where it was set
 *
 * In whatever order the four happen, either the harvest reports the page, or the
 * bit is set for the next one.  The bits are copied first and go to user space
 * last; if they cannot, they are put back.
 */
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "mem.h"

static struct mem_slot *dirty_find(struct guest_memory *mem, u32 id)
{
	struct mem_slots *slots = mem_slots(mem);
	u32 i;

	for (i = 0; i < slots->nr; i++)
		if (slots->by_gfn[i]->id == id)
			return slots->by_gfn[i];
	return NULL;
}

/* Move the bits of @slot to @taken.  Return: was one set? */
static bool dirty_take(struct mem_slot *slot, unsigned long *taken, size_t words)
{
	bool any = false;
	size_t i;

	for (i = 0; i < words; i++) {
		taken[i] = READ_ONCE(slot->dirty[i]) ?
			xchg(&slot->dirty[i], 0) : 0;
		any |= taken[i];
	}
	return any;
}

static void dirty_put_back(struct mem_slot *slot, const unsigned long *taken)
{
	unsigned long bit;

	for_each_set_bit(bit, taken, slot->npages)
		set_bit(bit, slot->dirty);
}

static int dirty_harvest(struct guest_memory *mem, struct mem_slot *slot,
			 void __user *to)
{
	struct mem_listener *listener =
		rcu_dereference_protected(mem->listener,
					  lockdep_is_held(&mem->slots_lock));
	size_t words = BITS_TO_LONGS(slot->npages);
	unsigned long *taken;
	int r = 0;

	lockdep_assert_held(&mem->slots_lock);

	taken = kvmalloc_array(words, sizeof(long), GFP_KERNEL_ACCOUNT);
	if (!taken)
		return -ENOMEM;
	if (dirty_take(slot, taken, words) && listener)
		listener->ops->protect(listener, slot, taken);
	if (copy_to_user(to, taken, words * sizeof(long))) {
		dirty_put_back(slot, taken);
		r = -EFAULT;
	}
	kvfree(taken);
	return r;
}

int mem_get_dirty_log(struct guest_memory *mem, const struct kvm_dirty_log *log)
{
	struct mem_slot *slot;
	int r = -ENOENT;

	if (log->slot >= MEM_USER_SLOTS)
		return -EINVAL;
	mutex_lock(&mem->slots_lock);
	slot = dirty_find(mem, log->slot);
	if (slot && slot->dirty)
		r = dirty_harvest(mem, slot, log->dirty_bitmap);
	mutex_unlock(&mem->slots_lock);
	return r;
}
