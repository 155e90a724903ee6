"""The agent against a server that behaves and one that does not: real TLS, a real TPM (swtpm), the programs as they are."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import unittest

from fake_server import FakeServer, canonical
from life import BIN, Life, kill_hard

REPORT_MAX = 1229  # 1.2 KB: head and body of one steady report


class Agent(Life):
    """A device with an [agent] section, and what its spool holds."""

    def __init__(self):
        super().__init__()
        self.spool = self.dir / "spool"

    def serve(self, server, /, **settings):
        chosen = {"server": server.url, "ca": server.certificates.ca[0], "spool": self.spool, "enrolment_token": self.file("token"), **settings}
        lines = "".join(f"{k} = {v}\n" for k, v in chosen.items() if v is not None)
        self.configure(f"\n[agent]\n{lines}")
        self.file("token").write_text("enrolment-token-of-the-test\n")
        self.file("token").chmod(0o600)

    def inside(self, name):
        return self.spool / "in" / name

    def outside(self, name):
        return self.spool / "out" / name

    def once(self, **options):
        return self.here("attest", "--once", **options)

    def daemon(self, **env):
        return subprocess.Popen([str(BIN / "cairnd"), "--config", str(self.conf)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                env={**self.env, **env})


def wait_for(what, seconds=20.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.05)
    return False


class AgentTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.life = life = Agent()
        life.manufactured()
        cls.server = FakeServer(life)
        life.serve(cls.server)
        cls.server.pending = 1
        life.here("enrol", "online", want=6, code="enrolment.waits")
        cls.server.pending = 1
        life.here("enrol", "online", "--wait", "20")

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.life.remove()

    def setUp(self):
        self.server.script, self.server.stale, self.server.tier, self.server.failed = [], 0, "affirming", []
        self.server.extra, self.server.interval = {}, 3600
        self.life.serve(self.server)

    def steady(self):
        """After this the server has the logs and the device a nonce."""
        self.life.once()
        with self.server.lock:
            self.server.seen.clear()

    # enrolment

    def test_enrolment_through_the_server_gives_the_agent_what_it_needs(self):
        self.assertEqual(self.life.outside("statement.dsse").read_bytes(), self.life.file("statement.dsse").read_bytes())
        self.assertEqual(self.life.outside("root.dsse").read_bytes(), self.life.file("root.dsse").read_bytes())
        self.assertIn("ENROLLED", self.life.here("state").stdout.decode())
        answers = self.server.asked("/v1/enrolment/answer")
        self.assertTrue(all(a["body"] == answers[0]["body"] for a in answers), "one challenge has one answer")

    def test_an_enrolment_token_that_others_can_read_is_refused(self):
        self.life.file("token").chmod(0o644)
        self.life.here("enrol", "online", want=1, code="file.mode")

    # one report

    def test_a_steady_report_is_one_small_request(self):
        self.steady()
        self.life.once()
        self.assertEqual([s["path"] for s in self.server.seen], ["/v1/evidence"])
        seen = self.server.seen[0]
        print(f"\n  a report: {seen['bytes']} bytes up (head and body), body {len(seen['body'])}")
        self.assertLessEqual(seen["bytes"], REPORT_MAX)
        self.assertLessEqual(set(seen["headers"]), {"Host", "Content-Type", "Content-Length"})

    def test_the_exit_code_is_the_tier(self):
        for tier, code in [("affirming", 0), ("warning", 3), ("contraindicated", 4), ("undecided", 5)]:
            self.server.tier, self.server.failed = tier, ["pcr.7"] if code else []
            done = self.life.once(want=code)
            self.assertIn(tier, done.stdout.decode())
            if code:
                self.assertIn("pcr.7", done.stdout.decode())

    def test_missing_logs_are_sent_with_the_same_document(self):
        self.steady()
        self.server.logs_known = False
        self.life.once()
        first, second = self.server.asked("/v1/evidence")
        self.assertEqual(second["headers"]["Cairn-Upload-Token"], "token-of-the-test")
        a, b = (json.loads(s["body"].partition(b"\n")[0]) for s in (first, second))
        self.assertEqual((a["payload"], a["tpm"]), (b["payload"], b["tpm"]))
        self.assertNotIn("attachments", a)
        self.assertEqual([x["kind"] for x in b["attachments"]], ["boot-log", "userspace-log", "ima"])
        self.assertTrue(second["body"].endswith(self.life.file("ima.log").read_bytes()))

    def test_a_stale_nonce_is_replaced_once(self):
        self.steady()
        self.server.stale = 1
        self.life.once()
        self.assertEqual(len(self.server.asked("/v1/evidence")), 2)
        self.server.stale = 2
        self.life.once(want=1, code="nonce.stale")
        self.server.stale = 0
        self.life.once()

    def test_after_weeks_off_line_a_new_nonce_is_asked_for(self):
        self.steady()
        kept = json.loads(self.life.inside("report.json").read_bytes())
        kept["at"] -= 30 * 86400
        self.life.inside("report.json").write_bytes(canonical(kept)[:-1])
        self.life.once()
        self.assertEqual([s["path"] for s in self.server.seen], ["/v1/nonce", "/v1/evidence"])

    def test_a_damaged_report_file_is_no_obstacle(self):
        for text in [b"", b"{}", b"\xff" * 100, b'{"at":1,"report":{}}']:
            self.life.inside("report.json").write_bytes(text)
            self.life.once()

    def test_a_nonce_for_another_device_is_not_answered(self):
        self.life.inside("report.json").unlink(missing_ok=True)
        self.server.seen.clear()
        for change in [{"device": "00" * 32}, {"fleet": "00" * 32}, {"purpose": "grant"}, {"selection": ""}]:
            nonce = self.server.nonce("evidence", **change)
            self.server.script = [("body", canonical(nonce), "application/vnd.cairn.nonce.v1+json")]
            self.life.once(want=9, code="reply.nonce")
        self.assertEqual(self.server.asked("/v1/evidence"), [])

    def test_what_goes_wrong_on_the_way_is_named(self):
        self.steady()
        for how, code in [("cut", "server.cut"), ("cut-head", "server."), ("cut-body", "server.cut"), ("huge", "server.large"),
                          ("huge-head", "server."), ("not-http", "server.http"), (("body", b"<html>"), "reply.report"),
                          (("body", b"{}", "text/html"), "reply.type"), (("status", 500, "server.fault"), "server.fault"),
                          (("status", 503, "server.busy", 7), "server.busy"), (("status", 429, "server.rate", 7), "server.rate")]:
            with self.subTest(how=how):
                # a kept-alive connection that breaks is tried once more by the HTTP library itself: break that too
                self.server.script = [how, how]
                self.life.once(want=9, code=code)
        self.server.script = []
        self.life.once()

    def test_a_reply_that_is_too_long_is_cut_off_and_not_swallowed(self):
        self.steady()
        self.server.huge_sent = False
        self.server.script = ["huge"]
        started = time.monotonic()
        self.life.once(want=9, code="server.large")
        self.assertLess(time.monotonic() - started, 5)

    def test_no_redirect_is_followed(self):
        self.steady()
        self.server.script = ["redirect"]
        self.life.once(want=1, code="http.307")
        self.assertEqual([s["path"] for s in self.server.seen], ["/v1/evidence"])

    def test_a_refusal_keeps_the_servers_code_and_steers_no_terminal(self):
        self.steady()
        self.server.script = [("body", b"x")]
        self.server.script = [("status", 403, "device.revoked")]
        self.life.once(want=1, code="device.revoked")
        done = self.life.once()
        self.assertNotIn(b"\x1b", done.stderr)

    def test_members_of_a_later_version_are_left_alone(self):
        self.server.extra = {"advice": {"x": [1, 2]}, "zone": "b"}
        self.life.once()

    # TLS

    def test_only_the_configured_server_is_spoken_to(self):
        certificates = self.server.certificates
        for settings, options, code in [
                ({}, {"certificate": certificates.other}, "server.certificate"),
                ({}, {"certificate": certificates.stranger}, "server.certificate"),
                ({}, {"tls12": True}, "server.tls"),
                ({"pin": certificates.pin(certificates.other)}, {}, "server.pin"),
                ({"ca": certificates.stranger_ca[0]}, {}, "server.certificate")]:
            server = FakeServer(self.life, certificates, **options)
            try:
                with self.subTest(settings=settings, options=options):
                    self.life.serve(server, **settings)
                    self.life.once(want=9, code=code)
                    self.assertEqual(server.seen, [])
            finally:
                server.close()

    def test_a_right_pin_lets_through_one_of_several_too(self):
        certificates = self.server.certificates
        pins = f"{certificates.pin(certificates.other)};{certificates.pin(certificates.good)}"
        self.life.serve(self.server, pin=pins)
        self.life.once()

    def test_nobody_there_is_exit_nine(self):
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self.life.serve(self.server, server=f"https://127.0.0.1:{sock.getsockname()[1]}")
            self.life.once(want=9, code="server.unreached")

    def test_the_environment_moves_nothing(self):
        self.life.env.update({"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "all_proxy": "http://127.0.0.1:9"})
        try:
            self.life.once()
            self.life.serve(self.server, proxy="http://127.0.0.1:9")
            self.life.once(want=9, code="server.unreached")
        finally:
            for name in ["https_proxy", "HTTPS_PROXY", "all_proxy"]:
                self.life.env.pop(name)

    def test_a_server_that_is_no_https_url_is_refused(self):
        for url in ["http://127.0.0.1", "https://", "https://u@h", "https://h/path", "https://h?q", "ftp://h", "file:///etc/passwd"]:
            self.life.serve(self.server, server=url)
            self.life.once(want=2, code="client.server")
        self.life.serve(self.server, pin="sha256//short")
        self.life.once(want=2, code="client.pin")
        self.life.serve(self.server, interval="9")
        self.life.once(want=2, code="config.value")

    def test_ipv6_is_spoken(self):
        try:
            server = FakeServer(self.life, self.server.certificates, address="::1")
        except OSError:
            self.skipTest("no IPv6 here")
        try:
            self.life.serve(server)
            self.life.once()
            self.assertTrue(server.asked("/v1/evidence"))
        finally:
            server.close()

    @unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
    def test_it_needs_no_privilege_and_not_the_state_directory(self):
        life, nobody = self.life, 65534
        self.steady()
        modes = {life.dir: 0o755, life.conf: 0o644, life.tpm: 0o755, **{p: 0o777 for p in life.tpm.glob("sock*")}}
        owned = [life.spool / "in", *(life.spool / "in").iterdir()]
        try:
            for path, mode in modes.items():
                path.chmod(mode)
            for path in owned:
                os.chown(path, nobody, nobody)
            done = subprocess.run(["setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups", "--bounding-set=-all", "--no-new-privs",
                                   BIN / "cairn", "--config", life.conf, "attest", "--once"], capture_output=True, env=life.env, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(life.state.stat().st_mode & 0o077, 0)
            self.assertEqual([s["path"] for s in self.server.seen], ["/v1/evidence"])
        finally:
            for path in [life.spool / "in", *(life.spool / "in").iterdir()]:
                os.chown(path, 0, 0)
            for path in modes:
                path.chmod(0o700 if path.is_dir() else 0o600)

    # status

    def test_status_says_what_was_reported_and_the_bundle_holds_no_secret(self):
        self.server.tier, self.server.failed = "warning", ["pcr.7"]
        self.server.extra = {"ear": "bearer.of.trust"}
        self.life.once(want=3)
        self.life.serve(self.server, proxy="http://user:password@127.0.0.1:9")
        text = self.life.here("status").stdout.decode()
        self.assertIn("warning", text)
        self.assertIn("pcr.7", text)
        said = json.loads(self.life.here("--json", "status").stdout)
        self.assertEqual((said["life"], said["report"]["failed"]), ("enrolled", ["pcr.7"]))
        self.life.here("status", "--bundle", "-o", self.life.file("bundle.json"))
        bundle = self.life.file("bundle.json").read_text()
        for secret in ["password", "bearer.of.trust", "enrolment-token-of-the-test", json.loads(self.life.inside("report.json").read_bytes())["report"]["nonce"]["nonce"]]:
            self.assertNotIn(secret, bundle)
        self.assertIn("report.json", json.loads(bundle)["spool_in"])

    # cairnd

    def start(self, **env):
        daemon = self.life.daemon(**env)
        self.addCleanup(lambda: daemon.poll() is not None or kill_hard(daemon))
        return daemon

    def end(self, daemon):
        started = time.monotonic()
        daemon.send_signal(signal.SIGTERM)
        said = daemon.communicate(timeout=10)[1].decode()
        self.assertLess(time.monotonic() - started, 1.0, "SIGTERM ends it within a second")
        self.assertEqual(daemon.returncode, 0, said)
        return said

    def test_the_daemon_reports_feeds_the_watchdog_and_ends_at_once(self):
        self.steady()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            path = str(self.life.file("notify"))
            pathlib.Path(path).unlink(missing_ok=True)
            notify.bind(path)
            notify.settimeout(10)
            daemon = self.start(NOTIFY_SOCKET=path, WATCHDOG_USEC="600000")
            self.assertEqual(notify.recv(100), b"READY=1")
            self.assertEqual([notify.recv(100) for _ in range(3)], [b"WATCHDOG=1"] * 3)
            self.assertTrue(wait_for(lambda: self.server.asked("/v1/evidence")))
            said = self.end(daemon)
            self.assertIn('event=report tier="affirming"', said)

    def test_sigterm_ends_it_also_while_the_server_says_nothing(self):
        for how in [("silent", 30), ("slow", 30)]:
            self.steady()
            self.server.script = [how]
            daemon = self.start()
            self.assertTrue(wait_for(lambda: self.server.seen))
            time.sleep(0.3)
            self.end(daemon)
            self.server.stop_waiting.set()
            self.server.stop_waiting.clear()

    def test_the_interval_is_the_servers_with_a_tenth_of_jitter(self):
        self.server.interval = 10
        self.steady()
        daemon = self.start()
        self.assertTrue(wait_for(lambda: len(self.server.asked("/v1/evidence")) >= 2, 15))
        first, second = self.server.asked("/v1/evidence")[:2]
        self.end(daemon)
        self.assertTrue(8.9 <= second["at"] - first["at"] <= 11.8, second["at"] - first["at"])
        self.assertEqual(first["peer"], second["peer"], "the connection is kept while the interval is short")

    def test_retry_after_is_waited_for_and_a_fault_is_tried_again(self):
        self.steady()
        self.server.script = [("status", 503, "server.busy", 2), ("status", 500, "server.fault")]
        daemon = self.start()
        self.assertTrue(wait_for(lambda: len(self.server.asked("/v1/evidence")) >= 3))
        times = [s["at"] for s in self.server.asked("/v1/evidence")]
        said = self.end(daemon)
        self.assertGreaterEqual(times[1] - times[0], 2.0)
        self.assertGreaterEqual(times[2] - times[1], 0.9)
        self.assertIn("server.busy", said)

    def test_sighup_takes_a_good_configuration_and_leaves_a_bad_one(self):
        self.steady()
        daemon = self.start()
        self.assertTrue(wait_for(lambda: self.server.asked("/v1/evidence")))
        good = self.life.conf.read_text()
        self.life.conf.write_text(good + "nonsense = 1\n")
        daemon.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        self.assertIsNone(daemon.poll())
        self.assertEqual(len(self.server.asked("/v1/evidence")), 1)
        self.life.conf.write_text(good)
        daemon.send_signal(signal.SIGHUP)
        self.assertTrue(wait_for(lambda: len(self.server.asked("/v1/evidence")) == 2))
        said = self.end(daemon)
        self.assertIn("event=reload.failed", said)
        self.assertIn("config.key", said)
        self.assertIn("event=reloaded", said)

    def test_what_root_puts_out_is_delivered_at_once_and_once(self):
        self.steady()
        daemon = self.start()
        self.assertTrue(wait_for(lambda: self.server.asked("/v1/evidence")))
        self.server.script = [("status", 503, "server.busy", 1)]
        temporary = self.life.outside(".receipt.json.tmp")
        temporary.write_bytes(b"{}\n")
        temporary.rename(self.life.outside("receipt.json"))
        self.addCleanup(lambda: self.life.outside("receipt.json").unlink(missing_ok=True))
        self.assertTrue(wait_for(lambda: len(self.server.asked("/v1/receipt")) == 2), "also after a busy server")
        time.sleep(0.5)
        self.end(daemon)
        self.life.once()
        self.assertEqual(len(self.server.asked("/v1/receipt")), 2)

    def test_memory_and_processor_time_of_a_steady_report(self):
        """Figures, and the targets that hold with room: USS 6 MiB, PSS 12 MiB, 3 ms for a report."""
        self.server.interval = 10
        self.steady()
        daemon = self.start()
        ticks = lambda: sum(map(int, pathlib.Path(f"/proc/{daemon.pid}/schedstat").read_text().split()[:1])) / 1e6
        self.assertTrue(wait_for(lambda: len(self.server.asked("/v1/evidence")) == 1))
        time.sleep(1)
        first = ticks()
        self.assertTrue(wait_for(lambda: len(self.server.asked("/v1/evidence")) == 2, 15))
        time.sleep(1)
        spent = ticks() - first
        rollup = {line.split(":")[0]: int(line.split()[1]) for line in pathlib.Path(f"/proc/{daemon.pid}/smaps_rollup").read_text().splitlines()[1:]}
        uss = rollup["Private_Clean"] + rollup["Private_Dirty"]
        self.end(daemon)
        print(f"\n  cairnd: USS {uss} KiB, PSS {rollup['Pss']} KiB, {spent:.1f} ms for a report on a kept connection")
        self.assertLessEqual(uss, 6 << 10)
        self.assertLessEqual(rollup["Pss"], 12 << 10)


class HandOver(unittest.TestCase):
    """From the server through the spool to the TPM and back: a grant, an order, and files that somebody else put there."""

    @classmethod
    def setUpClass(cls):
        cls.life = life = Agent()
        life.manufactured()
        cls.server = FakeServer(life)
        life.serve(cls.server)
        life.here("enrol", "online", "--wait", "20")
        life.approved()
        life.manifest()
        cls.snapshots = 0
        life.once()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.life.remove()

    def test_1_nothing_waits(self):
        self.assertIn(b"nothing waits", self.life.here("spool", "install").stdout)
        self.assertIn(b"no order waits", self.life.here("spool", "wipe").stdout)

    def test_2_files_that_are_no_files_or_nonsense_are_refused_once(self):
        life, ready = self.life, self.life.inside("install.ready")
        hostile = {"link": lambda p: p.symlink_to("/etc/passwd"), "fifo": os.mkfifo, "directory": os.mkdir, "large": lambda p: p.write_bytes(b"x" * (2 << 20)),
                   "nonsense": lambda p: p.write_bytes(b"{}"), "empty": lambda p: p.write_bytes(b"")}
        codes = {"link": "file.read", "fifo": "file.read", "directory": "file.read", "large": "file.large", "nonsense": "json.", "empty": "json."}
        for name, make in hostile.items():
            with self.subTest(kind=name):
                for other in ["manifest.dsse", "assets.bin"]:
                    life.inside(other).write_bytes(b"{}")
                make(life.inside("grant.dsse"))
                if name in ("nonsense", "empty"):
                    life.inside("manifest.dsse").write_bytes(life.file("manifest.dsse").read_bytes())
                ready.write_text("ready\n")
                life.here("spool", "install", want=1, code=codes[name])
                self.assertFalse(ready.exists(), "it is not tried again")
                self.assertIn(codes[name], json.loads(life.outside("install.failed").read_bytes())["code"])
                self.assertTrue(os.path.lexists(life.inside("grant.dsse.refused")))
                self.assertIn(codes[name], life.inside("grant.dsse.reason").read_text())
                refused = life.inside("grant.dsse.refused")
                refused.rmdir() if name == "directory" else refused.unlink()
        self.assertTrue(pathlib.Path("/etc/passwd").exists())

    def test_3_a_spool_that_others_own_is_refused(self):
        self.life.spool.chmod(0o777)
        try:
            self.life.here("spool", "install", want=1, code="spool.owner")
        finally:
            self.life.spool.chmod(0o755)

    def test_4_a_grant_is_fetched_installed_after_cuts_and_its_receipt_delivered(self):
        life, server = self.life, self.server
        server.grant, server.seen = True, []
        life.once()
        self.assertEqual([s["path"] for s in server.seen], ["/v1/evidence", "/v1/evidence", "/v1/nonce", "/v1/grant"])
        self.assertTrue(life.inside("install.ready").exists())
        server.seen = []
        life.once()
        self.assertEqual([s["path"] for s in server.seen], ["/v1/evidence"], "one grant at a time")
        self.install_with_cuts()
        server.grant, server.seen = False, []
        life.once()
        self.assertEqual([s["path"] for s in server.seen], ["/v1/receipt", "/v1/evidence"])
        life.run("receipt", "verify", life.file("receipt.json"), *life.who(), "--grant", life.file("fake.grant"))

    def install_with_cuts(self):
        """Killed later and later, and run again each time. A cut within the first provisioning costs the grant: a new one is fetched."""
        life, cuts = self.life, 0
        for delay in [0.01, 0.03, 0.05, 0.08, 0.12, 0.18, 0.3]:
            process = life.start("spool", "install")
            time.sleep(delay)
            if process.poll() is None:
                kill_hard(process)
                cuts += 1
        self.assertGreater(cuts, 0)
        for _ in range(4):
            if b"OPERATIONAL" in life.here("state", want=None).stdout and not life.inside("install.ready").exists():
                break
            if not life.inside("install.ready").exists():
                self.assertIn("grant.epoch", life.inside("grant.dsse.reason").read_text())
                life.once()
                self.assertTrue(life.inside("install.ready").exists(), "a new grant")
            done = life.here("spool", "install", want=None)
            self.assertTrue(done.returncode == 0 or b"grant.epoch" in done.stderr, done.stderr)
        self.assertFalse(life.inside("install.ready").exists())
        self.assertFalse(life.outside("install.failed").exists())
        self.assertIn("OPERATIONAL", life.here("state").stdout.decode())

    def test_5_another_cairn_at_work_is_waited_for(self):
        import fcntl
        self.life.inside("install.ready").write_text("ready\n")
        self.life.inside("grant.dsse").write_text("{}")
        with open(self.life.state / "lock", "r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.life.here("spool", "install", want=6, code="state.busy")
        self.assertTrue(self.life.inside("install.ready").exists(), "nothing is lost")
        self.life.here("spool", "install", want=1)

    def test_6_an_order_of_strangers_is_not_handed_over(self):
        life, server = self.life, self.server
        life.format_disk()
        life.ordered()
        bent = json.loads(life.file("order.dsse").read_bytes())
        bent["signatures"] = bent["signatures"][:1]
        server.order = canonical(bent)
        life.once(want=1, code="order.holders")
        self.assertFalse(life.inside("wipe.ready").exists())
        life.inside("order.dsse").write_bytes(canonical(bent))  # somebody on the device does it himself
        life.inside("wipe.ready").write_text("ready\n")
        life.here("spool", "wipe", want=1, code="order.holders")
        self.assertFalse(life.inside("wipe.ready").exists())
        self.assertTrue(life.inside("order.dsse.refused").exists())
        self.assertIn("order.holders", life.outside("wipe.failed").read_text())
        self.assertIn("OPERATIONAL", life.here("state").stdout.decode())

    def test_6b_another_order_than_the_one_announced_is_not_handed_over(self):
        life, server = self.life, self.server
        server.order, server.sent_order = life.file("order.dsse").read_bytes(), None
        life.ordered()
        self.assertNotEqual(life.file("order.dsse").read_bytes(), server.order)
        server.sent_order = life.file("order.dsse").read_bytes()
        try:
            life.once(want=9, code="reply.order")
            self.assertFalse(life.inside("wipe.ready").exists())
        finally:
            server.sent_order = None

    def test_7_an_order_is_carried_out_through_cuts_and_its_documents_delivered(self):
        life, server = self.life, self.server
        server.order = life.file("order.dsse").read_bytes()
        life.once()
        self.assertEqual(life.inside("order.dsse").read_bytes(), server.order)
        self.assertTrue(life.inside("wipe.ready").exists())
        server.seen = []
        for delay in [0.05, 0.1, 0.2, 0.3, 0.5]:
            process = life.start("spool", "wipe")
            time.sleep(delay)
            if process.poll() is None:
                kill_hard(process)
        daemon = life.daemon()
        try:
            life.here("spool", "wipe")
            self.assertTrue(wait_for(lambda: server.asked("/v1/certificate"), 20))
            kill, certificate = server.asked("/v1/kill")[0], server.asked("/v1/certificate")[0]
            self.assertLess(kill["at"], certificate["at"])
            self.assertTrue(wait_for(lambda: life.inside("certificate.countersigned.json").exists()))
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.communicate(timeout=10)
        life.verify(life.file("fake.certificate"))
        self.assertFalse(life.inside("wipe.ready").exists())
        server.seen = []
        life.once(want=1, code="agent.ending")
        self.assertEqual(server.seen, [], "a retired device has delivered everything and reports no more")
        self.assertIn(b"no order waits", life.here("spool", "wipe").stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
