// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ioeventfds: which writes of the guest signal which eventfd, and which still reach the VMM; assigning and closing at
 * any time.
 */
#include "test.h"
#include "events.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT	0x700
#define MATCH	KVM_IOEVENTFD_FLAG_DATAMATCH
#define PIO	KVM_IOEVENTFD_FLAG_PIO
#define DEASSIGN KVM_IOEVENTFD_FLAG_DEASSIGN

FIXTURE(ioeventfd) {
	struct vm vm;
	struct vcpu *vcpu;
	int fds[8];
};

FIXTURE_SETUP(ioeventfd)
{
	int i;

	vm_create(&self->vm, 0);
	self->vcpu = vcpu_create(&self->vm, 0);
	for (i = 0; i < 8; i++)
		self->fds[i] = new_eventfd(0);
}

FIXTURE_TEARDOWN(ioeventfd)
{
	int i;

	vm_destroy(&self->vm);
	for (i = 0; i < 8; i++)
		close(self->fds[i]);
}

static int io(struct vm *vm, int fd, u64 addr, u32 len, u32 flags, u64 datamatch)
{
	struct kvm_ioeventfd args = {
		.fd = fd, .addr = addr, .len = len, .flags = flags, .datamatch = datamatch,
	};

	return kvm_ioctl(vm->fd, KVM_IOEVENTFD, &args);
}

TEST_F(ioeventfd, bad_input)
{
	int fd = self->fds[0], pipe_fds[2];
	struct vm *vm = &self->vm;
	u32 len;

	ASSERT_EQ(1, vm_has(vm, KVM_CAP_IOEVENTFD));
	ASSERT_EQ(1, vm_has(vm, KVM_CAP_IOEVENTFD_NO_LENGTH));
	ASSERT_EQ(1, vm_has(vm, KVM_CAP_IOEVENTFD_ANY_LENGTH));
	ASSERT_EQ(0, pipe(pipe_fds));
	EXPECT_EQ(-EBADF, io(vm, -1, MMIO_BASE, 4, 0, 0));
	EXPECT_EQ(-EINVAL, io(vm, pipe_fds[0], MMIO_BASE, 4, 0, 0));
	for (len = 0; len < 20; len++) {
		bool good = len == 0 || len == 1 || len == 2 || len == 4 || len == 8;

		EXPECT_EQ(good ? 0 : -EINVAL, io(vm, fd, MMIO_BASE + 16 * len, len, 0, 0));
	}
	EXPECT_EQ(-EINVAL, io(vm, fd, MMIO_BASE, 1u << 31, 0, 0));
	EXPECT_EQ(-EINVAL, io(vm, fd, MMIO_BASE + 0x1000, 4, 0x10, 0));
	EXPECT_EQ(-EINVAL, io(vm, fd, MMIO_BASE + 0x1000, 4, 1u << 31, 0));
	EXPECT_EQ(-EINVAL, io(vm, fd, MMIO_BASE + 0x1000, 0, MATCH, 0));
	EXPECT_EQ(-EINVAL, io(vm, fd, -4ull, 8, 0, 0));
	EXPECT_EQ(-EINVAL, io(vm, fd, -8ull, 8, 0, 0));
	EXPECT_EQ(0, io(vm, fd, -9ull, 8, 0, 0));
	EXPECT_EQ(-EFAULT, kvm_ioctl(vm->fd, KVM_IOEVENTFD, NULL));
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

TEST_F(ioeventfd, collisions)
{
	int a = self->fds[0], b = self->fds[1];
	struct vm *vm = &self->vm;

	EXPECT_EQ(0, io(vm, a, MMIO_BASE, 4, MATCH, 1));
	EXPECT_EQ(-EEXIST, io(vm, a, MMIO_BASE, 4, MATCH, 1));
	EXPECT_EQ(-EEXIST, io(vm, b, MMIO_BASE, 4, MATCH, 1));
	EXPECT_EQ(-EEXIST, io(vm, b, MMIO_BASE, 4, 0, 0));
	EXPECT_EQ(-EEXIST, io(vm, b, MMIO_BASE, 0, 0, 0));
	EXPECT_EQ(0, io(vm, b, MMIO_BASE, 4, MATCH, 2));
	EXPECT_EQ(0, io(vm, b, MMIO_BASE, 2, 0, 0));
	EXPECT_EQ(0, io(vm, b, MMIO_BASE, 4, PIO | MATCH, 1));
	EXPECT_EQ(0, io(vm, b, MMIO_BASE + 2, 4, 0, 0));
	/* what is deassigned must be described as it was assigned */
	EXPECT_EQ(-ENOENT, io(vm, b, MMIO_BASE, 4, DEASSIGN | MATCH, 1));
	EXPECT_EQ(-ENOENT, io(vm, a, MMIO_BASE, 4, DEASSIGN, 0));
	EXPECT_EQ(-ENOENT, io(vm, a, MMIO_BASE, 8, DEASSIGN | MATCH, 1));
	EXPECT_EQ(-ENOENT, io(vm, a, MMIO_BASE, 4, DEASSIGN | MATCH | PIO, 1));
	EXPECT_EQ(-ENOENT, io(vm, a, MMIO_BASE + 2, 4, DEASSIGN | MATCH, 1));
	EXPECT_EQ(0, io(vm, a, MMIO_BASE, 4, DEASSIGN | MATCH, 1));
	EXPECT_EQ(-ENOENT, io(vm, a, MMIO_BASE, 4, DEASSIGN | MATCH, 1));
	EXPECT_EQ(0, io(vm, a, MMIO_BASE, 4, MATCH, 1));
}

static void guest_all_sizes(u64 mmio)
{
	*(volatile u8 *)mmio = 0x11;
	*(volatile u16 *)mmio = 0x2211;
	*(volatile u32 *)mmio = 0x44332211;
	*(volatile u64 *)mmio = 0x8877665544332211;
	asm volatile("outb %%al, %%dx; outw %%ax, %%dx; outl %%eax, %%dx" : : "a"(0x44332211), "d"(PORT));
	guest_sync(1);
}

TEST_F(ioeventfd, sizes)
{
	static const u32 lens[] = { 1, 2, 4, 8, 1, 2, 4 };
	struct vm *vm = &self->vm;
	u32 i, skipped;

	for (i = 0; i < 7; i++)
		ASSERT_EQ(0, io(vm, self->fds[i], i < 4 ? MMIO_BASE : PORT, lens[i], i < 4 ? 0 : PIO, 0));
	vcpu_set_guest(self->vcpu, guest_all_sizes, MMIO_BASE);
	call_wait_sync(self->vcpu, 1);
	for (i = 0; i < 7; i++)
		EXPECT_EQ(1, signals(self->fds[i]));

	/* the one that is missing comes out */
	for (skipped = 0; skipped < 7; skipped++) {
		u64 addr = skipped < 4 ? MMIO_BASE : PORT;
		u32 flags = skipped < 4 ? 0 : PIO;

		ASSERT_EQ(0, io(vm, self->fds[skipped], addr, lens[skipped], flags | DEASSIGN, 0));
		vcpu_set_guest(self->vcpu, guest_all_sizes, MMIO_BASE);
		ASSERT_RUN(self->vcpu, skipped < 4 ? KVM_EXIT_MMIO : KVM_EXIT_IO);
		if (skipped < 4) {
			EXPECT_EQ(MMIO_BASE, self->vcpu->run->mmio.phys_addr);
			EXPECT_EQ(lens[skipped], self->vcpu->run->mmio.len);
			EXPECT_EQ(1, self->vcpu->run->mmio.is_write);
		} else {
			EXPECT_EQ(PORT, self->vcpu->run->io.port);
			EXPECT_EQ(lens[skipped], self->vcpu->run->io.size);
			EXPECT_EQ(0x44332211 & (lens[skipped] == 4 ? ~0u : (1u << 8 * lens[skipped]) - 1),
				  io_value(self->vcpu));
		}
		call_wait_sync(self->vcpu, 1);
		for (i = 0; i < 7; i++)
			EXPECT_EQ(i != skipped, signals(self->fds[i]));
		ASSERT_EQ(0, io(vm, self->fds[skipped], addr, lens[skipped], flags, 0));
	}
}

TEST_F(ioeventfd, any_length)
{
	struct vm *vm = &self->vm;

	ASSERT_EQ(0, io(vm, self->fds[0], MMIO_BASE, 0, 0, 0));
	ASSERT_EQ(0, io(vm, self->fds[1], PORT, 0, PIO, 0));
	vcpu_set_guest(self->vcpu, guest_all_sizes, MMIO_BASE);
	call_wait_sync(self->vcpu, 1);
	EXPECT_EQ(4, signals(self->fds[0]));
	EXPECT_EQ(3, signals(self->fds[1]));
	/* it begins there or it is not meant */
	vcpu_set_guest(self->vcpu, guest_all_sizes, MMIO_BASE - 1);
	ASSERT_RUN(self->vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(MMIO_BASE - 1, self->vcpu->run->mmio.phys_addr);
	EXPECT_EQ(0, signals(self->fds[0]));
}

static void guest_values(u64 mmio)
{
	u32 value;

	for (value = 0; value < 4; value++) {
		*(volatile u32 *)mmio = value;
		asm volatile("outw %%ax, %%dx" : : "a"(value), "d"(PORT));
	}
	*(volatile u64 *)(mmio + 8) = 0x100000001;
	*(volatile u64 *)(mmio + 8) = 1;
	guest_sync(1);
}

TEST_F(ioeventfd, datamatch)
{
	struct kvm_run *run = self->vcpu->run;
	struct vm *vm = &self->vm;
	u32 value;

	for (value = 0; value < 3; value++) {
		ASSERT_EQ(0, io(vm, self->fds[value], MMIO_BASE, 4, MATCH, value));
		ASSERT_EQ(0, io(vm, self->fds[4 + value], PORT, 2, MATCH | PIO, value));
	}
	ASSERT_EQ(0, io(vm, self->fds[3], MMIO_BASE + 8, 8, MATCH, 0x100000001));
	vcpu_set_guest(self->vcpu, guest_values, MMIO_BASE);
	ASSERT_RUN(self->vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(MMIO_BASE, run->mmio.phys_addr);
	EXPECT_EQ(3, *(u32 *)run->mmio.data);
	ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
	EXPECT_EQ(PORT, run->io.port);
	EXPECT_EQ(3, io_value(self->vcpu));
	ASSERT_RUN(self->vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(MMIO_BASE + 8, run->mmio.phys_addr);
	EXPECT_EQ(1, *(u64 *)run->mmio.data);
	call_wait_sync(self->vcpu, 1);
	for (value = 0; value < 7; value++)
		EXPECT_EQ(1, signals(self->fds[value]));
	/* a value that does not fit the length never comes */
	ASSERT_EQ(0, io(vm, self->fds[7], PORT, 2, MATCH | PIO, 0x10003));
	vcpu_set_guest(self->vcpu, guest_values, MMIO_BASE);
	ASSERT_RUN(self->vcpu, KVM_EXIT_MMIO);
	ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
	EXPECT_EQ(0, signals(self->fds[7]));
}

static void guest_reads(u64 mmio)
{
	u8 value;

	GUEST_EXPECT_EQ(0x12345678, *(volatile u32 *)mmio);
	asm volatile("inb %%dx, %%al" : "=a"(value) : "d"(PORT));
	GUEST_EXPECT_EQ(0x9a, value);
	asm volatile("lock addl $1, (%0)" : : "r"(mmio) : "memory");
}

TEST_F(ioeventfd, reads_are_the_vmms)
{
	struct vm *vm = &self->vm;

	ASSERT_EQ(0, io(vm, self->fds[0], MMIO_BASE, 0, 0, 0));
	ASSERT_EQ(0, io(vm, self->fds[1], PORT, 0, PIO, 0));
	vcpu_set_guest(self->vcpu, guest_reads, MMIO_BASE);
	ASSERT_RUN(self->vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(0, self->vcpu->run->mmio.is_write);
	*(u32 *)self->vcpu->run->mmio.data = 0x12345678;
	ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
	EXPECT_EQ(KVM_EXIT_IO_IN, self->vcpu->run->io.direction);
	*(u8 *)io_data(self->vcpu) = 0x9a;
	EXPECT_EQ(0, signals(self->fds[0]));
	/* read by the VMM, written to the eventfd */
	ASSERT_RUN(self->vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(0, self->vcpu->run->mmio.is_write);
	call_wait_done(self->vcpu);
	EXPECT_EQ(1, signals(self->fds[0]));
	EXPECT_EQ(0, signals(self->fds[1]));
}

static u8 string[4] = { 1, 1, 2, 1 };

static void guest_string(u64 count)
{
	void *source = string;

	asm volatile("rep outsb" : "+S"(source), "+c"(count) : "d"(PORT) : "memory");
	GUEST_EXPECT_EQ(0, count);
	guest_sync(1);
}

TEST_F(ioeventfd, strings)
{
	struct vm *vm = &self->vm;
	u32 seen = 0, i;

	ASSERT_EQ(0, io(vm, self->fds[0], PORT, 1, PIO | MATCH, 1));
	ASSERT_EQ(0, io(vm, self->fds[1], PORT, 1, PIO | MATCH, 2));
	vcpu_set_guest(self->vcpu, guest_string, 4);
	call_wait_sync(self->vcpu, 1);
	EXPECT_EQ(3, signals(self->fds[0]));
	EXPECT_EQ(1, signals(self->fds[1]));

	/* what no eventfd takes is not lost, and nothing overtakes it */
	ASSERT_EQ(0, io(vm, self->fds[1], PORT, 1, PIO | MATCH | DEASSIGN, 2));
	vcpu_set_guest(self->vcpu, guest_string, 4);
	while (vcpu_run_to_exit(self->vcpu) == KVM_EXIT_IO && !call_of_exit(self->vcpu)) {
		EXPECT_EQ(PORT, self->vcpu->run->io.port);
		for (i = 0; i < self->vcpu->run->io.count; i++, seen++)
			EXPECT_EQ(string[2 + seen], ((u8 *)io_data(self->vcpu))[i]);
	}
	ASSERT_EQ(CALL_SYNC, call_of_exit(self->vcpu)->kind);
	EXPECT_EQ(4, seen + signals(self->fds[0]));
	EXPECT_LE(1, seen);
}

static void guest_step(u64 unused)
{
	asm volatile("outb %%al, %%dx\n\tnop" : : "a"(1), "d"(PORT));
}

TEST_F(ioeventfd, single_steps)
{
	struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP };
	struct kvm_regs regs;
	u8 *code = vm_hva(&self->vm, 0x2000);

	memcpy(code, "\xee\x90\xf4", 3);
	ASSERT_EQ(0, io(&self->vm, self->fds[0], PORT, 1, PIO, 0));
	vcpu_set_guest(self->vcpu, guest_step, 0);
	vcpu_get_regs(self->vcpu, &regs);
	regs.rip = 0x2000;
	regs.rdx = PORT;
	vcpu_set_regs(self->vcpu, &regs);
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_SET_GUEST_DEBUG, &debug));
	ASSERT_RUN(self->vcpu, KVM_EXIT_DEBUG);
	EXPECT_EQ(0x2001, self->vcpu->run->debug.arch.pc);
	EXPECT_EQ(1, signals(self->fds[0]));
	ASSERT_RUN(self->vcpu, KVM_EXIT_DEBUG);
	EXPECT_EQ(0x2002, self->vcpu->run->debug.arch.pc);
	EXPECT_EQ(0, signals(self->fds[0]));
}

static void guest_rom(u64 rom)
{
	*(volatile u32 *)rom = 1;
	GUEST_EXPECT_EQ(0x600df00d, *(volatile u32 *)rom);
}

TEST_F(ioeventfd, in_a_readonly_slot)
{
	u32 *rom = host_memory(PAGE_SIZE, PAGE_SIZE);

	rom[0] = 0x600df00d;
	ASSERT_EQ(0, vm_slot(&self->vm, 1, KVM_MEM_READONLY, 0x80000000, PAGE_SIZE, rom));
	ASSERT_EQ(0, io(&self->vm, self->fds[0], 0x80000000, 4, 0, 0));
	vcpu_set_guest(self->vcpu, guest_rom, 0x80000000);
	call_wait_done(self->vcpu);
	EXPECT_EQ(1, signals(self->fds[0]));
	EXPECT_EQ(0x600df00d, rom[0]);
}

#define MANY 1500

static void guest_many(u64 mmio)
{
	u32 i;

	for (i = 0; i < MANY; i++)
		*(volatile u32 *)(mmio + i * 8) = i;
	guest_sync(1);
}

TEST_F(ioeventfd, many)
{
	struct kvm_run *run = self->vcpu->run;
	struct vm *vm = &self->vm;
	u32 i, at, exits = 0;

	/* in an order that is neither up nor down: 1500 and 7 have no common factor */
	for (i = 0, at = 0; i < MANY; i++, at = (at + 7) % MANY)
		ASSERT_EQ(0, io(vm, self->fds[0], MMIO_BASE + at * 8, 4, MATCH, at));
	vcpu_set_guest(self->vcpu, guest_many, MMIO_BASE);
	call_wait_sync(self->vcpu, 1);
	EXPECT_EQ(MANY, signals(self->fds[0]));
	for (i = 0; i < MANY; i += 100)
		ASSERT_EQ(0, io(vm, self->fds[0], MMIO_BASE + i * 8, 4, MATCH | DEASSIGN, i));
	vcpu_set_guest(self->vcpu, guest_many, MMIO_BASE);
	while (vcpu_run_to_exit(self->vcpu) == KVM_EXIT_MMIO)
		EXPECT_EQ(MMIO_BASE + exits++ * 800, run->mmio.phys_addr);
	EXPECT_EQ(MANY / 100, exits);
	EXPECT_EQ(MANY - exits, signals(self->fds[0]));
}

TEST_F(ioeventfd, the_owner_closes)
{
	int twin = dup(self->fds[0]);

	ASSERT_EQ(0, io(&self->vm, self->fds[0], MMIO_BASE, 0, 0, 0));
	ASSERT_EQ(0, io(&self->vm, self->fds[1], PORT, 0, PIO, 0));
	ASSERT_EQ(0, close(self->fds[0]));
	ASSERT_EQ(0, close(self->fds[1]));
	vcpu_set_guest(self->vcpu, guest_all_sizes, MMIO_BASE);
	call_wait_sync(self->vcpu, 1);
	EXPECT_EQ(4, signals(twin));
	EXPECT_EQ(-EBADF, io(&self->vm, self->fds[0], MMIO_BASE, 0, DEASSIGN, 0));
	EXPECT_EQ(0, io(&self->vm, twin, MMIO_BASE, 0, DEASSIGN, 0));
	self->fds[0] = twin;
	self->fds[1] = -1;
}

/* assigning and deassigning beside a guest that writes: each write is signalled or seen, never both, never neither */

#define WRITES 20000

static void guest_writes(u64 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		asm volatile("outb %%al, %%dx" : : "a"(1), "d"(PORT));
	guest_sync(1);
}

struct switcher {
	struct vm *vm;
	int fd;
	bool stop;
	u64 rounds;
};

static void *switch_on_and_off(void *argument)
{
	struct switcher *switcher = argument;

	while (!__atomic_load_n(&switcher->stop, __ATOMIC_ACQUIRE)) {
		if (io(switcher->vm, switcher->fd, PORT, 1, PIO, 0) ||
		    io(switcher->vm, switcher->fd, PORT, 1, PIO | DEASSIGN, 0))
			die("ioeventfd: %s", strerror(errno));
		switcher->rounds++;
	}
	return NULL;
}

TEST_F(ioeventfd, under_traffic)
{
	struct switcher switcher = { .vm = &self->vm, .fd = self->fds[0] };
	u64 exits = 0, signalled = 0, writes = rounds_here(WRITES);
	pthread_t thread;

	vcpu_set_guest(self->vcpu, guest_writes, writes);
	ASSERT_EQ(0, pthread_create(&thread, NULL, switch_on_and_off, &switcher));
	while (vcpu_run_to_exit(self->vcpu) == KVM_EXIT_IO && !call_of_exit(self->vcpu)) {
		exits++;
		signalled += signals(self->fds[0]);
	}
	__atomic_store_n(&switcher.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	signalled += signals(self->fds[0]);
	EXPECT_EQ(writes, exits + signalled);
	EXPECT_LE(1, switcher.rounds);
}

TEST_HARNESS_MAIN
