// SPDX-License-Identifier: GPL-2.0-only
/*
 * The map of local APICs.
 *
 * What can be asked of it in a few instructions: physical ids, flat and
 * clustered logical ids as long as all APICs of a VM use one model, which is
 * what every guest does once it is up.  Everything else is answered "cannot
 * tell", and the caller asks each APIC.
 *
 * An APIC in xAPIC mode with an empty logical id is on no logical side: that is
 * how processors that the guest has not started look.
 */
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "apic_map.h"

struct apic_map *apic_map_alloc(u32 max_id)
{
	u32 size = (max_id | 0xf) + 1;
	struct apic_map *map;

	map = kvzalloc(struct_size(map, by_id, 2 * size), GFP_KERNEL_ACCOUNT);
	if (map)
		map->size = size;
	return map;
}

static void apic_map_use_model(struct apic_map *map, enum apic_map_model model)
{
	if (map->model == APIC_MAP_NONE)
		map->model = model;
	else if (map->model != model)
		map->model = APIC_MAP_MIXED;
}

void apic_map_add(struct apic_map *map, struct lapic *apic, const struct apic_id *id)
{
	unsigned int logical = id->ldr >> 24, bits, slot;

	map->by_id[id->id] = apic;
	if (id->x2apic) {
		map->by_id[map->size + id->id] = apic;
		apic_map_use_model(map, APIC_MAP_X2APIC);
		return;
	}
	map->any_xapic = true;
	if (!logical)
		return;

	bits = id->cluster ? logical & 0xf : logical;
	slot = bits ? __builtin_ctz(bits) : 0;
	if (id->cluster)
		slot += logical >> 4 << 2;
	apic_map_use_model(map, id->cluster ? APIC_MAP_CLUSTER : APIC_MAP_FLAT);
	/* One bit each, or the array cannot say who is meant. */
	if (!bits || (bits & (bits - 1)) || map->logical[slot])
		map->model = APIC_MAP_MIXED;
	else
		map->logical[slot] = apic;
}

static void apic_map_find_logical(const struct apic_map *map, u32 dest,
				  struct apic_targets *targets)
{
	targets->apic = map->logical;
	targets->mask = 0;
	switch (map->model) {
	case APIC_MAP_FLAT:
		if (dest <= 0xff)
			targets->mask = dest;
		break;
	case APIC_MAP_CLUSTER:
		if (dest <= 0xff) {
			targets->apic += dest >> 4 << 2;
			targets->mask = dest & 0xf;
		}
		break;
	case APIC_MAP_X2APIC:
		if ((dest >> 16) < map->size / 16) {
			targets->apic = map->by_id + map->size + (dest >> 16 << 4);
			targets->mask = dest & 0xffff;
		}
		break;
	}
}

bool apic_map_find(const struct apic_map *map, const struct lapic_msg *msg, bool ipi,
		   struct apic_targets *targets)
{
	if (msg->dest == ~0u)
		return false;
	/* One processor's eight neighbours in x2APIC mode, or a broadcast. */
	if (msg->dest == 0xff && (!ipi || map->any_xapic))
		return false;

	if (msg->logical) {
		if (map->model == APIC_MAP_MIXED)
			return false;
		apic_map_find_logical(map, msg->dest, targets);
		return true;
	}
	targets->apic = map->by_id;
	targets->mask = msg->dest < map->size;
	if (targets->mask)
		targets->apic += msg->dest;
	return true;
}
