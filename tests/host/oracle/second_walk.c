// SPDX-License-Identifier: GPL-2.0-only
/*
 * The second dimension as the manuals have it: EPT, and AMD's nested paging.
 *
 * EPT has its own layout.  An entry is present if one of its rights is given; a
 * value that the manual reserves is a misconfiguration, which comes before any
 * question of rights.  Rights are those of all entries together.
 *
 * Nested paging is the host's own paging, on accesses in user mode; so that half is
 * guest_walk() again, with the host's registers.  CR0.WP, SMEP, SMAP and protection
 * keys of the host do not apply.
 */
#include "guest_walk.h"

static bool ept_bit(u64 value, int n)
{
	return value >> n & 1;
}

/* Mask of bits @high:@low; none if @high is below @low. */
static u64 ept_mask(int high, int low)
{
	return high < low ? 0 : (~0ull >> (63 - high)) & (~0ull << low);
}

/* "EPT Misconfigurations"; the entry is present. */
static bool ept_misconfigured(const struct guest_walk_second *second, int level, u64 entry,
			      bool page)
{
	bool read = ept_bit(entry, 0), write = ept_bit(entry, 1), execute = ept_bit(entry, 2);
	u64 type = (entry & ept_mask(5, 3)) >> 3;

	if (!read && write)
		return true;
	if (!read && execute && !second->execute_only)
		return true;
	if (entry & ept_mask(51, second->host.maxphyaddr))
		return true;
	if (page)
		return type == 2 || type == 3 || type == 7 ||
		       entry & ept_mask(12 + 9 * (level - 1) - 1, 12);
	return entry & (level >= 4 ? ept_mask(7, 3) : ept_mask(6, 3));
}

static bool ept_maps_page(const struct guest_walk_second *second, int level, u64 entry)
{
	if (level == 1)
		return true;
	return ept_bit(entry, 7) && (level == 2 || (level == 3 && second->host.page_1g));
}

/* "Exit Qualification for EPT Violations", @rights are those of all entries. */
static bool ept_violation(struct guest_walk_result *res, const struct guest_walk_step *step,
			  bool flags, u64 rights)
{
	u64 qualification = rights << 3 | 1u << 7;

	if (step->kind == GUEST_WALK_READ)
		qualification |= 1u << 0;
	if (step->kind == GUEST_WALK_WRITE || (step->table && flags))
		qualification |= 1u << 1;
	if (step->table && flags)
		qualification |= 1u << 0;
	if (step->kind == GUEST_WALK_FETCH)
		qualification |= 1u << 2;
	if (!step->table)
		qualification |= 1u << 8;
	res->outcome = GUEST_WALK_EPT_VIOLATION;
	res->qualification = qualification;
	return false;
}

static bool ept_allowed(const struct guest_walk_step *step, bool flags, u64 rights)
{
	/* With A/D flags for EPT, the guest's tables are accessed as by writes. */
	bool write = step->kind == GUEST_WALK_WRITE || (step->table && flags);

	if (write && !ept_bit(rights, 1))
		return false;
	if (step->kind == GUEST_WALK_READ && !ept_bit(rights, 0))
		return false;
	return step->kind != GUEST_WALK_FETCH || ept_bit(rights, 2);
}

/* A/D flags are set by the access that is made: none if there is a fault. */
static void ept_set_flags(struct guest_walk_result *res, int first, bool write)
{
	int i;

	for (i = first; i < res->nr_second; i++)
		res->second[i].set = 1u << 8;
	if (write)
		res->second[i - 1].set |= 1u << 9;
}

static bool ept_walk(const struct guest_walk_second *second,
		     const struct guest_walk_memory *memory,
		     const struct guest_walk_step *step, struct guest_walk_result *res,
		     u64 *address)
{
	bool flags = ept_bit(second->eptp, 6), page;
	int level = ((second->eptp & ept_mask(5, 3)) >> 3) + 1, first = res->nr_second, shift;
	u64 table = second->eptp & ept_mask(51, 12), rights = 7, entry, at;

	for (; ; level--) {
		shift = 12 + 9 * (level - 1);
		at = table + 8 * (step->gpa >> shift & 511);
		entry = memory->read(memory->ctx, at, 8);
		if (!(entry & ept_mask(2, 0)))
			return ept_violation(res, step, flags, 0);
		page = ept_maps_page(second, level, entry);
		if (ept_misconfigured(second, level, entry, page)) {
			res->outcome = GUEST_WALK_EPT_MISCONFIG;
			return false;
		}
		rights &= entry;
		res->second[res->nr_second++] = (struct guest_walk_used) {
			.address = at, .bytes = 8,
		};
		if (page)
			break;
		table = entry & ept_mask(51, 12);
	}
	if (!ept_allowed(step, flags, rights))
		return ept_violation(res, step, flags, rights);
	if (flags)
		ept_set_flags(res, first, step->kind == GUEST_WALK_WRITE || step->table);
	*address = (entry & ept_mask(51, shift)) | (step->gpa & ept_mask(shift - 1, 0));
	return true;
}

/* "Nested versus Guest Page Faults": bits 32 and 33 tell what was accessed. */
static bool npt_walk(const struct guest_walk_second *second,
		     const struct guest_walk_memory *memory,
		     const struct guest_walk_step *step, struct guest_walk_result *res,
		     u64 *address)
{
	/* The guest's tables are accessed as by writes, whatever becomes of them. */
	struct guest_walk_access access = {
		.kind = step->table ? GUEST_WALK_WRITE : step->kind, .user = true,
	};
	struct guest_walk_cpu host = second->host;
	struct guest_walk_result nested;
	int unused = host.cr4 & 1u << 12 ? 64 - 57 : 64 - 48, i;

	host.cr0 = 1u << 31 | 1u << 16;
	host.cr4 &= 1u << 4 | 1u << 5 | 1u << 12;
	host.pdpte_held = false;
	host.second = NULL;
	/* There is no canonical form of a physical address: give it one. */
	guest_walk(&host, memory, (s64)(step->gpa << unused) >> unused, access, &nested);
	for (i = 0; i < nested.nr_used; i++)
		res->second[res->nr_second++] = nested.used[i];
	if (nested.outcome != GUEST_WALK_OK) {
		res->outcome = GUEST_WALK_NESTED_FAULT;
		res->qualification = nested.error_code | 1ull << (step->table ? 33 : 32);
		return false;
	}
	*address = nested.gpa;
	return true;
}

bool second_walk(const struct guest_walk_second *second,
		 const struct guest_walk_memory *memory, const struct guest_walk_step *step,
		 struct guest_walk_result *res, u64 *address)
{
	bool done = second->ept ? ept_walk(second, memory, step, res, address) :
				  npt_walk(second, memory, step, res, address);

	if (!done)
		res->second_address = step->gpa;
	return done;
}
