// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chance, and the world that is fuzzed.
 *
 * Guest memory is half a shared file and half anonymous. The fuzzer writes code and tables through its second mapping
 * of the file, so that it may take the first away from the guest at will. Behind the arena 4 GiB of address space are
 * reserved: a slot that is too long reaches nothing of the fuzzer's own.
 */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define RESERVED	(4 * GiB)
#define LOW_SIZE	(64 * PAGE_SIZE)	/* where guests have their code and tables */

void chance_seed(struct chance *c, u64 seed, u64 round, u64 thread, u64 op)
{
	c->state = seed;
	c->state = chance_next(c) ^ round;
	c->state = chance_next(c) ^ thread;
	c->state = chance_next(c) ^ op;
}

/* splitmix64 */
u64 chance_next(struct chance *c)
{
	u64 z = c->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

u64 chance_below(struct chance *c, u64 n)
{
	return chance_next(c) % n;
}

bool chance_one_in(struct chance *c, u64 n)
{
	return !chance_below(c, n);
}

u64 chance_nasty(struct chance *c)
{
	static const u64 edges[] = {
		0, 1, 2, 3, 4, 7, 8, 15, 16, 23, 24, 31, 32, 63, 64, 127, 128, 255, 256, 257, 0xfff, 0x1000, 0x1001,
		0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0xfec00000,
		0xfee00000, 0xfee00900, 0xfffff000, 0xffffffff000, 0x7fffffffffff, 0x800000000000, 0xffff800000000000,
		0x7fffffffffffffff, 0x8000000000000000, ~0xfffull, ~0ull,
	};

	switch (chance_below(c, 6)) {
	case 0: return chance_next(c);
	case 1: return chance_next(c) & 0xffffffff;
	case 2: return 1ull << chance_below(c, 64);
	case 3: return chance_below(c, ARENA_SIZE / PAGE_SIZE) * PAGE_SIZE;
	default: return edges[chance_below(c, COUNT_OF(edges))];
	}
}

static void map_arena(struct world *w, u64 offset, u64 size)
{
	bool shared = offset < ARENA_SHARED;

	if (mmap(w->arena + offset, size, PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE),
		 shared ? w->arena_file : -1, shared ? offset : 0) == MAP_FAILED)
		die("mmap of the arena: %s", strerror(errno));
}

static void make_arena(struct world *w)
{
	u8 *space = mmap(NULL, ARENA_SIZE + RESERVED + 2 * MiB, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (space == MAP_FAILED)
		die("no address space for the arena");
	w->arena = (u8 *)(((uintptr_t)space + 2 * MiB - 1) & ~(2 * MiB - 1));
	w->arena_file = memfd_create("arena", MFD_CLOEXEC);
	if (w->arena_file < 0 || ftruncate(w->arena_file, ARENA_SHARED))
		die("no file for the arena: %s", strerror(errno));
	map_arena(w, 0, ARENA_SHARED);
	map_arena(w, ARENA_SHARED, ARENA_SIZE - ARENA_SHARED);
	w->backdoor = mmap(NULL, ARENA_SHARED, PROT_READ | PROT_WRITE, MAP_SHARED, w->arena_file, 0);
	if (w->backdoor == MAP_FAILED)
		die("no second mapping of the arena");
}

static void list_msrs(struct world *w)
{
	struct {
		struct kvm_msr_list head;
		u32 indices[WORLD_MSRS];
	} list = { .head.nmsrs = WORLD_MSRS };

	if (!kvm_ioctl_once(w->node, KVM_GET_MSR_INDEX_LIST, &list)) {
		w->nr_msrs = list.head.nmsrs;
		memcpy(w->msrs, list.indices, sizeof(w->msrs));
	}
}

static long set_low_slot(struct world *w)
{
	struct kvm_userspace_memory_region low = {
		.memory_size = ARENA_SHARED, .userspace_addr = (uintptr_t)w->arena,
	};

	return kvm_ioctl_once(w->vm, KVM_SET_USER_MEMORY_REGION, &low);
}

void world_mend(struct world *w)
{
	map_arena(w, 0, LOW_SIZE);
	/* refused if another has come between: then the guest has no memory, or another's */
	set_low_slot(w);
}

void world_begin(struct world *w, struct chance *c)
{
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };
	u32 i, chips = chance_below(c, 3);

	memset(w, 0, sizeof(*w));
	pthread_mutex_init(&w->lock, NULL);
	pthread_mutex_init(&w->guest, NULL);
	w->node = node_open();
	w->run_size = kvm_must(w->node, KVM_GET_VCPU_MMAP_SIZE, NULL);
	w->vm = kvm_must(w->node, KVM_CREATE_VM, NULL);
	w->cpuid = cpuid_supported(w->node);
	list_msrs(w);
	make_arena(w);
	for (i = 0; i < WORLD_EVENTS; i++)
		w->events[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (i = 0; i < WORLD_VCPUS; i++)
		w->vcpus[i].fd = -1;
	/* none, only local APICs, or all of them: then without, where the module does not have them */
	if (chips == 1)
		kvm_must(w->vm, KVM_ENABLE_CAP, &split);
	if (chips == 2)
		kvm_ioctl_once(w->vm, KVM_CREATE_IRQCHIP, NULL);
	if (set_low_slot(w))
		die("no memory");
	/* without one, what must come before the first has its chance */
	if (chance_one_in(c, 2) && world_add_vcpu(w, 0, 0))
		die("no vCPU");
}

int world_add_vcpu(struct world *w, u32 index, u32 id)
{
	int fd = -EBUSY;

	pthread_mutex_lock(&w->lock);
	if (w->vcpus[index].fd < 0) {
		fd = kvm_ioctl_n(w->vm, KVM_CREATE_VCPU, id);
		if (fd >= 0) {
			void *run = mmap(NULL, w->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

			if (run == MAP_FAILED)
				die("mmap of a vCPU: %s", strerror(errno));
			w->vcpus[index].run = run;
			w->vcpus[index].fd = fd;
		}
	}
	pthread_mutex_unlock(&w->lock);
	return fd < 0 ? fd : 0;
}

void world_drop_vcpu(struct world *w, u32 index)
{
	int fd;

	pthread_mutex_lock(&w->lock);
	fd = w->vcpus[index].fd;
	w->vcpus[index].fd = -1;
	pthread_mutex_unlock(&w->lock);
	if (fd >= 0)
		close(fd);
}

void world_stir_memory(struct actor *a)
{
	static const int advice[] = {
		MADV_DONTNEED, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_COLD, MADV_PAGEOUT, MADV_MERGEABLE, MADV_REMOVE,
		MADV_POPULATE_WRITE,
	};
	static const int protections[] = {
		PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
	};
	struct world *w = a->world;
	struct chance *c = &a->chance;
	u64 pages = chance_one_in(c, 4) ? 512 : 1 + chance_below(c, 16);
	u64 first = chance_below(c, ARENA_SIZE / PAGE_SIZE - pages + 1);
	u64 offset = first * PAGE_SIZE, size = pages * PAGE_SIZE;

	/* a new mapping is of one kind */
	if (offset < ARENA_SHARED && offset + size > ARENA_SHARED)
		size = ARENA_SHARED - offset;
	switch (chance_below(c, 8)) {
	case 0:
		mprotect(w->arena + offset, size, protections[chance_below(c, COUNT_OF(protections))]);
		break;
	case 1:
		mmap(w->arena + offset, size, PROT_NONE,
		     MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		break;
	case 2:
	case 3:
		map_arena(w, offset, size);
		break;
	default:
		madvise(w->arena + offset, size, advice[chance_below(c, COUNT_OF(advice))]);
	}
}
