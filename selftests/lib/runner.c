// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that run vCPUs.
 */
#include "runner.h"

#include <time.h>

#define PATIENCE_MS 10000

static void *run(void *argument)
{
	call_wait_done(argument);
	return NULL;
}

void runner_start(struct runner *runner, struct vcpu *vcpu)
{
	runner->vcpu = vcpu;
	if (pthread_create(&runner->thread, NULL, run, vcpu))
		die("no thread for vCPU %d", vcpu->id);
}

void runner_join(struct runner *runner)
{
	pthread_join(runner->thread, NULL);
}

void wait_for_word(const volatile u64 *word, u64 value)
{
	struct timespec tick = { .tv_nsec = 1000000 };
	int i;

	for (i = 0; i < PATIENCE_MS; i++) {
		if (*word == value)
			return;
		nanosleep(&tick, NULL);
	}
	die("waited for %#lx, it is %#lx", (long)value, (long)*word);
}
