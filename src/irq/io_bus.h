/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The buses of a VM: which ports and addresses the kernel answers itself.
 *
 * A device is offered each access that lies wholly inside one of its ranges.  Of
 * several that cover it the one with the narrowest view is asked first: the
 * highest start, then the smallest size, then the one that was added first.  The
 * first that takes the access ends it; what nobody takes is user space's.
 */
#ifndef QUIRE_IRQ_IO_BUS_H
#define QUIRE_IRQ_IO_BUS_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>

#include "../types.h"

struct io_device;
struct io_table;
struct kvm_coalesced_mmio_ring;
struct vcpu;

/**
 * struct io_device_ops - how a device answers
 * @read:	fill @data with @len bytes (1 to 8) from @addr
 * @write:	take @len bytes (1 to 8) of @data at @addr
 * @max_ranges:	how many ranges devices with this table may have on one bus
 *
 * Either may be NULL: the device takes no such access.  @vcpu is the one that
 * executes, its mutex held; nothing is known of it here.  RCU's read side is
 * held: they may take spinlocks, but not sleep.  Return: was it taken?  If not,
 * nothing has happened, and @data is as it was.
 */
struct io_device_ops {
	bool (*read)(struct io_device *dev, struct vcpu *vcpu, gpa_t addr,
		     unsigned int len, void *data);
	bool (*write)(struct io_device *dev, struct vcpu *vcpu, gpa_t addr,
		      unsigned int len, const void *data);
	u32 max_ranges;
};

/**
 * struct io_device - part of whatever wants to be on a bus
 * @ops:	constant
 */
struct io_device {
	const struct io_device_ops *ops;
};

/**
 * struct io_bus - one of a VM's two
 * @lock:	serializes updates; innermost of the mutexes
 * @table:	ranges, sorted; immutable but for removals that find no memory;
 *		published by RCU, NULL while there is none
 */
struct io_bus {
	struct mutex lock;
	struct io_table __rcu *table;
};

/**
 * struct io_vm - the buses of a VM, and what user space put on them
 * @ports:	of IN and OUT
 * @memory:	of physical addresses without memory
 * @lock:	guards the two lists; outside the locks of the buses
 * @ioeventfds:	see ioeventfd.c
 * @zones:	of coalesced writes, see coalesced.c
 * @ring_lock:	guards the end of @ring
 * @ring:	a page that user space maps, until coalesced_vm_destroy()
 */
struct io_vm {
	struct io_bus ports, memory;
	struct mutex lock;
	struct list_head ioeventfds;
	struct list_head zones;
	spinlock_t ring_lock;
	struct kvm_coalesced_mmio_ring *ring;
};

/** io_vm_init() - two empty buses; @io is zeroed */
void io_vm_init(struct io_vm *io);
/** io_vm_destroy() - forget all ranges; nobody accesses them any more */
void io_vm_destroy(struct io_vm *io);

/**
 * io_bus_add() - offer @dev the accesses inside [@start, @start + @size)
 * @size: in bytes; 0: every access that begins at @start, whatever its size
 * It happens before any access that begins after this returns.  May sleep.
 * Return: 0; -EINVAL if the range wraps; -ENOSPC beyond ops->max_ranges; -ENOMEM.
 */
int io_bus_add(struct io_bus *bus, gpa_t start, u32 size, struct io_device *dev);

/**
 * io_bus_remove() - take all ranges of @dev away
 * When this returns no access is with @dev any more.  May sleep.
 */
void io_bus_remove(struct io_bus *bus, const struct io_device *dev);

/** io_bus_in_use() - is it worth to ask?  Any context. */
static inline bool io_bus_in_use(const struct io_bus *bus)
{
	return rcu_access_pointer(bus->table);
}

/*
 * Offer an access to the devices that cover it.  @len is 1 to 8 bytes.  Holder of
 * vcpu->mutex; does not sleep.  Return: was it taken?
 */
bool io_bus_read(struct io_bus *bus, struct vcpu *vcpu, gpa_t addr, unsigned int len,
		 void *data);
bool io_bus_write(struct io_bus *bus, struct vcpu *vcpu, gpa_t addr, unsigned int len,
		  const void *data);

#endif
