/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Port and memory accesses that leave for user space, and the other ways to
 * fill struct kvm_run at an exit.
 */
#ifndef QUIRE_X86_IO_H
#define QUIRE_X86_IO_H

#include "../types.h"

struct vcpu;

/* A page of port data follows the page of struct kvm_run in a vCPU's mapping. */
#define IO_PIO_PAGE_OFFSET	1

/* One emulated instruction touches at most this many pieces of MMIO. */
#define IO_MAX_FRAGMENTS	8

/**
 * struct io_fragment - at most 8 bytes of MMIO, as one exit carries them
 * @gpa:	where
 * @data:	the bytes
 * @len:	how many, 1 to 8
 */
struct io_fragment {
	gpa_t gpa;
	u8 data[8];
	u8 len;
};

/**
 * struct vcpu_io - accesses on their way to user space
 * @mmio:	writes that the emulated instruction posted, or, alone, the read
 *		that it waits for
 * @nr_mmio:	how many of @mmio
 * @next_mmio:	the first that user space has not seen
 * @read_done:	@mmio[0] is a read that user space completed; the emulator, run
 *		again, takes it from there
 * @port:	port of a port access
 * @port_size:	its size, 1, 2 or 4 bytes
 * @port_count:	how many; 0 if there is none
 * @port_in:	it is a read
 * @port_done:	it is a read that user space completed
 * @port_rip:	RIP behind an IN that is not emulated
 * @hint_write:	the access that the exit reported was a write
 * @halt:	the emulated instruction was HLT
 * @rflags:	RFLAGS before the emulated instruction
 *
 * Owner: the holder of vcpu->mutex.
 */
struct vcpu_io {
	struct io_fragment mmio[IO_MAX_FRAGMENTS];
	u8 nr_mmio, next_mmio;
	bool read_done;
	bool port_in, port_done;
	bool hint_write;
	bool halt;
	u8 port_size;
	u16 port;
	u32 port_count;
	u64 port_rip;
	u64 rflags;
};

/**
 * io_fast_port() - IN or OUT with a register operand, without the emulator
 * The instruction at RIP is skipped before user space sees the exit.
 * Holder of vcpu->mutex.  Return: as exit handlers do.
 */
int io_fast_port(struct vcpu *vcpu, u16 port, u8 size, bool in);

/**
 * io_offer_ports() - offer a string of port accesses to the kernel's devices
 * @io: port, port_size, port_count and port_in; the data are in io_port_data()
 * Holder of vcpu->mutex.  Does not sleep.
 * Return: how many of them, from the first on, were taken.
 */
unsigned int io_offer_ports(struct vcpu *vcpu, const struct vcpu_io *io);

/** io_post_mmio() - note a write for user space.  False: no room is left. */
bool io_post_mmio(struct vcpu *vcpu, gpa_t gpa, const void *data, unsigned int len);

/** io_wait_mmio() - note the read that the instruction waits for */
void io_wait_mmio(struct vcpu *vcpu, gpa_t gpa, unsigned int len);

/** io_exit_mmio() - fill vcpu->run with the next fragment; EXIT_USER */
int io_exit_mmio(struct vcpu *vcpu);

/** io_take_mmio() - user space answered the fragment that it was given */
void io_take_mmio(struct vcpu *vcpu);

/** io_exit_port() - fill vcpu->run with the port access; EXIT_USER */
int io_exit_port(struct vcpu *vcpu);

/** io_port_data() - the page of port data that user space sees */
void *io_port_data(struct vcpu *vcpu);

/* Fill vcpu->run for an exit; each returns EXIT_USER. */

/** io_exit_internal_error() - KVM_INTERNAL_ERROR_* with up to 16 words of data */
int io_exit_internal_error(struct vcpu *vcpu, u32 suberror, const u64 *data,
			   unsigned int nr);
/** io_exit_fail_entry() - the processor refused the entry, and why */
int io_exit_fail_entry(struct vcpu *vcpu, u64 hardware_reason);
/** io_exit_memory_fault() - user space must act upon [@gpa, @gpa + @size) */
int io_exit_memory_fault(struct vcpu *vcpu, gpa_t gpa, u64 size, u64 flags);

#endif
