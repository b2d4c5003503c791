// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page that a vCPU shares with user space is written here and read here
 * after user space has answered.  User space may change it at any time: a value
 * is read once, and lengths are never taken from it.
 */
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/string.h>

#include <linux/quire.h>

#include "../vendor/vendor.h"
#include "io.h"
#include "machine.h"
#include "regs.h"

void *io_port_data(struct vcpu *vcpu)
{
	return (void *)vcpu->run + IO_PIO_PAGE_OFFSET * PAGE_SIZE;
}

int io_exit_port(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = vcpu->io.port_in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = vcpu->io.port_size;
	run->io.port = vcpu->io.port;
	run->io.count = vcpu->io.port_count;
	run->io.data_offset = IO_PIO_PAGE_OFFSET * PAGE_SIZE;
	return EXIT_USER;
}

static int io_complete_in(struct vcpu *vcpu)
{
	u64 value = vcpu->regs[VCPU_RAX];

	/* User space may have reset the vCPU instead of answering. */
	if (vcpu_rip(vcpu) != vcpu->io.port_rip)
		return EXIT_RESUME;

	/* Like any 32 bit result, that of a 32 bit IN clears the upper half. */
	if (vcpu->io.port_size == 4)
		value = 0;
	memcpy(&value, io_port_data(vcpu), vcpu->io.port_size);
	vcpu->regs[VCPU_RAX] = value;
	return EXIT_RESUME;
}

static int io_complete_step(struct vcpu *vcpu)
{
	int (*complete)(struct vcpu *vcpu) = vcpu->io.port_in ? io_complete_in : NULL;

	if (complete)
		complete(vcpu);
	return regs_instruction_done(vcpu, vcpu->io.rflags);
}

/* IN or OUT of RAX, if a device in the kernel takes it. */
static bool io_port_taken(struct vcpu *vcpu, u16 port, u8 size, bool in)
{
	struct io_bus *ports = &vcpu->vm->io.ports;
	u64 value = size == 4 ? 0 : vcpu->regs[VCPU_RAX];

	if (!in)
		return io_bus_write(ports, vcpu, port, size, &vcpu->regs[VCPU_RAX]);
	if (!io_bus_read(ports, vcpu, port, size, &value))
		return false;
	vcpu->regs[VCPU_RAX] = value;
	return true;
}

unsigned int io_offer_ports(struct vcpu *vcpu, const struct vcpu_io *io)
{
	struct io_bus *ports = &vcpu->vm->io.ports;
	void *data = io_port_data(vcpu);
	unsigned int done;
	u32 value = 0;

	if (!io_bus_in_use(ports))
		return 0;
	for (done = 0; done < io->port_count; done++, data += io->port_size) {
		if (io->port_in) {
			if (!io_bus_read(ports, vcpu, io->port, io->port_size, &value))
				break;
			memcpy(data, &value, io->port_size);
		} else {
			/* User space can write there: devices get a copy. */
			memcpy(&value, data, io->port_size);
			if (!io_bus_write(ports, vcpu, io->port, io->port_size, &value))
				break;
		}
	}
	return done;
}

int io_fast_port(struct vcpu *vcpu, u16 port, u8 size, bool in)
{
	u64 rflags = vcpu->rflags;

	if (!vendor->skip_instruction(vcpu))
		return EXIT_RESUME;
	if (io_bus_in_use(&vcpu->vm->io.ports) && io_port_taken(vcpu, port, size, in))
		return regs_instruction_done(vcpu, rflags);

	vcpu->io.port = port;
	vcpu->io.port_size = size;
	vcpu->io.port_count = 1;
	vcpu->io.port_in = in;
	if (in) {
		vcpu->io.port_rip = vcpu_rip(vcpu);
		vcpu->complete_user_io = io_complete_in;
	} else {
		memcpy(io_port_data(vcpu), &vcpu->regs[VCPU_RAX], size);
	}
	/* A trap after the instruction comes after the access. */
	if (unlikely(regs_single_stepping(vcpu, rflags))) {
		vcpu->io.rflags = rflags;
		vcpu->complete_user_io = io_complete_step;
	}
	return io_exit_port(vcpu);
}

bool io_post_mmio(struct vcpu *vcpu, gpa_t gpa, const void *data, unsigned int len)
{
	struct vcpu_io *io = &vcpu->io;
	struct io_fragment *fragment = &io->mmio[io->nr_mmio];

	if (io->nr_mmio == IO_MAX_FRAGMENTS)
		return false;
	fragment->gpa = gpa;
	fragment->len = len;
	memcpy(fragment->data, data, len);
	io->nr_mmio++;
	return true;
}

void io_wait_mmio(struct vcpu *vcpu, gpa_t gpa, unsigned int len)
{
	struct vcpu_io *io = &vcpu->io;

	io->mmio[0].gpa = gpa;
	io->mmio[0].len = len;
	io->nr_mmio = 1;
	io->next_mmio = 0;
}

int io_exit_mmio(struct vcpu *vcpu)
{
	const struct io_fragment *fragment = &vcpu->io.mmio[vcpu->io.next_mmio];
	bool write = vcpu->emul->posted;
	struct kvm_run *run = vcpu->run;

	vcpu_count(vcpu, VCPU_STAT_MMIO);
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = fragment->gpa;
	run->mmio.len = fragment->len;
	run->mmio.is_write = write;
	if (write)
		memcpy(run->mmio.data, fragment->data, fragment->len);
	return EXIT_USER;
}

void io_take_mmio(struct vcpu *vcpu)
{
	struct io_fragment *fragment = &vcpu->io.mmio[vcpu->io.next_mmio];

	memcpy(fragment->data, vcpu->run->mmio.data, fragment->len);
	vcpu->io.nr_mmio = 0;
	vcpu->io.read_done = true;
}

int io_exit_internal_error(struct vcpu *vcpu, u32 suberror, const u64 *data,
			   unsigned int nr)
{
	struct kvm_run *run = vcpu->run;

	nr = min_t(unsigned int, nr, ARRAY_SIZE(run->internal.data));
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = suberror;
	run->internal.ndata = nr;
	memcpy(run->internal.data, data, nr * sizeof(*data));
	return EXIT_USER;
}

int io_exit_fail_entry(struct vcpu *vcpu, u64 hardware_reason)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	run->fail_entry.hardware_entry_failure_reason = hardware_reason;
	run->fail_entry.cpu = vcpu->cpu;
	return EXIT_USER;
}

int io_exit_memory_fault(struct vcpu *vcpu, gpa_t gpa, u64 size, u64 flags)
{
	struct kvm_run *run = vcpu->run;
	struct quire_exit_memory_fault *fault = (void *)&run->mmio;

	BUILD_BUG_ON(offsetof(struct kvm_run, mmio) != offsetof(struct kvm_run, internal));
	run->exit_reason = KVM_EXIT_MEMORY_FAULT;
	fault->flags = flags;
	fault->gpa = gpa;
	fault->size = size;
	return EXIT_USER;
}
