// SPDX-License-Identifier: GPL-2.0-only
/*
 * Vector registers: the guest keeps its own across exits, while another task uses the processor's, and across ioctls
 * that read and write them; the VMM keeps its own; XCR0 is the guest's inside and the host's outside; and instructions
 * that the kernel executes for the guest use the guest's.
 */
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#define CR4_OSXSAVE	(1ull << 18)
#define XCR0_SSE	3ull
#define XCR0_AVX	7ull
#define LEAF1_ECX_AVX	(1u << 28)
#define EXIT_PORT	0x80
#define VECTOR_UD	6
#define XSAVE_YMM_HIGH	576	/* where AVX state begins in the standard format, on every processor that has it */

/* 16 registers of 32 bytes; with SSE the upper halves are left alone */
struct registers {
	u8 ymm[16][32];
} __attribute__((aligned(32)));

static struct registers wanted, seen;

#define EACH_REGISTER(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define LOAD_XMM(n)	"movdqa " #n "*32(%[from]), %%xmm" #n "\n\t"
#define STORE_XMM(n)	"movdqa %%xmm" #n ", " #n "*32(%[to])\n\t"
#define LOAD_YMM(n)	"vmovdqa " #n "*32(%[from]), %%ymm" #n "\n\t"
#define STORE_YMM(n)	"vmovdqa %%ymm" #n ", " #n "*32(%[to])\n\t"

/* in one piece, so that the compiler has no use for the registers meanwhile */
#define THROUGH_XMM(source, target, middle)									\
	asm volatile(EACH_REGISTER(LOAD_XMM) middle EACH_REGISTER(STORE_XMM)					\
		     : : [from] "r"(source), [to] "r"(target) : "memory", "cc", "rax", "rcx", "rdx")
#define THROUGH_YMM(source, target, middle)									\
	asm volatile(EACH_REGISTER(LOAD_YMM) middle EACH_REGISTER(STORE_YMM) "vzeroupper"			\
		     : : [from] "r"(source), [to] "r"(target) : "memory", "cc", "rax", "rcx", "rdx")

#define AN_EXIT		"out %%al, $0x80\n\t"
#define SPIN		"mov $2000000, %%ecx\n\t1: dec %%ecx\n\tjnz 1b\n\t"

static inline void fill(struct registers *registers, u64 seed)
{
	u64 *word = (u64 *)registers;
	u64 i;

	for (i = 0; i < sizeof(*registers) / 8; i++)
		word[i] = (seed + 1) * 0x9e3779b97f4a7c15ull + i * 0x0101010101010101ull;
}

/* the first register that differs in its lowest @bytes, or 16 */
static inline u64 difference(const struct registers *a, const struct registers *b, u64 bytes)
{
	u64 i, j;

	for (i = 0; i < 16; i++) {
		for (j = 0; j < bytes; j++) {
			if (a->ymm[i][j] != b->ymm[i][j])
				return i;
		}
	}
	return 16;
}

FIXTURE(fpu) {
	struct vm vm;
	struct vcpu *vcpu;
	bool avx;
};

FIXTURE_SETUP(fpu)
{
	struct kvm_cpuid2 *cpuid;

	vm_create(&self->vm, 0);
	self->vcpu = vcpu_create(&self->vm, 0);
	cpuid = cpuid_supported(self->vm.node);
	self->avx = cpuid_find(cpuid, 1, 0)->ecx & LEAF1_ECX_AVX;
	free(cpuid);
}

FIXTURE_TEARDOWN(fpu)
{
	vm_destroy(&self->vm);
}

/* by ioctl: the emulated machine does not intercept XSETBV */
static void set_xcr0(struct vcpu *vcpu, u64 value)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = value };
	struct kvm_sregs sregs;

	vcpu_get_sregs(vcpu, &sregs);
	sregs.cr4 |= CR4_OSXSAVE;
	vcpu_set_sregs(vcpu, &sregs);
	kvm_must(vcpu->fd, KVM_SET_XCRS, &xcrs);
}

static void guest_sse_exit(u64 argument)
{
	fill(&wanted, argument);
	THROUGH_XMM(&wanted, &seen, AN_EXIT);
	GUEST_EXPECT_EQ(16, difference(&wanted, &seen, 16));
}

TEST_F(fpu, sse_over_an_exit)
{
	struct registers own, kept;

	vcpu_set_guest(self->vcpu, guest_sse_exit, 5);
	ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
	ASSERT_EQ(EXIT_PORT, self->vcpu->run->io.port);
	/* other values in the VMM's registers at the time of KVM_RUN change nothing */
	fill(&own, 77);
	THROUGH_XMM(&own, &kept, "");
	EXPECT_EQ(16, difference(&own, &kept, 16));
	call_wait_done(self->vcpu);
}

static void guest_avx_exit(u64 argument)
{
	u32 low, high;

	asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	GUEST_EXPECT_EQ(XCR0_AVX, low);
	GUEST_EXPECT_EQ(0, high);
	fill(&wanted, argument);
	THROUGH_YMM(&wanted, &seen, AN_EXIT);
	GUEST_EXPECT_EQ(16, difference(&wanted, &seen, 32));
}

TEST_F(fpu, avx_over_an_exit_and_in_xsave)
{
	static u8 area[16384] __attribute__((aligned(64)));
	struct registers *copy;
	int i;

	if (!self->avx)
		SKIP(return, "no AVX here");
	vcpu_set_guest(self->vcpu, guest_avx_exit, 6);
	set_xcr0(self->vcpu, XCR0_AVX);
	ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
	ASSERT_EQ(EXIT_PORT, self->vcpu->run->io.port);

	kvm_must(self->vcpu->fd, KVM_GET_XSAVE, area);
	copy = guest_copy(&self->vm, wanted);
	for (i = 0; i < 16; i++) {
		EXPECT_EQ(0, memcmp(copy->ymm[i], area + 160 + 16 * i, 16));
		EXPECT_EQ(0, memcmp(copy->ymm[i] + 16, area + XSAVE_YMM_HIGH + 16 * i, 16));
	}
	/* the guest finds what the VMM puts there */
	memset(area + 160 + 16 * 3, 0x33, 16);
	memset(area + XSAVE_YMM_HIGH + 16 * 12, 0xcc, 16);
	kvm_must(self->vcpu->fd, KVM_SET_XSAVE, area);
	memset(copy->ymm[3], 0x33, 16);
	memset(copy->ymm[12] + 16, 0xcc, 16);
	call_wait_done(self->vcpu);
}

static void guest_without_avx(u64 argument)
{
	GUEST_EXPECT_EQ(VECTOR_UD, GUEST_TRY("vxorps %%ymm0, %%ymm0, %%ymm0", OUTPUTS(), "a"(0)));
}

TEST_F(fpu, xcr0_is_the_guests_inside_and_the_hosts_outside)
{
	struct registers own, kept;

	if (!self->avx)
		SKIP(return, "no AVX here");
	vcpu_set_guest(self->vcpu, guest_without_avx, 0);
	set_xcr0(self->vcpu, XCR0_SSE);
	call_wait_done(self->vcpu);
	fill(&own, 78);
	THROUGH_YMM(&own, &kept, "");
	EXPECT_EQ(16, difference(&own, &kept, 32));
}

static void guest_sse_spins(u64 argument)
{
	u64 i;

	for (i = 0; i < 30; i++) {
		fill(&wanted, i);
		THROUGH_XMM(&wanted, &seen, SPIN);
		GUEST_EXPECT_EQ(16, difference(&wanted, &seen, 16));
	}
}

static void guest_avx_spins(u64 argument)
{
	u64 i;

	for (i = 0; i < 30; i++) {
		fill(&wanted, i);
		THROUGH_YMM(&wanted, &seen, SPIN);
		GUEST_EXPECT_EQ(16, difference(&wanted, &seen, 32));
	}
}

struct rival {
	pthread_t thread;
	bool avx;
	volatile bool stop;
	u64 rounds, errors;
};

/* uses the same registers on the same processor and looks after its own */
static void *rival_run(void *data)
{
	struct rival *rival = data;
	struct registers own, kept;

	while (!rival->stop) {
		fill(&own, 1000 + rival->rounds++);
		if (rival->avx)
			THROUGH_YMM(&own, &kept, SPIN);
		else
			THROUGH_XMM(&own, &kept, SPIN);
		rival->errors += difference(&own, &kept, rival->avx ? 32 : 16) != 16;
	}
	return NULL;
}

static void with_rival(struct __test_metadata *_metadata, struct vcpu *vcpu, bool avx)
{
	struct rival rival = { .avx = avx };
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(cpus), &cpus));
	ASSERT_EQ(0, pthread_create(&rival.thread, NULL, rival_run, &rival));
	call_wait_done(vcpu);
	rival.stop = true;
	pthread_join(rival.thread, NULL);
	EXPECT_LT(1, rival.rounds);
	EXPECT_EQ(0, rival.errors);
}

TEST_F(fpu, sse_against_another_task)
{
	vcpu_set_guest(self->vcpu, guest_sse_spins, 0);
	with_rival(_metadata, self->vcpu, false);
}

TEST_F(fpu, avx_against_another_task)
{
	if (!self->avx)
		SKIP(return, "no AVX here");
	vcpu_set_guest(self->vcpu, guest_avx_spins, 0);
	set_xcr0(self->vcpu, XCR0_AVX);
	with_rival(_metadata, self->vcpu, true);
}

/* stores xmm7 to a device and loads xmm9 from it, in the midst of registers that must stay */
static void guest_sse_mmio(u64 device)
{
	fill(&wanted, 9);
	THROUGH_XMM(&wanted, &seen,
		    "mov $0xd0000000, %%edx\n\t"
		    "movups %%xmm7, (%%rdx)\n\t"
		    "movups 16(%%rdx), %%xmm9\n\t");
	GUEST_EXPECT_EQ(0x1111111111111111, *(u64 *)&seen.ymm[9][0]);
	GUEST_EXPECT_EQ(0x2222222222222222, *(u64 *)&seen.ymm[9][8]);
	*(u64 *)&wanted.ymm[9][0] = 0x1111111111111111;
	*(u64 *)&wanted.ymm[9][8] = 0x2222222222222222;
	GUEST_EXPECT_EQ(16, difference(&wanted, &seen, 16));
}

TEST_F(fpu, emulated_instructions_use_the_guests)
{
	struct kvm_run *run = self->vcpu->run;
	struct registers *copy;
	u8 stored[16] = {};

	vcpu_set_guest(self->vcpu, guest_sse_mmio, MMIO_BASE);
	while (vcpu_run_to_exit(self->vcpu) == KVM_EXIT_MMIO) {
		u64 offset = run->mmio.phys_addr - MMIO_BASE;

		ASSERT_GE(8, run->mmio.len);
		ASSERT_GT(32, offset);
		if (run->mmio.is_write && offset < 16)
			memcpy(stored + offset, run->mmio.data, run->mmio.len);
		else
			memset(run->mmio.data, offset < 24 ? 0x11 : 0x22, 8);
	}
	ASSERT_TRUE(call_of_exit(self->vcpu));
	EXPECT_EQ(CALL_DONE, call_of_exit(self->vcpu)->kind);
	copy = guest_copy(&self->vm, wanted);
	EXPECT_EQ(0, memcmp(stored, copy->ymm[7], 16));
}

TEST_HARNESS_MAIN
