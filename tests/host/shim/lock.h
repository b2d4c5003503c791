/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Locks of the kernel on top of pthreads.  Each thread knows what it holds, so
 * that lockdep_assert_held() really looks, and sleeping under a spinlock, or in
 * an RCU section, ends the test.
 */
#ifndef SHIM_LOCK_H
#define SHIM_LOCK_H

#include <pthread.h>

#include "base.h"

struct shim_spinlock {
	pthread_mutex_t m;
};

struct shim_rwlock {
	pthread_rwlock_t l;
};

struct mutex {
	pthread_mutex_t m;
};

#define spinlock_t	struct shim_spinlock
#define raw_spinlock_t	spinlock_t
#define rwlock_t	struct shim_rwlock

enum shim_mode { SHIM_SHARED = 1, SHIM_EXCLUSIVE = 2, SHIM_SLEEPS = 4 };

/* What this thread holds; mode is enum shim_mode. */
void shim_hold(const void *lock, int mode);
void shim_release(const void *lock);
int shim_held(const void *lock);
/* Ends the test if this thread may not sleep. */
void shim_might_sleep(const char *what);
/* May this thread sleep? */
bool shim_atomic(void);
/* True now and then, in this thread in an order that @seed decides. */
bool shim_sometimes(void);
void shim_seed(u32 seed);
bool shim_contended(void);

/* What a test wants to do at a moment that is hard to hit by chance. */
struct shim_hooks {
	void (*on_synchronize)(void);	/* in each synchronize_srcu(), if set */
	bool (*contended)(void);	/* does somebody wait?  By chance if not set */
	void (*race_point)(void);	/* before each exchange and each step down */
	bool dawdle;			/* whoever may be raced with takes his time, now and then */
	/* Copies @n bytes between @buf and user space; returns how many it did not. */
	size_t (*user_copy)(unsigned long user, void *buf, size_t n, bool write);
};

extern struct shim_hooks shim_hooks;

void spin_lock_init(spinlock_t *lock);
void spin_lock(spinlock_t *lock);
void spin_unlock(spinlock_t *lock);

/* There are no interrupts here. */
#define raw_spin_lock_init(lock)	spin_lock_init(lock)
#define raw_spin_lock_irqsave(lock, flags)	\
	do {					\
		(flags) = 0;			\
		spin_lock(lock);		\
	} while (0)
#define raw_spin_unlock_irqrestore(lock, flags)	\
	do {					\
		(void)(flags);			\
		spin_unlock(lock);		\
	} while (0)

void rwlock_init(rwlock_t *lock);
void read_lock(rwlock_t *lock);
void read_unlock(rwlock_t *lock);
void write_lock(rwlock_t *lock);
void write_unlock(rwlock_t *lock);
void mutex_init(struct mutex *lock);
#define mutex_destroy(lock)	((void)(lock))
void mutex_lock(struct mutex *lock);
void mutex_unlock(struct mutex *lock);

/* Whether somebody waits is left to chance, so that every way is taken. */
#define rwlock_needbreak(lock)	shim_contended()
#define need_resched()		shim_contended()
#define cond_resched()		shim_might_sleep("cond_resched()")

#define SHIM_ASSERT(cond)						\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "%s:%d: not held: %s\n", __FILE__,	\
				__LINE__, #cond);			\
			abort();					\
		}							\
	} while (0)
#define lockdep_assert_held(lock)	SHIM_ASSERT(shim_held(lock))
#define lockdep_assert_held_read(lock)	SHIM_ASSERT(shim_held(lock) & SHIM_SHARED)
#define lockdep_assert_held_write(lock)	SHIM_ASSERT(shim_held(lock) & SHIM_EXCLUSIVE)
#define lockdep_is_held(lock)		(shim_held(lock) != 0)

/* RCU: readers share one lock that a grace period takes exclusively. */
struct rcu_head {
	struct rcu_head *next;
	void (*func)(struct rcu_head *head);
};

void rcu_read_lock(void);
void rcu_read_unlock(void);
void synchronize_rcu(void);
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head));
void rcu_barrier(void);

#define synchronize_rcu_expedited()	synchronize_rcu()
/* The head is the first member. */
#define kvfree_rcu(p, head)						\
	do {								\
		static_assert(offsetof(__typeof__(*(p)), head) == 0);	\
		call_rcu(&(p)->head, (void (*)(struct rcu_head *))shim_free); \
	} while (0)

#define rcu_dereference(p)		READ_ONCE(p)
#define rcu_dereference_check(p, c)	READ_ONCE(p)
#define rcu_access_pointer(p)		READ_ONCE(p)
#define rcu_dereference_protected(p, c)	({ SHIM_ASSERT(c); READ_ONCE(p); })
#define rcu_assign_pointer(p, v)	__atomic_store_n(&(p), v, __ATOMIC_SEQ_CST)
#define rcu_replace_pointer(p, v, c)	({ SHIM_ASSERT(c); xchg(&(p), v); })
#define RCU_INIT_POINTER(p, v)		WRITE_ONCE(p, v)

struct srcu_struct {
	pthread_rwlock_t l;
	pthread_mutex_t m;
	struct rcu_head *queue;
};

int init_srcu_struct(struct srcu_struct *srcu);
void cleanup_srcu_struct(struct srcu_struct *srcu);
int srcu_read_lock(struct srcu_struct *srcu);
void srcu_read_unlock(struct srcu_struct *srcu, int idx);
void synchronize_srcu(struct srcu_struct *srcu);
void synchronize_srcu_expedited(struct srcu_struct *srcu);
void call_srcu(struct srcu_struct *srcu, struct rcu_head *head,
	       void (*func)(struct rcu_head *head));
void srcu_barrier(struct srcu_struct *srcu);

#define srcu_dereference_check(p, srcu, c) \
	({ SHIM_ASSERT(shim_held(srcu) || (c)); READ_ONCE(p); })
#define srcu_dereference(p, srcu)	srcu_dereference_check(p, srcu, false)

#endif
