// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_GET_STATS_FD (KVM_CAP_BINARY_STATS_FD): the form of the files, that they keep their VM, and that what they count
 * is what happened. A guest does a thing a known number of times between two points, and the counter must have moved by
 * that, no less and no more.
 */
#include "test.h"
#include "apic.h"
#include "pv.h"
#include "statistics.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOT	1
#define GPA	(256 * MiB)
#define PAGES	64
#define VECTOR	0x41
#define WAIT_NS	1000000

FIXTURE(statistics) {
	struct vm vm;
	struct vcpu *vcpu;
	int vm_stats, vcpu_stats;
};

FIXTURE_VARIANT(statistics) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(statistics, all_in_user_space) { .flags = 0 };
FIXTURE_VARIANT_ADD(statistics, with_lapic) { .flags = VM_SPLIT_IRQCHIP };

FIXTURE_SETUP(statistics)
{
	vm_create(&self->vm, variant->flags);
	self->vcpu = vcpu_create(&self->vm, 0);
	self->vm_stats = statistics_open(self->vm.fd);
	self->vcpu_stats = statistics_open(self->vcpu->fd);
}

FIXTURE_TEARDOWN(statistics)
{
	close(self->vm_stats);
	close(self->vcpu_stats);
	vm_destroy(&self->vm);
}

/* --- the form --- */

static void expect_desc(struct __test_metadata *_metadata, const struct statistics *stats, u32 i)
{
	const struct kvm_stats_desc *desc = statistics_desc(stats, i);
	u32 unit = desc->flags & KVM_STATS_UNIT_MASK;
	u32 j;

	TH_LOG("%s", desc->name);
	EXPECT_NE(0, desc->name[0]);
	EXPECT_GT(stats->header.name_size, strnlen(desc->name, stats->header.name_size));
	EXPECT_EQ(1, desc->size);
	EXPECT_EQ(i * sizeof(u64), desc->offset);
	EXPECT_EQ(0, desc->bucket_size);
	EXPECT_GE(KVM_STATS_TYPE_INSTANT, desc->flags & KVM_STATS_TYPE_MASK);
	EXPECT_EQ(KVM_STATS_BASE_POW10, desc->flags & KVM_STATS_BASE_MASK);
	EXPECT_EQ(unit == KVM_STATS_UNIT_SECONDS ? -9 : 0, desc->exponent);
	for (j = 0; j < i; j++)
		EXPECT_NE(0, strcmp(desc->name, statistics_desc(stats, j)->name));
}

static void expect_form(struct __test_metadata *_metadata, int fd, const char *id)
{
	struct statistics stats;
	const struct kvm_stats_header *header = &stats.header;
	u64 end, byte = 0;
	u32 i;

	statistics_read(&stats, fd);
	EXPECT_EQ(0, header->flags);
	EXPECT_STREQ(id, stats.id);
	EXPECT_EQ(0, (header->name_size | header->id_offset | header->desc_offset | header->data_offset) % 8);
	EXPECT_LE(sizeof(*header), header->id_offset);
	EXPECT_LE(header->id_offset + header->name_size, header->desc_offset);
	EXPECT_LE(header->desc_offset + header->num_desc * (sizeof(struct kvm_stats_desc) + header->name_size),
		  header->data_offset);
	for (i = 0; i < header->num_desc; i++)
		expect_desc(_metadata, &stats, i);

	/* The file ends behind the data, can be read from any place, and not be written. */
	end = header->data_offset + header->num_desc * sizeof(u64);
	EXPECT_EQ(end, lseek(fd, 0, SEEK_END));
	EXPECT_EQ(0, read(fd, &byte, 1));
	EXPECT_EQ(5, pread(fd, &byte, 8, end - 5));
	EXPECT_EQ(4, lseek(fd, 4, SEEK_SET));
	EXPECT_EQ(4, read(fd, &i, 4));
	EXPECT_EQ(header->name_size, i);
	EXPECT_EQ(8, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(-1, write(fd, &byte, 1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, pread(fd, mmap(NULL, PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 8, 0));
	EXPECT_EQ(EFAULT, errno);
	statistics_free(&stats);
}

TEST_F(statistics, form)
{
	char id[48];

	ASSERT_EQ(1, node_has(KVM_CAP_BINARY_STATS_FD));
	ASSERT_EQ(1, vm_has(&self->vm, KVM_CAP_BINARY_STATS_FD));
	snprintf(id, sizeof(id), "kvm-%d", getpid());
	expect_form(_metadata, self->vm_stats, id);
	snprintf(id, sizeof(id), "kvm-%d/vcpu-0", getpid());
	expect_form(_metadata, self->vcpu_stats, id);
}

static void guest_does_nothing(u64 unused)
{
}

/* The files are the last that hold the VM. */
TEST_F(statistics, keep_the_vm)
{
	u64 exits;

	vcpu_set_guest(self->vcpu, guest_does_nothing, 0);
	call_wait_done(self->vcpu);
	exits = statistic(self->vcpu_stats, "exits");
	EXPECT_LT(0, exits);
	EXPECT_LT(0, statistic(self->vm_stats, "tables"));
	vcpu_destroy(self->vcpu);
	vm_destroy(&self->vm);
	EXPECT_EQ(exits, statistic(self->vcpu_stats, "exits"));
	EXPECT_EQ(1, statistic(self->vm_stats, "vcpus"));
	close(self->vm_stats);
	EXPECT_EQ(exits, statistic(self->vcpu_stats, "exits"));

	vm_create(&self->vm, 0);
	self->vm_stats = statistics_open(self->vm.fd);
	EXPECT_EQ(0, statistic(self->vm_stats, "vcpus"));
}

/* --- what is counted: the guest does it between points 1 and 2 --- */

struct counted {
	int fd;
	const char *name;
	u64 before;
};

static struct counted count_from(int fd, const char *name)
{
	return (struct counted) { .fd = fd, .name = name, .before = statistic(fd, name) };
}

#define EXPECT_COUNTED(number, counter) do {						\
	u64 moved__ = statistic((counter).fd, (counter).name) - (counter).before;	\
	if (moved__ != (number))							\
		TH_LOG("%s moved by %lu", (counter).name, moved__);			\
	EXPECT_EQ((u64)(number), moved__);						\
} while (0)

static void guest_ports(u64 number)
{
	while (number--)
		guest_sync(3);
}

TEST_F(statistics, ports)
{
	struct counted io = count_from(self->vcpu_stats, "io_exits");
	struct counted user = count_from(self->vcpu_stats, "user_exits");
	int i;

	vcpu_set_guest(self->vcpu, guest_ports, 10);
	for (i = 0; i < 10; i++)
		call_wait_sync(self->vcpu, 3);
	call_wait_done(self->vcpu);
	EXPECT_COUNTED(11, io);
	EXPECT_COUNTED(11, user);
}

static void guest_instructions(u64 number)
{
	u32 out[4];
	u64 i;

	guest_sync(1);
	for (i = 0; i < number; i++) {
		guest_cpuid(0, 0, out);
		guest_rdmsr(MSR_APIC_BASE);
		guest_rdmsr(MSR_APIC_BASE);
		guest_hypercall(KVM_HC_VAPIC_POLL_IRQ, 0, 0, 0, 0);
		guest_write_cr0(guest_read_cr0() ^ 2);
		GUEST_TRY("ud2", OUTPUTS());
	}
	guest_sync(2);
}

TEST_F(statistics, instructions)
{
	struct counted exits, interrupted, cpuid, msr, hypercalls, exceptions, injected, cr;

	vcpu_set_guest(self->vcpu, guest_instructions, 7);
	call_wait_sync(self->vcpu, 1);
	exits = count_from(self->vcpu_stats, "exits");
	interrupted = count_from(self->vcpu_stats, "irq_exits");
	cpuid = count_from(self->vcpu_stats, "cpuid_exits");
	msr = count_from(self->vcpu_stats, "msr_exits");
	hypercalls = count_from(self->vcpu_stats, "hypercalls");
	exceptions = count_from(self->vcpu_stats, "exception_exits");
	injected = count_from(self->vcpu_stats, "exception_injections");
	cr = count_from(self->vcpu_stats, "cr_exits");
	call_wait_sync(self->vcpu, 2);
	EXPECT_COUNTED(7, cpuid);
	EXPECT_COUNTED(14, msr);
	EXPECT_COUNTED(7, hypercalls);
	EXPECT_COUNTED(7, exceptions);
	EXPECT_COUNTED(7, injected);
	EXPECT_LE(7 + 14 + 7 + 7, statistic(self->vcpu_stats, "exits") - exits.before);
	EXPECT_LE(7, statistic(self->vcpu_stats, "cr_exits") - cr.before);
	TH_LOG("%lu by the interrupts of the host",
	       statistic(self->vcpu_stats, "irq_exits") - interrupted.before);
}

static void guest_halts(u64 number)
{
	guest_sync(1);
	while (number--)
		asm volatile("hlt");
}

static void guest_reads_device(u64 number)
{
	guest_sync(1);
	while (number--)
		*(volatile u32 *)MMIO_BASE;
}

TEST_F(statistics, exits_to_user_space)
{
	struct counted halts, mmio, emulated;
	int i;

	if (variant->flags)
		SKIP(return, "HLT stays in the kernel");
	vcpu_set_guest(self->vcpu, guest_halts, 4);
	call_wait_sync(self->vcpu, 1);
	halts = count_from(self->vcpu_stats, "halt_exits");
	for (i = 0; i < 4; i++)
		ASSERT_RUN(self->vcpu, KVM_EXIT_HLT);
	EXPECT_COUNTED(4, halts);
	call_wait_done(self->vcpu);

	vcpu_set_guest(self->vcpu, guest_reads_device, 6);
	call_wait_sync(self->vcpu, 1);
	mmio = count_from(self->vcpu_stats, "mmio_exits");
	emulated = count_from(self->vcpu_stats, "pf_emulate");
	for (i = 0; i < 6; i++)
		ASSERT_RUN(self->vcpu, KVM_EXIT_MMIO);
	EXPECT_COUNTED(6, mmio);
	EXPECT_COUNTED(6, emulated);
	EXPECT_LE(6, statistic(self->vcpu_stats, "insn_emulation"));
	call_wait_done(self->vcpu);
}

/* --- memory --- */

static void guest_writes(u64 base)
{
	int round, i;

	*(volatile u64 *)base;
	for (round = 1; round <= 3; round++) {
		guest_sync(round);
		for (i = 1; i < PAGES; i++)
			*(volatile u64 *)(base + i * PAGE_SIZE) = i;
	}
}

TEST_F(statistics, faults)
{
	u8 *memory = host_memory(PAGES * PAGE_SIZE, 2 * MiB);
	u64 bitmap;
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = &bitmap };
	struct counted taken, fixed, mapped, pages, fast, flushes, requests, invalidations, slots;

	slots = count_from(self->vm_stats, "slots");
	ASSERT_EQ(0, vm_slot(&self->vm, SLOT, KVM_MEM_LOG_DIRTY_PAGES, GPA, PAGES * PAGE_SIZE, memory));
	EXPECT_COUNTED(1, slots);
	vcpu_set_guest(self->vcpu, guest_writes, GPA);
	call_wait_sync(self->vcpu, 1);
	taken = count_from(self->vcpu_stats, "pf_taken");
	fixed = count_from(self->vcpu_stats, "pf_fixed");
	mapped = count_from(self->vcpu_stats, "mapped_4k");
	pages = count_from(self->vm_stats, "pages_4k");
	fast = count_from(self->vcpu_stats, "pf_fast");
	call_wait_sync(self->vcpu, 2);
	EXPECT_COUNTED(PAGES - 1, taken);
	EXPECT_COUNTED(PAGES - 1, fixed);
	EXPECT_COUNTED(PAGES - 1, mapped);
	EXPECT_COUNTED(PAGES - 1, pages);
	EXPECT_COUNTED(0, fast);

	/* What is only protected is given back without locks, and mapped already. */
	flushes = count_from(self->vcpu_stats, "tlb_flush");
	requests = count_from(self->vm_stats, "remote_tlb_flush_requests");
	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_GET_DIRTY_LOG, &log));
	EXPECT_COUNTED(1, requests);
	call_wait_sync(self->vcpu, 3);
	EXPECT_COUNTED(1, flushes);
	EXPECT_COUNTED(PAGES - 1, fast);
	EXPECT_COUNTED(PAGES - 1, mapped);

	invalidations = count_from(self->vm_stats, "invalidations");
	ASSERT_EQ(0, madvise(memory, PAGES * PAGE_SIZE, MADV_DONTNEED));
	/* The host may have its own, too. */
	EXPECT_LE(1, statistic(self->vm_stats, "invalidations") - invalidations.before);
	EXPECT_COUNTED(-1, pages);
	EXPECT_LT(statistic(self->vm_stats, "tables") * PAGE_SIZE, statistic(self->vm_stats, "table_bytes"));
	call_wait_done(self->vcpu);
}

/* --- interrupts --- */

static volatile u64 hits;

static void on_interrupt(struct guest_frame *frame)
{
	hits++;
	guest_apic_write(APIC_EOI, 0);
}

static void guest_interrupts_itself(u64 number)
{
	u64 i;

	guest_handlers[VECTOR] = on_interrupt;
	guest_apic_enable(true);
	guest_sti();
	guest_sync(1);
	for (i = 1; i <= number; i++) {
		guest_apic_icr(0, ICR_SELF | VECTOR);
		while (hits < i)
			;
	}
	guest_sync(2);
}

static void guest_waits_for_nmi(u64 unused)
{
	guest_handlers[2] = on_interrupt;
	hits = 0;
	guest_sync(1);
	while (!hits)
		;
	guest_sync(2);
}

TEST_F(statistics, interrupts)
{
	struct counted interrupts, nmis;

	if (!variant->flags)
		SKIP(return, "there is no local APIC");
	vcpu_set_guest(self->vcpu, guest_interrupts_itself, 9);
	call_wait_sync(self->vcpu, 1);
	interrupts = count_from(self->vcpu_stats, "irq_injections");
	call_wait_sync(self->vcpu, 2);
	EXPECT_COUNTED(9, interrupts);
	call_wait_done(self->vcpu);

	vcpu_set_guest(self->vcpu, guest_waits_for_nmi, 0);
	call_wait_sync(self->vcpu, 1);
	nmis = count_from(self->vcpu_stats, "nmi_injections");
	kvm_must(self->vcpu->fd, KVM_NMI, NULL);
	call_wait_sync(self->vcpu, 2);
	EXPECT_COUNTED(1, nmis);
}

static void guest_waits_for_timer(u64 number)
{
	u64 i;

	guest_handlers[VECTOR] = on_interrupt;
	guest_apic_enable(true);
	guest_apic_write(APIC_TDCR, 0xb);
	guest_apic_write(APIC_LVTT, VECTOR);
	for (i = 1; i <= number; i++) {
		guest_apic_write(APIC_TMICT, WAIT_NS);
		while (hits != i) {
			guest_sti_hlt();
			guest_cli();
		}
	}
}

static void set_poll_limit(struct vm *vm, u64 ns)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_HALT_POLL, .args[0] = ns };

	kvm_must(vm->fd, KVM_ENABLE_CAP, &cap);
}

/* How many of the waits are spared by an early timer depends on the machine. */
TEST_F(statistics, halts)
{
	u64 slept;

	if (!variant->flags)
		SKIP(return, "HLT goes to user space");
	set_poll_limit(&self->vm, 0);
	vcpu_set_guest(self->vcpu, guest_waits_for_timer, 20);
	call_wait_done(self->vcpu);
	slept = statistic(self->vcpu_stats, "halt_wakeup");
	EXPECT_LT(5, slept);
	EXPECT_GE(statistic(self->vcpu_stats, "halt_exits"), slept);
	EXPECT_LT(WAIT_NS, statistic(self->vcpu_stats, "halt_wait_ns"));
	EXPECT_EQ(0, statistic(self->vcpu_stats, "halt_attempted_poll"));
	EXPECT_EQ(0, statistic(self->vcpu_stats, "halt_poll_success_ns"));

	set_poll_limit(&self->vm, 50 * WAIT_NS);
	*guest_copy(&self->vm, hits) = 0;
	vcpu_set_guest(self->vcpu, guest_waits_for_timer, 40);
	call_wait_done(self->vcpu);
	EXPECT_LT(0, statistic(self->vcpu_stats, "halt_successful_poll"));
	EXPECT_LE(statistic(self->vcpu_stats, "halt_successful_poll"),
		  statistic(self->vcpu_stats, "halt_attempted_poll"));
	EXPECT_LT(0, statistic(self->vcpu_stats, "halt_poll_success_ns"));
}

TEST_HARNESS_MAIN
