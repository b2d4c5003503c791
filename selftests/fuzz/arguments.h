/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Makers of plausible arguments. Each writes to a->argument, which is all zero (or the answer of the row's .get), and
 * returns its address, or returns the number that is the argument.
 */
#ifndef SELFTESTS_FUZZ_ARGUMENTS_H
#define SELFTESTS_FUZZ_ARGUMENTS_H

#include "fuzz.h"

/* the structure as it is */
u64 make_plain(struct actor *a);
/* numbers */
u64 make_zero(struct actor *a);
u64 make_extension(struct actor *a);
u64 make_vcpu_id(struct actor *a);
u64 make_khz(struct actor *a);
u64 make_low_address(struct actor *a);
/* structures of the node */
u64 make_cpuid_room(struct actor *a);
u64 make_msr_room(struct actor *a);
/* of VMs */
u64 make_enable_cap(struct actor *a);
u64 make_region(struct actor *a);
u64 make_dirty_log(struct actor *a);
u64 make_msi(struct actor *a);
u64 make_routing(struct actor *a);
u64 make_irq_level(struct actor *a);
u64 make_msr_filter(struct actor *a);
u64 make_irqchip(struct actor *a);
u64 make_irqfd(struct actor *a);
u64 make_ioeventfd(struct actor *a);
u64 make_zone(struct actor *a);
/* of vCPUs */
u64 make_guest_debug(struct actor *a);
u64 make_mp_state(struct actor *a);
u64 make_translation(struct actor *a);
u64 make_msrs(struct actor *a);
u64 make_cpuid(struct actor *a);
u64 make_vector(struct actor *a);
u64 make_signal_mask(struct actor *a);
u64 make_mce_banks(struct actor *a);
u64 make_mce(struct actor *a);
u64 make_attribute(struct actor *a);

#endif
