// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ioctls of a vCPU.
 *
 * All hold vcpu->mutex, so none runs beside KVM_RUN and each finds the
 * architectural state at rest.
 */
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/signal.h>
#include <linux/uaccess.h>

#include <linux/quire.h>

#include "../run.h"
#include "../stats.h"
#include "../vcpu.h"
#include "../vm.h"
#include "../x86/attribute.h"
#include "../x86/cpuid.h"
#include "../x86/msr.h"
#include "../x86/regs.h"
#include "ioctl.h"

/* An ioctl whose argument is one structure that a function fills or takes. */
#define VCPU_GET(name, function)					\
static long name(void *object, void *arg, void __user *uarg)		\
{									\
	function(object, arg);						\
	return 0;							\
}

#define VCPU_CALL(name, function)					\
static long name(void *object, void *arg, void __user *uarg)		\
{									\
	return function(object, arg);					\
}

VCPU_GET(vcpu_get_regs, regs_get)
VCPU_GET(vcpu_set_regs, regs_set)
VCPU_GET(vcpu_get_sregs, regs_get_sregs)
VCPU_CALL(vcpu_set_sregs, regs_set_sregs)
VCPU_GET(vcpu_get_sregs2, regs_get_sregs2)
VCPU_CALL(vcpu_set_sregs2, regs_set_sregs2)
VCPU_GET(vcpu_get_fpu, regs_get_fpu)
VCPU_CALL(vcpu_set_fpu, regs_set_fpu)
VCPU_GET(vcpu_get_debugregs, regs_get_debugregs)
VCPU_CALL(vcpu_set_debugregs, regs_set_debugregs)
VCPU_CALL(vcpu_get_xcrs, regs_get_xcrs)
VCPU_CALL(vcpu_set_xcrs, regs_set_xcrs)
VCPU_CALL(vcpu_set_guest_debug, regs_set_guest_debug)
VCPU_CALL(vcpu_get_mp_state, regs_get_mp_state)
VCPU_CALL(vcpu_set_mp_state, regs_set_mp_state)
VCPU_CALL(vcpu_translate, regs_translate)
VCPU_CALL(vcpu_get_events, event_get_state)
VCPU_CALL(vcpu_set_events, event_set_state)

static long vcpu_get_xsave(void *object, void *arg, void __user *uarg)
{
	/* A guest whose state is larger needs KVM_GET_XSAVE2. */
	if (regs_xsave_size() > sizeof(struct kvm_xsave))
		return -EINVAL;
	regs_get_xsave(object, arg, sizeof(struct kvm_xsave));
	return 0;
}

static long vcpu_get_xsave2(void *object, void *arg, void __user *uarg)
{
	unsigned int size = regs_xsave_size();
	void *buf = kvzalloc(size, GFP_KERNEL_ACCOUNT);
	long ret = 0;

	if (!buf)
		return -ENOMEM;
	regs_get_xsave(object, buf, size);
	if (copy_to_user(uarg, buf, size))
		ret = -EFAULT;
	kvfree(buf);
	return ret;
}

static long vcpu_set_xsave(void *object, void *arg, void __user *uarg)
{
	void *buf = vmemdup_user(uarg, regs_xsave_size());
	long ret;

	if (IS_ERR(buf))
		return PTR_ERR(buf);
	ret = regs_set_xsave(object, buf);
	kvfree(buf);
	return ret;
}

static long vcpu_get_msrs(void *object, void *arg, void __user *uarg)
{
	return msr_ioctl_get(object, uarg);
}

static long vcpu_set_msrs(void *object, void *arg, void __user *uarg)
{
	return msr_ioctl_set(object, uarg);
}

static long vcpu_set_cpuid2(void *object, void *arg, void __user *uarg)
{
	const struct kvm_cpuid2 *cpuid = arg;
	struct kvm_cpuid2 __user *ucpuid = uarg;

	return cpuid_set(object, ucpuid->entries, cpuid->nent);
}

static long vcpu_get_cpuid2(void *object, void *arg, void __user *uarg)
{
	struct kvm_cpuid2 *cpuid = arg;
	struct kvm_cpuid2 __user *ucpuid = uarg;

	return cpuid_get(object, ucpuid->entries, &cpuid->nent);
}

static long vcpu_interrupt(void *object, void *arg, void __user *uarg)
{
	const struct kvm_interrupt *interrupt = arg;

	return event_user_interrupt(object, interrupt->irq);
}

static long vcpu_nmi(void *object, void *arg, void __user *uarg)
{
	event_nmi(object);
	return 0;
}

static long vcpu_get_lapic(void *object, void *arg, void __user *uarg)
{
	struct vcpu *vcpu = object;

	if (!vcpu->apic)
		return -EINVAL;
	lapic_get_state(vcpu, arg);
	return 0;
}

static long vcpu_set_lapic(void *object, void *arg, void __user *uarg)
{
	struct vcpu *vcpu = object;

	return vcpu->apic ? lapic_set_state(vcpu, arg) : -EINVAL;
}

static long vcpu_set_signal_mask(void *object, void *arg, void __user *uarg)
{
	struct kvm_signal_mask __user *umask = uarg;
	struct vcpu *vcpu = object;
	sigset_t sigset;
	u32 len;

	if (!umask) {
		vcpu->sigset_active = false;
		return 0;
	}
	if (get_user(len, &umask->len))
		return -EFAULT;
	if (len != sizeof(sigset))
		return -EINVAL;
	if (copy_from_user(&sigset, umask->sigset, sizeof(sigset)))
		return -EFAULT;
	sigdelsetmask(&sigset, sigmask(SIGKILL) | sigmask(SIGSTOP));
	vcpu->sigset = sigset;
	vcpu->sigset_active = true;
	return 0;
}

static long vcpu_set_tsc_khz(void *object, void *arg, void __user *uarg)
{
	return clock_ioctl_set_tsc_khz(object, *(unsigned long *)arg);
}

static long vcpu_get_tsc_khz(void *object, void *arg, void __user *uarg)
{
	struct vcpu *vcpu = object;

	return vcpu->clock.tsc_khz;
}

static long vcpu_kvmclock_ctrl(void *object, void *arg, void __user *uarg)
{
	return clock_ioctl_ctrl(object);
}

static long vcpu_setup_mce(void *object, void *arg, void __user *uarg)
{
	return msr_ioctl_setup_mce(object, *(u64 *)arg);
}

VCPU_CALL(vcpu_set_mce, msr_ioctl_set_mce)

/*
 * Of the virtual APIC page and of reports of TPR accesses only "off" is offered
 * (KVM_CAP_VAPIC is not reported); VMMs switch them off at every reset.
 */
static long vcpu_set_vapic_addr(void *object, void *arg, void __user *uarg)
{
	const struct kvm_vapic_addr *vapic = arg;

	return vapic->vapic_addr ? -EINVAL : 0;
}

static long vcpu_tpr_access_reporting(void *object, void *arg, void __user *uarg)
{
	const struct kvm_tpr_access_ctl *ctl = arg;

	return ctl->enabled || ctl->flags ? -EINVAL : 0;
}

VCPU_CALL(vcpu_has_attr, attribute_has)
VCPU_CALL(vcpu_get_attr, attribute_get)
VCPU_CALL(vcpu_set_attr, attribute_set)

static long vcpu_get_stats_fd(void *object, void *arg, void __user *uarg)
{
	return stats_vcpu_fd(object);
}

static const struct ioctl_op vcpu_ops[] = {
	IOCTL_OP(KVM_GET_REGS, vcpu_get_regs, 0),
	IOCTL_OP(KVM_SET_REGS, vcpu_set_regs, 0),
	IOCTL_OP(KVM_GET_SREGS, vcpu_get_sregs, 0),
	IOCTL_OP(KVM_SET_SREGS, vcpu_set_sregs, 0),
	IOCTL_OP(KVM_GET_SREGS2, vcpu_get_sregs2, 0),
	IOCTL_OP(KVM_SET_SREGS2, vcpu_set_sregs2, 0),
	IOCTL_OP(KVM_GET_FPU, vcpu_get_fpu, 0),
	IOCTL_OP(KVM_SET_FPU, vcpu_set_fpu, 0),
	IOCTL_OP(KVM_GET_XSAVE, vcpu_get_xsave, 0),
	IOCTL_OP(KVM_GET_XSAVE2, vcpu_get_xsave2, IOCTL_RAW),
	IOCTL_OP(KVM_SET_XSAVE, vcpu_set_xsave, IOCTL_RAW),
	IOCTL_OP(KVM_GET_XCRS, vcpu_get_xcrs, 0),
	IOCTL_OP(KVM_SET_XCRS, vcpu_set_xcrs, 0),
	IOCTL_OP(KVM_GET_DEBUGREGS, vcpu_get_debugregs, 0),
	IOCTL_OP(KVM_SET_DEBUGREGS, vcpu_set_debugregs, 0),
	IOCTL_OP(KVM_SET_GUEST_DEBUG, vcpu_set_guest_debug, 0),
	IOCTL_OP(KVM_GET_MP_STATE, vcpu_get_mp_state, 0),
	IOCTL_OP(KVM_SET_MP_STATE, vcpu_set_mp_state, 0),
	IOCTL_OP(KVM_TRANSLATE, vcpu_translate, 0),
	IOCTL_OP(KVM_GET_VCPU_EVENTS, vcpu_get_events, 0),
	IOCTL_OP(KVM_SET_VCPU_EVENTS, vcpu_set_events, 0),
	IOCTL_OP(KVM_GET_MSRS, vcpu_get_msrs, IOCTL_RAW),
	IOCTL_OP(KVM_SET_MSRS, vcpu_set_msrs, IOCTL_RAW),
	IOCTL_OP(KVM_SET_CPUID2, vcpu_set_cpuid2, 0),
	IOCTL_OP(KVM_GET_CPUID2, vcpu_get_cpuid2, 0),
	IOCTL_OP(KVM_INTERRUPT, vcpu_interrupt, 0),
	IOCTL_OP(KVM_NMI, vcpu_nmi, 0),
	IOCTL_OP(KVM_GET_LAPIC, vcpu_get_lapic, 0),
	IOCTL_OP(KVM_SET_LAPIC, vcpu_set_lapic, 0),
	IOCTL_OP(KVM_SET_SIGNAL_MASK, vcpu_set_signal_mask, IOCTL_RAW),
	IOCTL_OP(KVM_SET_TSC_KHZ, vcpu_set_tsc_khz, 0),
	IOCTL_OP(KVM_GET_TSC_KHZ, vcpu_get_tsc_khz, 0),
	IOCTL_OP(KVM_KVMCLOCK_CTRL, vcpu_kvmclock_ctrl, 0),
	IOCTL_OP(KVM_HAS_DEVICE_ATTR, vcpu_has_attr, 0),
	IOCTL_OP(KVM_GET_DEVICE_ATTR, vcpu_get_attr, 0),
	IOCTL_OP(KVM_SET_DEVICE_ATTR, vcpu_set_attr, 0),
	IOCTL_OP(KVM_X86_SETUP_MCE, vcpu_setup_mce, 0),
	IOCTL_OP(KVM_X86_SET_MCE, vcpu_set_mce, 0),
	IOCTL_OP(KVM_SET_VAPIC_ADDR, vcpu_set_vapic_addr, 0),
	IOCTL_OP(KVM_TPR_ACCESS_REPORTING, vcpu_tpr_access_reporting, 0),
	IOCTL_OP(KVM_GET_STATS_FD, vcpu_get_stats_fd, 0),
};

static const struct ioctl_table vcpu_table = {
	.ops = vcpu_ops,
	.nr = ARRAY_SIZE(vcpu_ops),
};

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vcpu *vcpu = file->private_data;
	struct vm *vm = vcpu->vm;
	long ret;

	if (vm->mm != current->mm || READ_ONCE(vm->dead))
		return -EIO;
	/* A number that is nobody's must not wait for a running guest. */
	if (unlikely(_IOC_TYPE(cmd) != KVMIO))
		return -ENOTTY;
	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	if (likely(cmd == KVM_RUN))
		ret = arg ? -EINVAL : run_vcpu(vcpu);
	else
		ret = ioctl_dispatch(&vcpu_table, vcpu, cmd, arg);
	mutex_unlock(&vcpu->mutex);
	return ret;
}

const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.release = vcpu_release,
	.unlocked_ioctl = vcpu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vcpu_mmap,
	.llseek = noop_llseek,
};
