/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two interrupt controllers of the AT (8259A data sheet), as pure state: no
 * lock, no vCPU and no clock is known here.
 *
 * Whoever uses it serializes all calls.  After each, pic_output() tells what
 * the processor's INTR pin shows, and pic_take_acked() which interrupts ended.
 */
#ifndef QUIRE_IRQ_PIC_H
#define QUIRE_IRQ_PIC_H

#include <linux/kvm.h>
#include <linux/types.h>

/* Pins 0 to 7 are the master's, 8 to 15 the slave's; the slave is on pin 2. */
#define PIC_PINS		16

/* Ports: command and data of each, and edge/level control of both. */
#define PIC_PORT_MASTER		0x20
#define PIC_PORT_SLAVE		0xa0
#define PIC_PORT_ELCR		0x4d0

/**
 * struct pic - both controllers
 * @chip:	registers of master and slave, as KVM_GET_IRQCHIP shows them.
 *		last_irr is the level of each pin; irr has the requests, so also
 *		edges that nobody acknowledged yet; init_state is the next
 *		initialization command word, or 0
 * @acked:	pins whose interrupt ended since pic_take_acked()
 */
struct pic {
	struct kvm_pic_state chip[2];
	u16 acked;
};

/** pic_init() - as after power-up: all lines low */
void pic_init(struct pic *pic);

/**
 * pic_set_line() - the level of pin @pin, 0 to 15 but not 2, is @level now
 * Return: 1 accepted, 0 a request is waiting already, -1 the pin is masked.
 */
int pic_set_line(struct pic *pic, unsigned int pin, bool level);

/* A byte is read from or written to one of the six ports. */
u8 pic_read(struct pic *pic, u16 port);
void pic_write(struct pic *pic, u16 port, u8 value);

/** pic_output() - is INTR asserted? */
bool pic_output(const struct pic *pic);

/**
 * pic_accept() - the processor's interrupt acknowledge cycle
 * Return: the vector; that of pin 7 or 15, and nothing in service, if the request
 * was gone.
 */
u8 pic_accept(struct pic *pic);

/** pic_take_acked() - pins whose interrupt ended since the last call, a bit each */
u16 pic_take_acked(struct pic *pic);

/** pic_masked() - pins that are masked, a bit each */
static inline u16 pic_masked(const struct pic *pic)
{
	return pic->chip[0].imr | pic->chip[1].imr << 8;
}

/**
 * pic_load() - registers of chip 0 or 1 from saved ones
 * What no chip can hold is dropped.
 */
void pic_load(struct pic *pic, unsigned int chip, const struct kvm_pic_state *state);

#endif
