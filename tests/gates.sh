#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# gates.sh SOURCE: each check of the sources (tools/gate.sh, tests/layers.sh) passes what is good and stops, by name, what is bad. A gate
# that cannot fail is none. TAP.
set -u
source=$1
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cp "$source/.clang-format" "$source/.clang-tidy" "$scratch" || exit 1
cd "$scratch" || exit 1
echo '[' >compile_commands.json
for kind in good bad; do
    file=$scratch/tidy.$kind.c
    echo "{\"directory\": \"$scratch\", \"file\": \"$file\", \"command\": \"cc -c $file\"}," >>compile_commands.json
done
echo '{"directory": "/", "file": "/last.c", "command": "cc -c /last.c"}]' >>compile_commands.json
BUILD=$scratch
export BUILD

lines() { # COUNT TEXT
    yes "$2" | head -n "$1"
}
function_of() { # LINES
    printf 'int f(int x);\nint f(int x)\n{\n'
    lines $(($1 - 2)) '    x += x;'
    printf '    return x;\n}\n'
}
printf 'int x;\n' >layout.good.c
printf 'int  x ;\n' >layout.bad.c
printf '#!/bin/sh\necho "$1"\n' >scripts.good
printf '#!/bin/sh\ncd /nowhere\n' >scripts.bad
printf 'cd /nowhere || exit 1\n' >cases.good
printf 'cd /nowhere\n' >cases.bad
printf 'separate "\\truns"\n' >spelling.good
printf 'seperate\n' >spelling.bad
lines 500 'int x;' >sizes.good.c
lines 501 'int x;' >sizes.bad.c
function_of 60 >tidy.good.c
function_of 64 >tidy.bad.c
for kind in good bad worse circle long room new angle; do
    mkdir -p "layers.$kind/src/core" "layers.$kind/src/mask/look"
done
echo '#include "base/text.h"' >layers.good/src/core/a.c
echo '#include "cli/command.h"' >layers.bad/src/core/a.c
echo '#include "mask/trace/task.h"' >layers.room/src/mask/look/a.c
mkdir layers.new/src/attic && echo '#include "cli/command.h"' >layers.new/src/attic/a.c
echo '#include <core/b.h>' >layers.angle/src/core/a.c
echo '#include <libvirt/libvirt.h>' >layers.worse/src/core/a.c
include() { # FOLDER FILE INCLUDED [COMMENT]
    echo "#include \"core/$3\"${4:-}" >>"layers.$1/src/core/$2"
}
include good b.c b.h
include good b.c c.h ' // circle: they call each other'
include good c.c c.h
include good c.h b.h
include circle a.c b.h
include circle b.c a.h
include long a.c b.h
include long b.c middle.h
include long middle.h c.h
include long c.c a.h

number=0 failed=0
say() { # SAME-AS NAME
    number=$((number + 1))
    word=ok
    [ "$1" = "$2" ] || { word='not ok' failed=1; sed 's/^/# /' said; }
    echo "$word $number - $3"
}
judge() { # WHAT WANTED COMMAND…: `bad` is a failure that names the sample
    what=$1 wanted=$2
    shift 2
    got=good
    "$@" >said 2>&1 || { got=broken; grep -q -e '\.bad' -e '/a\.c' -e src/attic said && got=bad; }
    say "$wanted" "$got" "$what: a sample that is $wanted"
}
gate() { # NAME PROGRAM SUFFIX
    if ! command -v "$2" >/dev/null; then
        number=$((number + 1))
        echo "ok $number - $1 # SKIP $2 is missing"
        return
    fi
    for kind in good bad; do
        judge "$1" $kind "$source/tools/gate.sh" "$1" "$scratch/$1.$kind$3"
    done
}
gate layout clang-format .c
gate scripts shellcheck ''
gate cases shellcheck ''
gate spelling codespell ''
gate sizes awk .c
gate tidy clang-tidy .c
mkdir tidy.bad
echo '[]' >tidy.bad/compile_commands.json
judge 'tidy without commands' bad env BUILD=tidy.bad "$source/tools/gate.sh" tidy "$scratch/tidy.good.c"
judge layers good "$source/tests/layers.sh" layers.good
judge layers bad "$source/tests/layers.sh" layers.bad
judge layers bad "$source/tests/layers.sh" layers.worse
judge layers bad "$source/tests/layers.sh" layers.room
judge layers bad "$source/tests/layers.sh" layers.new
judge layers bad "$source/tests/layers.sh" layers.angle
judge circles bad "$source/tests/layers.sh" layers.circle
judge circles bad "$source/tests/layers.sh" layers.long
printf '1..%d\n' "$number"
exit $failed
