// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a fuzzed guest lives in: page tables, descriptors, and handlers for all vectors, in the first pages of the
 * arena; and the state that a vCPU needs for each mode.
 *
 * A guest's code is a row of steps (guests.c), and EBP always points to the next one. A handler counts its vector in
 * memory, looks at nothing that the CPU has pushed, and goes on with the next step by an IRET on a fresh stack. So an
 * exception with or without an error code, an interrupt and an INT are all the same to it, and a guest goes on whatever
 * a step did to its registers, its stack or its data segments. Some guests are without handlers, and end by the first
 * exception.
 */
#include "machine.h"

#include <string.h>

#define COUNTERS_GPA	0x6000		/* a dword for each exception, one for all interrupts */
#define STACK_GPA	0x8000		/* of the steps */
#define HANDLER_STACK	0x8800
#define TABLES_GPA	0x10000
/* of each mode: IDT, then handlers, then TSS and GDT */
#define AREAS_GPA	0x20000
#define AREA_SIZE	0x2000
#define HANDLERS	0x1000
#define ENTRY_SIZE	32
#define COMMON		(HANDLERS + NR_VECTORS * ENTRY_SIZE)
#define TSS		0x1800
#define GDT		0x1900

/* pages of tables */
enum { PML4, PDPT, DIRECTORY, PAE_POINTERS, PAE_HIGH, PSE_DIRECTORY, NR_TABLES };

#define TABLE(index)	(TABLES_GPA + (index) * PAGE_SIZE)
#define PRESENT_WRITE	3
#define FOR_ALL		7
#define LARGE		0xe7		/* accessed and dirty, too */

/* selectors */
enum {
	CODE64 = 0x08, DATA = 0x10, CODE32 = 0x18, USER_DATA = 0x23, USER_CODE64 = 0x2b, USER_CODE32 = 0x33,
	TASK = 0x38,
};

const struct guest_mode guest_modes[] = {
	{ "real", .bits = 16 },
	{ "flat", .bits = 32, .handler_bits = 32, .cs = CODE32, .cr0 = 0x33, .cr4 = 0x600 },
	{ "two levels", .bits = 32, .handler_bits = 32, .cs = CODE32, .cr0 = 0x80050033, .cr4 = 0x610,
	  .cr3 = TABLE(PSE_DIRECTORY) },
	{ "PAE", .bits = 32, .handler_bits = 32, .cs = CODE32, .cr0 = 0x80010033, .cr4 = 0x620,
	  .cr3 = TABLE(PAE_POINTERS) },
	{ "long", .bits = 64, .handler_bits = 64, .cs = CODE64, .cr0 = 0x80050033, .cr4 = 0x620, .cr3 = TABLE(PML4),
	  .efer = 0xd01 },
	{ "long, user", .bits = 64, .handler_bits = 64, .cs = USER_CODE64, .cr0 = 0x80050033, .cr4 = 0x620,
	  .cr3 = TABLE(PML4), .efer = 0xd01 },
	{ "compatibility", .bits = 32, .handler_bits = 64, .cs = USER_CODE32, .cr0 = 0x80050033, .cr4 = 0x620,
	  .cr3 = TABLE(PML4), .efer = 0xd01 },
};

const u32 nr_guest_modes = COUNT_OF(guest_modes);

u64 machine_any_table(struct chance *c)
{
	return TABLES_GPA + chance_below(c, NR_TABLES * PAGE_SIZE);
}

/* some entries for the arena are unlike the others: absent, read-only, for the kernel, not to execute, reserved */
static void bend_entries(struct chance *c, u64 *directory)
{
	static const u64 bits[] = { 1, 2, 4, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 12, 1 << 13, 1ull << 51, 1ull << 63 };

	while (chance_one_in(c, 2))
		directory[1 + chance_below(c, ARENA_SIZE / (2 * MiB) - 1)] ^= bits[chance_below(c, COUNT_OF(bits))];
}

/* one to one as far as they go, with holes; the upper half of 4 GiB is at the top of the address space as well */
static void put_tables(struct actor *a)
{
	u8 *base = a->world->backdoor;
	u64 *pml4 = (u64 *)(base + TABLE(PML4)), *pdpt = (u64 *)(base + TABLE(PDPT));
	u64 *directory = (u64 *)(base + TABLE(DIRECTORY)), *high = (u64 *)(base + TABLE(PAE_HIGH));
	u64 *pointers = (u64 *)(base + TABLE(PAE_POINTERS));
	u32 *pse = (u32 *)(base + TABLE(PSE_DIRECTORY)), i;

	memset(base + TABLES_GPA, 0, NR_TABLES * PAGE_SIZE);
	pml4[0] = TABLE(PDPT) | FOR_ALL;
	pml4[511] = TABLE(PDPT) | FOR_ALL;
	pdpt[0] = TABLE(DIRECTORY) | FOR_ALL;
	for (i = 2; i < 4; i++) {
		pdpt[i] = (u64)i << 30 | LARGE;
		pdpt[508 + i] = pdpt[i];
	}
	for (i = 0; i < 512; i++) {
		directory[i] = (u64)i << 21 | LARGE;
		high[i] = 3ull << 30 | (u64)i << 21 | LARGE;
	}
	for (i = 0; i < 1024; i++)
		pse[i] = i << 22 | LARGE;
	pointers[0] = TABLE(DIRECTORY) | 1;
	pointers[3] = TABLE(PAE_HIGH) | 1;
	bend_entries(&a->chance, directory);
	if (chance_one_in(&a->chance, 8))
		((u64 *)(base + TABLES_GPA))[chance_below(&a->chance, NR_TABLES * 512)] ^=
			1ull << chance_below(&a->chance, 64);
}

static u64 area_of(const struct guest_mode *mode)
{
	return AREAS_GPA + (mode - guest_modes) * AREA_SIZE;
}

static void put_descriptors(u8 *base, const struct guest_mode *mode)
{
	const u64 gdt[] = {
		0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff,
		0x00cffb000000ffff, 0x0000890200000067 | (area_of(mode) + TSS) << 16, 0,
	};
	u8 *tss = base + area_of(mode) + TSS;
	u64 stack = HANDLER_STACK;

	memcpy(base + area_of(mode) + GDT, gdt, sizeof(gdt));
	/* see machine_tame_regs() */
	if (mode->handler_bits != 64)
		memset(base + area_of(mode) + GDT + (USER_DATA & ~7), 0, 3 * 8);
	memset(tss, 0, 104);
	/* ring 0: of 64 bits, or 32 and a selector; then the first of the interrupt stack table */
	if (mode->handler_bits == 32)
		stack |= (u64)DATA << 32;
	memcpy(tss + 4, &stack, 8);
	memcpy(tss + 36, &(u64){ HANDLER_STACK }, 8);
}

/* user code may raise them all; in real mode the area is a segment */
static void put_gates(u8 *base, const struct guest_mode *mode)
{
	u32 vector, area = area_of(mode);

	for (vector = 0; vector < 256; vector++) {
		u32 offset = HANDLERS + (vector < 32 ? vector : 32) * ENTRY_SIZE, entry = area + offset;
		u64 gate = (entry & 0xffff) | (u64)(entry >> 16) << 48 | 0xee00ull << 32;

		if (mode->handler_bits == 64)
			memcpy(base + area + vector * 16, (u64[]){ gate | CODE64 << 16 | 1ull << 32, 0 }, 16);
		else if (mode->handler_bits == 32)
			memcpy(base + area + vector * 8, &(u64){ gate | CODE32 << 16 }, 8);
		else
			memcpy(base + vector * 4, &(u32){ offset | area >> 4 << 16 }, 4);
	}
}

static u8 *put(u8 *at, const char *bytes, u32 length)
{
	memcpy(at, bytes, length);
	return at + length;
}

#define PUT(at, bytes)	put(at, bytes, sizeof(bytes) - 1)

static u8 *put_number(u8 *at, u32 number, u32 size)
{
	memcpy(at, &number, size);
	return at + size;
}

/* the counter goes up by SS, which a handler can rely on; an interrupt ends; the rest is common */
static void put_entries(u8 *base, const struct guest_mode *mode)
{
	u8 *area = base + area_of(mode);
	u32 i, width = mode->bits == 16 ? 2 : 4;

	for (i = 0; i < NR_VECTORS; i++) {
		u8 *at = area + HANDLERS + i * ENTRY_SIZE;

		at = width == 2 ? PUT(at, "\xf0\x36\x66\xff\x06") : PUT(at, "\xf0\x36\xff\x04\x25");
		at = put_number(at, COUNTERS_GPA + i * 4, width);
		if (i == 32 && width == 4)
			at = PUT(at, "\x36\xc7\x04\x25\xb0\x00\xe0\xfe\0\0\0\0");
		*at++ = 0xe9;
		put_number(at, area + COMMON - (at + width), width);
	}
}

/* a stack, data segments, and a frame that leads to EBP */
static void put_common(struct actor *a, const struct guest_mode *mode)
{
	u8 *at = a->world->backdoor + area_of(mode) + COMMON;
	u32 flags = 2 | (chance_one_in(&a->chance, 4) ? 0 : 0x200), width = mode->bits == 16 ? 2 : 4;
	bool user = mode->cs & 3;

	*at++ = 0xbc;
	at = put_number(at, HANDLER_STACK, width);
	*at++ = 0xb8;
	at = put_number(at, mode->bits == 16 ? 0 : user ? USER_DATA : DATA, width);
	at = PUT(at, "\x8e\xd8\x8e\xc0");
	if (mode->handler_bits == 64) {
		*at++ = 0x6a;
		*at++ = user ? USER_DATA : DATA;
		*at++ = 0x68;
		at = put_number(at, STACK_GPA, 4);
	}
	/* some users have ports and STI */
	if (user && chance_one_in(&a->chance, 2))
		flags |= 0x3000;
	*at++ = 0x68;
	at = put_number(at, flags, width);
	*at++ = 0x6a;
	*at++ = mode->cs;
	*at++ = 0x55;
	if (mode->handler_bits == 64)
		*at++ = 0x48;
	*at = 0xcf;
}

void machine_build(struct actor *a, const struct guest_mode *mode)
{
	put_tables(a);
	put_descriptors(a->world->backdoor, mode);
	put_gates(a->world->backdoor, mode);
	put_entries(a->world->backdoor, mode);
	put_common(a, mode);
}

static struct kvm_segment flat(u16 selector, bool code, bool is64)
{
	return (struct kvm_segment) {
		.selector = selector, .limit = 0xffffffff, .type = code ? 11 : 3, .present = 1, .s = 1, .g = 1,
		.dpl = selector & 3, .l = code && is64, .db = !(code && is64),
	};
}

static void segments_of(struct kvm_sregs *s, const struct guest_mode *mode)
{
	if (mode->bits == 16) {
		s->cs = (struct kvm_segment){ .limit = 0xffff, .type = 11, .present = 1, .s = 1 };
		s->ds = (struct kvm_segment){ .limit = 0xffff, .type = 3, .present = 1, .s = 1 };
	} else {
		s->cs = flat(mode->cs, true, mode->bits == 64);
		s->ds = flat(mode->cs & 3 ? USER_DATA : DATA, false, false);
	}
	s->ss = s->ds;
	s->es = s->ds;
	s->fs = s->ds;
	s->gs = s->ds;
	s->ldt = (struct kvm_segment){ .unusable = 1 };
	s->tr = (struct kvm_segment){
		.selector = TASK, .base = area_of(mode) + TSS, .limit = 0x67, .type = 11, .present = 1,
	};
}

void machine_state(struct actor *a, const struct guest_mode *mode, struct kvm_sregs *s)
{
	s->gdt.base = area_of(mode) + GDT;
	s->gdt.limit = 0x47;
	s->idt.base = mode->bits == 16 ? 0 : area_of(mode);
	s->idt.limit = chance_one_in(&a->chance, 8) ? 0 : 0xfff;
	s->cr0 = mode->cr0 ?: 0x60000010;
	s->cr3 = mode->cr3;
	s->cr4 = mode->cr4;
	s->efer = mode->efer;
	segments_of(s, mode);
}

/*
 * QEMU's TCG dies of a guest that enters ring 0 with a TSS that is busy, as it always is, but for 64-bit ones, and with
 * one that is absent: 32-bit guests have no rings and no virtual 8086 mode there, and all have a TSS. And it dies now
 * and then of breakpoints that VMRUN has loaded.
 */
void machine_tame_regs(struct kvm_regs *regs)
{
	if (machine_is_tcg())
		regs->rflags &= ~(1ull << 17);
}

void machine_tame_sregs(struct kvm_sregs *s)
{
	if (!machine_is_tcg())
		return;
	s->tr.present = 1;
	s->tr.unusable = 0;
	if (!(s->efer & 1 << 10)) {
		s->cs.dpl = 0;
		s->ss.dpl = 0;
	}
}

u64 machine_tame_dr7(u64 dr7)
{
	return machine_is_tcg() ? dr7 & ~0xffull : dr7;
}

u64 machine_stack(void)
{
	return STACK_GPA;
}

/* the guest may write there as well: a number means no more than that the vector was there */
void machine_count(struct world *w)
{
	u32 *counters = (u32 *)(w->backdoor + COUNTERS_GPA), i;

	for (i = 0; i < NR_VECTORS; i++)
		if (__atomic_exchange_n(&counters[i], 0, __ATOMIC_RELAXED))
			__atomic_fetch_add(&fuzz_totals->vectors[i], 1, __ATOMIC_RELAXED);
}
