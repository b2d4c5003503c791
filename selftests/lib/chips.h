/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interrupt chips in the kernel beside the local APIC: as guest code uses them, and as the VMM drives their lines
 * and saves them.
 */
#ifndef SELFTESTS_LIB_CHIPS_H
#define SELFTESTS_LIB_CHIPS_H

#include "apic.h"

#define PIC_MASTER	0x20
#define PIC_SLAVE	0xa0
#define PIC_ELCR	0x4d0
#define PIC_EOI		0x20
#define PIC_BASE	0x20	/* vectors of the 16 pins, once guest_pic_init() was there */

#define IOAPIC_BASE	0xfec00000ull
#define IOAPIC_PINS	24
#define IOAPIC_LOWEST	0x100ull
#define IOAPIC_NMI	0x400ull
#define IOAPIC_EXTINT	0x700ull
#define IOAPIC_LOGICAL	0x800ull
#define IOAPIC_REMOTE_IRR 0x4000ull
#define IOAPIC_LEVEL	0x8000ull
#define IOAPIC_MASKED	0x10000ull
#define IOAPIC_DEST(id)	((u64)(id) << 56)

/* the guest's side */

static inline void guest_out8(u16 port, u8 value)
{
	asm volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline u8 guest_in8(u16 port)
{
	u8 value;

	asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

/* a bit of @unmasked for each pin that may interrupt; pin 2 is the cascade */
static inline void guest_pic_mask(u16 unmasked)
{
	guest_out8(PIC_MASTER + 1, unmasked ^ 0xff);
	guest_out8(PIC_SLAVE + 1, unmasked >> 8 ^ 0xff);
}

static inline void guest_pic_init(u16 unmasked)
{
	guest_out8(PIC_MASTER, 0x11);
	guest_out8(PIC_SLAVE, 0x11);
	guest_out8(PIC_MASTER + 1, PIC_BASE);
	guest_out8(PIC_SLAVE + 1, PIC_BASE + 8);
	guest_out8(PIC_MASTER + 1, 4);
	guest_out8(PIC_SLAVE + 1, 2);
	guest_out8(PIC_MASTER + 1, 1);
	guest_out8(PIC_SLAVE + 1, 1);
	guest_pic_mask(unmasked);
}

static inline void guest_pic_eoi(u32 pin)
{
	if (pin >= 8)
		guest_out8(PIC_SLAVE, PIC_EOI);
	guest_out8(PIC_MASTER, PIC_EOI);
}

static inline u32 guest_ioapic_read(u32 reg)
{
	*(volatile u32 *)IOAPIC_BASE = reg;
	return *(volatile u32 *)(IOAPIC_BASE + 0x10);
}

static inline void guest_ioapic_write(u32 reg, u32 value)
{
	*(volatile u32 *)IOAPIC_BASE = reg;
	*(volatile u32 *)(IOAPIC_BASE + 0x10) = value;
}

static inline u64 guest_ioapic_entry(u32 pin)
{
	return guest_ioapic_read(0x10 + 2 * pin) | (u64)guest_ioapic_read(0x11 + 2 * pin) << 32;
}

/* masked until it is whole */
static inline void guest_ioapic_set(u32 pin, u64 entry)
{
	guest_ioapic_write(0x10 + 2 * pin, IOAPIC_MASKED);
	guest_ioapic_write(0x11 + 2 * pin, entry >> 32);
	guest_ioapic_write(0x10 + 2 * pin, (u32)entry);
}

/* the VMM's side */

static inline void vm_irq_line(struct vm *vm, u32 gsi, bool level)
{
	struct kvm_irq_level line = { .irq = gsi, .level = level };

	kvm_must(vm->fd, KVM_IRQ_LINE, &line);
}

/* what KVM_IRQ_LINE_STATUS tells of it */
static inline int vm_irq_line_status(struct vm *vm, u32 gsi, bool level)
{
	struct kvm_irq_level line = { .irq = gsi, .level = level };

	kvm_must(vm->fd, KVM_IRQ_LINE_STATUS, &line);
	return line.status;
}

static inline struct kvm_irqchip vm_get_irqchip(struct vm *vm, u32 id)
{
	struct kvm_irqchip chip = { .chip_id = id };

	kvm_must(vm->fd, KVM_GET_IRQCHIP, &chip);
	return chip;
}

#endif
