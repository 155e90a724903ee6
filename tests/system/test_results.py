"""An attestation result for a real (software) TPM: read by unrelated libraries, sealed to by two programs, opened by the device.

make_ear stands for the server: it appraises the device's evidence with the library and signs with a verifier key of the root.
"""
import base64
import json
import subprocess
import sys
import unittest

import jwt
from jwt.algorithms import ECAlgorithm

from life import BIN, TOP, Life

AUDIENCE = "https://relying.test"
EXAMPLE = TOP / "integration/relying-party"
sys.path.insert(0, str(EXAMPLE))
import cairn_seal  # noqa: E402 pylint: disable=wrong-import-position


class Results(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.life = Life()
        cls.life.manufactured()
        cls.life.enrolled()
        cls.life.approved()
        cls.life.attest("evidence", "now")
        cls.ear = cls.make_ear("now", "--jwks", cls.life.file("jwks.json"))
        cls.life.file("now.ear").write_text(cls.ear)
        cls.jwks = json.loads(cls.life.file("jwks.json").read_text())

    @classmethod
    def tearDownClass(cls):
        cls.life.remove()

    @classmethod
    def make_ear(cls, name, *options, **run_options):
        life = cls.life
        return life.run(*life.who(), "--policy", life.file("policy.dsse"), "--nonce", life.file(f"{name}.nonce"), "--evidence",
                        life.file(f"{name}.evidence"), "--key", life.file("verifier.key"), "--audience", AUDIENCE, *options,
                        program=BIN / "make_ear", **run_options).stdout.decode()

    def seal(self, secret, ear="now.ear", out="sealed.json", options=(), **run_options):
        life = self.life
        return life.run("seal", "--for", life.file(ear), *life.roots(), "--in", "-", *options, "-o", life.file(out), stdin=secret, **run_options)

    def unseal(self, name="sealed.json", **options):
        return self.life.here("unseal", self.life.file(name), **options).stdout

    def test_jose_verifies_the_result(self):
        done = subprocess.run(["jose", "jws", "ver", "-i", str(self.life.file("now.ear")), "-k", str(self.life.file("jwks.json")), "-O", "-"],
                              capture_output=True, check=True)
        claims = json.loads(done.stdout)
        self.assertEqual(claims["submods"]["cairn"]["ear_status"], "affirming")
        altered = self.ear[:-3] + ("AAA" if self.ear[-3:] != "AAA" else "BBB")
        done = subprocess.run(["jose", "jws", "ver", "-i-", "-k", str(self.life.file("jwks.json"))], input=altered.encode(), capture_output=True,
                              check=False)
        self.assertNotEqual(done.returncode, 0)

    def test_pyjwt_verifies_the_result(self):
        key = ECAlgorithm.from_jwk(json.dumps(self.jwks["keys"][0]))
        self.assertEqual(jwt.get_unverified_header(self.ear)["kid"], self.jwks["keys"][0]["kid"])
        claims = jwt.decode(self.ear, key, algorithms=["ES256"], audience=AUDIENCE)
        self.assertEqual(claims["eat_profile"], "tag:ietf.org,2026:rats/ear#04")
        self.assertEqual(claims["exp"] - claims["iat"], 300)
        with self.assertRaises(jwt.InvalidAudienceError):
            jwt.decode(self.ear, key, algorithms=["ES256"], audience="https://other.test")

    def test_the_key_id_is_the_roots(self):
        envelope = json.loads(self.life.file("root.dsse").read_text())
        root = json.loads(base64.b64decode(envelope["payload"]))
        self.assertEqual([jwk["kid"] for jwk in self.jwks["keys"]], root["roles"]["verifier"]["keys"])

    def test_what_the_command_seals_the_device_opens(self):
        self.seal(b"a secret \x00\xff")
        self.assertEqual(self.unseal(), b"a secret \x00\xff")
        self.assertNotIn(b"a secret", self.life.file("sealed.json").read_bytes())

    def test_what_python_seals_the_device_opens(self):
        claims = cairn_seal.verify_ear(self.ear, self.jwks, AUDIENCE)
        self.life.file("python.json").write_text(cairn_seal.seal(claims, b"from python"))
        self.assertEqual(self.unseal("python.json"), b"from python")
        self.life.run("--for", self.life.file("now.ear"), "--jwks", self.life.file("jwks.json"), "--audience", AUDIENCE, "--in", "-", "-o",
                      self.life.file("python.json"), stdin=bytes(range(128)), program=EXAMPLE / "cairn_seal.py")
        self.assertEqual(self.unseal("python.json"), bytes(range(128)))

    def test_what_the_example_in_c_seals_the_device_opens(self):
        done = self.life.run(self.life.file("now.ear"), self.life.file("root.dsse"), AUDIENCE, stdin=b"from c", program=BIN / "relying_party_seal")
        self.life.file("c.json").write_bytes(done.stdout)
        self.assertEqual(self.unseal("c.json"), b"from c")

    def test_a_result_for_somebody_else_is_refused(self):
        self.seal(b"x", options=["--audience", "https://other.test"], want=1, code="ear.audience")
        self.seal(b"x", options=["--audience", AUDIENCE])
        with self.assertRaises(cairn_seal.Refused) as caught:
            cairn_seal.verify_ear(self.ear, self.jwks, "https://other.test")
        self.assertEqual(caught.exception.args[0], "ear.audience")

    def test_an_old_result_is_refused(self):
        self.life.file("old.ear").write_text(self.make_ear("now", "--age", 301))
        self.seal(b"x", ear="old.ear", want=1, code="ear.expired")
        with self.assertRaises(cairn_seal.Refused) as caught:
            cairn_seal.verify_ear(self.life.file("old.ear").read_text(), self.jwks, AUDIENCE)
        self.assertEqual(caught.exception.args[0], "ear.expired")

    def test_an_altered_result_is_refused(self):
        head, payload, signature = self.ear.split(".")
        flipped = payload[:40] + ("A" if payload[40] != "A" else "B") + payload[41:]
        self.life.file("bad.ear").write_text(f"{head}.{flipped}.{signature}")
        self.seal(b"x", ear="bad.ear", want=1, code="signature.invalid")
        with self.assertRaises(cairn_seal.Refused) as caught:
            cairn_seal.verify_ear(f"{head}.{flipped}.{signature}", self.jwks, AUDIENCE)
        self.assertEqual(caught.exception.args[0], "signature.invalid")

    def test_the_result_names_the_key_of_the_evidence(self):
        life = self.life
        life.run("key", "new", "--role", "verifier", "--holder", "device", "-o", life.file("cnf.key"))
        for number, key in enumerate(["cnf.key", "cnf.pub"]):
            life.ask("evidence", f"cnf{number}")
            life.here("attest", "--nonce", life.file(f"cnf{number}.nonce"), "--cnf", life.file(key), "-o", life.file(f"cnf{number}.evidence"))
            claims = cairn_seal.verify_ear(self.make_ear(f"cnf{number}"), self.jwks, AUDIENCE)
            spki = subprocess.run(["openssl", "pkey", "-in", str(life.file("cnf.key")), "-pubout", "-outform", "DER"], capture_output=True,
                                  check=True).stdout
            jwk = ECAlgorithm.to_jwk(ECAlgorithm(ECAlgorithm.SHA256).prepare_key(
                subprocess.run(["openssl", "pkey", "-pubin", "-inform", "DER"], input=spki, capture_output=True, check=True).stdout))
            thumbprint = subprocess.run(["jose", "jwk", "thp", "-a", "S256", "-i-"], input=jwk.encode(), capture_output=True, check=True).stdout
            self.assertEqual(claims["cnf"], {"jkt": thumbprint.decode().strip()})

    def test_another_device_does_not_open_it(self):
        self.seal(b"for this device", out="mine.json")
        sealed = json.loads(self.life.file("mine.json").read_text())
        sealed["device"] = "00" * 32
        self.life.file("other.json").write_text(json.dumps(sealed, sort_keys=True, separators=(",", ":")) + "\n")
        self.unseal("other.json", want=1, code="sealed.device")
        sealed["device"] = json.loads(self.life.file("mine.json").read_text())["device"]
        sealed["duplicate"] = sealed["duplicate"][:60] + ("A" if sealed["duplicate"][60] != "A" else "B") + sealed["duplicate"][61:]
        self.life.file("other.json").write_text(json.dumps(sealed, sort_keys=True, separators=(",", ":")) + "\n")
        self.unseal("other.json", want=1, code="sealed.object")


class Moving(unittest.TestCase):
    """What moves the device away from what was sealed to: each test has a device of its own kind."""

    @classmethod
    def setUpClass(cls):
        Results.setUpClass.__func__(cls)

    @classmethod
    def tearDownClass(cls):
        cls.life.remove()

    make_ear = classmethod(Results.make_ear.__func__)
    seal = Results.seal
    unseal = Results.unseal

    def tool(self, *argv):
        subprocess.run(argv, check=True, capture_output=True, env={**self.life.env, "TPM2TOOLS_TCTI": self.life.tcti}, timeout=60)

    def test_1_after_a_pcr_extend_it_does_not_open_and_after_a_reboot_it_does(self):
        self.seal(b"state")
        self.assertEqual(self.unseal(), b"state")
        self.tool("tpm2_pcrextend", "8:sha256=" + "11" * 32)
        self.unseal(want=1, code="sealed.boot")
        self.life.attest("evidence", "extended")
        self.life.file("extended.ear").write_text(self.make_ear("extended"))
        self.seal(b"x", ear="extended.ear", want=1, code="ear.status")
        self.life.boot()
        self.assertEqual(self.unseal(), b"state")

    def test_2_after_the_epoch_moved_it_never_opens_again(self):
        self.life.attest("evidence", "later")
        self.life.file("later.ear").write_text(self.make_ear("later"))
        self.seal(b"epoch", ear="later.ear")
        self.assertEqual(self.unseal(), b"epoch")
        self.life.operational()
        self.unseal(want=1, code="sealed.epoch")
        self.life.boot()
        self.unseal(want=1, code="sealed.epoch")


if __name__ == "__main__":
    unittest.main(verbosity=2)
