#!/usr/bin/env python3
"""A compromised api-worker breaks the protocol: it is replaced, and nobody else is affected."""
from harness import *

MODES = """control-oversize control-over-table-limit control-unknown-type control-wrong-direction
control-db-only-message control-second-ready control-data-message control-ready-before-hello control-garbage
control-unexpected-fd control-flood data-oversize data-unknown-type data-wrong-direction data-control-message
data-short-payload data-garbage data-unexpected-fd data-flood""".split()


def with_evil_worker(mode):
    build = copy_build(api_worker=BUILD + "/evil-api-worker")
    with Daemon(build=shared_build()) as honest:
        assert honest.setup().status == 200
        honest.stop()
        evil = Daemon(build=build, directory=honest.dir, data=honest.data, expect_ready=False,
                      env={"API_WORKERS": "1", "HEARTBEAT_TIMEOUT_MS": "1000", "LOG_LEVEL": "debug"})
        with open(build + "/evil-mode", "w") as f:
            f.write(mode + "\n")
        try:
            evil.launch()
            wait_until(lambda: "the database is ready" in evil.log() or evil.p.poll() is not None, 20, "db ready")
            # Replaced: for breaking the protocol, or for its silence afterwards.
            wait_until(lambda: re.search(r"api-worker \d+ (killed|broke|said|has not)", evil.log()), 20, "replaced")
            assert evil.p.poll() is None, "the supervisor is alive"
            db = evil.pids("db-worker")
            assert len(db) == 1, evil.log()
            assert "db-worker" not in "".join(l for l in evil.lines if "killed by signal" in l), evil.log()
            with open(f"/proc/{evil.pid}/status") as f:
                assert int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) < 32 * 1024
            assert evil.stop() == 0
            evil.check_log()
        finally:
            evil.kill()
        honest.start()
        honest.wait_ready()
        honest.assert_complete()


for name in MODES:
    def one(mode=name):
        with_evil_worker(mode)
    one.__name__ = "evil_" + name.replace("-", "_")
    test(one)

main()
