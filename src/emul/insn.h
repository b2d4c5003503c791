/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A decoded instruction and its operands, as parts of struct emul_ctxt.
 *
 * Owners of a context read these; the emulator alone writes them.
 */
#ifndef QUIRE_EMUL_INSN_H
#define QUIRE_EMUL_INSN_H

#include <linux/types.h>

struct emul_opcode;

/* What kind of thing an operand is. */
enum emul_operand_kind {
	EMUL_OPERAND_NONE,
	EMUL_OPERAND_REG,
	EMUL_OPERAND_MEM,
	EMUL_OPERAND_IMM,
};

/**
 * struct emul_operand - one operand of the instruction
 * @kind:	what it is
 * @bytes:	its size
 * @nr:		REG: the number, see @high; MEM: the enum emul_seg
 * @high:	REG: bits 8..15 of register @nr: AH, CH, DH or BH
 * @val:	its value; of a result: to be written
 * @old:	a result's value before; what a locked write expects in memory
 * @ea:		MEM: offset in the segment
 */
struct emul_operand {
	u8 kind;
	u8 bytes;
	u8 nr;
	bool high;
	u64 val;
	u64 old;
	u64 ea;
};

/**
 * struct emul_insn - a decoded instruction
 * @opcode:	its table entry; NULL if the emulator does not know it
 * @code:	the opcode: the last opcode byte, 0x0f00, 0x0f3800 or 0x0f3a00
 *		added for the maps beyond the first
 * @length:	in bytes, all prefixes and immediates included
 * @opsize:	operand size: 2, 4 or 8 bytes
 * @adsize:	address size: 2, 4 or 8 bytes
 * @rep:	0, 0xf2 or 0xf3: the last such prefix
 * @lock:	a LOCK prefix
 * @opsize_prefix: a 66 prefix
 * @rex:	the REX prefix, or 0
 * @seg:	the segment override, an enum emul_seg, or -1
 * @modrm:	the ModRM byte
 * @mod:	its mod field
 * @reg:	its reg field, REX.R included
 * @rm:		its rm field, REX.B included
 * @mem_seg:	the segment of the memory operand
 * @rip_relative: @mem_ea has yet to get the address of the next instruction
 * @mem_ea:	its offset
 * @imm:	the immediate, sign-extended unless the entry says otherwise;
 *		for a far pointer the offset
 * @imm2:	the second immediate: of ENTER, of a far pointer the selector
 */
struct emul_insn {
	const struct emul_opcode *opcode;
	u32 code;
	u8 length;
	u8 opsize;
	u8 adsize;
	u8 rep;
	bool lock;
	bool opsize_prefix;
	u8 rex;
	s8 seg;
	u8 modrm;
	u8 mod;
	u8 reg;
	u8 rm;
	u8 mem_seg;
	bool rip_relative;
	u64 mem_ea;
	u64 imm;
	u16 imm2;
};

#endif
