// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moves, exchanges, flags, and what does nothing.
 *
 * Most moves are one handler: forms in the table say what comes from where and
 * how wide, and values are zero-extended when they are read.
 */
#include "internal.h"
#include "handlers.h"

enum emul_result emul_op_mov(struct emul_ctxt *ctxt)
{
	ctxt->dst.val = ctxt->src.val;
	return EMUL_OK;
}

enum emul_result emul_op_movsx(struct emul_ctxt *ctxt)
{
	ctxt->dst.val = emul_sign_extend(ctxt->src.val, ctxt->src.bytes);
	return EMUL_OK;
}

enum emul_result emul_op_xchg(struct emul_ctxt *ctxt)
{
	u64 old = ctxt->dst.val;

	ctxt->dst.val = ctxt->src.val;
	ctxt->src.val = old;
	return emul_operand_write(ctxt, &ctxt->src);
}

/* 90: NOP and PAUSE, but XCHG with a REX prefix that names R8. */
enum emul_result emul_op_nop_or_xchg(struct emul_ctxt *ctxt)
{
	if (ctxt->insn.rex & 1)
		return emul_op_xchg(ctxt);
	ctxt->dst.kind = EMUL_OPERAND_NONE;
	if (ctxt->insn.rep != 0xf3)
		return EMUL_OK;
	return emul_op_result(ctxt, ctxt->ops->notice(ctxt, EMUL_NOTICE_PAUSE));
}

enum emul_result emul_op_nop(struct emul_ctxt *ctxt)
{
	return EMUL_OK;
}

/* WAIT: #NM if the FPU is not there for us; errors pending in it are not seen. */
enum emul_result emul_op_fwait(struct emul_ctxt *ctxt)
{
	u64 wait_traps = X86_CR0_MP | X86_CR0_TS;

	if ((ctxt->ops->get_cr(ctxt, 0) & wait_traps) == wait_traps)
		return emul_fault(ctxt, EMUL_EXC_NM);
	return EMUL_OK;
}

enum emul_result emul_op_lea(struct emul_ctxt *ctxt)
{
	ctxt->dst.val = ctxt->insn.mem_ea;
	return EMUL_OK;
}

enum emul_result emul_op_xlat(struct emul_ctxt *ctxt)
{
	u64 ea = ctxt->gpr[EMUL_RBX] + emul_reg_get(ctxt, EMUL_RAX, 1);
	struct emul_operand entry = {
		.kind = EMUL_OPERAND_MEM,
		.bytes = 1,
		.nr = ctxt->insn.seg >= 0 ? ctxt->insn.seg : EMUL_DS,
		.ea = ea & emul_mask(ctxt->insn.adsize),
	};
	enum emul_result result = emul_mem_read(ctxt, &entry, 0);

	if (result == EMUL_OK)
		emul_reg_set(ctxt, EMUL_RAX, entry.val, 1);
	return result;
}

/* Intel's processors do not look at the upper bound if the index is below the lower. */
enum emul_result emul_op_bound(struct emul_ctxt *ctxt)
{
	unsigned int bytes = ctxt->insn.opsize;
	s64 index = emul_sign_extend(ctxt->src.val, bytes);
	struct emul_operand bound = emul_mem_operand(ctxt, bytes);
	enum emul_result result;
	bool below;

	result = emul_mem_read(ctxt, &bound, 0);
	if (result != EMUL_OK)
		return result;
	below = index < (s64)emul_sign_extend(bound.val, bytes);
	if (below && !(ctxt->cpu & EMUL_CPU_AMD))
		return emul_fault(ctxt, EMUL_EXC_BR);
	bound.ea = (bound.ea + bytes) & emul_mask(ctxt->insn.adsize);
	result = emul_mem_read(ctxt, &bound, 0);
	if (result != EMUL_OK)
		return result;
	if (below || index > (s64)emul_sign_extend(bound.val, bytes))
		return emul_fault(ctxt, EMUL_EXC_BR);
	return EMUL_OK;
}

/* A number of 8 or 16 bytes as it is in memory: two halves. */
struct wide {
	union {
		u32 half4[2];
		u64 half8[2];
	};
};

static void wide_set(struct wide *wide, unsigned int bytes, u64 low, u64 high)
{
	if (bytes == 16) {
		wide->half8[0] = low;
		wide->half8[1] = high;
	} else {
		wide->half4[0] = low;
		wide->half4[1] = high;
	}
}

/* CMPXCHG8B, CMPXCHG16B: memory is written also if it differs, with what it had. */
enum emul_result emul_op_cmpxchg8b(struct emul_ctxt *ctxt)
{
	unsigned int half = ctxt->insn.opsize == 8 ? 8 : 4;
	struct emul_operand mem = emul_mem_operand(ctxt, 2 * half);
	struct wide old, expected, new;
	enum emul_result result;
	bool equal;
	gva_t gva;

	result = emul_linear(ctxt, &mem, EMUL_ACC_WRITE, &gva);
	if (result != EMUL_OK)
		return result;
	if (half == 8 && (gva & 15))
		return emul_gp(ctxt, 0);
	result = emul_linear_read(ctxt, gva, &old, 2 * half, EMUL_ACC_WRITE);
	if (result != EMUL_OK)
		return result;
	wide_set(&expected, 2 * half, ctxt->gpr[EMUL_RAX], ctxt->gpr[EMUL_RDX]);
	equal = !memcmp(&old, &expected, 2 * half);
	new = old;
	if (equal)
		wide_set(&new, 2 * half, ctxt->gpr[EMUL_RBX], ctxt->gpr[EMUL_RCX]);
	if (ctxt->insn.lock)
		result = emul_locked_write(ctxt, gva, &old, &new, 2 * half);
	else
		result = emul_linear_write(ctxt, gva, &new, 2 * half, 0);
	if (result != EMUL_OK)
		return result;
	if (!equal) {
		emul_reg_set(ctxt, EMUL_RAX, half == 8 ? old.half8[0] : old.half4[0], half);
		emul_reg_set(ctxt, EMUL_RDX, half == 8 ? old.half8[1] : old.half4[1], half);
	}
	emul_flag_assign(ctxt, X86_EFLAGS_ZF, equal);
	return EMUL_OK;
}

#define FLAGS_AH	(X86_EFLAGS_SF | X86_EFLAGS_ZF | X86_EFLAGS_AF | \
			 X86_EFLAGS_PF | X86_EFLAGS_CF)

enum emul_result emul_op_sahf(struct emul_ctxt *ctxt)
{
	u64 ah = ctxt->gpr[EMUL_RAX] >> 8;

	ctxt->rflags = (ctxt->rflags & ~(u64)FLAGS_AH) | (ah & FLAGS_AH);
	return EMUL_OK;
}

enum emul_result emul_op_lahf(struct emul_ctxt *ctxt)
{
	u64 al = emul_reg_get(ctxt, EMUL_RAX, 1);
	u64 ah = (ctxt->rflags & FLAGS_AH) | X86_EFLAGS_FIXED;

	emul_reg_set(ctxt, EMUL_RAX, ah << 8 | al, 2);
	return EMUL_OK;
}

enum emul_result emul_op_clc(struct emul_ctxt *ctxt)
{
	ctxt->rflags &= ~X86_EFLAGS_CF;
	return EMUL_OK;
}

enum emul_result emul_op_stc(struct emul_ctxt *ctxt)
{
	ctxt->rflags |= X86_EFLAGS_CF;
	return EMUL_OK;
}

enum emul_result emul_op_cmc(struct emul_ctxt *ctxt)
{
	ctxt->rflags ^= X86_EFLAGS_CF;
	return EMUL_OK;
}

enum emul_result emul_op_cld(struct emul_ctxt *ctxt)
{
	ctxt->rflags &= ~X86_EFLAGS_DF;
	return EMUL_OK;
}

enum emul_result emul_op_std(struct emul_ctxt *ctxt)
{
	ctxt->rflags |= X86_EFLAGS_DF;
	return EMUL_OK;
}
