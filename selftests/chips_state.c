// SPDX-License-Identifier: GPL-2.0-only
/*
 * A machine is stopped at any moment of its traffic, all its chips are saved, and another machine goes on with them:
 * each interrupt comes once. By edges, levels and messages, through local APIC, I/O APIC and PIC.
 *
 * QEMU's TCG delivers one twice now and then (Documentation/testing.md). Such an echo is told by where it comes, before
 * the first instruction of its own entry, where IF is clear, and is counted apart. Any other processor must have none.
 */
#include "test.h"
#include "chips.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STEPS		1500	/* fewer where the kernel watches */
#define DEVICE_PORT	0x700
#define MAX_ECHOES	3	/* TCG's are rare: more are our own doing */

/* Each way has a vector that says all of it. */
enum way { EDGE, LEVEL, MESSAGE, PIC_EDGE, PIC_LEVEL, NR_WAYS };

#define EDGE_GSI	20
#define LEVEL_GSI	21
#define PIC_GSI		5
#define PIC_LEVEL_GSI	10

static const u8 vectors[NR_WAYS] = { 0x61, 0x71, 0x81, PIC_BASE + PIC_GSI, PIC_BASE + PIC_LEVEL_GSI };

FIXTURE(chips_state) {
	struct vm vm;
	struct vcpu *vcpu;
	unsigned int seed;
	u64 sent[NR_WAYS], moves, busy_moves;
	bool up[NR_WAYS];	/* the level's device has not been asked to let go */
};

FIXTURE_VARIANT(chips_state) {
	bool x2apic;
};

FIXTURE_VARIANT_ADD(chips_state, xapic) { .x2apic = false };
FIXTURE_VARIANT_ADD(chips_state, x2apic) { .x2apic = true };

FIXTURE_SETUP(chips_state)
{
	vm_create(&self->vm, VM_IRQCHIP);
	self->vcpu = vcpu_create(&self->vm, 0);
	self->seed = 1;
}

FIXTURE_TEARDOWN(chips_state)
{
	vm_destroy(&self->vm);
}

/* the guest's own */
static volatile u64 hits[256], echoes;

static bool is_echo(const struct guest_frame *frame)
{
	return !(frame->rflags & RFLAGS_IF) && frame->rip == guest_entries[frame->vector];
}

/* a level is the device's until it is asked to let go */
static void on_interrupt(struct guest_frame *frame)
{
	u64 vector = frame->vector;

	if (is_echo(frame)) {
		echoes++;
		return;
	}
	hits[vector]++;
	if (vector == vectors[LEVEL] || vector == vectors[PIC_LEVEL])
		guest_out8(DEVICE_PORT, vector);
	if (vector < PIC_BASE + 16)
		guest_pic_eoi(vector - PIC_BASE);
	else
		guest_apic_write(APIC_EOI, 0);
}

static void guest_main(u64 x2apic)
{
	u64 way;

	for (way = 0; way < NR_WAYS; way++)
		guest_handlers[vectors[way]] = on_interrupt;
	guest_apic_enable(x2apic);
	guest_pic_init(1 << PIC_GSI | 1 << PIC_LEVEL_GSI | 1 << 2);
	guest_out8(PIC_ELCR + 1, 1 << (PIC_LEVEL_GSI - 8));
	guest_apic_write(APIC_LVT0, LVT_EXTINT);
	guest_ioapic_set(EDGE_GSI, vectors[EDGE]);
	guest_ioapic_set(LEVEL_GSI, IOAPIC_LEVEL | vectors[LEVEL]);
	for (;;) {
		guest_sync(1);
		guest_sti();
		guest_nop();
		guest_nop();
		guest_cli();
	}
}

/* all that two machines must have in common, but for memory, which moves as it is */
struct saved {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_fpu fpu;
	struct kvm_lapic_state lapic;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp_state;
	struct kvm_irqchip chips[3];
};

static void save(struct vm *vm, struct vcpu *vcpu, struct saved *saved)
{
	u32 i;

	kvm_must(vcpu->fd, KVM_GET_MP_STATE, &saved->mp_state);
	vcpu_get_regs(vcpu, &saved->regs);
	vcpu_get_sregs(vcpu, &saved->sregs);
	kvm_must(vcpu->fd, KVM_GET_FPU, &saved->fpu);
	kvm_must(vcpu->fd, KVM_GET_VCPU_EVENTS, &saved->events);
	kvm_must(vcpu->fd, KVM_GET_LAPIC, &saved->lapic);
	for (i = 0; i < 3; i++)
		saved->chips[i] = vm_get_irqchip(vm, i);
}

static void load_chips(struct vm *vm, struct saved *saved)
{
	u32 i;

	for (i = 0; i < 3; i++)
		kvm_must(vm->fd, KVM_SET_IRQCHIP, &saved->chips[i]);
}

static void load(struct vm *vm, struct vcpu *vcpu, struct saved *saved, bool chips_first)
{
	if (chips_first)
		load_chips(vm, saved);
	vcpu_set_sregs(vcpu, &saved->sregs);
	vcpu_set_regs(vcpu, &saved->regs);
	kvm_must(vcpu->fd, KVM_SET_FPU, &saved->fpu);
	kvm_must(vcpu->fd, KVM_SET_LAPIC, &saved->lapic);
	kvm_must(vcpu->fd, KVM_SET_VCPU_EVENTS, &saved->events);
	kvm_must(vcpu->fd, KVM_SET_MP_STATE, &saved->mp_state);
	if (!chips_first)
		load_chips(vm, saved);
}

static bool is_busy(const struct saved *saved)
{
	u32 reg, bits = saved->events.interrupt.injected;

	for (reg = APIC_ISR; reg < APIC_ISR + 0x80; reg += 0x10)
		bits |= *(const u32 *)(saved->lapic.regs + reg);
	for (reg = APIC_IRR; reg < APIC_IRR + 0x80; reg += 0x10)
		bits |= *(const u32 *)(saved->lapic.regs + reg);
	return bits || saved->chips[0].chip.pic.isr || saved->chips[0].chip.pic.irr;
}

static void move(FIXTURE_DATA(chips_state) *self)
{
	struct vm old = self->vm;
	struct saved saved = {};

	/* what the last exit began ends first */
	self->vcpu->run->immediate_exit = 1;
	if (vcpu_run(self->vcpu) != -EINTR)
		die("an immediate exit that is none");
	self->vcpu->run->immediate_exit = 0;
	save(&old, self->vcpu, &saved);
	self->moves++;
	self->busy_moves += is_busy(&saved);

	vm_create(&self->vm, VM_IRQCHIP | VM_NO_RAM);
	self->vm.ram = old.ram;
	self->vm.next_table = old.next_table;
	self->vm.guest_cr3 = old.guest_cr3;
	if (vm_slot(&self->vm, RAM_SLOT, 0, 0, RAM_SIZE, old.ram))
		die("no memory for the other machine");
	self->vcpu = vcpu_create(&self->vm, 0);
	load(&self->vm, self->vcpu, &saved, self->moves & 1);
	old.ram = NULL;
	old.vcpus[0]->vm = &old;
	vm_destroy(&old);
}

/* whether the alarm may come: it is for KVM_RUN alone */
static void let_alarm_in(bool in)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(in ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

static u64 taken(FIXTURE_DATA(chips_state) *self, enum way way)
{
	return guest_copy(&self->vm, hits)[0][vectors[way]];
}

static void pulse(struct vm *vm, u32 gsi)
{
	vm_irq_line(vm, gsi, true);
	vm_irq_line(vm, gsi, false);
}

static void send(FIXTURE_DATA(chips_state) *self, enum way way)
{
	struct kvm_msi msi = { .address_lo = APIC_BASE, .data = vectors[MESSAGE] };
	struct vm *vm = &self->vm;

	self->sent[way]++;
	switch (way) {
	case EDGE:
		pulse(vm, EDGE_GSI);
		break;
	case LEVEL:
		self->up[way] = true;
		vm_irq_line(vm, LEVEL_GSI, true);
		break;
	case MESSAGE:
		if (kvm_ioctl(vm->fd, KVM_SIGNAL_MSI, &msi) != 1)
			die("nobody took a message");
		break;
	case PIC_EDGE:
		pulse(vm, PIC_GSI);
		break;
	case PIC_LEVEL:
		self->up[way] = true;
		vm_irq_line(vm, PIC_LEVEL_GSI, true);
		break;
	default:
		break;
	}
}

/* Return: did the guest come to its own call? */
static bool step(FIXTURE_DATA(chips_state) *self)
{
	struct kvm_run *run = self->vcpu->run;
	enum way way;
	int ret;

	let_alarm_in(true);
	ret = vcpu_run(self->vcpu);
	let_alarm_in(false);

	if (ret == -EINTR)
		return false;
	if (ret || run->exit_reason != KVM_EXIT_IO)
		die("KVM_RUN: %d, exit %s", ret, exit_name(run->exit_reason));
	if (run->io.port != DEVICE_PORT)
		return true;
	way = io_value(self->vcpu) == vectors[LEVEL] ? LEVEL : PIC_LEVEL;
	vm_irq_line(&self->vm, way == LEVEL ? LEVEL_GSI : PIC_LEVEL_GSI, false);
	self->up[way] = false;
	return false;
}

static void on_alarm(int unused)
{
}

static timer_t alarm_each(u64 ns)
{
	struct itimerspec time = { .it_value.tv_nsec = ns, .it_interval.tv_nsec = ns };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct sigaction action = { .sa_handler = on_alarm };
	timer_t timer;

	sigaction(SIGUSR1, &action, NULL);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &time, NULL))
		die("no timer: %s", strerror(errno));
	return timer;
}

TEST_F(chips_state, moves_under_traffic)
{
	u64 i, way, calls, steps = rounds_here(STEPS);
	timer_t timer;

	let_alarm_in(false);
	/* often, but not so often that a slow machine does nothing else */
	timer = alarm_each(2800000 / rounds_here(4));
	vcpu_set_guest(self->vcpu, guest_main, variant->x2apic);
	while (!step(self))
		;
	for (i = 0; i < steps; i++) {
		for (way = 0; way < NR_WAYS; way++) {
			ASSERT_LE(taken(self, way), self->sent[way])
				TH_LOG("vector %#x", vectors[way]);
			/* one that nobody has taken yet would be one with the next */
			if (taken(self, way) == self->sent[way] && !self->up[way] &&
			    rand_r(&self->seed) % 3 == 0)
				send(self, way);
		}
		step(self);
		if (rand_r(&self->seed) % 8 == 0)
			move(self);
	}
	timer_delete(timer);
	for (calls = 0; calls < 3; calls += step(self))
		;
	for (way = 0; way < NR_WAYS; way++) {
		EXPECT_LT(steps / 40, self->sent[way]);
		EXPECT_EQ(self->sent[way], taken(self, way))
			TH_LOG("vector %#x", vectors[way]);
	}
	EXPECT_LE(*guest_copy(&self->vm, echoes), machine_is_tcg() ? MAX_ECHOES : 0);
	EXPECT_LT(steps / 16, self->moves);
	EXPECT_LT(self->moves / 4, self->busy_moves);
}

TEST_HARNESS_MAIN
