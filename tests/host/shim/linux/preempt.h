/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_PREEMPT_H
#define SHIM_LINUX_PREEMPT_H

/* A member of vCPUs that nobody registers here. */
struct preempt_notifier {
	int unused;
};

#endif
