// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator's world: our own address space.  What a user program does not reach
 * has no op: a call would be a bug.
 */
#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <asm/processor-flags.h>
#include "program.h"

static struct program *program_of(struct emul_ctxt *ctxt)
{
	return container_of(ctxt, struct program, ctxt);
}

static bool is_canonical(u64 address)
{
	return (u64)((s64)(address << 16) >> 16) == address;
}

/* The emulator promised that no access crosses a page. */
static void check_page(gva_t gva, unsigned int bytes)
{
	if (bytes == 0 || (gva & 4095) + bytes > 4096) {
		fprintf(stderr, "the emulator asks for %u bytes at %#lx\n", bytes,
			(unsigned long)gva);
		abort();
	}
}

static enum emul_result op_fetch(struct emul_ctxt *ctxt, gva_t gva, void *buf,
				 unsigned int bytes)
{
	(void)ctxt;
	check_page(gva, bytes);
	memcpy(buf, (const void *)gva, bytes);
	return EMUL_OK;
}

static enum emul_result op_probe(struct emul_ctxt *ctxt, gva_t gva, unsigned int bytes,
				 unsigned int flags)
{
	struct program *program = program_of(ctxt);
	unsigned long offset = gva - (unsigned long)program->native->scratch;

	check_page(gva, bytes);
	if (offset < SCRATCH_BYTES && offset + bytes <= SCRATCH_BYTES)
		return EMUL_OK;
	if (is_canonical(gva) && offset + GUARD_BYTES >= 2 * GUARD_BYTES + SCRATCH_BYTES - bytes)
		program->strayed = true;
	return emul_page_fault(ctxt, PF_USER | (flags & EMUL_ACC_WRITE ? PF_WRITE : 0), gva);
}

static enum emul_result op_read(struct emul_ctxt *ctxt, gva_t gva, void *buf,
				unsigned int bytes, unsigned int flags)
{
	enum emul_result result = op_probe(ctxt, gva, bytes, flags);

	if (result == EMUL_OK)
		memcpy(buf, (const void *)gva, bytes);
	return result;
}

static enum emul_result op_write(struct emul_ctxt *ctxt, gva_t gva, const void *buf,
				 unsigned int bytes, unsigned int flags)
{
	enum emul_result result = op_probe(ctxt, gva, bytes, flags);

	if (result == EMUL_OK)
		memcpy((void *)gva, buf, bytes);
	return result;
}

static enum emul_result op_compare_exchange(struct emul_ctxt *ctxt, gva_t gva, void *old,
					    const void *new, unsigned int bytes)
{
	enum emul_result result = op_probe(ctxt, gva, bytes, EMUL_ACC_WRITE);

	if (result != EMUL_OK)
		return result;
	if (memcmp((const void *)gva, old, bytes)) {
		memcpy(old, (const void *)gva, bytes);
		return EMUL_AGAIN;
	}
	memcpy((void *)gva, new, bytes);
	return EMUL_OK;
}

static void op_get_segment(struct emul_ctxt *ctxt, enum emul_seg seg,
			   struct emul_segment *segment)
{
	const struct program *program = program_of(ctxt);
	u16 flat = EMUL_ATTR_P | EMUL_ATTR_DPL | EMUL_ATTR_S | EMUL_ATTR_RW | EMUL_ATTR_G |
		   EMUL_ATTR_ACCESSED;

	*segment = (struct emul_segment) { .limit = 0xffffffff, .attr = flat | EMUL_ATTR_DB };
	if (seg == EMUL_CS)
		segment->attr = flat | EMUL_ATTR_CODE |
				(program->long64 ? EMUL_ATTR_L : EMUL_ATTR_DB);
	if (seg == EMUL_FS)
		segment->base = program->native->fs_base;
	if (seg == EMUL_GS)
		segment->base = NATIVE_GS_BASE;
	if (seg == EMUL_CS)
		segment->selector = program->long64 ? 0x33 : 0x23;
	if (seg == EMUL_SS || seg == EMUL_DS || seg == EMUL_ES)
		segment->selector = 0x2b;
	if (seg >= EMUL_SEGS)
		segment->attr = 0;
}

static u64 op_get_cr(struct emul_ctxt *ctxt, unsigned int nr)
{
	(void)ctxt;
	return nr == 0 ? X86_CR0_PE | X86_CR0_PG : nr == 4 ? X86_CR4_OSFXSR : 0;
}

static enum emul_result op_notice(struct emul_ctxt *ctxt, enum emul_notice notice)
{
	(void)ctxt;
	return notice == EMUL_NOTICE_PAUSE ? EMUL_OK : EMUL_UNHANDLEABLE;
}

static void op_read_xmm(struct emul_ctxt *ctxt, unsigned int nr, void *buf)
{
	memcpy(buf, program_of(ctxt)->xmm[nr], 16);
}

static void op_write_xmm(struct emul_ctxt *ctxt, unsigned int nr, const void *buf)
{
	memcpy(program_of(ctxt)->xmm[nr], buf, 16);
}

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

/* leaf 80000001, ECX */
#define bit_CR8_LEGACY	(1u << 4)

static u8 this_cpu(void)
{
	unsigned int a, b, c, d;
	u8 cpu = 0;

	__cpuid(0, a, b, c, d);
	if (b == signature_AMD_ebx)
		cpu |= EMUL_CPU_AMD;
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_BMI))
		cpu |= EMUL_CPU_TZCNT;
	if (__get_cpuid(0x80000001, &a, &b, &c, &d)) {
		if (c & bit_LZCNT)
			cpu |= EMUL_CPU_LZCNT;
		if (c & bit_CR8_LEGACY)
			cpu |= EMUL_CPU_LOCK_CR8;
	}
	return cpu;
}

void program_setup(struct program *program, const struct native *native)
{
	program->native = native;
	emul_init(&program->ctxt, &ops);
	program->ctxt.gpr = program->gpr;
	program->ctxt.pio_buf = program->pio_buf;
	program->ctxt.pio_buf_bytes = sizeof(program->pio_buf);
	program->ctxt.cpu = this_cpu();
}

void program_start(struct program *program, const struct native_regs *regs, bool long64)
{
	struct emul_ctxt *ctxt = &program->ctxt;

	memcpy(program->gpr, regs->gpr, sizeof(program->gpr));
	memcpy(program->xmm, regs->xmm, sizeof(program->xmm));
	program->long64 = long64;
	program->strayed = false;
	ctxt->mode = long64 ? EMUL_MODE_LONG64 : EMUL_MODE_PROT32;
	ctxt->cpl = 3;
	ctxt->rip = (unsigned long)program->native->code;
	ctxt->rflags = regs->flags | X86_EFLAGS_FIXED | X86_EFLAGS_IF;
}

enum emul_result program_step(struct program *program)
{
	struct emul_ctxt *ctxt = &program->ctxt;
	enum emul_result result;

	do {
		ctxt->fetched_bytes = 0;
		result = emul_decode(ctxt);
		if (result == EMUL_OK)
			result = emul_execute(ctxt);
	} while (result == EMUL_AGAIN);
	return result;
}
