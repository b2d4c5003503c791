/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtualization on and off, on every CPU that comes and goes.
 */
#ifndef QUIRE_HOST_VIRT_H
#define QUIRE_HOST_VIRT_H

#include <linux/percpu.h>
#include <linux/types.h>

/**
 * struct host_virt_ops - how to switch the feature, on the CPU that runs this
 * @alloc:	per-CPU memory for @cpu; may sleep; 0 or -ENOMEM
 * @free:	undoes @alloc; may sleep
 * @enable:	IRQs off; 0 or -EBUSY
 * @disable:	IRQs off, also from NMI context in a crash; harmless where the
 *		feature is off
 */
struct host_virt_ops {
	int (*alloc)(unsigned int cpu);
	void (*free)(unsigned int cpu);
	int (*enable)(void);
	void (*disable)(void);
};

/*
 * Set when the machine reboots or crashes and the feature may vanish under a
 * running guest: faults of virtualization instructions are expected then.
 */
extern bool host_virt_rebooting;

/* Is it enabled on this CPU?  Changes only on the CPU itself. */
DECLARE_PER_CPU(bool, host_virt_on);

/** host_virt_is_on() - may a guest be entered here?  IRQs off. */
static inline bool host_virt_is_on(void)
{
	return this_cpu_read(host_virt_on);
}

/**
 * host_virt_start() - enable on all CPUs, present and future
 * Survives CPU hotplug and suspend; disables before reboot, kexec and in a
 * crash.  May sleep.  Return: 0 or -errno, with nothing enabled.
 */
int host_virt_start(const struct host_virt_ops *ops);

/** host_virt_stop() - disable everywhere.  May sleep. */
void host_virt_stop(void);

/** host_virt_kvm_loaded() - is the kernel's own KVM in memory? */
bool host_virt_kvm_loaded(void);

#endif
