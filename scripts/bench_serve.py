#!/usr/bin/env python3
"""Uploads, memory and first content of `quezao serve`: bench_serve.py QUEZAO PICTURES [UPLOADS [MINUTES]].

PICTURES is a folder of photographs of about 2 MB that all differ (the example `shop` of crate picture makes one). In one
run, on a fresh folder beside this script's temporary one:

- resident memory a second after the start, and after its set-up page was looked at;
- every main page's first byte, for somebody who signed in;
- UPLOADS pictures sent on four connections, by tus alone, and by POST with the record that follows; beside them the same
  bytes written and synced file by file, and digested by `openssl dgst -sm3`;
- memory over MINUTES of deposits, uploads, pages and certificates.
"""

import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/portal"))
from contract import PASSWORD, Browser, prepare  # noqa: E402

AT_ONCE = 4


class Server:
    """`serve` on a fresh folder, until the block ends."""

    def __init__(self, quezao, work):
        self.work, self.log = work, open(f"{work}/log", "w+")
        state = {**os.environ, "QUEZAO_STATE_DIR": f"{work}/state", "LC_ALL": "C.UTF-8"}
        serve = [os.path.abspath(quezao), "serve", "--data", "data", "--listen", "127.0.0.1:0", "--api-calls", "0"]
        self.child = subprocess.Popen(serve, cwd=work, env=state, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.host = re.search(r"http://([\d.:]+)/", self.child.stdout.readline()).group(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait()

    def set_up(self):
        """The set-up page's path."""
        self.log.seek(0)
        return re.search(r"/set-up/\w+", self.log.read()).group(0)

    def memory(self, name="VmRSS"):
        """MB."""
        with open(f"/proc/{self.child.pid}/status") as status:
            return int(re.search(rf"{name}:\s+(\d+) kB", status.read()).group(1)) / 1024


def side_by_side(items, work):
    """Seconds until `work(connection, item)` is done for all, on a few threads."""
    todo, failed = list(reversed(items)), []

    def run():
        try:
            while todo:
                work(todo.pop())
        except Exception as error:  # told below, by the thread that can end the run
            failed.append(error)

    begun = time.perf_counter()
    threads = [threading.Thread(target=run) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return time.perf_counter() - begun


class Caller:
    """One connection for each thread, kept open."""

    def __init__(self, host, token):
        self.host, self.token, self.local = host, token, threading.local()

    def send(self, method, path, body=b"", heads=None):
        if not hasattr(self.local, "connection"):
            self.local.connection = http.client.HTTPConnection(self.host, timeout=120)
        heads = {"authorization": f"Bearer {self.token}", **(heads or {})}
        self.local.connection.request(method, path, body, heads)
        answer = self.local.connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]}")
        return answer, text

    def tus(self, path):
        with open(path, "rb") as file:
            body = file.read()
        heads = {"tus-resumable": "1.0.0", "upload-length": str(len(body)), "upload-metadata": "filename YS5qcGc="}
        answer, _ = self.send("POST", "/api/v1/uploads", b"", heads)
        heads = {"tus-resumable": "1.0.0", "upload-offset": "0", "content-type": "application/offset+octet-stream"}
        self.send("PATCH", answer.headers["location"], body, heads)

    def post(self, path):
        with open(path, "rb") as file:
            body = file.read()
        name = os.path.basename(path)
        part = f'--x\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        heads = {"content-type": "multipart/form-data; boundary=x"}
        _, text = self.send("POST", "/api/v1/deposits", part + body + b"\r\n--x--\r\n", heads)
        return json.loads(text)["id"]

    def declare(self, n):
        told = {"sha256": f"{n:064x}", "sm3": f"{n:064x}", "size": 7, "media_type": "image/jpeg"}
        _, text = self.send("POST", "/api/v1/deposits?wait=proof", json.dumps(told), {"content-type": "application/json"})
        return json.loads(text)["id"]


def synced(files, work):
    """The same bytes, each file written whole, synced, and its folder too."""
    os.mkdir(f"{work}/synced")
    folder = os.open(f"{work}/synced", os.O_RDONLY)

    def write(path):
        with open(path, "rb") as file:
            body = file.read()
        with open(f"{work}/synced/{os.path.basename(path)}", "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.fsync(folder)

    return side_by_side(files, write)


def first_content(server, record):
    """Each page's milliseconds until its first byte, as somebody who signed in sees it: medians of 9."""
    owner = Browser(server.host)
    owner.send("GET", "/sign-in")
    status, _ = owner.post("/sign-in", {"login": "linwan", "password": PASSWORD})
    assert status == 303, status
    cookies = "; ".join(f"{name}={value}" for name, value in owner.cookies.items())
    pages = ["/", "/register", "/library", "/captures", "/account", "/verify", "/api", f"/deposits/{record}"]
    took = {}
    for page in pages:
        times = []
        for _ in range(9):
            connection = http.client.HTTPConnection(server.host, timeout=60)
            begun = time.perf_counter()
            connection.request("GET", page, headers={"cookie": cookies})
            answer = connection.getresponse()
            times.append((time.perf_counter() - begun) * 1000)
            answer.read()
            assert answer.status == 200, (page, answer.status)
        took[page.replace(record, "ID")] = sorted(times)[4]
    return took


def rest(quezao):
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as work, Server(quezao, work) as server:
        time.sleep(1)
        before = server.memory()
        Browser(server.host).send("GET", server.set_up())
        time.sleep(1)
        after = server.memory()
    print(f"idle before the first certificate: {before:.0f} MB, after its set-up page was looked at {after:.0f} MB (target: 60)")


def uploads(caller, files, work):
    size = sum(os.path.getsize(path) for path in files)
    rate = lambda seconds: size / seconds / 1e6  # noqa: E731
    for path in files:
        with open(path, "rb") as file:
            file.read()  # warms the page cache
    written = rate(synced(files, work))
    begun = time.perf_counter()
    subprocess.run(["openssl", "dgst", "-sm3", *files], check=True, stdout=subprocess.DEVNULL)
    sm3 = rate(time.perf_counter() - begun)
    smaller = min(written, sm3)
    print(f"{len(files)} pictures, {size / 1e6:.0f} MB: written and synced {written:.0f} MB/s, SM3 {sm3:.0f} MB/s on one core")
    for name, send in [("tus, acknowledged on disk", caller.tus), ("POST, kept, decoded, recorded", caller.post)]:
        reached = rate(side_by_side(files, send))
        print(f"{name}: {reached:.0f} MB/s, {reached / smaller:.0%} of the smaller (target: 60 %)")


def load(server, caller, minutes):
    """Memory while everything is asked for, every ten seconds."""
    until, seen, counts = time.perf_counter() + 60 * minutes, [], [0, 0]
    base = int(time.time()) << 40

    def client(k):
        n = 0
        while time.perf_counter() < until:
            n += 1
            if k:
                caller.declare(base + (k << 32) + n)
            else:
                record = caller.declare(base + n)
                caller.send("GET", f"/api/v1/deposits/{record}/certificate.pdf?lang={['zh', 'en'][n % 2]}")
                caller.send("GET", "/api/v1/deposits?page=1")
                counts[1] += 1
            counts[0] += 1

    threads = [threading.Thread(target=client, args=[k]) for k in range(8)]
    for thread in threads:
        thread.start()
    while time.perf_counter() < until:
        time.sleep(min(10, max(0.1, until - time.perf_counter())))
        seen.append(server.memory())
    for thread in threads:
        thread.join()
    half = len(seen) // 2
    print(f"{minutes} minutes, {counts[0]} deposits, {counts[1]} certificates: {max(seen[:half] or seen):.0f} MB at most in "
          f"the first half, {max(seen[half:]):.0f} in the second, highest {server.memory('VmHWM'):.0f} (target: 250, flat)")


def main(quezao, pictures, count="200", minutes="3"):
    rest(quezao)
    files = [os.path.join(pictures, name) for name in sorted(os.listdir(pictures))][: int(count)]
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as work, Server(quezao, work) as server:
        token, record = prepare(server.host, server.set_up())
        caller = Caller(server.host, token)
        took = first_content(server, record)
        slow = max(took, key=took.get)
        print(f"first content, {len(took)} pages: {took[slow]:.1f} ms the slowest ({slow}), {sorted(took.values())[len(took) // 2]:.1f} the median (target: 100)")
        uploads(caller, files, work)
        load(server, caller, float(minutes))


if __name__ == "__main__":
    main(*sys.argv[1:])
