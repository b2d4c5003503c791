// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's arithmetic against the manual (SDM: Advanced Programmable
 * Interrupt Controller), and the map of APICs against asking each of them.
 */
#include <string.h>
#include <linux/slab.h>

#include "../../../src/irq/apic_map.h"
#include "../tap.h"

/* The shims want to know; nothing here touches user memory. */
bool shim_user_ok(const void *addr, size_t size)
{
	return false;
}

/* The map never looks into an APIC. */
struct lapic {
	struct apic_id id;
};

static u64 seed = 88172645463325252ull;

static u32 rnd(u32 below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % below;
}

static void set_vector(unsigned long *vectors, unsigned int v)
{
	vectors[v / 64] |= 1ul << (v % 64);
}

static void test_vectors(void)
{
	unsigned long vectors[APIC_VECTOR_WORDS] = { };
	unsigned int v;

	CHECK_EQ(apic_highest(vectors), -1);
	for (v = 0; v < 256; v++) {
		set_vector(vectors, v);
		CHECK_EQ(apic_highest(vectors), v);
		CHECK_EQ(apic_vector_word(vectors, v / 32) >> (v % 32), 1);
	}
	memset(vectors, 0, sizeof(vectors));
	set_vector(vectors, 0x31);
	set_vector(vectors, 0xf0);
	CHECK_EQ(apic_highest(vectors), 0xf0);
	CHECK_EQ(apic_vector_word(vectors, 1), 1u << 0x11);
	CHECK_EQ(apic_vector_word(vectors, 7), 1u << 0x10);
	CHECK_EQ(apic_vector_word(vectors, 2), 0);
}

static void test_priority(void)
{
	unsigned int tpr, isr;

	CHECK_EQ(apic_ppr(0, -1), 0);
	CHECK_EQ(apic_ppr(0x25, -1), 0x25);
	CHECK_EQ(apic_ppr(0x25, 0x31), 0x30);
	CHECK_EQ(apic_ppr(0x35, 0x31), 0x35);
	CHECK_EQ(apic_ppr(0x4f, 0x31), 0x4f);
	for (tpr = 0; tpr < 256; tpr++)
		for (isr = 16; isr < 256; isr++)
			CHECK_EQ(apic_ppr(tpr, isr) >> 4,
				 (tpr >> 4) > (isr >> 4) ? tpr >> 4 : isr >> 4);

	CHECK(apic_vector_allowed(0x31, 0x2f));
	CHECK(!apic_vector_allowed(0x3f, 0x30));
	CHECK(!apic_vector_allowed(0x20, 0x30));
	CHECK(apic_vector_allowed(0x10, 0));
	/* User space may load a request below 16. */
	CHECK(!apic_vector_allowed(0x0f, 0));
}

static void test_msi(void)
{
	struct lapic_msg msg;

	apic_decode_msi(0xfee03000, 0x0041, false, &msg);
	CHECK_EQ(msg.dest, 3);
	CHECK_EQ(msg.vector, 0x41);
	CHECK_EQ(msg.delivery, APIC_DELIVER_FIXED);
	CHECK(!msg.logical && !msg.level && !msg.shorthand);

	apic_decode_msi(0xfeeff004, 0xc1f0, false, &msg);
	CHECK_EQ(msg.dest, 0xff);
	CHECK_EQ(msg.delivery, APIC_DELIVER_LOWEST);
	CHECK(msg.logical && msg.level);

	/* A redirection hint asks for one of the set. */
	apic_decode_msi(0xfee0000c, 0x0051, false, &msg);
	CHECK_EQ(msg.delivery, APIC_DELIVER_LOWEST);
	apic_decode_msi(0xfee0000c, 0x0400, false, &msg);
	CHECK_EQ(msg.delivery, APIC_DELIVER_NMI);

	apic_decode_msi(0x00000100fee02000ull, 0x30, true, &msg);
	CHECK_EQ(msg.dest, 0x102);
	apic_decode_msi(0x00000100fee02000ull, 0x30, false, &msg);
	CHECK_EQ(msg.dest, 2);
}

static void test_icr(void)
{
	struct lapic_msg msg;

	apic_decode_icr(0x000c4041, 0, &msg);
	CHECK_EQ(msg.shorthand, APIC_TO_OTHERS);
	CHECK_EQ(msg.vector, 0x41);
	CHECK(!msg.level && msg.assert);

	apic_decode_icr(0x0000c500, 7, &msg);
	CHECK_EQ(msg.delivery, APIC_DELIVER_INIT);
	CHECK(msg.level && msg.assert);
	apic_decode_icr(0x00008500, 7, &msg);
	CHECK(msg.level && !msg.assert);

	/* A fixed one is an edge whatever its trigger bit says. */
	apic_decode_icr(0x0000c8fe, 0x00010003, &msg);
	CHECK(!msg.level && msg.logical);
	CHECK_EQ(msg.dest, 0x00010003);
	apic_decode_icr(0x00004609, 1, &msg);
	CHECK_EQ(msg.delivery, APIC_DELIVER_SIPI);
	CHECK_EQ(msg.vector, 9);
	/* ExtINT is for devices */
	apic_decode_icr(0x00004700, 1, &msg);
	CHECK_EQ(msg.delivery, APIC_DELIVER_NONE);
}

static bool matches(struct apic_id id, u32 dest, bool logical, bool wide_ff)
{
	struct lapic_msg msg = { .dest = dest, .logical = logical };

	return apic_matches(&id, &msg, wide_ff);
}

static void test_destinations(void)
{
	struct apic_id x = { .id = 3, .ldr = 0x08000000 };
	struct apic_id c = { .id = 3, .ldr = 0x24000000, .cluster = true };
	struct apic_id x2 = { .id = 0x23, .x2apic = true };
	struct apic_id ff = { .id = 0xff, .x2apic = true };

	CHECK_EQ(apic_x2apic_ldr(0x23), 0x00020008);
	CHECK_EQ(apic_x2apic_ldr(0xfff), 0x00ff8000);

	CHECK(matches(x, 3, false, false));
	CHECK(!matches(x, 2, false, false));
	CHECK(matches(x, 0xff, false, true));
	CHECK(matches(x, 0x0c, true, false));
	CHECK(!matches(x, 0x07, true, false));
	CHECK(!matches(x, 0x108, true, false));

	CHECK(matches(c, 0x26, true, false));
	CHECK(!matches(c, 0x23, true, false));
	CHECK(!matches(c, 0x16, true, false));
	CHECK(matches(c, 0xff, true, false));

	CHECK(matches(x2, 0x23, false, false));
	CHECK(matches(x2, 0x00020009, true, false));
	CHECK(!matches(x2, 0x00020007, true, false));
	CHECK(!matches(x2, 0x00010008, true, false));
	CHECK(matches(x2, 0xffffffff, false, true));
	CHECK(matches(x2, 0xffffffff, true, true));

	/* KVM_CAP_X2APIC_API: 0xff is a broadcast, or one id and eight APICs. */
	CHECK(matches(x2, 0xff, false, false));
	CHECK(!matches(x2, 0xff, false, true));
	CHECK(matches(ff, 0xff, false, true));
	CHECK(!matches(x2, 0xff, true, true));
}

static void test_divide(void)
{
	static const struct { u32 divide; unsigned int by; } cases[] = {
		{ 0x0, 2 }, { 0x1, 4 }, { 0x2, 8 }, { 0x3, 16 },
		{ 0x8, 32 }, { 0x9, 64 }, { 0xa, 128 }, { 0xb, 1 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_EQ(1u << apic_divide_shift(cases[i].divide), cases[i].by);
		CHECK_EQ(apic_count_to_ns(1000, cases[i].divide), 1000 * cases[i].by);
		CHECK_EQ(apic_count_to_ns(~0u, cases[i].divide), (u64)~0u * cases[i].by);
		CHECK_EQ(apic_ns_to_count(apic_count_to_ns(~0u, cases[i].divide),
					  cases[i].divide, ~0u), ~0u);
	}
	/* A count is there until its last nanosecond is over. */
	CHECK_EQ(apic_ns_to_count(1, 0x3, 100), 1);
	CHECK_EQ(apic_ns_to_count(16, 0x3, 100), 1);
	CHECK_EQ(apic_ns_to_count(17, 0x3, 100), 2);
	CHECK_EQ(apic_ns_to_count(0, 0x3, 100), 0);
	CHECK_EQ(apic_ns_to_count(1ull << 40, 0xb, 100), 100);
}

static void test_timer(void)
{
	CHECK_EQ(apic_timer_left(1000, 400, 0), 600);
	CHECK_EQ(apic_timer_left(1000, 1000, 0), 0);
	CHECK_EQ(apic_timer_left(1000, 5000, 0), 0);
	CHECK_EQ(apic_timer_left(1000, 400, 300), 600);
	CHECK_EQ(apic_timer_left(1000, 1000, 300), 300);
	CHECK_EQ(apic_timer_left(1000, 1299, 300), 1);
	CHECK_EQ(apic_timer_left(1000, 1300, 300), 300);

	CHECK_EQ(apic_tsc_to_ns(0, 2000000), 0);
	CHECK_EQ(apic_tsc_to_ns(2000, 2000000), 1000);
	CHECK_EQ(apic_tsc_to_ns(3, 2000000), 1);
	CHECK_EQ(apic_tsc_to_ns(2500000000ull * 3600, 2500000), 3600ull * 1000000000);
	CHECK_EQ(apic_tsc_to_ns(~0ull, 1000), 1ull << 62);
	CHECK_EQ(apic_tsc_to_ns(~0ull, ~0u), 4294967297ull * 1000000);
}

static void test_reset(void)
{
	struct apic_regs regs;
	unsigned int reg;

	memset(&regs, 0xa5, sizeof(regs));
	apic_regs_reset(&regs);
	CHECK_EQ(apic_highest(regs.irr), -1);
	CHECK_EQ(apic_highest(regs.isr), -1);
	CHECK_EQ(apic_highest(regs.tmr), -1);
	for (reg = APIC_REG_LVT_TIMER; reg <= APIC_REG_LVT_ERROR; reg++)
		CHECK_EQ(regs.reg[reg], 0x10000);
	CHECK_EQ(regs.reg[APIC_REG_SVR], 0xff);
	CHECK_EQ(regs.reg[APIC_REG_DFR], 0xffffffff);
	CHECK_EQ(regs.reg[APIC_REG_LDR], 0);
	CHECK_EQ(regs.reg[APIC_REG_TIMER_INITIAL], 0);
}

static void test_state(void)
{
	struct kvm_lapic_state in, out, again;
	struct apic_regs regs, loaded;
	unsigned int i;

	/* All ones: only what could have been written is kept. */
	memset(&in, 0xff, sizeof(in));
	apic_regs_load(&regs, &in);
	CHECK_EQ(regs.reg[APIC_REG_LVT_TIMER], 0x700ff);
	CHECK_EQ(regs.reg[APIC_REG_LVT_LINT0], 0x1a7ff);
	CHECK_EQ(regs.reg[APIC_REG_TIMER_DIVIDE], 0xb);
	CHECK_EQ(regs.reg[APIC_REG_ESR], 0xff);
	/* Bit 12 is the owner's to drop. */
	CHECK_EQ(regs.reg[APIC_REG_SVR], 0x13ff);
	CHECK_EQ(regs.reg[APIC_REG_ICR] & (1u << 12), 0);
	CHECK_EQ(regs.irr[0], ~0ul);

	/* Off by software: nothing local is unmasked. */
	memset(&in, 0, sizeof(in));
	apic_page_set(&in, APIC_REG_LVT_LINT1, 0x400);
	apic_regs_load(&regs, &in);
	CHECK_EQ(regs.reg[APIC_REG_LVT_LINT1], 0x10400);
	CHECK_EQ(regs.reg[APIC_REG_DFR], 0x0fffffff);

	/* Whatever was loaded once survives saving and loading. */
	for (i = 0; i < 1000; i++) {
		unsigned int byte;

		for (byte = 0; byte < sizeof(in.regs); byte++)
			in.regs[byte] = rnd(256);
		apic_regs_load(&regs, &in);
		apic_regs_save(&regs, &out);
		apic_regs_load(&loaded, &out);
		apic_regs_save(&loaded, &again);
		CHECK(!memcmp(&regs, &loaded, sizeof(regs)));
		CHECK(!memcmp(&out, &again, sizeof(out)));
		CHECK_EQ(apic_page_get(&out, APIC_REG_IRR + 5),
			 apic_page_get(&in, APIC_REG_IRR + 5));
		CHECK_EQ(apic_page_get(&out, APIC_REG_VERSION), APIC_VERSION);
	}
}

/* --- the map against asking each APIC --- */

#define MAX_APICS	40

static struct lapic apics[MAX_APICS];
static unsigned int nr_apics;

/* One bit of a flat or clustered id, sometimes none, sometimes more. */
static u32 random_ldr(unsigned int n, bool cluster)
{
	u32 odd = rnd(20);

	if (!odd)
		return 0;
	if (odd == 1)
		return rnd(256) << 24;
	if (cluster)
		return (n / 4 << 4 | 1u << (n % 4)) << 24;
	return n < 8 ? 1u << (24 + n) : 0;
}

static struct apic_map *random_map(void)
{
	unsigned int kind = rnd(4), i;
	struct apic_map *map;
	u32 max_id = 0;

	nr_apics = 1 + rnd(kind == 0 ? 8 : MAX_APICS);
	for (i = 0; i < nr_apics; i++) {
		struct apic_id *id = &apics[i].id;

		id->id = i * 3 + (kind == 2 ? 240 : 0);
		id->x2apic = kind == 2 || (kind == 3 && rnd(2));
		id->cluster = kind == 1;
		id->ldr = id->x2apic ? 0 : random_ldr(i, id->cluster);
		max_id = id->id;
	}
	map = apic_map_alloc(max_id);
	for (i = 0; i < nr_apics; i++)
		apic_map_add(map, &apics[i], &apics[i].id);
	return map;
}

static bool in_targets(const struct apic_targets *targets, const struct lapic *apic)
{
	unsigned int bit;

	for (bit = 0; bit < 64; bit++)
		if (targets->mask >> bit & 1 && targets->apic[bit] == apic)
			return true;
	return false;
}

static u32 random_dest(void)
{
	switch (rnd(6)) {
	case 0:
		return ~0u;
	case 1:
		return 0xff;
	case 2:
		return rnd(400);
	case 3:
		return rnd(20) << 16 | rnd(0x10000);
	case 4:
		return rnd(~0u);
	default:
		return rnd(256);
	}
}

static void test_map(void)
{
	unsigned int round, n, i, told = 0;

	for (round = 0; round < 2000; round++) {
		struct apic_map *map = random_map();

		for (n = 0; n < 50; n++) {
			struct lapic_msg msg = { .dest = random_dest(), .logical = rnd(2) };
			struct apic_targets targets;
			bool ipi = rnd(2);

			if (!apic_map_find(map, &msg, ipi, &targets))
				continue;
			told++;
			for (i = 0; i < nr_apics; i++)
				CHECK_EQ(in_targets(&targets, &apics[i]),
					 apic_matches(&apics[i].id, &msg, true));
		}
		kvfree(map);
	}
	/* And it mostly can tell. */
	CHECK(told > 2000 * 50 / 2);
}

static void test_map_models(void)
{
	struct lapic_msg to_ff = { .dest = 0xff, .logical = true };
	struct apic_targets targets;
	struct apic_id id = { .x2apic = true };
	struct apic_map *map;
	struct lapic apic;

	shim_fail_after = 0;
	CHECK(!apic_map_alloc(15));
	shim_fail_after = -1;

	/* 0xff in x2APIC mode: eight APICs to an IPI, a broadcast to a device. */
	map = apic_map_alloc(20);
	CHECK_EQ(map->size, 32);
	apic_map_add(map, &apic, &id);
	CHECK(apic_map_find(map, &to_ff, true, &targets));
	CHECK_EQ(targets.mask, 0xff);
	CHECK(!apic_map_find(map, &to_ff, false, &targets));
	/* One that was not started does not spoil the model. */
	id = (struct apic_id) { .id = 20 };
	apic_map_add(map, &apic, &id);
	CHECK_EQ(map->model, APIC_MAP_X2APIC);
	CHECK(!apic_map_find(map, &to_ff, true, &targets));
	kvfree(map);

	/* Two with one bit: nobody can be told apart. */
	map = apic_map_alloc(3);
	id = (struct apic_id) { .id = 0, .ldr = 1u << 24 };
	apic_map_add(map, &apic, &id);
	CHECK_EQ(map->model, APIC_MAP_FLAT);
	id.id = 1;
	apic_map_add(map, &apic, &id);
	CHECK_EQ(map->model, APIC_MAP_MIXED);
	kvfree(map);
}

static const struct tap_test tests[] = {
	{ "vector bitmaps", test_vectors },
	{ "processor priority", test_priority },
	{ "MSI decoding", test_msi },
	{ "ICR decoding", test_icr },
	{ "destinations", test_destinations },
	{ "divide configuration", test_divide },
	{ "timer arithmetic", test_timer },
	{ "reset values", test_reset },
	{ "register page", test_state },
	{ "the map agrees with every APIC", test_map },
	{ "models of the map", test_map_models },
};

TAP_MAIN("irq", tests)
