// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mock machine's ops.  A device's page answers like user space does: the first
 * time that a read is asked for it has to be waited for, the next time the data
 * is there.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <asm/processor-flags.h>
#include "mock.h"

#define PF_PRESENT	0x1u
#define PF_WRITE	0x2u
#define PF_USER		0x4u
#define PF_FETCH	0x10u

#define MSR_EFER_NR	0xc0000080u

static struct mock *mock_of(struct emul_ctxt *ctxt)
{
	return container_of(ctxt, struct mock, ctxt);
}

/* Translate: a page fault, or the page's kind. */
static enum emul_result translate(struct mock *mock, gva_t gva, unsigned int flags, u8 *kind)
{
	u32 error = mock->ctxt.cpl == 3 && !(flags & EMUL_ACC_SYSTEM) ? PF_USER : 0;

	if (flags & EMUL_ACC_WRITE)
		error |= PF_WRITE;
	if (gva >= MOCK_BYTES || (mock->page[gva / 4096] & MOCK_ABSENT))
		return emul_page_fault(&mock->ctxt, error, gva);
	*kind = mock->page[gva / 4096];
	if ((flags & EMUL_ACC_WRITE) && (*kind & MOCK_READONLY))
		return emul_page_fault(&mock->ctxt, error | PF_PRESENT, gva);
	return EMUL_OK;
}

/* The emulator promised that no access crosses a page. */
static void check_page(gva_t gva, unsigned int bytes)
{
	if (bytes == 0 || (gva & 4095) + bytes > 4096)
		abort();
}

static enum emul_result op_fetch(struct emul_ctxt *ctxt, gva_t gva, void *buf,
				 unsigned int bytes)
{
	struct mock *mock = mock_of(ctxt);

	check_page(gva, bytes);
	mock->fetches++;
	if (gva >= MOCK_BYTES || (mock->page[gva / 4096] & MOCK_ABSENT))
		return emul_page_fault(ctxt, PF_FETCH | (ctxt->cpl == 3 ? PF_USER : 0), gva);
	memcpy(buf, mock->memory + gva, bytes);
	return EMUL_OK;
}

static enum emul_result device_read(struct mock *mock, gva_t gva, void *buf, unsigned int bytes)
{
	if (!mock->ready) {
		mock->pending = (struct mock_access) { .address = gva, .bytes = bytes };
		return EMUL_IO_NEEDED;
	}
	if (mock->pending.address != gva || mock->pending.bytes != bytes)
		return EMUL_UNHANDLEABLE;
	memcpy(buf, &mock->ready_val, bytes);
	mock->ready = false;
	mock->device_reads++;
	return EMUL_OK;
}

static enum emul_result op_read(struct emul_ctxt *ctxt, gva_t gva, void *buf,
				unsigned int bytes, unsigned int flags)
{
	struct mock *mock = mock_of(ctxt);
	enum emul_result result;
	u8 kind;

	check_page(gva, bytes);
	mock->reads++;
	mock->last = (struct mock_access) { .address = gva, .bytes = bytes, .flags = flags };
	result = translate(mock, gva, flags, &kind);
	if (result != EMUL_OK)
		return result;
	if (kind & MOCK_IS_DEVICE)
		return device_read(mock, gva, buf, bytes);
	memcpy(buf, mock->memory + gva, bytes);
	return EMUL_OK;
}

static enum emul_result post(struct mock *mock, u64 address, const void *buf,
			     unsigned int bytes, unsigned int count)
{
	struct mock_access *access = &mock->posted[mock->posted_count];

	if (mock->posted_count == MOCK_LOG)
		return EMUL_UNHANDLEABLE;
	mock->posted_count++;
	*access = (struct mock_access) { .address = address, .bytes = bytes, .count = count };
	memcpy(&access->val, buf, bytes * count < 8 ? bytes * count : 8);
	return EMUL_POSTED;
}

static enum emul_result op_write(struct emul_ctxt *ctxt, gva_t gva, const void *buf,
				 unsigned int bytes, unsigned int flags)
{
	struct mock *mock = mock_of(ctxt);
	enum emul_result result;
	u8 kind;

	check_page(gva, bytes);
	mock->writes++;
	mock->last = (struct mock_access) { .address = gva, .bytes = bytes, .flags = flags };
	result = translate(mock, gva, flags | EMUL_ACC_WRITE, &kind);
	if (result != EMUL_OK)
		return result;
	if (kind & MOCK_IS_DEVICE)
		return post(mock, gva, buf, bytes, 1);
	memcpy(mock->memory + gva, buf, bytes);
	return EMUL_OK;
}

static enum emul_result op_compare_exchange(struct emul_ctxt *ctxt, gva_t gva,
					    void *old, const void *new,
					    unsigned int bytes)
{
	struct mock *mock = mock_of(ctxt);

	mock->cmpxchgs++;
	if ((gva & 63) + bytes > 64)
		abort();
	if (mock->race) {
		/* Somebody was faster: the value changes under our eyes. */
		mock->race--;
		mock->memory[gva]++;
	}
	if (gva < MOCK_BYTES && !(mock->page[gva / 4096] & MOCK_IS_DEVICE) &&
	    memcmp(mock->memory + gva, old, bytes)) {
		memcpy(old, mock->memory + gva, bytes);
		return EMUL_AGAIN;
	}
	if (bytes < 16)
		return op_write(ctxt, gva, new, bytes, EMUL_ACC_WRITE);
	op_write(ctxt, gva, new, 8, EMUL_ACC_WRITE);
	return op_write(ctxt, gva + 8, (const u8 *)new + 8, 8, EMUL_ACC_WRITE);
}

static enum emul_result op_probe(struct emul_ctxt *ctxt, gva_t gva, unsigned int bytes,
				 unsigned int flags)
{
	struct mock *mock = mock_of(ctxt);
	u8 kind;

	check_page(gva, bytes);
	mock->probes++;
	return translate(mock, gva, flags, &kind);
}

static enum emul_result op_pio_in(struct emul_ctxt *ctxt, u16 port, unsigned int size,
				  unsigned int count)
{
	struct mock *mock = mock_of(ctxt);
	unsigned int i;

	if (size * count > sizeof(mock->pio_buf))
		abort();
	if (!mock->ready) {
		mock->pending = (struct mock_access) {
			.address = port, .bytes = size, .count = count,
		};
		return EMUL_IO_NEEDED;
	}
	mock->ready = false;
	mock->ins++;
	for (i = 0; i < count; i++)
		memcpy(mock->pio_buf + i * size, &mock->ready_val, size);
	return EMUL_OK;
}

static enum emul_result op_pio_out(struct emul_ctxt *ctxt, u16 port, unsigned int size,
				   unsigned int count)
{
	struct mock *mock = mock_of(ctxt);

	if (size * count > sizeof(mock->pio_buf))
		abort();
	return post(mock, port, mock->pio_buf, size, count);
}

static void op_get_segment(struct emul_ctxt *ctxt, enum emul_seg seg,
			   struct emul_segment *segment)
{
	*segment = mock_of(ctxt)->segments[seg];
}

static void op_set_segment(struct emul_ctxt *ctxt, enum emul_seg seg,
			   const struct emul_segment *segment)
{
	mock_of(ctxt)->segments[seg] = *segment;
}

static void op_get_dtable(struct emul_ctxt *ctxt, enum emul_dtable_reg reg,
			  struct emul_dtable *dtable)
{
	*dtable = reg == EMUL_GDTR ? mock_of(ctxt)->gdt : mock_of(ctxt)->idt;
}

static void op_set_dtable(struct emul_ctxt *ctxt, enum emul_dtable_reg reg,
			  const struct emul_dtable *dtable)
{
	if (reg == EMUL_GDTR)
		mock_of(ctxt)->gdt = *dtable;
	else
		mock_of(ctxt)->idt = *dtable;
}

static u64 op_get_cr(struct emul_ctxt *ctxt, unsigned int nr)
{
	return mock_of(ctxt)->cr[nr];
}

/* All ones is no value for any register here: what an op refuses. */
static enum emul_result op_set_cr(struct emul_ctxt *ctxt, unsigned int nr, u64 value)
{
	if (value == ~0ull)
		return emul_fault_code(ctxt, EMUL_EXC_GP, 0);
	mock_of(ctxt)->cr[nr] = value;
	return EMUL_OK;
}

static enum emul_result op_get_dr(struct emul_ctxt *ctxt, unsigned int nr, u64 *value)
{
	*value = mock_of(ctxt)->dr[nr];
	return EMUL_OK;
}

static enum emul_result op_set_dr(struct emul_ctxt *ctxt, unsigned int nr, u64 value)
{
	mock_of(ctxt)->dr[nr] = value;
	return EMUL_OK;
}

u64 *mock_msr(struct mock *mock, u32 index)
{
	unsigned int i;

	if (index == MSR_EFER_NR)
		return &mock->efer;
	for (i = 0; i < mock->msr_count; i++)
		if (mock->msrs[i].index == index)
			return &mock->msrs[i].val;
	return NULL;
}

void mock_set_msr(struct mock *mock, u32 index, u64 val)
{
	if (mock_msr(mock, index)) {
		*mock_msr(mock, index) = val;
		return;
	}
	if (mock->msr_count == ARRAY_SIZE(mock->msrs))
		abort();
	mock->msrs[mock->msr_count].index = index;
	mock->msrs[mock->msr_count++].val = val;
}

static enum emul_result op_get_msr(struct emul_ctxt *ctxt, u32 index, u64 *value)
{
	u64 *msr = mock_msr(mock_of(ctxt), index);

	if (!msr)
		return emul_fault_code(ctxt, EMUL_EXC_GP, 0);
	*value = *msr;
	return EMUL_OK;
}

static enum emul_result op_set_msr(struct emul_ctxt *ctxt, u32 index, u64 value)
{
	u64 *msr = mock_msr(mock_of(ctxt), index);

	if (!msr)
		return emul_fault_code(ctxt, EMUL_EXC_GP, 0);
	*msr = value;
	return EMUL_OK;
}

static enum emul_result op_rdpmc(struct emul_ctxt *ctxt, u32 index, u64 *value)
{
	(void)ctxt;
	*value = 0x123400000000ull + index;
	return EMUL_OK;
}

static enum emul_result op_xsetbv(struct emul_ctxt *ctxt, u32 index, u64 value)
{
	if (index || !(value & 1))
		return emul_fault_code(ctxt, EMUL_EXC_GP, 0);
	mock_of(ctxt)->xcr0 = value;
	return EMUL_OK;
}

static void op_cpuid(struct emul_ctxt *ctxt, u32 regs[4])
{
	u32 leaf = regs[0], subleaf = regs[2];

	(void)ctxt;
	regs[0] = leaf + 1;
	regs[1] = leaf + 2;
	regs[2] = subleaf + 3;
	regs[3] = leaf + 4;
}

static void op_invlpg(struct emul_ctxt *ctxt, gva_t gva)
{
	mock_of(ctxt)->invalidated = gva;
}

static enum emul_result op_notice(struct emul_ctxt *ctxt, enum emul_notice notice)
{
	mock_of(ctxt)->notices[notice]++;
	return EMUL_OK;
}

static void op_read_xmm(struct emul_ctxt *ctxt, unsigned int nr, void *buf)
{
	memcpy(buf, mock_of(ctxt)->xmm[nr], 16);
}

static void op_write_xmm(struct emul_ctxt *ctxt, unsigned int nr, const void *buf)
{
	memcpy(mock_of(ctxt)->xmm[nr], buf, 16);
}

static const struct emul_ops mock_ops = {
	.fetch = op_fetch, .read = op_read, .write = op_write, .compare_exchange = op_compare_exchange,
	.probe = op_probe, .pio_in = op_pio_in, .pio_out = op_pio_out,
	.get_segment = op_get_segment, .set_segment = op_set_segment,
	.get_dtable = op_get_dtable, .set_dtable = op_set_dtable,
	.get_cr = op_get_cr, .set_cr = op_set_cr, .get_dr = op_get_dr, .set_dr = op_set_dr,
	.get_msr = op_get_msr, .set_msr = op_set_msr, .rdpmc = op_rdpmc,
	.xsetbv = op_xsetbv, .cpuid = op_cpuid, .invlpg = op_invlpg, .notice = op_notice,
	.read_xmm = op_read_xmm, .write_xmm = op_write_xmm,
};

void mock_set_u16(struct mock *mock, u64 address, u16 val)
{
	memcpy(mock->memory + address, &val, sizeof(val));
}

void mock_set(struct mock *mock, u64 address, u64 val)
{
	memcpy(mock->memory + address, &val, sizeof(val));
}

u64 mock_get(const struct mock *mock, u64 address, unsigned int bytes)
{
	u64 val = 0;

	memcpy(&val, mock->memory + address, bytes);
	return val;
}

void mock_descriptor(struct mock *mock, u16 selector, u64 base, u32 limit, u16 attr)
{
	u64 raw = (limit & 0xffff) | (base & 0xffffff) << 16 | (u64)(attr & 0xff) << 40 |
		  (u64)(limit >> 16 & 0xf) << 48 | (u64)(attr >> 8 & 0xf) << 52 |
		  (base >> 24 & 0xff) << 56;

	mock_set(mock, MOCK_GDT + (selector & ~7u), raw);
}

static void real_segments(struct mock *mock)
{
	unsigned int i;

	for (i = 0; i < EMUL_SEGS; i++) {
		u32 base = i == EMUL_CS ? MOCK_CODE : i == EMUL_SS ? MOCK_STACK : MOCK_DATA;

		mock->segments[i] = (struct emul_segment) {
			.selector = base >> 4, .base = base, .limit = 0xffff,
			.attr = MOCK_ATTR_DATA | EMUL_ATTR_ACCESSED,
		};
	}
	mock->gpr[EMUL_RSP] = 0x1000;
}

static void flat_segments(struct mock *mock, enum emul_mode mode, unsigned int cpl)
{
	u16 dpl = cpl << EMUL_ATTR_DPL_SHIFT;
	u16 size = mode == EMUL_MODE_PROT16 ? 0 : EMUL_ATTR_DB;
	unsigned int i;

	for (i = 0; i < EMUL_SEGS; i++)
		mock->segments[i] = (struct emul_segment) {
			.selector = cpl ? MOCK_DATA3 : MOCK_DATA0, .limit = 0xffffffff,
			.attr = MOCK_ATTR_DATA | EMUL_ATTR_ACCESSED | EMUL_ATTR_G | dpl | size,
		};
	mock->segments[EMUL_CS].attr |= EMUL_ATTR_CODE;
	mock->segments[EMUL_CS].selector = cpl ? MOCK_CODE3 : MOCK_CODE0;
	if (mode == EMUL_MODE_LONG64) {
		mock->segments[EMUL_CS].attr ^= EMUL_ATTR_L | EMUL_ATTR_DB;
		mock->segments[EMUL_CS].selector = cpl ? MOCK_LONG3 : MOCK_LONG0;
		mock->efer = 0x501;
	}
	mock->gpr[EMUL_RSP] = MOCK_STACK + 0x1000;
	mock->ctxt.rip = MOCK_CODE;
}

static void descriptors(struct mock *mock)
{
	u16 code = MOCK_ATTR_CODE | EMUL_ATTR_G, data = MOCK_ATTR_DATA | EMUL_ATTR_G;

	mock->gdt = (struct emul_dtable) { .base = MOCK_GDT, .limit = 0xff };
	mock->idt = (struct emul_dtable) { .base = 0, .limit = 0x3ff };
	mock_descriptor(mock, MOCK_CODE0, 0, 0xfffff, code | EMUL_ATTR_DB);
	mock_descriptor(mock, MOCK_DATA0, 0, 0xfffff, data | EMUL_ATTR_DB);
	mock_descriptor(mock, MOCK_CODE3, 0, 0xfffff, code | EMUL_ATTR_DB | MOCK_ATTR_DPL3);
	mock_descriptor(mock, MOCK_DATA3, 0, 0xfffff, data | EMUL_ATTR_DB | MOCK_ATTR_DPL3);
	mock_descriptor(mock, MOCK_LONG0, 0, 0xfffff, code | EMUL_ATTR_L);
	mock_descriptor(mock, MOCK_LONG3, 0, 0xfffff, code | EMUL_ATTR_L | MOCK_ATTR_DPL3);
	mock_descriptor(mock, MOCK_TSS_SEL, MOCK_TSS, 0xfff, EMUL_ATTR_P | 9);
	mock_descriptor(mock, MOCK_LDT_SEL, MOCK_LDT, 0xff, EMUL_ATTR_P | 2);
	mock->segments[EMUL_TR] = (struct emul_segment) {
		.selector = MOCK_TSS_SEL, .base = MOCK_TSS, .limit = 0xfff,
		.attr = EMUL_ATTR_P | 0xb,
	};
	mock->segments[EMUL_LDTR] = (struct emul_segment) {
		.selector = MOCK_LDT_SEL, .base = MOCK_LDT, .limit = 0xff,
		.attr = EMUL_ATTR_P | 2,
	};
}

/* Memory that is zero: most of it is never touched, so let the kernel clear it. */
static u8 *clear_memory(u8 *memory)
{
	if (!memory)
		memory = mmap(NULL, MOCK_BYTES, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	else if (madvise(memory, MOCK_BYTES, MADV_DONTNEED))
		abort();
	if (memory == MAP_FAILED)
		abort();
	return memory;
}

void mock_start(struct mock *mock, enum emul_mode mode, unsigned int cpl)
{
	u8 *memory = clear_memory(mock->memory);

	memset(mock, 0, sizeof(*mock));
	mock->memory = memory;
	mock->page[MOCK_DEVICE / 4096] = MOCK_IS_DEVICE;
	emul_init(&mock->ctxt, &mock_ops);
	mock->ctxt.gpr = mock->gpr;
	mock->ctxt.pio_buf = mock->pio_buf;
	mock->ctxt.pio_buf_bytes = sizeof(mock->pio_buf);
	mock->ctxt.mode = mode;
	mock->ctxt.cpl = cpl;
	mock->ctxt.rflags = X86_EFLAGS_FIXED;
	mock->cr[0] = mode == EMUL_MODE_REAL ? 0 : X86_CR0_PE;
	mock->cr[4] = X86_CR4_OSFXSR;
	if (mode == EMUL_MODE_VM86)
		mock->ctxt.rflags |= X86_EFLAGS_VM;
	if (mode == EMUL_MODE_REAL || mode == EMUL_MODE_VM86)
		real_segments(mock);
	else
		flat_segments(mock, mode, cpl);
	descriptors(mock);
}

unsigned int mock_put_code(struct mock *mock, const char *hex)
{
	u64 base = mock->ctxt.mode == EMUL_MODE_LONG64 ? 0 : mock->segments[EMUL_CS].base;
	u8 *code = mock->memory + base + mock->ctxt.rip;
	unsigned int count = 0;
	char *end;

	for (; *hex; hex = end) {
		code[count++] = strtoul(hex, &end, 16);
		while (*end == ' ')
			end++;
	}
	return count;
}

enum emul_result mock_again(struct mock *mock)
{
	enum emul_result result;

	mock->ctxt.fetched_bytes = 0;
	result = emul_decode(&mock->ctxt);
	return result == EMUL_OK ? emul_execute(&mock->ctxt) : result;
}

enum emul_result mock_run(struct mock *mock, const char *hex)
{
	mock_put_code(mock, hex);
	return mock_again(mock);
}

enum emul_result mock_complete(struct mock *mock, u64 val)
{
	mock->ready = true;
	mock->ready_val = val;
	return emul_execute(&mock->ctxt);
}
