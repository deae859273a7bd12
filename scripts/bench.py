"""Figures of the command line: bench.py QUEZAO WORK COPIES. Called by scripts/bench.sh."""

import json
import os
import resource
import statistics
import subprocess
import sys
import time

quezao, work, copies = sys.argv[1], sys.argv[2], int(sys.argv[3])


def timed(*commands):
    """Seconds until all of these commands, started together, have ended well."""
    start = time.perf_counter()
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for command in commands]
    codes = [process.wait() for process in running]
    if any(codes):
        sys.exit(f"{commands[codes.index(next(filter(None, codes)))][:6]}: exit {max(codes)}")
    return time.perf_counter() - start


def make_files():
    """Copies of the photographs, each with its number after the end of the picture, so that all differ."""
    folder, number = os.path.join(work, "files"), 0
    os.mkdir(folder)
    for path in open(os.path.join(work, "photographs"), encoding="utf-8").read().splitlines():
        data = open(path, "rb").read()
        for _ in range(copies):
            number += 1
            with open(os.path.join(folder, f"{number:05}.jpg"), "wb") as file:
                file.write(data + number.to_bytes(8, "big"))
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]


def init(name):
    data = os.path.join(work, name)
    subprocess.run([quezao, "init", "--data", data, "--owner-kind", "individual", "--owner-name", "林晚"],
                   check=True, stdout=subprocess.DEVNULL)
    return data


files = make_files()
size = sum(os.path.getsize(path) for path in files)
timed(["sha256sum", *files])  # warms the page cache

print("| what | reached | target |\n| --- | --- | --- |")
plain = min(timed(["sha256sum", *files], ["openssl", "dgst", "-sm3", *files]) for _ in range(3))
runs = [timed([quezao, "deposit", "--data", init(f"digest-{n}"), "--digest-only", "--json", os.path.join(work, "files")])
        for n in range(3)]
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(f"| `deposit --digest-only`, {len(files)} files, {size / 1e6:.0f} MB | {min(runs):.2f} s, "
      f"{min(runs) / plain:.2f} × `sha256sum` beside `openssl dgst -sm3` ({plain:.2f} s) | 1.3 × |")
print(f"| its peak memory | {peak:.0f} MB | 200 MB |")

data, output = init("one"), os.path.join(work, "out")
line = subprocess.run([quezao, "deposit", "--data", data, "--json", files[0]], check=True, capture_output=True, text=True)
record = json.loads(line.stdout)["id"]
subprocess.run([quezao, "export", "--data", data, "--output", output, record], check=True, stdout=subprocess.DEVNULL)
package = os.path.join(output, record + ".zip")
cold = [timed([quezao, "verify", "--data", data, package, files[0]]) for _ in range(21)]
hashing = statistics.median(timed(["openssl", "dgst", "-sm3", files[0]]) for _ in range(21))
print(f"| `verify` of a package with its picture ({os.path.getsize(files[0]) / 1e6:.1f} MB), cold process | "
      f"median {statistics.median(cold) * 1000:.0f} ms (`openssl dgst -sm3` of it alone: {hashing * 1000:.0f} ms) | 50 ms plus hashing |")
