#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every command has a man page, and every option and value of a command stands in it: man.sh SOURCE PROGRAM…
set -eu
source=$1
shift
bad=0
for program in "$@"; do
    options=$("$program" --dump-options)
    while IFS="$(printf '\t')" read -r command option _; do
        page=$source/man/cpulift-$command.1.scd
        if [ ! -f "$page" ]; then
            echo "no man page for '$command'" >&2
            bad=1
        elif [ "$option" != --help ] && ! grep -qF -e "*$option*" "$page"; then
            echo "$page does not describe $option" >&2
            bad=1
        fi
    done <<EOF
$options
EOF
done
# What the tables of platforms, clouds and workloads name stands in the page of the command that takes it.
front=$1
while read -r command option; do
    # shellcheck disable=SC2086 # no option is no word
    for value in $("$front" --complete "$command" $option ''); do
        if ! grep -qF -e "$value" "$source/man/cpulift-$command.1.scd"; then
            echo "man/cpulift-$command.1.scd does not describe $value" >&2
            bad=1
        fi
    done
done <<EOF
apply --platform
apply --channel
render --platform
bench
EOF
exit $bad
