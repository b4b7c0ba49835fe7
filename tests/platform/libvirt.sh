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
mkdir -p "$folder/v/etc" "$folder/etc/cpulift"
cat >"$folder/v/etc/qemu.conf" <<'CONF'
stdio_handler = "file"
user = "root"
group = "root"
security_driver = "none"
namespaces = []
cgroup_controllers = []
CONF
uri="qemu:///embed?root=$folder/v"
expect 0 "$cpulift" scan -c "$uri" -o "$folder/hosts"
expect 0 "$cpulift" plan "$folder/hosts" --virt qemu --machine pc
cp "$folder/out" "$folder/etc/cpulift/plan.json"
export CPULIFT_ROOT=$folder
"$cpulift" show --xml "$folder/etc/cpulift/plan.json" | grep -o "name='[^']*'" | sort >"$folder/planned"

# What this machine cannot give: the platform's disks, bridges, channels, paths and passwords.
cat >"$folder/bare.xsl" <<'XSL'
<xsl:transform xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="1.0">
<xsl:template match="@*|node()"><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:template>
<xsl:template match="disk|interface|channel|graphics|emulator|watchdog|console|serial|rng|controller|input|filesystem|nvram|boot|sysinfo|smbios"/>
<xsl:template match="memory|currentMemory"><xsl:element name="{name()}">65536</xsl:element></xsl:template>
<xsl:template match="vcpu">
<xsl:element name="vcpu"><xsl:copy-of select="@*"/><xsl:value-of select="."/></xsl:element></xsl:template>
<xsl:template match="maxMemory|cputune"/>
<xsl:template match="cell/@memory"><xsl:attribute name="memory">65536</xsl:attribute></xsl:template>
<xsl:template match="type[@machine='q35']/@machine"><xsl:attribute name="machine">pc</xsl:attribute></xsl:template>
<xsl:template match="type/@arch"><xsl:attribute name="arch">x86_64</xsl:attribute></xsl:template>
</xsl:transform>
XSL

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
    xsltproc "$folder/bare.xsl" "$1" >"$folder/bare.xml"
    virsh --quiet --connect "$uri" "create $folder/bare.xml; dumpxml $name; destroy $name" >"$folder/live.xml" 2>&1 ||
        fail "$1 does not start: $(grep error "$folder/live.xml")"
    grep -o "<feature policy='[a-z]*' name='[^']*'" "$folder/live.xml" | grep -o "name='[^']*'" | sort >"$folder/live"
    same "$folder/planned" "$folder/live"
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
xsltproc "$folder/bare.xsl" "$folder/deployment" >"$folder/deployment.0"
lacks "$folder/deployment.0" "check="
bash -c '. "$1"; virsh --connect "$2" create "$3"' - "$front/var/lib/one/remotes/etc/vmm/kvm/kvmrc" "$uri" "$folder/deployment.0" >"$folder/out" 2>&1 ||
    fail "virsh through the include: $(cat "$folder/out")"
has "$folder/out" "Domain 'one-21' created"
# The embedded driver went with virsh; its guest is left, and goes here.
find "$folder" -name 'one-21.pid' -exec cat {} + | xargs -r kill
has "$folder/deployment.0" "check='full'"
echo "$checks checks, ${#documents[@]} documents"
