/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reference model of how a processor translates an address through the tables
 * that a guest wrote, from the manuals alone.
 *
 * It shares nothing with src/mmu/ but the names of plain types, and is meant to be
 * compared with the manuals line by line, not to be fast.  It is pure: memory is
 * read by a callback and never written; what the processor would write comes back
 * in the result.
 *
 * Manuals: Intel SDM volume 3, "Paging" and "VMX Support for Address Translation";
 * AMD APM volume 2, "Page Translation and Protection" and "Nested Paging".
 */
#ifndef TESTS_HOST_ORACLE_GUEST_WALK_H
#define TESTS_HOST_ORACLE_GUEST_WALK_H

#include <linux/types.h>

struct guest_walk_second;

/**
 * struct guest_walk_cpu - the state of a processor that decides over a translation
 * @cr0, @cr3, @cr4, @efer: as in the registers
 * @pkru:	rights of the protection keys
 * @ac:		RFLAGS.AC
 * @pdpte:	with @pdpte_held, what PAE paging loaded when CR3 was written: valid
 *		by then.  Otherwise they are read by each walk, as AMD does in a guest.
 * @maxphyaddr:	width of a physical address in bits, 32 to 52
 * @page_1g:	CPUID: 1G pages
 * @pdpte_bit5_ignored: a PDPTE of PAE paging may have bit 5 set, which the manuals
 *		reserve and some processors set under nested paging
 * @upper_bit8_reserved: bit 8 of entries of levels 4 and 5 must be 0: so on AMD
 * @second:	the second dimension, in which the guest's physical addresses are
 *		translated again, or NULL
 */
struct guest_walk_cpu {
	u64 cr0, cr3, cr4, efer;
	u32 pkru;
	u64 pdpte[4];
	u8 maxphyaddr;
	bool ac;
	bool pdpte_held;
	bool page_1g;
	bool pdpte_bit5_ignored;
	bool upper_bit8_reserved;
	const struct guest_walk_second *second;
};

enum guest_walk_kind { GUEST_WALK_READ, GUEST_WALK_WRITE, GUEST_WALK_FETCH };

/**
 * struct guest_walk_access - an access to a linear address
 * @kind:	data read, data write or instruction fetch
 * @user:	CPL is 3
 * @implicit:	to a system structure (GDT, LDT, IDT, TSS): a supervisor's access
 *		whatever the CPL
 */
struct guest_walk_access {
	enum guest_walk_kind kind;
	bool user;
	bool implicit;
};

/**
 * struct guest_walk_memory - where the tables are
 * @read:	the @bytes (4 or 8) at the aligned @address; with a second dimension
 *		that is an address in its output.  Absent memory is up to the callee.
 * @ctx:	for @read
 */
struct guest_walk_memory {
	u64 (*read)(void *ctx, u64 address, unsigned int bytes);
	void *ctx;
};

/**
 * struct guest_walk_second - a second dimension
 * @ept:	EPT, and AMD's nested paging otherwise
 * @eptp:	EPT: the pointer in the VMCS: length of the walk, A/D flags
 * @execute_only: EPT: entries may allow fetches alone
 * @host:	nested paging: the host's CR4 and EFER, and nCR3 in cr3; for EPT only
 *		maxphyaddr and page_1g count
 *
 * Not modelled: mode-based execute control, GMET, supervisor shadow stacks, sub-page
 * write permission.
 */
struct guest_walk_second {
	bool ept;
	u64 eptp;
	bool execute_only;
	struct guest_walk_cpu host;
};

enum guest_walk_outcome {
	GUEST_WALK_OK,
	GUEST_WALK_NOT_CANONICAL,	/* #GP or #SS: no translation begins */
	GUEST_WALK_PAGE_FAULT,		/* #PF with error_code */
	GUEST_WALK_EPT_VIOLATION,	/* second_address, qualification */
	GUEST_WALK_EPT_MISCONFIG,	/* second_address */
	GUEST_WALK_NESTED_FAULT,	/* second_address, qualification is EXITINFO1 */
};

/**
 * struct guest_walk_used - an entry that the processor used
 * @address:	where it is, as for guest_walk_memory.read()
 * @bytes:	4 or 8
 * @set:	bits that the processor sets: must be set if the outcome is OK; may
 *		be if it is not.  0 in an entry without such bits.
 */
struct guest_walk_used {
	u64 address;
	u64 set;
	u8 bytes;
};

/**
 * struct guest_walk_result - what becomes of an access
 * @outcome:	valid always, the rest as far as it applies
 * @address:	the physical address; with a second dimension, in its output
 * @gpa:	the physical address as the guest's own tables have it
 * @page_shift:	log2 of the bytes of the guest's page
 * @writable, @user_page, @no_execute, @global, @key: the guest's page, from all of
 *		its entries (global and key from the last)
 * @error_code:	of the #PF
 * @second_address: the guest physical address that faulted
 * @qualification: the exit qualification, or EXITINFO1
 * @used, @nr_used: entries of the guest's tables, from the root down
 * @second, @nr_second: entries of the second dimension, in order of their use
 */
struct guest_walk_result {
	enum guest_walk_outcome outcome;
	u64 address;
	u64 gpa;
	u8 page_shift;
	bool writable, user_page, no_execute, global;
	u8 key;
	u32 error_code;
	u64 second_address;
	u64 qualification;
	int nr_used;
	struct guest_walk_used used[5];
	int nr_second;
	struct guest_walk_used second[64];
};

/** guest_walk() - translate @gva for @access; @res is filled */
void guest_walk(const struct guest_walk_cpu *cpu, const struct guest_walk_memory *memory,
		u64 gva, struct guest_walk_access access, struct guest_walk_result *res);

/**
 * struct guest_walk_step - an access to guest physical memory in the second dimension
 * @gpa:	where
 * @kind:	how
 * @table:	to an entry of the guest's tables, not to what they translate to
 */
struct guest_walk_step {
	u64 gpa;
	enum guest_walk_kind kind;
	bool table;
};

/**
 * second_walk() - translate a guest physical address in the second dimension
 * @step:	its gpa is one that the tables can translate: of 48 bits if they have
 *		four levels, of 32 if they are a 32-bit host's
 * @address:	the translation
 * Return: true; or false, and @res has outcome, second_address and qualification.
 */
bool second_walk(const struct guest_walk_second *second,
		 const struct guest_walk_memory *memory, const struct guest_walk_step *step,
		 struct guest_walk_result *res, u64 *address);

#endif
