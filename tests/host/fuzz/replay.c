// SPDX-License-Identifier: GPL-2.0-only
/*
 * main() of a fuzz target without libFuzzer: runs the inputs of the folders and files
 * named on the command line, one test point for each.  Inputs are text: bytes in
 * hexadecimal, "#" begins a comment.
 */
#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

#define INPUT_MAX	65536
#define FILES_MAX	4096

static char *files[FILES_MAX];
static int nr_files;

static void add_file(const char *path)
{
	if (nr_files < FILES_MAX)
		files[nr_files++] = strdup(path);
}

static void add(const char *path)
{
	struct dirent **entries;
	struct stat st;
	char name[4096];
	int i, n;

	if (stat(path, &st)) {
		perror(path);
		exit(2);
	}
	if (!S_ISDIR(st.st_mode)) {
		add_file(path);
		return;
	}
	n = scandir(path, &entries, NULL, alphasort);
	for (i = 0; i < n; i++) {
		if (entries[i]->d_name[0] != '.') {
			snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
			add_file(name);
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

static int hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static size_t read_hex(const char *path, uint8_t *data)
{
	FILE *file = fopen(path, "r");
	int c, high = -1, digit;
	size_t n = 0;

	if (!file) {
		perror(path);
		exit(2);
	}
	while ((c = getc(file)) != EOF && n < INPUT_MAX) {
		while (c == '#')
			while ((c = getc(file)) != EOF && c != '\n')
				;
		digit = hex_digit(c);
		if (digit < 0)
			continue;
		if (high >= 0)
			data[n++] = high << 4 | digit;
		high = high >= 0 ? -1 : digit;
	}
	fclose(file);
	return n;
}

int main(int argc, char **argv)
{
	static uint8_t buf[INPUT_MAX];
	uint8_t *data;
	size_t size;
	int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	LLVMFuzzerInitialize(&argc, &argv);
	for (i = 1; i < argc; i++)
		add(argv[i]);
	printf("TAP version 13\n1..%d\n", nr_files);
	for (i = 0; i < nr_files; i++) {
		size = read_hex(files[i], buf);
		/* Of its very size, for the address sanitizer. */
		data = malloc(size ? size : 1);
		memcpy(data, buf, size);
		LLVMFuzzerTestOneInput(data, size);
		free(data);
		printf("ok %d - %s\n", i + 1, strrchr(files[i], '/') ? strrchr(files[i], '/') + 1 : files[i]);
	}
	return 0;
}
