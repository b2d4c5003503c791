/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random instructions from templates.
 *
 * A template says how an instruction is encoded, in the notation of the manuals:
 *
 *	"0f a4 /r ib"	bytes, then what follows
 *	/r  /0../7	ModRM with a random register field, or this digit
 *	m  g		only with a memory operand, or with a register one
 *	+r		the low three bits of the opcode are a register
 *	ib iw iz iv	immediates
 *	rel8 relz	branch displacements
 *
 * A case is one random choice of prefixes, registers, addressing form, immediate,
 * operands and flags.
 */
#ifndef QUIRE_TESTS_EMUL_CASES_H
#define QUIRE_TESTS_EMUL_CASES_H

#include "native.h"

/* How operand sizes are chosen. */
enum template_size {
	SIZE_NONE,		/* prefixes change nothing worth testing */
	SIZE_BYTE,
	SIZE_VARIABLE,		/* 66, REX.W */
	SIZE_STACK,		/* 66 */
	SIZE_WIDE,		/* REX.W */
};

/* What is special about a template. */
#define T_LOCK		0x0001u		/* LOCK is allowed with memory */
#define T_LONG_ONLY	0x0002u
#define T_LEGACY_ONLY	0x0004u
#define T_STRING	0x0008u
#define T_REP		0x0010u		/* string: REP, else REPE and REPNE */
#define T_SHIFT		0x0020u		/* flags depend on the count */
#define T_DIVIDE	0x0040u
#define T_BIT_OFFSET	0x0080u		/* BT with a register: the offset moves the operand */
#define T_COMPARE	0x0100u		/* half of the cases compare equal */
#define T_COUNTER	0x0200u		/* a small RCX */
#define T_INDIRECT	0x0400u		/* the operand is where to go */
#define T_RETURN	0x0800u		/* the top of the stack is where to go */
#define T_FRAME		0x1000u		/* RBP points at a frame */
#define T_ALIGN16	0x2000u		/* align memory to 16 bytes in most cases */
#define T_XLAT		0x4000u
#define T_NO_ADDRESS	0x8000u		/* memory is not touched: any address will do */
#define T_BIG		0x10000u	/* 16-byte operand */
#define T_SOURCE_ZERO	0x20000u	/* a zero source leaves the destination undefined */
#define T_NO_16BIT	0x40000u	/* undefined with 16-bit operands */
#define T_DOUBLE_SHIFT	0x80000u		/* more than the size is undefined */
#define T_FLAGS_IMAGE	0x100000u	/* flags go through memory */
#define T_SAFE_STACK	0x200000u	/* a fault leaves registers undefined */

struct template {
	const char *name;
	const char *encoding;
	enum template_size size;
	u64 undefined;			/* flags that the manual leaves undefined */
	unsigned int flags;		/* T_* */
	u8 prefix;			/* mandatory, or 0 */
};

extern const struct template templates[];
extern const unsigned int template_count;

/**
 * struct test_case - one instruction with all that it needs
 * @bytes:	its encoding
 * @length:	how many
 * @taken:	distance of a branch target from the instruction's end; or 0
 * @undefined:	flags not to compare
 * @skip:	a case the manual does not define: do not run it
 * @regs:	registers before
 * @scratch:	memory before
 */
struct test_case {
	u8 bytes[EMUL_INSN_BYTES_MAX + 1];
	unsigned int length;
	unsigned int taken;
	u64 undefined;
	bool skip;
	struct native_regs regs;
	u8 scratch[SCRATCH_BYTES];
};

/**
 * case_seed() - start the sequence of random numbers
 * @seed:	where
 */
void case_seed(u64 seed);

/**
 * case_random() - the next random number
 *
 * Return: 64 bits.
 */
u64 case_random(void);

/**
 * case_make() - make a random case of a template
 * @test:	gets it
 * @template:	the template
 * @native:	where code and scratch area are
 * @long64:	for 64-bit mode, else for 32-bit mode
 */
void case_make(struct test_case *test, const struct template *template,
	       const struct native *native, bool long64);

#endif
