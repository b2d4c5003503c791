// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory as the kernel reads and writes it: through the VMM's mapping.
 *
 * Every access is a user access at the slot's hva, a page at a time since the
 * next gfn may be of another slot.  A write marks the slot's dirty bitmap, after
 * the bytes are there: a harvest in between reports the page next time.
 */
#include <linux/highmem.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "mem.h"

/* What every x86 processor locks as a whole; hva and gpa have the same offset. */
#define ACCESS_LINE	64

/* The slot of @gpa if it may be written, or NULL. */
static struct mem_slot *access_write_slot(struct guest_memory *mem, gpa_t gpa)
{
	struct mem_slot *slot = mem_find_slot(mem, gpa_to_gfn(gpa));

	return slot && !(slot->flags & KVM_MEM_READONLY) ? slot : NULL;
}

static void __user *access_ptr(const struct mem_slot *slot, gpa_t gpa)
{
	return (void __user *)(mem_slot_hva(slot, gpa_to_gfn(gpa)) +
			       offset_in_page(gpa));
}

/* How many of @len bytes lie in the page of @gpa. */
static size_t access_chunk(gpa_t gpa, size_t len)
{
	return min_t(size_t, len, PAGE_SIZE - offset_in_page(gpa));
}

/*
 * copy_from_user(), for the sizes of an instruction by two words that may overlap:
 * a copy whose size the compiler does not know has its checks, and a call.
 */
static bool access_copy_in(void *buf, const void __user *from, size_t n)
{
	u64 first, last;

	if (n <= sizeof(u64) || n > 2 * sizeof(u64))
		return !copy_from_user(buf, from, n);
	if (get_user(first, (const u64 __user *)from) ||
	    get_user(last, (const u64 __user *)(from + n - sizeof(u64))))
		return false;
	memcpy(buf, &first, sizeof(first));
	memcpy(buf + n - sizeof(last), &last, sizeof(last));
	return true;
}

int mem_read(struct guest_memory *mem, gpa_t gpa, void *buf, size_t len)
{
	while (len) {
		const struct mem_slot *slot = mem_find_slot(mem, gpa_to_gfn(gpa));
		size_t n = access_chunk(gpa, len);

		if (!slot || !access_copy_in(buf, access_ptr(slot, gpa), n))
			return -EFAULT;
		gpa += n;
		buf += n;
		len -= n;
	}
	return 0;
}

int mem_write(struct guest_memory *mem, gpa_t gpa, const void *buf, size_t len)
{
	while (len) {
		const struct mem_slot *slot = access_write_slot(mem, gpa);
		size_t n = access_chunk(gpa, len);

		if (!slot || copy_to_user(access_ptr(slot, gpa), buf, n))
			return -EFAULT;
		/* See mem_slot_mark_dirty(). */
		smp_mb();
		mem_slot_mark_dirty(slot, gpa_to_gfn(gpa));
		gpa += n;
		buf += n;
		len -= n;
	}
	return 0;
}

int mem_poke(struct guest_memory *mem, gpa_t gpa, u8 value)
{
	const struct mem_slot *slot = access_write_slot(mem, gpa);

	if (!slot || copy_to_user_nofault(access_ptr(slot, gpa), &value, sizeof(value)))
		return -EFAULT;
	/* See mem_slot_mark_dirty(). */
	smp_mb();
	mem_slot_mark_dirty(slot, gpa_to_gfn(gpa));
	return 0;
}

int mem_read_gpte(struct guest_memory *mem, gpa_t gpa, unsigned int bytes,
		  u64 *gpte)
{
	const struct mem_slot *slot = mem_find_slot(mem, gpa_to_gfn(gpa));
	u32 half;

	if (!slot)
		return -EFAULT;
	if (bytes == sizeof(u64))
		return get_user(*gpte, (u64 __user *)access_ptr(slot, gpa));
	if (get_user(half, (u32 __user *)access_ptr(slot, gpa)))
		return -EFAULT;
	*gpte = half;
	return 0;
}

/* Return: 0 exchanged, 1 not, -EFAULT.  The range was checked with the slot. */
#define ACCESS_CMPXCHG(type, ptr, old, new)				\
	__try_cmpxchg_user((type __user *)(ptr), (type *)(old),		\
			   *(const type *)(new), fault_##type)

/*
 * Sixteen bytes have no user access of their own: take the page for a moment.
 * CMPXCHG16B works on any page that the kernel maps.
 */
static int access_cmpxchg16(void __user *ptr, void *old, const void *new)
{
	u64 *expected = old;
	const u64 *store = new;
	struct page *page;
	bool done;
	void *kaddr;

	if (get_user_pages_fast((unsigned long)ptr, 1, FOLL_WRITE, &page) != 1)
		return -EFAULT;
	kaddr = kmap_local_page(page) + offset_in_page(ptr);
	asm volatile("lock cmpxchg16b %[mem]"
		     : [mem] "+m" (*(u64 (*)[2])kaddr), "=@ccz" (done),
		       "+a" (expected[0]), "+d" (expected[1])
		     : "b" (store[0]), "c" (store[1]) : "memory");
	kunmap_local(kaddr);
	if (!PageDirty(page) && !PageReserved(page))
		SetPageDirty(page);
	put_page(page);
	return !done;
}

static int access_cmpxchg(void __user *ptr, void *old, const void *new,
			  unsigned int bytes)
{
	switch (bytes) {
	case 1:
		return ACCESS_CMPXCHG(u8, ptr, old, new);
	case 2:
		return ACCESS_CMPXCHG(u16, ptr, old, new);
	case 4:
		return ACCESS_CMPXCHG(u32, ptr, old, new);
	case 8:
		return ACCESS_CMPXCHG(u64, ptr, old, new);
	case 16:
		return access_cmpxchg16(ptr, old, new);
	}
	return -EINVAL;
}

/* A locked instruction may be misaligned, but stays within a cache line here. */
static bool access_cmpxchg_possible(gpa_t gpa, unsigned int bytes)
{
	if (bytes == 16)
		return !(gpa & 15);
	return bytes && !((gpa ^ (gpa + bytes - 1)) & ~(gpa_t)(ACCESS_LINE - 1));
}

int mem_cmpxchg(struct guest_memory *mem, gpa_t gpa, void *old, const void *new,
		unsigned int bytes)
{
	const struct mem_slot *slot;
	int r;

	if (!access_cmpxchg_possible(gpa, bytes))
		return -EINVAL;
	slot = access_write_slot(mem, gpa);
	if (!slot)
		return -EFAULT;
	r = access_cmpxchg(access_ptr(slot, gpa), old, new, bytes);
	if (r < 0)
		return r;
	if (!r)
		mem_slot_mark_dirty(slot, gpa_to_gfn(gpa));
	return !r;
}
