// SPDX-License-Identifier: GPL-2.0-only
/*
 * What CPUID a host can offer to guests (KVM_GET_SUPPORTED_CPUID).
 *
 * One const table has a rule for each leaf.  A register of the offer is
 *
 *	(host's value & what the host's kernel uses & keep) | force
 *
 * where @keep names the features that work in a guest, and @force those that
 * Quire itself provides.  A leaf without a rule is not offered; a guest reads 0
 * there.  Not kept: what belongs to the platform that the VMM models (APIC ids,
 * topology, the hypervisor bit), performance monitoring, virtualization, MONITOR,
 * power management, and whatever needs an MSR or a control bit that nobody
 * handles.
 *
 * The vendor looks at each entry afterwards and has the last word.
 */
#include <linux/kvm_para.h>
#include <linux/string.h>

#include "cpuid_offer.h"

#define ALL	0xffffffffu

/* Extended state that works in a guest: x87, SSE, AVX, AVX-512 (three), PKRU. */
#define XCR0_WORKS	((1ull << 0) | (1ull << 1) | (1ull << 2) | \
			 (7ull << 5) | (1ull << 9))
#define XSTATE_FIRST_EXTENDED	2
#define XSTATE_LEGACY_BYTES	576u
#define XSTATE_FLAG_ALIGNED	CPUID_BIT(1)

/* What leaf 1 and leaf 0x80000001 have in common (AMD's manual). */
#define EDX_COMMON							\
	(CPUID_FPU | CPUID_VME | CPUID_DE | CPUID_PSE | CPUID_TSC | CPUID_MSR | \
	 CPUID_PAE | CPUID_MCE | CPUID_CX8 | CPUID_APIC | CPUID_MTRR |	\
	 CPUID_PGE | CPUID_MCA | CPUID_CMOV | CPUID_PAT | CPUID_PSE36 | \
	 CPUID_MMX | CPUID_FXSR)

/* The rule has an entry for each index until EAX[4:0], a cache type, is 0. */
#define RULE_CACHES	1u
/* The rule is for one index, which matters. */
#define RULE_INDEXED	2u

struct cpuid_rule {
	u32 function, index;
	u32 flags;
	u32 keep[4], force[4];
	void (*adjust)(const struct cpuid_offer *offer,
		       struct kvm_cpuid_entry2 *entry);
};

static void limit_basic(const struct cpuid_offer *offer,
			struct kvm_cpuid_entry2 *entry)
{
	if (entry->eax > 0x1f)
		entry->eax = 0x1f;
}

static void limit_extended(const struct cpuid_offer *offer,
			   struct kvm_cpuid_entry2 *entry)
{
	if (entry->eax > 0x80000021)
		entry->eax = 0x80000021;
}

static void without_xsave(const struct cpuid_offer *offer,
			  struct kvm_cpuid_entry2 *entry)
{
	if (!offer->xstate.xcr0)
		entry->ecx &= ~(CPUID_XSAVE | CPUID_AVX | CPUID_F16C | CPUID_FMA);
}

static void structured(const struct cpuid_offer *offer,
		       struct kvm_cpuid_entry2 *entry)
{
	if (entry->eax > 1)
		entry->eax = 1;
	/* Keys work if the host has turned them on: then PKRU is switched. */
	if (!(entry->ecx & CPUID_OSPKE))
		entry->ecx &= ~CPUID_PKU;
	entry->ecx &= ~CPUID_OSPKE;
}

static void kvm_signature(const struct cpuid_offer *offer,
			  struct kvm_cpuid_entry2 *entry)
{
	u32 words[3];

	memcpy(words, KVM_SIGNATURE, sizeof(words));
	entry->ebx = words[0];
	entry->ecx = words[1];
	entry->edx = words[2];
}

/* Linear addresses have 48 bits, since 5-level paging is not offered. */
static void address_widths(const struct cpuid_offer *offer,
			   struct kvm_cpuid_entry2 *entry)
{
	entry->eax = (entry->eax & 0xff) | 48 << 8;
}

static void xstate_main(const struct cpuid_offer *offer,
			struct kvm_cpuid_entry2 *entry)
{
	const struct cpuid_xstate *xstate = &offer->xstate;

	entry->eax = xstate->xcr0;
	entry->edx = xstate->xcr0 >> 32;
	entry->ebx = cpuid_xstate_size(xstate, xstate->xcr0);
	entry->ecx = entry->ebx;
}

static void xstate_compact(const struct cpuid_offer *offer,
			   struct kvm_cpuid_entry2 *entry)
{
	entry->ebx = entry->eax & (CPUID_XSAVEC | CPUID_XSAVES) ?
		     cpuid_xstate_compact_size(&offer->xstate, offer->xstate.xcr0) : 0;
}

static const struct cpuid_rule cpuid_rules[] = {
	{ .function = 0, .keep = { ALL, ALL, ALL, ALL }, .adjust = limit_basic },
	{
		.function = 1,
		.keep = {
			[CPUID_REG_A] = ALL,
			/* Brand and CLFLUSH size; APIC id and counts are the VMM's. */
			[CPUID_REG_B] = 0xffff,
			[CPUID_REG_C] = CPUID_SSE3 | CPUID_PCLMULQDQ | CPUID_SSSE3 |
				CPUID_FMA | CPUID_CX16 | CPUID_PCID | CPUID_SSE4_1 |
				CPUID_SSE4_2 | CPUID_MOVBE | CPUID_POPCNT |
				CPUID_AES | CPUID_XSAVE | CPUID_AVX | CPUID_F16C |
				CPUID_RDRAND,
			[CPUID_REG_D] = EDX_COMMON | CPUID_SEP | CPUID_CLFLUSH |
				CPUID_SSE | CPUID_SSE2,
		},
		.force = { [CPUID_REG_C] = CPUID_X2APIC, [CPUID_REG_D] = CPUID_APIC },
		.adjust = without_xsave,
	},
	{ .function = 2, .keep = { ALL, ALL, ALL, ALL } },
	{ .function = 4, .flags = RULE_CACHES, .keep = { ALL, ALL, ALL, ALL } },
	{ .function = 6, .force = { [CPUID_REG_A] = CPUID_ARAT } },
	{
		.function = 7,
		.flags = RULE_INDEXED,
		.keep = {
			[CPUID_REG_A] = ALL,
			[CPUID_REG_B] = CPUID_FSGSBASE | CPUID_BMI1 | CPUID_HLE |
				CPUID_AVX2 | CPUID_FDP_EXCPTN | CPUID_SMEP |
				CPUID_BMI2 | CPUID_ERMS | CPUID_INVPCID |
				CPUID_RTM | CPUID_ZERO_FCS_FDS | CPUID_AVX512F |
				CPUID_AVX512DQ | CPUID_RDSEED | CPUID_ADX |
				CPUID_SMAP | CPUID_AVX512IFMA | CPUID_CLFLUSHOPT |
				CPUID_CLWB | CPUID_AVX512PF | CPUID_AVX512ER |
				CPUID_AVX512CD | CPUID_SHA_NI | CPUID_AVX512BW |
				CPUID_AVX512VL,
			[CPUID_REG_C] = CPUID_AVX512VBMI | CPUID_UMIP | CPUID_PKU |
				CPUID_OSPKE | CPUID_AVX512VBMI2 | CPUID_GFNI |
				CPUID_VAES | CPUID_VPCLMULQDQ | CPUID_AVX512VNNI |
				CPUID_AVX512BITALG | CPUID_AVX512VPOPCNTDQ |
				CPUID_RDPID | CPUID_CLDEMOTE | CPUID_MOVDIRI |
				CPUID_MOVDIR64B,
			[CPUID_REG_D] = CPUID_AVX512_4VNNIW | CPUID_AVX512_4FMAPS |
				CPUID_FSRM | CPUID_AVX512_VP2INTERSECT |
				CPUID_MD_CLEAR | CPUID_SERIALIZE |
				CPUID_TSXLDTRK | CPUID_AVX512_FP16 |
				CPUID_SPEC_CTRL | CPUID_STIBP |
				CPUID_ARCH_CAPABILITIES | CPUID_SPEC_CTRL_SSBD,
		},
		.force = { [CPUID_REG_B] = CPUID_TSC_ADJUST },
		.adjust = structured,
	},
	{
		.function = 7, .index = 1,
		.flags = RULE_INDEXED,
		.keep = {
			[CPUID_REG_A] = CPUID_AVX_VNNI | CPUID_AVX512_BF16 |
				CPUID_CMPCCXADD | CPUID_FZRM | CPUID_FSRS |
				CPUID_FSRC | CPUID_AVX_IFMA,
			[CPUID_REG_D] = CPUID_AVX_VNNI_INT8 | CPUID_AVX_NE_CONVERT |
				CPUID_PREFETCHITI,
		},
	},
	{ .function = 0xb, .flags = RULE_INDEXED },
	{ .function = 0xd, .flags = RULE_INDEXED, .adjust = xstate_main },
	{
		.function = 0xd, .index = 1,
		.flags = RULE_INDEXED,
		.keep = { [CPUID_REG_A] = CPUID_XSAVEOPT | CPUID_XSAVEC |
					CPUID_XGETBV1 | CPUID_XSAVES },
		.adjust = xstate_compact,
	},
	{ .function = 0x1f, .flags = RULE_INDEXED },
	{
		.function = KVM_CPUID_SIGNATURE,
		.force = { [CPUID_REG_A] = KVM_CPUID_FEATURES },
		.adjust = kvm_signature,
	},
	{
		.function = KVM_CPUID_FEATURES,
		.force = {
			[CPUID_REG_A] = CPUID_BIT(KVM_FEATURE_CLOCKSOURCE) |
				CPUID_BIT(KVM_FEATURE_NOP_IO_DELAY) |
				CPUID_BIT(KVM_FEATURE_CLOCKSOURCE2) |
				CPUID_BIT(KVM_FEATURE_ASYNC_PF) |
				CPUID_BIT(KVM_FEATURE_STEAL_TIME) |
				CPUID_BIT(KVM_FEATURE_PV_EOI) |
				CPUID_BIT(KVM_FEATURE_PV_UNHALT) |
				CPUID_BIT(KVM_FEATURE_PV_TLB_FLUSH) |
				CPUID_BIT(KVM_FEATURE_PV_SEND_IPI) |
				CPUID_BIT(KVM_FEATURE_POLL_CONTROL) |
				CPUID_BIT(KVM_FEATURE_PV_SCHED_YIELD) |
				CPUID_BIT(KVM_FEATURE_ASYNC_PF_INT) |
				CPUID_BIT(KVM_FEATURE_CLOCKSOURCE_STABLE_BIT),
		},
	},
	{
		.function = 0x80000000,
		.keep = { ALL, ALL, ALL, ALL },
		.adjust = limit_extended,
	},
	{
		.function = 0x80000001,
		.keep = {
			[CPUID_REG_A] = ALL,
			[CPUID_REG_C] = CPUID_LAHF_LM | CPUID_CMP_LEGACY |
				CPUID_CR8_LEGACY | CPUID_ABM | CPUID_SSE4A |
				CPUID_MISALIGNSSE | CPUID_3DNOWPREFETCH |
				CPUID_OSVW | CPUID_XOP | CPUID_FMA4 | CPUID_TBM |
				CPUID_TOPOEXT,
			[CPUID_REG_D] = EDX_COMMON | CPUID_SYSCALL | CPUID_NX |
				CPUID_MMXEXT | CPUID_FXSR_OPT | CPUID_PAGE_1G |
				CPUID_RDTSCP | CPUID_LM | CPUID_3DNOWEXT |
				CPUID_3DNOW,
		},
	},
	{ .function = 0x80000002, .keep = { ALL, ALL, ALL, ALL } },
	{ .function = 0x80000003, .keep = { ALL, ALL, ALL, ALL } },
	{ .function = 0x80000004, .keep = { ALL, ALL, ALL, ALL } },
	{ .function = 0x80000005, .keep = { ALL, ALL, ALL, ALL } },
	{ .function = 0x80000006, .keep = { ALL, ALL, ALL, ALL } },
	{ .function = 0x80000007, .keep = { [CPUID_REG_D] = CPUID_INVARIANT_TSC } },
	{
		.function = 0x80000008,
		.keep = {
			[CPUID_REG_A] = ALL,
			[CPUID_REG_B] = CPUID_CLZERO | CPUID_XSAVEERPTR |
				CPUID_WBNOINVD | CPUID_AMD_IBPB | CPUID_AMD_IBRS |
				CPUID_AMD_STIBP | CPUID_AMD_STIBP_ALWAYS |
				CPUID_AMD_SSBD | CPUID_AMD_SSB_NO |
				CPUID_AMD_PSFD | CPUID_BTC_NO,
		},
		.adjust = address_widths,
	},
	{ .function = 0x80000019, .keep = { ALL, ALL } },
	{ .function = 0x8000001a, .keep = { [CPUID_REG_A] = 0xf } },
	{
		.function = 0x8000001d,
		.flags = RULE_CACHES,
		.keep = { ALL, ALL, ALL, ALL },
	},
	{ .function = 0x8000001e },
	{
		.function = 0x80000021,
		.keep = {
			[CPUID_REG_A] = CPUID_NO_NESTED_DATA_BP | CPUID_LFENCE_RDTSC |
				CPUID_NULL_SEL_CLR_BASE | CPUID_AUTO_IBRS,
		},
		/* There is no SMM here, and so no MSR that controls it. */
		.force = { [CPUID_REG_A] = CPUID_NO_SMM_CTL_MSR },
	},
};

static struct kvm_cpuid_entry2 *offer_add(struct cpuid_offer *offer, u32 function,
					  u32 index, bool indexed)
{
	struct kvm_cpuid_entry2 *entry;

	if (offer->nr == CPUID_OFFER_MAX)
		return NULL;
	entry = &offer->entries[offer->nr++];
	memset(entry, 0, sizeof(*entry));
	entry->function = function;
	entry->index = index;
	entry->flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0;
	return entry;
}

static void offer_filter(const struct cpuid_source *source,
			 const struct cpuid_rule *rule,
			 struct kvm_cpuid_entry2 *entry, const u32 host[4])
{
	int reg;

	for (reg = CPUID_REG_A; reg <= CPUID_REG_D; reg++) {
		u32 usable = source->usable(entry->function, entry->index, reg);

		*cpuid_entry_reg(entry, reg) =
			(host[reg] & usable & rule->keep[reg]) | rule->force[reg];
	}
}

static void offer_caches(struct cpuid_offer *offer,
			 const struct cpuid_source *source,
			 const struct cpuid_rule *rule)
{
	struct kvm_cpuid_entry2 *entry;
	u32 index, regs[4];

	/* The last one, of type 0, is part of what a guest wants to see. */
	for (index = 0; index < 16; index++) {
		source->read(rule->function, index, regs);
		entry = offer_add(offer, rule->function, index, true);
		if (!entry)
			return;
		offer_filter(source, rule, entry, regs);
		if (!(regs[CPUID_REG_A] & 0x1f))
			return;
	}
}

/* Leaf 0xd has an entry for each component after the two that describe all. */
static void offer_xstate(struct cpuid_offer *offer)
{
	const struct cpuid_xstate *xstate = &offer->xstate;
	struct kvm_cpuid_entry2 *entry;
	unsigned int i;

	for (i = XSTATE_FIRST_EXTENDED; i < CPUID_XSTATE_MAX; i++) {
		if (!(xstate->xcr0 & (1ull << i)))
			continue;
		entry = offer_add(offer, 0xd, i, true);
		if (!entry)
			return;
		entry->eax = xstate->size[i];
		entry->ebx = xstate->offset[i];
		entry->ecx = xstate->flags[i];
	}
}

static void offer_rule(struct cpuid_offer *offer, const struct cpuid_source *source,
		       const struct cpuid_rule *rule)
{
	bool indexed = rule->flags & RULE_INDEXED;
	struct kvm_cpuid_entry2 *entry;
	u32 regs[4];

	if (rule->flags & RULE_CACHES) {
		offer_caches(offer, source, rule);
		return;
	}
	entry = offer_add(offer, rule->function, rule->index, indexed);
	if (!entry)
		return;
	source->read(rule->function, rule->index, regs);
	offer_filter(source, rule, entry, regs);
	if (rule->adjust)
		rule->adjust(offer, entry);
	if (rule->function == 0xd && rule->index == 1)
		offer_xstate(offer);
}

static void xstate_init(struct cpuid_xstate *xstate,
			const struct cpuid_source *source)
{
	u32 regs[4];
	unsigned int i;

	memset(xstate, 0, sizeof(*xstate));
	xstate->xcr0 = source->xcr0 & XCR0_WORKS;
	for (i = XSTATE_FIRST_EXTENDED; i < CPUID_XSTATE_MAX; i++) {
		if (!(xstate->xcr0 & (1ull << i)))
			continue;
		source->read(0xd, i, regs);
		xstate->size[i] = regs[CPUID_REG_A];
		xstate->offset[i] = regs[CPUID_REG_B];
		xstate->flags[i] = regs[CPUID_REG_C];
	}
}

void cpuid_offer_init(struct cpuid_offer *offer, const struct cpuid_source *source)
{
	u32 basic[4], extended[4];
	unsigned int i;

	memset(offer, 0, sizeof(*offer));
	xstate_init(&offer->xstate, source);
	source->read(0, 0, basic);
	source->read(0x80000000, 0, extended);

	for (i = 0; i < sizeof(cpuid_rules) / sizeof(cpuid_rules[0]); i++) {
		const struct cpuid_rule *rule = &cpuid_rules[i];

		if (rule->function < 0x40000000 &&
		    rule->function > basic[CPUID_REG_A])
			continue;
		if (rule->function >= 0x80000000 &&
		    rule->function > extended[CPUID_REG_A])
			continue;
		/* Without XSAVE leaf 0xd is empty. */
		if (rule->function == 0xd && !offer->xstate.xcr0)
			continue;
		offer_rule(offer, source, rule);
	}
}

u32 cpuid_xstate_size(const struct cpuid_xstate *xstate, u64 xcr0)
{
	u32 size = XSTATE_LEGACY_BYTES;
	unsigned int i;

	for (i = XSTATE_FIRST_EXTENDED; i < CPUID_XSTATE_MAX; i++) {
		u32 end = xstate->offset[i] + xstate->size[i];

		if ((xcr0 & (1ull << i)) && end > size)
			size = end;
	}
	return size;
}

u32 cpuid_xstate_compact_size(const struct cpuid_xstate *xstate, u64 features)
{
	u32 size = XSTATE_LEGACY_BYTES;
	unsigned int i;

	for (i = XSTATE_FIRST_EXTENDED; i < CPUID_XSTATE_MAX; i++) {
		if (!(features & (1ull << i)))
			continue;
		if (xstate->flags[i] & XSTATE_FLAG_ALIGNED)
			size = (size + 63) & ~63u;
		size += xstate->size[i];
	}
	return size;
}
