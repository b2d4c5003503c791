// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a processor walks nested tables.
 *
 * A walk goes from the root, or from a table that is remembered from another walk,
 * collects the rights (write and user by "and", no-execute by "or"), sets accessed
 * bits on its way and the dirty bit for a write, each by a locked compare-exchange,
 * and starts anew if an entry changed.  What it finds goes to the TLB, as a whole or
 * as a smaller part.
 *
 * Absent entries are not remembered: x86 never does.  A translation that is
 * remembered with less rights than an access needs may cause the fault, or another
 * walk; both happen.  After a fault nothing is remembered about its address.
 *
 * A walk takes no lock and no RCU: a real one knows none either.  What keeps the
 * tables alive is that whoever frees one flushes the CPU first.
 */
#include "hardware.h"

#include "../shim/memory.h"

#define HW_PRESENT	0x1ull
#define HW_WRITABLE	0x2ull
#define HW_USER		0x4ull
#define HW_PWT		0x8ull
#define HW_PCD		0x10ull
#define HW_ACCESSED	0x20ull
#define HW_DIRTY	0x40ull
#define HW_LARGE	0x80ull
#define HW_NX		(1ull << 63)
#define HW_ADDR		0x000ffffffffff000ull
/* The PAT bit of a large leaf. */
#define HW_LARGE_PAT	0x1000ull

static u32 hw_random(struct hw_cpu *cpu)
{
	cpu->random ^= cpu->random << 13;
	cpu->random ^= cpu->random >> 17;
	cpu->random ^= cpu->random << 5;
	return cpu->random;
}

/* Is an entry that spans @level pages from @gfn on about any of [start, end)? */
static bool hw_about(u64 gfn, int level, u64 start, u64 end)
{
	return gfn < end && gfn + hw_level_pages(level) > start;
}

static u64 hw_first(u64 gfn, int level)
{
	return gfn & ~(hw_level_pages(level) - 1);
}

static bool hw_is_leaf(u64 value, int level)
{
	return level == 1 || value & HW_LARGE;
}

/* Why an entry that is present makes a walk fault with the reserved bit, or NULL. */
static const char *hw_reserved(const struct hw_format *format, u64 value, int level)
{
	if (value & HW_ADDR & ~((1ull << format->phys_bits) - 1))
		return "an address beyond the physical bits";
	if (level == 1 || !(value & HW_LARGE))
		return NULL;
	if (level > format->max_leaf)
		return "a large leaf at a level that has none";
	if (value & HW_ADDR & ~HW_LARGE_PAT & ((hw_level_pages(level) << 12) - 1))
		return "a large leaf that is not aligned";
	return NULL;
}

static u64 *hw_entry(u64 table, u64 gfn, int level)
{
	return (u64 *)phys_to_virt(table) + (gfn >> (level - 1) * 9 & 511);
}

static void hw_decode(u64 value, u64 rights, u64 gfn, int level, struct hw_leaf *leaf)
{
	leaf->gfn = hw_first(gfn, level);
	leaf->pfn = (value & HW_ADDR) >> 12 & ~(hw_level_pages(level) - 1);
	leaf->level = level;
	leaf->writable = rights & HW_WRITABLE;
	leaf->executable = !(rights & HW_NX);
	leaf->accessed = value & HW_ACCESSED;
	leaf->dirty = value & HW_DIRTY;
	leaf->uncached = value & (HW_PWT | HW_PCD);
}

/* More address than the tables have levels for: nothing is there. */
static bool hw_beyond(const struct hw_format *format, u64 gfn)
{
	return gfn >> format->levels * 9;
}

static u64 hw_rights(u64 rights, u64 value)
{
	return (rights & value & (HW_WRITABLE | HW_USER)) | ((rights | value) & HW_NX);
}

void hw_cpu_init(struct hw_cpu *cpu, const struct hw_format *format, u32 random)
{
	memset(cpu, 0, sizeof(*cpu));
	cpu->format = *format;
	cpu->random = random ? random : 1;
}

/* The nearest table that is remembered, or the root. */
static u64 hw_start(struct hw_cpu *cpu, u64 gfn, int *level)
{
	u64 table = cpu->root;
	int i;

	*level = cpu->format.levels;
	if (hw_random(cpu) & 1)
		return table;
	for (i = 0; i < HW_WALK_ENTRIES; i++) {
		const struct hw_pointer *p = &cpu->walk[i];

		if (!p->level || p->level >= *level || p->gfn != hw_first(gfn, p->level + 1))
			continue;
		*level = p->level;
		table = p->table;
	}
	return table;
}

static void hw_remember_table(struct hw_cpu *cpu, u64 gfn, u64 table, int level)
{
	u64 first = hw_first(gfn, level + 1);
	int i, at = hw_random(cpu) % HW_WALK_ENTRIES;

	for (i = 0; i < HW_WALK_ENTRIES; i++)
		if (cpu->walk[i].level == level && cpu->walk[i].gfn == first)
			at = i;
	cpu->walk[at] = (struct hw_pointer){ .gfn = first, .table = table, .level = level };
}

static void hw_remember(struct hw_cpu *cpu, u64 gfn, struct hw_leaf *leaf)
{
	int i, at = hw_random(cpu) % HW_TLB_ENTRIES;
	u64 into;

	/* A processor may keep a large page in smaller pieces. */
	while (leaf->level > 1 && hw_random(cpu) % 4 == 0) {
		leaf->level--;
		into = hw_first(gfn, leaf->level) - leaf->gfn;
		leaf->gfn += into;
		leaf->pfn += into;
	}
	for (i = 0; i < HW_TLB_ENTRIES; i++)
		if (cpu->tlb[i].level == leaf->level && cpu->tlb[i].gfn == leaf->gfn)
			at = i;
	cpu->tlb[at] = *leaf;
}

static u64 hw_fault(struct hw_cpu *cpu, u64 gfn, enum hw_access access, u64 bits)
{
	hw_flush(cpu, gfn, gfn + 1);
	return HW_ERR_FINAL | HW_ERR_USER | bits |
	       (access == HW_WRITE ? HW_ERR_WRITE : 0) | (access == HW_FETCH ? HW_ERR_FETCH : 0);
}

static u64 hw_walk(struct hw_cpu *cpu, u64 gfn, enum hw_access access, struct hw_leaf *leaf)
{
	u64 rights, table, value, used;
	int level;

	if (hw_beyond(&cpu->format, gfn))
		return hw_fault(cpu, gfn, access, 0);
again:
	rights = HW_WRITABLE | HW_USER;
	for (table = hw_start(cpu, gfn, &level); ; level--) {
		u64 *entry = hw_entry(table, gfn, level);
		bool last;

		value = READ_ONCE(*entry);
		if (!(value & HW_PRESENT))
			return hw_fault(cpu, gfn, access, 0);
		if (hw_reserved(&cpu->format, value, level))
			return hw_fault(cpu, gfn, access, HW_ERR_PRESENT | HW_ERR_RESERVED);
		rights = hw_rights(rights, value);
		last = hw_is_leaf(value, level);
		if (last && (!(rights & HW_USER) ||
			     (access == HW_WRITE && !(rights & HW_WRITABLE)) ||
			     (access == HW_FETCH && rights & HW_NX)))
			return hw_fault(cpu, gfn, access, HW_ERR_PRESENT);
		used = value | HW_ACCESSED | (last && access == HW_WRITE ? HW_DIRTY : 0);
		if (used != value && !try_cmpxchg64(entry, &value, used))
			goto again;
		if (last)
			break;
		table = value & HW_ADDR;
		hw_remember_table(cpu, gfn, table, level - 1);
	}
	hw_decode(used, rights, gfn, level, leaf);
	return 0;
}

/* One of the translations that are remembered, any one; NULL if there is none. */
static struct hw_leaf *hw_tlb_find(struct hw_cpu *cpu, u64 gfn)
{
	struct hw_leaf *found = NULL;
	int i;

	for (i = 0; i < HW_TLB_ENTRIES; i++) {
		struct hw_leaf *leaf = &cpu->tlb[i];

		if (!leaf->level || !hw_about(leaf->gfn, leaf->level, gfn, gfn + 1))
			continue;
		if (!found || hw_random(cpu) & 1)
			found = leaf;
	}
	return found;
}

static bool hw_denies(const struct hw_leaf *leaf, enum hw_access access)
{
	return (access == HW_WRITE && !leaf->writable) || (access == HW_FETCH && !leaf->executable);
}

u64 hw_access(struct hw_cpu *cpu, u64 gfn, enum hw_access access, u64 *pfn)
{
	struct hw_leaf *hit = hw_tlb_find(cpu, gfn);
	struct hw_leaf leaf;
	u64 code;

	if (hit && hw_denies(hit, access) && hw_random(cpu) & 1)
		return hw_fault(cpu, gfn, access, HW_ERR_PRESENT);
	/* The first write to a clean page walks again, to set the dirty bit. */
	if (!hit || hw_denies(hit, access) || (access == HW_WRITE && !hit->dirty)) {
		code = hw_walk(cpu, gfn, access, &leaf);
		if (code)
			return code;
		hw_remember(cpu, gfn, &leaf);
		hit = &leaf;
	}
	*pfn = hit->pfn + (gfn - hit->gfn);
	return 0;
}

void hw_flush(struct hw_cpu *cpu, u64 start, u64 end)
{
	int i;

	for (i = 0; i < HW_TLB_ENTRIES; i++)
		if (cpu->tlb[i].level &&
		    hw_about(cpu->tlb[i].gfn, cpu->tlb[i].level, start, end))
			cpu->tlb[i].level = 0;
	for (i = 0; i < HW_WALK_ENTRIES; i++)
		if (cpu->walk[i].level &&
		    hw_about(cpu->walk[i].gfn, cpu->walk[i].level + 1, start, end))
			cpu->walk[i].level = 0;
}

void hw_evict(struct hw_cpu *cpu, u32 n)
{
	u32 i;

	if (!n)
		hw_flush(cpu, 0, ~0ull);
	for (i = 0; i < n; i++) {
		cpu->tlb[hw_random(cpu) % HW_TLB_ENTRIES].level = 0;
		cpu->walk[hw_random(cpu) % HW_WALK_ENTRIES].level = 0;
	}
}

bool hw_cached(const struct hw_cpu *cpu, u64 gfn)
{
	int i;

	for (i = 0; i < HW_TLB_ENTRIES; i++)
		if (cpu->tlb[i].level && hw_about(cpu->tlb[i].gfn, cpu->tlb[i].level, gfn, gfn + 1))
			return true;
	return false;
}

int hw_lookup(const struct hw_format *format, u64 root, u64 gfn, struct hw_leaf *leaf)
{
	u64 rights = HW_WRITABLE | HW_USER, table = root, value;
	int level;

	if (hw_beyond(format, gfn))
		return 0;
	for (level = format->levels; ; level--) {
		value = READ_ONCE(*hw_entry(table, gfn, level));
		if (!(value & HW_PRESENT) || hw_reserved(format, value, level))
			return 0;
		rights = hw_rights(rights, value);
		if (hw_is_leaf(value, level))
			break;
		table = value & HW_ADDR;
	}
	if (!(rights & HW_USER))
		return 0;
	hw_decode(value, rights, gfn, level, leaf);
	return level;
}

static void hw_malformed(struct hw_scan *scan, const char *why, u64 gfn, u64 value)
{
	if (scan->malformed)
		return;
	scan->malformed = why;
	scan->malformed_gfn = gfn;
	scan->malformed_entry = value;
}

static void hw_scan_table(struct hw_scan *scan, u64 table, u64 gfn, u64 above, int level)
{
	const u64 *entries = phys_to_virt(table);
	struct hw_pointer pointer;
	struct hw_leaf leaf;
	int i;

	scan->tables++;
	for (i = 0; i < 512; i++, gfn += hw_level_pages(level)) {
		u64 value = READ_ONCE(entries[i]);
		u64 rights = hw_rights(above, value);
		const char *why;

		if (!(value & HW_PRESENT))
			continue;
		why = hw_reserved(&scan->format, value, level);
		if (!why && !(rights & HW_USER))
			why = "not for user accesses, which all nested walks are";
		if (why) {
			hw_malformed(scan, why, gfn, value);
		} else if (hw_is_leaf(value, level)) {
			scan->pages[level]++;
			hw_decode(value, rights, gfn, level, &leaf);
			if (scan->leaf)
				scan->leaf(scan->arg, &leaf);
		} else {
			pointer = (struct hw_pointer){ gfn, value & HW_ADDR, level - 1 };
			if (scan->pointer)
				scan->pointer(scan->arg, &pointer);
			hw_scan_table(scan, pointer.table, gfn, rights, level - 1);
		}
	}
}

void hw_scan(struct hw_scan *scan)
{
	memset(scan->pages, 0, sizeof(scan->pages));
	scan->tables = 0;
	scan->malformed = NULL;
	hw_scan_table(scan, scan->root, 0, HW_WRITABLE | HW_USER, scan->format.levels);
}
