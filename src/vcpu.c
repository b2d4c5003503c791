// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU is made complete before anyone can find it: first its parts, each of
 * which may fail, then its place in the VM's table, then its file.  From the
 * table it does not come out before the VM goes, so whoever found it there may
 * use it without a reference.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "host/fpu.h"
#include "vcpu.h"
#include "vendor/vendor.h"
#include "vm.h"
#include "x86/emulate.h"
#include "x86/hypercall.h"
#include "x86/msr.h"
#include "x86/regs.h"

/* Parts that need others to be there: in this order. */
static int vcpu_create_parts(struct vcpu *vcpu)
{
	int ret;

	ret = emulate_vcpu_create(vcpu);
	if (ret)
		return ret;
	ret = msr_vcpu_create(vcpu);
	if (ret)
		goto destroy_emul;
	ret = vendor->vcpu_create(vcpu);
	if (ret)
		goto destroy_msr;
	if (vm_has_lapics(vcpu->vm)) {
		ret = lapic_create(vcpu);
		if (ret)
			goto destroy_vendor;
	}
	regs_reset(vcpu, false);
	clock_vcpu_init(vcpu);
	/* With local APICs, application processors wait for INIT and SIPI. */
	vcpu->mp_state = vcpu->apic && !vcpu_is_bsp(vcpu) ?
			 KVM_MP_STATE_UNINITIALIZED : KVM_MP_STATE_RUNNABLE;
	return 0;

destroy_vendor:
	vendor->vcpu_destroy(vcpu);
destroy_msr:
	msr_vcpu_destroy(vcpu);
destroy_emul:
	emulate_vcpu_destroy(vcpu);
	return ret;
}

static struct vcpu *vcpu_create(struct vm *vm, u32 id)
{
	struct vcpu *vcpu;
	int ret = -ENOMEM;

	lockdep_assert_held(&vm->lock);

	vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);
	if (!vcpu)
		return ERR_PTR(ret);
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->index = vm->nr_vcpus;
	vcpu->cpu = -1;
	mutex_init(&vcpu->mutex);
	rcuwait_init(&vcpu->wait);
	cpuid_vcpu_init(vcpu);
	async_fault_vcpu_init(vcpu);

	vcpu->run = alloc_pages_exact(VCPU_RUN_PAGES * PAGE_SIZE,
				      GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!vcpu->run)
		goto free_vcpu;
	vcpu->fpu = guest_fpu_create();
	if (!vcpu->fpu)
		goto free_run;
	ret = mmu_init(&vcpu->root_mmu, &vm->mmu);
	if (ret)
		goto destroy_fpu;
	ret = vcpu_create_parts(vcpu);
	if (ret)
		goto destroy_mmu;
	return vcpu;

destroy_mmu:
	mmu_destroy(&vcpu->root_mmu);
destroy_fpu:
	guest_fpu_destroy(vcpu->fpu);
free_run:
	free_pages_exact(vcpu->run, VCPU_RUN_PAGES * PAGE_SIZE);
free_vcpu:
	kfree(vcpu);
	return ERR_PTR(ret);
}

void vcpu_stop(struct vcpu *vcpu)
{
	async_fault_vcpu_stop(vcpu);
	if (vcpu->apic)
		lapic_stop(vcpu);
	mmu_destroy(&vcpu->root_mmu);
}

void vcpu_destroy(struct vcpu *vcpu)
{
	if (vcpu->apic)
		lapic_destroy(vcpu);
	hypercall_vcpu_destroy(vcpu);
	vendor->vcpu_destroy(vcpu);
	msr_vcpu_destroy(vcpu);
	emulate_vcpu_destroy(vcpu);
	cpuid_vcpu_destroy(vcpu);
	guest_fpu_destroy(vcpu->fpu);
	free_pages_exact(vcpu->run, VCPU_RUN_PAGES * PAGE_SIZE);
	kfree(vcpu);
}

static vm_fault_t vcpu_map_fault(struct vm_fault *vmf)
{
	struct vcpu *vcpu = vmf->vma->vm_file->private_data;
	struct page *page;

	if (vmf->pgoff >= VCPU_MMAP_PAGES)
		return VM_FAULT_SIGBUS;
	if (vmf->pgoff == VCPU_RING_PAGE_OFFSET)
		page = virt_to_page(vcpu->vm->io.ring);
	else
		page = virt_to_page((void *)vcpu->run + vmf->pgoff * PAGE_SIZE);
	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_map_fault,
};

int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

int vcpu_release(struct inode *inode, struct file *file)
{
	struct vcpu *vcpu = file->private_data;

	vm_put(vcpu->vm);
	return 0;
}

/* What can fail comes first; once the file exists nothing does. */
static int vcpu_publish(struct vm *vm, struct vcpu *vcpu)
{
	struct file *file;
	int fd, ret;

	lockdep_assert_held(&vm->lock);

	ret = xa_reserve(&vm->vcpus, vcpu->index, GFP_KERNEL_ACCOUNT);
	if (ret)
		return ret;
	fd = get_unused_fd_flags(O_RDWR | O_CLOEXEC);
	if (fd < 0)
		goto release;
	file = anon_inode_getfile("quire-vcpu", &vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		fd = PTR_ERR(file);
		goto release;
	}

	vm_get(vm);
	WARN_ON_ONCE(xa_is_err(xa_store(&vm->vcpus, vcpu->index, vcpu, GFP_KERNEL_ACCOUNT)));
	/* Pairs with the load in vm_for_each_vcpu(). */
	smp_store_release(&vm->nr_vcpus, vcpu->index + 1);
	if (vcpu->apic)
		irq_map_update(vm);
	fd_install(fd, file);
	return fd;

release:
	xa_release(&vm->vcpus, vcpu->index);
	return fd;
}

int vcpu_create_fd(struct vm *vm, unsigned long id)
{
	struct vcpu *vcpu;
	int fd;

	mutex_lock(&vm->lock);
	if (id >= vm->vcpu_id_limit || vm->nr_vcpus >= VM_MAX_VCPUS) {
		fd = -EINVAL;
		goto unlock;
	}
	if (vm_vcpu_by_id(vm, id)) {
		fd = -EEXIST;
		goto unlock;
	}
	vcpu = vcpu_create(vm, id);
	if (IS_ERR(vcpu)) {
		fd = PTR_ERR(vcpu);
		goto unlock;
	}
	fd = vcpu_publish(vm, vcpu);
	if (fd < 0) {
		vcpu_stop(vcpu);
		vcpu_destroy(vcpu);
	}
unlock:
	mutex_unlock(&vm->lock);
	return fd;
}
