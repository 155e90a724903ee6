"""A cairn-server for system tests: the real program, a real database, TLS on loopback; and a client that speaks docs/protocol.md.

The client is Python's own ssl and http.client: nothing of Cairn judges Cairn's server here.
"""
import base64
import hashlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import time

from life import BIN

TYPE = "application/vnd.cairn.{}.v1+json"
ROLES = ["viewer", "operator", "approver", "auditor", "enrolee"]


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def named_logs(evidence, attach=()):
    """The same evidence with its logs only named, but for the kinds in `attach`."""
    head, _, tail = evidence.partition(b"\n")
    document = json.loads(head)
    kept, offset = b"", 0
    for entry in document.get("attachments", []):
        data = tail[entry.pop("offset"):][: entry["len"]]
        if entry["kind"] in attach:
            entry["offset"], offset = offset, offset + len(data)
            kept += data
    return canonical(document) + b"\n" + kept


class Answer:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json()["code"] if self.fields.get("content-type") == "application/problem+json" else None

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class Served:
    def __init__(self, life, port=0):
        self.life = life
        self.dir = life.dir / "server"
        self.dir.mkdir(exist_ok=True)
        self.conf = self.dir / "cairn-server.conf"
        self.database = self.dir / "cairn.db"
        self.port = port
        self.process = None
        self.log = self.dir / "log"
        self.tokens = {}
        self.sections = {}
        self.settings = {}
        self.make_certificate()
        self.access = "".join(self.make_token(role, role) for role in ROLES)

    def make_certificate(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1", "-keyout", self.dir / "tls.key", "-out",
                        self.dir / "tls.crt"], check=True, capture_output=True)
        (self.dir / "tls.key").chmod(0o600)

    def make_token(self, name, role):
        done = subprocess.run([BIN / "cairn-server", "token", "--name", name, "--role", role], check=True, capture_output=True, text=True)
        self.tokens[name] = done.stdout.strip()
        path = self.dir / f"{name}.token"
        path.write_text(done.stdout)
        path.chmod(0o600)
        return done.stderr + "\n"

    def configure(self, **more):
        """Settings as section__name=value; None takes one away."""
        base = {"server__listen": f"127.0.0.1:{self.port}", "server__certificate": self.dir / "tls.crt", "server__key": self.dir / "tls.key",
                "server__database": self.database, "server__workers": 2, "server__drain_s": 2, "fleet__root": self.life.file("root.dsse"),
                "fleet__interval_s": 60, "limits__requests_per_s": 0}
        self.settings = {**base, **self.settings, **more}
        sections = {}
        for name, value in self.settings.items():
            section, setting = name.split("__")
            if value is not None:
                sections.setdefault(section, []).append(f"{setting} = {value}\n")
        self.conf.write_text("".join(f"[{s}]\n{''.join(lines)}\n" for s, lines in sections.items()) + self.access)
        self.conf.chmod(0o600)

    def check_config(self):
        return subprocess.run([BIN / "cairn-server", "--config", self.conf, "check-config"], capture_output=True, text=True, check=False)

    def start(self, wait=10, env=None):
        with open(self.log, "ab") as log:
            start = log.tell()
            self.process = subprocess.Popen([BIN / "cairn-server", "--config", self.conf], stderr=log, stdout=log, env=env)
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline:
            said = self.log.read_bytes()[start:].decode(errors="replace")
            ready = re.search(r'"event":"server.ready".*"port":"(\d+)"', said)
            if ready:
                self.port = int(ready.group(1))
                self.settings["server__listen"] = str(self.settings["server__listen"]).rpartition(":")[0] + f":{self.port}"
                self.configure()
                return self
            if self.process.poll() is not None:
                raise AssertionError(f"cairn-server ended with {self.process.returncode}:\n{said}")
            time.sleep(0.01)
        raise AssertionError(f"cairn-server is not ready:\n{self.log.read_text()}")

    def reload(self):
        before = self.log.read_text().count("reload.")
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 5
        while self.log.read_text().count("reload.") == before:
            if time.monotonic() > deadline:
                raise AssertionError(f"no reload:\n{self.log.read_text()}")
            time.sleep(0.01)

    def stop(self, sig=signal.SIGTERM, wait=15):
        if self.process is not None:
            self.process.send_signal(sig)
            code = self.process.wait(timeout=wait)
            self.process = None
            return code
        return None

    def kill(self):
        self.stop(signal.SIGKILL)

    @property
    def url(self):
        return f"https://localhost:{self.port}"

    def context(self):
        context = ssl.create_default_context(cafile=self.dir / "tls.crt")
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        return context

    def connect(self):
        return http.client.HTTPSConnection("localhost", self.port, context=self.context(), timeout=20)

    def call(self, method, path, body=None, type_=None, token=None, fields=None, connection=None):
        fields = dict(fields or {})
        if type_:
            fields["Content-Type"] = TYPE.format(type_) if "/" not in type_ else type_
        if token:
            fields["Authorization"] = f"Bearer {self.tokens.get(token, token)}"
        own = connection or self.connect()
        try:
            own.request(method, path, body=body if body is not None or method != "POST" else b"", headers=fields)
            got = own.getresponse()
            return Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())
        finally:
            if connection is None:
                own.close()

    def get(self, path, token=None, **more):
        return self.call("GET", path, token=token, **more)

    def post(self, path, body=b"", type_=None, token=None, **more):
        return self.call("POST", path, body=body, type_=type_, token=token, **more)

    # a device, by files

    def device_id(self):
        return json.loads(base64.b64decode(json.loads(self.life.file("statement.dsse").read_bytes())["payload"]))["device"]

    def enrol(self):
        """The whole enrolment with the enroller apart."""
        life = self.life
        life.here("enrol", "request", "-o", life.file("e.request"))
        request = life.file("e.request").read_bytes()
        digest = hashlib.sha256(request).hexdigest()
        assert self.post("/v1/enrolment/request", request, "enrolment-request", "enrolee").status == 202
        got = self.get(f"/v1/enrolments/{digest}/request", "approver")
        assert got.body == request, got
        life.run("enrol", "challenge", life.file("e.request"), *life.roots(), "--ca", life.tpm / "ca", "--pending", life.file("e.pending"), "-o",
                 life.file("e.challenge"))
        got = self.post(f"/v1/enrolments/{digest}/challenge", life.file("e.challenge").read_bytes(), "enrolment-challenge", "approver")
        assert got.status == 200, got
        got = self.post("/v1/enrolment/request", request, "enrolment-request", "enrolee")
        assert got.status == 200 and got.body == life.file("e.challenge").read_bytes(), got
        life.here("enrol", "answer", life.file("e.challenge"), "-o", life.file("e.answer"))
        answer = life.file("e.answer").read_bytes()
        assert self.post("/v1/enrolment/answer", answer, "enrolment").status == 202
        assert self.get(f"/v1/enrolments/{digest}/answer", "approver").body == answer
        life.run("enrol", "statement", life.file("e.answer"), "--pending", life.file("e.pending"), *life.roots(), "--key", life.file("enrol.key"), "-o",
                 life.file("statement.dsse"))
        statement = life.file("statement.dsse").read_bytes()
        got = self.post(f"/v1/enrolments/{digest}/statement", statement, "statement", "approver")
        assert got.status == 200, got
        got = self.post("/v1/enrolment/answer", answer, "enrolment")
        assert got.status == 200 and got.body == statement, got
        life.here("enrol", "accept", life.file("statement.dsse"))

    def nonce(self, purpose="evidence", name="n"):
        got = self.post("/v1/nonce", json.dumps({"device": self.device_id(), "purpose": purpose}).encode(), "application/json")
        assert got.status == 200, got
        self.life.file(f"{name}.nonce").write_bytes(got.body)
        self.life.file(f"{name}.nonce").chmod(0o600)
        return got.json()

    def evidence(self, nonce=None, name="n", *options):
        """Evidence over a nonce (a fresh one from the server when none is given), every log attached."""
        if nonce is None:
            self.nonce(name=name)
        else:
            self.life.file(f"{name}.nonce").write_bytes(canonical(nonce) + b"\n")
            self.life.file(f"{name}.nonce").chmod(0o600)
        self.life.here("attest", "--nonce", self.life.file(f"{name}.nonce"), "-o", self.life.file(f"{name}.evidence"), *options)
        return self.life.file(f"{name}.evidence").read_bytes()

    def send(self, evidence, query=""):
        """Sends evidence as an agent does: logs named, then attached when asked for."""
        got = self.post(f"/v1/evidence{query}", named_logs(evidence), "evidence")
        if got.status == 409 and got.code == "evidence.logs":
            asked = got.json()
            got = self.post(f"/v1/evidence{query}", named_logs(evidence, asked["need"]), "evidence",
                            fields={"Cairn-Upload-Token": asked["upload_token"]})
        return got

    def report(self, nonce=None, query="", *options):
        return self.send(self.evidence(nonce, "n", *options), query)

    def remove(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


def life_with_server(life=None, **settings):
    """An enrolled device, a policy that affirms its boot, a release, and the server that knows them."""
    from life import Life
    life = life or Life()
    life.manufactured()
    served = Served(life)
    served.configure(**settings)
    served.start()
    served.enrol()
    life.approved()
    life.manifest()
    served.configure(fleet__policy=life.file("policy.dsse"), provision__key=life.file("provision.key"),
                     provision__manifest=life.file("manifest.dsse"), provision__params=life.file("params.json"))
    if life.file("verifier.key").exists():
        served.configure(verifier__key=life.file("verifier.key"), verifier__issuer=served.url)
    served.reload()
    return life, served
