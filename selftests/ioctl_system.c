// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of the node: version, capabilities, sizes, and what the CPU of a guest can have (CPUID and MSR lists),
 * with the protocol for lists whose length the caller does not know.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define MAX_MSRS 1024
#define BAD_POINTER ((void *)0x10)

FIXTURE(node) {
	int fd;
};

FIXTURE_SETUP(node)
{
	self->fd = node_open();
}

FIXTURE_TEARDOWN(node)
{
	close(self->fd);
}

TEST_F(node, api_version)
{
	EXPECT_EQ(12, kvm_ioctl(self->fd, KVM_GET_API_VERSION, NULL));
	EXPECT_EQ(-EINVAL, kvm_ioctl_n(self->fd, KVM_GET_API_VERSION, 1));
}

TEST_F(node, mmap_size)
{
	long size = kvm_ioctl(self->fd, KVM_GET_VCPU_MMAP_SIZE, NULL);

	EXPECT_LE((long)PAGE_SIZE, size);
	EXPECT_EQ(0, size % PAGE_SIZE);
	EXPECT_EQ(-EINVAL, kvm_ioctl_n(self->fd, KVM_GET_VCPU_MMAP_SIZE, 1));
}

TEST_F(node, create_vm)
{
	int fd = kvm_ioctl(self->fd, KVM_CREATE_VM, NULL);

	ASSERT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(-EINVAL, kvm_ioctl_n(self->fd, KVM_CREATE_VM, 0xdead));
	EXPECT_EQ(-EINVAL, kvm_ioctl_n(self->fd, KVM_CREATE_VM, 1ul << 40));
}

TEST_F(node, capabilities)
{
	/* what the first slice promises; each of them has its test in one of these programs */
	static const int always[] = {
		KVM_CAP_USER_MEMORY, KVM_CAP_DESTROY_MEMORY_REGION_WORKS, KVM_CAP_JOIN_MEMORY_REGIONS_WORKS,
		KVM_CAP_SYNC_MMU, KVM_CAP_NR_VCPUS, KVM_CAP_MAX_VCPUS, KVM_CAP_MAX_VCPU_ID, KVM_CAP_NR_MEMSLOTS,
		KVM_CAP_EXT_CPUID, KVM_CAP_MP_STATE, KVM_CAP_SET_TSS_ADDR, KVM_CAP_SET_IDENTITY_MAP_ADDR,
		KVM_CAP_SET_GUEST_DEBUG, KVM_CAP_VCPU_EVENTS, KVM_CAP_DEBUGREGS, KVM_CAP_XSAVE, KVM_CAP_XCRS,
		KVM_CAP_GET_TSC_KHZ, KVM_CAP_READONLY_MEM, KVM_CAP_IMMEDIATE_EXIT, KVM_CAP_SPLIT_IRQCHIP,
		KVM_CAP_SIGNAL_MSI, KVM_CAP_IRQ_ROUTING, KVM_CAP_SYNC_REGS, KVM_CAP_GET_MSR_FEATURES,
		KVM_CAP_SREGS2, KVM_CAP_XSAVE2, KVM_CAP_ADJUST_CLOCK, KVM_CAP_TSC_DEADLINE_TIMER, KVM_CAP_USER_NMI,
		KVM_CAP_CHECK_EXTENSION_VM, KVM_CAP_ENABLE_CAP_VM, KVM_CAP_MCE,
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(always); i++)
		EXPECT_LT(0, kvm_ioctl_n(self->fd, KVM_CHECK_EXTENSION, always[i])) {
			TH_LOG("capability %d", always[i]);
		}
	/* others' capabilities, and none at all */
	EXPECT_EQ(0, kvm_ioctl_n(self->fd, KVM_CHECK_EXTENSION, KVM_CAP_S390_UCONTROL));
	EXPECT_EQ(0, kvm_ioctl_n(self->fd, KVM_CHECK_EXTENSION, 100000));
	EXPECT_EQ(0, kvm_ioctl_n(self->fd, KVM_CHECK_EXTENSION, -1ul));
	EXPECT_LE(kvm_ioctl_n(self->fd, KVM_CHECK_EXTENSION, KVM_CAP_NR_VCPUS),
		  kvm_ioctl_n(self->fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS));
	EXPECT_LE(kvm_ioctl_n(self->fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS),
		  kvm_ioctl_n(self->fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPU_ID));
}

/* which components of XSAVE guests may have: those of leaf 0xd */
TEST_F(node, attributes)
{
	u64 components = 0;
	struct kvm_device_attr attr = { .attr = KVM_X86_XCOMP_GUEST_SUPP, .addr = (uintptr_t)&components };
	struct kvm_cpuid2 *cpuid = cpuid_supported(self->fd);
	struct kvm_cpuid_entry2 *leaf = cpuid_find(cpuid, 0xd, 0);

	ASSERT_NE(NULL, leaf);
	EXPECT_EQ(1, kvm_ioctl_n(self->fd, KVM_CHECK_EXTENSION, KVM_CAP_SYS_ATTRIBUTES));
	EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_HAS_DEVICE_ATTR, &attr));
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_DEVICE_ATTR, &attr));
	EXPECT_EQ(leaf->eax | (u64)leaf->edx << 32, components);
	attr.addr = (uintptr_t)BAD_POINTER;
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_GET_DEVICE_ATTR, &attr));
	attr.attr = 100;
	EXPECT_EQ(-ENXIO, kvm_ioctl(self->fd, KVM_HAS_DEVICE_ATTR, &attr));
	attr.attr = KVM_X86_XCOMP_GUEST_SUPP;
	attr.group = 1;
	EXPECT_EQ(-ENXIO, kvm_ioctl(self->fd, KVM_GET_DEVICE_ATTR, &attr));
	free(cpuid);
}

/* CPUID lists */

struct cpuid_list {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entries[256];
};

TEST_F(node, supported_cpuid_length)
{
	struct cpuid_list list = { .head.nent = 256 };
	u32 count, i, j;

	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_SUPPORTED_CPUID, &list));
	count = list.head.nent;
	EXPECT_LT(10, count);
	EXPECT_GT(256, count);
	for (i = 0; i < count; i++)
		for (j = 0; j < i; j++)
			EXPECT_FALSE(list.entries[i].function == list.entries[j].function &&
				     list.entries[i].index == list.entries[j].index);
	list.head.nent = 0;
	EXPECT_EQ(-E2BIG, kvm_ioctl(self->fd, KVM_GET_SUPPORTED_CPUID, &list));
	list.head.nent = count - 1;
	EXPECT_EQ(-E2BIG, kvm_ioctl(self->fd, KVM_GET_SUPPORTED_CPUID, &list));
	list.head.nent = count;
	EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_GET_SUPPORTED_CPUID, &list));
	EXPECT_EQ(count, list.head.nent);
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_GET_SUPPORTED_CPUID, BAD_POINTER));
}

TEST_F(node, supported_cpuid_content)
{
	struct kvm_cpuid2 *cpuid = cpuid_supported(self->fd);
	struct kvm_cpuid_entry2 *leaf;
	u32 host[4];

	guest_cpuid(0, 0, host);
	leaf = cpuid_find(cpuid, 0, 0);
	ASSERT_NE(NULL, leaf);
	EXPECT_EQ(host[1], leaf->ebx);
	EXPECT_EQ(host[2], leaf->ecx);
	EXPECT_EQ(host[3], leaf->edx);
	EXPECT_LE(7, leaf->eax);
	leaf = cpuid_find(cpuid, 1, 0);
	ASSERT_NE(NULL, leaf);
	EXPECT_EQ(1, leaf->ecx >> 21 & 1);	/* x2APIC, emulated */
	EXPECT_EQ(0, leaf->ecx >> 5 & 1);	/* no VMX on this vendor's backend, no guest of a guest */
	EXPECT_EQ(0x178bfbff & 0x2008179, leaf->edx & 0x2008179);	/* FPU, PSE..., PAE, CX8, CMOV, SSE */
	leaf = cpuid_find(cpuid, 0x80000001, 0);
	ASSERT_NE(NULL, leaf);
	EXPECT_EQ(1, leaf->edx >> 29 & 1);	/* long mode */
	EXPECT_EQ(1, leaf->edx >> 20 & 1);	/* NX */
	leaf = cpuid_find(cpuid, 0x80000008, 0);
	ASSERT_NE(NULL, leaf);
	EXPECT_LE(36, leaf->eax & 0xff);
	leaf = cpuid_find(cpuid, 0x40000000, 0);
	ASSERT_NE(NULL, leaf);
	EXPECT_EQ(0x4b4d564b, leaf->ebx);	/* "KVMK" */
	leaf = cpuid_find(cpuid, 0xd, 0);
	if (leaf) {
		EXPECT_EQ(KVM_CPUID_FLAG_SIGNIFCANT_INDEX, leaf->flags);
	}
	free(cpuid);
}

TEST_F(node, emulated_cpuid)
{
	struct cpuid_list list = { .head.nent = 256 };

	if (!kvm_ioctl_n(self->fd, KVM_CHECK_EXTENSION, KVM_CAP_EXT_EMUL_CPUID))
		SKIP(return, "KVM_CAP_EXT_EMUL_CPUID is not reported");
	EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_GET_EMULATED_CPUID, &list));
	list.head.nent = 0;
	EXPECT_EQ(-E2BIG, kvm_ioctl(self->fd, KVM_GET_EMULATED_CPUID, &list));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_GET_EMULATED_CPUID, BAD_POINTER));
}

/* MSR lists */

struct msr_list {
	struct kvm_msr_list head;
	u32 indices[MAX_MSRS];
};

static bool list_has(const struct msr_list *list, u32 index)
{
	u32 i;

	for (i = 0; i < list->head.nmsrs; i++)
		if (list->indices[i] == index)
			return true;
	return false;
}

static void check_list_protocol(struct __test_metadata *_metadata, int fd, unsigned long cmd, struct msr_list *list)
{
	u32 count, i;

	list->head.nmsrs = 0;
	EXPECT_EQ(-E2BIG, kvm_ioctl(fd, cmd, list));
	count = list->head.nmsrs;
	ASSERT_LT(0, count);
	ASSERT_GE(MAX_MSRS, count);
	list->head.nmsrs = count - 1;
	EXPECT_EQ(-E2BIG, kvm_ioctl(fd, cmd, list));
	EXPECT_EQ(count, list->head.nmsrs);
	for (i = 0; i < MAX_MSRS; i++)
		list->indices[i] = 0xffffffff;
	list->head.nmsrs = MAX_MSRS;
	EXPECT_EQ(0, kvm_ioctl(fd, cmd, list));
	EXPECT_EQ(count, list->head.nmsrs);
	EXPECT_EQ(0xffffffff, list->indices[count]);
	for (i = 0; i < count; i++) {
		EXPECT_NE(0xffffffff, list->indices[i]);
		list->head.nmsrs = i;
		EXPECT_FALSE(list_has(list, list->indices[i]));
	}
	list->head.nmsrs = count;
	EXPECT_EQ(-EFAULT, kvm_ioctl(fd, cmd, BAD_POINTER));
}

TEST_F(node, msr_index_list)
{
	struct msr_list list;
	struct vcpu *vcpu;
	struct vm vm;
	u64 value;
	u32 i;

	check_list_protocol(_metadata, self->fd, KVM_GET_MSR_INDEX_LIST, &list);
	EXPECT_TRUE(list_has(&list, 0x10));		/* TSC */
	EXPECT_TRUE(list_has(&list, 0x174));		/* SYSENTER_CS */
	EXPECT_TRUE(list_has(&list, 0x277));		/* PAT */
	EXPECT_TRUE(list_has(&list, 0xc0000081));	/* STAR */
	/* what is listed can be saved */
	vm_create(&vm, VM_SPLIT_IRQCHIP);
	vcpu = vcpu_create(&vm, 0);
	for (i = 0; i < list.head.nmsrs; i++)
		EXPECT_EQ(1, vcpu_get_msr(vcpu, list.indices[i], &value)) {
			TH_LOG("MSR %#x", list.indices[i]);
		}
	vm_destroy(&vm);
}

struct msr_values {
	struct kvm_msrs head;
	struct kvm_msr_entry entries[260];
};

TEST_F(node, feature_msrs)
{
	struct msr_values values = {};
	struct msr_list list;
	u32 i;

	list.head.nmsrs = MAX_MSRS;
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_MSR_FEATURE_INDEX_LIST, &list));
	if (list.head.nmsrs)
		check_list_protocol(_metadata, self->fd, KVM_GET_MSR_FEATURE_INDEX_LIST, &list);
	for (i = 0; i < list.head.nmsrs; i++)
		values.entries[i].index = list.indices[i];
	values.head.nmsrs = list.head.nmsrs;
	EXPECT_EQ(list.head.nmsrs, kvm_ioctl(self->fd, KVM_GET_MSRS, &values));
	/* the count tells where it ended */
	values.head.nmsrs = 1;
	values.entries[0].index = 0x12345678;
	EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_GET_MSRS, &values));
	values.head.nmsrs = 257;
	EXPECT_EQ(-E2BIG, kvm_ioctl(self->fd, KVM_GET_MSRS, &values));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_GET_MSRS, BAD_POINTER));
}

TEST_F(node, mce_capability)
{
	u64 supported = 0;

	EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_X86_GET_MCE_CAP_SUPPORTED, &supported));
	EXPECT_NE(0, supported);
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_X86_GET_MCE_CAP_SUPPORTED, BAD_POINTER));
}

/* a VM made by a node that was opened read-only is a VM */
TEST_F(node, read_only_open)
{
	int fd = open(node_path(), O_RDONLY);
	int vm;

	ASSERT_LE(0, fd);
	vm = kvm_ioctl(fd, KVM_CREATE_VM, NULL);
	EXPECT_LE(0, vm);
	close(fd);
	EXPECT_LE(0, kvm_ioctl_n(vm, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY));
	close(vm);
}

TEST_HARNESS_MAIN
