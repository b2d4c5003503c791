/* SPDX-License-Identifier: GPL-2.0-only */
/* FOLL_INTERRUPTIBLE (6.2): a lookup that any signal ends, not only a fatal one. */
#ifndef QUIRE_HOST_COMPAT_GUP_H
#define QUIRE_HOST_COMPAT_GUP_H

#include <linux/mm.h>

#ifdef COMPAT_HAS_FOLL_INTERRUPTIBLE
#define COMPAT_FOLL_INTERRUPTIBLE	FOLL_INTERRUPTIBLE
#else
#define COMPAT_FOLL_INTERRUPTIBLE	0
#endif

#endif
