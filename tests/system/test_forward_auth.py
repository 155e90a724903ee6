"""integration/nginx, with a real nginx before an application: only a device that is healthy and holds its key comes through."""
import base64
import hashlib
import http.client
import http.server
import json
import re
import secrets
import shutil
import socket
import subprocess
import threading
import time
import unittest
import urllib.parse

import jwt
from cryptography.hazmat.primitives import serialization
from jwt.algorithms import ECAlgorithm

from life import TOP, Life
from served import life_with_server

CONF = TOP / "integration/nginx/cairn-forward-auth.conf"
AUDIENCE = "https://app.example.net"
OTHER = "https://other.example.net"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Application(http.server.BaseHTTPRequestHandler):
    """What is protected: it says whom nginx let in."""

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps({"device": self.headers.get_all("Cairn-Device"), "path": self.path, "token": self.headers.get("Authorization")}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass


class Nginx:
    """The file as it is shipped, with this machine's places in it; everything nginx writes lies in one directory."""

    def __init__(self, directory, served, application_port):
        self.dir = directory
        (directory / "tmp").mkdir(parents=True)
        with socket.create_server(("127.0.0.1", 0)) as s:
            self.port = s.getsockname()[1]
        text = CONF.read_text()
        for old, new in [("listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl"), ("cairn.example.net:8443", f"127.0.0.1:{served.port}"),
                         ("127.0.0.1:8080", f"127.0.0.1:{application_port}"), ("/etc/nginx/app.crt", f"{served.dir}/tls.crt"),
                         ("/etc/nginx/app.key", f"{served.dir}/tls.key"), ("/etc/nginx/cairn-server-ca.pem", f"{directory}/ca.pem"),
                         ("cairn.example.net", "localhost")]:
            assert old in text, old
            text = text.replace(old, new)
        shutil.copy(served.dir / "tls.crt", directory / "ca.pem")
        places = "".join(f"{kind}_temp_path {directory}/tmp/{kind};\n" for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
        (directory / "nginx.conf").write_text(
            f"pid {directory}/pid;\nerror_log {directory}/error.log;\ndaemon off;\nmaster_process off;\nevents {{}}\n"
            f"http {{\naccess_log off;\n{places}{text}}}\n")

    def start(self):
        self.process = subprocess.Popen(["nginx", "-p", self.dir, "-c", self.dir / "nginx.conf"], stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError((self.dir / "error.log").read_text())

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=10)


class ForwardAuth(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.life = life = Life()
        cls.addClassCleanup(life.remove)
        _, cls.served = life_with_server(life)
        cls.addClassCleanup(cls.served.stop)
        cls.served.configure(forward_auth__audience=AUDIENCE)
        cls.served.reload()
        application = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Application)
        threading.Thread(target=application.serve_forever, daemon=True).start()
        cls.addClassCleanup(application.server_close)
        cls.addClassCleanup(application.shutdown)
        cls.nginx = Nginx(life.dir / "nginx", cls.served, application.server_address[1])
        cls.nginx.start()
        cls.addClassCleanup(cls.nginx.stop)
        for name in ["app", "thief"]:
            life.run("key", "new", "--role", "verifier", "--holder", "device", "-o", life.file(f"{name}.key"))
        cls.ear = cls.result(AUDIENCE)

    @classmethod
    def result(cls, audience, *options):
        """An EAR out of a report, bound to app.key unless said otherwise."""
        got = cls.served.report(None, f"?aud={urllib.parse.quote(audience, safe='')}", *(options or ("--cnf", cls.life.file("app.pub"))))
        assert got.status == 200, got
        return got.json()["ear"]

    def key(self, name):
        return serialization.load_pem_private_key(self.life.file(f"{name}.key").read_bytes(), None)

    def proof(self, ear, key="app", method="GET", url=f"{AUDIENCE}/stuff", **claims):
        private = self.key(key)
        jwk = json.loads(ECAlgorithm.to_jwk(private.public_key()))
        payload = {"htm": method, "htu": url, "iat": int(time.time()), "jti": secrets.token_urlsafe(16),
                   "ath": base64url(hashlib.sha256(ear.encode()).digest()), **claims}
        return jwt.encode(payload, private, algorithm="ES256",
                          headers={"typ": "dpop+jwt", "jwk": {k: jwk[k] for k in ("kty", "crv", "x", "y")}})

    def ask(self, ear=None, proof=None, method="GET", path="/stuff", body=None, **fields):
        connection = http.client.HTTPSConnection("localhost", self.nginx.port, context=self.served.context(), timeout=20)
        if ear is not None:
            fields["Authorization"] = f"DPoP {ear}"
        if proof is not None:
            fields["DPoP"] = proof
        connection.request(method, path, body=body, headers={k.replace("_", "-"): v for k, v in fields.items()})
        got = connection.getresponse()
        self.body, self.challenge = got.read(), got.getheader("WWW-Authenticate", "")
        connection.close()
        return got.status

    def refused(self, status, code, *args, **options):
        self.assertEqual(self.ask(*args, **options), status, self.body)
        self.assertNotIn(self.served.device_id().encode(), self.body)
        self.assertIn(code, self.challenge)

    def signed(self, **changes):
        """The server's own claims with some changed, signed by the root's verifier key."""
        claims = jwt.decode(self.ear, options={"verify_signature": False})
        header = jwt.get_unverified_header(self.ear)
        claims.update(changes)
        return jwt.encode(claims, self.key("verifier"), algorithm="ES256", headers={"typ": header["typ"], "kid": header["kid"]})

    def test_1_a_healthy_device_that_proves_its_key_comes_through(self):
        self.assertEqual(self.ask(self.ear, self.proof(self.ear)), 200, self.body)
        self.assertEqual(json.loads(self.body), {"device": [self.served.device_id()], "path": "/stuff", "token": None})
        self.assertEqual(self.ask(self.ear, self.proof(self.ear), path="/stuff?q=1&r=%20"), 200, "a query is not part of what is proved")
        self.assertEqual(self.ask(self.ear, self.proof(self.ear, method="POST"), method="POST", body=b"x" * 100000), 200)
        self.assertEqual(self.ask(self.ear, self.proof(self.ear), Cairn_Device="0" * 64), 200)
        self.assertEqual(json.loads(self.body)["device"], [self.served.device_id()], "a client cannot name itself")
        self.assertEqual(self.ask(self.signed(), self.proof(self.signed())), 401, "the proof is for one token")
        same = self.signed()
        self.assertEqual(self.ask(same, self.proof(same)), 200, "what the test signs is what the server signs")

    def test_2_without_token_or_proof_nobody_does(self):
        self.refused(401, "access.credential")
        self.refused(401, "access.credential", self.ear)
        self.refused(401, "access.credential", None, self.proof(self.ear))
        self.refused(401, "access.credential", None, self.proof(self.ear), Authorization=f"Bearer {self.ear}")
        self.refused(401, "access.credential", Authorization=f"Bearer {self.served.tokens['approver']}")
        self.assertEqual(self.ask(path="/cairn-forward-auth"), 404, "it is for nginx alone")

    def test_3_a_token_for_somebody_else_or_of_another_time_does_not_serve(self):
        other = self.result(OTHER)
        self.refused(401, "ear.audience", other, self.proof(other))
        now = int(time.time())
        old = self.signed(iat=now - 400, exp=now - 100)
        self.refused(401, "ear.expired", old, self.proof(old))
        altered = self.ear[:-8] + ("AAAAAAAA" if not self.ear.endswith("AAAAAAAA") else "BBBBBBBB")
        self.refused(401, "signature.invalid", altered, self.proof(altered))
        claims = jwt.decode(self.ear, options={"verify_signature": False})
        foreign = jwt.encode(claims, self.key("thief"), algorithm="ES256", headers=jwt.get_unverified_header(self.ear))
        self.refused(401, "signature.invalid", foreign, self.proof(foreign))
        unsigned = jwt.encode(claims, None, algorithm="none", headers={"kid": jwt.get_unverified_header(self.ear)["kid"]})
        self.refused(401, "ear.format", unsigned, self.proof(unsigned))

    def test_4_a_proof_serves_for_one_request_by_its_key(self):
        self.refused(401, "dpop.key", self.ear, self.proof(self.ear, key="thief"))
        self.refused(401, "dpop.method", self.ear, self.proof(self.ear, method="POST"))
        self.refused(401, "dpop.url", self.ear, self.proof(self.ear, url=f"{AUDIENCE}/other"))
        self.refused(401, "dpop.token", self.ear, self.proof(self.ear, ath=base64url(bytes(32))))
        self.refused(401, "dpop.time", self.ear, self.proof(self.ear, iat=int(time.time()) - 90))
        self.refused(401, "dpop.time", self.ear, self.proof(self.ear, iat=int(time.time()) + 90))
        again = self.proof(self.ear)
        self.assertEqual(self.ask(self.ear, again), 200)
        self.refused(401, "dpop.replayed", self.ear, again)
        unbound = self.result(AUDIENCE, "--json")
        self.refused(401, "dpop.key", unbound, self.proof(unbound))

    def test_5_a_proof_made_for_another_site_does_not_open_this_one(self):
        """Whoever runs OTHER shows here what a device showed there, and sets Host to match."""
        self.refused(401, "dpop.url", self.ear, self.proof(self.ear, url=f"{OTHER}/stuff"), Host="other.example.net")

    def test_6_unrelated_libraries_verify_the_result(self):
        jwks = self.served.get("/.well-known/jwks.json")
        path = self.life.file("server.jwks")
        path.write_bytes(jwks.body)
        done = subprocess.run(["jose", "jws", "ver", "-i-", "-k", path, "-O-"], input=self.ear.encode(), capture_output=True, check=True)
        claims = json.loads(done.stdout)
        self.assertEqual((claims["aud"], claims["sub"], claims["submods"]["cairn"]["ear_status"]), (AUDIENCE, self.served.device_id(), "affirming"))
        key = ECAlgorithm.from_jwk(json.dumps(jwks.json()["keys"][0]))
        self.assertEqual(jwt.decode(self.ear, key, algorithms=["ES256"], audience=AUDIENCE, issuer=self.served.url)["cnf"], claims["cnf"])

    def test_7_a_device_that_failed_is_forbidden(self):
        self.life.boot("sb-uki-tampered-cmdline")
        failed = self.result(AUDIENCE)
        self.refused(403, "", failed, self.proof(failed))
        fields = {"Authorization": f"DPoP {failed}", "DPoP": self.proof(failed), "X-Original-Method": "GET", "X-Original-URL": f"{AUDIENCE}/stuff"}
        got = self.served.get("/v1/forward-auth", fields=fields)
        self.assertIn("ear.status", got.fields["www-authenticate"])

    def test_8_when_the_server_is_not_there_or_is_another_nobody_comes_through(self):
        good = self.ear
        conf = (self.nginx.dir / "ca.pem").read_bytes()
        self.nginx.stop()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost", "-keyout", self.life.file("other-ca.key"), "-out", self.nginx.dir / "ca.pem"],
                       check=True, capture_output=True)
        self.nginx.start()
        self.refused(500, "", good, self.proof(good))
        self.assertRegex((self.nginx.dir / "error.log").read_text(), r"certificate verify error|upstream SSL certificate")
        self.nginx.stop()
        (self.nginx.dir / "ca.pem").write_bytes(conf)
        self.nginx.start()
        self.assertEqual(self.ask(good, self.proof(good)), 200)
        self.served.stop()
        self.refused(500, "", good, self.proof(good))


class Page(unittest.TestCase):
    def test_the_handbook_shows_the_file_that_is_tested(self):
        page = (TOP / "docs/provisioning-server.md").read_text()
        self.assertEqual(re.findall(r"^```nginx\n(.*?)^```", page, re.M | re.S), [CONF.read_text()])


if __name__ == "__main__":
    unittest.main(verbosity=2)
