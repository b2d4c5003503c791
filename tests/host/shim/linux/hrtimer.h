/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_HRTIMER_H
#define SHIM_LINUX_HRTIMER_H

#include "../base.h"

typedef s64 ktime_t;

struct hrtimer {
	int unused;
};

#endif
