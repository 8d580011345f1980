#!/usr/bin/env python3
"""Makes the next migration from schema.sql.

    migrations_sqlite/generate.py NAME

Compares the schema that all migrations give with the one that schema.sql
gives and writes what is missing as NNNN_NAME.sql, with its entry in
meta/_journal.json.  A changed table is rebuilt (SQLite's documented way: new
table, copy, drop, rename), keeping the columns that both have; look at the
result before you commit it.  Writes nothing when there is no difference.
"""
import json
import pathlib
import re
import sqlite3
import sys
import time

FOLDER = pathlib.Path(__file__).resolve().parent
JOURNAL = FOLDER / "meta" / "_journal.json"
BREAKPOINT = "--> statement-breakpoint"


def without_comments(sql):
    """Comments go, strings and quoted names stay as they are."""
    token = r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/"
    text = re.sub(token, lambda m: "" if m[0].startswith(("--", "/*")) else m[0], sql, flags=re.S)
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())


def normal(sql):
    return re.sub(r"\s+", " ", without_comments(sql).replace('"', "").replace("`", "")).strip()


def objects(scripts):
    """{(type, name): (table, sql)} of a database made by the scripts."""
    db = sqlite3.connect(":memory:")
    for script in scripts:
        db.executescript(script)
    rows = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema "
                      "WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid")
    found = {(kind, name): (table, sql) for kind, name, table, sql in rows}
    columns = {name: [c[1] for c in db.execute(f'PRAGMA table_info("{name}")')]
               for kind, name in found if kind == "table"}
    return found, columns


def rebuild(name, sql, old_columns, new_columns):
    kept = ", ".join(f'"{c}"' for c in new_columns if c in old_columns)
    made, n = re.subn(r"(?i)^(create table\s+)(\S+)", rf'\1"__new_{name}"', sql, count=1)
    if n != 1:
        sys.exit(f"cannot rebuild {name}: write its statements by hand")
    return [made, f'INSERT INTO "__new_{name}" ({kept}) SELECT {kept} FROM "{name}"',
            f'DROP TABLE "{name}"', f'ALTER TABLE "__new_{name}" RENAME TO "{name}"']


def difference(old, new, old_columns, new_columns):
    statements, rebuilt = [], set()
    gone = [key for key in old if key not in new]
    changed = [key for key in new if key in old and normal(old[key][1]) != normal(new[key][1])]
    for kind, name in [k for k in gone + changed if k[0] != "table"]:
        statements.append(f'DROP {kind.upper()} "{name}"')
    for key in new:
        kind, name = key
        table, sql = new[key][0], without_comments(new[key][1])
        if kind == "table" and key in changed:
            rebuilt.add(name)
            statements += rebuild(name, sql, old_columns[name], new_columns[name])
        elif key not in old or key in changed or (kind != "table" and table in rebuilt):
            statements.append(sql)
    statements += [f'DROP TABLE "{name}"' for kind, name in gone if kind == "table"]
    return statements


def main():
    if len(sys.argv) != 2 or not re.fullmatch(r"[a-z0-9_]{1,60}", sys.argv[1]):
        sys.exit(__doc__)
    journal = {"version": "7", "dialect": "sqlite", "entries": []}
    if JOURNAL.exists():
        journal = json.loads(JOURNAL.read_text())
    entries = journal["entries"]
    old, old_columns = objects((FOLDER / f"{e['tag']}.sql").read_text() for e in entries)
    new, new_columns = objects([(FOLDER / "schema.sql").read_text()])
    statements = difference(old, new, old_columns, new_columns)
    if not statements:
        sys.exit("schema.sql and the migrations agree; nothing to do")
    tag = f"{len(entries):04d}_{sys.argv[1]}"
    when = max(int(time.time() * 1000), entries[-1]["when"] + 1 if entries else 0)
    entries.append({"idx": len(entries), "version": "6", "when": when, "tag": tag, "breakpoints": True})
    (FOLDER / f"{tag}.sql").write_text(f";{BREAKPOINT}\n".join(statements) + ";\n")
    JOURNAL.parent.mkdir(exist_ok=True)
    JOURNAL.write_text(json.dumps(journal, indent=2) + "\n")
    print(f"wrote {tag}.sql: {len(statements)} statements")


main()
