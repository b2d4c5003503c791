/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Running one instruction on the real CPU.
 *
 * All of it lives below 2 GiB: a page of code, the registers to load and those
 * that came out, and a scratch area between two guard areas that fault.
 */
#ifndef QUIRE_TESTS_EMUL_NATIVE_H
#define QUIRE_TESTS_EMUL_NATIVE_H

#include <stdbool.h>
#include "../../../src/emul/emul.h"

#define SCRATCH_BYTES	8192u
#define GUARD_BYTES	8192u

/* What is below GS in tests: an odd number, to see that it is added. */
#define NATIVE_GS_BASE	0x12340ull

/* The flags that a program can set and read back. */
#define NATIVE_FLAGS	0xcd5ull

/**
 * struct native_regs - registers before or after an instruction
 * @gpr:	general registers
 * @flags:	NATIVE_FLAGS of RFLAGS
 * @xmm:	XMM registers
 */
struct native_regs {
	u64 gpr[EMUL_GPRS];
	u64 flags;
	u64 xmm[16][2];
};

/**
 * struct native - the test bench
 * @code:	where the instruction is put
 * @scratch:	memory for its operands, SCRATCH_BYTES
 * @in:		registers that it finds
 * @out:	registers that it leaves
 * @landed:	0: it went on behind itself; 1: it went to the branch target
 * @vector:	-1, or the exception that it raised; @out is then what the handler saw
 * @error:	the error code of a page fault
 * @address:	the address of a page fault
 * @fs_base:	base of FS in 64-bit mode
 */
struct native {
	u8 *code;
	u8 *scratch;
	struct native_regs in;
	struct native_regs out;
	unsigned int landed;
	int vector;
	u32 error;
	u64 address;
	u64 fs_base;
};

/**
 * native_setup() - map memory, install signal handlers
 * @native:	the bench
 *
 * Return: true if 32-bit code can be run, too.
 */
bool native_setup(struct native *native);

/**
 * native_run() - run the instruction in @native->code
 * @native:	the bench
 * @long64:	in 64-bit mode, else in 32-bit compatibility mode
 * @length:	of the instruction, in bytes
 * @taken:	offset of the branch target from its end; 0: it does not branch
 */
void native_run(struct native *native, bool long64, unsigned int length, unsigned int taken);

#endif
