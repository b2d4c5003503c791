// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as an instruction: the emulator against the CPU that this runs on.
 *
 *	mode		1 byte: 64-bit or 32-bit code
 *	flags		2 bytes
 *	registers	16 times 3 bytes: of what kind, and a number
 *	code		up to 15 bytes, all that is left
 *
 * test_differential.c makes well-formed instructions from templates; here come the
 * others: prefixes twice, in any order and where they mean nothing, odd encodings,
 * addresses of every form.  What the CPU is given to execute must be safe for the
 * process, so the emulator goes first and says which instruction it is and what memory
 * it touches.  It must be one of the list below, which has what a user program may do to
 * its registers and memory, and it must stay in the scratch area and its guards.
 */
#include <cpuid.h>
#include <asm/processor-flags.h>

#include "../../../src/emul/handlers.h"
#include "../../../src/emul/internal.h"
#include "../emul/program.h"
#include "fuzz.h"

#define CF	X86_EFLAGS_CF
#define PF	X86_EFLAGS_PF
#define AF	X86_EFLAGS_AF
#define ZF	X86_EFLAGS_ZF
#define SF	X86_EFLAGS_SF
#define OF	X86_EFLAGS_OF
#define ALL	(CF | PF | AF | ZF | SF | OF)

/* Code after the instruction that a branch may go to. */
#define BRANCH_MIN	8
#define BRANCH_MAX	2000

/* What has to be known of an instruction before it can be compared. */
#define F_STRING	0x1u	/* two faults may come in either order */
#define F_NO16		0x2u	/* undefined with 16-bit operands */
#define F_SCAN		0x4u	/* leaves the destination undefined if the source is 0 */
#define F_SHIFT		0x8u	/* a count beyond the operand leaves it undefined */
#define F_BRANCH	0x10u
#define F_MOVBE		0x20u
#define F_HINT		0x40u	/* a register: #UD, or nothing */
#define F_ALIGNED	0x80u	/* #GP for no alignment and #SS may come in either order */

struct safe {
	emul_handler_t exec;
	u64 undefined;
	unsigned int flags;
};

#define SAFE(name, undefined_flags, f)	{ emul_op_##name, undefined_flags, f }

static const struct safe safe[] = {
	SAFE(add, 0, 0), SAFE(adc, 0, 0), SAFE(sub, 0, 0), SAFE(sbb, 0, 0), SAFE(cmp, 0, 0),
	SAFE(neg, 0, 0), SAFE(inc, 0, 0), SAFE(dec, 0, 0), SAFE(not, 0, 0), SAFE(xadd, 0, 0),
	SAFE(and, AF, 0), SAFE(or, AF, 0), SAFE(xor, AF, 0), SAFE(test, AF, 0),
	SAFE(cmpxchg, 0, 0), SAFE(setcc, 0, 0), SAFE(cmov, 0, 0),
	SAFE(shl, AF | OF | CF, 0), SAFE(shr, AF | OF | CF, 0), SAFE(sar, AF | OF | CF, 0),
	SAFE(rol, OF, 0), SAFE(ror, OF, 0), SAFE(rcl, OF, 0), SAFE(rcr, OF, 0),
	SAFE(shld, AF | OF | CF, F_SHIFT), SAFE(shrd, AF | OF | CF, F_SHIFT),
	SAFE(bt, OF | SF | AF | PF, 0), SAFE(bts, OF | SF | AF | PF, 0),
	SAFE(btr, OF | SF | AF | PF, 0), SAFE(btc, OF | SF | AF | PF, 0),
	SAFE(bsf, ALL & ~ZF, F_SCAN), SAFE(bsr, ALL & ~ZF, F_SCAN),
	SAFE(popcnt, 0, 0), SAFE(bswap, 0, F_NO16), SAFE(movbe, 0, F_MOVBE),
	SAFE(mul, SF | ZF | AF | PF, 0), SAFE(imul1, SF | ZF | AF | PF, 0),
	SAFE(imul2, SF | ZF | AF | PF, 0), SAFE(imul3, SF | ZF | AF | PF, 0),
	SAFE(div, ALL, 0), SAFE(idiv, ALL, 0),
	SAFE(daa, OF, 0), SAFE(das, OF, 0), SAFE(aaa, OF | SF | ZF | PF, 0),
	SAFE(aas, OF | SF | ZF | PF, 0), SAFE(aam, OF | AF | CF, 0), SAFE(aad, OF | AF | CF, 0),
	SAFE(salc, 0, 0), SAFE(cbw, 0, 0), SAFE(cwd, 0, 0),
	SAFE(mov, 0, 0), SAFE(movsx, 0, 0), SAFE(xchg, 0, 0), SAFE(nop_or_xchg, 0, 0),
	SAFE(nop, 0, F_HINT), SAFE(lea, 0, 0), SAFE(xlat, 0, 0), SAFE(bound, 0, 0),
	SAFE(cmpxchg8b, 0, F_ALIGNED), SAFE(sahf, 0, 0), SAFE(lahf, 0, 0), SAFE(clc, 0, 0),
	SAFE(stc, 0, 0), SAFE(cmc, 0, 0), SAFE(cld, 0, 0), SAFE(std, 0, 0),
	SAFE(movs, 0, F_STRING), SAFE(stos, 0, F_STRING), SAFE(lods, 0, F_STRING),
	SAFE(cmps, 0, F_STRING), SAFE(scas, 0, F_STRING),
	SAFE(push, 0, 0), SAFE(pop, 0, 0), SAFE(pusha, 0, 0), SAFE(popa, 0, 0),
	SAFE(leave, 0, 0), SAFE(jcc, 0, F_BRANCH), SAFE(jmp, 0, F_BRANCH),
	SAFE(loop, 0, F_BRANCH),
	SAFE(sse_load, 0, 0), SAFE(sse_load_aligned, 0, F_ALIGNED), SAFE(sse_store, 0, 0),
	SAFE(sse_store_aligned, 0, F_ALIGNED), SAFE(sse_load_half, 0, 0), SAFE(sse_store_half, 0, 0),
	SAFE(sse_movd_load, 0, 0), SAFE(sse_movd_store, 0, 0), SAFE(sse_movq_load, 0, 0),
	SAFE(sse_movq_store, 0, 0), SAFE(sse_load_scalar, 0, 0), SAFE(sse_store_scalar, 0, 0),
};

/* A case, and what the CPU made of it. */
struct cpu_case {
	bool long64;
	u8 code[EMUL_INSN_BYTES_MAX];
	unsigned int bytes;
	unsigned int taken;
	u64 undefined;
};

static struct native native;
static struct program program;
static bool has_32bit, has_movbe;
static u8 scratch[SCRATCH_BYTES], emulated[SCRATCH_BYTES];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	unsigned int a, b, c, d, i;

	(void)argc;
	(void)argv;
	has_32bit = native_setup(&native);
	program_setup(&program, &native);
	has_movbe = __get_cpuid(1, &a, &b, &c, &d) && c & bit_MOVBE;
	for (i = 0; i < SCRATCH_BYTES; i++)
		scratch[i] = i * 167 >> 4;
	return 0;
}

static u64 register_value(struct fuzz_input *in)
{
	u8 kind = fuzz_take(in, 1);
	u64 val = fuzz_take(in, 2);
	u64 here = (unsigned long)native.scratch;

	switch (kind & 7) {
	case 0:
		return val;
	case 1:
		return here + 1024 + val % (SCRATCH_BYTES - 2048);
	case 2:
		return here - 64 + val % (SCRATCH_BYTES + 128);
	case 3:
		return here + SCRATCH_BYTES / 2 - NATIVE_GS_BASE + val % 256;
	case 4:
		return (s64)(s16)val;
	case 5:
		return val << (kind >> 3);
	case 6:
		return val << 48 | val;
	default:
		return (val & 0xff) * 0x0101010101010101ull;
	}
}

static void make_case(struct cpu_case *c, struct fuzz_input *in)
{
	unsigned int i;

	memset(c, 0, sizeof(*c));
	c->long64 = fuzz_take(in, 1) & 1 || !has_32bit;
	memset(&native.in, 0, sizeof(native.in));
	native.in.flags = fuzz_take(in, 2) & NATIVE_FLAGS;
	for (i = 0; i < EMUL_GPRS; i++)
		native.in.gpr[i] = register_value(in);
	if (!c->long64)
		for (i = 0; i < EMUL_GPRS; i++)
			native.in.gpr[i] = i < 8 ? (u32)native.in.gpr[i] : 0;
	for (i = 0; i < 32; i++)
		native.in.xmm[i / 2][i % 2] = 0x0123456789abcdefull * (i + 1);
	c->bytes = in->left < EMUL_INSN_BYTES_MAX ? in->left : EMUL_INSN_BYTES_MAX;
	if (c->bytes)
		memcpy(c->code, in->at, c->bytes);
}

/* Whatever the decoders make of the bytes: no door into the kernel is among them. */
static bool has_system_call(const struct cpu_case *c)
{
	unsigned int i;

	for (i = 0; i < c->bytes; i++) {
		if (c->code[i] == 0xcd)
			return true;
		if (i && c->code[i - 1] == 0x0f && (c->code[i] == 0x05 || c->code[i] == 0x34))
			return true;
	}
	return false;
}

static const struct safe *find_safe(emul_handler_t exec)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(safe); i++)
		if (safe[i].exec == exec)
			return &safe[i];
	return NULL;
}

/* Where a relative branch goes, as a distance from the instruction's end. */
static bool branch_safe(struct cpu_case *c, const struct emul_insn *insn)
{
	/* It goes to the lowest 64 KiB. */
	if (insn->opsize == 2)
		return false;
	c->taken = insn->imm;
	return insn->imm >= BRANCH_MIN && insn->imm < BRANCH_MAX;
}

/* The manuals, or processors, differ on these. */
static bool string_safe(const struct cpu_case *c, const struct emul_insn *insn,
			enum emul_result result)
{
	const u64 *gpr = native.in.gpr;

	if (result == EMUL_FAULT)
		return false;
	return !c->long64 || insn->adsize == 8 ||
	       !(gpr[EMUL_RSI] >> 32 || gpr[EMUL_RDI] >> 32 || gpr[EMUL_RCX] >> 32);
}

/* Around the end of a segment of 4 GiB, processors may fault or wrap. */
static bool around_4g(const struct cpu_case *c, enum emul_result result)
{
	u8 vector = program.ctxt.exception.vector;

	return !c->long64 && result == EMUL_FAULT &&
	       (vector == EMUL_EXC_GP || vector == EMUL_EXC_SS);
}

static bool operands_defined(const struct safe *s)
{
	const struct emul_ctxt *ctxt = &program.ctxt;
	unsigned int bits = ctxt->insn.opsize * 8;
	u64 count = ctxt->src2.val & (bits == 64 ? 63 : 31);

	if (s->flags & F_NO16 && bits == 16)
		return false;
	if (s->flags & F_SCAN && !ctxt->src.val)
		return false;
	if (s->flags & F_MOVBE && !has_movbe)
		return false;
	return !(s->flags & F_SHIFT) || (ctxt->src2.kind == EMUL_OPERAND_IMM && count <= bits);
}

/* Is it in the list at all? */
static const struct safe *decode(void)
{
	const struct emul_insn *insn = &program.ctxt.insn;
	enum emul_result result;

	program.ctxt.fetched_bytes = 0;
	result = emul_decode(&program.ctxt);
	if (result == EMUL_UNHANDLEABLE || !insn->opcode || !insn->length)
		return NULL;
	return find_safe(insn->opcode->exec);
}

/* May the CPU have it, and is the outcome defined? */
static bool is_safe(struct cpu_case *c, const struct safe *s, enum emul_result result)
{
	const struct emul_insn *insn = &program.ctxt.insn;

	if (program.strayed || result == EMUL_UNHANDLEABLE)
		return false;
	if (around_4g(c, result))
		return false;
	/* FS and GS are null in 32-bit code. */
	if (insn->seg >= EMUL_FS && !c->long64)
		return false;
	if (s->flags & F_BRANCH && !branch_safe(c, insn))
		return false;
	if (s->flags & F_STRING && !string_safe(c, insn, result))
		return false;
	if (s->flags & F_HINT && insn->mod == 3)
		return false;
	if (s->flags & F_ALIGNED && result == EMUL_FAULT &&
	    program.ctxt.exception.vector == EMUL_EXC_SS)
		return false;
	c->undefined = s->undefined;
	return result == EMUL_FAULT || operands_defined(s);
}

static void describe(const struct cpu_case *c)
{
	unsigned int i;

	fprintf(stderr, "%s, %s mode:", emul_insn_name(&program.ctxt),
		c->long64 ? "64-bit" : "32-bit");
	for (i = 0; i < program.ctxt.insn.length; i++)
		fprintf(stderr, " %02x", program.ctxt.fetched[i]);
	fprintf(stderr, "; scratch at %p\n", (void *)native.scratch);
}

static bool differs(const char *what, u64 cpu, u64 emulator)
{
	if (cpu != emulator)
		fprintf(stderr, "%s: CPU %#llx, emulator %#llx\n", what,
			(unsigned long long)cpu, (unsigned long long)emulator);
	return cpu != emulator;
}

static bool exceptions_differ(enum emul_result result)
{
	const struct emul_exception *exc = &program.ctxt.exception;
	bool wrong;

	wrong = differs("exception", native.vector, result == EMUL_FAULT ? exc->vector : ~0u);
	if (native.vector != EMUL_EXC_PF || wrong)
		return wrong;
	wrong |= differs("error code", native.error & (PF_USER | PF_WRITE), exc->error);
	return differs("fault's address", native.address, exc->address) || wrong;
}

static bool registers_differ(const struct cpu_case *c)
{
	u64 mask = c->long64 ? ~0ull : 0xffffffff;
	u64 defined = NATIVE_FLAGS & ~c->undefined;
	bool wrong = false;
	char name[16];
	unsigned int i;

	for (i = 0; i < (c->long64 ? 16 : 8); i++) {
		snprintf(name, sizeof(name), "register %u", i);
		wrong |= differs(name, native.out.gpr[i] & mask, program.gpr[i]);
	}
	wrong |= differs("flags", native.out.flags & defined, program.ctxt.rflags & defined);
	for (i = 0; native.vector < 0 && i < 32; i++)
		wrong |= differs("xmm", native.out.xmm[i / 2][i % 2], program.xmm[i / 2][i % 2]);
	return wrong;
}

static bool memory_differs(void)
{
	unsigned int i;

	for (i = 0; i < SCRATCH_BYTES; i++)
		if (native.scratch[i] != emulated[i])
			return differs("memory", native.scratch[i], emulated[i]);
	return false;
}

static void compare(const struct cpu_case *c, enum emul_result result)
{
	u64 end = (unsigned long)native.code + program.ctxt.insn.length;
	bool wrong = false;

	if (native.vector >= 0 || result != EMUL_OK)
		wrong = exceptions_differ(result);
	else
		wrong = differs("rip", end + (native.landed ? c->taken : 0), program.ctxt.rip);
	wrong |= registers_differ(c);
	wrong |= memory_differs();
	if (wrong)
		describe(c);
	FUZZ_ASSERT(!wrong, "emulator and CPU differ");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	enum emul_result result;
	const struct safe *s;
	struct cpu_case c;

	make_case(&c, &in);
	if (has_system_call(&c))
		return 0;
	/* Whatever else is executed there ends in a breakpoint. */
	memset(native.code, 0xcc, BRANCH_MAX + 64);
	memcpy(native.code, c.code, c.bytes);
	memcpy(native.scratch, scratch, SCRATCH_BYTES);
	program_start(&program, &native.in, c.long64);
	s = decode();
	if (!s)
		return 0;
	result = program_step(&program);
	if (!is_safe(&c, s, result))
		return 0;
	if (getenv("FUZZ_TRACE"))
		describe(&c);
	memcpy(emulated, native.scratch, SCRATCH_BYTES);
	memcpy(native.scratch, scratch, SCRATCH_BYTES);
	native_run(&native, c.long64, program.ctxt.insn.length, c.taken);
	compare(&c, result);
	return 0;
}
