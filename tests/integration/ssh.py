# SPDX-License-Identifier: LGPL-2.1-or-later
"""scan --via ssh, with a real sshd and libvirtd, and with stand-ins that answer what no kernel says: ssh.py BUILD SOURCE."""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

BUILD, SOURCE = sys.argv[1:3]
sys.path.insert(0, f"{SOURCE}/tests/lib")
import libvirtd

KERNEL_LIST = "/sys/devices/system/cpu/vulnerabilities"
SSHD = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin")
if not (libvirtd.is_possible() and SSHD and shutil.which("virt-ssh-helper") and os.path.isdir(KERNEL_LIST)):
    print("1..0 # SKIP needs root, libvirtd, sshd and a kernel that lists vulnerabilities")
    sys.exit(0)
count = failed = 0


def check(what, is_so, *more):
    global count, failed
    count += 1
    failed += not is_so
    print("ok" if is_so else "not ok", count, "-", what)
    if not is_so:
        print("#", *[str(word).replace("\n", "\n# ") for word in more])


folder = tempfile.mkdtemp()
os.mkdir(f"{folder}/bin")
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
for name in ("host", "user"):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{name}"], check=True)
shutil.copy(f"{folder}/user.pub", f"{folder}/authorized")
with open(f"{folder}/sshd_config", "w") as file:
    file.write(f"""ListenAddress 127.0.0.1:{port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized
StrictModes no
UsePAM no
PidFile none
""")
with open(f"{folder}/config", "w") as file:
    file.write(f"IdentityFile {folder}/user\nUserKnownHostsFile {folder}/known\nStrictHostKeyChecking accept-new\n")


def put_ssh(text):
    with open(f"{folder}/bin/ssh", "w") as file:
        file.write(text)
    os.chmod(f"{folder}/bin/ssh", 0o755)


REAL = f'exec {shutil.which("ssh")} -F {folder}/config "$@"\n'
put_ssh(f"#!/bin/sh\n{REAL}")
# virt-ssh-helper looks for libvirtd where a machine has it.
START = f"""mount -t tmpfs none /run && mkdir -m 755 /run/sshd /run/libvirt && ln -s {folder}/daemon/libvirt-sock /run/libvirt/libvirt-sock &&
    exec {SSHD} -D -f {folder}/sshd_config"""
sshd = subprocess.Popen(["unshare", "-m", "sh", "-c", START], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
daemon = libvirtd.Libvirtd(f"{folder}/daemon")
environment = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}", "LC_ALL": "C"}
URI = f"qemu+ssh://root@127.0.0.1:{port}/system?proxy=native"


def scan(*words, uri=URI):
    got = subprocess.run([f"{BUILD}/cpulift", "scan", "-c", uri, *words], env=environment, capture_output=True, text=True, timeout=120)
    return got, json.loads(got.stdout) if got.stdout else {}


try:
    for _ in range(100):
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    there = {name: open(f"{KERNEL_LIST}/{name}").readline().strip() for name in os.listdir(KERNEL_LIST)}
    got, document = scan()
    check("libvirt alone tells nothing of vulnerabilities", got.returncode == 0 and "vulnerabilities" not in document, got)
    got, document = scan("--via", "ssh")
    check("they come over ssh", got.returncode == 0 and document.get("vulnerabilities") == there, got, there)
    check("with the kernel", document.get("versions", {}).get("kernel") == os.uname().release, got)

    # From here on libvirt's ssh is the real one, and ours is not.
    def stand_in(text):
        put_ssh(f'#!/bin/sh\nfor word; do last=$word; done\ncase $last in grep*) ;; *) {REAL.strip()} ;; esac\n{text}\n')

    stand_in(f'printf "%s\\n" "$@" >{folder}/words; echo "{KERNEL_LIST}/mds:Vulnerable"; exit 2')
    got, document = scan("--via", "ssh")
    check("a file that is not there is no failure", got.returncode == 0 and document.get("vulnerabilities") == {"mds": "Vulnerable"}, got)
    with open(f"{folder}/words") as file:
        words = file.read().split("\n")
    check("ssh is asked without a shell of ours", words[-4:-2] == ["--", "127.0.0.1"] and "BatchMode=yes" in words
          and words[words.index("-l") + 1] == "root" and words[words.index("-p") + 1] == str(port), words)
    for what, text, said in (
            ("cannot get in", "echo 'x: Permission denied (publickey).' >&2; exit 255", "Permission denied"),
            ("says nothing", "exit 0", "cannot ask"),
            ("says something else", "echo Welcome", "says nothing of its CPU's vulnerabilities"),
            ("floods", "yes", "more than 256 KiB"),
            ("never ends", "echo begun; exec sleep 600", "did not answer"),
            ("prints escapes", r"""printf "%s/mds:\033[2Jx\n" """ + KERNEL_LIST, None)):
        stand_in(text)
        begun = time.monotonic()
        got, document = scan("--via", "ssh", "--timeout", "8")
        is_so = got.returncode == 2 and said in got.stderr and not got.stdout if said else document.get("vulnerabilities") == {"mds": "?[2Jx"}
        check(f"a host that {what}", is_so and time.monotonic() - begun < 20 and "\033" not in got.stdout + got.stderr, got)
    check("no ssh is left", subprocess.run(["pgrep", "-f", "^sleep 600$"], capture_output=True).returncode != 0)
finally:
    sshd.kill()
    sshd.wait()
    daemon.end()
    shutil.rmtree(folder, ignore_errors=True)
print(f"1..{count}")
sys.exit(failed > 0)
