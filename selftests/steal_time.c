// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steal time (KVM_FEATURE_STEAL_TIME): the time for which a vCPU waited, whether it runs, and flushes of the TLB that
 * wait until it does (KVM_FEATURE_PV_TLB_FLUSH). The machine has one CPU, so of two vCPUs one never runs.
 */
#include "test.h"
#include "pv.h"
#include "runner.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RESERVED	0x3eull

FIXTURE(steal) {
	struct vm vm;
	struct runner runner[2];
};

FIXTURE_SETUP(steal)
{
	vm_create(&self->vm, VM_SPLIT_IRQCHIP);
	vcpu_create(&self->vm, 0);
	vcpu_create(&self->vm, 1);
	if (!pv_offered(&self->vm, KVM_FEATURE_STEAL_TIME))
		SKIP(return, "this kernel does not account the time that tasks wait");
}

FIXTURE_TEARDOWN(steal)
{
	vm_destroy(&self->vm);
}

/* in the guest's copy */
static volatile struct kvm_steal_time records[2] __attribute__((aligned(64)));
static volatile u64 ready, turn;

static u64 record_msr(int cpu)
{
	return (u64)&records[cpu] | KVM_MSR_ENABLED;
}

/* --- the MSR --- */

static void guest_msr(u64 argument)
{
	u64 bit;

	GUEST_EXPECT_EQ(0, guest_rdmsr(MSR_KVM_STEAL_TIME));
	for (bit = 2; bit < 64; bit <<= 1)
		GUEST_EXPECT_EQ(13, guest_try_wrmsr(MSR_KVM_STEAL_TIME, record_msr(0) | bit));
	GUEST_EXPECT_EQ(0, guest_rdmsr(MSR_KVM_STEAL_TIME));
	/* an address without memory is the guest's own loss */
	guest_wrmsr(MSR_KVM_STEAL_TIME, MMIO_BASE | 1);
	guest_sync(1);
	guest_wrmsr(MSR_KVM_STEAL_TIME, record_msr(0));
	GUEST_EXPECT_EQ(record_msr(0), guest_rdmsr(MSR_KVM_STEAL_TIME));
	guest_sync(2);
	guest_wrmsr(MSR_KVM_STEAL_TIME, 0);
	records[0].version = 77;
	guest_sync(3);
	GUEST_EXPECT_EQ(77, records[0].version);
	GUEST_EXPECT_EQ(0, records[0].preempted);
}

TEST_F(steal, msr)
{
	struct vcpu *vcpu = self->vm.vcpus[0];
	u64 value;

	EXPECT_TRUE(pv_msr_listed(&self->vm, MSR_KVM_STEAL_TIME));
	EXPECT_EQ(0, vcpu_set_msr(vcpu, MSR_KVM_STEAL_TIME, RESERVED | record_msr(0)));
	vcpu_set_guest(vcpu, guest_msr, 0);
	call_wait_sync(vcpu, 1);
	call_wait_sync(vcpu, 2);
	ASSERT_EQ(1, vcpu_get_msr(vcpu, MSR_KVM_STEAL_TIME, &value));
	EXPECT_EQ(record_msr(0), value);
	call_wait_sync(vcpu, 3);
	call_wait_done(vcpu);
}

/* --- the time --- */

static void guest_times(u64 argument)
{
	u32 version;

	guest_wrmsr(MSR_KVM_STEAL_TIME, record_msr(0));
	guest_sync2(1, records[0].steal);
	GUEST_EXPECT(records[0].version && !(records[0].version & 1));
	GUEST_EXPECT_EQ(0, records[0].flags);
	version = records[0].version;
	guest_sync2(2, records[0].steal);
	GUEST_EXPECT(records[0].version > version && !(records[0].version & 1));
	guest_sync2(3, records[0].steal);
}

/* ns that this thread was runnable and did not run */
static u64 waited(void)
{
	char path[64], text[128] = "";
	unsigned long ran, wait;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%ld/schedstat", syscall(SYS_gettid));
	file = fopen(path, "r");
	if (!file || !fgets(text, sizeof(text), file) || sscanf(text, "%lu %lu", &ran, &wait) != 2)
		die("cannot read %s", path);
	fclose(file);
	return wait;
}

static void *thief(void *stop)
{
	while (!*(volatile bool *)stop)
		;
	return NULL;
}

TEST_F(steal, time)
{
	struct vcpu *vcpu = self->vm.vcpus[0];
	u64 first, begin, stolen, end;
	bool stop = false;
	pthread_t thread;

	vcpu_set_guest(vcpu, guest_times, 0);
	call_wait_sync(vcpu, 1);
	begin = waited();
	first = call_wait_sync(vcpu, 2);
	ASSERT_EQ(0, pthread_create(&thread, NULL, thief, &stop));
	while (waited() - begin < 20000000)
		sched_yield();
	stop = true;
	pthread_join(thread, NULL);
	end = waited();
	stolen = call_wait_sync(vcpu, 3) - first;
	TH_LOG("waited %lu ns, stolen %lu ns", (long)(end - begin), (long)stolen);
	EXPECT_LE(20000000 / 2, stolen);
	EXPECT_LE(stolen, waited() - begin);
	call_wait_done(vcpu);
}

/* a new vCPU in another VM, with the memory and the MSR of the old one, goes on where that stopped */
TEST_F(steal, saved_and_restored)
{
	struct kvm_steal_time *record = (void *)guest_copy(&self->vm, records[0]);
	struct vcpu *vcpu = self->vm.vcpus[0];

	record->steal = 1ull << 40;
	record->version = 8;
	ASSERT_EQ(1, vcpu_set_msr(vcpu, MSR_KVM_STEAL_TIME, record_msr(0)));
	vcpu_set_guest(vcpu, guest_times, 0);
	EXPECT_LE(1ull << 40, call_wait_sync(vcpu, 1));
	EXPECT_GT((1ull << 40) + 10000000000ull, record->steal);
	EXPECT_LT(8, record->version);
}

/* --- who runs --- */

static void guest_runs(u64 argument)
{
	guest_wrmsr(MSR_KVM_STEAL_TIME, record_msr(0));
	guest_sync(1);
	GUEST_EXPECT_EQ(0, records[0].preempted);
	guest_sync(2);
	GUEST_EXPECT_EQ(0, records[0].preempted);
}

TEST_F(steal, not_running_in_user_space)
{
	volatile struct kvm_steal_time *record = guest_copy(&self->vm, records[0]);
	struct vcpu *vcpu = self->vm.vcpus[0];

	vcpu_set_guest(vcpu, guest_runs, 0);
	call_wait_sync(vcpu, 1);
	/* it left before it had a record that said otherwise, or after */
	call_wait_sync(vcpu, 2);
	EXPECT_EQ(KVM_VCPU_PREEMPTED, record->preempted);
	call_wait_done(vcpu);
}

/* one runs, so the other does not: preempted, and later halted */
static void guest_watches(u64 argument)
{
	u64 i, begin;

	guest_wrmsr(MSR_KVM_STEAL_TIME, record_msr(0));
	while (!ready)
		guest_pause();
	for (i = 0; i < 20; i++) {
		begin = turn;
		while (turn == begin)
			GUEST_EXPECT_EQ(0, records[0].preempted);
		/* it was interrupted, and not asked whether it would like to be */
		GUEST_EXPECT_EQ(KVM_VCPU_PREEMPTED, records[1].preempted);
	}
	ready = 2;
	while (ready != 3)
		guest_pause();
	GUEST_EXPECT_EQ(KVM_VCPU_PREEMPTED, records[1].preempted);
	guest_hypercall(HC_KICK_CPU, 0, 1, 0, 0);
}

static void guest_is_watched(u64 argument)
{
	guest_wrmsr(MSR_KVM_STEAL_TIME, record_msr(1));
	ready = 1;
	while (ready != 2) {
		GUEST_EXPECT_EQ(0, records[1].preempted);
		turn++;
	}
	ready = 3;
	guest_hlt();
	GUEST_EXPECT_EQ(0, records[1].preempted);
}

TEST_F(steal, not_running_while_another_does)
{
	int i;

	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		SKIP(return, "on several CPUs both run");
	vcpu_set_guest(self->vm.vcpus[0], guest_watches, 0);
	vcpu_set_guest(self->vm.vcpus[1], guest_is_watched, 0);
	vcpu_make_runnable(self->vm.vcpus[1]);
	for (i = 0; i < 2; i++)
		runner_start(&self->runner[i], self->vm.vcpus[i]);
	for (i = 0; i < 2; i++)
		runner_join(&self->runner[i]);
}

/* --- a flush that waits --- */

#define WINDOW	0x40000000ull	/* a gva that the test maps itself */

static void guest_reads_window(u64 argument)
{
	guest_wrmsr(MSR_KVM_STEAL_TIME, record_msr(0));
	guest_sync2(1, *(volatile u64 *)WINDOW);
	guest_sync2(2, *(volatile u64 *)WINDOW);
	GUEST_EXPECT_EQ(0, records[0].preempted);
	guest_sync(3);
	GUEST_EXPECT_EQ(0, records[0].preempted);
}

TEST_F(steal, flush)
{
	u64 first = TABLES_BASE - 2 * PAGE_SIZE, second = TABLES_BASE - PAGE_SIZE;
	volatile struct kvm_steal_time *record = guest_copy(&self->vm, records[0]);
	struct vcpu *vcpu = self->vm.vcpus[0];

	ASSERT_TRUE(pv_offered(&self->vm, KVM_FEATURE_PV_TLB_FLUSH));
	vcpu_set_guest(vcpu, guest_reads_window, 0);
	*(u64 *)vm_hva(&self->vm, first) = 1;
	*(u64 *)vm_hva(&self->vm, second) = 2;
	vm_map(&self->vm, WINDOW, first, PAGE_SIZE, 3);
	ASSERT_EQ(1, call_wait_sync(vcpu, 1));
	/* as another vCPU does it: first the table, then the flag */
	*vm_pte(&self->vm, WINDOW) = second | 3;
	ASSERT_EQ(KVM_VCPU_PREEMPTED, record->preempted);
	record->preempted |= KVM_VCPU_FLUSH_TLB;
	EXPECT_EQ(2, call_wait_sync(vcpu, 2));
	/* the flag without the other is an odd guest's, which gets its flush too */
	record->preempted = KVM_VCPU_FLUSH_TLB;
	call_wait_sync(vcpu, 3);
	call_wait_done(vcpu);
}

/* --- the record is written like any other memory: a log tells --- */

#define LOGGED	0x80000000ull

static void guest_logged(u64 argument)
{
	guest_wrmsr(MSR_KVM_STEAL_TIME, LOGGED | KVM_MSR_ENABLED);
	guest_sync(1);
	guest_sync(2);
	guest_wrmsr(MSR_KVM_STEAL_TIME, 0);
	guest_sync(3);
}

TEST_F(steal, is_logged)
{
	struct kvm_dirty_log log = { .slot = 1 };
	struct vcpu *vcpu = self->vm.vcpus[0];
	u8 *memory = host_memory(16 * PAGE_SIZE, PAGE_SIZE);
	u64 bits[4] = { 0 };

	ASSERT_EQ(0, vm_slot(&self->vm, 1, KVM_MEM_LOG_DIRTY_PAGES, LOGGED, 16 * PAGE_SIZE, memory));
	log.dirty_bitmap = bits;
	vcpu_set_guest(vcpu, guest_logged, 0);
	call_wait_sync(vcpu, 1);
	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_GET_DIRTY_LOG, &log));
	EXPECT_EQ(1, bits[0]);
	call_wait_sync(vcpu, 2);
	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_GET_DIRTY_LOG, &log));
	EXPECT_EQ(1, bits[0]);
	call_wait_sync(vcpu, 3);
	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_GET_DIRTY_LOG, &log));
	/* when it took the record away it had just begun to run again */
	EXPECT_EQ(1, bits[0]);
	call_wait_done(vcpu);
	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_GET_DIRTY_LOG, &log));
	EXPECT_EQ(0, bits[0]);
	ASSERT_EQ(0, vm_slot(&self->vm, 1, 0, LOGGED, 0, memory));
	munmap(memory, 16 * PAGE_SIZE);
}

TEST_HARNESS_MAIN
