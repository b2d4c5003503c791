// SPDX-License-Identifier: GPL-2.0-only
/*
 * Noise: random bytes as instructions, in every mode, on random registers, with
 * memory that is partly absent, read-only, or a device's.  Whatever comes out,
 * the emulator keeps its promises: no access outside a page, a length of at most
 * 15, nothing changed unless the instruction completed, and an end.
 */
#include <string.h>
#include <asm/processor-flags.h>
#include "../tap.h"
#include "mock.h"

#ifdef __SANITIZE_ADDRESS__
#define INSTRUCTIONS	300000
#else
#define INSTRUCTIONS	2000000
#endif

/* Instructions before the machine is made anew. */
#define LIFE		500

static struct mock m;
static u64 state = 0x123456789abcdefull;
static unsigned long outcomes[8], decoded;

/* What an instruction may have changed, to go on where we were. */
static struct {
	struct emul_segment segments[8];
	enum emul_mode mode;
	u8 cpl;
} home;

static u64 noise(void)
{
	u64 x = state += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

/* A number that is an address in memory half of the time. */
static u64 noise_address(void)
{
	return noise() & 1 ? noise() % MOCK_BYTES : noise();
}

static void make_machine(void)
{
	unsigned int i;

	mock_start(&m, noise() % 5, 0);
	if (m.ctxt.mode == EMUL_MODE_VM86)
		m.ctxt.cpl = 3;
	else if (m.ctxt.mode >= EMUL_MODE_PROT16 && (noise() & 1))
		m.ctxt.cpl = 3;
	for (i = 0; i < MOCK_PAGES; i++)
		if (noise() % 16 == 0)
			m.page[i] = 1u << noise() % 3;
	m.page[MOCK_CODE / 4096] = 0;
	m.ctxt.cpu = noise() & 7;
	m.efer = noise() & 0x501;
	m.cr[4] = noise();
	m.cr[0] = noise();
	memcpy(home.segments, m.segments, sizeof(home.segments));
	home.mode = m.ctxt.mode;
	home.cpl = m.ctxt.cpl;
}

static void go_home(void)
{
	memcpy(m.segments, home.segments, sizeof(m.segments));
	m.ctxt.mode = home.mode;
	m.ctxt.cpl = home.cpl;
}

static void make_registers(void)
{
	unsigned int i;

	for (i = 0; i < EMUL_GPRS; i++)
		m.gpr[i] = noise_address();
	m.ctxt.rflags = (noise() & 0x3f7fd5) | X86_EFLAGS_FIXED;
	m.ctxt.rip = m.segments[EMUL_CS].base ? 0 : MOCK_CODE;
	m.posted_count = 0;
}

/* Bytes: noise, but prefixes and the 0F maps more often than chance has them. */
static void make_code(void)
{
	static const u8 likely_bytes[] = { 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x0f, 0x48, 0x41, 0x2e };
	unsigned int i, prefixes = noise() % 4;
	u8 *code = m.memory + MOCK_CODE;

	for (i = 0; i < 16; i++)
		code[i] = i < prefixes ? likely_bytes[noise() % sizeof(likely_bytes)] : noise();
}

/*
 * Decode and execute, and do what user space would, for as long as it takes; a REP
 * string instruction may take for ever.
 */
static enum emul_result run_once(void)
{
	enum emul_result result = mock_again(&m);
	unsigned int completed = 0;

	while (result == EMUL_IO_NEEDED && completed++ < 200)
		result = mock_complete(&m, noise());
	return result;
}

static void check_outcome(enum emul_result result, const u64 *before, u64 rip, u64 rflags)
{
	bool rep = m.ctxt.insn.rep != 0;

	CHECK(result != EMUL_POSTED);
	CHECK(result != EMUL_IO_NEEDED || rep);
	CHECK(m.ctxt.insn.length <= EMUL_INSN_BYTES_MAX);
	CHECK(m.ctxt.fetched_bytes <= EMUL_INSN_BYTES_MAX);
	if (result == EMUL_OK || result == EMUL_SOFT_INT)
		return;
	CHECK_EQ(m.ctxt.rip, rip);
	if (rep)
		return;
	CHECK(!memcmp(before, m.gpr, sizeof(m.gpr)));
	CHECK_EQ(m.ctxt.rflags, rflags);
}

static void test_noise(void)
{
	u64 before[EMUL_GPRS], rip, rflags;
	enum emul_result result;
	unsigned int i;

	for (i = 0; i < INSTRUCTIONS && !tap_failed; i++) {
		if (i % LIFE == 0)
			make_machine();
		go_home();
		make_registers();
		make_code();
		memcpy(before, m.gpr, sizeof(before));
		rip = m.ctxt.rip;
		rflags = m.ctxt.rflags;
		result = run_once();
		outcomes[result]++;
		decoded += m.ctxt.insn.opcode != NULL;
		check_outcome(result, before, rip, rflags);
	}
	printf("# %u random instructions, %lu of them known: %lu done, %lu partly, %lu faults, "
	       "%lu INTs, %lu retries, %lu unhandleable\n", i, decoded, outcomes[EMUL_OK],
	       outcomes[EMUL_AGAIN], outcomes[EMUL_FAULT], outcomes[EMUL_SOFT_INT],
	       outcomes[EMUL_RETRY], outcomes[EMUL_UNHANDLEABLE]);
	CHECK(outcomes[EMUL_OK] > INSTRUCTIONS / 10);
	CHECK(outcomes[EMUL_FAULT] > INSTRUCTIONS / 10);
}

static const struct tap_test tests[] = {
	{ "random instructions", test_noise },
};

TAP_MAIN("emul noise", tests)
