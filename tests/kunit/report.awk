# SPDX-License-Identifier: GPL-2.0-only
#
# Turn the results of KUnit suites, one after the other, into test points of one TAP
# stream; `where` names the machine. A parameterised case counts as its parameters. A
# suite that ran fewer cases than it has is a failed point of its own. What is left
# after "## leaks" are leaks. The plan is the caller's.

function point(verdict, text)
{
	printf "%s - %s: %s\n", verdict, where, text
}

# The text of a result line: without verdict and number.
function text_of(line)
{
	sub(/^ *(not )?ok [0-9]+ *(- *)?/, "", line)
	return line
}

function verdict_of(line)
{
	return line ~ /^ *not ok/ ? "not ok" : "ok"
}

/^## leaks/ { leaks = 1; next }
leaks { print "# " $0; leaked = 1; next }

/^    # Subtest: / { suite = substr($0, 16); suites++; seen = parameters = failed = 0; next }
/^    1\.\./ { planned = substr($1, 4) + 0; next }
/^        (not )?ok / {
	parameters++
	failed += verdict_of($0) == "not ok"
	point(verdict_of($0), suite ": " text_of($0))
	next
}
/^    (not )?ok / {
	seen++
	if (!parameters || (verdict_of($0) == "not ok" && !failed))
		point(verdict_of($0), suite ": " text_of($0))
	parameters = failed = 0
	next
}
/^(not )?ok / {
	if (seen < planned)
		point("not ok", suite ": planned " planned " tests, ran " seen)
	next
}
/^ *(KTAP version|# Subtest:|# module:|# .*pass:|# Totals:|1\.\.)/ || /^ *$/ { next }
{ sub(/^ *#? */, ""); print "# " $0 }
END {
	if (!suites)
		point("not ok", "no suite has run")
	if (leaks)
		point(leaked ? "not ok" : "ok", "nothing is left behind")
}
