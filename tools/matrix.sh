#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the check has no time for: matrix.sh LEG…, or all legs.
#   threads   what has threads (the agent, a scan, a proof), under ThreadSanitizer
#   memory    the agent under valgrind
#   narrow    all but `run` in a bare 32-bit Debian: unit tests and laws (root)
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
unset LIBRARY_PATH CPATH LD_LIBRARY_PATH
export CPULIFT_WATCHED=1 # the tests do not hold the agent to what it takes of memory

# setup FOLDER OPTION…
setup() {
    folder=$1
    shift
    [ -f "$folder/build.ninja" ] || meson setup "$folder" -Dddg=disabled "$@" >"$folder.log"
    ninja -C "$folder" >>"$folder.log" || { tail -n 30 "$folder.log"; exit 1; }
}

leg_threads() {
    CC=clang setup build-threads -Db_sanitize=thread -Db_lundef=false
    TSAN_OPTIONS="die_after_fork=0 ignore_noninstrumented_modules=1" LD_PRELOAD=$top/build-threads/tests/lib/libtsan_glib.so \
        meson test -t 8 -C build-threads --no-rebuild --print-errorlogs agent-plans agent-etcd agent-server agent-host agent-watch scan prove
}

# What valgrind says goes into a file: the tests hold the agent to its own words. The test with etcd is left out: leases do not wait for valgrind.
leg_memory() {
    command -v valgrind >/dev/null || { echo "matrix.sh: no valgrind" >&2; exit 77; }
    setup build-memory
    [ "$(head -c 2 build-memory/cpuliftd)" = '#!' ] || mv build-memory/cpuliftd build-memory/cpuliftd.watched
    said=$top/build-memory/said
    rm -rf "$said"
    mkdir "$said"
    cat >build-memory/cpuliftd <<END
#!/bin/sh
exec valgrind -q --leak-check=full --show-leak-kinds=definite --log-file=$said/%p "$top/build-memory/cpuliftd.watched" "\$@"
END
    chmod +x build-memory/cpuliftd
    G_SLICE=always-malloc meson test -t 8 -C build-memory --no-rebuild --print-errorlogs agent-plans agent-server agent-watch
    [ -n "$(ls "$said")" ] || { echo "matrix.sh: valgrind did not run" >&2; exit 1; }
    ! grep -rE -A12 'Invalid|ninitialised|Mismatched|definitely lost' "$said" >&2
}

narrow_packages=gcc,libc6-dev,meson,ninja-build,pkg-config,libcmocka-dev,libcurl4-gnutls-dev,libglib2.0-dev,libgnutls28-dev,libjansson-dev
narrow_packages=$narrow_packages,libmicrohttpd-dev,libpcre2-dev,libsmartcols-dev,libsodium-dev,libsqlite3-dev,libsystemd-dev,libvirt-dev
narrow_packages=$narrow_packages,libxml2-dev,libzydis-dev,zlib1g-dev,liblzma-dev,libicu-dev,python3,xsltproc

# `run` is of x86-64 alone. Its part is not built.
# shellcheck disable=SC2016 # the other system's variables
narrow_build='cd /source && { [ -f /build/build.ninja ] || meson setup /build -Dddg=disabled -Dlinpack=disabled; }
programs=$(ls tests/unit/test_*.c tests/property/test_*.c | sed "s/\.c$//")
ninja -C /build $programs
meson test -t 8 -C /build --no-rebuild --print-errorlogs $(echo "$programs" | sed "s#tests/\(.*\)/test_#\1_#")'

leg_narrow() {
    root=$top/build-narrow
    [ -d "$root" ] || {
        rm -rf "$root.part"
        debootstrap --arch=i386 --variant=minbase --include="$narrow_packages" "$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)" \
            "$root.part" "$(tools/mirror.sh)" >"$root.log" 2>&1 || { tail -n 5 "$root.log"; exit 1; }
        mv "$root.part" "$root"
    }
    rm -rf "$root/source"
    mkdir "$root/source"
    git archive HEAD | tar -x -C "$root/source"
    unshare -m sh -ec 'mount -t proc proc "$1/proc"; mount --rbind /dev "$1/dev"; exec chroot "$1" env LC_ALL=C CPULIFT_EFFORT=20 sh -ec "$2"' \
        sh "$root" "$narrow_build"
}

[ $# -gt 0 ] || set -- threads memory narrow
for leg; do
    echo "== $leg" >&2
    "leg_$leg"
done
