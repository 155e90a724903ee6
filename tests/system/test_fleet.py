"""The operator's verbs against a server that only carries: the enroller's desk, tables, refusals."""
import hashlib
import json
import os
import unittest

from fake_server import TYPE, FakeServer, canonical
from agent_life import Agent

ESCAPE = "\x1b[31mred\nrow"


class Courier(FakeServer):
    """Keeps an enrolment's files and judges nothing. DIGEST is of the request."""

    def __init__(self, life):
        super().__init__(life)
        self.files, self.swap = {}, None

    def post_enrolment_request(self, handler, body):
        self.digest = hashlib.sha256(body).hexdigest()
        self.files["request"] = body
        return self.wait_for("challenge", "enrolment-challenge", handler)

    def post_enrolment_answer(self, handler, body):
        self.files["answer"] = body
        return self.wait_for("statement", "statement", handler)

    def wait_for(self, name, kind, handler):
        if name in self.files:
            return handler.reply(200, self.files[name], TYPE.format(kind))
        return handler.reply(202, canonical({}), retry_after=1)

    def route(self, handler, method, path, body):
        parts = path.split("?")[0].split("/")
        if parts[:3] != ["", "v1", "enrolments"]:
            return super().route(handler, method, path, body)
        if handler.headers.get("Authorization") != "Bearer operators-token":
            return handler.problem(401, "access.credential")
        if len(parts) == 3:
            waiting = [{"digest": self.digest, "serial": "T-0001", "state": "waits"}] if "request" in self.files and "statement" not in self.files else []
            return handler.reply(200, canonical({"enrolments": waiting}))
        if method == "POST":
            self.files[parts[4]] = body
            return handler.reply(200, canonical({}))
        if parts[4] not in self.files:
            return handler.problem(404, "enrolment.answer")
        kind = {"request": "enrolment-request", "answer": "enrolment"}[parts[4]]
        return handler.reply(200, self.swap or self.files[parts[4]], TYPE.format(kind))


class Fleet(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.life = Agent()
        cls.life.manufactured()
        cls.server = Courier(cls.life)
        cls.life.serve(cls.server)
        cls.life.file("op.token").write_text("operators-token\n")
        cls.life.file("op.token").chmod(0o600)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.life.remove()

    def fleet(self, *argv, **options):
        return self.life.run("fleet", *argv, "--server", self.server.url, "--ca", self.server.certificates.ca[0], "--token-file",
                             self.life.file("op.token"), **options)

    def approve(self, *argv, **options):
        return self.fleet("approve", *self.life.roots(), "--ek-ca", self.life.tpm / "ca", "--key", self.life.file("enrol.key"), "--dir",
                          self.life.file("desk"), *argv, **options)

    def test_1_an_enrolment_goes_through_the_enrollers_desk(self):
        life = self.life
        self.assertIn(b"0 signed", self.approve().stdout)
        life.here("enrol", "online", want=6, code="enrolment.waits")
        self.server.swap = b"{}"
        self.approve(want=9, code="reply.request")
        self.server.swap = None
        self.assertIn(b"0 signed", self.approve().stdout)
        self.assertEqual(life.file("desk").stat().st_mode & 0o777, 0o700)
        self.assertEqual(life.file(f"desk/{self.server.digest}.pending").stat().st_mode & 0o777, 0o600)
        life.here("enrol", "online", want=6, code="enrolment.waits")
        answer = self.server.files["answer"]
        life.here("enrol", "online", want=6)
        self.assertEqual(self.server.files["answer"], answer, "one challenge has one answer")
        self.approve(want=2, code="nobody is here")
        self.assertIn(b"T-0001", self.approve(stdin=b"n\n", want=1, code="enrolment.declined").stderr)
        self.assertIn(b"1 signed", self.approve(stdin=b"y\n").stdout)
        life.here("enrol", "online")
        self.assertIn(b"ENROLLED", life.here("state").stdout)
        self.assertFalse(life.file(f"desk/{self.server.digest}.pending").exists())

    def test_2_no_secret_of_the_desk_reaches_the_server(self):
        sent = b"".join(s["body"] for s in self.server.seen)
        self.assertNotIn(b"PRIVATE KEY", sent)
        self.assertNotIn(b'"secret"', sent)

    def test_3_a_desk_that_others_can_enter_is_refused(self):
        os.chmod(self.life.file("desk"), 0o750)
        try:
            self.approve(want=1, code="file.mode")
        finally:
            os.chmod(self.life.file("desk"), 0o700)

    def test_4_a_table_is_escaped_and_whole(self):
        self.server.devices = [{"device": "ab" * 32, "serial": ESCAPE, "tier": "affirming"}, {"device": "cd" * 32, "serial": "two", "tier": "warning"}]
        done = self.fleet("list")
        self.assertNotIn(b"\x1b", done.stdout)
        self.assertIn(b"\\x1b[31mred\\x0arow", done.stdout)
        self.assertEqual(len(done.stdout.splitlines()), 3, "both pages, one line each")
        self.assertEqual([d["serial"] for d in json.loads(self.fleet("list", "--json").stdout)["devices"]], [ESCAPE, "two"])

    def test_5_a_credential_is_never_on_the_command_line_and_never_readable(self):
        self.life.file("op.token").chmod(0o640)
        try:
            self.fleet("list", want=1, code="file.mode")
        finally:
            self.life.file("op.token").chmod(0o600)
        self.life.run("fleet", "list", "--server", self.server.url, want=2, code="token-file")
        self.life.file("op.token").write_text("wrong\n")
        try:
            self.fleet("list", want=1, code="access.credential")
        finally:
            self.life.file("op.token").write_text("operators-token\n")

    def test_6_names_that_could_mean_something_in_a_path_are_refused(self):
        for name in ["../audit", "ab", "AB" * 32, "ab" * 32 + "/x"]:
            self.fleet("show", name, want=2, code="usage")
        self.fleet("list", "--tier", "a&limit=1", want=2, code="usage")

    def test_7_a_refusal_is_the_servers(self):
        self.fleet("clear", "ab" * 32, want=1, code="http.path")

    def test_8_a_certificate_is_a_credential_and_its_key_is_private(self):
        certificates = self.server.certificates
        crt, key = certificates.make("operator", "ca", "extendedKeyUsage=clientAuth\n")
        server = FakeServer(self.life, certificates, client_ca=certificates.ca[0])
        ask = ["fleet", "show", "ab" * 32, "--server", server.url, "--ca", certificates.ca[0]]
        try:
            key.chmod(0o600)
            self.life.run(*ask, "--cert", crt, "--key-file", key, want=1, code="http.path")
            self.assertEqual(len(server.seen), 1)
            self.assertNotIn("Authorization", server.seen[0]["headers"])
            key.chmod(0o644)
            self.life.run(*ask, "--cert", crt, "--key-file", key, want=1, code="file.mode")
            key.chmod(0o600)
            self.life.run(*ask, "--cert", crt, want=2, code="usage")
            self.life.run(*ask, "--token-file", self.life.file("op.token"), want=9)
            self.assertEqual(len(server.seen), 1)
        finally:
            server.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
