/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM with guest memory that the host has yet to bring: a userfaultfd brings a page when the test says so.
 */
#ifndef SELFTESTS_LIB_LATE_H
#define SELFTESTS_LIB_LATE_H

#include <pthread.h>
#include "vm.h"

#define LATE		0x80000000ull	/* where the guest has these pages */
#define LATE_PAGES	80
#define LATE_VALUE(page) (0x1122334455000000ull + (page))	/* the first word of a page that came */

struct late {
	struct vm vm;
	struct vcpu *vcpu;
	u8 *memory;
	int uffd;
};

/* a VM with local APICs and vCPU 0; -errno where there is no userfaultfd */
int late_create(struct late *late);
void late_destroy(struct late *late);
/* waits until somebody asks for a page, and gives its number */
int late_asked(struct late *late);
/* a page may come once */
void late_bring(struct late *late, int page);

/* a thread that brings each page that is asked for, once; it ends when @pages were asked for */
struct late_server {
	struct late *late;
	int first;
	int pages;
	pthread_t thread;
};

/* it begins when @first were asked for */
void late_serve(struct late_server *server, struct late *late, int first, int pages);

#endif
