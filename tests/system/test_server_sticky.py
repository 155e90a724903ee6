"""CHECKS 37: a device that failed stays failed, until the policy changes or an operator clears it."""
import json
import unittest

import attacked
from served import canonical


class Sticky(attacked.Attacked):
    """CHECKS 37: a failure is not laundered."""

    def tampered(self):
        self.life.boot("sb-uki-tampered-cmdline")
        report = self.reports("contraindicated")
        self.assertNotIn("grant", report)
        return report

    def test_a_clean_boot_does_not_launder_a_failed_one(self):
        self.reports("affirming")
        self.tampered()
        self.life.boot()
        for _ in range(2):
            self.reports("contraindicated", "appraisal.sticky")
        self.served.stop()
        self.served.start()
        self.reports("contraindicated", "appraisal.sticky")
        self.assertTrue(self.shown()["report"]["sticky"])
        self.assertEqual(self.served.post(f"/v1/devices/{self.device}/clear", token="viewer").status, 403)
        self.reports("contraindicated", "appraisal.sticky")
        self.clear()
        self.reports("affirming")
        actions = [e["action"] for e in self.served.get("/v1/audit?limit=1000", "auditor").json()["audit"]]
        self.assertEqual(actions[-2:], ["device.failed", "device.cleared"])

    def test_no_grant_and_no_results_for_a_device_that_failed_before(self):
        self.tampered()
        self.life.boot()
        self.reports("contraindicated")
        self.served.nonce("grant", "g")
        self.life.here("grant", "request", "--nonce", self.life.file("g.nonce"), "-o", self.life.file("g.request"))
        got = self.served.post("/v1/grant", self.life.file("g.request").read_bytes(), "request")
        self.assertEqual((got.status, got.code), (409, "grant.appraisal"), got)
        self.assertEqual(self.dump()[0]["grants"], [])

    def test_a_change_of_the_policy_judges_anew(self):
        life = self.life
        self.tampered()
        life.boot()
        self.reports("contraindicated", "appraisal.sticky")
        life.attest("learn", "golden")
        life.run("policy", "learn", life.file("golden.evidence"), "--nonce", life.file("golden.nonce"), *life.who(), "-o", life.file("policy2.json"))
        life.run("policy", "sign", life.file("policy2.json"), "--key", life.file("policy.key"), "-o", life.file("policy2.dsse"))
        if life.file("policy2.json").read_bytes() == life.file("policy.json").read_bytes():
            self.skipTest("the policy learnt is the same")
        self.served.configure(fleet__policy=life.file("policy2.dsse"))
        self.served.reload()
        try:
            self.reports("affirming")
        finally:
            self.served.configure(fleet__policy=life.file("policy.dsse"))
            self.served.reload()

    def bare(self):
        """Evidence without a word about logs."""
        head = json.loads(self.served.evidence().partition(b"\n")[0])
        head.pop("attachments", None)
        return canonical(head) + b"\n"

    def test_logs_that_are_left_out_are_no_way_round(self):
        self.reports("affirming")
        self.life.boot("sb-uki-tampered-cmdline")
        got = self.served.post("/v1/evidence", self.bare(), "evidence")
        self.assertEqual((got.status, got.code), (409, "evidence.logs"), got)
        self.assertEqual(sorted(got.json()["need"]), ["boot-log", "ima", "userspace-log"])
        self.reports("contraindicated")
        got = self.served.post("/v1/evidence", self.bare(), "evidence")
        self.assertEqual((got.status, got.json()["tier"]), (200, "contraindicated"), got)
        self.life.boot()
        got = self.served.post("/v1/evidence", self.bare(), "evidence")
        self.assertEqual((got.status, got.code), (409, "evidence.logs"), got)
        self.reports("contraindicated", "appraisal.sticky")

    def test_the_last_pass_told_again_is_no_way_round(self):
        evidence = self.served.evidence()
        passed = self.served.send(evidence)
        self.assertEqual(passed.json()["tier"], "affirming")
        self.tampered()
        got = self.served.send(evidence)
        self.assertEqual((got.status, got.code), (409, "nonce.stale"), got)
        self.assertEqual(self.shown()["report"]["tier"], "contraindicated")


if __name__ == "__main__":
    unittest.main(verbosity=2)
