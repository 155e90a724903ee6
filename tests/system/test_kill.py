"""After the kill no copy of the vault opens on that TPM; after Clear neither, and not the disk restored from before."""
import os
import shutil
import subprocess
import unittest

from life import BIN, Life, kill_hard


class Kill(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.life = Life()
        cls.life.manufactured()
        cls.life.enrolled()
        cls.life.approved()
        cls.life.operational()
        cls.life.ordered()
        cls.life.snapshot("ordered")

    @classmethod
    def tearDownClass(cls):
        cls.life.remove()

    def setUp(self):
        self.life.restore("ordered")

    def put_back(self, saved):
        shutil.rmtree(self.life.state)
        shutil.copytree(saved, self.life.state)

    def test_the_state_and_the_disk_of_before_do_not_open_after_the_wipe(self):
        life = self.life
        key = life.here("store", "get", "luks.key").stdout
        self.assertTrue(life.disk_opens(key))
        saved = life.dir / "saved"
        shutil.copytree(life.state, saved)
        shutil.copy(life.file("disk.img"), life.file("disk.saved"))
        life.wipe()
        life.verify()
        self.assertFalse(life.disk_opens(key), "the wiped disk still opens")
        self.put_back(saved)
        shutil.copy(life.file("disk.saved"), life.file("disk.img"))
        done = life.here("store", "get", "luks.key", want=None)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, b"")
        life.boot()
        done = life.here("store", "get", "luks.key", want=None)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, b"")

    def test_a_copy_of_the_state_does_not_open_between_kill_and_clear(self):
        """The run is stopped as soon as the kill receipt stands; nothing has been cleared yet."""
        life = self.life
        saved = life.dir / "saved"
        shutil.copytree(life.state, saved)
        process = life.start("wipe", "run", life.file("order.dsse"), "--here", "--out", life.out)
        while process.poll() is None and not (life.out / "kill.json").exists():
            pass
        kill_hard(process)
        shutil.copytree(life.state, life.dir / "interrupted")
        self.put_back(saved)
        done = life.here("store", "get", "luks.key", want=None)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, b"")
        self.put_back(life.dir / "interrupted")
        life.boot()
        life.here("wipe", "resume")
        life.verify()

    def test_a_consumer_is_stopped_before_the_kill(self):
        life = self.life
        life.configure(f"consumer = pid-file:{life.file('consumer.pid')}\n")
        consumer = subprocess.Popen(["sleep", "600"])
        life.file("consumer.pid").write_text(f"{consumer.pid}\n")
        life.wipe()
        self.assertIsNotNone(consumer.poll(), "the consumer is still alive")
        life.verify()

    def test_a_consumer_that_does_not_stop_refuses_the_wipe(self):
        life = self.life
        life.configure(f"consumer = pid-file:{life.file('consumer.pid')}\n")
        consumer = subprocess.Popen(["sh", "-c", "trap '' TERM; while :; do sleep 1; done"])
        life.file("consumer.pid").write_text(f"{consumer.pid}\n")
        try:
            life.wipe(want=6, code="wipe.consumer.alive")
        finally:
            kill_hard(consumer)
        life.here("wipe", "resume")
        life.verify()

    def test_a_wipe_cut_anywhere_is_resumed_to_a_certificate(self):
        """Power is cut at growing delays until a run ends without being reached."""
        life = self.life
        delay, step, cuts = 0.02, 0.12, 0
        while True:
            process = life.start("wipe", "run", life.file("order.dsse"), "--here", "--out", life.out)
            try:
                process.wait(timeout=delay)
                break
            except subprocess.TimeoutExpired:
                cuts += 1
                kill_hard(process)
            life.boot()
            journal_before = sorted(os.listdir(life.state))
            done = life.here("wipe", "resume", want=None)
            if done.returncode != 0:
                self.assertIn(b"wipe.none", done.stderr, f"cut after {delay}: {journal_before}\n{done.stderr.decode()}")
                life.wipe()
            life.verify()
            life.run(life.out / "certificate.json", *life.roots(), program=BIN / "cairn-verify")
            life.restore("ordered")
            delay += step
        self.assertGreater(cuts, 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
