#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Debian's packages, in BUILD/packages ($BUILD, else build): packages.sh STEP…, or all steps.
#   build    source and binary packages of what is committed
#   again    builds once more in another folder, time zone and language: the same bytes
#   lint     lintian's errors, warnings and hints, and rpmlint's errors: none
#   install  in a bare Debian: installs, upgrades, refuses to be removed while hooks are in force, is removed and purged
#   tests    the packages' own tests (debian/tests) there, but for that of the agent
#   systemd  debian/tests/agent in a guest of that Debian whose first process is systemd and whose kernel has AppArmor, on emulated processors
#   rpm      RPMs by Debian's rpmbuild with Debian's libraries; installed and removed there
# Needs root for the last four.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "${BUILD:-$top/build}/packages"
place=$(cd "${BUILD:-$top/build}/packages" && pwd)
bare=$place/bare
release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
version=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$top/debian/changelog")
for program in dh dpkg-buildpackage lintian debootstrap; do
    command -v "$program" >/dev/null || { echo "packages.sh: no $program; install debhelper, dpkg-dev, lintian and debootstrap" >&2; exit 77; }
done
unset LIBRARY_PATH CPATH LD_LIBRARY_PATH

fail() {
    echo "packages.sh: $*" >&2
    exit 1
}

# make FOLDER: packages of the last commit.
make() {
    rm -rf "$1"
    mkdir -p "$1/cpulift-$version"
    git -C "$top" archive HEAD | tar -x -C "$1/cpulift-$version"
    (cd "$1/cpulift-$version" && dpkg-buildpackage -us -uc) >"$1/log" 2>&1 || { tail -n 30 "$1/log"; fail "no packages; '$1/log' says why"; }
}

step_build() {
    make "$place/first"
    ls "$place/first"/*.deb
}

step_again() {
    TZ=Pacific/Chatham LC_ALL=C.UTF-8 make "$place/another-folder"
    for file in "$place/first"/*.deb "$place/first"/*.tar.xz; do
        cmp "$file" "$place/another-folder/${file##*/}" || fail "'${file##*/}' is another when built again"
    done
}

step_lint() {
    lintian --fail-on error,warning --display-info --suppress-tags package-supports-alternative-init-but-no-init.d-script \
        "$place/first/cpulift_${version}_amd64.changes"
    command -v rpmlint >/dev/null || fail "no rpmlint; install it"
    rpmlint "$top/data/rpm/cpulift.spec"
}

# A bare Debian with the packages in a repository of its own; made once, copied for each use.
make_bare() {
    [ -d "$bare" ] || {
        mirror=$("$top/tools/mirror.sh")
        debootstrap --variant=minbase "$release" "$bare.part" "$mirror" >"$place/debootstrap.log" 2>&1 || fail "'$place/debootstrap.log' says why there is no bare Debian"
        printf '#!/bin/sh\nexit 101\n' >"$bare.part/usr/sbin/policy-rc.d"
        chmod +x "$bare.part/usr/sbin/policy-rc.d"
        cp -r /etc/apt/apt.conf.d/. "$bare.part/etc/apt/apt.conf.d/"
        mv "$bare.part" "$bare"
    }
    rm -rf "$place/root"
    cp -a "$bare" "$place/root"
    mkdir "$place/root/packages"
    cp "$place/first"/*.deb "$place/root/packages"
    for package in "$place/first"/cpulift*_"$version"_*.deb; do
        newer "$package" "$version+1"
    done
    (cd "$place/root/packages" && dpkg-scanpackages --multiversion . >Packages 2>/dev/null)
    echo "deb [trusted=yes] file:/packages ./" >"$place/root/etc/apt/sources.list.d/cpulift.list"
    inside apt-get -qq update
}

# newer PACKAGE VERSION: the same package as another version.
newer() {
    rm -rf "$place/unpacked"
    dpkg-deb -R "$1" "$place/unpacked"
    sed -i "s/\\b$version\\b/$2/" "$place/unpacked/DEBIAN/control"
    dpkg-deb -b "$place/unpacked" "$place/root/packages" >/dev/null
}

inside() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive unshare --mount --pid --fork chroot "$place/root" "$@"
}

apt() {
    inside apt-get -qq -y --no-install-recommends "$@" >>"$place/apt.log" 2>&1
}

step_install() {
    names='cpulift cpulift-hook cpulift-agent cpulift-bench cpulift-doc'
    : >"$place/apt.log"
    make_bare
    # shellcheck disable=SC2046,SC2086 # lists of names
    {
        apt install $(for name in $names; do echo "$name=$version"; done) || fail "not installed; '$place/apt.log' says why"
        inside cpulift --version
        node
        echo "# by its owner" >>"$place/root/etc/cpulift/cpuliftd.conf"
        apt -o Dpkg::Options::=--force-confold install $names || fail "not upgraded; '$place/apt.log' says why"
        inside dpkg-query -W cpulift-hook | grep -q -F "$version+1" || fail "the old version is there"
        grep -q "by its owner" "$place/root/etc/cpulift/cpuliftd.conf" || fail "a changed conffile is gone"
        call_hook || fail "the hook does not answer after the upgrade"
        if apt remove cpulift-hook; then fail "removed while hooks are in force"; fi
        grep -q "run 'cpulift rollback --commit' first" "$place/apt.log" || fail "the refusal is not told"
        call_hook || fail "the hook does not answer after the refusal"
        apt -f install || fail "the packages are left broken"
        inside cpulift rollback --commit
        apt remove $names || fail "not removed; '$place/apt.log' says why"
        [ -e "$place/root/etc/cpulift/cpuliftd.conf" ] || fail "a changed conffile went with the removal"
        apt purge $names || fail "not purged; '$place/apt.log' says why"
        left=$(cd "$place/root" && find . -xdev -path ./proc -prune -o -path ./packages -prune -o \( -name '*cpulift*' -a ! -path './var/lib/apt/*' -a ! -path './var/cache/*' \) -print |
            grep -v '^./etc/apt/\|^./var/lib/systemd\|^./var/log/') || true
        [ -z "$left" ] || fail "purged, and left: $left"
        # And without a change to any conffile, in one step.
        apt install $names || fail "not installed again"
        apt purge $names || fail "not purged at once"
    }
    echo "installed, upgraded, refused, rolled back, removed and purged"
}

# A node of CloudStack with the plan in force.
node() {
    cp "$top/debian/tests/hook" "$place/root/tmp/hook"
    inside sh -c 'mkdir -p /etc/cloudstack/agent/hooks && echo guid=1 >/etc/cloudstack/agent/agent.properties && cd /tmp &&
        echo "<cpu mode=\"custom\" match=\"exact\"><model fallback=\"forbid\">Westmere</model><vendor>Intel</vendor></cpu>" | cpulift import - --name here -o here.json &&
        cpulift plan here.json -o plan.json && cpulift apply plan.json --platform cloudstack --version 4.22 --commit' >>"$place/apt.log" 2>&1 || fail "no plan in force"
    call_hook || fail "the hook does not answer"
}

call_hook() {
    inside sh /etc/cloudstack/agent/hooks/libvirt-vm-xml-transformer.sh transform "<domain type='kvm'><name>i-2-3-VM</name><os><type arch='x86_64'>hvm</type></os></domain>" |
        grep -q '<model.*Westmere'
}

step_tests() {
    make_bare
    : >"$place/apt.log"
    apt install cpulift cpulift-hook || fail "not installed; '$place/apt.log' says why"
    for test in plan hook; do
        cp "$top/debian/tests/$test" "$place/root/tmp/$test"
        inside env AUTOPKGTEST_TMP=/tmp sh -c "cd /tmp && ./$test" >"$place/test-$test.log" 2>&1 || { cat "$place/test-$test.log"; fail "debian/tests/$test"; }
        echo "debian/tests/$test passed"
    done
}

step_systemd() {
    command -v qemu-system-x86_64 >/dev/null && command -v mke2fs >/dev/null || fail "no qemu-system-x86_64 or mke2fs; install qemu-system-x86 and e2fsprogs"
    make_bare
    : >"$place/apt.log"
    apt install systemd-sysv dbus apparmor linux-image-cloud-amd64 initramfs-tools libvirt-daemon-system qemu-system-x86 curl procps \
        "cpulift-agent=$version" "cpulift=$version" "cpulift-hook=$version" || fail "not installed; '$place/apt.log' says why"
    rm "$place/root/usr/sbin/policy-rc.d"
    cp "$top/debian/tests/agent" "$place/root/root/agent"
    cat >"$place/root/root/all" <<'SCRIPT'
set -e
/root/agent
systemctl start cpuliftd
main() { systemctl show --property MainPID --value cpuliftd; }
before=$(main)
dpkg --install /packages/cpulift_*+1_*.deb /packages/cpulift-hook_*+1_*.deb /packages/cpulift-agent_*+1_*.deb
now=$(main)
[ "$now" -ne 0 ]
[ "$now" -ne "$before" ]
dpkg --purge cpulift-agent
[ ! -e "/proc/$now" ]
if dmesg | grep 'DENIED.*profile="cpuliftd"'; then exit 1; fi
echo PASSED
SCRIPT
    cat >"$place/root/etc/systemd/system/agent-test.service" <<'UNIT'
[Unit]
After=multi-user.target
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
ExecStart=sh /root/all
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
UNIT
    ln -s ../agent-test.service "$place/root/etc/systemd/system/multi-user.target.wants"
    ln -s /dev/null "$place/root/etc/systemd/system/serial-getty@ttyS0.service"
    rm -f "$place/disk"
    mke2fs -q -t ext4 -d "$place/root" "$place/disk" 3G
    timeout 900 qemu-system-x86_64 -accel tcg -smp 2 -m 2048 -cpu max -display none -nodefaults -no-reboot -serial stdio \
        -kernel "$place/root"/boot/vmlinuz-* -initrd "$place/root"/boot/initrd.img-* -append "root=/dev/vda rw console=ttyS0 quiet no_timer_check" \
        -drive "file=$place/disk,format=raw,if=virtio,cache=unsafe" </dev/null >"$place/console" 2>&1 || fail "'$place/console' says why the guest did not end"
    rm "$place/disk"
    grep -q '^PASSED' "$place/console" || { tail -n 40 "$place/console"; fail "debian/tests/agent under systemd"; }
    echo "debian/tests/agent passed, and the agent was restarted by an upgrade and stopped by a removal"
}

# What Meson's and systemd's packages bring to rpmbuild elsewhere.
rpm_macros() {
    cat <<'MACROS'
%_vpath_builddir rpm-build
%_unitdir /usr/lib/systemd/system
%_sysusersdir /usr/lib/sysusers.d
%debug_package %{nil}
%_build_id_links none
%meson meson setup --buildtype=plain --prefix=%{_prefix} --libexecdir=%{_libexecdir} --sysconfdir=%{_sysconfdir} --auto-features=%{__meson_auto_features} . %{_vpath_builddir}
%meson_build ninja -C %{_vpath_builddir}
%meson_install DESTDIR=%{buildroot} meson install --no-rebuild -C %{_vpath_builddir}
%meson_test meson test --no-rebuild -C %{_vpath_builddir}
%systemd_post() :
%systemd_preun() :
%systemd_postun_with_restart() :
MACROS
}

rpm_here() {
    rpm --root "$place/root" --nodeps "$@" >>"$place/rpm.log" 2>&1
}

step_rpm() {
    command -v rpmbuild >/dev/null || fail "no rpmbuild; install rpm"
    rm -rf "$place/rpm"
    mkdir -p "$place/rpm/SOURCES"
    rpm_macros >"$place/rpm/macros"
    git -C "$top" archive --prefix="cpulift-$version/" HEAD | xz -0 >"$place/rpm/SOURCES/cpulift-$version.tar.xz"
    rpmbuild -bb --nodeps --load "$place/rpm/macros" --define "_topdir $place/rpm" "$top/data/rpm/cpulift.spec" >"$place/rpm.log" 2>&1 ||
        { tail -n 30 "$place/rpm.log"; fail "no RPMs; '$place/rpm.log' says why"; }
    # The libraries of Debian's packages, without these.
    make_bare
    : >"$place/apt.log"
    { apt install cpulift cpulift-agent && apt purge cpulift cpulift-hook cpulift-agent; } || fail "no libraries; '$place/apt.log' says why"
    rpm_here --install "$place/rpm/RPMS/x86_64"/*.rpm || fail "not installed; '$place/rpm.log' says why"
    inside cpulift --version
    inside cpuliftd --check
    node
    echo "# by its owner" >>"$place/root/etc/cpulift/cpuliftd.conf"
    rpm_here --upgrade --replacepkgs "$place/rpm/RPMS/x86_64"/*.rpm || fail "not upgraded; '$place/rpm.log' says why"
    grep -q "by its owner" "$place/root/etc/cpulift/cpuliftd.conf" || fail "a changed configuration is gone"
    if rpm_here --erase cpulift-hook; then fail "removed while hooks are in force"; fi
    call_hook || fail "the hook does not answer after the refusal"
    inside cpulift rollback --commit
    rpm_here --erase cpulift cpulift-hook cpulift-agent cpulift-bench || fail "not removed; '$place/rpm.log' says why"
    left=$(rpm -qp --list "$place/rpm/RPMS/x86_64"/*.rpm | while read -r file; do if [ -f "$place/root$file" ]; then echo "$file"; fi; done)
    [ -z "$left" ] || fail "removed, and left: $left"
    echo "RPMs installed, upgraded, refused, rolled back and removed"
}

[ $# -gt 0 ] || set -- build again lint install tests systemd rpm
for step; do
    echo "== $step" >&2
    "step_$step"
done
