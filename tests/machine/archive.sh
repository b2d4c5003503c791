# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Making the cpio archives that an initramfs is the sum of.

# archive FOLDER: write its archive to standard output; the same files give the
# same bytes.
archive() (
	cd "$1" || exit
	find . -exec touch -h -d @0 {} + || exit
	find . | LC_ALL=C sort | cpio -o -H newc --quiet --reproducible -R 0:0
)

# archive_busybox TREE: put busybox and a link for each of its programs into TREE.
archive_busybox() {
	local program
	mkdir -p "$1/bin" && cp /bin/busybox "$1/bin/" || return
	for program in $(/bin/busybox --list); do
		[ "$program" = busybox ] || ln -s busybox "$1/bin/$program" || return
	done
}

# archive_modules KERNEL-FOLDER NAME TREE MODULE...: put each MODULE of that kernel,
# and before it what it depends on, into TREE's /lib/modules, uncompressed, and
# the order of loading into NAME.order.
archive_modules() {
	local kernel=$1 name=$2 to=$3/lib/modules file module
	shift 3
	mkdir -p "$to"
	: >"$to/$name.order"
	for module; do
		modprobe -d "$kernel" -S "$(cat "$kernel/release")" --show-depends "$module" ||
			return
	done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' |
		while read -r file; do
			module=$(basename "${file%%.ko*}")
			module=${module//-/_}
			archive_unpack "$file" >"$to/$module.ko" || return
			printf '%s\n' "$module" >>"$to/$name.order"
		done
	[ "${PIPESTATUS[*]}" = "0 0 0 0" ]
}

archive_unpack() {
	case $1 in
	*.xz) xz -dc "$1" ;;
	*.zst) zstd -qdc "$1" ;;
	*) cat "$1" ;;
	esac
}
