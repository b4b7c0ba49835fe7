#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# gate.sh NAME [FILE…]: one check of the sources, of all that git knows where no file is named. tests/gates.sh proves that each can fail.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
name=$1
shift
[ $# -gt 0 ] || cd "$top"

layout() {
    clang-format --dry-run -Werror "$@"
}
# SC2154: variables that the test runner or a sourced file sets.
scripts() {
    shellcheck -S warning -e SC2154 "$@"
}
cases() {
    shellcheck -s sh -S warning -e SC2154 "$@"
}
spelling() {
    codespell --ignore-regex '\\[a-z]' --ignore-words "$top/tools/spelling.txt" "$@"
}
# The length of functions is clang-tidy's part (.clang-tidy).
sizes() {
    awk 'FNR == 501 { print FILENAME ": more than 500 lines; cut it by subject" | "cat >&2"; bad = 1 } END { exit bad }' "$@"
}
# By the build folder's own commands ($BUILD, else build), each file once, on every processor. Without any command clang-tidy passes
# over every file and says that all is well. It counts for each file the warnings that it does not show.
tidy() {
    commands=${BUILD:-build}/compile_commands.json
    grep -qs '"command"' "$commands" || { echo "$commands: no commands; build first" >&2; return 1; }
    said=$(printf '%s\n' "$@" | xargs -P "$(nproc)" -n 4 clang-tidy -p "${BUILD:-build}" --quiet 2>&1) ||
        { echo "$said" | grep -v '^[0-9]* warnings\{0,1\} generated\.$' >&2; return 1; }
}
# Scripts are known by their first line, whatever their names.
list_scripts() {
    git ls-files | while read -r file; do
        case $file in
        *.sh | *.bash) echo "$file" ;;
        *) if [ -x "$file" ] && head -n 1 "$file" | grep -qaE '^#!.*[/ ](ba|da)?sh( |$)'; then echo "$file"; fi ;;
        esac
    done
}
list() {
    case $name in
    layout) git ls-files '*.c' '*.h' ;;
    scripts) list_scripts ;;
    cases) git ls-files 'tests/golden/*/cmd' ;;
    spelling) git ls-files . ':!tests/fuzz/corpus' ':!tests/fuzz/merged' ':!tests/golden/*/[!c]*' ;;
    sizes) git ls-files 'src/*.[chS]' 'src/*.def' 'workloads/*.[ch]' 'workloads/*.def' 'tests/*.[ch]' 'tests/*.sh' 'tests/*.py' 'tools/*.sh' ;;
    tidy) git ls-files 'src/*.c' 'workloads/*.c' 'tests/*.c' ;;
    *) echo "gate.sh: no gate is called '$name'" >&2; exit 64 ;;
    esac
}
# shellcheck disable=SC2046 # names without blanks: the gate would stop at one, not pass it over
[ $# -gt 0 ] || set -- $(list)
[ $# -gt 0 ] || { echo "gate.sh $name: there is nothing to check here" >&2; exit 2; }
"$name" "$@"
