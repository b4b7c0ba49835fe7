#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The page of 'cpulift verify --html' in a browser: it filters, asks for nothing, and shows a guest's name as text. fleet_page.sh BUILD. TAP.
set -u
PATH=$1:$PATH
command -v chromium >/dev/null || { echo "1..0 # SKIP no chromium"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
report() {
    count=$((count + 1))
    if [ "$1" = 0 ]; then echo "ok $count - $2"; else echo "not ok $count - $2"; fi
}
host() {
    echo "{\"schema\":\"cpulift.host/1\",\"name\":\"$1\",\"arch\":\"x86_64\",\"versions\":{\"qemu\":\"7.2.0\",\"libvirt\":\"9.0.0\"},\"guests\":[{\"virt\":\"kvm\",\"machine\":\"pc\",\"canonical_machine\":\"pc-i440fx-7.2\",\"features\":[\"sse\"$2]}]}"
}
host one ,\"avx\" >"$work/hosts.jsonl"
host two '' >>"$work/hosts.jsonl"
mkdir -p "$work/guests/one"
for name in plain '&lt;img src=x onerror=document.title=1&gt;'; do
    number=$((${number-0} + 1))
    echo "<domain type='kvm'><name>$name</name><os><type machine='pc-i440fx-7.2'>hvm</type></os><features><acpi/></features>\
<cpu mode='custom' check='full'><model>486</model><feature policy='disable' name='fpu'/><feature policy='disable' name='vme'/>\
<feature policy='disable' name='pse'/><feature policy='require' name='avx'/></cpu></domain>" >"$work/guests/one/$number.xml"
done
cpulift verify --guests "$work/guests" --html "$work/page.html" "$work/hosts.jsonl" >"$work/out" 2>"$work/err"
[ $? = 1 ] && [ -s "$work/page.html" ]
report $? "a page is written beside the tables"
browse() { timeout 60 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$work/profile" --dump-dom "file://$1" 2>/dev/null; }
browse "$work/page.html" >"$work/dom"
grep -q '>2 of 2<' "$work/dom"
report $? "its script runs"
grep -q '<title>Which guest can go where</title>' "$work/dom" && grep -q '&lt;img src=x' "$work/dom"
report $? "a guest's name is text"
[ "$(grep -c 'title="feature: avx">✗' "$work/dom")" = 2 ]
report $? "what stops a guest is the cell's title"
# As if somebody had typed.
sed 's,^show();$,filter.value = "PLAIN"; show();,' "$work/page.html" >"$work/typed.html"
browse "$work/typed.html" >"$work/dom"
grep -q '>1 of 2<' "$work/dom" && grep -q '<tr hidden=""><td class="l">&lt;img' "$work/dom"
report $? "the filter leaves one"
# A rehearsal's long lists stand in titles.
for number in 1 2 3 4 5 6 7 8; do
    host "more-$number" ,\"avx\"
done >"$work/more.jsonl"
cpulift verify --guests "$work/guests" --html "$work/page.html" "$work/hosts.jsonl" "$work/more.jsonl" --without 'more-*' >"$work/out" 2>"$work/err"
grep -q 'title="more-1, .*more-8">more-1, .*more-6 and 2 more<' "$work/page.html"
report $? "what a guest loses is a short list"
! grep -E '(src|href)=|url\(|@import' "$work/page.html" | grep -qv '&lt;img src=x'
report $? "it names nothing outside"
echo "1..$count"
