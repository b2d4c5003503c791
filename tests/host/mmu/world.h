/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A world for the MMU to live in: a host with pages that come and go, guest
 * memory, and vCPUs that walk the sptes as hardware does, through TLBs.
 *
 * What must never happen is checked at each access of a vCPU: that it reaches a
 * frame that the host has taken back.
 */
#ifndef TESTS_HOST_MMU_WORLD_H
#define TESTS_HOST_MMU_WORLD_H

#include <pthread.h>

#include <linux/kvm.h>
#include <linux/quire.h>

#include "../../../src/mem/mem.h"
#include "../../../src/mmu/mmu.h"
#include "../oracle/hardware.h"
#include "../tap.h"

#define WORLD_VCPUS	4

/* The VMM's address space: an area of pages, hva of page 0. */
#define HOST_HVA	0x4000000000ul
#define HOST_PAGES	(1u << 19)
/* Frames of the host; frame numbers start here. */
#define HOST_PFN	(1ull << 20)
#define HOST_FRAMES	(1u << 23)

/* An entry of the host's page tables. */
struct host_pte {
	u64 pfn;	/* 0: not present, faulted in when touched */
	u8 level;
	bool writable;
	bool hole;	/* no VMA there */
	bool device;	/* not memory: to be mapped uncached */
};

struct host_frame {
	int alive;
	u32 page;	/* which page of the VMM it belongs to */
	bool device;
	u64 content;
};

struct host {
	pthread_mutex_t ops;	/* like the mmap lock: serialises changes */
	pthread_mutex_t tables;	/* a lookup or a change of @ptes */
	struct host_pte *ptes;
	struct host_frame *frames;
	u32 next_frame;
	bool huge;		/* new pages are 2M where they can */
	int shared_reads;	/* a read of a new page maps a read-only one */
	unsigned long lookups;
};

/**
 * struct world_vcpu - a vCPU
 * @in_guest:	held for one access, and by a TLB flush: see world.c
 * @hw:		the CPU that it runs on, under @in_guest
 */
struct world_vcpu {
	pthread_mutex_t in_guest;
	struct mmu mmu;
	struct hw_cpu hw;
	unsigned long faults;
};

/**
 * struct world_backing - what stands behind a range of gfns
 * @base, @npages: the range; @npages 0: nothing does
 * @page:	the host's page of @base
 * @read_only:	and must not be written
 * @dirty:	the log's bitmap, or NULL
 */
struct world_backing {
	gfn_t base;
	u64 npages;
	u32 page;
	bool read_only;
	const unsigned long *dirty;
};

/**
 * struct world - all of it
 * @format:	of the hardware
 * @before_flush, @after_lookup: called once, before the next flush, after the next
 *		look at the host's tables in a fault
 * @before_user: called before each access to user memory, if not NULL
 * @invalidated: called between the host's announcement and its change, for host
 *		pages [@page, @page + @n), if not NULL
 * @backing:	what the slots say; by default those of src/mem/
 */
struct world {
	struct mm_struct mm;
	struct guest_memory mem;
	struct mmu_vm mv;
	struct world_vcpu vcpu[WORLD_VCPUS];
	struct hw_format format;
	struct host host;
	unsigned long flushes;
	void (*before_flush)(void);
	void (*before_user)(hva_t hva);
	void (*after_lookup)(void);
	void (*invalidated)(u32 page, u32 n);
	struct world_backing (*backing)(gfn_t gfn);
};

/* What an access of a vCPU came to, if not to a negative errno. */
enum world_result { WORLD_OK, WORLD_MMIO };

extern struct world world;

/* The module's part, a VM, its vCPUs; on hardware with 4 levels, or as it is said. */
void world_begin(u8 max_leaf);
void world_begin_on(const struct hw_format *format);
void world_end(void);

/* A slot: gfn and pages, backed by the host's page @page. */
int world_slot(u32 id, gfn_t gfn, u64 npages, u32 page, u32 flags);

/* An access of vCPU @cpu to @gfn; *value is stored or loaded. */
int world_access(int cpu, gfn_t gfn, bool write, u64 *value);
int world_write(int cpu, gfn_t gfn, u64 value);
int world_read(int cpu, gfn_t gfn);

/* One fault without the access, as hardware would report it. */
int world_fault(int cpu, gfn_t gfn, u64 error_code, struct mmu_fault *fault);

/**
 * world_walk() - what the tables say of @gfn now, by hardware's bits alone
 * Return: the level of the leaf, or 0 if the walk ends before one.
 */
int world_walk(gfn_t gfn, u64 *pfn, bool *writable);

/* Does the TLB of vCPU @cpu hold @gfn? */
bool world_cached(int cpu, gfn_t gfn);

/* Do tables, TLBs, counts, slots and host agree?  Only while nothing runs. */
bool world_consistent(void);

/* Why @leaf is not what slots and host say, or NULL. */
const char *world_leaf_wrong(const struct hw_leaf *leaf);

/* Which count is not what a scan found, or NULL. */
const char *world_counts_wrong(const struct hw_scan *scan);

/* The host's side.  @page counts from HOST_HVA. */
void host_map(u32 page, int level, bool writable);
void host_unmap(u32 page, u32 npages);
/* What is mapped there from now on is, or is not, memory; nothing is mapped yet. */
void host_device(u32 page, u32 npages, bool device);
void host_hole(u32 page, u32 npages);
void host_migrate(u32 page);
void host_split(u32 page);
void host_collapse(u32 page);
void host_write_protect(u32 page);

/* Are there frames left for @n pages? */
bool host_has_frames(u32 n);
/* The kernel's access to the VMM's memory at @hva.  Return: bytes that are not done. */
size_t host_user_copy(hva_t hva, void *buf, size_t n, bool write);

u32 world_random(u32 *state);

#endif
