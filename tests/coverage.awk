# SPDX-License-Identifier: GPL-2.0-only
#
# Merge gcov's texts ("count:number:line") and report on them; see coverage. A
# header has one text for each file that includes it.
#
# In: before the texts of one ring, a line "sources FOLDER", where its sources
# are. What lies elsewhere, or is no part of the module, does not count.

BEGIN { FS = ":" }

/^sources / { top = substr($0, 9) "/"; next }

$2 + 0 == 0 && $3 == "Source" {
	file = $0
	sub(/^[^:]*:[^:]*:Source:/, "", file)
	known = index(file, top "src/") == 1
	file = substr(file, length(top) + 1)
	next
}

# Not code, or between the instances of an inline function.
!known || $1 ~ /-$/ || $2 + 0 == 0 { next }

{
	line = file ":" ($2 + 0)
	if (!(line in reached)) {
		reached[line] = 0
		order[++lines] = line
	}
	if ($1 + 0 > 0)
		reached[line] = 1
}

function folders(    i, name, all, sort)
{
	sort = "LC_ALL=C sort"
	for (i = 1; i <= lines; i++) {
		name = order[i]
		sub(/\/[^\/]*$/, "", name)
		count[name]++
		covered[name] += reached[order[i]]
		all += reached[order[i]]
	}
	for (name in count)
		printf "%s\t%d\t%d\t%.1f\n", name, count[name], covered[name],
			100 * covered[name] / count[name] | sort
	close(sort)
	if (lines)
		printf "all\t%d\t%d\t%.1f\n", lines, all, 100 * all / lines
}

function uncovered(    i, sort)
{
	sort = "LC_ALL=C sort -t : -k 1,1 -k 2,2n"
	for (i = 1; i <= lines; i++)
		if (!reached[order[i]])
			print order[i] | sort
	close(sort)
}

END {
	if (report == "uncovered")
		uncovered()
	else
		folders()
}
