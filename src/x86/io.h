/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Port and memory accesses that leave for user space, and the other ways to
 * fill struct kvm_run at an exit.
 */
#ifndef QUIRE_X86_IO_H
#define QUIRE_X86_IO_H

#include "../types.h"

struct vcpu;

/* A page of port data follows the struct kvm_run in a vCPU's mapping. */
#define IO_PIO_PAGE_OFFSET	1

/* One emulated instruction touches at most this many pieces of MMIO. */
#define IO_MAX_FRAGMENTS	8

/**
 * struct io_fragment - at most 8 bytes of MMIO, as one exit carries them
 * @gpa:	where;  @data: the bytes;  @len: how many
 */
struct io_fragment {
	gpa_t gpa;
	u8 data[8];
	u8 len;
};

/**
 * struct vcpu_io - accesses on their way to user space
 * @mmio:	writes posted by the emulated instruction, or the read it waits for
 * @nr_mmio:	how many; @next_mmio: first that user space has not seen
 * @mmio_is_write: direction of @mmio
 * @mmio_read_done: the read at @mmio[0] was completed by user space: the
 *		emulator, run again, takes it from there
 * @pio:	the port access of the instruction, count 0 if none
 */
struct vcpu_io {
	struct io_fragment mmio[IO_MAX_FRAGMENTS];
	u8 nr_mmio, next_mmio;
	bool mmio_is_write;
	bool mmio_read_done;
	struct {
		u16 port;
		u8 size;
		bool in;
		bool done;
		u32 count;
	} pio;
};

/**
 * io_fast_port() - IN or OUT with a register operand, without the emulator
 * The instruction at RIP is skipped.  Return: as exit handlers do.
 */
int io_fast_port(struct vcpu *vcpu, u16 port, u8 size, bool in);

/* Fill vcpu->run for an exit; each returns EXIT_USER. */
int io_exit_internal_error(struct vcpu *vcpu, u32 suberror, const u64 *data,
			   unsigned int nr);
int io_exit_fail_entry(struct vcpu *vcpu, u64 hardware_reason);
int io_exit_memory_fault(struct vcpu *vcpu, gpa_t gpa, u64 size, u64 flags);

#endif
