// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_SET_USER_MEMORY_REGION: what makes, moves, changes and deletes a slot, and what is refused. What a guest sees of
 * it is tested in memory.c. Where KVM_SET_USER_MEMORY_REGION2 is there, it must judge in the same way.
 */
#include "test.h"

#include <errno.h>
#include <sys/mman.h>

#define SIZE (16 * PAGE_SIZE)
#define GPA 0x100000ull
#define BAD_POINTER ((void *)0x10)

FIXTURE(slot) {
	struct vm vm;
	u8 *memory;
};

FIXTURE_VARIANT(slot) {
	bool region2;
};

FIXTURE_VARIANT_ADD(slot, region) { .region2 = false };
FIXTURE_VARIANT_ADD(slot, region2) { .region2 = true };

FIXTURE_SETUP(slot)
{
	vm_create(&self->vm, VM_NO_RAM);
	if (variant->region2 && !vm_has(&self->vm, KVM_CAP_USER_MEMORY2))
		SKIP(return, "KVM_CAP_USER_MEMORY2 is not reported");
	self->memory = host_memory(4 * SIZE, 2 * MiB);
}

FIXTURE_TEARDOWN(slot)
{
	vm_destroy(&self->vm);
}

static long set(struct vm *vm, bool region2, u32 slot, u32 flags, u64 gpa, u64 size, void *hva)
{
	struct kvm_userspace_memory_region2 region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};

	return kvm_ioctl(vm->fd, region2 ? KVM_SET_USER_MEMORY_REGION2 : KVM_SET_USER_MEMORY_REGION, &region);
}

#define SET(...) set(&self->vm, variant->region2, __VA_ARGS__)

TEST_F(slot, make_and_delete)
{
	EXPECT_EQ(0, SET(0, 0, GPA, SIZE, self->memory));
	EXPECT_EQ(0, SET(1, 0, GPA + SIZE, SIZE, self->memory));	/* neighbours, same memory twice */
	EXPECT_EQ(0, SET(0, 0, 0, 0, NULL));
	EXPECT_EQ(-EINVAL, SET(0, 0, 0, 0, NULL));
	EXPECT_EQ(-EINVAL, SET(2, 0, GPA, 0, self->memory));
	EXPECT_EQ(0, SET(0, 0, GPA, SIZE, self->memory));
}

TEST_F(slot, same_again)
{
	EXPECT_EQ(0, SET(0, 0, GPA, SIZE, self->memory));
	EXPECT_EQ(0, SET(0, 0, GPA, SIZE, self->memory));
}

TEST_F(slot, alignment)
{
	EXPECT_EQ(-EINVAL, SET(0, 0, GPA + 0x800, SIZE, self->memory));
	EXPECT_EQ(-EINVAL, SET(0, 0, GPA, SIZE - 1, self->memory));
	EXPECT_EQ(-EINVAL, SET(0, 0, GPA, 1, self->memory));
	EXPECT_EQ(-EINVAL, SET(0, 0, GPA, SIZE, self->memory + 0x10));
	/* nothing of it was kept */
	EXPECT_EQ(0, SET(0, 0, GPA, SIZE, self->memory));
}

TEST_F(slot, ranges)
{
	EXPECT_EQ(-EINVAL, SET(0, 0, -PAGE_SIZE, 2 * PAGE_SIZE, self->memory));
	EXPECT_EQ(-EINVAL, SET(0, 0, GPA, -PAGE_SIZE, self->memory));
	EXPECT_EQ(-EINVAL, SET(0, 0, 1ull << 63, SIZE, self->memory));
	EXPECT_EQ(-EINVAL, SET(0, 0, 1ull << 52, SIZE, self->memory));
	/* more pages than a slot can have */
	EXPECT_EQ(-EINVAL, SET(0, 0, 0, 1ull << 44, (void *)(1ull << 30)));
	/* the kernel's addresses, wrapping and non-canonical ones */
	EXPECT_EQ(-EINVAL, SET(0, 0, GPA, SIZE, (void *)0xffff888000000000ull));
	EXPECT_EQ(-EINVAL, SET(0, 0, GPA, SIZE, (void *)-PAGE_SIZE));
	EXPECT_EQ(-EINVAL, SET(0, 0, GPA, 1ull << 40, (void *)0x7ffffffff000ull));
	/* an address where nothing is mapped is no error: it is looked up at a fault */
	EXPECT_EQ(0, SET(0, 0, GPA, SIZE, (void *)0x10000));
}

TEST_F(slot, ids)
{
	int count = vm_has(&self->vm, KVM_CAP_NR_MEMSLOTS);

	ASSERT_LE(32, count);
	EXPECT_EQ(0, SET(count - 1, 0, GPA, SIZE, self->memory));
	EXPECT_EQ(-EINVAL, SET(count, 0, GPA + SIZE, SIZE, self->memory));
	EXPECT_EQ(-EINVAL, SET(0xffff, 0, GPA + SIZE, SIZE, self->memory));
	/* the upper half names an address space; there are at most two */
	EXPECT_EQ(-EINVAL, SET(2 << 16, 0, GPA + SIZE, SIZE, self->memory));
	EXPECT_EQ(-EINVAL, SET(0xffffffff, 0, GPA + SIZE, SIZE, self->memory));
}

TEST_F(slot, flags)
{
	EXPECT_EQ(-EINVAL, SET(0, 1u << 31, GPA, SIZE, self->memory));
	EXPECT_EQ(-EINVAL, SET(0, 8, GPA, SIZE, self->memory));
	EXPECT_EQ(-EINVAL, SET(0, 0xffff0000, GPA, SIZE, self->memory));
	EXPECT_EQ(0, SET(0, KVM_MEM_READONLY, GPA, SIZE, self->memory));
	/* a slot is read-only or not from birth */
	EXPECT_EQ(-EINVAL, SET(0, 0, GPA, SIZE, self->memory));
	EXPECT_EQ(0, SET(0, 0, GPA, 0, self->memory));
	EXPECT_EQ(0, SET(0, 0, GPA, SIZE, self->memory));
	EXPECT_EQ(-EINVAL, SET(0, KVM_MEM_READONLY, GPA, SIZE, self->memory));
}

TEST_F(slot, overlap)
{
	ASSERT_EQ(0, SET(0, 0, GPA, SIZE, self->memory));
	EXPECT_EQ(-EEXIST, SET(1, 0, GPA, SIZE, self->memory + SIZE));
	EXPECT_EQ(-EEXIST, SET(1, 0, GPA + SIZE - PAGE_SIZE, SIZE, self->memory + SIZE));
	EXPECT_EQ(-EEXIST, SET(1, 0, GPA - PAGE_SIZE, 2 * PAGE_SIZE, self->memory + SIZE));
	EXPECT_EQ(-EEXIST, SET(1, 0, GPA + PAGE_SIZE, PAGE_SIZE, self->memory + SIZE));
	EXPECT_EQ(-EEXIST, SET(1, 0, GPA - PAGE_SIZE, SIZE + 2 * PAGE_SIZE, self->memory + SIZE));
	EXPECT_EQ(0, SET(1, 0, GPA - PAGE_SIZE, PAGE_SIZE, self->memory + SIZE));
	EXPECT_EQ(0, SET(2, 0, GPA + SIZE, PAGE_SIZE, self->memory + SIZE));
}

TEST_F(slot, change)
{
	ASSERT_EQ(0, SET(0, 0, GPA, SIZE, self->memory));
	EXPECT_EQ(-EINVAL, SET(0, 0, GPA, SIZE + PAGE_SIZE, self->memory));
	EXPECT_EQ(-EINVAL, SET(0, 0, GPA, SIZE - PAGE_SIZE, self->memory));
	EXPECT_EQ(-EINVAL, SET(0, 0, GPA, SIZE, self->memory + PAGE_SIZE));
	EXPECT_EQ(-EINVAL, SET(0, 0, GPA + PAGE_SIZE, SIZE, self->memory + PAGE_SIZE));
}

TEST_F(slot, move)
{
	ASSERT_EQ(0, SET(0, 0, GPA, SIZE, self->memory));
	ASSERT_EQ(0, SET(1, 0, GPA + 4 * SIZE, SIZE, self->memory));
	EXPECT_EQ(0, SET(0, 0, GPA + 2 * SIZE, SIZE, self->memory));
	EXPECT_EQ(-EEXIST, SET(0, 0, GPA + 3 * SIZE + PAGE_SIZE, SIZE, self->memory));
	/* over its own old place */
	EXPECT_EQ(0, SET(0, 0, GPA + 2 * SIZE + PAGE_SIZE, SIZE, self->memory));
	/* where it was is free again */
	EXPECT_EQ(0, SET(2, 0, GPA, SIZE, self->memory));
}

TEST_F(slot, many)
{
	int count = vm_has(&self->vm, KVM_CAP_NR_MEMSLOTS), i;

	if (count > rounds_here(512))
		count = rounds_here(512);
	for (i = 0; i < count; i++)
		ASSERT_EQ(0, SET(i, 0, GPA + 2 * i * PAGE_SIZE, PAGE_SIZE, self->memory));
	for (i = 0; i < count; i += 2)
		ASSERT_EQ(0, SET(i, 0, 0, 0, NULL));
	for (i = 1; i < count; i += 2)
		ASSERT_EQ(-EEXIST, SET(0, 0, GPA + 2 * i * PAGE_SIZE, PAGE_SIZE, self->memory));
	for (i = 0; i < count; i += 2)
		ASSERT_EQ(0, SET(i, 0, GPA + 2 * i * PAGE_SIZE, PAGE_SIZE, self->memory));
}

TEST_F(slot, bad_pointer)
{
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->vm.fd, variant->region2 ? KVM_SET_USER_MEMORY_REGION2 :
				     KVM_SET_USER_MEMORY_REGION, BAD_POINTER));
}

TEST_F(slot, memory_files_are_by_capability)
{
	struct kvm_userspace_memory_region2 region = {
		.flags = KVM_MEM_GUEST_MEMFD,
		.guest_phys_addr = GPA,
		.memory_size = SIZE,
		.userspace_addr = (uintptr_t)self->memory,
		.guest_memfd = -1,
	};

	if (!variant->region2)
		return;
	EXPECT_GT(0, kvm_ioctl(self->vm.fd, KVM_SET_USER_MEMORY_REGION2, &region));
}

TEST_HARNESS_MAIN
