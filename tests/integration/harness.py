"""A real deploystackd in a directory of its own, and what tests do with it."""
import atexit
import contextlib
import functools
import http.client
import json
import os
import re
import shutil
import signal as signals
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(ROOT, "build")))
SANITIZED = "asan" in os.path.basename(BUILD)
PROGRAMS = ("deploystackd", "api-worker", "db-worker", "deploystackctl")
NOBODY = 65534
JSON = {"Content-Type": "application/json"}
TESTS = []


def copy_build(**replaced):
    """A copy of the build tree that an ordinary user can reach; a program can be replaced by a file."""
    top = tempfile.mkdtemp(prefix="deploystackd-build-")
    atexit.register(shutil.rmtree, top, True)
    os.chmod(top, 0o755)
    os.mkdir(f"{top}/build")
    for p in PROGRAMS:
        shutil.copy(replaced.get(p.replace("-", "_"), f"{BUILD}/{p}"), f"{top}/build/{p}")
    for d in ("migrations_sqlite", "global-settings"):
        shutil.copytree(f"{ROOT}/{d}", f"{top}/{d}")
    return f"{top}/build"


@functools.cache
def shared_build():
    return copy_build()


def test(f):
    """Marks a function as a test; it fails by raising."""
    TESTS.append(f)
    return f


class Skip(Exception):
    pass


def main():
    """Runs the tests of the calling file and prints TAP."""
    failed = 0
    only = sys.argv[1:]
    tests = [t for t in TESTS if not only or t.__name__ in only]
    print(f"1..{len(tests)}", flush=True)
    for n, t in enumerate(tests, 1):
        name = t.__name__.replace("_", " ")
        try:
            t()
            print(f"ok {n} - {name}", flush=True)
        except Skip as e:
            print(f"ok {n} - {name} # SKIP {e}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {n} - {name}", flush=True)
            print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
    sys.exit(1 if failed else 0)


def wait_until(condition, seconds=30, what="condition"):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.01)


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(p) for p in f.read().split()]
    except OSError:
        return []


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm") as f:
            return f.read().strip()
    except OSError:
        return ""


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, directory, timeout):
        super().__init__("localhost", timeout=timeout)
        self.directory = directory

    def connect(self):
        fd = os.open(self.directory, os.O_PATH | os.O_DIRECTORY)
        try:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(self.timeout)
            self.sock.connect(f"/proc/self/fd/{fd}/control.sock")
        finally:
            os.close(fd)


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class Daemon:
    """with Daemon(…) as d: … ; env adds to the environment, user runs it as another user."""

    def __init__(self, env=None, user=None, directory=None, build=None, data=None, expect_ready=True,
                 args=(), cwd=None):
        self.own = directory is None
        self.dir = directory or tempfile.mkdtemp(prefix="deploystackd-test-")
        self.data = data or os.path.join(self.dir, "data")
        self.user = user
        self.build = build or shared_build()
        self.cwd = cwd or self.dir
        self.args = list(args)
        self.extra = dict(env or {})
        self.lines = []
        self.p = None
        self.port = None
        if user is not None and os.geteuid() == 0:
            os.chown(self.dir, user, user)
        if expect_ready:
            self.start()

    def environment(self):
        env = {"PATH": os.environ["PATH"], "PORT": "0", "PERSISTENT_DATA_DIR": self.data,
               "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1", "UBSAN_OPTIONS": "halt_on_error=1",
               "LOG_LEVEL": "info"}
        env.update(self.extra)
        return {k: v for k, v in env.items() if v is not None}

    def command(self):
        argv = [os.path.join(self.build, "deploystackd")] + self.args
        if self.user is not None and os.geteuid() == 0:
            argv = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"] + argv
        return argv

    def launch(self, **kwargs):
        self.lines = []
        self.p = subprocess.Popen(self.command(), env=self.environment(), cwd=self.cwd,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, **kwargs)
        self.reader = threading.Thread(target=self._read, args=(self.p.stderr,), daemon=True)
        self.reader.start()

    def _read(self, stream):
        for line in stream:
            self.lines.append(line.decode(errors="replace").rstrip("\n"))

    def start(self):
        self.launch()
        wait_until(lambda: self.p.poll() is not None or any("accepting connections" in l for l in self.lines),
                   60, "start")
        if self.p.poll() is not None:
            self.reader.join(5)
            raise AssertionError(f"deploystackd ended with {self.p.returncode}: {self.log()}")
        self.port = int(re.search(r"listening on \S*?:(\d+)", self.log()).group(1))
        return self

    def log(self):
        return "\n".join(self.lines)

    def log_entries(self):
        return [json.loads(l) for l in self.lines if l.startswith("{")]

    @property
    def pid(self):
        return self.p.pid

    def pids(self, role):
        return [p for p in children(self.pid) if comm(p) == role[:15] and alive(p)]

    def db_pid(self):
        return wait_until(lambda: self.pids("db-worker"), 30, "db-worker")[0]

    def connect(self, timeout=30):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def control(self, timeout=60):
        return UnixConnection(self.data, timeout)

    def request(self, method, path, body=None, headers=None, control=False, timeout=60):
        c = self.control(timeout) if control else self.connect(timeout)
        try:
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
            c.request(method, path, body, headers if headers is not None else (JSON if body else {}))
            r = c.getresponse()
            return Reply(r.status, r.headers, r.read())
        finally:
            c.close()

    def get(self, path, **kwargs):
        return self.request("GET", path, **kwargs)

    def setup(self, **kwargs):
        return self.request("POST", "/api/db/setup", {"type": "sqlite"}, **kwargs)

    def status(self):
        return self.get("/api/db/status").json

    def system(self):
        return self.get("/api/system/status", control=True).json

    def wait_ready(self, seconds=30):
        wait_until(lambda: self.status()["initialized"], seconds, "database ready")

    def wait_setup_possible(self, seconds=30):
        wait_until(lambda: not self.status()["configured"] and any(
            p["role"] == "db-worker" and p["state"] == "ready" for p in self.system()["processes"]), seconds,
            "setup possible")

    def ctl(self, *args):
        argv = [os.path.join(self.build, "deploystackctl"), "--data-dir", self.data, *args]
        if self.user is not None and os.geteuid() == 0:
            argv = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"] + argv
        return subprocess.run(argv, capture_output=True, text=True, timeout=60)

    def signal(self, sig):
        os.kill(self.pid, sig)

    def stop(self, sig=signals.SIGTERM, timeout=30):
        kids = children(self.pid)
        self.signal(sig)
        code = self.p.wait(timeout)
        self.reader.join(10)
        wait_until(lambda: not any(alive(k) for k in kids), 10, "workers gone")
        return code

    def kill(self):
        """kill -9 of everything, for cleaning up."""
        if self.p and self.p.poll() is None:
            kids = children(self.pid)
            with contextlib.suppress(OSError):
                os.kill(self.pid, signals.SIGKILL)
            self.p.wait()
            wait_until(lambda: not any(alive(k) for k in kids), 10, "workers gone after kill -9")

    def check_log(self):
        for word in ("AddressSanitizer", "runtime error:", "LeakSanitizer", "ThreadSanitizer"):
            assert word not in self.log(), self.log()
        assert "refused by the sandbox" not in self.log(), self.log()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        try:
            if self.p and self.p.poll() is None:
                self.stop(timeout=40)
        finally:
            self.kill()
            if kind is not None:
                print("# log:\n# " + "\n# ".join(self.lines[-60:]), flush=True)
            if self.own:
                shutil.rmtree(self.dir, ignore_errors=True)
        if kind is None:
            self.check_log()

    # ---- the database on disk ----

    @property
    def db_path(self):
        return os.path.join(self.data, "database", "deploystack.db")

    def sqlite(self, sql):
        out = subprocess.run(["sqlite3", "-batch", self.db_path, sql], capture_output=True, text=True)
        assert out.returncode == 0, out.stderr
        return out.stdout.strip()

    def assert_complete(self):
        """The database is whole: integrity, schema, roles, settings, selection."""
        assert self.sqlite("PRAGMA integrity_check") == "ok"
        assert self.sqlite("SELECT count(*) FROM roles") == "4"
        assert self.sqlite("SELECT count(*) FROM globalSettingGroups") == "3"
        assert self.sqlite("SELECT count(*) FROM globalSettings") == "17"
        assert self.sqlite("SELECT count(*) FROM __drizzle_migrations") == "2"
        assert self.sqlite("SELECT count(*) FROM globalSettings WHERE is_encrypted=1 AND value LIKE '_1.%'") == "2"
        with open(os.path.join(self.data, "db.selection.json")) as f:
            assert json.load(f)["type"] == "sqlite"
        assert os.path.exists(os.path.join(self.data, "db.setup-complete"))


def users():
    """Who to run as: this user, and as root also an ordinary one."""
    return [None, NOBODY] if os.geteuid() == 0 else [None]


def in_threads(n, f):
    """Runs f(i) in n threads at once and returns the results; raises the first exception."""
    results, errors = [None] * n, []
    barrier = threading.Barrier(n)

    def one(i):
        try:
            barrier.wait()
            results[i] = f(i)
        except Exception as e:
            errors.append(e)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]
    return results
