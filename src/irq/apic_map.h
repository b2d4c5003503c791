/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The map of a VM's local APICs: from a destination to those that it names.
 *
 * A map is built from all APICs at once and immutable then.  It knows an APIC
 * only as a pointer that it hands out again.
 */
#ifndef QUIRE_IRQ_APIC_MAP_H
#define QUIRE_IRQ_APIC_MAP_H

#include <linux/nospec.h>
#include <linux/rcupdate.h>

#include "apic_regs.h"

/* xAPIC mode addresses at most this many APICs logically: 15 clusters of 4. */
#define APIC_MAP_LOGICAL	64

/**
 * enum apic_map_model - how logical destinations are to be read
 * @APIC_MAP_NONE:	no APIC has a logical id yet
 * @APIC_MAP_FLAT:	xAPIC mode, one bit of eight for each
 * @APIC_MAP_CLUSTER:	xAPIC mode, one bit of four in one of 15 clusters
 * @APIC_MAP_X2APIC:	x2APIC mode, clusters of 16
 * @APIC_MAP_MIXED:	APICs disagree, or share a bit: each must be asked
 */
enum apic_map_model {
	APIC_MAP_NONE,
	APIC_MAP_FLAT,
	APIC_MAP_CLUSTER,
	APIC_MAP_X2APIC,
	APIC_MAP_MIXED,
};

/**
 * struct apic_map - see the top of this file
 * @rcu:	frees the map after its last reader
 * @model:	enum apic_map_model
 * @any_xapic:	an APIC is in xAPIC mode, so that destination 0xff may be a broadcast
 * @size:	physical ids that the arrays cover, a multiple of 16
 * @logical:	in xAPIC mode, by bit (flat) or by 4 * cluster + bit
 * @by_id:	@size APICs by physical id, then @size more, those in x2APIC mode
 */
struct apic_map {
	struct rcu_head rcu;
	u8 model;
	bool any_xapic;
	u32 size;
	struct lapic *logical[APIC_MAP_LOGICAL];
	struct lapic *by_id[];
};

/**
 * struct apic_targets - APICs that a message names
 * @apic:	an array of at least as many as @mask has bits up to the highest;
 *		NULL where there is none
 * @mask:	which of them
 */
struct apic_targets {
	struct lapic *const *apic;
	unsigned long mask;
};

/**
 * apic_map_alloc() - a map with no APIC in it, for ids up to @max_id.  May sleep.
 * Return: NULL if there is no memory.
 */
struct apic_map *apic_map_alloc(u32 max_id);

/** apic_map_add() - put an APIC in, while the map is built; id->id <= max_id */
void apic_map_add(struct apic_map *map, struct lapic *apic, const struct apic_id *id);

/** apic_map_by_id() - the APIC with that physical id, or NULL */
static inline struct lapic *apic_map_by_id(const struct apic_map *map, u32 id)
{
	return id < map->size ? map->by_id[array_index_nospec(id, map->size)] : NULL;
}

/**
 * apic_map_single() - the APIC that a message without shorthand names by physical id
 * Return: NULL if it names none, or not in this way: apic_map_find() tells.
 */
static inline struct lapic *apic_map_single(const struct apic_map *map,
					    const struct lapic_msg *msg)
{
	/* Id 0xff may be a broadcast. */
	if (msg->logical || msg->dest == 0xff)
		return NULL;
	return apic_map_by_id(map, msg->dest);
}

/**
 * apic_map_find() - the APICs that a message without shorthand names
 * @ipi: sent by an APIC, not by a device
 * Return: false if the map cannot tell (broadcasts, mixed models): match each
 * APIC with apic_matches().
 */
bool apic_map_find(const struct apic_map *map, const struct lapic_msg *msg, bool ipi,
		   struct apic_targets *targets);

#endif
