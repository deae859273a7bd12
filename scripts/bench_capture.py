"""Figures of captures: bench_capture.py QUEZAO [CHROMIUM]. Serves three pages on loopback and takes each
with `quezao capture` (signed package in the ledger, recording on and off) and with a bare
`chromium --headless --screenshot` whose window is as high as the page. Prints wall time, the peak of all
processes' memory (proportional set size, so that shared pages count once), and the ratio, as Markdown.
"""

import http.server
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

quezao = sys.argv[1]
chromium = sys.argv[2] if len(sys.argv) > 2 else "/usr/lib/chromium/chromium"


def png(seed, width=640, height=480):
    """A picture that does not compress well, some 300 kB."""
    state, rows = seed * 2654435761 % 2**32 or 1, []
    for y in range(height):
        row = bytearray(b"\0")
        for x in range(width):
            if x % 3 == 0:
                state = (state * 1664525 + 1013904223) % 2**32
            row += bytes((x * 255 // width, y * 255 // height, state >> 24))
        rows.append(bytes(row))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"".join(rows), 1)) + chunk(b"IEND", b"")


PICTURES = [png(n + 1) for n in range(6)]
STYLE = "<!doctype html><meta charset=utf-8><style>body{margin:0;font:16px sans-serif}img{display:block}</style>"
WORDS = "<p>手工陶瓷马克杯，青色釉面，容量三百五十毫升，产地景德镇，现货包邮。</p>" * 3


def lazy(count, step):
    rows = (f"<div style='height:{step}px'>{WORDS}<img loading=lazy width=320 height=240 src=/p/{n}.png></div>" for n in range(count))
    return STYLE + "<title>Lazy</title>" + "".join(rows)


PAGES = {
    "small": (900, STYLE + "<title>Small</title><h1>青釉马克杯</h1><p>价格：¥99.00</p>" + WORDS + "<img src=/p/1.png width=320><img src=/p/2.png width=320>"),
    "18,500 px, 60 lazy images": (18500, lazy(60, 308)),
    "60,000 px": (60000, STYLE + "<title>Tall</title>" + "".join(f"<div style='height:600px;background:hsl({n * 7},50%,80%)'>{n} {WORDS}</div>" for n in range(100))),
}


class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/p/"):
            kind, body = "image/png", PICTURES[int(self.path[3:].split(".")[0]) % len(PICTURES)]
        else:
            kind, body = "text/html; charset=utf-8", list(PAGES.values())[int(self.path[1:] or 0)][1].encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def memory(root):
    """PSS in MB of a process and all below it."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                stat = open(f"/proc/{name}/stat", encoding="utf-8", errors="replace").read()
                parents[int(name)] = int(stat.rsplit(")", 1)[1].split()[1])
            except OSError:
                pass
    total, below = 0, {root}
    for pid in sorted(parents):
        chain, at = [], pid
        while at in parents and at not in below and len(chain) < 50:
            chain.append(at)
            at = parents[at]
        if at in below:
            below.update(chain)
    for pid in below:
        try:
            for line in open(f"/proc/{pid}/smaps_rollup", encoding="ascii"):
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            pass
    return total / 1024


def measured(command, environment=None):
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
    peak, done = [0.0], threading.Event()

    def watch():
        while not done.wait(0.1):
            peak[0] = max(peak[0], memory(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    said = process.communicate()[0].decode(errors="replace")
    took = time.perf_counter() - start
    done.set()
    watcher.join()
    if process.returncode:
        sys.exit(f"{command[:3]}: exit {process.returncode}\n{said}")
    return took, peak[0]


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
threading.Thread(target=server.serve_forever, daemon=True).start()
port = server.server_address[1]
print("| page | capture | its memory | without film | bare screenshot | its memory | ratio |\n| --- | --- | --- | --- | --- | --- | --- |")
with tempfile.TemporaryDirectory() as work:
    environment = {**os.environ, "QUEZAO_STATE_DIR": os.path.join(work, "state")}
    data = os.path.join(work, "data")
    subprocess.run([quezao, "init", "--data", data, "--owner-kind", "individual", "--owner-name", "林晚"],
                   check=True, stdout=subprocess.DEVNULL, env=environment)
    for number, (name, (height, _)) in enumerate(PAGES.items()):
        url = f"http://127.0.0.1:{port}/{number}"
        capture = [quezao, "capture", "--data", data, "--allow-loopback", f"127.0.0.1:{port}", url]
        bare = [chromium, "--headless", "--disable-gpu", "--no-first-run", "--hide-scrollbars", "--no-sandbox",
                f"--user-data-dir={work}/profile{number}", f"--window-size=1280,{height}", f"--screenshot={work}/{number}.png", url]
        # In turns, so that what else the machine does meets both.
        runs = [(measured(capture, environment), measured(bare), measured([*capture, "--no-film"], environment)) for _ in range(2)]
        best = [(min(run[n][0] for run in runs), max(run[n][1] for run in runs)) for n in range(3)]
        (ours, memory_ours), (other, memory_bare), (off, _) = best
        print(f"| {name} | {ours:.2f} s | {memory_ours:.0f} MB | {off:.2f} s | {other:.2f} s | {memory_bare:.0f} MB | {ours / other:.2f} × |", flush=True)
