// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID on hosts that do not exist: one that has everything, one that has nothing,
 * one whose caches never end; the real one; and the map of entries against a
 * search from the first to the last.
 */
#include <cpuid.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../tap.h"

#include "../../../src/x86/cpuid.h"
#include "../../../src/x86/cpuid_offer.h"

#define XCR0_ALL	0x602e7ull	/* x87 to AVX-512, PKRU, AMX */
#define AVX512		0xe0ull

static struct cpuid_offer offer;

/* --- hosts --- */

static u32 feature_fill;
static bool endless_caches;
static u32 unusable_function = ~0u;

/*
 * Intel's layout of the standard format, but for the size of component 5: so that
 * the alignment of the next one shows when compacted.
 */
static const struct {
	u32 size, offset, flags;
} components[CPUID_XSTATE_MAX] = {
	[2] = { 256, 576, 0 }, [5] = { 48, 1088, 0 }, [6] = { 512, 1152, 2 },
	[7] = { 1024, 1664, 2 }, [9] = { 8, 2688, 0 }, [17] = { 64, 2752, 2 },
	[18] = { 8192, 2816, 6 },
};

static void read_xstate(u32 index, u32 regs[4])
{
	memset(regs, 0, 16);
	if (index >= CPUID_XSTATE_MAX)
		return;
	if (index == 1)
		regs[CPUID_REG_A] = feature_fill;
	if (index < 2)
		return;
	regs[CPUID_REG_A] = components[index].size;
	regs[CPUID_REG_B] = components[index].offset;
	regs[CPUID_REG_C] = components[index].flags;
}

static void fake_read(u32 function, u32 index, u32 regs[4])
{
	int reg;

	for (reg = 0; reg < 4; reg++)
		regs[reg] = feature_fill;
	switch (function) {
	case 0:
		regs[CPUID_REG_A] = 0x24;
		break;
	case 0x80000000:
		regs[CPUID_REG_A] = 0x80000028;
		break;
	case 0x80000008:
		regs[CPUID_REG_A] = 0x3934;	/* 52 physical, 57 linear */
		break;
	case 7:
		regs[CPUID_REG_A] = 2;
		break;
	case 0xd:
		read_xstate(index, regs);
		break;
	case 4:
	case 0x8000001d:
		regs[CPUID_REG_A] = endless_caches || index < 3 ? 0x121 : 0;
		break;
	}
}

static u32 fake_usable(u32 function, u32 index, enum cpuid_reg reg)
{
	return function == unusable_function ? 0 : ~0u;
}

static void real_read(u32 function, u32 index, u32 regs[4])
{
	__cpuid_count(function, index, regs[0], regs[1], regs[2], regs[3]);
}

static void make_offer(u32 fill, u64 xcr0)
{
	struct cpuid_source source = {
		.read = fake_read, .usable = fake_usable, .xcr0 = xcr0,
	};

	feature_fill = fill;
	cpuid_offer_init(&offer, &source);
}

static struct kvm_cpuid_entry2 *offered(u32 function, u32 index)
{
	unsigned int i;

	for (i = 0; i < offer.nr; i++) {
		if (offer.entries[i].function == function &&
		    offer.entries[i].index == index)
			return &offer.entries[i];
	}
	return NULL;
}

static u32 bits(u32 function, u32 index, enum cpuid_reg reg)
{
	struct kvm_cpuid_entry2 *entry = offered(function, index);

	return entry ? *cpuid_entry_reg(entry, reg) : 0;
}

/* --- what is offered --- */

static bool offer_is_sorted(void)
{
	unsigned int i;

	for (i = 1; i < offer.nr; i++) {
		const struct kvm_cpuid_entry2 *a = &offer.entries[i - 1], *b = a + 1;

		if (a->function > b->function ||
		    (a->function == b->function && a->index >= b->index))
			return false;
	}
	return true;
}

static void host_with_everything(void)
{
	make_offer(~0u, XCR0_ALL);
	CHECK(offer_is_sorted());
	/* monitor, VMX, SMX, TSC deadline, OSXSAVE, hypervisor */
	CHECK_EQ(bits(1, 0, CPUID_REG_C) &
		 (CPUID_MONITOR | 1u << 5 | 1u << 6 | CPUID_TSC_DEADLINE |
		  CPUID_OSXSAVE | 1u << 31), 0);
	CHECK(bits(1, 0, CPUID_REG_C) & CPUID_X2APIC);
	CHECK(bits(1, 0, CPUID_REG_C) & CPUID_AVX);
	/* the APIC id and the count of logical processors are the VMM's */
	CHECK_EQ(bits(1, 0, CPUID_REG_B) >> 16, 0);
	/* hyper-threading, thermal monitors, pending break enable, serial number */
	CHECK_EQ(bits(1, 0, CPUID_REG_D) & (1u << 28 | 1u << 29 | 1u << 31 | 1u << 18), 0);
	CHECK_EQ(bits(7, 0, CPUID_REG_A), 1);
	CHECK_EQ(bits(7, 0, CPUID_REG_B) & (1u << 2 | 1u << 14 | 1u << 25), 0);
	CHECK_EQ(bits(7, 0, CPUID_REG_C) & (CPUID_OSPKE | CPUID_LA57 | 1u << 7), 0);
	CHECK(bits(7, 0, CPUID_REG_C) & CPUID_PKU);
	CHECK(bits(7, 0, CPUID_REG_B) & CPUID_TSC_ADJUST);
	/* no performance monitoring, SGX, trace; nothing of SVM or memory encryption */
	CHECK(!offered(0xa, 0));
	CHECK(!offered(0x12, 0));
	CHECK(!offered(0x14, 0));
	CHECK(!offered(0x8000000a, 0));
	CHECK(!offered(0x8000001f, 0));
	CHECK_EQ(bits(0x80000001, 0, CPUID_REG_C) & CPUID_SVM, 0);
	CHECK(bits(0x80000001, 0, CPUID_REG_D) & CPUID_LM);
	/* 5-level paging is not offered, so addresses have 48 bits */
	CHECK_EQ(bits(0x80000008, 0, CPUID_REG_A), 0x3034);
	CHECK_EQ(bits(0x80000000, 0, CPUID_REG_A), 0x80000021);
	CHECK_EQ(bits(0, 0, CPUID_REG_A), 0x1f);
	CHECK_EQ(bits(0x80000007, 0, CPUID_REG_D), CPUID_INVARIANT_TSC);
}

static void host_with_nothing(void)
{
	make_offer(0, 0);
	CHECK(offer_is_sorted());
	CHECK_EQ(bits(1, 0, CPUID_REG_C), CPUID_X2APIC);
	CHECK_EQ(bits(1, 0, CPUID_REG_D), CPUID_APIC);
	CHECK_EQ(bits(7, 0, CPUID_REG_B), CPUID_TSC_ADJUST);
	CHECK_EQ(bits(0x80000001, 0, CPUID_REG_D), 0);
	CHECK(!offered(0xd, 0));
	CHECK(!offered(0xd, 1));
}

static void kernel_has_the_last_word(void)
{
	unusable_function = 7;
	make_offer(~0u, XCR0_ALL);
	unusable_function = ~0u;
	CHECK_EQ(bits(7, 0, CPUID_REG_B), CPUID_TSC_ADJUST);
	CHECK_EQ(bits(7, 0, CPUID_REG_C), 0);
	CHECK(bits(1, 0, CPUID_REG_C) & CPUID_AVX);
}

static void hypervisor_leaves(void)
{
	u32 wanted = 1u | 1u << 1 | 1u << 3 | 1u << 24;
	struct kvm_cpuid_entry2 *entry;

	make_offer(~0u, XCR0_ALL);
	entry = offered(0x40000000, 0);
	CHECK(entry);
	CHECK_EQ(entry->eax, 0x40000001);
	CHECK(!memcmp(&entry->ebx, "KVMKVMKVM\0\0\0", 12));
	/* clocks old and new, I/O without delay, stable clock; then what else the guest may ask for */
	wanted |= 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 9 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 14;
	CHECK_EQ(bits(0x40000001, 0, CPUID_REG_A), wanted);
}

static void caches_end(void)
{
	unsigned int i, n = 0;

	make_offer(~0u, XCR0_ALL);
	CHECK(offered(4, 2));
	CHECK(offered(4, 3));
	CHECK(!offered(4, 4));
	CHECK_EQ(offered(4, 2)->flags, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);

	endless_caches = true;
	make_offer(~0u, XCR0_ALL);
	endless_caches = false;
	for (i = 0; i < offer.nr; i++)
		n += offer.entries[i].function == 4;
	CHECK_EQ(n, 16);
	CHECK(offered(0x8000001d, 15));
	CHECK(offered(0x80000021, 0));
}

static void the_real_host(void)
{
	struct cpuid_source source = {
		.read = real_read, .usable = fake_usable, .xcr0 = 7,
	};
	u32 regs[4];

	cpuid_offer_init(&offer, &source);
	CHECK(offer_is_sorted());
	CHECK(offer.nr < CPUID_OFFER_MAX);
	real_read(1, 0, regs);
	CHECK_EQ(bits(1, 0, CPUID_REG_A), regs[CPUID_REG_A]);
	CHECK_EQ(bits(1, 0, CPUID_REG_D) & ~regs[CPUID_REG_D] & ~CPUID_APIC, 0);
}

/* --- extended state --- */

static void sizes_of_extended_state(void)
{
	const struct cpuid_xstate *xstate = &offer.xstate;

	make_offer(~0u, XCR0_ALL);
	CHECK_EQ(xstate->xcr0, 0x2e7);		/* AMX is not offered */
	CHECK_EQ(cpuid_xstate_size(xstate, 1), 576);
	CHECK_EQ(cpuid_xstate_size(xstate, 3), 576);
	CHECK_EQ(cpuid_xstate_size(xstate, 7), 832);
	CHECK_EQ(cpuid_xstate_size(xstate, 7 | AVX512), 2688);
	CHECK_EQ(cpuid_xstate_size(xstate, 0x2e7), 2696);
	CHECK_EQ(cpuid_xstate_size(xstate, 0x203), 2696);
	CHECK_EQ(cpuid_xstate_compact_size(xstate, 3), 576);
	CHECK_EQ(cpuid_xstate_compact_size(xstate, 7), 832);
	CHECK_EQ(cpuid_xstate_compact_size(xstate, 0x203), 584);
	CHECK_EQ(cpuid_xstate_compact_size(xstate, 7 | AVX512), 896 + 512 + 1024);
	CHECK_EQ(cpuid_xstate_compact_size(xstate, 3 | 1 << 5), 576 + 48);
	CHECK_EQ(cpuid_xstate_compact_size(xstate, 3 | 1 << 5 | 1 << 6), 640 + 512);

	CHECK_EQ(bits(0xd, 0, CPUID_REG_A), 0x2e7);
	CHECK_EQ(bits(0xd, 0, CPUID_REG_B), 2696);
	CHECK_EQ(bits(0xd, 0, CPUID_REG_C), 2696);
	CHECK_EQ(bits(0xd, 1, CPUID_REG_A), 0xf);
	CHECK_EQ(bits(0xd, 2, CPUID_REG_A), 256);
	CHECK_EQ(bits(0xd, 2, CPUID_REG_B), 576);
	CHECK(!offered(0xd, 3));
	CHECK(offered(0xd, 9));
	CHECK(!offered(0xd, 17));
}

static void no_extended_state(void)
{
	make_offer(~0u, 0);
	CHECK_EQ(bits(1, 0, CPUID_REG_C) &
		 (CPUID_XSAVE | CPUID_AVX | CPUID_F16C | CPUID_FMA), 0);
	CHECK(bits(1, 0, CPUID_REG_C) & CPUID_SSE4_2);
}

/* --- the map --- */

static struct vcpu_cpuid guest;
static struct kvm_cpuid_entry2 entries[CPUID_MAX_ENTRIES];

static const struct kvm_cpuid_entry2 *slow_lookup(u32 function, u32 index)
{
	unsigned int i;

	for (i = 0; i < guest.nr; i++) {
		if (entries[i].function != function)
			continue;
		if (entries[i].index == index ||
		    !(entries[i].flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX))
			return &entries[i];
	}
	return NULL;
}

static u32 random_function(void)
{
	static const u32 bases[] = {
		0, 0x40000000, 0x40000100, 0x80000000, 0xc0000000, 0x30, 0x8fffff00,
	};

	if (rand() % 16 == 0)
		return (u32)rand() << 1 ^ rand();
	return bases[rand() % 7] + rand() % 40;
}

static void use_entries(unsigned int nr)
{
	guest.entries = entries;
	guest.nr = nr;
	cpuid_map_build(&guest);
}

static void map_agrees_with_a_search(void)
{
	unsigned int round, i;

	srand(1);
	for (round = 0; round < 2000; round++) {
		unsigned int nr = rand() % 4 ? rand() % 64 : rand() % (CPUID_MAX_ENTRIES + 1);

		memset(entries, 0, sizeof(entries));
		for (i = 0; i < nr; i++) {
			entries[i].function = random_function();
			entries[i].index = rand() % 4;
			entries[i].flags = rand() % 2;
		}
		use_entries(nr);
		for (i = 0; i < 200; i++) {
			u32 function = random_function(), index = rand() % 5;

			CHECK(cpuid_lookup(&guest, function, index) ==
			      slow_lookup(function, index));
		}
		for (i = 0; i < nr; i++)
			CHECK(cpuid_lookup(&guest, entries[i].function, entries[i].index));
	}
}

static void map_of_none_and_of_all(void)
{
	unsigned int i;

	use_entries(0);
	CHECK(!cpuid_lookup(&guest, 0, 0));
	CHECK(!cpuid_lookup(&guest, ~0u, 0));
	CHECK(!cpuid_is_amd_like(&guest));
	CHECK(!cpuid_out_of_range(&guest, 5, 0));

	/* one function, the largest number of entries, the last is asked for */
	memset(entries, 0, sizeof(entries));
	for (i = 0; i < CPUID_MAX_ENTRIES; i++) {
		entries[i].function = 4;
		entries[i].index = CPUID_MAX_ENTRIES - 1 - i;
		entries[i].flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
	}
	use_entries(CPUID_MAX_ENTRIES);
	for (i = 0; i < CPUID_MAX_ENTRIES; i++)
		CHECK(cpuid_lookup(&guest, 4, i) == &entries[CPUID_MAX_ENTRIES - 1 - i]);
	CHECK(!cpuid_lookup(&guest, 4, CPUID_MAX_ENTRIES));
}

static void add(unsigned int i, u32 function, u32 eax, const char *name)
{
	memset(&entries[i], 0, sizeof(entries[i]));
	entries[i].function = function;
	entries[i].eax = eax;
	if (!name)
		return;
	memcpy(&entries[i].ebx, name, 4);
	memcpy(&entries[i].edx, name + 4, 4);
	memcpy(&entries[i].ecx, name + 8, 4);
}

static void beyond_the_last_leaf(void)
{
	add(0, 0, 0xd, "GenuineIntel");
	add(1, 0xd, 0x1234, NULL);
	add(2, 0x80000000, 0x80000004, NULL);
	add(3, 0x40000000, 0x40000001, NULL);
	add(4, 0x40000100, 0x40000101, NULL);
	use_entries(5);
	guest.features.amd_like = cpuid_is_amd_like(&guest);
	CHECK(!guest.features.amd_like);
	/* within the range but absent: zeroes */
	CHECK(!cpuid_out_of_range(&guest, 0xc, 0));
	CHECK(!cpuid_out_of_range(&guest, 0x80000003, 0));
	CHECK(!cpuid_out_of_range(&guest, 0x40000001, 0));
	CHECK(!cpuid_out_of_range(&guest, 0x40000101, 0));
	/* beyond it: the highest basic leaf */
	CHECK(cpuid_out_of_range(&guest, 0xe, 0) == &entries[1]);
	CHECK(cpuid_out_of_range(&guest, 0x80000005, 0) == &entries[1]);
	CHECK(cpuid_out_of_range(&guest, 0x40000002, 0) == &entries[1]);
	CHECK(cpuid_out_of_range(&guest, 0x40000102, 0) == &entries[1]);
	CHECK(cpuid_out_of_range(&guest, 0xc0000000, 0) == &entries[1]);

	add(0, 0, 0xd, "AuthenticAMD");
	use_entries(5);
	guest.features.amd_like = cpuid_is_amd_like(&guest);
	CHECK(guest.features.amd_like);
	CHECK(!cpuid_out_of_range(&guest, 0xe, 0));
	add(0, 0, 0xd, "HygonGenuine");
	use_entries(5);
	CHECK(cpuid_is_amd_like(&guest));
}

static const struct tap_test tests[] = {
	{ "a host with everything", host_with_everything },
	{ "a host with nothing", host_with_nothing },
	{ "what the kernel turned off is not offered", kernel_has_the_last_word },
	{ "the hypervisor's leaves", hypervisor_leaves },
	{ "caches that end, and that do not", caches_end },
	{ "the real host", the_real_host },
	{ "sizes of extended state", sizes_of_extended_state },
	{ "a host without XSAVE", no_extended_state },
	{ "the map agrees with a search", map_agrees_with_a_search },
	{ "the map of no entries, and of as many as there can be", map_of_none_and_of_all },
	{ "beyond the last leaf, on Intel and on AMD", beyond_the_last_leaf },
};

TAP_MAIN("cpuid", tests)
