// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ioeventfds: a write of the right size, and if so asked of the right value, at
 * one address signals an eventfd, and the guest goes on at once.
 *
 * Each is a device on a bus.  No two of a VM answer the same write, so which one
 * the bus asks first does not matter.  One without length takes writes of every
 * size.  The eventfd stays as long as its ioeventfd, whoever closes the file.
 */
#include <linux/err.h>
#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../host/compat/eventfd.h"
#include "ioeventfd.h"

#define IOEVENTFD_FLAGS							\
	(KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_PIO |	\
	 KVM_IOEVENTFD_FLAG_DEASSIGN)

/**
 * struct ioeventfd - constant but for @link
 * @dev:	what the bus knows
 * @link:	in io->ioeventfds, under io->lock
 * @bus:	where it is
 * @eventfd:	what is signalled; it holds a reference
 * @addr:	where a write must begin
 * @datamatch:	what it must write, unless @wildcard
 * @len:	of how many bytes; 0: any
 * @wildcard:	whatever it writes
 */
struct ioeventfd {
	struct io_device dev;
	struct list_head link;
	struct io_bus *bus;
	struct eventfd_ctx *eventfd;
	gpa_t addr;
	u64 datamatch;
	u32 len;
	bool wildcard;
};

static u64 ioeventfd_value(const void *data, unsigned int len)
{
	u16 word;
	u32 dword;
	u64 qword;

	switch (len) {
	case 1:
		return *(const u8 *)data;
	case 2:
		memcpy(&word, data, sizeof(word));
		return word;
	case 4:
		memcpy(&dword, data, sizeof(dword));
		return dword;
	default:
		memcpy(&qword, data, sizeof(qword));
		return qword;
	}
}

static bool ioeventfd_write(struct io_device *dev, struct vcpu *vcpu, gpa_t addr,
			    unsigned int len, const void *data)
{
	struct ioeventfd *ioeventfd = container_of(dev, struct ioeventfd, dev);

	if (ioeventfd->len) {
		/* The range is as long: what is as long as it begins with it. */
		if (len != ioeventfd->len)
			return false;
		if (!ioeventfd->wildcard &&
		    ioeventfd_value(data, len) != ioeventfd->datamatch)
			return false;
	}
	compat_eventfd_signal(ioeventfd->eventfd);
	return true;
}

static const struct io_device_ops ioeventfd_ops = {
	.write = ioeventfd_write,
	.max_ranges = IOEVENTFD_MAX,
};

/* Is there a write that both would take? */
static bool ioeventfd_overlap(const struct ioeventfd *a, const struct ioeventfd *b)
{
	if (a->bus != b->bus || a->addr != b->addr)
		return false;
	if (!a->len || !b->len)
		return true;
	return a->len == b->len &&
	       (a->wildcard || b->wildcard || a->datamatch == b->datamatch);
}

static bool ioeventfd_same(const struct ioeventfd *a, const struct ioeventfd *b)
{
	return a->bus == b->bus && a->eventfd == b->eventfd && a->addr == b->addr &&
	       a->len == b->len && a->wildcard == b->wildcard &&
	       (a->wildcard || a->datamatch == b->datamatch);
}

static void ioeventfd_free(struct ioeventfd *ioeventfd)
{
	eventfd_ctx_put(ioeventfd->eventfd);
	kfree(ioeventfd);
}

static int ioeventfd_check(const struct kvm_ioeventfd *args)
{
	if (args->flags & ~IOEVENTFD_FLAGS)
		return -EINVAL;
	switch (args->len) {
	case 0:
		return args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH ? -EINVAL : 0;
	case 1:
	case 2:
	case 4:
	case 8:
		/* As KVM has it, no range ends at the top either. */
		return args->addr + args->len < args->addr ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

/* What @args describe, on no bus yet. */
static struct ioeventfd *ioeventfd_create(struct io_vm *io, const struct kvm_ioeventfd *args)
{
	struct ioeventfd *ioeventfd;
	struct eventfd_ctx *eventfd;

	eventfd = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(eventfd))
		return ERR_CAST(eventfd);
	ioeventfd = kzalloc(sizeof(*ioeventfd), GFP_KERNEL_ACCOUNT);
	if (!ioeventfd) {
		eventfd_ctx_put(eventfd);
		return ERR_PTR(-ENOMEM);
	}
	ioeventfd->dev.ops = &ioeventfd_ops;
	ioeventfd->bus = args->flags & KVM_IOEVENTFD_FLAG_PIO ? &io->ports : &io->memory;
	ioeventfd->eventfd = eventfd;
	ioeventfd->addr = args->addr;
	ioeventfd->len = args->len;
	ioeventfd->datamatch = args->datamatch;
	ioeventfd->wildcard = !(args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH);
	return ioeventfd;
}

static int ioeventfd_assign(struct io_vm *io, struct ioeventfd *new)
{
	struct ioeventfd *other;
	int ret;

	lockdep_assert_held(&io->lock);

	list_for_each_entry(other, &io->ioeventfds, link) {
		if (ioeventfd_overlap(other, new))
			return -EEXIST;
	}
	ret = io_bus_add(new->bus, new->addr, new->len, &new->dev);
	if (!ret)
		list_add(&new->link, &io->ioeventfds);
	return ret;
}

static int ioeventfd_deassign(struct io_vm *io, const struct ioeventfd *wanted)
{
	struct ioeventfd *ioeventfd;

	lockdep_assert_held(&io->lock);

	list_for_each_entry(ioeventfd, &io->ioeventfds, link) {
		if (!ioeventfd_same(ioeventfd, wanted))
			continue;
		io_bus_remove(ioeventfd->bus, &ioeventfd->dev);
		list_del(&ioeventfd->link);
		ioeventfd_free(ioeventfd);
		return 0;
	}
	return -ENOENT;
}

int ioeventfd_ioctl(struct io_vm *io, const struct kvm_ioeventfd *args)
{
	bool deassign = args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN;
	struct ioeventfd *ioeventfd;
	int ret;

	ret = ioeventfd_check(args);
	if (ret)
		return ret;
	ioeventfd = ioeventfd_create(io, args);
	if (IS_ERR(ioeventfd))
		return PTR_ERR(ioeventfd);

	mutex_lock(&io->lock);
	ret = deassign ? ioeventfd_deassign(io, ioeventfd) : ioeventfd_assign(io, ioeventfd);
	mutex_unlock(&io->lock);
	if (ret || deassign)
		ioeventfd_free(ioeventfd);
	return ret;
}

void ioeventfd_vm_destroy(struct io_vm *io)
{
	struct ioeventfd *ioeventfd, *next;

	list_for_each_entry_safe(ioeventfd, next, &io->ioeventfds, link)
		ioeventfd_free(ioeventfd);
	INIT_LIST_HEAD(&io->ioeventfds);
}
