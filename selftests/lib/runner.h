/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A thread that runs one vCPU until its guest function is done, for tests with several vCPUs.
 */
#ifndef SELFTESTS_LIB_RUNNER_H
#define SELFTESTS_LIB_RUNNER_H

#include <pthread.h>
#include "guest.h"

struct runner {
	struct vcpu *vcpu;
	pthread_t thread;
};

/* the guest must make no call but its last; anything else aborts the test */
void runner_start(struct runner *runner, struct vcpu *vcpu);
void runner_join(struct runner *runner);

/* waits until a word in memory that somebody else writes has a value; aborts after some seconds */
void wait_for_word(const volatile u64 *word, u64 value);

#endif
