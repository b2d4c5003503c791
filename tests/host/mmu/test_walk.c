// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest walker, on tables in real memory, against an oracle that knows the
 * layouts and the access rights as the manuals' prose has them: mode by mode, and
 * with no table and no macro of src/mmu/.
 */
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "../../../src/mmu/permission.h"
#include "world.h"

#define P	0x1ull
#define W	0x2ull
#define U	0x4ull
#define A	0x20ull
#define D	0x40ull
#define PS	0x80ull
#define NX	(1ull << 63)
#define KEY(k)	((u64)(k) << 59)

#define RAM_PAGES	64
#define RAM_SIZE	(RAM_PAGES * PAGE_SIZE)

static u8 *ram;
static struct mmu_regs regs;

static struct mmu *mmu(void)
{
	return &world.vcpu[0].mmu;
}

static void begin(void)
{
	struct kvm_userspace_memory_region2 region = { .memory_size = RAM_SIZE };

	world_begin(3);
	ram = aligned_alloc(PAGE_SIZE, RAM_SIZE);
	memset(ram, 0, RAM_SIZE);
	region.userspace_addr = (u64)ram;
	if (mem_set_region(&world.mem, &region))
		abort();
}

static void end(void)
{
	world_end();
	free(ram);
}

static u64 *entry64(gpa_t gpa)
{
	return (u64 *)(ram + gpa);
}

static u32 *entry32(gpa_t gpa)
{
	return (u32 *)(ram + gpa);
}

static gpa_t translate(gva_t gva, u32 access, u32 *error)
{
	struct mmu_exception exc = { 0 };
	int idx = mem_read_lock(&world.mem);
	gpa_t gpa;

	mmu_set_regs(mmu(), &regs);
	gpa = mmu_translate(mmu(), gva, access, &exc);
	mem_read_unlock(&world.mem, idx);
	*error = exc.error_code;
	if (gpa == INVALID_GPA && exc.address != gva)
		abort();
	return gpa;
}

#define EXPECT_GPA(gva, access, want)					\
	do {								\
		u32 error_;						\
									\
		CHECK_EQ(translate(gva, access, &error_), want);	\
	} while (0)

#define EXPECT_FAULT(gva, access, want)					\
	do {								\
		u32 error_;						\
									\
		CHECK_EQ(translate(gva, access, &error_), INVALID_GPA);	\
		CHECK_EQ(error_, want);					\
	} while (0)

static void long_mode(void)
{
	memset(&regs, 0, sizeof(regs));
	regs.cr0 = X86_CR0_PG | X86_CR0_WP;
	regs.cr4 = X86_CR4_PAE;
	regs.efer = EFER_LMA | EFER_NX;
	regs.cr3 = 0x1000;
	regs.maxphyaddr = 40;
	regs.page_1g = true;
}

static void check_paging_off(void)
{
	memset(&regs, 0, sizeof(regs));
	EXPECT_GPA(0x123456, PF_ERR_WRITE, 0x123456);
}

static void check_four_level(void)
{
	long_mode();
	*entry64(0x1000 + 8 * 1) = 0x2000 | P | W | U;
	*entry64(0x2000 + 8 * 2) = 0x3000 | P | W | U;
	*entry64(0x3000 + 8 * 3) = 0x4000 | P | W | U;
	*entry64(0x4000 + 8 * 4) = 0xabcde000 | P | W | U;
	EXPECT_GPA(0x8080604123, PF_ERR_USER, 0xabcde123);
	CHECK_EQ(*entry64(0x1000 + 8), 0x2000 | P | W | U | A);
	CHECK_EQ(*entry64(0x4000 + 32), 0xabcde000 | P | W | U | A);
	EXPECT_GPA(0x8080604123, PF_ERR_WRITE, 0xabcde123);
	CHECK_EQ(*entry64(0x4000 + 32), 0xabcde000 | P | W | U | A | D);
	EXPECT_FAULT(0x8080605123, PF_ERR_WRITE | PF_ERR_USER, PF_ERR_WRITE | PF_ERR_USER);
	EXPECT_FAULT(0x8080605123, PF_ERR_FETCH, PF_ERR_FETCH);
	EXPECT_FAULT(0x8080605123, 0, 0);
	EXPECT_FAULT(0x8080605123, PF_ERR_USER | MMU_ACCESS_IMPLICIT, 0);
	/* 2M and 1G. */
	*entry64(0x3000 + 8 * 5) = 0xc0000000 | P | W | PS;
	EXPECT_GPA(0x8080abcdef, 0, 0xc00bcdef);
	CHECK_EQ(*entry64(0x3000 + 8 * 5), 0xc0000000 | P | W | PS | A);
	*entry64(0x2000 + 8 * 3) = 0x40000000 | P | W | PS;
	EXPECT_GPA(0x80c1234567, MMU_ACCESS_PROBE | PF_ERR_WRITE, 0x41234567);
	CHECK_EQ(*entry64(0x2000 + 8 * 3), 0x40000000 | P | W | PS);
	/* Reserved bits: address, alignment, PS where there is none, NX. */
	regs.page_1g = false;
	EXPECT_FAULT(0x80c1234567, 0, PF_ERR_PRESENT | PF_ERR_RESERVED);
	*entry64(0x3000 + 8 * 5) |= 0x2000;
	EXPECT_FAULT(0x8080abcdef, 0, PF_ERR_PRESENT | PF_ERR_RESERVED);
	*entry64(0x4000 + 8 * 4) |= 1ull << 40;
	EXPECT_FAULT(0x8080604123, 0, PF_ERR_PRESENT | PF_ERR_RESERVED);
	*entry64(0x4000 + 8 * 4) = 0xabcde000 | P | NX;
	EXPECT_FAULT(0x8080604123, PF_ERR_FETCH, PF_ERR_PRESENT | PF_ERR_FETCH);
	EXPECT_GPA(0x8080604123, 0, 0xabcde123);
	regs.efer &= ~EFER_NX;
	EXPECT_FAULT(0x8080604123, 0, PF_ERR_PRESENT | PF_ERR_RESERVED);
	*entry64(0x1000 + 8 * 1) |= PS;
	EXPECT_FAULT(0x8080604123, 0, PF_ERR_PRESENT | PF_ERR_RESERVED);
	*entry64(0x1000 + 8 * 1) = 0x2000 | P | W | U | 1 << 8;
	regs.efer |= EFER_NX;
	EXPECT_GPA(0x8080604123, 0, 0xabcde123);
	regs.upper_global_rsvd = true;
	EXPECT_FAULT(0x8080604123, 0, PF_ERR_PRESENT | PF_ERR_RESERVED);
	/* Tables where there is no memory. */
	*entry64(0x1000 + 8 * 1) = 0xf0000000 | P | W | U;
	EXPECT_FAULT(0x8080604123, 0, PF_ERR_PRESENT | PF_ERR_RESERVED);
}

static void check_five_level(void)
{
	long_mode();
	regs.cr4 |= X86_CR4_LA57;
	*entry64(0x1000 + 8 * 7) = 0x2000 | P | W | U;
	*entry64(0x2000 + 8 * 1) = 0x3000 | P | W | U;
	*entry64(0x3000 + 8 * 2) = 0x80000000 | P | W | U | PS;
	EXPECT_GPA((7ull << 48) + 0x8080604123, 0, 0x80604123);
	CHECK_EQ(*entry64(0x1000 + 8 * 7), 0x2000 | P | W | U | A);
	*entry64(0x1000 + 8 * 7) |= PS;
	EXPECT_FAULT((7ull << 48) + 0x8080604123, 0, PF_ERR_PRESENT | PF_ERR_RESERVED);
}

static void check_pae(void)
{
	long_mode();
	regs.efer = 0;
	regs.cr3 = 0x1020;
	*entry64(0x1020 + 8 * 3) = 0x2000 | P;
	*entry64(0x2000 + 8 * 4) = 0x3000 | P | U;
	*entry64(0x3000 + 8 * 5) = 0xfedcba000 | P | W | U;
	EXPECT_GPA(0xc0805678, PF_ERR_USER, 0xfedcba678);
	/* The first level has neither rights nor an accessed bit. */
	CHECK_EQ(*entry64(0x1020 + 8 * 3), 0x2000 | P);
	EXPECT_FAULT(0xc0805678, PF_ERR_USER | PF_ERR_WRITE,
		     PF_ERR_PRESENT | PF_ERR_USER | PF_ERR_WRITE);
	*entry64(0x2000 + 8 * 5) = 0x600000 | P | PS;
	EXPECT_GPA(0xc0a12345, 0, 0x612345);
	/* Some processors set it all the same. */
	*entry64(0x1020 + 8 * 3) |= A;
	EXPECT_GPA(0xc0a12345, 0, 0x612345);
	*entry64(0x1020 + 8 * 3) |= W;
	EXPECT_FAULT(0xc0805678, 0, PF_ERR_PRESENT | PF_ERR_RESERVED);
	regs.pdptr_held = true;
	regs.pdptr[3] = 0x2000 | P;
	EXPECT_GPA(0xc0a12345, 0, 0x612345);
}

static void check_legacy(void)
{
	memset(&regs, 0, sizeof(regs));
	regs.cr0 = X86_CR0_PG;
	regs.cr3 = 0x1000;
	regs.maxphyaddr = 40;
	*entry32(0x1000 + 4 * 0x301) = 0x2000 | P | W | U;
	*entry32(0x2000 + 4 * 0x005) = 0x89abc000 | P;
	EXPECT_GPA(0xc0405def, PF_ERR_WRITE, 0x89abcdef);
	CHECK_EQ(*entry32(0x2000 + 4 * 5), 0x89abc000 | P | A | D);
	EXPECT_FAULT(0xc0405def, PF_ERR_USER, PF_ERR_PRESENT | PF_ERR_USER);
	/* No fetch bit in the error code without NX and SMEP. */
	EXPECT_FAULT(0xc0405def, PF_ERR_USER | PF_ERR_FETCH, PF_ERR_PRESENT | PF_ERR_USER);
	/* PS means nothing without PSE. */
	*entry32(0x1000 + 4 * 0x301) |= PS;
	EXPECT_GPA(0xc0405def, 0, 0x89abcdef);
	/* Address bits 39:32 are bits 20:13. */
	regs.cr4 = X86_CR4_PSE;
	*entry32(0x1000 + 4 * 0x301) = 0x40000000 | 0xa5 << 13 | P | PS;
	EXPECT_GPA(0xc0745def, 0, 0xa540345def);
	regs.maxphyaddr = 36;
	EXPECT_FAULT(0xc0745def, 0, PF_ERR_PRESENT | PF_ERR_RESERVED);
	*entry32(0x1000 + 4 * 0x301) = 0x40000000 | 0x5 << 13 | P | PS;
	EXPECT_GPA(0xc0745def, 0, 0x540345def);
	*entry32(0x1000 + 4 * 0x301) |= 1 << 21;
	EXPECT_FAULT(0xc0745def, 0, PF_ERR_PRESENT | PF_ERR_RESERVED);
}

/* Tables in a read-only slot are walked, and keep their bits. */
static void check_tables_in_rom(void)
{
	struct kvm_userspace_memory_region2 region = {
		.slot = 1, .flags = KVM_MEM_READONLY, .guest_phys_addr = 0x10000000,
		.memory_size = RAM_SIZE, .userspace_addr = (u64)ram,
	};

	long_mode();
	CHECK_EQ(mem_set_region(&world.mem, &region), 0);
	*entry64(0x1000) = 0x10002000 | P | W | U;
	*entry64(0x2000) = 0x40000000 | P | W | U | PS;
	regs.cr3 = 0x10001000;
	EXPECT_GPA(0x123, PF_ERR_WRITE, 0x40000123);
	CHECK_EQ(*entry64(0x2000), 0x40000000 | P | W | U | PS);
}

/* A flag that the walk sets is a write to the guest's table. */
static void check_flags_are_logged(void)
{
	u64 bitmap[RAM_PAGES / 64];
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = bitmap };
	struct kvm_userspace_memory_region2 region = {
		.slot = 1, .flags = KVM_MEM_LOG_DIRTY_PAGES, .guest_phys_addr = 0x10000000,
		.memory_size = RAM_SIZE, .userspace_addr = (u64)ram,
	};

	long_mode();
	CHECK_EQ(mem_set_region(&world.mem, &region), 0);
	*entry64(0x1000) = 0x10002000 | P | W | U | A;
	*entry64(0x2000) = 0x10003000 | P | W | U;
	*entry64(0x3000) = 0x10000000 | P | W | U | PS | A;
	regs.cr3 = 0x10001000;
	EXPECT_GPA(0x123, MMU_ACCESS_PROBE | PF_ERR_WRITE, 0x10000123);
	EXPECT_FAULT(0x40000123, PF_ERR_WRITE, PF_ERR_WRITE);
	CHECK_EQ(mem_get_dirty_log(&world.mem, &log), 0);
	CHECK_EQ(bitmap[0], 0);
	EXPECT_GPA(0x123, 0, 0x10000123);
	CHECK_EQ(mem_get_dirty_log(&world.mem, &log), 0);
	CHECK_EQ(bitmap[0], 1 << 2);
	EXPECT_GPA(0x123, PF_ERR_WRITE, 0x10000123);
	CHECK_EQ(mem_get_dirty_log(&world.mem, &log), 0);
	CHECK_EQ(bitmap[0], 1 << 3);
	EXPECT_GPA(0x123, PF_ERR_WRITE, 0x10000123);
	CHECK_EQ(mem_get_dirty_log(&world.mem, &log), 0);
	CHECK_EQ(bitmap[0], 0);
}

/*
 * Access rights as prose.  SDM: "Determination of Access Rights"; APM: "Page
 * Protection Checks".
 */
struct rights_case {
	bool wp, smep, smap, nxe, pku;
	bool user_page, writable, no_execute;
	int key_rights;		/* 1: no access, 2: no writes */
	bool user, write, fetch, implicit, ac;
};

static bool oracle_supervisor(const struct rights_case *c)
{
	if (c->fetch) {
		if (c->user_page && c->smep)
			return false;
		return !(c->nxe && c->no_execute);
	}
	if (c->user_page && c->smap && (c->implicit || !c->ac))
		return false;
	if (c->write)
		return c->writable || !c->wp;
	return true;
}

static bool oracle_user(const struct rights_case *c)
{
	if (!c->user_page)
		return false;
	if (c->fetch)
		return !(c->nxe && c->no_execute);
	return !c->write || c->writable;
}

static bool oracle_key(const struct rights_case *c, bool user)
{
	if (!c->pku || !c->user_page || c->fetch)
		return true;
	if (c->key_rights & 1)
		return false;
	if (!(c->key_rights & 2) || !c->write)
		return true;
	return !user && !c->wp;
}

static u32 oracle_error(const struct rights_case *c)
{
	bool user = c->user && !c->implicit;
	bool allowed = user ? oracle_user(c) : oracle_supervisor(c);
	bool key = oracle_key(c, user);
	u32 code = 1;

	if (allowed && key)
		return 0;
	if (c->write)
		code |= 2;
	if (user)
		code |= 4;
	if (c->fetch && (c->nxe || c->smep))
		code |= 16;
	if (!key)
		code |= 32;
	return code;
}

static void rights_case(struct rights_case *c, u32 n)
{
	bool *flags[] = {
		&c->wp, &c->smep, &c->smap, &c->nxe, &c->pku, &c->user_page, &c->writable,
		&c->no_execute, &c->user, &c->write, &c->fetch, &c->implicit, &c->ac,
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(flags); i++)
		*flags[i] = n >> i & 1;
	c->key_rights = n >> ARRAY_SIZE(flags) & 3;
}

static void permissions(void)
{
	struct rights_case c;
	u32 n, perm, access, got;

	for (n = 0; n < 1u << 15; n++) {
		struct permission_rights rights = { .pkey = n % 16 };

		rights_case(&c, n);
		if (c.write && c.fetch)
			continue;
		perm = (c.wp ? PERM_WP : 0) | (c.smep ? PERM_SMEP : 0) |
		       (c.smap ? PERM_SMAP : 0) | (c.nxe ? PERM_NXE : 0) |
		       (c.pku ? PERM_PKU : 0);
		access = (c.user ? PF_ERR_USER : 0) | (c.write ? PF_ERR_WRITE : 0) |
			 (c.fetch ? PF_ERR_FETCH : 0) |
			 (c.implicit ? MMU_ACCESS_IMPLICIT : 0) | (c.ac ? MMU_ACCESS_AC : 0);
		rights.entries = (c.user_page ? U : 0) | (c.writable ? W : 0) |
				 (c.no_execute ? NX : 0);
		got = permission_fault(perm, (u32)c.key_rights << (n % 16 * 2), &rights, access);
		if (got != oracle_error(&c))
			printf("# case %#x\n", n);
		CHECK_EQ(got, oracle_error(&c));
	}
}

/*
 * Random tables: a few pages of entries that point to each other, to memory and to
 * nowhere.  The oracle walks 4-level and PAE tables by recursion.
 */
static u64 random64(u32 *seed)
{
	return (u64)world_random(seed) << 32 | world_random(seed);
}

static u64 random_entry(u32 *seed)
{
	u64 entry = (u64)(world_random(seed) % 6 + 1) << 12;

	entry |= random64(seed) & (W | U | A | D);
	if (world_random(seed) % 16)
		entry |= P;
	if (world_random(seed) % 4 == 0)
		entry = (entry & 0xfff) | PS | (random64(seed) & 0xffc0000000);
	if (world_random(seed) % 4 == 0)
		entry |= NX;
	if (world_random(seed) % 32 == 0)
		entry |= 1ull << (world_random(seed) % 52);
	return entry | KEY(world_random(seed) % 16) * (world_random(seed) % 2);
}

/* What a walk comes to: the gpa, or an error code with bit 63 set. */
static u64 oracle_walk(u64 table, int level, gva_t gva, u64 rights, u32 access)
{
	int shift = 12 + 9 * (level - 1);
	u64 index = gva >> shift & 511;
	bool nxe = regs.efer & EFER_NX;
	struct rights_case c = { 0 };
	u64 entry, reserved;
	u32 kind = access & (PF_ERR_WRITE | PF_ERR_USER), error;

	if ((access & PF_ERR_FETCH) && (nxe || regs.cr4 & X86_CR4_SMEP))
		kind |= PF_ERR_FETCH;
	entry = table + index * 8 < RAM_SIZE ? *entry64(table + index * 8) : ~0ull;
	if (!(entry & P))
		return BIT_ULL(63) | kind;
	reserved = 0x000fff0000000000 | (nxe ? 0 : NX);
	if (level == 4)
		reserved |= PS;
	if (level == 3 && entry & PS)
		reserved |= regs.page_1g ? 0x3fffe000 : PS;
	if (level == 2 && entry & PS)
		reserved |= 0x1fe000;
	if (entry & reserved)
		return BIT_ULL(63) | kind | 9;
	rights &= entry | NX;
	rights |= entry & NX;
	if (level > 1 && !(entry & PS))
		return oracle_walk(entry & 0xfffffff000, level - 1, gva, rights, access);

	c.wp = regs.cr0 & X86_CR0_WP;
	c.smep = regs.cr4 & X86_CR4_SMEP;
	c.smap = regs.cr4 & X86_CR4_SMAP;
	c.pku = regs.cr4 & X86_CR4_PKE;
	c.nxe = nxe;
	c.user_page = rights & U;
	c.writable = rights & W;
	c.no_execute = rights & NX;
	c.key_rights = regs.pkru >> ((entry >> 59 & 15) * 2) & 3;
	c.user = access & PF_ERR_USER;
	c.write = access & PF_ERR_WRITE;
	c.fetch = access & PF_ERR_FETCH;
	c.ac = access & MMU_ACCESS_AC;
	error = oracle_error(&c);
	if (error)
		return BIT_ULL(63) | error;
	return (entry & 0xfffffff000 & ~(BIT_ULL(shift) - 1)) | (gva & (BIT_ULL(shift) - 1));
}

static void check_random_tables(void)
{
	static const u32 kinds[] = { 0, PF_ERR_WRITE, PF_ERR_FETCH };
	u32 seed = 4711, error, access, i, k, n;
	u64 want, got;
	gva_t gva;

	for (n = 0; n < 300; n++) {
		long_mode();
		regs.cr0 = X86_CR0_PG | (random64(&seed) & X86_CR0_WP);
		regs.cr4 |= random64(&seed) & (X86_CR4_SMEP | X86_CR4_SMAP | X86_CR4_PKE);
		regs.efer = EFER_LMA | (random64(&seed) & EFER_NX);
		regs.page_1g = world_random(&seed) & 1;
		regs.pkru = world_random(&seed) & world_random(&seed);
		for (i = 0; i < 6 * 512; i++)
			*entry64(0x1000 + 8 * i) = random_entry(&seed);
		for (k = 0; k < 200; k++) {
			gva = random64(&seed) & 0x7fffffffffff;
			access = kinds[world_random(&seed) % 3] | MMU_ACCESS_PROBE |
				 (world_random(&seed) & (PF_ERR_USER | MMU_ACCESS_AC));
			want = oracle_walk(0x1000, 4, gva, W | U, access);
			got = translate(gva, access, &error);
			if (got == INVALID_GPA)
				got = BIT_ULL(63) | error;
			if (got != want)
				printf("# gva %#lx access %#x round %u\n", gva, access, n);
			CHECK_EQ(got, want);
		}
	}
}

#define IN_WORLD(test) static void test(void) { begin(); check_##test(); end(); }

IN_WORLD(paging_off)
IN_WORLD(four_level)
IN_WORLD(five_level)
IN_WORLD(pae)
IN_WORLD(legacy)
IN_WORLD(tables_in_rom)
IN_WORLD(flags_are_logged)
IN_WORLD(random_tables)

static const struct tap_test tests[] = {
	{ "paging off", paging_off },
	{ "4-level: 4K, 2M, 1G, reserved bits", four_level },
	{ "5-level", five_level },
	{ "PAE, PDPTEs in memory and held", pae },
	{ "32-bit, with PSE and PSE-36", legacy },
	{ "tables in read-only memory", tables_in_rom },
	{ "flags set in tables are in the dirty log", flags_are_logged },
	{ "access rights, every combination", permissions },
	{ "random tables against the oracle", random_tables },
};

TAP_MAIN("walk", tests)
