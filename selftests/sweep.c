// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each allocation of each call that allocates fails once: the 1st, the 2nd, ... until the call goes through untouched.
 * Every time the errno must be right, nothing may have changed, and the VM must still work.
 *
 * Two sweeps share the work. This one is directed: a row for each way in which the module allocates, and for each row a
 * guest that is asked after every failure whether it still lives. The other is QUIRE_SWEEP, which makes any test
 * program repeat each of its calls in that manner (lib/inject.h): there the test's own assertions say whether a failed
 * call changed anything. The sweep is per call rather than per program, since the number of allocations in a program is
 * not repeatable, and a program that is stopped by its first failure tells nothing of what lies behind it.
 *
 * Needs a kernel with fault injection, else all is skipped. Whether anything is left behind is looked at after all
 * programs of a boot.
 */
#include "test.h"
#include "inject.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#define SLOT_GPA	0x80000000ull
#define SLOT_SIZE	(8 * MiB)
#define STRIDE		(2 * MiB)	/* a table of its own for each page */
#define MOST		200		/* allocations in one call, far more than any has */

struct sweep {
	struct vm vm, chips;		/* the latter with local APICs in the kernel */
	struct vcpu *witness, *subject;
	u8 *memory;			/* SLOT_SIZE bytes, slot 1 */
	void *argument;
	long fd;			/* what the last call returned */
	u64 point;
	int next_id;
};

FIXTURE(sweep) {
	struct sweep s;
};

/*
 * before: what the call needs, done before each attempt; undo: after each success. least: as many allocations must
 * have failed, so that a sweep of nothing does not pass. may_fault: EFAULT is as good as ENOMEM. chips: the second VM
 * is needed.
 */
FIXTURE_VARIANT(sweep) {
	void (*before)(struct sweep *s);
	long (*call)(struct sweep *s);
	void (*undo)(struct sweep *s);
	u32 least;
	bool may_fault, chips;
};

/* one skip instead of one for each row */
__attribute__((constructor)) static void skip_all(void)
{
	const char *why = inject_unavailable();

	if (why) {
		printf("TAP version 13\n1..0 # SKIP %s\n", why);
		exit(KSFT_SKIP);
	}
}

/* --- guests --- */

static void guest_witness(u64 argument)
{
	u64 i;

	for (i = 0; ; i++) {
		*(volatile u64 *)(SLOT_GPA + SLOT_SIZE - PAGE_SIZE) = i;
		guest_sync(i);
	}
}

/* writes a page in each stride, again and again */
static void guest_subject(u64 argument)
{
	u64 i, at;

	for (i = 0; ; i++) {
		for (at = 0; at < SLOT_SIZE; at += STRIDE)
			*(volatile u64 *)(SLOT_GPA + at) = i;
		guest_sync(i);
	}
}

FIXTURE_SETUP(sweep)
{
	struct sweep *s = &self->s;

	s->memory = host_memory(SLOT_SIZE, 2 * MiB);
	s->argument = host_memory(64 * PAGE_SIZE, PAGE_SIZE);
	memset(s->argument, 0, 64 * PAGE_SIZE);
	s->next_id = 2;
	vm_create(&s->vm, 0);
	ASSERT_EQ(0, vm_slot(&s->vm, 1, 0, SLOT_GPA, SLOT_SIZE, s->memory));
	s->witness = vcpu_create(&s->vm, 0);
	vcpu_set_guest(s->witness, guest_witness, 0);
	s->subject = vcpu_create(&s->vm, 1);
	vcpu_set_guest(s->subject, guest_subject, 0);
	if (variant->chips) {
		vm_create(&s->chips, VM_SPLIT_IRQCHIP | VM_NO_RAM);
		vcpu_create(&s->chips, 0);
	}
	call_wait_sync(s->witness, s->point++);
}

FIXTURE_TEARDOWN(sweep)
{
	struct sweep *s = &self->s;

	if (variant->chips)
		vm_destroy(&s->chips);
	vm_destroy(&s->vm);
}

static void expect_life(struct __test_metadata *_metadata, struct sweep *s)
{
	volatile u64 *word = (u64 *)(s->memory + SLOT_SIZE - PAGE_SIZE);

	call_wait_sync(s->witness, s->point);
	EXPECT_EQ(s->point, *word);
	s->point++;
}

TEST_F_TIMEOUT(sweep, each_allocation, 120)
{
	struct sweep *s = &self->s;
	u32 nth, failures = 0, absorbed = 0;
	bool failed = true;

	for (nth = 1; failed; nth++) {
		ASSERT_GT(MOST, nth);
		if (variant->before)
			variant->before(s);
		inject_arm(nth);
		s->fd = variant->call(s);
		failed = inject_disarm();
		if (s->fd == -ENOTTY)
			SKIP(return, "the module has no such ioctl");
		if (s->fd < 0)
			TH_LOG("allocation %u: %s", nth, strerror(-s->fd));
		if (!failed || s->fd >= 0) {
			ASSERT_LE(0, s->fd);
			if (variant->undo)
				variant->undo(s);
		} else if (!variant->may_fault || s->fd != -EFAULT) {
			ASSERT_EQ(-ENOMEM, s->fd);
		}
		failures += failed;
		absorbed += failed && s->fd >= 0;
		expect_life(_metadata, s);
	}
	TH_LOG("%u allocations failed, %u of them without harm", failures, absorbed);
	EXPECT_LE(variant->least, failures);
}

#define ROW(name, ...) FIXTURE_VARIANT_ADD(sweep, name) { __VA_ARGS__ }

/* --- the node --- */

static long create_vm(struct sweep *s)
{
	return kvm_ioctl_once(s->vm.node, KVM_CREATE_VM, NULL);
}

static void close_fd(struct sweep *s)
{
	close(s->fd);
}

ROW(create_vm, .call = create_vm, .undo = close_fd, .least = 4);

static void list_size(struct sweep *s)
{
	*(u32 *)s->argument = 512;
}

static long msr_index_list(struct sweep *s)
{
	return kvm_ioctl_once(s->vm.node, KVM_GET_MSR_INDEX_LIST, s->argument);
}

ROW(msr_index_list, .before = list_size, .call = msr_index_list, .least = 1);

static long msr_feature_index_list(struct sweep *s)
{
	return kvm_ioctl_once(s->vm.node, KVM_GET_MSR_FEATURE_INDEX_LIST, s->argument);
}

ROW(msr_feature_index_list, .before = list_size, .call = msr_feature_index_list);

static long supported_cpuid(struct sweep *s)
{
	return kvm_ioctl_once(s->vm.node, KVM_GET_SUPPORTED_CPUID, s->argument);
}

ROW(supported_cpuid, .before = list_size, .call = supported_cpuid);

/* --- VMs --- */

static long create_vcpu(struct sweep *s)
{
	return kvm_ioctl_once(s->vm.fd, KVM_CREATE_VCPU, (void *)(long)s->next_id);
}

static void close_vcpu(struct sweep *s)
{
	close(s->fd);
	s->next_id++;
}

ROW(create_vcpu, .call = create_vcpu, .undo = close_vcpu, .least = 8);

static long create_vcpu_with_lapic(struct sweep *s)
{
	return kvm_ioctl_once(s->chips.fd, KVM_CREATE_VCPU, (void *)(long)s->next_id);
}

ROW(create_vcpu_with_lapic, .call = create_vcpu_with_lapic, .undo = close_vcpu, .least = 9, .chips = true);

/* slot 2 is the one that comes and goes */
static long region(struct sweep *s, u32 flags, u64 gpa, u64 size)
{
	struct kvm_userspace_memory_region2 region = {
		.slot = 2, .flags = flags, .guest_phys_addr = gpa, .memory_size = size,
		.userspace_addr = (uintptr_t)s->memory,
	};

	return kvm_ioctl_once(s->vm.fd, KVM_SET_USER_MEMORY_REGION2, &region);
}

static void remove_region(struct sweep *s)
{
	region(s, 0, 0, 0);
}

static void add_region(struct sweep *s)
{
	region(s, 0, 2 * SLOT_GPA, SLOT_SIZE);
}

static long new_region(struct sweep *s)
{
	return region(s, 0, 2 * SLOT_GPA, SLOT_SIZE);
}

ROW(new_region, .call = new_region, .undo = remove_region, .least = 2);

static long new_logged_region(struct sweep *s)
{
	return region(s, KVM_MEM_LOG_DIRTY_PAGES, 2 * SLOT_GPA, SLOT_SIZE);
}

ROW(new_logged_region, .call = new_logged_region, .undo = remove_region, .least = 3);

static long moved_region(struct sweep *s)
{
	return region(s, 0, 3 * SLOT_GPA, SLOT_SIZE);
}

ROW(moved_region, .before = add_region, .call = moved_region, .undo = remove_region, .least = 2);

static long log_switched_on(struct sweep *s)
{
	return region(s, KVM_MEM_LOG_DIRTY_PAGES, 2 * SLOT_GPA, SLOT_SIZE);
}

ROW(log_switched_on, .before = add_region, .call = log_switched_on, .undo = remove_region, .least = 2);

static long delete_region(struct sweep *s)
{
	return region(s, 0, 0, 0);
}

ROW(delete_region, .before = add_region, .call = delete_region, .least = 1);

/* pages are written once before the sweep; the harvest that succeeds must have them, whatever failed before */
static void log_pages(struct sweep *s)
{
	if (s->fd)
		return;
	vm_slot(&s->vm, 1, KVM_MEM_LOG_DIRTY_PAGES, SLOT_GPA, SLOT_SIZE, s->memory);
	call_wait(s->subject);
}

static long dirty_log(struct sweep *s)
{
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = s->argument };

	return kvm_ioctl_once(s->vm.fd, KVM_GET_DIRTY_LOG, &log);
}

static void check_log(struct sweep *s)
{
	const u64 *bitmap = s->argument;
	u64 page;

	for (page = 0; page < SLOT_SIZE / PAGE_SIZE; page += STRIDE / PAGE_SIZE)
		if (!(bitmap[page / 64] >> page % 64 & 1))
			die("the written page %lu is not in the log", page);
}

ROW(dirty_log, .before = log_pages, .call = dirty_log, .undo = check_log, .least = 1);

#define NR_ROUTES 64

static void fill_routes(struct sweep *s)
{
	struct kvm_irq_routing *routing = s->argument;
	u32 i;

	routing->nr = NR_ROUTES;
	for (i = 0; i < NR_ROUTES; i++)
		routing->entries[i] = (struct kvm_irq_routing_entry) {
			.gsi = i, .type = KVM_IRQ_ROUTING_MSI, .u.msi = { .address_lo = 0xfee00000, .data = 32 + i },
		};
}

static long gsi_routing(struct sweep *s)
{
	return kvm_ioctl_once(s->chips.fd, KVM_SET_GSI_ROUTING, s->argument);
}

ROW(gsi_routing, .before = fill_routes, .call = gsi_routing, .least = 2, .chips = true);

static long msr_filter(struct sweep *s)
{
	struct kvm_msr_filter filter = {};
	u32 i;

	for (i = 0; i < 4; i++) {
		filter.ranges[i].flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE;
		filter.ranges[i].base = i * 0x10000;
		filter.ranges[i].nmsrs = 1024;
		filter.ranges[i].bitmap = s->argument;
	}
	return kvm_ioctl_once(s->vm.fd, KVM_X86_SET_MSR_FILTER, &filter);
}

ROW(msr_filter, .call = msr_filter, .least = 5);

/* --- chips and events: there from the day on which the module has them --- */

static void new_vm(struct sweep *s)
{
	if (s->chips.fd >= 0)
		close(s->chips.fd);
	s->chips.fd = kvm_must(s->chips.node, KVM_CREATE_VM, NULL);
}

static long create_irqchip(struct sweep *s)
{
	return kvm_ioctl_once(s->chips.fd, KVM_CREATE_IRQCHIP, NULL);
}

ROW(create_irqchip, .before = new_vm, .call = create_irqchip, .least = 1, .chips = true);

static void new_vm_with_irqchip(struct sweep *s)
{
	new_vm(s);
	kvm_ioctl_once(s->chips.fd, KVM_CREATE_IRQCHIP, NULL);
}

static long create_pit2(struct sweep *s)
{
	struct kvm_pit_config config = {};

	return kvm_ioctl_once(s->chips.fd, KVM_CREATE_PIT2, &config);
}

ROW(create_pit2, .before = new_vm_with_irqchip, .call = create_pit2, .least = 1, .chips = true);

static int event = -1;

static void one_event(struct sweep *s)
{
	if (event < 0)
		event = eventfd(0, EFD_CLOEXEC);
}

static long irqfd_call(struct sweep *s, u32 flags)
{
	struct kvm_irqfd irqfd = { .fd = event, .gsi = 3, .flags = flags };

	return kvm_ioctl_once(s->chips.fd, KVM_IRQFD, &irqfd);
}

static long irqfd(struct sweep *s)
{
	return irqfd_call(s, 0);
}

static void remove_irqfd(struct sweep *s)
{
	irqfd_call(s, KVM_IRQFD_FLAG_DEASSIGN);
}

ROW(irqfd, .before = one_event, .call = irqfd, .undo = remove_irqfd, .least = 1, .chips = true);

static long ioeventfd_call(struct sweep *s, u32 flags)
{
	struct kvm_ioeventfd ioeventfd = { .addr = MMIO_BASE, .len = 4, .fd = event, .flags = flags };

	return kvm_ioctl_once(s->vm.fd, KVM_IOEVENTFD, &ioeventfd);
}

static long ioeventfd(struct sweep *s)
{
	return ioeventfd_call(s, 0);
}

static void remove_ioeventfd(struct sweep *s)
{
	ioeventfd_call(s, KVM_IOEVENTFD_FLAG_DEASSIGN);
}

ROW(ioeventfd, .before = one_event, .call = ioeventfd, .undo = remove_ioeventfd, .least = 1);

static struct kvm_coalesced_mmio_zone zone = { .addr = MMIO_BASE, .size = PAGE_SIZE };

static long coalesced_mmio(struct sweep *s)
{
	return kvm_ioctl_once(s->vm.fd, KVM_REGISTER_COALESCED_MMIO, &zone);
}

static void remove_coalesced_mmio(struct sweep *s)
{
	kvm_ioctl_once(s->vm.fd, KVM_UNREGISTER_COALESCED_MMIO, &zone);
}

ROW(coalesced_mmio, .call = coalesced_mmio, .undo = remove_coalesced_mmio, .least = 1);

/* --- vCPUs --- */

static void fill_cpuid(struct sweep *s)
{
	struct kvm_cpuid2 *cpuid = cpuid_supported(s->vm.node);

	memcpy(s->argument, cpuid, sizeof(*cpuid) + cpuid->nent * sizeof(cpuid->entries[0]));
	free(cpuid);
}

static long vcpu_call(struct sweep *s, unsigned long cmd)
{
	return kvm_ioctl_once(s->subject->fd, cmd, s->argument);
}

static long set_cpuid2(struct sweep *s)
{
	return vcpu_call(s, KVM_SET_CPUID2);
}

ROW(set_cpuid2, .before = fill_cpuid, .call = set_cpuid2, .least = 1);

static long get_xsave(struct sweep *s)
{
	return vcpu_call(s, KVM_GET_XSAVE);
}

ROW(get_xsave, .call = get_xsave, .least = 1);

static long get_xsave2(struct sweep *s)
{
	return vcpu_call(s, KVM_GET_XSAVE2);
}

ROW(get_xsave2, .call = get_xsave2, .least = 1);

static void fill_xsave(struct sweep *s)
{
	kvm_must(s->subject->fd, KVM_GET_XSAVE, s->argument);
}

static long set_xsave(struct sweep *s)
{
	return vcpu_call(s, KVM_SET_XSAVE);
}

ROW(set_xsave, .before = fill_xsave, .call = set_xsave, .least = 1);

static void fill_msrs(struct sweep *s)
{
	struct kvm_msrs *msrs = s->argument;

	*msrs = (struct kvm_msrs) { .nmsrs = 1 };
	msrs->entries[0].index = 0x174;
}

static long get_msrs(struct sweep *s)
{
	return vcpu_call(s, KVM_GET_MSRS);
}

ROW(get_msrs, .before = fill_msrs, .call = get_msrs, .least = 1);

static long set_msrs(struct sweep *s)
{
	return vcpu_call(s, KVM_SET_MSRS);
}

ROW(set_msrs, .before = fill_msrs, .call = set_msrs, .least = 1);

static long lapic_call(struct sweep *s, unsigned long cmd)
{
	return kvm_ioctl_once(s->chips.vcpus[0]->fd, cmd, s->argument);
}

static long get_lapic(struct sweep *s)
{
	return lapic_call(s, KVM_GET_LAPIC);
}

ROW(get_lapic, .call = get_lapic, .least = 1, .chips = true);

static void fill_lapic(struct sweep *s)
{
	kvm_must(s->chips.vcpus[0]->fd, KVM_GET_LAPIC, s->argument);
}

static long set_lapic(struct sweep *s)
{
	return lapic_call(s, KVM_SET_LAPIC);
}

ROW(set_lapic, .before = fill_lapic, .call = set_lapic, .least = 1, .chips = true);

/* --- running: pages of the guest, and the tables that map them --- */

static long run(struct sweep *s)
{
	long ret = kvm_ioctl_once(s->subject->fd, KVM_RUN, NULL);

	return ret == -EINTR || ret == -EAGAIN ? 0 : ret;
}

static void expect_call(struct sweep *s)
{
	const struct guest_call *call = call_of_exit(s->subject);

	if (!call || call->kind != CALL_SYNC)
		die("the guest stopped by %s", exit_name(s->subject->run->exit_reason));
}

static void small_pages(struct sweep *s)
{
	if (!s->fd) {
		madvise(s->memory, SLOT_SIZE, MADV_NOHUGEPAGE);
		madvise(s->memory, SLOT_SIZE, MADV_DONTNEED);
	}
}

/* the first run makes the root, then come a host page and a table for each of the four strides */
ROW(run_small_pages, .before = small_pages, .call = run, .undo = expect_call, .least = 4, .may_fault = true);

static void huge_pages(struct sweep *s)
{
	if (!s->fd) {
		madvise(s->memory, SLOT_SIZE, MADV_HUGEPAGE);
		madvise(s->memory, SLOT_SIZE, MADV_DONTNEED);
	}
}

ROW(run_huge_pages, .before = huge_pages, .call = run, .undo = expect_call, .least = 4, .may_fault = true);

/* the slot is mapped huge, then logged: each write needs a table */
static void logged_pages(struct sweep *s)
{
	if (s->fd)
		return;
	huge_pages(s);
	vm_slot(&s->vm, 1, 0, SLOT_GPA, SLOT_SIZE, s->memory);
	vcpu_run_to_exit(s->subject);
	vm_slot(&s->vm, 1, KVM_MEM_LOG_DIRTY_PAGES, SLOT_GPA, SLOT_SIZE, s->memory);
}

ROW(run_logged_pages, .before = logged_pages, .call = run, .undo = expect_call, .least = 2, .may_fault = true);

/* --- the end of it all, which cannot fail --- */

FIXTURE(teardown) {
};

FIXTURE_SETUP(teardown)
{
}

FIXTURE_TEARDOWN(teardown)
{
}

static bool closed_by_failures(int fd, u32 nth)
{
	inject_arm(nth);
	close(fd);
	return inject_disarm();
}

/* what debugging makes the kernel allocate on the way may fail; whether memory comes back is seen at the boot's end */
TEST_F(teardown, minds_no_failure)
{
	bool failed = true;
	u32 nth;

	for (nth = 1; failed; nth++) {
		struct vm vm;

		ASSERT_GT(MOST, nth);
		vm_create(&vm, VM_SPLIT_IRQCHIP);
		vcpu_create(&vm, 0);
		vcpu_set_guest(vm.vcpus[0], guest_witness, 0);
		ASSERT_EQ(0, vm_slot(&vm, 1, KVM_MEM_LOG_DIRTY_PAGES, SLOT_GPA, SLOT_SIZE,
				     host_memory(SLOT_SIZE, 2 * MiB)));
		call_wait_sync(vm.vcpus[0], 0);
		munmap(vm.vcpus[0]->run, vm.run_size);
		failed = closed_by_failures(vm.fd, nth);
		failed = closed_by_failures(vm.vcpus[0]->fd, nth) || failed;
	}
}

TEST_HARNESS_MAIN
