"""cairn-server, a device's whole life through it, by hand: what is accepted, what is refused and with which code."""
import base64
import json
import subprocess
import unittest

from life import BIN, Life
from served import Served, canonical, life_with_server, named_logs


class WholeLife(unittest.TestCase):
    def setUp(self):
        self.life = Life()
        self.addCleanup(self.life.remove)

    def test_a_life_through_the_server(self):
        life, served = life_with_server(self.life)
        self.addCleanup(served.stop)
        device = served.device_id()

        got = served.report()
        self.assertEqual(got.status, 200, got)
        report = got.json()
        self.assertEqual((report["tier"], report["interval"], report.get("grant")), ("affirming", 60, True))
        self.assertNotIn("failed", report)

        # the next one, over the nonce that came with the reply, names no logs at all
        evidence = served.evidence(report["nonce"])
        head = json.loads(evidence.partition(b"\n")[0])
        del head["attachments"]
        body = canonical(head) + b"\n"
        self.assertLess(len(body), 1100)
        got = served.post("/v1/evidence", body, "evidence")
        self.assertEqual((got.status, got.json()["tier"]), (200, "affirming"), got)
        again = served.post("/v1/evidence", body, "evidence")
        self.assertEqual(again.body, got.body, "the same body gets the stored reply")

        # grant, receipt
        self.assertEqual(served.report().status, 200)
        served.nonce("grant", "g")
        life.here("grant", "request", "--nonce", life.file("g.nonce"), "-o", life.file("g.request"))
        request = life.file("g.request").read_bytes()
        got = served.post("/v1/grant", request, "request")
        self.assertEqual(got.status, 200, got)
        self.assertEqual(served.post("/v1/grant", request, "request").body, got.body)
        for name, file in (("grant", "grant.dsse"), ("manifest", "manifest.dsse"), ("assets", "grant.bin")):
            life.file(file).write_bytes(base64.b64decode(got.json()[name]))
        life.install()
        receipt = life.file("receipt.json").read_bytes()
        for _ in range(2):
            got = served.post("/v1/receipt", receipt, "receipt")
            self.assertEqual(got.status, 200, got)
        self.assertEqual(served.get(f"/v1/devices/{device}", "viewer").json()["life"], "OPERATIONAL")
        self.assertEqual(served.get(f"/v1/devices/{device}/receipt", "viewer").body, receipt)
        self.assertNotIn("grant", served.report().json())
        life.format_disk()

        # order, release, kill, certificate
        life.ordered("--delivery", "online")
        order = life.file("order.dsse").read_bytes()
        got = served.post("/v1/orders", order, "order", "approver")
        self.assertEqual(got.status, 200, got)
        digest = got.json()["order"]
        self.assertEqual(served.report().json()["order"], digest)
        self.assertEqual(served.get(f"/v1/order/{digest}").body, order)
        life.here("wipe", "ask", life.file("order.dsse"), "-o", life.file("ask.json"))
        ask = life.file("ask.json").read_bytes()
        self.assertEqual(served.post(f"/v1/orders/{digest}/hold", token="operator").status, 200)
        self.assertEqual(served.post("/v1/release", ask, "application/json").code, "release.held")
        self.assertEqual(served.post(f"/v1/orders/{digest}/resume", token="approver").status, 200)
        got = served.post("/v1/release", ask, "application/json")
        self.assertEqual(got.status, 200, got)
        life.file("release.dsse").write_bytes(got.body)
        life.here("wipe", "run", life.file("order.dsse"), "--release", life.file("release.dsse"), "--here", "--out", life.out)
        got = served.post("/v1/kill", (life.out / "kill.json").read_bytes(), "kill")
        self.assertEqual(got.status, 200, got)
        certificate = (life.out / "certificate.json").read_bytes()
        got = served.post("/v1/certificate", certificate, "certificate")
        self.assertEqual(got.status, 200, got)
        self.assertEqual(served.post("/v1/certificate", certificate, "certificate").body, got.body)
        life.file("countersigned.json").write_bytes(got.body)
        shown = life.run("certificate", "show", life.file("countersigned.json"), *life.roots()).stdout.decode()
        self.assertIn("verifier.holder", shown)
        self.assertEqual(served.get(f"/v1/devices/{device}/certificate", "viewer").body, got.body)
        self.assertEqual(served.get(f"/v1/devices/{device}", "viewer").json()["life"], "RETIRED")

        actions = [e["action"] for e in served.get("/v1/audit?limit=1000", "auditor").json()["audit"]]
        for action in ("enrolment.requested", "device.enrolled", "device.granted", "device.provisioned", "order.accepted", "order.held",
                       "order.resumed", "order.released", "device.killed", "device.retired"):
            self.assertIn(action, actions)
        self.assertEqual(served.stop(), 0)
        self.assertEqual(life.run("--config", served.conf, "audit-verify", program=BIN / "cairn-server").returncode, 0)

    def test_a_second_server_on_one_database_is_refused(self):
        life = self.life
        life.dir.mkdir(exist_ok=True)
        life.keys()
        life.root()
        served = Served(life)
        self.addCleanup(served.stop)
        served.configure()
        served.start()
        again = subprocess.run([BIN / "cairn-server", "--config", served.conf], capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(again.returncode, 6)
        self.assertIn("server.running", again.stderr)
        served.kill()
        served.start()


if __name__ == "__main__":
    unittest.main(verbosity=2)
