/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the host's scheduler accounts to a task.
 */
#ifndef QUIRE_HOST_SCHED_H
#define QUIRE_HOST_SCHED_H

#include <linux/sched.h>

/** host_counts_waiting() - does this kernel know what host_task_waited() tells? */
static inline bool host_counts_waiting(void)
{
	return IS_ENABLED(CONFIG_SCHED_INFO);
}

/** host_task_waited() - ns that the current task was runnable and did not run */
static inline u64 host_task_waited(void)
{
#ifdef CONFIG_SCHED_INFO
	return current->sched_info.run_delay;
#else
	return 0;
#endif
}

#endif
