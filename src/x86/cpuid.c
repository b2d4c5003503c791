// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID of a vCPU.
 *
 * User space gives a list of entries (KVM_SET_CPUID2), usually made from what the
 * host offers (cpuid_offer.c).  It is kept as given and indexed (cpuid_map.c).
 * From it follow, computed once per change, the bits of CR4, EFER and XCR0 that
 * the guest may set and a handful of feature flags.  A feature counts only if the
 * host offers it as well: user space may claim anything, but hardware decides.
 *
 * Some bits follow the vCPU's registers.  They are put in at the time of asking,
 * for there is no cheaper moment: CR4 and XCR0 change without an exit or a thought
 * of CPUID, and CPUID exits anyway.
 */
#include <linux/kernel.h>
#include <linux/kvm_para.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <asm/apicdef.h>
#include <asm/cpufeature.h>
#include <asm/fpu/types.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/processor.h>

#include "../host/fpu.h"
#include "../host/sched.h"
#include "../vendor/vendor.h"
#include "cpuid_offer.h"
#include "machine.h"
#include "regs.h"

/* Without leaf 0x80000008 a processor has PSE36 and no more. */
#define MAXPHYADDR_DEFAULT	36

static struct cpuid_offer offer;

/* --- what the host offers --- */

/* Where the host's kernel keeps the registers that it may have cut down. */
static const struct {
	u32 function, index;
	enum cpuid_reg reg;
	enum cpuid_leafs word;
} kernel_words[] = {
	{ 1, 0, CPUID_REG_D, CPUID_1_EDX },
	{ 1, 0, CPUID_REG_C, CPUID_1_ECX },
	{ 7, 0, CPUID_REG_B, CPUID_7_0_EBX },
	{ 7, 0, CPUID_REG_C, CPUID_7_ECX },
	{ 7, 0, CPUID_REG_D, CPUID_7_EDX },
	{ 7, 1, CPUID_REG_A, CPUID_7_1_EAX },
	{ 0xd, 1, CPUID_REG_A, CPUID_D_1_EAX },
	{ 0x80000001, 0, CPUID_REG_C, CPUID_8000_0001_ECX },
	{ 0x80000001, 0, CPUID_REG_D, CPUID_8000_0001_EDX },
	{ 0x80000008, 0, CPUID_REG_B, CPUID_8000_0008_EBX },
};

static u32 source_usable(u32 function, u32 index, enum cpuid_reg reg)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kernel_words); i++) {
		if (kernel_words[i].function == function &&
		    kernel_words[i].index == index && kernel_words[i].reg == reg)
			return boot_cpu_data.x86_capability[kernel_words[i].word];
	}
	return ~0u;
}

static void source_read(u32 function, u32 index, u32 regs[4])
{
	cpuid_count(function, index, &regs[CPUID_REG_A], &regs[CPUID_REG_B],
		    &regs[CPUID_REG_C], &regs[CPUID_REG_D]);
}

/* What this host's kernel cannot tell. */
static void offer_without(u32 function, enum cpuid_reg reg, u32 mask)
{
	unsigned int i;

	for (i = 0; i < offer.nr; i++) {
		if (offer.entries[i].function == function)
			*cpuid_entry_reg(&offer.entries[i], reg) &= ~mask;
	}
}

int cpuid_module_init(void)
{
	struct cpuid_source source = {
		.read = source_read,
		.usable = source_usable,
	};
	unsigned int i;

	guest_fpu_module_init();
	source.xcr0 = guest_fpu_host_xcr0;
	if (!boot_cpu_has(X86_FEATURE_OSPKE))
		source.xcr0 &= ~XFEATURE_MASK_PKRU;

	cpuid_offer_init(&offer, &source);
	if (!host_counts_waiting())
		offer_without(KVM_CPUID_FEATURES, CPUID_REG_A,
			      CPUID_BIT(KVM_FEATURE_STEAL_TIME));
	for (i = 0; i < offer.nr; i++)
		vendor->cpuid_filter(&offer.entries[i]);
	return 0;
}

void cpuid_module_exit(void)
{
}

bool cpuid_host_offers(u32 function, enum cpuid_reg reg, u32 mask)
{
	unsigned int i;

	for (i = 0; i < offer.nr; i++) {
		struct kvm_cpuid_entry2 *entry = &offer.entries[i];

		if (entry->function == function && !entry->index)
			return (*cpuid_entry_reg(entry, reg) & mask) == mask;
	}
	return false;
}

u64 cpuid_host_xcr0(void)
{
	return offer.xstate.xcr0;
}

u32 cpuid_xsave_size(u64 xcr0)
{
	return cpuid_xstate_size(&offer.xstate, xcr0);
}

/* --- what follows from a vCPU's entries --- */

/* Bits of EFER that need a feature; SCE needs none. */
static const struct {
	u64 bits;
	u32 function;
	enum cpuid_reg reg;
	u32 mask;
} efer_rules[] = {
	{ EFER_LME | EFER_LMA, 0x80000001, CPUID_REG_D, CPUID_LM },
	{ EFER_NX, 0x80000001, CPUID_REG_D, CPUID_NX },
	{ EFER_FFXSR, 0x80000001, CPUID_REG_D, CPUID_FXSR_OPT },
	{ BIT_ULL(21), 0x80000021, CPUID_REG_A, CPUID_AUTO_IBRS },
};

/* Bits of CR4 that need a feature, and those that every guest may set. */
static const struct {
	u64 bit;
	u32 function;
	enum cpuid_reg reg;
	u32 mask;
} cr4_rules[] = {
	{ X86_CR4_UMIP, 7, CPUID_REG_C, CPUID_UMIP },
	{ X86_CR4_FSGSBASE, 7, CPUID_REG_B, CPUID_FSGSBASE },
	{ X86_CR4_PCIDE, 1, CPUID_REG_C, CPUID_PCID },
	{ X86_CR4_OSXSAVE, 1, CPUID_REG_C, CPUID_XSAVE },
	{ X86_CR4_SMEP, 7, CPUID_REG_B, CPUID_SMEP },
	{ X86_CR4_SMAP, 7, CPUID_REG_B, CPUID_SMAP },
	{ X86_CR4_PKE, 7, CPUID_REG_C, CPUID_PKU },
};

#define CR4_ALWAYS							\
	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE |		\
	 X86_CR4_PSE | X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE |	\
	 X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)

static u32 entry_reg(const struct kvm_cpuid_entry2 *entry, enum cpuid_reg reg)
{
	return *cpuid_entry_reg((struct kvm_cpuid_entry2 *)entry, reg);
}

static bool told(const struct vcpu_cpuid *cpuid, u32 function, enum cpuid_reg reg,
		 u32 mask)
{
	const struct kvm_cpuid_entry2 *entry = cpuid_lookup(cpuid, function, 0);

	return entry && (entry_reg(entry, reg) & mask) == mask;
}

/* A bit of CR4 may be set before user space has said what the guest has. */
static bool cr4_feature(const struct vcpu_cpuid *cpuid, u32 function,
			enum cpuid_reg reg, u32 mask)
{
	return (!cpuid->nr || told(cpuid, function, reg, mask)) &&
	       cpuid_host_offers(function, reg, mask);
}

static bool works(const struct vcpu_cpuid *cpuid, u32 function, enum cpuid_reg reg,
		  u32 mask)
{
	return told(cpuid, function, reg, mask) &&
	       cpuid_host_offers(function, reg, mask);
}

u64 cpuid_host_efer(void)
{
	u64 efer = EFER_SCE;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(efer_rules); i++) {
		if (cpuid_host_offers(efer_rules[i].function, efer_rules[i].reg,
				      efer_rules[i].mask))
			efer |= efer_rules[i].bits;
	}
	return efer;
}

static void derive_registers(struct vcpu_cpuid *cpuid)
{
	const struct kvm_cpuid_entry2 *xsave = cpuid_lookup(cpuid, 0xd, 0);
	const struct kvm_cpuid_entry2 *widths = cpuid_lookup(cpuid, 0x80000008, 0);
	unsigned int i;

	cpuid->efer_allowed = EFER_SCE;
	for (i = 0; i < ARRAY_SIZE(efer_rules); i++) {
		if (works(cpuid, efer_rules[i].function, efer_rules[i].reg,
			  efer_rules[i].mask))
			cpuid->efer_allowed |= efer_rules[i].bits;
	}
	cpuid->cr4_reserved = ~CR4_ALWAYS;
	for (i = 0; i < ARRAY_SIZE(cr4_rules); i++) {
		if (cr4_feature(cpuid, cr4_rules[i].function, cr4_rules[i].reg,
				cr4_rules[i].mask))
			cpuid->cr4_reserved &= ~cr4_rules[i].bit;
	}
	cpuid->xcr0_allowed = 0;
	if (xsave)
		cpuid->xcr0_allowed = (xsave->eax | (u64)xsave->edx << 32) &
				      cpuid_host_xcr0();
	/* No component of XSS is offered. */
	cpuid->xss_allowed = 0;
	cpuid->maxphyaddr = widths ? widths->eax & 0xff : MAXPHYADDR_DEFAULT;
	if (cpuid->maxphyaddr < 32 || cpuid->maxphyaddr > 52)
		cpuid->maxphyaddr = MAXPHYADDR_DEFAULT;
}

static void derive_features(struct vcpu_cpuid *cpuid)
{
	const struct kvm_cpuid_entry2 *compact = cpuid_lookup(cpuid, 0xd, 1);

	memset(&cpuid->features, 0, sizeof(cpuid->features));
#define TOLD(flag, function, reg, mask) \
	(cpuid->features.flag = told(cpuid, function, reg, mask))
#define WORKS(flag, function, reg, mask) \
	(cpuid->features.flag = works(cpuid, function, reg, mask))
	TOLD(x2apic, 1, CPUID_REG_C, CPUID_X2APIC);
	TOLD(tsc_deadline, 1, CPUID_REG_C, CPUID_TSC_DEADLINE);
	TOLD(tsc_adjust, 7, CPUID_REG_B, CPUID_TSC_ADJUST);
	TOLD(mwait, 1, CPUID_REG_C, CPUID_MONITOR);
	TOLD(mtrr, 1, CPUID_REG_D, CPUID_MTRR);
	TOLD(pat, 1, CPUID_REG_D, CPUID_PAT);
	TOLD(mce, 1, CPUID_REG_D, CPUID_MCE);
	TOLD(arch_caps, 7, CPUID_REG_D, CPUID_ARCH_CAPABILITIES);
	TOLD(kvm_clock, KVM_CPUID_FEATURES, CPUID_REG_A,
	     CPUID_BIT(KVM_FEATURE_CLOCKSOURCE2));
	WORKS(xsave, 1, CPUID_REG_C, CPUID_XSAVE);
	WORKS(page_1g, 0x80000001, CPUID_REG_D, CPUID_PAGE_1G);
	WORKS(rdtscp, 0x80000001, CPUID_REG_D, CPUID_RDTSCP);
	WORKS(rdpid, 7, CPUID_REG_C, CPUID_RDPID);
	WORKS(long_mode, 0x80000001, CPUID_REG_D, CPUID_LM);
	WORKS(nx, 0x80000001, CPUID_REG_D, CPUID_NX);
	WORKS(syscall, 0x80000001, CPUID_REG_D, CPUID_SYSCALL);
	WORKS(svm, 0x80000001, CPUID_REG_C, CPUID_SVM);
	WORKS(fsgsbase, 7, CPUID_REG_B, CPUID_FSGSBASE);
	WORKS(smap, 7, CPUID_REG_B, CPUID_SMAP);
	WORKS(pku, 7, CPUID_REG_C, CPUID_PKU);
#undef WORKS
#undef TOLD
	cpuid->features.xsaves = cpuid->features.xsave && compact &&
				 (compact->eax & CPUID_XSAVES) &&
				 boot_cpu_has(X86_FEATURE_XSAVES);
	/* Intel and AMD tell of the same two MSRs in different leaves. */
	cpuid->features.spec_ctrl =
		works(cpuid, 7, CPUID_REG_D, CPUID_SPEC_CTRL) ||
		works(cpuid, 0x80000008, CPUID_REG_B, CPUID_AMD_IBRS) ||
		works(cpuid, 0x80000008, CPUID_REG_B, CPUID_AMD_STIBP) ||
		works(cpuid, 0x80000008, CPUID_REG_B, CPUID_AMD_SSBD);
	cpuid->features.pred_cmd =
		works(cpuid, 7, CPUID_REG_D, CPUID_SPEC_CTRL) ||
		works(cpuid, 0x80000008, CPUID_REG_B, CPUID_AMD_IBPB);
	cpuid->features.ssbd =
		works(cpuid, 7, CPUID_REG_D, CPUID_SPEC_CTRL_SSBD) ||
		works(cpuid, 0x80000008, CPUID_REG_B, CPUID_AMD_SSBD);
	cpuid->features.amd_like = cpuid_is_amd_like(cpuid);
}

static void derive(struct vcpu_cpuid *cpuid)
{
	cpuid_map_build(cpuid);
	derive_registers(cpuid);
	derive_features(cpuid);
}

void cpuid_vcpu_init(struct vcpu *vcpu)
{
	vcpu->cpuid.entries = NULL;
	vcpu->cpuid.nr = 0;
	derive(&vcpu->cpuid);
}

void cpuid_vcpu_destroy(struct vcpu *vcpu)
{
	kvfree(vcpu->cpuid.entries);
	vcpu->cpuid.entries = NULL;
	vcpu->cpuid.nr = 0;
}

const struct kvm_cpuid_entry2 *cpuid_find(const struct vcpu *vcpu, u32 function,
					  u32 index)
{
	return cpuid_lookup(&vcpu->cpuid, function, index);
}

bool cpuid_guest_has(const struct vcpu *vcpu, u32 function, enum cpuid_reg reg,
		     u32 mask)
{
	return told(&vcpu->cpuid, function, reg, mask);
}

/* --- executing it --- */

static u32 with_bit(u32 value, u32 bit, bool set)
{
	return set ? value | bit : value & ~bit;
}

static bool apic_enabled(const struct vcpu *vcpu)
{
	return regs_get_apic_base(vcpu) & MSR_IA32_APICBASE_ENABLE;
}

static void live_features(const struct vcpu *vcpu, u32 index, u32 regs[4])
{
	regs[CPUID_REG_C] = with_bit(regs[CPUID_REG_C], CPUID_OSXSAVE,
				   vcpu->cr4 & X86_CR4_OSXSAVE);
	if (!apic_enabled(vcpu))
		regs[CPUID_REG_D] &= ~CPUID_APIC;
}

static void live_structured(const struct vcpu *vcpu, u32 index, u32 regs[4])
{
	if (index)
		return;
	regs[CPUID_REG_C] = with_bit(regs[CPUID_REG_C], CPUID_OSPKE,
				   vcpu->cr4 & X86_CR4_PKE);
}

static void live_xsave(const struct vcpu *vcpu, u32 index, u32 regs[4])
{
	if (index == 0)
		regs[CPUID_REG_B] = cpuid_xsave_size(vcpu->xcr0);
	else if (index == 1 && (regs[CPUID_REG_A] & (CPUID_XSAVEC | CPUID_XSAVES)))
		regs[CPUID_REG_B] = cpuid_xstate_compact_size(&offer.xstate,
							    vcpu->xcr0 | vcpu->xss);
}

/* A guest that halts without an exit cannot be kicked out of it. */
static void live_paravirtual(const struct vcpu *vcpu, u32 index, u32 regs[4])
{
	if (vcpu->vm->disabled_exits & KVM_X86_DISABLE_EXITS_HLT)
		regs[CPUID_REG_A] &= ~CPUID_BIT(KVM_FEATURE_PV_UNHALT);
	/* A local APIC in user space takes no messages from here. */
	if (!vcpu->apic)
		regs[CPUID_REG_A] &= ~(CPUID_BIT(KVM_FEATURE_ASYNC_PF) |
				       CPUID_BIT(KVM_FEATURE_ASYNC_PF_INT));
}

static void live_extended(const struct vcpu *vcpu, u32 index, u32 regs[4])
{
	if (!apic_enabled(vcpu))
		regs[CPUID_REG_D] &= ~CPUID_APIC;
}

static const struct {
	u32 function;
	void (*fill)(const struct vcpu *vcpu, u32 index, u32 regs[4]);
} live_leaves[] = {
	{ 1, live_features },
	{ 7, live_structured },
	{ 0xd, live_xsave },
	{ KVM_CPUID_FEATURES, live_paravirtual },
	{ 0x80000001, live_extended },
};

/* Levels of topology beyond the last: the index comes back, and the APIC id. */
static void topology_end(const struct vcpu *vcpu, u32 function, u32 index,
			 u32 regs[4])
{
	const struct kvm_cpuid_entry2 *entry;

	if (function != 0xb && function != 0x1f)
		return;
	entry = cpuid_lookup(&vcpu->cpuid, function, 1);
	if (!entry)
		return;
	regs[CPUID_REG_C] = index & 0xff;
	regs[CPUID_REG_D] = entry->edx;
}

static void fill_live(const struct vcpu *vcpu, u32 function, u32 index, u32 regs[4])
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(live_leaves); i++) {
		if (live_leaves[i].function == function)
			live_leaves[i].fill(vcpu, index, regs);
	}
}

static void execute(const struct vcpu *vcpu, u32 function, u32 index, u32 regs[4])
{
	const struct kvm_cpuid_entry2 *entry;

	entry = cpuid_lookup(&vcpu->cpuid, function, index);
	if (unlikely(!entry))
		entry = cpuid_out_of_range(&vcpu->cpuid, function, index);
	if (unlikely(!entry)) {
		memset(regs, 0, 4 * sizeof(u32));
		topology_end(vcpu, function, index, regs);
		return;
	}
	regs[CPUID_REG_A] = entry->eax;
	regs[CPUID_REG_B] = entry->ebx;
	regs[CPUID_REG_C] = entry->ecx;
	regs[CPUID_REG_D] = entry->edx;
	fill_live(vcpu, entry->function, index, regs);
}

void cpuid_execute(struct vcpu *vcpu, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	u32 regs[4];

	execute(vcpu, *eax, *ecx, regs);
	*eax = regs[CPUID_REG_A];
	*ebx = regs[CPUID_REG_B];
	*ecx = regs[CPUID_REG_C];
	*edx = regs[CPUID_REG_D];
}

int cpuid_exit(struct vcpu *vcpu)
{
	u64 rflags = vcpu->rflags;
	u32 regs[4];

	execute(vcpu, vcpu->regs[VCPU_RAX], vcpu->regs[VCPU_RCX], regs);
	vcpu->regs[VCPU_RAX] = regs[CPUID_REG_A];
	vcpu->regs[VCPU_RBX] = regs[CPUID_REG_B];
	vcpu->regs[VCPU_RCX] = regs[CPUID_REG_C];
	vcpu->regs[VCPU_RDX] = regs[CPUID_REG_D];
	if (!vendor->skip_instruction(vcpu))
		return EXIT_RESUME;
	return regs_instruction_done(vcpu, rflags);
}

/* --- ioctls --- */

static int copy_entries(struct kvm_cpuid_entry2 __user *uentries, u32 *nr,
			const struct kvm_cpuid_entry2 *entries, u32 have)
{
	if (*nr < have)
		return -E2BIG;
	if (have && copy_to_user(uentries, entries, array_size(have, sizeof(*entries))))
		return -EFAULT;
	*nr = have;
	return 0;
}

int cpuid_get_supported(struct kvm_cpuid_entry2 __user *uentries, u32 *nr)
{
	return copy_entries(uentries, nr, offer.entries, offer.nr);
}

int cpuid_get_emulated(struct kvm_cpuid_entry2 __user *uentries, u32 *nr)
{
	static const struct kvm_cpuid_entry2 emulated[] = {
		{ .function = 0, .eax = 1 },
		{ .function = 1, .ecx = CPUID_MOVBE },
	};

	return copy_entries(uentries, nr, emulated, ARRAY_SIZE(emulated));
}

/* An entry as the guest finds it now. */
static void live_entry(const struct vcpu *vcpu, struct kvm_cpuid_entry2 *live,
		       const struct kvm_cpuid_entry2 *entry)
{
	u32 regs[4] = { 0 };

	regs[CPUID_REG_A] = entry->eax;
	regs[CPUID_REG_B] = entry->ebx;
	regs[CPUID_REG_C] = entry->ecx;
	regs[CPUID_REG_D] = entry->edx;
	fill_live(vcpu, entry->function, entry->index, regs);

	*live = *entry;
	live->eax = regs[CPUID_REG_A];
	live->ebx = regs[CPUID_REG_B];
	live->ecx = regs[CPUID_REG_C];
	live->edx = regs[CPUID_REG_D];
}

int cpuid_get(struct vcpu *vcpu, struct kvm_cpuid_entry2 __user *uentries, u32 *nr)
{
	const struct vcpu_cpuid *cpuid = &vcpu->cpuid;
	struct kvm_cpuid_entry2 live;
	unsigned int i;

	if (*nr < cpuid->nr)
		return -E2BIG;
	for (i = 0; i < cpuid->nr; i++) {
		live_entry(vcpu, &live, &cpuid->entries[i]);
		if (copy_to_user(&uentries[i], &live, sizeof(live)))
			return -EFAULT;
	}
	*nr = cpuid->nr;
	return 0;
}

/* The guest's linear addresses have 48 bits, or it does not say. */
static bool entries_valid(const struct kvm_cpuid_entry2 *entries, u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		u32 width = (entries[i].eax >> 8) & 0xff;

		if (entries[i].function == 0x80000008 && width != 48 &&
		    width != 57 && width != 0)
			return false;
	}
	return true;
}

/* What KVM_GET_CPUID2 gave may come back: live fields do not count. */
static bool entries_equal(const struct vcpu *vcpu,
			  const struct kvm_cpuid_entry2 *entries, u32 nr)
{
	const struct vcpu_cpuid *cpuid = &vcpu->cpuid;
	struct kvm_cpuid_entry2 have, given;
	unsigned int i;

	if (cpuid->nr != nr)
		return false;
	for (i = 0; i < nr; i++) {
		live_entry(vcpu, &have, &cpuid->entries[i]);
		live_entry(vcpu, &given, &entries[i]);
		if (memcmp(&have, &given, sizeof(have)))
			return false;
	}
	return true;
}

static void replace_entries(struct vcpu *vcpu, struct kvm_cpuid_entry2 *entries,
			    u32 nr)
{
	struct vcpu_cpuid *cpuid = &vcpu->cpuid;

	kvfree(cpuid->entries);
	cpuid->entries = entries;
	cpuid->nr = nr;
	derive(cpuid);
	vendor->cpuid_changed(vcpu);
	vcpu_request(vcpu, VCPU_REQ_MMU_REGS);
}

int cpuid_set(struct vcpu *vcpu, const struct kvm_cpuid_entry2 __user *uentries,
	      u32 nr)
{
	struct kvm_cpuid_entry2 *entries = NULL;
	int ret = 0;

	if (nr > CPUID_MAX_ENTRIES)
		return -E2BIG;
	if (nr) {
		entries = vmemdup_user(uentries, array_size(nr, sizeof(*entries)));
		if (IS_ERR(entries))
			return PTR_ERR(entries);
	}

	if (vcpu->cpu >= 0) {
		/* It has run: what it saw once must stay. */
		ret = entries_equal(vcpu, entries, nr) ? 0 : -EINVAL;
	} else if (!entries_valid(entries, nr)) {
		ret = -EINVAL;
	} else {
		replace_entries(vcpu, entries, nr);
		return 0;
	}
	kvfree(entries);
	return ret;
}
