// SPDX-License-Identifier: GPL-2.0-only
/*
 * Irqfds: a signal on an eventfd is an interrupt of the guest, by the route of the moment; with owners that close their
 * eventfds when they like, and routes that change under traffic.
 */
#include "test.h"
#include "apic.h"
#include "events.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GSI	24
#define VECTOR	0x40
#define VECTORS	128

FIXTURE(irqfd) {
	struct vm vm;
	struct vcpu *vcpu;
	int fd;
};

FIXTURE_SETUP(irqfd)
{
	vm_create(&self->vm, VM_SPLIT_IRQCHIP);
	self->vcpu = vcpu_create(&self->vm, 0);
	self->fd = new_eventfd(0);
}

FIXTURE_TEARDOWN(irqfd)
{
	vm_destroy(&self->vm);
	close(self->fd);
}

static int irqfd(struct vm *vm, int fd, u32 gsi, u32 flags)
{
	struct kvm_irqfd args = { .fd = fd, .gsi = gsi, .flags = flags };

	return kvm_ioctl(vm->fd, KVM_IRQFD, &args);
}

/* GSI, GSI + 1, ... to vectors of vCPU 0 */
static int route(struct vm *vm, const u8 *vectors, u32 count)
{
	struct kvm_irq_routing *routing;
	u32 i;
	int ret;

	routing = calloc(1, sizeof(*routing) + count * sizeof(routing->entries[0]));
	routing->nr = count;
	for (i = 0; i < count; i++) {
		routing->entries[i].gsi = GSI + i;
		routing->entries[i].type = KVM_IRQ_ROUTING_MSI;
		routing->entries[i].u.msi.address_lo = APIC_BASE;
		routing->entries[i].u.msi.data = vectors[i];
	}
	ret = kvm_ioctl(vm->fd, KVM_SET_GSI_ROUTING, routing);
	free(routing);
	return ret;
}

static int route_one(struct vm *vm, u8 vector)
{
	return route(vm, &vector, 1);
}

/* the guest's own */
static volatile u64 hits[256], total;

static void on_vector(struct guest_frame *frame)
{
	hits[frame->vector]++;
	total++;
	guest_apic_write(APIC_EOI, 0);
}

static void guest_ready(void)
{
	u32 vector;

	for (vector = 0x20; vector < 256; vector++)
		guest_handlers[vector] = on_vector;
	guest_apic_enable(true);
}

/* takes what is pending each time it is run, and reports how many interrupts there were in all */
static void guest_takes(u64 unused)
{
	guest_ready();
	for (;;) {
		guest_sync2(1, total);
		guest_sti();
		guest_nop();
		guest_nop();
		guest_cli();
	}
}

static u64 taken(struct vcpu *vcpu)
{
	return call_wait_sync(vcpu, 1);
}

TEST_F(irqfd, bad_input)
{
	struct vm *vm = &self->vm;
	int pipe_fds[2];
	struct vm other;

	ASSERT_EQ(1, vm_has(vm, KVM_CAP_IRQFD));
	ASSERT_EQ(0, pipe(pipe_fds));
	EXPECT_EQ(-EINVAL, irqfd(vm, self->fd, GSI, 4));
	EXPECT_EQ(-EINVAL, irqfd(vm, self->fd, GSI, 1u << 31 | KVM_IRQFD_FLAG_DEASSIGN));
	EXPECT_EQ(-EBADF, irqfd(vm, -1, GSI, 0));
	EXPECT_EQ(-EBADF, irqfd(vm, -1, GSI, KVM_IRQFD_FLAG_DEASSIGN));
	EXPECT_EQ(-EINVAL, irqfd(vm, pipe_fds[0], GSI, 0));
	EXPECT_EQ(-EFAULT, kvm_ioctl(vm->fd, KVM_IRQFD, NULL));
	/* levels need an IOAPIC that tells of its EOIs */
	EXPECT_EQ(-EINVAL, irqfd(vm, self->fd, GSI, KVM_IRQFD_FLAG_RESAMPLE));
	EXPECT_EQ(0, irqfd(vm, self->fd, GSI, 0));
	EXPECT_EQ(-EBUSY, irqfd(vm, self->fd, GSI, 0));
	EXPECT_EQ(-EBUSY, irqfd(vm, self->fd, GSI + 1, 0));
	/* what is not there need not be removed */
	EXPECT_EQ(0, irqfd(vm, self->fd, GSI + 1, KVM_IRQFD_FLAG_DEASSIGN));
	EXPECT_EQ(-EBUSY, irqfd(vm, self->fd, GSI, 0));
	EXPECT_EQ(0, irqfd(vm, self->fd, GSI, KVM_IRQFD_FLAG_DEASSIGN));
	EXPECT_EQ(0, irqfd(vm, self->fd, GSI, KVM_IRQFD_FLAG_DEASSIGN));
	EXPECT_EQ(0, irqfd(vm, self->fd, ~0u, 0));
	signal_fd(self->fd);
	vm_create(&other, 0);
	EXPECT_EQ(-EINVAL, irqfd(&other, self->fd, GSI, 0));
	vm_destroy(&other);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

TEST_F(irqfd, signals)
{
	struct pollfd pollfd = { .fd = self->fd, .events = POLLIN };
	eventfd_t value;
	u32 i;

	ASSERT_EQ(0, route_one(&self->vm, VECTOR));
	ASSERT_EQ(0, irqfd(&self->vm, self->fd, GSI, 0));
	vcpu_set_guest(self->vcpu, guest_takes, 0);
	EXPECT_EQ(0, taken(self->vcpu));
	for (i = 1; i <= 20; i++) {
		signal_fd(self->fd);
		EXPECT_EQ(i, taken(self->vcpu));
		EXPECT_EQ(i, guest_copy(&self->vm, hits)[0][VECTOR]);
	}
	/* each signal was taken out of the eventfd */
	EXPECT_EQ(-1, eventfd_read(self->fd, &value));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, poll(&pollfd, 1, 0));
	/* deassigned: the signal is the owner's again */
	ASSERT_EQ(0, irqfd(&self->vm, self->fd, GSI, KVM_IRQFD_FLAG_DEASSIGN));
	signal_fd(self->fd);
	EXPECT_EQ(20, taken(self->vcpu));
	EXPECT_EQ(0, eventfd_read(self->fd, &value));
	EXPECT_EQ(1, value);
}

TEST_F(irqfd, signalled_before)
{
	int semaphore = new_eventfd(EFD_SEMAPHORE);

	ASSERT_EQ(0, route_one(&self->vm, VECTOR));
	vcpu_set_guest(self->vcpu, guest_takes, 0);
	EXPECT_EQ(0, taken(self->vcpu));
	signal_fd(self->fd);
	signal_fd(self->fd);
	ASSERT_EQ(0, irqfd(&self->vm, self->fd, GSI, 0));
	EXPECT_EQ(1, taken(self->vcpu));
	ASSERT_EQ(0, irqfd(&self->vm, semaphore, GSI, 0));
	EXPECT_EQ(1, taken(self->vcpu));
	signal_fd(semaphore);
	EXPECT_EQ(2, taken(self->vcpu));
	close(semaphore);
}

TEST_F(irqfd, routes)
{
	static const u8 vectors[] = { VECTOR, VECTOR + 1 };
	struct vm *vm = &self->vm;

	/* no route at all, then none for this GSI */
	ASSERT_EQ(0, irqfd(vm, self->fd, GSI + 1, 0));
	vcpu_set_guest(self->vcpu, guest_takes, 0);
	EXPECT_EQ(0, taken(self->vcpu));
	signal_fd(self->fd);
	ASSERT_EQ(0, route_one(vm, VECTOR));
	signal_fd(self->fd);
	EXPECT_EQ(0, taken(self->vcpu));
	ASSERT_EQ(0, route(vm, vectors, 2));
	EXPECT_EQ(0, taken(self->vcpu));
	signal_fd(self->fd);
	EXPECT_EQ(1, taken(self->vcpu));
	EXPECT_EQ(1, guest_copy(vm, hits)[0][VECTOR + 1]);
	ASSERT_EQ(0, route(vm, NULL, 0));
	signal_fd(self->fd);
	EXPECT_EQ(1, taken(self->vcpu));
}

/* routes change as fast as they can; a signal comes by the one before or the one after, and never gets lost */

struct mover {
	struct vm *vm;
	bool stop;
	u64 rounds;
};

static void *move_routes(void *argument)
{
	struct mover *mover = argument;

	while (!__atomic_load_n(&mover->stop, __ATOMIC_ACQUIRE)) {
		if (route_one(mover->vm, VECTOR + mover->rounds % VECTORS))
			die("routes: %s", strerror(errno));
		mover->rounds++;
	}
	return NULL;
}

#define SIGNALS 2000

TEST_F(irqfd, routes_change_under_traffic)
{
	struct mover mover = { .vm = &self->vm };
	u64 i, sum = 0, signals = rounds_here(SIGNALS);
	pthread_t thread;

	ASSERT_EQ(0, route_one(&self->vm, VECTOR));
	ASSERT_EQ(0, irqfd(&self->vm, self->fd, GSI, 0));
	vcpu_set_guest(self->vcpu, guest_takes, 0);
	EXPECT_EQ(0, taken(self->vcpu));
	ASSERT_EQ(0, pthread_create(&thread, NULL, move_routes, &mover));
	for (i = 1; i <= signals; i++) {
		signal_fd(self->fd);
		ASSERT_EQ(i, taken(self->vcpu));
	}
	__atomic_store_n(&mover.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_LE(1, mover.rounds);
	for (i = 0; i < VECTORS; i++)
		sum += guest_copy(&self->vm, hits)[0][VECTOR + i];
	EXPECT_EQ(signals, sum);
}

TEST_F(irqfd, many)
{
	u8 vectors[VECTORS];
	int fds[VECTORS];
	u32 i;

	for (i = 0; i < VECTORS; i++) {
		vectors[i] = VECTOR + i;
		fds[i] = new_eventfd(0);
		ASSERT_EQ(0, irqfd(&self->vm, fds[i], GSI + i, 0));
	}
	ASSERT_EQ(0, route(&self->vm, vectors, VECTORS));
	vcpu_set_guest(self->vcpu, guest_takes, 0);
	EXPECT_EQ(0, taken(self->vcpu));
	for (i = 0; i < VECTORS; i++)
		signal_fd(fds[i * 11 % VECTORS]);
	EXPECT_EQ(VECTORS, taken(self->vcpu));
	for (i = 0; i < VECTORS; i++) {
		EXPECT_EQ(1, guest_copy(&self->vm, hits)[0][VECTOR + i]);
		if (i & 1)
			EXPECT_EQ(0, irqfd(&self->vm, fds[i], GSI + i, KVM_IRQFD_FLAG_DEASSIGN));
	}
	for (i = 0; i < VECTORS; i++) {
		signal_fd(fds[i]);
		close(fds[i]);
	}
	EXPECT_EQ(VECTORS + VECTORS / 2, taken(self->vcpu));
}

TEST_F(irqfd, the_owner_closes)
{
	int round, twin, again;

	ASSERT_EQ(0, route_one(&self->vm, VECTOR));
	vcpu_set_guest(self->vcpu, guest_takes, 0);
	EXPECT_EQ(0, taken(self->vcpu));
	for (round = 0; round < rounds_here(200); round++) {
		int fd = new_eventfd(0);

		ASSERT_EQ(0, irqfd(&self->vm, fd, GSI, 0));
		if (round & 1)
			signal_fd(fd);
		ASSERT_EQ(0, close(fd));
	}
	EXPECT_EQ(1, taken(self->vcpu));
	/* closed is what nobody has open */
	twin = dup(self->fd);
	ASSERT_EQ(0, irqfd(&self->vm, self->fd, GSI, 0));
	ASSERT_EQ(0, close(self->fd));
	signal_fd(twin);
	EXPECT_EQ(2, taken(self->vcpu));
	EXPECT_EQ(-EBUSY, irqfd(&self->vm, twin, GSI, 0));
	ASSERT_EQ(0, close(twin));
	again = new_eventfd(0);
	EXPECT_EQ(0, irqfd(&self->vm, again, GSI, 0));
	signal_fd(again);
	EXPECT_EQ(3, taken(self->vcpu));
	self->fd = again;
}

/* one signals, one closes, one assigns, all at once */

struct closer {
	int fd;
	bool stop;
};

static void *signal_until_stopped(void *argument)
{
	struct closer *closer = argument;
	int fd;

	while (!__atomic_load_n(&closer->stop, __ATOMIC_ACQUIRE)) {
		/* it may be closed by now, or be another */
		fd = __atomic_load_n(&closer->fd, __ATOMIC_ACQUIRE);
		if (fd >= 0)
			eventfd_write(fd, 1);
	}
	return NULL;
}

TEST_F(irqfd, closed_under_traffic)
{
	struct closer closer = { .fd = -1 };
	pthread_t thread;
	int round, fd;

	ASSERT_EQ(0, route_one(&self->vm, VECTOR));
	ASSERT_EQ(0, pthread_create(&thread, NULL, signal_until_stopped, &closer));
	for (round = 0; round < rounds_here(2000); round++) {
		fd = new_eventfd(0);
		__atomic_store_n(&closer.fd, fd, __ATOMIC_RELEASE);
		ASSERT_EQ(0, irqfd(&self->vm, fd, GSI, 0));
		if (round % 3 == 0)
			ASSERT_EQ(0, irqfd(&self->vm, fd, GSI, KVM_IRQFD_FLAG_DEASSIGN));
		ASSERT_EQ(0, close(fd));
	}
	__atomic_store_n(&closer.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	/* and nothing of that is left over */
	ASSERT_EQ(0, irqfd(&self->vm, self->fd, GSI, 0));
	vcpu_set_guest(self->vcpu, guest_takes, 0);
	taken(self->vcpu);
	taken(self->vcpu);
	guest_copy(&self->vm, total)[0] = 0;
	signal_fd(self->fd);
	EXPECT_EQ(1, taken(self->vcpu));
}

TEST_F(irqfd, outlives_the_vm)
{
	eventfd_t value;
	struct vm vm;
	u32 round;

	for (round = 0; round < 20; round++) {
		int fd = new_eventfd(0);

		vm_create(&vm, VM_SPLIT_IRQCHIP);
		vcpu_create(&vm, 0);
		ASSERT_EQ(0, route_one(&vm, VECTOR));
		ASSERT_EQ(0, irqfd(&vm, self->fd, GSI, 0));
		ASSERT_EQ(0, irqfd(&vm, fd, GSI, 0));
		signal_fd(self->fd);
		/* its end is on its way when the VM goes */
		close(fd);
		vm_destroy(&vm);
		signal_fd(self->fd);
		ASSERT_EQ(0, eventfd_read(self->fd, &value));
		ASSERT_EQ(1, value);
	}
}

static void guest_kicks_itself(u64 port)
{
	u32 i;

	guest_ready();
	guest_sti();
	for (i = 1; i <= 50; i++) {
		asm volatile("outb %%al, %%dx\n\tnop" : : "a"(0), "d"(port));
		GUEST_EXPECT_EQ(i, total);
	}
}

/* the guest's write is an interrupt of the guest's own, and nobody leaves the kernel for it */
TEST_F(irqfd, from_an_ioeventfd)
{
	struct kvm_ioeventfd args = { .fd = self->fd, .addr = 0x700, .len = 1, .flags = KVM_IOEVENTFD_FLAG_PIO };

	ASSERT_EQ(0, route_one(&self->vm, VECTOR));
	ASSERT_EQ(0, irqfd(&self->vm, self->fd, GSI, 0));
	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_IOEVENTFD, &args));
	vcpu_set_guest(self->vcpu, guest_kicks_itself, 0x700);
	call_wait_done(self->vcpu);
}

/* a halted guest wakes up */

#define WAKE_UPS 50

static volatile u64 asleep;
static int wake_fd;

static void guest_sleeps(u64 unused)
{
	guest_ready();
	while (total < WAKE_UPS) {
		asleep = total + 1;
		guest_sti_hlt();
		guest_cli();
	}
}

static void *wake(void *argument)
{
	volatile u64 *guest_asleep = argument;
	u64 i;

	for (i = 1; i <= WAKE_UPS; i++) {
		while (*guest_asleep != i)
			usleep(100);
		/* in HLT by now: QEMU 7.2 forgets STI's shadow if an exit comes in between */
		usleep(3000);
		signal_fd(wake_fd);
	}
	return NULL;
}

TEST_F(irqfd, wakes_a_halted_vcpu)
{
	pthread_t thread;

	ASSERT_EQ(0, route_one(&self->vm, VECTOR));
	ASSERT_EQ(0, irqfd(&self->vm, self->fd, GSI, 0));
	vcpu_set_guest(self->vcpu, guest_sleeps, 0);
	wake_fd = self->fd;
	ASSERT_EQ(0, pthread_create(&thread, NULL, wake, (void *)guest_copy(&self->vm, asleep)));
	call_wait_done(self->vcpu);
	pthread_join(thread, NULL);
}

TEST_HARNESS_MAIN
