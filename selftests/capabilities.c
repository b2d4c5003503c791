// SPDX-License-Identifier: GPL-2.0-only
/*
 * What KVM_CHECK_EXTENSION reports, and the capabilities that have a behaviour of their own and no other program to
 * show it: exception payloads, HLT without exits, interrupt lines of the VMM's IOAPIC, faults of guest memory.
 */
#include "test.h"
#include "apic.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>

SNIPPET(halt, ".code16\n	hlt\n	jmp .\n");
SNIPPET(touch, ".code16\n	movb $0x5a, 0x4000\n	hlt\n");

#define DEBUG_BITS (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_USE_HW_BP | \
		    KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)

/* what a VMM relies on: a number that is at least @least, with at least the bits of @mask */
static const struct {
	const char *name;
	int cap;
	u32 least, mask;
} reported[] = {
#define NUMBER(cap, least)	{ #cap, cap, least, 0 }
#define MASK(cap, mask)		{ #cap, cap, 1, mask }
	NUMBER(KVM_CAP_HLT, 1),
	NUMBER(KVM_CAP_IRQCHIP, 1),
	NUMBER(KVM_CAP_IRQ_INJECT_STATUS, 1),
	NUMBER(KVM_CAP_IRQ_ROUTING, 24),
	NUMBER(KVM_CAP_INTERNAL_ERROR_DATA, 1),
	NUMBER(KVM_CAP_X86_ROBUST_SINGLESTEP, 1),
	NUMBER(KVM_CAP_EXCEPTION_PAYLOAD, 1),
	MASK(KVM_CAP_SET_GUEST_DEBUG2, DEBUG_BITS),
	MASK(KVM_CAP_X86_DISABLE_EXITS, KVM_X86_DISABLE_EXITS_HLT),
	NUMBER(KVM_CAP_NR_VCPUS, 1),
	NUMBER(KVM_CAP_MAX_VCPUS, 8),
};

static long enable(struct vm *vm, u32 cap, u64 argument)
{
	struct kvm_enable_cap enable = { .cap = cap, .args = { argument } };

	return kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &enable);
}

TEST(reported_on_node_and_vm)
{
	struct vm vm;
	u32 i;

	vm_create(&vm, VM_NO_RAM);
	for (i = 0; i < sizeof(reported) / sizeof(reported[0]); i++) {
		u32 node = node_has(reported[i].cap);

		EXPECT_LE(reported[i].least, node) {
			TH_LOG("%s is %u", reported[i].name, node);
		}
		EXPECT_EQ(reported[i].mask, node & reported[i].mask) {
			TH_LOG("%s is %#x", reported[i].name, node);
		}
		EXPECT_EQ(node, (u32)vm_has(&vm, reported[i].cap));
	}
	EXPECT_EQ(0, vm_has(&vm, 100000));
	vm_destroy(&vm);
}

/* each bit that KVM_CAP_SET_GUEST_DEBUG2 names is taken, one that it does not name is not */
TEST(guest_debug_bits)
{
	static const u32 bits[] = { KVM_GUESTDBG_SINGLESTEP, KVM_GUESTDBG_USE_SW_BP, KVM_GUESTDBG_USE_HW_BP };
	u32 offered = node_has(KVM_CAP_SET_GUEST_DEBUG2), i;
	struct kvm_guest_debug debug = { 0 };
	struct vcpu *vcpu;
	struct vm vm;

	vm_create(&vm, 0);
	vcpu = vcpu_create(&vm, 0);
	for (i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		ASSERT_EQ(bits[i], offered & bits[i]);
		debug.control = KVM_GUESTDBG_ENABLE | bits[i];
		EXPECT_EQ(0, kvm_ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug));
	}
	debug.control = KVM_GUESTDBG_ENABLE | 1 << 14;
	ASSERT_EQ(0, offered & 1 << 14);
	EXPECT_EQ(-EINVAL, kvm_ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug));
	vm_destroy(&vm);
}

/* a pending exception keeps what it would write to CR2 until it is delivered */
TEST(exception_payload)
{
	struct kvm_vcpu_events events, got;
	struct kvm_sregs sregs;
	struct vcpu *vcpu;
	struct vm vm;

	vm_create(&vm, 0);
	vcpu = vcpu_create(&vm, 0);
	vcpu_set_mode(vcpu, MODE_LONG);
	kvm_must(vcpu->fd, KVM_GET_VCPU_EVENTS, &events);
	events.flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	events.exception.pending = 1;
	events.exception.nr = 14;
	events.exception.has_error_code = 1;
	events.exception.error_code = 2;
	events.exception_has_payload = 1;
	events.exception_payload = 0xdead000;
	EXPECT_EQ(-EINVAL, kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events));

	ASSERT_EQ(0, enable(&vm, KVM_CAP_EXCEPTION_PAYLOAD, 1));
	ASSERT_EQ(0, kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events));
	kvm_must(vcpu->fd, KVM_GET_VCPU_EVENTS, &got);
	EXPECT_EQ(KVM_VCPUEVENT_VALID_PAYLOAD, got.flags & KVM_VCPUEVENT_VALID_PAYLOAD);
	EXPECT_EQ(1, got.exception.pending);
	EXPECT_EQ(0, got.exception.injected);
	EXPECT_EQ(1, got.exception_has_payload);
	EXPECT_EQ(0xdead000, got.exception_payload);
	vcpu_get_sregs(vcpu, &sregs);
	EXPECT_NE(0xdead000, sregs.cr2);
	vm_destroy(&vm);
}

static void on_alarm(int number)
{
}

/* with KVM_X86_DISABLE_EXITS_HLT the guest halts the processor, not the VMM: only the signal ends KVM_RUN */
TEST(hlt_without_exit)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval timer = { .it_value.tv_usec = 200000 };
	struct vcpu *vcpu;
	struct vm vm;

	vm_create(&vm, 0);
	EXPECT_EQ(-EINVAL, enable(&vm, KVM_CAP_X86_DISABLE_EXITS, 1ull << 40));
	ASSERT_EQ(0, enable(&vm, KVM_CAP_X86_DISABLE_EXITS, KVM_X86_DISABLE_EXITS_HLT));
	vcpu = vcpu_create(&vm, 0);
	PUT_SNIPPET(&vm, REAL_BASE, halt);
	vcpu_set_mode(vcpu, MODE_REAL);
	vcpu_set_entry(vcpu, REAL_BASE, 0x8000);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	EXPECT_EQ(-EINTR, vcpu_run(vcpu));
	EXPECT_EQ(KVM_EXIT_INTR, vcpu->run->exit_reason);
	vm_destroy(&vm);
}

static volatile u64 hits;

static void on_line(struct guest_frame *frame)
{
	hits++;
	guest_apic_write(APIC_EOI, 0);
}

static void guest_lines(u64 argument)
{
	u64 wanted;

	guest_handlers[0x62] = on_line;
	guest_apic_enable(false);
	for (wanted = 1; wanted <= 2; wanted++) {
		guest_sync(wanted);
		guest_cli();
		while (hits < wanted) {
			guest_sti_hlt();
			guest_cli();
		}
		guest_sti();
	}
}

/* a pin of the VMM's IOAPIC: raising it sends the message of its route, lowering it does nothing */
TEST(interrupt_lines)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entries[1];
	} routes = {
		.head.nr = 1,
		.entries = {
			{ .gsi = 5, .type = KVM_IRQ_ROUTING_MSI, .u.msi = { .address_lo = 0xfee00000, .data = 0x62 } },
		},
	};
	struct kvm_irq_level line = { .irq = 5, .level = 1 };
	struct vcpu *vcpu;
	struct vm vm;

	vm_create(&vm, VM_SPLIT_IRQCHIP);
	vcpu = vcpu_create(&vm, 0);
	ASSERT_EQ(0, kvm_ioctl(vm.fd, KVM_SET_GSI_ROUTING, &routes));
	vcpu_set_guest(vcpu, guest_lines, 0);
	call_wait_sync(vcpu, 1);
	EXPECT_EQ(0, kvm_ioctl(vm.fd, KVM_IRQ_LINE, &line));
	call_wait_sync(vcpu, 2);
	line.level = 0;
	EXPECT_EQ(0, kvm_ioctl(vm.fd, KVM_IRQ_LINE, &line));
	line.level = 1;
	EXPECT_EQ(0, kvm_ioctl(vm.fd, KVM_IRQ_LINE_STATUS, &line));
	EXPECT_EQ(1, (int)line.status);
	call_wait_done(vcpu);
	EXPECT_EQ(2, *guest_copy(&vm, hits));
	vm_destroy(&vm);
}

TEST(lines_need_a_chip)
{
	struct kvm_irq_level line = { .irq = 5, .level = 1 };
	struct vm vm;

	vm_create(&vm, VM_NO_RAM);
	EXPECT_EQ(-ENXIO, kvm_ioctl(vm.fd, KVM_IRQ_LINE, &line));
	EXPECT_EQ(-ENXIO, kvm_ioctl(vm.fd, KVM_IRQ_LINE_STATUS, &line));
	vm_destroy(&vm);
}

/* ids of vCPUs end where the VMM says, once */
TEST(max_vcpu_id)
{
	int max_id = node_has(KVM_CAP_MAX_VCPU_ID);
	struct vm vm;

	vm_create(&vm, VM_NO_RAM);
	EXPECT_EQ(-EINVAL, enable(&vm, KVM_CAP_MAX_VCPU_ID, max_id + 1));
	ASSERT_EQ(0, kvm_ioctl_n(vm.fd, KVM_SET_BOOT_CPU_ID, 16));
	EXPECT_EQ(-EINVAL, enable(&vm, KVM_CAP_MAX_VCPU_ID, 15));
	ASSERT_EQ(0, enable(&vm, KVM_CAP_MAX_VCPU_ID, 16));
	EXPECT_EQ(0, enable(&vm, KVM_CAP_MAX_VCPU_ID, 16));
	EXPECT_EQ(-EINVAL, enable(&vm, KVM_CAP_MAX_VCPU_ID, 17));
	EXPECT_EQ(-EINVAL, kvm_ioctl_n(vm.fd, KVM_CREATE_VCPU, 16));
	EXPECT_LE(0, kvm_ioctl_n(vm.fd, KVM_CREATE_VCPU, 15));
	vm_destroy(&vm);
}

/* the VMM took the page behind the gpa away: where, and how much */
TEST(memory_fault)
{
	const struct quire_exit_memory_fault *fault;
	struct vcpu *vcpu;
	struct vm vm;

	if (!node_has(KVM_CAP_MEMORY_FAULT_INFO))
		SKIP(return, "KVM_CAP_MEMORY_FAULT_INFO is not reported");
	vm_create(&vm, 0);
	vcpu = vcpu_create(&vm, 0);
	PUT_SNIPPET(&vm, REAL_BASE, touch);
	vcpu_set_mode(vcpu, MODE_REAL);
	vcpu_set_entry(vcpu, REAL_BASE, 0x8000);
	ASSERT_EQ(0, munmap(vm_hva(&vm, 0x4000), PAGE_SIZE));
	EXPECT_EQ(-EFAULT, vcpu_run(vcpu));
	EXPECT_EQ(KVM_EXIT_MEMORY_FAULT, vcpu->run->exit_reason);
	fault = (const void *)&vcpu->run->mmio;
	EXPECT_EQ(0x4000, fault->gpa);
	EXPECT_EQ(PAGE_SIZE, fault->size);
	EXPECT_EQ(0, fault->flags);
	vm_destroy(&vm);
}

TEST_HARNESS_MAIN
