// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs and CPUID as the guest sees them: values that VMM and guest give each other, what raises #GP, what changes with
 * the guest's own control registers, and that two VMs on one processor do not see each other's.
 */
#include "test.h"
#include "pv.h"

#include <errno.h>
#include <string.h>

#define MSR_EFER	0xc0000080
#define MSR_STAR	0xc0000081
#define MSR_LSTAR	0xc0000082
#define MSR_CSTAR	0xc0000083
#define MSR_SFMASK	0xc0000084
#define MSR_FS_BASE	0xc0000100
#define MSR_KERNEL_GS	0xc0000102
#define MSR_TSC_AUX	0xc0000103
#define MSR_PAT		0x277
#define CR4_OSXSAVE	(1ull << 18)

FIXTURE(cpu) {
	struct vm vm;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(cpu)
{
	vm_create(&self->vm, 0);
	self->vcpu = vcpu_create(&self->vm, 0);
}

FIXTURE_TEARDOWN(cpu)
{
	vm_destroy(&self->vm);
}

static const struct { u32 index; u64 by_vmm, by_guest; } plain[] = {
	{ 0x174, 0x10, 0x18 },			/* SYSENTER, of 32 bits with this vendor */
	{ 0x175, 0x1000, 0x81000000 },
	{ 0x176, 0x81001000, 0x2000 },
	{ MSR_STAR, 0x0023001000000000, 0x002b000800000000 },
	{ MSR_LSTAR, 0xffffffff81002000, 0x3000 },
	{ MSR_CSTAR, 0xffffffff81003000, 0x4000 },
	{ MSR_SFMASK, 0x47700, 0x700 },
	{ MSR_FS_BASE, 0x7f0000001000, 0xffff888000001000 },
	{ MSR_KERNEL_GS, 0xffff888000002000, 0x7f0000002000 },
	{ MSR_PAT, 0x0007040600070406, 0x0407050600070106 },
};

static void guest_plain(u64 argument)
{
	u64 i;

	for (i = 0; i < ARRAY_SIZE(plain); i++) {
		GUEST_EXPECT_EQ(plain[i].by_vmm, guest_rdmsr(plain[i].index));
		guest_wrmsr(plain[i].index, plain[i].by_guest);
		GUEST_EXPECT_EQ(plain[i].by_guest, guest_rdmsr(plain[i].index));
	}
	guest_sync(1);
	for (i = 0; i < ARRAY_SIZE(plain); i++)
		GUEST_EXPECT_EQ(plain[i].by_guest, guest_rdmsr(plain[i].index));
}

TEST_F(cpu, msrs_both_ways)
{
	u64 value;
	u32 i;

	vcpu_set_guest(self->vcpu, guest_plain, 0);
	for (i = 0; i < ARRAY_SIZE(plain); i++)
		ASSERT_EQ(1, vcpu_set_msr(self->vcpu, plain[i].index, plain[i].by_vmm));
	call_wait_sync(self->vcpu, 1);
	for (i = 0; i < ARRAY_SIZE(plain); i++) {
		ASSERT_EQ(1, vcpu_get_msr(self->vcpu, plain[i].index, &value));
		EXPECT_EQ(plain[i].by_guest, value);
	}
	call_wait_done(self->vcpu);
}

static void guest_refused(u64 argument)
{
	u64 efer = guest_rdmsr(MSR_EFER), value;

	GUEST_EXPECT_EQ(0xd00, efer);
	GUEST_EXPECT_EQ(13, guest_try_rdmsr(0x12345678, &value));
	GUEST_EXPECT_EQ(0, guest_this_cpu()->try_error);
	GUEST_EXPECT_EQ(13, guest_try_wrmsr(0x12345678, 0));
	GUEST_EXPECT_EQ(13, guest_try_wrmsr(MSR_PAT, 0x0007040600070402));
	GUEST_EXPECT_EQ(13, guest_try_wrmsr(MSR_EFER, efer | 1 << 9));
	GUEST_EXPECT_EQ(13, guest_try_wrmsr(MSR_EFER, efer | 1ull << 50));
	GUEST_EXPECT_EQ(13, guest_try_wrmsr(MSR_EFER, efer & ~0x100ull));	/* LME while paging */
	GUEST_EXPECT_EQ(efer, guest_rdmsr(MSR_EFER));
	/* SCE and NXE come and go */
	guest_wrmsr(MSR_EFER, efer | 1);
	GUEST_EXPECT_EQ(efer | 1, guest_rdmsr(MSR_EFER));
	guest_wrmsr(MSR_EFER, efer & ~0x800ull);
	GUEST_EXPECT_EQ(efer & ~0x800ull, guest_rdmsr(MSR_EFER));
	/* write-only and read-only ones */
	GUEST_EXPECT_EQ(13, guest_try_rdmsr(0x49, &value));		/* PRED_CMD */
	GUEST_EXPECT_EQ(13, guest_try_wrmsr(0xfe, 0));			/* MTRRCAP */
}

TEST_F(cpu, msrs_refused)
{
	vcpu_set_guest(self->vcpu, guest_refused, 0);
	call_wait_done(self->vcpu);
}

/* SYSCALL and SWAPGS by the MSRs, from a subroutine that the MSR points at */
static void guest_syscall(u64 argument)
{
	u64 rcx, r11, gs;

	guest_wrmsr(MSR_EFER, guest_rdmsr(MSR_EFER) | 1);
	guest_wrmsr(MSR_STAR, (u64)SEL_CODE64 << 32);
	guest_wrmsr(MSR_SFMASK, 0x1);
	guest_wrmsr(MSR_KERNEL_GS, 0x123456789000);
	asm volatile("lea 1f(%%rip), %%rax; mov %%rax, %%rdx; shr $32, %%rdx; mov %3, %%ecx; wrmsr;"
		     "stc; syscall;"
		     "1: mov $0, %%eax; setc %%al; mov %%rax, %2;"
		     "mov %%rcx, %0; mov %%r11, %1"
		     : "=r"(rcx), "=r"(r11), "=&r"(gs) : "i"(MSR_LSTAR) : "rax", "rcx", "rdx", "r11", "memory");
	GUEST_EXPECT_EQ(0, gs);		/* carry is masked */
	GUEST_EXPECT_EQ(guest_rdmsr(MSR_LSTAR), rcx);
	GUEST_EXPECT_EQ(1, r11 & 1);
	asm volatile("swapgs");
	gs = guest_rdmsr(0xc0000101);
	asm volatile("swapgs");
	GUEST_EXPECT_EQ(0x123456789000, gs);
	GUEST_EXPECT_EQ(guest_this_cpu(), guest_rdmsr(0xc0000101));
}

TEST_F(cpu, syscall)
{
	vcpu_set_guest(self->vcpu, guest_syscall, 0);
	call_wait_done(self->vcpu);
}

/* time stamps */

static void guest_tsc(u64 argument)
{
	u64 before = guest_rdtsc(), after;

	GUEST_EXPECT(before >= 1ull << 50 && before < (1ull << 50) + (1ull << 38));
	guest_sync(1);
	after = guest_rdtsc();
	GUEST_EXPECT(after > before);
	GUEST_EXPECT(guest_rdmsr(0x10) > after);
	guest_wrmsr(0x10, 1ull << 52);
	GUEST_EXPECT(guest_rdtsc() >= 1ull << 52);
	guest_sync(2);
	guest_wrmsr(0x3b, guest_rdmsr(0x3b) + (1ull << 53));	/* TSC_ADJUST moves it as well */
	GUEST_EXPECT(guest_rdtsc() >= 1ull << 53);
}

TEST_F(cpu, tsc)
{
	u64 value;

	vcpu_set_guest(self->vcpu, guest_tsc, 0);
	ASSERT_EQ(1, vcpu_set_msr(self->vcpu, 0x10, 1ull << 50));
	call_wait_sync(self->vcpu, 1);
	call_wait_sync(self->vcpu, 2);
	ASSERT_EQ(1, vcpu_get_msr(self->vcpu, 0x10, &value));
	EXPECT_LE(1ull << 52, value);
	EXPECT_GT((1ull << 52) + (1ull << 38), value);
	call_wait_done(self->vcpu);
}

/* CPUID */

static struct { u32 leaf, index, out[4]; } asked[] = {
	{ 0, 0 }, { 7, 0 }, { 0x40000000, 0 }, { 0x40000010, 0 }, { 0x80000000, 0 }, { 0x80000001, 0 },
	{ 0x80000002, 0 }, { 0x80000008, 0 }, { 0x80000008, 77 },
};

static void guest_asks(u64 xsetbv)
{
	u64 i;
	u32 leaf[4];

	for (i = 0; i < ARRAY_SIZE(asked); i++)
		guest_cpuid(asked[i].leaf, asked[i].index, asked[i].out);
	guest_sync(1);
	/* leaf 1 shows OSXSAVE as CR4 has it; leaf 0xd the size for the components in XCR0 */
	guest_cpuid(1, 0, leaf);
	GUEST_EXPECT(!(leaf[2] & 1 << 27));
	guest_write_cr4(guest_read_cr4() | CR4_OSXSAVE);
	guest_cpuid(1, 0, leaf);
	GUEST_EXPECT(leaf[2] & 1 << 27);
	guest_cpuid(0xd, 0, leaf);
	GUEST_EXPECT_EQ(576, leaf[1]);
	if (xsetbv && leaf[0] & 4) {
		asm volatile("xsetbv" : : "c"(0), "a"(7), "d"(0));
		guest_cpuid(0xd, 0, leaf);
		GUEST_EXPECT_EQ(832, leaf[1]);
	}
	guest_write_cr4(guest_read_cr4() & ~CR4_OSXSAVE);
	guest_cpuid(1, 0, leaf);
	GUEST_EXPECT(!(leaf[2] & 1 << 27));
}

TEST_F(cpu, cpuid_is_what_the_vmm_set)
{
	struct kvm_cpuid2 *cpuid = cpuid_supported(self->vm.node);
	struct kvm_cpuid_entry2 *leaf = cpuid_find(cpuid, 0x40000000, 0);
	u32 i;

	leaf->ecx = 0x11112222;
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_SET_CPUID2, cpuid));
	/* XSETBV is not intercepted by the emulated CPU: a guest would change the host's XCR0 there */
	vcpu_set_guest(self->vcpu, guest_asks, !machine_is_tcg());
	call_wait_sync(self->vcpu, 1);
	for (i = 0; i < ARRAY_SIZE(asked); i++) {
		const u32 *out = (*guest_copy(&self->vm, asked))[i].out;

		leaf = cpuid_find(cpuid, asked[i].leaf, 0);
		if (!leaf)
			continue;
		EXPECT_EQ(leaf->eax, out[0]);
		EXPECT_EQ(leaf->ebx, out[1]);
		EXPECT_EQ(leaf->ecx, out[2]);
		EXPECT_EQ(leaf->edx, out[3]);
	}
	call_wait_done(self->vcpu);
	free(cpuid);
}

/* a CPU without a feature does not have it, whatever the host can do */
static void guest_without_xsave(u64 argument)
{
	GUEST_EXPECT_EQ(13, GUEST_TRY("mov %0, %%cr4", OUTPUTS(), "r"(guest_read_cr4() | CR4_OSXSAVE)));
	GUEST_EXPECT_EQ(13, guest_try_wrmsr(MSR_EFER, guest_rdmsr(MSR_EFER) & ~0x800ull) == TRY_NONE ? 13 : 0);
	GUEST_EXPECT_EQ(13, guest_try_wrmsr(MSR_EFER, guest_rdmsr(MSR_EFER) | 0x4000));		/* FFXSR */
}

TEST_F(cpu, features_taken_away)
{
	struct kvm_cpuid2 *cpuid = cpuid_supported(self->vm.node);

	cpuid_find(cpuid, 1, 0)->ecx &= ~(1u << 26);		/* XSAVE */
	cpuid_find(cpuid, 0x80000001, 0)->edx &= ~(1u << 25);	/* FFXSR */
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_SET_CPUID2, cpuid));
	vcpu_set_guest(self->vcpu, guest_without_xsave, 0);
	call_wait_done(self->vcpu);
	free(cpuid);
}

/* registers of one VM do not leak into another that runs in between on the same processor */
static void guest_own_values(u64 own)
{
	u64 xmm[2] = { own, ~own }, seen[2], value, i;

	guest_wrmsr(MSR_STAR, own << 32);
	guest_wrmsr(MSR_KERNEL_GS, own << 12);
	guest_wrmsr(MSR_TSC_AUX, own);
	asm volatile("mov %0, %%dr2" : : "r"(own << 16));
	guest_write_cr2(own << 20);
	asm volatile("movups (%0), %%xmm15" : : "r"(xmm) : "memory");
	for (i = 0; i < 20; i++) {
		guest_sync(i);
		GUEST_EXPECT_EQ(own << 32, guest_rdmsr(MSR_STAR));
		GUEST_EXPECT_EQ(own << 12, guest_rdmsr(MSR_KERNEL_GS));
		asm volatile("rdtscp" : "=c"(value) : : "rax", "rdx");
		GUEST_EXPECT_EQ(own, value);
		asm volatile("mov %%dr2, %0" : "=r"(value));
		GUEST_EXPECT_EQ(own << 16, value);
		GUEST_EXPECT_EQ(own << 20, guest_read_cr2());
		asm volatile("movups %%xmm15, (%0)" : : "r"(seen) : "memory");
		GUEST_EXPECT_EQ(own, seen[0]);
		GUEST_EXPECT_EQ(~own, seen[1]);
	}
}

TEST_F(cpu, two_vms)
{
	double pi = 3.14159;
	struct vcpu *other;
	struct vm vm;
	u64 i;

	vm_create(&vm, 0);
	other = vcpu_create(&vm, 0);
	vcpu_set_guest(self->vcpu, guest_own_values, 0x111);
	vcpu_set_guest(other, guest_own_values, 0x222);
	for (i = 0; i < 20; i++) {
		call_wait_sync(self->vcpu, i);
		asm volatile("" : "+x"(pi));
		call_wait_sync(other, i);
	}
	call_wait_done(self->vcpu);
	call_wait_done(other);
	vm_destroy(&vm);
	/* the VMM has registers, too */
	EXPECT_TRUE(pi == 3.14159);
}

/* FPU and XMM state between guest and VMM */
static void guest_fpu(u64 argument)
{
	static u64 xmm[2] __attribute__((aligned(16)));
	u16 control;

	asm volatile("movups (%0), %%xmm5; fld1" : : "r"(xmm) : "memory");
	guest_sync(0);
	asm volatile("movups %%xmm5, (%0)" : : "r"(xmm) : "memory");
	GUEST_EXPECT_EQ(0x5555555555555555, xmm[0]);
	asm volatile("fnstcw %0" : "=m"(control));
	GUEST_EXPECT_EQ(0x27f, control);
	xmm[0] = xmm[1] = 0x7777777777777777;
	asm volatile("movups (%0), %%xmm6; fldpi" : : "r"(xmm) : "memory");
	guest_sync(1);
	guest_sync(2);
	asm volatile("fninit");
}

TEST_F(cpu, fpu_both_ways)
{
	static const u8 pi[10] = { 0x35, 0xc2, 0x68, 0x21, 0xa2, 0xda, 0x0f, 0xc9, 0x00, 0x40 };
	struct kvm_fpu fpu = {};

	vcpu_set_guest(self->vcpu, guest_fpu, 0);
	call_wait_sync(self->vcpu, 0);
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_GET_FPU, &fpu));
	memset(fpu.xmm[5], 0x55, 16);
	fpu.fcw = 0x27f;
	fpu.mxcsr = 0x1f80;
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_SET_FPU, &fpu));
	call_wait_sync(self->vcpu, 1);
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_GET_FPU, &fpu));
	EXPECT_EQ(0x77, fpu.xmm[6][0]);
	EXPECT_EQ(0x77, fpu.xmm[6][15]);
	EXPECT_EQ(0, memcmp(fpu.fpr[0], pi, 10));
	call_wait_sync(self->vcpu, 2);
	call_wait_done(self->vcpu);
}

/* the paravirtual clock, where it is offered */
static struct pv_clock clock_page __attribute__((aligned(64)));
static struct { u32 version, seconds, nanoseconds; } wall_clock __attribute__((aligned(16)));

static void guest_kvmclock(u64 argument)
{
	u64 before, after;

	guest_wrmsr(0x4b564d01, (u64)&clock_page | 1);
	guest_wrmsr(0x4b564d00, (u64)&wall_clock);
	guest_sync(1);
	GUEST_EXPECT_EQ((u64)&clock_page | 1, guest_rdmsr(0x4b564d01));
	GUEST_EXPECT(clock_page.version && !(clock_page.version & 1));
	GUEST_EXPECT(clock_page.mul);
	GUEST_EXPECT(wall_clock.seconds > 1000000);
	before = guest_pv_clock(&clock_page);
	guest_sync2(2, before);
	after = guest_pv_clock(&clock_page);
	GUEST_EXPECT(after > before);
	guest_sync2(3, after);
	guest_wrmsr(0x4b564d01, 0);
	GUEST_EXPECT_EQ(0, guest_rdmsr(0x4b564d01));
}

TEST_F(cpu, kvmclock)
{
	struct kvm_cpuid2 *cpuid = cpuid_supported(self->vm.node);
	struct kvm_cpuid_entry2 *leaf = cpuid_find(cpuid, 0x40000001, 0);
	struct kvm_clock_data clock = {};
	u64 seen;

	if (!leaf || !(leaf->eax & 1 << 3))
		SKIP(return, "the paravirtual clock is not offered");
	vcpu_set_guest(self->vcpu, guest_kvmclock, 0);
	call_wait_sync(self->vcpu, 1);
	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_GET_CLOCK, &clock));
	seen = call_wait_sync(self->vcpu, 2);
	/* within seconds of what KVM_GET_CLOCK says: they are one clock */
	EXPECT_LT(clock.clock, seen + 5000000000ull);
	EXPECT_LT(seen, clock.clock + 5000000000ull);
	clock = (struct kvm_clock_data){ .clock = 5000000000000ull };
	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_SET_CLOCK, &clock));
	EXPECT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_KVMCLOCK_CTRL, NULL));
	seen = call_wait_sync(self->vcpu, 3);
	EXPECT_LE(5000000000000ull, seen);
	EXPECT_GT(5030000000000ull, seen);
	call_wait_done(self->vcpu);
	free(cpuid);
}

TEST_HARNESS_MAIN
