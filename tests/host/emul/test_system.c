// SPDX-License-Identifier: GPL-2.0-only
/*
 * System instructions: ports, control and debug registers, MSRs, system calls,
 * and who may use them.
 */
#include <string.h>
#include <asm/processor-flags.h>
#include "../tap.h"
#include "mock.h"

#define MSR_TSC_AUX	0xc0000103
#define MSR_TSC		0x10
#define MSR_KERNEL_GS	0xc0000102
#define MSR_STAR	0xc0000081
#define MSR_LSTAR	0xc0000082
#define MSR_SFMASK	0xc0000084
#define MSR_SYSENTER_CS	0x174

static struct mock m;

static void start(enum emul_mode mode, unsigned int cpl)
{
	mock_start(&m, mode, cpl);
}

static bool gp0(void)
{
	return m.ctxt.exception.vector == EMUL_EXC_GP && m.ctxt.exception.error == 0;
}

static void test_in_out(void)
{
	start(EMUL_MODE_LONG64, 0);
	m.gpr[EMUL_RAX] = 0xffffffffdeadbeefull;
	m.gpr[EMUL_RDX] = 0x12345678;
	CHECK_EQ(mock_run(&m, "ec"), EMUL_IO_NEEDED);
	CHECK_EQ(m.pending.address, 0x5678);
	CHECK_EQ(m.pending.bytes, 1);
	CHECK_EQ(mock_complete(&m, 0x42), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RAX], 0xffffffffdeadbe42ull);
	CHECK_EQ(mock_run(&m, "66 e5 71"), EMUL_IO_NEEDED);
	CHECK_EQ(m.pending.address, 0x71);
	CHECK_EQ(m.pending.bytes, 2);
	CHECK_EQ(mock_complete(&m, 0x1234), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RAX], 0xffffffffdead1234ull);
	CHECK_EQ(mock_run(&m, "48 ed"), EMUL_IO_NEEDED);
	CHECK_EQ(m.pending.bytes, 4);
	CHECK_EQ(mock_complete(&m, 0x89abcdef), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RAX], 0x89abcdef);
	CHECK_EQ(mock_run(&m, "e6 80"), EMUL_OK);
	CHECK(m.ctxt.posted);
	CHECK_EQ(m.posted[0].address, 0x80);
	CHECK_EQ(m.posted[0].val, 0xef);
	CHECK_EQ(mock_run(&m, "ef"), EMUL_OK);
	CHECK_EQ(m.posted[1].address, 0x5678);
	CHECK_EQ(m.posted[1].val, 0x89abcdef);
}

static void test_pio_permission(void)
{
	start(EMUL_MODE_PROT32, 3);
	m.gpr[EMUL_RDX] = 0x3f8;
	/* The map begins where the TSS says; a set bit forbids. */
	mock_set_u16(&m, MOCK_TSS + 102, 0x68);
	CHECK_EQ(mock_run(&m, "ee"), EMUL_OK);
	CHECK_EQ(m.posted_count, 1);
	mock_set_u16(&m, MOCK_TSS + 0x68 + 0x3f8 / 8, 0x0002);
	CHECK_EQ(mock_run(&m, "ee"), EMUL_OK);
	CHECK_EQ(mock_run(&m, "66 ef"), EMUL_FAULT);
	CHECK(gp0());
	/* A word may have its bits in two bytes of the map. */
	m.gpr[EMUL_RDX] = 0x3ff;
	mock_set_u16(&m, MOCK_TSS + 0x68 + 0x3f8 / 8, 0x0100);
	CHECK_EQ(mock_run(&m, "ee"), EMUL_OK);
	CHECK_EQ(mock_run(&m, "66 ef"), EMUL_FAULT);
	/* Beyond the limit nothing is allowed. */
	m.segments[EMUL_TR].limit = 0x68 + 0x3ff / 8;
	CHECK_EQ(mock_run(&m, "ee"), EMUL_FAULT);
	CHECK(gp0());
	m.ctxt.rflags |= X86_EFLAGS_IOPL;
	CHECK_EQ(mock_run(&m, "ee"), EMUL_OK);
	m.ctxt.rflags &= ~X86_EFLAGS_IOPL;
	m.segments[EMUL_TR].attr = EMUL_ATTR_P | 3;		/* a 16-bit TSS */
	CHECK_EQ(mock_run(&m, "ee"), EMUL_FAULT);
	/* The map is read as supervisor. */
	start(EMUL_MODE_PROT32, 3);
	m.page[MOCK_TSS / 4096] = MOCK_ABSENT;
	CHECK_EQ(mock_run(&m, "ee"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_PF);
	CHECK_EQ(m.ctxt.exception.error, 0);
}

static void test_rep_outs(void)
{
	start(EMUL_MODE_LONG64, 0);
	m.gpr[EMUL_RDX] = 0x1f0;
	m.gpr[EMUL_RSI] = MOCK_DATA + 4096 - 10;
	m.gpr[EMUL_RCX] = 8;
	memcpy(m.memory + m.gpr[EMUL_RSI], "0123456789abcdef", 16);
	CHECK_EQ(mock_run(&m, "f3 66 6f"), EMUL_AGAIN);
	CHECK_EQ(m.posted_count, 1);
	CHECK_EQ(m.posted[0].count, 5);
	CHECK_EQ(m.posted[0].bytes, 2);
	CHECK_EQ(m.gpr[EMUL_RCX], 3);
	CHECK_EQ(m.ctxt.rip, MOCK_CODE);
	CHECK(!memcmp(m.pio_buf, "0123456789", 10));
	CHECK_EQ(mock_again(&m), EMUL_OK);
	CHECK_EQ(m.posted[1].count, 3);
	CHECK(!memcmp(m.pio_buf, "abcdef", 6));
	CHECK_EQ(m.gpr[EMUL_RSI], MOCK_DATA + 4096 + 6);
	/* Downwards one by one. */
	m.ctxt.rflags |= X86_EFLAGS_DF;
	m.gpr[EMUL_RCX] = 2;
	CHECK_EQ(mock_run(&m, "f3 6e"), EMUL_AGAIN);
	CHECK_EQ(m.posted[2].count, 1);
	CHECK_EQ(mock_again(&m), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RSI], MOCK_DATA + 4096 + 4);
	CHECK_EQ(mock_run(&m, "f3 6e"), EMUL_OK);
	CHECK_EQ(m.posted_count, 4);
}

/* A long one goes out in batches, and no more than the buffer holds. */
static void test_rep_outs_long(void)
{
	unsigned int total = 0, i;

	start(EMUL_MODE_LONG64, 0);
	m.gpr[EMUL_RSI] = MOCK_DATA + 1;
	m.gpr[EMUL_RCX] = 3000;
	mock_put_code(&m, "f3 6e");
	while (mock_again(&m) == EMUL_AGAIN)
		;
	for (i = 0; i < m.posted_count; i++)
		total += m.posted[i].count;
	CHECK_EQ(total, 3000);
	CHECK_EQ(m.posted_count, 6);
	CHECK_EQ(m.gpr[EMUL_RSI], MOCK_DATA + 1 + 3000);
	start(EMUL_MODE_LONG64, 0);
	m.ctxt.pio_buf_bytes = 16;
	m.gpr[EMUL_RSI] = MOCK_DATA;
	m.gpr[EMUL_RCX] = 16;
	CHECK_EQ(mock_run(&m, "f3 6f"), EMUL_AGAIN);
	CHECK_EQ(m.posted[0].count, 4);
}

static void test_rep_ins(void)
{
	start(EMUL_MODE_LONG64, 0);
	m.gpr[EMUL_RDX] = 0x1f0;
	m.gpr[EMUL_RDI] = MOCK_DATA + 4096 - 5;
	m.gpr[EMUL_RCX] = 4;
	CHECK_EQ(mock_run(&m, "f3 66 6d"), EMUL_IO_NEEDED);
	CHECK_EQ(m.pending.count, 2);
	CHECK_EQ(m.gpr[EMUL_RCX], 4);
	/* Two in this page; then one across; then the last. */
	CHECK_EQ(mock_complete(&m, 0x1111), EMUL_IO_NEEDED);
	CHECK_EQ(m.gpr[EMUL_RCX], 2);
	CHECK_EQ(m.pending.count, 1);
	CHECK_EQ(mock_complete(&m, 0x2233), EMUL_IO_NEEDED);
	CHECK_EQ(m.gpr[EMUL_RCX], 1);
	CHECK_EQ(mock_complete(&m, 0x4444), EMUL_OK);
	CHECK_EQ(mock_get(&m, MOCK_DATA + 4096 - 5, 8), 0x4444223311111111ull);
	CHECK_EQ(m.gpr[EMUL_RDI], MOCK_DATA + 4096 + 3);
	CHECK_EQ(m.ins, 3);
	/* The port is not read if memory cannot take it. */
	m.page[MOCK_DATA / 4096] = MOCK_READONLY;
	m.gpr[EMUL_RDI] = MOCK_DATA;
	CHECK_EQ(mock_run(&m, "6c"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_PF);
	CHECK_EQ(m.ctxt.exception.error, 3);
	CHECK_EQ(m.ins, 3);
	CHECK_EQ(m.gpr[EMUL_RDI], MOCK_DATA);
}

static void test_ins_outs_restart(void)
{
	/* A port read completes after the permission map was read: still once. */
	start(EMUL_MODE_PROT32, 3);
	mock_set_u16(&m, MOCK_TSS + 102, 0x68);
	m.gpr[EMUL_RDX] = 0x60;
	m.gpr[EMUL_RDI] = MOCK_DATA;
	m.gpr[EMUL_RCX] = 1;
	CHECK_EQ(mock_run(&m, "f3 6c"), EMUL_IO_NEEDED);
	CHECK_EQ(mock_complete(&m, 0x99), EMUL_OK);
	CHECK_EQ(mock_get(&m, MOCK_DATA, 1), 0x99);
	/* OUTS from a device. */
	m.gpr[EMUL_RSI] = MOCK_DEVICE;
	CHECK_EQ(mock_run(&m, "6f"), EMUL_IO_NEEDED);
	CHECK_EQ(m.pending.address, MOCK_DEVICE);
	CHECK_EQ(mock_complete(&m, 0xabcdef01), EMUL_OK);
	CHECK_EQ(m.posted[0].val, 0xabcdef01);
	CHECK_EQ(m.posted[0].address, 0x60);
}

static void test_control_registers(void)
{
	start(EMUL_MODE_LONG64, 0);
	m.cr[3] = 0x1234567890;
	CHECK_EQ(mock_run(&m, "41 0f 20 d8"), EMUL_OK);		/* mov r8, cr3 */
	CHECK_EQ(m.gpr[EMUL_R8], 0x1234567890);
	m.gpr[EMUL_R9] = 0x1122334455667788;
	CHECK_EQ(mock_run(&m, "45 0f 22 c1"), EMUL_OK);		/* mov cr8, r9 */
	CHECK_EQ(m.cr[8], 0x1122334455667788);
	CHECK_EQ(mock_run(&m, "0f 22 c8"), EMUL_FAULT);		/* cr1 */
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_UD);
	CHECK_EQ(mock_run(&m, "44 0f 20 d8"), EMUL_FAULT);	/* cr11 */
	m.gpr[EMUL_RAX] = ~0ull;
	CHECK_EQ(mock_run(&m, "0f 22 c0"), EMUL_FAULT);		/* the op refuses */
	CHECK(gp0());
	m.cr[0] = X86_CR0_TS | X86_CR0_PE | X86_CR0_PG;
	CHECK_EQ(mock_run(&m, "0f 06"), EMUL_OK);
	CHECK_EQ(m.cr[0], X86_CR0_PE | X86_CR0_PG);
	m.gpr[EMUL_RAX] = 0xffee;
	CHECK_EQ(mock_run(&m, "0f 01 f0"), EMUL_OK);		/* lmsw keeps PE */
	CHECK_EQ(m.cr[0], X86_CR0_PE | X86_CR0_PG | 0xe);
	CHECK_EQ(mock_run(&m, "0f 01 e1"), EMUL_OK);		/* smsw ecx */
	CHECK_EQ(m.gpr[EMUL_RCX], m.cr[0]);
	m.gpr[EMUL_RBX] = MOCK_DATA;
	mock_set(&m, MOCK_DATA, ~0ull);
	CHECK_EQ(mock_run(&m, "0f 01 23"), EMUL_OK);		/* smsw [rbx] */
	CHECK_EQ(mock_get(&m, MOCK_DATA, 8), 0xffffffffffff000full);
}

/* LOCK MOV CR0 is MOV CR8 where the CPU says so. */
static void test_cr8_by_lock(void)
{
	start(EMUL_MODE_PROT32, 0);
	m.gpr[EMUL_RAX] = 5;
	CHECK_EQ(mock_run(&m, "f0 0f 22 c0"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_UD);
	m.ctxt.cpu = EMUL_CPU_LOCK_CR8;
	CHECK_EQ(mock_run(&m, "f0 0f 22 c0"), EMUL_OK);
	CHECK_EQ(m.cr[8], 5);
	m.cr[8] = 9;
	CHECK_EQ(mock_run(&m, "f0 0f 20 c1"), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RCX], 9);
	CHECK_EQ(mock_run(&m, "f0 0f 20 d9"), EMUL_FAULT);	/* cr3 */
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_UD);
}

static void test_debug_registers(void)
{
	start(EMUL_MODE_LONG64, 0);
	m.gpr[EMUL_RAX] = 0x123456789abc;
	CHECK_EQ(mock_run(&m, "0f 23 d8"), EMUL_OK);
	CHECK_EQ(m.dr[3], 0x123456789abc);
	CHECK_EQ(mock_run(&m, "0f 23 e8"), EMUL_OK);		/* dr5 is dr7 */
	CHECK_EQ(m.dr[7], 0x123456789abc);
	CHECK_EQ(mock_run(&m, "0f 21 f9"), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RCX], 0x123456789abc);
	m.cr[4] |= X86_CR4_DE;
	CHECK_EQ(mock_run(&m, "0f 23 e8"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_UD);
	CHECK_EQ(mock_run(&m, "44 0f 23 c0"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_UD);
}

static void test_privilege(void)
{
	static const char *const insns[] = {
		"0f 20 c0", "0f 22 c0", "0f 21 c0", "0f 23 c0", "f4", "0f 06", "0f 08", "0f 09",
		"0f 30", "0f 32", "0f 01 10", "0f 01 18", "0f 01 38", "0f 01 f0", "0f 00 d0",
		"0f 00 d8", "fa", "fb", "ec", "ee", "6c", "6e",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(insns); i++) {
		start(EMUL_MODE_PROT32, 3);
		m.gpr[EMUL_RAX] = MOCK_DATA;
		m.segments[EMUL_TR].limit = 0x60;
		CHECK_EQ(mock_run(&m, insns[i]), EMUL_FAULT);
		CHECK(gp0());
	}
	start(EMUL_MODE_PROT32, 3);
	m.gpr[EMUL_RAX] = MOCK_DATA;
	CHECK_EQ(mock_run(&m, "0f 01 00"), EMUL_OK);		/* sgdt */
	m.cr[4] |= X86_CR4_UMIP;
	CHECK_EQ(mock_run(&m, "0f 01 00"), EMUL_FAULT);
	CHECK(gp0());
	CHECK_EQ(mock_run(&m, "0f 00 c0"), EMUL_FAULT);
	CHECK_EQ(mock_run(&m, "0f 01 e0"), EMUL_FAULT);
}

static void test_tables(void)
{
	start(EMUL_MODE_LONG64, 0);
	m.gpr[EMUL_RBX] = MOCK_DATA;
	mock_set_u16(&m, MOCK_DATA, 0x7f);
	mock_set(&m, MOCK_DATA + 2, 0xffff800012345678ull);
	CHECK_EQ(mock_run(&m, "66 0f 01 1b"), EMUL_OK);		/* lidt, 66 or not */
	CHECK_EQ(m.idt.base, 0xffff800012345678ull);
	CHECK_EQ(m.idt.limit, 0x7f);
	CHECK_EQ(mock_run(&m, "0f 01 4b 10"), EMUL_OK);		/* sidt */
	CHECK_EQ(mock_get(&m, MOCK_DATA + 0x12, 8), 0xffff800012345678ull);
	mock_set(&m, MOCK_DATA + 2, 0x800012345678ull);
	CHECK_EQ(mock_run(&m, "0f 01 1b"), EMUL_FAULT);
	CHECK(gp0());
	CHECK_EQ(m.idt.limit, 0x7f);
}

static void test_msrs(void)
{
	start(EMUL_MODE_LONG64, 0);
	mock_set_msr(&m, 0x1234, 0);
	m.gpr[EMUL_RCX] = 0xffff00001234ull;
	m.gpr[EMUL_RAX] = 0xffffffff11111111ull;
	m.gpr[EMUL_RDX] = 0xffffffff22222222ull;
	CHECK_EQ(mock_run(&m, "0f 30"), EMUL_OK);
	CHECK_EQ(*mock_msr(&m, 0x1234), 0x2222222211111111ull);
	CHECK_EQ(mock_run(&m, "0f 32"), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RAX], 0x11111111);
	CHECK_EQ(m.gpr[EMUL_RDX], 0x22222222);
	m.gpr[EMUL_RCX] = 1;
	CHECK_EQ(mock_run(&m, "0f 32"), EMUL_FAULT);
	CHECK(gp0());
	mock_set_msr(&m, MSR_TSC, 0x123456789aull);
	CHECK_EQ(mock_run(&m, "0f 31"), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RAX], 0x3456789a);
	CHECK_EQ(m.gpr[EMUL_RDX], 0x12);
	CHECK_EQ(mock_run(&m, "0f 01 f9"), EMUL_FAULT);		/* rdtscp, without the MSR */
	CHECK(gp0());
	mock_set_msr(&m, MSR_TSC_AUX, 0x1111111100000077ull);
	m.gpr[EMUL_RAX] = m.gpr[EMUL_RCX] = m.gpr[EMUL_RDX] = ~0ull;
	CHECK_EQ(mock_run(&m, "0f 01 f9"), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RAX], 0x3456789a);
	CHECK_EQ(m.gpr[EMUL_RDX], 0x12);
	CHECK_EQ(m.gpr[EMUL_RCX], 0x77);
	start(EMUL_MODE_LONG64, 3);
	mock_set_msr(&m, MSR_TSC, 0);
	CHECK_EQ(mock_run(&m, "0f 31"), EMUL_OK);
	m.cr[4] |= X86_CR4_TSD;
	CHECK_EQ(mock_run(&m, "0f 31"), EMUL_FAULT);
	CHECK(gp0());
	CHECK_EQ(mock_run(&m, "0f 33"), EMUL_FAULT);
	m.cr[4] |= X86_CR4_PCE;
	m.gpr[EMUL_RCX] = 2;
	CHECK_EQ(mock_run(&m, "0f 33"), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RAX], 2);
	CHECK_EQ(m.gpr[EMUL_RDX], 0x1234);
}

static void test_cpuid_and_xsetbv(void)
{
	start(EMUL_MODE_LONG64, 3);
	m.gpr[EMUL_RAX] = 0xffffffff00000010ull;
	m.gpr[EMUL_RCX] = 5;
	CHECK_EQ(mock_run(&m, "0f a2"), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RAX], 0x11);
	CHECK_EQ(m.gpr[EMUL_RBX], 0x12);
	CHECK_EQ(m.gpr[EMUL_RCX], 8);
	CHECK_EQ(m.gpr[EMUL_RDX], 0x14);
	CHECK_EQ(mock_run(&m, "0f 01 d1"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_UD);
	m.cr[4] |= X86_CR4_OSXSAVE;
	CHECK_EQ(mock_run(&m, "0f 01 d1"), EMUL_FAULT);
	CHECK(gp0());
	m.ctxt.cpl = 0;
	m.gpr[EMUL_RCX] = 0;
	m.gpr[EMUL_RAX] = 7;
	m.gpr[EMUL_RDX] = 0;
	CHECK_EQ(mock_run(&m, "0f 01 d1"), EMUL_OK);
	CHECK_EQ(m.xcr0, 7);
}

static void test_notices(void)
{
	start(EMUL_MODE_LONG64, 0);
	CHECK_EQ(mock_run(&m, "f4"), EMUL_OK);
	CHECK_EQ(m.notices[EMUL_NOTICE_HLT], 1);
	CHECK_EQ(m.ctxt.rip, MOCK_CODE + 1);
	CHECK_EQ(mock_run(&m, "0f 09"), EMUL_OK);
	CHECK_EQ(m.notices[EMUL_NOTICE_WBINVD], 1);
	CHECK_EQ(mock_run(&m, "0f 01 d9"), EMUL_OK);
	CHECK_EQ(mock_run(&m, "0f 01 c1"), EMUL_OK);
	CHECK_EQ(m.notices[EMUL_NOTICE_HYPERCALL], 2);
	CHECK_EQ(mock_run(&m, "f3 90"), EMUL_OK);
	CHECK_EQ(m.notices[EMUL_NOTICE_PAUSE], 1);
	CHECK_EQ(mock_run(&m, "0f 01 c8"), EMUL_OK);
	CHECK_EQ(mock_run(&m, "0f 01 c9"), EMUL_OK);
}

static void test_invlpg(void)
{
	start(EMUL_MODE_LONG64, 0);
	m.gpr[EMUL_RAX] = 0x7fff12345678;
	CHECK_EQ(mock_run(&m, "0f 01 38"), EMUL_OK);
	CHECK_EQ(m.invalidated, 0x7fff12345678);
	CHECK_EQ(m.reads, 0);
	m.segments[EMUL_GS].base = 0x1000;
	CHECK_EQ(mock_run(&m, "65 0f 01 38"), EMUL_OK);
	CHECK_EQ(m.invalidated, 0x7fff12346678);
	m.gpr[EMUL_RAX] = 1ull << 63;
	CHECK_EQ(mock_run(&m, "0f 01 38"), EMUL_OK);		/* not an address: nothing */
	CHECK_EQ(m.invalidated, 0x7fff12346678);
}

static void test_interrupt_flag(void)
{
	start(EMUL_MODE_LONG64, 0);
	CHECK_EQ(mock_run(&m, "fb"), EMUL_OK);
	CHECK(m.ctxt.rflags & X86_EFLAGS_IF);
	CHECK_EQ(m.ctxt.shadow, EMUL_SHADOW_STI);
	CHECK_EQ(mock_run(&m, "fb"), EMUL_OK);
	CHECK_EQ(m.ctxt.shadow, 0);
	CHECK_EQ(mock_run(&m, "fa"), EMUL_OK);
	CHECK(!(m.ctxt.rflags & X86_EFLAGS_IF));
	start(EMUL_MODE_PROT32, 3);
	m.cr[4] |= X86_CR4_PVI;
	CHECK_EQ(mock_run(&m, "fb"), EMUL_OK);
	CHECK_EQ(m.ctxt.rflags, X86_EFLAGS_FIXED | X86_EFLAGS_VIF);
}

static void test_fs_gs(void)
{
	start(EMUL_MODE_LONG64, 0);
	m.segments[EMUL_GS].base = 0x1111;
	mock_set_msr(&m, MSR_KERNEL_GS, 0x2222);
	CHECK_EQ(mock_run(&m, "0f 01 f8"), EMUL_OK);
	CHECK_EQ(m.segments[EMUL_GS].base, 0x2222);
	CHECK_EQ(*mock_msr(&m, MSR_KERNEL_GS), 0x1111);
	CHECK_EQ(mock_run(&m, "f3 48 0f ae c8"), EMUL_FAULT);	/* rdgsbase rax */
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_UD);
	m.cr[4] |= X86_CR4_FSGSBASE;
	CHECK_EQ(mock_run(&m, "f3 48 0f ae c8"), EMUL_OK);
	CHECK_EQ(m.gpr[EMUL_RAX], 0x2222);
	CHECK_EQ(mock_run(&m, "f3 48 0f ae d0"), EMUL_OK);	/* wrfsbase rax */
	CHECK_EQ(m.segments[EMUL_FS].base, 0x2222);
	m.gpr[EMUL_RAX] = 1ull << 63;
	CHECK_EQ(mock_run(&m, "f3 48 0f ae d8"), EMUL_FAULT);
	CHECK(gp0());
}

static void test_syscall(void)
{
	start(EMUL_MODE_LONG64, 3);
	m.efer &= ~1ull;
	mock_set_msr(&m, MSR_STAR, 0);
	CHECK_EQ(mock_run(&m, "0f 05"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_UD);
	/* Outside long mode AMD64 has it, with EIP in STAR. */
	start(EMUL_MODE_PROT32, 3);
	m.efer = 1;
	mock_set_msr(&m, MSR_STAR, 0x0013000800012345ull);
	CHECK_EQ(mock_run(&m, "0f 05"), EMUL_FAULT);
	m.ctxt.cpu = EMUL_CPU_AMD;
	m.ctxt.rflags |= X86_EFLAGS_IF;
	CHECK_EQ(mock_run(&m, "0f 05"), EMUL_OK);
	CHECK_EQ(m.ctxt.rip, 0x12345);
	CHECK_EQ(m.gpr[EMUL_RCX], MOCK_CODE + 2);
	CHECK_EQ(m.ctxt.cpl, 0);
	CHECK_EQ(m.segments[EMUL_CS].selector, 8);
	CHECK_EQ(m.segments[EMUL_SS].selector, 0x10);
	CHECK_EQ(m.ctxt.rflags, X86_EFLAGS_FIXED);
	m.gpr[EMUL_RCX] = 0x4444;
	CHECK_EQ(mock_run(&m, "0f 07"), EMUL_OK);		/* sysret */
	CHECK_EQ(m.ctxt.rip, 0x4444);
	CHECK_EQ(m.ctxt.cpl, 3);
	CHECK_EQ(m.segments[EMUL_CS].selector, 0x13);
	CHECK_EQ(m.segments[EMUL_SS].selector, 0x1b);
	CHECK(m.ctxt.rflags & X86_EFLAGS_IF);
}

static void test_syscall_long(void)
{
	start(EMUL_MODE_LONG64, 3);
	mock_set_msr(&m, MSR_STAR, 0x0013000800000000ull);
	mock_set_msr(&m, MSR_LSTAR, 0xffff800000001000ull);
	mock_set_msr(&m, MSR_SFMASK, X86_EFLAGS_IF | X86_EFLAGS_DF);
	m.ctxt.rflags = X86_EFLAGS_FIXED | X86_EFLAGS_IF | X86_EFLAGS_CF | X86_EFLAGS_RF;
	CHECK_EQ(mock_run(&m, "0f 05"), EMUL_OK);
	CHECK_EQ(m.ctxt.rip, 0xffff800000001000ull);
	CHECK_EQ(m.gpr[EMUL_RCX], MOCK_CODE + 2);
	CHECK_EQ(m.gpr[EMUL_R11], X86_EFLAGS_FIXED | X86_EFLAGS_IF | X86_EFLAGS_CF);
	CHECK_EQ(m.ctxt.rflags, X86_EFLAGS_FIXED | X86_EFLAGS_CF);
	CHECK_EQ(m.ctxt.cpl, 0);
	CHECK(m.segments[EMUL_CS].attr & EMUL_ATTR_L);
	CHECK_EQ(m.segments[EMUL_SS].selector, 0x10);
	m.ctxt.rip = MOCK_CODE;
	m.gpr[EMUL_RCX] = 0x123456789;
	CHECK_EQ(mock_run(&m, "48 0f 07"), EMUL_OK);
	CHECK_EQ(m.ctxt.rip, 0x123456789);
	CHECK_EQ(m.ctxt.cpl, 3);
	CHECK_EQ(m.segments[EMUL_CS].selector, 0x23);
	CHECK_EQ(m.segments[EMUL_SS].selector, 0x1b);
	CHECK_EQ(m.ctxt.rflags, X86_EFLAGS_FIXED | X86_EFLAGS_IF | X86_EFLAGS_CF);
	/* Back to 32-bit code. */
	start(EMUL_MODE_LONG64, 0);
	mock_set_msr(&m, MSR_STAR, 0x0013000800000000ull);
	m.gpr[EMUL_RCX] = 0x123456789;
	CHECK_EQ(mock_run(&m, "0f 07"), EMUL_OK);
	CHECK_EQ(m.ctxt.rip, 0x23456789);
	CHECK_EQ(m.segments[EMUL_CS].selector, 0x13);
	CHECK(m.segments[EMUL_CS].attr & EMUL_ATTR_DB);
	/* To nowhere, and by whom it is not for. */
	start(EMUL_MODE_LONG64, 0);
	mock_set_msr(&m, MSR_STAR, 0x0013000800000000ull);
	m.gpr[EMUL_RCX] = 1ull << 47;
	CHECK_EQ(mock_run(&m, "48 0f 07"), EMUL_FAULT);
	CHECK(gp0());
	CHECK_EQ(m.ctxt.cpl, 0);
	start(EMUL_MODE_LONG64, 3);
	mock_set_msr(&m, MSR_STAR, 0x0013000800000000ull);
	CHECK_EQ(mock_run(&m, "48 0f 07"), EMUL_FAULT);
	CHECK(gp0());
}

static void test_sysexit_long(void)
{
	start(EMUL_MODE_LONG64, 0);
	mock_set_msr(&m, MSR_SYSENTER_CS, 0x60);
	m.gpr[EMUL_RDX] = 0x123456789;
	m.gpr[EMUL_RCX] = 0x7fffffffffff;
	CHECK_EQ(mock_run(&m, "48 0f 35"), EMUL_OK);
	CHECK_EQ(m.ctxt.rip, 0x123456789);
	CHECK_EQ(m.gpr[EMUL_RSP], 0x7fffffffffff);
	CHECK_EQ(m.ctxt.cpl, 3);
	CHECK_EQ(m.segments[EMUL_CS].selector, 0x83);
	CHECK(m.segments[EMUL_CS].attr & EMUL_ATTR_L);
	CHECK_EQ(m.segments[EMUL_SS].selector, 0x8b);
	start(EMUL_MODE_LONG64, 0);
	mock_set_msr(&m, MSR_SYSENTER_CS, 0x60);
	m.gpr[EMUL_RCX] = 1ull << 47;
	CHECK_EQ(mock_run(&m, "48 0f 35"), EMUL_FAULT);
	CHECK(gp0());
	CHECK_EQ(m.ctxt.cpl, 0);
}

static void test_access_flag(void)
{
	start(EMUL_MODE_LONG64, 0);
	CHECK_EQ(mock_run(&m, "0f 01 cb"), EMUL_OK);		/* stac */
	CHECK(m.ctxt.rflags & X86_EFLAGS_AC);
	CHECK_EQ(mock_run(&m, "0f 01 ca"), EMUL_OK);		/* clac */
	CHECK(!(m.ctxt.rflags & X86_EFLAGS_AC));
	start(EMUL_MODE_LONG64, 3);
	CHECK_EQ(mock_run(&m, "0f 01 ca"), EMUL_FAULT);
}

static void test_sysenter(void)
{
	start(EMUL_MODE_PROT32, 3);
	mock_set_msr(&m, MSR_SYSENTER_CS, 0);
	mock_set_msr(&m, MSR_SYSENTER_CS + 1, 0x7000);
	mock_set_msr(&m, MSR_SYSENTER_CS + 2, 0x8000);
	CHECK_EQ(mock_run(&m, "0f 34"), EMUL_FAULT);
	CHECK(gp0());
	mock_set_msr(&m, MSR_SYSENTER_CS, 0x60);
	m.ctxt.rflags |= X86_EFLAGS_IF;
	CHECK_EQ(mock_run(&m, "0f 34"), EMUL_OK);
	CHECK_EQ(m.ctxt.rip, 0x8000);
	CHECK_EQ(m.gpr[EMUL_RSP], 0x7000);
	CHECK_EQ(m.ctxt.cpl, 0);
	CHECK_EQ(m.segments[EMUL_CS].selector, 0x60);
	CHECK_EQ(m.segments[EMUL_SS].selector, 0x68);
	CHECK(!(m.ctxt.rflags & X86_EFLAGS_IF));
	m.gpr[EMUL_RDX] = 0x1234;
	m.gpr[EMUL_RCX] = 0x5678;
	CHECK_EQ(mock_run(&m, "0f 35"), EMUL_OK);
	CHECK_EQ(m.ctxt.rip, 0x1234);
	CHECK_EQ(m.gpr[EMUL_RSP], 0x5678);
	CHECK_EQ(m.ctxt.cpl, 3);
	CHECK_EQ(m.segments[EMUL_CS].selector, 0x73);
	CHECK_EQ(m.segments[EMUL_SS].selector, 0x7b);
	/* AMD64 has none in long mode. */
	start(EMUL_MODE_LONG64, 0);
	m.ctxt.cpu = EMUL_CPU_AMD;
	CHECK_EQ(mock_run(&m, "0f 34"), EMUL_FAULT);
	CHECK_EQ(m.ctxt.exception.vector, EMUL_EXC_UD);
}

/* A batch of OUTS is cut where the segment ends; the rest is a fault. */
static void test_outs_at_limit(void)
{
	start(EMUL_MODE_PROT32, 0);
	m.segments[EMUL_DS].base = MOCK_DATA;
	m.segments[EMUL_DS].limit = 0x10f;
	m.gpr[EMUL_RSI] = 0x10e;
	m.gpr[EMUL_RCX] = 8;
	CHECK_EQ(mock_run(&m, "f3 6e"), EMUL_AGAIN);
	CHECK_EQ(m.posted[0].count, 1);
	CHECK_EQ(mock_again(&m), EMUL_AGAIN);
	CHECK_EQ(mock_again(&m), EMUL_FAULT);
	CHECK(gp0());
	CHECK_EQ(m.gpr[EMUL_RSI], 0x110);
	CHECK_EQ(m.gpr[EMUL_RCX], 6);
	/* There are no ports of eight bytes. */
	start(EMUL_MODE_LONG64, 0);
	m.gpr[EMUL_RSI] = MOCK_DATA;
	m.gpr[EMUL_RCX] = 2;
	CHECK_EQ(mock_run(&m, "f3 48 6f"), EMUL_OK);
	CHECK_EQ(m.posted[0].bytes, 4);
	CHECK_EQ(m.posted[0].count, 2);
}

static void test_unhandleable(void)
{
	start(EMUL_MODE_LONG64, 0);
	CHECK_EQ(mock_run(&m, "0f 58 c1"), EMUL_UNHANDLEABLE);
	CHECK_EQ(m.ctxt.rip, MOCK_CODE);
	CHECK_EQ(m.ctxt.fetched[0], 0x0f);
	CHECK(m.ctxt.fetched_bytes >= 3);
}

static const struct tap_test tests[] = {
	{ "IN and OUT", test_in_out },
	{ "permission map", test_pio_permission },
	{ "REP OUTS", test_rep_outs },
	{ "REP OUTS, long", test_rep_outs_long },
	{ "OUTS at a limit", test_outs_at_limit },
	{ "REP INS", test_rep_ins },
	{ "INS and OUTS start again", test_ins_outs_restart },
	{ "control registers", test_control_registers },
	{ "CR8 by LOCK", test_cr8_by_lock },
	{ "debug registers", test_debug_registers },
	{ "privilege", test_privilege },
	{ "GDTR and IDTR", test_tables },
	{ "MSRs and counters", test_msrs },
	{ "CPUID and XSETBV", test_cpuid_and_xsetbv },
	{ "notices", test_notices },
	{ "INVLPG", test_invlpg },
	{ "interrupt flag", test_interrupt_flag },
	{ "bases of FS and GS", test_fs_gs },
	{ "SYSCALL and SYSRET", test_syscall },
	{ "SYSCALL and SYSRET in long mode", test_syscall_long },
	{ "SYSENTER and SYSEXIT", test_sysenter },
	{ "SYSEXIT to 64-bit code", test_sysexit_long },
	{ "STAC and CLAC", test_access_flag },
	{ "what cannot be done", test_unhandleable },
};

TAP_MAIN("emul system", tests)
