"""verify.py over every case under vectors/: exit code and every check as the case says.

Cases marked `optional` need what this reader may leave out; there only "never exit 0 where the case is not 0" is asked.
The clock is the case's. Run: python3 -m unittest discover -s tests -p 'test_*.py'
"""
import contextlib
import importlib.util
import io
import json
import multiprocessing
import os
import shutil
import tempfile
import time
import types
import unittest
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS = os.path.join(HERE, "../vectors")
spec = importlib.util.spec_from_file_location("verify", os.path.join(HERE, "../crates/archive/assets/verify.py"))
verify = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verify)

# What verify.py does not check, and does not require (spec/checks.md).
EXEMPT = {"later-records", "printed-page", "certificate-signature", "capture-resources", "capture-path",
          "capture-order", "capture-contact", "capture-environment", "comparison-distances"}


def find_cases():
    for folder, _, names in sorted(os.walk(VECTORS)):
        if "case.json" in names:
            with open(os.path.join(folder, "case.json"), encoding="utf-8") as f:
                case = json.load(f)
            # Certificates are taken apart by `pdfdetach`, not by this reader.
            if case["package"].endswith(".zip"):
                yield os.path.relpath(folder, VECTORS), case


def run(item, taken_apart=None):
    """Differences of one case, or None."""
    folder, case = item
    if taken_apart:
        case = {**case, "checks": {**case["checks"], "form": "limited"}}
    now = verify.instant("now", case["now"]) / 1e6
    verify.time = types.SimpleNamespace(**{**vars(time), "time": lambda: now})
    out = io.StringIO()
    paths = [taken_apart or os.path.join(VECTORS, folder, case["package"])] + [os.path.join(VECTORS, o) for o in case["originals"]]
    with contextlib.redirect_stdout(out):
        code = verify.main(["--json", "--trust", os.path.join(VECTORS, case["trust"]), *paths])
    checks = {c["id"]: c for c in json.loads(out.getvalue())["checks"]}
    if "optional" in case:
        return "%s: exit 0" % folder if code == 0 != case["exit"] else None
    found = {i: c["result"] for i, c in checks.items() if c["result"] != "pass" and i not in EXEMPT}
    expected = {i: r for i, r in case["checks"].items() if i not in EXEMPT}
    if found.get("form", "limited") not in ("limited",):
        found = {"form": found["form"]}
    # Only the reserved checks of captures keep a case from 0 that this reader does not require.
    exits = {case["exit"]} | ({0} if set(case["checks"]) <= EXEMPT else set())
    if found != expected or code not in exits:
        why = {i: (c["result"], c["en"], c["found"], c["expected"]) for i, c in checks.items()
               if found.get(i) != expected.get(i)}
        return "%s: exit %d, found %s, expected %d %s, %s" % (folder, code, found, case["exit"], expected, why)
    return None


def read_format(kind, path, data, key):
    """Raises what verify.py would; None where it reads such things only inside others."""
    if kind == "json":
        verify.parse_json("json", data)
    elif kind == "statement":
        verify.parse_statement(verify.parse_json("statement", data))
    elif kind == "record":
        if len(data) > verify.limit_of("record.json"):
            raise verify.Bad("size")
        verify.parse_statement(verify.parse_record("record", data)["statement"])
    elif kind == "inclusion":
        p = json.loads(data)
        leaf = verify.leaf_hash(bytes.fromhex(p["leaf"]))
        if verify.root_from(leaf, p["index"], p["size"], [bytes.fromhex(h) for h in p["proof"]]).hex() != p["root"]:
            raise verify.Bad("root")
    elif kind in ("signed-note", "cosignature-04"):
        note, vkey = verify.Note("note", data), verify.parse_vkey(key)
        if kind == "cosignature-04":
            note.cosigned(vkey)
        elif vkey[:2] not in note.lines:
            raise verify.Open("no line of the key")
        elif not verify.ed_verify(vkey[3], note.text.encode(), note.lines[vkey[:2]]):
            raise verify.Bad("signature")
    elif kind == "checkpoint":
        verify.Note("checkpoint", data + "\n\u2014 x AAAAAAAA\n".encode())
    elif kind == "policy":
        verify.Policy("policy", data)
    elif kind == "roles":
        verify.parse_roles("roles.json", data)
    elif kind == "tlog-proof":
        verify.Proof("proof", data)
    elif kind == "token":
        token, folder = verify.Token("token", data), tempfile.mkdtemp()
        trust = types.SimpleNamespace(roots=[], role=lambda key, at: None)
        token.check_imprint = lambda what, over: None
        try:
            verify.Stamp("token", data, b"", trust, folder, token)
        finally:
            shutil.rmtree(folder)
    elif kind == "package":
        verify.check_entries(verify.read_package(path), False)
    else:
        return False
    return True


@unittest.skipUnless(shutil.which("openssl"), "needs the openssl command")
class Vectors(unittest.TestCase):
    maxDiff = None

    def test_every_case(self):
        cases = list(find_cases())
        self.assertGreater(len(cases), 30)
        with multiprocessing.get_context("fork").Pool(min(4, os.cpu_count() or 1)) as pool:
            wrong = [d for d in pool.imap(run, cases, chunksize=4) if d]
        self.assertEqual(len(wrong), 0, "\n" + "\n".join(wrong))

    def test_every_format(self):
        wrong = []
        with open(os.path.join(VECTORS, "formats/index.json"), encoding="utf-8") as f:
            index = json.load(f)
        for line in index:
            path = os.path.join(VECTORS, "formats", line["file"])
            with open(path, "rb") as f:
                data = f.read()
            try:
                found, why = "accept" if read_format(line["format"], path, data, line.get("key")) else line["result"], ""
            except verify.Open as e:
                found, why = "unknown", str(vars(e))
            except verify.Bad as e:
                found, why = "refuse", str(vars(e))
            if found != line["result"]:
                wrong.append("%s: %s, expected %s %s" % (line["file"], found, line["result"], why))
        self.assertEqual(len(wrong), 0, "\n" + "\n".join(wrong))

    def test_folders(self):
        """Packages taken apart, as a certificate's attachments are: without package.json, results stay but form's."""
        for folder, case in find_cases():
            if case["exit"] or "optional" in case or case["check"] not in ("form", "later-N", "renewal-N", "file"):
                continue
            with tempfile.TemporaryDirectory() as out:
                with zipfile.ZipFile(os.path.join(VECTORS, folder, "package.zip")) as z:
                    z.extractall(out, [n for n in z.namelist() if n != "package.json"])
                with self.subTest(folder):
                    self.assertEqual(run((folder, case), out), None)


if __name__ == "__main__":
    unittest.main()
