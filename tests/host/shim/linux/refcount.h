/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_REFCOUNT_H
#define SHIM_LINUX_REFCOUNT_H

#include "../base.h"

struct shim_refcount {
	int refs;
};

#define refcount_t	struct shim_refcount

#endif
