/* SPDX-License-Identifier: GPL-2.0-only */
/* eventfd_signal() lost the number to add, always one, in 6.8. */
#ifndef QUIRE_HOST_COMPAT_EVENTFD_H
#define QUIRE_HOST_COMPAT_EVENTFD_H

#include <linux/eventfd.h>

static inline void compat_eventfd_signal(struct eventfd_ctx *eventfd)
{
#ifdef COMPAT_EVENTFD_SIGNAL_COUNTS
	eventfd_signal(eventfd, 1);
#else
	eventfd_signal(eventfd);
#endif
}

#endif
