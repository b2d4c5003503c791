// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locks, RCU and SRCU of the kernel in user space.
 *
 * RCU is the simplest thing that is right: readers hold a lock shared, and a
 * grace period takes it exclusively.  Callbacks run at the next chance at which
 * the thread holds nothing, so that memory is really freed while others go on,
 * and a sanitizer sees who still uses it.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <unistd.h>

#include "lock.h"

#define MAX_HELD	32

struct shim_hooks shim_hooks;

static __thread struct { const void *lock; int mode; } held[MAX_HELD];
static __thread int nr_held;
static __thread u32 chance = 1;

static pthread_rwlock_t rcu_lock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t rcu_queue_lock = PTHREAD_MUTEX_INITIALIZER;
static struct rcu_head *rcu_queue;

void shim_hold(const void *lock, int mode)
{
	if (nr_held == MAX_HELD)
		abort();
	held[nr_held].lock = lock;
	held[nr_held++].mode = mode;
}

void shim_release(const void *lock)
{
	int i;

	for (i = nr_held - 1; i >= 0; i--) {
		if (held[i].lock != lock)
			continue;
		memmove(&held[i], &held[i + 1], (nr_held - i - 1) * sizeof(held[0]));
		nr_held--;
		return;
	}
	fprintf(stderr, "a lock is released that is not held\n");
	abort();
}

int shim_held(const void *lock)
{
	int i, mode = 0;

	for (i = 0; i < nr_held; i++)
		if (held[i].lock == lock)
			mode |= held[i].mode;
	return mode;
}

bool shim_atomic(void)
{
	int i;

	for (i = 0; i < nr_held; i++)
		if (!(held[i].mode & SHIM_SLEEPS))
			return true;
	return false;
}

void shim_might_sleep(const char *what)
{
	if (!shim_atomic())
		return;
	fprintf(stderr, "%s under a lock that must not sleep\n", what);
	abort();
}

void shim_seed(u32 seed)
{
	chance = seed;
}

bool shim_sometimes(void)
{
	chance = chance * 1664525 + 1013904223;
	return chance >> 28 == 0;
}

bool shim_contended(void)
{
	return shim_hooks.contended ? shim_hooks.contended() : shim_sometimes();
}

void shim_race_point(void)
{
	if (shim_hooks.race_point)
		shim_hooks.race_point();
	if (!shim_sometimes())
		return;
	if (READ_ONCE(shim_hooks.dawdle) && shim_sometimes())
		usleep(50);
	else
		sched_yield();
}

static void take_fresh(const void *lock, int mode)
{
	if (shim_held(lock)) {
		fprintf(stderr, "a lock is taken twice\n");
		abort();
	}
	shim_hold(lock, mode);
}

void spin_lock_init(spinlock_t *lock)
{
	pthread_mutex_init(&lock->m, NULL);
}

void spin_lock(spinlock_t *lock)
{
	take_fresh(lock, SHIM_EXCLUSIVE);
	pthread_mutex_lock(&lock->m);
}

void spin_unlock(spinlock_t *lock)
{
	pthread_mutex_unlock(&lock->m);
	shim_release(lock);
}

void rwlock_init(rwlock_t *lock)
{
	pthread_rwlock_init(&lock->l, NULL);
}

void read_lock(rwlock_t *lock)
{
	take_fresh(lock, SHIM_SHARED);
	pthread_rwlock_rdlock(&lock->l);
}

void read_unlock(rwlock_t *lock)
{
	pthread_rwlock_unlock(&lock->l);
	shim_release(lock);
}

void write_lock(rwlock_t *lock)
{
	take_fresh(lock, SHIM_EXCLUSIVE);
	pthread_rwlock_wrlock(&lock->l);
}

void write_unlock(rwlock_t *lock)
{
	read_unlock(lock);
}

void mutex_init(struct mutex *lock)
{
	pthread_mutex_init(&lock->m, NULL);
}

void mutex_lock(struct mutex *lock)
{
	shim_might_sleep("mutex_lock()");
	take_fresh(lock, SHIM_EXCLUSIVE | SHIM_SLEEPS);
	pthread_mutex_lock(&lock->m);
}

void mutex_unlock(struct mutex *lock)
{
	pthread_mutex_unlock(&lock->m);
	shim_release(lock);
}

void rcu_read_lock(void)
{
	pthread_rwlock_rdlock(&rcu_lock);
	shim_hold(&rcu_lock, SHIM_SHARED);
}

void rcu_read_unlock(void)
{
	shim_release(&rcu_lock);
	pthread_rwlock_unlock(&rcu_lock);
}

static void run_queue(struct rcu_head *head)
{
	while (head) {
		struct rcu_head *next = head->next;

		head->func(head);
		head = next;
	}
}

static struct rcu_head *take_queue(pthread_mutex_t *lock, struct rcu_head **queue)
{
	struct rcu_head *head;

	pthread_mutex_lock(lock);
	head = *queue;
	*queue = NULL;
	pthread_mutex_unlock(lock);
	return head;
}

static void put_queue(pthread_mutex_t *lock, struct rcu_head **queue, struct rcu_head *head)
{
	pthread_mutex_lock(lock);
	head->next = *queue;
	*queue = head;
	pthread_mutex_unlock(lock);
}

void synchronize_rcu(void)
{
	shim_might_sleep("synchronize_rcu()");
	pthread_rwlock_wrlock(&rcu_lock);
	pthread_rwlock_unlock(&rcu_lock);
}

void rcu_barrier(void)
{
	struct rcu_head *head = take_queue(&rcu_queue_lock, &rcu_queue);

	synchronize_rcu();
	run_queue(head);
}

void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	head->func = func;
	put_queue(&rcu_queue_lock, &rcu_queue, head);
	if (!shim_atomic())
		rcu_barrier();
}

int init_srcu_struct(struct srcu_struct *srcu)
{
	pthread_rwlock_init(&srcu->l, NULL);
	pthread_mutex_init(&srcu->m, NULL);
	srcu->queue = NULL;
	return 0;
}

void cleanup_srcu_struct(struct srcu_struct *srcu)
{
	WARN_ON(srcu->queue);
	pthread_rwlock_destroy(&srcu->l);
	pthread_mutex_destroy(&srcu->m);
}

int srcu_read_lock(struct srcu_struct *srcu)
{
	pthread_rwlock_rdlock(&srcu->l);
	shim_hold(srcu, SHIM_SHARED | SHIM_SLEEPS);
	return 0;
}

void srcu_read_unlock(struct srcu_struct *srcu, int idx)
{
	shim_release(srcu);
	pthread_rwlock_unlock(&srcu->l);
	/* Readers would starve an update for good otherwise. */
	if (shim_sometimes())
		sched_yield();
}

void synchronize_srcu(struct srcu_struct *srcu)
{
	shim_might_sleep("synchronize_srcu()");
	WARN_ON(shim_held(srcu));
	if (shim_hooks.on_synchronize)
		shim_hooks.on_synchronize();
	pthread_rwlock_wrlock(&srcu->l);
	pthread_rwlock_unlock(&srcu->l);
}

void synchronize_srcu_expedited(struct srcu_struct *srcu)
{
	synchronize_srcu(srcu);
}

void srcu_barrier(struct srcu_struct *srcu)
{
	struct rcu_head *head = take_queue(&srcu->m, &srcu->queue);

	synchronize_srcu(srcu);
	run_queue(head);
}

void call_srcu(struct srcu_struct *srcu, struct rcu_head *head,
	       void (*func)(struct rcu_head *head))
{
	head->func = func;
	put_queue(&srcu->m, &srcu->queue, head);
	if (!shim_atomic() && !shim_held(srcu) && shim_sometimes())
		srcu_barrier(srcu);
}
