/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine for the emulator that is all in one struct: two megabytes of memory
 * at linear address 0, whose pages may be absent, read-only or a device's; all
 * registers; and a record of what the emulator asked for.
 */
#ifndef TESTS_HOST_EMUL_MOCK_H
#define TESTS_HOST_EMUL_MOCK_H

#include "../../../src/emul/emul.h"

#define MOCK_BYTES	0x200000u
#define MOCK_PAGES	(MOCK_BYTES / 4096)
#define MOCK_LOG	64

/* Where things are. */
#define MOCK_CODE	0x10000u	/* base of CS in real mode, 0 elsewhere */
#define MOCK_DATA	0x20000u
#define MOCK_STACK	0x30000u
#define MOCK_GDT	0x40000u
#define MOCK_LDT	0x41000u
#define MOCK_TSS	0x42000u
#define MOCK_DEVICE	0x50000u	/* one page that user space has to read */

/* What a page is. */
#define MOCK_ABSENT	0x1u
#define MOCK_READONLY	0x2u
#define MOCK_IS_DEVICE	0x4u

/* Selectors of the descriptors that every protected mode has. */
#define MOCK_CODE0	0x08u
#define MOCK_DATA0	0x10u
#define MOCK_CODE3	0x1bu
#define MOCK_DATA3	0x23u
#define MOCK_LONG0	0x28u
#define MOCK_LONG3	0x33u
#define MOCK_TSS_SEL	0x38u		/* two slots */
#define MOCK_LDT_SEL	0x48u		/* two slots */
#define MOCK_FREE	0x58u		/* from here on, for the test */

#define MOCK_ATTR_CODE	(EMUL_ATTR_P | EMUL_ATTR_S | EMUL_ATTR_CODE | EMUL_ATTR_RW)
#define MOCK_ATTR_DATA	(EMUL_ATTR_P | EMUL_ATTR_S | EMUL_ATTR_RW)
#define MOCK_ATTR_DPL3	(3u << EMUL_ATTR_DPL_SHIFT)

/* A memory access, or a port's. */
struct mock_access {
	u64 address;
	u64 val;
	unsigned int bytes;
	unsigned int count;
	unsigned int flags;
};

/**
 * struct mock - the machine
 * @ctxt:	the emulator
 * @gpr:	general registers
 * @segments:	enum emul_seg
 * @gdt:	GDTR
 * @idt:	IDTR
 * @cr:		control registers
 * @dr:		debug registers
 * @efer:	EFER
 * @msrs:	the other MSRs there are, see mock_set_msr()
 * @msr_count:	how many
 * @xcr0:	XCR0
 * @xmm:	XMM registers
 * @memory:	MOCK_BYTES
 * @page:	MOCK_* of each page
 * @reads:	reads of memory that the op was asked for
 * @writes:	writes, compare-exchanges included
 * @cmpxchgs:	compare-exchanges
 * @fetches:	fetches
 * @probes:	probes
 * @device_reads: reads of the device that completed
 * @posted:	writes to the device, and OUTs
 * @posted_count: how many
 * @ins:	reads of ports that completed
 * @notices:	how often, by enum emul_notice
 * @invalidated: address of the last INVLPG
 * @ready:	user space has completed a read: @ready_val
 * @pending:	the read that user space is to complete
 * @last:	the last access of memory, with its flags
 * @race:	so many compare-exchanges fail
 */
struct mock {
	struct emul_ctxt ctxt;
	u64 gpr[EMUL_GPRS];
	struct emul_segment segments[8];
	struct emul_dtable gdt, idt;
	u64 cr[16];
	u64 dr[8];
	u64 efer;
	struct {
		u32 index;
		u64 val;
	} msrs[8];
	unsigned int msr_count;
	u64 xcr0;
	u64 xmm[16][2];
	u8 *memory;
	u8 page[MOCK_PAGES];
	u8 pio_buf[4096];
	unsigned int reads, writes, cmpxchgs, fetches, probes, device_reads;
	struct mock_access posted[MOCK_LOG];
	unsigned int posted_count, ins;
	unsigned int notices[8];
	u64 invalidated;
	bool ready;
	u64 ready_val;
	struct mock_access pending, last;
	unsigned int race;
};

/**
 * mock_start() - a machine in some mode, at its entry, with flat segments
 * @mock:	cleared, but for its memory, which is kept and cleared
 * @mode:	EMUL_MODE_*
 * @cpl:	0 or 3
 *
 * Real and vm86 mode have segments of 64 KiB: CS at MOCK_CODE, SS at MOCK_STACK,
 * the others at MOCK_DATA.  SP is 0x1000 in its segment, or at MOCK_STACK + 0x1000.
 */
void mock_start(struct mock *mock, enum emul_mode mode, unsigned int cpl);

/**
 * mock_descriptor() - write an entry of the GDT
 * @mock:	the machine
 * @selector:	which
 * @base:	its base
 * @limit:	its limit field, 20 bits
 * @attr:	EMUL_ATTR_*
 */
void mock_descriptor(struct mock *mock, u16 selector, u64 base, u32 limit, u16 attr);

/**
 * mock_set_u16() - write 16 bits of memory
 * @mock:	the machine
 * @address:	linear
 * @val:	what to write
 */
void mock_set_u16(struct mock *mock, u64 address, u16 val);

/**
 * mock_set() - write 64 bits of memory
 * @mock:	the machine
 * @address:	linear
 * @val:	what to write
 */
void mock_set(struct mock *mock, u64 address, u64 val);

/**
 * mock_get() - read memory
 * @mock:	the machine
 * @address:	linear
 * @bytes:	1 to 8
 *
 * Return: its value.
 */
u64 mock_get(const struct mock *mock, u64 address, unsigned int bytes);

/**
 * mock_set_msr() - give an MSR a value; from then on it exists
 * @mock:	the machine
 * @index:	which
 * @val:	its value
 */
void mock_set_msr(struct mock *mock, u32 index, u64 val);

/**
 * mock_msr() - an MSR that exists
 * @mock:	the machine
 * @index:	which
 *
 * Return: where its value is; NULL if it does not exist.
 */
u64 *mock_msr(struct mock *mock, u32 index);

/**
 * mock_put_code() - put an instruction where RIP points
 * @mock:	the machine
 * @hex:	its bytes, "0f a2"
 *
 * Return: their number.
 */
unsigned int mock_put_code(struct mock *mock, const char *hex);

/**
 * mock_run() - put an instruction where RIP points, decode and execute it
 * @mock:	the machine
 * @hex:	its bytes
 *
 * Return: enum emul_result.
 */
enum emul_result mock_run(struct mock *mock, const char *hex);

/**
 * mock_again() - decode and execute what RIP points at
 * @mock:	the machine
 *
 * Return: enum emul_result.
 */
enum emul_result mock_again(struct mock *mock);

/**
 * mock_complete() - complete the pending read, execute again
 * @mock:	the machine
 * @val:	what the device says
 *
 * Return: enum emul_result.
 */
enum emul_result mock_complete(struct mock *mock, u64 val);

#endif
