// SPDX-License-Identifier: GPL-2.0-only
/*
 * A dump of the tables, a few at a time: each call looks at some entries under RCU
 * and lets go of everything, so that no writer waits for whoever reads a large
 * guest's tables slowly.  A dump is therefore no picture of one moment.
 */
#include <linux/errno.h>
#include <linux/string.h>

#include "dump.h"
#include "root.h"

/* Entries that one call looks at: eight tables. */
#define DUMP_ENTRIES	(8 * TABLE_ENTRIES)

static const struct table *dump_root(const struct mmu_dump *dump)
{
	const struct table *root;
	u32 i = 0;

	for_each_root(root, dump->mv)
		if (i++ == dump->root)
			return root;
	return NULL;
}

static void dump_decode(const struct spte_pos *pos, struct mmu_mapping *mapping)
{
	u64 spte = pos->old;

	mapping->gfn = pos->gfn;
	mapping->pages = pt_level_pages(pos->level);
	mapping->level = pos->level;
	mapping->write = spte_is_writable(spte);
	mapping->logged = !mapping->write && spte_may_write(spte);
	mapping->accessed = spte_is_accessed(spte);
	mapping->dirty = spte_is_dirty(spte);
	mapping->uncached = spte_is_uncached(spte);
}

static bool dump_joins(const struct mmu_mapping *a, const struct mmu_mapping *b)
{
	return a->gfn + a->pages == b->gfn && a->level == b->level &&
	       a->write == b->write && a->logged == b->logged &&
	       a->accessed == b->accessed && a->dirty == b->dirty &&
	       a->uncached == b->uncached;
}

/* Return: false if @leaf is not part of the mapping that is being gathered. */
static bool dump_add(struct mmu_dump *dump, struct mmu_mapping *mapping,
		     const struct mmu_mapping *leaf)
{
	if (!mapping->pages)
		*mapping = *leaf;
	else if (dump_joins(mapping, leaf))
		mapping->pages += leaf->pages;
	else
		return false;
	dump->next = leaf->gfn + leaf->pages;
	return true;
}

static int dump_scan(struct mmu_dump *dump, const struct table *root,
		     struct mmu_mapping *mapping)
{
	gfn_t end = pt_level_pages(root->role.level + 1);
	struct mmu_mapping leaf = { .root = dump->root };
	int left = DUMP_ENTRIES;
	struct spte_iter iter;

	for_each_spte(&iter, root, PT_LEVEL_4K, dump->next, end) {
		const struct spte_pos *pos = &iter.pos;

		if (!left--)
			return mapping->pages ? 1 : -EAGAIN;
		if (spte_is_table(pos->old, pos->level))
			continue;
		if (!spte_is_leaf(pos->old, pos->level)) {
			if (mapping->pages)
				return 1;
			dump->next = pos->gfn + pt_level_pages(pos->level);
			continue;
		}
		dump_decode(pos, &leaf);
		if (!dump_add(dump, mapping, &leaf))
			return 1;
	}
	if (mapping->pages)
		return 1;
	dump->root++;
	dump->next = 0;
	return -EAGAIN;
}

int mmu_dump_next(struct mmu_dump *dump, struct mmu_mapping *mapping)
{
	const struct table *root;
	int ret = 0;

	mapping->pages = 0;
	rcu_read_lock();
	root = dump_root(dump);
	if (root)
		ret = dump_scan(dump, root, mapping);
	rcu_read_unlock();
	return ret;
}
