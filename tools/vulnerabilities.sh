#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# vulnerabilities.sh OLD-SOURCE NEW-SOURCE: prints src/core/tables/vulnerabilities.def, from the lists by which two versions of Linux tell from
# a CPU's signature what it is vulnerable to (cpu_vuln_whitelist and cpu_vuln_blacklist). Facts only: numbers and names.
set -eu
version() {
    sed -n 's/^VERSION = //p; s/^PATCHLEVEL = //p; s/^SUBLEVEL = //p' "$1/Makefile" | paste -sd .
}

# The rows of one version, "@" for the kernels that have them.
list() {
    awk '
BEGIN {
    split("NO_SPECULATION * NO_MELTDOWN meltdown NO_SSB spec_store_bypass NO_L1TF l1tf NO_MDS mds NO_ITLB_MULTIHIT itlb_multihit " \
          "NO_SPECTRE_V2 spectre_v2 MSBDS_ONLY msbds_only NO_MMIO mmio_stale_data NO_BHI bhi NO_EIBRS_PBRSB pbrsb SRBDS srbds MMIO mmio_stale_data MMIO_SBDS srbds RETBLEED retbleed SRSO spec_rstack_overflow " \
          "GDS gather_data_sampling RFDS reg_file_data_sampling TSA tsa " \
          "ITS indirect_target_selection VMSCAPE vmscape", words, " ")
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
    if (list != "") printf "%s(@, \"%s\", %d, %d, %d, %d, \"%s\")\n", kind, vendor[of], family, model, first, last, list
}
# A macro call on one line: its arguments in arg[], those of steppings flattened.
function arguments(line,   text) {
    text = line
    sub(/^[^(]*\(/, "", text); sub(/\),?[ \t]*$/, "", text)
    gsub(/X86_STEPPINGS\(/, "", text); gsub(/\)/, "", text)
    n = split(text, arg, /,[ \t]*/)
    for (i = 1; i <= n; i++) gsub(/[ \t]/, "", arg[i])
}
$1 == "#define" && $2 ~ /^INTEL_FAM6_/ { name = $2; sub(/^INTEL_FAM6_/, "", name); family[name] = 6; model[name] = number($3); next }
FNR == NR { if ($1 == "#define" && $3 ~ /^IFM\(/) { line = $3 $4; gsub(/IFM\(|\)/, "", line); split(line, fm, ","); family[$2] = fm[1]; model[$2] = number(fm[2]) } next }
/^\tVULN(WL|BL)/ { arguments($0) }
/^\tVULNWL\(/ { row("IMMUNE", arg[1], number(arg[2]), number(arg[3]), 0, 15, arg[4]) }
/^\tVULNWL_INTEL\(/ { row("IMMUNE", "INTEL", family[arg[1]], model[arg[1]], 0, 15, arg[2]) }
/^\tVULNWL_(AMD|HYGON)\(/ { match($0, /AMD|HYGON/); row("IMMUNE", substr($0, RSTART, RLENGTH), number(arg[1]), -1, 0, 15, arg[2]) }
/^\tVULNBL_INTEL_STEPPINGS\(/ { if (n == 4) row("VULNERABLE", "INTEL", family[arg[1]], model[arg[1]], number(arg[2]), number(arg[3]), arg[4]); else row("VULNERABLE", "INTEL", family[arg[1]], model[arg[1]], 0, 15, arg[3]) }
/^\tVULNBL_(AMD|HYGON)\(/ { match($0, /AMD|HYGON/); row("VULNERABLE", substr($0, RSTART, RLENGTH), number(arg[1]), -1, 0, 15, arg[2]) }
' "$1/arch/x86/include/asm/intel-family.h" "$1/arch/x86/kernel/cpu/common.c"
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
list "$1" >"$work/old"
list "$2" >"$work/new"
old=$(version "$1")
new=$(version "$2")
cat <<END
// SPDX-License-Identifier: LGPL-2.1-or-later
// IMMUNE and VULNERABLE(kernels, vendor, family, model, first stepping, last stepping, words); of the rows of a kernel the first that fits a
// CPU counts, -1 is any. A word is a file below /sys/devices/system/cpu/vulnerabilities, or bhi, pbrsb (told of in spectre_v2) or msbds_only (in mds); "*" is
// every file. Made by tools/vulnerabilities.sh from arch/x86/kernel/cpu/common.c of Linux $old and $new; do not edit.
END
mark() {
    cut -d. -f1,2 <<END
$1
END
}
diff --unchanged-line-format="%L" --old-line-format="$(mark "$old")%L" --new-line-format="$(mark "$new")%L" "$work/old" "$work/new" |
    sed -E 's/^([0-9.]+)([A-Z]+\()@/\2"\1"/; s/^([A-Z]+\()@/\1"*"/' || true
