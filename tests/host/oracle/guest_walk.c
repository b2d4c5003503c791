// SPDX-License-Identifier: GPL-2.0-only
/*
 * Paging as the manuals have it: 32-bit, PAE, 4-level and 5-level.
 *
 * Bits are numbered as in the manuals' tables, "Format of a Page-Table Entry that …",
 * and the functions follow their order: which entry, is it present, are its
 * reserved bits clear, does it map a page, and in the end the access rights of all
 * entries together.
 *
 * Two things are left to the processor by the manuals.  Of a walk that ends in a
 * fault it may have set accessed flags: the result says where.  With a second
 * dimension, an accessed flag of a table entry is written here when the entry was
 * read, the dirty flag after the access rights were found good.
 *
 * PAT is supported, as on all processors with a second dimension.
 */
#include "guest_walk.h"

enum mode { MODE_OFF, MODE_32BIT, MODE_PAE, MODE_4LEVEL, MODE_5LEVEL };

/* One translation under way. */
struct walk {
	const struct guest_walk_cpu *cpu;
	const struct guest_walk_memory *memory;
	struct guest_walk_access access;
	struct guest_walk_result *res;
	enum mode mode;
	u64 gva;
};

static bool bit(u64 value, int n)
{
	return value >> n & 1;
}

/* Bits @high:@low; none if @high is below @low. */
static u64 bits(u64 value, int high, int low)
{
	if (high < low)
		return 0;
	return (value >> low) & (high - low == 63 ? ~0ull : (1ull << (high - low + 1)) - 1);
}

static bool cr0_wp(const struct guest_walk_cpu *cpu) { return bit(cpu->cr0, 16); }
static bool cr0_pg(const struct guest_walk_cpu *cpu) { return bit(cpu->cr0, 31); }
static bool cr4_pse(const struct guest_walk_cpu *cpu) { return bit(cpu->cr4, 4); }
static bool cr4_pae(const struct guest_walk_cpu *cpu) { return bit(cpu->cr4, 5); }
static bool cr4_pge(const struct guest_walk_cpu *cpu) { return bit(cpu->cr4, 7); }
static bool cr4_la57(const struct guest_walk_cpu *cpu) { return bit(cpu->cr4, 12); }
static bool cr4_smep(const struct guest_walk_cpu *cpu) { return bit(cpu->cr4, 20); }
static bool cr4_smap(const struct guest_walk_cpu *cpu) { return bit(cpu->cr4, 21); }
static bool cr4_pke(const struct guest_walk_cpu *cpu) { return bit(cpu->cr4, 22); }
static bool efer_lma(const struct guest_walk_cpu *cpu) { return bit(cpu->efer, 10); }
static bool efer_nxe(const struct guest_walk_cpu *cpu) { return bit(cpu->efer, 11); }

static enum mode paging_mode(const struct guest_walk_cpu *cpu)
{
	if (!cr0_pg(cpu))
		return MODE_OFF;
	if (!cr4_pae(cpu))
		return MODE_32BIT;
	if (!efer_lma(cpu))
		return MODE_PAE;
	return cr4_la57(cpu) ? MODE_5LEVEL : MODE_4LEVEL;
}

static int root_level(enum mode mode)
{
	static const int levels[] = {
		[MODE_32BIT] = 2, [MODE_PAE] = 3, [MODE_4LEVEL] = 4, [MODE_5LEVEL] = 5,
	};

	return levels[mode];
}

static bool canonical(const struct walk *walk)
{
	int width = walk->mode == MODE_5LEVEL ? 57 : 48;
	u64 upper = bits(walk->gva, 63, width - 1);

	return !upper || upper == bits(~0ull, 63, width - 1);
}

/* Is the access a user-mode access? */
static bool user_mode(const struct walk *walk)
{
	return walk->access.user && !walk->access.implicit;
}

/* Which address bits an entry of @level leaves to the levels below. */
static int level_shift(enum mode mode, int level)
{
	return 12 + (level - 1) * (mode == MODE_32BIT ? 10 : 9);
}

static u64 root_table(const struct walk *walk)
{
	u64 cr3 = walk->cpu->cr3;

	switch (walk->mode) {
	case MODE_32BIT:
		return bits(cr3, 31, 12) << 12;
	case MODE_PAE:
		return bits(cr3, 31, 5) << 5;
	default:
		return bits(cr3, 51, 12) << 12;
	}
}

/* Where in @table the entry of @level for the address is. */
static u64 entry_address(const struct walk *walk, u64 table, int level)
{
	int shift = level_shift(walk->mode, level);

	if (walk->mode == MODE_32BIT)
		return table + 4 * bits(walk->gva, shift + 9, shift);
	if (walk->mode == MODE_PAE && level == 3)
		return table + 8 * bits(walk->gva, 31, 30);
	return table + 8 * bits(walk->gva, shift + 8, shift);
}

static bool maps_page(const struct walk *walk, int level, u64 entry)
{
	switch (level) {
	case 1:
		return true;
	case 2:
		return bit(entry, 7) && (walk->mode != MODE_32BIT || cr4_pse(walk->cpu));
	case 3:
		return bit(entry, 7) && walk->mode != MODE_PAE;
	}
	return false;
}

/* With PSE-36, and PAT: bits 21:(M - 19) of an entry for a 4M page. */
static bool reserved_32bit(const struct walk *walk, int level, u64 entry)
{
	int m = walk->cpu->maxphyaddr < 40 ? walk->cpu->maxphyaddr : 40;

	return level == 2 && maps_page(walk, level, entry) && bits(entry, 21, m - 19);
}

static bool reserved_pae(const struct walk *walk, int level, u64 entry)
{
	int m = walk->cpu->maxphyaddr;

	if (level == 3)
		return bits(entry, 63, m) || bits(entry, 2, 1) || bits(entry, 8, 6) ||
		       (bit(entry, 5) && !walk->cpu->pdpte_bit5_ignored);
	if (bits(entry, 62, m))
		return true;
	if (bit(entry, 63) && !efer_nxe(walk->cpu))
		return true;
	return level == 2 && maps_page(walk, level, entry) && bits(entry, 20, 13);
}

static bool reserved_long(const struct walk *walk, int level, u64 entry)
{
	if (bits(entry, 51, walk->cpu->maxphyaddr))
		return true;
	if (bit(entry, 63) && !efer_nxe(walk->cpu))
		return true;
	switch (level) {
	case 5:
	case 4:
		return bit(entry, 7) || (bit(entry, 8) && walk->cpu->upper_bit8_reserved);
	case 3:
		return bit(entry, 7) && (!walk->cpu->page_1g || bits(entry, 29, 13));
	case 2:
		return bit(entry, 7) && bits(entry, 20, 13);
	}
	return false;
}

static bool reserved_bit_set(const struct walk *walk, int level, u64 entry)
{
	switch (walk->mode) {
	case MODE_32BIT:
		return reserved_32bit(walk, level, entry);
	case MODE_PAE:
		return reserved_pae(walk, level, entry);
	default:
		return reserved_long(walk, level, entry);
	}
}

/* "Determination of Access Rights": supervisor-mode accesses. */
static bool supervisor_allowed(const struct walk *walk)
{
	const struct guest_walk_result *page = walk->res;
	const struct guest_walk_cpu *cpu = walk->cpu;

	if (walk->access.kind == GUEST_WALK_FETCH) {
		if (page->user_page && cr4_smep(cpu))
			return false;
		return !page->no_execute;
	}
	if (page->user_page && cr4_smap(cpu)) {
		bool explicit_with_ac = !walk->access.implicit && cpu->ac;

		if (!explicit_with_ac)
			return false;
	}
	return walk->access.kind == GUEST_WALK_READ || page->writable || !cr0_wp(cpu);
}

/* The same: user-mode accesses. */
static bool user_allowed(const struct walk *walk)
{
	const struct guest_walk_result *page = walk->res;

	if (!page->user_page)
		return false;
	switch (walk->access.kind) {
	case GUEST_WALK_READ:
		return true;
	case GUEST_WALK_WRITE:
		return page->writable;
	default:
		return !page->no_execute;
	}
}

/*
 * "Protection Keys".  What a key denies shows in the error code even if the other
 * rights deny the access as well.
 */
static bool key_allowed(const struct walk *walk)
{
	const struct guest_walk_result *page = walk->res;
	const struct guest_walk_cpu *cpu = walk->cpu;
	bool access_disable = bit(cpu->pkru, 2 * page->key);
	bool write_disable = bit(cpu->pkru, 2 * page->key + 1);

	if (walk->mode < MODE_4LEVEL || !cr4_pke(cpu))
		return true;
	if (!page->user_page || walk->access.kind == GUEST_WALK_FETCH)
		return true;
	if (access_disable)
		return false;
	if (!write_disable || walk->access.kind != GUEST_WALK_WRITE)
		return true;
	return !user_mode(walk) && !cr0_wp(cpu);
}

/* "Page-Fault Exceptions": the error code, with @cause in bits 0, 3 and 5. */
static bool page_fault(struct walk *walk, u32 cause)
{
	const struct guest_walk_cpu *cpu = walk->cpu;
	bool nx_enabled = cr4_pae(cpu) && efer_nxe(cpu);
	u32 code = cause;

	if (walk->access.kind == GUEST_WALK_WRITE)
		code |= 1u << 1;
	if (user_mode(walk))
		code |= 1u << 2;
	if (walk->access.kind == GUEST_WALK_FETCH && (cr4_smep(cpu) || nx_enabled))
		code |= 1u << 4;
	walk->res->outcome = GUEST_WALK_PAGE_FAULT;
	walk->res->error_code = code;
	return false;
}

/* An address of guest physical memory as guest_walk_memory.read() wants it. */
static bool physical(struct walk *walk, u64 gpa, enum guest_walk_kind kind, bool table,
		     u64 *address)
{
	struct guest_walk_step step = { .gpa = gpa, .kind = kind, .table = table };

	*address = gpa;
	return !walk->cpu->second ||
	       second_walk(walk->cpu->second, walk->memory, &step, walk->res, address);
}

/* Note that @set belongs into the entry, and that the write reaches it. */
static bool set_flags(struct walk *walk, u64 gpa, u64 entry, u64 set)
{
	struct guest_walk_used *used = &walk->res->used[walk->res->nr_used - 1];
	u64 address;

	used->set |= set;
	return (entry & set) == set || physical(walk, gpa, GUEST_WALK_WRITE, true, &address);
}

static void collect_rights(struct walk *walk, int level, u64 entry)
{
	struct guest_walk_result *page = walk->res;

	if (walk->mode == MODE_PAE && level == 3)
		return;
	page->writable &= bit(entry, 1);
	page->user_page &= bit(entry, 2);
	if (walk->mode != MODE_32BIT && efer_nxe(walk->cpu))
		page->no_execute |= bit(entry, 63);
}

static void collect_page(struct walk *walk, int level, u64 entry)
{
	struct guest_walk_result *page = walk->res;
	int shift = level_shift(walk->mode, level);
	u64 base = bits(entry, 51, shift) << shift;

	if (walk->mode == MODE_32BIT)
		base = bits(entry, 31, shift) << shift;
	if (walk->mode == MODE_32BIT && level == 2)
		base |= bits(entry, 20, 13) << 32;
	page->gpa = base | bits(walk->gva, shift - 1, 0);
	page->page_shift = shift;
	page->global = bit(entry, 8) && cr4_pge(walk->cpu);
	page->key = walk->mode < MODE_4LEVEL ? 0 : bits(entry, 62, 59);
}

/* Read the entry of @level and judge it.  Return: go on, with *entry. */
static bool use_entry(struct walk *walk, u64 table, int level, u64 *entry)
{
	u64 gpa = entry_address(walk, table, level), address;
	int bytes = walk->mode == MODE_32BIT ? 4 : 8;
	bool pdpte = walk->mode == MODE_PAE && level == 3;
	struct guest_walk_used *used;

	if (pdpte && walk->cpu->pdpte_held) {
		*entry = walk->cpu->pdpte[bits(walk->gva, 31, 30)];
		return bit(*entry, 0) || page_fault(walk, 0);
	}
	if (!physical(walk, gpa, GUEST_WALK_READ, true, &address))
		return false;
	*entry = walk->memory->read(walk->memory->ctx, address, bytes);
	if (!bit(*entry, 0))
		return page_fault(walk, 0);
	if (reserved_bit_set(walk, level, *entry))
		return page_fault(walk, 1u << 0 | 1u << 3);
	used = &walk->res->used[walk->res->nr_used++];
	*used = (struct guest_walk_used) { .address = address, .bytes = bytes };
	return pdpte || set_flags(walk, gpa, *entry, 1u << 5);
}

/* The last entry was found: do the rights of all allow the access? */
static bool use_page(struct walk *walk, u64 entry_gpa, u64 entry)
{
	bool allowed = user_mode(walk) ? user_allowed(walk) : supervisor_allowed(walk);
	bool key = key_allowed(walk);

	if (!allowed || !key)
		return page_fault(walk, 1u << 0 | (key ? 0 : 1u << 5));
	return walk->access.kind != GUEST_WALK_WRITE ||
	       set_flags(walk, entry_gpa, entry, 1u << 6);
}

static bool walk_tables(struct walk *walk)
{
	u64 table = root_table(walk), entry;
	int level;

	walk->res->writable = true;
	walk->res->user_page = true;
	for (level = root_level(walk->mode); ; level--) {
		if (!use_entry(walk, table, level, &entry))
			return false;
		collect_rights(walk, level, entry);
		if (maps_page(walk, level, entry))
			break;
		table = bits(entry, walk->mode == MODE_32BIT ? 31 : 51, 12) << 12;
	}
	collect_page(walk, level, entry);
	return use_page(walk, entry_address(walk, table, level), entry);
}

void guest_walk(const struct guest_walk_cpu *cpu, const struct guest_walk_memory *memory,
		u64 gva, struct guest_walk_access access, struct guest_walk_result *res)
{
	struct walk walk = {
		.cpu = cpu, .memory = memory, .access = access, .res = res,
		.mode = paging_mode(cpu), .gva = gva,
	};

	*res = (struct guest_walk_result) { .outcome = GUEST_WALK_OK, .gpa = gva };
	if (walk.mode >= MODE_4LEVEL && !canonical(&walk)) {
		res->outcome = GUEST_WALK_NOT_CANONICAL;
		return;
	}
	if (walk.mode != MODE_OFF && !walk_tables(&walk))
		return;
	physical(&walk, res->gpa, access.kind, false, &res->address);
}
