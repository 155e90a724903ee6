"""docs/provisioning-server.md is followed as written, from a fresh directory: a server is set up, provisions a device, is backed up and restored.

systemd is not here: what the page asks of it is done by this test, with the unit's own command line.
"""
import configparser
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
import unittest

from agent_life import Agent
from handbook import Reader, blocks, commands
from life import BIN, TOP

PAGE = "docs/provisioning-server.md"
UNIT = TOP / "integration/systemd/cairn-server.service"
FOR_SYSTEMD = ["systemd-sysusers", "systemd-tmpfiles --create"]  # tests/system/test_integration.py does them


class Manager:
    """systemctl, for one unit."""

    def __init__(self, places, log):
        parsed = configparser.RawConfigParser(strict=False)
        parsed.read(UNIT)
        text = parsed["Service"]["ExecStart"]
        for old, new in places.items():
            text = text.replace(old, str(new))
        self.command, self.log, self.process = shlex.split(text), log, None

    def wait_for(self, event, before):
        deadline = time.monotonic() + 10
        while self.log.read_text().count(f'"event":"{event}"') <= before:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError(f"no {event}:\n{self.log.read_text()}")
            time.sleep(0.02)

    def start(self):
        before = self.log.read_text().count('"event":"server.ready"') if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stderr=log)
        self.wait_for("server.ready", before)

    def reload(self):
        before = self.log.read_text().count('"event":"reload.done"')
        self.process.send_signal(signal.SIGHUP)
        self.wait_for("reload.done", before)

    def stop(self):
        self.process.terminate()
        code, self.process = self.process.wait(timeout=20), None
        if code != 0:
            raise AssertionError(f"ended with {code}:\n{self.log.read_text()}")

    def do(self, verb):
        {"start": self.start, "enable": self.start, "reload": self.reload, "stop": self.stop}[verb]()


class ProvisioningServer(unittest.TestCase):
    def prepare(self):
        """What the page presupposes: a fleet's keys and root, a TPM maker's certificates, a device that has booted."""
        self.life = life = Agent()
        self.addCleanup(life.remove)
        life.manufactured()
        self.tree = life.dir / "tree"
        for directory in ["usr/bin", "usr/lib/sysusers.d", "usr/lib/tmpfiles.d", "etc/systemd/system", "var/lib/cairn-server", "var/backups"]:
            (self.tree / directory).mkdir(parents=True)
        (life.dir / "vendor-ca").symlink_to(life.tpm / "ca")
        with socket.create_server(("127.0.0.1", 0)) as s:
            port = s.getsockname()[1]
        places = {**{f"/{top}/{name}": f"{self.tree}/{top}/{name}" for top, name in
                     [("usr", "bin/"), ("usr", "lib/"), ("etc", "systemd/"), ("etc", "cairn"), ("var", "lib/"), ("var", "backups/")]},
                  "build/release/bin": BIN, "integration/systemd/": f"{TOP}/integration/systemd/", "[::]:8443": f"127.0.0.1:{port}",
                  "https://cairn.example.net:8443": f"https://localhost:{port}", "cairn.example.net": "localhost"}
        # the programs of a server know their configuration's place
        cairn_server = f"cairn-server --config {self.tree}/etc/cairn/cairn-server.conf"
        self.manager = Manager({"/usr/bin": self.tree / "usr/bin", "/etc/cairn": self.tree / "etc/cairn"}, life.dir / "server.log")
        self.addCleanup(lambda: self.manager.process and self.manager.stop())
        desk = life.dir / "no-such-configuration"
        reader = Reader(self, PAGE, life.dir, {"D": life.conf, "P": desk, "S": desk}, places)
        reader.prelude = f'cairn-server() {{ command {cairn_server} "$@"; }}\n'
        life.run("key", "new", "--role", "verifier", "--holder", "device", "-o", life.file("app.key"))
        life.configure(f"\n[agent]\nserver = https://localhost:{port}\nca = {self.tree}/etc/cairn/server/tls.crt\nspool = {life.spool}\n"
                       f"enrolment_token = {life.dir}/site-7.token\ncnf = {life.file('app.pub')}\n")
        return reader

    def one(self, reader, text, mark):
        bare = re.sub(r"\s+#.*", "", text)
        if bare in FOR_SYSTEMD:
            return ""
        if bare.startswith("systemctl "):
            self.manager.do(bare.split()[1])
            return ""
        said = reader.run(text, mark, typed="y\n")
        if "-out /etc/cairn/server/tls.crt" in text:  # the desk gets the CA's certificate by a way of its own
            shutil.copy(self.tree / "etc/cairn/server/tls.crt", self.life.dir)
        return said

    def test_the_page_sets_up_a_server(self):
        reader = self.prepare()
        said = {}
        for _, block in blocks(PAGE):
            for text, mark in commands(block):
                self.assertIsNotNone(mark, f"{PAGE} does not say where this runs: {text}")
                said[text] = self.one(reader, text, mark)
        find = lambda start: [out for text, out in said.items() if text.startswith(start)]
        self.assertIn("OPERATIONAL", find("fleet show")[0])
        self.assertIn("the chain holds", find("cairn-server audit-verify")[-1])
        self.assertEqual(find("sqlite3 /var/backups"), ["ok\n"])
        self.assertEqual(oct((self.tree / "var/lib/cairn-server/cairn.db").stat().st_mode & 0o777), "0o600")
        self.check_metrics(find("curl -fsS --cacert tls.crt -H")[0])
        # the restored server goes on
        self.assertIn("affirming", self.life.once().stdout.decode())
        self.manager.stop()

    def check_metrics(self, text):
        """Every metric is in the page's table, and none that is not there."""
        real = set(re.findall(r"^# TYPE (cairn_[a-z_]+)", text, re.M))
        page = (TOP / PAGE).read_text()
        table = page[page.index("| metric |"):page.index("The log is one JSON object")]
        self.assertEqual(set(re.findall(r"`(cairn_[a-z_]+)[{`]", table)), real)


class Page(unittest.TestCase):
    def test_the_table_of_the_configuration_is_the_programs(self):
        """Every setting of server/config.c with its default; none more."""
        page = (TOP / PAGE).read_text()
        table = page[page.index("| key | default |"):page.index("An unknown key,")]
        section, told = "", {}
        for line in table.strip().splitlines()[2:]:
            cells = [c.strip() for c in line.strip("|").split("|")]
            if cells[0].startswith("**"):
                section = cells[0].strip("*`[]")
                continue
            keys, defaults = re.findall(r"`([a-z0-9_]+)`", cells[0]), [d.strip(" `") for d in cells[1].split(", ")]
            told.update({(section, key): default for key, default in zip(keys, defaults * len(keys) if len(defaults) == 1 else defaults, strict=True)})
        source = (TOP / "server/config.c").read_text()
        known = {(s, n): m for s, n, m in re.findall(r'(?:TEXT|U32|U64)\("([a-z_]+)", "([a-z0-9_]+)", ([a-z0-9_.]+)', source)}
        known.update({(s, n): m for s, n, m in re.findall(r'NUMBER\("([a-z_]+)", "([a-z0-9_]+)", CAIRN_INI_SIZE, ([a-z0-9_.]+)', source)})
        known.update({("access NAME", n): n for n in re.findall(r'strcmp\(name, "([a-z0-9_]+)"\) == 0', source)})
        self.assertEqual(set(told), set(known))
        self.assertGreater(len(known), 35)
        function = source[source.index("void cairn_server_config_default"):source.index("static struct cairn_principal")]
        defaults = dict(re.findall(r'snprintf\(out->([a-z0-9_]+), [^"]*("[^"]*")\)', function) + re.findall(r"out->([a-z0-9_]+) = ([^;]+);", function))
        numbers = {n for _, n in re.findall(r'(?:U32|U64)\("([a-z_]+)", "([a-z0-9_]+)"', source)}
        http = (TOP / "server/http.c").read_text()
        limits = dict(re.findall(r"\.([a-z0-9_]+) = ([^,}]+)", http[http.index("cairn_http_limits_default(void)"):]))
        for key, member in known.items():
            value = limits[member.removeprefix("limits.")] if member.startswith("limits.") else defaults.get(member, "0" if key[1] in numbers else "")
            value = re.sub(r"^\(size_t\)", "", value).strip('"')
            shift = re.fullmatch(r"(\d+) << (\d+)", value)
            value = str(int(shift.group(1)) << int(shift.group(2))) if shift else value
            self.assertEqual(told[key].replace("none", ""), value, key)


if __name__ == "__main__":
    unittest.main(verbosity=2)
