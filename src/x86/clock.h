/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Time: the guest's TSC and its kvmclock page.
 */
#ifndef QUIRE_X86_CLOCK_H
#define QUIRE_X86_CLOCK_H

#include <linux/kvm.h>
#include <linux/spinlock.h>

#include "../types.h"

struct kvm_clock_pairing;
struct vcpu;
struct vm;

/**
 * struct vm_clock - the VM's time base
 * @lock:	guards what follows; innermost, IRQs on: never taken in hard IRQs
 * @base_ns:	kvmclock at the moment that @base_tsc and @base_boot_ns name
 * @base_tsc:	host TSC then; kvmclock follows it while the host's TSC is stable
 * @base_boot_ns: host boot time clock then; kvmclock follows it otherwise
 * @wall_clock:	what the guest gave to MSR_KVM_WALL_CLOCK_NEW
 * @tsc_offset:	offset of the last TSC value that was not matched to others
 * @tsc_written: user space wrote such a value
 * @default_tsc_khz: KVM_SET_TSC_KHZ on the VM; under vm->lock, not @lock
 */
struct vm_clock {
	spinlock_t lock;
	u64 base_ns;
	u64 base_tsc;
	u64 base_boot_ns;
	u64 wall_clock;
	u64 tsc_offset;
	bool tsc_written;
	u32 default_tsc_khz;
};

/**
 * struct vcpu_clock - a vCPU's TSC and clock page
 * @tsc_offset:	guest TSC = host TSC + this; others may read it
 * @tsc_adjust:	IA32_TSC_ADJUST
 * @tsc_khz:	what the guest's TSC runs at, for those who ask; the host's, but
 *		for less than what clocks drift anyway
 * @system_time_msr: as the guest wrote it; bit 0 enables
 * @version:	of the clock page, even
 * @guest_stopped: set PVCLOCK_GUEST_STOPPED at the next update
 *
 * Owner: the holder of vcpu->mutex.
 */
struct vcpu_clock {
	u64 tsc_offset;
	u64 tsc_adjust;
	u32 tsc_khz;
	u64 system_time_msr;
	u32 version;
	bool guest_stopped;
};

/** clock_vm_init() - kvmclock starts at 0, at the host's TSC frequency */
void clock_vm_init(struct vm *vm);
/**
 * clock_vcpu_init() - the TSC starts at 0, or where the VM's other vCPUs have it
 * Under vm->lock, before the vCPU is published, after vendor->vcpu_create().
 */
void clock_vcpu_init(struct vcpu *vcpu);

/* Holder of vcpu->mutex from here on, unless it is about a VM. */

/** clock_update() - write the clock page (VCPU_REQ_CLOCK).  May sleep. */
void clock_update(struct vcpu *vcpu);

/** clock_read_tsc() - the guest's TSC now.  Any context. */
u64 clock_read_tsc(const struct vcpu *vcpu);
/** clock_scale_tsc() - the guest's TSC when the host's is @host_tsc.  Any context. */
u64 clock_scale_tsc(const struct vcpu *vcpu, u64 host_tsc);
/**
 * clock_write_tsc() - IA32_TIME_STAMP_COUNTER
 * @host: user space's value sets the TSC alone; if it is 0, or within a second of
 *	what another vCPU was given, the vCPU joins the VM's TSC.  A guest's value
 *	is taken as it is and moves IA32_TSC_ADJUST by as much
 */
void clock_write_tsc(struct vcpu *vcpu, u64 tsc, bool host);
/** clock_write_tsc_adjust() - IA32_TSC_ADJUST; a guest's moves the TSC by as much */
void clock_write_tsc_adjust(struct vcpu *vcpu, u64 adjust, bool host);
/** clock_set_tsc_offset() - guest TSC = host TSC + @offset; IA32_TSC_ADJUST stays */
void clock_set_tsc_offset(struct vcpu *vcpu, u64 offset);
/** clock_set_system_time() - MSR_KVM_SYSTEM_TIME(_NEW).  May sleep.  0. */
int clock_set_system_time(struct vcpu *vcpu, u64 value);
/**
 * clock_set_wall_clock() - MSR_KVM_WALL_CLOCK(_NEW): write the time of kvmclock's 0
 * May sleep.  0, also if there is no memory at @value.
 */
int clock_set_wall_clock(struct vm *vm, u64 value);

/**
 * clock_pair() - the host's time of day and the guest's TSC at one moment
 * Return: false if the host's clocks do not follow its TSC.
 */
bool clock_pair(struct vcpu *vcpu, struct kvm_clock_pairing *pair);

/** clock_ioctl_get() - KVM_GET_CLOCK.  0. */
int clock_ioctl_get(struct vm *vm, struct kvm_clock_data *data);
/** clock_ioctl_set() - KVM_SET_CLOCK.  0, or -EINVAL for unknown flags. */
int clock_ioctl_set(struct vm *vm, const struct kvm_clock_data *data);
/*
 * KVM_SET_TSC_KHZ; 0 stands for the host's frequency.  -EINVAL for one that
 * differs from it: there is no scaling.
 */
int clock_ioctl_set_tsc_khz(struct vcpu *vcpu, unsigned long khz);
/** clock_vm_set_tsc_khz() - likewise for vCPUs that will be created.  Under vm->lock. */
int clock_vm_set_tsc_khz(struct vm *vm, unsigned long khz);
/** clock_ioctl_ctrl() - KVM_KVMCLOCK_CTRL.  0, or -EINVAL without a clock page. */
int clock_ioctl_ctrl(struct vcpu *vcpu);

#endif
