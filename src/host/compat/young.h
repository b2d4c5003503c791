/* SPDX-License-Identifier: GPL-2.0-only */
/* What the aging methods of an MMU notifier return: bool since 7.0, int before. */
#ifndef QUIRE_HOST_COMPAT_YOUNG_H
#define QUIRE_HOST_COMPAT_YOUNG_H

#include <linux/types.h>

#ifdef COMPAT_BOOL_YOUNG
typedef bool compat_young_t;
#else
typedef int compat_young_t;
#endif

#endif
