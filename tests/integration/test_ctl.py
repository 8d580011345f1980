#!/usr/bin/env python3
"""deploystackctl as an operator uses it, and an installation by `make install`."""
import os
import subprocess

from harness import *


@test
def status_for_people_and_for_programs():
    with Daemon() as d:
        out = d.ctl("status")
        assert out.returncode == 0 and "not configured" in out.stdout, out
        out = d.ctl("setup", "sqlite")
        assert out.returncode == 0 and "successful" in out.stdout, out
        out = d.ctl("setup", "sqlite")
        assert out.returncode == 1 and "already been performed" in out.stderr, out
        out = d.ctl("status")
        for part in ("supervisor", "api-worker", "db-worker (serve)", "0000_core", "seccomp 2", "sqlite"):
            assert part in out.stdout, (part, out.stdout)
        s = json.loads(d.ctl("status", "--json").stdout)
        assert {p["role"] for p in s["processes"]} == {"supervisor", "api-worker", "db-worker"}
        for p in s["processes"]:
            assert p["pid"] > 0 and p["rss_bytes"] > 0 and p["state"] == "ready", p
            if p["role"] != "supervisor":
                assert p["seccomp_mode"] == 2 and p["no_new_privs"] and int(p["capabilities"], 16) == 0, p
        db = s["database"]
        assert db["engine"] == "sqlite" and db["initialized"] and db["size_bytes"] > 0
        assert [m["tag"] for m in db["migrations"]] == ["0000_core", "0001_access"]
        if os.geteuid() == 0:
            assert len({p["uid"] for p in s["processes"]}) == 3, "a user for each kind"


@test
def a_terminal_reader_gets_clean_sentences():
    with tempfile.TemporaryDirectory() as top:
        def ctl(*args):
            return subprocess.run([shared_build() + "/deploystackctl", *args], capture_output=True, text=True)

        out = ctl("--data-dir", top, "status")
        assert out.returncode == 3 and "not running" in out.stderr, out
        out = ctl("--data-dir", top + "/none", "status")
        assert out.returncode == 3 and "--data-dir" in out.stderr, out
        for args in ([], ["bogus"], ["status", "x"], ["setup"], ["setup", "mysql"], ["reload", "x"]):
            assert ctl(*args).returncode == 2, args
        assert "status" in ctl("--help").stdout
        assert ctl("--version").stdout.startswith("deploystackctl ")


@test
def a_data_directory_with_a_very_long_path():
    with Daemon(expect_ready=False) as d:
        long = os.path.join(d.dir, "x" * 120)
        os.mkdir(long)
        os.chmod(long, 0o755)
        d.data = long + "/data"
        d.start()
        assert d.ctl("setup", "sqlite").returncode == 0
        assert d.ctl("status").returncode == 0


@test
def an_installation_runs_from_its_prefix():
    with tempfile.TemporaryDirectory() as top:
        os.chmod(top, 0o755)
        subprocess.run(["make", "-s", f"BUILD={BUILD}", "prefix=/opt/ds", f"DESTDIR={top}", "install"], cwd=ROOT,
                       check=True, stdout=subprocess.DEVNULL)
        for f in ("sbin/deploystackd", "bin/deploystackctl", "libexec/deploystackd/api-worker",
                  "libexec/deploystackd/db-worker", "share/deploystackd/migrations_sqlite/meta/_journal.json",
                  "share/man/man8/deploystackd.8", "lib/systemd/system/deploystackd.service"):
            assert os.path.exists(f"{top}/opt/ds/{f}"), f
        with Daemon(build=f"{top}/opt/ds/sbin") as d:
            assert d.setup().status == 200
            d.assert_complete()


@test
def check_runs_the_daemons_check():
    with Daemon() as d:
        out = d.ctl("check")
        assert out.returncode == 0 and "valid" in out.stdout, out


main()
