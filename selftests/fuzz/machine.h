/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a fuzzed guest lives in.
 */
#ifndef SELFTESTS_FUZZ_MACHINE_H
#define SELFTESTS_FUZZ_MACHINE_H

#include "fuzz.h"

/* bits: of a step's code. handler_bits: of a handler's, 0 in real mode. The rest is what the registers hold. */
struct guest_mode {
	const char *name;
	u32 bits, handler_bits;
	u16 cs;
	u64 cr0, cr3, cr4, efer;
};

extern const struct guest_mode guest_modes[];
extern const u32 nr_guest_modes;

/* tables, descriptors and handlers for the mode, in guest memory */
void machine_build(struct actor *a, const struct guest_mode *mode);
/* registers for it; the others stay as they are */
void machine_state(struct actor *a, const struct guest_mode *mode, struct kvm_sregs *s);
/* what the machine that runs this does not survive is taken out of a guest's state */
void machine_tame_regs(struct kvm_regs *regs);
void machine_tame_sregs(struct kvm_sregs *s);
u64 machine_tame_dr7(u64 dr7);
u64 machine_stack(void);
/* an address in the tables */
u64 machine_any_table(struct chance *c);
/* which vectors there have been since the last call goes to the totals */
void machine_count(struct world *w);

#endif
