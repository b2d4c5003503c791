// SPDX-License-Identifier: GPL-2.0-only
/*
 * The access matrix: src/mmu/walk.c and permission.c against the model, by
 * enumeration.
 *
 * A shape is a paging mode and the level of the page.  Its path is one entry at each
 * level.  Three matrices go over all shapes:
 *
 *	rights		W, U and NX at each level, by all registers and keys that bear on
 *			rights, by all accesses
 *	bits		any bit of any entry turned over, and any two, by all registers
 *			that bear on reserved bits
 *	flags		P, A and D at each level
 *
 * A row is one state of registers and path, to which all accesses are put.  Without
 * --full each 13th row is taken: a prime, so that all values of each column and all
 * pairs of columns meet.
 */
#include "../mmu/world.h"
#include "walk_args.h"
#include "walk_check.h"

#define SLICE	13

#define P	(1ull << 0)
#define W	(1ull << 1)
#define U	(1ull << 2)
#define A	(1ull << 5)
#define D	(1ull << 6)
#define PS	(1ull << 7)
#define NX	(1ull << 63)

#define WP	(1ull << 16)
#define PG	(1ull << 31)
#define PSE	(1ull << 4)
#define PAE	(1ull << 5)
#define LA57	(1ull << 12)
#define SMEP	(1ull << 20)
#define SMAP	(1ull << 21)
#define PKE	(1ull << 22)
#define LMA	(1ull << 10)
#define NXE	(1ull << 11)

/**
 * struct shape - a paging mode and the size of the page
 * @cr4, @efer:	what makes the mode
 * @levels:	of tables
 * @leaf:	level of the page's entry
 * @bytes:	of an entry
 * @held:	PAE: the processor holds the PDPTEs
 */
struct shape {
	const char *name;
	u64 cr4, efer;
	int levels, leaf, bytes;
	bool held;
};

static const struct shape shapes[] = {
	{ "32-bit, 4K",		0,		0,	2, 1, 4 },
	{ "32-bit, 4K, PSE",	PSE,		0,	2, 1, 4 },
	{ "32-bit, PS, no PSE",	0,		0,	2, 2, 4 },
	{ "32-bit, 4M",		PSE,		0,	2, 2, 4 },
	{ "PAE, 4K",		PAE,		0,	3, 1, 8 },
	{ "PAE, 2M",		PAE,		0,	3, 2, 8 },
	{ "PAE, 4K, held",	PAE,		0,	3, 1, 8, true },
	{ "PAE, 2M, held",	PAE,		0,	3, 2, 8, true },
	{ "4-level, 4K",	PAE,		LMA,	4, 1, 8 },
	{ "4-level, 2M",	PAE,		LMA,	4, 2, 8 },
	{ "4-level, 1G",	PAE,		LMA,	4, 3, 8 },
	{ "5-level, 4K",	PAE | LA57,	LMA,	5, 1, 8 },
	{ "5-level, 2M",	PAE | LA57,	LMA,	5, 2, 8 },
	{ "5-level, 1G",	PAE | LA57,	LMA,	5, 3, 8 },
};

static struct walk_args args;
static unsigned long rows, cases;

/* The path, by level. */
static u64 address[6], entry[6];
static u64 gva;

static bool is_pdpte(const struct shape *shape, int level)
{
	return level == 3 && shape->levels == 3;
}

/* The highest level whose entries have rights and flags. */
static int top_level(const struct shape *shape)
{
	return shape->levels == 3 ? 2 : shape->levels;
}

/* PAE's root table may begin at any 32 bytes. */
static u64 root_of(const struct shape *shape)
{
	return (6 - shape->levels) * 0x1000 + (shape->levels == 3 ? 0x7e0 : 0);
}

/* Each level another page, another index, another address. */
static void make_path(const struct shape *shape)
{
	static const u64 index[] = { 0, 5, 6, 3, 8, 9 };
	int bits = shape->bytes == 4 ? 10 : 9, level;

	memset(walk_tables, 0, WALK_BYTES);
	walk_put_all();
	gva = 0x123;
	for (level = shape->levels; level; level--) {
		gva |= index[level] << (12 + (level - 1) * bits);
		address[level] = (level == shape->levels ? root_of(shape) : (6 - level) * 0x1000) +
				 index[level] * shape->bytes;
		entry[level] = (7 - level) * 0x1000 | P;
		if (!is_pdpte(shape, level))
			entry[level] |= W | U;
		if (level == 1)
			entry[level] += 0x3a000000;
		else if (level == shape->leaf)
			entry[level] = 0x40000000 | P | W | U | PS;
	}
}

static void put_path(const struct shape *shape)
{
	int level;

	for (level = shape->levels; level; level--) {
		if (!is_pdpte(shape, level) || !shape->held)
			walk_put(address[level], entry[level], shape->bytes);
		else
			walk_cpu.pdpte[3] = entry[level];
	}
}

static struct guest_walk_cpu cpu_of(const struct shape *shape)
{
	return (struct guest_walk_cpu) {
		.cr0 = PG | WP, .cr4 = shape->cr4, .efer = shape->efer,
		.cr3 = root_of(shape), .maxphyaddr = 40, .page_1g = true,
		.pdpte_held = shape->held, .pdpte_bit5_ignored = true,
		.pdpte = { 0, 0, 0, entry[3] },
	};
}

static bool take_row(void)
{
	return rows++ % (args.full ? 1 : SLICE) == 0;
}

static bool ask(enum guest_walk_kind kind, bool user, bool implicit, bool probe)
{
	struct walk_question q = {
		.gva = gva, .access = { kind, user, implicit }, .probe = probe,
	};

	cases++;
	if (walk_agrees(&q))
		return true;
	walk_explain(&q);
	return false;
}

/* Everything that an access can be. */
static bool ask_all(void)
{
	unsigned int n;

	for (n = 0; n < 3 * 8; n++) {
		walk_cpu.ac = n >> 2 & 1;
		if (!ask(n / 8, n & 1, n >> 1 & 1, true))
			return false;
	}
	return true;
}

/* Bits of @n: WP SMEP SMAP NXE PKE, and two of the key's rights. */
static bool rights_cpu(const struct shape *shape, unsigned int n, struct guest_walk_cpu *cpu)
{
	unsigned int key = n % 16, rights = n >> 5 & 3;

	*cpu = cpu_of(shape);
	cpu->cr0 = PG | (n & 1 ? WP : 0);
	cpu->cr4 |= (n & 2 ? SMEP : 0) | (n & 4 ? SMAP : 0) | (n & 16 ? PKE : 0);
	cpu->efer |= n & 8 ? NXE : 0;
	/* The other keys deny what this one allows. */
	cpu->pkru = (0x55555555u * (~rights & 3) & ~(3u << 2 * key)) | rights << 2 * key;
	if (shape->efer & LMA)
		entry[shape->leaf] = (entry[shape->leaf] & ~(15ull << 59)) | (u64)key << 59;
	return n & 16 || !rights;
}

static bool rights_row(const struct shape *shape, unsigned int rights)
{
	int level;

	for (level = top_level(shape); level >= shape->leaf; level--, rights >>= 3) {
		entry[level] &= ~(W | U | NX);
		entry[level] |= (rights & 1 ? W : 0) | (rights & 2 ? U : 0);
		if (shape->bytes == 8)
			entry[level] |= rights & 4 ? NX : 0;
	}
	put_path(shape);
	return ask_all();
}

static bool rights_of(const struct shape *shape)
{
	int columns = 3 * (top_level(shape) - shape->leaf + 1);
	struct guest_walk_cpu cpu;
	unsigned int n, rights;

	for (n = 0; n < 1u << 7; n++) {
		if (!rights_cpu(shape, n, &cpu))
			continue;
		walk_set_cpu(&cpu);
		for (rights = 0; rights < 1u << columns; rights++)
			if (take_row() && !rights_row(shape, rights))
				return false;
	}
	return walk_untouched();
}

/* Bit number @n of the path, from the leaf up. */
static void turn_over(const struct shape *shape, int n)
{
	entry[shape->leaf + n / (8 * shape->bytes)] ^= 1ull << n % (8 * shape->bytes);
}

static bool bits_row(const struct shape *shape, int a, int b)
{
	unsigned int n;
	bool ok = true;

	turn_over(shape, a);
	if (a != b)
		turn_over(shape, b);
	/* Held PDPTEs were found good when they were loaded. */
	if (!shape->held || !(entry[3] & 0xfff00000000001c6)) {
		put_path(shape);
		walk_set_cpu(&walk_cpu);
		for (n = 0; n < 6 && ok; n++)
			ok = ask(n / 2, n & 1, false, false);
	}
	turn_over(shape, a);
	if (a != b)
		turn_over(shape, b);
	return ok;
}

static bool bits_of_cpu(const struct shape *shape, const struct guest_walk_cpu *cpu)
{
	int n = (shape->levels - shape->leaf + 1) * shape->bytes * 8, a, b;

	walk_set_cpu(cpu);
	for (a = 0; a < n; a++)
		for (b = a; b < n; b++)
			if (take_row() && !bits_row(shape, a, b))
				return false;
	put_path(shape);
	return walk_untouched();
}

static bool bits_of(const struct shape *shape)
{
	static const u8 widths[] = { 32, 36, 39, 40, 43, 48, 51, 52 };
	unsigned int n;

	for (n = 0; n < 8 * ARRAY_SIZE(widths); n++) {
		struct guest_walk_cpu cpu = cpu_of(shape);

		cpu.maxphyaddr = widths[n / 8];
		cpu.page_1g = n & 1;
		cpu.efer |= n & 2 ? NXE : 0;
		cpu.upper_bit8_reserved = n & 4;
		if (!bits_of_cpu(shape, &cpu))
			return false;
	}
	return true;
}

static bool flags_row(const struct shape *shape, unsigned int flags)
{
	unsigned int n;
	int level;

	for (level = top_level(shape); level >= shape->leaf; level--, flags >>= 3) {
		entry[level] &= ~(P | A | D);
		entry[level] |= (flags & 1 ? 0 : P) | (flags & 2 ? A : 0) | (flags & 4 ? D : 0);
	}
	put_path(shape);
	for (n = 0; n < 3 * 4; n++)
		if (!ask(n / 4, n & 1, false, n & 2))
			return false;
	return true;
}

static bool flags_of(const struct shape *shape)
{
	int columns = 3 * (top_level(shape) - shape->leaf + 1);
	struct guest_walk_cpu cpu = cpu_of(shape);
	unsigned int n, flags;

	for (n = 0; n < 4; n++) {
		cpu.cr0 = PG | (n & 1 ? WP : 0);
		entry[shape->leaf] &= ~W;
		entry[shape->leaf] |= n & 2 ? W : 0;
		walk_set_cpu(&cpu);
		for (flags = 0; flags < 1u << columns; flags++)
			if (take_row() && !flags_row(shape, flags))
				return false;
	}
	return walk_untouched();
}

static void matrix(bool (*of)(const struct shape *shape))
{
	bool ok = true;
	int i;

	rows = 0;
	cases = 0;
	walk_begin();
	for (i = 0; i < ARRAY_SIZE(shapes) && ok; i++) {
		make_path(&shapes[i]);
		ok = of(&shapes[i]);
		if (!ok)
			printf("# in shape %s\n", shapes[i].name);
	}
	walk_end();
	printf("# %lu cases\n", cases);
	CHECK(ok);
}

static void rights(void) { matrix(rights_of); }
static void bits(void) { matrix(bits_of); }
static void flags(void) { matrix(flags_of); }

static const struct tap_test tests[] = {
	{ "rights at every level, every access, every mode", rights },
	{ "every bit, and every two bits", bits },
	{ "present, accessed and dirty at every level", flags },
};

int main(int argc, char **argv)
{
	walk_args_parse(&args, argc, argv);
	return tap_run("matrix", tests, ARRAY_SIZE(tests));
}
