// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moves between XMM registers and memory, which drivers use on device memory.
 *
 * XMM registers belong to the owner; these handlers copy 16 bytes from and to it,
 * and take their operands from ModRM themselves.  The executor has checked that
 * SSE is enabled.
 */
#include "internal.h"
#include "handlers.h"

struct xmm {
	u64 half[2];
};

/* Which half MOVLPS and MOVHPS are about: 0F 12, 13 the low, 16, 17 the high one. */
static unsigned int half_index(const struct emul_ctxt *ctxt)
{
	return ctxt->insn.code >> 2 & 1;
}

/* Alignment comes before canonical form and limits, both of which may be #SS. */
static enum emul_result locate(struct emul_ctxt *ctxt, unsigned int flags, bool aligned,
			       gva_t *gva)
{
	struct emul_operand op = emul_mem_operand(ctxt, sizeof(struct xmm));
	u64 address = op.ea;

	if (aligned) {
		if (!emul_long64(ctxt) || op.nr >= EMUL_FS)
			address += emul_segment(ctxt, op.nr)->base;
		if (address & (sizeof(struct xmm) - 1))
			return emul_gp(ctxt, 0);
	}
	return emul_linear(ctxt, &op, flags, gva);
}

static enum emul_result load(struct emul_ctxt *ctxt, bool aligned)
{
	enum emul_result result = EMUL_OK;
	struct xmm val;
	gva_t gva;

	if (ctxt->insn.mod == 3) {
		ctxt->ops->read_xmm(ctxt, ctxt->insn.rm, &val);
	} else {
		result = locate(ctxt, 0, aligned, &gva);
		if (result == EMUL_OK)
			result = emul_linear_read(ctxt, gva, &val, sizeof(val), 0);
	}
	if (result == EMUL_OK)
		ctxt->ops->write_xmm(ctxt, ctxt->insn.reg, &val);
	return result;
}

static enum emul_result store(struct emul_ctxt *ctxt, bool aligned)
{
	enum emul_result result;
	struct xmm val;
	gva_t gva;

	ctxt->ops->read_xmm(ctxt, ctxt->insn.reg, &val);
	if (ctxt->insn.mod == 3) {
		ctxt->ops->write_xmm(ctxt, ctxt->insn.rm, &val);
		return EMUL_OK;
	}
	result = locate(ctxt, EMUL_ACC_WRITE, aligned, &gva);
	return result == EMUL_OK ? emul_linear_write(ctxt, gva, &val, sizeof(val), 0) : result;
}

enum emul_result emul_op_sse_load(struct emul_ctxt *ctxt)
{
	return load(ctxt, false);
}

enum emul_result emul_op_sse_load_aligned(struct emul_ctxt *ctxt)
{
	return load(ctxt, true);
}

enum emul_result emul_op_sse_store(struct emul_ctxt *ctxt)
{
	return store(ctxt, false);
}

enum emul_result emul_op_sse_store_aligned(struct emul_ctxt *ctxt)
{
	return store(ctxt, true);
}

/* MOVLPS, MOVHPS; of two registers MOVHLPS, MOVLHPS, which take the other half. */
enum emul_result emul_op_sse_load_half(struct emul_ctxt *ctxt)
{
	struct emul_operand mem = emul_mem_operand(ctxt, 8);
	unsigned int half = half_index(ctxt);
	enum emul_result result;
	struct xmm val, other;

	if (ctxt->insn.mod == 3) {
		ctxt->ops->read_xmm(ctxt, ctxt->insn.rm, &other);
		mem.val = other.half[!half];
	} else {
		result = emul_mem_read(ctxt, &mem, 0);
		if (result != EMUL_OK)
			return result;
	}
	ctxt->ops->read_xmm(ctxt, ctxt->insn.reg, &val);
	val.half[half] = mem.val;
	ctxt->ops->write_xmm(ctxt, ctxt->insn.reg, &val);
	return EMUL_OK;
}

enum emul_result emul_op_sse_store_half(struct emul_ctxt *ctxt)
{
	struct emul_operand mem = emul_mem_operand(ctxt, 8);
	struct xmm val;

	ctxt->ops->read_xmm(ctxt, ctxt->insn.reg, &val);
	mem.val = val.half[half_index(ctxt)];
	return emul_mem_write(ctxt, &mem);
}

/* MOVD and MOVQ with general registers: REX.W alone gives the size. */
static void movd_operand(struct emul_ctxt *ctxt, struct emul_operand *op)
{
	unsigned int bytes = ctxt->insn.rex & 8 ? 8 : 4;

	emul_operand_resolve(ctxt, op, FORM_SIZED(FORM_RM, bytes));
}

static void write_low(struct emul_ctxt *ctxt, unsigned int nr, u64 low)
{
	struct xmm val = { .half = { low, 0 } };

	ctxt->ops->write_xmm(ctxt, nr, &val);
}

enum emul_result emul_op_sse_movd_load(struct emul_ctxt *ctxt)
{
	struct emul_operand src;
	enum emul_result result = EMUL_OK;

	movd_operand(ctxt, &src);
	if (src.kind == EMUL_OPERAND_MEM)
		result = emul_mem_read(ctxt, &src, 0);
	if (result == EMUL_OK)
		write_low(ctxt, ctxt->insn.reg, src.val);
	return result;
}

enum emul_result emul_op_sse_movd_store(struct emul_ctxt *ctxt)
{
	struct xmm val;

	movd_operand(ctxt, &ctxt->dst);
	ctxt->ops->read_xmm(ctxt, ctxt->insn.reg, &val);
	ctxt->dst.val = val.half[0];
	return EMUL_OK;
}

enum emul_result emul_op_sse_movq_load(struct emul_ctxt *ctxt)
{
	struct emul_operand mem = emul_mem_operand(ctxt, 8);
	enum emul_result result = EMUL_OK;
	struct xmm val;

	if (ctxt->insn.mod == 3) {
		ctxt->ops->read_xmm(ctxt, ctxt->insn.rm, &val);
		mem.val = val.half[0];
	} else {
		result = emul_mem_read(ctxt, &mem, 0);
	}
	if (result == EMUL_OK)
		write_low(ctxt, ctxt->insn.reg, mem.val);
	return result;
}

enum emul_result emul_op_sse_movq_store(struct emul_ctxt *ctxt)
{
	struct emul_operand mem = emul_mem_operand(ctxt, 8);
	struct xmm val;

	ctxt->ops->read_xmm(ctxt, ctxt->insn.reg, &val);
	if (ctxt->insn.mod == 3) {
		write_low(ctxt, ctxt->insn.rm, val.half[0]);
		return EMUL_OK;
	}
	mem.val = val.half[0];
	return emul_mem_write(ctxt, &mem);
}

/* MOVSS and MOVSD: one number; between registers the rest of the target stays. */
static unsigned int scalar_bytes(const struct emul_ctxt *ctxt)
{
	return ctxt->insn.rep == 0xf3 ? 4 : 8;
}

static void merge_low(struct emul_ctxt *ctxt, unsigned int to, unsigned int from)
{
	u64 mask = emul_mask(scalar_bytes(ctxt));
	struct xmm src, dst;

	ctxt->ops->read_xmm(ctxt, from, &src);
	ctxt->ops->read_xmm(ctxt, to, &dst);
	dst.half[0] = (dst.half[0] & ~mask) | (src.half[0] & mask);
	ctxt->ops->write_xmm(ctxt, to, &dst);
}

enum emul_result emul_op_sse_load_scalar(struct emul_ctxt *ctxt)
{
	struct emul_operand mem = emul_mem_operand(ctxt, scalar_bytes(ctxt));
	enum emul_result result;

	if (ctxt->insn.mod == 3) {
		merge_low(ctxt, ctxt->insn.reg, ctxt->insn.rm);
		return EMUL_OK;
	}
	result = emul_mem_read(ctxt, &mem, 0);
	if (result == EMUL_OK)
		write_low(ctxt, ctxt->insn.reg, mem.val);
	return result;
}

enum emul_result emul_op_sse_store_scalar(struct emul_ctxt *ctxt)
{
	struct emul_operand mem = emul_mem_operand(ctxt, scalar_bytes(ctxt));
	struct xmm val;

	if (ctxt->insn.mod == 3) {
		merge_low(ctxt, ctxt->insn.rm, ctxt->insn.reg);
		return EMUL_OK;
	}
	ctxt->ops->read_xmm(ctxt, ctxt->insn.reg, &val);
	mem.val = val.half[0];
	return emul_mem_write(ctxt, &mem);
}
