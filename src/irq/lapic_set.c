// SPDX-License-Identifier: GPL-2.0-only
/*
 * What names local APICs by their ids alone: hypercalls.
 *
 * The map of APICs is all that is looked at, under RCU.  Where an allocation
 * failed and there is none, a single vCPU is looked for in the table.
 */
#include <linux/kvm_para.h>

#include "../x86/machine.h"
#include "apic_map.h"
#include "lapic_private.h"

#define LAPIC_SET_IDS		128

struct vcpu *lapic_vcpu_by_id(struct vm *vm, u32 id)
{
	struct vcpu *vcpu = NULL;
	const struct apic_map *map;
	struct lapic *apic;

	rcu_read_lock();
	map = rcu_dereference(vm->irq.map);
	if (likely(map)) {
		apic = apic_map_by_id(map, id);
		vcpu = apic ? apic->vcpu : NULL;
	}
	rcu_read_unlock();
	return map ? vcpu : vm_vcpu_by_id(vm, id);
}

static long lapic_send_mapped(const struct apic_map *map, const struct lapic_set *set,
			      const struct lapic_msg *msg)
{
	DECLARE_BITMAP(ids, LAPIC_SET_IDS) = { set->bits[0], set->bits[1] };
	struct lapic *apic;
	unsigned int bit;
	long nr = 0;

	for_each_set_bit(bit, ids, LAPIC_SET_IDS) {
		/* Ids that wrap are nobody's. */
		apic = set->first + bit < bit ? NULL : apic_map_by_id(map, set->first + bit);
		if (apic)
			nr += lapic_receive(apic, msg);
	}
	return nr;
}

long lapic_send_set(struct vm *vm, const struct lapic_set *set, u32 icr)
{
	const struct apic_map *map;
	long nr = -KVM_EOPNOTSUPP;
	struct lapic_msg msg;

	apic_decode_icr(icr, 0, &msg);
	if (msg.logical)
		return -KVM_EINVAL;
	rcu_read_lock();
	map = rcu_dereference(vm->irq.map);
	if (likely(map))
		nr = lapic_send_mapped(map, set, &msg);
	rcu_read_unlock();
	return nr;
}
