"""Wrong, old, reused and foreign nonces; a document that answers another question."""
import unittest

from life import Life


class Nonces(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.life = Life()
        cls.life.manufactured()
        cls.life.enrolled()
        cls.life.approved()
        cls.life.attest("evidence", "now")
        cls.life.check("now")

    @classmethod
    def tearDownClass(cls):
        cls.life.remove()

    def test_attest_without_a_nonce_is_a_usage_error(self):
        self.life.here("attest", "-o", self.life.file("x"), want=2)

    def test_the_same_document_may_be_checked_again(self):
        self.life.check("now")

    def test_another_document_over_a_spent_nonce_is_refused(self):
        life = self.life
        life.here("attest", "--nonce", life.file("now.nonce"), "-o", life.file("again.evidence"))
        life.run("policy", "check", "-p", life.file("policy.dsse"), life.file("again.evidence"), "--nonce", life.file("now.nonce"), *life.who(),
                 want=1, code="nonce.spent")

    def test_evidence_over_another_nonce_is_refused_and_does_not_spend_it(self):
        life = self.life
        life.ask("evidence", "other")
        life.run("policy", "check", "-p", life.file("policy.dsse"), life.file("now.evidence"), "--nonce", life.file("other.nonce"), *life.who(),
                 want=1, code="document.nonce")
        life.here("attest", "--nonce", life.file("other.nonce"), "-o", life.file("other.evidence"))
        life.check("other")

    def test_a_nonce_for_another_purpose_is_refused(self):
        life = self.life
        life.ask("grant", "for-grant")
        life.here("attest", "--nonce", life.file("for-grant.nonce"), "-o", life.file("x.evidence"), want=1, code="nonce.purpose")

    def test_fewer_pcrs_than_asked_for_are_refused(self):
        life = self.life
        life.attest("evidence", "few", pcrs="0,2,4")
        life.ask("evidence", "many")
        altered = life.file("many.nonce").read_text()
        self.assertIn('"0,1,2,3,4,5,6,7,8,9,10,11,14"', altered)
        life.run("policy", "check", "-p", life.file("policy.dsse"), life.file("few.evidence"), "--nonce", life.file("few.nonce"), *life.who(), want=5)


if __name__ == "__main__":
    unittest.main(verbosity=2)
