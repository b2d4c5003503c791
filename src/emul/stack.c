// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stack.
 *
 * Three sizes meet here: that of what is pushed (operand size), that of the
 * stack pointer (SS.B, or 64 bits), and that of memory addresses otherwise, which
 * plays no part.  emul_push() and emul_pop() move RSP at once; an instruction
 * that fails later gets it back from the executor.
 */
#include "internal.h"
#include "handlers.h"

/* What POPF may change, before IF and IOPL are looked at. */
#define FLAGS_POPPED	(X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF | \
			 X86_EFLAGS_SF | X86_EFLAGS_TF | X86_EFLAGS_DF | X86_EFLAGS_OF | \
			 X86_EFLAGS_NT | X86_EFLAGS_AC | X86_EFLAGS_ID)

unsigned int emul_stack_bytes(struct emul_ctxt *ctxt)
{
	if (emul_long64(ctxt))
		return 8;
	return emul_segment(ctxt, EMUL_SS)->attr & EMUL_ATTR_DB ? 4 : 2;
}

static struct emul_operand stack_operand(struct emul_ctxt *ctxt, u64 offset,
					 unsigned int bytes)
{
	return (struct emul_operand) {
		.kind = EMUL_OPERAND_MEM,
		.bytes = bytes,
		.nr = EMUL_SS,
		.ea = offset & emul_mask(emul_stack_bytes(ctxt)),
	};
}

void emul_sp_add(struct emul_ctxt *ctxt, s64 delta)
{
	emul_reg_set(ctxt, EMUL_RSP, ctxt->gpr[EMUL_RSP] + delta, emul_stack_bytes(ctxt));
}

enum emul_result emul_push(struct emul_ctxt *ctxt, u64 val, unsigned int bytes)
{
	struct emul_operand op = stack_operand(ctxt, ctxt->gpr[EMUL_RSP] - bytes, bytes);
	enum emul_result result;

	op.val = val;
	result = emul_mem_write(ctxt, &op);
	if (result == EMUL_OK)
		emul_sp_add(ctxt, -(s64)bytes);
	return result;
}

enum emul_result emul_pop(struct emul_ctxt *ctxt, u64 *val, unsigned int bytes)
{
	struct emul_operand op = stack_operand(ctxt, ctxt->gpr[EMUL_RSP], bytes);
	enum emul_result result = emul_mem_read(ctxt, &op, 0);

	if (result != EMUL_OK)
		return result;
	*val = op.val;
	emul_sp_add(ctxt, bytes);
	return EMUL_OK;
}

enum emul_result emul_op_push(struct emul_ctxt *ctxt)
{
	return emul_push(ctxt, ctxt->src.val, ctxt->insn.opsize);
}

enum emul_result emul_op_pop(struct emul_ctxt *ctxt)
{
	return emul_pop(ctxt, &ctxt->dst.val, ctxt->insn.opsize);
}

/*
 * The segment register is in bits 3..5 of these opcodes, as in ModRM.reg.  With
 * 32-bit operands, Intel's processors write the lower half of the slot alone.
 */
enum emul_result emul_op_push_sreg(struct emul_ctxt *ctxt)
{
	enum emul_seg seg = ctxt->insn.code >> 3 & 7;
	unsigned int bytes = ctxt->insn.opsize;
	struct emul_operand slot;
	enum emul_result result;

	if (bytes != 4 || (ctxt->cpu & EMUL_CPU_AMD))
		return emul_push(ctxt, emul_segment(ctxt, seg)->selector, bytes);
	slot = stack_operand(ctxt, ctxt->gpr[EMUL_RSP] - bytes, 2);
	slot.val = emul_segment(ctxt, seg)->selector;
	result = emul_mem_write(ctxt, &slot);
	if (result == EMUL_OK)
		emul_sp_add(ctxt, -4);
	return result;
}

enum emul_result emul_op_pop_sreg(struct emul_ctxt *ctxt)
{
	enum emul_seg seg = ctxt->insn.code >> 3 & 7;
	struct emul_descriptor desc;
	enum emul_result result;
	u64 selector;

	result = emul_pop(ctxt, &selector, ctxt->insn.opsize);
	if (result == EMUL_OK)
		result = emul_segment_prepare(ctxt, seg, selector, ctxt->cpl, &desc);
	if (result != EMUL_OK)
		return result;
	ctxt->ops->set_segment(ctxt, seg, &desc.segment);
	if (seg == EMUL_SS)
		ctxt->shadow = EMUL_SHADOW_MOV_SS;
	return EMUL_OK;
}

enum emul_result emul_op_pusha(struct emul_ctxt *ctxt)
{
	u64 sp = ctxt->gpr[EMUL_RSP];
	enum emul_result result;
	unsigned int nr;

	for (nr = EMUL_RAX; nr <= EMUL_RDI; nr++) {
		result = emul_push(ctxt, nr == EMUL_RSP ? sp : ctxt->gpr[nr],
				   ctxt->insn.opsize);
		if (result != EMUL_OK)
			return result;
	}
	return EMUL_OK;
}

enum emul_result emul_op_popa(struct emul_ctxt *ctxt)
{
	unsigned int bytes = ctxt->insn.opsize;
	enum emul_result result;
	unsigned int nr;
	u64 val;

	for (nr = EMUL_GPRS / 2; nr--;) {
		result = emul_pop(ctxt, &val, bytes);
		if (result != EMUL_OK)
			return result;
		if (nr != EMUL_RSP)
			emul_reg_set(ctxt, nr, val, bytes);
	}
	return EMUL_OK;
}

/* PUSHF, POPF in vm86 mode with IOPL below 3: not, or by CR4.VME. */
static enum emul_result check_vm86_flags(struct emul_ctxt *ctxt)
{
	if (ctxt->mode != EMUL_MODE_VM86 || emul_iopl(ctxt) == 3)
		return EMUL_OK;
	if (ctxt->ops->get_cr(ctxt, 4) & X86_CR4_VME)
		return EMUL_UNHANDLEABLE;
	return emul_gp(ctxt, 0);
}

enum emul_result emul_op_pushf(struct emul_ctxt *ctxt)
{
	enum emul_result result = check_vm86_flags(ctxt);

	if (result != EMUL_OK)
		return result;
	return emul_push(ctxt, ctxt->rflags & ~(u64)(X86_EFLAGS_VM | X86_EFLAGS_RF),
			 ctxt->insn.opsize);
}

u64 emul_flags_popped(const struct emul_ctxt *ctxt, u64 image, unsigned int bytes)
{
	u64 change = FLAGS_POPPED;

	if (ctxt->cpl <= emul_iopl(ctxt))
		change |= X86_EFLAGS_IF;
	if (ctxt->cpl == 0)
		change |= X86_EFLAGS_IOPL;
	if (bytes == 2)
		change &= 0xffff;
	return (ctxt->rflags & ~change) | (image & change);
}

enum emul_result emul_op_popf(struct emul_ctxt *ctxt)
{
	enum emul_result result = check_vm86_flags(ctxt);
	u64 image;

	if (result == EMUL_OK)
		result = emul_pop(ctxt, &image, ctxt->insn.opsize);
	if (result == EMUL_OK)
		ctxt->rflags = emul_flags_popped(ctxt, image, ctxt->insn.opsize);
	return result;
}

/* ENTER: copy @level - 1 frame pointers of the callers, then our own. */
static enum emul_result push_display(struct emul_ctxt *ctxt, unsigned int level, u64 frame)
{
	unsigned int bytes = ctxt->insn.opsize;
	u64 bp = ctxt->gpr[EMUL_RBP];
	enum emul_result result;
	struct emul_operand op;

	while (--level) {
		bp -= bytes;
		op = stack_operand(ctxt, bp, bytes);
		result = emul_mem_read(ctxt, &op, 0);
		if (result == EMUL_OK)
			result = emul_push(ctxt, op.val, bytes);
		if (result != EMUL_OK)
			return result;
	}
	return emul_push(ctxt, frame, bytes);
}

enum emul_result emul_op_enter(struct emul_ctxt *ctxt)
{
	unsigned int level = ctxt->insn.imm2 & 31;
	unsigned int bytes = ctxt->insn.opsize;
	enum emul_result result;
	struct emul_operand top;
	u64 frame;
	gva_t gva;

	result = emul_push(ctxt, ctxt->gpr[EMUL_RBP], bytes);
	frame = ctxt->gpr[EMUL_RSP];
	if (result == EMUL_OK && level)
		result = push_display(ctxt, level, frame);
	if (result != EMUL_OK)
		return result;
	emul_reg_set(ctxt, EMUL_RBP, frame, bytes);
	emul_sp_add(ctxt, -(s64)ctxt->insn.imm);
	/* The new top of the stack must be writable, though nothing is written. */
	top = stack_operand(ctxt, ctxt->gpr[EMUL_RSP], bytes);
	result = emul_linear(ctxt, &top, EMUL_ACC_WRITE, &gva);
	if (result != EMUL_OK)
		return result;
	return emul_linear_probe(ctxt, gva, bytes, EMUL_ACC_WRITE);
}

enum emul_result emul_op_leave(struct emul_ctxt *ctxt)
{
	unsigned int bytes = ctxt->insn.opsize;
	enum emul_result result;
	u64 val;

	emul_reg_set(ctxt, EMUL_RSP, ctxt->gpr[EMUL_RBP], emul_stack_bytes(ctxt));
	result = emul_pop(ctxt, &val, bytes);
	if (result == EMUL_OK)
		emul_reg_set(ctxt, EMUL_RBP, val, bytes);
	return result;
}
