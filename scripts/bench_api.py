#!/usr/bin/env python3
"""Digest-only deposits over HTTP: scripts/bench_api.py QUEZAO LOAD [CONNECTIONS [SECONDS]].

Serves a fresh folder beside this script's temporary one, makes a token, and lets LOAD (the example `load` of crate portal)
deposit as fast as it is answered. Prints LOAD's line, the server's processor time for each deposit and highest memory, and
what PostgreSQL takes of single rows beside it.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/portal"))
import bench_postgres  # noqa: E402
import machine  # noqa: E402
from contract import prepare  # noqa: E402


def cpu(pid):
    """Processor time of a process so far, seconds."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(quezao, load, connections="64", seconds="10"):
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as work, open(f"{work}/log", "w+") as log:
        state = {**os.environ, "QUEZAO_STATE_DIR": f"{work}/state", "LC_ALL": "C.UTF-8"}
        serve = [os.path.abspath(quezao), "serve", "--data", "data", "--listen", "127.0.0.1:0", "--api-calls", "0"]
        child = subprocess.Popen(serve, cwd=work, env=state, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            host = re.search(r"http://([\d.:]+)/", child.stdout.readline()).group(1)
            log.seek(0)
            token, _ = prepare(host, re.search(r"/set-up/\w+", log.read()).group(0))
            before = cpu(child.pid)
            done = subprocess.run([load, host, token, connections, seconds], check=True, stdout=subprocess.PIPE, text=True)
            print(done.stdout.strip())
            each = (cpu(child.pid) - before) / max(json.loads(done.stdout)["deposits"], 1)
            print(f"server, processor time for each: {each * 1000:.2f} ms")
            with open(f"/proc/{child.pid}/status") as status:
                print("server, highest:", re.search(r"VmHWM:\s+(\d+ kB)", status.read()).group(1))
        finally:
            child.terminate()
            child.wait()
    bench_postgres.main(int(connections), int(seconds))


if __name__ == "__main__":
    print(machine.told())
    main(*sys.argv[1:])
