// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD-V: is it there, and on and off for one CPU.
 *
 * EFER.SVME is on from load to unload.  While it is, each CPU has two pages for
 * the host's state: the one that VMRUN and #VMEXIT use by themselves
 * (VM_HSAVE_PA), and the one of VMSAVE and VMLOAD, which svm_vmrun() fills and
 * reads on each entry.  The per-CPU structure itself is static: its generation of
 * ASIDs outlives CPUs that go and come back.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cc_platform.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <asm/asm.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor.h>

#include "internal.h"
#include "svm.h"

#define SVM_CPUID_FEATURES	0x8000000au
#define SVM_CPUID_SIZES		0x80000008u
#define SVM_VM_CR_DISABLED	BIT_ULL(4)

struct svm_host svm_host __ro_after_init;
DEFINE_PER_CPU(struct svm_percpu, svm_percpu);

static int svm_check_cpu_model(void)
{
	if (boot_cpu_data.x86_vendor != X86_VENDOR_AMD &&
	    boot_cpu_data.x86_vendor != X86_VENDOR_HYGON)
		return -ENODEV;
	if (cpu_feature_enabled(X86_FEATURE_XENPV))
		return -ENODEV;
	if (boot_cpu_data.extended_cpuid_level < SVM_CPUID_FEATURES ||
	    !(cpuid_ecx(0x80000001) & BIT(2)))
		return -ENODEV;
	return 0;
}

static int svm_check_platform(void)
{
	if (!(cpuid_edx(SVM_CPUID_FEATURES) & SVM_FEATURE_NPT)) {
		pr_err("AMD-V without nested paging is not supported\n");
		return -EOPNOTSUPP;
	}
	if (cc_platform_has(CC_ATTR_MEM_ENCRYPT)) {
		pr_err("not supported while memory encryption is on\n");
		return -EOPNOTSUPP;
	}
	/* Nested paging has as many levels as the host's own. */
	if (pgtable_l5_enabled()) {
		pr_err("not supported with 5-level page tables; boot with no5lvl\n");
		return -EOPNOTSUPP;
	}
	return 0;
}

/* CPUs on which detection found ... */
struct svm_found {
	atomic_t disabled, used;
};

static void svm_look(void *data)
{
	struct svm_found *found = data;
	u64 vm_cr = native_read_msr(MSR_VM_CR);
	u64 efer = native_read_msr(MSR_EFER);

	if (vm_cr & SVM_VM_CR_DISABLED)
		atomic_inc(&found->disabled);
	if (efer & EFER_SVME)
		atomic_inc(&found->used);
}

static int svm_detect(void)
{
	struct svm_found found = { ATOMIC_INIT(0), ATOMIC_INIT(0) };
	int ret;

	ret = svm_check_cpu_model();
	if (!ret)
		ret = svm_check_platform();
	if (ret)
		return ret;

	on_each_cpu(svm_look, &found, 1);
	if (atomic_read(&found.disabled)) {
		pr_err("AMD-V is disabled by the firmware\n");
		return -EOPNOTSUPP;
	}
	if (atomic_read(&found.used)) {
		pr_err("AMD-V is in use already; unload kvm_amd or whoever uses it\n");
		return -EBUSY;
	}
	return 0;
}

static u64 svm_spec_ctrl_bits(void)
{
	u32 ebx = cpuid_ebx(SVM_CPUID_SIZES);
	u64 bits = 0;

	if (ebx & BIT(14))
		bits |= SPEC_CTRL_IBRS;
	if (ebx & BIT(15))
		bits |= SPEC_CTRL_STIBP;
	if (ebx & BIT(24))
		bits |= SPEC_CTRL_SSBD;
	if (ebx & BIT(28))
		bits |= BIT_ULL(7);	/* PSFD */
	return bits;
}

static int svm_setup(bool tdp)
{
	u32 features = cpuid_edx(SVM_CPUID_FEATURES);

	if (!tdp) {
		pr_err("tdp=0: this version has no shadow paging\n");
		return -EOPNOTSUPP;
	}
	svm_host = (struct svm_host) {
		.nr_asids = cpuid_ebx(SVM_CPUID_FEATURES),
		.nrips = features & SVM_FEATURE_NRIPS,
		.flush_by_asid = features & SVM_FEATURE_FLUSH_BY_ASID,
		.decode_assists = features & SVM_FEATURE_DECODE_ASSISTS,
		.pause_filter = features & SVM_FEATURE_PAUSE_FILTER,
		.pause_threshold = features & SVM_FEATURE_PAUSE_THRESHOLD,
		.tsc_aux = boot_cpu_has(X86_FEATURE_RDTSCP) ||
			   boot_cpu_has(X86_FEATURE_RDPID),
		.spec_ctrl_valid = svm_spec_ctrl_bits(),
		/* QEMU's own emulation (7.2) aborts when a guest does that. */
		.cr8_exits_in_window = hypervisor_cpuid_base("TCGTCGTCGTCG", 0),
	};
	if (svm_host.nr_asids < 2) {
		pr_err("AMD-V offers no address space identifiers\n");
		return -EOPNOTSUPP;
	}
	svm_host.iopm = (void *)__get_free_pages(GFP_KERNEL, SVM_IOPM_ORDER);
	if (!svm_host.iopm)
		return -ENOMEM;
	memset(svm_host.iopm, 0xff, SVM_IOPM_SIZE);
	svm_host.iopm_pa = __pa(svm_host.iopm);
	return 0;
}

static void svm_teardown(void)
{
	free_pages((unsigned long)svm_host.iopm, SVM_IOPM_ORDER);
}

static void svm_mmu_caps(struct mmu_caps *caps)
{
	caps->format = &pt_format_4level;
	caps->max_leaf = boot_cpu_has(X86_FEATURE_GBPAGES) ? PT_LEVEL_1G : PT_LEVEL_2M;
	caps->phys_bits = boot_cpu_data.x86_phys_bits;
	caps->nx = boot_cpu_has(X86_FEATURE_NX);
}

static int svm_cpu_alloc(unsigned int cpu)
{
	struct svm_percpu *percpu = per_cpu_ptr(&svm_percpu, cpu);

	percpu->hsave = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_ZERO, 0);
	percpu->area = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_ZERO, 0);
	if (percpu->hsave && percpu->area) {
		percpu->host_area = page_to_phys(percpu->area);
		return 0;
	}
	if (percpu->hsave)
		__free_page(percpu->hsave);
	if (percpu->area)
		__free_page(percpu->area);
	return -ENOMEM;
}

static void svm_cpu_free(unsigned int cpu)
{
	struct svm_percpu *percpu = per_cpu_ptr(&svm_percpu, cpu);

	__free_page(percpu->hsave);
	__free_page(percpu->area);
}

static int svm_cpu_enable(void)
{
	struct svm_percpu *cpu = this_cpu_ptr(&svm_percpu);
	u64 efer = native_read_msr(MSR_EFER);

	if (efer & EFER_SVME)
		return -EBUSY;
	native_wrmsrl(MSR_EFER, efer | EFER_SVME);
	native_wrmsrl(MSR_VM_HSAVE_PA, page_to_phys(cpu->hsave));

	cpu->running = 0;
	svm_asid_cpu_reset(cpu);
	if (svm_host.tsc_aux)
		cpu->host_tsc_aux = native_read_msr(MSR_TSC_AUX);
	cpu->tsc_aux = cpu->host_tsc_aux;
	return 0;
}

static void svm_cpu_disable(void)
{
	u64 efer = native_read_msr(MSR_EFER);

	if (!(efer & EFER_SVME))
		return;
	/* A crash may have begun anywhere, and nobody returns to user space. */
	if (!in_nmi())
		svm_tsc_aux_unload(this_cpu_ptr(&svm_percpu));
	/* With GIF clear an INIT would be held back for ever. */
	asm volatile("1: stgi\n\t"
		     "2:\n\t"
		     _ASM_EXTABLE(1b, 2b)
		     : : : "memory");
	native_wrmsrl(MSR_VM_HSAVE_PA, 0);
	native_wrmsrl(MSR_EFER, efer & ~EFER_SVME);
}

const struct vendor_ops svm_ops = {
	.name = "AMD-V",

	.detect = svm_detect,
	.setup = svm_setup,
	.teardown = svm_teardown,
	.mmu_caps = svm_mmu_caps,
	.cpu_enable = svm_cpu_enable,
	.cpu_disable = svm_cpu_disable,
	.cpu_alloc = svm_cpu_alloc,
	.cpu_free = svm_cpu_free,

	.vm_init = svm_vm_init,
	.vm_destroy = svm_vm_destroy,
	.vcpu_create = svm_vcpu_create,
	.vcpu_destroy = svm_vcpu_destroy,
	.vcpu_reset = svm_vcpu_reset,
	.cpuid_changed = svm_cpuid_changed,

	.enter = svm_enter,
	.handle_exit = svm_handle_exit,
	.exit_info = svm_exit_info,
	.skip_instruction = svm_skip_instruction,

	.get_segment = svm_get_segment,
	.set_segment = svm_set_segment,
	.get_cs_mode = svm_get_cs_mode,
	.get_cpl = svm_get_cpl,
	.get_gdt = svm_get_gdt,
	.set_gdt = svm_set_gdt,
	.get_idt = svm_get_idt,
	.set_idt = svm_set_idt,
	.cr0_changed = svm_cr0_changed,
	.cr3_changed = svm_cr3_changed,
	.cr4_changed = svm_cr4_changed,
	.efer_changed = svm_efer_changed,
	.dr_changed = svm_dr_changed,
	.root_changed = svm_root_changed,

	.get_msr = svm_get_msr,
	.set_msr = svm_set_msr,
	.msr_intercept = svm_msr_intercept,

	.inject_exception = svm_inject_exception,
	.inject_interrupt = svm_inject_interrupt,
	.inject_nmi = svm_inject_nmi,
	.interrupt_allowed = svm_interrupt_allowed,
	.nmi_allowed = svm_nmi_allowed,
	.open_interrupt_window = svm_open_interrupt_window,
	.open_nmi_window = svm_open_nmi_window,
	.cancel_injection = svm_cancel_injection,
	.get_interrupt_shadow = svm_get_interrupt_shadow,
	.set_interrupt_shadow = svm_set_interrupt_shadow,
	.get_nmi_mask = svm_get_nmi_mask,
	.set_nmi_mask = svm_set_nmi_mask,
	.tpr_changed = svm_tpr_changed,

	.flush_tlb = svm_flush_tlb,
	.flush_tlb_gva = svm_flush_tlb_gva,
	.tsc_offset_changed = svm_tsc_offset_changed,

	.cpuid_filter = svm_cpuid_filter,
	.hypercall_insn = { 0x0f, 0x01, 0xd9 },
	.dump = svm_dump,
};
