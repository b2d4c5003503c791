// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pair of interrupt controllers against their data sheet (Intel 8259A), and against a second opinion that looks at
 * each request by itself.
 */
#include <string.h>

#include "../../../src/irq/pic.h"
#include "../tap.h"

static struct pic pic;
static u64 seed = 88172645463325252ull;

static u32 rnd(u32 below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % below;
}

/* as a PC's firmware does it: vectors 0x20 and 0x28, nothing masked */
static void set_up(u8 icw4)
{
	pic_init(&pic);
	pic_write(&pic, 0x20, 0x11);
	pic_write(&pic, 0x21, 0x20);
	pic_write(&pic, 0x21, 0x04);
	pic_write(&pic, 0x21, 0x01 | icw4);
	pic_write(&pic, 0xa0, 0x11);
	pic_write(&pic, 0xa1, 0x28);
	pic_write(&pic, 0xa1, 0x02);
	pic_write(&pic, 0xa1, 0x01 | (icw4 & ~0x10));
}

static void pulse(unsigned int pin)
{
	pic_set_line(&pic, pin, true);
	pic_set_line(&pic, pin, false);
}

static u8 read_irr(u16 port)
{
	pic_write(&pic, port, 0x0a);
	return pic_read(&pic, port);
}

static u8 read_isr(u16 port)
{
	pic_write(&pic, port, 0x0b);
	return pic_read(&pic, port);
}

static void test_edge(void)
{
	set_up(0);
	CHECK(!pic_output(&pic));
	CHECK_EQ(pic_set_line(&pic, 4, true), 1);
	CHECK(pic_output(&pic));
	CHECK_EQ(read_irr(0x20), 0x10);
	CHECK_EQ(pic_accept(&pic), 0x24);
	CHECK_EQ(read_irr(0x20), 0);
	CHECK_EQ(read_isr(0x20), 0x10);
	/* the line is still up: no edge */
	pic_write(&pic, 0x20, 0x20);
	CHECK_EQ(read_isr(0x20), 0);
	CHECK(!pic_output(&pic));
	CHECK_EQ(pic_set_line(&pic, 4, true), 1);
	CHECK(!pic_output(&pic));
	/* a pulse is an interrupt; a second before it is taken is the same one */
	pic_set_line(&pic, 4, false);
	CHECK_EQ(pic_set_line(&pic, 4, true), 1);
	pic_set_line(&pic, 4, false);
	CHECK_EQ(pic_set_line(&pic, 4, true), 0);
	CHECK_EQ(pic_accept(&pic), 0x24);
	CHECK(!pic_output(&pic));
}

static void test_level(void)
{
	set_up(0);
	pic_write(&pic, 0x4d0, 0xff);
	pic_write(&pic, 0x4d1, 0xff);
	/* timer, keyboard, cascade, RTC and FPU stay edge-triggered */
	CHECK_EQ(pic_read(&pic, 0x4d0), 0xf8);
	CHECK_EQ(pic_read(&pic, 0x4d1), 0xde);
	pic_set_line(&pic, 5, true);
	CHECK_EQ(pic_accept(&pic), 0x25);
	CHECK_EQ(read_irr(0x20), 0x20);
	CHECK(!pic_output(&pic));
	pic_write(&pic, 0x20, 0x20);
	CHECK(pic_output(&pic));
	pic_set_line(&pic, 5, false);
	CHECK(!pic_output(&pic));
	CHECK_EQ(read_irr(0x20), 0);
	/* made edge-triggered, a line that is up requests nothing */
	pic_set_line(&pic, 5, true);
	pic_write(&pic, 0x4d0, 0);
	CHECK(!pic_output(&pic));
	pic_write(&pic, 0x4d0, 0x20);
	CHECK(pic_output(&pic));
}

static void test_cascade(void)
{
	set_up(0);
	pulse(14);
	CHECK_EQ(read_irr(0x20), 0x04);
	CHECK_EQ(read_irr(0xa0), 0x40);
	CHECK_EQ(pic_accept(&pic), 0x2e);
	CHECK_EQ(read_isr(0x20), 0x04);
	CHECK_EQ(read_isr(0xa0), 0x40);
	/* behind the slave: 3 to 7 of the master, less important pins of the slave */
	pulse(3);
	pulse(15);
	CHECK(!pic_output(&pic));
	pic_write(&pic, 0xa0, 0x20);
	CHECK(!pic_output(&pic));
	pic_write(&pic, 0x20, 0x20);
	CHECK_EQ(pic_accept(&pic), 0x2f);
	pic_write(&pic, 0xa0, 0x20);
	pic_write(&pic, 0x20, 0x20);
	CHECK_EQ(pic_accept(&pic), 0x23);
	/* the slave as a whole is masked by pin 2 */
	pic_write(&pic, 0x20, 0x20);
	pic_write(&pic, 0x21, 0x04);
	pulse(8);
	CHECK(!pic_output(&pic));
	pic_write(&pic, 0x21, 0);
	CHECK_EQ(pic_accept(&pic), 0x28);
}

static void test_nesting(void)
{
	set_up(0);
	pulse(5);
	CHECK_EQ(pic_accept(&pic), 0x25);
	pulse(6);
	CHECK(!pic_output(&pic));
	pulse(1);
	CHECK_EQ(pic_accept(&pic), 0x21);
	/* EOI without a pin ends the most important, with one that one */
	pic_write(&pic, 0x20, 0x65);
	CHECK_EQ(read_isr(0x20), 0x02);
	CHECK(!pic_output(&pic));
	pic_write(&pic, 0x20, 0x20);
	CHECK_EQ(read_isr(0x20), 0);
	CHECK_EQ(pic_accept(&pic), 0x26);
}

static void test_fully_nested_slave(void)
{
	/* normally the slave's more important pin waits for the master's EOI */
	set_up(0);
	pulse(12);
	CHECK_EQ(pic_accept(&pic), 0x2c);
	pulse(8);
	CHECK(!pic_output(&pic));

	set_up(0x10);
	pulse(12);
	CHECK_EQ(pic_accept(&pic), 0x2c);
	pulse(8);
	CHECK_EQ(pic_accept(&pic), 0x28);
	pulse(9);
	CHECK(!pic_output(&pic));
}

static void test_mask(void)
{
	set_up(0);
	pic_write(&pic, 0x21, 0x08);
	CHECK_EQ(pic_read(&pic, 0x21), 0x08);
	CHECK_EQ(pic_masked(&pic), 0x08);
	CHECK_EQ(pic_set_line(&pic, 3, true), -1);
	CHECK(!pic_output(&pic));
	CHECK_EQ(read_irr(0x20), 0x08);
	pic_write(&pic, 0x21, 0);
	CHECK_EQ(pic_accept(&pic), 0x23);
}

static void test_special_mask(void)
{
	set_up(0);
	pulse(3);
	CHECK_EQ(pic_accept(&pic), 0x23);
	pulse(6);
	CHECK(!pic_output(&pic));
	pic_write(&pic, 0x21, 0x08);
	CHECK(!pic_output(&pic));
	pic_write(&pic, 0x20, 0x68);
	CHECK(pic_output(&pic));
	CHECK_EQ(pic_accept(&pic), 0x26);
	/* an EOI without a pin spares what is masked */
	pic_write(&pic, 0x20, 0x20);
	CHECK_EQ(read_isr(0x20), 0x08);
	pic_write(&pic, 0x20, 0x20);
	CHECK_EQ(read_isr(0x20), 0x08);
	pic_write(&pic, 0x20, 0x48);
	pic_write(&pic, 0x20, 0x20);
	CHECK_EQ(read_isr(0x20), 0);
}

static void test_rotation(void)
{
	set_up(0);
	/* pin 3 is the last from now on: 4 is the first */
	pic_write(&pic, 0x20, 0xc3);
	pulse(0);
	pulse(4);
	CHECK_EQ(pic_accept(&pic), 0x24);
	/* whoever was served becomes the last */
	pic_write(&pic, 0x20, 0xa0);
	pulse(4);
	CHECK_EQ(pic_accept(&pic), 0x20);
	pic_write(&pic, 0x20, 0xe0);
	pulse(1);
	CHECK_EQ(pic_accept(&pic), 0x21);
	CHECK(!pic_output(&pic));
}

static void test_auto_eoi(void)
{
	set_up(0x02);
	pulse(6);
	pulse(7);
	CHECK_EQ(pic_accept(&pic), 0x26);
	CHECK_EQ(read_isr(0x20), 0);
	CHECK_EQ(pic_take_acked(&pic), 1 << 6);
	CHECK_EQ(pic_accept(&pic), 0x27);
	pic_write(&pic, 0x20, 0x80);
	pulse(6);
	CHECK_EQ(pic_accept(&pic), 0x26);
	pulse(6);
	pulse(7);
	CHECK_EQ(pic_accept(&pic), 0x27);
	pic_write(&pic, 0x20, 0x00);
	CHECK_EQ(pic_accept(&pic), 0x26);
	pulse(6);
	pulse(0);
	CHECK_EQ(pic_accept(&pic), 0x20);
}

static void test_spurious(void)
{
	set_up(0);
	CHECK_EQ(pic_accept(&pic), 0x27);
	CHECK_EQ(read_isr(0x20), 0);
	pic_write(&pic, 0x4d0, 0x20);
	pic_set_line(&pic, 5, true);
	pic_set_line(&pic, 5, false);
	CHECK_EQ(pic_accept(&pic), 0x27);
	CHECK_EQ(pic_take_acked(&pic), 0);
}

static void test_poll(void)
{
	set_up(0);
	pulse(3);
	pic_write(&pic, 0x20, 0x0c);
	CHECK_EQ(pic_read(&pic, 0x20), 0x83);
	CHECK_EQ(read_isr(0x20), 0x08);
	CHECK(!pic_output(&pic));
	pic_write(&pic, 0x20, 0x20);
	pic_write(&pic, 0x20, 0x0c);
	CHECK_EQ(pic_read(&pic, 0x20), 0);
	/* the slave is polled by itself */
	pulse(10);
	pic_write(&pic, 0x20, 0x0c);
	CHECK_EQ(pic_read(&pic, 0x20), 0x82);
	pic_write(&pic, 0xa0, 0x0c);
	CHECK_EQ(pic_read(&pic, 0xa0), 0x82);
	CHECK_EQ(read_irr(0xa0), 0);
	CHECK_EQ(read_irr(0x20), 0);
}

static void test_initialization(void)
{
	set_up(0x12);
	pic_write(&pic, 0x21, 0xff);
	pic_write(&pic, 0x20, 0x68);
	pic_write(&pic, 0x20, 0xc3);
	pic_write(&pic, 0x20, 0x0b);
	pic_set_line(&pic, 1, true);
	pic_set_line(&pic, 6, true);
	pic_take_acked(&pic);
	/* without ICW4; the mask and rotation go, so does an edge that nobody took */
	pic_write(&pic, 0x20, 0x10);
	pic_write(&pic, 0x21, 0x40);
	pic_write(&pic, 0x21, 0x04);
	CHECK_EQ(pic_read(&pic, 0x21), 0);
	pic_write(&pic, 0x21, 0x55);
	CHECK_EQ(pic_read(&pic, 0x21), 0x55);
	pic_write(&pic, 0x21, 0);
	CHECK_EQ(pic_read(&pic, 0x20), 0);
	CHECK(!pic_output(&pic));
	pulse(3);
	CHECK_EQ(pic_accept(&pic), 0x43);
	CHECK_EQ(read_isr(0x20), 0x08);
	/* what was in service has ended */
	pic_write(&pic, 0x20, 0x11);
	CHECK_EQ(pic_take_acked(&pic), 0x08);
	CHECK_EQ(read_isr(0x20), 0);
	/* the low bits of a vector are the pin's */
	pic_write(&pic, 0x21, 0x57);
	pic_write(&pic, 0x21, 0x04);
	pic_write(&pic, 0x21, 0x01);
	pulse(0);
	CHECK_EQ(pic_accept(&pic), 0x50);
	/* a level is a request again at once */
	pic_write(&pic, 0x4d0, 0x40);
	pic_write(&pic, 0x20, 0x10);
	CHECK_EQ(read_irr(0x20), 0x40);
}

static void test_acked(void)
{
	set_up(0);
	pulse(1);
	pulse(9);
	pic_accept(&pic);
	CHECK_EQ(pic_take_acked(&pic), 0);
	pic_write(&pic, 0x20, 0x20);
	CHECK_EQ(pic_take_acked(&pic), 0x0002);
	CHECK_EQ(pic_take_acked(&pic), 0);
	pic_accept(&pic);
	pic_write(&pic, 0xa0, 0x61);
	CHECK_EQ(pic_take_acked(&pic), 0x0200);
	/* nothing in service, nothing ends */
	pic_write(&pic, 0xa0, 0x61);
	CHECK_EQ(pic_take_acked(&pic), 0);
}

static void test_load(void)
{
	struct kvm_pic_state state;
	struct pic copy;

	set_up(0);
	pulse(13);
	pulse(1);
	pic_accept(&pic);
	copy = pic;
	pic_init(&pic);
	pic_load(&pic, 0, &copy.chip[0]);
	pic_load(&pic, 1, &copy.chip[1]);
	CHECK_EQ(memcmp(pic.chip, copy.chip, sizeof(pic.chip)), 0);
	pic_write(&pic, 0x20, 0x20);
	CHECK_EQ(pic_accept(&pic), 0x2d);

	memset(&state, 0xff, sizeof(state));
	pic_load(&pic, 1, &state);
	CHECK_EQ(pic.chip[1].elcr, 0xde);
	CHECK_EQ(pic.chip[1].priority_add, 7);
	CHECK_EQ(pic.chip[1].irq_base, 0xf8);
}

/* The data sheet, request by request: is there one that nothing holds back? */
static bool expect_wanted(const struct kvm_pic_state *c, bool master)
{
	unsigned int pin, other;
	bool held;

	for (pin = 0; pin < 8; pin++) {
		if (!(c->irr & 1 << pin) || (c->imr & 1 << pin))
			continue;
		held = false;
		for (other = 0; other < 8; other++) {
			if (!(c->isr & 1 << other))
				continue;
			if (c->special_mask && (c->imr & 1 << other))
				continue;
			if (master && c->special_fully_nested_mode && other == 2)
				continue;
			/* by rank: nobody passes what is in service, nor itself */
			if (((other + 8 - c->priority_add) & 7) <= ((pin + 8 - c->priority_add) & 7))
				held = true;
		}
		if (!held)
			return true;
	}
	return false;
}

static void random_step(void)
{
	static const u16 ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1 };
	unsigned int pin;

	switch (rnd(6)) {
	case 0:
	case 1:
	case 2:
		pin = rnd(16);
		if (pin != 2)
			pic_set_line(&pic, pin, rnd(2));
		break;
	case 3:
		pic_write(&pic, ports[rnd(6)], rnd(256));
		break;
	case 4:
		pic_read(&pic, ports[rnd(6)]);
		break;
	default:
		if (pic_output(&pic))
			pic_accept(&pic);
	}
}

static void test_random(void)
{
	struct kvm_pic_state before[2];
	unsigned int i, n;
	u16 ended, acked;

	pic_init(&pic);
	for (i = 0; i < 400000; i++) {
		if (i % 1000 == 0)
			set_up(rnd(2) ? 0x02 : rnd(2) ? 0x10 : 0);
		memcpy(before, pic.chip, sizeof(before));
		random_step();
		for (n = 0; n < 2; n++) {
			const struct kvm_pic_state *c = &pic.chip[n];

			CHECK_EQ(c->elcr & ~c->elcr_mask, 0);
			CHECK(c->priority_add < 8 && !(c->irq_base & 7));
			/* a level-triggered request is the level */
			CHECK_EQ(c->irr & c->elcr, c->last_irr & c->elcr);
		}
		CHECK_EQ(!!(pic.chip[0].irr & 4), expect_wanted(&pic.chip[1], false));
		CHECK_EQ(pic_output(&pic), expect_wanted(&pic.chip[0], true));
		/* whatever leaves service is reported */
		ended = (before[0].isr & ~pic.chip[0].isr) | (before[1].isr & ~pic.chip[1].isr) << 8;
		acked = pic_take_acked(&pic);
		CHECK_EQ(ended & ~acked, 0);
	}
}

static const struct tap_test tests[] = {
	{ "an edge is an interrupt, once", test_edge },
	{ "a level-triggered line requests as long as it is up", test_level },
	{ "the slave behind pin 2", test_cascade },
	{ "fully nested priorities, EOI with and without a pin", test_nesting },
	{ "special fully nested mode", test_fully_nested_slave },
	{ "masks", test_mask },
	{ "special mask mode", test_special_mask },
	{ "rotation", test_rotation },
	{ "automatic EOI, also with rotation", test_auto_eoi },
	{ "a request that is gone is spurious", test_spurious },
	{ "polling", test_poll },
	{ "initialization", test_initialization },
	{ "ends of interrupts are reported once", test_acked },
	{ "saved state", test_load },
	{ "random lines and commands against a second opinion", test_random },
};

TAP_MAIN("pic", tests)
