/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The other side: what long mode guest code may use. Guest functions are ordinary functions of the test program that
 * run in its copy in guest memory, so they may touch globals and constants, but call neither libc nor the library.
 *
 * A guest talks to the VMM by an OUT to CALL_PORT, with the address of its vCPU's struct guest_call in it; the VMM
 * waits for that with call_wait() and friends.
 *
 * An exception goes to handlers[vector] if the guest set one; else to the place armed by GUEST_TRY; else the guest
 * reports it by CALL_ABORT.
 */
#ifndef SELFTESTS_LIB_GUEST_H
#define SELFTESTS_LIB_GUEST_H

#include "vm.h"

#define CALL_PORT 0x5e0

enum call_kind {
	CALL_NONE,
	CALL_SYNC,	/* the guest reached a point that it names in value[0] */
	CALL_ABORT,	/* a guest assertion failed: text, file, line, value[0] expected, value[1] seen */
	CALL_DONE,	/* the guest function returned */
};

struct guest_call {
	u64 kind;
	const char *text;
	const char *file;
	u64 line;
	u64 value[4];
};

/* what the CPU and the entry point pushed for an exception or an interrupt */
struct guest_frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vector, error, rip, cs, rflags, rsp, ss;
};

/* per vCPU, at the base of GS; the offsets of the first three are known to guest_entry.S and to GUEST_TRY */
struct guest_cpu {
	struct guest_cpu *self;
	u64 try_resume;		/* 0: not armed */
	u64 try_vector;		/* what the last GUEST_TRY met; TRY_NONE if nothing */
	u64 try_error;
	u64 try_cr2;
	u64 id;
	struct guest_call call;
};

#define TRY_NONE (~0ull)
#define GUEST_STACK_SIZE 16384

extern struct guest_cpu guest_cpus[MAX_VCPUS];
extern u8 guest_stacks[MAX_VCPUS][GUEST_STACK_SIZE];
typedef void (*guest_handler)(struct guest_frame *);
extern guest_handler guest_handlers[256];
extern const u64 guest_entries[256];	/* where the gates lead, one per vector */
/* calls function(argument), reports CALL_DONE; function in rsi, argument in rdi */
void guest_start(void);

/* selectors of the long mode GDT */
#define SEL_CODE64	0x08
#define SEL_DATA	0x10
#define SEL_CODE32	0x18
#define SEL_USER_DATA	0x23
#define SEL_USER_CODE	0x2b
#define SEL_TSS		0x30

#define RFLAGS_FIXED	0x2
#define RFLAGS_IF	0x200

/*
 * Calls @code in ring 3, with these flags and on the one stack that there is for it; returns when the handler of an
 * exception of that code has called guest_user_leave().
 */
void guest_user_enter(void (*code)(void), u64 rflags);
void guest_user_leave(struct guest_frame *frame);

static inline struct guest_cpu *guest_this_cpu(void)
{
	struct guest_cpu *cpu;

	asm volatile("mov %%gs:0, %0" : "=r"(cpu));
	return cpu;
}

static inline void guest_out32(u16 port, u32 value)
{
	asm volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void guest_call(u64 kind, const char *text, const char *file, u64 line, u64 v0, u64 v1)
{
	struct guest_call *call = &guest_this_cpu()->call;

	call->kind = kind;
	call->text = text;
	call->file = file;
	call->line = line;
	call->value[0] = v0;
	call->value[1] = v1;
	guest_out32(CALL_PORT, (u32)(u64)call);
}

#define guest_sync(point) guest_call(CALL_SYNC, "", __FILE__, __LINE__, point, 0)
#define guest_sync2(point, value) guest_call(CALL_SYNC, "", __FILE__, __LINE__, point, value)

#define GUEST_EXPECT_EQ(expected, seen) do {						\
	u64 expected__ = (u64)(expected), seen__ = (u64)(seen);				\
	if (expected__ != seen__)							\
		guest_call(CALL_ABORT, #expected " == " #seen, __FILE__, __LINE__, expected__, seen__); \
} while (0)

#define GUEST_EXPECT(condition) do {							\
	if (!(condition))								\
		guest_call(CALL_ABORT, #condition, __FILE__, __LINE__, 1, 0);		\
} while (0)

/*
 * Executes an instruction that may raise an exception, and gives the vector, or TRY_NONE. Error code and CR2 then stand
 * in guest_this_cpu(). Operands as asm has them: GUEST_TRY("rdmsr", OUTPUTS("=a"(low)), "c"(index)).
 */
#define OUTPUTS(...) __VA_ARGS__
#define GUEST_TRY(template, outputs, ...) ({						\
	asm volatile("lea 77f(%%rip), %%r11\n\t"					\
		     "mov %%r11, %%gs:8\n\t"						\
		     "movq $-1, %%gs:16\n\t"						\
		     template "\n\t"							\
		     "77: movq $0, %%gs:8\n\t"						\
		     : outputs : __VA_ARGS__ : "memory", "cc", "r11");			\
	guest_this_cpu()->try_vector; })

static inline u64 guest_rdmsr(u32 index)
{
	u32 low, high;

	asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index) : "memory");
	return low | (u64)high << 32;
}

static inline void guest_wrmsr(u32 index, u64 value)
{
	asm volatile("wrmsr" : : "a"((u32)value), "d"((u32)(value >> 32)), "c"(index) : "memory");
}

/* the vector that RDMSR or WRMSR raised, TRY_NONE if none */
static inline u64 guest_try_rdmsr(u32 index, u64 *value)
{
	u32 low = 0, high = 0;
	u64 vector = GUEST_TRY("rdmsr", OUTPUTS("+a"(low), "+d"(high)), "c"(index));

	*value = low | (u64)high << 32;
	return vector;
}

static inline u64 guest_try_wrmsr(u32 index, u64 value)
{
	return GUEST_TRY("wrmsr", OUTPUTS(), "a"((u32)value), "d"((u32)(value >> 32)), "c"(index));
}

static inline void guest_cpuid(u32 leaf, u32 index, u32 out[4])
{
	asm volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf), "c"(index));
}

static inline u64 guest_rdtsc(void)
{
	u32 low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return low | (u64)high << 32;
}

#define GUEST_CR(n)									\
static inline u64 guest_read_cr##n(void)						\
{											\
	u64 value;									\
											\
	asm volatile("mov %%cr" #n ", %0" : "=r"(value) : : "memory");			\
	return value;									\
}											\
static inline void guest_write_cr##n(u64 value)						\
{											\
	asm volatile("mov %0, %%cr" #n : : "r"(value) : "memory");			\
}
GUEST_CR(0) GUEST_CR(2) GUEST_CR(3) GUEST_CR(4) GUEST_CR(8)
#undef GUEST_CR

static inline void guest_sti(void) { asm volatile("sti" : : : "memory"); }
static inline void guest_cli(void) { asm volatile("cli" : : : "memory"); }
static inline void guest_nop(void) { asm volatile("nop" : : : "memory"); }
static inline void guest_hlt(void) { asm volatile("hlt" : : : "memory"); }
static inline void guest_sti_hlt(void) { asm volatile("sti; hlt" : : : "memory"); }
static inline void guest_pause(void) { asm volatile("pause" : : : "memory"); }
static inline void guest_barrier(void) { asm volatile("mfence" : : : "memory"); }

/* the VMM's side */

/* runs until the guest's next call; aborts with the guest's words on CALL_ABORT, and on any exit that is no call */
struct guest_call *call_wait(struct vcpu *vcpu);
/* the call of the exit that just happened, in guest RAM; NULL if that exit is no call */
struct guest_call *call_of_exit(struct vcpu *vcpu);
/* waits for CALL_SYNC with that point, or aborts; gives value[1] */
u64 call_wait_sync(struct vcpu *vcpu, u64 point);
void call_wait_done(struct vcpu *vcpu);

#endif
