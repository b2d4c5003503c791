/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instruction emulator: a decoder and an executor of x86 instructions.
 *
 * It knows the instruction set and nothing else.  Memory, segments, control
 * registers, ports and MSRs are reached through a const ops table.  It neither
 * allocates nor locks, and may be used wherever the ops may be called.
 *
 * One instruction goes like this.  The owner (a vCPU, found from the context
 * by container_of()) fills the group "state" of struct emul_ctxt, and, where
 * hardware gave them, the groups "fetched" and "hint".  Then
 *
 *	emul_decode()	reads the bytes, finds the table entry, the length
 *	emul_execute()	does it; or emul_skip() only steps over it
 *
 * What changes where, and when:
 *  - @gpr points at the owner's sixteen registers.  They are changed in place,
 *    and put back if the instruction does not complete.
 *  - @rip, @rflags, @cpl and @shadow are results for the owner to commit.  They
 *    are right after every result: unchanged if nothing was done, the state
 *    between two iterations if a REP string instruction stopped half way.
 *  - everything else changes through ops->set_*(), called when nothing can
 *    fail any more, except for what the op itself refuses.
 *
 * So every result is a consistent state, and the owner commits after each of
 * them in the same way.
 *
 * Reads from user space.  An op that needs user space to complete a read
 * returns EMUL_IO_NEEDED.  emul_execute() returns the same, with nothing changed
 * (a REP string instruction: since its last iteration).  The owner exits to
 * user space and afterwards calls emul_execute() again on the same context,
 * without emul_decode().  The instruction runs from its start: memory reads that
 * had completed are answered from a log in the context, so no device sees a read
 * twice, and the op is called again, with the same arguments, for the one that
 * was missing; now it returns the data.
 *
 * Writes to user space are posted: the op notes them, returns EMUL_POSTED, and
 * the owner exits to user space once emul_execute() has returned.
 */
#ifndef QUIRE_EMUL_H
#define QUIRE_EMUL_H

#include <linux/types.h>
#include "../types.h"
#include "insn.h"

struct emul_ctxt;

#define EMUL_INSN_BYTES_MAX	15

/* What an access to memory never crosses when an op is asked for it. */
#define EMUL_PAGE_BYTES		4096u

/* Iterations of a REP string instruction that one emul_execute() may do. */
#define EMUL_REP_MAX		1024

/* Reads of up to 8 bytes that one instruction, or one iteration, may do. */
#define EMUL_READ_LOG_MAX	72

/**
 * enum emul_result - what became of an instruction, or of one op
 * @EMUL_OK:		Done.  An instruction: commit and go on.  An op: go on.
 * @EMUL_AGAIN:		Instructions only.  A REP string instruction stopped
 *			between two iterations, after EMUL_REP_MAX of them or
 *			after a posted write.  Commit; @rip still points at it.
 *			Enter the guest, or decode and execute again after
 *			looking for interrupts.
 * @EMUL_FAULT:		An exception is to be delivered: @exception.  As a fault,
 *			@rip points at the instruction.
 * @EMUL_SOFT_INT:	Instructions only.  INT n, INT3, INTO, ICEBP outside real
 *			mode: commit (@rip is behind the instruction), then
 *			inject @exception.vector as a software interrupt, software
 *			exception or privileged one, as @exception.soft says.
 * @EMUL_IO_NEEDED:	User space must complete a read first, see above.
 * @EMUL_POSTED:	Ops only.  Like EMUL_OK, for a write or OUT which reaches
 *			user space when the instruction is done.
 * @EMUL_RETRY:		Nothing was done; let the guest run the instruction
 *			again.  From ops: the owner lost a race, say with an
 *			invalidation.  From the emulator also: a compare-exchange
 *			failed too often.
 * @EMUL_UNHANDLEABLE:	The emulator cannot do it.  Nothing was done.
 */
enum emul_result {
	EMUL_OK,
	EMUL_AGAIN,
	EMUL_FAULT,
	EMUL_SOFT_INT,
	EMUL_IO_NEEDED,
	EMUL_POSTED,
	EMUL_RETRY,
	EMUL_UNHANDLEABLE,
};

/**
 * enum emul_mode - how the CPU reads instructions now
 * @EMUL_MODE_REAL:	CR0.PE clear
 * @EMUL_MODE_VM86:	protected mode with EFLAGS.VM
 * @EMUL_MODE_PROT16:	protected or compatibility mode, CS.D clear
 * @EMUL_MODE_PROT32:	protected or compatibility mode, CS.D set
 * @EMUL_MODE_LONG64:	EFER.LMA and CS.L
 */
enum emul_mode {
	EMUL_MODE_REAL,
	EMUL_MODE_VM86,
	EMUL_MODE_PROT16,
	EMUL_MODE_PROT32,
	EMUL_MODE_LONG64,
};

/* General registers, as instructions number them. */
enum emul_gpr {
	EMUL_RAX, EMUL_RCX, EMUL_RDX, EMUL_RBX,
	EMUL_RSP, EMUL_RBP, EMUL_RSI, EMUL_RDI,
	EMUL_R8, EMUL_R9, EMUL_R10, EMUL_R11,
	EMUL_R12, EMUL_R13, EMUL_R14, EMUL_R15,
	EMUL_GPRS,
};

/* Segment registers, as instructions number them; then the system ones. */
enum emul_seg {
	EMUL_ES, EMUL_CS, EMUL_SS, EMUL_DS, EMUL_FS, EMUL_GS,
	EMUL_SEGS,
	EMUL_TR = EMUL_SEGS,
	EMUL_LDTR,
};

/*
 * Segment attributes: bits 8..15 and 20..23 of a descriptor's high half, next
 * to each other.  The VMCB keeps them the same way.
 */
#define EMUL_ATTR_TYPE		0x000fu
#define EMUL_ATTR_ACCESSED	0x0001u
#define EMUL_ATTR_RW		0x0002u		/* data: writable; code: readable */
#define EMUL_ATTR_DC		0x0004u		/* data: expand down; code: conforming */
#define EMUL_ATTR_CODE		0x0008u
#define EMUL_ATTR_S		0x0010u		/* code or data, not a system one */
#define EMUL_ATTR_DPL_SHIFT	5
#define EMUL_ATTR_DPL		0x0060u
#define EMUL_ATTR_P		0x0080u
#define EMUL_ATTR_AVL		0x0100u
#define EMUL_ATTR_L		0x0200u
#define EMUL_ATTR_DB		0x0400u
#define EMUL_ATTR_G		0x0800u

/**
 * struct emul_segment - a segment register with its hidden part
 * @selector:	the visible part
 * @attr:	EMUL_ATTR_*; without EMUL_ATTR_P the segment is unusable
 * @limit:	offset of the last byte, in bytes, whatever EMUL_ATTR_G says
 * @base:	linear address; 64 bits for FS, GS, TR and LDTR
 */
struct emul_segment {
	u16 selector;
	u16 attr;
	u32 limit;
	u64 base;
};

enum emul_dtable_reg {
	EMUL_GDTR,
	EMUL_IDTR,
};

/**
 * struct emul_dtable - GDTR or IDTR
 * @base:	linear address
 * @limit:	offset of the last byte
 */
struct emul_dtable {
	u64 base;
	u16 limit;
};

/**
 * enum emul_soft - what kind of event EMUL_SOFT_INT stands for
 * @EMUL_SOFT_INTERRUPT:	INT n
 * @EMUL_SOFT_EXCEPTION:	INT3, INTO
 * @EMUL_SOFT_PRIVILEGED:	ICEBP (opcode F1), a #DB without DPL check
 */
enum emul_soft {
	EMUL_SOFT_INTERRUPT,
	EMUL_SOFT_EXCEPTION,
	EMUL_SOFT_PRIVILEGED,
};

/**
 * struct emul_exception - what EMUL_FAULT and EMUL_SOFT_INT are about
 * @vector:	0..31; any vector for EMUL_SOFT_INT
 * @has_error:	@error is pushed
 * @soft:	EMUL_SOFT_INT only
 * @error:	the error code
 * @address:	#PF only: the faulting linear address, for CR2
 */
struct emul_exception {
	u8 vector;
	bool has_error;
	enum emul_soft soft;
	u32 error;
	u64 address;
};

/* Exceptions that the emulator itself raises, or that ops may. */
#define EMUL_EXC_DE	0
#define EMUL_EXC_DB	1
#define EMUL_EXC_BP	3
#define EMUL_EXC_OF	4
#define EMUL_EXC_BR	5
#define EMUL_EXC_UD	6
#define EMUL_EXC_NM	7
#define EMUL_EXC_TS	10
#define EMUL_EXC_NP	11
#define EMUL_EXC_SS	12
#define EMUL_EXC_GP	13
#define EMUL_EXC_PF	14
#define EMUL_EXC_AC	17

/*
 * Flags of a memory access.
 *
 * EMUL_ACC_WRITE	The read is the first half of a read-modify-write: the page
 *			must be writable, else the #PF of a write.  Always set in
 *			calls of write() and compare_exchange().
 * EMUL_ACC_SYSTEM	An implicit access to a descriptor table or TSS: done as
 *			supervisor at any CPL, SMAP notwithstanding.  Memory only:
 *			elsewhere the instruction is unhandleable.
 * EMUL_ACC_HINT	The access goes to the page of @hint_gpa, and may be done at
 *			(hint_gpa & ~0xfff) | (gva & 0xfff) without a page walk.
 */
#define EMUL_ACC_WRITE	0x1u
#define EMUL_ACC_SYSTEM	0x2u
#define EMUL_ACC_HINT	0x4u

/* What ops->notice() is told. */
enum emul_notice {
	EMUL_NOTICE_HLT,	/* HLT was executed; the vCPU halts after it */
	EMUL_NOTICE_IRET,	/* IRET completed: NMIs are no longer blocked */
	EMUL_NOTICE_WBINVD,	/* WBINVD or INVD */
	EMUL_NOTICE_PAUSE,	/* PAUSE: the guest spins */
	EMUL_NOTICE_HYPERCALL,	/* VMCALL or VMMCALL: arguments in @gpr */
};

/**
 * struct emul_ops - everything outside the instruction set
 *
 * All are called in the context of emul_decode() or emul_execute(), and may
 * sleep if the owner calls those where it may.  Those that return enum
 * emul_result return EMUL_OK, EMUL_RETRY, EMUL_UNHANDLEABLE, or EMUL_FAULT after
 * emul_fault(), emul_fault_code() or emul_page_fault(); beyond those only what
 * is said here.  None is optional.
 */
struct emul_ops {
	/**
	 * @fetch: Read instruction bytes.  @gva is linear, @bytes is 1..15, the
	 * range is within one page.  A #PF has the instruction-fetch bit.
	 */
	enum emul_result (*fetch)(struct emul_ctxt *ctxt, gva_t gva, void *buf,
				  unsigned int bytes);

	/**
	 * @read: Read memory at linear address @gva, 1..8 bytes within one page.
	 * An access of 1, 2, 4 or 8 bytes that is aligned is done as one.
	 * @flags is EMUL_ACC_*.  The access is a user one if and only if @cpl is
	 * 3 and EMUL_ACC_SYSTEM is not set.
	 * Returns EMUL_IO_NEEDED as well.
	 */
	enum emul_result (*read)(struct emul_ctxt *ctxt, gva_t gva, void *buf,
				 unsigned int bytes, unsigned int flags);

	/**
	 * @write: Write memory; otherwise like @read.  Returns EMUL_POSTED as
	 * well, never EMUL_IO_NEEDED.  One instruction may post several writes
	 * (a 16-byte store: two to four); EMUL_UNHANDLEABLE if there is no room.
	 */
	enum emul_result (*write)(struct emul_ctxt *ctxt, gva_t gva, const void *buf,
				  unsigned int bytes, unsigned int flags);

	/**
	 * @compare_exchange: If the @bytes (1, 2, 4, 8 or 16) at @gva equal those at @old,
	 * store those at @new, atomically against every CPU; else copy what is
	 * there to @old and return EMUL_AGAIN.  The range is within one line of
	 * 64 bytes, but need not be aligned, except that of 16 bytes.
	 * Where the gpa is not memory, an atomic access does not exist: do it
	 * as a write of @new, which may be EMUL_POSTED.
	 */
	enum emul_result (*compare_exchange)(struct emul_ctxt *ctxt, gva_t gva,
					     void *old, const void *new,
					     unsigned int bytes);

	/**
	 * @probe: Check that a later access would not fault, without doing it.
	 * Arguments as for @read, but 1..4096 bytes.  Nothing is read.
	 */
	enum emul_result (*probe)(struct emul_ctxt *ctxt, gva_t gva,
				  unsigned int bytes, unsigned int flags);

	/**
	 * @pio_in: Read @count times @size (1, 2, 4) bytes from @port into
	 * @pio_buf.  The guest's permission has been checked.
	 * Returns EMUL_IO_NEEDED as well.
	 */
	enum emul_result (*pio_in)(struct emul_ctxt *ctxt, u16 port, unsigned int size,
				   unsigned int count);

	/**
	 * @pio_out: Write @count times @size bytes from @pio_buf to @port.
	 * Returns EMUL_POSTED as well; @pio_buf is then left alone until the
	 * owner has been to user space.
	 */
	enum emul_result (*pio_out)(struct emul_ctxt *ctxt, u16 port, unsigned int size,
				    unsigned int count);

	/** @get_segment: Read any of enum emul_seg. */
	void (*get_segment)(struct emul_ctxt *ctxt, enum emul_seg seg,
			    struct emul_segment *segment);

	/**
	 * @set_segment: Load any of enum emul_seg, checks done.  SS comes with
	 * DPL = the new CPL; a null segment with all else zero, or, for SS in
	 * 64-bit mode, only the DPL.
	 */
	void (*set_segment)(struct emul_ctxt *ctxt, enum emul_seg seg,
			    const struct emul_segment *segment);

	/** @get_dtable: Read GDTR or IDTR. */
	void (*get_dtable)(struct emul_ctxt *ctxt, enum emul_dtable_reg reg,
			   struct emul_dtable *dtable);

	/** @set_dtable: Load GDTR or IDTR; the base is canonical. */
	void (*set_dtable)(struct emul_ctxt *ctxt, enum emul_dtable_reg reg,
			   const struct emul_dtable *dtable);

	/** @get_cr: Read CR0, CR2, CR3, CR4 or CR8. */
	u64 (*get_cr)(struct emul_ctxt *ctxt, unsigned int nr);

	/**
	 * @set_cr: Load CR0, CR2, CR3, CR4 or CR8 as MOV does; CPL 0 has been
	 * checked, the value has not: #GP(0) for an invalid one.
	 */
	enum emul_result (*set_cr)(struct emul_ctxt *ctxt, unsigned int nr, u64 value);

	/**
	 * @get_dr: Read DR0..DR7.  CPL 0, CR4.DE with DR4 and DR5 have been
	 * checked and DR4, DR5 renumbered; DR7.GD has not: #DB.
	 */
	enum emul_result (*get_dr)(struct emul_ctxt *ctxt, unsigned int nr, u64 *value);

	/** @set_dr: Load DR0..DR7; checks like @get_dr, and the value's: #GP(0). */
	enum emul_result (*set_dr)(struct emul_ctxt *ctxt, unsigned int nr, u64 value);

	/**
	 * @get_msr: Read an MSR: for RDMSR (CPL 0 has been checked), and for
	 * the TSC, TSC_AUX, EFER, STAR and SYSENTER ones of other instructions.
	 * #GP(0) if it does not exist.  May return EMUL_IO_NEEDED.
	 */
	enum emul_result (*get_msr)(struct emul_ctxt *ctxt, u32 index, u64 *value);

	/** @set_msr: Write an MSR.  May return EMUL_IO_NEEDED, then is repeated. */
	enum emul_result (*set_msr)(struct emul_ctxt *ctxt, u32 index, u64 value);

	/** @rdpmc: Read a performance counter; CR4.PCE and CPL have been checked. */
	enum emul_result (*rdpmc)(struct emul_ctxt *ctxt, u32 index, u64 *value);

	/** @xsetbv: Load XCR @index; CPL 0 and CR4.OSXSAVE have been checked. */
	enum emul_result (*xsetbv)(struct emul_ctxt *ctxt, u32 index, u64 value);

	/** @cpuid: @regs is EAX, EBX, ECX, EDX; in: leaf and subleaf; out: answer. */
	void (*cpuid)(struct emul_ctxt *ctxt, u32 regs[4]);

	/** @invlpg: Forget translations of linear address @gva. */
	void (*invlpg)(struct emul_ctxt *ctxt, gva_t gva);

	/**
	 * @notice: Something happened that is outside the instruction set.  Called
	 * when the instruction has otherwise completed; @gpr may be changed by
	 * EMUL_NOTICE_HYPERCALL.  May return EMUL_POSTED.
	 */
	enum emul_result (*notice)(struct emul_ctxt *ctxt, enum emul_notice notice);

	/** @read_xmm: Copy XMM register @nr, 0..15, to 16 bytes at @buf. */
	void (*read_xmm)(struct emul_ctxt *ctxt, unsigned int nr, void *buf);

	/**
	 * @write_xmm: Set XMM register @nr, 0..15, from 16 bytes at @buf; the
	 * upper part of a wider register is kept.
	 */
	void (*write_xmm)(struct emul_ctxt *ctxt, unsigned int nr, const void *buf);
};

/* How processors differ in what the manuals leave to them. */
#define EMUL_CPU_AMD	0x1u	/* AMD64's reading where it differs from Intel's */
#define EMUL_CPU_TZCNT	0x2u	/* BMI1: F3 0F BC is TZCNT, not BSF */
#define EMUL_CPU_LZCNT	0x4u	/* ABM: F3 0F BD is LZCNT, not BSR */
#define EMUL_CPU_LOCK_CR8 0x8u	/* AltMovCr8: LOCK MOV CR0 is MOV CR8 */

/* What the instruction did to the interruptibility of the next one. */
#define EMUL_SHADOW_STI		0x1u
#define EMUL_SHADOW_MOV_SS	0x2u

/**
 * struct emul_ctxt - one instruction in the works
 *
 * Embed one per vCPU, zeroed, with emul_init() once.  It is used by one thread
 * at a time.
 */
struct emul_ctxt {
	/* private: set by emul_init() */
	const struct emul_ops *ops;

	/* public: the owner sets these once; @pio_buf may be a page user space sees */
	void *pio_buf;			/* data of pio_in() and pio_out() */
	u32 pio_buf_bytes;		/* its size, at least 16 */
	u8 cpu;				/* EMUL_CPU_* */

	/*
	 * State: the owner sets all of it before emul_decode(), and commits
	 * rip, rflags and cpl after emul_execute() or emul_skip().
	 */
	enum emul_mode mode;
	u8 cpl;				/* 3 in vm86 mode, 0 in real mode */
	u8 va_bits;			/* 48, or 57 with CR4.LA57 */
	u64 *gpr;			/* EMUL_GPRS of them, changed in place */
	u64 rip;
	u64 rflags;

	/*
	 * Fetched: instruction bytes that hardware handed over, at @rip.
	 * 0 bytes: emul_decode() fetches.  More are fetched if these do not do.
	 */
	u8 fetched_bytes;
	u8 fetched[EMUL_INSN_BYTES_MAX];

	/*
	 * Hint: hardware reported a data access (not one to a page table, not
	 * a fetch) at @hint_gpa; 0 or 1 in @has_hint.  The emulator uses
	 * it, by EMUL_ACC_HINT, if the instruction has one memory operand only
	 * and it matches.
	 */
	bool has_hint;
	gpa_t hint_gpa;

	/* Results, beyond rip, rflags, cpl and *gpr. */
	struct emul_exception exception;	/* EMUL_FAULT, EMUL_SOFT_INT */
	u8 shadow;				/* EMUL_SHADOW_*, valid with EMUL_OK */
	bool posted;				/* an op returned EMUL_POSTED */
	struct emul_insn insn;			/* valid after emul_decode() */

	/* private: of no meaning outside src/emul/ */
	struct emul_operand dst, src, src2;
	u64 next_rip;
	u64 first_rflags;			/* before a REP's first iteration */
	u64 start_rflags;
	bool hint_bound;
	gva_t hint_page;
	u16 gpr_changed;			/* which of @gpr are in @gpr_saved */
	u64 gpr_saved[EMUL_GPRS];
	u8 segments_read;			/* which of @segments are filled */
	struct emul_segment segments[EMUL_SEGS];
	u8 reads_logged, reads_replayed;
	u64 read_log[EMUL_READ_LOG_MAX];
};

/**
 * emul_init() - prepare a zeroed context, once
 * @ctxt:	the context
 * @ops:	how to reach what is outside
 *
 * The owner sets @pio_buf, @pio_buf_bytes and @cpu itself.
 */
void emul_init(struct emul_ctxt *ctxt, const struct emul_ops *ops);

/**
 * emul_decode() - read the instruction at @rip
 * @ctxt:	with "state", "fetched" and "hint" set
 *
 * Afterwards ctxt->insn describes it and ctxt->fetched holds its bytes.
 *
 * Return: EMUL_OK; EMUL_FAULT for a page fault or segment limit while fetching,
 * #GP for more than 15 bytes, #UD for an encoding that is none;
 * EMUL_UNHANDLEABLE for an instruction that is not in the tables, in which case
 * insn.length is its length, or 0 if that is not known either; what ops->fetch()
 * returned.
 */
enum emul_result emul_decode(struct emul_ctxt *ctxt);

/**
 * emul_execute() - do the decoded instruction
 * @ctxt:	after emul_decode() returned EMUL_OK, or after emul_execute()
 *		returned EMUL_IO_NEEDED
 *
 * Does neither the single-step trap (if RFLAGS.TF was set before the
 * instruction, and the result is EMUL_OK, a #DB with DR6.BS is due), nor
 * breakpoints.
 *
 * Return: any of enum emul_result but EMUL_POSTED.
 */
enum emul_result emul_execute(struct emul_ctxt *ctxt);

/**
 * emul_skip() - step over the decoded instruction without doing it
 * @ctxt:	after emul_decode() returned EMUL_OK, or EMUL_UNHANDLEABLE with a
 *		length
 *
 * For exits of CPUs that do not report the next instruction's address.  Sets
 * @rip (wrapped as the mode asks), clears RFLAGS.RF and @shadow.
 */
void emul_skip(struct emul_ctxt *ctxt);

/**
 * emul_insn_name() - the mnemonic of the decoded instruction
 * @ctxt:	after emul_decode()
 *
 * Return: a constant string, "?" if it is not known.
 */
const char *emul_insn_name(const struct emul_ctxt *ctxt);

/**
 * emul_insn_length() - the decoded instruction's length
 * @ctxt:	after emul_decode()
 *
 * Return: 1..15 bytes; 0 if it is not known.
 */
static inline unsigned int emul_insn_length(const struct emul_ctxt *ctxt)
{
	return ctxt->insn.length;
}

/**
 * emul_mode_of() - the mode that register values stand for
 * @cr0:	CR0
 * @rflags:	RFLAGS
 * @lma:	EFER.LMA
 * @cs_attr:	attributes of CS, EMUL_ATTR_*
 *
 * Return: the mode.
 */
static inline enum emul_mode emul_mode_of(u64 cr0, u64 rflags, bool lma, u16 cs_attr)
{
	if (!(cr0 & 1))
		return EMUL_MODE_REAL;
	if (rflags & (1u << 17))
		return EMUL_MODE_VM86;
	if (lma && (cs_attr & EMUL_ATTR_L))
		return EMUL_MODE_LONG64;
	return cs_attr & EMUL_ATTR_DB ? EMUL_MODE_PROT32 : EMUL_MODE_PROT16;
}

/**
 * emul_fault() - raise an exception that has no error code
 * @ctxt:	the context
 * @vector:	the exception
 *
 * Return: EMUL_FAULT, for the op or handler to return.
 */
static inline enum emul_result emul_fault(struct emul_ctxt *ctxt, u8 vector)
{
	ctxt->exception.vector = vector;
	ctxt->exception.has_error = false;
	ctxt->exception.error = 0;
	return EMUL_FAULT;
}

/**
 * emul_fault_code() - raise an exception that has an error code
 * @ctxt:	the context
 * @vector:	the exception
 * @error:	its error code
 *
 * Return: EMUL_FAULT.
 */
static inline enum emul_result emul_fault_code(struct emul_ctxt *ctxt, u8 vector, u32 error)
{
	ctxt->exception.vector = vector;
	ctxt->exception.has_error = true;
	ctxt->exception.error = error;
	return EMUL_FAULT;
}

/**
 * emul_page_fault() - raise #PF
 * @ctxt:	the context
 * @error:	its error code
 * @gva:	the faulting linear address
 *
 * Return: EMUL_FAULT.
 */
static inline enum emul_result emul_page_fault(struct emul_ctxt *ctxt, u32 error, gva_t gva)
{
	ctxt->exception.address = gva;
	return emul_fault_code(ctxt, EMUL_EXC_PF, error);
}

#endif
