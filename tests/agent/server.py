# SPDX-License-Identifier: LGPL-2.1-or-later
"""What strangers send is refused, and who is slow is cut off, while others are served: server.py CPULIFTD SOURCE."""
import os
import resource
import select
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

from node import Node, fail, read_memory, wait_for

PROGRAM = sys.argv[1]
# What is sent, and the status that comes back; None: the connection is closed.
REQUESTS = (
    (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 503),
    (b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 200),
    (b"GET /metrics?since=1 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /v1/ledger?limit HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    (b"GET /../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    (b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    (b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 405),
    (b"DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    (b"BREW /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    (b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 100000, 413),
    (b"GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n", 413),
    (b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", (400, 413)),
    (b"GET /metrics HTTP/1.1\r\n\r\n", 400),
    (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    (b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20000 + b"\r\n\r\n", 431),
    (b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 5000 + b"\r\n", 431),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), (400, None)),
    (b"\r\n\r\n\r\n\r\n" + b"\0" * 1000 + b"\r\n\r\n", (400, None)),
    (b"GARBAGE\r\n\r\n", (400, None)),
    (b"GET /metrics HTTP/9.9\r\nHost: x\r\n\r\n", (200, 400, 505)),
)


def connect(node):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(60)
    connection.connect(node.socket)
    return connection


def ask(connection, request):
    """The status; None where there was none."""
    try:
        connection.sendall(request)
    except OSError:
        pass
    try:
        answer = connection.recv(65536)
    except ConnectionError:
        return None
    return int(answer.split()[1]) if answer.startswith(b"HTTP/1.") else None


def strangers(node):
    for request, wanted in REQUESTS:
        with connect(node) as connection:
            got = ask(connection, request)
        if got not in (wanted if isinstance(wanted, tuple) else (wanted,)):
            fail(f"{request[:60]}: {got}, not {wanted}")
    refused = node.metric('cpulift_agent_requests_total{answer="refused"}')
    if refused < 9:
        fail(f"{refused} refusals are told")


def keep_alive(node):
    with connect(node) as connection:
        for _ in range(3):
            if ask(connection, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n") != 200:
                fail("a second request on one connection")
            while select.select([connection], [], [], 0.1)[0]:
                connection.recv(65536)


def slow(node):
    """Silent ones go after ten seconds, those that send a byte now and then after thirty; others are served meanwhile."""
    silent, dripping = [connect(node) for _ in range(20)], [connect(node) for _ in range(20)]
    begin, open_ones, ends = time.monotonic(), {*silent, *dripping}, {}
    for one in dripping:
        one.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
    while open_ones and time.monotonic() - begin < 45:
        for one in select.select(list(open_ones), [], [], 1)[0]:
            try:
                rest = one.recv(4096)
            except ConnectionError:
                rest = b""
            if not rest:
                ends[one] = time.monotonic() - begin
                open_ones.discard(one)
        for one in open_ones.intersection(dripping):
            try:
                one.send(b"a")
            except OSError:
                pass
        if node.get("/metrics")[0] != 200:
            fail("others are not served beside slow ones")
    if open_ones:
        fail(f"{len(open_ones)} slow clients are still there after 45 s")
    late = max(ends[one] for one in silent)
    if not 9 <= late <= 20 or not all(25 <= ends[one] <= 40 for one in dripping):
        fail(f"slow clients went after {late} s and {[ends[one] for one in dripping]} s")
    for one in (*silent, *dripping):
        one.close()


def crowd(node):
    """A thousand at once: at most 128 are let in, the others wait, and each that asks is answered."""
    before = read_memory(node)
    crowd = [connect(node) for _ in range(1000)]
    for one in crowd:
        one.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answered = sum(one.recv(65536).startswith(b"HTTP/1.1 200") for one in crowd)
    for one in crowd:
        one.close()
    if answered != 1000:
        fail(f"{answered} of 1000 were answered")
    crowd = [connect(node) for _ in range(1000)]  # and a thousand that say nothing and go
    for one in crowd:
        one.close()
    wait_for("others after a crowd", lambda: node.get("/metrics")[0] == 200)
    grown = read_memory(node) - before
    if grown > 4096:
        fail(f"a crowd left {grown} KiB")


def siege(node):
    """Many that are slow and come again when they are cut off keep nobody out."""
    slow_ones, begin, answered = [connect(node) for _ in range(400)], time.monotonic(), 0
    while time.monotonic() - begin < 20:
        for i, one in enumerate(slow_ones):
            try:
                one.send(b"GET /metrics HTTP/1.1\r\nX: a")
                one.setblocking(False)
                gone = one.recv(4096) == b""
            except BlockingIOError:
                gone = False
            except OSError:
                gone = True
            if gone:
                one.close()
                slow_ones[i] = connect(node)
        if answered == 0 or time.monotonic() - begin > 10:
            asked = time.monotonic()
            with connect(node) as guest:
                guest.settimeout(15)
                if ask(guest, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n") != 200:
                    fail("many slow ones keep others out")
            if time.monotonic() - asked > 12:
                fail("many slow ones keep others waiting")
            answered += 1
    for one in slow_ones:
        one.close()
    if answered < 2:
        fail(f"{answered} asked beside many slow ones")


def read_seconds(node):
    """What it has had of a CPU."""
    with open(f"/proc/{node.process.pid}/stat") as file:
        return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")


def starved(node):
    """Without a descriptor for whoever knocks it tries now and then, and lets him in once it has one."""
    pid = node.process.pid
    time.sleep(0.5)  # the last who was there has left
    most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    free = next(number for number in range(most[0]) if not os.path.exists(f"/proc/{pid}/fd/{number}"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, most[1]))
    begin = read_seconds(node)
    with connect(node) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        is_answered = bool(select.select([connection], [], [], 2)[0])
        spent = read_seconds(node) - begin
        resource.prlimit(pid, resource.RLIMIT_NOFILE, most)
        if is_answered or spent > 0.2:
            fail(f"without descriptors: answered: {is_answered}, {spent} s of a CPU in 2 s")
        if ask(connection, b"") != 200:
            fail("who waited for a descriptor is not answered")


def make_certificates(folder):
    """Two authorities, and what they sign: NAME is signed by its authority, for a purpose, until a day."""
    def run(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

    for authority in ("ours", "theirs"):
        run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={authority}", "-keyout",
            f"{authority}.key", "-out", f"{authority}.pem")
    for name, authority, purpose, days in (("agent", "ours", "serverAuth", "2"), ("client", "ours", "clientAuth", "2"), ("server", "ours", "serverAuth", "2"),
                                           ("stranger", "theirs", "clientAuth", "2"), ("old", "ours", "clientAuth", "-1")):
        with open(f"{folder}/{name}.ext", "w") as file:
            file.write(f"extendedKeyUsage={purpose}\nsubjectAltName=IP:127.0.0.1\n")
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        run("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial", "-days", days, "-extfile",
            f"{name}.ext", "-out", f"{name}.pem")


def ask_secure(folder, port, client, authority="ours"):
    """The status, or the error's name."""
    context = ssl.create_default_context(cafile=f"{folder}/{authority}.pem")
    if client:
        context.load_cert_chain(f"{folder}/{client}.pem", f"{folder}/{client}.key")
    try:
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=20), server_hostname="127.0.0.1") as connection:
            return ask(connection, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    except ssl.SSLCertVerificationError:
        return "not trusted"
    except (ssl.SSLError, ConnectionError):
        return None


def find_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def secure(folder):
    make_certificates(folder)
    port = find_port()
    node = Node(PROGRAM, folder, f"127.0.0.1:{port}")
    node.http(f"certificate = {folder}/agent.pem\nkey = {folder}/agent.key\nclients = {folder}/ours.pem\n")
    node.start()
    for client, wanted in (("client", (200,)), (None, (403, None)), ("stranger", (403, None)), ("old", (403, None)), ("server", (403, None))):
        got = ask_secure(folder, port, client)
        if got not in wanted:
            fail(f"client's certificate '{client}': {got}")
    if ask_secure(folder, port, "client", "theirs") != "not trusted":
        fail("the agent is trusted by who does not know its authority")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
        if ask(plain, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n") == 200:
            fail("HTTP without TLS is answered")
    if node.get("/metrics")[0] != 200:
        fail("the Unix socket beside TLS")
    node.stop()


def refused(folder, listen, keys, words, check=("--check",), plan=None):
    """It does not start, and says why; so does --check where the keys alone are to blame."""
    node = Node(PROGRAM, folder, listen)
    node.http(keys)
    if plan:
        with open(f"{folder}/conf") as file:
            text = file.read().replace(node.plan, plan)
        with open(f"{folder}/conf", "w") as file:
            file.write(text)
    for more in [[], *([option] for option in check)]:
        got = subprocess.run([PROGRAM, "--config", f"{folder}/conf", *more], capture_output=True, text=True, timeout=20)
        if got.returncode != 2 or words not in got.stderr or len(got.stderr.splitlines()) > 2:
            fail(f"listen = {listen}, {keys} {more}: {got.returncode} {got.stderr}")


def untrusted(folder, place, more):
    """What others may write does not decide what this one does."""
    Node(PROGRAM, folder)
    os.chmod(place, os.stat(place).st_mode | 0o020)
    got = subprocess.run([PROGRAM, "--config", f"{folder}/conf", *more], capture_output=True, text=True, timeout=20)
    if got.returncode != 2 or f"'{place}' is not trusted" not in got.stderr:
        fail(f"{place}, which others may write: {got.returncode} {got.stderr}")
    os.chmod(place, os.stat(place).st_mode & ~0o020)


def starts(folder):
    port = find_port()
    refused(folder, f"0.0.0.0:{port}", "", "can be reached from other machines")
    refused(folder, f"[::]:{port}", "", "can be reached from other machines")
    refused(folder, f"localhost:{port}", "", "is none of unix:PATH")
    refused(folder, "127.0.0.1:0", "", "is none of unix:PATH")
    refused(folder, "unix:there", "", "must begin with '/'")
    refused(folder, "unix:/" + "x" * 200, "", "shorter than")
    refused(folder, f"unix:{folder}/none/socket", "", "make its folder", ())
    refused(folder, "", "certificate = /x\n", "all three")
    refused(folder, "", "certificate = /x\nkey = /x\nclients = /x\n", "cannot open '/x'")
    refused(folder, "", "mode = 999\n", "no permissions")
    refused(folder, "", "", "no place for a plan", plan="here.json")
    refused(folder, "", "[agent]\nroot = /nowhere\n", "'/nowhere' is no folder")
    refused(folder, "", "", "names no plan", plan="etcd://127.0.0.1:1/prefix")
    refused(folder, "", "", "is no HOST:PORT", plan="etcd://a:b/prefix/plan/x")
    refused(folder, "", "[etcd]\nuser = me\n", "password", plan="etcd://there:1/p/plan/x")
    for place, is_told in ((f"{folder}/conf", ["--check"]), (f"{folder}/state", [])):
        os.makedirs(f"{folder}/state", exist_ok=True)
        untrusted(folder, place, is_told)
    node = Node(PROGRAM, folder).start()
    refused(folder, "", "", "another cpuliftd has", ())
    with tempfile.TemporaryDirectory() as other:
        refused(other, f"unix:{node.socket}", "", "Address already in use", ())
    if node.get("/metrics")[0] != 200 or os.stat(node.socket).st_mode & 0o777 != 0o660:
        fail("the socket of one that runs was taken away")
    node.kill()
    node.start()  # what it left is replaced
    node.stop()
    if os.path.exists(node.socket):
        fail("the socket is left")


def each(what):
    with tempfile.TemporaryDirectory() as scratch:
        what(scratch)


def limits(folder):
    node = Node(PROGRAM, folder).start()
    for part in (strangers, keep_alive, starved, crowd, slow, siege):
        part(node)
    node.stop()


def unlike(folder):
    """A certificate with another's key, which GnuTLS would take where both are Ed25519, and what is none."""
    for kind in ("ed25519", "rsa:2048"):
        for name in ("one", "other"):
            subprocess.run(["openssl", "req", "-x509", "-newkey", *kind.split(), "-nodes", "-days", "2", "-subj", "/CN=x", "-keyout", f"{name}.key", "-out",
                            f"{name}.pem"], check=True, capture_output=True, cwd=folder)
        refused(folder, "", f"certificate = {folder}/one.pem\nkey = {folder}/other.key\nclients = {folder}/one.pem\n", "is not the key of the certificate")
    refused(folder, "", f"certificate = {folder}/one.key\nkey = {folder}/one.key\nclients = {folder}/one.pem\n", "one.key' is no certificate in PEM")
    refused(folder, "", f"certificate = {folder}/one.pem\nkey = {folder}/one.pem\nclients = {folder}/one.pem\n", "one.pem' is no private key")
    refused(folder, "", f"certificate = {folder}/one.pem\nkey = {folder}/one.key\nclients = {folder}/conf\n", "conf' is no certificate in PEM")


each(starts)
each(limits)
if shutil.which("openssl"):
    each(secure)
    each(unlike)
else:
    print("TLS: not tested, that needs openssl")
