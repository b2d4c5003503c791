/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Test Anything Protocol, as little of it as is needed.
 */
#ifndef QUIRE_TESTS_EMUL_TAP_H
#define QUIRE_TESTS_EMUL_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static unsigned int tap_points, tap_failed;

/* One test point: @ok, and what it was about. */
__attribute__((format(printf, 2, 3), unused))
static void tap_result(bool ok, const char *format, ...)
{
	va_list args;

	tap_points++;
	tap_failed += !ok;
	printf("%sok %u - ", ok ? "" : "not ", tap_points);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
}

/* A test point that cannot be tried here, and why. */
__attribute__((unused))
static void tap_skip(const char *what, const char *why)
{
	printf("ok %u - %s # SKIP %s\n", ++tap_points, what, why);
}

/* The plan, at the end.  Return: the exit status. */
__attribute__((unused))
static int tap_done(void)
{
	printf("1..%u\n", tap_points);
	return tap_failed != 0;
}

#endif
