#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Two CPU maps, this machine's and the newer libvirt's. What the newer one says of hosts is read here without losing a word: what this map lacks
# stands apart by name. With the newer map all of it is known, and the newer libvirt takes each definition that is planned so.
# Usage: maps.py BUILD SOURCE
import glob
import json
import os
import random
import re
import subprocess
import sys
import tempfile

build, source = (os.path.realpath(path) for path in sys.argv[1:3])
newer = source + "/tools/newer.sh"
new_map = build + "/newer/libvirt/usr/share/libvirt/cpu_map"
old_map = os.environ.get("CPULIFT_CPU_MAP", "/usr/share/libvirt/cpu_map")
cpulift = build + "/cpulift"
os.environ["BUILD"] = build

POOLS = 80


def run(*command, wanted=0, **how):
    done = subprocess.run(command, capture_output=True, text=True, input=how.pop("input", ""), **how)
    if done.returncode != wanted and wanted is not None:
        sys.exit(f'status {done.returncode}, not {wanted}: {" ".join(command)[:300]}: {done.stdout[-2000:]}{done.stderr[-2000:]}')
    return done


def check(is_so, what):
    if not is_so:
        sys.exit(f"FAILED: {what}")


def save(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def read_names(folder, kind):
    return {name for path in glob.glob(folder + "/x86_*.xml")
            for name in re.findall(rf"^  <{kind} name='([^']*)'", open(path, encoding="utf-8").read(), re.M)}


def read_vendors(folder):
    """Model → its vendor, where it has one."""
    texts = [open(path, encoding="utf-8").read() for path in glob.glob(folder + "/x86_*.xml")]
    return dict(pair for text in texts for pair in re.findall(r"^  <model name='([^']*)'>(?:(?!</model>).)*?<vendor name='([^']*)'", text, re.M | re.S))


def ask_newer(commands):
    """What its virsh answers to each command, in one process."""
    # As root QEMU finds the same of /dev/kvm at each look; else libvirt may ask it anew for each answer, for seconds.
    os.makedirs(work + "/v/etc", exist_ok=True)
    with open(work + "/v/etc/qemu.conf", "w") as settings:
        settings.write('user = "root"\ngroup = "root"\n')
    text = run(newer, "run", "virsh", "--quiet", "--connect", "qemu:///embed?root=" + work + "/v",
               "; ".join(f"{command}; echo END-OF-ANSWER" for command in commands), wanted=None)
    answers = text.stdout.split("END-OF-ANSWER")
    check(len(answers) == len(commands) + 1, f"{len(commands)} commands, {len(answers) - 1} answers: {text.stderr[-1000:]}")
    return answers[:-1]


def find_given(document):
    """The features that it names as given, in the words of domcapabilities or of a physical CPU."""
    return set(re.findall(r"<feature (?:policy='require' )?name='([^']*)'", document.partition("<mode name='custom'")[0]))


def expand_models(models):
    """What the newer libvirt gives a guest of each model on its vendor's CPUs: the inside of a <cpu> that lists every feature."""
    vendors = {model: f"<vendor>{vendor}</vendor>" for model, vendor in read_vendors(new_map).items()}
    paths = [save(f"{work}/{model}.model", f"<cpu><arch>x86_64</arch><model>{model}</model>{vendors.get(model, '')}</cpu>") for model in models]
    answers = ask_newer([f"cpu-baseline --features {path}" for path in paths])
    return {model: re.search(r"<cpu [^>]*>\n(.*)</cpu>", answer, re.S).group(1) for model, answer in zip(models, answers)}


def describe(template, inside, models):
    """A host's capabilities as the newer libvirt prints them, with this CPU."""
    given = find_given(inside)
    text = template.replace("<domain>qemu<", "<domain>kvm<")
    text = re.sub(r"(<mode name='host-model' supported='yes'>\n).*?( *</mode>)", lambda m: m[1] + inside + m[2], text, flags=re.S)
    return re.sub(r"<model usable='[a-z]*'([^>]*)>([^<]*)<", lambda m: "<model usable='{}'{}>{}<".format(
        "yes" if m[2] in models and find_given(models[m[2]]) <= given else "no", m[1], m[2]), text)


def import_all(folder, paths, *options):
    """The host of each document, by where it is written, and what was said."""
    said = run(cpulift, "import", *options, *paths, "-o", folder + "/").stderr
    hosts = {}
    for path in paths:
        written = f"{folder}/{os.path.basename(path)[:-4]}.json"
        with open(written, encoding="utf-8") as file:
            hosts[written] = json.load(file)
    return hosts, said


def check_given(path, text, host, known):
    """All that a document gives is there, by name or, where the map lacks the name, apart."""
    given, guest = find_given(text), host["guests"][0]
    features = set(guest["features"])
    check(given & known <= features, f"{path}: lost {(given & known) - features}")
    check(set(guest.get("unknown", [])) == given - known, f"{path}: kept apart {guest.get('unknown')}, not {given - known}")
    return given, features


def check_import(documents, hosts, messages, map_folder, models):
    """Nothing is lost or made up, and a model that the map lacks is told."""
    known, known_models = read_names(map_folder, "feature"), read_names(map_folder, "model")
    for (path, text), host in zip(documents.items(), hosts.values()):
        given, features = check_given(path, text, host, known)
        model = re.search(r"<mode name='host-model'.*?<model[^>]*>([^<]*)<", text, re.S)[1]
        check(features <= given | find_given(models[model]), f"{path}: made up {features - given}")
        is_told = f"'{os.path.basename(path)[:-4]}': model '{model}'" in messages
        check(is_told == ("lower_bound" in host["guests"][0]) == (model not in known_models), f"{path}: model {model}: {messages}")


def check_versions(models):
    """A version of a model that the older map has is read as that model, less what versions lost: it gives all of that."""
    versions = [model for model in models if re.fullmatch(r".*-v[0-9]+", model) and model.rpartition("-v")[0] in read_names(old_map, "model")]
    paths = [save(f"{work}/version-{model}.xml", f"<cpu><model>{model}</model></cpu>") for model in versions]
    for model, host in zip(versions, import_all(f"{work}/versions", paths)[0].values()):
        made_up = set(host["guests"][0]["features"]) - find_given(models[model])
        check("lower_bound" in host["guests"][0] and not made_up, f"{model} made up {made_up}")


def check_other_forms(template):
    """What libvirt says of the silicon, and a bare <cpu>."""
    commands = ["capabilities", "hypervisor-cpu-baseline --virttype qemu " + save(f"{work}/template.xml", template)]
    texts = {save(f"{work}/{name}.xml", text): text for name, text in zip(("silicon", "baseline"), ask_newer(commands))}
    hosts = import_all(f"{work}/forms", texts, "--trust-silicon")[0]
    for (path, text), host in zip(texts.items(), hosts.values()):
        check(check_given(path, text, host, read_names(old_map, "feature"))[0], f"{path} names no feature: {text}")


def import_recorded():
    """The recorded machines, where they are."""
    shared = os.environ.get("CPULIFT_SHARED", source + "/../shared")
    paths = {}
    for path in sorted(glob.glob(shared + "/fleet/hosts/*/guest-cpu.xml")):
        with open(path, encoding="utf-8") as file:
            paths[save(f"{work}/recorded-{os.path.basename(os.path.dirname(path))}.xml", file.read())] = path
    return import_all(f"{work}/recorded", paths)[0] if paths else {}


def plan_pools(hosts):
    """What is planned for random pools of one vendor: each definition, and its pool."""
    seed = int(os.environ.get("CPULIFT_SEED", random.randrange(1 << 32)))
    print(f"seed {seed}")
    choose = random.Random(seed)
    kinds = {(host["cpu"]["vendor"], tuple(host["guests"][0]["features"])): path
             for path, host in hosts.items() if "vendor" in host.get("cpu", {}) and "lm" in host["guests"][0]["features"]}
    vendors = {}
    for (vendor, _), path in kinds.items():
        vendors.setdefault(vendor, []).append(path)
    pools = []
    for _ in range(POOLS):
        one = vendors[choose.choice(sorted(vendors))]
        pools.append(choose.sample(one, min(len(one), choose.randint(1, 4))))
    plans = {}
    for pool in pools:
        plan = run(cpulift, "plan", "--quiet", *pool).stdout
        plans.setdefault(json.dumps(json.loads(plan)["definition"]), (plan, pool))
    return {run(cpulift, "show", "--xml", "-", input=plan).stdout: pool for plan, pool in plans.values()}


def check_definitions(definitions):
    """The newer libvirt makes of each QEMU's arguments, with each feature as it stands there."""
    paths = [save(f"{work}/{i}.domain", f"""<domain type='qemu'><name>d</name><memory>65536</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features>{definition}</domain>""") for i, definition in enumerate(definitions)]
    for definition, answer in zip(definitions, ask_newer([f"domxml-to-native qemu-argv --xml {path}" for path in paths])):
        cpu = re.search(r"-cpu (\S+)", answer)
        check(cpu, f"{definitions[definition]}: {definition}: {answer}")
        for policy, word in (("require", "=on"), ("disable", "=off")):
            count = len(re.findall(f"policy='{policy}'", definition))
            check(cpu[1].count(word) == count, f"{definitions[definition]}: {count} times {policy}: {cpu[1]}")


if os.geteuid() != 0:
    print("needs root")
    sys.exit(77)
tried = run(newer, "run", "true", wanted=None)
if tried.returncode != 0:
    print(tried.stderr)
    sys.exit(tried.returncode)
with tempfile.TemporaryDirectory() as work:
    templates = ask_newer([f"domcapabilities --virttype qemu --machine {machine}" for machine in ("pc", "q35")])
    models = expand_models(sorted(read_names(new_map, "model")))
    documents = {save(f"{work}/{machine}.xml", text): text for machine, text in zip(("pc", "q35"), templates)}
    for model, inside in models.items():
        text = describe(templates[0], inside, models)
        documents[save(f"{work}/{model}.xml", text)] = text
    check_import(documents, *import_all(f"{work}/old", documents), old_map, models)
    check_versions(models)
    check_other_forms(templates[0])
    os.environ["CPULIFT_CPU_MAP"] = new_map
    hosts, messages = import_all(f"{work}/new", documents)
    check_import(documents, hosts, messages, new_map, models)
    definitions = plan_pools({**hosts, **import_recorded()})
    check_definitions(definitions)
    print(f"{len(documents)} documents, {len(definitions)} definitions")
