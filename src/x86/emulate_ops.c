// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the emulator reaches a vCPU.
 *
 * Memory: through the guest's tables to a gpa, and from there to what stands
 * behind it: guest memory, the local APIC, or a device, in the kernel or in user
 * space.  Registers: through those who own them, with the checks that the manual
 * has for the guest.
 *
 * The context is part of a vCPU whose mutex is held, and the slots' SRCU is held
 * around the whole instruction.
 */
#include <linux/kvm.h>
#include <asm/processor-flags.h>

#include "../host/fpu.h"
#include "../vendor/vendor.h"
#include "emulate.h"
#include "hypercall.h"
#include "machine.h"
#include "msr.h"
#include "regs.h"

/* SDM, "Debug Registers": DR7.GD and what it leaves in DR6. */
#define DR7_GENERAL_DETECT	(1ull << 13)
#define DR6_GENERAL_DETECT	(1ull << 13)

static struct vcpu *ops_vcpu(struct emul_ctxt *ctxt)
{
	return container_of(ctxt->gpr, struct vcpu, regs[0]);
}

static u32 ops_access(const struct emul_ctxt *ctxt, unsigned int flags)
{
	u32 access = 0;

	if (flags & EMUL_ACC_SYSTEM)
		access |= MMU_ACCESS_IMPLICIT;
	else if (ctxt->cpl == 3)
		access |= PF_ERR_USER;
	if (flags & EMUL_ACC_WRITE)
		access |= PF_ERR_WRITE;
	if (ctxt->rflags & X86_EFLAGS_AC)
		access |= MMU_ACCESS_AC;
	return access;
}

/* EMUL_OK with *@gpa, or EMUL_FAULT. */
static enum emul_result ops_translate(struct emul_ctxt *ctxt, gva_t gva,
				      unsigned int flags, gpa_t *gpa)
{
	struct mmu_exception exc;

	/*
	 * The guest's tables allowed the access that the exit reported, whatever
	 * the instruction at RIP is by now: a read says nothing about writes.
	 */
	if ((flags & EMUL_ACC_HINT) &&
	    (!(flags & EMUL_ACC_WRITE) || ops_vcpu(ctxt)->io.hint_write)) {
		*gpa = (ctxt->hint_gpa & PAGE_MASK) | (gva & ~PAGE_MASK);
		return EMUL_OK;
	}
	*gpa = emulate_translate(ops_vcpu(ctxt), gva, ops_access(ctxt, flags), &exc);
	if (likely(*gpa != INVALID_GPA))
		return EMUL_OK;
	return emul_page_fault(ctxt, exc.error_code, exc.address);
}

/*
 * What was memory a moment ago could not be accessed.  If the slots changed in
 * between, the guest tries again and meets what is there now.
 */
static enum emul_result ops_no_memory(struct vcpu *vcpu, u64 generation)
{
	return mem_generation(&vcpu->vm->mem) == generation ? EMUL_UNHANDLEABLE : EMUL_RETRY;
}

static enum emul_result ops_fetch(struct emul_ctxt *ctxt, gva_t gva, void *buf,
				  unsigned int bytes)
{
	struct vcpu *vcpu = ops_vcpu(ctxt);
	u32 access = PF_ERR_FETCH | (ctxt->cpl == 3 ? PF_ERR_USER : 0);
	struct mmu_exception exc;
	gpa_t gpa;

	gpa = emulate_translate(vcpu, gva, access, &exc);
	if (gpa == INVALID_GPA)
		return emul_page_fault(ctxt, exc.error_code, exc.address);
	/* Nobody executes from devices. */
	if (mem_read(&vcpu->vm->mem, gpa, buf, bytes))
		return EMUL_UNHANDLEABLE;
	return EMUL_OK;
}

static enum emul_result ops_read_device(struct vcpu *vcpu, gpa_t gpa, void *buf,
					unsigned int bytes)
{
	struct io_fragment *fragment = &vcpu->io.mmio[0];

	if (vcpu->apic && lapic_mmio_covers(vcpu, gpa)) {
		lapic_mmio_read(vcpu, gpa, buf, bytes);
		return EMUL_OK;
	}
	if (vcpu->io.read_done) {
		vcpu->io.read_done = false;
		/* The tables may have changed while user space was at work. */
		if (fragment->gpa == gpa && fragment->len == bytes) {
			memcpy(buf, fragment->data, bytes);
			return EMUL_OK;
		}
	}
	if (io_bus_read(&vcpu->vm->io.memory, vcpu, gpa, bytes, buf))
		return EMUL_OK;
	io_wait_mmio(vcpu, gpa, bytes);
	return EMUL_IO_NEEDED;
}

static enum emul_result ops_read(struct emul_ctxt *ctxt, gva_t gva, void *buf,
				 unsigned int bytes, unsigned int flags)
{
	struct vcpu *vcpu = ops_vcpu(ctxt);
	enum emul_result res;
	u64 generation;
	gpa_t gpa;

	res = ops_translate(ctxt, gva, flags, &gpa);
	if (res != EMUL_OK)
		return res;
	generation = mem_generation(&vcpu->vm->mem);
	if (mem_backing(&vcpu->vm->mem, gpa_to_gfn(gpa)) == MEM_ABSENT)
		return ops_read_device(vcpu, gpa, buf, bytes);
	if (mem_read(&vcpu->vm->mem, gpa, buf, bytes))
		return ops_no_memory(vcpu, generation);
	return EMUL_OK;
}

static enum emul_result ops_write_gpa(struct vcpu *vcpu, gpa_t gpa, const void *buf,
				      unsigned int bytes)
{
	u64 generation = mem_generation(&vcpu->vm->mem);

	if (mem_backing(&vcpu->vm->mem, gpa_to_gfn(gpa)) == MEM_RAM) {
		if (mem_write(&vcpu->vm->mem, gpa, buf, bytes))
			return ops_no_memory(vcpu, generation);
		return EMUL_OK;
	}
	if (vcpu->apic && lapic_mmio_covers(vcpu, gpa)) {
		lapic_mmio_write(vcpu, gpa, buf, bytes);
		return EMUL_OK;
	}
	if (io_bus_write(&vcpu->vm->io.memory, vcpu, gpa, bytes, buf))
		return EMUL_OK;
	return io_post_mmio(vcpu, gpa, buf, bytes) ? EMUL_POSTED : EMUL_UNHANDLEABLE;
}

static enum emul_result ops_write(struct emul_ctxt *ctxt, gva_t gva, const void *buf,
				  unsigned int bytes, unsigned int flags)
{
	enum emul_result res;
	gpa_t gpa;

	res = ops_translate(ctxt, gva, flags, &gpa);
	if (res != EMUL_OK)
		return res;
	return ops_write_gpa(ops_vcpu(ctxt), gpa, buf, bytes);
}

static enum emul_result ops_compare_exchange(struct emul_ctxt *ctxt, gva_t gva,
					     void *old, const void *new,
					     unsigned int bytes)
{
	struct vcpu *vcpu = ops_vcpu(ctxt);
	enum emul_result res;
	u64 generation;
	gpa_t gpa;

	res = ops_translate(ctxt, gva, EMUL_ACC_WRITE, &gpa);
	if (res != EMUL_OK)
		return res;
	generation = mem_generation(&vcpu->vm->mem);
	if (mem_backing(&vcpu->vm->mem, gpa_to_gfn(gpa)) != MEM_RAM) {
		/* A device has no atomic access; 16 bytes are two pieces. */
		if (bytes == 16) {
			res = ops_write_gpa(vcpu, gpa, new, 8);
			if (res != EMUL_OK && res != EMUL_POSTED)
				return res;
			return ops_write_gpa(vcpu, gpa + 8, new + 8, 8);
		}
		return ops_write_gpa(vcpu, gpa, new, bytes);
	}
	switch (mem_cmpxchg(&vcpu->vm->mem, gpa, old, new, bytes)) {
	case 1:
		return EMUL_OK;
	case 0:
		return EMUL_AGAIN;
	default:
		return ops_no_memory(vcpu, generation);
	}
}

static enum emul_result ops_probe(struct emul_ctxt *ctxt, gva_t gva,
				  unsigned int bytes, unsigned int flags)
{
	gva_t last = gva + bytes - 1;
	enum emul_result res;
	gpa_t gpa;

	res = ops_translate(ctxt, gva, flags & ~EMUL_ACC_HINT, &gpa);
	if (res != EMUL_OK || !((gva ^ last) & PAGE_MASK))
		return res;
	return ops_translate(ctxt, last & PAGE_MASK, flags & ~EMUL_ACC_HINT, &gpa);
}

static enum emul_result ops_pio_in(struct emul_ctxt *ctxt, u16 port, unsigned int size,
				   unsigned int count)
{
	struct vcpu_io *io = &ops_vcpu(ctxt)->io;
	unsigned int done;

	if (io->port_done) {
		io->port_done = false;
		return EMUL_OK;
	}
	io->port = port;
	io->port_size = size;
	io->port_count = count;
	io->port_in = true;
	done = io_offer_ports(ops_vcpu(ctxt), io);
	if (!done)
		return EMUL_IO_NEEDED;
	/* Its device went away in between: nobody drives the lines any more. */
	memset(ctxt->pio_buf + done * size, 0xff, (count - done) * size);
	io->port_count = 0;
	return EMUL_OK;
}

static enum emul_result ops_pio_out(struct emul_ctxt *ctxt, u16 port, unsigned int size,
				    unsigned int count)
{
	struct vcpu_io *io = &ops_vcpu(ctxt)->io;
	unsigned int done;

	io->port = port;
	io->port_size = size;
	io->port_count = count;
	io->port_in = false;
	done = io_offer_ports(ops_vcpu(ctxt), io);
	io->port_count -= done;
	if (!io->port_count)
		return EMUL_OK;
	/* From the first that no device here took, all are user space's. */
	memmove(ctxt->pio_buf, ctxt->pio_buf + done * size, io->port_count * size);
	return EMUL_POSTED;
}

static_assert((int)EMUL_ES == (int)VCPU_SEG_ES && (int)EMUL_GS == (int)VCPU_SEG_GS &&
	      (int)EMUL_TR == (int)VCPU_SEG_TR && (int)EMUL_LDTR == (int)VCPU_SEG_LDTR);
static_assert((int)EMUL_RSP == (int)VCPU_RSP && (int)EMUL_R15 == (int)VCPU_R15);

static void ops_get_segment(struct emul_ctxt *ctxt, enum emul_seg seg,
			    struct emul_segment *segment)
{
	struct kvm_segment s;

	vendor->get_segment(ops_vcpu(ctxt), &s, (enum vcpu_seg)seg);
	segment->selector = s.selector;
	segment->base = s.base;
	segment->limit = s.limit;
	segment->attr = 0;
	if (!s.unusable)
		segment->attr = s.type | s.s << 4 | s.dpl << 5 | s.present << 7 |
				s.avl << 8 | s.l << 9 | s.db << 10 | s.g << 11;
}

static void ops_set_segment(struct emul_ctxt *ctxt, enum emul_seg seg,
			    const struct emul_segment *segment)
{
	u16 attr = segment->attr;
	struct kvm_segment s = {
		.base = segment->base,
		.limit = segment->limit,
		.selector = segment->selector,
		.type = attr & EMUL_ATTR_TYPE,
		.s = !!(attr & EMUL_ATTR_S),
		.dpl = (attr & EMUL_ATTR_DPL) >> EMUL_ATTR_DPL_SHIFT,
		.present = !!(attr & EMUL_ATTR_P),
		.avl = !!(attr & EMUL_ATTR_AVL),
		.l = !!(attr & EMUL_ATTR_L),
		.db = !!(attr & EMUL_ATTR_DB),
		.g = !!(attr & EMUL_ATTR_G),
		.unusable = !(attr & EMUL_ATTR_P),
	};

	vendor->set_segment(ops_vcpu(ctxt), &s, (enum vcpu_seg)seg);
}

static void ops_get_dtable(struct emul_ctxt *ctxt, enum emul_dtable_reg reg,
			   struct emul_dtable *dtable)
{
	struct kvm_dtable dt;

	if (reg == EMUL_GDTR)
		vendor->get_gdt(ops_vcpu(ctxt), &dt);
	else
		vendor->get_idt(ops_vcpu(ctxt), &dt);
	dtable->base = dt.base;
	dtable->limit = dt.limit;
}

static void ops_set_dtable(struct emul_ctxt *ctxt, enum emul_dtable_reg reg,
			   const struct emul_dtable *dtable)
{
	struct kvm_dtable dt = { .base = dtable->base, .limit = dtable->limit };

	if (reg == EMUL_GDTR)
		vendor->set_gdt(ops_vcpu(ctxt), &dt);
	else
		vendor->set_idt(ops_vcpu(ctxt), &dt);
}

static u64 ops_get_cr(struct emul_ctxt *ctxt, unsigned int nr)
{
	struct vcpu *vcpu = ops_vcpu(ctxt);

	switch (nr) {
	case 0:
		return vcpu->cr0;
	case 2:
		return vcpu->cr2;
	case 3:
		return vcpu->cr3;
	case 4:
		return vcpu->cr4;
	default:
		return regs_get_cr8(vcpu);
	}
}

/* Register writes answer 0, or what becomes #GP(0). */
static enum emul_result ops_result(struct emul_ctxt *ctxt, int ret)
{
	if (!ret)
		return EMUL_OK;
	if (ret == -EPERM)
		return emul_fault(ctxt, EMUL_EXC_UD);
	return emul_fault_code(ctxt, EMUL_EXC_GP, 0);
}

static enum emul_result ops_set_cr(struct emul_ctxt *ctxt, unsigned int nr, u64 value)
{
	struct vcpu *vcpu = ops_vcpu(ctxt);

	switch (nr) {
	case 0:
		return ops_result(ctxt, regs_set_cr0(vcpu, value));
	case 2:
		vcpu->cr2 = value;
		return EMUL_OK;
	case 3:
		return ops_result(ctxt, regs_set_cr3(vcpu, value));
	case 4:
		return ops_result(ctxt, regs_set_cr4(vcpu, value));
	default:
		return ops_result(ctxt, regs_set_cr8(vcpu, value));
	}
}

/* DR7.GD: MOV DR raises #DB, whose handler may then use the registers. */
static bool ops_dr_detected(struct vcpu *vcpu)
{
	if (likely(!(vcpu->dr7 & DR7_GENERAL_DETECT)))
		return false;
	vcpu->dr7 &= ~DR7_GENERAL_DETECT;
	vcpu->dr6 |= DR6_GENERAL_DETECT;
	vendor->dr_changed(vcpu);
	return true;
}

static enum emul_result ops_get_dr(struct emul_ctxt *ctxt, unsigned int nr, u64 *value)
{
	if (ops_dr_detected(ops_vcpu(ctxt)))
		return emul_fault(ctxt, EMUL_EXC_DB);
	return ops_result(ctxt, regs_get_dr(ops_vcpu(ctxt), nr, value));
}

static enum emul_result ops_set_dr(struct emul_ctxt *ctxt, unsigned int nr, u64 value)
{
	if (ops_dr_detected(ops_vcpu(ctxt)))
		return emul_fault(ctxt, EMUL_EXC_DB);
	return ops_result(ctxt, regs_set_dr(ops_vcpu(ctxt), nr, value));
}

/* RDMSR and WRMSR are subject to user space's filter, RDTSC and SYSCALL are not. */
static bool ops_is_msr_insn(const struct emul_ctxt *ctxt)
{
	return ctxt->insn.code == 0x0f30 || ctxt->insn.code == 0x0f32;
}

static enum emul_result ops_get_msr(struct emul_ctxt *ctxt, u32 index, u64 *value)
{
	struct vcpu *vcpu = ops_vcpu(ctxt);
	int ret;

	if (ops_is_msr_insn(ctxt))
		ret = msr_guest_get(vcpu, index, value);
	else
		ret = msr_get(vcpu, index, false, value);
	return ops_result(ctxt, ret ? -EINVAL : 0);
}

static enum emul_result ops_set_msr(struct emul_ctxt *ctxt, u32 index, u64 value)
{
	struct vcpu *vcpu = ops_vcpu(ctxt);
	int ret;

	if (ops_is_msr_insn(ctxt))
		ret = msr_guest_set(vcpu, index, value);
	else
		ret = msr_set(vcpu, index, false, value);
	return ops_result(ctxt, ret ? -EINVAL : 0);
}

/* No performance counters are offered. */
static enum emul_result ops_rdpmc(struct emul_ctxt *ctxt, u32 index, u64 *value)
{
	return ops_result(ctxt, -EINVAL);
}

static enum emul_result ops_xsetbv(struct emul_ctxt *ctxt, u32 index, u64 value)
{
	return ops_result(ctxt, regs_set_xcr(ops_vcpu(ctxt), index, value));
}

static void ops_cpuid(struct emul_ctxt *ctxt, u32 regs[4])
{
	cpuid_execute(ops_vcpu(ctxt), &regs[0], &regs[1], &regs[2], &regs[3]);
}

static void ops_invlpg(struct emul_ctxt *ctxt, gva_t gva)
{
	vendor->flush_tlb_gva(ops_vcpu(ctxt), gva);
}

static enum emul_result ops_notice(struct emul_ctxt *ctxt, enum emul_notice notice)
{
	struct vcpu *vcpu = ops_vcpu(ctxt);

	switch (notice) {
	case EMUL_NOTICE_HLT:
		vcpu->io.halt = true;
		break;
	case EMUL_NOTICE_IRET:
		vendor->set_nmi_mask(vcpu, false);
		/* The next NMI may be waiting. */
		vcpu_request(vcpu, VCPU_REQ_EVENT);
		break;
	case EMUL_NOTICE_HYPERCALL:
		hypercall_execute(vcpu);
		break;
	case EMUL_NOTICE_WBINVD:
	case EMUL_NOTICE_PAUSE:
		break;
	}
	return EMUL_OK;
}

static void ops_read_xmm(struct emul_ctxt *ctxt, unsigned int nr, void *buf)
{
	guest_fpu_read_xmm(ops_vcpu(ctxt)->fpu, nr, buf);
}

static void ops_write_xmm(struct emul_ctxt *ctxt, unsigned int nr, const void *buf)
{
	guest_fpu_write_xmm(ops_vcpu(ctxt)->fpu, nr, buf);
}

const struct emul_ops emulate_ops = {
	.fetch = ops_fetch,
	.read = ops_read,
	.write = ops_write,
	.compare_exchange = ops_compare_exchange,
	.probe = ops_probe,
	.pio_in = ops_pio_in,
	.pio_out = ops_pio_out,
	.get_segment = ops_get_segment,
	.set_segment = ops_set_segment,
	.get_dtable = ops_get_dtable,
	.set_dtable = ops_set_dtable,
	.get_cr = ops_get_cr,
	.set_cr = ops_set_cr,
	.get_dr = ops_get_dr,
	.set_dr = ops_set_dr,
	.get_msr = ops_get_msr,
	.set_msr = ops_set_msr,
	.rdpmc = ops_rdpmc,
	.xsetbv = ops_xsetbv,
	.cpuid = ops_cpuid,
	.invlpg = ops_invlpg,
	.notice = ops_notice,
	.read_xmm = ops_read_xmm,
	.write_xmm = ops_write_xmm,
};
