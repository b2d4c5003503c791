// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ioctls of a VM.
 *
 * Any thread of the VMM may call them, also while vCPUs run.  What they change
 * has its own lock, or vm->lock here.
 */
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <linux/quire.h>

#include "../irq/coalesced.h"
#include "../irq/ioeventfd.h"
#include "../irq/irqchip.h"
#include "../irq/pit_timer.h"
#include "../stats.h"
#include "../vcpu.h"
#include "../vm.h"
#include "../x86/msr.h"
#include "ioctl.h"

/* Where KVM_SET_TSS_ADDR's three pages must lie: below 4 GiB. */
#define VM_TSS_ADDR_MAX		((1ull << 32) - 3 * PAGE_SIZE)
#define VM_IDENTITY_MAP_DEFAULT	0xfffbc000ull

static long vm_create_vcpu(void *object, void *arg, void __user *uarg)
{
	return vcpu_create_fd(object, *(unsigned long *)arg);
}

static long vm_check_extension(void *object, void *arg, void __user *uarg)
{
	return capability_check(object, *(unsigned long *)arg);
}

static long vm_enable_cap(void *object, void *arg, void __user *uarg)
{
	return capability_enable(object, arg);
}

static long vm_set_region(void *object, void *arg, void __user *uarg)
{
	const struct kvm_userspace_memory_region *old = arg;
	struct kvm_userspace_memory_region2 region = {
		.slot = old->slot,
		.flags = old->flags,
		.guest_phys_addr = old->guest_phys_addr,
		.memory_size = old->memory_size,
		.userspace_addr = old->userspace_addr,
	};
	struct vm *vm = object;

	return mem_set_region(&vm->mem, &region);
}

static long vm_set_region2(void *object, void *arg, void __user *uarg)
{
	struct vm *vm = object;

	return mem_set_region(&vm->mem, arg);
}

static long vm_get_dirty_log(void *object, void *arg, void __user *uarg)
{
	struct vm *vm = object;

	return mem_get_dirty_log(&vm->mem, arg);
}

/*
 * VT-x without unrestricted guests needs these pages.  AMD-V does not, but a VMM
 * sets them before it can know.
 */
static long vm_set_tss_addr(void *object, void *arg, void __user *uarg)
{
	unsigned long addr = *(unsigned long *)arg;
	struct vm *vm = object;

	if (addr > VM_TSS_ADDR_MAX)
		return -EINVAL;
	mutex_lock(&vm->lock);
	vm->tss_addr = addr;
	mutex_unlock(&vm->lock);
	return 0;
}

static long vm_set_identity_map_addr(void *object, void *arg, void __user *uarg)
{
	u64 addr = *(u64 *)arg;
	struct vm *vm = object;
	long ret = -EINVAL;

	mutex_lock(&vm->lock);
	if (!vm->nr_vcpus) {
		vm->identity_map_addr = addr ? addr : VM_IDENTITY_MAP_DEFAULT;
		ret = 0;
	}
	mutex_unlock(&vm->lock);
	return ret;
}

static long vm_set_boot_cpu_id(void *object, void *arg, void __user *uarg)
{
	unsigned long id = *(unsigned long *)arg;
	struct vm *vm = object;
	long ret = -EBUSY;

	mutex_lock(&vm->lock);
	if (id > vm->vcpu_id_limit) {
		ret = -EINVAL;
	} else if (!vm->nr_vcpus) {
		vm->bsp_id = id;
		ret = 0;
	}
	mutex_unlock(&vm->lock);
	return ret;
}

static long vm_get_clock(void *object, void *arg, void __user *uarg)
{
	return clock_ioctl_get(object, arg);
}

static long vm_set_clock(void *object, void *arg, void __user *uarg)
{
	return clock_ioctl_set(object, arg);
}

static long vm_signal_msi(void *object, void *arg, void __user *uarg)
{
	struct vm *vm = object;

	return vm_has_lapics(vm) ? irq_ioctl_signal_msi(vm, arg) : -EINVAL;
}

static long vm_set_gsi_routing(void *object, void *arg, void __user *uarg)
{
	const struct kvm_irq_routing *routing = arg;
	struct kvm_irq_routing __user *urouting = uarg;
	struct vm *vm = object;

	if (!vm_has_lapics(vm))
		return -EINVAL;
	return irq_ioctl_set_routes(vm, routing->nr, routing->flags, urouting->entries);
}

/* That nobody hears of it is no error: chips have pins without a wire. */
static long vm_irq_line(void *object, void *arg, void __user *uarg)
{
	const struct kvm_irq_level *level = arg;
	struct vm *vm = object;

	if (!vm_has_lapics(vm))
		return -ENXIO;
	irq_set_gsi(vm, IRQ_SOURCE_USER, level->irq, level->level);
	return 0;
}

static long vm_irq_line_status(void *object, void *arg, void __user *uarg)
{
	struct kvm_irq_level *level = arg;
	struct vm *vm = object;

	if (!vm_has_lapics(vm))
		return -ENXIO;
	level->status = irq_set_gsi(vm, IRQ_SOURCE_USER, level->irq, level->level);
	return 0;
}

static long vm_create_irqchip(void *object, void *arg, void __user *uarg)
{
	struct vm *vm = object;
	long ret;

	mutex_lock(&vm->lock);
	ret = irqchip_create(vm);
	mutex_unlock(&vm->lock);
	return ret;
}

static long vm_get_irqchip(void *object, void *arg, void __user *uarg)
{
	return irqchip_ioctl_get(object, arg);
}

/* These three say by their numbers that nothing is read from user space. */
static long vm_set_irqchip(void *object, void *arg, void __user *uarg)
{
	struct kvm_irqchip *state = memdup_user(uarg, sizeof(*state));
	long ret;

	if (IS_ERR(state))
		return PTR_ERR(state);
	ret = irqchip_ioctl_set(object, state);
	kfree(state);
	return ret;
}

static long vm_create_pit_with(struct vm *vm, u32 flags)
{
	long ret;

	mutex_lock(&vm->lock);
	ret = pit_timer_create(vm, flags);
	mutex_unlock(&vm->lock);
	return ret;
}

static long vm_create_pit(void *object, void *arg, void __user *uarg)
{
	return vm_create_pit_with(object, KVM_PIT_SPEAKER_DUMMY);
}

static long vm_create_pit2(void *object, void *arg, void __user *uarg)
{
	const struct kvm_pit_config *config = arg;

	return vm_create_pit_with(object, config->flags);
}

static long vm_get_pit2(void *object, void *arg, void __user *uarg)
{
	return pit_timer_ioctl_get(object, arg);
}

static long vm_set_pit2(void *object, void *arg, void __user *uarg)
{
	return pit_timer_ioctl_set(object, arg);
}

/* The older form: channels alone.  What else there is stays as it is. */
static long vm_get_pit(void *object, void *arg, void __user *uarg)
{
	struct kvm_pit_state *old = arg;
	struct kvm_pit_state2 state;
	long ret = pit_timer_ioctl_get(object, &state);

	if (!ret)
		memcpy(old->channels, state.channels, sizeof(old->channels));
	return ret;
}

static long vm_set_pit(void *object, void *arg, void __user *uarg)
{
	struct kvm_pit_state2 state;
	struct kvm_pit_state old;
	long ret;

	if (copy_from_user(&old, uarg, sizeof(old)))
		return -EFAULT;
	ret = pit_timer_ioctl_get(object, &state);
	if (ret)
		return ret;
	memcpy(state.channels, old.channels, sizeof(state.channels));
	return pit_timer_ioctl_set(object, &state);
}

static long vm_reinject_control(void *object, void *arg, void __user *uarg)
{
	struct kvm_reinject_control control;

	if (copy_from_user(&control, uarg, sizeof(control)))
		return -EFAULT;
	return pit_timer_ioctl_reinject(object, &control);
}

static long vm_ioeventfd(void *object, void *arg, void __user *uarg)
{
	struct vm *vm = object;

	return ioeventfd_ioctl(&vm->io, arg);
}

static long vm_irqfd(void *object, void *arg, void __user *uarg)
{
	return irqfd_ioctl(object, arg);
}

static long vm_register_coalesced(void *object, void *arg, void __user *uarg)
{
	struct vm *vm = object;

	return coalesced_ioctl_register(&vm->io, arg);
}

static long vm_unregister_coalesced(void *object, void *arg, void __user *uarg)
{
	struct vm *vm = object;

	return coalesced_ioctl_unregister(&vm->io, arg);
}

static long vm_set_tsc_khz(void *object, void *arg, void __user *uarg)
{
	unsigned long khz = *(unsigned long *)arg;
	struct vm *vm = object;
	long ret = -EINVAL;

	mutex_lock(&vm->lock);
	if (!vm->nr_vcpus)
		ret = clock_vm_set_tsc_khz(vm, khz);
	mutex_unlock(&vm->lock);
	return ret;
}

static long vm_get_tsc_khz(void *object, void *arg, void __user *uarg)
{
	struct vm *vm = object;

	return READ_ONCE(vm->clock.default_tsc_khz);
}

static long vm_set_msr_filter(void *object, void *arg, void __user *uarg)
{
	return msr_ioctl_set_filter(object, arg);
}

static long vm_get_stats_fd(void *object, void *arg, void __user *uarg)
{
	return stats_vm_fd(object);
}

static const struct ioctl_op vm_ops[] = {
	IOCTL_OP(KVM_CREATE_VCPU, vm_create_vcpu, 0),
	IOCTL_OP(KVM_CHECK_EXTENSION, vm_check_extension, 0),
	IOCTL_OP(KVM_ENABLE_CAP, vm_enable_cap, 0),
	IOCTL_OP(KVM_SET_USER_MEMORY_REGION, vm_set_region, 0),
	IOCTL_OP(KVM_SET_USER_MEMORY_REGION2, vm_set_region2, 0),
	IOCTL_OP(KVM_GET_DIRTY_LOG, vm_get_dirty_log, 0),
	IOCTL_OP(KVM_SET_TSS_ADDR, vm_set_tss_addr, 0),
	IOCTL_OP(KVM_SET_IDENTITY_MAP_ADDR, vm_set_identity_map_addr, 0),
	IOCTL_OP(KVM_SET_BOOT_CPU_ID, vm_set_boot_cpu_id, 0),
	IOCTL_OP(KVM_GET_CLOCK, vm_get_clock, 0),
	IOCTL_OP(KVM_SET_CLOCK, vm_set_clock, 0),
	IOCTL_OP(KVM_SIGNAL_MSI, vm_signal_msi, 0),
	IOCTL_OP(KVM_SET_GSI_ROUTING, vm_set_gsi_routing, 0),
	IOCTL_OP(KVM_IRQ_LINE, vm_irq_line, 0),
	IOCTL_OP(KVM_IRQ_LINE_STATUS, vm_irq_line_status, 0),
	IOCTL_OP(KVM_CREATE_IRQCHIP, vm_create_irqchip, 0),
	IOCTL_OP(KVM_GET_IRQCHIP, vm_get_irqchip, 0),
	IOCTL_OP(KVM_SET_IRQCHIP, vm_set_irqchip, IOCTL_RAW),
	IOCTL_OP(KVM_CREATE_PIT, vm_create_pit, 0),
	IOCTL_OP(KVM_CREATE_PIT2, vm_create_pit2, 0),
	IOCTL_OP(KVM_GET_PIT, vm_get_pit, 0),
	IOCTL_OP(KVM_SET_PIT, vm_set_pit, IOCTL_RAW),
	IOCTL_OP(KVM_GET_PIT2, vm_get_pit2, 0),
	IOCTL_OP(KVM_SET_PIT2, vm_set_pit2, 0),
	IOCTL_OP(KVM_REINJECT_CONTROL, vm_reinject_control, IOCTL_RAW),
	IOCTL_OP(KVM_IOEVENTFD, vm_ioeventfd, 0),
	IOCTL_OP(KVM_IRQFD, vm_irqfd, 0),
	IOCTL_OP(KVM_REGISTER_COALESCED_MMIO, vm_register_coalesced, 0),
	IOCTL_OP(KVM_UNREGISTER_COALESCED_MMIO, vm_unregister_coalesced, 0),
	IOCTL_OP(KVM_SET_TSC_KHZ, vm_set_tsc_khz, 0),
	IOCTL_OP(KVM_GET_TSC_KHZ, vm_get_tsc_khz, 0),
	IOCTL_OP(KVM_X86_SET_MSR_FILTER, vm_set_msr_filter, 0),
	IOCTL_OP(KVM_GET_STATS_FD, vm_get_stats_fd, 0),
};

static const struct ioctl_table vm_table = {
	.ops = vm_ops,
	.nr = ARRAY_SIZE(vm_ops),
};

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vm *vm = file->private_data;

	if (vm->mm != current->mm || READ_ONCE(vm->dead))
		return -EIO;
	return ioctl_dispatch(&vm_table, vm, cmd, arg);
}

const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.release = vm_release,
	.unlocked_ioctl = vm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};
