// SPDX-License-Identifier: GPL-2.0-only
/*
 * Small random guests: a state of some mode (machine.c), a loop of a handful of steps, and a VMM that runs it for a
 * while and answers.
 *
 * A step is an instruction or two of those which a hypervisor has to do with, with random operands: ports, MMIO, MSRs,
 * control and debug registers, descriptor tables, events, strings, and plain accesses to memory, to the guest's own
 * page tables and to holes. Any bytes come in between. Before its instruction a step puts the address of the next into
 * EBP: there the handlers go on, whatever has become of this one.
 *
 * Everything lies in the first pages of guest memory, if a slot is there at all.
 */
#include "machine.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <time.h>

#define CODE_GPA	0x1000
#define CODE_PAGES	4
#define STEPS		24
#define STEP_SIZE	32
#define RUN_LIMIT_NS	4000000
#define MOST_RUNS	12

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
	/* eax, ecx, edx, edi, esi, esp; known ports and MSRs */
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
	ATOM("\x0f\x06"), ATOM("\x0f\x01\xf0"), ATOM("\x0f\x01\xe0"), ATOM("\x0f\x23\xc0"),
	ATOM("\x31\xc0\x0f\x23\xf8"),
	ATOM("\x0f\x21\xf0"), ATOM("\x0f\x20\xd8\x0f\x22\xd8"),
	/* descriptor tables, segments, task register */
	ATOM("\x0f\x01\x14\x25" ADDRESS), ATOM("\x0f\x01\x1c\x25" ADDRESS), ATOM("\x0f\x01\x04\x25" ADDRESS),
	ATOM("\x8e\xd8"), ATOM("\x8e\xd0"), ATOM("\x8e\xe8"), ATOM("\x0f\x00\xd0"), ATOM("\xcb"),
	/* events: hlt, cli, sti, int, int3, into, ud2, iret, popf with random flags, sti and hlt */
	ATOM("\xf4"), ATOM("\xfa"), ATOM("\xfb"), ATOM("\xcd$"), ATOM("\xcc"), ATOM("\x0f\x0b"),
	ATOM("\x9c\x9d"),
	ATOM("\x68" NUMBER "\x9d"), ATOM("\xfb\xf4"), ATOM("\xf1"), ATOM("\xf6\xf1"),
	/* div by zero; a single step */
	ATOM("\x31\xc9\xf7\xf1"), ATOM("\x68\x02\x01\0\0\x9d"),
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
	/* of these QEMU's TCG dies (see machine_tame_regs()): breakpoints, ltr of nothing, iret to VM86, mov to CR8 */
	ATOM("\x0f\x23\xf8"), ATOM("\x0f\x00\xd8"), ATOM("\xcf"), ATOM("\x44\x0f\x22\xc0"),
};

#define NOT_ON_TCG	4

/* where a guest's access goes */
static u32 guest_address(struct chance *c)
{
	switch (chance_below(c, 10)) {
	case 0: return 0xfee00000 + chance_below(c, 0x40) * 0x10;
	case 1: return 0xfec00000 + chance_below(c, 2) * 0x10;
	case 2: return MMIO_BASE + chance_below(c, 8) * 4;
	case 3: return machine_any_table(c);
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
	u32 count = COUNT_OF(atoms) - (machine_is_tcg() ? NOT_ON_TCG : 0);
	const struct atom *atom = &atoms[chance_below(&a->chance, count)];
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

/* NOPs fill it up; in 16-bit code prefixes make its first instruction the same */
static void put_step(struct actor *a, u8 *at, u32 next, u32 bits)
{
	u8 *end = at + STEP_SIZE;

	memset(at, 0x90, STEP_SIZE);
	if (bits == 16)
		*at++ = 0x66;
	*at++ = 0xbd;
	memcpy(at, &next, 4);
	at += 4;
	if (bits == 16) {
		*at++ = 0x66;
		*at++ = 0x67;
	} else if (bits == 64 && chance_one_in(&a->chance, 6)) {
		*at++ = 0x48;
	}
	at += put_atom(a, at);
	if (at > end)
		die("a step of %d bytes too many", (int)(at - end));
}

/* a loop: behind the last step a jump leads back to the first */
static void put_code(struct actor *a, u32 gpa, u32 bits)
{
	u8 *code = a->world->backdoor + gpa;
	u32 i, back = -(STEPS * STEP_SIZE + (bits == 16 ? 3 : 5));

	for (i = 0; i < STEPS; i++)
		put_step(a, code + i * STEP_SIZE, gpa + (i + 1) % STEPS * STEP_SIZE, bits);
	code += STEPS * STEP_SIZE;
	*code++ = 0xe9;
	memcpy(code, &back, 4);
}

/* a local APIC that takes interrupts, with its timer on */
static void start_lapic(struct actor *a, int fd)
{
	struct kvm_lapic_state lapic;
	struct {
		u32 offset, value;
	} registers[] = {
		{ 0x80, 0 }, { 0xf0, 0x1ff }, { 0x3e0, 0xb }, { 0x320, 0x20040 },
		{ 0x380, 20000 + chance_below(&a->chance, 1000000) },
	};
	u32 i;

	if (kvm_ioctl_once(fd, KVM_GET_LAPIC, &lapic))
		return;
	for (i = 0; i < COUNT_OF(registers); i++)
		memcpy(lapic.regs + registers[i].offset, &registers[i].value, 4);
	kvm_ioctl_once(fd, KVM_SET_LAPIC, &lapic);
}

/* what other operations have left: no events, no debugging, CPUID as the node has it, memory where the code is */
static void calm(struct actor *a, int fd)
{
	struct kvm_vcpu_events events = {};
	struct kvm_guest_debug debug = {};
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };

	world_mend(a->world);
	kvm_ioctl_once(fd, KVM_SET_CPUID2, a->world->cpuid);
	kvm_ioctl_once(fd, KVM_SET_MP_STATE, &runnable);
	if (chance_one_in(&a->chance, 4))
		return;
	kvm_ioctl_once(fd, KVM_SET_VCPU_EVENTS, &events);
	kvm_ioctl_once(fd, KVM_SET_GUEST_DEBUG, &debug);
}

void guest_prepare(struct actor *a, int fd)
{
	const struct guest_mode *mode = &guest_modes[chance_below(&a->chance, nr_guest_modes)];
	u64 code = CODE_GPA + chance_below(&a->chance, CODE_PAGES) * PAGE_SIZE;
	struct kvm_regs regs = { .rip = code, .rbp = code, .rsp = machine_stack(), .rflags = 2 };
	struct kvm_sregs sregs;

	calm(a, fd);
	machine_build(a, mode);
	put_code(a, code, mode->bits);
	regs.rax = guest_number(a);
	regs.rcx = guest_number(a);
	regs.rdx = guest_number(a);
	regs.rdi = guest_address(&a->chance);
	regs.rsi = guest_address(&a->chance);
	if (chance_one_in(&a->chance, 2))
		regs.rflags |= 0x200;
	if (mode->cs & 3 && chance_one_in(&a->chance, 2))
		regs.rflags |= 0x3000;
	if (kvm_ioctl_once(fd, KVM_GET_SREGS, &sregs))
		return;
	machine_state(a, mode, &sregs);
	kvm_ioctl_once(fd, KVM_SET_SREGS, &sregs);
	kvm_ioctl_once(fd, KVM_SET_REGS, &regs);
	if (!chance_one_in(&a->chance, 4))
		start_lapic(a, fd);
}

/* what user space may do with the page between two runs */
static void scribble(struct actor *a, struct kvm_run *run)
{
	struct chance *c = &a->chance;

	run->immediate_exit = chance_one_in(c, 16);
	run->request_interrupt_window = chance_one_in(c, 8);
	/* mostly registers that are those of the last exit */
	run->kvm_dirty_regs = chance_one_in(c, 2) ? run->kvm_valid_regs & 7 : 0;
	run->kvm_valid_regs = chance_one_in(c, 4) ? chance_below(c, 8) : 0;
	if (chance_one_in(c, 32))
		run->kvm_dirty_regs = chance_below(c, 16);
	if (chance_one_in(c, 32))
		run->kvm_valid_regs = chance_below(c, 16);
	if (chance_one_in(c, 16))
		run->cr8 = chance_below(c, 18);
	/* what the kernel has written about the exit, which it must not believe afterwards */
	if (chance_one_in(c, 4))
		((u64 *)&run->hw)[chance_below(c, 4)] = chance_nasty(c);
	if (chance_one_in(c, 16))
		((u64 *)run)[chance_below(c, a->world->run_size / 8)] = chance_nasty(c);
	if (chance_one_in(c, 32))
		((u64 *)run)[chance_below(c, PAGE_SIZE / 8)] = chance_next(c);
	machine_tame_regs(&run->s.regs.regs);
	machine_tame_sregs(&run->s.regs.sregs);
}

/* other threads may write to the page too: only who is alone can say what the kernel wrote */
static void judge_exit(struct actor *a, u32 reason)
{
	if (a->alone && !strcmp(exit_name(reason), "(no name)"))
		die("an exit for the unknown reason %u", reason);
	__atomic_fetch_add(&fuzz_totals->exits[reason % COUNT_OF(fuzz_totals->exits)], 1, __ATOMIC_RELAXED);
}

/* what a VMM has for a guest: what was read, and events from outside */
static void answer(struct actor *a, int fd, struct kvm_run *run)
{
	struct kvm_interrupt interrupt = { .irq = 32 + chance_below(&a->chance, 224) };
	struct kvm_msi msi = {
		.address_lo = 0xfee00000 | chance_below(&a->chance, WORLD_VCPUS) << 12, .data = interrupt.irq,
	};
	u64 data = guest_number(a);

	if (run->exit_reason == KVM_EXIT_MMIO)
		memcpy(run->mmio.data, &data, 8);
	switch (chance_below(&a->chance, 16)) {
	case 0:
		fuzz_ioctl("KVM_INTERRUPT", fd, KVM_INTERRUPT, (uintptr_t)&interrupt);
		break;
	case 1:
		fuzz_ioctl("KVM_NMI", fd, KVM_NMI, 0);
		break;
	case 2:
	case 3:
		fuzz_ioctl("KVM_SIGNAL_MSI", a->world->vm, KVM_SIGNAL_MSI, (uintptr_t)&msi);
	}
}

bool guest_is_dead(const struct kvm_run *run)
{
	return run->exit_reason == KVM_EXIT_SHUTDOWN || run->exit_reason == KVM_EXIT_INTERNAL_ERROR ||
	       run->exit_reason == KVM_EXIT_FAIL_ENTRY;
}

static long one_run(struct actor *a, int fd, struct kvm_run *run)
{
	long ret;

	scribble(a, run);
	ret = fuzz_ioctl("KVM_RUN", fd, KVM_RUN, chance_one_in(&a->chance, 64));
	__atomic_fetch_add(&fuzz_totals->runs, 1, __ATOMIC_RELAXED);
	if (ret)
		__atomic_fetch_add(&fuzz_totals->errors[-ret % COUNT_OF(fuzz_totals->errors)], 1, __ATOMIC_RELAXED);
	else
		judge_exit(a, run->exit_reason);
	return ret;
}

static void run_some(struct actor *a, u32 vcpu)
{
	static const struct itimerspec ticks = { { 0, RUN_LIMIT_NS }, { 0, RUN_LIMIT_NS } }, never;
	struct kvm_run *run = a->world->vcpus[vcpu].run;
	int fd = a->world->vcpus[vcpu].fd;
	u32 i, runs = 1 + chance_below(&a->chance, MOST_RUNS);

	timer_settime(a->timer, 0, &ticks, NULL);
	for (i = 0; i < runs; i++) {
		long ret = one_run(a, fd, run);

		if ((ret && ret != -EINTR) || guest_is_dead(run))
			break;
		answer(a, fd, run);
	}
	timer_settime(a->timer, 0, &never, NULL);
	run->immediate_exit = 0;
	machine_count(a->world);
}

/* a thread that may not run its guest has other things to do */
void guest_run(struct actor *a, u32 vcpu)
{
	struct world *w = a->world;

	if (w->together) {
		run_some(a, vcpu);
	} else if (!pthread_mutex_trylock(&w->guest)) {
		run_some(a, vcpu);
		pthread_mutex_unlock(&w->guest);
	}
}
