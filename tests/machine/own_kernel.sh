# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The project's own kernels, from Debian's source package: `small`, which boots
# fast and has KUnit, and `debug`, which has KASAN, lockdep, kmemleak and fault
# injection besides. config/ says what is in them.

. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib.sh"

own_source=linux-source-6.12

# own_kernel NAME: print its folder in the cache.
own_kernel() {
	local fragments=("$machine_dir/config/small")
	[ "$1" = small ] || fragments+=("$machine_dir/config/$1")
	cached "kernels/$1-$(cat "${fragments[@]}" "$machine_dir/own_kernel.sh" | key "$1")" \
		own_kernel_make "${fragments[@]}"
}

# own_kernel_make FRAGMENT... FOLDER
own_kernel_make() {
	local new=${*: -1}
	local log=$new/log
	say "building a kernel of the project's own; this takes a quarter of an hour"
	need build-essential gcc-12 bc bison flex libelf-dev libssl-dev xz-utils kmod rsync
	mkdir -p "$new/source" "$new/build" || return
	if ! (own_kernel_steps "$@") >"$log" 2>&1; then
		tail -n 40 "$log" >&2
		return 1
	fi
	rm -rf "$new/source" "$new/build" "${new:?}/usr" "$log"
}

own_kernel_steps() {
	local new=${*: -1}
	unpack_packages "$new" "$own_source" &&
		tar -xJf "$new/usr/src/$own_source.tar.xz" -C "$new/source" --strip-components=1 &&
		own_kernel_configure "$@" &&
		own_kernel_compile "$new" vmlinux modules &&
		own_kernel_install "$new"
}

own_kernel_install() {
	local new=$1 release
	release=$(cat "$new/build/include/config/kernel.release") || return
	own_kernel_compile "$new" INSTALL_MOD_PATH="$new" INSTALL_MOD_STRIP=1 modules_install &&
		own_kernel_compile "$new" run-command \
			KBUILD_RUN_COMMAND="$new/source/scripts/package/install-extmod-build $new/headers" &&
		objcopy --strip-debug "$new/build/vmlinux" "$new/image" &&
		rm -f "$new/lib/modules/$release/build" "$new/lib/modules/$release/source" &&
		printf '%s\n' "$release" >"$new/release"
}

own_kernel_compile() {
	local new=$1
	shift
	nice -n 19 make -C "$new/source" O="$new/build" CC=gcc-12 -j"$(nproc)" "$@"
}

own_kernel_configure() {
	local new=${*: -1}
	own_kernel_compile "$new" tinyconfig &&
		cat "${@:1:$#-1}" >>"$new/build/.config" &&
		own_kernel_compile "$new" olddefconfig &&
		cat "${@:1:$#-1}" | own_kernel_verify "$new/build/.config"
}

# Does the configuration $1 hold what the fragments on standard input ask for? An
# option that silently stays off is a test that silently does not happen.
own_kernel_verify() {
	local line option lost=0
	while read -r line; do
		case $line in
		"# CONFIG_"*" is not set")
			option=${line#\# }
			! grep -q "^${option%% *}=" "$1" ;;
		CONFIG_*) grep -qxF "$line" "$1" ;;
		*) true ;;
		esac || { echo "not in the configuration: $line"; lost=1; }
	done
	return $lost
}
