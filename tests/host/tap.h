/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Test programs that print TAP.  A test is a function; a failed CHECK() says where
 * and ends it.  In the kernel the same tests are a suite of KUnit.
 */
#ifndef TESTS_HOST_TAP_H
#define TESTS_HOST_TAP_H

#ifdef __KERNEL__
#include "../kunit/tap.h"
#else

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct tap_test {
	const char *name;
	void (*run)(void);
};

static bool tap_failed;

#define CHECK(cond)							\
	do {								\
		if (!(cond)) {						\
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond); \
			tap_failed = true;				\
			return;						\
		}							\
	} while (0)

#define CHECK_EQ(a, b)							\
	do {								\
		long long a_ = (long long)(a), b_ = (long long)(b);	\
									\
		if (a_ != b_) {						\
			printf("# %s:%d: %s is %#llx, not %#llx\n", __FILE__, __LINE__, \
			       #a, a_, b_);				\
			tap_failed = true;				\
			return;						\
		}							\
	} while (0)

static inline int tap_run(const char *suite, const struct tap_test *tests, int n)
{
	int i, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..%d\n", n);
	for (i = 0; i < n; i++) {
		tap_failed = false;
		tests[i].run();
		printf("%sok %d - %s: %s\n", tap_failed ? "not " : "", i + 1, suite,
		       tests[i].name);
		failed += tap_failed;
	}
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define TAP_MAIN(suite, tests)						\
	int main(void)							\
	{								\
		return tap_run(suite, tests, sizeof(tests) / sizeof((tests)[0])); \
	}

#endif /* !__KERNEL__ */
#endif
