// SPDX-License-Identifier: GPL-2.0-only
/*
 * What one step does: mostly an ioctl or a run, sometimes something that happens to a VMM's memory, fds or processes.
 */
#include "fuzz.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* what an ioctl of this ABI may answer; EBADF is that of an fd which another thread has closed */
static bool errno_is_known(int error)
{
	static const int known[] = {
		ENOENT, EINTR, EIO, ENXIO, E2BIG, EBADF, EAGAIN, ENOMEM, EACCES, EFAULT, EBUSY, EEXIST, ENODEV, EINVAL,
		ENFILE, EMFILE, ENOTTY, ENOSPC, ENOSYS, EOPNOTSUPP, EHWPOISON,
	};
	u32 i;

	for (i = 0; i < COUNT_OF(known); i++)
		if (known[i] == error)
			return true;
	return false;
}

long fuzz_ioctl(const char *name, int fd, unsigned long cmd, u64 argument)
{
	long ret = kvm_ioctl_once(fd, cmd, (void *)argument);

	/* a frequency may look like an error */
	if (ret < 0 && cmd != KVM_GET_TSC_KHZ && !errno_is_known(-ret))
		die("%s: errno %ld", name, -ret);
	return ret;
}

static int fd_of(struct actor *a, enum fuzz_target on)
{
	struct world *w = a->world;

	switch (on) {
	case ON_NODE: return w->node;
	case ON_VM: return w->vm;
	default: return w->vcpus[chance_below(&a->chance, WORLD_VCPUS)].fd;
	}
}

static void call(struct actor *a, enum fuzz_target on)
{
	u32 row = fuzz_pick(&a->chance, on);
	const struct fuzz_call *call = &fuzz_calls[row];
	int fd = fd_of(a, on);
	u64 argument = fuzz_argument(a, call, fd);
	long ret = fuzz_ioctl(call->name, fd, call->cmd, argument);

	__atomic_fetch_add(&fuzz_totals->row[row].calls, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&fuzz_totals->row[row].good, ret >= 0, __ATOMIC_RELAXED);
	if (ret >= 0 && (call->cmd == KVM_CREATE_VM || call->cmd == KVM_CREATE_VCPU || call->cmd == KVM_GET_STATS_FD))
		close(ret);
}

/* numbers that are nobody's, and rows on the wrong kind of fd */
static void stray_call(struct actor *a)
{
	struct chance *c = &a->chance;
	unsigned long cmd = _IOC(chance_below(c, 4), KVMIO, chance_below(c, 256), chance_below(c, 512));

	if (chance_one_in(c, 2))
		cmd = fuzz_calls[chance_below(c, nr_fuzz_calls)].cmd;
	/* an eventfd or a VM may come of it: they go with the process */
	memset(a->argument, 0, ARGUMENT_SIZE);
	if (cmd != KVM_RUN && cmd != KVM_SET_SIGNAL_MASK && cmd != KVM_SET_USER_MEMORY_REGION &&
	    cmd != KVM_SET_USER_MEMORY_REGION2)
		fuzz_ioctl("a stray ioctl", fd_of(a, chance_below(c, NR_TARGETS)), cmd, (uintptr_t)a->argument);
}

static void run(struct actor *a)
{
	u32 vcpu = chance_below(&a->chance, WORLD_VCPUS);
	int fd = a->world->vcpus[vcpu].fd;

	if (fd < 0) {
		world_add_vcpu(a->world, vcpu, vcpu);
		fd = a->world->vcpus[vcpu].fd;
		if (fd < 0)
			return;
		if (!chance_one_in(&a->chance, 4))
			kvm_ioctl_once(fd, KVM_SET_CPUID2, a->world->cpuid);
		guest_prepare(a, fd);
	} else if (chance_one_in(&a->chance, guest_is_dead(a->world->vcpus[vcpu].run) ? 1 : 3)) {
		guest_prepare(a, fd);
	}
	guest_run(a, vcpu);
}

/* the child has the fds, but not the memory: it may ask, and is refused */
static void fork_and_ask(struct actor *a)
{
	pid_t pid = fork();

	if (!pid) {
		u32 i;

		for (i = 0; i < 4; i++)
			call(a, chance_below(&a->chance, NR_TARGETS));
		_exit(0);
	}
	if (pid > 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
}

static void map_vcpu(struct actor *a)
{
	int fd = fd_of(a, chance_one_in(&a->chance, 8) ? ON_VM : ON_VCPU);
	u64 offset = chance_below(&a->chance, 8) * PAGE_SIZE, size = (1 + chance_below(&a->chance, 4)) * PAGE_SIZE;
	u32 flags = chance_one_in(&a->chance, 4) ? MAP_PRIVATE : MAP_SHARED;
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_POPULATE, fd, offset);

	if (map != MAP_FAILED)
		munmap(map, size);
}

static void signal_event(struct actor *a)
{
	u64 one = 1;
	int fd = a->world->events[chance_below(&a->chance, WORLD_EVENTS)];

	if (chance_one_in(&a->chance, 3))
		(void)!read(fd, &one, 8);
	else
		(void)!write(fd, &one, 8);
}

void fuzz_operation(struct actor *a)
{
	u32 what = chance_below(&a->chance, 100);

	__atomic_fetch_add(&fuzz_totals->ops, 1, __ATOMIC_RELAXED);
	if (what < 4)
		call(a, ON_NODE);
	else if (what < 32)
		call(a, ON_VM);
	else if (what < 62)
		call(a, ON_VCPU);
	else if (what < 86)
		run(a);
	else if (what < 92)
		world_stir_memory(a);
	else if (what < 94)
		signal_event(a);
	else if (what < 96)
		map_vcpu(a);
	else if (what < 97)
		world_drop_vcpu(a->world, chance_below(&a->chance, WORLD_VCPUS));
	else if (what < 98)
		fork_and_ask(a);
	else
		stray_call(a);
}
