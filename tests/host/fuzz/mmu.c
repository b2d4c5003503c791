// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations on guest memory and its page tables, as a byte program for the oracle of
 * tests/host/oracle/: it foretells what each comes to, and compares everything after it.
 *
 *	kind		1 byte
 *	a step		1 byte: what, 1 byte: when, and of how many bytes each argument
 *			is; the arguments
 *
 * What is found is printed as a sequence of the oracle as well; there it can be shrunk,
 * and kept in tests/host/oracle/sequences/.
 */
#include "../oracle/oracle.h"
#include "fuzz.h"

#define STEPS	64

/* How long an argument is: bits of the byte "when". */
#define WIDE(k)		(4u << (k))
#define LARGE_PAGES	0x80u

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

/* A range of the host's pages is one: not empty, and inside. */
static void tame(struct step *step)
{
	const struct step_op *op = &step_ops[step->op];

	if (!op->args[1] || strcmp(op->args[0], "page") || strcmp(op->args[1], "npages"))
		return;
	if (!step->arg[1])
		step->arg[1] = 1;
	if (step->arg[0] + step->arg[1] > HOST_PAGES)
		step->arg[0] = HOST_PAGES - step->arg[1];
}

static struct step make_step(struct fuzz_input *in)
{
	struct step step = { .op = fuzz_take(in, 1) % step_nr_ops };
	const struct step_op *op = &step_ops[step.op];
	u8 how = fuzz_take(in, 1);
	int k;

	step.when = how & 3;
	for (k = 0; k < STEP_ARGS && op->args[k]; k++) {
		step.arg[k] = fuzz_take(in, how & WIDE(k) ? 2 : 1);
		/* A slot's flags are the last argument, and have no size. */
		if (how & LARGE_PAGES && k < 4)
			step.arg[k] <<= 9;
	}
	step_sanitize(&step);
	tame(&step);
	return step;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sequence sequence;
	struct fuzz_input in = { data, size };

	sequence.kind = fuzz_take(&in, 1) % oracle_nr_kinds;
	sequence.nr = 0;
	pick_seed(1);
	oracle_begin(sequence.kind);
	while (fuzz_more(&in) && sequence.nr < STEPS && !oracle.failed) {
		struct step *step = &sequence.steps[sequence.nr++];

		*step = make_step(&in);
		sequence_step(step);
	}
	if (oracle.failed || getenv("FUZZ_TRACE"))
		sequence_print(stderr, "", &sequence);
	FUZZ_ASSERT(!oracle.failed, "%s", oracle.report);
	oracle_end();
	return 0;
}
