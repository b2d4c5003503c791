// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chance: which step comes next.
 *
 * Few places, chosen often, meet more often than many.  So gfns lie around a few
 * boundaries of large pages, a sequence has its favourites among them, and it has
 * themes: large host pages, 1G slots, shared pages.
 */
#include "oracle.h"

#define THEME_HUGE	1u
#define THEME_GIANT	2u
#define THEME_LOG	4u

#define PAGES_1G	(512u * 512)
/* Host pages that are used, but for the one of 1G. */
#define PAGES_USED	2048u

static __thread u32 seed = 1;

void pick_seed(u32 start)
{
	seed = start ? start : 1;
}

u32 pick(u32 n)
{
	return world_random(&seed) % n;
}

void pick_themes(void)
{
	oracle.themes = pick(8) & ~(pick(4) ? THEME_GIANT : 0);
	if (oracle.kind->format.max_leaf < 3)
		oracle.themes &= ~THEME_GIANT;
}

/* Bases of the places, in gfns: the bottom, and where 1G and 512G end. */
static gfn_t pick_place(void)
{
	static const gfn_t places[] = { 0, 0, 0, PAGES_1G - 512, PAGES_1G * 512ull - 512 };

	return places[pick(5)];
}

static u32 pick_offset(void)
{
	static const u16 edges[] = { 0, 1, 63, 511, 512, 513, 700, 1023, 1024 };

	return pick(2) ? edges[pick(9)] : pick(1200);
}

static struct model_slot *pick_used_slot(void)
{
	u32 i, start = pick(ORACLE_SLOTS);

	for (i = 0; i < ORACLE_SLOTS; i++)
		if (oracle.slot[(start + i) % ORACLE_SLOTS].npages)
			return &oracle.slot[(start + i) % ORACLE_SLOTS];
	return NULL;
}

static gfn_t pick_one_gfn(void)
{
	struct model_slot *slot;
	gfn_t gfn = pick_place() + pick_offset();

	if (!pick(200))
		return 1ull << (oracle.kind->format.levels == 5 ? 45 : 36);
	if (!pick(8))
		return gfn;
	if (!oracle.exact)
		pthread_rwlock_rdlock(&oracle.lock);
	slot = pick_used_slot();
	if (slot)
		gfn = slot->gfn + pick_offset() % slot->npages;
	if (!oracle.exact)
		pthread_rwlock_unlock(&oracle.lock);
	return gfn;
}

static u32 pick_one_page(void)
{
	if (oracle.themes & THEME_GIANT && pick(2))
		return PAGES_1G + pick_offset();
	return pick(2) ? pick_offset() : pick(PAGES_USED - 700);
}

void pick_cpu(u64 *arg)
{
	arg[0] = pick(WORLD_VCPUS);
}

void pick_access(u64 *arg)
{
	arg[0] = pick(WORLD_VCPUS);
	arg[1] = pick_one_gfn();
}

void pick_fault(u64 *arg)
{
	pick_access(arg);
	arg[2] = pick(3);
}

void pick_evict(u64 *arg)
{
	arg[0] = pick(WORLD_VCPUS);
	arg[1] = pick(3) * 8;
}

void pick_gfn(u64 *arg)
{
	arg[0] = pick_one_gfn();
}

void pick_id(u64 *arg)
{
	arg[0] = pick(ORACLE_SLOTS);
}

void pick_harvest(u64 *arg)
{
	arg[0] = pick(ORACLE_SLOTS);
	arg[1] = !pick(8);
}

static u32 pick_flags(void)
{
	u32 flags = pick(oracle.themes & THEME_LOG ? 2 : 5) ? 0 : KVM_MEM_LOG_DIRTY_PAGES;

	if (!pick(6))
		flags |= KVM_MEM_READONLY;
	if (!pick(60))
		flags |= 1u << 7;
	return flags;
}

static void pick_new_slot(u64 *arg)
{
	if (oracle.themes & THEME_GIANT && pick(2)) {
		arg[1] = pick(2) ? PAGES_1G : 0;
		arg[2] = PAGES_1G;
		arg[3] = PAGES_1G;
		return;
	}
	arg[1] = pick_place() + (pick(2) ? 0 : pick_offset());
	arg[2] = pick(2) ? 1 + pick_offset() : 512 + 512 * pick(2);
	/* Mostly so that large pages are possible. */
	arg[3] = pick(4) ? (arg[1] & 511) + 512 * pick(2) : pick_offset();
	arg[3] %= PAGES_USED;
}

/* Mostly what can succeed. */
void pick_slot(u64 *arg)
{
	struct model_slot slot;

	arg[0] = pick(ORACLE_SLOTS);
	arg[4] = pick_flags();
	if (!oracle.exact)
		pthread_rwlock_rdlock(&oracle.lock);
	slot = oracle.slot[arg[0]];
	if (!oracle.exact)
		pthread_rwlock_unlock(&oracle.lock);
	if (!slot.npages || !pick(6)) {
		pick_new_slot(arg);
		return;
	}
	arg[1] = pick(3) ? slot.gfn : pick_place() + pick_offset();
	arg[2] = slot.npages;
	arg[3] = slot.page;
	arg[4] = (arg[4] & ~KVM_MEM_READONLY) | (slot.flags & KVM_MEM_READONLY);
}

void pick_page(u64 *arg)
{
	arg[0] = pick_one_page();
}

void pick_pages(u64 *arg)
{
	arg[0] = pick_one_page();
	arg[1] = pick(2) ? 1 + pick(8) : 1 + pick(700);
}

void pick_young(u64 *arg)
{
	pick_pages(arg);
	arg[2] = pick(2);
}

/* Page, level, writable, device. */
void pick_map(u64 *arg)
{
	arg[0] = pick_one_page();
	arg[1] = oracle.themes & THEME_HUGE && pick(2) ? 2 : 1;
	if (arg[0] >= PAGES_1G)
		arg[1] = 3;
	arg[2] = pick(3) > 0;
	arg[3] = !pick(10);
}

void pick_mode(u64 *arg)
{
	arg[0] = oracle.themes & THEME_HUGE ? pick(4) > 0 : !pick(4);
	arg[1] = !pick(3);
}

void pick_small(u64 *arg)
{
	arg[0] = pick(6);
}

void pick_nothing(u64 *arg)
{
}

static int pick_op(void)
{
	static int total;
	int i, sum = 0, at;

	if (!READ_ONCE(total)) {
		for (i = 0; i < step_nr_ops; i++)
			sum += step_ops[i].weight;
		WRITE_ONCE(total, sum);
	}
	at = pick(READ_ONCE(total));
	for (i = 0; at >= step_ops[i].weight; i++)
		at -= step_ops[i].weight;
	return i;
}

void pick_step(struct step *step)
{
	const struct step_op *op;

	memset(step, 0, sizeof(*step));
	do
		step->op = pick_op();
	while (!oracle.exact && step_ops[step->op].alone);
	op = &step_ops[step->op];
	op->pick(step->arg);
	step_sanitize(step);
	if (oracle.exact && op->inside && !pick(6)) {
		step->when = 1 + pick(WHEN_NR - 1);
		if (!(op->inside & BIT(step->when)))
			step->when = WHEN_NOW;
	}
}
