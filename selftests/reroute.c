// SPDX-License-Identifier: GPL-2.0-only
/*
 * Routes of GSIs that are replaced while their interrupts fire: an edge is lost by neither the old route nor the new
 * one, and a line that is up goes with its GSI; and routes that lead nowhere.
 */
#include "test.h"
#include "chips.h"
#include "runner.h"
#include "events.h"

#include <pthread.h>
#include <unistd.h>

#define GSI	10
#define VECTOR	0x61	/* of pin 10; pin 11 has the next one, and an MSI the one after that */
#define WAYS	3

FIXTURE(reroute) {
	struct vm vm;
	struct vcpu *vcpu;
	int fd;
};

FIXTURE_SETUP(reroute)
{
	vm_create(&self->vm, VM_IRQCHIP);
	self->vcpu = vcpu_create(&self->vm, 0);
	self->fd = new_eventfd(0);
}

FIXTURE_TEARDOWN(reroute)
{
	vm_destroy(&self->vm);
	close(self->fd);
}

struct route_table {
	struct kvm_irq_routing head;
	struct kvm_irq_routing_entry entry[4];
};

static void add_pin(struct route_table *table, u32 gsi, u32 chip, u32 pin)
{
	table->entry[table->head.nr++] = (struct kvm_irq_routing_entry){
		.gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = { .irqchip = chip, .pin = pin },
	};
}

static void add_msi(struct route_table *table, u32 gsi, u32 dest, u32 data)
{
	table->entry[table->head.nr++] = (struct kvm_irq_routing_entry){
		.gsi = gsi, .type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = APIC_BASE | dest << 12, .data = data },
	};
}

static void set_routes(struct vm *vm, struct route_table *table)
{
	kvm_must(vm->fd, KVM_SET_GSI_ROUTING, table);
}

/* GSI to one pin of the I/O APIC */
static void route_pin(struct vm *vm, u32 pin)
{
	struct route_table table = {};

	add_pin(&table, GSI, KVM_IRQCHIP_IOAPIC, pin);
	set_routes(vm, &table);
}

/* one of the WAYS that GSI can go; each has a vector of its own */
static void route_way(struct vm *vm, u32 way)
{
	struct route_table table = {};

	if (way < 2) {
		route_pin(vm, 10 + way);
		return;
	}
	add_msi(&table, GSI, 0, VECTOR + 2);
	set_routes(vm, &table);
}

static int irqfd(struct vm *vm, int fd, u32 gsi, int resample)
{
	struct kvm_irqfd args = { .fd = fd, .gsi = gsi };

	if (resample >= 0) {
		args.resamplefd = resample;
		args.flags = KVM_IRQFD_FLAG_RESAMPLE;
	}
	return kvm_ioctl(vm->fd, KVM_IRQFD, &args);
}

/* the guest's own */
static volatile u64 total, hits[256];
static volatile bool over;

static void on_vector(struct guest_frame *frame)
{
	hits[frame->vector]++;
	total++;
	guest_apic_write(APIC_EOI, 0);
}

/* does not end it */
static void on_level(struct guest_frame *frame)
{
	hits[frame->vector]++;
	total++;
}

static void guest_ready(guest_handler handler, u64 trigger)
{
	u32 vector;

	for (vector = 0x20; vector < 0x100; vector++)
		guest_handlers[vector] = handler;
	guest_apic_enable(true);
	guest_pic_init(0);
	guest_ioapic_set(10, trigger | VECTOR);
	guest_ioapic_set(11, trigger | (VECTOR + 1));
}

static void guest_listens(u64 unused)
{
	guest_ready(on_vector, 0);
	guest_sync(1);
	guest_sti();
	while (!over)
		guest_pause();
	guest_cli();
}

/* one thread signals as soon as the signal before has arrived, one moves the route, one is the guest */

#define SIGNALS 1000

struct device {
	int fd;
	volatile u64 *arrived;
	u64 signals;
	volatile bool done;
};

static void *signal_all(void *argument)
{
	struct device *device = argument;
	u64 i;

	for (i = 1; i <= device->signals; i++) {
		signal_fd(device->fd);
		wait_for_word(device->arrived, i);
	}
	device->done = true;
	return NULL;
}

TEST_F(reroute, under_traffic)
{
	struct device device = { .fd = self->fd, .signals = rounds_here(SIGNALS) };
	u64 moves = 0, sum = 0, i;
	struct runner runner;
	pthread_t thread;

	route_way(&self->vm, 0);
	ASSERT_EQ(0, irqfd(&self->vm, self->fd, GSI, -1));
	vcpu_set_guest(self->vcpu, guest_listens, 0);
	call_wait_sync(self->vcpu, 1);
	device.arrived = (u64 *)guest_copy(&self->vm, total);
	runner_start(&runner, self->vcpu);
	ASSERT_EQ(0, pthread_create(&thread, NULL, signal_all, &device));
	while (!device.done)
		route_way(&self->vm, ++moves % WAYS);
	pthread_join(thread, NULL);
	*guest_copy(&self->vm, over) = true;
	runner_join(&runner);
	EXPECT_LE(WAYS, moves);
	for (i = 0; i < WAYS; i++) {
		EXPECT_LT(0, guest_copy(&self->vm, hits)[0][VECTOR + i]);
		sum += guest_copy(&self->vm, hits)[0][VECTOR + i];
	}
	EXPECT_EQ(device.signals, sum);
	EXPECT_EQ(device.signals, *device.arrived);
}

/* from the end of the ioctl on the old route is used no more: the APIC of a vCPU that stands still keeps what comes */

struct signaller {
	int fd;
	volatile u64 sent;
	volatile bool stop;
};

static void *signal_until_stopped(void *argument)
{
	struct signaller *signaller = argument;

	while (!signaller->stop) {
		signal_fd(signaller->fd);
		signaller->sent++;
	}
	return NULL;
}

static u32 *irr_word(struct kvm_lapic_state *state, u32 vector)
{
	return (u32 *)(state->regs + APIC_IRR + vector / 32 * 16);
}

TEST_F(reroute, old_route_is_dead)
{
	struct signaller signaller = { .fd = self->fd };
	struct kvm_lapic_state empty, state;
	pthread_t thread;
	u64 round, sent;

	route_way(&self->vm, 0);
	ASSERT_EQ(0, irqfd(&self->vm, self->fd, GSI, -1));
	vcpu_set_guest(self->vcpu, guest_listens, 0);
	call_wait_sync(self->vcpu, 1);
	kvm_must(self->vcpu->fd, KVM_GET_LAPIC, &empty);
	ASSERT_EQ(0, *irr_word(&empty, VECTOR));
	ASSERT_EQ(0, pthread_create(&thread, NULL, signal_until_stopped, &signaller));
	for (round = 0; round < rounds_here(300); round++) {
		route_way(&self->vm, round % WAYS);
		kvm_must(self->vcpu->fd, KVM_SET_LAPIC, &empty);
		for (sent = signaller.sent; signaller.sent < sent + 2;)
			usleep(100);
		kvm_must(self->vcpu->fd, KVM_GET_LAPIC, &state);
		ASSERT_EQ(1u << (VECTOR + round % WAYS) % 32, *irr_word(&state, VECTOR));
	}
	signaller.stop = true;
	pthread_join(thread, NULL);
}

/* levels */

/* calls 1: interrupts may come now; 2: one was taken; 3: it has ended */
static void guest_takes_levels(u64 unused)
{
	u64 before;

	guest_ready(on_level, IOAPIC_LEVEL);
	for (;;) {
		before = total;
		guest_sync2(1, total);
		guest_sti();
		guest_nop();
		guest_cli();
		if (total == before)
			continue;
		guest_sync2(2, total);
		guest_apic_write(APIC_EOI, 0);
		guest_sync2(3, total);
	}
}

static u32 lines_up(struct vm *vm)
{
	return vm_get_irqchip(vm, KVM_IRQCHIP_IOAPIC).chip.ioapic.irr;
}

#define TAKEN(count) EXPECT_EQ(count, call_wait_sync(self->vcpu, 2))
#define ENDED(count) EXPECT_EQ(count, call_wait_sync(self->vcpu, 3))
#define READY(count) EXPECT_EQ(count, call_wait_sync(self->vcpu, 1))
#define HITS(vector) (guest_copy(&self->vm, hits)[0][vector])

TEST_F(reroute, level_goes_along)
{
	route_pin(&self->vm, 10);
	vcpu_set_guest(self->vcpu, guest_takes_levels, 0);
	READY(0);
	vm_irq_line(&self->vm, GSI, true);
	TAKEN(1);
	/* in service there: its end brings no other, but that of the pin that is up now */
	route_pin(&self->vm, 11);
	EXPECT_EQ(1 << 11, lines_up(&self->vm));
	ENDED(1);
	READY(1);
	TAKEN(2);
	EXPECT_EQ(1, HITS(VECTOR));
	EXPECT_EQ(1, HITS(VECTOR + 1));
	/* and it is lowered there */
	vm_irq_line(&self->vm, GSI, false);
	EXPECT_EQ(0, lines_up(&self->vm));
	ENDED(2);
	READY(2);
	READY(2);
	/* without a route it is up nowhere, nor will it be */
	vm_irq_line(&self->vm, GSI, true);
	TAKEN(3);
	route_way(&self->vm, 2);
	EXPECT_EQ(0, lines_up(&self->vm));
	ENDED(3);
	route_pin(&self->vm, 10);
	EXPECT_EQ(0, lines_up(&self->vm));
	READY(3);
	READY(3);
}

TEST_F(reroute, resampled_level_goes_along)
{
	int ask = new_eventfd(0);

	route_pin(&self->vm, 10);
	ASSERT_EQ(0, irqfd(&self->vm, self->fd, GSI, ask));
	vcpu_set_guest(self->vcpu, guest_takes_levels, 0);
	READY(0);
	signal_fd(self->fd);
	TAKEN(1);
	route_pin(&self->vm, 11);
	/* it did not end where it is now: nobody is asked */
	ENDED(1);
	EXPECT_EQ(0, signals(ask));
	READY(1);
	TAKEN(2);
	ENDED(2);
	EXPECT_EQ(1, signals(ask));
	EXPECT_EQ(0, lines_up(&self->vm));
	READY(2);
	READY(2);
	EXPECT_EQ(1, HITS(VECTOR));
	EXPECT_EQ(1, HITS(VECTOR + 1));
	close(ask);
}

TEST_F(reroute, two_change_places)
{
	struct route_table table = {}, swapped = {};
	struct kvm_irqchip chip;

	add_pin(&table, GSI, KVM_IRQCHIP_IOAPIC, 10);
	add_pin(&table, GSI, KVM_IRQCHIP_PIC_SLAVE, 2);
	add_pin(&table, GSI + 1, KVM_IRQCHIP_IOAPIC, 11);
	add_pin(&table, GSI + 1, KVM_IRQCHIP_PIC_MASTER, 5);
	add_pin(&swapped, GSI, KVM_IRQCHIP_IOAPIC, 11);
	add_pin(&swapped, GSI, KVM_IRQCHIP_PIC_MASTER, 5);
	add_pin(&swapped, GSI + 1, KVM_IRQCHIP_IOAPIC, 10);
	add_pin(&swapped, GSI + 1, KVM_IRQCHIP_PIC_SLAVE, 2);
	set_routes(&self->vm, &table);
	vm_irq_line(&self->vm, GSI, true);
	EXPECT_EQ(1 << 10, lines_up(&self->vm));
	set_routes(&self->vm, &swapped);
	EXPECT_EQ(1 << 11, lines_up(&self->vm));
	chip = vm_get_irqchip(&self->vm, KVM_IRQCHIP_PIC_MASTER);
	EXPECT_EQ(1 << 5, chip.chip.pic.last_irr & ~(1 << 2));
	chip = vm_get_irqchip(&self->vm, KVM_IRQCHIP_PIC_SLAVE);
	EXPECT_EQ(0, chip.chip.pic.last_irr);
	vm_irq_line(&self->vm, GSI + 1, true);
	set_routes(&self->vm, &table);
	EXPECT_EQ(1 << 10 | 1 << 11, lines_up(&self->vm));
	vm_irq_line(&self->vm, GSI, false);
	EXPECT_EQ(1 << 11, lines_up(&self->vm));
	vm_irq_line(&self->vm, GSI + 1, false);
	EXPECT_EQ(0, lines_up(&self->vm));
}

/* the host is unhurt by routes to nobody, to no vector, in modes that do not exist; and the next one works */
TEST_F(reroute, to_nothing)
{
	static const u32 nowhere[] = {
		/* fixed to vectors that are exceptions, SMI, reserved, a level */
		0, 15, 0x200, 0x300, 0x8000,
	};
	struct route_table table = {};
	u32 i;

	ASSERT_EQ(0, irqfd(&self->vm, self->fd, GSI, -1));
	vcpu_set_guest(self->vcpu, guest_takes_levels, 0);
	set_routes(&self->vm, &table);
	READY(0);
	signal_fd(self->fd);
	EXPECT_EQ(-1, vm_irq_line_status(&self->vm, GSI, true));
	EXPECT_EQ(-1, vm_irq_line_status(&self->vm, ~0u, true));
	READY(0);
	add_msi(&table, GSI, 77, VECTOR);
	set_routes(&self->vm, &table);
	signal_fd(self->fd);
	EXPECT_EQ(0, vm_irq_line_status(&self->vm, GSI, true));
	for (i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		table.head.nr = 0;
		add_msi(&table, GSI, 0, nowhere[i]);
		set_routes(&self->vm, &table);
		signal_fd(self->fd);
		vm_irq_line(&self->vm, GSI, true);
		READY(0);
	}
	route_pin(&self->vm, 12);
	signal_fd(self->fd);
	EXPECT_EQ(-1, vm_irq_line_status(&self->vm, GSI, true));
	READY(0);
	vm_irq_line(&self->vm, GSI, false);
	route_way(&self->vm, 2);
	signal_fd(self->fd);
	TAKEN(1);
	EXPECT_EQ(1, HITS(VECTOR + 2));
}

TEST_HARNESS_MAIN
