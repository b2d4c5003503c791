// SPDX-License-Identifier: GPL-2.0-only
/*
 * A page of code is made once: for each mode an entry that loads all registers
 * and jumps to the slot, and an exit that stores them.  For each run the
 * instruction is in the slot; behind it and at its branch target are jumps to one
 * of two exits, which tells where it went.
 *
 * Everything is addressed absolutely (32-bit) or relative to RIP (64-bit), so no
 * register is needed to find it, and the instruction may have all sixteen.  A
 * fault ends in a signal handler, which takes registers, vector and address from
 * the frame and goes on at an exit that restores the test's own stack.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <asm/prctl.h>
#include "native.h"

#define USER32_CS	0x23
#define USER_CS		0x33
#define USER_DS		0x2b

#define PAGE		4096u

/* What the code page works on; in memory below 2 GiB, like the code. */
struct bench {
	u64 in_gpr[16];
	u64 in_flags;
	u64 out_gpr[16];
	u64 out_flags;
	u64 host_rsp;
	u64 stack32_top;
	u64 landed;
	u8 stack[512];
	u64 in_xmm[16][2];
	u64 out_xmm[16][2];
};

/* Addresses in the code page of one mode. */
struct mode_code {
	u8 *entry;
	u8 *landed[2];
	u8 *fault_exit;
};

static struct bench *bench;
static struct mode_code mode_code[2];
static u8 *at;				/* where the next byte is emitted */
static volatile int fault_vector;
static u32 fault_error;
static u64 fault_address;
static u8 *fault_exit;

static void emit(const void *bytes, unsigned int count)
{
	memcpy(at, bytes, count);
	at += count;
}

#define EMIT(...)	emit((const u8[]) { __VA_ARGS__ }, sizeof((const u8[]) { __VA_ARGS__ }))

static void emit32(u32 val)
{
	emit(&val, 4);
}

/* ModRM with an address: relative to RIP, with @behind bytes to follow; or absolute. */
static void emit_address(bool long64, unsigned int reg, const void *address,
			 unsigned int behind)
{
	EMIT((reg & 7) << 3 | 5);
	if (long64)
		emit32((u32)((const u8 *)address - (at + 4 + behind)));
	else
		emit32((u32)(unsigned long)address);
}

/* MOV between a register and memory: @opcode 8B loads, 89 stores. */
static void emit_mov(bool long64, u8 opcode, unsigned int reg, const void *address)
{
	if (long64)
		EMIT(0x48 | (reg >= 8 ? 4 : 0));
	EMIT(opcode);
	emit_address(long64, reg, address, 0);
}

/* MOVUPS between a register and memory: @opcode 10 loads, 11 stores. */
static void emit_movups(u8 opcode, unsigned int reg, const void *address)
{
	if (reg >= 8)
		EMIT(0x44);
	EMIT(0x0f, opcode);
	emit_address(true, reg, address, 0);
}

static void emit_jump(const u8 *target)
{
	EMIT(0xe9);
	emit32((u32)(target - (at + 4)));
}

/* Save what the C compiler wants kept; find our stack again by host_rsp. */
static void emit_enter(void)
{
	EMIT(0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57);
	emit_mov(true, 0x89, EMUL_RSP, &bench->host_rsp);
}

static void emit_leave(void)
{
	emit_mov(true, 0x8b, EMUL_RSP, &bench->host_rsp);
	EMIT(0xfc);
	EMIT(0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5d, 0x5b, 0xc3);
}

/* DS and ES, which 32-bit code needs; the kernel may leave them null. */
static void emit_data_segments(void)
{
	EMIT(0xb8, USER_DS, 0, 0, 0, 0x8e, 0xd8, 0x8e, 0xc0);
}

static void emit_load_state(bool long64)
{
	unsigned int reg;

	EMIT(0xff);
	emit_address(long64, 6, &bench->in_flags, 0);
	EMIT(0x9d);
	for (reg = 0; reg < (long64 ? 16 : 8); reg++)
		emit_mov(long64, 0x8b, reg, &bench->in_gpr[reg]);
}

/* The two exits and what they share. */
static void emit_store_state(bool long64, struct mode_code *code)
{
	const void *stack = long64 ? &bench->host_rsp : &bench->stack32_top;
	unsigned int i;
	u8 *shared[2];

	for (i = 0; i < 2; i++) {
		code->landed[i] = at;
		EMIT(0xc7);
		emit_address(long64, 0, &bench->landed, 4);
		emit32(i);
		shared[i] = at;
		EMIT(0xe9, 0, 0, 0, 0);
	}
	for (i = 0; i < 2; i++) {
		u32 distance = (u32)(at - (shared[i] + 5));

		memcpy(shared[i] + 1, &distance, 4);
	}
	for (i = 0; i < (long64 ? 16 : 8); i++)
		emit_mov(long64, 0x89, i, &bench->out_gpr[i]);
	emit_mov(long64, 0x8b, EMUL_RSP, stack);
	EMIT(0x9c, 0x8f);
	emit_address(long64, 0, &bench->out_flags, 0);
}

static void emit_xmm(u8 opcode, u64 (*regs)[2])
{
	unsigned int reg;

	for (reg = 0; reg < 16; reg++)
		emit_movups(opcode, reg, regs[reg]);
}

static void make_code64(struct mode_code *code, const u8 *slot)
{
	code->entry = at;
	emit_enter();
	emit_data_segments();
	emit_xmm(0x10, bench->in_xmm);
	emit_load_state(true);
	emit_jump(slot);
	emit_store_state(true, code);
	emit_xmm(0x11, bench->out_xmm);
	code->fault_exit = at;
	emit_leave();
}

/* The same with a far return to 32-bit code in the middle, and a far jump back. */
static void make_code32(struct mode_code *code, const u8 *slot)
{
	u8 *patch, *patch_back;
	u32 address;

	code->entry = at;
	emit_enter();
	emit_xmm(0x10, bench->in_xmm);
	emit_data_segments();
	EMIT(0x6a, USER32_CS, 0x68);
	patch = at;
	emit32(0);
	EMIT(0x48, 0xcb);
	address = (u32)(unsigned long)at;
	memcpy(patch, &address, 4);
	emit_mov(false, 0x8b, EMUL_RSP, &bench->stack32_top);
	emit_load_state(false);
	emit_jump(slot);
	emit_store_state(false, code);
	EMIT(0xea);
	patch_back = at;
	emit32(0);
	EMIT(USER_CS, 0);
	address = (u32)(unsigned long)at;
	memcpy(patch_back, &address, 4);
	emit_xmm(0x11, bench->out_xmm);
	code->fault_exit = at;
	emit_leave();
}

static void handle_fault(int signal, siginfo_t *info, void *frame)
{
	static const u8 order[16] = {
		REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
		REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
	};
	greg_t *regs = ((ucontext_t *)frame)->uc_mcontext.gregs;
	unsigned int i;

	(void)info;
	if (!fault_exit) {
		fprintf(stderr, "signal %d outside of a test\n", signal);
		abort();
	}
	for (i = 0; i < 16; i++)
		bench->out_gpr[i] = regs[order[i]];
	bench->out_flags = regs[REG_EFL];
	fault_vector = regs[REG_TRAPNO];
	fault_error = regs[REG_ERR];
	fault_address = regs[REG_CR2];
	regs[REG_RIP] = (greg_t)fault_exit;
	regs[REG_CSGSFS] = (regs[REG_CSGSFS] & ~0xffffll) | USER_CS;
	regs[REG_EFL] &= ~0x400ll;
}

static void install_handlers(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
	struct sigaction action = {
		.sa_sigaction = handle_fault,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER,
	};
	static u8 handler_stack[65536];
	stack_t stack = { .ss_sp = handler_stack, .ss_size = sizeof(handler_stack) };
	unsigned int i;

	sigaltstack(&stack, NULL);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

static void *map_low(size_t bytes, int protection)
{
	void *area = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (area == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return area;
}

static void run(const struct mode_code *code)
{
	fault_vector = -1;
	fault_exit = code->fault_exit;
	((void (*)(void))code->entry)();
	fault_exit = NULL;
}

/* Can this kernel run 32-bit code?  Try with a NOP. */
static bool probe_32bit(struct native *native)
{
	memset(&native->in, 0, sizeof(native->in));
	native->in.gpr[EMUL_RSP] = (unsigned long)native->scratch + 64;
	native->in.gpr[EMUL_RAX] = 0x1234;
	native->code[0] = 0x40;			/* INC EAX, if it is 32-bit code */
	native_run(native, false, 1, 0);
	return native->vector < 0 && native->out.gpr[EMUL_RAX] == 0x1235;
}

bool native_setup(struct native *native)
{
	u8 *area;

	area = map_low(4 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
	bench = map_low(PAGE, PROT_READ | PROT_WRITE);
	bench->stack32_top = (unsigned long)(bench->stack + sizeof(bench->stack));
	native->code = area + 3 * PAGE - 7;
	at = area;
	make_code64(&mode_code[1], native->code);
	make_code32(&mode_code[0], native->code);
	area = map_low(2 * GUARD_BYTES + SCRATCH_BYTES, PROT_NONE);
	native->scratch = area + GUARD_BYTES;
	mprotect(native->scratch, SCRATCH_BYTES, PROT_READ | PROT_WRITE);
	install_handlers();
	syscall(SYS_arch_prctl, ARCH_GET_FS, &native->fs_base);
	syscall(SYS_arch_prctl, ARCH_SET_GS, NATIVE_GS_BASE);
	return probe_32bit(native);
}

void native_run(struct native *native, bool long64, unsigned int length, unsigned int taken)
{
	const struct mode_code *code = &mode_code[long64];

	at = native->code + length;
	emit_jump(code->landed[0]);
	if (taken) {
		at = native->code + length + taken;
		emit_jump(code->landed[1]);
	}
	memcpy(bench->in_gpr, native->in.gpr, sizeof(bench->in_gpr));
	bench->in_flags = native->in.flags | 2;
	memcpy(bench->in_xmm, native->in.xmm, sizeof(bench->in_xmm));
	run(code);
	native->vector = fault_vector;
	native->error = fault_error;
	native->address = fault_address;
	native->landed = bench->landed;
	memcpy(native->out.gpr, bench->out_gpr, sizeof(bench->out_gpr));
	native->out.flags = bench->out_flags & NATIVE_FLAGS;
	memcpy(native->out.xmm, bench->out_xmm, sizeof(bench->out_xmm));
}
