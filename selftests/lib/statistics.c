// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parts of a statistics file are found by its header, and a number by the name in its descriptor.
 */
#include "statistics.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int statistics_open(int fd)
{
	return kvm_must(fd, KVM_GET_STATS_FD, NULL);
}

static void read_part(int fd, void *to, size_t size, u32 offset)
{
	ssize_t got = pread(fd, to, size, offset);

	if (got != (ssize_t)size)
		die("%zd of %zu bytes at %u of the statistics", got, size, offset);
}

static size_t desc_size(const struct statistics *stats)
{
	return sizeof(struct kvm_stats_desc) + stats->header.name_size;
}

struct kvm_stats_desc *statistics_desc(const struct statistics *stats, u32 i)
{
	return (void *)((u8 *)stats->descs + i * desc_size(stats));
}

void statistics_read(struct statistics *stats, int fd)
{
	struct kvm_stats_header *header = &stats->header;

	read_part(fd, header, sizeof(*header), 0);
	if (header->name_size > sizeof(stats->id) || header->num_desc > STATISTICS_MAX)
		die("%u statistics with names of %u bytes", header->num_desc, header->name_size);
	read_part(fd, stats->id, header->name_size, header->id_offset);
	stats->descs = calloc(header->num_desc, desc_size(stats));
	if (!stats->descs)
		die("out of memory");
	read_part(fd, stats->descs, header->num_desc * desc_size(stats), header->desc_offset);
	read_part(fd, stats->data, header->num_desc * sizeof(u64), header->data_offset);
}

void statistics_free(struct statistics *stats)
{
	free(stats->descs);
}

u64 statistic(int fd, const char *name)
{
	struct statistics stats;
	u64 value;
	u32 i;

	statistics_read(&stats, fd);
	for (i = 0; i < stats.header.num_desc; i++) {
		struct kvm_stats_desc *desc = statistics_desc(&stats, i);

		if (strcmp(desc->name, name))
			continue;
		value = stats.data[desc->offset / sizeof(u64)];
		statistics_free(&stats);
		return value;
	}
	die("there is no statistic %s", name);
}
