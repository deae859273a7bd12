#!/usr/bin/env python3
"""A time-stamp authority for the demo: `openssl ts -reply` behind a loopback port.

    scripts/tsa.py FOLDER PORT-FILE SECONDS

Makes a root and a signer in FOLDER (root.pem is whom to believe), serves on 127.0.0.1, writes the port into PORT-FILE
once it does, and ends after SECONDS by itself. It stands in for an authority of somebody else's; being on the same
machine, it is of course nobody else's.
"""
import http.server
import os
import subprocess
import sys
import threading

MOST = 64 << 10
FILES = {
    "root.ext": "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n",
    "signer.ext": "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n",
    "serial": "01\n",
    "ts.cnf": """[tsa]
default_tsa = demo
[demo]
serial = ./serial
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
""",
}


def openssl(folder, *arguments):
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, check=False, timeout=30)
    if done.returncode:
        sys.exit("openssl %s: %s" % (" ".join(arguments), done.stderr.decode("utf-8", "replace")))


def make(folder):
    os.makedirs(folder, exist_ok=True)
    for name, text in FILES.items():
        with open(os.path.join(folder, name), "w", encoding="ascii") as f:
            f.write(text)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    for name, subject in (("root", "/CN=Outside demo root"), ("signer", "/CN=Outside demo authority")):
        openssl(folder, "req", "-new", *key, "-subj", subject, "-keyout", name + ".key", "-out", name + ".csr")
    openssl(folder, "x509", "-req", "-in", "root.csr", "-signkey", "root.key", "-days", "30", "-extfile", "root.ext",
            "-out", "root.pem")
    openssl(folder, "x509", "-req", "-in", "signer.csr", "-CA", "root.pem", "-CAkey", "root.key", "-set_serial", "2",
            "-days", "30", "-extfile", "signer.ext", "-out", "signer.pem")


class Authority(http.server.BaseHTTPRequestHandler):
    folder, turn = None, threading.Lock()
    timeout = 10

    def do_POST(self):
        length = int(self.headers.get("Content-Length", "0"))
        if not 0 < length <= MOST:
            return self.send_error(413)
        query = self.rfile.read(length)
        with self.turn:  # one serial number after the other
            with open(os.path.join(self.folder, "query"), "wb") as f:
                f.write(query)
            openssl(self.folder, "ts", "-reply", "-config", "ts.cnf", "-section", "demo", "-queryfile", "query",
                    "-signer", "signer.pem", "-inkey", "signer.key", "-out", "reply")
            with open(os.path.join(self.folder, "reply"), "rb") as f:
                reply = f.read()
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_):
        pass


def main(folder, port_file, seconds):
    make(folder)
    Authority.folder = folder
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Authority)
    server.daemon_threads = True
    threading.Timer(float(seconds), server.shutdown).start()
    with open(port_file + ".new", "w", encoding="ascii") as f:
        f.write(str(server.server_address[1]))
    os.rename(port_file + ".new", port_file)
    server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
