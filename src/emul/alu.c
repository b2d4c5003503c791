// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arithmetic and logic, comparisons, conditions.
 *
 * Values are in the low bits of a u64, the rest of which is zero.  Carries come
 * from the operands and the result: a bit carries out if both of its inputs are
 * set, or one is and the sum bit is not.  This holds for every size, 64 bits
 * included, and for a carry in.  The handlers leave results with junk above the
 * operand size: writing cuts it off.  Flags that the manuals call undefined are
 * cleared by logic and kept elsewhere.
 */
#include "internal.h"
#include "handlers.h"

#define FLAGS_SZP	(X86_EFLAGS_SF | X86_EFLAGS_ZF | X86_EFLAGS_PF)
#define FLAGS_ARITH	(FLAGS_SZP | X86_EFLAGS_CF | X86_EFLAGS_OF | X86_EFLAGS_AF)

static u64 flags_szp(u64 val, unsigned int bytes)
{
	unsigned int parity = val & 0xff;
	u64 flags = 0;

	val &= emul_mask(bytes);
	parity ^= parity >> 4;
	/* Bit n of 0x9669 is set if n has an even number of ones. */
	if (0x9669 >> (parity & 15) & 1)
		flags |= X86_EFLAGS_PF;
	if (!val)
		flags |= X86_EFLAGS_ZF;
	if (val & emul_sign_bit(bytes))
		flags |= X86_EFLAGS_SF;
	return flags;
}

void emul_flags_logic(struct emul_ctxt *ctxt, u64 val, unsigned int bytes)
{
	ctxt->rflags &= ~FLAGS_ARITH;
	ctxt->rflags |= flags_szp(val, bytes);
}

/* @carry has at each bit the carry, or borrow, out of it. */
static void flags_arith(struct emul_ctxt *ctxt, u64 val, u64 carry, unsigned int bytes)
{
	u64 sign = emul_sign_bit(bytes);

	emul_flags_logic(ctxt, val, bytes);
	if (carry & sign)
		ctxt->rflags |= X86_EFLAGS_CF;
	/* Overflow: the carries into and out of the sign differ. */
	if ((carry ^ carry << 1) & sign)
		ctxt->rflags |= X86_EFLAGS_OF;
	if (carry & 8)
		ctxt->rflags |= X86_EFLAGS_AF;
}

static u64 add(struct emul_ctxt *ctxt, u64 a, u64 b, unsigned int carry_in)
{
	u64 sum = a + b + carry_in;

	flags_arith(ctxt, sum, (a & b) | ((a | b) & ~sum), ctxt->dst.bytes);
	return sum;
}

static u64 sub(struct emul_ctxt *ctxt, u64 a, u64 b, unsigned int borrow_in)
{
	u64 diff = a - b - borrow_in;

	flags_arith(ctxt, diff, (~a & b) | ((~a | b) & diff), ctxt->dst.bytes);
	return diff;
}

void emul_flags_sub(struct emul_ctxt *ctxt, u64 a, u64 b, unsigned int bytes)
{
	u64 diff = a - b;

	flags_arith(ctxt, diff, (~a & b) | ((~a | b) & diff), bytes);
}

enum emul_result emul_op_add(struct emul_ctxt *ctxt)
{
	ctxt->dst.val = add(ctxt, ctxt->dst.val, ctxt->src.val, 0);
	return EMUL_OK;
}

enum emul_result emul_op_adc(struct emul_ctxt *ctxt)
{
	ctxt->dst.val = add(ctxt, ctxt->dst.val, ctxt->src.val, ctxt->rflags & X86_EFLAGS_CF);
	return EMUL_OK;
}

enum emul_result emul_op_sub(struct emul_ctxt *ctxt)
{
	ctxt->dst.val = sub(ctxt, ctxt->dst.val, ctxt->src.val, 0);
	return EMUL_OK;
}

enum emul_result emul_op_sbb(struct emul_ctxt *ctxt)
{
	ctxt->dst.val = sub(ctxt, ctxt->dst.val, ctxt->src.val, ctxt->rflags & X86_EFLAGS_CF);
	return EMUL_OK;
}

enum emul_result emul_op_cmp(struct emul_ctxt *ctxt)
{
	sub(ctxt, ctxt->dst.val, ctxt->src.val, 0);
	return EMUL_OK;
}

enum emul_result emul_op_neg(struct emul_ctxt *ctxt)
{
	ctxt->dst.val = sub(ctxt, 0, ctxt->dst.val, 0);
	return EMUL_OK;
}

enum emul_result emul_op_inc(struct emul_ctxt *ctxt)
{
	u64 carry = ctxt->rflags & X86_EFLAGS_CF;

	ctxt->dst.val = add(ctxt, ctxt->dst.val, 1, 0);
	emul_flag_assign(ctxt, X86_EFLAGS_CF, carry);
	return EMUL_OK;
}

enum emul_result emul_op_dec(struct emul_ctxt *ctxt)
{
	u64 carry = ctxt->rflags & X86_EFLAGS_CF;

	ctxt->dst.val = sub(ctxt, ctxt->dst.val, 1, 0);
	emul_flag_assign(ctxt, X86_EFLAGS_CF, carry);
	return EMUL_OK;
}

enum emul_result emul_op_and(struct emul_ctxt *ctxt)
{
	ctxt->dst.val &= ctxt->src.val;
	emul_flags_logic(ctxt, ctxt->dst.val, ctxt->dst.bytes);
	return EMUL_OK;
}

enum emul_result emul_op_or(struct emul_ctxt *ctxt)
{
	ctxt->dst.val |= ctxt->src.val;
	emul_flags_logic(ctxt, ctxt->dst.val, ctxt->dst.bytes);
	return EMUL_OK;
}

enum emul_result emul_op_xor(struct emul_ctxt *ctxt)
{
	ctxt->dst.val ^= ctxt->src.val;
	emul_flags_logic(ctxt, ctxt->dst.val, ctxt->dst.bytes);
	return EMUL_OK;
}

enum emul_result emul_op_test(struct emul_ctxt *ctxt)
{
	emul_flags_logic(ctxt, ctxt->dst.val & ctxt->src.val, ctxt->dst.bytes);
	return EMUL_OK;
}

enum emul_result emul_op_not(struct emul_ctxt *ctxt)
{
	ctxt->dst.val = ~ctxt->dst.val;
	return EMUL_OK;
}

enum emul_result emul_op_xadd(struct emul_ctxt *ctxt)
{
	u64 old = ctxt->dst.val;

	ctxt->dst.val = add(ctxt, old, ctxt->src.val, 0);
	ctxt->src.val = old;
	return emul_operand_write(ctxt, &ctxt->src);
}

enum emul_result emul_op_cmpxchg(struct emul_ctxt *ctxt)
{
	struct emul_operand *dst = &ctxt->dst;
	u64 expected = emul_reg_get(ctxt, EMUL_RAX, dst->bytes);

	sub(ctxt, expected, dst->val, 0);
	if (expected == dst->val) {
		dst->val = ctxt->src.val;
		return EMUL_OK;
	}
	emul_reg_set(ctxt, EMUL_RAX, dst->val, dst->bytes);
	/* Memory is written either way; a register keeps its upper half. */
	if (dst->kind == EMUL_OPERAND_REG)
		dst->kind = EMUL_OPERAND_NONE;
	return EMUL_OK;
}

bool emul_condition(const struct emul_ctxt *ctxt, unsigned int code)
{
	u64 flags = ctxt->rflags;
	bool less = !(flags & X86_EFLAGS_SF) != !(flags & X86_EFLAGS_OF);
	bool holds;

	switch (code >> 1 & 7) {
	case 0:
		holds = flags & X86_EFLAGS_OF;
		break;
	case 1:
		holds = flags & X86_EFLAGS_CF;
		break;
	case 2:
		holds = flags & X86_EFLAGS_ZF;
		break;
	case 3:
		holds = flags & (X86_EFLAGS_CF | X86_EFLAGS_ZF);
		break;
	case 4:
		holds = flags & X86_EFLAGS_SF;
		break;
	case 5:
		holds = flags & X86_EFLAGS_PF;
		break;
	case 6:
		holds = less;
		break;
	default:
		holds = less || (flags & X86_EFLAGS_ZF);
		break;
	}
	return holds != (code & 1);
}

enum emul_result emul_op_setcc(struct emul_ctxt *ctxt)
{
	ctxt->dst.val = emul_condition(ctxt, ctxt->insn.code);
	return EMUL_OK;
}

enum emul_result emul_op_cmov(struct emul_ctxt *ctxt)
{
	/* A 32-bit destination loses its upper half either way. */
	if (emul_condition(ctxt, ctxt->insn.code))
		ctxt->dst.val = ctxt->src.val;
	return EMUL_OK;
}

/* Written only if it changes; the table entry says OPC_CMP. */
enum emul_result emul_op_arpl(struct emul_ctxt *ctxt)
{
	u64 wanted = ctxt->src.val & 3;
	bool raise = (ctxt->dst.val & 3) < wanted;

	emul_flag_assign(ctxt, X86_EFLAGS_ZF, raise);
	if (!raise)
		return EMUL_OK;
	ctxt->dst.val = (ctxt->dst.val & ~3ull) | wanted;
	return emul_operand_write(ctxt, &ctxt->dst);
}
