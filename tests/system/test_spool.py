"""From the server through the spool to the TPM and back: a grant, an order, and files that somebody else put there."""
import fcntl
import json
import os
import pathlib
import signal
import time
import unittest

from agent_life import Agent, wait_for
from fake_server import FakeServer, canonical
from life import kill_hard


class HandOver(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.life = life = Agent()
        life.manufactured()
        cls.server = FakeServer(life)
        life.serve(cls.server)
        life.here("enrol", "online", "--wait", "20")
        life.approved()
        life.manifest()
        cls.snapshots = 0
        life.once()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.life.remove()

    def test_1_nothing_waits(self):
        self.assertIn(b"nothing waits", self.life.here("spool", "install").stdout)
        self.assertIn(b"no order waits", self.life.here("spool", "wipe").stdout)

    def test_2_files_that_are_no_files_or_nonsense_are_refused_once(self):
        life, ready = self.life, self.life.inside("install.ready")
        hostile = {"link": lambda p: p.symlink_to("/etc/passwd"), "fifo": os.mkfifo, "directory": os.mkdir, "large": lambda p: p.write_bytes(b"x" * (2 << 20)),
                   "nonsense": lambda p: p.write_bytes(b"{}"), "empty": lambda p: p.write_bytes(b"")}
        codes = {"link": "file.read", "fifo": "file.read", "directory": "file.read", "large": "file.large", "nonsense": "json.", "empty": "json."}
        for name, make in hostile.items():
            with self.subTest(kind=name):
                for other in ["manifest.dsse", "assets.bin"]:
                    life.inside(other).write_bytes(b"{}")
                make(life.inside("grant.dsse"))
                if name in ("nonsense", "empty"):
                    life.inside("manifest.dsse").write_bytes(life.file("manifest.dsse").read_bytes())
                ready.write_text("ready\n")
                life.here("spool", "install", want=1, code=codes[name])
                self.assertFalse(ready.exists(), "it is not tried again")
                self.assertIn(codes[name], json.loads(life.outside("install.failed").read_bytes())["code"])
                self.assertTrue(os.path.lexists(life.inside("grant.dsse.refused")))
                self.assertIn(codes[name], life.inside("grant.dsse.reason").read_text())
                refused = life.inside("grant.dsse.refused")
                refused.rmdir() if name == "directory" else refused.unlink()
        self.assertTrue(pathlib.Path("/etc/passwd").exists())

    def test_3_a_spool_that_others_own_is_refused(self):
        self.life.spool.chmod(0o777)
        try:
            self.life.here("spool", "install", want=1, code="spool.owner")
        finally:
            self.life.spool.chmod(0o755)

    def test_4_a_grant_is_fetched_installed_after_cuts_and_its_receipt_delivered(self):
        life, server = self.life, self.server
        server.grant, server.seen = True, []
        life.once()
        self.assertEqual([s["path"] for s in server.seen], ["/v1/evidence", "/v1/evidence", "/v1/nonce", "/v1/grant"])
        self.assertTrue(life.inside("install.ready").exists())
        server.seen = []
        life.once()
        self.assertEqual([s["path"] for s in server.seen], ["/v1/evidence"], "one grant at a time")
        self.install_with_cuts()
        server.grant, server.seen = False, []
        life.once()
        self.assertEqual([s["path"] for s in server.seen], ["/v1/receipt", "/v1/evidence"])
        life.run("receipt", "verify", life.file("receipt.json"), *life.who(), "--grant", life.file("fake.grant"))

    def install_with_cuts(self):
        """Killed later and later, and run again each time. A cut within the first provisioning costs the grant: a new one is fetched."""
        life, cuts = self.life, 0
        for delay in [0.01, 0.03, 0.05, 0.08, 0.12, 0.18, 0.3]:
            process = life.start("spool", "install")
            time.sleep(delay)
            if process.poll() is None:
                kill_hard(process)
                cuts += 1
        self.assertGreater(cuts, 0)
        for _ in range(4):
            if b"OPERATIONAL" in life.here("state", want=None).stdout and not life.inside("install.ready").exists():
                break
            if not life.inside("install.ready").exists():
                self.assertIn("grant.epoch", life.inside("grant.dsse.reason").read_text())
                life.once()
                self.assertTrue(life.inside("install.ready").exists(), "a new grant")
            done = life.here("spool", "install", want=None)
            self.assertTrue(done.returncode == 0 or b"grant.epoch" in done.stderr, done.stderr)
        self.assertFalse(life.inside("install.ready").exists())
        self.assertFalse(life.outside("install.failed").exists())
        self.assertIn("OPERATIONAL", life.here("state").stdout.decode())

    def test_5_another_cairn_at_work_is_waited_for(self):
        self.life.inside("install.ready").write_text("ready\n")
        self.life.inside("grant.dsse").write_text("{}")
        with open(self.life.state / "lock", "r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.life.here("spool", "install", want=6, code="state.busy")
        self.assertTrue(self.life.inside("install.ready").exists(), "nothing is lost")
        self.life.here("spool", "install", want=1)

    def test_6_an_order_of_strangers_is_not_handed_over(self):
        life, server = self.life, self.server
        life.format_disk()
        life.ordered()
        bent = json.loads(life.file("order.dsse").read_bytes())
        bent["signatures"] = bent["signatures"][:1]
        server.order = canonical(bent)
        life.once(want=1, code="order.holders")
        self.assertFalse(life.inside("wipe.ready").exists())
        life.inside("order.dsse").write_bytes(canonical(bent))  # somebody on the device does it himself
        life.inside("wipe.ready").write_text("ready\n")
        life.here("spool", "wipe", want=1, code="order.holders")
        self.assertFalse(life.inside("wipe.ready").exists())
        self.assertTrue(life.inside("order.dsse.refused").exists())
        self.assertIn("order.holders", life.outside("wipe.failed").read_text())
        self.assertIn("OPERATIONAL", life.here("state").stdout.decode())

    def test_6b_another_order_than_the_one_announced_is_not_handed_over(self):
        life, server = self.life, self.server
        server.order, server.sent_order = life.file("order.dsse").read_bytes(), None
        life.ordered()
        self.assertNotEqual(life.file("order.dsse").read_bytes(), server.order)
        server.sent_order = life.file("order.dsse").read_bytes()
        try:
            life.once(want=9, code="reply.order")
            self.assertFalse(life.inside("wipe.ready").exists())
        finally:
            server.sent_order = None

    def test_7_an_order_is_carried_out_through_cuts_and_its_documents_delivered(self):
        life, server = self.life, self.server
        server.order = life.file("order.dsse").read_bytes()
        life.once()
        self.assertEqual(life.inside("order.dsse").read_bytes(), server.order)
        self.assertTrue(life.inside("wipe.ready").exists())
        server.seen = []
        for delay in [0.05, 0.1, 0.2, 0.3, 0.5]:
            process = life.start("spool", "wipe")
            time.sleep(delay)
            if process.poll() is None:
                kill_hard(process)
        daemon = life.daemon()
        try:
            life.here("spool", "wipe")
            self.assertTrue(wait_for(lambda: server.asked("/v1/certificate"), 20))
            kill, certificate = server.asked("/v1/kill")[0], server.asked("/v1/certificate")[0]
            self.assertLess(kill["at"], certificate["at"])
            self.assertTrue(wait_for(lambda: life.inside("certificate.countersigned.json").exists()))
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.communicate(timeout=10)
        life.verify(life.file("fake.certificate"))
        self.assertFalse(life.inside("wipe.ready").exists())
        server.seen = []
        life.once(want=1, code="agent.ending")
        self.assertEqual(server.seen, [], "a retired device has delivered everything and reports no more")
        self.assertIn(b"no order waits", life.here("spool", "wipe").stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
