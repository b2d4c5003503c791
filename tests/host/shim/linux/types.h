/* SPDX-License-Identifier: GPL-2.0-only */
/* What user space sees of the header, and the kernel's own types. */
#include_next <linux/types.h>
#include "../base.h"
