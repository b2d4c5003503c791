// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nothing is lost while time passes: four vCPUs on one CPU count the ticks of their timers and the interrupts that
 * they send one another, and a fifth reads the clock. QUIRE_TICKS_SECONDS says for how long (4).
 *
 * An APIC holds one tick that the vCPU did not take yet: the next one merges with it. So a periodic tick may be missing
 * where the vCPU did not run from one to the next, and nowhere else: the guest knows by its TSC which tick it takes,
 * and when it last ran. A guest of TSC deadlines sets each to a period after the last one, however late it is, and
 * misses none.
 *
 * An emulated host is not always told of time. A thread of the highest priority sleeps for a moment again and again: as
 * long as it is not woken, the host hears no timer, and then a vCPU runs without ticks through no fault of the module.
 */
#include "test.h"
#include "apic.h"
#include "pv.h"
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
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

/* a tick may come so much too soon, by a clock that drifts against the TSC, and so late while the vCPU runs */
#define EARLY(count)	((count)->period / 16)
#define LATE(count)	((count)->period / 4)

#define MISSED_MAX	256
#define DEAF_MAX	32768
#define WATCH_NS	2000000ull	/* how long the watching thread sleeps; half as much again is noted */

#define IS_PERIODIC(id)	((id) < 2)
#define IS_HALTING(id)	((id) == 3)

/* from when to when, by the TSC of the host or of the guest */
struct stretch {
	u64 from, to;
};

/* when the host heard no timer */
struct watch {
	pthread_t thread;
	volatile bool over;
	u64 khz;
	u64 nr;
	struct stretch deaf[DEAF_MAX];
};

FIXTURE(ticks) {
	struct vm vm;
	struct runner runner[CPUS];
	struct vcpu *clock;
	u64 seconds;
	u64 tsc_offset[CPUS];	/* the guest's is ahead by it */
	struct watch *watch;
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
	u64 taken;			/* the period that the last tick ended */
	u64 merged;			/* ticks that were due while the vCPU was away with one before them */
	u64 missing;			/* ticks that are missing although it ran */
	u64 nr_missed;
	struct stretch missed[MISSED_MAX];	/* from when a tick was due at the latest, until when it ran without */
	u64 deadline;
	u64 period;			/* by the TSC, as all that follows */
	u64 begun;
	volatile u64 last;		/* when it was seen to run */
};

static struct count counts[CPUS];
static volatile u64 ready, through;
static volatile u64 tsc_khz, run_ns;

static u64 tsc_of(u64 ns)
{
	return ns / 1000 * tsc_khz / 1000;
}

static u64 periods(const struct count *count, u64 time)
{
	return (time - count->begun) / count->period;
}

/* when the first tick is due that did not come yet */
static u64 next_tick(const struct count *count)
{
	return count->begun + (count->taken + 1) * count->period;
}

static void note_missing(struct count *count, u64 ticks, u64 due, u64 until)
{
	count->missing += ticks;
	if (count->nr_missed < MISSED_MAX)
		count->missed[count->nr_missed] = (struct stretch){ due + 2 * EARLY(count), until };
	count->nr_missed++;
}

/* a periodic tick: which one it is, and where those are that should have come before it */
static void note_tick(struct count *count)
{
	u64 ended = periods(count, guest_rdtsc()), before = ended - count->taken - 1;
	u64 due = next_tick(count);

	/* the one before came so late that it was taken for this one */
	if (ended == count->taken) {
		count->merged -= !!count->merged;
		return;
	}
	if (before && count->last > due + LATE(count))
		note_missing(count, before, due, count->last);
	else
		count->merged += before;
	count->taken = ended;
}

static void on_tick(struct guest_frame *frame)
{
	u64 id = guest_this_cpu()->id;
	struct count *count = &counts[id];

	count->ticks++;
	if (IS_PERIODIC(id)) {
		note_tick(count);
	} else if (count->deadline) {
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
			guest_apic_write(APIC_TMICT, 0);
			count->ticks = 0;
			count->taken = 0;
			count->merged = 0;
			count->begun = guest_rdtsc() - EARLY(count);
			guest_apic_write(APIC_TMICT, period_ns[id]);
		} while (guest_rdtsc() - count->begun > 2 * EARLY(count));
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

/* are all ticks there that were due by now? */
static bool all_came(u64 id, const struct count *count, u64 now)
{
	return (IS_PERIODIC(id) ? count->taken : count->ticks) >= periods(count, now);
}

/* with interrupts off: no tick is late, unless it is late by seconds, and the next one is not near */
static u64 between_ticks(u64 id, struct count *count)
{
	u64 first = guest_rdtsc(), now;

	for (;;) {
		guest_cli();
		now = guest_rdtsc();
		if ((now - count->begun) % count->period < count->period / 2) {
			if (all_came(id, count, now))
				return now;
			if (now - first > tsc_of(PATIENCE_NS))
				break;
		}
		count->last = now;
		guest_sti();
		guest_pause();
	}
	if (IS_PERIODIC(id))
		note_missing(count, periods(count, now) - count->taken, next_tick(count), now);
	return now;
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
		now = guest_rdtsc();
		count->last = now;
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

static void *watch_time(void *argument)
{
	const struct sched_param highest = { .sched_priority = sched_get_priority_max(SCHED_FIFO) };
	u64 before = guest_rdtsc(), begun = host_ns(), woken, now;
	const struct timespec moment = { .tv_nsec = WATCH_NS };
	struct watch *watch = argument;

	if (sched_setscheduler(0, SCHED_FIFO, &highest))
		die("no real-time priority");
	while (!watch->over) {
		nanosleep(&moment, NULL);
		woken = guest_rdtsc();
		now = host_ns();
		if (now - begun > WATCH_NS * 3 / 2 && watch->nr < DEAF_MAX)
			watch->deaf[watch->nr++] = (struct stretch){ before, woken };
		before = woken;
		begun = now;
	}
	return NULL;
}

static void watch_start(struct watch *watch)
{
	if (pthread_create(&watch->thread, NULL, watch_time, watch))
		die("no thread that watches");
}

static void watch_join(struct watch *watch)
{
	u64 i, ms, sum = 0, longest = 0;

	watch->over = true;
	pthread_join(watch->thread, NULL);
	for (i = 0; i < watch->nr; i++) {
		ms = (watch->deaf[i].to - watch->deaf[i].from) / watch->khz;
		sum += ms;
		longest = ms > longest ? ms : longest;
	}
	fprintf(stderr, "# the host heard no timer %lu times, %lu ms in all, %lu ms at most\n", (long)watch->nr,
		(long)sum, (long)longest);
}

/* did the host hear no timer all the time that the vCPU ran without its tick? */
static bool host_was_deaf(const struct watch *watch, const struct stretch *missed, u64 tsc_offset)
{
	u64 from = missed->from - tsc_offset, to = missed->to - tsc_offset, i;

	for (i = 0; i < watch->nr; i++)
		if (watch->deaf[i].from <= from && to <= watch->deaf[i].to)
			return true;
	return false;
}

/* what is known of a stretch in which a tick is lost */
static void tell_deaf(const struct watch *watch, const struct stretch *missed, u64 tsc_offset)
{
	u64 from = missed->from - tsc_offset, to = missed->to - tsc_offset, i;

	for (i = 0; i < watch->nr; i++)
		if (watch->deaf[i].from < to && watch->deaf[i].to > from)
			fprintf(stderr, "#   no timer from %ld us until %ld us\n",
				(long)(watch->deaf[i].from - from) * 1000 / (long)watch->khz,
				(long)(watch->deaf[i].to - from) * 1000 / (long)watch->khz);
}

static u64 tsc_offset(struct vcpu *vcpu)
{
	u64 offset;
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET, .addr = (u64)&offset,
	};

	kvm_must(vcpu->fd, KVM_GET_DEVICE_ATTR, &attr);
	return offset;
}

static struct kvm_cpuid2 *cpuid_with_deadline(int node)
{
	struct kvm_cpuid2 *cpuid = cpuid_supported(node);

	cpuid_find(cpuid, 1, 0)->ecx |= 1 << 24;
	return cpuid;
}

/*
 * Linux measures its TSC once more after its boot, in the background, as "tsc-early" says until then. The clocks of
 * VMs from before that have another speed.
 */
static void wait_for_measured_tsc(void)
{
	const char *path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
	const struct timespec tenth = { .tv_nsec = 100000000 };
	char name[32] = "";
	int tenths, fd;

	for (tenths = 0; tenths < 600; tenths++) {
		fd = open(path, O_RDONLY);
		if (fd < 0 || read(fd, name, sizeof(name) - 1) < 0)
			die("%s: %s", path, strerror(errno));
		close(fd);
		if (strncmp(name, "tsc-early", strlen("tsc-early")))
			return;
		nanosleep(&tenth, NULL);
	}
	die("the host has not measured its TSC within a minute");
}

FIXTURE_SETUP(ticks)
{
	const char *seconds = getenv("QUIRE_TICKS_SECONDS");
	struct kvm_cpuid2 *cpuid;
	int i;

	wait_for_measured_tsc();
	self->seconds = seconds ? strtoul(seconds, NULL, 0) : 4;
	vm_create(&self->vm, VM_SPLIT_IRQCHIP);
	cpuid = cpuid_with_deadline(self->vm.node);
	for (i = 0; i <= CPUS; i++) {
		vcpu_create(&self->vm, i);
		ASSERT_EQ(0, kvm_ioctl(self->vm.vcpus[i]->fd, KVM_SET_CPUID2, cpuid));
		vcpu_make_runnable(self->vm.vcpus[i]);
	}
	free(cpuid);
	for (i = 0; i < CPUS; i++)
		self->tsc_offset[i] = tsc_offset(self->vm.vcpus[i]);
	self->watch = calloc(1, sizeof(*self->watch));
	self->clock = self->vm.vcpus[CPUS];
	vcpu_set_guest(self->clock, guest_tells_time, 0);
	*guest_copy(&self->vm, run_ns) = self->seconds * NS_PER_SEC;
	self->watch->khz = kvm_ioctl_n(self->clock->fd, KVM_GET_TSC_KHZ, 0);
	*guest_copy(&self->vm, tsc_khz) = self->watch->khz;
}

FIXTURE_TEARDOWN(ticks)
{
	vm_destroy(&self->vm);
	free(self->watch);
}

/* every one that was sent */
static void check_interrupts(struct __test_metadata *_metadata, const struct count *count, int id)
{
	u64 interrupts = 0;
	int from;

	for (from = 0; from < CPUS; from++) {
		interrupts += count[id].received[from];
		EXPECT_EQ(count[from].sent[id], count[id].received[from]);
		if (from != id)
			EXPECT_LT(0, count[id].received[from]);
	}
	fprintf(stderr, "# vCPU %d: %lu interrupts\n", id, (long)interrupts);
}

static void check_ticks(struct __test_metadata *_metadata, const struct count *count, int id)
{
	fprintf(stderr, "# vCPU %d: %lu ticks of %lu (%s of %lu us), %lu merged, %lu missing\n", id, (long)count->ticks,
		(long)count->expected, IS_PERIODIC(id) ? "periods" : "deadlines", (long)period_ns[id] / 1000,
		(long)count->merged, (long)count->missing);
	EXPECT_GE(count->possible, count->ticks);
	EXPECT_LE(count->expected, count->ticks + count->merged + count->missing);
}

/* on hardware none is missing; an emulator's host may hear no timer for a part of the time */
static void check_missed(struct __test_metadata *_metadata, const struct count *count, const struct watch *watch,
			 u64 tsc_offset)
{
	u64 i;

	EXPECT_GE(machine_is_tcg() ? MISSED_MAX : 0, count->nr_missed);
	EXPECT_LE(count->expected / 4, count->ticks);
	for (i = 0; i < count->nr_missed && i < MISSED_MAX; i++) {
		const struct stretch *missed = &count->missed[i];
		bool deaf = host_was_deaf(watch, missed, tsc_offset);

		fprintf(stderr, "# after period %lu it ran for %lu us without a tick%s\n",
			(long)((missed->from - count->begun) / count->period),
			(long)((missed->to - missed->from) * 1000 / watch->khz),
			deaf ? ": the host heard no timer" : "");
		EXPECT_TRUE(deaf);
		if (!deaf)
			tell_deaf(watch, missed, tsc_offset);
	}
}

TEST_F_TIMEOUT(ticks, none_is_lost, 600)
{
	const struct timespec half = { self->seconds / 2, self->seconds % 2 * (NS_PER_SEC / 2) };
	const struct count *count = *guest_copy(&self->vm, counts);
	struct moment begin, middle, end;
	int i;

	watch_start(self->watch);
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
	watch_join(self->watch);
	for (i = 0; i < CPUS; i++) {
		check_interrupts(_metadata, count, i);
		check_ticks(_metadata, &count[i], i);
		check_missed(_metadata, &count[i], self->watch, self->tsc_offset[i]);
	}
}

TEST_HARNESS_MAIN
