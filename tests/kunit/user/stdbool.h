/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_KUNIT_USER_STDBOOL_H
#define TESTS_KUNIT_USER_STDBOOL_H

#include <linux/types.h>

#endif
