// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the operations of a hypervisor cost in instructions. To be run in a machine whose time stamp counter counts
 * instructions (the emulated machine with --det); elsewhere the numbers are cycles, and noisy.
 *
 * Prints lines of "metric<TAB>count" and nothing else on stdout. Each count is a median over many rounds, so that
 * timer ticks do not show. Exits and faults are measured by the guest, from one instruction before to one after.
 * What waits for grace periods (slots, VMs) is measured as CPU time of the calling thread, in which waiting does not
 * count; work that the kernel puts off to other threads does not count either.
 *
 * Memory is what the whole machine has less of after a slot of 1 GiB was added and touched by the guest, beyond the
 * pages of the slot themselves, which were there before: page tables and slot bookkeeping, in bytes per GiB. For 2 MiB
 * pages it is measured over many slots that show the same memory, or the number would drown in the allocator's caches.
 */
#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define HIGH_GVA	(1ull << 39)	/* gva HIGH_GVA + x is gpa x, by 1 GiB pages */
#define REGION		(4 * GiB)	/* gpa of the memory that is faulted in */
#define REGION_SLOT	1
#define ROUNDS		501
#define BATCH		512		/* pages of one table */
#define ALIASES		64

static struct vm vm;
static struct vcpu *vcpu;

/* in the guest's copy */
static volatile u64 samples[4096];

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static u64 median(u64 *values, u32 count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

static void print(const char *metric, u64 value)
{
	printf("%s\t%lu\n", metric, (long)value);
	fflush(stdout);
}

static u64 guest_median(u32 count)
{
	static u64 copy[4096];

	memcpy(copy, (void *)guest_copy(&vm, samples), count * sizeof(u64));
	return median(copy, count);
}

/* exits */

#define GUEST_LOOP(name, instruction, ...)						\
static void name(u64 argument)								\
{											\
	u64 i, start;									\
											\
	for (i = 0; i < ROUNDS; i++) {							\
		start = guest_rdtsc();							\
		asm volatile(instruction : : __VA_ARGS__ : "rax", "rbx", "rcx", "rdx", "memory"); \
		samples[i] = guest_rdtsc() - start;					\
	}										\
}

GUEST_LOOP(guest_cpuid_loop, "xor %%eax, %%eax; xor %%ecx, %%ecx; cpuid", "i"(0))
GUEST_LOOP(guest_rdmsr_loop, "mov $0x1b, %%ecx; rdmsr", "i"(0))
GUEST_LOOP(guest_out_loop, "out %%al, $0x80", "i"(0))
GUEST_LOOP(guest_mmio_loop, "movl $1, (%0)", "r"(MMIO_BASE))

/* runs to the end of the guest function, through exits that need no answer */
static void run(void (*function)(u64), u64 argument)
{
	vcpu_set_guest(vcpu, function, argument);
	for (;;) {
		struct guest_call *call;

		if (vcpu_run(vcpu) < 0)
			die("KVM_RUN");
		call = call_of_exit(vcpu);
		if (call && call->kind == CALL_DONE)
			return;
		if (call)
			die("the guest failed: %s", call->text);
	}
}

static void bench_exits(void)
{
	run(guest_out_loop, 0);
	print("exit_out_user", guest_median(ROUNDS));
	run(guest_cpuid_loop, 0);
	print("exit_cpuid", guest_median(ROUNDS));
	run(guest_rdmsr_loop, 0);
	print("exit_rdmsr", guest_median(ROUNDS));
	run(guest_mmio_loop, 0);
	print("exit_mmio_user", guest_median(ROUNDS));
}

/* faults */

/* writes to each 4 KiB page of that many batches in REGION; a sample is the cost per page of one batch */
static void guest_touch(u64 batches)
{
	u64 i, j, start;

	for (i = 0; i < batches; i++) {
		volatile u64 *page = (void *)(HIGH_GVA + REGION + i * BATCH * PAGE_SIZE);

		start = guest_rdtsc();
		for (j = 0; j < BATCH; j++)
			page[j * PAGE_SIZE / 8] = j;
		samples[i % 4096] = (guest_rdtsc() - start) / BATCH;
	}
}

static void region_set(void *memory, u64 size)
{
	int ret = vm_slot(&vm, REGION_SLOT, 0, REGION, size, memory);

	if (ret)
		die("slot: %s", strerror(-ret));
}

static void bench_fault(const char *metric, int advice, bool prefault)
{
	u64 size = 64 * MiB;
	u8 *memory = host_memory(size, 2 * MiB);

	madvise(memory, size, advice);
	if (prefault)
		memset(memory, 1, size);
	region_set(memory, size);
	run(guest_touch, size / (BATCH * PAGE_SIZE));
	print(metric, guest_median(size / (BATCH * PAGE_SIZE)));
	region_set(memory, 0);
	munmap(memory, size);
}

static u64 cpu_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* the host takes pages away that the guest has mapped */
static void bench_unmap(void)
{
	u64 size = 64 * MiB, count = size / (BATCH * PAGE_SIZE), values[64], i;
	u8 *memory = host_memory(size, 2 * MiB);

	madvise(memory, size, MADV_NOHUGEPAGE);
	region_set(memory, size);
	run(guest_touch, count);
	for (i = 0; i < count; i++) {
		u64 start = cpu_time();

		madvise(memory + i * BATCH * PAGE_SIZE, BATCH * PAGE_SIZE, MADV_DONTNEED);
		values[i] = (cpu_time() - start) / BATCH;
	}
	print("unmap_4k_mapped", median(values, count));
	region_set(memory, 0);
	munmap(memory, size);
}

/* slots */

static u64 timed_slot(u32 slot, u32 flags, u64 gpa, u64 size, void *memory)
{
	u64 start = cpu_time();
	int ret = vm_slot(&vm, slot, flags, gpa, size, memory);

	return ret ? ~0ull : cpu_time() - start;
}

#define SLOT_ROUNDS 101

static void bench_slots(void)
{
	static u64 add[SLOT_ROUNDS], move[SLOT_ROUNDS], flags[SLOT_ROUNDS], delete[SLOT_ROUNDS];
	u64 size = 2 * MiB, i;
	u8 *memory = host_memory(size, size);

	/* among some others, as in a real machine */
	for (i = 0; i < 30; i++)
		timed_slot(32 + i, 0, REGION + (i + 8) * size, size, memory);
	for (i = 0; i < SLOT_ROUNDS; i++) {
		add[i] = timed_slot(REGION_SLOT, 0, REGION, size, memory);
		move[i] = timed_slot(REGION_SLOT, 0, REGION + size, size, memory);
		flags[i] = timed_slot(REGION_SLOT, KVM_MEM_LOG_DIRTY_PAGES, REGION + size, size, memory);
		delete[i] = timed_slot(REGION_SLOT, 0, 0, 0, memory);
	}
	print("slot_add", median(add, SLOT_ROUNDS));
	print("slot_move", median(move, SLOT_ROUNDS));
	if (flags[0] != ~0ull)
		print("slot_flags", median(flags, SLOT_ROUNDS));
	print("slot_delete", median(delete, SLOT_ROUNDS));
	for (i = 0; i < 30; i++)
		timed_slot(32 + i, 0, 0, 0, memory);
	munmap(memory, size);
}

/* VMs and vCPUs */

#define VM_ROUNDS 31

static void bench_life(void)
{
	u64 create[VM_ROUNDS], vcpus[VM_ROUNDS], destroy[VM_ROUNDS], start;
	int node = node_open(), i;

	for (i = 0; i < VM_ROUNDS; i++) {
		int fd, vcpu_fd;

		start = cpu_time();
		fd = kvm_must(node, KVM_CREATE_VM, NULL);
		create[i] = cpu_time() - start;
		start = cpu_time();
		vcpu_fd = kvm_ioctl_n(fd, KVM_CREATE_VCPU, 0);
		vcpus[i] = cpu_time() - start;
		start = cpu_time();
		close(vcpu_fd);
		close(fd);
		destroy[i] = cpu_time() - start;
	}
	print("vm_create", median(create, VM_ROUNDS));
	print("vcpu_create", median(vcpus, VM_ROUNDS));
	print("vm_destroy", median(destroy, VM_ROUNDS));
	close(node);
}

/* memory */

static u64 free_bytes(void)
{
	static char text[8192];
	FILE *file;
	char *line;
	size_t length;

	/* counters of all CPUs summed up first */
	file = fopen("/proc/sys/vm/stat_refresh", "w");
	if (file) {
		fputs("1\n", file);
		fclose(file);
	}
	file = fopen("/proc/meminfo", "r");
	if (!file)
		die("no /proc/meminfo");
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = 0;
	line = strstr(text, "MemFree:");
	return line ? strtoull(line + 8, NULL, 10) * 1024 : 0;
}

/* touches one word per @step bytes in [REGION, REGION + size) */
static struct { u64 size, step; } sweep;

static void guest_sweep(u64 argument)
{
	u64 offset;

	for (offset = 0; offset < sweep.size; offset += sweep.step)
		*(volatile u64 *)(HIGH_GVA + REGION + offset) = 1;
}

static void bench_memory(const char *metric, int advice, u64 step, u32 aliases)
{
	u64 size = GiB, before, after;
	u8 *memory = host_memory(size, GiB);
	u32 i;

	madvise(memory, size, advice);
	memset(memory, 1, size);
	run(guest_sweep, 0);		/* of nothing: the guest's own pages are there */
	before = free_bytes();
	for (i = 0; i < aliases; i++)
		if (vm_slot(&vm, REGION_SLOT + i, 0, REGION + i * GiB, size, memory))
			die("slot");
	guest_copy(&vm, sweep)->size = aliases * size;
	guest_copy(&vm, sweep)->step = step;
	run(guest_sweep, 0);
	after = free_bytes();
	print(metric, before > after ? (before - after) / aliases : 0);
	guest_copy(&vm, sweep)->size = 0;
	for (i = 0; i < aliases; i++)
		vm_slot(&vm, REGION_SLOT + i, 0, 0, 0, memory);
	munmap(memory, size);
}

/* the upper half terabyte of the guest's tables: 1 GiB pages */
static void map_high(void)
{
	u64 *root, *pointers, i;

	vcpu_set_mode(vcpu, MODE_LONG);
	root = vm_hva(&vm, vm.guest_cr3);
	root[1] = vm.next_table | 7;
	pointers = vm_hva(&vm, vm.next_table);
	vm.next_table += PAGE_SIZE;
	for (i = 0; i < 512; i++)
		pointers[i] = i << 30 | 0x87;
}

int main(void)
{
	vm_create(&vm, VM_SPLIT_IRQCHIP);
	vcpu = vcpu_create(&vm, 0);
	map_high();
	bench_exits();
	bench_fault("fault_4k_fresh", MADV_NOHUGEPAGE, false);
	bench_fault("fault_4k_prefaulted", MADV_NOHUGEPAGE, true);
	bench_fault("fault_thp_fresh_per_4k", MADV_HUGEPAGE, false);
	bench_fault("fault_thp_prefaulted_per_4k", MADV_HUGEPAGE, true);
	bench_unmap();
	bench_slots();
	bench_life();
	bench_memory("bytes_per_gib_4k", MADV_NOHUGEPAGE, PAGE_SIZE, 1);
	bench_memory("bytes_per_gib_2m", MADV_HUGEPAGE, 2 * MiB, ALIASES);
	vm_destroy(&vm);
	return 0;
}
