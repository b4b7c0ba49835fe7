#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# vulnerabilities.sh KERNEL-SOURCE: prints src/core/tables/vulnerabilities.def, from the lists by which Linux tells from a CPU's
# signature what it is vulnerable to (cpu_vuln_whitelist and cpu_vuln_blacklist). Facts only: numbers and names.
set -eu
source=$1
version=$(sed -n 's/^VERSION = //p; s/^PATCHLEVEL = //p; s/^SUBLEVEL = //p' "$source/Makefile" | paste -sd .)
cat <<EOF
// SPDX-License-Identifier: LGPL-2.1-or-later
// IMMUNE and VULNERABLE(vendor, family, model, first stepping, last stepping, files below /sys/devices/system/cpu/vulnerabilities);
// the first row that fits a CPU counts, -1 is any, "*" is every file. Made by tools/vulnerabilities.sh from
// arch/x86/kernel/cpu/common.c of Linux $version; do not edit.
EOF
awk '
BEGIN {
    split("NO_SPECULATION * NO_MELTDOWN meltdown NO_SSB spec_store_bypass NO_L1TF l1tf NO_MDS mds NO_ITLB_MULTIHIT itlb_multihit " \
          "NO_SPECTRE_V2 spectre_v2 SRBDS srbds MMIO mmio_stale_data MMIO_SBDS srbds RETBLEED retbleed SRSO spec_rstack_overflow " \
          "GDS gather_data_sampling RFDS reg_file_data_sampling TSA tsa", words, " ")
    for (i = 1; i in words; i += 2) file[words[i]] = words[i + 1]
    vendor["INTEL"] = "Intel"; vendor["AMD"] = "AMD"; vendor["HYGON"] = "Hygon"
}
function number(text) {
    if (text ~ /_ANY$/) return -1
    if (text !~ /^[0-9]/) return ""
    return text ~ /^0[xX]/ ? hex(tolower(substr(text, 3))) : text + 0
}
function hex(digits,   i, n) {
    for (i = 1; i <= length(digits); i++) n = n * 16 + index("0123456789abcdef", substr(digits, i, 1)) - 1
    return n
}
function row(kind, of, family, model, first, last, flags,   names, list, i, seen) {
    if (!(of in vendor) || family == "") return
    gsub(/[ \t]/, "", flags)
    split(flags, names, "|")
    for (i = 1; i in names; i++)
        if (names[i] in file && !seen[file[names[i]]]++) list = list (list == "" ? "" : " ") file[names[i]]
    if (list != "") printf "%s(\"%s\", %d, %d, %d, %d, \"%s\")\n", kind, vendor[of], family, model, first, last, list
}
# A macro call on one line: its arguments in arg[], those of steppings flattened.
function arguments(line,   text) {
    text = line
    sub(/^[^(]*\(/, "", text); sub(/\),?[ \t]*$/, "", text)
    gsub(/X86_STEPPINGS\(/, "", text); gsub(/\)/, "", text)
    n = split(text, arg, /,[ \t]*/)
    for (i = 1; i <= n; i++) gsub(/[ \t]/, "", arg[i])
}
FNR == NR { if ($1 == "#define" && $3 ~ /^IFM\(/) { line = $3 $4; gsub(/IFM\(|\)/, "", line); split(line, fm, ","); family[$2] = fm[1]; model[$2] = number(fm[2]) } next }
/^\tVULN(WL|BL)/ { arguments($0) }
/^\tVULNWL\(/ { row("IMMUNE", arg[1], number(arg[2]), number(arg[3]), 0, 15, arg[4]) }
/^\tVULNWL_INTEL\(/ { row("IMMUNE", "INTEL", family[arg[1]], model[arg[1]], 0, 15, arg[2]) }
/^\tVULNWL_(AMD|HYGON)\(/ { match($0, /AMD|HYGON/); row("IMMUNE", substr($0, RSTART, RLENGTH), number(arg[1]), -1, 0, 15, arg[2]) }
/^\tVULNBL_INTEL_STEPPINGS\(/ { if (n == 4) row("VULNERABLE", "INTEL", family[arg[1]], model[arg[1]], number(arg[2]), number(arg[3]), arg[4]); else row("VULNERABLE", "INTEL", family[arg[1]], model[arg[1]], 0, 15, arg[3]) }
/^\tVULNBL_(AMD|HYGON)\(/ { match($0, /AMD|HYGON/); row("VULNERABLE", substr($0, RSTART, RLENGTH), number(arg[1]), -1, 0, 15, arg[2]) }
' "$source/arch/x86/include/asm/intel-family.h" "$source/arch/x86/kernel/cpu/common.c"
