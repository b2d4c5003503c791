// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time as the guest sees it: its TSC, and kvmclock (Documentation of the KVM ABI:
 * KVM-specific MSRs).
 *
 * The guest's TSC is the host's plus an offset.  All vCPUs of a VM should have
 * one offset, but user space sets TSCs one after the other, with values that it
 * read some time ago: a value near what the VM's TSC shows now means that TSC.
 *
 * kvmclock is a line through a base point (host TSC, ns) at the host's TSC
 * frequency.  Each clock page describes that one line in terms of its vCPU's TSC,
 * so that no vCPU is ever behind another; a vCPU may even use another's page, if
 * all offsets are equal, which the page's stable flag says.  The base point moves
 * only when it must: to a time after the last change of the VM's TSC, since a
 * page must not begin in a TSC's future, and when user space sets the clock.
 *
 * On a host whose TSC cannot be relied upon each page is a line of its own from
 * the host's boot time clock at the time of the update, without the flag.
 */
#include <linux/kvm_para.h>
#include <linux/timekeeping.h>
#include <asm/pvclock-abi.h>
#include <asm/tsc.h>

#include "../vendor/vendor.h"
#include "clock.h"
#include "machine.h"

#define CLOCK_NS_PER_SEC	1000000000ull

/* Frequencies closer than this are the same: 250 ppm, as NTP corrects at most. */
#define CLOCK_TOLERANCE(khz)	((khz) / 4000)

#define CLOCK_SET_FLAGS							\
	(KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC)

static bool clock_host_stable(void)
{
	return !check_tsc_unstable();
}

/* ns = ((ticks << shift or >> -shift) * mul) >> 32, with mul as large as can be. */
static void clock_get_scale(u32 khz, u32 *mul, s8 *shift)
{
	u64 hz = khz * 1000ull;

	*shift = 0;
	for (; hz > 2 * CLOCK_NS_PER_SEC; hz >>= 1)
		--*shift;
	for (; hz <= CLOCK_NS_PER_SEC; hz <<= 1)
		++*shift;
	*mul = (CLOCK_NS_PER_SEC << 32) / hz;
}

/* What a guest computes from its page, for host TSC ticks. */
static u64 clock_ticks_to_ns(u64 ticks)
{
	u32 mul;
	s8 shift;

	clock_get_scale(tsc_khz, &mul, &shift);
	ticks = shift < 0 ? ticks >> -shift : ticks << shift;
	return mul_u64_u32_shr(ticks, mul, 32);
}

static u64 clock_now(const struct vm_clock *clock, u64 host_tsc)
{
	lockdep_assert_held(&clock->lock);

	if (clock_host_stable())
		return clock->base_ns + clock_ticks_to_ns(host_tsc - clock->base_tsc);
	return clock->base_ns + ktime_get_boottime_ns() - clock->base_boot_ns;
}

static void clock_set_base(struct vm_clock *clock, u64 host_tsc, u64 ns)
{
	lockdep_assert_held(&clock->lock);

	clock->base_ns = ns;
	clock->base_tsc = host_tsc;
	clock->base_boot_ns = ktime_get_boottime_ns();
}

/* --- TSC --- */

u64 clock_scale_tsc(const struct vcpu *vcpu, u64 host_tsc)
{
	return host_tsc + READ_ONCE(vcpu->clock.tsc_offset);
}

u64 clock_read_tsc(const struct vcpu *vcpu)
{
	return clock_scale_tsc(vcpu, rdtsc());
}

static void clock_set_offset(struct vcpu *vcpu, u64 offset)
{
	struct vm_clock *clock = &vcpu->vm->clock;
	u64 now;

	if (offset == vcpu->clock.tsc_offset)
		return;
	WRITE_ONCE(vcpu->clock.tsc_offset, offset);
	spin_lock(&clock->lock);
	now = rdtsc();
	clock_set_base(clock, now, clock_now(clock, now));
	spin_unlock(&clock->lock);

	vendor->tsc_offset_changed(vcpu);
	if (vcpu->apic)
		lapic_tsc_changed(vcpu);
	/* Whether pages are stable depends on all vCPUs. */
	vm_kick_all(vcpu->vm, VCPU_REQ_CLOCK);
}

/* The VM's TSC, if @tsc is meant to be it, else one of which @tsc is the first. */
static u64 clock_match_tsc(struct vm *vm, u64 tsc)
{
	struct vm_clock *clock = &vm->clock;
	u64 second = tsc_khz * 1000ull, now, offset;

	spin_lock(&clock->lock);
	now = rdtsc();
	offset = clock->tsc_offset;
	if (tsc && (!clock->tsc_written || now + offset - tsc + second > 2 * second)) {
		offset = tsc - now;
		clock->tsc_offset = offset;
		clock->tsc_written = true;
	}
	spin_unlock(&clock->lock);
	return offset;
}

void clock_write_tsc(struct vcpu *vcpu, u64 tsc, bool host)
{
	u64 offset;

	if (host) {
		clock_set_offset(vcpu, clock_match_tsc(vcpu->vm, tsc));
		return;
	}
	offset = tsc - rdtsc();
	vcpu->clock.tsc_adjust += offset - vcpu->clock.tsc_offset;
	clock_set_offset(vcpu, offset);
}

void clock_write_tsc_adjust(struct vcpu *vcpu, u64 adjust, bool host)
{
	u64 by = adjust - vcpu->clock.tsc_adjust;

	vcpu->clock.tsc_adjust = adjust;
	if (!host)
		clock_set_offset(vcpu, vcpu->clock.tsc_offset + by);
}

void clock_set_tsc_offset(struct vcpu *vcpu, u64 offset)
{
	struct vm_clock *clock = &vcpu->vm->clock;

	/* The VM's TSC is this from now on: other vCPUs are going to follow. */
	spin_lock(&clock->lock);
	clock->tsc_offset = offset;
	clock->tsc_written = true;
	spin_unlock(&clock->lock);
	clock_set_offset(vcpu, offset);
}

static int clock_check_khz(unsigned long *khz)
{
	unsigned long tolerance = CLOCK_TOLERANCE(tsc_khz);

	if (!*khz)
		*khz = tsc_khz;
	return *khz + tolerance < tsc_khz || *khz > tsc_khz + tolerance ? -EINVAL : 0;
}

int clock_ioctl_set_tsc_khz(struct vcpu *vcpu, unsigned long khz)
{
	int ret = clock_check_khz(&khz);

	if (!ret)
		vcpu->clock.tsc_khz = khz;
	return ret;
}

int clock_vm_set_tsc_khz(struct vm *vm, unsigned long khz)
{
	int ret;

	lockdep_assert_held(&vm->lock);

	ret = clock_check_khz(&khz);
	if (!ret)
		WRITE_ONCE(vm->clock.default_tsc_khz, khz);
	return ret;
}

/* --- kvmclock --- */

static bool clock_tscs_equal(struct vm *vm)
{
	u64 offset = vm->clock.tsc_offset;
	struct vcpu *vcpu;
	unsigned long i;

	vm_for_each_vcpu(vm, i, vcpu)
		if (READ_ONCE(vcpu->clock.tsc_offset) != offset)
			return false;
	return true;
}

static void clock_fill_page(struct vcpu *vcpu, struct pvclock_vcpu_time_info *page)
{
	struct vm_clock *clock = &vcpu->vm->clock;
	u64 host_tsc;

	*page = (struct pvclock_vcpu_time_info) { };
	clock_get_scale(tsc_khz, &page->tsc_to_system_mul, &page->tsc_shift);

	spin_lock(&clock->lock);
	if (clock_host_stable()) {
		host_tsc = clock->base_tsc;
		page->system_time = clock->base_ns;
		if (clock_tscs_equal(vcpu->vm))
			page->flags |= PVCLOCK_TSC_STABLE_BIT;
	} else {
		host_tsc = rdtsc();
		page->system_time = clock_now(clock, host_tsc);
	}
	spin_unlock(&clock->lock);
	page->tsc_timestamp = clock_scale_tsc(vcpu, host_tsc);
}

/*
 * Other vCPUs may be reading: the version is odd while the rest changes.  Nobody
 * misses a page that is not there.
 */
static void clock_write_page(struct vcpu *vcpu, struct pvclock_vcpu_time_info *page)
{
	const size_t head = sizeof(page->version);
	struct guest_memory *mem = &vcpu->vm->mem;
	gpa_t gpa = vcpu->clock.system_time_msr & ~1ull;

	page->version = vcpu->clock.version + 1;
	if (mem_write(mem, gpa, &page->version, head))
		return;
	smp_wmb();
	mem_write(mem, gpa + head, (void *)page + head, sizeof(*page) - head);
	smp_wmb();
	vcpu->clock.version += 2;
	page->version = vcpu->clock.version;
	mem_write(mem, gpa, &page->version, head);
}

void clock_update(struct vcpu *vcpu)
{
	struct guest_memory *mem = &vcpu->vm->mem;
	struct pvclock_vcpu_time_info page, old;
	int idx;

	if (!(vcpu->clock.system_time_msr & 1))
		return;
	clock_fill_page(vcpu, &page);

	idx = mem_read_lock(mem);
	/* The guest clears this flag when it has seen it. */
	if (!mem_read(mem, vcpu->clock.system_time_msr & ~1ull, &old, sizeof(old)))
		page.flags |= old.flags & PVCLOCK_GUEST_STOPPED;
	if (vcpu->clock.guest_stopped)
		page.flags |= PVCLOCK_GUEST_STOPPED;
	vcpu->clock.guest_stopped = false;
	clock_write_page(vcpu, &page);
	mem_read_unlock(mem, idx);
}

int clock_set_system_time(struct vcpu *vcpu, u64 value)
{
	vcpu->clock.system_time_msr = value;
	vcpu_request(vcpu, VCPU_REQ_CLOCK);
	return 0;
}

int clock_set_wall_clock(struct vm *vm, u64 value)
{
	struct pvclock_wall_clock page = { .version = 1 };
	const size_t head = sizeof(page.version);
	u64 ns;
	int idx;

	WRITE_ONCE(vm->clock.wall_clock, value);
	if (!value)
		return 0;
	spin_lock(&vm->clock.lock);
	ns = ktime_get_real_ns() - clock_now(&vm->clock, rdtsc());
	spin_unlock(&vm->clock.lock);
	page.sec = ns / CLOCK_NS_PER_SEC;
	page.nsec = ns % CLOCK_NS_PER_SEC;

	idx = mem_read_lock(&vm->mem);
	mem_write(&vm->mem, value, &page, sizeof(page));
	smp_wmb();
	page.version = 2;
	mem_write(&vm->mem, value, &page, head);
	mem_read_unlock(&vm->mem, idx);
	return 0;
}

bool clock_pair(struct vcpu *vcpu, struct kvm_clock_pairing *pair)
{
	unsigned long flags;
	u64 real, host_tsc;

	if (!clock_host_stable())
		return false;
	/* Nothing comes in between. */
	local_irq_save(flags);
	real = ktime_get_real_ns();
	host_tsc = rdtsc();
	local_irq_restore(flags);
	*pair = (struct kvm_clock_pairing) {
		.sec = real / CLOCK_NS_PER_SEC,
		.nsec = real % CLOCK_NS_PER_SEC,
		.tsc = clock_scale_tsc(vcpu, host_tsc),
	};
	return true;
}

int clock_ioctl_get(struct vm *vm, struct kvm_clock_data *data)
{
	struct vm_clock *clock = &vm->clock;

	memset(data, 0, sizeof(*data));
	spin_lock(&clock->lock);
	data->host_tsc = rdtsc();
	data->realtime = ktime_get_real_ns();
	data->clock = clock_now(clock, data->host_tsc);
	data->flags = KVM_CLOCK_REALTIME;
	if (clock_host_stable()) {
		data->flags |= KVM_CLOCK_HOST_TSC;
		if (clock_tscs_equal(vm))
			data->flags |= KVM_CLOCK_TSC_STABLE;
	}
	spin_unlock(&clock->lock);
	return 0;
}

int clock_ioctl_set(struct vm *vm, const struct kvm_clock_data *data)
{
	struct vm_clock *clock = &vm->clock;
	u64 ns = data->clock, real;

	if (data->flags & ~CLOCK_SET_FLAGS)
		return -EINVAL;
	spin_lock(&clock->lock);
	real = ktime_get_real_ns();
	/* The time that passed since it was read, but not backwards. */
	if ((data->flags & KVM_CLOCK_REALTIME) && real > data->realtime)
		ns += real - data->realtime;
	clock_set_base(clock, rdtsc(), ns);
	spin_unlock(&clock->lock);
	vm_kick_all(vm, VCPU_REQ_CLOCK);
	return 0;
}

int clock_ioctl_ctrl(struct vcpu *vcpu)
{
	if (!(vcpu->clock.system_time_msr & 1))
		return -EINVAL;
	vcpu->clock.guest_stopped = true;
	vcpu_request(vcpu, VCPU_REQ_CLOCK);
	return 0;
}

/* --- life --- */

void clock_vm_init(struct vm *vm)
{
	struct vm_clock *clock = &vm->clock;

	spin_lock_init(&clock->lock);
	clock->default_tsc_khz = tsc_khz;
	spin_lock(&clock->lock);
	clock->tsc_offset = -rdtsc();
	clock_set_base(clock, -clock->tsc_offset, 0);
	spin_unlock(&clock->lock);
}

void clock_vcpu_init(struct vcpu *vcpu)
{
	vcpu->clock.tsc_khz = vcpu->vm->clock.default_tsc_khz;
	WRITE_ONCE(vcpu->clock.tsc_offset, clock_match_tsc(vcpu->vm, 0));
	vendor->tsc_offset_changed(vcpu);
}
