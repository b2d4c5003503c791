// SPDX-License-Identifier: GPL-2.0-only
/*
 * Near transfers of control.
 *
 * A branch changes where the executor goes on, ctxt->next_rip.  The target is
 * checked against the code segment here, so that the fault is the branch's.
 */
#include "internal.h"
#include "handlers.h"

enum emul_result emul_branch(struct emul_ctxt *ctxt, u64 target)
{
	if (ctxt->insn.opsize == 2)
		target &= 0xffff;
	if (emul_long64(ctxt)) {
		if (!emul_canonical(ctxt, target))
			return emul_gp(ctxt, 0);
	} else {
		target = (u32)target;
		if (target > emul_segment(ctxt, EMUL_CS)->limit)
			return emul_gp(ctxt, 0);
	}
	ctxt->next_rip = target;
	return EMUL_OK;
}

static enum emul_result branch_relative(struct emul_ctxt *ctxt)
{
	return emul_branch(ctxt, ctxt->next_rip + ctxt->insn.imm);
}

enum emul_result emul_op_jmp(struct emul_ctxt *ctxt)
{
	return branch_relative(ctxt);
}

enum emul_result emul_op_jcc(struct emul_ctxt *ctxt)
{
	return emul_condition(ctxt, ctxt->insn.code) ? branch_relative(ctxt) : EMUL_OK;
}

enum emul_result emul_op_jmp_indirect(struct emul_ctxt *ctxt)
{
	return emul_branch(ctxt, ctxt->src.val);
}

static enum emul_result call(struct emul_ctxt *ctxt, u64 target)
{
	u64 back = ctxt->next_rip;
	enum emul_result result = emul_branch(ctxt, target);

	return result == EMUL_OK ? emul_push(ctxt, back, ctxt->insn.opsize) : result;
}

enum emul_result emul_op_call(struct emul_ctxt *ctxt)
{
	return call(ctxt, ctxt->next_rip + ctxt->insn.imm);
}

enum emul_result emul_op_call_indirect(struct emul_ctxt *ctxt)
{
	return call(ctxt, ctxt->src.val);
}

enum emul_result emul_op_ret(struct emul_ctxt *ctxt)
{
	enum emul_result result;
	u64 target;

	result = emul_pop(ctxt, &target, ctxt->insn.opsize);
	if (result == EMUL_OK)
		result = emul_branch(ctxt, target);
	if (result == EMUL_OK)
		emul_sp_add(ctxt, ctxt->insn.imm);
	return result;
}

/* The ZF that LOOPE and LOOPNE go on with: AMD's processors heed a repeat prefix. */
static bool loop_equal(const struct emul_ctxt *ctxt)
{
	if (ctxt->insn.rep && (ctxt->cpu & EMUL_CPU_AMD))
		return ctxt->insn.rep == 0xf3;
	return ctxt->insn.code == 0xe1;
}

/* LOOPNE, LOOPE, LOOP, JCXZ: E0 to E3.  The counter has the address size. */
enum emul_result emul_op_loop(struct emul_ctxt *ctxt)
{
	unsigned int bytes = ctxt->insn.adsize;
	u64 count = emul_reg_get(ctxt, EMUL_RCX, bytes);
	bool equal = ctxt->rflags & X86_EFLAGS_ZF;
	bool taken;

	if (ctxt->insn.code == 0xe3)
		return count ? EMUL_OK : branch_relative(ctxt);
	emul_reg_set(ctxt, EMUL_RCX, --count, bytes);
	taken = count & emul_mask(bytes);
	if (ctxt->insn.code != 0xe2)
		taken = taken && equal == loop_equal(ctxt);
	return taken ? branch_relative(ctxt) : EMUL_OK;
}
