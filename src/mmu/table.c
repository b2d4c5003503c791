// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables and their descriptors.
 *
 * A descriptor is small, since there is one for each 2M that is mapped by 4K:
 * what a walker knows from where it came (the gfn) is not kept.  An instance
 * fills its spare tables before a fault takes any lock, exactly as many as the
 * fault is seen to need, so that none lie idle.
 *
 * A table that was unlinked is frozen entry by entry (funnel.c), flushed from
 * the TLBs, and then freed by RCU, since lockless walkers may still read it.
 */
#include <linux/gfp.h>
#include <linux/slab.h>

#include "table.h"

static struct kmem_cache *table_cache;

int table_module_init(void)
{
	table_cache = kmem_cache_create("quire_table", sizeof(struct table), 0,
					SLAB_ACCOUNT, NULL);
	return table_cache ? 0 : -ENOMEM;
}

void table_module_exit(void)
{
	rcu_barrier();
	kmem_cache_destroy(table_cache);
	table_cache = NULL;
}

struct table *table_alloc(void)
{
	struct table *table = kmem_cache_alloc(table_cache, GFP_KERNEL_ACCOUNT);

	if (!table)
		return NULL;
	table->sptes = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!table->sptes) {
		kmem_cache_free(table_cache, table);
		return NULL;
	}
	table->next = NULL;
	table->role.word = 0;
	set_page_private(virt_to_page(table->sptes), (unsigned long)table);
	return table;
}

void table_free(struct table *table)
{
	set_page_private(virt_to_page(table->sptes), 0);
	free_page((unsigned long)table->sptes);
	kmem_cache_free(table_cache, table);
}

static void table_free_all(struct table *table)
{
	while (table) {
		struct table *next = table->next;

		table_free(table);
		table = next;
	}
}

static void table_free_rcu(struct rcu_head *rcu)
{
	table_free_all(container_of(rcu, struct table, rcu));
}

void table_free_chain(struct table *chain)
{
	if (chain)
		call_rcu(&chain->rcu, table_free_rcu);
}

int table_spare_fill(struct mmu *mmu, unsigned int nr)
{
	while (mmu->nr_spare < nr) {
		struct table *table = table_alloc();

		if (!table)
			return -ENOMEM;
		table_spare_put(mmu, table);
	}
	return 0;
}

void table_spare_drain(struct mmu *mmu)
{
	table_free_all(mmu->spare);
	mmu->spare = NULL;
	mmu->nr_spare = 0;
}
