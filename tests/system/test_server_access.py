"""Who may do what: every route of `cairn-server routes`, with every credential that must not open it and the one that must.

No TPM is needed: access is decided before anything is looked up.
"""
import base64
import hashlib
import json
import re
import ssl
import subprocess
import unittest

from life import BIN, TOP, Life
from served import ROLES, Served

NOBODY = "0" * 64
RIGHTS = {"viewer": {"view"}, "operator": {"view", "operate"}, "approver": {"view", "operate", "approve"}, "auditor": {"view", "audit"},
          "enrolee": {"enrol"}}
DEEP = [b"[" * 8000, b'{"a":' * 3000, b"[" * 3000 + b"]" * 3000, b'{"payload":"' + b"A" * 9000]
TWICE = [b'{"device":"00","device":"01","purpose":"evidence"}', b'{"a":1,"a":1}\n', b'{"payload":"e30=","payload":"e30=","payloadType":"x"}\n']
GARBAGE = [b"", b"\0" * 100, bytes(range(256)) * 8, b"{}", b"null", b"[]", b"{}\n", b'"\xff\xfe"', b"1e999", b'{"a":1e999}', b"--- !!python/object:os.system\n",
           b"\x80\x04\x95", b"PK\x03\x04", b"\x1f\x8b\x08\x00"]


def routes():
    said = subprocess.run([BIN / "cairn-server", "routes"], check=True, capture_output=True, text=True).stdout
    return [tuple(line.split(" ")) for line in said.splitlines()]


def documented():
    """method, path and role of every route in the tables of docs/protocol.md."""
    found, chapter = [], ""
    for line in (TOP / "docs/protocol.md").read_text().splitlines():
        if line.startswith("## "):
            chapter = line[3:]
        cells = [c.strip() for c in line.split("|")[1:-1]]
        names = re.findall(r"`((?:GET |POST )?/[^`]*)`", cells[0]) if cells else []
        named = []
        for name in names:
            method, path = name.split(" ") if " " in name else (named[-1][0], named[-1][1].rpartition("/")[0] + name)
            named.append((method, re.sub(r"\b(ID|DIGEST)\b", "*", path.partition("?")[0])))
        roles = [r.strip() for r in cells[1].split(",")] if chapter == "Operators" and cells else ["-"]
        for i, (method, path) in enumerate(named):
            found.append((method, path, roles[min(i, len(roles) - 1)]))
    return found


class Access(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.life = Life()
        cls.addClassCleanup(cls.life.remove)
        cls.life.dir.mkdir(exist_ok=True)
        cls.life.keys()
        cls.life.root()
        cls.served = Served(cls.life)
        cls.addClassCleanup(cls.served.stop)
        cls.make_client_certificates()
        cls.served.configure(server__client_ca=cls.served.dir / "clients.crt")
        cls.served.start()
        cls.routes = routes()

    @classmethod
    def make_client_certificates(cls):
        where = cls.served.dir
        for ca in ("clients", "strangers"):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                            f"/CN={ca}", "-keyout", where / f"{ca}.key", "-out", where / f"{ca}.crt"], check=True, capture_output=True)
        for name, ca in [(f"{role}-by-certificate", "clients") for role in ROLES] + [("unknown", "clients"), ("foreign", "strangers")]:
            subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout",
                            where / f"{name}.key", "-out", where / f"{name}.csr"], check=True, capture_output=True)
            subprocess.run(["openssl", "x509", "-req", "-in", where / f"{name}.csr", "-CA", where / f"{ca}.crt", "-CAkey", where / f"{ca}.key", "-days",
                            "30", "-out", where / f"{name}.crt"], check=True, capture_output=True)
        for role in ROLES:
            der = ssl.PEM_cert_to_DER_cert((where / f"{role}-by-certificate.crt").read_text())
            cls.served.access += (f"[access {role}-by-certificate]\nrole = {role}\n"
                                  f"certificate_sha256 = {hashlib.sha256(der).hexdigest()}\n\n")

    def ask(self, route, token=None, fields=None, query="", certificate=None, body=b"{}"):
        method, path, _, type_ = route
        connection = None
        if certificate is not None:
            connection = self.served.connect()
            connection._context.load_cert_chain(self.served.dir / f"{certificate}.crt", self.served.dir / f"{certificate}.key")
        try:
            return self.served.call(method, path.replace("*", NOBODY) + query, body=None if type_ == "-" else body, token=token, fields=fields,
                                    type_=None if type_ == "-" else type_, connection=connection)
        finally:
            if connection is not None:
                connection.close()

    def refused(self, route, status, code, **how):
        got = self.ask(route, **how)
        self.assertEqual((got.status, got.code), (status, code), f"{route} {how}: {got}")

    def guarded(self):
        there = [r for r in self.routes if r[2] != "none"]
        self.assertGreater(len(there), 20)
        return there

    def test_no_route_that_changes_or_shows_the_fleet_is_open_to_everybody(self):
        self.assertEqual({(m, p) for m, p, right, _ in self.routes if right == "none"}, {
            ("POST", "/v1/enrolment/answer"), ("POST", "/v1/nonce"), ("POST", "/v1/evidence"), ("POST", "/v1/grant"), ("POST", "/v1/receipt"),
            ("GET", "/v1/order/*"), ("POST", "/v1/release"), ("POST", "/v1/kill"), ("POST", "/v1/certificate"), ("GET", "/v1/root"),
            ("GET", "/.well-known/jwks.json"), ("GET", "/v1/forward-auth"), ("GET", "/healthz"), ("GET", "/readyz")})

    def test_an_admin_route_is_not_open_without_a_credential(self):
        for route in self.guarded():
            self.refused(route, 401, "access.credential")

    def test_a_token_that_nobody_was_given_opens_nothing(self):
        wrong = "A" * 43
        for route in self.guarded():
            for shown in (wrong, wrong[:-1], wrong + "A", "", " ", self.served.tokens["approver"][:-1] + "?"):
                self.refused(route, 401, "access.credential", fields={"Authorization": f"Bearer {shown}"})

    def test_a_right_token_under_another_scheme_opens_nothing(self):
        for route in self.guarded():
            for scheme in ("bearer", "Basic", "DPoP", "Bearer  ", ""):
                self.refused(route, 401, "access.credential", fields={"Authorization": f"{scheme} {self.served.tokens['approver']}".strip()})

    def test_a_token_in_the_query_opens_nothing(self):
        for route in self.guarded():
            for name in ("token", "access_token", "authorization"):
                self.refused(route, 401, "access.credential", query=f"?{name}={self.served.tokens['approver']}")

    def test_a_digest_out_of_the_configuration_is_no_token(self):
        digest = hashlib.sha256(self.served.tokens["approver"].encode()).digest()
        for shown in (digest.hex(), base64.urlsafe_b64encode(digest).decode().rstrip("=")):
            for route in self.guarded():
                self.refused(route, 401, "access.credential", fields={"Authorization": f"Bearer {shown}"})

    def test_a_devices_document_is_no_operators_credential(self):
        """CHECKS 5: neither as the token nor as the body, and nor is what the server itself signs or hands out."""
        root = self.life.file("root.dsse").read_bytes()
        for route in self.guarded():
            for shown in (base64.b64encode(root).decode()[:43], base64.urlsafe_b64encode(hashlib.sha256(root).digest()).decode()[:43]):
                self.refused(route, 401, "access.credential", fields={"Authorization": f"Bearer {shown}"})
            self.refused(route, 401, "access.credential", fields={"Cairn-Upload-Token": "A" * 38})
            self.refused(route, 401, "access.credential", body=root)

    def test_every_other_role_is_refused_and_the_right_one_is_not(self):
        for route in self.guarded():
            for role in ROLES:
                for how in ({"token": role}, {"certificate": f"{role}-by-certificate"}):
                    with self.subTest(route=route, how=how):
                        if route[2] not in RIGHTS[role]:
                            self.refused(route, 403, "access.role", **how)
                        else:
                            got = self.ask(route, **how)
                            self.assertNotIn((got.code or "").partition(".")[0], ("access", "server"), got)
                            self.assertNotIn(got.status, (401, 500, 503), got)

    def test_every_guarded_route_is_open_to_some_role(self):
        for route in self.guarded():
            self.assertTrue(any(route[2] in rights for rights in RIGHTS.values()), route)

    def test_a_certificate_that_the_configuration_does_not_name_is_nobodys(self):
        for route in self.guarded():
            self.refused(route, 401, "access.credential", certificate="unknown")

    def test_a_certificate_of_another_authority_ends_the_handshake(self):
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.ask(("GET", "/healthz", "none", "-"), certificate="foreign")
        self.assertEqual(self.served.get("/healthz").status, 200)

    def test_a_right_certificate_does_not_excuse_a_wrong_token(self):
        for route in self.guarded():
            self.refused(route, 401, "access.credential", certificate="approver-by-certificate", fields={"Authorization": "Bearer " + "A" * 43})
            self.refused(route, 401, "access.credential", certificate="approver-by-certificate", token="approver")

    def test_head_asks_for_the_same_right_as_get(self):
        for method, path, _, type_ in self.guarded():
            if method == "GET":
                got = self.served.call("HEAD", path.replace("*", NOBODY))
                self.assertEqual((got.status, got.body), (401, b""), path)

    def test_no_other_spelling_of_a_path_leads_to_its_handler(self):
        for method, path, _, type_ in self.guarded():
            path = path.replace("*", NOBODY)
            for other in (path + "/", "/" + path, path.upper() if path != "/" else "/x", path.replace("/v1", "/v1/."), path.replace("/v1", "/%76%31"),
                          path.replace("/v1", "/v1/../v1")):
                if other != path:
                    got = self.served.call(method, other, body=None if type_ == "-" else b"{}", type_=None if type_ == "-" else type_)
                    self.assertIn(got.status, (400, 404), f"{method} {other}: {got}")

    def test_an_id_is_exactly_64_small_hex_digits(self):
        for method, path, _, type_ in self.guarded():
            for wrong in ("0" * 63, "0" * 65, "A" * 64, "g" * 64, "") if "*" in path else ():
                got = self.served.call(method, path.replace("*", wrong), body=None if type_ == "-" else b"{}", type_=None if type_ == "-" else type_,
                                       token="approver")
                self.assertIn(got.status, (400, 404), f"{method} {path} {wrong}: {got}")

    def test_the_table_of_routes_and_the_page_say_the_same(self):
        right_of = {"viewer": "view", "operator": "operate", "approver": "approve", "auditor": "audit"}
        page = [(m, p, "enrol" if p == "/v1/enrolment/request" else right_of.get(role, "none")) for m, p, role in documented()]
        self.assertEqual(len(page), len(set(page)), "a route is there twice")
        self.assertEqual(sorted(page), sorted((m, p, r) for m, p, r, _ in self.routes))

    # bodies

    def bodies(self):
        for method, path, right, type_ in self.routes:
            if method == "POST" and type_ != "-":
                yield path.replace("*", NOBODY), type_, {"none": None, "enrol": "enrolee"}.get(right, "approver")

    def refuses_body(self, path, body, type_, token, status=range(400, 500)):
        got = self.served.post(path, body, type_, token)
        self.assertIn(got.status, status, f"{path} {body[:40]!r}: {got}")
        self.assertRegex(got.code or "", r"^[a-z0-9_]+(\.[a-z0-9_]+)+$", f"{path} {body[:40]!r}: {got}")
        self.assertEqual(got.json()["status"], got.status)
        return got.code

    def test_a_body_of_another_type_is_not_read(self):
        """CHECKS 35: no archive, no YAML, no pickle; a body is what its route says or nothing."""
        for path, type_, token in self.bodies():
            for other in (None, "text/plain", "application/x-yaml", "application/zip", "application/octet-stream", type_ + "; charset=utf-8", type_ + "x",
                          "application/json" if type_ != "application/json" else "application/vnd.cairn.evidence.v1+json"):
                self.assertEqual(self.refuses_body(path, b"{}", other, token, (415,)), "http.type")

    def test_a_body_that_is_too_large_is_refused_before_it_is_read(self):
        for path, type_, token in self.bodies():
            fields = {"Content-Length": str(64 << 20), "Content-Type": type_}
            if token:
                fields["Authorization"] = f"Bearer {self.served.tokens[token]}"
            connection = self.served.connect()
            connection.putrequest("POST", path)
            for name, value in fields.items():
                connection.putheader(name, value)
            connection.endheaders()
            got = connection.getresponse()
            self.assertEqual((got.status, json.loads(got.read())["code"]), (413, "http.large"), path)
            connection.close()

    def test_a_body_where_none_belongs_is_refused(self):
        for method, path, right, type_ in self.guarded():
            if method == "POST" and type_ == "-":
                got = self.served.post(path.replace("*", NOBODY), b"{}", "application/json", "approver")
                self.assertEqual((got.status, got.code), (413, "http.large"), path)

    def test_garbage_deep_and_doubled_json_fail_their_own_request_only(self):
        """CHECKS 33: each is a 4xx with a stable code, and the server goes on."""
        for path, type_, token in self.bodies():
            for body in GARBAGE + DEEP + TWICE:
                self.refuses_body(path, body, type_, token)
        self.assertEqual(self.served.get("/readyz").status, 200)
        self.assertIsNone(self.served.process.poll())

    def test_nothing_of_what_strangers_sent_is_in_the_log_as_a_line_of_its_own(self):
        """CHECKS 36."""
        evil = 'x"\r\nevent=forged.line level=info'
        for path, type_, token in self.bodies():
            self.served.post(path, json.dumps({"device": evil, evil: 1, "payloadType": evil, "payload": evil}).encode(), type_, token)
        self.served.post("/v1/nonce?" + "a=%0d%0aevent=forged.line", b"{}", "application/json")
        self.assertNotRegex(self.served.log.read_text(), r"(?m)^event=forged")


if __name__ == "__main__":
    unittest.main(verbosity=2)
