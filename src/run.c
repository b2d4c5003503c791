// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run loop.
 *
 *	run_vcpu()	what user space handed in; the last exit's loose ends
 *	run_loop()	until somebody wants user space
 *	  halt_wait()	  until there is something to do (halt.c)
 *	  run_guest()	  requests and events, then one entry and its exit
 *	    run_enter()	    interrupts off, last look, in and out again
 *
 * Each stage answers with enum exit_result or an errno.
 */
#include <linux/kvm.h>
#include <linux/preempt.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <asm/processor-flags.h>

#include "halt.h"
#include "host/compat/kvm_run.h"
#include "host/fpu.h"
#include "host/guest_context.h"
#include "host/virt.h"
#include "host/work.h"
#include "request.h"
#include "run.h"
#include "vendor/vendor.h"
#include "x86/hypercall.h"
#include "x86/regs.h"

/* Return: false if something came up; nothing was run then. */
static bool run_enter(struct vcpu *vcpu)
{
	preempt_disable();
	local_irq_disable();
	vcpu->cpu = smp_processor_id();
	WRITE_ONCE(vcpu->place, VCPU_IN_GUEST);
	/* See the top of request.c. */
	smp_mb();
	if (unlikely(vcpu_request_pending(vcpu) || host_work_pending() ||
		     !host_virt_is_on())) {
		WRITE_ONCE(vcpu->place, VCPU_OUTSIDE);
		local_irq_enable();
		preempt_enable();
		return false;
	}

	regs_switch_to_guest(vcpu);
	guest_timing_enter();
	vendor->enter(vcpu);
	regs_switch_to_host(vcpu);
	WRITE_ONCE(vcpu->place, VCPU_OUTSIDE);
	/* The interrupt that ended the guest's turn is served here. */
	local_irq_enable();
	guest_timing_exit();
	preempt_enable();
	return true;
}

static int run_guest(struct vcpu *vcpu)
{
	int ret;

	if (vcpu_request_pending(vcpu)) {
		ret = request_handle(vcpu);
		if (ret != EXIT_RESUME)
			return ret;
		if (vcpu_take_request(vcpu, VCPU_REQ_EVENT)) {
			vcpu_count(vcpu, VCPU_STAT_EVENT_REQUESTS);
			event_inject(vcpu);
			if (vcpu->apic)
				lapic_tpr_report(vcpu);
		}
	}
	if (unlikely(!vcpu->root_mmu.root)) {
		ret = mmu_load(&vcpu->root_mmu);
		if (ret) {
			vendor->cancel_injection(vcpu);
			return ret;
		}
		vendor->root_changed(vcpu);
	}
	if (unlikely(!run_enter(vcpu))) {
		vendor->cancel_injection(vcpu);
		/* On a CPU that goes offline, wait until the scheduler moves us. */
		return READ_ONCE(host_virt_rebooting) ? -EIO : EXIT_RESUME;
	}
	vcpu_count(vcpu, VCPU_STAT_EXITS);
	return vendor->handle_exit(vcpu);
}

/* Has user space's PIC waited for this moment?  If not, have it noticed. */
static bool run_window_open(struct vcpu *vcpu)
{
	if (likely(!READ_ONCE(vcpu->run->request_interrupt_window)) ||
	    vcpu->vm->irqchip_full)
		return false;
	if (event_wants_user_pic(vcpu))
		return true;
	/* A window that leads nowhere would open again and again. */
	if (event_hears_user_pic(vcpu))
		vendor->open_interrupt_window(vcpu);
	return false;
}

static int run_loop(struct vcpu *vcpu)
{
	int ret;

	for (;;) {
		/* One that came while nobody ran the vCPU, too. */
		if (unlikely(vcpu->apic && lapic_init_sipi_pending(vcpu)))
			lapic_process_init_sipi(vcpu);
		if (run_window_open(vcpu)) {
			vcpu_count(vcpu, VCPU_STAT_USER_WINDOWS);
			vcpu->run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
			return EXIT_USER;
		}
		if (likely(vcpu->mp_state == KVM_MP_STATE_RUNNABLE))
			ret = run_guest(vcpu);
		else
			ret = halt_wait(vcpu);
		if (ret != EXIT_RESUME)
			return ret;
		if (host_work_pending()) {
			ret = host_work_handle();
			if (ret) {
				vcpu_count(vcpu, VCPU_STAT_SIGNALS);
				vcpu->run->exit_reason = KVM_EXIT_INTR;
				return ret;
			}
		}
	}
}

/* Loose ends of the last exit, and what user space changed meanwhile. */
static int run_begin(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	int (*complete)(struct vcpu *vcpu) = vcpu->complete_user_io;
	int ret;

	if (unlikely(run->kvm_valid_regs || run->kvm_dirty_regs)) {
		ret = regs_sync_in(vcpu);
		if (ret)
			return ret;
	}
	if (unlikely(vcpu->steal.msr))
		vcpu_request(vcpu, VCPU_REQ_STEAL);
	if (!vcpu->apic) {
		ret = regs_set_cr8(vcpu, READ_ONCE(run->cr8));
		if (ret)
			return ret;
	}
	if (complete) {
		vcpu->complete_user_io = NULL;
		ret = complete(vcpu);
		if (ret != EXIT_RESUME)
			return ret;
	}
	return compat_immediate_exit(run) ? -EINTR : EXIT_RESUME;
}

static void run_end(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	run->if_flag = !!(vcpu->rflags & X86_EFLAGS_IF);
	/* Nobody has to wait who does not inject. */
	run->ready_for_interrupt_injection = vcpu->vm->irqchip_full ||
					     event_wants_user_pic(vcpu);
	run->cr8 = regs_get_cr8(vcpu);
	if (vcpu->apic)
		run->apic_base = lapic_get_base(vcpu);
	run->flags = 0;
	if (unlikely(vcpu->steal.watched))
		steal_leave(vcpu);
	if (unlikely(run->kvm_valid_regs))
		regs_sync_out(vcpu);
}

static int run_with_fpu(struct vcpu *vcpu)
{
	int ret;

	hypercall_set_task(vcpu);
	guest_fpu_load(vcpu->fpu);
	ret = run_begin(vcpu);
	if (ret == EXIT_RESUME)
		ret = run_loop(vcpu);
	guest_fpu_put(vcpu->fpu);
	vcpu_count(vcpu, VCPU_STAT_USER_EXITS);
	run_end(vcpu);
	return ret;
}

int run_vcpu(struct vcpu *vcpu)
{
	int ret;

	if (likely(!vcpu->sigset_active))
		return run_with_fpu(vcpu);

	/* Signals that are blocked but for KVM_RUN stay pending if ignored. */
	sigprocmask(SIG_SETMASK, &vcpu->sigset, &current->real_blocked);
	ret = run_with_fpu(vcpu);
	sigprocmask(SIG_SETMASK, &current->real_blocked, NULL);
	sigemptyset(&current->real_blocked);
	return ret;
}
