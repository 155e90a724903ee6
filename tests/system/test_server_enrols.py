"""A fleet that lets its server enrol: two round trips, one try per challenge, a ticket for the second time, and what it costs at the end."""
import base64
import contextlib
import json
import sqlite3
import subprocess
import unittest

from agent_life import Agent
from life import BIN
from served import Served

class ServerEnrols(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.life = life = Agent()
        cls.addClassCleanup(life.remove)
        life.manufactured()
        life.snapshot("made")

    def setUp(self):
        life = self.life
        life.restore("made")
        self.served = Served(life)
        self.addCleanup(self.served.stop)
        self.served.configure(enrol__key=life.file("enrol.key"), enrol__ca=life.tpm / "ca")
        self.served.start()
        life.configure(f"\n[agent]\nserver = {self.served.url}\nca = {self.served.dir}/tls.crt\nspool = {life.spool}\n"
                       f"enrolment_token = {self.served.dir}/enrolee.token\n")

    def enrol(self, **options):
        return self.life.here("enrol", "online", **options)

    def responses(self):
        """Answers the server gave so far, by class of status; this question is not among them yet."""
        text = self.served.get("/metrics", "viewer").body.decode()
        return {line.split('"')[1]: int(line.split()[-1]) for line in text.splitlines() if line.startswith("cairn_responses_total{")}

    def audit(self):
        return [e["action"] for e in self.served.get("/v1/audit?limit=1000", "auditor").json()["audit"]]

    def statement(self):
        devices = self.served.get("/v1/devices", "viewer").json()["devices"]
        self.assertEqual(len(devices), 1)
        file = self.served.get(f"/v1/devices/{devices[0]['device']}/statement", "viewer").body
        self.life.file("statement.dsse").write_bytes(file)
        return json.loads(base64.b64decode(json.loads(file)["payload"]))

    def by_hand(self):
        """The device's request, and the server's challenge to it."""
        life = self.life
        life.here("enrol", "request", "-o", life.file("e.request"))
        return self.challenge()

    def challenge(self):
        got = self.served.post("/v1/enrolment/request", self.life.file("e.request").read_bytes(), "enrolment-request", "enrolee")
        self.assertEqual(got.status, 200, got)
        return got.body

    def answer(self, challenge):
        life = self.life
        life.file("e.challenge").write_bytes(challenge)
        life.here("enrol", "answer", life.file("e.challenge"), "-o", life.file("e.answer"))
        return self.served.post("/v1/enrolment/answer", life.file("e.answer").read_bytes(), "enrolment")

    def desk_challenge(self):
        """A challenge to the same request by somebody else: the genuine device's answer to it is signed, and wrong here."""
        life = self.life
        life.run("enrol", "challenge", life.file("e.request"), *life.roots(), "--ca", life.tpm / "ca", "--pending", life.file("e.pending"), "-o",
                 life.file("e.other"))
        return life.file("e.other").read_bytes()

    def pending(self):
        with contextlib.closing(sqlite3.connect(self.served.database, timeout=10)) as db:
            return [row[0] for row in db.execute("SELECT pending FROM enrolment")]

    def test_a_device_enrols_in_two_round_trips_and_its_statement_says_who_enrolled_it(self):
        before = self.responses()
        self.enrol()
        after = self.responses()
        self.assertEqual({k: after[k] - before[k] for k in after}, {"2xx": 3, "3xx": 0, "4xx": 0, "5xx": 0}, "two, and the first question")
        self.assertEqual(self.statement()["enroller"], "server")
        self.assertIn(b"ENROLLED", self.life.here("state").stdout)
        self.assertEqual(self.audit(), ["enrolment.requested", "device.enrolled"])
        self.assertFalse(any(self.pending()), "nothing is left that could answer once more")

    def test_a_challenge_is_good_for_one_try(self):
        """CHECKS 3."""
        challenge = self.by_hand()
        self.assertEqual(self.challenge(), challenge, "asking again is no second try")
        self.assertTrue(all(self.pending()))
        got = self.answer(self.desk_challenge())
        self.assertEqual((got.status, got.code), (403, "enrolment.proof"), "and no word of what was wrong in it")
        self.assertFalse(any(self.pending()), "used up before anything was compared")
        got = self.answer(challenge)
        self.assertEqual((got.status, got.code), (409, "enrolment.again"), got)
        fresh = self.challenge()
        self.assertNotEqual(fresh, challenge)
        got = self.answer(challenge)
        self.assertEqual((got.status, got.code), (403, "enrolment.proof"), "an answer to the old one uses up the new one's try")
        self.assertEqual(self.answer(self.challenge()).status, 200)
        self.assertEqual(self.statement()["enroller"], "server")

    def test_what_the_device_did_not_sign_does_not_use_the_try_up(self):
        """CHECKS 52."""
        challenge = self.by_hand()
        self.life.file("e.challenge").write_bytes(challenge)
        self.life.here("enrol", "answer", self.life.file("e.challenge"), "-o", self.life.file("e.answer"))
        document = json.loads(self.life.file("e.answer").read_bytes())
        payload = json.loads(base64.b64decode(document["payload"]))
        payload["proof"] = "0" * 64
        document["payload"] = base64.b64encode(json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()).decode()
        got = self.served.post("/v1/enrolment/answer", json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n", "enrolment")
        self.assertEqual((got.status, got.code), (403, "attestation.extra"), got)
        self.assertTrue(all(self.pending()))
        self.assertEqual(self.served.post("/v1/enrolment/answer", self.life.file("e.answer").read_bytes(), "enrolment").status, 200)

    def test_the_same_answer_again_gets_the_same_statement(self):
        first = self.answer(self.by_hand())
        self.assertEqual(first.status, 200, first)
        again = self.served.post("/v1/enrolment/answer", self.life.file("e.answer").read_bytes(), "enrolment")
        self.assertEqual((again.status, again.body), (200, first.body))
        self.assertEqual(self.audit().count("device.enrolled"), 1)

    def test_the_same_tpm_again_needs_a_ticket(self):
        """CHECKS 4."""
        life = self.life
        self.enrol()
        first = self.statement()
        life.state.rename(life.dir / "old")
        life.here("device", "init", life.file("root.dsse"))
        life.conf.write_text(life.conf.read_text().replace("serial = T-0001", "serial = T-0002"))
        self.enrol(want=1, code="device.known")
        self.assertEqual(self.statement(), first)
        self.assertEqual(self.served.post(f"/v1/devices/{first['device']}/ticket", token="approver").status, 200)
        self.enrol()
        second = self.statement()
        self.assertEqual((second["device"], second["serial"]), (first["device"], "T-0002"))
        life.state.rename(life.dir / "older")
        life.here("device", "init", life.file("root.dsse"))
        life.conf.write_text(life.conf.read_text().replace("serial = T-0002", "serial = T-0003"))
        self.enrol(want=1, code="device.known")

    def test_a_device_that_lost_its_state_begins_again_with_a_ticket_and_the_same_request(self):
        life = self.life
        self.enrol()
        first = self.statement()
        life.approved()
        life.operational()
        life.state.rename(life.dir / "old")
        life.here("device", "init", life.file("root.dsse"))
        self.assertEqual(self.served.post(f"/v1/devices/{first['device']}/ticket", token="approver").status, 200)
        self.enrol()
        second = self.statement()
        self.assertEqual(second["serial"], first["serial"])
        self.assertGreater(int(second["epoch_value"], 16), int(first["epoch_value"], 16), "the counter of today, by a new challenge")
        self.assertFalse(self.served.get(f"/v1/devices/{first['device']}", "viewer").json()["ticket"], "a ticket is for once")
        self.assertEqual(self.audit().count("device.enrolled"), 2)

    def test_so_does_one_whose_enroller_is_apart(self):
        life = self.life
        self.served.configure(enrol__key=None)
        self.served.reload()
        for number in range(2):
            life.here("enrol", "online", want=6, code="enrolment.waits")
            self.approve()
            life.here("enrol", "online", want=6, code="enrolment.waits")
            self.approve()
            self.enrol()
            statement = self.statement()
            self.assertNotIn("server", statement.get("enroller", ""))
            self.assertEqual(self.served.post(f"/v1/devices/{statement['device']}/ticket", token="approver").status, 200)
            life.state.rename(life.dir / f"old{number}")
            life.here("device", "init", life.file("root.dsse"))
        self.assertEqual(self.audit().count("device.enrolled"), 2)

    def test_how_many_a_token_may_have_under_way_follows_a_reload(self):
        life = self.life
        self.served.configure(enrol__key=None, enrol__open=1)
        self.served.reload()
        life.here("enrol", "online", want=6, code="enrolment.waits")
        life.conf.write_text(life.conf.read_text().replace("serial = T-0001", "serial = T-0002"))
        life.here("enrol", "online", want=9, code="server.rate")
        self.served.configure(enrol__open=2)
        self.served.reload()
        life.here("enrol", "online", want=6, code="enrolment.waits")

    def approve(self):
        life = self.life
        life.run("fleet", "approve", *life.roots(), "--ek-ca", life.tpm / "ca", "--key", life.file("enrol.key"), "--dir", life.dir / "desk", "--yes",
                 "--server", self.served.url, "--ca", self.served.dir / "tls.crt", "--token-file", self.served.dir / "approver.token")

    def test_a_chip_of_a_maker_that_is_not_trusted_is_refused_and_not_kept(self):
        other = self.life.dir / "other-ca"
        other.mkdir()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=another maker", "-keyout",
                        other / "k", "-out", other / "ca.pem"], check=True, capture_output=True)
        self.served.configure(enrol__ca=other)
        self.served.reload()
        self.enrol(want=1, code="ek.")
        self.assertEqual(self.pending(), [])

    def test_the_certificate_says_so_and_its_grade_is_no_better_than_b(self):
        life = self.life
        self.enrol()
        self.statement()
        life.approved()
        life.operational()
        life.ordered()
        plan = json.loads(life.here("--json", "wipe", "plan", life.file("order.dsse")).stdout)
        self.assertIn("enroller.server", json.dumps(plan))
        life.wipe()
        life.verify()
        life.run(life.out / "certificate.json", *life.roots(), program=BIN / "cairn-verify")
        shown = life.run("certificate", "show", life.out / "certificate.json", *life.roots()).stdout.decode()
        self.assertIn("enroller.server", shown)
        self.assertRegex(shown, r"(?i)grade\W+[BC]")


if __name__ == "__main__":
    unittest.main(verbosity=2)
