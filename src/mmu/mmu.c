// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of the MMU: of the module's part, of a VM's, of a vCPU's.
 *
 * The order of the end is what the others rely on: instances go first, so that no
 * vCPU runs; then the listener, so that the host's invalidations find nobody; then
 * the tables, which nobody can reach any more.
 */
#include <linux/errno.h>
#include <linux/string.h>

#include "root.h"
#include "zap.h"

struct mmu_caps mmu_caps __read_mostly;

const struct table_kind *const table_kinds[] = {
	[TABLE_DIRECT] = &table_kind_direct,
};

int mmu_module_init(const struct mmu_caps *caps)
{
	const struct pt_format *format = caps->format;

	/* Direct tables are the only kind, and they need a second dimension. */
	if (!caps->tdp)
		return -EOPNOTSUPP;
	if (!format || format->entry_bytes != 8 || format->levels < PT_LEVEL_512G ||
	    format->levels > MMU_MAX_LEVELS || caps->max_leaf > format->max_leaf ||
	    caps->max_leaf < PT_LEVEL_4K)
		return -EOPNOTSUPP;
	mmu_caps = *caps;
	return table_module_init();
}

u8 mmu_gpa_bits(void)
{
	u8 levels = mmu_caps.format->levels;

	return min_t(u8, mmu_caps.phys_bits, PAGE_SHIFT + pt_level_shift(levels + 1));
}

void mmu_module_exit(void)
{
	table_module_exit();
}

int mmu_vm_init(struct mmu_vm *mv, struct guest_memory *mem,
		const struct mmu_vm_ops *ops)
{
	memset(mv, 0, sizeof(*mv));
	mv->mem = mem;
	mv->ops = ops;
	mv->listener.ops = &zap_listener_ops;
	spin_lock_init(&mv->roots_lock);
	INIT_LIST_HEAD(&mv->roots);
	mem_set_listener(mem, &mv->listener);
	return 0;
}

void mmu_vm_destroy(struct mmu_vm *mv)
{
	mem_set_listener(mv->mem, NULL);
	root_free_all(mv);
	WARN_ON_ONCE(atomic_long_read(&mv->tables));
	WARN_ON_ONCE(atomic_read(&mv->flushes));
}

int mmu_init(struct mmu *mmu, struct mmu_vm *mv)
{
	memset(mmu, 0, sizeof(*mmu));
	mmu->mv = mv;
	return 0;
}

void mmu_destroy(struct mmu *mmu)
{
	mmu->root = NULL;
	table_spare_drain(mmu);
}

u64 mmu_memory_used(struct mmu_vm *mv)
{
	return (u64)atomic_long_read(&mv->tables) *
	       (PAGE_SIZE + sizeof(struct table));
}
