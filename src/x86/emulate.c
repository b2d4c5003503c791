// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions that software executes, from the exit to the next entry.
 *
 * An instruction that needs user space's answer stays in vcpu->emul while the
 * exit is under way: complete_user_io executes it again, with the answer.  One
 * that posted writes is done; user space is given them one by one before the
 * guest goes on.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kvm.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/processor-flags.h>

#include "../vendor/vendor.h"
#include "emulate.h"
#include "machine.h"
#include "regs.h"

/* Opcode 0f 01, and the ModRM bytes of its two hypercalls. */
#define EMULATE_GROUP_SYSTEM	0x0f01
#define EMULATE_VMCALL		0xc1
#define EMULATE_VMMCALL		0xd9

/* The guest's instructions run on this CPU, so they are emulated as its own. */
static u8 emulate_cpu_flags(void)
{
	u8 flags = 0;

	if (boot_cpu_data.x86_vendor != X86_VENDOR_INTEL)
		flags |= EMUL_CPU_AMD;
	if (boot_cpu_has(X86_FEATURE_BMI1))
		flags |= EMUL_CPU_TZCNT;
	if (boot_cpu_has(X86_FEATURE_ABM))
		flags |= EMUL_CPU_LZCNT;
	if (boot_cpu_has(X86_FEATURE_CR8_LEGACY))
		flags |= EMUL_CPU_LOCK_CR8;
	return flags;
}

int emulate_vcpu_create(struct vcpu *vcpu)
{
	struct emul_ctxt *ctxt = kzalloc(sizeof(*ctxt), GFP_KERNEL_ACCOUNT);

	if (!ctxt)
		return -ENOMEM;
	emul_init(ctxt, &emulate_ops);
	ctxt->gpr = vcpu->regs;
	ctxt->pio_buf = io_port_data(vcpu);
	ctxt->pio_buf_bytes = PAGE_SIZE;
	ctxt->cpu = emulate_cpu_flags();
	vcpu->emul = ctxt;
	return 0;
}

void emulate_vcpu_destroy(struct vcpu *vcpu)
{
	kfree(vcpu->emul);
	vcpu->emul = NULL;
}

gpa_t emulate_translate(struct vcpu *vcpu, gva_t gva, u32 access,
			struct mmu_exception *exc)
{
	struct mmu *mmu = &vcpu->root_mmu;
	struct mmu_regs regs;

	/* With tdp the guest loads CR3 without asking, and PKRU always. */
	if (vcpu_take_request(vcpu, VCPU_REQ_MMU_REGS) ||
	    mmu->walker.regs.cr3 != vcpu->cr3 || mmu->walker.regs.pkru != vcpu->pkru) {
		regs_mmu(vcpu, &regs);
		mmu_set_regs(mmu, &regs);
	}
	return mmu_translate(mmu, gva, access, exc);
}

/* Fill the emulator's state group from the vCPU. */
static void emulate_load(struct vcpu *vcpu, gpa_t gpa, const u8 *insn, unsigned int len)
{
	struct emul_ctxt *ctxt = vcpu->emul;
	bool l, db;

	vendor->get_cs_mode(vcpu, &l, &db);
	ctxt->mode = emul_mode_of(vcpu->cr0, vcpu->rflags, vcpu_long_mode(vcpu),
				  (l ? EMUL_ATTR_L : 0) | (db ? EMUL_ATTR_DB : 0));
	ctxt->cpl = vendor->get_cpl(vcpu);
	ctxt->va_bits = vcpu->cr4 & X86_CR4_LA57 ? 57 : 48;
	ctxt->rip = vcpu_rip(vcpu);
	ctxt->rflags = vcpu->rflags;

	ctxt->fetched_bytes = min_t(unsigned int, len, EMUL_INSN_BYTES_MAX);
	memcpy(ctxt->fetched, insn, ctxt->fetched_bytes);
	ctxt->has_hint = gpa != INVALID_GPA;
	ctxt->hint_gpa = gpa;
	ctxt->posted = false;

	vcpu->io.rflags = vcpu->rflags;
	vcpu->io.nr_mmio = 0;
	vcpu->io.next_mmio = 0;
	vcpu->io.read_done = false;
	vcpu->io.port_count = 0;
	vcpu->io.port_done = false;
	vcpu->io.halt = false;
}

static int emulate_finish(struct vcpu *vcpu, enum emul_result res);

static int emulate_again(struct vcpu *vcpu)
{
	enum emul_result res;
	int idx;

	if (vcpu->io.port_count) {
		vcpu->io.port_count = 0;
		vcpu->io.port_done = true;
	} else {
		io_take_mmio(vcpu);
	}

	/* Other registers instead of an answer: the instruction begins anew. */
	if (vcpu_rip(vcpu) != vcpu->emul->rip || vcpu->rflags != vcpu->emul->rflags)
		return EXIT_RESUME;

	idx = mem_read_lock(&vcpu->vm->mem);
	res = emul_execute(vcpu->emul);
	mem_read_unlock(&vcpu->vm->mem, idx);
	return emulate_finish(vcpu, res);
}

/* The instruction is done and user space has seen its accesses. */
static int emulate_done(struct vcpu *vcpu)
{
	if (unlikely(vcpu->io.halt)) {
		vcpu->io.halt = false;
		return emulate_halt(vcpu);
	}
	return regs_instruction_done(vcpu, vcpu->io.rflags);
}

static int emulate_posted(struct vcpu *vcpu)
{
	struct vcpu_io *io = &vcpu->io;

	if (io->next_mmio < io->nr_mmio && ++io->next_mmio < io->nr_mmio) {
		vcpu->complete_user_io = emulate_posted;
		return io_exit_mmio(vcpu);
	}
	io->nr_mmio = 0;
	io->next_mmio = 0;
	io->port_count = 0;
	return emulate_done(vcpu);
}

static int emulate_exit_user(struct vcpu *vcpu, int (*complete)(struct vcpu *vcpu))
{
	vcpu->complete_user_io = complete;
	return vcpu->io.port_count ? io_exit_port(vcpu) : io_exit_mmio(vcpu);
}

static int emulate_fault(struct vcpu *vcpu)
{
	const struct emul_exception *exc = &vcpu->emul->exception;
	struct mmu_exception fault;

	if (exc->vector == PF_VECTOR) {
		fault.address = exc->address;
		fault.error_code = exc->error;
		event_raise_page_fault(vcpu, &fault);
	} else if (exc->has_error) {
		event_raise_error(vcpu, exc->vector, exc->error);
	} else {
		event_raise(vcpu, exc->vector);
	}
	return EXIT_RESUME;
}

/*
 * The vendor injects soft events as the instruction does, from RIP at it; a
 * privileged one is a trap, with RIP behind it.
 */
static int emulate_soft_int(struct vcpu *vcpu)
{
	const struct emul_exception *exc = &vcpu->emul->exception;

	switch (exc->soft) {
	case EMUL_SOFT_INTERRUPT:
		event_requeue_interrupt(vcpu, exc->vector, true);
		break;
	case EMUL_SOFT_EXCEPTION:
		event_raise(vcpu, exc->vector);
		break;
	case EMUL_SOFT_PRIVILEGED:
		vcpu_set_rip(vcpu, vcpu->emul->rip);
		event_raise_debug(vcpu, 0);
		break;
	}
	return EXIT_RESUME;
}

static int emulate_failed(struct vcpu *vcpu)
{
	struct emul_ctxt *ctxt = vcpu->emul;
	struct kvm_run *run = vcpu->run;

	/* A process in the guest must not be able to stop its machine. */
	if (ctxt->cpl == 3) {
		event_raise(vcpu, UD_VECTOR);
		return EXIT_RESUME;
	}

	pr_warn_once("cannot emulate %*ph at %#llx\n", ctxt->fetched_bytes,
		     ctxt->fetched, ctxt->rip);
	vcpu_count(vcpu, VCPU_STAT_NOT_EMULATED);
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.ndata = 3;
	run->emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	run->emulation_failure.insn_size = ctxt->fetched_bytes;
	memset(run->emulation_failure.insn_bytes, 0x90,
	       sizeof(run->emulation_failure.insn_bytes));
	memcpy(run->emulation_failure.insn_bytes, ctxt->fetched, ctxt->fetched_bytes);
	return EXIT_USER;
}

static void emulate_commit(struct vcpu *vcpu, enum emul_result res)
{
	struct emul_ctxt *ctxt = vcpu->emul;
	u32 shadow = 0, before;
	bool opened;

	if (unlikely(res == EMUL_SOFT_INT))
		return;
	opened = ctxt->rflags & ~vcpu->rflags & X86_EFLAGS_IF;
	vcpu_set_rip(vcpu, ctxt->rip);
	vcpu->rflags = ctxt->rflags;
	if (res != EMUL_OK)
		return;
	if (ctxt->shadow & EMUL_SHADOW_STI)
		shadow |= KVM_X86_SHADOW_INT_STI;
	if (ctxt->shadow & EMUL_SHADOW_MOV_SS)
		shadow |= KVM_X86_SHADOW_INT_MOV_SS;
	before = vendor->get_interrupt_shadow(vcpu);
	if (unlikely(shadow != before))
		vendor->set_interrupt_shadow(vcpu, shadow);
	/* Which instruction may have let an interrupt in?  Few, and no access. */
	if (unlikely(opened || before))
		vcpu_request(vcpu, VCPU_REQ_EVENT);
}

static int emulate_finish(struct vcpu *vcpu, enum emul_result res)
{
	struct emul_ctxt *ctxt = vcpu->emul;

	emulate_commit(vcpu, res);
	switch (res) {
	case EMUL_OK:
		if (ctxt->posted)
			return emulate_exit_user(vcpu, emulate_posted);
		return emulate_done(vcpu);
	case EMUL_AGAIN:
		/* Single steps of a string instruction are its iterations. */
		if (ctxt->posted)
			return emulate_exit_user(vcpu, emulate_posted);
		return emulate_done(vcpu);
	case EMUL_IO_NEEDED:
		return emulate_exit_user(vcpu, emulate_again);
	case EMUL_FAULT:
		return emulate_fault(vcpu);
	case EMUL_SOFT_INT:
		return emulate_soft_int(vcpu);
	case EMUL_RETRY:
		return EXIT_RESUME;
	default:
		return emulate_failed(vcpu);
	}
}

int emulate_instruction(struct vcpu *vcpu, gpa_t gpa, bool write, const u8 *insn,
			unsigned int len)
{
	enum emul_result res;
	int idx;

	vcpu_count(vcpu, VCPU_STAT_EMULATED);
	emulate_load(vcpu, gpa, insn, len);
	vcpu->io.hint_write = write;
	idx = mem_read_lock(&vcpu->vm->mem);
	res = emul_decode(vcpu->emul);
	if (res == EMUL_OK)
		res = emul_execute(vcpu->emul);
	mem_read_unlock(&vcpu->vm->mem, idx);
	return emulate_finish(vcpu, res);
}

/* Decode what is at RIP, and do nothing else. */
static enum emul_result emulate_decode(struct vcpu *vcpu)
{
	enum emul_result res;
	int idx;

	emulate_load(vcpu, INVALID_GPA, NULL, 0);
	idx = mem_read_lock(&vcpu->vm->mem);
	res = emul_decode(vcpu->emul);
	mem_read_unlock(&vcpu->vm->mem, idx);
	return res;
}

/* RIP moves behind what emulate_decode() found. */
static void emulate_pass(struct vcpu *vcpu)
{
	struct emul_ctxt *ctxt = vcpu->emul;

	emul_skip(ctxt);
	vcpu_set_rip(vcpu, ctxt->rip);
	vcpu->rflags = ctxt->rflags;
}

bool emulate_skip(struct vcpu *vcpu)
{
	enum emul_result res = emulate_decode(vcpu);

	if (res == EMUL_OK || (res == EMUL_UNHANDLEABLE && emul_insn_length(vcpu->emul))) {
		emulate_pass(vcpu);
		return true;
	}
	if (res == EMUL_FAULT)
		emulate_fault(vcpu);
	else
		event_raise(vcpu, UD_VECTOR);
	return false;
}

bool emulate_skip_hypercall(struct vcpu *vcpu)
{
	const struct emul_insn *insn = &vcpu->emul->insn;

	if (emulate_decode(vcpu) != EMUL_OK || insn->code != EMULATE_GROUP_SYSTEM ||
	    (insn->modrm != EMULATE_VMCALL && insn->modrm != EMULATE_VMMCALL))
		return false;
	emulate_pass(vcpu);
	vendor->set_interrupt_shadow(vcpu, 0);
	return true;
}

int emulate_halt(struct vcpu *vcpu)
{
	if (!vcpu->apic) {
		vcpu->run->exit_reason = KVM_EXIT_HLT;
		return EXIT_USER;
	}
	vcpu->mp_state = KVM_MP_STATE_HALTED;
	return EXIT_RESUME;
}

int emulate_hlt_exit(struct vcpu *vcpu)
{
	u64 rflags = vcpu->rflags;
	int ret;

	if (!vendor->skip_instruction(vcpu))
		return EXIT_RESUME;
	ret = regs_instruction_done(vcpu, rflags);
	if (ret != EXIT_RESUME)
		return ret;
	return emulate_halt(vcpu);
}

int emulate_xsetbv_exit(struct vcpu *vcpu)
{
	u64 rflags = vcpu->rflags;

	if (vendor->get_cpl(vcpu) ||
	    regs_set_xcr(vcpu, (u32)vcpu->regs[VCPU_RCX], vcpu_edx_eax(vcpu))) {
		event_raise_error(vcpu, GP_VECTOR, 0);
		return EXIT_RESUME;
	}
	if (!vendor->skip_instruction(vcpu))
		return EXIT_RESUME;
	return regs_instruction_done(vcpu, rflags);
}

int emulate_invd_exit(struct vcpu *vcpu)
{
	u64 rflags = vcpu->rflags;

	if (!vendor->skip_instruction(vcpu))
		return EXIT_RESUME;
	return regs_instruction_done(vcpu, rflags);
}
