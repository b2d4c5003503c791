// SPDX-License-Identifier: GPL-2.0-only
/*
 * The real CPU is the oracle: the same instruction, with the same registers,
 * flags and memory, is run on it and in the emulator, and what comes out is
 * compared: registers, flags that are defined, memory, where execution goes on,
 * or which exception was raised.
 *
 *	differential [-n CASES_PER_TEMPLATE] [-s SEED] [-t TEMPLATE]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <asm/processor-flags.h>
#include "cases.h"
#include "program.h"

#ifdef __SANITIZE_ADDRESS__
#define DEFAULT_CASES	150
#else
#define DEFAULT_CASES	1000
#endif

static struct native native;
static struct program program;
static bool long64;
static unsigned long cases_run, faults_seen;
static unsigned int points, failed;

/* ---- one case ---- */

static bool differs(const char *what, u64 real, u64 emulated)
{
	if (real != emulated)
		printf("#   %s: CPU %#llx, emulator %#llx\n", what, (unsigned long long)real,
		       (unsigned long long)emulated);
	return real != emulated;
}

static unsigned int compare_registers(const struct test_case *test)
{
	static const char *const names[] = {
		"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
		"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
	};
	unsigned int wrong = 0, i;
	u64 undefined = test->undefined;
	u64 mask = long64 ? ~0ull : 0xffffffff;

	for (i = 0; i < (long64 ? 16 : 8); i++)
		wrong += differs(names[i], native.out.gpr[i] & mask, program.gpr[i]);
	wrong += differs("flags", native.out.flags & ~undefined & NATIVE_FLAGS,
			 program.ctxt.rflags & ~undefined & NATIVE_FLAGS);
	if (native.vector >= 0)
		return wrong;
	for (i = 0; i < 32; i++)
		wrong += differs(i % 2 ? "xmm (high)" : "xmm (low)", native.out.xmm[i / 2][i % 2],
				 program.xmm[i / 2][i % 2]);
	return wrong;
}

static unsigned int compare_fault(enum emul_result result)
{
	unsigned int wrong;

	faults_seen++;
	if (result != EMUL_FAULT)
		return differs("result (exception instead of)", native.vector, result + 1000);
	wrong = differs("vector", native.vector, program.ctxt.exception.vector);
	if (!wrong && native.vector == EMUL_EXC_PF) {
		wrong += differs("#PF error code", native.error & (PF_USER | PF_WRITE),
				 program.ctxt.exception.error);
		wrong += differs("#PF address", native.address, program.ctxt.exception.address);
	}
	return wrong + differs("rip", (unsigned long)native.code, program.ctxt.rip);
}

static unsigned int compare(const struct test_case *test, enum emul_result result,
			    const u8 *real_scratch)
{
	unsigned int wrong = 0, i;
	u64 end = (unsigned long)native.code + test->length;

	if (native.vector >= 0)
		wrong += compare_fault(result);
	else if (result != EMUL_OK)
		wrong += differs("result", EMUL_OK, result);
	else
		wrong += differs("rip", end + (native.landed ? test->taken : 0), program.ctxt.rip);
	wrong += compare_registers(test);
	for (i = 0; i < SCRATCH_BYTES && wrong < 8; i++) {
		if (real_scratch[i] == native.scratch[i])
			continue;
		printf("#   at scratch + %#x:\n", i);
		wrong += differs("memory", real_scratch[i], native.scratch[i]);
	}
	return wrong;
}

static void describe(const struct template *template, const struct test_case *test)
{
	unsigned int i;

	printf("# %s, %s mode:", template->name, long64 ? "64-bit" : "32-bit");
	for (i = 0; i < test->length; i++)
		printf(" %02x", test->bytes[i]);
	printf("; flags %#llx; registers", (unsigned long long)test->regs.flags);
	for (i = 0; i < (long64 ? 16 : 8); i++)
		printf(" %llx", (unsigned long long)test->regs.gpr[i]);
	printf("; scratch at %p\n", (void *)native.scratch);
}

/* The pushed image has flags that belong to the kernel: compare the others only. */
static void hide_flags_image(const struct template *template, u8 *scratch, u64 rsp)
{
	unsigned long offset = rsp - (unsigned long)native.scratch;

	if ((template->flags & T_FLAGS_IMAGE) && offset < SCRATCH_BYTES - 8)
		memset(scratch + offset, 0, 8);
}

/* An atomic access across cache lines, which the emulator declines. */
static bool is_split_lock(enum emul_result result)
{
	bool alu = program.ctxt.dst.kind == EMUL_OPERAND_MEM;
	u64 ea = alu ? program.ctxt.dst.ea : program.ctxt.insn.mem_ea;
	unsigned int bytes = alu ? program.ctxt.dst.bytes : 2u * program.ctxt.insn.opsize;

	return result == EMUL_UNHANDLEABLE && program.ctxt.insn.mod != 3 && (ea & 63) + bytes > 64;
}

static bool run_case(const struct template *template)
{
	static struct test_case test;
	static u8 real_scratch[SCRATCH_BYTES];
	enum emul_result result;

	do
		case_make(&test, template, &native, long64);
	while (test.skip);
	memcpy(native.code, test.bytes, test.length);
	memcpy(native.scratch, test.scratch, SCRATCH_BYTES);
	native.in = test.regs;
	native_run(&native, long64, test.length, test.taken);
	memcpy(real_scratch, native.scratch, SCRATCH_BYTES);
	memcpy(native.scratch, test.scratch, SCRATCH_BYTES);
	program_start(&program, &test.regs, long64);
	result = program_step(&program);
	if ((template->flags & T_LOCK) && is_split_lock(result))
		return true;
	cases_run++;
	hide_flags_image(template, real_scratch, native.out.gpr[EMUL_RSP]);
	hide_flags_image(template, native.scratch, native.out.gpr[EMUL_RSP]);
	if (!compare(&test, result, real_scratch))
		return true;
	describe(template, &test);
	return false;
}

static void run_template(const struct template *template, unsigned int cases)
{
	unsigned int wrong = 0, i;

	for (i = 0; i < cases && wrong < 3; i++)
		wrong += !run_case(template);
	points++;
	failed += wrong > 0;
	printf("%sok %u - %s, %s mode: %u cases\n", wrong ? "not " : "", points, template->name,
	       long64 ? "64-bit" : "32-bit", i);
}

static void run_mode(unsigned int cases, const char *only)
{
	unsigned int i;

	for (i = 0; i < template_count; i++) {
		if (templates[i].flags & (long64 ? T_LEGACY_ONLY : T_LONG_ONLY))
			continue;
		if (!only || !strcmp(only, templates[i].name))
			run_template(&templates[i], cases);
	}
}

int main(int argc, char **argv)
{
	unsigned int cases = DEFAULT_CASES;
	const char *only = NULL;
	bool has_32bit;
	u64 seed = 1;
	int option;

	while ((option = getopt(argc, argv, "n:s:t:")) != -1) {
		if (option == 'n')
			cases = strtoul(optarg, NULL, 0);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (option == 't')
			only = optarg;
		else
			return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	has_32bit = native_setup(&native);
	program_setup(&program, &native);
	case_seed(seed);
	long64 = true;
	run_mode(cases, only);
	long64 = false;
	if (has_32bit)
		run_mode(cases, only);
	else
		printf("ok %u - 32-bit mode # SKIP this kernel has no 32-bit segments\n", ++points);
	printf("# %lu cases on CPU and emulator, %lu of them raised an exception\n", cases_run,
	       faults_seen);
	printf("1..%u\n", points);
	return failed != 0;
}
