#!/usr/bin/env python3
"""scripts/replayweb.py FILE URL TEXT IMAGES: opens URL from FILE (WACZ) in ReplayWeb.page, in Debian's Chromium, and
looks whether it shows TEXT and IMAGES loaded pictures. ReplayWeb.page comes from npm, pinned by digest, and is served
on loopback beside the file; nothing else can be reached. Exit 0 it replays, 1 it does not, 2 it could not be asked.
"""

import hashlib
import html
import http.server
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

VERSION, DIGEST = "2.5.3", "b7d35c39c4da9b7121c5a393911d8675d4cc6f19513c380191e16b086bea812c"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/lib/chromium/chromium")
SECONDS = float(os.environ.get("REPLAY_SECONDS", 60))
# Text and pictures of every frame, shadow trees included: the player's frames are of its own origin.
LOOK = """(() => { const found = []; const walk = (root, depth) => { if (depth < 20) for (const e of root.querySelectorAll('*')) {
  if (e.shadowRoot) walk(e.shadowRoot, depth + 1);
  if (e.tagName === 'IFRAME') try { const d = e.contentDocument; if (d) { found.push([d.location.href, d.body?.innerText ?? '',
    [...d.images].filter(i => i.complete && i.naturalWidth).length]); walk(d, depth + 1); } } catch {} } };
  walk(document, 0); return found; })()"""


def not_asked(why):
    print("not asked:", why)
    sys.exit(2)


def player():
    """ReplayWeb.page's two files, fetched once."""
    folder = pathlib.Path(__file__).resolve().parent.parent / "target/tools"
    kept = folder / f"replaywebpage-{VERSION}.tgz"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as work:
            try:
                subprocess.run(["npm", "pack", "--silent", f"replaywebpage@{VERSION}"], cwd=work, check=True,
                               capture_output=True, timeout=180)
                os.replace(os.path.join(work, kept.name), kept)
            except (OSError, subprocess.SubprocessError) as e:
                not_asked(f"npm pack replaywebpage@{VERSION}: {e}")
    packed = kept.read_bytes()
    if hashlib.sha256(packed).hexdigest() != DIGEST:
        kept.unlink()
        not_asked(f"replaywebpage-{VERSION}.tgz has another digest than the pinned one")
    with tarfile.open(kept) as tar:
        return {name: tar.extractfile(f"package/{name}").read() for name in ("ui.js", "sw.js", "index.html")}


def serve(files, wacz, url):
    """The player, the page that embeds it, and the file, in ranges as players ask."""
    embed = ('<!doctype html><meta charset=utf-8><script src=/ui.js></script><replay-web-page replayBase=/ source=/file.wacz '
             f'url="{html.escape(url)}" style="display:block;height:800px"></replay-web-page>').encode()
    kinds = {"/ui.js": "text/javascript", "/sw.js": "text/javascript", "/file.wacz": "application/wacz"}
    paths = {"/ui.js": files["ui.js"], "/sw.js": files["sw.js"], "/": files["index.html"], "/embed": embed}

    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path, size, status = self.path.split("?")[0], os.path.getsize(wacz), 200
            if path == "/file.wacz":
                first, last = 0, size - 1
                asked = self.headers.get("Range", "")
                if asked.startswith("bytes="):
                    a, b = asked[6:].split("-")
                    first, last = (int(a), min(int(b or last), last)) if a else (max(0, size - int(b)), last)
                    status = 206
                with open(wacz, "rb") as f:
                    f.seek(first)
                    body = f.read(last - first + 1)
            elif path in paths:
                body = paths[path]
            else:
                return self.send_error(404)
            self.send_response(status)
            self.send_header("Content-Type", kinds.get(path, "text/html; charset=utf-8"))
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Accept-Ranges", "bytes")
            if status == 206:
                self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
            self.end_headers()
            try:
                self.wfile.write(body)
            except ConnectionError:
                pass  # the player asked for the rest of it only

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


class Browser:
    """Chromium over the debugging pipe: NUL-terminated JSON on descriptors 3 and 4."""

    def __init__(self, profile):
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()

        def pipes():
            # Numbers far from 3 and 4 first, so that neither overwrites the other.
            os.dup2(theirs_in, 203)
            os.dup2(theirs_out, 204)
            os.dup2(203, 3)
            os.dup2(204, 4)

        arguments = [CHROMIUM, "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                     "--remote-debugging-pipe", f"--user-data-dir={profile}", "--window-size=1280,900",
                     "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "about:blank"]
        if os.geteuid() == 0:
            arguments.insert(1, "--no-sandbox")
        try:
            self.process = subprocess.Popen(arguments, preexec_fn=pipes, close_fds=False, start_new_session=True,
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except OSError as e:
            not_asked(f"{CHROMIUM}: {e}")
        os.close(theirs_in)
        os.close(theirs_out)
        self.out, self.into, self.buffer, self.number = ours_out, ours_in, b"", 0
        pages = [t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page"]
        self.session = self.call("Target.attachToTarget", targetId=pages[0]["targetId"], flatten=True)["sessionId"]

    def call(self, method, session=None, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.buffer:
                more = os.read(self.into, 1 << 20)
                if not more:
                    not_asked("Chromium ended")
                self.buffer += more
            one, self.buffer = self.buffer.split(b"\0", 1)
            answer = json.loads(one)
            if answer.get("id") == self.number:
                return answer.get("result", {})

    def close(self):
        self.call("Browser.close")
        self.process.wait(20)


def main(wacz, url, text, images):
    port = serve(player(), wacz, url)
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(profile)
        browser.call("Page.navigate", browser.session, url=f"http://127.0.0.1:{port}/embed")
        end, seen = time.monotonic() + SECONDS, []
        while time.monotonic() < end:
            time.sleep(0.3)
            answer = browser.call("Runtime.evaluate", browser.session, expression=LOOK, returnByValue=True)
            seen = [f for f in answer.get("result", {}).get("value") or [] if "mp_/" in f[0]]
            if any(text in shown and pictures >= images for _, shown, pictures in seen):
                browser.close()
                print(f"ReplayWeb.page {VERSION} shows {url}")
                return 0
        browser.close()
    print(f"not replayed: {url}: {[(a, shown[:200], n) for a, shown, n in seen]}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
