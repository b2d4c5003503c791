// SPDX-License-Identifier: GPL-2.0-only
/*
 * Multiplication, division, decimal adjustment.
 *
 * The double-width operand of MUL, DIV & co. is AX for bytes, else DX:AX and
 * wider.  Products are made of 128 bits.  The quotient of a 128-bit number is
 * made bit by bit: the kernel has no such division to call.
 */
#include "internal.h"
#include "handlers.h"

static void put_double(struct emul_ctxt *ctxt, u64 low, u64 high)
{
	unsigned int bytes = ctxt->src.bytes;

	if (bytes == 1) {
		emul_reg_set(ctxt, EMUL_RAX, (high & 0xff) << 8 | (low & 0xff), 2);
		return;
	}
	emul_reg_set(ctxt, EMUL_RAX, low, bytes);
	emul_reg_set(ctxt, EMUL_RDX, high, bytes);
}

static void flags_mul(struct emul_ctxt *ctxt, bool overflow)
{
	emul_flag_assign(ctxt, X86_EFLAGS_CF | X86_EFLAGS_OF, overflow);
}

enum emul_result emul_op_mul(struct emul_ctxt *ctxt)
{
	unsigned int bytes = ctxt->src.bytes;
	unsigned __int128 product;
	u64 high;

	product = (unsigned __int128)emul_reg_get(ctxt, EMUL_RAX, bytes) * ctxt->src.val;
	high = (u64)(product >> (bytes * 8));
	put_double(ctxt, (u64)product, high);
	flags_mul(ctxt, high);
	return EMUL_OK;
}

/* A signed product; overflow if its lower half does not say it all. */
static __int128 signed_product(struct emul_ctxt *ctxt, u64 a, u64 b)
{
	unsigned int bytes = ctxt->src.bytes;
	__int128 product;

	product = (__int128)(s64)emul_sign_extend(a, bytes) * (s64)emul_sign_extend(b, bytes);
	flags_mul(ctxt, (s64)emul_sign_extend((u64)product, bytes) != product);
	return product;
}

enum emul_result emul_op_imul1(struct emul_ctxt *ctxt)
{
	unsigned int bytes = ctxt->src.bytes;
	__int128 product;

	product = signed_product(ctxt, emul_reg_get(ctxt, EMUL_RAX, bytes), ctxt->src.val);
	put_double(ctxt, (u64)product, (u64)(product >> (bytes * 8)));
	return EMUL_OK;
}

enum emul_result emul_op_imul2(struct emul_ctxt *ctxt)
{
	ctxt->dst.val = (u64)signed_product(ctxt, ctxt->dst.val, ctxt->src.val);
	return EMUL_OK;
}

enum emul_result emul_op_imul3(struct emul_ctxt *ctxt)
{
	ctxt->dst.val = (u64)signed_product(ctxt, ctxt->src.val, ctxt->src2.val);
	return EMUL_OK;
}

/* A dividend, then its quotient and remainder. */
struct division {
	u64 high, low;
	u64 quotient, remainder;
};

static void get_double(struct emul_ctxt *ctxt, struct division *d)
{
	unsigned int bytes = ctxt->src.bytes;

	d->low = emul_reg_get(ctxt, EMUL_RAX, bytes);
	if (bytes == 1)
		d->high = emul_reg_get(ctxt, EMUL_RAX, 2) >> 8;
	else
		d->high = emul_reg_get(ctxt, EMUL_RDX, bytes);
}

/*
 * Divide @bytes-wide halves by @divisor.
 * Returns false if the quotient does not fit in @bytes, or @divisor is zero.
 */
static bool divide(struct division *d, u64 divisor, unsigned int bytes)
{
	u64 remainder = d->high;
	unsigned int bit;
	bool top;

	if (d->high >= divisor)
		return false;
	d->quotient = 0;
	for (bit = bytes * 8; bit--;) {
		top = remainder >> 63;
		remainder = remainder << 1 | (d->low >> bit & 1);
		if (top || remainder >= divisor) {
			remainder -= divisor;
			d->quotient |= 1ull << bit;
		}
	}
	d->remainder = remainder;
	return true;
}

enum emul_result emul_op_div(struct emul_ctxt *ctxt)
{
	struct division d;

	get_double(ctxt, &d);
	if (!divide(&d, ctxt->src.val, ctxt->src.bytes))
		return emul_fault(ctxt, EMUL_EXC_DE);
	put_double(ctxt, d.quotient, d.remainder);
	return EMUL_OK;
}

static void negate_double(struct division *d, unsigned int bytes)
{
	d->low = -d->low & emul_mask(bytes);
	d->high = (~d->high + !d->low) & emul_mask(bytes);
}

enum emul_result emul_op_idiv(struct emul_ctxt *ctxt)
{
	unsigned int bytes = ctxt->src.bytes;
	u64 sign = emul_sign_bit(bytes);
	bool negative, divisor_negative;
	u64 divisor = ctxt->src.val;
	struct division d;
	u64 largest;

	get_double(ctxt, &d);
	negative = d.high & sign;
	divisor_negative = divisor & sign;
	if (negative)
		negate_double(&d, bytes);
	if (divisor_negative)
		divisor = -divisor & emul_mask(bytes);
	largest = negative != divisor_negative ? sign : sign - 1;
	if (!divide(&d, divisor, bytes) || d.quotient > largest)
		return emul_fault(ctxt, EMUL_EXC_DE);
	if (negative != divisor_negative)
		d.quotient = -d.quotient;
	if (negative)
		d.remainder = -d.remainder;
	put_double(ctxt, d.quotient, d.remainder);
	return EMUL_OK;
}

static u64 get_al(const struct emul_ctxt *ctxt)
{
	return emul_reg_get(ctxt, EMUL_RAX, 1);
}

/* DAA and DAS: @adjust is 6 added, or subtracted, to each half of AL that needs it. */
static enum emul_result decimal_adjust(struct emul_ctxt *ctxt, int six)
{
	u64 al = get_al(ctxt);
	bool low = (al & 15) > 9 || (ctxt->rflags & X86_EFLAGS_AF);
	bool high = al > 0x99 || (ctxt->rflags & X86_EFLAGS_CF);
	bool carry = high;
	u64 val = al;

	if (low) {
		val += six;
		if (six < 0 && al < 6)
			carry = true;
	}
	if (high)
		val += six * 16;
	emul_reg_set(ctxt, EMUL_RAX, val, 1);
	emul_flags_logic(ctxt, val, 1);
	emul_flag_assign(ctxt, X86_EFLAGS_AF, low);
	emul_flag_assign(ctxt, X86_EFLAGS_CF, carry);
	return EMUL_OK;
}

enum emul_result emul_op_daa(struct emul_ctxt *ctxt)
{
	return decimal_adjust(ctxt, 6);
}

enum emul_result emul_op_das(struct emul_ctxt *ctxt)
{
	return decimal_adjust(ctxt, -6);
}

/* AAA and AAS: @step is what AX changes by if AL is not a digit. */
static enum emul_result ascii_adjust(struct emul_ctxt *ctxt, int step)
{
	u64 ax = emul_reg_get(ctxt, EMUL_RAX, 2);
	bool adjust = (ax & 15) > 9 || (ctxt->rflags & X86_EFLAGS_AF);

	if (adjust)
		ax += step;
	emul_reg_set(ctxt, EMUL_RAX, ax & 0xff0f, 2);
	emul_flags_logic(ctxt, ax & 0x0f, 1);
	emul_flag_assign(ctxt, X86_EFLAGS_AF | X86_EFLAGS_CF, adjust);
	return EMUL_OK;
}

enum emul_result emul_op_aaa(struct emul_ctxt *ctxt)
{
	return ascii_adjust(ctxt, 0x106);
}

enum emul_result emul_op_aas(struct emul_ctxt *ctxt)
{
	return ascii_adjust(ctxt, -0x106);
}

enum emul_result emul_op_aam(struct emul_ctxt *ctxt)
{
	unsigned int base = ctxt->insn.imm;
	unsigned int al = get_al(ctxt);

	if (!base)
		return emul_fault(ctxt, EMUL_EXC_DE);
	emul_reg_set(ctxt, EMUL_RAX, al / base << 8 | al % base, 2);
	emul_flags_logic(ctxt, al % base, 1);
	return EMUL_OK;
}

enum emul_result emul_op_aad(struct emul_ctxt *ctxt)
{
	u64 ax = emul_reg_get(ctxt, EMUL_RAX, 2);
	u64 al = ((ax & 0xff) + (ax >> 8) * ctxt->insn.imm) & 0xff;

	emul_reg_set(ctxt, EMUL_RAX, al, 2);
	emul_flags_logic(ctxt, al, 1);
	return EMUL_OK;
}

enum emul_result emul_op_salc(struct emul_ctxt *ctxt)
{
	emul_reg_set(ctxt, EMUL_RAX, ctxt->rflags & X86_EFLAGS_CF ? 0xff : 0, 1);
	return EMUL_OK;
}

/* CBW, CWDE, CDQE. */
enum emul_result emul_op_cbw(struct emul_ctxt *ctxt)
{
	unsigned int bytes = ctxt->insn.opsize;
	u64 half = emul_reg_get(ctxt, EMUL_RAX, bytes / 2);

	emul_reg_set(ctxt, EMUL_RAX, emul_sign_extend(half, bytes / 2), bytes);
	return EMUL_OK;
}

/* CWD, CDQ, CQO. */
enum emul_result emul_op_cwd(struct emul_ctxt *ctxt)
{
	unsigned int bytes = ctxt->insn.opsize;
	u64 val = emul_reg_get(ctxt, EMUL_RAX, bytes);

	emul_reg_set(ctxt, EMUL_RDX, val & emul_sign_bit(bytes) ? ~0ull : 0, bytes);
	return EMUL_OK;
}
