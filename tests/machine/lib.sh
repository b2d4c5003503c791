# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the scripts of the test machine share: messages, packages, and the cache.
#
# The cache ($QUIRE_CACHE) holds everything that is downloaded or built, each
# thing in a folder or file whose name says what it was made from. A thing is
# made under a temporary name while its lock is held and renamed when it is
# whole, so that runs at the same time, and runs that are cut off, do no harm.
# The whole cache may be removed at any time when no machine is being started.

set -u

machine_dir=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
# shellcheck disable=SC2034 # for the scripts that read this file
top_dir=$(cd "$machine_dir/../.." && pwd)
cache_dir=${QUIRE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/quire}

say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# The status 125 tells "the machine could not start" from the command's own.
die() {
	say "$*"
	exit 125
}

# apt ARGUMENTS...: apt-get, silent unless it fails. Package lists may be
# missing or out of date on a fresh machine: fetch them and try once more.
apt() {
	local log
	log=$(mktemp)
	if ! apt_once "$@" >"$log" 2>&1; then
		apt_once update >>"$log" 2>&1
		if ! apt_once "$@" >>"$log" 2>&1; then
			cat "$log" >&2
			rm -f "$log"
			return 1
		fi
	fi
	rm -f "$log"
}

apt_once() {
	DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		-o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@" </dev/null
}

# need PACKAGE...: install those that are missing.
need() {
	local package missing=()
	for package; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
			missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	[ "$(id -u)" = 0 ] ||
		die "these packages are missing and only root can install them: ${missing[*]}"
	say "installing ${missing[*]}"
	apt install --no-install-recommends "${missing[@]}" ||
		die "could not install ${missing[*]}"
}

# unpack_packages FOLDER PACKAGE...: download the packages and unpack them there.
unpack_packages() {
	local new=$1 package
	shift
	say "fetching $*"
	mkdir -p "$new/packages" && (cd "$new/packages" && apt download "$@") || return
	for package in "$new"/packages/*.deb; do
		dpkg-deb -x "$package" "$new" || return
	done
	rm -rf "$new/packages"
}

# cached NAME MAKER [ARGUMENT...]: print the path of NAME in the cache. If it is
# not there, "MAKER ARGUMENT... PATH" makes it as PATH first. PATH lies beside
# the place where the thing will be, so a maker that needs to know the final
# place takes it from "$cache_dir/NAME".
cached() {
	local name=$1
	shift
	if ! [ -e "$cache_dir/$name" ]; then
		mkdir -p "$(dirname "$cache_dir/$name")" "$cache_dir/locks" ||
			die "cannot write to the cache $cache_dir"
		cached_make "$name" "$@" >&2 || return
	fi
	printf '%s\n' "$cache_dir/$name"
}

cached_make() (
	name=$1
	shift
	exec 9>"$cache_dir/locks/${name//\//,}" || exit
	flock 9
	[ ! -e "$cache_dir/$name" ] || exit 0
	new=$cache_dir/${name%/*}/.new.${name##*/}
	rm -rf "$new"
	"$@" "$new" 9>&- || { rm -rf "$new"; exit 1; }
	mv -T "$new" "$cache_dir/$name"
)

# key WORD...: a short name for what standard input and the words hold.
key() {
	{ printf '%s\n' "$@"; cat; } | sha256sum | cut -c1-16
}
