/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Time: the guest's TSC and its kvmclock page.
 */
#ifndef QUIRE_X86_CLOCK_H
#define QUIRE_X86_CLOCK_H

#include <linux/kvm.h>
#include <linux/spinlock.h>

#include "../types.h"

struct vcpu;
struct vm;

/**
 * struct vm_clock - the VM's time base
 * @lock:	guards what follows; innermost, IRQs on
 * @offset_ns:	kvmclock = host boot time clock + this
 * @wall_clock:	gpa that the guest gave to MSR_KVM_WALL_CLOCK_NEW
 * @last_tsc_offset, @last_tsc_write_ns, @last_tsc_khz, @last_tsc: of the last
 *		TSC write, by which vCPUs that write the same TSC are matched
 * @default_tsc_khz: KVM_SET_TSC_KHZ on the VM
 */
struct vm_clock {
	spinlock_t lock;
	s64 offset_ns;
	gpa_t wall_clock;
	u64 last_tsc, last_tsc_offset, last_tsc_write_ns;
	u32 last_tsc_khz;
	u32 default_tsc_khz;
};

/**
 * struct vcpu_clock - a vCPU's TSC and clock page
 * @tsc_offset:	guest TSC = host TSC + this
 * @tsc_adjust:	IA32_TSC_ADJUST
 * @tsc_khz:	what the guest's TSC runs at
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

void clock_vm_init(struct vm *vm);
/** clock_vcpu_init() - TSC starts at 0, synchronized with the VM's other vCPUs */
void clock_vcpu_init(struct vcpu *vcpu);
/** clock_update() - write the clock page (VCPU_REQ_CLOCK).  May sleep. */
void clock_update(struct vcpu *vcpu);

/* The guest's TSC now, and for a host TSC value.  Preemption enabled or not. */
u64 clock_read_tsc(const struct vcpu *vcpu);
u64 clock_scale_tsc(const struct vcpu *vcpu, u64 host_tsc);
/** clock_write_tsc() - WRMSR TSC; @host as in msr_set() */
void clock_write_tsc(struct vcpu *vcpu, u64 tsc, bool host);
void clock_write_tsc_adjust(struct vcpu *vcpu, u64 adjust, bool host);
/* MSR_KVM_SYSTEM_TIME(_NEW), MSR_KVM_WALL_CLOCK(_NEW); 0 or -EINVAL.  May sleep. */
int clock_set_system_time(struct vcpu *vcpu, u64 value);
int clock_set_wall_clock(struct vm *vm, u64 value);

/* Ioctls: KVM_GET/SET_CLOCK, KVM_SET_TSC_KHZ (VM or vCPU), KVM_KVMCLOCK_CTRL */
int clock_ioctl_get(struct vm *vm, struct kvm_clock_data *data);
int clock_ioctl_set(struct vm *vm, const struct kvm_clock_data *data);
int clock_ioctl_set_tsc_khz(struct vcpu *vcpu, u32 khz);
int clock_ioctl_ctrl(struct vcpu *vcpu);

#endif
