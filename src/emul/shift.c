// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shifts, rotates, and single bits.
 *
 * A count is taken modulo 32, or 64 for 64-bit operands; zero changes nothing,
 * not even flags.  OF is defined for a count of one only; for others the same
 * formula is used, as processors do.
 */
#include "internal.h"
#include "handlers.h"

static unsigned int shift_count(const struct emul_ctxt *ctxt, const struct emul_operand *op)
{
	return op->val & (ctxt->dst.bytes == 8 ? 63 : 31);
}

static bool sign_of(const struct emul_ctxt *ctxt, u64 val)
{
	return val & emul_sign_bit(ctxt->dst.bytes);
}

static void flags_shift(struct emul_ctxt *ctxt, bool carry, bool overflow)
{
	emul_flags_logic(ctxt, ctxt->dst.val, ctxt->dst.bytes);
	emul_flag_assign(ctxt, X86_EFLAGS_CF, carry);
	emul_flag_assign(ctxt, X86_EFLAGS_OF, overflow);
}

static void flags_rotate(struct emul_ctxt *ctxt, bool carry, bool overflow)
{
	emul_flag_assign(ctxt, X86_EFLAGS_CF, carry);
	emul_flag_assign(ctxt, X86_EFLAGS_OF, overflow);
}

enum emul_result emul_op_shl(struct emul_ctxt *ctxt)
{
	unsigned int count = shift_count(ctxt, &ctxt->src);
	bool carry;

	if (!count)
		return EMUL_OK;
	carry = sign_of(ctxt, ctxt->dst.val << (count - 1));
	ctxt->dst.val <<= count;
	flags_shift(ctxt, carry, carry != sign_of(ctxt, ctxt->dst.val));
	return EMUL_OK;
}

enum emul_result emul_op_shr(struct emul_ctxt *ctxt)
{
	unsigned int count = shift_count(ctxt, &ctxt->src);
	u64 old = ctxt->dst.val;

	if (!count)
		return EMUL_OK;
	ctxt->dst.val = old >> count;
	flags_shift(ctxt, old >> (count - 1) & 1, sign_of(ctxt, old));
	return EMUL_OK;
}

enum emul_result emul_op_sar(struct emul_ctxt *ctxt)
{
	unsigned int count = shift_count(ctxt, &ctxt->src);
	s64 old = emul_sign_extend(ctxt->dst.val, ctxt->dst.bytes);

	if (!count)
		return EMUL_OK;
	ctxt->dst.val = old >> count;
	flags_shift(ctxt, old >> (count - 1) & 1, false);
	return EMUL_OK;
}

enum emul_result emul_op_rol(struct emul_ctxt *ctxt)
{
	unsigned int count = shift_count(ctxt, &ctxt->src);
	unsigned int bits = ctxt->dst.bytes * 8;
	u64 old = ctxt->dst.val;
	unsigned int by = count % bits;
	bool carry;

	if (!count)
		return EMUL_OK;
	if (by)
		ctxt->dst.val = old << by | old >> (bits - by);
	carry = ctxt->dst.val & 1;
	flags_rotate(ctxt, carry, carry != sign_of(ctxt, ctxt->dst.val));
	return EMUL_OK;
}

enum emul_result emul_op_ror(struct emul_ctxt *ctxt)
{
	unsigned int count = shift_count(ctxt, &ctxt->src);
	unsigned int bits = ctxt->dst.bytes * 8;
	u64 old = ctxt->dst.val;
	unsigned int by = count % bits;
	bool carry;

	if (!count)
		return EMUL_OK;
	if (by)
		ctxt->dst.val = old >> by | old << (bits - by);
	carry = sign_of(ctxt, ctxt->dst.val);
	flags_rotate(ctxt, carry, carry != sign_of(ctxt, ctxt->dst.val << 1));
	return EMUL_OK;
}

/* Rotating through CF goes round in one bit more than the operand has. */
static unsigned int carry_count(const struct emul_ctxt *ctxt)
{
	return shift_count(ctxt, &ctxt->src) % (ctxt->dst.bytes * 8 + 1);
}

enum emul_result emul_op_rcl(struct emul_ctxt *ctxt)
{
	unsigned int count = carry_count(ctxt);
	bool carry = ctxt->rflags & X86_EFLAGS_CF;
	bool out;

	if (!count)
		return EMUL_OK;
	while (count--) {
		out = sign_of(ctxt, ctxt->dst.val);
		ctxt->dst.val = ctxt->dst.val << 1 | carry;
		carry = out;
	}
	flags_rotate(ctxt, carry, carry != sign_of(ctxt, ctxt->dst.val));
	return EMUL_OK;
}

enum emul_result emul_op_rcr(struct emul_ctxt *ctxt)
{
	unsigned int count = carry_count(ctxt);
	bool carry = ctxt->rflags & X86_EFLAGS_CF;
	u64 top;

	if (!count)
		return EMUL_OK;
	while (count--) {
		top = carry ? emul_sign_bit(ctxt->dst.bytes) : 0;
		carry = ctxt->dst.val & 1;
		ctxt->dst.val = ctxt->dst.val >> 1 | top;
	}
	flags_rotate(ctxt, carry,
		     sign_of(ctxt, ctxt->dst.val) != sign_of(ctxt, ctxt->dst.val << 1));
	return EMUL_OK;
}

/*
 * Double shifts.  A 16-bit operand may be shifted by up to 31: then the
 * destination follows behind the source, as if in a ring.
 */
enum emul_result emul_op_shld(struct emul_ctxt *ctxt)
{
	unsigned int count = shift_count(ctxt, &ctxt->src2);
	unsigned int bits = ctxt->dst.bytes * 8;
	u64 old = ctxt->dst.val, fill = ctxt->src.val;
	bool carry;

	if (!count)
		return EMUL_OK;
	if (count > bits) {
		count -= bits;
		fill = old;
		old = ctxt->src.val;
	}
	carry = old >> (bits - count) & 1;
	ctxt->dst.val = count == bits ? fill : old << count | fill >> (bits - count);
	flags_shift(ctxt, carry, sign_of(ctxt, ctxt->dst.val ^ ctxt->dst.old));
	return EMUL_OK;
}

enum emul_result emul_op_shrd(struct emul_ctxt *ctxt)
{
	unsigned int count = shift_count(ctxt, &ctxt->src2);
	unsigned int bits = ctxt->dst.bytes * 8;
	u64 old = ctxt->dst.val, fill = ctxt->src.val;
	bool carry;

	if (!count)
		return EMUL_OK;
	if (count > bits) {
		count -= bits;
		fill = old;
		old = ctxt->src.val;
	}
	carry = old >> (count - 1) & 1;
	ctxt->dst.val = count == bits ? fill : old >> count | fill << (bits - count);
	flags_shift(ctxt, carry, sign_of(ctxt, ctxt->dst.val ^ ctxt->dst.old));
	return EMUL_OK;
}

/* The bit that BT & co. are about; CF becomes what it was. */
static u64 test_bit_operand(struct emul_ctxt *ctxt)
{
	u64 bit = 1ull << (ctxt->src.val & (ctxt->dst.bytes * 8 - 1));

	emul_flag_assign(ctxt, X86_EFLAGS_CF, ctxt->dst.val & bit);
	return bit;
}

enum emul_result emul_op_bt(struct emul_ctxt *ctxt)
{
	test_bit_operand(ctxt);
	return EMUL_OK;
}

enum emul_result emul_op_bts(struct emul_ctxt *ctxt)
{
	ctxt->dst.val |= test_bit_operand(ctxt);
	return EMUL_OK;
}

enum emul_result emul_op_btr(struct emul_ctxt *ctxt)
{
	ctxt->dst.val &= ~test_bit_operand(ctxt);
	return EMUL_OK;
}

enum emul_result emul_op_btc(struct emul_ctxt *ctxt)
{
	ctxt->dst.val ^= test_bit_operand(ctxt);
	return EMUL_OK;
}

/*
 * BSF and BSR leave the destination alone if there is no bit; TZCNT and LZCNT
 * answer with the operand's size, and have CF for it.
 */
static void bit_count_result(struct emul_ctxt *ctxt, unsigned int count, bool counting)
{
	if (counting) {
		ctxt->dst.val = count;
		emul_flag_assign(ctxt, X86_EFLAGS_CF, !ctxt->src.val);
		emul_flag_assign(ctxt, X86_EFLAGS_ZF, !count);
		return;
	}
	emul_flag_assign(ctxt, X86_EFLAGS_ZF, !ctxt->src.val);
	if (ctxt->src.val)
		ctxt->dst.val = count;
	else
		ctxt->dst.kind = EMUL_OPERAND_NONE;
}

enum emul_result emul_op_bsf(struct emul_ctxt *ctxt)
{
	bool counting = ctxt->insn.rep == 0xf3 && (ctxt->cpu & EMUL_CPU_TZCNT);
	u64 val = ctxt->src.val;

	bit_count_result(ctxt, val ? __builtin_ctzll(val) : ctxt->src.bytes * 8, counting);
	return EMUL_OK;
}

enum emul_result emul_op_bsr(struct emul_ctxt *ctxt)
{
	bool counting = ctxt->insn.rep == 0xf3 && (ctxt->cpu & EMUL_CPU_LZCNT);
	unsigned int bits = ctxt->src.bytes * 8;
	unsigned int top = ctxt->src.val ? 63 - __builtin_clzll(ctxt->src.val) : 0;

	if (counting)
		bit_count_result(ctxt, ctxt->src.val ? bits - 1 - top : bits, true);
	else
		bit_count_result(ctxt, top, false);
	return EMUL_OK;
}

enum emul_result emul_op_popcnt(struct emul_ctxt *ctxt)
{
	u64 val = ctxt->src.val;
	unsigned int count;

	for (count = 0; val; count++)
		val &= val - 1;
	ctxt->dst.val = count;
	ctxt->rflags &= ~(u64)(X86_EFLAGS_OF | X86_EFLAGS_SF | X86_EFLAGS_AF |
			       X86_EFLAGS_CF | X86_EFLAGS_PF);
	emul_flag_assign(ctxt, X86_EFLAGS_ZF, !count);
	return EMUL_OK;
}

static u64 reverse_bytes(u64 val, unsigned int bytes)
{
	return __builtin_bswap64(val) >> (64 - 8 * bytes);
}

enum emul_result emul_op_bswap(struct emul_ctxt *ctxt)
{
	/* Undefined for 16 bits; processors clear them. */
	ctxt->dst.val = ctxt->dst.bytes == 2 ? 0 : reverse_bytes(ctxt->dst.val, ctxt->dst.bytes);
	return EMUL_OK;
}

enum emul_result emul_op_movbe(struct emul_ctxt *ctxt)
{
	ctxt->dst.val = reverse_bytes(ctxt->src.val, ctxt->src.bytes);
	return EMUL_OK;
}
