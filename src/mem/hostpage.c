// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host pages: what stands behind an hva at this moment.
 *
 * A page is looked up, its frame goes into an spte, and the reference is dropped
 * at once: the notifier guards the spte, not a pin.  So the host stays free to
 * swap, migrate, merge and split what the guest uses.
 *
 * Lookup goes from cheap to dear: the host's tables without any lock, then the
 * fault handler, and for mappings that have no struct page the table entry
 * itself.  A read also takes a page that may be written, and maps it so, if that
 * costs nothing: the write that mostly follows then needs no fault.
 *
 * A page that is mapped writable counts as dirty from then on.  The host cleans
 * a page only after it asked for it back, and the next write faults again.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>

#include "../host/compat/pfnmap.h"
#include "mem.h"

static int host_page_found(struct host_page *hp, struct page *page, bool writable)
{
	hp->pfn = page_to_pfn(page);
	hp->page = page;
	hp->writable = writable;
	return 0;
}

/* A mapping that get_user_pages() refuses: VM_IO or VM_PFNMAP. */
static int host_page_pfnmap(struct vm_area_struct *vma, hva_t hva, bool write,
			    struct host_page *hp)
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
		r = host_page_pfnmap(vma, hva, write, hp);
	mmap_read_unlock(mem->mm);
	return r;
}

static int host_page_slow(struct guest_memory *mem, hva_t hva, bool write,
			  struct host_page *hp)
{
	struct page *page, *again;
	long n;

	n = get_user_pages_unlocked(hva, 1, &page,
				    FOLL_HWPOISON | (write ? FOLL_WRITE : 0));
	if (n == -EHWPOISON)
		return n;
	if (n != 1)
		return fatal_signal_pending(current) ? -EINTR :
			host_page_special(mem, hva, write, hp);

	/* What was read-only a moment ago may be writable as it came in. */
	if (!write && get_user_page_fast_only(hva, FOLL_WRITE, &again)) {
		put_page(page);
		page = again;
		write = true;
	}
	return host_page_found(hp, page, write);
}

int mem_host_page_get(struct guest_memory *mem, hva_t hva, bool write,
		      struct host_page *hp)
{
	struct page *page;

	if (likely(get_user_page_fast_only(hva, FOLL_WRITE, &page)))
		return host_page_found(hp, page, true);
	if (!write && get_user_page_fast_only(hva, 0, &page))
		return host_page_found(hp, page, false);
	return host_page_slow(mem, hva, write, hp);
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

/*
 * The host's tables, from the top, with IRQs off: a table that the host frees
 * stays until this CPU has answered, as for get_user_pages_fast().
 */
static int host_walk_level(struct mm_struct *mm, hva_t hva)
{
	pgd_t pgd = READ_ONCE(*pgd_offset(mm, hva));
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;

	if (pgd_none(pgd))
		return PT_LEVEL_4K;
	p4d = READ_ONCE(*p4d_offset(&pgd, hva));
	if (p4d_none(p4d) || !p4d_present(p4d))
		return PT_LEVEL_4K;
	pud = READ_ONCE(*pud_offset(&p4d, hva));
	if (pud_none(pud) || !pud_present(pud))
		return PT_LEVEL_4K;
	if (pud_leaf(pud))
		return PT_LEVEL_1G;
	pmd = READ_ONCE(*pmd_offset(&pud, hva));
	if (pmd_none(pmd) || !pmd_present(pmd))
		return PT_LEVEL_4K;
	return pmd_leaf(pmd) ? PT_LEVEL_2M : PT_LEVEL_4K;
}

int mem_host_level(struct guest_memory *mem, hva_t hva,
		   const struct host_page *hp)
{
	unsigned long flags;
	int level;

	if (hp && hp->page && !PageCompound(hp->page))
		return PT_LEVEL_4K;
	local_irq_save(flags);
	level = host_walk_level(mem->mm, hva);
	local_irq_restore(flags);
	return level;
}
