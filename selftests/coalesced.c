// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coalesced writes: what lands in the ring, in which order, and what the VMM sees when there is no room or no zone.
 */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#define PORT 0x700
#define ZONE 0xff8
#define ENTRIES ((PAGE_SIZE - sizeof(struct kvm_coalesced_mmio_ring)) / sizeof(struct kvm_coalesced_mmio))

FIXTURE(coalesced) {
	struct vm vm;
	struct vcpu *vcpu;
	struct kvm_coalesced_mmio_ring *ring;
};

FIXTURE_SETUP(coalesced)
{
	vm_create(&self->vm, 0);
	self->vcpu = vcpu_create(&self->vm, 0);
	self->ring = (void *)self->vcpu->run + vm_has(&self->vm, KVM_CAP_COALESCED_MMIO) * PAGE_SIZE;
}

FIXTURE_TEARDOWN(coalesced)
{
	vm_destroy(&self->vm);
}

static int zone(struct vm *vm, unsigned long cmd, u64 addr, u32 size, u32 pio)
{
	struct kvm_coalesced_mmio_zone args = { .addr = addr, .size = size, .pio = pio };

	return kvm_ioctl(vm->fd, cmd, &args);
}

#define REGISTER KVM_REGISTER_COALESCED_MMIO
#define UNREGISTER KVM_UNREGISTER_COALESCED_MMIO

/* takes the oldest entry; false if there is none */
static bool take(struct kvm_coalesced_mmio_ring *ring, struct kvm_coalesced_mmio *entry)
{
	if (ring->first == __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE))
		return false;
	*entry = ring->coalesced_mmio[ring->first];
	__atomic_store_n(&ring->first, (ring->first + 1) % ENTRIES, __ATOMIC_RELEASE);
	return true;
}

#define EXPECT_ENTRY(address, length, is_pio, value) do {				\
	struct kvm_coalesced_mmio entry__ = { };					\
	u64 data__ = 0;									\
	EXPECT_TRUE(take(self->ring, &entry__));					\
	memcpy(&data__, entry__.data, entry__.len & 15);				\
	EXPECT_EQ(address, entry__.phys_addr);						\
	EXPECT_EQ(length, entry__.len);							\
	EXPECT_EQ(is_pio, entry__.pio);							\
	EXPECT_EQ(value, data__);							\
} while (0)

#define EXPECT_EMPTY() do {								\
	struct kvm_coalesced_mmio entry__;						\
	EXPECT_FALSE(take(self->ring, &entry__));					\
} while (0)

TEST_F(coalesced, bad_input)
{
	struct vm *vm = &self->vm;

	ASSERT_EQ(2, vm_has(vm, KVM_CAP_COALESCED_MMIO));
	ASSERT_EQ(1, vm_has(vm, KVM_CAP_COALESCED_PIO));
	ASSERT_LE(3 * PAGE_SIZE, vm->run_size);
	EXPECT_EQ(-EINVAL, zone(vm, REGISTER, MMIO_BASE, ZONE, 2));
	EXPECT_EQ(-EINVAL, zone(vm, UNREGISTER, MMIO_BASE, ZONE, ~0u));
	EXPECT_EQ(-EFAULT, kvm_ioctl(vm->fd, REGISTER, NULL));
	EXPECT_EQ(-EFAULT, kvm_ioctl(vm->fd, UNREGISTER, NULL));
	/* none is there: it is as the VMM wants it */
	EXPECT_EQ(0, zone(vm, UNREGISTER, MMIO_BASE, ZONE, 0));
	EXPECT_EMPTY();
}

static void guest_sizes(u64 mmio)
{
	*(volatile u8 *)mmio = 0x11;
	*(volatile u16 *)(mmio + 2) = 0x2211;
	asm volatile("outb %%al, %%dx; outw %%ax, %%dx; outl %%eax, %%dx" : : "a"(0x44332211), "d"(PORT));
	*(volatile u32 *)(mmio + 4) = 0x44332211;
	*(volatile u64 *)(mmio + 0xff0) = 0x8877665544332211;
	guest_sync(1);
}

TEST_F(coalesced, order_and_sizes)
{
	struct vm *vm = &self->vm;

	ASSERT_EQ(0, zone(vm, REGISTER, MMIO_BASE, ZONE, 0));
	ASSERT_EQ(0, zone(vm, REGISTER, PORT, 4, 1));
	vcpu_set_guest(self->vcpu, guest_sizes, MMIO_BASE);
	call_wait_sync(self->vcpu, 1);
	EXPECT_ENTRY(MMIO_BASE, 1, 0, 0x11);
	EXPECT_ENTRY(MMIO_BASE + 2, 2, 0, 0x2211);
	EXPECT_ENTRY(PORT, 1, 1, 0x11);
	EXPECT_ENTRY(PORT, 2, 1, 0x2211);
	EXPECT_ENTRY(PORT, 4, 1, 0x44332211);
	EXPECT_ENTRY(MMIO_BASE + 4, 4, 0, 0x44332211);
	EXPECT_ENTRY(MMIO_BASE + 0xff0, 8, 0, 0x8877665544332211);
	EXPECT_EMPTY();

	/* what reaches beyond the zone, or lies beside it, is no part of it */
	ASSERT_EQ(0, zone(vm, UNREGISTER, PORT, 4, 1));
	ASSERT_EQ(0, zone(vm, REGISTER, PORT, 2, 1));
	vcpu_set_guest(self->vcpu, guest_sizes, MMIO_BASE + 4);
	ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
	EXPECT_EQ(4, self->vcpu->run->io.size);
	EXPECT_ENTRY(MMIO_BASE + 4, 1, 0, 0x11);
	EXPECT_ENTRY(MMIO_BASE + 6, 2, 0, 0x2211);
	EXPECT_ENTRY(PORT, 1, 1, 0x11);
	EXPECT_ENTRY(PORT, 2, 1, 0x2211);
	EXPECT_EMPTY();
	ASSERT_RUN(self->vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(MMIO_BASE + 0xff4, self->vcpu->run->mmio.phys_addr);
	EXPECT_EQ(8, self->vcpu->run->mmio.len);
	EXPECT_ENTRY(MMIO_BASE + 8, 4, 0, 0x44332211);
	EXPECT_EMPTY();
}

static void guest_reads(u64 mmio)
{
	*(volatile u32 *)mmio = 7;
	GUEST_EXPECT_EQ(0x12345678, *(volatile u32 *)mmio);
}

TEST_F(coalesced, reads_are_the_vmms)
{
	ASSERT_EQ(0, zone(&self->vm, REGISTER, MMIO_BASE, ZONE, 0));
	vcpu_set_guest(self->vcpu, guest_reads, MMIO_BASE);
	ASSERT_RUN(self->vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(0, self->vcpu->run->mmio.is_write);
	EXPECT_ENTRY(MMIO_BASE, 4, 0, 7);
	*(u32 *)self->vcpu->run->mmio.data = 0x12345678;
	call_wait_done(self->vcpu);
}

static void guest_counts(u64 count)
{
	u64 i;

	for (i = 0; i < count; i++)
		*(volatile u64 *)(MMIO_BASE + i % 64 * 8) = i;
	guest_sync(1);
}

TEST_F(coalesced, full)
{
	struct kvm_run *run = self->vcpu->run;
	u64 expected = 0, count = 3 * ENTRIES;

	ASSERT_EQ(0, zone(&self->vm, REGISTER, MMIO_BASE, ZONE, 0));
	vcpu_set_guest(self->vcpu, guest_counts, count);
	while (vcpu_run_to_exit(self->vcpu) == KVM_EXIT_MMIO) {
		struct kvm_coalesced_mmio entry;

		/* the ring first, what did not fit behind it */
		while (take(self->ring, &entry)) {
			ASSERT_EQ(expected, *(u64 *)entry.data);
			ASSERT_EQ(MMIO_BASE + expected % 64 * 8, entry.phys_addr);
			expected++;
		}
		ASSERT_EQ(1, run->mmio.is_write);
		ASSERT_EQ(expected, *(u64 *)run->mmio.data);
		ASSERT_EQ(ENTRIES - 1, expected % ENTRIES);
		expected++;
	}
	ASSERT_EQ(3 * ENTRIES, expected);
	ASSERT_EQ(CALL_SYNC, call_of_exit(self->vcpu)->kind);
	EXPECT_EMPTY();
}

TEST_F(coalesced, zones_come_and_go)
{
	struct kvm_run *run = self->vcpu->run;
	struct vm *vm = &self->vm;

	ASSERT_EQ(0, zone(vm, REGISTER, MMIO_BASE, 8, 0));
	ASSERT_EQ(0, zone(vm, REGISTER, MMIO_BASE + 8, 16, 0));
	/* not this one: ports; not a part of one; then a part of the second */
	ASSERT_EQ(0, zone(vm, UNREGISTER, MMIO_BASE, 8, 1));
	ASSERT_EQ(0, zone(vm, UNREGISTER, MMIO_BASE, 24, 0));
	vcpu_set_guest(self->vcpu, guest_counts, 2);
	call_wait_sync(self->vcpu, 1);
	EXPECT_ENTRY(MMIO_BASE, 8, 0, 0);
	EXPECT_ENTRY(MMIO_BASE + 8, 8, 0, 1);
	ASSERT_EQ(0, zone(vm, UNREGISTER, MMIO_BASE + 16, 8, 0));
	vcpu_set_guest(self->vcpu, guest_counts, 2);
	ASSERT_RUN(self->vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(MMIO_BASE + 8, run->mmio.phys_addr);
	call_wait_sync(self->vcpu, 1);
	EXPECT_ENTRY(MMIO_BASE, 8, 0, 0);
	EXPECT_EMPTY();
}

TEST_F(coalesced, as_many_as_allowed)
{
	struct vm *vm = &self->vm;
	u32 i;

	for (i = 0; i < 1000; i++)
		ASSERT_EQ(0, zone(vm, REGISTER, MMIO_BASE + 16 * (i ^ 0x155), 8, 0));
	EXPECT_EQ(-ENOSPC, zone(vm, REGISTER, MMIO_BASE, 8, 0));
	EXPECT_EQ(0, zone(vm, REGISTER, PORT, 1, 1));
	vcpu_set_guest(self->vcpu, guest_counts, 4);
	ASSERT_RUN(self->vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(MMIO_BASE + 8, self->vcpu->run->mmio.phys_addr);
	ASSERT_RUN(self->vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(MMIO_BASE + 24, self->vcpu->run->mmio.phys_addr);
	call_wait_sync(self->vcpu, 1);
	EXPECT_ENTRY(MMIO_BASE, 8, 0, 0);
	EXPECT_ENTRY(MMIO_BASE + 16, 8, 0, 2);
	EXPECT_EQ(0, zone(vm, UNREGISTER, MMIO_BASE, 8, 0));
	EXPECT_EQ(0, zone(vm, REGISTER, MMIO_BASE, 8, 0));
}

static u8 string[4] = { 1, 2, 3, 4 };

static void guest_string(u64 count)
{
	void *source = string;

	asm volatile("rep outsb" : "+S"(source), "+c"(count) : "d"(PORT) : "memory");
	guest_sync(1);
}

TEST_F(coalesced, strings)
{
	u32 i;

	ASSERT_EQ(0, zone(&self->vm, REGISTER, PORT, 1, 1));
	vcpu_set_guest(self->vcpu, guest_string, 4);
	call_wait_sync(self->vcpu, 1);
	for (i = 0; i < 4; i++)
		EXPECT_ENTRY(PORT, 1, 1, i + 1);
	EXPECT_EMPTY();
}

/* a VMM that writes nonsense into the ring harms nobody but itself */
TEST_F(coalesced, garbage)
{
	static const u32 nonsense[] = { ~0u, 0x80000000, 0x7fffffff, ENTRIES, ENTRIES + 1, ENTRIES - 1, 0x10000 };
	u32 i, j;

	ASSERT_EQ(0, zone(&self->vm, REGISTER, MMIO_BASE, ZONE, 0));
	for (i = 0; i < 7; i++) {
		for (j = 0; j < 7; j++) {
			memset(self->ring, 0xa5, PAGE_SIZE);
			self->ring->first = nonsense[i];
			self->ring->last = nonsense[j];
			vcpu_set_guest(self->vcpu, guest_counts, 2);
			while (vcpu_run_to_exit(self->vcpu) == KVM_EXIT_MMIO)
				ASSERT_EQ(1, self->vcpu->run->mmio.is_write);
			ASSERT_EQ(CALL_SYNC, call_of_exit(self->vcpu)->kind);
		}
	}
	memset(self->ring, 0, PAGE_SIZE);
	vcpu_set_guest(self->vcpu, guest_counts, 1);
	call_wait_sync(self->vcpu, 1);
	EXPECT_ENTRY(MMIO_BASE, 8, 0, 0);
}

/* two vCPUs and one ring, which each of them shows */

#define PER_VCPU 400

static void guest_tagged(u64 id)
{
	u64 i;

	for (i = 0; i < PER_VCPU; i++)
		*(volatile u64 *)(MMIO_BASE + id * 8) = i;
}

struct drain {
	pthread_mutex_t lock;
	struct kvm_coalesced_mmio_ring *ring;
	u64 next[2];
	bool wrong;
};

static struct drain drain = { PTHREAD_MUTEX_INITIALIZER };

static void drained(u64 addr, u64 value)
{
	u64 id = (addr - MMIO_BASE) / 8;

	if (id > 1 || value != drain.next[id]++)
		drain.wrong = true;
}

static void *run_and_drain(void *argument)
{
	struct kvm_coalesced_mmio entry;
	struct vcpu *vcpu = argument;
	u32 reason;

	do {
		reason = vcpu_run_to_exit(vcpu);
		pthread_mutex_lock(&drain.lock);
		while (take(drain.ring, &entry))
			drained(entry.phys_addr, *(u64 *)entry.data);
		if (reason == KVM_EXIT_MMIO)
			drained(vcpu->run->mmio.phys_addr, *(u64 *)vcpu->run->mmio.data);
		pthread_mutex_unlock(&drain.lock);
	} while (reason == KVM_EXIT_MMIO);
	return NULL;
}

TEST_F(coalesced, two_vcpus)
{
	struct vcpu *other = vcpu_create(&self->vm, 1);
	void *ring = (void *)other->run + 2 * PAGE_SIZE;
	pthread_t thread;

	self->ring->first = 5;
	self->ring->last = 5;
	EXPECT_EQ(0, memcmp(self->ring, ring, PAGE_SIZE));
	drain.ring = self->ring;
	drain.next[0] = 0;
	drain.next[1] = 0;
	ASSERT_EQ(0, zone(&self->vm, REGISTER, MMIO_BASE, ZONE, 0));
	vcpu_set_guest(self->vcpu, guest_tagged, 0);
	vcpu_set_guest(other, guest_tagged, 1);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_and_drain, other));
	run_and_drain(self->vcpu);
	pthread_join(thread, NULL);
	EXPECT_EQ(false, drain.wrong);
	EXPECT_EQ(PER_VCPU, drain.next[0]);
	EXPECT_EQ(PER_VCPU, drain.next[1]);
}

TEST_HARNESS_MAIN
