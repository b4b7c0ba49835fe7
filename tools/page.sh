#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# page.sh NAME SECTION SUMMARY FROM UNTIL FILE.md >PAGE.scd: the Markdown from the line FROM to before the line UNTIL (an empty one: to the
# end) as the text of a manual page. What README and docs say is said once, and read with man too.
set -eu
printf '%s(%s)\n\n# NAME\n\n%s - %s\n\n# DESCRIPTION\n' "$1" "$2" "$1" "$3"
awk -v from="$4" -v until="$5" '
function inline(s,    part, n, i, out) {
    s = drop_links(s)
    n = split(s, part, "`")
    for (i = 1; i <= n; i++) {
        if (i % 2 == 0) {
            gsub(/\\/, "\\\\", part[i]); gsub(/[*_]/, "\\\\&", part[i])
            out = out "*" part[i] "*"
        } else {
            gsub(/\*\*/, "*", part[i]); gsub(/_/, "\\_", part[i])
            out = out part[i]
        }
    }
    return out
}
function drop_links(s,    text) {
    while (match(s, /\[[^]]*\]\([^)]*\)/)) {
        text = substr(s, RSTART + 1, RLENGTH - 1)
        sub(/\].*/, "", text)
        s = substr(s, 1, RSTART - 1) text substr(s, RSTART + RLENGTH)
    }
    return s
}
$0 == from { on = 1; next }
until != "" && $0 == until { exit }
!on { next }
/^```/ { if (!code) print ""; print "```"; code = !code; next }
code { print; next }
/^\| --- / || /^\| (member|column|reason) / { next }
/^\|/ {
    n = split($0, cell, / *\| */)
    printf "\n%s\n", inline(cell[2])
    for (i = 3; i < n; i++) printf "\t%s%s", inline(cell[i]), i + 1 < n ? ";\n" : "\n"
    next
}
/^##+ / { sub(/^##+ /, ""); printf "\n# %s\n", toupper($0); next }
{ print inline($0) }' "$6"
