/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What guest memory asks of the tables.
 */
#ifndef QUIRE_MMU_ZAP_H
#define QUIRE_MMU_ZAP_H

#include "../mem/mem.h"

/* The methods of struct mmu_vm.listener. */
extern const struct mem_listener_ops zap_listener_ops;

#endif
