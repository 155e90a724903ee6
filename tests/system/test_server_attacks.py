"""What strangers, an owned device, a wrong clock and a damaged disk can do to the server: a dump of the database says."""
import contextlib
import hashlib
import hmac
import json
import os
import shutil
import socket
import sqlite3
import struct
import subprocess
import threading
import time
import unittest

from life import BIN, BOOTS, Life
from served import Served, canonical, life_with_server, named_logs

NOBODY = "0" * 64
YEARS_30 = 30 * 365 * 86400
DOCUMENTS = {"enrolment": "/v1/enrolment/answer", "evidence": "/v1/evidence", "request": "/v1/grant", "receipt": "/v1/receipt", "kill": "/v1/kill",
             "certificate": "/v1/certificate"}


def bend(evidence, at):
    """The same evidence, logs named, with one character of the quote's signature changed: canonical, and wrong."""
    document = json.loads(named_logs(evidence).partition(b"\n")[0])
    signature = document["tpm"][0]["signature"]
    document["tpm"][0]["signature"] = signature[:at] + ("B" if signature[at] != "B" else "C") + signature[at + 1:]
    return canonical(document) + b"\n"


class Attacked(unittest.TestCase):
    """One life with its server for the class; each test begins with a clean boot and nothing that sticks."""

    @classmethod
    def setUpClass(cls):
        cls.life = Life()
        cls.addClassCleanup(cls.life.remove)
        _, cls.served = life_with_server(cls.life)
        cls.addClassCleanup(cls.served.stop)
        cls.device = cls.served.device_id()

    def setUp(self):
        if self.served.process is None:
            self.served.start()
        self.life.boot()
        self.clear()

    def clear(self):
        self.assertEqual(self.served.post(f"/v1/devices/{self.device}/clear", token="operator").status, 200)

    def sql(self, statement, *arguments):
        with contextlib.closing(sqlite3.connect(self.served.database, timeout=10)) as db, db:
            return db.execute(statement, arguments).fetchall()

    def dump(self):
        """Every row of every table, and the size of the whole."""
        with contextlib.closing(sqlite3.connect(self.served.database, timeout=10)) as db:
            tables = [t for (t,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
            rows = {t: sorted(map(repr, db.execute(f"SELECT * FROM {t}"))) for t in tables}  # nosec: names out of sqlite_master
            return rows, db.execute("PRAGMA page_count").fetchone()[0]

    def shown(self):
        return self.served.get(f"/v1/devices/{self.device}", "viewer").json()

    def reports(self, tier, *failed, status=200, **how):
        got = self.served.report(**how)
        self.assertEqual(got.status, status, got)
        self.assertEqual(got.json()["tier"], tier, got)
        for code in failed:
            self.assertIn(code, got.json().get("failed", []))
        return got.json()


class Strangers(Attacked):
    """CHECKS 4, 33, 34, 52."""

    def wrong_bodies(self):
        """path, body, type, token: from somebody who has seen everything and holds no key."""
        evidence = self.served.evidence()
        bent = bend(evidence, 40)
        stale = self.served.evidence(name="m")
        request = self.life.file("e.request").read_bytes()
        answer = self.life.file("e.answer").read_bytes()
        forged = json.loads(answer)
        forged = canonical({**forged, "payload": forged["payload"][:-8] + "AAAAAAA="}) + b"\n"
        yield "/v1/nonce", canonical({"device": self.device, "purpose": "evidence"}), "application/json", None
        yield "/v1/nonce", canonical({"device": self.device, "purpose": "grant"}), "application/json", None
        yield "/v1/nonce", canonical({"device": NOBODY, "purpose": "evidence"}), "application/json", None
        yield "/v1/evidence", bent, "evidence", None
        yield "/v1/evidence", bend(stale, 20), "evidence", None
        yield "/v1/enrolment/request", request, "enrolment-request", None
        yield "/v1/enrolment/request", request, "enrolment-request", "viewer"
        yield "/v1/enrolment/request", request[:-9] + b"AAAAAAAA\n", "enrolment-request", "enrolee"
        yield "/v1/enrolment/request", request, "enrolment-request", "A" * 43
        yield "/v1/enrolment/answer", forged, "enrolment", None
        yield "/v1/enrolment/answer", answer.replace(b"0", b"1"), "enrolment", None
        yield "/v1/release", canonical({"device": self.device, "nonce": NOBODY, "order": NOBODY}), "application/json", None
        for kind, path in DOCUMENTS.items():
            yield path, bent, kind, None
            yield path, b"{}", kind, None

    def test_a_flood_of_strangers_changes_nothing_and_stores_nothing(self):
        self.reports("affirming")
        bodies = list(self.wrong_bodies())
        before = self.dump()
        seen = set()
        connection = self.served.connect()
        for _ in range(20):
            for path, body, type_, token in bodies:
                got = self.served.post(path, body, type_, token, connection=connection)
                seen.add((path, got.status))
                self.assertLess(got.status, 500, got)
                if path not in ("/v1/nonce",):
                    self.assertGreaterEqual(got.status, 400, f"{path} {body[:80]}: {got}")
        connection.close()
        self.assertEqual(self.dump(), before)
        self.assertIn(("/v1/enrolment/request", 401), seen)
        self.assertIn(("/v1/evidence", 403), seen)

    def test_a_signature_that_does_not_verify_does_not_spend_the_nonce(self):
        nonce = self.served.nonce()
        evidence = self.served.evidence(nonce)
        for at in (*range(9, 48, 7), *range(56, 95, 7)):
            got = self.served.post("/v1/evidence", bend(evidence, at), "evidence")
            self.assertEqual((got.status, got.code), (403, "attestation.signature"), got)
        got = self.served.send(evidence)
        self.assertEqual((got.status, got.json()["tier"]), (200, "affirming"), got)

    def test_honest_devices_are_served_during_a_flood(self):
        bodies, stop, sent = list(self.wrong_bodies()), threading.Event(), []

        def flood():
            connection = self.served.connect()
            while not stop.is_set() and len(sent) < 20000:
                for path, body, type_, token in bodies:
                    sent.append(self.served.post(path, body, type_, token, connection=connection).status)
            connection.close()

        floods = [threading.Thread(target=flood, daemon=True) for _ in range(4)]
        for f in floods:
            f.start()
        try:
            for _ in range(5):
                self.reports("affirming")
        finally:
            stop.set()
            for f in floods:
                f.join(timeout=30)
        self.assertGreater(len(sent), 100)
        self.assertNotIn(500, sent)

    def test_idle_and_half_open_connections_hold_nobody_up(self):
        with contextlib.ExitStack() as stack:
            for i in range(60):
                s = stack.enter_context(socket.create_connection(("127.0.0.1", self.served.port), timeout=10))
                if i % 2:
                    t = self.served.context().wrap_socket(s, server_hostname="localhost")
                    t.sendall(b"POST /v1/evidence HTTP/1.1\r\nHost: localhost\r\n"[: 10 + i % 30])
                    stack.callback(t.close)
            self.reports("affirming")

    def test_a_genuine_document_cut_anywhere_fails_its_own_request_only(self):
        """CHECKS 33."""
        genuine = {"enrolment": self.life.file("e.answer").read_bytes(), "evidence": named_logs(self.served.evidence())}
        before = self.dump()
        connection = self.served.connect()
        for kind, whole in genuine.items():
            for end in [*range(0, len(whole) - 1, max(1, len(whole) // 150)), len(whole) - 1]:
                for body in (whole[:end], whole[:end] + whole[end + 1:], whole + whole[:end + 1]):
                    if body == whole:
                        continue
                    got = self.served.post(DOCUMENTS[kind], body, kind, connection=connection)
                    self.assertIn(got.status, range(400, 500), f"{kind} {end}: {got}")
                    self.assertTrue(got.code)
        connection.close()
        self.assertEqual(self.dump(), before)
        self.assertEqual(self.served.get("/readyz").status, 200)

    def test_a_log_that_no_quote_confirmed_is_not_kept(self):
        """CHECKS 52: signed evidence, and an attachment of the sender's own making."""
        self.reports("affirming")
        logs = {r for r in self.dump()[0]["log"]}
        evidence = self.served.evidence()
        head, _, tail = evidence.partition(b"\n")
        document = json.loads(head)
        ima = next(e for e in document["attachments"] if e["kind"] == "boot-log")
        junk = os.urandom(ima["len"])
        tail = tail[: ima["offset"]] + junk + tail[ima["offset"] + ima["len"]:]
        ima["sha256"] = hashlib.sha256(junk).hexdigest()
        forged = canonical(document) + b"\n" + tail
        got = self.served.send(forged)
        self.assertNotEqual(got.json().get("tier"), "affirming", got)
        self.assertEqual({r for r in self.dump()[0]["log"]}, logs)

    def test_a_second_statement_for_a_known_tpm_needs_a_ticket(self):
        """CHECKS 4: the same TPM asks again, as another device, with a token that is allowed to enrol."""
        life = self.life
        other = life.file("other.conf")
        other.write_text(life.conf.read_text().replace("serial = T-0001", "serial = T-0002").replace(f"state = {life.state}", f"state = {life.state}2"))
        other.chmod(0o600)
        life.run("--config", other, "device", "init", life.file("root.dsse"))
        life.run("--config", other, "enrol", "request", "-o", life.file("again.request"))
        again = life.file("again.request").read_bytes()
        self.assertNotEqual(again, life.file("e.request").read_bytes())
        before = self.dump()
        got = self.served.post("/v1/enrolment/request", again, "enrolment-request", "enrolee")
        self.assertEqual((got.status, got.code), (403, "device.known"))
        self.assertEqual(self.dump(), before)
        self.assertEqual(self.served.post(f"/v1/devices/{self.device}/ticket", token="operator").code, "access.role")

    def test_two_agents_with_one_tpm_get_in_each_others_way_and_nobody_elses(self):
        answers = []

        def agent(name):
            for i in range(4):
                nonce = f"{name}{i}"
                self.served.nonce(name=nonce)
                with lock:  # one TPM: the resource manager lets one at it at a time
                    self.life.here("attest", "--nonce", self.life.file(f"{nonce}.nonce"), "-o", self.life.file(f"{nonce}.evidence"))
                answers.append(self.served.send(self.life.file(f"{nonce}.evidence").read_bytes()))

        lock = threading.Lock()
        agents = [threading.Thread(target=agent, args=(name,)) for name in ("a", "b")]
        for a in agents:
            a.start()
        for a in agents:
            a.join(timeout=60)
        self.assertEqual(len(answers), 8)
        for got in answers:
            self.assertIn((got.status, got.code), ((200, None), (409, "nonce.stale")), got)
        self.assertIn(200, [a.status for a in answers])
        time.sleep(1.1)  # as many nonces of one second as the server remembers may be spent
        self.reports("affirming")


class Limits(Attacked):
    """CHECKS 34."""

    def test_too_many_requests_are_told_to_wait_before_anything_is_looked_up(self):
        self.served.stop()
        self.served.configure(limits__requests_per_s=2, limits__requests_burst=5, server__workers=1)
        self.served.start()
        try:
            before = self.dump()
            seen = [self.served.post("/v1/evidence", b"{}", "evidence") for _ in range(12)]
            self.assertGreaterEqual([(g.status, g.code) for g in seen].count((429, "server.rate")), 5)
            self.assertTrue(all("retry-after" in g.fields for g in seen if g.status == 429))
            self.assertEqual(self.dump(), before)
        finally:
            self.served.stop()
            self.served.configure(limits__requests_per_s=0, limits__requests_burst=None, server__workers=2)
            self.served.start()


class Sticky(Attacked):
    """CHECKS 37: a failure is not laundered."""

    def tampered(self):
        self.life.boot("sb-uki-tampered-cmdline")
        report = self.reports("contraindicated")
        self.assertNotIn("grant", report)
        return report

    def test_a_clean_boot_does_not_launder_a_failed_one(self):
        self.reports("affirming")
        self.tampered()
        self.life.boot()
        for _ in range(2):
            self.reports("contraindicated", "appraisal.sticky")
        self.served.stop()
        self.served.start()
        self.reports("contraindicated", "appraisal.sticky")
        self.assertTrue(self.shown()["report"]["sticky"])
        self.assertEqual(self.served.post(f"/v1/devices/{self.device}/clear", token="viewer").status, 403)
        self.reports("contraindicated", "appraisal.sticky")
        self.clear()
        self.reports("affirming")
        actions = [e["action"] for e in self.served.get("/v1/audit?limit=1000", "auditor").json()["audit"]]
        self.assertEqual(actions[-2:], ["device.failed", "device.cleared"])

    def test_no_grant_and_no_results_for_a_device_that_failed_before(self):
        self.tampered()
        self.life.boot()
        self.reports("contraindicated")
        self.served.nonce("grant", "g")
        self.life.here("grant", "request", "--nonce", self.life.file("g.nonce"), "-o", self.life.file("g.request"))
        got = self.served.post("/v1/grant", self.life.file("g.request").read_bytes(), "request")
        self.assertEqual((got.status, got.code), (409, "grant.appraisal"), got)
        self.assertEqual(self.dump()[0]["grants"], [])

    def test_a_change_of_the_policy_judges_anew(self):
        life = self.life
        self.tampered()
        life.boot()
        self.reports("contraindicated", "appraisal.sticky")
        life.attest("learn", "golden")
        life.run("policy", "learn", life.file("golden.evidence"), "--nonce", life.file("golden.nonce"), *life.who(), "-o", life.file("policy2.json"))
        life.run("policy", "sign", life.file("policy2.json"), "--key", life.file("policy.key"), "-o", life.file("policy2.dsse"))
        if life.file("policy2.json").read_bytes() == life.file("policy.json").read_bytes():
            self.skipTest("the policy learnt is the same")
        self.served.configure(fleet__policy=life.file("policy2.dsse"))
        self.served.reload()
        try:
            self.reports("affirming")
        finally:
            self.served.configure(fleet__policy=life.file("policy.dsse"))
            self.served.reload()

    def bare(self):
        """Evidence without a word about logs."""
        head = json.loads(self.served.evidence().partition(b"\n")[0])
        head.pop("attachments", None)
        return canonical(head) + b"\n"

    def test_logs_that_are_left_out_are_no_way_round(self):
        self.reports("affirming")
        self.life.boot("sb-uki-tampered-cmdline")
        got = self.served.post("/v1/evidence", self.bare(), "evidence")
        self.assertEqual((got.status, got.code), (409, "evidence.logs"), got)
        self.assertEqual(sorted(got.json()["need"]), ["boot-log", "ima", "userspace-log"])
        self.reports("contraindicated")
        got = self.served.post("/v1/evidence", self.bare(), "evidence")
        self.assertEqual((got.status, got.json()["tier"]), (200, "contraindicated"), got)
        self.life.boot()
        got = self.served.post("/v1/evidence", self.bare(), "evidence")
        self.assertEqual((got.status, got.code), (409, "evidence.logs"), got)
        self.reports("contraindicated", "appraisal.sticky")

    def test_the_last_pass_told_again_is_no_way_round(self):
        evidence = self.served.evidence()
        passed = self.served.send(evidence)
        self.assertEqual(passed.json()["tier"], "affirming")
        self.tampered()
        got = self.served.send(evidence)
        self.assertEqual((got.status, got.code), (409, "nonce.stale"), got)
        self.assertEqual(self.shown()["report"]["tier"], "contraindicated")


class Clocks(Attacked):
    """CHECKS 16, 40, 53, 62: what moves a clock, and what only looks so."""

    def old_nonce(self, age_s):
        """A nonce that this server would have made then; the test reads the key from the database."""
        key = self.sql("SELECT value FROM secret WHERE name = 'nonce'")[0][0]
        fresh = self.served.nonce()
        expiry = struct.pack(">I", int(time.time()) - age_s + 8 * 86400)
        mask = struct.pack(">I", sum(1 << int(p) for p in fresh["selection"].split(",")))
        random = os.urandom(16)
        tag = hmac.digest(key, random + expiry + bytes.fromhex(self.device) + mask + b"evidence", "sha256")[:12]
        return {**fresh, "nonce": (random + expiry + tag).hex(), "issued": int(time.time()) - age_s}

    def last_report_was(self, age_s):
        """As if the last report had come then, while the TPM's clock stands where it stood."""
        then = int(time.time()) - age_s
        self.sql("UPDATE report SET clock_received_ms = ?, received_s = ?, nonce_issued_s = ?, affirmed_nonce_s = ?", then * 1000, then, then - 1, then - 1)

    def test_a_quote_made_early_and_delivered_late_is_told_to_be_made_anew_and_fails_nothing(self):
        self.reports("affirming")
        self.last_report_was(2 * 3600)
        before = self.dump()
        got = self.served.report(nonce=self.old_nonce(3600))
        self.assertEqual((got.status, got.code), (409, "nonce.stale"), got)
        self.assertEqual(self.dump(), before)
        again = self.served.report(nonce=got.json()["nonce"])
        self.assertEqual((again.status, again.json()["tier"]), (200, "affirming"), again)

    def test_a_result_for_others_needs_a_young_nonce(self):
        self.reports("affirming")
        self.last_report_was(120)
        got = self.served.report(nonce=self.old_nonce(61), query="?aud=https%3A%2F%2Frelying.example")
        self.assertEqual((got.status, got.code), (409, "evidence.age"), got)
        got = self.served.report(nonce=got.json()["nonce"], query="?aud=https%3A%2F%2Frelying.example")
        self.assertEqual(got.status, 200, got)
        self.assertIn("ear", got.json())

    def test_reboots_and_power_cuts_lock_nobody_out(self):
        self.reports("affirming")
        for verb in ("reboot", "reset", "reset", "reboot", "cut"):
            self.life.swtpm(verb)
            if verb == "cut":
                time.sleep(0.1)
                self.life.swtpm("start")
            self.life.boot(power_cycle=False)
            self.reports("affirming")

    def test_a_tpm_reset_under_a_running_system_fails(self):
        """CVE-2018-6622: the digests that were logged are extended again by hand; the system's own boot is the same."""
        self.reports("affirming")
        self.life.swtpm("reset")
        self.life.run("--tcti", self.life.tcti, "--vectors", BOOTS / "sb-uki-clean", program=BIN / "boot_replay")
        self.life.measure()
        self.reports("contraindicated", "tpm.restart.unlogged")
        self.life.boot()
        self.reports("contraindicated", "appraisal.sticky")

    def test_a_clock_that_stood_in_the_future_locks_nobody_out_and_lets_nothing_old_in(self):
        old = self.served.evidence()
        self.assertEqual(self.served.send(old).status, 200)
        self.reports("affirming")
        ahead = int(time.time()) + YEARS_30
        self.sql("UPDATE report SET clock_received_ms = ?, received_s = ?, nonce_issued_s = ?, affirmed_nonce_s = ?", ahead * 1000, ahead, ahead, ahead)
        got = self.served.send(old)
        self.assertEqual((got.status, got.code), (409, "nonce.stale"), got)
        self.served.nonce("grant", "g")
        self.life.here("grant", "request", "--nonce", self.life.file("g.nonce"), "-o", self.life.file("g.request"))
        got = self.served.post("/v1/grant", self.life.file("g.request").read_bytes(), "request")
        self.assertEqual((got.status, got.code), (409, "evidence.age"), got)
        self.reports("affirming")
        self.assertLess(self.shown()["report"]["received"], ahead - 1)
        self.reports("affirming")

    def test_a_nonce_of_the_future_ends_when_the_clock_is_set_right(self):
        got = self.served.report(nonce=self.old_nonce(-YEARS_30))
        self.assertEqual((got.status, got.code), (409, "nonce.stale"), got)

    def test_years_without_a_report_lock_nobody_out(self):
        self.reports("affirming")
        self.last_report_was(YEARS_30)
        self.reports("affirming")


class Disk(Attacked):
    """A database that is held, full or damaged: an honest answer, and later it works."""

    def test_a_database_that_another_program_holds_is_busy_and_then_works(self):
        evidence = self.served.evidence()
        with contextlib.closing(sqlite3.connect(self.served.database, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            got = self.served.send(evidence)
            self.assertEqual((got.status, got.code), (503, "server.busy"), got)
            self.assertIn("retry-after", got.fields)
            self.assertEqual(self.served.get("/healthz").status, 200)
            db.execute("ROLLBACK")
        got = self.served.send(evidence)
        self.assertEqual((got.status, got.json()["tier"]), (200, "affirming"), got)

    def test_a_full_disk_is_said_honestly_and_then_works(self):
        small = self.served.dir / "small"
        small.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", small], capture_output=True, check=False)
        if done.returncode != 0:
            self.skipTest("only root mounts a small file system")
        self.addCleanup(subprocess.run, ["umount", small], check=True)
        self.served.stop()
        self.addCleanup(self.served.configure, server__database=self.served.database)
        self.addCleanup(self.served.stop)
        shutil.copy(self.served.database, small / "cairn.db")
        self.served.configure(server__database=small / "cairn.db")
        self.served.start()
        evidence = self.served.evidence()
        with open(small / "filler", "wb", buffering=0) as filler, contextlib.suppress(OSError):
            while filler.write(bytes(4096)):
                pass
        got = self.served.send(evidence)
        self.assertEqual((got.status, got.code), (503, "server.full"), got)
        self.assertIn("retry-after", got.fields)
        self.assertEqual(self.served.get(f"/v1/devices/{self.device}", "viewer").status, 200)
        (small / "filler").unlink()
        got = self.served.send(evidence)
        self.assertEqual((got.status, got.json()["tier"]), (200, "affirming"), got)

    def test_a_row_that_was_tampered_with_is_that_devices_trouble_only(self):
        (statement,), = self.sql("SELECT statement FROM device")
        for bad, status, code in ((b"{}", 500, "server.failed"), (b"", 500, "server.failed"), (statement[:-9] + b"AAAAAAAA", 500, "server.failed"),
                                  (self.life.file("root.dsse").read_bytes(), 403, "dsse.type")):
            self.sql("UPDATE device SET statement = ?", bad)
            got = self.served.post("/v1/nonce", canonical({"device": self.device, "purpose": "evidence"}), "application/json")
            self.assertEqual((got.status, got.code), (status, code), got)
            for path in ("/readyz", "/v1/devices", "/v1/audit", "/"):
                self.assertEqual(self.served.get(path, "auditor").status, 200, path)
        self.sql("UPDATE device SET statement = ?", statement)
        self.reports("affirming")

    def test_a_damaged_database_is_not_served(self):
        self.served.stop()
        copy = self.served.database.read_bytes()
        for p in self.served.dir.glob("cairn.db-*"):
            p.unlink()
        try:
            for at, junk in ((0, b"no database"), (4096 * 2, os.urandom(8192))):
                self.served.database.write_bytes(copy[:at] + junk + copy[at + len(junk):])
                with self.assertRaisesRegex(AssertionError, "ended with 8(.|\n)*store.corrupt"):
                    self.served.start()
                self.served.process = None
        finally:
            self.served.database.write_bytes(copy)
        self.served.start()
        self.reports("affirming")

    def test_an_audit_entry_that_was_changed_is_found(self):
        (seq, detail), *_ = self.sql("SELECT seq, detail FROM audit ORDER BY seq LIMIT 1")
        verify = ["--config", self.served.conf, "audit-verify"]
        self.life.run(*verify, program=BIN / "cairn-server")
        self.sql("UPDATE audit SET detail = 'something else' WHERE seq = ?", seq)
        self.life.run(*verify, program=BIN / "cairn-server", want=None, code="audit")
        self.assertNotEqual(self.life.run(*verify, program=BIN / "cairn-server", want=None).returncode, 0)
        self.sql("UPDATE audit SET detail = ? WHERE seq = ?", detail, seq)
        self.life.run(*verify, program=BIN / "cairn-server")


class Defaults(Attacked):
    """CHECKS 38, 39: nothing is trusted that nobody signed, and what is wrong is named."""

    def test_a_server_without_a_policy_affirms_nothing_and_grants_nothing(self):
        without = {"fleet__policy": None, "provision__key": None, "provision__manifest": None, "provision__params": None}
        kept = {name: self.served.settings[name] for name in without}
        self.served.configure(**without)
        self.served.reload()
        try:
            report = self.reports("undecided", "policy.absent")
            self.assertNotIn("grant", report)
            got = self.served.report(query="?aud=https%3A%2F%2Frelying.example")
            self.assertEqual((got.status, got.code), (403, "ear.absent"), got)
            self.served.nonce("grant", "g")
            self.life.here("grant", "request", "--nonce", self.life.file("g.nonce"), "-o", self.life.file("g.request"))
            got = self.served.post("/v1/grant", self.life.file("g.request").read_bytes(), "request")
            self.assertEqual((got.status, got.code), (403, "grant.none"), got)
        finally:
            self.served.configure(**kept)
            self.served.reload()

    def does_not_start(self, code, named, **settings):
        kept = {name: self.served.settings.get(name) for name in settings}
        self.served.configure(**settings)
        try:
            for verb in ("check-config", "run"):
                done = subprocess.run([BIN / "cairn-server", "--config", self.served.conf, verb], capture_output=True, text=True, check=False,
                                      timeout=20)
                self.assertNotEqual(done.returncode, 0, verb)
                self.assertIn(f"{code}:", done.stderr, verb)
                self.assertIn(str(named), done.stderr, verb)
        finally:
            self.served.configure(**kept)

    def other_fleet(self):
        other = Life()
        self.addCleanup(other.remove)
        other.dir.mkdir(exist_ok=True)
        other.keys()
        other.root()
        return other

    def test_it_does_not_start_with_anything_of_another_fleet(self):
        other, policy = self.other_fleet(), self.life.file("policy.json")
        self.life.run("policy", "sign", policy, "--key", other.file("policy.key"), "-o", other.file("policy.dsse"))
        self.does_not_start("policy.signer", other.file("policy.dsse"), fleet__policy=other.file("policy.dsse"))
        for section, role in (("verifier", "verifier"), ("provision", "provision")):
            self.does_not_start("fleet.key", other.file(f"{role}.key"), **{f"{section}__key": other.file(f"{role}.key")})

    def test_it_does_not_start_with_a_key_of_another_role(self):
        for section, wrong in (("verifier", "provision"), ("provision", "verifier"), ("verifier", "root"), ("provision", "release")):
            self.does_not_start("fleet.key", self.life.file(f"{wrong}.key"), **{f"{section}__key": self.life.file(f"{wrong}.key")})

    def test_it_does_not_start_with_a_policy_that_would_trust_anything(self):
        life = self.life
        policy = json.loads(life.file("policy.json").read_text())
        for change in ({"seal": []}, {"pcrs": {}}, {"seal_set": []}):
            name = next(iter(change))
            if name in policy:
                life.file("empty.json").write_bytes(canonical({**policy, **change}) + b"\n")
                life.run("policy", "sign", life.file("empty.json"), "--key", life.file("policy.key"), "-o", life.file("empty.dsse"), want=None)
                if life.file("empty.dsse").exists():
                    self.does_not_start("policy", life.file("empty.dsse"), fleet__policy=life.file("empty.dsse"))
        life.file("unsigned.json").write_text(life.file("policy.json").read_text())
        self.does_not_start("json.member", life.file("unsigned.json"), fleet__policy=life.file("unsigned.json"))

    def test_it_does_not_start_with_a_secret_that_others_can_read_and_says_which(self):
        secrets = {"verifier__key": self.life.file("verifier.key"), "provision__key": self.life.file("provision.key"),
                   "provision__params": self.life.file("params.json"), "server__key": self.served.dir / "tls.key"}
        for name, path in secrets.items():
            for mode in (0o640, 0o604):
                path.chmod(mode)
                try:
                    done = subprocess.run([BIN / "cairn-server", "--config", self.served.conf, "run"], capture_output=True, text=True, check=False,
                                          timeout=20)
                    self.assertIn("file.mode:", done.stderr, name)
                    self.assertIn(str(path), done.stderr, name)
                    self.assertNotEqual(done.returncode, 0)
                finally:
                    path.chmod(0o600)

    def test_a_reload_that_does_not_load_changes_nothing(self):
        self.served.configure(fleet__policy=self.life.file("root.dsse"))
        try:
            self.served.reload()
            self.assertIn("reload.refused", self.served.log.read_text())
            self.reports("affirming")
        finally:
            self.served.configure(fleet__policy=self.life.file("policy.dsse"))


del Attacked
if __name__ == "__main__":
    unittest.main(verbosity=2)
