#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# OpenNebula: the include under bash and dash, with a fake virsh, as the driver's deploy calls it.
# Usage: opennebula.sh BUILD SOURCE
. "$2/tests/platform/lib.sh"
plan=$here/plan.json
front=$folder/front
remotes=$front/var/lib/one/remotes
kvmrc=$remotes/etc/vmm/kvm/kvmrc
conf=$front/etc/one/vmm_exec/vmm_exec_kvm.conf
opennebula_front "$front" 7.0.1
cp -a "$front" "$folder/before"
expect 0 "$cpulift" apply "$plan" --platform opennebula --root "$front"
same_tree "$folder/before" "$front"
has "$folder/out" "EVC_MODE overrides MODEL"
has "$folder/out" "onehost sync --force"
expect 0 "$cpulift" apply "$plan" --platform opennebula --root "$front" --commit
expect 0 "$cpulift" apply "$plan" --platform opennebula --root "$front" --commit
has "$folder/out" "nothing to change"
has "$conf" 'CPU_MODEL = [ MODEL = "Nehalem", FEATURES = "aes,avx,hypervisor,xsave" ]'
if tail -n 1 "$kvmrc" | grep -q =; then fail "a line of ours in kvmrc has an equals sign"; fi

# A driver script sources kvmrc and creates the guest; virsh is a fake that keeps what it is given.
mkdir -p "$folder/bin" "$folder/system" "$remotes/vmm/kvm"
cat >"$folder/bin/virsh" <<'FAKE'
#!/bin/sh
printf '%s\n' "$@" >"$FAKE_LOG"
[ "$3" = create ] && cp "$4" "$FAKE_LOG.xml"
echo "Domain created"
FAKE
cat >"$remotes/vmm/kvm/deploy" <<'DRIVER'
#!/bin/bash
source $(dirname $0)/../../etc/vmm/kvm/kvmrc
cat > $1
DATA=`virsh --connect $LIBVIRT_URI create $1`
status=$?
echo "$DATA"
exit $status
DRIVER
chmod +x "$folder/bin/virsh" "$remotes/vmm/kvm/deploy"
mkdir -p "$folder/var/lib/one"
export FAKE_LOG="$folder/log" CPULIFT_ROOT="$folder" PATH="$folder/bin:$PATH"
deploy() { bash "$remotes/vmm/kvm/deploy" "$1" <"$2" >"$folder/out" 2>"$folder/err"; }
deploy "$folder/system/deployment.0" "$here/opennebula.xml" || fail "deploy failed"
has "$folder/out" "Domain created"
[ ! -s "$folder/err" ] || fail "noise: $(cat "$folder/err")"
has "$folder/log.xml" "check='full'"
has "$folder/log.xml" "<feature policy='disable' name='vme'/>"
[ "$(sed -n 3p "$folder/log")" = create ] && [ "$(wc -l <"$folder/log")" -eq 4 ] || fail "virsh got other arguments"

# Fails open, with a trace; other commands pass through with their arguments as they are.
printf '<domain' >"$folder/bad"
deploy "$folder/system/deployment.1" "$folder/bad" || fail "a broken document must reach libvirt"
same "$folder/log.xml" "$folder/bad"
has "$folder/var/lib/one/cpulift-hook.log" "opennebula $folder/system/deployment.1"
printf '<domain' >"$folder/system/deployment.e"
bash -e -c '. "$1"; virsh --connect URI create "$2"' - "$kvmrc" "$folder/system/deployment.e" >"$folder/out" || fail "set -e: the failing hook stopped the start"
has "$folder/out" "Domain created"
bash -c '. "$1"; virsh --connect URI dominfo "a b" "\$(id)"' - "$kvmrc" >/dev/null
[ "$(sed -n '4,5p' "$folder/log" | tr '\n' '|')" = 'a b|$(id)|' ] || fail "arguments were changed"

# A deployment file that is a link, and a name with shell characters.
cp "$here/opennebula.xml" "$folder/system/real"
ln -s real "$folder/system/link"
bash -c '. "$1"; virsh --connect URI create "$2"' - "$kvmrc" "$folder/system/link" >/dev/null
same "$folder/system/real" "$here/opennebula.xml"
strange="$folder/system/\$(touch pwned) ;x"
cp "$here/opennebula.xml" "$strange"
bash -c '. "$1"; virsh --connect URI create "$2"' - "$kvmrc" "$strange" >/dev/null
has "$strange" "check='full'"
[ ! -e pwned ] || fail "a file name was executed"

# A plan of the node's own goes first.
mkdir -p "$folder/etc/cpulift"
sed 's/Nehalem/Westmere/' "$plan" >"$folder/etc/cpulift/plan.json"
deploy "$folder/system/deployment.2" "$here/opennebula.xml" || fail "deploy failed"
has "$folder/log.xml" Westmere
rm -r "${folder:?}/etc"

# The monitoring probes source kvmrc under sh and look at its environment.
sh -c '. "$1"; env' - "$kvmrc" >"$folder/env" 2>"$folder/err"
has "$folder/env" "LIBVIRT_URI=qemu:///system"
[ ! -s "$folder/err" ] || fail "sh: $(cat "$folder/err")"

# --strict stops a guest that cannot be tuned.
expect 0 "$cpulift" apply "$plan" --platform opennebula --root "$front" --strict --commit
if deploy "$folder/system/deployment.3" "$folder/bad"; then fail "strict let an untuned guest start"; fi

# The operator edits kvmrc meanwhile: rollback takes our line out and leaves his.
echo 'export SHUTDOWN_TIMEOUT=300' >>"$kvmrc"
rm -r "$remotes/vmm/kvm/deploy"
expect 0 "$cpulift" rollback --root "$front" --commit
printf 'export LANG=C\nexport LIBVIRT_URI=qemu:///system\nexport SHUTDOWN_TIMEOUT=300\n' >"$folder/expected"
same "$kvmrc" "$folder/expected"
cp "$folder/before/var/lib/one/remotes/etc/vmm/kvm/kvmrc" "$kvmrc"
same_tree "$folder/before" "$front"

# Older versions: no features before 6.8, nothing native before 5.4.13, kvmrc elsewhere before 5.6.
opennebula_front "$folder/old" 6.4.0
expect 0 "$cpulift" apply "$plan" --platform opennebula --root "$folder/old" --commit
has "$folder/old/etc/one/vmm_exec/vmm_exec_kvm.conf" 'CPU_MODEL = [ MODEL = "Nehalem" ]'
opennebula_front "$folder/oldest" 4.4.0
mv "$folder/oldest/var/lib/one/remotes/etc/vmm/kvm/kvmrc" "$folder/oldest/var/lib/one/remotes/vmm/kvm/kvmrc"
expect 0 "$cpulift" apply "$plan" --platform opennebula --root "$folder/oldest" --commit
cp "$here/opennebula.xml" "$folder/system/old"
bash -c '. "$1"; virsh --connect URI create "$2"' - "$folder/oldest/var/lib/one/remotes/vmm/kvm/kvmrc" "$folder/system/old" >/dev/null
has "$folder/system/old" "check='full'"
expect 1 "$cpulift" apply "$plan" --platform opennebula --channel native --root "$folder/oldest"

# A CPU_MODEL that is there is replaced, over its lines.
opennebula_front "$folder/set" 7.4.0
printf 'CPU_MODEL = [\n  MODEL = "host-passthrough" ]\nX = "1"\n' >"$folder/set/etc/one/vmm_exec/vmm_exec_kvm.conf"
expect 0 "$cpulift" apply "$plan" --platform opennebula --channel native --root "$folder/set" --commit
printf 'CPU_MODEL = [ MODEL = "Nehalem", FEATURES = "aes,avx,hypervisor,xsave" ]\nX = "1"\n' >"$folder/expected"
same "$folder/set/etc/one/vmm_exec/vmm_exec_kvm.conf" "$folder/expected"
has "$folder/err" "CPU_MODEL in vmm_exec_kvm.conf has a CPU of mode 'host-passthrough'"
# Comments, strings and other attributes on the line are OpenNebula's own lexer's: what stands in them is no setting.
printf 'RAW = [ DATA = "\nCPU_MODEL = \\"x\\"" ] cpu_model = [ # not ] yet "\n MODEL = Penryn, # FEATURES = "svm"\n FEATURES = "vmx" ] X = "#1"\n# CPU_MODEL = [\n' >"$folder/set/etc/one/vmm_exec/vmm_exec_kvm.conf"
expect 0 "$cpulift" apply "$plan" --platform opennebula --channel native --root "$folder/set" --commit
printf 'RAW = [ DATA = "\nCPU_MODEL = \\"x\\"" ] CPU_MODEL = [ MODEL = "Nehalem", FEATURES = "aes,avx,hypervisor,xsave" ] X = "#1"\n# CPU_MODEL = [\n' >"$folder/expected"
same "$folder/set/etc/one/vmm_exec/vmm_exec_kvm.conf" "$folder/expected"
has "$folder/err" "asks for vmx"
lacks "$folder/err" "svm"
# What it asked for, and a <cpu> that no longer counts.
printf 'CPU_MODEL = [ MODEL = "Penryn", FEATURES = "vmx, aes" ]\nRAW = [ DATA = "<cpu mode=\047host-model\047/>" ]\n' >"$folder/set/etc/one/vmm_exec/vmm_exec_kvm.conf"
printf 'RAW = [ TYPE = "kvm", DATA = "<cputune/><qemu:commandline><qemu:arg value=\047-cpu\047/><qemu:arg value=\047host\047/></qemu:commandline>" ]\n' >"$folder/set.conf"
cp "$folder/set/etc/one/vmm_exec/vmm_exec_kvm.conf" "$folder/kept.conf"
cp "$folder/set.conf" "$folder/set/etc/one/vmm_exec/vmm_exec_kvm.conf"
expect 0 "$cpulift" apply "$plan" --platform opennebula --root "$folder/set"
has "$folder/err" "RAW in vmm_exec_kvm.conf: <qemu:commandline> has a -cpu of its own"
lacks "$folder/err" "RAW in vmm_exec_kvm.conf has a <cpu>"
printf 'RAW = "<cpu"\n' >"$folder/set/etc/one/vmm_exec/vmm_exec_kvm.conf"
expect 0 "$cpulift" apply "$plan" --platform opennebula --root "$folder/set"
has "$folder/err" "what RAW adds to every domain cannot be read"
cp "$folder/kept.conf" "$folder/set/etc/one/vmm_exec/vmm_exec_kvm.conf"
sed 's/"check"/"phys_bits": 42, "check"/' "$plan" >"$folder/wide.json"
expect 0 "$cpulift" apply "$folder/wide.json" --platform opennebula --channel native --root "$folder/set"
has "$folder/err" "CPU_MODEL in vmm_exec_kvm.conf asks for model Penryn, and gets Nehalem"
has "$folder/err" "CPU_MODEL in vmm_exec_kvm.conf asks for vmx, which the plan leaves out"
has "$folder/err" "RAW in vmm_exec_kvm.conf has a <cpu>"
has "$folder/err" "CPU_MODEL cannot say the width of physical addresses (42 bits)"
expect 0 "$cpulift" apply "$folder/wide.json" --platform opennebula --root "$folder/set"
lacks "$folder/err" width
# What OpenNebula does not check: the intersection of models, and features as whole names.
cat >"$folder/hosts.xml" <<'HOSTS'
<HOST_POOL>
<HOST><NAME>n1</NAME><TEMPLATE><KVM_CPU_MODELS><![CDATA[Nehalem Westmere Haswell]]></KVM_CPU_MODELS><KVM_CPU_FEATURES><![CDATA[aes,avx,avx2,xsave]]></KVM_CPU_FEATURES></TEMPLATE></HOST>
<HOST><NAME>n2</NAME><TEMPLATE><KVM_CPU_MODELS>Nehalem Westmere-IBRS</KVM_CPU_MODELS><KVM_CPU_FEATURES>aes,avx2,xsaveopt</KVM_CPU_FEATURES></TEMPLATE></HOST>
</HOST_POOL>
HOSTS
expect 0 "$cpulift" apply "$plan" --platform opennebula --root "$folder/old" --inventory "$folder/hosts.xml"
has "$folder/out" "EVC_MODE can be one of what all 2 hosts list: Nehalem"
has "$folder/out" "host 'n2' does not list, as whole names: avx, xsave"
lacks "$folder/out" "host 'n1'"
expect 2 "$cpulift" apply "$plan" --platform opennebula --root "$folder/old" --inventory "$plan"
# Only a line of ours that runs is the include: not one in a comment, a string, a here-document, a function, behind a condition or a return.
line=$(grep kvmrc.bash "$folder/old/var/lib/one/remotes/etc/vmm/kvm/kvmrc")
idle() { # KVMRC: in this our line does not run; apply puts it where it does, once, and says nothing else of the file
    opennebula_front "$folder/idle" 7.4.0
    printf %s "$1" >"$folder/idle/var/lib/one/remotes/etc/vmm/kvm/kvmrc"
    rm -rf "$folder/idle.before"
    cp -a "$folder/idle" "$folder/idle.before"
    expect 0 "$cpulift" apply "$plan" --platform opennebula --root "$folder/idle" --commit
    bash -c '. "$1"; [ "$(type -t virsh)" = function ]' - "$folder/idle/var/lib/one/remotes/etc/vmm/kvm/kvmrc" >/dev/null 2>&1 ||
        fail "the include does not run: $(cat "$folder/idle/var/lib/one/remotes/etc/vmm/kvm/kvmrc")"
    expect 0 "$cpulift" status --root "$folder/idle"
    expect 0 "$cpulift" apply "$plan" --platform opennebula --root "$folder/idle" --commit
    has "$folder/out" "nothing to change"
    # Taken back from a file that its owner edited meanwhile, too.
    echo 'export X=1' >>"$folder/idle/var/lib/one/remotes/etc/vmm/kvm/kvmrc"
    expect 0 "$cpulift" rollback --root "$folder/idle" --commit
    printf '%s\nexport X=1\n' "${1%$'\n'}" >"$folder/idle.before/var/lib/one/remotes/etc/vmm/kvm/kvmrc"
    same_tree "$folder/idle.before" "$folder/idle"
}
idle "# $line"$'\n'
idle $'export LANG=C\n#'"$line"
idle $'if false; then\n'"$line"$'\nfi\n'
idle $'cat >/dev/null <<EOF\n'"$line"$'\nEOF\n'
idle $'cat >/dev/null <<-"E\'F"\n'"$line"$'\n\tE\'F\n'
idle $'X="\n'"$line"$'\n"\n'
idle $'X=\'\n'"$line"$'\n\'\n'
idle $'f() {\n'"$line"$'\n}\n'
idle $'false &&\n'"$line"$'\n'
idle $'echo \\\n'"$line"$'\n'
idle $'case x in\ny)\n'"$line"$'\n;;\nesac\n'
idle $'export LANG=C\nreturn 0\n'"$line"$'\n'
idle $'#!/bin/bash\nreturn 0\n'
idle $'true && return 0\n'
idle $'[ -r /etc/nowhere ] || return\n'"$line"$'\n'
idle $'if true; then\n  return\nfi\n'
idle $'case x in x) { return; } ;; esac\n'
idle $'cat >/dev/null <<EOF\nno end\n'
# What the shell itself does not come behind: a function that it calls ends it, a loop whose head goes on in the next line has a body.
line_runs_not() {
    opennebula_front "$folder/never" 7.4.0
    printf %s "$1" >"$folder/never/var/lib/one/remotes/etc/vmm/kvm/kvmrc"
    expect 0 "$cpulift" apply "$plan" --platform opennebula --root "$folder/never"
    has "$folder/out" "+$line"
}
line_runs_not $'f() { true && exit; }\n'"$line"$'\n'
line_runs_not $'true | \\\nfor x in 1; do\n'"$line"$'\ndone\n'
# One that its owner comments out is put in again; status says that it does not run.
opennebula_front "$folder/idle" 7.4.0
kvmrc=$folder/idle/var/lib/one/remotes/etc/vmm/kvm/kvmrc
expect 0 "$cpulift" apply "$plan" --platform opennebula --root "$folder/idle" --strict --commit
sed -i 's/^if/# if/' "$kvmrc"
expect 1 "$cpulift" status --root "$folder/idle"
has "$folder/out" "the line that runs our include is not there, or does not run"
expect 0 "$cpulift" apply "$plan" --platform opennebula --root "$folder/idle" --strict --commit
has "$folder/out" "1 file changed"
expect 0 "$cpulift" status --root "$folder/idle"
# A virsh of the operator's own is not passed by without a word.
for own in 'virsh() { command virsh -q "$@"; }' 'function virsh { :; }' $'A=1\n\tvirsh ( )\n{ :; }'; do
    printf '%s\n' "$own" >"$kvmrc"
    cp "$kvmrc" "$folder/kept"
    expect 2 "$cpulift" apply "$plan" --platform opennebula --root "$folder/idle" --commit
    has "$folder/err" "defines a function 'virsh'"
    same "$folder/kept" "$kvmrc"
done
# And where it runs it stays as it is, whatever stands around it.
runs() {
    opennebula_front "$folder/runs" 7.4.0
    printf '%s\n%s\n%s\n' "$1" "$line" "$2" >"$folder/runs/var/lib/one/remotes/etc/vmm/kvm/kvmrc"
    cp "$folder/runs/var/lib/one/remotes/etc/vmm/kvm/kvmrc" "$folder/expected"
    expect 0 "$cpulift" apply "$plan" --platform opennebula --root "$folder/runs" --commit
    same "$folder/expected" "$folder/runs/var/lib/one/remotes/etc/vmm/kvm/kvmrc"
}
runs 'export A="it'"'"'s" B=$((1 << 2)) # don'"'"'t' ''
runs 'if [ -n "$(echo ")")" ]; then A=(1 2); fi' 'return 0'
runs $'cat >/dev/null <<EOF\nif\nEOF' 'if true'
runs $'f() { case $1 in a) echo "${1#"x"}" ;; *) : ;; esac; }' ''
runs $'f() {\n  if true; then return 1; fi\n}\nfunction g\n{ { return; }; }\nh ( ) { return; }' ''
runs $'while false; do :; done\n[ -n "$A" ] || true' ''
echo "$checks checks"
