"""What people get wrong at the command line: one sentence, the right exit status, and no file left behind."""
import os
import unittest

from life import Life

WHO = ["--statement", "statement.dsse", "--root", "root.dsse"]
GRANT = ["grant", "new", "grant.request", "--nonce", "grant.nonce", "--evidence", "grant-evidence.evidence", "--evidence-nonce",
         "grant-evidence.nonce", "-p", "policy.dsse", *WHO, "--params", "params.json", "--manifest", "manifest.dsse"]
CHALLENGE = ["enrol", "challenge", "e.request", "--root", "root.dsse", "--ca", "tpm/ca"]
CHECK = ["policy", "check", "-p", "policy.dsse", "golden.evidence", "--nonce"]
ORDER = ["order", "create", *WHO, "--receipt", "receipt.json", "--reason", "end of life"]

# (exit status, what the sentence says, command)
DESK = [
    (2, "there is no command \"stat\"", ["stat"]),
    (2, "cairn policy --help", ["policy", "chek"]),
    (2, "needs a verb", ["wipe"]),
    (2, "no option --rol", ["key", "new", "--rol", "root"]),
    (2, "-o is needed", ["key", "new", "--role", "root", "--holder", "a"]),
    (2, "boss is no role", ["key", "new", "--role", "boss", "--holder", "a", "-o", "a.key"]),
    (1, "key.exists", ["key", "new", "--role", "root", "--holder", "a", "-o", "root.key"]),
    (8, "file.dir", ["key", "new", "--role", "root", "--holder", "a", "-o", "nowhere/a.key"]),
    (8, "is a directory", ["key", "new", "--role", "root", "--holder", "a", "-o", "tpm"]),
    (1, "root.role.missing", ["root", "new", "--class", "c", "--key", "root.pub", "-o", "r.json"]),
    (8, "nope.pub", ["root", "new", "--class", "c", "--key", "nope.pub", "-o", "r.json"]),
    (1, "root.signer", ["root", "sign", "root.json", "--key", "enrol.key", "-o", "r.dsse"]),
    (1, "key.public", ["root", "sign", "root.json", "--key", "root.pub", "-o", "r.dsse"]),
    (1, "dsse.signed", ["root", "sign", "root.dsse", "--key", "root.key", "-o", "r.dsse"]),
    (1, "root.json: not a signed document", ["root", "show", "root.json"]),
    (8, "config.absent", ["--config", "nope.conf", "state"]),
    (2, "--pending is needed", [*CHALLENGE, "-o", "c"]),
    (8, "file.dir", [*CHALLENGE, "--pending", "p", "-o", "nowhere/c"]),
    (8, "file.dir", [*CHALLENGE, "--pending", "nowhere/p", "-o", "c"]),
    (2, "ca.empty", ["enrol", "challenge", "e.request", "--root", "root.dsse", "--ca", ".", "--pending", "p", "-o", "c"]),
    (1, "statement.dsse: enrolment request", ["enrol", "challenge", "statement.dsse", "--root", "root.dsse", "--ca", "tpm/ca", "--pending", "p"]),
    (2, "learn, evidence or grant", ["nonce", "new", *WHO, "--purpose", "look", "--pcrs", "0", "-o", "n"]),
    (2, "pcr.selection", ["nonce", "new", *WHO, "--purpose", "learn", "--pcrs", "0-30", "-o", "n"]),
    (1, "dsse.type", ["nonce", "new", "--statement", "root.dsse", "--root", "statement.dsse", "--purpose", "learn", "--pcrs", "0", "-o", "n"]),
    (1, "document.nonce", [*CHECK, "grant-evidence.nonce", *WHO, "-o", "a.json"]),
    (1, "nonce.purpose", [*CHECK, "golden.nonce", *WHO, "-o", "a.json"]),
    (2, "--nonce is needed", ["policy", "check", "-p", "policy.dsse", "golden.evidence", *WHO]),
    (1, "approval.signer", ["policy", "approve", "policy.dsse", "--root", "root.dsse", "--floor", "1", "--key", "policy.key", "-o", "x"]),
    (2, "--floor", ["policy", "approve", "policy.dsse", "--root", "root.dsse", "--floor", "one", "--key", "pcrpolicy.key", "-o", "x"]),
    (2, "policy explain", ["policy", "explain", "no.such.code"]),
    (1, "root.json: policy", ["policy", "sign", "root.json", "--key", "policy.key", "-o", "x"]),
    (1, "grant.signer", [*GRANT, "--key", "release.key", "--assets", "a.bin", "-o", "g"]),
    (8, "file.dir", [*GRANT, "--key", "provision.key", "--assets", "a.bin", "-o", "nowhere/g"]),
    (2, "--assets is needed", [*GRANT, "--key", "provision.key", "-o", "g"]),
    (2, "--holds is needed", [*ORDER, "-o", "o"]),
    (1, "order.holds", [*ORDER, "--holds", "some", "-o", "o"]),
    (1, "order.json: not a signed document", ["order", "verify", "order.json", "--root", "root.dsse"]),
    (1, "order.holders", ["order", "verify", "order.1.dsse", "--root", "root.dsse"]),
    (1, "order.dsse: the file holds", ["certificate", "verify", "order.dsse", "--root", "root.dsse"]),
    (2, "one argument too many", ["certificate", "verify", "order.dsse", "root.dsse", "--root", "root.dsse"]),
]
DEVICE = [
    (2, "nonce.required", ["attest"]),
    (8, "nope.nonce", ["attest", "--nonce", "nope.nonce"]),
    (1, "cairn grant request", ["attest", "--nonce", "grant.nonce", "-o", "x"]),
    (1, "cairn attest", ["grant", "request", "--nonce", "golden.nonce", "-o", "x"]),
    (1, "enrolment.other", ["enrol", "request", "-o", "x"]),
    (1, "the manifest: ", ["install", "manifest.dsse", "grant.dsse", "grant.bin", "-o", "x"]),
    (2, "1 more argument", ["install", "grant.dsse", "manifest.dsse"]),
    (8, "file.dir", ["install", "grant.dsse", "manifest.dsse", "grant.bin", "-o", "nowhere/x"]),
    (1, "there is no parameter \"nope\"", ["store", "get", "nope"]),
    (2, "1 more argument", ["store", "get"]),
    (2, "params.name", ["store", "get", "No Name"]),
    (1, "store.scope", ["store", "remove", "luks.key"]),
    (2, "--out is needed", ["wipe", "run", "order.dsse", "--here"]),
    (2, "wipe.here", ["wipe", "run", "order.dsse", "--out", "retired"]),
    (1, "the order: not a signed document", ["wipe", "run", "order.json", "--here", "--out", "retired"]),
    (1, "order.holders", ["wipe", "run", "order.1.dsse", "--here", "--out", "retired"]),
    (8, "nope.dsse", ["wipe", "run", "nope.dsse", "--here", "--out", "retired"]),
    (1, "wipe.none", ["wipe", "resume"]),
]


class Mistakes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.life = Life()
        cls.life.manufactured()
        cls.life.enrolled()
        cls.life.approved()
        cls.life.operational()
        cls.life.ordered()
        cls.was = os.getcwd()
        os.chdir(cls.life.dir)

    @classmethod
    def tearDownClass(cls):
        os.chdir(cls.was)
        cls.life.remove()

    def mistake(self, run, want, says, argv):
        before = sorted(os.listdir("."))
        done = run(*argv, want=want, code=says)
        said = done.stderr.decode()
        self.assertEqual(said.count("\n"), 1, said)
        self.assertRegex(said, r"^cairn: [a-z0-9.]+: .+\n$")
        self.assertEqual(done.stdout, b"")
        self.assertEqual(sorted(os.listdir(".")), before)

    def test_at_a_desk(self):
        for want, says, argv in DESK:
            with self.subTest(" ".join(argv)):
                self.mistake(self.life.run, want, says, argv)

    def test_on_the_device(self):
        for want, says, argv in DEVICE:
            with self.subTest(" ".join(argv)):
                self.mistake(self.life.here, want, says, argv)

    def test_a_device_with_another_tpm_none_or_nothing_configured(self):
        configuration = self.life.conf.read_text()
        try:
            for old, new, want, says in [("swtpm:path", "swtmp:path", 7, "tpm.absent"), ("tcti", "tctj", 2, "config.key"),
                                         ("[tpm]", "[tpm]\nowner_auth_file = /nowhere/auth", 8, "auth file")]:
                self.life.conf.write_text(configuration.replace(old, new, 1))
                self.mistake(self.life.here, want, says, ["state"])
        finally:
            self.life.conf.write_text(configuration)
        self.life.run("--config", "nope.conf", "doctor", want=None, code="config.absent")

    def test_help_is_no_mistake(self):
        for argv in [["--help"], ["help"], ["wipe", "--help"], ["wipe", "run", "--help"]]:
            done = self.life.run(*argv)
            self.assertIn(b"cairn wipe run", done.stdout)
            self.assertEqual(done.stderr, b"")

    def test_what_is_not_there_yet_is_said(self):
        self.assertNotIn(b"MANUFACTURED", self.life.here("device", "init", "root.dsse").stdout)


class Ended(unittest.TestCase):
    def test_nothing_is_made_again_on_a_retired_device(self):
        life = Life()
        try:
            life.manufactured()
            life.enrolled()
            life.approved()
            life.operational()
            life.ordered()
            life.wipe()
            life.here("device", "init", life.file("root.dsse"), want=1, code="state.life")
            life.here("wipe", "run", life.file("order.dsse"), "--here", "--out", life.file("again"), want=1, code="wipe.retired")
            self.assertFalse(life.file("again").exists())
        finally:
            life.remove()


if __name__ == "__main__":
    unittest.main(verbosity=2)
