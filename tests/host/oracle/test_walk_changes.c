// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entries that other CPUs change while a walk is under way.
 *
 * A flag is set by a compare-exchange of the entry as it was read.  If it has changed,
 * the walk begins anew: it must not lose the change, nor set a flag in an entry that
 * it did not use.  A change is made at one of the walk's accesses to user memory.
 */
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "../../../src/mmu/mmu.h"
#include "../mmu/world.h"

#define P	0x1ull
#define W	0x2ull
#define A	0x20ull
#define D	0x40ull

#define GVA		0x123
#define LEAF		0x4000
#define OLD_PAGE	0x40000000ull
#define NEW_PAGE	0x50000000ull
/* A bit that the processor ignores. */
#define AVAILABLE	(1ull << 9)

static u8 *ram;
static u64 *leaf;

/* Accesses to the leaf so far. */
static int accesses;

static void begin(void)
{
	struct kvm_userspace_memory_region2 region = { .memory_size = 8 * PAGE_SIZE };
	struct mmu_regs regs = {
		.cr0 = X86_CR0_PG | X86_CR0_WP, .cr4 = X86_CR4_PAE, .cr3 = 0x1000,
		.efer = EFER_LMA | EFER_NX, .maxphyaddr = 40,
	};
	int level;

	world_begin(3);
	ram = aligned_alloc(PAGE_SIZE, region.memory_size);
	memset(ram, 0, region.memory_size);
	for (level = 1; level < 4; level++)
		*(u64 *)(ram + level * PAGE_SIZE) = (level + 1) * PAGE_SIZE | P | W;
	leaf = (u64 *)(ram + LEAF);
	*leaf = OLD_PAGE | P | W;
	region.userspace_addr = (u64)ram;
	if (mem_set_region(&world.mem, &region))
		abort();
	mmu_set_regs(&world.vcpu[0].mmu, &regs);
	accesses = 0;
}

static void end(void)
{
	world_end();
	free(ram);
}

static gpa_t translate(void (*before_user)(hva_t hva), u32 access, u64 *error)
{
	struct mmu_exception exc = { 0 };
	int idx = mem_read_lock(&world.mem);
	gpa_t gpa;

	world.before_user = before_user;
	gpa = mmu_translate(&world.vcpu[0].mmu, GVA, access, &exc);
	world.before_user = NULL;
	mem_read_unlock(&world.mem, idx);
	*error = exc.error_code;
	return gpa;
}

/* Between the walk's reading of the leaf and its exchange. */
static bool is_exchange(hva_t hva)
{
	return hva == (hva_t)leaf && ++accesses == 2;
}

static void remap(hva_t hva)
{
	if (is_exchange(hva))
		*leaf = NEW_PAGE | P | W;
}

static void unmap(hva_t hva)
{
	if (is_exchange(hva))
		*leaf = 0;
}

static void protect(hva_t hva)
{
	if (is_exchange(hva))
		*leaf = OLD_PAGE | P | A;
}

static void toggle(hva_t hva)
{
	if (hva == (hva_t)leaf) {
		*leaf ^= AVAILABLE;
		accesses++;
	}
}

static void check_remap_entry(void)
{
	u64 error;

	CHECK_EQ(translate(remap, PF_ERR_WRITE, &error), NEW_PAGE | GVA);
	CHECK_EQ(*leaf, NEW_PAGE | P | W | A | D);
}

static void check_unmap_entry(void)
{
	u64 error;

	CHECK_EQ(translate(unmap, PF_ERR_WRITE, &error), INVALID_GPA);
	CHECK_EQ(error, PF_ERR_WRITE);
	CHECK_EQ(*leaf, 0);
}

static void check_protect_entry(void)
{
	u64 error;

	CHECK_EQ(translate(protect, PF_ERR_WRITE, &error), INVALID_GPA);
	CHECK_EQ(error, PF_ERR_WRITE | PF_ERR_PRESENT);
	CHECK_EQ(*leaf, OLD_PAGE | P | A);
}

/* An entry that never stays the same does not keep the walk for ever. */
static void check_toggle_entry(void)
{
	u64 error;

	CHECK_EQ(translate(toggle, PF_ERR_WRITE, &error), OLD_PAGE | GVA);
	CHECK_EQ(*leaf & ~AVAILABLE, OLD_PAGE | P | W);
	CHECK(accesses > 2);
}

#define WITH_TABLES(test) static void test(void) { begin(); check_##test(); end(); }

WITH_TABLES(remap_entry)
WITH_TABLES(unmap_entry)
WITH_TABLES(protect_entry)
WITH_TABLES(toggle_entry)

static const struct tap_test tests[] = {
	{ "the page moves", remap_entry },
	{ "the page goes", unmap_entry },
	{ "the page becomes read-only", protect_entry },
	{ "an entry that changes all the time", toggle_entry },
};

TAP_MAIN("walk changes", tests)
