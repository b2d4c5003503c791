// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dumps of the tables: that what is mapped is in them, once, as it is, and that each call looks at a bounded part.
 */
#include "../../../src/mmu/dump.h"
#include "../../../src/mmu/iter.h"
#include "world.h"

#define PAGES_2M	512ull
#define PAGES_1G	(512ull * 512)
#define MANY		64

/* Each call begins with nothing but the position, as a reader does that comes back. */
static int dump_all(struct mmu_mapping *mappings, u32 *calls)
{
	gfn_t next = 0;
	u32 root = 0;
	int nr = 0;

	for (*calls = 0;; ++*calls) {
		struct mmu_dump dump = { .mv = &world.mv, .root = root, .next = next };
		int ret = mmu_dump_next(&dump, &mappings[nr]);

		if (!ret)
			return nr;
		/* It always gets on. */
		if (dump.root <= root && dump.next <= next)
			return -1;
		root = dump.root;
		next = dump.next;
		nr += ret == 1;
		if (nr == MANY)
			return nr;
	}
}

static void check_mapping(const struct mmu_mapping *mapping, gfn_t gfn, u64 pages, int level)
{
	CHECK_EQ(mapping->root, 0);
	CHECK_EQ(mapping->gfn, gfn);
	CHECK_EQ(mapping->pages, pages);
	CHECK_EQ(mapping->level, level);
	CHECK(!mapping->uncached);
}

static void check_pieces(void)
{
	struct mmu_mapping mappings[MANY];
	u32 calls;
	gfn_t gfn;

	CHECK_EQ(dump_all(mappings, &calls), 0);
	CHECK_EQ(world_slot(0, 16, 2048, 0, 0), 0);
	for (gfn = 100; gfn < 1200; gfn++)
		CHECK_EQ(world_write(0, gfn, 1), WORLD_OK);
	CHECK_EQ(world_write(0, 1300, 1), WORLD_OK);
	CHECK_EQ(dump_all(mappings, &calls), 2);
	check_mapping(&mappings[0], 100, 1100, PT_LEVEL_4K);
	CHECK(mappings[0].write && mappings[0].accessed && mappings[0].dirty && !mappings[0].logged);
	check_mapping(&mappings[1], 1300, 1, PT_LEVEL_4K);

	/* What is protected to see its next write stands apart. */
	CHECK_EQ(world_slot(0, 16, 2048, 0, KVM_MEM_LOG_DIRTY_PAGES), 0);
	CHECK_EQ(world_write(0, 200, 2), WORLD_OK);
	CHECK_EQ(dump_all(mappings, &calls), 4);
	check_mapping(&mappings[0], 100, 100, PT_LEVEL_4K);
	CHECK(mappings[0].logged && !mappings[0].write && !mappings[0].dirty && mappings[0].accessed);
	check_mapping(&mappings[1], 200, 1, PT_LEVEL_4K);
	CHECK(mappings[1].write && mappings[1].dirty && !mappings[1].logged);
	check_mapping(&mappings[2], 201, 999, PT_LEVEL_4K);
	check_mapping(&mappings[3], 1300, 1, PT_LEVEL_4K);
}

static void check_sizes(void)
{
	struct mmu_mapping mappings[MANY];
	u32 calls;

	CHECK_EQ(world_slot(0, PAGES_1G, 4 * PAGES_2M, 512, 0), 0);
	world.host.huge = true;
	CHECK_EQ(world_write(0, PAGES_1G + 700, 1), WORLD_OK);
	CHECK_EQ(world_write(0, PAGES_1G + 1100, 1), WORLD_OK);
	world.host.huge = false;
	host_split(512 + 1536);
	CHECK_EQ(world_write(0, PAGES_1G + 1536, 1), WORLD_OK);
	CHECK_EQ(dump_all(mappings, &calls), 2);
	check_mapping(&mappings[0], PAGES_1G + 512, 1024, PT_LEVEL_2M);
	check_mapping(&mappings[1], PAGES_1G + 1536, 1, PT_LEVEL_4K);
}

/* One page in each of many tables: a call looks at eight tables at most. */
static void check_bound(void)
{
	struct mmu_mapping mappings[MANY];
	u32 calls;
	gfn_t gfn;

	CHECK_EQ(world_slot(0, 0, 2048, 0, 0), 0);
	for (gfn = 511; gfn < 2048; gfn += 512)
		CHECK_EQ(world_read(0, gfn), WORLD_OK);
	CHECK_EQ(dump_all(mappings, &calls), 4);
	check_mapping(&mappings[3], 2047, 1, PT_LEVEL_4K);
	for (gfn = 0; gfn < 2048; gfn++)
		CHECK_EQ(world_write(0, gfn, 1), WORLD_OK);
	CHECK_EQ(dump_all(mappings, &calls), 1);
	CHECK(calls >= 2);
}

#define IN_WORLD(test) static void test(void) { world_begin(3); check_##test(); world_end(); }

IN_WORLD(pieces)
IN_WORLD(sizes)
IN_WORLD(bound)

static const struct tap_test tests[] = {
	{ "neighbours that are alike are one mapping, others are not", pieces },
	{ "pages of each size", sizes },
	{ "sparse tables, and what a call may look at", bound },
};

TAP_MAIN("dump", tests)
