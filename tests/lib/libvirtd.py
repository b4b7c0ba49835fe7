# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real libvirtd with its state in a folder and in a mount namespace of its own. Needs root."""
import atexit
import os
import shutil
import signal
import subprocess
import time
import uuid


def is_possible():
    return os.getuid() == 0 and all(shutil.which(program) for program in ("libvirtd", "virsh", "unshare"))


class Libvirtd:
    # The daemon is the child itself. Its state outlives it, so that another goes on with its guests.
    START = """mount --make-rprivate / && mkdir -p "$0/run/libvirt" "$0/lib" "$0/cache" && mount --bind "$0/run" /run && mount --bind "$0/lib" /var/lib/libvirt &&
        mount --bind "$0/cache" /var/cache/libvirt || exit 1
        [ -d "$0/cache/qemu" ] || cp -r /var/cache/cpulift/cache/. /var/cache/libvirt 2>/dev/null
        mkdir -p /etc/libvirt && mount --bind "$0/etc" /etc/libvirt && exec libvirtd --config "$0/etc/libvirtd.conf" --pid-file "$0/pid" """

    def __init__(self, folder, programs=None):
        """`programs`: a folder whose programs libvirtd finds before the system's, such as QEMU."""
        self.folder, self.socket = folder, f"{folder}/libvirt-sock"
        self.environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"} if programs else None
        os.makedirs(f"{folder}/etc")
        with open(f"{folder}/etc/libvirtd.conf", "w") as file:
            file.write(f'unix_sock_dir = "{folder}"\nauth_unix_rw = "none"\nauth_unix_ro = "none"\nhost_uuid = "{uuid.uuid4()}"\n')
        # As root QEMU finds the same of /dev/kvm at each look; else libvirt may ask it anew for each answer, for seconds.
        with open(f"{folder}/etc/qemu.conf", "w") as file:
            file.write('user = "root"\ngroup = "root"\nstdio_handler = "file"\nsecurity_driver = "none"\nnamespaces = []\ncgroup_controllers = []\n')
        self.uri = self.get_uri("qemu", "system")
        self.start()

    def get_uri(self, driver, path):
        return f"{driver}+unix:///{path}?socket={self.socket}"

    def start(self):
        self.daemon = subprocess.Popen(["unshare", "-m", "sh", "-c", self.START, self.folder], env=self.environment, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        atexit.register(self.daemon.kill)  # of a test that fails, too
        for _ in range(300):
            if subprocess.run(["virsh", "-c", self.uri, "version"], capture_output=True).returncode == 0:
                break
            time.sleep(0.1)

    def virsh(self, *words, uri=None, text=None):
        """What it printed; `text` are lines of commands."""
        got = subprocess.run(["virsh", "-q", "-c", uri or self.uri, *words], input=text, capture_output=True, text=True)
        if got.returncode != 0 or (text and got.stderr):
            raise RuntimeError(f"virsh {' '.join(words)}: {got.stderr}")
        return got.stdout

    def define(self, name, xml):
        path = f"{self.folder}/{name}.xml"
        with open(path, "w") as file:
            file.write(xml)
        self.virsh("define", path)

    def kill(self, number=signal.SIGKILL):
        self.daemon.send_signal(number)
        self.daemon.wait()

    def end(self):
        """With its guests, which outlive it."""
        for name in self.virsh("list", "--name").split():
            self.virsh("destroy", name)
        self.kill(signal.SIGTERM)
