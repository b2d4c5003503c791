// SPDX-License-Identifier: GPL-2.0-only
/*
 * System instructions: ports, interrupt flag, control, debug and table registers,
 * MSRs, fast system calls, and those that only tell the owner something.
 *
 * What a value may be is for the owner's set_*() to check; who may use the
 * instruction is checked here.
 */
#include "internal.h"
#include "handlers.h"

#define MSR_TSC_INDEX		0x00000010
#define MSR_SYSENTER_CS_INDEX	0x00000174
#define MSR_SYSENTER_ESP_INDEX	0x00000175
#define MSR_SYSENTER_EIP_INDEX	0x00000176
#define MSR_EFER_INDEX		0xc0000080
#define MSR_STAR_INDEX		0xc0000081
#define MSR_LSTAR_INDEX		0xc0000082
#define MSR_CSTAR_INDEX		0xc0000083
#define MSR_SFMASK_INDEX	0xc0000084
#define MSR_KERNEL_GS_INDEX	0xc0000102
#define MSR_TSC_AUX_INDEX	0xc0000103

#define EFER_SYSCALL		(1u << 0)
#define EFER_LONG_ACTIVE	(1u << 10)

#define TSS_TYPE32		0x9	/* available; busy is 0xb */
#define TSS_IOMAP_FIELD		102
#define TSS32_LIMIT		103

/* The segments that fast system calls load do not come from a table. */
#define ATTR_FLAT	(EMUL_ATTR_G | EMUL_ATTR_P | EMUL_ATTR_S | EMUL_ATTR_RW | \
			 EMUL_ATTR_ACCESSED)
#define ATTR_DATA	(ATTR_FLAT | EMUL_ATTR_DB)
#define ATTR_CODE32	(ATTR_FLAT | EMUL_ATTR_CODE | EMUL_ATTR_DB)
#define ATTR_CODE64	(ATTR_FLAT | EMUL_ATTR_CODE | EMUL_ATTR_L)

/* ---- ports ---- */

static enum emul_result read_tss(struct emul_ctxt *ctxt, const struct emul_segment *tss,
				 u32 offset, u16 *val)
{
	if (offset + 1 > tss->limit)
		return emul_gp(ctxt, 0);
	return emul_linear_read(ctxt, tss->base + offset, val, sizeof(*val), EMUL_ACC_SYSTEM);
}

/* The I/O permission map of the task: a clear bit allows. */
static enum emul_result check_map(struct emul_ctxt *ctxt, u16 port, unsigned int bytes)
{
	struct emul_segment tss;
	enum emul_result result;
	u16 map, bits;

	ctxt->ops->get_segment(ctxt, EMUL_TR, &tss);
	if ((tss.attr & (EMUL_ATTR_TYPE & ~2u)) != TSS_TYPE32 || !(tss.attr & EMUL_ATTR_P) ||
	    tss.limit < TSS32_LIMIT)
		return emul_gp(ctxt, 0);
	result = read_tss(ctxt, &tss, TSS_IOMAP_FIELD, &map);
	if (result == EMUL_OK)
		result = read_tss(ctxt, &tss, (u32)map + port / 8, &bits);
	if (result != EMUL_OK)
		return result;
	return bits >> (port & 7) & ((1u << bytes) - 1) ? emul_gp(ctxt, 0) : EMUL_OK;
}

enum emul_result emul_check_pio(struct emul_ctxt *ctxt, u16 port, unsigned int bytes)
{
	if (ctxt->mode == EMUL_MODE_REAL)
		return EMUL_OK;
	if (ctxt->mode != EMUL_MODE_VM86 && ctxt->cpl <= emul_iopl(ctxt))
		return EMUL_OK;
	return check_map(ctxt, port, bytes);
}

/* IN, OUT: port in the immediate (E4..E7) or in DX (EC..EF); at most 4 bytes. */
static enum emul_result port_operand(struct emul_ctxt *ctxt, u16 *port, unsigned int *bytes)
{
	*port = ctxt->insn.code & 8 ? ctxt->gpr[EMUL_RDX] : ctxt->insn.imm;
	*bytes = ctxt->dst.bytes == 8 ? 4 : ctxt->dst.bytes;
	return emul_check_pio(ctxt, *port, *bytes);
}

enum emul_result emul_op_in(struct emul_ctxt *ctxt)
{
	enum emul_result result;
	unsigned int bytes;
	u64 val = 0;
	u16 port;

	result = port_operand(ctxt, &port, &bytes);
	if (result == EMUL_OK)
		result = emul_op_result(ctxt, ctxt->ops->pio_in(ctxt, port, bytes, 1));
	if (result != EMUL_OK)
		return result;
	memcpy(&val, ctxt->pio_buf, bytes);
	emul_reg_set(ctxt, EMUL_RAX, val, bytes);
	return EMUL_OK;
}

enum emul_result emul_op_out(struct emul_ctxt *ctxt)
{
	enum emul_result result;
	unsigned int bytes;
	u16 port;

	result = port_operand(ctxt, &port, &bytes);
	if (result != EMUL_OK)
		return result;
	memcpy(ctxt->pio_buf, &ctxt->gpr[EMUL_RAX], bytes);
	return emul_op_result(ctxt, ctxt->ops->pio_out(ctxt, port, bytes, 1));
}

/* ---- the interrupt flag ---- */

/*
 * Whose flag CLI and STI change: IF, or, for user programs that CR4.VME or
 * CR4.PVI gives a virtual one, VIF.
 */
static enum emul_result find_interrupt_flag(struct emul_ctxt *ctxt, u64 *flag)
{
	bool vm86 = ctxt->mode == EMUL_MODE_VM86;
	u64 cr4;

	*flag = X86_EFLAGS_IF;
	if (ctxt->mode == EMUL_MODE_REAL || ctxt->cpl <= emul_iopl(ctxt))
		return EMUL_OK;
	*flag = X86_EFLAGS_VIF;
	cr4 = ctxt->ops->get_cr(ctxt, 4);
	if (ctxt->cpl == 3 && (cr4 & (vm86 ? X86_CR4_VME : X86_CR4_PVI)))
		return EMUL_OK;
	return emul_gp(ctxt, 0);
}

enum emul_result emul_op_cli(struct emul_ctxt *ctxt)
{
	u64 flag;
	enum emul_result result = find_interrupt_flag(ctxt, &flag);

	if (result == EMUL_OK)
		ctxt->rflags &= ~flag;
	return result;
}

enum emul_result emul_op_sti(struct emul_ctxt *ctxt)
{
	u64 flag;
	enum emul_result result = find_interrupt_flag(ctxt, &flag);

	if (result != EMUL_OK)
		return result;
	if (flag == X86_EFLAGS_VIF && (ctxt->rflags & X86_EFLAGS_VIP))
		return emul_gp(ctxt, 0);
	if (flag == X86_EFLAGS_IF && !(ctxt->rflags & X86_EFLAGS_IF))
		ctxt->shadow = EMUL_SHADOW_STI;
	ctxt->rflags |= flag;
	return EMUL_OK;
}

enum emul_result emul_op_clac(struct emul_ctxt *ctxt)
{
	ctxt->rflags &= ~(u64)X86_EFLAGS_AC;
	return EMUL_OK;
}

enum emul_result emul_op_stac(struct emul_ctxt *ctxt)
{
	ctxt->rflags |= X86_EFLAGS_AC;
	return EMUL_OK;
}

/* ---- control and debug registers ---- */

static unsigned int native_bytes(const struct emul_ctxt *ctxt)
{
	return emul_long64(ctxt) ? 8 : 4;
}

/* CR0, CR2, CR3, CR4 and CR8 exist. */
static bool cr_exists(unsigned int nr)
{
	return nr < 9 && (0x11d >> nr & 1);
}

/* The decoder lets LOCK through where it means CR8. */
static unsigned int cr_number(const struct emul_ctxt *ctxt)
{
	return ctxt->insn.lock ? 8 : ctxt->insn.reg;
}

enum emul_result emul_op_mov_from_cr(struct emul_ctxt *ctxt)
{
	unsigned int nr = cr_number(ctxt);

	if (!cr_exists(nr))
		return emul_ud(ctxt);
	emul_reg_set(ctxt, ctxt->insn.rm, ctxt->ops->get_cr(ctxt, nr), native_bytes(ctxt));
	return EMUL_OK;
}

enum emul_result emul_op_mov_to_cr(struct emul_ctxt *ctxt)
{
	unsigned int nr = cr_number(ctxt);

	if (!cr_exists(nr))
		return emul_ud(ctxt);
	return ctxt->ops->set_cr(ctxt, nr,
				 emul_reg_get(ctxt, ctxt->insn.rm, native_bytes(ctxt)));
}

enum emul_result emul_op_clts(struct emul_ctxt *ctxt)
{
	return ctxt->ops->set_cr(ctxt, 0, ctxt->ops->get_cr(ctxt, 0) & ~(u64)X86_CR0_TS);
}

/* LMSW: PE, MP, EM and TS; it can set PE, not clear it. */
enum emul_result emul_op_lmsw(struct emul_ctxt *ctxt)
{
	u64 cr0 = ctxt->ops->get_cr(ctxt, 0);

	return ctxt->ops->set_cr(ctxt, 0, (cr0 & ~0xeull) | (ctxt->src.val & 0xf));
}

/* DR4 and DR5 are other names of DR6 and DR7, unless CR4.DE. */
static enum emul_result dr_number(struct emul_ctxt *ctxt, unsigned int *nr)
{
	*nr = ctxt->insn.reg;
	if (*nr >= 8)
		return emul_ud(ctxt);
	if (*nr != 4 && *nr != 5)
		return EMUL_OK;
	if (ctxt->ops->get_cr(ctxt, 4) & X86_CR4_DE)
		return emul_ud(ctxt);
	*nr += 2;
	return EMUL_OK;
}

enum emul_result emul_op_mov_from_dr(struct emul_ctxt *ctxt)
{
	enum emul_result result;
	unsigned int nr;
	u64 val;

	result = dr_number(ctxt, &nr);
	if (result == EMUL_OK)
		result = ctxt->ops->get_dr(ctxt, nr, &val);
	if (result == EMUL_OK)
		emul_reg_set(ctxt, ctxt->insn.rm, val, native_bytes(ctxt));
	return result;
}

enum emul_result emul_op_mov_to_dr(struct emul_ctxt *ctxt)
{
	enum emul_result result;
	unsigned int nr;

	result = dr_number(ctxt, &nr);
	if (result != EMUL_OK)
		return result;
	return ctxt->ops->set_dr(ctxt, nr,
				 emul_reg_get(ctxt, ctxt->insn.rm, native_bytes(ctxt)));
}

/* ---- GDTR and IDTR ---- */

/* The two fields in memory: limit, then base. */
static void table_operands(struct emul_ctxt *ctxt, struct emul_operand *limit,
			   struct emul_operand *base)
{
	*limit = emul_mem_operand(ctxt, 2);
	*base = emul_mem_operand(ctxt, native_bytes(ctxt));
	base->ea = (base->ea + 2) & emul_mask(ctxt->insn.adsize);
}

static enum emul_result store_table(struct emul_ctxt *ctxt, enum emul_dtable_reg reg)
{
	struct emul_operand limit, base;
	struct emul_dtable table;
	enum emul_result result;

	result = emul_check_umip(ctxt);
	if (result != EMUL_OK)
		return result;
	ctxt->ops->get_dtable(ctxt, reg, &table);
	table_operands(ctxt, &limit, &base);
	limit.val = table.limit;
	base.val = table.base;
	result = emul_mem_write(ctxt, &limit);
	return result == EMUL_OK ? emul_mem_write(ctxt, &base) : result;
}

static enum emul_result load_table(struct emul_ctxt *ctxt, enum emul_dtable_reg reg)
{
	struct emul_operand limit, base;
	struct emul_dtable table;
	enum emul_result result;

	table_operands(ctxt, &limit, &base);
	result = emul_mem_read(ctxt, &limit, 0);
	if (result == EMUL_OK)
		result = emul_mem_read(ctxt, &base, 0);
	if (result != EMUL_OK)
		return result;
	if (emul_long64(ctxt) && !emul_canonical(ctxt, base.val))
		return emul_gp(ctxt, 0);
	table.limit = limit.val;
	table.base = base.val;
	/* With 16-bit operands a base has 24 bits. */
	if (ctxt->insn.opsize == 2 && !emul_long64(ctxt))
		table.base &= 0xffffff;
	ctxt->ops->set_dtable(ctxt, reg, &table);
	return EMUL_OK;
}

enum emul_result emul_op_sgdt(struct emul_ctxt *ctxt)
{
	return store_table(ctxt, EMUL_GDTR);
}

enum emul_result emul_op_sidt(struct emul_ctxt *ctxt)
{
	return store_table(ctxt, EMUL_IDTR);
}

enum emul_result emul_op_lgdt(struct emul_ctxt *ctxt)
{
	return load_table(ctxt, EMUL_GDTR);
}

enum emul_result emul_op_lidt(struct emul_ctxt *ctxt)
{
	return load_table(ctxt, EMUL_IDTR);
}

/* ---- MSRs and counters ---- */

static void put_edx_eax(struct emul_ctxt *ctxt, u64 val)
{
	emul_reg_set(ctxt, EMUL_RAX, val, 4);
	emul_reg_set(ctxt, EMUL_RDX, val >> 32, 4);
}

static u64 get_edx_eax(const struct emul_ctxt *ctxt)
{
	return emul_reg_get(ctxt, EMUL_RAX, 4) | ctxt->gpr[EMUL_RDX] << 32;
}

enum emul_result emul_op_rdmsr(struct emul_ctxt *ctxt)
{
	enum emul_result result;
	u64 val;

	result = ctxt->ops->get_msr(ctxt, ctxt->gpr[EMUL_RCX], &val);
	if (result == EMUL_OK)
		put_edx_eax(ctxt, val);
	return result;
}

enum emul_result emul_op_wrmsr(struct emul_ctxt *ctxt)
{
	return ctxt->ops->set_msr(ctxt, ctxt->gpr[EMUL_RCX], get_edx_eax(ctxt));
}

static enum emul_result read_tsc(struct emul_ctxt *ctxt, u64 *tsc)
{
	if (ctxt->cpl && (ctxt->ops->get_cr(ctxt, 4) & X86_CR4_TSD))
		return emul_gp(ctxt, 0);
	return ctxt->ops->get_msr(ctxt, MSR_TSC_INDEX, tsc);
}

enum emul_result emul_op_rdtsc(struct emul_ctxt *ctxt)
{
	u64 tsc;
	enum emul_result result = read_tsc(ctxt, &tsc);

	if (result == EMUL_OK)
		put_edx_eax(ctxt, tsc);
	return result;
}

enum emul_result emul_op_rdtscp(struct emul_ctxt *ctxt)
{
	u64 tsc, aux;
	enum emul_result result = read_tsc(ctxt, &tsc);

	if (result == EMUL_OK)
		result = ctxt->ops->get_msr(ctxt, MSR_TSC_AUX_INDEX, &aux);
	if (result != EMUL_OK)
		return result;
	put_edx_eax(ctxt, tsc);
	emul_reg_set(ctxt, EMUL_RCX, aux, 4);
	return EMUL_OK;
}

enum emul_result emul_op_rdpmc(struct emul_ctxt *ctxt)
{
	enum emul_result result;
	u64 val;

	if (ctxt->cpl && !(ctxt->ops->get_cr(ctxt, 4) & X86_CR4_PCE))
		return emul_gp(ctxt, 0);
	result = ctxt->ops->rdpmc(ctxt, ctxt->gpr[EMUL_RCX], &val);
	if (result == EMUL_OK)
		put_edx_eax(ctxt, val);
	return result;
}

enum emul_result emul_op_xsetbv(struct emul_ctxt *ctxt)
{
	if (!(ctxt->ops->get_cr(ctxt, 4) & X86_CR4_OSXSAVE))
		return emul_ud(ctxt);
	if (ctxt->cpl)
		return emul_gp(ctxt, 0);
	return ctxt->ops->xsetbv(ctxt, ctxt->gpr[EMUL_RCX], get_edx_eax(ctxt));
}

enum emul_result emul_op_cpuid(struct emul_ctxt *ctxt)
{
	static const u8 order[4] = { EMUL_RAX, EMUL_RBX, EMUL_RCX, EMUL_RDX };
	u32 regs[4];
	unsigned int i;

	for (i = 0; i < 4; i++)
		regs[i] = ctxt->gpr[order[i]];
	ctxt->ops->cpuid(ctxt, regs);
	for (i = 0; i < 4; i++)
		emul_reg_set(ctxt, order[i], regs[i], 4);
	return EMUL_OK;
}

/* ---- FS and GS ---- */

/* ModRM.reg: 0 and 2 are FS, 1 and 3 are GS. */
static enum emul_result base_segment(struct emul_ctxt *ctxt, enum emul_seg *seg)
{
	if (!emul_long64(ctxt) || !(ctxt->ops->get_cr(ctxt, 4) & X86_CR4_FSGSBASE))
		return emul_ud(ctxt);
	*seg = ctxt->insn.reg & 1 ? EMUL_GS : EMUL_FS;
	return EMUL_OK;
}

enum emul_result emul_op_rdfsgsbase(struct emul_ctxt *ctxt)
{
	enum emul_seg seg;
	enum emul_result result = base_segment(ctxt, &seg);

	if (result == EMUL_OK)
		ctxt->dst.val = emul_segment(ctxt, seg)->base;
	return result;
}

enum emul_result emul_op_wrfsgsbase(struct emul_ctxt *ctxt)
{
	enum emul_seg seg;
	enum emul_result result = base_segment(ctxt, &seg);
	struct emul_segment segment;

	if (result != EMUL_OK)
		return result;
	if (!emul_canonical(ctxt, ctxt->src.val))
		return emul_gp(ctxt, 0);
	segment = *emul_segment(ctxt, seg);
	segment.base = ctxt->src.val;
	ctxt->ops->set_segment(ctxt, seg, &segment);
	return EMUL_OK;
}

enum emul_result emul_op_swapgs(struct emul_ctxt *ctxt)
{
	struct emul_segment gs = *emul_segment(ctxt, EMUL_GS);
	enum emul_result result;
	u64 base;

	if (!emul_long64(ctxt))
		return emul_ud(ctxt);
	result = ctxt->ops->get_msr(ctxt, MSR_KERNEL_GS_INDEX, &base);
	if (result == EMUL_OK)
		result = ctxt->ops->set_msr(ctxt, MSR_KERNEL_GS_INDEX, gs.base);
	if (result != EMUL_OK)
		return result;
	gs.base = base;
	ctxt->ops->set_segment(ctxt, EMUL_GS, &gs);
	return EMUL_OK;
}

/* ---- fast system calls ---- */

static void load_flat(struct emul_ctxt *ctxt, enum emul_seg seg, u16 selector, u16 attr)
{
	struct emul_segment segment = {
		.selector = selector,
		.attr = attr,
		.limit = 0xffffffff,
	};

	ctxt->ops->set_segment(ctxt, seg, &segment);
}

static void enter_level(struct emul_ctxt *ctxt, u16 cs, u16 cs_attr, u16 ss, unsigned int cpl)
{
	u16 dpl = cpl << EMUL_ATTR_DPL_SHIFT;

	load_flat(ctxt, EMUL_CS, cs, cs_attr | dpl);
	load_flat(ctxt, EMUL_SS, ss, ATTR_DATA | dpl);
	ctxt->cpl = cpl;
}

/* SYSCALL and SYSRET: is there such an instruction here?  *star gets STAR. */
static enum emul_result check_syscall(struct emul_ctxt *ctxt, bool *long_mode, u64 *star)
{
	enum emul_result result;
	u64 efer;

	result = ctxt->ops->get_msr(ctxt, MSR_EFER_INDEX, &efer);
	if (result != EMUL_OK)
		return result;
	*long_mode = efer & EFER_LONG_ACTIVE;
	if (!(efer & EFER_SYSCALL) || !emul_protected(ctxt))
		return emul_ud(ctxt);
	if (!emul_long64(ctxt) && !(ctxt->cpu & EMUL_CPU_AMD))
		return emul_ud(ctxt);
	return ctxt->ops->get_msr(ctxt, MSR_STAR_INDEX, star);
}

static enum emul_result syscall_long(struct emul_ctxt *ctxt, u16 cs)
{
	u32 index = emul_long64(ctxt) ? MSR_LSTAR_INDEX : MSR_CSTAR_INDEX;
	u64 target, mask, flags = ctxt->rflags;
	enum emul_result result;

	result = ctxt->ops->get_msr(ctxt, index, &target);
	if (result == EMUL_OK)
		result = ctxt->ops->get_msr(ctxt, MSR_SFMASK_INDEX, &mask);
	if (result != EMUL_OK)
		return result;
	emul_reg_set(ctxt, EMUL_RCX, ctxt->next_rip, 8);
	emul_reg_set(ctxt, EMUL_R11, flags, 8);
	enter_level(ctxt, cs, ATTR_CODE64, cs + 8, 0);
	ctxt->rflags = flags & ~mask;
	ctxt->next_rip = target;
	return EMUL_OK;
}

enum emul_result emul_op_syscall(struct emul_ctxt *ctxt)
{
	enum emul_result result;
	bool long_mode;
	u64 star;
	u16 cs;

	result = check_syscall(ctxt, &long_mode, &star);
	if (result != EMUL_OK)
		return result;
	cs = star >> 32 & 0xfffc;
	if (long_mode)
		return syscall_long(ctxt, cs);
	emul_reg_set(ctxt, EMUL_RCX, ctxt->next_rip, 4);
	enter_level(ctxt, cs, ATTR_CODE32, cs + 8, 0);
	ctxt->rflags &= ~(u64)(X86_EFLAGS_IF | X86_EFLAGS_VM);
	ctxt->next_rip = (u32)star;
	return EMUL_OK;
}

/* What R11 may bring back: not RF, VM, or what is reserved. */
#define FLAGS_SYSRET	0x3c7fd5ull

enum emul_result emul_op_sysret(struct emul_ctxt *ctxt)
{
	bool to_long64 = ctxt->insn.rex & 8;
	u64 target = ctxt->gpr[EMUL_RCX];
	enum emul_result result;
	bool long_mode;
	u64 star;
	u16 base;

	result = check_syscall(ctxt, &long_mode, &star);
	if (result != EMUL_OK)
		return result;
	if (ctxt->cpl)
		return emul_gp(ctxt, 0);
	if (to_long64 && !emul_canonical(ctxt, target))
		return emul_gp(ctxt, 0);
	base = star >> 48 | 3;
	if (to_long64)
		enter_level(ctxt, base + 16, ATTR_CODE64, base + 8, 3);
	else
		enter_level(ctxt, base, ATTR_CODE32, base + 8, 3);
	if (long_mode)
		ctxt->rflags = (ctxt->gpr[EMUL_R11] & FLAGS_SYSRET) | X86_EFLAGS_FIXED;
	else
		ctxt->rflags |= X86_EFLAGS_IF;
	ctxt->next_rip = to_long64 ? target : (u32)target;
	return EMUL_OK;
}

static enum emul_result check_sysenter(struct emul_ctxt *ctxt, bool *long_mode, u64 *cs)
{
	enum emul_result result;
	u64 efer;

	result = ctxt->ops->get_msr(ctxt, MSR_EFER_INDEX, &efer);
	if (result != EMUL_OK)
		return result;
	*long_mode = efer & EFER_LONG_ACTIVE;
	if (*long_mode && (ctxt->cpu & EMUL_CPU_AMD))
		return emul_ud(ctxt);
	result = ctxt->ops->get_msr(ctxt, MSR_SYSENTER_CS_INDEX, cs);
	if (result == EMUL_OK && !(*cs & 0xfffc))
		return emul_gp(ctxt, 0);
	return result;
}

enum emul_result emul_op_sysenter(struct emul_ctxt *ctxt)
{
	enum emul_result result;
	u64 cs, rip, rsp;
	bool long_mode;

	result = check_sysenter(ctxt, &long_mode, &cs);
	if (result == EMUL_OK)
		result = ctxt->ops->get_msr(ctxt, MSR_SYSENTER_EIP_INDEX, &rip);
	if (result == EMUL_OK)
		result = ctxt->ops->get_msr(ctxt, MSR_SYSENTER_ESP_INDEX, &rsp);
	if (result != EMUL_OK)
		return result;
	cs &= 0xfffc;
	enter_level(ctxt, cs, long_mode ? ATTR_CODE64 : ATTR_CODE32, cs + 8, 0);
	ctxt->rflags &= ~(u64)(X86_EFLAGS_IF | X86_EFLAGS_VM);
	ctxt->next_rip = long_mode ? rip : (u32)rip;
	emul_reg_set(ctxt, EMUL_RSP, rsp, long_mode ? 8 : 4);
	return EMUL_OK;
}

enum emul_result emul_op_sysexit(struct emul_ctxt *ctxt)
{
	bool to_long64 = ctxt->insn.rex & 8;
	u64 rip = ctxt->gpr[EMUL_RDX], rsp = ctxt->gpr[EMUL_RCX];
	enum emul_result result;
	bool long_mode;
	u64 base;

	result = check_sysenter(ctxt, &long_mode, &base);
	if (result != EMUL_OK)
		return result;
	if (to_long64 && (!emul_canonical(ctxt, rip) || !emul_canonical(ctxt, rsp)))
		return emul_gp(ctxt, 0);
	base = (base & 0xfffc) | 3;
	if (to_long64)
		enter_level(ctxt, base + 32, ATTR_CODE64, base + 40, 3);
	else
		enter_level(ctxt, base + 16, ATTR_CODE32, base + 24, 3);
	ctxt->next_rip = to_long64 ? rip : (u32)rip;
	emul_reg_set(ctxt, EMUL_RSP, rsp, to_long64 ? 8 : 4);
	return EMUL_OK;
}

/* ---- what only the owner knows what to do about ---- */

static enum emul_result notify(struct emul_ctxt *ctxt, enum emul_notice notice)
{
	return emul_op_result(ctxt, ctxt->ops->notice(ctxt, notice));
}

enum emul_result emul_op_hlt(struct emul_ctxt *ctxt)
{
	return notify(ctxt, EMUL_NOTICE_HLT);
}

enum emul_result emul_op_wbinvd(struct emul_ctxt *ctxt)
{
	return notify(ctxt, EMUL_NOTICE_WBINVD);
}

enum emul_result emul_op_hypercall(struct emul_ctxt *ctxt)
{
	return notify(ctxt, EMUL_NOTICE_HYPERCALL);
}

/* MONITOR and MWAIT: a hint that may be ignored. */
enum emul_result emul_op_monitor(struct emul_ctxt *ctxt)
{
	return EMUL_OK;
}

enum emul_result emul_op_invlpg(struct emul_ctxt *ctxt)
{
	u64 gva = ctxt->insn.mem_ea;

	if (!emul_long64(ctxt) || ctxt->insn.mem_seg >= EMUL_FS)
		gva += emul_segment(ctxt, ctxt->insn.mem_seg)->base;
	if (!emul_long64(ctxt))
		gva = (u32)gva;
	if (emul_canonical(ctxt, gva))
		ctxt->ops->invlpg(ctxt, gva);
	return EMUL_OK;
}
