// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the entry of a CPUID leaf is found; pure, also in user space.
 *
 * The functions that guests ask for lie close to 0, 0x40000000, 0x80000000 and
 * 0xc0000000, so a small table leads from a function to its first entry.  Entries
 * of one function are neighbours in the order that cpuid_map_build() makes; the
 * few of them are compared by index.  Functions beyond the table are searched for.
 */
#include <linux/string.h>

#include "cpuid.h"

#define HYPERVISOR_CLASS	1

static u16 *map_slot(struct cpuid_map *map, u32 function)
{
	u32 leaf = function & 0x3fffffff;

	return leaf < CPUID_CLASS_LEAVES ? &map->first[function >> 30][leaf] : NULL;
}

void cpuid_map_build(struct vcpu_cpuid *cpuid)
{
	struct cpuid_map *map = &cpuid->map;
	unsigned int i, pos;

	/* Insertion keeps the order of equals; there are 256 at most. */
	for (i = 0; i < cpuid->nr; i++) {
		u32 function = cpuid->entries[i].function;

		for (pos = i; pos > 0; pos--) {
			u8 before = map->order[pos - 1];

			if (cpuid->entries[before].function <= function)
				break;
			map->order[pos] = before;
		}
		map->order[pos] = i;
	}

	memset(map->first, 0xff, sizeof(map->first));
	for (pos = cpuid->nr; pos-- > 0;) {
		u16 *slot = map_slot(map, cpuid->entries[map->order[pos]].function);

		if (slot)
			*slot = pos;
	}
}

static unsigned int map_first(const struct vcpu_cpuid *cpuid, u32 function)
{
	u32 leaf = function & 0x3fffffff;
	unsigned int pos;

	if (leaf < CPUID_CLASS_LEAVES)
		return cpuid->map.first[function >> 30][leaf];
	for (pos = 0; pos < cpuid->nr; pos++) {
		if (cpuid->entries[cpuid->map.order[pos]].function == function)
			return pos;
	}
	return CPUID_NONE;
}

const struct kvm_cpuid_entry2 *cpuid_lookup(const struct vcpu_cpuid *cpuid,
					    u32 function, u32 index)
{
	unsigned int pos = map_first(cpuid, function);

	for (; pos < cpuid->nr; pos++) {
		const struct kvm_cpuid_entry2 *entry =
			&cpuid->entries[cpuid->map.order[pos]];

		if (entry->function != function)
			break;
		if (entry->index == index ||
		    !(entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX))
			return entry;
	}
	return NULL;
}

/* Is @function within what the first leaf of its range announces? */
static bool function_exists(const struct vcpu_cpuid *cpuid, u32 function)
{
	const struct kvm_cpuid_entry2 *base;
	u32 first = function & 0xc0000000;

	/* Hypervisors have one range of 256 each. */
	if (function >> 30 == HYPERVISOR_CLASS)
		first = function & ~0xffu;
	base = cpuid_lookup(cpuid, first, 0);
	return base && function <= base->eax;
}

const struct kvm_cpuid_entry2 *cpuid_out_of_range(const struct vcpu_cpuid *cpuid,
						  u32 function, u32 index)
{
	const struct kvm_cpuid_entry2 *base;

	if (cpuid->features.amd_like || function_exists(cpuid, function))
		return NULL;
	base = cpuid_lookup(cpuid, 0, 0);
	return base ? cpuid_lookup(cpuid, base->eax, index) : NULL;
}

bool cpuid_is_amd_like(const struct vcpu_cpuid *cpuid)
{
	static const char names[][13] = { "AuthenticAMD", "HygonGenuine" };
	const struct kvm_cpuid_entry2 *base = cpuid_lookup(cpuid, 0, 0);
	unsigned int i;
	char name[12];

	if (!base)
		return false;
	memcpy(name, &base->ebx, 4);
	memcpy(name + 4, &base->edx, 4);
	memcpy(name + 8, &base->ecx, 4);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!memcmp(name, names[i], sizeof(name)))
			return true;
	}
	return false;
}
