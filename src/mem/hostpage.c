// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host pages: what stands behind an hva at this moment.
 *
 * A page is looked up, its frame goes into an spte, and the reference is dropped
 * at once: the notifier guards the spte, not a pin.  So the host stays free to
 * swap, migrate, merge and split what the guest uses.
 *
 * Lookup goes from cheap to dear.  A look at the host's tables says what to try:
 * without any lock if the page is there and allows it, by the fault handler if
 * not, and for mappings that have no struct page by the table entry itself.  A
 * read also takes a page that may be written, and maps it so, if that costs
 * nothing: the write that mostly follows then needs no fault.
 *
 * What the host has to read from somewhere first may take any time.  Whoever has
 * something else to do is told so, and has a worker bring the page.
 *
 * A page that is mapped writable counts as dirty from then on.  The host cleans
 * a page only after it asked for it back, and the next write faults again.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>

#include "../host/compat/gup.h"
#include "../host/compat/pfnmap.h"
#include "mem.h"

/**
 * struct host_entry - what the host's tables say of an address
 * @level:	of the mapping, or PT_LEVEL_NONE
 * @writable:	it may be written
 */
struct host_entry {
	int level;
	bool writable;
};

#define HOST_ENTRY(which, entry)					\
	((struct host_entry){ .level = (which), .writable = (entry) })

/* From the top; anything that is not plainly there counts as nothing. */
static struct host_entry host_walk(struct mm_struct *mm, hva_t hva)
{
	pgd_t pgd = READ_ONCE(*pgd_offset(mm, hva));
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;
	pte_t pte;

	if (pgd_none(pgd))
		return HOST_ENTRY(PT_LEVEL_NONE, false);
	p4d = READ_ONCE(*p4d_offset(&pgd, hva));
	if (!p4d_present(p4d))
		return HOST_ENTRY(PT_LEVEL_NONE, false);
	pud = READ_ONCE(*pud_offset(&p4d, hva));
	if (!pud_present(pud))
		return HOST_ENTRY(PT_LEVEL_NONE, false);
	if (pud_leaf(pud))
		return HOST_ENTRY(PT_LEVEL_1G, pud_write(pud));
	pmd = READ_ONCE(*pmd_offset(&pud, hva));
	if (!pmd_present(pmd))
		return HOST_ENTRY(PT_LEVEL_NONE, false);
	if (pmd_leaf(pmd))
		return HOST_ENTRY(PT_LEVEL_2M, pmd_write(pmd));
	pte = READ_ONCE(*pte_offset_kernel(&pmd, hva));
	if (!pte_present(pte))
		return HOST_ENTRY(PT_LEVEL_NONE, false);
	return HOST_ENTRY(PT_LEVEL_4K, pte_write(pte));
}

/*
 * With IRQs off, a table that the host frees stays until this CPU has answered,
 * as for get_user_pages_fast().
 */
static struct host_entry host_entry(struct guest_memory *mem, hva_t hva)
{
	struct host_entry entry;
	unsigned long flags;

	local_irq_save(flags);
	entry = host_walk(mem->mm, hva);
	local_irq_restore(flags);
	return entry;
}

int mem_host_level(struct guest_memory *mem, hva_t hva)
{
	return host_entry(mem, hva).level;
}

static int host_page_found(struct host_page *hp, struct page *page,
			   struct host_entry entry)
{
	hp->pfn = page_to_pfn(page);
	hp->page = page;
	hp->writable = entry.writable;
	hp->level = entry.level;
	return 0;
}

/* A mapping that get_user_pages() refuses: VM_IO or VM_PFNMAP. */
static int host_page_pfnmap(struct guest_memory *mem, struct vm_area_struct *vma,
			    hva_t hva, bool write, struct host_page *hp)
{
	bool unlocked = false, writable;
	unsigned long pfn;
	int r;

	mmap_assert_locked(vma->vm_mm);

	if (compat_follow_pfnmap(vma, hva, &pfn, &writable)) {
		r = fixup_user_fault(vma->vm_mm, hva,
				     write ? FAULT_FLAG_WRITE : 0, &unlocked);
		if (r)
			return r;
		/* The area may be another one now. */
		if (unlocked)
			return -EAGAIN;
		if (compat_follow_pfnmap(vma, hva, &pfn, &writable))
			return -EFAULT;
	}
	if (write && !writable)
		return -EFAULT;
	hp->pfn = pfn;
	hp->page = NULL;
	hp->writable = writable;
	hp->level = mem_host_level(mem, hva);
	return 0;
}

static int host_page_special(struct guest_memory *mem, hva_t hva, bool write,
			     struct host_page *hp)
{
	struct vm_area_struct *vma;
	int r = -EFAULT;

	if (mmap_read_lock_killable(mem->mm))
		return -EINTR;
	vma = vma_lookup(mem->mm, hva);
	if (vma && vma->vm_flags & (VM_IO | VM_PFNMAP) &&
	    vma->vm_flags & (write ? VM_WRITE : VM_READ))
		r = host_page_pfnmap(mem, vma, hva, write, hp);
	mmap_read_unlock(mem->mm);
	return r;
}

static int host_page_slow(struct guest_memory *mem, hva_t hva, bool write, bool wait,
			  struct host_page *hp)
{
	struct host_entry entry = { .level = PT_LEVEL_4K, .writable = write };
	struct page *page, *again;
	long n;

	n = get_user_pages_unlocked(hva, 1, &page,
				    FOLL_HWPOISON | (write ? FOLL_WRITE : 0) |
				    (wait ? COMPAT_FOLL_INTERRUPTIBLE : FOLL_NOWAIT));
	if (n == -EHWPOISON)
		return n;
	if (!n && !wait)
		return -EBUSY;
	if (n != 1)
		return n == -EINTR || fatal_signal_pending(current) ? -EINTR :
			host_page_special(mem, hva, write, hp);
	if (write && !PageCompound(page))
		return host_page_found(hp, page, entry);

	entry = host_entry(mem, hva);
	/* What was read may have come in writable. */
	if (!write && entry.writable &&
	    get_user_page_fast_only(hva, FOLL_WRITE, &again)) {
		put_page(page);
		page = again;
	} else {
		entry.writable = write;
	}
	return host_page_found(hp, page, entry);
}

int mem_host_page_get(struct guest_memory *mem, hva_t hva, bool write, bool wait,
		      struct host_page *hp)
{
	struct host_entry entry = host_entry(mem, hva);
	struct page *page;

	if (entry.level != PT_LEVEL_NONE && (entry.writable || !write) &&
	    get_user_page_fast_only(hva, entry.writable ? FOLL_WRITE : 0, &page))
		return host_page_found(hp, page, entry);
	return host_page_slow(mem, hva, write, wait, hp);
}

int mem_host_page_bring(struct mm_struct *mm, hva_t hva, bool write)
{
	int locked = 1;
	long n;

	mmap_read_lock(mm);
	n = compat_gup_remote(mm, hva, write ? FOLL_WRITE : 0, &locked);
	if (locked)
		mmap_read_unlock(mm);
	return n == 1 ? 0 : n < 0 ? n : -EFAULT;
}

void mem_host_page_put(struct host_page *hp, bool mapped)
{
	struct page *page = hp->page;

	if (!page)
		return;
	if (mapped && hp->writable && !PageDirty(page) && !PageReserved(page))
		SetPageDirty(page);
	put_page(page);
}

bool mem_host_page_is_mmio(const struct host_page *hp)
{
	return !hp->page && !page_is_ram(hp->pfn);
}
