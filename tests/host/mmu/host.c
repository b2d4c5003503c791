// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host: page tables of a VMM, frames behind them, and what the host's memory
 * management does to them.  Stands in for src/mem/hostpage.c.
 *
 * Each change goes as in the kernel: announce, change the tables, free, say that it
 * is over.  Lookups go on meanwhile.  A frame that is freed is dead for good: its
 * number is not used again.
 */
#include <unistd.h>

#include "world.h"

static struct host *const host = &world.host;

static hva_t page_hva(u32 page)
{
	return HOST_HVA + (hva_t)page * PAGE_SIZE;
}

/* Frames for @n pages from @page on, aligned to @n. */
static u32 frames_first(u32 n)
{
	return (host->next_frame + n - 1) / n * n;
}

static bool frames_left(u32 n)
{
	return frames_first(n) + n <= HOST_FRAMES;
}

bool host_has_frames(u32 n)
{
	bool left;

	pthread_mutex_lock(&host->ops);
	left = frames_left(n);
	pthread_mutex_unlock(&host->ops);
	return left;
}

static u64 frames_new(u32 page, u32 n)
{
	u32 first = frames_first(n), i;

	if (!frames_left(n))
		abort();
	host->next_frame = first + n;
	for (i = 0; i < n; i++) {
		host->frames[first + i].page = page + i;
		host->frames[first + i].device = host->ptes[page + i].device;
		WRITE_ONCE(host->frames[first + i].content, 0);
		WRITE_ONCE(host->frames[first + i].alive, 1);
	}
	return HOST_PFN + first;
}

static void ptes_set(u32 page, u64 pfn, int level, bool writable)
{
	u32 i;

	for (i = 0; i < pt_level_pages(level); i++) {
		host->ptes[page + i].pfn = pfn + i;
		host->ptes[page + i].level = level;
		host->ptes[page + i].writable = writable;
	}
}

static u32 block_pages(u32 page)
{
	const struct host_pte *pte = &host->ptes[page];

	return pte->pfn ? pt_level_pages(pte->level) : 1;
}

static u32 block_first(u32 page)
{
	return page & ~(block_pages(page) - 1);
}

/* Replace what is mapped at a block by new frames with the same content. */
static void block_copy(u32 first, u32 n, int level)
{
	u64 pfn = frames_new(first, n);
	u32 i;

	for (i = 0; i < n; i++) {
		u64 old = host->ptes[first + i].pfn;

		if (!old)
			continue;
		WRITE_ONCE(host->frames[pfn - HOST_PFN + i].content,
			   READ_ONCE(host->frames[old - HOST_PFN].content));
		WRITE_ONCE(host->frames[old - HOST_PFN].alive, 0);
	}
	for (i = 0; i < n; i += pt_level_pages(level))
		ptes_set(first + i, pfn + i, level, true);
}

static void op_begin(u32 page, u32 n)
{
	mem_invalidate_begin(&world.mem, page_hva(page), page_hva(page + n), true);
	if (world.invalidated)
		world.invalidated(page, n);
	pthread_mutex_lock(&host->tables);
}

static void op_end(u32 page, u32 n)
{
	pthread_mutex_unlock(&host->tables);
	mem_invalidate_end(&world.mem, page_hva(page), page_hva(page + n));
}

void host_map(u32 page, int level, bool writable)
{
	u32 n = pt_level_pages(level), first = page & ~(n - 1);

	pthread_mutex_lock(&host->tables);
	ptes_set(first, frames_new(first, n), level, writable);
	pthread_mutex_unlock(&host->tables);
}

void host_device(u32 page, u32 npages, bool device)
{
	u32 i;

	for (i = 0; i < npages; i++)
		host->ptes[page + i].device = device;
}

static void host_take(u32 page, u32 n, bool hole)
{
	u32 i, end = page + n;

	pthread_mutex_lock(&host->ops);
	/* A large page goes as a whole: that keeps the model simple. */
	page = block_first(page);
	end = block_first(end - 1) + block_pages(end - 1);
	op_begin(page, end - page);
	for (i = page; i < end; i++) {
		if (host->ptes[i].pfn)
			WRITE_ONCE(host->frames[host->ptes[i].pfn - HOST_PFN].alive, 0);
		host->ptes[i].pfn = 0;
		host->ptes[i].hole = hole;
	}
	op_end(page, end - page);
	pthread_mutex_unlock(&host->ops);
}

void host_unmap(u32 page, u32 npages)
{
	host_take(page, npages, false);
}

void host_hole(u32 page, u32 npages)
{
	host_take(page, npages, true);
}

void host_migrate(u32 page)
{
	u32 first, n;

	pthread_mutex_lock(&host->ops);
	first = block_first(page);
	n = block_pages(page);
	op_begin(first, n);
	if (host->ptes[first].pfn)
		block_copy(first, n, host->ptes[first].level);
	op_end(first, n);
	pthread_mutex_unlock(&host->ops);
}

void host_split(u32 page)
{
	u32 i, first, n;

	pthread_mutex_lock(&host->ops);
	first = block_first(page);
	n = block_pages(page);
	op_begin(first, n);
	for (i = first; i < first + n; i++)
		host->ptes[i].level = PT_LEVEL_4K;
	op_end(first, n);
	pthread_mutex_unlock(&host->ops);
}

void host_collapse(u32 page)
{
	u32 first = page & ~511u, i;
	bool small = true;

	pthread_mutex_lock(&host->ops);
	op_begin(first, 512);
	for (i = first; i < first + 512; i++)
		small &= !host->ptes[i].hole && !host->ptes[i].device &&
			 (!host->ptes[i].pfn || host->ptes[i].level == PT_LEVEL_4K);
	if (small)
		block_copy(first, 512, PT_LEVEL_2M);
	op_end(first, 512);
	pthread_mutex_unlock(&host->ops);
}

void host_write_protect(u32 page)
{
	u32 first, n, i;

	pthread_mutex_lock(&host->ops);
	first = block_first(page);
	n = block_pages(page);
	op_begin(first, n);
	for (i = first; i < first + n; i++)
		host->ptes[i].writable = false;
	op_end(first, n);
	pthread_mutex_unlock(&host->ops);
}

/* The fault handler: a new page, or a private copy.  Holds neither lock. */
static int host_fault(u32 page, bool write)
{
	struct host_pte *pte = &host->ptes[page];
	u32 first, n, i;
	bool empty = true;

	pthread_mutex_lock(&host->ops);
	first = block_first(page);
	n = block_pages(page);
	if (pte->pfn && write && !pte->writable) {
		op_begin(first, n);
		block_copy(first, n, pte->level);
		op_end(first, n);
	} else if (!pte->pfn) {
		pthread_mutex_lock(&host->tables);
		first = page & ~511u;
		for (i = first; i < first + 512; i++)
			empty &= !host->ptes[i].pfn && !host->ptes[i].hole &&
				 !host->ptes[i].device;
		if (host->huge && empty)
			ptes_set(first, frames_new(first, 512), PT_LEVEL_2M, true);
		else
			ptes_set(page, frames_new(page, 1), PT_LEVEL_4K,
				 write || !host->shared_reads);
		pthread_mutex_unlock(&host->tables);
	}
	pthread_mutex_unlock(&host->ops);
	return 0;
}

int mem_host_page_get(struct guest_memory *mem, hva_t hva, bool write, bool wait,
		      struct host_page *hp)
{
	u32 page = (hva - HOST_HVA) / PAGE_SIZE;
	void (*after)(void) = world.after_lookup;
	struct host_pte pte;

	shim_might_sleep("mem_host_page_get()");
	if (hva < HOST_HVA || page >= HOST_PAGES)
		return -EFAULT;
	for (;;) {
		pthread_mutex_lock(&host->tables);
		host->lookups++;
		pte = host->ptes[page];
		pthread_mutex_unlock(&host->tables);
		if (pte.hole)
			return -EFAULT;
		if (pte.pfn && (pte.writable || !write))
			break;
		if (!wait)
			return -EBUSY;
		host_fault(page, write);
	}
	hp->pfn = pte.pfn;
	hp->page = NULL;
	hp->writable = pte.writable;
	hp->level = pte.level;
	/* Those who race with a fault have most to do now. */
	if (shim_hooks.dawdle && shim_sometimes())
		usleep(50);
	if (after) {
		world.after_lookup = NULL;
		after();
	}
	return 0;
}

size_t host_user_copy(hva_t hva, void *buf, size_t n, bool write)
{
	u32 page = (hva - HOST_HVA) / PAGE_SIZE;
	struct host_frame *frame;
	struct host_pte pte;

	/* A page has but one word. */
	if (hva < HOST_HVA || page >= HOST_PAGES || n > sizeof(frame->content) ||
	    offset_in_page(hva))
		return n;
	for (;;) {
		pthread_mutex_lock(&host->tables);
		pte = host->ptes[page];
		if (pte.pfn && (pte.writable || !write))
			break;
		pthread_mutex_unlock(&host->tables);
		if (pte.hole)
			return n;
		host_fault(page, write);
	}
	frame = &host->frames[pte.pfn - HOST_PFN];
	if (write)
		WRITE_ONCE(frame->content, *(u64 *)buf);
	else
		*(u64 *)buf = READ_ONCE(frame->content);
	pthread_mutex_unlock(&host->tables);
	return 0;
}

void mem_host_page_put(struct host_page *hp, bool mapped)
{
}

int mem_host_level(struct guest_memory *mem, hva_t hva)
{
	u32 page = (hva - HOST_HVA) / PAGE_SIZE;
	int level;

	pthread_mutex_lock(&host->tables);
	level = host->ptes[page].pfn ? host->ptes[page].level : PT_LEVEL_NONE;
	pthread_mutex_unlock(&host->tables);
	return level;
}

bool mem_host_page_is_mmio(const struct host_page *hp)
{
	return host->frames[hp->pfn - HOST_PFN].device;
}
