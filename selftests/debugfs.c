// SPDX-License-Identifier: GPL-2.0-only
/*
 * What debugfs shows of a VM: that it is there while the VM is, says what is mapped, and does not care how it is read.
 */
#include "test.h"
#include "statistics.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FOLDER	"/sys/kernel/debug/quire"
#define SLOT	7
#define GPA	(256 * MiB)
#define PAGES	64
#define TEXT	65536

FIXTURE(debugfs) {
	struct vm vm;
	struct vcpu *vcpu;
	u8 *memory;
	char folder[300];
	char text[TEXT];
};

/* The folder of the only VM of this process; false if there is none. */
static bool find_folder(char *path, size_t size)
{
	char prefix[16];
	struct dirent *entry;
	bool found = false;
	DIR *dir = opendir(FOLDER);

	if (!dir)
		return false;
	snprintf(prefix, sizeof(prefix), "%d-", getpid());
	while (!found && (entry = readdir(dir))) {
		found = !strncmp(entry->d_name, prefix, strlen(prefix));
		if (found)
			snprintf(path, size, FOLDER "/%s", entry->d_name);
	}
	closedir(dir);
	return found;
}

FIXTURE_SETUP(debugfs)
{
	if (access(FOLDER, F_OK))
		SKIP(return, "no " FOLDER);
	vm_create(&self->vm, 0);
	self->vcpu = vcpu_create(&self->vm, 0);
	self->memory = host_memory(PAGES * PAGE_SIZE, 2 * MiB);
	ASSERT_TRUE(find_folder(self->folder, sizeof(self->folder)));
}

FIXTURE_TEARDOWN(debugfs)
{
	vm_destroy(&self->vm);
}

static int open_file(const char *folder, const char *name)
{
	char path[400];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

/* All of a file, in reads of @step bytes. */
static const char *read_file(const char *folder, const char *name, char *text, size_t step)
{
	int fd = open_file(folder, name);
	size_t length = 0;
	ssize_t got;

	while (length + step < TEXT && (got = read(fd, text + length, step)) > 0)
		length += got;
	if (got < 0)
		die("%s: %s", name, strerror(errno));
	text[length] = 0;
	close(fd);
	return text;
}

static void guest_writes(u64 base)
{
	int i;

	for (i = 0; i < PAGES; i++)
		*(volatile u64 *)(base + i * PAGE_SIZE) = i;
	guest_sync(1);
	*(volatile u64 *)(base + 5 * PAGE_SIZE) = 1;
	guest_sync(2);
}

static void map_pages(struct vm *vm, struct vcpu *vcpu, u8 *memory)
{
	if (vm_slot(vm, SLOT, KVM_MEM_LOG_DIRTY_PAGES, GPA, PAGES * PAGE_SIZE, memory))
		die("no slot");
	vcpu_set_guest(vcpu, guest_writes, GPA);
	call_wait_sync(vcpu, 1);
}

TEST_F(debugfs, slots)
{
	char line[128];

	map_pages(&self->vm, self->vcpu, self->memory);
	read_file(self->folder, "slots", self->text, 4096);
	snprintf(line, sizeof(line), "%u 0 %llx %lx -\n", RAM_SLOT, RAM_SIZE / PAGE_SIZE - 1,
		 (unsigned long)self->vm.ram);
	EXPECT_EQ(0, strncmp(self->text, line, strlen(line)));
	snprintf(line, sizeof(line), "%u %llx %llx %lx l\n", SLOT, GPA / PAGE_SIZE, GPA / PAGE_SIZE + PAGES - 1,
		 (unsigned long)self->memory);
	EXPECT_NE(NULL, strstr(self->text, line));
}

TEST_F(debugfs, tables)
{
	u64 bitmap, gfn = GPA / PAGE_SIZE;
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = &bitmap };
	char line[128];

	map_pages(&self->vm, self->vcpu, self->memory);
	read_file(self->folder, "tables", self->text, 4096);
	snprintf(line, sizeof(line), "0 %lx %lx 4k rwx AD memory\n", gfn, gfn + PAGES - 1);
	EXPECT_NE(NULL, strstr(self->text, line));
	if (!strstr(self->text, line))
		TH_LOG("%s", self->text);

	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_GET_DIRTY_LOG, &log));
	call_wait_sync(self->vcpu, 2);
	read_file(self->folder, "tables", self->text, 4096);
	snprintf(line, sizeof(line), "0 %lx %lx 4k rlx A memory\n", gfn, gfn + 4);
	EXPECT_NE(NULL, strstr(self->text, line));
	snprintf(line, sizeof(line), "0 %lx %lx 4k rwx AD memory\n", gfn + 5, gfn + 5);
	EXPECT_NE(NULL, strstr(self->text, line));
	snprintf(line, sizeof(line), "0 %lx %lx 4k rlx A memory\n", gfn + 6, gfn + PAGES - 1);
	EXPECT_NE(NULL, strstr(self->text, line));
}

TEST_F(debugfs, statistics)
{
	int fd = statistics_open(self->vm.fd);
	char line[128];

	map_pages(&self->vm, self->vcpu, self->memory);
	read_file(self->folder, "statistics", self->text, 4096);
	snprintf(line, sizeof(line), "vm pages_4k %lu\n", statistic(fd, "pages_4k"));
	EXPECT_EQ(0, strncmp(self->text, line, strlen(line)));
	EXPECT_NE(NULL, strstr(self->text, "\nvcpu-0 exits "));
	EXPECT_EQ(NULL, strstr(self->text, "\nvcpu-1 "));
	close(fd);
}

/* Byte by byte it is the same. Not compared are numbers, which the host's own invalidations move. */
TEST_F(debugfs, small_reads)
{
	static const char *const names[] = { "slots", "tables" };
	char *other = malloc(TEXT);
	u32 i;

	map_pages(&self->vm, self->vcpu, self->memory);
	for (i = 0; i < 2; i++) {
		read_file(self->folder, names[i], self->text, 4096);
		EXPECT_STREQ(self->text, read_file(self->folder, names[i], other, 1));
	}
	free(other);
}

/* Whoever still has a file open when the VM goes reads no more. */
TEST_F(debugfs, ends_with_the_vm)
{
	int fd = open_file(self->folder, "tables");
	char byte;

	map_pages(&self->vm, self->vcpu, self->memory);
	EXPECT_EQ(1, read(fd, &byte, 1));
	vm_destroy(&self->vm);
	EXPECT_EQ(-1, read(fd, &byte, 1));
	EXPECT_EQ(EIO, errno);
	EXPECT_FALSE(find_folder(self->folder, sizeof(self->folder)));
	close(fd);
	vm_create(&self->vm, 0);
}

static volatile bool reading;

static void *read_all_the_time(void *folder)
{
	static char text[TEXT];

	while (reading)
		read_file(folder, "tables", text, 100);
	return NULL;
}

static void guest_goes_round(u64 base)
{
	int round, i;

	for (round = 0; round < 200; round++) {
		for (i = 0; i < PAGES; i++)
			*(volatile u64 *)(base + i * PAGE_SIZE) = i;
		guest_sync(1);
	}
}

/* Readers meet tables that come and go. */
TEST_F(debugfs, beside_changes)
{
	pthread_t thread;
	int round;

	ASSERT_EQ(0, vm_slot(&self->vm, SLOT, 0, GPA, PAGES * PAGE_SIZE, self->memory));
	vcpu_set_guest(self->vcpu, guest_goes_round, GPA);
	reading = true;
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_all_the_time, self->folder));
	for (round = 0; round < 200; round++) {
		call_wait_sync(self->vcpu, 1);
		ASSERT_EQ(0, madvise(self->memory, PAGES * PAGE_SIZE, MADV_DONTNEED));
		if (round % 20 == 0) {
			ASSERT_EQ(0, vm_slot(&self->vm, SLOT, 0, 0, 0, NULL));
			ASSERT_EQ(0, vm_slot(&self->vm, SLOT, 0, GPA, PAGES * PAGE_SIZE, self->memory));
		}
	}
	call_wait_done(self->vcpu);
	reading = false;
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

TEST_HARNESS_MAIN
