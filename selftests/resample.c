// SPDX-License-Identifier: GPL-2.0-only
/*
 * Irqfds that hold a line until its interrupt ends: at that moment the line falls, and the owner is asked by a second
 * eventfd whether it is to rise again. Through the I/O APIC, as a level and as an edge, and through the PIC.
 */
#include "test.h"
#include "chips.h"
#include "events.h"

#include <pthread.h>
#include <unistd.h>

#define VECTOR	0x61
#define GSI	10
#define ROUNDS	200

enum chip_way { BY_LEVEL, BY_EDGE, BY_PIC };

FIXTURE(resample) {
	struct vm vm;
	struct vcpu *vcpu;
	int raise, ask;
};

FIXTURE_VARIANT(resample) {
	enum chip_way way;
};

FIXTURE_VARIANT_ADD(resample, level) { .way = BY_LEVEL };
FIXTURE_VARIANT_ADD(resample, edge) { .way = BY_EDGE };
FIXTURE_VARIANT_ADD(resample, pic) { .way = BY_PIC };

FIXTURE_SETUP(resample)
{
	vm_create(&self->vm, VM_IRQCHIP);
	self->vcpu = vcpu_create(&self->vm, 0);
	self->raise = new_eventfd(0);
	self->ask = new_eventfd(0);
}

FIXTURE_TEARDOWN(resample)
{
	vm_destroy(&self->vm);
	close(self->raise);
	close(self->ask);
}

static int irqfd(struct vm *vm, int fd, int resample)
{
	struct kvm_irqfd args = { .fd = fd, .gsi = GSI, .resamplefd = resample, .flags = KVM_IRQFD_FLAG_RESAMPLE };

	return kvm_ioctl(vm->fd, KVM_IRQFD, &args);
}

static int irqfd_remove(struct vm *vm, int fd)
{
	struct kvm_irqfd args = { .fd = fd, .gsi = GSI, .flags = KVM_IRQFD_FLAG_DEASSIGN };

	return kvm_ioctl(vm->fd, KVM_IRQFD, &args);
}

/* the guest's own */
static volatile u64 hits;

static void take(struct guest_frame *frame)
{
	hits++;
}

static void guest_listen(enum chip_way way, guest_handler handler)
{
	guest_handlers[VECTOR] = handler;
	guest_handlers[PIC_BASE + GSI] = handler;
	guest_apic_enable(false);
	guest_pic_init(0);
	if (way != BY_PIC) {
		guest_ioapic_set(GSI, VECTOR | (way == BY_LEVEL ? IOAPIC_LEVEL : 0));
		return;
	}
	guest_apic_write(APIC_LVT0, LVT_EXTINT);
	guest_out8(PIC_ELCR + 1, 1 << (GSI - 8));
	guest_pic_mask(1 << GSI | 1 << 2);
}

/* calls 1: interrupts may come now; 2: one was taken; 3: it has ended */
static void guest_takes(u64 way)
{
	u64 before;

	guest_listen(way, take);
	for (;;) {
		before = hits;
		guest_sync2(1, hits);
		guest_sti();
		guest_nop();
		guest_cli();
		if (hits == before)
			continue;
		guest_sync2(2, hits);
		if (way == BY_PIC)
			guest_pic_eoi(GSI);
		else
			guest_apic_write(APIC_EOI, 0);
		guest_sync2(3, hits);
	}
}

static bool line_is_up(struct vm *vm)
{
	struct kvm_irqchip chip = vm_get_irqchip(vm, KVM_IRQCHIP_PIC_SLAVE);

	return chip.chip.pic.last_irr & 1 << (GSI - 8);
}

#define BEGIN() do {								\
	vcpu_set_guest(self->vcpu, guest_takes, variant->way);			\
	EXPECT_EQ(0, call_wait_sync(self->vcpu, 1));				\
} while (0)

TEST_F(resample, bad_input)
{
	int pipe_fds[2];

	ASSERT_EQ(1, vm_has(&self->vm, KVM_CAP_IRQFD_RESAMPLE));
	ASSERT_EQ(0, pipe(pipe_fds));
	EXPECT_EQ(-EBADF, irqfd(&self->vm, self->raise, -1));
	EXPECT_EQ(-EINVAL, irqfd(&self->vm, self->raise, pipe_fds[0]));
	EXPECT_EQ(0, irqfd(&self->vm, self->raise, self->ask));
	EXPECT_EQ(-EBUSY, irqfd(&self->vm, self->raise, self->ask));
	EXPECT_EQ(0, irqfd_remove(&self->vm, self->raise));
	/* asking itself is odd, but nobody is hurt */
	EXPECT_EQ(0, irqfd(&self->vm, self->ask, self->ask));
	signal_fd(self->ask);
	EXPECT_TRUE(line_is_up(&self->vm));
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

TEST_F(resample, asks_at_the_end)
{
	u64 i;

	ASSERT_EQ(0, irqfd(&self->vm, self->raise, self->ask));
	BEGIN();
	for (i = 1; i <= 10; i++) {
		signal_fd(self->raise);
		EXPECT_EQ(i, call_wait_sync(self->vcpu, 2));
		/* in service: the line is still up, and nobody is asked */
		EXPECT_TRUE(line_is_up(&self->vm));
		EXPECT_EQ(0, signals(self->ask));
		EXPECT_EQ(i, call_wait_sync(self->vcpu, 3));
		EXPECT_FALSE(line_is_up(&self->vm));
		EXPECT_EQ(1, signals(self->ask));
		EXPECT_EQ(i, call_wait_sync(self->vcpu, 1));
	}
	EXPECT_EQ(10, call_wait_sync(self->vcpu, 1));
	EXPECT_EQ(0, signals(self->ask));
}

/* all who share the line are asked, and those who left are not; the VMM's own hold is not let go */
TEST_F(resample, shared)
{
	int raise = new_eventfd(0), ask = new_eventfd(0);

	ASSERT_EQ(0, irqfd(&self->vm, self->raise, self->ask));
	ASSERT_EQ(0, irqfd(&self->vm, raise, ask));
	BEGIN();
	signal_fd(raise);
	signal_fd(self->raise);
	EXPECT_EQ(1, call_wait_sync(self->vcpu, 2));
	EXPECT_EQ(1, call_wait_sync(self->vcpu, 3));
	EXPECT_EQ(1, signals(ask));
	EXPECT_EQ(1, signals(self->ask));
	EXPECT_EQ(1, call_wait_sync(self->vcpu, 1));

	vm_irq_line(&self->vm, GSI, true);
	EXPECT_EQ(2, call_wait_sync(self->vcpu, 2));
	ASSERT_EQ(0, irqfd_remove(&self->vm, raise));
	EXPECT_EQ(2, call_wait_sync(self->vcpu, 3));
	EXPECT_TRUE(line_is_up(&self->vm));
	EXPECT_EQ(0, signals(ask));
	EXPECT_EQ(1, signals(self->ask));
	vm_irq_line(&self->vm, GSI, false);
	EXPECT_FALSE(line_is_up(&self->vm));
	close(raise);
	close(ask);
}

TEST_F(resample, who_leaves_lets_go)
{
	ASSERT_EQ(0, irqfd(&self->vm, self->raise, self->ask));
	BEGIN();
	signal_fd(self->raise);
	EXPECT_TRUE(line_is_up(&self->vm));
	ASSERT_EQ(0, irqfd_remove(&self->vm, self->raise));
	EXPECT_FALSE(line_is_up(&self->vm));
	if (variant->way != BY_PIC) {
		EXPECT_EQ(1, call_wait_sync(self->vcpu, 2));
		EXPECT_EQ(1, call_wait_sync(self->vcpu, 3));
	}
	EXPECT_EQ(0, signals(self->ask));
	/* and whoever is closed has left */
	ASSERT_EQ(0, irqfd(&self->vm, self->raise, self->ask));
	signal_fd(self->raise);
	EXPECT_TRUE(line_is_up(&self->vm));
	close(self->raise);
	while (line_is_up(&self->vm))
		usleep(1000);
	self->raise = new_eventfd(0);
}

/* who is to be asked may be closed by then */
TEST_F(resample, nobody_to_ask)
{
	ASSERT_EQ(0, irqfd(&self->vm, self->raise, self->ask));
	BEGIN();
	signal_fd(self->raise);
	EXPECT_EQ(1, call_wait_sync(self->vcpu, 2));
	close(self->ask);
	EXPECT_EQ(1, call_wait_sync(self->vcpu, 3));
	EXPECT_FALSE(line_is_up(&self->vm));
	EXPECT_EQ(1, call_wait_sync(self->vcpu, 1));
	signal_fd(self->raise);
	EXPECT_EQ(2, call_wait_sync(self->vcpu, 2));
	EXPECT_EQ(2, call_wait_sync(self->vcpu, 3));
	self->ask = new_eventfd(0);
}

/* a device that has ROUNDS things to tell, one after the other, from a thread of its own */

static volatile u64 rounds_told;

static void on_round(struct guest_frame *frame)
{
	hits++;
	if (frame->vector == VECTOR)
		guest_apic_write(APIC_EOI, 0);
	else
		guest_pic_eoi(GSI);
}

static void guest_takes_rounds(u64 way)
{
	guest_listen(way, on_round);
	guest_sync(1);
	while (hits < ROUNDS) {
		guest_sti_hlt();
		guest_cli();
	}
	GUEST_EXPECT_EQ(ROUNDS, hits);
}

struct device {
	int raise, ask;
};

static void *tell(void *argument)
{
	struct device *device = argument;

	for (rounds_told = 0; rounds_told < ROUNDS; rounds_told++) {
		signal_fd(device->raise);
		while (!signals(device->ask))
			usleep(50);
	}
	return NULL;
}

TEST_F(resample, traffic)
{
	struct device device = { self->raise, self->ask };
	pthread_t thread;

	ASSERT_EQ(0, irqfd(&self->vm, self->raise, self->ask));
	vcpu_set_guest(self->vcpu, guest_takes_rounds, variant->way);
	call_wait_sync(self->vcpu, 1);
	ASSERT_EQ(0, pthread_create(&thread, NULL, tell, &device));
	call_wait_done(self->vcpu);
	pthread_join(thread, NULL);
	EXPECT_EQ(ROUNDS, rounds_told);
}

TEST_HARNESS_MAIN
