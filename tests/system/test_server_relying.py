"""CHECKS 54: an attestation result shown by somebody else, elsewhere, later, twice, or of a device that failed; and 61, orders that wait."""
import base64
import hashlib
import json
import time
import unittest
import urllib.parse
import uuid

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

import attacked
from served import canonical

AUDIENCE = "https://relying.example"
URL = "https://relying.example/v1/thing"


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Holder:
    """A key of the device's software, and proofs made with it."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        numbers = self.key.public_key().public_numbers()
        self.jwk = {"crv": "P-256", "kty": "EC", "x": b64url(numbers.x.to_bytes(32, "big")), "y": b64url(numbers.y.to_bytes(32, "big"))}

    def pem(self):
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    def proof(self, ear, head=(), **claims):
        head = {"alg": "ES256", "jwk": self.jwk, "typ": "dpop+jwt", **dict(head)}
        claims = {"ath": b64url(hashlib.sha256(ear.encode()).digest()), "htm": "GET", "htu": URL, "iat": int(time.time()), "jti": str(uuid.uuid4()), **claims}
        text = f"{b64url(canonical(head))}.{b64url(canonical(claims))}"
        r, s = utils.decode_dss_signature(self.key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{b64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


class Relying(attacked.Attacked):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.served.configure(forward_auth__audience=AUDIENCE)
        cls.served.reload()
        cls.holder = Holder()
        cls.life.file("holder.key").write_bytes(cls.holder.pem())
        cls.life.file("holder.key").chmod(0o600)

    def ear(self, audience=AUDIENCE, bound=True, tier="affirming"):
        evidence = self.served.evidence(None, "n", *(["--cnf", self.life.file("holder.key")] if bound else []))
        got = self.served.send(evidence, "?aud=" + urllib.parse.quote(audience, safe=""))
        self.assertEqual((got.status, got.json()["tier"]), (200, tier), got)
        return got.json()["ear"]

    def show(self, ear, proof, method="GET", url=URL, scheme="DPoP"):
        fields = {"Authorization": f"{scheme} {ear}", "DPoP": proof, "X-Original-Method": method, "X-Original-URL": url}
        return self.served.get("/v1/forward-auth", fields={k: v for k, v in fields.items() if v is not None})

    def refused(self, code, *shown, status=401, **how):
        got = self.show(*shown, **how)
        self.assertEqual((got.status, got.body), (status, b""), got)
        self.assertIn(code, got.fields["www-authenticate"])
        self.assertNotIn("cairn-device", got.fields)

    def test_the_device_itself_is_let_through_and_named(self):
        ear = self.ear()
        got = self.show(ear, self.holder.proof(ear))
        self.assertEqual((got.status, got.fields.get("cairn-device")), (200, self.device), got)
        got = self.show(ear, self.holder.proof(ear), url=URL + "?query=1")
        self.assertEqual(got.status, 200, got)

    def test_a_result_without_a_proof_opens_nothing(self):
        ear = self.ear()
        self.refused("access.credential", ear, None)
        self.refused("access.credential", ear, self.holder.proof(ear), scheme="Bearer")
        self.refused("dpop.", ear, "x.y.z")

    def test_a_result_shown_by_somebody_else_opens_nothing(self):
        ear, thief = self.ear(), Holder()
        self.refused("dpop.key", ear, thief.proof(ear))
        self.refused("dpop.signature", ear, thief.proof(ear, head={"jwk": self.holder.jwk}))

    def test_a_proof_shown_twice_opens_nothing(self):
        ear = self.ear()
        proof = self.holder.proof(ear)
        self.assertEqual(self.show(ear, proof).status, 200)
        self.refused("dpop.replayed", ear, proof)
        self.refused("dpop.replayed", ear, proof)

    def test_a_proof_for_something_else_opens_nothing(self):
        ear = self.ear()
        other = self.ear()
        now = int(time.time())
        self.refused("dpop.method", ear, self.holder.proof(ear, htm="POST"))
        self.refused("dpop.url", ear, self.holder.proof(ear, htu="https://relying.example/v1/other"))
        self.refused("dpop.url", ear, self.holder.proof(ear), url="https://elsewhere.example/v1/thing")
        self.refused("dpop.token", ear, self.holder.proof(other))
        for moved in (-120, 120, -86400 * 365 * 30, 86400 * 365 * 30):
            self.refused("dpop.time", ear, self.holder.proof(ear, iat=now + moved))

    def test_a_result_for_another_audience_opens_nothing(self):
        ear = self.ear("https://elsewhere.example")
        self.refused("ear.audience", ear, self.holder.proof(ear))

    def test_a_result_that_no_key_is_bound_to_opens_nothing(self):
        ear = self.ear(bound=False)
        self.refused("dpop.key", ear, self.holder.proof(ear))

    def test_an_altered_result_opens_nothing(self):
        ear = self.ear()
        head, claims, signature = ear.split(".")
        read = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        later = b64url(canonical({**read, "exp": read["exp"] + 200}))
        forged = f"{head}.{later}.{signature}"
        self.refused("signature.invalid", forged, self.holder.proof(forged))
        none = b64url(canonical({"alg": "none", "typ": "JWT"}))
        forged = f"{none}.{claims}."
        self.refused("ear.", forged, self.holder.proof(forged))

    def test_a_device_that_failed_is_kept_out(self):
        self.life.boot("sb-uki-tampered-cmdline")
        ear = self.ear(tier="contraindicated")
        self.refused("ear.status", ear, self.holder.proof(ear), status=403)

    def test_a_proxy_that_says_nothing_of_the_request_is_no_proxy(self):
        ear = self.ear()
        self.refused("forward.original", ear, self.holder.proof(ear), method=None)
        self.refused("forward.original", ear, self.holder.proof(ear), url=None)


class Orders(attacked.Attacked):
    """CHECKS 61: the server lets no order go that is held, cancelled or young; and a device does nothing without being let go."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        life, served = cls.life, cls.served
        served.report()
        served.nonce("grant", "g")
        life.here("grant", "request", "--nonce", life.file("g.nonce"), "-o", life.file("g.request"))
        got = served.post("/v1/grant", life.file("g.request").read_bytes(), "request")
        for name, file in (("grant", "grant.dsse"), ("manifest", "manifest.dsse"), ("assets", "grant.bin")):
            life.file(file).write_bytes(base64.b64decode(got.json()[name]))
        life.install()
        served.post("/v1/receipt", life.file("receipt.json").read_bytes(), "receipt")
        life.format_disk()

    def order(self):
        self.life.ordered("--delivery", "online")
        got = self.served.post("/v1/orders", self.life.file("order.dsse").read_bytes(), "order", "approver")
        self.assertEqual(got.status, 200, got)
        self.addCleanup(self.served.post, f"/v1/orders/{got.json()['order']}/cancel", token="approver")
        self.life.here("wipe", "ask", self.life.file("order.dsse"), "-o", self.life.file("ask.json"))
        return got.json()["order"]

    def release(self):
        return self.served.post("/v1/release", self.life.file("ask.json").read_bytes(), "application/json")

    def stays(self):
        self.life.wipe(want=1, code="order.release")
        self.assertIn(b"OPERATIONAL", self.life.here("state").stdout)

    def test_an_order_that_is_held_or_cancelled_is_not_let_go(self):
        digest = self.order()
        self.served.report()
        self.assertEqual(self.served.post(f"/v1/orders/{digest}/hold", token="operator").status, 200)
        got = self.release()
        self.assertEqual((got.status, got.code), (409, "release.held"), got)
        self.assertEqual(self.served.post(f"/v1/orders/{digest}/resume", token="operator").code, "access.role")
        self.assertEqual(self.served.post(f"/v1/orders/{digest}/cancel", token="approver").status, 200)
        got = self.release()
        self.assertEqual((got.status, got.code), (403, "release.cancelled"), got)
        self.assertEqual(self.served.get(f"/v1/order/{digest}").code, "release.cancelled")
        self.assertNotEqual(self.served.post(f"/v1/orders/{digest}/resume", token="approver").status, 200, "cancelled is for ever")
        self.assertEqual(self.release().code, "release.cancelled")
        self.assertNotIn("order", self.served.report().json())
        self.stays()

    def test_an_order_is_let_go_for_a_device_that_reports_now(self):
        self.order()
        self.sql("UPDATE report SET affirmed_nonce_s = affirmed_nonce_s - 100")
        got = self.release()
        self.assertEqual((got.status, got.code), (409, "release.stale"), got)
        self.assertIn("nonce", got.json())
        ask = json.loads(self.life.file("ask.json").read_bytes())
        for change, code in (({"order": attacked.NOBODY}, "order.unknown"), ({"device": attacked.NOBODY}, "device.unknown")):
            got = self.served.post("/v1/release", canonical({**ask, **change}), "application/json")
            self.assertEqual((got.status, got.code), (404, code), got)
        self.stays()

    def test_time_to_think_again_passes_before_an_order_is_let_go(self):
        self.served.configure(orders__grace_s=3600)
        self.served.reload()
        try:
            digest = self.order()
            self.served.report()
            got = self.release()
            self.assertEqual((got.status, got.code), (409, "release.grace"), got)
            self.assertIn(int(got.fields["retry-after"]), range(3500, 3601))
            self.assertEqual(self.served.post(f"/v1/orders/{digest}/cancel", token="approver").status, 200)
        finally:
            self.served.configure(orders__grace_s=None)
            self.served.reload()

    def test_without_a_grace_no_clock_holds_an_order_back(self):
        """CHECKS 62: it was accepted while the clock stood in the future."""
        self.order()
        self.served.report()
        self.sql("UPDATE orders SET accepted_s = accepted_s + 1000000000")
        self.assertEqual(self.release().status, 200)

    def test_an_order_that_its_people_did_not_sign_is_not_taken(self):
        life = self.life
        self.life.ordered("--delivery", "online")
        for file, code in (("order.1.dsse", "order.holders"), ("root.dsse", "dsse.type")):
            got = self.served.post("/v1/orders", life.file(file).read_bytes(), "order", "approver")
            self.assertEqual((got.status, got.code), (403, code), got)


if __name__ == "__main__":
    unittest.main(verbosity=2)
