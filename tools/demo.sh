#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The main job on this machine, on an embedded QEMU: scan it, plan, put the plan into a domain, and prove the planned CPU, the
# untuned one and the paper's inside a real guest. Everything is left in demo/.
set -eu
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
"$cpulift" plan --for default --virt qemu -o demo/default.json
"$cpulift" plan --for paper --virt qemu -o demo/paper.json
"$cpulift" show demo/tuned.json

say "3. what the paper's CPU and the tuned CPU add to the untuned one"
"$cpulift" diff demo/default.json demo/paper.json || true
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
for plan in default paper tuned; do
    "$cpulift" prove "demo/$plan.json"
done

say "6. bench and report: what the tuned CPU is worth on this machine's silicon (small workloads on one CPU, a few minutes)"
rm -f demo/samples.json
"$cpulift" bench --quick --cpus 1 -o demo/samples.json || echo "some samples failed; the finding above and the report say why"
"$cpulift" report demo/samples.json -o demo/report
