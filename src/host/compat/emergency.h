/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's one slot for a callback that turns virtualization off on a CPU
 * that is about to crash or reboot.  Kernels without it do so themselves.
 */
#ifndef QUIRE_HOST_COMPAT_EMERGENCY_H
#define QUIRE_HOST_COMPAT_EMERGENCY_H

#include <asm/reboot.h>

#ifdef COMPAT_HAS_EMERGENCY_CALLBACK
#define compat_emergency_register(cb)	cpu_emergency_register_virt_callback(cb)
#define compat_emergency_unregister(cb)	cpu_emergency_unregister_virt_callback(cb)
#else
#define compat_emergency_register(cb)	((void)(cb))
#define compat_emergency_unregister(cb)	((void)(cb))
#endif

#endif
