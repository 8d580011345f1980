#!/usr/bin/env python3
"""The contract's table Global settings, as a black box."""
import urllib.parse

from api_client import *
from harness import *

GROUP = {"id", "name", "description", "icon", "sort_order", "settings", "created_at",
         "updated_at"}
CREATED = "Global setting created successfully"
UPDATED = "Global setting updated successfully"
DELETED = "Global setting deleted successfully"
EXISTS = "Setting with this key already exists. Use PUT to update."
HOSTILE = ["'; DROP TABLE globalSettings; --", "\" OR 1=1 --", "%_%", "\\'", "a'); DELETE FROM "
           "authUser; --", "${x} {{y}} <script>", "_1.k1.v1.", "k1.AAAA", "ünï\u2028\U0001f600",
           "line\r\nline\ttab", "?1 :a @b $c"]
DEFAULTS = {
    "global": ("Global Settings", "settings", 0, {
        "global.page_url": ("string", "http://localhost:5173"),
        "global.send_mail": ("boolean", "false"), "global.enable_login": ("boolean", "true"),
        "global.enable_email_registration": ("boolean", "true"),
        "global.enable_swagger_docs": ("boolean", "true")}),
    "smtp": ("SMTP Mail Settings", "mail", 1, {
        "smtp.host": ("string", ""), "smtp.port": ("number", "587"),
        "smtp.username": ("string", ""), "smtp.password": ("string", ""),
        "smtp.secure": ("boolean", "true"), "smtp.from_name": ("string", "DeployStack"),
        "smtp.from_email": ("string", "")}),
    "github-oauth": ("GitHub OAuth Configuration", "github", 2, {
        "github.oauth.client_id": ("string", ""), "github.oauth.client_secret": ("string", ""),
        "github.oauth.enabled": ("boolean", "false"),
        "github.oauth.callback_url":
            ("string", "http://localhost:3000/api/auth/github/callback"),
        "github.oauth.scope": ("string", "user:email")}),
}
ENCRYPTED = {"smtp.password", "github.oauth.client_secret"}


def stored(r, status, message):
    """Asserts an answer with a setting and returns the setting."""
    assert r.status == status, r
    assert r.headers["Content-Type"] == "application/json; charset=utf-8"
    assert set(r.json) == {"success", "data", "message"} and r.json["success"] is True, r
    assert r.json["message"] == message, r
    return is_setting(r.json["data"])


def create(c, key, value, **more):
    s = stored(c.post("/api/settings", {"key": key, "value": value, **more}), 201, CREATED)
    assert s["key"] == key, s
    return s


def update(c, key, **members):
    return stored(c.put(url(key), members), 200, UPDATED)


def not_found(r):
    is_refusal(r, 404, "Setting not found")


# ---- reading ----

@test
def the_settings_that_come_with_it():
    with Daemon() as d:
        a = admin(d)
        all_keys = {k: g for g, x in DEFAULTS.items() for k in x[3]}
        listed = data(a.get("/api/settings"))
        assert [s["key"] for s in listed] == sorted(all_keys), listed
        for s in map(is_setting, listed):
            kind, value = DEFAULTS[all_keys[s["key"]]][3][s["key"]]
            assert (s["type"], s["value"], s["group_id"]) == (kind, value, all_keys[s["key"]]), s
            assert s["is_encrypted"] == (s["key"] in ENCRYPTED) and s["description"], s
            assert data(a.get(url(s["key"]))) == s
        r = a.get("/api/settings/categories")
        assert data(r) == ["github-oauth", "global", "smtp"], r
        groups = data(a.get("/api/settings/groups"))
        assert [g["id"] for g in groups] == ["global", "smtp", "github-oauth"], groups
        for g in groups:
            name, icon, order, keys = DEFAULTS[g["id"]]
            assert set(g) == GROUP and re.fullmatch(TIME, g["created_at"]), g
            assert (g["name"], g["icon"], g["sort_order"]) == (name, icon, order), g
            assert sorted(s["key"] for s in map(is_setting, g["settings"])) == sorted(keys), g
            assert data(a.get("/api/settings/groups/" + g["id"])) == g
            of = data(a.get("/api/settings/group/" + g["id"]))
            assert of == [s for s in listed if s["group_id"] == g["id"]], of
        assert data(a.get("/api/settings/group/unknown")) == []
        r = a.get("/api/settings/groups/unknown")
        assert r.status == 404 and r.json["success"] is False and r.json["error"], r
        not_found(a.get(url("no.such.key")))
        not_found(a.get(url("x" * 255)))
        not_found(a.get(url("SMTP.HOST")))
        for key in ("a b", "ü", "a/b", "a'b", "a%b", "a\0b", "a:b", "x" * 256, "x" * 2000):
            is_invalid(a.get(url(key)))
            is_invalid(a.put(url(key), {"value": "x"}))
            is_invalid(a.delete(url(key)))
        r = a.get("/api/settings/health")
        assert r.json["message"] == "Global settings system is healthy", r
        assert set(data(r)) == {"encryption_working", "timestamp"}, r
        assert data(r)["encryption_working"] is True, r
        assert re.fullmatch(TIME, data(r)["timestamp"]), r


@test
def permission_comes_before_the_body():
    with Daemon() as d:
        admin(d)
        b = user(d, "bob")
        requests = [("GET", p) for p in ("", "/categories", "/groups", "/groups/smtp", "/health",
                                         "/group/smtp", "/smtp.host", "/none", "/a%20b")]
        requests += [("POST", p) for p in ("", "/groups", "/search", "/bulk")]
        requests += [("PUT", p) for p in ("/smtp.host", "/none", "/groups/smtp", "/groups/none")]
        requests += [("DELETE", p) for p in ("/smtp.host", "/none", "/a%20b")]
        for method, path in requests:
            for body in ("{", "[]", "{}") if method in ("POST", "PUT") else (None,):
                for c in (Client(d), Client(d, "garbage"), Client(d, token="dst_garbage")):
                    is_unknown(c.request(method, "/api/settings" + path, body))
                r = b.request(method, "/api/settings" + path, body)
                is_denied(r)
        d.assert_complete()


# ---- writing ----

@test
def creating_and_deleting():
    with Daemon() as d:
        a = admin(d)
        s = create(a, "my.key", "v", type="string", description="what it is", group_id="smtp")
        assert (s["value"], s["type"], s["description"]) == ("v", "string", "what it is"), s
        assert s["group_id"] == "smtp" and s["is_encrypted"] is False, s
        assert data(a.get(url("my.key"))) == s
        s = create(a, "plain", "")
        assert (s["value"], s["type"], s["description"], s["group_id"]) == \
            ("", "string", None, None), s
        for key in ("my.key", "smtp.host"):
            r = a.post("/api/settings", {"key": key, "value": "other"})
            is_refusal(r, 409, EXISTS)
        assert value_of(a, "my.key") == "v"
        create(a, "k" * 255, "long")
        create(a, "A-b_c.9", "chars")
        good = {"key": "new", "value": "v", "type": "string"}
        for wrong in ({"key": ""}, {"key": "x" * 256}, {"key": "a b"}, {"key": "a/b"},
                      {"key": "ключ"}, {"key": "a\0b"}, {"key": "a%"}, {"key": "a\n"},
                      {"key": 5}, {"key": None}, {"value": None}, {"value": {}}, {"value": []},
                      {"value": 5}, {"value": True}, {"value": "a\0b"}, {"value": "x" * 65537},
                      {"type": "text"}, {"type": "String"}, {"type": ""}, {"type": 5},
                      {"type": "object"}, {"description": "x" * 1001}, {"description": 5},
                      {"encrypted": "true"}, {"encrypted": 1}, {"group_id": "unknown"},
                      {"group_id": ""}, {"group_id": "SMTP"}, {"group_id": 5}):
            is_invalid(a.post("/api/settings", {**good, **wrong}))
        for body in ("", "{", "[]", "null", "5", {"key": "new"}, {"value": "v"}, {},
                     '{"key":"new","value":NaN}', '{"key":"new","value":"\\ud800"}'):
            is_invalid(a.post("/api/settings", body))
        not_found(a.get(url("new")))
        for key in ("my.key", "smtp.host"):
            r = a.delete(url(key))
            assert r.status == 200 and r.json == {"success": True, "message": DELETED}, r
            not_found(a.delete(url(key)))
            not_found(a.get(url(key)))
        r = a.request("PATCH", url("plain"), {})
        assert r.status == 405 and {"GET", "PUT", "DELETE"} <= set(
            re.split(r",\s*", r.headers["Allow"])), r


@test
def values_fit_their_type():
    numbers = ((5, 5), ("5", 5), (0, 0), (-3, -3), ("-3", -3), (1e5, 1e5), ("1e5", 1e5),
               (0.1, 0.1), ("2.50", 2.5), ("-0", 0), (9007199254740993, 2**53), (1e300, 1e300))
    no_numbers = ("abc", "", " ", "5 ", " 5", "NaN", "nan", "Infinity", "-Infinity", "inf",
                  "1e999", "0x10", "1,5", "5abc", "٣", True, None, {}, [], "true", "--1")
    no_booleans = ("yes", "no", "True", "TRUE", "1", "0", "", " true", 1, 0, None, {}, [])
    with Daemon() as d:
        a = admin(d)
        create(a, "n", 1, type="number")
        create(a, "b", True, type="boolean")
        create(a, "s", "text", type="string")
        for value, number in numbers:
            s = update(a, "n", value=value)
            assert float(s["value"]) == number and value_of(a, "n") == s["value"], (value, s)
            create(a, "n2", value, type="number")
            assert a.delete(url("n2")).status == 200
        assert update(a, "n", value=587)["value"] == "587"
        for value in (True, "true", False, "false"):
            text = str(value).lower()
            assert update(a, "b", value=value)["value"] == text == value_of(a, "b"), value
        assert update(a, "s", value="5")["value"] == "5"
        for key, kind, refused in (("n", "number", no_numbers), ("b", "boolean", no_booleans),
                                   ("s", "string", (5, 1.5, True, None, {}, ["x"]))):
            before = data(a.get(url(key)))
            for value in refused:
                is_invalid(a.put(url(key), {"value": value}))
                is_invalid(a.post("/api/settings", {"key": "x", "value": value, "type": kind}))
                r = a.post("/api/settings/bulk", {"settings": [
                    {"key": key, "value": value, "type": kind}]})
                assert r.status == 400, (key, value, r)
            assert data(a.get(url(key))) == before
        for body in ('{"value":NaN}', '{"value":Infinity}', '{"value":1e999}', '{"value":01}'):
            is_invalid(a.put(url("n"), body))
        for value in ("x" * 65536, "ü" * 32768, "", " spaces ", "[1]", "null"):
            assert update(a, "s", value=value)["value"] == value == value_of(a, "s")
            assert update(a, "smtp.password", value=value)["value"] == value
            assert value_of(a, "smtp.password") == value
        is_invalid(a.put(url("s"), {"value": "x" * 65537}))
        is_invalid(a.put(url("smtp.password"), {"value": "ü" * 32768 + "x"}))
        assert value_of(a, "s") == value_of(a, "smtp.password") == "null"


@test
def updating_keeps_what_is_not_given():
    with Daemon() as d:
        a = admin(d)
        s = create(a, "k", "v", description="d", group_id="smtp")
        t = update(a, "k", value="w")
        same = SETTING - {"value", "updated_at"}
        assert t["value"] == "w" and all(t[m] == s[m] for m in same), t
        t = update(a, "k", description="e")
        assert (t["value"], t["description"], t["group_id"]) == ("w", "e", "smtp"), t
        t = update(a, "k", group_id="global")
        assert (t["value"], t["description"], t["group_id"]) == ("w", "e", "global"), t
        assert t == data(a.get(url("k")))
        assert "k" in [s["key"] for s in data(a.get("/api/settings/group/global"))]
        not_found(a.put(url("none"), {"value": "x"}))
        for body in ({"group_id": "unknown"}, {"description": "x" * 1001}, {"encrypted": "no"},
                     {"value": "x", "group_id": "unknown"}, {}, {"unknown": 1}, [], "{", "",
                     {"description": 5}, {"group_id": 5}):
            is_invalid(a.put(url("k"), body))
        assert t == data(a.get(url("k"))), "a refused change changes nothing"


@test
def encryption_at_rest():
    with Daemon(env={"LOG_LEVEL": "trace"}) as d:
        a = admin(d)
        s = create(a, "s", "first-secret", encrypted=True)
        assert s["value"] == "first-secret" and s["is_encrypted"] is True, s
        assert is_sealed(d, "s", "first-secret") and value_of(a, "s") == "first-secret"
        s = update(a, "s", value="second-secret")
        assert s["is_encrypted"] is True and is_sealed(d, "s", "second-secret"), s
        old = at_rest(d, "s")[0]
        update(a, "s", value="second-secret")
        assert at_rest(d, "s")[0] != old, "a nonce for each time"
        assert update(a, "s", description="x", group_id="smtp")["is_encrypted"] is True
        assert is_sealed(d, "s", "second-secret") and value_of(a, "s") == "second-secret"
        s = update(a, "s", encrypted=False)
        assert s["value"] == "second-secret" and s["is_encrypted"] is False, s
        assert at_rest(d, "s") == ("second-secret", False)
        assert at_rest(d, "s") == (update(a, "s", value="second-secret")["value"], False)
        s = update(a, "s", encrypted=True)
        assert s["value"] == "second-secret" and s["is_encrypted"] is True, s
        assert is_sealed(d, "s", "second-secret") and value_of(a, "s") == "second-secret"
        s = update(a, "smtp.password", value="third-secret")
        assert s["is_encrypted"] is True and is_sealed(d, "smtp.password", "third-secret"), s
        r = a.post("/api/settings/bulk", {"settings": [
            {"key": "smtp.password", "value": "fourth-secret", "type": "string"}]})
        assert r.status == 200 and is_sealed(d, "smtp.password", "fourth-secret"), r
        create(a, "n", 5, type="number", encrypted=True)
        assert is_sealed(d, "n", "secret") and value_of(a, "n") == "5"
        assert d.stop() == 0
        for secret in ("third-secret", "fourth-secret"):
            assert secret.encode() not in files_of(d) and secret not in d.log(), secret
        assert "first-secret" not in d.log() and "second-secret" not in d.log()


@test
def text_is_stored_verbatim():
    with Daemon() as d:
        a = admin(d)
        for i, text in enumerate(HOSTILE):
            key = f"hostile.{i}"
            s = create(a, key, text, description=text, encrypted=i % 2 == 1)
            assert s["value"] == s["description"] == text, s
            assert data(a.get(url(key))) == s
            t = update(a, key, value=text + text, description=text, encrypted=i % 2 == 0)
            assert t["value"] == text + text == value_of(a, key), t
            for body in ({"key": text, "value": "x"}, {"key": "x", "value": "x", "type": text},
                         {"key": "x", "value": "x", "group_id": text}):
                if not re.fullmatch(r"[A-Za-z0-9._-]+", text) or body["key"] == "x":
                    is_invalid(a.post("/api/settings", body))
            assert data(a.post("/api/settings/search", {"pattern": text})) == []
            assert data(a.get("/api/settings/group/" + urllib.parse.quote(text, safe=""))) == []
            r = a.post("/api/settings/groups", {"id": f"g{i}", "name": f"G{i}",
                                                "description": text})
            assert r.status in (201, 400), r
            assert r.status == 400 or r.json["data"]["description"] == text, r
        assert d.sqlite("SELECT count(*) FROM authUser") == "1"
        assert len(data(a.get("/api/settings"))) == 17 + len(HOSTILE)
        assert d.sqlite("PRAGMA integrity_check") == "ok"


@test
def search_is_literal_and_without_case():
    with Daemon() as d:
        a = admin(d)
        create(a, "Under_score", "x")
        create(a, "under-score", "x", encrypted=True)

        def found(pattern):
            return [is_setting(s)["key"] for s in
                    data(a.post("/api/settings/search", {"pattern": pattern}))]

        assert found("SMTP.p") == ["smtp.password", "smtp.port"]
        assert found("under") == ["Under_score", "under-score"]
        assert found("r_s") == ["Under_score"] and found("R-S") == ["under-score"]
        assert found("smtp%") == found("s_tp") == found("%") == found("nothing.such") == []
        keys = [s["key"] for s in data(a.get("/api/settings"))]
        assert found(".") == [k for k in keys if "." in k]
        for body in ({"pattern": ""}, {}, {"pattern": None}, {"pattern": 5}, [], "{", ""):
            is_invalid(a.post("/api/settings/search", body))


@test
def many_at_once():
    with Daemon() as d:
        a = admin(d)

        def bulk(*settings):
            return a.post("/api/settings/bulk", {"settings": list(settings)})

        new = {"key": "b.new", "value": "x", "type": "string", "description": "d",
               "encrypted": True, "group_id": "smtp"}
        r = bulk(new, {"key": "smtp.port", "value": 25, "type": "number"},
                 {"key": "smtp.secure", "value": "false", "type": "boolean"})
        assert r.status == 200 and r.json["success"] is True, r
        assert r.json["message"] == "Successfully processed 3 settings", r
        assert [is_setting(s)["value"] for s in r.json["data"]] == ["x", "25", "false"], r
        assert is_sealed(d, "b.new", "xx") and value_of(a, "smtp.port") == "25"
        assert data(a.get(url("b.new")))["group_id"] == "smtp"
        r = bulk({**new, "key": "b.ok", "encrypted": False}, {**new, "key": "bad key"},
                 {**new, "key": "b.group", "group_id": "unknown"},
                 {"key": "smtp.port", "value": "abc", "type": "number"}, {"key": "b.none"})
        assert r.status == 207 and r.json["success"] is False, r
        assert r.json["message"] == "Successfully processed 1 of 5 settings", r
        assert [s["key"] for s in r.json["data"]] == ["b.ok"], r
        errors = r.json["errors"]
        assert all(set(e) == {"key", "error"} and e["error"] for e in errors), r
        assert {e["key"] for e in errors} == {"bad key", "b.group", "smtp.port", "b.none"}, r
        assert value_of(a, "smtp.port") == "25" and value_of(a, "b.ok") == "x"
        not_found(a.get(url("b.group")))
        r = bulk({**new, "key": "bad key"}, {"key": "smtp.port", "value": "abc"})
        is_refusal(r, 400, "Bad Request", exact=False)
        assert {e["key"] for e in r.json["errors"]} == {"bad key", "smtp.port"}, r
        for body in ("{", [], {}, {"settings": []}, {"settings": {}}, {"settings": None},
                     {"settings": [5]}, {"settings": [None, "x", []]}):
            r = a.post("/api/settings/bulk", body)
            is_refusal(r, 400, "Bad Request", exact=False)


@test
def groups_are_made_and_changed():
    with Daemon() as d:
        a = admin(d)
        groups = "/api/settings/groups"
        r = a.post(groups, {"id": "mine", "name": "Mine & Co", "description": "d", "icon": "star",
                            "sort_order": -1})
        assert r.status == 201 and r.json["success"] is True, r
        g = r.json["data"]
        assert (g["id"], g["name"], g["description"], g["icon"], g["sort_order"]) == \
            ("mine", "Mine & Co", "d", "star", -1) and GROUP - {"settings"} <= set(g), g
        r = a.post(groups, {"id": "Last.1-_", "name": "Ü" * 100})
        assert r.status == 201 and r.json["data"]["sort_order"] == 0, r
        for name in ("mine", "smtp"):
            r = a.post(groups, {"id": name, "name": "x"})
            assert r.status == 409 and r.json["success"] is False and r.json["error"], r
        create(a, "k", "v", group_id="mine")
        ids = [g["id"] for g in data(a.get(groups))]
        assert ids[0] == "mine" and sorted(ids[1:3]) == ["Last.1-_", "global"], ids
        assert ids[3:] == ["smtp", "github-oauth"], ids
        r = a.put(groups + "/mine", {"name": "Other", "sort_order": 9})
        assert r.status == 200 and r.json["success"] is True, r
        g = data(a.get(groups + "/mine"))
        assert (g["name"], g["sort_order"], g["description"], g["icon"]) == \
            ("Other", 9, "d", "star") and [s["key"] for s in g["settings"]] == ["k"], g
        assert [x["id"] for x in data(a.get(groups))][-1] == "mine"
        for path in ("/none", "/" + "x" * 300):
            r = a.put(groups + path, {"name": "x"})
            assert r.status == 404 and r.json["success"] is False and r.json["error"], r
        good = {"id": "new", "name": "New"}
        for wrong in ({"id": ""}, {"id": "a b"}, {"id": "x" * 101}, {"id": "ü"}, {"id": 5},
                      {"id": None}, {"name": ""}, {"name": "x" * 101}, {"name": None},
                      {"name": 5}, {"description": 5}, {"description": "x" * 1001},
                      {"icon": 5}, {"sort_order": "1"}, {"sort_order": 1.5},
                      {"sort_order": None}, {"sort_order": 1e300}):
            is_invalid(a.post(groups, {**good, **wrong}))
            if "id" not in wrong:
                is_invalid(a.put(groups + "/mine", wrong))
        for body in ("{", [], "", {"id": "new"}, {"name": "New"}):
            is_invalid(a.post(groups, body))
        is_invalid(a.put(groups + "/mine", {}))
        assert len(data(a.get(groups))) == 5
        assert data(a.get(groups + "/mine"))["name"] == "Other"


# ---- races, damage, restarts ----

@test
def concurrent_updates_leave_one_value_whole():
    with Daemon() as d:
        a = admin(d)
        create(a, "k", "", encrypted=True)
        create(a, "p", "")
        values = [chr(ord("a") + i) * (1000 + 5000 * i) for i in range(8)]

        def put(i):
            c = Client(d, a.cookie)
            return [c.put(url(k), {"value": values[i]}) for _ in range(10) for k in ("k", "p")]

        for replies in in_threads(8, put):
            for r in replies:
                stored(r, 200, UPDATED)
        assert value_of(a, "k") in values and value_of(a, "p") in values
        replies = in_threads(8, lambda i: Client(d, a.cookie).post(
            "/api/settings", {"key": "once", "value": values[i]}))
        assert sorted(r.status for r in replies) == [201] + [409] * 7, replies
        winner = next(r for r in replies if r.status == 201)
        assert value_of(a, "once") == winner.json["data"]["value"]


@test
def a_damaged_secret_is_an_error_and_never_an_empty_value():
    swap = ("CREATE TEMP TABLE t AS SELECT key, value FROM globalSettings; UPDATE globalSettings "
            "SET value = (SELECT value FROM t WHERE t.key = CASE globalSettings.key WHEN 'a' "
            "THEN 'b' ELSE 'a' END) WHERE key IN ('a', 'b')")
    damage = (swap, "UPDATE globalSettings SET value = substr(value, 1, length(value) - 4) "
              "WHERE key IN ('a', 'b')", "UPDATE globalSettings SET value = substr(value, 1, "
              "length(value) - 9) || CASE substr(value, -9, 1) WHEN 'A' THEN 'B' ELSE 'A' END || "
              "substr(value, -8) WHERE key IN ('a', 'b')",
              "UPDATE globalSettings SET value = substr(value, 1, 3) WHERE key IN ('a', 'b')",
              "UPDATE globalSettings SET value = '' WHERE key IN ('a', 'b')",
              "UPDATE globalSettings SET value = 'in clear' WHERE key IN ('a', 'b')")
    with Daemon() as d:
        a = admin(d)
        for sql in (None, *damage, None):
            if sql:
                d.stop()
                before = d.sqlite("SELECT key, value FROM globalSettings WHERE key IN ('a','b')")
                d.sqlite(sql)
                after = d.sqlite("SELECT key, value FROM globalSettings WHERE key IN ('a','b')")
                assert before != after
                d.start()
                d.wait_ready()
                for key in ("a", "b"):
                    r = a.get(url(key))
                    assert r.status == 500 and r.json["success"] is False, (sql, r)
                    assert r.json["error"] and "data" not in r.json, (sql, r)
                    r = a.put(url(key), {"encrypted": False})
                    assert r.status >= 400 and r.json["success"] is False, (sql, r)
                for path in ("", "/groups", "/groups/smtp", "/group/smtp"):
                    r = a.get("/api/settings" + path)
                    assert r.status == 500 or '"key":"a"' not in r.body.decode(), (path, r)
                r = a.get("/api/settings/health")
                assert r.status == 500 and r.json["success"] is False and r.json["error"], r
                assert set(r.json["data"]) == {"encryption_working", "timestamp"}, r
                assert r.json["data"]["encryption_working"] is False, r
                assert value_of(a, "global.page_url") == "http://localhost:5173"
            for key in ("a", "b"):
                a.delete(url(key))
                create(a, key, f"secret of {key}", encrypted=True, group_id="smtp")
                assert value_of(a, key) == f"secret of {key}"
            assert a.get("/api/settings/health").status == 200


@test
def values_survive_restarts_and_crashes():
    with Daemon() as d:
        a = admin(d)
        changes = {"smtp.port": "2525", "global.page_url": "https://x.example", "smtp.host": "",
                   "smtp.password": "s3cret-value", "global.send_mail": "true"}
        for key, value in changes.items():
            update(a, key, value=value)
        create(a, "mine", "kept", encrypted=True)
        before = data(a.get("/api/settings"))
        pid = d.db_pid()
        os.kill(pid, 9)
        respawned(d, pid)
        assert data(a.get("/api/settings")) == before
        for sig in (signals.SIGTERM, signals.SIGKILL):
            if sig == signals.SIGTERM:
                assert d.stop() == 0
            else:
                d.kill()
            d.start()
            d.wait_ready()
            assert data(a.get("/api/settings")) == before
        a.delete(url("smtp.from_name"))
        d.stop()
        d.start()
        d.wait_ready()
        assert value_of(a, "smtp.from_name") == "DeployStack", "what is missing is made again"
        assert value_of(a, "smtp.port") == "2525"


main()
