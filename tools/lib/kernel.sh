# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# How a kernel's build system would compile a file of the module: read from what
# it does with an empty one, so that many files can be looked at without a build.

# shellcheck source=../../tests/machine/lib.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../tests/machine/lib.sh"

# kernel_command SERIES FOLDER: leave in FOLDER the links "headers" and, one word a
# line, the file "command": how to compile for that kernel, to be run in headers/.
kernel_command() {
	local folder=$2 probe=$2/probe
	mkdir -p "$probe" &&
		ln -sfn "$("$top_dir/tests/machine/kernel" "$1")/headers" "$folder/headers" &&
		ln -sfn "$top_dir/src" "$probe/src" &&
		ln -sfn "$top_dir/include" "$probe/include" || return
	{
		grep -E '^(include|(compat-)?ccflags-y)\>' "$top_dir/Kbuild"
		printf 'obj-m := empty.o\n'
	} >"$probe/Kbuild"
	printf 'extern int empty;\n' >"$probe/empty.c"
	if ! make -s -C "$folder/headers/" M="$probe" empty.o >"$folder/log" 2>&1; then
		cat "$folder/log"
		return 1
	fi
	# shellcheck disable=SC2016 # the file has these $ as they are
	# The file says "savedcmd_PATH := COMPILER ARGUMENTS -c -o X X ; OBJTOOL …".
	sed -n 's/^[^ ]*cmd_[^ ]* := //p' "$probe/.empty.o.cmd" | head -n 1 |
		sed 's/ -c -o .*//; s/\$(pound)/#/g; s/\$\$/$/g' | xargs printf '%s\n' |
		grep -v '^-Wp,-M' >"$folder/command"
}
