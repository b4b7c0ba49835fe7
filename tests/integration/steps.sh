# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# For tests of what documents show: commands that are run as they stand, and what they print. Sourced.

# Each `$ COMMAND` in the code of standard input becomes FOLDER/NN.cmd, and the lines below it NN.out.
split_steps() { # FOLDER
    mkdir -p "$1"
    awk -v folder="$1" '/^```/ { code = !code; next } !code { next }
         /^\$ / { name = sprintf("%s/%02d", folder, ++n); print substr($0, 3) >(name ".cmd"); printf "" >(name ".out"); next }
         { print >(name ".out") }'
}
# `…` in what is wanted is for anything.
matches() { # WANTED GOT
    pattern=$(sed 's/[][*?\\]/\\&/g; s/…/*/g' "$1"; echo .)
    # shellcheck disable=SC2254 # a pattern, made above
    case "$(cat "$2"; echo .)" in
    $pattern) ;;
    *) return 1 ;;
    esac
}
# Runs STEP.cmd. False where it fails, or prints something else than STEP.out while $other is empty.
run_step() { # STEP
    sh "$1.cmd" >"$1.got" 2>&1 </dev/null
    status=$?
    # diff says 1 where the documents differ, as they do here
    case $status,$(cat "$1.cmd") in
    0,* | 1,'cpulift diff '*) ;;
    *) return 1 ;;
    esac
    [ -n "$other" ] || matches "$1.out" "$1.got"
}
