#!/usr/bin/env python3
"""Workers and the supervisor die, hang, are reloaded and stopped, under load."""
import os
import random
import stat
import subprocess

from harness import *

STATUS = b"GET /api/db/status HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Load:
    """n keep-alive connections that ask for the status as fast as they are answered."""

    def __init__(self, daemon, n, reconnect=False):
        self.daemon, self.n, self.reconnect = daemon, n, reconnect
        self.stop, self.answers, self.errors = threading.Event(), 0, []

    def run(self):
        try:
            c = self.daemon.connect()
            while not self.stop.is_set():
                try:
                    c.request("GET", "/api/db/status")
                    r = c.getresponse()
                    body = r.read()
                except (OSError, http.client.HTTPException):
                    if not self.reconnect:
                        raise
                    c.close()
                    c = self.daemon.connect()
                    continue
                if r.status != 200 or "configured" not in json.loads(body):
                    raise AssertionError(f"{r.status} {body!r}")
                self.answers += 1
            c.close()
        except Exception as e:
            self.errors.append(repr(e))

    def __enter__(self):
        self.threads = [threading.Thread(target=self.run) for _ in range(self.n)]
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, kind, value, tb):
        self.stop.set()
        for t in self.threads:
            t.join()
        if kind is None:
            assert not self.errors, self.errors[:5]
            assert self.answers > self.n


def configured(**kwargs):
    d = Daemon(**kwargs)
    try:
        r = d.setup()
        assert r.status == 200, r
    except BaseException:
        d.kill()
        raise
    return d


def fds(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def rss(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


@test
def kill_9_of_the_db_worker_every_100_ms_under_64_connections():
    with configured() as d:
        with Load(d, 64):
            end = time.monotonic() + 20
            kills = 0
            while time.monotonic() < end:
                for pid in d.pids("db-worker"):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, 9)
                    kills += 1
                time.sleep(0.1)
        print(f"# {kills} kills")
        d.wait_ready()
        d.assert_complete()


@test
def kill_9_of_an_api_worker_loses_only_its_own_requests():
    with configured() as d:
        with Load(d, 16, reconnect=True):
            for _ in range(10):
                before = set(d.pids("api-worker"))
                os.kill(random.choice(sorted(before)), 9)
                wait_until(lambda: len(d.pids("api-worker")) == 2 and set(d.pids("api-worker")) != before, 30, "respawn")
                assert d.get("/api/db/status").status == 200
        d.wait_ready()


@test
def a_stopped_worker_is_replaced():
    with configured(env={"HEARTBEAT_TIMEOUT_MS": "1500"}) as d:
        for role in ("db-worker", "api-worker"):
            victim = d.pids(role)[0]
            os.kill(victim, signals.SIGSTOP)
            wait_until(lambda: not alive(victim), 30, f"{role} killed")
            wait_until(lambda: d.pids(role), 30, f"{role} replaced")
            d.wait_ready()
        assert "has not answered" in d.log()


@test
def a_paused_supervisor_kills_nobody():
    with configured(env={"HEARTBEAT_TIMEOUT_MS": "1000"}) as d:
        before = sorted(children(d.pid))
        d.signal(signals.SIGSTOP)
        time.sleep(3)
        d.signal(signals.SIGCONT)
        time.sleep(2.5)
        assert sorted(children(d.pid)) == before, d.log()


@test
def kill_9_of_the_supervisor_leaves_nothing_behind():
    for user in users():
        with configured(user=user) as d:
            kids = children(d.pid)
            assert len(kids) == 3
            os.kill(d.pid, 9)
            d.p.wait()
            wait_until(lambda: not any(alive(k) for k in kids), 10, "workers gone")
            d.start()
            d.wait_ready()
            d.assert_complete()


@test
def two_hundred_reloads_in_ten_seconds_under_load():
    with configured() as d:
        failures = []
        stop = threading.Event()

        def info():
            # Through the db-worker: held while it is replaced, never failed.
            while not stop.is_set():
                r = d.get("/api/system/status", control=True)
                if r.status != 200 or not r.json["database"]["migrations"]:
                    failures.append(r)

        threads = [threading.Thread(target=info) for _ in range(4)]
        for t in threads:
            t.start()
        with Load(d, 32):
            for _ in range(200):
                d.signal(signals.SIGHUP)
                time.sleep(0.05)
        stop.set()
        for t in threads:
            t.join()
        assert not failures, failures[:3]
        d.wait_ready()


@test
def an_invalid_new_configuration_is_reported_and_the_old_one_stays():
    with configured() as d:
        pid = d.db_pid()
        with open(d.dir + "/.env", "w") as f:
            f.write("LOG_LEVEL=loud\nHOLD_TIMEOUT_MS=soon\n")
        os.chmod(d.dir + "/.env", 0o600)
        d.extra["LOG_LEVEL"] = None
        out = d.ctl("reload")
        # The real environment has LOG_LEVEL and wins.
        assert out.returncode == 1 and "HOLD_TIMEOUT_MS" in out.stderr, out
        assert d.db_pid() == pid and d.status()["initialized"]
        os.unlink(d.dir + "/.env")
        assert d.ctl("reload").returncode == 0
        assert d.db_pid() != pid


@test
def a_damaged_selection_at_reload_leaves_the_old_one_in_force():
    with configured() as d:
        path = d.data + "/db.selection.json"
        kept = open(path).read()
        with open(path, "w") as f:
            f.write("{")
        out = d.ctl("reload")
        assert out.returncode == 1 and "db.selection.json" in out.stderr, out
        assert d.status() == {"configured": True, "initialized": True, "dialect": "sqlite"}
        with open(path, "w") as f:
            f.write(kept)
        assert d.ctl("reload").returncode == 0


@test
def sigterm_and_sigint_finish_and_exit_0():
    for sig in (signals.SIGTERM, signals.SIGINT):
        with configured() as d:
            c = d.connect()
            c.request("GET", "/api/db/status")
            c.getresponse().read()
            assert d.stop(sig) == 0
            assert not os.path.exists(d.data + "/control.sock")


@test
def sigterm_during_setup_finishes_it():
    with Daemon() as d:
        answers = []
        t = threading.Thread(target=lambda: answers.append(d.setup()))
        t.start()
        time.sleep(0.004)
        assert d.stop() == 0
        t.join()
        d.start()
        if not d.status()["configured"]:
            assert d.setup().status == 200
        d.wait_ready()
        d.assert_complete()


@test
def a_second_signal_ends_at_once():
    with configured(env={"DRAIN_TIMEOUT_MS": "600000", "HEARTBEAT_TIMEOUT_MS": "600000"}) as d:
        for pid in d.pids("api-worker"):
            os.kill(pid, signals.SIGSTOP)
        d.signal(signals.SIGTERM)
        wait_until(lambda: '"stopping"' in d.log(), 10, "stopping")
        assert d.p.poll() is None
        d.signal(signals.SIGTERM)
        d.p.wait(10)


@test
def a_worker_that_does_not_drain_is_killed_at_the_deadline():
    with configured(env={"DRAIN_TIMEOUT_MS": "500", "HEARTBEAT_TIMEOUT_MS": "600000"}) as d:
        os.kill(d.pids("api-worker")[0], signals.SIGSTOP)
        assert d.stop() == 0
        assert "did not finish in time" in d.log()


@test
def a_second_instance_exits_with_75():
    with configured() as d:
        other = Daemon(data=d.data, expect_ready=False)
        try:
            other.launch()
            assert other.p.wait(20) == 75, other.log()
            other.reader.join(5)
            assert "another deploystackd uses" in other.log()
        finally:
            other.kill()
            shutil.rmtree(other.dir)
        assert d.get("/api/db/status").status == 200
        assert d.ctl("status").returncode == 0


@test
def a_database_directory_in_use_by_another_daemon_is_refused():
    with configured() as d:
        other = Daemon(env={"SQLITE_DB_PATH": d.db_path})
        try:
            r = other.setup()
            assert r.status == 500 and "another process uses the database directory" in r.body.decode(), r
        finally:
            other.kill()
            shutil.rmtree(other.dir)


@test
def a_crash_loop_backs_off_and_is_reported():
    broken = copy_build(db_worker="/bin/false")
    with Daemon(build=broken) as d:
        wait_until(lambda: d.system()["crash_loop"], 20, "crash loop reported")
        deaths = d.log().count("could not start or go on")
        time.sleep(3)
        assert d.log().count("could not start or go on") - deaths <= 4, "it backs off"
        assert "dies as fast" in d.ctl("status").stdout
        assert d.get("/api/db/status").status == 200
        assert d.get("/readyz").status == 503
        shutil.copy(BUILD + "/db-worker", broken + "/new")
        os.rename(broken + "/new", broken + "/db-worker")
        wait_until(lambda: d.setup().status == 200, 60, "recovers by itself")
        d.assert_complete()


def soft_limit(d, name, value):
    """As the daemon's user, which may lower its own limits and raise them again."""
    argv = ["prlimit", "--pid", str(d.pid), f"--{name}={value}:"]
    if d.user is not None:
        argv = ["setpriv", f"--reuid={d.user}", f"--regid={d.user}", "--clear-groups"] + argv
    subprocess.run(argv, check=True)


def exhausted(name, value):
    """A resource of the supervisor is used up while a worker must be replaced: it goes on, and recovers."""
    with configured(user=users()[-1]) as d:
        if d.user is None and os.geteuid() == 0:
            raise Skip("limits do not bind root")
        soft_limit(d, name, value)
        os.kill(d.db_pid(), 9)
        wait_until(lambda: "trying again" in d.log() or "Too many open files" in d.log(), 20,
                   "the failure is reported")
        assert d.p.poll() is None
        s = d.status()
        assert s["configured"] is True and s["initialized"] is False, s
        assert d.get("/readyz").status == 503
        soft_limit(d, name, 1000)
        d.wait_ready()
        d.assert_complete()


@test
def when_fork_fails_the_supervisor_goes_on_and_recovers():
    exhausted("nproc", 1)


@test
def when_descriptors_run_out_the_supervisor_goes_on_and_recovers():
    exhausted("nofile", 5)


@test
def descriptors_and_memory_are_flat_over_1000_respawns():
    with configured(env={"LOG_LEVEL": "info"}) as d:
        def reload(n):
            for _ in range(n):
                r = d.request("POST", "/api/system/reload", control=True, headers={})
                assert r.status == 200, r

        reload(100)
        pids = [d.pid] + d.pids("api-worker")
        before = [(fds(p), rss(p)) for p in pids]
        reload(1000)
        after = [(fds(p), rss(p)) for p in pids]
        print(f"# descriptors and KiB before {before}, after {after}")
        for (f0, m0), (f1, m1) in zip(before, after):
            assert f1 <= f0 + 2, (before, after)
            # A sanitizer keeps freed memory to find its later use.
            assert m1 <= m0 + 1024 or SANITIZED, (before, after)
        assert d.system()["processes"][1]["restarts"] >= 1100
        assert [d.pid] + d.pids("api-worker") == pids


@test
def held_requests_are_answered_by_the_next_db_worker_or_503():
    with configured(env={"HEARTBEAT_TIMEOUT_MS": "600000", "HOLD_TIMEOUT_MS": "700"}) as d:
        os.kill(d.db_pid(), signals.SIGSTOP)
        r = d.get("/api/system/status", control=True)
        assert r.status == 200 and r.json["database"]["problem"], r
        os.kill(d.db_pid(), signals.SIGKILL)
        d.wait_ready()
        assert d.get("/api/system/status", control=True).json["database"]["problem"] is None


main()
