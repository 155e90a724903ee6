"""Nothing is trusted that nobody signed, and what is wrong is named at the start."""
import json
import subprocess
import unittest

import attacked
from life import BIN, Life
from thief import Thief


class Defaults(attacked.Attacked):
    """CHECKS 38, 39: nothing is trusted that nobody signed, and what is wrong is named."""

    def test_a_server_without_a_policy_affirms_nothing_and_grants_nothing(self):
        without = {"fleet__policy": None, "provision__key": None, "provision__manifest": None, "provision__params": None}
        kept = {name: self.served.settings[name] for name in without}
        self.served.configure(**without)
        self.served.reload()
        try:
            report = self.reports("undecided", "policy.absent")
            self.assertNotIn("grant", report)
            got = self.served.report(query="?aud=https%3A%2F%2Frelying.example")
            self.assertEqual((got.status, got.code), (403, "ear.absent"), got)
            self.served.nonce("grant", "g")
            self.life.here("grant", "request", "--nonce", self.life.file("g.nonce"), "-o", self.life.file("g.request"))
            got = self.served.post("/v1/grant", self.life.file("g.request").read_bytes(), "request")
            self.assertEqual((got.status, got.code), (403, "grant.none"), got)
        finally:
            self.served.configure(**kept)
            self.served.reload()

    def does_not_start(self, code, named, **settings):
        kept = {name: self.served.settings.get(name) for name in settings}
        self.served.configure(**settings)
        try:
            for verb in ("check-config", "run"):
                done = subprocess.run([BIN / "cairn-server", "--config", self.served.conf, verb], capture_output=True, text=True, check=False,
                                      timeout=20)
                self.assertNotEqual(done.returncode, 0, verb)
                self.assertRegex(done.stderr, f"cairn-server: ({code})", verb)
                self.assertIn(str(named), done.stderr, verb)
        finally:
            self.served.configure(**kept)

    def other_fleet(self):
        other = Life()
        self.addCleanup(other.remove)
        other.dir.mkdir(exist_ok=True)
        other.keys()
        other.root()
        return other

    def test_it_does_not_start_with_anything_of_another_fleet(self):
        other, policy = self.other_fleet(), self.life.file("policy.json")
        self.life.run("policy", "sign", policy, "--key", other.file("policy.key"), "-o", other.file("policy.dsse"))
        self.does_not_start("policy.signer", other.file("policy.dsse"), fleet__policy=other.file("policy.dsse"))
        for section, role in (("verifier", "verifier"), ("provision", "provision")):
            self.does_not_start("fleet.key", other.file(f"{role}.key"), **{f"{section}__key": other.file(f"{role}.key")})

    def test_it_does_not_start_with_a_key_of_another_role(self):
        for section, wrong in (("verifier", "provision"), ("provision", "verifier"), ("verifier", "root"), ("provision", "release")):
            self.does_not_start("fleet.key", self.life.file(f"{wrong}.key"), **{f"{section}__key": self.life.file(f"{wrong}.key")})

    def test_it_does_not_start_with_a_policy_that_would_trust_anything(self):
        life, thief = self.life, Thief(self.life)
        policy = json.loads(life.file("policy.json").read_text())
        seal, without = policy["seal"], dict(policy)
        del without["seal"]
        first = seal["mask"].split(",")[0]
        for forged in (without, {**policy, "seal": {"mask": "", "values": {}}}, {**policy, "seal": {**seal, "values": {}}},
                       {**policy, "seal": {"mask": "10", "values": {"10": seal["values"][first]}}},
                       {**policy, "seal": {**seal, "values": {**seal["values"], first: ""}}}, {**policy, "accept": "all"}, {}):
            path = thief.sign("empty.dsse", "policy", forged, "policy")  # by the right key, and yet
            with self.subTest(forged=sorted(forged)):
                self.does_not_start("json.|policy.", path, fleet__policy=path)
        life.file("unsigned.json").write_text(life.file("policy.json").read_text())
        self.does_not_start("json.member", life.file("unsigned.json"), fleet__policy=life.file("unsigned.json"))

    def test_it_does_not_start_with_a_secret_that_others_can_read_and_says_which(self):
        secrets = {"verifier__key": self.life.file("verifier.key"), "provision__key": self.life.file("provision.key"),
                   "provision__params": self.life.file("params.json"), "server__key": self.served.dir / "tls.key"}
        for name, path in secrets.items():
            for mode in (0o640, 0o604):
                path.chmod(mode)
                try:
                    done = subprocess.run([BIN / "cairn-server", "--config", self.served.conf, "run"], capture_output=True, text=True, check=False,
                                          timeout=20)
                    self.assertIn("file.mode:", done.stderr, name)
                    self.assertIn(str(path), done.stderr, name)
                    self.assertNotEqual(done.returncode, 0)
                finally:
                    path.chmod(0o600)

    def test_a_reload_that_does_not_load_changes_nothing(self):
        self.served.configure(fleet__policy=self.life.file("root.dsse"))
        try:
            self.served.reload()
            self.assertIn("reload.refused", self.served.log.read_text())
            self.reports("affirming")
        finally:
            self.served.configure(fleet__policy=self.life.file("policy.dsse"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
