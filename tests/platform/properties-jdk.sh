#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Our reading and writing of properties files against java.util.Properties.
# Usage: properties-jdk.sh TEST-PROPERTIES SOURCE-FOLDER
set -eu
command -v java >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/files"
"$1" generate "$folder/files" 3000
"$1" dump "$folder"/files/* >"$folder/ours"
java -Xshare:auto -XX:TieredStopAtLevel=1 "$2/PropertiesDump.java" "$folder"/files/* >"$folder/theirs"
diff -u "$folder/theirs" "$folder/ours" | head -n 40
cmp "$folder/theirs" "$folder/ours"
echo "$(ls "$folder/files" | wc -l) files read alike"
