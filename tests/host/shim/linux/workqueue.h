/* SPDX-License-Identifier: GPL-2.0-only */
/* Nothing is put off in user space; the structures want to be whole. */
#ifndef SHIM_LINUX_WORKQUEUE_H
#define SHIM_LINUX_WORKQUEUE_H

struct work_struct {
	int unused;
};

#endif
