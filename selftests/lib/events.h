/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Eventfds, as tests of what signals them and of what they signal need them.
 */
#ifndef SELFTESTS_LIB_EVENTS_H
#define SELFTESTS_LIB_EVENTS_H

#include "vm.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

/* one that is read without waiting; @flags: more EFD_* */
static inline int new_eventfd(int flags)
{
	int fd = eventfd(0, EFD_NONBLOCK | flags);

	if (fd < 0)
		die("eventfd: %s", strerror(errno));
	return fd;
}

static inline void signal_fd(int fd)
{
	if (eventfd_write(fd, 1))
		die("eventfd: %s", strerror(errno));
}

/* how often it was signalled since this was asked last */
static inline u64 signals(int fd)
{
	eventfd_t value;

	return eventfd_read(fd, &value) ? 0 : value;
}

#endif
