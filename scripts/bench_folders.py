"""Figures of a whole shop: bench_folders.py QUEZAO WORK, with pictures in WORK/shop. Called by scripts/bench.sh."""

import json
import os
import shutil
import subprocess
import sys
import time

quezao, work = sys.argv[1:3]
shop = os.path.join(work, "shop")


def measured(*commands):
    """Seconds until all of these commands, started together, have ended well, and the largest one's memory in MB."""
    start, memory = time.perf_counter(), 0.0
    running = [subprocess.Popen(c, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for c in commands]
    for command, process in zip(commands, running):
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(f"{command[:6]}: status {status}")
        memory = max(memory, usage.ru_maxrss / 1024)
    return time.perf_counter() - start, memory


def init(name):
    data = os.path.join(work, name)
    subprocess.run([quezao, "init", "--data", data, "--owner-kind", "individual", "--owner-name", "林晚"],
                   check=True, stdout=subprocess.DEVNULL)
    return data


def best(times, *commands):
    return min(measured(*commands)[0] for _ in range(times))


files = [os.path.join(shop, name) for name in sorted(os.listdir(shop))]
size = sum(os.path.getsize(path) for path in files)
measured(["sha256sum", *files])  # warms the page cache, as far as it holds them
print("\n| what | reached | target |\n| --- | --- | --- |")

plain, runs = [], []
for n in range(2):
    plain.append(measured(["sha256sum", *files], ["openssl", "dgst", "-sm3", *files])[0])
    runs.append(measured([quezao, "deposit", "--data", init(f"shop-read-{n}"), "--digest-only", "--json", shop]))
digest = min(run[0] for run in runs)
print(f"| `deposit --digest-only`, {len(files)} pictures, {size / 1e6:.0f} MB | {digest:.2f} s, {digest / min(plain):.2f} × "
      f"`sha256sum` beside `openssl dgst -sm3` ({min(plain):.2f} s), {max(run[1] for run in runs):.0f} MB | 1.3 ×, 200 MB |")
seconds, memory = measured([quezao, "deposit", "--data", init("shop-held"), "--json", shop])
print(f"| `deposit` (kept, decoded), the same | {seconds:.2f} s, {memory:.0f} MB | 200 MB |")

# The walk alone, the program alone, then both: what is left is what a known file costs.
many, data = os.path.join(work, "twenty"), init("twenty-data")
os.mkdir(many)
for n in range(20_000):
    folder = os.path.join(many, f"{n // 500:02}")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, f"IMG_{n:05}.bin"), "wb") as file:
        file.write(n.to_bytes(8, "big") * 100)
time.sleep(0.2)
measured([quezao, "deposit", "--data", data, "--digest-only", many])
one = os.path.join(many, "00", "IMG_00000.bin")
walk = best(5, ["find", many, "-type", "f"])
start = best(5, [quezao, "deposit", "--data", data, "--digest-only", one])
for words, more in (("at a terminal", []), ("with `--json`", ["--json"])):
    rescan = best(5, [quezao, "deposit", "--data", data, "--digest-only", *more, many])
    each = (rescan - start - walk) / 20_000 * 1e6
    print(f"| rescan of 20,000 known files, {words} | {rescan * 1000:.0f} ms, start {start * 1000:.0f} ms and `find` "
          f"{walk * 1000:.0f} ms included: {each:.1f} µs a file beside them | 10 µs a file |")

# Certificates with their packages; of kept pictures, which are read, digested and decoded again for each.
cores = len(os.sched_getaffinity(0))
for name, what in (("shop-read-0", "digests only"), ("shop-held", "kept pictures of 2 MB")):
    listed = subprocess.run([quezao, "list", "--data", os.path.join(work, name), "--json"], check=True, capture_output=True)
    ids = [json.loads(line)["id"] for line in listed.stdout.splitlines()][:200]
    output = os.path.join(work, "out")
    seconds, memory = measured([quezao, "export", "--data", os.path.join(work, name), "--output", output, *ids])
    shutil.rmtree(output)
    print(f"| `export` of {len(ids)} records at once, sealed, {what} | {len(ids) / seconds:.0f} a second on {cores} cores, "
          f"{memory:.0f} MB | 50 a second a core |")
