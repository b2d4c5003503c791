// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interval timer against its data sheet (Intel 8254), and its arithmetic against a counter that really counts.
 */
#include <string.h>

#include "../../../src/irq/pit.h"
#include "../tap.h"

#define START 123456789ull

static struct pit pit;
static u64 seed = 88172645463325252ull;

static u32 rnd(u32 below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % below;
}

/* the first ns at which that many ticks have passed since START */
static u64 at(u64 ticks)
{
	return START + (u64)(((unsigned __int128)ticks * 1000000000 + PIT_HZ - 1) / PIT_HZ);
}

/* between two ticks, where a nanosecond more or less does not matter */
static u64 behind(u64 ticks)
{
	return at(ticks) + 300;
}

static void control(u8 value, u64 ticks)
{
	pit_write(&pit, 3, value, at(ticks));
}

static void load(unsigned int n, unsigned int mode, u16 count, u64 ticks)
{
	control(n << 6 | 0x30 | mode << 1, ticks);
	pit_write(&pit, n, count & 0xff, at(ticks));
	pit_write(&pit, n, count >> 8, at(ticks));
}

static u16 read_word(unsigned int n, u64 ticks)
{
	u16 low = pit_read(&pit, n, at(ticks));

	return low | pit_read(&pit, n, at(ticks)) << 8;
}

static void test_power_up(void)
{
	pit_init(&pit, START);
	CHECK(pit_out(&pit, 0, START));
	CHECK_EQ(read_word(0, 0), 0);
	CHECK_EQ(pit_next_rise(&pit, START), at(0x10000));
	CHECK_EQ(pit_read_speaker(&pit, 0) & 0x23, 0x20);
}

static void test_mode_0(void)
{
	pit_init(&pit, START);
	load(0, 0, 100, 0);
	CHECK_EQ(read_word(0, 0), 100);
	CHECK(!pit_out(&pit, 0, at(99)));
	CHECK_EQ(read_word(0, 99), 1);
	CHECK(pit_out(&pit, 0, at(100)));
	CHECK_EQ(read_word(0, 101), 0xffff);
	CHECK_EQ(pit_next_rise(&pit, START), at(100));
	CHECK_EQ(pit_next_rise(&pit, at(100) - 1), at(100));
	CHECK_EQ(pit_next_rise(&pit, at(100)), PIT_NEVER);
	CHECK_EQ(pit_period(&pit), 0);
}

static void test_mode_2(void)
{
	pit_init(&pit, START);
	load(0, 2, 5, 0);
	CHECK_EQ(read_word(0, 0), 5);
	CHECK_EQ(read_word(0, 4), 1);
	CHECK_EQ(read_word(0, 5), 5);
	CHECK(pit_out(&pit, 0, at(3)));
	CHECK(!pit_out(&pit, 0, at(4)));
	CHECK(pit_out(&pit, 0, at(5)));
	CHECK_EQ(pit_next_rise(&pit, START), at(5));
	CHECK_EQ(pit_next_rise(&pit, at(5)), at(10));
	CHECK_EQ(pit_period(&pit), at(5) - START);
	/* modes are three bits, of which 6 is 2 and 7 is 3 */
	load(0, 6, 5, 0);
	CHECK_EQ(pit_next_rise(&pit, at(1)), at(5));
	/* a count of 1 is none in this mode, and must not divide time by nothing */
	load(0, 2, 1, 0);
	CHECK_EQ(pit_next_rise(&pit, START), at(2));
}

static void test_mode_3(void)
{
	pit_init(&pit, START);
	load(0, 3, 10, 0);
	CHECK_EQ(read_word(0, 0), 10);
	CHECK_EQ(read_word(0, 1), 8);
	CHECK_EQ(read_word(0, 4), 2);
	CHECK_EQ(read_word(0, 5), 10);
	CHECK(pit_out(&pit, 0, at(4)));
	CHECK(!pit_out(&pit, 0, at(5)));
	CHECK(!pit_out(&pit, 0, at(9)));
	CHECK(pit_out(&pit, 0, at(10)));
	/* an odd count is high for one tick longer */
	load(0, 3, 5, 0);
	CHECK(pit_out(&pit, 0, at(2)));
	CHECK(!pit_out(&pit, 0, at(3)));
	CHECK(pit_out(&pit, 0, at(5)));
	CHECK_EQ(pit_next_rise(&pit, at(7)), at(10));
}

static void test_mode_4(void)
{
	pit_init(&pit, START);
	load(0, 4, 7, 0);
	CHECK(pit_out(&pit, 0, at(6)));
	CHECK(!pit_out(&pit, 0, at(7)));
	CHECK(pit_out(&pit, 0, at(8)));
	CHECK_EQ(pit_next_rise(&pit, START), at(8));
	CHECK_EQ(pit_next_rise(&pit, at(8)), PIT_NEVER);
}

static void test_triggered_modes(void)
{
	unsigned int mode;

	/* nothing without a trigger, and channel 0 has none */
	for (mode = 1; mode <= 5; mode += 4) {
		pit_init(&pit, START);
		load(0, mode, 10, 0);
		CHECK(pit_out(&pit, 0, at(10)));
		CHECK_EQ(pit_next_rise(&pit, START), PIT_NEVER);
		load(2, mode, 10, 0);
		CHECK(pit_out(&pit, 2, at(10)));
		pit_write_speaker(&pit, 1, at(100));
		CHECK_EQ(pit_out(&pit, 2, behind(109)), mode == 5);
		CHECK_EQ(pit_out(&pit, 2, behind(110)), mode == 1);
		CHECK(pit_out(&pit, 2, behind(111)));
		/* again, while it counts, whatever the gate does in between */
		pit_write_speaker(&pit, 0, at(200));
		pit_write_speaker(&pit, 1, at(201));
		pit_write_speaker(&pit, 0, at(205));
		pit_write_speaker(&pit, 1, at(206));
		CHECK_EQ(pit_out(&pit, 2, behind(211)), mode == 5);
		CHECK_EQ(pit_out(&pit, 2, behind(216)), mode == 1);
	}
}

static void test_gate(void)
{
	pit_init(&pit, START);
	/* as firmware and kernels measure the TSC: gate up, count down, look at the output */
	pit_write_speaker(&pit, 1, at(0));
	load(2, 0, 1000, 0);
	CHECK_EQ(pit_read_speaker(&pit, at(999)) & 0x23, 0x01);
	CHECK_EQ(pit_read_speaker(&pit, at(1000)) & 0x23, 0x21);
	/* the gate holds it */
	load(2, 0, 1000, 2000);
	pit_write_speaker(&pit, 0, behind(2400));
	CHECK_EQ(read_word(2, 9000), 600);
	CHECK_EQ(pit_read_speaker(&pit, at(9000)) & 0x23, 0x00);
	pit_write_speaker(&pit, 3, at(9000));
	CHECK_EQ(read_word(2, 9001), 599);
	CHECK_EQ(pit_read_speaker(&pit, at(9599)) & 0x23, 0x03);
	CHECK_EQ(pit_read_speaker(&pit, at(9601)) & 0x23, 0x23);
	/* and starts a square wave again */
	load(2, 3, 1000, 10000);
	pit_write_speaker(&pit, 0, at(10600));
	CHECK(pit_out(&pit, 2, at(10700)));
	pit_write_speaker(&pit, 1, at(11000));
	CHECK(pit_out(&pit, 2, behind(11498)));
	CHECK(!pit_out(&pit, 2, behind(11500)));
	CHECK(pit_read_speaker(&pit, 15085) & 0x10);
	CHECK(!(pit_read_speaker(&pit, 2 * 15085) & 0x10));
}

static void test_access(void)
{
	pit_init(&pit, START);
	control(0x10, 0);
	pit_write(&pit, 0, 0x80, at(0));
	CHECK_EQ(pit_read(&pit, 0, at(0)), 0x80);
	CHECK_EQ(pit_read(&pit, 0, at(1)), 0x7f);
	control(0x20, 0);
	pit_write(&pit, 0, 0x12, at(0));
	CHECK_EQ(pit_read(&pit, 0, at(0)), 0x12);
	CHECK_EQ(pit_read(&pit, 0, at(1)), 0x11);
	load(0, 0, 0x1234, 0);
	CHECK_EQ(pit_read(&pit, 0, at(0)), 0x34);
	CHECK_EQ(pit_read(&pit, 0, at(0)), 0x12);
	CHECK_EQ(pit_read(&pit, 0, at(0)), 0x34);
	/* who changes the times of channel 0 */
	CHECK(pit_write(&pit, 3, 0x34, at(0)));
	CHECK(!pit_write(&pit, 0, 1, at(0)));
	CHECK(pit_write(&pit, 0, 1, at(0)));
	CHECK(!pit_write(&pit, 3, 0x00, at(0)));
	CHECK(!pit_write(&pit, 3, 0xb4, at(0)));
	CHECK(!pit_write(&pit, 3, 0xc2, at(0)));
	CHECK_EQ(pit_read(&pit, 3, at(0)), 0);
}

static void test_latch(void)
{
	pit_init(&pit, START);
	load(0, 2, 0x1000, 0);
	control(0x00, 0x100);
	CHECK_EQ(read_word(0, 0x200), 0xf00);
	CHECK_EQ(read_word(0, 0x200), 0xe00);
	/* the first latch stays until it is read */
	control(0x00, 0x100);
	control(0x00, 0x200);
	CHECK_EQ(read_word(0, 0x300), 0xf00);
	CHECK_EQ(read_word(0, 0x300), 0xd00);
}

static void test_read_back(void)
{
	pit_init(&pit, START);
	load(0, 2, 0x1000, 0);
	load(2, 0, 0x20, 0);
	/* status of channel 0 and 2 */
	control(0xe0 | 0x0a, 1);
	CHECK_EQ(pit_read(&pit, 0, at(1)), 0x80 | 0x30 | 2 << 1);
	CHECK_EQ(pit_read(&pit, 2, at(1)), 0x30);
	/* both of channel 0: the status comes first */
	control(0xc2, 0x10);
	CHECK_EQ(pit_read(&pit, 0, at(0x50)), 0xb4);
	CHECK_EQ(read_word(0, 0x50), 0xff0);
	CHECK_EQ(read_word(0, 0x50), 0xfb0);
	/* the count alone */
	control(0xd2, 0x10);
	CHECK_EQ(read_word(0, 0x50), 0xff0);
}

static void test_bcd(void)
{
	pit_init(&pit, START);
	control(0x31, 0);
	pit_write(&pit, 0, 0x00, at(0));
	pit_write(&pit, 0, 0x10, at(0));
	CHECK_EQ(read_word(0, 0), 0x1000);
	CHECK_EQ(read_word(0, 1), 0x0999);
	CHECK_EQ(pit_next_rise(&pit, START), at(1000));
	CHECK_EQ(read_word(0, 1001), 0x9999);
	control(0x35, 0);
	pit_write(&pit, 0, 0, at(0));
	pit_write(&pit, 0, 0, at(0));
	CHECK_EQ(pit_next_rise(&pit, START), at(10000));
	CHECK_EQ(read_word(0, 1), 0x9999);
}

static void test_load(void)
{
	struct kvm_pit_channel_state saved[3];
	unsigned int n;

	pit_init(&pit, START);
	load(0, 2, 0x500, 0);
	memcpy(saved, pit.channel, sizeof(saved));
	pit_init(&pit, at(1));
	pit_load(&pit, saved, at(0x1000));
	CHECK_EQ(pit_next_rise(&pit, at(0x1000)), at(0x1500));

	memset(saved, 0xff, sizeof(saved));
	pit_load(&pit, saved, START);
	for (n = 0; n < 3; n++) {
		CHECK_EQ(pit.channel[n].count, 0x10000);
		CHECK_EQ(pit.channel[n].mode, 7);
		CHECK_EQ(pit.channel[n].gate, 1);
	}
	memset(saved, 0, sizeof(saved));
	pit_load(&pit, saved, START);
	CHECK_EQ(pit.channel[0].count, 0x10000);
	CHECK_EQ(pit.channel[0].gate, 1);
	CHECK_EQ(pit.channel[2].gate, 0);
}

/* No drift: a thousand rises are where they are, to the nanosecond, after an hour or a century. */
static void test_rises(void)
{
	u64 now, rise, n;
	unsigned int i;
	u32 count;

	for (i = 0; i < 20000; i++) {
		pit_init(&pit, START);
		count = 2 + rnd(0xffff);
		load(0, 2 + rnd(2), count, 0);
		n = rnd(3) ? rnd(1000) : (u64)rnd(1u << 31) * 10;
		now = at(n * count) + (rnd(2) ? 0 : rnd(800) * count);
		rise = pit_next_rise(&pit, now);
		CHECK(rise > now);
		CHECK_EQ(rise, at(n * count + count));
		CHECK(pit_out(&pit, 0, rise));
		CHECK(!pit_out(&pit, 0, rise - 1));
		CHECK_EQ(pit_next_rise(&pit, rise - 1), rise);
	}
}

/* A counter that counts, one tick after the other: modes 0, 2 and 4 of a channel with its gate up. */
static void test_counting(void)
{
	unsigned int round, mode, tick;
	u32 count, value;
	bool out;

	for (round = 0; round < 300; round++) {
		mode = rnd(3) * 2;
		count = 2 + rnd(40);
		pit_init(&pit, START);
		load(0, mode, count, 0);
		value = count;
		out = mode != 0;
		for (tick = 0; tick < 200; tick++) {
			CHECK_EQ(read_word(0, tick), value & 0xffff);
			CHECK_EQ(pit_out(&pit, 0, at(tick)), out);
			if (mode == 2 && value == 1)
				value = count;
			else
				value--;
			if (mode == 0)
				out = out || !value;
			else if (mode == 2)
				out = value != 1;
			else
				out = !!value;
		}
	}
}

static void test_random(void)
{
	u64 now = START, rise;
	unsigned int i, n;

	pit_init(&pit, START);
	for (i = 0; i < 400000; i++) {
		now += rnd(4) ? rnd(2000) : rnd(1u << 30);
		switch (rnd(6)) {
		case 0:
		case 1:
			pit_write(&pit, rnd(4), rnd(256), now);
			break;
		case 2:
			pit_read(&pit, rnd(4), now);
			break;
		case 3:
			pit_read_speaker(&pit, now);
			break;
		case 4:
			pit_write_speaker(&pit, rnd(256), now);
			break;
		}
		for (n = 0; n < 3; n++) {
			CHECK(pit.channel[n].count >= 1 && pit.channel[n].count <= 0x10000);
			CHECK((u64)pit.channel[n].count_load_time <= now);
		}
		rise = pit_next_rise(&pit, now);
		CHECK(rise > now);
		if (rise != PIT_NEVER)
			CHECK(pit_out(&pit, 0, rise) && !pit_out(&pit, 0, rise - 1));
	}
}

static const struct tap_test tests[] = {
	{ "after power-up", test_power_up },
	{ "mode 0: interrupt on terminal count", test_mode_0 },
	{ "mode 2: rate generator", test_mode_2 },
	{ "mode 3: square wave", test_mode_3 },
	{ "mode 4: strobe", test_mode_4 },
	{ "modes 1 and 5: triggered by the gate", test_triggered_modes },
	{ "the gate of the speaker, and port 0x61", test_gate },
	{ "counts by byte and word", test_access },
	{ "latched counts", test_latch },
	{ "read-back", test_read_back },
	{ "BCD", test_bcd },
	{ "saved state", test_load },
	{ "rises do not drift", test_rises },
	{ "a counter that counts", test_counting },
	{ "random accesses", test_random },
};

TAP_MAIN("pit", tests)
