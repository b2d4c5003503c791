// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nothing is lost while time passes: four vCPUs on one CPU count the ticks of their timers and the interrupts that
 * they send one another, and a fifth reads the clock. QUIRE_TICKS_SECONDS says for how long (4).
 *
 * An APIC holds one tick that the vCPU did not take yet. So a periodic timer may lose one where its vCPU did not run
 * for longer than a period: the guest sees that by its TSC and counts what may be missing. A guest of TSC deadlines
 * sets each to a period after the last one, however late it is, and misses none.
 */
#include "test.h"
#include "apic.h"
#include "pv.h"
#include "runner.h"

#include <time.h>

#define CPUS		4
#define TICK		0x50
#define IPI(sender)	(0x60 + (sender))	/* a vector for each sender: they do not merge */
#define SPEED_PPM	50
#define CLOCK_JUMP_NS	1000000000000ull
#define CLOCK_READS	50
#define NS_PER_SEC	1000000000ull
#define PATIENCE_NS	(3 * NS_PER_SEC)	/* for what is on its way */

/* vCPUs 0 and 1 have periodic timers, 2 and 3 deadlines; 3 halts between interrupts */
static const u64 period_ns[CPUS] = { 25000000, 40000000, 5000000, 7000000 };

/* by how much the host may be late with a tick of a vCPU that runs */
#define LATE(count)	((count)->period / 8)

#define IS_PERIODIC(id)	((id) < 2)
#define IS_HALTING(id)	((id) == 3)

FIXTURE(ticks) {
	struct vm vm;
	struct runner runner[CPUS];
	struct vcpu *clock;
	u64 seconds;
};

FIXTURE_VARIANT(ticks) {
	bool x2apic;
};

FIXTURE_VARIANT_ADD(ticks, xapic) { .x2apic = false };
FIXTURE_VARIANT_ADD(ticks, x2apic) { .x2apic = true };

/* what a vCPU has seen, in the guest's copy */
struct count {
	volatile u64 ticks;
	volatile u64 received[CPUS];	/* by sender */
	u64 sent[CPUS];			/* by receiver */
	u64 expected, possible;		/* ticks, by the TSC: before and after the timer was stopped */
	u64 excused;			/* ticks that came while the vCPU was away, but for one each time */
	u64 deadline;
	u64 period;			/* by the TSC, as all that follows */
	u64 begun;
	u64 last;			/* when it was seen to run */
};

static struct count counts[CPUS];
static volatile u64 ready, through;
static volatile u64 tsc_khz, run_ns;

static u64 tsc_of(u64 ns)
{
	return ns / 1000 * tsc_khz / 1000;
}

static void on_tick(struct guest_frame *frame)
{
	u64 id = guest_this_cpu()->id;
	struct count *count = &counts[id];

	count->ticks++;
	if (!IS_PERIODIC(id) && count->deadline) {
		count->deadline += count->period;
		guest_wrmsr(MSR_TSC_DEADLINE, count->deadline);
	}
	guest_apic_write(APIC_EOI, 0);
}

static void on_ipi(struct guest_frame *frame)
{
	counts[guest_this_cpu()->id].received[frame->vector - IPI(0)]++;
	guest_apic_write(APIC_EOI, 0);
}

static void listen(bool x2apic)
{
	u64 i;

	guest_handlers[TICK] = on_tick;
	for (i = 0; i < CPUS; i++)
		guest_handlers[IPI(i)] = on_ipi;
	guest_apic_enable(x2apic);
	guest_sti();
	__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
	while (ready != CPUS)
		guest_pause();
}

static void start_timer(u64 id, struct count *count)
{
	count->period = tsc_of(period_ns[id]);
	if (IS_PERIODIC(id)) {
		guest_apic_write(APIC_TDCR, 0xb);
		guest_apic_write(APIC_LVTT, LVT_PERIODIC | TICK);
		do {
			count->begun = guest_rdtsc();
			guest_apic_write(APIC_TMICT, period_ns[id]);
		} while (guest_rdtsc() - count->begun > LATE(count));
		count->last = count->begun + LATE(count);
		return;
	}
	count->begun = guest_rdtsc();
	guest_apic_write(APIC_LVTT, LVT_DEADLINE | TICK);
	count->deadline = count->begun + count->period;
	guest_wrmsr(MSR_TSC_DEADLINE, count->deadline);
}

static void stop_timer(u64 id, struct count *count)
{
	if (IS_PERIODIC(id)) {
		guest_apic_write(APIC_TMICT, 0);
		return;
	}
	count->deadline = 0;
	guest_wrmsr(MSR_TSC_DEADLINE, 0);
}

/* one to each vCPU that has taken the last one; whether there was any */
static bool send_more(u64 id, struct count *count)
{
	bool sent = false;
	u64 to;

	for (to = 0; to < CPUS; to++) {
		if (to == id || counts[to].received[id] != count->sent[to])
			continue;
		count->sent[to]++;
		guest_apic_icr(to, IPI(id));
		sent = true;
	}
	return sent;
}

static bool all_taken(u64 id, struct count *count)
{
	u64 to;

	for (to = 0; to < CPUS; to++)
		if (to != id && counts[to].received[id] != count->sent[to])
			return false;
	return true;
}

static u64 periods(const struct count *count, u64 time)
{
	return (time - count->begun) / count->period;
}

/* the time; what it tells of a vCPU that did not run is noted */
static u64 note_time(struct count *count)
{
	u64 now = guest_rdtsc(), due;

	if (!IS_PERIODIC(guest_this_cpu()->id) || now < count->last)
		return now;
	due = periods(count, now) - periods(count, count->last - LATE(count));
	if (due > 1)
		count->excused += due - 1;
	count->last = now;
	return now;
}

/* the ticks that should have come by now; a periodic timer may have lost some of them */
static bool all_came(u64 id, const struct count *count, u64 expected)
{
	return count->ticks + (IS_PERIODIC(id) ? count->excused : 0) >= expected;
}

/* with interrupts off: no tick is late, unless it is late by seconds, and the next one is not near */
static u64 between_ticks(u64 id, struct count *count)
{
	u64 first = guest_rdtsc(), now, phase;

	for (;;) {
		guest_cli();
		now = note_time(count);
		phase = (now - count->begun) % count->period;
		if (phase < count->period / 2 &&
		    (all_came(id, count, periods(count, now)) || now - first > tsc_of(PATIENCE_NS)))
			return now;
		guest_sti();
		guest_pause();
	}
}

static void guest_counts(u64 x2apic)
{
	u64 id = guest_this_cpu()->id, now;
	struct count *count = &counts[id];

	listen(x2apic);
	start_timer(id, count);
	do {
		if (!send_more(id, count) && IS_HALTING(id))
			guest_hlt();	/* the next tick ends it at the latest */
		now = note_time(count);
	} while (now - count->begun < tsc_of(run_ns));
	now = between_ticks(id, count);
	stop_timer(id, count);
	count->expected = periods(count, now);
	count->possible = periods(count, guest_rdtsc());
	guest_sti();
	while (!all_taken(id, count) && guest_rdtsc() - now < tsc_of(PATIENCE_NS))
		guest_pause();
	__atomic_fetch_add(&through, 1, __ATOMIC_SEQ_CST);
	while (through != CPUS)
		guest_pause();
	guest_cli();
}

static struct pv_clock clock_page __attribute__((aligned(64)));

static void guest_tells_time(u64 argument)
{
	guest_wrmsr(MSR_PV_CLOCK, (u64)&clock_page | 1);
	for (;;)
		guest_sync2(1, guest_pv_clock(&clock_page));
}

/* one moment in both times, in ns; the guest's time was read at most @width / 2 from @host */
struct moment {
	u64 host, width, guest;
};

static u64 host_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return now.tv_sec * NS_PER_SEC + now.tv_nsec;
}

/* the best of some: others want the CPU too */
static struct moment moment_now(struct vcpu *clock)
{
	struct moment best = { .width = ~0ull };
	u64 before, guest, after;
	int i;

	for (i = 0; i < CLOCK_READS; i++) {
		before = host_ns();
		guest = call_wait_sync(clock, 1);
		after = host_ns();
		if (after - before < best.width)
			best = (struct moment){ before + (after - before) / 2, after - before, guest };
	}
	return best;
}

/* by how many ns the guest's clock is ahead, from one moment to the other; *@doubt is how wrong that may be */
static long ahead(const struct moment *a, const struct moment *b, u64 jump, u64 *doubt)
{
	*doubt = (a->width + b->width) / 2;
	return (long)(b->guest - a->guest - jump - (b->host - a->host));
}

static void check_speed(struct __test_metadata *_metadata, const struct moment *a, const struct moment *b)
{
	u64 doubt, elapsed = b->host - a->host;
	long ns = ahead(a, b, 0, &doubt);

	fprintf(stderr, "# the clock: %ld ns ahead after %lu ms, +-%lu ns: %ld ppb\n", ns, (long)(elapsed / 1000000),
		(long)doubt, ns * 1000000 / (long)(elapsed / 1000));
	EXPECT_GE((long)(elapsed / 1000000 * SPEED_PPM + doubt), labs(ns));
}

/* a step forward by user space: the guest sees it, and no more than it */
static void set_clock(struct __test_metadata *_metadata, struct vm *vm, struct vcpu *clock)
{
	struct kvm_clock_data data = {};
	struct moment before = moment_now(clock), after;
	u64 doubt, called = host_ns();
	long ns;

	kvm_must(vm->fd, KVM_GET_CLOCK, &data);
	data.clock += CLOCK_JUMP_NS;
	data.flags = 0;
	kvm_must(vm->fd, KVM_SET_CLOCK, &data);
	called = host_ns() - called;
	after = moment_now(clock);
	/* what passes between the two calls is lost */
	ns = ahead(&before, &after, CLOCK_JUMP_NS, &doubt);
	fprintf(stderr, "# KVM_SET_CLOCK: %ld ns ahead, +-%lu ns; the calls took %lu ns\n", ns, (long)doubt,
		(long)called);
	EXPECT_GE((long)doubt, ns);
	EXPECT_LE(-(long)(doubt + called), ns);
}

static struct kvm_cpuid2 *cpuid_with_deadline(int node)
{
	struct kvm_cpuid2 *cpuid = cpuid_supported(node);

	cpuid_find(cpuid, 1, 0)->ecx |= 1 << 24;
	return cpuid;
}

FIXTURE_SETUP(ticks)
{
	const char *seconds = getenv("QUIRE_TICKS_SECONDS");
	struct kvm_cpuid2 *cpuid;
	int i;

	self->seconds = seconds ? strtoul(seconds, NULL, 0) : 4;
	vm_create(&self->vm, VM_SPLIT_IRQCHIP);
	cpuid = cpuid_with_deadline(self->vm.node);
	for (i = 0; i <= CPUS; i++) {
		vcpu_create(&self->vm, i);
		ASSERT_EQ(0, kvm_ioctl(self->vm.vcpus[i]->fd, KVM_SET_CPUID2, cpuid));
		vcpu_make_runnable(self->vm.vcpus[i]);
	}
	free(cpuid);
	self->clock = self->vm.vcpus[CPUS];
	vcpu_set_guest(self->clock, guest_tells_time, 0);
	*guest_copy(&self->vm, run_ns) = self->seconds * NS_PER_SEC;
	*guest_copy(&self->vm, tsc_khz) = kvm_ioctl_n(self->clock->fd, KVM_GET_TSC_KHZ, 0);
}

FIXTURE_TEARDOWN(ticks)
{
	vm_destroy(&self->vm);
}

static void check_counts(struct __test_metadata *_metadata, const struct count *count, int id)
{
	u64 interrupts = 0;
	int from;

	for (from = 0; from < CPUS; from++) {
		interrupts += count[id].received[from];
		EXPECT_EQ(count[from].sent[id], count[id].received[from]);
		if (from != id)
			EXPECT_LT(0, count[id].received[from]);
	}
	fprintf(stderr, "# vCPU %d: %lu ticks of %lu (%s of %lu us), %lu merged at most; %lu interrupts\n", id,
		(long)count[id].ticks, (long)count[id].expected, IS_PERIODIC(id) ? "periods" : "deadlines",
		(long)period_ns[id] / 1000, IS_PERIODIC(id) ? (long)count[id].excused : 0, (long)interrupts);
	EXPECT_GE(count[id].possible, count[id].ticks);
	/* seen on QEMU's TCG: as if an interrupt of the host's timer had been lost, and some of its periods with it */
	if (IS_PERIODIC(id) && machine_is_tcg()) {
		EXPECT_LE(count[id].expected / 4, count[id].ticks);
		return;
	}
	EXPECT_TRUE(all_came(id, &count[id], count[id].expected));
}

TEST_F_TIMEOUT(ticks, none_is_lost, 600)
{
	const struct timespec half = { self->seconds / 2, self->seconds % 2 * (NS_PER_SEC / 2) };
	const struct count *count = *guest_copy(&self->vm, counts);
	struct moment begin, middle, end;
	int i;

	for (i = 0; i < CPUS; i++) {
		vcpu_set_guest(self->vm.vcpus[i], guest_counts, variant->x2apic);
		runner_start(&self->runner[i], self->vm.vcpus[i]);
	}
	begin = moment_now(self->clock);
	nanosleep(&half, NULL);
	middle = moment_now(self->clock);
	check_speed(_metadata, &begin, &middle);
	set_clock(_metadata, &self->vm, self->clock);
	middle = moment_now(self->clock);
	nanosleep(&half, NULL);
	end = moment_now(self->clock);
	check_speed(_metadata, &middle, &end);
	for (i = 0; i < CPUS; i++)
		runner_join(&self->runner[i]);
	for (i = 0; i < CPUS; i++)
		check_counts(_metadata, count, i);
}

TEST_HARNESS_MAIN
