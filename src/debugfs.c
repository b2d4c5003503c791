// SPDX-License-Identifier: GPL-2.0-only
/*
 * A folder for each VM, named for the process that made it and a number:
 *
 *	statistics	lines of "vm NAME NUMBER" and "vcpu-ID NAME NUMBER"
 *	slots		lines of "ID FIRST LAST HVA FLAGS"
 *	tables		lines of "ROOT FIRST LAST SIZE ACCESS USED KIND"
 *
 * FIRST and LAST are gfns in hexadecimal, HVA too.  Numbers are decimal.
 *
 *	FLAGS	r, read-only; l, writes are logged; or -
 *	SIZE	of each page: 4k, 2m, 1g
 *	ACCESS	rwx; r-x; rlx, written to it is logged and becomes rwx
 *	USED	A, accessed; D, dirty; or -
 *	KIND	memory, or device
 *
 * A reader holds no lock between two lines: the position in a file says where to go
 * on, in guest memory as it is then.  While a VM goes, debugfs waits for readers
 * that are inside.
 */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>

#include "debugfs.h"
#include "mmu/dump.h"
#include "stats.h"
#include "x86/machine.h"

static struct dentry *debugfs_folder;

/* --- statistics: 0 is the VM, n the vCPU n - 1 --- */

static void *statistics_start(struct seq_file *m, loff_t *pos)
{
	struct vm *vm = m->private;

	return *pos <= smp_load_acquire(&vm->nr_vcpus) ? pos : NULL;
}

static void *statistics_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return statistics_start(m, pos);
}

static void debugfs_stop(struct seq_file *m, void *v)
{
}

static int statistics_show(struct seq_file *m, void *v)
{
	loff_t pos = *(loff_t *)v;
	struct vm *vm = m->private;

	if (pos)
		stats_vcpu_show(m, vm_vcpu(vm, pos - 1));
	else
		stats_vm_show(m, vm);
	return 0;
}

static const struct seq_operations statistics_ops = {
	.start = statistics_start,
	.next = statistics_next,
	.stop = debugfs_stop,
	.show = statistics_show,
};

static int statistics_open(struct inode *inode, struct file *file)
{
	int ret = seq_open(file, &statistics_ops);

	if (!ret)
		((struct seq_file *)file->private_data)->private = inode->i_private;
	return ret;
}

/* --- slots: the position is a gfn --- */

/**
 * struct slots_reader - a reader of the slots
 * @vm:		whose
 * @slot:	a copy of the one to be shown
 */
struct slots_reader {
	struct vm *vm;
	struct mem_slot slot;
};

static void *slots_start(struct seq_file *m, loff_t *pos)
{
	struct slots_reader *reader = m->private;
	struct guest_memory *mem = &reader->vm->mem;
	const struct mem_slot *slot;
	int idx;

	idx = mem_read_lock(mem);
	slot = mem_slots_next(mem_slots(mem), *pos);
	if (slot)
		reader->slot = *slot;
	mem_read_unlock(mem, idx);
	return slot ? &reader->slot : NULL;
}

static void *slots_next(struct seq_file *m, void *v, loff_t *pos)
{
	const struct mem_slot *slot = v;

	*pos = slot->base_gfn + slot->npages;
	return slots_start(m, pos);
}

static int slots_show(struct seq_file *m, void *v)
{
	const struct mem_slot *slot = v;
	const char *ro = slot->flags & KVM_MEM_READONLY ? "r" : "";
	const char *log = slot->flags & KVM_MEM_LOG_DIRTY_PAGES ? "l" : "";

	seq_printf(m, "%u %llx %llx %lx %s%s%s\n", slot->id, slot->base_gfn,
		   slot->base_gfn + slot->npages - 1, slot->hva, ro, log,
		   *ro || *log ? "" : "-");
	return 0;
}

static const struct seq_operations slots_ops = {
	.start = slots_start,
	.next = slots_next,
	.stop = debugfs_stop,
	.show = slots_show,
};

static int slots_open(struct inode *inode, struct file *file)
{
	struct slots_reader *reader;

	reader = __seq_open_private(file, &slots_ops, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->vm = inode->i_private;
	return 0;
}

/* --- tables: the position is a root and a gfn --- */

#define TABLES_GFN_BITS		52

/**
 * struct tables_reader - a reader of the tables
 * @dump:	where it is
 * @mapping:	to be shown
 */
struct tables_reader {
	struct mmu_dump dump;
	struct mmu_mapping mapping;
};

static void *tables_find(struct tables_reader *reader)
{
	int ret;

	for (;;) {
		ret = mmu_dump_next(&reader->dump, &reader->mapping);
		if (ret != -EAGAIN)
			return ret ? &reader->mapping : NULL;
		if (fatal_signal_pending(current))
			return ERR_PTR(-EINTR);
		cond_resched();
	}
}

static void *tables_start(struct seq_file *m, loff_t *pos)
{
	struct tables_reader *reader = m->private;

	reader->dump.root = *pos >> TABLES_GFN_BITS;
	reader->dump.next = *pos & GENMASK_ULL(TABLES_GFN_BITS - 1, 0);
	return tables_find(reader);
}

static void *tables_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct tables_reader *reader = m->private;

	*pos = (loff_t)reader->dump.root << TABLES_GFN_BITS | reader->dump.next;
	return tables_find(reader);
}

static int tables_show(struct seq_file *m, void *v)
{
	static const char *const sizes[] = {
		[PT_LEVEL_4K] = "4k",
		[PT_LEVEL_2M] = "2m",
		[PT_LEVEL_1G] = "1g",
	};
	const struct mmu_mapping *map = v;
	const char *used = map->accessed ? map->dirty ? "AD" : "A" : map->dirty ? "D" : "-";

	seq_printf(m, "%u %llx %llx %s r%sx %s %s\n", map->root, map->gfn,
		   map->gfn + map->pages - 1, sizes[map->level],
		   map->write ? "w" : map->logged ? "l" : "-", used,
		   map->uncached ? "device" : "memory");
	return 0;
}

static const struct seq_operations tables_ops = {
	.start = tables_start,
	.next = tables_next,
	.stop = debugfs_stop,
	.show = tables_show,
};

static int tables_open(struct inode *inode, struct file *file)
{
	struct vm *vm = inode->i_private;
	struct tables_reader *reader;

	reader = __seq_open_private(file, &tables_ops, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->dump.mv = &vm->mmu;
	return 0;
}

/* --- files --- */

static const struct file_operations statistics_fops = {
	.owner = THIS_MODULE,
	.open = statistics_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release,
};

static const struct file_operations slots_fops = {
	.owner = THIS_MODULE,
	.open = slots_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

static const struct file_operations tables_fops = {
	.owner = THIS_MODULE,
	.open = tables_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

void debugfs_vm_create(struct vm *vm)
{
	static atomic_t number;
	char name[32];

	snprintf(name, sizeof(name), "%d-%u", vm->owner,
		 (u32)atomic_inc_return(&number));
	vm->debugfs = debugfs_create_dir(name, debugfs_folder);
	debugfs_create_file("statistics", 0400, vm->debugfs, vm, &statistics_fops);
	debugfs_create_file("slots", 0400, vm->debugfs, vm, &slots_fops);
	debugfs_create_file("tables", 0400, vm->debugfs, vm, &tables_fops);
}

void debugfs_vm_destroy(struct vm *vm)
{
	debugfs_remove_recursive(vm->debugfs);
}

void debugfs_module_init(void)
{
	debugfs_folder = debugfs_create_dir("quire", NULL);
}

void debugfs_module_exit(void)
{
	debugfs_remove_recursive(debugfs_folder);
}
