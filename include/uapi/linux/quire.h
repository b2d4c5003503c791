/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What user space sees of Quire.
 *
 * The ABI is KVM's, version 12: the structures, ioctl numbers and exit reasons
 * are those of <linux/kvm.h>.  This header supplies what an older copy of that
 * header lacks, each with the same number and the same layout, and declares
 * Quire's own extensions.  Own ioctls use the type letter of KVM with numbers
 * from QUIRE_IOC_FIRST on; own capabilities start at QUIRE_CAP_FIRST.
 */
#ifndef _UAPI_LINUX_QUIRE_H
#define _UAPI_LINUX_QUIRE_H

#include <linux/kvm.h>

#define QUIRE_NODE_NAME		"quire"

/* KVM assigns neither ioctl numbers from 0xf0 on nor capabilities this large. */
#define QUIRE_IOC_FIRST		0xf0
#define QUIRE_CAP_FIRST		0x51550000

#ifndef KVM_SET_USER_MEMORY_REGION2
#define KVM_CAP_USER_MEMORY2	231
#define KVM_MEM_GUEST_MEMFD	(1UL << 2)

struct kvm_userspace_memory_region2 {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 userspace_addr;
	__u64 guest_memfd_offset;
	__u32 guest_memfd;
	__u32 pad1;
	__u64 pad2[14];
};

#define KVM_SET_USER_MEMORY_REGION2 \
	_IOW(KVMIO, 0x49, struct kvm_userspace_memory_region2)
#endif

/*
 * struct kvm_run.memory_fault of newer headers: where the union has no such
 * member, view its bytes through this one.
 */
#ifndef KVM_EXIT_MEMORY_FAULT
#define KVM_EXIT_MEMORY_FAULT	39
#define KVM_CAP_MEMORY_FAULT_INFO 232
#define KVM_MEMORY_EXIT_FLAG_PRIVATE	(1ULL << 3)
#endif

#ifndef KVM_CAP_X86_APIC_BUS_CYCLES_NS
#define KVM_CAP_X86_APIC_BUS_CYCLES_NS 237
#endif

/* Flags of KVM_CAP_X2APIC_API. */
#ifndef KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST
#define KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST	(1ULL << 2)
#define KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST	(1ULL << 3)
#endif

struct quire_exit_memory_fault {
	__u64 flags;
	__u64 gpa;
	__u64 size;
};

#endif
