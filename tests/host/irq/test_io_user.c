// SPDX-License-Identifier: GPL-2.0-only
/*
 * What user space puts on the buses, against models: ioeventfds against a list of
 * what was assigned, the ring of coalesced writes against a queue.
 */
#include <string.h>
#include <linux/eventfd.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "../../../src/irq/coalesced.h"
#include "../../../src/irq/ioeventfd.h"
#include "../tap.h"

/* The shims want to know; nothing here touches user memory. */
bool shim_user_ok(const void *addr, size_t size)
{
	return false;
}

static u64 seed;

static u32 rnd(u32 below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % below;
}

/* --- eventfds --- */

#define EVENTFDS	4

struct eventfd_ctx {
	u64 count;
	int users;
};

static struct eventfd_ctx eventfds[EVENTFDS];

struct eventfd_ctx *eventfd_ctx_fdget(int fd)
{
	if (fd < 0 || fd >= EVENTFDS)
		return (void *)(long)-EBADF;
	eventfds[fd].users++;
	return &eventfds[fd];
}

void eventfd_ctx_put(struct eventfd_ctx *eventfd)
{
	eventfd->users--;
}

void eventfd_signal(struct eventfd_ctx *eventfd)
{
	eventfd->count++;
}

/* --- ioeventfds --- */

#define ASSIGNED_MAX	64
#define FLAG_MATCH	KVM_IOEVENTFD_FLAG_DATAMATCH
#define FLAG_PIO	KVM_IOEVENTFD_FLAG_PIO
#define FLAG_DEASSIGN	KVM_IOEVENTFD_FLAG_DEASSIGN

static struct kvm_ioeventfd assigned[ASSIGNED_MAX];
static unsigned int nr_assigned;

static bool args_match(const struct kvm_ioeventfd *args, bool pio, gpa_t addr,
		       unsigned int len, u64 data)
{
	if (!!(args->flags & FLAG_PIO) != pio || args->addr != addr)
		return false;
	if (args->len && args->len != len)
		return false;
	return !(args->flags & FLAG_MATCH) || args->datamatch == data;
}

/* Is there a write that both match?  By trying those that can make a difference. */
static bool args_collide(const struct kvm_ioeventfd *a, const struct kvm_ioeventfd *b)
{
	static const unsigned int lens[] = { 1, 2, 4, 8 };
	const u64 values[] = { a->datamatch, b->datamatch };
	unsigned int i, j;

	for (i = 0; i < 4; i++) {
		for (j = 0; j < 2; j++) {
			bool pio = a->flags & FLAG_PIO;

			if (args_match(a, pio, a->addr, lens[i], values[j]) &&
			    args_match(b, pio, a->addr, lens[i], values[j]))
				return true;
		}
	}
	return false;
}

static bool args_same(const struct kvm_ioeventfd *a, const struct kvm_ioeventfd *b)
{
	return a->fd == b->fd && a->addr == b->addr && a->len == b->len &&
	       a->flags == b->flags &&
	       (!(a->flags & FLAG_MATCH) || a->datamatch == b->datamatch);
}

static bool args_valid(const struct kvm_ioeventfd *args)
{
	if (args->flags & ~(FLAG_MATCH | FLAG_PIO | FLAG_DEASSIGN))
		return false;
	if (!args->len)
		return !(args->flags & FLAG_MATCH);
	if (args->len > 8 || (args->len & (args->len - 1)))
		return false;
	return args->addr <= ~0ull - args->len;
}

static int model_ioctl(const struct kvm_ioeventfd *args)
{
	struct kvm_ioeventfd plain = *args;
	unsigned int i;

	plain.flags &= ~FLAG_DEASSIGN;
	if (!args_valid(args))
		return -EINVAL;
	if (args->fd < 0 || args->fd >= EVENTFDS)
		return -EBADF;
	for (i = 0; i < nr_assigned; i++) {
		if (!(args->flags & FLAG_DEASSIGN)) {
			if (args_collide(&assigned[i], &plain))
				return -EEXIST;
		} else if (args_same(&assigned[i], &plain)) {
			assigned[i] = assigned[--nr_assigned];
			return 0;
		}
	}
	if (args->flags & FLAG_DEASSIGN)
		return -ENOENT;
	assigned[nr_assigned++] = plain;
	return 0;
}

static gpa_t random_addr(void)
{
	return rnd(30) ? 0x1000 + rnd(6) : ~0ull - rnd(3);
}

static void random_ioctl(struct io_vm *io)
{
	static const u32 lens[] = { 0, 1, 2, 4, 8 };
	struct kvm_ioeventfd args = {
		.datamatch = rnd(3),
		.addr = random_addr(),
		.len = rnd(30) ? lens[rnd(5)] : rnd(20),
		.fd = (int)rnd(EVENTFDS + 1) - !rnd(30),
		.flags = rnd(30) ? rnd(8) : 1u << rnd(32),
	};

	if (nr_assigned && !rnd(3)) {
		args = assigned[rnd(nr_assigned)];
		args.flags |= FLAG_DEASSIGN;
	}
	if (nr_assigned == ASSIGNED_MAX)
		args.flags |= FLAG_DEASSIGN;
	CHECK_EQ(ioeventfd_ioctl(io, &args), model_ioctl(&args));
}

static void random_write(struct io_vm *io)
{
	bool pio = rnd(2), matched = false;
	u64 before[EVENTFDS], data = rnd(4);
	unsigned int len = 1u << rnd(4), i;
	gpa_t addr = random_addr();

	if (addr + len < addr)
		len = 1;
	for (i = 0; i < EVENTFDS; i++)
		before[i] = eventfds[i].count;
	for (i = 0; i < nr_assigned; i++) {
		if (!args_match(&assigned[i], pio, addr, len, data))
			continue;
		CHECK(!matched);
		matched = true;
		before[assigned[i].fd]++;
	}
	CHECK_EQ(io_bus_write(pio ? &io->ports : &io->memory, NULL, addr, len, &data), matched);
	for (i = 0; i < EVENTFDS; i++)
		CHECK_EQ(eventfds[i].count, before[i]);
	CHECK(!io_bus_read(pio ? &io->ports : &io->memory, NULL, addr, len, &data));
}

static void test_ioeventfd(void)
{
	unsigned int round, step, i;
	struct io_vm io;

	seed = 88172645463325252ull;
	for (round = 0; round < 30; round++) {
		memset(&io, 0, sizeof(io));
		io_vm_init(&io);
		nr_assigned = 0;
		for (step = 0; step < 3000; step++) {
			if (rnd(3))
				random_write(&io);
			else
				random_ioctl(&io);
			if (tap_failed)
				return;
		}
		ioeventfd_vm_destroy(&io);
		io_vm_destroy(&io);
		for (i = 0; i < EVENTFDS; i++)
			CHECK_EQ(eventfds[i].users, 0);
	}
	rcu_barrier();
}

/* The third allocation, of the smaller table, is not needed. */
static void test_ioeventfd_no_memory(void)
{
	struct kvm_ioeventfd args = { .addr = 0x10, .len = 4, .fd = 1 };
	struct io_vm io = { };
	int n;

	io_vm_init(&io);
	for (n = 0; n < 2; n++) {
		shim_fail_after = n;
		CHECK_EQ(ioeventfd_ioctl(&io, &args), -ENOMEM);
		CHECK_EQ(eventfds[1].users, 0);
	}
	shim_fail_after = -1;
	CHECK_EQ(ioeventfd_ioctl(&io, &args), 0);
	args.addr = 0x20;
	CHECK_EQ(ioeventfd_ioctl(&io, &args), 0);
	args.flags = FLAG_DEASSIGN;
	shim_fail_after = 1;
	CHECK_EQ(ioeventfd_ioctl(&io, &args), 0);
	shim_fail_after = -1;
	CHECK_EQ(eventfds[1].users, 1);
	ioeventfd_vm_destroy(&io);
	io_vm_destroy(&io);
	CHECK_EQ(eventfds[1].users, 0);
	rcu_barrier();
}

/* --- coalesced writes --- */

/* By the ABI: as many entries as a page holds, one of them always free. */
#define RING_ENTRIES	((4096 - 8) / 24)

static struct kvm_coalesced_mmio queue[RING_ENTRIES];
static unsigned int queue_first, queue_length;

static void ring_write(struct io_vm *io, bool pio, bool covered)
{
	struct kvm_coalesced_mmio *entry;
	unsigned int len = 1 + rnd(8);
	u64 data = seed;
	gpa_t addr = 0x2000 + rnd(covered ? 0x40 - len + 1 : 0x10);
	bool taken;

	if (!covered)
		addr += 0x40;
	taken = io_bus_write(pio ? &io->ports : &io->memory, NULL, addr, len, &data);
	CHECK_EQ(taken, covered && queue_length < RING_ENTRIES - 1);
	if (!taken)
		return;
	entry = &queue[(queue_first + queue_length++) % RING_ENTRIES];
	entry->phys_addr = addr;
	entry->len = len;
	entry->pio = pio;
	memcpy(entry->data, &data, len);
}

static void ring_take(struct io_vm *io)
{
	struct kvm_coalesced_mmio_ring *ring = io->ring;
	const struct kvm_coalesced_mmio *seen = &ring->coalesced_mmio[ring->first];
	const struct kvm_coalesced_mmio *entry = &queue[queue_first];

	if (ring->first == ring->last) {
		CHECK_EQ(queue_length, 0);
		return;
	}
	CHECK(queue_length);
	CHECK_EQ(seen->phys_addr, entry->phys_addr);
	CHECK_EQ(seen->len, entry->len);
	CHECK_EQ(seen->pio, entry->pio);
	CHECK(!memcmp(seen->data, entry->data, entry->len));
	ring->first = (ring->first + 1) % RING_ENTRIES;
	queue_first = (queue_first + 1) % RING_ENTRIES;
	queue_length--;
}

static void test_ring(void)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = 0x2000, .size = 0x40 };
	struct io_vm io = { };
	unsigned int step;

	io_vm_init(&io);
	CHECK_EQ(coalesced_vm_init(&io), 0);
	CHECK_EQ(coalesced_ioctl_register(&io, &zone), 0);
	zone.pio = 1;
	CHECK_EQ(coalesced_ioctl_register(&io, &zone), 0);
	for (step = 0; step < 40000; step++) {
		/* For a while it fills, for a while it empties. */
		if (rnd(100) < (step / 2000 % 2 ? 30 : 70))
			ring_write(&io, rnd(2), rnd(8));
		else
			ring_take(&io);
		if (tap_failed)
			return;
	}
	coalesced_vm_destroy(&io);
	io_vm_destroy(&io);
	CHECK_EQ(shim_pages, 0);
	rcu_barrier();
}

/* User space may write anything there: nothing outside the page changes. */
static void test_ring_hostile(void)
{
	struct kvm_coalesced_mmio_zone zone = { .size = 0x100 };
	static const u64 data;
	unsigned long page = get_zeroed_page(GFP_KERNEL), behind = get_zeroed_page(GFP_KERNEL);
	struct io_vm io = { };
	unsigned int step;
	u8 *around;

	/* The ring gets this page; a sanitizer watches the next, which is free. */
	CHECK_EQ(behind, page + PAGE_SIZE);
	free_page(behind);
	free_page(page);
	io_vm_init(&io);
	CHECK_EQ(coalesced_vm_init(&io), 0);
	CHECK_EQ((unsigned long)io.ring, page);
	CHECK_EQ(coalesced_ioctl_register(&io, &zone), 0);
	around = (u8 *)io.ring;
	for (step = 0; step < 100000; step++) {
		io.ring->first = rnd(4) ? rnd(RING_ENTRIES + 2) : rnd(~0u);
		io.ring->last = rnd(4) ? rnd(RING_ENTRIES + 2) : rnd(~0u);
		around[8 + rnd(PAGE_SIZE - 8)] = rnd(256);
		if (io.ring->last >= RING_ENTRIES)
			CHECK(!io_bus_write(&io.memory, NULL, rnd(0xf8), 8, &data));
		else
			io_bus_write(&io.memory, NULL, rnd(0xf8), 8, &data);
	}
	coalesced_vm_destroy(&io);
	io_vm_destroy(&io);
	rcu_barrier();
}

static void test_zones(void)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = 0x1000, .size = 0x100 };
	struct kvm_coalesced_mmio_zone part = { .addr = 0x10ff, .size = 1 };
	static const u64 data;
	struct io_vm io = { };
	unsigned int i;

	io_vm_init(&io);
	CHECK_EQ(coalesced_vm_init(&io), 0);
	CHECK_EQ(coalesced_ioctl_register(&io, &zone), 0);
	part.pio = 1;
	CHECK_EQ(coalesced_ioctl_unregister(&io, &part), 0);
	part.pio = 0;
	part.size = 2;
	CHECK_EQ(coalesced_ioctl_unregister(&io, &part), 0);
	part.addr = 0xfff;
	CHECK_EQ(coalesced_ioctl_unregister(&io, &part), 0);
	CHECK(io_bus_write(&io.memory, NULL, 0x10ff, 1, &data));
	part.addr = 0x10ff;
	part.size = 1;
	CHECK_EQ(coalesced_ioctl_unregister(&io, &part), 0);
	CHECK(!io_bus_write(&io.memory, NULL, 0x10ff, 1, &data));

	part.pio = 2;
	CHECK_EQ(coalesced_ioctl_register(&io, &part), -EINVAL);
	CHECK_EQ(coalesced_ioctl_unregister(&io, &part), -EINVAL);
	part.pio = 0;
	part.size = 0;
	CHECK_EQ(coalesced_ioctl_register(&io, &part), -EINVAL);
	part.addr = ~0ull;
	part.size = 2;
	CHECK_EQ(coalesced_ioctl_register(&io, &part), -EINVAL);
	part.size = 1;
	CHECK_EQ(coalesced_ioctl_register(&io, &part), 0);
	for (i = 1; i < COALESCED_MAX; i++)
		CHECK_EQ(coalesced_ioctl_register(&io, &zone), 0);
	CHECK_EQ(coalesced_ioctl_register(&io, &zone), -ENOSPC);
	for (i = 0; i < 2; i++) {
		shim_fail_after = i;
		zone.pio = 1;
		CHECK_EQ(coalesced_ioctl_register(&io, &zone), -ENOMEM);
	}
	shim_fail_after = -1;
	coalesced_vm_destroy(&io);
	io_vm_destroy(&io);
	rcu_barrier();
}

static const struct tap_test tests[] = {
	{ "ioeventfds agree with a list", test_ioeventfd },
	{ "ioeventfds without memory", test_ioeventfd_no_memory },
	{ "the ring is a queue", test_ring },
	{ "a ring that user space garbles", test_ring_hostile },
	{ "zones come and go", test_zones },
};

TAP_MAIN("io-user", tests)
