/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory: the slots that map gfns to hvas, host pages behind them, the
 * host's invalidations, and the record of what was written.
 *
 * A VM has one struct guest_memory.  Readers look slots up under SRCU and see
 * one consistent set of them; an update builds the next set, publishes it, waits
 * for the readers of the old one where that matters, and then has the listener
 * (the MMU) drop what it mapped through the slots that went.  Host pages are
 * looked up and released again, never pinned: the notifier tells the listener
 * before the host takes one away.
 *
 * Lock order: slots_lock > SRCU (mem_read_lock()) > mmu_lock.
 */
#ifndef QUIRE_MEM_MEM_H
#define QUIRE_MEM_MEM_H

#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>

#include "../types.h"

struct guest_memory;
struct kvm_dirty_log;
struct kvm_userspace_memory_region2;
struct mm_struct;
struct page;

/* Slot ids that user space may use, and the size of one slot. */
#define MEM_USER_SLOTS		32764
#define MEM_SLOT_MAX_PAGES	((1ull << 31) - 1)

/* No host address: the gfn is absent, or read-only and a write was asked for. */
#define MEM_BAD_HVA		(~(hva_t)0)

/**
 * struct mem_slot - a range of gfns that is backed by a range of hvas
 * @base_gfn:	first gfn
 * @npages:	size in 4K pages, never 0
 * @hva:	host address of @base_gfn, page aligned
 * @id:		the number that user space gave it
 * @flags:	KVM_MEM_* as user space gave them
 * @dirty:	one bit per page when KVM_MEM_LOG_DIRTY_PAGES is set, else NULL;
 *		bits are set and cleared by atomic operations
 *
 * Immutable once published, but for the bits of @dirty.
 */
struct mem_slot {
	gfn_t base_gfn;
	u64 npages;
	hva_t hva;
	u32 id;
	u32 flags;
	unsigned long *dirty;
};

/**
 * struct mem_slots - one published set of slots, immutable but for @hint
 * @retired:	in guest_memory.retired, once it was replaced
 * @left:	the slot that is not in the next set any more; its end is this set's
 * @generation:	differs in every set that a VM ever had; counts up
 * @nr:		number of slots
 * @hint:	index of the slot that was found last; any value is right
 * @by_gfn:	the slots, in the order of their gfns, without overlap
 */
struct mem_slots {
	struct mem_slots *retired;
	struct mem_slot *left;
	u64 generation;
	u32 nr;
	u32 hint;
	struct mem_slot *by_gfn[];
};

/**
 * enum mem_backing - what stands behind a gfn
 * @MEM_ABSENT:	  nothing: an access is emulated MMIO
 * @MEM_READ_ONLY: memory for reads; a write is emulated MMIO
 * @MEM_RAM:	  memory
 */
enum mem_backing {
	MEM_ABSENT,
	MEM_READ_ONLY,
	MEM_RAM,
};

struct mem_listener;

/**
 * struct mem_listener_ops - what guest memory asks of whoever maps it
 *
 * The gfns of a range are all of one slot.  @end is exclusive.  Called with the
 * slots' SRCU held or with slots_lock, never with mmu_lock.
 *
 * @zap:	drop every translation of the range and return when no TLB holds
 *		one.  @may_sleep false: must not sleep (and not resched).
 * @young:	was the range accessed since its accessed bits were last cleared?
 *		Clears them if @clear.  Never sleeps, takes no mmu_lock.
 * @protect:	take write access away from the pages of @slot whose bits are
 *		set in @bitmap (NULL: all of them), so that the next write marks
 *		the slot's bitmap; returns when no TLB allows a write.  May sleep.
 * @unlogged:	dirty logging of @slot ended: large mappings may come back.
 *		May sleep.
 * @zap_all:	drop every translation of every slot.  May sleep.
 */
struct mem_listener_ops {
	void (*zap)(struct mem_listener *listener, gfn_t start, gfn_t end,
		    bool may_sleep);
	bool (*young)(struct mem_listener *listener, gfn_t start, gfn_t end,
		      bool clear);
	void (*protect)(struct mem_listener *listener,
			const struct mem_slot *slot,
			const unsigned long *bitmap);
	void (*unlogged)(struct mem_listener *listener,
			 const struct mem_slot *slot);
	void (*zap_all)(struct mem_listener *listener);
};

/**
 * struct mem_listener - embedded in what maps the memory (struct mmu_vm)
 * @ops:	constant
 */
struct mem_listener {
	const struct mem_listener_ops *ops;
};

/* How many invalidations may end during a fault before it takes them for its own. */
#define MEM_ENDED		8

/**
 * struct mem_hva_range - hvas from @start on, @end exclusive
 * @start, @end: in bytes
 */
struct mem_hva_range {
	hva_t start;
	hva_t end;
};

/**
 * struct mem_invalidation - the host's invalidations that are under way
 * @seq:	counts up when one ends
 * @active:	how many are under way
 * @around:	the least range around those under way
 * @ended:	the last ones that ended: at @seq modulo MEM_ENDED before it counted
 *
 * Written under mmu_lock held exclusive: under mmu_lock held shared, what
 * mem_invalidated() denies cannot begin.
 */
struct mem_invalidation {
	unsigned long seq;
	unsigned long active;
	struct mem_hva_range around;
	struct mem_hva_range ended[MEM_ENDED];
};

/**
 * struct guest_memory - the memory of one VM
 * @mm:		the address space that the hvas are of; constant
 * @phys_bits:	width of a guest physical address; constant
 * @slots_lock:	serialises updates and dirty log reads
 * @srcu:	protects the published set and its slots for readers
 * @slots:	the published set; written under @slots_lock
 * @leaving:	a slot that is no longer in the set, but may still be mapped; set
 *		before the set without it is published; written under @slots_lock
 * @retired:	sets that may still have readers; under @slots_lock
 * @nr_retired:	how many
 * @listener:	who maps the memory
 * @mmu_lock:	shared: to install, change or drop translations of this memory;
 *		exclusive: to announce the begin or end of an invalidation
 * @inval:	see there
 * @notifier:	registered with @mm
 */
struct guest_memory {
	struct mm_struct *mm;
	u8 phys_bits;
	struct mutex slots_lock;
	struct srcu_struct srcu;
	struct mem_slots __rcu *slots;
	struct mem_slot __rcu *leaving;
	struct mem_slots *retired;
	unsigned int nr_retired;
	struct mem_listener __rcu *listener;
	rwlock_t mmu_lock;
	struct mem_invalidation inval;
	struct mmu_notifier notifier;
};

/**
 * mem_vm_init() - memory without slots
 * @mm: where the hvas will be; the caller's own
 * @phys_bits: no slot may reach beyond gpa 1 << @phys_bits
 * May sleep.  Return: 0 or -errno, after which nothing is to be undone.
 */
int mem_vm_init(struct guest_memory *mem, struct mm_struct *mm, u8 phys_bits);

/**
 * mem_vm_destroy() - free the slots, let go of the address space
 * The listener must be gone (mmu_vm_destroy()), no reader may be left.  May sleep.
 */
void mem_vm_destroy(struct guest_memory *mem);

/**
 * mem_set_listener() - say who maps this memory, or NULL when it ended
 * Set before the first slot is; at NULL the listener must have no translation
 * left.  May sleep.
 */
void mem_set_listener(struct guest_memory *mem, struct mem_listener *listener);

/**
 * mem_set_region() - create, delete, move or re-flag a slot
 * @region: copied from user space, otherwise unchecked.  A memory_size of 0
 *	deletes.  Ids from MEM_USER_SLOTS on and other address spaces (the upper
 *	16 bits) are -EINVAL, as are unknown flags and KVM_MEM_GUEST_MEMFD.
 *
 * Takes slots_lock; the caller holds neither it nor mem_read_lock().  May sleep.
 * Return: 0; -EINVAL for what is not aligned, wraps, is out of range or changes
 * what cannot change; -EEXIST for an overlap; -ENOMEM.
 */
int mem_set_region(struct guest_memory *mem,
		   const struct kvm_userspace_memory_region2 *region);

/**
 * mem_get_dirty_log() - copy a slot's bitmap out, clear it, protect again
 * @log: copied from user space: .slot, and where the bitmap goes
 * Takes slots_lock.  May sleep.
 * Return: 0; -ENOENT if there is no such slot or it is not logged; -EINVAL for a
 * bad id; -EFAULT, after which no bit is lost; -ENOMEM.
 */
int mem_get_dirty_log(struct guest_memory *mem, const struct kvm_dirty_log *log);

/**
 * mem_read_lock() - keep the slots that are found from now on
 * Nests.  One may sleep under it, for as long as the host takes to bring a page
 * in, but a slot update waits meanwhile: never hold it while a guest runs.
 * Return: to be passed to mem_read_unlock().
 */
static inline int mem_read_lock(struct guest_memory *mem)
{
	return srcu_read_lock(&mem->srcu);
}

/** mem_read_unlock() - end of mem_read_lock() */
static inline void mem_read_unlock(struct guest_memory *mem, int idx)
{
	srcu_read_unlock(&mem->srcu, idx);
}

/** mem_slots() - the current set.  Under mem_read_lock() or slots_lock. */
static inline struct mem_slots *mem_slots(struct guest_memory *mem)
{
	return srcu_dereference_check(mem->slots, &mem->srcu,
				      lockdep_is_held(&mem->slots_lock));
}

/** mem_generation() - the current set's.  Under mem_read_lock(). */
static inline u64 mem_generation(struct guest_memory *mem)
{
	return mem_slots(mem)->generation;
}

/** mem_slot_has() - is @gfn one of @slot's? */
static inline bool mem_slot_has(const struct mem_slot *slot, gfn_t gfn)
{
	return gfn - slot->base_gfn < slot->npages;
}

/** mem_slot_hva() - host address of one of @slot's gfns */
static inline hva_t mem_slot_hva(const struct mem_slot *slot, gfn_t gfn)
{
	return slot->hva + ((gfn - slot->base_gfn) << 12);
}

/**
 * mem_slots_find() - the slot of @gfn in one set, or NULL
 * The set, and so the slot, is kept by mem_read_lock() or slots_lock.
 */
struct mem_slot *mem_slots_find(struct mem_slots *slots, gfn_t gfn);

/** mem_slots_next() - the first slot with gfns from @gfn on, or NULL; as mem_slots_find() */
struct mem_slot *mem_slots_next(const struct mem_slots *slots, gfn_t gfn);

/** mem_slots_overlap() - is any gfn of [@start, @end) in a slot of this set? */
bool mem_slots_overlap(const struct mem_slots *slots, gfn_t start, gfn_t end);

/** mem_find_slot() - mem_slots_find() in the current set */
static inline struct mem_slot *mem_find_slot(struct guest_memory *mem, gfn_t gfn)
{
	return mem_slots_find(mem_slots(mem), gfn);
}

/** mem_backing() - what stands behind @gfn.  Under mem_read_lock(). */
enum mem_backing mem_backing(struct guest_memory *mem, gfn_t gfn);

/**
 * mem_gfn_to_hva() - host address of @gfn, or MEM_BAD_HVA
 * @write: a read-only slot is MEM_BAD_HVA too
 * Under mem_read_lock().
 */
hva_t mem_gfn_to_hva(struct guest_memory *mem, gfn_t gfn, bool write);

/**
 * mem_read() - copy from guest memory; may cross pages and slots
 * Under mem_read_lock(); current->mm is @mem->mm.  May sleep.
 * Return: 0, or -EFAULT if a byte is absent (part of @buf may be written).
 */
int mem_read(struct guest_memory *mem, gpa_t gpa, void *buf, size_t len);

/**
 * mem_write() - copy to guest memory, marks it dirty; may cross pages and slots
 * As mem_read(), but -EFAULT for read-only memory also.
 */
int mem_write(struct guest_memory *mem, gpa_t gpa, const void *buf, size_t len);

/**
 * mem_poke() - write one byte, if its page is there
 * As mem_write(), but never sleeps: also with interrupts off.
 * Return: 0, or -EFAULT, then nothing was written.
 */
int mem_poke(struct guest_memory *mem, gpa_t gpa, u8 value);

/**
 * mem_cmpxchg() - compare and exchange in guest memory, atomic for every vCPU
 * @old:   expected value; receives the value found
 * @new:   value to store if the one found is @old
 * @bytes: 1, 2, 4 or 8 within a cache line of 64 bytes; or 16, aligned
 * As mem_write().  Return: 1 exchanged, 0 not (see @old); -EFAULT; -EINVAL for
 * anything else.
 */
int mem_cmpxchg(struct guest_memory *mem, gpa_t gpa, void *old, const void *new,
		unsigned int bytes);

/**
 * mem_read_gpte() - read an aligned entry of @bytes (4 or 8) in one access
 * As mem_read().  Return: 0, or -EFAULT.
 */
int mem_read_gpte(struct guest_memory *mem, gpa_t gpa, unsigned int bytes,
		  u64 *gpte);

/**
 * mem_slot_mark_dirty() - @gfn of @slot was written, or has become writable
 * Does nothing unless the slot is logged.  After the write, and with a full
 * barrier in between: a bit that is set already may be taken by a harvest that
 * has yet to read the page.  Under what keeps the slot.
 */
static inline void mem_slot_mark_dirty(const struct mem_slot *slot, gfn_t gfn)
{
	unsigned long bit;

	if (!slot->dirty)
		return;
	bit = gfn - slot->base_gfn;
	/* The line stays shared while a page is written again and again. */
	if (!test_bit(bit, slot->dirty))
		set_bit(bit, slot->dirty);
}

/**
 * struct host_page - the host page behind a gfn, held for a moment
 * @pfn:	its frame
 * @page:	what mem_host_page_put() releases; NULL for frames without a
 *		struct page, or that are not counted
 * @writable:	the host lets it be written
 * @level:	the largest level at which the host maps it, at least PT_LEVEL_4K
 *		unless it was taken back meanwhile
 */
struct host_page {
	host_pfn_t pfn;
	struct page *page;
	bool writable;
	u8 level;
};

/**
 * mem_host_page_get() - look the host page of @hva up, faulting it in
 * @write: the page is about to be written: breaks copy-on-write
 * @wait: sleep for as long as the host takes to bring it in; otherwise for no longer
 *	than its own locks take
 *
 * Under no spinlock; current->mm is @mem->mm.  Read mem_invalidation_seq() first
 * and check mem_invalidated() under mmu_lock before use.  May sleep.
 * Return: 0, after which mem_host_page_put() is due; -EFAULT, -EHWPOISON, -EINTR,
 * -ENOMEM; -EAGAIN when it raced with a change of the host's mapping; -EBUSY without
 * @wait when the host has to bring the page first.
 */
int mem_host_page_get(struct guest_memory *mem, hva_t hva, bool write, bool wait,
		      struct host_page *hp);

/**
 * mem_host_page_bring() - have the host bring the page of @hva in, and let it be
 * @mm: an address space that is in use (mmget()), of anybody
 * @write: as above
 * Sleeps for as long as that takes, whatever signals there are.
 * Return: 0; -errno if the page cannot be had so.
 */
int mem_host_page_bring(struct mm_struct *mm, hva_t hva, bool write);

/**
 * mem_host_page_put() - end of mem_host_page_get()
 * @mapped: it was mapped for the guest.  If writable, it counts as written from
 *	then on: the host asks for it back, through the notifier, before it may
 *	take it for clean again.
 * Does not sleep.
 */
void mem_host_page_put(struct host_page *hp, bool mapped);

/**
 * mem_host_level() - the level at which the host maps @hva, or PT_LEVEL_NONE
 * Right only as long as no invalidation comes: check as for mem_host_page_get().
 * Does not sleep.
 */
int mem_host_level(struct guest_memory *mem, hva_t hva);

/** mem_host_page_is_mmio() - must @hp be mapped uncached?  Does not sleep. */
bool mem_host_page_is_mmio(const struct host_page *hp);

/** mem_invalidation_seq() - to be read before mem_host_page_get() */
static inline unsigned long mem_invalidation_seq(struct guest_memory *mem)
{
	unsigned long seq = READ_ONCE(mem->inval.seq);

	/* The page is looked up after, see mem_invalidated(). */
	smp_rmb();
	return seq;
}

/** mem_invalidation_ended() - did one of [@start, @end) end since @seq?  As mem_invalidated(). */
bool mem_invalidation_ended(const struct mem_invalidation *inval, unsigned long seq,
			    hva_t start, hva_t end);

/**
 * mem_invalidated() - may the host have taken a page of [@start, @end) since @seq?
 * Under mmu_lock.  False: the pages may be mapped until mmu_lock is released.
 */
static inline bool mem_invalidated(struct guest_memory *mem, unsigned long seq,
				   hva_t start, hva_t end)
{
	const struct mem_invalidation *inval = &mem->inval;

	lockdep_assert_held(&mem->mmu_lock);
	if (unlikely(inval->active) && start < inval->around.end &&
	    end > inval->around.start)
		return true;
	return unlikely(inval->seq != seq) &&
	       mem_invalidation_ended(inval, seq, start, end);
}

/**
 * mem_invalidate_begin() - the host takes back [@start, @end), hvas
 * Drops every translation of it; none comes back before mem_invalidate_end().
 * @may_sleep: as for struct mem_listener_ops.zap.
 */
void mem_invalidate_begin(struct guest_memory *mem, hva_t start, hva_t end,
			  bool may_sleep);

/** mem_invalidate_end() - end of mem_invalidate_begin() of that range.  Does not sleep. */
void mem_invalidate_end(struct guest_memory *mem, hva_t start, hva_t end);

/**
 * mem_young() - was any page of [@start, @end), hvas, accessed by the guest?
 * @clear: forget it.  Does not sleep.
 */
bool mem_young(struct guest_memory *mem, hva_t start, hva_t end, bool clear);

/**
 * mem_release() - the address space ends: drop every translation
 * None comes back, since only tasks of that address space fault.  May sleep.
 */
void mem_release(struct guest_memory *mem);

/** mem_notifier_register(), mem_notifier_unregister() - follow @mem->mm */
int mem_notifier_register(struct guest_memory *mem);
void mem_notifier_unregister(struct guest_memory *mem);

#endif
