#!/usr/bin/env python3
"""Setup over HTTP: races, kill -9 at random moments, everything that can be wrong with the disk."""
import os
import random
import subprocess

from harness import *


def race(n, user=None):
    with Daemon(user=user) as d:
        statuses = [r.status for r in in_threads(n, lambda i: d.setup())]
        assert sorted(set(statuses)) == [200, 409] or n == 1, statuses
        assert statuses.count(200) == 1 and statuses.count(409) == n - 1, statuses
        assert d.status() == {"configured": True, "initialized": True, "dialect": "sqlite"}
        d.assert_complete()


@test
def two_setups_at_once():
    for user in users():
        race(2, user)


@test
def eight_setups_at_once():
    race(8)


@test
def fifty_setups_at_once():
    for user in users():
        race(50, user)


@test
def a_thousand_setups_at_once():
    race(1000)


@test
def setup_answers_as_the_contract_says():
    with Daemon() as d:
        assert d.status() == {"configured": False, "initialized": False, "dialect": None}
        for body, headers, status in [
            (None, JSON, 400), ("", JSON, 400), ("{", JSON, 400), ("[]", JSON, 400), ("7", JSON, 400), ("{}", JSON, 400),
            ('{"type":"mysql"}', JSON, 400), ('{"type":7}', JSON, 400), ('{"type":"sqlite","type":"turso"}', JSON, 400),
            ('{"type":"sqlite"}', {"Content-Type": "text/plain"}, 415), ('{"type":"sqlite"}', {}, 415),
            ('{"type":"turso"}', JSON, 400),
        ]:
            r = d.request("POST", "/api/db/setup", body, headers=headers)
            assert r.status == status, (body, headers, r)
            assert r.json.get("error") or r.json.get("message"), r
        r = d.request("POST", "/api/db/setup", '{"type":"turso"}', headers=JSON)
        assert "TURSO_DATABASE_URL" in r.json["message"] and "TURSO_AUTH_TOKEN" in r.json["message"], r
        assert not d.status()["configured"]
        r = d.request("POST", "/api/db/setup", '{"type":"sqlite","extra":[1]}', headers=JSON)
        assert r.status == 200 and r.json == {
            "message": "Database setup successful. All services have been initialized and are ready to use.",
            "restart_required": False, "database_type": "sqlite"}, r
        r = d.setup()
        assert r.status == 409 and r.json["message"] == "Database setup has already been performed.", r
        assert d.request("POST", "/api/db/setup", '{"type":"mysql"}', headers=JSON).status == 400
        d.assert_complete()
        for name in ("db.selection.json", "secret.key", "database/deploystack.db"):
            assert os.stat(os.path.join(d.data, name)).st_mode & 0o077 == 0, name
        assert os.stat(d.data).st_mode & 0o7777 == 0o700


@test
def turso_is_refused_clearly():
    env = {"TURSO_DATABASE_URL": "libsql://db.example.org", "TURSO_AUTH_TOKEN": "a-token"}
    with Daemon(env=env) as d:
        r = d.request("POST", "/api/db/setup", {"type": "turso"})
        assert r.status == 500 and r.json["error"].startswith("Database setup failed: "), r
        assert not d.status()["configured"]
        assert d.setup().status == 200


@test
def kill_9_of_the_db_worker_at_200_random_moments_of_setup():
    seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
    print(f"# SEED={seed}")
    rng = random.Random(seed)
    completed = 0
    with Daemon(expect_ready=False) as d:
        for n in range(200):
            shutil.rmtree(d.data, ignore_errors=True)
            d.start()
            pid = d.db_pid()
            delay = rng.random() * 0.016
            killer = threading.Timer(delay, kill, [pid])
            killer.start()
            try:
                r = d.setup()
            finally:
                killer.join()
            assert r.status in (200, 500, 409), r
            if r.status == 500:
                assert r.json["error"].startswith("Database setup failed: "), r
            wait_until(lambda: not alive(pid), 10, "gone")
            wait_until(lambda: settled(d, pid), 30, f"settled after kill {n} (delay {delay})")
            if not d.status()["configured"]:
                r = d.setup()
                assert r.status == 200, (n, delay, r)
            else:
                completed += 1
            d.wait_ready()
            d.assert_complete()
            assert not [f for f in os.listdir(d.data + "/database") if ".setup" in f]
            d.stop()
    print(f"# configured already after {completed} of 200 kills")


@test
def a_database_directory_that_a_killed_setup_left_to_root_is_taken_over():
    if os.geteuid() != 0:
        raise Skip("needs root")
    with Daemon(expect_ready=False) as d:
        os.mkdir(d.data, 0o700)
        os.chown(d.data, 60990, 60990)
        os.mkdir(d.data + "/database", 0o700)
        d.start()
        assert d.setup().status == 200
        d.assert_complete()


def kill(pid):
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        pass


def settled(d, killed=0):
    """Either ready, or waiting for setup with another process than the killed one, of whose
    end the supervisor may not know yet."""
    s = d.status()
    if s["configured"]:
        return s["initialized"]
    if not any(p["role"] == "db-worker" and p["state"] == "ready" and p["pid"] != killed
               for p in d.system()["processes"]):
        return False
    # Asked again: the selection may have been found between the two answers.
    return not d.status()["configured"]


def failing(d, part, repair=None):
    """Setup fails with one clear sentence, selects nothing, and works after the repair."""
    r = d.setup()
    assert r.status == 500 and r.json["error"].startswith("Database setup failed: "), r
    assert part in r.json["error"], r
    assert not d.status()["configured"]
    assert not os.path.exists(d.data + "/db.selection.json")
    if repair:
        repair()
        wait_until(lambda: settled(d), 30, "ready for setup again")
        r = d.setup()
        assert r.status == 200, r
        d.assert_complete()


@test
def an_unwritable_directory():
    for user in users()[-1:]:
        with Daemon(user=user) as d:
            os.chmod(d.data, 0o500)
            if user is None and os.geteuid() == 0:
                raise Skip("root may write everywhere")
            failing(d, "secret.key", lambda: os.chmod(d.data, 0o700))


@test
def a_migration_that_fails_in_its_middle():
    with Daemon(expect_ready=False) as d:
        folder = d.dir + "/migrations"
        shutil.copytree(ROOT + "/migrations_sqlite", folder)
        name = next(f for f in os.listdir(folder) if f.startswith("0000"))
        original = open(f"{folder}/{name}").read()
        with open(f"{folder}/{name}", "a") as f:
            f.write("\n--> statement-breakpoint\nINSERT INTO no_such_table VALUES (1);\n")
        d.extra["MIGRATIONS_DIR"] = folder
        d.start()

        def repair():
            with open(f"{folder}/{name}", "w") as f:
                f.write(original)
            assert d.ctl("reload").returncode == 0

        failing(d, "no_such_table", repair)


@test
def a_malformed_settings_module():
    with Daemon(expect_ready=False) as d:
        folder = d.dir + "/modules"
        shutil.copytree(ROOT + "/global-settings", folder)
        with open(folder + "/zz.json", "w") as f:
            f.write('{"group":{"id":"x","name":"X"},"settings":[{"key":"x.y","type":"date"}]}')
        d.extra["GLOBAL_SETTINGS_DIR"] = folder
        d.start()
        failing(d, "zz.json", lambda: os.unlink(folder + "/zz.json"))


def on_tmpfs(size, options, f):
    if os.geteuid() != 0:
        raise Skip("needs root to mount")
    with tempfile.TemporaryDirectory() as top:
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "none", top]).returncode != 0:
            raise Skip("cannot mount")
        try:
            f(top)
        finally:
            subprocess.run(["umount", "-l", top], check=True)


@test
def a_full_disk():
    def run(top):
        with Daemon(data=top + "/data") as d:
            filler = top + "/filler"
            subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=4k"], stderr=subprocess.DEVNULL)
            failing(d, "", lambda: os.unlink(filler))
    on_tmpfs("2m", "", run)


@test
def a_nearly_full_disk():
    def run(top):
        with Daemon(data=top + "/data") as d:
            filler = top + "/filler"
            subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=4k", "count=470"], stderr=subprocess.DEVNULL)
            failing(d, "full", lambda: os.unlink(filler))
    on_tmpfs("2m", "", run)


@test
def a_read_only_file_system():
    def run(top):
        with Daemon(data=top + "/data") as d:
            subprocess.run(["mount", "-o", "remount,ro", top], check=True)
            failing(d, "Read-only file system",
                    lambda: subprocess.run(["mount", "-o", "remount,rw", top], check=True))
    on_tmpfs("8m", "", run)


def start_fails(d, code, part):
    d.launch()
    assert d.p.wait(20) == code, (d.p.returncode, d.log())
    d.reader.join(5)
    assert part in d.log(), d.log()


@test
def links_in_place_of_the_data_directory():
    with Daemon(expect_ready=False) as d:
        os.mkdir(d.dir + "/real", 0o700)
        os.symlink(d.dir + "/real", d.data)
        start_fails(d, 78, "symbolic link")
        os.unlink(d.data)
        os.mkdir(d.dir + "/real/data", 0o700)
        os.symlink(d.dir + "/real", d.dir + "/parent")
        d.data = d.dir + "/parent/data"
        start_fails(d, 78, "symbolic link")
        assert "real/data" in d.log(), "names the real path"
        d.data = d.dir + "/file"
        open(d.data, "w").close()
        start_fails(d, 78, "not a directory")


@test
def a_data_directory_of_others():
    with Daemon(expect_ready=False) as d:
        os.mkdir(d.data, 0o755)
        open(d.data + "/x", "w").close()
        if os.geteuid() == 0:
            start_fails(d, 78, "belongs to user 0")
            os.chown(d.data, 60990, 60990)
        os.chmod(d.data, 0o755)
        start_fails(d, 78, "chmod 0700")


def damaged(breakage, part, repair):
    """After setup something is broken: an error state, never set up again, and recovery after the repair."""
    with Daemon() as d:
        assert d.setup().status == 200
        before = d.sqlite("SELECT count(*) FROM globalSettings")
        d.stop()
        breakage(d)
        d.start()
        wait_until(lambda: part in d.log(), 20, f"log names {part!r}")
        s = d.status()
        assert s["configured"] is True and s["initialized"] is False, s
        r = d.setup()
        assert r.status in (409, 503), r
        assert d.get("/readyz").status == 503
        info = d.system()["database"]
        assert part in info["problem"], info
        repair(d)
        d.ctl("reload")
        d.wait_ready()
        assert d.sqlite("SELECT count(*) FROM globalSettings") == before
        d.assert_complete()


def selection(d):
    return d.data + "/db.selection.json"


def rewrite(content):
    def f(d):
        d.kept = open(selection(d), "rb").read()
        with open(selection(d), "wb") as out:
            out.write(content)
    return f


def restore(d):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(selection(d))
    with open(selection(d), "wb") as f:
        f.write(d.kept)
    os.chmod(selection(d), 0o600)
    st = os.stat(d.data)
    os.chown(selection(d), st.st_uid, st.st_gid)


@test
def a_corrupt_selection_file():
    damaged(rewrite(b'{"type":"sql'), "db.selection.json", restore)


@test
def an_empty_selection_file():
    damaged(rewrite(b""), "db.selection.json", restore)


@test
def a_selection_file_with_another_engine():
    damaged(rewrite(b'{"type":"oracle","selectedAt":"2025-01-02T18:22:15.000Z","version":"1.0"}'),
            "db.selection.json", restore)


@test
def an_oversized_selection_file():
    damaged(rewrite(b'{"type":"sqlite","selectedAt":"2025-01-02T18:22:15.000Z","version":"1.0"}' + b" " * 5000),
            "db.selection.json", restore)


@test
def a_deleted_selection_file():
    def f(d):
        d.kept = open(selection(d), "rb").read()
        os.unlink(selection(d))
    damaged(f, "setup was completed", restore)


@test
def a_symbolic_link_in_place_of_the_selection_file():
    def f(d):
        d.kept = open(selection(d), "rb").read()
        os.rename(selection(d), d.dir + "/elsewhere")
        os.symlink(d.dir + "/elsewhere", selection(d))
    damaged(f, "db.selection.json", restore)


@test
def a_hard_link_to_the_selection_file():
    def f(d):
        d.kept = open(selection(d), "rb").read()
        os.link(selection(d), d.dir + "/second-name")
    damaged(f, "hard link", restore)


@test
def a_selection_file_without_permissions():
    for user in users()[-1:]:
        if user is None and os.geteuid() == 0:
            raise Skip("root may read everything")
        with Daemon(user=user) as d:
            assert d.setup().status == 200
            d.stop()
            os.chmod(selection(d), 0)
            d.start()
            wait_until(lambda: "db.selection.json" in d.log(), 20, "log names the file")
            assert d.status()["configured"] and not d.status()["initialized"]
            assert d.setup().status in (409, 503)
            os.chmod(selection(d), 0o600)
            d.wait_ready()


@test
def a_vanished_database_file():
    def vanish(d):
        os.rename(d.db_path, d.dir + "/kept.db")

    def back(d):
        assert not os.path.exists(d.db_path), "an empty database was made"
        os.rename(d.dir + "/kept.db", d.db_path)
    damaged(vanish, "missing", back)


@test
def a_database_file_that_vanishes_while_it_is_used():
    with Daemon() as d:
        assert d.setup().status == 200
        os.rename(d.db_path, d.dir + "/kept.db")
        wait_until(lambda: not d.status()["initialized"], 30, "noticed")
        assert not os.path.exists(d.db_path)
        for suffix in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(d.db_path + suffix)
        os.rename(d.dir + "/kept.db", d.db_path)
        d.wait_ready()


@test
def a_damaged_database_file():
    def damage(d):
        shutil.copy2(d.db_path, d.dir + "/kept.db")
        with open(d.db_path, "r+b") as f:
            f.write(b"\0" * 100)

    def back(d):
        st = os.stat(d.db_path)
        shutil.copy2(d.dir + "/kept.db", d.db_path)
        os.chown(d.db_path, st.st_uid, st.st_gid)
    damaged(damage, "not an SQLite database", back)


@test
def a_database_of_a_newer_schema():
    def newer(d):
        d.sqlite("INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('ab', 4102444800000)")

    def back(d):
        d.sqlite("DELETE FROM __drizzle_migrations WHERE hash = 'ab'")
    damaged(newer, "newer version", back)


@test
def an_edited_migration():
    def edit(d):
        folder = d.dir + "/migrations"
        shutil.copytree(ROOT + "/migrations_sqlite", folder)
        d.extra["MIGRATIONS_DIR"] = folder
        with open(next(f"{folder}/{f}" for f in os.listdir(folder) if f.startswith("0000")), "a") as f:
            f.write("-- one more comment\n")

    def back(d):
        shutil.copytree(ROOT + "/migrations_sqlite", d.dir + "/migrations", dirs_exist_ok=True)
    damaged(edit, "changed after it was applied", back)


@test
def a_lost_key_file_is_an_error_and_not_a_new_key():
    def lose(d):
        os.rename(d.data + "/secret.key", d.dir + "/kept.key")

    def back(d):
        assert not os.path.exists(d.data + "/secret.key"), "a new key was made"
        os.rename(d.dir + "/kept.key", d.data + "/secret.key")
    damaged(lose, "secret.key", back)


@test
def setup_over_the_network_needs_the_host():
    with Daemon(env={"HOST": "0.0.0.0"}) as d:
        r = d.setup()
        assert r.status == 403 and "deploystackctl setup" in r.body.decode(), r
        assert not d.status()["configured"]
        out = d.ctl("setup", "sqlite")
        assert out.returncode == 0, out
        assert d.status()["initialized"]


main()
