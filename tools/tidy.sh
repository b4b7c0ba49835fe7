#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# clang-tidy over all our sources, by the build folder's own commands: tidy.sh BUILD
set -eu
cd "$(dirname "$0")/.."
command -v clang-tidy >/dev/null || { echo "clang-tidy is missing: install the package clang-tidy" >&2; exit 2; }
git ls-files 'src/*.c' 'workloads/*.c' | xargs -P 2 -n 4 clang-tidy -p "$1" --quiet
