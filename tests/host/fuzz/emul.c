// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any instruction on any machine: decoder and executor keep their promises.
 *
 *	mode, CPL	1 byte
 *	CR0, CR4, EFER	1, 3 and 1 bytes of the bits that count
 *	CPU, flags	1 and 3 bytes
 *	pages		4 times 1 byte: which is absent, read-only, a device's
 *	registers	16 times 3 bytes: of what kind, and a number
 *	code		all that is left, 15 bytes for an instruction
 *
 * Each instruction is run on two machines that differ in one thing: what is memory of
 * one, is on the other a device that user space completes reads of and is handed writes
 * to.  Both must end the same, which proves that an instruction that had to wait for user
 * space does not read anything twice, lose a write, or keep what it did before it waited.
 * Besides, as in test_noise.c: no access outside a page, nothing changed unless the
 * instruction completed.
 */
#include <asm/processor-flags.h>

#include "../emul/mock.h"
#include "fuzz.h"

/* Turns of a REP instruction until it is left alone. */
#define TURNS	8

/* Reads of devices that an instruction may wait for; REP does so once a turn or twice. */
#define WAITS	EMUL_READ_LOG_MAX

#define DATA_PAGES	4

static struct mock memory_machine, device_machine;

/* Of the first page of data, of the device, of the stack. */
static u64 content[3][512];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	u64 i;

	(void)argc;
	(void)argv;
	for (i = 0; i < 512; i++) {
		content[0][i] = 0xfedcba9876543210ull * i;
		content[1][i] = 0x0f1e2d3c4b5a6978ull * (i + 1);
		content[2][i] = MOCK_CODE + i;
	}
	return 0;
}

static u64 register_value(struct fuzz_input *in)
{
	u8 kind = fuzz_take(in, 1);
	u64 val = fuzz_take(in, 2);

	switch (kind & 7) {
	case 0:
		return val;
	case 1:
		return MOCK_DEVICE + (val & 0xfff);
	case 2:
		return MOCK_DATA + (val & 0x3fff);
	case 3:
		return MOCK_STACK + (val & 0x1fff);
	case 4:
		return (s64)(s16)val;
	case 5:
		return val << (kind >> 3);
	case 6:
		return val << 48 | val;
	default:
		return (val & 0xff) * 0x0101010101010101ull;
	}
}

static void make_machine(struct mock *m, struct fuzz_input in)
{
	u8 mode = fuzz_take(&in, 1), page;
	unsigned int i;

	mock_start(m, mode % 5, 0);
	if (m->ctxt.mode == EMUL_MODE_VM86 || (m->ctxt.mode >= EMUL_MODE_PROT16 && mode & 0x80))
		mock_start(m, mode % 5, 3);
	m->cr[0] = (m->cr[0] & X86_CR0_PE) | (fuzz_take(&in, 1) & 0x0e) | X86_CR0_AM;
	m->cr[4] = fuzz_take(&in, 3);
	m->efer |= fuzz_take(&in, 1) & 1;
	m->ctxt.cpu = fuzz_take(&in, 1) & 7;
	m->ctxt.rflags |= fuzz_take(&in, 3) & 0x257fd5;
	for (i = 0; i < DATA_PAGES; i++) {
		page = fuzz_take(&in, 1);
		m->page[MOCK_DATA / 4096 + i] = page & 3;
		m->page[MOCK_STACK / 4096 + i] = page >> 2 & 3;
		/* In real mode the device is out of the segments' reach. */
		if (page & 0x10)
			m->page[MOCK_DATA / 4096 + i] = MOCK_IS_DEVICE;
		if (page & 0x20)
			m->page[MOCK_STACK / 4096 + i] = MOCK_IS_DEVICE;
	}
	for (i = 0; i < EMUL_GPRS; i++)
		m->gpr[i] = register_value(&in);
	for (i = 0; i < 32; i++)
		m->xmm[i / 2][i % 2] = 0x0123456789abcdefull * (i + 1);
	memcpy(m->memory + MOCK_DATA, content[0], 4096);
	memcpy(m->memory + MOCK_DEVICE, content[1], 4096);
	memcpy(m->memory + MOCK_STACK, content[2], 4096);
	mock_set_msr(m, 0x174, MOCK_CODE0);
	mock_set_msr(m, 0x175, MOCK_STACK);
	mock_set_msr(m, 0x176, MOCK_CODE);
	mock_set_msr(m, 0xc0000081, 0x23ull << 48 | 0x08ull << 32);
	mock_set_msr(m, 0xc0000082, MOCK_CODE);
}

/* What comes before the code. */
static size_t machine_bytes(void)
{
	return 1 + 1 + 3 + 1 + 1 + 3 + DATA_PAGES + EMUL_GPRS * 3;
}

/* Without a device: its page is memory like any other. */
static void drop_devices(struct mock *m)
{
	unsigned int i;

	for (i = 0; i < MOCK_PAGES; i++)
		m->page[i] &= ~MOCK_IS_DEVICE;
}

/* Where the next instruction is. */
static u8 *code_of(struct mock *m)
{
	u64 base = m->ctxt.mode == EMUL_MODE_LONG64 ? 0 : m->segments[EMUL_CS].base;

	return m->memory + base + m->ctxt.rip;
}

static void put_code(struct mock *m, const u8 *code, size_t bytes)
{
	memset(code_of(m), 0x90, EMUL_INSN_BYTES_MAX + 1);
	memcpy(code_of(m), code, bytes);
}

/* User space's part: writes reach the device. */
static void deliver(struct mock *m)
{
	unsigned int i;

	for (i = 0; i < m->posted_count; i++) {
		const struct mock_access *access = &m->posted[i];

		if (access->address > 0xffff)
			memcpy(m->memory + access->address, &access->val, access->bytes);
	}
	m->posted_count = 0;
}

static u64 answer(const struct mock *m)
{
	if (m->pending.address <= 0xffff)
		return 0x1122334455667788ull ^ m->pending.address;
	return mock_get(m, m->pending.address, m->pending.bytes);
}

/* What must be after every result but a completed instruction. */
static void check_unchanged(const struct mock *m, enum emul_result result, const u64 *gpr,
			    u64 rip, u64 rflags)
{
	if (result == EMUL_OK || result == EMUL_SOFT_INT)
		return;
	FUZZ_ASSERT(m->ctxt.rip == rip, "after result %d", result);
	if (m->ctxt.insn.opcode && m->ctxt.insn.rep)
		return;
	FUZZ_ASSERT(result != EMUL_AGAIN, "without REP");
	FUZZ_ASSERT(!memcmp(gpr, m->gpr, sizeof(m->gpr)), "registers after result %d", result);
	FUZZ_ASSERT(m->ctxt.rflags == rflags, "flags after result %d", result);
}

/*
 * Run one instruction to its end, as user space and guest would.  What REP did before it
 * stopped for a turn stays, also if it then is another instruction: it may have written
 * over itself.  So many @turns it was left and begun again.
 */
static enum emul_result run_one(struct mock *m, unsigned int *turns)
{
	u64 rip = m->ctxt.rip, rflags = m->ctxt.rflags, gpr[EMUL_GPRS];
	enum emul_result result;
	unsigned int waits = 0;

	*turns = 0;
	memcpy(gpr, m->gpr, sizeof(gpr));
	result = mock_again(m);
	while (*turns < TURNS && waits < WAITS) {
		FUZZ_ASSERT(result <= EMUL_UNHANDLEABLE && result != EMUL_POSTED, "%d", result);
		FUZZ_ASSERT(m->ctxt.insn.length <= EMUL_INSN_BYTES_MAX, "length");
		check_unchanged(m, result, gpr, rip, rflags);
		deliver(m);
		if (result != EMUL_IO_NEEDED && result != EMUL_AGAIN)
			break;
		if (result == EMUL_AGAIN) {
			(*turns)++;
			rflags = m->ctxt.rflags;
			memcpy(gpr, m->gpr, sizeof(gpr));
			result = mock_again(m);
		} else {
			waits++;
			result = mock_complete(m, answer(m));
		}
	}
	deliver(m);
	FUZZ_ASSERT(result != EMUL_IO_NEEDED || m->ctxt.insn.rep, "waits for ever");
	return result;
}

static bool same_memory(const struct mock *a, const struct mock *b, u64 address,
			unsigned int pages)
{
	return !memcmp(a->memory + address, b->memory + address, pages * 4096);
}

/* Is this how the other machine ended? */
static void compare(enum emul_result result, enum emul_result device_result)
{
	const struct mock *a = &memory_machine, *b = &device_machine;
	unsigned int i;

	FUZZ_ASSERT(result == device_result, "%s: %d, with a device %d",
		    emul_insn_name(&a->ctxt), result, device_result);
	for (i = 0; i < EMUL_GPRS; i++)
		FUZZ_ASSERT(a->gpr[i] == b->gpr[i], "%s: register %u: %#llx, with a device %#llx",
			    emul_insn_name(&a->ctxt), i, (unsigned long long)a->gpr[i],
			    (unsigned long long)b->gpr[i]);
	FUZZ_ASSERT(a->ctxt.rip == b->ctxt.rip, "%s", emul_insn_name(&a->ctxt));
	FUZZ_ASSERT(a->ctxt.rflags == b->ctxt.rflags, "%s", emul_insn_name(&a->ctxt));
	FUZZ_ASSERT(!memcmp(a->xmm, b->xmm, sizeof(a->xmm)), "%s", emul_insn_name(&a->ctxt));
	FUZZ_ASSERT(!memcmp(a->segments, b->segments, sizeof(a->segments)), "%s",
		    emul_insn_name(&a->ctxt));
	FUZZ_ASSERT(same_memory(a, b, MOCK_DATA, DATA_PAGES) &&
		    same_memory(a, b, MOCK_STACK, DATA_PAGES) &&
		    same_memory(a, b, MOCK_GDT, 1) && same_memory(a, b, MOCK_DEVICE, 1),
		    "%s: memory", emul_insn_name(&a->ctxt));
	if (result == EMUL_FAULT)
		FUZZ_ASSERT(a->ctxt.exception.vector == b->ctxt.exception.vector &&
			    a->ctxt.exception.error == b->ctxt.exception.error,
			    "%s: exceptions %u and %u", emul_insn_name(&a->ctxt),
			    a->ctxt.exception.vector, b->ctxt.exception.vector);
}

/* Devices do not offer all that memory does: then there is nothing to compare. */
static bool comparable(enum emul_result result, enum emul_result device_result)
{
	return device_result != EMUL_UNHANDLEABLE && device_result != EMUL_RETRY &&
	       device_result != EMUL_IO_NEEDED && device_result != EMUL_AGAIN &&
	       result != EMUL_AGAIN && result != EMUL_IO_NEEDED;
}

/* What the owner of a context does between instructions. */
static void commit(struct mock *m)
{
	m->ctxt.mode = emul_mode_of(m->cr[0], m->ctxt.rflags, m->efer & 0x400,
				    m->segments[EMUL_CS].attr);
}

/* Is the next instruction still where code can be put? */
static bool code_reachable(const struct mock *m)
{
	u64 base = m->ctxt.mode == EMUL_MODE_LONG64 ? 0 : m->segments[EMUL_CS].base;
	u64 at = base + m->ctxt.rip;

	return m->ctxt.rip < MOCK_BYTES && at >= MOCK_CODE && at < MOCK_DATA - 32;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	enum emul_result result, device_result;
	unsigned int turns, device_turns;
	const u8 *code, *device_code;
	size_t n;

	make_machine(&memory_machine, in);
	make_machine(&device_machine, in);
	drop_devices(&memory_machine);
	fuzz_skip(&in, machine_bytes());
	while (fuzz_more(&in) && code_reachable(&memory_machine)) {
		n = in.left < EMUL_INSN_BYTES_MAX ? in.left : EMUL_INSN_BYTES_MAX;
		put_code(&memory_machine, in.at, n);
		put_code(&device_machine, in.at, n);
		code = code_of(&memory_machine);
		device_code = code_of(&device_machine);
		result = run_one(&memory_machine, &turns);
		device_result = run_one(&device_machine, &device_turns);
		fuzz_trace("%s: result %d, with a device %d, length %u\n",
			   emul_insn_name(&memory_machine.ctxt), result, device_result,
			   memory_machine.ctxt.insn.length);
		if (!comparable(result, device_result))
			break;
		/* A REP that writes over itself is fetched again after other turns. */
		if (memcmp(code, in.at, n) || memcmp(device_code, in.at, n))
			break;
		/* A fault may bring back the flags that a turn began with. */
		if (result == EMUL_FAULT && (turns || device_turns))
			break;
		compare(result, device_result);
		if (result != EMUL_OK)
			break;
		commit(&memory_machine);
		commit(&device_machine);
		fuzz_skip(&in, memory_machine.ctxt.insn.length);
	}
	return 0;
}
