// SPDX-License-Identifier: GPL-2.0-only
/*
 * The I/O APIC against its data sheet (Intel 82093AA), with local APICs that only count, and under random lines,
 * entries and EOIs.
 */
#include <string.h>

#include "../../../src/irq/ioapic.h"
#include "../tap.h"

#define LEVEL		(1u << 15)
#define MASKED		(1u << 16)
#define REMOTE_IRR	(1u << 14)
#define LOGICAL		(1u << 11)
#define LOW_ACTIVE	(1u << 13)

static struct ioapic ioapic;
static struct lapic_msg last;
static unsigned int sent;
static int answer;

static u64 seed = 88172645463325252ull;

static u32 rnd(u32 below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % below;
}

static int send(struct ioapic *from, const struct lapic_msg *msg)
{
	last = *msg;
	sent++;
	return answer;
}

static void set_up(void)
{
	ioapic_init(&ioapic, send);
	memset(&last, 0, sizeof(last));
	sent = 0;
	answer = 1;
}

static u32 write_reg(unsigned int reg, u32 value)
{
	ioapic_write(&ioapic, 0x00, reg);
	return ioapic_write(&ioapic, 0x10, value);
}

static u32 read_reg(unsigned int reg)
{
	ioapic_write(&ioapic, 0x00, reg);
	return ioapic_read(&ioapic, 0x10);
}

static u32 write_entry(unsigned int pin, u32 low, u32 high)
{
	write_reg(0x11 + 2 * pin, high);
	return write_reg(0x10 + 2 * pin, low);
}

static void test_registers(void)
{
	unsigned int pin;

	set_up();
	CHECK_EQ(read_reg(1), 0x00170011);
	CHECK_EQ(read_reg(0), 0);
	write_reg(0, ~0u);
	CHECK_EQ(read_reg(0), 0x0f000000);
	CHECK_EQ(read_reg(2), 0x0f000000);
	CHECK_EQ(write_reg(1, 0), 0);
	CHECK_EQ(read_reg(1), 0x00170011);
	for (pin = 0; pin < 24; pin++) {
		CHECK_EQ(read_reg(0x10 + 2 * pin), MASKED);
		CHECK_EQ(write_entry(pin, MASKED | LEVEL | pin, 0xab00ffff), 1u << pin);
		CHECK_EQ(read_reg(0x10 + 2 * pin), MASKED | LEVEL | pin);
		CHECK_EQ(read_reg(0x11 + 2 * pin), 0xab000000);
	}
	/* delivery status and Remote IRR are read-only, the rest is reserved */
	write_entry(3, ~0u, 0);
	CHECK_EQ(read_reg(0x16), 0x1afff);
	/* there are 24 entries */
	CHECK_EQ(write_reg(0x40, 0), 0);
	CHECK_EQ(read_reg(0x40), ~0u);
	CHECK_EQ(read_reg(0x0f), ~0u);
	/* and two registers in memory */
	CHECK_EQ(ioapic_write(&ioapic, 0x20, 1), 0);
	CHECK_EQ(ioapic_read(&ioapic, 0x20), 0);
	CHECK_EQ(ioapic_read(&ioapic, 0x00), 0x0f);
	CHECK_EQ(sent, 0);
}

static void test_message(void)
{
	set_up();
	write_entry(5, LOGICAL | LOW_ACTIVE | 1 << 8 | 0x61, 0x83000000);
	CHECK_EQ(ioapic_set_line(&ioapic, 5, true), 1);
	CHECK_EQ(sent, 1);
	CHECK_EQ(last.dest, 0x83);
	CHECK_EQ(last.vector, 0x61);
	CHECK_EQ(last.delivery, 1);
	CHECK(last.logical && !last.level && last.assert && !last.shorthand);
	answer = 3;
	write_entry(7, LEVEL | 4 << 8 | 0xfe, 0x01000000);
	CHECK_EQ(ioapic_set_line(&ioapic, 7, true), 3);
	CHECK_EQ(last.delivery, 4);
	CHECK(!last.logical && !last.level);
}

/* what has no vector has no EOI: an edge, whatever the entry says; two modes are reserved */
static void test_modes(void)
{
	static const u8 edges[] = { 2, 4, 5, 7 }, reserved[] = { 3, 6 };
	unsigned int i, level;

	for (i = 0; i < sizeof(edges); i++) {
		for (level = 0; level <= LEVEL; level += LEVEL) {
			set_up();
			write_entry(8, level | edges[i] << 8 | 0x30, 0);
			CHECK_EQ(ioapic_set_line(&ioapic, 8, true), 1);
			CHECK_EQ(last.delivery, edges[i]);
			CHECK(!last.level);
			CHECK_EQ(ioapic_set_line(&ioapic, 8, true), 0);
			CHECK_EQ(read_reg(0x20), level | edges[i] << 8 | 0x30);
			/* the EOI of the vector that it does not send is not its own */
			CHECK_EQ(ioapic_eoi(&ioapic, 0x30, true), 0);
			ioapic_resend(&ioapic, 1 << 8);
			CHECK_EQ(sent, 1);
			ioapic_set_line(&ioapic, 8, false);
			CHECK_EQ(ioapic_set_line(&ioapic, 8, true), 1);
			CHECK_EQ(sent, 2);
		}
	}
	for (i = 0; i < sizeof(reserved); i++) {
		set_up();
		write_entry(8, LEVEL | reserved[i] << 8 | 0x30, 0);
		CHECK_EQ(ioapic_set_line(&ioapic, 8, true), -1);
		CHECK_EQ(sent, 0);
	}
	/* a level that waits for its EOI becomes an NMI, and is none that waits */
	set_up();
	write_entry(8, LEVEL | 0x30, 0);
	ioapic_set_line(&ioapic, 8, true);
	CHECK_EQ(read_reg(0x20), LEVEL | REMOTE_IRR | 0x30);
	write_entry(8, LEVEL | 4 << 8 | 0x30, 0);
	CHECK_EQ(read_reg(0x20), LEVEL | 4 << 8 | 0x30);
}

static void test_edge(void)
{
	set_up();
	write_entry(4, 0x40, 0);
	CHECK_EQ(ioapic_set_line(&ioapic, 4, true), 1);
	CHECK_EQ(ioapic_set_line(&ioapic, 4, true), 0);
	CHECK_EQ(sent, 1);
	CHECK_EQ(ioapic_set_line(&ioapic, 4, false), 1);
	CHECK_EQ(ioapic_set_line(&ioapic, 4, true), 1);
	CHECK_EQ(sent, 2);
	CHECK_EQ(read_reg(0x18), 0x40);
	/* what happens to a masked pin is lost */
	ioapic_set_line(&ioapic, 4, false);
	write_entry(4, MASKED | 0x40, 0);
	CHECK_EQ(ioapic_masked(&ioapic), 0xffffff);
	CHECK_EQ(ioapic_set_line(&ioapic, 4, true), -1);
	write_entry(4, 0x40, 0);
	CHECK_EQ(ioapic_masked(&ioapic), 0xffffef);
	CHECK_EQ(sent, 2);
	/* its EOI is of interest to some */
	CHECK_EQ(ioapic_eoi(&ioapic, 0x40, false), 1 << 4);
	CHECK_EQ(ioapic_eoi(&ioapic, 0x40, true), 0);
	CHECK_EQ(ioapic_eoi(&ioapic, 0x41, false), 0);
}

static void test_level(void)
{
	set_up();
	write_entry(10, LEVEL | 0x50, 0);
	CHECK_EQ(ioapic_set_line(&ioapic, 10, true), 1);
	CHECK_EQ(read_reg(0x24), LEVEL | REMOTE_IRR | 0x50);
	CHECK_EQ(ioapic_set_line(&ioapic, 10, true), 0);
	CHECK_EQ(sent, 1);
	/* the EOI of an edge with this vector is another's */
	CHECK_EQ(ioapic_eoi(&ioapic, 0x50, false), 0);
	CHECK_EQ(read_reg(0x24), LEVEL | REMOTE_IRR | 0x50);
	/* up at the EOI: another one */
	CHECK_EQ(ioapic_eoi(&ioapic, 0x50, true), 1 << 10);
	CHECK_EQ(read_reg(0x24), LEVEL | 0x50);
	ioapic_resend(&ioapic, 1 << 10);
	CHECK_EQ(sent, 2);
	CHECK_EQ(read_reg(0x24), LEVEL | REMOTE_IRR | 0x50);
	/* down before it: none; and no second EOI */
	ioapic_set_line(&ioapic, 10, false);
	CHECK_EQ(ioapic_eoi(&ioapic, 0x50, true), 1 << 10);
	ioapic_resend(&ioapic, 1 << 10);
	CHECK_EQ(sent, 2);
	CHECK_EQ(ioapic_eoi(&ioapic, 0x50, true), 0);
	/* masked while up: sent when it is unmasked */
	write_entry(10, MASKED | LEVEL | 0x50, 0);
	CHECK_EQ(ioapic_set_line(&ioapic, 10, true), -1);
	write_entry(10, LEVEL | 0x50, 0);
	CHECK_EQ(sent, 3);
	/* masked and unmasked during the handler, as handlers in threads do */
	write_entry(10, MASKED | LEVEL | 0x50, 0);
	CHECK_EQ(read_reg(0x24), MASKED | LEVEL | REMOTE_IRR | 0x50);
	write_entry(10, LEVEL | 0x50, 0);
	CHECK_EQ(sent, 3);
	write_entry(10, MASKED | LEVEL | 0x50, 0);
	CHECK_EQ(ioapic_eoi(&ioapic, 0x50, true), 1 << 10);
	ioapic_resend(&ioapic, 1 << 10);
	CHECK_EQ(sent, 3);
	write_entry(10, LEVEL | 0x50, 0);
	CHECK_EQ(sent, 4);
}

static void test_eoi_by_mode(void)
{
	set_up();
	write_entry(9, LEVEL | 0x33, 0);
	ioapic_set_line(&ioapic, 9, true);
	/* edge-triggered for a moment: Remote IRR goes */
	write_entry(9, MASKED | 0x33, 0);
	CHECK_EQ(read_reg(0x22), MASKED | 0x33);
	write_entry(9, LEVEL | MASKED | 0x33, 0);
	CHECK_EQ(read_reg(0x22), LEVEL | MASKED | 0x33);
	write_entry(9, LEVEL | 0x33, 0);
	CHECK_EQ(sent, 2);
}

static void test_shared_vector(void)
{
	set_up();
	write_entry(1, LEVEL | 0x70, 0);
	write_entry(2, LEVEL | 0x70, 0);
	write_entry(3, 0x70, 0);
	ioapic_set_line(&ioapic, 1, true);
	CHECK_EQ(ioapic_eoi(&ioapic, 0x70, true), 1 << 1);
	ioapic_set_line(&ioapic, 2, true);
	ioapic_resend(&ioapic, 1 << 1);
	CHECK_EQ(ioapic_eoi(&ioapic, 0x70, true), 1 << 1 | 1 << 2);
	CHECK_EQ(sent, 3);
}

static void test_nobody(void)
{
	set_up();
	answer = -1;
	write_entry(6, LEVEL | 0x66, 0);
	CHECK_EQ(ioapic_set_line(&ioapic, 6, true), -1);
	/* nobody took it, so nobody will end it: it is tried again */
	CHECK_EQ(read_reg(0x1c), LEVEL | 0x66);
	answer = 1;
	write_entry(6, LEVEL | 0x66, 0x05000000);
	CHECK_EQ(last.dest, 5);
	CHECK_EQ(read_reg(0x1c), LEVEL | REMOTE_IRR | 0x66);
}

static void test_saved(void)
{
	struct kvm_ioapic_state state;

	set_up();
	write_entry(1, 0x41, 0);
	write_entry(2, MASKED | 0x42, 0);
	write_entry(3, LEVEL | 0x43, 0);
	write_entry(4, LEVEL | 0x44, 0);
	write_reg(0, 0x02000000);
	ioapic_set_line(&ioapic, 1, true);
	ioapic_set_line(&ioapic, 2, true);
	ioapic_set_line(&ioapic, 3, true);
	CHECK_EQ(sent, 2);
	ioapic_save(&ioapic, &state);
	CHECK_EQ(state.irr, 1 << 2 | 1 << 3);
	CHECK_EQ(state.base_address, 0xfec00000);
	CHECK_EQ(state.id, 2);
	/* what was sent is not sent again */
	set_up();
	ioapic_load(&ioapic, &state);
	CHECK_EQ(sent, 0);
	CHECK_EQ(read_reg(0x16), LEVEL | REMOTE_IRR | 0x43);
	CHECK_EQ(ioapic_eoi(&ioapic, 0x43, true), 1 << 3);
	ioapic_resend(&ioapic, 1 << 3);
	CHECK_EQ(sent, 1);
	/* what was not sent is */
	state.irr |= 1 << 4;
	ioapic_load(&ioapic, &state);
	CHECK_EQ(sent, 2);
	CHECK_EQ(last.vector, 0x44);

	memset(&state, 0xff, sizeof(state));
	ioapic_load(&ioapic, &state);
	CHECK_EQ(ioapic.state.irr, 0xffffff);
	CHECK_EQ(ioapic.state.id, 0xf);
	CHECK_EQ(ioapic.state.base_address, 0xfec00000);
	/* ExtINT waits for no EOI */
	CHECK_EQ(read_reg(0x10), 0x1bfff);
	CHECK_EQ(read_reg(0x11), 0xff000000);
}

static void random_step(bool always_taken)
{
	unsigned int pin = rnd(24);
	u8 vector = 0x20 + rnd(4);
	u32 pins;

	switch (rnd(8)) {
	case 0:
	case 1:
	case 2:
		ioapic_set_line(&ioapic, pin, rnd(2));
		break;
	case 3:
		write_entry(pin, (rnd(3) ? LEVEL : 0) | (rnd(3) ? 0 : MASKED) | (rnd(3) ? 0 : rnd(8) << 8) | vector,
			    rnd(256) << 24);
		break;
	case 4:
		ioapic_write(&ioapic, rnd(0x100), rnd(~0u));
		break;
	case 5:
		answer = always_taken || rnd(4) ? 1 : -1;
		break;
	default:
		pins = ioapic_eoi(&ioapic, vector, true);
		ioapic_resend(&ioapic, pins);
	}
}

static void test_random(void)
{
	bool always_taken = true;
	unsigned int i, pin;

	for (i = 0; i < 400000; i++) {
		if (i % 1000 == 0) {
			set_up();
			always_taken = rnd(2);
		}
		random_step(always_taken);
		for (pin = 0; pin < 24; pin++) {
			u64 entry = ioapic.state.redirtbl[pin].bits;
			bool level = (entry & LEVEL) && (entry >> 8 & 7) <= 1;
			bool waits = entry & REMOTE_IRR, up = ioapic.state.irr & 1u << pin;

			CHECK_EQ(entry & 0x00fffffffffe1000ull, 0);
			/* only level-triggered pins wait for an EOI */
			CHECK(!waits || level);
			/* up and not masked: the interrupt is on its way */
			if (always_taken && up && level && !(entry & MASKED))
				CHECK(waits);
			CHECK(!(ioapic.sent & 1u << pin) || up);
		}
	}
}

static const struct tap_test tests[] = {
	{ "registers", test_registers },
	{ "the message of an entry", test_message },
	{ "delivery modes", test_modes },
	{ "edges", test_edge },
	{ "levels, Remote IRR and EOI", test_level },
	{ "Remote IRR cleared by trigger mode", test_eoi_by_mode },
	{ "pins with one vector", test_shared_vector },
	{ "nobody takes it", test_nobody },
	{ "saved state", test_saved },
	{ "random lines, entries and EOIs", test_random },
};

TAP_MAIN("ioapic", tests)
