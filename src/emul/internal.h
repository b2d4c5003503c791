/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the emulator share: the form of a table entry, and the
 * helpers that handlers are written with.
 *
 * A handler (emul_op_*) does one instruction.  When it runs, the operands that
 * its table entry names have been read to ctxt->dst, ->src and ->src2.  It
 * leaves the result in ctxt->dst.val and flags in ctxt->rflags; the executor
 * writes the result back.  A handler that does more, does it through the helpers
 * below.  The order in a handler: first all that can fail, then segment,
 * control and table registers.  GPRs and rflags may be changed at any time: the
 * executor takes them back if the instruction fails.
 */
#ifndef QUIRE_EMUL_INTERNAL_H
#define QUIRE_EMUL_INTERNAL_H

#include <linux/types.h>
#include <linux/string.h>
#include <asm/processor-flags.h>
#include "emul.h"

typedef enum emul_result (*emul_handler_t)(struct emul_ctxt *ctxt);

/*
 * Where an operand comes from: the low four bits of a form.  The rest of it is
 * the operand's size in bytes, or 0 for the instruction's operand size (one byte
 * with OPC_BYTE).
 */
enum emul_form {
	FORM_NONE,
	FORM_RM,		/* ModRM.rm: register or memory */
	FORM_REG,		/* ModRM.reg: register */
	FORM_OPREG,		/* the opcode's low three bits: register */
	FORM_ACC,		/* AL, AX, EAX, RAX */
	FORM_MEM,		/* memory at insn.mem_ea: moffs */
	FORM_IMM,		/* insn.imm */
	FORM_CL,
	FORM_ONE,
	FORM_WHERE		= 0x0f,
	FORM_BYTES_SHIFT	= 4,
};

#define FORM_SIZED(where, bytes)	((where) | (bytes) << FORM_BYTES_SHIFT)

/* Which immediates follow. */
enum emul_imm {
	IMM_NONE,
	IMM_SB,			/* a byte, sign-extended */
	IMM_UB,			/* a byte, zero-extended */
	IMM_UW,			/* two bytes, zero-extended */
	IMM_Z,			/* operand size, at most four bytes, sign-extended */
	IMM_V,			/* operand size, up to eight bytes */
	IMM_UW_UB,		/* ENTER: two bytes, and one to imm2 */
	IMM_FAR,		/* operand size, at most four bytes, and two to imm2 */
	IMM_OFFSET,		/* address size, to mem_ea */
};

/* How to get to the entry itself from one that is a table of them. */
enum emul_table {
	TABLE_NONE,
	TABLE_REG,		/* 8 by ModRM.reg */
	TABLE_MOD_REG,		/* 8 by ModRM.reg for memory, then 8 for registers */
	TABLE_RM,		/* 8 by ModRM.rm */
	TABLE_PREFIX,		/* 4 by the last of none, 66, F3, F2 */
	TABLE_LONG,		/* 2: not 64-bit mode, 64-bit mode */
	TABLE_MAP,		/* 256 by the next byte */
	TABLE_ROWS,		/* 16 by the high half of the next byte */
	TABLE_COLUMNS,		/* 16 by the low half of the byte before */
};

/* Properties of a table entry. */
#define OPC_MODRM	0x00000001u	/* a ModRM byte follows */
#define OPC_BYTE	0x00000002u	/* operands are bytes */
#define OPC_MOV		0x00000004u	/* dst is not read */
#define OPC_CMP		0x00000008u	/* dst is not written */
#define OPC_LOCK	0x00000010u	/* LOCK is allowed if dst is memory */
#define OPC_LOCKED	0x00000020u	/* atomic if dst is memory, without LOCK */
#define OPC_STACK	0x00000040u	/* operand size is 8 or 2 in 64-bit mode */
#define OPC_BRANCH	0x00000080u	/* operand size is 8 in 64-bit mode (AMD: or 2) */
#define OPC_NATIVE	0x00000100u	/* operand size is 8 in 64-bit mode, else 4 */
#define OPC_NO64	0x00000200u	/* #UD in 64-bit mode */
#define OPC_PROT	0x00000400u	/* #UD in real and vm86 mode */
#define OPC_PRIV	0x00000800u	/* #GP(0) unless CPL is 0 */
#define OPC_MEM		0x00001000u	/* #UD if ModRM names a register */
#define OPC_MULTI	0x00002000u	/* several memory operands: no hint */
#define OPC_PREFIX	0x00004000u	/* not an opcode: a prefix */
#define OPC_BIT		0x00008000u	/* src is a bit offset, also beyond dst */
#define OPC_SSE		0x00010000u	/* uses XMM registers: #NM, CR4.OSFXSR */
#define OPC_REGS	0x00020000u	/* ModRM.mod is ignored: always registers */
#define OPC_UD		0x00040000u	/* defined to be #UD */
#define OPC_VEX		0x00080000u	/* VEX/EVEX prefix unless legacy with memory */
#define OPC_LOCK_CR8	0x00100000u	/* LOCK is allowed with CR0, and makes it CR8 (AMD) */

/**
 * struct emul_opcode - one entry of the opcode tables
 * @exec:	does it; NULL: known by length only, or not at all
 * @table:	the entries that @kind chooses from
 * @name:	mnemonic; NULL: an undefined opcode
 * @flags:	OPC_*
 * @kind:	enum emul_table
 * @imm:	enum emul_imm
 * @dst:	first operand, a form
 * @src:	second operand, a form
 * @src2:	third operand, a form
 */
struct emul_opcode {
	emul_handler_t exec;
	const struct emul_opcode *table;
	const char *name;
	u32 flags;
	u8 kind;
	u8 imm;
	u8 dst;
	u8 src;
	u8 src2;
};

/* tables.c: the one-byte opcodes, from which all others are reached. */
extern const struct emul_opcode emul_opcodes[256];

/* ---- sizes, flags ---- */

static inline u64 emul_mask(unsigned int bytes)
{
	return ~0ull >> (64 - 8 * bytes);
}

static inline u64 emul_sign_bit(unsigned int bytes)
{
	return 1ull << (8 * bytes - 1);
}

static inline u64 emul_sign_extend(u64 val, unsigned int bytes)
{
	unsigned int shift = 64 - 8 * bytes;

	return (u64)((s64)(val << shift) >> shift);
}

static inline void emul_flag_assign(struct emul_ctxt *ctxt, u64 flags, bool set)
{
	if (set)
		ctxt->rflags |= flags;
	else
		ctxt->rflags &= ~flags;
}

static inline bool emul_long64(const struct emul_ctxt *ctxt)
{
	return ctxt->mode == EMUL_MODE_LONG64;
}

static inline bool emul_protected(const struct emul_ctxt *ctxt)
{
	return ctxt->mode >= EMUL_MODE_PROT16;
}

static inline unsigned int emul_iopl(const struct emul_ctxt *ctxt)
{
	return (ctxt->rflags & X86_EFLAGS_IOPL) >> 12;
}

static inline enum emul_result emul_gp(struct emul_ctxt *ctxt, u32 error)
{
	return emul_fault_code(ctxt, EMUL_EXC_GP, error);
}

static inline enum emul_result emul_ud(struct emul_ctxt *ctxt)
{
	return emul_fault(ctxt, EMUL_EXC_UD);
}

static inline bool emul_canonical(const struct emul_ctxt *ctxt, u64 address)
{
	unsigned int shift = 64 - ctxt->va_bits;

	return (u64)((s64)(address << shift) >> shift) == address;
}

/* ---- operand.c ---- */

/**
 * emul_reg_get() - read the low part of a register
 * @ctxt:	the context
 * @nr:		enum emul_gpr
 * @bytes:	1 (the lowest byte), 2, 4 or 8
 *
 * Return: its value, zero-extended.
 */
static inline u64 emul_reg_get(const struct emul_ctxt *ctxt, unsigned int nr,
			       unsigned int bytes)
{
	return ctxt->gpr[nr] & emul_mask(bytes);
}

/**
 * emul_reg_set() - write the low part of a register
 * @ctxt:	the context
 * @nr:		enum emul_gpr
 * @val:	what to write
 * @bytes:	1 (the lowest byte) or 2: the rest is kept; 4: the rest is cleared;
 *		8
 */
void emul_reg_set(struct emul_ctxt *ctxt, unsigned int nr, u64 val, unsigned int bytes);

/**
 * emul_segment() - a segment register, read once per instruction
 * @ctxt:	the context
 * @seg:	one of the six numbered ones
 *
 * Return: the segment, valid until the instruction ends.
 */
const struct emul_segment *emul_segment(struct emul_ctxt *ctxt, enum emul_seg seg);

/**
 * emul_linear() - check an access against its segment, make its address linear
 * @ctxt:	the context
 * @op:		a memory operand: @nr, @ea and @bytes count
 * @flags:	EMUL_ACC_WRITE or 0
 * @gva:	the result
 *
 * Return: EMUL_OK; EMUL_FAULT: #GP(0) or #SS(0) for limit, type and canonical
 * form, #AC(0).
 */
enum emul_result emul_linear(struct emul_ctxt *ctxt, const struct emul_operand *op,
			     unsigned int flags, gva_t *gva);

/**
 * emul_linear_read() - read memory by linear address
 * @ctxt:	the context
 * @gva:	first byte; may be any, the range may cross pages
 * @buf:	gets the bytes
 * @bytes:	how many
 * @flags:	EMUL_ACC_*
 *
 * Return: what ops->read() did; answered from the log if it was read before.
 */
enum emul_result emul_linear_read(struct emul_ctxt *ctxt, gva_t gva, void *buf,
				  unsigned int bytes, unsigned int flags);

/**
 * emul_linear_write() - write memory by linear address
 * @ctxt:	the context
 * @gva:	first byte; a range in two pages is checked before it is written
 * @buf:	the bytes
 * @bytes:	how many
 * @flags:	EMUL_ACC_*
 *
 * Return: EMUL_OK also if the write was posted.
 */
enum emul_result emul_linear_write(struct emul_ctxt *ctxt, gva_t gva, const void *buf,
				   unsigned int bytes, unsigned int flags);

/**
 * emul_linear_probe() - would an access fault?
 * @ctxt:	the context
 * @gva:	first byte
 * @bytes:	how many, in two pages at most
 * @flags:	EMUL_ACC_*
 *
 * Return: what ops->probe() did.
 */
enum emul_result emul_linear_probe(struct emul_ctxt *ctxt, gva_t gva, unsigned int bytes,
				   unsigned int flags);

/**
 * emul_mem_read() - read a memory operand to its @val
 * @ctxt:	the context
 * @op:		@nr, @ea and @bytes (at most 8) count
 * @flags:	EMUL_ACC_*
 *
 * Return: enum emul_result.
 */
enum emul_result emul_mem_read(struct emul_ctxt *ctxt, struct emul_operand *op,
			       unsigned int flags);

/**
 * emul_mem_write() - write a memory operand from its @val
 * @ctxt:	the context
 * @op:		as for emul_mem_read()
 *
 * Return: enum emul_result.
 */
enum emul_result emul_mem_write(struct emul_ctxt *ctxt, const struct emul_operand *op);

/**
 * emul_locked_write() - the second half of an atomic read-modify-write
 * @ctxt:	the context
 * @gva:	linear address
 * @old:	what was read; gets what is there if that is another value
 * @new:	what to write
 * @bytes:	1, 2, 4, 8 or 16
 *
 * Return: EMUL_OK; EMUL_RETRY if memory changed in between, on which the
 * executor starts the instruction again; EMUL_UNHANDLEABLE across cache lines.
 */
enum emul_result emul_locked_write(struct emul_ctxt *ctxt, gva_t gva, void *old,
				   const void *new, unsigned int bytes);

/**
 * emul_op_result() - note a posted write
 * @ctxt:	the context
 * @result:	what an op returned
 *
 * Return: @result; EMUL_OK for EMUL_POSTED; EMUL_UNHANDLEABLE for a read that
 * would have to overtake a posted write.
 */
enum emul_result emul_op_result(struct emul_ctxt *ctxt, enum emul_result result);

/**
 * emul_operand_resolve() - find an operand from its form; registers are read
 * @ctxt:	the context
 * @op:		gets it; @val is not set for memory
 * @form:	the form
 */
void emul_operand_resolve(struct emul_ctxt *ctxt, struct emul_operand *op, u8 form);

/**
 * emul_operand_write() - write a value back to where it belongs
 * @ctxt:	the context
 * @op:		the operand; its @val is written, @old is what a locked write to
 *		memory expects there
 *
 * Return: enum emul_result.
 */
enum emul_result emul_operand_write(struct emul_ctxt *ctxt, struct emul_operand *op);

/**
 * emul_forget_reads() - start a new log of reads
 * @ctxt:	the context
 */
static inline void emul_forget_reads(struct emul_ctxt *ctxt)
{
	ctxt->reads_logged = 0;
	ctxt->reads_replayed = 0;
}

/**
 * emul_mem_operand() - the operand that ModRM addresses
 * @ctxt:	the context; insn.mod is not 3
 * @bytes:	its size
 *
 * Return: the operand, not read.
 */
static inline struct emul_operand emul_mem_operand(const struct emul_ctxt *ctxt,
						   unsigned int bytes)
{
	return (struct emul_operand) {
		.kind = EMUL_OPERAND_MEM,
		.bytes = bytes,
		.nr = ctxt->insn.mem_seg,
		.ea = ctxt->insn.mem_ea,
	};
}

/* ---- execute.c ---- */

/**
 * emul_checkpoint() - what was done so far stands
 * @ctxt:	the context
 *
 * Between the iterations of a REP string instruction.
 */
void emul_checkpoint(struct emul_ctxt *ctxt);

/**
 * emul_rip_wrap() - cut an instruction pointer to what the mode has
 * @ctxt:	the context
 * @rip:	the value
 *
 * Return: @rip, cut to 32 bits outside 64-bit mode.
 */
static inline u64 emul_rip_wrap(const struct emul_ctxt *ctxt, u64 rip)
{
	return emul_long64(ctxt) ? rip : (u32)rip;
}

/* ---- alu.c ---- */

/**
 * emul_flags_logic() - ZF, SF and PF of a result; CF, OF and AF cleared
 * @ctxt:	the context
 * @val:	the result
 * @bytes:	its size
 */
void emul_flags_logic(struct emul_ctxt *ctxt, u64 val, unsigned int bytes);

/**
 * emul_flags_sub() - the flags of a comparison
 * @ctxt:	the context
 * @a:		minuend
 * @b:		subtrahend
 * @bytes:	their size
 */
void emul_flags_sub(struct emul_ctxt *ctxt, u64 a, u64 b, unsigned int bytes);

/**
 * emul_condition() - evaluate a condition code
 * @ctxt:	the context
 * @code:	its low four bits: 0 is O, 1 is NO, ... 15 is NLE
 *
 * Return: true if it holds.
 */
bool emul_condition(const struct emul_ctxt *ctxt, unsigned int code);

/* ---- stack.c ---- */

/**
 * emul_stack_bytes() - the size of the stack pointer
 * @ctxt:	the context
 *
 * Return: 2, 4 or 8.
 */
unsigned int emul_stack_bytes(struct emul_ctxt *ctxt);

/**
 * emul_push() - push a value
 * @ctxt:	the context
 * @val:	the value
 * @bytes:	2, 4 or 8
 *
 * Return: enum emul_result.
 */
enum emul_result emul_push(struct emul_ctxt *ctxt, u64 val, unsigned int bytes);

/**
 * emul_pop() - pop a value
 * @ctxt:	the context
 * @val:	gets it
 * @bytes:	2, 4 or 8
 *
 * Return: enum emul_result.
 */
enum emul_result emul_pop(struct emul_ctxt *ctxt, u64 *val, unsigned int bytes);

/**
 * emul_sp_add() - move the stack pointer
 * @ctxt:	the context
 * @delta:	what to add
 */
void emul_sp_add(struct emul_ctxt *ctxt, s64 delta);

/**
 * emul_flags_popped() - what POPF and IRET make of RFLAGS
 * @ctxt:	the context
 * @image:	what was popped
 * @bytes:	its size
 *
 * Return: RFLAGS with the bits of @image that CPL and IOPL let through.
 */
u64 emul_flags_popped(const struct emul_ctxt *ctxt, u64 image, unsigned int bytes);

/* ---- control.c ---- */

/**
 * emul_branch() - continue at another offset of the code segment
 * @ctxt:	the context
 * @target:	the offset; cut to 16 bits if the operand size says so
 *
 * Return: EMUL_OK; #GP(0) beyond the limit or not canonical.
 */
enum emul_result emul_branch(struct emul_ctxt *ctxt, u64 target);

/* ---- segment.c ---- */

/**
 * struct emul_descriptor - a descriptor that was read and is to be loaded
 * @segment:	what the segment register gets
 * @raw:	the descriptor's low eight bytes
 * @gva:	where it is; 0 if there is none (null selector, real mode)
 */
struct emul_descriptor {
	struct emul_segment segment;
	u64 raw;
	gva_t gva;
};

static inline unsigned int emul_attr_dpl(u16 attr)
{
	return (attr & EMUL_ATTR_DPL) >> EMUL_ATTR_DPL_SHIFT;
}

/* What a selector's error code is: the selector without RPL. */
static inline u32 emul_selector_error(u16 selector)
{
	return selector & 0xfffc;
}

/**
 * emul_descriptor_read() - read the descriptor that a selector names
 * @ctxt:	the context, in protected mode
 * @selector:	not null
 * @vector:	exception for a selector beyond its table: #GP or #TS
 * @desc:	gets it
 *
 * The base has 32 bits; emul_descriptor_high() gives the rest of a system
 * segment's.
 *
 * Return: enum emul_result.
 */
enum emul_result emul_descriptor_read(struct emul_ctxt *ctxt, u16 selector, u8 vector,
				      struct emul_descriptor *desc);

/**
 * emul_segment_prepare() - do all checks for loading a data or stack segment
 * @ctxt:	the context
 * @seg:	not CS
 * @selector:	what to load
 * @cpl:	the CPL to check against
 * @desc:	what emul_segment_load() needs
 *
 * Return: EMUL_OK: nothing can fail any more; enum emul_result.
 */
enum emul_result emul_segment_prepare(struct emul_ctxt *ctxt, enum emul_seg seg,
				      u16 selector, unsigned int cpl,
				      struct emul_descriptor *desc);

/**
 * emul_descriptor_mark() - set bits of the type in memory: accessed, or busy
 * @ctxt:	the context
 * @desc:	the descriptor; @segment.attr is changed as well
 * @bits:	EMUL_ATTR_ACCESSED, or EMUL_ATTR_RW for a TSS
 *
 * Return: enum emul_result.
 */
enum emul_result emul_descriptor_mark(struct emul_ctxt *ctxt, struct emul_descriptor *desc,
				      u16 bits);

/**
 * emul_segment_real() - what a selector means in real or vm86 mode
 * @ctxt:	the context
 * @seg:	the segment register it is for
 * @selector:	the selector
 * @segment:	gets it
 */
void emul_segment_real(struct emul_ctxt *ctxt, enum emul_seg seg, u16 selector,
		       struct emul_segment *segment);

/**
 * emul_far_pointer() - read the far pointer that ModRM addresses
 * @ctxt:	the context
 * @offset:	gets its offset
 * @selector:	gets its selector
 *
 * Return: enum emul_result.
 */
enum emul_result emul_far_pointer(struct emul_ctxt *ctxt, struct emul_operand *offset,
				  struct emul_operand *selector);

/**
 * emul_check_umip() - may user programs look at the system?
 * @ctxt:	the context
 *
 * Return: EMUL_OK; #GP(0) with CR4.UMIP and CPL above 0.
 */
enum emul_result emul_check_umip(struct emul_ctxt *ctxt);

/* ---- system.c ---- */

/**
 * emul_check_pio() - may the guest use these ports?
 * @ctxt:	the context
 * @port:	the first
 * @bytes:	how many: 1, 2 or 4
 *
 * Return: EMUL_OK; #GP(0); enum emul_result of reading the TSS.
 */
enum emul_result emul_check_pio(struct emul_ctxt *ctxt, u16 port, unsigned int bytes);

#endif
