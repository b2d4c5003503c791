// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers through kvm_run (KVM_CAP_SYNC_REGS): what the VMM asks for is there after an exit, what it marks dirty is
 * taken over at the next entry.
 */
#include "test.h"

#include <errno.h>
#include <string.h>

#define ALL (KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS)

FIXTURE(sync) {
	struct vm vm;
	struct vcpu *vcpu;
	struct kvm_run *run;
};

SNIPPET(count, ".code16\n1:	inc %bx\n	out %ax, $0x80\n	jmp 1b\n");

FIXTURE_SETUP(sync)
{
	vm_create(&self->vm, 0);
	self->vcpu = vcpu_create(&self->vm, 0);
	self->run = self->vcpu->run;
	PUT_SNIPPET(&self->vm, REAL_BASE, count);
	vcpu_set_mode(self->vcpu, MODE_REAL);
	vcpu_set_entry(self->vcpu, REAL_BASE, 0x8000);
}

FIXTURE_TEARDOWN(sync)
{
	vm_destroy(&self->vm);
}

TEST_F(sync, what_is_offered)
{
	EXPECT_EQ(ALL, vm_has(&self->vm, KVM_CAP_SYNC_REGS) & ALL);
}

TEST_F(sync, unknown_sets)
{
	self->run->kvm_valid_regs = 1u << 30;
	EXPECT_EQ(-EINVAL, vcpu_run(self->vcpu));
	self->run->kvm_valid_regs = 0;
	self->run->kvm_dirty_regs = 1u << 30;
	EXPECT_EQ(-EINVAL, vcpu_run(self->vcpu));
	self->run->kvm_dirty_regs = 0;
	ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
}

TEST_F(sync, after_an_exit)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_vcpu_events events;

	self->run->kvm_valid_regs = ALL;
	ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
	vcpu_get_regs(self->vcpu, &regs);
	vcpu_get_sregs(self->vcpu, &sregs);
	kvm_must(self->vcpu->fd, KVM_GET_VCPU_EVENTS, &events);
	EXPECT_EQ(1, self->run->s.regs.regs.rbx);
	EXPECT_EQ(0, memcmp(&regs, &self->run->s.regs.regs, sizeof(regs)));
	EXPECT_EQ(0, memcmp(&sregs, &self->run->s.regs.sregs, sizeof(sregs)));
	EXPECT_EQ(0, memcmp(&events, &self->run->s.regs.events, sizeof(events)));
	/* nothing asked, nothing written */
	self->run->kvm_valid_regs = 0;
	self->run->s.regs.regs.rbx = 0xaaaa;
	ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
	EXPECT_EQ(0xaaaa, self->run->s.regs.regs.rbx);
}

TEST_F(sync, before_an_entry)
{
	self->run->kvm_valid_regs = ALL;
	ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
	self->run->s.regs.regs.rbx = 0x100;
	ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
	EXPECT_EQ(2, self->run->s.regs.regs.rbx);
	self->run->s.regs.regs.rbx = 0x100;
	self->run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
	ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
	EXPECT_EQ(0, self->run->kvm_dirty_regs);
	EXPECT_EQ(0x101, self->run->s.regs.regs.rbx);
	self->run->s.regs.sregs.es.selector = 0x1000;
	self->run->s.regs.sregs.es.base = 0x10000;
	self->run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
	ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
	EXPECT_EQ(0x10000, self->run->s.regs.sregs.es.base);
	self->run->s.regs.sregs.cr4 = 1ull << 40;
	self->run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
	EXPECT_EQ(-EINVAL, vcpu_run(self->vcpu));
}

TEST_HARNESS_MAIN
