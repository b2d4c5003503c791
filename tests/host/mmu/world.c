// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs and the checks on them.
 *
 * A vCPU in the guest holds its own mutex for one access; a TLB flush takes it, as
 * an IPI waits for the exit.  So an access and a flush exclude each other, and an
 * access that reaches a dead frame proves that the host got it back too early.
 *
 * What hardware does is in ../oracle/hardware.c, which knows the entries by the
 * processor's manual alone.
 */
#include <sys/mman.h>
#include <time.h>

#include "../../../src/mmu/format.h"
#include "world.h"

struct world world;

bool shim_user_ok(const void *addr, size_t size)
{
	hva_t hva = (hva_t)addr;

	if (world.before_user)
		world.before_user(hva);

	/* Guest tables of the walker's tests lie in real memory. */
	return hva + size <= HOST_HVA || hva >= HOST_HVA + HOST_PAGES * PAGE_SIZE;
}

u32 world_random(u32 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void world_flush(struct mmu_vm *mv, gfn_t start, gfn_t end)
{
	void (*before)(void) = world.before_flush;
	int cpu;

	if (before) {
		world.before_flush = NULL;
		before();
	}
	for (cpu = 0; cpu < WORLD_VCPUS; cpu++) {
		struct world_vcpu *vcpu = &world.vcpu[cpu];

		pthread_mutex_lock(&vcpu->in_guest);
		hw_flush(&vcpu->hw, start, end);
		pthread_mutex_unlock(&vcpu->in_guest);
	}
	__atomic_fetch_add(&world.flushes, 1, __ATOMIC_SEQ_CST);
}

static const struct mmu_vm_ops world_ops = {
	.flush_tlbs = world_flush,
};

static void *world_pages(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

static struct world_backing world_backing(gfn_t gfn)
{
	struct world_backing backing = { 0 };
	const struct mem_slot *slot;
	int idx = mem_read_lock(&world.mem);

	slot = mem_find_slot(&world.mem, gfn);
	if (slot) {
		backing.base = slot->base_gfn;
		backing.npages = slot->npages;
		backing.page = (slot->hva - HOST_HVA) >> 12;
		backing.read_only = slot->flags & KVM_MEM_READONLY;
		backing.dirty = slot->dirty;
	}
	mem_read_unlock(&world.mem, idx);
	return backing;
}

void world_begin_on(const struct hw_format *format)
{
	struct mmu_caps caps = {
		.tdp = true,
		.format = format->levels == 5 ? &pt_format_5level : &pt_format_4level,
		.max_leaf = format->max_leaf,
		.phys_bits = format->phys_bits,
		.nx = true,
	};
	int cpu;

	shim_seed(1);
	memset(&world, 0, sizeof(world));
	world.format = *format;
	world.backing = world_backing;
	world.host.ptes = world_pages(HOST_PAGES * sizeof(struct host_pte));
	world.host.frames = world_pages(HOST_FRAMES * sizeof(struct host_frame));
	pthread_mutex_init(&world.host.ops, NULL);
	pthread_mutex_init(&world.host.tables, NULL);
	if (mmu_module_init(&caps) || mem_vm_init(&world.mem, &world.mm, 40) ||
	    mmu_vm_init(&world.mv, &world.mem, &world_ops))
		abort();
	for (cpu = 0; cpu < WORLD_VCPUS; cpu++) {
		pthread_mutex_init(&world.vcpu[cpu].in_guest, NULL);
		if (mmu_init(&world.vcpu[cpu].mmu, &world.mv) ||
		    mmu_load(&world.vcpu[cpu].mmu))
			abort();
		hw_cpu_init(&world.vcpu[cpu].hw, format, 12345 + cpu);
		world.vcpu[cpu].hw.root = mmu_root_hpa(&world.vcpu[cpu].mmu);
	}
}

void world_begin(u8 max_leaf)
{
	struct hw_format format = { .levels = 4, .max_leaf = max_leaf, .phys_bits = 40 };

	world_begin_on(&format);
}

void world_end(void)
{
	int cpu;

	for (cpu = 0; cpu < WORLD_VCPUS; cpu++)
		mmu_destroy(&world.vcpu[cpu].mmu);
	mmu_vm_destroy(&world.mv);
	mem_vm_destroy(&world.mem);
	mmu_module_exit();
	munmap(world.host.ptes, HOST_PAGES * sizeof(struct host_pte));
	munmap(world.host.frames, HOST_FRAMES * sizeof(struct host_frame));
	WARN_ON(shim_pages);
	WARN_ON(shim_objects);
}

int world_slot(u32 id, gfn_t gfn, u64 npages, u32 page, u32 flags)
{
	struct kvm_userspace_memory_region2 region = {
		.slot = id,
		.flags = flags,
		.guest_phys_addr = gfn << 12,
		.memory_size = npages << 12,
		.userspace_addr = HOST_HVA + ((u64)page << 12),
	};

	return mem_set_region(&world.mem, &region);
}

int world_walk(gfn_t gfn, u64 *pfn, bool *writable)
{
	struct hw_leaf leaf;
	int level = hw_lookup(&world.format, mmu_root_hpa(&world.vcpu[0].mmu), gfn, &leaf);

	if (!level)
		return 0;
	*pfn = leaf.pfn + (gfn - leaf.gfn);
	*writable = leaf.writable;
	return level;
}

/* In the guest: the access itself.  Return: 0, or the error code of a fault. */
static u64 guest_access(struct world_vcpu *vcpu, gfn_t gfn, bool write, u64 *value)
{
	struct host_frame *frame;
	u64 code, pfn;

	code = hw_access(&vcpu->hw, gfn, write ? HW_WRITE : HW_READ, &pfn);
	if (code & HW_ERR_RESERVED) {
		fprintf(stderr, "gfn %#llx: reserved bits\n", (long long)gfn);
		abort();
	}
	if (code)
		return code;
	if (pfn < HOST_PFN || pfn >= HOST_PFN + HOST_FRAMES) {
		fprintf(stderr, "gfn %#llx leads to a frame that was never given\n", (long long)gfn);
		abort();
	}
	frame = &world.host.frames[pfn - HOST_PFN];
	if (!READ_ONCE(frame->alive)) {
		fprintf(stderr, "gfn %#llx leads to a frame that the host took back\n",
			(long long)gfn);
		abort();
	}
	if (write)
		WRITE_ONCE(frame->content, *value);
	else
		*value = READ_ONCE(frame->content);
	return 0;
}

bool world_cached(int cpu, gfn_t gfn)
{
	return hw_cached(&world.vcpu[cpu].hw, gfn);
}

int world_fault(int cpu, gfn_t gfn, u64 error_code, struct mmu_fault *fault)
{
	struct mmu_fault f = { .addr = gfn << 12, .error_code = error_code };
	int idx, r;

	idx = mem_read_lock(&world.mem);
	r = mmu_load(&world.vcpu[cpu].mmu);
	if (!r)
		r = mmu_fault(&world.vcpu[cpu].mmu, &f);
	mem_read_unlock(&world.mem, idx);
	WRITE_ONCE(world.vcpu[cpu].faults, world.vcpu[cpu].faults + 1);
	if (fault)
		*fault = f;
	return r;
}

int world_access(int cpu, gfn_t gfn, bool write, u64 *value)
{
	struct world_vcpu *vcpu = &world.vcpu[cpu];
	struct timespec pause = { .tv_nsec = 100000 };
	int tries, r;
	u64 code;

	for (tries = 0; tries < 10000; tries++) {
		pthread_mutex_lock(&vcpu->in_guest);
		code = guest_access(vcpu, gfn, write, value);
		pthread_mutex_unlock(&vcpu->in_guest);
		if (!code)
			return WORLD_OK;
		r = world_fault(cpu, gfn, code, NULL);
		if (r < 0)
			return r;
		if (r == MMU_FAULT_EMULATE)
			return WORLD_MMIO;
		/* Whoever is in the way may wait for this CPU. */
		if (tries > 100)
			nanosleep(&pause, NULL);
	}
	fprintf(stderr, "an access to gfn %#llx makes no progress\n", (long long)gfn);
	abort();
}

int world_write(int cpu, gfn_t gfn, u64 value)
{
	return world_access(cpu, gfn, true, &value);
}

int world_read(int cpu, gfn_t gfn)
{
	u64 value;

	return world_access(cpu, gfn, false, &value);
}

/* A block is uniform: its first page tells of all. */
const char *world_leaf_wrong(const struct hw_leaf *leaf)
{
	struct world_backing backing = world.backing(leaf->gfn);
	u64 n = hw_level_pages(leaf->level);
	const struct host_pte *pte;

	if (leaf->gfn < backing.base || leaf->gfn + n > backing.base + backing.npages)
		return "mapped without a slot";
	pte = &world.host.ptes[backing.page + (leaf->gfn - backing.base)];
	if (!pte->pfn || pte->pfn != leaf->pfn)
		return "not the host's page";
	if (leaf->level > pte->level)
		return "mapped larger than by the host";
	if (leaf->writable && (!pte->writable || backing.read_only))
		return "writable though it must not be";
	if (leaf->writable && backing.dirty &&
	    (leaf->level > 1 || !test_bit(leaf->gfn - backing.base, backing.dirty)))
		return "writable without being marked dirty";
	if (leaf->uncached != pte->device)
		return "of the wrong memory type";
	return NULL;
}

static void consistent_leaf(void *arg, const struct hw_leaf *leaf)
{
	const char *why = world_leaf_wrong(leaf);

	if (!why)
		return;
	printf("# gfn %#llx, level %u: %s\n", (long long)leaf->gfn, leaf->level, why);
	*(bool *)arg = false;
}

const char *world_counts_wrong(const struct hw_scan *scan)
{
	static __thread char why[80];
	int level;

	for (level = 1; level <= MMU_MAX_LEVELS; level++)
		if (scan->pages[level] != atomic_long_read(&world.mv.pages[level])) {
			snprintf(why, sizeof(why), "level %d: %ld pages, counted %ld", level,
				 scan->pages[level], atomic_long_read(&world.mv.pages[level]));
			return why;
		}
	if (scan->tables != atomic_long_read(&world.mv.tables)) {
		snprintf(why, sizeof(why), "%ld tables, counted %ld", scan->tables,
			 atomic_long_read(&world.mv.tables));
		return why;
	}
	return atomic_read(&world.mv.flushes) ? "a flush is still to come" : NULL;
}

bool world_consistent(void)
{
	bool good = true;
	struct hw_scan scan = {
		.format = world.format,
		.root = mmu_root_hpa(&world.vcpu[0].mmu),
		.leaf = consistent_leaf,
		.arg = &good,
	};
	const char *why;
	int cpu, i;

	hw_scan(&scan);
	if (scan.malformed) {
		printf("# gfn %#llx, entry %#llx: %s\n", (long long)scan.malformed_gfn,
		       (long long)scan.malformed_entry, scan.malformed);
		good = false;
	}
	for (cpu = 0; cpu < WORLD_VCPUS; cpu++)
		for (i = 0; i < HW_TLB_ENTRIES; i++)
			if (world.vcpu[cpu].hw.tlb[i].level)
				consistent_leaf(&good, &world.vcpu[cpu].hw.tlb[i]);
	why = world_counts_wrong(&scan);
	if (why)
		printf("# %s\n", why);
	return !why && good;
}
