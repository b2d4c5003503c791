// SPDX-License-Identifier: GPL-2.0-only
/*
 * A case is made back to front: first the registers and memory that the
 * instruction needs to be of interest, which fixes some registers; then a place in
 * the scratch area for its memory operand (sometimes across a page, in the guard
 * area, or at no canonical address); then an addressing form, whose base register
 * is computed so that it leads there; then the bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <asm/processor-flags.h>
#include "cases.h"

static u64 random_state = 1;

/* A case in the making. */
struct maker {
	struct test_case *test;
	const struct template *template;
	const struct native *native;
	bool long64;
	u8 *at;
	unsigned int opsize;
	unsigned int adsize;
	u8 rex;
	bool gs;
	u64 fixed;			/* registers whose values are taken, as bits */
	u64 target;			/* where memory is */
	/* from the encoding */
	u8 opcode[4];
	unsigned int opcode_bytes;
	bool modrm, memory_only, register_only, opcode_reg;
	int digit;			/* -1: random */
	char imm;			/* 0, b, w, z, v */
	unsigned int second_imm;
	char rel;			/* 0, 8, z */
	u8 *rip_disp;			/* displacement to complete */
	int rm;				/* ModRM.rm if it is a register, else -1 */
};

void case_seed(u64 seed)
{
	random_state = seed * 0x9e3779b97f4a7c15ull + 1;
}

u64 case_random(void)
{
	u64 x = random_state += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static unsigned int below(unsigned int limit)
{
	return case_random() % limit;
}

static bool one_in(unsigned int n)
{
	return below(n) == 0;
}

/* Numbers at the edges are more likely than chance has them. */
static u64 random_operand(void)
{
	static const u64 edges[] = {
		0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
		0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, ~0ull, 0x99, 0x0f, 0x10,
	};

	switch (below(4)) {
	case 0:
		return edges[below(sizeof(edges) / sizeof(edges[0]))];
	case 1:
		return case_random() & 0xff;
	default:
		return case_random();
	}
}

static void parse_token(struct maker *m, const char *token)
{
	if (token[0] == '/') {
		m->modrm = true;
		m->digit = token[1] == 'r' ? -1 : token[1] - '0';
	} else if (!strcmp(token, "m")) {
		m->memory_only = true;
	} else if (!strcmp(token, "g")) {
		m->register_only = true;
	} else if (!strcmp(token, "+r")) {
		m->opcode_reg = true;
	} else if (token[0] == 'i') {
		m->second_imm = m->imm ? 1 : 0;
		if (!m->imm)
			m->imm = token[1];
	} else if (!strncmp(token, "rel", 3)) {
		m->rel = token[3];
	} else {
		m->opcode[m->opcode_bytes++] = strtoul(token, NULL, 16);
	}
}

static void parse(struct maker *m)
{
	char copy[64], *next = copy, *token;

	snprintf(copy, sizeof(copy), "%s", m->template->encoding);
	while ((token = strsep(&next, " ")))
		parse_token(m, token);
}

static u64 *reg(struct maker *m, enum emul_gpr nr)
{
	return &m->test->regs.gpr[nr];
}

static void fix(struct maker *m, enum emul_gpr nr, u64 val)
{
	*reg(m, nr) = val;
	m->fixed |= 1u << nr;
}

/* A place in the scratch area that leaves room on both sides. */
static u64 place(struct maker *m)
{
	u64 scratch = (unsigned long)m->native->scratch;

	if (one_in(8))
		return scratch + 4096 - below(20);
	return scratch + 1024 + below(SCRATCH_BYTES - 2048);
}

/* A place that may be anywhere. */
static u64 wild_place(struct maker *m)
{
	u64 scratch = (unsigned long)m->native->scratch;

	switch (below(64)) {
	case 0:
		return scratch + SCRATCH_BYTES - below(20);
	case 1:
		return scratch - below(20);
	case 2:
		return scratch + SCRATCH_BYTES + below(GUARD_BYTES - 64);
	case 3:
		return m->long64 ? case_random() | 1ull << 62 : scratch + below(64);
	default:
		return place(m);
	}
}

static u64 placed_bytes(const struct maker *m)
{
	return m->template->size == SIZE_BYTE ? 1 : m->opsize;
}

static void put_scratch(struct maker *m, u64 address, u64 val, unsigned int bytes)
{
	u64 offset = address - (unsigned long)m->native->scratch;

	if (offset < SCRATCH_BYTES && offset + bytes <= SCRATCH_BYTES)
		memcpy(m->test->scratch + offset, &val, bytes);
}

static void prepare_string(struct maker *m)
{
	/* Which of two faults comes first is a processor's own affair. */
	if (one_in(4)) {
		fix(m, EMUL_RSI, place(m));
		fix(m, EMUL_RDI, *reg(m, EMUL_RSI) + below(9) - 4);
	} else if (one_in(2)) {
		fix(m, EMUL_RSI, wild_place(m));
		fix(m, EMUL_RDI, place(m));
	} else {
		fix(m, EMUL_RSI, place(m));
		fix(m, EMUL_RDI, wild_place(m));
	}
	/* Not so many that what was placed well runs into the guard area. */
	fix(m, EMUL_RCX, one_in(8) ? below(100) : below(20));
	if (m->adsize == 4 && m->long64) {
		/* What becomes of the upper halves is a processor's own affair. */
		*reg(m, EMUL_RSI) = (u32)*reg(m, EMUL_RSI);
		*reg(m, EMUL_RDI) = (u32)*reg(m, EMUL_RDI);
	}
	/* Repeats should not all end at once. */
	if (one_in(2))
		memset(m->test->scratch, below(2), SCRATCH_BYTES);
	if (one_in(2))
		*reg(m, EMUL_RAX) = m->test->scratch[0] * 0x0101010101010101ull;
}

static void prepare_divide(struct maker *m)
{
	unsigned int bits = 8 * placed_bytes(m);
	u64 divisor = random_operand() | 1;

	if (one_in(4))
		return;
	/* A quotient that fits, most of the time. */
	if (bits == 8)
		*reg(m, EMUL_RAX) = case_random() & 0x3fff;
	else if (one_in(2))
		*reg(m, EMUL_RDX) = one_in(2) ? 0 : ~0ull;
	else
		*reg(m, EMUL_RDX) = (case_random() & (~0ull >> (64 - bits))) >> below(bits);
	m->fixed |= 1u << EMUL_RAX | 1u << EMUL_RDX;
	put_scratch(m, m->target, divisor, 8);
}

static void prepare_compare(struct maker *m)
{
	u64 offset = m->target - (unsigned long)m->native->scratch;

	m->fixed |= 1u << EMUL_RAX | 1u << EMUL_RDX | 1u << EMUL_RBX | 1u << EMUL_RCX;
	if (offset > SCRATCH_BYTES - 16 || one_in(2))
		return;
	memcpy(reg(m, EMUL_RAX), m->test->scratch + offset, 8);
	memcpy(reg(m, EMUL_RDX), m->test->scratch + offset + m->opsize, 8);
}

/* Registers and memory that make the instruction do something. */
static void prepare(struct maker *m)
{
	unsigned int flags = m->template->flags;

	fix(m, EMUL_RSP, flags & T_SAFE_STACK ? place(m) : wild_place(m));
	if (flags & T_STRING)
		prepare_string(m);
	if (flags & T_FLAGS_IMAGE) {
		/* TF, AC and the like would reach the test itself. */
		fix(m, EMUL_RSP, place(m));
		put_scratch(m, *reg(m, EMUL_RSP), (case_random() & NATIVE_FLAGS) | 0x202, 8);
	}
	if (flags & T_DIVIDE)
		prepare_divide(m);
	if (flags & T_COMPARE)
		prepare_compare(m);
	if (flags & T_SHIFT)
		fix(m, EMUL_RCX, (case_random() & ~0xffull) | below(one_in(2) ? 9 : 256));
	if (flags & T_COUNTER)
		fix(m, EMUL_RCX, one_in(2) ? below(3) : case_random());
	if (flags & T_FRAME)
		fix(m, EMUL_RBP, wild_place(m));
	if (flags & T_XLAT) {
		m->fixed |= 1u << EMUL_RAX;
		fix(m, EMUL_RBX, wild_place(m) - (*reg(m, EMUL_RAX) & 0xff));
	}
}

/* A register for an address whose value is still free. */
static unsigned int free_register(struct maker *m, unsigned int avoid)
{
	unsigned int tries, nr;

	for (tries = 0; tries < 32; tries++) {
		nr = below(m->long64 ? 16 : 8);
		if (nr != avoid && nr != EMUL_RSP && !(m->fixed & 1u << nr))
			return nr;
	}
	fprintf(stderr, "%s: no register is left for an address\n", m->template->name);
	exit(2);
}

static void put_disp(struct maker *m, unsigned int mod, u64 disp)
{
	unsigned int bytes = mod == 1 ? 1 : 4;

	memcpy(m->at, &disp, bytes);
	m->at += bytes;
}

static u64 address_mask(const struct maker *m)
{
	return m->adsize == 8 ? ~0ull : 0xffffffffull;
}

/* Set the base register so that the sum comes out; above the address size: anything. */
static void solve_base(struct maker *m, unsigned int base, u64 rest)
{
	u64 val = m->target - rest;

	if (m->adsize == 4 && m->long64)
		val = (u32)val | (case_random() & 0xffffffff00000000ull);
	*reg(m, base) = val;
	m->fixed |= 1ull << base;
}

/* [disp32], relative to RIP or absolute; the target is below 2 GiB. */
static bool put_displacement_only(struct maker *m, unsigned int reg_field)
{
	u64 where = m->target & address_mask(m);

	if (where >= 0x80000000)
		return false;
	*m->at++ = reg_field << 3 | 5;
	m->rip_disp = m->long64 ? m->at : NULL;
	put_disp(m, 2, where);
	return true;
}

static void put_base(struct maker *m, unsigned int reg_field)
{
	unsigned int base = free_register(m, EMUL_GPRS);
	unsigned int mod = 1 + below(2);
	s64 disp = mod == 1 ? (s8)case_random() : (s32)case_random();

	if ((base & 7) != EMUL_RBP && one_in(3)) {
		mod = 0;
		disp = 0;
	}
	m->rex |= base >> 3;
	*m->at++ = mod << 6 | reg_field << 3 | ((base & 7) == EMUL_RSP ? 4 : (base & 7));
	if ((base & 7) == EMUL_RSP)
		*m->at++ = 0x24;
	if (mod)
		put_disp(m, mod, disp);
	solve_base(m, base, disp);
}

static void put_sib(struct maker *m, unsigned int reg_field)
{
	unsigned int index = free_register(m, EMUL_GPRS), scale = below(4);
	unsigned int base = free_register(m, index);
	unsigned int mod = 1 + below(2);
	s64 disp = mod == 1 ? (s8)case_random() : (s32)case_random();

	m->rex |= base >> 3 | (index >> 3) << 1;
	*m->at++ = mod << 6 | reg_field << 3 | 4;
	*m->at++ = scale << 6 | (index & 7) << 3 | (base & 7);
	put_disp(m, mod, disp);
	*reg(m, index) = random_operand();
	m->fixed |= 1ull << index;
	solve_base(m, base, disp + (*reg(m, index) << scale));
}

/* [RSP + disp8]: RSP has its value already, the target follows it. */
static void put_stack(struct maker *m, unsigned int reg_field)
{
	s8 disp = case_random();

	m->target = *reg(m, EMUL_RSP) + disp;
	*m->at++ = 1 << 6 | reg_field << 3 | 4;
	*m->at++ = 0x24;
	put_disp(m, 1, disp);
}

/* 16-bit forms, for what does not go to memory: they do not reach the scratch area. */
static void put_memory16(struct maker *m, unsigned int reg_field)
{
	unsigned int mod = below(3), rm = below(8);
	u64 disp = case_random();
	unsigned int bytes = mod == 0 && rm == 6 ? 2 : mod;

	*m->at++ = mod << 6 | reg_field << 3 | rm;
	memcpy(m->at, &disp, bytes);
	m->at += bytes;
}

static void put_memory(struct maker *m, unsigned int reg_field)
{
	bool full_size = m->adsize == (m->long64 ? 8 : 4);

	if (m->adsize == 2) {
		put_memory16(m, reg_field);
		return;
	}
	if (m->gs)
		m->target -= NATIVE_GS_BASE;
	if (one_in(8) && !m->gs && full_size && !(m->template->flags & T_ALIGN16))
		put_stack(m, reg_field);
	else if (one_in(8) && put_displacement_only(m, reg_field))
		return;
	else if (one_in(3))
		put_sib(m, reg_field);
	else
		put_base(m, reg_field);
}

/*
 * A bit offset of up to some hundred operands.  Its register must not be part of
 * the address, which is solved for afterwards.
 */
static void choose_bit_offset(struct maker *m, unsigned int nr)
{
	s64 offset = (s64)below(4000) - 2000;
	u64 mask = ~0ull >> (64 - 8 * m->opsize);

	*reg(m, nr) = (case_random() & ~mask) | ((u64)offset & mask);
	if (m->opsize == 4 && one_in(2))
		*reg(m, nr) &= mask;
	m->fixed |= 1ull << nr;
}

static void put_modrm(struct maker *m)
{
	unsigned int nr = m->digit >= 0 ? (unsigned int)m->digit : below(m->long64 ? 16 : 8);
	bool memory = m->memory_only || (!m->register_only && one_in(2));
	unsigned int rm;

	if (m->digit < 0)
		m->rex |= nr >> 3 << 2;
	if (memory) {
		if ((m->template->flags & T_BIT_OFFSET) && nr == EMUL_RSP)
			nr = EMUL_RCX;
		if (m->template->flags & T_BIT_OFFSET)
			choose_bit_offset(m, nr);
		put_memory(m, nr & 7);
		return;
	}
	rm = below(m->long64 ? 16 : 8);
	if (rm == EMUL_RSP && (m->template->flags & T_INDIRECT))
		rm = EMUL_RAX;
	m->rm = rm;
	m->rex |= rm >> 3;
	*m->at++ = 0xc0 | (nr & 7) << 3 | (rm & 7);
}

static void put_immediate(struct maker *m)
{
	u64 val = random_operand();
	unsigned int bytes = m->opsize;

	switch (m->imm) {
	case 0:
		return;
	case 'b':
		bytes = 1;
		if (m->template->flags & T_SHIFT)
			val = below(one_in(2) ? 9 : 256);
		break;
	case 'w':
		bytes = 2;
		val &= m->template->flags & (T_RETURN | T_FRAME) ? 0x7f : 0xffff;
		break;
	case 'z':
		bytes = bytes == 8 ? 4 : bytes;
		break;
	}
	memcpy(m->at, &val, bytes);
	m->at += bytes;
	if (m->second_imm)
		*m->at++ = one_in(2) ? 0 : below(6) | below(8) << 5;
}

static u8 *put_relative(struct maker *m)
{
	u8 *field = m->at;

	if (!m->rel)
		return NULL;
	m->at += m->rel == '8' ? 1 : 4;
	return field;
}

/* Choose sizes, and write the prefixes: in front of everything, REX last. */
static u8 *put_prefixes(struct maker *m, u8 *rex_at[1])
{
	const struct template *t = m->template;
	bool lock = (t->flags & T_LOCK) && one_in(4);

	if (m->gs)
		*m->at++ = 0x65;
	if (lock || one_in(128))
		*m->at++ = 0xf0;
	if (t->flags & T_STRING && !one_in(4))
		*m->at++ = t->flags & T_REP || one_in(2) ? 0xf3 : 0xf2;
	if (m->opsize == 2 && t->size != SIZE_BYTE && t->size != SIZE_NONE)
		*m->at++ = 0x66;
	if (m->adsize != (m->long64 ? 8 : 4))
		*m->at++ = 0x67;
	if (t->prefix)
		*m->at++ = t->prefix;
	rex_at[0] = m->at;
	return m->at;
}

static void choose_sizes(struct maker *m)
{
	enum template_size size = m->template->size;

	m->adsize = m->long64 ? 8 : 4;
	if (m->long64 && one_in(16))
		m->adsize = 4;
	if (!m->long64 && (m->template->flags & T_NO_ADDRESS) && one_in(2))
		m->adsize = 2;
	m->gs = m->long64 && m->modrm && one_in(16) && !(m->template->flags & T_NO_ADDRESS);
	m->opsize = 4;
	if (size == SIZE_VARIABLE || size == SIZE_WIDE) {
		if (m->long64 && one_in(2)) {
			m->opsize = 8;
			m->rex |= 0x48;
		} else if (size == SIZE_VARIABLE && one_in(2)) {
			m->opsize = 2;
		}
	} else if (size == SIZE_STACK) {
		m->opsize = one_in(4) ? 2 : m->long64 ? 8 : 4;
	}
	if (m->long64 && one_in(8))
		m->rex |= 0x40;
}

static void random_state_of(struct test_case *test, bool long64)
{
	unsigned int i;

	for (i = 0; i < EMUL_GPRS; i++)
		test->regs.gpr[i] = long64 ? random_operand() : (u32)random_operand();
	test->regs.flags = case_random() & NATIVE_FLAGS;
	for (i = 0; i < 32; i++)
		test->regs.xmm[i / 2][i % 2] = case_random();
	for (i = 0; i < SCRATCH_BYTES; i += 8) {
		u64 val = random_operand();

		memcpy(test->scratch + i, &val, 8);
	}
}

/* Count of a shift, for what the manual says of its flags; 256: unknown. */
static unsigned int shift_count(const struct maker *m)
{
	unsigned int count = *reg((struct maker *)m, EMUL_RCX);

	if (m->imm == 'b')
		count = m->at[-1];
	else if ((m->opcode[0] & 0xfe) == 0xd0)
		count = 1;
	return count & (m->opsize == 8 && m->template->size != SIZE_BYTE ? 63 : 31);
}

/* Shifts: no flags for 0, OF for 1 only; CF not beyond the size, AF never. */
static void find_undefined(struct maker *m)
{
	struct test_case *test = m->test;
	unsigned int count, bits = 8 * placed_bytes(m);

	test->undefined = m->template->undefined;
	if (!(m->template->flags & T_SHIFT))
		return;
	count = shift_count(m);
	if (count == 0) {
		test->undefined = 0;
		return;
	}
	if (count > 1)
		test->undefined |= X86_EFLAGS_OF;
	if (count >= bits && (m->template->undefined & X86_EFLAGS_AF))
		test->undefined |= X86_EFLAGS_CF;
	if (count > bits && (m->template->flags & T_DOUBLE_SHIFT))
		test->skip = true;
}

static void place_target(struct maker *m)
{
	m->target = wild_place(m);
	if ((m->template->flags & T_ALIGN16) && !one_in(8))
		m->target &= ~15ull;
	if (m->adsize == 4 && !(m->template->flags & T_NO_ADDRESS) && m->target >> 32)
		m->target = place(m);
}

/* Where indirect jumps and returns lead: the branch target behind the instruction. */
static void aim(struct maker *m, u64 end)
{
	u64 destination = end + m->test->taken;
	unsigned int bytes = m->long64 ? 8 : 4;

	if (m->template->flags & T_RETURN)
		put_scratch(m, *reg(m, EMUL_RSP), destination, bytes);
	if (!(m->template->flags & T_INDIRECT))
		return;
	if (m->rm >= 0)
		*reg(m, m->rm) = destination;
	else
		put_scratch(m, m->target + (m->gs ? NATIVE_GS_BASE : 0), destination, bytes);
}

static void finish(struct maker *m, u8 *relative)
{
	struct test_case *test = m->test;
	u64 end;

	test->length = m->at - test->bytes;
	end = (unsigned long)m->native->code + test->length;
	if (m->rip_disp) {
		u32 disp;

		memcpy(&disp, m->rip_disp, 4);
		disp -= (u32)end;
		memcpy(m->rip_disp, &disp, 4);
	}
	if (m->rel || (m->template->flags & (T_INDIRECT | T_RETURN)))
		test->taken = 8 + below(40);
	if (relative) {
		u32 disp = test->taken;

		memcpy(relative, &disp, m->rel == '8' ? 1 : 4);
	}
	aim(m, end);
}

/* REX belongs between the prefixes and the opcode, and is known last. */
static void insert_rex(struct maker *m, u8 *rex_at, u8 **relative)
{
	if (!m->rex || !m->long64)
		return;
	memmove(rex_at + 1, rex_at, m->at - rex_at);
	*rex_at = m->rex | 0x40;
	m->at++;
	if (m->rip_disp)
		m->rip_disp++;
	if (*relative)
		++*relative;
}

void case_make(struct test_case *test, const struct template *template,
	       const struct native *native, bool long64)
{
	struct maker m = {
		.test = test, .template = template, .native = native, .long64 = long64,
		.at = test->bytes, .digit = -1, .rm = -1,
	};
	u8 *relative, *rex_at;

	parse(&m);
	test->skip = false;
	test->taken = 0;
	random_state_of(test, long64);
	choose_sizes(&m);
	place_target(&m);
	prepare(&m);
	put_prefixes(&m, &rex_at);
	memcpy(m.at, m.opcode, m.opcode_bytes);
	m.at += m.opcode_bytes;
	if (m.opcode_reg) {
		unsigned int nr = below(long64 ? 16 : 8);

		m.at[-1] |= nr & 7;
		m.rex |= nr >> 3;
	}
	if (m.modrm)
		put_modrm(&m);
	put_immediate(&m);
	relative = put_relative(&m);
	insert_rex(&m, rex_at, &relative);
	find_undefined(&m);
	finish(&m, relative);
	if (template->flags & T_NO_16BIT && m.opsize == 2)
		test->skip = true;
	if (!long64)
		for (unsigned int i = 0; i < EMUL_GPRS; i++)
			test->regs.gpr[i] = (u32)test->regs.gpr[i];
}
