/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the files of KVM_GET_STATS_FD as any VMM would: by what they say of themselves.
 */
#ifndef SELFTESTS_LIB_STATISTICS_H
#define SELFTESTS_LIB_STATISTICS_H

#include "vm.h"

#define STATISTICS_MAX	128

struct statistics {
	struct kvm_stats_header header;
	char id[64];
	struct kvm_stats_desc *descs;	/* malloc'ed; statistics_desc() finds the nth */
	u64 data[STATISTICS_MAX];
};

/* a new file for a VM's or vCPU's fd */
int statistics_open(int fd);
/* all of it, in one pread() for each part; aborts where something is not as the ABI says */
void statistics_read(struct statistics *stats, int fd);
void statistics_free(struct statistics *stats);
struct kvm_stats_desc *statistics_desc(const struct statistics *stats, u32 i);
/* one number as it is now; aborts if there is none of that name */
u64 statistic(int fd, const char *name);

#endif
