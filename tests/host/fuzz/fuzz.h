/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the fuzz targets share.
 *
 * A target is LLVMFuzzerTestOneInput(): it makes a world from the input's bytes, lets
 * the module's code work in it, and ends the program when a promise is broken.  An
 * input that is too short reads as zeroes, so that every one is good for something.
 */
#ifndef TESTS_HOST_FUZZ_FUZZ_H
#define TESTS_HOST_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An input that is being used up. */
struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

/* The target; 0 is its only return. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Called once before the first input, by libFuzzer and by replay.c. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

static inline bool fuzz_more(const struct fuzz_input *in)
{
	return in->left > 0;
}

/* Leave out the next @bytes. */
static inline void fuzz_skip(struct fuzz_input *in, size_t bytes)
{
	size_t n = bytes < in->left ? bytes : in->left;

	in->at += n;
	in->left -= n;
}

/* The next @bytes, at most 8, as a little-endian number. */
static inline uint64_t fuzz_take(struct fuzz_input *in, size_t bytes)
{
	size_t n = bytes < in->left ? bytes : in->left;
	uint64_t val = 0;

	if (n)
		memcpy(&val, in->at, n);
	fuzz_skip(in, n);
	return val;
}

/* Replay with FUZZ_TRACE in the environment to see what a target does. */
#define fuzz_trace(...)							\
	do {								\
		if (getenv("FUZZ_TRACE"))				\
			fprintf(stderr, __VA_ARGS__);			\
	} while (0)

/* What must hold. */
#define FUZZ_ASSERT(cond, ...)						\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #cond); \
			fprintf(stderr, __VA_ARGS__);			\
			fputc('\n', stderr);				\
			abort();					\
		}							\
	} while (0)

#endif
