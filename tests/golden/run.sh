#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# run.sh BUILD [CASE…]: runs the command of each case (a folder with `cmd`, its inputs, expected.out, expected.err and
# expected.exit) on the programs in BUILD, in a copy of the folder, and compares. $COMMON is the folder of shared inputs.
# CASES is a pattern of those that are meant where none is named. UPDATE_GOLDEN=1 writes what came out as what is expected: read the diff before committing it.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 1
build=$(cd "$1" && pwd) || exit 1
shift
[ $# -gt 0 ] || set -- "$here"/${CASES:-*}/cmd
PATH="$build:$PATH" COMMON="$here/common" LC_ALL=C
export PATH COMMON LC_ALL
unset LIBVIRT_DEFAULT_URI
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

run_case() {
    rm -rf "$scratch/case"
    cp -R "$here/$1" "$scratch/case"
    rm -f "$scratch/case"/expected.*
    (cd "$scratch/case" && sh ./cmd >"$scratch/out" 2>"$scratch/err" </dev/null
     echo $? >"$scratch/exit")
    same=0
    for part in out err exit; do
        if [ -n "${UPDATE_GOLDEN:-}" ]; then
            cp "$scratch/$part" "$here/$1/expected.$part"
        elif ! diff -a -u "$here/$1/expected.$part" "$scratch/$part" >&2; then
            same=1
        fi
    done
    return $same
}

failed=0 number=0
echo "1..$#"
for path; do
    name=$(basename "${path%/cmd}")
    number=$((number + 1))
    if run_case "$name"; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
        failed=1
    fi
done
exit $failed
