/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does mmu_translate() agree with the model?  A world with a few pages of memory for
 * a guest's tables, one question at a time, and what to do with a disagreement: make
 * it small and print it.
 */
#ifndef TESTS_HOST_ORACLE_WALK_CHECK_H
#define TESTS_HOST_ORACLE_WALK_CHECK_H

#include "guest_walk.h"

/* Memory for tables, from gpa 0 on; above it there is nothing. */
#define WALK_PAGES	8
#define WALK_BYTES	(WALK_PAGES * 4096u)

/**
 * struct walk_question - an access
 * @gva:	canonical
 * @access:	how
 * @probe:	leave accessed and dirty flags alone
 */
struct walk_question {
	u64 gva;
	struct guest_walk_access access;
	bool probe;
};

/* The tables, for reading; writes go through walk_put(). */
extern u8 walk_tables[WALK_BYTES];

/* The processor, as last set. */
extern struct guest_walk_cpu walk_cpu;

/* A world with tables of zeroes; and its end. */
void walk_begin(void);
void walk_end(void);

/* Write an entry of @bytes; its gpa is below WALK_BYTES. */
void walk_put(u64 gpa, u64 entry, unsigned int bytes);

/* All of walk_tables changed. */
void walk_put_all(void);

void walk_set_cpu(const struct guest_walk_cpu *cpu);

/**
 * walk_agrees() - ask both
 * Return: whether the translation or the error code is the same, and so are the flags
 * that were set.  The tables are then as before.
 */
bool walk_agrees(const struct walk_question *q);

/** walk_untouched() - is all memory outside the entries that a walk uses as it was? */
bool walk_untouched(void);

/**
 * walk_explain() - print why walk_agrees() said no
 * Takes away entries, bits of entries, features and access modes as long as the two
 * still disagree, and prints what is left, as TAP comments.
 */
void walk_explain(const struct walk_question *q);

#endif
