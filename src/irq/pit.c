// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interval timer of the AT (8254 data sheet).
 *
 * Nothing counts here: what a counter and its output show follows from the time
 * at which its count was loaded, and the mode.  Modes 2 and 3 begin again after
 * each count; the others count once and then run on through 0xffff without
 * effect.
 *
 * Channels 0 and 1 have their gates wired high.  That of channel 2 is a bit of
 * port 0x61: low, it holds the count in modes 0 and 4, and its output high in 2
 * and 3; rising, it starts modes 1, 2, 3 and 5.
 *
 * A count that is written while an older one runs takes effect at once, in all
 * modes.  Counts in BCD are kept in binary and shown in BCD.
 */
#include <linux/string.h>

#include "pit.h"

#define PIT_NS_PER_SEC		1000000000ull

/* The toggle of the memory refresh in port 0x61 changes this often. */
#define PIT_REFRESH_NS		15085

/* The control word. */
#define PIT_REG_CONTROL		3
#define PIT_CONTROL_READ_BACK	3
#define PIT_READ_BACK_NO_COUNT	0x20
#define PIT_READ_BACK_NO_STATUS	0x10

#define PIT_SPEAKER_GATE	0x01
#define PIT_SPEAKER_DATA	0x02
#define PIT_SPEAKER_REFRESH	0x10
#define PIT_SPEAKER_OUT		0x20

/* Which bytes of a count are read and written, and where one stands. */
enum pit_access {
	PIT_LATCH	= 0,
	PIT_LOW		= 1,
	PIT_HIGH	= 2,
	PIT_WORD	= 3,	/* low first */
	PIT_WORD_HIGH	= 4,	/* the low byte has passed */
};

/* Six modes in three bits: 6 and 7 are 2 and 3. */
static unsigned int pit_mode(const struct kvm_pit_channel_state *c)
{
	return c->mode & 2 ? c->mode & 3 : c->mode & 7;
}

static bool pit_periodic(const struct kvm_pit_channel_state *c)
{
	return pit_mode(c) == 2 || pit_mode(c) == 3;
}

/* Started by a rising gate, not by a written count. */
static bool pit_wants_trigger(const struct kvm_pit_channel_state *c)
{
	return pit_mode(c) == 1 || pit_mode(c) == 5;
}

/* --- time --- */

static u64 pit_ns_to_ticks(u64 ns)
{
	return ns / PIT_NS_PER_SEC * PIT_HZ +
	       ns % PIT_NS_PER_SEC * PIT_HZ / PIT_NS_PER_SEC;
}

/* When a tick has passed: never too early. */
static u64 pit_ticks_to_ns(u64 ticks)
{
	return ticks / PIT_HZ * PIT_NS_PER_SEC +
	       (ticks % PIT_HZ * PIT_NS_PER_SEC + PIT_HZ - 1) / PIT_HZ;
}

/* Ticks since the count was loaded, without those for which the gate held it. */
static u64 pit_elapsed(const struct pit *pit, unsigned int n, u64 now)
{
	const struct kvm_pit_channel_state *c = &pit->channel[n];

	if (!c->gate && !pit_wants_trigger(c))
		now = pit->stopped[n];
	return now > (u64)c->count_load_time ?
	       pit_ns_to_ticks(now - c->count_load_time) : 0;
}

/* --- what a channel shows --- */

static u16 pit_to_bcd(u32 value)
{
	u16 bcd = 0;
	int digit;

	for (digit = 0; digit < 16; digit += 4) {
		bcd |= value % 10 << digit;
		value /= 10;
	}
	return bcd;
}

static u32 pit_from_bcd(u16 bcd)
{
	return (bcd >> 12) * 1000 + (bcd >> 8 & 0xf) * 100 + (bcd >> 4 & 0xf) * 10 +
	       (bcd & 0xf);
}

static u16 pit_count(const struct pit *pit, unsigned int n, u64 now)
{
	const struct kvm_pit_channel_state *c = &pit->channel[n];
	u64 ticks = pit_elapsed(pit, n, now);
	u32 value;

	switch (pit_mode(c)) {
	case 2:
		value = c->count - ticks % c->count;
		break;
	case 3:
		/* Two at a time; even counts only. */
		value = (c->count & ~1u) - ticks * 2 % c->count;
		value &= ~1u;
		break;
	default:
		if (c->bcd)
			value = (c->count + 10000 - ticks % 10000) % 10000;
		else
			value = c->count - ticks;
	}
	return c->bcd ? pit_to_bcd(value) : value;
}

bool pit_out(const struct pit *pit, unsigned int n, u64 now)
{
	const struct kvm_pit_channel_state *c = &pit->channel[n];
	u64 ticks = pit_elapsed(pit, n, now);

	if (pit_periodic(c) && !c->gate)
		return true;
	if (pit_wants_trigger(c) && !pit->triggered[n])
		return true;
	switch (pit_mode(c)) {
	case 0:
	case 1:
		return ticks >= c->count;
	case 2:
		return ticks % c->count != c->count - 1;
	case 3:
		return ticks % c->count < (c->count + 1) / 2;
	default:
		return ticks != c->count;
	}
}

u64 pit_period(const struct pit *pit)
{
	const struct kvm_pit_channel_state *c = &pit->channel[0];

	return pit_periodic(c) ? pit_ticks_to_ns(c->count) : 0;
}

u64 pit_next_rise(const struct pit *pit, u64 now)
{
	const struct kvm_pit_channel_state *c = &pit->channel[0];
	u64 ticks = pit_elapsed(pit, 0, now), rise;

	switch (pit_mode(c)) {
	case 0:
		rise = c->count;
		break;
	case 2:
	case 3:
		rise = (ticks / c->count + 1) * c->count;
		break;
	case 4:
		/* The strobe is low for one tick. */
		rise = c->count + 1;
		break;
	default:
		return PIT_NEVER;
	}
	return ticks < rise ? c->count_load_time + pit_ticks_to_ns(rise) : PIT_NEVER;
}

/* --- registers --- */

static void pit_start(struct pit *pit, unsigned int n, u64 now)
{
	pit->channel[n].count_load_time = now;
	pit->stopped[n] = now;
}

static void pit_load_count(struct pit *pit, unsigned int n, u16 value, u64 now)
{
	struct kvm_pit_channel_state *c = &pit->channel[n];
	u32 count = c->bcd ? pit_from_bcd(value) : value;

	/* The largest count is written as 0. */
	if (!count)
		count = c->bcd ? 10000 : 0x10000;
	/* What cannot be counted in halves, or has no last tick, is as good as 2. */
	if (pit_periodic(c) && count == 1)
		count = 2;
	c->count = count;
	if (!pit_wants_trigger(c))
		pit_start(pit, n, now);
}

static void pit_latch_count(struct pit *pit, unsigned int n, u64 now)
{
	struct kvm_pit_channel_state *c = &pit->channel[n];

	if (c->count_latched)
		return;
	c->latched_count = pit_count(pit, n, now);
	c->count_latched = c->rw_mode;
}

static void pit_latch_status(struct pit *pit, unsigned int n, u64 now)
{
	struct kvm_pit_channel_state *c = &pit->channel[n];

	if (c->status_latched)
		return;
	c->status = pit_out(pit, n, now) << 7 | c->rw_mode << 4 | c->mode << 1 | c->bcd;
	c->status_latched = 1;
}

static void pit_read_back(struct pit *pit, u8 value, u64 now)
{
	unsigned int n;

	for (n = 0; n < PIT_CHANNELS; n++) {
		if (!(value & 2 << n))
			continue;
		if (!(value & PIT_READ_BACK_NO_COUNT))
			pit_latch_count(pit, n, now);
		if (!(value & PIT_READ_BACK_NO_STATUS))
			pit_latch_status(pit, n, now);
	}
}

/* Return: has channel 0 another mode? */
static bool pit_write_control(struct pit *pit, u8 value, u64 now)
{
	unsigned int n = value >> 6, access = value >> 4 & 3;
	struct kvm_pit_channel_state *c;

	if (n == PIT_CONTROL_READ_BACK) {
		pit_read_back(pit, value, now);
		return false;
	}
	if (access == PIT_LATCH) {
		pit_latch_count(pit, n, now);
		return false;
	}
	c = &pit->channel[n];
	c->rw_mode = access;
	c->read_state = access;
	c->write_state = access;
	c->mode = value >> 1 & 7;
	c->bcd = value & 1;
	c->count_latched = 0;
	c->status_latched = 0;
	pit->triggered[n] = false;
	pit_load_count(pit, n, 0, now);
	return !n;
}

bool pit_write(struct pit *pit, unsigned int reg, u8 value, u64 now)
{
	struct kvm_pit_channel_state *c;

	if (reg == PIT_REG_CONTROL)
		return pit_write_control(pit, value, now);

	c = &pit->channel[reg];
	switch (c->write_state) {
	case PIT_LOW:
		pit_load_count(pit, reg, value, now);
		break;
	case PIT_HIGH:
		pit_load_count(pit, reg, value << 8, now);
		break;
	case PIT_WORD:
		c->write_latch = value;
		c->write_state = PIT_WORD_HIGH;
		return false;
	default:
		c->write_state = PIT_WORD;
		pit_load_count(pit, reg, c->write_latch | value << 8, now);
	}
	return !reg;
}

static u8 pit_read_latched(struct kvm_pit_channel_state *c)
{
	u16 count = c->latched_count;

	switch (c->count_latched) {
	case PIT_WORD:
		c->count_latched = PIT_HIGH;
		return count;
	case PIT_LOW:
		c->count_latched = 0;
		return count;
	default:
		c->count_latched = 0;
		return count >> 8;
	}
}

u8 pit_read(struct pit *pit, unsigned int reg, u64 now)
{
	struct kvm_pit_channel_state *c;
	u16 count;

	if (reg == PIT_REG_CONTROL)
		return 0;
	c = &pit->channel[reg];
	if (c->status_latched) {
		c->status_latched = 0;
		return c->status;
	}
	if (c->count_latched)
		return pit_read_latched(c);

	count = pit_count(pit, reg, now);
	switch (c->read_state) {
	case PIT_LOW:
		return count;
	case PIT_WORD:
		c->read_state = PIT_WORD_HIGH;
		return count;
	case PIT_WORD_HIGH:
		c->read_state = PIT_WORD;
		return count >> 8;
	default:
		return count >> 8;
	}
}

/* --- the speaker --- */

static void pit_set_gate(struct pit *pit, unsigned int n, bool gate, u64 now)
{
	struct kvm_pit_channel_state *c = &pit->channel[n];

	if (c->gate == gate)
		return;
	if (!gate) {
		pit->stopped[n] = now;
	} else if (pit_periodic(c) || pit_wants_trigger(c)) {
		pit->triggered[n] = true;
		pit_start(pit, n, now);
	} else {
		/* The count goes on where it stood. */
		c->count_load_time += now - pit->stopped[n];
	}
	c->gate = gate;
}

u8 pit_read_speaker(struct pit *pit, u64 now)
{
	u8 value = pit->channel[PIT_SPEAKER_CHANNEL].gate ? PIT_SPEAKER_GATE : 0;

	if (pit->speaker_data)
		value |= PIT_SPEAKER_DATA;
	if (now / PIT_REFRESH_NS & 1)
		value |= PIT_SPEAKER_REFRESH;
	if (pit_out(pit, PIT_SPEAKER_CHANNEL, now))
		value |= PIT_SPEAKER_OUT;
	return value;
}

void pit_write_speaker(struct pit *pit, u8 value, u64 now)
{
	pit->speaker_data = value & PIT_SPEAKER_DATA;
	pit_set_gate(pit, PIT_SPEAKER_CHANNEL, value & PIT_SPEAKER_GATE, now);
}

/* --- life and saved state --- */

void pit_init(struct pit *pit, u64 now)
{
	unsigned int n;

	memset(pit, 0, sizeof(*pit));
	for (n = 0; n < PIT_CHANNELS; n++) {
		pit->channel[n] = (struct kvm_pit_channel_state) {
			.mode = 3,
			.rw_mode = PIT_WORD,
			.read_state = PIT_WORD,
			.write_state = PIT_WORD,
			.gate = n != PIT_SPEAKER_CHANNEL,
		};
		pit_load_count(pit, n, 0, now);
	}
}

void pit_load(struct pit *pit, const struct kvm_pit_channel_state *channels, u64 now)
{
	struct kvm_pit_channel_state *c;
	unsigned int n;

	for (n = 0; n < PIT_CHANNELS; n++) {
		c = &pit->channel[n];
		*c = channels[n];
		c->mode &= 7;
		c->rw_mode &= 3;
		c->count_latched &= 3;
		c->status_latched &= 1;
		c->bcd &= 1;
		c->gate &= 1;
		if (n != PIT_SPEAKER_CHANNEL)
			c->gate = 1;
		if (!c->count || c->count > 0x10000)
			c->count = 0x10000;
		if (pit_periodic(c) && c->count == 1)
			c->count = 2;
		pit->triggered[n] = true;
		pit_start(pit, n, now);
	}
}
