/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine under test, seen from the VMM: node, VM, memory, vCPUs, run loop.
 *
 * Each test program is linked statically at IMAGE_BASE, and a VM with RAM gets a copy of the whole program at the
 * guest physical address equal to its link address. So a guest runs functions of the test program itself, with
 * their constants and variables: &variable is its address on both sides, guest_copy() turns it into the VMM's view
 * of the guest's own copy.
 *
 * What cannot go wrong in a sane machine does not return an error here: the library prints what happened and aborts,
 * which the harness reports as a failed test. Functions whose failure is of interest to tests return -errno.
 */
#ifndef SELFTESTS_LIB_VM_H
#define SELFTESTS_LIB_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/quire.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define PAGE_SIZE	4096ull
#define MiB		(1ull << 20)
#define GiB		(1ull << 30)

/* guest physical addresses that the library uses; the rest of RAM_SIZE belongs to the test */
#define IMAGE_BASE	0x1000000ull	/* the program's copy; the Makefile links it there */
#define IMAGE_END	0x1800000ull
#define TABLES_BASE	0x1800000ull	/* the guest's page tables, handed out page by page */
#define TABLES_END	0x1a00000ull
#define RAM_SIZE	(32 * MiB)
#define RAM_SLOT	0
#define REAL_BASE	0x1000ull	/* where 16-bit and 32-bit snippets are put */
#define MMIO_BASE	0xd0000000ull	/* nothing is ever mapped here by the library */
#define MAX_VCPUS	8

struct vm;

struct vcpu {
	struct vm *vm;
	int id;
	int fd;
	struct kvm_run *run;
};

struct vm {
	int node;
	int fd;
	size_t run_size;
	u8 *ram;		/* RAM_SIZE bytes at gpa 0, NULL with VM_NO_RAM */
	u64 next_table;
	u64 guest_cr3;		/* 0 until the first vCPU enters long mode */
	struct vcpu *vcpus[MAX_VCPUS];
};

enum vm_flags {
	VM_NO_RAM = 1,
	VM_SPLIT_IRQCHIP = 2,	/* local APICs in the kernel, IOAPIC routes for 24 pins reserved */
	VM_IRQCHIP = 4,		/* all interrupt chips in the kernel, but no interval timer */
};

enum cpu_mode {
	MODE_REAL,
	MODE_FLAT32,		/* protected, no paging */
	MODE_PSE32,		/* two-level tables, first 4 GiB identity mapped by 4 MiB pages */
	MODE_PAE,		/* three-level tables, first 4 GiB identity mapped by 2 MiB pages */
	MODE_LONG,		/* four-level tables, as PAE; a GDT, IDT, TSS */
};

/* QUIRE_NODE if set, else /dev/quire if it is there, else /dev/kvm */
const char *node_path(void);
int node_open(void);

/* QEMU's TCG, whose SVM knows neither breakpoints loaded by VMRUN nor the intercepts of #BP and XSETBV */
bool machine_is_tcg(void);

/* how often a test does what finds more the more often it is done: @all times, a quarter where the kernel watches */
u32 rounds_here(u32 all);

/* returns what ioctl(2) returns when that is not -1, else -errno; swept if QUIRE_SWEEP says so (inject.h) */
long kvm_ioctl(int fd, unsigned long cmd, void *arg);
/* the same, never swept */
long kvm_ioctl_once(int fd, unsigned long cmd, void *arg);
/* the same with an argument that is a number */
long kvm_ioctl_n(int fd, unsigned long cmd, unsigned long arg);
/* aborts on failure */
long kvm_must_at(const char *where, int fd, unsigned long cmd, void *arg);
#define STRING_OF(x) #x
#define LINE_STRING(x) STRING_OF(x)
#define kvm_must(fd, cmd, arg) kvm_must_at(__FILE__ ":" LINE_STRING(__LINE__) " " #cmd, fd, cmd, arg)
/* 0 when the extension is not reported */
int vm_has(struct vm *vm, int extension);
int node_has(int extension);

void vm_create(struct vm *vm, unsigned int flags);
/* closes every fd and unmaps everything that is still open; a vm may be destroyed once */
void vm_destroy(struct vm *vm);
/* 0 or -errno; size 0 deletes the slot */
int vm_slot(struct vm *vm, u32 slot, u32 flags, u64 gpa, u64 size, void *hva);
/* anonymous zeroed memory, aligned to @align bytes (a power of two) */
void *host_memory(u64 size, u64 align);
/* the VMM's view of RAM at a gpa */
void *vm_hva(struct vm *vm, u64 gpa);
/* the guest's copy of one of the program's variables */
#define guest_copy(vm, symbol) ((__typeof__(&(symbol)))vm_hva(vm, (u64)(uintptr_t)&(symbol)))
/* puts code that was assembled between two labels at a gpa, and returns its length */
size_t vm_put_code(struct vm *vm, u64 gpa, const void *begin, const void *end);
/* maps [gva, gva + size) to gpa by 4 KiB pages in the long mode tables; @bits are of the lowest entry */
void vm_map(struct vm *vm, u64 gva, u64 gpa, u64 size, u64 bits);
/* the VMM's pointer to the lowest entry that maps @gva; NULL where no table is */
u64 *vm_pte(struct vm *vm, u64 gva);

/* CPUID is set to what the node supports; kvm_run is mapped */
struct vcpu *vcpu_create(struct vm *vm, int id);
/* the same without CPUID; -errno through *error and NULL when the VM refuses */
struct vcpu *vcpu_create_bare(struct vm *vm, int id, int *error);
void vcpu_destroy(struct vcpu *vcpu);
/* loads mode, segments, tables; rip and rsp are set by the next two */
void vcpu_set_mode(struct vcpu *vcpu, enum cpu_mode mode);
/* makes ready to run @code at a gva with a flat stack below @stack, rflags 2, other registers 0 */
void vcpu_set_entry(struct vcpu *vcpu, u64 code, u64 stack);
/* long mode, @function(@argument) on the vCPU's own stack */
void vcpu_set_guest(struct vcpu *vcpu, void (*function)(u64), u64 argument);
void vcpu_get_regs(struct vcpu *vcpu, struct kvm_regs *regs);
void vcpu_set_regs(struct vcpu *vcpu, const struct kvm_regs *regs);
void vcpu_get_sregs(struct vcpu *vcpu, struct kvm_sregs *sregs);
void vcpu_set_sregs(struct vcpu *vcpu, const struct kvm_sregs *sregs);
/* one MSR; returns 1 when the kernel took it, 0 when it refused */
int vcpu_get_msr(struct vcpu *vcpu, u32 index, u64 *value);
int vcpu_set_msr(struct vcpu *vcpu, u32 index, u64 value);
/* gives the entry of a CPUID leaf that the vCPU was created with; NULL if there is none */
struct kvm_cpuid_entry2 *cpuid_find(struct kvm_cpuid2 *cpuid, u32 leaf, u32 index);
/* malloc'ed; what the node supports */
struct kvm_cpuid2 *cpuid_supported(int node);

/* one KVM_RUN: 0 or -errno */
int vcpu_run(struct vcpu *vcpu);
/* runs again after EINTR and EAGAIN, aborts on any other error, returns the exit reason */
u32 vcpu_run_to_exit(struct vcpu *vcpu);
const char *exit_name(u32 reason);
/* what went on, on stderr, each line as a TAP comment */
void vcpu_dump(struct vcpu *vcpu);
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);

#endif
