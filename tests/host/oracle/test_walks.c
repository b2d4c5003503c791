// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random walks over random tables, in src/mmu/walk.c and in the model.
 *
 * A round is a processor and a few pages full of entries that point to each other, to
 * memory and to nowhere: one entry may serve at several levels of a walk.  Each round
 * has its own seed, so that a failure is found again at once:
 *
 *	--seed N --steps 1	the round of seed N alone
 *
 * A step is one access.
 */
#include "../mmu/world.h"
#include "walk_args.h"
#include "walk_check.h"

#define STEPS_IN_ROUND	256

#define BIT_OF(n)	(1ull << (n))

static struct walk_args args = { .seed = 1, .steps = 1000000 };

static u64 random64(u32 *state)
{
	return (u64)world_random(state) << 40 ^ (u64)world_random(state) << 20 ^
	       world_random(state);
}

static bool one_in(u32 *state, u32 n)
{
	return world_random(state) % n == 0;
}

static u64 random_table(u32 *state)
{
	/* Mostly a table, at times what is not there. */
	return (u64)(one_in(state, 40) ? WALK_PAGES : 1 + world_random(state) % (WALK_PAGES - 1))
	       << 12;
}

/* Where a bit is reserved in most modes it is rarely set: most walks shall go on. */
static u64 random_entry(u32 *state, unsigned int bytes)
{
	bool long_mode = walk_cpu.efer & BIT_OF(10);

	u64 entry = random_table(state) | (random64(state) & 0xf7e);

	if (!one_in(state, 3))
		entry |= BIT_OF(1) | BIT_OF(2);
	if (!one_in(state, 16))
		entry |= BIT_OF(0);
	if (one_in(state, 8))
		entry = (entry & 0xfff) | BIT_OF(7) | (random64(state) & 0xffc0000000);
	if (one_in(state, walk_cpu.efer & BIT_OF(11) ? 5 : 40))
		entry |= BIT_OF(63);
	if (one_in(state, long_mode ? 2 : 40))
		entry |= random64(state) & 0x7ffull << 52;
	if (one_in(state, 32))
		entry |= BIT_OF(world_random(state) % 64);
	return bytes == 8 ? entry : (u32)entry | (random64(state) & 0x7f << 13);
}

/* As PAE paging wants them, in memory or held: no rights, few flags. */
static u64 random_pdpte(u32 *state)
{
	return random_table(state) | (random64(state) & 0xe38) | !one_in(state, 8);
}

static void random_tables(u32 *state)
{
	bool pae = walk_cpu.cr4 & BIT_OF(5);
	unsigned int bytes = pae ? 8 : 4, i;
	u64 root = walk_cpu.cr3 & 0xfffe0;
	u64 entry;

	for (i = 4096; i < WALK_BYTES; i += bytes) {
		entry = random_entry(state, bytes);
		memcpy(walk_tables + i, &entry, bytes);
	}
	if (pae && !(walk_cpu.efer & BIT_OF(10)) && !one_in(state, 8))
		for (i = 0; i < 4; i++) {
			entry = random_pdpte(state);
			memcpy(walk_tables + root + 8 * i, &entry, 8);
		}
	walk_put_all();
}

static void random_cpu(u32 *state)
{
	static const u64 cr4_mode[] = { 0, 0, BIT_OF(5), BIT_OF(5), BIT_OF(5) | BIT_OF(12) };
	static const u8 widths[] = { 32, 36, 40, 46, 48, 51, 52 };
	int mode = world_random(state) % 32, i;
	struct guest_walk_cpu cpu = {
		.cr3 = (1 + world_random(state) % (WALK_PAGES - 2)) << 12 |
		       (world_random(state) & 0xfff),
		.maxphyaddr = widths[world_random(state) % ARRAY_SIZE(widths)],
		.page_1g = one_in(state, 2),
		.pdpte_bit5_ignored = true,
		.upper_bit8_reserved = one_in(state, 2),
		.pkru = random64(state) & random64(state),
	};

	/* Paging off has little to tell. */
	mode = mode ? 1 + mode % 4 : 0;
	cpu.cr0 = (mode ? BIT_OF(31) : 0) | (random64(state) & BIT_OF(16));
	cpu.cr4 = cr4_mode[mode] | (random64(state) & (0x7ull << 20 | BIT_OF(4) | BIT_OF(7)));
	cpu.efer = (mode >= 3 ? BIT_OF(10) : 0) | (one_in(state, 4) ? 0 : BIT_OF(11));
	cpu.pdpte_held = one_in(state, 2);
	for (i = 0; i < 4; i++)
		cpu.pdpte[i] = random_pdpte(state);
	walk_set_cpu(&cpu);
}

/* The linear addresses that the mode has. */
static u64 random_gva(u32 *state)
{
	u64 gva = random64(state);

	if (!(walk_cpu.efer & BIT_OF(10)))
		return (u32)gva;
	return walk_cpu.cr4 & BIT_OF(12) ? (s64)(gva << 7) >> 7 : (s64)(gva << 16) >> 16;
}

static bool one_step(u32 *state)
{
	struct walk_question q = {
		.gva = random_gva(state),
		.access.kind = world_random(state) % 3,
		.access.user = one_in(state, 2),
		.access.implicit = one_in(state, 8),
		.probe = one_in(state, 2),
	};

	walk_cpu.ac = one_in(state, 2);
	if (walk_agrees(&q))
		return true;
	walk_explain(&q);
	return false;
}

static bool one_round(u32 seed)
{
	u32 state = seed * 2654435761u | 1, i;

	random_cpu(&state);
	random_tables(&state);
	for (i = 0; i < STEPS_IN_ROUND; i++)
		if (!one_step(&state))
			return false;
	return walk_untouched();
}

static void random_walks(void)
{
	unsigned long steps;
	u32 seed = args.seed;
	bool ok = true;

	walk_begin();
	for (steps = 0; ok && steps < args.steps; steps += STEPS_IN_ROUND) {
		ok = one_round(seed);
		if (!ok)
			printf("# again: --seed %u --steps 1\n", seed);
		seed++;
	}
	walk_end();
	CHECK(ok);
}

static const struct tap_test tests[] = {
	{ "random walks over random tables", random_walks },
};

int main(int argc, char **argv)
{
	walk_args_parse(&args, argc, argv);
	return tap_run("walks", tests, ARRAY_SIZE(tests));
}
