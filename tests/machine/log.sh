# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What a kernel says in its log when something is wrong in it. Only what comes after
# init began counts.

complaint='WARNING:|\bBUG:|Oops|KASAN|UBSAN|lockdep|possible (recursive|circular)'
complaint+='|rcu: INFO|soft lockup|hung_task|blocked for more than|general protection'
complaint+='|kernel panic|memory leak|unreferenced object|Call Trace'

# log_complaint FILE: print the first complaint and what is around it. A data race
# counts if an access or the caller of one is in a module of ours: the kernel itself
# lives with races, of its clocks for instance, wherever it is called from. What it
# says when memory was denied to it is no complaint either: tests deny memory.
log_complaint() {
	tr -d '\r' <"$1" | awk '
		/Run \/init/ && !begun { begun = 1; next }
		!begun { next }
		/==================================================/ {
			hold()
			inside = 1
			next
		}
		inside && lines == 0 && !/BUG: KCSAN/ { inside = 0; print; next }
		inside { held = held $0 "\n"; lines++; next }
		/vmalloc error: .*(alloc|failed to map)/ { denied = 1 }
		denied { if (/pages reserved$/) denied = 0; next }
		{ print }
		function hold()
		{
			if (held ~ /by (task|interrupt)[^\n]*:\n([^\n]*\n)?[^\n]*\[quire/)
				printf "%s", held
			held = ""
			lines = 0
		}
		END { hold() }' |
		grep -aiE -m1 -B 5 -A 40 "$complaint"
}
