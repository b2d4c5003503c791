// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous page faults (Documentation of the KVM ABI: KVM-specific MSRs).
 *
 * A fault that finds its page swapped out, or in the care of a userfaultfd, need
 * not keep the vCPU.  A work item has the host bring the page; meanwhile the
 * guest runs something else:
 *
 *	told	A guest that asked for it gets a #PF with a token in CR2 and a word
 *		in its area that tells this #PF from others.  It puts the task to
 *		sleep.  When the page is there the token goes into the area and an
 *		interrupt follows; the next token has to wait until the guest has
 *		taken this one and said so.
 *	halted	Any other vCPU waits as if in HLT, so that an interrupt still gets
 *		through: its handler may run, and returns into the same fault.
 *
 * Neither is possible while interrupts are off, or an event is on its way in.  Then,
 * and when too many pages are under way, or memory is short, the fault waits.
 *
 * Nothing is mapped or held for the vCPU: the page is touched, and the access that
 * faulted is made again.
 *
 * A page belongs to its vCPU, which keeps a list of them, and to the work; whoever
 * is last frees it.  The host may take for ever, so nobody waits for the work: a
 * vCPU that goes lets go of its pages, under the lock of each, and what is still on
 * its way keeps the module.  Every page that is under way has a worker of its own,
 * so that no VM's pages wait for those of another.
 */
#include <linux/build_bug.h>
#include <linux/kvm_para.h>
#include <linux/module.h>
#include <linux/refcount.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/stddef.h>
#include <linux/workqueue.h>

#include "../irq/apic_regs.h"
#include "../vendor/vendor.h"
#include "async_fault.h"
#include "machine.h"

/* Pages under way: of one vCPU, and of all, which is what the work queue runs. */
#define ASYNC_VCPU_PAGES	64
#define ASYNC_PAGES		256

/* Tokens are unique in a VM, and none is 0 or ASYNC_WAKE_ALL. */
#define ASYNC_TOKEN_SHIFT	12
#define ASYNC_SERIALS		((1u << (32 - ASYNC_TOKEN_SHIFT)) - 2)
#define ASYNC_WAKE_ALL		(~0u)
static_assert(VM_MAX_VCPU_ID <= 1 << ASYNC_TOKEN_SHIFT);

/* Delivery to a nested hypervisor is not offered. */
#define ASYNC_ENABLE_FLAGS						\
	(KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_SEND_ALWAYS | KVM_ASYNC_PF_DELIVERY_AS_INT)
#define ASYNC_AREA_MASK		(~0x3full)
#define ASYNC_FLAGS		offsetof(struct kvm_vcpu_pv_apf_data, flags)
#define ASYNC_TOKEN		offsetof(struct kvm_vcpu_pv_apf_data, token)

/**
 * struct async_page - a page on its way
 * @work:	brings it
 * @mm:		where it belongs (mmgrab'ed); @hva, @write: the access
 * @users:	the vCPU and the work
 * @link:	in the vCPU's list
 * @token:	what the guest calls it, if @told
 * @told:	the guest waits for it.  With @link and @token the vCPU's
 * @lock:	guards what follows
 * @vcpu:	who waits, or NULL
 * @ready:	the work is done; @failed: to no end
 */
struct async_page {
	struct work_struct work;
	struct mm_struct *mm;
	hva_t hva;
	bool write;
	refcount_t users;
	struct list_head link;
	u32 token;
	bool told;
	spinlock_t lock;
	struct vcpu *vcpu;
	bool ready;
	bool failed;
};

static struct workqueue_struct *async_queue;
static atomic_t async_under_way;

/* --- pages --- */

static void async_page_put(struct async_page *page)
{
	if (!refcount_dec_and_test(&page->users))
		return;
	mmdrop(page->mm);
	kfree(page);
}

static void async_page_work(struct work_struct *work)
{
	struct async_page *page = container_of(work, struct async_page, work);
	int ret = -ESRCH;

	if (mmget_not_zero(page->mm)) {
		ret = mem_host_page_bring(page->mm, page->hva, page->write);
		mmput(page->mm);
	}

	spin_lock(&page->lock);
	page->failed = ret;
	page->ready = true;
	if (page->vcpu) {
		vcpu_request(page->vcpu, VCPU_REQ_PAGE_READY);
		vcpu_kick(page->vcpu);
	}
	spin_unlock(&page->lock);

	async_page_put(page);
	atomic_dec(&async_under_way);
	/* The queue is emptied before the module goes. */
	module_put(THIS_MODULE);
}

static struct async_page *async_page_find(struct vcpu *vcpu, hva_t hva)
{
	struct async_page *page;

	list_for_each_entry(page, &vcpu->async_fault.pages, link) {
		if (page->hva == hva)
			return page;
	}
	return NULL;
}

/* Return: NULL if it cannot be, or there are enough of them. */
static struct async_page *async_page_start(struct vcpu *vcpu, const struct mmu_fault *fault)
{
	struct vcpu_async_fault *async = &vcpu->async_fault;
	struct async_page *page;

	if (async->nr_pages >= ASYNC_VCPU_PAGES ||
	    !atomic_add_unless(&async_under_way, 1, ASYNC_PAGES))
		return NULL;
	page = kzalloc(sizeof(*page), GFP_KERNEL_ACCOUNT);
	if (!page) {
		atomic_dec(&async_under_way);
		return NULL;
	}
	INIT_WORK(&page->work, async_page_work);
	spin_lock_init(&page->lock);
	refcount_set(&page->users, 2);
	page->mm = vcpu->vm->mm;
	mmgrab(page->mm);
	page->hva = fault->hva;
	page->write = fault->write;
	page->vcpu = vcpu;
	list_add_tail(&page->link, &async->pages);
	async->nr_pages++;
	vcpu_count(vcpu, VCPU_STAT_ASYNC_FAULTS);
	/* The caller's file holds the module already. */
	__module_get(THIS_MODULE);
	queue_work(async_queue, &page->work);
	return page;
}

/* The vCPU is done with it, whether or not it came. */
static void async_page_drop(struct vcpu *vcpu, struct async_page *page)
{
	spin_lock(&page->lock);
	page->vcpu = NULL;
	spin_unlock(&page->lock);
	list_del(&page->link);
	vcpu->async_fault.nr_pages--;
	async_page_put(page);
}

static bool async_page_ready(struct async_page *page)
{
	bool ready;

	spin_lock(&page->lock);
	ready = page->ready;
	spin_unlock(&page->lock);
	return ready;
}

/* --- the guest's area --- */

static bool async_enabled(const struct vcpu *vcpu)
{
	u64 both = KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_DELIVERY_AS_INT;

	return (vcpu->async_fault.enable_msr & both) == both;
}

/*
 * Write a word of the area if the guest has cleared it.
 * Return: 1 written, 0 not, -EFAULT if the area is gone.
 */
static int async_area_fill(struct vcpu *vcpu, u32 offset, u32 word)
{
	gpa_t area = vcpu->async_fault.enable_msr & ASYNC_AREA_MASK;
	struct guest_memory *mem = &vcpu->vm->mem;
	u32 none = 0;
	int idx, ret;

	idx = mem_read_lock(mem);
	ret = mem_cmpxchg(mem, area + offset, &none, &word, sizeof(word));
	mem_read_unlock(mem, idx);
	return ret;
}

static u32 async_next_token(struct vcpu *vcpu)
{
	u32 serial = vcpu->async_fault.serial++ % ASYNC_SERIALS + 1;

	return serial << ASYNC_TOKEN_SHIFT | vcpu->id;
}

/* Return: false if the guest does not want to know now. */
static bool async_tell_absent(struct vcpu *vcpu, struct async_page *page)
{
	struct mmu_exception exc = { 0 };

	if (!async_enabled(vcpu))
		return false;
	if (!(vcpu->async_fault.enable_msr & KVM_ASYNC_PF_SEND_ALWAYS) &&
	    !vendor->get_cpl(vcpu))
		return false;
	if (async_area_fill(vcpu, ASYNC_FLAGS, KVM_PV_REASON_PAGE_NOT_PRESENT) != 1)
		return false;
	page->token = async_next_token(vcpu);
	page->told = true;
	vcpu_count(vcpu, VCPU_STAT_ASYNC_TOLD);
	exc.address = page->token;
	event_raise_page_fault(vcpu, &exc);
	return true;
}

/* Return: false if it has to wait; what cannot be told at all is done with. */
static bool async_tell_ready(struct vcpu *vcpu, u32 token)
{
	struct vcpu_async_fault *async = &vcpu->async_fault;
	struct lapic_msg msg = {
		.vector = async->vector,
		.delivery = APIC_DELIVER_FIXED,
		.shorthand = APIC_TO_SELF,
	};
	int ret;

	if (async->unacked || !lapic_takes_interrupts(vcpu))
		return false;
	ret = async_area_fill(vcpu, ASYNC_TOKEN, token);
	if (ret <= 0)
		return ret;
	async->unacked = true;
	lapic_send(vcpu->vm, vcpu, &msg);
	return true;
}

/* --- faults --- */

/* An interrupt or a #PF must be able to get in. */
static bool async_possible(struct vcpu *vcpu)
{
	if (!vcpu->apic || event_on_its_way(&vcpu->event) ||
	    !vendor->interrupt_allowed(vcpu))
		return false;
	if (!vcpu->async_fault.wait)
		return true;
	vcpu->async_fault.wait = false;
	return false;
}

/* Return: false if there is nothing for it but to wait here. */
static bool async_begin(struct vcpu *vcpu, const struct mmu_fault *fault)
{
	struct async_page *page;

	if (!async_possible(vcpu))
		return false;
	page = async_page_find(vcpu, fault->hva);
	if (page) {
		/* One that came, and went before it could be told. */
		if (async_page_ready(page))
			return false;
		vcpu_request(vcpu, VCPU_REQ_PAGE_WAIT);
		return true;
	}
	page = async_page_start(vcpu, fault);
	if (!page)
		return false;
	if (!async_tell_absent(vcpu, page))
		vcpu_request(vcpu, VCPU_REQ_PAGE_WAIT);
	return true;
}

int async_fault(struct vcpu *vcpu, struct mmu_fault *fault)
{
	if (async_begin(vcpu, fault))
		return MMU_FAULT_RETRY;
	fault->nowait = false;
	return mmu_fault(&vcpu->root_mmu, fault);
}

void async_fault_update(struct vcpu *vcpu)
{
	struct vcpu_async_fault *async = &vcpu->async_fault;
	struct async_page *page, *next;

	if (async->wake_all && async_tell_ready(vcpu, ASYNC_WAKE_ALL))
		async->wake_all = false;
	list_for_each_entry_safe(page, next, &async->pages, link) {
		if (!async_page_ready(page))
			continue;
		if (page->told && !async_tell_ready(vcpu, page->token))
			continue;
		if (page->failed)
			async->wait = true;
		async_page_drop(vcpu, page);
	}
}

/* --- the MSRs --- */

/* What the guest waited for it has forgotten. */
static void async_forget(struct vcpu *vcpu)
{
	struct async_page *page;

	list_for_each_entry(page, &vcpu->async_fault.pages, link)
		page->told = false;
	vcpu->async_fault.wake_all = false;
	vcpu->async_fault.unacked = false;
	/* Some may have come and waited for their turn. */
	vcpu_request(vcpu, VCPU_REQ_PAGE_READY);
}

static bool async_area_is_memory(struct vcpu *vcpu, u64 value)
{
	struct guest_memory *mem = &vcpu->vm->mem;
	hva_t hva;
	int idx;

	idx = mem_read_lock(mem);
	hva = mem_gfn_to_hva(mem, gpa_to_gfn(value & ASYNC_AREA_MASK), true);
	mem_read_unlock(mem, idx);
	return hva != MEM_BAD_HVA;
}

int async_fault_set_enable(struct vcpu *vcpu, u64 value)
{
	if (value & ~ASYNC_AREA_MASK & ~(u64)ASYNC_ENABLE_FLAGS)
		return -EINVAL;
	if (value && !vcpu->apic)
		return -EINVAL;
	if ((value & KVM_ASYNC_PF_ENABLED) && !async_area_is_memory(vcpu, value))
		return -EINVAL;
	async_forget(vcpu);
	vcpu->async_fault.enable_msr = value;
	/* A guest that comes from elsewhere left pages behind that nobody brings. */
	vcpu->async_fault.wake_all = async_enabled(vcpu);
	return 0;
}

int async_fault_set_vector(struct vcpu *vcpu, u64 value)
{
	if (value & ~(u64)KVM_ASYNC_PF_VEC_MASK)
		return -EINVAL;
	if (value && !vcpu->apic)
		return -EINVAL;
	vcpu->async_fault.vector = value;
	return 0;
}

void async_fault_ack(struct vcpu *vcpu, u64 value)
{
	if (!(value & 1))
		return;
	vcpu->async_fault.unacked = false;
	vcpu_request(vcpu, VCPU_REQ_PAGE_READY);
}

/* --- life --- */

void async_fault_reset(struct vcpu *vcpu)
{
	async_forget(vcpu);
	vcpu->async_fault.enable_msr = 0;
	vcpu->async_fault.vector = 0;
}

void async_fault_vcpu_init(struct vcpu *vcpu)
{
	INIT_LIST_HEAD(&vcpu->async_fault.pages);
}

void async_fault_vcpu_stop(struct vcpu *vcpu)
{
	struct async_page *page, *next;

	list_for_each_entry_safe(page, next, &vcpu->async_fault.pages, link)
		async_page_drop(vcpu, page);
}

int async_fault_module_init(void)
{
	async_queue = alloc_workqueue("quire_async", WQ_UNBOUND, ASYNC_PAGES);
	return async_queue ? 0 : -ENOMEM;
}

void async_fault_module_exit(void)
{
	destroy_workqueue(async_queue);
}
