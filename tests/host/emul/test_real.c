// SPDX-License-Identifier: GPL-2.0-only
/*
 * Real and vm86 mode: segments without descriptors, 16-bit addressing, the
 * interrupt table.
 */
#include <string.h>
#include <asm/processor-flags.h>
#include "../tap.h"
#include "mock.h"

static struct mock m;

static void start(void)
{
	mock_start(&m, EMUL_MODE_REAL, 0);
}

static void test_addressing(void)
{
	static const struct {
		const char *bytes;
		u32 address;
	} forms[] = {
		{ "8a 00", MOCK_DATA + 0x100 + 0x20 },		/* [bx+si] */
		{ "8a 01", MOCK_DATA + 0x100 + 0x3 },		/* [bx+di] */
		{ "8a 02", MOCK_STACK + 0x400 + 0x20 },		/* [bp+si] */
		{ "8a 03", MOCK_STACK + 0x400 + 0x3 },		/* [bp+di] */
		{ "8a 04", MOCK_DATA + 0x20 },			/* [si] */
		{ "8a 05", MOCK_DATA + 0x3 },			/* [di] */
		{ "8a 06 34 12", MOCK_DATA + 0x1234 },		/* [disp16] */
		{ "8a 07", MOCK_DATA + 0x100 },			/* [bx] */
		{ "8a 46 fe", MOCK_STACK + 0x3fe },		/* [bp-2] */
		{ "8a 86 00 01", MOCK_STACK + 0x500 },		/* [bp+100] */
		{ "8a 87 01 ff", MOCK_DATA + 0x1 },		/* [bx-ff]: wraps */
		{ "26 8a 46 00", MOCK_DATA + 0x400 },		/* es:[bp] */
		{ "36 8a 07", MOCK_STACK + 0x100 },		/* ss:[bx] */
		{ "2e 8a 07", MOCK_CODE + 0x100 },		/* cs:[bx] */
		{ "67 8a 04 8b", MOCK_DATA + 0x100 + 4 * 7 },	/* [ebx+ecx*4] */
		{ "67 8a 45 01", MOCK_STACK + 0x401 },		/* [ebp+1] */
		{ "a0 78 56", MOCK_DATA + 0x5678 },
		{ "d7", MOCK_DATA + 0x100 + 0x11 },		/* xlat */
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		start();
		m.gpr[EMUL_RAX] = 0x11;
		m.gpr[EMUL_RBX] = 0x100;
		m.gpr[EMUL_RCX] = 7;
		m.gpr[EMUL_RSI] = 0x20;
		m.gpr[EMUL_RDI] = 3;
		m.gpr[EMUL_RBP] = 0x400;
		CHECK_EQ(mock_run(&m, forms[i].bytes), EMUL_OK);
		if (m.last.address != forms[i].address)
			printf("# %s\n", forms[i].bytes);
		CHECK_EQ(m.last.address, forms[i].address);
	}
}

static void test_segment_loads(void)
{
	start();
	m.gpr[EMUL_RAX] = 0x1234;
	CHECK_EQ(mock_run(&m, "8e d8"), EMUL_OK);
	CHECK_EQ(m.segments[EMUL_DS].selector, 0x1234);
	CHECK_EQ(m.segments[EMUL_DS].base, 0x12340);
	CHECK_EQ(m.segments[EMUL_DS].limit, 0xffff);
	CHECK_EQ(m.ctxt.shadow, 0);
	CHECK_EQ(mock_run(&m, "8e d0"), EMUL_OK);
	CHECK_EQ(m.ctxt.shadow, EMUL_SHADOW_MOV_SS);
	CHECK_EQ(mock_run(&m, "8e c8"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_UD);
	CHECK_EQ(mock_run(&m, "8c db"), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RBX], 0x1234);
	m.segments[EMUL_DS].base = MOCK_DATA;
	mock_set(&m, MOCK_DATA + 0x10, 0x56781111);
	CHECK_EQ(mock_run(&m, "c4 1e 10 00"), EMUL_OK);		/* les bx, [10] */
	CHECK_EQ(m.gpr[EMUL_RBX], 0x1111);
	CHECK_EQ(m.segments[EMUL_ES].selector, 0x5678);
	CHECK_EQ(mock_run(&m, "0f b4 1e 10 00"), EMUL_OK);	/* lfs */
	CHECK_EQ(m.segments[EMUL_FS].base, 0x56780);
}

/* "Unreal" mode: a limit of 4 GiB stays when the selector is loaded. */
static void test_unreal(void)
{
	start();
	m.segments[EMUL_DS].limit = 0xffffffff;
	m.gpr[EMUL_RAX] = 0x100;
	CHECK_EQ(mock_run(&m, "8e d8"), EMUL_OK);
	CHECK_EQ(m.segments[EMUL_DS].limit, 0xffffffff);
	m.gpr[EMUL_RBX] = 0x1f0000;
	CHECK_EQ(mock_run(&m, "67 8a 03"), EMUL_OK);
	CHECK_EQ(m.last.address, 0x1f1000);
}

static void test_limit(void)
{
	start();
	m.gpr[EMUL_RBX] = 0xffff;
	CHECK_EQ(mock_run(&m, "8a 07"), EMUL_OK);
	CHECK_EQ(mock_run(&m, "8b 07"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_GP);
	CHECK(!m.ctxt.exception.has_error);
	m.gpr[EMUL_RSP] = 1;
	CHECK_EQ(mock_run(&m, "50"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_SS);
	CHECK(!m.ctxt.exception.has_error);
	/* The stack pointer wraps where a push fits. */
	m.gpr[EMUL_RSP] = 0xabcd0000;
	m.gpr[EMUL_RAX] = 0x4321;
	CHECK_EQ(mock_run(&m, "50"), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RSP], 0xabcdfffe);
	CHECK_EQ(mock_get(&m, MOCK_STACK + 0xfffe, 2), 0x4321);
}

static void test_far(void)
{
	start();
	CHECK_EQ(mock_run(&m, "ea 34 12 00 18"), EMUL_OK);
	CHECK_EQ(m.segments[EMUL_CS].selector, 0x1800);
	CHECK_EQ(m.segments[EMUL_CS].base, 0x18000);
	CHECK_EQ(m.ctxt.rip, 0x1234);
	CHECK_EQ(mock_run(&m, "9a 10 00 00 10"), EMUL_OK);	/* callf 1000:0010 */
	CHECK_EQ(m.ctxt.rip, 0x10);
	CHECK_EQ(m.segments[EMUL_CS].base, 0x10000);
	CHECK_EQ(m.gpr[EMUL_RSP], 0xffc);
	CHECK_EQ(mock_get(&m, MOCK_STACK + 0xffc, 4), 0x18001239);
	CHECK_EQ(mock_run(&m, "ca 02 00"), EMUL_OK);		/* retf 2 */
	CHECK_EQ(m.segments[EMUL_CS].selector, 0x1800);
	CHECK_EQ(m.ctxt.rip, 0x1239);
	CHECK_EQ(m.gpr[EMUL_RSP], 0x1002);
	mock_set(&m, MOCK_DATA + 0x20, 0x10000044);
	CHECK_EQ(mock_run(&m, "ff 2e 20 00"), EMUL_OK);		/* jmpf [20] */
	CHECK_EQ(m.ctxt.rip, 0x44);
	CHECK_EQ(m.segments[EMUL_CS].selector, 0x1000);
	CHECK_EQ(mock_run(&m, "66 ea 00 00 01 00 00 10"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_GP);
	CHECK_EQ(m.ctxt.rip, 0x44);
}

static void test_near(void)
{
	start();
	m.ctxt.rip = 0x100;
	CHECK_EQ(mock_run(&m, "e8 00 fe"), EMUL_OK);		/* wraps to ff03 */
	CHECK_EQ(m.ctxt.rip, 0xff03);
	CHECK_EQ(mock_get(&m, MOCK_STACK + 0xffe, 2), 0x103);
	CHECK_EQ(mock_run(&m, "c3"), EMUL_OK);
	CHECK_EQ(m.ctxt.rip, 0x103);
	CHECK_EQ(mock_run(&m, "66 e9 00 00 01 00"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_GP);
}

static void test_int_iret(void)
{
	u64 flags = X86_EFLAGS_FIXED | X86_EFLAGS_IF | X86_EFLAGS_CF | X86_EFLAGS_TF;

	start();
	m.ctxt.rflags = flags;
	mock_set_u16(&m, 0x21 * 4, 0x1234);
	mock_set_u16(&m, 0x21 * 4 + 2, 0x1500);
	m.ctxt.rip = 0x50;
	CHECK_EQ(mock_run(&m, "cd 21"), EMUL_OK);
	CHECK_EQ(m.segments[EMUL_CS].selector, 0x1500);
	CHECK_EQ(m.ctxt.rip, 0x1234);
	CHECK_EQ(m.ctxt.rflags, X86_EFLAGS_FIXED | X86_EFLAGS_CF);
	CHECK_EQ(m.gpr[EMUL_RSP], 0xffa);
	CHECK_EQ(mock_get(&m, MOCK_STACK + 0xffa, 6), flags << 32 | 0x10000052);
	CHECK_EQ(mock_run(&m, "cf"), EMUL_OK);
	CHECK_EQ(m.ctxt.rip, 0x52);
	CHECK_EQ(m.segments[EMUL_CS].base, MOCK_CODE);
	CHECK_EQ(m.ctxt.rflags, flags);
	CHECK_EQ(m.gpr[EMUL_RSP], 0x1000);
	CHECK_EQ(m.notices[EMUL_NOTICE_IRET], 1);
	mock_set(&m, 3 * 4, 0x15000777);
	CHECK_EQ(mock_run(&m, "cc"), EMUL_OK);
	CHECK_EQ(m.ctxt.rip, 0x777);
	CHECK_EQ(mock_run(&m, "ce"), EMUL_OK);			/* into: no overflow */
	CHECK_EQ(m.ctxt.rip, 0x778);
	m.idt.limit = 0x21 * 4 + 3;
	CHECK_EQ(mock_run(&m, "cd 21"), EMUL_OK);
	m.idt.limit = 0x21 * 4 + 2;
	CHECK_EQ(mock_run(&m, "cd 21"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_GP);
}

static void test_popf(void)
{
	start();
	mock_set_u16(&m, MOCK_STACK + 0x1000, 0xffff);
	CHECK_EQ(mock_run(&m, "9d"), EMUL_OK);
	CHECK_EQ(m.ctxt.rflags & 0xffff, 0x7fd7);
	m.gpr[EMUL_RSP] = 0x1000;
	CHECK_EQ(mock_run(&m, "9c"), EMUL_OK);
	CHECK_EQ(mock_get(&m, MOCK_STACK + 0xffe, 2), 0x7fd7);
}

static void test_to_protected(void)
{
	start();
	mock_set(&m, MOCK_DATA + 0x30, 0xffff12345678ull << 16 | 0x7ff);
	CHECK_EQ(mock_run(&m, "0f 01 16 30 00"), EMUL_OK);	/* lgdt */
	CHECK_EQ(m.gdt.limit, 0x7ff);
	CHECK_EQ(m.gdt.base, 0x345678);
	CHECK_EQ(mock_run(&m, "66 0f 01 1e 30 00"), EMUL_OK);	/* lidt, 32 bits */
	CHECK_EQ(m.idt.base, 0x12345678);
	CHECK_EQ(mock_run(&m, "0f 01 06 40 00"), EMUL_OK);	/* sgdt */
	CHECK_EQ(mock_get(&m, MOCK_DATA + 0x40, 6), 0x3456780000ull >> 16 << 16 | 0x7ff);
	CHECK_EQ(mock_run(&m, "0f 20 c0"), EMUL_OK);
	m.gpr[EMUL_RAX] |= 1;
	CHECK_EQ(mock_run(&m, "0f 22 c0"), EMUL_OK);
	CHECK_EQ(m.cr[0], 1);
}

static void test_vm86(void)
{
	mock_start(&m, EMUL_MODE_VM86, 3);
	m.gpr[EMUL_RAX] = 0x2000;
	m.segments[EMUL_DS].limit = 0x10;
	CHECK_EQ(mock_run(&m, "8e d8"), EMUL_OK);
	CHECK_EQ(m.segments[EMUL_DS].limit, 0xffff);
	CHECK_EQ(m.segments[EMUL_DS].base, 0x20000);
	/* IOPL 0: flags and INT are the monitor's. */
	CHECK_EQ(mock_run(&m, "9c"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_GP);
	CHECK(m.ctxt.exception.has_error);
	CHECK_EQ(mock_run(&m, "fa"), EMUL_FAULT);
	CHECK_EQ(mock_run(&m, "cd 21"), EMUL_FAULT);
	CHECK_EQ(mock_run(&m, "f4"), EMUL_FAULT);
	CHECK_EQ(mock_run(&m, "0f 20 c0"), EMUL_FAULT);
	m.ctxt.rflags |= X86_EFLAGS_IOPL;
	CHECK_EQ(mock_run(&m, "9c"), EMUL_OK);
	CHECK_EQ(mock_get(&m, MOCK_STACK + 0xffe, 2), 0x3002);
	CHECK_EQ(mock_run(&m, "fb"), EMUL_OK);
	CHECK_EQ(mock_run(&m, "cd 21"), EMUL_SOFT_INT);
	CHECK_EQ(m.ctxt.exception.vector, 0x21);
	/* Virtual interrupt flag. */
	m.ctxt.rflags &= ~X86_EFLAGS_IOPL;
	m.cr[4] |= X86_CR4_VME;
	CHECK_EQ(mock_run(&m, "fb"), EMUL_OK);
	CHECK(m.ctxt.rflags & X86_EFLAGS_VIF);
	m.ctxt.rflags |= X86_EFLAGS_VIP;
	CHECK_EQ(mock_run(&m, "fb"), EMUL_FAULT);
	CHECK_EQ(mock_run(&m, "fa"), EMUL_OK);
	CHECK(!(m.ctxt.rflags & X86_EFLAGS_VIF));
}

static void test_real_strings(void)
{
	start();
	m.gpr[EMUL_RSI] = 0xbeef0010;
	m.gpr[EMUL_RDI] = 0xdead0021;
	m.gpr[EMUL_RCX] = 0x77770003;
	m.ctxt.rflags |= X86_EFLAGS_DF;
	m.segments[EMUL_ES].base = MOCK_DATA + 0x1000;
	memcpy(m.memory + MOCK_DATA + 0xe, "abc", 3);
	CHECK_EQ(mock_run(&m, "f3 a4"), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RSI], 0xbeef000d);
	CHECK_EQ(m.gpr[EMUL_RDI], 0xdead001e);
	CHECK_EQ(m.gpr[EMUL_RCX], 0x77770000);
	CHECK(!memcmp(m.memory + MOCK_DATA + 0x101f, "abc", 3));
}

static const struct tap_test tests[] = {
	{ "addressing", test_addressing },
	{ "segment loads", test_segment_loads },
	{ "unreal mode", test_unreal },
	{ "limits", test_limit },
	{ "far transfers", test_far },
	{ "near transfers", test_near },
	{ "INT and IRET", test_int_iret },
	{ "POPF and PUSHF", test_popf },
	{ "on the way to protected mode", test_to_protected },
	{ "vm86 mode", test_vm86 },
	{ "strings, downwards", test_real_strings },
};

TAP_MAIN("emul real", tests)
