// SPDX-License-Identifier: GPL-2.0-only
/*
 * The opcode tables, in the order of the opcode maps of the manuals.
 *
 * An entry without a name is undefined: #UD.  One with a name and no handler is
 * known by its length only: the executor cannot do it.  Letters for operands
 * follow the manuals: E is ModRM's register or memory, G ModRM's register, A the
 * accumulator, Z the register in the opcode, O a memory offset, I an immediate; a
 * digit behind it fixes the size in bytes.
 */
#include "internal.h"
#include "handlers.h"

#define E	FORM_RM
#define E1	FORM_SIZED(FORM_RM, 1)
#define E2	FORM_SIZED(FORM_RM, 2)
#define E4	FORM_SIZED(FORM_RM, 4)
#define G	FORM_REG
#define A	FORM_ACC
#define Z	FORM_OPREG
#define O	FORM_MEM
#define I	FORM_IMM
#define I1	FORM_SIZED(FORM_IMM, 1)
#define CL	FORM_SIZED(FORM_CL, 1)
#define ONE	FORM_SIZED(FORM_ONE, 1)
#define NO	FORM_NONE

#define MRM	OPC_MODRM
#define BYTE	OPC_BYTE
#define MOV	OPC_MOV
#define CMP	OPC_CMP
#define LOCK	OPC_LOCK
#define LOCKED	(OPC_LOCK | OPC_LOCKED)
#define STACK	(OPC_STACK | OPC_MULTI)
#define BRANCH	OPC_BRANCH
#define NO64	OPC_NO64
#define PROT	OPC_PROT
#define PRIV	OPC_PRIV
#define MEM	(OPC_MODRM | OPC_MEM)
#define MULTI	OPC_MULTI

/* An instruction; with two operands; with an immediate. */
#define OP(_name, _exec, _flags)						\
	{ .name = _name, .exec = emul_op_##_exec, .flags = _flags }
#define OP2(_name, _exec, _dst, _src, _flags)					\
	{ .name = _name, .exec = emul_op_##_exec, .dst = _dst, .src = _src,	\
	  .flags = _flags }
#define OPI(_name, _exec, _dst, _src, _imm, _flags)				\
	{ .name = _name, .exec = emul_op_##_exec, .dst = _dst, .src = _src,	\
	  .imm = _imm, .flags = _flags }
#define OP3(_name, _exec, _dst, _src, _src2, _imm, _flags)			\
	{ .name = _name, .exec = emul_op_##_exec, .dst = _dst, .src = _src,	\
	  .src2 = _src2, .imm = _imm, .flags = _flags }

/* Known by its length only. */
#define LEN(_name, _imm, _flags)						\
	{ .name = _name, .imm = _imm, .flags = _flags }

/* A table, and a prefix. */
#define TABLE(_kind, _table, _flags)						\
	{ .name = "table", .kind = _kind, .table = _table, .flags = _flags }
#define PREFIX	{ .name = "prefix", .flags = OPC_PREFIX }

/* The six forms of the old arithmetic instructions. */
#define ALU(_base, _name, _exec, _flags)					\
	[(_base) + 0] = OP2(_name, _exec, E, G, MRM | BYTE | (_flags)),		\
	[(_base) + 1] = OP2(_name, _exec, E, G, MRM | (_flags)),		\
	[(_base) + 2] = OP2(_name, _exec, G, E, MRM | BYTE | ((_flags) & ~LOCK)), \
	[(_base) + 3] = OP2(_name, _exec, G, E, MRM | ((_flags) & ~LOCK)),	\
	[(_base) + 4] = OPI(_name, _exec, A, I, IMM_SB, BYTE | ((_flags) & ~LOCK)), \
	[(_base) + 5] = OPI(_name, _exec, A, I, IMM_Z, (_flags) & ~LOCK)

#define GROUP1(_imm, _flags) {							\
	OPI("add", add, E, I, _imm, LOCK | (_flags)),				\
	OPI("or", or, E, I, _imm, LOCK | (_flags)),				\
	OPI("adc", adc, E, I, _imm, LOCK | (_flags)),				\
	OPI("sbb", sbb, E, I, _imm, LOCK | (_flags)),				\
	OPI("and", and, E, I, _imm, LOCK | (_flags)),				\
	OPI("sub", sub, E, I, _imm, LOCK | (_flags)),				\
	OPI("xor", xor, E, I, _imm, LOCK | (_flags)),				\
	OPI("cmp", cmp, E, I, _imm, CMP | (_flags)),				\
}

static const struct emul_opcode group1_byte[8] = GROUP1(IMM_SB, MRM | BYTE);
static const struct emul_opcode group1_82[8] = GROUP1(IMM_SB, MRM | BYTE | NO64);
static const struct emul_opcode group1_z[8] = GROUP1(IMM_Z, MRM);
static const struct emul_opcode group1_sb[8] = GROUP1(IMM_SB, MRM);

static const struct emul_opcode group1a[8] = {
	[0] = OP2("pop", pop, E, NO, MRM | MOV | STACK),
};

#define GROUP2(_src, _imm, _flags) {						\
	OPI("rol", rol, E, _src, _imm, MRM | (_flags)),				\
	OPI("ror", ror, E, _src, _imm, MRM | (_flags)),				\
	OPI("rcl", rcl, E, _src, _imm, MRM | (_flags)),				\
	OPI("rcr", rcr, E, _src, _imm, MRM | (_flags)),				\
	OPI("shl", shl, E, _src, _imm, MRM | (_flags)),				\
	OPI("shr", shr, E, _src, _imm, MRM | (_flags)),				\
	OPI("shl", shl, E, _src, _imm, MRM | (_flags)),				\
	OPI("sar", sar, E, _src, _imm, MRM | (_flags)),				\
}

static const struct emul_opcode group2_imm_byte[8] = GROUP2(I1, IMM_UB, BYTE);
static const struct emul_opcode group2_imm[8] = GROUP2(I1, IMM_UB, 0);
static const struct emul_opcode group2_one_byte[8] = GROUP2(ONE, IMM_NONE, BYTE);
static const struct emul_opcode group2_one[8] = GROUP2(ONE, IMM_NONE, 0);
static const struct emul_opcode group2_cl_byte[8] = GROUP2(CL, IMM_NONE, BYTE);
static const struct emul_opcode group2_cl[8] = GROUP2(CL, IMM_NONE, 0);

#define GROUP3(_imm, _flags) {							\
	OPI("test", test, E, I, _imm, MRM | CMP | (_flags)),			\
	OPI("test", test, E, I, _imm, MRM | CMP | (_flags)),			\
	OP2("not", not, E, NO, MRM | LOCK | (_flags)),				\
	OP2("neg", neg, E, NO, MRM | LOCK | (_flags)),				\
	OP2("mul", mul, NO, E, MRM | (_flags)),					\
	OP2("imul", imul1, NO, E, MRM | (_flags)),				\
	OP2("div", div, NO, E, MRM | (_flags)),					\
	OP2("idiv", idiv, NO, E, MRM | (_flags)),				\
}

static const struct emul_opcode group3_byte[8] = GROUP3(IMM_SB, BYTE);
static const struct emul_opcode group3[8] = GROUP3(IMM_Z, 0);

static const struct emul_opcode group4[8] = {
	OP2("inc", inc, E, NO, MRM | BYTE | LOCK),
	OP2("dec", dec, E, NO, MRM | BYTE | LOCK),
};

static const struct emul_opcode group5[8] = {
	OP2("inc", inc, E, NO, MRM | LOCK),
	OP2("dec", dec, E, NO, MRM | LOCK),
	OP2("call", call_indirect, NO, E, MRM | BRANCH | MULTI),
	OP("callf", call_far_mem, MEM | MULTI),
	OP2("jmp", jmp_indirect, NO, E, MRM | BRANCH),
	OP("jmpf", jmp_far_mem, MEM | MULTI),
	OP2("push", push, NO, E, MRM | STACK),
};

static const struct emul_opcode group6[8] = {
	OP2("sldt", sldt, E, NO, MRM | MOV | PROT),
	OP2("str", str, E, NO, MRM | MOV | PROT),
	OP2("lldt", lldt, NO, E2, MRM | PROT | PRIV | MULTI),
	OP2("ltr", ltr, NO, E2, MRM | PROT | PRIV | MULTI),
	OP2("verr", verr, NO, E2, MRM | PROT | MULTI),
	OP2("verw", verw, NO, E2, MRM | PROT | MULTI),
};

/* 0F 01 with a register: eight by ModRM.rm each. */
static const struct emul_opcode group7_reg0[8] = {
	[1] = OP("vmcall", hypercall, MRM),
	[2] = LEN("vmlaunch", IMM_NONE, MRM),
	[3] = LEN("vmresume", IMM_NONE, MRM),
	[4] = LEN("vmxoff", IMM_NONE, MRM),
};

static const struct emul_opcode group7_reg1[8] = {
	[0] = OP("monitor", monitor, MRM | PRIV),
	[1] = OP("mwait", monitor, MRM | PRIV),
	[2] = OP("clac", clac, MRM | PRIV),
	[3] = OP("stac", stac, MRM | PRIV),
};

static const struct emul_opcode group7_reg2[8] = {
	[0] = LEN("xgetbv", IMM_NONE, MRM),
	[1] = OP("xsetbv", xsetbv, MRM),
};

static const struct emul_opcode group7_reg3[8] = {
	[0] = LEN("vmrun", IMM_NONE, MRM),
	[1] = OP("vmmcall", hypercall, MRM),
	[2] = LEN("vmload", IMM_NONE, MRM),
	[3] = LEN("vmsave", IMM_NONE, MRM),
	[4] = LEN("stgi", IMM_NONE, MRM),
	[5] = LEN("clgi", IMM_NONE, MRM),
	[6] = LEN("skinit", IMM_NONE, MRM),
	[7] = LEN("invlpga", IMM_NONE, MRM),
};

static const struct emul_opcode group7_reg7[8] = {
	[0] = OP("swapgs", swapgs, MRM | PRIV),
	[1] = OP("rdtscp", rdtscp, MRM),
};

static const struct emul_opcode group7[16] = {
	OP("sgdt", sgdt, MEM | MULTI),
	OP("sidt", sidt, MEM | MULTI),
	OP("lgdt", lgdt, MEM | PRIV | MULTI),
	OP("lidt", lidt, MEM | PRIV | MULTI),
	OP2("smsw", smsw, E, NO, MRM | MOV),
	[6] = OP2("lmsw", lmsw, NO, E2, MRM | PRIV),
	[7] = OP("invlpg", invlpg, MEM | PRIV),
	[8] = TABLE(TABLE_RM, group7_reg0, MRM),
	[9] = TABLE(TABLE_RM, group7_reg1, MRM),
	[10] = TABLE(TABLE_RM, group7_reg2, MRM),
	[11] = TABLE(TABLE_RM, group7_reg3, MRM),
	[12] = OP2("smsw", smsw, E, NO, MRM | MOV),
	[14] = OP2("lmsw", lmsw, NO, E2, MRM | PRIV),
	[15] = TABLE(TABLE_RM, group7_reg7, MRM),
};

static const struct emul_opcode group8[8] = {
	[4] = OPI("bt", bt, E, I1, IMM_UB, MRM | CMP),
	[5] = OPI("bts", bts, E, I1, IMM_UB, MRM | LOCK),
	[6] = OPI("btr", btr, E, I1, IMM_UB, MRM | LOCK),
	[7] = OPI("btc", btc, E, I1, IMM_UB, MRM | LOCK),
};

static const struct emul_opcode group9[16] = {
	[1] = OP("cmpxchg8b", cmpxchg8b, MRM | LOCK),
	[3] = LEN("xrstors", IMM_NONE, MRM),
	[4] = LEN("xsavec", IMM_NONE, MRM),
	[5] = LEN("xsaves", IMM_NONE, MRM),
	[6] = LEN("vmptrld", IMM_NONE, MRM),
	[7] = LEN("vmptrst", IMM_NONE, MRM),
	[14] = LEN("rdrand", IMM_NONE, MRM),
	[15] = LEN("rdseed", IMM_NONE, MRM),
};

static const struct emul_opcode group11_byte[8] = {
	[0] = OPI("mov", mov, E, I, IMM_SB, MRM | BYTE | MOV),
	[7] = LEN("xabort", IMM_SB, MRM),
};

static const struct emul_opcode group11[8] = {
	[0] = OPI("mov", mov, E, I, IMM_Z, MRM | MOV),
	[7] = LEN("xbegin", IMM_Z, MRM),
};

static const struct emul_opcode rdfsbase[4] = {
	[2] = OP2("rdfsbase", rdfsgsbase, E, NO, MRM | MOV),
};

static const struct emul_opcode rdgsbase[4] = {
	[2] = OP2("rdgsbase", rdfsgsbase, E, NO, MRM | MOV),
};

static const struct emul_opcode wrfsbase[4] = {
	[2] = OP2("wrfsbase", wrfsgsbase, NO, E, MRM),
};

static const struct emul_opcode wrgsbase[4] = {
	[2] = OP2("wrgsbase", wrfsgsbase, NO, E, MRM),
};

static const struct emul_opcode group15[16] = {
	LEN("fxsave", IMM_NONE, MRM),
	LEN("fxrstor", IMM_NONE, MRM),
	LEN("ldmxcsr", IMM_NONE, MRM),
	LEN("stmxcsr", IMM_NONE, MRM),
	LEN("xsave", IMM_NONE, MRM),
	LEN("xrstor", IMM_NONE, MRM),
	LEN("xsaveopt", IMM_NONE, MRM),
	OP("clflush", nop, MRM),
	TABLE(TABLE_PREFIX, rdfsbase, MRM),
	TABLE(TABLE_PREFIX, rdgsbase, MRM),
	TABLE(TABLE_PREFIX, wrfsbase, MRM),
	TABLE(TABLE_PREFIX, wrgsbase, MRM),
	[13] = OP("lfence", nop, MRM),
	[14] = OP("mfence", nop, MRM),
	[15] = OP("sfence", nop, MRM),
};

/* SSE moves, by prefix: none, 66, F3, F2. */
#define SSE	(MRM | OPC_SSE)
#define SSE_MOV(_direction) {							\
	OP("movups", sse_##_direction, SSE),					\
	OP("movupd", sse_##_direction, SSE),					\
	OP("movss", sse_##_direction##_scalar, SSE),				\
	OP("movsd", sse_##_direction##_scalar, SSE),				\
}

static const struct emul_opcode sse_10[4] = SSE_MOV(load);
static const struct emul_opcode sse_11[4] = SSE_MOV(store);

static const struct emul_opcode sse_12[4] = {
	OP("movlps", sse_load_half, SSE), OP("movlpd", sse_load_half, SSE | OPC_MEM),
	LEN("movsldup", IMM_NONE, SSE), LEN("movddup", IMM_NONE, SSE),
};

static const struct emul_opcode sse_13[4] = {
	OP("movlps", sse_store_half, SSE | OPC_MEM), OP("movlpd", sse_store_half, SSE | OPC_MEM),
};

static const struct emul_opcode sse_16[4] = {
	OP("movhps", sse_load_half, SSE), OP("movhpd", sse_load_half, SSE | OPC_MEM),
	LEN("movshdup", IMM_NONE, SSE),
};

static const struct emul_opcode sse_17[4] = {
	OP("movhps", sse_store_half, SSE | OPC_MEM), OP("movhpd", sse_store_half, SSE | OPC_MEM),
};

static const struct emul_opcode sse_28[4] = {
	OP("movaps", sse_load_aligned, SSE), OP("movapd", sse_load_aligned, SSE),
};

static const struct emul_opcode sse_29[4] = {
	OP("movaps", sse_store_aligned, SSE), OP("movapd", sse_store_aligned, SSE),
};

static const struct emul_opcode movnti[4] = {
	OP2("movnti", mov, E, G, MEM | MOV),
};

static const struct emul_opcode sse_2b[4] = {
	OP("movntps", sse_store_aligned, SSE | OPC_MEM),
	OP("movntpd", sse_store_aligned, SSE | OPC_MEM),
};

static const struct emul_opcode sse_6e[4] = {
	LEN("movd", IMM_NONE, MRM), OP("movd", sse_movd_load, SSE),
};

static const struct emul_opcode sse_6f[4] = {
	LEN("movq", IMM_NONE, MRM), OP("movdqa", sse_load_aligned, SSE),
	OP("movdqu", sse_load, SSE),
};

static const struct emul_opcode sse_7e[4] = {
	LEN("movd", IMM_NONE, MRM), OP("movd", sse_movd_store, SSE),
	OP("movq", sse_movq_load, SSE),
};

static const struct emul_opcode sse_7f[4] = {
	LEN("movq", IMM_NONE, MRM), OP("movdqa", sse_store_aligned, SSE),
	OP("movdqu", sse_store, SSE),
};

static const struct emul_opcode sse_d6[4] = {
	[1] = OP("movq", sse_movq_store, SSE),
	[2] = LEN("movq2dq", IMM_NONE, MRM), [3] = LEN("movdq2q", IMM_NONE, MRM),
};

static const struct emul_opcode sse_e7[4] = {
	LEN("movntq", IMM_NONE, MRM), OP("movntdq", sse_store_aligned, SSE | OPC_MEM),
};

static const struct emul_opcode sse_f0[4] = {
	[3] = OP("lddqu", sse_load, SSE | OPC_MEM),
};

static const struct emul_opcode prefix_b8[4] = {
	LEN("jmpe", IMM_Z, 0), LEN("jmpe", IMM_Z, 0), OP2("popcnt", popcnt, G, E, MRM | MOV),
};

static const struct emul_opcode movbe_load[4] = {
	OP2("movbe", movbe, G, E, MEM | MOV), OP2("movbe", movbe, G, E, MEM | MOV),
	[3] = LEN("crc32", IMM_NONE, MRM),
};

static const struct emul_opcode movbe_store[4] = {
	OP2("movbe", movbe, E, G, MEM | MOV), OP2("movbe", movbe, E, G, MEM | MOV),
	[3] = LEN("crc32", IMM_NONE, MRM),
};

static const struct emul_opcode row_0f38_f[16] = {
	[0x0] = TABLE(TABLE_PREFIX, movbe_load, MRM),
	[0x1] = TABLE(TABLE_PREFIX, movbe_store, MRM),
	[0x2 ... 0xf] = LEN("0f38", IMM_NONE, MRM),
};

static const struct emul_opcode map_0f38[16] = {
	[0x0 ... 0xe] = LEN("0f38", IMM_NONE, MRM),
	[0xf] = TABLE(TABLE_COLUMNS, row_0f38_f, 0),
};

static const struct emul_opcode map_0f3a[16] = {
	[0x0 ... 0xf] = LEN("0f3a", IMM_UB, MRM),
};

/* Instructions that this CPU's manual may define; nothing here does them. */
#define MMX	LEN("mmx/sse", IMM_NONE, MRM)
#define MMX_IB	LEN("mmx/sse", IMM_UB, MRM)
#define HINT	OP("nop", nop, MRM)

static const struct emul_opcode map_0f[256] = {
	[0x00] = TABLE(TABLE_REG, group6, MRM),
	[0x01] = TABLE(TABLE_MOD_REG, group7, MRM),
	[0x02] = OP2("lar", lar, G, E2, MRM | PROT | MULTI),
	[0x03] = OP2("lsl", lsl, G, E2, MRM | PROT | MULTI),
	[0x05] = OP("syscall", syscall, 0),
	[0x06] = OP("clts", clts, PRIV),
	[0x07] = OP("sysret", sysret, 0),
	[0x08] = OP("invd", wbinvd, PRIV),
	[0x09] = OP("wbinvd", wbinvd, PRIV),
	[0x0b] = { .name = "ud2", .flags = OPC_UD },
	[0x0d] = OP("prefetchw", nop, MEM),
	[0x0e] = LEN("femms", IMM_NONE, 0),
	[0x0f] = LEN("3dnow", IMM_UB, MRM),
	[0x10] = TABLE(TABLE_PREFIX, sse_10, MRM),
	[0x11] = TABLE(TABLE_PREFIX, sse_11, MRM),
	[0x12] = TABLE(TABLE_PREFIX, sse_12, MRM),
	[0x13] = TABLE(TABLE_PREFIX, sse_13, MRM),
	[0x14 ... 0x15] = MMX,
	[0x16] = TABLE(TABLE_PREFIX, sse_16, MRM),
	[0x17] = TABLE(TABLE_PREFIX, sse_17, MRM),
	[0x18 ... 0x1f] = HINT,
	[0x20] = OP("mov", mov_from_cr, MRM | OPC_REGS | OPC_NATIVE | OPC_LOCK_CR8 | PRIV),
	[0x21] = OP("mov", mov_from_dr, MRM | OPC_REGS | OPC_NATIVE | PRIV),
	[0x22] = OP("mov", mov_to_cr, MRM | OPC_REGS | OPC_NATIVE | OPC_LOCK_CR8 | PRIV),
	[0x23] = OP("mov", mov_to_dr, MRM | OPC_REGS | OPC_NATIVE | PRIV),
	[0x28] = TABLE(TABLE_PREFIX, sse_28, MRM),
	[0x29] = TABLE(TABLE_PREFIX, sse_29, MRM),
	[0x2a] = MMX,
	[0x2b] = TABLE(TABLE_PREFIX, sse_2b, MRM),
	[0x2c ... 0x2f] = MMX,
	[0x30] = OP("wrmsr", wrmsr, PRIV),
	[0x31] = OP("rdtsc", rdtsc, 0),
	[0x32] = OP("rdmsr", rdmsr, PRIV),
	[0x33] = OP("rdpmc", rdpmc, 0),
	[0x34] = OP("sysenter", sysenter, PROT),
	[0x35] = OP("sysexit", sysexit, PROT | PRIV),
	[0x37] = LEN("getsec", IMM_NONE, 0),
	[0x38] = TABLE(TABLE_ROWS, map_0f38, 0),
	[0x3a] = TABLE(TABLE_ROWS, map_0f3a, 0),
	[0x40 ... 0x4f] = OP2("cmov", cmov, G, E, MRM),
	[0x50 ... 0x6d] = MMX,
	[0x6e] = TABLE(TABLE_PREFIX, sse_6e, MRM),
	[0x6f] = TABLE(TABLE_PREFIX, sse_6f, MRM),
	[0x70 ... 0x73] = MMX_IB,
	[0x74 ... 0x76] = MMX,
	[0x77] = LEN("emms", IMM_NONE, 0),
	[0x78 ... 0x79] = LEN("vmread", IMM_NONE, MRM),
	[0x7c ... 0x7d] = MMX,
	[0x7e] = TABLE(TABLE_PREFIX, sse_7e, MRM),
	[0x7f] = TABLE(TABLE_PREFIX, sse_7f, MRM),
	[0x80 ... 0x8f] = OPI("jcc", jcc, NO, NO, IMM_Z, BRANCH),
	[0x90 ... 0x9f] = OP2("setcc", setcc, E, NO, MRM | BYTE | MOV),
	[0xa0] = OP2("push", push_sreg, NO, NO, STACK),
	[0xa1] = OP2("pop", pop_sreg, NO, NO, STACK),
	[0xa2] = OP("cpuid", cpuid, 0),
	[0xa3] = OP2("bt", bt, E, G, MRM | CMP | OPC_BIT),
	[0xa4] = OP3("shld", shld, E, G, I1, IMM_UB, MRM),
	[0xa5] = OP3("shld", shld, E, G, CL, IMM_NONE, MRM),
	[0xa8] = OP2("push", push_sreg, NO, NO, STACK),
	[0xa9] = OP2("pop", pop_sreg, NO, NO, STACK),
	[0xaa] = LEN("rsm", IMM_NONE, 0),
	[0xab] = OP2("bts", bts, E, G, MRM | LOCK | OPC_BIT),
	[0xac] = OP3("shrd", shrd, E, G, I1, IMM_UB, MRM),
	[0xad] = OP3("shrd", shrd, E, G, CL, IMM_NONE, MRM),
	[0xae] = TABLE(TABLE_MOD_REG, group15, MRM),
	[0xaf] = OP2("imul", imul2, G, E, MRM),
	[0xb0] = OP2("cmpxchg", cmpxchg, E, G, MRM | BYTE | LOCK),
	[0xb1] = OP2("cmpxchg", cmpxchg, E, G, MRM | LOCK),
	[0xb2] = OP("lss", load_far_pointer, MEM | MULTI),
	[0xb3] = OP2("btr", btr, E, G, MRM | LOCK | OPC_BIT),
	[0xb4] = OP("lfs", load_far_pointer, MEM | MULTI),
	[0xb5] = OP("lgs", load_far_pointer, MEM | MULTI),
	[0xb6] = OP2("movzx", mov, G, E1, MRM | MOV),
	[0xb7] = OP2("movzx", mov, G, E2, MRM | MOV),
	[0xb8] = TABLE(TABLE_PREFIX, prefix_b8, 0),
	[0xb9] = { .name = "ud1", .flags = MRM | OPC_UD },
	[0xba] = TABLE(TABLE_REG, group8, MRM),
	[0xbb] = OP2("btc", btc, E, G, MRM | LOCK | OPC_BIT),
	[0xbc] = OP2("bsf/tzcnt", bsf, G, E, MRM),
	[0xbd] = OP2("bsr/lzcnt", bsr, G, E, MRM),
	[0xbe] = OP2("movsx", movsx, G, E1, MRM | MOV),
	[0xbf] = OP2("movsx", movsx, G, E2, MRM | MOV),
	[0xc0] = OP2("xadd", xadd, E, G, MRM | BYTE | LOCK),
	[0xc1] = OP2("xadd", xadd, E, G, MRM | LOCK),
	[0xc2] = MMX_IB,
	[0xc3] = TABLE(TABLE_PREFIX, movnti, MRM),
	[0xc4 ... 0xc6] = MMX_IB,
	[0xc7] = TABLE(TABLE_MOD_REG, group9, MRM),
	[0xc8 ... 0xcf] = OP2("bswap", bswap, Z, NO, 0),
	[0xd0 ... 0xd5] = MMX,
	[0xd6] = TABLE(TABLE_PREFIX, sse_d6, MRM),
	[0xd7 ... 0xe6] = MMX,
	[0xe7] = TABLE(TABLE_PREFIX, sse_e7, MRM),
	[0xe8 ... 0xef] = MMX,
	[0xf0] = TABLE(TABLE_PREFIX, sse_f0, MRM),
	[0xf1 ... 0xfe] = MMX,
	[0xff] = { .name = "ud0", .flags = MRM | OPC_UD },
};

/* 63: ARPL outside 64-bit mode, MOVSXD in it. */
static const struct emul_opcode by_mode_63[2] = {
	OP2("arpl", arpl, E2, FORM_SIZED(FORM_REG, 2), MRM | CMP | PROT),
	OP2("movsxd", movsx, G, E4, MRM | MOV),
};

const struct emul_opcode emul_opcodes[256] = {
	ALU(0x00, "add", add, LOCK),
	[0x06] = OP2("push", push_sreg, NO, NO, STACK | NO64),
	[0x07] = OP2("pop", pop_sreg, NO, NO, STACK | NO64),
	ALU(0x08, "or", or, LOCK),
	[0x0e] = OP2("push", push_sreg, NO, NO, STACK | NO64),
	[0x0f] = TABLE(TABLE_MAP, map_0f, 0),
	ALU(0x10, "adc", adc, LOCK),
	[0x16] = OP2("push", push_sreg, NO, NO, STACK | NO64),
	[0x17] = OP2("pop", pop_sreg, NO, NO, STACK | NO64),
	ALU(0x18, "sbb", sbb, LOCK),
	[0x1e] = OP2("push", push_sreg, NO, NO, STACK | NO64),
	[0x1f] = OP2("pop", pop_sreg, NO, NO, STACK | NO64),
	ALU(0x20, "and", and, LOCK),
	[0x26] = PREFIX,
	[0x27] = OP("daa", daa, NO64),
	ALU(0x28, "sub", sub, LOCK),
	[0x2e] = PREFIX,
	[0x2f] = OP("das", das, NO64),
	ALU(0x30, "xor", xor, LOCK),
	[0x36] = PREFIX,
	[0x37] = OP("aaa", aaa, NO64),
	ALU(0x38, "cmp", cmp, CMP),
	[0x3e] = PREFIX,
	[0x3f] = OP("aas", aas, NO64),
	[0x40 ... 0x47] = OP2("inc", inc, Z, NO, NO64),
	[0x48 ... 0x4f] = OP2("dec", dec, Z, NO, NO64),
	[0x50 ... 0x57] = OP2("push", push, NO, Z, STACK),
	[0x58 ... 0x5f] = OP2("pop", pop, Z, NO, STACK | MOV),
	[0x60] = OP("pusha", pusha, STACK | NO64),
	[0x61] = OP("popa", popa, STACK | NO64),
	[0x62] = OP2("bound", bound, NO, G, MEM | NO64 | MULTI | OPC_VEX),
	[0x63] = TABLE(TABLE_LONG, by_mode_63, MRM),
	[0x64 ... 0x67] = PREFIX,
	[0x68] = OPI("push", push, NO, I, IMM_Z, STACK),
	[0x69] = OP3("imul", imul3, G, E, I, IMM_Z, MRM | MOV),
	[0x6a] = OPI("push", push, NO, I, IMM_SB, STACK),
	[0x6b] = OP3("imul", imul3, G, E, I, IMM_SB, MRM | MOV),
	[0x6c] = OP("ins", ins, BYTE),
	[0x6d] = OP("ins", ins, 0),
	[0x6e] = OP("outs", outs, BYTE),
	[0x6f] = OP("outs", outs, 0),
	[0x70 ... 0x7f] = OPI("jcc", jcc, NO, NO, IMM_SB, BRANCH),
	[0x80] = TABLE(TABLE_REG, group1_byte, MRM),
	[0x81] = TABLE(TABLE_REG, group1_z, MRM),
	[0x82] = TABLE(TABLE_REG, group1_82, MRM),
	[0x83] = TABLE(TABLE_REG, group1_sb, MRM),
	[0x84] = OP2("test", test, E, G, MRM | BYTE | CMP),
	[0x85] = OP2("test", test, E, G, MRM | CMP),
	[0x86] = OP2("xchg", xchg, E, G, MRM | BYTE | LOCKED),
	[0x87] = OP2("xchg", xchg, E, G, MRM | LOCKED),
	[0x88] = OP2("mov", mov, E, G, MRM | BYTE | MOV),
	[0x89] = OP2("mov", mov, E, G, MRM | MOV),
	[0x8a] = OP2("mov", mov, G, E, MRM | BYTE | MOV),
	[0x8b] = OP2("mov", mov, G, E, MRM | MOV),
	[0x8c] = OP2("mov", mov_from_sreg, E, NO, MRM | MOV),
	[0x8d] = OP2("lea", lea, G, NO, MEM | MOV),
	[0x8e] = OP2("mov", mov_to_sreg, NO, E2, MRM | MULTI),
	[0x8f] = TABLE(TABLE_REG, group1a, MRM | OPC_VEX),
	[0x90] = OP2("nop", nop_or_xchg, A, Z, MOV),
	[0x91 ... 0x97] = OP2("xchg", xchg, A, Z, 0),
	[0x98] = OP("cbw", cbw, 0),
	[0x99] = OP("cwd", cwd, 0),
	[0x9a] = OPI("callf", call_far, NO, NO, IMM_FAR, NO64 | MULTI),
	[0x9b] = OP("fwait", fwait, 0),
	[0x9c] = OP("pushf", pushf, STACK),
	[0x9d] = OP("popf", popf, STACK),
	[0x9e] = OP("sahf", sahf, 0),
	[0x9f] = OP("lahf", lahf, 0),
	[0xa0] = OPI("mov", mov, A, O, IMM_OFFSET, BYTE | MOV),
	[0xa1] = OPI("mov", mov, A, O, IMM_OFFSET, MOV),
	[0xa2] = OPI("mov", mov, O, A, IMM_OFFSET, BYTE | MOV),
	[0xa3] = OPI("mov", mov, O, A, IMM_OFFSET, MOV),
	[0xa4] = OP("movs", movs, BYTE | MULTI),
	[0xa5] = OP("movs", movs, MULTI),
	[0xa6] = OP("cmps", cmps, BYTE | MULTI),
	[0xa7] = OP("cmps", cmps, MULTI),
	[0xa8] = OPI("test", test, A, I, IMM_SB, BYTE | CMP),
	[0xa9] = OPI("test", test, A, I, IMM_Z, CMP),
	[0xaa] = OP("stos", stos, BYTE),
	[0xab] = OP("stos", stos, 0),
	[0xac] = OP("lods", lods, BYTE),
	[0xad] = OP("lods", lods, 0),
	[0xae] = OP("scas", scas, BYTE),
	[0xaf] = OP("scas", scas, 0),
	[0xb0 ... 0xb7] = OPI("mov", mov, Z, I, IMM_SB, BYTE | MOV),
	[0xb8 ... 0xbf] = OPI("mov", mov, Z, I, IMM_V, MOV),
	[0xc0] = TABLE(TABLE_REG, group2_imm_byte, MRM),
	[0xc1] = TABLE(TABLE_REG, group2_imm, MRM),
	[0xc2] = OPI("ret", ret, NO, NO, IMM_UW, BRANCH | MULTI),
	[0xc3] = OP("ret", ret, BRANCH | MULTI),
	[0xc4] = OP("les", load_far_pointer, MEM | NO64 | MULTI | OPC_VEX),
	[0xc5] = OP("lds", load_far_pointer, MEM | NO64 | MULTI | OPC_VEX),
	[0xc6] = TABLE(TABLE_REG, group11_byte, MRM),
	[0xc7] = TABLE(TABLE_REG, group11, MRM),
	[0xc8] = OPI("enter", enter, NO, NO, IMM_UW_UB, STACK),
	[0xc9] = OP("leave", leave, STACK),
	[0xca] = OPI("retf", ret_far, NO, NO, IMM_UW, MULTI),
	[0xcb] = OP("retf", ret_far, MULTI),
	[0xcc] = OP("int3", int3, MULTI),
	[0xcd] = OPI("int", int, NO, NO, IMM_UB, MULTI),
	[0xce] = OP("into", into, NO64 | MULTI),
	[0xcf] = OP("iret", iret, MULTI),
	[0xd0] = TABLE(TABLE_REG, group2_one_byte, MRM),
	[0xd1] = TABLE(TABLE_REG, group2_one, MRM),
	[0xd2] = TABLE(TABLE_REG, group2_cl_byte, MRM),
	[0xd3] = TABLE(TABLE_REG, group2_cl, MRM),
	[0xd4] = OPI("aam", aam, NO, NO, IMM_UB, NO64),
	[0xd5] = OPI("aad", aad, NO, NO, IMM_UB, NO64),
	[0xd6] = OP("salc", salc, NO64),
	[0xd7] = OP("xlat", xlat, 0),
	[0xd8 ... 0xdf] = LEN("x87", IMM_NONE, MRM),
	[0xe0 ... 0xe3] = OPI("loop", loop, NO, NO, IMM_SB, BRANCH),
	[0xe4] = OPI("in", in, NO, NO, IMM_UB, BYTE),
	[0xe5] = OPI("in", in, NO, NO, IMM_UB, 0),
	[0xe6] = OPI("out", out, NO, NO, IMM_UB, BYTE),
	[0xe7] = OPI("out", out, NO, NO, IMM_UB, 0),
	[0xe8] = OPI("call", call, NO, NO, IMM_Z, BRANCH | MULTI),
	[0xe9] = OPI("jmp", jmp, NO, NO, IMM_Z, BRANCH),
	[0xea] = OPI("jmpf", jmp_far, NO, NO, IMM_FAR, NO64 | MULTI),
	[0xeb] = OPI("jmp", jmp, NO, NO, IMM_SB, BRANCH),
	[0xec] = OP("in", in, BYTE),
	[0xed] = OP("in", in, 0),
	[0xee] = OP("out", out, BYTE),
	[0xef] = OP("out", out, 0),
	[0xf0] = PREFIX,
	[0xf1] = OP("icebp", icebp, 0),
	[0xf2 ... 0xf3] = PREFIX,
	[0xf4] = OP("hlt", hlt, PRIV),
	[0xf5] = OP("cmc", cmc, 0),
	[0xf6] = TABLE(TABLE_REG, group3_byte, MRM),
	[0xf7] = TABLE(TABLE_REG, group3, MRM),
	[0xf8] = OP("clc", clc, 0),
	[0xf9] = OP("stc", stc, 0),
	[0xfa] = OP("cli", cli, 0),
	[0xfb] = OP("sti", sti, 0),
	[0xfc] = OP("cld", cld, 0),
	[0xfd] = OP("std", std, 0),
	[0xfe] = TABLE(TABLE_REG, group4, MRM),
	[0xff] = TABLE(TABLE_REG, group5, MRM),
};
