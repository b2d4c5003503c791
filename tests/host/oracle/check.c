// SPDX-License-Identifier: GPL-2.0-only
/*
 * What must hold.
 *
 * After each step: every translation, in the tables or in a TLB, is one that slots
 * and host allow, and leads to the host page that the gfn has now; a walk that
 * begins at a remembered table comes to where one from the root comes; counts equal
 * a recount; no page of memory is lost; no leaf forgot that it was accessed, but by
 * aging; nothing that the host wants back has come back.
 */
#include <stdarg.h>

#include "oracle.h"

struct array {
	void *items;
	size_t size, nr, room;
};

static struct array leaves = { .size = sizeof(struct hw_leaf) };
static struct array leaves_before = { .size = sizeof(struct hw_leaf) };
static struct array pointers = { .size = sizeof(struct hw_pointer) };

void finding(const char *format, ...)
{
	va_list args;

	if (oracle.failed)
		return;
	va_start(args, format);
	vsnprintf(oracle.report, sizeof(oracle.report), format, args);
	va_end(args);
	oracle.failed = true;
	if (oracle.exact)
		return;
	fprintf(stderr, "# found: %s\n", oracle.report);
	abort();
}

static void array_add(struct array *array, const void *item)
{
	if (array->nr == array->room) {
		array->room = array->room ? 2 * array->room : 256;
		array->items = realloc(array->items, array->room * array->size);
		if (!array->items)
			abort();
	}
	memcpy((char *)array->items + array->nr++ * array->size, item, array->size);
}

static void array_empty(struct array *array)
{
	free(array->items);
	array->items = NULL;
	array->nr = array->room = 0;
}

void check_begin(void)
{
	leaves.nr = leaves_before.nr = pointers.nr = 0;
}

void check_end(void)
{
	array_empty(&leaves);
	array_empty(&leaves_before);
	array_empty(&pointers);
}

/* The host page of a frame; frames of a leaf are of pages that follow each other. */
static bool frames_of(const struct hw_leaf *leaf, u32 page, u32 n)
{
	u32 first;

	if (leaf->pfn < HOST_PFN || leaf->pfn >= HOST_PFN + HOST_FRAMES)
		return false;
	first = world.host.frames[leaf->pfn - HOST_PFN].page;
	return first < page + n && first + hw_level_pages(leaf->level) > page;
}

static bool leaf_is_open(const struct hw_leaf *leaf)
{
	u32 i;

	for (i = 0; i < oracle.nr_open; i++)
		if (frames_of(leaf, oracle.open[i].page, oracle.open[i].n))
			return true;
	return false;
}

static void check_leaf(const struct hw_leaf *leaf, const char *where, int cpu)
{
	const char *why = world_leaf_wrong(leaf);

	if (!why && leaf_is_open(leaf))
		why = "there though the host wants it back";
	if (why)
		finding("%s %d, gfn %#llx, level %u: %s", where, cpu, (long long)leaf->gfn,
			leaf->level, why);
}

static void add_leaf(void *arg, const struct hw_leaf *leaf)
{
	check_leaf(leaf, "root", 0);
	array_add(&leaves, leaf);
}

static void add_pointer(void *arg, const struct hw_pointer *pointer)
{
	array_add(&pointers, pointer);
}

static void check_pointer(const struct hw_pointer *remembered, int cpu)
{
	const struct hw_pointer *now = pointers.items;
	size_t i;

	for (i = 0; i < pointers.nr; i++)
		if (now[i].level == remembered->level && now[i].gfn == remembered->gfn &&
		    now[i].table == remembered->table)
			return;
	finding("vCPU %d remembers a table of level %u for gfn %#llx that is gone", cpu,
		remembered->level, (long long)remembered->gfn);
}

static void check_vcpu(int cpu)
{
	const struct hw_cpu *hw = &world.vcpu[cpu].hw;
	int i;

	for (i = 0; i < HW_TLB_ENTRIES; i++)
		if (hw->tlb[i].level)
			check_leaf(&hw->tlb[i], "TLB of vCPU", cpu);
	for (i = 0; i < HW_WALK_ENTRIES; i++)
		if (hw->walk[i].level)
			check_pointer(&hw->walk[i], cpu);
}

/* Both are in the order of gfns. */
static void check_accessed(void)
{
	const struct hw_leaf *old = leaves_before.items, *now = leaves.items;
	size_t i, k = 0;

	for (i = 0; i < leaves_before.nr; i++) {
		while (k < leaves.nr && now[k].gfn < old[i].gfn)
			k++;
		if (k < leaves.nr && now[k].gfn == old[i].gfn && now[k].pfn == old[i].pfn &&
		    old[i].accessed && !now[k].accessed)
			finding("gfn %#llx: forgot that it was accessed", (long long)old[i].gfn);
	}
}

static void check_memory(void)
{
	long spare = 0;
	int cpu;

	for (cpu = 0; cpu < WORLD_VCPUS; cpu++)
		spare += world.vcpu[cpu].mmu.nr_spare;
	if (shim_pages != atomic_long_read(&world.mv.tables) + spare)
		finding("%ld pages are allocated for %ld tables and %ld spare ones", shim_pages,
			atomic_long_read(&world.mv.tables), spare);
}

void check_all(bool aged)
{
	struct array swap = leaves_before;
	struct hw_scan scan = {
		.format = world.format,
		.root = mmu_root_hpa(&world.vcpu[0].mmu),
		.leaf = add_leaf,
		.pointer = add_pointer,
	};
	const char *why;
	int cpu;

	leaves_before = leaves;
	leaves = swap;
	leaves.nr = pointers.nr = 0;
	rcu_barrier();
	hw_scan(&scan);
	if (scan.malformed)
		finding("gfn %#llx, entry %#llx: %s", (long long)scan.malformed_gfn,
			(long long)scan.malformed_entry, scan.malformed);
	why = world_counts_wrong(&scan);
	if (why)
		finding("%s", why);
	for (cpu = 0; cpu < WORLD_VCPUS; cpu++)
		check_vcpu(cpu);
	if (!aged)
		check_accessed();
	check_memory();
}

struct invalidated {
	u32 page, n;
	const char *where;
};

static void check_gone(void *arg, const struct hw_leaf *leaf)
{
	const struct invalidated *range = arg;

	if (frames_of(leaf, range->page, range->n))
		finding("%s: gfn %#llx still leads to host pages [%#x, %#x), which it has to let go",
			range->where, (long long)leaf->gfn, range->page, range->page + range->n);
}

void check_invalidated(u32 page, u32 n)
{
	struct invalidated range = { .page = page, .n = n, .where = "tables" };
	struct hw_scan scan = {
		.format = world.format,
		.root = mmu_root_hpa(&world.vcpu[0].mmu),
		.leaf = check_gone,
		.arg = &range,
	};
	int cpu, i;

	rcu_read_lock();
	hw_scan(&scan);
	rcu_read_unlock();
	range.where = "TLB";
	for (cpu = 0; cpu < WORLD_VCPUS; cpu++) {
		struct world_vcpu *vcpu = &world.vcpu[cpu];

		pthread_mutex_lock(&vcpu->in_guest);
		for (i = 0; i < HW_TLB_ENTRIES; i++)
			if (vcpu->hw.tlb[i].level)
				check_gone(&range, &vcpu->hw.tlb[i]);
		pthread_mutex_unlock(&vcpu->in_guest);
	}
	if (oracle.nr_open) {
		oracle.hull_start = min(oracle.hull_start, page);
		oracle.hull_end = max(oracle.hull_end, page + n);
	}
}
