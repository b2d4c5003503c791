// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's fault injection, seen from a test.
 *
 * Writing n to /proc/thread-self/fail-nth makes the thread's nth chance of a failure a failure; reading it tells how
 * many chances are left, so 0 after a call means that the failure has happened. What counts as a chance is set up in
 * debugfs: slab and page allocations, all kinds, and (by the filter over stack traces) only below a function of the
 * module. Copies from and to user space do not count.
 *
 * The sweep repeats a call with the next n as long as it fails by ENOMEM, or by EFAULT if the page that was denied
 * was to stand behind an address of ours. A call may also get along without the allocation (a huge page becomes small
 * ones, kvmalloc() has a second source). Its success cannot be repeated, so the next call of the same number goes on
 * from there.
 */
#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DEBUGFS		"/sys/kernel/debug/"
#define NR_COMMANDS	256
#define MOST		10000		/* allocations in a call, far more than any has */

/* shared by all processes of the program: the harness runs each test in its own */
struct totals {
	u64 calls;	/* that were swept */
	u64 failures;	/* allocations that failed */
	u64 absorbed;	/* of them, without a failed call */
	u64 most;	/* allocations in one call */
	/* of each ioctl: its calls, and where the next sweep begins, after a call that got along */
	u32 turns[NR_COMMANDS], begin_at[NR_COMMANDS];
};

static struct totals *totals;
static u32 sweep_calls;		/* n of QUIRE_SWEEP; 0: this is no sweep */
static pid_t main_process;

/* fail-nth of this thread; a forked child has the TLS of its parent's thread */
static __thread struct {
	pid_t owner;
	int fd;
} control;

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/* where the module's code is; 0 if it is not loaded, or kernel addresses are hidden */
static u64 module_text(u64 *size)
{
	char line[512], name[64];
	u64 address = 0;
	FILE *file = fopen("/proc/modules", "r");

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %lu %*s %*s %*s %lx", name, size, &address) == 3 && !strcmp(name, "quire"))
			break;
		address = 0;
	}
	if (file)
		fclose(file);
	return address;
}

/* chances between two addresses of code are counted, quietly */
static bool set_up(const char *attribute, u64 first, u64 end)
{
	const struct {
		const char *file;
		u64 value;
	} settings[] = {
		{ "verbose", 0 }, { "stacktrace-depth", 32 }, { "require-start", first }, { "require-end", end },
	};
	char path[128], text[32];
	u32 i;

	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		snprintf(path, sizeof(path), DEBUGFS "%s/%s", attribute, settings[i].file);
		snprintf(text, sizeof(text), "%#lx", settings[i].value);
		if (!write_file(path, text))
			return false;
	}
	return true;
}

const char *inject_unavailable(void)
{
	u64 size = 0, text = module_text(&size);

	if (!text)
		return "the module quire is not loaded";
	if (access("/proc/thread-self/fail-nth", W_OK) || access(DEBUGFS "failslab/require-start", W_OK) ||
	    access(DEBUGFS "fail_page_alloc/require-start", W_OK))
		return "this kernel has no fault injection";
	if (!set_up("failslab", text, text + size) || !set_up("fail_page_alloc", text, text + size))
		return "the fault injection cannot be set up";
	/* an empty range: never */
	if (!access(DEBUGFS "fail_usercopy", F_OK) && !set_up("fail_usercopy", 1, 1))
		return "the failing of copies cannot be switched off";
	if (!write_file(DEBUGFS "failslab/ignore-gfp-wait", "N") ||
	    !write_file(DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N") ||
	    !write_file(DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N") ||
	    !write_file(DEBUGFS "fail_page_alloc/min-order", "0"))
		return "the fault injection cannot be set up for all kinds of allocations";
	return NULL;
}

static int control_fd(void)
{
	pid_t thread = gettid();

	if (control.owner != thread) {
		control.fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
		if (control.fd < 0)
			die("/proc/thread-self/fail-nth: %s", strerror(errno));
		control.owner = thread;
	}
	return control.fd;
}

static void control_write(u32 nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(control_fd(), text, length, 0) != length)
		die("cannot write %s to fail-nth: %s", text, strerror(errno));
}

void inject_arm(u32 nth)
{
	control_write(nth);
}

bool inject_disarm(void)
{
	char text[16] = {};
	bool failed;

	if (pread(control_fd(), text, sizeof(text) - 1, 0) <= 0)
		die("cannot read fail-nth: %s", strerror(errno));
	failed = !atoi(text);
	if (!failed)
		control_write(0);
	return failed;
}

static void report(void)
{
	if (getpid() == main_process)
		printf("# sweep: %lu calls, %lu allocations failed, %lu of them without harm, at most %lu in a call\n",
		       totals->calls, totals->failures, totals->absorbed, totals->most);
}

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("QUIRE_SWEEP"), *why;

	sweep_calls = text ? strtoul(text, NULL, 0) : 0;
	if (!sweep_calls)
		return;
	why = inject_unavailable();
	if (why)
		die("QUIRE_SWEEP: %s", why);
	totals = mmap(NULL, sizeof(*totals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (totals == MAP_FAILED)
		die("mmap of the totals: %s", strerror(errno));
	main_process = getpid();
	atexit(report);
}

bool inject_is_sweep(void)
{
	return sweep_calls;
}

static void count(u64 nth, bool absorbed)
{
	u64 most = __atomic_load_n(&totals->most, __ATOMIC_RELAXED);

	__atomic_fetch_add(&totals->failures, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&totals->absorbed, absorbed, __ATOMIC_RELAXED);
	while (nth > most &&
	       !__atomic_compare_exchange_n(&totals->most, &most, nth, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

/* is this call of a command one of those that are swept? */
static bool has_turn(u32 command)
{
	u32 number = __atomic_add_fetch(&totals->turns[command], 1, __ATOMIC_RELAXED);

	/* a sweep that is not through goes on */
	if (__atomic_load_n(&totals->begin_at[command], __ATOMIC_RELAXED))
		return true;
	return number <= sweep_calls || !(number & (number - 1));
}

long inject_ioctl(int fd, unsigned long cmd, void *arg)
{
	u32 command = _IOC_NR(cmd) % NR_COMMANDS, nth;
	bool failed;
	long ret;

	if (!has_turn(command))
		return kvm_ioctl_once(fd, cmd, arg);
	nth = __atomic_exchange_n(&totals->begin_at[command], 0, __ATOMIC_RELAXED) ?: 1;
	__atomic_fetch_add(&totals->calls, 1, __ATOMIC_RELAXED);
	for (; nth < MOST; nth++) {
		inject_arm(nth);
		ret = kvm_ioctl_once(fd, cmd, arg);
		failed = inject_disarm();
		if (!failed)
			return ret;
		count(nth, ret != -ENOMEM && ret != -EFAULT);
		if (ret == -ENOMEM || ret == -EFAULT)
			continue;
		__atomic_store_n(&totals->begin_at[command], nth + 1, __ATOMIC_RELAXED);
		/* interrupted, got along, or told how much room it wants: what it did, it did */
		if (ret >= 0 || ret == -EINTR || ret == -EAGAIN || ret == -E2BIG)
			return ret;
		/* it may be what the test asks for: then it comes again */
		if (kvm_ioctl_once(fd, cmd, arg) != ret)
			die("ioctl %#lx: %s when allocation %u failed", cmd, strerror(-ret), nth);
		return ret;
	}
	die("ioctl %#lx does not succeed", cmd);
}

void inject_close(int fd)
{
	if (sweep_calls)
		inject_arm(1);
	close(fd);
	if (sweep_calls)
		inject_disarm();
}
