#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# tools/newer.sh itself: what it cannot have it says and skips, and what it lays over /usr is the command's alone. Usage: tool.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
newer=$source/tools/newer.sh
for program in apt-get dpkg-deb qemu-system-x86_64 virsh; do
    command -v "$program" >/dev/null || { echo "no $program"; exit 77; }
done

# An apt that has no such suite, or gives nothing newer. Nothing is left that a later run would take for what it wants.
mkdir "$folder/bin"
export BUILD="$folder/with a comma, and more"
apt_is() {
    printf '#!/bin/sh\n%s\n' "$1" >"$folder/bin/apt-get"
    chmod +x "$folder/bin/apt-get"
    expect 77 env PATH="$folder/bin:$PATH" "$newer" run touch "$folder/ran"
    has "$folder/err" "$2"
    [ ! -e "$folder/ran" ] && [ ! -e "$BUILD/newer" ] || fail "something was done all the same"
}
apt_is 'exit 0' "-backports from this machine's mirrors"
release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
listed="case \"\$*\" in *print-uris*) echo \"'file:/none/dists/$release/InRelease' none 0\" ;;"
apt_is "$listed *update) exit 100 ;; esac" "-backports from this machine's mirrors"
apt_is "$listed *install*) exit 100 ;; esac" "apt does not give them"
apt_is "$listed esac" "has nothing newer"
has "$BUILD/newer.part/sources.list" "file:/none $release-backports main"
expect 64 "$newer"
expect 64 "$newer" run

export BUILD="$build"
"$newer" run true || exit $?
# Other tests mount what they need elsewhere meanwhile.
list_covers() { grep -E " /(usr|var/cache)(/[^ ]*)? " /proc/self/mounts || true; }
before=$(list_covers)
expect 5 "$newer" run sh -c '[ "$PWD" = "$1" ] && [ "$2" = "a  b" ] && grep -q "^overlay /usr " /proc/self/mounts && exit 5' - "$PWD" 'a  b'
[ "$before" = "$(list_covers)" ] || fail "a mount is left"
expect 0 "$newer" run-qemu virsh --version
same "$folder/out" "$(virsh --version >"$folder/old" && echo "$folder/old")"
expect 0 "$newer" run-libvirt qemu-system-x86_64 --version
same "$folder/out" "$(qemu-system-x86_64 --version >"$folder/old" && echo "$folder/old")"
# QEMU reads each module there is, and ends at one of another release.
expect 0 "$newer" run qemu-system-x86_64 -device help
# The inner half alone mounts nothing. In a namespace all the same: what this test is for must not happen to the machine.
expect 64 unshare -m sh -c '"$1" inside run "libraries libvirt qemu" true; exit $?' - "$newer"
has "$folder/err" "not in a namespace of its own"
echo "$checks checks"
