"""cairnd as a service: time, signals, what root puts out, and what it costs."""
import pathlib
import signal
import socket
import time
import unittest

from agent_life import Enrolled, wait_for
from life import kill_hard


class Cairnd(Enrolled):
    def start(self, **env):
        daemon = self.life.daemon(**env)
        self.addCleanup(lambda: daemon.poll() is not None or kill_hard(daemon))
        return daemon

    def end(self, daemon):
        started = time.monotonic()
        daemon.send_signal(signal.SIGTERM)
        said = daemon.communicate(timeout=10)[1].decode()
        self.assertLess(time.monotonic() - started, 1.0, "SIGTERM ends it within a second")
        self.assertEqual(daemon.returncode, 0, said)
        return said

    def test_the_daemon_reports_feeds_the_watchdog_and_ends_at_once(self):
        self.steady()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            path = str(self.life.file("notify"))
            pathlib.Path(path).unlink(missing_ok=True)
            notify.bind(path)
            notify.settimeout(10)
            daemon = self.start(NOTIFY_SOCKET=path, WATCHDOG_USEC="600000")
            self.assertEqual(notify.recv(100), b"READY=1")
            self.assertEqual([notify.recv(100) for _ in range(3)], [b"WATCHDOG=1"] * 3)
            self.assertTrue(wait_for(lambda: self.server.asked("/v1/evidence")))
            said = self.end(daemon)
            self.assertIn('event=report tier="affirming"', said)

    def test_sigterm_ends_it_also_while_the_server_says_nothing(self):
        for how in [("silent", 30), ("slow", 30)]:
            self.steady()
            self.server.script = [how]
            daemon = self.start()
            self.assertTrue(wait_for(lambda: self.server.seen))
            time.sleep(0.3)
            self.end(daemon)
            self.server.stop_waiting.set()
            self.server.stop_waiting.clear()

    def test_the_interval_is_the_servers_with_a_tenth_of_jitter(self):
        self.server.interval = 10
        self.steady()
        daemon = self.start()
        self.assertTrue(wait_for(lambda: len(self.server.asked("/v1/evidence")) >= 2, 15))
        first, second = self.server.asked("/v1/evidence")[:2]
        self.end(daemon)
        self.assertTrue(8.9 <= second["at"] - first["at"] <= 11.8, second["at"] - first["at"])
        self.assertEqual(first["peer"], second["peer"], "the connection is kept while the interval is short")

    def test_retry_after_is_waited_for_and_a_fault_is_tried_again(self):
        self.steady()
        self.server.script = [("status", 503, "server.busy", 2), ("status", 500, "server.fault")]
        daemon = self.start()
        self.assertTrue(wait_for(lambda: len(self.server.asked("/v1/evidence")) >= 3))
        times = [s["at"] for s in self.server.asked("/v1/evidence")]
        said = self.end(daemon)
        self.assertGreaterEqual(times[1] - times[0], 2.0)
        self.assertGreaterEqual(times[2] - times[1], 0.9)
        self.assertIn("server.busy", said)

    def test_sighup_takes_a_good_configuration_and_leaves_a_bad_one(self):
        self.steady()
        daemon = self.start()
        self.assertTrue(wait_for(lambda: self.server.asked("/v1/evidence")))
        good = self.life.conf.read_text()
        self.life.conf.write_text(good + "nonsense = 1\n")
        daemon.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        self.assertIsNone(daemon.poll())
        self.assertEqual(len(self.server.asked("/v1/evidence")), 1)
        self.life.conf.write_text(good)
        daemon.send_signal(signal.SIGHUP)
        self.assertTrue(wait_for(lambda: len(self.server.asked("/v1/evidence")) == 2))
        said = self.end(daemon)
        self.assertIn("event=reload.failed", said)
        self.assertIn("config.key", said)
        self.assertIn("event=reloaded", said)

    def test_what_root_puts_out_is_delivered_at_once_and_once(self):
        self.steady()
        daemon = self.start()
        self.assertTrue(wait_for(lambda: self.server.asked("/v1/evidence")))
        self.server.script = [("status", 503, "server.busy", 1)]
        temporary = self.life.outside(".receipt.json.tmp")
        temporary.write_bytes(b"{}\n")
        temporary.rename(self.life.outside("receipt.json"))
        self.addCleanup(lambda: self.life.outside("receipt.json").unlink(missing_ok=True))
        self.assertTrue(wait_for(lambda: len(self.server.asked("/v1/receipt")) == 2), "also after a busy server")
        time.sleep(0.5)
        self.end(daemon)
        self.life.once()
        self.assertEqual(len(self.server.asked("/v1/receipt")), 2)

    def test_memory_and_processor_time_of_a_steady_report(self):
        """Figures, and the targets that hold with room: USS 6 MiB, PSS 12 MiB, 3 ms for a report."""
        self.server.interval = 10
        self.steady()
        daemon = self.start()
        ticks = lambda: sum(map(int, pathlib.Path(f"/proc/{daemon.pid}/schedstat").read_text().split()[:1])) / 1e6
        self.assertTrue(wait_for(lambda: len(self.server.asked("/v1/evidence")) == 1))
        time.sleep(1)
        first = ticks()
        self.assertTrue(wait_for(lambda: len(self.server.asked("/v1/evidence")) == 2, 15))
        time.sleep(1)
        spent = ticks() - first
        rollup = {line.split(":")[0]: int(line.split()[1]) for line in pathlib.Path(f"/proc/{daemon.pid}/smaps_rollup").read_text().splitlines()[1:]}
        uss = rollup["Private_Clean"] + rollup["Private_Dirty"]
        self.end(daemon)
        print(f"\n  cairnd: USS {uss} KiB, PSS {rollup['Pss']} KiB, {spent:.1f} ms for a report on a kept connection")
        self.assertLessEqual(uss, 6 << 10)
        self.assertLessEqual(rollup["Pss"], 12 << 10)


if __name__ == "__main__":
    unittest.main(verbosity=2)
