// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine changes under running guests: a CPU goes offline and comes back, the machine is suspended and resumed.
 * Virtualization is off on a CPU that is not there, and on again before a guest is entered there.
 *
 * One vCPU runs at a time: of the emulated machines not all can do more.
 */
#include "test.h"
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS		5

/* what the guest counts, until it is told to stop; in its copy */
static volatile struct {
	u64 count, stop;
} work;

static void guest_works(u64 argument)
{
	u32 leaf[4];

	while (!work.stop) {
		work.count++;
		guest_cpuid(0, 0, leaf);
	}
}

FIXTURE(power) {
	struct vm vm;
	struct runner runner;
	volatile u64 *count, *stop;
};

FIXTURE_SETUP(power)
{
	vm_create(&self->vm, VM_SPLIT_IRQCHIP);
	vcpu_create(&self->vm, 0);
	self->count = &guest_copy(&self->vm, work)->count;
	self->stop = &guest_copy(&self->vm, work)->stop;
	vcpu_set_guest(self->vm.vcpus[0], guest_works, 0);
	runner_start(&self->runner, self->vm.vcpus[0]);
}

FIXTURE_TEARDOWN(power)
{
	*self->stop = 1;
	runner_join(&self->runner);
	vm_destroy(&self->vm);
}

static void sleep_ms(u64 ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* the guest counts on, within some seconds */
static bool works(volatile u64 *count)
{
	u64 before = *count;
	int i;

	for (i = 0; i < 5000; i++) {
		if (*count > before + 100)
			return true;
		sleep_ms(1);
	}
	return false;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static int run_on(struct runner *runner, u32 cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	return pthread_setaffinity_np(runner->thread, sizeof(cpus), &cpus);
}

#define ONLINE "/sys/devices/system/cpu/cpu1/online"

TEST_F_TIMEOUT(power, cpu_leaves_and_returns, 90)
{
	int i;

	if (access(ONLINE, W_OK))
		SKIP(return, "the machine has no second CPU that can leave");
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, run_on(&self->runner, 1));
		EXPECT_TRUE(works(self->count));
		/* the kernel moves the thread to a CPU that is left */
		ASSERT_EQ(0, write_text(ONLINE, "0"));
		EXPECT_TRUE(works(self->count));
		ASSERT_EQ(0, write_text(ONLINE, "1"));
		EXPECT_TRUE(works(self->count));
	}
	ASSERT_EQ(0, run_on(&self->runner, 1));
	EXPECT_TRUE(works(self->count));
}

/*
 * All of a suspend but the firmware's part, which the emulated machine does not survive: devices and CPUs go, the last
 * CPU stops virtualization, and everything comes back after some seconds.
 */
TEST_F_TIMEOUT(power, suspend_but_for_the_firmware, 90)
{
	EXPECT_TRUE(works(self->count));
	if (write_text("/sys/power/pm_test", "core"))
		SKIP(return, "the kernel cannot test its suspend");
	EXPECT_EQ(0, write_text("/sys/power/state", "mem"));
	EXPECT_EQ(0, write_text("/sys/power/pm_test", "none"));
	/* the CPU that went last and came first, then one that was taken offline */
	ASSERT_EQ(0, run_on(&self->runner, 0));
	EXPECT_TRUE(works(self->count));
	if (!run_on(&self->runner, 1))
		EXPECT_TRUE(works(self->count));
}

TEST_HARNESS_MAIN
