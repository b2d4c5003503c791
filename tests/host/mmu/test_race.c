// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once: vCPUs that fault, a host that takes pages back, a VMM that
 * changes slots and reads the dirty log.  The world checks that no vCPU reaches a
 * dead frame; here is checked that no write is lost.
 */
#include <time.h>

#include "world.h"

#define RACE_PAGES	2048u

static int race_stop;
static unsigned long race_rounds;

static bool stopped(void)
{
	return READ_ONCE(race_stop);
}

static void *race_vcpu(void *arg)
{
	int cpu = (long)arg;
	u32 seed = 77 + cpu;
	u64 value;

	while (!stopped()) {
		gfn_t gfn = world_random(&seed) % (RACE_PAGES + 64);
		bool write = world_random(&seed) & 1;

		/* One writer for each page, so that its last value is known. */
		if (write)
			gfn = gfn / WORLD_VCPUS * WORLD_VCPUS + cpu;
		value = world_random(&seed);
		world_access(cpu, gfn, write, &value);
	}
	return NULL;
}

static void *race_host(void *arg)
{
	u32 seed = 5 + (long)arg;

	while (!stopped()) {
		u32 page = world_random(&seed) % RACE_PAGES;

		switch (world_random(&seed) % 6) {
		case 0:
			host_unmap(page, 1 + world_random(&seed) % 700);
			break;
		case 1:
			host_migrate(page);
			break;
		case 2:
			host_split(page);
			break;
		case 3:
			host_collapse(page);
			break;
		case 4:
			host_write_protect(page);
			break;
		case 5:
			mem_young(&world.mem, HOST_HVA + page * PAGE_SIZE,
				  HOST_HVA + (page + 100) * PAGE_SIZE, true);
			break;
		}
		race_rounds++;
	}
	return NULL;
}

/* Run the vCPUs, and @other beside them, until @work is done. */
static void race(void *(*other)(void *), void (*work)(void))
{
	pthread_t threads[WORLD_VCPUS + 1];
	long i;

	WRITE_ONCE(race_stop, 0);
	race_rounds = 0;
	for (i = 0; i < WORLD_VCPUS; i++)
		pthread_create(&threads[i], NULL, race_vcpu, (void *)i);
	if (other)
		pthread_create(&threads[i++], NULL, other, NULL);
	work();
	WRITE_ONCE(race_stop, 1);
	while (i)
		pthread_join(threads[--i], NULL);
}

static void work_flip_slot(void)
{
	u32 seed = 3;
	int i;

	for (i = 0; i < 150; i++) {
		switch (world_random(&seed) % 4) {
		case 0:
			world_slot(1, 1024, 0, 0, 0);
			world_slot(1, 1024, 1024, 1024, 0);
			break;
		case 1:
			world_slot(1, 1024 + world_random(&seed) % 64, 1024, 1024, 0);
			break;
		case 2:
			world_slot(0, 0, 1024, 0, KVM_MEM_LOG_DIRTY_PAGES);
			world_slot(0, 0, 1024, 0, 0);
			break;
		case 3:
			mmu_zap_all(&world.mv);
			break;
		}
	}
}

static void work_wait(void)
{
	u64 faults = 0;
	int i;

	while (faults < 30000) {
		struct timespec ms = { .tv_nsec = 1000000 };

		nanosleep(&ms, NULL);
		for (faults = i = 0; i < WORLD_VCPUS; i++)
			faults += READ_ONCE(world.vcpu[i].faults);
	}
}

static void begin(void)
{
	world_begin(3);
	world.host.huge = true;
	world_slot(0, 0, 1024, 0, 0);
	world_slot(1, 1024, 1024, 1024, 0);
}

static void faults_and_host(void)
{
	begin();
	race(race_host, work_wait);
	CHECK(race_rounds > 0);
	CHECK(world_consistent());
	world_end();
}

static void slots_and_host(void)
{
	begin();
	race(race_host, work_flip_slot);
	CHECK(world_consistent());
	world_end();
}

/*
 * A migration: copy what the log reports, again and again, while the guest writes
 * and the host moves its pages.  In the end the copy must be the guest.
 */
static u64 copy[RACE_PAGES];

static u64 page_content(u32 page)
{
	u64 pfn, value;

	pthread_mutex_lock(&world.host.tables);
	pfn = world.host.ptes[page].pfn;
	value = pfn ? READ_ONCE(world.host.frames[pfn - HOST_PFN].content) : 0;
	pthread_mutex_unlock(&world.host.tables);
	return value;
}

static void copy_dirty(void)
{
	unsigned long bitmap[RACE_PAGES / 64], bit;
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = bitmap };

	if (mem_get_dirty_log(&world.mem, &log))
		abort();
	for_each_set_bit(bit, bitmap, RACE_PAGES)
		copy[bit] = page_content(bit);
}

static void *race_move_pages(void *arg)
{
	u32 seed = 5;

	while (!stopped()) {
		host_migrate(world_random(&seed) % RACE_PAGES);
		host_collapse(world_random(&seed) % RACE_PAGES);
		host_split(world_random(&seed) % RACE_PAGES);
		host_write_protect(world_random(&seed) % RACE_PAGES);
	}
	return NULL;
}

static void work_migrate(void)
{
	u32 page;
	int i;

	world_slot(0, 0, RACE_PAGES, 0, KVM_MEM_LOG_DIRTY_PAGES);
	for (page = 0; page < RACE_PAGES; page++)
		copy[page] = page_content(page);
	for (i = 0; i < 150; i++)
		copy_dirty();
}

static void no_write_is_lost(void)
{
	u32 page, lost = 0;

	world_begin(3);
	world.host.huge = true;
	world_slot(0, 0, RACE_PAGES, 0, 0);
	race(race_move_pages, work_migrate);
	CHECK(world_consistent());
	copy_dirty();
	for (page = 0; page < RACE_PAGES; page++)
		lost += copy[page] != page_content(page);
	CHECK_EQ(lost, 0);
	world_end();
}

static const struct tap_test tests[] = {
	{ "four vCPUs fault while the host takes pages back", faults_and_host },
	{ "and slots come and go", slots_and_host },
	{ "the dirty log loses no write", no_write_is_lost },
};

TAP_MAIN("race", tests)
