"""One report and what can go wrong with it: real TLS, a real TPM (swtpm), a server that behaves and one that does not."""
import base64
import json
import os
import socket
import subprocess
import time
import unittest

from agent_life import Enrolled
from fake_server import FakeServer, canonical
from life import BIN

REPORT_MAX = 1229  # 1.2 KB: head and body of one steady report


class AgentTest(Enrolled):
    # enrolment

    def test_enrolment_through_the_server_gives_the_agent_what_it_needs(self):
        self.assertEqual(self.life.outside("statement.dsse").read_bytes(), self.life.file("statement.dsse").read_bytes())
        self.assertEqual(self.life.outside("root.dsse").read_bytes(), self.life.file("root.dsse").read_bytes())
        self.assertIn("ENROLLED", self.life.here("state").stdout.decode())
        answers = self.server.asked("/v1/enrolment/answer")
        self.assertTrue(all(a["body"] == answers[0]["body"] for a in answers), "one challenge has one answer")

    def test_an_enrolment_token_that_others_can_read_is_refused(self):
        self.life.file("token").chmod(0o644)
        self.life.here("enrol", "online", want=1, code="file.mode")

    # one report

    def test_a_steady_report_is_one_small_request(self):
        self.steady()
        self.life.once()
        self.assertEqual([s["path"] for s in self.server.seen], ["/v1/evidence"])
        seen = self.server.seen[0]
        print(f"\n  a report: {seen['bytes']} bytes up (head and body), body {len(seen['body'])}")
        self.assertLessEqual(seen["bytes"], REPORT_MAX)
        self.assertLessEqual(set(seen["headers"]), {"Host", "Content-Type", "Content-Length"})

    def test_the_exit_code_is_the_tier(self):
        for tier, code in [("affirming", 0), ("warning", 3), ("contraindicated", 4), ("undecided", 5)]:
            self.server.tier, self.server.failed = tier, ["pcr.7"] if code else []
            done = self.life.once(want=code)
            self.assertIn(tier, done.stdout.decode())
            if code:
                self.assertIn("pcr.7", done.stdout.decode())

    def test_a_tpm_whose_hierarchies_were_taken_after_the_enrolment_still_reports(self):
        """Reports need no authorisation of owner, endorsement or lockout."""
        self.steady()
        env = {**self.life.env, "TPM2TOOLS_TCTI": self.life.tcti}
        taken = ["owner", "endorsement", "lockout"]
        try:
            for hierarchy in taken:
                subprocess.run(["tpm2_changeauth", "-c", hierarchy, "taken"], env=env, check=True, capture_output=True, timeout=60)
            self.assertIn("affirming", self.life.once().stdout.decode())
        finally:
            for hierarchy in taken:
                subprocess.run(["tpm2_changeauth", "-c", hierarchy, "-p", "taken"], env=env, check=True, capture_output=True, timeout=60)

    def test_missing_logs_are_sent_with_the_same_document(self):
        self.steady()
        self.server.logs_known = False
        self.life.once()
        first, second = self.server.asked("/v1/evidence")
        self.assertEqual(second["headers"]["Cairn-Upload-Token"], "token-of-the-test")
        a, b = (json.loads(s["body"].partition(b"\n")[0]) for s in (first, second))
        self.assertEqual((a["payload"], a["tpm"]), (b["payload"], b["tpm"]))
        self.assertNotIn("attachments", a)
        self.assertEqual([x["kind"] for x in b["attachments"]], ["boot-log", "userspace-log", "ima"])
        self.assertTrue(second["body"].endswith(self.life.file("ima.log").read_bytes()))

    def test_a_log_that_has_changed_is_named_and_its_bytes_only_follow_when_asked_for(self):
        self.steady()
        grown = self.life.file("ima.log").read_bytes() * 40
        kept = self.life.file("ima.log").read_bytes()
        self.life.file("ima.log").write_bytes(grown)
        try:
            self.server.logs_known, self.server.need = False, ["ima"]
            self.life.once()
            first, second = self.server.asked("/v1/evidence")
            a, b = (json.loads(s["body"].partition(b"\n")[0]) for s in (first, second))
            self.assertEqual([(x["kind"], "offset" in x, x["len"]) for x in a["attachments"]], [("ima", False, len(grown))])
            self.assertEqual([(x["kind"], "offset" in x, x["sha256"]) for x in b["attachments"]], [("ima", True, a["attachments"][0]["sha256"])])
            self.assertLessEqual(len(first["body"]), 1229)
            self.server.seen.clear()
            self.life.once()
            self.assertNotIn(b"attachments", self.server.asked("/v1/evidence")[0]["body"])
        finally:
            self.life.file("ima.log").write_bytes(kept)

    def test_the_configured_key_is_named(self):
        self.life.serve(self.server, cnf=self.life.file("enrol.pub"))
        self.life.once()
        payload = json.loads(self.server.asked("/v1/evidence")[-1]["body"].partition(b"\n")[0])["payload"]
        self.assertRegex(json.loads(base64.b64decode(payload))["cnf"], "^[A-Za-z0-9_-]{43}$")

    def test_a_stale_nonce_is_replaced_once(self):
        self.steady()
        self.server.stale = 1
        self.life.once()
        self.assertEqual(len(self.server.asked("/v1/evidence")), 2)
        self.server.stale = 2
        self.life.once(want=1, code="nonce.stale")
        self.server.stale = 0
        self.life.once()

    def test_after_weeks_off_line_a_new_nonce_is_asked_for(self):
        self.steady()
        kept = json.loads(self.life.inside("report.json").read_bytes())
        kept["at"] -= 30 * 86400
        self.life.inside("report.json").write_bytes(canonical(kept)[:-1])
        self.life.once()
        self.assertEqual([s["path"] for s in self.server.seen], ["/v1/nonce", "/v1/evidence"])

    def test_a_damaged_report_file_is_no_obstacle(self):
        for text in [b"", b"{}", b"\xff" * 100, b'{"at":1,"report":{}}']:
            self.life.inside("report.json").write_bytes(text)
            self.life.once()

    def test_a_nonce_for_another_device_is_not_answered(self):
        self.life.inside("report.json").unlink(missing_ok=True)
        self.server.seen.clear()
        for change in [{"device": "00" * 32}, {"fleet": "00" * 32}, {"purpose": "grant"}, {"selection": ""}]:
            nonce = self.server.nonce("evidence", **change)
            self.server.script = [("body", canonical(nonce), "application/vnd.cairn.nonce.v1+json")]
            self.life.once(want=9, code="reply.nonce")
        self.assertEqual(self.server.asked("/v1/evidence"), [])

    def test_what_goes_wrong_on_the_way_is_named(self):
        self.steady()
        for how, code in [("cut", "server.cut"), ("cut-head", "server."), ("cut-body", "server.cut"), ("huge", "server.large"),
                          ("huge-head", "server."), ("not-http", "server.http"), (("body", b"<html>"), "reply.report"),
                          (("body", b"{}", "text/html"), "reply.type"), (("status", 500, "server.fault"), "server.fault"),
                          (("status", 503, "server.busy", 7), "server.busy"), (("status", 429, "server.rate", 7), "server.rate")]:
            with self.subTest(how=how):
                # a kept-alive connection that breaks is tried once more by the HTTP library itself: break that too
                self.server.script = [how, how]
                self.life.once(want=9, code=code)
        self.server.script = []
        self.life.once()

    def test_a_reply_that_is_too_long_is_cut_off_and_not_swallowed(self):
        self.steady()
        self.server.huge_sent = False
        self.server.script = ["huge"]
        started = time.monotonic()
        self.life.once(want=9, code="server.large")
        self.assertLess(time.monotonic() - started, 5)

    def test_no_redirect_is_followed(self):
        self.steady()
        self.server.script = ["redirect"]
        self.life.once(want=1, code="http.307")
        self.assertEqual([s["path"] for s in self.server.seen], ["/v1/evidence"])

    def test_a_refusal_keeps_the_servers_code_and_steers_no_terminal(self):
        self.steady()
        self.server.script = [("body", b"x")]
        self.server.script = [("status", 403, "device.revoked")]
        self.life.once(want=1, code="device.revoked")
        done = self.life.once()
        self.assertNotIn(b"\x1b", done.stderr)

    def test_members_of_a_later_version_are_left_alone(self):
        self.server.extra = {"advice": {"x": [1, 2]}, "zone": "b"}
        self.life.once()

    # TLS

    def test_only_the_configured_server_is_spoken_to(self):
        certificates = self.server.certificates
        for settings, options, code in [
                ({}, {"certificate": certificates.other}, "server.certificate"),
                ({}, {"certificate": certificates.stranger}, "server.certificate"),
                ({}, {"tls12": True}, "server.tls"),
                ({"pin": certificates.pin(certificates.other)}, {}, "server.pin"),
                ({"ca": certificates.stranger_ca[0]}, {}, "server.certificate")]:
            server = FakeServer(self.life, certificates, **options)
            try:
                with self.subTest(settings=settings, options=options):
                    self.life.serve(server, **settings)
                    self.life.once(want=9, code=code)
                    self.assertEqual(server.seen, [])
            finally:
                server.close()

    def test_a_right_pin_lets_through_one_of_several_too(self):
        certificates = self.server.certificates
        pins = f"{certificates.pin(certificates.other)};{certificates.pin(certificates.good)}"
        self.life.serve(self.server, pin=pins)
        self.life.once()

    def test_nobody_there_is_exit_nine(self):
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self.life.serve(self.server, server=f"https://127.0.0.1:{sock.getsockname()[1]}")
            self.life.once(want=9, code="server.unreached")

    def test_the_environment_moves_nothing(self):
        self.life.env.update({"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "all_proxy": "http://127.0.0.1:9"})
        try:
            self.life.once()
            self.life.serve(self.server, proxy="http://127.0.0.1:9")
            self.life.once(want=9, code="server.unreached")
        finally:
            for name in ["https_proxy", "HTTPS_PROXY", "all_proxy"]:
                self.life.env.pop(name)

    def test_a_server_that_is_no_https_url_is_refused(self):
        for url in ["http://127.0.0.1", "https://", "https://u@h", "https://h/path", "https://h?q", "ftp://h", "file:///etc/passwd"]:
            self.life.serve(self.server, server=url)
            self.life.once(want=2, code="client.server")
        self.life.serve(self.server, pin="sha256//short")
        self.life.once(want=2, code="client.pin")
        self.life.serve(self.server, interval="9")
        self.life.once(want=2, code="config.value")

    def test_ipv6_is_spoken(self):
        try:
            server = FakeServer(self.life, self.server.certificates, address="::1")
        except OSError:
            self.skipTest("no IPv6 here")
        try:
            self.life.serve(server)
            self.life.once()
            self.assertTrue(server.asked("/v1/evidence"))
        finally:
            server.close()

    @unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
    def test_it_needs_no_privilege_and_not_the_state_directory(self):
        life, nobody = self.life, 65534
        self.steady()
        modes = {life.dir: 0o755, life.conf: 0o644, life.tpm: 0o755, **{p: 0o777 for p in life.tpm.glob("sock*")}}
        owned = [life.spool / "in", *(life.spool / "in").iterdir()]
        try:
            for path, mode in modes.items():
                path.chmod(mode)
            for path in owned:
                os.chown(path, nobody, nobody)
            done = subprocess.run(["setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups", "--bounding-set=-all", "--no-new-privs",
                                   BIN / "cairn", "--config", life.conf, "attest", "--once"], capture_output=True, env=life.env, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(life.state.stat().st_mode & 0o077, 0)
            self.assertEqual([s["path"] for s in self.server.seen], ["/v1/evidence"])
        finally:
            for path in [life.spool / "in", *(life.spool / "in").iterdir()]:
                os.chown(path, 0, 0)
            for path in modes:
                path.chmod(0o700 if path.is_dir() else 0o600)

    # status

    def test_status_says_what_was_reported_and_the_bundle_holds_no_secret(self):
        self.server.tier, self.server.failed = "warning", ["pcr.7"]
        self.server.extra = {"ear": "bearer.of.trust"}
        self.life.once(want=3)
        self.life.serve(self.server, proxy="http://user:password@127.0.0.1:9")
        text = self.life.here("status").stdout.decode()
        self.assertIn("warning", text)
        self.assertIn("pcr.7", text)
        said = json.loads(self.life.here("--json", "status").stdout)
        self.assertEqual((said["life"], said["report"]["failed"]), ("enrolled", ["pcr.7"]))
        self.life.here("status", "--bundle", "-o", self.life.file("bundle.json"))
        bundle = self.life.file("bundle.json").read_text()
        for secret in ["password", "bearer.of.trust", "enrolment-token-of-the-test", json.loads(self.life.inside("report.json").read_bytes())["report"]["nonce"]["nonce"]]:
            self.assertNotIn(secret, bundle)
        self.assertIn("report.json", json.loads(bundle)["spool_in"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
