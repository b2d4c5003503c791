// SPDX-License-Identifier: GPL-2.0-only
/*
 * Port and memory-mapped I/O that the VMM serves: all sizes, string forms, pieces of an access that crosses into or
 * out of a slot, read-only slots, and the instructions that guests use on device memory.
 *
 * Most tests give the guest a list of instructions and the VMM a small device: MMIO of up to one page at MMIO_BASE that
 * behaves as memory, and logs each access.
 */
#include "test.h"

#include <string.h>

#define LOG_SIZE 256

struct access {
	u64 gpa;
	u32 len;
	u32 is_write;
	u64 data;
};

struct device {
	u8 bytes[PAGE_SIZE];
	struct access log[LOG_SIZE];
	u32 count;
};

FIXTURE(io) {
	struct vm vm;
	struct vcpu *vcpu;
	struct device device;
};

FIXTURE_SETUP(io)
{
	vm_create(&self->vm, 0);
	self->vcpu = vcpu_create(&self->vm, 0);
}

FIXTURE_TEARDOWN(io)
{
	vm_destroy(&self->vm);
}

/* runs until an exit that is no MMIO to the device's page, serving those */
static u32 run_with_device(struct vcpu *vcpu, struct device *device)
{
	struct kvm_run *run = vcpu->run;

	for (;;) {
		u32 reason = vcpu_run_to_exit(vcpu);
		struct access *access = &device->log[device->count];
		u64 offset = run->mmio.phys_addr - MMIO_BASE;

		if (reason != KVM_EXIT_MMIO || offset >= PAGE_SIZE)
			return reason;
		if (device->count == LOG_SIZE || run->mmio.len > 8 || offset + run->mmio.len > PAGE_SIZE)
			die("a strange access of %u bytes at %#llx", run->mmio.len, run->mmio.phys_addr);
		if (run->mmio.is_write)
			memcpy(device->bytes + offset, run->mmio.data, run->mmio.len);
		else
			memcpy(run->mmio.data, device->bytes + offset, run->mmio.len);
		*access = (struct access){ run->mmio.phys_addr, run->mmio.len, run->mmio.is_write };
		memcpy(&access->data, run->mmio.data, run->mmio.len);
		device->count++;
	}
}

#define EXPECT_ACCESS(number, address, length, write, value) do {			\
	const struct access *access__ = &self->device.log[number];			\
	EXPECT_LT(number, self->device.count);						\
	EXPECT_EQ(address, access__->gpa);						\
	EXPECT_EQ(length, access__->len);						\
	EXPECT_EQ(write, access__->is_write);						\
	EXPECT_EQ(value, access__->data);						\
} while (0)

static u32 run_guest(struct vcpu *vcpu, struct device *device, void (*function)(u64))
{
	vcpu_set_guest(vcpu, function, MMIO_BASE);
	return run_with_device(vcpu, device);
}

#define ASSERT_GUEST_DONE(function) do {						\
	struct guest_call *call__;							\
	ASSERT_EQ(KVM_EXIT_IO, run_guest(self->vcpu, &self->device, function)) {	\
		vcpu_dump(self->vcpu);							\
	}										\
	call__ = call_of_exit(self->vcpu);						\
	ASSERT_NE(NULL, call__);							\
	ASSERT_EQ(CALL_DONE, call__->kind) {						\
		TH_LOG("guest line %lu: %s: %#lx %#lx %#lx %#lx", (long)call__->line, call__->text,	\
		       (long)call__->value[0], (long)call__->value[1], (long)call__->value[2],		\
		       (long)call__->value[3]);						\
	}										\
} while (0)

static void guest_sizes(u64 mmio)
{
	volatile u8 *p = (void *)mmio;

	*(volatile u8 *)(p + 0) = 0x11;
	*(volatile u16 *)(p + 2) = 0x2222;
	*(volatile u32 *)(p + 4) = 0x33333333;
	*(volatile u64 *)(p + 8) = 0x4444444444444444;
	GUEST_EXPECT_EQ(0x11, *(volatile u8 *)(p + 0));
	GUEST_EXPECT_EQ(0x2222, *(volatile u16 *)(p + 2));
	GUEST_EXPECT_EQ(0x33333333, *(volatile u32 *)(p + 4));
	GUEST_EXPECT_EQ(0x4444444444444444, *(volatile u64 *)(p + 8));
}

TEST_F(io, mmio_sizes)
{
	ASSERT_GUEST_DONE(guest_sizes);
	ASSERT_EQ(8, self->device.count);
	EXPECT_ACCESS(0, MMIO_BASE, 1, 1, 0x11);
	EXPECT_ACCESS(1, MMIO_BASE + 2, 2, 1, 0x2222);
	EXPECT_ACCESS(2, MMIO_BASE + 4, 4, 1, 0x33333333);
	EXPECT_ACCESS(3, MMIO_BASE + 8, 8, 1, 0x4444444444444444);
	EXPECT_ACCESS(4, MMIO_BASE, 1, 0, 0x11);
	EXPECT_ACCESS(5, MMIO_BASE + 2, 2, 0, 0x2222);
	EXPECT_ACCESS(6, MMIO_BASE + 4, 4, 0, 0x33333333);
	EXPECT_ACCESS(7, MMIO_BASE + 8, 8, 0, 0x4444444444444444);
}

static void guest_moves(u64 mmio)
{
	u64 value;

	*(volatile u8 *)mmio = 0x91;
	*(volatile u16 *)(mmio + 8) = 0x8182;
	*(volatile u32 *)(mmio + 16) = 0x81828384;
	asm volatile("movzbl (%1), %k0" : "=r"(value) : "r"(mmio));
	GUEST_EXPECT_EQ(0x91, value);
	asm volatile("movsbq (%1), %0" : "=r"(value) : "r"(mmio));
	GUEST_EXPECT_EQ(0xffffffffffffff91, value);
	asm volatile("movzwl 8(%1), %k0" : "=r"(value) : "r"(mmio));
	GUEST_EXPECT_EQ(0x8182, value);
	asm volatile("movswl 8(%1), %k0" : "=r"(value) : "r"(mmio));
	GUEST_EXPECT_EQ(0xffff8182, value);
	asm volatile("movslq 16(%1), %0" : "=r"(value) : "r"(mmio));
	GUEST_EXPECT_EQ(0xffffffff81828384, value);
	/* a 32-bit load clears the upper half, 8 and 16-bit loads keep what is above */
	asm volatile("mov $-1, %0; mov 16(%1), %k0" : "=&r"(value) : "r"(mmio));
	GUEST_EXPECT_EQ(0x81828384, value);
	asm volatile("mov $-1, %0; movw 8(%1), %w0" : "=&r"(value) : "r"(mmio));
	GUEST_EXPECT_EQ(0xffffffffffff8182, value);
	asm volatile("mov $0, %%eax; movb (%1), %%ah; mov %%rax, %0" : "=r"(value) : "r"(mmio) : "rax");
	GUEST_EXPECT_EQ(0x9100, value);
	asm volatile("movl $0x1234, 24(%0)" : : "r"(mmio) : "memory");
	GUEST_EXPECT_EQ(0x1234, *(volatile u32 *)(mmio + 24));
	asm volatile("movq $-2, 24(%0)" : : "r"(mmio) : "memory");
	GUEST_EXPECT_EQ(0xfffffffffffffffe, *(volatile u64 *)(mmio + 24));
	asm volatile("movabs %%eax, 0xd0000020" : : "a"(0x7654321) : "memory");
	asm volatile("movabs 0xd0000020, %%rax" : "=a"(value));
	GUEST_EXPECT_EQ(0x7654321, value);
}

TEST_F(io, mmio_moves)
{
	ASSERT_GUEST_DONE(guest_moves);
}

static void guest_addressing(u64 mmio)
{
	u64 value;

	*(volatile u32 *)(mmio + 0x40) = 0x51525354;
	asm volatile("mov 0x20(%1, %2, 4), %k0" : "=r"(value) : "r"(mmio), "r"(8ull));
	GUEST_EXPECT_EQ(0x51525354, value);
	asm volatile("mov -0x40(%1), %k0" : "=r"(value) : "r"(mmio + 0x80));
	GUEST_EXPECT_EQ(0x51525354, value);
	asm volatile("mov -0x80000000(%1), %k0" : "=r"(value) : "r"(mmio + 0x80000040));
	GUEST_EXPECT_EQ(0x51525354, value);
	asm volatile("mov (%k1), %k0" : "=r"(value) : "r"(mmio + 0x40 + 0x700000000ull));
	GUEST_EXPECT_EQ(0x51525354, value);
	asm volatile("mov (%1), %k0" : "=r"(value) : "R"(mmio + 0x40));
	GUEST_EXPECT_EQ(0x51525354, value);
	/* r12 and r13 as bases have encodings of their own */
	asm volatile("mov %1, %%r12; mov %1, %%r13; mov (%%r12), %%r14d; add (%%r13), %%r14d; mov %%r14, %0"
		     : "=r"(value) : "r"(mmio + 0x40) : "r12", "r13", "r14");
	GUEST_EXPECT_EQ((u32)(2 * 0x51525354u), value);
	/* GS adds its base, which is that of the vCPU's block */
	asm volatile("mov %%gs:(%1), %k0" : "=r"(value) : "r"(mmio + 0x40 - (u64)guest_this_cpu()));
	GUEST_EXPECT_EQ(0x51525354, value);
}

TEST_F(io, mmio_addressing)
{
	ASSERT_GUEST_DONE(guest_addressing);
}

#define ALU(instruction, start, operand, result, flags) do {				\
	u64 flags__;									\
	*(volatile u32 *)mmio = start;							\
	asm volatile("xor %%ecx, %%ecx; " instruction " %k2, (%1); pushf; pop %0"	\
		     : "=&r"(flags__) : "r"(mmio), "r"((u32)(operand)) : "rcx", "memory", "cc"); \
	GUEST_EXPECT_EQ(flags, flags__ & 0x8c5);						\
	GUEST_EXPECT_EQ(result, *(volatile u32 *)mmio);					\
} while (0)

static void guest_alu(u64 mmio)
{
	u64 value;

	/* carry 1, parity 4, zero 0x40, sign 0x80, overflow 0x800; auxiliary left out */
	ALU("addl", 0xffffffff, 1, 0, 0x45);
	ALU("addl", 0x7fffffff, 1, 0x80000000, 0x884);
	ALU("subl", 5, 7, 0xfffffffe, 0x81);
	ALU("andl", 0xf0f0, 0x0ff0, 0x00f0, 0x4);
	ALU("orl", 0x80000000, 1, 0x80000001, 0x80);
	ALU("xorl", 0x55555555, 0x55555555, 0, 0x44);
	ALU("cmpl", 5, 5, 5, 0x44);
	ALU("stc; adcl", 1, 1, 3, 0x4);
	ALU("stc; sbbl", 5, 1, 3, 0x4);
	ALU("testl", 0x80, 0x80, 0x80, 0);
	ALU("lock orl", 2, 4, 6, 0x4);
	*(volatile u32 *)mmio = 0xf;
	asm volatile("mov $1, %k0; add (%1), %k0" : "=&r"(value) : "r"(mmio));
	GUEST_EXPECT_EQ(0x10, value);
	asm volatile("orl $0x10, (%0); xorl $-1, (%0)" : : "r"(mmio) : "memory");
	GUEST_EXPECT_EQ(0xffffffe0, *(volatile u32 *)mmio);
	asm volatile("incl (%0); notl (%0); negl (%0); decl (%0)" : : "r"(mmio) : "memory");
	GUEST_EXPECT_EQ(0xffffffe1, *(volatile u32 *)mmio);
	asm volatile("orb $0x80, 1(%0); andw $0x7fff, (%0)" : : "r"(mmio) : "memory");
	GUEST_EXPECT_EQ(0xffff7fe1, *(volatile u32 *)mmio);
	asm volatile("shll $4, (%0); shrl $8, (%0)" : : "r"(mmio) : "memory");
	GUEST_EXPECT_EQ(0x00fff7fe, *(volatile u32 *)mmio);
	asm volatile("btsl $0, (%0); btrl $1, (%0); btcl $31, (%0)" : : "r"(mmio) : "memory");
	GUEST_EXPECT_EQ(0x80fff7fd, *(volatile u32 *)mmio);
	asm volatile("testl $0x80000000, (%1); setnz %b0; movzbl %b0, %k0" : "=q"(value) : "r"(mmio) : "cc");
	GUEST_EXPECT_EQ(1, value);
	asm volatile("cmpb $0xfd, (%1); sete (%1)" : "=q"(value) : "r"(mmio) : "cc", "memory");
	GUEST_EXPECT_EQ(1, *(volatile u8 *)mmio);
}

TEST_F(io, mmio_alu)
{
	ASSERT_GUEST_DONE(guest_alu);
}

static void guest_exchange(u64 mmio)
{
	u64 value;
	u32 low, high;
	u8 equal;

	*(volatile u32 *)mmio = 0x100;
	value = 0x200;
	asm volatile("xchg %k0, (%1)" : "+r"(value) : "r"(mmio) : "memory");
	GUEST_EXPECT_EQ(0x100, value);
	GUEST_EXPECT_EQ(0x200, *(volatile u32 *)mmio);
	asm volatile("lock xadd %k0, (%1)" : "+r"(value) : "r"(mmio) : "memory");
	GUEST_EXPECT_EQ(0x200, value);
	GUEST_EXPECT_EQ(0x300, *(volatile u32 *)mmio);
	/* equal: stored, ZF; not equal: loaded into EAX */
	value = 0x300;
	asm volatile("lock cmpxchg %k3, (%2); sete %1"
		     : "+a"(value), "=qm"(equal) : "r"(mmio), "r"(0x400) : "memory", "cc");
	GUEST_EXPECT_EQ(1, equal);
	GUEST_EXPECT_EQ(0x400, *(volatile u32 *)mmio);
	value = 1;
	asm volatile("lock cmpxchg %k3, (%2); sete %1"
		     : "+a"(value), "=qm"(equal) : "r"(mmio), "r"(0x500) : "memory", "cc");
	GUEST_EXPECT_EQ(0, equal);
	GUEST_EXPECT_EQ(0x400, value);
	GUEST_EXPECT_EQ(0x400, *(volatile u32 *)mmio);
	low = 0x400;
	high = 0;
	*(volatile u64 *)mmio = 0x400;
	asm volatile("lock cmpxchg8b (%3); sete %2" : "+a"(low), "+d"(high), "=qm"(equal)
		     : "r"(mmio), "b"(0x11111111), "c"(0x22222222) : "memory", "cc");
	GUEST_EXPECT_EQ(1, equal);
	GUEST_EXPECT_EQ(0x2222222211111111, *(volatile u64 *)mmio);
}

TEST_F(io, mmio_exchange)
{
	ASSERT_GUEST_DONE(guest_exchange);
}

static u8 string_buffer[64];

static void guest_strings(u64 mmio)
{
	u64 source = mmio, target = (u64)string_buffer, count = 4;
	int i;

	asm volatile("rep stosl" : "+D"(source), "+c"(count) : "a"(0x01020304) : "memory");
	GUEST_EXPECT_EQ(mmio + 16, source);
	GUEST_EXPECT_EQ(0, count);
	source = mmio;
	count = 2;
	asm volatile("rep movsq" : "+S"(source), "+D"(target), "+c"(count) : : "memory");
	for (i = 0; i < 16; i++)
		GUEST_EXPECT_EQ(4 - i % 4, string_buffer[i]);
	GUEST_EXPECT_EQ((u64)string_buffer + 16, target);
	for (i = 0; i < 64; i++)
		string_buffer[i] = i;
	source = (u64)string_buffer;
	target = mmio + 0x100;
	count = 64;
	asm volatile("rep movsb" : "+S"(source), "+D"(target), "+c"(count) : : "memory");
	GUEST_EXPECT_EQ(0x3f3e3d3c3b3a3938, *(volatile u64 *)(mmio + 0x138));
	/* MMIO to MMIO, backwards */
	source = mmio + 0x104;
	target = mmio + 0x204;
	count = 2;
	asm volatile("std; rep movsl; cld" : "+S"(source), "+D"(target), "+c"(count) : : "memory", "cc");
	GUEST_EXPECT_EQ(0x0706050403020100, *(volatile u64 *)(mmio + 0x200));
	GUEST_EXPECT_EQ(mmio + 0xfc, source);
	/* scan for 0x30 through 64 bytes, compare with the buffer */
	target = mmio + 0x100;
	count = 64;
	asm volatile("repne scasb" : "+D"(target), "+c"(count) : "a"(0x10) : "memory", "cc");
	GUEST_EXPECT_EQ(mmio + 0x111, target);
	GUEST_EXPECT_EQ(64 - 0x11, count);
	source = (u64)string_buffer;
	target = mmio + 0x100;
	string_buffer[5] = 0xff;
	count = 64;
	asm volatile("repe cmpsb" : "+S"(source), "+D"(target), "+c"(count) : : "memory", "cc");
	GUEST_EXPECT_EQ(64 - 6, count);
	source = mmio + 0x100;
	asm volatile("lodsl" : "+S"(source), "=a"(target));
	GUEST_EXPECT_EQ(0x03020100, (u32)target);
	/* nothing to do: nothing done */
	count = 0;
	asm volatile("rep stosl" : "+D"(source), "+c"(count) : "a"(0) : "memory");
	GUEST_EXPECT_EQ(mmio + 0x104, source);
}

TEST_F(io, mmio_strings)
{
	ASSERT_GUEST_DONE(guest_strings);
}

static void guest_stack(u64 mmio)
{
	void *target;
	u64 value;

	*(volatile u64 *)(mmio + 0x100) = 0x1020304050607080;
	asm volatile("push 0x100(%1); pop %0" : "=r"(value) : "r"(mmio) : "memory");
	GUEST_EXPECT_EQ(0x1020304050607080, value);
	asm volatile("push %1; pop 0x108(%0)" : : "r"(mmio), "r"(0x777ull) : "memory");
	GUEST_EXPECT_EQ(0x777, *(volatile u64 *)(mmio + 0x108));
	/* the stack itself is device memory */
	asm volatile("mov %%rsp, %%rbx; lea 0x200(%1), %%rsp; push $0x66; pop %0; mov %%rbx, %%rsp"
		     : "=&r"(value) : "r"(mmio) : "rbx", "memory");
	GUEST_EXPECT_EQ(0x66, value);
	GUEST_EXPECT_EQ(0x66, *(volatile u64 *)(mmio + 0x1f8));
	/* a call through a pointer in device memory */
	target = &&landed;
	*(void *volatile *)(mmio + 0x110) = target;
	asm goto("jmp *0x110(%0)" : : "r"(mmio) : "memory" : landed);
landed:
	guest_nop();
}

TEST_F(io, mmio_stack)
{
	ASSERT_GUEST_DONE(guest_stack);
}

static void guest_sse(u64 mmio)
{
	static u64 in[2] __attribute__((aligned(16))) = { 0x1111222233334444, 0x5555666677778888 };
	static u64 out[2] __attribute__((aligned(16)));

	asm volatile("movups (%0), %%xmm3; movups %%xmm3, (%1)" : : "r"(in), "r"(mmio) : "memory", "xmm3");
	GUEST_EXPECT_EQ(in[0], *(volatile u64 *)mmio);
	GUEST_EXPECT_EQ(in[1], *(volatile u64 *)(mmio + 8));
	asm volatile("movdqa (%1), %%xmm12; movdqa %%xmm12, (%0)" : : "r"(out), "r"(mmio) : "memory", "xmm12");
	GUEST_EXPECT_EQ(in[0], out[0]);
	GUEST_EXPECT_EQ(in[1], out[1]);
	asm volatile("movaps %%xmm12, 16(%0)" : : "r"(mmio) : "memory");
	GUEST_EXPECT_EQ(in[1], *(volatile u64 *)(mmio + 24));
	asm volatile("movdqu (%1), %%xmm1; movups %%xmm1, (%0)" : : "r"(out), "r"(mmio + 8) : "memory", "xmm1");
	GUEST_EXPECT_EQ(in[1], out[0]);
	GUEST_EXPECT_EQ(in[0], out[1]);
}

TEST_F(io, mmio_sse)
{
	ASSERT_GUEST_DONE(guest_sse);
	/* sixteen bytes come as two accesses */
	EXPECT_ACCESS(0, MMIO_BASE, 8, 1, 0x1111222233334444);
	EXPECT_ACCESS(1, MMIO_BASE + 8, 8, 1, 0x5555666677778888);
}

/* an access that begins in RAM and ends outside, and one the other way: each part goes where it belongs */
static void guest_crossing(u64 ram_end)
{
	volatile u64 *p = (void *)(ram_end - 4);

	guest_sync(1);
	*p = 0x8877665544332211;
	guest_sync(2);
	GUEST_EXPECT_EQ(0xddccbbaa44332211, *p);
}

TEST_F(io, mmio_crossing_out_of_ram)
{
	struct kvm_run *run = self->vcpu->run;

	vcpu_set_guest(self->vcpu, guest_crossing, RAM_SIZE);
	call_wait_sync(self->vcpu, 1);
	ASSERT_RUN(self->vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(RAM_SIZE, run->mmio.phys_addr);
	EXPECT_EQ(1, run->mmio.is_write);
	EXPECT_EQ(4, run->mmio.len);
	EXPECT_EQ(0x88776655, *(u32 *)run->mmio.data);
	call_wait_sync(self->vcpu, 2);
	EXPECT_EQ(0x44332211, *(u32 *)vm_hva(&self->vm, RAM_SIZE - 4));
	ASSERT_RUN(self->vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(RAM_SIZE, run->mmio.phys_addr);
	EXPECT_EQ(0, run->mmio.is_write);
	EXPECT_EQ(4, run->mmio.len);
	*(u32 *)run->mmio.data = 0xddccbbaa;
	call_wait_done(self->vcpu);
}

static void guest_rom(u64 rom)
{
	volatile u32 *p = (void *)rom;

	GUEST_EXPECT_EQ(0x600df00d, p[0]);
	p[0] = 0xbad;
	GUEST_EXPECT_EQ(0x600df00d, p[0]);
	GUEST_EXPECT_EQ(0x600df00e, p[1]);
}

TEST_F(io, readonly_slot)
{
	struct kvm_run *run = self->vcpu->run;
	u32 *rom = host_memory(PAGE_SIZE, PAGE_SIZE);

	ASSERT_EQ(1, vm_has(&self->vm, KVM_CAP_READONLY_MEM));
	rom[0] = 0x600df00d;
	rom[1] = 0x600df00e;
	ASSERT_EQ(0, vm_slot(&self->vm, 1, KVM_MEM_READONLY, 0x80000000, PAGE_SIZE, rom));
	vcpu_set_guest(self->vcpu, guest_rom, 0x80000000);
	ASSERT_RUN(self->vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(0x80000000, run->mmio.phys_addr);
	EXPECT_EQ(1, run->mmio.is_write);
	EXPECT_EQ(4, run->mmio.len);
	EXPECT_EQ(0xbad, *(u32 *)run->mmio.data);
	call_wait_done(self->vcpu);
	EXPECT_EQ(0x600df00d, rom[0]);
}

/* the guest's own permissions hold for device memory: they fault before any access is made */
static void guest_protected(u64 mmio)
{
	volatile u32 *p = (void *)0x700000000000ull;

	*p;
	GUEST_EXPECT_EQ(14, GUEST_TRY("movl $1, (%0)", OUTPUTS(), "r"(p)));
	GUEST_EXPECT_EQ(3, guest_this_cpu()->try_error);
	GUEST_EXPECT_EQ(p, guest_this_cpu()->try_cr2);
	*(volatile u32 *)mmio = 1;
}

TEST_F(io, mmio_under_guest_paging)
{
	struct guest_call *call;

	vcpu_set_guest(self->vcpu, guest_protected, MMIO_BASE);
	vm_map(&self->vm, 0x700000000000ull, MMIO_BASE + 0x800, PAGE_SIZE, 1);
	*vm_pte(&self->vm, 0x700000000000ull) = MMIO_BASE | 1;
	ASSERT_EQ(KVM_EXIT_IO, run_with_device(self->vcpu, &self->device));
	call = call_of_exit(self->vcpu);
	ASSERT_NE(NULL, call);
	ASSERT_EQ(CALL_DONE, call->kind);
	ASSERT_EQ(2, self->device.count);
	EXPECT_ACCESS(1, MMIO_BASE, 4, 1, 1);
}

SNIPPET(real_mmio,
	".code16\n"
	"	mov $0xb800, %ax\n	mov %ax, %es\n"
	"	movw $0x1234, %es:6\n"
	"	mov %es:8, %al\n"
	"	mov $4, %di\n	mov $3, %cx\n	mov $0x77, %al\n	cld\n	rep stosb\n"
	"	hlt\n");

TEST_F(io, mmio_in_real_mode)
{
	struct kvm_run *run = self->vcpu->run;
	u32 i;

	PUT_SNIPPET(&self->vm, REAL_BASE, real_mmio);
	ASSERT_EQ(0, vm_slot(&self->vm, RAM_SLOT, 0, 0, 0, NULL));
	ASSERT_EQ(0, vm_slot(&self->vm, RAM_SLOT, 0, 0, 0xa0000, self->vm.ram));
	vcpu_set_mode(self->vcpu, MODE_REAL);
	vcpu_set_entry(self->vcpu, REAL_BASE, 0x8000);
	ASSERT_RUN(self->vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(0xb8006, run->mmio.phys_addr);
	EXPECT_EQ(2, run->mmio.len);
	EXPECT_EQ(0x1234, *(u16 *)run->mmio.data);
	ASSERT_RUN(self->vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(0xb8008, run->mmio.phys_addr);
	EXPECT_EQ(0, run->mmio.is_write);
	for (i = 0; i < 3; i++) {
		ASSERT_RUN(self->vcpu, KVM_EXIT_MMIO);
		EXPECT_EQ(0xb8004 + i, run->mmio.phys_addr);
		EXPECT_EQ(1, run->mmio.is_write);
		EXPECT_EQ(0x77, run->mmio.data[0]);
	}
	ASSERT_RUN(self->vcpu, KVM_EXIT_HLT);
}

/* port I/O */

static void guest_ports(u64 argument)
{
	u64 rax;

	asm volatile("outb %%al, $0x10; outw %%ax, $0x20; outl %%eax, $0x30" : : "a"(0x44332211));
	asm volatile("outb %%al, %%dx" : : "a"(0x99), "d"(0xffff));
	/* 8 and 16-bit IN keep the rest of RAX, 32-bit IN clears the upper half */
	asm volatile("inb $0x11, %%al" : "=a"(rax) : "a"(-1ull));
	GUEST_EXPECT_EQ(0xffffffffffffffa1, rax);
	asm volatile("inw $0x21, %%ax" : "=a"(rax) : "a"(-1ull));
	GUEST_EXPECT_EQ(0xffffffffffffb2a1, rax);
	asm volatile("inl $0x31, %%eax" : "=a"(rax) : "a"(-1ull));
	GUEST_EXPECT_EQ(0xd4c3b2a1, rax);
}

TEST_F(io, pio_sizes)
{
	static const struct { u8 direction, size; u16 port; u32 value; } want[] = {
		{ KVM_EXIT_IO_OUT, 1, 0x10, 0x11 }, { KVM_EXIT_IO_OUT, 2, 0x20, 0x2211 },
		{ KVM_EXIT_IO_OUT, 4, 0x30, 0x44332211 }, { KVM_EXIT_IO_OUT, 1, 0xffff, 0x99 },
		{ KVM_EXIT_IO_IN, 1, 0x11 }, { KVM_EXIT_IO_IN, 2, 0x21 }, { KVM_EXIT_IO_IN, 4, 0x31 },
	};
	struct kvm_run *run = self->vcpu->run;
	u32 i;

	vcpu_set_guest(self->vcpu, guest_ports, 0);
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
		ASSERT_EQ(want[i].direction, run->io.direction);
		EXPECT_EQ(want[i].size, run->io.size);
		EXPECT_EQ(want[i].port, run->io.port);
		EXPECT_EQ(1, run->io.count);
		if (run->io.direction == KVM_EXIT_IO_IN)
			memcpy(io_data(self->vcpu), "\xa1\xb2\xc3\xd4", run->io.size);
		else
			EXPECT_EQ(want[i].value, io_value(self->vcpu));
	}
	call_wait_done(self->vcpu);
}

#define STRING_BYTES 10000

static u8 port_buffer[STRING_BYTES + 8];

static void guest_string_ports(u64 size)
{
	u64 address = (u64)port_buffer, count = STRING_BYTES / size;
	u32 i;

	for (i = 0; i < STRING_BYTES; i++)
		port_buffer[i] = i * 7;
	if (size == 1)
		asm volatile("rep outsb" : "+S"(address), "+c"(count) : "d"(0x100) : "memory");
	if (size == 2)
		asm volatile("rep outsw" : "+S"(address), "+c"(count) : "d"(0x100) : "memory");
	if (size == 4)
		asm volatile("rep outsl" : "+S"(address), "+c"(count) : "d"(0x100) : "memory");
	GUEST_EXPECT_EQ((u64)port_buffer + STRING_BYTES, address);
	GUEST_EXPECT_EQ(0, count);
	guest_sync(1);
	address = (u64)port_buffer;
	count = STRING_BYTES / size;
	if (size == 1)
		asm volatile("rep insb" : "+D"(address), "+c"(count) : "d"(0x101) : "memory");
	if (size == 2)
		asm volatile("rep insw" : "+D"(address), "+c"(count) : "d"(0x101) : "memory");
	if (size == 4)
		asm volatile("rep insl" : "+D"(address), "+c"(count) : "d"(0x101) : "memory");
	GUEST_EXPECT_EQ((u64)port_buffer + STRING_BYTES, address);
	GUEST_EXPECT_EQ(0, count);
	for (i = 0; i < STRING_BYTES; i++)
		GUEST_EXPECT_EQ((u8)(i * 13), port_buffer[i]);
	GUEST_EXPECT_EQ(0, port_buffer[STRING_BYTES]);
}

/* runs string exits of one direction until the next call; gives the number of bytes that went by */
static u32 serve_string(struct __test_metadata *_metadata, struct vcpu *vcpu, u32 size, u32 factor)
{
	struct kvm_run *run = vcpu->run;
	u32 done = 0, i;

	for (;;) {
		u8 *data;

		ASSERT_RUN(vcpu, KVM_EXIT_IO);
		data = io_data(vcpu);
		if (call_of_exit(vcpu))
			return done;
		ASSERT_EQ(size, run->io.size);
		ASSERT_LE(1, run->io.count);
		ASSERT_LE((u64)run->io.count * size, PAGE_SIZE);
		for (i = 0; i < run->io.count * size; i++, done++) {
			if (run->io.direction == KVM_EXIT_IO_IN)
				data[i] = done * factor;
			ASSERT_EQ((u8)(done * factor), data[i]);
		}
	}
}

FIXTURE(string_io) {
	struct vm vm;
	struct vcpu *vcpu;
};

FIXTURE_VARIANT(string_io) {
	u32 size;
};

FIXTURE_VARIANT_ADD(string_io, byte) { .size = 1 };
FIXTURE_VARIANT_ADD(string_io, word) { .size = 2 };
FIXTURE_VARIANT_ADD(string_io, dword) { .size = 4 };

FIXTURE_SETUP(string_io)
{
	vm_create(&self->vm, 0);
	self->vcpu = vcpu_create(&self->vm, 0);
}

FIXTURE_TEARDOWN(string_io)
{
	vm_destroy(&self->vm);
}

TEST_F(string_io, rep_outs_and_ins)
{
	vcpu_set_guest(self->vcpu, guest_string_ports, variant->size);
	EXPECT_EQ(STRING_BYTES, serve_string(_metadata, self->vcpu, variant->size, 7));
	ASSERT_EQ(CALL_SYNC, call_of_exit(self->vcpu)->kind);
	EXPECT_EQ(STRING_BYTES, serve_string(_metadata, self->vcpu, variant->size, 13));
	EXPECT_EQ(CALL_DONE, call_of_exit(self->vcpu)->kind);
}

static void guest_string_fault(u64 argument)
{
	u64 address = 0x700000000ffcull, count = 4;

	/* two double words fit before the page that is not there; RSI and RCX tell how far it came */
	GUEST_EXPECT_EQ(14, GUEST_TRY("rep outsl", OUTPUTS("+S"(address), "+c"(count)), "d"(0x100)));
	GUEST_EXPECT_EQ(0x700000001000ull, guest_this_cpu()->try_cr2);
	GUEST_EXPECT_EQ(0x700000001000ull, address);
	GUEST_EXPECT_EQ(3, count);
	count = 0;
	asm volatile("rep outsl" : "+S"(address), "+c"(count) : "d"(0x100) : "memory");
	GUEST_EXPECT_EQ(0x700000001000ull, address);
}

TEST_F(io, string_out_meets_a_page_fault)
{
	vcpu_set_guest(self->vcpu, guest_string_fault, 0);
	vm_map(&self->vm, 0x700000000000ull, 0x200000, PAGE_SIZE, 3);
	*(u32 *)vm_hva(&self->vm, 0x200ffc) = 0xabcdef01;
	ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
	ASSERT_EQ(NULL, call_of_exit(self->vcpu));
	EXPECT_EQ(1, self->vcpu->run->io.count);
	EXPECT_EQ(0xabcdef01, io_value(self->vcpu));
	call_wait_done(self->vcpu);
}

SNIPPET(real_strings,
	".code16\n"
	"	mov $0x300, %ax\n	mov %ax, %ds\n	mov %ax, %es\n"
	"	xor %si, %si\n	mov $4, %cx\n	mov $0x60, %dx\n	cld\n	rep outsb\n"
	"	mov $0x10, %di\n	mov $2, %cx\n	rep insw\n"
	"	hlt\n");

TEST_F(io, string_ports_in_real_mode)
{
	struct kvm_run *run = self->vcpu->run;
	u32 done, i;

	PUT_SNIPPET(&self->vm, REAL_BASE, real_strings);
	memcpy(vm_hva(&self->vm, 0x3000), "abcd", 4);
	vcpu_set_mode(self->vcpu, MODE_REAL);
	vcpu_set_entry(self->vcpu, REAL_BASE, 0x8000);
	for (done = 0; done < 4; done += run->io.count) {
		ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
		ASSERT_EQ(KVM_EXIT_IO_OUT, run->io.direction);
		for (i = 0; i < run->io.count; i++)
			EXPECT_EQ("abcd"[done + i], ((u8 *)io_data(self->vcpu))[i]);
	}
	for (done = 0; done < 2; done += run->io.count) {
		ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
		ASSERT_EQ(KVM_EXIT_IO_IN, run->io.direction);
		ASSERT_EQ(2, run->io.size);
		for (i = 0; i < run->io.count; i++)
			((u16 *)io_data(self->vcpu))[i] = 0x5000 + done + i;
	}
	ASSERT_RUN(self->vcpu, KVM_EXIT_HLT);
	EXPECT_EQ(0x50015000, *(u32 *)vm_hva(&self->vm, 0x3010));
}

TEST_HARNESS_MAIN
