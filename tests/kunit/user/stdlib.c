// SPDX-License-Identifier: GPL-2.0-only
/*
 * The heap of the test programs, and the module's own beginning and end.
 */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/vmalloc.h>

#include "stdlib.h"

struct user_chunk {
	struct list_head link;
	u8 bytes[] __aligned(16);
};

static LIST_HEAD(user_chunks);
static DEFINE_MUTEX(user_lock);		/* guards user_chunks */

void *user_malloc(size_t size)
{
	struct user_chunk *chunk = vzalloc(sizeof(*chunk) + size);

	if (!chunk)
		return NULL;
	mutex_lock(&user_lock);
	list_add(&chunk->link, &user_chunks);
	mutex_unlock(&user_lock);
	return chunk->bytes;
}

static int __init user_init(void)
{
	return 0;
}

static void __exit user_exit(void)
{
	struct user_chunk *chunk, *next;

	list_for_each_entry_safe(chunk, next, &user_chunks, link)
		vfree(chunk);
}

module_init(user_init);
module_exit(user_exit);
MODULE_DESCRIPTION("KUnit suites of Quire");
MODULE_LICENSE("GPL");
