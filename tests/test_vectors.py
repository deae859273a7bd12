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
import time
import types
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS = os.path.join(HERE, "../vectors")
spec = importlib.util.spec_from_file_location("verify", os.path.join(HERE, "../crates/archive/assets/verify.py"))
verify = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verify)

# What verify.py does not check, and does not require (spec/checks.md).
EXEMPT = {"later-records", "printed-page", "certificate-signature", "capture-resources", "capture-order"}


def find_cases():
    for folder, _, names in sorted(os.walk(VECTORS)):
        if "case.json" in names:
            with open(os.path.join(folder, "case.json"), encoding="utf-8") as f:
                yield os.path.relpath(folder, VECTORS), json.load(f)


def run(item):
    """Differences of one case, or None."""
    folder, case = item
    now = verify.instant("now", case["now"]) / 1e6
    verify.time = types.SimpleNamespace(**{**vars(time), "time": lambda: now})
    out = io.StringIO()
    paths = [os.path.join(VECTORS, folder, "package.zip")] + [os.path.join(VECTORS, o) for o in case["originals"]]
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


@unittest.skipUnless(shutil.which("openssl"), "needs the openssl command")
class Vectors(unittest.TestCase):
    maxDiff = None

    def test_every_case(self):
        cases = list(find_cases())
        self.assertGreater(len(cases), 30)
        with multiprocessing.get_context("fork").Pool(min(4, os.cpu_count() or 1)) as pool:
            wrong = [d for d in pool.imap(run, cases, chunksize=4) if d]
        self.assertEqual(len(wrong), 0, "\n" + "\n".join(wrong))


if __name__ == "__main__":
    unittest.main()
