#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every command has a man page and stands in cpulift(1), whose list is made, and every option and value of a command stands in its page:
# man.sh SOURCE BUILD PROGRAM…
set -eu
source=$1 build=$2
shift 2
bad=0
complain() {
    echo "$*" >&2
    bad=1
}
index=$(cat "$build/man/cpulift.1.scd")
has() { # TEXT WORD
    case $1 in *"$2"*) ;; *) return 1 ;; esac
}
for program in "$@"; do
    options=$("$program" --dump-options)
    last=
    while IFS="$(printf '\t')" read -r command option _; do
        page=$source/man/cpulift-$command.1.scd
        if [ "$command" != "$last" ]; then
            last=$command text=
            [ -f "$page" ] && text=$(cat "$page") || complain "no man page for '$command'"
            has "$index" "*$command*" && has "$index" "*cpulift-$command*(1)" ||
                complain "cpulift(1) does not list '$command' among the commands and the pages"
        fi
        [ "$option" = --help ] || has "$text" "*$option*" || complain "$page does not describe $option"
    done <<EOF
$options
EOF
done
# What the tables of platforms, clouds and workloads name stands in the page of the command that takes it.
front=$1
while read -r command option; do
    # shellcheck disable=SC2086 # no option is no word
    for value in $("$front" --complete "$command" $option ''); do
        grep -qF -e "$value" "$source/man/cpulift-$command.1.scd" || complain "man/cpulift-$command.1.scd does not describe $value"
    done
done <<EOF
apply --platform
apply --channel
render --platform
bench
EOF
exit $bad
