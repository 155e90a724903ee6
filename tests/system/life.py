"""A device and the people around it, for system tests: every step is the command line against a real swtpm.

Life(directory) makes nothing by itself; each stage method brings the device to that stage from the one before, and
snapshot/restore fork a stage. All programs come from $CAIRN_BIN.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import uuid

TOP = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("CAIRN_BIN", TOP / "build/dev/bin"))
SUPPORT = TOP / "tests/support"
BOOTS = TOP / "tests/vectors/boot"
PCRS = "0-11,14"
ROLES = ["root", "enrol", "release", "policy", "pcrpolicy", "provision", "verifier"]


class Refused(AssertionError):
    """A command ended otherwise than the test said."""


class Life:
    def __init__(self, directory=None):
        self.dir = pathlib.Path(directory or tempfile.mkdtemp(prefix="cairn-", dir="/tmp"))
        self.tpm = self.dir / "tpm"
        self.conf = self.dir / "cairn.conf"
        self.state = self.dir / "state"
        self.out = self.dir / "out"
        self.tcti = f"swtpm:path={self.tpm}/sock"
        self.env = dict(os.environ)

    # programs

    def run(self, *argv, want=0, code=None, stdin=None, program=None, timeout=120):
        """Runs one command and demands its exit status and, if given, that its error or output names `code`."""
        command = [str(BIN / "cairn") if program is None else str(program), *map(str, argv)]
        done = subprocess.run(command, input=stdin, capture_output=True, timeout=timeout, env=self.env, check=False)
        said = (done.stdout + done.stderr).decode(errors="replace")
        if want is not None and done.returncode != want:
            raise Refused(f"{' '.join(command)}\nexit {done.returncode}, expected {want}\n{said}")
        if code is not None and code not in said:
            raise Refused(f"{' '.join(command)}\nexit {done.returncode}; '{code}' is not in:\n{said}")
        return done

    def here(self, *argv, **options):
        """A command on the device."""
        return self.run("--config", self.conf, *argv, **options)

    def file(self, name):
        return self.dir / name

    def roots(self):
        return ["--root", self.file("root.dsse")]

    def who(self):
        return ["--statement", self.file("statement.dsse"), *self.roots()]

    # power and boot

    def swtpm(self, verb):
        subprocess.run([SUPPORT / "swtpm-run", self.tpm, verb], check=True, capture_output=True, timeout=60)

    def boot(self, which="sb-uki-clean", power_cycle=True):
        """Power cycle, then firmware and kernel as the genuine log tells, then cairn-measure's root event."""
        if power_cycle:
            self.swtpm("reset")
        shutil.copy(BOOTS / which / "binary_bios_measurements", self.file("boot.log"))
        shutil.copy(BOOTS / which / "ima_binary", self.file("ima.log"))
        self.file("userspace.log").unlink(missing_ok=True)
        self.run("--tcti", self.tcti, "--vectors", BOOTS / which, program=BIN / "boot_replay")
        self.file("boot.id").write_text(f"{uuid.uuid4()}\n")
        self.measure()

    def measure(self):
        self.run(*self.roots(), "--log", self.file("userspace.log"), "--boot-id", self.file("boot.id"), "--tcti", self.tcti,
                 program=BIN / "cairn-measure")

    def snapshot(self, name):
        """Copies everything the device and its TPM hold; the power is off afterwards until restore."""
        self.swtpm("stop")
        target = self.dir.with_name(self.dir.name + "." + name)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.dir, target, symlinks=True, ignore=shutil.ignore_patterns("sock*"))
        return target

    def restore(self, name, boot="sb-uki-clean"):
        if (self.tpm / "pid").exists():
            self.swtpm("stop")
        shutil.rmtree(self.dir, ignore_errors=True)
        shutil.copytree(self.dir.with_name(self.dir.name + "." + name), self.dir, symlinks=True)
        self.swtpm("start")
        self.boot(boot, power_cycle=False)

    def remove(self):
        if (self.tpm / "pid").exists():
            self.swtpm("stop")
        for path in [self.dir, *self.dir.parent.glob(self.dir.name + ".*")]:
            shutil.rmtree(path, ignore_errors=True)

    # stages

    def keys(self):
        for role in ROLES:
            self.run("key", "new", "--role", role, "--holder", f"{role}.holder", "-o", self.file(f"{role}.key"))
        for holder in ["alice", "bob"]:
            self.run("key", "new", "--role", "retire", "--holder", holder, "-o", self.file(f"{holder}.key"))

    def root(self):
        publics = sorted(self.dir.glob("*.pub"))
        self.run("root", "new", "--class", "test-gateway", *[a for p in publics for a in ("--key", p)], "-o", self.file("root.json"))
        self.run("root", "sign", self.file("root.json"), "--key", self.file("root.key"), "-o", self.file("root.dsse"))

    def configure(self, extra=""):
        self.conf.write_text(
            f"[device]\nstate = {self.state}\nserial = T-0001\ntag = test\nsite = lab\n\n[tpm]\ntcti = {self.tcti}\n\n"
            f"[boot]\nlog = {self.file('boot.log')}\nima = {self.file('ima.log')}\nuserspace_log = {self.file('userspace.log')}\n\n"
            f"[wipe]\ntarget.data = luks2:{self.file('disk.img')}\n{extra}")
        self.conf.chmod(0o600)

    def manufactured(self):
        self.dir.mkdir(exist_ok=True)
        subprocess.run([SUPPORT / "manufacture-swtpm", self.tpm], check=True, capture_output=True, timeout=120)
        self.swtpm("start")
        self.keys()
        self.root()
        self.configure()
        self.boot(power_cycle=False)
        self.here("device", "init", self.file("root.dsse"))

    def enrol_until_answer(self):
        self.here("enrol", "request", "-o", self.file("e.request"))
        self.run("enrol", "challenge", self.file("e.request"), *self.roots(), "--ca", self.tpm / "ca", "--pending", self.file("e.pending"),
                 "-o", self.file("e.challenge"))
        self.here("enrol", "answer", self.file("e.challenge"), "-o", self.file("e.answer"))

    def enrolled(self):
        self.enrol_until_answer()
        self.run("enrol", "statement", self.file("e.answer"), "--pending", self.file("e.pending"), *self.roots(), "--key", self.file("enrol.key"),
                 "-o", self.file("statement.dsse"))
        self.here("enrol", "accept", self.file("statement.dsse"))

    def ask(self, purpose, name, pcrs=PCRS):
        self.run("nonce", "new", *self.who(), "--purpose", purpose, "--pcrs", pcrs, "-o", self.file(f"{name}.nonce"))

    def attest(self, purpose, name, pcrs=PCRS):
        self.ask(purpose, name, pcrs)
        self.here("attest", "--nonce", self.file(f"{name}.nonce"), "-o", self.file(f"{name}.evidence"))

    def check(self, name, **options):
        return self.run("policy", "check", "-p", self.file("policy.dsse"), self.file(f"{name}.evidence"), "--nonce", self.file(f"{name}.nonce"),
                        *self.who(), "-o", self.file(f"{name}.appraisal.json"), **options)

    def approved(self, floor=1):
        self.attest("learn", "golden")
        self.run("policy", "learn", self.file("golden.evidence"), "--nonce", self.file("golden.nonce"), *self.who(), "-o", self.file("policy.json"))
        self.run("policy", "sign", self.file("policy.json"), "--key", self.file("policy.key"), "-o", self.file("policy.dsse"))
        self.run("policy", "approve", self.file("policy.dsse"), *self.roots(), "--floor", floor, "--key", self.file("pcrpolicy.key"), "-o",
                 self.file("pcr.approval"))

    def manifest(self):
        self.file("params.json").write_text(
            '{"salt": "' + "5e" * 32 + '", "parameters": {"api.token": {"scope": "online", "value": "a token"},'
            ' "luks.key": {"scope": "release", "generate": 32}}}\n')
        self.file("params.json").chmod(0o600)
        self.run("manifest", "new", *self.roots(), "--vault", self.file("params.json"), "--svn", 1, "--floor", 1, "--approval",
                 self.file("pcr.approval"), "-o", self.file("manifest.json"))
        self.run("manifest", "sign", self.file("manifest.json"), "--key", self.file("release.key"), "-o", self.file("manifest.dsse"))

    def grant(self, name="grant", **options):
        self.attest("evidence", f"{name}-evidence")
        self.ask("grant", name)
        self.here("grant", "request", "--nonce", self.file(f"{name}.nonce"), "-o", self.file(f"{name}.request"))
        return self.grant_new(name, **options)

    def grant_new(self, name="grant", evidence=None, **options):
        evidence = evidence or f"{name}-evidence"
        return self.run("grant", "new", self.file(f"{name}.request"), "--nonce", self.file(f"{name}.nonce"), "--evidence",
                        self.file(f"{evidence}.evidence"), "--evidence-nonce", self.file(f"{evidence}.nonce"), "-p", self.file("policy.dsse"),
                        *self.who(), "--manifest", self.file("manifest.dsse"), "--params", self.file("params.json"), "--key",
                        self.file("provision.key"), "-o", self.file(f"{name}.dsse"), "--assets", self.file(f"{name}.bin"), **options)

    def install(self, name="grant", **options):
        return self.here("install", self.file(f"{name}.dsse"), self.file("manifest.dsse"), self.file(f"{name}.bin"), "-o",
                         self.file("receipt.json"), **options)

    def operational(self):
        self.manifest()
        self.grant()
        self.install()
        self.format_disk()

    def format_disk(self):
        disk = self.file("disk.img")
        disk.write_bytes(b"")
        os.truncate(disk, 32 << 20)
        key = self.here("store", "get", "luks.key").stdout
        subprocess.run(["cryptsetup", "luksFormat", "--batch-mode", "--type", "luks2", "--disable-locks", "--pbkdf", "pbkdf2",
                        "--pbkdf-force-iterations", "1000", str(disk), "-"], input=key, check=True, capture_output=True)

    def disk_opens(self, key):
        done = subprocess.run(["cryptsetup", "open", "--test-passphrase", "--disable-locks", "--key-file", "-", str(self.file("disk.img"))],
                              input=key, capture_output=True, check=False)
        return done.returncode == 0

    def ordered(self, *options):
        self.run("order", "create", *self.who(), "--receipt", self.file("receipt.json"), "--reason", "end of life", "--holds", "none", *options,
                 "-o", self.file("order.json"))
        self.run("order", "sign", self.file("order.json"), "--key", self.file("alice.key"), "-o", self.file("order.1.dsse"))
        self.run("order", "sign", self.file("order.1.dsse"), "--key", self.file("bob.key"), "-o", self.file("order.dsse"))

    def wipe(self, *argv, **options):
        return self.here("wipe", "run", self.file("order.dsse"), *argv, "--here", "--out", self.out, **options)

    def release(self, *argv, key="verifier", **options):
        """A desk's answer to the device's question."""
        return self.run("release", "new", "--order", self.file("order.dsse"), *self.who(), "--nonce", self.file("nonce.json"), "--key",
                        self.file(f"{key}.key"), "-o", self.file("release.dsse"), *argv, **options)

    def verify(self, certificate=None, **options):
        return self.run("certificate", "verify", certificate or self.out / "certificate.json", *self.roots(), **options)

    def start(self, *argv):
        """Starts a device command and leaves it running."""
        return subprocess.Popen([str(BIN / "cairn"), "--config", str(self.conf), *map(str, argv)], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, env=self.env)


def kill_hard(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
