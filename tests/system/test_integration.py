"""What integration/ ships calls the programs as they are."""
import configparser
import shlex
import unittest

from life import BIN, TOP, Life


class Integration(unittest.TestCase):
    def test_the_unit_runs_cairn_measure_as_it_is(self):
        """The unit's own command line, with this machine's TPM and paths in place of the device's."""
        unit = configparser.RawConfigParser(strict=False)
        unit.optionxform = str
        unit.read(TOP / "integration/systemd/cairn-measure.service")
        command = shlex.split(unit["Service"]["ExecStart"])
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
