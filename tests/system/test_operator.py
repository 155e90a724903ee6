"""docs/operator.md is followed as written: every command of every block, in order, at the place that its mark names."""
import os
import re
import shlex
import subprocess
import unittest

from life import BIN, TOP, Life

PAGE = "docs/operator.md"


def blocks():
    """The fenced shell blocks of the operator's page."""
    return re.findall(r"^```sh\n(.*?)^```", (TOP / PAGE).read_text(), re.M | re.S)


def commands(block):
    """(text, mark) of each command: lines that a backslash or a here-document continues are one; the mark is its `# D` or `# P`."""
    lines = iter(block.splitlines())
    for line in lines:
        text = line
        while text.endswith("\\"):
            text += "\n" + next(lines)
        if "<<END" in text:
            while not text.endswith("\nEND"):
                text += "\n" + next(lines)
        mark = re.search(r"\s# ([DP])(?=[:,\n]|$)", text)
        yield text, mark and mark.group(1)


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

    def bash(self, text, mark):
        conf = self.life.conf if mark == "D" else self.desk_conf
        cairn = f'cairn() {{ {shlex.quote(str(BIN / "cairn"))} --config {shlex.quote(str(conf))} "$@"; }}\n'
        script = cairn + text.replace("/etc/cairn/root.dsse", "root.dsse")
        env = dict(os.environ, TMPDIR=str(self.life.dir))
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=self.life.dir, env=env, capture_output=True, text=True, timeout=120,
                              check=False)
        self.assertEqual(done.returncode, 0, f"{PAGE}: {text}\n{done.stdout}{done.stderr}")
        return done.stdout

    def test_the_page_is_a_whole_life(self):
        said = {}
        booted = False
        for block in blocks():
            for text, mark in commands(block):
                self.assertIsNotNone(mark, f"{PAGE} does not say where this runs: {text}")
                self.assertNotIn("...", text)
                if mark == "D" and not booted:
                    self.life.boot(power_cycle=False)
                    booted = True
                said[text] = self.bash(text, mark)
                if text.startswith("cairn enrol challenge"):
                    self.assertIn('serial "T-0001"', said[text])
                if text.startswith("cairn store list"):
                    self.assertIn("luks.key", said[text])
                    self.life.format_disk()
        shown = [out for text, out in said.items() if text.startswith("cairn certificate show")]
        self.assertEqual(len(shown), 1)
        self.assertRegex(shown[0], r"(?i)grade\W+C")
        self.begin_again()
        self.assertIn("OPERATIONAL", [out for text, out in said.items() if text.startswith("cairn state")][-1])

    def begin_again(self):
        """The recipe below the table of refusals."""
        life = self.life
        life.boot()
        life.state.rename(life.dir / "old")
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
