/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Suspend and resume callbacks on the last CPU, in both of their forms.
 */
#ifndef QUIRE_HOST_COMPAT_SYSCORE_H
#define QUIRE_HOST_COMPAT_SYSCORE_H

#include <linux/syscore_ops.h>

/*
 * COMPAT_SYSCORE(name, suspend, resume) defines a registration whose two
 * functions take no argument; compat_syscore_register(&name) and
 * compat_syscore_unregister(&name) use it.
 */
#ifdef COMPAT_HAS_SYSCORE
#define COMPAT_SYSCORE(name, suspend_fn, resume_fn)			\
static int name##_suspend(void *data) { return suspend_fn(); }		\
static void name##_resume(void *data) { resume_fn(); }			\
static const struct syscore_ops name##_ops = {				\
	.suspend = name##_suspend,					\
	.resume = name##_resume,					\
};									\
static struct syscore name = { .ops = &name##_ops }

#define compat_syscore_register(s)	register_syscore(s)
#define compat_syscore_unregister(s)	unregister_syscore(s)
#else
#define COMPAT_SYSCORE(name, suspend_fn, resume_fn)			\
static struct syscore_ops name = {					\
	.suspend = suspend_fn,						\
	.resume = resume_fn,						\
}

#define compat_syscore_register(s)	register_syscore_ops(s)
#define compat_syscore_unregister(s)	unregister_syscore_ops(s)
#endif

#endif
