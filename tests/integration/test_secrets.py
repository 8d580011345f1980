#!/usr/bin/env python3
"""No secret where it does not belong (answers, logs, /proc), and who may use the control socket."""
import os
import subprocess

from harness import *

SECRET = "correct-horse-battery-staple-4711"
TOKEN = "eyJhbGciOi.token-of-turso.0815"


def proc(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as f:
            return f.read()
    except OSError:
        return b""


@test
def secrets_are_in_no_answer_log_or_proc_file():
    env = {"DEPLOYSTACK_ENCRYPTION_SECRET": SECRET, "TURSO_DATABASE_URL": "libsql://db.example.org",
           "TURSO_AUTH_TOKEN": TOKEN, "LOG_LEVEL": "trace"}
    for user in users():
        with Daemon(env=env, user=user) as d:
            answers = [d.get(p).body for p in ("/", "/setup", "/api/db/status", "/nope", "/readyz")]
            answers += [d.request("POST", "/api/db/setup", {"type": "turso"}).body, d.setup().body,
                        d.get("/api/system/status", control=True).body]
            d.wait_ready()
            d.ctl("reload")
            seen = b"".join(answers)
            for pid in [d.pid] + children(d.pid):
                for name in ("cmdline", "environ"):
                    seen += proc(pid, name)
                if pid != d.pid:
                    assert proc(pid, "environ") == b"", "a worker's environment is empty"
                limits = proc(pid, "limits").decode()
                assert re.search(r"Max core file size\s+0\s+0", limits), limits
            d.stop()
            seen += d.log().encode()
            with open(d.db_path, "rb") as f:
                seen += f.read()
            for word in (SECRET, TOKEN):
                assert word.encode() not in seen, word


@test
def the_key_file_is_in_no_answer_or_log():
    with Daemon(env={"LOG_LEVEL": "trace"}) as d:
        assert d.setup().status == 200
        with open(d.data + "/secret.key") as f:
            key = f.read().strip()
        assert len(key) == 64
        seen = d.get("/api/system/status", control=True).body.decode() + d.log()
        assert key not in seen


@test
def memory_of_every_process_is_closed_to_its_own_user():
    if os.geteuid() != 0:
        raise Skip("needs root to become the user")
    with Daemon(user=NOBODY) as d:
        for pid in [d.pid] + children(d.pid):
            out = subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "cat",
                                  f"/proc/{pid}/environ"], capture_output=True, text=True)
            assert out.returncode != 0 and "Permission denied" in out.stderr, out


@test
def the_control_socket_is_for_root_and_the_daemons_user():
    if os.geteuid() != 0:
        raise Skip("needs root to become other users")
    with Daemon(user=NOBODY) as d:
        assert os.stat(d.data + "/control.sock").st_mode & 0o777 == 0o600
        assert d.ctl("status").returncode == 0
        assert d.get("/api/system/status", control=True).status == 200, "root may"
        os.chmod(d.data, 0o755)
        os.chmod(d.data + "/control.sock", 0o666)
        out = subprocess.run(["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups",
                              d.build + "/deploystackctl", "--data-dir", d.data, "status"],
                             capture_output=True, text=True)
        assert out.returncode == 4, out
        os.chmod(d.data, 0o700)


@test
def control_routes_are_not_on_the_network():
    with Daemon() as d:
        assert d.get("/api/system/status").status == 404
        assert d.request("POST", "/api/system/reload", "{}").status == 404


@test
def forged_names_give_no_privilege():
    with Daemon(env={"HOST": "0.0.0.0"}) as d:
        for headers in ({"Host": "localhost"}, {"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"},
                        {"X-Real-IP": "127.0.0.1"}, {"X-Forwarded-Host": "localhost"}):
            r = d.request("POST", "/api/db/setup", {"type": "sqlite"}, headers={**JSON, **headers})
            assert r.status == 403, (headers, r)
            assert d.request("GET", "/api/system/status", headers=headers).status == 404


main()
