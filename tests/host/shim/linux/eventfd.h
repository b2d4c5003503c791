/* SPDX-License-Identifier: GPL-2.0-only */
/* Eventfds as the test keeps them: it provides these. */
#ifndef SHIM_LINUX_EVENTFD_H
#define SHIM_LINUX_EVENTFD_H

struct eventfd_ctx;

struct eventfd_ctx *eventfd_ctx_fdget(int fd);
void eventfd_ctx_put(struct eventfd_ctx *eventfd);
void eventfd_signal(struct eventfd_ctx *eventfd);

#endif
