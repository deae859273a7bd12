#!/usr/bin/env python3
"""Many merchants in one folder: bench_merchants.py QUEZAO FILLER LOAD [MERCHANTS [RECORDS [VISITS]]].

Takes deposits over HTTP (LOAD, the example `load` of crate portal) in a fresh folder beside this script's temporary one,
first of its owner, who has no quota, then of one merchant beside him. Has FILLER (the example `merchants` of crate store,
which says what of its rows is synthetic) fill another with MERCHANTS that have RECORDS each, serves that, and measures

- its start, until it listens, and its memory then and at the end;
- pages of many merchants in turns, each by a session of its own: milliseconds until an answer is read whole over loopback
  on an open connection, which is the server's time and a little of this script's. First visits find nothing in the
  database's cache and are told apart;
- deposits over HTTP again, of one merchant of them and of the owner.
"""

import base64
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/portal"))
import bench_serve  # noqa: E402
import machine  # noqa: E402
from contract import prepare  # noqa: E402

SECONDS = os.environ.get("BENCH_LOAD_SECONDS", "10")


def start(quezao, work):
    begun = time.perf_counter()
    server = bench_serve.Server(quezao, work)
    return server, time.perf_counter() - begun


def deposits(load, host, token):
    """A second, by 64 connections: the median of three."""
    runs = []
    for _ in range(3):
        done = subprocess.run([load, host, token, "64", SECONDS], check=True, stdout=subprocess.PIPE, text=True)
        runs.append(json.loads(done.stdout)["per_second"])
    return sorted(runs)[1]


def seed(work):
    """The ledger's, out of its PKCS#8 file."""
    with open(f"{work}/data/keys/ledger.pem") as pem:
        body = "".join(line.strip() for line in pem if not line.startswith("-----"))
    return base64.b64decode(body)[-32:].hex()


class Visitor:
    def __init__(self, host):
        self.connection = http.client.HTTPConnection(host, timeout=120)

    def get(self, merchant, path):
        begun = time.perf_counter()
        self.connection.request("GET", path, headers={"cookie": f"quezao-session={merchant}"})
        answer = self.connection.getresponse()
        body = answer.read()
        took = (time.perf_counter() - begun) * 1000
        assert answer.status == 200, (path, answer.status, body[:300])
        return took, body


def pages(merchants, records, digest, number, day):
    """Name, path, and what has to be on it."""
    query = urllib.parse.urlencode
    last = -(-records // 24)
    return [
        ("home", "/", "IMG_|青釉"),
        ("library, first page", "/library", "青釉"),
        (f"library, page {last}", f"/library?page={last}", "青釉"),
        (f"library, page {last // 2}", f"/library?page={last // 2}", "青釉"),
        ("search by a title of a quarter of them, first page", "/library?" + query({"q": "主图"}), "主图"),
        ("the same, its last page", "/library?" + query({"q": "主图", "page": str(-(-records // 4 // 24))}), "主图"),
        ("search by a title of one", "/library?" + query({"q": f"陶瓷 {records - 1} "}), "青釉"),
        ("search by what nobody has", "/library?" + query({"q": "不存在的标题"}), "q="),
        ("search by a number", "/library?" + query({"q": number}), "q="),
        ("search by a digest", "/library?" + query({"q": digest}), "q="),
        ("search by a day", "/library?" + query({"q": day}), "q="),
        ("only pictures, page 2", "/library?kind=image&page=2", "青釉"),
        ("only what is sealed", "/library?state=sealed", "青釉"),
    ]


def share(times, part):
    times = sorted(times)
    return times[min(len(times) - 1, int(len(times) * part))]


def visit(server, merchants, records, visits, sample):
    visitor = Visitor(server.host)
    print(f"| page | first visits, median | p50 | p99 | of {visits} |\n| --- | --- | --- | --- | --- |")
    worst = 0.0
    for name, path, there in pages(merchants, records, *sample):
        first, again = [], []
        for n in range(visits):
            # Merchants far from each other, so that one's rows are not read for the next.
            merchant = f"session{n * 7919 % merchants}"
            took, body = visitor.get(merchant, path)
            assert re.search(there, body.decode()), (name, body[:500])
            first.append(took)
            again.append(visitor.get(merchant, path)[0])
        worst = max(worst, share(again, 0.99), share(first, 0.99))
        print(f"| {name} | {share(first, 0.5):.1f} ms | {share(first + again, 0.5):.1f} ms | {share(first + again, 0.99):.1f} ms | {2 * visits} |")
    print(f"slowest p99: {worst:.1f} ms (target: 50)")


def fresh(quezao, work):
    """Sets up a folder; the owner's token."""
    server, _ = start(quezao, work)
    with server:
        return prepare(server.host, server.set_up())[0]


def fill(filler, work, merchants, records):
    mirror = [name for name in os.listdir(f"{work}/state") if name.endswith(".head")][0]
    environment = {**os.environ, "LEDGER_SEED": seed(work)}
    command = [filler, f"{work}/data", f"{work}/state/{mirror}", str(merchants), str(records)]
    return subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout


def alone(quezao, filler, load):
    """Deposits of the owner and of a merchant in a folder with one merchant, who has ten records."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as work:
        owner = fresh(quezao, work)
        fill(filler, work, 1, 10)
        server, _ = start(quezao, work)
        with server:
            rates = deposits(load, server.host, "token0"), deposits(load, server.host, owner)
            print(f"deposits with one merchant: its own, with its quota, {rates[0]} a second, the owner's {rates[1]}; {server.memory('VmHWM'):.0f} MB at the highest")
    return rates


def main(quezao, filler, load, merchants="1000", records="10000", visits="100"):
    merchants, records, visits = int(merchants), int(records), int(visits)
    few = alone(quezao, filler, load)
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as work:
        token = fresh(quezao, work)
        told = fill(filler, work, merchants, records)
        print(told.strip())
        day = re.search(r"middle: (\S+)", told).group(1)
        size = sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(f"{work}/data") for name in names)
        print(f"{merchants} merchants with {records} records each: {size / 1e9:.1f} GB, {os.path.getsize(f'{work}/data/quezao.db') / 1e9:.1f} of them the database")
        server, took = start(quezao, work)
        with server:
            time.sleep(1)
            print(f"started in {took:.2f} s, {server.memory():.0f} MB a second later")
            # What waits for its seal is sealed before pages are looked at.
            time.sleep(5)
            ids = re.findall(r"pick-([0-9a-f-]{36})", Visitor(server.host).get("session0", "/library")[1].decode())
            digest = "00000000" if records * merchants < 1 << 20 else f"{(1 << 64) // 2:016x}"[:8]
            visit(server, merchants, records, visits, (digest, ids[0] if ids else "0", day))
            print(f"memory after the visits: {server.memory():.0f} MB")
            # Small samples have no eighth.
            for who, word, before in [("one merchant", f"token{min(7, merchants - 1)}", few[0]), ("the owner", token, few[1])]:
                reached = deposits(load, server.host, word)
                print(f"deposits of {who}: {reached} a second, {reached / before:.0%} of those with one merchant (target: 80 %)")
            print(f"memory at the end: {server.memory():.0f} MB, highest {server.memory('VmHWM'):.0f} MB")
    with open("/proc/loadavg") as load_average:
        print(f"load at the end: {load_average.read().split()[0]}, {os.cpu_count()} cores")


if __name__ == "__main__":
    print(machine.told())
    main(*sys.argv[1:])
