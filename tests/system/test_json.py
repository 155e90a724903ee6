"""With --json each command gives exactly one object: its answer on standard output, or its error on standard error."""
import json
import unittest

from life import Life


class JsonLife(Life):
    """The same life, every cairn command with --json."""

    def run(self, *argv, program=None, **options):
        if program is not None:
            return super().run(*argv, program=program, **options)
        done = super().run(*argv, "--json", **options)
        raw = "get" in argv and "store" in argv
        said = done.stderr.decode().splitlines()[-1] if done.returncode != 0 and not done.stdout else done.stdout
        if not raw or done.returncode != 0:
            assert isinstance(json.loads(said), dict), f"{argv}: {said}"
        return done


class Json(unittest.TestCase):
    def test_a_whole_life_speaks_json(self):
        life = JsonLife()
        try:
            life.manufactured()
            life.enrolled()
            life.approved()
            life.attest("evidence", "now")
            life.check("now")
            life.operational()
            life.run("receipt", "verify", life.file("receipt.json"), *life.who(), "--grant", life.file("grant.dsse"))
            life.here("state")
            life.here("store", "set", "a.b", stdin=b"1")
            life.here("store", "list")
            life.here("store", "get", "no.such", want=1)
            life.here("doctor", want=3)
            life.ordered()
            life.run("order", "verify", life.file("order.dsse"), *life.who())
            life.run("order", "verify", life.file("order.1.dsse"), *life.who(), want=1, code="order.holders")
            life.here("wipe", "plan", life.file("order.dsse"), "-o", life.file("plan.json"))
            life.wipe()
            life.verify()
            life.run("certificate", "show", life.out / "certificate.json", *life.roots())
            life.run("kill", "verify", life.out / "kill.json", "--order", life.file("order.dsse"), *life.who())
            life.run("no", "such", want=2)
        finally:
            life.remove()

    def test_a_written_file_is_named_with_its_digest(self):
        life = JsonLife()
        life.dir.mkdir(exist_ok=True)
        try:
            done = life.run("key", "new", "--role", "root", "--holder", "h", "-o", life.file("root.key"))
            self.assertEqual([w["path"] for w in json.loads(done.stdout)["written"]], [str(life.file("root.key")), str(life.file("root.pub"))])
        finally:
            life.remove()


if __name__ == "__main__":
    unittest.main(verbosity=2)
