// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may access a page does not depend on who makes the access: the CPU itself, or the module for it, when an
 * instruction has an operand in device memory.
 *
 * The guest goes through what bears on a supervisor's accesses: the bits of the page's entry, CR0.WP, SMAP with and
 * without RFLAGS.AC, and protection keys where there are any. In each state it reads or writes the page once with an
 * instruction that the CPU does alone, and once with one whose other operand is MMIO, and the outcome must be the same:
 * the exception with its error code and address, or the flags that were set in the entry.
 */
#include "test.h"

#include <string.h>

#define PAGE_GVA	0x8000000000ull
#define PAGE_GPA	0x200000ull

#define PTE_P		(1ull << 0)
#define PTE_W		(1ull << 1)
#define PTE_U		(1ull << 2)
#define PTE_RESERVED	(1ull << 51)
#define PTE_KEY		5
#define PF_RESERVED	(1ull << 3)
#define CR0_WP		(1ull << 16)
#define CR4_SMAP	(1ull << 21)
#define CR4_PKE		(1ull << 22)
#define RFLAGS_AC	(1ull << 18)

/* what the guest finds in its copy */
static u64 *volatile guest_pte;

/* the outcome of one access in one word */
struct outcome {
	u64 vector, error, cr2, flags;
};

static void set_ac(bool on)
{
	asm volatile("pushfq; andq %0, (%%rsp); orq %1, (%%rsp); popfq"
		     : : "r"(~RFLAGS_AC), "r"(on ? RFLAGS_AC : 0) : "memory", "cc");
}

static void write_pkru(u32 value)
{
	asm volatile(".byte 0x0f, 0x01, 0xef" : : "a"(value), "c"(0), "d"(0) : "memory");
}

/* reads or writes the page; with @mmio by an instruction that also reads there */
static u64 try_access(bool write, bool mmio)
{
	u64 page = PAGE_GVA, device = MMIO_BASE;
	u32 value;

	if (mmio && write)
		return GUEST_TRY("movsl", OUTPUTS("+S"(device), "+D"(page)));
	if (mmio)
		return GUEST_TRY("cmpsl", OUTPUTS("+S"(page), "+D"(device)));
	if (write)
		return GUEST_TRY("movl $0, (%0)", OUTPUTS("+r"(page)));
	return GUEST_TRY("movl (%1), %0", OUTPUTS("=&r"(value), "+r"(page)));
}

static struct outcome outcome_of(u64 entry, bool write, bool mmio)
{
	struct guest_cpu *cpu = guest_this_cpu();
	struct outcome outcome = { 0 };

	*guest_pte = entry;
	asm volatile("invlpg (%0)" : : "r"(PAGE_GVA) : "memory");
	outcome.vector = try_access(write, mmio);
	if (outcome.vector == TRY_NONE) {
		outcome.flags = *guest_pte ^ entry;
	} else {
		/* QEMU's TCG forgets P where a reserved bit is set */
		outcome.error = cpu->try_error | !!(cpu->try_error & PF_RESERVED);
		outcome.cr2 = cpu->try_cr2;
	}
	return outcome;
}

/* @state is only there to be seen if they differ */
static void compare(u64 entry, bool write, u64 state)
{
	struct outcome cpu = outcome_of(entry, write, false);
	struct outcome module = outcome_of(entry, write, true);

	state = (state << 1 | write) << 32;
	GUEST_EXPECT_EQ(state | (u32)cpu.vector, state | (u32)module.vector);
	GUEST_EXPECT_EQ(state | cpu.error, state | module.error);
	GUEST_EXPECT_EQ(state | cpu.flags, state | module.flags);
	GUEST_EXPECT_EQ(cpu.cr2, module.cr2);
}

static void compare_keys(u64 entry, u64 state)
{
	u32 rights;

	for (rights = 0; rights < 4; rights++) {
		write_pkru(~(3u << 2 * PTE_KEY) | rights << 2 * PTE_KEY);
		compare(entry, false, state << 2 | rights);
		compare(entry, true, state << 2 | rights);
	}
}

/* bits of @state: P W U reserved, WP SMAP AC */
static void guest_rights(u64 features)
{
	u64 state, entry;

	for (state = 0; state < 1 << 7; state++) {
		entry = PAGE_GPA | (u64)PTE_KEY << 59;
		entry |= (state & 1 ? PTE_P : 0) | (state & 2 ? PTE_W : 0);
		entry |= (state & 4 ? PTE_U : 0) | (state & 8 ? PTE_RESERVED : 0);
		if (state & 32 && !(features & CR4_SMAP))
			continue;
		guest_write_cr0((guest_read_cr0() & ~CR0_WP) | (state & 16 ? CR0_WP : 0));
		guest_write_cr4((guest_read_cr4() & ~(CR4_SMAP | CR4_PKE)) | (features & CR4_PKE) |
				(state & 32 ? CR4_SMAP : 0));
		set_ac(state & 64);
		if (features & CR4_PKE) {
			compare_keys(entry, state);
		} else {
			compare(entry, false, state);
			compare(entry, true, state);
		}
		set_ac(false);
	}
}

FIXTURE(rights) {
	struct vm vm;
	struct vcpu *vcpu;
	u64 features;
};

FIXTURE_SETUP(rights)
{
	struct kvm_cpuid2 *cpuid;
	struct kvm_cpuid_entry2 *leaf;
	u64 gva;

	vm_create(&self->vm, 0);
	self->vcpu = vcpu_create(&self->vm, 0);
	vm_map(&self->vm, PAGE_GVA, PAGE_GPA, PAGE_SIZE, PTE_P);
	/* all else is the supervisor's, so that SMAP is about that page alone */
	for (gva = 0; gva < 4 * GiB; gva += 2 * MiB)
		*vm_pte(&self->vm, gva) &= ~PTE_U;
	*guest_copy(&self->vm, guest_pte) = (u64 *)((u8 *)vm_pte(&self->vm, PAGE_GVA) - self->vm.ram);

	cpuid = cpuid_supported(self->vm.node);
	leaf = cpuid_find(cpuid, 7, 0);
	if (leaf && leaf->ebx & 1 << 20)
		self->features |= CR4_SMAP;
	if (leaf && leaf->ecx & 1 << 3)
		self->features |= CR4_PKE;
	free(cpuid);
}

FIXTURE_TEARDOWN(rights)
{
	vm_destroy(&self->vm);
}

static void run_rights(struct __test_metadata *_metadata, struct vcpu *vcpu, u64 features)
{
	struct guest_call *call;

	vcpu_set_guest(vcpu, guest_rights, features);
	while (vcpu_run_to_exit(vcpu) == KVM_EXIT_MMIO)
		memset(vcpu->run->mmio.data, 0, sizeof(vcpu->run->mmio.data));
	call = call_of_exit(vcpu);
	ASSERT_NE(NULL, call);
	ASSERT_EQ(CALL_DONE, call->kind) {
		TH_LOG("guest line %lu: %s: %#lx, %#lx", (long)call->line, call->text,
		       (long)call->value[0], (long)call->value[1]);
	}
}

TEST_F(rights, entries_and_smap)
{
	run_rights(_metadata, self->vcpu, self->features & CR4_SMAP);
}

TEST_F(rights, protection_keys)
{
	if (!(self->features & CR4_PKE))
		SKIP(return, "no protection keys here");
	run_rights(_metadata, self->vcpu, self->features);
}

TEST_HARNESS_MAIN
