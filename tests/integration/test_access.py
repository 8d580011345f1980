"""Who may do what: the route table, origins, the setup token, the encryption secret."""
import os
import random
import re
import socket
import threading

from api_client import Client, account, admin, user
from harness import JSON, ROOT, Daemon, in_threads, main, test, wait_until

ROUTE = re.compile(r'\{ HTTP_(\w+), "([^"]+)", ROUTE_(\w+), PERMISSION_(\w+),\s+(ROUTE_\w+)', re.S)


def routes():
    with open(ROOT + "/api-worker/routes.c") as f:
        found = ROUTE.findall(f.read())
    assert len(found) > 35, len(found)
    return found


def concrete(path):
    return re.sub(r":\w+", "nothing-of-that-name", path)


@test
def every_route_of_the_table_refuses_who_may_not():
    with Daemon() as d:
        boss = admin(d)
        bob = user(d, "bob")
        gone = Client(d)
        assert gone.login("bob").status == 200
        gone_cookie = gone.cookie
        assert gone.post("/api/auth/logout").status == 200
        late = Client(d)
        assert late.login("bob").status == 200
        wrong = boss.post("/api/tokens", {"name": "sql only", "scopes": ["sql:read"]}).json["token"]
        d.stop()
        d.sqlite("UPDATE authSession SET expires_at = 1 "
                 "WHERE rowid = (SELECT max(rowid) FROM authSession)")
        d.start()
        d.wait_ready()
        seen = 0
        for method, path, where, permission, body in routes():
            if permission == "public":
                continue
            seen += 1
            control = where == "CONTROL"
            # A body that no check of it would let pass: nobody may get so far.
            data = "{broken" if body == "ROUTE_JSON" else None

            def status(**fields):
                headers = dict(JSON) if data else {}
                headers.update({k.replace("_", "-"): v for k, v in fields.items()})
                return d.request(method, concrete(path), data, headers=headers,
                                 control=control).status

            what = (method, path)
            assert status() == 401, what
            assert status(Cookie="session=" + gone_cookie) == 401, what
            assert status(Cookie="session=" + late.cookie) == 401, what
            assert status(Authorization="Bearer " + wrong[:-1]) == 401, what
            assert status(Authorization="Bearer " + wrong.swapcase()) == 401, what
            assert status(Authorization="Bearer " + wrong) == 403, what
            if permission != "session":
                assert status(Cookie="session=" + bob.cookie) == 403, what
                # Whoever may gets as far as the handler.
            elif data:
                assert status(Cookie="session=" + bob.cookie) == 400, what
            if data and permission not in ("session", "operator"):
                assert status(Cookie="session=" + boss.cookie) == 400, what
                assert status(Cookie="session=" + boss.cookie,
                              Content_Type="text/plain") == 415, what
        assert seen > 25, seen


@test
def a_foreign_page_changes_nothing_with_the_cookie():
    with Daemon(env={"DEPLOYSTACK_FRONTEND_URL": "https://app.example.org"}) as d:
        boss = admin(d)
        key = "/api/settings/smtp.host"
        for fields in ({"Origin": "https://evil.example"}, {"Origin": "null"},
                       {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
                       {"Origin": f"http://127.0.0.1:{d.port}", "Sec-Fetch-Site": "cross-site"}):
            r = boss.put(key, {"value": "x"}, headers=fields)
            refused = {"error": "Origin not allowed", "success": False}
            assert (r.status, r.json) == (403, refused), (fields, r)
            assert boss.delete(key, headers=fields).status == 403, fields
            assert Client(d).post("/api/auth/email/login", {"login": "admin", "password": "x"},
                                  headers=fields).status == 403, fields
        # A form can send text/plain without asking.
        assert boss.post("/api/settings", '{"key":"a","value":"b"}',
                         headers={"Content-Type": "text/plain"}).status == 415
        for fields in ({}, {"Origin": f"http://127.0.0.1:{d.port}"},
                       {"Origin": "https://app.example.org"}, {"Sec-Fetch-Site": "same-origin"}):
            assert boss.put(key, {"value": "x"}, headers=fields).status == 200, fields
        # The frontend is another https origin, so the cookie must cross sites.
        r = Client(d).login("admin")
        assert "Secure; SameSite=None" in r.headers["Set-Cookie"], r.headers["Set-Cookie"]
        for fields in ({"Host": "localhost"}, {"X-Forwarded-For": "127.0.0.1"},
                       {"X-Forwarded-Host": "localhost"}, {"Forwarded": "for=127.0.0.1"}):
            assert d.get("/api/settings", headers=fields).status == 401, fields
        assert d.get("/api/settings", headers={"Host": "evil.example"}).status == 421


def addresses():
    """An address of this host that is not loopback, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
            return s.getsockname()[0]
        except OSError:
            return None


class Network(Daemon):
    """Listens on all addresses, and is asked through loopback: what counts is the listener."""

    def __init__(self, **kwargs):
        super().__init__(env={"HOST": "0.0.0.0"}, **kwargs)

    def token(self):
        return wait_until(lambda: os.path.exists(self.data + "/setup.token") and
                          open(self.data + "/setup.token").read().strip(), 10, "setup token")


@test
def over_the_network_setup_and_the_first_account_need_the_token_once():
    with Network() as d:
        token = d.token()
        assert os.stat(d.data + "/setup.token").st_mode & 0o777 == 0o600
        assert token not in d.log()
        for fields in ({}, {"X-Setup-Token": ""}, {"X-Setup-Token": token[:-1]},
                       {"X-Setup-Token": token.swapcase()}, {"X-Setup-Token": token + "x"}):
            r = d.setup(headers={**JSON, **fields})
            assert r.status == 403 and not d.status()["configured"], (fields, r)
        with_token = {**JSON, "X-Setup-Token": token}
        results = in_threads(50, lambda i: d.setup(headers=with_token).status)
        assert sorted(set(results)) == [200, 409] and results.count(200) == 1, results
        d.wait_ready()
        token = d.token()
        with_token = {**JSON, "X-Setup-Token": token}
        r = d.request("POST", "/api/auth/email/register", account("early"))
        assert r.status == 403 and r.json["success"] is False, r

        def register(i):
            while True:
                r = d.request("POST", "/api/auth/email/register", account(f"user{i}"),
                              headers=with_token)
                if r.status not in (429, 503):
                    return r.status
        results = in_threads(100, register)
        assert results.count(201) == 1 and set(results) == {201, 403}, results
        assert d.sqlite("SELECT count(*) FROM authUser WHERE role_id = 'global_admin'") == "1"
        wait_until(lambda: not os.path.exists(d.data + "/setup.token"), 10, "token removed")
        # From now on anybody may register, and a used token is refused.
        assert d.request("POST", "/api/auth/email/register", account("later")).status == 201
        assert d.request("POST", "/api/auth/email/register", account("again"),
                         headers=with_token).status == 403
        d.stop()
        d.start()
        d.wait_ready()
        assert not os.path.exists(d.data + "/setup.token")


@test
def wrong_setup_tokens_are_limited():
    with Network() as d:
        token = d.token()
        statuses = [d.setup(headers={**JSON, "X-Setup-Token": "x" * 43}).status for _ in range(25)]
        assert statuses[:20] == [403] * 20 and 429 in statuses[20:], statuses
        r = d.setup(headers={**JSON, "X-Setup-Token": token})
        assert r.status == 429 and int(r.headers["Retry-After"]) > 0, r
        # The host itself needs none.
        assert d.setup(control=True).status == 200


def operator(d, method, path, body=None):
    with open(d.data + "/control.token") as f:
        token = f.read().strip()
    return d.request(method, path, body, control=True,
                     headers={**JSON, "Authorization": "Bearer " + token})


@test
def the_operators_token_is_for_the_control_socket():
    with Daemon() as d:
        admin(d)
        assert os.stat(d.data + "/control.token").st_mode & 0o777 == 0o600
        assert operator(d, "GET", "/api/settings/smtp.port").status == 200
        with open(d.data + "/control.token") as f:
            token = f.read().strip()
        assert d.get("/api/settings/smtp.port",
                     headers={"Authorization": "Bearer " + token}).status == 401
        assert d.get("/api/settings/smtp.port", control=True).status == 401
        assert token not in d.log()
        d.stop()
        d.start()
        d.wait_ready()
        r = d.request("GET", "/api/settings", control=True,
                      headers={"Authorization": "Bearer " + token})
        assert r.status == 401, r


SECRETS = {f"secret.{i}": f"value number {i} of many" for i in range(12)}


def with_secrets(d):
    boss = admin(d)
    for key, value in SECRETS.items():
        r = boss.post("/api/settings", {"key": key, "value": value, "encrypted": True})
        assert r.status == 201, r
    return boss


def restart_with(d, secret):
    d.stop()
    d.extra["DEPLOYSTACK_ENCRYPTION_SECRET"] = secret
    d.start()
    d.wait_ready()


def read_all(boss):
    return {key: boss.get("/api/settings/" + key).json["data"]["value"] for key in SECRETS}


@test
def a_wrong_secret_is_noticed_and_rekey_mends_it():
    with Daemon(env={"DEPLOYSTACK_ENCRYPTION_SECRET": "the first encryption secret"}) as d:
        boss = with_secrets(d)
        restart_with(d, "another encryption secret")
        wait_until(lambda: "settings rekey" in d.log(), 20, "said in the log")
        r = boss.get("/api/settings/health")
        assert r.status == 500 and r.json["data"]["encryption_working"] is False, r
        before = d.sqlite("SELECT * FROM globalSettings ORDER BY key")
        assert boss.get("/api/settings/secret.1").status == 500
        assert boss.put("/api/settings/secret.1", {"value": "x"}).status == 500
        assert boss.put("/api/settings/secret.1", {"encrypted": False}).status == 500
        assert boss.post("/api/settings",
                         {"key": "n", "value": "x", "encrypted": True}).status == 500
        assert boss.put("/api/settings/smtp.port", {"value": 587}).status == 200
        r = operator(d, "POST", "/api/settings/rekey", {"old_secret": "not that one"})
        assert r.status == 400 and "nothing was changed" in r.json["message"], r
        assert before.count("v1.") == d.sqlite("SELECT * FROM globalSettings").count("v1.")
        r = operator(d, "POST", "/api/settings/rekey",
                     {"old_secret": "the first encryption secret"})
        assert r.status == 200 and r.json["data"] == {"rekeyed": 14, "unchanged": 0}, r
        assert read_all(boss) == SECRETS
        assert boss.get("/api/settings/health").status == 200
        r = operator(d, "POST", "/api/settings/rekey", {})
        assert r.json["data"] == {"rekeyed": 0, "unchanged": 14}, r
        for word in ("the first encryption secret", "another encryption secret",
                     *SECRETS.values()):
            assert word not in d.log(), word
        assert "value number" not in d.sqlite("SELECT * FROM auditLog")


@test
def from_the_key_file_to_a_secret_of_ones_own():
    with Daemon() as d:
        boss = with_secrets(d)
        restart_with(d, "a secret of my own")
        # Readable with the file that is still there, and then without it.
        assert read_all(boss) == SECRETS
        assert operator(d, "POST", "/api/settings/rekey", {}).json["data"]["rekeyed"] == 14
        d.stop()
        os.unlink(d.data + "/secret.key")
        d.start()
        d.wait_ready()
        assert read_all(boss) == SECRETS


@test
def kill_9_of_the_db_worker_at_50_random_moments_of_rekey():
    seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
    print(f"# SEED={seed}")
    rng = random.Random(seed)
    secrets = ["encryption secret number 0", "encryption secret number 1"]
    with Daemon(env={"DEPLOYSTACK_ENCRYPTION_SECRET": secrets[0]}) as d:
        boss = with_secrets(d)
        old, new, done = 0, 1, 0
        restart_with(d, secrets[new])
        for n in range(50):
            pid = d.db_pid()
            killer = threading.Timer(rng.random() * 0.3, os.kill, [pid, 9])
            killer.start()
            r = operator(d, "POST", "/api/settings/rekey", {"old_secret": secrets[old]})
            killer.join()
            wait_until(lambda: d.db_pid() != pid, 20, "another db-worker")
            d.wait_ready()
            # All old or all new: health tells which, and then every value is right.
            changed = boss.get("/api/settings/health").status == 200
            assert changed or r.status != 200, (n, r)
            if changed:
                done += 1
            else:
                r = operator(d, "POST", "/api/settings/rekey", {"old_secret": secrets[old]})
                assert r.status == 200 and r.json["data"] == {"rekeyed": 14, "unchanged": 0}, (n, r)
            assert read_all(boss) == SECRETS, n
            old, new = new, old
            restart_with(d, secrets[new])
        print(f"# rekeyed already after {done} of 50 kills")


main()
