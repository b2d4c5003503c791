/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_RCUWAIT_H
#define SHIM_LINUX_RCUWAIT_H

#include <signal.h>

struct rcuwait {
	int unused;
};

#endif
