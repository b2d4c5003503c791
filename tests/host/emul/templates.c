// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a user program can execute, opcode by opcode, and which flags the
 * manuals leave undefined for it.
 */
#include <asm/processor-flags.h>
#include "cases.h"

#define CF	X86_EFLAGS_CF
#define PF	X86_EFLAGS_PF
#define AF	X86_EFLAGS_AF
#define ZF	X86_EFLAGS_ZF
#define SF	X86_EFLAGS_SF
#define OF	X86_EFLAGS_OF

#define B	SIZE_BYTE
#define V	SIZE_VARIABLE
#define S	SIZE_STACK
#define W	SIZE_WIDE
#define N	SIZE_NONE

#define LOCK	T_LOCK
#define LONG	T_LONG_ONLY
#define LEGACY	T_LEGACY_ONLY

/* Arithmetic in its nine forms: the opcode's row, and its digit in group 1. */
#define ALU(name, o0, o1, o2, o3, o4, o5, digit, undefined, lock)		\
	{ name " r/m8, r8", o0 " /r", B, undefined, lock, 0 },			\
	{ name " r/m, r", o1 " /r", V, undefined, lock, 0 },			\
	{ name " r8, r/m8", o2 " /r", B, undefined, 0, 0 },			\
	{ name " r, r/m", o3 " /r", V, undefined, 0, 0 },			\
	{ name " al, imm8", o4 " ib", B, undefined, 0, 0 },			\
	{ name " eax, imm", o5 " iz", V, undefined, 0, 0 },			\
	{ name " r/m8, imm8", "80 " digit " ib", B, undefined, lock, 0 },	\
	{ name " r/m, imm", "81 " digit " iz", V, undefined, lock, 0 },	\
	{ name " r/m, simm8", "83 " digit " ib", V, undefined, lock, 0 }

#define SHIFT(name, digit, undefined)						\
	{ name " r/m8, imm8", "c0 " digit " ib", B, undefined, T_SHIFT, 0 },	\
	{ name " r/m, imm8", "c1 " digit " ib", V, undefined, T_SHIFT, 0 },	\
	{ name " r/m8, 1", "d0 " digit, B, undefined, T_SHIFT, 0 },		\
	{ name " r/m, 1", "d1 " digit, V, undefined, T_SHIFT, 0 },		\
	{ name " r/m8, cl", "d2 " digit, B, undefined, T_SHIFT, 0 },		\
	{ name " r/m, cl", "d3 " digit, V, undefined, T_SHIFT, 0 }

#define STRING(name, byte, wide, flags)						\
	{ name "b", byte, B, 0, T_STRING | (flags), 0 },			\
	{ name, wide, V, 0, T_STRING | (flags), 0 }

#define CONDITION(code)								\
	{ "cmov" code, "0f 4" code " /r", V, 0, 0, 0 },				\
	{ "set" code, "0f 9" code " /r", B, 0, 0, 0 },				\
	{ "j" code " rel8", "7" code " rel8", N, 0, 0, 0 },			\
	{ "j" code " rel32", "0f 8" code " relz", N, 0, 0, 0 }

const struct template templates[] = {
	ALU("add", "00", "01", "02", "03", "04", "05", "/0", 0, LOCK),
	ALU("or", "08", "09", "0a", "0b", "0c", "0d", "/1", AF, LOCK),
	ALU("adc", "10", "11", "12", "13", "14", "15", "/2", 0, LOCK),
	ALU("sbb", "18", "19", "1a", "1b", "1c", "1d", "/3", 0, LOCK),
	ALU("and", "20", "21", "22", "23", "24", "25", "/4", AF, LOCK),
	ALU("sub", "28", "29", "2a", "2b", "2c", "2d", "/5", 0, LOCK),
	ALU("xor", "30", "31", "32", "33", "34", "35", "/6", AF, LOCK),
	ALU("cmp", "38", "39", "3a", "3b", "3c", "3d", "/7", 0, 0),
	{ "alu82", "82 /3 ib", B, 0, LOCK | LEGACY, 0 },
	{ "test r/m8, r8", "84 /r", B, AF, 0, 0 },
	{ "test r/m, r", "85 /r", V, AF, 0, 0 },
	{ "test al, imm8", "a8 ib", B, AF, 0, 0 },
	{ "test eax, imm", "a9 iz", V, AF, 0, 0 },
	{ "test r/m8, imm8", "f6 /0 ib", B, AF, 0, 0 },
	{ "test r/m, imm", "f7 /0 iz", V, AF, 0, 0 },
	{ "inc r/m8", "fe /0", B, 0, LOCK, 0 },
	{ "inc r/m", "ff /0", V, 0, LOCK, 0 },
	{ "dec r/m8", "fe /1", B, 0, LOCK, 0 },
	{ "dec r/m", "ff /1", V, 0, LOCK, 0 },
	{ "inc r", "40 +r", V, 0, LEGACY, 0 },
	{ "dec r", "48 +r", V, 0, LEGACY, 0 },
	{ "not r/m8", "f6 /2", B, 0, LOCK, 0 },
	{ "not r/m", "f7 /2", V, 0, LOCK, 0 },
	{ "neg r/m8", "f6 /3", B, 0, LOCK, 0 },
	{ "neg r/m", "f7 /3", V, 0, LOCK, 0 },
	{ "mul r/m8", "f6 /4", B, SF | ZF | AF | PF, 0, 0 },
	{ "mul r/m", "f7 /4", V, SF | ZF | AF | PF, 0, 0 },
	{ "imul r/m8", "f6 /5", B, SF | ZF | AF | PF, 0, 0 },
	{ "imul r/m", "f7 /5", V, SF | ZF | AF | PF, 0, 0 },
	{ "imul r, r/m", "0f af /r", V, SF | ZF | AF | PF, 0, 0 },
	{ "imul r, r/m, imm", "69 /r iz", V, SF | ZF | AF | PF, 0, 0 },
	{ "imul r, r/m, simm8", "6b /r ib", V, SF | ZF | AF | PF, 0, 0 },
	{ "div r/m8", "f6 /6", B, CF | OF | SF | ZF | AF | PF, T_DIVIDE, 0 },
	{ "div r/m", "f7 /6", V, CF | OF | SF | ZF | AF | PF, T_DIVIDE, 0 },
	{ "idiv r/m8", "f6 /7", B, CF | OF | SF | ZF | AF | PF, T_DIVIDE, 0 },
	{ "idiv r/m", "f7 /7", V, CF | OF | SF | ZF | AF | PF, T_DIVIDE, 0 },
	{ "daa", "27", N, OF, LEGACY, 0 },
	{ "das", "2f", N, OF, LEGACY, 0 },
	{ "aaa", "37", N, OF | SF | ZF | PF, LEGACY, 0 },
	{ "aas", "3f", N, OF | SF | ZF | PF, LEGACY, 0 },
	{ "aam", "d4 ib", N, OF | AF | CF, LEGACY, 0 },
	{ "aad", "d5 ib", N, OF | AF | CF, LEGACY, 0 },
	{ "salc", "d6", N, 0, LEGACY, 0 },
	{ "cbw", "98", V, 0, 0, 0 },
	{ "cwd", "99", V, 0, 0, 0 },

	SHIFT("rol", "/0", 0),
	SHIFT("ror", "/1", 0),
	SHIFT("rcl", "/2", 0),
	SHIFT("rcr", "/3", 0),
	SHIFT("shl", "/4", AF),
	SHIFT("shr", "/5", AF),
	SHIFT("shl6", "/6", AF),
	SHIFT("sar", "/7", AF),
	{ "shld imm8", "0f a4 /r ib", V, AF, T_SHIFT | T_DOUBLE_SHIFT, 0 },
	{ "shld cl", "0f a5 /r", V, AF, T_SHIFT | T_DOUBLE_SHIFT, 0 },
	{ "shrd imm8", "0f ac /r ib", V, AF, T_SHIFT | T_DOUBLE_SHIFT, 0 },
	{ "shrd cl", "0f ad /r", V, AF, T_SHIFT | T_DOUBLE_SHIFT, 0 },
	{ "bt r/m, r", "0f a3 /r", V, OF | SF | AF | PF, T_BIT_OFFSET, 0 },
	{ "bts r/m, r", "0f ab /r", V, OF | SF | AF | PF, T_BIT_OFFSET | LOCK, 0 },
	{ "btr r/m, r", "0f b3 /r", V, OF | SF | AF | PF, T_BIT_OFFSET | LOCK, 0 },
	{ "btc r/m, r", "0f bb /r", V, OF | SF | AF | PF, T_BIT_OFFSET | LOCK, 0 },
	{ "bt r/m, imm8", "0f ba /4 ib", V, OF | SF | AF | PF, 0, 0 },
	{ "bts r/m, imm8", "0f ba /5 ib", V, OF | SF | AF | PF, LOCK, 0 },
	{ "btr r/m, imm8", "0f ba /6 ib", V, OF | SF | AF | PF, LOCK, 0 },
	{ "btc r/m, imm8", "0f ba /7 ib", V, OF | SF | AF | PF, LOCK, 0 },
	{ "bsf", "0f bc /r", V, CF | OF | SF | AF | PF, T_SOURCE_ZERO, 0 },
	{ "bsr", "0f bd /r", V, CF | OF | SF | AF | PF, T_SOURCE_ZERO, 0 },
	{ "tzcnt", "0f bc /r", V, OF | SF | AF | PF, 0, 0xf3 },
	{ "lzcnt", "0f bd /r", V, OF | SF | AF | PF, 0, 0xf3 },
	{ "popcnt", "0f b8 /r", V, 0, 0, 0xf3 },
	{ "bswap", "0f c8 +r", V, 0, T_NO_16BIT, 0 },
	{ "movbe r, m", "0f 38 f0 /r m", V, 0, 0, 0 },
	{ "movbe m, r", "0f 38 f1 /r m", V, 0, 0, 0 },

	{ "mov r/m8, r8", "88 /r", B, 0, 0, 0 },
	{ "mov r/m, r", "89 /r", V, 0, 0, 0 },
	{ "mov r8, r/m8", "8a /r", B, 0, 0, 0 },
	{ "mov r, r/m", "8b /r", V, 0, 0, 0 },
	{ "mov r8, imm8", "b0 +r ib", B, 0, 0, 0 },
	{ "mov r, imm", "b8 +r iv", V, 0, 0, 0 },
	{ "mov r/m8, imm8", "c6 /0 ib", B, 0, 0, 0 },
	{ "mov r/m, imm", "c7 /0 iz", V, 0, 0, 0 },
	{ "mov r/m, sreg", "8c /3", V, 0, 0, 0 },
	{ "movzx r, r/m8", "0f b6 /r", V, 0, 0, 0 },
	{ "movzx r, r/m16", "0f b7 /r", V, 0, 0, 0 },
	{ "movsx r, r/m8", "0f be /r", V, 0, 0, 0 },
	{ "movsx r, r/m16", "0f bf /r", V, 0, 0, 0 },
	{ "movsxd", "63 /r", W, 0, LONG, 0 },
	{ "arpl", "63 /r", N, 0, LEGACY, 0 },
	{ "movnti", "0f c3 /r m", W, 0, 0, 0 },
	{ "lea", "8d /r m", V, 0, T_NO_ADDRESS, 0 },
	{ "xchg r/m8, r8", "86 /r", B, 0, LOCK, 0 },
	{ "xchg r/m, r", "87 /r", V, 0, LOCK, 0 },
	{ "xchg eax, r", "90 +r", V, 0, 0, 0 },
	{ "xadd r/m8, r8", "0f c0 /r", B, 0, LOCK, 0 },
	{ "xadd r/m, r", "0f c1 /r", V, 0, LOCK, 0 },
	{ "cmpxchg r/m8, r8", "0f b0 /r", B, 0, LOCK | T_COMPARE, 0 },
	{ "cmpxchg r/m, r", "0f b1 /r", V, 0, LOCK | T_COMPARE, 0 },
	{ "cmpxchg8b", "0f c7 /1 m", W, 0, LOCK | T_COMPARE | T_ALIGN16, 0 },
	{ "xlat", "d7", N, 0, T_XLAT, 0 },
	{ "bound", "62 /r m", V, 0, LEGACY, 0 },
	{ "nop r/m", "0f 1f /0", V, 0, 0, 0 },
	{ "pause", "90", N, 0, 0, 0xf3 },
	{ "sahf", "9e", N, 0, 0, 0 },
	{ "lahf", "9f", N, 0, 0, 0 },
	{ "clc", "f8", N, 0, 0, 0 },
	{ "stc", "f9", N, 0, 0, 0 },
	{ "cmc", "f5", N, 0, 0, 0 },
	{ "cld", "fc", N, 0, 0, 0 },
	{ "std", "fd", N, 0, 0, 0 },
	{ "lfence", "0f ae e8", N, 0, 0, 0 },

	STRING("movs", "a4", "a5", T_REP),
	STRING("cmps", "a6", "a7", 0),
	STRING("stos", "aa", "ab", T_REP),
	STRING("lods", "ac", "ad", T_REP),
	STRING("scas", "ae", "af", 0),

	{ "push r", "50 +r", S, 0, 0, 0 },
	{ "pop r", "58 +r", S, 0, 0, 0 },
	{ "push imm", "68 iz", S, 0, 0, 0 },
	{ "push simm8", "6a ib", S, 0, 0, 0 },
	{ "push r/m", "ff /6", S, 0, 0, 0 },
	{ "pop r/m", "8f /0", S, 0, 0, 0 },
	{ "push fs", "0f a0", S, 0, 0, 0 },
	{ "push gs", "0f a8", S, 0, 0, 0 },
	{ "pusha", "60", S, 0, LEGACY, 0 },
	{ "popa", "61", S, 0, LEGACY | T_SAFE_STACK, 0 },
	{ "pushf", "9c", S, 0, T_FLAGS_IMAGE, 0 },
	{ "popf", "9d", S, 0, T_FLAGS_IMAGE, 0 },
	{ "enter", "c8 iw ib", S, 0, T_FRAME, 0 },
	{ "leave", "c9", S, 0, T_FRAME, 0 },

	CONDITION("0"), CONDITION("1"), CONDITION("2"), CONDITION("3"),
	CONDITION("4"), CONDITION("5"), CONDITION("6"), CONDITION("7"),
	CONDITION("8"), CONDITION("9"), CONDITION("a"), CONDITION("b"),
	CONDITION("c"), CONDITION("d"), CONDITION("e"), CONDITION("f"),
	{ "jmp rel8", "eb rel8", N, 0, 0, 0 },
	{ "jmp rel32", "e9 relz", N, 0, 0, 0 },
	{ "jmp r/m", "ff /4", N, 0, T_INDIRECT, 0 },
	{ "call rel32", "e8 relz", N, 0, 0, 0 },
	{ "call r/m", "ff /2", N, 0, T_INDIRECT, 0 },
	{ "ret", "c3", N, 0, T_RETURN, 0 },
	{ "ret imm16", "c2 iw", N, 0, T_RETURN, 0 },
	{ "loopne", "e0 rel8", N, 0, T_COUNTER, 0 },
	{ "loope", "e1 rel8", N, 0, T_COUNTER, 0 },
	{ "loop", "e2 rel8", N, 0, T_COUNTER, 0 },
	{ "jcxz", "e3 rel8", N, 0, T_COUNTER, 0 },
	{ "ud2", "0f 0b", N, 0, 0, 0 },
	{ "hlt", "f4", N, 0, 0, 0 },
	{ "cli", "fa", N, 0, 0, 0 },
	{ "clts", "0f 06", N, 0, 0, 0 },
	{ "wbinvd", "0f 09", N, 0, 0, 0 },
	{ "rdmsr", "0f 32", N, 0, 0, 0 },
	{ "wrmsr", "0f 30", N, 0, 0, 0 },
	{ "mov r, cr0", "0f 20 /0 g", N, 0, 0, 0 },
	{ "mov cr0, r", "0f 22 /0 g", N, 0, 0, 0 },
	{ "mov dr7, r", "0f 23 /7 g", N, 0, 0, 0 },
	{ "invlpg", "0f 01 /7 m", N, 0, 0, 0 },
	{ "lgdt", "0f 01 /2 m", N, 0, 0, 0 },
	{ "lmsw", "0f 01 /6", N, 0, 0, 0 },
	{ "in al, dx", "ec", N, 0, 0, 0 },
	{ "out imm8, eax", "e7 ib", N, 0, 0, 0 },

	{ "movups x, x/m", "0f 10 /r", N, 0, T_BIG, 0 },
	{ "movups x/m, x", "0f 11 /r", N, 0, T_BIG, 0 },
	{ "movupd x, x/m", "0f 10 /r", N, 0, T_BIG, 0x66 },
	{ "movupd x/m, x", "0f 11 /r", N, 0, T_BIG, 0x66 },
	{ "movaps x, x/m", "0f 28 /r", N, 0, T_BIG | T_ALIGN16, 0 },
	{ "movaps x/m, x", "0f 29 /r", N, 0, T_BIG | T_ALIGN16, 0 },
	{ "movapd x, x/m", "0f 28 /r", N, 0, T_BIG | T_ALIGN16, 0x66 },
	{ "movapd x/m, x", "0f 29 /r", N, 0, T_BIG | T_ALIGN16, 0x66 },
	{ "movdqa x, x/m", "0f 6f /r", N, 0, T_BIG | T_ALIGN16, 0x66 },
	{ "movdqa x/m, x", "0f 7f /r", N, 0, T_BIG | T_ALIGN16, 0x66 },
	{ "movdqu x, x/m", "0f 6f /r", N, 0, T_BIG, 0xf3 },
	{ "movdqu x/m, x", "0f 7f /r", N, 0, T_BIG, 0xf3 },
	{ "lddqu", "0f f0 /r m", N, 0, T_BIG, 0xf2 },
	{ "movntps", "0f 2b /r m", N, 0, T_BIG | T_ALIGN16, 0 },
	{ "movntpd", "0f 2b /r m", N, 0, T_BIG | T_ALIGN16, 0x66 },
	{ "movntdq", "0f e7 /r m", N, 0, T_BIG | T_ALIGN16, 0x66 },
	{ "movlps x, x/m", "0f 12 /r", N, 0, 0, 0 },
	{ "movlps m, x", "0f 13 /r m", N, 0, 0, 0 },
	{ "movlpd x, m", "0f 12 /r m", N, 0, 0, 0x66 },
	{ "movlpd m, x", "0f 13 /r m", N, 0, 0, 0x66 },
	{ "movhps x, x/m", "0f 16 /r", N, 0, 0, 0 },
	{ "movhps m, x", "0f 17 /r m", N, 0, 0, 0 },
	{ "movhpd x, m", "0f 16 /r m", N, 0, 0, 0x66 },
	{ "movhpd m, x", "0f 17 /r m", N, 0, 0, 0x66 },
	{ "movss x, x/m", "0f 10 /r", N, 0, 0, 0xf3 },
	{ "movss x/m, x", "0f 11 /r", N, 0, 0, 0xf3 },
	{ "movsd x, x/m", "0f 10 /r", N, 0, 0, 0xf2 },
	{ "movsd x/m, x", "0f 11 /r", N, 0, 0, 0xf2 },
	{ "movd x, r/m", "0f 6e /r", W, 0, 0, 0x66 },
	{ "movd r/m, x", "0f 7e /r", W, 0, 0, 0x66 },
	{ "movq x, x/m64", "0f 7e /r", N, 0, 0, 0xf3 },
	{ "movq x/m64, x", "0f d6 /r", N, 0, 0, 0x66 },
};

const unsigned int template_count = sizeof(templates) / sizeof(templates[0]);
