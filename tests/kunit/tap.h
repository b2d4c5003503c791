/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tests/host/tap.h for the kernel: a file of tests of the host ring becomes a suite
 * of KUnit with a parameterised case, each test one parameter.
 */
#ifndef TESTS_KUNIT_TAP_H
#define TESTS_KUNIT_TAP_H

#include <kunit/test-bug.h>
#include <kunit/test.h>

#include "user/stdio.h"
#include "user/stdlib.h"

struct tap_test {
	const char *name;
	void (*run)(void);
};

static bool tap_failed;

#define CHECK(cond)							\
	do {								\
		if (!(cond)) {						\
			KUNIT_FAIL(kunit_get_current_test(), "%s", #cond); \
			tap_failed = true;				\
			return;						\
		}							\
	} while (0)

#define CHECK_EQ(a, b)							\
	do {								\
		long long a_ = (long long)(a), b_ = (long long)(b);	\
									\
		if (a_ != b_) {						\
			KUNIT_FAIL(kunit_get_current_test(), "%s is %#llx, not %#llx", \
				   #a, a_, b_);				\
			tap_failed = true;				\
			return;						\
		}							\
	} while (0)

#define TAP_MAIN(suite_name, tests)					\
	static const void *tap_next(const void *last, char *desc)	\
	{								\
		const struct tap_test *next = last;			\
									\
		next = next ? next + 1 : tests;				\
		if (next == tests + ARRAY_SIZE(tests))			\
			return NULL;					\
		strscpy(desc, next->name, KUNIT_PARAM_DESC_SIZE);	\
		return next;						\
	}								\
									\
	static void tap_run(struct kunit *test)				\
	{								\
		const struct tap_test *which = test->param_value;	\
									\
		tap_failed = false;					\
		which->run();						\
	}								\
									\
	static struct kunit_case tap_cases[] = {			\
		KUNIT_CASE_PARAM(tap_run, tap_next),			\
		{}							\
	};								\
									\
	static struct kunit_suite tap_suite = {				\
		.name = suite_name,					\
		.test_cases = tap_cases,				\
	};								\
									\
	kunit_test_suite(tap_suite);

#endif
