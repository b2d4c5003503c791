/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interval timer of the AT (8254 data sheet), as pure state: no lock and no
 * clock is known here.  Times are in nanoseconds of any clock that does not go
 * backwards.
 *
 * Whoever uses it serializes all calls.
 */
#ifndef QUIRE_IRQ_PIT_H
#define QUIRE_IRQ_PIT_H

#include <linux/kvm.h>
#include <linux/types.h>

#define PIT_HZ			1193182u
#define PIT_CHANNELS		3
/* The channel behind the speaker: its gate is a bit of port 0x61. */
#define PIT_SPEAKER_CHANNEL	2

#define PIT_PORT		0x40
#define PIT_PORT_SPEAKER	0x61

#define PIT_NEVER		(~0ull)

/**
 * struct pit - the chip and the gate of the speaker
 * @channel:	registers as KVM_GET_PIT2 shows them.  count is what one period
 *		counts, 1 to 0x10000, also in BCD; count_load_time when it began
 * @stopped:	when the gate fell that holds the count of a channel
 * @triggered:	modes 1 and 5: the gate has risen since the mode was set
 * @speaker_data: bit 1 of port 0x61
 */
struct pit {
	struct kvm_pit_channel_state channel[PIT_CHANNELS];
	u64 stopped[PIT_CHANNELS];
	bool triggered[PIT_CHANNELS];
	bool speaker_data;
};

/** pit_init() - mode 3 everywhere, counting 0x10000 from @now; the speaker's gate is low */
void pit_init(struct pit *pit, u64 now);

/* A byte at port 0x40 + @reg, 0 to 3. */
u8 pit_read(struct pit *pit, unsigned int reg, u64 now);
/** pit_write() - return: is channel 0 to interrupt at other times now? */
bool pit_write(struct pit *pit, unsigned int reg, u8 value, u64 now);

/* Port 0x61: gate and output of channel 2, speaker data, the refresh toggle. */
u8 pit_read_speaker(struct pit *pit, u64 now);
void pit_write_speaker(struct pit *pit, u8 value, u64 now);

/** pit_out() - the output of a channel */
bool pit_out(const struct pit *pit, unsigned int channel, u64 now);

/**
 * pit_next_rise() - when the output of channel 0 rises next, after @now
 * Return: PIT_NEVER if it does not.
 */
u64 pit_next_rise(const struct pit *pit, u64 now);

/** pit_period() - ns between two of these; 0 if there is one at most */
u64 pit_period(const struct pit *pit);

/**
 * pit_load() - channels from saved ones; they count from @now
 * What no register can hold is dropped.
 */
void pit_load(struct pit *pit, const struct kvm_pit_channel_state *channels, u64 now);

#endif
