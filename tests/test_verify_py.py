"""Self-checks of verify.py: published vectors, then a package made here from scratch and spoiled in many ways.

Run: python3 -m unittest discover -s tests -p 'test_*.py'   (needs the openssl command)
"""
import base64
import contextlib
import hashlib
import importlib.util
import io
import json
import os
import shutil
import struct
import subprocess
import tempfile
import time
import unittest
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location("verify", os.path.join(HERE, "../crates/archive/assets/verify.py"))
verify = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verify)
OPERATOR = verify.OPERATOR


def sign(seed, message):
    """RFC 8032, 5.1.6, on verify.py's own curve."""
    h = hashlib.sha512(seed).digest()
    a = int.from_bytes(h[:32], "little") & ((1 << 254) - 8) | 1 << 254
    key = verify.ed_encode(verify.ed_mul(a, verify.ED_BASE))
    r = int.from_bytes(hashlib.sha512(h[32:] + message).digest(), "little") % verify.L
    big_r = verify.ed_encode(verify.ed_mul(r, verify.ED_BASE))
    k = int.from_bytes(hashlib.sha512(big_r + key + message).digest(), "little") % verify.L
    return key, big_r + ((r + k * a) % verify.L).to_bytes(32, "little")


def b64u(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def canon(value):
    return verify.canonical(value).encode()


class Vectors(unittest.TestCase):
    def test_rfc8032(self):
        for seed, key, message, signature in [
            ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
             "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
             "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
             "d25bf5f0595bbe24655141438e7a100b"),
            ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
             "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
             "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
             "387b2eaeb4302aeeb00d291612bb0c00")]:
            k, m, s = bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature)
            self.assertEqual(sign(bytes.fromhex(seed), m), (k, s))
            self.assertTrue(verify.ed_verify(k, m, s))
            self.assertFalse(verify.ed_verify(k, m + b"x", s))
            high = s[:32] + (int.from_bytes(s[32:], "little") + verify.L).to_bytes(32, "little")
            self.assertFalse(verify.ed_verify(k, m, high), "S >= L")

    def test_weak_keys(self):
        p = verify.P
        for y in (0, 1, p - 1, p, p + 1):
            with self.assertRaises(verify.Bad):
                verify.ed_key(y.to_bytes(32, "little"))

    def test_rfc6962(self):
        leaves = [b"", b"\0", b"\x10", b"\x20\x21", b"\x30\x31", b"\x40\x41\x42\x43", bytes(range(0x50, 0x58)),
                  bytes(range(0x60, 0x70))]
        roots = ["6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                 "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125", None, None, None, None, None,
                 "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"]
        for size in range(1, 9):
            root = mth(leaves[:size])
            if roots[size - 1]:
                self.assertEqual(root.hex(), roots[size - 1])
            for i in range(size):
                proof = path(i, leaves[:size])
                self.assertEqual(verify.root_from(verify.leaf_hash(leaves[i]), i, size, proof), root)
                with self.assertRaises(verify.Bad):
                    if verify.root_from(verify.leaf_hash(leaves[i]), i, size, proof + [root]) != root:
                        raise verify.Bad("root")

    def test_note(self):
        key = verify.parse_vkey("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
        signature = base64.b64decode(
            "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=")
        self.assertEqual(signature[:4], key[1])
        self.assertTrue(verify.ed_verify(key[3], b"This is an example message.\n", signature[4:]))

    def test_json(self):
        good = '{"":1,"a":[true,null,-5],"\U0001f600":"x","\ufb01":"\u4e2d"}'.encode()
        self.assertEqual(canon(verify.parse_json("t", good)), good)
        for bad in [b'{"a":1,"a":1}', b'{"b":1,"a":1}', b"[1.0]", b"[1e2]", b"[-0]", b"[9007199254740992]", b"[01]",
                    b"[NaN]", b'["\\u0041"]', b'["a\\u200b"]', '["\u202e"]'.encode(), '["e\u0301"]'.encode(), b"[1] ",
                    b'["\\ud800"]', b"[" * 5000, b"\xff", b"\xef\xbb\xbf[]", '["\u00ad"]'.encode(), b'["\\n"]']:
            with self.assertRaises(verify.Bad, msg=bad[:20]):
                verify.parse_json("t", bad)

    def test_times(self):
        self.assertEqual(verify.instant("t", "1970-01-01T00:00:01.000001Z"), 1000001)
        self.assertEqual(verify.generalized("t", "20261124030500.000001Z") % 1000000, 1)
        for bad in ("2026-02-29T00:00:00.000000Z", "2026-01-01T24:00:00.000000Z", "2026-01-01T00:00:60.000000Z"):
            with self.assertRaises(verify.Bad):
                verify.instant("t", bad)
        for bad in ("20260101000000.50Z", "20260101000000.Z", "202601010000Z", "20260101000060Z"):
            with self.assertRaises(verify.Bad):
                verify.generalized("t", bad)

    def test_parsers_survive_noise(self):
        seed = b"noise"
        for _ in range(300):
            seed = hashlib.sha512(seed).digest()
            for parse in (lambda d: verify.Token("t", d), lambda d: verify.Note("n", d), lambda d: verify.Proof("p", d),
                          lambda d: verify.Policy("y", d), lambda d: verify.parse_json("j", d)):
                with contextlib.suppress(verify.Bad):
                    parse(seed[:seed[0] % 64])


def mth(leaves):
    if len(leaves) == 1:
        return verify.leaf_hash(leaves[0])
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return verify.node_hash(mth(leaves[:k]), mth(leaves[k:]))


def path(i, leaves):
    if len(leaves) == 1:
        return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return path(i, leaves[:k]) + [mth(leaves[k:])] if i < k else path(i - k, leaves[k:]) + [mth(leaves[:k])]


class Authority:
    """A time-stamping authority made with the openssl command."""

    def __init__(self, folder):
        self.folder = folder
        self.run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "root.key")
        self.run("req", "-new", "-x509", "-key", "root.key", "-subj", "/CN=root", "-days", "3650", "-out", "root.pem")
        self.run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "tsa.key")
        self.run("req", "-new", "-key", "tsa.key", "-subj", "/CN=tsa", "-out", "tsa.csr")
        self.write("ext", b"extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n")
        self.run("x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-set_serial", "7", "-days", "3650",
                 "-extfile", "ext", "-out", "tsa.pem")
        self.write("conf", b"[tsa]\ndefault_tsa=t\n[t]\nserial=./serial\nsigner_cert=./tsa.pem\nsigner_key=./tsa.key\n"
                           b"signer_digest=sha256\ndefault_policy=1.2.3.4\ndigests=sha256,sha512\naccuracy=secs:1\n"
                           b"ess_cert_id_alg=sha256\nordering=no\ntsa_name=no\n")
        self.write("serial", b"01\n")
        # as the signer's certificate must stand inside
        self.root = self.read("root.pem")

    def run(self, *args):
        subprocess.run(["openssl", *args], cwd=self.folder, check=True, capture_output=True)

    def write(self, name, data):
        with open(os.path.join(self.folder, name), "wb") as f:
            f.write(data)

    def read(self, name):
        with open(os.path.join(self.folder, name), "rb") as f:
            return f.read()

    def stamp(self, data, digest="sha256"):
        self.write("data", data)
        self.run("ts", "-query", "-data", "data", "-" + digest, "-cert", "-out", "q.tsq")
        self.run("ts", "-reply", "-queryfile", "q.tsq", "-config", "conf", "-section", "t", "-token_out", "-out", "t.der")
        body = bytes.fromhex("3003020100") + self.read("t.der")
        return b"\x30\x82" + struct.pack(">H", len(body)) + body


def clock(us):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(us // 1000000)) + ".%06dZ" % (us % 1000000)


class Platform:
    """Makes one honest package; every step can be spoiled by a hook that edits `self`."""

    def __init__(self, authority, seed=b"\1" * 32, name="test.example"):
        self.tsa, self.seed = authority, seed
        self.key = sign(seed, b"")[0]
        self.origin = name + "/" + hashlib.sha256(self.key).hexdigest()[:32]
        self.vkey = self.make_vkey(self.origin, 1, self.key)
        self.witness_seed = b"\2" * 32
        self.witness_key = sign(self.witness_seed, b"")[0]
        self.witness = self.make_vkey("w.example", 4, self.witness_key)
        self.original = b"a picture"

    @staticmethod
    def make_vkey(name, kind, key):
        return "%s+%s+%s" % (name, verify.key_id(name, kind, key).hex(), base64.b64encode(bytes([kind]) + key).decode())

    def statement(self, kind, values, **extra):
        now = int(time.time() * 1000000)
        ms = "%012x" % (now // 1000)
        disclosures, slots = [], {}
        for n, name in enumerate(sorted(verify.CLAIMS[kind])):
            encoded = b64u(canon([b64u(bytes([n]) * 16), name, values.get(name)]))
            slots[name] = {"_sd": [b64u(hashlib.sha256(encoded.encode()).digest())]}
            if name in values:
                disclosures.append(encoded)
        value = {"schema": "quezao/statement/v1", "kind": kind, "id": "%s-%s-7000-8000-%012x" % (ms[:8], ms[8:], 1),
                 "ledger": self.origin, "received_at": clock(now), "clock": {"checked": False},
                 "software": {"name": "t", "version": "1", "commit": "c"}, "_sd_alg": "sha-256", "claims": slots}
        value.update(extra)
        return value, disclosures

    def record(self, statement):
        tsr = self.tsa.stamp(canon(statement))
        token = verify.Token("t", tsr)
        stamp = {"gen_time": token.time_text, "token_sha256": hashlib.sha256(token.token).hexdigest()}
        return canon({"schema": "quezao/record/v1", "statement": statement, "timestamps": [stamp]}), tsr

    def checkpoint(self, leaves, cosign=True):
        text = "%s\n%d\n%s\n" % (self.origin, len(leaves), base64.b64encode(mth(leaves)).decode())
        lines = [(self.origin, verify.key_id(self.origin, 1, self.key) + sign(self.seed, text.encode())[1])]
        if cosign:
            now = int(time.time())
            message = "cosignature/v1\ntime %d\n%s" % (now, text)
            lines.append(("w.example", verify.key_id("w.example", 4, self.witness_key) + struct.pack(">Q", now)
                          + sign(self.witness_seed, message.encode())[1]))
        return (text + "\n" + "".join("\u2014 %s %s\n" % (n, base64.b64encode(s).decode()) for n, s in lines)).encode()

    @staticmethod
    def proof(i, leaves, note):
        hashes = "".join(base64.b64encode(h).decode() + "\n" for h in path(i, leaves))
        return ("c2sp.org/tlog-proof@v1\nindex %d\n%s\n" % (i, hashes)).encode() + note

    def build(self, hook=lambda stage, value: value, cosign=True):
        operator, operator_open = self.statement("operator", {"operator_name": "\u7532"})
        leaf0, _ = self.record(operator)
        digest = subprocess.run(["openssl", "dgst", "-sm3", "-binary"], input=self.original, capture_output=True).stdout
        f = {"sha256": hashlib.sha256(self.original).hexdigest(), "sm3": digest.hex(), "size": len(self.original),
             "media_type": "image/png", "custody": "held"}
        statement, opened = self.statement("image", {"owner_name": "\u4e59", "title": "t"}, file=f,
                                           provenance="user-supplied", operator_relation="unknown")
        statement = hook("statement", statement)
        record, tsr = hook("record", self.record(statement))
        leaves = [leaf0, record, b"other"]
        note = hook("note", self.checkpoint(leaves, cosign))
        entries = {
            "statement.json": canon(statement), "timestamp-1.tsr": tsr, "record.json": record,
            "proof.tlog-proof": self.proof(1, leaves, note), "checkpoint.txt": note, "checkpoint.tsr": self.tsa.stamp(note),
            "disclosure.json": canon(opened), "operator-record.json": leaf0, "operator-disclosure.json": canon(operator_open),
            "operator-proof.tlog-proof": self.proof(0, leaves, note),
            "trust-policy": b"quorum none\n", "trust-roles.json": b"[]", "VERIFY.txt": b"read me\n", "verify.py": b"#\n"}
        return hook("entries", entries)

    def trust(self, folder, policy=None, independent=True):
        os.makedirs(folder, exist_ok=True)
        policy = policy or "log %s\nwitness w %s\nquorum w\n" % (self.vkey, self.witness)
        roles = [{"key": self.vkey, "role": "platform", "name": "P", "independent": False, "from": None, "until": None},
                 {"key": "sha256:" + hashlib.sha256(verify.unpem("r", self.tsa.root)).hexdigest(), "role": "time-authority",
                  "name": "T", "independent": independent, "from": None, "until": None},
                 {"key": self.witness, "role": "court", "name": "W", "independent": True, "from": None, "until": None}]
        for name, data in (("policy", policy.encode()), ("roles.json", json.dumps(roles).encode()), ("tsa-1.pem", self.tsa.root)):
            with open(os.path.join(folder, name), "wb") as f:
                f.write(data)
        return folder


def listing(entries):
    files = [{"name": n, "sha256": hashlib.sha256(d).hexdigest(), "size": len(d)} for n, d in entries.items()]
    return canon({"schema": "quezao/package/v1", "files": files})


def zip_bytes(entries):
    out = central = b""
    entries = {"package.json": listing(entries), **entries}
    for name, data in entries.items():
        fields = struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 0x21, zlib.crc32(data), len(data), len(data), len(name), 0)
        central += b"PK\1\2" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, len(out)) + name.encode()
        out += b"PK\3\4" + fields + name.encode() + data
    return out + central + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, len(entries), len(entries), len(central), len(out), 0)


@unittest.skipUnless(shutil.which("openssl"), "needs the openssl command")
class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp()
        cls.tsa = Authority(tempfile.mkdtemp(dir=cls.dir))
        cls.platform = Platform(cls.tsa)
        cls.trusted = cls.platform.trust(os.path.join(cls.dir, "trust"))
        cls.original = cls.file("original.png", cls.platform.original)
        cls.honest = cls.platform.build()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    @classmethod
    def file(cls, name, data):
        name = os.path.join(cls.dir, name)
        with open(name, "wb") as f:
            f.write(data)
        return name

    def verify(self, entries, *files, trust="", raw=None):
        package = self.file("p.zip", zip_bytes(entries) if raw is None else raw)
        return self.run_main(["--trust", trust or self.trusted] if trust is not None else [], package, *files)

    def run_main(self, options, *paths):
        out = io.StringIO()
        try:
            with contextlib.redirect_stdout(out):
                code = verify.main(["--json", *options, *paths])
        except verify.Usage:
            return 2, {}
        verdict = json.loads(out.getvalue())
        return code, {c["id"]: c for c in verdict["checks"]}

    def expect(self, code, check, entries, *files, **options):
        files = files or (self.original,)
        found, checks = self.verify(entries, *files, **options)
        failed = {k: c for k, c in checks.items() if c["result"] == "fail"}
        self.assertEqual(found, code, failed or checks)
        if check:
            self.assertEqual(checks[check]["result"], "fail" if code == 1 else "not_checked", checks[check])
            self.assertLessEqual(set(failed), {check}, failed)
        return checks

    def test_honest(self):
        checks = self.expect(0, None, self.honest)
        self.assertEqual(checks["log-role"]["result"], "pass")
        self.assertEqual(checks["policy"]["result"], "pass")

    def test_incomplete(self):
        self.assertEqual(self.verify(self.honest)[0], 3)
        self.expect(3, "policy", self.honest, trust=None)
        self.expect(3, "operator", {k: v for k, v in self.honest.items() if k not in OPERATOR})
        self.expect(3, "sealing-token-1", {k: v for k, v in self.honest.items() if k != "checkpoint.tsr"})
        self.expect(3, "policy", self.platform.build(cosign=False))
        bare = os.path.join(self.dir, "noroots")
        self.platform.trust(bare)
        os.remove(os.path.join(bare, "tsa-1.pem"))
        self.expect(3, "statement-token-1", self.honest, trust=bare)

    def test_trust(self):
        key, w = self.platform.vkey, self.platform.witness
        again = Platform.make_vkey("other", 4, self.platform.key)
        for n, policy in enumerate(["log %s\n" % key, "log %s\nlog %s\nquorum none\n" % (key, key), "what\nquorum none\n",
                                    "witness a %s\nwitness b %s\nquorum a\n" % (w, w), "log %s\nquorum none" % key,
                                    "log %s\nwitness a %s\nquorum a\n" % (key, again)]):
            folder = self.platform.trust(os.path.join(self.dir, "t%d" % n), policy)
            self.assertEqual(self.verify(self.honest, self.original, trust=folder)[0], 2, policy)
        single = self.platform.trust(os.path.join(self.dir, "single"), "log %s\nquorum none\n" % key, independent=False)
        checks = self.expect(0, None, self.honest, trust=single)
        self.assertEqual(checks["policy"]["result"], "limited")
        self.assertEqual(checks["statement-token-1"]["result"], "limited")
        stranger = Platform(self.tsa, seed=b"\3" * 32)
        self.expect(3, "log-signature", stranger.build())

    def test_file(self):
        self.expect(1, "file", self.honest, self.file("other", b"b picture"))
        self.expect(1, "file", self.honest, self.original, self.file("other", b"a picture "))

    def test_zip(self):
        raw = zip_bytes(self.honest)
        for spoiled in (raw + b"\0", raw[:-1], b"\0" + raw, raw.replace(b"\x21\0", b"\x22\0", 1), raw[:9] + b"\1" + raw[10:]):
            self.assertEqual(self.verify({}, self.original, raw=spoiled)[0], 1)
        names = list(self.honest)
        for entries in ({n: self.honest[n] for n in names[::-1]}, {**self.honest, "x.txt": b""}, {**self.honest, "../a": b""},
                        {n: d for n, d in self.honest.items() if n != "verify.py"},
                        {n: d for n, d in self.honest.items() if n != "operator-record.json"}):
            self.expect(1, "form", entries)
        self.expect(0, None, {**self.honest, "anchor-x": b"?", "items.zip": b"?"})

    def test_every_bit_of_small_entries(self):
        """No single change of an entry that is evidence verifies, package.json following it."""
        seed = 1
        for name, data in self.honest.items():
            if name in ("VERIFY.txt", "verify.py"):
                continue
            for _ in range(6):
                seed = seed * 1103515245 + 12345 & 0xFFFFFFFF
                at = seed % len(data)
                spoiled = data[:at] + bytes([data[at] ^ 1 << (seed >> 28) % 8]) + data[at + 1:]
                code = self.verify({**self.honest, name: spoiled}, self.original)[0]
                self.assertNotIn(code, (0,) if not name.startswith("trust") else (2,), (name, at))

    def spoil(self, stage, change):
        return self.platform.build(lambda s, v: change(v) if s == stage else v)

    def test_statement(self):
        def put(**members):
            return lambda s: {**s, **members}
        self.expect(1, "statement", self.spoil("statement", put(provenance="applicant-operated")))
        self.expect(1, "statement", self.spoil("statement", put(leaf="x")))
        self.expect(1, "statement", self.spoil("statement", put(id="00000000-0000-7000-8000-000000000001")))
        for unknown in ({"schema": "quezao/statement/v2"}, {"kind": "observation"}, {"novel": 1}, {"provenance": "node-captured"}):
            self.assertEqual(self.verify(self.spoil("statement", put(**unknown)), self.original)[0], 3, unknown)
        self.expect(1, "ledger-binding", self.spoil("statement", put(ledger="test.example/" + "0" * 32)))
        late = int(time.time() * 1e6) + 30000000
        uuid = "%012x" % (late // 1000)
        self.expect(1, "times", self.spoil("statement", put(
            received_at=clock(late), id="%s-%s-7000-8000-000000000001" % (uuid[:8], uuid[8:]))))
        other = self.platform.build()
        self.assertEqual(self.verify({**self.honest, "statement.json": other["statement.json"]}, self.original)[0], 1)

    def test_tokens_and_proofs(self):
        other = self.platform.build()
        self.expect(1, "sealing-token-1", {**self.honest, "checkpoint.tsr": self.honest["timestamp-1.tsr"]})
        self.expect(1, "statement-token-1", {**self.honest, "timestamp-1.tsr": other["timestamp-1.tsr"]})
        self.expect(1, "disclosures", {**self.honest, "disclosure.json": canon(
            [b64u(canon([b64u(b"x" * 16), "owner_name", "\u4e19"]))])})
        self.expect(1, "form", {**self.honest, "proof.tlog-proof": other["proof.tlog-proof"]})
        stranger = Platform(self.tsa, seed=b"\3" * 32)
        self.expect(1, "operator", {**self.honest, **{n: stranger.build()[n] for n in OPERATOR}})
        note = self.honest["checkpoint.txt"]
        text, _, lines = note.partition(b"\n\n")
        for swap, check in ((0, "log-signature"), (1, "policy")):
            rows = lines.decode().splitlines()
            raw = bytearray(base64.b64decode(rows[swap].split(" ")[2]))
            raw[-1] ^= 1
            rows[swap] = " ".join(rows[swap].split(" ")[:2] + [base64.b64encode(bytes(raw)).decode()])
            bad = text + b"\n\n" + ("\n".join(rows) + "\n").encode()
            entries = self.spoil("note", lambda _: bad)
            entries = {**self.honest, "checkpoint.txt": bad, "checkpoint.tsr": entries["checkpoint.tsr"]}
            for n in ("proof.tlog-proof", "operator-proof.tlog-proof"):
                entries[n] = self.honest[n].replace(note, bad)
            self.expect(1, check, entries)

    def test_a_hostile_token_is_malformed(self):
        token = self.honest["timestamp-1.tsr"]
        for at in range(len(token)):
            for byte in (0, 0x30, token[at] ^ 0x80):
                with contextlib.suppress(verify.Bad):
                    verify.Token("t", token[:at] + bytes([byte]) + token[at + 1:])
        v = verify.Verdict()
        for error in (IndexError(), ValueError(), TypeError(), OverflowError(), RecursionError()):
            def work():
                raise error
            self.assertFalse(v.attempt("x", True, "x", "x", work))
        self.assertEqual({c["result"] for c in v.checks}, {"fail"})

    def test_later_and_renewal(self):
        def extend(entries, spoil=b""):
            note = self.honest["checkpoint.txt"]
            added = {"later-01-proof.tlog-proof": self.honest["proof.tlog-proof"], "later-01-checkpoint.txt": note,
                     "later-01-checkpoint.tsr": self.tsa.stamp(note)}
            out = {}
            for n, d in entries.items():
                if n == "trust-policy":
                    out.update(added)
                    text = "".join("%s  %s\n" % (hashlib.sha512(x).hexdigest(), m) for m, x in out.items()).encode() + spoil
                    out.update({"renewal-01.txt": text, "renewal-01.tsr": self.tsa.stamp(text, "sha512")})
                out[n] = d
            return out
        checks = self.expect(0, None, extend(self.honest))
        self.assertEqual([checks[c]["result"] for c in ("later-1", "renewal-1")], ["pass", "pass"])
        self.expect(1, "renewal-1", extend(self.honest, b"x"))

    def test_folder(self):
        folder = os.path.join(self.dir, "folder")
        os.mkdir(folder)
        for name, data in {"package.json": listing(self.honest), **self.honest, "holiday.jpg": b"x"}.items():
            self.file("folder/" + name, data)
        code, checks = self.run_main(["--trust", self.trusted], folder, self.original)
        self.assertEqual((code, checks["form"]["result"]), (0, "pass"), checks)
        os.remove(os.path.join(folder, "package.json"))
        code, checks = self.run_main(["--trust", self.trusted], folder, self.original)
        self.assertEqual((code, checks["form"]["result"]), (0, "limited"))


if __name__ == "__main__":
    unittest.main()
