// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics in the binary form of KVM_GET_STATS_FD: a file that describes itself.
 *
 *	header		where the rest is
 *	id		whose statistics they are
 *	descriptors	of each number: name, unit, place in the data
 *	data		the numbers, as they are when they are read
 *
 * A file is made anew for each read and holds no state but its object, which it
 * keeps.  What KVM counts too has KVM's name.  The numbers change while they are
 * read; each is what it was at some moment during the read.
 */
#include <linux/anon_inodes.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/stddef.h>

#include "stats.h"
#include "vm.h"

#define STATS_NAME_SIZE		48

/**
 * struct stats_desc - struct kvm_stats_desc with room for the name
 * @flags:	KVM_STATS_TYPE_*, _UNIT_*, _BASE_*
 * @exponent:	of the base, for the unit
 * @size:	how many numbers
 * @offset:	of the first, from the start of the data, in bytes
 * @bucket_size: 0, there are no histograms
 * @name:	ends with a 0
 */
struct stats_desc {
	u32 flags;
	s16 exponent;
	u16 size;
	u32 offset;
	u32 bucket_size;
	char name[STATS_NAME_SIZE];
};
static_assert(offsetof(struct stats_desc, name) == offsetof(struct kvm_stats_desc, name));
static_assert(sizeof(struct stats_desc) % sizeof(u64) == 0);
static_assert(sizeof(struct kvm_stats_header) % sizeof(u64) == 0);

#define STATS_ROW(index, text, kind, power)				\
	[index] = {							\
		.flags = KVM_STATS_BASE_POW10 | (kind),			\
		.exponent = power,					\
		.size = 1,						\
		.offset = (index) * sizeof(u64),			\
		.name = text,						\
	}
#define STATS_COUNT(index, text)					\
	STATS_ROW(index, text, KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_NONE, 0)
#define STATS_NS(index, text)						\
	STATS_ROW(index, text, KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_SECONDS, -9)
#define STATS_NOW(index, text)						\
	STATS_ROW(index, text, KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_NONE, 0)
#define STATS_BYTES(index, text)					\
	STATS_ROW(index, text, KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_BYTES, 0)

/* --- of a vCPU: its own counters, then those of its MMU --- */

enum {
	STATS_PF_RETRY = VCPU_NR_STATS,
	STATS_PF_FIXED,
	STATS_PF_FAST,
	STATS_PF_SPURIOUS,
	STATS_PF_EMULATE,
	STATS_PF_ABSENT,
	STATS_MAPPED_4K,
	STATS_MAPPED_2M,
	STATS_MAPPED_1G,
	STATS_OF_VCPU,
};

static const struct stats_desc vcpu_descs[STATS_OF_VCPU] = {
	STATS_COUNT(VCPU_STAT_EXITS, "exits"),
	STATS_COUNT(VCPU_STAT_INTERRUPTED, "irq_exits"),
	STATS_COUNT(VCPU_STAT_FAULTS, "pf_taken"),
	STATS_COUNT(VCPU_STAT_IO, "io_exits"),
	STATS_COUNT(VCPU_STAT_MSR, "msr_exits"),
	STATS_COUNT(VCPU_STAT_CPUID, "cpuid_exits"),
	STATS_COUNT(VCPU_STAT_HALT, "halt_exits"),
	STATS_COUNT(VCPU_STAT_HYPERCALL, "hypercalls"),
	STATS_COUNT(VCPU_STAT_CR, "cr_exits"),
	STATS_COUNT(VCPU_STAT_DR, "dr_exits"),
	STATS_COUNT(VCPU_STAT_EXCEPTION_EXITS, "exception_exits"),
	STATS_COUNT(VCPU_STAT_INTERRUPT_WINDOW, "irq_window_exits"),
	STATS_COUNT(VCPU_STAT_NMI_WINDOW, "nmi_window_exits"),
	STATS_COUNT(VCPU_STAT_USER_EXITS, "user_exits"),
	STATS_COUNT(VCPU_STAT_SIGNALS, "signal_exits"),
	STATS_COUNT(VCPU_STAT_MMIO, "mmio_exits"),
	STATS_COUNT(VCPU_STAT_USER_WINDOWS, "request_irq_exits"),
	STATS_COUNT(VCPU_STAT_EVENT_REQUESTS, "req_event"),
	STATS_COUNT(VCPU_STAT_INTERRUPTS, "irq_injections"),
	STATS_COUNT(VCPU_STAT_NMIS, "nmi_injections"),
	STATS_COUNT(VCPU_STAT_EXCEPTIONS, "exception_injections"),
	STATS_COUNT(VCPU_STAT_TLB_FLUSHES, "tlb_flush"),
	STATS_COUNT(VCPU_STAT_EMULATED, "insn_emulation"),
	STATS_COUNT(VCPU_STAT_NOT_EMULATED, "insn_emulation_fail"),
	STATS_COUNT(VCPU_STAT_POLLS, "halt_attempted_poll"),
	STATS_COUNT(VCPU_STAT_POLL_HITS, "halt_successful_poll"),
	STATS_COUNT(VCPU_STAT_SLEPT, "halt_wakeup"),
	STATS_NS(VCPU_STAT_POLL_HIT_NS, "halt_poll_success_ns"),
	STATS_NS(VCPU_STAT_POLL_MISS_NS, "halt_poll_fail_ns"),
	STATS_NS(VCPU_STAT_SLEPT_NS, "halt_wait_ns"),
	STATS_COUNT(VCPU_STAT_ASYNC_FAULTS, "async_faults"),
	STATS_COUNT(VCPU_STAT_ASYNC_TOLD, "async_faults_told"),
	STATS_COUNT(VCPU_STAT_ASYNC_HALTS, "async_fault_halts"),
	STATS_COUNT(STATS_PF_RETRY, "pf_retry"),
	STATS_COUNT(STATS_PF_FIXED, "pf_fixed"),
	STATS_COUNT(STATS_PF_FAST, "pf_fast"),
	STATS_COUNT(STATS_PF_SPURIOUS, "pf_spurious"),
	STATS_COUNT(STATS_PF_EMULATE, "pf_emulate"),
	STATS_COUNT(STATS_PF_ABSENT, "pf_absent"),
	STATS_COUNT(STATS_MAPPED_4K, "mapped_4k"),
	STATS_COUNT(STATS_MAPPED_2M, "mapped_2m"),
	STATS_COUNT(STATS_MAPPED_1G, "mapped_1g"),
};

static void vcpu_gather(const void *object, u64 *data)
{
	const struct vcpu *vcpu = object;
	const struct mmu *mmu = &vcpu->root_mmu;
	int i;

	/* Their writer does not wait for us; see enum vcpu_stat. */
	for (i = 0; i < VCPU_NR_STATS; i++)
		data[i] = data_race(vcpu->stats[i]);
	data[STATS_PF_RETRY] = data_race(mmu->results[MMU_FAULT_RETRY]);
	data[STATS_PF_FIXED] = data_race(mmu->results[MMU_FAULT_FIXED]);
	data[STATS_PF_FAST] = data_race(mmu->granted);
	data[STATS_PF_SPURIOUS] = data_race(mmu->results[MMU_FAULT_SPURIOUS]);
	data[STATS_PF_EMULATE] = data_race(mmu->results[MMU_FAULT_EMULATE]);
	data[STATS_PF_ABSENT] = data_race(mmu->results[MMU_FAULT_ABSENT]);
	data[STATS_MAPPED_4K] = data_race(mmu->mapped[PT_LEVEL_4K]);
	data[STATS_MAPPED_2M] = data_race(mmu->mapped[PT_LEVEL_2M]);
	data[STATS_MAPPED_1G] = data_race(mmu->mapped[PT_LEVEL_1G]);
}

static void vcpu_id(const void *object, char *id)
{
	const struct vcpu *vcpu = object;

	snprintf(id, STATS_NAME_SIZE, "kvm-%d/vcpu-%u", vcpu->vm->owner, vcpu->id);
}

/* --- of a VM --- */

enum {
	STATS_PAGES_4K,
	STATS_PAGES_2M,
	STATS_PAGES_1G,
	STATS_TABLES,
	STATS_TABLE_BYTES,
	STATS_FLUSH_REQUESTS,
	STATS_FLUSH_WAITS,
	STATS_INVALIDATIONS,
	STATS_SLOTS,
	STATS_VCPUS,
	STATS_OF_VM,
};
static_assert((int)STATS_OF_VM <= (int)STATS_OF_VCPU);

static const struct stats_desc vm_descs[STATS_OF_VM] = {
	STATS_NOW(STATS_PAGES_4K, "pages_4k"),
	STATS_NOW(STATS_PAGES_2M, "pages_2m"),
	STATS_NOW(STATS_PAGES_1G, "pages_1g"),
	STATS_NOW(STATS_TABLES, "tables"),
	STATS_BYTES(STATS_TABLE_BYTES, "table_bytes"),
	STATS_COUNT(STATS_FLUSH_REQUESTS, "remote_tlb_flush_requests"),
	STATS_COUNT(STATS_FLUSH_WAITS, "remote_tlb_flush"),
	STATS_COUNT(STATS_INVALIDATIONS, "invalidations"),
	STATS_NOW(STATS_SLOTS, "slots"),
	STATS_NOW(STATS_VCPUS, "vcpus"),
};

static void vm_gather(const void *object, u64 *data)
{
	/* Only SRCU writes to it. */
	struct vm *vm = (struct vm *)object;
	int idx;

	data[STATS_PAGES_4K] = atomic_long_read(&vm->mmu.pages[PT_LEVEL_4K]);
	data[STATS_PAGES_2M] = atomic_long_read(&vm->mmu.pages[PT_LEVEL_2M]);
	data[STATS_PAGES_1G] = atomic_long_read(&vm->mmu.pages[PT_LEVEL_1G]);
	data[STATS_TABLES] = atomic_long_read(&vm->mmu.tables);
	data[STATS_TABLE_BYTES] = mmu_memory_used(&vm->mmu);
	data[STATS_FLUSH_REQUESTS] = atomic_long_read(&vm->flush_requests);
	data[STATS_FLUSH_WAITS] = atomic_long_read(&vm->flush_waits);
	data[STATS_INVALIDATIONS] = mem_invalidation_seq(&vm->mem);
	data[STATS_VCPUS] = smp_load_acquire(&vm->nr_vcpus);
	idx = mem_read_lock(&vm->mem);
	data[STATS_SLOTS] = mem_slots(&vm->mem)->nr;
	mem_read_unlock(&vm->mem, idx);
}

static void vm_id(const void *object, char *id)
{
	const struct vm *vm = object;

	snprintf(id, STATS_NAME_SIZE, "kvm-%d", vm->owner);
}

/* --- the file --- */

/**
 * struct stats_kind - the two kinds of file
 * @descs:	of each number, by its place in the data
 * @nr:		how many
 * @gather:	fill the data in
 * @id:		fill the id in, STATS_NAME_SIZE bytes
 */
struct stats_kind {
	const struct stats_desc *descs;
	u32 nr;
	void (*gather)(const void *object, u64 *data);
	void (*id)(const void *object, char *id);
};

static const struct stats_kind vcpu_kind = {
	.descs = vcpu_descs,
	.nr = STATS_OF_VCPU,
	.gather = vcpu_gather,
	.id = vcpu_id,
};

static const struct stats_kind vm_kind = {
	.descs = vm_descs,
	.nr = STATS_OF_VM,
	.gather = vm_gather,
	.id = vm_id,
};

#define STATS_ID	sizeof(struct kvm_stats_header)
#define STATS_DESCS	(STATS_ID + STATS_NAME_SIZE)

static u32 stats_data(const struct stats_kind *kind)
{
	return STATS_DESCS + kind->nr * sizeof(struct stats_desc);
}

static size_t stats_size(const struct stats_kind *kind)
{
	return stats_data(kind) + kind->nr * sizeof(u64);
}

static void stats_fill(const struct stats_kind *kind, const void *object, void *image)
{
	struct kvm_stats_header *header = image;

	*header = (struct kvm_stats_header) {
		.name_size = STATS_NAME_SIZE,
		.num_desc = kind->nr,
		.id_offset = STATS_ID,
		.desc_offset = STATS_DESCS,
		.data_offset = stats_data(kind),
	};
	kind->id(object, image + STATS_ID);
	memcpy(image + STATS_DESCS, kind->descs, kind->nr * sizeof(*kind->descs));
	kind->gather(object, image + stats_data(kind));
}

static ssize_t stats_read(const struct stats_kind *kind, struct file *file,
			  char __user *buf, size_t count, loff_t *pos)
{
	size_t size = stats_size(kind);
	void *image = kvzalloc(size, GFP_KERNEL_ACCOUNT);
	ssize_t ret;

	if (!image)
		return -ENOMEM;
	stats_fill(kind, file->private_data, image);
	ret = simple_read_from_buffer(buf, count, pos, image, size);
	kvfree(image);
	return ret;
}

static ssize_t stats_vm_read(struct file *file, char __user *buf, size_t count,
			     loff_t *pos)
{
	return stats_read(&vm_kind, file, buf, count, pos);
}

static loff_t stats_vm_seek(struct file *file, loff_t offset, int whence)
{
	return fixed_size_llseek(file, offset, whence, stats_size(&vm_kind));
}

static ssize_t stats_vcpu_read(struct file *file, char __user *buf, size_t count,
			       loff_t *pos)
{
	return stats_read(&vcpu_kind, file, buf, count, pos);
}

static loff_t stats_vcpu_seek(struct file *file, loff_t offset, int whence)
{
	return fixed_size_llseek(file, offset, whence, stats_size(&vcpu_kind));
}

static int stats_vcpu_release(struct inode *inode, struct file *file)
{
	struct vcpu *vcpu = file->private_data;

	vm_put(vcpu->vm);
	return 0;
}

static const struct file_operations stats_vm_fops = {
	.owner = THIS_MODULE,
	.release = vm_release,
	.read = stats_vm_read,
	.llseek = stats_vm_seek,
};

static const struct file_operations stats_vcpu_fops = {
	.owner = THIS_MODULE,
	.release = stats_vcpu_release,
	.read = stats_vcpu_read,
	.llseek = stats_vcpu_seek,
};

static int stats_fd(const char *name, const struct file_operations *fops, struct vm *vm,
		    void *object)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);
	struct file *file;

	if (fd < 0)
		return fd;
	file = anon_inode_getfile(name, fops, object, O_RDONLY);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	file->f_mode |= FMODE_LSEEK | FMODE_PREAD;
	vm_get(vm);
	fd_install(fd, file);
	return fd;
}

int stats_vm_fd(struct vm *vm)
{
	return stats_fd("quire-vm-stats", &stats_vm_fops, vm, vm);
}

int stats_vcpu_fd(struct vcpu *vcpu)
{
	return stats_fd("quire-vcpu-stats", &stats_vcpu_fops, vcpu->vm, vcpu);
}

/* --- as text --- */

static void stats_show(struct seq_file *m, const struct stats_kind *kind,
		       const void *object, const char *prefix)
{
	u64 data[STATS_OF_VCPU];
	u32 i;

	kind->gather(object, data);
	for (i = 0; i < kind->nr; i++)
		seq_printf(m, "%s %s %llu\n", prefix, kind->descs[i].name, data[i]);
}

void stats_vm_show(struct seq_file *m, struct vm *vm)
{
	stats_show(m, &vm_kind, vm, "vm");
}

void stats_vcpu_show(struct seq_file *m, struct vcpu *vcpu)
{
	char prefix[STATS_NAME_SIZE];

	snprintf(prefix, sizeof(prefix), "vcpu-%u", vcpu->id);
	stats_show(m, &vcpu_kind, vcpu, prefix);
}
