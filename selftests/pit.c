// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interval timer in the kernel: counts, the speaker's gate, interrupts through either chip, ticks that come while
 * the guest does not listen, state by ioctl.
 */
#include "test.h"
#include "chips.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define PIT		0x40
#define PIT_MODE	0x43
#define PIT_SPEAKER	0x61
#define PIT_HZ		1193182ull
#define VECTOR		0x61
#define TICKS		20

FIXTURE(pit) {
	struct vm vm;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(pit)
{
	struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };

	vm_create(&self->vm, VM_IRQCHIP);
	kvm_must(self->vm.fd, KVM_CREATE_PIT2, &config);
	self->vcpu = vcpu_create(&self->vm, 0);
}

FIXTURE_TEARDOWN(pit)
{
	vm_destroy(&self->vm);
}

static u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void sleep_ms(u64 ms)
{
	struct timespec time = { .tv_nsec = ms * 1000000 };

	nanosleep(&time, NULL);
}

static struct kvm_pit_state2 get_pit2(struct vm *vm)
{
	struct kvm_pit_state2 state = {};

	kvm_must(vm->fd, KVM_GET_PIT2, &state);
	return state;
}

static int reinject(struct vm *vm, bool on)
{
	struct kvm_reinject_control control = { .pit_reinject = on };

	return kvm_ioctl(vm->fd, KVM_REINJECT_CONTROL, &control);
}

/* GSI 0 to a pin of the I/O APIC alone, as VMMs wire it */
static void route_to_ioapic(struct vm *vm, u32 pin)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} routes = {
		.head.nr = 1,
		.entry = { .gsi = 0, .type = KVM_IRQ_ROUTING_IRQCHIP,
			   .u.irqchip = { .irqchip = KVM_IRQCHIP_IOAPIC, .pin = pin } },
	};

	kvm_must(vm->fd, KVM_SET_GSI_ROUTING, &routes);
}

TEST(pit_bad_input)
{
	struct kvm_pit_config config = {};
	struct kvm_pit_state2 state2 = {};
	struct kvm_pit_state state = {};
	struct vm vm;

	vm_create(&vm, VM_SPLIT_IRQCHIP);
	EXPECT_EQ(1, vm_has(&vm, KVM_CAP_PIT));
	EXPECT_EQ(1, vm_has(&vm, KVM_CAP_PIT2));
	EXPECT_EQ(1, vm_has(&vm, KVM_CAP_PIT_STATE2));
	EXPECT_EQ(1, vm_has(&vm, KVM_CAP_REINJECT_CONTROL));
	EXPECT_EQ(-ENOENT, kvm_ioctl(vm.fd, KVM_CREATE_PIT, NULL));
	EXPECT_EQ(-ENOENT, kvm_ioctl(vm.fd, KVM_CREATE_PIT2, &config));
	vm_destroy(&vm);

	vm_create(&vm, VM_IRQCHIP);
	EXPECT_EQ(-ENXIO, kvm_ioctl(vm.fd, KVM_GET_PIT, &state));
	EXPECT_EQ(-ENXIO, kvm_ioctl(vm.fd, KVM_SET_PIT, &state));
	EXPECT_EQ(-ENXIO, kvm_ioctl(vm.fd, KVM_GET_PIT2, &state2));
	EXPECT_EQ(-ENXIO, kvm_ioctl(vm.fd, KVM_SET_PIT2, &state2));
	EXPECT_EQ(-ENXIO, reinject(&vm, true));
	config.flags = 2;
	EXPECT_EQ(-EINVAL, kvm_ioctl(vm.fd, KVM_CREATE_PIT2, &config));
	EXPECT_EQ(0, kvm_ioctl(vm.fd, KVM_CREATE_PIT, NULL));
	config.flags = 0;
	EXPECT_EQ(-EEXIST, kvm_ioctl(vm.fd, KVM_CREATE_PIT2, &config));
	EXPECT_EQ(-EEXIST, kvm_ioctl(vm.fd, KVM_CREATE_PIT, NULL));
	EXPECT_EQ(-EFAULT, kvm_ioctl(vm.fd, KVM_SET_PIT, NULL));
	EXPECT_EQ(-EFAULT, kvm_ioctl(vm.fd, KVM_GET_PIT, NULL));
	EXPECT_EQ(-EFAULT, kvm_ioctl(vm.fd, KVM_SET_PIT2, NULL));
	EXPECT_EQ(-EFAULT, kvm_ioctl(vm.fd, KVM_REINJECT_CONTROL, NULL));
	state2.flags = 4;
	EXPECT_EQ(-EINVAL, kvm_ioctl(vm.fd, KVM_SET_PIT2, &state2));
	vm_destroy(&vm);
}

/* the guest's own */
static volatile u64 hits;

static void on_tick(struct guest_frame *frame)
{
	hits++;
	guest_pic_eoi(0);
}

static void on_ioapic_tick(struct guest_frame *frame)
{
	hits++;
	guest_apic_write(APIC_EOI, 0);
}

static void guest_set_count(u32 channel, u32 mode, u32 count)
{
	guest_out8(PIT_MODE, channel << 6 | 3 << 4 | mode << 1);
	guest_out8(PIT + channel, count);
	guest_out8(PIT + channel, count >> 8);
}

static u32 guest_get_count(u32 channel)
{
	u32 low;

	guest_out8(PIT_MODE, channel << 6);
	low = guest_in8(PIT + channel);
	return low | guest_in8(PIT + channel) << 8;
}

static void guest_ready_for_pic(void)
{
	guest_handlers[PIC_BASE] = on_tick;
	guest_apic_enable(false);
	guest_pic_init(1);
	guest_apic_write(APIC_LVT0, LVT_EXTINT);
}

static void guest_wait_hits(u64 count)
{
	while (hits < count) {
		guest_sti_hlt();
		guest_cli();
	}
}

/* counts and gates, without interrupts */

static void guest_counts(u64 unused)
{
	u32 count, before;
	u64 i;

	guest_set_count(0, 2, 0xffff);
	before = guest_get_count(0);
	for (i = 0; i < 10000; i++)
		guest_pause();
	count = guest_get_count(0);
	GUEST_EXPECT(count != before);
	/* a latched count waits to be read, for some milliseconds here */
	guest_out8(PIT_MODE, 0);
	guest_sync(1);
	before = guest_in8(PIT);
	before |= guest_in8(PIT) << 8;
	count = guest_get_count(0);
	GUEST_EXPECT((before + 0xffff - count) % 0xffff >= 5000);
	/* channel 2 counts while its gate is up, and its output is bit 5 */
	guest_out8(PIT_SPEAKER, 0);
	guest_set_count(2, 0, 1193);
	guest_sync(2);
	GUEST_EXPECT_EQ(0, guest_in8(PIT_SPEAKER) & 0x21);
	guest_out8(PIT_SPEAKER, 3);
	guest_sync(3);
	GUEST_EXPECT_EQ(0x23, guest_in8(PIT_SPEAKER) & 0x23);
}

TEST_F(pit, counts)
{
	vcpu_set_guest(self->vcpu, guest_counts, 0);
	call_wait_sync(self->vcpu, 1);
	sleep_ms(5);
	call_wait_sync(self->vcpu, 2);
	EXPECT_EQ(0, get_pit2(&self->vm).flags);
	sleep_ms(5);
	call_wait_sync(self->vcpu, 3);
	EXPECT_EQ(KVM_PIT_FLAGS_SPEAKER_DATA_ON, get_pit2(&self->vm).flags);
	sleep_ms(5);
	call_wait_done(self->vcpu);
}

/* interrupts: a period of 2 ms, by PIC and by I/O APIC */

#define PERIOD_COUNT	2386
#define PERIOD_NS	(PERIOD_COUNT * 1000000000ull / PIT_HZ)

static void guest_ticks_by_pic(u64 unused)
{
	guest_ready_for_pic();
	guest_sync(1);
	guest_set_count(0, 2, PERIOD_COUNT);
	guest_wait_hits(TICKS);
	guest_sync(2);
}

static void guest_ticks_by_ioapic(u64 pin)
{
	guest_handlers[VECTOR] = on_ioapic_tick;
	guest_apic_enable(true);
	guest_pic_init(0);
	guest_ioapic_set(pin, VECTOR);
	guest_sync(1);
	guest_set_count(0, 2, PERIOD_COUNT);
	guest_wait_hits(TICKS);
	guest_sync(2);
}

static void time_ticks(struct __test_metadata *_metadata, struct vcpu *vcpu)
{
	u64 start;

	call_wait_sync(vcpu, 1);
	start = now_ns();
	call_wait_sync(vcpu, 2);
	/* not early, and none twice */
	EXPECT_LE(TICKS * PERIOD_NS - PERIOD_NS / 2, now_ns() - start);
	call_wait_done(vcpu);
}

TEST_F(pit, ticks_by_pic)
{
	vcpu_set_guest(self->vcpu, guest_ticks_by_pic, 0);
	time_ticks(_metadata, self->vcpu);
}

TEST_F(pit, ticks_by_ioapic)
{
	route_to_ioapic(&self->vm, 2);
	vcpu_set_guest(self->vcpu, guest_ticks_by_ioapic, 2);
	time_ticks(_metadata, self->vcpu);
}

static void guest_one_shot(u64 unused)
{
	guest_ready_for_pic();
	guest_set_count(0, 0, PERIOD_COUNT);
	guest_wait_hits(1);
	guest_sync(1);
	guest_sti();
	guest_nop();
	guest_cli();
	GUEST_EXPECT_EQ(1, hits);
}

TEST_F(pit, one_shot)
{
	vcpu_set_guest(self->vcpu, guest_one_shot, 0);
	call_wait_sync(self->vcpu, 1);
	sleep_ms(10);
	call_wait_done(self->vcpu);
}

/* what comes while the guest does not listen is delivered later, or is one tick, as the VMM wants it */

#define SLOW_COUNT	11932	/* 10 ms */
#define LATE_MS		200
#define LATE_TICKS	20

static void guest_listens_late(u64 ioapic)
{
	u64 i;

	if (ioapic) {
		guest_handlers[VECTOR] = on_ioapic_tick;
		guest_apic_enable(false);
		guest_pic_init(0);
		guest_ioapic_set(2, VECTOR);
	} else {
		guest_ready_for_pic();
	}
	guest_set_count(0, 2, SLOW_COUNT);
	guest_sync(1);
	for (i = 0; i < 30; i++) {
		guest_sti();
		guest_nop();
		guest_nop();
		guest_cli();
	}
	guest_sync2(2, hits);
}

/*
 * how many ticks the guest gets at once, after LATE_MS or a little more, of which *@ms tells; before that the VMM does
 * @meanwhile
 */
static u64 late_ticks_after(struct vcpu *vcpu, bool ioapic, u64 *ms, void (*meanwhile)(struct vm *))
{
	u64 start = now_ns(), ticks;

	vcpu_set_guest(vcpu, guest_listens_late, ioapic);
	call_wait_sync(vcpu, 1);
	sleep_ms(LATE_MS);
	if (meanwhile)
		meanwhile(vcpu->vm);
	ticks = call_wait_sync(vcpu, 2);
	*ms = (now_ns() - start) / 1000000;
	return ticks;
}

static u64 late_ticks(struct vcpu *vcpu, bool ioapic, u64 *ms)
{
	return late_ticks_after(vcpu, ioapic, ms, NULL);
}

TEST_F(pit, late_ticks_by_pic)
{
	u64 ms, ticks = late_ticks(self->vcpu, false, &ms);

	EXPECT_LE(LATE_TICKS - 1, ticks);
	EXPECT_GE(ms / 10 + 1, ticks);
}

TEST_F(pit, late_ticks_by_ioapic)
{
	u64 ms, ticks;

	route_to_ioapic(&self->vm, 2);
	ticks = late_ticks(self->vcpu, true, &ms);
	EXPECT_LE(LATE_TICKS - 1, ticks);
	EXPECT_GE(ms / 10 + 1, ticks);
}

TEST_F(pit, late_ticks_are_one)
{
	u64 ms, ticks;

	ASSERT_EQ(0, reinject(&self->vm, false));
	ticks = late_ticks(self->vcpu, false, &ms);
	EXPECT_LE(1, ticks);
	EXPECT_GE(ms / 10 + 1 - LATE_TICKS / 2, ticks);
}

/* the ticks that are owed are no part of the state: who reads it leaves them, who writes it forgets them */

static void reads_state(struct vm *vm)
{
	get_pit2(vm);
	/* it is so already */
	reinject(vm, true);
}

TEST_F(pit, late_ticks_outlast_a_look)
{
	u64 ms, ticks = late_ticks_after(self->vcpu, false, &ms, reads_state);

	EXPECT_LE(LATE_TICKS - 1, ticks);
	EXPECT_GE(ms / 10 + 1, ticks);
}

static void writes_state(struct vm *vm)
{
	struct kvm_pit_state2 state = get_pit2(vm);

	kvm_must(vm->fd, KVM_SET_PIT2, &state);
}

TEST_F(pit, late_ticks_go_with_a_new_state)
{
	u64 ms, ticks = late_ticks_after(self->vcpu, false, &ms, writes_state);

	EXPECT_LE(1, ticks);
	EXPECT_GE(ms / 10 + 1 - LATE_TICKS / 2, ticks);
}

static void switches_reinjection(struct vm *vm)
{
	reinject(vm, false);
	reinject(vm, true);
}

TEST_F(pit, late_ticks_go_with_a_change_of_mode)
{
	u64 ms, ticks = late_ticks_after(self->vcpu, false, &ms, switches_reinjection);

	EXPECT_LE(1, ticks);
	EXPECT_GE(ms / 10 + 1 - LATE_TICKS / 2, ticks);
}

/* state */

static void guest_sets_counts(u64 unused)
{
	guest_ready_for_pic();
	guest_set_count(0, 2, PERIOD_COUNT);
	guest_set_count(1, 0, 0x1234);
	guest_sync(1);
}

static void guest_waits(u64 unused)
{
	guest_ready_for_pic();
	guest_sync(1);
	guest_wait_hits(3);
}

static void guest_hears_nothing(u64 unused)
{
	guest_ready_for_pic();
	guest_sync(1);
	guest_sti();
	guest_nop();
	guest_cli();
	GUEST_EXPECT_EQ(0, hits);
}

TEST_F(pit, state)
{
	struct kvm_pit_state2 state, loaded;
	struct kvm_pit_state channels;

	vcpu_set_guest(self->vcpu, guest_sets_counts, 0);
	call_wait_sync(self->vcpu, 1);
	state = get_pit2(&self->vm);
	EXPECT_EQ(PERIOD_COUNT, state.channels[0].count);
	EXPECT_EQ(2, state.channels[0].mode);
	EXPECT_EQ(3, state.channels[0].rw_mode);
	EXPECT_EQ(0x1234, state.channels[1].count);
	kvm_must(self->vm.fd, KVM_GET_PIT, &channels);
	EXPECT_EQ(0, memcmp(&channels, state.channels, sizeof(channels)));

	/* in another machine it ticks on */
	vm_destroy(&self->vm);
	vm_create(&self->vm, VM_IRQCHIP);
	kvm_must(self->vm.fd, KVM_CREATE_PIT, NULL);
	self->vcpu = vcpu_create(&self->vm, 0);
	vcpu_set_guest(self->vcpu, guest_waits, 0);
	call_wait_sync(self->vcpu, 1);
	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_SET_PIT, &channels));
	call_wait_done(self->vcpu);

	/* unless the HPET has taken over: the older form, which does not know it, leaves that alone */
	state.flags = KVM_PIT_FLAGS_HPET_LEGACY;
	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_SET_PIT2, &state));
	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_SET_PIT, &channels));
	loaded = get_pit2(&self->vm);
	EXPECT_EQ(KVM_PIT_FLAGS_HPET_LEGACY, loaded.flags);
	*guest_copy(&self->vm, hits) = 0;
	vcpu_set_guest(self->vcpu, guest_hears_nothing, 0);
	call_wait_sync(self->vcpu, 1);
	sleep_ms(20);
	call_wait_done(self->vcpu);
}

TEST_HARNESS_MAIN
