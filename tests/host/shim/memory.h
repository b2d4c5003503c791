/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of the kernel in user space: the allocators, pages whose physical and
 * virtual addresses lead to each other, and user accesses.
 */
#ifndef SHIM_MEMORY_H
#define SHIM_MEMORY_H

#include "lock.h"

#define PAGE_SHIFT		12
#define PAGE_SIZE		4096ul
#define PAGE_MASK		(~(PAGE_SIZE - 1))
#define PAGE_ALIGNED(x)		(!((x) & (PAGE_SIZE - 1)))
#define offset_in_page(p)	((unsigned long)(p) & ~PAGE_MASK)

#define GFP_KERNEL		1u
#define GFP_KERNEL_ACCOUNT	1u
#define SLAB_ACCOUNT		0

typedef u64 phys_addr_t;

struct page {
	unsigned long private;
};

struct mm_struct {
	int unused;
};

struct vm_area_struct;

/* Allocations still to succeed before one fails; negative: never. */
extern __thread int shim_fail_after;
/* Pages, and smaller pieces, that are allocated now. */
extern long shim_pages, shim_objects;

void *shim_alloc(size_t size, bool zero);
void shim_free(const void *p);
unsigned long get_zeroed_page(gfp_t gfp);
void free_page(unsigned long addr);
phys_addr_t virt_to_phys(const volatile void *addr);
void *phys_to_virt(phys_addr_t pa);
struct page *virt_to_page(const void *addr);

#define page_private(page)		((page)->private)
#define set_page_private(page, v)	((page)->private = (v))

#define kzalloc(size, gfp)		shim_alloc(size, true)
#define kmalloc(size, gfp)		shim_alloc(size, false)
#define kvmalloc(size, gfp)		shim_alloc(size, false)
#define kvzalloc(size, gfp)		shim_alloc(size, true)
#define kvcalloc(n, size, gfp)		shim_alloc((n) * (size), true)
#define kmalloc_array(n, size, gfp)	shim_alloc((n) * (size), false)
#define kvmalloc_array(n, size, gfp)	shim_alloc((n) * (size), false)
#define kfree(p)			shim_free(p)
#define kvfree(p)			shim_free(p)

struct kmem_cache {
	size_t size;
};

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align,
				     unsigned int flags, void (*ctor)(void *));
void kmem_cache_destroy(struct kmem_cache *cache);
#define kmem_cache_alloc(cache, gfp)	shim_alloc((cache)->size, false)
#define kmem_cache_free(cache, p)	shim_free(p)

#define mmgrab(mm)			((void)(mm))
#define mmdrop(mm)			((void)(mm))

/* Provided by the test: may user memory be accessed there? */
bool shim_user_ok(const void *addr, size_t size);

/* The processor does it, within a cache line; C has no such access. */
bool shim_cmpxchg_misaligned(void *p, void *old, u64 new, size_t size);

#define access_ok(addr, size)	((unsigned long)(addr) + (size) <= 1ul << 47)
unsigned long copy_from_user(void *to, const void *from, size_t n);
unsigned long copy_to_user(void *to, const void *from, size_t n);
long copy_to_user_nofault(void *to, const void *from, size_t n);
void *vmemdup_user(const void *from, size_t n);
#define put_user(x, p) \
	(shim_user_ok(p, sizeof(*(p))) ? (WRITE_ONCE(*(p), x), 0) : -EFAULT)
#define get_user(x, p) \
	(shim_user_ok(p, sizeof(*(p))) ? ((x) = READ_ONCE(*(p)), 0) : -EFAULT)
#define __try_cmpxchg_user(p, old, new, label)				\
	(shim_user_ok((void *)(p), sizeof(*(p))) ?			\
	 ((unsigned long)(p) & (sizeof(*(p)) - 1) ?			\
	  !shim_cmpxchg_misaligned((void *)(p), old, new, sizeof(*(p))) :	\
	  !__atomic_compare_exchange_n(p, old, new, false, __ATOMIC_SEQ_CST,	\
				       __ATOMIC_SEQ_CST)) : -EFAULT)

/* Sixteen bytes at once go through the page; here through its address. */
#define FOLL_WRITE			1
#define get_user_pages_fast(addr, n, flags, pagep)			\
	(shim_user_ok((void *)(addr), 16) ? (*(pagep) = (struct page *)((addr) & PAGE_MASK), 1) : 0)
#define kmap_local_page(page)		((void *)(page))
#define kunmap_local(addr)		((void)(addr))
#define PageDirty(page)			true
#define PageReserved(page)		false
#define SetPageDirty(page)		((void)(page))
#define put_page(page)			((void)(page))

struct mmu_notifier;
struct mmu_notifier_range {
	unsigned long start, end;
	bool blockable;
};

struct mmu_notifier_ops {
	int (*invalidate_range_start)(struct mmu_notifier *mn,
				      const struct mmu_notifier_range *range);
	void (*invalidate_range_end)(struct mmu_notifier *mn,
				     const struct mmu_notifier_range *range);
	int (*clear_flush_young)(struct mmu_notifier *mn, struct mm_struct *mm,
				 unsigned long start, unsigned long end);
	int (*clear_young)(struct mmu_notifier *mn, struct mm_struct *mm,
			   unsigned long start, unsigned long end);
	int (*test_young)(struct mmu_notifier *mn, struct mm_struct *mm,
			  unsigned long address);
	void (*release)(struct mmu_notifier *mn, struct mm_struct *mm);
};

struct mmu_notifier {
	const struct mmu_notifier_ops *ops;
};

#define mmu_notifier_range_blockable(range)	((range)->blockable)
#define mmu_notifier_register(mn, mm)		0
#define mmu_notifier_unregister(mn, mm)		((void)(mm))

#endif
