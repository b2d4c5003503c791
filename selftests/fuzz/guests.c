// SPDX-License-Identifier: GPL-2.0-only
/*
 * Small random guests: a state of real mode, flat protected mode or long mode, a handful of instructions one after the
 * other, and a VMM that runs them for a while.
 *
 * The instructions are those which a hypervisor has to do with, each with random operands: ports, MMIO, MSRs, control
 * and debug registers, descriptor tables, events, strings, and plain accesses to memory, to the guest's own page tables
 * and to holes. Any bytes come in between. That a guest soon meets an exception it has no handler for is part of it.
 *
 * Everything lies in the first megabyte of guest memory: code, tables and stack, if a slot is there at all.
 */
#include "fuzz.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <time.h>

#define CODE_GPA	0x1000
#define CODE_PAGES	4
#define STACK_GPA	0x8000
#define GDT_GPA		0x9000
#define IDT_GPA		0xa000
#define TABLES_GPA	0x10000		/* PML4, PDPT, PD */
#define CODE_STEPS	24
#define RUN_LIMIT_NS	4000000

/* an instruction; @: four bytes that are an address, #: four bytes that are a number, $: one byte; \x as it is */
struct atom {
	const char *bytes;
	u8 length;
};

#define ATOM(text) { text, sizeof(text) - 1 }
#define ADDRESS "@@@@"
#define NUMBER "####"

static const struct atom atoms[] = {
	/* mov, lock add, xchg, cmpxchg, inc, movups to and from memory */
	ATOM("\x89\x04\x25" ADDRESS), ATOM("\x8b\x04\x25" ADDRESS), ATOM("\x89\x04\x25" ADDRESS),
	ATOM("\xc6\x04\x25" ADDRESS "$"),
	ATOM("\xf0\x01\x04\x25" ADDRESS), ATOM("\x87\x04\x25" ADDRESS), ATOM("\xf0\x0f\xb1\x0c\x25" ADDRESS),
	ATOM("\xff\x04\x25" ADDRESS), ATOM("\x0f\x11\x04\x25" ADDRESS), ATOM("\x0f\x10\x04\x25" ADDRESS),
	ATOM("\x66\x89\x04\x25" ADDRESS), ATOM("\x0f\xb6\x04\x25" ADDRESS), ATOM("\xf0\x0f\xc7\x0c\x25" ADDRESS),
	/* eax, ecx, edx, edi, esi, esp */
	ATOM("\xb8" NUMBER), ATOM("\xb9" NUMBER), ATOM("\xba" NUMBER), ATOM("\xbf" ADDRESS), ATOM("\xbe" ADDRESS),
	ATOM("\xbc" ADDRESS), ATOM("\xb9$\0\0\0"), ATOM("\xba$\0\0\0"),
	/* ports, with and without strings */
	ATOM("\xe4$"), ATOM("\xe6$"), ATOM("\xe5$"), ATOM("\xe7$"), ATOM("\xed"), ATOM("\xef"), ATOM("\xec"),
	ATOM("\xee"),
	ATOM("\xb9$\0\0\0\xf3\x6c"), ATOM("\xb9$\0\0\0\xf3\x6e"), ATOM("\xb9$\0\0\0\xf3\x6f"),
	/* rep movs, stos, cmps, scas */
	ATOM("\xb9$\0\0\0\xf3\xa4"), ATOM("\xb9$\0\0\0\xf3\xab"), ATOM("\xb9$\0\0\0\xf3\xa6"),
	ATOM("\xb9$\0\0\0\xf2\xae"),
	/* MSRs; xgetbv, xsetbv */
	ATOM("\x0f\x32"), ATOM("\x0f\x30"), ATOM("\xb9" NUMBER "\x0f\x32"), ATOM("\xb9" NUMBER "\x0f\x30"),
	ATOM("\x0f\x01\xd0"), ATOM("\x0f\x01\xd1"),
	/* control registers, clts, lmsw, smsw; debug registers */
	ATOM("\x0f\x20\xc0"), ATOM("\x0f\x22\xc0"), ATOM("\x0f\x22\xd8"), ATOM("\x0f\x22\xe0"),
	ATOM("\x44\x0f\x22\xc0"),
	ATOM("\x0f\x06"), ATOM("\x0f\x01\xf0"), ATOM("\x0f\x01\xe0"), ATOM("\x0f\x23\xc0"), ATOM("\x0f\x23\xf8"),
	ATOM("\x0f\x21\xf0"), ATOM("\x0f\x20\xd8\x0f\x22\xd8"),
	/* descriptor tables, segments, task register */
	ATOM("\x0f\x01\x14\x25" ADDRESS), ATOM("\x0f\x01\x1c\x25" ADDRESS), ATOM("\x0f\x01\x04\x25" ADDRESS),
	ATOM("\x8e\xd8"), ATOM("\x8e\xd0"), ATOM("\x8e\xe8"), ATOM("\x0f\x00\xd8"), ATOM("\x0f\x00\xd0"), ATOM("\xcb"),
	/* events: hlt, cli, sti, int, int3, into, ud2, iret, popf with random flags, sti and hlt */
	ATOM("\xf4"), ATOM("\xfa"), ATOM("\xfb"), ATOM("\xcd$"), ATOM("\xcc"), ATOM("\x0f\x0b"), ATOM("\xcf"),
	ATOM("\x9c\x9d"),
	ATOM("\x68" NUMBER "\x9d"), ATOM("\xfb\xf4"), ATOM("\xf1"), ATOM("\xf6\xf1"),
	/* cpuid, rdtsc, rdtscp, rdpmc, invlpg, wbinvd, invd, pause, monitor, mwait */
	ATOM("\x0f\xa2"), ATOM("\xb8" NUMBER "\x0f\xa2"), ATOM("\x0f\x31"), ATOM("\x0f\x01\xf9"), ATOM("\x0f\x33"),
	ATOM("\x0f\x01\x3c\x25" ADDRESS), ATOM("\x0f\x09"), ATOM("\x0f\x08"), ATOM("\xf3\x90"), ATOM("\x0f\x01\xc8"),
	ATOM("\x0f\x01\xc9"),
	/* vmmcall, vmcall, vmrun, stgi, clgi, skinit, invlpga, rsm, vmxon */
	ATOM("\x0f\x01\xd9"), ATOM("\x0f\x01\xc1"), ATOM("\x0f\x01\xd8"), ATOM("\x0f\x01\xdc"), ATOM("\x0f\x01\xdd"),
	ATOM("\x0f\x01\xde"), ATOM("\x0f\x01\xdf"), ATOM("\x0f\xaa"), ATOM("\xf3\x0f\xc7\x34\x25" ADDRESS),
	/* swapgs, syscall, sysret, sysenter, sysexit; fninit, fxsave, xsave */
	ATOM("\x0f\x01\xf8"), ATOM("\x0f\x05"), ATOM("\x0f\x07"), ATOM("\x0f\x34"), ATOM("\x0f\x35"), ATOM("\xdb\xe3"),
	ATOM("\x0f\xae\x04\x25" ADDRESS), ATOM("\x0f\xae\x24\x25" ADDRESS),
	/* forward over some bytes, and back to the start of the page now and then */
	ATOM("\xeb\x03$$$"), ATOM("\xe2\xf0"), ATOM("$$$$"),
};

/* where a guest's access goes */
static u32 guest_address(struct chance *c)
{
	switch (chance_below(c, 10)) {
	case 0: return 0xfee00000 + chance_below(c, 0x40) * 0x10;
	case 1: return 0xfec00000 + chance_below(c, 2) * 0x10;
	case 2: return MMIO_BASE + chance_below(c, 8) * 4;
	case 3: return TABLES_GPA + chance_below(c, 0x3000);
	case 4: return PAGE_SIZE * chance_below(c, 2048) - chance_below(c, 8);
	case 5: return chance_nasty(c);
	default: return chance_below(c, ARENA_SIZE);
	}
}

/* MSRs, CPUID leaves, ports, selectors, values of registers */
static u32 guest_number(struct actor *a)
{
	struct chance *c = &a->chance;

	switch (chance_below(c, 5)) {
	case 0: return a->world->nr_msrs ? a->world->msrs[chance_below(c, a->world->nr_msrs)] : 0x1b;
	case 1: return 0x800 + chance_below(c, 0x40);
	case 2: return chance_below(c, 0x100);
	case 3: return chance_next(c) & 0x80050033;	/* bits of CR0 */
	default: return chance_nasty(c);
	}
}

/* puts one instruction at @code and returns its length */
static u32 put_atom(struct actor *a, u8 *code)
{
	const struct atom *atom = &atoms[chance_below(&a->chance, COUNT_OF(atoms))];
	u32 i, value;

	for (i = 0; i < atom->length; i++) {
		char byte = atom->bytes[i];

		if ((byte == '@' || byte == '#') && i + 4 <= atom->length && atom->bytes[i + 3] == byte) {
			value = byte == '@' ? guest_address(&a->chance) : guest_number(a);
			memcpy(code + i, &value, 4);
			i += 3;
		} else {
			code[i] = byte == '$' ? chance_next(&a->chance) : byte;
		}
	}
	return atom->length;
}

/* in 16-bit code the instructions get prefixes that make them the same */
static void put_code(struct actor *a, u8 *code, bool is16)
{
	u32 i, at = 0;

	for (i = 0; i < CODE_STEPS && at < PAGE_SIZE / 4; i++) {
		if (is16) {
			code[at++] = 0x66;
			code[at++] = 0x67;
		} else if (chance_one_in(&a->chance, 6)) {
			code[at++] = 0x48;	/* a REX prefix in long mode */
		}
		at += put_atom(a, code + at);
	}
	code[at++] = chance_one_in(&a->chance, 2) ? 0xf4 : 0xeb;	/* hlt, or jmp to itself */
	code[at++] = 0xfe;
}

/* one to one, by 2 MiB pages, and some of them otherwise */
static void put_tables(struct actor *a)
{
	u64 *table = (u64 *)(a->world->backdoor + TABLES_GPA);
	u64 *gdt = (u64 *)(a->world->backdoor + GDT_GPA);
	u32 i;

	memset(table, 0, 2 * PAGE_SIZE);
	table[0] = (TABLES_GPA + PAGE_SIZE) | 7;
	for (i = 0; i < 4; i++)
		table[512 + i] = i ? (u64)i << 30 | 0x87 : (TABLES_GPA + 2 * PAGE_SIZE) | 7;
	for (i = 0; i < 512; i++)
		table[1024 + i] = (u64)i << 21 | 0xe7;
	while (chance_one_in(&a->chance, 2))
		table[chance_below(&a->chance, 3 * 512)] ^= 1ull << chance_below(&a->chance, 64);
	gdt[1] = 0x00af9b000000ffff;
	gdt[2] = 0x00cf93000000ffff;
	gdt[3] = 0x00cf9b000000ffff;
	gdt[4] = 0x00cff3000000ffff;
	gdt[5] = 0x00affb000000ffff;
}

static struct kvm_segment flat(u16 selector, bool code, bool is64)
{
	return (struct kvm_segment) {
		.selector = selector, .limit = 0xffffffff, .type = code ? 11 : 3, .present = 1, .s = 1, .g = 1,
		.l = code && is64,
		.db = !(code && is64),
	};
}

enum guest_mode { GUEST_REAL, GUEST_FLAT, GUEST_LONG };

static void state_of(struct kvm_sregs *s, enum guest_mode mode)
{
	s->gdt.base = GDT_GPA;
	s->gdt.limit = 0x37;
	s->idt.base = mode == GUEST_REAL ? 0 : IDT_GPA;
	s->idt.limit = 0x3ff;
	if (mode == GUEST_REAL) {
		s->cs = (struct kvm_segment){ .limit = 0xffff, .type = 11, .present = 1, .s = 1 };
		s->ds = (struct kvm_segment){ .limit = 0xffff, .type = 3, .present = 1, .s = 1 };
		s->cr0 = 0x60000010;
		s->cr4 = 0;
		s->efer = 0;
	} else {
		s->cs = flat(mode == GUEST_LONG ? 8 : 0x18, true, mode == GUEST_LONG);
		s->ds = flat(0x10, false, false);
		s->cr0 = mode == GUEST_LONG ? 0x80050033 : 0x33;
		s->cr3 = TABLES_GPA;
		s->cr4 = mode == GUEST_LONG ? 0x620 : 0x600;
		s->efer = mode == GUEST_LONG ? 0xd00 : 0;
	}
	s->es = s->ds;
	s->fs = s->ds;
	s->gs = s->ds;
	s->ss = s->ds;
}

void guest_prepare(struct actor *a, int fd)
{
	enum guest_mode mode = chance_below(&a->chance, 3);
	u64 code = CODE_GPA + chance_below(&a->chance, CODE_PAGES) * PAGE_SIZE;
	struct kvm_regs regs = { .rip = code, .rsp = STACK_GPA, .rflags = 2 };
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct kvm_sregs sregs;

	put_code(a, a->world->backdoor + code, mode == GUEST_REAL);
	put_tables(a);
	regs.rax = guest_number(a);
	regs.rcx = guest_number(a);
	regs.rdx = guest_number(a);
	regs.rdi = guest_address(&a->chance);
	regs.rsi = guest_address(&a->chance);
	if (chance_one_in(&a->chance, 2))
		regs.rflags |= 0x200;
	if (kvm_ioctl_once(fd, KVM_GET_SREGS, &sregs))
		return;
	state_of(&sregs, mode);
	kvm_ioctl_once(fd, KVM_SET_SREGS, &sregs);
	kvm_ioctl_once(fd, KVM_SET_REGS, &regs);
	kvm_ioctl_once(fd, KVM_SET_MP_STATE, &runnable);
}

/* what user space may do with the page between two runs */
static void scribble(struct actor *a, struct kvm_run *run)
{
	struct chance *c = &a->chance;

	run->immediate_exit = chance_one_in(c, 16);
	run->request_interrupt_window = chance_one_in(c, 8);
	if (chance_one_in(c, 8))
		run->kvm_valid_regs = chance_below(c, 16);
	if (chance_one_in(c, 8))
		run->kvm_dirty_regs = chance_below(c, 16);
	if (chance_one_in(c, 8))
		run->cr8 = chance_below(c, 20);
	if (chance_one_in(c, 8))
		((u64 *)run)[chance_below(c, a->world->run_size / 8)] = chance_nasty(c);
	if (chance_one_in(c, 16))
		((u64 *)run)[chance_below(c, PAGE_SIZE / 8)] = chance_next(c);
}

/* other threads may write to the page too: only who is alone can say what the kernel wrote */
static void judge_exit(struct actor *a, u32 reason)
{
	if (a->alone && !strcmp(exit_name(reason), "(no name)"))
		die("an exit for the unknown reason %u", reason);
	__atomic_fetch_add(&fuzz_totals->exits[reason % COUNT_OF(fuzz_totals->exits)], 1, __ATOMIC_RELAXED);
}

void guest_run(struct actor *a, u32 vcpu)
{
	static const struct itimerspec ticks = { { 0, RUN_LIMIT_NS }, { 0, RUN_LIMIT_NS } }, never;
	struct kvm_run *run = a->world->vcpus[vcpu].run;
	int fd = a->world->vcpus[vcpu].fd;
	u32 i, runs = 1 + chance_below(&a->chance, 4);
	long ret = 0;

	timer_settime(a->timer, 0, &ticks, NULL);
	for (i = 0; i < runs && ret == 0; i++) {
		scribble(a, run);
		ret = fuzz_ioctl("KVM_RUN", fd, KVM_RUN, chance_one_in(&a->chance, 64));
		__atomic_fetch_add(&fuzz_totals->runs, 1, __ATOMIC_RELAXED);
		if (!ret)
			judge_exit(a, run->exit_reason);
	}
	timer_settime(a->timer, 0, &never, NULL);
	run->immediate_exit = 0;
}
