/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's language in user space: types, bits, atomics, warnings.
 */
#ifndef SHIM_BASE_H
#define SHIM_BASE_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* __u64 and so on. */
#include <asm/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;
typedef unsigned int gfp_t;

struct shim_atomic {
	int counter;
};

struct shim_atomic_long {
	long counter;
};

#define atomic_t		struct shim_atomic
#define atomic_long_t		struct shim_atomic_long

#define __user
#define __rcu
#define __iomem
#define __init
#define __read_mostly
#define __acquires(x)
#define __releases(x)
#define __must_check		__attribute__((warn_unused_result))
#undef __always_inline
#define __always_inline		inline __attribute__((always_inline))
#ifndef __packed
#define __packed		__attribute__((packed))
#endif
#define __uninitialized
#ifndef __aligned
#define __aligned(n)		__attribute__((aligned(n)))
#endif
#define fallthrough		__attribute__((fallthrough))
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#ifndef static_assert
#define static_assert(expr, ...) _Static_assert(expr, #expr)
#endif
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))
#define struct_size(p, member, n) (sizeof(*(p)) + (n) * sizeof((p)->member[0]))
#define array_size(n, size)	((size_t)(n) * (size))
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define min(a, b) ({ __auto_type a_ = (a); __auto_type b_ = (b); a_ < b_ ? a_ : b_; })
#define max(a, b) ({ __auto_type a_ = (a); __auto_type b_ = (b); a_ > b_ ? a_ : b_; })
#define min_t(t, a, b)		min((t)(a), (t)(b))
#define max_t(t, a, b)		max((t)(a), (t)(b))
#define check_add_overflow(a, b, d) __builtin_add_overflow(a, b, d)

#define BITS_PER_LONG		64
#define BIT(n)			(1ul << (n))
#define BIT_ULL(n)		(1ull << (n))
#define GENMASK(h, l)		((~0ul << (l)) & (~0ul >> (63 - (h))))
#define GENMASK_ULL(h, l)	((~0ull << (l)) & (~0ull >> (63 - (h))))
#define BITS_TO_LONGS(n)	(((n) + 63) / 64)

/* x86 loads acquire, which is also what a thread sanitizer has to know. */
#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), v, __ATOMIC_RELEASE)
#define smp_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
/* Before an exchange, others get their chance: what it relies on may change. */
void shim_race_point(void);
#ifdef SHIM_RACES
#define SHIM_RACE_POINT()	shim_race_point()
#else
#define SHIM_RACE_POINT()	((void)0)
#endif

#define xchg(p, v)							\
	(SHIM_RACE_POINT(), __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST))
#define try_cmpxchg64(p, old, new)					\
	(SHIM_RACE_POINT(), __atomic_compare_exchange_n(p, old, new, false,	\
						      __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))

/* Sanitizers know no fences: every atomic here is one already. */
#define smp_mb()		__asm__ volatile("" ::: "memory")
#define smp_rmb()		smp_mb()
#define smp_wmb()		smp_mb()
#define smp_mb__before_atomic()	smp_mb()
#define smp_mb__after_atomic()	smp_mb()
#define barrier()		smp_mb()

#define atomic_read(v)		__atomic_load_n(&(v)->counter, __ATOMIC_SEQ_CST)
#define atomic_inc(v)		((void)__atomic_fetch_add(&(v)->counter, 1, __ATOMIC_SEQ_CST))
#define atomic_dec(v)		((void)__atomic_fetch_sub(&(v)->counter, 1, __ATOMIC_SEQ_CST))
#define atomic_long_read(v)	atomic_read(v)
#define atomic_long_inc(v)	atomic_inc(v)
#define atomic_long_dec(v)	atomic_dec(v)
#define atomic_long_add(n, v)	((void)__atomic_fetch_add(&(v)->counter, n, __ATOMIC_SEQ_CST))
#define atomic_long_sub(n, v)	((void)__atomic_fetch_sub(&(v)->counter, n, __ATOMIC_SEQ_CST))

static inline bool test_bit(unsigned long bit, const unsigned long *p)
{
	return READ_ONCE(p[bit / 64]) >> (bit % 64) & 1;
}

static inline void set_bit(unsigned long bit, unsigned long *p)
{
	__atomic_fetch_or(&p[bit / 64], BIT(bit % 64), __ATOMIC_SEQ_CST);
}

#define __set_bit(bit, p)	set_bit(bit, p)

static inline void clear_bit(unsigned long bit, unsigned long *p)
{
	__atomic_fetch_and(&p[bit / 64], ~BIT(bit % 64), __ATOMIC_SEQ_CST);
}

static inline unsigned long find_next_bit(const unsigned long *p, unsigned long size,
					  unsigned long bit)
{
	while (bit < size && !(p[bit / 64] >> (bit % 64) & 1))
		bit = p[bit / 64] >> (bit % 64) ? bit + 1 : (bit / 64 + 1) * 64;
	return bit < size ? bit : size;
}

#define bitmap_zero(p, bits)	memset(p, 0, BITS_TO_LONGS((u64)(bits)) * sizeof(long))
#define for_each_set_bit(bit, p, size)					\
	for ((bit) = find_next_bit(p, size, 0); (bit) < (size);		\
	     (bit) = find_next_bit(p, size, (bit) + 1))

/* A warning of the kernel is a failed test. */
#define WARN_ON_ONCE(cond)						\
({									\
	bool cond_ = (cond);						\
									\
	if (cond_) {							\
		fprintf(stderr, "%s:%d: warning: %s\n", __FILE__, __LINE__, #cond); \
		abort();						\
	}								\
	cond_;								\
})
#define WARN_ON(cond)		WARN_ON_ONCE(cond)

/* errno.h of user space has these two as well; what the kernel adds is here. */
#ifndef EHWPOISON
#define EHWPOISON		133
#endif

#endif
