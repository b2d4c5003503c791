/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device nodes.
 */
#ifndef QUIRE_DEV_H
#define QUIRE_DEV_H

#include <linux/types.h>

/**
 * dev_register() - make /dev/quire, and /dev/kvm if wanted and free
 * May sleep.  Return: 0 or -errno, with no node left.
 */
int dev_register(bool kvm_node);

/** dev_unregister() - take the nodes away.  May sleep. */
void dev_unregister(void);

#endif
