"""Figures of the command line: bench.py QUEZAO WORK COPIES. Called by scripts/bench.sh."""

import json
import os
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


def measured(command):
    """Seconds and peak memory in MB of one command that must end well."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[:6]}: status {status}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


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
# Taken in turns, so that whatever else the machine does meets both; the ratio is that of the best times.
baseline, runs = [], []
for n in range(3):
    baseline.append(timed(["sha256sum", *files], ["openssl", "dgst", "-sm3", *files]))
    runs.append(measured([quezao, "deposit", "--data", init(f"digest-{n}"), "--digest-only", "--json",
                          os.path.join(work, "files")]))
plain, best = min(baseline), min(run[0] for run in runs)
print(f"| `deposit --digest-only`, {len(files)} files, {size / 1e6:.0f} MB | {best:.2f} s, "
      f"{best / plain:.2f} × `sha256sum` beside `openssl dgst -sm3` ({plain:.2f} s) | 1.3 × |")
print(f"| its peak memory | {max(run[1] for run in runs):.0f} MB | 200 MB |")

many, large = os.path.join(work, "many"), os.path.join(work, "large.bin")
os.mkdir(many)
for number in range(20_000):
    with open(os.path.join(many, f"{number:05}.bin"), "wb") as file:
        file.write(number.to_bytes(8, "big") * 100)
with open(large, "wb") as file:
    file.truncate(2 << 30)
for name, path in (("20,000 files of 800 bytes", many), ("one file of 2 GiB", large)):
    seconds, peak = measured([quezao, "deposit", "--data", init(os.path.basename(path) + "-data"), "--digest-only", "--json", path])
    print(f"| `deposit --digest-only`, {name} | {seconds:.1f} s, peak memory {peak:.0f} MB | 200 MB |")
os.remove(large)

data, output, small = init("one"), os.path.join(work, "out"), os.path.join(work, "small.bin")
with open(small, "wb") as file:
    file.write(b"one page")
for path in (files[0], small):
    line = subprocess.run([quezao, "deposit", "--data", data, "--json", path], check=True, capture_output=True, text=True)
    record = json.loads(line.stdout)["id"]
    subprocess.run([quezao, "export", "--data", data, "--output", output, record], check=True, stdout=subprocess.DEVNULL)
    package = os.path.join(output, record + ".zip")
    cold = statistics.median(timed([quezao, "verify", "--data", data, package, path]) for _ in range(21))
    hashing = statistics.median(timed(["openssl", "dgst", "-sm3", path]) for _ in range(21))
    print(f"| `verify` of a package with a file of {os.path.getsize(path) / 1e6:.1f} MB, cold process, median of 21 | "
          f"{cold * 1000:.0f} ms (`openssl dgst -sm3` of the file: {hashing * 1000:.0f} ms) | 50 ms plus hashing |")
