"""scripts/verify-with-stock-tools refuses one changed bit in every attestation, every signature and every member of the payload."""
import base64
import concurrent.futures
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from life import TOP

VECTORS = TOP / "tests/vectors/wipe"
LONG = "CAIRN_LONG" in os.environ
SCRIPT = TOP / "scripts/verify-with-stock-tools"


def flip(data, at):
    altered = bytearray(data)
    altered[at] ^= 1
    return bytes(altered)


def flip64(text):
    """Base64 text whose bytes differ in one bit in the middle."""
    data = base64.b64decode(text)
    return base64.b64encode(flip(data, len(data) // 2)).decode()


def variants(certificate):
    """Yields (name, certificate with one changed bit)."""
    def copy():
        return json.loads(json.dumps(certificate))
    for member in ("attest", "signature"):
        altered = copy()
        altered["tpm"][0][member] = flip64(altered["tpm"][0][member])
        yield f"tpm.{member}", altered
    quote = b"\x00\x00\x01\x58"
    for i, step in enumerate(certificate["audit"]):
        if not LONG and not base64.b64decode(step["cp"]).startswith(quote):
            continue  # only the steps that hold attestations, unless there is time
        for member in step:
            altered = copy()
            altered["audit"][i][member] = flip64(step[member])
            yield f"audit[{i}].{member}", altered
    payload = base64.b64decode(certificate["payload"])
    for name, value in json.loads(payload).items():
        text = json.dumps({name: value}, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()[1:-1]
        at = payload.index(text) + len(text) - 2 - (len(text) - len(name) - 3) // 2
        altered = copy()
        altered["payload"] = base64.b64encode(flip(payload, max(at, payload.index(text)))).decode()
        yield f"payload.{name}", altered


class Flips(unittest.TestCase):
    def test_the_genuine_certificate_passes(self):
        subprocess.run([SCRIPT, VECTORS / "certificate.json", VECTORS / "root.dsse"], check=True, capture_output=True)

    def test_one_changed_bit_anywhere_is_refused(self):
        certificate = json.loads((VECTORS / "certificate.json").read_text())
        with tempfile.TemporaryDirectory() as temporary, concurrent.futures.ThreadPoolExecutor(2) as pool:
            def judge(name, altered):
                path = pathlib.Path(temporary) / f"{name}.json"
                path.write_text(json.dumps(altered, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n")
                done = subprocess.run([SCRIPT, path, VECTORS / "root.dsse"], capture_output=True, text=True, check=False)
                return name, done.returncode, done.stdout + done.stderr
            answers = list(pool.map(lambda v: judge(*v), variants(certificate)))
        self.assertGreater(len(answers), 25)
        for name, code, said in answers:
            with self.subTest(field=name):
                self.assertEqual(code, 1, said)
                self.assertRegex(said, r"refused: [a-z]+\.[a-z]+")


if __name__ == "__main__":
    unittest.main(verbosity=2)
