"""The server is killed (kill -9) at 50 random points of a device's life: nothing that it has answered for is lost, and the end is the
same as without.

Everybody does what they do in life: they try again. What a person or a device heard "yes" to is checked to be there.
"""
import http.client
import os
import random
import signal
import ssl
import subprocess
import threading
import time
import unittest

from life import BIN, Life
from served import Served, life_with_server

KILLS = 50
SEED = int(os.environ.get("CAIRN_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
# In the audit log exactly once and in this order, however often the server died between.
ONCE = ["enrolment.requested", "enrolment.challenged", "enrolment.answered", "device.enrolled", "device.provisioned", "order.accepted", "order.held",
        "order.resumed", "order.released", "device.killed", "device.retired"]


class Stubborn(Served):
    """A client that sends again until it is answered."""

    def call(self, *argv, **options):
        deadline = time.monotonic() + 60
        while True:
            try:
                got = super().call(*argv, **options)
                if got.status < 500:
                    return got
            except (OSError, ssl.SSLError, http.client.HTTPException):
                pass
            if time.monotonic() > deadline:
                raise AssertionError(f"no answer to {argv[:2]} for 60 s")
            time.sleep(0.01)


class Reaper(threading.Thread):
    """Kills and restarts, until it has done so KILLS times or is told to stop."""

    def __init__(self, served, rng):
        super().__init__(daemon=True)
        self.served, self.rng = served, rng
        self.kills, self.wanted, self.failure = 0, threading.Event(), None
        self.lock = threading.Lock()

    def run(self):
        try:
            while not self.wanted.is_set():
                time.sleep(self.rng.uniform(0.005, 0.15))
                if self.kills < KILLS:
                    with self.lock:
                        self.served.process.send_signal(signal.SIGKILL)
                        self.served.process.wait()
                        self.kills += 1
                        self.served.start()
        except BaseException as failure:  # pylint: disable=broad-except
            self.failure = failure


class Kill(unittest.TestCase):
    def until(self, *argv, wanted=lambda done: done.returncode == 0, seconds=60):
        """A command of the device, again until it gets through."""
        deadline = time.monotonic() + seconds
        while True:
            done = self.life.here(*argv, want=None)
            if wanted(done):
                return done
            self.assertLess(time.monotonic(), deadline, f"{argv}: {done.stdout}{done.stderr}")
            time.sleep(0.02)

    def reporting(self, there):
        """Reports until `there` is in the spool."""
        spool = self.life.dir / "spool"
        self.until("attest", "--once", wanted=lambda done: (spool / there).exists())

    def test_fifty_deaths_change_nothing(self):
        print(f"seed {SEED}")
        rng = random.Random(SEED)
        life = self.life = Life()
        self.addCleanup(life.remove)
        life.manufactured()
        served = Stubborn(life)
        self.addCleanup(served.stop)
        served.configure()
        served.start()
        reaper = Reaper(served, rng)
        reaper.start()
        try:
            self.live(life, served, reaper)
        finally:
            reaper.wanted.set()
            reaper.join()
        self.assertIsNone(reaper.failure)
        self.assertGreaterEqual(reaper.kills, KILLS)
        self.check_end(life, served)

    def live(self, life, served, reaper):
        served.enrol()
        life.approved()
        life.manifest()
        with reaper.lock:  # nothing starts while the configuration is written
            served.kill()
            served.configure(fleet__policy=life.file("policy.dsse"), provision__key=life.file("provision.key"),
                             provision__manifest=life.file("manifest.dsse"), provision__params=life.file("params.json"),
                             verifier__key=life.file("verifier.key"), verifier__issuer="https://localhost")
            served.start()
        life.configure(f"\n[agent]\nserver = {served.url}\nca = {served.dir / 'tls.crt'}\nspool = {life.dir / 'spool'}\n")
        life.here("spool", "publish")
        self.reporting("in/install.ready")
        life.here("spool", "install")
        self.reporting("in/receipt.json.sent")
        life.format_disk()
        while reaper.kills < KILLS * 2 // 3:  # a working life
            self.until("attest", "--once")
        got = served.get(f"/v1/devices/{served.device_id()}/receipt", "viewer")
        self.assertEqual(got.status, 200, got)
        life.file("receipt.json").write_bytes(got.body)
        life.ordered("--delivery", "online")
        got = served.post("/v1/orders", life.file("order.dsse").read_bytes(), "order", "approver")
        self.assertEqual(got.status, 200, got)
        digest = got.json()["order"]
        for verb, who in (("hold", "operator"), ("resume", "approver")):
            self.assertEqual(served.post(f"/v1/orders/{digest}/{verb}", token=who).status, 200)
        self.reporting("in/wipe.ready")
        self.until("spool", "wipe", wanted=lambda done: (life.dir / "spool/out/release.ask").exists())
        self.reporting("in/release.dsse")
        self.until("spool", "wipe", wanted=lambda done: (life.dir / "spool/out/certificate.json").exists())
        self.until("attest", "--once", wanted=lambda done: (life.dir / "spool/in/certificate.countersigned.json").exists())
        while reaper.kills < KILLS:
            served.get("/v1/devices", "viewer")

    def check_end(self, life, served):
        device = served.device_id()
        shown = served.get(f"/v1/devices/{device}", "viewer").json()
        self.assertEqual((shown["life"], shown["receipt"], shown["kill"], shown["certificate"]), ("RETIRED", True, True, True), shown)
        certificate = served.get(f"/v1/devices/{device}/certificate", "viewer").body
        self.assertEqual(certificate, (life.dir / "spool/in/certificate.countersigned.json").read_bytes())
        life.file("certificate.json").write_bytes(certificate)
        life.verify(life.file("certificate.json"))
        actions = [e["action"] for e in served.get("/v1/audit?limit=1000", "auditor").json()["audit"]]
        self.assertEqual([a for a in actions if a in ONCE], ONCE)
        self.assertEqual(served.stop(), 0)
        done = subprocess.run([BIN / "cairn-server", "--config", served.conf, "audit-verify"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
