#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A newer peer of this machine: QEMU and libvirt of Debian's backports, unpacked in the build folder ($BUILD, else build) and laid over /usr
# in a mount namespace of the command's own. Nothing is installed; the machine's apt and its caches stay as they are.
#   newer.sh fill                 fetches and unpacks them, once, and says which they are; to have them anew, remove BUILD/newer
#   newer.sh run COMMAND…         the newer QEMU and the newer libvirt
#   newer.sh run-qemu COMMAND…    the newer QEMU under this machine's libvirt
#   newer.sh run-libvirt COMMAND… the newer libvirt over this machine's QEMU
# Status 77, with a word, where they cannot be had or laid over.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "${BUILD:-$top/build}"
place=$(cd "${BUILD:-$top/build}" && pwd)/newer
wanted='libvirt-clients libvirt-daemon libvirt-daemon-driver-qemu qemu-system-x86'

skip() {
    echo "newer.sh: $*" >&2
    exit 77
}

# apt COMMAND…: with lists, cache and source of its own. Hooks that the machine runs after an update are not run after this one.
apt() {
    apt-get -c "$work/apt.conf" -qq "$@" >>"$work/log" 2>&1
}

write_configuration() {
    cat >"$work/apt.conf" <<CONF
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$work/lists";
Dir::Cache "$work/cache";
Dir::Log "$work";
APT::Sandbox::User "";
APT::Install-Recommends "false";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
Debug::NoLocking "true";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
CONF
}

# The mirrors that this machine has its own release from; the archive's key tells Debian's from the others.
find_mirrors() {
    mkdir -p "$work/none/partial"
    apt-get -o Dir::State::Lists="$work/none" --print-uris update | sed -n "s|^'\(.*\)/dists/$release/InRelease'.*|\1|p" | sort -u
}

read_backports() {
    key=/usr/share/keyrings/debian-archive-keyring.gpg
    for mirror in $(find_mirrors); do
        echo "deb [signed-by=$key] $mirror $release-backports main" >"$work/sources.list"
        if apt update; then return 0; fi
    done
    return 1
}

# One tree each for what is QEMU's, what is libvirt's, and what either needs beyond.
unpack() {
    mkdir -p "$work/tree/qemu/usr" "$work/tree/libvirt/usr" "$work/tree/libraries/usr"
    for file in "$work"/cache/archives/*.deb; do
        [ -e "$file" ] || skip "$release-backports has nothing newer than what is installed"
        case ${file##*/} in
        qemu* | seabios* | ipxe* | ovmf*) tree=qemu ;;
        libvirt*) tree=libvirt ;;
        *) tree=libraries ;;
        esac
        dpkg-deb -x "$file" "$work/tree/$tree"
        dpkg-deb -W --showformat '${Package} ${Version}\n' "$file" >>"$work/tree/packages"
    done
}

fetch() {
    for program in apt-get dpkg-deb; do
        command -v $program >/dev/null || skip "no $program"
    done
    release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    work=$place.part
    rm -rf "$work"
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    write_configuration
    read_backports || skip "no $release-backports from this machine's mirrors; $work/log has apt's words"
    # shellcheck disable=SC2086 # a list of names
    apt -y --download-only -t "$release-backports" install $wanted || skip "apt does not give them; $work/log has its words"
    unpack
    rm -rf "$place"
    mv "$work/tree" "$place"
    rm -rf "$work"
    echo "newer.sh: fetched into $place" >&2
}

# Whoever comes second waits for the first.
fill() {
    [ -e "$place/packages" ] || (flock 9 && [ -e "$place/packages" ] || fetch) 9>"$place.lock"
}

# lay_over TREE…: their /usr before this machine's, for this mount namespace. The modules that QEMU and libvirt load are of one release: the
# machine's own, where the newer one has none of that name, would end them.
lay_over() {
    layers=/usr
    for tree in "$@"; do
        layers=$tree/usr:$layers
    done
    mount -t overlay overlay -o "lowerdir=$layers" /usr || return 1
    for tree in "$@"; do
        for modules in "$tree/usr/lib"/*/"$tree"; do
            [ ! -d "$modules" ] || mount --bind "$modules" "/${modules#*/}" || return 1
        done
    done
}

# inside NAME TREES COMMAND…: in the new namespace. libvirt's cache of what QEMU can is the combination's own, as its key is a path.
inside() {
    if [ "$(readlink /proc/self/ns/mnt)" = "$(readlink "/proc/$PPID/ns/mnt")" ]; then
        echo "newer.sh: not in a namespace of its own: the machine's /usr would be covered" >&2
        exit 64
    fi
    here=$PWD
    cache=$place/cache/$1
    mkdir -p "$cache/libvirt"
    # Relative: a path may hold what the option's own syntax uses.
    # shellcheck disable=SC2086 # a list of names
    cd "$place" && lay_over $2 && mount --bind "$cache" /var/cache || skip "no overlay over /usr here"
    cd "$here"
    shift 2
    exec "$@"
}

# run TREES COMMAND…
run() {
    fill
    map=
    [ "$(id -u)" -eq 0 ] || map=--map-root-user
    # shellcheck disable=SC2086 # no word or one
    BUILD=${place%/*} exec unshare --mount $map "$0" inside "$action" "$@"
}

action=${1-}
[ $# -eq 0 ] || shift
case $action/$# in
fill/0)
    fill
    cat "$place/packages"
    ;;
run/[1-9]*) run 'libraries libvirt qemu' "$@" ;;
run-qemu/[1-9]*) run 'libraries qemu' "$@" ;;
run-libvirt/[1-9]*) run 'libraries libvirt' "$@" ;;
inside/*) inside "$@" ;;
*)
    sed -n 's/^#   //p' "$0" >&2
    exit 64
    ;;
esac
