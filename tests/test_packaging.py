"""The Debian package, built from the debug executable: what it says, what it holds, and that its unit leaves captures alone.

What needs an installed system (users, services) is not done here; docs/operator-guide.md says how it was tried.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(*command, **more):
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, **more).stdout


def executable():
    named = os.environ.get("QUEZAO")
    if named:
        return Path(named)
    told = json.loads(run("cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"))
    return Path(told["target_directory"]) / "debug" / "quezao"


@unittest.skipUnless(shutil.which("dpkg-deb"), "dpkg-deb is Debian's")
class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        # Good compression takes a minute that no test needs.
        env = {**os.environ, "QUEZAO": str(executable()), "COMPRESSION": "gzip -z1"}
        cls.deb = run("packaging/deb.sh", cls.folder.name, env=env).strip()
        cls.tree = Path(cls.folder.name) / "tree"
        run("dpkg-deb", "-R", cls.deb, str(cls.tree))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_it_says_what_it_needs(self):
        fields = run("dpkg-deb", "--field", self.deb)
        self.assertRegex(fields, r"(?m)^Depends: libc6 \(>= 2\.\d+\), libgcc-s1$")
        self.assertRegex(fields, r"(?m)^Recommends: .*chromium")
        version = re.search(r'(?m)^version = "(.*)"$', (ROOT / "Cargo.toml").read_text())[1]
        self.assertRegex(fields, rf"(?m)^Version: {re.escape(version)}(~\d+)?$")
        self.assertEqual((self.tree / "DEBIAN/conffiles").read_text().split(), ["/etc/default/quezao"])

    def test_it_holds_what_a_service_needs_owned_by_root(self):
        listed = run("dpkg-deb", "--contents", self.deb)
        for line in listed.splitlines():
            self.assertRegex(line, r"^[-d]rw.r-.r-. root/root ", line)
        for name in [
            "usr/bin/quezao",
            "usr/lib/systemd/system/quezao.service",
            "usr/lib/systemd/system/quezao-node.service",
            "usr/lib/sysusers.d/quezao.conf",
            "usr/lib/tmpfiles.d/quezao.conf",
            "etc/default/quezao",
            "usr/share/man/man1/quezao-serve.1.gz",
            "usr/share/man/zh_CN/man1/quezao-serve.1.gz",
            "usr/share/bash-completion/completions/quezao",
            "usr/share/doc/quezao/copyright",
        ]:
            self.assertTrue((self.tree / name).is_file(), name)
        said = subprocess.run([self.tree / "usr/bin/quezao", "--version"], check=True, capture_output=True, text=True)
        self.assertRegex(said.stdout, r"^quezao \d")
        for script in ["postinst", "prerm", "postrm"]:
            run("sh", "-n", str(self.tree / "DEBIAN" / script))
        self.assertNotIn("rm -r", (self.tree / "DEBIAN/postrm").read_text(), "a ledger outlives its package")

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is systemd's")
    def test_the_unit_is_one_and_leaves_captures_their_namespaces(self):
        for name in ["quezao.service", "quezao-node.service"]:
            unit = self.tree / "usr/lib/systemd/system" / name
            # A copy that names the executable where it lies here.
            here = Path(self.folder.name) / name
            here.write_text(unit.read_text().replace("/usr/bin/quezao", str(self.tree / "usr/bin/quezao")))
            found = subprocess.run(["systemd-analyze", "verify", "--man=no", here], capture_output=True, text=True)
            self.assertEqual((found.returncode, found.stderr), (0, ""))
        unit = self.tree / "usr/lib/systemd/system/quezao.service"
        set_here = dict(line.split("=", 1) for line in unit.read_text().splitlines() if re.match(r"[A-Z]\w+=", line))
        for breaks in ["ProtectKernelTunables", "ProtectKernelLogs", "ProtectProc", "ProcSubset", "MemoryDenyWriteExecute"]:
            self.assertNotIn(breaks, set_here)
        self.assertEqual(set(set_here["RestrictNamespaces"].split()), {"user", "net", "pid", "mnt", "ipc"})
        # Chromium's sandbox is made of these; Debian 12's @system-service lacks them.
        self.assertLessEqual({"@mount", "@pkey", "seccomp"}, set(set_here["SystemCallFilter"].split()))


if __name__ == "__main__":
    unittest.main()
