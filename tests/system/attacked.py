"""One device with its server, and what the tests of attacks on it share."""
import contextlib
import json
import sqlite3
import time
import unittest

from life import Life
from served import canonical, life_with_server, named_logs

NOBODY = "0" * 64


def bend(evidence, at):
    """The same evidence, logs named, with one character of the quote's signature changed: canonical, and wrong."""
    document = json.loads(named_logs(evidence).partition(b"\n")[0])
    signature = document["tpm"][0]["signature"]
    document["tpm"][0]["signature"] = signature[:at] + ("B" if signature[at] != "B" else "C") + signature[at + 1:]
    return canonical(document) + b"\n"


class Attacked(unittest.TestCase):
    """One life with its server for the class; each test begins with a clean boot and nothing that sticks."""

    @classmethod
    def setUpClass(cls):
        cls.life = Life()
        cls.addClassCleanup(cls.life.remove)
        _, cls.served = life_with_server(cls.life)
        cls.addClassCleanup(cls.served.stop)
        cls.device = cls.served.device_id()

    def setUp(self):
        if self.served.process is None:
            self.served.start()
        self.life.boot()
        self.clear()

    def clear(self):
        self.assertEqual(self.served.post(f"/v1/devices/{self.device}/clear", token="operator").status, 200)

    def sql(self, statement, *arguments):
        """What is changed behind the server's back it hears of by a reload: it remembers what it wrote itself."""
        with contextlib.closing(sqlite3.connect(self.served.database, timeout=10)) as db, db:
            rows = db.execute(statement, arguments).fetchall()
        if not statement.lstrip().upper().startswith("SELECT"):
            self.served.reload()
            time.sleep(0.05)
        return rows

    def dump(self):
        """Every row of every table, and the size of the whole."""
        with contextlib.closing(sqlite3.connect(self.served.database, timeout=10)) as db:
            tables = [t for (t,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
            rows = {t: sorted(map(repr, db.execute(f"SELECT * FROM {t}"))) for t in tables}  # nosec: names out of sqlite_master
            return rows, db.execute("PRAGMA page_count").fetchone()[0]

    def shown(self):
        return self.served.get(f"/v1/devices/{self.device}", "viewer").json()

    def reports(self, tier, *failed, status=200, **how):
        got = self.served.report(**how)
        self.assertEqual(got.status, status, got)
        self.assertEqual(got.json()["tier"], tier, got)
        for code in failed:
            self.assertIn(code, got.json().get("failed", []))
        return got.json()
