// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arguments of ioctls: how they are copied and decoded.
 *
 *	what		1 byte: the dispatcher, MSRs, an MSR filter, routes, CPUID
 *	allocations	1 byte: which one fails; 0: none
 *	the rest	what user space has in memory, and how it calls
 *
 * User memory is one area; what is outside of it faults, and each copy is noted.  So it
 * is seen that the dispatcher copies an argument once, in the direction and size that the
 * number says, and nothing if the handler failed; and that what user space says of
 * lengths and addresses is believed nowhere.  What was accepted must mean what the ABI
 * says it does, which each part has a few lines of model for.
 */
#include <linux/kvm.h>
#include <linux/err.h>
#include <linux/slab.h>

#include "../../../src/ioctl/ioctl.h"
#include "../../../src/irq/apic_regs.h"
#include "../../../src/irq/irqchip.h"
#include "../../../src/vendor/vendor.h"
#include "../../../src/x86/machine.h"
#include "../../../src/x86/msr_internal.h"
#include "../../../src/x86/regs.h"
#include "fuzz.h"

#define USER_BYTES	32768u

static u8 user[USER_BYTES] __aligned(4096);
static struct vm vm;
static struct vcpu vcpu;

/* What was copied from and to user space. */
static struct {
	unsigned int from, to;
	unsigned long address;
	size_t bytes;
} copies;

/* ---- what the code under test needs ---- */

bool shim_user_ok(const void *addr, size_t size)
{
	unsigned long offset = (unsigned long)addr - (unsigned long)user;

	return offset <= USER_BYTES && size <= USER_BYTES - offset;
}

static unsigned long copy(unsigned long address, void *buf, size_t bytes, bool to_user)
{
	copies.address = address;
	copies.bytes = bytes;
	if (to_user)
		copies.to++;
	else
		copies.from++;
	if (!shim_user_ok((void *)address, bytes))
		return bytes;
	if (to_user)
		memcpy((void *)address, buf, bytes);
	else
		memcpy(buf, (void *)address, bytes);
	return 0;
}

const struct vendor_ops *vendor;

static struct lapic_msg sent;
static int sent_to;		/* 0: nowhere, 1: APICs, 2: pins of the chips */
static u64 sent_pins;		/* of the PICs, then of the I/O APIC */

#define SENT_IOAPIC	16

int lapic_send(struct vm *to, struct vcpu *src, const struct lapic_msg *msg)
{
	sent = *msg;
	sent_to = 1;
	return 1;
}

int lapic_send_rcu(struct vm *to, struct vcpu *src, const struct lapic_msg *msg)
{
	return lapic_send(to, src, msg);
}

int irqchip_set_pic(struct vm *to, enum irq_source source, unsigned int pin, bool level)
{
	sent_to = 2;
	sent_pins |= 1u << pin;
	return 1;
}

int irqchip_set_ioapic(struct vm *to, enum irq_source source, unsigned int pin, bool level)
{
	sent_to = 2;
	sent_pins |= 1ull << (SENT_IOAPIC + pin);
	return 1;
}

u8 irqchip_let_go(struct vm *of, enum irq_chip which, unsigned int pin)
{
	return 0;
}

void irqchip_eoi_vectors(struct vcpu *of, unsigned long *vectors)
{
}

void irqchip_destroy(struct vm *of)
{
}

void pit_timer_destroy(struct vm *of)
{
}

void lapic_address(const struct lapic *apic, struct apic_id *id)
{
}

bool lapic_is_target(struct lapic *apic, const struct lapic_msg *msg)
{
	return false;
}

bool lapic_in_use(struct lapic *apic, u8 vector)
{
	return false;
}

void vm_kick_all(struct vm *of, enum vcpu_request req)
{
}

void event_raise_error(struct vcpu *of, u8 vector, u32 error)
{
}

int regs_instruction_done(struct vcpu *of, u64 rflags)
{
	return 0;
}

/* MSRs: those with an odd index are there. */
int msr_get(struct vcpu *of, u32 index, bool host, u64 *value)
{
	if (!(index & 1))
		return -ENOENT;
	*value = index * 0x100000001ull;
	return 0;
}

static u64 msr_sum;

int msr_set(struct vcpu *of, u32 index, bool host, u64 value)
{
	if (!(index & 1))
		return -ENOENT;
	msr_sum = msr_sum * 31 + value;
	return 0;
}

const struct msr_row *msr_row_at(unsigned int nr)
{
	static const struct msr_row rows[] = {
		{ .first = 0x10, .last = 0x10, .flags = MSR_ROW_LISTED },
		{ .first = 0x200, .last = 0x20f, .flags = MSR_ROW_LISTED },
		{ .first = 0x300, .last = 0x30f },
		{ .first = 0xda0, .last = 0xda0, .flags = MSR_ROW_LISTED },
	};

	return nr < ARRAY_SIZE(rows) ? &rows[nr] : NULL;
}

/* ---- the dispatcher ---- */

static struct {
	unsigned int calls;
	long ret;
	bool leave;		/* leave the argument alone */
	u8 seen[16384];
	unsigned long arg;
} handler;

static unsigned int handler_bytes;

static long handle(void *object, void *arg, void __user *uarg)
{
	handler.calls++;
	FUZZ_ASSERT(object == &vm, "object");
	memcpy(handler.seen, arg, handler_bytes);
	/* User space changes its mind: nobody may look again. */
	memset(user, 0xee, 64);
	if (!handler.leave)
		memset(arg, 0x77, handler_bytes);
	return handler.ret;
}

static long handle_raw(void *object, void *arg, void __user *uarg)
{
	handler.calls++;
	handler.arg = *(unsigned long *)arg;
	FUZZ_ASSERT(object == &vm && (unsigned long)uarg == handler.arg, "raw argument");
	return handler.ret;
}

#define SIZED(nr, size)						\
	{ _IOC(_IOC_NONE, KVMIO, nr, size), 0, handle },		\
	{ _IOC(_IOC_READ, KVMIO, nr, size), 0, handle },		\
	{ _IOC(_IOC_WRITE, KVMIO, nr, size), 0, handle },		\
	{ _IOC(_IOC_READ | _IOC_WRITE, KVMIO, nr, size), 0, handle },	\
	{ _IOC(_IOC_WRITE, KVMIO, 128 + (nr), size), IOCTL_RAW, handle_raw }

static const struct ioctl_op ops[] = {
	SIZED(1, 1), SIZED(2, 4), SIZED(3, 64), SIZED(4, 511), SIZED(5, 512), SIZED(6, 513),
	SIZED(7, 4096), SIZED(8, 16383),
	{ _IO(KVMIO, 9), 0, handle_raw },
};

static const struct ioctl_table table = { ops, ARRAY_SIZE(ops) };

static const struct ioctl_op *find_op(unsigned int cmd)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		if (ops[i].cmd == cmd)
			return &ops[i];
	return NULL;
}

/* What it must come to, and what must have been copied. */
static void check_dispatch(const struct ioctl_op *op, unsigned long arg, long ret,
			   const u8 *before)
{
	unsigned int size = _IOC_SIZE(op->cmd), dir = _IOC_DIR(op->cmd);
	bool ok = shim_user_ok((void *)arg, size), reads = dir & _IOC_WRITE;
	unsigned int i;

	if (op->handler == handle_raw) {
		FUZZ_ASSERT(handler.calls == 1 && ret == handler.ret, "%ld", ret);
		FUZZ_ASSERT(!copies.from && !copies.to && handler.arg == arg, "raw");
		return;
	}
	if (ret == -ENOMEM && !handler.calls)
		return;
	FUZZ_ASSERT(copies.from == reads, "%u copies in", copies.from);
	if (reads && !ok) {
		FUZZ_ASSERT(ret == -EFAULT && !handler.calls, "%ld", ret);
		return;
	}
	FUZZ_ASSERT(handler.calls == 1, "%u calls", handler.calls);
	for (i = 0; i < size; i++)
		FUZZ_ASSERT(handler.seen[i] == (reads ? before[arg - (unsigned long)user + i] : 0),
			    "byte %u of the argument", i);
	FUZZ_ASSERT(copies.to == (handler.ret >= 0 && dir & _IOC_READ), "%u copies out",
		    copies.to);
	FUZZ_ASSERT(ret == (copies.to && !ok ? -EFAULT : handler.ret), "%ld", ret);
	if (copies.to)
		FUZZ_ASSERT(copies.bytes == size && copies.address == arg, "copied out");
}

static void fuzz_dispatch(struct fuzz_input *in)
{
	u8 which = fuzz_take(in, 1), how = fuzz_take(in, 1);
	static u8 before[USER_BYTES];
	const struct ioctl_op *op;
	unsigned long arg = (unsigned long)user + fuzz_take(in, 2);
	unsigned int cmd;
	long ret;

	memset(&handler, 0, sizeof(handler));
	cmd = how & 1 ? fuzz_take(in, 4) : ops[which % ARRAY_SIZE(ops)].cmd;
	handler.ret = how & 2 ? -EINVAL : how & 4 ? 42 : 0;
	handler.leave = how & 8;
	if (how & 16)
		arg = fuzz_take(in, 8);
	op = find_op(cmd);
	handler_bytes = op ? _IOC_SIZE(op->cmd) : 0;
	memcpy(before, user, sizeof(before));
	ret = ioctl_dispatch(&table, &vm, cmd, arg);
	fuzz_trace("ioctl %#x, argument %#lx: %ld, %u calls\n", cmd, arg, ret, handler.calls);
	if (op)
		check_dispatch(op, arg, ret, before);
	else
		FUZZ_ASSERT(ret == -ENOTTY && !handler.calls && !copies.from, "%ld", ret);
}

/* ---- KVM_GET_MSRS and the like ---- */

static void fuzz_msrs(struct fuzz_input *in)
{
	unsigned long offset = fuzz_take(in, 2);
	struct kvm_msrs *msrs = (void *)(user + offset % USER_BYTES / 8 * 8);
	u32 room = (user + USER_BYTES - (u8 *)msrs) / sizeof(struct kvm_msr_entry), i;
	u8 what = fuzz_take(in, 1);
	int ret;

	if (what % 5 == 0)
		ret = msr_ioctl_get(&vcpu, msrs);
	else if (what % 5 == 1)
		ret = msr_ioctl_set(&vcpu, msrs);
	else if (what % 5 == 2)
		ret = msr_ioctl_get_features(msrs);
	else if (what % 5 == 3)
		ret = msr_ioctl_index_list((void *)msrs);
	else
		ret = msr_ioctl_feature_index_list((void *)msrs);
	fuzz_trace("MSRs, operation %u on %u entries: %d\n", what % 5, msrs->nmsrs, ret);
	FUZZ_ASSERT(ret >= 0 || ret == -EFAULT || ret == -E2BIG || ret == -ENOMEM, "%d", ret);
	if (what % 5 > 1 || ret < 0)
		return;
	FUZZ_ASSERT((u32)ret <= msrs->nmsrs && msrs->nmsrs < 256 && msrs->nmsrs <= room,
		    "%d of %u", ret, msrs->nmsrs);
	for (i = 0; i < (u32)ret; i++) {
		FUZZ_ASSERT(msrs->entries[i].index & 1, "entry %u", i);
		if (what % 5 == 0)
			FUZZ_ASSERT(msrs->entries[i].data ==
				    msrs->entries[i].index * 0x100000001ull, "entry %u", i);
	}
	FUZZ_ASSERT((u32)ret == msrs->nmsrs || !(msrs->entries[ret].index & 1), "stopped at %d",
		    ret);
}

/* ---- KVM_X86_SET_MSR_FILTER ---- */

static bool model_allows(const struct kvm_msr_filter *filter, u32 index, u32 type)
{
	unsigned int i;

	if (index >= 0x800 && index <= 0x8ff)
		return true;
	for (i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++) {
		const struct kvm_msr_filter_range *range = &filter->ranges[i];

		if (range->flags & type && index >= range->base &&
		    (u64)index < (u64)range->base + range->nmsrs)
			return range->bitmap[(index - range->base) / 8] >>
			       (index - range->base) % 8 & 1;
	}
	return !(filter->flags & KVM_MSR_FILTER_DEFAULT_DENY);
}

static void make_range(struct fuzz_input *in, struct kvm_msr_filter_range *range)
{
	u8 how = fuzz_take(in, 1);

	range->flags = how & 7;
	range->base = how & 0x40 ? 0xfffffff0 : fuzz_take(in, 2) << (how >> 3 & 1 ? 16 : 0);
	range->nmsrs = how & 0x10 ? fuzz_take(in, 4) : fuzz_take(in, 1) & 0x7f;
	range->bitmap = user + (how & 0x20 ? USER_BYTES - fuzz_take(in, 1) : fuzz_take(in, 2) / 4);
}

/* Around the end of the numbers a range has no meaning that is written down. */
static bool ranges_wrap(const struct kvm_msr_filter *filter)
{
	unsigned int i;

	for (i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++)
		if ((u64)filter->ranges[i].base + filter->ranges[i].nmsrs > 0xffffffff)
			return true;
	return false;
}

static void check_range(const struct kvm_msr_filter *filter, unsigned int i)
{
	u32 base = filter->ranges[i].base, nr = filter->ranges[i].nmsrs;
	u32 index[] = { base - 1, base, base + nr / 2, base + nr - 1, base + nr };
	unsigned int k, type;

	for (k = 0; k < ARRAY_SIZE(index) && !ranges_wrap(filter); k++)
		for (type = KVM_MSR_FILTER_READ; type <= KVM_MSR_FILTER_WRITE; type++)
			FUZZ_ASSERT(msr_filter_allows(&vm, index[k], type) ==
				    model_allows(filter, index[k], type),
				    "range %u, index %#x", i, index[k]);
}

static void fuzz_filter(struct fuzz_input *in)
{
	struct kvm_msr_filter filter = { .flags = fuzz_take(in, 1) & 3 };
	u8 nr = fuzz_take(in, 1) % (KVM_MSR_FILTER_MAX_RANGES + 1);
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++)
		make_range(in, &filter.ranges[i]);
	ret = msr_ioctl_set_filter(&vm, &filter);
	fuzz_trace("filter of %u ranges: %d\n", nr, ret);
	FUZZ_ASSERT(ret == 0 || ret == -EINVAL || ret == -EFAULT || ret == -ENOMEM, "%d", ret);
	for (i = 0; !ret && i < nr; i++)
		check_range(&filter, i);
	msr_filter_destroy(&vm);
}

/* ---- KVM_SET_GSI_ROUTING ---- */

/* Where @gsi leads. */
static void probe_gsi(u32 gsi)
{
	sent_to = 0;
	sent_pins = 0;
	memset(&sent, 0, sizeof(sent));
	irq_set_gsi(&vm, IRQ_SOURCE_USER, gsi, true);
}

static void make_route(struct fuzz_input *in, struct kvm_irq_routing_entry *entry)
{
	u8 how = fuzz_take(in, 1);

	memset(entry, 0, sizeof(*entry));
	entry->gsi = how & 0x10 ? fuzz_take(in, 2) : fuzz_take(in, 1) % 32;
	entry->type = how & 3;
	entry->flags = how & 0x20 ? fuzz_take(in, 1) : 0;
	if (entry->type == KVM_IRQ_ROUTING_MSI) {
		entry->u.msi.address_lo = 0xfee00000 | fuzz_take(in, 2) << 4;
		entry->u.msi.address_hi = how & 0x40 ? fuzz_take(in, 4) : 0;
		entry->u.msi.data = fuzz_take(in, 2);
	} else {
		entry->u.irqchip.irqchip = fuzz_take(in, 1) & (how & 0x80 ? 0xff : 3);
		entry->u.irqchip.pin = fuzz_take(in, 1) & (how & 0x80 ? 0xff : 15);
	}
}

static bool same_message(const struct lapic_msg *a, const struct lapic_msg *b)
{
	return a->dest == b->dest && a->vector == b->vector && a->delivery == b->delivery &&
	       a->shorthand == b->shorthand && a->logical == b->logical &&
	       a->level == b->level && a->assert == b->assert;
}

/* The bit in sent_pins of a route to a pin, or 0 if there is no such pin. */
static u64 pin_bit(const struct kvm_irq_routing_irqchip *to)
{
	if (to->irqchip == KVM_IRQCHIP_IOAPIC)
		return to->pin < 24 ? 1ull << (SENT_IOAPIC + to->pin) : 0;
	if (to->irqchip > KVM_IRQCHIP_IOAPIC || to->pin >= 8)
		return 0;
	return 1ull << (to->pin + (to->irqchip == KVM_IRQCHIP_PIC_SLAVE ? 8 : 0));
}

static void check_routes(const struct kvm_irq_routing_entry *entries, u32 nr)
{
	struct lapic_msg msg;
	u32 i;

	for (i = 0; i < nr; i++) {
		FUZZ_ASSERT(!entries[i].flags && entries[i].gsi < 4096, "route %u", i);
		probe_gsi(entries[i].gsi);
		if (entries[i].type == KVM_IRQ_ROUTING_MSI) {
			apic_decode_msi((u64)entries[i].u.msi.address_hi << 32 |
					entries[i].u.msi.address_lo, entries[i].u.msi.data,
					vm.x2apic_format, &msg);
			FUZZ_ASSERT(sent_to == 1 && same_message(&msg, &sent), "route %u", i);
		} else {
			FUZZ_ASSERT(entries[i].type == KVM_IRQ_ROUTING_IRQCHIP && vm.irq.chip &&
				    sent_to == 2 && sent_pins & pin_bit(&entries[i].u.irqchip),
				    "route %u", i);
		}
	}
}

static void fuzz_routes(struct fuzz_input *in)
{
	struct kvm_irq_routing_entry *entries = (void *)user;
	u8 how = fuzz_take(in, 1);
	u32 nr = how & 0x80 ? fuzz_take(in, 4) : how % 24, flags = how >> 6 & 1, i, tries;
	int ret;

	vm.irqchip_split = how & 0x20;
	vm.irqchip_full = !vm.irqchip_split;
	vm.x2apic_format = nr & 1;
	vm.irq.chip = vm.irqchip_full ? (void *)user : NULL;
	vm.nr_ioapic_pins = vm.irqchip_split ? 24 : 0;
	/* A table that others replace, or do not. */
	for (tries = 0; tries < 2; tries++) {
		for (i = 0; i < nr && i < USER_BYTES / sizeof(*entries); i++)
			make_route(in, &entries[i]);
		ret = irq_ioctl_set_routes(&vm, nr, flags, entries);
		fuzz_trace("%u routes: %d\n", nr, ret);
		FUZZ_ASSERT(ret == 0 || ret == -EINVAL || ret == -EFAULT || ret == -ENOMEM,
			    "%d", ret);
		if (!ret)
			check_routes(entries, nr);
	}
	for (i = 0; i < 5000; i += 7)
		probe_gsi(i);
	rcu_barrier();
	irq_vm_destroy(&vm);
	memset(&vm.irq, 0, sizeof(vm.irq));
	irq_vm_init(&vm);
}

/* ---- CPUID entries ---- */

static const struct kvm_cpuid_entry2 *search(const struct vcpu_cpuid *cpuid, u32 function,
					     u32 index)
{
	unsigned int i;

	for (i = 0; i < cpuid->nr; i++)
		if (cpuid->entries[i].function == function &&
		    (cpuid->entries[i].index == index ||
		     !(cpuid->entries[i].flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX)))
			return &cpuid->entries[i];
	return NULL;
}

static void fuzz_cpuid(struct fuzz_input *in)
{
	static const u32 bases[] = { 0, 0x40000000, 0x80000000, 0xc0000000, 0x40000100, ~0x7u };
	static struct kvm_cpuid_entry2 entries[CPUID_MAX_ENTRIES];
	static struct vcpu_cpuid cpuid;
	unsigned int i, k, nr = 0;

	memset(entries, 0, sizeof(entries));
	while (fuzz_more(in) && nr < CPUID_MAX_ENTRIES) {
		u8 a = fuzz_take(in, 1), b = fuzz_take(in, 1);

		entries[nr].function = bases[a % ARRAY_SIZE(bases)] + (b & 0x3f);
		entries[nr].index = a >> 5 & 3;
		entries[nr++].flags = b >> 7;
	}
	cpuid.entries = entries;
	cpuid.nr = nr;
	cpuid_map_build(&cpuid);
	for (i = 0; i < nr; i++)
		for (k = 0; k < 4; k++)
			FUZZ_ASSERT(cpuid_lookup(&cpuid, entries[i].function, k) ==
				    search(&cpuid, entries[i].function, k),
				    "leaf %#x, %u", entries[i].function, k);
	for (i = 0; i < 0x48; i++)
		for (k = 0; k < ARRAY_SIZE(bases); k++)
			FUZZ_ASSERT(cpuid_lookup(&cpuid, bases[k] + i, 0) ==
				    search(&cpuid, bases[k] + i, 0), "leaf %#x", bases[k] + i);
	cpuid_is_amd_like(&cpuid);
	cpuid_out_of_range(&cpuid, bases[nr % ARRAY_SIZE(bases)], 0);
}

/* ---- */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	shim_hooks.user_copy = copy;
	mutex_init(&vm.lock);
	irq_vm_init(&vm);
	return 0;
}

static void fill_user(const uint8_t *data, size_t size)
{
	unsigned int i;

	memset(user, 0, sizeof(user));
	for (i = 0; size && i < USER_BYTES; i++)
		user[i] = data[i % size];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const parts[])(struct fuzz_input *) = {
		fuzz_dispatch, fuzz_msrs, fuzz_filter, fuzz_routes, fuzz_cpuid,
	};
	struct fuzz_input in = { data, size };
	u8 part = fuzz_take(&in, 1), fail = fuzz_take(&in, 1);
	long objects = shim_objects;

	memset(&copies, 0, sizeof(copies));
	/* What follows is also what user space has in memory. */
	fill_user(in.at, in.left);
	shim_fail_after = fail ? fail % 8 : -1;
	parts[part % ARRAY_SIZE(parts)](&in);
	shim_fail_after = -1;
	rcu_barrier();
	FUZZ_ASSERT(shim_objects == objects, "%ld allocations are left", shim_objects - objects);
	return 0;
}
