// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model itself, on examples worked out by hand from the manuals: what the module
 * is not compared with, since it has no EPT or nested paging as a guest's format yet,
 * and one example of each rule that it is compared with, so that a fault in the model
 * is not only seen as a disagreement.
 */
#include "../tap.h"
#include "guest_walk.h"

#define READ	((struct guest_walk_access) { .kind = GUEST_WALK_READ })
#define WRITE	((struct guest_walk_access) { .kind = GUEST_WALK_WRITE })
#define FETCH	((struct guest_walk_access) { .kind = GUEST_WALK_FETCH })
#define USER(access_) ((struct guest_walk_access) { .kind = (access_).kind, .user = true })

#define NX	(1ull << 63)

static u8 memory[16 * 4096];
static struct guest_walk_cpu cpu;
static struct guest_walk_second second;
static struct guest_walk_result res;

static u64 read_memory(void *ctx, u64 address, unsigned int bytes)
{
	u64 value = 0;

	if (address + bytes > sizeof(memory))
		abort();
	memcpy(&value, memory + address, bytes);
	return value;
}

static void put64(u64 address, u64 value)
{
	memcpy(memory + address, &value, 8);
}

static void put32(u64 address, u32 value)
{
	memcpy(memory + address, &value, 4);
}

static enum guest_walk_outcome walk(u64 gva, struct guest_walk_access access)
{
	static const struct guest_walk_memory reader = { .read = read_memory };

	guest_walk(&cpu, &reader, gva, access, &res);
	return res.outcome;
}

#define EXPECT_GPA(gva, access, want)					\
	do {								\
		CHECK_EQ(walk(gva, access), GUEST_WALK_OK);		\
		CHECK_EQ(res.gpa, want);				\
	} while (0)

#define EXPECT_FAULT(gva, access, want)					\
	do {								\
		CHECK_EQ(walk(gva, access), GUEST_WALK_PAGE_FAULT);	\
		CHECK_EQ(res.error_code, want);				\
	} while (0)

static void begin(u64 cr4, u64 efer)
{
	memset(memory, 0, sizeof(memory));
	cpu = (struct guest_walk_cpu) {
		.cr0 = 0x80010000, .cr3 = 0x1000, .cr4 = cr4, .efer = efer,
		.maxphyaddr = 46, .page_1g = true,
	};
}

/* 4-level with NXE: gva 0x123 is in the page of @pte, all upper rights are given. */
static void begin_long(u64 pte)
{
	begin(1 << 5, 0xc00);
	put64(0x1000, 0x2007);
	put64(0x2000, 0x3007);
	put64(0x3000, 0x4007);
	put64(0x4000, pte);
}

static void off(void)
{
	begin(0, 0);
	cpu.cr0 = 0x11;
	EXPECT_GPA(0xfffffff0, FETCH, 0xfffffff0);
	CHECK_EQ(res.nr_used, 0);
}

static void canonical(void)
{
	begin_long(0x5003);
	put64(0x1000 + 8 * 256, 0x2007);
	CHECK_EQ(walk(0x0000800000000123, READ), GUEST_WALK_NOT_CANONICAL);
	CHECK_EQ(walk(0xffff7fffffffffff, READ), GUEST_WALK_NOT_CANONICAL);
	CHECK_EQ(walk(0x8000000000000123, READ), GUEST_WALK_NOT_CANONICAL);
	EXPECT_GPA(0xffff800000000123, READ, 0x5123);
	/* 57 bits with five levels. */
	begin(1 << 5 | 1 << 12, 0x500);
	put64(0x1000 + 8 * 256, 0x2003);
	put64(0x2000, 0x3003);
	put64(0x3000, 0x40000083);
	CHECK_EQ(walk(0x0100000000000000, READ), GUEST_WALK_NOT_CANONICAL);
	EXPECT_GPA(0xff00000012345678, READ, 0x52345678);
	CHECK_EQ(res.page_shift, 30);
	EXPECT_FAULT(0x0000800000000000, READ, 0);
}

static void legacy(void)
{
	begin(1 << 4, 0);
	put32(0x1000 + 4 * 0x3ff, 0x2007);
	put32(0x2000 + 4 * 0x155, 0xfedcb105);
	EXPECT_GPA(0xffd55abc, USER(READ), 0xfedcbabc);
	CHECK(!res.writable && res.user_page && !res.global);
	CHECK_EQ(res.nr_used, 2);
	CHECK_EQ(res.used[1].address, 0x2554);
	CHECK_EQ(res.used[1].bytes, 4);
	CHECK_EQ(res.used[1].set, 0x20);
	EXPECT_FAULT(0xffd55abc, WRITE, 0x3);
	/* I/D is not reported without NX and SMEP. */
	EXPECT_FAULT(0xffc00000, FETCH, 0);
	cpu.cr4 |= 1 << 20;
	EXPECT_FAULT(0xffd55abc, FETCH, 0x11);
	/* PSE-36: bits 20:13 are address bits 39:32; bit 21 is reserved. */
	put32(0x1000, 0x00c00000 | 0x9d << 13 | 0x83);
	EXPECT_GPA(0x00234567, WRITE, 0x9d00e34567);
	CHECK_EQ(res.used[0].set, 0x60);
	CHECK_EQ(res.page_shift, 22);
	cpu.maxphyaddr = 39;
	EXPECT_FAULT(0x00234567, READ, 0x9);
	put32(0x1000, 0x00c00000 | 1 << 21 | 0x83);
	EXPECT_FAULT(0x00234567, READ, 0x9);
	/* Without PSE the bit is ignored. */
	cpu.cr4 = 1 << 20;
	put32(0x1000, 0x2083);
	put32(0x2000 + 4 * 0x234, 0x77777003);
	EXPECT_GPA(0x00234567, READ, 0x77777567);
}

static void pae(void)
{
	begin(1 << 5, 0x800);
	cpu.cr3 = 0x1fe0;
	put64(0x1fe0 + 8 * 2, 0x2001);
	put64(0x2000 + 8 * 511, 0x3fffff600083 | NX);
	EXPECT_GPA(0xbff23456, WRITE, 0x3fffff723456);
	CHECK_EQ(res.page_shift, 21);
	CHECK_EQ(res.used[0].set, 0);
	CHECK_EQ(res.used[1].set, 0x60);
	EXPECT_FAULT(0xbff23456, FETCH, 0x11);
	/* Reserved: bit 46 and up, but for NX, rights in a PDPTE. */
	put64(0x2000 + 8 * 511, 0x400000000083);
	EXPECT_FAULT(0xbff23456, READ, 0x9);
	put64(0x2000 + 8 * 511, 0x83 | 1ull << 62);
	EXPECT_FAULT(0xbff23456, READ, 0x9);
	put64(0x1fe0 + 8 * 2, 0x2003);
	EXPECT_FAULT(0xbff23456, READ, 0x9);
	put64(0x1fe0 + 8 * 2, 0x2021);
	put64(0x2000 + 8 * 511, 0x83);
	EXPECT_FAULT(0xbff23456, READ, 0x9);
	cpu.pdpte_bit5_ignored = true;
	EXPECT_GPA(0xbff23456, READ, 0x123456);
	/* Held: memory does not count. */
	cpu.pdpte_held = true;
	EXPECT_FAULT(0xbff23456, READ, 0);
	cpu.pdpte[2] = 0x2001;
	put64(0x1fe0 + 8 * 2, 0);
	EXPECT_GPA(0xbff23456, READ, 0x123456);
	CHECK_EQ(res.nr_used, 1);
}

static void long_mode(void)
{
	begin_long(0x12345107 | NX | 9ull << 59);
	cpu.cr4 |= 1 << 7;
	EXPECT_GPA(0x123, WRITE, 0x12345123);
	CHECK(res.global && res.writable && res.user_page && res.no_execute);
	CHECK_EQ(res.key, 9);
	CHECK_EQ(res.nr_used, 4);
	CHECK_EQ(res.used[0].set, 0x20);
	CHECK_EQ(res.used[3].set, 0x60);
	/* Reserved: PS of the upper levels, address bits, low bits of large pages. */
	put64(0x1000, 0x2087);
	EXPECT_FAULT(0x123, READ, 0x9);
	CHECK_EQ(res.nr_used, 0);
	put64(0x1000, 0x2107);
	EXPECT_GPA(0x123, READ, 0x12345123);
	cpu.upper_bit8_reserved = true;
	EXPECT_FAULT(0x123, READ, 0x9);
	put64(0x1000, 0x2007 | 1ull << 46);
	EXPECT_FAULT(0x123, WRITE, 0xb);
	put64(0x1000, 0x2007 | 1ull << 52);
	put64(0x2000, 0x40001087);
	EXPECT_GPA(0x123, READ, 0x40000123);
	put64(0x2000, 0x60000087 | 1 << 13);
	EXPECT_FAULT(0x123, READ, 0x9);
	put64(0x2000, 0x40000087);
	cpu.page_1g = false;
	EXPECT_FAULT(0x123, READ, 0x9);
	put64(0x2000, 0x3007);
	put64(0x3000, 0x40000087 | 1 << 20);
	EXPECT_FAULT(0x123, READ, 0x9);
	put64(0x3000, 0x4007);
	cpu.efer = 0x500;
	EXPECT_FAULT(0x123, READ, 0x9);
	CHECK_EQ(res.nr_used, 3);
}

static void rights(void)
{
	struct guest_walk_access implicit = { .user = true, .implicit = true };

	/* A user's page, read-only. */
	begin_long(0x12345005);
	EXPECT_FAULT(0x123, USER(WRITE), 0x7);
	EXPECT_FAULT(0x123, WRITE, 0x3);
	cpu.cr0 &= ~(1ull << 16);
	EXPECT_GPA(0x123, WRITE, 0x12345123);
	EXPECT_GPA(0x123, FETCH, 0x12345123);
	cpu.cr4 |= 1 << 20 | 1 << 21;
	EXPECT_FAULT(0x123, FETCH, 0x11);
	EXPECT_GPA(0x123, USER(FETCH), 0x12345123);
	EXPECT_FAULT(0x123, READ, 0x1);
	cpu.ac = true;
	EXPECT_GPA(0x123, READ, 0x12345123);
	EXPECT_FAULT(0x123, implicit, 0x1);
	/* The supervisor's page, and one where the table has no U. */
	begin_long(0x12345003);
	EXPECT_FAULT(0x123, USER(READ), 0x5);
	EXPECT_GPA(0x123, implicit, 0x12345123);
	begin_long(0x12345007);
	put64(0x3000, 0x4003);
	EXPECT_FAULT(0x123, USER(WRITE), 0x7);
}

static void keys(void)
{
	begin_long(0x12345005 | 3ull << 59);
	cpu.cr4 |= 1 << 22;
	cpu.pkru = 2 << 6;
	EXPECT_GPA(0x123, USER(READ), 0x12345123);
	/* Denied by W and by the key. */
	EXPECT_FAULT(0x123, USER(WRITE), 0x27);
	put64(0x4000, 0x12345007 | 3ull << 59);
	EXPECT_FAULT(0x123, WRITE, 0x23);
	cpu.cr0 &= ~(1ull << 16);
	EXPECT_GPA(0x123, WRITE, 0x12345123);
	EXPECT_FAULT(0x123, USER(WRITE), 0x27);
	cpu.pkru = 1 << 6;
	EXPECT_FAULT(0x123, READ, 0x21);
	EXPECT_GPA(0x123, FETCH, 0x12345123);
	/* No key denies a page of the supervisor. */
	put64(0x4000, 0x12345003 | 3ull << 59);
	EXPECT_GPA(0x123, READ, 0x12345123);
}

/*
 * Two dimensions: the guest's tables are at 0x1000 to 0x4fff, as in begin_long(), those
 * of the second dimension at 0x8000 to 0xbfff.  The guest's memory is mapped one to one,
 * by the 4K page, but gpa 0x12345000 to 0x77000.
 */
#define LAST(gpa)	(0xb000 + 8 * ((gpa) >> 12 & 511))

static void begin_second(bool ept, u64 table, u64 leaf)
{
	u64 gpa;

	begin_long(0x12345007);
	put64(0x8000, 0x9000 | table);
	put64(0x9000, 0xa000 | table);
	put64(0xa000, 0xb000 | table);
	for (gpa = 0; gpa < 0x10000; gpa += 4096)
		put64(LAST(gpa), gpa | leaf);
	/* 0x12345000 is the 0x91st 2M: its own table. */
	put64(0xa000 + 8 * 0x91, 0xc000 | table);
	put64(0xc000 + 8 * 0x145, 0x77000 | leaf);
	second = (struct guest_walk_second) {
		.ept = ept, .eptp = 0x8000 | 3 << 3 | 6,
		.host = {
			.cr4 = 1 << 5 | 1 << 20 | 1 << 21 | 1 << 22, .efer = 0xd00,
			.cr3 = 0x8000, .maxphyaddr = 46, .page_1g = true, .pkru = ~0u,
		},
	};
	cpu.second = &second;
}

#define EXPECT_SECOND(access, outcome, address, want)			\
	do {								\
		CHECK_EQ(walk(0x123, access), outcome);			\
		CHECK_EQ(res.second_address, address);			\
		CHECK_EQ(res.qualification, want);			\
	} while (0)

#define EXPECT_ADDRESS(access, want)					\
	do {								\
		CHECK_EQ(walk(0x123, access), GUEST_WALK_OK);		\
		CHECK_EQ(res.address, want);				\
	} while (0)

static void ept(void)
{
	begin_second(true, 7, 0x37);
	EXPECT_ADDRESS(WRITE, 0x77123);
	CHECK_EQ(res.gpa, 0x12345123);
	/* Each of four entries, their accessed flags, the dirty flag, the page. */
	CHECK_EQ(res.nr_second, (4 + 4 + 1 + 1) * 4);
	CHECK_EQ(res.second[0].set, 0);
	/* Final address: not present, not writable, not executable. */
	put64(0xc000 + 8 * 0x145, 0);
	EXPECT_SECOND(WRITE, GUEST_WALK_EPT_VIOLATION, 0x12345123, 0x182);
	EXPECT_SECOND(FETCH, GUEST_WALK_EPT_VIOLATION, 0x12345123, 0x184);
	put64(0xc000 + 8 * 0x145, 0x77031);
	EXPECT_SECOND(WRITE, GUEST_WALK_EPT_VIOLATION, 0x12345123, 0x18a);
	EXPECT_SECOND(FETCH, GUEST_WALK_EPT_VIOLATION, 0x12345123, 0x18c);
	EXPECT_ADDRESS(READ, 0x77123);
	/* The guest's own fault comes first. */
	put64(0x4000, 0x12345005);
	EXPECT_FAULT(0x123, WRITE, 0x3);
	/* A table of the guest. */
	put64(LAST(0x3000), 0);
	EXPECT_SECOND(FETCH, GUEST_WALK_EPT_VIOLATION, 0x3000, 0x81);
	/* Read-only: in the way of an accessed flag, but not if that is set. */
	put64(LAST(0x3000), 0x3031);
	EXPECT_SECOND(READ, GUEST_WALK_EPT_VIOLATION, 0x3000, 0x8a);
	put64(0x3000, 0x4027);
	EXPECT_ADDRESS(READ, 0x77123);
}

static void ept_formats(void)
{
	static const u64 bad[] = {
		0x77032, 0x77036, 0x77034, 0x77017, 0x7701f, 0x7703f, 0x77037 | 1ull << 46,
	};
	int i;

	begin_second(true, 7, 0x37);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put64(0xc000 + 8 * 0x145, bad[i]);
		EXPECT_SECOND(READ, GUEST_WALK_EPT_MISCONFIG, 0x12345123, 0);
	}
	/* Execute-only, where there is that. */
	second.execute_only = true;
	put64(0xc000 + 8 * 0x145, 0x77034);
	EXPECT_ADDRESS(FETCH, 0x77123);
	EXPECT_SECOND(READ, GUEST_WALK_EPT_VIOLATION, 0x12345123, 0x1a1);
	/* A 2M page: address, alignment, memory type. */
	put64(0xa000 + 8 * 0x91, 0x40000000 | 0xb7);
	EXPECT_ADDRESS(READ, 0x40145123);
	put64(0xa000 + 8 * 0x91, 0x40001000 | 0xb7);
	EXPECT_SECOND(READ, GUEST_WALK_EPT_MISCONFIG, 0x12345123, 0);
	put64(0xa000 + 8 * 0x91, 0x40000000 | 0x9f);
	EXPECT_SECOND(READ, GUEST_WALK_EPT_MISCONFIG, 0x12345123, 0);
	/* Bits of a table's entry; 1G pages that there are not; the top level. */
	put64(0xa000 + 8 * 0x91, 0xc00f);
	EXPECT_SECOND(READ, GUEST_WALK_EPT_MISCONFIG, 0x12345123, 0);
	put64(0x9000, 0x400000b7);
	second.host.page_1g = false;
	CHECK_EQ(walk(0x123, READ), GUEST_WALK_EPT_MISCONFIG);
	put64(0x9000, 0xa007);
	put64(0x8000, 0x9087);
	CHECK_EQ(walk(0x123, READ), GUEST_WALK_EPT_MISCONFIG);
	/* Five levels; and 1G, paging off. */
	put64(0xd000, 0x8007);
	put64(0x8000, 0x9007);
	put64(0x9000, 0x400000b7);
	second.host.page_1g = true;
	second.eptp = 0xd000 | 4 << 3 | 6;
	cpu.cr0 = 0x11;
	EXPECT_ADDRESS(READ, 0x40000123);
	CHECK_EQ(res.nr_second, 3);
}

static void ept_flags(void)
{
	begin_second(true, 7, 0x37);
	second.eptp |= 1 << 6;
	EXPECT_ADDRESS(READ, 0x77123);
	CHECK_EQ(res.second[0].address, 0x8000);
	CHECK_EQ(res.second[0].set, 0x100);
	/* The guest's table counts as written. */
	CHECK_EQ(res.second[3].address, LAST(0x1000));
	CHECK_EQ(res.second[3].set, 0x300);
	CHECK_EQ(res.second[res.nr_second - 1].set, 0x100);
	EXPECT_ADDRESS(WRITE, 0x77123);
	CHECK_EQ(res.second[res.nr_second - 1].set, 0x300);
	/* And so it must be writable, even if its flags are set. */
	put64(0x3000, 0x4027);
	put64(LAST(0x3000), 0x3031);
	EXPECT_SECOND(READ, GUEST_WALK_EPT_VIOLATION, 0x3000, 0x8b);
}

static void npt(void)
{
	begin_second(false, 7, 7);
	/* SMEP, SMAP and keys of the host do not apply. */
	EXPECT_ADDRESS(FETCH, 0x77123);
	EXPECT_ADDRESS(WRITE, 0x77123);
	CHECK_EQ(res.second[3].set, 0x60);
	CHECK_EQ(res.second[res.nr_second - 1].set, 0x60);
	/* Final address: always a user's access. */
	put64(0xc000 + 8 * 0x145, 0x77005 | NX);
	EXPECT_SECOND(WRITE, GUEST_WALK_NESTED_FAULT, 0x12345123, 0x100000007);
	EXPECT_SECOND(FETCH, GUEST_WALK_NESTED_FAULT, 0x12345123, 0x100000015);
	put64(0xc000 + 8 * 0x145, 0x77003);
	EXPECT_SECOND(READ, GUEST_WALK_NESTED_FAULT, 0x12345123, 0x100000005);
	put64(0xc000 + 8 * 0x145, 0x77007 | 1ull << 46);
	EXPECT_SECOND(READ, GUEST_WALK_NESTED_FAULT, 0x12345123, 0x10000000d);
	/* A table of the guest: a write, whatever the access is. */
	put64(LAST(0x3000), 0x3005);
	EXPECT_SECOND(READ, GUEST_WALK_NESTED_FAULT, 0x3000, 0x200000007);
	put64(LAST(0x3000), 0);
	EXPECT_SECOND(FETCH, GUEST_WALK_NESTED_FAULT, 0x3000, 0x200000006);
	/* Bit 47 of a physical address is a bit like others. */
	cpu.cr0 = 0x11;
	put64(0x8000 + 8 * 256, 0x9007);
	put64(0x9000, 0x40000087);
	CHECK_EQ(walk(1ull << 47 | 0x123, READ), GUEST_WALK_OK);
	CHECK_EQ(res.address, 0x40000123);
}

static const struct tap_test tests[] = {
	{ "paging off", off },
	{ "canonical form", canonical },
	{ "32-bit", legacy },
	{ "PAE", pae },
	{ "4-level", long_mode },
	{ "access rights", rights },
	{ "protection keys", keys },
	{ "EPT: who faults, and with what", ept },
	{ "EPT: misconfigurations, large pages, levels", ept_formats },
	{ "EPT: accessed and dirty flags", ept_flags },
	{ "nested paging", npt },
};

TAP_MAIN("model", tests)
