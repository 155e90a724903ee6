"""docs/operator.md is followed as written: every command of every block, in order, at the place that its mark names."""
import re
import subprocess
import unittest

from handbook import Reader, blocks, commands
from life import BIN, TOP, Life
from served import Served

PAGE = "docs/operator.md"


class Operator(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.life = Life()
        life = cls.life
        life.dir.mkdir(exist_ok=True)
        subprocess.run([TOP / "tests/support/manufacture-swtpm", life.tpm], check=True, capture_output=True, timeout=120)
        life.swtpm("start")
        life.configure()
        (life.dir / "vendor-ca").symlink_to(life.tpm / "ca")
        # What only a device can read, so that a command at the desk which wants it fails.
        cls.desk_conf = life.dir / "no-such-configuration"

    @classmethod
    def tearDownClass(cls):
        cls.life.remove()

    def setUp(self):
        self.reader = Reader(self, PAGE, self.life.dir, {"D": self.life.conf, "P": self.desk_conf}, {"/etc/cairn/root.dsse": "root.dsse"})

    def test_the_page_is_a_whole_life(self):
        said = {}
        booted = False
        served = None
        for section, block in blocks(PAGE):
            if section == "With a server" and served is None:
                self.check_the_first_life(said)
                served = self.serve()
            for text, mark in commands(block):
                self.assertIsNotNone(mark, f"{PAGE} does not say where this runs: {text}")
                self.assertNotIn("...", text)
                if mark == "D" and not booted:
                    self.life.boot(power_cycle=False)
                    booted = True
                said[text] = self.reader.run(text, mark, typed="y\n")
                if text.startswith("cairn enrol challenge"):
                    self.assertIn('serial "T-0001"', said[text])
                if text.startswith("cairn store list"):
                    self.assertIn("luks.key", said[text])
                    self.life.format_disk()
        self.check_the_second_life(said, served)
        self.begin_again()

    def check_the_first_life(self, said):
        shown = [out for text, out in said.items() if text.startswith("cairn certificate show")]
        self.assertEqual(len(shown), 1)
        self.assertRegex(shown[0], r"(?i)grade\W+C")
        self.assertIn("OPERATIONAL", [out for text, out in said.items() if text.startswith("cairn state")][-1])

    def serve(self):
        """The retired device boots once more, for a life with a server: what docs/provisioning-server.md sets up."""
        life = self.life
        life.boot()
        life.state.rename(life.dir / "first")
        served = Served(life)
        self.addCleanup(served.stop)
        served.configure(fleet__policy=life.file("policy.dsse"), provision__key=life.file("provision.key"), provision__manifest=life.file("manifest.dsse"),
                         provision__params=life.file("params.json"), verifier__key=life.file("verifier.key"), verifier__issuer="https://localhost")
        served.start()
        for name, path in [("server-ca.pem", served.dir / "tls.crt"), ("my.token", served.dir / "approver.token"),
                           ("auditor.token", served.dir / "auditor.token")]:
            life.file(name).symlink_to(path)
        life.configure(f"\n[agent]\nserver = {served.url}\nca = {served.dir}/tls.crt\nspool = {life.dir}/spool\n"
                       f"enrolment_token = {served.dir}/enrolee.token\n")
        self.reader.places["https://cairn.example.net:8443"] = served.url
        return served

    def check_the_second_life(self, said, served):
        self.assertTrue(any("compare with the box" in out for text, out in said.items() if text.startswith("fleet approve")))
        actions = [e["action"] for e in served.get("/v1/audit?limit=1000", "auditor").json()["audit"]]
        for action in ["device.enrolled", "device.provisioned", "order.held", "order.resumed", "order.released", "order.cancelled",
                       "device.retired", "device.ticket"]:
            self.assertIn(action, actions)
        fleet = subprocess.run([BIN / "cairn", "--help"], capture_output=True, text=True, check=True).stdout
        page = (TOP / PAGE).read_text()
        for verb in re.findall(r"^  cairn fleet ([a-z]+)", fleet, re.M):
            self.assertRegex(page, rf"\bfleet {verb}\b")

    def begin_again(self):
        """The recipe below the table of refusals."""
        life = self.life
        life.boot()
        life.state.rename(life.dir / "old")
        life.configure()
        life.here("device", "init", life.file("root.dsse"))
        life.enrolled()
        life.grant("again")
        life.install("again")
        self.assertIn(b"OPERATIONAL", life.here("state").stdout)

    def test_every_command_of_the_page_exists(self):
        """Commands named in running text, too."""
        text = (TOP / PAGE).read_text()
        known = subprocess.run([BIN / "cairn", "--help"], capture_output=True, text=True, check=True).stdout
        names = set(re.findall(r"^  cairn ((?:[a-z]+ )?[a-z]+)", known, re.M))
        nouns = {name.split()[0] for name in names}
        for name in re.findall(r"`(?:cairn )?([a-z]+(?: [a-z]+)?)[` ]", text):
            if name.split()[0] in nouns and " " in name:
                self.assertTrue(name in names or name.split()[0] in names, name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
