// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several vCPUs behind one I/O APIC: who gets an interrupt, by each kind of destination and delivery mode, and who ends
 * a level; and local APICs whose ids have more than eight bits.
 *
 * All vCPUs are run by one thread, in turns, so that what each of them gets is known exactly.
 */
#include "test.h"
#include "chips.h"

#include <errno.h>
#include <string.h>

#define CPUS	4
#define ALL	((1u << CPUS) - 1)
#define PIN	20
#define VECTOR	0x61

enum addressing { FLAT, CLUSTER, X2APIC };

FIXTURE(ioapic_cpus) {
	struct vm vm;
	u64 seen[CPUS];
};

FIXTURE_VARIANT(ioapic_cpus) {
	enum addressing addressing;
};

FIXTURE_VARIANT_ADD(ioapic_cpus, flat) { .addressing = FLAT };
FIXTURE_VARIANT_ADD(ioapic_cpus, cluster) { .addressing = CLUSTER };
FIXTURE_VARIANT_ADD(ioapic_cpus, x2apic) { .addressing = X2APIC };

/* the guest's own */
static volatile u64 hits[CPUS], nmis[CPUS], eois[CPUS];
static volatile bool keep;	/* handlers leave the end to eois[] */
static volatile u64 new_entry, new_dest, self_ipi;
static volatile u8 last_vector;

static void on_vector(struct guest_frame *frame)
{
	last_vector = frame->vector;
	hits[guest_this_cpu()->id]++;
	if (!keep)
		guest_apic_write(APIC_EOI, 0);
}

static void on_pic(struct guest_frame *frame)
{
	last_vector = frame->vector;
	hits[guest_this_cpu()->id]++;
	guest_pic_eoi(frame->vector - PIC_BASE);
}

static void on_nmi(struct guest_frame *frame)
{
	nmis[guest_this_cpu()->id]++;
}

static void guest_set_addressing(enum addressing addressing, u64 id)
{
	guest_apic_enable(addressing == X2APIC);
	if (addressing == FLAT) {
		guest_apic_write(APIC_LDR, 1u << (24 + id));
	} else if (addressing == CLUSTER) {
		/* two clusters of two */
		guest_apic_write(APIC_DFR, 0x0fffffff);
		guest_apic_write(APIC_LDR, ((id >> 1) << 4 | 1u << (id & 1)) << 24);
	}
}

/* does what it is asked to, takes what is pending, reports how often it was interrupted in all */
static void guest_in_turns(u64 addressing)
{
	u64 id = guest_this_cpu()->id, vector;

	for (vector = 0x20; vector < 0x100; vector++)
		guest_handlers[vector] = vector < PIC_BASE + 16 ? on_pic : on_vector;
	guest_handlers[2] = on_nmi;
	guest_set_addressing(addressing, id);
	if (!id)
		guest_pic_init(0);
	for (;;) {
		guest_sync2(1, hits[id]);
		if (new_entry) {
			guest_ioapic_set(PIN, new_entry);
			new_entry = 0;
		}
		if (new_dest) {
			guest_ioapic_write(0x11 + 2 * PIN, new_dest << 24);
			new_dest = 0;
		}
		if (self_ipi) {
			guest_apic_icr(0, ICR_SELF | ICR_ASSERT | self_ipi);
			self_ipi = 0;
		}
		for (; eois[id]; eois[id]--)
			guest_apic_write(APIC_EOI, 0);
		guest_sti();
		guest_nop();
		guest_nop();
		guest_cli();
	}
}

static void start(struct vm *vm, struct vcpu *vcpu, enum addressing addressing)
{
	struct kvm_mp_state mp = { .mp_state = KVM_MP_STATE_RUNNABLE };

	kvm_must(vcpu->fd, KVM_SET_MP_STATE, &mp);
	vcpu_set_guest(vcpu, guest_in_turns, addressing);
	call_wait_sync(vcpu, 1);
}

FIXTURE_SETUP(ioapic_cpus)
{
	int i;

	vm_create(&self->vm, VM_IRQCHIP);
	for (i = 0; i < CPUS; i++)
		start(&self->vm, vcpu_create(&self->vm, i), variant->addressing);
}

FIXTURE_TEARDOWN(ioapic_cpus)
{
	vm_destroy(&self->vm);
}

/* gives each vCPU a turn; which of them were interrupted since the last time, a bit each; *@count how often in all */
static u32 turn(struct vm *vm, u64 *seen, u64 *count)
{
	u32 interrupted = 0;
	u64 now;
	int i;

	*count = 0;
	for (i = 0; i < CPUS; i++) {
		now = call_wait_sync(vm->vcpus[i], 1);
		if (now != seen[i])
			interrupted |= 1u << i;
		*count += now - seen[i];
		seen[i] = now;
	}
	return interrupted;
}

static void set_entry(struct vm *vm, u64 *seen, u64 entry)
{
	u64 count;

	*guest_copy(vm, new_entry) = entry;
	turn(vm, seen, &count);
	if (count)
		die("%d interrupts came by themselves", (int)count);
}

static int pulse(struct vm *vm)
{
	int ret = vm_irq_line_status(vm, PIN, true);

	vm_irq_line(vm, PIN, false);
	return ret;
}

/* an edge by @entry interrupts those of @who, once each, and nobody else */
#define EXPECT_EDGE(entry, who) do {						\
	u64 count__;								\
										\
	set_entry(&self->vm, self->seen, entry);				\
	EXPECT_EQ((who) ? __builtin_popcount(who) : -1, pulse(&self->vm));	\
	EXPECT_EQ(who, turn(&self->vm, self->seen, &count__));			\
	EXPECT_EQ(__builtin_popcount(who), count__);				\
} while (0)

#define EXPECT_TURN(who, times) do {						\
	u64 count__;								\
										\
	EXPECT_EQ(who, turn(&self->vm, self->seen, &count__));			\
	EXPECT_EQ(times, count__);						\
} while (0)

TEST_F(ioapic_cpus, physical)
{
	u32 i;

	for (i = 0; i < CPUS; i++)
		EXPECT_EDGE(IOAPIC_DEST(i) | VECTOR, 1u << i);
	EXPECT_EDGE(IOAPIC_DEST(0xff) | VECTOR, ALL);
	EXPECT_EDGE(IOAPIC_DEST(77) | VECTOR, 0);
}

TEST_F(ioapic_cpus, logical)
{
	const u64 entry = IOAPIC_LOGICAL | VECTOR;

	EXPECT_EDGE(IOAPIC_DEST(0xff) | entry, ALL);
	EXPECT_EDGE(IOAPIC_DEST(1) | entry, 1);
	EXPECT_EDGE(IOAPIC_DEST(3) | entry, 3);
	if (variant->addressing == CLUSTER) {
		EXPECT_EDGE(IOAPIC_DEST(0x0c) | entry, 0);
		EXPECT_EDGE(IOAPIC_DEST(0x11) | entry, 1 << 2);
		EXPECT_EDGE(IOAPIC_DEST(0x1f) | entry, 3 << 2);
		EXPECT_EDGE(IOAPIC_DEST(0x21) | entry, 0);
		return;
	}
	/* x2APIC mode: eight bits reach the first half of cluster 0 */
	EXPECT_EDGE(IOAPIC_DEST(0x0a) | entry, 0xa);
	EXPECT_EDGE(IOAPIC_DEST(0xf4) | entry, 4);
	EXPECT_EDGE(IOAPIC_DEST(0xf0) | entry, 0);
}

/* one of those that are named, whoever that is; in turns if the vectors are; and none that is off by software */
TEST_F(ioapic_cpus, lowest_priority)
{
	const u64 logical = IOAPIC_LOWEST | IOAPIC_LOGICAL | IOAPIC_DEST(variant->addressing == CLUSTER ? 0x1f : 0x0e);
	u32 named = variant->addressing == CLUSTER ? 0xc : 0xe, who = 0, all = 0, i;
	struct kvm_lapic_state state;
	u64 count;

	for (i = 0; i < 16; i++) {
		set_entry(&self->vm, self->seen, logical | (VECTOR + i));
		EXPECT_EQ(1, pulse(&self->vm));
		who = turn(&self->vm, self->seen, &count);
		EXPECT_EQ(1, count);
		EXPECT_EQ(0, who & ~named);
		all |= who;
	}
	EXPECT_EQ(named, all);
	for (i = 0; i < 16; i++) {
		set_entry(&self->vm, self->seen, IOAPIC_LOWEST | IOAPIC_DEST(0xff) | (VECTOR + i));
		EXPECT_EQ(1, pulse(&self->vm));
		turn(&self->vm, self->seen, &count);
		EXPECT_EQ(1, count);
	}
	kvm_must(self->vm.vcpus[2]->fd, KVM_GET_LAPIC, &state);
	state.regs[APIC_SVR + 1] &= ~1;
	kvm_must(self->vm.vcpus[2]->fd, KVM_SET_LAPIC, &state);
	for (i = 0; i < 16; i++) {
		set_entry(&self->vm, self->seen, logical | (VECTOR + i));
		EXPECT_EQ(1, pulse(&self->vm));
		who = turn(&self->vm, self->seen, &count);
		EXPECT_EQ(1, count);
		EXPECT_EQ(0, who & ~(named & ~(1u << 2)));
	}
}

static bool remote_irr(struct vm *vm)
{
	return vm_get_irqchip(vm, KVM_IRQCHIP_IOAPIC).chip.ioapic.redirtbl[PIN].bits & IOAPIC_REMOTE_IRR;
}

static void end_at(struct vm *vm, u32 cpu)
{
	guest_copy(vm, eois)[0][cpu] = 1;
}

/* a level is with one at a time, and with another only after its end */
TEST_F(ioapic_cpus, level_to_one)
{
	u64 count, named = variant->addressing == CLUSTER ? 0x03 : 0x0f;
	u32 who, round;

	*guest_copy(&self->vm, keep) = true;
	set_entry(&self->vm, self->seen, IOAPIC_LEVEL | IOAPIC_LOWEST | IOAPIC_LOGICAL | IOAPIC_DEST(named) | VECTOR);
	vm_irq_line(&self->vm, PIN, true);
	for (round = 0; round < 10; round++) {
		who = turn(&self->vm, self->seen, &count);
		ASSERT_EQ(1, count);
		EXPECT_TRUE(remote_irr(&self->vm));
		/* up or pulled up again, it is in service */
		vm_irq_line(&self->vm, PIN, true);
		EXPECT_TURN(0, 0);
		if (round == 9)
			vm_irq_line(&self->vm, PIN, false);
		end_at(&self->vm, __builtin_ctz(who));
	}
	EXPECT_TURN(0, 0);
	EXPECT_FALSE(remote_irr(&self->vm));
}

/* the end counts where the level was taken; not that of who has nothing in service, nor of an edge with its vector */
TEST_F(ioapic_cpus, end_of_another)
{
	*guest_copy(&self->vm, keep) = true;
	set_entry(&self->vm, self->seen, IOAPIC_LEVEL | IOAPIC_DEST(2) | VECTOR);
	vm_irq_line(&self->vm, PIN, true);
	EXPECT_TURN(1 << 2, 1);
	end_at(&self->vm, 0);
	end_at(&self->vm, 1);
	EXPECT_TURN(0, 0);
	EXPECT_TRUE(remote_irr(&self->vm));
	*guest_copy(&self->vm, self_ipi) = VECTOR;
	EXPECT_TURN(1 << 0, 1);
	end_at(&self->vm, 0);
	EXPECT_TURN(0, 0);
	EXPECT_TRUE(remote_irr(&self->vm));
	/* the entry leads to another by the time of the end: there it goes on, and nowhere else */
	*guest_copy(&self->vm, new_dest) = 3;
	EXPECT_TURN(0, 0);
	EXPECT_TRUE(remote_irr(&self->vm));
	end_at(&self->vm, 2);
	EXPECT_TURN(1 << 3, 1);
	vm_irq_line(&self->vm, PIN, false);
	end_at(&self->vm, 3);
	EXPECT_TURN(0, 0);
	EXPECT_FALSE(remote_irr(&self->vm));
}

/* a level for two is taken by two, and ended by whoever is first */
TEST_F(ioapic_cpus, end_by_either)
{
	u32 first;

	*guest_copy(&self->vm, keep) = true;
	set_entry(&self->vm, self->seen, IOAPIC_LEVEL | IOAPIC_LOGICAL | IOAPIC_DEST(3) | VECTOR);
	for (first = 0; first < 2; first++) {
		vm_irq_line(&self->vm, PIN, true);
		EXPECT_TURN(3, 2);
		vm_irq_line(&self->vm, PIN, false);
		EXPECT_TRUE(remote_irr(&self->vm));
		end_at(&self->vm, first);
		EXPECT_TURN(0, 0);
		EXPECT_FALSE(remote_irr(&self->vm));
		end_at(&self->vm, !first);
		EXPECT_TURN(0, 0);
	}
	EXPECT_FALSE(remote_irr(&self->vm));
}

/* delivery modes without a vector are edges, whatever the entry says, and wait for no EOI */

TEST_F(ioapic_cpus, nmi)
{
	u64 level, *seen = (u64 *)guest_copy(&self->vm, nmis);
	u32 i;

	for (i = 1, level = 0; i <= 2; i++, level = IOAPIC_LEVEL) {
		set_entry(&self->vm, self->seen, level | IOAPIC_NMI | IOAPIC_DEST(1) | VECTOR);
		vm_irq_line(&self->vm, PIN, true);
		EXPECT_FALSE(remote_irr(&self->vm));
		EXPECT_TURN(0, 0);
		EXPECT_EQ(2 * i - 1, seen[1]);
		vm_irq_line(&self->vm, PIN, true);
		EXPECT_TURN(0, 0);
		EXPECT_EQ(2 * i - 1, seen[1]);
		vm_irq_line(&self->vm, PIN, false);
		pulse(&self->vm);
		EXPECT_TURN(0, 0);
		EXPECT_EQ(2 * i, seen[1]);
	}
	EXPECT_EQ(0, seen[0] + seen[2] + seen[3]);
}

TEST_F(ioapic_cpus, init)
{
	struct kvm_mp_state mp;

	set_entry(&self->vm, self->seen, IOAPIC_LEVEL | 0x500 | IOAPIC_DEST(3));
	EXPECT_EQ(1, pulse(&self->vm));
	EXPECT_FALSE(remote_irr(&self->vm));
	kvm_must(self->vm.vcpus[3]->fd, KVM_GET_MP_STATE, &mp);
	EXPECT_EQ(KVM_MP_STATE_INIT_RECEIVED, mp.mp_state);
	kvm_must(self->vm.vcpus[2]->fd, KVM_GET_MP_STATE, &mp);
	EXPECT_EQ(KVM_MP_STATE_RUNNABLE, mp.mp_state);
}

/* there is no SMM, two modes are reserved, and nobody starts a processor by a pin */
TEST_F(ioapic_cpus, no_such_mode)
{
	EXPECT_EDGE(IOAPIC_LEVEL | 0x200 | IOAPIC_DEST(1) | VECTOR, 0);
	EXPECT_EDGE(0x300 | IOAPIC_DEST(1) | VECTOR, 0);
	EXPECT_EDGE(0x600 | IOAPIC_DEST(1) | VECTOR, 0);
	EXPECT_EDGE(IOAPIC_DEST(1) | VECTOR, 1 << 1);
}

static void pic_mask(struct vm *vm, u32 unmasked)
{
	struct kvm_irqchip chip = vm_get_irqchip(vm, KVM_IRQCHIP_PIC_MASTER);

	chip.chip.pic.imr = unmasked ^ 0xff;
	kvm_must(vm->fd, KVM_SET_IRQCHIP, &chip);
}

/* ExtINT: whom the pin names acknowledges the PIC, though his LINT0 is masked; if that has nothing, it is spurious */
TEST_F(ioapic_cpus, extint)
{
	volatile u8 *vector = guest_copy(&self->vm, last_vector);

	pic_mask(&self->vm, 1 << 5);
	set_entry(&self->vm, self->seen, IOAPIC_LEVEL | IOAPIC_EXTINT | IOAPIC_DEST(2));
	vm_irq_line(&self->vm, 5, true);
	vm_irq_line(&self->vm, 5, false);
	/* the first vCPU has LINT0 as the firmware finds it: it would take it */
	EXPECT_TURN(1 << 0, 1);
	EXPECT_EQ(PIC_BASE + 5, *vector);
	pulse(&self->vm);
	EXPECT_FALSE(remote_irr(&self->vm));
	EXPECT_TURN(1 << 2, 1);
	EXPECT_EQ(PIC_BASE + 7, *vector);
	EXPECT_TURN(0, 0);
}

static void mask_lint0(struct vcpu *vcpu)
{
	struct kvm_lapic_state state;

	kvm_must(vcpu->fd, KVM_GET_LAPIC, &state);
	state.regs[APIC_LVT0 + 2] |= 1;
	kvm_must(vcpu->fd, KVM_SET_LAPIC, &state);
}

TEST_F(ioapic_cpus, extint_with_lint0_masked)
{
	volatile u8 *vector = guest_copy(&self->vm, last_vector);
	u32 i;

	mask_lint0(self->vm.vcpus[0]);
	pic_mask(&self->vm, 1 << 5);
	set_entry(&self->vm, self->seen, IOAPIC_EXTINT | IOAPIC_DEST(2));
	for (i = 0; i < 5; i++) {
		vm_irq_line(&self->vm, 5, true);
		vm_irq_line(&self->vm, 5, false);
		EXPECT_TURN(0, 0);
		EXPECT_EQ(1, pulse(&self->vm));
		EXPECT_TURN(1 << 2, 1);
		EXPECT_EQ(PIC_BASE + 5, *vector);
	}
	EXPECT_TURN(0, 0);
}

/* a local APIC with an id of more than eight bits: by MSI, by its neighbour, by its logical id, and back */

#define WIDE_ID 300
#define WIDE_LDR ((WIDE_ID >> 4) << 16 | 1u << (WIDE_ID & 15))

static volatile u32 ipi_to, ipi_command;

static void guest_of_two(u64 unused)
{
	u64 id = guest_this_cpu()->id;

	guest_handlers[VECTOR] = on_vector;
	guest_apic_enable(true);
	GUEST_EXPECT_EQ(id ? WIDE_ID : 0, guest_apic_read(APIC_ID));
	GUEST_EXPECT_EQ(id ? WIDE_LDR : 1, guest_apic_read(APIC_LDR));
	for (;;) {
		guest_sync2(1, hits[id]);
		if (ipi_command) {
			guest_apic_icr(ipi_to, ipi_command | VECTOR);
			ipi_command = 0;
		}
		guest_sti();
		guest_nop();
		guest_nop();
		guest_cli();
	}
}

static void signal_msi(struct vm *vm, u32 dest, bool logical)
{
	struct kvm_msi msi = {
		.address_lo = APIC_BASE | (dest & 0xff) << 12 | (logical ? 4 : 0),
		.address_hi = dest & ~0xffu,
		.data = VECTOR,
	};

	kvm_must(vm->fd, KVM_SIGNAL_MSI, &msi);
}

/* the first vCPU sends */
#define EXPECT_IPI(to, command, first, second) do {				\
	*guest_copy(&vm, ipi_to) = to;						\
	*guest_copy(&vm, ipi_command) = ICR_ASSERT | (command);			\
	EXPECT_EQ(first, call_wait_sync(near, 1));				\
	EXPECT_EQ(second, call_wait_sync(far, 1));				\
} while (0)

#define EXPECT_MSI(to, logical, first, second) do {				\
	signal_msi(&vm, to, logical);						\
	EXPECT_EQ(first, call_wait_sync(near, 1));				\
	EXPECT_EQ(second, call_wait_sync(far, 1));				\
} while (0)

TEST(wide_ids)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_X2APIC_API,
		.args = { KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK },
	};
	struct kvm_mp_state mp = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct kvm_lapic_state state;
	struct vcpu *near, *far;
	struct vm vm;

	vm_create(&vm, VM_SPLIT_IRQCHIP);
	ASSERT_EQ(0, kvm_ioctl(vm.fd, KVM_ENABLE_CAP, &cap));
	near = vcpu_create(&vm, 0);
	far = vcpu_create(&vm, WIDE_ID);
	/* to the guest's memory it is the second */
	far->id = 1;
	kvm_must(far->fd, KVM_SET_MP_STATE, &mp);
	vcpu_set_guest(near, guest_of_two, 0);
	vcpu_set_guest(far, guest_of_two, 0);
	EXPECT_EQ(0, call_wait_sync(near, 1));
	EXPECT_EQ(0, call_wait_sync(far, 1));
	kvm_must(far->fd, KVM_GET_LAPIC, &state);
	EXPECT_EQ(WIDE_ID, *(u32 *)(state.regs + APIC_ID));
	EXPECT_MSI(WIDE_ID, false, 0, 1);
	EXPECT_MSI(WIDE_ID & 0xff, false, 0, 1);
	EXPECT_MSI(WIDE_LDR, true, 0, 2);
	EXPECT_MSI(0xff, false, 0, 2);
	EXPECT_IPI(WIDE_ID, 0, 0, 3);
	EXPECT_IPI(WIDE_ID & 0xff, 0, 0, 3);
	EXPECT_IPI(WIDE_LDR, ICR_LOGICAL, 0, 4);
	EXPECT_IPI(WIDE_LDR, ICR_LOGICAL | 0x100, 0, 5);
	EXPECT_IPI(0xffffffff, 0, 1, 6);
	/* and the second to the first */
	*guest_copy(&vm, ipi_command) = ICR_ASSERT;
	*guest_copy(&vm, ipi_to) = 0;
	EXPECT_EQ(6, call_wait_sync(far, 1));
	EXPECT_EQ(2, call_wait_sync(near, 1));
	vcpu_destroy(far);
	vm_destroy(&vm);
}

TEST_HARNESS_MAIN
