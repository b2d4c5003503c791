// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory: devices that user space stands for, faults half way, pages, hints,
 * atomic accesses.
 */
#include <string.h>
#include <asm/processor-flags.h>
#include "../tap.h"
#include "mock.h"

static struct mock m;

static void start(void)
{
	mock_start(&m, EMUL_MODE_LONG64, 0);
	m.gpr[EMUL_RBX] = MOCK_DEVICE + 0x10;
	m.gpr[EMUL_RSI] = MOCK_DATA;
	m.gpr[EMUL_RDI] = MOCK_DATA + 0x100;
}

static void test_device_load(void)
{
	start();
	m.gpr[EMUL_RAX] = ~0ull;
	CHECK_EQ(mock_run(&m, "8b 03"), EMUL_IO_NEEDED);
	CHECK_EQ(m.pending.address, MOCK_DEVICE + 0x10);
	CHECK_EQ(m.pending.bytes, 4);
	CHECK_EQ(m.gpr[EMUL_RAX], ~0ull);
	CHECK_EQ(m.ctxt.rip, MOCK_CODE);
	CHECK_EQ(mock_complete(&m, 0x12345678), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RAX], 0x12345678);
	CHECK_EQ(m.ctxt.rip, MOCK_CODE + 2);
	CHECK_EQ(m.device_reads, 1);
}

static void test_device_store(void)
{
	start();
	m.gpr[EMUL_RAX] = 0xabcd;
	CHECK_EQ(mock_run(&m, "66 89 03"), EMUL_OK);
	CHECK(m.ctxt.posted);
	CHECK_EQ(m.posted_count, 1);
	CHECK_EQ(m.posted[0].address, MOCK_DEVICE + 0x10);
	CHECK_EQ(m.posted[0].val, 0xabcd);
	CHECK_EQ(m.posted[0].bytes, 2);
}

static void test_device_modify(void)
{
	start();
	CHECK_EQ(mock_run(&m, "83 0b 40"), EMUL_IO_NEEDED);
	CHECK_EQ(m.posted_count, 0);
	CHECK_EQ(mock_complete(&m, 0x3), EMUL_OK);
	CHECK_EQ(m.device_reads, 1);
	CHECK_EQ(m.posted_count, 1);
	CHECK_EQ(m.posted[0].val, 0x43);
	/* An atomic access to a device is a write. */
	CHECK_EQ(mock_run(&m, "f0 83 0b 40"), EMUL_IO_NEEDED);
	CHECK_EQ(mock_complete(&m, 0x4), EMUL_OK);
	CHECK_EQ(m.cmpxchgs, 1);
	CHECK_EQ(m.posted[1].val, 0x44);
}

/* Two reads of devices in one instruction: each is done once. */
static void test_device_two_reads(void)
{
	start();
	m.gpr[EMUL_RSI] = MOCK_DEVICE + 0x20;
	m.gpr[EMUL_RDI] = MOCK_DEVICE + 0x40;
	CHECK_EQ(mock_run(&m, "a7"), EMUL_IO_NEEDED);
	CHECK_EQ(m.pending.address, MOCK_DEVICE + 0x20);
	CHECK_EQ(mock_complete(&m, 5), EMUL_IO_NEEDED);
	CHECK_EQ(m.pending.address, MOCK_DEVICE + 0x40);
	CHECK_EQ(m.gpr[EMUL_RSI], MOCK_DEVICE + 0x20);
	CHECK_EQ(mock_complete(&m, 5), EMUL_OK);
	CHECK_EQ(m.device_reads, 2);
	CHECK(m.ctxt.rflags & X86_EFLAGS_ZF);
	CHECK_EQ(m.gpr[EMUL_RSI], MOCK_DEVICE + 0x24);
	CHECK_EQ(m.gpr[EMUL_RDI], MOCK_DEVICE + 0x44);
}

/* A 16-byte load is two reads, the second in the next page of memory. */
static void test_device_wide(void)
{
	start();
	m.gpr[EMUL_RBX] = MOCK_DEVICE;
	CHECK_EQ(mock_run(&m, "0f 10 0b"), EMUL_IO_NEEDED);
	CHECK_EQ(m.pending.bytes, 8);
	CHECK_EQ(mock_complete(&m, 0x1111), EMUL_IO_NEEDED);
	CHECK_EQ(m.pending.address, MOCK_DEVICE + 8);
	CHECK_EQ(mock_complete(&m, 0x2222), EMUL_OK);
	CHECK_EQ(m.xmm[1][0], 0x1111);
	CHECK_EQ(m.xmm[1][1], 0x2222);
	CHECK_EQ(mock_run(&m, "0f 29 4b 20"), EMUL_OK);
	CHECK_EQ(m.posted_count, 2);
	CHECK_EQ(m.posted[1].address, MOCK_DEVICE + 0x28);
	CHECK_EQ(m.posted[1].val, 0x2222);
}

/* Half of the operand is memory, half of it a device. */
static void test_device_across_page(void)
{
	start();
	m.gpr[EMUL_RBX] = MOCK_DEVICE - 3;
	mock_set(&m, MOCK_DEVICE - 8, 0x8877665544332211ull);
	CHECK_EQ(mock_run(&m, "48 8b 03"), EMUL_IO_NEEDED);
	CHECK_EQ(m.pending.address, MOCK_DEVICE);
	CHECK_EQ(m.pending.bytes, 5);
	CHECK_EQ(mock_complete(&m, 0x0504030201ull), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RAX], 0x0504030201887766ull);
}

static void test_device_push_pop(void)
{
	start();
	CHECK_EQ(mock_run(&m, "ff 33"), EMUL_IO_NEEDED);
	CHECK_EQ(m.gpr[EMUL_RSP], MOCK_STACK + 0x1000);
	CHECK_EQ(mock_complete(&m, 0x77), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RSP], MOCK_STACK + 0xff8);
	CHECK_EQ(mock_get(&m, MOCK_STACK + 0xff8, 8), 0x77);
	CHECK_EQ(mock_run(&m, "8f 03"), EMUL_OK);
	CHECK_EQ(m.posted[0].val, 0x77);
	CHECK_EQ(m.gpr[EMUL_RSP], MOCK_STACK + 0x1000);
}

/* A read that would have to overtake a posted write; a table that is no memory. */
static void test_device_not_possible(void)
{
	start();
	m.gpr[EMUL_RSP] = MOCK_DEVICE + 0x800;
	m.gpr[EMUL_RBP] = MOCK_DEVICE + 0x400;
	CHECK_EQ(mock_run(&m, "c8 00 00 02"), EMUL_UNHANDLEABLE);
	CHECK_EQ(m.gpr[EMUL_RSP], MOCK_DEVICE + 0x800);
	start();
	m.gdt.base = MOCK_DEVICE;
	m.gpr[EMUL_RAX] = MOCK_DATA0;
	CHECK_EQ(mock_run(&m, "8e d8"), EMUL_UNHANDLEABLE);
}

static void test_rep_to_device(void)
{
	unsigned int i;

	start();
	m.gpr[EMUL_RDI] = MOCK_DEVICE;
	m.gpr[EMUL_RCX] = 3;
	m.gpr[EMUL_RAX] = 0x55;
	mock_put_code(&m, "f3 ab");
	for (i = 0; i < 2; i++) {
		CHECK_EQ(mock_again(&m), EMUL_AGAIN);
		CHECK_EQ(m.posted_count, i + 1);
		CHECK_EQ(m.gpr[EMUL_RCX], 2 - i);
		CHECK_EQ(m.gpr[EMUL_RDI], MOCK_DEVICE + 4 * (i + 1));
		CHECK_EQ(m.ctxt.rip, MOCK_CODE);
	}
	CHECK_EQ(mock_again(&m), EMUL_OK);
	CHECK_EQ(m.posted_count, 3);
	CHECK_EQ(m.ctxt.rip, MOCK_CODE + 2);
}

static void test_rep_from_device(void)
{
	unsigned int i;

	start();
	m.gpr[EMUL_RSI] = MOCK_DEVICE;
	m.gpr[EMUL_RCX] = 3;
	CHECK_EQ(mock_run(&m, "f3 a4"), EMUL_IO_NEEDED);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(m.gpr[EMUL_RCX], 3 - i);
		CHECK_EQ(m.pending.address, MOCK_DEVICE + i);
		CHECK_EQ(mock_complete(&m, 0xa0 + i), i < 2 ? EMUL_IO_NEEDED : EMUL_OK);
	}
	CHECK_EQ(mock_get(&m, MOCK_DATA + 0x100, 4), 0xa2a1a0);
	CHECK_EQ(m.device_reads, 3);
}

static void test_rep_bounded(void)
{
	unsigned int calls = 1;

	start();
	m.gpr[EMUL_RCX] = 3 * EMUL_REP_MAX + 1;
	m.gpr[EMUL_RAX] = 0x99;
	mock_put_code(&m, "f3 aa");
	while (mock_again(&m) == EMUL_AGAIN) {
		CHECK_EQ(m.gpr[EMUL_RCX], 3 * EMUL_REP_MAX + 1 - calls * EMUL_REP_MAX);
		CHECK_EQ(m.ctxt.rip, MOCK_CODE);
		calls++;
	}
	CHECK_EQ(calls, 4);
	CHECK_EQ(m.gpr[EMUL_RCX], 0);
	CHECK_EQ(m.gpr[EMUL_RDI], MOCK_DATA + 0x100 + 3 * EMUL_REP_MAX + 1);
	CHECK_EQ(mock_get(&m, MOCK_DATA + 0x100 + 3 * EMUL_REP_MAX, 2), 0x99);
}

static void test_rep_fault(void)
{
	start();
	m.page[MOCK_DATA / 4096 + 1] = MOCK_ABSENT;
	m.gpr[EMUL_RDI] = MOCK_DATA + 4096 - 8;
	m.gpr[EMUL_RCX] = 5;
	CHECK_EQ(mock_run(&m, "f3 ab"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_PF);
	CHECK_EQ(m.ctxt.exception.address, MOCK_DATA + 4096);
	CHECK_EQ(m.ctxt.exception.error, 2);
	CHECK_EQ(m.gpr[EMUL_RCX], 3);
	CHECK_EQ(m.gpr[EMUL_RDI], MOCK_DATA + 4096);
	CHECK_EQ(m.ctxt.rip, MOCK_CODE);
	m.page[MOCK_DATA / 4096 + 1] = 0;
	CHECK_EQ(mock_again(&m), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RCX], 0);
}

/* REPE CMPSB, whose second byte faults, after a first that was equal. */
static void check_flags_after_fault(u8 cpu, u64 flags)
{
	start();
	m.ctxt.cpu = cpu;
	m.page[MOCK_DATA / 4096 + 1] = MOCK_ABSENT;
	m.gpr[EMUL_RSI] = MOCK_DATA;
	m.gpr[EMUL_RDI] = MOCK_DATA + 4096 - 1;
	m.gpr[EMUL_RCX] = 5;
	m.ctxt.rflags = X86_EFLAGS_FIXED | X86_EFLAGS_CF;
	CHECK_EQ(mock_run(&m, "f3 a6"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_PF);
	CHECK_EQ(m.gpr[EMUL_RCX], 4);
	CHECK_EQ(m.ctxt.rflags & ~(u64)X86_EFLAGS_RF, X86_EFLAGS_FIXED | flags);
}

/* The same, but user space stands for the first source byte: it is one instruction still. */
static void check_flags_after_wait_and_fault(u8 cpu, u64 flags)
{
	start();
	m.ctxt.cpu = cpu;
	m.page[MOCK_DATA / 4096 + 1] = MOCK_ABSENT;
	m.gpr[EMUL_RSI] = MOCK_DEVICE - 1;
	m.gpr[EMUL_RDI] = MOCK_DATA + 4096 - 2;
	m.gpr[EMUL_RCX] = 5;
	m.ctxt.rflags = X86_EFLAGS_FIXED | X86_EFLAGS_CF;
	CHECK_EQ(mock_run(&m, "f3 a6"), EMUL_IO_NEEDED);
	CHECK_EQ(m.gpr[EMUL_RCX], 4);
	CHECK_EQ(mock_complete(&m, 0), EMUL_IO_NEEDED);
	CHECK_EQ(mock_complete(&m, 0), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_PF);
	CHECK_EQ(m.gpr[EMUL_RCX], 3);
	CHECK_EQ(m.ctxt.rflags & ~(u64)X86_EFLAGS_RF, X86_EFLAGS_FIXED | flags);
}

static void test_rep_fault_flags(void)
{
	check_flags_after_wait_and_fault(0, X86_EFLAGS_CF);
	check_flags_after_wait_and_fault(EMUL_CPU_AMD, X86_EFLAGS_ZF | X86_EFLAGS_PF);
	check_flags_after_fault(0, X86_EFLAGS_CF);
	check_flags_after_fault(EMUL_CPU_AMD, X86_EFLAGS_ZF | X86_EFLAGS_PF);
}

/* An index below the lower bound, and no page for the upper one. */
static void test_bound_fault(void)
{
	mock_start(&m, EMUL_MODE_PROT32, 0);
	m.page[MOCK_DATA / 4096 + 1] = MOCK_ABSENT;
	m.gpr[EMUL_RBX] = MOCK_DATA + 4096 - 4;
	m.gpr[EMUL_RAX] = (u32)-1;
	CHECK_EQ(mock_run(&m, "62 03"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_BR);
	m.ctxt.cpu = EMUL_CPU_AMD;
	CHECK_EQ(mock_run(&m, "62 03"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_PF);
	m.page[MOCK_DATA / 4096 + 1] = 0;
	CHECK_EQ(mock_run(&m, "62 03"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_BR);
}

/* What faults changes nothing, whatever was done before the fault. */
static void test_fault_undone(void)
{
	static const char *const insns[] = {
		"ff 33",		/* push [rbx] */
		"8f 03",		/* pop [rbx] */
		"48 87 03",		/* xchg [rbx], rax */
		"48 0f c1 03",		/* xadd [rbx], rax */
		"48 0f b1 03",		/* cmpxchg [rbx], rax */
		"48 11 03",		/* adc [rbx], rax */
		"c8 10 00 03",		/* enter 16, 3 */
		"c9",			/* leave */
		"ff 13",		/* call [rbx] */
		"48 a5",		/* movsq */
		"48 d1 13",		/* rcl [rbx] */
		"48 ff 03",		/* inc [rbx] */
		"0f 0b",
	};
	u64 before[EMUL_GPRS];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(insns); i++) {
		start();
		m.page[(MOCK_DATA + 0x3000) / 4096] = MOCK_READONLY;
		m.gpr[EMUL_RBX] = 0x12345678000ull;
		m.gpr[EMUL_RBP] = 0x12345678000ull;
		m.gpr[EMUL_RDI] = MOCK_DATA + 0x3000;
		m.ctxt.rflags = X86_EFLAGS_FIXED | X86_EFLAGS_CF | X86_EFLAGS_RF;
		memcpy(before, m.gpr, sizeof(before));
		CHECK_EQ(mock_run(&m, insns[i]), EMUL_FAULT);
		CHECK(!memcmp(before, m.gpr, sizeof(before)));
		CHECK_EQ(m.ctxt.rip, MOCK_CODE);
		CHECK_EQ(m.ctxt.rflags, X86_EFLAGS_FIXED | X86_EFLAGS_CF | X86_EFLAGS_RF);
	}
}

/* A write across pages: the first page is untouched if the second faults. */
static void test_write_across_pages(void)
{
	start();
	m.gpr[EMUL_RBX] = MOCK_DATA + 4096 - 3;
	m.gpr[EMUL_RAX] = ~0ull;
	m.page[MOCK_DATA / 4096 + 1] = MOCK_READONLY;
	CHECK_EQ(mock_run(&m, "48 89 03"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.address, MOCK_DATA + 4096);
	CHECK_EQ(m.ctxt.exception.error, 3);
	CHECK_EQ(mock_get(&m, MOCK_DATA + 4096 - 3, 3), 0);
	m.page[MOCK_DATA / 4096 + 1] = 0;
	CHECK_EQ(mock_again(&m), EMUL_OK);
	CHECK_EQ(mock_get(&m, MOCK_DATA + 4096 - 3, 8), ~0ull);
	CHECK_EQ(m.writes, 2);
}

/* The read of a read-modify-write already asks for write access. */
static void test_write_intent(void)
{
	start();
	m.gpr[EMUL_RBX] = MOCK_DATA;
	m.page[MOCK_DATA / 4096] = MOCK_READONLY;
	CHECK_EQ(mock_run(&m, "ff 03"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.error, 3);
	CHECK_EQ(m.writes, 0);
	CHECK_EQ(mock_run(&m, "39 03"), EMUL_OK);
}

static void test_hint(void)
{
	start();
	m.gpr[EMUL_RBX] = MOCK_DATA + 0x10;
	m.ctxt.has_hint = true;
	m.ctxt.hint_gpa = 0x7777010;
	CHECK_EQ(mock_run(&m, "8b 03"), EMUL_OK);
	CHECK_EQ(m.last.flags, EMUL_ACC_HINT);
	CHECK_EQ(mock_run(&m, "ff 03"), EMUL_OK);
	CHECK_EQ(m.last.flags, EMUL_ACC_HINT | EMUL_ACC_WRITE);
	m.ctxt.hint_gpa = 0x7777018;
	CHECK_EQ(mock_run(&m, "8b 03"), EMUL_OK);
	CHECK_EQ(m.last.flags, 0);
	/* Two operands: which one it was is not known. */
	m.gpr[EMUL_RSI] = MOCK_DATA + 0x18;
	CHECK_EQ(mock_run(&m, "a4"), EMUL_OK);
	CHECK_EQ(m.last.flags & EMUL_ACC_HINT, 0);
	CHECK_EQ(mock_run(&m, "ff 33"), EMUL_OK);
	CHECK_EQ(m.last.flags & EMUL_ACC_HINT, 0);
	/* Iterations use it while they are in the page. */
	m.gpr[EMUL_RDI] = MOCK_DATA + 0xff8;
	m.gpr[EMUL_RCX] = 2;
	m.ctxt.hint_gpa = 0x7777ff8;
	CHECK_EQ(mock_run(&m, "f3 ab"), EMUL_OK);
	CHECK_EQ(m.last.address, MOCK_DATA + 0xffc);
	CHECK_EQ(m.last.flags, EMUL_ACC_HINT | EMUL_ACC_WRITE);
	m.gpr[EMUL_RDI] = MOCK_DATA + 0xff8;
	m.gpr[EMUL_RCX] = 3;
	CHECK_EQ(mock_run(&m, "f3 ab"), EMUL_OK);
	CHECK_EQ(m.last.flags, EMUL_ACC_WRITE);
}

static void test_atomic(void)
{
	start();
	m.gpr[EMUL_RBX] = MOCK_DATA;
	mock_set(&m, MOCK_DATA, 10);
	CHECK_EQ(mock_run(&m, "f0 48 ff 03"), EMUL_OK);
	CHECK_EQ(mock_get(&m, MOCK_DATA, 8), 11);
	CHECK_EQ(m.cmpxchgs, 1);
	CHECK_EQ(mock_run(&m, "48 ff 03"), EMUL_OK);
	CHECK_EQ(m.cmpxchgs, 1);
	/* XCHG needs no prefix. */
	m.gpr[EMUL_RAX] = 99;
	CHECK_EQ(mock_run(&m, "48 87 03"), EMUL_OK);
	CHECK_EQ(m.cmpxchgs, 2);
	CHECK_EQ(m.gpr[EMUL_RAX], 12);
	/* Others write in between: nothing is lost. */
	m.race = 3;
	m.gpr[EMUL_RCX] = 1;
	m.ctxt.rflags = X86_EFLAGS_FIXED;
	CHECK_EQ(mock_run(&m, "f0 48 0f c1 0b"), EMUL_OK);
	CHECK_EQ(mock_get(&m, MOCK_DATA, 8), 99 + 3 + 1);
	CHECK_EQ(m.gpr[EMUL_RCX], 99 + 3);
	/* Too many: the guest tries. */
	m.race = 1000;
	m.gpr[EMUL_RCX] = 1;
	CHECK_EQ(mock_run(&m, "f0 48 0f c1 0b"), EMUL_RETRY);
	CHECK_EQ(m.gpr[EMUL_RCX], 1);
	CHECK_EQ(m.ctxt.rip - MOCK_CODE, 4 + 3 + 3 + 5);
	m.race = 0;
	/* Across cache lines there is no such access. */
	m.gpr[EMUL_RBX] = MOCK_DATA + 60;
	CHECK_EQ(mock_run(&m, "f0 48 ff 03"), EMUL_UNHANDLEABLE);
	CHECK_EQ(mock_run(&m, "48 ff 03"), EMUL_OK);
}

/* Every size, aligned or not, while somebody else counts as well. */
static void test_atomic_sizes(void)
{
	static const char *const inc[] = { "f0 fe 03", "66 f0 ff 03", "f0 ff 03", "f0 48 ff 03" };
	unsigned int size, at;

	for (size = 0; size < ARRAY_SIZE(inc); size++) {
		for (at = 0; at + (1u << size) <= 64; at++) {
			start();
			m.gpr[EMUL_RBX] = MOCK_DATA + at;
			mock_set(&m, MOCK_DATA + at, 10);
			m.race = 1;
			CHECK_EQ(mock_run(&m, inc[size]), EMUL_OK);
			CHECK_EQ(mock_get(&m, MOCK_DATA + at, 8), 12);
			CHECK_EQ(m.cmpxchgs, 2);
		}
	}
}

static void test_cmpxchg16b(void)
{
	start();
	m.gpr[EMUL_RDI] = MOCK_DATA;
	mock_set(&m, MOCK_DATA, 1);
	mock_set(&m, MOCK_DATA + 8, 2);
	m.gpr[EMUL_RAX] = 1;
	m.gpr[EMUL_RDX] = 2;
	m.gpr[EMUL_RBX] = 3;
	m.gpr[EMUL_RCX] = 4;
	CHECK_EQ(mock_run(&m, "f0 48 0f c7 0f"), EMUL_OK);
	CHECK(m.ctxt.rflags & X86_EFLAGS_ZF);
	CHECK_EQ(mock_get(&m, MOCK_DATA, 8), 3);
	CHECK_EQ(mock_get(&m, MOCK_DATA + 8, 8), 4);
	CHECK_EQ(mock_run(&m, "f0 48 0f c7 0f"), EMUL_OK);
	CHECK(!(m.ctxt.rflags & X86_EFLAGS_ZF));
	CHECK_EQ(m.gpr[EMUL_RAX], 3);
	CHECK_EQ(m.gpr[EMUL_RDX], 4);
	CHECK_EQ(m.cmpxchgs, 2);
	m.gpr[EMUL_RDI] = MOCK_DATA + 8;
	CHECK_EQ(mock_run(&m, "f0 48 0f c7 0f"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_GP);
}

/* ENTER looks at the new top of the stack; RF ends with any instruction. */
static void test_enter_and_rf(void)
{
	start();
	m.page[MOCK_STACK / 4096] = MOCK_READONLY;
	m.gpr[EMUL_RSP] = MOCK_STACK + 0x1010;
	CHECK_EQ(mock_run(&m, "c8 00 00 00"), EMUL_OK);
	CHECK_EQ(mock_run(&m, "c8 20 00 00"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.address, MOCK_STACK + 0xfe0);
	CHECK_EQ(m.ctxt.exception.error, 3);
	CHECK_EQ(m.gpr[EMUL_RSP], MOCK_STACK + 0x1008);
	m.ctxt.rflags |= X86_EFLAGS_RF;
	CHECK_EQ(mock_run(&m, "90"), EMUL_OK);
	CHECK_EQ(m.ctxt.rflags & X86_EFLAGS_RF, 0);
}

static void test_alignment_check(void)
{
	mock_start(&m, EMUL_MODE_LONG64, 3);
	m.gpr[EMUL_RBX] = MOCK_DATA + 1;
	m.ctxt.rflags |= X86_EFLAGS_AC;
	CHECK_EQ(mock_run(&m, "8b 03"), EMUL_OK);
	m.cr[0] |= X86_CR0_AM;
	CHECK_EQ(mock_run(&m, "8b 03"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_AC);
	CHECK_EQ(mock_run(&m, "8a 03"), EMUL_OK);
}

static void test_sse_enabled(void)
{
	start();
	m.cr[4] = 0;
	CHECK_EQ(mock_run(&m, "0f 10 0e"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_UD);
	m.cr[4] = X86_CR4_OSFXSR;
	m.cr[0] |= X86_CR0_TS;
	CHECK_EQ(mock_run(&m, "0f 10 0e"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_NM);
	m.cr[0] |= X86_CR0_EM;
	CHECK_EQ(mock_run(&m, "0f 10 0e"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_UD);
}

static void test_canonical(void)
{
	start();
	m.gpr[EMUL_RBX] = 0x800000000000ull;
	CHECK_EQ(mock_run(&m, "8b 03"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_GP);
	m.gpr[EMUL_RSP] = 0x7ffffffffffaull;
	CHECK_EQ(mock_run(&m, "58"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_SS);
	/* Five levels: a page fault, for the address is one. */
	m.ctxt.va_bits = 57;
	CHECK_EQ(mock_run(&m, "8b 03"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_PF);
	m.gpr[EMUL_RBX] = 1ull << 56;
	CHECK_EQ(mock_run(&m, "8b 03"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_GP);
}

static const struct tap_test tests[] = {
	{ "load from a device", test_device_load },
	{ "store to a device", test_device_store },
	{ "read-modify-write of a device", test_device_modify },
	{ "two reads of devices, each once", test_device_two_reads },
	{ "16 bytes of a device", test_device_wide },
	{ "half memory, half device", test_device_across_page },
	{ "PUSH and POP of a device", test_device_push_pop },
	{ "what devices cannot do", test_device_not_possible },
	{ "REP STOS to a device", test_rep_to_device },
	{ "REP MOVS from a device", test_rep_from_device },
	{ "REP is bounded", test_rep_bounded },
	{ "REP stops at a fault and goes on", test_rep_fault },
	{ "flags after a fault of REPE CMPS", test_rep_fault_flags },
	{ "BOUND reads both bounds, or one", test_bound_fault },
	{ "a fault changes nothing", test_fault_undone },
	{ "a write across pages is all or nothing", test_write_across_pages },
	{ "write intent", test_write_intent },
	{ "the hint", test_hint },
	{ "LOCK and XCHG are atomic", test_atomic },
	{ "LOCK with operands of every size at every place", test_atomic_sizes },
	{ "CMPXCHG16B", test_cmpxchg16b },
	{ "the top of the stack, RF", test_enter_and_rf },
	{ "alignment check", test_alignment_check },
	{ "SSE enabled", test_sse_enabled },
	{ "canonical addresses", test_canonical },
};

TAP_MAIN("emul memory", tests)
