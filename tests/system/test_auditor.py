"""docs/auditor.md is followed as written: every command block, in order, on a real certificate and its retired device."""
import os
import re
import shutil
import subprocess
import unittest

from life import BIN, TOP, Life


def blocks(section):
    """The fenced blocks of one section of the auditor's page."""
    text = (TOP / "docs/auditor.md").read_text()
    body = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", text, re.M | re.S).group(1)
    return re.findall(r"^```\n(.*?)^```", body, re.M | re.S)


class Auditor(unittest.TestCase):
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
        cls.work = life.dir / "auditor"
        cls.work.mkdir()
        life.run("certificate", "countersign", life.out / "certificate.json", *life.roots(), "--key", life.file("verifier.key"), "-o",
                 cls.work / "certificate.json")
        shutil.copy(life.file("root.dsse"), cls.work)

    @classmethod
    def tearDownClass(cls):
        cls.life.remove()

    def bash(self, script):
        env = dict(os.environ, PATH=f"{BIN}:{os.environ['PATH']}", TPM2TOOLS_TCTI=self.life.tcti)
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=self.work, env=env, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_the_three_judges(self):
        for line in blocks("Three judges")[0].strip().splitlines():
            self.bash(line.replace("scripts/", f"{TOP}/scripts/"))

    def test_by_hand_and_the_live_challenge(self):
        said = self.bash("\n".join(blocks("By hand")))
        self.assertEqual(said.count("Verified OK"), 4, said)
        digests = re.findall(r"^[0-9a-f]{64}$", said, re.M)
        self.assertEqual(digests[-1], digests[-2], "the audit digest is the one that was signed")
        self.assertIn("alice", said)
        self.assertIn("bob", said)
        self.assertIn("verifier.holder", said)
        self.bash("fleet=$(sha256sum <root.payload | cut -d' ' -f1)\n" + "\n".join(blocks("The live challenge")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
