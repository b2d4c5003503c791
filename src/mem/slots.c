// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slots: which gfns are memory, and where in the VMM's address space.
 *
 * The slots of a VM are an array in the order of their gfns, struct mem_slots,
 * that never changes once it is published.  An update copies it, publishes the
 * copy, and leaves the old one to SRCU.  VMMs have tens of slots and update them
 * now and then, so that a copy costs less than any tree, and a lookup is a
 * binary search in one cache line or two, or no search at all: most lookups hit
 * the slot that was found last.
 *
 * What an update owes to the translations made from the old set:
 *
 *	create	nothing.  What was emulated MMIO before is known by the set's
 *		generation, which is part of every MMIO spte.
 *	delete, move	translations of the old slot must go.  After the new set
 *		is published, wait until no reader of the old one is left (a
 *		fault holds SRCU from lookup to install), then zap.  Meanwhile
 *		the host may take pages away that only the old slot tells of:
 *		@leaving holds it where the notifier looks.
 *	log	writable translations must go, in the same order.  A fault that
 *		sees the new slot marks its bitmap.
 *	unlog	nothing must; small translations may grow.
 *
 * A set that was replaced, and the slot that left with it, are freed after the
 * next wait that comes anyway, or after one for several of them.  So an update
 * that owes nothing waits for nobody, and no callback starts a grace period of
 * the slow kind, for which the next update would have to wait.
 */
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <linux/quire.h>

#include "mem.h"

/* So many old sets may lie about before an update waits to free them. */
#define SLOTS_MAX_RETIRED	16

/* Index of the first slot that ends beyond @gfn. */
static u32 slots_lower(const struct mem_slots *slots, gfn_t gfn)
{
	u32 low = 0, high = slots->nr;

	while (low < high) {
		u32 mid = low + (high - low) / 2;
		const struct mem_slot *slot = slots->by_gfn[mid];

		if (slot->base_gfn + slot->npages > gfn)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

struct mem_slot *mem_slots_find(struct mem_slots *slots, gfn_t gfn)
{
	u32 i = READ_ONCE(slots->hint);

	if (likely(i < slots->nr) && mem_slot_has(slots->by_gfn[i], gfn))
		return slots->by_gfn[i];

	i = slots_lower(slots, gfn);
	if (i == slots->nr || slots->by_gfn[i]->base_gfn > gfn)
		return NULL;
	WRITE_ONCE(slots->hint, i);
	return slots->by_gfn[i];
}

struct mem_slot *mem_slots_next(const struct mem_slots *slots, gfn_t gfn)
{
	u32 i = slots_lower(slots, gfn);

	return i < slots->nr ? slots->by_gfn[i] : NULL;
}

bool mem_slots_overlap(const struct mem_slots *slots, gfn_t start, gfn_t end)
{
	u32 i = slots_lower(slots, start);

	return i < slots->nr && slots->by_gfn[i]->base_gfn < end;
}

static struct mem_slot *slots_find_id(const struct mem_slots *slots, u32 id)
{
	u32 i;

	for (i = 0; i < slots->nr; i++)
		if (slots->by_gfn[i]->id == id)
			return slots->by_gfn[i];
	return NULL;
}

static struct mem_slots *slots_alloc(u32 nr)
{
	struct mem_slots *slots;

	slots = kvmalloc(struct_size(slots, by_gfn, nr), GFP_KERNEL_ACCOUNT);
	if (slots) {
		slots->retired = NULL;
		slots->left = NULL;
		slots->nr = nr;
		slots->hint = 0;
	}
	return slots;
}

/* A copy of @cur without @remove and with @add; either may be NULL. */
static struct mem_slots *slots_replace(const struct mem_slots *cur,
				       const struct mem_slot *remove,
				       struct mem_slot *add)
{
	struct mem_slots *next = slots_alloc(cur->nr - !!remove + !!add);
	u32 i, n = 0;

	if (!next)
		return NULL;
	next->generation = cur->generation + 1;
	for (i = 0; i < cur->nr; i++) {
		struct mem_slot *slot = cur->by_gfn[i];

		if (slot == remove)
			continue;
		if (add && add->base_gfn < slot->base_gfn) {
			next->by_gfn[n++] = add;
			add = NULL;
		}
		next->by_gfn[n++] = slot;
	}
	if (add)
		next->by_gfn[n++] = add;
	WARN_ON_ONCE(n != next->nr);
	return next;
}

static void slot_free(struct mem_slot *slot)
{
	if (!slot)
		return;
	kvfree(slot->dirty);
	kfree(slot);
}

/* Old sets have no reader any more. */
static void slots_free_retired(struct guest_memory *mem)
{
	struct mem_slots *slots = mem->retired;

	while (slots) {
		struct mem_slots *next = slots->retired;

		slot_free(slots->left);
		kvfree(slots);
		slots = next;
	}
	mem->retired = NULL;
	mem->nr_retired = 0;
}

/* Wait for the readers of all old sets. */
static void slots_wait(struct guest_memory *mem)
{
	synchronize_srcu_expedited(&mem->srcu);
	slots_free_retired(mem);
}

/* @slots is not published any more, and no translation needs @left. */
static void slots_retire(struct guest_memory *mem, struct mem_slots *slots,
			 struct mem_slot *left)
{
	slots->left = left;
	slots->retired = mem->retired;
	mem->retired = slots;
	if (++mem->nr_retired >= SLOTS_MAX_RETIRED)
		slots_wait(mem);
}

/* The slot that @region describes, not published. */
static struct mem_slot *slot_alloc(const struct kvm_userspace_memory_region2 *region)
{
	struct mem_slot *slot = kzalloc(sizeof(*slot), GFP_KERNEL_ACCOUNT);

	if (!slot)
		return NULL;
	slot->base_gfn = gpa_to_gfn(region->guest_phys_addr);
	slot->npages = region->memory_size >> PAGE_SHIFT;
	slot->hva = region->userspace_addr;
	slot->id = region->slot;
	slot->flags = region->flags;
	if (!(slot->flags & KVM_MEM_LOG_DIRTY_PAGES))
		return slot;

	slot->dirty = kvcalloc(BITS_TO_LONGS(slot->npages), sizeof(long),
			       GFP_KERNEL_ACCOUNT);
	if (slot->dirty)
		return slot;
	slot_free(slot);
	return NULL;
}

/* Everything about @region that needs no look at the other slots. */
static int region_check(const struct guest_memory *mem,
			const struct kvm_userspace_memory_region2 *region)
{
	u64 gpa = region->guest_phys_addr, size = region->memory_size;
	u64 hva = region->userspace_addr, last;

	if (region->flags & ~(u32)(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY))
		return -EINVAL;
	/* The upper half is an address space id, and there is only space 0. */
	if (region->slot >= MEM_USER_SLOTS)
		return -EINVAL;
	if (!PAGE_ALIGNED(gpa) || !PAGE_ALIGNED(size) || !PAGE_ALIGNED(hva))
		return -EINVAL;
	if (size >> PAGE_SHIFT > MEM_SLOT_MAX_PAGES)
		return -EINVAL;
	if (check_add_overflow(gpa, size ? size - 1 : 0, &last) ||
	    last >> mem->phys_bits)
		return -EINVAL;
	if (hva != (hva_t)hva || !access_ok((void __user *)(hva_t)hva, size))
		return -EINVAL;
	return 0;
}

/* Can @old become what @region describes? */
static bool region_can_follow(const struct mem_slot *old,
			      const struct kvm_userspace_memory_region2 *region)
{
	return region->userspace_addr == old->hva &&
	       region->memory_size >> PAGE_SHIFT == old->npages &&
	       !((region->flags ^ old->flags) & KVM_MEM_READONLY);
}

/* Would @region, in place of @old (or NULL), lie upon another slot? */
static bool region_overlaps(const struct mem_slots *slots,
			    const struct mem_slot *old,
			    const struct kvm_userspace_memory_region2 *region)
{
	gfn_t start = gpa_to_gfn(region->guest_phys_addr);
	gfn_t end = start + (region->memory_size >> PAGE_SHIFT);
	u32 i;

	for (i = slots_lower(slots, start); i < slots->nr; i++) {
		if (slots->by_gfn[i]->base_gfn >= end)
			break;
		if (slots->by_gfn[i] != old)
			return true;
	}
	return false;
}

/* Have the listener follow the change from @old to @new that was published. */
static void slots_settle(struct guest_memory *mem, struct mem_slot *old,
			 const struct mem_slot *new)
{
	struct mem_listener *listener =
		rcu_dereference_protected(mem->listener,
					  lockdep_is_held(&mem->slots_lock));
	bool goes = !new || new->base_gfn != old->base_gfn;

	/* Until this returns, a fault may still install what @old says. */
	if (goes || new->dirty)
		slots_wait(mem);

	if (!listener)
		return;
	if (goes)
		listener->ops->zap(listener, old->base_gfn,
				   old->base_gfn + old->npages, true);
	else if (new->dirty)
		listener->ops->protect(listener, new, NULL);
	else
		listener->ops->unlogged(listener, new);
}

/* Publish the set in which @new stands in the place of @old; either may be NULL. */
static int slots_update(struct guest_memory *mem, struct mem_slot *old,
			struct mem_slot *new)
{
	struct mem_slots *cur, *next;

	lockdep_assert_held(&mem->slots_lock);

	cur = mem_slots(mem);
	next = slots_replace(cur, old, new);
	if (!next)
		return -ENOMEM;

	rcu_assign_pointer(mem->leaving, old);
	rcu_assign_pointer(mem->slots, next);
	if (old) {
		slots_settle(mem, old, new);
		RCU_INIT_POINTER(mem->leaving, NULL);
	}
	slots_retire(mem, cur, old);
	return 0;
}

static int mem_set_region_locked(struct guest_memory *mem,
				 const struct kvm_userspace_memory_region2 *region)
{
	struct mem_slots *slots = mem_slots(mem);
	struct mem_slot *old = slots_find_id(slots, region->slot);
	struct mem_slot *new;
	int r;

	if (!region->memory_size)
		return old ? slots_update(mem, old, NULL) : -EINVAL;

	if (old && !region_can_follow(old, region))
		return -EINVAL;
	if (old && gpa_to_gfn(region->guest_phys_addr) == old->base_gfn &&
	    region->flags == old->flags)
		return 0;
	if (region_overlaps(slots, old, region))
		return -EEXIST;

	new = slot_alloc(region);
	if (!new)
		return -ENOMEM;
	r = slots_update(mem, old, new);
	if (r)
		slot_free(new);
	return r;
}

int mem_set_region(struct guest_memory *mem,
		   const struct kvm_userspace_memory_region2 *region)
{
	int r = region_check(mem, region);

	if (r)
		return r;
	mutex_lock(&mem->slots_lock);
	r = mem_set_region_locked(mem, region);
	mutex_unlock(&mem->slots_lock);
	return r;
}

enum mem_backing mem_backing(struct guest_memory *mem, gfn_t gfn)
{
	const struct mem_slot *slot = mem_find_slot(mem, gfn);

	if (!slot)
		return MEM_ABSENT;
	return slot->flags & KVM_MEM_READONLY ? MEM_READ_ONLY : MEM_RAM;
}

hva_t mem_gfn_to_hva(struct guest_memory *mem, gfn_t gfn, bool write)
{
	const struct mem_slot *slot = mem_find_slot(mem, gfn);

	if (!slot || (write && slot->flags & KVM_MEM_READONLY))
		return MEM_BAD_HVA;
	return mem_slot_hva(slot, gfn);
}

void mem_set_listener(struct guest_memory *mem, struct mem_listener *listener)
{
	mutex_lock(&mem->slots_lock);
	rcu_assign_pointer(mem->listener, listener);
	mutex_unlock(&mem->slots_lock);
	/* The notifier calls the listener under SRCU. */
	if (!listener)
		synchronize_srcu(&mem->srcu);
}

int mem_vm_init(struct guest_memory *mem, struct mm_struct *mm, u8 phys_bits)
{
	struct mem_slots *slots = slots_alloc(0);
	int r;

	if (!slots)
		return -ENOMEM;
	slots->generation = 1;
	r = init_srcu_struct(&mem->srcu);
	if (r)
		goto err_free_slots;

	mem->mm = mm;
	mem->phys_bits = phys_bits;
	mutex_init(&mem->slots_lock);
	rwlock_init(&mem->mmu_lock);
	memset(&mem->inval, 0, sizeof(mem->inval));
	RCU_INIT_POINTER(mem->slots, slots);
	RCU_INIT_POINTER(mem->leaving, NULL);
	RCU_INIT_POINTER(mem->listener, NULL);
	mem->retired = NULL;
	mem->nr_retired = 0;
	mmgrab(mm);
	r = mem_notifier_register(mem);
	if (r)
		goto err_drop_mm;
	return 0;

err_drop_mm:
	mmdrop(mm);
	cleanup_srcu_struct(&mem->srcu);
err_free_slots:
	kvfree(slots);
	return r;
}

void mem_vm_destroy(struct guest_memory *mem)
{
	struct mem_slots *slots = rcu_dereference_protected(mem->slots, true);
	u32 i;

	WARN_ON_ONCE(rcu_access_pointer(mem->listener));
	mem_notifier_unregister(mem);
	cleanup_srcu_struct(&mem->srcu);
	slots_free_retired(mem);
	for (i = 0; i < slots->nr; i++)
		slot_free(slots->by_gfn[i]);
	kvfree(slots);
	mmdrop(mem->mm);
}
