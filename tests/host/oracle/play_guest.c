// SPDX-License-Identifier: GPL-2.0-only
/*
 * What vCPUs do: accesses, faults, TLBs that forget, and the kernel's own accesses
 * to guest memory.
 */
#include "oracle.h"

enum expectation { EXPECT_RAM, EXPECT_EMULATE, EXPECT_EFAULT };

static enum expectation expected(gfn_t gfn, bool write)
{
	const struct model_slot *slot = model_slot(gfn);

	if (!slot || (write && slot->flags & KVM_MEM_READONLY))
		return EXPECT_EMULATE;
	if (world.host.ptes[slot->page + (gfn - slot->gfn)].hole)
		return EXPECT_EFAULT;
	return EXPECT_RAM;
}

/* May, or must, an invalidation that is under way hold a fault on @gfn up? */
static bool held_up(gfn_t gfn, bool must)
{
	const struct model_slot *slot = model_slot(gfn);
	u32 page = slot->page + (gfn - slot->gfn), n = 1;

	if (must || !oracle.nr_open)
		return model_is_open(page, 1);
	n = hw_level_pages(model_goal(slot, gfn));
	page &= ~(n - 1);
	return page < oracle.hull_end && page + n > oracle.hull_start;
}

static const char *fault_result_wrong(int r, gfn_t gfn, bool write)
{
	if (r == -ENOMEM)
		return oracle.no_memory ? NULL : "no memory, though there is";
	switch (expected(gfn, write)) {
	case EXPECT_EMULATE:
		return r == MMU_FAULT_EMULATE ? NULL : "not emulated";
	case EXPECT_EFAULT:
		return r == -EFAULT ? NULL : "the VMM has nothing there";
	case EXPECT_RAM:
		break;
	}
	if (held_up(gfn, true))
		return r == MMU_FAULT_RETRY ? NULL : "the host wants the page back";
	if (r == MMU_FAULT_RETRY)
		return held_up(gfn, false) ? NULL : "nothing is in the way";
	return r == MMU_FAULT_FIXED || r == MMU_FAULT_SPURIOUS ? NULL : "it is memory";
}

/* What a fault that says "fixed" leaves: all that the access needs, and no less. */
static const char *leaf_too_poor(gfn_t gfn, bool write, bool fixed, bool looked)
{
	const struct model_slot *slot = model_slot(gfn);
	struct hw_leaf leaf;
	int level = hw_lookup(&world.format, mmu_root_hpa(&world.vcpu[0].mmu), gfn, &leaf);

	if (!level)
		return "not mapped";
	if (write && !leaf.writable)
		return "not writable";
	if (!leaf.executable)
		return "not executable";
	if (!fixed || !looked)
		return NULL;
	if (!leaf.accessed || (write && !leaf.dirty))
		return "not young";
	if (level != model_goal(slot, gfn))
		return "of another size than it could be";
	return NULL;
}

/* One fault, and whether its outcome is right.  Return: the outcome. */
static int do_fault(int cpu, gfn_t gfn, enum hw_access access, u64 code)
{
	unsigned long lookups = world.host.lookups;
	bool write = access == HW_WRITE;
	int outer = oracle.outer_cpu, r;
	const char *why = NULL;
	struct mmu_fault fault;

	oracle.outer_cpu = cpu;
	r = world_fault(cpu, gfn, code, &fault);
	sequence_settle();
	oracle.outer_cpu = outer;
	oracle_counts.faults++;
	if (write)
		model_asked(gfn);
	if (oracle.disturbed || oracle.nested)
		return r;
	why = fault_result_wrong(r, gfn, write);
	if (!why && (r == MMU_FAULT_FIXED || r == MMU_FAULT_SPURIOUS))
		why = leaf_too_poor(gfn, write, r == MMU_FAULT_FIXED,
				    world.host.lookups != lookups);
	if (!why && r < 0 && (fault.memory_gpa != gfn << 12 || fault.memory_size != PAGE_SIZE))
		why = "a wrong place is reported";
	if (why)
		finding("vCPU %d, gfn %#llx, %s: fault came to %d: %s", cpu, (long long)gfn,
			write ? "write" : access == HW_FETCH ? "fetch" : "read", r, why);
	return r;
}

/* An access that hardware let through. */
static void reached(int cpu, gfn_t gfn, bool write, u64 pfn)
{
	const struct model_slot *slot = model_slot(gfn);

	if (write)
		model_written(gfn);
	/* In the middle of an update old and new are right. */
	if (oracle.nested)
		return;
	if (!slot || (write && slot->flags & KVM_MEM_READONLY))
		finding("vCPU %d, gfn %#llx: an access got through that no slot allows", cpu,
			(long long)gfn);
	else if (world.host.ptes[slot->page + (gfn - slot->gfn)].pfn != pfn)
		finding("vCPU %d, gfn %#llx: reached frame %#llx, which is not the host's", cpu,
			(long long)gfn, (long long)pfn);
}

static void do_access(const u64 *arg, enum hw_access access)
{
	int cpu = arg[0], tries = 0, r;
	struct world_vcpu *vcpu;
	u64 code, pfn;
	gfn_t gfn;

	if (cpu == oracle.outer_cpu)
		cpu = (cpu + 1) % WORLD_VCPUS;
	if (!oracle.kind->reaches(cpu, arg[1], access, &gfn))
		return;
	vcpu = &world.vcpu[cpu];
	for (;;) {
		code = hw_access(&vcpu->hw, arg[1], access, &pfn);
		if (code & HW_ERR_RESERVED)
			finding("gfn %#llx: a reserved bit is set", (long long)gfn);
		if (!code)
			break;
		/* Once, if nothing is in the way; a few times if something was. */
		if (tries++ == (oracle.nested || oracle.disturbed ? 4 : 1)) {
			if (!oracle.nested && !oracle.disturbed)
				finding("vCPU %d, gfn %#llx: a second fault", cpu, (long long)gfn);
			return;
		}
		r = do_fault(cpu, gfn, access, code);
		if (oracle.failed || r == MMU_FAULT_EMULATE || r < 0)
			return;
		if (r == MMU_FAULT_RETRY && !oracle.disturbed)
			return;
	}
	reached(cpu, gfn, access == HW_WRITE, pfn);
}

void play_read(const u64 *arg)
{
	do_access(arg, HW_READ);
}

void play_write(const u64 *arg)
{
	do_access(arg, HW_WRITE);
}

void play_fetch(const u64 *arg)
{
	do_access(arg, HW_FETCH);
}

/* A fault that another vCPU's TLB may have caused; no access follows. */
void play_fault(const u64 *arg)
{
	static const u64 codes[] = { 0, PF_ERR_WRITE, PF_ERR_FETCH };
	u32 access = arg[2] % 3;
	int cpu = arg[0];

	if (cpu == oracle.outer_cpu)
		cpu = (cpu + 1) % WORLD_VCPUS;
	do_fault(cpu, arg[1], access == 1 ? HW_WRITE : access == 2 ? HW_FETCH : HW_READ,
		 codes[access] | HW_ERR_USER | HW_ERR_FINAL);
}

void play_evict(const u64 *arg)
{
	struct world_vcpu *vcpu = &world.vcpu[arg[0]];

	pthread_mutex_lock(&vcpu->in_guest);
	hw_evict(&vcpu->hw, arg[1]);
	pthread_mutex_unlock(&vcpu->in_guest);
}

/* The vCPU's MMU goes and comes back, with nothing spare. */
void play_restart(const u64 *arg)
{
	int cpu = arg[0];

	if (cpu == oracle.outer_cpu)
		return;
	mmu_destroy(&world.vcpu[cpu].mmu);
	if (mmu_init(&world.vcpu[cpu].mmu, &world.mv) || mmu_load(&world.vcpu[cpu].mmu))
		finding("vCPU %d: no root", cpu);
}

static void kernel_access(gfn_t gfn, bool write)
{
	static u64 counter;
	u64 value = ++counter, read = 0;
	int idx, r;

	idx = mem_read_lock(&world.mem);
	if (write)
		r = mem_write(&world.mem, gfn << 12, &value, sizeof(value));
	else
		r = mem_read(&world.mem, gfn << 12, &read, sizeof(read));
	mem_read_unlock(&world.mem, idx);
	if (write && !r)
		model_written(gfn);
	if (oracle.nested || oracle.disturbed)
		return;
	if (r != (model_slot(gfn) && expected(gfn, write) == EXPECT_RAM ? 0 : -EFAULT))
		finding("gfn %#llx: the kernel's %s came to %d", (long long)gfn,
			write ? "write" : "read", r);
}

void play_kernel_read(const u64 *arg)
{
	kernel_access(arg[0], false);
}

void play_kernel_write(const u64 *arg)
{
	kernel_access(arg[0], true);
}
