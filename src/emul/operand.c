// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operands: registers and memory.
 *
 * Memory is reached in three steps, each with one function.  emul_linear()
 * applies the segment: limit and type outside 64-bit mode, canonical form in it.
 * emul_linear_read() and emul_linear_write() cut an access into pieces that do
 * not cross a page and have eight bytes at most, which is what ops are asked for.
 * A piece is then read through the log, or written.
 *
 * The log makes an instruction that reads from user space restartable: every
 * piece that was read is kept, in order.  When the instruction is started again,
 * the pieces come from the log until it is used up.  As the same instruction
 * on the same registers reads the same things in the same order, a position
 * in the log is all that identifies a piece.  Writes need no log: they come
 * after the last read, see emul_op_result().
 *
 * Registers are changed in place; what they were goes to gpr_saved the first
 * time, so that the executor can put it back.
 */
#include "internal.h"

enum emul_result emul_op_result(struct emul_ctxt *ctxt, enum emul_result result)
{
	if (result == EMUL_POSTED) {
		ctxt->posted = true;
		return EMUL_OK;
	}
	if (result == EMUL_IO_NEEDED && ctxt->posted)
		return EMUL_UNHANDLEABLE;
	return result;
}

void emul_reg_set(struct emul_ctxt *ctxt, unsigned int nr, u64 val, unsigned int bytes)
{
	u64 *reg = &ctxt->gpr[nr];
	u64 mask = emul_mask(bytes);

	if (!(ctxt->gpr_changed & 1u << nr)) {
		ctxt->gpr_changed |= 1u << nr;
		ctxt->gpr_saved[nr] = *reg;
	}
	if (bytes >= 4)
		*reg = val & mask;
	else
		*reg = (*reg & ~mask) | (val & mask);
}

static void high_byte_set(struct emul_ctxt *ctxt, unsigned int nr, u64 val)
{
	u64 old = ctxt->gpr[nr];

	emul_reg_set(ctxt, nr, (old & ~0xff00ull) | (val & 0xff) << 8, 8);
}

const struct emul_segment *emul_segment(struct emul_ctxt *ctxt, enum emul_seg seg)
{
	struct emul_segment *segment = &ctxt->segments[seg];

	if (!(ctxt->segments_read & 1u << seg)) {
		ctxt->ops->get_segment(ctxt, seg, segment);
		ctxt->segments_read |= 1u << seg;
	}
	return segment;
}

static enum emul_result segment_fault(struct emul_ctxt *ctxt, unsigned int seg)
{
	return emul_fault_code(ctxt, seg == EMUL_SS ? EMUL_EXC_SS : EMUL_EXC_GP, 0);
}

/* Protected mode: may the segment be used like that at all? */
static bool segment_type_allows(const struct emul_segment *segment, unsigned int flags)
{
	u16 attr = segment->attr;

	if (!(attr & EMUL_ATTR_P))
		return false;
	if (attr & EMUL_ATTR_CODE)
		return !(flags & EMUL_ACC_WRITE) && (attr & EMUL_ATTR_RW);
	return !(flags & EMUL_ACC_WRITE) || (attr & EMUL_ATTR_RW);
}

static bool segment_limit_allows(const struct emul_segment *segment, u64 first, u64 last)
{
	u16 attr = segment->attr;
	u64 top;

	if ((attr & (EMUL_ATTR_CODE | EMUL_ATTR_DC)) != EMUL_ATTR_DC)
		return last <= segment->limit;
	top = attr & EMUL_ATTR_DB ? 0xffffffffu : 0xffffu;
	return first > segment->limit && last <= top;
}

static enum emul_result linear_long64(struct emul_ctxt *ctxt, const struct emul_operand *op,
				      gva_t *gva)
{
	u64 address = op->ea;

	if (op->nr >= EMUL_FS)
		address += emul_segment(ctxt, op->nr)->base;
	if (!emul_canonical(ctxt, address) || !emul_canonical(ctxt, address + op->bytes - 1))
		return segment_fault(ctxt, op->nr);
	*gva = address;
	return EMUL_OK;
}

static enum emul_result linear_legacy(struct emul_ctxt *ctxt, const struct emul_operand *op,
				      unsigned int flags, gva_t *gva)
{
	const struct emul_segment *segment = emul_segment(ctxt, op->nr);

	if (emul_protected(ctxt) && !segment_type_allows(segment, flags))
		return segment_fault(ctxt, op->nr);
	if (!segment_limit_allows(segment, op->ea, op->ea + op->bytes - 1))
		return segment_fault(ctxt, op->nr);
	*gva = (u32)(segment->base + op->ea);
	return EMUL_OK;
}

static bool alignment_checked(struct emul_ctxt *ctxt)
{
	return (ctxt->rflags & X86_EFLAGS_AC) && ctxt->cpl == 3 &&
	       (ctxt->ops->get_cr(ctxt, 0) & X86_CR0_AM);
}

enum emul_result emul_linear(struct emul_ctxt *ctxt, const struct emul_operand *op,
			     unsigned int flags, gva_t *gva)
{
	enum emul_result result;

	if (emul_long64(ctxt))
		result = linear_long64(ctxt, op, gva);
	else
		result = linear_legacy(ctxt, op, flags, gva);
	if (result != EMUL_OK)
		return result;
	if (unlikely(*gva & (op->bytes - 1)) && alignment_checked(ctxt))
		return emul_fault_code(ctxt, EMUL_EXC_AC, 0);
	return EMUL_OK;
}

/* The part of an access at @gva that one call of an op may do. */
static unsigned int piece_bytes(gva_t gva, unsigned int bytes)
{
	unsigned int room = EMUL_PAGE_BYTES - (gva & (EMUL_PAGE_BYTES - 1));

	if (bytes > 8)
		bytes = 8;
	return bytes < room ? bytes : room;
}

static gva_t next_gva(const struct emul_ctxt *ctxt, gva_t gva, unsigned int bytes)
{
	/* Descriptor tables are beyond 4 GiB in compatibility mode, too. */
	return emul_long64(ctxt) || gva >> 32 ? gva + bytes : (u32)(gva + bytes);
}

/*
 * Does the hint tell where @gva is?  The first data access whose offset in the
 * page fits is the one that hardware reported; later iterations of a string
 * instruction may use it while they stay in that page.
 */
static unsigned int hint_flag(struct emul_ctxt *ctxt, gva_t gva, unsigned int flags)
{
	if (!ctxt->has_hint || (flags & EMUL_ACC_SYSTEM) ||
	    (ctxt->insn.opcode->flags & OPC_MULTI))
		return 0;
	if (!ctxt->hint_bound) {
		if ((gva ^ ctxt->hint_gpa) & (EMUL_PAGE_BYTES - 1))
			return 0;
		ctxt->hint_bound = true;
		ctxt->hint_page = gva / EMUL_PAGE_BYTES;
	}
	return gva / EMUL_PAGE_BYTES == ctxt->hint_page ? EMUL_ACC_HINT : 0;
}

/* Tables of the system are memory; they are read again when it starts again. */
static enum emul_result system_read(struct emul_ctxt *ctxt, gva_t gva, u64 *val,
				    unsigned int bytes, unsigned int flags)
{
	enum emul_result result = ctxt->ops->read(ctxt, gva, val, bytes, flags);

	return result == EMUL_IO_NEEDED ? EMUL_UNHANDLEABLE : result;
}

/* Read a piece, zero-extended: the next one of the log, or a new one. */
static enum emul_result piece_read(struct emul_ctxt *ctxt, gva_t gva, u64 *val,
				   unsigned int bytes, unsigned int flags)
{
	unsigned int slot = ctxt->reads_replayed;
	enum emul_result result;

	*val = 0;
	if (flags & EMUL_ACC_SYSTEM)
		return system_read(ctxt, gva, val, bytes, flags);
	if (slot >= EMUL_READ_LOG_MAX)
		return EMUL_UNHANDLEABLE;
	if (slot >= ctxt->reads_logged) {
		flags |= hint_flag(ctxt, gva, flags);
		result = ctxt->ops->read(ctxt, gva, val, bytes, flags);
		if (result != EMUL_OK)
			return emul_op_result(ctxt, result);
		ctxt->read_log[slot] = *val;
		ctxt->reads_logged = slot + 1;
	}
	ctxt->reads_replayed = slot + 1;
	*val = ctxt->read_log[slot];
	return EMUL_OK;
}

enum emul_result emul_linear_read(struct emul_ctxt *ctxt, gva_t gva, void *buf,
				  unsigned int bytes, unsigned int flags)
{
	enum emul_result result;
	unsigned int piece;
	u64 val;

	for (; bytes; bytes -= piece, buf += piece) {
		piece = piece_bytes(gva, bytes);
		result = piece_read(ctxt, gva, &val, piece, flags);
		if (result != EMUL_OK)
			return result;
		memcpy(buf, &val, piece);
		gva = next_gva(ctxt, gva, piece);
	}
	return EMUL_OK;
}

enum emul_result emul_linear_probe(struct emul_ctxt *ctxt, gva_t gva, unsigned int bytes,
				   unsigned int flags)
{
	unsigned int first = EMUL_PAGE_BYTES - (gva & (EMUL_PAGE_BYTES - 1));
	enum emul_result result;

	if (bytes <= first)
		return ctxt->ops->probe(ctxt, gva, bytes, flags);
	result = ctxt->ops->probe(ctxt, gva, first, flags);
	if (result != EMUL_OK)
		return result;
	return ctxt->ops->probe(ctxt, next_gva(ctxt, gva, first), bytes - first, flags);
}

static bool crosses_page(gva_t gva, unsigned int bytes)
{
	return (gva & (EMUL_PAGE_BYTES - 1)) + bytes > EMUL_PAGE_BYTES;
}

static enum emul_result piece_write(struct emul_ctxt *ctxt, gva_t gva, const void *buf,
				    unsigned int bytes, unsigned int flags)
{
	flags |= hint_flag(ctxt, gva, flags);
	return emul_op_result(ctxt, ctxt->ops->write(ctxt, gva, buf, bytes, flags));
}

enum emul_result emul_linear_write(struct emul_ctxt *ctxt, gva_t gva, const void *buf,
				   unsigned int bytes, unsigned int flags)
{
	enum emul_result result;
	unsigned int piece;

	flags |= EMUL_ACC_WRITE;
	/* A write to two pages must not change the first if the second faults. */
	if (crosses_page(gva, bytes)) {
		result = emul_linear_probe(ctxt, gva, bytes, flags);
		if (result != EMUL_OK)
			return result;
	}
	for (; bytes; bytes -= piece, buf += piece) {
		piece = piece_bytes(gva, bytes);
		result = piece_write(ctxt, gva, buf, piece, flags);
		if (result != EMUL_OK)
			return result;
		gva = next_gva(ctxt, gva, piece);
	}
	return EMUL_OK;
}

enum emul_result emul_mem_read(struct emul_ctxt *ctxt, struct emul_operand *op,
			       unsigned int flags)
{
	enum emul_result result;
	gva_t gva;

	result = emul_linear(ctxt, op, flags, &gva);
	if (result != EMUL_OK)
		return result;
	if (likely(!crosses_page(gva, op->bytes)))
		return piece_read(ctxt, gva, &op->val, op->bytes, flags);
	op->val = 0;
	return emul_linear_read(ctxt, gva, &op->val, op->bytes, flags);
}

enum emul_result emul_mem_write(struct emul_ctxt *ctxt, const struct emul_operand *op)
{
	enum emul_result result;
	gva_t gva;

	result = emul_linear(ctxt, op, EMUL_ACC_WRITE, &gva);
	if (result != EMUL_OK)
		return result;
	if (likely(!crosses_page(gva, op->bytes)))
		return piece_write(ctxt, gva, &op->val, op->bytes, EMUL_ACC_WRITE);
	return emul_linear_write(ctxt, gva, &op->val, op->bytes, 0);
}

enum emul_result emul_locked_write(struct emul_ctxt *ctxt, gva_t gva, void *old,
				   const void *new, unsigned int bytes)
{
	enum emul_result result;

	if ((gva ^ (gva + bytes - 1)) & ~63ul)
		return EMUL_UNHANDLEABLE;
	result = ctxt->ops->compare_exchange(ctxt, gva, old, new, bytes);
	if (result == EMUL_AGAIN)
		return EMUL_RETRY;
	return emul_op_result(ctxt, result);
}

static void resolve_register(struct emul_ctxt *ctxt, struct emul_operand *op, unsigned int nr)
{
	op->kind = EMUL_OPERAND_REG;
	op->nr = nr;
	op->high = op->bytes == 1 && nr - 4 < 4 && !ctxt->insn.rex;
	if (op->high) {
		op->nr = nr - 4;
		op->val = ctxt->gpr[op->nr] >> 8 & 0xff;
	} else {
		op->val = emul_reg_get(ctxt, nr, op->bytes);
	}
}

static void resolve_memory(struct emul_ctxt *ctxt, struct emul_operand *op)
{
	op->kind = EMUL_OPERAND_MEM;
	op->nr = ctxt->insn.mem_seg;
	op->ea = ctxt->insn.mem_ea;
}

static void resolve_immediate(struct emul_operand *op, u64 val)
{
	op->kind = EMUL_OPERAND_IMM;
	op->val = val & emul_mask(op->bytes);
}

void emul_operand_resolve(struct emul_ctxt *ctxt, struct emul_operand *op, u8 form)
{
	const struct emul_insn *insn = &ctxt->insn;

	op->bytes = form >> FORM_BYTES_SHIFT;
	if (!op->bytes)
		op->bytes = insn->opcode->flags & OPC_BYTE ? 1 : insn->opsize;
	switch (form & FORM_WHERE) {
	case FORM_RM:
		if (insn->mod == 3)
			resolve_register(ctxt, op, insn->rm);
		else
			resolve_memory(ctxt, op);
		break;
	case FORM_REG:
		resolve_register(ctxt, op, insn->reg);
		break;
	case FORM_OPREG:
		resolve_register(ctxt, op, (insn->code & 7) | (insn->rex & 1) << 3);
		break;
	case FORM_ACC:
		resolve_register(ctxt, op, EMUL_RAX);
		break;
	case FORM_MEM:
		resolve_memory(ctxt, op);
		break;
	case FORM_IMM:
		resolve_immediate(op, insn->imm);
		break;
	case FORM_CL:
		resolve_immediate(op, ctxt->gpr[EMUL_RCX] & 0xff);
		break;
	case FORM_ONE:
		resolve_immediate(op, 1);
		break;
	default:
		op->kind = EMUL_OPERAND_NONE;
		break;
	}
}

static bool locked(const struct emul_ctxt *ctxt)
{
	return ctxt->insn.lock || (ctxt->insn.opcode->flags & OPC_LOCKED);
}

static enum emul_result write_memory(struct emul_ctxt *ctxt, struct emul_operand *op)
{
	enum emul_result result;
	gva_t gva;

	if (!locked(ctxt))
		return emul_mem_write(ctxt, op);
	result = emul_linear(ctxt, op, EMUL_ACC_WRITE, &gva);
	if (result != EMUL_OK)
		return result;
	return emul_locked_write(ctxt, gva, &op->old, &op->val, op->bytes);
}

enum emul_result emul_operand_write(struct emul_ctxt *ctxt, struct emul_operand *op)
{
	switch (op->kind) {
	case EMUL_OPERAND_REG:
		if (op->high)
			high_byte_set(ctxt, op->nr, op->val);
		else
			emul_reg_set(ctxt, op->nr, op->val, op->bytes);
		return EMUL_OK;
	case EMUL_OPERAND_MEM:
		return write_memory(ctxt, op);
	default:
		return EMUL_OK;
	}
}
