/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line of the oracle's programs on walks.
 */
#ifndef TESTS_HOST_ORACLE_WALK_ARGS_H
#define TESTS_HOST_ORACLE_WALK_ARGS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/**
 * struct walk_args - what was asked for
 * @full:	--full: every case in place of the slice
 * @seed:	--seed N
 * @steps:	--steps N
 */
struct walk_args {
	bool full;
	unsigned int seed;
	unsigned long steps;
};

/** walk_args_parse() - over the defaults in @args; ends the program if it cannot */
static inline void walk_args_parse(struct walk_args *args, int argc, char **argv)
{
	static const struct option options[] = {
		{ "full", no_argument, NULL, 'f' },
		{ "seed", required_argument, NULL, 's' },
		{ "steps", required_argument, NULL, 'n' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'f') {
			args->full = true;
		} else if (option == 's') {
			args->seed = strtoul(optarg, NULL, 0);
		} else if (option == 'n') {
			args->steps = strtoul(optarg, NULL, 0);
		} else {
			fprintf(stderr, "usage: %s [--full] [--seed N] [--steps N]\n", argv[0]);
			exit(2);
		}
	}
}

#endif
