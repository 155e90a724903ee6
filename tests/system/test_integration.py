"""What integration/ ships calls the programs as they are."""
import configparser
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from life import BIN, TOP, Life
from served import Served


UNITS = TOP / "integration/systemd"


def unit(name):
    parsed = configparser.RawConfigParser(strict=False)
    parsed.optionxform = str
    parsed.read(UNITS / name)
    return parsed


def unit_lines(name, setting):
    return re.findall(rf"(?m)^{setting}=(.*)$", (UNITS / name).read_text())


def calls(name):
    """The system calls of a set, its sets opened."""
    if not name.startswith("@"):
        return {name}
    listed = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True).stdout
    names = [line.strip() for line in listed.splitlines()[1:]]
    return set().union(*(calls(n) for n in names if n and not n.startswith("#")))


def filtered(lines):
    """An allow list as systemd reads it: a line that begins with ~ takes away, any other adds."""
    allowed = set()
    for line in lines:
        named = set().union(*(calls(n) for n in line.lstrip("~").split()))
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed


class Agent(unittest.TestCase):
    def test_agent_and_server_are_exposed_to_little(self):
        for name, most in [("cairnd.service", 2.0), ("cairn-attest.service", 2.0), ("cairn-install.service", 2.0), ("cairn-server.service", 2.0)]:
            done = subprocess.run(["systemd-analyze", "security", "--offline=yes", str(UNITS / name)], capture_output=True, text=True, check=True)
            exposure = float(re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout).group(1))
            self.assertLessEqual(exposure, most, name)

    def test_every_command_of_a_unit_is_one_of_the_programs(self):
        for path in UNITS.glob("*.service"):
            service = unit(path.name)["Service"]
            for line in [service["ExecStart"], service.get("ExecStartPre", "")]:
                words = shlex.split(line.lstrip("+"))
                if not words:
                    continue
                program = BIN / pathlib.Path(words[0]).name
                verbs = [w for w in words[1:] if not w.startswith("-")] if program.name == "cairn" else []
                done = subprocess.run([program, *verbs, "--help"], capture_output=True, text=True, check=True)
                self.assertIn("usage: " + " ".join([program.name, *verbs]), done.stdout, line)

    def test_the_units_wait_for_the_marks_that_the_agent_makes(self):
        header = (TOP / "agent/spool.h").read_text()
        for what in ["install", "wipe"]:
            mark = re.search(rf'CAIRN_SPOOL_{what.upper()}_READY +"([a-z.]+)"', header).group(1)
            path = unit(f"cairn-{what}.path")
            self.assertEqual(path["Path"]["PathExists"], f"/var/spool/cairn/in/{mark}")
            self.assertEqual(path["Path"]["Unit"], f"cairn-{what}.service")

    def test_user_and_spool_are_made_as_the_agent_needs_them(self):
        root = pathlib.Path(tempfile.mkdtemp(prefix="cairn-root-", dir="/tmp"))
        try:
            (root / "etc").mkdir()
            subprocess.run(["systemd-sysusers", f"--root={root}", UNITS / "cairn.sysusers.conf"], check=True, capture_output=True)
            users = {line.split(":")[0]: line.split(":") for line in (root / "etc/passwd").read_text().splitlines()}
            self.assertEqual(users["cairn"][6], "/usr/sbin/nologin")
            self.assertRegex((root / "etc/group").read_text(), r"(?m)^tss:[^:]*:[0-9]+:(.*,)?cairn")
            subprocess.run(["systemd-tmpfiles", "--create", f"--root={root}", UNITS / "cairn.tmpfiles.conf"], check=True, capture_output=True)
            spool = root / "var/spool/cairn"
            self.assertEqual([(p.name, oct(p.stat().st_mode & 0o777)) for p in sorted([spool, *spool.iterdir()])],
                             [("cairn", "0o755"), ("in", "0o750"), ("out", "0o755")])
            self.assertEqual((spool / "in").stat().st_uid, int(users["cairn"][2]))
            self.assertEqual((spool / "out").stat().st_uid, 0)
        finally:
            shutil.rmtree(root)


class Server(unittest.TestCase):
    def setUp(self):
        self.life = Life()
        self.addCleanup(self.life.remove)
        self.life.keys()
        self.life.root()
        self.served = Served(self.life)
        self.addCleanup(self.served.stop)

    def test_user_and_files_are_made_as_the_server_needs_them(self):
        root = self.life.dir / "tree"
        (root / "etc/cairn/server").mkdir(parents=True)
        for name, mode in [("cairn-server.conf", 0o644), ("server/tls.key", 0o644), ("server/params.json", 0o600), ("server/tls.crt", 0o644)]:
            (root / "etc/cairn" / name).write_text("")
            (root / "etc/cairn" / name).chmod(mode)
        subprocess.run(["systemd-sysusers", f"--root={root}", UNITS / "cairn-server.sysusers.conf"], check=True, capture_output=True)
        users = {line.split(":")[0]: line.split(":") for line in (root / "etc/passwd").read_text().splitlines()}
        self.assertEqual(users["cairn-server"][6], "/usr/sbin/nologin")
        self.assertEqual(unit("cairn-server.service")["Service"]["User"], "cairn-server")
        subprocess.run(["systemd-tmpfiles", "--create", f"--root={root}", UNITS / "cairn-server.tmpfiles.conf"], check=True, capture_output=True)
        server = int(users["cairn-server"][2])
        modes = {str(p.relative_to(root / "etc/cairn")): (oct(p.stat().st_mode & 0o777), p.stat().st_uid)
                 for p in (root / "etc/cairn").rglob("*")}
        self.assertEqual(modes, {"server": ("0o750", 0), "cairn-server.conf": ("0o640", 0), "server/tls.key": ("0o600", server),
                                 "server/params.json": ("0o600", server), "server/tls.crt": ("0o644", 0)})

    def test_the_unit_leaves_room_for_the_connections_and_the_state_that_the_defaults_want(self):
        text = (TOP / "server/http.c").read_text()
        connections = int(re.search(r"\.max_connections = (\d+)", text).group(1))
        service = unit("cairn-server.service")["Service"]
        self.assertGreater(int(service["LimitNOFILE"]), connections + 1000)
        self.assertIn(f'"/var/lib/{service["StateDirectory"]}/cairn.db"', (TOP / "server/config.c").read_text())
        self.assertIn("/etc/cairn/cairn-server.conf", (TOP / "server/main.c").read_text())

    def test_the_socket_unit_passes_the_socket_that_the_server_takes(self):
        """As systemd does: the listening socket is descriptor 3."""
        self.assertEqual(unit("cairn-server.socket")["Socket"]["ListenStream"], "8443")
        self.served.configure(server__listen="systemd")
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
            program = (f"exec 3<&{listening.fileno()} && LISTEN_PID=$$ LISTEN_FDS=1 exec "
                       f"{shlex.quote(str(BIN / 'cairn-server'))} --config {shlex.quote(str(self.served.conf))} run")
            with open(self.served.log, "wb") as log:
                self.served.process = subprocess.Popen(["sh", "-c", program], pass_fds=[listening.fileno()], stderr=log)
        self.served.port = port
        self.assertEqual(self.served.get("/healthz").status, 200, "the socket takes connections before the server is ready")
        self.assertIn(f'"port":"{port}"', self.served.log.read_text())
        self.assertEqual(self.served.stop(), 0)
        done = subprocess.run([BIN / "cairn-server", "--config", self.served.conf], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 8)
        self.assertIn("http.listen", done.stderr)

    def test_the_server_runs_within_the_system_calls_of_its_unit(self):
        """What a start, requests, a reload and a drain call, against the unit's filter as systemd resolves it."""
        allowed = filtered(unit_lines("cairn-server.service", "SystemCallFilter"))
        self.served.configure()
        trace = self.served.dir / "trace"
        with open(self.served.log, "wb") as log:
            self.served.process = subprocess.Popen(["strace", "-f", "-qq", "-e", "trace=!futex", "-e", "signal=none", "-o", trace, BIN / "cairn-server",
                                                    "--config", self.served.conf], stderr=log)
        wait = time.monotonic() + 20
        while "server.ready" not in self.served.log.read_text():
            self.assertLess(time.monotonic(), wait, self.served.log.read_text())
            time.sleep(0.05)
        self.served.port = int(re.search(r'"port":"(\d+)"', self.served.log.read_text()).group(1))
        self.assertEqual(self.served.get("/metrics", "viewer").status, 200)
        self.assertEqual(self.served.get("/v1/audit", "auditor").status, 200)
        server = int(trace.read_text().split()[0])
        os.kill(server, signal.SIGHUP)
        while "reload.done" not in self.served.log.read_text():
            self.assertLess(time.monotonic(), wait + 20)
            time.sleep(0.05)
        os.kill(server, signal.SIGTERM)
        self.assertEqual(self.served.process.wait(timeout=20), 0)
        self.served.process = None
        # fchown: SQLite's, and only for root, whom the unit does not use
        called = set(re.findall(r"^\d+ +([a-z_0-9]+)\(", trace.read_text(), re.M)) - ({"fchown"} if os.geteuid() == 0 else set())
        self.assertIn("epoll_wait", called)
        self.assertEqual(called - allowed, set())


class Integration(unittest.TestCase):
    def test_the_unit_runs_cairn_measure_as_it_is(self):
        """The unit's own command line, with this machine's TPM and paths in place of the device's."""
        command = shlex.split(unit("cairn-measure.service")["Service"]["ExecStart"])
        self.assertEqual(command[0], "/usr/bin/cairn-measure")
        life = Life()
        try:
            life.manufactured()
            life.swtpm("reset")
            places = {"/etc/cairn/root.dsse": str(life.file("root.dsse")), "/run/cairn/userspace.log": str(life.file("unit.log")),
                      "device:/dev/tpmrm0": life.tcti}
            argv = [places.pop(word, word) for word in command[1:]]
            self.assertEqual(places, {}, "every place in the unit is one the documentation names")
            life.run(*argv, program=BIN / "cairn-measure")
            self.assertTrue(life.file("unit.log").stat().st_size > 0)
        finally:
            life.remove()


if __name__ == "__main__":
    unittest.main(verbosity=2)
