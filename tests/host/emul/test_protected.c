// SPDX-License-Identifier: GPL-2.0-only
/*
 * Protected and long mode: descriptors, privilege, far transfers.  Expected are
 * the exceptions and error codes of the manuals' instruction reference.
 */
#include <string.h>
#include <asm/processor-flags.h>
#include "../tap.h"
#include "mock.h"

#define DPL(n)		((n) << EMUL_ATTR_DPL_SHIFT)
#define ACCESSED	EMUL_ATTR_ACCESSED

static struct mock m;

static void start(unsigned int cpl)
{
	mock_start(&m, EMUL_MODE_PROT32, cpl);
}

static void start_long(unsigned int cpl)
{
	mock_start(&m, EMUL_MODE_LONG64, cpl);
}

/* mov ds, ax / mov ss, ax with a free descriptor of these attributes. */
static enum emul_result load(const char *insn, u16 selector, u16 attr)
{
	m.gpr[EMUL_RAX] = selector;
	mock_descriptor(&m, selector, 0x123000, 0x7f, attr);
	return mock_run(&m, insn);
}

static bool faulted(unsigned int vector, u32 error)
{
	if (m.ctxt.exception.vector == vector && m.ctxt.exception.error == error &&
	    m.ctxt.exception.has_error)
		return true;
	printf("# exception %u, error code %#x\n", m.ctxt.exception.vector,
	       m.ctxt.exception.error);
	return false;
}

static void test_load_data(void)
{
	start(0);
	CHECK_EQ(load("8e d8", MOCK_FREE, MOCK_ATTR_DATA | EMUL_ATTR_G), EMUL_OK);
	CHECK_EQ(m.segments[EMUL_DS].base, 0x123000);
	CHECK_EQ(m.segments[EMUL_DS].limit, 0x7ffff);
	CHECK_EQ(m.segments[EMUL_DS].selector, MOCK_FREE);
	CHECK_EQ(m.segments[EMUL_DS].attr, MOCK_ATTR_DATA | EMUL_ATTR_G | ACCESSED);
	/* The accessed bit is in memory now. */
	CHECK_EQ(mock_get(&m, MOCK_GDT + MOCK_FREE + 5, 1), 0x93);
	CHECK_EQ(load("8e d8", MOCK_FREE, MOCK_ATTR_DATA & ~EMUL_ATTR_P), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_NP, MOCK_FREE));
	CHECK_EQ(load("8e d8", MOCK_FREE, MOCK_ATTR_CODE), EMUL_OK);
	CHECK_EQ(load("8e d8", MOCK_FREE, MOCK_ATTR_CODE & ~EMUL_ATTR_RW), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, MOCK_FREE));
	CHECK_EQ(load("8e d8", MOCK_FREE, EMUL_ATTR_P | 9), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, MOCK_FREE));
	CHECK_EQ(load("8e d8", MOCK_FREE | 3, MOCK_ATTR_DATA), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, MOCK_FREE));
	CHECK_EQ(load("8e d8", MOCK_FREE | 3, MOCK_ATTR_DATA | DPL(3)), EMUL_OK);
	CHECK_EQ(load("8e d8", 0xf8, MOCK_ATTR_DATA), EMUL_OK);
	m.gdt.limit = 0xfe;
	CHECK_EQ(load("8e d8", 0xf8, MOCK_ATTR_DATA), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, 0xf8));
	m.gpr[EMUL_RAX] = 3;
	CHECK_EQ(mock_run(&m, "8e d8"), EMUL_OK);
	CHECK_EQ(m.segments[EMUL_DS].attr, 0);
	CHECK_EQ(mock_run(&m, "8a 03"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, 0));
}

static void test_load_by_user(void)
{
	start(3);
	CHECK_EQ(load("8e d8", MOCK_FREE | 3, MOCK_ATTR_DATA | DPL(2)), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, MOCK_FREE));
	CHECK_EQ(load("8e d8", MOCK_FREE | 3, MOCK_ATTR_CODE | EMUL_ATTR_DC), EMUL_OK);
	/* Descriptors are read as supervisor. */
	CHECK_EQ(load("8e d8", MOCK_FREE | 3, MOCK_ATTR_DATA | ACCESSED | DPL(3)), EMUL_OK);
	CHECK_EQ(m.last.flags, EMUL_ACC_SYSTEM);
	m.page[MOCK_GDT / 4096] = MOCK_ABSENT;
	CHECK_EQ(mock_run(&m, "8e d8"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_PF);
	CHECK_EQ(m.ctxt.exception.error, 0);
	CHECK_EQ(m.ctxt.exception.address, MOCK_GDT + MOCK_FREE);
}

static void test_load_ldt(void)
{
	start(0);
	mock_set(&m, MOCK_LDT + 0x10, 0x00cf93000000ffffull);
	m.gpr[EMUL_RAX] = 0x14;
	CHECK_EQ(mock_run(&m, "8e d8"), EMUL_OK);
	CHECK_EQ(m.segments[EMUL_DS].limit, 0xffffffff);
	m.gpr[EMUL_RAX] = 0x104;
	CHECK_EQ(mock_run(&m, "8e d8"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, 0x104));
	m.segments[EMUL_LDTR].attr = 0;
	m.gpr[EMUL_RAX] = 0x14;
	CHECK_EQ(mock_run(&m, "8e d8"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, 0x14));
}

static void test_load_stack(void)
{
	start(0);
	CHECK_EQ(load("8e d0", MOCK_FREE, MOCK_ATTR_DATA), EMUL_OK);
	CHECK_EQ(m.ctxt.shadow, EMUL_SHADOW_MOV_SS);
	CHECK_EQ(load("8e d0", MOCK_FREE, MOCK_ATTR_DATA & ~EMUL_ATTR_RW), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, MOCK_FREE));
	CHECK_EQ(m.ctxt.shadow, 0);
	CHECK_EQ(load("8e d0", MOCK_FREE, MOCK_ATTR_CODE), EMUL_FAULT);
	CHECK_EQ(load("8e d0", MOCK_FREE | 3, MOCK_ATTR_DATA), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, MOCK_FREE));
	CHECK_EQ(load("8e d0", MOCK_FREE, MOCK_ATTR_DATA | DPL(3)), EMUL_FAULT);
	CHECK_EQ(load("8e d0", MOCK_FREE, MOCK_ATTR_DATA & ~EMUL_ATTR_P), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_SS, MOCK_FREE));
	m.gpr[EMUL_RAX] = 0;
	CHECK_EQ(mock_run(&m, "8e d0"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, 0));
	start_long(0);
	CHECK_EQ(mock_run(&m, "8e d0"), EMUL_OK);
	start_long(3);
	m.gpr[EMUL_RAX] = 3;
	CHECK_EQ(mock_run(&m, "8e d0"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, 0));
}

static void test_segment_access(void)
{
	start(0);
	m.segments[EMUL_DS].limit = 0x0fff;
	m.segments[EMUL_DS].base = MOCK_DATA;
	m.gpr[EMUL_RBX] = 0xffc;
	CHECK_EQ(mock_run(&m, "8b 03"), EMUL_OK);
	CHECK_EQ(m.last.address, MOCK_DATA + 0xffc);
	m.gpr[EMUL_RBX] = 0xffd;
	CHECK_EQ(mock_run(&m, "8b 03"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, 0));
	/* Expand down: what is above the limit. */
	m.segments[EMUL_DS].attr |= EMUL_ATTR_DC;
	CHECK_EQ(mock_run(&m, "8b 03"), EMUL_FAULT);
	m.gpr[EMUL_RBX] = 0xfff;
	CHECK_EQ(mock_run(&m, "8b 03"), EMUL_FAULT);
	m.gpr[EMUL_RBX] = 0x1000;
	CHECK_EQ(mock_run(&m, "8b 03"), EMUL_OK);
	m.gpr[EMUL_RBX] = 0x10000;
	CHECK_EQ(mock_run(&m, "8b 03"), EMUL_OK);
	m.segments[EMUL_DS].attr &= ~EMUL_ATTR_DB;
	CHECK_EQ(mock_run(&m, "8b 03"), EMUL_FAULT);
	/* Types. */
	start(0);
	m.gpr[EMUL_RBX] = MOCK_DATA;
	m.segments[EMUL_DS].attr &= ~EMUL_ATTR_RW;
	CHECK_EQ(mock_run(&m, "8b 03"), EMUL_OK);
	CHECK_EQ(mock_run(&m, "89 03"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, 0));
	CHECK_EQ(mock_run(&m, "2e 8b 03"), EMUL_OK);
	CHECK_EQ(mock_run(&m, "2e 89 03"), EMUL_FAULT);
	m.segments[EMUL_CS].attr &= ~EMUL_ATTR_RW;
	CHECK_EQ(mock_run(&m, "2e 8b 03"), EMUL_FAULT);
	m.segments[EMUL_SS].limit = 0xfff;
	CHECK_EQ(mock_run(&m, "50"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_SS, 0));
	CHECK_EQ(mock_run(&m, "8b 45 00"), EMUL_OK);
	m.gpr[EMUL_RBP] = MOCK_DATA;
	CHECK_EQ(mock_run(&m, "8b 45 00"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_SS, 0));
}

static void test_prot16_stack(void)
{
	mock_start(&m, EMUL_MODE_PROT16, 0);
	m.segments[EMUL_SS].base = MOCK_STACK;
	m.gpr[EMUL_RSP] = 0x12340010;
	m.gpr[EMUL_RAX] = 0xaabbccdd;
	CHECK_EQ(mock_run(&m, "50"), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RSP], 0x1234000e);
	CHECK_EQ(mock_run(&m, "66 50"), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RSP], 0x1234000a);
	CHECK_EQ(mock_get(&m, MOCK_STACK + 0xa, 6), 0xccddaabbccddull);
	/* A 32-bit stack under 16-bit code. */
	m.segments[EMUL_SS].attr |= EMUL_ATTR_DB;
	m.segments[EMUL_SS].base = 0;
	m.gpr[EMUL_RSP] = MOCK_STACK + 0x800;
	CHECK_EQ(mock_run(&m, "50"), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RSP], MOCK_STACK + 0x7fe);
}

static void test_jump_far(void)
{
	start(0);
	mock_descriptor(&m, MOCK_FREE, 0x100, 0xfff, MOCK_ATTR_CODE);
	CHECK_EQ(mock_run(&m, "ea 78 06 00 00 58 00"), EMUL_OK);
	CHECK_EQ(m.segments[EMUL_CS].selector, MOCK_FREE);
	CHECK_EQ(m.segments[EMUL_CS].base, 0x100);
	CHECK_EQ(m.ctxt.rip, 0x678);
	CHECK_EQ(mock_get(&m, MOCK_GDT + MOCK_FREE + 5, 1), 0x9b);
	m.segments[EMUL_CS].base = 0;
	CHECK_EQ(mock_run(&m, "ea ff 0f 00 00 58 00"), EMUL_OK);
	CHECK_EQ(m.ctxt.rip, 0xfff);

	start(0);
	mock_descriptor(&m, MOCK_FREE, 0x100, 0xfff, MOCK_ATTR_CODE);
	CHECK_EQ(mock_run(&m, "ea 00 10 00 00 58 00"), EMUL_FAULT);	/* beyond */
	CHECK(faulted(EMUL_EXC_GP, 0));
	CHECK_EQ(mock_run(&m, "ea 00 00 00 00 00 00"), EMUL_FAULT);	/* null */
	CHECK(faulted(EMUL_EXC_GP, 0));
	CHECK_EQ(mock_run(&m, "ea 00 00 00 00 10 00"), EMUL_FAULT);	/* data */
	CHECK(faulted(EMUL_EXC_GP, MOCK_DATA0));
	CHECK_EQ(mock_run(&m, "ea 00 00 00 00 1b 00"), EMUL_FAULT);	/* outer */
	CHECK(faulted(EMUL_EXC_GP, 0x18));
	mock_descriptor(&m, MOCK_FREE, 0, 0xfffff, MOCK_ATTR_CODE & ~EMUL_ATTR_P);
	CHECK_EQ(mock_run(&m, "ea 00 00 00 00 58 00"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_NP, MOCK_FREE));
	CHECK_EQ(m.ctxt.rip, MOCK_CODE);
	CHECK_EQ(mock_run(&m, "ea 00 00 00 00 38 00"), EMUL_UNHANDLEABLE);	/* TSS */
	/* The user does not get inwards, whatever RPL says. */
	start(3);
	mock_descriptor(&m, MOCK_FREE, 0, 0xfffff, MOCK_ATTR_CODE);
	CHECK_EQ(mock_run(&m, "ea 00 00 00 00 58 00"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, MOCK_FREE));
	CHECK_EQ(mock_run(&m, "ea 00 00 00 00 5b 00"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, MOCK_FREE));
	CHECK_EQ(m.ctxt.cpl, 3);
}

static void test_conforming(void)
{
	start(3);
	mock_descriptor(&m, MOCK_FREE, 0, 0xfffff, MOCK_ATTR_CODE | EMUL_ATTR_DC);
	CHECK_EQ(mock_run(&m, "ea 78 06 00 00 58 00"), EMUL_OK);
	CHECK_EQ(m.segments[EMUL_CS].selector, MOCK_FREE | 3);
	CHECK_EQ(m.ctxt.cpl, 3);
	start(0);
	mock_descriptor(&m, MOCK_FREE, 0, 0xfffff, MOCK_ATTR_CODE | EMUL_ATTR_DC | DPL(3));
	CHECK_EQ(mock_run(&m, "ea 78 06 00 00 58 00"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, MOCK_FREE));
}

static void test_call_and_return(void)
{
	start(0);
	CHECK_EQ(mock_run(&m, "9a 00 00 02 00 08 00"), EMUL_OK);
	CHECK_EQ(m.ctxt.rip, MOCK_DATA);
	CHECK_EQ(mock_get(&m, MOCK_STACK + 0xff8, 8), 0x800010007ull);
	CHECK_EQ(m.gpr[EMUL_RSP], MOCK_STACK + 0xff8);
	CHECK_EQ(mock_run(&m, "cb"), EMUL_OK);
	CHECK_EQ(m.ctxt.rip, MOCK_CODE + 7);
	CHECK_EQ(m.gpr[EMUL_RSP], MOCK_STACK + 0x1000);
	/* A return does not go inwards. */
	start(3);
	mock_set(&m, MOCK_STACK + 0x1000, 0x0000000800010000ull);
	CHECK_EQ(mock_run(&m, "cb"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, MOCK_CODE0));
	CHECK_EQ(m.gpr[EMUL_RSP], MOCK_STACK + 0x1000);
}

static void test_call_gate(void)
{
	u64 gate = 0x00028c0000080444ull;	/* 0008:00020444, present, DPL 0 */

	start(0);
	mock_set(&m, MOCK_GDT + MOCK_FREE, gate);
	CHECK_EQ(mock_run(&m, "9a 11 11 11 11 58 00"), EMUL_OK);
	CHECK_EQ(m.ctxt.rip, 0x20444);
	CHECK_EQ(m.segments[EMUL_CS].selector, MOCK_CODE0);
	CHECK_EQ(m.gpr[EMUL_RSP], MOCK_STACK + 0xff8);
	start(3);
	mock_set(&m, MOCK_GDT + MOCK_FREE, gate);
	CHECK_EQ(mock_run(&m, "9a 11 11 11 11 58 00"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, MOCK_FREE));
	mock_set(&m, MOCK_GDT + MOCK_FREE, gate | 3ull << 45);
	CHECK_EQ(mock_run(&m, "9a 11 11 11 11 58 00"), EMUL_UNHANDLEABLE);
	/* Not present; no selector. */
	start(0);
	mock_set(&m, MOCK_GDT + MOCK_FREE, gate & ~(1ull << 47));
	CHECK_EQ(mock_run(&m, "9a 11 11 11 11 58 00"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_NP, MOCK_FREE));
	mock_set(&m, MOCK_GDT + MOCK_FREE, gate & ~0xffff0000ull);
	CHECK_EQ(mock_run(&m, "9a 11 11 11 11 58 00"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, 0));
}

/* 16-bit: two words are pushed, the offset has 16 bits. */
static void test_call_gate16(void)
{
	start(0);
	mock_set(&m, MOCK_GDT + MOCK_FREE, 0x1234840000080444ull);
	CHECK_EQ(mock_run(&m, "9a 11 11 11 11 58 00"), EMUL_OK);
	CHECK_EQ(m.ctxt.rip, 0x444);
	CHECK_EQ(m.gpr[EMUL_RSP], MOCK_STACK + 0xffc);
	CHECK_EQ(mock_get(&m, MOCK_STACK + 0xffc, 4), (u32)MOCK_CODE0 << 16 | 7);
}

/* 64-bit: sixteen bytes, three quadwords of offset, and a 64-bit code segment. */
static void test_call_gate64(void)
{
	mock_start(&m, EMUL_MODE_LONG64, 0);
	mock_set(&m, MOCK_GDT + MOCK_FREE, 0x00028c0000000444ull | (u64)MOCK_LONG0 << 16);
	mock_set(&m, MOCK_GDT + MOCK_FREE + 8, 0x7fff);
	mock_set(&m, MOCK_DATA, (u64)MOCK_FREE << 32 | 0x11111111);
	m.gpr[EMUL_RSI] = MOCK_DATA;
	CHECK_EQ(mock_run(&m, "ff 1e"), EMUL_OK);
	CHECK_EQ(m.ctxt.rip, 0x7fff00020444ull);
	CHECK_EQ(m.segments[EMUL_CS].selector, MOCK_LONG0);
	CHECK_EQ(m.gpr[EMUL_RSP], MOCK_STACK + 0xff0);
	CHECK_EQ(mock_get(&m, MOCK_STACK + 0xff0, 8), MOCK_CODE + 2);
	/* Not canonical. */
	mock_start(&m, EMUL_MODE_LONG64, 0);
	mock_set(&m, MOCK_GDT + MOCK_FREE, 0x00028c0000000444ull | (u64)MOCK_LONG0 << 16);
	mock_set(&m, MOCK_GDT + MOCK_FREE + 8, 0x8000);
	mock_set(&m, MOCK_DATA, (u64)MOCK_FREE << 32 | 0x11111111);
	m.gpr[EMUL_RSI] = MOCK_DATA;
	CHECK_EQ(mock_run(&m, "ff 1e"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, 0));
	CHECK_EQ(m.gpr[EMUL_RSP], MOCK_STACK + 0x1000);
}

static void test_return_outwards(void)
{
	start(0);
	mock_set(&m, MOCK_STACK + 0x1000, (u64)MOCK_CODE3 << 32 | 0x1234);
	mock_set(&m, MOCK_STACK + 0x1008 + 8, (u64)MOCK_DATA3 << 32 | 0x5670);
	m.segments[EMUL_FS].attr |= DPL(3);
	CHECK_EQ(mock_run(&m, "ca 08 00"), EMUL_OK);
	CHECK_EQ(m.ctxt.cpl, 3);
	CHECK_EQ(m.ctxt.rip, 0x1234);
	CHECK_EQ(m.segments[EMUL_SS].selector, MOCK_DATA3);
	CHECK_EQ(m.segments[EMUL_SS].attr & EMUL_ATTR_DPL, DPL(3));
	CHECK_EQ(m.gpr[EMUL_RSP], 0x5678);
	/* DS was of level 0: gone; FS may stay. */
	CHECK_EQ(m.segments[EMUL_DS].attr, 0);
	CHECK(m.segments[EMUL_FS].attr & EMUL_ATTR_P);
}

static void test_return_without_stack(void)
{
	start(0);
	mock_set(&m, MOCK_STACK + 0x1000, (u64)MOCK_CODE3 << 32 | 0x1234);
	mock_set(&m, MOCK_STACK + 0x1008, 3ull << 32 | 0x5670);
	CHECK_EQ(mock_run(&m, "cb"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, 0));
	/* The outer stack pointer is in a page that is absent. */
	start(0);
	m.gpr[EMUL_RSP] = MOCK_STACK + 0x1ff8;
	mock_set(&m, MOCK_STACK + 0x1ff8, (u64)MOCK_CODE3 << 32 | 0x1234);
	m.page[MOCK_STACK / 4096 + 2] = MOCK_ABSENT;
	CHECK_EQ(mock_run(&m, "cb"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_PF);
	CHECK_EQ(m.gpr[EMUL_RSP], MOCK_STACK + 0x1ff8);
	CHECK_EQ(m.ctxt.cpl, 0);
}

static void test_iret(void)
{
	u64 flags = X86_EFLAGS_FIXED | X86_EFLAGS_IF | X86_EFLAGS_ZF;

	start(0);
	mock_set(&m, MOCK_STACK + 0x1000, (u64)MOCK_CODE0 << 32 | 0x1234);
	mock_set(&m, MOCK_STACK + 0x1008, flags | X86_EFLAGS_IOPL);
	CHECK_EQ(mock_run(&m, "cf"), EMUL_OK);
	CHECK_EQ(m.ctxt.rflags, flags | X86_EFLAGS_IOPL);
	CHECK_EQ(m.gpr[EMUL_RSP], MOCK_STACK + 0x100c);
	/* To a user program. */
	start(0);
	mock_set(&m, MOCK_STACK + 0x1000, (u64)MOCK_CODE3 << 32 | 0x1234);
	mock_set(&m, MOCK_STACK + 0x1008, (u64)0x4444 << 32 | flags);
	mock_set(&m, MOCK_STACK + 0x1010, MOCK_DATA3);
	CHECK_EQ(mock_run(&m, "cf"), EMUL_OK);
	CHECK_EQ(m.ctxt.cpl, 3);
	CHECK_EQ(m.gpr[EMUL_RSP], 0x4444);
	CHECK_EQ(m.ctxt.rflags, flags);
	CHECK_EQ(m.notices[EMUL_NOTICE_IRET], 1);
	/* A user program changes neither IF nor IOPL. */
	start(3);
	mock_set(&m, MOCK_STACK + 0x1000, (u64)MOCK_CODE3 << 32 | 0x1234);
	mock_set(&m, MOCK_STACK + 0x1008, flags | X86_EFLAGS_IOPL | X86_EFLAGS_VIF);
	CHECK_EQ(mock_run(&m, "cf"), EMUL_OK);
	CHECK_EQ(m.ctxt.rflags, X86_EFLAGS_FIXED | X86_EFLAGS_ZF);
	m.ctxt.rflags |= X86_EFLAGS_NT;
	m.ctxt.rip = MOCK_CODE;
	CHECK_EQ(mock_run(&m, "cf"), EMUL_UNHANDLEABLE);
}

/* IF is for who may use ports, IOPL for the kernel alone. */
static void test_popf_privilege(void)
{
	u64 own = X86_EFLAGS_FIXED | X86_EFLAGS_CF;

	start(3);
	mock_set(&m, MOCK_STACK + 0x1000, X86_EFLAGS_IF | X86_EFLAGS_CF | X86_EFLAGS_FIXED);
	CHECK_EQ(mock_run(&m, "9d"), EMUL_OK);
	CHECK_EQ(m.ctxt.rflags, own);
	m.gpr[EMUL_RSP] = MOCK_STACK + 0x1000;
	m.ctxt.rflags |= X86_EFLAGS_IOPL;
	CHECK_EQ(mock_run(&m, "9d"), EMUL_OK);
	CHECK_EQ(m.ctxt.rflags, own | X86_EFLAGS_IF | X86_EFLAGS_IOPL);
	start(0);
	m.gpr[EMUL_RSP] = MOCK_STACK + 0x1000;
	m.ctxt.rflags |= X86_EFLAGS_IOPL;
	mock_set(&m, MOCK_STACK + 0x1000, X86_EFLAGS_CF | X86_EFLAGS_FIXED);
	CHECK_EQ(mock_run(&m, "9d"), EMUL_OK);
	CHECK_EQ(m.ctxt.rflags, own);
}

static void test_iret_to_vm86(void)
{
	start(0);
	mock_set(&m, MOCK_STACK + 0x1000, 0x100000001234ull);	/* 1000:1234 */
	mock_set(&m, MOCK_STACK + 0x1008, 0x5678ull << 32 | X86_EFLAGS_VM | 0x3202);
	mock_set(&m, MOCK_STACK + 0x1010, 0x20000003000ull);
	mock_set(&m, MOCK_STACK + 0x1018, 0x400000005000ull);
	mock_set(&m, MOCK_STACK + 0x1020, 0x6000);
	CHECK_EQ(mock_run(&m, "cf"), EMUL_OK);
	CHECK_EQ(m.ctxt.cpl, 3);
	CHECK_EQ(m.ctxt.rip, 0x1234);
	CHECK_EQ(m.ctxt.rflags, X86_EFLAGS_VM | 0x3202);
	CHECK_EQ(m.gpr[EMUL_RSP], 0x5678);
	CHECK_EQ(m.segments[EMUL_CS].base, 0x10000);
	CHECK_EQ(m.segments[EMUL_SS].base, 0x30000);
	CHECK_EQ(m.segments[EMUL_ES].base, 0x2000);
	CHECK_EQ(m.segments[EMUL_DS].base, 0x50000);
	CHECK_EQ(m.segments[EMUL_FS].base, 0x40000);
	CHECK_EQ(m.segments[EMUL_GS].base, 0x60000);
	CHECK_EQ(m.segments[EMUL_GS].attr, 0xf3);
}

static void test_iretq(void)
{
	static const u64 frame[] = { 0x1234, MOCK_LONG3, 0x202, 0x7000, MOCK_DATA3 };
	unsigned int i;

	start_long(0);
	for (i = 0; i < 5; i++)
		mock_set(&m, MOCK_STACK + 0x1000 + 8 * i, frame[i]);
	CHECK_EQ(mock_run(&m, "48 cf"), EMUL_OK);
	CHECK_EQ(m.ctxt.cpl, 3);
	CHECK_EQ(m.ctxt.rip, 0x1234);
	CHECK_EQ(m.gpr[EMUL_RSP], 0x7000);
	CHECK_EQ(m.segments[EMUL_CS].selector, MOCK_LONG3);
	CHECK(m.segments[EMUL_CS].attr & EMUL_ATTR_L);
	/* To the same level SS and RSP are popped as well, and SS may be null. */
	start_long(0);
	for (i = 0; i < 5; i++)
		mock_set(&m, MOCK_STACK + 0x1000 + 8 * i, frame[i]);
	mock_set(&m, MOCK_STACK + 0x1008, MOCK_LONG0);
	mock_set(&m, MOCK_STACK + 0x1020, 0);
	CHECK_EQ(mock_run(&m, "48 cf"), EMUL_OK);
	CHECK_EQ(m.ctxt.cpl, 0);
	CHECK_EQ(m.gpr[EMUL_RSP], 0x7000);
	/* No return to an address that is not canonical. */
	start_long(0);
	for (i = 0; i < 5; i++)
		mock_set(&m, MOCK_STACK + 0x1000 + 8 * i, frame[i]);
	mock_set(&m, MOCK_STACK + 0x1000, 1ull << 63);
	CHECK_EQ(mock_run(&m, "48 cf"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, 0));
	CHECK_EQ(m.gpr[EMUL_RSP], MOCK_STACK + 0x1000);
	CHECK_EQ(m.ctxt.cpl, 0);
}

static void test_long_to_compat(void)
{
	start_long(0);
	mock_set(&m, MOCK_DATA, (u64)MOCK_CODE0 << 32 | 0x1234);
	m.gpr[EMUL_RBX] = MOCK_DATA;
	CHECK_EQ(mock_run(&m, "ff 2b"), EMUL_OK);
	CHECK_EQ(m.segments[EMUL_CS].selector, MOCK_CODE0);
	CHECK_EQ(m.ctxt.rip, 0x1234);
	m.ctxt.mode = EMUL_MODE_PROT32;
	CHECK_EQ(mock_run(&m, "ea 34 12 00 00 28 00"), EMUL_OK);
	CHECK(m.segments[EMUL_CS].attr & EMUL_ATTR_L);
	/* D and L at once are no segment. */
	mock_descriptor(&m, MOCK_FREE, 0, 0xfffff, MOCK_ATTR_CODE | EMUL_ATTR_L | EMUL_ATTR_DB);
	CHECK_EQ(mock_run(&m, "ea 34 12 00 00 58 00"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, MOCK_FREE));
}

static void test_lldt_ltr(void)
{
	start(0);
	m.gpr[EMUL_RAX] = MOCK_LDT_SEL;
	CHECK_EQ(mock_run(&m, "0f 00 d0"), EMUL_OK);
	CHECK_EQ(m.segments[EMUL_LDTR].base, MOCK_LDT);
	m.gpr[EMUL_RAX] = MOCK_TSS_SEL;
	CHECK_EQ(mock_run(&m, "0f 00 d0"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, MOCK_TSS_SEL));
	m.segments[EMUL_TR].attr = 0;
	CHECK_EQ(mock_run(&m, "0f 00 d8"), EMUL_OK);
	CHECK_EQ(m.segments[EMUL_TR].attr, EMUL_ATTR_P | 0xb);
	CHECK_EQ(mock_get(&m, MOCK_GDT + MOCK_TSS_SEL + 5, 1), 0x8b);
	CHECK_EQ(mock_run(&m, "0f 00 d8"), EMUL_FAULT);		/* busy */
	CHECK(faulted(EMUL_EXC_GP, MOCK_TSS_SEL));
	m.gpr[EMUL_RAX] = 0;
	CHECK_EQ(mock_run(&m, "0f 00 d8"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, 0));
	CHECK_EQ(mock_run(&m, "0f 00 d0"), EMUL_OK);
	CHECK_EQ(m.segments[EMUL_LDTR].attr, 0);
	m.gpr[EMUL_RAX] = ~0ull;
	CHECK_EQ(mock_run(&m, "0f 00 c8"), EMUL_OK);		/* str eax */
	CHECK_EQ(m.gpr[EMUL_RAX], MOCK_TSS_SEL);
	mock_descriptor(&m, MOCK_FREE, 0x100, 0x2b, EMUL_ATTR_P | 1);
	m.gpr[EMUL_RAX] = MOCK_FREE;
	CHECK_EQ(mock_run(&m, "0f 00 d8"), EMUL_OK);		/* a 16-bit TSS */
	CHECK_EQ(m.segments[EMUL_TR].attr, EMUL_ATTR_P | 3);
	/* Sixteen bytes in long mode. */
	start_long(0);
	mock_set(&m, MOCK_GDT + MOCK_TSS_SEL + 8, 0xffff8000);
	m.gpr[EMUL_RAX] = MOCK_TSS_SEL;
	CHECK_EQ(mock_run(&m, "0f 00 d8"), EMUL_OK);
	CHECK_EQ(m.segments[EMUL_TR].base, 0xffff800000000000ull | MOCK_TSS);
	start(3);
	CHECK_EQ(mock_run(&m, "0f 00 d0"), EMUL_FAULT);
	CHECK(faulted(EMUL_EXC_GP, 0));
}

static void test_lar_lsl_verify(void)
{
	start(3);
	m.gpr[EMUL_RCX] = MOCK_DATA3;
	CHECK_EQ(mock_run(&m, "0f 02 c1"), EMUL_OK);
	CHECK(m.ctxt.rflags & X86_EFLAGS_ZF);
	CHECK_EQ(m.gpr[EMUL_RAX], 0xc0f200);
	CHECK_EQ(mock_run(&m, "0f 03 c1"), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RAX], 0xffffffff);
	CHECK_EQ(mock_run(&m, "0f 00 e1"), EMUL_OK);		/* verr */
	CHECK(m.ctxt.rflags & X86_EFLAGS_ZF);
	CHECK_EQ(mock_run(&m, "0f 00 e9"), EMUL_OK);		/* verw */
	CHECK(m.ctxt.rflags & X86_EFLAGS_ZF);
	m.gpr[EMUL_RCX] = MOCK_DATA0;
	m.gpr[EMUL_RAX] = 0x1234;
	CHECK_EQ(mock_run(&m, "0f 02 c1"), EMUL_OK);
	CHECK(!(m.ctxt.rflags & X86_EFLAGS_ZF));
	CHECK_EQ(m.gpr[EMUL_RAX], 0x1234);
	CHECK_EQ(mock_run(&m, "0f 00 e1"), EMUL_OK);
	CHECK(!(m.ctxt.rflags & X86_EFLAGS_ZF));
	m.gpr[EMUL_RCX] = 0xfff8;
	CHECK_EQ(mock_run(&m, "0f 03 c1"), EMUL_OK);
	CHECK(!(m.ctxt.rflags & X86_EFLAGS_ZF));
	m.gpr[EMUL_RCX] = MOCK_CODE3;
	CHECK_EQ(mock_run(&m, "0f 00 e9"), EMUL_OK);
	CHECK(!(m.ctxt.rflags & X86_EFLAGS_ZF));
	start(0);
	m.gpr[EMUL_RCX] = MOCK_TSS_SEL;
	CHECK_EQ(mock_run(&m, "0f 03 c1"), EMUL_OK);
	CHECK(m.ctxt.rflags & X86_EFLAGS_ZF);
	CHECK_EQ(m.gpr[EMUL_RAX], 0xfff);
}

static void test_segment_push_pop(void)
{
	start(0);
	mock_set(&m, MOCK_STACK + 0x1000, MOCK_DATA0);
	CHECK_EQ(mock_run(&m, "0f a1"), EMUL_OK);		/* pop fs */
	CHECK_EQ(m.segments[EMUL_FS].selector, MOCK_DATA0);
	CHECK_EQ(m.gpr[EMUL_RSP], MOCK_STACK + 0x1004);
	CHECK_EQ(mock_run(&m, "0e"), EMUL_OK);			/* push cs */
	CHECK_EQ(mock_get(&m, MOCK_STACK + 0x1000, 2), MOCK_CODE0);
	CHECK_EQ(mock_run(&m, "17"), EMUL_FAULT);		/* pop ss: code */
	CHECK(faulted(EMUL_EXC_GP, MOCK_CODE0));
	CHECK_EQ(m.gpr[EMUL_RSP], MOCK_STACK + 0x1000);
	mock_set(&m, MOCK_STACK + 0x1000, MOCK_DATA0);
	CHECK_EQ(mock_run(&m, "17"), EMUL_OK);
	CHECK_EQ(m.ctxt.shadow, EMUL_SHADOW_MOV_SS);
}

static void test_soft_int(void)
{
	start(3);
	CHECK_EQ(mock_run(&m, "cd 80"), EMUL_SOFT_INT);
	CHECK_EQ(m.ctxt.exception.vector, 0x80);
	CHECK_EQ(m.ctxt.exception.soft, EMUL_SOFT_INTERRUPT);
	CHECK_EQ(m.ctxt.rip, MOCK_CODE + 2);
	CHECK_EQ(mock_run(&m, "cc"), EMUL_SOFT_INT);
	CHECK_EQ(m.ctxt.exception.soft, EMUL_SOFT_EXCEPTION);
	CHECK_EQ(mock_run(&m, "ce"), EMUL_OK);
	m.ctxt.rflags |= X86_EFLAGS_OF;
	CHECK_EQ(mock_run(&m, "ce"), EMUL_SOFT_INT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_OF);
	CHECK_EQ(mock_run(&m, "f1"), EMUL_SOFT_INT);
	CHECK_EQ(m.ctxt.exception.soft, EMUL_SOFT_PRIVILEGED);
}

static const struct tap_test tests[] = {
	{ "data segments", test_load_data },
	{ "data segments, by user programs", test_load_by_user },
	{ "the local table", test_load_ldt },
	{ "the stack segment", test_load_stack },
	{ "limits and types", test_segment_access },
	{ "16-bit stacks", test_prot16_stack },
	{ "JMP far", test_jump_far },
	{ "conforming code", test_conforming },
	{ "CALL and RET far", test_call_and_return },
	{ "call gates", test_call_gate },
	{ "16-bit call gates", test_call_gate16 },
	{ "64-bit call gates", test_call_gate64 },
	{ "RET to an outer level", test_return_outwards },
	{ "a return to an outer level that has no stack", test_return_without_stack },
	{ "IRET", test_iret },
	{ "POPF and privilege", test_popf_privilege },
	{ "IRET to vm86 mode", test_iret_to_vm86 },
	{ "IRETQ", test_iretq },
	{ "64-bit and compatibility mode", test_long_to_compat },
	{ "LLDT, LTR, STR", test_lldt_ltr },
	{ "LAR, LSL, VERR, VERW", test_lar_lsl_verify },
	{ "PUSH and POP of segments", test_segment_push_pop },
	{ "INT is handed back", test_soft_int },
};

TAP_MAIN("emul protected", tests)
