// SPDX-License-Identifier: GPL-2.0-only
/*
 * The buses of a VM.
 *
 * A table is sorted by start; of equal starts the larger range stands before the
 * smaller, and of equal ranges the newer before the older, so that going down
 * from the last entry that begins at or below an address meets the candidates in
 * the order in which they are asked.  Ranges may overlap in any way: each entry
 * knows how far those up to it reach, which says when to stop.  So an access
 * costs a binary search and one step for each range that covers it, in practice
 * for those that begin near it.
 *
 * Tables are built aside and published by RCU.  To add a range never waits.  To
 * remove a device waits for the accesses under way, and cannot fail: without
 * memory for a smaller table the entries stay where they are, and nobody answers.
 */
#include <linux/overflow.h>
#include <linux/slab.h>

#include "io_bus.h"

/**
 * struct io_entry - a range of addresses
 * @start:	its first address
 * @reach:	the last address that this entry or one before it covers
 * @dev:	who is asked
 * @size:	in bytes; 0: accesses of any size that begin at @start
 */
struct io_entry {
	gpa_t start, reach;
	struct io_device *dev;
	u32 size;
};

/**
 * struct io_table - the ranges of a bus
 * @rcu:	frees it after the last reader; first, as kvfree_rcu() likes it
 * @nr:		how many
 * @entries:	in the order that the top of this file tells
 */
struct io_table {
	struct rcu_head rcu;
	u32 nr;
	struct io_entry entries[];
};

static const struct io_device_ops io_nobody_ops;
static struct io_device io_nobody = { .ops = &io_nobody_ops };

static void io_bus_init(struct io_bus *bus)
{
	mutex_init(&bus->lock);
	RCU_INIT_POINTER(bus->table, NULL);
}

static void io_bus_destroy(struct io_bus *bus)
{
	kvfree(rcu_access_pointer(bus->table));
	RCU_INIT_POINTER(bus->table, NULL);
	mutex_destroy(&bus->lock);
}

void io_vm_init(struct io_vm *io)
{
	io_bus_init(&io->ports);
	io_bus_init(&io->memory);
	mutex_init(&io->lock);
	INIT_LIST_HEAD(&io->ioeventfds);
	INIT_LIST_HEAD(&io->zones);
	spin_lock_init(&io->ring_lock);
}

void io_vm_destroy(struct io_vm *io)
{
	io_bus_destroy(&io->ports);
	io_bus_destroy(&io->memory);
	mutex_destroy(&io->lock);
}

/* --- building --- */

static struct io_table *io_table_alloc(u32 nr)
{
	struct io_table *table;

	table = kvmalloc(struct_size(table, entries, nr), GFP_KERNEL_ACCOUNT);
	if (table)
		table->nr = 0;
	return table;
}

static void io_table_append(struct io_table *table, const struct io_entry *entry)
{
	struct io_entry *new = &table->entries[table->nr];

	*new = *entry;
	new->reach = entry->start + (entry->size ? entry->size - 1 : 0);
	if (table->nr && new[-1].reach > new->reach)
		new->reach = new[-1].reach;
	table->nr++;
}

/* Does @new stand before @entry? */
static bool io_entry_precedes(const struct io_entry *new, const struct io_entry *entry)
{
	if (new->start != entry->start)
		return new->start < entry->start;
	return new->size >= entry->size;
}

static void io_table_merge(struct io_table *table, const struct io_table *old,
			   const struct io_entry *new)
{
	bool placed = false;
	u32 i;

	for (i = 0; old && i < old->nr; i++) {
		if (old->entries[i].dev == &io_nobody)
			continue;
		if (!placed && io_entry_precedes(new, &old->entries[i])) {
			io_table_append(table, new);
			placed = true;
		}
		io_table_append(table, &old->entries[i]);
	}
	if (!placed)
		io_table_append(table, new);
}

static u32 io_table_count(const struct io_table *table, const struct io_device_ops *ops)
{
	u32 i, count = 0;

	for (i = 0; table && i < table->nr; i++)
		count += table->entries[i].dev->ops == ops;
	return count;
}

static struct io_table *io_bus_table(struct io_bus *bus)
{
	return rcu_dereference_protected(bus->table, lockdep_is_held(&bus->lock));
}

int io_bus_add(struct io_bus *bus, gpa_t start, u32 size, struct io_device *dev)
{
	struct io_entry entry = { .start = start, .size = size, .dev = dev };
	struct io_table *old, *new;
	int ret = 0;

	if (size && start + (size - 1) < start)
		return -EINVAL;

	mutex_lock(&bus->lock);
	old = io_bus_table(bus);
	if (io_table_count(old, dev->ops) >= dev->ops->max_ranges) {
		ret = -ENOSPC;
		goto unlock;
	}
	new = io_table_alloc((old ? old->nr : 0) + 1);
	if (!new) {
		ret = -ENOMEM;
		goto unlock;
	}
	io_table_merge(new, old, &entry);
	rcu_assign_pointer(bus->table, new);
	if (old)
		kvfree_rcu(old, rcu);
unlock:
	mutex_unlock(&bus->lock);
	return ret;
}

static void io_table_silence(struct io_table *table, const struct io_device *dev)
{
	u32 i;

	for (i = 0; i < table->nr; i++) {
		if (table->entries[i].dev == dev)
			WRITE_ONCE(table->entries[i].dev, &io_nobody);
	}
}

/* A table of the @left entries that have an owner, or NULL. */
static struct io_table *io_table_shrink(const struct io_table *old, u32 left)
{
	struct io_table *new;
	u32 i;

	if (!left)
		return NULL;
	new = io_table_alloc(left);
	if (!new)
		return NULL;
	for (i = 0; i < old->nr; i++) {
		if (old->entries[i].dev != &io_nobody)
			io_table_append(new, &old->entries[i]);
	}
	return new;
}

void io_bus_remove(struct io_bus *bus, const struct io_device *dev)
{
	struct io_table *old, *new;
	u32 left;

	mutex_lock(&bus->lock);
	old = io_bus_table(bus);
	if (old) {
		io_table_silence(old, dev);
		left = old->nr - io_table_count(old, &io_nobody_ops);
		new = io_table_shrink(old, left);
		if (new || !left) {
			rcu_assign_pointer(bus->table, new);
			kvfree_rcu(old, rcu);
		}
	}
	mutex_unlock(&bus->lock);
	synchronize_rcu_expedited();
}

/* --- looking up --- */

/* How many entries begin at or below @addr. */
static int io_table_below(const struct io_table *table, gpa_t addr)
{
	u32 low = 0, high = table->nr;

	while (low < high) {
		u32 middle = (low + high) / 2;

		if (table->entries[middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool io_entry_covers(const struct io_entry *entry, gpa_t addr, unsigned int len)
{
	gpa_t offset = addr - entry->start;

	if (!entry->size)
		return !offset;
	return offset < entry->size && len <= entry->size - offset;
}

/* The next entry below @i that covers the access, or -1. */
static int io_table_next(const struct io_table *table, int i, gpa_t addr,
			 unsigned int len)
{
	while (--i >= 0 && table->entries[i].reach >= addr) {
		if (io_entry_covers(&table->entries[i], addr, len))
			return i;
	}
	return -1;
}

bool io_bus_read(struct io_bus *bus, struct vcpu *vcpu, gpa_t addr, unsigned int len,
		 void *data)
{
	const struct io_table *table;
	struct io_device *dev;
	bool taken = false;
	int i;

	rcu_read_lock();
	table = rcu_dereference(bus->table);
	i = table ? io_table_below(table, addr) : 0;
	while (!taken && (i = io_table_next(table, i, addr, len)) >= 0) {
		dev = READ_ONCE(table->entries[i].dev);
		taken = dev->ops->read && dev->ops->read(dev, vcpu, addr, len, data);
	}
	rcu_read_unlock();
	return taken;
}

bool io_bus_write(struct io_bus *bus, struct vcpu *vcpu, gpa_t addr, unsigned int len,
		  const void *data)
{
	const struct io_table *table;
	struct io_device *dev;
	bool taken = false;
	int i;

	rcu_read_lock();
	table = rcu_dereference(bus->table);
	i = table ? io_table_below(table, addr) : 0;
	while (!taken && (i = io_table_next(table, i, addr, len)) >= 0) {
		dev = READ_ONCE(table->entries[i].dev);
		taken = dev->ops->write && dev->ops->write(dev, vcpu, addr, len, data);
	}
	rcu_read_unlock();
	return taken;
}
