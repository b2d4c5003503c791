// SPDX-License-Identifier: GPL-2.0-only
/*
 * String instructions.
 *
 * One function does one iteration, another repeats it.  After every iteration
 * there is a checkpoint, so a fault, a read that needs user space, and a call
 * that has done enough all leave registers that say where to go on.  A posted
 * write ends the call: user space takes one thing at a time.
 *
 * INS and OUTS do as many units at once as fit in the page of the memory
 * operand and in the buffer.  INS asks for the memory first: a port that was
 * read cannot be read back.
 */
#include "internal.h"
#include "handlers.h"

/* Bytes that one OUTS batch reads: what the log takes, the first piece cut short. */
#define OUTS_BATCH_BYTES	((EMUL_READ_LOG_MAX - 1) / 8 * 64)

typedef enum emul_result (*iteration_t)(struct emul_ctxt *ctxt);

static struct emul_operand string_operand(struct emul_ctxt *ctxt, enum emul_gpr reg)
{
	struct emul_operand op = {
		.kind = EMUL_OPERAND_MEM,
		.bytes = ctxt->dst.bytes,
		.nr = EMUL_ES,
		.ea = emul_reg_get(ctxt, reg, ctxt->insn.adsize),
	};

	if (reg == EMUL_RSI)
		op.nr = ctxt->insn.seg >= 0 ? ctxt->insn.seg : EMUL_DS;
	return op;
}

/* Move an index register by @units. */
static void advance(struct emul_ctxt *ctxt, enum emul_gpr reg, unsigned int bytes,
		    unsigned int units)
{
	s64 delta = (s64)bytes * units;

	if (ctxt->rflags & X86_EFLAGS_DF)
		delta = -delta;
	emul_reg_set(ctxt, reg, ctxt->gpr[reg] + delta, ctxt->insn.adsize);
}

static u64 rep_count(const struct emul_ctxt *ctxt)
{
	return emul_reg_get(ctxt, EMUL_RCX, ctxt->insn.adsize);
}

static void rep_done(struct emul_ctxt *ctxt, unsigned int units)
{
	emul_reg_set(ctxt, EMUL_RCX, ctxt->gpr[EMUL_RCX] - units, ctxt->insn.adsize);
}

/*
 * Do an instruction's iterations.  @compares: REPE and REPNE end it by ZF, and a
 * fault leaves the flags from before the first iteration, or on AMD64 those of the
 * last one.
 */
static enum emul_result repeat(struct emul_ctxt *ctxt, iteration_t iteration, bool compares)
{
	enum emul_result result;
	unsigned int done;
	bool equal;

	if (!ctxt->insn.rep)
		return iteration(ctxt);
	for (done = 0; rep_count(ctxt); done++) {
		if (done == EMUL_REP_MAX || ctxt->posted)
			return EMUL_AGAIN;
		result = iteration(ctxt);
		if (result != EMUL_OK) {
			if (compares && result == EMUL_FAULT &&
			    !(ctxt->cpu & EMUL_CPU_AMD))
				ctxt->start_rflags = ctxt->first_rflags;
			return result;
		}
		rep_done(ctxt, 1);
		equal = ctxt->rflags & X86_EFLAGS_ZF;
		if (compares && equal != (ctxt->insn.rep == 0xf3))
			break;
		emul_checkpoint(ctxt);
	}
	return EMUL_OK;
}

static enum emul_result movs_once(struct emul_ctxt *ctxt)
{
	struct emul_operand src = string_operand(ctxt, EMUL_RSI);
	struct emul_operand dst = string_operand(ctxt, EMUL_RDI);
	enum emul_result result;

	result = emul_mem_read(ctxt, &src, 0);
	if (result != EMUL_OK)
		return result;
	dst.val = src.val;
	result = emul_mem_write(ctxt, &dst);
	if (result != EMUL_OK)
		return result;
	advance(ctxt, EMUL_RSI, src.bytes, 1);
	advance(ctxt, EMUL_RDI, dst.bytes, 1);
	return EMUL_OK;
}

enum emul_result emul_op_movs(struct emul_ctxt *ctxt)
{
	return repeat(ctxt, movs_once, false);
}

static enum emul_result stos_once(struct emul_ctxt *ctxt)
{
	struct emul_operand dst = string_operand(ctxt, EMUL_RDI);
	enum emul_result result;

	dst.val = ctxt->gpr[EMUL_RAX];
	result = emul_mem_write(ctxt, &dst);
	if (result == EMUL_OK)
		advance(ctxt, EMUL_RDI, dst.bytes, 1);
	return result;
}

enum emul_result emul_op_stos(struct emul_ctxt *ctxt)
{
	return repeat(ctxt, stos_once, false);
}

static enum emul_result lods_once(struct emul_ctxt *ctxt)
{
	struct emul_operand src = string_operand(ctxt, EMUL_RSI);
	enum emul_result result = emul_mem_read(ctxt, &src, 0);

	if (result != EMUL_OK)
		return result;
	emul_reg_set(ctxt, EMUL_RAX, src.val, src.bytes);
	advance(ctxt, EMUL_RSI, src.bytes, 1);
	return EMUL_OK;
}

enum emul_result emul_op_lods(struct emul_ctxt *ctxt)
{
	return repeat(ctxt, lods_once, false);
}

static enum emul_result cmps_once(struct emul_ctxt *ctxt)
{
	struct emul_operand a = string_operand(ctxt, EMUL_RSI);
	struct emul_operand b = string_operand(ctxt, EMUL_RDI);
	enum emul_result result;

	result = emul_mem_read(ctxt, &a, 0);
	if (result == EMUL_OK)
		result = emul_mem_read(ctxt, &b, 0);
	if (result != EMUL_OK)
		return result;
	emul_flags_sub(ctxt, a.val, b.val, a.bytes);
	advance(ctxt, EMUL_RSI, a.bytes, 1);
	advance(ctxt, EMUL_RDI, b.bytes, 1);
	return EMUL_OK;
}

enum emul_result emul_op_cmps(struct emul_ctxt *ctxt)
{
	return repeat(ctxt, cmps_once, true);
}

static enum emul_result scas_once(struct emul_ctxt *ctxt)
{
	struct emul_operand mem = string_operand(ctxt, EMUL_RDI);
	enum emul_result result = emul_mem_read(ctxt, &mem, 0);

	if (result != EMUL_OK)
		return result;
	emul_flags_sub(ctxt, emul_reg_get(ctxt, EMUL_RAX, mem.bytes), mem.val, mem.bytes);
	advance(ctxt, EMUL_RDI, mem.bytes, 1);
	return EMUL_OK;
}

enum emul_result emul_op_scas(struct emul_ctxt *ctxt)
{
	return repeat(ctxt, scas_once, true);
}

/*
 * How many units of INS or OUTS, and where.  More than one only if all of them
 * are in one page, upwards, and the segment lets the last one through as well.
 */
static enum emul_result find_batch(struct emul_ctxt *ctxt, const struct emul_operand *first,
				   unsigned int flags, unsigned int *units, gva_t *gva)
{
	struct emul_operand last = *first;
	enum emul_result result;
	unsigned int fit;
	gva_t last_gva;

	result = emul_linear(ctxt, first, flags, gva);
	if (result != EMUL_OK)
		return result;
	fit = (EMUL_PAGE_BYTES - (*gva & (EMUL_PAGE_BYTES - 1))) / first->bytes;
	if (*units > fit)
		*units = fit;
	if (*units <= 1 || (ctxt->rflags & X86_EFLAGS_DF)) {
		*units = 1;
		return EMUL_OK;
	}
	last.ea += (u64)(*units - 1) * first->bytes;
	if (last.ea > emul_mask(ctxt->insn.adsize) ||
	    emul_linear(ctxt, &last, flags, &last_gva) != EMUL_OK)
		*units = 1;
	return EMUL_OK;
}

static unsigned int batch_limit(struct emul_ctxt *ctxt, unsigned int bytes,
				unsigned int most_bytes)
{
	unsigned int limit = most_bytes;

	if (!ctxt->insn.rep)
		return 1;
	if (limit > ctxt->pio_buf_bytes)
		limit = ctxt->pio_buf_bytes;
	limit /= bytes;
	return rep_count(ctxt) < limit ? rep_count(ctxt) : limit;
}

static enum emul_result ins_batch(struct emul_ctxt *ctxt, u16 port, unsigned int *units)
{
	struct emul_operand dst = string_operand(ctxt, EMUL_RDI);
	enum emul_result result;
	gva_t gva;

	*units = batch_limit(ctxt, dst.bytes, EMUL_PAGE_BYTES);
	result = find_batch(ctxt, &dst, EMUL_ACC_WRITE, units, &gva);
	if (result != EMUL_OK)
		return result;
	result = emul_linear_probe(ctxt, gva, *units * dst.bytes, EMUL_ACC_WRITE);
	if (result != EMUL_OK)
		return result;
	result = emul_op_result(ctxt, ctxt->ops->pio_in(ctxt, port, dst.bytes, *units));
	if (result != EMUL_OK)
		return result;
	result = emul_linear_write(ctxt, gva, ctxt->pio_buf, *units * dst.bytes, 0);
	if (result == EMUL_OK)
		advance(ctxt, EMUL_RDI, dst.bytes, *units);
	return result;
}

static enum emul_result outs_batch(struct emul_ctxt *ctxt, u16 port, unsigned int *units)
{
	struct emul_operand src = string_operand(ctxt, EMUL_RSI);
	enum emul_result result;
	gva_t gva;

	*units = batch_limit(ctxt, src.bytes, OUTS_BATCH_BYTES);
	result = find_batch(ctxt, &src, 0, units, &gva);
	if (result != EMUL_OK)
		return result;
	result = emul_linear_read(ctxt, gva, ctxt->pio_buf, *units * src.bytes, 0);
	if (result != EMUL_OK)
		return result;
	result = emul_op_result(ctxt, ctxt->ops->pio_out(ctxt, port, src.bytes, *units));
	if (result == EMUL_OK)
		advance(ctxt, EMUL_RSI, src.bytes, *units);
	return result;
}

static enum emul_result repeat_batches(struct emul_ctxt *ctxt, bool in)
{
	u16 port = ctxt->gpr[EMUL_RDX];
	unsigned int done, units;
	enum emul_result result;

	if (ctxt->dst.bytes == 8)
		ctxt->dst.bytes = 4;
	result = emul_check_pio(ctxt, port, ctxt->dst.bytes);
	if (result != EMUL_OK)
		return result;
	for (done = 0;; done += units) {
		if (ctxt->insn.rep && !rep_count(ctxt))
			return EMUL_OK;
		if (done >= EMUL_REP_MAX || ctxt->posted)
			return EMUL_AGAIN;
		result = in ? ins_batch(ctxt, port, &units) : outs_batch(ctxt, port, &units);
		if (result != EMUL_OK || !ctxt->insn.rep)
			return result;
		rep_done(ctxt, units);
		emul_checkpoint(ctxt);
	}
}

enum emul_result emul_op_ins(struct emul_ctxt *ctxt)
{
	return repeat_batches(ctxt, true);
}

enum emul_result emul_op_outs(struct emul_ctxt *ctxt)
{
	return repeat_batches(ctxt, false);
}
