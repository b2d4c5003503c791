// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest runs in each mode of the CPU: real, protected without paging, two-level and PAE paging, long mode; started
 * there by the VMM, and by its own steps from real mode up to long mode and back down.
 *
 * Each start makes the same: it reads a number that the VMM put in memory, adds, writes the sum to another place, and
 * reports by OUT. Paging modes also read through a page that is mapped elsewhere.
 */
#include "test.h"

#define PORT 0x80
#define INPUT 0x3000
#define OUTPUT 0x4000

SNIPPET(real_code,
	".code16\n"
	"	mov 0x3000, %eax\n"
	"	add $0x1234, %eax\n"
	"	mov %eax, 0x4000\n"
	"	push %cs\n"			/* the stack works */
	"	pop %bx\n"
	"	mov $0x1000, %cx\n"		/* a segment's base is 16 times its selector */
	"	mov %cx, %es\n"
	"	mov %es:8, %ecx\n"
	"	out %eax, $0x80\n"
	"	hlt\n");

SNIPPET(code32,
	".code32\n"
	"	mov 0x3000, %eax\n"
	"	add $0x1234, %eax\n"
	"	mov %eax, 0x4000\n"
	"	push $0x55\n"
	"	pop %ebx\n"
	"	mov 0x40000000, %ecx\n"		/* backed by a remapped page in the paging modes */
	"	mov %ecx, 0x40000004\n"
	"	out %eax, $0x80\n"
	"	hlt\n");

FIXTURE(modes) {
	struct vm vm;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(modes)
{
	vm_create(&self->vm, 0);
	self->vcpu = vcpu_create(&self->vm, 0);
	*(u32 *)vm_hva(&self->vm, INPUT) = 0x10000000;
}

FIXTURE_TEARDOWN(modes)
{
	vm_destroy(&self->vm);
}

static void expect_sum(struct __test_metadata *_metadata, struct vcpu *vcpu)
{
	ASSERT_RUN(vcpu, KVM_EXIT_IO);
	EXPECT_EQ(PORT, vcpu->run->io.port);
	EXPECT_EQ(4, vcpu->run->io.size);
	EXPECT_EQ(KVM_EXIT_IO_OUT, vcpu->run->io.direction);
	EXPECT_EQ(0x10001234, io_value(vcpu));
	EXPECT_EQ(0x10001234, *(u32 *)vm_hva(vcpu->vm, OUTPUT));
}

TEST_F(modes, real)
{
	struct kvm_regs regs;

	PUT_SNIPPET(&self->vm, REAL_BASE, real_code);
	*(u32 *)vm_hva(&self->vm, 0x10008) = 0xabcd1234;
	vcpu_set_mode(self->vcpu, MODE_REAL);
	vcpu_set_entry(self->vcpu, REAL_BASE, 0x8000);
	expect_sum(_metadata, self->vcpu);
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(0, regs.rbx & 0xffff);
	EXPECT_EQ(0xabcd1234, regs.rcx);
	ASSERT_RUN(self->vcpu, KVM_EXIT_HLT);
}

/* the reset state: the first instruction comes from f000:fff0 below 4 GiB */
TEST_F(modes, reset_vector)
{
	u8 *rom = host_memory(64 * 1024, PAGE_SIZE);
	static const u8 code[] = { 0xb0, 0x5a, 0xe6, 0x80, 0xf4 };	/* mov $0x5a, %al; out %al, $0x80; hlt */

	__builtin_memcpy(rom + 0xfff0, code, sizeof(code));
	ASSERT_EQ(0, vm_slot(&self->vm, 1, KVM_MEM_READONLY, 0xffff0000, 64 * 1024, rom));
	ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
	EXPECT_EQ(1, self->vcpu->run->io.size);
	EXPECT_EQ(0x5a, io_value(self->vcpu));
	ASSERT_RUN(self->vcpu, KVM_EXIT_HLT);
}

static void run_code32(struct __test_metadata *_metadata, struct vcpu *vcpu, u64 remapped)
{
	struct kvm_regs regs;

	*(u32 *)vm_hva(vcpu->vm, remapped) = 0x77665544;
	PUT_SNIPPET(vcpu->vm, REAL_BASE, code32);
	vcpu_set_entry(vcpu, REAL_BASE, 0x8000);
	expect_sum(_metadata, vcpu);
	vcpu_get_regs(vcpu, &regs);
	EXPECT_EQ(0x55, regs.rbx);
	EXPECT_EQ(0x77665544, regs.rcx);
	EXPECT_EQ(0x77665544, ((u32 *)vm_hva(vcpu->vm, remapped))[1]);
	ASSERT_RUN(vcpu, KVM_EXIT_HLT);
}

TEST_F(modes, flat32)
{
	u8 *high = host_memory(2 * MiB, 2 * MiB);

	ASSERT_EQ(0, vm_slot(&self->vm, 1, 0, 0x40000000, 2 * MiB, high));
	*(u32 *)high = 0x99887766;
	vcpu_set_mode(self->vcpu, MODE_FLAT32);
	PUT_SNIPPET(&self->vm, REAL_BASE, code32);
	vcpu_set_entry(self->vcpu, REAL_BASE, 0x8000);
	expect_sum(_metadata, self->vcpu);
	EXPECT_EQ(0x99887766, ((u32 *)high)[1]);
}

TEST_F(modes, paging_pse)
{
	u32 *directory, *table;
	struct kvm_sregs s;

	vcpu_set_mode(self->vcpu, MODE_PSE32);
	vcpu_get_sregs(self->vcpu, &s);
	directory = vm_hva(&self->vm, s.cr3);
	table = vm_hva(&self->vm, 0x100000);
	table[0] = 0x200000 | 7;
	directory[0x40000000 >> 22] = 0x100000 | 7;
	run_code32(_metadata, self->vcpu, 0x200000);
	/* the CPU marks what it used */
	EXPECT_EQ(0x200000 | 7 | 0x60, table[0]);
	EXPECT_EQ(0x100000 | 7 | 0x20, directory[0x40000000 >> 22]);
}

TEST_F(modes, paging_pae)
{
	u64 *pointers, *directory, *table;
	struct kvm_sregs s;

	vcpu_set_mode(self->vcpu, MODE_PAE);
	vcpu_get_sregs(self->vcpu, &s);
	pointers = vm_hva(&self->vm, s.cr3);
	directory = vm_hva(&self->vm, pointers[1] & ~0xfffull);
	table = vm_hva(&self->vm, 0x100000);
	table[0] = 0x200000 | 7;
	directory[0] = 0x100000 | 7;
	run_code32(_metadata, self->vcpu, 0x200000);
	EXPECT_EQ(0x200000 | 7 | 0x60, table[0]);
	EXPECT_EQ(0x100000 | 7 | 0x20, directory[0]);
}

static volatile u64 long_words[4];

static void long_guest(u64 argument)
{
	volatile u64 *remapped = (void *)0x7f0000000000ull;
	u16 cs;

	asm volatile("mov %%cs, %0" : "=r"(cs));
	GUEST_EXPECT_EQ(SEL_CODE64, cs);
	long_words[1] = long_words[0] + argument;
	GUEST_EXPECT_EQ(0x1122334455667788ull, remapped[0]);
	remapped[1] = remapped[0] + 1;
	guest_sync2(1, long_words[1]);
	/* a non-canonical address is #GP, an unmapped one #PF with CR2 */
	GUEST_EXPECT_EQ(13, GUEST_TRY("movq $0, (%0)", OUTPUTS(), "r"(0x8000000000000000ull)));
	GUEST_EXPECT_EQ(14, GUEST_TRY("movq $0, (%0)", OUTPUTS(), "r"(0x600000000010ull)));
	GUEST_EXPECT_EQ(0x600000000010ull, guest_this_cpu()->try_cr2);
	GUEST_EXPECT_EQ(2, guest_this_cpu()->try_error);
}

TEST_F(modes, long_mode)
{
	vcpu_set_guest(self->vcpu, long_guest, 0x1000);
	vm_map(&self->vm, 0x7f0000000000ull, 0x200000, PAGE_SIZE, 3);
	*guest_copy(&self->vm, long_words[0]) = 0xfedcba9800000000ull;
	*(u64 *)vm_hva(&self->vm, 0x200000) = 0x1122334455667788ull;
	EXPECT_EQ(0xfedcba9800001000ull, call_wait_sync(self->vcpu, 1));
	EXPECT_EQ(0x1122334455667789ull, ((u64 *)vm_hva(&self->vm, 0x200000))[1]);
	call_wait_done(self->vcpu);
	EXPECT_EQ(0x200000 | 3 | 0x60, *vm_pte(&self->vm, 0x7f0000000000ull));
}

/*
 * From real mode to protected mode, PAE paging, compatibility and 64-bit mode, then down again, all by the guest. Each
 * stage reports a letter. Absolute addresses hold because the code is put at REAL_BASE (0x1000); tables stand at
 * 0x10000: one PML4 and one pointer table to a PAE directory that maps the first 2 MiB. The PAE tables proper start
 * at 0x11000, where the entries' low bits are as PAE wants them.
 */
SNIPPET(climb,
	".code16\n"
	"	mov $'r', %al\n	out %al, $0x80\n"
	"	cli\n"
	"	lgdtl 0x1000 + (climb_gdtr - climb_begin)\n"
	"	mov %cr0, %eax\n	or $1, %al\n	mov %eax, %cr0\n"
	"	ljmpl $0x08, $0x1000 + (climb_32 - climb_begin)\n"
	"climb_32: .code32\n"
	"	mov $0x10, %eax\n	mov %eax, %ds\n	mov %eax, %ss\n	mov %eax, %es\n"
	"	mov $'p', %al\n	out %al, $0x80\n"
	"	mov %cr4, %eax\n	or $0x20, %eax\n	mov %eax, %cr4\n"
	"	mov $0x11000, %eax\n	mov %eax, %cr3\n"
	"	mov %cr0, %eax\n	or $0x80000000, %eax\n	mov %eax, %cr0\n"
	"	mov $'P', %al\n	out %al, $0x80\n"
	"	mov %cr0, %eax\n	and $0x7fffffff, %eax\n	mov %eax, %cr0\n"
	"	mov $0x10000, %eax\n	mov %eax, %cr3\n"
	"	mov $0xc0000080, %ecx\n	rdmsr\n	or $0x100, %eax\n	wrmsr\n"
	"	mov %cr0, %eax\n	or $0x80000000, %eax\n	mov %eax, %cr0\n"
	"	mov $'c', %al\n	out %al, $0x80\n"
	"	ljmp $0x18, $0x1000 + (climb_64 - climb_begin)\n"
	"climb_64: .code64\n"
	"	mov $0x123456789abcdef0, %r15\n"
	"	mov $0xc0000080, %ecx\n	rdmsr\n	mov %eax, %r14d\n"
	"	mov $'l', %al\n	out %al, $0x80\n"
	/* down: to compatibility mode by a far return, paging off, LME off, protection off */
	"	mov $0x7000, %esp\n"
	"	push $0x08\n	push $0x1000 + (climb_down - climb_begin)\n	lretq\n"
	"climb_down: .code32\n"
	"	mov %cr0, %eax\n	and $0x7fffffff, %eax\n	mov %eax, %cr0\n"
	"	mov $0xc0000080, %ecx\n	rdmsr\n	and $0xfffffeff, %eax\n	wrmsr\n"
	"	mov $'d', %al\n	out %al, $0x80\n"
	"	ljmp $0x20, $0x1000 + (climb_16 - climb_begin)\n"
	"climb_16: .code16\n"
	"	mov $0x28, %eax\n	mov %eax, %ds\n	mov %eax, %ss\n	mov %eax, %es\n"
	"	mov %cr0, %eax\n	and $0xfe, %al\n	mov %eax, %cr0\n"
	"	ljmp $0x100, $(climb_real - climb_begin)\n"	/* 0x100:offset is REAL_BASE + offset */
	"climb_real:\n"
	"	xor %eax, %eax\n	mov %eax, %ds\n"
	"	mov $'R', %al\n	out %al, $0x80\n	hlt\n"
	"	.balign 8\n"
	"climb_gdt:\n"
	"	.quad 0\n"
	"	.quad 0x00cf9b000000ffff\n"	/* 0x08 32-bit code */
	"	.quad 0x00cf93000000ffff\n"	/* 0x10 data */
	"	.quad 0x00af9b000000ffff\n"	/* 0x18 64-bit code */
	"	.quad 0x00009b000000ffff\n"	/* 0x20 16-bit code */
	"	.quad 0x000093000000ffff\n"	/* 0x28 16-bit data */
	"climb_gdtr:\n"
	"	.word climb_gdtr - climb_gdt - 1\n"
	"	.long 0x1000 + (climb_gdt - climb_begin)\n");

TEST_F(modes, from_real_to_long_and_back)
{
	static const char stages[] = "rpPcldR";
	struct vm *vm = &self->vm;
	struct kvm_sregs s;
	struct kvm_regs r;
	int i;

	PUT_SNIPPET(vm, REAL_BASE, climb);
	*(u64 *)vm_hva(vm, 0x10000) = 0x12000 | 3;
	*(u64 *)vm_hva(vm, 0x11000) = 0x13000 | 1;	/* PAE pointer */
	*(u64 *)vm_hva(vm, 0x12000) = 0x13000 | 3;	/* long mode pointer */
	*(u64 *)vm_hva(vm, 0x13000) = 0x83;
	vcpu_set_mode(self->vcpu, MODE_REAL);
	vcpu_set_entry(self->vcpu, REAL_BASE, 0x7000);
	for (i = 0; stages[i]; i++) {
		ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
		ASSERT_EQ(stages[i], io_value(self->vcpu)) {
			vcpu_dump(self->vcpu);
		}
		vcpu_get_sregs(self->vcpu, &s);
		vcpu_get_regs(self->vcpu, &r);
		EXPECT_EQ(stages[i] != 'r' && stages[i] != 'R', s.cr0 & 1);
		EXPECT_EQ(stages[i] == 'c' || stages[i] == 'l', s.efer >> 10 & 1);
		EXPECT_EQ(stages[i] == 'l', s.cs.l);
		if (stages[i] == 'l') {
			EXPECT_EQ(0x123456789abcdef0ull, r.r15);
			EXPECT_EQ(0x500, r.r14 & 0x500);
		}
	}
	ASSERT_RUN(self->vcpu, KVM_EXIT_HLT);
}

/* a 16-bit task in virtual 8086 mode under a protected mode monitor, entered by IRET */
SNIPPET(vm86,
	".code32\n"
	"	pushl $0\n	pushl $0\n	pushl $0x300\n	pushl $0x300\n"	/* gs, fs, ds, es */
	"	pushl $0\n	pushl $0x7000\n"				/* ss, esp */
	"	pushl $0x23002\n"						/* eflags: VM, IOPL 3 */
	"	pushl $0x100\n	pushl $(vm86_16 - vm86_begin)\n"		/* cs, eip */
	"	iret\n"
	"vm86_16: .code16\n"
	"	mov 0, %eax\n"		/* ds 0x300: gpa 0x3000 */
	"	mov $0xb800, %bx\n	mov %bx, %es\n"
	"	mov %eax, %es:4\n"	/* nobody's memory; not an OUT: the emulated CPU refuses those by mistake */
	"	jmp vm86_16\n");

TEST_F(modes, virtual_8086)
{
	struct kvm_sregs s;
	struct kvm_regs r;

	PUT_SNIPPET(&self->vm, REAL_BASE, vm86);
	ASSERT_EQ(0, vm_slot(&self->vm, RAM_SLOT, 0, 0, 0, NULL));
	ASSERT_EQ(0, vm_slot(&self->vm, RAM_SLOT, 0, 0, 0xa0000, self->vm.ram));
	vcpu_set_mode(self->vcpu, MODE_FLAT32);
	vcpu_set_entry(self->vcpu, REAL_BASE, 0x8000);
	ASSERT_RUN(self->vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(0xb8004, self->vcpu->run->mmio.phys_addr);
	EXPECT_EQ(4, self->vcpu->run->mmio.len);
	EXPECT_EQ(1, self->vcpu->run->mmio.is_write);
	EXPECT_EQ(0x10000000, *(u32 *)self->vcpu->run->mmio.data);
	vcpu_get_regs(self->vcpu, &r);
	vcpu_get_sregs(self->vcpu, &s);
	EXPECT_EQ(1, r.rflags >> 17 & 1);
	EXPECT_EQ(0x1000, s.cs.base);
	EXPECT_EQ(0x3000, s.ds.base);
}

TEST_HARNESS_MAIN
