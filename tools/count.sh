#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Counts the results in the test logs of these build folders: `N passed, N failed, N skipped`.
set -eu
for dir in "$@"; do
    cat "$dir/meson-logs/testlog.json" 2>/dev/null || echo '{"result": "ERROR"}'
done | sed -n 's/.*"result": "\([A-Z]*\)".*/\1/p' | sort | uniq -c | awk '
    $2 == "OK" || $2 == "EXPECTEDFAIL" { passed += $1; next }
    $2 == "SKIP" { skipped += $1; next }
    { failed += $1 }
    END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed > 0 }'
