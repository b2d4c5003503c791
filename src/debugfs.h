/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What can be seen of VMs in debugfs: /sys/kernel/debug/quire/PID-N.
 */
#ifndef QUIRE_DEBUGFS_H
#define QUIRE_DEBUGFS_H

struct vm;

/*
 * debugfs_module_init() - the folder of the module; debugfs_module_exit() with no
 * VM left.  May sleep.  That nothing can be seen is no error.
 */
void debugfs_module_init(void);
void debugfs_module_exit(void);

/*
 * debugfs_vm_create() - the folder of a VM that is complete; debugfs_vm_destroy()
 * before anything of it goes: no reader is left when it returns.  May sleep.
 */
void debugfs_vm_create(struct vm *vm);
void debugfs_vm_destroy(struct vm *vm);

#endif
