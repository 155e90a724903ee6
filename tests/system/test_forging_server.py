"""A stolen server: what it can make a device believe, and what it cannot. One test for each line of that list.

The thief has what a server has: the keys `provision` and `verifier`, its TLS key, the release values' ciphers it hands out, the online
parameters, every document that ever went through it. What he makes is made here, by Python's own cryptography; the device is Cairn's.

Can: misjudge, withhold, read and replace online parameters, replay a release at or above the floor, burn one epoch for each grant.
Cannot: install what `release` did not sign, go under the floor, set parameters of scope `release`, wipe, change the root, enrol, make a
certificate.
"""
import base64
import copy
import hashlib
import json
import unittest
import urllib.parse

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from life import BIN, Life
from served import TYPE, canonical, life_with_server
from thief import Thief, b64, payload_of

OTHER = "ee" * 32


class Forged(unittest.TestCase):
    """From an enrolled device with a release at hand, restored for each test."""

    @classmethod
    def setUpClass(cls):
        cls.life = life = Life()
        cls.addClassCleanup(life.remove)
        life.manufactured()
        life.enrolled()
        life.approved()
        life.manifest()
        life.file("manifest.1.dsse").write_bytes(life.file("manifest.dsse").read_bytes())
        life.file("params.1.json").write_bytes(life.file("params.json").read_bytes())
        life.grant()
        life.snapshot("granted")

    def setUp(self):
        self.life.restore("granted")
        self.thief = Thief(self.life)
        self.life.grant()

    def refuses(self, code, grant="grant.dsse", manifest="manifest.dsse", assets="grant.bin"):
        life = self.life
        life.here("install", life.file(grant), life.file(manifest), life.file(assets), "-o", life.file("r.json"), want=1, code=f"{code}:")
        self.assertFalse(life.file("r.json").exists())
        self.assertIn(b"ENROLLED", life.here("state").stdout)

    def still_installs(self):
        self.life.install()
        self.assertIn(b"OPERATIONAL", self.life.here("state").stdout)

    def granted(self):
        return payload_of(self.life.file("grant.dsse"))

    def regrant(self, **changes):
        """The genuine grant with something else in it, signed with the genuine key."""
        return self.thief.sign("forged.dsse", "grant", {**self.granted(), **changes}, "provision")


class Cannot(Forged):
    def test_install_a_release_that_the_release_role_did_not_sign(self):
        manifest = payload_of(self.life.file("manifest.dsse"))
        for role in ("provision", "verifier"):
            self.thief.sign("forged.m", "manifest", manifest, role)
            self.refuses("manifest.signer", manifest="forged.m")
        self.thief.sign("forged.m", "manifest", manifest, "provision", claim="release")
        self.refuses("signature.invalid", manifest="forged.m")
        self.thief.write("forged.m", {**json.loads(self.life.file("manifest.dsse").read_bytes()), "signatures": []})
        self.refuses("dsse.format", manifest="forged.m")
        self.still_installs()

    def test_alter_a_release(self):
        manifest = payload_of(self.life.file("manifest.dsse"))
        changed = copy.deepcopy(manifest)
        changed["parameters"]["luks.key"]["scope"] = "online"
        for changes in ({"floor": 0}, {"svn": 9}, {"parameters": changed["parameters"]}, {"class": "other"}, {"approvals": manifest["approvals"][:0]}):
            self.thief.alter("forged.m", "manifest.dsse", **changes)
            digest = hashlib.sha256(base64.b64decode(json.loads(self.life.file("forged.m").read_bytes())["payload"])).hexdigest()
            self.regrant(manifest=digest)
            self.refuses("signature.invalid", grant="forged.dsse", manifest="forged.m")
        self.still_installs()

    def test_install_assets_other_than_the_releases(self):
        assets = self.life.file("grant.bin").read_bytes()
        for at, code in ((0, "assets.format"), (len(assets) // 2, "assets.tag"), (len(assets) - 1, "assets.tag")):
            self.life.file("forged.bin").write_bytes(assets[:at] + bytes([assets[at] ^ 1]) + assets[at + 1:])
            self.refuses("grant.assets", assets="forged.bin")
            self.regrant(assets=hashlib.sha256(self.life.file("forged.bin").read_bytes()).hexdigest())
            self.refuses(code, grant="forged.dsse", assets="forged.bin")
        self.still_installs()

    def test_set_a_parameter_of_scope_release(self):
        """Two genuine releases; the values of the one under the manifest of the other."""
        life = self.life
        life.file("params.json").write_text(
            '{"salt": "' + "7e" * 32 + '", "parameters": {"api.token": {"scope": "online", "value": "a token"},'
            ' "luks.key": {"scope": "release", "generate": 32}, "trust.anchor": {"scope": "release", "value": "the thief\'s"}}}\n')
        life.run("manifest", "new", *life.roots(), "--vault", life.file("params.json"), "--svn", 2, "--floor", 1, "--approval",
                 life.file("pcr.approval"), "-o", life.file("manifest.json"))
        life.run("manifest", "sign", life.file("manifest.json"), "--key", life.file("release.key"), "-o", life.file("manifest.dsse"))
        life.grant("other")
        first = self.granted()["manifest"]
        forged = {**payload_of(life.file("other.dsse")), "manifest": first}
        self.thief.sign("forged.dsse", "grant", forged, "provision")
        self.life.here("install", life.file("forged.dsse"), life.file("manifest.1.dsse"), life.file("other.bin"), want=1, code="assets.")
        self.assertIn(b"ENROLLED", life.here("state").stdout)
        # nor does the server's own tool make a grant of values that the release did not fix
        life.file("params.json").write_text(life.file("params.json").read_text().replace("the thief's", "another"))
        life.attest("evidence", "third-evidence")
        life.ask("grant", "third")
        life.here("grant", "request", "--nonce", life.file("third.nonce"), "-o", life.file("third.request"))
        life.grant_new("third", want=1, code="grant.params.digest")
        # nor does an online value change its scope
        life.file("params.json").write_text(life.file("params.1.json").read_text().replace('"scope": "release"', '"scope": "online"'))
        life.file("manifest.dsse").write_bytes(life.file("manifest.1.dsse").read_bytes())
        life.grant_new("third", want=1, code="params.")

    def test_give_a_grant_for_something_else(self):
        granted = self.granted()
        step = f"{int(granted['from'], 16) + 3:016x}"
        for code, changes in [("grant.fleet", {"fleet": OTHER}), ("grant.class", {"class": "other"}), ("grant.root", {"root_version": 2}),
                              ("grant.first", {"first": False}), ("grant.to", {"to": step}), ("grant.to", {"to": granted["from"]}),
                              ("grant.expired", {"issued": granted["issued"] - 100, "expires": granted["issued"] - 50}), ("grant.device", {"device": OTHER}),
                              ("grant.ak", {"ak": "000b" + OTHER}), ("grant.manifest", {"manifest": OTHER}), ("grant.assets", {"assets": OTHER})]:
            with self.subTest(code=code, changes=changes):
                self.regrant(**changes)
                self.refuses(code, grant="forged.dsse")
        ahead = {"from": granted["to"], "to": f"{int(granted['to'], 16) + 2:016x}"}
        self.regrant(**ahead)
        self.refuses("grant.epoch", grant="forged.dsse")
        self.still_installs()

    def test_give_a_grant_without_the_provision_key(self):
        self.thief.sign("forged.dsse", "grant", self.granted(), "verifier")
        self.refuses("grant.signer", grant="forged.dsse")
        self.thief.alter("forged.dsse", "grant.dsse", expires=self.granted()["expires"] + 86400)
        self.refuses("signature.invalid", grant="forged.dsse")

    def test_open_another_boot_state(self):
        """The PCR values in a grant are the server's word; the TPM opens under its own."""
        life = self.life
        life.boot("sb-uki-tampered-cmdline")
        self.refuses("grant.boot")

    def test_go_under_the_floor(self):
        """After a release with floor 2, that of floor 1 is no way back: neither as it is nor with a floor written over."""
        life = self.life
        life.run("policy", "approve", life.file("policy.dsse"), *life.roots(), "--floor", 2, "--key", life.file("pcrpolicy.key"), "-o",
                 life.file("pcr.2.approval"))
        life.run("manifest", "new", *life.roots(), "--vault", life.file("params.json"), "--svn", 2, "--floor", 2, "--approval",
                 life.file("pcr.2.approval"), "-o", life.file("m2.json"))
        life.run("manifest", "sign", life.file("m2.json"), "--key", life.file("release.key"), "-o", life.file("manifest.dsse"))
        life.grant("two")
        life.install("two")
        old = payload_of(life.file("grant.dsse"))
        now = payload_of(life.file("two.dsse"))["to"]
        for changes in ({}, {"from": now, "to": f"{int(now, 16) + 2:016x}"}):
            self.thief.sign("forged.dsse", "grant", {**old, **changes}, "provision")
            life.here("install", life.file("forged.dsse"), life.file("manifest.1.dsse"), life.file("grant.bin"), want=1, code="grant.installed:")
        self.thief.alter("forged.m", "manifest.1.dsse", floor=2, svn=3)
        life.here("install", life.file("forged.dsse"), life.file("forged.m"), life.file("grant.bin"), want=1, code="signature.invalid:")
        self.assertIn(b"OPERATIONAL", life.here("state").stdout)
        self.assertEqual(life.here("store", "get", "api.token").stdout.strip(), b"a token")

    def test_change_the_root(self):
        root = payload_of(self.life.file("root.dsse"))
        second = {**root, "version": 2, "fleet": payload_of(self.life.file("statement.dsse"))["fleet"]}
        for roles in (("provision",), ("verifier",), ("provision", "verifier")):
            for payload, code in ((second, "root.version:"), (root, "root.signer:"), ({**root, "class": "other"}, "root.signer:")):
                self.thief.sign("forged.root", "root", payload, *roles)
                for command in (["device", "init", self.life.file("forged.root")], ["root", "show", self.life.file("forged.root")]):
                    self.life.here(*command, want=1, code=code)
        self.still_installs()

    def test_make_the_device_measure_another_root_unseen(self):
        life = self.life
        self.thief.sign("forged.root", "root", {**payload_of(life.file("root.dsse")), "class": "another"}, "provision")
        life.run("--root", life.file("forged.root"), "--log", life.file("userspace.log"), "--boot-id", life.file("boot.id"), "--tcti", life.tcti,
                 program=BIN / "cairn-measure", want=1, code="measure.root.other")

    def test_enrol(self):
        statement = payload_of(self.life.file("statement.dsse"))
        for role in ("provision", "verifier"):
            self.thief.sign("forged.s", "statement", {**statement, "serial": "T-9999"}, role)
            self.life.here("enrol", "accept", self.life.file("forged.s"), want=1, code="statement.signer:")
        self.thief.sign("forged.s", "statement", statement, "provision", claim="enrol")
        self.life.here("enrol", "accept", self.life.file("forged.s"), want=1, code="signature.invalid:")
        self.thief.alter("forged.s", "statement.dsse", serial="T-9999")
        self.life.here("enrol", "accept", self.life.file("forged.s"), want=1, code="signature.invalid:")
        self.still_installs()

    def test_wipe_without_an_order(self):
        life = self.life
        self.still_installs()
        life.format_disk()
        key = life.here("store", "get", "luks.key").stdout
        life.ordered("--delivery", "online")
        order = payload_of(life.file("order.dsse"))
        wipe = ["--here", "--out", life.out]
        for roles, code in ((("provision", "verifier"), "order.signer:"), (("alice",), "order.holders:")):
            self.thief.sign("forged.order", "order", order, *roles)
            life.here("wipe", "run", life.file("forged.order"), *wipe, want=1, code=code)
        for changes in ({"delivery": "offline"}, {"mode": "retire", "reason": "for sale"}, {"expires": order["expires"] + 1}):
            self.thief.alter("forged.order", "order.dsse", **changes)
            life.here("wipe", "run", life.file("forged.order"), *wipe, want=1, code="signature.invalid:")
        # a release without an order, and for another one
        life.here("wipe", "ask", life.file("order.dsse"), "-o", life.file("nonce.json"))
        life.release()
        release = payload_of(life.file("release.dsse"))
        life.here("wipe", "run", life.file("release.dsse"), *wipe, want=1, code="dsse.type:")
        for changes, code in (({"order": OTHER}, "release.order:"), ({"nonce": OTHER}, "release.nonce:"), ({"device": OTHER}, "release.device:"),
                              ({"fleet": OTHER}, "release.fleet:")):
            self.thief.sign("forged.release", "release", {**release, **changes}, "verifier")
            life.here("wipe", "run", life.file("order.dsse"), "--release", life.file("forged.release"), *wipe, want=1, code=code)
        self.thief.sign("forged.release", "release", release, "provision")
        life.here("wipe", "run", life.file("order.dsse"), "--release", life.file("forged.release"), *wipe, want=1, code="release.signer:")
        self.assertFalse(life.out.exists())
        self.assertIn(b"OPERATIONAL", life.here("state").stdout)
        self.assertTrue(life.disk_opens(key))

    def test_make_or_alter_a_certificate(self):
        life = self.life
        self.still_installs()
        life.format_disk()
        life.ordered()
        life.wipe()
        genuine = json.loads((life.out / "certificate.json").read_bytes())
        payload = json.loads(base64.b64decode(genuine["payload"]))
        type_ = TYPE.format("certificate")
        for change in sorted(payload):
            if change in ("v", "type"):
                continue
            altered = canonical({**payload, change: "other" if isinstance(payload[change], str) else OTHER})
            self.thief.write("forged.c", {**genuine, "payload": b64(altered), "signatures": [self.thief.signature("verifier", type_, altered)]})
            life.verify(life.file("forged.c"), want=1, code="attestation.extra:")
        text = base64.b64decode(genuine["payload"])
        self.thief.write("forged.c", {**genuine, "tpm": [], "signatures": [self.thief.signature("verifier", type_, text)]})
        life.verify(life.file("forged.c"), want=1, code="tpmdoc.format:")
        # what it can: put its name under a genuine one, which changes nothing
        self.thief.write("signed.c", {**genuine, "signatures": [self.thief.signature("verifier", type_, text)]})
        life.verify(life.file("signed.c"))


class Can(Forged):
    def test_replace_and_read_online_parameters(self):
        life = self.life
        life.file("params.json").write_text(life.file("params.json").read_text().replace('"a token"', '"the thief\'s token"'))
        life.grant("mine")
        life.install("mine")
        self.assertEqual(life.here("store", "get", "api.token").stdout.strip(), b"the thief's token")
        self.assertEqual(len(life.here("store", "get", "luks.key").stdout), 32)

    def test_replay_a_release_at_or_above_the_floor(self):
        life = self.life
        life.run("manifest", "new", *life.roots(), "--vault", life.file("params.json"), "--svn", 7, "--floor", 1, "--approval",
                 life.file("pcr.approval"), "-o", life.file("m7.json"))
        life.run("manifest", "sign", life.file("m7.json"), "--key", life.file("release.key"), "-o", life.file("m7.dsse"))
        self.still_installs()  # of svn 1, though svn 7 is out

    def test_burn_one_epoch_for_a_grant_and_no_more(self):
        life = self.life
        granted = self.granted()
        self.still_installs()
        receipt = json.loads(life.file("receipt.json").read_bytes())
        self.assertEqual(json.loads(base64.b64decode(receipt["payload"]))["to"], granted["to"])
        again = {**granted, "from": granted["to"], "to": f"{int(granted['to'], 16) + 2:016x}"}
        self.thief.sign("forged.dsse", "grant", again, "provision")
        life.here("install", life.file("forged.dsse"), life.file("manifest.dsse"), life.file("grant.bin"), want=1, code="grant.installed:")
        self.assertEqual(life.here("store", "get", "api.token").stdout.strip(), b"a token")

    def test_withhold_and_the_device_goes_on_without_it(self):
        self.still_installs()
        self.life.boot()
        self.assertEqual(self.life.here("store", "get", "api.token").stdout.strip(), b"a token")


class Misjudges(unittest.TestCase):
    """Can: call a boot affirming that was not. Cannot: with any other key, or with the device's help."""

    AUDIENCE = "https://relying.example"

    def setUp(self):
        self.life = life = Life()
        self.addCleanup(life.remove)
        _, self.served = life_with_server(life)
        self.addCleanup(self.served.stop)
        self.thief = Thief(life)

    def result(self):
        got = self.served.report(query="?aud=" + urllib.parse.quote(self.AUDIENCE, safe=""))
        self.assertEqual(got.status, 200, got)
        return got.json()["ear"]

    @staticmethod
    def read(part):
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))

    def resign(self, role, head, claims):
        signed = b".".join(base64.urlsafe_b64encode(canonical(part)).rstrip(b"=") for part in (head, claims))
        r, s = utils.decode_dss_signature(self.thief.key(role).sign(signed, ec.ECDSA(hashes.SHA256())))
        return (signed + b"." + base64.urlsafe_b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).rstrip(b"=")).decode()

    def seal(self, ear, **options):
        life = self.life
        life.file("ear.jwt").write_text(ear)
        life.file("secret").write_bytes(b"what a relying party hands out")
        life.file("secret").chmod(0o600)
        return life.run("seal", "--for", life.file("ear.jwt"), "--root", life.file("root.dsse"), "--audience", self.AUDIENCE, "--in", life.file("secret"),
                        "-o", life.file("sealed.json"), **options)

    def test_a_result_is_only_as_good_as_the_verifiers_key(self):
        good = self.result()
        self.seal(good)
        self.life.boot("sb-uki-tampered-cmdline")
        bad = self.result()
        self.seal(bad, want=1, code="ear.status")
        (head, claims, signature), (_, affirming, _) = bad.split("."), good.split(".")
        lie = {**self.read(claims), "submods": self.read(affirming)["submods"]}
        body = base64.urlsafe_b64encode(canonical(lie)).rstrip(b"=").decode()
        self.seal(f"{head}.{body}.{signature}", want=1, code="signature.invalid:")
        self.seal(self.resign("provision", {**self.read(head), "kid": self.thief.keyid("provision")}, lie), want=1, code="ear.signer:")
        self.seal(self.resign("provision", self.read(head), lie), want=1, code="signature.invalid:")
        self.seal(self.resign("verifier", self.read(head), lie))  # can
        # but the boot that was lied about does not open it: the values are those of the boot that was affirmed
        done = self.life.here("unseal", self.life.file("sealed.json"), want=1)
        self.assertNotIn(b"what a relying party", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
