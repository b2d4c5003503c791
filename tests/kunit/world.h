/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A world for the MMU in the kernel: a real address space with real pages, of which
 * the host tells by the real notifier; and vCPUs that are no more than a walk of the
 * sptes and a TLB.
 *
 * A vCPU reaches a page by the kernel's own mapping of all memory.  A page that was
 * freed is poisoned there by KASAN, so that an access through a stale translation is
 * reported as what it is, a use after free.
 */
#ifndef TESTS_KUNIT_WORLD_H
#define TESTS_KUNIT_WORLD_H

#include <kunit/test.h>
#include <linux/fs.h>
#include <linux/kvm.h>

#include <linux/quire.h>

#include "../../src/mem/mem.h"
#include "../../src/mmu/mmu.h"

#define WORLD_VCPUS	4
#define WORLD_TLB	64
#define WORLD_PAGES	4096u
#define WORLD_PHYS_BITS	40

/**
 * enum world_area - the VMM's memory: areas of WORLD_PAGES, aligned to 2M
 * @WORLD_FILE: a shared file, whose pages come back as they were after world_unmap()
 * @WORLD_ANON: anonymous memory, of large pages where the host likes
 */
enum world_area {
	WORLD_FILE,
	WORLD_ANON,
	WORLD_AREAS,
};

struct world_tlb {
	bool valid, writable;
	gfn_t gfn;
	u64 pfn;
};

/**
 * struct world_vcpu - a vCPU
 * @in_guest:	held during an access; a flush takes it, as an IPI waits for an exit
 * @mmu:	belongs to the thread that plays the vCPU
 * @tlb:	under @in_guest
 * @faults:	how many there were
 */
struct world_vcpu {
	spinlock_t in_guest;
	struct mmu mmu;
	struct world_tlb tlb[WORLD_TLB];
	unsigned long faults;
};

/**
 * struct world - one VM and its VMM
 * @mm:		the VMM's address space, that of the test's thread
 * @file:	behind WORLD_FILE
 * @area:	hvas, by enum world_area
 * @flushes:	how many flushes there were
 */
struct world {
	struct mm_struct *mm;
	struct file *file;
	hva_t area[WORLD_AREAS];
	struct guest_memory mem;
	struct mmu_vm mv;
	struct world_vcpu vcpu[WORLD_VCPUS];
	atomic_t flushes;
};

extern struct world world;

/* What an access of a vCPU came to, if not to a negative errno. */
enum world_result { WORLD_OK, WORLD_MMIO };

/** world_init() - the init of every suite: a VM without slots */
int world_init(struct kunit *test);

/** world_exit() - the exit of every suite; runs in another thread than the test */
void world_exit(struct kunit *test);

/** world_hva() - where page @page of @area is */
hva_t world_hva(enum world_area area, u32 page);

/** world_slot() - set slot @id: @npages from @gfn on, backed from @page of @area on */
int world_slot(u32 id, gfn_t gfn, u64 npages, hva_t hva, u32 flags);

/** world_access() - vCPU @cpu stores *@value at @gfn, or loads it; faults as needed */
int world_access(int cpu, gfn_t gfn, bool write, u64 *value);

/** world_write() - store @value */
int world_write(int cpu, gfn_t gfn, u64 value);

/** world_read() - load and forget */
int world_read(int cpu, gfn_t gfn);

/** world_fault() - one fault without the access; @fault may be NULL */
int world_fault(int cpu, gfn_t gfn, u64 error_code, struct mmu_fault *fault);

/** world_walk() - the entry that translates @gfn, or 0; its level in *@level */
u64 world_walk(gfn_t gfn, int *level);

/** world_level() - the level at which @gfn is mapped, or 0 */
int world_level(gfn_t gfn);

/** world_writable() - is @gfn mapped and writable? */
bool world_writable(gfn_t gfn);

/** world_mapped() - how many leaves of @level there are, as the MMU counts */
long world_mapped(int level);

/** world_consistent() - do tables, counts, slots and host agree?  Nothing runs. */
bool world_consistent(struct kunit *test);

/** world_unmap() - the host takes pages of WORLD_FILE away; they keep their content */
void world_unmap(u32 page, u32 npages);

/** world_punch() - the host frees pages of WORLD_FILE; new ones are zeroed */
void world_punch(u32 page, u32 npages);

/** world_peek() - what the VMM reads at @hva */
u64 world_peek(hva_t hva);

/** world_random() - the next number of a sequence that @state, not 0, stands for */
u32 world_random(u32 *state);

#endif
