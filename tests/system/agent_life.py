"""What the tests of the agent share: a device with an [agent] section, its spool, and one that is enrolled through a fake server."""
import os
import subprocess
import time
import unittest

from fake_server import FakeServer
from life import BIN, Life


class Agent(Life):
    """A device with an [agent] section, and what its spool holds."""

    def __init__(self):
        super().__init__()
        self.spool = self.dir / "spool"

    def serve(self, server, /, **settings):
        chosen = {"server": server.url, "ca": server.certificates.ca[0], "spool": self.spool, "enrolment_token": self.file("token"), **settings}
        lines = "".join(f"{k} = {v}\n" for k, v in chosen.items() if v is not None)
        self.configure(f"\n[agent]\n{lines}")
        self.file("token").write_text("enrolment-token-of-the-test\n")
        self.file("token").chmod(0o600)

    def inside(self, name):
        return self.spool / "in" / name

    def outside(self, name):
        return self.spool / "out" / name

    def once(self, **options):
        return self.here("attest", "--once", **options)

    def daemon(self, **env):
        return subprocess.Popen([str(BIN / "cairnd"), "--config", str(self.conf)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                env={**self.env, **env})


def wait_for(what, seconds=20.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.05)
    return False


class Enrolled(unittest.TestCase):
    """A device enrolled through the server, and the server in its good mood before each test."""

    @classmethod
    def setUpClass(cls):
        cls.life = life = Agent()
        life.manufactured()
        cls.server = FakeServer(life)
        life.serve(cls.server)
        cls.server.pending = 1
        life.here("enrol", "online", want=6, code="enrolment.waits")
        cls.server.pending = 1
        life.here("enrol", "online", "--wait", "20")

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.life.remove()

    def setUp(self):
        self.server.script, self.server.stale, self.server.tier, self.server.failed = [], 0, "affirming", []
        self.server.extra, self.server.interval, self.server.need = {}, 3600, ["boot-log", "ima", "userspace-log"]
        self.life.serve(self.server)

    def steady(self):
        """After this the server has the logs and the device a nonce."""
        self.life.once()
        with self.server.lock:
            self.server.seen.clear()
