# SPDX-License-Identifier: LGPL-2.1-or-later
"""spectre-meltdown-checker, run inside a guest, and our verdict on that guest beside a host that is protected from all: checker.py BUILD SOURCE."""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

BUILD, SOURCE = sys.argv[1:3]
QEMU = "qemu-system-x86_64"
# What the checker judges, and what is ours of it. Of what only a host can mend a guest's kernel has no verdict.
FILES = {"CVE-2017-5753": "spectre_v1", "CVE-2017-5715": "spectre_v2", "CVE-2017-5754": "meltdown", "CVE-2018-3639": "spec_store_bypass",
         "CVE-2018-3620": "l1tf", "CVE-2018-12126": "mds", "CVE-2018-12130": "mds", "CVE-2018-12127": "mds", "CVE-2019-11091": "mds",
         "CVE-2019-11135": "tsx_async_abort", "CVE-2018-12207": "itlb_multihit"}
PROTECTED = {"spectre_v1": "Mitigation: usercopy/swapgs barriers and __user pointer sanitization",
             "spectre_v2": "Mitigation: Retpolines; IBPB: conditional; IBRS_FW; RSB filling", "meltdown": "Mitigation: PTI",
             "spec_store_bypass": "Mitigation: Speculative Store Bypass disabled via prctl", "l1tf": "Mitigation: PTE Inversion",
             "mds": "Mitigation: Clear CPU buffers; SMT disabled", "tsx_async_abort": "Mitigation: TSX disabled",
             "itlb_multihit": "KVM: Mitigation: Split huge pages"}
# AMD's CPUs have none of these.
OF_INTEL = ("itlb_multihit", "l1tf", "mds", "meltdown", "tsx_async_abort")
MODELS = {"Nehalem": PROTECTED, "Skylake-Client-noTSX-IBRS": PROTECTED, "EPYC": PROTECTED | {name: "Not affected" for name in OF_INTEL}}
INIT = """#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mkdir -p /proc /sys /tmp
mount -t devtmpfs none /dev
mount -t proc none /proc
mount -t sysfs none /sys
echo 0 >/proc/sys/kernel/printk
insmod /msr.ko
exec >/dev/ttyS0 2>&1
stty raw
echo
sh /checker --batch json --no-color 2>/dev/null | sed 's/^/checked /'
poweroff -f
"""


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


def fetch(program, *words):
    got = subprocess.run([f"{SOURCE}/tests/lib/{program}", f"{BUILD}/kernels", *words], capture_output=True, text=True)
    if got.returncode == 77:
        skip(f"no {words[0]} to be had")
    return got.stdout.strip()


def boot(cpu, kernel, initramfs, console):
    return subprocess.run([QEMU, "-accel", "tcg", "-cpu", cpu, "-m", "256", "-kernel", kernel, "-initrd", initramfs, "-append",
                           "console=ttyS0 quiet loglevel=1 panic=-1 no_timer_check", "-no-reboot", "-nodefaults", "-serial", f"file:{console}", "-machine", "pc", "-smp",
                           "2,sockets=1,cores=2,threads=1", "-display", "none"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)


if not shutil.which(QEMU):
    skip("QEMU is not here")
if not os.access(f"{BUILD}/cpulift-kernel-init", os.X_OK):
    skip("no first process was built")
kernel = fetch("kernels.sh", "6.1")
checker = f"{fetch('package.sh', 'spectre-meltdown-checker')}/usr/bin/spectre-meltdown-checker"
busybox = f"{fetch('package.sh', 'busybox-static')}/bin/busybox"
module = glob.glob(f"{os.path.dirname(kernel)}/../lib/modules/*/kernel/arch/x86/kernel/msr.ko*")[0]
folder = tempfile.mkdtemp()
count = failed = 0
try:
    with open(f"{folder}/init", "w") as file:
        file.write(INIT)
    subprocess.run([f"{BUILD}/tests/lib/test-initramfs", f"{folder}/initramfs", f"/init={folder}/init", f"/bin/busybox={busybox}", f"/checker={checker}",
                    f"/msr.ko={module}"], check=True)
    with open(f"{folder}/plan.json", "w") as file:
        file.write(subprocess.run([f"{BUILD}/cpulift", "plan", "--for", "default", "--virt", "qemu", "--machine", "pc"], check=True, capture_output=True,
                                  text=True).stdout)
    for model, protected in MODELS.items():
        with open(f"{folder}/host.json", "w") as file:
            json.dump({"schema": "cpulift.host/1", "name": "protected", "arch": "x86_64", "vulnerabilities": protected,
                       "guests": [{"virt": "qemu", "machine": "pc", "features": ["lm"]}]}, file)
        got = boot(model, kernel, f"{folder}/initramfs", f"{folder}/console")
        missing = sorted(set(re.findall(r"doesn't support requested feature: \S+?\.([a-z0-9_.-]+) \[bit", got.stderr)))
        with open(f"{folder}/console", errors="replace") as file:
            said = re.search(r"^checked (\[.*\])\r?$", file.read(), re.M)
        ours = subprocess.run([f"{BUILD}/cpulift", "prove", f"{folder}/plan.json", f"{folder}/host.json", "--security", "--direct", "--kernel", kernel, "--json",
                               "--cpu", ",".join([model, *(f"-{name}" for name in missing)])], capture_output=True, text=True, timeout=300)
        rows = {row["name"]: row for row in json.loads(ours.stdout or '{"vulnerabilities": []}')["vulnerabilities"]}
        unlike = []
        for one in json.loads(said[1]) if said else []:
            row = rows.get(FILES.get(one["CVE"]))
            if row and "guest" in row and one["VULNERABLE"] != (row["verdict"] in ("wrong", "worse")):
                unlike.append(f"{one['CVE']}: it says {'vulnerable' if one['VULNERABLE'] else 'safe'} ({one['INFOS']}); ours is {row['verdict']}: {row['guest']}")
        count += 1
        is_so = bool(said) and bool(rows) and any("guest" in row for row in rows.values()) and not unlike
        failed += not is_so
        print("ok" if is_so else "not ok", count, f"- both agree on {model}")
        if not is_so:
            print("#", *unlike, ours.stdout[-500:] if not unlike else "", ours.stderr, "" if said else "the checker said nothing", sep="\n# ")
finally:
    shutil.rmtree(folder, ignore_errors=True)
print(f"1..{count}")
sys.exit(failed > 0)
