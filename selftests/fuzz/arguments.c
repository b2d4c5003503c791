// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arguments: plausible ones, and how they are bent.
 *
 * A call that is refused at its first check proves little, so three of four arguments are as a VMM would make them, or
 * that with a few fields changed; the rest is any bytes, a structure that ends in a hole, no structure at all. What
 * would turn against the fuzzer itself is put right at the end: guest memory is the arena or nothing, and the signal
 * that ends KVM_RUN stays open.
 */
#include "arguments.h"
#include "machine.h"

#include <linux/kvm.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>

/* structures of the node and of VMs come first */

u64 make_plain(struct actor *a)
{
	return (uintptr_t)a->argument;
}

u64 make_zero(struct actor *a)
{
	return 0;
}

u64 make_extension(struct actor *a)
{
	return chance_below(&a->chance, 256);
}

u64 make_vcpu_id(struct actor *a)
{
	return chance_below(&a->chance, 16);
}

u64 make_khz(struct actor *a)
{
	return chance_one_in(&a->chance, 2) ? 0 : 1000000 + chance_below(&a->chance, 4000000);
}

u64 make_low_address(struct actor *a)
{
	return 0xfffbd000 - chance_below(&a->chance, 16) * PAGE_SIZE;
}

u64 make_cpuid_room(struct actor *a)
{
	((struct kvm_cpuid2 *)a->argument)->nent = 100;
	return make_plain(a);
}

u64 make_msr_room(struct actor *a)
{
	((struct kvm_msr_list *)a->argument)->nmsrs = WORLD_MSRS;
	return make_plain(a);
}

u64 make_enable_cap(struct actor *a)
{
	static const struct {
		u32 cap;
		u64 bits;
	} switches[] = {
		{ KVM_CAP_SPLIT_IRQCHIP, 31 }, { KVM_CAP_X2APIC_API, 3 }, { KVM_CAP_X86_DISABLE_EXITS, 15 },
		{ KVM_CAP_EXCEPTION_PAYLOAD, 1 }, { KVM_CAP_X86_USER_SPACE_MSR, 7 }, { KVM_CAP_HALT_POLL, ~0u },
		{ KVM_CAP_DIRTY_LOG_RING, 65536 }, { KVM_CAP_MAX_VCPU_ID, 255 },
	};
	u32 i = chance_below(&a->chance, COUNT_OF(switches));
	struct kvm_enable_cap *cap = (void *)a->argument;

	cap->cap = switches[i].cap;
	cap->args[0] = chance_next(&a->chance) & switches[i].bits;
	return make_plain(a);
}

/* few places and sizes, so that slots meet: side by side, one over the other, again with other flags */
u64 make_region(struct actor *a)
{
	struct kvm_userspace_memory_region2 *region = (void *)a->argument;
	struct chance *c = &a->chance;
	u64 pages = chance_one_in(c, 2) ? 512 << chance_below(c, 3) : 1 + chance_below(c, 64);

	/* without the first the guests are dead */
	region->slot = chance_one_in(c, 8) ? 0 : 1 + chance_below(c, 3);
	region->flags = chance_next(c) & (KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY);
	region->guest_phys_addr = chance_one_in(c, 3) ? chance_below(c, 8) << 21 : chance_below(c, 1024) << 12;
	region->memory_size = chance_one_in(c, 4) ? 0 : pages * PAGE_SIZE;
	region->userspace_addr = (uintptr_t)a->world->arena + (chance_below(c, 1024) << 12);
	return make_plain(a);
}

u64 make_dirty_log(struct actor *a)
{
	struct kvm_dirty_log *log = (void *)a->argument;

	log->slot = chance_below(&a->chance, 4);
	log->dirty_bitmap = a->argument + PAGE_SIZE;
	return make_plain(a);
}

static u64 msi_address(struct chance *c)
{
	return 0xfee00000 | chance_below(c, 6) << 12 | chance_below(c, 4) << 2;
}

static u64 msi_data(struct chance *c)
{
	return chance_below(c, 256) | chance_below(c, 8) << 8 | chance_below(c, 4) << 14;
}

u64 make_msi(struct actor *a)
{
	struct kvm_msi *msi = (void *)a->argument;

	msi->address_lo = msi_address(&a->chance);
	msi->data = msi_data(&a->chance);
	return make_plain(a);
}

u64 make_routing(struct actor *a)
{
	struct kvm_irq_routing *routing = (void *)a->argument;
	struct chance *c = &a->chance;
	u32 i;

	routing->nr = chance_below(c, 32);
	for (i = 0; i < routing->nr; i++) {
		struct kvm_irq_routing_entry *entry = &routing->entries[i];

		entry->gsi = chance_below(c, 32);
		if (chance_one_in(c, 2)) {
			entry->type = KVM_IRQ_ROUTING_MSI;
			entry->u.msi.address_lo = msi_address(c);
			entry->u.msi.data = msi_data(c);
		} else {
			entry->type = KVM_IRQ_ROUTING_IRQCHIP;
			entry->u.irqchip.irqchip = chance_below(c, 3);
			entry->u.irqchip.pin = chance_below(c, 25);
		}
	}
	return make_plain(a);
}

u64 make_irq_level(struct actor *a)
{
	struct kvm_irq_level *level = (void *)a->argument;

	level->irq = chance_below(&a->chance, 33);
	level->level = chance_below(&a->chance, 2);
	return make_plain(a);
}

static u32 any_msr(struct actor *a)
{
	static const u32 more[] = {
		0x10, 0x1b, 0x3a, 0x3b, 0x79, 0x8b, 0xfe, 0x174, 0x179, 0x17a, 0x186, 0x1a0, 0x1d9, 0x200, 0x20f, 0x250,
		0x277,
		0x2ff, 0x400, 0x403, 0x6e0, 0x800, 0x802, 0x808, 0x80b, 0x80d, 0x80f, 0x830, 0x832, 0x838, 0x83e, 0x83f,
		0xda0,
		0xc0000080, 0xc0000081, 0xc0000103, 0xc0010015, 0xc0010111, 0xc0010114, 0xc0010117, 0xc001011f,
		0x4b564d00,
		0x4b564d01, 0x40000000, 0x40000020,
	};
	const struct world *w = a->world;
	struct chance *c = &a->chance;

	if (w->nr_msrs && chance_one_in(c, 2))
		return w->msrs[chance_below(c, w->nr_msrs)];
	return chance_one_in(c, 8) ? chance_next(c) : more[chance_below(c, COUNT_OF(more))];
}

u64 make_msr_filter(struct actor *a)
{
	struct kvm_msr_filter *filter = (void *)a->argument;
	struct chance *c = &a->chance;
	u32 i;

	filter->flags = chance_below(c, 2);
	for (i = 0; i < chance_below(c, KVM_MSR_FILTER_MAX_RANGES + 1); i++) {
		filter->ranges[i].flags = 1 + chance_below(c, 3);
		filter->ranges[i].base = any_msr(a) & ~63;
		filter->ranges[i].nmsrs = chance_below(c, 300);
		filter->ranges[i].bitmap = a->argument + PAGE_SIZE;
	}
	return make_plain(a);
}

u64 make_irqchip(struct actor *a)
{
	((struct kvm_irqchip *)a->argument)->chip_id = chance_below(&a->chance, 3);
	return make_plain(a);
}

static u32 any_event(struct actor *a)
{
	return a->world->events[chance_below(&a->chance, WORLD_EVENTS)];
}

u64 make_irqfd(struct actor *a)
{
	struct kvm_irqfd *irqfd = (void *)a->argument;
	struct chance *c = &a->chance;

	irqfd->fd = any_event(a);
	irqfd->gsi = chance_below(c, 32);
	irqfd->flags = chance_below(c, 4);
	irqfd->resamplefd = any_event(a);
	return make_plain(a);
}

/* ports and addresses that guests write to */
u64 make_ioeventfd(struct actor *a)
{
	struct kvm_ioeventfd *ioeventfd = (void *)a->argument;
	struct chance *c = &a->chance;
	bool port = chance_one_in(c, 2);

	ioeventfd->addr = port ? chance_below(c, 4) : MMIO_BASE + chance_below(c, 4) * 4;
	ioeventfd->len = 1 << chance_below(c, 4);
	ioeventfd->datamatch = chance_below(c, 4);
	ioeventfd->fd = any_event(a);
	ioeventfd->flags = (chance_next(c) & (KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_DEASSIGN)) |
			   (port ? KVM_IOEVENTFD_FLAG_PIO : 0);
	return make_plain(a);
}

u64 make_zone(struct actor *a)
{
	struct kvm_coalesced_mmio_zone *zone = (void *)a->argument;
	struct chance *c = &a->chance;

	zone->pio = chance_below(c, 2);
	zone->addr = zone->pio ? chance_below(c, 8) : MMIO_BASE + chance_below(c, 4) * PAGE_SIZE;
	zone->size = zone->pio ? 1 + chance_below(c, 8) : PAGE_SIZE << chance_below(c, 2);
	return make_plain(a);
}

/* --- vCPUs --- */

/* mostly the TSC's offset, at the end of the argument itself, where no other argument begins */
u64 make_attribute(struct actor *a)
{
	struct kvm_device_attr *attr = (void *)a->argument;
	struct chance *c = &a->chance;

	attr->flags = 0;
	attr->group = chance_one_in(c, 8) ? chance_below(c, 3) : KVM_VCPU_TSC_CTRL;
	attr->attr = chance_one_in(c, 8) ? chance_below(c, 3) : KVM_VCPU_TSC_OFFSET;
	if (!chance_one_in(c, 4))
		attr->addr = (uintptr_t)(attr + 1);
	return make_plain(a);
}

u64 make_guest_debug(struct actor *a)
{
	struct kvm_guest_debug *debug = (void *)a->argument;
	struct chance *c = &a->chance;

	debug->control = chance_one_in(c, 2) ? 0 : KVM_GUESTDBG_ENABLE | (chance_next(c) & 0x330003);
	debug->arch.debugreg[0] = chance_below(c, 0x4000);
	debug->arch.debugreg[7] = chance_below(c, 0x800);
	return make_plain(a);
}

u64 make_mp_state(struct actor *a)
{
	((struct kvm_mp_state *)a->argument)->mp_state =
		chance_one_in(&a->chance, 2) ? KVM_MP_STATE_RUNNABLE : chance_below(&a->chance, 6);
	return make_plain(a);
}

u64 make_translation(struct actor *a)
{
	((struct kvm_translation *)a->argument)->linear_address = chance_nasty(&a->chance);
	return make_plain(a);
}

static u64 msr_value(struct actor *a)
{
	struct chance *c = &a->chance;

	switch (chance_below(c, 4)) {
	case 0: return chance_below(c, 0x2000);
	case 1: return chance_below(c, ARENA_SIZE) | 1;
	default: return chance_nasty(c);
	}
}

u64 make_msrs(struct actor *a)
{
	struct kvm_msrs *msrs = (void *)a->argument;
	u32 i;

	msrs->nmsrs = 1 + chance_below(&a->chance, 20);
	for (i = 0; i < msrs->nmsrs; i++) {
		msrs->entries[i].index = any_msr(a);
		msrs->entries[i].data = msr_value(a);
	}
	return make_plain(a);
}

/* what the node supports, with features missing, or all of it */
u64 make_cpuid(struct actor *a)
{
	const struct kvm_cpuid2 *all = a->world->cpuid;
	struct kvm_cpuid2 *cpuid = (void *)a->argument;
	struct chance *c = &a->chance;
	u32 nent = all->nent < 100 ? all->nent : 100;

	memcpy(cpuid, all, sizeof(*all) + nent * sizeof(all->entries[0]));
	cpuid->nent = nent;
	while (chance_one_in(c, 2)) {
		struct kvm_cpuid_entry2 *entry = &cpuid->entries[chance_below(c, nent)];
		u32 *words[] = { &entry->eax, &entry->ebx, &entry->ecx, &entry->edx };

		*words[chance_below(c, 4)] &= chance_next(c);
	}
	return make_plain(a);
}

u64 make_vector(struct actor *a)
{
	((struct kvm_interrupt *)a->argument)->irq = chance_below(&a->chance, 256);
	return make_plain(a);
}

u64 make_signal_mask(struct actor *a)
{
	struct kvm_signal_mask *mask = (void *)a->argument;
	u64 bits = chance_next(&a->chance);

	if (chance_one_in(&a->chance, 4))
		return 0;
	mask->len = 8;
	memcpy(mask->sigset, &bits, 8);
	return make_plain(a);
}

u64 make_mce_banks(struct actor *a)
{
	*(u64 *)a->argument = chance_below(&a->chance, 33) | (chance_one_in(&a->chance, 2) ? 1 << 8 : 0);
	return make_plain(a);
}

u64 make_mce(struct actor *a)
{
	struct kvm_x86_mce *mce = (void *)a->argument;

	mce->bank = chance_below(&a->chance, 33);
	mce->status = 1ull << 63 | (chance_next(&a->chance) & 7ull << 57) | chance_below(&a->chance, 0x1000);
	mce->mcg_status = chance_below(&a->chance, 8);
	return make_plain(a);
}

/* --- how they are bent --- */

/* changes some fields of a structure */
static void bend(struct chance *c, u8 *at, u64 size)
{
	u32 i, changes = 1 + chance_below(c, 3);

	for (i = 0; i < changes; i++) {
		u32 width = 1 << chance_below(c, 4);
		u64 value = chance_nasty(c);

		if (width > size)
			continue;
		memcpy(at + chance_below(c, size / width) * width, &value, width);
	}
}

static void any_bytes(struct chance *c, u8 *at, u64 size)
{
	u64 i, value;

	for (i = 0; i + 8 <= size; i += 8) {
		value = chance_one_in(c, 3) ? chance_nasty(c) : 0;
		memcpy(at + i, &value, 8);
	}
}

/* guest memory is of the arena, or of no address at all */
static void tame_region(struct actor *a, struct kvm_userspace_memory_region *region)
{
	static const u64 nowhere[] = { 0, PAGE_SIZE - 1, 0xffff888000000000, 0x8000000000000, ~0xfffull };
	u64 arena = (uintptr_t)a->world->arena;

	if (region->userspace_addr < arena || region->userspace_addr >= arena + ARENA_SIZE ||
	    region->memory_size > 4 * GiB - ARENA_SIZE)
		region->userspace_addr = nowhere[chance_below(&a->chance, COUNT_OF(nowhere))];
}

/* what would turn against the fuzzer; an answer goes to the arena or to the argument */
static void tame(struct actor *a, const struct fuzz_call *call)
{
	struct kvm_guest_debug *debug = (void *)a->argument;
	struct kvm_debugregs *debugregs = (void *)a->argument;
	struct kvm_dirty_log *log = (void *)a->argument;
	struct kvm_signal_mask *mask = (void *)a->argument;

	switch (call->cmd) {
	case KVM_SET_USER_MEMORY_REGION:
	case KVM_SET_USER_MEMORY_REGION2:
		tame_region(a, (void *)a->argument);
		break;
	case KVM_GET_DIRTY_LOG:
		if ((u8 *)log->dirty_bitmap != a->argument + PAGE_SIZE)
			log->dirty_bitmap = a->world->arena + chance_below(&a->chance, ARENA_SIZE);
		break;
	case KVM_SET_SIGNAL_MASK:
		mask->sigset[(TIMER_SIGNAL - 1) / 8] &= ~(1 << (TIMER_SIGNAL - 1) % 8);
		break;
	case KVM_SET_REGS:
		machine_tame_regs((void *)a->argument);
		break;
	case KVM_SET_SREGS:
	case KVM_SET_SREGS2:
		machine_tame_sregs((void *)a->argument);
		break;
	case KVM_SET_DEBUGREGS:
		debugregs->dr7 = machine_tame_dr7(debugregs->dr7);
		break;
	case KVM_SET_GUEST_DEBUG:
		debug->arch.debugreg[7] = machine_tame_dr7(debug->arch.debugreg[7]);
	}
}

/* the structure moved to the end of the argument's room, or somewhere that is no place for it */
static u64 misplace(struct actor *a, const struct fuzz_call *call, u64 size)
{
	u8 *end = a->argument + ARGUMENT_SIZE;

	/* what was tamed must not get lost */
	if (call->make == make_signal_mask || call->make == make_region)
		return (uintptr_t)a->argument;
	switch (chance_below(&a->chance, 6)) {
	case 0: return 0;
	case 1: return 0xffff888000000000;
	case 2: return (uintptr_t)end - chance_below(&a->chance, size + 1);
	case 3:
		if (_IOC_DIR(call->cmd) != _IOC_WRITE)
			return (uintptr_t)a->world->arena + chance_below(&a->chance, ARENA_SIZE);
		/* fallthrough */
	default:
		if (size > ARGUMENT_SIZE / 2)
			return (uintptr_t)end;
		memcpy(end - size, a->argument, size);
		return (uintptr_t)end - size;
	}
}

u64 fuzz_argument(struct actor *a, const struct fuzz_call *call, int fd)
{
	u64 size = _IOC_SIZE(call->cmd) + call->tail, argument;
	struct chance *c = &a->chance;
	u32 shape = chance_below(c, 16);

	memset(a->argument, 0, size < 2 * PAGE_SIZE ? 2 * PAGE_SIZE : size);
	if (chance_one_in(c, 4))
		any_bytes(c, a->argument + PAGE_SIZE, PAGE_SIZE);
	if (call->get)
		kvm_ioctl_once(fd, call->get, a->argument);
	argument = call->make(a);
	if (argument != (uintptr_t)a->argument)
		return shape < 3 ? chance_nasty(c) : argument;
	if (shape < 6)
		bend(c, a->argument, shape < 3 ? _IOC_SIZE(call->cmd) : size);
	else if (shape == 6)
		any_bytes(c, a->argument, size);
	tame(a, call);
	return shape == 7 ? misplace(a, call, size) : argument;
}
