// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory is the VMM's memory: what the VMM does to it with slots, madvise, mmap, munmap and mprotect, a guest
 * sees at once, while it runs; and several vCPUs may fault in one region together.
 */
#include "test.h"
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#define GPA 0x80000000ull
#define SLOT 1
#define WORD_AT(address) (*(volatile u64 *)(address))
#define ABSENT 0xabababababababab	/* what the VMM answers to reads of no memory */

FIXTURE(memory) {
	struct vm vm;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(memory)
{
	vm_create(&self->vm, 0);
	self->vcpu = vcpu_create(&self->vm, 0);
}

FIXTURE_TEARDOWN(memory)
{
	vm_destroy(&self->vm);
}

static void sleep_us(u64 us)
{
	struct timespec t = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

	nanosleep(&t, NULL);
}

/* a thread that runs a vCPU and answers its MMIO, until the guest is done */
static void *run_with_mmio(void *argument)
{
	struct vcpu *vcpu = argument;
	struct kvm_run *run = vcpu->run;

	while (vcpu_run_to_exit(vcpu) == KVM_EXIT_MMIO)
		if (!run->mmio.is_write)
			memset(run->mmio.data, 0xab, 8);
	if (!call_of_exit(vcpu) || call_of_exit(vcpu)->kind != CALL_DONE) {
		vcpu_dump(vcpu);
		die("the guest did not come to its end");
	}
	return NULL;
}

/* shared with the running guest, in its copy */
static struct {
	volatile u64 stop, rounds, present, absent;
} shared;

static void guest_reads(u64 base)
{
	while (!shared.stop) {
		u64 i;

		for (i = 0; i < 8; i++) {
			u64 value = WORD_AT(base + i * PAGE_SIZE);

			GUEST_EXPECT(value == i + 1 || value == ABSENT);
			if (value == ABSENT)
				shared.absent++;
			else
				shared.present++;
			WORD_AT(base + i * PAGE_SIZE + 8) = value;
		}
		shared.rounds++;
	}
}

static u8 *numbered_pages(u32 count)
{
	u8 *memory = host_memory(count * PAGE_SIZE, 2 * MiB);
	u32 i;

	for (i = 0; i < count; i++)
		WORD_AT(memory + i * PAGE_SIZE) = i + 1;
	return memory;
}

TEST_F(memory, delete_and_add_under_a_running_vcpu)
{
	u8 *memory = numbered_pages(8);
	pthread_t thread;
	int i;

	ASSERT_EQ(0, vm_slot(&self->vm, SLOT, 0, GPA, 8 * PAGE_SIZE, memory));
	vcpu_set_guest(self->vcpu, guest_reads, GPA);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_with_mmio, self->vcpu));
	for (i = 0; i < 60; i++) {
		u64 rounds = guest_copy(&self->vm, shared)->rounds;

		ASSERT_EQ(0, vm_slot(&self->vm, SLOT, 0, 0, 0, NULL));
		sleep_us(300 + i * 20);
		ASSERT_EQ(0, vm_slot(&self->vm, SLOT, 0, GPA, 8 * PAGE_SIZE, memory));
		while (guest_copy(&self->vm, shared)->rounds < rounds + 3)
			sleep_us(100);
	}
	guest_copy(&self->vm, shared)->stop = 1;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_LT(0, guest_copy(&self->vm, shared)->present);
	EXPECT_LT(0, guest_copy(&self->vm, shared)->absent);
}

/* two windows; the slot moves from one to the other and back */
static void guest_reads_two(u64 base)
{
	while (!shared.stop) {
		u64 first = WORD_AT(base), second = WORD_AT(base + MiB);

		GUEST_EXPECT(first == 1 || first == ABSENT);
		GUEST_EXPECT(second == 1 || second == ABSENT);
		shared.present += first == 1;
		shared.absent += second == 1;
		shared.rounds++;
	}
}

TEST_F(memory, move_under_a_running_vcpu)
{
	u8 *memory = numbered_pages(8);
	pthread_t thread;
	int i;

	ASSERT_EQ(0, vm_slot(&self->vm, SLOT, 0, GPA, 8 * PAGE_SIZE, memory));
	vcpu_set_guest(self->vcpu, guest_reads_two, GPA);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_with_mmio, self->vcpu));
	for (i = 1; i <= 60; i++) {
		u64 rounds = guest_copy(&self->vm, shared)->rounds;

		ASSERT_EQ(0, vm_slot(&self->vm, SLOT, 0, GPA + i % 2 * MiB, 8 * PAGE_SIZE, memory));
		while (guest_copy(&self->vm, shared)->rounds < rounds + 3)
			sleep_us(100);
	}
	guest_copy(&self->vm, shared)->stop = 1;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_LT(0, guest_copy(&self->vm, shared)->present);
	EXPECT_LT(0, guest_copy(&self->vm, shared)->absent);
}

/* waits in the guest until the host's change shows */
static void guest_awaits(u64 base)
{
	GUEST_EXPECT_EQ(1, WORD_AT(base));
	WORD_AT(base + 8) = 77;
	shared.rounds = 1;
	while (WORD_AT(base) == 1)
		guest_pause();
	guest_sync2(1, WORD_AT(base));
	guest_sync2(2, WORD_AT(base + 8));
}

static void start_awaiting(struct vm *vm, struct runner *runner, u8 *memory)
{
	int ret = vm_slot(vm, SLOT, 0, GPA, 8 * PAGE_SIZE, memory);

	if (ret)
		die("slot: %s", strerror(-ret));
	vcpu_set_guest(vm->vcpus[0], guest_awaits, GPA);
	runner->vcpu = vm->vcpus[0];
}

static void *run_to_call(void *argument)
{
	return (void *)call_wait_sync(argument, 1);
}

TEST_F(memory, discarded_pages_read_as_zero)
{
	u8 *memory = numbered_pages(8);
	struct runner runner;
	void *seen;

	start_awaiting(&self->vm, &runner, memory);
	ASSERT_EQ(0, pthread_create(&runner.thread, NULL, run_to_call, self->vcpu));
	wait_for_word(&guest_copy(&self->vm, shared)->rounds, 1);
	ASSERT_EQ(0, madvise(memory, 8 * PAGE_SIZE, MADV_DONTNEED));
	ASSERT_EQ(0, pthread_join(runner.thread, &seen));
	EXPECT_EQ(NULL, seen);
	EXPECT_EQ(0, call_wait_sync(self->vcpu, 2));
}

TEST_F(memory, replaced_pages_show_the_new_ones)
{
	u8 *memory = numbered_pages(8), *other = numbered_pages(8);
	struct runner runner;
	void *seen;

	WORD_AT(other) = 0x5555;
	start_awaiting(&self->vm, &runner, memory);
	ASSERT_EQ(0, pthread_create(&runner.thread, NULL, run_to_call, self->vcpu));
	wait_for_word(&guest_copy(&self->vm, shared)->rounds, 1);
	ASSERT_NE(MAP_FAILED, mremap(other, 8 * PAGE_SIZE, 8 * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, memory));
	ASSERT_EQ(0, pthread_join(runner.thread, &seen));
	EXPECT_EQ((void *)0x5555, seen);
	EXPECT_EQ(0, call_wait_sync(self->vcpu, 2));
}

TEST_F(memory, writes_of_the_vmm_show)
{
	u8 *memory = numbered_pages(8);
	struct runner runner;
	void *seen;

	start_awaiting(&self->vm, &runner, memory);
	ASSERT_EQ(0, pthread_create(&runner.thread, NULL, run_to_call, self->vcpu));
	wait_for_word(&guest_copy(&self->vm, shared)->rounds, 1);
	EXPECT_EQ(77, WORD_AT(memory + 8));
	WORD_AT(memory) = 0x1234;
	ASSERT_EQ(0, pthread_join(runner.thread, &seen));
	EXPECT_EQ((void *)0x1234, seen);
}

/* a private page after fork: the guest's write must not reach the child */
TEST_F(memory, copy_on_write)
{
	u8 *memory = numbered_pages(8);
	int ready[2], status;
	char byte;
	pid_t pid;

	ASSERT_EQ(0, vm_slot(&self->vm, SLOT, 0, GPA, 8 * PAGE_SIZE, memory));
	ASSERT_EQ(0, pipe(ready));
	vcpu_set_guest(self->vcpu, guest_awaits, GPA);
	pid = fork();
	if (!pid) {
		/* after the guest has written */
		if (read(ready[0], &byte, 1) != 1)
			_exit(1);
		_exit(WORD_AT(memory + 8) ? 2 : 0);
	}
	WORD_AT(memory) = 1;
	self->vcpu->run->immediate_exit = 0;
	/* the guest writes 77, then waits for the word to change: change it from a thread of ours */
	{
		struct runner runner;
		void *seen;

		ASSERT_EQ(0, pthread_create(&runner.thread, NULL, run_to_call, self->vcpu));
		wait_for_word(&guest_copy(&self->vm, shared)->rounds, 1);
		EXPECT_EQ(77, WORD_AT(memory + 8));
		ASSERT_EQ(1, write(ready[1], "x", 1));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
		WORD_AT(memory) = 9;
		ASSERT_EQ(0, pthread_join(runner.thread, &seen));
		EXPECT_EQ((void *)9, seen);
	}
}

/* no memory behind the slot: KVM_RUN says so, and goes on once there is some */
static void guest_touches(u64 base)
{
	guest_sync(1);
	WORD_AT(base) = 5;
	guest_sync(2);
	GUEST_EXPECT_EQ(5, WORD_AT(base));
}

TEST_F(memory, unmapped_memory)
{
	u8 *memory = host_memory(8 * PAGE_SIZE, 2 * MiB);

	ASSERT_EQ(0, vm_slot(&self->vm, SLOT, 0, GPA, 8 * PAGE_SIZE, memory));
	vcpu_set_guest(self->vcpu, guest_touches, GPA);
	call_wait_sync(self->vcpu, 1);
	ASSERT_EQ(0, munmap(memory, 8 * PAGE_SIZE));
	EXPECT_EQ(-EFAULT, vcpu_run(self->vcpu));
	if (vm_has(&self->vm, KVM_CAP_MEMORY_FAULT_INFO)) {
		const struct quire_exit_memory_fault *fault = (void *)&self->vcpu->run->hw;

		EXPECT_EQ(KVM_EXIT_MEMORY_FAULT, self->vcpu->run->exit_reason);
		EXPECT_EQ(GPA, fault->gpa);
		EXPECT_EQ(PAGE_SIZE, fault->size);
	}
	EXPECT_EQ(-EFAULT, vcpu_run(self->vcpu));
	ASSERT_EQ(memory, mmap(memory, 8 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	call_wait_sync(self->vcpu, 2);
	EXPECT_EQ(5, WORD_AT(memory));
	ASSERT_EQ(0, munmap(memory, 8 * PAGE_SIZE));
	EXPECT_EQ(-EFAULT, vcpu_run(self->vcpu));
}

TEST_F(memory, write_protected_memory)
{
	u8 *memory = host_memory(8 * PAGE_SIZE, 2 * MiB);

	ASSERT_EQ(0, vm_slot(&self->vm, SLOT, 0, GPA, 8 * PAGE_SIZE, memory));
	vcpu_set_guest(self->vcpu, guest_touches, GPA);
	call_wait_sync(self->vcpu, 1);
	ASSERT_EQ(0, mprotect(memory, 8 * PAGE_SIZE, PROT_READ));
	EXPECT_EQ(-EFAULT, vcpu_run(self->vcpu));
	EXPECT_EQ(0, WORD_AT(memory));
	ASSERT_EQ(0, mprotect(memory, 8 * PAGE_SIZE, PROT_READ | PROT_WRITE));
	call_wait_sync(self->vcpu, 2);
	call_wait_done(self->vcpu);
	EXPECT_EQ(5, WORD_AT(memory));
}

/* one memory at two places of the guest, and above 4 GiB */
static void guest_alias(u64 base)
{
	WORD_AT(base) = 0x11;
	GUEST_EXPECT_EQ(0x11, WORD_AT(base + MiB));
	WORD_AT(0x700000000008ull) = 0x22;
	GUEST_EXPECT_EQ(0x22, WORD_AT(base + 8));
}

TEST_F(memory, aliases_and_high_addresses)
{
	u8 *memory = host_memory(PAGE_SIZE, PAGE_SIZE);

	ASSERT_EQ(0, vm_slot(&self->vm, 1, 0, GPA, PAGE_SIZE, memory));
	ASSERT_EQ(0, vm_slot(&self->vm, 2, 0, GPA + MiB, PAGE_SIZE, memory));
	ASSERT_EQ(0, vm_slot(&self->vm, 3, 0, (1ull << 39) + 5 * PAGE_SIZE, PAGE_SIZE, memory));
	vcpu_set_guest(self->vcpu, guest_alias, GPA);
	vm_map(&self->vm, 0x700000000000ull, (1ull << 39) + 5 * PAGE_SIZE, PAGE_SIZE, 3);
	call_wait_done(self->vcpu);
	EXPECT_EQ(0x11, WORD_AT(memory));
	EXPECT_EQ(0x22, WORD_AT(memory + 8));
}

/* a file, mapped private: read from it, then written */
static void guest_file(u64 base)
{
	GUEST_EXPECT_EQ(0x6867666564636261, WORD_AT(base));
	WORD_AT(base) = 1;
	GUEST_EXPECT_EQ(1, WORD_AT(base));
}

TEST_F(memory, file_backed)
{
	int fd = syscall(SYS_memfd_create, "file", 0);
	char text[9] = {};
	u8 *memory;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, PAGE_SIZE));
	ASSERT_EQ(8, pwrite(fd, "abcdefgh", 8, 0));
	memory = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, vm_slot(&self->vm, SLOT, 0, GPA, PAGE_SIZE, memory));
	vcpu_set_guest(self->vcpu, guest_file, GPA);
	call_wait_done(self->vcpu);
	EXPECT_EQ(1, WORD_AT(memory));
	ASSERT_EQ(8, pread(fd, text, 8, 0));
	EXPECT_STREQ("abcdefgh", text);
	/* beyond the file's end there is nothing */
	ASSERT_EQ(0, ftruncate(fd, 0));
	ASSERT_EQ(0, madvise(memory, PAGE_SIZE, MADV_DONTNEED));
	vcpu_set_guest(self->vcpu, guest_file, GPA);
	EXPECT_EQ(-EFAULT, vcpu_run(self->vcpu));
}

/* memory of a device: the host maps it without a struct page */

#define FIRMWARE	0xff000ull	/* the last page of the BIOS below 1M, which is no RAM */

static void guest_firmware(u64 base)
{
	u64 i, sum = 0;

	for (i = 0; i < PAGE_SIZE; i += 8)
		sum += WORD_AT(base + i);
	guest_sync2(1, sum);
	/* read-only to the VMM, and so to the guest */
	WORD_AT(base) = 1;
}

TEST_F(memory, device_pages)
{
	int fd = open("/dev/mem", O_RDONLY);
	u64 i, sum = 0;
	u8 *memory;

	if (fd < 0)
		SKIP(return, "no /dev/mem");
	memory = mmap(NULL, PAGE_SIZE, PROT_READ, MAP_SHARED, fd, FIRMWARE);
	if (memory == MAP_FAILED)
		SKIP(return, "the firmware cannot be mapped");
	for (i = 0; i < PAGE_SIZE; i += 8)
		sum += WORD_AT(memory + i);
	ASSERT_NE(0, sum);
	ASSERT_EQ(0, vm_slot(&self->vm, SLOT, 0, GPA, PAGE_SIZE, memory));
	vcpu_set_guest(self->vcpu, guest_firmware, GPA);
	EXPECT_EQ(sum, call_wait_sync(self->vcpu, 1));
	EXPECT_EQ(-EFAULT, vcpu_run(self->vcpu));
	/* it goes away like any other */
	ASSERT_EQ(0, munmap(memory, PAGE_SIZE));
	vcpu_set_guest(self->vcpu, guest_firmware, GPA);
	EXPECT_EQ(-EFAULT, vcpu_run(self->vcpu));
}

/* huge pages */

#define HUGE_SIZE (8 * MiB)

static void guest_fills(u64 base)
{
	u64 i;

	for (i = 0; i < HUGE_SIZE; i += PAGE_SIZE)
		WORD_AT(base + i) = i + 1;
	guest_sync(1);
	for (i = 0; i < HUGE_SIZE; i += PAGE_SIZE)
		GUEST_EXPECT_EQ(i == 5 * PAGE_SIZE || i == 2 * MiB ? 0 : i + 1, WORD_AT(base + i));
	guest_sync(2);
	for (i = 0; i < HUGE_SIZE; i += PAGE_SIZE)
		WORD_AT(base + i) = i + 2;
}

static void check_huge(struct __test_metadata *_metadata, struct vcpu *vcpu, u8 *memory, u64 unit)
{
	u64 i;

	ASSERT_EQ(0, vm_slot(vcpu->vm, SLOT, 0, GPA, HUGE_SIZE, memory));
	vcpu_set_guest(vcpu, guest_fills, GPA);
	call_wait_sync(vcpu, 1);
	for (i = 0; i < HUGE_SIZE; i += PAGE_SIZE)
		ASSERT_EQ(i + 1, WORD_AT(memory + i));
	/* holes in the middle and at a boundary */
	if (unit == PAGE_SIZE) {
		ASSERT_EQ(0, madvise(memory + 5 * PAGE_SIZE, PAGE_SIZE, MADV_DONTNEED));
		ASSERT_EQ(0, madvise(memory + 2 * MiB, PAGE_SIZE, MADV_DONTNEED));
	} else {
		WORD_AT(memory + 5 * PAGE_SIZE) = 0;
		WORD_AT(memory + 2 * MiB) = 0;
	}
	call_wait_sync(vcpu, 2);
	/* one page of the VMM's is read-only for a while, in the midst of a huge one */
	ASSERT_EQ(0, mprotect(memory + 4 * MiB, unit, PROT_READ));
	EXPECT_EQ(-EFAULT, vcpu_run(vcpu));
	ASSERT_EQ(0, mprotect(memory + 4 * MiB, unit, PROT_READ | PROT_WRITE));
	call_wait_done(vcpu);
	for (i = 0; i < HUGE_SIZE; i += PAGE_SIZE)
		ASSERT_EQ(i + 2, WORD_AT(memory + i));
}

TEST_F(memory, transparent_huge_pages)
{
	u8 *memory = host_memory(HUGE_SIZE, 2 * MiB);

	madvise(memory, HUGE_SIZE, MADV_HUGEPAGE);
	check_huge(_metadata, self->vcpu, memory, PAGE_SIZE);
}

TEST_F(memory, huge_pages_off_alignment)
{
	u8 *memory = host_memory(HUGE_SIZE + 2 * MiB, 2 * MiB);

	/* gpa and hva differ modulo 2 MiB: 4 KiB mappings only */
	madvise(memory, HUGE_SIZE + 2 * MiB, MADV_HUGEPAGE);
	check_huge(_metadata, self->vcpu, memory + PAGE_SIZE, PAGE_SIZE);
}

static bool reserve_huge_pages(const char *count)
{
	int fd = open("/proc/sys/vm/nr_hugepages", O_WRONLY);
	bool good = fd >= 0 && write(fd, count, strlen(count)) > 0;

	close(fd);
	return good;
}

TEST_F(memory, hugetlb_pages)
{
	u8 *memory;

	if (!reserve_huge_pages("8"))
		SKIP(return, "no hugetlb pages here");
	memory = mmap(NULL, HUGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (memory == MAP_FAILED)
		SKIP(return, "no hugetlb pages to be had");
	check_huge(_metadata, self->vcpu, memory, 2 * MiB);
	vm_slot(&self->vm, SLOT, 0, 0, 0, NULL);
	munmap(memory, HUGE_SIZE);
	reserve_huge_pages("0");
}

/* several vCPUs */

#define CPUS 4
#define REGION_PAGES 4096

static void guest_increments(u64 base)
{
	u64 i;

	__atomic_fetch_add(&shared.rounds, 1, __ATOMIC_SEQ_CST);
	while (shared.rounds < CPUS)
		guest_pause();
	for (i = 0; i < REGION_PAGES; i++)
		__atomic_fetch_add((u64 *)(base + i * PAGE_SIZE), 1, __ATOMIC_SEQ_CST);
}

TEST_F_TIMEOUT(memory, four_vcpus_fault_one_region, 120)
{
	u8 *memory = host_memory(REGION_PAGES * PAGE_SIZE, 2 * MiB);
	struct runner runner[CPUS];
	int i, advice;

	for (i = 1; i < CPUS; i++)
		vcpu_create(&self->vm, i);
	for (advice = 0; advice < 2; advice++) {
		madvise(memory, REGION_PAGES * PAGE_SIZE, advice ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
		ASSERT_EQ(0, vm_slot(&self->vm, SLOT, 0, GPA, REGION_PAGES * PAGE_SIZE, memory));
		guest_copy(&self->vm, shared)->rounds = 0;
		for (i = 0; i < CPUS; i++) {
			vcpu_set_guest(self->vm.vcpus[i], guest_increments, GPA);
			runner_start(&runner[i], self->vm.vcpus[i]);
		}
		for (i = 0; i < CPUS; i++)
			runner_join(&runner[i]);
		for (i = 0; i < REGION_PAGES; i++)
			ASSERT_EQ(CPUS, WORD_AT(memory + i * PAGE_SIZE));
		ASSERT_EQ(0, vm_slot(&self->vm, SLOT, 0, 0, 0, NULL));
		ASSERT_EQ(0, madvise(memory, REGION_PAGES * PAGE_SIZE, MADV_DONTNEED));
	}
}

/* guests write while the host splits, collapses, protects and moves their pages: nothing is lost */
static void guest_counts_up(u64 base)
{
	u64 own = base + guest_this_cpu()->id * 8, i;

	while (!shared.stop) {
		for (i = 0; i < 1024; i++) {
			GUEST_EXPECT_EQ(0, WORD_AT(own + 16 + i * PAGE_SIZE));
			WORD_AT(own + i * PAGE_SIZE)++;
		}
		for (i = 1; i < 1024; i++)
			GUEST_EXPECT_EQ(WORD_AT(own), WORD_AT(own + i * PAGE_SIZE));
	}
}

TEST_F_TIMEOUT(memory, churn_by_the_host, 60)
{
	u64 size = 1024 * PAGE_SIZE;
	u8 *memory = host_memory(size, 2 * MiB);
	struct runner runner[2];
	int i;

	vcpu_create(&self->vm, 1);
	ASSERT_EQ(0, vm_slot(&self->vm, SLOT, 0, GPA, size, memory));
	for (i = 0; i < 2; i++) {
		vcpu_set_guest(self->vm.vcpus[i], guest_counts_up, GPA);
		runner_start(&runner[i], self->vm.vcpus[i]);
	}
	for (i = 0; i < 16; i++) {
		int fd;

		switch (i % 4) {
		case 0:
			madvise(memory, size, MADV_HUGEPAGE);
			madvise(memory, size, 25 /* MADV_COLLAPSE */);
			break;
		case 1:
			mprotect(memory + i * PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC);
			mprotect(memory + i * PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_WRITE);
			break;
		case 2:
			fd = open("/proc/sys/vm/compact_memory", O_WRONLY);
			if (fd >= 0 && write(fd, "1", 1) < 0)
				TH_LOG("no compaction");
			close(fd);
			break;
		case 3:
			madvise(memory, size, 20 /* MADV_COLD */);
			break;
		}
		sleep_us(2000);
	}
	guest_copy(&self->vm, shared)->stop = 1;
	for (i = 0; i < 2; i++)
		runner_join(&runner[i]);
	for (i = 1; i < 1024; i++) {
		ASSERT_EQ(WORD_AT(memory), WORD_AT(memory + i * PAGE_SIZE));
		ASSERT_EQ(WORD_AT(memory + 8), WORD_AT(memory + i * PAGE_SIZE + 8));
	}
	EXPECT_LT(0, WORD_AT(memory));
}

/* the dirty log */

static void guest_dirties(u64 base)
{
	u64 i;

	for (i = 0; i < 64; i++)
		WORD_AT(base + i * PAGE_SIZE);
	guest_sync(1);
	for (i = 0; i < 64; i += 3)
		WORD_AT(base + i * PAGE_SIZE) = i;
	guest_sync(2);
	guest_sync(3);
	WORD_AT(base + 7 * PAGE_SIZE) = 1;
}

TEST_F(memory, dirty_log)
{
	u8 *memory = host_memory(64 * PAGE_SIZE, 2 * MiB);
	u64 bitmap = ~0ull, expected = 0;
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = &bitmap };
	int i;

	if (vm_slot(&self->vm, SLOT, KVM_MEM_LOG_DIRTY_PAGES, GPA, 64 * PAGE_SIZE, memory))
		SKIP(return, "KVM_MEM_LOG_DIRTY_PAGES is not offered");
	vcpu_set_guest(self->vcpu, guest_dirties, GPA);
	call_wait_sync(self->vcpu, 1);
	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_GET_DIRTY_LOG, &log));
	EXPECT_EQ(0, bitmap);
	call_wait_sync(self->vcpu, 2);
	for (i = 0; i < 64; i += 3)
		expected |= 1ull << i;
	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_GET_DIRTY_LOG, &log));
	EXPECT_EQ(expected, bitmap);
	call_wait_sync(self->vcpu, 3);
	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_GET_DIRTY_LOG, &log));
	EXPECT_EQ(0, bitmap);
	call_wait_done(self->vcpu);
	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_GET_DIRTY_LOG, &log));
	EXPECT_EQ(1ull << 7, bitmap);
	/* off again, and asked for all the same */
	ASSERT_EQ(0, vm_slot(&self->vm, SLOT, 0, GPA, 64 * PAGE_SIZE, memory));
	EXPECT_EQ(-ENOENT, kvm_ioctl(self->vm.fd, KVM_GET_DIRTY_LOG, &log));
	log.slot = 9;
	EXPECT_EQ(-ENOENT, kvm_ioctl(self->vm.fd, KVM_GET_DIRTY_LOG, &log));
	log.slot = 0x7fff;
	EXPECT_GT(0, kvm_ioctl(self->vm.fd, KVM_GET_DIRTY_LOG, &log));
}

TEST_HARNESS_MAIN
