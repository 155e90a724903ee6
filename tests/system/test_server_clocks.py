"""What moves a clock, and what only looks so: reboots, late quotes, a server that thought it was another year."""
import hmac
import os
import struct
import time
import unittest

import attacked
from life import BIN, BOOTS

YEARS_30 = 30 * 365 * 86400


class Clocks(attacked.Attacked):
    """CHECKS 16, 40, 53, 62: what moves a clock, and what only looks so."""

    def old_nonce(self, age_s):
        """A nonce that this server would have made then; the test reads the key from the database."""
        key = self.sql("SELECT value FROM secret WHERE name = 'nonce'")[0][0]
        fresh = self.served.nonce()
        expiry = struct.pack(">I", int(time.time()) - age_s + 8 * 86400)
        mask = struct.pack(">I", sum(1 << int(p) for p in fresh["selection"].split(",")))
        random = os.urandom(16)
        tag = hmac.digest(key, random + expiry + bytes.fromhex(self.device) + mask + b"evidence", "sha256")[:12]
        return {**fresh, "nonce": (random + expiry + tag).hex(), "issued": int(time.time()) - age_s}

    def last_report_was(self, age_s):
        """As if the last report had come then, while the TPM's clock stands where it stood."""
        then = int(time.time()) - age_s
        self.sql("UPDATE report SET clock_received_ms = ?, received_s = ?, nonce_issued_s = ?, affirmed_nonce_s = ?", then * 1000, then, then - 1, then - 1)

    def test_a_quote_made_early_and_delivered_late_is_told_to_be_made_anew_and_fails_nothing(self):
        self.reports("affirming")
        self.last_report_was(2 * 3600)
        before = self.dump()
        got = self.served.report(nonce=self.old_nonce(3600))
        self.assertEqual((got.status, got.code), (409, "nonce.stale"), got)
        self.assertEqual(self.dump(), before)
        again = self.served.report(nonce=got.json()["nonce"])
        self.assertEqual((again.status, again.json()["tier"]), (200, "affirming"), again)

    def test_a_result_for_others_needs_a_young_nonce(self):
        self.reports("affirming")
        self.last_report_was(120)
        got = self.served.report(nonce=self.old_nonce(61), query="?aud=https%3A%2F%2Frelying.example")
        self.assertEqual((got.status, got.code), (409, "evidence.age"), got)
        got = self.served.report(nonce=got.json()["nonce"], query="?aud=https%3A%2F%2Frelying.example")
        self.assertEqual(got.status, 200, got)
        self.assertIn("ear", got.json())

    def test_reboots_and_power_cuts_lock_nobody_out(self):
        self.reports("affirming")
        for verb in ("reboot", "reset", "reset", "reboot", "cut"):
            self.life.swtpm(verb)
            if verb == "cut":
                time.sleep(0.1)
                self.life.swtpm("start")
            self.life.boot(power_cycle=False)
            self.reports("affirming")

    def test_a_tpm_reset_under_a_running_system_fails(self):
        """CVE-2018-6622: the digests that were logged are extended again by hand; the system's own boot is the same."""
        self.reports("affirming")
        self.life.swtpm("reset")
        self.life.run("--tcti", self.life.tcti, "--vectors", BOOTS / "sb-uki-clean", program=BIN / "boot_replay")
        self.life.measure()
        self.reports("contraindicated", "tpm.restart.unlogged")
        self.life.boot()
        self.reports("contraindicated", "appraisal.sticky")

    def test_a_clock_that_stood_in_the_future_locks_nobody_out_and_lets_nothing_old_in(self):
        old = self.served.evidence()
        self.assertEqual(self.served.send(old).status, 200)
        self.reports("affirming")
        ahead = int(time.time()) + YEARS_30
        self.sql("UPDATE report SET clock_received_ms = ?, received_s = ?, nonce_issued_s = ?, affirmed_nonce_s = ?", ahead * 1000, ahead, ahead, ahead)
        got = self.served.send(old)
        self.assertEqual((got.status, got.code), (409, "nonce.stale"), got)
        self.served.nonce("grant", "g")
        self.life.here("grant", "request", "--nonce", self.life.file("g.nonce"), "-o", self.life.file("g.request"))
        got = self.served.post("/v1/grant", self.life.file("g.request").read_bytes(), "request")
        self.assertEqual((got.status, got.code), (409, "evidence.age"), got)
        self.reports("affirming")
        self.assertLess(self.shown()["report"]["received"], ahead - 1)
        self.reports("affirming")

    def test_a_nonce_of_the_future_ends_when_the_clock_is_set_right(self):
        got = self.served.report(nonce=self.old_nonce(-YEARS_30))
        self.assertEqual((got.status, got.code), (409, "nonce.stale"), got)

    def test_years_without_a_report_lock_nobody_out(self):
        self.reports("affirming")
        self.last_report_was(YEARS_30)
        self.reports("affirming")


if __name__ == "__main__":
    unittest.main(verbosity=2)
