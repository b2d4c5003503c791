// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VM lives while its file or that of one of its vCPUs is open.  It belongs to
 * the address space that made it: guest memory is part of that, so ioctls from
 * elsewhere (a fork, a passed descriptor) are refused.
 *
 * vCPUs stay until the VM goes.  When it does nobody holds a file any more, so
 * no ioctl runs and no vCPU is in a guest: teardown needs no lock.
 */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "debugfs.h"
#include "irq/coalesced.h"
#include "irq/ioeventfd.h"
#include "request.h"
#include "vcpu.h"
#include "vendor/vendor.h"
#include "vm.h"
#include "x86/msr.h"

static const struct mmu_vm_ops vm_mmu_ops = {
	.flush_tlbs = request_flush_tlbs,
};

static struct vm *vm_create(void)
{
	struct vm *vm;
	int ret;

	vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return ERR_PTR(-ENOMEM);

	refcount_set(&vm->users, 1);
	mutex_init(&vm->lock);
	xa_init(&vm->vcpus);
	vm->mm = current->mm;
	vm->owner = task_tgid_nr(current);
	vm->vcpu_id_limit = VM_MAX_VCPU_ID;
	vm->apic_bus_ns = VM_APIC_BUS_NS;
	ret = mem_vm_init(&vm->mem, vm->mm, mmu_gpa_bits());
	if (ret)
		goto free_vm;
	ret = mmu_vm_init(&vm->mmu, &vm->mem, &vm_mmu_ops);
	if (ret)
		goto destroy_mem;
	io_vm_init(&vm->io);
	ret = coalesced_vm_init(&vm->io);
	if (ret)
		goto destroy_io;
	irq_vm_init(vm);
	irqfd_vm_init(vm);
	clock_vm_init(vm);
	ret = vendor->vm_init(vm);
	if (ret)
		goto destroy_irq;
	steal_vm_init();
	mmgrab(vm->mm);
	debugfs_vm_create(vm);
	return vm;

destroy_irq:
	irq_vm_destroy(vm);
	coalesced_vm_destroy(&vm->io);
destroy_io:
	io_vm_destroy(&vm->io);
	mmu_vm_destroy(&vm->mmu);
destroy_mem:
	mem_vm_destroy(&vm->mem);
free_vm:
	kfree(vm);
	return ERR_PTR(ret);
}

static void vm_destroy(struct vm *vm)
{
	struct vcpu *vcpu;
	unsigned long i;

	/* Nobody looks any more. */
	debugfs_vm_destroy(vm);
	irqfd_vm_destroy(vm);
	/*
	 * Messages may travel between vCPUs until all have stopped their timers,
	 * and the host's invalidations ask each to flush until the notifier is
	 * gone: only then are they freed.
	 */
	vm_for_each_vcpu(vm, i, vcpu)
		vcpu_stop(vcpu);
	ioeventfd_vm_destroy(&vm->io);
	coalesced_vm_destroy(&vm->io);
	io_vm_destroy(&vm->io);
	irq_vm_destroy(vm);
	mmu_vm_destroy(&vm->mmu);
	mem_vm_destroy(&vm->mem);
	vm_for_each_vcpu(vm, i, vcpu)
		vcpu_destroy(vcpu);
	xa_destroy(&vm->vcpus);

	steal_vm_destroy();
	vendor->vm_destroy(vm);
	msr_filter_destroy(vm);
	mmdrop(vm->mm);
	kfree(vm);
}

void vm_put(struct vm *vm)
{
	if (refcount_dec_and_test(&vm->users))
		vm_destroy(vm);
}

struct vcpu *vm_vcpu_by_id(struct vm *vm, u32 id)
{
	struct vcpu *vcpu;
	unsigned long i;

	vm_for_each_vcpu(vm, i, vcpu) {
		if (vcpu->id == id)
			return vcpu;
	}
	return NULL;
}

int vm_release(struct inode *inode, struct file *file)
{
	vm_put(file->private_data);
	return 0;
}

int vm_create_fd(unsigned long type)
{
	struct vm *vm;
	int fd;

	if (type)
		return -EINVAL;
	vm = vm_create();
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	fd = anon_inode_getfd("quire-vm", &vm_fops, vm, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		vm_put(vm);
	return fd;
}
