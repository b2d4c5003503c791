/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_KUNIT_USER_STDIO_H
#define TESTS_KUNIT_USER_STDIO_H

#include <linux/printk.h>

#define printf(...)	printk(KERN_INFO __VA_ARGS__)

#endif
