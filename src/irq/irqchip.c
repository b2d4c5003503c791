// SPDX-License-Identifier: GPL-2.0-only
/*
 * PIC and I/O APIC in a VM.
 *
 * The chips themselves are pic.c and ioapic.c.  Here they get a lock each, lines
 * that several sources drive, ports and memory, and processors.
 *
 * Lines are raised in any context, so the locks are raw and taken with interrupts
 * off.  Messages of the I/O APIC are sent with its lock held: delivery takes
 * none.  Whoever waits for the end of an interrupt is told with no lock held,
 * since he lowers lines.
 *
 * The PIC's INTR pin is a flag of the VM.  When it rises, each processor that
 * listens to the PIC is asked to look at it (event_inject()), and so does one
 * that begins to listen.  The first to acknowledge gets the vector; another one
 * that comes too late gets a spurious interrupt, as with the real chip.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "../x86/machine.h"
#include "irqchip.h"
#include "lapic_private.h"
#include "pit_timer.h"

/* Ranges on a bus: two PICs and their edge/level control. */
#define IRQCHIP_MAX_RANGES	3

/**
 * struct irqchip - the chips
 * @vm:		constant
 * @pic_lock:	guards @pic, @pic_lines and vm->irq.pic_output
 * @ioapic_lock: guards @ioapic and @ioapic_lines; before the locks of nobody
 * @pic_lines:	by pin: a bit for each enum irq_source that drives it
 * @ioapic_lines: likewise
 * @pic_ports, @ioapic_memory: on the buses of the VM
 */
struct irqchip {
	struct vm *vm;
	raw_spinlock_t pic_lock;
	struct pic pic;
	u8 pic_lines[PIC_PINS];
	raw_spinlock_t ioapic_lock;
	struct ioapic ioapic;
	u8 ioapic_lines[IOAPIC_PINS];
	struct io_device pic_ports, ioapic_memory;
};

/* Return: is the line up? */
static bool irqchip_drive(u8 *line, enum irq_source source, bool level)
{
	if (level)
		*line |= 1u << source;
	else
		*line &= ~(1u << source);
	return *line;
}

/* --- PIC --- */

/* The PIC has changed.  Return: did INTR rise?  Then irqchip_interrupt() follows. */
static bool irqchip_pic_changed(struct irqchip *chip)
{
	bool before = chip->vm->irq.pic_output;
	bool output = pic_output(&chip->pic);

	lockdep_assert_held(&chip->pic_lock);

	if (output != before)
		WRITE_ONCE(chip->vm->irq.pic_output, output);
	return output && !before;
}

static void irqchip_interrupt(struct vm *vm)
{
	struct vcpu *vcpu;
	unsigned long i;

	/* Who begins to listen now sees INTR, or is seen here. */
	smp_mb();
	vm_for_each_vcpu(vm, i, vcpu) {
		if (!lapic_accepts_pic(vcpu))
			continue;
		vcpu_request(vcpu, VCPU_REQ_EVENT);
		vcpu_kick(vcpu);
	}
}

int irqchip_set_pic(struct vm *vm, enum irq_source source, unsigned int pin, bool level)
{
	struct irqchip *chip = vm->irq.chip;
	unsigned long flags;
	bool rises;
	int ret;

	/* The slave is wired to it. */
	if (pin == 2)
		return -1;
	raw_spin_lock_irqsave(&chip->pic_lock, flags);
	level = irqchip_drive(&chip->pic_lines[pin], source, level);
	ret = pic_set_line(&chip->pic, pin, level);
	rises = irqchip_pic_changed(chip);
	raw_spin_unlock_irqrestore(&chip->pic_lock, flags);

	if (rises)
		irqchip_interrupt(vm);
	return ret;
}

u8 irqchip_accept(struct vm *vm)
{
	struct irqchip *chip = vm->irq.chip;
	unsigned long flags;
	u16 acked;
	u8 vector;

	raw_spin_lock_irqsave(&chip->pic_lock, flags);
	vector = pic_accept(&chip->pic);
	acked = pic_take_acked(&chip->pic);
	irqchip_pic_changed(chip);
	raw_spin_unlock_irqrestore(&chip->pic_lock, flags);

	irq_acked(vm, IRQ_CHIP_PIC, acked);
	return vector;
}

static void irqchip_unmasked(struct vm *vm, enum irq_chip which, u32 pins)
{
	if (pins && irq_gsi_on_pins(vm, PIT_TIMER_GSI, which, pins))
		pit_timer_unmasked(vm);
}

static bool irqchip_pic_read(struct io_device *dev, struct vcpu *vcpu, gpa_t addr,
			     unsigned int len, void *data)
{
	struct irqchip *chip = container_of(dev, struct irqchip, pic_ports);
	unsigned long flags;
	unsigned int i;
	bool rises;
	u16 acked;

	raw_spin_lock_irqsave(&chip->pic_lock, flags);
	for (i = 0; i < len; i++)
		((u8 *)data)[i] = pic_read(&chip->pic, addr + i);
	acked = pic_take_acked(&chip->pic);
	rises = irqchip_pic_changed(chip);
	raw_spin_unlock_irqrestore(&chip->pic_lock, flags);

	irq_acked(chip->vm, IRQ_CHIP_PIC, acked);
	if (rises)
		irqchip_interrupt(chip->vm);
	return true;
}

static bool irqchip_pic_write(struct io_device *dev, struct vcpu *vcpu, gpa_t addr,
			      unsigned int len, const void *data)
{
	struct irqchip *chip = container_of(dev, struct irqchip, pic_ports);
	u16 acked, masked, unmasked;
	unsigned long flags;
	unsigned int i;
	bool rises;

	raw_spin_lock_irqsave(&chip->pic_lock, flags);
	masked = pic_masked(&chip->pic);
	for (i = 0; i < len; i++)
		pic_write(&chip->pic, addr + i, ((const u8 *)data)[i]);
	unmasked = masked & ~pic_masked(&chip->pic);
	acked = pic_take_acked(&chip->pic);
	rises = irqchip_pic_changed(chip);
	raw_spin_unlock_irqrestore(&chip->pic_lock, flags);

	irqchip_unmasked(chip->vm, IRQ_CHIP_PIC, unmasked);
	irq_acked(chip->vm, IRQ_CHIP_PIC, acked);
	if (rises)
		irqchip_interrupt(chip->vm);
	return true;
}

static const struct io_device_ops irqchip_pic_ops = {
	.read = irqchip_pic_read,
	.write = irqchip_pic_write,
	.max_ranges = IRQCHIP_MAX_RANGES,
};

/* --- I/O APIC --- */

static int irqchip_send(struct ioapic *ioapic, const struct lapic_msg *msg)
{
	return lapic_send(container_of(ioapic, struct irqchip, ioapic)->vm, NULL, msg);
}

int irqchip_set_ioapic(struct vm *vm, enum irq_source source, unsigned int pin, bool level)
{
	struct irqchip *chip = vm->irq.chip;
	unsigned long flags;
	int ret;

	raw_spin_lock_irqsave(&chip->ioapic_lock, flags);
	level = irqchip_drive(&chip->ioapic_lines[pin], source, level);
	ret = ioapic_set_line(&chip->ioapic, pin, level);
	raw_spin_unlock_irqrestore(&chip->ioapic_lock, flags);
	return ret;
}

void irqchip_eoi(struct vm *vm, u8 vector, bool level)
{
	struct irqchip *chip = vm->irq.chip;
	unsigned long flags;
	u32 pins;

	raw_spin_lock_irqsave(&chip->ioapic_lock, flags);
	pins = ioapic_eoi(&chip->ioapic, vector, level);
	raw_spin_unlock_irqrestore(&chip->ioapic_lock, flags);
	if (!pins)
		return;

	irq_acked(vm, IRQ_CHIP_IOAPIC, pins);
	if (!level)
		return;
	raw_spin_lock_irqsave(&chip->ioapic_lock, flags);
	ioapic_resend(&chip->ioapic, pins);
	raw_spin_unlock_irqrestore(&chip->ioapic_lock, flags);
}

void irqchip_eoi_vectors(struct vcpu *vcpu, unsigned long *vectors)
{
	struct irqchip *chip = vcpu->vm->irq.chip;
	unsigned long pins = irq_ack_pins(vcpu->vm, IRQ_CHIP_IOAPIC);
	struct lapic_msg msg;
	unsigned long flags;
	unsigned int pin;

	raw_spin_lock_irqsave(&chip->ioapic_lock, flags);
	for_each_set_bit(pin, &pins, IOAPIC_PINS) {
		ioapic_message(&chip->ioapic, pin, &msg);
		if (lapic_is_target(vcpu->apic, &msg) ||
		    lapic_in_use(vcpu->apic, msg.vector))
			__set_bit(msg.vector, vectors);
	}
	raw_spin_unlock_irqrestore(&chip->ioapic_lock, flags);
}

static bool irqchip_ioapic_read(struct io_device *dev, struct vcpu *vcpu, gpa_t addr,
				unsigned int len, void *data)
{
	struct irqchip *chip = container_of(dev, struct irqchip, ioapic_memory);
	unsigned long flags;
	u32 value;

	raw_spin_lock_irqsave(&chip->ioapic_lock, flags);
	value = ioapic_read(&chip->ioapic, addr & (IOAPIC_SIZE - 1));
	raw_spin_unlock_irqrestore(&chip->ioapic_lock, flags);

	memset(data, 0, len);
	memcpy(data, &value, min_t(unsigned int, len, sizeof(value)));
	return true;
}

static bool irqchip_ioapic_write(struct io_device *dev, struct vcpu *vcpu, gpa_t addr,
				 unsigned int len, const void *data)
{
	struct irqchip *chip = container_of(dev, struct irqchip, ioapic_memory);
	struct vm *vm = chip->vm;
	unsigned long flags;
	u32 value = 0, masked, unmasked, pins;

	memcpy(&value, data, min_t(unsigned int, len, sizeof(value)));
	raw_spin_lock_irqsave(&chip->ioapic_lock, flags);
	masked = ioapic_masked(&chip->ioapic);
	pins = ioapic_write(&chip->ioapic, addr & (IOAPIC_SIZE - 1), value);
	unmasked = masked & ~ioapic_masked(&chip->ioapic);
	raw_spin_unlock_irqrestore(&chip->ioapic_lock, flags);

	if (pins & irq_ack_pins(vm, IRQ_CHIP_IOAPIC))
		vm_kick_all(vm, VCPU_REQ_SCAN_EOI);
	irqchip_unmasked(vm, IRQ_CHIP_IOAPIC, unmasked);
	return true;
}

static const struct io_device_ops irqchip_ioapic_ops = {
	.read = irqchip_ioapic_read,
	.write = irqchip_ioapic_write,
	.max_ranges = IRQCHIP_MAX_RANGES,
};

u8 irqchip_let_go(struct vm *vm, enum irq_chip which, unsigned int pin)
{
	struct irqchip *chip = vm->irq.chip;
	unsigned int source;
	u8 sources;

	lockdep_assert_held(&vm->irq.lines_lock);

	/* Nobody else drives lines now. */
	if (which == IRQ_CHIP_PIC)
		sources = pin < PIC_PINS ? chip->pic_lines[pin] : 0;
	else
		sources = chip->ioapic_lines[pin];
	for (source = 0; source < IRQ_NR_SOURCES; source++) {
		if (!(sources & 1u << source))
			continue;
		if (which == IRQ_CHIP_PIC)
			irqchip_set_pic(vm, source, pin, false);
		else
			irqchip_set_ioapic(vm, source, pin, false);
	}
	return sources;
}

/* --- saved state --- */

int irqchip_ioctl_get(struct vm *vm, struct kvm_irqchip *state)
{
	struct irqchip *chip;
	unsigned long flags;

	if (!smp_load_acquire(&vm->irqchip_full))
		return -ENXIO;
	chip = vm->irq.chip;
	switch (state->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		raw_spin_lock_irqsave(&chip->pic_lock, flags);
		state->chip.pic = chip->pic.chip[state->chip_id & 1];
		raw_spin_unlock_irqrestore(&chip->pic_lock, flags);
		return 0;
	case KVM_IRQCHIP_IOAPIC:
		raw_spin_lock_irqsave(&chip->ioapic_lock, flags);
		ioapic_save(&chip->ioapic, &state->chip.ioapic);
		raw_spin_unlock_irqrestore(&chip->ioapic_lock, flags);
		return 0;
	default:
		return -EINVAL;
	}
}

int irqchip_ioctl_set(struct vm *vm, const struct kvm_irqchip *state)
{
	struct irqchip *chip;
	unsigned long flags;

	if (!smp_load_acquire(&vm->irqchip_full))
		return -ENXIO;
	chip = vm->irq.chip;
	switch (state->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		raw_spin_lock_irqsave(&chip->pic_lock, flags);
		pic_load(&chip->pic, state->chip_id & 1, &state->chip.pic);
		irqchip_pic_changed(chip);
		raw_spin_unlock_irqrestore(&chip->pic_lock, flags);
		irqchip_interrupt(vm);
		return 0;
	case KVM_IRQCHIP_IOAPIC:
		raw_spin_lock_irqsave(&chip->ioapic_lock, flags);
		ioapic_load(&chip->ioapic, &state->chip.ioapic);
		raw_spin_unlock_irqrestore(&chip->ioapic_lock, flags);
		vm_kick_all(vm, VCPU_REQ_SCAN_EOI);
		return 0;
	default:
		return -EINVAL;
	}
}

/* --- life --- */

static void irqchip_leave_buses(struct irqchip *chip)
{
	io_bus_remove(&chip->vm->io.ports, &chip->pic_ports);
	io_bus_remove(&chip->vm->io.memory, &chip->ioapic_memory);
}

/* What was joined before a failure is left by irqchip_leave_buses(). */
static int irqchip_join_buses(struct irqchip *chip)
{
	static const u16 ports[] = { PIC_PORT_MASTER, PIC_PORT_SLAVE, PIC_PORT_ELCR };
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(ports); i++) {
		ret = io_bus_add(&chip->vm->io.ports, ports[i], 2, &chip->pic_ports);
		if (ret)
			return ret;
	}
	return io_bus_add(&chip->vm->io.memory, IOAPIC_BASE, IOAPIC_SIZE,
			  &chip->ioapic_memory);
}

int irqchip_create(struct vm *vm)
{
	struct irqchip *chip;
	int ret;

	lockdep_assert_held(&vm->lock);

	if (vm_has_lapics(vm))
		return -EEXIST;
	if (vm->nr_vcpus)
		return -EINVAL;
	chip = kzalloc(sizeof(*chip), GFP_KERNEL_ACCOUNT);
	if (!chip)
		return -ENOMEM;
	chip->vm = vm;
	raw_spin_lock_init(&chip->pic_lock);
	raw_spin_lock_init(&chip->ioapic_lock);
	pic_init(&chip->pic);
	ioapic_init(&chip->ioapic, irqchip_send);
	chip->pic_ports.ops = &irqchip_pic_ops;
	chip->ioapic_memory.ops = &irqchip_ioapic_ops;

	ret = irqchip_join_buses(chip);
	if (ret)
		goto leave_buses;
	vm->irq.chip = chip;
	ret = irq_set_default_routes(vm);
	if (ret)
		goto forget;
	/* Whoever sees it finds the chips. */
	smp_store_release(&vm->irqchip_full, true);
	return 0;

forget:
	vm->irq.chip = NULL;
leave_buses:
	irqchip_leave_buses(chip);
	kfree(chip);
	return ret;
}

void irqchip_destroy(struct vm *vm)
{
	kfree(vm->irq.chip);
	vm->irq.chip = NULL;
}
