"""A server that speaks docs/protocol.md on loopback, judges next to nothing, and misbehaves on request.

It is for the device's side: TLS, HTTP and replies are real, the desk's work (challenge, statement, grant) is done by the desk's own
commands. `script` holds what goes wrong with the next requests, one entry per request (None: nothing): see Handler.misbehave.
"""
import base64
import hashlib
import http.server
import json
import pathlib
import secrets
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import traceback

TYPE = "application/vnd.cairn.{}.v1+json"
INTERVAL = 3600


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def openssl(*argv, stdin=None):
    return subprocess.run(["openssl", *map(str, argv)], input=stdin, check=True, capture_output=True, timeout=30).stdout


class Certificates:
    """A CA, a server's certificate for this host, one for another host, and the pin of the first."""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(exist_ok=True)
        self.ca = self.make("ca", None, "basicConstraints=critical,CA:true\nkeyUsage=keyCertSign\n")
        self.good = self.make("good", "ca", "subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost\n")
        self.other = self.make("other", "ca", "subjectAltName=DNS:elsewhere.example\n")
        self.stranger_ca = self.make("stranger-ca", None, "basicConstraints=critical,CA:true\nkeyUsage=keyCertSign\n")
        self.stranger = self.make("stranger", "stranger-ca", "subjectAltName=IP:127.0.0.1,DNS:localhost\n")

    def make(self, name, issuer, extensions):
        key, crt, ext = self.dir / f"{name}.key", self.dir / f"{name}.crt", self.dir / f"{name}.ext"
        ext.write_text(extensions)
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        csr = openssl("req", "-new", "-key", key, "-subj", f"/CN={name}")
        sign = ["-signkey", key] if issuer is None else ["-CA", self.dir / f"{issuer}.crt", "-CAkey", self.dir / f"{issuer}.key", "-CAcreateserial"]
        crt.write_bytes(openssl("x509", "-req", "-days", "2", *sign, "-extfile", ext, stdin=csr))
        return crt, key

    def pin(self, which):
        der = openssl("pkey", "-pubin", "-outform", "DER", stdin=openssl("x509", "-in", which[0], "-pubkey", "-noout"))
        return "sha256//" + base64.b64encode(hashlib.sha256(der).digest()).decode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, *_):
        pass

    @property
    def fake(self):
        return self.server.fake

    def problem(self, status, code, retry_after=None, **more):
        self.reply(status, canonical({"code": code, "detail": f"as the test says: {code}", "status": status, **more}), "application/problem+json",
                   retry_after)

    def reply(self, status, body, kind="application/json", retry_after=None):
        self.send_response_only(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        self.end_headers()
        self.wfile.write(body)

    def abort(self):
        """A reset, not an orderly end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def misbehave(self, how):
        """True when the request has been dealt with."""
        kind, *args = how if isinstance(how, tuple) else (how,)
        if kind == "cut":  # before any answer
            self.abort()
        elif kind == "cut-head":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Ty")
            self.wfile.flush()
            self.abort()
        elif kind == "cut-body":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{\"interval\"")
            self.wfile.flush()
            self.close_connection = True
        elif kind == "slow":  # drips and never ends
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
            for _ in range(args[0] * 10):
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.1)
            self.close_connection = True
        elif kind == "silent":
            self.fake.stop_waiting.wait(args[0])
            self.abort()
        elif kind == "huge":
            self.send_response_only(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            try:
                for _ in range(512):
                    self.wfile.write(b"x" * 65536)
            except OSError:
                pass
            self.fake.huge_sent = True
            self.close_connection = True
        elif kind == "huge-head":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"y" * 1000) for i in range(64)) + b"\r\n")
            self.close_connection = True
        elif kind == "not-http":
            self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
            self.close_connection = True
        elif kind == "redirect":
            self.send_response_only(307)
            self.send_header("Location", self.fake.url + "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif kind == "status":
            self.problem(args[0], args[1] if len(args) > 1 else "server.busy", args[2] if len(args) > 2 else None)
        elif kind == "body":
            self.reply(200, args[0], args[1] if len(args) > 1 else "application/json")
        else:
            return False
        return True

    def handle_any(self):
        head = len(self.raw_requestline) + sum(len(k) + len(v) + 4 for k, v in self.headers.items()) + 2
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        with self.fake.lock:
            self.fake.seen.append({"method": self.command, "path": self.path, "headers": dict(self.headers.items()), "body": body,
                                   "bytes": head + len(body), "at": time.monotonic(), "peer": self.client_address})
            how = self.fake.script.pop(0) if self.fake.script else None
        if how is not None and self.misbehave(how):
            return
        with self.fake.lock:
            self.fake.route(self, self.command, self.path, body)

    do_GET = do_POST = handle_any


def show_faults(*_):
    """A connection that broke is part of the test; anything else is a fault of the test."""
    if not isinstance(sys.exc_info()[1], OSError):
        traceback.print_exc()


class FakeServer:
    def __init__(self, life, certificates=None, tls12=False, certificate=None, address="127.0.0.1", port=0, client_ca=None):
        self.life, self.lock, self.seen, self.script = life, threading.RLock(), [], []
        self.certificates = certificates or Certificates(life.file("tls"))
        self.issued, self.replies = set(), {}
        self.tier, self.failed, self.grant, self.order, self.interval, self.logs_known = "affirming", [], False, None, INTERVAL, False
        self.devices, self.sent_order, self.need = [], None, ["boot-log", "ima", "userspace-log"]
        self.stale, self.extra, self.pending, self.held = 0, {}, 0, None
        self.stop_waiting, self.huge_sent = threading.Event(), False
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*(certificate or self.certificates.good))
        context.minimum_version = ssl.TLSVersion.TLSv1_2 if tls12 else ssl.TLSVersion.TLSv1_3
        context.maximum_version = ssl.TLSVersion.TLSv1_2 if tls12 else ssl.TLSVersion.TLSv1_3
        if client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_ca)
        kind = type("Server", (http.server.ThreadingHTTPServer,), {"address_family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                                                                    "handle_error": show_faults, "daemon_threads": True})
        self.http = kind((address, port), Handler)
        self.http.fake = self
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.http.server_address[1]
        self.url = f"https://[{address}]:{self.port}" if ":" in address else f"https://{address}:{self.port}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        self.stop_waiting.set()
        self.http.shutdown()
        self.http.server_close()

    def asked(self, path):
        with self.lock:
            return [s for s in self.seen if s["path"].split("?")[0] == path]

    # the desk

    def statement(self):
        dsse = json.loads(self.life.file("statement.dsse").read_bytes())
        return json.loads(base64.b64decode(dsse["payload"]))

    def nonce(self, purpose, /, **changes):
        """As the desk makes it: the fields are those of `cairn nonce new`."""
        path = self.life.file(f"fake-{secrets.token_hex(4)}.nonce")
        self.life.run("nonce", "new", *self.life.who(), "--purpose", purpose, "--pcrs", "0-11,14", "-o", path)
        nonce = {**json.loads(path.read_bytes()), **changes}
        path.unlink()
        self.issued.add(nonce["nonce"])
        self.life.file("last.nonce").write_bytes(canonical(nonce))
        self.life.file("last.nonce").chmod(0o600)
        return nonce

    # routes

    def route(self, handler, method, path, body):
        bare = path.split("?")[0]
        name = (method.lower() + bare.replace("/v1", "").replace("/", "_")).rstrip("_")
        if method == "GET" and bare.startswith("/v1/order/"):
            return self.get_order(handler, bare.rsplit("/", 1)[1])
        key = (bare, hashlib.sha256(body).hexdigest())
        if method == "POST" and key in self.replies:
            return handler.reply(*self.replies[key])
        function = getattr(self, name, None)
        if function is None:
            return handler.problem(404, "http.path")
        answer = function(handler, body)
        if answer is not None:
            self.replies[key] = answer
            return handler.reply(*answer)
        return None

    def post_nonce(self, handler, body):
        ask = json.loads(body)
        if ask["purpose"] == "grant":  # the desk's own evidence for the grant: older than the request, of the same boot
            self.life.attest("evidence", "fake-fresh")
        handler.reply(200, canonical(self.nonce(ask["purpose"])), TYPE.format("nonce"))

    def post_evidence(self, handler, body):
        head, _, rest = body.partition(b"\n")
        document = json.loads(head)
        payload = json.loads(base64.b64decode(document["payload"]))
        if self.stale > 0 or payload["nonce"] not in self.issued:
            self.stale = max(0, self.stale - 1)
            return handler.problem(409, "nonce.stale", nonce=self.nonce("evidence"))
        if not self.logs_known and not rest:
            return handler.problem(409, "evidence.logs", need=self.need, upload_token="token-of-the-test")
        if len(body) > 16384 and handler.headers.get("Cairn-Upload-Token") != "token-of-the-test":
            return handler.problem(401, "upload.token")
        self.logs_known = True
        self.issued.discard(payload["nonce"])
        report = {"interval": self.interval, "nonce": self.nonce("evidence"), "tier": self.tier, **self.extra}
        if self.failed:
            report["failed"] = self.failed
        if self.grant:
            report["grant"] = True
        if self.order is not None:
            dsse = json.loads(self.order)
            report["order"] = hashlib.sha256(base64.b64decode(dsse["payload"])).hexdigest()
        return 200, canonical(report)

    def get_order(self, handler, digest):
        dsse = json.loads(self.order) if self.order else None
        if dsse is None or hashlib.sha256(base64.b64decode(dsse["payload"])).hexdigest() != digest:
            return handler.problem(404, "order.unknown")
        return handler.reply(200, self.sent_order or self.order, TYPE.format("order"))

    def post_enrolment_request(self, handler, body):
        if handler.headers.get("Authorization") != "Bearer enrolment-token-of-the-test":
            return handler.problem(401, "access.credential")
        if self.pending > 0:
            self.pending -= 1
            return handler.reply(202, canonical({}), retry_after=1)
        life = self.life
        life.file("e.request").write_bytes(body)
        life.run("enrol", "challenge", life.file("e.request"), *life.roots(), "--ca", life.tpm / "ca", "--pending", life.file("e.pending"), "-o",
                 life.file("e.challenge"))
        return 200, life.file("e.challenge").read_bytes(), TYPE.format("enrolment-challenge")

    def post_enrolment_answer(self, handler, body):
        if self.pending > 0:
            self.pending -= 1
            return handler.reply(202, canonical({}), retry_after=1)
        life = self.life
        life.file("e.answer").write_bytes(body)
        life.run("enrol", "statement", life.file("e.answer"), "--pending", life.file("e.pending"), *life.roots(), "--key", life.file("enrol.key"), "-o",
                 life.file("statement.dsse"))
        return 200, life.file("statement.dsse").read_bytes(), TYPE.format("statement")

    # operators: the enroller at a desk of his own

    def get_devices(self, handler, _body):
        self.operator(handler, 200, {"devices": self.devices[:1], "next": 7} if "after" not in handler.path else {"devices": self.devices[1:]})

    def operator(self, handler, status, value):
        if handler.headers.get("Authorization") != "Bearer operators-token":
            return handler.problem(401, "access.credential")
        return handler.reply(status, canonical(value))

    def post_grant(self, handler, body):
        """Signed by the desk's own command."""
        life = self.life
        life.file("fake.request").write_bytes(body)
        life.file("last.nonce").rename(life.file("fake.nonce"))
        life.grant_new("fake", evidence="fake-fresh")
        life.file("fake.grant").write_bytes(life.file("fake.dsse").read_bytes())
        encode = lambda name: base64.b64encode(life.file(name).read_bytes()).decode()
        return 200, canonical({"assets": encode("fake.bin"), "grant": encode("fake.dsse"), "manifest": encode("manifest.dsse")})

    def post_receipt(self, _handler, body):
        self.life.file("receipt.json").write_bytes(body)
        return 200, canonical({})

    def post_kill(self, _handler, body):
        self.life.file("fake.kill").write_bytes(body)
        return 200, canonical({})

    def post_certificate(self, _handler, body):
        self.life.file("fake.certificate").write_bytes(body)
        return 200, body, TYPE.format("certificate")
