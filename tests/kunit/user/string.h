/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_KUNIT_USER_STRING_H
#define TESTS_KUNIT_USER_STRING_H

#include <linux/string.h>

#endif
