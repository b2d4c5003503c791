// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU modes: what sregs, descriptor tables and page tables a vCPU needs to start in real mode, flat 32-bit mode, the
 * two 32-bit paging modes and long mode. All paging modes map the first 4 GiB one to one with large pages, readable,
 * writable, executable, for user and supervisor, so that a test only builds what it is about.
 */
#include "guest.h"

#include <string.h>

#define PTE_P		(1ull << 0)
#define PTE_W		(1ull << 1)
#define PTE_U		(1ull << 2)
#define PTE_PS		(1ull << 7)
#define PTE_TABLE	(PTE_P | PTE_W | PTE_U)
#define PTE_ADDRESS	0x000ffffffffff000ull

#define CR0_PE		(1ull << 0)
#define CR0_MP		(1ull << 1)
#define CR0_ET		(1ull << 4)
#define CR0_NE		(1ull << 5)
#define CR0_WP		(1ull << 16)
#define CR0_PG		(1ull << 31)
#define CR4_PSE		(1ull << 4)
#define CR4_PAE		(1ull << 5)
#define CR4_OSFXSR	(1ull << 9)
#define CR4_OSXMMEXCPT	(1ull << 10)
#define EFER_LME	(1ull << 8)
#define EFER_LMA	(1ull << 10)
#define EFER_NX		(1ull << 11)

struct guest_tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3;
	u16 io_map;
} __attribute__((packed));

#define GDT_ENTRIES 8

/* in the image, so that they have a place in guest memory; filled in the guest's copy only */
static u64 gdts[MAX_VCPUS][GDT_ENTRIES] __attribute__((aligned(16)));
static struct guest_tss tsses[MAX_VCPUS] __attribute__((aligned(16)));
static u8 kernel_stacks[MAX_VCPUS][GUEST_STACK_SIZE] __attribute__((aligned(16)));
static u64 idt[256][2] __attribute__((aligned(16)));

static u64 table_alloc(struct vm *vm)
{
	u64 table = vm->next_table;

	if (table == TABLES_END)
		die("out of guest page tables");
	vm->next_table += PAGE_SIZE;
	memset(vm_hva(vm, table), 0, PAGE_SIZE);
	return table;
}

static u64 build_pse32(struct vm *vm)
{
	u64 directory = table_alloc(vm);
	u32 *entry = vm_hva(vm, directory);
	u32 i;

	for (i = 0; i < 1024; i++)
		entry[i] = i << 22 | PTE_PS | PTE_TABLE;
	return directory;
}

/* four page directories of 2 MiB pages; their entries go to pointers[0..3] with those bits */
static void build_directories(struct vm *vm, u64 *pointers, u64 bits)
{
	u64 i, j;

	for (i = 0; i < 4; i++) {
		u64 directory = table_alloc(vm);
		u64 *entry = vm_hva(vm, directory);

		for (j = 0; j < 512; j++)
			entry[j] = (i << 30) | (j << 21) | PTE_PS | PTE_TABLE;
		pointers[i] = directory | bits;
	}
}

static u64 build_pae(struct vm *vm)
{
	u64 pointers = table_alloc(vm);

	/* the four PAE directory pointers have no W and U bits */
	build_directories(vm, vm_hva(vm, pointers), PTE_P);
	return pointers;
}

static u64 build_long(struct vm *vm)
{
	u64 root = table_alloc(vm), pointers = table_alloc(vm);

	*(u64 *)vm_hva(vm, root) = pointers | PTE_TABLE;
	build_directories(vm, vm_hva(vm, pointers), PTE_TABLE);
	return root;
}

u64 *vm_pte(struct vm *vm, u64 gva)
{
	u64 table = vm->guest_cr3;
	int shift;

	for (shift = 39; ; shift -= 9) {
		u64 *entry = (u64 *)vm_hva(vm, table) + (gva >> shift & 511);

		if (shift == 12 || *entry & PTE_PS)
			return entry;
		if (!(*entry & PTE_P))
			return NULL;
		table = *entry & PTE_ADDRESS;
	}
}

/* the 4 KiB entry of @gva, with tables made where there are none and a large page split */
static u64 *pte_make(struct vm *vm, u64 gva)
{
	u64 table = vm->guest_cr3;
	int shift, i;

	for (shift = 39; shift > 12; shift -= 9) {
		u64 *entry = (u64 *)vm_hva(vm, table) + (gva >> shift & 511);
		u64 old = *entry;

		if (!(old & PTE_P) || old & PTE_PS) {
			u64 *below;

			table = table_alloc(vm);
			below = vm_hva(vm, table);
			for (i = 0; old & PTE_P && i < 512; i++)
				below[i] = (old & ~(shift == 21 ? PTE_PS : 0)) + ((u64)i << (shift - 9));
			*entry = table | PTE_TABLE;
		}
		table = *entry & PTE_ADDRESS;
	}
	return (u64 *)vm_hva(vm, table) + (gva >> 12 & 511);
}

void vm_map(struct vm *vm, u64 gva, u64 gpa, u64 size, u64 bits)
{
	u64 done;

	if (!vm->guest_cr3)
		vm->guest_cr3 = build_long(vm);
	for (done = 0; done < size; done += PAGE_SIZE)
		*pte_make(vm, gva + done) = (gpa + done) | bits;
}

static void segment_flat(struct kvm_segment *segment, u16 selector, bool code, bool is64)
{
	memset(segment, 0, sizeof(*segment));
	segment->selector = selector;
	segment->limit = 0xffffffff;
	segment->type = code ? 11 : 3;
	segment->present = 1;
	segment->s = 1;
	segment->g = 1;
	segment->l = code && is64;
	segment->db = !segment->l;
}

static void sregs_set_flat(struct kvm_sregs *s, bool is64)
{
	segment_flat(&s->cs, is64 ? SEL_CODE64 : SEL_CODE32, true, is64);
	segment_flat(&s->ds, SEL_DATA, false, is64);
	s->es = s->ds;
	s->fs = s->ds;
	s->gs = s->ds;
	s->ss = s->ds;
	s->cr0 |= CR0_PE | CR0_ET | CR0_NE | CR0_MP;
}

/* a code or data descriptor with base 0 and limit 4 GiB; @access is type, S, DPL and P */
static u64 descriptor_flat(u8 access, u8 flags)
{
	return 0xffffull | (u64)access << 40 | 0xfull << 48 | (u64)flags << 52;
}

static void build_long_cpu(struct vm *vm, int id)
{
	u64 *gdt = *guest_copy(vm, gdts[id]);
	struct guest_tss *tss = guest_copy(vm, tsses[id]);
	struct guest_cpu *cpu = guest_copy(vm, guest_cpus[id]);
	u64 tss_base = (uintptr_t)&tsses[id];

	memset(gdt, 0, sizeof(gdts[id]));
	gdt[SEL_CODE64 / 8] = descriptor_flat(0x9b, 0xa);
	gdt[SEL_DATA / 8] = descriptor_flat(0x93, 0xc);
	gdt[SEL_CODE32 / 8] = descriptor_flat(0x9b, 0xc);
	gdt[SEL_USER_DATA / 8] = descriptor_flat(0xf3, 0xc);
	gdt[SEL_USER_CODE / 8] = descriptor_flat(0xfb, 0xa);
	gdt[SEL_TSS / 8] = (sizeof(*tss) - 1) | (tss_base & 0xffffff) << 16 | 0x8bull << 40 |
			   (tss_base >> 24 & 0xff) << 56;
	gdt[SEL_TSS / 8 + 1] = tss_base >> 32;
	memset(tss, 0, sizeof(*tss));
	tss->rsp[0] = (uintptr_t)&kernel_stacks[id + 1];
	tss->io_map = sizeof(*tss);
	cpu->self = &guest_cpus[id];
	cpu->id = id;
}

static void build_idt(struct vm *vm)
{
	u64 (*gates)[2] = *guest_copy(vm, idt);
	int vector;

	for (vector = 0; vector < 256; vector++) {
		u64 entry = guest_entries[vector];

		/* user code may use INT3 and INTO */
		gates[vector][0] = (entry & 0xffff) | (u64)SEL_CODE64 << 16 |
				   (vector == 3 || vector == 4 ? 0xeeull : 0x8eull) << 40 |
				   (entry >> 16 & 0xffff) << 48;
		gates[vector][1] = entry >> 32;
	}
}

static void sregs_set_long(struct vcpu *vcpu, struct kvm_sregs *s)
{
	struct vm *vm = vcpu->vm;

	if (!vm->guest_cr3)
		vm->guest_cr3 = build_long(vm);
	build_idt(vm);
	build_long_cpu(vm, vcpu->id);
	sregs_set_flat(s, true);
	s->gs.base = (uintptr_t)&guest_cpus[vcpu->id];
	s->gdt.base = (uintptr_t)gdts[vcpu->id];
	s->gdt.limit = sizeof(gdts[0]) - 1;
	s->idt.base = (uintptr_t)idt;
	s->idt.limit = sizeof(idt) - 1;
	memset(&s->tr, 0, sizeof(s->tr));
	s->tr.selector = SEL_TSS;
	s->tr.base = (uintptr_t)&tsses[vcpu->id];
	s->tr.limit = sizeof(struct guest_tss) - 1;
	s->tr.type = 11;
	s->tr.present = 1;
	s->cr3 = vm->guest_cr3;
	s->cr4 |= CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	s->cr0 |= CR0_PG | CR0_WP;
	s->efer |= EFER_LME | EFER_LMA | EFER_NX;
}

static void sregs_set_real(struct kvm_sregs *s)
{
	/* as after reset, but with segments at 0 instead of the BIOS; limits stay 64 KiB */
	s->cs.selector = 0;
	s->cs.base = 0;
}

void vcpu_set_mode(struct vcpu *vcpu, enum cpu_mode mode)
{
	struct kvm_sregs s;

	vcpu_get_sregs(vcpu, &s);
	switch (mode) {
	case MODE_REAL:
		sregs_set_real(&s);
		break;
	case MODE_FLAT32:
		sregs_set_flat(&s, false);
		break;
	case MODE_PSE32:
		sregs_set_flat(&s, false);
		s.cr3 = build_pse32(vcpu->vm);
		s.cr4 |= CR4_PSE;
		s.cr0 |= CR0_PG | CR0_WP;
		break;
	case MODE_PAE:
		sregs_set_flat(&s, false);
		s.cr3 = build_pae(vcpu->vm);
		s.cr4 |= CR4_PAE;
		s.cr0 |= CR0_PG | CR0_WP;
		break;
	case MODE_LONG:
		sregs_set_long(vcpu, &s);
		break;
	}
	vcpu_set_sregs(vcpu, &s);
}

void vcpu_set_entry(struct vcpu *vcpu, u64 code, u64 stack)
{
	struct kvm_regs regs = { .rip = code, .rsp = stack, .rflags = 2 };

	vcpu_set_regs(vcpu, &regs);
}

void vcpu_set_guest(struct vcpu *vcpu, void (*function)(u64), u64 argument)
{
	struct kvm_regs regs = {
		.rip = (uintptr_t)guest_start,
		.rsp = (uintptr_t)&guest_stacks[vcpu->id + 1],
		.rflags = 2,
		.rdi = argument,
		.rsi = (uintptr_t)function,
	};

	vcpu_set_mode(vcpu, MODE_LONG);
	vcpu_set_regs(vcpu, &regs);
}
