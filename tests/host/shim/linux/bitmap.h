/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_BITMAP_H
#define SHIM_LINUX_BITMAP_H

#include "../memory.h"

#define bitmap_zalloc(bits, gfp)	shim_alloc(BITS_TO_LONGS((u64)(bits)) * sizeof(long), true)
#define bitmap_free(bitmap)		kfree(bitmap)

#endif
