// SPDX-License-Identifier: GPL-2.0-only
/*
 * From GSIs and MSIs to interrupt chips and local APICs.
 *
 * A route is an MSI, or pins of the chips in the kernel: one of the I/O APIC and
 * some of the PIC.  It is decoded once, when user space sets it, so that raising
 * a GSI is an array lookup and a lapic_send().  Routes and the map of APICs are
 * built aside and published by RCU; an MSI takes no lock, a pin that of its chip.
 *
 * With the other chips in user space the first nr_ioapic_pins GSIs are the pins
 * of its I/O APIC.  It must hear of the EOI of what it sent level-triggered: each
 * vCPU keeps a bitmap of such vectors and computes it again (VCPU_REQ_SCAN_EOI)
 * when these routes, or what the vCPU's APIC answers to, change.
 *
 * With all chips in the kernel, pins are also looked up backwards, from the pin
 * whose interrupt ended to the GSI and who waits for it.
 *
 * A GSI is a wire, and its pins are where it ends: if it is up while its route is
 * replaced, the old pins fall and the new ones rise.  So whoever drives pins, and
 * who replaces routes, does it under a lock; MSIs do without.
 */
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../x86/machine.h"
#include "apic_map.h"
#include "irqchip.h"
#include "lapic_private.h"
#include "pit_timer.h"

enum irq_route_kind {
	IRQ_ROUTE_NONE,
	IRQ_ROUTE_MSI,
	IRQ_ROUTE_PINS,
};

/* Marks a GSI without a pin of the I/O APIC, and a pin without a GSI. */
#define IRQ_NO_PIN	(-1)
#define IRQ_NO_GSI	(-1)

/**
 * struct irq_route - where a GSI goes
 * @kind:	what of the following is valid
 * @msg:	the message of its MSI
 * @pic_pins:	pins of the PICs, a bit each
 * @ioapic_pin:	pin of the I/O APIC, or IRQ_NO_PIN
 */
struct irq_route {
	u8 kind;
	s8 ioapic_pin;
	u16 pic_pins;
	struct lapic_msg msg;
};

/**
 * struct irq_routes - all routes of a VM; immutable once published
 * @rcu:	frees them after the last reader
 * @nr:		how many GSIs there are
 * @pin_gsi:	the GSI that drives a pin, or IRQ_NO_GSI
 * @by_gsi:	the routes
 */
struct irq_routes {
	struct rcu_head rcu;
	u32 nr;
	s16 pin_gsi[IRQ_NR_CHIPS][IOAPIC_PINS];
	struct irq_route by_gsi[];
};

void irq_vm_init(struct vm *vm)
{
	mutex_init(&vm->irq.lock);
	raw_spin_lock_init(&vm->irq.lines_lock);
}

void irq_vm_destroy(struct vm *vm)
{
	pit_timer_destroy(vm);
	irqchip_destroy(vm);
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

static int irq_route_set_msi(struct vm *vm, struct irq_route *route,
			     const struct kvm_irq_routing_entry *entry)
{
	const struct kvm_irq_routing_msi *msi = &entry->u.msi;

	if (route->kind != IRQ_ROUTE_NONE)
		return -EINVAL;
	if (vm->x2apic_format && (msi->address_hi & 0xff))
		return -EINVAL;
	route->kind = IRQ_ROUTE_MSI;
	apic_decode_msi((u64)msi->address_hi << 32 | msi->address_lo, msi->data,
			vm->x2apic_format, &route->msg);
	return 0;
}

/* A GSI may drive one pin of each of the three chips that user space knows. */
static int irq_route_set_pin(struct irq_routes *routes, struct irq_route *route,
			     const struct kvm_irq_routing_entry *entry)
{
	u32 chip = entry->u.irqchip.irqchip, pin = entry->u.irqchip.pin;
	unsigned int shift;

	if (route->kind == IRQ_ROUTE_MSI)
		return -EINVAL;
	if (route->kind == IRQ_ROUTE_NONE)
		route->ioapic_pin = IRQ_NO_PIN;
	route->kind = IRQ_ROUTE_PINS;

	switch (chip) {
	case KVM_IRQCHIP_IOAPIC:
		if (pin >= IOAPIC_PINS || route->ioapic_pin != IRQ_NO_PIN)
			return -EINVAL;
		pin = array_index_nospec(pin, IOAPIC_PINS);
		route->ioapic_pin = pin;
		routes->pin_gsi[IRQ_CHIP_IOAPIC][pin] = entry->gsi;
		return 0;
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		shift = chip == KVM_IRQCHIP_PIC_SLAVE ? PIC_PINS / 2 : 0;
		if (pin >= PIC_PINS / 2 || (route->pic_pins >> shift & 0xff))
			return -EINVAL;
		pin = array_index_nospec(pin, PIC_PINS / 2) + shift;
		route->pic_pins |= 1u << pin;
		routes->pin_gsi[IRQ_CHIP_PIC][pin] = entry->gsi;
		return 0;
	default:
		return -EINVAL;
	}
}

static int irq_route_set(struct vm *vm, struct irq_routes *routes,
			 const struct kvm_irq_routing_entry *entry)
{
	struct irq_route *route;

	/* KVM_MSI_VALID_DEVID is for interrupt controllers of other machines. */
	if (entry->gsi >= routes->nr || entry->flags)
		return -EINVAL;
	route = &routes->by_gsi[array_index_nospec(entry->gsi, routes->nr)];
	if (entry->type == KVM_IRQ_ROUTING_MSI)
		return irq_route_set_msi(vm, route, entry);
	if (entry->type == KVM_IRQ_ROUTING_IRQCHIP && vm->irq.chip)
		return irq_route_set_pin(routes, route, entry);
	return -EINVAL;
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
	/* All bytes of IRQ_NO_GSI are equal. */
	memset(routes->pin_gsi, IRQ_NO_GSI, sizeof(routes->pin_gsi));
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
	return route->kind != IRQ_ROUTE_NONE ? route : NULL;
}

/* Do pins, of user space's I/O APIC or of ours, mean something else now? */
static bool irq_pins_differ(const struct vm *vm, const struct irq_routes *a,
			    const struct irq_routes *b)
{
	const struct irq_route *from, *to;
	u32 gsi;

	if (vm->irq.chip)
		return !a || memcmp(a->pin_gsi, b->pin_gsi, sizeof(a->pin_gsi));
	for (gsi = 0; gsi < vm->nr_ioapic_pins; gsi++) {
		from = irq_route_find(a, gsi);
		to = irq_route_find(b, gsi);
		if (!from != !to || (from && memcmp(&from->msg, &to->msg, sizeof(from->msg))))
			return true;
	}
	return false;
}

/* --- lines --- */

static int irq_route_set_pins(struct vm *vm, enum irq_source source,
			      const struct irq_route *route, bool level)
{
	unsigned long pic_pins = route->pic_pins;
	int ret = -1, accepted;
	unsigned int pin;

	for_each_set_bit(pin, &pic_pins, PIC_PINS) {
		accepted = irqchip_set_pic(vm, source, pin, level);
		if (accepted >= 0)
			ret = max(ret, 0) + accepted;
	}
	if (route->ioapic_pin == IRQ_NO_PIN)
		return ret;
	accepted = irqchip_set_ioapic(vm, source, route->ioapic_pin, level);
	return accepted >= 0 ? max(ret, 0) + accepted : ret;
}

static int irq_route_drive(struct vm *vm, enum irq_source source,
			   const struct irq_route *route, bool level)
{
	if (route->kind == IRQ_ROUTE_PINS)
		return irq_route_set_pins(vm, source, route, level);
	return level ? max(lapic_send_rcu(vm, NULL, &route->msg), 0) : 0;
}

static void irq_route_drive_sources(struct vm *vm, const struct irq_route *route,
				    unsigned long sources)
{
	unsigned int source;

	for_each_set_bit(source, &sources, IRQ_NR_SOURCES)
		irq_route_set_pins(vm, source, route, true);
}

/* Lines that are up go with their GSIs from pins of @from to those of @to. */
static void irq_lines_move(struct vm *vm, const struct irq_routes *from,
			   const struct irq_routes *to)
{
	u8 sources[IRQ_NR_CHIPS][IOAPIC_PINS] = {};
	const struct irq_route *route;
	unsigned int chip, pin;
	s16 gsi;

	lockdep_assert_held(&vm->irq.lines_lock);

	for (chip = 0; chip < IRQ_NR_CHIPS; chip++) {
		for (pin = 0; pin < IOAPIC_PINS; pin++) {
			gsi = from->pin_gsi[chip][pin];
			if (gsi != IRQ_NO_GSI && gsi != to->pin_gsi[chip][pin])
				sources[chip][pin] = irqchip_let_go(vm, chip, pin);
		}
	}
	for (chip = 0; chip < IRQ_NR_CHIPS; chip++) {
		for (pin = 0; pin < IOAPIC_PINS; pin++) {
			route = irq_route_find(to, from->pin_gsi[chip][pin]);
			if (route && route->kind == IRQ_ROUTE_PINS)
				irq_route_drive_sources(vm, route, sources[chip][pin]);
		}
	}
}

/* --- replacement --- */

static void irq_routes_publish(struct vm *vm, struct irq_routes *routes)
{
	struct irq_routes *old;
	unsigned long flags;
	bool pins;

	mutex_lock(&vm->irq.lock);
	raw_spin_lock_irqsave(&vm->irq.lines_lock, flags);
	old = rcu_replace_pointer(vm->irq.routes, routes, lockdep_is_held(&vm->irq.lock));
	if (old && vm->irq.chip)
		irq_lines_move(vm, old, routes);
	raw_spin_unlock_irqrestore(&vm->irq.lines_lock, flags);
	pins = irq_pins_differ(vm, old, routes);
	mutex_unlock(&vm->irq.lock);

	if (pins)
		vm_kick_all(vm, VCPU_REQ_SCAN_EOI);
	if (!old)
		return;
	/* Whoever replaces routes may rely on it that nothing goes by the old ones. */
	synchronize_rcu_expedited();
	kvfree(old);
}

#define IRQ_PIN(irq, chip, chip_pin)					\
	{ .gsi = (irq), .type = KVM_IRQ_ROUTING_IRQCHIP,		\
	  .u.irqchip = { .irqchip = (chip), .pin = (chip_pin) } }
#define IRQ_IOAPIC(irq)	IRQ_PIN(irq, KVM_IRQCHIP_IOAPIC, irq)
#define IRQ_MASTER(irq)	IRQ_IOAPIC(irq), IRQ_PIN(irq, KVM_IRQCHIP_PIC_MASTER, irq)
#define IRQ_SLAVE(irq)	IRQ_IOAPIC(irq), IRQ_PIN(irq, KVM_IRQCHIP_PIC_SLAVE, (irq) - 8)

static const struct kvm_irq_routing_entry irq_default_routes[] = {
	IRQ_MASTER(0), IRQ_MASTER(1), IRQ_MASTER(2), IRQ_MASTER(3),
	IRQ_MASTER(4), IRQ_MASTER(5), IRQ_MASTER(6), IRQ_MASTER(7),
	IRQ_SLAVE(8), IRQ_SLAVE(9), IRQ_SLAVE(10), IRQ_SLAVE(11),
	IRQ_SLAVE(12), IRQ_SLAVE(13), IRQ_SLAVE(14), IRQ_SLAVE(15),
	IRQ_IOAPIC(16), IRQ_IOAPIC(17), IRQ_IOAPIC(18), IRQ_IOAPIC(19),
	IRQ_IOAPIC(20), IRQ_IOAPIC(21), IRQ_IOAPIC(22), IRQ_IOAPIC(23),
};

int irq_set_default_routes(struct vm *vm)
{
	struct irq_routes *routes;

	routes = irq_routes_build(vm, ARRAY_SIZE(irq_default_routes), irq_default_routes);
	if (IS_ERR(routes))
		return PTR_ERR(routes);
	irq_routes_publish(vm, routes);
	return 0;
}

int irq_ioctl_set_routes(struct vm *vm, u32 nr, u32 flags,
			 const struct kvm_irq_routing_entry __user *uentries)
{
	struct kvm_irq_routing_entry *entries = NULL;
	struct irq_routes *routes;

	if (!vm_has_lapics(vm) || flags || nr > IRQ_MAX_ROUTES)
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

	if (!vm_has_lapics(vm) || msi->flags)
		return -EINVAL;
	if (vm->x2apic_format && (msi->address_hi & 0xff))
		return -EINVAL;
	apic_decode_msi((u64)msi->address_hi << 32 | msi->address_lo, msi->data,
			vm->x2apic_format, &msg);
	return max(lapic_send(vm, NULL, &msg), 0);
}

/* A line rises, falls, or both; no replacement of routes comes in between. */
static int irq_set_line(struct vm *vm, enum irq_source source, u32 gsi, bool up, bool down)
{
	const struct irq_routes *routes;
	const struct irq_route *route;
	unsigned long flags;
	int ret = -1;

	raw_spin_lock_irqsave(&vm->irq.lines_lock, flags);
	routes = rcu_dereference_check(vm->irq.routes, lockdep_is_held(&vm->irq.lines_lock));
	route = irq_route_find(routes, gsi);
	if (route && up)
		ret = irq_route_drive(vm, source, route, true);
	if (route && down)
		ret = irq_route_drive(vm, source, route, false);
	raw_spin_unlock_irqrestore(&vm->irq.lines_lock, flags);
	return ret;
}

static bool irq_route_is_msi(const struct irq_route *route)
{
	return likely(route && route->kind == IRQ_ROUTE_MSI);
}

int irq_set_gsi(struct vm *vm, enum irq_source source, u32 gsi, bool level)
{
	const struct irq_route *route;
	int ret = -1;

	rcu_read_lock();
	route = irq_route_find(rcu_dereference(vm->irq.routes), gsi);
	if (irq_route_is_msi(route))
		ret = irq_route_drive(vm, source, route, level);
	else if (route)
		ret = irq_set_line(vm, source, gsi, level, !level);
	rcu_read_unlock();
	return ret;
}

void irq_pulse_gsi(struct vm *vm, u32 gsi)
{
	const struct irq_routes *routes;
	const struct irq_route *route;

	routes = rcu_dereference_check(vm->irq.routes, irqs_disabled());
	route = irq_route_find(routes, gsi);
	if (irq_route_is_msi(route))
		lapic_send_rcu(vm, NULL, &route->msg);
	else if (route)
		irq_set_line(vm, IRQ_SOURCE_USER, gsi, true, true);
}

/* --- who waits for the end of an interrupt --- */

void irq_ack_register(struct vm *vm, struct irq_ack_notifier *notifier)
{
	mutex_lock(&vm->irq.lock);
	hlist_add_head_rcu(&notifier->link, &vm->irq.acks);
	mutex_unlock(&vm->irq.lock);
	vm_kick_all(vm, VCPU_REQ_SCAN_EOI);
}

void irq_ack_unregister(struct vm *vm, struct irq_ack_notifier *notifier)
{
	mutex_lock(&vm->irq.lock);
	hlist_del_rcu(&notifier->link);
	mutex_unlock(&vm->irq.lock);
	synchronize_rcu();
	vm_kick_all(vm, VCPU_REQ_SCAN_EOI);
}

static bool irq_gsi_drives(const struct irq_routes *routes, u32 gsi, enum irq_chip chip,
			   u32 pins)
{
	unsigned int pin;

	for (pin = 0; routes && pin < IOAPIC_PINS; pin++)
		if ((pins & 1u << pin) && routes->pin_gsi[chip][pin] == (s32)gsi)
			return true;
	return false;
}

bool irq_gsi_on_pins(struct vm *vm, u32 gsi, enum irq_chip chip, u32 pins)
{
	bool drives;

	rcu_read_lock();
	drives = irq_gsi_drives(rcu_dereference(vm->irq.routes), gsi, chip, pins);
	rcu_read_unlock();
	return drives;
}

void irq_acked(struct vm *vm, enum irq_chip chip, u32 pins)
{
	struct irq_ack_notifier *notifier;
	const struct irq_routes *routes;

	if (!pins || hlist_empty(&vm->irq.acks))
		return;
	rcu_read_lock();
	routes = rcu_dereference(vm->irq.routes);
	hlist_for_each_entry_rcu(notifier, &vm->irq.acks, link)
		if (irq_gsi_drives(routes, notifier->gsi, chip, pins))
			notifier->acked(notifier);
	rcu_read_unlock();
}

u32 irq_ack_pins(struct vm *vm, enum irq_chip chip)
{
	const struct irq_ack_notifier *notifier;
	const struct irq_routes *routes;
	unsigned int pin;
	u32 pins = 0;

	rcu_read_lock();
	routes = rcu_dereference(vm->irq.routes);
	hlist_for_each_entry_rcu(notifier, &vm->irq.acks, link)
		for (pin = 0; pin < IOAPIC_PINS; pin++)
			if (irq_gsi_drives(routes, notifier->gsi, chip, 1u << pin))
				pins |= 1u << pin;
	rcu_read_unlock();
	return pins;
}

void irq_eoi_vectors(struct vcpu *vcpu, unsigned long *vectors)
{
	const struct irq_routes *routes;
	const struct irq_route *route;
	u32 gsi;

	bitmap_zero(vectors, 256);
	if (vcpu->vm->irqchip_full) {
		irqchip_eoi_vectors(vcpu, vectors);
		return;
	}
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
