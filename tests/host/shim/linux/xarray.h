/* SPDX-License-Identifier: GPL-2.0-only */
/* An array that never has more than a few entries. */
#ifndef SHIM_LINUX_XARRAY_H
#define SHIM_LINUX_XARRAY_H

#include "../base.h"

#define SHIM_XARRAY_MAX	8

struct xarray {
	void *entries[SHIM_XARRAY_MAX];
};

static inline void *xa_load(struct xarray *xa, unsigned long index)
{
	return index < SHIM_XARRAY_MAX ? xa->entries[index] : NULL;
}

#endif
