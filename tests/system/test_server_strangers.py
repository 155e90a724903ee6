"""What strangers, and devices beside the right one, can do to the server: a dump of its database says."""
import contextlib
import hashlib
import json
import os
import socket
import threading
import time
import unittest

import attacked
from attacked import NOBODY, bend
from life import Life
from served import Served, canonical, named_logs

DOCUMENTS = {"enrolment": "/v1/enrolment/answer", "evidence": "/v1/evidence", "request": "/v1/grant", "receipt": "/v1/receipt", "kill": "/v1/kill",
             "certificate": "/v1/certificate"}


class Strangers(attacked.Attacked):
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


class Limits(attacked.Attacked):
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


class Unenrolled(unittest.TestCase):
    """CHECKS 52, 4: a device whose enrolment is under way, and strangers who know of it."""

    def setUp(self):
        self.life = life = Life()
        self.addCleanup(life.remove)
        life.manufactured()
        self.served = Served(life)
        self.addCleanup(self.served.stop)
        self.served.configure()
        self.served.start()
        life.enrol_until_answer()
        self.request = life.file("e.request").read_bytes()
        self.digest = hashlib.sha256(self.request).hexdigest()
        self.assertEqual(self.served.post("/v1/enrolment/request", self.request, "enrolment-request", "enrolee").status, 202)
        got = self.served.post(f"/v1/enrolments/{self.digest}/challenge", life.file("e.challenge").read_bytes(), "enrolment-challenge", "approver")
        self.assertEqual(got.status, 200, got)

    def kept(self):
        return self.served.get(f"/v1/enrolments/{self.digest}/answer", "approver")

    def test_an_answer_that_the_requests_key_did_not_sign_is_not_kept(self):
        answer = self.life.file("e.answer").read_bytes()
        document = json.loads(answer)
        for i, attestation in enumerate(document["tpm"]):
            bent = json.loads(answer)
            sig = attestation["signature"]
            bent["tpm"][i]["signature"] = sig[:30] + ("B" if sig[30] != "B" else "C") + sig[31:]
            got = self.served.post("/v1/enrolment/answer", canonical(bent) + b"\n", "enrolment")
            self.assertEqual((got.status, got.code), (403, "attestation.signature"), got)
        got = self.served.post("/v1/enrolment/answer", canonical({**document, "tpm": document["tpm"][:2]}) + b"\n", "enrolment")
        self.assertIn(got.status, (400, 403), got)
        self.assertEqual(self.kept().status, 202)
        self.assertEqual(self.served.post("/v1/enrolment/answer", answer, "enrolment").status, 202)
        self.assertEqual(self.kept().body, answer)

    def test_requests_without_a_token_and_past_its_share_are_not_kept(self):
        self.served.stop()
        self.served.configure(enrol__open=1)
        self.served.start()
        life = self.life
        life.conf.write_text(life.conf.read_text().replace("tag = test", "tag = another"))
        life.here("enrol", "request", "-o", life.file("second.request"))
        second = life.file("second.request").read_bytes()
        self.assertNotEqual(second, self.request)
        got = self.served.post("/v1/enrolment/request", second, "enrolment-request")
        self.assertEqual((got.status, got.code), (401, "access.credential"), got)
        got = self.served.post("/v1/enrolment/request", second, "enrolment-request", "enrolee")
        self.assertEqual((got.status, got.code), (429, "server.rate"), got)
        self.assertEqual(len(self.served.get("/v1/enrolments", "viewer").json()["enrolments"]), 1)
        self.assertEqual(self.served.post("/v1/enrolment/request", self.request, "enrolment-request", "enrolee").status, 200)


if __name__ == "__main__":
    unittest.main(verbosity=2)
