/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_ERR_H
#define SHIM_LINUX_ERR_H

#include "../base.h"

#define IS_ERR(p)	((unsigned long)(p) >= -4095ul)
#define PTR_ERR(p)	((long)(p))
#define ERR_PTR(err)	((void *)(long)(err))
#define ERR_CAST(p)	((void *)(p))

#endif
