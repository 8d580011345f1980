#!/usr/bin/env python3
"""Configuration: every error named at once, no secret shown, all its sources, the service manager."""
import os
import subprocess

from harness import *

SECRET = "correct-horse-battery-staple"


def check(env, cwd=None, args=("--check",)):
    with tempfile.TemporaryDirectory() as top:
        base = {"PATH": os.environ["PATH"], "PERSISTENT_DATA_DIR": top + "/data"}
        base.update(env)
        return subprocess.run([shared_build() + "/deploystackd", *args], env=base, cwd=cwd or top,
                              capture_output=True, text=True, timeout=30)


@test
def a_valid_configuration():
    out = check({})
    assert out.returncode == 0 and "valid" in out.stdout, out


@test
def each_error_names_variable_value_and_remedy():
    for name, value, part in [
        ("PORT", "70000", "0 to 65535"), ("PORT", "web", "whole number"), ("API_WORKERS", "0", "1 to 64"),
        ("LOG_LEVEL", "loud", "fatal, error"), ("SANDBOX", "maybe", "best-effort"),
        ("DEPLOYSTACK_FRONTEND_URL", "app.example.org", "origin"),
        ("DEPLOYSTACK_FRONTEND_URL", "https://app.example.org/path", "origin"),
        ("TURSO_DATABASE_URL", "ftp://x", "libsql://"), ("TURSO_DATABASE_URL", "http://example.org", "libsql://"),
        ("TURSO_DATABASE_URL", "libsql://user:pw@host", "host name"), ("TURSO_DATABASE_URL", "file:///etc/passwd", "libsql://"),
        ("ALLOWED_HOSTS", "a.example, b/c", "host name"), ("DEPLOYSTACK_ENCRYPTION_SECRET", "sh0rt", "16 characters"),
        ("TURSO_AUTH_TOKEN", "two words", "blank"), ("MIGRATIONS_DIR", "/nonexistent", "cannot open"),
        ("HEARTBEAT_TIMEOUT_MS", "-1", "whole number"), ("HOST", "no host!", "address"),
    ]:
        out = check({name: value})
        assert out.returncode == 78, (name, value, out)
        assert name in out.stderr and part in out.stderr, (name, value, out.stderr)
        if name in ("DEPLOYSTACK_ENCRYPTION_SECRET", "TURSO_AUTH_TOKEN"):
            assert value not in out.stderr, out.stderr
    assert ":pw" not in check({"TURSO_DATABASE_URL": "libsql://user:pw@host"}).stderr


@test
def all_errors_come_at_once():
    out = check({"PORT": "x", "LOG_LEVEL": "y", "SANDBOX": "z"})
    assert all(n in out.stderr for n in ("PORT", "LOG_LEVEL", "SANDBOX")), out.stderr


@test
def nothing_is_started_with_a_wrong_configuration():
    out = check({"PORT": "x"}, args=())
    assert out.returncode == 78 and "PORT" in out.stderr, out


@test
def usage_help_and_version():
    assert check({}, args=("--bogus",)).returncode == 2
    assert check({}, args=("extra",)).returncode == 2
    out = check({}, args=("--help",))
    assert out.returncode == 0 and "HEARTBEAT_TIMEOUT_MS" in out.stdout
    assert re.match(r"deploystackd \d", check({}, args=("--version",)).stdout)


def env_file(text, mode=0o600):
    top = tempfile.mkdtemp()
    with open(top + "/.env", "w") as f:
        f.write(text)
    os.chmod(top + "/.env", mode)
    return top


@test
def the_env_file_is_read_and_the_environment_wins():
    top = env_file('# comment\nexport LOG_LEVEL="loud"\n')
    assert "loud" in check({}, cwd=top).stderr
    assert check({"LOG_LEVEL": "info"}, cwd=top).returncode == 0
    shutil.rmtree(top)


@test
def a_malformed_env_file_names_the_line():
    for text, part in [("A=1\nthis is no line\n", "line 2"), ('A="open\n', "line 1"), ("=x\n", "line 1")]:
        top = env_file(text)
        out = check({}, cwd=top)
        assert out.returncode == 78 and part in out.stderr, out
        shutil.rmtree(top)


@test
def an_env_file_that_others_may_write_is_refused():
    top = env_file("LOG_LEVEL=info\n", 0o666)
    out = check({}, cwd=top)
    assert out.returncode == 78 and "chmod go-w" in out.stderr, out
    shutil.rmtree(top)


@test
def secrets_from_files_and_credentials():
    top = tempfile.mkdtemp()
    with open(top + "/secret", "w") as f:
        f.write(SECRET + "\n")
    with open(top + "/DEPLOYSTACK_ENCRYPTION_SECRET", "w") as f:
        f.write("short\n")
    assert check({"DEPLOYSTACK_ENCRYPTION_SECRET_FILE": top + "/secret"}).returncode == 0
    out = check({"CREDENTIALS_DIRECTORY": top})
    assert out.returncode == 78 and "too short" in out.stderr, out
    both = check({"DEPLOYSTACK_ENCRYPTION_SECRET_FILE": top + "/secret", "DEPLOYSTACK_ENCRYPTION_SECRET": SECRET})
    assert both.returncode == 78 and "both" in both.stderr and SECRET not in both.stderr
    gone = check({"DEPLOYSTACK_ENCRYPTION_SECRET_FILE": top + "/none"})
    assert gone.returncode == 78 and "cannot open" in gone.stderr
    shutil.rmtree(top)


@test
def a_port_in_use():
    s = socket.create_server(("127.0.0.1", 0))
    out = check({"PORT": str(s.getsockname()[1])}, args=())
    s.close()
    assert out.returncode == 78 and "cannot listen" in out.stderr, out


@test
def readiness_status_and_stopping_go_to_the_service_manager():
    top = tempfile.mkdtemp()
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(top + "/notify")
    s.settimeout(20)
    got = []

    def until(word):
        while not any(word in g for g in got):
            got.append(s.recv(4096).decode())

    with Daemon(env={"NOTIFY_SOCKET": top + "/notify", "WATCHDOG_USEC": "400000"}) as d:
        until("READY=1")
        until("WATCHDOG=1")
        got.clear()
        d.signal(signals.SIGHUP)
        until("RELOADING=1\nMONOTONIC_USEC=")
        until("READY=1")
        d.stop()
        until("STOPPING=1")
    s.close()
    shutil.rmtree(top)


@test
def sockets_from_the_service_manager():
    s = socket.create_server(("127.0.0.1", 0))
    port = s.getsockname()[1]
    d = Daemon(expect_ready=False)
    try:
        env = d.environment()


        # LISTEN_PID must be the daemon's own: a shell that becomes it knows it.
        script = f'LISTEN_PID=$$ LISTEN_FDS=1 exec {d.build}/deploystackd'
        d.p = subprocess.Popen(["sh", "-c", f"exec 3<&{s.fileno()}; {script}"], env=env, cwd=d.dir,
                               stderr=subprocess.PIPE, pass_fds=[s.fileno()])
        d.reader = threading.Thread(target=d._read, args=(d.p.stderr,), daemon=True)
        d.reader.start()
        wait_until(lambda: "accepting connections" in d.log() or d.p.poll() is not None, 20, "start")
        assert f"listening on 127.0.0.1:{port}" in d.log(), d.log()
        s.close()
        d.port = port
        assert d.get("/healthz").status == 200
        assert d.stop() == 0
    finally:
        d.kill()
        shutil.rmtree(d.dir)


@test
def a_wrong_descriptor_from_the_service_manager():
    build = shared_build()
    with tempfile.TemporaryDirectory() as top:
        out = subprocess.run(["sh", "-c", f"exec 3</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec {build}/deploystackd"],
                             env={"PATH": os.environ["PATH"], "PERSISTENT_DATA_DIR": top + "/data"},
                             capture_output=True, text=True, timeout=20, cwd=top)
    assert out.returncode == 78 and "not a listening TCP socket" in out.stderr, out


@test
def a_worker_started_by_hand_says_so():
    for w in ("api-worker", "db-worker"):
        out = subprocess.run([f"{shared_build()}/{w}"], capture_output=True, text=True, timeout=20,
                             stdin=subprocess.DEVNULL)
        assert out.returncode == 2 and "deploystackd" in out.stderr, out


@test
def workers_run_without_a_sandbox_only_when_told_so():
    with Daemon(env={"SANDBOX": "off"}) as d:
        assert "without a sandbox" in d.log()
        assert d.system()["sandbox_mode"] == "off"
        assert d.setup().status == 200
    with Daemon(env={"SANDBOX": "best-effort"}) as d:
        assert d.setup().status == 200
        assert all(p["seccomp_mode"] == 2 for p in d.system()["processes"][1:])


main()
