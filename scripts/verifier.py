#!/usr/bin/env python3
"""scripts/verifier.py MODULE.wasm OUTPUT-FOLDER: puts the browser's verifier into one file, index.html.

Module, page and texts stand in that file: browsers fetch nothing under file:, and a page that never fetches can say so.
The same inputs give the same bytes. Needs Python's standard library only.
"""
import base64
import gzip
import hashlib
import json
import lzma
import os
import re
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
PAGE = os.path.join(ROOT, "crates/verifier/page")
SCRIPTS = ["text.js", "unpack.js", "workers.js", "files.js", "verdict.js", "page.js"]
README = """\
鹊凿：浏览器核验  /  Quezao: the browser's verifier

用浏览器打开 index.html 即可，联网与否都一样；可以放在任何网站上，也可以放在 U 盘里。页面不发出任何请求。
先比对 index.html 的 SHA-256 与发布者公布的是否相同。

Open index.html in a browser, with or without a network; it works from any web server and from a USB stick.
The page makes no request. First compare the SHA-256 of index.html with what its publisher states.
"""


def read(path):
    with open(path, "rb") as f:
        return f.read()


def messages(path):
    """Messages of a Fluent file, as far as the page can fill them in; anything else is an error here."""
    found = {}
    for number, line in enumerate(read(path).decode().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(r"([a-z][\w-]*) = (.*)", line)
        if not match:
            sys.exit("%s:%d: not a message on one line" % (path, number))
        text = re.sub(r'\{"( *)"\}', r"\1", match[2])
        if re.search(r"[{}]", re.sub(r"\{ \$[\w-]+ \}", "", text)):
            sys.exit("%s:%d: only { $name } and {\"\"} can be filled in" % (path, number))
        found[match[1]] = text
    return found


def texts():
    both = {}
    for language, folder in (("zh", "zh-CN"), ("en", "en")):
        names = messages(os.path.join(ROOT, "locales", folder, "verifier.ftl"))
        product = re.search(r"^product = (.*)$", read(os.path.join(ROOT, "locales", folder, "cli.ftl")).decode(), re.M)
        both[language] = {"product": product[1], **names}
    both["verify_py"] = hashlib.sha256(read(os.path.join(ROOT, "crates/archive/assets/verify.py"))).hexdigest()
    return json.dumps(both, ensure_ascii=False, sort_keys=True).replace("<", "\\u003c")


def version():
    number = re.search(r'^version = "(.*)"', read(os.path.join(ROOT, "Cargo.toml")).decode(), re.M)[1]
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short=7", "HEAD"], capture_output=True, text=True)
    return "%s (%s)" % (number, commit.stdout.strip() or "unknown")


def notices():
    """The licences of every crate in the module: each text once, with the crates that it is from."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", "wasm32-unknown-unknown"]
    graph = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)
    packages = {package["id"]: package for package in graph["packages"]}
    nodes = {node["id"]: node for node in graph["resolve"]["nodes"]}
    wanted = [id for id, package in packages.items() if package["name"] == "verifier"]
    found = set()
    while wanted:
        id = wanted.pop()
        if id in found:
            continue
        found.add(id)
        wanted += [dep["pkg"] for dep in nodes[id]["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])]
    texts, lines = {}, []
    for package in sorted((packages[id] for id in found), key=lambda p: (p["name"], p["version"])):
        if package["source"] is None:
            continue
        name = "%s %s" % (package["name"], package["version"])
        lines.append("%s  %s" % (name, package["license"]))
        folder = os.path.dirname(package["manifest_path"])
        for file in sorted(os.listdir(folder)):
            if re.match(r"(?i)(licen[cs]e|copying|notice|copyright)", file) and os.path.isfile(os.path.join(folder, file)):
                texts.setdefault(read(os.path.join(folder, file)).decode("utf-8", "replace").strip(), []).append(name)
    blocks = ["%s\n\n%s" % (", ".join(names), text) for text, names in texts.items()]
    return "\n\n".join(["Crates in the module of index.html, and their licences\n\n" + "\n".join(lines)] + blocks) + "\n"


def csp(text):
    return "'sha256-%s'" % base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def script(name):
    return read(os.path.join(PAGE, name)).decode()


def pack(module):
    """LZMA as page/unpack.js reads it: properties, length, stream."""
    lc, lp, pb = 3, 0, 0
    chain = [{"id": lzma.FILTER_LZMA1, "preset": 9 | lzma.PRESET_EXTREME, "lc": lc, "lp": lp, "pb": pb, "dict_size": 1 << 22}]
    stream = lzma.compress(module, format=lzma.FORMAT_RAW, filters=chain)
    return bytes([lc + 9 * (lp + 5 * pb)]) + len(module).to_bytes(4, "little") + stream


def assemble(module):
    style = "\n" + script("style.css")
    code = '\n"use strict";\n' + "\n".join(script(name) for name in SCRIPTS)
    worker = script("worker.js")
    if any("</script" in text for text in (code, worker)):
        sys.exit("a script that ends its own element")
    fill = {
        "style": style, "style-hash": csp(style), "script": code, "script-hash": csp(code), "worker": worker,
        "texts": texts(), "version": version(), "module-sha256": hashlib.sha256(module).hexdigest(),
        "module": base64.b64encode(pack(module)).decode(),
    }
    page = script("index.html")
    left = set(fill)

    def put(match):
        left.discard(match[1])
        return fill[match[1]]
    page = re.sub(r"\{\{([\w-]+)\}\}", put, page)
    if left:
        sys.exit("index.html has no place for %s" % ", ".join(sorted(left)))
    return page.encode()


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: scripts/verifier.py MODULE.wasm OUTPUT-FOLDER")
    module, folder = read(sys.argv[1]), sys.argv[2]
    page = assemble(module)
    files = {"index.html": page, "README.txt": README.encode(), "LICENSE.txt": read(os.path.join(ROOT, "LICENSE")),
             "THIRD-PARTY.txt": notices().encode()}
    files["SHA256SUMS"] = "".join(
        "%s  %s\n" % (hashlib.sha256(files[name]).hexdigest(), name) for name in sorted(files)).encode()
    os.makedirs(folder, exist_ok=True)
    for name, data in files.items():
        with open(os.path.join(folder, name + ".new"), "wb") as f:
            f.write(data)
        os.replace(os.path.join(folder, name + ".new"), os.path.join(folder, name))
    sent = len(gzip.compress(page, 9))
    print("%s: %d bytes, %d KB compressed (gzip); the program in it %d KB, %d KB compressed" % (
        os.path.join(folder, "index.html"), len(page), -(-sent // 1000), -(-len(module) // 1000),
        -(-len(pack(module)) // 1000)))


main()
