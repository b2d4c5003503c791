# SPDX-License-Identifier: GPL-2.0-only
#
# Pass on the output of a part of the tests, count the test points of the TAP in
# it, and end with "N passed, N failed, N skipped". There may be several streams
# one after the other. Less than was planned, no plan at all, "Bail out!" and a
# bad status without a failed point each count as one more failure.
#
# In: the output, and after it a line "# status of PART: N". The counts are added
# to the file `sums`, for the total.

{ print; fflush() }

/^1\.\.[0-9]+/ {
	plans++
	planned += substr($1, 4)
	if ($1 == "1..0" && /# *SKIP/)
		skipped++
}
/^ok( |$)/ { points++; if (/# *SKIP/) skipped++; else passed++ }
/^not ok( |$)/ { points++; if (/# *(SKIP|TODO)/) skipped++; else failed++ }
/^Bail out!/ { failed++ }
/^# status of / { status = $NF }

function complain(text)
{
	failed++
	print "# failed: " text
}

END {
	if (!plans)
		complain("no TAP")
	else if (planned != points)
		complain("planned " planned " tests, saw " points)
	if (status != 0 && !failed)
		complain("ended with status " status)
	printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
	print passed + 0, failed + 0, skipped + 0 >>sums
	exit failed > 0
}
