"""A client of the HTTP API that keeps its session as a browser or a script would."""
import contextlib
import json
import re
import urllib.parse

from harness import JSON, wait_until

PASSWORD = "correct horse battery"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
SETTING = {"key", "value", "type", "is_encrypted", "created_at", "updated_at", "description",
           "group_id"}


def account(name, **more):
    return {"username": name, "email": f"{name}@example.org", "password": PASSWORD, **more}


class Client:
    def __init__(self, daemon, cookie=None, token=None):
        self.daemon, self.cookie, self.token = daemon, cookie, token

    def request(self, method, path, json=None, headers=None):
        """json: an object to be encoded, or text that is sent as it is."""
        fields = dict(JSON) if json is not None else {}
        if self.cookie is not None:
            fields["Cookie"] = "session=" + self.cookie
        if self.token is not None:
            fields["Authorization"] = "Bearer " + self.token
        fields.update(headers or {})
        r = self.daemon.request(method, path, json, headers=fields)
        cookies = r.headers.get_all("Set-Cookie") or []
        if cookies and cookies[0].startswith("session="):
            self.cookie = cookies[0].split(";")[0][len("session="):] or None
        return r

    def get(self, path, json=None, headers=None):
        return self.request("GET", path, json, headers)

    def post(self, path, json=None, headers=None):
        return self.request("POST", path, json, headers)

    def put(self, path, json=None, headers=None):
        return self.request("PUT", path, json, headers)

    def delete(self, path, json=None, headers=None):
        return self.request("DELETE", path, json, headers)

    def register(self, username, **more):
        return self.post("/api/auth/email/register", account(username, **more))

    def login(self, login, password=PASSWORD):
        return self.post("/api/auth/email/login", {"login": login, "password": password})

    def me(self, headers=None):
        return self.get("/api/users/me", headers=headers)


def admin(daemon):
    """The first registered user, logged in; sets the database up when nobody did."""
    if not daemon.status()["configured"]:
        r = daemon.setup()
        assert r.status == 200, r
    c = Client(daemon)
    r = c.register("admin")
    assert r.status == 201 and r.json["user"]["role_id"] == "global_admin" and c.cookie, r
    return c


def user(daemon, name):
    """A second, ordinary user, logged in."""
    c = Client(daemon)
    r = c.register(name)
    assert r.status == 201 and r.json["user"]["role_id"] == "global_user", r
    r = c.login(name)
    assert r.status == 200 and c.cookie, r
    return c


def set_setting(client, key, value):
    r = client.put("/api/settings/" + key, {"value": value})
    assert r.status == 200, r


def respawned(daemon, pid):
    """Waits until another db-worker than pid serves."""
    wait_until(lambda: pid not in daemon.pids("db-worker"), 30, "the old db-worker gone")
    daemon.db_pid()
    daemon.wait_ready()


def is_refusal(r, status, error, exact=True):
    """Asserts {"error":…,"success":false} and, when exact, nothing else."""
    assert r.status == status, r
    assert r.headers["Content-Type"] == "application/json; charset=utf-8", r.headers
    assert r.json["error"] == error and r.json["success"] is False, r
    extra = set(r.json) - {"error", "success"}
    assert not exact or extra <= {"message", "statusCode"}, r
    assert r.json.get("statusCode", status) == status, r


def is_unknown(r):
    is_refusal(r, 401, "Authentication required")


def is_denied(r):
    is_refusal(r, 403, "Insufficient permissions")


def is_invalid(r):
    """Asserts a 400 with a sentence that says what is wrong."""
    is_refusal(r, 400, "Bad Request")
    assert r.json["statusCode"] == 400 and r.json["message"].endswith("."), r
    assert len(r.json["message"]) > 10 and "SQL" not in r.json["message"], r


def files_of(d):
    """All bytes of the database's files."""
    out = b""
    for end in ("", "-wal"):
        with contextlib.suppress(FileNotFoundError):
            with open(d.db_path + end, "rb") as f:
                out += f.read()
    return out


# ---- settings ----

def url(key):
    return "/api/settings/" + urllib.parse.quote(key, safe="")


def is_setting(s):
    assert set(s) == SETTING and isinstance(s["value"], str), s
    assert isinstance(s["is_encrypted"], bool), s
    assert re.fullmatch(TIME, s["created_at"]) and re.fullmatch(TIME, s["updated_at"]), s
    return s


def data(r):
    assert r.status == 200 and r.json["success"] is True, r
    assert set(r.json) <= {"success", "data", "message"}, r
    return r.json["data"]


def value_of(c, key):
    return is_setting(data(c.get(url(key))))["value"]


def at_rest(d, key):
    """value and is_encrypted as they lie in the database"""
    value, flag = json.loads(d.sqlite("SELECT json_array(value, is_encrypted) FROM globalSettings "
                                      f"WHERE key = '{key}'"))
    return value, bool(flag)


def is_sealed(d, key, plain):
    value, flag = at_rest(d, key)
    like = d.sqlite(f"SELECT value LIKE '_1.%' FROM globalSettings WHERE key = '{key}'")
    return flag and like == "1" and plain not in value
