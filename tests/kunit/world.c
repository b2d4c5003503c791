// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs, the VMM and its host, and the checks on them.
 *
 * The walk knows the entries by the processor's manual alone: it shares no macro
 * with src/mmu/spte.h.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/mman.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/shmem_fs.h>
#include <linux/uaccess.h>

#include "world.h"

#define HW_PRESENT	0x1ull
#define HW_WRITE	0x2ull
#define HW_USER		0x4ull
#define HW_ACCESSED	0x20ull
#define HW_DIRTY	0x40ull
#define HW_LARGE	0x80ull
#define HW_ADDR		0x000ffffffffff000ull
#define HW_LEVELS	4

#define WORLD_BYTES	((unsigned long)WORLD_PAGES * PAGE_SIZE)

struct world world;

u32 world_random(u32 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void world_flush(struct mmu_vm *mv, gfn_t start, gfn_t end)
{
	int cpu, i;

	for (cpu = 0; cpu < WORLD_VCPUS; cpu++) {
		struct world_vcpu *vcpu = &world.vcpu[cpu];

		spin_lock(&vcpu->in_guest);
		for (i = 0; i < WORLD_TLB; i++)
			if (vcpu->tlb[i].gfn >= start && vcpu->tlb[i].gfn < end)
				vcpu->tlb[i].valid = false;
		spin_unlock(&vcpu->in_guest);
	}
	atomic_inc(&world.flushes);
}

static const struct mmu_vm_ops world_ops = {
	.flush_tlbs = world_flush,
};

static void world_map_areas(struct kunit *test)
{
	unsigned long addr;

	world.file = shmem_file_setup("quire_kunit", WORLD_BYTES, VM_NORESERVE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, world.file);
	addr = kunit_vm_mmap(test, world.file, 0, WORLD_BYTES, PROT_READ | PROT_WRITE,
			     MAP_SHARED, 0);
	KUNIT_ASSERT_NE(test, addr, 0);
	world.area[WORLD_FILE] = addr;
	addr = kunit_vm_mmap(test, NULL, 0, WORLD_BYTES + PMD_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, 0);
	KUNIT_ASSERT_NE(test, addr, 0);
	world.area[WORLD_ANON] = ALIGN(addr, PMD_SIZE);
}

int world_init(struct kunit *test)
{
	struct mmu_caps caps = {
		.tdp = true,
		.format = &pt_format_4level,
		.max_leaf = PT_LEVEL_1G,
		.phys_bits = WORLD_PHYS_BITS,
		.nx = true,
	};
	int cpu;

	memset(&world, 0, sizeof(world));
	world_map_areas(test);
	KUNIT_ASSERT_EQ(test, mmu_module_init(&caps), 0);
	KUNIT_ASSERT_EQ(test, mem_vm_init(&world.mem, current->mm, WORLD_PHYS_BITS), 0);
	KUNIT_ASSERT_EQ(test, mmu_vm_init(&world.mv, &world.mem, &world_ops), 0);
	for (cpu = 0; cpu < WORLD_VCPUS; cpu++) {
		spin_lock_init(&world.vcpu[cpu].in_guest);
		KUNIT_ASSERT_EQ(test, mmu_init(&world.vcpu[cpu].mmu, &world.mv), 0);
		KUNIT_ASSERT_EQ(test, mmu_load(&world.vcpu[cpu].mmu), 0);
	}
	world.mm = current->mm;
	mmgrab(world.mm);
	return 0;
}

void world_exit(struct kunit *test)
{
	int cpu;

	if (!world.mm)
		return;
	for (cpu = 0; cpu < WORLD_VCPUS; cpu++)
		mmu_destroy(&world.vcpu[cpu].mmu);
	mmu_vm_destroy(&world.mv);
	mem_vm_destroy(&world.mem);
	mmu_module_exit();
	fput(world.file);
	mmdrop(world.mm);
	/* KUnit's thread ended with it in use: nobody else drops that reference. */
	mmdrop(world.mm);
	world.mm = NULL;
}

hva_t world_hva(enum world_area area, u32 page)
{
	return world.area[area] + (hva_t)page * PAGE_SIZE;
}

int world_slot(u32 id, gfn_t gfn, u64 npages, hva_t hva, u32 flags)
{
	struct kvm_userspace_memory_region2 region = {
		.slot = id,
		.flags = flags,
		.guest_phys_addr = gfn << PAGE_SHIFT,
		.memory_size = npages << PAGE_SHIFT,
		.userspace_addr = hva,
	};

	return mem_set_region(&world.mem, &region);
}

/* Return: the entry at which the walk ends, its level in *level.  Under RCU. */
static u64 *hw_walk(gfn_t gfn, int *level)
{
	u64 table = mmu_root_hpa(&world.vcpu[0].mmu);

	for (*level = HW_LEVELS; ; (*level)--) {
		u64 *entry = (u64 *)phys_to_virt(table) +
			     ((gfn >> ((*level - 1) * 9)) & 511);
		u64 value = READ_ONCE(*entry);

		if (!(value & HW_PRESENT) || *level == 1 || value & HW_LARGE)
			return entry;
		table = value & HW_ADDR;
	}
}

static u64 hw_pfn(u64 value, gfn_t gfn, int level)
{
	return (value & HW_ADDR) >> PAGE_SHIFT | (gfn & (pt_level_pages(level) - 1));
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
	} while (cmpxchg64(entry, value, used) != value);
	rcu_read_unlock();
	tlb->gfn = gfn;
	tlb->pfn = hw_pfn(used, gfn, level);
	/* A clean page must be walked again to become dirty. */
	tlb->writable = used & HW_WRITE && used & HW_DIRTY;
	tlb->valid = true;
	return 0;
}

/* In the guest: the access itself.  Return: 0, or the error code of a fault. */
static u64 guest_access(struct world_vcpu *vcpu, gfn_t gfn, bool write, u64 *value)
{
	struct world_tlb *tlb = &vcpu->tlb[gfn % WORLD_TLB];
	u64 *content;
	u64 code;

	lockdep_assert_held(&vcpu->in_guest);

	if (!tlb->valid || tlb->gfn != gfn || (write && !tlb->writable)) {
		tlb->valid = false;
		code = hw_translate(gfn, write, tlb);
		if (code)
			return code;
	}
	content = phys_to_virt(tlb->pfn << PAGE_SHIFT);
	if (write)
		WRITE_ONCE(*content, *value);
	else
		*value = READ_ONCE(*content);
	return 0;
}

int world_fault(int cpu, gfn_t gfn, u64 error_code, struct mmu_fault *fault)
{
	struct mmu_fault f = { .addr = gfn << PAGE_SHIFT, .error_code = error_code };
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
	int tries, r;
	u64 code;

	for (tries = 0; tries < 10000; tries++) {
		spin_lock(&vcpu->in_guest);
		code = guest_access(vcpu, gfn, write, value);
		spin_unlock(&vcpu->in_guest);
		if (!code)
			return WORLD_OK;
		r = world_fault(cpu, gfn, code, NULL);
		if (r < 0)
			return r;
		if (r == MMU_FAULT_EMULATE)
			return WORLD_MMIO;
		/* Whoever is in the way may wait for this CPU. */
		if (tries > 100)
			usleep_range(100, 200);
	}
	return -EDEADLK;
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

u64 world_walk(gfn_t gfn, int *level)
{
	u64 value;

	rcu_read_lock();
	value = READ_ONCE(*hw_walk(gfn, level));
	rcu_read_unlock();
	return value & HW_PRESENT ? value : 0;
}

int world_level(gfn_t gfn)
{
	int level;

	return world_walk(gfn, &level) ? level : 0;
}

bool world_writable(gfn_t gfn)
{
	int level;

	return world_walk(gfn, &level) & HW_WRITE;
}

long world_mapped(int level)
{
	return atomic_long_read(&world.mv.pages[level]);
}

void world_unmap(u32 page, u32 npages)
{
	unmap_mapping_range(world.file->f_mapping, (loff_t)page << PAGE_SHIFT,
			    (loff_t)npages << PAGE_SHIFT, 1);
}

void world_punch(u32 page, u32 npages)
{
	shmem_truncate_range(file_inode(world.file), (loff_t)page << PAGE_SHIFT,
			     ((loff_t)(page + npages) << PAGE_SHIFT) - 1);
}

u64 world_peek(hva_t hva)
{
	u64 value;

	return get_user(value, (u64 __user *)hva) ? ~0ull : value;
}

struct census {
	struct kunit *test;
	long pages[MMU_MAX_LEVELS + 1];
	long tables;
	bool good;
};

static void complain(struct census *census, gfn_t gfn, const char *what)
{
	kunit_err(census->test, "gfn %#llx: %s", gfn, what);
	census->good = false;
}

/* Is a leaf's page what slots and host say? */
static void census_page(struct census *census, gfn_t gfn, u64 pfn, bool writable)
{
	const struct mem_slot *slot = mem_find_slot(&world.mem, gfn);
	struct page *page;
	hva_t hva;

	if (!slot)
		return complain(census, gfn, "mapped without a slot");
	if (writable && slot->flags & KVM_MEM_READONLY)
		complain(census, gfn, "a ROM is writable");
	if (writable && slot->dirty && !test_bit(gfn - slot->base_gfn, slot->dirty))
		complain(census, gfn, "writable without being marked dirty");
	hva = mem_slot_hva(slot, gfn);
	if (mem_host_level(&world.mem, hva) == PT_LEVEL_NONE)
		return complain(census, gfn, "mapped though the host took it away");
	if (get_user_pages_fast(hva, 1, writable ? FOLL_WRITE : 0, &page) != 1)
		return complain(census, gfn, "the host has no page there");
	if (page_to_pfn(page) != pfn)
		complain(census, gfn, "not the host's page");
	put_page(page);
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
			census_page(census, gfn + k, hw_pfn(entries[i], gfn + k, level),
				    entries[i] & HW_WRITE);
	}
}

bool world_consistent(struct kunit *test)
{
	struct census census = { .test = test, .good = true };
	int level, idx;

	idx = mem_read_lock(&world.mem);
	census_table(&census, mmu_root_hpa(&world.vcpu[0].mmu), 0, HW_LEVELS);
	mem_read_unlock(&world.mem, idx);
	for (level = 1; level <= HW_LEVELS; level++)
		if (census.pages[level] != world_mapped(level))
			complain(&census, level, "is a level whose pages are miscounted");
	if (census.tables != atomic_long_read(&world.mv.tables))
		complain(&census, 0, "the tables are miscounted");
	if (atomic_read(&world.mv.flushes))
		complain(&census, 0, "a flush is pending");
	return census.good;
}
