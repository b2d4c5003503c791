/* SPDX-License-Identifier: GPL-2.0-only */
/* The C library includes this one as well, so that it stays what it is. */
#ifndef SHIM_LINUX_ERRNO_H
#define SHIM_LINUX_ERRNO_H

#include_next <linux/errno.h>

#endif
