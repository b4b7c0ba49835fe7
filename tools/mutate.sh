#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Can the tests fail? Each line of tools/mutants.tsv (or of $MUTANTS) breaks one line of a private copy of the tree; unit, golden or property must
# notice. Ends with `N killed, N survived`; the exit status is 1 when one survives, or cannot be tried because its text is gone or it does not build.
set -eu
unset LIBRARY_PATH CPATH LD_LIBRARY_PATH
cd "$(dirname "$0")/.."
mutants=$(realpath "${MUTANTS:-tools/mutants.tsv}")
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
trap 'exit 1' HUP INT TERM
git ls-files -z | xargs -0 cp -P --parents -t "$copy"
cd "$copy"
log=$copy/mutate.log

# The suites, quickest first; the first test that fails is enough.
passes() {
    for suite in unit golden property; do
        meson test -C build --no-rebuild --maxfail 1 --suite "$suite" >"$log" 2>&1 || return 1
    done
}
name_killer() {
    sed -n 's/^ *[0-9]*\/[0-9]* *\(.*[^ ]\)  *\(FAIL\|TIMEOUT\|ERROR\) .*/\2 \1/p' "$log" | head -n 1
}
# FILE OLD NEW: prints the file with OLD, which must stand in it once, replaced by NEW.
replace() {
    old=$2 new=$3 awk '
        { text = text $0 "\n" }
        END {
            old = ENVIRON["old"]
            at = index(text, old)
            if (at == 0 || index(substr(text, at + 1), old) > 0) { exit 1 }
            printf "%s%s%s", substr(text, 1, at - 1), ENVIRON["new"], substr(text, at + length(old))
        }' "$1"
}

meson setup -Dwerror=false -Dddg=disabled -Dintegration=false build >"$log" 2>&1 && ninja -C build >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
passes || { cat "$log" >&2; echo 'mutate: the tests fail on the tree as it is; mend that first' >&2; exit 1; }

killed=0 survived=0 untried=0
tab=$(printf '\t')
while IFS=$tab read -r file old new wrong <&3; do
    case $file in '#'* | '') continue ;; esac
    cp "$file" whole
    if ! replace whole "$old" "$new" >"$file"; then
        untried=$((untried + 1))
        echo "CANNOT APPLY $file: '$old' does not stand there once"
    elif ! ninja -C build >"$log" 2>&1; then
        untried=$((untried + 1))
        echo "DOES NOT BUILD $file: $wrong"
        cat "$log" >&2
    elif passes; then
        survived=$((survived + 1))
        echo "SURVIVED $file: $wrong"
    else
        killed=$((killed + 1))
        echo "killed $file: $wrong ($(name_killer))"
    fi
    cp whole "$file"
done 3<"$mutants"
[ "$untried" -eq 0 ] || echo "$untried could not be tried: mend tools/mutants.tsv"
echo "$killed killed, $survived survived"
[ $((survived + untried)) -eq 0 ] && [ "$killed" -gt 0 ]
