// SPDX-License-Identifier: GPL-2.0-only
/*
 * Irqfds.
 *
 * An irqfd waits in the queue of its eventfd, ahead of all others, and is called
 * there for each signal: under the queue's lock, interrupts off, in the context of
 * whoever signals.  It takes the signal out of the eventfd and sends the interrupt
 * right there, by the route that its GSI has at that moment.
 *
 * The owner may close the eventfd at any time.  The call that says so comes from
 * within the closing, where nothing can be freed; it leaves a mark, and a work
 * frees what is marked.  The eventfd's memory stays until then: an irqfd holds a
 * reference.  Once it left the queue, which takes the queue's lock, it is not
 * called any more.
 *
 * With a resample eventfd the interrupt is a level: it stays up until the guest
 * ends it.  Then the line falls, and the owner is asked, by the second eventfd, to
 * raise it again if its device still wants it.  All that share a GSI share a line,
 * and so a resampler: the line must have fallen before the first of them is asked,
 * since that one may raise it at once.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/kvm.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "../host/compat/eventfd.h"
#include "../x86/machine.h"
#include "irqfd.h"

#define IRQFD_FLAGS	(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE)

/**
 * struct irqfd_resampler - the line that irqfds of one GSI hold up together
 * @ack:	its end of interrupt
 * @vm:		whose
 * @link:	in vm->irqfds.resamplers, under vm->irqfds.lock
 * @irqfds:	who is asked then; under vm->irqfds.lock, readers: RCU
 */
struct irqfd_resampler {
	struct irq_ack_notifier ack;
	struct vm *vm;
	struct list_head link;
	struct list_head irqfds;
};

/**
 * struct irqfd - constant but for @closed and the links
 * @wait:	in the queue of @eventfd
 * @poll:	to get there
 * @vm:		whose interrupt; it outlives the irqfd
 * @eventfd:	what is signalled; it holds a reference
 * @resampler:	of a level; NULL for an edge
 * @resample:	what its owner is asked by, likewise; it holds a reference
 * @peers:	in resampler->irqfds
 * @gsi:	which interrupt
 * @closed:	nobody can signal any more; set once
 * @link:	in vm->irqfds.list, under vm->irqfds.lock
 */
struct irqfd {
	wait_queue_entry_t wait;
	poll_table poll;
	struct vm *vm;
	struct eventfd_ctx *eventfd;
	struct irqfd_resampler *resampler;
	struct eventfd_ctx *resample;
	struct list_head peers;
	u32 gsi;
	bool closed;
	struct list_head link;
};

/* Under RCU's read side, or with interrupts off. */
static void irqfd_inject(struct irqfd *irqfd)
{
	if (irqfd->resampler)
		irq_set_gsi(irqfd->vm, IRQ_SOURCE_RESAMPLE, irqfd->gsi, true);
	else
		irq_pulse_gsi(irqfd->vm, irqfd->gsi);
}

static int irqfd_wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *irqfd = container_of(wait, struct irqfd, wait);
	__poll_t events = key_to_poll(key);
	int taken = 0;
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(irqfd->eventfd, &count);
		irqfd_inject(irqfd);
		taken = 1;
	}
	if (unlikely(events & EPOLLHUP)) {
		WRITE_ONCE(irqfd->closed, true);
		schedule_work(&irqfd->vm->irqfds.reap);
	}
	return taken;
}

static void irqfd_enqueue(struct file *file, wait_queue_head_t *queue, poll_table *poll)
{
	struct irqfd *irqfd = container_of(poll, struct irqfd, poll);

	add_wait_queue_priority(queue, &irqfd->wait);
}

/* --- levels --- */

/* Under RCU's read side. */
static void irqfd_acked(struct irq_ack_notifier *ack)
{
	struct irqfd_resampler *resampler = container_of(ack, struct irqfd_resampler, ack);
	struct irqfd *irqfd;

	irq_set_gsi(resampler->vm, IRQ_SOURCE_RESAMPLE, ack->gsi, false);
	list_for_each_entry_rcu(irqfd, &resampler->irqfds, peers)
		compat_eventfd_signal(irqfd->resample);
}

static struct irqfd_resampler *irqfd_resampler_find(struct vm *vm, u32 gsi)
{
	struct irqfd_resampler *resampler;

	lockdep_assert_held(&vm->irqfds.lock);

	list_for_each_entry(resampler, &vm->irqfds.resamplers, link) {
		if (resampler->ack.gsi == gsi)
			return resampler;
	}
	return NULL;
}

static int irqfd_join(struct irqfd *irqfd)
{
	struct irqfd_resampler *resampler = irqfd_resampler_find(irqfd->vm, irqfd->gsi);

	if (!resampler) {
		resampler = kzalloc(sizeof(*resampler), GFP_KERNEL_ACCOUNT);
		if (!resampler)
			return -ENOMEM;
		resampler->vm = irqfd->vm;
		resampler->ack.gsi = irqfd->gsi;
		resampler->ack.acked = irqfd_acked;
		INIT_LIST_HEAD(&resampler->irqfds);
		list_add(&resampler->link, &irqfd->vm->irqfds.resamplers);
		irq_ack_register(irqfd->vm, &resampler->ack);
	}
	list_add_rcu(&irqfd->peers, &resampler->irqfds);
	irqfd->resampler = resampler;
	return 0;
}

/* When this returns @irqfd is not asked any more.  It is out of its queue. */
static void irqfd_leave(struct irqfd *irqfd)
{
	struct irqfd_resampler *resampler = irqfd->resampler;

	lockdep_assert_held(&irqfd->vm->irqfds.lock);

	list_del_rcu(&irqfd->peers);
	if (!list_empty(&resampler->irqfds)) {
		synchronize_rcu_expedited();
		return;
	}
	list_del(&resampler->link);
	irq_ack_unregister(irqfd->vm, &resampler->ack);
	irq_set_gsi(irqfd->vm, IRQ_SOURCE_RESAMPLE, irqfd->gsi, false);
	kfree(resampler);
}

/* --- coming and going --- */

static void irqfd_free(struct irqfd *irqfd)
{
	if (irqfd->resample)
		eventfd_ctx_put(irqfd->resample);
	eventfd_ctx_put(irqfd->eventfd);
	kfree(irqfd);
}

/* Out of the queue and the list. */
static void irqfd_remove(struct irqfd *irqfd)
{
	u64 count;

	lockdep_assert_held(&irqfd->vm->irqfds.lock);

	eventfd_ctx_remove_wait_queue(irqfd->eventfd, &irqfd->wait, &count);
	list_del(&irqfd->link);
	if (irqfd->resampler)
		irqfd_leave(irqfd);
	irqfd_free(irqfd);
}

static void irqfd_reap(struct work_struct *work)
{
	struct irqfd_vm *irqfds = container_of(work, struct irqfd_vm, reap);
	struct irqfd *irqfd, *next;

	mutex_lock(&irqfds->lock);
	list_for_each_entry_safe(irqfd, next, &irqfds->list, link) {
		if (READ_ONCE(irqfd->closed))
			irqfd_remove(irqfd);
	}
	mutex_unlock(&irqfds->lock);
}

void irqfd_vm_init(struct vm *vm)
{
	mutex_init(&vm->irqfds.lock);
	INIT_LIST_HEAD(&vm->irqfds.list);
	INIT_LIST_HEAD(&vm->irqfds.resamplers);
	INIT_WORK(&vm->irqfds.reap, irqfd_reap);
}

void irqfd_vm_destroy(struct vm *vm)
{
	struct irqfd *irqfd, *next;

	mutex_lock(&vm->irqfds.lock);
	list_for_each_entry_safe(irqfd, next, &vm->irqfds.list, link)
		irqfd_remove(irqfd);
	mutex_unlock(&vm->irqfds.lock);
	/* No irqfd is left to ask for it. */
	cancel_work_sync(&vm->irqfds.reap);
	mutex_destroy(&vm->irqfds.lock);
}

static struct irqfd *irqfd_create(struct vm *vm, struct file *file,
				  const struct kvm_irqfd *args)
{
	struct eventfd_ctx *resample = NULL;
	struct irqfd *irqfd;

	if (args->flags & KVM_IRQFD_FLAG_RESAMPLE) {
		resample = eventfd_ctx_fdget(args->resamplefd);
		if (IS_ERR(resample))
			return ERR_CAST(resample);
	}
	irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
	if (!irqfd) {
		if (resample)
			eventfd_ctx_put(resample);
		return ERR_PTR(-ENOMEM);
	}
	irqfd->vm = vm;
	irqfd->eventfd = eventfd_ctx_fileget(file);
	irqfd->resample = resample;
	irqfd->gsi = args->gsi;
	init_waitqueue_func_entry(&irqfd->wait, irqfd_wakeup);
	init_poll_funcptr(&irqfd->poll, irqfd_enqueue);
	return irqfd;
}

static bool irqfd_has(struct vm *vm, const struct eventfd_ctx *eventfd)
{
	struct irqfd *irqfd;

	lockdep_assert_held(&vm->irqfds.lock);

	list_for_each_entry(irqfd, &vm->irqfds.list, link) {
		if (irqfd->eventfd == eventfd)
			return true;
	}
	return false;
}

/* Into the lists: what can fail. */
static int irqfd_add(struct irqfd *irqfd)
{
	struct vm *vm = irqfd->vm;
	int ret = 0;

	lockdep_assert_held(&vm->irqfds.lock);

	if (irqfd_has(vm, irqfd->eventfd))
		return -EBUSY;
	if (irqfd->resample)
		ret = irqfd_join(irqfd);
	if (!ret)
		list_add(&irqfd->link, &vm->irqfds.list);
	return ret;
}

static int irqfd_assign(struct vm *vm, struct file *file, const struct kvm_irqfd *args)
{
	struct irqfd *irqfd;
	int ret;

	if (!vm_has_lapics(vm))
		return -EINVAL;
	/* User space's I/O APIC hears of each EOI anyway. */
	if ((args->flags & KVM_IRQFD_FLAG_RESAMPLE) && !vm->irqchip_full)
		return -EINVAL;
	irqfd = irqfd_create(vm, file, args);
	if (IS_ERR(irqfd))
		return PTR_ERR(irqfd);

	mutex_lock(&vm->irqfds.lock);
	ret = irqfd_add(irqfd);
	/* From here on signals come in; one may have been there before. */
	if (!ret && (vfs_poll(file, &irqfd->poll) & EPOLLIN)) {
		rcu_read_lock();
		irqfd_inject(irqfd);
		rcu_read_unlock();
	}
	mutex_unlock(&vm->irqfds.lock);
	if (ret)
		irqfd_free(irqfd);
	return ret;
}

static int irqfd_deassign(struct vm *vm, struct file *file, const struct kvm_irqfd *args)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fileget(file);
	struct irqfd *irqfd, *next;

	mutex_lock(&vm->irqfds.lock);
	list_for_each_entry_safe(irqfd, next, &vm->irqfds.list, link) {
		if (irqfd->eventfd == eventfd && irqfd->gsi == args->gsi)
			irqfd_remove(irqfd);
	}
	mutex_unlock(&vm->irqfds.lock);
	eventfd_ctx_put(eventfd);
	return 0;
}

int irqfd_ioctl(struct vm *vm, const struct kvm_irqfd *args)
{
	struct file *file;
	int ret;

	if (args->flags & ~IRQFD_FLAGS)
		return -EINVAL;
	file = eventfd_fget(args->fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = args->flags & KVM_IRQFD_FLAG_DEASSIGN ? irqfd_deassign(vm, file, args) :
						      irqfd_assign(vm, file, args);
	fput(file);
	return ret;
}
