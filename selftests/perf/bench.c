// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the operations of a hypervisor cost in instructions. To be run in a machine whose time stamp counter counts
 * instructions (the emulated machine with --det); elsewhere the numbers are cycles, and noisy.
 *
 * Arguments name the groups to run, see groups[]; without, all do. Prints lines of "metric<TAB>count" and nothing else
 * on stdout. Each count is a median over many rounds, so that
 * timer ticks do not show. Exits and faults are measured by the guest, from one instruction before to one after.
 * What waits for grace periods (slots, VMs) is measured as CPU time of the calling thread, in which waiting does not
 * count; work that the kernel puts off to other threads does not count either.
 *
 * A fresh huge page costs what the host spends on clearing it, whoever asked for it: host_thp_fresh_per_4k is the same
 * touch by user space, without a guest, as the floor of fault_thp_fresh_per_4k.
 *
 * Memory is what the whole machine has less of after slots of 1 GiB were added and touched by the guest, beyond the
 * pages of the slots themselves, which were there before: page tables and slot bookkeeping, in bytes per GiB. It is
 * measured over several slots that show the same memory, or the number would drown in the allocator's caches.
 */
#include "apic.h"
#include "runner.h"
#include "events.h"

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
#define ALIASES_4K	2
#define ALIASES_2M	64

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

/* the row @metric: the median of so many samples that a guest function takes */
static void measure(const char *metric, void (*function)(u64), u64 argument, u32 samples_taken)
{
	run(function, argument);
	print(metric, guest_median(samples_taken));
}

static void bench_exits(void)
{
	measure("exit_out_user", guest_out_loop, 0, ROUNDS);
	measure("exit_cpuid", guest_cpuid_loop, 0, ROUNDS);
	measure("exit_rdmsr", guest_rdmsr_loop, 0, ROUNDS);
	measure("exit_mmio_user", guest_mmio_loop, 0, ROUNDS);
}

/* faults */

/* writes to each 4 KiB page of that many batches in REGION; a sample is the cost of one batch */
static void guest_touch(u64 batches)
{
	u64 i, j, start;

	for (i = 0; i < batches; i++) {
		volatile u64 *page = (void *)(HIGH_GVA + REGION + i * BATCH * PAGE_SIZE);

		start = guest_rdtsc();
		for (j = 0; j < BATCH; j++)
			page[j * PAGE_SIZE / 8] = j;
		samples[i % 4096] = guest_rdtsc() - start;
	}
}

static void region_set(void *memory, u64 size)
{
	int ret = vm_slot(&vm, REGION_SLOT, 0, REGION, size, memory);

	if (ret)
		die("slot: %s", strerror(-ret));
}

#define FAULT_REGION	(64 * MiB)
#define FAULT_BATCHES	(FAULT_REGION / (BATCH * PAGE_SIZE))

/* what the guest pays per batch for memory that the host has, or has not, @prefault */
static u64 fault_cost(int advice, bool prefault)
{
	u8 *memory = host_memory(FAULT_REGION, 2 * MiB);
	u64 cost;

	madvise(memory, FAULT_REGION, advice);
	if (prefault)
		memset(memory, 1, FAULT_REGION);
	region_set(memory, FAULT_REGION);
	run(guest_touch, FAULT_BATCHES);
	cost = guest_median(FAULT_BATCHES);
	region_set(memory, 0);
	munmap(memory, FAULT_REGION);
	return cost;
}

/* the same for user space's own touch of fresh huge pages */
static u64 host_thp_cost(void)
{
	u64 values[FAULT_BATCHES], i, j, start;
	u8 *memory = host_memory(FAULT_REGION, 2 * MiB);

	madvise(memory, FAULT_REGION, MADV_HUGEPAGE);
	for (i = 0; i < FAULT_BATCHES; i++) {
		volatile u64 *page = (void *)(memory + i * BATCH * PAGE_SIZE);

		start = guest_rdtsc();
		for (j = 0; j < BATCH; j++)
			page[j * PAGE_SIZE / 8] = j;
		values[i] = guest_rdtsc() - start;
	}
	munmap(memory, FAULT_REGION);
	return median(values, FAULT_BATCHES);
}

static void bench_faults(void)
{
	print("fault_4k_fresh", fault_cost(MADV_NOHUGEPAGE, false) / BATCH);
	print("fault_4k_prefaulted", fault_cost(MADV_NOHUGEPAGE, true) / BATCH);
	print("fault_thp_fresh_per_4k", fault_cost(MADV_HUGEPAGE, false) / BATCH);
	print("host_thp_fresh_per_4k", host_thp_cost() / BATCH);
	print("fault_thp_prefaulted_per_4k", fault_cost(MADV_HUGEPAGE, true) / BATCH);
}

static u64 cpu_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* user space gives @memory, of @count batches of small pages, back to the host */
static u64 unmap_cost(u8 *memory, u64 count)
{
	u64 values[64], i;

	for (i = 0; i < count; i++) {
		u64 start = cpu_time();

		madvise(memory + i * BATCH * PAGE_SIZE, BATCH * PAGE_SIZE, MADV_DONTNEED);
		values[i] = (cpu_time() - start) / BATCH;
	}
	return median(values, count);
}

/* pages that the guest has mapped, and pages that only user space has */
static void bench_unmap(void)
{
	u64 size = 64 * MiB, count = size / (BATCH * PAGE_SIZE);
	u8 *memory = host_memory(size, 2 * MiB);

	madvise(memory, size, MADV_NOHUGEPAGE);
	memset(memory, 1, size);
	print("host_unmap_4k", unmap_cost(memory, count));
	region_set(memory, size);
	run(guest_touch, count);
	print("unmap_4k_mapped", unmap_cost(memory, count));
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

/* the sum of the numbers behind each @key in a file of /proc */
static u64 proc_sum(const char *path, const char *key)
{
	FILE *file = fopen(path, "r");
	char line[256], *found;
	u64 sum = 0;

	if (!file)
		die("no %s", path);
	while (fgets(line, sizeof(line), file)) {
		found = strstr(line, key);
		if (found)
			sum += strtoull(found + strlen(key), NULL, 10);
	}
	fclose(file);
	return sum;
}

/* free memory, and what each CPU keeps in its lists of free pages */
static u64 free_bytes(void)
{
	return proc_sum("/proc/meminfo", "MemFree:") * 1024 +
	       proc_sum("/proc/zoneinfo", " count:") * PAGE_SIZE;
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

static void bench_tables(void)
{
	bench_memory("bytes_per_gib_4k", MADV_NOHUGEPAGE, PAGE_SIZE, ALIASES_4K);
	bench_memory("bytes_per_gib_2m", MADV_HUGEPAGE, 2 * MiB, ALIASES_2M);
}

/*
 * eventfds: the guest's write that signals one, among those of other devices; a signal that is an interrupt, each of a
 * vector that does not wait yet, of a vCPU that is not in the guest
 */

#define KICK_PORT	0x700
#define KICK_DEVICES	16
#define IRQFD_GSI	24
#define IRQFD_VECTOR	0x30
#define IRQFDS		200

GUEST_LOOP(guest_kick_port_loop, "mov $0x708, %%edx; outw %%ax, %%dx", "i"(0))
GUEST_LOOP(guest_kick_mmio_loop, "movw $1, (%0)", "r"(MMIO_BASE + 0x8000))

static void bench_kicks(void)
{
	int fds[KICK_DEVICES];
	u32 i, mmio;

	for (i = 0; i < KICK_DEVICES; i++) {
		fds[i] = new_eventfd(0);
		for (mmio = 0; mmio < 2; mmio++) {
			struct kvm_ioeventfd args = {
				.fd = fds[i], .len = 2, .flags = mmio ? 0 : KVM_IOEVENTFD_FLAG_PIO,
				.addr = mmio ? MMIO_BASE + 0x1000 * i : KICK_PORT + i,
			};

			kvm_must(vm.fd, KVM_IOEVENTFD, &args);
		}
	}
	measure("ioeventfd_port", guest_kick_port_loop, 0, ROUNDS);
	measure("ioeventfd_mmio", guest_kick_mmio_loop, 0, ROUNDS);
	for (i = 0; i < KICK_DEVICES; i++)
		close(fds[i]);
}

static void guest_lapic_on(u64 unused)
{
	guest_apic_enable(true);
}

static u64 signal_cost(int fd)
{
	u64 start = guest_rdtsc();

	if (eventfd_write(fd, 1))
		die("eventfd");
	return guest_rdtsc() - start;
}

static void bench_irqfds(void)
{
	static struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entries[IRQFDS];
	} routes = { .head.nr = IRQFDS };
	u64 plain[IRQFDS], values[IRQFDS];
	int fds[IRQFDS];
	eventfd_t count;
	u32 i;

	for (i = 0; i < IRQFDS; i++) {
		routes.entries[i].gsi = IRQFD_GSI + i;
		routes.entries[i].type = KVM_IRQ_ROUTING_MSI;
		routes.entries[i].u.msi.address_lo = APIC_BASE;
		routes.entries[i].u.msi.data = IRQFD_VECTOR + i;
		fds[i] = new_eventfd(0);
	}
	run(guest_lapic_on, 0);
	kvm_must(vm.fd, KVM_SET_GSI_ROUTING, &routes);
	for (i = 0; i < IRQFDS; i++) {
		struct kvm_irqfd args = { .fd = fds[i], .gsi = IRQFD_GSI + i };

		plain[i] = signal_cost(fds[i]);
		eventfd_read(fds[i], &count);
		kvm_must(vm.fd, KVM_IRQFD, &args);
	}
	for (i = 0; i < IRQFDS; i++)
		values[i] = signal_cost(fds[i]);
	print("irqfd_signal", median(values, IRQFDS));
	print("host_eventfd_signal", median(plain, IRQFDS));
	for (i = 0; i < IRQFDS; i++)
		close(fds[i]);
}

static void bench_events(void)
{
	bench_kicks();
	bench_irqfds();
}

/*
 * The local APIC, in x2APIC mode. What is sent to another vCPU is a new vector each time, so that none waits already;
 * that vCPU does not run. Between two vCPUs that halt in turns a round has two interrupts, two halts and two wake-ups.
 */

#define APIC_FIRST	0x30
#define APIC_VECTORS	190
#define PING		0xf1
#define TIMER		0xf2
#define FAR_AWAY	(1ull << 40)	/* ticks: never within a run */
#define SOON		2000000		/* ticks: the guest is asleep by then */

static volatile u64 eoi_cost, woken_at, pings[MAX_VCPUS];

GUEST_LOOP(guest_cr8_loop, "mov $3, %%eax; mov %%rax, %%cr8", "i"(0))
GUEST_LOOP(guest_tpr_loop, "mov $0x808, %%ecx; mov $0x30, %%eax; xor %%edx, %%edx; wrmsr", "i"(0))

static void on_apic(struct guest_frame *frame)
{
	u64 start = guest_rdtsc();

	guest_wrmsr(0x800 + APIC_EOI / 16, 0);
	eoi_cost = guest_rdtsc() - start;
}

static void on_wake(struct guest_frame *frame)
{
	woken_at = guest_rdtsc();
	pings[guest_this_cpu()->id]++;
	guest_wrmsr(0x800 + APIC_EOI / 16, 0);
}

static void guest_apic_begin(void)
{
	u32 vector;

	for (vector = APIC_FIRST; vector < APIC_FIRST + APIC_VECTORS; vector++)
		guest_handlers[vector] = on_apic;
	guest_handlers[PING] = on_wake;
	guest_handlers[TIMER] = on_wake;
	guest_apic_enable(true);
}

/* to itself, from the write to behind the handler; and EOI alone */
static void guest_self_ipi(u64 only_eoi)
{
	u64 i, start;

	guest_apic_begin();
	guest_sti();
	for (i = 0; i < ROUNDS; i++) {
		start = guest_rdtsc();
		guest_wrmsr(0x800 + APIC_SELF_IPI / 16, APIC_FIRST);
		samples[i] = only_eoi ? eoi_cost : guest_rdtsc() - start;
	}
	guest_cli();
}

static void guest_send(u64 unused)
{
	u64 i, start;

	guest_apic_begin();
	for (i = 0; i < APIC_VECTORS; i++) {
		start = guest_rdtsc();
		guest_wrmsr(0x800 + APIC_ICR / 16, 2ull << 32 | (APIC_FIRST + i));
		samples[i] = guest_rdtsc() - start;
	}
}

static void guest_deadlines(u64 unused)
{
	u64 i, start;

	guest_apic_begin();
	guest_apic_write(APIC_LVTT, LVT_DEADLINE | TIMER);
	for (i = 0; i < ROUNDS; i++) {
		start = guest_rdtsc();
		guest_wrmsr(MSR_TSC_DEADLINE, start + FAR_AWAY);
		samples[i] = guest_rdtsc() - start;
	}
	guest_wrmsr(MSR_TSC_DEADLINE, 0);
}

/* how late the handler is, for who sleeps until a deadline */
static void guest_wakes(u64 unused)
{
	u64 i, deadline;

	guest_apic_begin();
	guest_apic_write(APIC_LVTT, LVT_DEADLINE | TIMER);
	for (i = 0; i < APIC_VECTORS; i++) {
		woken_at = 0;
		deadline = guest_rdtsc() + SOON;
		guest_wrmsr(MSR_TSC_DEADLINE, deadline);
		while (!woken_at) {
			guest_sti_hlt();
			guest_cli();
		}
		samples[i] = woken_at - deadline;
	}
}

static void guest_pong(u64 rounds)
{
	u64 i;

	guest_apic_begin();
	for (i = 0; i < rounds; i++) {
		while (pings[1] == i) {
			guest_sti_hlt();
			guest_cli();
		}
		guest_wrmsr(0x800 + APIC_ICR / 16, PING);
	}
}

static void guest_ping(u64 rounds)
{
	u64 i, start;

	guest_apic_begin();
	pings[0] = 0;
	for (i = 0; i < rounds; i++) {
		start = guest_rdtsc();
		guest_wrmsr(0x800 + APIC_ICR / 16, 1ull << 32 | PING);
		while (pings[0] == i) {
			guest_sti_hlt();
			guest_cli();
		}
		samples[i] = guest_rdtsc() - start;
	}
}

static void bench_ping(struct vcpu *other)
{
	struct runner runner;

	/* the other first: it is asleep when the first ping comes, or the ping waits for it */
	vcpu_set_guest(other, guest_pong, APIC_VECTORS);
	runner_start(&runner, other);
	usleep(100000);
	run(guest_ping, APIC_VECTORS);
	runner_join(&runner);
	print("ipi_halted_round", guest_median(APIC_VECTORS));
}

/* what a VMM does where the kernel has the timer */
static void offer_deadline(struct vcpu *to)
{
	struct kvm_cpuid2 *cpuid = cpuid_supported(vm.node);

	cpuid_find(cpuid, 1, 0)->ecx |= 1 << 24;
	kvm_must(to->fd, KVM_SET_CPUID2, cpuid);
	free(cpuid);
}

static struct vcpu *new_runnable(int id)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct vcpu *created = vcpu_create(&vm, id);

	kvm_must(created->fd, KVM_SET_MP_STATE, &runnable);
	return created;
}

static void turn_apic_on(struct vcpu *of)
{
	vcpu_set_guest(of, guest_lapic_on, 0);
	call_wait_done(of);
}

static void bench_apic(void)
{
	struct vcpu *main_vcpu = vcpu, *other;
	struct vm main_vm = vm;

	/* of its own, so that other groups find a VM with one vCPU */
	vm_create(&vm, VM_SPLIT_IRQCHIP);
	vcpu = vcpu_create(&vm, 0);
	offer_deadline(vcpu);
	other = new_runnable(1);
	turn_apic_on(new_runnable(2));

	measure("tpr_write_cr8", guest_cr8_loop, 0, ROUNDS);
	measure("ipi_self", guest_self_ipi, 0, ROUNDS);
	measure("eoi_write", guest_self_ipi, 1, ROUNDS);
	measure("tpr_write_msr", guest_tpr_loop, 0, ROUNDS);
	measure("ipi_send", guest_send, 0, APIC_VECTORS);
	measure("timer_deadline_write", guest_deadlines, 0, ROUNDS);
	measure("hlt_wakeup", guest_wakes, 0, APIC_VECTORS);
	bench_ping(other);

	vm_destroy(&vm);
	vm = main_vm;
	vcpu = main_vcpu;
}

static const struct {
	const char *name;
	void (*run)(void);
} groups[] = {
	{ "exits", bench_exits },
	{ "faults", bench_faults },
	{ "unmap", bench_unmap },
	{ "slots", bench_slots },
	{ "life", bench_life },
	{ "memory", bench_tables },
	{ "events", bench_events },
	{ "apic", bench_apic },
};

static bool wanted(const char *name, char **names)
{
	if (!*names)
		return true;
	while (*names)
		if (!strcmp(name, *names++))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	u64 i;

	vm_create(&vm, VM_SPLIT_IRQCHIP);
	vcpu = vcpu_create(&vm, 0);
	map_high();
	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (wanted(groups[i].name, argv + 1))
			groups[i].run();
	vm_destroy(&vm);
	return 0;
}
