/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of the host ring use of the C library, in the kernel.
 */
#ifndef TESTS_KUNIT_USER_STDLIB_H
#define TESTS_KUNIT_USER_STDLIB_H

#include <linux/bug.h>
#include <linux/kernel.h>
#include <linux/types.h>

#define abort()		BUG()
#define malloc(size)	user_malloc(size)
#define strtoul		simple_strtoul

/**
 * user_malloc() - zeroed memory until the module goes, as that of a test program lasts
 * until the program ends
 * May sleep.  Return: it, or NULL.
 */
void *user_malloc(size_t size);

#endif
