/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RCU's view of a CPU in a guest.
 */
#ifndef QUIRE_HOST_COMPAT_RCU_H
#define QUIRE_HOST_COMPAT_RCU_H

#include <linux/rcupdate.h>
#include <linux/smp.h>

#ifdef COMPAT_RCU_NOTE_TAKES_CPU
#define compat_rcu_note_guest()	rcu_virt_note_context_switch(smp_processor_id())
#else
#define compat_rcu_note_guest()	rcu_virt_note_context_switch()
#endif

#endif
