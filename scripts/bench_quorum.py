#!/usr/bin/env python3
"""From a deposit to its quorum-final proof: scripts/bench_quorum.py QUEZAO QUORUM [RATE [SECONDS [NODES]]].

Serves a fresh folder beside this script's temporary one and lets QUORUM (the example `quorum` of crate portal) deposit
digests at RATE (1,000) a second for SECONDS (20): first without witnesses, then over the same folder with NODES (5)
processes of `quezao node`, each with its own key, copy and desk, of which three of five (more than half) must sign. Prints
QUORUM's line of each run, the machine's load before it, and the processor time that portal and nodes took for a record.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/portal"))
import machine  # noqa: E402
from contract import prepare  # noqa: E402


def cpu(pid):
    """Processor time of a process so far, seconds."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Bench:
    def __init__(self, quezao, work):
        self.quezao, self.work, self.children = os.path.abspath(quezao), work, []
        self.env = {**os.environ, "QUEZAO_STATE_DIR": f"{work}/state", "LC_ALL": "C.UTF-8"}

    def start(self, *args):
        """A process that says where it listens."""
        with open(f"{self.work}/log", "a") as log:
            child = subprocess.Popen([self.quezao, *args], cwd=self.work, env=self.env, stdout=subprocess.PIPE, stderr=log, text=True)
        self.children.append(child)
        line = child.stdout.readline()
        return child, re.search(r"http://([\d.:]+)/", line).group(1)

    def run(self, *args):
        return subprocess.run([self.quezao, *args], cwd=self.work, env=self.env, check=True, stdout=subprocess.PIPE, text=True).stdout

    def stop(self, *children):
        for child in children:
            child.terminate()
            child.wait()
            self.children.remove(child)

    def serve(self):
        return self.start("serve", "--data", "data", "--listen", "127.0.0.1:0", "--api-calls", "0")


def measure(name, bench, quorum, server, host, token, rate, seconds, nodes):
    load = open("/proc/loadavg").read().split()[0]
    pids = [server.pid, *(node.pid for node in nodes)]
    before = [cpu(pid) for pid in pids]
    done = subprocess.run([quorum, host, token, f"{bench.work}/data/sealed", rate, seconds], check=True, stdout=subprocess.PIPE, text=True)
    line = json.loads(done.stdout)
    took = [(cpu(pid) - was) * 1000 / line["records"] for pid, was in zip(pids, before)]
    print(f"{name}: {line['records']} records, {line['per_second']} a second, load {load} before")
    print(f"  acknowledged {line['acknowledged_ms'][0]} ms median, {line['acknowledged_ms'][1]} ms at the 99th percentile")
    print(f"  final proof  {line['final_ms'][0]} ms median, {line['final_ms'][1]} ms at the 99th percentile, {line['final_ms'][2]} ms at most; "
          f"{line['seals']} seals, {line['waiting']} records without one")
    each = f", nodes together {sum(took[1:]):.2f} ms" if nodes else ""
    print(f"  processor time a record: portal {took[0]:.2f} ms{each}")
    return line


def main(quezao, quorum, rate="1000", seconds="20", nodes="5"):
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as work:
        bench = Bench(quezao, work)
        try:
            server, host = bench.serve()
            token, _ = prepare(host, re.search(r"/set-up/\w+", open(f"{work}/log").read()).group(0))
            alone = measure("without witnesses", bench, quorum, server, host, token, rate, seconds, [])
            bench.stop(server)

            log = json.loads(bench.run("admin", "keys", "--data", "data", "--json"))["ledger_key"]
            # Whoever is asked must be there before the portal is, and the portal before it is mirrored.
            names = [f"court-{n}" for n in range(1, int(nodes) + 1)]
            witnesses, lines, roles = [], [f"log {log}"], []
            port = 20000 + os.getpid() % 20000
            for name in names:
                child, at = bench.start("node", "--data", name, "--ledger", f"http://127.0.0.1:{port}/ledger", "--log-key", log,
                                        "--name", f"{name}.example/node", "--listen", "127.0.0.1:0")
                key = json.loads(bench.run("node", "key", "--data", name, "--json"))["witness"][0]
                witnesses.append(child)
                lines.append(f"witness {name} {key} http://{at}/")
                roles.append({"key": key, "role": "court", "name": name, "independent": True, "from": None, "until": None})
            lines += [f"group most {len(names) // 2 + 1} {' '.join(names)}", "quorum most", ""]
            open(f"{work}/policy", "w").write("\n".join(lines))
            open(f"{work}/roles.json", "w").write(json.dumps(roles))
            bench.run("admin", "policy", "set", "policy", "--data", "data")
            server, host = bench.start("serve", "--data", "data", "--listen", f"127.0.0.1:{port}", "--api-calls", "0")
            beside = measure(f"with {nodes} witnesses", bench, quorum, server, host, token, rate, seconds, witnesses)
            print(f"  beside the same without: median {beside['final_ms'][0] / alone['final_ms'][0]:.2f} x, "
                  f"99th percentile {beside['final_ms'][1] / alone['final_ms'][1]:.2f} x (target: 500 ms at the 99th)")
        finally:
            bench.stop(*list(bench.children))


if __name__ == "__main__":
    print(machine.told())
    main(*sys.argv[1:])
