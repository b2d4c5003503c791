// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every sequence of a few steps out of a few, on top of a beginning: what chance
 * would miss in a corner, or find only at the end of something long.
 */
#include "oracle.h"

#define MAX_STEPS	24

struct corner {
	const char *begin;
	const char *steps[MAX_STEPS];
};

static const struct corner corners[] = {
	/* Two small pages, of which one is shared. */
	{
		"kind direct-4k\n"
		"mode huge=0 shared=1\n"
		"slot id=0 gfn=0x200 npages=2 page=0 flags=0\n"
		"write cpu=0 gfn=0x200\n",
		{
			"write cpu=0 gfn=0x200", "read cpu=1 gfn=0x200", "write cpu=1 gfn=0x201",
			"slot id=0 gfn=0x200 npages=2 page=0 flags=1",
			"slot id=0 gfn=0x200 npages=2 page=0 flags=0",
			"slot id=0 gfn=0x201 npages=2 page=0 flags=0",
			"slot id=0 gfn=0x201 npages=2 page=0 flags=1",
			"unslot id=0", "slot id=1 gfn=0x200 npages=1 page=1 flags=2",
			"harvest id=0 nowhere=0", "harvest id=0 nowhere=1",
			"protect page=0", "unmap page=0 npages=2",
			"young page=0 npages=2 clear=1", "kernel-write gfn=0x200",
			"in-lookup migrate page=0", "in-lookup harvest id=0 nowhere=0",
			"in-flush unmap page=0 npages=1", "in-flush write cpu=2 gfn=0x200",
			"in-sync read cpu=2 gfn=0x200", "no-memory after=1", "zap-all",
			"in-lookup slot id=0 gfn=0x200 npages=2 page=0 flags=1",
			"in-lookup unslot id=0",
		},
	},
	/* A large page and its neighbour, and what makes small ones of them. */
	{
		"kind direct\n"
		"mode huge=1 shared=0\n"
		"slot id=0 gfn=0 npages=0x400 page=0 flags=0\n"
		"write cpu=0 gfn=0x5\n",
		{
			"write cpu=0 gfn=0x5", "read cpu=1 gfn=0x1ff", "write cpu=1 gfn=0x200",
			"slot id=0 gfn=0 npages=0x400 page=0 flags=1",
			"slot id=0 gfn=0 npages=0x400 page=0 flags=0",
			"slot id=0 gfn=0x200 npages=0x400 page=0 flags=0",
			"unslot id=0", "harvest id=0 nowhere=0",
			"split page=0", "collapse page=0", "migrate page=0", "protect page=0",
			"young page=5 npages=1 clear=1", "in-lookup split page=0",
			"in-lookup collapse page=0", "in-flush migrate page=0",
			"in-flush read cpu=2 gfn=0x5", "no-memory after=0", "open page=3 npages=1",
			"close",
		},
	},
	/* Nothing there, and what comes. */
	{
		"kind direct-2m\n"
		"late left=2\n"
		"read cpu=0 gfn=0x3ffff\n",
		{
			"read cpu=0 gfn=0x40000", "write cpu=1 gfn=0x40001", "read cpu=1 gfn=0x3ffff",
			"slot id=0 gfn=0x40000 npages=2 page=0 flags=0", "unslot id=0",
			"slot id=1 gfn=0x3ffff npages=1 page=0 flags=2", "unslot id=1",
			"kernel-write gfn=0x40000", "no-memory after=2", "zap-all",
			"in-sync read cpu=0 gfn=0x40000", "in-lookup unmap page=0 npages=1",
		},
	},
};

static int corner_steps(const struct corner *corner, struct step *steps)
{
	int n;

	for (n = 0; n < MAX_STEPS && corner->steps[n]; n++)
		if (sequence_parse_step(corner->steps[n], &steps[n]))
			abort();
	return n;
}

static void corner_play(const struct corner *corner, int depth)
{
	struct sequence *sequence = &record->sequence;
	struct step steps[MAX_STEPS];
	int n = corner_steps(corner, steps), i;
	u64 number, left, total = 1;
	u32 begin;

	if (sequence_parse(corner->begin, sequence))
		abort();
	begin = sequence->nr;
	sequence->nr += depth;
	for (i = 0; i < depth; i++)
		total *= n;
	for (number = 0; number < total; number++) {
		for (left = number, i = 0; i < depth; i++, left /= n)
			sequence->steps[begin + i] = steps[left % n];
		sequence_play(sequence);
		campaign_settle();
	}
}

void exhaustive_play(int depth)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(corners); i++)
		corner_play(&corners[i], depth);
}
