// SPDX-License-Identifier: GPL-2.0-only
/*
 * RDMSR and WRMSR exits, and user space's filter over them.
 *
 * A filter (KVM_X86_SET_MSR_FILTER) says of ranges of indices which may be read
 * or written; it concerns the guest's own instructions alone.  It is immutable,
 * published by RCU in vm->msr_filter, and replaced as a whole.  Without one, the
 * common case, a NULL pointer is all that is looked at.
 *
 * An access that fails raises #GP(0), unless user space asked to see that kind of
 * failure: unknown, invalid or filtered.  Then it decides what happened.
 */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../vendor/vendor.h"
#include "machine.h"
#include "msr_internal.h"
#include "regs.h"

#define FILTER_BITMAP_MAX	0x600	/* bytes, by the ABI */
#define X2APIC_FIRST		0x800
#define X2APIC_LAST		0x8ff

static_assert(VENDOR_MSR_READ == KVM_MSR_FILTER_READ);
static_assert(VENDOR_MSR_WRITE == KVM_MSR_FILTER_WRITE);

/**
 * struct msr_filter_range - what to do with some indices
 * @base:	the first
 * @nr:		how many
 * @types:	KVM_MSR_FILTER_READ and WRITE: what it decides about
 * @bitmap:	a set bit allows
 */
struct msr_filter_range {
	u32 base, nr;
	u32 types;
	unsigned long *bitmap;
};

/**
 * struct msr_filter - see the top of this file
 * @default_allow: what holds outside of the ranges
 * @nr:		number of @ranges
 * @ranges:	the first that covers an access decides
 */
struct msr_filter {
	bool default_allow;
	unsigned int nr;
	struct msr_filter_range ranges[KVM_MSR_FILTER_MAX_RANGES];
};

/* --- the filter --- */

static bool filter_decides(const struct msr_filter *filter, u32 index, int type)
{
	unsigned int i;

	for (i = 0; i < filter->nr; i++) {
		const struct msr_filter_range *range = &filter->ranges[i];

		if ((range->types & type) && index - range->base < range->nr)
			return test_bit(index - range->base, range->bitmap);
	}
	return filter->default_allow;
}

bool msr_filter_allows(struct vm *vm, u32 index, int type)
{
	const struct msr_filter *filter;
	bool allowed;

	if (likely(!rcu_access_pointer(vm->msr_filter)))
		return true;
	/* The local APIC's are the kernel's business, not user space's. */
	if (index >= X2APIC_FIRST && index <= X2APIC_LAST)
		return true;
	rcu_read_lock();
	filter = rcu_dereference(vm->msr_filter);
	allowed = !filter || filter_decides(filter, index, type);
	rcu_read_unlock();
	return allowed;
}

static void filter_free(struct msr_filter *filter)
{
	unsigned int i;

	if (!filter)
		return;
	for (i = 0; i < filter->nr; i++)
		bitmap_free(filter->ranges[i].bitmap);
	kfree(filter);
}

static int filter_add_range(struct msr_filter *filter,
			    const struct kvm_msr_filter_range *from)
{
	struct msr_filter_range *range = &filter->ranges[filter->nr];
	size_t bytes = DIV_ROUND_UP((u64)from->nmsrs, 8);

	if (!from->nmsrs)
		return 0;
	if (!from->flags ||
	    from->flags & ~(KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE))
		return -EINVAL;
	if (bytes > FILTER_BITMAP_MAX)
		return -EINVAL;

	range->bitmap = bitmap_zalloc(from->nmsrs, GFP_KERNEL_ACCOUNT);
	if (!range->bitmap)
		return -ENOMEM;
	range->base = from->base;
	range->nr = from->nmsrs;
	range->types = from->flags;
	filter->nr++;
	if (copy_from_user(range->bitmap, (void __user *)from->bitmap, bytes))
		return -EFAULT;
	return 0;
}

static struct msr_filter *filter_create(const struct kvm_msr_filter *from)
{
	struct msr_filter *filter = kzalloc(sizeof(*filter), GFP_KERNEL_ACCOUNT);
	unsigned int i;
	int ret;

	if (!filter)
		return ERR_PTR(-ENOMEM);
	filter->default_allow = !(from->flags & KVM_MSR_FILTER_DEFAULT_DENY);
	for (i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++) {
		ret = filter_add_range(filter, &from->ranges[i]);
		if (ret)
			goto out_free;
	}
	/* A guest that may access nothing at all is taken for a mistake. */
	ret = -EINVAL;
	if (!filter->nr && !filter->default_allow)
		goto out_free;
	return filter;

out_free:
	filter_free(filter);
	return ERR_PTR(ret);
}

int msr_ioctl_set_filter(struct vm *vm, const struct kvm_msr_filter *from)
{
	struct msr_filter *filter, *old;

	if (from->flags & ~KVM_MSR_FILTER_DEFAULT_DENY)
		return -EINVAL;
	filter = filter_create(from);
	if (IS_ERR(filter))
		return PTR_ERR(filter);
	if (!filter->nr) {
		filter_free(filter);
		filter = NULL;
	}

	mutex_lock(&vm->lock);
	old = rcu_replace_pointer(vm->msr_filter, filter,
				  lockdep_is_held(&vm->lock));
	mutex_unlock(&vm->lock);
	vm_kick_all(vm, VCPU_REQ_MSR_FILTER);
	if (old)
		synchronize_rcu();
	filter_free(old);
	return 0;
}

void msr_filter_destroy(struct vm *vm)
{
	filter_free(rcu_dereference_protected(vm->msr_filter, true));
	RCU_INIT_POINTER(vm->msr_filter, NULL);
}

/* --- the guest's accesses --- */

int msr_guest_get(struct vcpu *vcpu, u32 index, u64 *value)
{
	if (!msr_filter_allows(vcpu->vm, index, KVM_MSR_FILTER_READ))
		return -EPERM;
	return msr_get(vcpu, index, false, value);
}

int msr_guest_set(struct vcpu *vcpu, u32 index, u64 value)
{
	if (!msr_filter_allows(vcpu->vm, index, KVM_MSR_FILTER_WRITE))
		return -EPERM;
	return msr_set(vcpu, index, false, value);
}

static int instruction_done(struct vcpu *vcpu)
{
	u64 rflags = vcpu->rflags;

	if (!vendor->skip_instruction(vcpu))
		return EXIT_RESUME;
	return regs_instruction_done(vcpu, rflags);
}

static int complete_access(struct vcpu *vcpu, bool read)
{
	/* User space answered by taking the vCPU elsewhere, say by a reset. */
	if (vcpu_rip(vcpu) != vcpu->msr->exit_rip)
		return EXIT_RESUME;
	if (READ_ONCE(vcpu->run->msr.error)) {
		event_raise_error(vcpu, GP_VECTOR, 0);
		return EXIT_RESUME;
	}
	if (read)
		vcpu_set_edx_eax(vcpu, READ_ONCE(vcpu->run->msr.data));
	return instruction_done(vcpu);
}

static int complete_read(struct vcpu *vcpu)
{
	return complete_access(vcpu, true);
}

static int complete_write(struct vcpu *vcpu)
{
	return complete_access(vcpu, false);
}

static u32 exit_reason(int error)
{
	if (error == -EPERM)
		return KVM_MSR_EXIT_REASON_FILTER;
	return error == -ENOENT ? KVM_MSR_EXIT_REASON_UNKNOWN :
				  KVM_MSR_EXIT_REASON_INVAL;
}

/* Does user space want to hear of an access that failed with @error? */
static bool user_wants(const struct vcpu *vcpu, int error)
{
	return vcpu->vm->user_space_msr_mask & exit_reason(error);
}

static int user_exit(struct vcpu *vcpu, u32 exit, int error, u64 value)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = exit;
	memset(&run->msr, 0, sizeof(run->msr));
	run->msr.reason = exit_reason(error);
	run->msr.index = vcpu->regs[VCPU_RCX];
	run->msr.data = value;
	vcpu->msr->exit_rip = vcpu_rip(vcpu);
	vcpu->complete_user_io = exit == KVM_EXIT_X86_RDMSR ? complete_read :
							      complete_write;
	return EXIT_USER;
}

int msr_read_exit(struct vcpu *vcpu)
{
	u64 value;
	int error = msr_guest_get(vcpu, vcpu->regs[VCPU_RCX], &value);

	if (likely(!error)) {
		vcpu_set_edx_eax(vcpu, value);
		return instruction_done(vcpu);
	}
	if (user_wants(vcpu, error))
		return user_exit(vcpu, KVM_EXIT_X86_RDMSR, error, 0);
	event_raise_error(vcpu, GP_VECTOR, 0);
	return EXIT_RESUME;
}

int msr_write_exit(struct vcpu *vcpu)
{
	u64 value = vcpu_edx_eax(vcpu);
	int error = msr_guest_set(vcpu, vcpu->regs[VCPU_RCX], value);

	if (likely(!error))
		return instruction_done(vcpu);
	if (user_wants(vcpu, error))
		return user_exit(vcpu, KVM_EXIT_X86_WRMSR, error, value);
	event_raise_error(vcpu, GP_VECTOR, 0);
	return EXIT_RESUME;
}
