// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decoder.
 *
 *	[prefixes] [REX] opcode [ModRM [SIB] [displacement]] [immediate]
 *
 * Prefixes are entries of the one-byte table like all others, so every byte
 * costs one look-up.  An entry may be a table itself: of the next byte (the 0F
 * maps), of fields of ModRM (groups), of the prefix (SSE), of the mode.  These
 * nest; walking them ends at the instruction's own entry, which says what
 * follows.
 *
 * Bytes come from ctxt->fetched.  What hardware did not hand over is fetched up
 * to the end of the page, in one access; the next page is touched only if the
 * instruction reaches into it, as its fault would be the guest's to see.
 *
 * VEX, EVEX and XOP are recognized, not decoded.
 */
#include "internal.h"

/* Where the decoder is. */
struct cursor {
	struct emul_ctxt *ctxt;
	unsigned int pos;		/* in ctxt->fetched */
};

/* How many of @bytes at offset @rip the code segment lets through. */
static unsigned int clip_to_limit(const struct emul_segment *cs, u64 rip, unsigned int bytes)
{
	if (rip > cs->limit)
		return 0;
	if (cs->limit - rip < bytes - 1)
		return cs->limit - rip + 1;
	return bytes;
}

static enum emul_result fetch_more(struct emul_ctxt *ctxt)
{
	unsigned int have = ctxt->fetched_bytes;
	unsigned int bytes = EMUL_INSN_BYTES_MAX - have;
	u64 rip = emul_rip_wrap(ctxt, ctxt->rip + have);
	enum emul_result result;
	unsigned int room;
	gva_t gva = rip;

	if (!bytes)
		return emul_gp(ctxt, 0);
	if (!emul_long64(ctxt)) {
		const struct emul_segment *cs = emul_segment(ctxt, EMUL_CS);

		bytes = clip_to_limit(cs, rip, bytes);
		gva = (u32)(cs->base + rip);
	}
	if (!bytes || !emul_canonical(ctxt, gva))
		return emul_gp(ctxt, 0);
	room = EMUL_PAGE_BYTES - (gva & (EMUL_PAGE_BYTES - 1));
	if (bytes > room)
		bytes = room;
	result = ctxt->ops->fetch(ctxt, gva, ctxt->fetched + have, bytes);
	if (result == EMUL_OK)
		ctxt->fetched_bytes = have + bytes;
	return result;
}

/* Make @bytes available at the cursor. */
static enum emul_result need(struct cursor *cursor, unsigned int bytes)
{
	enum emul_result result;

	while (unlikely(cursor->pos + bytes > cursor->ctxt->fetched_bytes)) {
		result = fetch_more(cursor->ctxt);
		if (result != EMUL_OK)
			return result;
	}
	return EMUL_OK;
}

static enum emul_result take_byte(struct cursor *cursor, u8 *byte)
{
	enum emul_result result = need(cursor, 1);

	if (result == EMUL_OK)
		*byte = cursor->ctxt->fetched[cursor->pos++];
	return result;
}

/* Take a little-endian number, not extended. */
static enum emul_result take(struct cursor *cursor, u64 *val, unsigned int bytes)
{
	enum emul_result result = need(cursor, bytes);

	if (result != EMUL_OK)
		return result;
	*val = 0;
	memcpy(val, cursor->ctxt->fetched + cursor->pos, bytes);
	cursor->pos += bytes;
	return EMUL_OK;
}

static enum emul_result take_signed(struct cursor *cursor, u64 *val, unsigned int bytes)
{
	enum emul_result result = take(cursor, val, bytes);

	if (result == EMUL_OK)
		*val = emul_sign_extend(*val, bytes);
	return result;
}

static unsigned int default_bytes(const struct emul_ctxt *ctxt)
{
	return ctxt->mode >= EMUL_MODE_PROT32 ? 4 : 2;
}

static void reset(struct emul_ctxt *ctxt)
{
	struct emul_insn *insn = &ctxt->insn;

	*insn = (struct emul_insn) { .seg = -1 };
	insn->adsize = emul_long64(ctxt) ? 8 : default_bytes(ctxt);
	ctxt->segments_read = 0;
	ctxt->hint_bound = false;
	ctxt->posted = false;
	ctxt->shadow = 0;
	ctxt->first_rflags = ctxt->rflags;
	ctxt->start_rflags = ctxt->rflags;
	emul_forget_reads(ctxt);
}

static void apply_prefix(struct emul_ctxt *ctxt, u8 byte)
{
	struct emul_insn *insn = &ctxt->insn;

	switch (byte) {
	case 0x66:
		insn->opsize_prefix = true;
		break;
	case 0x67:
		if (emul_long64(ctxt))
			insn->adsize = 4;
		else
			insn->adsize = 6 - default_bytes(ctxt);
		break;
	case 0xf0:
		insn->lock = true;
		break;
	case 0xf2:
	case 0xf3:
		insn->rep = byte;
		break;
	case 0x64:
	case 0x65:
		insn->seg = byte - 0x64 + EMUL_FS;
		break;
	default:	/* 26, 2e, 36, 3e: no meaning in 64-bit mode */
		if (!emul_long64(ctxt))
			insn->seg = byte >> 3 & 3;
		break;
	}
}

/* Prefixes up to and including the first opcode byte. */
static enum emul_result take_prefixes(struct cursor *cursor)
{
	struct emul_ctxt *ctxt = cursor->ctxt;
	struct emul_insn *insn = &ctxt->insn;
	enum emul_result result;
	u8 byte;

	for (;;) {
		result = take_byte(cursor, &byte);
		if (result != EMUL_OK)
			return result;
		if ((byte & 0xf0) == 0x40 && emul_long64(ctxt)) {
			insn->rex = byte;
			continue;
		}
		if (!(emul_opcodes[byte].flags & OPC_PREFIX))
			break;
		insn->rex = 0;		/* REX counts right before the opcode only */
		apply_prefix(ctxt, byte);
	}
	insn->code = byte;
	insn->opcode = &emul_opcodes[byte];
	return EMUL_OK;
}

static unsigned int prefix_index(const struct emul_insn *insn)
{
	if (insn->rep)
		return insn->rep == 0xf3 ? 2 : 3;
	return insn->opsize_prefix;
}

static enum emul_result take_modrm(struct cursor *cursor)
{
	struct emul_insn *insn = &cursor->ctxt->insn;
	enum emul_result result = take_byte(cursor, &insn->modrm);

	insn->mod = insn->modrm >> 6;
	insn->reg = (insn->modrm >> 3 & 7) | (insn->rex & 4) << 1;
	insn->rm = (insn->modrm & 7) | (insn->rex & 1) << 3;
	return result;
}

/* Choose from the table that an entry is.  ModRM has been taken if it counts. */
static const struct emul_opcode *choose(struct emul_ctxt *ctxt, const struct emul_opcode *opcode)
{
	const struct emul_insn *insn = &ctxt->insn;

	switch (opcode->kind) {
	case TABLE_REG:
		return &opcode->table[insn->reg & 7];
	case TABLE_MOD_REG:
		return &opcode->table[(insn->reg & 7) + (insn->mod == 3 ? 8 : 0)];
	case TABLE_RM:
		return &opcode->table[insn->rm & 7];
	case TABLE_PREFIX:
		return &opcode->table[prefix_index(insn)];
	case TABLE_COLUMNS:
		return &opcode->table[insn->code & 15];
	default:
		return &opcode->table[emul_long64(ctxt)];
	}
}

/*
 * From the first byte's entry to that of the instruction.  ModRM is taken on
 * the way, where an entry says that there is one.
 */
static enum emul_result find_entry(struct cursor *cursor)
{
	struct emul_insn *insn = &cursor->ctxt->insn;
	const struct emul_opcode *opcode = insn->opcode;
	enum emul_result result;
	bool have_modrm = false;
	u8 byte;

	for (;;) {
		if ((opcode->flags & OPC_MODRM) && !have_modrm) {
			result = take_modrm(cursor);
			if (result != EMUL_OK)
				return result;
			have_modrm = true;
		}
		if (opcode->kind == TABLE_NONE)
			break;
		if (opcode->kind == TABLE_MAP || opcode->kind == TABLE_ROWS) {
			result = take_byte(cursor, &byte);
			if (result != EMUL_OK)
				return result;
			insn->code = insn->code << 8 | byte;
			opcode = &opcode->table[opcode->kind == TABLE_MAP ? byte : byte >> 4];
		} else {
			opcode = choose(cursor->ctxt, opcode);
		}
	}
	insn->opcode = opcode;
	return EMUL_OK;
}

static void find_sizes(struct emul_ctxt *ctxt)
{
	struct emul_insn *insn = &ctxt->insn;
	u32 flags = insn->opcode->flags;

	if (!emul_long64(ctxt)) {
		insn->opsize = default_bytes(ctxt);
		if (insn->opsize_prefix)
			insn->opsize ^= 6;
		if (flags & OPC_NATIVE)
			insn->opsize = 4;
	} else if ((flags & OPC_NATIVE) || (insn->rex & 8)) {
		insn->opsize = 8;
	} else if ((flags & OPC_BRANCH) && !(ctxt->cpu & EMUL_CPU_AMD)) {
		insn->opsize = 8;
	} else if (insn->opsize_prefix) {
		insn->opsize = 2;
	} else {
		insn->opsize = flags & (OPC_STACK | OPC_BRANCH) ? 8 : 4;
	}
}

/* Base and index of 16-bit addressing, by ModRM.rm; EMUL_GPRS: none. */
static const u8 base16[8] = {
	EMUL_RBX, EMUL_RBX, EMUL_RBP, EMUL_RBP,
	EMUL_RSI, EMUL_RDI, EMUL_RBP, EMUL_RBX,
};

static const u8 index16[8] = {
	EMUL_RSI, EMUL_RDI, EMUL_RSI, EMUL_RDI,
	EMUL_GPRS, EMUL_GPRS, EMUL_GPRS, EMUL_GPRS,
};

static enum emul_result take_address16(struct cursor *cursor)
{
	struct emul_ctxt *ctxt = cursor->ctxt;
	struct emul_insn *insn = &ctxt->insn;
	unsigned int rm = insn->modrm & 7;
	enum emul_result result = EMUL_OK;
	u64 disp = 0;

	if (insn->mod == 0 && rm == 6) {
		insn->mem_seg = EMUL_DS;
		return take(cursor, &insn->mem_ea, 2);
	}
	if (insn->mod)
		result = take_signed(cursor, &disp, insn->mod);
	insn->mem_ea = ctxt->gpr[base16[rm]] + disp;
	if (index16[rm] != EMUL_GPRS)
		insn->mem_ea += ctxt->gpr[index16[rm]];
	insn->mem_seg = base16[rm] == EMUL_RBP ? EMUL_SS : EMUL_DS;
	return result;
}

/*
 * The base register of 32- and 64-bit addressing, @base with REX.B; with mod 0,
 * RBP and R13 mean a displacement without a base.
 */
static void add_base(struct emul_ctxt *ctxt, unsigned int base)
{
	struct emul_insn *insn = &ctxt->insn;

	if (insn->mod == 0 && (base & 7) == EMUL_RBP)
		return;
	insn->mem_ea = ctxt->gpr[base];
	if (base == EMUL_RSP || base == EMUL_RBP)
		insn->mem_seg = EMUL_SS;
}

static enum emul_result take_sib(struct cursor *cursor, bool *disp32)
{
	struct emul_ctxt *ctxt = cursor->ctxt;
	struct emul_insn *insn = &ctxt->insn;
	enum emul_result result;
	unsigned int index;
	u8 sib;

	result = take_byte(cursor, &sib);
	if (result != EMUL_OK)
		return result;
	add_base(ctxt, (sib & 7) | (insn->rex & 1) << 3);
	*disp32 = insn->mod == 0 && (sib & 7) == EMUL_RBP;
	index = (sib >> 3 & 7) | (insn->rex & 2) << 2;
	if (index != EMUL_RSP)
		insn->mem_ea += ctxt->gpr[index] << (sib >> 6);
	/* POP to memory addressed by RSP uses RSP as it is after the pop. */
	if ((sib & 7) == EMUL_RSP && !(insn->rex & 1) && insn->code == 0x8f)
		insn->mem_ea += insn->opsize;
	return EMUL_OK;
}

static enum emul_result take_address32(struct cursor *cursor)
{
	struct emul_ctxt *ctxt = cursor->ctxt;
	struct emul_insn *insn = &ctxt->insn;
	enum emul_result result;
	bool disp32 = false;
	u64 disp = 0;

	insn->mem_seg = EMUL_DS;
	if ((insn->modrm & 7) == EMUL_RSP) {
		result = take_sib(cursor, &disp32);
		if (result != EMUL_OK)
			return result;
	} else {
		add_base(ctxt, insn->rm);
		disp32 = insn->mod == 0 && (insn->modrm & 7) == EMUL_RBP;
		insn->rip_relative = disp32 && emul_long64(ctxt);
	}
	result = EMUL_OK;
	if (disp32 || insn->mod == 2)
		result = take_signed(cursor, &disp, 4);
	else if (insn->mod == 1)
		result = take_signed(cursor, &disp, 1);
	insn->mem_ea += disp;
	return result;
}

static enum emul_result take_immediate(struct cursor *cursor)
{
	struct emul_insn *insn = &cursor->ctxt->insn;
	unsigned int z = insn->opsize == 2 ? 2 : 4;
	enum emul_result result;
	u64 more = 0;

	switch (insn->opcode->imm) {
	case IMM_SB:
		return take_signed(cursor, &insn->imm, 1);
	case IMM_UB:
		return take(cursor, &insn->imm, 1);
	case IMM_UW:
		return take(cursor, &insn->imm, 2);
	case IMM_Z:
		return take_signed(cursor, &insn->imm, z);
	case IMM_V:
		return take(cursor, &insn->imm, insn->opsize);
	case IMM_OFFSET:
		insn->mem_seg = EMUL_DS;
		return take(cursor, &insn->mem_ea, insn->adsize);
	case IMM_UW_UB:
		result = take(cursor, &insn->imm, 2);
		if (result == EMUL_OK)
			result = take(cursor, &more, 1);
		break;
	default:
		result = take(cursor, &insn->imm, z);
		if (result == EMUL_OK)
			result = take(cursor, &more, 2);
		break;
	}
	insn->imm2 = more;
	return result;
}

/* What is #UD whatever the operands are. */
static bool undefined(const struct emul_ctxt *ctxt)
{
	const struct emul_insn *insn = &ctxt->insn;
	u32 flags = insn->opcode->flags;

	if (!insn->lock && !(flags & (OPC_UD | OPC_NO64 | OPC_PROT | OPC_MEM)))
		return false;
	if (flags & OPC_UD)
		return true;
	if ((flags & OPC_NO64) && emul_long64(ctxt))
		return true;
	if ((flags & OPC_PROT) && !emul_protected(ctxt))
		return true;
	if ((flags & OPC_MEM) && insn->mod == 3)
		return true;
	if ((flags & OPC_LOCK_CR8) && (ctxt->cpu & EMUL_CPU_LOCK_CR8))
		return insn->lock && insn->reg != 0;
	return insn->lock && (!(flags & OPC_LOCK) || insn->mod == 3);
}

/* C4, C5, 62 as VEX and EVEX, 8F as XOP: not LES, LDS, BOUND, POP. */
static bool is_vex(const struct emul_ctxt *ctxt)
{
	const struct emul_insn *insn = &ctxt->insn;

	if (!(emul_opcodes[insn->code & 0xff].flags & OPC_VEX) || insn->code > 0xff)
		return false;
	if (insn->code == 0x8f)
		return insn->modrm & 0x38;
	return emul_long64(ctxt) || (emul_protected(ctxt) && insn->mod == 3);
}

/* The bytes behind the opcode, once the entry is known. */
static enum emul_result take_rest(struct cursor *cursor)
{
	struct emul_ctxt *ctxt = cursor->ctxt;
	struct emul_insn *insn = &ctxt->insn;
	u32 flags = insn->opcode->flags;
	enum emul_result result = EMUL_OK;

	find_sizes(ctxt);
	if (flags & OPC_REGS)
		insn->mod = 3;
	if ((flags & OPC_MODRM) && insn->mod != 3)
		result = insn->adsize == 2 ? take_address16(cursor) : take_address32(cursor);
	if (result == EMUL_OK && insn->opcode->imm != IMM_NONE)
		result = take_immediate(cursor);
	if (result != EMUL_OK)
		return result;
	ctxt->next_rip = emul_rip_wrap(ctxt, ctxt->rip + cursor->pos);
	if (insn->rip_relative)
		insn->mem_ea += ctxt->next_rip;
	insn->mem_ea &= emul_mask(insn->adsize);
	if (insn->seg >= 0)
		insn->mem_seg = insn->seg;
	insn->length = cursor->pos;
	return EMUL_OK;
}

static enum emul_result decode(struct emul_ctxt *ctxt)
{
	struct cursor cursor = { .ctxt = ctxt };
	struct emul_insn *insn = &ctxt->insn;
	enum emul_result result;

	result = take_prefixes(&cursor);
	if (result == EMUL_OK)
		result = find_entry(&cursor);
	if (result != EMUL_OK)
		return result;
	if (is_vex(ctxt)) {
		insn->opcode = NULL;
		return EMUL_UNHANDLEABLE;
	}
	if (!insn->opcode->name) {
		insn->opcode = NULL;
		return emul_ud(ctxt);
	}
	result = take_rest(&cursor);
	if (result != EMUL_OK)
		return result;
	if (undefined(ctxt))
		return emul_ud(ctxt);
	return insn->opcode->exec ? EMUL_OK : EMUL_UNHANDLEABLE;
}

enum emul_result emul_decode(struct emul_ctxt *ctxt)
{
	enum emul_result result;

	reset(ctxt);
	result = decode(ctxt);
	if (result == EMUL_FAULT && ctxt->mode == EMUL_MODE_REAL)
		ctxt->exception.has_error = false;
	return result;
}

const char *emul_insn_name(const struct emul_ctxt *ctxt)
{
	const struct emul_opcode *opcode = ctxt->insn.opcode;

	return opcode && opcode->name ? opcode->name : "?";
}
