// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decoder: lengths, prefixes, what it fetches and when.
 */
#include <string.h>
#include <asm/processor-flags.h>
#include "../tap.h"
#include "mock.h"

static struct mock m;

struct length_case {
	enum emul_mode mode;
	const char *bytes;
	const char *name;
	unsigned int length;
	enum emul_result result;
};

#define REAL	EMUL_MODE_REAL
#define P16	EMUL_MODE_PROT16
#define P32	EMUL_MODE_PROT32
#define L64	EMUL_MODE_LONG64

/* Lengths from the manuals' encodings; what exits need to skip, first. */
static const struct length_case lengths[] = {
	{ L64, "0f a2", "cpuid", 2, EMUL_OK },
	{ L64, "66 0f a2", "cpuid", 3, EMUL_OK },
	{ L64, "2e f2 48 0f a2", "cpuid", 5, EMUL_OK },
	{ L64, "0f 32", "rdmsr", 2, EMUL_OK },
	{ L64, "0f 30", "wrmsr", 2, EMUL_OK },
	{ L64, "f4", "hlt", 1, EMUL_OK },
	{ L64, "e6 80", "out", 2, EMUL_OK },
	{ L64, "ee", "out", 1, EMUL_OK },
	{ L64, "f3 66 6f", "outs", 3, EMUL_OK },
	{ L64, "0f 01 d9", "vmmcall", 3, EMUL_OK },
	{ L64, "0f 01 c1", "vmcall", 3, EMUL_OK },
	{ L64, "0f 01 d1", "xsetbv", 3, EMUL_OK },
	{ L64, "0f 01 d0", "xgetbv", 3, EMUL_UNHANDLEABLE },
	{ L64, "0f 01 d8", "vmrun", 3, EMUL_UNHANDLEABLE },
	{ L64, "0f 01 f9", "rdtscp", 3, EMUL_OK },
	{ L64, "0f 31", "rdtsc", 2, EMUL_OK },
	{ L64, "0f 33", "rdpmc", 2, EMUL_OK },
	{ L64, "0f 08", "invd", 2, EMUL_OK },
	{ L64, "0f 09", "wbinvd", 2, EMUL_OK },
	{ L64, "f3 0f 09", "wbinvd", 3, EMUL_OK },
	{ L64, "f3 90", "nop", 2, EMUL_OK },
	{ L64, "0f 20 c0", "mov", 3, EMUL_OK },
	{ L64, "44 0f 22 c0", "mov", 4, EMUL_OK },
	{ L64, "0f 22 1d", "mov", 3, EMUL_OK },		/* mod is ignored */
	{ L64, "0f 01 38", "invlpg", 3, EMUL_OK },
	{ L64, "0f 01 3c 25 00 00 00 00", "invlpg", 8, EMUL_OK },
	{ L64, "cd 80", "int", 2, EMUL_OK },
	{ L64, "cf", "iret", 1, EMUL_OK },
	{ L64, "48 cf", "iret", 2, EMUL_OK },
	{ L64, "0f aa", "rsm", 2, EMUL_UNHANDLEABLE },
	{ L64, "0f c7 f0", "rdrand", 3, EMUL_UNHANDLEABLE },
	/* addressing forms */
	{ L64, "8b 00", "mov", 2, EMUL_OK },
	{ L64, "8b 40 10", "mov", 3, EMUL_OK },
	{ L64, "8b 80 10 00 00 00", "mov", 6, EMUL_OK },
	{ L64, "8b 05 10 00 00 00", "mov", 6, EMUL_OK },
	{ L64, "8b 04 25 10 00 00 00", "mov", 7, EMUL_OK },
	{ L64, "8b 44 24 10", "mov", 4, EMUL_OK },
	{ L64, "8b 04 24", "mov", 3, EMUL_OK },
	{ L64, "48 a1 00 00 02 00 00 00 00 00", "mov", 10, EMUL_OK },
	{ L64, "67 a1 00 00 02 00", "mov", 6, EMUL_OK },
	{ L64, "48 b8 01 02 03 04 05 06 07 08", "mov", 10, EMUL_OK },
	{ L64, "66 b8 01 02", "mov", 4, EMUL_OK },
	{ L64, "c7 40 10 01 02 03 04", "mov", 7, EMUL_OK },
	{ L64, "66 c7 40 10 01 02", "mov", 6, EMUL_OK },
	{ L64, "66 48 c7 40 10 01 02 03 04", "mov", 9, EMUL_OK },
	{ L64, "48 66 c7 40 10 01 02", "mov", 7, EMUL_OK },	/* REX too early */
	{ L64, "f6 00 01", "test", 3, EMUL_OK },
	{ L64, "f7 00 01 02 03 04", "test", 6, EMUL_OK },
	{ L64, "f6 10", "not", 2, EMUL_OK },
	{ L64, "c8 01 02 03", "enter", 4, EMUL_OK },
	{ L64, "63 c0", "movsxd", 2, EMUL_OK },
	{ P32, "63 c0", "arpl", 2, EMUL_OK },
	{ P32, "40", "inc", 1, EMUL_OK },
	{ P32, "ea 01 02 03 04 05 06", "jmpf", 7, EMUL_OK },
	{ P32, "66 ea 01 02 03 04", "jmpf", 6, EMUL_OK },
	{ P32, "67 8b 46 10", "mov", 4, EMUL_OK },
	{ P32, "67 8b 06 10 20", "mov", 5, EMUL_OK },
	{ P32, "67 a1 10 20", "mov", 4, EMUL_OK },
	{ P32, "c4 00", "les", 2, EMUL_OK },
	{ P32, "62 00", "bound", 2, EMUL_OK },
	{ P16, "8b 86 10 20", "mov", 4, EMUL_OK },
	{ P16, "67 8b 86 10 20 30 40", "mov", 7, EMUL_OK },
	{ P16, "66 b8 01 02 03 04", "mov", 6, EMUL_OK },
	{ REAL, "e8 01 02", "call", 3, EMUL_OK },
	{ REAL, "66 e8 01 02 03 04", "call", 6, EMUL_OK },
	{ REAL, "0f 84 01 02", "jcc", 4, EMUL_OK },
	{ REAL, "ea 01 02 03 04", "jmpf", 5, EMUL_OK },
	{ REAL, "0f 01 16 00 10", "lgdt", 5, EMUL_OK },
	/* known by their length */
	{ L64, "66 0f 3a 0f c1 08", "0f3a", 6, EMUL_UNHANDLEABLE },
	{ L64, "66 0f 38 00 05 01 02 03 04", "0f38", 9, EMUL_UNHANDLEABLE },
	{ L64, "0f 58 c1", "mmx/sse", 3, EMUL_UNHANDLEABLE },
	{ L64, "0f c6 c1 08", "mmx/sse", 4, EMUL_UNHANDLEABLE },
	{ L64, "d9 05 01 02 03 04", "x87", 6, EMUL_UNHANDLEABLE },
	{ L64, "0f ae 00", "fxsave", 3, EMUL_UNHANDLEABLE },
	/* not decoded */
	{ L64, "c5 f8 77", "?", 0, EMUL_UNHANDLEABLE },
	{ L64, "c4 e2 79 18 00", "?", 0, EMUL_UNHANDLEABLE },
	{ L64, "62 f1 7c 48 10 00", "?", 0, EMUL_UNHANDLEABLE },
	{ P32, "c5 f8 77", "?", 0, EMUL_UNHANDLEABLE },
};

static void test_lengths(void)
{
	const struct length_case *c;
	enum emul_result result;

	for (c = lengths; c < lengths + ARRAY_SIZE(lengths); c++) {
		mock_start(&m, c->mode, 0);
		mock_put_code(&m, c->bytes);
		result = emul_decode(&m.ctxt);
		if (result != c->result || emul_insn_length(&m.ctxt) != c->length ||
		    strcmp(emul_insn_name(&m.ctxt), c->name))
			printf("# %s: %s, length %u, result %d\n", c->bytes,
			       emul_insn_name(&m.ctxt), emul_insn_length(&m.ctxt), result);
		CHECK_EQ(result, c->result);
		CHECK_EQ(emul_insn_length(&m.ctxt), c->length);
		CHECK(!strcmp(emul_insn_name(&m.ctxt), c->name));
	}
}

static const struct {
	enum emul_mode mode;
	const char *bytes;
} undefined[] = {
	{ L64, "66 0f c3 03" }, { L64, "f2 0f c3 03" }, { L64, "f3 0f c3 03" },
	{ L64, "0f 0b" }, { L64, "0f 04" }, { L64, "0f ff c0" }, { L64, "ff f8" },
	{ L64, "06" }, { L64, "27" }, { L64, "60" }, { L64, "9a" },
	{ L64, "ce" }, { L64, "d4 0a" }, { L64, "82 c0 01" }, { L64, "ea 1 2 3 4 5 6" },
	{ L64, "8d c0" }, { L64, "f0 90" }, { L64, "f0 01 c0" }, { L64, "f0 8b 00" },
	{ L64, "f0 39 00" }, { L64, "f0 0f a3 00" }, { L64, "c6 08 00" },
	{ REAL, "0f 00 d0" }, { REAL, "63 c0" }, { REAL, "0f 02 c0" }, { REAL, "0f 34" },
	{ L64, "0f c7 c8" }, { L64, "0f ba 00 01" }, { L64, "fe d0" }, { L64, "0f 13 c0" },
};

static void test_undefined(void)
{
	enum emul_result result;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(undefined); i++) {
		mock_start(&m, undefined[i].mode, 0);
		mock_put_code(&m, undefined[i].bytes);
		result = emul_decode(&m.ctxt);
		if (result != EMUL_FAULT)
			printf("# %s: result %d\n", undefined[i].bytes, result);
		CHECK_EQ(result, EMUL_FAULT);
		CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_UD);
	}
}

static void test_fifteen_bytes(void)
{
	mock_start(&m, L64, 0);
	mock_put_code(&m, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 90");
	CHECK_EQ(emul_decode(&m.ctxt), EMUL_OK);
	CHECK_EQ(emul_insn_length(&m.ctxt), 15);
	mock_start(&m, L64, 0);
	mock_put_code(&m, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90");
	CHECK_EQ(emul_decode(&m.ctxt), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_GP);
}

/* The next page is fetched only if the instruction is there, too. */
static void test_fetch_pages(void)
{
	mock_start(&m, L64, 0);
	m.ctxt.rip = MOCK_CODE + 4096 - 2;
	m.page[MOCK_CODE / 4096 + 1] = MOCK_ABSENT;
	mock_put_code(&m, "0f a2");
	CHECK_EQ(emul_decode(&m.ctxt), EMUL_OK);
	CHECK_EQ(m.fetches, 1);

	mock_start(&m, L64, 3);
	m.ctxt.rip = MOCK_CODE + 4096 - 2;
	m.page[MOCK_CODE / 4096 + 1] = MOCK_ABSENT;
	mock_put_code(&m, "8b 05 01 02 03 04");
	CHECK_EQ(emul_decode(&m.ctxt), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_PF);
	CHECK_EQ(m.ctxt.exception.error, 0x14);
	CHECK_EQ(m.ctxt.exception.address, MOCK_CODE + 4096);

	m.page[MOCK_CODE / 4096 + 1] = 0;
	m.ctxt.fetched_bytes = 0;
	m.fetches = 0;
	CHECK_EQ(emul_decode(&m.ctxt), EMUL_OK);
	CHECK_EQ(emul_insn_length(&m.ctxt), 6);
	CHECK_EQ(m.fetches, 2);
}

/* Bytes that hardware handed over are not fetched again. */
static void test_fetched_by_hardware(void)
{
	mock_start(&m, L64, 0);
	memcpy(m.ctxt.fetched, "\x0f\xa2", 2);
	m.ctxt.fetched_bytes = 2;
	CHECK_EQ(emul_decode(&m.ctxt), EMUL_OK);
	CHECK_EQ(m.fetches, 0);

	mock_start(&m, L64, 0);
	mock_put_code(&m, "48 b8 01 02 03 04 05 06 07 08");
	memcpy(m.ctxt.fetched, "\x48\xb8\x01", 3);
	m.ctxt.fetched_bytes = 3;
	CHECK_EQ(emul_decode(&m.ctxt), EMUL_OK);
	CHECK_EQ(m.ctxt.insn.imm, 0x0807060504030201ull);
	CHECK_EQ(m.fetches, 1);
}

static void test_code_limit(void)
{
	mock_start(&m, P32, 0);
	m.segments[EMUL_CS].limit = MOCK_CODE + 4;
	CHECK_EQ(mock_run(&m, "b8 01 02 03 04"), EMUL_OK);
	mock_start(&m, P32, 0);
	m.segments[EMUL_CS].limit = MOCK_CODE + 3;
	CHECK_EQ(mock_run(&m, "b8 01 02 03 04"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_GP);
	CHECK(m.ctxt.exception.has_error);
	mock_start(&m, L64, 0);
	m.ctxt.rip = 1ull << 47;
	m.ctxt.fetched_bytes = 0;
	CHECK_EQ(emul_decode(&m.ctxt), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_GP);
}

static void test_skip(void)
{
	mock_start(&m, L64, 0);
	m.ctxt.rflags |= X86_EFLAGS_RF;
	mock_put_code(&m, "66 0f a2");
	CHECK_EQ(emul_decode(&m.ctxt), EMUL_OK);
	emul_skip(&m.ctxt);
	CHECK_EQ(m.ctxt.rip, MOCK_CODE + 3);
	CHECK(!(m.ctxt.rflags & X86_EFLAGS_RF));
	CHECK_EQ(m.gpr[EMUL_RAX], 0);

	mock_start(&m, P32, 0);
	m.segments[EMUL_CS].base = MOCK_CODE;
	m.ctxt.rip = 0xffffffff;
	memcpy(m.ctxt.fetched, "\xf4", 1);
	m.ctxt.fetched_bytes = 1;
	CHECK_EQ(emul_decode(&m.ctxt), EMUL_OK);
	emul_skip(&m.ctxt);
	CHECK_EQ(m.ctxt.rip, 0);
}

static void start_branch(u8 cpu)
{
	mock_start(&m, L64, 0);
	m.ctxt.cpu = cpu;
}

/* A 66 prefix in front of a near branch means something to AMD64 only. */
static void test_branch_size(void)
{
	start_branch(0);
	CHECK_EQ(mock_run(&m, "66 e9 00 01 01 00"), EMUL_OK);
	CHECK_EQ(m.ctxt.rip, MOCK_CODE + 6 + 0x10100);
	start_branch(EMUL_CPU_AMD);
	CHECK_EQ(mock_run(&m, "66 e9 00 01"), EMUL_OK);
	CHECK_EQ(m.ctxt.rip, (MOCK_CODE + 4 + 0x100) & 0xffff);
	start_branch(EMUL_CPU_AMD);
	CHECK_EQ(mock_run(&m, "66 c3"), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RSP], MOCK_STACK + 0x1002);
}

/* LOOPE with ZF clear goes on where REPNE counts. */
static void test_loop_repeat(void)
{
	start_branch(0);
	m.gpr[EMUL_RCX] = 2;
	CHECK_EQ(mock_run(&m, "f2 e1 10"), EMUL_OK);
	CHECK_EQ(m.ctxt.rip, MOCK_CODE + 3);
	start_branch(EMUL_CPU_AMD);
	m.gpr[EMUL_RCX] = 2;
	CHECK_EQ(mock_run(&m, "f2 e1 10"), EMUL_OK);
	CHECK_EQ(m.ctxt.rip, MOCK_CODE + 3 + 0x10);
	start_branch(EMUL_CPU_AMD);
	m.gpr[EMUL_RCX] = 2;
	CHECK_EQ(mock_run(&m, "f3 e0 10"), EMUL_OK);
	CHECK_EQ(m.ctxt.rip, MOCK_CODE + 3);
}

static void test_mode_of(void)
{
	CHECK_EQ(emul_mode_of(0, 0, false, EMUL_ATTR_DB), EMUL_MODE_REAL);
	CHECK_EQ(emul_mode_of(1, X86_EFLAGS_VM, false, 0), EMUL_MODE_VM86);
	CHECK_EQ(emul_mode_of(1, 0, false, 0), EMUL_MODE_PROT16);
	CHECK_EQ(emul_mode_of(1, 0, false, EMUL_ATTR_DB | EMUL_ATTR_L), EMUL_MODE_PROT32);
	CHECK_EQ(emul_mode_of(1, 0, true, EMUL_ATTR_DB), EMUL_MODE_PROT32);
	CHECK_EQ(emul_mode_of(1, 0, true, EMUL_ATTR_L), EMUL_MODE_LONG64);
}

static const struct tap_test tests[] = {
	{ "lengths and names", test_lengths },
	{ "undefined encodings", test_undefined },
	{ "15 bytes, not 16", test_fifteen_bytes },
	{ "fetching across pages", test_fetch_pages },
	{ "bytes from hardware", test_fetched_by_hardware },
	{ "limit of the code segment", test_code_limit },
	{ "skipping", test_skip },
	{ "size of branches", test_branch_size },
	{ "LOOPE and LOOPNE with a repeat prefix", test_loop_repeat },
	{ "modes", test_mode_of },
};

TAP_MAIN("emul decode", tests)
