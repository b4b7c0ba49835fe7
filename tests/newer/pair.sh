# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2034
# Sourced behind lib.sh: two real libvirtd (hosts.sh), A with this machine's QEMU and libvirt, B with the newer ones. Skips where they cannot
# be had. scan_pair FOLDER: their host documents, a.json and b.json.
for program in ip unshare virsh libvirtd qemu-system-x86_64 python3; do
    command -v "$program" >/dev/null || { echo "no $program"; exit 77; }
done
[ "$(id -u)" -eq 0 ] && unshare -n true 2>/dev/null || { echo "needs root and network namespaces"; exit 77; }
newer=$source/tools/newer.sh
export BUILD="$build"
"$newer" run true || exit $?
uri_a='' uri_b='' address_a='' address_b=''
. "$source/tests/platform/hosts.sh"
trap 'hosts_end; rm -rf "$folder"' EXIT
hosts_open "$folder" || { echo "no network namespaces here"; exit 77; }
host_add a
host_add b "$newer" run
hosts_wait || fail "the two libvirtd do not answer: $(tail -n 3 "$folder"/?/libvirtd.log)"

# scan_one FILE COMMAND…: the host gets the file's name
scan_one() {
    file=$1
    shift
    expect 0 "$@"
    sed "s/\"name\": \"[^\"]*\"/\"name\": \"$(basename "$file" .json)\"/" "$folder/out" >"$file"
}

# B with the CPU map of its own release, which knows what its answers name.
scan_pair() {
    scan_one "$1/a.json" "$cpulift" scan -c "$uri_a"
    scan_one "$1/b.json" "$newer" run "$cpulift" scan -c "$uri_b"
}
