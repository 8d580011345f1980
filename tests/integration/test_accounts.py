#!/usr/bin/env python3
"""The contract's table Accounts, as a black box."""
import http.cookies

from api_client import *
from harness import *

ME = {"id", "username", "email", "auth_type", "first_name", "last_name", "github_id", "role_id",
      "role"}
USER = {"id", "username", "email", "first_name", "last_name", "role_id"}
FIRST = "User registered successfully. You are now logged in as the global administrator."
LATER = "User registered successfully. You can now log in to your account."
ADMIN_PERMISSIONS = (
    "users.list users.view users.edit users.delete users.create roles.manage system.admin "
    "settings.view settings.edit settings.delete teams.create teams.view teams.edit "
    "teams.delete teams.manage team.members.view team.members.manage").split()
USER_PERMISSIONS = ("profile.view profile.edit teams.create teams.view teams.edit teams.delete "
                    "team.members.view").split()
WRONG = "Invalid email/username or password."


def is_cookie(r):
    cookies = r.headers.get_all("Set-Cookie")
    parts = [p.strip() for p in cookies[0].split(";")]
    name, _, value = parts[0].partition("=")
    assert name == "session" and re.fullmatch(r"[A-Za-z0-9_-]{43,}", value), cookies
    assert sorted(p.lower() for p in parts[1:]) == \
        ["httponly", "max-age=2592000", "path=/", "samesite=lax"], cookies


def is_cleared(r):
    first = http.cookies.SimpleCookie(r.headers.get_all("Set-Cookie")[0])["session"]
    assert first.value == "" and first["max-age"] == "0" and first["path"] == "/", r.headers


# ---- registration ----

@test
def registration_of_the_first_and_of_later_users():
    with Daemon() as d:
        d.setup()
        a, b = Client(d), Client(d)
        r = a.post("/api/auth/email/register", account(
            "Admin_1", email="Root@Example.ORG", first_name="Ada", last_name="Løvelace"))
        assert r.status == 201 and set(r.json) == {"success", "message", "user"}, r
        assert r.headers["Content-Type"] == "application/json; charset=utf-8"
        assert r.json["success"] is True and r.json["message"] == FIRST, r
        u = r.json["user"]
        assert set(u) == USER and re.fullmatch(r"[A-Za-z0-9_-]{15,}", u.pop("id")), r
        assert u == {"username": "Admin_1", "email": "root@example.org", "first_name": "Ada",
                     "last_name": "Løvelace", "role_id": "global_admin"}, r
        is_cookie(r)
        assert a.me().status == 200
        r = b.register("bob")
        assert r.status == 201 and r.json["message"] == LATER, r
        assert set(r.json) == {"success", "message", "user"} and set(r.json["user"]) == USER
        assert r.json["user"]["role_id"] == "global_user", r
        assert r.json["user"]["first_name"] is None and r.json["user"]["last_name"] is None, r
        assert r.headers["Set-Cookie"] is None
        for name in ("bob", "BOB", "Bob"):
            is_refusal(b.register(name, email="o@example.org"), 400, "Username already taken.")
        for email in ("bob@example.org", "BOB@Example.Org", "ROOT@EXAMPLE.ORG"):
            is_refusal(b.register("other", email=email), 400, "Email address already in use.")
        assert d.sqlite("SELECT count(*) FROM authUser") == "2"


@test
def registration_refuses_invalid_fields():
    with Daemon() as d:
        a = admin(d)
        bad_names = ["", "a", "ab", "a" * 31, "a" * 2000, "аdmin", "ådmin", "ｕｓｅｒ",
                     "user\0", "us\0er", "us er", " user", "user ", "user\n", "us.er", "us@er",
                     "user\u200b", "İstanbul", "<user>", "user'--"]
        for name in bad_names:
            is_invalid(a.register(name, email="free@example.org"))
        for password in ("", "1234567", "x" * 1025, "x" * 5000, "pass\0word123"):
            is_invalid(a.register("free", password=password))
        bad_emails = ["", "a", "a@", "@b.co", "a b@c.de", "a@b", "a@@b.co", "a@b..co", ".a@b.co",
                      "a.@b.co", "a@.co", "a@b.co.", "a@b.co\0", "a@b.co\0.de", "a@b.co\n",
                      "ä@b.co", "a@bücher.de", "a" * 65 + "@b.co", "a@" + "b" * 260 + ".co",
                      "a@b.co, c@d.de", "<a@b.co>", "a@b.co\r\nBcc: c@d.de"]
        for email in bad_emails:
            is_invalid(a.register("free", email=email))
        for name in ("x" * 2000, "a\0b", "a\nb", 5, ["x"]):
            is_invalid(a.register("free", first_name=name))
            is_invalid(a.register("free", last_name=name))
        for field in ("username", "email", "password"):
            full = account("free")
            for value in (None, 5, True, ["free"], {"a": 1}):
                is_invalid(a.post("/api/auth/email/register", {**full, field: value}))
            del full[field]
            is_invalid(a.post("/api/auth/email/register", full))
        for path in ("register", "login"):
            for body in ("", "{", "nonsense", "[]", "null", '"text"', "5", '{"username":}',
                         '{"username":"\\ud800"}', "{}{}", "[" * 5000):
                is_invalid(a.post("/api/auth/email/" + path, body))
            r = a.post("/api/auth/email/" + path, "{}", headers={"Content-Type": "text/plain"})
            assert r.status in (403, 415), r
        for field in ("login", "password"):
            full = {"login": "admin", "password": PASSWORD}
            for value in (None, 5, ["admin"]):
                is_invalid(a.post("/api/auth/email/login", {**full, field: value}))
            del full[field]
            is_invalid(a.post("/api/auth/email/login", full))
        assert d.sqlite("SELECT count(*) FROM authUser") == "1"
        for name, more in (("abc", {}), ("a" * 30, {"password": "12345678"}),
                           ("A-b_9", {"password": "x" * 1024, "first_name": None})):
            r = a.register(name, email=f"{name[:20]}+x@mail.example.org", **more)
            assert r.status == 201, r


@test
def a_hundred_first_registrations_give_one_administrator():
    with Daemon() as d:
        d.setup()

        def register(i):
            while True:
                r = d.request("POST", "/api/auth/email/register", account(f"user{i}"), timeout=300)
                if r.status not in (429, 503):
                    return r
                time.sleep(int(r.headers["Retry-After"]))

        replies = in_threads(100, register)
        assert all(r.status == 201 for r in replies), [r for r in replies if r.status != 201][:5]
        firsts = [r for r in replies if r.json["user"]["role_id"] == "global_admin"]
        assert len(firsts) == 1 and firsts[0].json["message"] == FIRST
        assert [r for r in replies if r.headers["Set-Cookie"]] == firsts
        sql = "SELECT role_id, count(*) FROM authUser GROUP BY 1 ORDER BY 1"
        assert d.sqlite(sql).split() == ["global_admin|1", "global_user|99"]


@test
def registration_and_login_can_be_disabled():
    with Daemon() as d:
        a = admin(d)
        b = user(d, "bob")
        set_setting(a, "global.enable_email_registration", False)
        r = Client(d).register("carl")
        is_refusal(r, 403, "Email registration is currently disabled by administrator.")
        assert Client(d).login("bob").status == 200
        set_setting(a, "global.enable_email_registration", True)
        assert Client(d).register("carl").status == 201
        set_setting(a, "global.enable_login", False)
        for login, password in (("bob", PASSWORD), ("admin", PASSWORD), ("bob", "wrong-pass")):
            r = Client(d).login(login, password)
            is_refusal(r, 403, "Login is currently disabled by administrator.")
            assert r.headers["Set-Cookie"] is None
        assert a.me().status == 200 and b.me().status == 200
        set_setting(a, "global.enable_login", True)
        assert Client(d).login("bob").status == 200


# ---- login, logout, cookies ----

@test
def login_by_name_and_address():
    with Daemon() as d:
        admin(d)
        b = user(d, "bob")
        for login in ("bob", "bob@example.org", "BOB@Example.ORG"):
            c = Client(d)
            r = c.login(login)
            assert r.status == 200 and set(r.json) == {"success", "message", "user"}, r
            assert r.json["success"] is True and r.json["message"] == "Logged in successfully."
            assert USER <= set(r.json["user"]) and r.json["user"]["username"] == "bob", r
            assert "password" not in r.body.decode().lower(), r
            is_cookie(r)
            assert c.cookie != b.cookie and c.me().json["id"] == r.json["user"]["id"]
        bodies = set()
        for login, password in (("bob", "wrong-password"), ("bob@example.org", "wrong-password"),
                                ("nobody", PASSWORD), ("nobody@example.org", PASSWORD),
                                ("bob' OR '1'='1", PASSWORD), ("bob", PASSWORD + " "),
                                ("bob", PASSWORD.upper()), ("b%", PASSWORD)):
            r = Client(d).login(login, password)
            is_refusal(r, 400, WRONG)
            assert r.headers["Set-Cookie"] is None
            bodies.add(r.body)
        assert len(bodies) == 1, bodies


@test
def the_cookie_header_is_read_leniently():
    with Daemon() as d:
        a = admin(d)
        whole = Client(d).login("admin").headers.get_all("Set-Cookie")[0]
        good, bad = a.cookie, "x" * 43
        plain = Client(d)
        for cookie in (whole, f"theme=dark; session={good}", f"session={good}; theme=dark",
                       f"session={good};a=b", f"a=b;session={good}", f" session={good} ",
                       f"session={good}; session={good}", f"session={good}; session={bad}",
                       f"xsession={bad}; session={good}", f"session2={bad}; session={good}",
                       f"Path=/; {whole}", f"novalue; =; ;; session={good}"):
            r = plain.me(headers={"Cookie": cookie})
            assert r.status == 200 and r.json["username"] == "admin", (cookie, r)
        for cookie in ("", ";", "session", "session=", f"session={bad}", f"session={good}x",
                       f"session={good[:-1]}", f"session={good.swapcase()}", "session=' OR 1=1",
                       f"xsession={good}", f"session={'y' * 4000}", "session=%00", "a=b"):
            is_unknown(plain.me(headers={"Cookie": cookie}))
        is_cleared(Client(d).me(headers={"Cookie": "session=" + bad}))
        is_cleared(Client(d).me(headers={"Cookie": "session=garbage"}))
        assert Client(d).me().json == {"error": "Authentication required", "success": False}


@test
def logout_ends_the_session():
    with Daemon() as d:
        a = admin(d)
        other = Client(d)
        other.login("admin")
        old = a.cookie
        r = a.post("/api/auth/logout")
        assert r.status == 200, r
        assert r.json == {"success": True, "message": "Logged out successfully."}, r
        is_cleared(r)
        is_unknown(Client(d, old).me())
        none = {"success": True, "message": "No active session to logout or already logged out."}
        for c in (Client(d, old), Client(d), Client(d, "garbage")):
            r = c.post("/api/auth/logout")
            assert r.status == 200 and r.json == none, r
        assert other.me().status == 200, "another session of the user goes on"
        assert Client(d, other.cookie).post("/api/auth/logout", {}).json["message"] == \
            "Logged out successfully."


@test
def the_user_itself_with_role_and_permissions():
    with Daemon() as d:
        a, b = admin(d), user(d, "bob")
        for c, name, role, label, permissions in (
                (a, "admin", "global_admin", "Global Administrator", ADMIN_PERMISSIONS),
                (b, "bob", "global_user", "Global User", USER_PERMISSIONS)):
            r = c.me()
            assert r.status == 200 and set(r.json) == ME, r
            me = r.json
            assert me["username"] == name and me["email"] == name + "@example.org", r
            assert me["auth_type"] == "email_signup" and me["role_id"] == role, r
            assert me["first_name"] is me["last_name"] is me["github_id"] is None, r
            assert set(me["role"]) == {"id", "name", "permissions"}, r
            assert me["role"]["id"] == role and me["role"]["name"] == label, r
            assert sorted(me["role"]["permissions"]) == sorted(permissions), r


# ---- password and profile ----

@test
def changing_the_password():
    url, new = "/api/auth/email/change-password", "another password"
    with Daemon() as d:
        admin(d)
        b, other = user(d, "bob"), Client(d)
        other.login("bob")
        is_unknown(Client(d).put(url, {"current_password": PASSWORD, "new_password": new}))
        is_unknown(Client(d).put(url, "{"))
        r = b.put(url, {"current_password": "wrong-password", "new_password": new})
        assert r.status == 400 and r.json["success"] is False and r.json["error"], r
        r = b.put(url, {"current_password": PASSWORD, "new_password": PASSWORD})
        assert r.status == 400 and r.json["success"] is False and r.json["error"], r
        for body in ({"current_password": PASSWORD, "new_password": "1234567"},
                     {"current_password": PASSWORD, "new_password": "x" * 1025},
                     {"current_password": PASSWORD}, {"new_password": new}, [], "{",
                     {"current_password": 1, "new_password": new}):
            is_invalid(b.put(url, body))
        assert b.me().status == 200 and other.me().status == 200
        r = b.put(url, {"current_password": PASSWORD, "new_password": new})
        assert r.status == 200, r
        assert r.json == {"success": True, "message": "Password changed successfully"}, r
        assert b.me().status == 200, "the own session stays"
        is_unknown(other.me())
        is_refusal(Client(d).login("bob"), 400, WRONG)
        assert Client(d).login("bob", new).status == 200
        assert Client(d).login("admin").status == 200


@test
def updating_the_profile():
    url = "/api/auth/profile/update"
    with Daemon() as d:
        admin(d)
        b = user(d, "bob")
        is_unknown(Client(d).put(url, {"username": "x"}))
        is_unknown(Client(d).put(url, "{"))
        for body in ({}, {"email": "new@example.org"}, {"role_id": "global_admin"}, [], "{",
                     {"username": "ab"}, {"username": "a" * 31}, {"username": "bо b"},
                     {"username": "bob\0"}, {"username": 5}, {"first_name": 5},
                     {"first_name": "a\0b"}, {"last_name": ["x"]}, {"last_name": "x" * 5000}):
            r = b.put(url, body)
            assert r.status == 400 and r.json["success"] is False, (body, r)
        for name in ("admin", "ADMIN"):
            is_refusal(b.put(url, {"username": name}), 400, "Username already taken.")
        for body in ({"first_name": "Bob"}, {"last_name": "O'Neill; DROP TABLE authUser"},
                     {"username": "Bob"}, {"username": "bobby", "first_name": "Róbert"},
                     {"first_name": None}):
            before = b.me().json
            r = b.put(url, {**body, "role_id": "global_admin", "email": "evil@example.org"})
            assert r.status == 200 and set(r.json) == {"success", "message", "user"}, r
            assert r.json["success"] is True and r.json["message"] and USER <= set(r.json["user"])
            after = b.me().json
            assert after == {**before, **body}, (body, after)
            assert all(after[k] == v for k, v in r.json["user"].items() if k in after), r
        assert Client(d).login("bobby").status == 200
        is_refusal(Client(d).login("bob"), 400, WRONG)


@test
def lists_of_roles_and_users():
    with Daemon() as d:
        a, b = admin(d), user(d, "bob")
        user(d, "Aaron")
        for path in ("/api/roles", "/api/users"):
            is_unknown(Client(d).get(path))
            is_denied(b.get(path))
        r = a.get("/api/users")
        assert r.status == 200 and set(r.json) == {"success", "data"}, r
        names = [u["username"] for u in r.json["data"]]
        assert sorted(names) == ["Aaron", "admin", "bob"], names
        assert names in (sorted(names), sorted(names, key=str.lower)), names
        assert all(set(u) == ME - {"role"} for u in r.json["data"]), r
        assert "argon2" not in r.body.decode()
        r = a.get("/api/roles")
        assert r.status == 200 and r.json["success"] is True, r
        roles = {x["id"]: x for x in r.json["data"]}
        assert set(roles) == {"global_admin", "global_user", "team_admin", "team_user"}, r
        assert sorted(roles["global_admin"]["permissions"]) == sorted(ADMIN_PERMISSIONS)
        assert all(x["is_system_role"] is True for x in roles.values()), r
        new = account("carl", role_id="global_admin")
        is_unknown(Client(d).post("/api/users", "{"))
        is_denied(b.post("/api/users", "{"))
        r = a.post("/api/users", new)
        assert r.status == 201 and r.json["message"] == "User created successfully.", r
        assert r.json["user"]["role_id"] == "global_admin" and not r.headers["Set-Cookie"], r
        assert a.post("/api/users", account("dora")).json["user"]["role_id"] == "global_user"
        is_refusal(a.post("/api/users", new), 400, "Username already taken.")
        is_invalid(a.post("/api/users", account("erin", role_id="nobody")))
        bob = f"/api/users/{b.me().json['id']}/reset-password"
        is_denied(b.post(bob, {"new_password": "x" * 9}))
        is_refusal(a.post("/api/users/none/reset-password", {"new_password": "x" * 9}), 404,
                   "User not found")
        r = a.post(bob, {"new_password": "other password"})
        assert r.json == {"success": True, "message": "Password changed successfully"}, r
        is_unknown(b.me())
        assert b.login("bob", "other password").status == 200


# ---- sessions and what is stored ----

@test
def sessions_outlive_workers_and_restarts_until_they_expire():
    with Daemon(env={"LOG_LEVEL": "trace"}) as d:
        a, b = admin(d), user(d, "bob")
        pid = d.db_pid()
        os.kill(pid, 9)
        respawned(d, pid)
        assert a.me().status == 200 and b.me().status == 200
        log = d.log()
        assert d.stop() == 0
        log += d.log()
        assert log and a.cookie not in log and b.cookie not in log and PASSWORD not in log
        stored = files_of(d)
        assert a.cookie.encode() not in stored and PASSWORD.encode() not in stored
        hashes = d.sqlite("SELECT hashed_password FROM authUser").split()
        assert len(set(hashes)) == 2 and all(h.startswith("$argon2id$") for h in hashes), hashes
        left = int(d.sqlite("SELECT min(expires_at) - strftime('%s','now') FROM authSession"))
        assert 29 * 86400 < left <= 30 * 86400, left
        d.start()
        d.wait_ready()
        assert a.me().status == 200 and b.me().status == 200
        assert d.stop() == 0
        d.sqlite("UPDATE authSession SET expires_at = strftime('%s','now') - 1 WHERE user_id = "
                 "(SELECT id FROM authUser WHERE username = 'bob')")
        d.start()
        d.wait_ready()
        assert a.me().status == 200
        is_unknown(Client(d, b.cookie).me())
        assert b.login("bob").status == 200 and b.me().status == 200


@test
def wrong_passwords_are_limited_by_account():
    with Daemon() as d:
        admin(d)
        user(d, "bob")
        for i in range(10):
            is_refusal(Client(d).login("bob", f"wrong password {i}"), 400, WRONG)
        for login in ("bob", "BOB@example.org"):
            r = Client(d).login(login, "wrong password")
            assert r.status == 429 and int(r.headers["Retry-After"]) >= 1, r
            assert r.json["success"] is False, r
            assert re.fullmatch(r"Too many attempts; try again in \d+ seconds\.", r.json["error"])
        assert Client(d).login("admin").status == 200, "another account is not touched"


# ---- API tokens and audit ----

@test
def api_tokens():
    data = {"id", "name", "scopes", "plugin_id", "created_by", "created_at", "expires_at",
            "last_used_at", "revoked_at"}
    with Daemon() as d:
        a, b = admin(d), user(d, "bob")
        for method, path in (("GET", ""), ("POST", ""), ("DELETE", "/x")):
            body = "{" if method == "POST" else None
            is_unknown(Client(d).request(method, "/api/tokens" + path, body))
            is_denied(b.request(method, "/api/tokens" + path, body))
        read = {"name": "reader", "scopes": ["settings:read"]}
        for body in ("{", [], {}, {"name": "x"}, {**read, "scopes": []}, {**read, "name": ""},
                     {**read, "scopes": ["root"]}, {**read, "scopes": "settings:read"},
                     {**read, "scopes": ["users.list"]}, {**read, "expires_in_days": 0},
                     {**read, "expires_in_days": 3651}, {**read, "expires_in_days": "9"}):
            is_invalid(a.post("/api/tokens", body))
        r = a.post("/api/tokens", read)
        assert r.status == 201 and set(r.json) == {"success", "message", "token", "data"}, r
        assert r.json["message"] == "API token created; it is shown only now.", r
        assert set(r.json["data"]) == data and r.json["data"]["scopes"] == ["settings:read"], r
        text = r.json["token"]
        assert re.fullmatch(r"dst_[A-Za-z0-9_-]{43,}", text), r
        t = Client(d, token=text)
        writer = a.post("/api/tokens", {"name": "w", "scopes": ["settings:write"],
                                        "expires_in_days": None}).json
        assert writer["data"]["expires_at"] is None, writer
        assert t.get("/api/settings").status == 200
        w = Client(d, token=writer["token"])
        assert w.put("/api/settings/smtp.host", {"value": "m"}).status == 200
        for r in (t.put("/api/settings/smtp.host", {"value": "x"}), t.get("/api/users"),
                  t.get("/api/tokens"), t.me(), w.get("/api/settings"),
                  w.delete("/api/settings/smtp.host")):
            is_denied(r)
        for wrong in (text[:-1], text + "x", text.swapcase(), "dst_", "", text[4:], "x" * 47,
                      "dso_" + text[4:], a.cookie):
            is_unknown(Client(d, token=wrong).get("/api/settings"))
        is_unknown(Client(d, cookie=text).get("/api/settings"))
        r = a.get("/api/tokens")
        assert r.status == 200 and len(r.json["data"]) == 2, r
        assert all(set(x) == data for x in r.json["data"]) and text not in r.body.decode(), r
        r = w.delete("/api/tokens/" + writer["data"]["id"])
        is_denied(r)
        for _ in range(2):
            r = a.delete("/api/tokens/" + writer["data"]["id"])
            assert r.json == {"success": True, "message": "API token revoked."}, r
        is_unknown(w.put("/api/settings/smtp.host", {"value": "x"}))
        is_refusal(a.delete("/api/tokens/none"), 404, "API token not found")
        assert d.stop() == 0
        assert text.encode() not in files_of(d) and text not in d.log()
        d.sqlite("UPDATE apiTokens SET expires_at = 1000 WHERE name = 'reader'")
        d.start()
        d.wait_ready()
        is_unknown(t.get("/api/settings"))
        is_unknown(w.put("/api/settings/smtp.host", {"value": "x"}))


@test
def changes_are_in_the_audit_log_without_their_content():
    entry = {"id", "at", "actor_type", "actor_id", "actor_name", "action", "target", "address"}
    new, value = "a-new-password-1", "value-of-the-setting"
    with Daemon() as d:
        a, b = admin(d), user(d, "bob")
        is_unknown(Client(d).get("/api/audit"))
        is_denied(b.get("/api/audit"))
        token = a.post("/api/tokens", {"name": "t", "scopes": ["settings:read"]}).json
        setting = {"key": "x.y", "value": value}
        bob = b.me().json["id"]
        for c, name, action, target, method, path, body in (
                (a, "admin", "settings.", "x.y", "POST", "settings", setting),
                (a, "admin", "settings.update", "x.y", "PUT", "settings/x.y", {"value": value}),
                (a, "admin", "settings.", "x.y", "DELETE", "settings/x.y", None),
                (a, "admin", "settings.", "g", "POST", "settings/groups",
                 {"id": "g", "name": "G"}),
                (a, "admin", "settings.", "g", "PUT", "settings/groups/g", {"name": "H"}),
                (a, "admin", "tokens.", None, "DELETE", "tokens/" + token["data"]["id"], None),
                (a, "admin", "users.", None, "POST", "users", account("carl")),
                (b, "bob", "auth.", None, "PUT", "auth/email/change-password",
                 {"current_password": PASSWORD, "new_password": new}),
                (b, "bob", "auth.", None, "PUT", "auth/profile/update", {"last_name": value}),
                (a, "admin", "users.", None, "POST", f"users/{bob}/reset-password",
                 {"new_password": new}),
                (b, "bob", "auth.login", None, "POST", "auth/email/login",
                 {"login": "bob", "password": new}),
                (b, "bob", "auth.logout", None, "POST", "auth/logout", None)):
            last = a.get("/api/audit?limit=1").json["data"][0]["id"]
            r = c.request(method, "/api/" + path, body)
            assert r.status < 300, (path, r)
            e = a.get("/api/audit?limit=1").json["data"][0]
            assert set(e) == entry and e["id"] > last, (path, e)
            assert e["actor_type"] == "user" and e["actor_name"] == name, (path, e)
            assert e["action"].startswith(action) and target in (None, e["target"]), (path, e)
            assert re.fullmatch(TIME, e["at"]), e
        text = a.get("/api/audit?limit=1000").body.decode()
        for secret in (PASSWORD, new, value, token["token"], a.cookie):
            assert secret not in text, secret
        page = a.get("/api/audit?limit=2").json
        assert len(page["data"]) == 2 and page["next_before"], page
        older = a.get(f"/api/audit?limit=2&before={page['next_before']}").json["data"]
        ids = [e["id"] for e in page["data"] + older]
        assert ids == sorted(set(ids), reverse=True) and len(ids) == 4, ids
        for query in ("limit=0", "limit=1001", "limit=x", "before=x"):
            assert a.get("/api/audit?" + query).status == 400, query


main()
