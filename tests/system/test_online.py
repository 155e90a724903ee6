"""An order for online delivery waits for a release; its certificate is counter-signed, and every judge reads it."""
import json
import subprocess
import sys
import unittest

from life import BIN, SUPPORT, TOP, Life


class Online(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.life = Life()
        life = cls.life
        life.manufactured()
        life.enrolled()
        life.approved()
        life.operational()
        life.ordered("--delivery", "online")
        life.snapshot("ordered")

    @classmethod
    def tearDownClass(cls):
        cls.life.remove()

    def setUp(self):
        self.life.restore("ordered")

    def refused_as_it_stands(self, code, *argv):
        self.life.wipe(*argv, want=1, code=code)
        self.assertFalse(self.life.out.exists())
        self.assertFalse((self.life.state / "wipe.journal").exists())
        self.assertIn(b"OPERATIONAL", self.life.here("state").stdout)

    def test_an_order_that_came_by_hand_does_nothing_without_a_release(self):
        """CHECKS 61: held or cancelled at the server, delivered by USB."""
        life = self.life
        self.assertIn(b"online", life.run("order", "verify", life.file("order.dsse"), *life.who()).stdout)
        self.refused_as_it_stands("order.release")
        life.here("wipe", "ask", life.file("order.dsse"), "-o", life.file("nonce.json"))
        self.refused_as_it_stands("order.release")
        life.release()
        life.here("wipe", "ask", life.file("order.dsse"), "-o", life.file("nonce.json"))
        self.refused_as_it_stands("release.nonce", "--release", life.file("release.dsse"))
        self.refused_as_it_stands("dsse.type", "--release", life.file("order.dsse"))

    def test_a_desk_answers_only_what_it_may(self):
        life = self.life
        life.here("wipe", "ask", life.file("order.dsse"), "-o", life.file("nonce.json"))
        life.release(key="alice", want=1, code="release.signer")
        question = json.loads(life.file("nonce.json").read_text())
        self.assertEqual(sorted(question), ["device", "nonce", "order"])
        question["order"] = "00" * 32
        life.file("nonce.json").write_text(json.dumps(question, separators=(",", ":"), sort_keys=True) + "\n")
        life.release(want=1, code="release.order")
        self.assertFalse(life.file("release.dsse").exists())
        life.ordered()
        life.here("wipe", "ask", life.file("order.dsse"), want=1, code="order.delivery")

    def test_released_wiped_counter_signed_and_judged(self):
        life, f = self.life, self.life.file
        life.here("wipe", "ask", f("order.dsse"), "-o", f("nonce.json"))
        life.release()
        life.wipe("--release", f("release.dsse"))
        self.assertFalse((life.state / "wipe.nonce").exists())
        certificate = life.out / "certificate.json"
        countersign = ["certificate", "countersign", certificate, *life.roots(), "--key"]
        life.run(*countersign, f("provision.key"), "-o", f("c.json"), want=1, code="certificate.countersigner")
        self.assertFalse(f("c.json").exists())
        life.run(*countersign, f("verifier.key"), "-o", f("c.json"))
        life.run("certificate", "countersign", f("c.json"), *life.roots(), "--key", f("verifier.key"), "-o", f("again.json"))
        self.assertEqual(f("c.json").read_bytes(), f("again.json").read_bytes())
        shown = life.run("certificate", "show", f("c.json"), *life.roots()).stdout
        self.assertIn(b"counter-signed by verifier.holder", shown)
        self.judge(f("c.json"))

    def judge(self, certificate):
        """The judges without OpenSSL's or Cairn's code say the same, and refuse the signature once it is bent."""
        life = self.life
        judges = [[BIN / "cairn-verify", certificate, "--root", life.file("root.dsse"), "--json"],
                  [sys.executable, SUPPORT / "reference_verifier.py", certificate, life.file("root.dsse")],
                  [TOP / "scripts/verify-with-stock-tools", certificate, life.file("root.dsse")]]
        said = [subprocess.run(j, capture_output=True, text=True, check=False) for j in judges]
        for done in said:
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("verifier.holder", done.stdout)
        self.assertEqual(json.loads(said[0].stdout)["countersigners"], json.loads(said[1].stdout)["countersigners"])
        bent = json.loads(certificate.read_text())
        sig = bent["signatures"][0]["sig"]
        bent["signatures"][0]["sig"] = ("B" if sig[0] != "B" else "C") + sig[1:]
        certificate.write_text(json.dumps(bent, separators=(",", ":"), sort_keys=True) + "\n")
        for j in judges:
            done = subprocess.run(j, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn("signature.invalid", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
