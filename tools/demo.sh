#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The main job on this machine, on an embedded QEMU: scan it, plan, put the plan into a domain, prove the planned CPU and the paper's, before and
# after, inside a real guest, and measure what they are worth. Everything is left in demo/. It ends within $SECONDS_MAX, on a busy machine with
# fewer samples.
set -eu
SECONDS_MAX=285
begin=$(date +%s)
cd "$(dirname "$0")/.."
build=$1
cpulift=$build/cpulift
rm -rf demo
mkdir demo

say() {
    printf '\n== %s\n' "$*"
}

say "1. scan: what this machine can really give a guest"
"$cpulift" scan -o demo/hosts
host=$(ls demo/hosts/*.json)
"$cpulift" diff --json "$host" "$host" >/dev/null
echo "wrote $host"

say "2. plan: the richest CPU for QEMU guests here (KVM in a virtual machine gives no full CPU)"
"$cpulift" plan --virt qemu --pool demo demo/hosts -o demo/tuned.json
for variant in default paper-default paper; do
    "$cpulift" plan --for $variant --virt qemu -o demo/$variant.json
done
"$cpulift" show demo/tuned.json

say "3. what the paper added to its guests' CPU in 2014, and what the tuned CPU adds to today's default"
"$cpulift" diff demo/paper-default.json demo/paper.json || true
"$cpulift" diff demo/default.json demo/tuned.json || true

say "4. rewrite: the tuned CPU in a domain"
cat >demo/domain.xml <<EOF
<domain type='qemu'>
  <name>demo</name>
  <memory unit='MiB'>64</memory>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
  </os>
</domain>
EOF
"$cpulift" rewrite --plan demo/tuned.json demo/domain.xml >demo/domain-tuned.xml
diff demo/domain.xml demo/domain-tuned.xml | head -5 || true

say "5. prove: a guest reads its own CPU and executes every instruction set that the plan announces"
for plan in paper-default paper tuned; do
    "$cpulift" prove "demo/$plan.json"
done

say "6. bench and report: what it is worth on this machine's silicon (small workloads on one CPU, a few minutes)"
left=$((SECONDS_MAX - 15 - $(date +%s) + begin))
status=0
"$cpulift" bench --quick --cpus 1 --deadline $((left > 60 ? left : 60)) -o demo/samples.json || status=$?
"$cpulift" report demo/samples.json -o demo/report
exit $status
