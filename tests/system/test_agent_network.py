"""The agent on real networks: IPv6, a proxy, a pinned key, a server that goes and comes back; always against the real server."""
import base64
import hashlib
import json
import socket
import subprocess
import threading
import unittest

from life import Life
from served import life_with_server


class Proxy(threading.Thread):
    """An HTTP proxy that knows CONNECT and nothing else; counts the tunnels."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.asked = []

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        method, target, _ = head.split(b"\r\n")[0].split(b" ")
        self.asked.append((method.decode(), target.decode()))
        host, _, port = target.decode().rpartition(":")
        upstream = socket.create_connection((host.strip("[]"), int(port)))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        for a, b in ((client, upstream), (upstream, client)):
            threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    @staticmethod
    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Network(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.life = Life()
        cls.life, cls.served = life_with_server(cls.life, server__listen="[::]:0", fleet__interval_s=10)

    @classmethod
    def tearDownClass(cls):
        cls.served.stop()
        cls.life.remove()

    def report(self, url=None, ca=True, extra="", want=0, code=None):
        life, served = self.life, self.served
        life.configure(f"\n[agent]\nserver = {url or served.url}\nspool = {life.dir / 'spool'}\n" +
                       (f"ca = {served.dir / 'tls.crt'}\n" if ca else "") + extra)
        life.here("spool", "publish")
        return life.here("attest", "--once", want=want, code=code)

    def pin(self):
        spki = subprocess.run(["openssl", "x509", "-in", self.served.dir / "tls.crt", "-noout", "-pubkey"], check=True, capture_output=True).stdout
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=spki, check=True, capture_output=True).stdout
        return base64.b64encode(hashlib.sha256(der).digest()).decode()

    def test_reports_over_ipv6_and_ipv4(self):
        for host in ("[::1]", "127.0.0.1", "localhost"):
            with self.subTest(host=host):
                self.report(url=f"https://{host}:{self.served.port}")

    def test_reports_through_a_proxy_that_is_configured(self):
        proxy = Proxy()
        self.addCleanup(proxy.listener.close)
        proxy.start()
        self.report(extra=f"proxy = http://127.0.0.1:{proxy.port}\n")
        self.assertEqual(set(proxy.asked), {("CONNECT", f"localhost:{self.served.port}")})

    def test_a_pinned_key_is_the_servers_or_nothing(self):
        self.report(extra=f"pin = sha256//{self.pin()}\n")
        self.report(extra="pin = sha256//" + base64.b64encode(bytes(32)).decode() + "\n", want=9, code="server.pin")

    def test_a_server_of_another_authority_is_not_spoken_to(self):
        self.report(ca=False, want=9, code="server.certificate")

    def test_a_result_for_somebody_is_signed_by_the_servers_key(self):
        life, served = self.life, self.served
        self.report()
        life.here("attest", "--for", "https://relying.example/a b", "-o", life.file("ear.jwt"))
        header, payload, _ = life.file("ear.jwt").read_text().strip().split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
        self.assertEqual((claims["aud"], claims["sub"]), ("https://relying.example/a b", served.device_id()))
        kid = json.loads(base64.urlsafe_b64decode(header + "=="))["kid"]
        self.assertIn(kid, [jwk["kid"] for jwk in served.get("/.well-known/jwks.json").json()["keys"]])
        self.assertEqual(life.file("ear.jwt").stat().st_mode & 0o777, 0o600)
        life.run("seal", "--for", life.file("ear.jwt"), *life.roots(), "--in", "-", "-o", life.file("sealed.json"), stdin=b"for this device alone")
        self.assertEqual(life.here("unseal", life.file("sealed.json")).stdout, b"for this device alone")

    def test_a_server_that_was_away_is_reported_to_again(self):
        self.report()
        self.served.stop()
        self.report(want=9, code="server.unreached")
        self.served.start()
        self.report()


if __name__ == "__main__":
    unittest.main(verbosity=2)
