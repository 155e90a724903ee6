"""The load of scripts/bench is real: fifty virtual devices report to cairn-server, which holds fifty affirmed reports afterwards."""
import json
import subprocess
import tempfile
import unittest

from life import BIN


def fleet_sim(*options):
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run([BIN / "fleet_sim", "--server", BIN / "cairn-server", "--dir", directory, *options], stdout=subprocess.PIPE, timeout=120,
                              check=False)
    return done.returncode, json.loads(done.stdout)


class FleetSim(unittest.TestCase):
    def test_fifty_devices_report_and_the_database_holds_their_reports(self):
        code, said = fleet_sim("--devices", "50", "--connections", "20", "--rounds", "3")
        self.assertEqual((code, said["first_reports"], said["steady_reports"], said["stored"]), (0, 50, 150, 50))

    def test_devices_with_logs_of_their_own_are_asked_for_them(self):
        code, said = fleet_sim("--devices", "10", "--connections", "10", "--own")
        self.assertEqual((code, said["stored"]), (0, 10))
        self.assertEqual(said["first_replies"], 30)  # nonce, demand for the logs, report


if __name__ == "__main__":
    unittest.main(verbosity=2)
