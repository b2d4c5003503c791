// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtualization is on from load to unload, on each CPU that is online.
 *
 * Who turns it off: the CPU hotplug callback when a CPU leaves; the syscore
 * callback on the last CPU of a suspend (the others left by hotplug); the reboot
 * notifier; and, in a crash, the kernel's emergency callback, which has room for
 * one user.  Where the kernel's own KVM is loaded the room is taken, and its
 * callback looks at the same registers, so it serves for both.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/smp.h>

#include "compat/emergency.h"
#include "compat/syscore.h"
#include "virt.h"

bool host_virt_rebooting;
DEFINE_PER_CPU(bool, host_virt_on);

static const struct host_virt_ops *virt_ops;
static enum cpuhp_state cpuhp_online;
static bool emergency_registered;

/* IRQs off. */
static int virt_enable(void)
{
	int ret = virt_ops->enable();

	if (!ret)
		this_cpu_write(host_virt_on, true);
	return ret;
}

/* IRQs off, or in a crash in whatever context that comes. */
static void virt_disable(void)
{
	this_cpu_write(host_virt_on, false);
	virt_ops->disable();
}

static int virt_cpu_online(unsigned int cpu)
{
	int ret;

	ret = virt_ops->alloc(cpu);
	if (ret)
		return ret;

	local_irq_disable();
	ret = virt_enable();
	local_irq_enable();
	if (ret) {
		virt_ops->free(cpu);
		pr_err("CPU %u refuses virtualization (%d)\n", cpu, ret);
	}
	return ret;
}

static int virt_cpu_offline(unsigned int cpu)
{
	local_irq_disable();
	virt_disable();
	local_irq_enable();
	virt_ops->free(cpu);
	return 0;
}

static int virt_suspend(void)
{
	virt_disable();
	return 0;
}

static void virt_resume(void)
{
	/* What was possible before the suspend is possible after it. */
	WARN_ON_ONCE(virt_enable());
}

COMPAT_SYSCORE(virt_syscore, virt_suspend, virt_resume);

static void virt_emergency(void)
{
	host_virt_rebooting = true;
	virt_disable();
}

static void virt_disable_ipi(void *unused)
{
	virt_disable();
}

static int virt_reboot(struct notifier_block *nb, unsigned long action, void *data)
{
	host_virt_rebooting = true;
	on_each_cpu(virt_disable_ipi, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block virt_reboot_notifier = {
	.notifier_call = virt_reboot,
};

bool host_virt_kvm_loaded(void)
{
	void *symbol = __symbol_get("kvm_init");

	if (symbol)
		__symbol_put("kvm_init");
	return symbol != NULL;
}

int host_virt_start(const struct host_virt_ops *ops)
{
	int ret;

	virt_ops = ops;
	ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "virt/quire:online",
				virt_cpu_online, virt_cpu_offline);
	if (ret < 0)
		return ret;
	cpuhp_online = ret;

	ret = register_reboot_notifier(&virt_reboot_notifier);
	if (ret) {
		cpuhp_remove_state(cpuhp_online);
		return ret;
	}
	compat_syscore_register(&virt_syscore);

	emergency_registered = !host_virt_kvm_loaded();
	if (emergency_registered)
		compat_emergency_register(virt_emergency);
	return 0;
}

void host_virt_stop(void)
{
	if (emergency_registered)
		compat_emergency_unregister(virt_emergency);
	compat_syscore_unregister(&virt_syscore);
	unregister_reboot_notifier(&virt_reboot_notifier);
	cpuhp_remove_state(cpuhp_online);
}
