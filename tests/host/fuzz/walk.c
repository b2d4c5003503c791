// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest walker on tables and registers from the input, against the model of
 * tests/host/oracle/.
 *
 *	mode		1 byte: paging mode, 8 bits of features
 *	features, width	1 and 1 bytes
 *	PKRU, CR3	4 and 2 bytes
 *	PDPTEs		4 bytes: held by the processor, in PAE paging
 *	then		operations: write an entry that leads to a table, write any
 *			entry, ask about an access
 *
 * Tables have few indices that are in use, the first and the last ones, or no access
 * would ever meet an entry.
 */
#include "../mmu/world.h"
#include "../oracle/walk_check.h"
#include "fuzz.h"

#define CR0_WP		(1ull << 16)
#define CR0_PG		(1ull << 31)
#define CR4_PSE		(1ull << 4)
#define CR4_PAE		(1ull << 5)
#define CR4_PGE		(1ull << 7)
#define CR4_LA57	(1ull << 12)
#define CR4_SMEP	(1ull << 20)
#define CR4_SMAP	(1ull << 21)
#define CR4_PKE		(1ull << 22)
#define EFER_LMA_BIT	(1ull << 10)
#define EFER_NXE_BIT	(1ull << 11)

/* Paging off, 32-bit, PAE, 4-level, 5-level. */
static const u64 cr4_of_mode[] = { 0, 0, CR4_PAE, CR4_PAE, CR4_PAE | CR4_LA57 };
static const u8 levels_of_mode[] = { 0, 2, 3, 4, 5 };

static unsigned int mode;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	walk_begin();
	return 0;
}

static void make_cpu(struct fuzz_input *in)
{
	u8 kind = fuzz_take(in, 1), features = fuzz_take(in, 1);
	struct guest_walk_cpu cpu = {
		.maxphyaddr = 32 + fuzz_take(in, 1) % 21,
		.pkru = fuzz_take(in, 4),
		.cr3 = fuzz_take(in, 2) % WALK_BYTES,
		.pdpte_bit5_ignored = true,
		.pdpte_held = kind & 0x80,
		.page_1g = kind & 0x40,
		.ac = kind & 0x20,
	};
	unsigned int i;

	mode = (kind & 0x1f) % ARRAY_SIZE(cr4_of_mode);
	cpu.cr0 = (mode ? CR0_PG : 0) | (features & 1 ? CR0_WP : 0);
	cpu.cr4 = cr4_of_mode[mode] | (features & 2 ? CR4_SMEP : 0) |
		  (features & 4 ? CR4_SMAP : 0) | (features & 8 ? CR4_PKE : 0) |
		  (features & 16 ? CR4_PSE : 0) | (features & 32 ? CR4_PGE : 0);
	cpu.efer = (mode >= 3 ? EFER_LMA_BIT : 0) | (features & 64 ? EFER_NXE_BIT : 0);
	for (i = 0; i < 4; i++) {
		u8 pdpte = fuzz_take(in, 1);

		cpu.pdpte[i] = (u64)(pdpte >> 4) << 12 | (pdpte & 1);
	}
	walk_set_cpu(&cpu);
}

static unsigned int entry_bytes(void)
{
	return mode >= 2 ? 8 : 4;
}

/* One of the first or last eight entries of a table of @entries. */
static u64 take_index(struct fuzz_input *in, u64 entries)
{
	u8 index = fuzz_take(in, 1);

	return (index & 8 ? entries - 8 : 0) + (index & 7);
}

static u64 take_place(struct fuzz_input *in)
{
	u64 page = fuzz_take(in, 1) % WALK_PAGES;

	return page << 12 | take_index(in, 4096 / entry_bytes()) * entry_bytes();
}

/* An entry that leads to one of the tables, or to where there is nothing. */
static void put_table(struct fuzz_input *in)
{
	u64 place = take_place(in), entry = fuzz_take(in, 2);
	u8 high = fuzz_take(in, 1);

	entry = (entry & 0xfff) | (entry >> 12) << 12;
	if (high & 1)
		entry |= 1ull << 63;
	entry |= (u64)(high >> 4) << 59;
	if (high & 2)
		entry |= (u64)fuzz_take(in, 5) << 12;
	walk_put(place, entry, entry_bytes());
}

static void put_any(struct fuzz_input *in)
{
	u64 place = fuzz_take(in, 2) % WALK_BYTES & ~(u64)(entry_bytes() - 1);

	walk_put(place, fuzz_take(in, 8), entry_bytes());
}

static u64 take_gva(struct fuzz_input *in)
{
	unsigned int bits = mode >= 2 ? 9 : 10, shift = 12, level;
	u64 gva = fuzz_take(in, 2) & 0xfff;

	for (level = 1; level <= levels_of_mode[mode]; level++, shift += bits)
		gva |= take_index(in, 1u << bits) << shift;
	if (mode < 3)
		return (u32)gva;
	return mode == 3 ? (s64)(gva << 16) >> 16 : (s64)(gva << 7) >> 7;
}

static void ask(struct fuzz_input *in)
{
	u8 how = fuzz_take(in, 1);
	struct walk_question q = {
		.access.kind = (how & 3) % 3,
		.access.user = how & 4,
		.access.implicit = how & 8,
		.probe = how & 16,
	};

	walk_cpu.ac = how & 32;
	q.gva = take_gva(in);
	fuzz_trace("gva %#llx, access %#x\n", (unsigned long long)q.gva, how);
	if (walk_agrees(&q))
		return;
	walk_explain(&q);
	fflush(stdout);
	FUZZ_ASSERT(false, "walker and model differ");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };

	memset(walk_tables, 0, WALK_BYTES);
	walk_put_all();
	make_cpu(&in);
	while (fuzz_more(&in)) {
		switch (fuzz_take(&in, 1) & 3) {
		case 0:
		case 1:
			put_table(&in);
			break;
		case 2:
			put_any(&in);
			break;
		default:
			ask(&in);
			break;
		}
	}
	FUZZ_ASSERT(walk_untouched(), "memory that is no entry was written");
	return 0;
}
