"""The TPM is absent, replaced, taken, locked out or out of handles: each gets its own code, and no state is lost."""
import subprocess
import unittest

from life import SUPPORT, Life


class Tpm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.life = Life()
        cls.life.manufactured()
        cls.life.enrolled()
        cls.life.approved()
        cls.life.operational()
        cls.life.snapshot("operational")

    @classmethod
    def tearDownClass(cls):
        cls.life.remove()

    def setUp(self):
        self.life.restore("operational")

    def tool(self, name, *argv):
        subprocess.run([name, "-T", self.life.tcti, *argv], check=True, capture_output=True)

    def test_a_tpm_that_is_absent(self):
        life = self.life
        life.swtpm("stop")
        life.here("store", "get", "api.token", want=7, code="tpm.absent")
        life.here("doctor", want=7, code="tpm.absent")
        life.swtpm("start")
        life.boot(power_cycle=False)
        self.assertEqual(life.here("store", "get", "api.token").stdout, b"a token")

    def test_another_tpm_in_its_place(self):
        life = self.life
        other = life.dir / "other"
        subprocess.run([SUPPORT / "manufacture-swtpm", other], check=True, capture_output=True, timeout=120)
        life.swtpm("stop")
        life.tpm.rename(life.dir / "tpm.own")
        other.rename(life.tpm)
        life.swtpm("start")
        life.boot(power_cycle=False)
        done = life.here("store", "get", "api.token", want=7, code="tpm.")
        self.assertEqual(done.stdout, b"")

    def test_a_cleared_tpm_opens_nothing(self):
        self.tool("tpm2_clear")
        done = self.life.here("store", "get", "api.token", want=None)
        self.assertIn(done.returncode, (1, 7))
        self.assertEqual(done.stdout, b"")

    def test_a_replaced_root_is_another_boot_and_is_refused(self):
        life = self.life
        (life.state / "root.dsse").write_bytes(life.file("statement.dsse").read_bytes())
        life.here("store", "get", "api.token", want=1, code="dsse.type")

    def test_missing_anchors_are_state_lost_and_never_a_fresh_device(self):
        life = self.life
        for index in ("0x01800101", "0x01800102"):
            self.tool("tpm2_nvundefine", index)
        life.here("store", "get", "api.token", want=1, code="state.lost")
        life.here("install", life.file("grant.dsse"), life.file("manifest.dsse"), life.file("grant.bin"), "-o", life.file("x"), want=1, code="state.lost")
        life.here("store", "set", "x.y", stdin=b"1", want=1, code="state.lost")
        life.here("doctor", want=None)
        life.ordered()
        life.wipe()
        life.verify()

    def test_an_older_disk_fails_closed(self):
        import shutil
        life = self.life
        shutil.copytree(life.state, life.dir / "old")
        life.here("store", "set", "site.note", stdin=b"new")
        shutil.rmtree(life.state)
        shutil.copytree(life.dir / "old", life.state)
        life.here("store", "get", "api.token", want=1, code="state.lost")

    def test_the_tampered_boot_opens_nothing_and_the_good_one_does(self):
        life = self.life
        life.boot("sb-uki-tampered-cmdline")
        life.here("store", "get", "api.token", want=1, code="vault.boot")
        life.boot()
        self.assertEqual(life.here("store", "get", "api.token").stdout, b"a token")


if __name__ == "__main__":
    unittest.main(verbosity=2)
