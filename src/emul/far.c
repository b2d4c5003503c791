// SPDX-License-Identifier: GPL-2.0-only
/*
 * Far transfers: JMP, CALL, RET, IRET and INT.
 *
 * All of them come to a struct far_target: a code segment that passed its
 * checks, an offset in it that is within its limit, and the privilege it runs
 * at.  It is found first; then the stack is read or written; then, when
 * nothing can fail, it is loaded.
 *
 * Through a call gate the privilege may stay as it is.  Stack switches to inner
 * levels, task gates and hardware task switches are not done here: hardware does
 * them in guests without an exit.  INT outside real mode is handed back as an
 * event to inject, for hardware to do with all its checks.
 */
#include "internal.h"
#include "handlers.h"

#define TYPE_CALL_GATE16	0x4
#define TYPE_CALL_GATE		0xc

#define MSR_EFER_INDEX		0xc0000080
#define EFER_LONG_ACTIVE	(1u << 10)

/* Who wants to go to a code segment; which privilege it must have depends on it. */
enum far_kind {
	FAR_JUMP,		/* JMP, CALL: conforming, or of our own level */
	FAR_RETURN,		/* RET, IRET: the level is the selector's RPL */
};

/**
 * struct far_target - where a far transfer goes
 * @code:	the code segment
 * @rip:	the offset
 * @cpl:	the privilege level there
 * @long64:	the segment is one of 64-bit mode
 * @bytes:	size of what CALL pushes, RET pops
 */
struct far_target {
	struct emul_descriptor code;
	u64 rip;
	unsigned int cpl;
	bool long64;
	unsigned int bytes;
};

static bool is_null(u16 selector)
{
	return !(selector & 0xfffc);
}

static enum emul_result long_mode_active(struct emul_ctxt *ctxt, bool *active)
{
	enum emul_result result = EMUL_OK;
	u64 efer = EFER_LONG_ACTIVE;

	if (!emul_long64(ctxt))
		result = ctxt->ops->get_msr(ctxt, MSR_EFER_INDEX, &efer);
	*active = efer & EFER_LONG_ACTIVE;
	return result;
}

static bool privilege_allows(const struct emul_ctxt *ctxt, const struct far_target *target,
			     u16 selector, enum far_kind kind)
{
	unsigned int dpl = emul_attr_dpl(target->code.segment.attr);
	bool conforming = target->code.segment.attr & EMUL_ATTR_DC;
	unsigned int rpl = selector & 3;

	if (kind == FAR_RETURN)
		return rpl >= ctxt->cpl && (conforming ? dpl <= rpl : dpl == rpl);
	if (conforming)
		return dpl <= ctxt->cpl;
	return rpl <= ctxt->cpl && dpl == ctxt->cpl;
}

/* The code segment's descriptor is in target->code: may we run it? */
static enum emul_result check_code(struct emul_ctxt *ctxt, struct far_target *target,
				   u16 selector, enum far_kind kind)
{
	struct emul_segment *segment = &target->code.segment;
	u32 error = emul_selector_error(selector);
	enum emul_result result;
	bool long_mode;

	if (!(segment->attr & EMUL_ATTR_S) || !(segment->attr & EMUL_ATTR_CODE) ||
	    !privilege_allows(ctxt, target, selector, kind))
		return emul_gp(ctxt, error);
	if (!(segment->attr & EMUL_ATTR_P))
		return emul_fault_code(ctxt, EMUL_EXC_NP, error);
	result = long_mode_active(ctxt, &long_mode);
	if (result != EMUL_OK)
		return result;
	target->long64 = long_mode && (segment->attr & EMUL_ATTR_L);
	if (target->long64 && (segment->attr & EMUL_ATTR_DB))
		return emul_gp(ctxt, error);
	target->cpl = kind == FAR_RETURN ? selector & 3u : ctxt->cpl;
	segment->selector = (selector & 0xfffc) | target->cpl;
	return emul_descriptor_mark(ctxt, &target->code, EMUL_ATTR_ACCESSED);
}

/* Is the offset one that the segment has? */
static enum emul_result check_offset(struct emul_ctxt *ctxt, struct far_target *target)
{
	if (target->long64)
		return emul_canonical(ctxt, target->rip) ? EMUL_OK : emul_gp(ctxt, 0);
	target->rip = (u32)target->rip;
	return target->rip <= target->code.segment.limit ? EMUL_OK : emul_gp(ctxt, 0);
}

static enum emul_result real_target(struct emul_ctxt *ctxt, u16 selector,
				    struct far_target *target)
{
	emul_segment_real(ctxt, EMUL_CS, selector, &target->code.segment);
	target->cpl = ctxt->cpl;
	return check_offset(ctxt, target);
}

/*
 * A call gate names another selector and offset.  Only those that keep the
 * privilege are followed.
 */
static enum emul_result through_gate(struct emul_ctxt *ctxt, u16 gate_selector,
				     struct far_target *target)
{
	u64 raw = target->code.raw, high = 0;
	u16 attr = target->code.segment.attr;
	unsigned int dpl = emul_attr_dpl(attr);
	unsigned int type = attr & EMUL_ATTR_TYPE;
	u32 error = emul_selector_error(gate_selector);
	u16 selector = raw >> 16;
	enum emul_result result;

	if (type != TYPE_CALL_GATE && (type != TYPE_CALL_GATE16 || emul_long64(ctxt)))
		return EMUL_UNHANDLEABLE;
	if (dpl < ctxt->cpl || dpl < (gate_selector & 3u))
		return emul_gp(ctxt, error);
	if (!(attr & EMUL_ATTR_P))
		return emul_fault_code(ctxt, EMUL_EXC_NP, error);
	target->bytes = type == TYPE_CALL_GATE16 ? 2 : 4;
	target->rip = (raw & 0xffff) | (raw >> 48) << 16;
	if (type == TYPE_CALL_GATE16)
		target->rip &= 0xffff;
	if (emul_long64(ctxt)) {
		result = emul_linear_read(ctxt, target->code.gva + 8, &high, 8, EMUL_ACC_SYSTEM);
		if (result != EMUL_OK)
			return result;
		target->bytes = 8;
		target->rip |= high << 32;
	}
	if (is_null(selector))
		return emul_gp(ctxt, 0);
	result = emul_descriptor_read(ctxt, selector, EMUL_EXC_GP, &target->code);
	if (result != EMUL_OK)
		return result;
	attr = target->code.segment.attr;
	if ((attr & EMUL_ATTR_CODE) && !(attr & EMUL_ATTR_DC) && emul_attr_dpl(attr) < ctxt->cpl)
		return EMUL_UNHANDLEABLE;
	/* The RPL of a gate's selector plays no part. */
	return check_code(ctxt, target, selector & 0xfffc, FAR_JUMP);
}

/* Where JMP and CALL to @selector:@offset go. */
static enum emul_result find_target(struct emul_ctxt *ctxt, u16 selector, u64 offset,
				    struct far_target *target)
{
	enum emul_result result;

	*target = (struct far_target) { .rip = offset, .bytes = ctxt->insn.opsize };
	if (!emul_protected(ctxt))
		return real_target(ctxt, selector, target);
	if (is_null(selector))
		return emul_gp(ctxt, 0);
	result = emul_descriptor_read(ctxt, selector, EMUL_EXC_GP, &target->code);
	if (result != EMUL_OK)
		return result;
	if (target->code.segment.attr & EMUL_ATTR_S)
		result = check_code(ctxt, target, selector, FAR_JUMP);
	else
		result = through_gate(ctxt, selector, target);
	return result == EMUL_OK ? check_offset(ctxt, target) : result;
}

static void load_target(struct emul_ctxt *ctxt, const struct far_target *target)
{
	ctxt->ops->set_segment(ctxt, EMUL_CS, &target->code.segment);
	ctxt->next_rip = target->rip;
	ctxt->cpl = target->cpl;
}

static enum emul_result jump_far(struct emul_ctxt *ctxt, u16 selector, u64 offset)
{
	struct far_target target;
	enum emul_result result = find_target(ctxt, selector, offset, &target);

	if (result == EMUL_OK)
		load_target(ctxt, &target);
	return result;
}

static enum emul_result call_far(struct emul_ctxt *ctxt, u16 selector, u64 offset)
{
	u16 old_selector = emul_segment(ctxt, EMUL_CS)->selector;
	struct far_target target;
	enum emul_result result;

	result = find_target(ctxt, selector, offset, &target);
	if (result == EMUL_OK)
		result = emul_push(ctxt, old_selector, target.bytes);
	if (result == EMUL_OK)
		result = emul_push(ctxt, ctxt->next_rip, target.bytes);
	if (result == EMUL_OK)
		load_target(ctxt, &target);
	return result;
}

enum emul_result emul_op_jmp_far(struct emul_ctxt *ctxt)
{
	return jump_far(ctxt, ctxt->insn.imm2, ctxt->insn.imm);
}

enum emul_result emul_op_call_far(struct emul_ctxt *ctxt)
{
	return call_far(ctxt, ctxt->insn.imm2, ctxt->insn.imm);
}

enum emul_result emul_op_jmp_far_mem(struct emul_ctxt *ctxt)
{
	struct emul_operand offset, selector;
	enum emul_result result = emul_far_pointer(ctxt, &offset, &selector);

	return result == EMUL_OK ? jump_far(ctxt, selector.val, offset.val) : result;
}

enum emul_result emul_op_call_far_mem(struct emul_ctxt *ctxt)
{
	struct emul_operand offset, selector;
	enum emul_result result = emul_far_pointer(ctxt, &offset, &selector);

	return result == EMUL_OK ? call_far(ctxt, selector.val, offset.val) : result;
}

static enum emul_result return_target(struct emul_ctxt *ctxt, u16 selector, u64 offset,
				      struct far_target *target)
{
	enum emul_result result;

	*target = (struct far_target) { .rip = offset, .bytes = ctxt->insn.opsize };
	if (!emul_protected(ctxt))
		return real_target(ctxt, selector, target);
	if (is_null(selector))
		return emul_gp(ctxt, 0);
	result = emul_descriptor_read(ctxt, selector, EMUL_EXC_GP, &target->code);
	if (result == EMUL_OK)
		result = check_code(ctxt, target, selector, FAR_RETURN);
	return result == EMUL_OK ? check_offset(ctxt, target) : result;
}

/* The stack that a return to an outer level pops. */
struct outer_stack {
	struct emul_descriptor ss;
	u64 sp;
};

static enum emul_result pop_outer_stack(struct emul_ctxt *ctxt, const struct far_target *target,
					struct outer_stack *stack)
{
	enum emul_result result;
	u64 selector;

	result = emul_pop(ctxt, &stack->sp, target->bytes);
	if (result == EMUL_OK)
		result = emul_pop(ctxt, &selector, target->bytes);
	if (result != EMUL_OK)
		return result;
	/* Only 64-bit code does without SS. */
	if (is_null(selector) && (!target->long64 || target->cpl == 3))
		return emul_gp(ctxt, 0);
	return emul_segment_prepare(ctxt, EMUL_SS, selector, target->cpl, &stack->ss);
}

static void load_outer_stack(struct emul_ctxt *ctxt, const struct far_target *target,
			     const struct outer_stack *stack)
{
	unsigned int bytes = stack->ss.segment.attr & EMUL_ATTR_DB ? 4 : 2;

	ctxt->ops->set_segment(ctxt, EMUL_SS, &stack->ss.segment);
	emul_reg_set(ctxt, EMUL_RSP, stack->sp, target->long64 ? 8 : bytes);
}

/* An outer level must not keep data segments that it could not have loaded. */
static void drop_inner_segments(struct emul_ctxt *ctxt, unsigned int cpl)
{
	static const u8 data_segments[] = { EMUL_ES, EMUL_DS, EMUL_FS, EMUL_GS };
	const struct emul_segment none = {};
	const struct emul_segment *segment;
	u16 conforming = EMUL_ATTR_CODE | EMUL_ATTR_DC;
	unsigned int i;

	for (i = 0; i < sizeof(data_segments); i++) {
		segment = emul_segment(ctxt, data_segments[i]);
		if ((segment->attr & conforming) == conforming ||
		    emul_attr_dpl(segment->attr) >= cpl)
			continue;
		ctxt->ops->set_segment(ctxt, data_segments[i], &none);
	}
}

enum emul_result emul_op_ret_far(struct emul_ctxt *ctxt)
{
	unsigned int bytes = ctxt->insn.opsize;
	unsigned int old_cpl = ctxt->cpl;
	struct outer_stack stack;
	struct far_target target;
	enum emul_result result;
	u64 rip, selector;

	result = emul_pop(ctxt, &rip, bytes);
	if (result == EMUL_OK)
		result = emul_pop(ctxt, &selector, bytes);
	if (result == EMUL_OK)
		result = return_target(ctxt, selector, rip, &target);
	if (result != EMUL_OK)
		return result;
	emul_sp_add(ctxt, ctxt->insn.imm);
	if (target.cpl > old_cpl) {
		result = pop_outer_stack(ctxt, &target, &stack);
		if (result != EMUL_OK)
			return result;
		load_outer_stack(ctxt, &target, &stack);
		drop_inner_segments(ctxt, target.cpl);
	}
	load_target(ctxt, &target);
	if (target.cpl > old_cpl) {
		ctxt->segments_read = 0;
		emul_sp_add(ctxt, ctxt->insn.imm);
	}
	return EMUL_OK;
}

/* IRET from level 0 to vm86 mode: the stack has nine fields in all. */
static enum emul_result iret_to_vm86(struct emul_ctxt *ctxt, u64 rip, u16 cs, u64 flags)
{
	static const u8 order[] = { EMUL_ES, EMUL_DS, EMUL_FS, EMUL_GS };
	struct emul_segment segment;
	enum emul_result result;
	u64 sp, ss, data[4];
	unsigned int i;

	result = emul_pop(ctxt, &sp, 4);
	if (result == EMUL_OK)
		result = emul_pop(ctxt, &ss, 4);
	for (i = 0; i < 4 && result == EMUL_OK; i++)
		result = emul_pop(ctxt, &data[i], 4);
	if (result != EMUL_OK)
		return result;
	if (rip > 0xffff)
		return emul_gp(ctxt, 0);
	ctxt->mode = EMUL_MODE_VM86;
	for (i = 0; i < 4; i++) {
		emul_segment_real(ctxt, order[i], data[i], &segment);
		ctxt->ops->set_segment(ctxt, order[i], &segment);
	}
	emul_segment_real(ctxt, EMUL_SS, ss, &segment);
	ctxt->ops->set_segment(ctxt, EMUL_SS, &segment);
	emul_segment_real(ctxt, EMUL_CS, cs, &segment);
	ctxt->ops->set_segment(ctxt, EMUL_CS, &segment);
	ctxt->cpl = 3;
	ctxt->next_rip = rip;
	ctxt->rflags = (flags & 0x3f7fd5) | X86_EFLAGS_FIXED;
	emul_reg_set(ctxt, EMUL_RSP, sp, 4);
	return EMUL_OK;
}

/* What IRET may change: more than POPF. */
static u64 iret_flags(const struct emul_ctxt *ctxt, u64 image, unsigned int bytes)
{
	u64 flags = emul_flags_popped(ctxt, image, bytes);
	u64 more = bytes == 2 ? 0 : X86_EFLAGS_RF;

	if (bytes != 2 && ctxt->cpl == 0 && emul_protected(ctxt))
		more |= X86_EFLAGS_VIF | X86_EFLAGS_VIP;
	return (flags & ~more) | (image & more);
}

static enum emul_result iret_protected(struct emul_ctxt *ctxt, u64 rip, u16 cs, u64 image)
{
	unsigned int old_cpl = ctxt->cpl;
	struct outer_stack stack;
	struct far_target target;
	enum emul_result result;
	bool switches;
	u64 flags;

	if ((image & X86_EFLAGS_VM) && !old_cpl && !emul_long64(ctxt) && ctxt->insn.opsize == 4)
		return iret_to_vm86(ctxt, rip, cs, image);
	result = return_target(ctxt, cs, rip, &target);
	if (result != EMUL_OK)
		return result;
	switches = target.cpl > old_cpl || emul_long64(ctxt);
	if (switches) {
		result = pop_outer_stack(ctxt, &target, &stack);
		if (result != EMUL_OK)
			return result;
	}
	flags = iret_flags(ctxt, image, ctxt->insn.opsize);
	if (switches)
		load_outer_stack(ctxt, &target, &stack);
	if (target.cpl > old_cpl)
		drop_inner_segments(ctxt, target.cpl);
	load_target(ctxt, &target);
	ctxt->rflags = flags;
	return EMUL_OK;
}

/* Is this IRET one that can be done here? */
static enum emul_result check_iret(struct emul_ctxt *ctxt)
{
	if (ctxt->mode == EMUL_MODE_VM86 && emul_iopl(ctxt) < 3) {
		if (ctxt->ops->get_cr(ctxt, 4) & X86_CR4_VME)
			return EMUL_UNHANDLEABLE;
		return emul_gp(ctxt, 0);
	}
	if (emul_protected(ctxt) && (ctxt->rflags & X86_EFLAGS_NT))
		return emul_long64(ctxt) ? emul_gp(ctxt, 0) : EMUL_UNHANDLEABLE;
	return EMUL_OK;
}

enum emul_result emul_op_iret(struct emul_ctxt *ctxt)
{
	unsigned int bytes = ctxt->insn.opsize;
	enum emul_result result = check_iret(ctxt);
	struct far_target target;
	u64 rip, cs, flags;

	if (result == EMUL_OK)
		result = emul_pop(ctxt, &rip, bytes);
	if (result == EMUL_OK)
		result = emul_pop(ctxt, &cs, bytes);
	if (result == EMUL_OK)
		result = emul_pop(ctxt, &flags, bytes);
	if (result != EMUL_OK)
		return result;
	if (emul_protected(ctxt)) {
		result = iret_protected(ctxt, rip, cs, flags);
	} else {
		result = return_target(ctxt, cs, rip, &target);
		if (result == EMUL_OK) {
			load_target(ctxt, &target);
			ctxt->rflags = iret_flags(ctxt, flags, bytes);
		}
	}
	if (result != EMUL_OK)
		return result;
	return emul_op_result(ctxt, ctxt->ops->notice(ctxt, EMUL_NOTICE_IRET));
}

/* Real mode: through the table of far pointers at the base of IDTR. */
static enum emul_result interrupt_real(struct emul_ctxt *ctxt, u8 vector)
{
	struct far_target target = {};
	struct emul_dtable idt;
	enum emul_result result;
	u16 entry[2];

	ctxt->ops->get_dtable(ctxt, EMUL_IDTR, &idt);
	if (vector * 4u + 3 > idt.limit)
		return emul_gp(ctxt, 0);
	result = emul_linear_read(ctxt, idt.base + vector * 4u, entry, sizeof(entry),
				  EMUL_ACC_SYSTEM);
	if (result == EMUL_OK)
		result = emul_push(ctxt, ctxt->rflags, 2);
	if (result == EMUL_OK)
		result = emul_push(ctxt, emul_segment(ctxt, EMUL_CS)->selector, 2);
	if (result == EMUL_OK)
		result = emul_push(ctxt, ctxt->next_rip, 2);
	if (result != EMUL_OK)
		return result;
	target.rip = entry[0];
	result = real_target(ctxt, entry[1], &target);
	if (result != EMUL_OK)
		return result;
	load_target(ctxt, &target);
	ctxt->rflags &= ~(u64)(X86_EFLAGS_IF | X86_EFLAGS_TF | X86_EFLAGS_AC);
	return EMUL_OK;
}

static enum emul_result interrupt(struct emul_ctxt *ctxt, u8 vector, enum emul_soft soft)
{
	if (ctxt->mode == EMUL_MODE_REAL)
		return interrupt_real(ctxt, vector);
	ctxt->exception = (struct emul_exception) { .vector = vector, .soft = soft };
	return EMUL_SOFT_INT;
}

enum emul_result emul_op_int(struct emul_ctxt *ctxt)
{
	if (ctxt->mode == EMUL_MODE_VM86) {
		if (ctxt->ops->get_cr(ctxt, 4) & X86_CR4_VME)
			return EMUL_UNHANDLEABLE;
		if (emul_iopl(ctxt) < 3)
			return emul_gp(ctxt, 0);
	}
	return interrupt(ctxt, ctxt->insn.imm, EMUL_SOFT_INTERRUPT);
}

enum emul_result emul_op_int3(struct emul_ctxt *ctxt)
{
	return interrupt(ctxt, EMUL_EXC_BP, EMUL_SOFT_EXCEPTION);
}

enum emul_result emul_op_into(struct emul_ctxt *ctxt)
{
	if (!(ctxt->rflags & X86_EFLAGS_OF))
		return EMUL_OK;
	return interrupt(ctxt, EMUL_EXC_OF, EMUL_SOFT_EXCEPTION);
}

enum emul_result emul_op_icebp(struct emul_ctxt *ctxt)
{
	return interrupt(ctxt, EMUL_EXC_DB, EMUL_SOFT_PRIVILEGED);
}
