"""Enrolment by files: one try, one TPM, no stranger's certificate."""
import json
import base64
import unittest

from life import Life


class Enrolment(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.life = Life()
        cls.life.manufactured()
        cls.life.snapshot("made")

    @classmethod
    def tearDownClass(cls):
        cls.life.remove()

    def setUp(self):
        self.life.restore("made")

    def statement(self, **options):
        life = self.life
        return life.run("enrol", "statement", life.file("e.answer"), "--pending", life.file("e.pending"), *life.roots(), "--key",
                        life.file("enrol.key"), "-o", life.file("statement.dsse"), **options)

    def test_a_pending_file_is_good_for_one_try(self):
        self.life.enrol_until_answer()
        self.statement()
        self.statement(want=1, code="enrolment.pending.used")

    def test_a_wrong_answer_uses_the_try_up_and_says_no_more_than_no(self):
        life = self.life
        life.enrol_until_answer()
        good = life.file("e.answer").read_bytes()
        document = json.loads(good)
        payload = base64.b64decode(document["payload"])
        proof = json.loads(payload)["proof"]
        altered = payload.replace(proof.encode(), ("0" * 64).encode())
        document["payload"] = base64.b64encode(altered).decode()
        life.file("e.answer").write_text(json.dumps(document, sort_keys=True, separators=(",", ":")) + "\n")
        self.statement(want=1)
        life.file("e.answer").write_bytes(good)
        self.statement(want=1, code="enrolment.pending.used")

    def test_a_chip_whose_maker_is_not_trusted_is_refused(self):
        life = self.life
        other = life.dir / "no-ca"
        other.mkdir()
        life.here("enrol", "request", "-o", life.file("e.request"))
        life.run("enrol", "challenge", life.file("e.request"), *life.roots(), "--ca", other, "--pending", life.file("e.pending"), "-o",
                 life.file("e.challenge"), want=None)
        self.assertFalse(life.file("e.challenge").exists())

    def test_a_key_file_that_others_can_read_is_refused(self):
        life = self.life
        life.enrol_until_answer()
        life.file("enrol.key").chmod(0o644)
        self.statement(want=1, code="file.mode")

    def test_a_configuration_that_others_can_write_is_refused(self):
        self.life.conf.chmod(0o666)
        self.life.here("enrol", "request", "-o", self.life.file("e.request"), want=1, code="config.mode")

    def test_the_same_statement_again_is_accepted_and_nothing_changes(self):
        self.life.enrolled()
        before = (self.life.state / "statement.dsse").read_bytes()
        self.life.here("enrol", "accept", self.life.file("statement.dsse"))
        self.assertEqual(before, (self.life.state / "statement.dsse").read_bytes())

    def test_a_challenge_for_another_chip_is_not_answered(self):
        life = self.life
        other = Life()
        try:
            other.manufactured()
            other.here("enrol", "request", "-o", other.file("e.request"))
            other.run("enrol", "challenge", other.file("e.request"), *other.roots(), "--ca", other.tpm / "ca", "--pending", other.file("e.pending"),
                      "-o", other.file("e.challenge"))
            life.here("enrol", "answer", other.file("e.challenge"), "-o", life.file("e.answer"), want=1)
        finally:
            other.remove()


if __name__ == "__main__":
    unittest.main(verbosity=2)
