// SPDX-License-Identifier: GPL-2.0-only
/*
 * A host that takes its time.
 */
#include "late.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LATE_SLOT	1
#define PATIENCE_MS	20000

int late_create(struct late *late)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	late->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (late->uffd < 0)
		return -errno;
	vm_create(&late->vm, VM_SPLIT_IRQCHIP);
	late->vcpu = vcpu_create(&late->vm, 0);
	late->memory = host_memory(LATE_PAGES * PAGE_SIZE, PAGE_SIZE);
	range.range.start = (u64)late->memory;
	range.range.len = LATE_PAGES * PAGE_SIZE;
	if (ioctl(late->uffd, UFFDIO_API, &api) || ioctl(late->uffd, UFFDIO_REGISTER, &range))
		die("userfaultfd: %s", strerror(errno));
	if (vm_slot(&late->vm, LATE_SLOT, 0, LATE, LATE_PAGES * PAGE_SIZE, late->memory))
		die("no slot");
	return 0;
}

void late_destroy(struct late *late)
{
	if (late->uffd < 0)
		return;
	if (late->vm.fd >= 0)
		vm_destroy(&late->vm);
	close(late->uffd);
	munmap(late->memory, LATE_PAGES * PAGE_SIZE);
}

int late_asked(struct late *late)
{
	struct pollfd event = { .fd = late->uffd, .events = POLLIN };
	struct uffd_msg message;

	if (poll(&event, 1, PATIENCE_MS) != 1 || read(late->uffd, &message, sizeof(message)) != sizeof(message) ||
	    message.event != UFFD_EVENT_PAGEFAULT)
		die("nobody asked for a page");
	return (message.arg.pagefault.address - (u64)late->memory) / PAGE_SIZE;
}

void late_bring(struct late *late, int page)
{
	u64 content[PAGE_SIZE / 8] = { LATE_VALUE(page) };
	struct uffdio_copy copy = {
		.dst = (u64)late->memory + page * PAGE_SIZE, .src = (u64)content, .len = PAGE_SIZE,
	};

	if (ioctl(late->uffd, UFFDIO_COPY, &copy))
		die("UFFDIO_COPY: %s", strerror(errno));
}

static void *serve(void *argument)
{
	struct late_server *server = argument;
	bool there[LATE_PAGES] = {};
	int asked[LATE_PAGES], nr = 0, next = 0, page;

	while (nr < server->pages) {
		asked[nr++] = late_asked(server->late);
		while (nr >= server->first && next < nr) {
			page = asked[next++];
			if (!there[page])
				late_bring(server->late, page);
			there[page] = true;
		}
	}
	return NULL;
}

void late_serve(struct late_server *server, struct late *late, int first, int pages)
{
	*server = (struct late_server){ .late = late, .first = first, .pages = pages };
	if (pthread_create(&server->thread, NULL, serve, server))
		die("no thread");
}
