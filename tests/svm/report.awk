# SPDX-License-Identifier: GPL-2.0-only
#
# Turn the output of suite into test points of one TAP stream, each named for
# its program; `where` names the machine. A program that prints no TAP, or fewer
# points than it planned, or fails though none of its points did, is a failed
# point of its own, and so is one whose end was not seen. What is not TAP becomes
# a comment. The plan is the caller's.

function point(verdict, text)
{
	printf "%s - %s: %s: %s\n", verdict, where, program, text
}

function finish(status)
{
	if (bail)
		point("not ok", "bailed out")
	else if (status == 143 || status == 137 || status == 124)
		point("not ok", "ended by its time limit or a signal")
	else if (planned == "")
		point("not ok", "no plan in its output")
	else if (planned == 0 && !seen)
		point("ok", "nothing to run # SKIP " reason)
	else if (seen < planned)
		point("not ok", "planned " planned " tests, ran " seen)
	else if (status != 0 && !failed && !(status == 4 && seen == skipped))
		point("not ok", "ended with status " status)
	program = ""
}

/^## begin / {
	program = $3
	planned = reason = ""
	seen = failed = skipped = bail = 0
	next
}
/^## end / && $3 == program { finish($4); next }
program == "" || /^$/ || /^TAP version/ || /^# *(RUN|OK) / { next }
/^1\.\.[0-9]+/ {
	planned = substr($1, 4) + 0
	reason = $0
	sub(/^[^#]*(# *SKIP)? */, "", reason)
	next
}
/^(not )?ok( |$)/ {
	seen++
	verdict = /^not/ ? "not ok" : "ok"
	text = $0
	sub(/^(not )?ok *[0-9]* *(- *)?/, "", text)
	failed += verdict != "ok" && text !~ /# *(SKIP|TODO)/
	skipped += text ~ /# *SKIP/
	point(verdict, text)
	next
}
/^Bail out!/ { bail = 1 }
{ sub(/^# */, ""); print "# " $0 }
END {
	if (program != "")
		point("not ok", "the machine ended while it ran")
}
