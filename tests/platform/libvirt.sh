#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The hook's output starts under the embedded libvirt with the planned CPU and differs from its input
# in the CPU element only; the include's virsh is the real one. Documents: ours, and those in
# $CPULIFT_PLATFORM_DOCUMENTS where it names a folder. Usage: libvirt.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
for program in virsh qemu-system-x86_64 xsltproc; do
    command -v "$program" >/dev/null || { echo "no $program"; exit 77; }
done
[ "$(id -u)" -eq 0 ] || exit 77
mkdir -p "$folder/etc/cpulift"
embedded "$folder/v"
expect 0 "$cpulift" scan -c "$uri" -o "$folder/hosts"
expect 0 "$cpulift" plan "$folder/hosts" --virt qemu --machine pc
cp "$folder/out" "$folder/etc/cpulift/plan.json"
export CPULIFT_ROOT=$folder
"$cpulift" show --xml "$folder/etc/cpulift/plan.json" | grep -o "name='[^']*'" | sort >"$folder/planned"

# What stands before and behind the first <cpu> is what the hook may not touch; where there was none, blanks aside.
outside() {
    text=$(cat "$1"; echo .)
    case $text in
    *'<cpu '*'</cpu>'* | *'<cpu>'*'</cpu>'*)
        printf '%s|%s' "${text%%<cpu[ >]*}" "${text#*</cpu>}"
        ;;
    *)
        printf %s "$text"
        ;;
    esac
}

only_cpu_differs() {
    if grep -q '<cpu[ >]' "$1"; then
        outside "$1" >"$folder/a"
        outside "$2" >"$folder/b"
    else
        outside "$1" | tr -d ' \t\n' >"$folder/a"
        outside "$2" | tr -d ' \t\n|' >"$folder/b"
    fi
    same "$folder/a" "$folder/b"
}

start() {
    name=$(xsltproc - "$1" <<'XSL'
<xsl:transform xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="1.0"><xsl:output method="text"/>
<xsl:template match="/"><xsl:value-of select="/domain/name"/></xsl:template></xsl:transform>
XSL
)
    xsltproc "$here/bare.xsl" "$1" >"$folder/bare.xml"
    virsh --quiet --connect "$uri" "create $folder/bare.xml; dumpxml $name; destroy $name" >"$folder/live.xml" 2>&1 ||
        fail "$1 does not start: $(grep error "$folder/live.xml")"
    grep -o "<feature policy='[a-z]*' name='[^']*'" "$folder/live.xml" | grep -o "name='[^']*'" | sort >"$folder/live"
    # What follows from this guest's own topology is none of the pool's.
    { cat "$folder/planned" && grep -o "name='\(ht\|cmp_legacy\)'" "$1"; } | sort >"$folder/wanted"
    same "$folder/wanted" "$folder/live"
    has "$folder/live.xml" "check='full'"
}

documents=("$here"/cloudstack.xml "$here"/opennebula.xml "$here"/eucalyptus.xml)
[ -d "${CPULIFT_PLATFORM_DOCUMENTS-}" ] && documents+=("$CPULIFT_PLATFORM_DOCUMENTS"/*/*.xml)
for document in "${documents[@]}"; do
    # The plan is for TCG, which every machine has.
    sed "s/type='kvm'/type='qemu'/; s/type=\"kvm\"/type=\"qemu\"/" "$document" >"$folder/given.xml"
    cp "$folder/given.xml" "$folder/tuned.xml"
    expect 0 "$hook" opennebula "$folder/etc/cpulift/plan.json" "$folder/tuned.xml"
    only_cpu_differs "$folder/given.xml" "$folder/tuned.xml"
    expect 0 "$hook" cloudstack hook transform "$(cat "$folder/given.xml")"
    [ "$(cat "$folder/out")" = "$(cat "$folder/tuned.xml")" ] || fail "$document: two roles, two answers"
    start "$folder/tuned.xml"
done

# The include with the real virsh.
front=$folder/front
opennebula_front "$front" 7.0.1
expect 0 "$cpulift" apply "$folder/etc/cpulift/plan.json" --platform opennebula --root "$front" --commit
sed "s/<devices>/<devices><emulator>\/usr\/bin\/qemu-system-x86_64<\/emulator>/" "$here/opennebula.xml" >"$folder/deployment"
xsltproc "$here/bare.xsl" "$folder/deployment" >"$folder/deployment.0"
lacks "$folder/deployment.0" "check="
bash -c '. "$1"; virsh --connect "$2" create "$3"' - "$front/var/lib/one/remotes/etc/vmm/kvm/kvmrc" "$uri" "$folder/deployment.0" >"$folder/out" 2>&1 ||
    fail "virsh through the include: $(cat "$folder/out")"
has "$folder/out" "Domain 'one-21' created"
# The embedded driver went with virsh; its guest is left, and goes here.
kill "$(find "$folder" -name 'one-21.pid' -exec cat {} +)"
has "$folder/deployment.0" "check='full'"
echo "$checks checks, ${#documents[@]} documents"
