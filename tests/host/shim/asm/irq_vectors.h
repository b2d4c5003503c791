/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_ASM_IRQ_VECTORS_H
#define SHIM_ASM_IRQ_VECTORS_H

#define NMI_VECTOR	2

#endif
