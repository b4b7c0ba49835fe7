#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Counts the results in these logs of Meson's (JSON): `N passed, N failed, N skipped`. A log that is not there is a failure.
set -eu
for log in "$@"; do
    cat "$log" 2>/dev/null || echo '{"result": "ERROR"}'
done | sed -n 's/.*"result": "\([A-Z]*\)".*/\1/p' | sort | uniq -c | awk '
    $2 == "OK" || $2 == "EXPECTEDFAIL" { passed += $1; next }
    $2 == "SKIP" { skipped += $1; next }
    { failed += $1 }
    END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed > 0 }'
