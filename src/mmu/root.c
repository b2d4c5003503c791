// SPDX-License-Identifier: GPL-2.0-only
/*
 * Roots: the tables that hardware may point at.
 *
 * A root is found by its role.  Direct roots differ in nothing, so that all
 * vCPUs of a VM share one, and it stays until the VM goes: between vCPUs it is
 * the VM's memory of what was mapped.  New ones are added under roots_lock;
 * readers go through the list under RCU.
 */
#include <linux/rculist.h>

#include "root.h"

static struct table *root_find(struct mmu_vm *mv, union table_role role)
{
	struct table *root;

	for_each_root(root, mv)
		if (root->role.word == role.word)
			return root;
	return NULL;
}

/* Add @root unless there is one of its role.  Return: the one in the list. */
static struct table *root_add(struct mmu_vm *mv, struct table *root)
{
	struct table *other;

	spin_lock(&mv->roots_lock);
	other = root_find(mv, root->role);
	if (!other) {
		list_add_tail_rcu(&root->link, &mv->roots);
		atomic_long_inc(&mv->tables);
	}
	spin_unlock(&mv->roots_lock);
	return other ? other : root;
}

int mmu_load_slow(struct mmu *mmu)
{
	union table_role role = {
		.level = mmu_caps.format->levels,
		.kind = TABLE_DIRECT,
	};
	struct table *root = root_find(mmu->mv, role);

	if (!root) {
		struct table *new = table_alloc();

		if (!new)
			return -ENOMEM;
		new->role = role;
		root = root_add(mmu->mv, new);
		if (root != new)
			table_free(new);
	}
	mmu->root = root;
	return 0;
}

hpa_t mmu_root_hpa(const struct mmu *mmu)
{
	return mmu->root ? virt_to_phys(mmu->root->sptes) : INVALID_HPA;
}

void root_free_all(struct mmu_vm *mv)
{
	struct table *root, *next;

	list_for_each_entry_safe(root, next, &mv->roots, link) {
		list_del(&root->link);
		funnel_free_tree(mv, root);
	}
}
