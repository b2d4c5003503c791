/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's speculation barriers around a guest's turn, under the names that
 * each kernel has for them.
 *
 * The assembly macros need a stack and may clobber RAX, RCX, RDX and flags, but
 * for COMPAT_CLEAR_CPU_BUFFERS, which clobbers flags alone.
 */
#ifndef QUIRE_HOST_COMPAT_VMEXIT_H
#define QUIRE_HOST_COMPAT_VMEXIT_H

#include <asm/nospec-branch.h>

#ifdef __ASSEMBLY__

/* Before the first RET after an exit: Retbleed, SRSO. */
.macro COMPAT_UNTRAIN_RET
#ifdef UNTRAIN_RET_VM
	UNTRAIN_RET_VM
#else
	UNTRAIN_RET
#ifdef X86_FEATURE_IBPB_ON_VMEXIT
	ALTERNATIVE "", "call entry_ibpb", X86_FEATURE_IBPB_ON_VMEXIT
#endif
#endif
.endm

/* After the last secret was used before an entry: TSA and its kin. */
.macro COMPAT_CLEAR_CPU_BUFFERS
#if defined(VM_CLEAR_CPU_BUFFERS)
	VM_CLEAR_CPU_BUFFERS
#elif defined(CLEAR_CPU_BUFFERS)
	CLEAR_CPU_BUFFERS
#endif
.endm

#else /* __ASSEMBLY__ */

#include <linux/percpu.h>
#include <linux/types.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>

/** compat_ibpb() - let no branch prediction of before steer what comes after */
static __always_inline void compat_ibpb(void)
{
	if (cpu_feature_enabled(X86_FEATURE_USE_IBPB))
		native_wrmsrl(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
}

/**
 * compat_guest_ran() - a guest ran on this CPU
 * A CPU with VMSCAPE owes user space an IBPB for that.  Preemption off.
 */
static __always_inline void compat_guest_ran(void)
{
#ifdef X86_FEATURE_IBPB_EXIT_TO_USER
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
#endif
}

#endif /* __ASSEMBLY__ */
#endif
