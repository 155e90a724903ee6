"""Every document, truncated, altered, appended to or mistaken for another: refused with a code, and nothing changes."""
import hashlib
import unittest

from life import Life


def digest_of(directory):
    h = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        if path.is_file() and path.name != "lock":
            h.update(path.name.encode() + path.read_bytes())
    return h.hexdigest()


class Documents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.life = Life()
        life = cls.life
        life.manufactured()
        life.enrolled()
        life.approved()
        life.attest("evidence", "now")
        life.check("now")
        life.operational()
        life.ordered()

    @classmethod
    def tearDownClass(cls):
        cls.life.remove()

    def readers(self):
        """Each kind of document and a command that reads it, as a function of the file's path."""
        life, f = self.life, self.life.file
        who = life.who()
        return {
            "root.dsse": lambda p: life.run("receipt", "verify", f("receipt.json"), "--statement", f("statement.dsse"), "--root", p, "--grant",
                                            f("grant.dsse"), want=None),
            "statement.dsse": lambda p: life.run("order", "verify", f("order.dsse"), "--root", f("root.dsse"), "--statement", p, want=None),
            "policy.dsse": lambda p: life.run("policy", "check", "-p", p, f("now.evidence"), "--nonce", f("now.nonce"), *who, want=None),
            "now.evidence": lambda p: life.run("policy", "check", "-p", f("policy.dsse"), p, "--nonce", f("now.nonce"), *who, want=None),
            "now.nonce": lambda p: life.run("policy", "check", "-p", f("policy.dsse"), f("now.evidence"), "--nonce", p, *who, want=None),
            "receipt.json": lambda p: life.run("receipt", "verify", p, *who, "--grant", f("grant.dsse"), want=None),
            "grant.dsse": lambda p: life.run("receipt", "verify", f("receipt.json"), *who, "--grant", p, want=None),
            "manifest.dsse": lambda p: life.here("install", f("grant.dsse"), p, f("grant.bin"), "-o", f("x"), want=None),
            "grant.bin": lambda p: life.here("install", f("grant.dsse"), f("manifest.dsse"), p, "-o", f("x"), want=None),
            "order.dsse": lambda p: life.run("order", "verify", p, *who, want=None),
        }

    def refuse_all(self, alterations):
        before = digest_of(self.life.state)
        for name, read in self.readers().items():
            original = self.life.file(name).read_bytes()
            for what, altered in alterations(original):
                path = self.life.file("altered")
                path.write_bytes(altered)
                path.chmod(0o600)
                done = read(path)
                with self.subTest(document=name, what=what):
                    self.assertIn(done.returncode, (1, 4), done.stdout + done.stderr)
                    self.assertRegex((done.stdout + done.stderr).decode(), r"[a-z]+\.[a-z]+", "a code")
        self.assertEqual(before, digest_of(self.life.state))

    def test_the_documents_as_they_are_pass(self):
        for name, read in self.readers().items():
            if name in ("manifest.dsse", "grant.bin"):
                continue
            with self.subTest(document=name):
                self.assertEqual(read(self.life.file(name)).returncode, 0, read(self.life.file(name)).stderr)

    def test_truncated_documents_are_refused(self):
        self.refuse_all(lambda b: [(f"first {n} bytes", b[:n]) for n in (0, 1, 17, len(b) // 2, len(b) - 2)])

    def test_one_changed_bit_is_refused(self):
        def flips(b):
            for at in (0, 5, len(b) // 7, len(b) // 3, len(b) // 2, 2 * len(b) // 3, len(b) - 20, len(b) - 3):
                altered = bytearray(b)
                altered[at] ^= 1 << (at % 7)
                yield f"bit {at % 7} of byte {at}", bytes(altered)
        self.refuse_all(flips)

    def test_bytes_after_the_end_are_refused(self):
        self.refuse_all(lambda b: [("a byte appended", b + b"\n"), ("twice", b + b)])

    def test_every_document_is_refused_in_the_place_of_every_other(self):
        readers = self.readers()
        for name, read in readers.items():
            for other in readers:
                if other != name:
                    with self.subTest(wanted=name, given=other):
                        done = read(self.life.file(other))
                        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
