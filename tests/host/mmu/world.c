// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs and the checks on them.
 *
 * A vCPU in the guest holds its own mutex for one access; a TLB flush takes it, as
 * an IPI waits for the exit.  So an access and a flush exclude each other, and an
 * access that reaches a dead frame proves that the host got it back too early.
 *
 * The walk knows the entries by the processor's manual alone: it shares no macro
 * with src/mmu/spte.h.
 */
#include <sys/mman.h>
#include <time.h>

#include "world.h"

#define HW_PRESENT	0x1ull
#define HW_WRITE	0x2ull
#define HW_USER		0x4ull
#define HW_ACCESSED	0x20ull
#define HW_DIRTY	0x40ull
#define HW_LARGE	0x80ull
#define HW_ADDR		0x000ffffffffff000ull
#define HW_LEVELS	4
/* No frame number is larger: the reserved bits of 40 physical address bits. */
#define HW_RESERVED	0x000fff0000000000ull

struct world world;

static u32 max_leaf;

bool shim_user_ok(const void *addr, size_t size)
{
	unsigned long hva = (unsigned long)addr;

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
	int cpu, i;

	if (before) {
		world.before_flush = NULL;
		before();
	}
	for (cpu = 0; cpu < WORLD_VCPUS; cpu++) {
		struct world_vcpu *vcpu = &world.vcpu[cpu];

		pthread_mutex_lock(&vcpu->in_guest);
		for (i = 0; i < WORLD_TLB; i++)
			if (vcpu->tlb[i].gfn >= start && vcpu->tlb[i].gfn < end)
				vcpu->tlb[i].valid = false;
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

void world_begin(u8 leaf)
{
	struct mmu_caps caps = {
		.tdp = true,
		.format = &pt_format_4level,
		.max_leaf = leaf,
		.phys_bits = 40,
		.nx = true,
	};
	int cpu;

	max_leaf = leaf;
	memset(&world, 0, sizeof(world));
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
	}
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

static u64 *hw_entry(u64 table, gfn_t gfn, int level)
{
	return (u64 *)phys_to_virt(table) + ((gfn >> ((level - 1) * 9)) & 511);
}

/* Return: the entry at which the walk ends, its level in *level. */
static u64 *hw_walk(gfn_t gfn, int *level)
{
	u64 table = mmu_root_hpa(&world.vcpu[0].mmu);

	for (*level = HW_LEVELS; ; (*level)--) {
		u64 *entry = hw_entry(table, gfn, *level);
		u64 value = READ_ONCE(*entry);

		if (!(value & HW_PRESENT) || *level == 1 || value & HW_LARGE)
			return entry;
		if ((value & (HW_WRITE | HW_USER)) != (HW_WRITE | HW_USER) ||
		    value & HW_RESERVED || *level > HW_LEVELS)
			abort();
		table = value & HW_ADDR;
	}
}

static u64 hw_pfn(u64 value, gfn_t gfn, int level)
{
	u64 mask = pt_level_pages(level) - 1;

	if ((value & HW_ADDR) >> 12 & mask || level > (int)max_leaf ||
	    value & HW_RESERVED || !(value & HW_USER))
		abort();
	return (value & HW_ADDR) >> 12 | (gfn & mask);
}

/* Walk and set accessed and dirty.  Return: 0, or the error code. */
static u64 hw_translate(gfn_t gfn, bool write, struct world_tlb *tlb)
{
	u64 code = PF_ERR_GUEST_FINAL | PF_ERR_USER | (write ? PF_ERR_WRITE : 0);
	u64 value, used;
	u64 *entry;
	int level;

	rcu_read_lock();
	do {
		entry = hw_walk(gfn, &level);
		value = READ_ONCE(*entry);
		if (!(value & HW_PRESENT) || (level > 1 && !(value & HW_LARGE)) ||
		    (write && !(value & HW_WRITE))) {
			rcu_read_unlock();
			return code | (value & HW_PRESENT ? PF_ERR_PRESENT : 0);
		}
		used = value | HW_ACCESSED | (write ? HW_DIRTY : 0);
	} while (!try_cmpxchg64(entry, &value, used));
	rcu_read_unlock();
	tlb->gfn = gfn;
	tlb->pfn = hw_pfn(used, gfn, level);
	/* A clean page must be walked again to become dirty. */
	tlb->writable = used & HW_WRITE && used & HW_DIRTY;
	tlb->valid = true;
	return 0;
}

int world_walk(gfn_t gfn, u64 *pfn, bool *writable)
{
	int level;
	u64 value = *hw_walk(gfn, &level);

	if (!(value & HW_PRESENT))
		return 0;
	*pfn = hw_pfn(value, gfn, level);
	*writable = value & HW_WRITE;
	return level;
}

/* In the guest: the access itself.  Return: 0, or the error code of a fault. */
static u64 guest_access(struct world_vcpu *vcpu, gfn_t gfn, bool write, u64 *value)
{
	struct world_tlb *tlb = &vcpu->tlb[gfn % WORLD_TLB];
	struct host_frame *frame;
	u64 code;

	if (!tlb->valid || tlb->gfn != gfn || (write && !tlb->writable)) {
		tlb->valid = false;
		code = hw_translate(gfn, write, tlb);
		if (code)
			return code;
	}
	if (tlb->pfn < HOST_PFN || tlb->pfn >= HOST_PFN + HOST_FRAMES) {
		fprintf(stderr, "gfn %#llx leads to a frame that was never given\n", (long long)gfn);
		abort();
	}
	frame = &world.host.frames[tlb->pfn - HOST_PFN];
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
	const struct world_tlb *tlb = &world.vcpu[cpu].tlb[gfn % WORLD_TLB];

	return tlb->valid && tlb->gfn == gfn;
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

struct census {
	long pages[MMU_MAX_LEVELS + 1];
	long tables;
	bool good;
};

static bool complain(const char *what, gfn_t gfn)
{
	printf("# gfn %#llx: %s\n", (long long)gfn, what);
	return false;
}

/* Is a leaf what slots and host say? */
static bool leaf_right(gfn_t gfn, u64 pfn, bool writable, int level)
{
	const struct mem_slot *slot = mem_find_slot(&world.mem, gfn);
	const struct host_pte *pte;

	if (!slot)
		return complain("mapped without a slot", gfn);
	pte = &world.host.ptes[(mem_slot_hva(slot, gfn) - HOST_HVA) >> 12];
	if (!pte->pfn || pte->pfn != pfn)
		return complain("not the host's page", gfn);
	if (level > pte->level)
		return complain("mapped larger than by the host", gfn);
	if (writable && (!pte->writable || slot->flags & KVM_MEM_READONLY))
		return complain("writable though it must not be", gfn);
	if (writable && slot->dirty && !test_bit(gfn - slot->base_gfn, slot->dirty))
		return complain("writable without being marked dirty", gfn);
	return true;
}

static void census_table(struct census *census, u64 table, gfn_t gfn, int level)
{
	u64 i, k, step = pt_level_pages(level);
	u64 *entries = phys_to_virt(table);

	census->tables++;
	for (i = 0; i < 512; i++, gfn += step) {
		if (!(entries[i] & HW_PRESENT))
			continue;
		if (level > 1 && !(entries[i] & HW_LARGE)) {
			census_table(census, entries[i] & HW_ADDR, gfn, level - 1);
			continue;
		}
		census->pages[level]++;
		for (k = 0; k < step; k++)
			if (!leaf_right(gfn + k, hw_pfn(entries[i], gfn + k, level),
					entries[i] & HW_WRITE, level))
				census->good = false;
	}
}

bool world_consistent(void)
{
	struct census census = { .good = true };
	int level, idx;

	idx = mem_read_lock(&world.mem);
	census_table(&census, mmu_root_hpa(&world.vcpu[0].mmu), 0, HW_LEVELS);
	mem_read_unlock(&world.mem, idx);
	for (level = 1; level <= HW_LEVELS; level++)
		if (census.pages[level] != atomic_long_read(&world.mv.pages[level])) {
			printf("# level %d: %ld pages, counted %ld\n", level,
			       census.pages[level],
			       atomic_long_read(&world.mv.pages[level]));
			census.good = false;
		}
	if (census.tables != atomic_long_read(&world.mv.tables)) {
		printf("# %ld tables, counted %ld\n", census.tables,
		       atomic_long_read(&world.mv.tables));
		census.good = false;
	}
	if (atomic_read(&world.mv.flushes))
		census.good = false;
	return census.good;
}
