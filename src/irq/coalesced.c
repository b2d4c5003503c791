// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coalesced writes.
 *
 * A zone is a device on a bus that puts each write into a ring.  The kernel moves
 * the ring's end, user space its beginning; one entry stays free, so that a full
 * ring differs from an empty one.  When it is full, a write goes to user space as
 * if there were no zone, and user space empties the ring first.
 *
 * All vCPUs share one ring, so it holds writes in the order in which they were
 * made.  It lies in a page that user space may write at any time: what is read
 * from there is checked each time and used for nothing but a place in the page.
 */
#include <linux/gfp.h>
#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "coalesced.h"

/* Entries that a page has room for behind the two indices. */
#define COALESCED_ENTRIES						\
	((PAGE_SIZE - sizeof(struct kvm_coalesced_mmio_ring)) /		\
	 sizeof(struct kvm_coalesced_mmio))

/**
 * struct coalesced_zone - constant but for @link
 * @dev:	what the bus knows
 * @link:	in io->zones, under io->lock
 * @io:		whose ring it fills
 * @start:	first address
 * @size:	in bytes
 * @pio:	they are ports
 */
struct coalesced_zone {
	struct io_device dev;
	struct list_head link;
	struct io_vm *io;
	gpa_t start;
	u32 size;
	bool pio;
};

int coalesced_vm_init(struct io_vm *io)
{
	io->ring = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	return io->ring ? 0 : -ENOMEM;
}

void coalesced_vm_destroy(struct io_vm *io)
{
	struct coalesced_zone *zone, *next;

	list_for_each_entry_safe(zone, next, &io->zones, link)
		kfree(zone);
	INIT_LIST_HEAD(&io->zones);
	free_page((unsigned long)io->ring);
	io->ring = NULL;
}

static bool coalesced_write(struct io_device *dev, struct vcpu *vcpu, gpa_t addr,
			    unsigned int len, const void *data)
{
	struct coalesced_zone *zone = container_of(dev, struct coalesced_zone, dev);
	struct kvm_coalesced_mmio_ring *ring = zone->io->ring;
	struct kvm_coalesced_mmio *entry;
	u32 last, next;

	spin_lock(&zone->io->ring_lock);
	last = READ_ONCE(ring->last);
	next = last + 1 < COALESCED_ENTRIES ? last + 1 : 0;
	/* Pairs with user space, which has done with entries that it gives back. */
	if (last >= COALESCED_ENTRIES || next == smp_load_acquire(&ring->first)) {
		spin_unlock(&zone->io->ring_lock);
		return false;
	}
	entry = &ring->coalesced_mmio[last];
	entry->phys_addr = addr;
	entry->len = len;
	entry->pio = zone->pio;
	memcpy(entry->data, data, len);
	/* The entry must be there before user space sees it. */
	smp_store_release(&ring->last, next);
	spin_unlock(&zone->io->ring_lock);
	return true;
}

static const struct io_device_ops coalesced_ops = {
	.write = coalesced_write,
	.max_ranges = COALESCED_MAX,
};

static struct io_bus *coalesced_bus(struct io_vm *io, bool pio)
{
	return pio ? &io->ports : &io->memory;
}

int coalesced_ioctl_register(struct io_vm *io, const struct kvm_coalesced_mmio_zone *args)
{
	struct coalesced_zone *zone;
	int ret;

	if (args->pio > 1 || !args->size)
		return -EINVAL;
	zone = kzalloc(sizeof(*zone), GFP_KERNEL_ACCOUNT);
	if (!zone)
		return -ENOMEM;
	zone->dev.ops = &coalesced_ops;
	zone->io = io;
	zone->start = args->addr;
	zone->size = args->size;
	zone->pio = args->pio;

	mutex_lock(&io->lock);
	ret = io_bus_add(coalesced_bus(io, zone->pio), zone->start, zone->size, &zone->dev);
	if (!ret)
		list_add(&zone->link, &io->zones);
	mutex_unlock(&io->lock);
	if (ret)
		kfree(zone);
	return ret;
}

/* Do @args lie inside @zone? */
static bool coalesced_contains(const struct coalesced_zone *zone,
			       const struct kvm_coalesced_mmio_zone *args)
{
	gpa_t offset = args->addr - zone->start;

	return zone->pio == args->pio && args->addr >= zone->start &&
	       offset <= zone->size && args->size <= zone->size - offset;
}

int coalesced_ioctl_unregister(struct io_vm *io, const struct kvm_coalesced_mmio_zone *args)
{
	struct coalesced_zone *zone, *next;

	if (args->pio > 1)
		return -EINVAL;
	mutex_lock(&io->lock);
	list_for_each_entry_safe(zone, next, &io->zones, link) {
		if (!coalesced_contains(zone, args))
			continue;
		io_bus_remove(coalesced_bus(io, zone->pio), &zone->dev);
		list_del(&zone->link);
		kfree(zone);
	}
	mutex_unlock(&io->lock);
	return 0;
}
