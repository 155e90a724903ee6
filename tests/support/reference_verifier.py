#!/usr/bin/env python3
"""A second opinion on a wipe certificate: from the documents alone, with no line shared with Cairn.

usage: reference_verifier.py CERTIFICATE ROOT [ROOT...]

Prints one JSON object: {"verdict": "genuine", facts...} or {"verdict": "refused", "code", "text"}. Exit 0 or 1.
Written from docs/formats.md and the TPM 2.0 specification, part 2; needs python3-cryptography.
"""
import base64
import hashlib
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import load_der_public_key

TYPE = "application/vnd.cairn.%s.v1+json"
SPKI_HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
AK_HEAD = bytes.fromhex("0023000b00050472000000100018000b00030010")  # TPMT_PUBLIC up to the point
EK_HEAD = bytes.fromhex("0023000b000300b20020837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa00060080004300100003"
                        "0010")  # TCG template L-2
SRK_HEAD = bytes.fromhex("0023000b00030472000000060080004300100003" "0010")
EPOCH_TAIL = bytes.fromhex("000b2204001200000008")  # TPMS_NV_PUBLIC behind the index number
PCRS = 0x3FF
ENDORSEMENT = bytes.fromhex("4000000b")

NOT_PROVED = [
    "A TPM proves what it did itself, not what software did to a disk: media lines are the word of the software that ran.",
    "Copies made earlier (backups, header copies, snapshots, escrowed keys) are not reached; data sealed by the TPM is dead in "
    "every copy.",
    "A medium that was not listed was not treated.",
    "Whether data ever lay unencrypted on a medium, and what its spare area holds, is not known to the device.",
    "The state of a virtual TPM can be copied; a copy taken before the counter moved is not reached.",
]


class Refused(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def need(condition, code, text):
    if not condition:
        raise Refused(code, text)


def sha256(data):
    return hashlib.sha256(data).digest()


def pae_digest(kind, data):
    name = (TYPE % kind).encode()
    return sha256(b"DSSEv1 %d %s %d %s" % (len(name), name, len(data), data))


def unbase64(text):
    data = base64.b64decode(text, validate=True)
    need(base64.b64encode(data).decode() == text, "json.canonical", "base64 that is not canonical")
    return data


def unhex(text, size):
    need(len(text) == 2 * size and text == text.lower(), "json.member", "hex of the wrong length or case")
    return bytes.fromhex(text)


def no_reals(text):
    raise Refused("json.canonical", "a real number: %s" % text)


def parse(data):
    """Canonical JSON: what is written again is what was read."""
    value = json.loads(data.decode("utf-8"), parse_float=no_reals, parse_constant=no_reals)
    again = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    need(again == data, "json.canonical", "not the canonical text")
    need(isinstance(value, dict), "json.syntax", "not an object")
    return value


def parse_file(data):
    return parse(data[:-1] if data.endswith(b"\n") else data)


def members(value, names):
    need(set(value) == set(names.split()), "json.member", "members are %s, wanted %s" % (sorted(value), names))
    return value


# --- people's signatures ---------------------------------------------------------------------------------------------


def ecdsa(point, digest, r, s):
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + point)
    key.verify(utils.encode_dss_signature(r, s), digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))


def spki_point(der):
    need(len(der) == 91 and der[:26] == SPKI_HEAD and der[26] == 4, "key.spki", "not the one encoding of a P-256 key")
    load_der_public_key(der)
    return der[27:]


def open_dsse(data, kind):
    envelope = members(parse_file(data), "payload payloadType signatures")
    need(envelope["payloadType"] == TYPE % kind, "dsse.type", "an envelope of another type")
    ids = [members(s, "keyid sig")["keyid"] for s in envelope["signatures"]]
    need(1 <= len(ids) <= 16 and len(set(ids)) == len(ids), "dsse.format", "none, too many or doubled signatures")
    return unbase64(envelope["payload"]), envelope["signatures"]


def holders(root, role, kind, payload, signatures, strict):
    """The distinct holders of `role` that signed; with `strict` every signature must be by a key of that role."""
    digest = pae_digest(kind, payload)
    names = set()
    for one in signatures:
        known = one["keyid"] in root["roles"].get(role, {"keys": []})["keys"]
        need(known or not strict, kind + ".signer", "a signature by a key that is not of role " + role)
        if known:
            entry = root["keys"][one["keyid"]]
            raw = unbase64(one["sig"])
            need(len(raw) == 64, "dsse.format", "a signature of another length")
            try:
                ecdsa(spki_point(unbase64(entry["spki"])), digest, int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
            except InvalidSignature:
                raise Refused("signature.invalid", "a signature does not verify") from None
            names.add(entry["holder"])
    return names


def read_root(payload):
    root = parse(payload)
    members(root, "class keys roles single_person v version" + (" fleet" if root.get("version", 1) > 1 else ""))
    points = [spki_point(unbase64(k["spki"])) for k in root["keys"].values()]
    need(len(set(points)) == len(points), "root.key.double", "one key twice")
    for name, entry in root["keys"].items():
        need(sha256(unbase64(entry["spki"])).hex() == name, "root.key.id", "a key under another id")
    used = [k for role in root["roles"].values() for k in role["keys"]]
    need(sorted(used) == sorted(root["keys"]), "root.key.role", "a key in no role, or in two")
    for name, role in root["roles"].items():
        have = {root["keys"][k]["holder"] for k in role["keys"]}
        need(1 <= role["threshold"] <= len(have), "root.role.threshold", "role %s can never sign" % name)
    need(root["roles"]["retire"]["threshold"] >= 2 or root["single_person"], "root.retire.single", "one person may retire")
    return root


def open_roots(files):
    root = None
    for number, data in enumerate(files, 1):
        payload, signatures = open_dsse(data, "root")
        after = read_root(payload)
        need(after["version"] == number, "root.version", "versions do not follow each other")
        after["id"] = sha256(payload) if number == 1 else unhex(after["fleet"], 32)
        for judge in filter(None, (root, after)):
            enough = len(holders(judge, "root", "root", payload, signatures, False)) >= judge["roles"]["root"]["threshold"]
            need(enough, "root.threshold", "not signed by enough holders of role root")
        need(root is None or (root["id"], root["class"]) == (after["id"], after["class"]), "root.chain", "another fleet or class")
        root = after
    return root


def open_signed(root, data, kind, role):
    payload, signatures = open_dsse(data, kind)
    enough = len(holders(root, role, kind, payload, signatures, True)) >= root["roles"][role]["threshold"]
    need(enough, kind + ".holders", "signed by too few different holders")
    return parse(payload), sha256(payload)


# --- the TPM's words --------------------------------------------------------------------------------------------------


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        need(0 <= size <= len(self.data) - self.at, "tpm.attest", "a structure ends too early")
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def sized(self):
        return self.take(self.number(2))

    def end(self):
        need(self.at == len(self.data), "tpm.attest", "bytes left over")


def name_of(area):
    return b"\x00\x0b" + sha256(area)


def read_selection(r):
    need(r.number(4) == 1 and r.number(2) == 0x0B and r.number(1) == 3, "tpm.selection", "not one SHA-256 bank")
    return int.from_bytes(r.take(3), "little")


def read_claim(attest, kind, signer, extra):
    r = Reader(attest)
    need(r.number(4) == 0xFF544347, "attestation.magic", "not generated by a TPM")
    need(r.number(2) == kind, "attestation.type", "another type of attestation")
    need(r.sized() == signer, "attestation.signer", "signed by another key or in another hierarchy")
    need(r.sized() == extra, "attestation.extra", "made for another document")
    claim = {"clock": r.number(8), "resets": r.number(4), "restarts": r.number(4), "safe": r.number(1), "firmware": r.number(8)}
    if kind == 0x8018:
        claim["mask"], claim["digest"] = read_selection(r), r.sized()
    elif kind == 0x8014:
        claim["index"], claim["offset"], claim["contents"] = r.sized(), r.number(2), r.sized()
    elif kind == 0x8016:
        claim["exclusive"], claim["digest"] = r.number(1), r.sized()
    r.end()
    return claim


def read_signature(data):
    r = Reader(data)
    need(r.number(2) == 0x18 and r.number(2) == 0x0B, "tpm.signature", "not ECDSA with SHA-256")
    pair = int.from_bytes(r.sized(), "big"), int.from_bytes(r.sized(), "big")
    r.end()
    return pair


def verify_claim(attest, signature, kind, ak, extra):
    signer = b"\x00\x0b" + sha256(ENDORSEMENT + name_of(ak))
    claim = read_claim(attest, kind, signer, extra)
    try:
        ecdsa(ak_point(ak), sha256(attest), *read_signature(signature))
    except InvalidSignature:
        raise Refused("attestation.signature", "the TPM's signature does not verify") from None
    return claim


def ak_point(ak):
    need(ak[:20] == AK_HEAD and len(ak) == 88, "tpm.ak.attributes", "not a restricted signing key of the TPM")
    need(ak[20:22] == b"\x00\x20" and ak[54:56] == b"\x00\x20", "tpm.ak.attributes", "coordinates of another length")
    return ak[22:54] + ak[56:88]


def open_tpmdoc(data, kind, num, audit):
    doc = parse_file(data)
    need(doc.get("payloadType") == TYPE % kind, "tpmdoc.type", "another document")
    members(doc, "payload payloadType tpm" + (" audit signatures" if audit else ""))
    need(len(doc["tpm"]) == num, "tpmdoc.attestations", "another number of attestations")
    return doc, unbase64(doc["payload"])


def countersigners(root, signatures, payload):
    """The holders of role verifier who signed the certificate too; every signature that is there must be right."""
    ids = [unhex(members(s, "keyid sig")["keyid"], 32) for s in signatures]
    need(len(ids) <= 4 and ids == sorted(set(ids)), "tpmdoc.format", "counter-signatures that do not ascend, or too many")
    known = root["roles"].get("verifier", {"keys": []})["keys"]
    need(all(i.hex() in known for i in ids), "certificate.countersigner", "a counter-signature by no verifier")
    holders(root, "verifier", "certificate", payload, signatures, True)
    return [root["keys"][i.hex()]["holder"] for i in ids]


def head(value, wanted, extra):
    members(value, "ak challenge device fleet v " + extra)
    for key in ("fleet", "device", "ak", "challenge"):
        code = "document." + ("nonce" if key == "challenge" else key)
        need(value[key] == wanted[key], code, "%s is of another device, fleet or order" % key)
    need(value["v"] == 1, "json.member", "another version")


def verify_kill(data, order, entry, statement, wanted):
    doc, payload = open_tpmdoc(data, "kill", 2, False)
    extra = pae_digest("kill", payload)
    counter, quote = (
        verify_claim(unbase64(a["attest"]), unbase64(a["signature"]), kind, statement["ak"], extra)
        for a, kind in zip(doc["tpm"], (0x8014, 0x8018)))
    for key in ("resets", "restarts"):
        need(counter[key] == quote[key], "attestation.boot", "two boots presented as one")
    value = parse(payload)
    head(value, wanted, "order target")
    need(value["order"] == order["digest"], "kill.order", "of another order")
    need(counter["index"] == name_of(statement["epoch"]), "attestation.index", "another index than the epoch")
    need(counter["offset"] == 0 and len(counter["contents"]) == 8, "attestation.index", "not the whole counter")
    now, target, floor = int.from_bytes(counter["contents"], "big"), int(value["target"], 16), entry["to"] + 2
    need(target >= floor, "kill.target", "aims below the order's floor")
    need(now >= max(floor, target), "kill.counter", "the counter did not get there")
    need(quote["mask"] & PCRS == PCRS, "kill.pcrs", "quoted over fewer PCRs")
    return now


# --- the audited list -------------------------------------------------------------------------------------------------


def audit_digest(steps):
    digest = bytes(32)
    for cp, rp in steps:
        digest = sha256(digest + sha256(cp) + sha256(rp))
    return digest


class Walk:
    """The audited commands in order; every byte of each is read."""

    def __init__(self, steps, statement, extra):
        self.steps, self.at, self.statement, self.extra = steps, 0, statement, extra

    def code(self):
        return self.steps[self.at][0][:4].hex() if self.at < len(self.steps) else "end"

    def step(self, code, what):
        need(self.code() == code, "audit.sequence", "step %d is not %s" % (self.at + 1, what))
        cp, rp = Reader(self.steps[self.at][0]), Reader(self.steps[self.at][1])
        cp.take(4)
        need(rp.number(4) == 0 and rp.take(4).hex() == code, "audit.bytes", "the answer is not this command's")
        self.at += 1
        return cp, rp

    def stir(self):
        cp, rp = self.step("00000146", "StirRandom")
        need(cp.sized() == self.extra, "audit.stir", "started for another wipe")
        cp.end(), rp.end()

    def quote(self):
        cp, rp = self.step("00000158", "Quote")
        need(cp.take(34) == name_of(self.statement["ak"]), "audit.ak", "quoted with another key")
        need(cp.sized() == self.extra, "attestation.extra", "quoted over something else")
        scheme = cp.number(2)
        need(scheme == 0x10 or (scheme == 0x18 and cp.number(2) == 0x0B), "audit.bytes", "another scheme")
        asked = read_selection(cp)
        attest = rp.sized()
        claim = verify_claim(attest, rp.take(len(rp.data) - rp.at), 0x8018, self.statement["ak"], self.extra)
        need(claim["mask"] == asked, "audit.bytes", "answered other PCRs than asked")
        cp.end()
        return claim

    def handles(self, first):
        cp, rp = self.step("0000017a", "GetCapability")
        need((cp.number(4), cp.number(4)) == (1, first), "audit.handles", "another list")
        cp.number(4), cp.end()
        need(rp.number(1) == 0, "audit.handles", "the list is not complete")
        need(rp.number(4) == 1, "audit.bytes", "not a list of handles")
        found = [rp.number(4) for _ in range(rp.number(4))]
        rp.end()
        need(found == sorted(set(found)) and all(h >> 24 == first >> 24 for h in found), "audit.bytes", "a list out of order")
        return found

    def undefines(self):
        num = 0
        while self.code() == "00000122":
            cp, rp = self.step("00000122", "NV_UndefineSpace")
            need(cp.number(4) == 0x40000001 and cp.number(2) in (4, 11, 12), "audit.bytes", "not an index of the owner")
            rp.end()
            num += 1
        return num

    def clear(self):
        cp, rp = self.step("00000126", "Clear")
        need(cp.number(4) in (0x4000000A, 0x4000000C), "audit.bytes", "not by lockout or platform")
        cp.end(), rp.end()

    def create(self):
        ak = self.statement["ak"]
        cp, rp = self.step("00000131", "CreatePrimary")
        good = cp.number(4) == 0x4000000B and cp.sized() == bytes(4)
        template = cp.sized()
        good = good and len(template) == len(ak) and template[:20] == ak[:20] and cp.number(2) == 0 and cp.number(4) == 0
        cp.end()
        good = good and rp.sized() == ak
        rp.sized(), rp.sized()
        good = good and rp.number(2) == 0x8021
        rp.number(4), rp.sized()
        need(good and rp.sized() == name_of(ak), "audit.ak", "not the enrolled key again")
        rp.end()


def judge_audit(steps, statement, extra):
    clears = sum(1 for cp, _ in steps if cp[:4].hex() == "00000126")
    need(clears == 1, "audit.clear", "%d Clears in the list" % clears)
    walk, facts = Walk(steps, statement, extra), {}
    walk.stir()
    facts["before"] = walk.quote()
    facts["nv_before"], facts["persistent_before"] = walk.handles(0x01000000), walk.handles(0x81000000)
    facts["undefined"] = walk.undefines()
    walk.clear()
    facts["nv_after"], facts["persistent_after"] = walk.handles(0x01000000), walk.handles(0x81000000)
    walk.create()
    facts["after"] = walk.quote()
    need(walk.code() == "end", "audit.sequence", "the list goes on")
    before, after = facts["before"], facts["after"]
    need(before["mask"] == after["mask"], "audit.selection", "two selections")
    need(after["resets"] == 0 and after["restarts"] == 0 and after["clock"] <= before["clock"], "audit.clock", "not after a Clear")
    left = [h for h in facts["nv_after"] if 0x01800000 <= h <= 0x01BFFFFF]
    left += [h for h in facts["persistent_after"] if h <= 0x817FFFFF]
    need(not left, "audit.handles", "something of the owner is still there")
    need(before["mask"] & PCRS == PCRS, "certificate.pcrs", "quoted over fewer PCRs")
    return facts


# --- the certificate --------------------------------------------------------------------------------------------------


def enroller(value):
    """The optional member: absent, or "server"."""
    need(value.get("enroller", "server") == "server", "json.member", "an enroller of no known kind")
    return " enroller" if "enroller" in value else ""


def open_statement(root, data):
    value, _ = open_signed(root, data, "statement", "enrol")
    members(value, "ak anchors class device ek ek_certificate epoch epoch_value fleet issued root_version serial site srk tag tpm v"
            + enroller(value))
    for key in ("ak", "ek", "srk", "epoch"):
        value[key] = unbase64(value[key])
    need(value["fleet"] == root["id"].hex(), "statement.fleet", "of another fleet")
    need(value["class"] == root["class"], "statement.class", "of another class")
    ak_point(value["ak"])
    need(value["ek"].startswith(EK_HEAD), "tpm.ek.template", "not an endorsement key")
    need(value["srk"].startswith(SRK_HEAD), "tpm.srk.template", "not a storage root key")
    need(value["epoch"][4:] == EPOCH_TAIL, "tpm.epoch.template", "not the epoch counter")
    need(sha256(name_of(value["ek"])).hex() == value["device"], "statement.device", "the id is not the endorsement key's")
    return value


def open_order(root, data, statement):
    value, digest = open_signed(root, data, "order", "retire")
    members(value, "challenge class delivery devices expires fleet holds issued min_grade mode reason root_version standard v")
    need((value["mode"], value["holds"]) == ("retire", "none"), "order.mode", "another mode, or a hold")
    need(value["delivery"] in ("offline", "online"), "order.delivery", "neither offline nor online")
    need(value["fleet"] == root["id"].hex(), "order.fleet", "of another fleet")
    need(value["class"] == root["class"], "order.class", "of another class")
    need(value["root_version"] == root["version"], "order.root", "under another root version")
    need(value["issued"] < value["expires"], "order.dates", "expires before it is issued")
    mine = [d for d in value["devices"] if d["device"] == statement["device"]]
    need(len(mine) == 1, "order.device", "the order does not name this device, or names it twice")
    entry = members(mine[0], "ak device epoch_from epoch_to serial tag")
    need(entry["ak"] == name_of(statement["ak"]).hex(), "order.ak", "another attestation key")
    for key in ("serial", "tag"):
        need(entry[key] == statement[key], "order." + key, "another " + key)
    entry["from"], entry["to"] = int(entry["epoch_from"], 16), int(entry["epoch_to"], 16)
    need(0 <= entry["to"] - entry["from"] <= 16, "order.window", "not a window of epochs")
    value["digest"] = digest.hex()
    return value, entry


def grade(media, virtual, by_server):
    """The grade table of the design, for a wipe without an affirmed boot: never better than C."""
    rules = [
        ("boot.unaffirmed", "C", True),
        ("media.none", "C", not media),
        ("media.unhandled", "C", any(m["result"] == "unhandled" for m in media)),
        ("media.failed", "C", any(m["result"] == "failed" for m in media)),
        ("media.clear", "B", any(m["result"] == "erased" and m["method"] != "purge" for m in media)),
        ("media.asserted", "B", any(m["result"] == "erased" for m in media)),
        ("tpm.virtual", "B", virtual),
        ("enroller.server", "B", by_server),
    ]
    reasons = [code for code, _, holds in rules if holds]
    return max((letter for _, letter, holds in rules if holds), default="A"), reasons


def check_media(payload, order, statement, wanted):
    plan, media = parse(payload["plan"]), parse(payload["media_log"])
    members(plan, "device fleet forecast made order targets tpm v" + enroller(plan))
    members(media, "challenge device fleet order plan targets tool v")
    same = all(plan[k] == wanted[k] for k in ("fleet", "device")) and plan["order"] == order["digest"]
    same = same and plan["tpm"]["class"] == statement["tpm"]["class"] and ("enroller" in plan) == ("enroller" in statement)
    need(same, "certificate.plan", "of another device or order")
    same = all(media[k] == wanted[k] for k in ("fleet", "device", "challenge")) and media["order"] == order["digest"]
    need(same and media["plan"] == sha256(payload["plan"]).hex(), "certificate.media", "of another device, order or plan")
    need(len(plan["targets"]) == len(media["targets"]), "certificate.targets", "a target more or less than planned")
    for planned, done in zip(plan["targets"], media["targets"]):
        same = all(planned[k] == done[k] for k in ("name", "path", "driver"))
        need(same and (planned["handled"] or done["result"] == "unhandled"), "certificate.targets", "not the planned target")
        need(done["evidence"] in ("software-asserted", "operator-asserted"), "media.evidence", "claims too much")
        need(done["result"] in ("erased", "failed", "unhandled"), "json.member", "an unknown result")
        need((done["result"] == "erased") == (done["code"] == ""), "json.member", "result and code disagree")
    return media["targets"]


def derived(statement, order, entry, media, counter, audit):
    """Every member of a certificate that is not an embedded document, `made` or `tool`."""
    erased = bool(media) and all(m["result"] == "erased" for m in media)
    read_back = erased and all(m["details"]["read_back"] != "00" * 32 for m in media)
    cipher = erased and all(m["details"]["cipher"] for m in media)
    letter, reasons = grade(media, statement["tpm"]["class"] != "hardware", "enroller" in statement)
    strength = ["none", "clear", "purge"]
    methods = [strength.index(m["method"]) if m["result"] == "erased" else 0 for m in media]
    exceptions = ["%s: %s (%s)" % (m["name"], m["result"], m["code"]) for m in media if m["result"] != "erased"]
    if letter > order["min_grade"]:
        exceptions.append("grade %s: the order demands %s" % (letter, order["min_grade"]))
    operator, software, tpm = "operator-asserted", "software-asserted", "tpm-proved"
    rows = [
        ("algorithm-known", "met" if cipher else "unknown", software), ("cleartext-areas", "unknown", operator),
        ("commands-recorded", "met", tpm), ("copies-accounted", "unknown", operator),
        ("encrypted-before-first-store", "unknown", operator), ("escrow-statement", "unknown", operator),
        ("key-generator-approved", "unknown", operator), ("media-keys-destroyed", "met" if erased else "not met", software),
        ("module-validated", "unknown", operator), ("sealed-keys-destroyed", "met", tpm),
        ("verified-by-read-back", "met" if read_back else "not met", software)]
    handles = {k: ["%08x" % h for h in audit[k]] for k in ("nv_before", "nv_after", "persistent_before", "persistent_after")}
    return {
        "v": 1, "fleet": statement["fleet"], "device": statement["device"], "ak": name_of(statement["ak"]).hex(),
        "challenge": order["challenge"], "grade": letter, "grade_reasons": reasons, "min_grade": order["min_grade"],
        "tpm_class": statement["tpm"]["class"], "not_proved": NOT_PROVED, "exceptions": exceptions,
        "tpm_proved": {
            "counter": "%016x" % counter, "counter_demanded": "%016x" % (entry["to"] + 2), "cleared": True,
            "undefined": audit["undefined"], "clock_before": "%016x" % audit["before"]["clock"],
            "clock_after": "%016x" % audit["after"]["clock"], "resets_before": audit["before"]["resets"],
            "resets_after": audit["after"]["resets"], **handles},
        "targets": [{k: m[k] for k in ("name", "media", "path", "technique", "method", "result", "evidence")} for m in media],
        "crypto_erase": [{"condition": c, "status": s, "evidence": e} for c, s, e in rows],
        "copies": [{"what": w, "status": "not stated", "evidence": operator}
                   for w in ("LUKS header backups", "key escrow", "snapshots and backups of media")],
        "nist": {
            "manufacturer": "not stated", "model": statement["class"], "serial": statement["serial"],
            "property_number": statement["tag"], "media_type": "TPM 2.0 and the targets listed",
            "media_source": statement["site"] or "not stated", "confidentiality": "not stated", "destination": "not stated",
            "standard": order["standard"], "reason": order["reason"], "method": strength[min(methods, default=0)],
            "technique": "cryptographic erase (TPM counter, TPM2_Clear); per target as listed",
            "verification": {"by": "device", "sealed_keys": tpm, "media": "read back" if read_back else "incomplete"},
            "validation": {"by": "not stated", "result": "not done"}},
    }


def verify(certificate, anchors):
    doc, raw = open_tpmdoc(certificate, "certificate", 1, True)
    payload = parse(raw)
    embedded = [unbase64(r) for r in payload["roots"]]
    need(embedded[:len(anchors)] == anchors, "certificate.root", "made under another root than yours")
    root = open_roots(embedded)
    for key in ("statement", "order", "start", "plan", "media_log", "kill"):
        payload[key] = unbase64(payload[key])
    statement = open_statement(root, payload["statement"])
    order, entry = open_order(root, payload["order"], statement)
    dates = statement["issued"] <= order["issued"] <= payload["made"]
    need(dates, "certificate.dates", "the dates do not follow each other")
    wanted = {"fleet": statement["fleet"], "device": statement["device"], "ak": name_of(statement["ak"]).hex(),
              "challenge": order["challenge"]}
    start = parse(payload["start"])
    head(start, wanted, "order plan media_log")
    need(start["order"] == order["digest"], "start.order", "started under another order")
    need(start["plan"] == sha256(payload["plan"]).hex(), "start.plan", "started over another plan")
    need(start["media_log"] == sha256(payload["media_log"]).hex(), "start.media", "started over another media log")
    media = check_media(payload, order, statement, wanted)
    counter = verify_kill(payload["kill"], order, entry, statement, wanted)
    steps = [tuple(unbase64(members(s, "cp rp")[k]) for k in ("cp", "rp")) for s in doc["audit"]]
    audit = judge_audit(steps, statement, pae_digest("wipe-start", payload["start"]))
    att = doc["tpm"][0]
    claim = verify_claim(unbase64(members(att, "attest signature")["attest"]), unbase64(att["signature"]), 0x8016,
                         statement["ak"], pae_digest("certificate", raw))
    need(claim["digest"] == audit_digest(steps), "certificate.audit", "the list is not the one the TPM signed")
    facts = derived(statement, order, entry, media, counter, audit)
    given = {k: v for k, v in parse(raw).items()
             if k not in ("statement", "order", "start", "plan", "media_log", "kill", "roots", "made", "tool")}
    for key in ("grade", "grade_reasons"):
        need(given.get(key) == facts[key], "certificate.grade", "the evidence gives grade " + facts["grade"])
    need(given == facts, "certificate.derived", "a member does not follow from the evidence")
    return {**facts, "countersigners": countersigners(root, doc["signatures"], raw)}


def main(argv):
    if len(argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    files = []
    for path in argv[1:]:
        with open(path, "rb") as file:
            files.append(file.read())
    try:
        facts = verify(files[0], files[1:])
    except Refused as refused:
        print(json.dumps({"verdict": "refused", "code": refused.code, "text": str(refused)}))
        return 1
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        print(json.dumps({"verdict": "refused", "code": "format", "text": "%s: %s" % (type(error).__name__, error)}))
        return 1
    print(json.dumps({"verdict": "genuine", **facts}, sort_keys=True))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
