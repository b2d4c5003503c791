// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the VMM and the host do: slots, logs, pages that come and go.
 */
#include "oracle.h"

struct kvm_userspace_memory_region2 play_region(const u64 *arg)
{
	return (struct kvm_userspace_memory_region2){
		.slot = arg[0],
		.flags = arg[4],
		.guest_phys_addr = arg[1] << 12,
		.memory_size = arg[2] << 12,
		.userspace_addr = HOST_HVA + (arg[3] << 12),
	};
}

static void check_not_small(void *arg, const struct hw_leaf *leaf)
{
	const struct model_slot *slot = arg;

	if (leaf->level == 1 && leaf->gfn - slot->gfn < slot->npages &&
	    model_goal(slot, leaf->gfn) > 1)
		finding("gfn %#llx: a small leaf stays though logging ended", (long long)leaf->gfn);
}

/* A log that ended keeps no page small that the host has as a large one. */
static void check_grown(struct model_slot *slot)
{
	struct hw_scan scan = {
		.format = world.format,
		.root = mmu_root_hpa(&world.vcpu[0].mmu),
		.leaf = check_not_small,
		.arg = slot,
	};

	if (oracle.exact && !oracle.disturbed && !oracle.nested)
		hw_scan(&scan);
}

static bool log_ends(const struct model_slot *before, const struct model_slot *after)
{
	bool logged = before->flags & KVM_MEM_LOG_DIRTY_PAGES;

	return logged && !(after->flags & KVM_MEM_LOG_DIRTY_PAGES) && before->npages &&
	       after->npages && before->gfn == after->gfn;
}

static void do_region(const struct kvm_userspace_memory_region2 *region)
{
	struct model_slot slot;
	int want = model_region(region, &slot), r;
	bool ends = log_ends(&oracle.slot[region->slot], &slot);

	r = mem_set_region(&world.mem, region);
	if (r != want && !(r == -ENOMEM && oracle.no_memory))
		finding("slot %u: an update came to %d, not %d", region->slot, r, want);
	if (r)
		model_slot_free(&slot);
	else
		model_replace(region->slot, &slot);
	if (!r && ends)
		check_grown(&oracle.slot[region->slot]);
}

void play_slot(const u64 *arg)
{
	struct kvm_userspace_memory_region2 region = play_region(arg);

	do_region(&region);
}

void play_unslot(const u64 *arg)
{
	const u64 none[STEP_ARGS] = { arg[0] };

	play_slot(none);
}

static const char *harvest_wrong(const struct model_slot *slot, const unsigned long *log)
{
	u64 bit;

	for (bit = 0; bit < slot->npages; bit++) {
		if (!slot->must[bit / 64] && !log[bit / 64]) {
			bit |= 63;
			continue;
		}
		/* What was written in the middle of it may be told the next time. */
		if (test_bit(bit, slot->must) && !test_bit(bit, log) && !oracle.disturbed)
			return "a page that was written is not in the log";
		if (!test_bit(bit, slot->may) && test_bit(bit, log))
			return "a page that nobody wrote is in the log";
	}
	return NULL;
}

static void harvested(struct model_slot *slot, const unsigned long *log)
{
	size_t i;

	for (i = 0; i < BITS_TO_LONGS(slot->npages); i++) {
		slot->must[i] &= oracle.disturbed ? ~log[i] : 0;
		slot->may[i] &= oracle.disturbed ? ~0ul : 0;
	}
}

/* @arg[1]: to an address that does not exist. */
void play_harvest(const u64 *arg)
{
	struct model_slot *slot = &oracle.slot[arg[0]];
	bool logged = slot->npages && slot->flags & KVM_MEM_LOG_DIRTY_PAGES;
	size_t words = BITS_TO_LONGS(max(slot->npages, 64ull));
	unsigned long *bitmap = malloc(words * sizeof(long));
	struct kvm_dirty_log log = { .slot = arg[0], .dirty_bitmap = bitmap };
	int want = !logged ? -ENOENT : arg[1] ? -EFAULT : 0, r;
	const char *why;

	oracle_counts.harvests++;
	if (arg[1])
		log.dirty_bitmap = (void *)(HOST_HVA + HOST_PAGES * PAGE_SIZE);
	r = mem_get_dirty_log(&world.mem, &log);
	if (r != want && !(r == -ENOMEM && oracle.no_memory))
		finding("slot %llu: a harvest came to %d, not %d", (long long)arg[0], r, want);
	if (!r && logged) {
		why = harvest_wrong(slot, bitmap);
		if (why)
			finding("slot %llu: %s", (long long)arg[0], why);
		harvested(slot, bitmap);
	}
	free(bitmap);
}

void play_zap_all(const u64 *arg)
{
	mmu_zap_all(&world.mv);
}

static u32 clip(u64 page, u64 n)
{
	return min(n, (u64)HOST_PAGES - page);
}

void play_unmap(const u64 *arg)
{
	host_unmap(arg[0], clip(arg[0], arg[1]));
}

void play_hole(const u64 *arg)
{
	host_hole(arg[0], clip(arg[0], arg[1]));
}

void play_map(const u64 *arg)
{
	u32 n = hw_level_pages(arg[1]), first = arg[0] & ~(n - 1);

	if (!host_has_frames(n))
		return;
	host_unmap(first, n);
	host_device(first, n, arg[3]);
	host_map(first, arg[1], arg[2]);
}

void play_migrate(const u64 *arg)
{
	if (host_has_frames(hw_level_pages(3)))
		host_migrate(arg[0]);
}

void play_split(const u64 *arg)
{
	host_split(arg[0]);
}

void play_collapse(const u64 *arg)
{
	if (host_has_frames(hw_level_pages(3)))
		host_collapse(arg[0]);
}

void play_protect(const u64 *arg)
{
	host_write_protect(arg[0]);
}

void play_mode(const u64 *arg)
{
	pthread_mutex_lock(&world.host.ops);
	world.host.huge = arg[0];
	world.host.shared_reads = arg[1];
	pthread_mutex_unlock(&world.host.ops);
}

struct young {
	gfn_t start, end;
	bool found;
};

static void young_leaf(void *arg, const struct hw_leaf *leaf)
{
	struct young *young = arg;

	if (leaf->accessed && leaf->gfn < young->end &&
	    leaf->gfn + hw_level_pages(leaf->level) > young->start)
		young->found = true;
}

/* Has a leaf of host pages [page, page + n) its accessed bit? */
static bool is_young(u32 page, u32 n)
{
	struct young young = { .found = false };
	struct hw_scan scan = {
		.format = world.format,
		.root = mmu_root_hpa(&world.vcpu[0].mmu),
		.leaf = young_leaf,
		.arg = &young,
	};
	int id;

	for (id = 0; id < ORACLE_SLOTS; id++) {
		const struct model_slot *slot = &oracle.slot[id];
		u64 start = max(slot->page, page), end = min(slot->page + slot->npages, page + n);

		if (start >= end)
			continue;
		young.start = slot->gfn + (start - slot->page);
		young.end = slot->gfn + (end - slot->page);
		hw_scan(&scan);
	}
	return young.found;
}

void play_young(const u64 *arg)
{
	u32 page = arg[0], n = clip(page, arg[1]);
	hva_t hva = HOST_HVA + (hva_t)page * PAGE_SIZE;
	bool exact = oracle.exact && !oracle.nested;
	bool want = exact && is_young(page, n);
	bool r = mem_young(&world.mem, hva, hva + (hva_t)n * PAGE_SIZE, arg[2]);

	if (!exact)
		return;
	if (r != want)
		finding("pages %#x..: accessed or not? %d, not %d", page, r, want);
	if (is_young(page, n) != (want && !arg[2]))
		finding("pages %#x..: the question changed the answer", page);
}

/* An invalidation that goes on while other steps are played. */
void play_open(const u64 *arg)
{
	u32 page = arg[0], n = clip(page, arg[1]);
	hva_t hva = HOST_HVA + (hva_t)page * PAGE_SIZE;

	if (oracle.nr_open == ORACLE_OPEN)
		return;
	if (!oracle.nr_open) {
		oracle.hull_start = page;
		oracle.hull_end = page + n;
	}
	/* What does not sleep has nobody to let in: both ways are to be seen. */
	mem_invalidate_begin(&world.mem, hva, hva + (hva_t)n * PAGE_SIZE, page & 1);
	oracle.open[oracle.nr_open].page = page;
	oracle.open[oracle.nr_open++].n = n;
	check_invalidated(page, n);
}

void play_close(const u64 *arg)
{
	hva_t hva = HOST_HVA + (hva_t)oracle.open[0].page * PAGE_SIZE;

	if (!oracle.nr_open)
		return;
	mem_invalidate_end(&world.mem, hva, hva + (hva_t)oracle.open[0].n * PAGE_SIZE);
	oracle.nr_open--;
	memmove(&oracle.open[0], &oracle.open[1], oracle.nr_open * sizeof(oracle.open[0]));
}

/* The next step finds no memory, but for so many pieces. */
void play_no_memory(const u64 *arg)
{
	shim_fail_after = arg[0];
	oracle.no_memory = true;
}

/*
 * A VM that had nearly all the generations there are: the next ones wrap.  Only as a
 * beginning: to come back to one that an entry remembers takes a thousand years.
 */
void play_late(const u64 *arg)
{
	unsigned long faults = 0;
	int cpu;

	for (cpu = 0; cpu < WORLD_VCPUS; cpu++)
		faults += world.vcpu[cpu].faults;
	if (!faults && world.mem.slots->generation == 1)
		world.mem.slots->generation = (1ull << 51) - 1 - arg[0];
}
