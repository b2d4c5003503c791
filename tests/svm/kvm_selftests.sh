# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The kernel's own KVM selftests, from Debian's source package, as they are. They
# are built static: the machine has no libc.

. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../machine/lib.sh"

kvm_selftests_dir=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
kvm_selftests_source=linux-source-6.12

# kvm_selftests: print the folder of the programs in the cache.
kvm_selftests() {
	cached "kvm-selftests/6.12-$(key 6.12 <"$kvm_selftests_dir/kvm_selftests.sh")" kvm_selftests_make
}

kvm_selftests_make() {
	local new=$1
	local log=$new/log
	say "building the kernel's own KVM selftests"
	need build-essential gcc-12 libc6-dev rsync xz-utils
	mkdir -p "$new/source" "$new/build" || return
	if ! kvm_selftests_steps "$new" >"$log" 2>&1; then
		tail -n 40 "$log" >&2
		return 1
	fi
	rm -rf "$new/source" "$new/build" "${new:?}/usr" "$log"
}

# Of the source only what the headers and the tests are made from.
kvm_selftests_steps() {
	local new=$1 from=$kvm_selftests_source
	unpack_packages "$new" "$from" &&
		tar -xJf "$new/usr/src/$from.tar.xz" -C "$new/source" --strip-components=1 \
			"$from/Makefile" "$from/arch/x86" "$from/include/uapi" \
			"$from/scripts" "$from/tools" "$from/usr" &&
		nice -n 19 make -s -C "$new/source" headers &&
		nice -n 19 make -s -C "$new/source/tools/testing/selftests/kvm" CC=gcc-12 \
			EXTRA_CFLAGS=-static OUTPUT="$new/build" -j"$(nproc)" &&
		kvm_selftests_install "$new"
}

kvm_selftests_install() {
	local new=$1 program
	for program in "$new"/build/* "$new"/build/x86_64/*; do
		if [ -f "$program" ] && [ -x "$program" ]; then
			strip -g -o "$new/${program##*/}" "$program" || return
		fi
	done
}

# kvm_selftests_folder FROM TO: put into TO what a machine needs for the tests that
# the list on standard input names.
kvm_selftests_folder() {
	local name
	rm -rf "$2"
	mkdir -p "$2/kvm" && cp "$kvm_selftests_dir/kvm_selftest" "$2/" || return
	while IFS=$'\t' read -r name _; do
		cp "$1/$name" "$2/kvm/" && ln -sf kvm_selftest "$2/$name" || return
	done
}
