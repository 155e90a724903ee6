"""Two people, or a person and a device, at the same moment: the database is held so that both are read before either is written."""
import contextlib
import hashlib
import sqlite3
import threading
import time
import unittest

import attacked
from life import Life
from served import Served


@contextlib.contextmanager
def queued(served):
    """Yields start(call): each call is sent and waits for the writer; all are written, in this order, at the end."""
    threads, answers = [], []

    def start(call):
        place = len(answers)
        answers.append(None)

        def run():
            answers[place] = call()

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        time.sleep(0.5)  # read, judged and in the queue

    with contextlib.closing(sqlite3.connect(served.database, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        yield start, answers
        db.execute("ROLLBACK")
    for t in threads:
        t.join(timeout=30)


class Reports(attacked.Attacked):
    def test_an_operators_clear_is_not_undone_by_a_report_under_way(self):
        self.life.boot("sb-uki-tampered-cmdline")
        self.reports("contraindicated")
        self.life.boot()
        self.reports("contraindicated", "appraisal.sticky")
        evidence = self.served.evidence()
        with queued(self.served) as (start, answers):
            start(lambda: self.served.post(f"/v1/devices/{self.device}/clear", token="operator"))
            start(lambda: self.served.send(evidence))
        self.assertEqual([(a.status, a.code) for a in answers], [(200, None), (409, "nonce.stale")], answers)
        self.assertFalse(self.shown()["report"]["sticky"])
        self.reports("affirming")

    def test_one_nonce_is_spent_once_by_two_at_the_same_moment(self):
        nonce = self.served.nonce()
        first, second = self.served.evidence(nonce, "a"), self.served.evidence(nonce, "b")
        with queued(self.served) as (start, answers):
            start(lambda: self.served.send(first))
            start(lambda: self.served.send(second))
        self.assertEqual([(a.status, a.code) for a in answers], [(200, None), (409, "nonce.stale")], answers)


class Enrolments(unittest.TestCase):
    def setUp(self):
        self.life = life = Life()
        self.addCleanup(life.remove)
        life.manufactured()
        self.served = served = Served(life)
        self.addCleanup(served.stop)
        served.configure()
        served.start()
        life.enrol_until_answer()
        request = life.file("e.request").read_bytes()
        self.path = f"/v1/enrolments/{hashlib.sha256(request).hexdigest()}"
        self.assertEqual(served.post("/v1/enrolment/request", request, "enrolment-request", "enrolee").status, 202)
        self.assertEqual(served.post(f"{self.path}/challenge", life.file("e.challenge").read_bytes(), "enrolment-challenge", "approver").status, 200)
        self.answer = life.file("e.answer").read_bytes()
        self.assertEqual(served.post("/v1/enrolment/answer", self.answer, "enrolment").status, 202)
        life.run("enrol", "statement", life.file("e.answer"), "--pending", life.file("e.pending"), *life.roots(), "--key", life.file("enrol.key"), "-o",
                 life.file("statement.dsse"))

    def approve(self):
        return self.served.post(f"{self.path}/statement", self.life.file("statement.dsse").read_bytes(), "statement", "approver")

    def refuse(self):
        return self.served.post(f"{self.path}/refuse", token="approver")

    def test_a_refusal_stands_against_an_approval_at_the_same_moment(self):
        with queued(self.served) as (start, answers):
            start(self.refuse)
            start(self.approve)
        self.assertEqual([(a.status, a.code) for a in answers], [(200, None), (403, "enrolment.ended")], answers)
        self.assertEqual(self.served.get("/v1/devices", "viewer").json()["devices"], [])
        self.assertEqual(self.served.post("/v1/enrolment/answer", self.answer, "enrolment").code, "enrolment.refused")

    def test_an_approval_stands_against_a_refusal_at_the_same_moment(self):
        with queued(self.served) as (start, answers):
            start(self.approve)
            start(self.refuse)
        self.assertEqual([(a.status, a.code) for a in answers], [(200, None), (403, "enrolment.ended")], answers)
        got = self.served.post("/v1/enrolment/answer", self.answer, "enrolment")
        self.assertEqual((got.status, got.body), (200, self.life.file("statement.dsse").read_bytes()), got)


if __name__ == "__main__":
    unittest.main(verbosity=2)
