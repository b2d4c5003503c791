// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deadlines in time: with timer_advance_ns the host's timer fires early, so that the guest's handler is less late, and
 * never before the deadline, whether the guest sleeps or runs.
 */
#include "test.h"
#include "apic.h"
#include "pv.h"

#define VECTOR		0x51
#define ROUNDS		100
#define WAIT_TICKS	3000000
#define LONG_NS		3000000

FIXTURE(advance) {
	struct vm vm;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(advance)
{
	struct kvm_cpuid2 *cpuid;

	vm_create(&self->vm, VM_SPLIT_IRQCHIP);
	self->vcpu = vcpu_create(&self->vm, 0);
	cpuid = cpuid_supported(self->vm.node);
	cpuid_find(cpuid, 1, 0)->ecx |= 1 << 24;
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_SET_CPUID2, cpuid));
	free(cpuid);
}

FIXTURE_TEARDOWN(advance)
{
	vm_destroy(&self->vm);
}

/* in the guest's copy */
static volatile u64 came_at, late[ROUNDS];

static void on_timer(struct guest_frame *frame)
{
	came_at = guest_rdtsc();
	guest_apic_write(APIC_EOI, 0);
}

static void guest_meets_deadlines(u64 sleeps)
{
	u64 i, deadline;

	guest_handlers[VECTOR] = on_timer;
	guest_apic_enable(true);
	guest_apic_write(APIC_LVTT, LVT_DEADLINE | VECTOR);
	for (i = 0; i < ROUNDS; i++) {
		came_at = 0;
		deadline = guest_rdtsc() + WAIT_TICKS;
		guest_wrmsr(MSR_TSC_DEADLINE, deadline);
		while (!came_at) {
			if (sleeps) {
				guest_sti_hlt();
			} else {
				guest_sti();
				guest_nop();
			}
			guest_cli();
		}
		GUEST_EXPECT(came_at >= deadline);
		late[i] = came_at - deadline;
	}
}

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/* ticks, of the later half, when it has learnt */
static u64 median_late(struct vm *vm, bool sleeps)
{
	u64 values[ROUNDS / 2];

	vcpu_set_guest(vm->vcpus[0], guest_meets_deadlines, sleeps);
	call_wait_done(vm->vcpus[0]);
	memcpy(values, (u64 *)*guest_copy(vm, late) + ROUNDS / 2, sizeof(values));
	qsort(values, ROUNDS / 2, sizeof(u64), compare);
	return values[ROUNDS / 4];
}

/* the machine's own noise may spoil one comparison, not three */
static bool less_late(struct vm *vm, bool sleeps)
{
	u64 without, with;
	int i;

	for (i = 0; i < 3; i++) {
		set_parameter("timer_advance_ns", 0);
		without = median_late(vm, sleeps);
		set_parameter("timer_advance_ns", LONG_NS);
		with = median_late(vm, sleeps);
		fprintf(stderr, "# %s: %lu ticks late without, %lu with\n", sleeps ? "asleep" : "awake", (long)without,
			(long)with);
		if (with < without / 4 * 3)
			return true;
	}
	return false;
}

TEST_F(advance, never_early)
{
	long old = set_parameter("timer_advance_ns", 0);

	if (old < 0)
		SKIP(return, "the module has no such parameter");
	EXPECT_TRUE(less_late(&self->vm, false));
	EXPECT_TRUE(less_late(&self->vm, true));
	set_parameter("timer_advance_ns", old);
}

TEST_HARNESS_MAIN
