"""Signed documents made with stolen keys, by Python's own cryptography."""
import base64
import hashlib
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from served import TYPE, canonical


def b64(data):
    return base64.b64encode(data).decode()


def payload_of(file):
    return json.loads(base64.b64decode(json.loads(file.read_bytes())["payload"]))


class Thief:
    """The online keys, and a pen."""

    def __init__(self, life):
        self.life = life

    def key(self, role):
        return serialization.load_pem_private_key(self.life.file(f"{role}.key").read_bytes(), None)

    def keyid(self, role):
        public = self.key(role).public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(public).hexdigest()

    def signature(self, role, type_, payload):
        pae = b"DSSEv1 %d %s %d %s" % (len(type_), type_.encode(), len(payload), payload)
        r, s = utils.decode_dss_signature(self.key(role).sign(pae, ec.ECDSA(hashes.SHA256())))
        order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
        s = min(s, order - s)
        return {"keyid": self.keyid(role), "sig": b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))}

    def sign(self, name, kind, payload, *roles, claim=None):
        """Signs as `roles`; claim: the key id that the envelope names instead."""
        text, type_ = canonical(payload), TYPE.format(kind)
        signatures = [self.signature(role, type_, text) for role in roles]
        for signature in signatures if claim else []:
            signature["keyid"] = self.keyid_of(claim)
        return self.write(name, {"payload": b64(text), "payloadType": type_, "signatures": sorted(signatures, key=lambda s: s["keyid"])})

    def keyid_of(self, role):
        spki = json.loads(self.life.file(f"{role}.pub").read_text())["spki"]
        return hashlib.sha256(base64.b64decode(spki)).hexdigest()

    def write(self, name, envelope):
        path = self.life.file(name)
        path.write_bytes(canonical(envelope) + b"\n")
        return path

    def alter(self, name, source, **changes):
        """A genuine envelope with another payload under the same signatures."""
        envelope = json.loads(self.life.file(source).read_bytes())
        envelope["payload"] = b64(canonical({**payload_of(self.life.file(source)), **changes}))
        return self.write(name, envelope)
