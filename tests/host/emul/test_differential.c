// SPDX-License-Identifier: GPL-2.0-only
/*
 * The real CPU is the oracle: the same instruction, with the same registers,
 * flags and memory, is run on it and in the emulator, and what comes out is
 * compared: registers, flags that are defined, memory, where execution goes on,
 * or which exception was raised.
 *
 *	differential [-n CASES_PER_TEMPLATE] [-s SEED] [-t TEMPLATE]
 */
#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <asm/processor-flags.h>
#include "cases.h"

#define PF_WRITE	0x2u
#define PF_USER		0x4u

#ifdef __SANITIZE_ADDRESS__
#define DEFAULT_CASES	150
#else
#define DEFAULT_CASES	1000
#endif

static struct native native;
static struct emul_ctxt ctxt;
static u64 emul_gpr[EMUL_GPRS];
static u64 emul_xmm[16][2];
static u8 pio_buf[64];
static bool long64;
static unsigned long cases_run, faults_seen;
static unsigned int points, failed;

/* ---- the emulator's world: our own address space ---- */

static bool reachable(gva_t gva, unsigned int bytes)
{
	unsigned long offset = gva - (unsigned long)native.scratch;

	return offset < SCRATCH_BYTES && offset + bytes <= SCRATCH_BYTES;
}

static enum emul_result op_fetch(struct emul_ctxt *c, gva_t gva, void *buf, unsigned int bytes)
{
	(void)c;
	memcpy(buf, (const void *)gva, bytes);
	return EMUL_OK;
}

static enum emul_result op_probe(struct emul_ctxt *c, gva_t gva, unsigned int bytes,
				 unsigned int flags)
{
	if (reachable(gva, bytes))
		return EMUL_OK;
	return emul_page_fault(c, PF_USER | (flags & EMUL_ACC_WRITE ? PF_WRITE : 0), gva);
}

static enum emul_result op_read(struct emul_ctxt *c, gva_t gva, void *buf, unsigned int bytes,
				unsigned int flags)
{
	enum emul_result result = op_probe(c, gva, bytes, flags);

	if (result == EMUL_OK)
		memcpy(buf, (const void *)gva, bytes);
	return result;
}

static enum emul_result op_write(struct emul_ctxt *c, gva_t gva, const void *buf,
				 unsigned int bytes, unsigned int flags)
{
	enum emul_result result = op_probe(c, gva, bytes, flags);

	if (result == EMUL_OK)
		memcpy((void *)gva, buf, bytes);
	return result;
}

static enum emul_result op_compare_exchange(struct emul_ctxt *c, gva_t gva, void *old,
					    const void *new, unsigned int bytes)
{
	enum emul_result result = op_probe(c, gva, bytes, EMUL_ACC_WRITE);

	if (result != EMUL_OK)
		return result;
	if (memcmp((const void *)gva, old, bytes)) {
		memcpy(old, (const void *)gva, bytes);
		return EMUL_AGAIN;
	}
	memcpy((void *)gva, new, bytes);
	return EMUL_OK;
}

static void op_get_segment(struct emul_ctxt *c, enum emul_seg seg, struct emul_segment *segment)
{
	u16 flat = EMUL_ATTR_P | EMUL_ATTR_DPL | EMUL_ATTR_S | EMUL_ATTR_RW | EMUL_ATTR_G |
		   EMUL_ATTR_ACCESSED;

	(void)c;
	*segment = (struct emul_segment) { .limit = 0xffffffff, .attr = flat | EMUL_ATTR_DB };
	if (seg == EMUL_CS)
		segment->attr = flat | EMUL_ATTR_CODE | (long64 ? EMUL_ATTR_L : EMUL_ATTR_DB);
	if (seg == EMUL_FS)
		segment->base = native.fs_base;
	if (seg == EMUL_GS)
		segment->base = NATIVE_GS_BASE;
	if (seg == EMUL_CS)
		segment->selector = long64 ? 0x33 : 0x23;
	if (seg == EMUL_SS || seg == EMUL_DS || seg == EMUL_ES)
		segment->selector = 0x2b;
	if (seg >= EMUL_SEGS)
		segment->attr = 0;
}

static u64 op_get_cr(struct emul_ctxt *c, unsigned int nr)
{
	(void)c;
	return nr == 0 ? X86_CR0_PE | X86_CR0_PG : nr == 4 ? X86_CR4_OSFXSR : 0;
}

static enum emul_result op_notice(struct emul_ctxt *c, enum emul_notice notice)
{
	(void)c;
	return notice == EMUL_NOTICE_PAUSE ? EMUL_OK : EMUL_UNHANDLEABLE;
}

static void op_read_xmm(struct emul_ctxt *c, unsigned int nr, void *buf)
{
	(void)c;
	memcpy(buf, emul_xmm[nr], 16);
}

static void op_write_xmm(struct emul_ctxt *c, unsigned int nr, const void *buf)
{
	(void)c;
	memcpy(emul_xmm[nr], buf, 16);
}

/* What a user program does not reach is NULL: a call would be a bug. */
static const struct emul_ops ops = {
	.fetch = op_fetch,
	.read = op_read,
	.write = op_write,
	.compare_exchange = op_compare_exchange,
	.probe = op_probe,
	.get_segment = op_get_segment,
	.get_cr = op_get_cr,
	.notice = op_notice,
	.read_xmm = op_read_xmm,
	.write_xmm = op_write_xmm,
};

/* ---- one case ---- */

static enum emul_result emulate(const struct test_case *test)
{
	enum emul_result result;

	memcpy(emul_gpr, test->regs.gpr, sizeof(emul_gpr));
	memcpy(emul_xmm, test->regs.xmm, sizeof(emul_xmm));
	ctxt.mode = long64 ? EMUL_MODE_LONG64 : EMUL_MODE_PROT32;
	ctxt.cpl = 3;
	ctxt.rip = (unsigned long)native.code;
	ctxt.rflags = test->regs.flags | X86_EFLAGS_FIXED | X86_EFLAGS_IF;
	do {
		ctxt.fetched_bytes = 0;
		result = emul_decode(&ctxt);
		if (result == EMUL_OK)
			result = emul_execute(&ctxt);
	} while (result == EMUL_AGAIN);
	return result;
}

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
		wrong += differs(names[i], native.out.gpr[i] & mask, emul_gpr[i]);
	wrong += differs("flags", native.out.flags & ~undefined & NATIVE_FLAGS,
			 ctxt.rflags & ~undefined & NATIVE_FLAGS);
	if (native.vector >= 0)
		return wrong;
	for (i = 0; i < 32; i++)
		wrong += differs(i % 2 ? "xmm (high)" : "xmm (low)", native.out.xmm[i / 2][i % 2],
				 emul_xmm[i / 2][i % 2]);
	return wrong;
}

static unsigned int compare_fault(enum emul_result result)
{
	unsigned int wrong;

	faults_seen++;
	if (result != EMUL_FAULT)
		return differs("result (exception instead of)", native.vector, result + 1000);
	wrong = differs("vector", native.vector, ctxt.exception.vector);
	if (!wrong && native.vector == EMUL_EXC_PF) {
		wrong += differs("#PF error code", native.error & (PF_USER | PF_WRITE),
				 ctxt.exception.error);
		wrong += differs("#PF address", native.address, ctxt.exception.address);
	}
	return wrong + differs("rip", (unsigned long)native.code, ctxt.rip);
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
		wrong += differs("rip", end + (native.landed ? test->taken : 0), ctxt.rip);
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
	bool alu = ctxt.dst.kind == EMUL_OPERAND_MEM;
	u64 ea = alu ? ctxt.dst.ea : ctxt.insn.mem_ea;
	unsigned int bytes = alu ? ctxt.dst.bytes : 2u * ctxt.insn.opsize;

	return result == EMUL_UNHANDLEABLE && ctxt.insn.mod != 3 && (ea & 63) + bytes > 64;
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
	result = emulate(&test);
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

/* The emulator does what this CPU does where they differ. */
static u8 this_cpu(void)
{
	unsigned int a, b, c, d;
	u8 cpu = 0;

	__cpuid(0, a, b, c, d);
	if (b == signature_AMD_ebx)
		cpu |= EMUL_CPU_AMD;
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_BMI))
		cpu |= EMUL_CPU_TZCNT;
	if (__get_cpuid(0x80000001, &a, &b, &c, &d) && (c & bit_LZCNT))
		cpu |= EMUL_CPU_LZCNT;
	return cpu;
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
	emul_init(&ctxt, &ops);
	ctxt.gpr = emul_gpr;
	ctxt.pio_buf = pio_buf;
	ctxt.pio_buf_bytes = sizeof(pio_buf);
	ctxt.cpu = this_cpu();
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
