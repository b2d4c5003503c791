// SPDX-License-Identifier: GPL-2.0-only
/*
 * What to do about an exit: one handler for each exit code.
 *
 * The codes are the positions of the intercept bits, so that a table indexed by
 * them is dense; nested page faults and failures stand apart.  Handlers return
 * as vendor_ops.handle_exit().
 *
 * Lengths of instructions: IN and OUT report their next RIP, with NextRIP all
 * do, else the instruction is decoded.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kvm.h>
#include <linux/sched.h>

#include "../../host/virt.h"
#include "../../x86/emulate.h"
#include "../../x86/hypercall.h"
#include "../../x86/msr.h"
#include "../../x86/regs.h"
#include "internal.h"

/* EXITINFO1 of IN and OUT */
#define SVM_IOIO_PORT_SHIFT	16

static int svm_unexpected_exit(struct svm_vcpu *svm)
{
	const struct vmcb_control_area *control = &svm->vmcb->control;
	u64 data[] = { control->exit_code, svm->vcpu->cpu };

	svm_dump(svm->vcpu);
	return io_exit_internal_error(svm->vcpu,
				      KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON,
				      data, ARRAY_SIZE(data));
}

/* --- memory --- */

static int svm_emulate_access(struct svm_vcpu *svm, const struct mmu_fault *fault)
{
	const struct vmcb_control_area *control = &svm->vmcb->control;
	u64 data[] = { control->exit_int_info, control->exit_code, control->exit_info_1,
		       control->exit_info_2 };
	/* A guest table in MMIO is not what the instruction accesses. */
	bool final = fault->error_code & PF_ERR_GUEST_FINAL;
	gpa_t gpa = final ? fault->addr : INVALID_GPA;
	bool write = fault->error_code & PF_ERR_WRITE;

	/* It was not the instruction at RIP but the delivery of an event. */
	if (unlikely(control->exit_int_info & SVM_EXITINTINFO_VALID))
		return io_exit_internal_error(svm->vcpu, KVM_INTERNAL_ERROR_DELIVERY_EV,
					      data, ARRAY_SIZE(data));
	if (svm_host.decode_assists && control->insn_len)
		return emulate_instruction(svm->vcpu, gpa, write, control->insn_bytes,
					   min_t(u8, control->insn_len & 0xf, 15));
	return emulate_instruction(svm->vcpu, gpa, write, NULL, 0);
}

static int svm_exit_nested_fault(struct svm_vcpu *svm)
{
	struct vcpu *vcpu = svm->vcpu;
	struct mmu_fault fault = {
		.addr = svm->vmcb->control.exit_info_2,
		.error_code = svm->vmcb->control.exit_info_1,
		.nowait = true,
	};
	int idx, ret;

	vcpu_count(vcpu, VCPU_STAT_FAULTS);
	idx = mem_read_lock(&vcpu->vm->mem);
	ret = mmu_fault(&vcpu->root_mmu, &fault);
	if (unlikely(ret == MMU_FAULT_ABSENT))
		ret = async_fault(vcpu, &fault);
	mem_read_unlock(&vcpu->vm->mem, idx);

	if (likely(ret <= MMU_FAULT_SPURIOUS && ret >= 0))
		return EXIT_RESUME;
	switch (ret) {
	case MMU_FAULT_EMULATE:
		return svm_emulate_access(svm, &fault);
	case MMU_FAULT_USER_EXIT:
		return io_exit_memory_fault(vcpu, fault.memory_gpa, fault.memory_size,
					    fault.memory_flags);
	case MMU_FAULT_INJECT:
		event_raise_page_fault(vcpu, &fault.exception);
		return EXIT_RESUME;
	case -EINTR:
		/* The run loop sees the signal. */
		return EXIT_RESUME;
	default:
		io_exit_memory_fault(vcpu, fault.memory_gpa, fault.memory_size,
				     fault.memory_flags);
		return ret;
	}
}

/* --- ports --- */

static int svm_exit_io(struct svm_vcpu *svm)
{
	u32 info = svm->vmcb->control.exit_info_1;

	vcpu_count(svm->vcpu, VCPU_STAT_IO);
	if (unlikely(info & SVM_IOIO_STR_MASK))
		return emulate_instruction(svm->vcpu, INVALID_GPA, false, NULL, 0);
	/* One bit each for 1, 2 and 4 bytes: the field is the size. */
	return io_fast_port(svm->vcpu, info >> SVM_IOIO_PORT_SHIFT,
			    (info & SVM_IOIO_SIZE_MASK) >> SVM_IOIO_SIZE_SHIFT,
			    info & SVM_IOIO_TYPE_MASK);
}

/* --- registers --- */

static int svm_exit_msr(struct svm_vcpu *svm)
{
	vcpu_count(svm->vcpu, VCPU_STAT_MSR);
	return svm->vmcb->control.exit_info_1 & 1 ? msr_write_exit(svm->vcpu) :
						    msr_read_exit(svm->vcpu);
}

static int svm_emulate(struct svm_vcpu *svm)
{
	return emulate_instruction(svm->vcpu, INVALID_GPA, false, NULL, 0);
}

static int svm_set_cr(struct vcpu *vcpu, unsigned int nr, u64 value)
{
	switch (nr) {
	case 0:
		return regs_set_cr0(vcpu, value);
	case 4:
		return regs_set_cr4(vcpu, value);
	default:
		return regs_set_cr8(vcpu, value);
	}
}

static u64 svm_get_cr(struct vcpu *vcpu, unsigned int nr)
{
	switch (nr) {
	case 0:
		return vcpu->cr0;
	case 4:
		return vcpu->cr4;
	default:
		return regs_get_cr8(vcpu);
	}
}

/* Access to CR0, CR4 or CR8; with decode assists a MOV need not be decoded. */
static int svm_exit_cr(struct svm_vcpu *svm)
{
	struct vcpu *vcpu = svm->vcpu;
	const struct vmcb_control_area *control = &svm->vmcb->control;
	unsigned int nr = control->exit_code & 0xf;
	enum vcpu_reg reg = control->exit_info_1 & 0xf;
	u64 rflags = vcpu->rflags;

	vcpu_count(vcpu, VCPU_STAT_CR);
	if (!svm_host.decode_assists || !(control->exit_info_1 & SVM_CR_INFO_MOV))
		return svm_emulate(svm);
	if (control->exit_code < SVM_EXIT_WRITE_CR0) {
		vcpu_set_reg(vcpu, reg, svm_get_cr(vcpu, nr));
	} else if (svm_set_cr(vcpu, nr, vcpu_reg(vcpu, reg))) {
		event_raise_error(vcpu, GP_VECTOR, 0);
		return EXIT_RESUME;
	}
	if (!svm_skip_instruction(vcpu))
		return EXIT_RESUME;
	return regs_instruction_done(vcpu, rflags);
}

static int svm_exit_cr8_write(struct svm_vcpu *svm)
{
	struct vcpu *vcpu = svm->vcpu;
	u8 before = regs_get_cr8(vcpu);
	int ret = svm_exit_cr(svm);

	if (ret != EXIT_RESUME || vcpu->apic || regs_get_cr8(vcpu) >= before)
		return ret;
	/* The APIC in user space may have an interrupt for the new priority. */
	vcpu->run->exit_reason = KVM_EXIT_SET_TPR;
	return EXIT_USER;
}

/* --- instructions --- */

static int svm_exit_cpuid(struct svm_vcpu *svm)
{
	vcpu_count(svm->vcpu, VCPU_STAT_CPUID);
	return cpuid_exit(svm->vcpu);
}

static int svm_exit_hlt(struct svm_vcpu *svm)
{
	vcpu_count(svm->vcpu, VCPU_STAT_HALT);
	return emulate_hlt_exit(svm->vcpu);
}

static int svm_exit_hypercall(struct svm_vcpu *svm)
{
	vcpu_count(svm->vcpu, VCPU_STAT_HYPERCALL);
	return hypercall_exit(svm->vcpu);
}

static int svm_exit_xsetbv(struct svm_vcpu *svm)
{
	return emulate_xsetbv_exit(svm->vcpu);
}

static int svm_exit_invd(struct svm_vcpu *svm)
{
	return emulate_invd_exit(svm->vcpu);
}

static int svm_exit_undefined(struct svm_vcpu *svm)
{
	event_raise(svm->vcpu, UD_VECTOR);
	return EXIT_RESUME;
}

/* No performance counters are offered. */
static int svm_exit_rdpmc(struct svm_vcpu *svm)
{
	event_raise_error(svm->vcpu, GP_VECTOR, 0);
	return EXIT_RESUME;
}

/* MONITOR, MWAIT: MWAIT may always return at once. */
static int svm_exit_mwait(struct svm_vcpu *svm)
{
	struct vcpu *vcpu = svm->vcpu;
	u64 rflags = vcpu->rflags;

	if (!vcpu->cpuid.features.mwait)
		return svm_exit_undefined(svm);
	if (!svm_skip_instruction(vcpu))
		return EXIT_RESUME;
	return regs_instruction_done(vcpu, rflags);
}

/* Spinning for long: let the holder of the lock run, whoever that is. */
static int svm_exit_pause(struct svm_vcpu *svm)
{
	if (!svm_skip_instruction(svm->vcpu))
		return EXIT_RESUME;
	yield();
	return EXIT_RESUME;
}

/* --- exceptions --- */

static int svm_exit_ud(struct svm_vcpu *svm)
{
	vcpu_count(svm->vcpu, VCPU_STAT_EXCEPTION_EXITS);
	return hypercall_undefined_exit(svm->vcpu);
}

static int svm_exit_ac(struct svm_vcpu *svm)
{
	vcpu_count(svm->vcpu, VCPU_STAT_EXCEPTION_EXITS);
	event_raise_error(svm->vcpu, AC_VECTOR, 0);
	return EXIT_RESUME;
}

/* --- the machine --- */

/* INTR, NMI, SMI, INIT, #MC: the host had its turn before it came here. */
static int svm_exit_served(struct svm_vcpu *svm)
{
	return EXIT_RESUME;
}

static int svm_exit_interrupted(struct svm_vcpu *svm)
{
	vcpu_count(svm->vcpu, VCPU_STAT_INTERRUPTED);
	return EXIT_RESUME;
}

static int svm_exit_shutdown(struct svm_vcpu *svm)
{
	struct vcpu *vcpu = svm->vcpu;

	/* The VMCB holds no state that could be entered again. */
	svm_vcpu_reset(vcpu, true);
	vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
	return EXIT_USER;
}

static int svm_exit_task_switch(struct svm_vcpu *svm)
{
	const struct vmcb_control_area *control = &svm->vmcb->control;
	u64 data[] = { control->exit_code, control->exit_info_1, control->exit_info_2 };

	return io_exit_internal_error(svm->vcpu, KVM_INTERNAL_ERROR_EMULATION, data,
				      ARRAY_SIZE(data));
}

static int svm_exit_failure(struct svm_vcpu *svm)
{
	/* Not the guest's fault: go on where SVM is on, if there will be such. */
	if (svm->refused)
		return READ_ONCE(host_virt_rebooting) ? -EIO : EXIT_RESUME;
	svm_dump(svm->vcpu);
	/*
	 * Some hardware stores into the VMCB what it had not loaded: the host's
	 * registers, which user space must not see, and an int_ctl under which
	 * the guest's IF would hold back the host's interrupts.
	 */
	svm_vcpu_reset(svm->vcpu, true);
	return io_exit_fail_entry(svm->vcpu, (u32)SVM_EXIT_ERR);
}

typedef int (*svm_exit_handler)(struct svm_vcpu *svm);

static const svm_exit_handler svm_exit_handlers[] = {
	[SVM_EXIT_READ_CR0] = svm_exit_cr,
	[SVM_EXIT_READ_CR4] = svm_exit_cr,
	[SVM_EXIT_READ_CR8] = svm_exit_cr,
	[SVM_EXIT_WRITE_CR0] = svm_exit_cr,
	[SVM_EXIT_WRITE_CR4] = svm_exit_cr,
	[SVM_EXIT_WRITE_CR8] = svm_exit_cr8_write,
	[SVM_EXIT_READ_DR0 ... SVM_EXIT_READ_DR7] = svm_exit_dr,
	[SVM_EXIT_WRITE_DR0 ... SVM_EXIT_WRITE_DR7] = svm_exit_dr,
	[SVM_EXIT_EXCP_BASE + DB_VECTOR] = svm_exit_db,
	[SVM_EXIT_EXCP_BASE + BP_VECTOR] = svm_exit_bp,
	[SVM_EXIT_EXCP_BASE + UD_VECTOR] = svm_exit_ud,
	[SVM_EXIT_EXCP_BASE + AC_VECTOR] = svm_exit_ac,
	[SVM_EXIT_EXCP_BASE + MC_VECTOR] = svm_exit_served,
	[SVM_EXIT_INTR] = svm_exit_interrupted,
	[SVM_EXIT_NMI] = svm_exit_served,
	[SVM_EXIT_SMI] = svm_exit_served,
	[SVM_EXIT_INIT] = svm_exit_served,
	[SVM_EXIT_VINTR] = svm_exit_interrupt_window,
	[SVM_EXIT_CR0_SEL_WRITE] = svm_emulate,
	[SVM_EXIT_RDPMC] = svm_exit_rdpmc,
	[SVM_EXIT_CPUID] = svm_exit_cpuid,
	[SVM_EXIT_IRET] = svm_exit_iret,
	[SVM_EXIT_INVD] = svm_exit_invd,
	[SVM_EXIT_PAUSE] = svm_exit_pause,
	[SVM_EXIT_HLT] = svm_exit_hlt,
	[SVM_EXIT_INVLPGA] = svm_exit_undefined,
	[SVM_EXIT_IOIO] = svm_exit_io,
	[SVM_EXIT_MSR] = svm_exit_msr,
	[SVM_EXIT_TASK_SWITCH] = svm_exit_task_switch,
	[SVM_EXIT_SHUTDOWN] = svm_exit_shutdown,
	[SVM_EXIT_VMRUN] = svm_exit_undefined,
	[SVM_EXIT_VMMCALL] = svm_exit_hypercall,
	[SVM_EXIT_VMLOAD] = svm_exit_undefined,
	[SVM_EXIT_VMSAVE] = svm_exit_undefined,
	[SVM_EXIT_STGI] = svm_exit_undefined,
	[SVM_EXIT_CLGI] = svm_exit_undefined,
	[SVM_EXIT_SKINIT] = svm_exit_undefined,
	[SVM_EXIT_RDTSCP] = svm_exit_undefined,
	[SVM_EXIT_WBINVD] = svm_exit_invd,
	[SVM_EXIT_MONITOR] = svm_exit_mwait,
	[SVM_EXIT_MWAIT] = svm_exit_mwait,
	[SVM_EXIT_XSETBV] = svm_exit_xsetbv,
	[SVM_EXIT_RDPRU] = svm_exit_undefined,
	[SVM_EXIT_INVPCID] = svm_exit_undefined,
};

int svm_handle_exit(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);
	u32 code = svm->vmcb->control.exit_code;

	/* The frequent ones directly: an indirect call is slow on a safe host. */
	if (code == SVM_EXIT_NPF)
		return svm_exit_nested_fault(svm);
	if (code == SVM_EXIT_IOIO)
		return svm_exit_io(svm);
	if (code == SVM_EXIT_MSR)
		return svm_exit_msr(svm);
	if (code == SVM_EXIT_INTR)
		return svm_exit_interrupted(svm);
	if (code == SVM_EXIT_CPUID)
		return svm_exit_cpuid(svm);

	if (code < ARRAY_SIZE(svm_exit_handlers) && svm_exit_handlers[code])
		return svm_exit_handlers[code](svm);
	if (code == (u32)SVM_EXIT_ERR)
		return svm_exit_failure(svm);
	return svm_unexpected_exit(svm);
}

void svm_exit_info(struct vcpu *vcpu, struct vendor_exit *info)
{
	const struct vmcb_control_area *control = &svm_of(vcpu)->vmcb->control;

	*info = (struct vendor_exit) {
		.reason = control->exit_code,
		.info1 = control->exit_info_1,
		.info2 = control->exit_info_2,
		.intr_info = control->exit_int_info,
		.error_code = control->exit_int_info_err,
	};
}

bool svm_skip_instruction(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);
	struct vmcb_control_area *control = &svm->vmcb->control;
	u64 next;

	if (control->exit_code == SVM_EXIT_IOIO)
		next = control->exit_info_2;
	else
		next = svm_host.nrips ? control->next_rip : 0;

	if (likely(next)) {
		/* Relative: user space may have moved RIP since the exit. */
		vcpu->rip += next - svm->vmcb->save.rip;
		if (!vcpu_long_mode(vcpu))
			vcpu->rip = (u32)vcpu->rip;
	} else if (!emulate_skip(vcpu)) {
		return false;
	}
	control->int_state &= ~SVM_INTERRUPT_SHADOW_MASK;
	return true;
}
