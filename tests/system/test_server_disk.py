"""A database that is held, full or damaged: an honest answer, and later it works."""
import contextlib
import os
import shutil
import sqlite3
import subprocess
import unittest

import attacked
from life import BIN
from served import canonical


class Disk(attacked.Attacked):
    """A database that is held, full or damaged: an honest answer, and later it works."""

    def test_a_database_that_another_program_holds_is_busy_and_then_works(self):
        evidence = self.served.evidence()
        with contextlib.closing(sqlite3.connect(self.served.database, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            got = self.served.send(evidence)
            self.assertEqual((got.status, got.code), (503, "server.busy"), got)
            self.assertIn("retry-after", got.fields)
            self.assertEqual(self.served.get("/healthz").status, 200)
            db.execute("ROLLBACK")
        got = self.served.send(evidence)
        self.assertEqual((got.status, got.json()["tier"]), (200, "affirming"), got)

    def test_a_full_disk_is_said_honestly_and_then_works(self):
        small = self.served.dir / "small"
        small.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", small], capture_output=True, check=False)
        if done.returncode != 0:
            self.skipTest("only root mounts a small file system")
        self.addCleanup(subprocess.run, ["umount", small], check=True)
        self.served.stop()
        self.addCleanup(self.served.configure, server__database=self.served.database)
        self.addCleanup(self.served.stop)
        shutil.copy(self.served.database, small / "cairn.db")
        self.served.configure(server__database=small / "cairn.db")
        self.served.start()
        evidence = self.served.evidence()
        with open(small / "filler", "wb", buffering=0) as filler, contextlib.suppress(OSError):
            while filler.write(bytes(4096)):
                pass
        got = self.served.send(evidence)
        self.assertEqual((got.status, got.code), (503, "server.full"), got)
        self.assertIn("retry-after", got.fields)
        self.assertEqual(self.served.get(f"/v1/devices/{self.device}", "viewer").status, 200)
        (small / "filler").unlink()
        got = self.served.send(evidence)
        self.assertEqual((got.status, got.json()["tier"]), (200, "affirming"), got)

    def test_a_row_that_was_tampered_with_is_that_devices_trouble_only(self):
        (statement,), = self.sql("SELECT statement FROM device")
        for bad, status, code in ((b"{}", 500, "server.failed"), (b"", 500, "server.failed"), (statement[:-9] + b"AAAAAAAA", 500, "server.failed"),
                                  (self.life.file("root.dsse").read_bytes(), 403, "dsse.type")):
            self.sql("UPDATE device SET statement = ?", bad)
            got = self.served.post("/v1/nonce", canonical({"device": self.device, "purpose": "evidence"}), "application/json")
            self.assertEqual((got.status, got.code), (status, code), got)
            for path in ("/readyz", "/v1/devices", "/v1/audit", "/"):
                self.assertEqual(self.served.get(path, "auditor").status, 200, path)
        self.sql("UPDATE device SET statement = ?", statement)
        self.reports("affirming")

    def test_a_damaged_database_is_not_served(self):
        self.served.stop()
        copy = self.served.database.read_bytes()
        for p in self.served.dir.glob("cairn.db-*"):
            p.unlink()
        try:
            for at, junk in ((0, b"no database"), (4096 * 2, os.urandom(8192))):
                self.served.database.write_bytes(copy[:at] + junk + copy[at + len(junk):])
                with self.assertRaisesRegex(AssertionError, "ended with 8(.|\n)*store.corrupt"):
                    self.served.start()
                self.served.process = None
        finally:
            self.served.database.write_bytes(copy)
        self.served.start()
        self.reports("affirming")

    def test_an_audit_entry_that_was_changed_is_found(self):
        (seq, detail), *_ = self.sql("SELECT seq, detail FROM audit ORDER BY seq LIMIT 1")
        verify = ["--config", self.served.conf, "audit-verify"]
        self.life.run(*verify, program=BIN / "cairn-server")
        self.sql("UPDATE audit SET detail = 'something else' WHERE seq = ?", seq)
        self.life.run(*verify, program=BIN / "cairn-server", want=None, code="audit")
        self.assertNotEqual(self.life.run(*verify, program=BIN / "cairn-server", want=None).returncode, 0)
        self.sql("UPDATE audit SET detail = ? WHERE seq = ?", detail, seq)
        self.life.run(*verify, program=BIN / "cairn-server")


if __name__ == "__main__":
    unittest.main(verbosity=2)
