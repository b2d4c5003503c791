// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segment registers and descriptors.
 *
 * Loading is in two steps, so that an instruction that loads several registers
 * can check them all first: emul_segment_prepare() does all that may fail and
 * leaves a struct emul_descriptor, ops->set_segment() loads its segment.
 *
 * In real and vm86 mode a selector is its own descriptor.  Real mode changes the
 * base alone; limit and attributes stay, which is what makes "unreal" mode.
 */
#include "internal.h"
#include "handlers.h"

#define TYPE_LDT		0x2
#define TYPE_TSS16_AVAILABLE	0x1
#define TYPE_TSS_AVAILABLE	0x9
#define TYPE_TSS_BUSY_BIT	0x2

static bool is_null(u16 selector)
{
	return !(selector & 0xfffc);
}

/* Where a selector's descriptor is; false if the table does not reach that far. */
static bool locate(struct emul_ctxt *ctxt, u16 selector, unsigned int bytes, gva_t *gva)
{
	unsigned int index = selector & 0xfff8;
	struct emul_segment ldt;
	struct emul_dtable gdt;

	if (selector & 4) {
		ctxt->ops->get_segment(ctxt, EMUL_LDTR, &ldt);
		*gva = ldt.base + index;
		return (ldt.attr & EMUL_ATTR_P) && index + bytes - 1 <= ldt.limit;
	}
	ctxt->ops->get_dtable(ctxt, EMUL_GDTR, &gdt);
	*gva = gdt.base + index;
	return index + bytes - 1 <= gdt.limit;
}

static void unpack(u16 selector, u64 raw, struct emul_segment *segment)
{
	segment->selector = selector;
	segment->attr = (raw >> 40 & 0xff) | (raw >> 52 & 0xf) << 8;
	segment->base = (raw >> 16 & 0xffffff) | (raw >> 56) << 24;
	segment->limit = (raw & 0xffff) | (raw >> 32 & 0xf0000);
	if (segment->attr & EMUL_ATTR_G)
		segment->limit = segment->limit << 12 | 0xfff;
}

static enum emul_result read_at(struct emul_ctxt *ctxt, gva_t gva,
				struct emul_descriptor *desc)
{
	desc->gva = gva;
	desc->raw = 0;
	memset(&desc->segment, 0, sizeof(desc->segment));
	return emul_linear_read(ctxt, gva, &desc->raw, sizeof(desc->raw), EMUL_ACC_SYSTEM);
}

enum emul_result emul_descriptor_read(struct emul_ctxt *ctxt, u16 selector, u8 vector,
				      struct emul_descriptor *desc)
{
	enum emul_result result;
	gva_t gva;

	if (!locate(ctxt, selector, 8, &gva))
		return emul_fault_code(ctxt, vector, emul_selector_error(selector));
	result = read_at(ctxt, gva, desc);
	if (result == EMUL_OK)
		unpack(selector, desc->raw, &desc->segment);
	return result;
}

/* The upper half of a 16-byte descriptor: base bits 32..63, zeroes. */
static enum emul_result read_high(struct emul_ctxt *ctxt, struct emul_descriptor *desc)
{
	u16 selector = desc->segment.selector;
	enum emul_result result;
	u64 high = 0;
	gva_t gva;

	if (!locate(ctxt, selector, 16, &gva))
		return emul_gp(ctxt, emul_selector_error(selector));
	result = emul_linear_read(ctxt, gva + 8, &high, sizeof(high), EMUL_ACC_SYSTEM);
	if (result != EMUL_OK)
		return result;
	desc->segment.base |= high << 32;
	if ((high >> 40 & 0x1f) || !emul_canonical(ctxt, desc->segment.base))
		return emul_gp(ctxt, emul_selector_error(selector));
	return EMUL_OK;
}

enum emul_result emul_descriptor_mark(struct emul_ctxt *ctxt, struct emul_descriptor *desc,
				      u16 bits)
{
	u8 type;

	if ((desc->segment.attr & bits) == bits)
		return EMUL_OK;
	desc->segment.attr |= bits;
	type = desc->segment.attr;
	return emul_linear_write(ctxt, desc->gva + 5, &type, 1, EMUL_ACC_SYSTEM);
}

void emul_segment_real(struct emul_ctxt *ctxt, enum emul_seg seg, u16 selector,
		       struct emul_segment *segment)
{
	*segment = *emul_segment(ctxt, seg);
	segment->selector = selector;
	segment->base = (u32)selector << 4;
	if (ctxt->mode == EMUL_MODE_VM86) {
		segment->limit = 0xffff;
		segment->attr = EMUL_ATTR_P | EMUL_ATTR_DPL | EMUL_ATTR_S |
				EMUL_ATTR_RW | EMUL_ATTR_ACCESSED;
	}
}

/* May the null selector be loaded?  Into SS only where 64-bit mode has no use of SS. */
static bool null_allowed(const struct emul_ctxt *ctxt, enum emul_seg seg, u16 selector,
			 unsigned int cpl)
{
	if (seg != EMUL_SS)
		return true;
	return emul_long64(ctxt) && cpl < 3 && (selector & 3) == cpl;
}

static enum emul_result prepare_null(struct emul_ctxt *ctxt, enum emul_seg seg, u16 selector,
				     unsigned int cpl, struct emul_descriptor *desc)
{
	if (!null_allowed(ctxt, seg, selector, cpl))
		return emul_gp(ctxt, 0);
	memset(desc, 0, sizeof(*desc));
	desc->segment.selector = selector;
	if (seg == EMUL_SS)
		desc->segment.attr = cpl << EMUL_ATTR_DPL_SHIFT;
	return EMUL_OK;
}

static bool stack_allowed(const struct emul_segment *segment, unsigned int cpl)
{
	u16 writable_data = EMUL_ATTR_S | EMUL_ATTR_CODE | EMUL_ATTR_RW;

	return (segment->attr & writable_data) == (EMUL_ATTR_S | EMUL_ATTR_RW) &&
	       (segment->selector & 3) == cpl && emul_attr_dpl(segment->attr) == cpl;
}

static bool data_allowed(const struct emul_segment *segment, unsigned int cpl)
{
	u16 attr = segment->attr;
	u16 conforming = EMUL_ATTR_CODE | EMUL_ATTR_DC;

	if (!(attr & EMUL_ATTR_S))
		return false;
	if ((attr & EMUL_ATTR_CODE) && !(attr & EMUL_ATTR_RW))
		return false;
	if ((attr & conforming) == conforming)
		return true;
	return emul_attr_dpl(attr) >= cpl && emul_attr_dpl(attr) >= (segment->selector & 3);
}

enum emul_result emul_segment_prepare(struct emul_ctxt *ctxt, enum emul_seg seg,
				      u16 selector, unsigned int cpl,
				      struct emul_descriptor *desc)
{
	u32 error = emul_selector_error(selector);
	enum emul_result result;
	bool allowed;

	if (!emul_protected(ctxt)) {
		emul_segment_real(ctxt, seg, selector, &desc->segment);
		return EMUL_OK;
	}
	if (is_null(selector))
		return prepare_null(ctxt, seg, selector, cpl, desc);
	result = emul_descriptor_read(ctxt, selector, EMUL_EXC_GP, desc);
	if (result != EMUL_OK)
		return result;
	if (seg == EMUL_SS)
		allowed = stack_allowed(&desc->segment, cpl);
	else
		allowed = data_allowed(&desc->segment, cpl);
	if (!allowed)
		return emul_gp(ctxt, error);
	if (!(desc->segment.attr & EMUL_ATTR_P))
		return emul_fault_code(ctxt, seg == EMUL_SS ? EMUL_EXC_SS : EMUL_EXC_NP, error);
	return emul_descriptor_mark(ctxt, desc, EMUL_ATTR_ACCESSED);
}

enum emul_result emul_op_mov_to_sreg(struct emul_ctxt *ctxt)
{
	enum emul_seg seg = ctxt->insn.reg & 7;
	struct emul_descriptor desc;
	enum emul_result result;

	if (seg == EMUL_CS || seg >= EMUL_SEGS)
		return emul_ud(ctxt);
	result = emul_segment_prepare(ctxt, seg, ctxt->src.val, ctxt->cpl, &desc);
	if (result != EMUL_OK)
		return result;
	ctxt->ops->set_segment(ctxt, seg, &desc.segment);
	if (seg == EMUL_SS)
		ctxt->shadow = EMUL_SHADOW_MOV_SS;
	return EMUL_OK;
}

/* A selector or machine status word: to memory always 16 bits. */
static void store_word(struct emul_ctxt *ctxt, u64 val)
{
	ctxt->dst.val = val;
	if (ctxt->dst.kind == EMUL_OPERAND_MEM)
		ctxt->dst.bytes = 2;
}

enum emul_result emul_op_mov_from_sreg(struct emul_ctxt *ctxt)
{
	enum emul_seg seg = ctxt->insn.reg & 7;

	if (seg >= EMUL_SEGS)
		return emul_ud(ctxt);
	store_word(ctxt, emul_segment(ctxt, seg)->selector);
	return EMUL_OK;
}

static enum emul_seg far_pointer_seg(u32 code)
{
	switch (code) {
	case 0xc4:
		return EMUL_ES;
	case 0xc5:
		return EMUL_DS;
	default:	/* 0F B2, B4, B5 */
		return code & 7;
	}
}

enum emul_result emul_op_load_far_pointer(struct emul_ctxt *ctxt)
{
	enum emul_seg seg = far_pointer_seg(ctxt->insn.code);
	struct emul_operand offset, selector;
	struct emul_descriptor desc;
	enum emul_result result;

	result = emul_far_pointer(ctxt, &offset, &selector);
	if (result == EMUL_OK)
		result = emul_segment_prepare(ctxt, seg, selector.val, ctxt->cpl, &desc);
	if (result != EMUL_OK)
		return result;
	emul_reg_set(ctxt, ctxt->insn.reg, offset.val, offset.bytes);
	ctxt->ops->set_segment(ctxt, seg, &desc.segment);
	return EMUL_OK;
}

enum emul_result emul_far_pointer(struct emul_ctxt *ctxt, struct emul_operand *offset,
				  struct emul_operand *selector)
{
	unsigned int bytes = ctxt->insn.opsize;
	enum emul_result result;

	/* AMD64 has no far pointers of 64 bits. */
	if (bytes == 8 && (ctxt->cpu & EMUL_CPU_AMD))
		bytes = 4;
	*offset = emul_mem_operand(ctxt, bytes);
	*selector = emul_mem_operand(ctxt, 2);
	selector->ea = (selector->ea + bytes) & emul_mask(ctxt->insn.adsize);
	result = emul_mem_read(ctxt, offset, 0);
	return result == EMUL_OK ? emul_mem_read(ctxt, selector, 0) : result;
}

/* SLDT, STR, SGDT, SIDT, SMSW tell user programs about the system, unless CR4.UMIP. */
enum emul_result emul_check_umip(struct emul_ctxt *ctxt)
{
	if (ctxt->cpl && (ctxt->ops->get_cr(ctxt, 4) & X86_CR4_UMIP))
		return emul_gp(ctxt, 0);
	return EMUL_OK;
}

static enum emul_result store_selector(struct emul_ctxt *ctxt, enum emul_seg seg)
{
	enum emul_result result = emul_check_umip(ctxt);
	struct emul_segment segment;

	if (result != EMUL_OK)
		return result;
	ctxt->ops->get_segment(ctxt, seg, &segment);
	store_word(ctxt, segment.selector);
	return EMUL_OK;
}

enum emul_result emul_op_sldt(struct emul_ctxt *ctxt)
{
	return store_selector(ctxt, EMUL_LDTR);
}

enum emul_result emul_op_str(struct emul_ctxt *ctxt)
{
	return store_selector(ctxt, EMUL_TR);
}

enum emul_result emul_op_smsw(struct emul_ctxt *ctxt)
{
	enum emul_result result = emul_check_umip(ctxt);

	if (result == EMUL_OK)
		store_word(ctxt, ctxt->ops->get_cr(ctxt, 0));
	return result;
}

/* LLDT, LTR: read a system descriptor of the GDT with one of the types in @types. */
static enum emul_result system_descriptor(struct emul_ctxt *ctxt, u16 selector, u32 types,
					  struct emul_descriptor *desc)
{
	u32 error = emul_selector_error(selector);
	enum emul_result result;
	u16 attr;

	if (selector & 4)
		return emul_gp(ctxt, error);
	result = emul_descriptor_read(ctxt, selector, EMUL_EXC_GP, desc);
	if (result != EMUL_OK)
		return result;
	attr = desc->segment.attr;
	if ((attr & EMUL_ATTR_S) || !(types >> (attr & EMUL_ATTR_TYPE) & 1))
		return emul_gp(ctxt, error);
	if (!(attr & EMUL_ATTR_P))
		return emul_fault_code(ctxt, EMUL_EXC_NP, error);
	return emul_long64(ctxt) ? read_high(ctxt, desc) : EMUL_OK;
}

enum emul_result emul_op_lldt(struct emul_ctxt *ctxt)
{
	u16 selector = ctxt->src.val;
	struct emul_descriptor desc = { .segment.selector = selector };
	enum emul_result result;

	if (!is_null(selector)) {
		result = system_descriptor(ctxt, selector, 1u << TYPE_LDT, &desc);
		if (result != EMUL_OK)
			return result;
	}
	ctxt->ops->set_segment(ctxt, EMUL_LDTR, &desc.segment);
	return EMUL_OK;
}

enum emul_result emul_op_ltr(struct emul_ctxt *ctxt)
{
	u32 types = 1u << TYPE_TSS_AVAILABLE;
	u16 selector = ctxt->src.val;
	struct emul_descriptor desc;
	enum emul_result result;

	if (is_null(selector))
		return emul_gp(ctxt, 0);
	if (!emul_long64(ctxt))
		types |= 1u << TYPE_TSS16_AVAILABLE;
	result = system_descriptor(ctxt, selector, types, &desc);
	if (result == EMUL_OK)
		result = emul_descriptor_mark(ctxt, &desc, TYPE_TSS_BUSY_BIT);
	if (result == EMUL_OK)
		ctxt->ops->set_segment(ctxt, EMUL_TR, &desc.segment);
	return result;
}

/*
 * LAR, LSL, VERR, VERW look at a descriptor without loading it; ZF says whether
 * it could be looked at.  @visible: the descriptor exists, and CPL and RPL reach it.
 */
static enum emul_result look_at(struct emul_ctxt *ctxt, struct emul_descriptor *desc,
				bool *visible)
{
	u16 selector = ctxt->src.val;
	u16 conforming = EMUL_ATTR_S | EMUL_ATTR_CODE | EMUL_ATTR_DC;
	enum emul_result result;
	unsigned int dpl;
	gva_t gva;

	*visible = false;
	if (is_null(selector) || !locate(ctxt, selector, 8, &gva))
		return EMUL_OK;
	result = read_at(ctxt, gva, desc);
	if (result != EMUL_OK)
		return result;
	unpack(selector, desc->raw, &desc->segment);
	dpl = emul_attr_dpl(desc->segment.attr);
	*visible = (desc->segment.attr & conforming) == conforming ||
		   (dpl >= ctxt->cpl && dpl >= (selector & 3u));
	return EMUL_OK;
}

/* The system types that LAR and LSL accept, as bits; gates have no limit. */
static u32 lar_types(const struct emul_ctxt *ctxt)
{
	return emul_long64(ctxt) ? 0x1a04 : 0x1a3e;
}

static u32 lsl_types(const struct emul_ctxt *ctxt)
{
	return emul_long64(ctxt) ? 0x0a04 : 0x0a0e;
}

/* Common to LAR and LSL: the result is written only if the descriptor will do. */
static enum emul_result look_at_type(struct emul_ctxt *ctxt, u32 types,
				     struct emul_descriptor *desc)
{
	enum emul_result result;
	bool ok;

	result = look_at(ctxt, desc, &ok);
	if (result != EMUL_OK)
		return result;
	if (ok && !(desc->segment.attr & EMUL_ATTR_S))
		ok = types >> (desc->segment.attr & EMUL_ATTR_TYPE) & 1;
	emul_flag_assign(ctxt, X86_EFLAGS_ZF, ok);
	if (!ok)
		ctxt->dst.kind = EMUL_OPERAND_NONE;
	return EMUL_OK;
}

enum emul_result emul_op_lar(struct emul_ctxt *ctxt)
{
	struct emul_descriptor desc;
	enum emul_result result = look_at_type(ctxt, lar_types(ctxt), &desc);

	if (result == EMUL_OK && ctxt->dst.kind == EMUL_OPERAND_REG)
		ctxt->dst.val = desc.raw >> 32 & (ctxt->dst.bytes == 2 ? 0xff00 : 0xf0ff00);
	return result;
}

enum emul_result emul_op_lsl(struct emul_ctxt *ctxt)
{
	struct emul_descriptor desc;
	enum emul_result result = look_at_type(ctxt, lsl_types(ctxt), &desc);

	if (result == EMUL_OK && ctxt->dst.kind == EMUL_OPERAND_REG)
		ctxt->dst.val = desc.segment.limit;
	return result;
}

static enum emul_result verify(struct emul_ctxt *ctxt, bool write)
{
	struct emul_descriptor desc;
	enum emul_result result;
	bool ok;
	u16 attr;

	result = look_at(ctxt, &desc, &ok);
	if (result != EMUL_OK)
		return result;
	if (ok) {
		attr = desc.segment.attr;
		ok = attr & EMUL_ATTR_S;
		if (write)
			ok = ok && (attr & (EMUL_ATTR_CODE | EMUL_ATTR_RW)) == EMUL_ATTR_RW;
		else
			ok = ok && (!(attr & EMUL_ATTR_CODE) || (attr & EMUL_ATTR_RW));
	}
	emul_flag_assign(ctxt, X86_EFLAGS_ZF, ok);
	return EMUL_OK;
}

enum emul_result emul_op_verr(struct emul_ctxt *ctxt)
{
	return verify(ctxt, false);
}

enum emul_result emul_op_verw(struct emul_ctxt *ctxt)
{
	return verify(ctxt, true);
}
