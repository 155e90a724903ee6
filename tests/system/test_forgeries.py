"""What the genuine AK can be made to sign, put into a genuine certificate: refused by all three verifiers.

A restricted key signs any text that does not begin as the TPM's own structures do (TPM2_Hash, TPM2_Sign), and quotes anything. The AK of
a retired device is re-derived with tpm2-tools, as root on it could at any time.
"""
import base64
import hashlib
import json
import subprocess
import unittest

from life import BIN, TOP, Life

TYPE = b"application/vnd.cairn.certificate.v1+json"


class Forgeries(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.life = Life()
        life = cls.life
        life.manufactured()
        life.enrolled()
        life.approved()
        life.operational()
        life.ordered()
        life.wipe()
        cls.genuine = json.loads((life.out / "certificate.json").read_text())
        cls.attest = base64.b64decode(cls.genuine["tpm"][0]["attest"])
        payload = base64.b64decode(cls.genuine["payload"])
        cls.digest = hashlib.sha256(b"DSSEv1 %d %s %d %s" % (len(TYPE), TYPE, len(payload), payload)).digest()
        cls.derive_ak("e", "ak.ctx")

    @classmethod
    def tearDownClass(cls):
        cls.life.remove()

    @classmethod
    def tool(cls, *argv, check=True):
        done = subprocess.run([*map(str, argv), "-T", cls.life.tcti], cwd=cls.life.dir, capture_output=True, check=False)
        if check and done.returncode != 0:
            raise AssertionError(done.stderr.decode())
        return done

    @classmethod
    def derive_ak(cls, hierarchy, name):
        statement = json.loads(base64.b64decode(json.loads(cls.life.file("statement.dsse").read_text())["payload"]))
        size = (32).to_bytes(2, "little")
        cls.life.file("unique").write_bytes(size + bytes.fromhex(statement["fleet"]) + bytes(96) + size + bytes(128))
        cls.tool("tpm2_createprimary", "-Q", "-C", hierarchy, "-G", "ecc256:ecdsa-sha256:null", "-u", "unique", "-c", name, "-a",
                 "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|sign")
        cls.tool("tpm2_flushcontext", "-t")

    def refused(self, attest, signature, code):
        forged = dict(self.genuine, tpm=[{"attest": base64.b64encode(attest).decode(), "signature": base64.b64encode(signature).decode()}])
        path = self.life.file("forged.json")
        path.write_text(json.dumps(forged, sort_keys=True, separators=(",", ":")) + "\n")
        root = self.life.file("root.dsse")
        self.life.verify(path, want=1, code=code)
        self.life.run(path, "--root", root, program=BIN / "cairn-verify", want=1, code=code)
        self.life.run(path, root, program=TOP / "scripts/verify-with-stock-tools", want=1, code=code)

    def sign(self, text, key="ak.ctx"):
        """TPM2_Hash and TPM2_Sign; None when the TPM will not."""
        self.life.file("text").write_bytes(text)
        self.tool("tpm2_hash", "-C", "e", "-g", "sha256", "-t", "ticket", "-o", "digest", "text")
        done = self.tool("tpm2_sign", "-c", key, "-g", "sha256", "-s", "ecdsa", "-d", "-t", "ticket", "-o", "sig", "digest", check=False)
        self.tool("tpm2_flushcontext", "-t")
        return self.life.file("sig").read_bytes() if done.returncode == 0 else None

    def test_the_genuine_certificate_passes_all_three(self):
        self.life.verify()
        self.life.run(self.life.out / "certificate.json", *self.life.roots(), program=BIN / "cairn-verify")
        self.life.run(self.life.out / "certificate.json", self.life.file("root.dsse"), program=TOP / "scripts/verify-with-stock-tools")

    def test_a_text_that_only_looks_like_an_attestation(self):
        text = b"\x00TCG" + self.attest[4:]
        self.refused(text, self.sign(text), "attestation.magic")

    def test_the_tpm_itself_refuses_to_sign_a_text_with_the_magic(self):
        self.assertIsNone(self.sign(self.attest))

    def test_a_quote_over_the_certificate_in_place_of_the_session_audit(self):
        self.tool("tpm2_quote", "-Q", "-c", "ak.ctx", "-l", "sha256:0", "-q", self.digest.hex(), "-m", "quote", "-s", "quote.sig")
        self.tool("tpm2_flushcontext", "-t")
        self.refused(self.life.file("quote").read_bytes(), self.life.file("quote.sig").read_bytes(), "attestation.type")

    def test_a_signature_by_the_same_template_under_the_owner_hierarchy(self):
        self.derive_ak("o", "owner.ctx")
        text = b"\x00TCG" + self.attest[4:]
        self.refused(self.attest, self.sign(text, "owner.ctx"), "attestation.signature")

    def test_the_attestation_of_another_wipe(self):
        """The same AK, another certificate: its attestation is genuine, but not over this payload."""
        payload = bytearray(base64.b64decode(self.genuine["payload"]))
        at = payload.index(b'"made":') + len(b'"made":')
        payload[at] ^= 3
        forged = dict(self.genuine, payload=base64.b64encode(bytes(payload)).decode())
        path = self.life.file("forged.json")
        path.write_text(json.dumps(forged, sort_keys=True, separators=(",", ":")) + "\n")
        self.life.verify(path, want=1, code="attestation.extra")
        self.life.run(path, *self.life.roots(), program=BIN / "cairn-verify", want=1, code="attestation.extra")
        self.life.run(path, self.life.file("root.dsse"), program=TOP / "scripts/verify-with-stock-tools", want=1, code="attestation.extra")


if __name__ == "__main__":
    unittest.main(verbosity=2)
