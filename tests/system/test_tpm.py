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

    def with_auth_file(self, hierarchy, value):
        path = self.life.file(f"{hierarchy}.auth")
        path.write_text(value)
        path.chmod(0o600)
        text = self.life.conf.read_text()
        self.life.conf.write_text(text.replace("[boot]", f"{hierarchy}_auth_file = {path}\n\n[boot]"))

    def test_a_taken_tpm_says_so_and_its_auth_value_from_a_file_lets_the_wipe_go_on(self):
        life = self.life
        life.ordered()
        self.tool("tpm2_changeauth", "-c", "owner", "taken")
        life.wipe(want=7, code="tpm.taken")
        self.with_auth_file("owner", "taken")
        life.here("wipe", "resume")
        life.verify()

    def test_a_lockout_auth_that_is_not_configured_is_noticed_before_anything_is_done_and_never_guessed(self):
        life = self.life
        life.ordered()
        self.tool("tpm2_changeauth", "-c", "lockout", "locked")
        life.here("wipe", "plan", life.file("order.dsse"), "-o", life.file("plan.json"), want=None)
        life.wipe(want=1, code="order.grade")
        self.assertEqual(life.here("store", "get", "api.token").stdout, b"a token", "nothing was done")
        self.with_auth_file("lockout", "locked")
        life.wipe()
        life.verify()

    def test_a_tpm_in_lockout_still_opens_the_vault_and_can_be_wiped(self):
        """Nothing of Cairn's counts towards lockout, and nothing of it is stopped by one."""
        life = self.life
        self.tool("tpm2_createprimary", "-C", "o", "-p", "right", "-c", str(life.file("da.ctx")))
        self.tool("tpm2_flushcontext", "-t")
        for _ in range(4):
            subprocess.run(["tpm2_create", "-T", life.tcti, "-C", str(life.file("da.ctx")), "-P", "wrong", "-u", "/dev/null"], capture_output=True, check=False)
            self.tool("tpm2_flushcontext", "-t")
        self.assertEqual(life.here("store", "get", "api.token").stdout, b"a token")
        life.ordered()
        life.wipe()
        life.verify()

    def test_objects_left_behind_by_others_do_not_stop_it(self):
        life = self.life
        for _ in range(3):
            self.tool("tpm2_createprimary", "-C", "o", "-c", str(life.file("left.ctx")))
        self.assertEqual(life.here("store", "get", "api.token").stdout, b"a token")


if __name__ == "__main__":
    unittest.main(verbosity=2)
