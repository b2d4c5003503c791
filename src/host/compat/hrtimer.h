/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hrtimer_setup(): a timer with its callback in one call.
 */
#ifndef QUIRE_HOST_COMPAT_HRTIMER_H
#define QUIRE_HOST_COMPAT_HRTIMER_H

#include <linux/hrtimer.h>

static inline void compat_hrtimer_setup(struct hrtimer *timer,
					enum hrtimer_restart (*callback)(struct hrtimer *),
					clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = callback;
}

#endif
