"""What integration/ ships calls the programs as they are."""
import configparser
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

from life import BIN, TOP, Life


UNITS = TOP / "integration/systemd"


def unit(name):
    parsed = configparser.RawConfigParser(strict=False)
    parsed.optionxform = str
    parsed.read(UNITS / name)
    return parsed


class Agent(unittest.TestCase):
    def test_the_agent_is_exposed_to_little(self):
        for name, most in [("cairnd.service", 2.0), ("cairn-attest.service", 2.0), ("cairn-install.service", 2.0)]:
            done = subprocess.run(["systemd-analyze", "security", "--offline=yes", str(UNITS / name)], capture_output=True, text=True, check=True)
            exposure = float(re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout).group(1))
            self.assertLessEqual(exposure, most, name)

    def test_every_command_of_a_unit_is_one_of_the_programs(self):
        for path in UNITS.glob("*.service"):
            service = unit(path.name)["Service"]
            for line in [service["ExecStart"], service.get("ExecStartPre", "")]:
                words = shlex.split(line.lstrip("+"))
                if not words:
                    continue
                program = BIN / pathlib.Path(words[0]).name
                verbs = [w for w in words[1:] if not w.startswith("-")] if program.name == "cairn" else []
                done = subprocess.run([program, *verbs, "--help"], capture_output=True, text=True, check=True)
                self.assertIn("usage: " + " ".join([program.name, *verbs]), done.stdout, line)

    def test_the_units_wait_for_the_marks_that_the_agent_makes(self):
        header = (TOP / "agent/spool.h").read_text()
        for what in ["install", "wipe"]:
            mark = re.search(rf'CAIRN_SPOOL_{what.upper()}_READY +"([a-z.]+)"', header).group(1)
            path = unit(f"cairn-{what}.path")
            self.assertEqual(path["Path"]["PathExists"], f"/var/spool/cairn/in/{mark}")
            self.assertEqual(path["Path"]["Unit"], f"cairn-{what}.service")

    def test_user_and_spool_are_made_as_the_agent_needs_them(self):
        root = pathlib.Path(tempfile.mkdtemp(prefix="cairn-root-", dir="/tmp"))
        try:
            (root / "etc").mkdir()
            subprocess.run(["systemd-sysusers", f"--root={root}", UNITS / "cairn.sysusers.conf"], check=True, capture_output=True)
            users = {line.split(":")[0]: line.split(":") for line in (root / "etc/passwd").read_text().splitlines()}
            self.assertEqual(users["cairn"][6], "/usr/sbin/nologin")
            self.assertRegex((root / "etc/group").read_text(), r"(?m)^tss:[^:]*:[0-9]+:(.*,)?cairn")
            subprocess.run(["systemd-tmpfiles", "--create", f"--root={root}", UNITS / "cairn.tmpfiles.conf"], check=True, capture_output=True)
            spool = root / "var/spool/cairn"
            self.assertEqual([(p.name, oct(p.stat().st_mode & 0o777)) for p in sorted([spool, *spool.iterdir()])],
                             [("cairn", "0o755"), ("in", "0o750"), ("out", "0o755")])
            self.assertEqual((spool / "in").stat().st_uid, int(users["cairn"][2]))
            self.assertEqual((spool / "out").stat().st_uid, 0)
        finally:
            shutil.rmtree(root)


class Integration(unittest.TestCase):
    def test_the_unit_runs_cairn_measure_as_it_is(self):
        """The unit's own command line, with this machine's TPM and paths in place of the device's."""
        command = shlex.split(unit("cairn-measure.service")["Service"]["ExecStart"])
        self.assertEqual(command[0], "/usr/bin/cairn-measure")
        life = Life()
        try:
            life.manufactured()
            life.swtpm("reset")
            places = {"/etc/cairn/root.dsse": str(life.file("root.dsse")), "/run/cairn/userspace.log": str(life.file("unit.log")),
                      "device:/dev/tpmrm0": life.tcti}
            argv = [places.pop(word, word) for word in command[1:]]
            self.assertEqual(places, {}, "every place in the unit is one the documentation names")
            life.run(*argv, program=BIN / "cairn-measure")
            self.assertTrue(life.file("unit.log").stat().st_size > 0)
        finally:
            life.remove()


if __name__ == "__main__":
    unittest.main(verbosity=2)
