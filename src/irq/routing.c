// SPDX-License-Identifier: GPL-2.0-only
/*
 * From GSIs and MSIs to local APICs.
 *
 * With the other chips in user space every route is an MSI.  It is decoded once,
 * when user space sets it, so that raising a GSI is an array lookup and a
 * lapic_send().  Routes and the map of APICs are built aside and published by
 * RCU; nothing that delivers an interrupt takes a lock.
 *
 * The first nr_ioapic_pins GSIs are the pins of user space's I/O APIC.  It must
 * hear of the EOI of what it sent level-triggered: each vCPU keeps a bitmap of
 * such vectors and computes it again (VCPU_REQ_SCAN_EOI) when these routes, or
 * what the vCPU's APIC answers to, change.
 */
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../x86/machine.h"
#include "apic_map.h"
#include "lapic_private.h"

/**
 * struct irq_route - where a GSI goes
 * @msg:	the message of its MSI
 * @valid:	it has one
 */
struct irq_route {
	struct lapic_msg msg;
	bool valid;
};

/**
 * struct irq_routes - all routes of a VM; immutable once published
 * @rcu:	frees them after the last reader
 * @nr:		how many GSIs there are
 * @by_gsi:	the routes
 */
struct irq_routes {
	struct rcu_head rcu;
	u32 nr;
	struct irq_route by_gsi[];
};

void irq_vm_init(struct vm *vm)
{
	mutex_init(&vm->irq.lock);
}

void irq_vm_destroy(struct vm *vm)
{
	kvfree(rcu_access_pointer(vm->irq.routes));
	kvfree(rcu_access_pointer(vm->irq.map));
	RCU_INIT_POINTER(vm->irq.routes, NULL);
	RCU_INIT_POINTER(vm->irq.map, NULL);
	mutex_destroy(&vm->irq.lock);
}

/* --- the map --- */

static struct apic_map *irq_map_build(struct vm *vm)
{
	struct apic_map *map;
	struct vcpu *vcpu;
	struct apic_id id;
	unsigned long i;
	u32 max_id = 0;

	vm_for_each_vcpu(vm, i, vcpu)
		max_id = max(max_id, vcpu->id);
	map = apic_map_alloc(max_id);
	if (!map)
		return NULL;
	vm_for_each_vcpu(vm, i, vcpu) {
		/* One that was created meanwhile updates the map after this. */
		if (!vcpu->apic || vcpu->id > max_id ||
		    !(READ_ONCE(vcpu->apic->accepts) & LAPIC_ON))
			continue;
		lapic_address(vcpu->apic, &id);
		apic_map_add(map, vcpu->apic, &id);
	}
	return map;
}

void irq_map_update(struct vm *vm)
{
	struct apic_map *old, *new;

	mutex_lock(&vm->irq.lock);
	new = irq_map_build(vm);
	old = rcu_replace_pointer(vm->irq.map, new, lockdep_is_held(&vm->irq.lock));
	mutex_unlock(&vm->irq.lock);
	if (old)
		kvfree_rcu(old, rcu);
}

/* --- routes --- */

static int irq_route_set(struct vm *vm, struct irq_routes *routes,
			 const struct kvm_irq_routing_entry *entry)
{
	struct irq_route *route;

	/* KVM_MSI_VALID_DEVID is for interrupt controllers of other machines. */
	if (entry->gsi >= routes->nr || entry->type != KVM_IRQ_ROUTING_MSI ||
	    entry->flags)
		return -EINVAL;
	if (vm->x2apic_format && (entry->u.msi.address_hi & 0xff))
		return -EINVAL;
	route = &routes->by_gsi[array_index_nospec(entry->gsi, routes->nr)];
	if (route->valid)
		return -EINVAL;
	route->valid = true;
	apic_decode_msi((u64)entry->u.msi.address_hi << 32 | entry->u.msi.address_lo,
			entry->u.msi.data, vm->x2apic_format, &route->msg);
	return 0;
}

static struct irq_routes *irq_routes_build(struct vm *vm, u32 nr,
					   const struct kvm_irq_routing_entry *entries)
{
	struct irq_routes *routes;
	u32 i, nr_gsis = 0;
	int ret;

	for (i = 0; i < nr; i++)
		if (entries[i].gsi < IRQ_MAX_ROUTES)
			nr_gsis = max(nr_gsis, entries[i].gsi + 1);
	routes = kvzalloc(struct_size(routes, by_gsi, nr_gsis), GFP_KERNEL_ACCOUNT);
	if (!routes)
		return ERR_PTR(-ENOMEM);
	routes->nr = nr_gsis;
	for (i = 0; i < nr; i++) {
		ret = irq_route_set(vm, routes, &entries[i]);
		if (ret) {
			kvfree(routes);
			return ERR_PTR(ret);
		}
	}
	return routes;
}

static const struct irq_route *irq_route_find(const struct irq_routes *routes, u32 gsi)
{
	const struct irq_route *route;

	if (!routes || gsi >= routes->nr)
		return NULL;
	route = &routes->by_gsi[array_index_nospec(gsi, routes->nr)];
	return route->valid ? route : NULL;
}

/* Do the pins of user space's I/O APIC send other messages now? */
static bool irq_pins_differ(const struct vm *vm, const struct irq_routes *a,
			    const struct irq_routes *b)
{
	const struct irq_route *from, *to;
	u32 gsi;

	for (gsi = 0; gsi < vm->nr_ioapic_pins; gsi++) {
		from = irq_route_find(a, gsi);
		to = irq_route_find(b, gsi);
		if (!from != !to || (from && memcmp(&from->msg, &to->msg, sizeof(from->msg))))
			return true;
	}
	return false;
}

static void irq_routes_publish(struct vm *vm, struct irq_routes *new)
{
	struct irq_routes *old;
	bool pins;

	mutex_lock(&vm->irq.lock);
	old = rcu_replace_pointer(vm->irq.routes, new, lockdep_is_held(&vm->irq.lock));
	pins = irq_pins_differ(vm, old, new);
	mutex_unlock(&vm->irq.lock);

	if (pins)
		vm_kick_all(vm, VCPU_REQ_SCAN_EOI);
	if (old)
		kvfree_rcu(old, rcu);
}

int irq_ioctl_set_routes(struct vm *vm, u32 nr, u32 flags,
			 const struct kvm_irq_routing_entry __user *uentries)
{
	struct kvm_irq_routing_entry *entries = NULL;
	struct irq_routes *routes;

	if (!vm->irqchip_split || flags || nr > IRQ_MAX_ROUTES)
		return -EINVAL;
	if (nr) {
		entries = vmemdup_user(uentries, array_size(nr, sizeof(*entries)));
		if (IS_ERR(entries))
			return PTR_ERR(entries);
	}
	routes = irq_routes_build(vm, nr, entries);
	kvfree(entries);
	if (IS_ERR(routes))
		return PTR_ERR(routes);
	irq_routes_publish(vm, routes);
	return 0;
}

int irq_ioctl_signal_msi(struct vm *vm, const struct kvm_msi *msi)
{
	struct lapic_msg msg;

	if (!vm->irqchip_split || msi->flags)
		return -EINVAL;
	if (vm->x2apic_format && (msi->address_hi & 0xff))
		return -EINVAL;
	apic_decode_msi((u64)msi->address_hi << 32 | msi->address_lo, msi->data,
			vm->x2apic_format, &msg);
	return max(lapic_send(vm, NULL, &msg), 0);
}

int irq_set_line(struct vm *vm, u32 gsi, bool level)
{
	const struct irq_route *route;
	int ret = -EINVAL;

	rcu_read_lock();
	route = irq_route_find(rcu_dereference(vm->irq.routes), gsi);
	if (route)
		ret = level ? max(lapic_send(vm, NULL, &route->msg), 0) : 0;
	rcu_read_unlock();
	return ret;
}

void irq_eoi_vectors(struct vcpu *vcpu, unsigned long *vectors)
{
	const struct irq_routes *routes;
	const struct irq_route *route;
	u32 gsi;

	bitmap_zero(vectors, 256);
	rcu_read_lock();
	routes = rcu_dereference(vcpu->vm->irq.routes);
	for (gsi = 0; gsi < vcpu->vm->nr_ioapic_pins; gsi++) {
		route = irq_route_find(routes, gsi);
		if (!route || !route->msg.level)
			continue;
		if (lapic_is_target(vcpu->apic, &route->msg) ||
		    lapic_in_use(vcpu->apic, route->msg.vector))
			__set_bit(route->msg.vector, vectors);
	}
	rcu_read_unlock();
}
