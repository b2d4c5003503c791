/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Roots: the tables that hardware may point at.
 */
#ifndef QUIRE_MMU_ROOT_H
#define QUIRE_MMU_ROOT_H

#include <linux/rculist.h>

#include "funnel.h"

/** for_each_root() - every root of a VM; roots are added, and stay */
#define for_each_root(root, mv)						\
	list_for_each_entry_rcu(root, &(mv)->roots, link, true)

/** root_free_all() - free every table.  Nobody can reach them any more. */
void root_free_all(struct mmu_vm *mv);

#endif
