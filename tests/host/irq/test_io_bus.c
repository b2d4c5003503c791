// SPDX-License-Identifier: GPL-2.0-only
/*
 * The buses against a list that is searched from end to end, without memory, and
 * with readers that run while devices come and go.
 */
#include <string.h>
#include <linux/slab.h>

#include "../../../src/irq/io_bus.h"
#include "../tap.h"

/* The shims want to know; nothing here touches user memory. */
bool shim_user_ok(const void *addr, size_t size)
{
	return false;
}

#define MAX_DEVICES	48
#define MAX_ASKED	64

struct device {
	struct io_device io;
	gpa_t start;
	u32 size;
	u64 added;		/* 0: on no bus */
	bool takes;
};

static struct device devices[MAX_DEVICES];
static struct device *asked[MAX_ASKED];
static unsigned int nr_asked;
static u64 clock_added;
static u64 seed;

static u32 rnd(u32 below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % below;
}

static bool device_asked(struct io_device *dev)
{
	struct device *device = container_of(dev, struct device, io);

	if (nr_asked < MAX_ASKED)
		asked[nr_asked++] = device;
	return device->takes;
}

static bool device_read(struct io_device *dev, struct vcpu *vcpu, gpa_t addr,
			unsigned int len, void *data)
{
	if (!device_asked(dev))
		return false;
	memset(data, 0x5a, len);
	return true;
}

static bool device_write(struct io_device *dev, struct vcpu *vcpu, gpa_t addr,
			 unsigned int len, const void *data)
{
	return device_asked(dev);
}

static const struct io_device_ops device_ops = {
	.read = device_read,
	.write = device_write,
	.max_ranges = MAX_DEVICES,
};

/* --- the model --- */

static bool model_covers(const struct device *device, gpa_t addr, unsigned int len)
{
	gpa_t i;

	if (!device->added)
		return false;
	if (!device->size)
		return device->start == addr;
	for (i = 0; i < len; i++) {
		if (addr + i < addr || addr + i < device->start ||
		    addr + i - device->start >= device->size)
			return false;
	}
	return true;
}

/* Is @a asked before @b? */
static bool model_before(const struct device *a, const struct device *b)
{
	if (a->start != b->start)
		return a->start > b->start;
	if (a->size != b->size)
		return a->size < b->size;
	return a->added < b->added;
}

/* Who is to be asked next, after @last (NULL: first)? */
static struct device *model_next(const struct device *last, gpa_t addr, unsigned int len)
{
	struct device *best = NULL;
	unsigned int i;

	for (i = 0; i < MAX_DEVICES; i++) {
		struct device *device = &devices[i];

		if (!model_covers(device, addr, len) || device == last)
			continue;
		if (last && !model_before(last, device))
			continue;
		if (!best || model_before(device, best))
			best = device;
	}
	return best;
}

static void check_access(struct io_bus *bus, gpa_t addr, unsigned int len)
{
	struct device *device = NULL;
	bool write = rnd(2), taken;
	u64 data = 0, expected = 0;
	unsigned int i;

	nr_asked = 0;
	if (write)
		taken = io_bus_write(bus, NULL, addr, len, &data);
	else
		taken = io_bus_read(bus, NULL, addr, len, &data);
	for (i = 0; i < nr_asked; i++) {
		device = model_next(device, addr, len);
		CHECK(device == asked[i]);
		CHECK_EQ(device->takes, taken && i == nr_asked - 1);
	}
	if (!taken)
		CHECK(!model_next(device, addr, len));
	else if (!write)
		memset(&expected, 0x5a, len);
	CHECK_EQ(data, expected);
}

/* Close to a device's ends, or to those of the address space. */
static gpa_t random_address(gpa_t base)
{
	switch (rnd(8)) {
	case 0:
		return rnd(8);
	case 1:
		return ~(gpa_t)rnd(8);
	default:
		return base + rnd(96);
	}
}

static void random_device(struct io_bus *bus, gpa_t base)
{
	struct device *device = &devices[rnd(MAX_DEVICES)];
	bool no_memory = !rnd(6);
	int ret;

	if (no_memory)
		shim_fail_after = 0;
	if (device->added) {
		io_bus_remove(bus, &device->io);
		device->added = 0;
	} else {
		device->io.ops = &device_ops;
		device->start = random_address(base);
		device->size = rnd(3) ? rnd(9) : rnd(64);
		device->takes = rnd(2);
		ret = io_bus_add(bus, device->start, device->size, &device->io);
		if (device->size && device->start + (device->size - 1) < device->start)
			CHECK_EQ(ret, -EINVAL);
		else
			CHECK_EQ(ret, no_memory ? -ENOMEM : 0);
		if (!ret)
			device->added = ++clock_added;
	}
	shim_fail_after = -1;
}

static void test_model(void)
{
	unsigned int round, step, i;
	struct io_vm io;

	seed = 88172645463325252ull;
	for (round = 0; round < 60; round++) {
		gpa_t base = round % 3 ? 0xfee00000 : round % 2 ? ~(gpa_t)95 : 0;

		io_vm_init(&io);
		memset(devices, 0, sizeof(devices));
		for (step = 0; step < 400; step++) {
			random_device(&io.memory, base);
			for (i = 0; i < 12; i++)
				check_access(&io.memory, random_address(base), 1 + rnd(8));
			CHECK(!io_bus_in_use(&io.ports));
			if (tap_failed)
				return;
		}
		io_vm_destroy(&io);
	}
	rcu_barrier();
}

static void test_limit(void)
{
	static const struct io_device_ops few_ops = { .max_ranges = 3 };
	struct io_device few = { .ops = &few_ops }, many = { .ops = &device_ops };
	struct io_vm io;
	int i;

	io_vm_init(&io);
	for (i = 0; i < 3; i++)
		CHECK_EQ(io_bus_add(&io.ports, i, 1, &few), 0);
	CHECK_EQ(io_bus_add(&io.ports, 0, 1, &few), -ENOSPC);
	CHECK_EQ(io_bus_add(&io.ports, 0, 1, &many), 0);
	/* The other bus has a count of its own, and all ranges of a device go. */
	CHECK_EQ(io_bus_add(&io.memory, 0, 1, &few), 0);
	io_bus_remove(&io.ports, &few);
	CHECK_EQ(io_bus_add(&io.ports, 0, 1, &few), 0);
	/* One that takes neither reads nor writes. */
	CHECK(!io_bus_read(&io.memory, NULL, 0, 1, &i));
	CHECK(!io_bus_write(&io.memory, NULL, 0, 1, &i));
	io_bus_remove(&io.memory, &few);
	CHECK(!io_bus_in_use(&io.memory));
	io_bus_remove(&io.memory, &few);
	io_vm_destroy(&io);
	rcu_barrier();
}

/* --- readers beside an updater --- */

static struct io_vm shared;
static bool stop;

static bool heap_write(struct io_device *dev, struct vcpu *vcpu, gpa_t addr,
		       unsigned int len, const void *data)
{
	struct device *device = container_of(dev, struct device, io);
	unsigned int i;

	/* It takes its time, so that it is often at work while it is removed. */
	for (i = 0; i < 500; i++) {
		if (READ_ONCE(device->takes))
			return true;
	}
	return addr < device->start;
}

static const struct io_device_ops heap_ops = { .write = heap_write, .max_ranges = 100 };

static void *reader(void *unused)
{
	static const u64 data;
	gpa_t addr = 0;

	/* Freed devices are poisoned: the sanitizer sees who still asks one. */
	while (!READ_ONCE(stop))
		io_bus_write(&shared.memory, NULL, addr++ & 63, 1, &data);
	return NULL;
}

static void test_readers(void)
{
	struct device *live[16] = { };
	pthread_t threads[2];
	unsigned int i, n;

	io_vm_init(&shared);
	for (i = 0; i < 2; i++)
		CHECK(!pthread_create(&threads[i], NULL, reader, NULL));
	for (n = 0; n < 4000; n++) {
		struct device **slot = &live[rnd(16)];

		if (!rnd(8))
			shim_fail_after = 0;
		if (*slot) {
			io_bus_remove(&shared.memory, &(*slot)->io);
			free(*slot);
			*slot = NULL;
		} else {
			struct device *device = calloc(1, sizeof(*device));

			device->io.ops = &heap_ops;
			device->start = rnd(64);
			if (io_bus_add(&shared.memory, device->start, rnd(20), &device->io))
				free(device);
			else
				*slot = device;
		}
		shim_fail_after = -1;
	}
	WRITE_ONCE(stop, true);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	io_vm_destroy(&shared);
	for (i = 0; i < 16; i++)
		free(live[i]);
	rcu_barrier();
}

static const struct tap_test tests[] = {
	{ "the order of devices agrees with a list", test_model },
	{ "limits and removal", test_limit },
	{ "readers while devices come and go", test_readers },
};

TAP_MAIN("io-bus", tests)
