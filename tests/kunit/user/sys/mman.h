/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Anonymous memory, as much of it as the tests of the host ring ask for.
 */
#ifndef TESTS_KUNIT_USER_SYS_MMAN_H
#define TESTS_KUNIT_USER_SYS_MMAN_H

#include <linux/mman.h>
#include <linux/string.h>

#include "../stdlib.h"

#define MAP_FAILED	((void *)-1l)

/** mmap() - zeroed memory, whatever else is asked for.  May sleep. */
static inline void *mmap(void *addr, size_t size, int prot, int flags, int fd, long offset)
{
	return user_malloc(size) ?: MAP_FAILED;
}

/** madvise() - MADV_DONTNEED: the memory is zeroed */
static inline int madvise(void *addr, size_t size, int advice)
{
	memset(addr, 0, size);
	return advice == MADV_DONTNEED ? 0 : -1;
}

#endif
