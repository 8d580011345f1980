#!/usr/bin/env python3
"""HTTP: the cases of http_cases/, and what needs more than one connection or more than one answer."""
import glob
import json
import os
import random
import resource
import socket
import subprocess
import sys
import time

from harness import JSON, NOBODY, Daemon, Skip, alive, main, test, wait_until

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "http_cases")
ENV = {"ALLOWED_HOSTS": "db.example", "DEPLOYSTACK_FRONTEND_URL": "http://front.example:5173"}
STATUS = b"GET /api/db/status HTTP/1.1\r\nHost: localhost\r\n\r\n"


# ---- a client that sends what it is told ----

class Client:
    def __init__(self, d, timeout=30, source="127.0.0.1"):
        self.s = socket.create_connection(("127.0.0.1", d.port), timeout, (source, 0))
        self.buffer = b""

    def send(self, data):
        try:
            self.s.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def _more(self):
        data = self.s.recv(65536)
        self.buffer += data
        return bool(data)

    def answer(self, head=False):
        """status, fields, body"""
        while b"\r\n\r\n" not in self.buffer:
            assert self._more(), f"the connection ended without an answer: {self.buffer[:200]!r}"
        top, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = top.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        fields = {}
        for line in lines[1:]:
            name, value = line.split(": ", 1)
            name = name.lower()
            assert name not in fields or name == "vary", f"{name} twice"
            fields[name] = f"{fields[name]}, {value}" if name in fields else value
        length = 0 if head or status in (100, 204) else int(fields["content-length"])
        while len(self.buffer) < length:
            assert self._more(), "the connection ended inside a body"
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return status, fields, body

    def ended(self):
        try:
            while self._more():
                pass
        except ConnectionResetError:
            pass
        return self.buffer == b""

    def close(self):
        self.s.close()


# ---- case files ----

class Case:
    def __init__(self, name):
        self.name, self.steps = name, []


def read_cases(path):
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    state, cases = lines[0].removeprefix("state: "), []
    for n, line in enumerate(lines[1:], 2):
        mark, _, rest = line.partition(" ")
        if mark == "==":
            cases.append(Case(rest))
        elif mark in (">", ">>", "<", "<:", "<=", "<~"):
            cases[-1].steps.append((mark, rest))
        else:
            assert line == "", f"{path}:{n}: {line}"
    return state, cases


def unescape(text):
    return text.encode("utf-8").decode("unicode_escape").encode("latin-1")


def replay(d, case):
    c = Client(d)
    out, answer, head = b"", None, any(r.startswith("HEAD ") for m, r in case.steps if m == ">")
    only = sum(1 for m, r in case.steps if m == ">" and r.endswith(" HTTP/1.1")) == 1
    try:
        for mark, rest in case.steps:
            if mark == ">":
                out += rest.encode("utf-8") + b"\r\n"
                continue
            if mark == ">>":
                out += unescape(rest)
                continue
            if out:
                c.send(out)
                out = b""
            if mark == "<" and rest == "closed":
                assert c.ended(), f"more came: {c.buffer[:200]!r}"
            elif mark == "<" and rest == "open":
                c.send(STATUS)
                assert c.answer()[0] == 200
            elif mark == "<":
                status, _, flag = rest.partition(" ")
                answer = c.answer(head=(head and only) or flag == "HEAD")
                assert answer[0] == int(status), f"{answer}, not {status}"
            elif mark == "<:":
                name, _, value = rest.partition(": ")
                assert answer[1].get(name.lower()) == (value or None), f"{name} in {answer}"
            elif mark == "<=":
                got = json.loads(answer[2])
                for k, v in json.loads(rest).items():
                    assert k in got and got[k] == v, f"{k} in {got}"
            else:
                assert rest in answer[2].decode(), f"{rest} not in {answer[2]!r}"
    finally:
        c.close()


def replay_all(state, d):
    failed = []
    for path in sorted(glob.glob(os.path.join(CASES, "*.http"))):
        needs, cases = read_cases(path)
        if needs != state:
            continue
        for case in cases:
            try:
                replay(d, case)
            except Exception as e:  # all that fail are named
                failed.append(f"{os.path.basename(path)}: {case.name}: {e}")
    assert not failed, "\n".join(failed)


@test
def cases_of_a_new_daemon():
    with Daemon(ENV) as d:
        d.wait_setup_possible()
        replay_all("new", d)
        assert d.status()["configured"] is False, "some case set it up"


@test
def cases_of_a_configured_daemon():
    with Daemon(ENV) as d:
        assert d.setup().status == 200
        replay_all("configured", d)


# ---- the network and the control socket ----

@test
def forged_fields_give_no_privilege_on_a_network_listener():
    with Daemon({"HOST": "0.0.0.0"}) as d:
        d.wait_setup_possible()
        for fields in ({}, {"X-Forwarded-For": "127.0.0.1"}, {"X-Real-IP": "127.0.0.1"},
                       {"Forwarded": "for=127.0.0.1"}, {"Host": "localhost"}):
            r = d.request("POST", "/api/db/setup", '{"type":"sqlite"}', {**JSON, **fields})
            assert r.status == 403 and "deploystackctl setup-token" in r.json["error"], r
        assert d.setup(control=True).status == 200


@test
def the_control_socket_is_for_root_and_the_daemon():
    if os.geteuid() != 0:
        raise Skip("needs root to become somebody else")
    with Daemon() as d:
        assert d.get("/api/system/status", control=True).status == 200
        # What the modes of files keep out must be kept out without them too.
        os.chmod(d.dir, 0o711)
        os.chmod(d.data, 0o711)
        os.chmod(os.path.join(d.data, "control.sock"), 0o666)
        script = ("import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n"
                  "s.sendall(b'GET /api/system/status HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n')\n"
                  "print(s.recv(65536).decode())")
        out = subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", sys.executable,
                              "-c", script, os.path.join(d.data, "control.sock")], capture_output=True, text=True)
        assert out.stdout.startswith("HTTP/1.1 403 "), out


# ---- slow and many ----

@test
def slow_clients_have_deadlines_and_disturb_nobody():
    env = {"HEADER_TIMEOUT_MS": "1000", "BODY_TIMEOUT_MS": "1500", "IDLE_TIMEOUT_MS": "2000"}
    with Daemon(env) as d:
        silent, heads, bodies = ([Client(d) for _ in range(50)] for _ in range(3))
        for c in heads:
            c.send(b"GET / HTTP/1.1\r\nHost: loc")
        for c in bodies:
            c.send(b"POST /api/db/setup HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                   b"Content-Length: 17\r\n\r\n{")
        # A byte now and then does not help: the deadline is for the whole.
        for _ in range(10):
            time.sleep(0.15)
            for c in heads + bodies:
                c.send(b"x")
            assert d.get("/api/db/status", timeout=5).status == 200
        for c in heads + bodies:
            assert c.answer()[0] == 408
            assert c.ended()
            c.close()
        for c in silent:
            assert c.ended()
            c.close()
        assert d.get("/api/db/status").status == 200


@test
def one_address_has_a_cap_and_gets_its_places_back():
    with Daemon({"MAX_CONNECTIONS_PER_ADDRESS": "20", "API_WORKERS": "1"}) as d:
        clients = [Client(d) for _ in range(20)]
        for c in clients:
            c.send(STATUS)
            assert c.answer()[0] == 200
        over = Client(d)
        status, fields, _ = over.answer()
        assert status == 503 and "retry-after" in fields
        assert over.ended()
        assert d.get("/api/db/status", control=True).status == 200, "the control socket has places of its own"
        for c in clients:
            c.close()
        wait_until(lambda: d.get("/api/db/status").status == 200, 10, "places free again")


@test
def ten_thousand_connections_of_one_address_leave_room_for_others():
    n = 10000
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < n + 200:
        raise Skip(f"needs {n + 200} descriptors; the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (n + 200, hard))
    with Daemon() as d:
        other = Client(d)
        before = memory(d)
        crowd = []
        for i in range(n):
            c = Client(d, source="127.0.0.2")
            c.send(b"GET / HTTP/1.1\r\n")
            crowd.append(c)
            if i % 1000 == 0:
                other.send(STATUS)
                assert other.answer()[0] == 200
                assert d.get("/api/db/status", timeout=5).status == 200
        assert_grown_less(d, before, 32 << 20)
        for c in crowd:
            c.close()
        other.send(STATUS)
        assert other.answer()[0] == 200


@test
def idle_connections_cost_little():
    n = 1500
    with Daemon({"MAX_CONNECTIONS": "4096", "MAX_CONNECTIONS_PER_ADDRESS": "4096"}) as d:
        before = memory(d)
        clients = [Client(d) for _ in range(n)]
        for c in clients:
            c.send(STATUS)
        for c in clients:
            assert c.answer()[0] == 200
        assert d.get("/api/db/status", timeout=5).status == 200
        assert_grown_less(d, before, n * 4096)
        for c in clients:
            c.close()


@test
def a_client_that_reads_nothing_is_ended():
    with Daemon({"WRITE_TIMEOUT_MS": "500"}) as d:
        c = Client(d)
        c.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        before = memory(d)
        try:
            for _ in range(20000):
                c.s.sendall(STATUS * 20)
            raise AssertionError("the answers went somewhere")
        except (ConnectionResetError, BrokenPipeError):
            pass
        c.close()
        assert_grown_less(d, before, 4 << 20)
        assert d.get("/api/db/status").status == 200


@test
def a_large_body_is_refused_without_being_read():
    with Daemon() as d:
        c = Client(d)
        c.send(b"POST /api/db/setup HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
               b"Content-Length: 1000000000\r\n\r\n" + b"x" * 300000)
        assert c.answer()[0] == 413
        c.close()
        # Over the limit only by and by.
        c = Client(d)
        c.send(b"POST /api/db/setup HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
               b"Transfer-Encoding: chunked\r\n\r\n" + (b"4000\r\n" + b" " * 0x4000 + b"\r\n") * 65)
        assert c.answer()[0] == 413
        c.close()
        # Just the limit is read, and is no JSON.
        r = d.request("POST", "/api/db/setup", b" " * (1 << 20), JSON)
        assert r.status == 400, r


@test
def pipelines_of_any_length_are_answered_in_order():
    with Daemon() as d:
        c = Client(d)
        for first in range(0, 3000, 300):
            c.send(b"".join(b"GET /x%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % i
                            for i in range(first, first + 300)))
            for i in range(first, first + 300):
                status, _, body = c.answer()
                assert status == 404 and json.loads(body)["message"] == f"Route GET:/x{i} not found"
        c.close()


# ---- hostile bytes ----

def rss(pid):
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def memory(d):
    return sum(rss(p) for p in d.pids("api-worker"))


def assert_grown_less(d, before, limit):
    grown = memory(d) - before
    with open(os.path.join(d.build, "api-worker"), "rb") as f:
        sanitized = b"__asan_init" in f.read()  # which keeps what was freed
    assert sanitized or grown < limit, f"memory grew by {grown} bytes"


SEEDS = [
    STATUS,
    b"POST /api/db/setup HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 12\r\n\r\n{\"type\":\"x\"}",
    b"POST /api/db/setup HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n6\r\n{\"type\r\n6\r\n\":\"x\"}\r\n0\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nOrigin: http://a\r\nConnection: keep-alive\r\n\r\n",
    b"GET http://localhost/api/db/status HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n",
    b"GET / HTTP/1.0\r\nConnection: keep-alive\r\nX-Request-Id: abc\r\n\r\n",
]
BYTES = [b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b":", b";", b",", b"\xff", b"\x80", b"0", b"-1", b"99999999999",
         b"%", b"/", b"A" * 300, b"Transfer-Encoding: chunked\r\n", b"Content-Length: 3\r\n", b"\r\n\r\n", b"{", b"[[[["]


def mutate(r):
    data = bytearray(r.choice(SEEDS))
    for _ in range(r.randint(1, 6)):
        at, what = r.randrange(len(data) + 1), r.randrange(4)
        if what == 0 and at < len(data):
            data[at] = r.randrange(256)
        elif what == 1:
            data[at:at] = r.choice(BYTES)
        elif what == 2:
            del data[at:at + r.randint(1, 20)]
        else:
            data[at:at] = data[at:at + r.randint(1, 60)]
    if r.random() < 0.2:
        data += r.choice(SEEDS)
    return bytes(data)


def throw(d, data):
    """Sends data, ends the sending direction, and takes what comes until the end."""
    c = Client(d)
    try:
        c.send(data)
        try:
            c.s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        c.ended()
        got = c.buffer
        assert got == b"" or got.startswith(b"HTTP/1.1 "), (data, got)
    finally:
        c.close()


@test
def ten_thousand_malformed_requests_harm_nothing():
    seed = int(os.environ.get("FUZZ_SEED", "20260101"))
    r = random.Random(seed)
    print(f"# seed {seed}")
    with Daemon() as d:
        d.wait_setup_possible()
        workers = sorted(d.pids("api-worker"))
        for _ in range(1000):
            throw(d, mutate(r))
        before = memory(d)
        for i in range(9000):
            throw(d, mutate(r))
            if i % 1000 == 0:
                assert d.get("/api/db/status").status == 200
        assert sorted(d.pids("api-worker")) == workers, "a worker died"
        assert_grown_less(d, before, 2 << 20)
        assert d.status()["configured"] is False


@test
def hostile_json_is_refused_in_bounded_time():
    deep, many = 400000, 80000
    bodies = {
        "arrays without end": b"[" * (1 << 20),
        "depth": b'{"type":' + b"[" * deep + b"]" * deep + b"}",
        "objects": b'{"a":' * (1 << 17),
        "keys": b"{" + b",".join(b'"k%d":1' % i for i in range(many)) + b"}",
        "elements": b"[" + b"1," * 500000 + b"1]",
        "400 digits": b'{"type":' + b"9" * 400 + b"}",
        "exponent": b'{"type":1e999999}',
        "lone surrogate": b'{"type":"\\udfff"}',
        "NUL": b'{"type":"sqlite\\u0000"}',
        "raw NUL": b'{"type":"sqlite"}\0',
        "duplicate key": b'{"type":"sqlite","type":"sqlite"}',
        "bad UTF-8": b'{"type":"\xc0\xaf"}',
        "two texts": b'{"type":"sqlite"}{"type":"sqlite"}',
        "comment": b'{"type":"sqlite"/**/}',
        "byte order mark": b'\xef\xbb\xbf{"type":"sqlite"}',
        "a long string": b'"' + b"\\u0041" * 170000 + b'"',
    }
    with Daemon() as d:
        d.wait_setup_possible()
        d.request("POST", "/api/db/setup", b"[" * (1 << 20), JSON)
        before, workers = memory(d), sorted(d.pids("api-worker"))
        for name, body in bodies.items():
            start = time.monotonic()
            r = d.request("POST", "/api/db/setup", body, JSON)
            took = time.monotonic() - start
            assert r.status == 400, (name, r)
            assert took < 5, f"{name}: {took:.1f} s"
        assert sorted(d.pids("api-worker")) == workers
        assert_grown_less(d, before, 4 << 20)
        assert d.status()["configured"] is False


# ---- the access log ----

@test
def every_request_is_logged_without_its_secrets():
    with Daemon() as d:
        d.request("GET", "/api/nope?token=hunter2", headers={"X-Request-Id": "log-test-1", "Cookie": "session=hunter3",
                                                             "Authorization": "Bearer hunter4"})
        wait_until(lambda: "log-test-1" in d.log(), 10, "the line")
        line = next(e for e in d.log_entries() if e.get("request_id") == "log-test-1")
        assert line["role"] == "api-worker" and line["method"] == "GET" and line["path"] == "/api/nope", line
        assert line["status"] == 404 and line["peer"] == "127.0.0.1" and line["duration_us"] >= 0, line
        assert "hunter" not in d.log()


@test
def several_workers_share_the_listener():
    with Daemon({"API_WORKERS": "2"}) as d:
        connections = [d.connect() for _ in range(200)]
        for c in connections:
            c.request("GET", "/healthz")
        for c in connections:
            assert c.getresponse().status == 200
            c.close()
        pids = d.pids("api-worker")
        assert len(pids) == 2 and all(alive(p) for p in pids)


if __name__ == "__main__":
    main()
