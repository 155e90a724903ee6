"""docs/integrator.md is true: its configuration is the defaults, and its commands for a disk work, refusing when the vault does."""
import os
import re
import shlex
import subprocess
import unittest

from life import BIN, TOP, Life

PAGE = (TOP / "docs/integrator.md").read_text()


def block(section, language):
    body = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S).group(1)
    return re.search(rf"^```{language}\n(.*?)^```", body, re.M | re.S).group(1)


class Integrator(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.life = Life()
        cls.life.manufactured()
        cls.life.enrolled()
        cls.life.approved()
        cls.life.operational()

    @classmethod
    def tearDownClass(cls):
        cls.life.remove()

    def test_the_configuration_shown_is_the_default(self):
        shown = block("Configuration", "ini")
        life = self.life
        here = shown.replace("/var/lib/cairn", str(life.state)).replace("tcti =\n", f"tcti = {life.tcti}\n")
        here = here.replace("/sys/kernel/security/tpm0/binary_bios_measurements", str(life.file("boot.log")))
        here = here.replace("/sys/kernel/security/ima/binary_runtime_measurements", str(life.file("ima.log")))
        here = here.replace("/run/cairn/userspace.log", str(life.file("userspace.log")))
        life.file("shown.conf").write_text(here)
        self.assertIn(b"OPERATIONAL", life.run("--config", life.file("shown.conf"), "state").stdout)
        said = life.run("--config", life.file("shown.conf"), "wipe", "plan").stdout.decode()
        self.assertIn("/dev/mmcblk0p3", said)
        source = (TOP / "agent/config_device.c").read_text()
        keys = set(re.findall(r'(?:TEXT|NUMBER)\("[a-z]+", "([a-z_]+)"', source)) | set(re.findall(r"\bAGENT\(([a-z_]+)\)", source)) - {"member"}
        self.assertIn("server", keys)
        self.assertEqual(keys - set(re.findall(r"^([a-z_]+) =", shown, re.M)), set(), "settings that the page does not show")

    def disk(self, line):
        image = shlex.quote(str(self.life.file("new.img")))
        line = line.replace("/dev/mmcblk0p3", image).replace("luksFormat", "luksFormat --disable-locks --pbkdf pbkdf2 --pbkdf-force-iterations 1000")
        line = re.sub(r"cryptsetup open (.*) data", r"cryptsetup open --test-passphrase --disable-locks \1", line)
        cairn = f'cairn() {{ {shlex.quote(str(BIN / "cairn"))} --config {shlex.quote(str(self.life.conf))} "$@"; }}\n'
        return subprocess.run(["bash", "-c", cairn + line], capture_output=True, text=True, check=False)

    def test_the_commands_for_a_disk(self):
        self.life.file("new.img").write_bytes(b"")
        os.truncate(self.life.file("new.img"), 32 << 20)
        create, unlock = block("Keys for your data", "sh").strip().splitlines()
        self.life.boot("sb-uki-tampered-cmdline")
        self.assertNotEqual(self.disk(create).returncode, 0, "a disk was formatted with an empty key")
        self.life.boot()
        for line in [create, unlock]:
            done = self.disk(line)
            self.assertEqual(done.returncode, 0, line + done.stderr)
        self.life.boot("sb-uki-tampered-cmdline")
        self.assertNotEqual(self.disk(unlock).returncode, 0)
        self.life.boot()


if __name__ == "__main__":
    unittest.main(verbosity=2)
