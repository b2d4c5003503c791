// SPDX-License-Identifier: GPL-2.0-only
/*
 * Register state by ioctl: what is set is what is got back, and what no CPU can be in is refused. (What a guest sees
 * of it is tested where guests run.)
 */
#include "test.h"

#include <errno.h>
#include <string.h>

#define BAD_POINTER ((void *)0x10)
#define CR0_PE (1ull << 0)
#define CR0_NW (1ull << 29)
#define CR0_CD (1ull << 30)
#define CR0_PG (1ull << 31)
#define CR4_PAE (1ull << 5)
#define EFER_LME (1ull << 8)
#define EFER_LMA (1ull << 10)

FIXTURE(vcpu) {
	struct vm vm;
	struct vcpu *vcpu;
	int fd;
};

FIXTURE_SETUP(vcpu)
{
	vm_create(&self->vm, 0);
	self->vcpu = vcpu_create(&self->vm, 0);
	self->fd = self->vcpu->fd;
}

FIXTURE_TEARDOWN(vcpu)
{
	vm_destroy(&self->vm);
}

TEST_F(vcpu, reset_state)
{
	struct kvm_sregs s;
	struct kvm_regs r;

	vcpu_get_regs(self->vcpu, &r);
	vcpu_get_sregs(self->vcpu, &s);
	EXPECT_EQ(0xfff0, r.rip);
	EXPECT_EQ(2, r.rflags);
	EXPECT_EQ(0, r.rsp);
	EXPECT_EQ(0xf000, s.cs.selector);
	EXPECT_EQ(0xffff0000, s.cs.base);
	EXPECT_EQ(0xffff, s.cs.limit);
	EXPECT_EQ(0x60000010, s.cr0);
	EXPECT_EQ(0, s.cr4);
	EXPECT_EQ(0, s.efer);
	EXPECT_EQ(0xffff, s.gdt.limit);
	EXPECT_EQ(0xffff, s.idt.limit);
	EXPECT_EQ(0xfee00000, s.apic_base & ~0xfffull);
}

TEST_F(vcpu, general_registers)
{
	struct kvm_regs set, got;
	u64 *word = (u64 *)&set;
	u32 i;

	for (i = 0; i < sizeof(set) / 8; i++)
		word[i] = 0x0123456789abcdefull * (i + 1);
	set.rflags = 0x246;
	set.rip = 0x7ffffffff000ull;
	vcpu_set_regs(self->vcpu, &set);
	memset(&got, 0, sizeof(got));
	vcpu_get_regs(self->vcpu, &got);
	EXPECT_EQ(0, memcmp(&set, &got, sizeof(set)));
	/* bit 1 of RFLAGS is always set */
	set.rflags = 0;
	vcpu_set_regs(self->vcpu, &set);
	vcpu_get_regs(self->vcpu, &got);
	EXPECT_EQ(2, got.rflags);
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_GET_REGS, BAD_POINTER));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_SET_REGS, BAD_POINTER));
}

static void expect_segment(struct __test_metadata *_metadata, const struct kvm_segment *a, const struct kvm_segment *b)
{
	EXPECT_EQ(a->base, b->base);
	EXPECT_EQ(a->limit, b->limit);
	EXPECT_EQ(a->selector, b->selector);
	EXPECT_EQ(a->type, b->type);
	EXPECT_EQ(a->present, b->present);
	EXPECT_EQ(a->dpl, b->dpl);
	EXPECT_EQ(a->db, b->db);
	EXPECT_EQ(a->s, b->s);
	EXPECT_EQ(a->l, b->l);
	EXPECT_EQ(a->g, b->g);
	EXPECT_EQ(a->avl, b->avl);
}

static void expect_sregs(struct __test_metadata *_metadata, const struct kvm_sregs *a, const struct kvm_sregs *b)
{
	expect_segment(_metadata, &a->cs, &b->cs);
	expect_segment(_metadata, &a->ds, &b->ds);
	expect_segment(_metadata, &a->es, &b->es);
	expect_segment(_metadata, &a->fs, &b->fs);
	expect_segment(_metadata, &a->gs, &b->gs);
	expect_segment(_metadata, &a->ss, &b->ss);
	expect_segment(_metadata, &a->tr, &b->tr);
	expect_segment(_metadata, &a->ldt, &b->ldt);
	EXPECT_EQ(a->gdt.base, b->gdt.base);
	EXPECT_EQ(a->gdt.limit, b->gdt.limit);
	EXPECT_EQ(a->idt.base, b->idt.base);
	EXPECT_EQ(a->idt.limit, b->idt.limit);
	EXPECT_EQ(a->cr0, b->cr0);
	EXPECT_EQ(a->cr2, b->cr2);
	EXPECT_EQ(a->cr3, b->cr3);
	EXPECT_EQ(a->cr4, b->cr4);
	EXPECT_EQ(a->cr8, b->cr8);
	EXPECT_EQ(a->efer, b->efer);
	EXPECT_EQ(a->apic_base, b->apic_base);
}

FIXTURE(sregs) {
	struct vm vm;
	struct vcpu *vcpu;
	int fd;
};

FIXTURE_VARIANT(sregs) {
	enum cpu_mode mode;
};

FIXTURE_VARIANT_ADD(sregs, real) { .mode = MODE_REAL };
FIXTURE_VARIANT_ADD(sregs, flat32) { .mode = MODE_FLAT32 };
FIXTURE_VARIANT_ADD(sregs, pse) { .mode = MODE_PSE32 };
FIXTURE_VARIANT_ADD(sregs, pae) { .mode = MODE_PAE };
FIXTURE_VARIANT_ADD(sregs, long_mode) { .mode = MODE_LONG };

FIXTURE_SETUP(sregs)
{
	vm_create(&self->vm, 0);
	self->vcpu = vcpu_create(&self->vm, 0);
	self->fd = self->vcpu->fd;
	vcpu_set_mode(self->vcpu, variant->mode);
}

FIXTURE_TEARDOWN(sregs)
{
	vm_destroy(&self->vm);
}

TEST_F(sregs, roundtrip)
{
	struct kvm_sregs set, got;

	vcpu_get_sregs(self->vcpu, &set);
	set.cr2 = 0x123456789000;
	set.cr8 = 5;
	set.fs.base = 0x7f0012345000;
	set.gs.base = 0xffff888000000000;
	set.gdt.base = 0xffffc90000001000;
	set.gdt.limit = 0x7f;
	set.idt.base = 0xfffffe0000000000;
	set.idt.limit = 0xfff;
	set.ldt.base = 0x5000;
	set.ldt.limit = 0x17;
	set.ldt.selector = 0x48;
	set.ldt.type = 2;
	set.ldt.present = 1;
	set.tr.base = 0x6000;
	set.tr.selector = 0x30;
	set.ds.limit = 0xffffffff;
	set.ds.g = 1;
	set.ds.avl = 1;
	vcpu_set_sregs(self->vcpu, &set);
	memset(&got, 0x5a, sizeof(got));
	vcpu_get_sregs(self->vcpu, &got);
	expect_sregs(_metadata, &set, &got);
	EXPECT_EQ(0, got.interrupt_bitmap[0] | got.interrupt_bitmap[1] | got.interrupt_bitmap[2]);
}

TEST_F(sregs, roundtrip2)
{
	struct kvm_sregs2 set = {}, got = {};

	if (!vm_has(&self->vm, KVM_CAP_SREGS2))
		SKIP(return, "KVM_CAP_SREGS2 is not reported");
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_SREGS2, &set));
	EXPECT_EQ(variant->mode == MODE_PAE, set.flags & KVM_SREGS2_FLAGS_PDPTRS_VALID);
	set.cr2 = 0x4000;
	set.fs.base = 0x1234000;
	if (variant->mode == MODE_PAE) {
		EXPECT_EQ(*(u64 *)vm_hva(&self->vm, set.cr3 + 16), set.pdptrs[2]);
		set.pdptrs[2] = 0x345000 | 1;
	}
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_SET_SREGS2, &set));
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_SREGS2, &got));
	EXPECT_EQ(0, memcmp(&set, &got, sizeof(set)));
	set.flags |= 1ull << 40;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_SET_SREGS2, &set));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_SET_SREGS2, BAD_POINTER));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_GET_SREGS2, BAD_POINTER));
}

static long try_sregs(struct vcpu *vcpu, const struct kvm_sregs *sregs)
{
	return kvm_ioctl(vcpu->fd, KVM_SET_SREGS, (void *)sregs);
}

TEST_F(vcpu, impossible_control_registers)
{
	struct kvm_sregs good, got, s;
	int bit;

	vcpu_set_mode(self->vcpu, MODE_LONG);
	vcpu_get_sregs(self->vcpu, &good);
	/* bits of CR4 that no processor has */
	for (bit = 28; bit < 64; bit++) {
		if (bit == 32)	/* FRED, one day */
			continue;
		s = good;
		s.cr4 |= 1ull << bit;
		EXPECT_EQ(-EINVAL, try_sregs(self->vcpu, &s));
	}
	s = good;
	s.cr4 |= 1ull << 15;
	EXPECT_EQ(-EINVAL, try_sregs(self->vcpu, &s));
	/* long mode needs PAE; LMA needs LME and PG */
	s = good;
	s.cr4 &= ~CR4_PAE;
	EXPECT_EQ(-EINVAL, try_sregs(self->vcpu, &s));
	s = good;
	s.efer &= ~EFER_LMA;
	EXPECT_EQ(-EINVAL, try_sregs(self->vcpu, &s));
	s = good;
	s.cr0 &= ~CR0_PG;
	EXPECT_EQ(-EINVAL, try_sregs(self->vcpu, &s));
	s = good;
	s.efer &= ~EFER_LME;
	EXPECT_EQ(-EINVAL, try_sregs(self->vcpu, &s));
	/* CR3 beyond the physical address width */
	s = good;
	s.cr3 |= 1ull << 51;
	EXPECT_EQ(-EINVAL, try_sregs(self->vcpu, &s));
	/* nothing of it was kept */
	vcpu_get_sregs(self->vcpu, &got);
	expect_sregs(_metadata, &good, &got);
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_GET_SREGS, BAD_POINTER));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_SET_SREGS, BAD_POINTER));
}

/* what stock KVM takes here differs between versions; whatever is taken, the vCPU must not run in that state */
TEST_F(vcpu, doubtful_control_registers)
{
	struct kvm_sregs good, s;

	vcpu_set_mode(self->vcpu, MODE_FLAT32);
	vcpu_get_sregs(self->vcpu, &good);
	s = good;
	s.cr0 = (s.cr0 & ~CR0_PE) | CR0_PG;
	if (!try_sregs(self->vcpu, &s)) {
		EXPECT_EQ(0, vcpu_run(self->vcpu));
		EXPECT_NE(KVM_EXIT_HLT, self->vcpu->run->exit_reason);
	}
	s = good;
	s.cr0 = (s.cr0 & ~CR0_CD) | CR0_NW;
	if (!try_sregs(self->vcpu, &s)) {
		EXPECT_EQ(0, vcpu_run(self->vcpu));
		EXPECT_NE(KVM_EXIT_HLT, self->vcpu->run->exit_reason);
	}
}

TEST_F(vcpu, fpu)
{
	struct kvm_fpu set, got;
	int i;

	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_FPU, &got));
	EXPECT_EQ(0x37f, got.fcw);
	set = got;
	set.fcw = 0x27f;
	set.fsw = 0x3800;
	set.mxcsr = 0x1fa0;
	set.last_ip = 0x1234;
	for (i = 0; i < 8; i++)
		memset(set.fpr[i], 0x11 * i, 10);
	for (i = 0; i < 16; i++)
		memset(set.xmm[i], 0x80 + i, 16);
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_SET_FPU, &set));
	memset(&got, 0, sizeof(got));
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_FPU, &got));
	EXPECT_EQ(set.fcw, got.fcw);
	EXPECT_EQ(set.fsw, got.fsw);
	EXPECT_EQ(set.last_ip, got.last_ip);
	for (i = 0; i < 8; i++)
		EXPECT_EQ(0, memcmp(set.fpr[i], got.fpr[i], 10));
	EXPECT_EQ(0, memcmp(set.xmm, got.xmm, sizeof(set.xmm)));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_GET_FPU, BAD_POINTER));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_SET_FPU, BAD_POINTER));
}

#define XSTATE_BV 128	/* index of the header's first word, in 32-bit words */

TEST_F(vcpu, xsave)
{
	struct kvm_xsave *set = calloc(2, 4096), *got = calloc(2, 4096);

	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_XSAVE, set));
	memset(&set->region[40], 0xa5, 16 * 16);	/* XMM */
	set->region[0] = 0x37f;
	set->region[6] = 0x1f80;
	set->region[XSTATE_BV] |= 3;
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_SET_XSAVE, set));
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_XSAVE, got));
	EXPECT_EQ(0, memcmp(&set->region[40], &got->region[40], 256));
	EXPECT_EQ(3, got->region[XSTATE_BV] & 3);
	/* a component that does not exist, a reserved bit of MXCSR */
	set->region[XSTATE_BV + 1] |= 1 << 29;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_SET_XSAVE, set));
	set->region[XSTATE_BV + 1] &= ~(1 << 29);
	set->region[6] = 0x80001f80;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_SET_XSAVE, set));
	memset(got, 0, 4096);
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_XSAVE, got));
	EXPECT_EQ(0x1f80, got->region[6]);
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_GET_XSAVE, BAD_POINTER));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_SET_XSAVE, BAD_POINTER));
}

TEST_F(vcpu, xsave2)
{
	int size = vm_has(&self->vm, KVM_CAP_XSAVE2);
	struct kvm_xsave *area;

	if (!size)
		SKIP(return, "KVM_CAP_XSAVE2 is not reported");
	EXPECT_LE((int)sizeof(*area), size);
	area = calloc(1, size);
	EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_GET_XSAVE2, area));
	EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_SET_XSAVE, area));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_GET_XSAVE2, BAD_POINTER));
	free(area);
}

TEST_F(vcpu, xcrs)
{
	struct kvm_xcrs set = {}, got = {};

	if (!vm_has(&self->vm, KVM_CAP_XCRS))
		SKIP(return, "KVM_CAP_XCRS is not reported");
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_XCRS, &got));
	EXPECT_EQ(1, got.nr_xcrs);
	EXPECT_EQ(0, got.xcrs[0].xcr);
	EXPECT_EQ(1, got.xcrs[0].value);
	set = got;
	set.xcrs[0].value = 3;
	EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_SET_XCRS, &set));
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_XCRS, &got));
	EXPECT_EQ(3, got.xcrs[0].value);
	set.xcrs[0].value = 2;		/* x87 is not optional */
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_SET_XCRS, &set));
	set.xcrs[0].value = 5;		/* AVX needs SSE */
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_SET_XCRS, &set));
	set.xcrs[0].value = 1ull << 61 | 1;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_SET_XCRS, &set));
	set.nr_xcrs = KVM_MAX_XCRS + 1;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_SET_XCRS, &set));
	set = got;
	set.flags = 1;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_SET_XCRS, &set));
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_XCRS, &got));
	EXPECT_EQ(3, got.xcrs[0].value);
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_GET_XCRS, BAD_POINTER));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_SET_XCRS, BAD_POINTER));
}

TEST_F(vcpu, debug_registers)
{
	struct kvm_debugregs set = {}, got;
	int i;

	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_DEBUGREGS, &got));
	EXPECT_EQ(0x400, got.dr7);
	EXPECT_EQ(0xffff0ff0, got.dr6);
	for (i = 0; i < 4; i++)
		set.db[i] = 0x1000 + i;
	set.dr6 = 0xffff0ff3;
	set.dr7 = 0x455;
	EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_SET_DEBUGREGS, &set));
	memset(&got, 0x5a, sizeof(got));
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_DEBUGREGS, &got));
	EXPECT_EQ(0, memcmp(&set, &got, sizeof(set)));
	set.dr7 |= 1ull << 32;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_SET_DEBUGREGS, &set));
	set.dr7 = 0x400;
	set.dr6 |= 1ull << 32;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_SET_DEBUGREGS, &set));
	set.dr6 = 0xffff0ff0;
	set.flags = 1;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_SET_DEBUGREGS, &set));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_GET_DEBUGREGS, BAD_POINTER));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_SET_DEBUGREGS, BAD_POINTER));
}

TEST_F(vcpu, translate)
{
	struct kvm_translation tr = { .linear_address = 0x700000000123ull };

	vcpu_set_mode(self->vcpu, MODE_LONG);
	vm_map(&self->vm, 0x700000000000ull, 0x345000, PAGE_SIZE, 3);
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_TRANSLATE, &tr));
	EXPECT_EQ(1, tr.valid);
	EXPECT_EQ(0x345123, tr.physical_address);
	tr.linear_address = 0x123456;
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_TRANSLATE, &tr));
	EXPECT_EQ(1, tr.valid);
	EXPECT_EQ(0x123456, tr.physical_address);
	tr.linear_address = 0x710000000000ull;
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_TRANSLATE, &tr));
	EXPECT_EQ(0, tr.valid);
	/* a walk, no access to the page: never dirty */
	EXPECT_EQ(0x345000 | 3, *vm_pte(&self->vm, 0x700000000000ull) & ~0x20ull);
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_TRANSLATE, BAD_POINTER));
}

TEST_F(vcpu, apic_base)
{
	struct kvm_sregs good, s;

	vcpu_get_sregs(self->vcpu, &good);
	s = good;
	s.apic_base |= 1ull << 50;
	EXPECT_EQ(-EINVAL, try_sregs(self->vcpu, &s));
	s = good;
	s.apic_base |= 1;
	EXPECT_EQ(-EINVAL, try_sregs(self->vcpu, &s));
	s = good;
	s.apic_base |= 1 << 9;
	EXPECT_EQ(-EINVAL, try_sregs(self->vcpu, &s));
}

TEST_HARNESS_MAIN
