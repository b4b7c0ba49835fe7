# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the time that cpulift takes for what it reads grows with it: long, deep and repetitive inputs of 1 and 4 MiB, one shape each.

shapes.py BUILD SOURCE [WORD…]: TSV of CPU seconds and peak MiB; of the shapes whose names have one of the words, else all. Ends with 1 where one
of 4 MiB takes more than SECONDS, whether it is read or refused.
"""
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile

BUILD, SOURCE, WORDS = sys.argv[1], sys.argv[2], sys.argv[3:]
SECONDS = 2
BUILD, SOURCE = os.path.abspath(BUILD), os.path.abspath(SOURCE)
COMMON = f"{SOURCE}/tests/golden/common"


def load(name):
    with open(f"{COMMON}/{name}.json") as file:
        return json.load(file)


HOST, PLAN, SAMPLES = load("north"), load("plan"), load("samples")


def repeat(unit, size):
    return unit * (size // len(unit))


def count(form, size):
    """The form, which has one %d, with as many numbers as fill the size."""
    return "".join(form % i for i in range(size // len(form % 100000)))


def domain(inner):
    return f"<domain type='{PLAN['virt']}'><name>v</name><os><type arch='x86_64' machine='pc'>hvm</type></os>{inner}</domain>"


def host(**members):
    return json.dumps(HOST | members)


def host_guest(name, value):
    return host(guests=[HOST["guests"][0] | {name: value}])


def samples(rows, **members):
    """With settings that ask for these rows."""
    settings = SAMPLES["settings"] | {
        "runs": max(1, *(row["run"] for row in rows)),
        "workloads": [{"name": name, "arguments": []} for name in dict.fromkeys(row["workload"] for row in rows)],
        "definitions": [{"name": name, "argument": "host"} for name in dict.fromkeys(row["cpu"] for row in rows)],
    }
    return json.dumps(SAMPLES | members | {"settings": settings, "samples": rows})


def sample(**members):
    return SAMPLES["samples"][0] | members


def names(letter, size):
    return [f"{letter}{i}" for i in range(size // 10)]


def nested(size):
    """So many namespaces in scope as the depth allows."""
    spaces = "".join(f" xmlns:a{i}='u{i}'" for i in range(200))
    return "".join(f"<b{spaces}>" for _ in range(min(200, size // len(spaces)))), "</b>"


def nest(size):
    opened, closed = nested(size)
    depth = opened.count("<b")
    return domain(opened + repeat("<a199:x/>", max(0, size - len(opened))) + closed * depth)


REWRITE = ["rewrite", "--plan", f"{COMMON}/plan.json", "IN"]
IMPORT, PLANNED = ["import", "IN", "--name", "n"], ["plan", "IN"]
REPORT = ["report", "IN", "-o", "page"]
CLOUD = ["apply", f"{COMMON}/plan.json", "--root", "node", "--hook", "/usr/libexec/cpulift/cpulift-hook", "--platform"]
PROPERTIES, KVMRC = "node/etc/cloudstack/agent/agent.properties", "node/var/lib/one/remotes/etc/vmm/kvm/kvmrc"
CONF, TRACE = "node/etc/one/vmm_exec/vmm_exec_kvm.conf", "node/var/lib/cpulift/hook.log"

# What is written where, of which size, and who reads it.
SHAPES = {
    "domain: comments": ("in.xml", lambda n: domain(repeat("<!-- ' -->", n)), REWRITE),
    "domain: elements": ("in.xml", lambda n: domain(repeat("<a/>", n)), REWRITE),
    "domain: deep": ("in.xml", lambda n: domain(repeat("<a>", n // 2) + repeat("</a>", n // 2)), REWRITE),
    "domain: attributes": ("in.xml", lambda n: domain("<a " + count("a%d='' ", n) + "/>"), REWRITE),
    "domain: elements of many attributes": ("in.xml", lambda n: domain(repeat("<a " + count("a%d='' ", 2000) + "/>", n)), REWRITE),
    "domain: namespaces": ("in.xml", lambda n: domain("<a " + count("xmlns:a%d='u' ", n) + "/>"), REWRITE),
    "domain: namespaces in scope": ("in.xml", nest, REWRITE),
    "domain: sections": ("in.xml", lambda n: domain("<d>" + repeat("<![CDATA[<a]]>", n) + "</d>"), REWRITE),
    "domain: cpus": ("in.xml", lambda n: domain(repeat("<cpu mode='custom'/>", n)), REWRITE),
    "domain: features": ("in.xml", lambda n: domain("<cpu mode='custom'><model>qemu64</model>" + count("<feature name='f%d' policy='require'/>", n) + "</cpu>"), REWRITE),
    "domain: NUMA cells": ("in.xml", lambda n: domain("<cpu><numa>" + count("<cell id='%d' cpus='0'/>", n) + "</numa></cpu>"), REWRITE),
    "domain: prefixes": ("in.xml", lambda n: domain(count("<a%d:b/>", n)), REWRITE),
    "domain: QEMU's arguments": ("in.xml", lambda n: domain("<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>" + repeat("<q:arg value='-cpu'/>", n) + "</q:commandline>"), REWRITE),
    "reply: properties": ("in.json", lambda n: '{"return":{"model":{"name":"m","props":{' + count('"p%d":true,', n) + '"x":true}}}}', IMPORT),
    "reply: values": ("in.json", lambda n: repeat('{"return":{}}\n', n), IMPORT),
    "reply: deep": ("in.json", lambda n: '{"return":' + repeat("[", n), IMPORT),
    "capabilities: features": ("in.xml", lambda n: "<cpu><model>qemu64</model>" + count("<feature name='f%d'/>", n) + "</cpu>", IMPORT),
    "host: unknown features": ("in.json", lambda n: host_guest("unknown", names("u", n)), PLANNED),
    "host: reasons of blocked models": ("in.json", lambda n: host_guest("blocked_models", {name: [name] for name in names("m", n // 3)}), ["show", "IN"]),
    "host: two lists of features": ("in.json", lambda n: host_guest("unknown", names("u", n)), ["diff", "IN", "IN"]),
    "host: one feature again": ("in.json", lambda n: host_guest("features", ["sse"] * (n // 6)), PLANNED),
    "host: blocked models": ("in.json", lambda n: host_guest("blocked_models", {name: ["avx"] for name in names("m", n // 2)}), PLANNED),
    "host: usable models": ("in.json", lambda n: host_guest("usable_models", names("m", n)), PLANNED),
    "host: libvirt's models": ("in.json", lambda n: host(libvirt_models=names("m", n)), PLANNED),
    "host: vulnerabilities": ("in.json", lambda n: host(vulnerabilities={name: "Vulnerable" for name in names("v", n // 2)}), PLANNED),
    "hosts: of one kind": ("in.jsonl", lambda n: "".join(host(name=f"h{i}") + "\n" for i in range(n // len(host()))), PLANNED),
    "hosts: a kind each": ("in.jsonl", lambda n: "".join(host(name=f"h{i}", libvirt_models=[f"m{i}"]) + "\n" for i in range(n // len(host()))), PLANNED),
    "hosts: unknown features": ("in.jsonl", lambda n: "".join(host(name=f"h{i}", guests=[HOST["guests"][0] | {"unknown": [f"u{i}"]}]) + "\n" for i in range(n // len(host()))), PLANNED),
    "hosts file: names": ("in.txt", lambda n: count("h%d qemu:///x\n", n), ["plan", f"{COMMON}/north.json", "--hosts", "IN"]),
    "hosts file: comments": ("in.txt", lambda n: repeat("# x\n", n), ["plan", f"{COMMON}/north.json", "--hosts", "IN"]),
    "plan: losses": ("in.json", lambda n: json.dumps(PLAN | {"losses": [{"feature": "avx", "hosts": [f"h{i}"], "host_count": 1} for i in range(n // 60)]}), ["show", "IN"]),
    "plan: losses of a kind each": ("in.json", lambda n: json.dumps(PLAN | {"kinds": [{"hosts": [f"h{i}"], "host_count": 1, "cpu": "X"} for i in range(n // 120)], "losses": [{"feature": f"f{i}", "hosts": [f"h{i}"], "host_count": 1, "kinds": [i]} for i in range(n // 120)]}), ["explain", "IN"]),
    "plan: features": ("in.json", lambda n: json.dumps(PLAN | {"features": PLAN["features"] + names("f", n)}), ["show", "IN"]),
    "policy: names": ("in.ini", lambda n: "[policy]\nallow=" + repeat("avx;", n) + "\n", ["plan", f"{COMMON}/north.json", "--policy", "IN"]),
    "policy: patterns": ("in.ini", lambda n: "[policy]\ndeny=" + repeat("s*;", min(n, 127 << 10)) + "\n", ["plan", f"{COMMON}/north.json", "--policy", "IN"]),
    "policy: keys": ("in.ini", lambda n: "[policy]\n" + count("k%d=1\n", n), ["plan", f"{COMMON}/north.json", "--policy", "IN"]),
    "samples: runs": ("in.json", lambda n: samples([sample(run=i) for i in range(min(10000, n // 400))]), REPORT),
    "samples: definitions": ("in.json", lambda n: samples([sample(cpu=f"c{i}") for i in range(n // 400)]), REPORT),
    "samples: definitions and runs": ("in.json", lambda n: samples([sample(cpu=f"c{i % 50}", run=i // 50) for i in range(n // 400)]), REPORT),
    "samples: versions": ("in.json", lambda n: samples(SAMPLES["samples"], machine={"versions": {name: "1" for name in names("v", n // 2)}}), REPORT),
    "properties: keys": (PROPERTIES, lambda n: count("k%d=v\n", n), CLOUD + ["cloudstack"]),
    "properties: one line": (PROPERTIES, lambda n: "k=" + "v" * n, CLOUD + ["cloudstack"]),
    "properties: continued": (PROPERTIES, lambda n: repeat("a\\\n", n), CLOUD + ["cloudstack"]),
    "properties: secrets": (PROPERTIES, lambda n: count("k%d.password=x\n", n), CLOUD + ["cloudstack"]),
    "kvmrc: lines": (KVMRC, lambda n: repeat("x=1\n", n), CLOUD + ["opennebula"]),
    "vmm_exec_kvm.conf: lines": (CONF, lambda n: repeat('CPU_MODEL = [ MODEL="x" ]\n', n), CLOUD + ["opennebula"]),
    "vmm_exec_kvm.conf: one line": (CONF, lambda n: repeat('A="', n), CLOUD + ["opennebula"]),
    "vmm_exec_kvm.conf: hashes": (CONF, lambda n: "#" * n, CLOUD + ["opennebula"]),
    "inventory: hosts": ("in.xml", lambda n: "<HOST_POOL>" + count("<HOST><NAME>h%d</NAME><TEMPLATE><KVM_CPU_MODELS>a b</KVM_CPU_MODELS></TEMPLATE></HOST>", n) + "</HOST_POOL>", CLOUD + ["opennebula", "--inventory", "IN"]),
    "inventory: models": ("in.xml", lambda n: "<HOST_POOL>" + ("<HOST><NAME>h</NAME><TEMPLATE><KVM_CPU_MODELS>" + count("m%d ", n // 2) + "</KVM_CPU_MODELS></TEMPLATE></HOST>") * 2 + "</HOST_POOL>", CLOUD + ["opennebula", "--inventory", "IN"]),
    "trace: lines": (TRACE, lambda n: repeat("2026-01-01T00:00:00Z cloudstack g: why\n", n), ["status", "--root", "node"]),
}
# Files that a node has besides.
NODE = {
    "node/usr/share/cloudstack-agent/lib/cloud-plugin-hypervisor-kvm-4.20.0.0.jar": "",
    PROPERTIES: "guest=1\n",
    "node/var/lib/one/remotes/VERSION": "6.10.0",
    KVMRC: "export A=1\n",
    CONF: "A = 1\n",
}


def write(path, text):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def measure(path, text, words):
    """CPU seconds, MiB and exit status; what takes far too long is ended."""
    for name, content in NODE.items():
        write(name, content)
    write(path, text)
    command = [f"{BUILD}/cpulift", *(path if word == "IN" else word for word in words)]
    limit = lambda: resource.setrlimit(resource.RLIMIT_CPU, (10 * SECONDS, 10 * SECONDS))
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=limit)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    shutil.rmtree("node")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode


def main():
    slow = []
    print("shape\t1 MiB [s]\t4 MiB [s]\tratio\tpeak [MiB]\tstatus", flush=True)
    for name, (path, make, words) in SHAPES.items():
        if WORDS and not any(word in name for word in WORDS):
            continue
        one, _, _ = measure(path, make(1 << 20), words)
        four, memory, status = measure(path, make(4 << 20), words)
        print(f"{name}\t{one:.2f}\t{four:.2f}\t{four / max(one, 0.01):.1f}\t{memory:.0f}\t{status}", flush=True)
        if four > SECONDS:
            slow.append(name)
    if slow:
        sys.exit(f"more than {SECONDS} s: " + ", ".join(slow))



with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    main()
