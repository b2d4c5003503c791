// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages and allocators of the kernel in user space.
 *
 * Pages come from one arena, whose offset is the physical address.  A page that
 * is free is poisoned, so that a sanitizer reports whoever still reads it.
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "memory.h"

#if defined(__SANITIZE_ADDRESS__)
#define SHIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SHIM_ASAN 1
#endif
#endif
#ifdef SHIM_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)		((void)(p))
#define ASAN_UNPOISON_MEMORY_REGION(p, n)	((void)(p))
#endif

#define ARENA_PAGES	(1ul << 16)

/* Physical address 0 belongs to no page. */
#define ARENA_BASE	PAGE_SIZE

__thread int shim_fail_after = -1;
long shim_pages, shim_objects;

static pthread_mutex_t arena_lock = PTHREAD_MUTEX_INITIALIZER;
static char *arena;
static struct page arena_pages[ARENA_PAGES];
static u32 arena_next[ARENA_PAGES];
static u32 arena_used, arena_free = UINT_MAX;

static bool alloc_fails(void)
{
	shim_might_sleep("an allocation");
	if (shim_fail_after < 0)
		return false;
	return shim_fail_after-- == 0;
}

void *shim_alloc(size_t size, bool zero)
{
	void *p;

	if (alloc_fails())
		return NULL;
	p = malloc(size ? size : 1);
	if (!p)
		return NULL;
	__atomic_fetch_add(&shim_objects, 1, __ATOMIC_RELAXED);
	return memset(p, zero ? 0 : 0xa5, size);
}

void shim_free(const void *p)
{
	if (!p)
		return;
	__atomic_fetch_sub(&shim_objects, 1, __ATOMIC_RELAXED);
	free((void *)p);
}

unsigned long get_zeroed_page(gfp_t gfp)
{
	void *page;
	u32 i;

	if (alloc_fails())
		return 0;
	pthread_mutex_lock(&arena_lock);
	if (!arena) {
		arena = mmap(NULL, ARENA_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (arena == MAP_FAILED)
			abort();
	}
	i = arena_free;
	if (i != UINT_MAX)
		arena_free = arena_next[i];
	else if (arena_used < ARENA_PAGES)
		i = arena_used++;
	else
		abort();
	shim_pages++;
	pthread_mutex_unlock(&arena_lock);
	page = arena + i * PAGE_SIZE;
	ASAN_UNPOISON_MEMORY_REGION(page, PAGE_SIZE);
	memset(page, 0, PAGE_SIZE);
	return (unsigned long)page;
}

void free_page(unsigned long addr)
{
	u32 i = (addr - (unsigned long)arena) / PAGE_SIZE;

	memset((void *)addr, 0x5a, PAGE_SIZE);
	ASAN_POISON_MEMORY_REGION((void *)addr, PAGE_SIZE);
	pthread_mutex_lock(&arena_lock);
	arena_next[i] = arena_free;
	arena_free = i;
	shim_pages--;
	pthread_mutex_unlock(&arena_lock);
}

phys_addr_t virt_to_phys(const volatile void *addr)
{
	return (const volatile char *)addr - arena + ARENA_BASE;
}

void *phys_to_virt(phys_addr_t pa)
{
	if (pa < ARENA_BASE || pa >= ARENA_BASE + ARENA_PAGES * PAGE_SIZE) {
		fprintf(stderr, "no page at physical address %#llx\n",
			(unsigned long long)pa);
		abort();
	}
	/* On the way down a table may die. */
	SHIM_RACE_POINT();
	return arena + (pa - ARENA_BASE);
}

struct page *virt_to_page(const void *addr)
{
	return &arena_pages[((const char *)addr - arena) / PAGE_SIZE];
}

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align,
				     unsigned int flags, void (*ctor)(void *))
{
	struct kmem_cache *cache = shim_alloc(sizeof(*cache), true);

	if (cache)
		cache->size = size;
	return cache;
}

void kmem_cache_destroy(struct kmem_cache *cache)
{
	shim_free(cache);
}

unsigned long copy_from_user(void *to, const void *from, size_t n)
{
	shim_might_sleep("copy_from_user()");
	if (shim_hooks.user_copy)
		return shim_hooks.user_copy((unsigned long)from, to, n, false);
	if (!shim_user_ok(from, n))
		return n;
	memcpy(to, from, n);
	return 0;
}

unsigned long copy_to_user(void *to, const void *from, size_t n)
{
	shim_might_sleep("copy_to_user()");
	if (shim_hooks.user_copy)
		return shim_hooks.user_copy((unsigned long)to, (void *)from, n, true);
	if (!shim_user_ok(to, n))
		return n;
	memcpy(to, from, n);
	return 0;
}

/* As in the kernel it finds the page or gives up: it may be called under locks. */
long copy_to_user_nofault(void *to, const void *from, size_t n)
{
	if (!shim_user_ok(to, n))
		return -EFAULT;
	memcpy(to, from, n);
	return 0;
}

void *vmemdup_user(const void *from, size_t n)
{
	void *p = shim_alloc(n, false);

	if (!p)
		return (void *)(long)-ENOMEM;
	if (!copy_from_user(p, from, n))
		return p;
	shim_free(p);
	return (void *)(long)-EFAULT;
}

bool shim_cmpxchg_misaligned(void *p, void *old, u64 new, size_t size)
{
	u64 found = 0;
	bool done;

	memcpy(&found, old, size);
	switch (size) {
	case 2:
		asm volatile("lock cmpxchgw %w[new], (%[p])" : "+a" (found), "=@ccz" (done)
				 : [p] "r" (p), [new] "r" (new) : "memory");
		break;
	case 4:
		asm volatile("lock cmpxchgl %k[new], (%[p])" : "+a" (found), "=@ccz" (done)
				 : [p] "r" (p), [new] "r" (new) : "memory");
		break;
	case 8:
		asm volatile("lock cmpxchgq %[new], (%[p])" : "+a" (found), "=@ccz" (done)
				 : [p] "r" (p), [new] "r" (new) : "memory");
		break;
	default:
		abort();
	}
	memcpy(old, &found, size);
	return done;
}
