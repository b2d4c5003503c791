/* SPDX-License-Identifier: GPL-2.0-only */
/* What user space sees of the header, and the kernel's own types. */
#ifndef SHIM_LINUX_TYPES_H
#define SHIM_LINUX_TYPES_H

#include_next <linux/types.h>
#include "../base.h"

#endif
