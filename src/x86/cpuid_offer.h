/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What CPUID a host can offer to guests: pure computation, also in user space.
 */
#ifndef QUIRE_X86_CPUID_OFFER_H
#define QUIRE_X86_CPUID_OFFER_H

#include <linux/kvm.h>

#include "../types.h"
#include "cpuid_bits.h"

#define CPUID_OFFER_MAX		96
#define CPUID_XSTATE_MAX	20

/**
 * struct cpuid_source - the host, as far as CPUID is concerned
 * @read:	execute CPUID for @function and @index
 * @usable:	bits of a register that the host's kernel lets be used; all ones
 *		where it has no opinion
 * @xcr0:	components that the host has enabled, 0 without XSAVE
 */
struct cpuid_source {
	void (*read)(u32 function, u32 index, u32 regs[4]);
	u32 (*usable)(u32 function, u32 index, enum cpuid_reg reg);
	u64 xcr0;
};

/**
 * struct cpuid_xstate - the components of extended state that guests may have
 * @xcr0:	those that XCR0 enables
 * @size, @offset, @flags: of each, as leaf 0xd reports them; @offset is that in
 *		the standard format
 */
struct cpuid_xstate {
	u64 xcr0;
	u32 size[CPUID_XSTATE_MAX];
	u32 offset[CPUID_XSTATE_MAX];
	u32 flags[CPUID_XSTATE_MAX];
};

/**
 * struct cpuid_offer - all that can be offered
 * @xstate:	the components of extended state
 * @nr:		number of @entries
 * @entries:	sorted by function and index
 */
struct cpuid_offer {
	struct cpuid_xstate xstate;
	unsigned int nr;
	struct kvm_cpuid_entry2 entries[CPUID_OFFER_MAX];
};

/** cpuid_offer_init() - compute *@offer for @source */
void cpuid_offer_init(struct cpuid_offer *offer, const struct cpuid_source *source);

/** cpuid_xstate_size() - bytes of an area in the standard format */
u32 cpuid_xstate_size(const struct cpuid_xstate *xstate, u64 xcr0);
/** cpuid_xstate_compact_size() - bytes of one in the compacted format */
u32 cpuid_xstate_compact_size(const struct cpuid_xstate *xstate, u64 features);

/** cpuid_entry_reg() - EAX to EDX of @entry by number */
static inline u32 *cpuid_entry_reg(struct kvm_cpuid_entry2 *entry,
				   enum cpuid_reg reg)
{
	return &entry->eax + reg;
}

#endif
