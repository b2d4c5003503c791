/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A user program in the emulator: the world that native.h has on the CPU.  Memory
 * is our own address space, of which it sees the scratch area, flat segments,
 * CPL 3.
 */
#ifndef QUIRE_TESTS_EMUL_PROGRAM_H
#define QUIRE_TESTS_EMUL_PROGRAM_H

#include "native.h"

#define PF_WRITE	0x2u
#define PF_USER		0x4u

/**
 * struct program - the program
 * @ctxt:	the emulator
 * @gpr:	general registers
 * @xmm:	XMM registers
 * @native:	where code and scratch area are
 * @long64:	in 64-bit mode, else in 32-bit compatibility mode
 * @strayed:	it asked for memory of which nobody knows whether it is there:
 *		neither the scratch area nor its guards, nor without canonical form
 */
struct program {
	struct emul_ctxt ctxt;
	u64 gpr[EMUL_GPRS];
	u64 xmm[16][2];
	const struct native *native;
	bool long64;
	bool strayed;
	u8 pio_buf[64];
};

/**
 * program_setup() - once
 * @program:	the program, zeroed
 * @native:	the bench, set up
 *
 * The emulator does what this CPU does where CPUs differ.
 */
void program_setup(struct program *program, const struct native *native);

/**
 * program_start() - registers, RIP at the code
 * @program:	the program
 * @regs:	what it finds
 * @long64:	in 64-bit mode
 */
void program_start(struct program *program, const struct native_regs *regs, bool long64);

/**
 * program_step() - emulate one instruction to its end
 * @program:	the program
 *
 * Return: enum emul_result, EMUL_AGAIN excepted.
 */
enum emul_result program_step(struct program *program);

#endif
