// SPDX-License-Identifier: GPL-2.0-only
/*
 * The executor: checks, operands, handler, result, commit or undo.
 *
 * An attempt starts from the registers as they are and ends in one of three
 * ways.  It completes: rip moves on.  It stops between two iterations of a REP
 * string instruction: what the iterations before did stands, and so does rip.
 * It fails: GPRs and flags go back to the last checkpoint, which is the start of
 * the instruction or of the iteration.
 *
 * A locked instruction reads memory, computes, and stores by compare-exchange.  If
 * memory changed in between, the attempt is undone and made again.
 */
#include "internal.h"

/* How often a locked instruction is tried before the guest gets to try it. */
#define LOCKED_ATTEMPTS	8

void emul_init(struct emul_ctxt *ctxt, const struct emul_ops *ops)
{
	ctxt->ops = ops;
	ctxt->va_bits = 48;
}

void emul_checkpoint(struct emul_ctxt *ctxt)
{
	ctxt->gpr_changed = 0;
	ctxt->start_rflags = ctxt->rflags;
	emul_forget_reads(ctxt);
}

static void begin(struct emul_ctxt *ctxt)
{
	ctxt->gpr_changed = 0;
	ctxt->start_rflags = ctxt->rflags;
	ctxt->rflags &= ~X86_EFLAGS_RF;
	ctxt->shadow = 0;
	ctxt->segments_read = 0;
	ctxt->reads_replayed = 0;
	ctxt->next_rip = emul_rip_wrap(ctxt, ctxt->rip + ctxt->insn.length);
}

static void undo(struct emul_ctxt *ctxt)
{
	unsigned int changed = ctxt->gpr_changed;
	unsigned int nr;

	for (; changed; changed &= changed - 1) {
		nr = __builtin_ctz(changed);
		ctxt->gpr[nr] = ctxt->gpr_saved[nr];
	}
	ctxt->gpr_changed = 0;
	ctxt->rflags = ctxt->start_rflags;
	ctxt->shadow = 0;
}

static enum emul_result check_sse(struct emul_ctxt *ctxt)
{
	u64 cr0 = ctxt->ops->get_cr(ctxt, 0);

	if ((cr0 & X86_CR0_EM) || !(ctxt->ops->get_cr(ctxt, 4) & X86_CR4_OSFXSR))
		return emul_ud(ctxt);
	if (cr0 & X86_CR0_TS)
		return emul_fault(ctxt, EMUL_EXC_NM);
	return EMUL_OK;
}

/*
 * A bit offset in a register reaches beyond the operand: by how many
 * operands, goes to the address.  The handler looks at the rest.
 */
static void apply_bit_offset(struct emul_ctxt *ctxt)
{
	struct emul_operand *dst = &ctxt->dst;
	s64 offset = emul_sign_extend(ctxt->src.val, dst->bytes);
	s64 bits = dst->bytes * 8;

	if (dst->kind != EMUL_OPERAND_MEM)
		return;
	dst->ea += (offset & -bits) / 8;
	dst->ea &= emul_mask(ctxt->insn.adsize);
}

static enum emul_result read_operands(struct emul_ctxt *ctxt)
{
	const struct emul_opcode *opcode = ctxt->insn.opcode;
	struct emul_operand *dst = &ctxt->dst;
	enum emul_result result = EMUL_OK;

	emul_operand_resolve(ctxt, dst, opcode->dst);
	emul_operand_resolve(ctxt, &ctxt->src, opcode->src);
	if (opcode->src2)
		emul_operand_resolve(ctxt, &ctxt->src2, opcode->src2);
	if (opcode->flags & OPC_BIT)
		apply_bit_offset(ctxt);
	if (ctxt->src.kind == EMUL_OPERAND_MEM)
		result = emul_mem_read(ctxt, &ctxt->src, 0);
	if (result == EMUL_OK && dst->kind == EMUL_OPERAND_MEM &&
	    !(opcode->flags & OPC_MOV))
		result = emul_mem_read(ctxt, dst, opcode->flags & OPC_CMP ? 0 : EMUL_ACC_WRITE);
	dst->old = dst->val;
	return result;
}

static enum emul_result attempt(struct emul_ctxt *ctxt)
{
	const struct emul_opcode *opcode = ctxt->insn.opcode;
	enum emul_result result;

	if ((opcode->flags & OPC_PRIV) && ctxt->cpl)
		return emul_gp(ctxt, 0);
	if (opcode->flags & OPC_SSE) {
		result = check_sse(ctxt);
		if (result != EMUL_OK)
			return result;
	}
	result = read_operands(ctxt);
	if (result == EMUL_OK)
		result = opcode->exec(ctxt);
	if (result == EMUL_OK && !(opcode->flags & OPC_CMP))
		result = emul_operand_write(ctxt, &ctxt->dst);
	return result;
}

enum emul_result emul_execute(struct emul_ctxt *ctxt)
{
	bool locked = ctxt->insn.lock || (ctxt->insn.opcode->flags & OPC_LOCKED);
	unsigned int attempts = locked ? LOCKED_ATTEMPTS : 1;
	enum emul_result result;

	for (;;) {
		begin(ctxt);
		result = attempt(ctxt);
		if (result == EMUL_OK || result == EMUL_SOFT_INT) {
			ctxt->rip = ctxt->next_rip;
			return result;
		}
		undo(ctxt);
		if (result != EMUL_RETRY || !--attempts)
			break;
		emul_forget_reads(ctxt);
	}
	if (result == EMUL_FAULT && ctxt->mode == EMUL_MODE_REAL)
		ctxt->exception.has_error = false;
	return result;
}

void emul_skip(struct emul_ctxt *ctxt)
{
	ctxt->rip = emul_rip_wrap(ctxt, ctxt->rip + ctxt->insn.length);
	ctxt->rflags &= ~X86_EFLAGS_RF;
	ctxt->shadow = 0;
}
