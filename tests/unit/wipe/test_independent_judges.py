#!/usr/bin/env python3
"""The judges that are not Cairn's: they accept genuine certificates, and refuse each lie by the same code as Cairn.

usage: test_independent_judges.py VECTORS STOCK_TOOLS_SCRIPT REFERENCE_VERIFIER ATTACKS_PROGRAM
"""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time


def run(command, **options):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=120, check=False, **options)


def judge_reference(verifier, certificate, root):
    done = run([sys.executable, verifier, certificate, root])
    said = json.loads(done.stdout)
    return done.returncode, said.get("code", said["verdict"])


def judge_stock(script, certificate, root):
    done = run([script, certificate, root])
    first = done.stdout.splitlines()[0] if done.stdout else done.stderr
    return done.returncode, first.split(":")[1].strip() if first.startswith("refused") else first.split(":")[0]


def check(what, got, wanted):
    if got != wanted:
        sys.exit("%s: got %s, wanted %s" % (what, got, wanted))
    print("ok", what, wanted[1])


def main():
    vectors, script, verifier, attacks = (pathlib.Path(a) for a in sys.argv[1:5])
    genuine = vectors / "certificate.json", vectors / "root.dsse"
    check("reference: genuine", judge_reference(verifier, *genuine), (0, "genuine"))
    began = time.monotonic()
    check("stock tools: genuine", judge_stock(script, *genuine), (0, "genuine"))
    print("stock tools took %.1f s" % (time.monotonic() - began))
    with tempfile.TemporaryDirectory() as temporary:
        done = run([attacks], env={**os.environ, "CAIRN_WIPE_ATTACKS": temporary})
        if done.returncode != 0:
            sys.exit("the attacks were not made: " + done.stderr)
        lies = sorted(pathlib.Path(temporary).glob("*.json"))
        if len(lies) < 20:
            sys.exit("too few attacks")
        with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
            stock = [pool.submit(judge_stock, script, lie, lie.with_suffix(".root")) for lie in lies]
            for lie, answer in zip(lies, stock):
                code = lie.with_suffix(".code").read_text(encoding="ascii")
                wanted = int(code != "genuine"), code
                check("reference: " + lie.stem, judge_reference(verifier, lie, lie.with_suffix(".root")), wanted)
                check("stock tools: " + lie.stem, answer.result(), wanted)


if __name__ == "__main__":
    main()
