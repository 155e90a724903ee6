#!/usr/bin/python3
"""What a relying party does with an attestation result, in one file and with python3-cryptography only.

  cairn_seal.py --for EAR --jwks FILE --audience TEXT --in SECRET [-o sealed.json]

verify_ear() checks a result (EAR, a JWT) against the verifier's published keys; seal() makes a file that only the device of that
result opens (`cairn unseal`), only in the boot state that was appraised, and only until the device's epoch moves.

Nothing here needs a TPM: the object is built in software for the device's storage key (TPM 2.0 Part 1, sections 11.4.10 and 23.3).
"""
import argparse
import base64
import hashlib
import hmac
import json
import pathlib
import struct
import sys
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from secrets import token_bytes

PROFILE = "tag:ietf.org,2026:rats/ear#04"
LIFE_S, SKEW_S, MAX_LEN, MAX_SECRET = 300, 60, 8192, 128
SRK_TEMPLATE = bytes.fromhex("0023000b000304720000000600800043001000030010")  # restricted P-256 storage key, AES-128-CFB
CC_POLICY_PCR, CC_POLICY_NV = 0x17F, 0x149


class Refused(Exception):
    """The result is not one to act on; the first argument is a stable code."""


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def sized(data):
    return struct.pack(">H", len(data)) + data


def unbase64url(text):
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise Refused("ear.format", "not canonical base64url")
    return raw


def public_key(jwk):
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256":
        raise Refused("ear.signer", "not a P-256 key")
    x, y = (int.from_bytes(unbase64url(jwk[name]), "big") for name in ("x", "y"))
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def verify_signature(text, jwks):
    """Gives the claims of a token that one of the keys signed. The algorithm is fixed: the token does not choose."""
    parts = text.split(".")
    if len(text) > MAX_LEN or len(parts) != 3:
        raise Refused("ear.format", "not a compact JWS")
    header, signature = json.loads(unbase64url(parts[0])), unbase64url(parts[2])
    if header.get("alg") != "ES256" or header.get("typ") != "JWT" or len(signature) != 64:
        raise Refused("ear.format", "not ES256")
    keys = [jwk for jwk in jwks["keys"] if jwk.get("kid") == header.get("kid")]
    if len(keys) != 1:
        raise Refused("ear.signer", "signed by no key of this verifier")
    der = utils.encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        public_key(keys[0]).verify(der, f"{parts[0]}.{parts[1]}".encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise Refused("signature.invalid", "the signature is not this key's") from None
    return json.loads(unbase64url(parts[1]))


def verify_ear(text, jwks, audience, now=None):
    """Gives the claims of a result that was made for `audience` and is valid now. What it says is for the caller to judge."""
    claims = verify_signature(text, jwks)
    now = time.time() if now is None else now
    if claims.get("eat_profile") != PROFILE:
        raise Refused("ear.profile", "another profile")
    if claims["aud"] != audience:
        raise Refused("ear.audience", f"made for {claims['aud']}")
    if not (0 <= claims["exp"] - claims["iat"] <= LIFE_S and claims["iat"] - SKEW_S <= now < claims["exp"]):
        raise Refused("ear.expired", "not valid now")
    return claims


def pcr_selection(text):
    """TPML_PCR_SELECTION of one bank, SHA-256."""
    mask = sum(1 << int(pcr) for pcr in text.split(","))
    return struct.pack(">IHB", 1, 0x000B, 3) + struct.pack("<I", mask)[:3]


def policy_digest(seal):
    """PolicyPCR over the quoted values, then PolicyNV: the epoch still has this value."""
    digest = sha256(bytes(32), struct.pack(">I", CC_POLICY_PCR), pcr_selection(seal["pcrs"]), bytes.fromhex(seal["pcr_digest"]))
    compared = sha256(bytes.fromhex(seal["epoch"]), struct.pack(">HH", 0, 0))  # offset 0, TPM_EO_EQ
    return sha256(digest, struct.pack(">I", CC_POLICY_NV), compared, bytes.fromhex(seal["epoch_name"]))


def storage_key(srk):
    """Secrets are sealed to the one template and to nothing else."""
    start = len(SRK_TEMPLATE)
    if len(srk) != start + 68 or srk[:start] != SRK_TEMPLATE or srk[start:start + 2] != b"\0\x20" or srk[start + 34:start + 36] != b"\0\x20":
        raise Refused("tpm.srk.template", "not a standard storage key")
    x, y = srk[start + 2:start + 34], srk[start + 36:]
    return ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()).public_key(), x


def kdfa(seed, label, context, bits):
    return hmac.new(seed, b"\0\0\0\1" + label + b"\0" + context + struct.pack(">I", bits), hashlib.sha256).digest()[:bits // 8]


def protect(name, sensitive, recipient, recipient_x):
    """TPM2B_PRIVATE and TPM2B_ENCRYPTED_SECRET (without their lengths) of a duplication to `recipient`."""
    ephemeral = ec.generate_private_key(ec.SECP256R1())
    point = ephemeral.public_key().public_numbers()
    x, y = point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big")
    seed = sha256(b"\0\0\0\1", ephemeral.exchange(ec.ECDH(), recipient), b"DUPLICATE\0", x, recipient_x)
    encryptor = Cipher(algorithms.AES(kdfa(seed, b"STORAGE", name, 128)), modes.CFB(bytes(16))).encryptor()
    cipher = encryptor.update(sized(sensitive)) + encryptor.finalize()
    mac = hmac.new(kdfa(seed, b"INTEGRITY", b"", 256), cipher + name, hashlib.sha256).digest()
    return sized(mac) + cipher, sized(x) + sized(y)


def seal(claims, secret):
    """The sealed file (docs/formats.md) of `secret`, for the device of an affirming result."""
    submod = claims["submods"]["cairn"]
    if submod["ear_status"] != "affirming":
        raise Refused("ear.status", f"the result says {submod['ear_status']}")
    if "ear_attester_claims" not in submod:
        raise Refused("ear.seal", "the result does not say what to seal to")
    if not 1 <= len(secret) <= MAX_SECRET:
        raise Refused("wrap.length", "a sealed object holds 1 to 128 bytes")
    wanted = submod["ear_attester_claims"]["cairn_seal"]
    recipient, recipient_x = storage_key(base64.b64decode(wanted["srk"], validate=True))
    unique_seed = token_bytes(32)
    # TPMT_PUBLIC: keyedHash, SHA-256, noDA, policy, scheme NULL, unique = H(seedValue || data)
    public = bytes.fromhex("0008000b00000400") + sized(policy_digest(wanted)) + b"\0\x10" + sized(sha256(unique_seed, secret))
    sensitive = b"\0\x08" + sized(b"") + sized(unique_seed) + sized(secret)
    duplicate, seed = protect(b"\0\x0b" + sha256(public), sensitive, recipient, recipient_x)
    file = {"type": "application/vnd.cairn.sealed.v1+json", "v": 1, "device": claims["sub"], "epoch": wanted["epoch"], "pcrs": wanted["pcrs"],
            "object": base64.b64encode(public).decode(), "duplicate": base64.b64encode(duplicate).decode(),
            "seed": base64.b64encode(seed).decode()}
    return json.dumps(file, sort_keys=True, separators=(",", ":")) + "\n"


def main():
    parser = argparse.ArgumentParser(description="Seal a secret to the device of an attestation result.")
    parser.add_argument("--for", dest="ear", required=True, type=pathlib.Path, help="the result (EAR, a JWT)")
    parser.add_argument("--jwks", required=True, type=pathlib.Path, help="the verifier's keys, pinned")
    parser.add_argument("--audience", required=True, help="whom the result must be made for: you")
    parser.add_argument("--in", dest="secret", required=True, help="the secret, 1 to 128 bytes; - is standard input")
    parser.add_argument("-o", dest="out", type=pathlib.Path, help="where the sealed file goes (standard output)")
    args = parser.parse_args()
    try:
        claims = verify_ear(args.ear.read_text().strip(), json.loads(args.jwks.read_text()), args.audience)
        secret = sys.stdin.buffer.read() if args.secret == "-" else pathlib.Path(args.secret).read_bytes()
        sealed = seal(claims, secret)
    except Refused as why:
        print(f"cairn_seal: {why.args[1]} ({why.args[0]})", file=sys.stderr)
        return 1
    except (KeyError, TypeError, ValueError) as why:
        print(f"cairn_seal: not an attestation result: {why!r} (ear.format)", file=sys.stderr)
        return 1
    if args.out is None:
        sys.stdout.write(sealed)
    else:
        args.out.write_text(sealed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
