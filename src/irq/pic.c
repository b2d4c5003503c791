// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two interrupt controllers of the AT (8259A data sheet).
 *
 * A pin is edge-triggered, or level-triggered if the edge/level control register
 * says so.  The request of an edge stays until it is acknowledged or the chip is
 * initialized, also when the line has fallen again: a pulse is an interrupt.
 * That of a level is the level.  The slave's INT pin drives pin 2 of the master,
 * whose request is simply what the slave shows at the moment.
 *
 * Priorities rotate: priority_add is the pin of the highest.  A rank is how far a
 * pin stands behind that one; the chip requests an interrupt if the best rank of
 * the requests beats the best one in service.
 *
 * An interrupt ends, and is reported as acked, when its bit in service is
 * cleared: by EOI, by automatic EOI, or by initialization.
 *
 * A PC always cascades two chips in 8086 mode; bits that say otherwise are
 * ignored.
 */
#include <linux/string.h>

#include "pic.h"

#define PIC_CASCADE_PIN		2
#define PIC_CASCADE		(1u << PIC_CASCADE_PIN)
#define PIC_SPURIOUS_PIN	7
#define PIC_NO_RANK		8

/* Pins that are edge-triggered in every PC: timer, keyboard, cascade, RTC, FPU. */
static const u8 pic_elcr_mask[2] = { 0xf8, 0xde };

/* Command port: which command word it is. */
#define PIC_ICW1		0x10
#define PIC_ICW1_IC4		0x01
#define PIC_OCW3		0x08

#define PIC_ICW4_AEOI		0x02
#define PIC_ICW4_SFNM		0x10

#define PIC_OCW3_READ		0x02
#define PIC_OCW3_READ_ISR	0x01
#define PIC_OCW3_POLL		0x04
#define PIC_OCW3_SMM_SET	0x40
#define PIC_OCW3_SMM		0x20

/* OCW2: bits 7:5. */
enum pic_ocw2 {
	PIC_AEOI_ROTATE_OFF	= 0,
	PIC_EOI			= 1,
	PIC_EOI_SPECIFIC	= 3,
	PIC_AEOI_ROTATE_ON	= 4,
	PIC_EOI_ROTATE		= 5,
	PIC_SET_PRIORITY	= 6,
	PIC_EOI_ROTATE_SPECIFIC	= 7,
};

/* The state of initialization: which word the data port expects. */
enum pic_expects {
	PIC_EXPECTS_NONE,
	PIC_EXPECTS_ICW2,
	PIC_EXPECTS_ICW3,
	PIC_EXPECTS_ICW4,
};

/* The pin of the best rank among @pins, or -1. */
static int pic_best(const struct kvm_pic_state *chip, u8 pins)
{
	unsigned int first = chip->priority_add;

	if (!pins)
		return -1;
	pins = pins >> first | pins << (8 - first);
	return (__builtin_ctz(pins) + first) & 7;
}

static unsigned int pic_rank(const struct kvm_pic_state *chip, int pin)
{
	return pin < 0 ? PIC_NO_RANK : (pin - chip->priority_add) & 7;
}

/* The pin for which the chip asserts INT, or -1. */
static int pic_wanted(const struct pic *pic, unsigned int n)
{
	const struct kvm_pic_state *chip = &pic->chip[n];
	int pin = pic_best(chip, chip->irr & ~chip->imr);
	u8 in_service = chip->isr;

	if (chip->special_mask)
		in_service &= ~chip->imr;
	/* The slave may have something more important than what it has in service. */
	if (!n && chip->special_fully_nested_mode)
		in_service &= ~PIC_CASCADE;
	if (pic_rank(chip, pin) < pic_rank(chip, pic_best(chip, in_service)))
		return pin;
	return -1;
}

static void pic_cascade(struct pic *pic)
{
	struct kvm_pic_state *master = &pic->chip[0];
	bool wants = pic_wanted(pic, 1) >= 0;

	master->irr = (master->irr & ~PIC_CASCADE) | (wants ? PIC_CASCADE : 0);
	master->last_irr = (master->last_irr & ~PIC_CASCADE) | (wants ? PIC_CASCADE : 0);
}

bool pic_output(const struct pic *pic)
{
	return pic_wanted(pic, 0) >= 0;
}

static void pic_reset_chip(struct kvm_pic_state *chip)
{
	u8 elcr = chip->elcr, lines = chip->last_irr;
	u8 elcr_mask = chip->elcr_mask;

	*chip = (struct kvm_pic_state) {
		.last_irr = lines,
		.irr = lines & elcr,
		.elcr = elcr,
		.elcr_mask = elcr_mask,
	};
}

void pic_init(struct pic *pic)
{
	unsigned int n;

	memset(pic, 0, sizeof(*pic));
	for (n = 0; n < 2; n++)
		pic->chip[n].elcr_mask = pic_elcr_mask[n];
}

int pic_set_line(struct pic *pic, unsigned int pin, bool level)
{
	struct kvm_pic_state *chip = &pic->chip[pin >> 3 & 1];
	u8 bit = 1u << (pin & 7);
	u8 before = chip->irr;
	bool rises = level && !(chip->last_irr & bit);

	chip->last_irr = (chip->last_irr & ~bit) | (level ? bit : 0);
	if (chip->elcr & bit)
		chip->irr = (chip->irr & ~bit) | (level ? bit : 0);
	else if (rises)
		chip->irr |= bit;
	pic_cascade(pic);

	if (chip->imr & bit)
		return -1;
	return !level || !(before & bit);
}

u16 pic_take_acked(struct pic *pic)
{
	u16 acked = pic->acked;

	pic->acked = 0;
	return acked;
}

static void pic_end(struct pic *pic, unsigned int n, u8 pins)
{
	struct kvm_pic_state *chip = &pic->chip[n];

	pic->acked |= (chip->isr & pins) << (8 * n);
	chip->isr &= ~pins;
}

static void pic_acknowledge(struct pic *pic, unsigned int n, unsigned int pin)
{
	struct kvm_pic_state *chip = &pic->chip[n];
	u8 bit = 1u << pin;

	chip->isr |= bit;
	if (!(chip->elcr & bit))
		chip->irr &= ~bit;
	if (!chip->auto_eoi)
		return;
	if (chip->rotate_on_auto_eoi)
		chip->priority_add = (pin + 1) & 7;
	pic_end(pic, n, bit);
}

u8 pic_accept(struct pic *pic)
{
	int pin = pic_wanted(pic, 0), slave_pin;
	u8 vector;

	if (pin != PIC_CASCADE_PIN) {
		vector = pic->chip[0].irq_base + (pin < 0 ? PIC_SPURIOUS_PIN : pin);
		if (pin >= 0)
			pic_acknowledge(pic, 0, pin);
		return vector;
	}
	slave_pin = pic_wanted(pic, 1);
	pic_acknowledge(pic, 0, pin);
	vector = pic->chip[1].irq_base + (slave_pin < 0 ? PIC_SPURIOUS_PIN : slave_pin);
	if (slave_pin >= 0)
		pic_acknowledge(pic, 1, slave_pin);
	pic_cascade(pic);
	return vector;
}

/* --- command words --- */

static void pic_write_icw1(struct pic *pic, unsigned int n, u8 value)
{
	struct kvm_pic_state *chip = &pic->chip[n];

	pic_end(pic, n, 0xff);
	pic_reset_chip(chip);
	chip->init4 = value & PIC_ICW1_IC4;
	chip->init_state = PIC_EXPECTS_ICW2;
}

static void pic_write_ocw3(struct kvm_pic_state *chip, u8 value)
{
	if (value & PIC_OCW3_POLL)
		chip->poll = 1;
	if (value & PIC_OCW3_READ)
		chip->read_reg_select = value & PIC_OCW3_READ_ISR;
	if (value & PIC_OCW3_SMM_SET)
		chip->special_mask = !!(value & PIC_OCW3_SMM);
}

/* The pin that an EOI without one means.  Special mask mode spares masked ones. */
static int pic_eoi_pin(const struct kvm_pic_state *chip)
{
	u8 in_service = chip->isr;

	if (chip->special_mask)
		in_service &= ~chip->imr;
	return pic_best(chip, in_service);
}

static void pic_write_ocw2(struct pic *pic, unsigned int n, u8 value)
{
	struct kvm_pic_state *chip = &pic->chip[n];
	enum pic_ocw2 command = value >> 5;
	int pin = value & 7;

	switch (command) {
	case PIC_AEOI_ROTATE_OFF:
	case PIC_AEOI_ROTATE_ON:
		chip->rotate_on_auto_eoi = command == PIC_AEOI_ROTATE_ON;
		return;
	case PIC_SET_PRIORITY:
		chip->priority_add = (pin + 1) & 7;
		return;
	case PIC_EOI:
	case PIC_EOI_ROTATE:
		pin = pic_eoi_pin(chip);
		break;
	case PIC_EOI_SPECIFIC:
	case PIC_EOI_ROTATE_SPECIFIC:
		break;
	default:
		return;
	}
	if (pin < 0)
		return;
	pic_end(pic, n, 1u << pin);
	if (command == PIC_EOI_ROTATE || command == PIC_EOI_ROTATE_SPECIFIC)
		chip->priority_add = (pin + 1) & 7;
}

static void pic_write_data(struct kvm_pic_state *chip, u8 value)
{
	switch (chip->init_state) {
	case PIC_EXPECTS_NONE:
		chip->imr = value;
		return;
	case PIC_EXPECTS_ICW2:
		chip->irq_base = value & 0xf8;
		chip->init_state = PIC_EXPECTS_ICW3;
		return;
	case PIC_EXPECTS_ICW3:
		chip->init_state = chip->init4 ? PIC_EXPECTS_ICW4 : PIC_EXPECTS_NONE;
		return;
	case PIC_EXPECTS_ICW4:
		chip->special_fully_nested_mode = !!(value & PIC_ICW4_SFNM);
		chip->auto_eoi = !!(value & PIC_ICW4_AEOI);
		chip->init_state = PIC_EXPECTS_NONE;
		return;
	}
}

static void pic_write_elcr(struct kvm_pic_state *chip, u8 value)
{
	u8 level = value & chip->elcr_mask;
	u8 now_edge = chip->elcr & ~level;

	chip->elcr = level;
	/* The request of a level is the level; what was one is no edge. */
	chip->irr = (chip->irr & ~(level | now_edge)) | (chip->last_irr & level);
}

void pic_write(struct pic *pic, u16 port, u8 value)
{
	unsigned int n = port >> 7 & 1;

	if ((port & ~1u) == PIC_PORT_ELCR)
		pic_write_elcr(&pic->chip[port & 1], value);
	else if (port & 1)
		pic_write_data(&pic->chip[n], value);
	else if (value & PIC_ICW1)
		pic_write_icw1(pic, n, value);
	else if (value & PIC_OCW3)
		pic_write_ocw3(&pic->chip[n], value);
	else
		pic_write_ocw2(pic, n, value);
	pic_cascade(pic);
}

/* The read after a poll command is an acknowledge cycle of this chip alone. */
static u8 pic_poll(struct pic *pic, unsigned int n)
{
	int pin = pic_wanted(pic, n);

	pic->chip[n].poll = 0;
	if (pin < 0)
		return 0;
	pic_acknowledge(pic, n, pin);
	pic_cascade(pic);
	return 0x80 | pin;
}

u8 pic_read(struct pic *pic, u16 port)
{
	unsigned int n = port >> 7 & 1;
	const struct kvm_pic_state *chip = &pic->chip[n];

	if ((port & ~1u) == PIC_PORT_ELCR)
		return pic->chip[port & 1].elcr;
	if (chip->poll)
		return pic_poll(pic, n);
	if (port & 1)
		return chip->imr;
	return chip->read_reg_select ? chip->isr : chip->irr;
}

void pic_load(struct pic *pic, unsigned int n, const struct kvm_pic_state *state)
{
	struct kvm_pic_state *chip = &pic->chip[n];

	*chip = *state;
	chip->elcr_mask = pic_elcr_mask[n];
	chip->elcr &= chip->elcr_mask;
	chip->priority_add &= 7;
	chip->irq_base &= 0xf8;
	chip->init_state &= 3;
	pic_cascade(pic);
}
