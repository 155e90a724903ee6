"""CHECKS 62: the whole server's clock jumps by years, there and back, while a device reports. libfaketime moves it; without it this is
skipped, and test_server_clocks, which moves what is stored, has to do."""
import os
import pathlib
import time
import unittest

import attacked

LIBRARY = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
YEAR = 365 * 86400


@unittest.skipUnless(LIBRARY.exists(), "libfaketime is not installed")
class Jumps(attacked.Attacked):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.served.stop()
        cls.offset = cls.served.dir / "offset"
        cls.jump(0)
        cls.served.start(env={**os.environ, "LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(cls.offset), "FAKETIME_NO_CACHE": "1",
                              "FAKETIME_DONT_FAKE_MONOTONIC": "1"})

    @classmethod
    def jump(cls, seconds):
        new = cls.offset.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.replace(cls.offset)

    def comes_through(self, nonce=None):
        """As an agent does: one more try with the nonce that a refusal gives."""
        got = self.served.report(nonce=nonce)
        if got.status == 409 and got.code == "nonce.stale":
            got = self.served.report(nonce=got.json()["nonce"])
        self.assertEqual((got.status, got.json()["tier"]), (200, "affirming"), got)
        return got.json()

    def test_a_device_comes_through_every_jump_and_nothing_old_does(self):
        old = self.served.evidence(name="m")
        report, first = self.comes_through(), int(time.time())
        for seconds in (YEAR, 30 * YEAR, 0, -5 * YEAR, 0, 10 * YEAR, -40 * YEAR, 0):
            self.jump(seconds)
            report = self.comes_through(report["nonce"])
            received = self.shown()["report"]["received"]
            self.assertLess(abs(received - (first + seconds)), 120, "the clock did jump")
            again = self.served.send(old)
            self.assertEqual((again.status, again.code), (409, "nonce.stale"), again)
        self.comes_through()

    def test_a_failure_is_not_laundered_by_a_jump(self):
        self.life.boot("sb-uki-tampered-cmdline")
        self.reports("contraindicated")
        self.life.boot()
        for seconds in (30 * YEAR, -30 * YEAR, 0):
            self.jump(seconds)
            self.reports("contraindicated", "appraisal.sticky")

    def test_an_enrolment_token_and_an_operators_token_live_on(self):
        for seconds in (30 * YEAR, -30 * YEAR, 0):
            self.jump(seconds)
            self.assertEqual(self.served.get("/v1/devices", "viewer").status, 200)
            self.assertEqual(self.served.get("/readyz").status, 200)


if __name__ == "__main__":
    unittest.main(verbosity=2)
