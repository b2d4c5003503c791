// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC: interrupts coming in, going out, and into the processor (SDM:
 * Advanced Programmable Interrupt Controller).
 *
 * A message finds its APICs by the VM's map (routing.c) without a lock.  Who
 * posts sets a bit of IRR and, if it was clear, raises VCPU_REQ_EVENT and kicks;
 * nothing else of a foreign APIC is written but its message and error bits.  So
 * interrupts between processors, device messages and timer callbacks, which run
 * with IRQs off, take one path.
 *
 * The owner, who holds vcpu->mutex, moves vectors from IRR to ISR when the
 * processor takes them.  The highest vector in service and the processor
 * priority are kept up to date at each change; the highest request is looked for
 * only while irr_maybe says that there may be one.
 *
 * An EOI that user space's I/O APIC waits for leaves by VCPU_REQ_EXIT; one in the
 * kernel is told at once.
 */
#include <linux/kvm_para.h>
#include <linux/slab.h>
#include <asm/apicdef.h>
#include <asm/msr-index.h>

#include "../vendor/vendor.h"
#include "../x86/machine.h"
#include "../x86/regs.h"
#include "apic_map.h"
#include "irqchip.h"
#include "lapic_private.h"

/* --- what comes in --- */

void lapic_error(struct lapic *apic, unsigned int bit)
{
	/* One interrupt for each bit until software looks at ESR. */
	if (!(atomic_fetch_or(bit, &apic->errors) & bit))
		lapic_post_lvt(apic, APIC_REG_LVT_ERROR);
}

void lapic_post(struct lapic *apic, u8 vector, bool level)
{
	struct apic_regs *regs = &apic->regs;

	if (unlikely(vector < APIC_FIRST_VECTOR)) {
		lapic_error(apic, APIC_ESR_RECEIVE_VECTOR);
		return;
	}
	if (test_bit(vector, regs->tmr) != level)
		assign_bit(vector, regs->tmr, level);
	/* Whoever set it before kicks, or has kicked. */
	if (test_and_set_bit(vector, regs->irr))
		return;
	/* Pairs with lapic_highest(): the bit is there when this is true. */
	WRITE_ONCE(apic->irr_maybe, true);
	vcpu_request(apic->vcpu, VCPU_REQ_EVENT);
	vcpu_kick(apic->vcpu);
}

void lapic_post_lvt(struct lapic *apic, unsigned int reg)
{
	u32 lvt = READ_ONCE(apic->regs.reg[reg]);

	if (lvt & LAPIC_LVT_MASKED)
		return;
	if (reg == APIC_REG_LVT_TIMER || reg == APIC_REG_LVT_ERROR ||
	    APIC_LVT_DELIVERY(lvt) == APIC_DELIVER_FIXED)
		lapic_post(apic, lvt & 0xff, false);
	else if (APIC_LVT_DELIVERY(lvt) == APIC_DELIVER_NMI)
		event_nmi(apic->vcpu);
}

static void lapic_post_init_sipi(struct lapic *apic, const struct lapic_msg *msg)
{
	if (msg->delivery == APIC_DELIVER_SIPI) {
		WRITE_ONCE(apic->sipi_vector, msg->vector);
		smp_mb__before_atomic();
		set_bit(LAPIC_MSG_SIPI, &apic->messages);
	} else if (msg->level && !msg->assert) {
		/* INIT level de-assert concerns processors of the past. */
		return;
	} else {
		/* A SIPI before this INIT is void. */
		xchg(&apic->messages, BIT(LAPIC_MSG_INIT));
	}
	vcpu_request(apic->vcpu, VCPU_REQ_EVENT);
	vcpu_kick(apic->vcpu);
}

static bool lapic_post_extint(struct lapic *apic)
{
	if (!(READ_ONCE(apic->accepts) & LAPIC_FIXED) || !apic->vcpu->vm->irqchip_full)
		return false;
	WRITE_ONCE(apic->extint, true);
	vcpu_request(apic->vcpu, VCPU_REQ_EVENT);
	vcpu_kick(apic->vcpu);
	return true;
}

bool lapic_receive(struct lapic *apic, const struct lapic_msg *msg)
{
	u8 accepts = READ_ONCE(apic->accepts);

	if (msg->delivery <= APIC_DELIVER_LOWEST) {
		if (!(accepts & LAPIC_FIXED))
			return false;
		lapic_post(apic, msg->vector, msg->level);
		return true;
	}
	if (!(accepts & LAPIC_ON))
		return false;
	switch (msg->delivery) {
	case APIC_DELIVER_NMI:
		event_nmi(apic->vcpu);
		return true;
	case APIC_DELIVER_INIT:
	case APIC_DELIVER_SIPI:
		lapic_post_init_sipi(apic, msg);
		return true;
	case APIC_DELIVER_EXTINT:
		return lapic_post_extint(apic);
	default:
		/* There is no system management mode. */
		return false;
	}
}

/* --- who receives it --- */

void lapic_address(const struct lapic *apic, struct apic_id *id)
{
	*id = (struct apic_id) {
		.id = apic->vcpu->id,
		.ldr = READ_ONCE(apic->regs.reg[APIC_REG_LDR]),
		.cluster = READ_ONCE(apic->regs.reg[APIC_REG_DFR]) >> 28 != 0xf,
		.x2apic = READ_ONCE(apic->accepts) & LAPIC_X2APIC,
	};
}

static bool lapic_named(const struct lapic *apic, const struct vcpu *src,
			const struct lapic_msg *msg)
{
	struct apic_id id;
	bool wide_ff;

	switch (msg->shorthand) {
	case APIC_TO_SELF:
		return apic->vcpu == src;
	case APIC_TO_ALL:
		return true;
	case APIC_TO_OTHERS:
		return apic->vcpu != src;
	}
	wide_ff = apic->vcpu->vm->x2apic_no_broadcast_quirk ||
		  (src && (src->apic->accepts & LAPIC_X2APIC));
	lapic_address(apic, &id);
	return apic_matches(&id, msg, wide_ff);
}

bool lapic_is_target(const struct lapic *apic, const struct lapic_msg *msg)
{
	return lapic_named(apic, NULL, msg);
}

/*
 * Lowest priority: one of @nr APICs takes it.  Which is up to the chipset; by
 * vector, so that a source keeps its target and its caches.
 */
static unsigned int lapic_choose(const struct lapic_msg *msg, unsigned int nr)
{
	return nr > 1 ? msg->vector % nr : 0;
}

static bool lapic_takes_fixed(const struct lapic *apic)
{
	return apic && (READ_ONCE(apic->accepts) & LAPIC_FIXED);
}

bool lapic_takes_interrupts(const struct vcpu *vcpu)
{
	return lapic_takes_fixed(vcpu->apic);
}

static int lapic_send_lowest(const struct apic_targets *targets,
			     const struct lapic_msg *msg)
{
	unsigned int nr = 0, bit, chosen;

	for_each_set_bit(bit, &targets->mask, BITS_PER_LONG)
		nr += lapic_takes_fixed(targets->apic[bit]);
	if (!nr)
		return -1;
	chosen = lapic_choose(msg, nr);
	for_each_set_bit(bit, &targets->mask, BITS_PER_LONG)
		if (lapic_takes_fixed(targets->apic[bit]) && !chosen--)
			return lapic_receive(targets->apic[bit], msg);
	return -1;
}

static int lapic_send_targets(const struct apic_targets *targets,
			      const struct lapic_msg *msg)
{
	unsigned int bit;
	int nr = -1;

	if (msg->delivery == APIC_DELIVER_LOWEST && (targets->mask & (targets->mask - 1)))
		return lapic_send_lowest(targets, msg);
	for_each_set_bit(bit, &targets->mask, BITS_PER_LONG) {
		struct lapic *apic = targets->apic[bit];

		if (apic)
			nr = max(nr, 0) + lapic_receive(apic, msg);
	}
	return nr;
}

static int lapic_send_lowest_asking(struct vm *vm, struct vcpu *src,
				    const struct lapic_msg *msg)
{
	unsigned int nr = 0, chosen;
	struct vcpu *vcpu;
	unsigned long i;

	vm_for_each_vcpu(vm, i, vcpu)
		nr += lapic_takes_fixed(vcpu->apic) && lapic_named(vcpu->apic, src, msg);
	chosen = lapic_choose(msg, nr);
	vm_for_each_vcpu(vm, i, vcpu) {
		if (!lapic_takes_fixed(vcpu->apic) || !lapic_named(vcpu->apic, src, msg))
			continue;
		if (!chosen--)
			return lapic_receive(vcpu->apic, msg);
	}
	return -1;
}

/* Shorthands, broadcasts, and what the map cannot tell: ask each APIC. */
static int lapic_send_asking(struct vm *vm, struct vcpu *src,
			     const struct lapic_msg *msg)
{
	struct vcpu *vcpu;
	unsigned long i;
	int nr = -1;

	if (msg->delivery == APIC_DELIVER_LOWEST)
		return lapic_send_lowest_asking(vm, src, msg);
	vm_for_each_vcpu(vm, i, vcpu)
		if (vcpu->apic && lapic_named(vcpu->apic, src, msg))
			nr = max(nr, 0) + lapic_receive(vcpu->apic, msg);
	return nr;
}

/* Not to one APIC by its physical id.  Apart, as that has no use for its frame. */
static noinline int lapic_send_many(struct vm *vm, struct vcpu *src,
				    const struct apic_map *map,
				    const struct lapic_msg *msg)
{
	struct apic_targets targets;

	if (map && !msg->shorthand && apic_map_find(map, msg, src, &targets))
		return lapic_send_targets(&targets, msg);
	return lapic_send_asking(vm, src, msg);
}

int lapic_send_rcu(struct vm *vm, struct vcpu *src, const struct lapic_msg *msg)
{
	const struct apic_map *map = rcu_dereference_check(vm->irq.map, irqs_disabled());
	struct lapic *apic = NULL;

	if (likely(map && !msg->shorthand))
		apic = apic_map_single(map, msg);
	if (likely(apic))
		return lapic_receive(apic, msg);
	return lapic_send_many(vm, src, map, msg);
}

int lapic_send(struct vm *vm, struct vcpu *src, const struct lapic_msg *msg)
{
	int nr;

	if (msg->shorthand == APIC_TO_SELF)
		return lapic_receive(src->apic, msg);

	rcu_read_lock();
	nr = lapic_send_rcu(vm, src, msg);
	rcu_read_unlock();
	return nr;
}

void lapic_send_icr(struct lapic *apic)
{
	u32 icr = apic->regs.reg[APIC_REG_ICR];
	u32 dest = apic->regs.reg[APIC_REG_ICR2];
	struct lapic_msg msg;

	apic_decode_icr(icr, apic->accepts & LAPIC_X2APIC ? dest : dest >> 24, &msg);
	if (msg.delivery <= APIC_DELIVER_LOWEST && msg.vector < APIC_FIRST_VECTOR) {
		lapic_error(apic, APIC_ESR_SEND_VECTOR);
		return;
	}
	lapic_send(apic->vcpu->vm, apic->vcpu, &msg);
}

/* --- the processor's side --- */

static int lapic_highest(struct lapic *apic)
{
	int vector;

	if (!READ_ONCE(apic->irr_maybe))
		return -1;
	vector = apic_highest(apic->regs.irr);
	if (vector >= 0)
		return vector;
	WRITE_ONCE(apic->irr_maybe, false);
	/* A bit that was set before this is seen below; one after sets irr_maybe. */
	smp_mb();
	vector = apic_highest(apic->regs.irr);
	if (vector >= 0)
		WRITE_ONCE(apic->irr_maybe, true);
	return vector;
}

int lapic_highest_irr(struct vcpu *vcpu)
{
	return lapic_highest(vcpu->apic);
}

int lapic_pending_vector(struct vcpu *vcpu)
{
	struct lapic *apic = vcpu->apic;
	int vector = lapic_highest(apic);

	if (vector < 0)
		return -1;
	lapic_pv_eoi_settle(apic);
	if (!apic_vector_allowed(vector, apic->ppr))
		return -1;
	return apic->accepts & LAPIC_ON ? vector : -1;
}

static void lapic_update_ppr(struct lapic *apic)
{
	u8 before = apic->ppr;

	apic->ppr = apic_ppr(apic->tpr, apic->isr_highest);
	if (apic->ppr < before && READ_ONCE(apic->irr_maybe))
		vcpu_request(apic->vcpu, VCPU_REQ_EVENT);
}

int lapic_accept(struct vcpu *vcpu)
{
	struct lapic *apic = vcpu->apic;
	int vector = lapic_pending_vector(vcpu);

	if (vector < 0)
		return -1;
	if (READ_ONCE(apic->timer.due))
		lapic_timer_wait_due(apic, vector);
	clear_bit(vector, apic->regs.irr);
	__set_bit(vector, apic->regs.isr);
	apic->isr_highest = vector;
	lapic_update_ppr(apic);
	if (unlikely(apic->pv_eoi_msr & KVM_MSR_ENABLED))
		lapic_pv_eoi_offer(apic, vector);
	return vector;
}

void lapic_set_tpr(struct lapic *apic, u8 tpr)
{
	apic->tpr = tpr;
	lapic_update_ppr(apic);
	/* The vendor's copy of it is written by lapic_tpr_report(). */
	if (tpr != apic->told_tpr)
		vcpu_request(apic->vcpu, VCPU_REQ_EVENT);
}

u8 lapic_get_cr8(const struct vcpu *vcpu)
{
	return vcpu->apic->tpr >> 4;
}

void lapic_set_cr8(struct vcpu *vcpu, u8 cr8)
{
	lapic_set_tpr(vcpu->apic, (cr8 & 0xf) << 4);
}

void lapic_tpr_report(struct vcpu *vcpu)
{
	struct lapic *apic = vcpu->apic;
	int irr = lapic_highest(apic);

	if (likely(irr == apic->told_irr && apic->tpr == apic->told_tpr))
		return;
	apic->told_irr = irr;
	apic->told_tpr = apic->tpr;
	vendor->tpr_changed(vcpu, apic->tpr, irr);
}

bool lapic_accepts_pic(const struct vcpu *vcpu)
{
	const struct lapic *apic = vcpu->apic;
	u32 lint0;

	if (!(READ_ONCE(apic->accepts) & LAPIC_ON))
		return true;
	lint0 = READ_ONCE(apic->regs.reg[APIC_REG_LVT_LINT0]);
	return !(lint0 & LAPIC_LVT_MASKED) &&
	       APIC_LVT_DELIVERY(lint0) == APIC_DELIVER_EXTINT;
}

bool lapic_extint_asked(const struct vcpu *vcpu)
{
	return READ_ONCE(vcpu->apic->extint);
}

void lapic_extint_done(struct vcpu *vcpu)
{
	WRITE_ONCE(vcpu->apic->extint, false);
}

/* --- end of interrupt --- */

bool lapic_in_use(const struct lapic *apic, u8 vector)
{
	return test_bit(vector, apic->regs.irr) || test_bit(vector, apic->regs.isr);
}

void lapic_scan_eoi(struct vcpu *vcpu)
{
	irq_eoi_vectors(vcpu, vcpu->apic->eoi_exits);
}

/* An EOI that somebody may be waiting for. */
static void lapic_eoi_tell(struct lapic *apic, int vector)
{
	bool level = test_bit(vector, apic->regs.tmr);
	struct vcpu *vcpu = apic->vcpu;

	if (vcpu->vm->irqchip_full) {
		irqchip_eoi(vcpu->vm, vector, level);
		return;
	}
	/* The guest may have said that it tells the I/O APIC itself. */
	if (!level || (apic->regs.reg[APIC_REG_SVR] & APIC_SVR_NO_EOI))
		return;
	if (vcpu_take_request(vcpu, VCPU_REQ_SCAN_EOI))
		lapic_scan_eoi(vcpu);
	if (!test_bit(vector, apic->eoi_exits))
		return;
	apic->eoi_vector = vector;
	vcpu_request(vcpu, VCPU_REQ_EXIT);
}

void lapic_end_of_interrupt(struct lapic *apic)
{
	int vector = apic->isr_highest;

	if (vector < 0)
		return;
	__clear_bit(vector, apic->regs.isr);
	apic->isr_highest = apic_highest(apic->regs.isr);
	lapic_update_ppr(apic);
	if (unlikely(test_bit(vector, apic->regs.tmr) || test_bit(vector, apic->eoi_exits)))
		lapic_eoi_tell(apic, vector);
}

void lapic_eoi(struct lapic *apic)
{
	lapic_pv_eoi_settle(apic);
	lapic_end_of_interrupt(apic);
}

int lapic_exit_eoi(struct vcpu *vcpu)
{
	struct lapic *apic = vcpu->apic;

	if (apic->eoi_vector < 0)
		return EXIT_RESUME;
	vcpu->run->exit_reason = KVM_EXIT_IOAPIC_EOI;
	vcpu->run->eoi.vector = apic->eoi_vector;
	apic->eoi_vector = -1;
	return EXIT_USER;
}

/* --- modes --- */

static void lapic_publish(struct lapic *apic)
{
	u64 base = apic->base;
	u8 accepts = 0;

	if (base & MSR_IA32_APICBASE_ENABLE) {
		accepts |= LAPIC_ON;
		if (base & X2APIC_ENABLE)
			accepts |= LAPIC_X2APIC;
		if (apic->regs.reg[APIC_REG_SVR] & APIC_SVR_ENABLED)
			accepts |= LAPIC_FIXED;
	}
	WRITE_ONCE(apic->accepts, accepts);
	/* It may accept the PIC from now on. */
	vcpu_request(apic->vcpu, VCPU_REQ_EVENT);
	/* Or messages that had to wait. */
	vcpu_request(apic->vcpu, VCPU_REQ_PAGE_READY);
}

void lapic_address_changed(struct lapic *apic)
{
	lapic_publish(apic);
	irq_map_update(apic->vcpu->vm);
	vcpu_request(apic->vcpu, VCPU_REQ_SCAN_EOI);
}

u32 lapic_version(const struct lapic *apic)
{
	return APIC_VERSION | (apic->vcpu->vm->eoi_suppression ? APIC_VERSION_NO_EOI : 0);
}

void lapic_set_svr(struct lapic *apic, u32 svr)
{
	unsigned int reg;

	apic->regs.reg[APIC_REG_SVR] = svr;
	lapic_publish(apic);
	if (svr & APIC_SVR_ENABLED)
		return;
	lapic_timer_set_lvt(apic, apic->regs.reg[APIC_REG_LVT_TIMER] | LAPIC_LVT_MASKED);
	for (reg = APIC_REG_LVT_THERMAL; reg <= APIC_REG_LVT_ERROR; reg++)
		WRITE_ONCE(apic->regs.reg[reg], apic->regs.reg[reg] | LAPIC_LVT_MASKED);
}

/* The mode after power-up, and no messages. */
static void lapic_power_up(struct lapic *apic)
{
	apic->base = LAPIC_DEFAULT_BASE | MSR_IA32_APICBASE_ENABLE;
	if (vcpu_is_bsp(apic->vcpu))
		apic->base |= MSR_IA32_APICBASE_BSP;
	xchg(&apic->messages, 0);
}

/* All but the mode and what other tasks sent. */
static void lapic_reset_regs(struct lapic *apic)
{
	lapic_timer_stop(apic);
	/* The guest must not find an old offer in its byte. */
	lapic_pv_eoi_settle(apic);
	apic_regs_reset(&apic->regs);
	/* The firmware of a boot processor finds LINT0 wired to the PIC. */
	if (vcpu_is_bsp(apic->vcpu))
		apic->regs.reg[APIC_REG_LVT_LINT0] = APIC_DELIVER_EXTINT << 8;
	atomic_set(&apic->errors, 0);
	WRITE_ONCE(apic->extint, false);
	apic->isr_highest = -1;
	apic->eoi_vector = -1;
	apic->tpr = 0;
	apic->ppr = 0;
}

void lapic_reset(struct vcpu *vcpu, bool init)
{
	struct lapic *apic = vcpu->apic;

	lapic_reset_regs(apic);
	apic->pv_eoi_msr = 0;
	if (!init)
		lapic_power_up(apic);
	lapic_address_changed(apic);
}

u64 lapic_get_base(const struct vcpu *vcpu)
{
	return vcpu->apic->base;
}

/* SDM, "x2APIC State Transitions": which a guest may make by WRMSR. */
static bool lapic_base_legal(u64 old, u64 value)
{
	if (!(value & MSR_IA32_APICBASE_ENABLE))
		return true;
	if (value & X2APIC_ENABLE)
		return old & MSR_IA32_APICBASE_ENABLE;
	return !(old & X2APIC_ENABLE);
}

int lapic_set_base(struct vcpu *vcpu, u64 value, bool host)
{
	const u64 mode = MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE;
	struct lapic *apic = vcpu->apic;
	u64 old = apic->base, allowed;

	allowed = GENMASK_ULL(vcpu->cpuid.maxphyaddr - 1, PAGE_SHIFT) |
		  MSR_IA32_APICBASE_BSP | MSR_IA32_APICBASE_ENABLE;
	if (vcpu->cpuid.features.x2apic)
		allowed |= X2APIC_ENABLE;
	if (value & ~allowed)
		return -EINVAL;
	if ((value & mode) == X2APIC_ENABLE)
		return -EINVAL;
	if (!host && !lapic_base_legal(old, value))
		return -EINVAL;

	apic->base = value;
	if (!((old ^ value) & mode))
		return 0;
	/* Off and on again is as after power-up. */
	if ((old ^ value) & MSR_IA32_APICBASE_ENABLE)
		lapic_reset_regs(apic);
	lapic_address_changed(apic);
	return 0;
}

/* --- INIT and SIPI --- */

bool lapic_init_sipi_pending(const struct vcpu *vcpu)
{
	return READ_ONCE(vcpu->apic->messages);
}

static void lapic_start_up(struct vcpu *vcpu, u8 vector)
{
	struct kvm_segment cs;

	vendor->get_segment(vcpu, &cs, VCPU_SEG_CS);
	cs.selector = vector << 8;
	cs.base = vector << 12;
	vendor->set_segment(vcpu, &cs, VCPU_SEG_CS);
	vcpu_set_rip(vcpu, 0);
	vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
}

void lapic_process_init_sipi(struct vcpu *vcpu)
{
	struct lapic *apic = vcpu->apic;

	if (!lapic_init_sipi_pending(vcpu))
		return;
	if (test_and_clear_bit(LAPIC_MSG_INIT, &apic->messages)) {
		lapic_reset(vcpu, true);
		regs_reset(vcpu, true);
		vcpu->mp_state = vcpu_is_bsp(vcpu) ? KVM_MP_STATE_RUNNABLE :
						     KVM_MP_STATE_INIT_RECEIVED;
	}
	/* Only a processor that waits for a SIPI takes it. */
	if (test_and_clear_bit(LAPIC_MSG_SIPI, &apic->messages) &&
	    vcpu->mp_state == KVM_MP_STATE_INIT_RECEIVED)
		lapic_start_up(vcpu, READ_ONCE(apic->sipi_vector));
}

/* --- life and saved state --- */

int lapic_create(struct vcpu *vcpu)
{
	struct lapic *apic = kzalloc(sizeof(*apic), GFP_KERNEL_ACCOUNT);

	if (!apic)
		return -ENOMEM;
	apic->vcpu = vcpu;
	apic->told_irr = -1;
	lapic_timer_init(apic);
	lapic_reset_regs(apic);
	lapic_power_up(apic);
	lapic_publish(apic);
	vcpu->apic = apic;
	return 0;
}

void lapic_stop(struct vcpu *vcpu)
{
	lapic_timer_stop(vcpu->apic);
}

void lapic_destroy(struct vcpu *vcpu)
{
	kfree(vcpu->apic);
	vcpu->apic = NULL;
}

/* The id as the page has it: all 32 bits, or 8 at the top. */
static u32 lapic_page_id(const struct vcpu *vcpu)
{
	if ((vcpu->apic->accepts & LAPIC_X2APIC) && vcpu->vm->x2apic_format)
		return vcpu->id;
	return vcpu->id << 24;
}

void lapic_get_state(struct vcpu *vcpu, struct kvm_lapic_state *state)
{
	struct lapic *apic = vcpu->apic;
	bool running;
	u32 count;

	lapic_pv_eoi_settle(apic);
	count = lapic_timer_pause(apic, &running);
	apic_regs_save(&apic->regs, state);
	if (running)
		lapic_timer_resume(apic);
	apic_page_set(state, APIC_REG_ID, lapic_page_id(vcpu));
	apic_page_set(state, APIC_REG_VERSION, lapic_version(apic));
	apic_page_set(state, APIC_REG_TPR, apic->tpr);
	apic_page_set(state, APIC_REG_PPR, apic->ppr);
	apic_page_set(state, APIC_REG_TIMER_CURRENT, count);
	if (apic->accepts & LAPIC_X2APIC)
		apic_page_set(state, APIC_REG_LDR, apic_x2apic_ldr(vcpu->id));
}

int lapic_set_state(struct vcpu *vcpu, const struct kvm_lapic_state *state)
{
	struct lapic *apic = vcpu->apic;
	u64 deadline = apic->timer.deadline;

	/* The id is the vCPU's; only x2APIC mode lets user space name it all. */
	if ((apic->accepts & LAPIC_X2APIC) && vcpu->vm->x2apic_format &&
	    apic_page_get(state, APIC_REG_ID) != vcpu->id)
		return -EINVAL;

	lapic_pv_eoi_settle(apic);
	lapic_timer_stop(apic);
	apic_regs_load(&apic->regs, state);
	if (!vcpu->vm->eoi_suppression)
		apic->regs.reg[APIC_REG_SVR] &= ~APIC_SVR_NO_EOI;
	apic->tpr = apic->regs.reg[APIC_REG_TPR];
	apic->isr_highest = apic_highest(apic->regs.isr);
	apic->ppr = apic_ppr(apic->tpr, apic->isr_highest);
	atomic_set(&apic->errors, 0);
	apic->eoi_vector = -1;
	WRITE_ONCE(apic->irr_maybe, true);

	lapic_timer_load(apic, apic_page_get(state, APIC_REG_TIMER_CURRENT));
	lapic_set_tsc_deadline(vcpu, deadline);
	lapic_address_changed(apic);
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	return 0;
}
