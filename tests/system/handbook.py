"""A page of docs/ that is followed as written: every command of every ```sh block, in order, at the place that its mark names.

A mark is `# D` (device), `# P` (a person's desk) or `# S` (server) at the end of a command. What a command sets in its shell, the
next one of the same place finds.
"""
import os
import re
import shlex
import subprocess

from life import BIN, TOP


def blocks(page):
    """(the page's headings so far, text) of each fenced shell block."""
    text = (TOP / page).read_text()
    for match in re.finditer(r"^```sh\n(.*?)^```", text, re.M | re.S):
        headings = re.findall(r"^##+ (.*)$", text[:match.start()], re.M)
        yield headings[-1] if headings else "", match.group(1)


def commands(block):
    """(text, mark) of each command: lines that a backslash or a here-document continues are one."""
    lines = iter(block.splitlines())
    for line in lines:
        text = line
        while text.endswith("\\"):
            text += "\n" + next(lines)
        if "<<END" in text:
            while not text.endswith("\nEND"):
                text += "\n" + next(lines)
        mark = re.search(r"\s# ([DPS])(?=[:,\n]|$)", text)
        yield text, mark and mark.group(1)


class Reader:
    """Runs commands. `places` maps a text of the page to what it is on this machine; `configurations` a mark to cairn's."""

    def __init__(self, test, page, directory, configurations, places):
        self.test, self.page, self.dir = test, page, directory
        self.configurations, self.places = configurations, places
        self.prelude = ""

    def run(self, text, mark, typed=""):
        script = text
        for old, new in self.places.items():
            script = script.replace(old, str(new))
        kept = shlex.quote(str(self.dir / f".shell.{mark}"))
        cairn = shlex.quote(str(BIN / "cairn"))
        prelude = (f'[ ! -e {kept} ] || . {kept}\ncairn() {{ {cairn} --config {shlex.quote(str(self.configurations[mark]))} "$@"; }}\n{self.prelude}')
        keep = f"\n{{ declare -f; declare -p | grep -E '^declare -- [a-z]+='; }} >{kept} || true\n"
        env = dict(os.environ, TMPDIR=str(self.dir), PATH=f"{BIN}:{os.environ['PATH']}")
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", prelude + script + keep], cwd=self.dir, env=env, input=typed, capture_output=True,
                              text=True, timeout=120, check=False)
        self.test.assertEqual(done.returncode, 0, f"{self.page}: {text}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr
