// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous page faults (KVM_FEATURE_ASYNC_PF, KVM_FEATURE_ASYNC_PF_INT): what a guest does while the host has yet
 * to bring a page. Here the host is a userfaultfd, which brings a page when the test says so.
 */
#include "test.h"
#include "apic.h"
#include "inject.h"
#include "late.h"
#include "pv.h"
#include "runner.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READY		0x61	/* vectors */
#define OTHER		0x71
#define CPUS		4
#define MOST		64	/* so many pages of one vCPU may be on their way */
#define MSR_ENABLE	MSR_KVM_ASYNC_PF_EN
#define MSR_VECTOR	MSR_KVM_ASYNC_PF_INT
#define MSR_ACK		MSR_KVM_ASYNC_PF_ACK
#define ENABLED		KVM_ASYNC_PF_ENABLED
#define ALWAYS		KVM_ASYNC_PF_SEND_ALWAYS
#define BY_INTERRUPT	KVM_ASYNC_PF_DELIVERY_AS_INT
#define WAKE_ALL	0xffffffffull
#define PATIENCE_MS	20000

static void pause_ms(int ms)
{
	struct timespec pause = { .tv_nsec = ms * 1000000l };

	nanosleep(&pause, NULL);
}

/* --- the guest; in its copy --- */

/* of each vCPU */
static struct told {
	volatile struct kvm_vcpu_pv_apf_data area __attribute__((aligned(64)));
	volatile u64 absent[LATE_PAGES], ready[2 * LATE_PAGES], nr_ready;
} told[CPUS];

#define own (&told[guest_this_cpu()->id])

static volatile u64 hits, hold, counted, running;

static u64 area_msr(u64 id, u64 flags)
{
	return (u64)&told[id].area | flags;
}

static void on_ready(struct guest_frame *frame)
{
	own->ready[own->nr_ready++] = own->area.token;
	own->area.token = 0;
	if (!hold)
		guest_wrmsr(MSR_ACK, 1);
	guest_apic_write(APIC_EOI, 0);
}

static void on_other(struct guest_frame *frame)
{
	hits++;
	guest_apic_write(APIC_EOI, 0);
}

static void guest_wait_ready(u64 nr)
{
	while (own->nr_ready < nr)
		counted++;
}

/* time for what should not come */
static void guest_linger(void)
{
	u64 i;

	for (i = 0; i < 1000; i++)
		guest_pause();
}

/* what was left behind elsewhere is told at once */
static void guest_enable(u64 flags)
{
	guest_handlers[READY] = on_ready;
	guest_handlers[OTHER] = on_other;
	guest_apic_enable(true);
	own->nr_ready = 0;
	guest_wrmsr(MSR_VECTOR, READY);
	guest_wrmsr(MSR_ENABLE, area_msr(guest_this_cpu()->id, flags | ENABLED | BY_INTERRUPT));
	guest_sti();
	guest_wait_ready(1);
	GUEST_EXPECT_EQ(WAKE_ALL, own->ready[0]);
	own->nr_ready = 0;
}

/* the vector that reading the page raised */
static u64 guest_touch(int page, u64 *value)
{
	*value = 0;
	return GUEST_TRY("mov (%%rdx), %%rax", OUTPUTS("+a"(*value)), "d"(LATE + page * PAGE_SIZE));
}

static void guest_expect_absent(int page)
{
	u64 value;

	GUEST_EXPECT_EQ(14, guest_touch(page, &value));
	GUEST_EXPECT_EQ(0, guest_this_cpu()->try_error);
	GUEST_EXPECT_EQ(1, own->area.flags);
	own->absent[page] = guest_this_cpu()->try_cr2;
	GUEST_EXPECT(own->absent[page] && own->absent[page] < WAKE_ALL);
	own->area.flags = 0;
}

static void guest_expect_there(int page)
{
	u64 value;

	GUEST_EXPECT_EQ(TRY_NONE, guest_touch(page, &value));
	GUEST_EXPECT_EQ(LATE_VALUE(page), value);
	GUEST_EXPECT_EQ(0, own->area.flags);
}

FIXTURE(async) {
	struct late late;
};

FIXTURE_SETUP(async)
{
	int ret = late_create(&self->late);

	if (ret)
		SKIP(return, "no userfaultfd here: %s", strerror(-ret));
	ASSERT_TRUE(pv_offered(&self->late.vm, KVM_FEATURE_ASYNC_PF));
	ASSERT_TRUE(pv_offered(&self->late.vm, KVM_FEATURE_ASYNC_PF_INT));
}

FIXTURE_TEARDOWN(async)
{
	late_destroy(&self->late);
}

/* --- the MSRs --- */

static void guest_msrs(u64 reserved)
{
	u64 bit, value;

	GUEST_EXPECT_EQ(0, guest_rdmsr(MSR_ENABLE));
	GUEST_EXPECT_EQ(0, guest_rdmsr(MSR_VECTOR));
	for (bit = 4; bit <= 0x20; bit <<= 1)
		if (reserved & bit)
			GUEST_EXPECT_EQ(13, guest_try_wrmsr(MSR_ENABLE, area_msr(guest_this_cpu()->id, ENABLED | bit)));
	for (bit = 0x100; bit; bit <<= 1)
		GUEST_EXPECT_EQ(13, guest_try_wrmsr(MSR_VECTOR, READY | bit));
	/* the area has to be memory */
	GUEST_EXPECT_EQ(13, guest_try_wrmsr(MSR_ENABLE, MMIO_BASE | ENABLED | BY_INTERRUPT));
	GUEST_EXPECT_EQ(0, guest_rdmsr(MSR_ENABLE));
	GUEST_EXPECT_EQ(0, guest_rdmsr(MSR_VECTOR));
	guest_wrmsr(MSR_VECTOR, READY);
	guest_wrmsr(MSR_ENABLE, area_msr(guest_this_cpu()->id, ENABLED | BY_INTERRUPT));
	GUEST_EXPECT_EQ(READY, guest_rdmsr(MSR_VECTOR));
	GUEST_EXPECT_EQ(area_msr(guest_this_cpu()->id, ENABLED | BY_INTERRUPT), guest_rdmsr(MSR_ENABLE));
	guest_wrmsr(MSR_ACK, 1);
	GUEST_EXPECT_EQ(TRY_NONE, guest_try_rdmsr(MSR_ACK, &value));
	GUEST_EXPECT_EQ(0, value);
}

TEST_F(async, msrs)
{
	struct late *late = &self->late;
	struct vm other;
	u64 value;

	EXPECT_EQ(1, vm_has(&late->vm, KVM_CAP_ASYNC_PF));
	EXPECT_EQ(1, vm_has(&late->vm, KVM_CAP_ASYNC_PF_INT));
	EXPECT_TRUE(pv_msr_listed(&late->vm, MSR_ENABLE));
	EXPECT_TRUE(pv_msr_listed(&late->vm, MSR_VECTOR));
	EXPECT_TRUE(pv_msr_listed(&late->vm, MSR_ACK));
	vcpu_set_guest(late->vcpu, guest_msrs,
		       0x30 | (pv_offered(&late->vm, KVM_FEATURE_ASYNC_PF_VMEXIT) ? 0 : 4));
	call_wait_done(late->vcpu);
	ASSERT_EQ(1, vcpu_get_msr(late->vcpu, MSR_ENABLE, &value));
	EXPECT_EQ(area_msr(0, ENABLED | BY_INTERRUPT), value);

	/* without a local APIC here there is nothing to enable */
	vm_create(&other, 0);
	vcpu_create(&other, 0);
	EXPECT_EQ(0, vcpu_set_msr(other.vcpus[0], MSR_ENABLE, area_msr(0, ENABLED | BY_INTERRUPT)));
	EXPECT_EQ(1, vcpu_set_msr(other.vcpus[0], MSR_ENABLE, 0));
	vm_destroy(&other);
}

/* --- a guest that is told --- */

static void guest_told(u64 argument)
{
	guest_enable(ALWAYS);
	guest_expect_absent(3);
	guest_sync2(1, own->absent[3]);
	GUEST_EXPECT_EQ(0, own->nr_ready);
	guest_sync(2);
	guest_wait_ready(1);
	GUEST_EXPECT_EQ(own->absent[3], own->ready[0]);
	guest_expect_there(3);
	guest_sync(3);
	GUEST_EXPECT_EQ(1, own->nr_ready);
}

TEST_F(async, told)
{
	struct late *late = &self->late;

	vcpu_set_guest(late->vcpu, guest_told, 0);
	EXPECT_NE(0, call_wait_sync(late->vcpu, 1));
	/* the guest went on, and it is the host that waits for the page */
	EXPECT_EQ(3, late_asked(late));
	call_wait_sync(late->vcpu, 2);
	late_bring(late, 3);
	call_wait_sync(late->vcpu, 3);
	call_wait_done(late->vcpu);
}

#define SEVERAL 8

static void guest_several(u64 argument)
{
	u64 i, j, nr;

	guest_enable(ALWAYS);
	for (i = 0; i < SEVERAL; i++)
		guest_expect_absent(i);
	for (i = 0; i < SEVERAL; i++)
		for (j = 0; j < i; j++)
			GUEST_EXPECT(own->absent[i] != own->absent[j]);
	hold = 1;
	guest_sync(1);
	guest_wait_ready(1);
	guest_sync(2);
	/* all came by now, and one was told; the next is when this one was taken */
	guest_linger();
	GUEST_EXPECT_EQ(1, own->nr_ready);
	GUEST_EXPECT_EQ(0, own->area.token);
	hold = 0;
	guest_wrmsr(MSR_ACK, 1);
	guest_wait_ready(SEVERAL);
	for (i = 0; i < SEVERAL; i++) {
		for (j = 0, nr = 0; j < SEVERAL; j++)
			nr += own->ready[j] == own->absent[i];
		GUEST_EXPECT_EQ(1, nr);
		guest_expect_there(i);
	}
	guest_sync(3);
	GUEST_EXPECT_EQ(SEVERAL, own->nr_ready);
}

TEST_F(async, one_at_a_time)
{
	struct late *late = &self->late;
	int i;

	vcpu_set_guest(late->vcpu, guest_several, 0);
	call_wait_sync(late->vcpu, 1);
	late_bring(late, SEVERAL - 1);
	call_wait_sync(late->vcpu, 2);
	for (i = SEVERAL - 2; i >= 0; i--)
		late_bring(late, i);
	pause_ms(50);
	call_wait_sync(late->vcpu, 3);
	call_wait_done(late->vcpu);
}

static void guest_too_many(u64 argument)
{
	u64 i;

	guest_enable(ALWAYS);
	for (i = 0; i < MOST; i++)
		guest_expect_absent(i);
	guest_expect_there(MOST);
	guest_wait_ready(MOST);
	for (i = 0; i < MOST; i++)
		guest_expect_there(i);
	guest_sync(1);
}

TEST_F(async, too_many)
{
	struct late *late = &self->late;
	struct late_server server;

	late_serve(&server, late, MOST + 1, MOST + 1);
	vcpu_set_guest(late->vcpu, guest_too_many, 0);
	call_wait_sync(late->vcpu, 1);
	pthread_join(server.thread, NULL);
}

/* the guest that halts is told of what came */
static void guest_halts(u64 argument)
{
	guest_enable(ALWAYS);
	guest_expect_absent(0);
	running = 1;
	while (!own->nr_ready)
		guest_sti_hlt();
	GUEST_EXPECT_EQ(own->absent[0], own->ready[0]);
	guest_expect_there(0);
}

TEST_F(async, ends_halt)
{
	struct late *late = &self->late;
	struct runner runner;

	vcpu_set_guest(late->vcpu, guest_halts, 0);
	runner_start(&runner, late->vcpu);
	wait_for_word(guest_copy(&late->vm, running), 1);
	pause_ms(20);
	late_bring(late, late_asked(late));
	runner_join(&runner);
}

/* --- a guest that is not told, and waits --- */

static void guest_waits(u64 argument)
{
	u64 value;

	guest_handlers[OTHER] = on_other;
	guest_apic_enable(true);
	guest_sti();
	GUEST_EXPECT_EQ(TRY_NONE, guest_touch(0, &value));
	GUEST_EXPECT_EQ(LATE_VALUE(0), value);
	counted = hits;
}

/* its interrupts are handled meanwhile */
static void interrupt(struct late *late)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = OTHER };

	kvm_must(late->vm.fd, KVM_SIGNAL_MSI, &msi);
}

TEST_F(async, interrupts_while_waiting)
{
	struct late *late = &self->late;
	struct runner runner;
	u64 i;

	vcpu_set_guest(late->vcpu, guest_waits, 0);
	runner_start(&runner, late->vcpu);
	ASSERT_EQ(0, late_asked(late));
	for (i = 1; i <= 5; i++) {
		interrupt(late);
		wait_for_word(guest_copy(&late->vm, hits), i);
	}
	EXPECT_EQ(0, *guest_copy(&late->vm, counted));
	late_bring(late, 0);
	runner_join(&runner);
	EXPECT_EQ(5, *guest_copy(&late->vm, counted));
}

static void on_signal(int number)
{
}

/* the access is made again by the next KVM_RUN */
TEST_F(async, signal_while_waiting)
{
	struct timespec soon = { .tv_nsec = 20 * 1000 * 1000 };
	struct itimerspec in = { .it_value = soon, .it_interval = soon };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct sigaction action = { .sa_handler = on_signal };
	struct late *late = &self->late;
	timer_t timer;
	int i;

	vcpu_set_guest(late->vcpu, guest_waits, 0);
	sigaction(SIGUSR1, &action, NULL);
	ASSERT_EQ(0, timer_create(CLOCK_MONOTONIC, &event, &timer));
	ASSERT_EQ(0, timer_settime(timer, 0, &in, NULL));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(-EINTR, vcpu_run(late->vcpu));
	ASSERT_EQ(0, timer_delete(timer));
	EXPECT_EQ(0, late_asked(late));
	late_bring(late, 0);
	call_wait_done(late->vcpu);
}

/* told only where it can take it: not with interrupts off, nor while the last #PF is not done with */
static void guest_cannot_take_it(u64 argument)
{
	guest_enable(ALWAYS);
	guest_cli();
	guest_expect_there(0);
	GUEST_EXPECT_EQ(0, hits);
	guest_sti();
	while (!hits)
		counted++;
	guest_expect_absent(1);
	own->area.flags = 1;
	GUEST_EXPECT_EQ(TRY_NONE, guest_touch(2, (u64 *)&counted));
	own->area.flags = 0;
	guest_wait_ready(1);
	GUEST_EXPECT_EQ(own->absent[1], own->ready[0]);
	guest_expect_there(1);
	guest_expect_there(2);
	guest_linger();
	GUEST_EXPECT_EQ(1, own->nr_ready);
}

TEST_F(async, cannot_take_it)
{
	struct late *late = &self->late;
	struct late_server server;
	struct runner runner;

	vcpu_set_guest(late->vcpu, guest_cannot_take_it, 0);
	runner_start(&runner, late->vcpu);
	ASSERT_EQ(0, late_asked(late));
	interrupt(late);
	pause_ms(20);
	EXPECT_EQ(0, *guest_copy(&late->vm, hits));
	/* the one that it waits for comes second */
	late_serve(&server, late, 2, 2);
	late_bring(late, 0);
	pthread_join(server.thread, NULL);
	runner_join(&runner);
}

/* a page that it was told of, it may touch again: it waits then, and is not told twice */
static void guest_touches_again(u64 argument)
{
	guest_enable(ALWAYS);
	guest_expect_absent(0);
	guest_expect_there(0);
	guest_wait_ready(1);
	GUEST_EXPECT_EQ(own->absent[0], own->ready[0]);
	guest_linger();
	GUEST_EXPECT_EQ(1, own->nr_ready);
}

TEST_F(async, touched_again)
{
	struct late *late = &self->late;
	struct runner runner;
	struct pollfd event = { .fd = late->uffd, .events = POLLIN };

	vcpu_set_guest(late->vcpu, guest_touches_again, 0);
	runner_start(&runner, late->vcpu);
	ASSERT_EQ(0, late_asked(late));
	EXPECT_EQ(0, poll(&event, 1, 50));
	late_bring(late, 0);
	runner_join(&runner);
}

/* --- the guest's kernel is told only if it asked for that --- */

static volatile u64 user_vector, user_cr2;
static void on_trap(struct guest_frame *frame)
{
	user_vector = frame->vector;
	user_cr2 = guest_read_cr2();
	guest_user_leave(frame);
}

__attribute__((naked)) static void user_touch(void)
{
	asm volatile("mov $" LINE_STRING(0x80001000) ", %eax; mov (%rax), %rax; int3");
}

static void guest_by_privilege(u64 flags)
{
	guest_enable(flags);
	if (flags & ALWAYS) {
		guest_expect_absent(0);
		guest_wait_ready(1);
	}
	guest_expect_there(0);
	guest_handlers[3] = guest_handlers[14] = on_trap;
	guest_user_enter(user_touch, RFLAGS_FIXED | RFLAGS_IF);
	guest_sti();
	GUEST_EXPECT_EQ(14, user_vector);
	GUEST_EXPECT_EQ(1, own->area.flags);
	own->area.flags = 0;
	guest_wait_ready(flags & ALWAYS ? 2 : 1);
	GUEST_EXPECT_EQ(user_cr2, own->ready[own->nr_ready - 1]);
	guest_user_enter(user_touch, RFLAGS_FIXED | RFLAGS_IF);
	GUEST_EXPECT_EQ(3, user_vector);
}

TEST_F(async, kernel_and_user)
{
	struct late *late = &self->late;
	struct late_server server;

	late_serve(&server, late, 1, 2);
	vcpu_set_guest(late->vcpu, guest_by_privilege, ALWAYS);
	call_wait_done(late->vcpu);
	pthread_join(server.thread, NULL);
}

TEST_F(async, user_alone)
{
	struct late *late = &self->late;
	struct late_server server;

	late_serve(&server, late, 1, 2);
	vcpu_set_guest(late->vcpu, guest_by_privilege, 0);
	call_wait_done(late->vcpu);
	pthread_join(server.thread, NULL);
}

/* --- the end --- */

static void guest_disables(u64 argument)
{
	guest_enable(ALWAYS);
	guest_expect_absent(0);
	guest_wrmsr(MSR_ENABLE, 0);
	guest_sync(1);
	guest_sync(2);
	guest_expect_there(0);
	GUEST_EXPECT_EQ(0, own->nr_ready);
	GUEST_EXPECT_EQ(0, own->area.token);
	/* again: what came meanwhile is forgotten */
	guest_enable(ALWAYS);
	guest_expect_absent(1);
	guest_sync(3);
	guest_wait_ready(1);
	GUEST_EXPECT_EQ(own->absent[1], own->ready[0]);
	guest_expect_there(1);
	guest_sync(4);
	GUEST_EXPECT_EQ(1, own->nr_ready);
}

TEST_F(async, disabled_meanwhile)
{
	struct late *late = &self->late;

	vcpu_set_guest(late->vcpu, guest_disables, 0);
	call_wait_sync(late->vcpu, 1);
	late_bring(late, late_asked(late));
	pause_ms(50);
	call_wait_sync(late->vcpu, 2);
	call_wait_sync(late->vcpu, 3);
	late_bring(late, late_asked(late));
	call_wait_sync(late->vcpu, 4);
	call_wait_done(late->vcpu);
}

/* in another VM nobody brings what the guest waits for: it is told that all came, and asks again */
static void guest_moves(u64 argument)
{
	guest_enable(ALWAYS);
	guest_expect_absent(0);
	guest_sync(1);
	guest_wait_ready(1);
	GUEST_EXPECT_EQ(WAKE_ALL, own->ready[0]);
	guest_expect_there(0);
	guest_sync(2);
	GUEST_EXPECT_EQ(1, own->nr_ready);
}

TEST_F(async, saved_and_restored)
{
	struct late *late = &self->late;
	u64 enable, vector;

	vcpu_set_guest(late->vcpu, guest_moves, 0);
	call_wait_sync(late->vcpu, 1);
	ASSERT_EQ(1, vcpu_get_msr(late->vcpu, MSR_ENABLE, &enable));
	ASSERT_EQ(1, vcpu_get_msr(late->vcpu, MSR_VECTOR, &vector));
	EXPECT_EQ(area_msr(0, ENABLED | ALWAYS | BY_INTERRUPT), enable);
	EXPECT_EQ(READY, vector);
	ASSERT_EQ(1, vcpu_set_msr(late->vcpu, MSR_VECTOR, vector));
	ASSERT_EQ(1, vcpu_set_msr(late->vcpu, MSR_ACK, 0));
	ASSERT_EQ(1, vcpu_set_msr(late->vcpu, MSR_ENABLE, enable));
	late_bring(late, late_asked(late));
	call_wait_sync(late->vcpu, 2);
	call_wait_done(late->vcpu);
}

/* how many hold the module; -1 where it is not ours */
static long module_users(void)
{
	FILE *file = strstr(node_path(), "quire") ? fopen("/sys/module/quire/refcnt", "r") : NULL;
	long users = -1;

	if (!file)
		return users;
	if (fscanf(file, "%ld", &users) != 1)
		die("no number of users");
	fclose(file);
	return users;
}

static void expect_module_users(long users)
{
	int i;

	for (i = 0; i < PATIENCE_MS / 10; i++) {
		if (module_users() == users)
			return;
		pause_ms(10);
	}
	die("the module has %ld users, expected %ld", module_users(), users);
}

static void guest_leaves(u64 flags)
{
	int i;

	guest_enable(flags);
	for (i = 0; i < SEVERAL; i++)
		guest_expect_absent(i);
	guest_sync(1);
}

/* nobody waits for the host, and what is on its way holds the module until it came */
TEST_F(async, vm_goes)
{
	struct late *late = &self->late;
	long users = module_users();
	int i;

	vcpu_set_guest(late->vcpu, guest_leaves, ALWAYS);
	call_wait_sync(late->vcpu, 1);
	for (i = 0; i < SEVERAL; i++)
		late_asked(late);
	vm_destroy(&late->vm);
	if (users < 0)
		return;
	/* node, VM and vCPU are gone */
	EXPECT_EQ(users - 3 + SEVERAL, module_users());
	for (i = 0; i < SEVERAL; i++)
		late_bring(late, i);
	expect_module_users(users - 3);
}

TEST_F(async, vmm_goes)
{
	long users = module_users();
	struct late late;
	pid_t child;
	int status;

	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		close(self->late.uffd);
		if (late_create(&late))
			_exit(1);
		vcpu_set_guest(late.vcpu, guest_leaves, ALWAYS);
		call_wait_sync(late.vcpu, 1);
		late_asked(&late);
		raise(SIGKILL);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	if (users >= 0)
		expect_module_users(users);
}

/* --- several vCPUs --- */

#define SHARED (CPUS * SEVERAL)

/* pages of its own, and one that all want */
static void guest_of_several(u64 argument)
{
	int first = guest_this_cpu()->id * SEVERAL, i;

	guest_enable(ALWAYS);
	for (i = first; i < first + SEVERAL; i++)
		guest_expect_absent(i);
	guest_expect_absent(SHARED);
	guest_wait_ready(SEVERAL + 1);
	for (i = first; i < first + SEVERAL; i++)
		guest_expect_there(i);
	guest_expect_there(SHARED);
	guest_linger();
	GUEST_EXPECT_EQ(SEVERAL + 1, own->nr_ready);
}

static int by_token(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return (x > y) - (x < y);
}

/* each was told of its own pages, each once */
static void expect_own_tokens(struct __test_metadata *_metadata, const struct told *of, int id)
{
	u64 absent[SEVERAL + 1], ready[SEVERAL + 1];
	int i;

	for (i = 0; i < SEVERAL; i++)
		absent[i] = of->absent[id * SEVERAL + i];
	absent[SEVERAL] = of->absent[SHARED];
	for (i = 0; i <= SEVERAL; i++)
		ready[i] = of->ready[i];
	qsort(absent, SEVERAL + 1, sizeof(*absent), by_token);
	qsort(ready, SEVERAL + 1, sizeof(*ready), by_token);
	for (i = 0; i <= SEVERAL; i++) {
		EXPECT_EQ(absent[i], ready[i]);
		if (i)
			EXPECT_NE(absent[i - 1], absent[i]);
	}
}

TEST_F(async, several_vcpus)
{
	struct late *late = &self->late;
	const struct told *seen = *guest_copy(&late->vm, told);
	struct runner runner[CPUS];
	struct late_server server;
	int i, j;

	late_serve(&server, late, CPUS * (SEVERAL + 1), CPUS * (SEVERAL + 1));
	for (i = 0; i < CPUS; i++) {
		if (i)
			vcpu_make_runnable(vcpu_create(&late->vm, i));
		vcpu_set_guest(late->vm.vcpus[i], guest_of_several, 0);
		runner_start(&runner[i], late->vm.vcpus[i]);
	}
	for (i = 0; i < CPUS; i++)
		runner_join(&runner[i]);
	pthread_join(server.thread, NULL);
	for (i = 0; i < CPUS; i++) {
		expect_own_tokens(_metadata, &seen[i], i);
		for (j = 0; j < i; j++)
			EXPECT_NE(seen[j].absent[SHARED], seen[i].absent[SHARED]);
	}
}

/* --- INIT --- */

#define SIPI_PAGE 0x8
#define STARTED 0x9000

SNIPPET(starts,
	".code16\n"
	"	xor %cx, %cx\n	mov %cx, %ds\n"
	"1:	lock incw 0x9000\n"
	"	out %ax, $0x80\n"
	"	jmp 1b\n");

static void guest_is_reset(u64 flags)
{
	u64 value;

	guest_enable(flags);
	guest_touch(0, &value);
	running = 1;
	for (;;)
		counted++;
}

static void *run_to_io(void *vcpu)
{
	if (vcpu_run_to_exit(vcpu) != KVM_EXIT_IO)
		die("a processor that was started again does not say so");
	return NULL;
}

static void init_and_sipi(struct late *late, int id)
{
	struct kvm_msi init = { .address_lo = 0xfee00000 | id << 12, .data = ICR_INIT | ICR_ASSERT };
	struct kvm_msi sipi = { .address_lo = init.address_lo, .data = ICR_SIPI | ICR_ASSERT | SIPI_PAGE };

	kvm_must(late->vm.fd, KVM_SIGNAL_MSI, &init);
	kvm_must(late->vm.fd, KVM_SIGNAL_MSI, &sipi);
}

/* a processor that is started again has forgotten what it waited for, and hears nothing of it */
static void expect_started(struct __test_metadata *_metadata, struct late *late, struct vcpu *vcpu)
{
	const u16 *started = vm_hva(&late->vm, STARTED);
	struct kvm_sregs sregs;
	u64 value;
	int i;

	for (i = 0; i < 5; i++)
		ASSERT_EQ(KVM_EXIT_IO, vcpu_run_to_exit(vcpu));
	EXPECT_EQ(6, *started);
	vcpu_get_sregs(vcpu, &sregs);
	EXPECT_EQ(SIPI_PAGE << 8, sregs.cs.selector);
	ASSERT_EQ(1, vcpu_get_msr(vcpu, MSR_ENABLE, &value));
	EXPECT_EQ(0, value);
	EXPECT_EQ(0, guest_copy(&late->vm, told)[0][vcpu->id].nr_ready);
}

static struct vcpu *second_vcpu(struct late *late, u64 flags)
{
	struct vcpu *vcpu = vcpu_create(&late->vm, 1);

	PUT_SNIPPET(&late->vm, SIPI_PAGE << 12, starts);
	vcpu_make_runnable(vcpu);
	vcpu_set_guest(vcpu, guest_is_reset, flags);
	return vcpu;
}

TEST_F(async, init_while_waiting)
{
	struct late *late = &self->late;
	struct vcpu *vcpu = second_vcpu(late, 0);
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, run_to_io, vcpu));
	ASSERT_EQ(0, late_asked(late));
	pause_ms(20);
	EXPECT_EQ(0, *guest_copy(&late->vm, running));
	/* although the page does not come */
	init_and_sipi(late, 1);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	late_bring(late, 0);
	pause_ms(20);
	expect_started(_metadata, late, vcpu);
}

TEST_F(async, init_while_told)
{
	struct late *late = &self->late;
	struct vcpu *vcpu = second_vcpu(late, ALWAYS);
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, run_to_io, vcpu));
	ASSERT_EQ(0, late_asked(late));
	wait_for_word(guest_copy(&late->vm, running), 1);
	init_and_sipi(late, 1);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	late_bring(late, 0);
	pause_ms(20);
	expect_started(_metadata, late, vcpu);
}

static void guest_stops_told(u64 argument)
{
	guest_enable(ALWAYS);
	guest_expect_absent(0);
	own->nr_ready = 0;
	guest_sync(1);
	GUEST_EXPECT(false);
}

/* both wait for it while it does not run: INIT, and that its page came */
TEST_F(async, init_and_page)
{
	struct late *late = &self->late;
	struct vcpu *vcpu = second_vcpu(late, 0);

	vcpu_set_guest(vcpu, guest_stops_told, 0);
	call_wait_sync(vcpu, 1);
	late_bring(late, late_asked(late));
	pause_ms(50);
	init_and_sipi(late, 1);
	run_to_io(vcpu);
	expect_started(_metadata, late, vcpu);
}

/* --- the host is short of memory --- */

#define FAILURES 16

/* tells of each page whether it was told, and is told of those alone */
static void guest_of_a_poor_host(u64 argument)
{
	u64 value, vector;
	int i;

	guest_enable(ALWAYS);
	guest_sync(1);
	for (i = 0; i < FAILURES; i++) {
		vector = guest_touch(i, &value);
		if (vector == 14) {
			own->absent[i] = guest_this_cpu()->try_cr2;
			own->area.flags = 0;
			guest_wait_ready(1);
			GUEST_EXPECT_EQ(own->absent[i], own->ready[0]);
		}
		guest_expect_there(i);
		GUEST_EXPECT_EQ(vector == 14, own->nr_ready);
		own->nr_ready = 0;
		guest_sync2(2, vector);
	}
}

/* a page that cannot be brought beside the vCPU is waited for; a run that fails can be made again */
TEST_F(async, short_of_memory)
{
	const char *reason = inject_unavailable();
	struct late *late = &self->late;
	int i, failed, ret, waited = 0;
	struct late_server server;

	if (reason)
		SKIP(return, "%s", reason);
	vcpu_set_guest(late->vcpu, guest_of_a_poor_host, 0);
	call_wait_sync(late->vcpu, 1);
	late_serve(&server, late, 1, FAILURES);
	for (i = 0; i < FAILURES; i++) {
		inject_arm(i + 1);
		do {
			ret = vcpu_run(late->vcpu);
		} while (ret == -ENOMEM || ret == -EAGAIN || ret == -EINTR);
		failed = inject_disarm();
		ASSERT_EQ(0, ret);
		ASSERT_EQ(2, call_of_exit(late->vcpu)->value[0]);
		waited += failed && call_of_exit(late->vcpu)->value[1] == TRY_NONE;
	}
	EXPECT_LT(0, waited);
	call_wait_done(late->vcpu);
	pthread_join(server.thread, NULL);
}

TEST_HARNESS_MAIN
