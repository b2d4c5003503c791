// SPDX-License-Identifier: GPL-2.0-only
/*
 * Node, VM, memory and vCPU housekeeping, and the run loop. See vm.h for the model.
 */
#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define CPUID_ENTRIES 256

static const char *const exit_names[] = {
#define NAME(reason) [KVM_EXIT_##reason] = #reason
	NAME(UNKNOWN), NAME(EXCEPTION), NAME(IO), NAME(HYPERCALL), NAME(DEBUG), NAME(HLT), NAME(MMIO),
	NAME(IRQ_WINDOW_OPEN), NAME(SHUTDOWN), NAME(FAIL_ENTRY), NAME(INTR), NAME(SET_TPR), NAME(TPR_ACCESS),
	NAME(NMI), NAME(INTERNAL_ERROR), NAME(SYSTEM_EVENT), NAME(IOAPIC_EOI), NAME(X86_RDMSR), NAME(X86_WRMSR),
	NAME(MEMORY_FAULT),
#undef NAME
};

const char *exit_name(u32 reason)
{
	if (reason < sizeof(exit_names) / sizeof(exit_names[0]) && exit_names[reason])
		return exit_names[reason];
	return "(no name)";
}

void die(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "# ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	abort();
}

const char *node_path(void)
{
	const char *path = getenv("QUIRE_NODE");

	if (path && *path)
		return path;
	return access("/dev/quire", F_OK) ? "/dev/kvm" : "/dev/quire";
}

int node_open(void)
{
	int node = open(node_path(), O_RDWR | O_CLOEXEC);

	if (node < 0)
		die("open %s: %s", node_path(), strerror(errno));
	return node;
}

bool machine_is_tcg(void)
{
	char signature[13] = {};
	u32 eax = 0x40000000, ebx, ecx, edx;

	asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
	memcpy(signature, &ebx, 4);
	memcpy(signature + 4, &ecx, 4);
	memcpy(signature + 8, &edx, 4);
	return !strcmp(signature, "TCGTCGTCGTCG");
}

u32 rounds_here(u32 all)
{
	static int watched = -1;

	if (watched < 0)
		watched = !access("/sys/kernel/debug/kmemleak", F_OK) || !access("/sys/kernel/debug/kcsan", F_OK);
	return watched ? (all + 3) / 4 : all;
}

long kvm_ioctl_once(int fd, unsigned long cmd, void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret == -1 ? -errno : ret;
}

long kvm_ioctl(int fd, unsigned long cmd, void *arg)
{
	return inject_is_sweep() ? inject_ioctl(fd, cmd, arg) : kvm_ioctl_once(fd, cmd, arg);
}

long kvm_ioctl_n(int fd, unsigned long cmd, unsigned long arg)
{
	return kvm_ioctl(fd, cmd, (void *)arg);
}

long kvm_must_at(const char *where, int fd, unsigned long cmd, void *arg)
{
	long ret = kvm_ioctl(fd, cmd, arg);

	if (ret < 0)
		die("%s: %s", where, strerror(-ret));
	return ret;
}

int node_has(int extension)
{
	int node = node_open();
	long ret = kvm_ioctl_n(node, KVM_CHECK_EXTENSION, extension);

	close(node);
	return ret < 0 ? 0 : ret;
}

int vm_has(struct vm *vm, int extension)
{
	long ret = kvm_ioctl_n(vm->fd, KVM_CHECK_EXTENSION, extension);

	return ret < 0 ? 0 : ret;
}

void *host_memory(u64 size, u64 align)
{
	u8 *map = mmap(NULL, size + align, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	u64 skip;

	if (map == MAP_FAILED)
		die("mmap of %#lx bytes: %s", (long)size, strerror(errno));
	skip = -(u64)(uintptr_t)map & (align - 1);
	if (skip)
		munmap(map, skip);
	if (align - skip)
		munmap(map + skip + size, align - skip);
	return map + skip;
}

int vm_slot(struct vm *vm, u32 slot, u32 flags, u64 gpa, u64 size, void *hva)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};

	return kvm_ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
}

void *vm_hva(struct vm *vm, u64 gpa)
{
	if (!vm->ram || gpa >= RAM_SIZE)
		die("no RAM at gpa %#lx", (long)gpa);
	return vm->ram + gpa;
}

size_t vm_put_code(struct vm *vm, u64 gpa, const void *begin, const void *end)
{
	size_t size = (const u8 *)end - (const u8 *)begin;

	memcpy(vm_hva(vm, gpa), begin, size);
	return size;
}

static int copy_segments(struct dl_phdr_info *info, size_t size, void *data)
{
	struct vm *vm = data;
	int i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		u64 begin = info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type != PT_LOAD)
			continue;
		if (begin < IMAGE_BASE || begin + segment->p_memsz > IMAGE_END)
			die("the program's segment at %#lx is outside of the image range", (long)begin);
		memcpy(vm_hva(vm, begin), (void *)begin, segment->p_memsz);
	}
	return 1;	/* the program itself comes first, the vdso is of no interest */
}

static void add_split_irqchip(struct vm *vm)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };

	kvm_must(vm->fd, KVM_ENABLE_CAP, &cap);
}

void vm_create(struct vm *vm, unsigned int flags)
{
	int ret;

	memset(vm, 0, sizeof(*vm));
	vm->node = node_open();
	vm->run_size = kvm_must(vm->node, KVM_GET_VCPU_MMAP_SIZE, NULL);
	vm->fd = kvm_must(vm->node, KVM_CREATE_VM, NULL);
	vm->next_table = TABLES_BASE;
	if (flags & VM_SPLIT_IRQCHIP)
		add_split_irqchip(vm);
	if (flags & VM_IRQCHIP)
		kvm_must(vm->fd, KVM_CREATE_IRQCHIP, NULL);
	if (flags & VM_NO_RAM)
		return;
	vm->ram = host_memory(RAM_SIZE, 2 * MiB);
	dl_iterate_phdr(copy_segments, vm);
	ret = vm_slot(vm, RAM_SLOT, 0, 0, RAM_SIZE, vm->ram);
	if (ret)
		die("memory slot for RAM: %s", strerror(-ret));
}

void vm_destroy(struct vm *vm)
{
	int i;

	for (i = 0; i < MAX_VCPUS; i++)
		if (vm->vcpus[i])
			vcpu_destroy(vm->vcpus[i]);
	if (vm->fd >= 0)
		inject_close(vm->fd);
	if (vm->node >= 0)
		close(vm->node);
	if (vm->ram)
		munmap(vm->ram, RAM_SIZE);
	vm->fd = -1;
	vm->node = -1;
	vm->ram = NULL;
}

struct vcpu *vcpu_create_bare(struct vm *vm, int id, int *error)
{
	struct vcpu *vcpu;
	int fd = kvm_ioctl_n(vm->fd, KVM_CREATE_VCPU, id);

	*error = fd < 0 ? fd : 0;
	if (fd < 0)
		return NULL;
	vcpu = calloc(1, sizeof(*vcpu));
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->fd = fd;
	vcpu->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (vcpu->run == MAP_FAILED)
		die("mmap of the vCPU: %s", strerror(errno));
	if (id >= 0 && id < MAX_VCPUS)
		vm->vcpus[id] = vcpu;
	return vcpu;
}

struct vcpu *vcpu_create(struct vm *vm, int id)
{
	struct kvm_cpuid2 *cpuid;
	struct vcpu *vcpu;
	int error;

	vcpu = vcpu_create_bare(vm, id, &error);
	if (!vcpu)
		die("vCPU %d: %s", id, strerror(-error));
	cpuid = cpuid_supported(vm->node);
	kvm_must(vcpu->fd, KVM_SET_CPUID2, cpuid);
	free(cpuid);
	return vcpu;
}

void vcpu_destroy(struct vcpu *vcpu)
{
	if (vcpu->id >= 0 && vcpu->id < MAX_VCPUS && vcpu->vm->vcpus[vcpu->id] == vcpu)
		vcpu->vm->vcpus[vcpu->id] = NULL;
	munmap(vcpu->run, vcpu->vm->run_size);
	inject_close(vcpu->fd);
	free(vcpu);
}

struct kvm_cpuid2 *cpuid_supported(int node)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + CPUID_ENTRIES * sizeof(cpuid->entries[0]));

	cpuid->nent = CPUID_ENTRIES;
	kvm_must(node, KVM_GET_SUPPORTED_CPUID, cpuid);
	return cpuid;
}

struct kvm_cpuid_entry2 *cpuid_find(struct kvm_cpuid2 *cpuid, u32 leaf, u32 index)
{
	u32 i;

	for (i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == leaf && cpuid->entries[i].index == index)
			return &cpuid->entries[i];
	return NULL;
}

void vcpu_get_regs(struct vcpu *vcpu, struct kvm_regs *regs)
{
	kvm_must(vcpu->fd, KVM_GET_REGS, regs);
}

void vcpu_set_regs(struct vcpu *vcpu, const struct kvm_regs *regs)
{
	kvm_must(vcpu->fd, KVM_SET_REGS, (void *)regs);
}

void vcpu_get_sregs(struct vcpu *vcpu, struct kvm_sregs *sregs)
{
	kvm_must(vcpu->fd, KVM_GET_SREGS, sregs);
}

void vcpu_set_sregs(struct vcpu *vcpu, const struct kvm_sregs *sregs)
{
	kvm_must(vcpu->fd, KVM_SET_SREGS, (void *)sregs);
}

struct one_msr {
	struct kvm_msrs head;
	struct kvm_msr_entry entry;
};

int vcpu_get_msr(struct vcpu *vcpu, u32 index, u64 *value)
{
	struct one_msr msr = { .head.nmsrs = 1, .entry.index = index };
	int ret = kvm_must(vcpu->fd, KVM_GET_MSRS, &msr);

	*value = msr.entry.data;
	return ret;
}

int vcpu_set_msr(struct vcpu *vcpu, u32 index, u64 value)
{
	struct one_msr msr = { .head.nmsrs = 1, .entry = { .index = index, .data = value } };

	return kvm_must(vcpu->fd, KVM_SET_MSRS, &msr);
}

int vcpu_run(struct vcpu *vcpu)
{
	return kvm_ioctl(vcpu->fd, KVM_RUN, NULL);
}

u32 vcpu_run_to_exit(struct vcpu *vcpu)
{
	int ret;

	do {
		ret = vcpu_run(vcpu);
	} while (ret == -EINTR || ret == -EAGAIN);
	if (ret) {
		vcpu_dump(vcpu);
		die("KVM_RUN: %s", strerror(-ret));
	}
	return vcpu->run->exit_reason;
}

static void dump_internal_error(const struct kvm_run *run)
{
	u32 i;

	fprintf(stderr, "#   suberror %u, data:", run->internal.suberror);
	for (i = 0; i < run->internal.ndata && i < 16; i++)
		fprintf(stderr, " %#llx", run->internal.data[i]);
	fprintf(stderr, "\n");
}

void vcpu_dump(struct vcpu *vcpu)
{
	const struct kvm_run *run = vcpu->run;
	struct kvm_sregs s = {};
	struct kvm_regs r = {};

	fprintf(stderr, "# vCPU %d: last exit %u %s\n", vcpu->id, run->exit_reason, exit_name(run->exit_reason));
	if (run->exit_reason == KVM_EXIT_IO)
		fprintf(stderr, "#   io direction %u size %u port %#x count %u\n", run->io.direction, run->io.size,
			run->io.port, run->io.count);
	if (run->exit_reason == KVM_EXIT_MMIO)
		fprintf(stderr, "#   mmio %s gpa %#llx len %u\n", run->mmio.is_write ? "write" : "read",
			run->mmio.phys_addr, run->mmio.len);
	if (run->exit_reason == KVM_EXIT_FAIL_ENTRY)
		fprintf(stderr, "#   hardware reason %#llx\n", run->fail_entry.hardware_entry_failure_reason);
	if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		dump_internal_error(run);
	if (kvm_ioctl(vcpu->fd, KVM_GET_REGS, &r) || kvm_ioctl(vcpu->fd, KVM_GET_SREGS, &s))
		return;
	fprintf(stderr, "#   rip %#llx rsp %#llx rflags %#llx rax %#llx rbx %#llx rcx %#llx rdx %#llx\n", r.rip, r.rsp,
		r.rflags, r.rax, r.rbx, r.rcx, r.rdx);
	fprintf(stderr, "#   cs %#x base %#llx cr0 %#llx cr2 %#llx cr3 %#llx cr4 %#llx efer %#llx\n", s.cs.selector,
		s.cs.base, s.cr0, s.cr2, s.cr3, s.cr4, s.efer);
}
