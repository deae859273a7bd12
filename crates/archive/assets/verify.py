#!/usr/bin/env python3
# verify.py - the independent reader of Quezao evidence packages (鹊凿存证包独立验证程序)
# SPDX-License-Identifier: Apache-2.0
"""Checks an evidence package, or a folder with its entries, without the software that made it.

    python3 verify.py [--trust DIR] [--json] PACKAGE|FOLDER [FILES...]

PACKAGE is an ID.zip; FOLDER holds its entries, for example after `pdfdetach -saveall`. FILES are the
originals. DIR is the reader's own trust: `policy`, `roles.json`, `tsa-*.pem`. What a package carries
about trust never makes it verified. No network is used.

exit 0 verified, 1 not verified, 2 usage or unreadable path, 3 incomplete (nothing contradicts)

Needs Python 3.9 and the `openssl` command, nothing else. It is written from the texts in spec/, each
section below names the one it follows; nothing here is shared with the Rust verifier. PAdES
signatures, the inside of a capture's WACZ, a comparison's distances and ML-DSA cosignatures are not
checked here.
"""
import base64
import binascii
import calendar
import hashlib
import io
import json
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import time
import unicodedata
import zlib

US = 1000000  # microseconds in a second; all instants are UTC microseconds since 1970


class Bad(Exception):
    """Contradicts or is malformed: exit 1. Carries what was found and what was expected."""

    def __init__(self, what, found="", expected=""):
        super().__init__(what)
        self.what, self.found, self.expected = what, show(found), show(expected)


class Open(Bad):
    """Nothing contradicts, but something is missing or unknown to this reader: exit 3."""


class Usage(Exception):
    """Exit 2."""


# What reading hostile bytes may raise besides: they are malformed then.
HOSTILE = (LookupError, ValueError, TypeError, AttributeError, OverflowError, RecursionError, struct.error, zlib.error)


def show(value):
    """Printable, bounded: what a hostile file says must not drive the terminal."""
    text = value if isinstance(value, str) else str(value)
    text = "".join(c if c.isprintable() else "\\u%04x" % ord(c) for c in text[:400])
    return text if len(text) <= 160 else text[:157] + "..."


# --- JSON, strings, times: spec/README.md and spec/statement.md ---------------------------------------

ALLOWED_IGNORABLE = set(range(0x180B, 0x1810)) | {0x200C, 0x200D} | set(range(0xFE00, 0xFE10))
IGNORABLE = [(0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
             (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F),
             (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A),
             (0xE0000, 0xE0FFF)]


def check_string(what, text):
    """NFC, no control, bidi-control or invisible character."""
    for c in text:
        n = ord(c)
        if n < 0x20 or 0x7F <= n <= 0x9F or 0xD800 <= n <= 0xDFFF or (
                n not in ALLOWED_IGNORABLE and any(a <= n <= b for a, b in IGNORABLE)):
            raise Bad(what, "U+%04X" % n, "text without control or invisible characters")
    if unicodedata.normalize("NFC", text) != text:
        raise Bad(what, text, "text in Unicode normalisation form C")


def canonical(value):
    """RFC 8785 for integers, checked strings, arrays and objects."""
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list):
        return "[" + ",".join(canonical(v) for v in value) + "]"
    keys = sorted(value, key=utf16)
    return "{" + ",".join(canonical(k) + ":" + canonical(value[k]) for k in keys) + "}"


def utf16(text):
    return text.encode("utf-16-be", "surrogatepass")


def parse_json(what, data, strict=True):
    """Reads, writes again and compares, so that no bit is free. `strict=False`: the reader's own files."""
    def integer(text):
        if len(text) > 17 or abs(int(text)) > 2 ** 53 - 1:
            raise ValueError("integer beyond 2^53-1: " + text[:40])
        return int(text)

    def refuse(text):
        raise ValueError("not an integer: " + text[:40])

    def members(pairs):
        if len({k for k, _ in pairs}) != len(pairs):
            raise ValueError("a member stands twice")
        return dict(pairs)

    def walk(value):
        if isinstance(value, str):
            check_string(what, value)
        elif isinstance(value, list):
            for v in value:
                walk(v)
        elif isinstance(value, dict):
            for k, v in value.items():
                check_string(what, k)
                walk(v)

    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=members, parse_int=integer,
                           parse_float=refuse, parse_constant=refuse)
        walk(value)
        same = not strict or canonical(value).encode("utf-8") == data
    except (ValueError, RecursionError) as e:
        raise Bad(what, e, "JSON in UTF-8 with integers only") from None
    if not same:
        raise Bad(what, data[:80].decode("utf-8", "replace"), "canonical JSON (RFC 8785)")
    return value


OWNER = "owner_kind owner_name owner_code owner_id owner_id_masked identity_method acting_account".split()
RIGHTS = ("title author work_origin basis completed_at completed_place published_at published_place "
          "published_url").split()
FILE_CLAIMS = OWNER + ["file_name"] + RIGHTS + ["refs"]
CLAIMS = {
    "operator": ("operator_kind operator_name operator_code operator_id operator_id_masked operator_filings "
                 "operator_contact").split(),
    "image": FILE_CLAIMS, "file": FILE_CLAIMS, "digest": FILE_CLAIMS,
    "order": OWNER + "url purpose attempt discarded_before beacon refs".split(),
    "capture": OWNER + "url final_url page_title purpose outcome refs".split(),
    "comparison": OWNER + "url refs".split(),
    "collection": OWNER + "title refs".split(),
    "rights": OWNER + RIGHTS + ["refs"],
    "origin": "earlier_checkpoint earlier_key earlier_origin earlier_reason".split(),
    "attestation": OWNER + "attested_at attested_by attested_how attested_note covered_root".split(),
    "licence": OWNER + ("title licensee_name licensee_code licensee_shop licensee_urls licence_from licence_until "
                        "licence_scope refs").split(),
    "revocation": OWNER + "revoked_at revoked_reason refs".split(),
    "confirmation": OWNER + "confirmed_by confirmed_how refs".split(),
}
CLAIM_NAMES = {name for names in CLAIMS.values() for name in names}
KNOWN = CLAIM_NAMES | set(
    "schema kind id ledger received_at clock checked source offset_us at provenance operator_relation software name "
    "version commit file sha256 sm3 size media_type custody _sd_alg _sd claims statement timestamps gen_time "
    "token_sha256 leaf files path place salt".split())


def closed(what, value, names):
    """An object with exactly these members; an unknown name needs a newer reader, a misplaced one is wrong."""
    if not isinstance(value, dict):
        raise Bad(what, value, "an object")
    extra = [k for k in value if k not in names]
    missing = [k for k in names if k not in value]
    misplaced = [k for k in extra if k in KNOWN]
    if missing or misplaced:
        raise Bad(what, "missing %s, misplaced %s" % (missing, misplaced), "exactly the members " + ", ".join(names))
    if extra:
        raise Open(what + ": unknown member, a newer reader may know it", extra[0], ", ".join(names))
    return value


def is_text(what, value):
    if not isinstance(value, str):
        raise Bad(what, value, "a string")
    return value


def is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)


def is_hex(what, value, count):
    if not re.fullmatch("[0-9a-f]{%d}" % (2 * count), is_text(what, value)):
        raise Bad(what, value, "%d lower-case hex digits" % (2 * count))
    return value


def word(what, value, words, reserved=()):
    if is_text(what, value) in words:
        return value
    raise (Open if value in reserved else Bad)(what, value, ", ".join(words))


def unbase64(what, text, url=False):
    """Strict: standard with padding (RFC 4648, 4), or base64url without (5)."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4) if url else text, b"-_" if url else None, validate=True)
    except (binascii.Error, ValueError):
        raise Bad(what, text, "base64") from None
    again = base64.urlsafe_b64encode(raw).rstrip(b"=") if url else base64.b64encode(raw)
    if again != text.encode("ascii", "replace"):
        raise Bad(what, text, "base64 in its one spelling")
    return raw


def civil(what, text, parts):
    y, mo, d, h, mi, s = (int(p) for p in parts)
    days = 29 if mo == 2 and (y % 4 == 0 and (y % 100 != 0 or y % 400 == 0)) else \
        {2: 28, 4: 30, 6: 30, 9: 30, 11: 30}.get(mo, 31)
    if not (1 <= mo <= 12 and 1 <= d <= days and h <= 23 and mi <= 59 and s <= 59 and y >= 1):
        raise Bad(what, text, "a time that exists")
    return calendar.timegm((y, mo, d, h, mi, s)) * US


def instant(what, text):
    """`2026-11-24T03:04:59.123456Z`."""
    m = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{6})Z", is_text(what, text), re.ASCII)
    if not m:
        raise Bad(what, text, "YYYY-MM-DDTHH:MM:SS.ffffffZ")
    return civil(what, text, m.groups()[:6]) + int(m.group(7))


def generalized(what, text):
    """DER GeneralizedTime; digits beyond microseconds are cut."""
    m = re.fullmatch(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{0,17}[1-9]))?Z", is_text(what, text), re.ASCII)
    if not m:
        raise Bad(what, text, "YYYYMMDDHHMMSS[.f]Z without trailing zero")
    return civil(what, text, m.groups()[:6]) + int(((m.group(7) or "") + "000000")[:6])


def iso(us):
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(us // US))
    return whole + (".%06dZ" % (us % US) if us % US else "Z")


# --- statement: spec/statement.md ---------------------------------------------------------------------

WORDS = {"owner_kind": ["individual", "enterprise"], "operator_kind": ["individual", "enterprise"],
         "attested_how": ["documents", "provider"], "confirmed_how": ["link"],
         "earlier_reason": ["restored", "key-lost", "ended"], "purpose": ["own", "other"], "outcome": ["complete", "partial", "blocked"],
         "work_origin": ["self", "employee", "commissioned", "assigned", "supplier", "buyer", "generated"]}


ID, UUID = "[0-9a-f-]{36}", "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
MADE = {"capture": "capture.wacz", "comparison": "comparison.json", "collection": "manifest.jsonl"}
FILED = ["image", "file", "digest"] + list(MADE)
PLATFORM = ["operator", "origin", "attestation", "confirmation"]  # the platform's own word: nothing came from anybody


def parse_statement(value):
    """All rules of version 1; returns received_at."""
    if not isinstance(value, dict):
        raise Bad("statement", value, "an object")
    if value.get("schema") != "quezao/statement/v1":
        raise Open("statement schema: a newer reader may know it", value.get("schema"), "quezao/statement/v1")
    kind = is_text("statement kind", value.get("kind"))
    if kind not in CLAIMS:
        raise Open("statement kind: a newer reader may know it", kind, ", ".join(CLAIMS))
    has_file = kind in FILED
    names = ["schema", "kind", "id", "ledger", "received_at", "clock", "software", "_sd_alg", "claims"]
    names += [] if kind in PLATFORM else ["provenance"]
    names += [] if kind in ("operator", "origin") else ["operator_relation"]
    closed("statement", value, names + (["file"] if has_file else []))
    received = instant("received_at", value["received_at"])
    uuid = is_text("id", value["id"])
    if not re.fullmatch(UUID, uuid):
        raise Bad("id", uuid, "a UUIDv7 in lower case")
    if int(uuid.replace("-", "")[:12], 16) != received // 1000:
        raise Bad("id", uuid, "the milliseconds of received_at " + value["received_at"])
    is_text("ledger", value["ledger"])
    if is_text("_sd_alg", value["_sd_alg"]) != "sha-256":
        raise Open("_sd_alg", value["_sd_alg"], "sha-256")
    clock = value["clock"]
    if not isinstance(clock, dict) or not isinstance(clock.get("checked"), bool):
        raise Bad("clock", clock, '{"checked":true or false}')
    if clock["checked"]:
        closed("clock", clock, ["checked", "source", "offset_us", "at"])
        is_text("clock.source", clock["source"])
        instant("clock.at", clock["at"])
        if not is_int(clock["offset_us"]):
            raise Bad("clock.offset_us", clock["offset_us"], "an integer")
    else:
        closed("clock", clock, ["checked"])
    for name, text in closed("software", value["software"], ["name", "version", "commit"]).items():
        is_text("software." + name, text)
    if kind not in ("operator", "origin"):
        relation = word("operator_relation", value["operator_relation"],
                        ["independent-declared", "same-person", "unknown"])
        if kind == "attestation" and relation == "same-person":
            raise Bad("operator_relation", relation, "an operator who is not the owner")
    if kind not in PLATFORM:
        provenance = word("provenance", value["provenance"], ["user-supplied", "platform-captured", "applicant-operated"],
                          ["applicant-driven-on-platform", "node-captured"])
        if kind in ("order", "capture", "comparison", "collection"):
            expected = "applicant-operated" if relation == "same-person" else "platform-captured"
        else:
            expected = "user-supplied"
        if provenance != expected:
            raise Bad("provenance", provenance, expected + " for kind " + kind)
    if has_file:
        f = closed("file", value["file"], ["sha256", "sm3", "size", "media_type", "custody"])
        is_hex("file.sha256", f["sha256"], 32)
        is_hex("file.sm3", f["sm3"], 32)
        if not is_int(f["size"]) or f["size"] < 1:
            raise Bad("file.size", f["size"], "1 or more bytes")
        media = is_text("file.media_type", f["media_type"])
        made = {"capture": "application/wacz", "comparison": "application/json",
                "collection": "application/jsonl"}.get(kind, media)
        if media != made:
            raise Bad("file.media_type", media, made)
        fits = ["declared"] if kind == "digest" else ["held"] if kind in MADE else ["held", "read"]
        if word("file.custody", f["custody"], ["held", "read", "declared"]) not in fits:
            raise Bad("file.custody", f["custody"], " or ".join(fits) + " for kind " + kind)
    for name, slot in closed("claims", value["claims"], CLAIMS[kind]).items():
        digests = closed("claims." + name, slot, ["_sd"])["_sd"]
        if not isinstance(digests, list) or len(digests) != 1 or not isinstance(digests[0], str) \
                or len(unbase64("claims." + name, digests[0], url=True)) != 32:
            raise Bad("claims." + name, digests, "one SHA-256 in unpadded base64url")
    return received


def check_claim(name, value):
    expected = "null or a string of at most 4096 bytes"
    if name == "beacon" and value is not None:
        raise Open("beacon: reserved, a newer reader may know it", value, "null")
    if value is None:
        return
    if name in WORDS:
        word(name, value, WORDS[name])
        return
    if name == "refs":
        fits, expected = isinstance(value, list) and len(value) <= 16, "null or up to 16 refs"
        for ref in value if fits else []:
            closed("refs", ref, ["ledger", "id", "leaf"])
            is_text("refs.ledger", ref["ledger"])
            is_text("refs.id", ref["id"])
            is_hex("refs.leaf", ref["leaf"], 32)
    elif name in ("operator_filings", "licensee_urls"):
        fits = isinstance(value, list) and len(value) <= 64 and all(isinstance(v, str) for v in value)
        expected = "null or up to 64 strings"
    elif name in ("attempt", "discarded_before"):
        fits, expected = is_int(value) and value >= 0, "null or an integer"
    elif name.endswith("_at") or name in ("licence_from", "licence_until"):
        text = is_text(name, value)
        instant(name, text + "T00:00:00.000000Z" if len(text) == 10 else text)
        fits = True
    else:
        fits = isinstance(value, str) and len(value.encode("utf-8")) <= 4096
    if not fits:
        raise Bad(name, value, expected)


ALWAYS = {"capture": ["refs"], "comparison": ["refs"], "rights": ["refs"],
          "origin": ["earlier_checkpoint", "earlier_key", "earlier_origin"],
          "attestation": ["attested_at", "attested_how", "owner_kind", "owner_name"],
          "licence": ["licence_from", "licensee_name", "refs"], "revocation": ["refs", "revoked_at"],
          "confirmation": ["confirmed_how", "refs"]}


def check_told(statement, opened):
    """What every package of the kind discloses, and what of it must fit together."""
    for name in ALWAYS.get(statement["kind"], []):
        if opened.get(name) in (None, []):
            raise Bad(name, "not disclosed or empty", "a value: every package of kind %s discloses it" % statement["kind"])
    days = {n: opened[n][:10] for n in ("licence_from", "licence_until", "attested_at") if isinstance(opened.get(n), str)}
    if days.get("licence_until", "9") < days.get("licence_from", ""):
        raise Bad("licence_until", days["licence_until"], "no earlier than " + days["licence_from"])
    if statement["kind"] == "attestation":
        latest = iso(instant("received_at", statement["received_at"]) + 24 * 3600 * US)[:10]
        if days["attested_at"] > latest:
            raise Bad("attested_at", days["attested_at"], "at most %s (received_at and a day)" % latest)
        if opened["attested_how"] == "provider" and opened.get("attested_by") is None:
            raise Bad("attested_by", "not disclosed", "the provider's name")


def open_disclosures(what, data, statement):
    """Disclosed claims by name, each held against its one slot."""
    items = parse_json(what, data)
    if not isinstance(items, list):
        raise Bad(what, items, "an array of disclosures")
    opened, before = {}, None
    for item in items:
        encoded = is_text(what, item)
        triple = parse_json(what, unbase64(what, encoded, url=True))
        if not (isinstance(triple, list) and len(triple) == 3 and all(isinstance(t, str) for t in triple[:2])):
            raise Bad(what, triple, "[salt, name, value]")
        salt, name, value = triple
        if not 16 <= len(unbase64(what + " salt", salt, url=True)) <= 64:
            raise Bad(what + " salt", salt, "16 to 64 bytes")
        if before is not None and utf16(before) >= utf16(name):
            raise Bad(what, name + " after " + before, "each claim once, ascending")
        before = name
        if name not in statement["claims"]:
            raise (Bad if name in CLAIM_NAMES else Open)(what, name, "a claim of kind " + statement["kind"])
        digest = base64.urlsafe_b64encode(hashlib.sha256(encoded.encode()).digest()).rstrip(b"=").decode()
        if statement["claims"][name]["_sd"] != [digest]:
            raise Bad(what + ": " + name, digest, statement["claims"][name]["_sd"][0])
        check_claim(name, value)
        opened[name] = value
    return opened


# --- comparison: spec/comparison.md -------------------------------------------------------------------

ALGORITHMS = [{"bits": 256, "name": "dct-256", "version": 1}, {"bits": 512, "name": "gradient-512", "version": 1}]
THRESHOLDS = {"close": {"dct": 48, "gradient": 120},
              "possible": [{"dct": 60, "gradient": 512}, {"dct": 72, "gradient": 120}]}
NOTICE = {"zh": "相似度由算法给出，不是侵权认定；未发现相似不等于不存在。",
          "en": "Similarity by algorithm, not a finding of infringement; no match does not mean absent."}
PARTS = ("whole trimmed inner-95 inner-90 inner-80 square without-top without-bottom without-left "
         "without-right").split()
IMAGE_RESULTS = "compared format broken too-large small flat".split()
NOT_COMPARED = "not-image not-held damaged format broken too-large small flat".split()
NAMED = ["ledger", "id", "leaf", "received_at", "gen_time"]


class Comparison:
    """A document that obeys every rule: `refs`, `named` (ledger, received_at) and `sources` (digests) come from it."""

    def __init__(self, data):
        if len(data) > 8 << 20:
            raise Bad("comparison", "%d bytes" % len(data), "at most 8 MiB")
        value = parse_json("comparison", data)
        schema = value.get("schema") if isinstance(value, dict) else None
        if schema not in ("quezao/comparison/v1", "quezao/comparison/v2"):
            raise Open("comparison schema: a newer reader may know it", schema, "quezao/comparison/v2")
        second = schema == "quezao/comparison/v2"
        m = closed("comparison", value, "schema compared_at capture earlier algorithms thresholds images images_found "
                                        "registered pairs pairs_found differences notice".split()
                   + (["licences", "licences_found"] if second else []))
        if canonical(m["algorithms"]) != canonical(ALGORITHMS):
            raise Open("comparison algorithms: a newer reader may know them", m["algorithms"], ALGORITHMS)
        if canonical(m["thresholds"]) != canonical(THRESHOLDS):
            raise Open("comparison thresholds: a newer reader may know them", m["thresholds"], THRESHOLDS)
        if canonical(m["notice"]) != canonical(NOTICE):
            raise Bad("comparison notice", m["notice"], NOTICE)
        self.named, self.sources, self.compared_at = [], set(), instant("compared_at", m["compared_at"])
        images = [self.image(i) for i in items("comparison images", m["images"], 2000)]
        pairs = items("comparison pairs", m["pairs"], 1000)
        listed("images_found", images, 2000, m["images_found"])
        listed("pairs_found", pairs, 1000, m["pairs_found"])
        self.url, self.refs = self.capture(m["capture"]), [{k: m["capture"][k] for k in NAMED[:3]}]
        if m["registered"] is not None and m["earlier"] is None and m["differences"] is None:
            self.registered(m["registered"])
        elif m["registered"] is None and m["earlier"] is not None and m["differences"] is not None:
            if images or pairs or m["images_found"] or m["pairs_found"]:
                raise Bad("comparison", "images or pairs beside an earlier capture", "none")
            self.capture(m["earlier"])
            self.refs.append({k: m["earlier"][k] for k in NAMED[:3]})
            if self.refs[0] == self.refs[1]:
                raise Bad("comparison earlier", self.refs[1]["id"], "another capture")
            self.differences(m["differences"])
        else:
            raise Bad("comparison", "both, or neither", "either registered images or an earlier capture")
        if len({i["sha256"] for i in images}) != len(images):
            raise Bad("comparison images", "a digest twice", "each digest once")
        ranks = [self.pair(p, images) for p in pairs]
        if any(a >= b for a, b in zip(ranks, ranks[1:])):
            raise Bad("comparison pairs", "a weaker one before a stronger", "the strongest first, none twice")
        if len({r[2:] for r in ranks}) != len(ranks):
            raise Bad("comparison pairs", "an image and a record twice", "once")
        if second:
            licences = items("comparison licences", m["licences"], 64)
            listed("licences_found", licences, 64, m["licences_found"])
            ranks = [self.licence(v, len(pairs), m["capture"]["received_at"]) for v in licences]
            if any(a >= b for a, b in zip(ranks, ranks[1:])):
                raise Bad("comparison licences", "out of order, or twice", "in the order of their records, each once")
        late = [n for n in self.named if n[1] > self.compared_at]
        if late:
            raise Bad("compared_at", m["compared_at"], "at or after %s" % iso(late[0][1]))

    def licence(self, value, pairs, captured):
        """What orders it."""
        more = "licensee from until state place pattern pairs ended".split()
        self.record("comparison licence", value, more, source=False)
        bounded("licensee", value["licensee"])
        from_, until, ended = day("from", value["from"]), value["until"], value["ended"]
        if until is not None and day("until", until) < from_:
            raise Bad("until of a licence", until, "no earlier than " + from_)
        if ended is not None:
            self.record("end of a licence", ended, ["from"], source=False)
            day("from", ended["from"])
            if instant("received_at", ended["received_at"]) < instant("received_at", value["received_at"]) \
                    or [ended[k] for k in NAMED[:3]] == [value[k] for k in NAMED[:3]]:
                raise Bad("end of a licence", ended["id"], "a later record than the licence")
        today = iso(instant("received_at", captured) + 8 * 3600 * US)[:10]
        state = "ended" if ended is not None and ended["from"] <= today else \
            "over" if until is not None and until < today else "valid" if from_ <= today else "coming"
        if bounded("state", value["state"]) != state:
            raise Bad("state of a licence", value["state"], state)
        pattern = bounded("pattern", value["pattern"], optional=True)
        if (word("place", value["place"], ["page", "any", "elsewhere"]) == "page") != (pattern is not None):
            raise Bad("place of a licence", value["place"], "page exactly where a pattern fits")
        places = items("pairs of a licence", value["pairs"], 1000)
        if not all(is_int(p) and 0 <= p < pairs for p in places) or any(a >= b for a, b in zip(places, places[1:])):
            raise Bad("pairs of a licence", places, "places under %d, ascending" % pairs)
        if not places and pattern is None:
            raise Bad("comparison licences", value["id"], "one that speaks of the page or of a pair")
        return (instant("received_at", value["received_at"]), value["id"])

    def record(self, what, value, more, source=True):
        """A named record's members."""
        closed(what, value, NAMED + more)
        received = instant("received_at", value["received_at"])
        if not re.fullmatch(UUID, bounded("id", value["id"])) or int(value["id"].replace("-", "")[:12], 16) != received // 1000:
            raise Bad("id", value["id"], "a UUIDv7 with the milliseconds of received_at " + value["received_at"])
        is_hex("leaf", value["leaf"], 32)
        generalized("gen_time", bounded("gen_time", value["gen_time"]))
        self.named.append((bounded("ledger", value["ledger"]), received))
        if source:
            self.sources.add(is_hex("sha256", value["sha256"], 32))

    def capture(self, value):
        self.record("comparison capture", value, ["sha256", "url"])
        return bounded("url", value["url"], optional=True)

    def image(self, value):
        closed("comparison image", value,
               "url sha256 size media_type width height box occurrences result".split())
        bounded("url", value["url"], optional=True)
        is_hex("sha256", value["sha256"], 32)
        bounded("media_type", value["media_type"])
        for name in ("size", "width", "height", "occurrences"):
            count(name, value[name], 1 if name == "occurrences" else 0)
        if word("image result", value["result"], IMAGE_RESULTS) == "compared" and 0 in (value["width"], value["height"]):
            raise Bad("image size", "%d x %d" % (value["width"], value["height"]), "pixels")
        if value["box"] is not None:
            if len(items("image box", value["box"], 4)) != 4 or not all(is_int(n) for n in value["box"]) \
                    or min(value["box"][2:]) < 0:
                raise Bad("image box", value["box"], "[x,y,w,h], no negative side")
        return value

    def registered(self, value):
        closed("registered", value, ["records", "compared", "not_compared"])
        reasons = closed("not_compared", value["not_compared"], NOT_COMPARED)
        total = count("compared", value["compared"]) + sum(count("not_compared", n) for n in reasons.values())
        if count("records", value["records"]) != total:
            raise Bad("registered records", total, value["records"])

    def pair(self, value, images):
        """What orders it."""
        closed("pair", value, ["image", "record", "similarity", "match"])
        record, match = value["record"], value["match"]
        self.record("pair record", record, ["kind", "sha256"])
        word("kind of a registered record", record["kind"], ["image", "file", "digest"])
        if count("pair image", value["image"]) >= len(images):
            raise Bad("pair image", value["image"], "a place in the list of images")
        image, similarity, score = images[value["image"]], "identical", 0
        if match is not None:
            closed("match", match, ["page_part", "registered_part", "mirrored", "dct", "gradient"])
            page, part, mirrored = (match[k] for k in ("page_part", "registered_part", "mirrored"))
            if not isinstance(mirrored, bool):
                raise Bad("mirrored", mirrored, "true or false")
            bounded("page_part", page), bounded("registered_part", part)
            other = {"without-left": "without-right", "without-right": "without-left"}
            partners = PARTS if page in ("whole", "trimmed") else \
                [other.get(page, page) if mirrored else page] if page.startswith("without-") else []
            if part not in partners or page not in PARTS:
                raise Bad("match", "%s with %s" % (page, part), "a combination of parts")
            dct, gradient = count("dct", match["dct"]), count("gradient", match["gradient"])
            within = [dct <= t["dct"] and gradient <= t["gradient"]
                      for t in [THRESHOLDS["close"]] + THRESHOLDS["possible"]]
            if not any(within) or dct > 256 or gradient > 512:
                raise Bad("match", "dct %d, gradient %d" % (dct, gradient), "within one of the thresholds")
            similarity, score = "close" if within[0] else "possible", 2 * dct + gradient
        if (image["sha256"] == record["sha256"]) != (match is None):
            raise Bad("pair similarity", similarity, "identical exactly where the digests are equal")
        if match is not None and image["result"] != "compared":
            raise Bad("pair image", image["result"], "an image that was compared")
        if bounded("similarity", value["similarity"]) != similarity:
            raise Bad("pair similarity", value["similarity"], similarity)
        ref = {k: record[k] for k in NAMED[:3]}
        if len(self.refs) < 16 and ref not in self.refs:
            self.refs.append(ref)
        return (["identical", "close", "possible"].index(similarity), score, value["image"], record["id"])

    def differences(self, value):
        closed("differences", value, ["text", "images", "facts"])
        if value["text"] is not None:
            self.changes(value["text"], lambda line: bounded("line", line))
        self.changes(value["images"], lambda digest: is_hex("sha256", digest, 32))
        names = []
        for fact in items("facts", value["facts"], 64) if value["facts"] is not None else []:
            closed("fact", fact, ["name", "earlier", "later"])
            names.append(bounded("name", fact["name"]).encode("utf-8"))
            if bounded("earlier", fact["earlier"], optional=True) == bounded("later", fact["later"], optional=True):
                raise Bad("fact", fact["name"], "one that differs")
        if any(a >= b for a, b in zip(names, names[1:])):
            raise Bad("facts", "a name out of order", "each name once, ascending")

    def changes(self, value, check):
        closed("differences", value, ["added", "removed", "added_found", "removed_found", "unchanged"])
        count("unchanged", value["unchanged"])
        for name in ("added", "removed"):
            for item in items(name, value[name], 500):
                check(item)
            listed(name + "_found", value[name], 500, value[name + "_found"])


def day(what, value):
    text = is_text(what, value)
    if len(text) != 10:
        raise Bad(what, text, "a day such as 2026-12-24")
    instant(what, text + "T00:00:00.000000Z")
    return text


def items(what, value, most):
    if not isinstance(value, list) or len(value) > most:
        raise Bad(what, value, "an array of at most %d" % most)
    return value


def listed(what, values, most, found):
    if count(what, found) != len(values) and not (len(values) == most and found > most):
        raise Bad(what, found, "%d, as many as are listed" % len(values))


def count(what, value, least=0):
    if not is_int(value) or value < least:
        raise Bad(what, value, "an integer from %d" % least)
    return value


def bounded(what, value, optional=False):
    if optional and value is None:
        return None
    if len(is_text(what, value).encode("utf-8")) > 2000:
        raise Bad(what, value, "at most 2000 bytes")
    return value


# --- record, Merkle tree, notes, Ed25519: spec/record-and-ledger.md -----------------------------------

def parse_record(what, data):
    """The leaf: returns the object; its statement is checked apart."""
    value = parse_json(what, data)
    if not isinstance(value, dict) or value.get("schema") != "quezao/record/v1":
        found = value.get("schema") if isinstance(value, dict) else value
        raise Open(what + " schema: a newer reader may know it", found, "quezao/record/v1")
    closed(what, value, ["schema", "statement", "timestamps"])
    stamps = value["timestamps"]
    if not isinstance(stamps, list) or not 1 <= len(stamps) <= 4:
        raise Bad(what + " timestamps", stamps, "1 to 4 tokens")
    for stamp in stamps:
        closed(what + " timestamps", stamp, ["gen_time", "token_sha256"])
        generalized("gen_time", stamp["gen_time"])
        is_hex("token_sha256", stamp["token_sha256"], 32)
    return value


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def leaf_hash(data):
    return hashlib.sha256(b"\x00" + data).digest()


def root_from(leaf, index, size, proof):
    """RFC 9162, 2.1.3.2 (the tree of RFC 6962)."""
    if index >= size:
        raise Bad("index", index, "less than the size %d" % size)
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            raise Bad("inclusion proof", "%d hashes" % len(proof), "fewer hashes")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise Bad("inclusion proof", "%d hashes" % len(proof), "more hashes")
    return r


P = 2 ** 255 - 19
L = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def ed_add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    w, x, y, z = f - e, h - g, h + g, f + e
    return (w * x % P, y * z % P, x * y % P, w * z % P)


def ed_mul(n, point):
    out = (0, 1, 1, 0)
    while n:
        if n & 1:
            out = ed_add(out, point)
        point, n = ed_add(point, point), n >> 1
    return out


def ed_decode(raw):
    """A point from its one canonical encoding, or None."""
    y, sign = int.from_bytes(raw, "little") & (2 ** 255 - 1), raw[31] >> 7
    if len(raw) != 32 or y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P != u:
        x = x * SQRT_M1 % P
    if v * x * x % P != u or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P)


def ed_encode(point):
    inv = pow(point[2], P - 2, P)
    x, y = point[0] * inv % P, point[1] * inv % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


ED_BASE = ed_decode(bytes.fromhex("58" + "66" * 31))
ED_IDENTITY = ed_encode((0, 1, 1, 0))


def ed_key(raw):
    """The point of a public key: canonical and not of small order."""
    point = ed_decode(raw) if len(raw) == 32 else None
    if point is None or ed_encode(ed_mul(8, point)) == ED_IDENTITY:
        raise Bad("Ed25519 public key", raw.hex(), "a canonical point, not of small order")
    return point


def ed_verify(key, message, signature):
    """RFC 8032, cofactorless, S < L; comparing encodings makes R canonical."""
    if len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    if s >= L:
        return False
    a = ed_key(key)
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    minus_a = (P - a[0], a[1], 1, P - a[3])
    return ed_encode(ed_add(ed_mul(s, ED_BASE), ed_mul(k, minus_a))) == signature[:32]


def check_name(what, name):
    if not name or "+" in name or any(c.isspace() or ord(c) < 0x20 for c in name):
        raise Bad(what, name, "a name without spaces or plus")
    return name


def key_id(name, kind, key):
    return hashlib.sha256(name.encode("utf-8") + b"\n" + bytes([kind]) + key).digest()[:4]


def parse_vkey(text):
    """(name, id, type, key) of `name+hex(id)+base64(type, key)`."""
    parts = text.split("+", 2)
    if len(parts) != 3 or len(text) > 5000:
        raise Bad("vkey", text, "name+id+key")
    name, kid = check_name("vkey", parts[0]), bytes.fromhex(is_hex("vkey id", parts[1], 4))
    raw = unbase64("vkey", parts[2])
    if not raw:
        raise Bad("vkey", text, "a type and a key")
    kind, key = raw[0], raw[1:]
    if kind in (1, 4):
        ed_key(key)
    elif kind == 6 and len(key) != 1312:
        raise Bad("vkey", "%d bytes" % len(key), "an ML-DSA-44 key of 1312 bytes")
    if kind in (1, 4, 6) and key_id(name, kind, key) != kid:
        raise Bad("vkey id", kid.hex(), key_id(name, kind, key).hex())
    return (name, kid, kind, key)


class Note:
    """A signed checkpoint: signed-note and tlog-checkpoint, at most 16 lines, no line over 5,000 bytes."""

    def __init__(self, what, data):
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as e:
            raise Bad(what, e, "UTF-8") from None
        if any(c < " " and c != "\n" for c in text):
            raise Bad(what, text, "no control characters but the newline")
        body, blank, tail = text.rpartition("\n\n")
        lines = tail[:-1].split("\n")
        if not blank or not tail.endswith("\n") or len(lines) > 16:
            raise Bad(what, tail, "a text, an empty line and 1 to 16 signature lines")
        if any(len(line.encode("utf-8")) > 5000 for line in text.split("\n")):
            raise Bad(what, "a line over 5000 bytes", "shorter lines")
        self.text, self.data, self.lines = body + "\n", data, {}
        for line in lines:
            m = re.fullmatch("\u2014 ([^ ]+) ([^ ]+)", line)
            raw = unbase64(what, m.group(2)) if m else b""
            if len(raw) < 5:
                raise Bad(what, line, "\u2014 name base64(id, signature)")
            who = (check_name(what, m.group(1)), raw[:4])
            if who in self.lines:
                raise Bad(what, line, "one line of each key")
            self.lines[who] = raw[4:]
        parts = body.split("\n")
        if len(parts) != 3 or not parts[0] or not re.fullmatch("0|[1-9][0-9]{0,18}", parts[1]):
            raise Bad(what, body, "origin, size and root, no extension lines")
        self.origin, self.size, self.root = check_name(what, parts[0]), int(parts[1]), unbase64(what, parts[2])
        if len(self.root) != 32 or self.size >= 2 ** 63:
            raise Bad(what, body, "a size below 2^63 and a root of 32 bytes")

    def cosigned(self, key):
        """Time of the cosignature (type 04) by `key`; None without a line or where it cannot be checked here."""
        signature = self.lines.get((key[0], key[1]))
        if signature is None or key[2] != 4:
            return None
        at = int.from_bytes(signature[:8], "big")
        message = "cosignature/v1\ntime %d\n%s" % (at, self.text)
        if len(signature) != 72 or not 0 < at < 2 ** 63 or not ed_verify(key[3], message.encode("utf-8"), signature[8:]):
            raise Bad("cosignature by " + key[0], "does not verify", "a valid signature")
        return at


class Proof:
    """tlog-proof v1 without `extra`."""

    def __init__(self, what, data):
        head, blank, rest = data.partition(b"\n\n")
        lines = head.decode("utf-8", "replace").split("\n")
        m = re.fullmatch("index (0|[1-9][0-9]{0,18})", lines[1]) if len(lines) > 1 else None
        if not blank or lines[0] != "c2sp.org/tlog-proof@v1" or not m or len(lines) > 65 or int(m.group(1)) >= 2 ** 63:
            raise Bad(what, "\n".join(lines[:2]), "c2sp.org/tlog-proof@v1, index N, at most 63 hashes, a checkpoint")
        self.index, self.hashes = int(m.group(1)), [unbase64(what, line) for line in lines[2:]]
        if any(len(h) != 32 for h in self.hashes):
            raise Bad(what, "a hash of another length", "32 bytes")
        self.note = Note(what, rest)


# --- policy and roles: spec/trust-and-verdict.md ------------------------------------------------------

class Policy:
    """tlog-policy; a public key stands on one line; a line that is not understood fails."""

    def __init__(self, what, data):
        self.logs, self.witnesses, self.groups, self.quorum = [], {}, {}, None
        quorums, used = [], set()
        if not data.endswith(b"\n") or any((b < 32 and b not in (9, 10)) or b == 127 for b in data):
            raise Bad(what, "no final newline, or a control character", "lines ending in a newline")
        for line in data[:-1].split(b"\n"):
            items = [i.decode("latin-1") for i in re.split(b"[ \t]+", line) if i]
            if not items or items[0].startswith("#"):
                continue
            wrong = Bad(what, line.decode("utf-8", "replace"), "a line of tlog-policy, each key and name once")
            verb, args = items[0], items[1:]
            if verb == "log" and len(args) in (1, 2):
                self.logs.append(self.key(args[0], (1,), wrong))
            elif verb == "witness" and len(args) in (2, 3):
                key = self.key(args[1], (4, 6), wrong)
                self.define(args[0], wrong)
                self.witnesses[args[0]] = key
            elif verb == "group" and len(args) >= 3:
                name, k, members = args[0], args[1], args[2:]
                if len(set(members)) != len(members) or any(m not in self.witnesses and m not in self.groups or m in used
                                                            for m in members):
                    raise wrong
                used.update(members)
                if not re.fullmatch("all|any|[1-9][0-9]{0,3}", k):
                    raise wrong
                k = {"all": len(members), "any": 1}.get(k) or int(k)
                if k > len(members):
                    raise wrong
                self.define(name, wrong)
                self.groups[name] = (k, members)
            elif verb == "quorum" and len(args) == 1:
                if args[0] != "none" and args[0] not in self.witnesses and args[0] not in self.groups:
                    raise wrong
                quorums.append(args[0])
            else:
                raise wrong
            if max(len(self.logs), len(self.witnesses), len(self.groups)) > 64:
                raise wrong
        if len(quorums) != 1:
            raise Bad(what, "%d quorum lines" % len(quorums), "exactly one")
        self.quorum = quorums[0]

    def key(self, text, kinds, wrong):
        try:
            key = parse_vkey(text.encode("latin-1").decode("utf-8"))
        except UnicodeDecodeError:
            raise wrong from None
        others = self.logs + list(self.witnesses.values())
        if key[2] not in kinds or any(key[3] == o[3] or key[:2] == o[:2] for o in others):
            raise wrong
        return key

    def define(self, name, wrong):
        if name == "none" or name in self.witnesses or name in self.groups:
            raise wrong

    def log_of(self, note):
        keys = [k for k in self.logs if k[0] == note.origin]
        signed = [k for k in keys if k[:2] in note.lines]
        return (signed + keys + [None])[0]

    def evaluate(self, note):
        """(met, {witness name: (key, time)}); a known witness's bad line is a contradiction."""
        good = {}
        for name, key in self.witnesses.items():
            at = note.cosigned(key)
            if at is not None:
                good[name] = (key, at)

        def stands(name):
            if name in self.groups:
                k, members = self.groups[name]
                return sum(stands(m) for m in members) >= k
            return name in good
        return self.quorum == "none" or stands(self.quorum), good


ROLES = ["platform", "owner", "court", "notary", "time-authority", "other"]


def parse_roles(what, data):
    rows = parse_json(what, data, strict=False)
    if not isinstance(rows, list):
        raise Bad(what, rows, "an array")
    for row in rows:
        names = ["key", "role", "name", "independent", "from", "until"]
        if not isinstance(row, dict) or set(row) != set(names) or not isinstance(row["independent"], bool):
            raise Bad(what, row, "exactly " + ", ".join(names))
        key = is_text(what, row["key"])
        if key.startswith("sha256:"):
            is_hex(what, key[7:], 32)
        else:
            parse_vkey(key)
        word(what, row["role"], ROLES)
        is_text(what, row["name"])
        for end in ("from", "until"):
            if row[end] is not None:
                instant(what, row[end])
    return rows


def unpem(what, data):
    m = re.fullmatch(rb"-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=\n]+)-----END CERTIFICATE-----\n", data)
    if not m:
        raise Bad(what, data[:40], "one PEM certificate with LF")
    der = unbase64(what, m.group(1).replace(b"\n", b"").decode())
    return der


def pem(der):
    text = base64.b64encode(der).decode()
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    return ("-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n" % "\n".join(lines)).encode()


class Trust:
    """The reader's folder. Empty without --trust: then nothing can be verified, only contradicted."""

    def __init__(self, folder):
        self.policy, self.roles, self.roots = None, [], []
        if folder is None:
            return
        if not os.path.isdir(folder):
            raise Usage("%s is not a folder" % show(folder))
        try:
            for name in sorted(os.listdir(folder)):
                path = os.path.join(folder, name)
                if name == "policy":
                    self.policy = Policy("trust policy", small(path, 65536))
                elif name == "roles.json":
                    self.roles = parse_roles("trust roles.json", small(path, 1 << 20))
                elif re.fullmatch(r"tsa-.*\.pem", name):
                    self.roots.append(unpem("trust " + name, small(path, 65536).replace(b"\r\n", b"\n")))
        except Bad as e:
            raise Usage("trust folder: %s: found %s; expected %s" % (e.what, e.found, e.expected)) from None

    def role(self, key, at):
        """The line about a vkey or `sha256:` of a certificate that is in force at an instant, or None."""
        for row in self.roles:
            if row["key"].startswith("sha256:") or key.startswith("sha256:"):
                same = row["key"] == key
            else:
                same = parse_vkey(row["key"]) == parse_vkey(key)
            start, end = row["from"], row["until"]
            if same and (start is None or instant("from", start) <= at) and (end is None or at <= instant("until", end)):
                return row
        return None


def vkey_text(key):
    return "%s+%s+%s" % (key[0], key[1].hex(), base64.b64encode(bytes([key[2]]) + key[3]).decode())


def small(path, limit):
    with open(path, "rb") as f:
        data = f.read(limit + 1)
    if len(data) > limit:
        raise Bad(os.path.basename(path), "more than %d bytes" % limit, "at most %d bytes" % limit)
    return data


# --- tokens: spec/tokens.md ---------------------------------------------------------------------------

def der_read(data, at, end):
    """(tag, content start, content end) of one DER element."""
    if at + 2 > end:
        raise Bad("token", "cut short", "DER")
    tag, first, at = data[at], data[at + 1], at + 2
    if tag & 31 == 31:
        raise Bad("token", "a high tag number", "DER of RFC 3161")
    if first < 128:
        size = first
    else:
        n = first & 127
        size = int.from_bytes(data[at:at + n], "big")
        if not 1 <= n <= 4 or at + n > end or size < 128 or size < 1 << (8 * (n - 1)):
            raise Bad("token", "a length that is not DER", "definite, shortest lengths")
        at += n
    if at + size > end:
        raise Bad("token", "cut short", "DER")
    return tag, at, at + size


class Der:
    """One element: tag, content, whole encoding, children."""

    def __init__(self, data, tag=None, what="token"):
        self.tag, start, end = der_read(data, 0, len(data))
        if end != len(data) or (tag is not None and self.tag != tag):
            raise Bad(what, "tag %02x, %d bytes" % (self.tag, len(data)), "one element of tag %02x" % (tag or 0))
        self.raw, self.body, self.what = data, data[start:end], what

    def kids(self):
        out, at = [], 0
        while at < len(self.body):
            _, _, end = der_read(self.body, at, len(self.body))
            out.append(Der(self.body[at:end], what=self.what))
            at = end
        return out

    def want(self, tag):
        if self.tag != tag:
            raise Bad(self.what, "tag %02x" % self.tag, "tag %02x" % tag)
        return self

    def integer(self):
        b = self.want(2).body
        if not b or (len(b) > 1 and (b[0] == 0 and b[1] < 128 or b[0] == 255 and b[1] >= 128)):
            raise Bad(self.what, b.hex(), "a DER integer")
        return int.from_bytes(b, "big", signed=True)

    def oid(self):
        b, arcs, n = self.want(6).body, [], 0
        if not b or b[-1] & 128:
            raise Bad(self.what, b.hex(), "an object identifier")
        for i, c in enumerate(b):
            if n == 0 and c == 128:
                raise Bad(self.what, b.hex(), "an object identifier in DER")
            n = n << 7 | c & 127
            if not c & 128:
                arcs, n = arcs + ([min(n // 40, 2), n - 40 * min(n // 40, 2)] if not arcs else [n]), 0
        return ".".join(map(str, arcs))


def pick(kids, tag):
    """Takes the next child if it has this tag (optional fields, in order)."""
    return kids.pop(0) if kids and kids[0].tag == tag else None


HASHES = {"2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384", "2.16.840.1.101.3.4.2.3": "sha512"}
SM3_OID, SHA1_OID = "1.2.156.10197.1.401", "1.3.14.3.2.26"
SIGNATURES = {"1.2.840.10045.4.3.2": "sha256", "1.2.840.10045.4.3.3": "sha384", "1.2.840.10045.4.3.4": "sha512",
              "1.2.840.113549.1.1.11": "sha256", "1.2.840.113549.1.1.12": "sha384", "1.2.840.113549.1.1.13": "sha512",
              "1.2.840.113549.1.1.1": None, "1.2.840.113549.1.1.10": "pss"}
TST, SIGNED, TIMESTAMPING = "1.2.840.113549.1.9.16.1.4", "1.2.840.113549.1.7.2", "1.3.6.1.5.5.7.3.8"


def algorithm(der):
    """(oid, parameters or None) of an AlgorithmIdentifier."""
    kids = der.want(0x30).kids()
    if not 1 <= len(kids) <= 2:
        raise Bad(der.what, "%d fields" % len(kids), "an AlgorithmIdentifier")
    return kids[0].oid(), kids[1] if len(kids) == 2 else None


def hash_name(der, also=()):
    oid, params = algorithm(der)
    if params is not None and params.raw != b"\x05\x00":
        raise Bad(der.what, params.raw.hex(), "no parameters, or NULL")
    if oid in also:
        return "sm3" if oid == SM3_OID else "sha1"
    if oid not in HASHES:
        raise Open("token: digest algorithm, a newer reader may know it", oid, "SHA-256, SHA-384, SHA-512")
    return HASHES[oid]


class Certificate:
    def __init__(self, raw):
        self.raw, self.sha256 = raw, hashlib.sha256(raw).hexdigest()
        tbs = Der(raw, 0x30, "certificate").kids()[0].want(0x30).kids()
        pick(tbs, 0xA0)
        if len(tbs) < 6:
            raise Bad("certificate", "%d fields" % len(tbs), "X.509")
        self.serial, self.issuer, self.subject, self.key = tbs[0].body, tbs[2].raw, tbs[4].raw, tbs[5]
        self.start, self.end = [self.moment(t) for t in tbs[3].want(0x30).kids()]
        self.extensions = {}
        for field in tbs[6:]:
            for ext in field.kids()[0].kids() if field.tag == 0xA3 else []:
                parts = ext.kids()
                critical = len(parts) == 3 and parts[1].want(1).body == b"\xff"
                if parts[0].oid() in self.extensions:
                    raise Bad("certificate", parts[0].oid(), "each extension once")
                self.extensions[parts[0].oid()] = (critical, parts[-1].want(4).body)

    @staticmethod
    def moment(der):
        text = der.body.decode("ascii", "replace")
        if der.tag == 0x17:
            text = ("19" if text[:2] >= "50" else "20") + text
        return generalized("certificate validity", text)


class Token:
    """A `.tsr` in the form that spec/tokens.md asks of it. Nothing is verified yet."""

    renewal, number, lists = 0, 0, ()

    def __init__(self, what, data):
        self.data = data
        try:
            self.read(what, data)
        except HOSTILE as e:
            raise Bad(what, e, "a token") from None

    def read(self, what, data):
        top = Der(data, 0x30, what).kids()
        if len(top) != 2 or top[0].raw != bytes.fromhex("3003020100"):
            raise Bad(what, data[:16].hex(), "SEQUENCE{SEQUENCE{INTEGER 0}, token}")
        self.token = top[1].raw
        content = top[1].want(0x30).kids()
        if len(content) != 2 or content[0].oid() != SIGNED or len(content[1].want(0xA0).kids()) != 1:
            raise Bad(what, "another content", "CMS SignedData")
        signed = content[1].kids()[0].want(0x30).kids()
        version, digests, encap = signed[0].integer(), signed[1].want(0x31).kids(), signed[2].want(0x30).kids()
        rest = signed[3:]
        certs, crls = pick(rest, 0xA0), pick(rest, 0xA1)
        infos = rest[0].want(0x31).kids() if len(rest) == 1 else []
        if version != 3 or len(digests) != 1 or len(infos) != 1 or certs is None:
            raise Bad(what, "version %d, %d digest algorithms, %d signers" % (version, len(digests), len(infos)),
                      "version 3, one digest algorithm, certificates, one signer")
        if len(encap) != 2 or encap[0].oid() != TST or len(encap[1].want(0xA0).kids()) != 1:
            raise Bad(what, "another content type", "TSTInfo")
        tst = encap[1].kids()[0].want(4).body
        self.read_tst(what, tst)
        self.read_signer(what, infos[0].want(0x30).kids(), digests[0], certs, tst)

    def read_tst(self, what, raw):
        kids = Der(raw, 0x30, what).kids()
        if len(kids) < 5 or kids[0].integer() != 1:
            raise Bad(what, "another TSTInfo", "version 1")
        self.policy = kids[1].oid()
        imprint = kids[2].want(0x30).kids()
        self.hash, self.imprint = hash_name(imprint[0], also=(SM3_OID,)), imprint[1].want(4).body
        size = 32 if self.hash == "sm3" else hashlib.new(self.hash).digest_size
        if len(imprint) != 2 or len(self.imprint) != size:
            raise Bad(what + " imprint", "%d bytes" % len(self.imprint), "%d bytes of %s" % (size, self.hash))
        kids[3].integer()
        self.time_text = kids[4].want(0x18).body.decode("ascii", "replace")
        self.time, self.accuracy = generalized(what + " genTime", self.time_text), 0
        rest = kids[5:]
        accuracy = pick(rest, 0x30)
        if accuracy is not None:
            parts = accuracy.kids()
            for tag, unit in ((2, US), (0x80, 1000), (0x81, 1)):
                part = pick(parts, tag)
                if part is not None:
                    value = Der(b"\x02" + part.raw[1:], 2, what).integer()
                    if value < 0 or (unit < US and not 1 <= value <= 999):
                        raise Bad(what + " accuracy", value, "seconds, millis and micros of RFC 3161")
                    self.accuracy += value * unit
            if parts:
                raise Bad(what + " accuracy", "more fields", "seconds, millis, micros")
        if self.accuracy > 60 * US:
            raise Bad(what + " accuracy", "%d s" % (self.accuracy // US), "at most 60 s")
        ordering = pick(rest, 1)
        nonce, tsa, extensions = pick(rest, 2), pick(rest, 0xA0), pick(rest, 0xA1)
        if rest or (ordering is not None and ordering.body != b"\xff"):
            raise Bad(what, "TSTInfo with other fields", "the fields of RFC 3161 in DER")
        if nonce is not None:
            nonce.integer()
        for ext in extensions.kids() if extensions is not None else []:
            if len(ext.kids()) == 3:
                raise Open(what + ": a critical extension", ext.kids()[0].oid(), "none")

    def read_signer(self, what, kids, digest_alg, certs, tst):
        if len(kids) not in (6, 7) or kids[0].integer() != 1:
            raise Bad(what, "another SignerInfo", "version 1 with signed attributes")
        if len(kids) == 7:
            raise Bad(what, "unsigned attributes", "none")
        digest, outer = hash_name(kids[2]), hash_name(digest_alg)
        if digest != outer:
            raise Bad(what + " digestAlgorithms", outer, digest)
        attrs, raws = {}, [a.raw for a in kids[3].want(0xA0).kids()]
        if raws != sorted(raws):
            raise Bad(what, "signed attributes out of order", "DER")
        for attr in kids[3].kids():
            kind, values = attr.want(0x30).kids()
            if kind.oid() in attrs or len(values.want(0x31).kids()) != 1:
                raise Bad(what, "signed attribute " + kind.oid(), "each once, with one value")
            attrs[kind.oid()] = values.kids()[0]
        if "1.2.840.113549.1.9.3" not in attrs or attrs["1.2.840.113549.1.9.3"].oid() != TST:
            raise Bad(what, "contentType", "TSTInfo")
        if "1.2.840.113549.1.9.4" not in attrs or \
                attrs["1.2.840.113549.1.9.4"].want(4).body != hashlib.new(digest, tst).digest():
            raise Bad(what + " messageDigest", "another digest", digest + " of TSTInfo")
        oid, params = algorithm(kids[4])
        if oid not in SIGNATURES:
            raise Open("token: signature algorithm, a newer reader may know it", oid, "ECDSA, RSA, RSA-PSS")
        if oid.startswith("1.2.840.10045.") and params is not None:
            raise Bad(what + " signature algorithm", "parameters", "none with ECDSA")
        with_hash = SIGNATURES[oid]
        if with_hash == "pss":
            hashes = [hash_name(f.kids()[0]) for f in (params.kids() if params is not None else []) if f.tag == 0xA0]
            with_hash = hashes[0] if hashes else "sha1"
        if with_hash not in (None, digest):
            raise Bad(what + " signature algorithm", with_hash, digest)
        kids[5].want(4)
        issuer = kids[1].want(0x30).kids()
        if len(certs.kids()) > 16:
            raise Bad(what, "%d certificates" % len(certs.kids()), "at most 16")
        self.inside = [Certificate(c.raw) for c in certs.kids()]
        if [c.raw for c in self.inside] != sorted(c.raw for c in self.inside):
            raise Bad(what, "certificates out of order", "DER")
        mine = [c for c in self.inside
                if c.issuer == issuer[0].raw and c.serial == issuer[1].want(2).body]
        if len(mine) != 1:
            raise Bad(what, "%d certificates of the signer" % len(mine), "the signer's certificate")
        self.cert = mine[0]
        self.limited = self.check_binding(what, attrs)
        self.check_key(what)
        usage = self.cert.extensions.get("2.5.29.37")
        purposes = [k.oid() for k in Der(usage[1], 0x30, what).kids()] if usage else []
        if not usage or not usage[0] or purposes != [TIMESTAMPING]:
            raise Bad(what + " extended key usage", purposes, "timeStamping, critical and alone")
        bits = self.cert.extensions.get("2.5.29.15")
        if bits is not None:
            body = Der(bits[1], 3, what).body
            if len(body) < 2 or not body[1] & 0xC0:
                raise Bad(what + " key usage", body.hex(), "digitalSignature or nonRepudiation")
        if not self.cert.start <= self.time <= self.cert.end:
            raise Bad(what + " genTime", iso(self.time), "%s to %s" % (iso(self.cert.start), iso(self.cert.end)))

    def check_binding(self, what, attrs):
        """ESSCertIDv2, or ESSCertID (SHA-1), which is limited."""
        v2, v1 = attrs.get("1.2.840.113549.1.9.16.2.47"), attrs.get("1.2.840.113549.1.9.16.2.12")
        if v2 is None and v1 is None:
            raise Bad(what, "no signing-certificate attribute", "ESSCertIDv2")
        for attr, name in ((v2, "sha256"), (v1, "sha1")):
            if attr is None:
                continue
            ess = attr.want(0x30).kids()[0].want(0x30).kids()[0].want(0x30).kids()
            if name == "sha256" and ess[0].tag == 0x30:
                if algorithm(ess[0]) == ("2.16.840.1.101.3.4.2.1", None):
                    raise Bad(what + " signing certificate", "SHA-256 spelled out", "DER, which leaves the default out")
                name = hash_name(ess.pop(0))
            if ess[0].want(4).body != hashlib.new(name, self.cert.raw).digest():
                raise Bad(what + " signing certificate", ess[0].body.hex(), "the signer's certificate")
            if len(ess) > 1:
                names, serial = ess[1].want(0x30).kids()
                if [(n.tag, n.body) for n in names.kids()] != [(0xA4, self.cert.issuer)] or serial.want(2).body != self.cert.serial:
                    raise Bad(what + " signing certificate", serial.body.hex(), "issuer and serial of the signer's certificate")
        return v2 is None

    def check_key(self, what):
        """P-256, P-384, or RSA of 2,048 to 8,192 bits."""
        kind, params = algorithm(self.cert.key.kids()[0])
        if kind == "1.2.840.10045.2.1":
            curve = params.oid() if params is not None else None
            if curve not in ("1.2.840.10045.3.1.7", "1.3.132.0.34"):
                raise Open(what + ": curve, a newer reader may know it", curve, "P-256, P-384")
        elif kind == "1.2.840.113549.1.1.1":
            bits = Der(self.cert.key.kids()[1].want(3).body[1:], 0x30, what).kids()[0].integer().bit_length()
            if not 2048 <= bits <= 8192:
                raise Bad(what + " RSA key", "%d bits" % bits, "2048 to 8192")
        else:
            raise Open(what + ": public key, a newer reader may know it", kind, "ECDSA, RSA")

    def check_imprint(self, what, data):
        found = sm3(data) if self.hash == "sm3" else hashlib.new(self.hash, data).digest()
        if found != self.imprint:
            raise Bad(what + " imprint", self.imprint.hex(), found.hex())


def openssl(*args, feed=None, errors=False):
    """(exit code, stdout, with `errors` stderr too). An argument list, never a shell; the system's roots are nobody's."""
    env = dict(os.environ, OPENSSL_CONF=os.devnull, SSL_CERT_DIR=os.devnull, SSL_CERT_FILE=os.devnull, LC_ALL="C")
    done = subprocess.run(["openssl", *args], input=feed, stdin=None if feed is not None else subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT if errors else subprocess.DEVNULL, env=env,
                          timeout=120, check=False)
    return done.returncode, done.stdout


def sm3(data):
    code, out = openssl("dgst", "-sm3", "-binary", feed=data)
    if code or len(out) != 32:
        raise Open("SM3", "this openssl has no SM3", "openssl 1.1.1 or newer")
    return out


class Stamp:
    """A token over some bytes, verified: `root` is the reader's root it chains to, or None."""

    def __init__(self, what, tsr, data, trust, scratch, read=None):
        self.token = read or Token(what, tsr)
        self.token.check_imprint(what, data)
        token = os.path.join(scratch, "token")
        with open(token, "wb") as f:
            f.write(self.token.token)
        code, _ = openssl("cms", "-verify", "-noverify", "-binary", "-inform", "DER", "-in", token, "-out", os.devnull)
        if code:
            raise Bad(what + " signature", "does not verify", "a signature by the token's certificate")
        self.root, self.role, refused = None, None, None
        chain = os.path.join(scratch, "chain")
        with open(chain, "wb") as f:
            f.write(b"".join(pem(c.raw) for c in self.token.inside))
        for root in trust.roots:
            reason = self.refusal(root, chain, scratch)
            if reason is None:
                self.root = root
                break
            refused = refused or reason
        if self.root is None and refused:
            raise Bad(what + " path", refused, "a path to the reader's root that is valid at genTime")
        if self.root is not None:
            self.check_others(what, trust, scratch)
        if self.root is not None:
            keys = ["sha256:" + self.token.cert.sha256, "sha256:" + hashlib.sha256(self.root).hexdigest()]
            lines = [trust.role(k, self.token.time) for k in keys]
            self.role = lines[0] or lines[1]

    def refusal(self, root, chain, scratch):
        """None if there is a path to this root; "" if there is none; else why it is not valid."""
        paths = self.write_pems(scratch, root=root, leaf=self.token.cert.raw)
        code, out = openssl("verify", "-no-CApath", "-CAfile", paths["root"], "-untrusted", chain, "-purpose", "timestampsign",
                            "-attime", str(self.token.time // US), paths["leaf"], errors=True)
        found = re.search(rb"error (\d+) at \d+ depth lookup: *([ -~]*)", out)
        if code == 0:
            return None
        # No issuer, or only one of another key: a path to another root, not a bad one.
        return "" if found is None or int(found.group(1)) in (2, 18, 19, 20, 21, 29, 30) else found.group(2).decode("ascii")

    @staticmethod
    def write_pems(scratch, **certificates):
        paths = {name: os.path.join(scratch, name) for name in certificates}
        for name, der in certificates.items():
            with open(paths[name], "wb") as f:
                f.write(pem(der))
        return paths

    def check_others(self, what, trust, scratch):
        """Every other certificate inside is one of the reader's roots, or signed by one inside or by one of those."""
        known = self.token.inside + [Certificate(r) for r in trust.roots]
        for one in self.token.inside:
            if one is self.token.cert or one.raw in trust.roots:
                continue
            issuers = [c for c in known if c.subject == one.issuer]
            if not issuers:
                raise Open(what + ": the issuer of another certificate inside", one.sha256[:16], "its certificate")
            for issuer in issuers:
                paths = self.write_pems(scratch, root=issuer.raw, leaf=one.raw)
                if openssl("verify", "-no-CApath", "-no_check_time", "-partial_chain", "-check_ss_sig", "-trusted", paths["root"],
                           paths["leaf"])[0] == 0:
                    break
            else:
                raise Bad(what, "another certificate inside: its signature does not verify", "a valid signature")

    @property
    def independent(self):
        return bool(self.role and self.role["independent"] and self.role["role"] not in ("platform", "owner"))

    @property
    def authority(self):
        return self.role["name"] if self.role else "sha256:" + self.token.cert.sha256[:16]


# --- package and folder: spec/package.md --------------------------------------------------------------

MAX_ENTRIES, MAX_RELATED, MAX_NAME, MAX_RESERVED = 256, 24, 128, 16 << 20
LIMITS = [(r"statement\.json", 60000), (r"(operator-|related-(named-)?\d\d-|%s\.)?record\.json" % ID, 65535), (r".*\.tsr", 65536),
          (r".*proof\.tlog-proof", 131072), (r".*checkpoint\.txt", 98304), (r"renewal-\d\d\.txt", 262144),
          (r"(operator-|related-(named-)?\d\d-|%s\.)?disclosure\.json|package\.json|VERIFY\.txt|verify\.py|trust-roles\.json" % ID, 1 << 20),
          (r"related-\d\d-covered\.json", 4096), (r"(related-named-\d\d-)?manifest\.jsonl", 512000), (r"items\.zip", 32 << 20),
          (r"trust-policy|trust-.*\.pem", 65536), (r"comparison\.json", 8 << 20), (r"trust-.*\.crl", 16 << 20)]
NEEDED = ["statement.json", "timestamp-1.tsr", "record.json", "proof.tlog-proof", "checkpoint.txt", "disclosure.json",
          "trust-policy", "trust-roles.json", "VERIFY.txt", "verify.py"]
OPERATOR = ["operator-record.json", "operator-disclosure.json", "operator-proof.tlog-proof"]
ORDERED = [(1, r"package\.json"), (2, r"statement\.json"), (3, r"timestamp-[1-4]\.tsr"), (4, r"record\.json"),
           (5, r"proof\.tlog-proof"), (6, r"checkpoint\.txt"), (7, r"checkpoint\.tsr"), (8, r"checkpoint-[2-9]\.tsr"),
           (9, r"disclosure\.json"), (10, r"operator-record\.json"), (11, r"operator-disclosure\.json"),
           (12, r"operator-proof\.tlog-proof"),
           (13, r"later-\d\d-(proof\.tlog-proof|checkpoint\.(txt|tsr))|renewal-\d\d\.(txt|tsr)"),
           (14, r"trust-policy"), (15, r"trust-roles\.json"), (16, r"trust-tsa-[0-9a-f]{16}\.pem"),
           (17, r"trust-signer-[0-9a-f]{16}\.pem"), (18, r"trust-revocation-[0-9a-f]{16}\.crl"), (19, r"VERIFY\.txt"),
           (20, r"verify\.py"), (21, r"capture\.wacz"), (22, r"comparison\.json"), (23, r"manifest\.jsonl"),
           (25, r"related-(?!00)\d\d-(checkpoint\.(tsr|txt)|covered\.json|disclosure\.json|proof\.tlog-proof|record\.json|timestamp-[1-4]\.tsr)"),
           (24, r"(anchor|attestation|related)-[a-z0-9.-]+|items\.zip"), (26, r"certificate\.pdf")]
RELATED = ["checkpoint.tsr", "checkpoint.txt", "disclosure.json", "proof.tlog-proof", "record.json", "timestamp-1.tsr"]


NAMED_ENTRY = r"related-named-(?!00)(\d\d)-(record\.json|disclosure\.json|manifest\.jsonl)"


def rank(name):
    for number, pattern in ORDERED:
        if re.fullmatch(pattern, name):
            return number if len(name) <= MAX_NAME else None
    return None


def is_reserved(name):
    return rank(name) == 24 and name != "items.zip" and not re.fullmatch(NAMED_ENTRY, name)


def limit_of(name):
    for pattern, limit in LIMITS if not is_reserved(name) else []:
        if re.fullmatch(pattern, name):
            return limit
    return None  # a large entry: digested, not kept


def digest_stream(read, size, with_sm3):
    """(sha256, sm3 or None, crc, bytes read) of up to `size` bytes (None: all), in chunks."""
    sha, crc, count, process, sm = hashlib.sha256(), 0, 0, None, None
    if with_sm3:
        process = subprocess.Popen(["openssl", "dgst", "-sm3", "-binary"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        while size is None or count < size:
            chunk = read(min(1 << 20, 1 << 20 if size is None else size - count))
            if not chunk:
                break
            sha.update(chunk)
            crc, count = zlib.crc32(chunk, crc), count + len(chunk)
            if process:
                try:
                    process.stdin.write(chunk)
                except OSError:
                    pass  # its exit code tells
    finally:
        if process:
            sm = process.communicate()[0].hex() if not process.stdin.closed else None
    if process and (process.returncode or len(sm or "") != 64):
        raise Open("SM3", "this openssl has no SM3", "openssl 1.1.1 or newer")
    return sha.hexdigest(), sm, crc, count


class Entry:
    def __init__(self, name, size, read):
        limit = limit_of(name)
        self.name, self.size, self.data, self.sm3 = name, size, None, None
        most = MAX_RESERVED if is_reserved(name) else limit
        if most is not None and size > most:
            raise Bad(name, "%d bytes" % size, "at most %d bytes" % most)
        if limit is not None:
            self.data = read(size)
            self.sha256, self.crc, count = hashlib.sha256(self.data).hexdigest(), zlib.crc32(self.data), len(self.data)
        else:
            self.sha256, self.sm3, self.crc, count = digest_stream(read, size, name == "capture.wacz")
        if count != size:
            raise Bad(name, "%d bytes" % count, "%d bytes" % size)


def read_package(path):
    """Entries of the one ZIP that these entries have: it is written again, header by header, and compared."""
    total = os.stat(path).st_size
    if total >= 2 ** 32:
        raise Bad("package", "%d bytes" % total, "under 4 GiB")
    with open(path, "rb") as f:
        entries = read_zip("package", f, MAX_ENTRIES, lambda name: rank(name) is not None)
    check_order([e.name for e in entries])
    return entries


def read_zip(what, f, most, known):
    """The entries of a ZIP in the package's encoding, in their order."""
    entries, central = [], b""
    while True:
        at, head = f.tell(), f.read(30)
        if head[:4] != b"PK\x03\x04":
            break
        if len(head) < 30 or len(entries) >= most:
            raise Bad(what, "cut short, or too many entries", "a ZIP of at most %d entries" % most)
        crc, packed, size, name_size = struct.unpack("<IIIH", head[14:28])
        name = f.read(min(name_size, MAX_NAME + 1)).decode("ascii", "replace")
        if not known(name):
            raise Bad(what + " entry", name, "a name of the specification")
        entry = Entry(name, size, f.read)
        fields = struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 0x21, entry.crc, size, size, len(name), 0)
        if head != b"PK\x03\x04" + fields:
            raise Bad(what + " entry " + name, head.hex(), (b"PK\x03\x04" + fields).hex())
        central += b"PK\x01\x02" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, at) + name.encode()
        entries.append(entry)
    f.seek(at)
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, len(entries), len(entries), len(central), at, 0)
    if f.read(len(central) + 23) != central + end:
        raise Bad(what + " directory", "other bytes", "the one directory of these entries, and nothing after")
    return entries


# --- collection: spec/collection.md -------------------------------------------------------------------

LINE = ["id", "index", "record_sha256", "sha256", "size", "sm3"]
# Claims that record and collection both disclose with one value; the first two are made.
# Which records a record may carry along, what is said of them, and whose word that is.
CARRIED = {"rights": ["image", "file", "digest"], "revocation": ["licence"], "confirmation": ["licence"],
           "attestation": [kind for kind in CLAIMS if kind not in ("operator", "origin", "attestation")]}
SAID = {"rights": RIGHTS, "revocation": ["revoked_at", "revoked_reason"], "confirmation": ["confirmed_by", "confirmed_how"],
        "attestation": ["owner_name", "attested_at", "attested_by", "attested_how", "attested_note"]}
WHOSE = {"rights": ("同一存证主体后来又声明", "The same owner claimed later"),
         "revocation": ("同一存证主体终止了许可", "The same owner ended the licence"),
         "confirmation": ("平台记录了被许可方的确认", "The platform recorded a confirmation by the licensee"),
         "attestation": ("平台记录了存证主体身份的核实", "The platform recorded that the owner's name was established")}
SAME_OWNER = ["owner_kind", "owner_name", "owner_code", "owner_id_masked"]


def parse_manifest(data):
    """The lines of `manifest.jsonl`, ascending by index."""
    what, rows = "manifest.jsonl", data[:-1].split(b"\n")
    if not data.endswith(b"\n") or len(rows) > 1000 or any(len(row) > 511 for row in rows):
        raise Bad(what, "%d lines" % len(rows), "1 to 1000 lines of at most 512 bytes, each ending with LF")
    lines = [closed(what, parse_json(what, row), LINE) for row in rows]
    for line, before in zip(lines, [{"index": 0}] + lines):
        if not re.fullmatch(UUID, is_text("id", line["id"])):
            raise Bad("id", line["id"], "a UUIDv7 in lower case")
        for name in ("record_sha256", "sha256", "sm3"):
            is_hex(name, line[name], 32)
        if count("size", line["size"], 1) and count("index", line["index"], 1) <= before["index"]:
            raise Bad(what, "index %d after %d" % (line["index"], before["index"]), "lines ascending by index")
    if len({line["id"] for line in lines}) != len(lines):
        raise Bad(what, "a record twice", "each record once")
    return lines


def read_items(data, lines):
    """Of each line its record, tokens, proof and disclosure; every entry at its place."""
    what = "items.zip"
    entries = read_zip(what, io.BytesIO(data), 7000,
                       lambda name: re.fullmatch(ID + r"\.(record\.json|timestamp-[1-4]\.tsr|proof\.tlog-proof|disclosure\.json)", name))
    items = []
    for line in lines:
        row = [e for e in entries[:7] if e.name.startswith(line["id"] + ".")]
        tokens = len(row) - 3
        names = ["record.json"] + ["timestamp-%d.tsr" % n for n in range(1, tokens + 1)] + ["proof.tlog-proof", "disclosure.json"]
        if tokens < 1 or [e.name for e in entries[:len(row)]] != [line["id"] + "." + n for n in names]:
            raise Bad(what, [e.name for e in entries[:7]], "the entries of %s, all of them, in order" % line["id"])
        items.append((row[0].data, [e.data for e in row[1:-2]], row[-2].data, row[-1].data))
        entries = entries[len(row):]
    if entries:
        raise Bad(what, entries[0].name, "no entry after the last line's")
    return items


def check_order(names):
    if len(set(names)) != len(names):
        raise Bad("package", "a name stands twice", "each name once")
    ranks = [rank(n) for n in names]
    for a, b, x, y in zip(ranks, ranks[1:], names, names[1:]):
        if a > b or (a == b and a not in (13, 24) and x >= y):
            raise Bad("package order", "%s after %s" % (y, x), "the order of spec/package.md")
    group, later, renewal = [n for n in names if rank(n) == 13], 1, 1
    while group:
        if group[0].startswith("later"):
            want = ["later-%02d-%s" % (later, s) for s in ("proof.tlog-proof", "checkpoint.txt", "checkpoint.tsr")]
            later += 1
        else:
            want = ["renewal-%02d.%s" % (renewal, s) for s in ("txt", "tsr")]
            renewal += 1
        if group[:len(want)] != want:
            raise Bad("package order", group[:len(want)], want)
        group = group[len(want):]


def read_folder(path):
    """Entries by name; other files are left alone. Order is checked only where package.json tells it."""
    entries = []
    for name in sorted(os.listdir(path), key=lambda n: (rank(n) or 0, n)):
        full = os.path.join(path, name)
        if rank(name) is not None and stat.S_ISREG(os.stat(full).st_mode):
            if len(entries) == MAX_ENTRIES:
                raise Bad("folder", "more than %d entries" % MAX_ENTRIES, "at most %d entries" % MAX_ENTRIES)
            with open(full, "rb") as f:
                entries.append(Entry(name, os.fstat(f.fileno()).st_size, f.read))
    return entries


def check_entries(entries, is_folder):
    """Presence, counters and package.json; returns entries by name and whether the order is known."""
    by_name, ordered = {e.name: e for e in entries}, not is_folder
    listing = by_name.get("package.json")
    if listing is not None:
        value = parse_json("package.json", listing.data)
        if not isinstance(value, dict) or value.get("schema") != "quezao/package/v1":
            raise Open("package schema: a newer reader may know it", show(value)[:60], "quezao/package/v1")
        closed("package.json", value, ["schema", "files"])
        files = value["files"] if isinstance(value["files"], list) else [None]
        for row in files:
            closed("package.json", row, ["name", "sha256", "size"])
            if rank(is_text("package.json", row["name"])) in (None, 1):
                raise Bad("package.json", row["name"], "a name of spec/package.md")
        found = [{"name": e.name, "sha256": e.sha256, "size": e.size} for e in entries if e.name != "package.json"]
        if is_folder:
            names = [row["name"] for row in files]
            check_order(["package.json"] + names)
            position = {n: i for i, n in enumerate(names)}
            found.sort(key=lambda row: position.get(row["name"], len(names)))
            by_name = {n: by_name[n] for n in ["package.json"] + names if n in by_name}
            ordered = True
        for a, b in zip(files + [None] * len(found), found + [None] * len(files)):
            if canonical(a) != canonical(b):
                raise Bad("package.json", a, b)
    elif not is_folder:
        raise Bad("package", "package.json is absent", "package.json")
    missing = [n for n in NEEDED if n not in by_name]
    if missing:
        raise Bad("package", "absent: " + ", ".join(missing), "every entry that is always present")
    if 0 < sum(n in by_name for n in OPERATOR) < 3:
        raise Bad("package", "some of the three operator entries", "all three")
    seals = ["checkpoint.tsr"] + ["checkpoint-%d.tsr" % n for n in range(2, 10)]
    for series in (seals, ["timestamp-%d.tsr" % n for n in range(1, 5)],
                   ["later-%02d-checkpoint.txt" % n for n in range(1, 100)],
                   ["renewal-%02d.txt" % n for n in range(1, 100)]):
        present = [n in by_name for n in series]
        if present != sorted(present, reverse=True):
            raise Bad("package", "a gap in " + series[0], "counters without a gap")
    numbers = sorted({n[8:10] for n in by_name if rank(n) == 25})
    if numbers != ["%02d" % n for n in range(1, len(numbers) + 1)]:
        raise Bad("package", "related-" + ", ".join(numbers), "counters without a gap")
    if len(numbers) > MAX_RELATED:
        raise Bad("package", "%d later records" % len(numbers), "at most %d" % MAX_RELATED)
    for number in numbers:
        lacking = [p for p in RELATED if "related-%s-%s" % (number, p) not in by_name]
        tokens = ["related-%s-timestamp-%d.tsr" % (number, n) in by_name for n in range(1, 5)]
        if lacking or tokens != sorted(tokens, reverse=True):
            raise Bad("package", "related-%s lacks %s" % (number, lacking), "all parts of a later record")
    if is_folder and not ordered:
        for n in by_name:
            m = re.fullmatch(r"(later-\d\d)-.*|(renewal-\d\d)\..*", n)
            parts = ("-proof.tlog-proof", "-checkpoint.txt", "-checkpoint.tsr") if m and m.group(1) else (".txt", ".tsr")
            if m and not all((m.group(1) or m.group(2)) + p in by_name for p in parts):
                raise Bad("package", "not all files of " + (m.group(1) or m.group(2)), ", ".join(parts))
    Policy("trust-policy", by_name["trust-policy"].data)
    parse_roles("trust-roles.json", by_name["trust-roles.json"].data)
    for e in by_name.values():
        if rank(e.name) in (16, 17, 18):
            der = e.data if rank(e.name) == 18 else unpem(e.name, e.data)
            if rank(e.name) != 18 and pem(der) != e.data or hashlib.sha256(der).hexdigest()[:16] not in e.name:
                raise Bad(e.name, "other bytes", "the name's digest, 64 columns")
    return by_name, ordered


# --- checks and verdict: spec/checks.md, spec/sealing.md, spec/trust-and-verdict.md -------------------

REASONS = {"pass": ("相符", "yes"), "limited": ("相符，但有保留", "yes, with a reservation"),
           "not_checked": ("未核验", "not checked"), "fail": ("不符", "NO")}


class Verdict:
    def __init__(self):
        self.checks, self.shows, self.does_not_show, self.notes = [], [], [], []

    def add(self, name, result, required, zh, en, expected=None, found=None):
        row = {"id": name, "result": result, "required": required,
               "expected": None if expected is None else show(expected),
               "found": None if found is None else show(found), "zh": zh, "en": en}
        self.checks.append(row)
        return row

    def attempt(self, name, required, zh, en, work):
        """Runs one check. `work` returns None or (result, zh, en[, expected, found]); Bad fails, Open is not checked."""
        try:
            out = work()
        except Open as e:
            self.add(name, "not_checked", required, "%s：缺少或不认识：%s。" % (zh, e.what),
                     "%s: missing or unknown: %s." % (en, e.what), e.expected, e.found)
            return False
        except Bad as e:
            self.add(name, "fail", required, "%s：不成立（%s）。" % (zh, e.what), "%s: does not hold (%s)." % (en, e.what),
                     e.expected, e.found)
            return False
        except HOSTILE as e:
            self.add(name, "fail", required, "%s：不成立（格式不对）。" % zh, "%s: does not hold (malformed)." % en,
                     "bytes that can be read", "%s: %s" % (type(e).__name__, e))
            return False
        if out is None:
            self.add(name, "pass", required, zh + "。", en + ".")
        else:
            self.add(name, out[0], required, "%s：%s。" % (zh, out[1]), "%s: %s." % (en, out[2]), *out[3:])
        return True

    @property
    def result(self):
        if any(c["result"] == "fail" for c in self.checks):
            return "not_verified"
        if any(c["required"] and c["result"] == "not_checked" for c in self.checks):
            return "incomplete"
        return "verified"


def text_of(us):
    return iso(us)


LATER, RENEWAL = ("-proof.tlog-proof", "-checkpoint.txt", "-checkpoint.tsr"), (".txt", ".tsr")


class Checker:
    """All checks over one set of entries; `self.v` is the verdict."""

    def __init__(self, trust, now, scratch):
        self.trust, self.now, self.scratch, self.v = trust, now, scratch, Verdict()
        self.e, self.ordered = {}, True

    def run(self, path, originals):
        v, is_folder = self.v, os.path.isdir(path)

        def form():
            entries = read_folder(path) if is_folder else read_package(path)
            self.e, self.ordered = check_entries(entries, is_folder)
            self.record = parse_record("record.json", self.data("record.json"))
            self.statement_value = parse_json("statement.json", self.data("statement.json"))
            self.proof = Proof("proof.tlog-proof", self.data("proof.tlog-proof"))
            self.note = self.proof.note
            if self.note.data != self.data("checkpoint.txt"):
                raise Bad("checkpoint.txt", "other bytes", "byte for byte the note inside proof.tlog-proof")
            stamps = sum(bool(re.fullmatch(r"timestamp-\d\.tsr", n)) for n in self.e)
            if stamps != len(self.record["timestamps"]):
                raise Bad("timestamp files", stamps, "%d, as the record names" % len(self.record["timestamps"]))
            if "package.json" not in self.e:
                return ("limited", "文件夹中没有 package.json，条目次序未核对", "a folder without package.json, order not checked")
            return None

        if not v.attempt("form", True, "各条目格式规范", "every entry has its one canonical form", form):
            for name in ("file", "statement", "disclosures", "ledger-binding", "statement-token-1", "inclusion",
                         "log-signature", "policy", "operator", "sealing-token-1", "times"):
                v.add(name, "not_checked", True, "格式不成立，未核验。", "Not checked, as the form does not hold.")
            self.always(None)
            return v
        self.statement = None
        v.attempt("statement", True, "声明与记录中的声明一致，并符合其种类的规则",
                  "the statement is the record's, and obeys the rules of its kind", self.check_statement)
        self.opened = {}
        v.attempt("disclosures", True, "已披露的各项与声明中的承诺一致", "what is disclosed is what the statement commits to",
                  self.check_disclosures)
        v.attempt("file", True, "原文件的大小、SHA-256 与 SM3", "size, SHA-256 and SM3 of the original",
                  lambda: self.check_file(originals))
        if self.statement and "file" not in self.statement:
            v.checks[-1]["required"] = False
        self.log = self.trust.policy.log_of(self.note) if self.trust.policy else None
        v.attempt("ledger-binding", True, "声明写明的账本就是此检查点的账本，名称由其公钥得出",
                  "the statement's ledger is the checkpoint's, and its name derives from its key", self.check_ledger)
        self.statement_stamps = self.check_tokens("statement-token-%d", "timestamp-%d.tsr", "statement.json",
                                                  len(self.record["timestamps"]))
        v.attempt("inclusion", True, "记录在该检查点的账本之内", "the record is in the ledger of this checkpoint",
                  self.check_inclusion)
        v.attempt("log-signature", True, "账本运营方对检查点的签名", "the log's signature over the checkpoint",
                  lambda: self.check_log_signature(self.note))
        seals = max(1, sum(bool(re.fullmatch(r"checkpoint(-\d)?\.tsr", n)) for n in self.e))
        self.seal_stamps = self.check_tokens("sealing-token-%d", "checkpoint-%d.tsr", "checkpoint.txt", seals)
        v.attempt("log-role", False, "读者对账本密钥的认识", "what the reader's trust says about the log key", self.check_log_role)
        self.cosigned = {"checkpoint.txt": {}}
        self.later, self.later_stamps = [], []
        self.check_later()
        self.check_ends()
        v.attempt("policy", True, "检查点满足读者的策略", "the checkpoint meets the reader's policy", self.check_policy)
        v.attempt("operator", True, "账本首条记录写明运营方", "leaf 0 says who runs the ledger", self.check_operator)
        v.attempt("times", True, "各时间先后相容", "all times are in order", self.check_times)
        v.attempt("clock", False, "平台自身时钟", "the platform's own clock", self.check_clock)
        if "certificate.pdf" in self.e:
            v.add("certificate-signature", "not_checked", False, "本程序不核验 PDF 签名，请用 quezao verify 或 pdfsig。",
                  "This reader does not check PDF signatures; use quezao verify or pdfsig.")
        if "capture.wacz" in self.e:
            v.add("capture-resources", "not_checked", False, "本程序不核验 WACZ 内部各资源。",
                  "This reader does not check the resources inside the WACZ.")
            v.add("capture-path", "not_checked", False, "本程序不核验最终网页如何到达。",
                  "This reader does not check how the page was reached.")
            v.add("capture-order", "not_checked", False, "本程序不核验 WACZ 所载的取证指令。",
                  "This reader does not check the order inside the WACZ.")
        if self.statement and self.statement["kind"] == "comparison":
            v.attempt("comparison", True, "比对文件符合格式，与记录一致",
                      "the comparison's document has its form and agrees with its record", self.check_comparison)
            v.add("comparison-distances", "not_checked", False, "本程序不解码图片，距离未重新计算。",
                  "This reader decodes no pictures; distances were not computed again.")
        if self.statement and self.statement["kind"] == "collection":
            self.lines, self.collected = [], 0
            v.attempt("collection-manifest", True, "清单符合格式，所列记录都在本记录之前",
                      "the list has its form, and every record on it came before this one", self.check_manifest)
            v.attempt("collection-items", True, "所列各条记录、其证明与时间戳，存证主体相同",
                      "each listed record, its proof and token, of the same owner", self.check_items)
            self.check_listed(originals)
        if self.statement and self.statement["kind"] == "origin":
            v.attempt("earlier-ledger", True, "前一账本用自己的密钥签署过所附的检查点",
                      "the earlier ledger signed the checkpoint in it with its own key", self.check_earlier)
        if self.statement and self.statement["kind"] == "licence":
            self.named = []
            if any(re.fullmatch(NAMED_ENTRY, n) for n in self.e):
                v.attempt("named", False, "许可写明的登记", "the registrations that the licence names", self.check_named)
            self.check_named_files(originals)
        self.check_related()
        self.always(self.note)
        self.conclude()
        return v

    def data(self, name):
        return self.e[name].data

    def always(self, note):
        size = "" if note is None else str(note.size)
        self.v.add("later-records", "not_checked", False, "账本规模 %s 之后的记录（如撤回、争议）未核验。" % size,
                   "Records after size %s (a revocation, a dispute) are not checked." % size)
        self.v.add("printed-page", "not_checked", False, "印出的页面未重新排版核对；以附件为准。",
                   "The printed page was not drawn again; the attached files are what counts.")

    def check_statement(self):
        received = parse_statement(self.statement_value)
        if canonical(self.record["statement"]) != canonical(self.statement_value):
            raise Bad("statement in the record", canonical(self.record["statement"]), canonical(self.statement_value))
        if self.statement_value["kind"] == "operator":
            raise Bad("statement kind", "operator", "another kind: a package of leaf 0 itself is refused")
        self.statement, self.received = self.statement_value, received

    def need_statement(self):
        if self.statement is None:
            raise Open("the statement does not hold")
        return self.statement

    def check_disclosures(self):
        statement = self.need_statement()
        self.opened = open_disclosures("disclosure.json", self.data("disclosure.json"), statement)
        check_told(statement, self.opened)
        return ("pass", "%d 项" % len(self.opened), "%d of %d claims" % (len(self.opened), len(statement["claims"])))

    def check_earlier(self):
        """The earlier ledger's own signature over the checkpoint that the record names."""
        ledger = self.need_statement()["ledger"]
        named = [self.opened.get(name) for name in ("earlier_checkpoint", "earlier_key", "earlier_origin")]
        if None in named:
            raise Open("the earlier ledger is not disclosed")
        name, kid, kind, key = parse_vkey(named[1])
        if name != named[2]:
            raise Bad("name of the earlier key", name, named[2])
        if named[2] == ledger:
            raise Bad("earlier_origin", named[2], "another ledger than this one")
        note = Note("earlier_checkpoint", unbase64("earlier_checkpoint", named[0]))
        digits = hashlib.sha256(key).hexdigest()[:32]
        if not re.fullmatch(".+/" + digits, name, re.DOTALL):
            raise Bad("earlier_origin", name, "NAME/" + digits)
        signature = note.lines.get((name, kid))
        if kind != 1 or signature is None or not ed_verify(key, note.text.encode("utf-8"), signature):
            raise Bad("signature of the earlier checkpoint", "does not verify", "one by " + name)
        if note.origin != name:
            raise Bad("origin of the earlier checkpoint", note.origin, name)
        return ("pass", "%s，%d 条" % (name, note.size), "%s, %d records" % (name, note.size))

    def check_comparison(self):
        statement = self.need_statement()
        if "comparison.json" not in self.e:
            raise Open("comparison.json is missing")
        document = Comparison(self.data("comparison.json"))
        for ledger, _ in document.named:
            if ledger != statement["ledger"]:
                raise Bad("ledger of a compared record", ledger, statement["ledger"])
        if document.compared_at > self.received:
            raise Bad("compared_at", iso(document.compared_at), "at most %s (received_at)" % iso(self.received))
        if "refs" not in self.opened:
            raise Open("refs are not disclosed")
        if canonical(self.opened["refs"]) != canonical(document.refs):
            raise Bad("refs of the comparison", self.opened["refs"], document.refs)
        if self.opened.get("url") not in (None, document.url):
            raise Bad("url of the comparison", document.url, self.opened["url"])

    def check_manifest(self):
        if "manifest.jsonl" not in self.e:
            raise Open("manifest.jsonl is missing")
        lines = parse_manifest(self.data("manifest.jsonl"))
        if lines[-1]["index"] >= self.proof.index:
            raise Bad("index in the list", lines[-1]["index"], "less than %d" % self.proof.index)
        self.lines = lines
        return ("pass", "%d 条" % len(lines), "%d records" % len(lines))

    def check_items(self):
        if not self.lines:
            raise Open("the list does not hold")
        if "items.zip" not in self.e:
            raise Open("items.zip is missing")
        items = read_items(self.data("items.zip"), self.lines)
        missing, limited = None, 0
        for n, (line, item) in enumerate(zip(self.lines, items), 1):
            try:
                limited += self.check_item(line, *item)
            except Open as e:
                missing = missing or Open("line %d of the list: %s" % (n, e.what), e.found, e.expected)
            except Bad as e:
                raise Bad("line %d of the list: %s" % (n, e.what), e.found, e.expected) from None
        if missing:
            raise missing
        if limited:
            return ("limited", "其中 %d 条的时间戳带有保留" % limited, "the tokens of %d have reservations" % limited)
        return None

    def check_item(self, line, raw, tokens, proof, disclosure):
        """One record of the list; whether all its tokens have a reservation."""
        if hashlib.sha256(raw).hexdigest() != line["record_sha256"]:
            raise Bad("record digest", hashlib.sha256(raw).hexdigest(), line["record_sha256"])
        record = parse_record("record of the list", raw)
        statement = record["statement"]
        received = parse_statement(statement)
        if statement["id"] != line["id"] or statement["ledger"] != self.statement["ledger"]:
            raise Bad("listed record", statement["id"], line["id"] + " of the same ledger")
        if statement["kind"] not in ("image", "file", "digest"):
            raise Bad("kind of a listed record", statement["kind"], "image, file or digest")
        if any(statement["file"][k] != line[k] for k in ("size", "sha256", "sm3")):
            raise Bad("file of a listed record", statement["file"]["sha256"], line["sha256"])
        if len(record["timestamps"]) != len(tokens):
            raise Bad("tokens of a listed record", len(tokens), len(record["timestamps"]))
        proof = Proof("proof of a listed record", proof)
        if proof.note.data != self.note.data or proof.index != line["index"]:
            raise Bad("proof of a listed record", "index %d" % proof.index, "%d under this checkpoint" % line["index"])
        root = root_from(leaf_hash(raw), proof.index, proof.note.size, proof.hashes)
        if root != proof.note.root:
            raise Bad("root computed from a listed record", root.hex(), proof.note.root.hex())
        opened = open_disclosures("disclosure of a listed record", disclosure, statement)
        self.same_owner(opened)
        data, good = canonical(statement).encode("utf-8"), []
        read, missing = self.read_tokens(("token of a listed record", t) for t in tokens)
        for token, named in zip(read, record["timestamps"]):
            if token is None:
                continue
            digest = hashlib.sha256(token.token).hexdigest()
            if (named["gen_time"], named["token_sha256"]) != (token.time_text, digest):
                raise Bad("token of a listed record", token.time_text, named["gen_time"])
            if all(t.hash == "sm3" for t in read if t):
                raise Bad("imprint of a listed record", "SM3 alone", "SM3 only beside SHA-256, 384 or 512")
            try:
                stamp = Stamp("token of a listed record", token.data, data, self.trust, self.scratch, token)
                if received > token.time + token.accuracy + 2 * US:
                    raise Bad("received_at of a listed record", text_of(received), "no later than its token")
                for own in self.statement_stamps:
                    if token.time - token.accuracy > own.token.time + own.token.accuracy:
                        raise Bad("token of a listed record", text_of(token.time), "before " + text_of(own.token.time))
                good.append(self.token_result(stamp)[0] if self.kept(stamp, self.renewals) else "limited")
            except Open as e:
                missing = e
        if not good:
            raise missing
        return "pass" not in good

    @staticmethod
    def read_tokens(named):
        """Those that this reader knows, None for each other, and why."""
        read, missing = [], None
        for what, data in named:
            try:
                read.append(Token(what, data))
            except Open as e:
                read.append(None)
                missing = missing or e
        return read, missing

    def same_owner(self, opened):
        """What both disclose of the owner is equal; without a name there is nobody to be the same as."""
        for name in SAME_OWNER + ["owner_id"]:
            if name in opened and name in self.opened and canonical(opened[name]) != canonical(self.opened[name]):
                raise Bad("owner of both records: " + name, opened[name], self.opened[name])
        for name in SAME_OWNER:
            for claims in (opened, self.opened):
                if name not in claims or (claims[name] is None and name in SAME_OWNER[:2]):
                    raise Open(name + " is not disclosed by both records")

    def check_listed(self, originals):
        """A check for each line once any picture is given, and one for each given file that is on no line."""
        want = self.statement["file"]
        own = (want["sha256"], want["sm3"], want["size"])
        given = [(os.path.basename(p), d) for p, d in originals if d != own]
        if not given:
            return
        stated = any(c["id"] == "file" and c["result"] == "pass" for c in self.v.checks)
        if not self.lines or not stated:
            for n, (name, _) in enumerate(given, 1):
                self.v.add("collection-file-%d" % n, "not_checked", False, "清单不成立，%s 未比对。" % show(name),
                           "The list does not hold; %s was not compared." % show(name))
            return
        listed = [(line["sha256"], line["sm3"], line["size"]) for line in self.lines]
        for n, digests in enumerate(listed, 1):
            names = [show(name) for name, d in given if d == digests]
            if names:
                self.v.add("collection-file-%d" % n, "pass", False, "%s 就是清单第 %d 条。" % (names[0], n),
                           "%s is line %d of the list." % (names[0], n))
            else:
                self.v.add("collection-file-%d" % n, "not_checked", False, "清单第 %d 条的文件没有给出。" % n,
                           "The file of line %d was not given." % n, digests[0])
        others = [(name, d) for name, d in given if d not in listed]
        for n, (name, d) in enumerate(others, len(listed) + 1):
            self.v.add("collection-file-%d" % n, "fail", False, "%s 不在清单中。" % show(name),
                       "%s is on no line of the list." % show(name), "a file of the list", "sha256 " + d[0])

    def sources(self):
        """Files that a comparison names: a reader may give them, but they are not the record's file."""
        try:
            return Comparison(self.data("comparison.json")).sources
        except (Bad,) + HOSTILE:
            return ()

    def check_file(self, originals):
        statement = self.need_statement()
        expected = statement.get("file")
        sources = self.sources() if statement["kind"] == "comparison" else ()
        given = [(os.path.basename(p), d) for p, d in originals if d[0] not in sources]
        if statement["kind"] == "collection":  # what else is given is looked up in the list
            given = [g for g in given if g[1] == (expected["sha256"], expected["sm3"], expected["size"])]
        made = MADE.get(statement["kind"], "capture.wacz")
        if made in self.e:
            e = self.e[made]
            sm3 = e.sm3 or digest_stream(io.BytesIO(e.data).read, e.size, True)[1]
            given.append((made, (e.sha256, sm3, e.size)))
        if expected is None:
            if given and statement["kind"] == "licence":  # looked up among what it names
                return ("not_checked", "许可本身没有文件，给出的文件与其写明的登记比对", "a licence has none; the given files are held against what it names")
            if given:
                raise Bad("file", given[0][0], "no file: a record of kind %s has none" % statement["kind"])
            return ("not_checked", "此类记录没有文件", "a record of this kind has no file")
        want = (expected["sha256"], expected["sm3"], expected["size"])
        if not given:
            raise Open("the original was not given", "", "sha256 " + want[0])
        for name, found in given:
            if found != want:
                raise Bad(name, "sha256 %s sm3 %s size %d" % found, "sha256 %s sm3 %s size %d" % want)
        return ("pass", "%d 字节，全部相同" % want[2], "%d bytes, all equal" % want[2], want[0], given[0][1][0])

    def check_ledger(self):
        statement = self.need_statement()
        if statement["ledger"] != self.note.origin:
            raise Bad("ledger", statement["ledger"], self.note.origin)
        if not re.fullmatch(r"[^\s+]+/[0-9a-f]{32}", self.note.origin):
            raise Bad("origin", self.note.origin, "NAME/ and 32 hex digits")
        if self.log is None:
            raise Open("no key of this ledger in the reader's policy", "", self.note.origin)
        self.check_origin(self.log)

    def check_origin(self, key):
        derived = hashlib.sha256(key[3]).hexdigest()[:32]
        if self.note.origin.rsplit("/", 1)[-1] != derived:
            raise Bad("origin", self.note.origin, "a name that ends in " + derived)

    def token_result(self, stamp):
        t = stamp.token
        who = "%s, genTime %s" % (show(stamp.authority), t.time_text)
        if stamp.root is None:
            raise Open("no root of this authority in the reader's trust", who, "a tsa-*.pem")
        if not stamp.independent:
            return ("limited", "运营方自有的时间戳机构 " + who, "an authority of the operator's own: " + who)
        if t.limited:
            return ("limited", "证书仅以 SHA-1 绑定，" + who, "certificate bound by SHA-1 only: " + who)
        return ("pass", "独立时间戳机构 " + who, "independent authority: " + who)

    def check_tokens(self, check_id, file_name, covered, count):
        """Stamps whose token covers these bytes with a good signature; a verified one frees the others."""
        stamps, rows, tokens = [], [], []
        names = [file_name % n if n > 1 or "timestamp" in file_name else "checkpoint.tsr" for n in range(1, count + 1)]
        for name in names:
            try:
                tokens.append(Token(name, self.data(name)) if name in self.e else None)
            except Bad as e:
                tokens.append(e)
        read = [t for t in tokens if isinstance(t, Token)]
        only_sm3 = all(t.hash == "sm3" for t in read)
        for n, (name, token) in enumerate(zip(names, tokens), 1):
            def work():
                if token is None:
                    raise Open(name + " is absent")
                if isinstance(token, Bad):
                    raise token
                if "timestamp" in name:
                    stamp, digest = self.record["timestamps"][n - 1], hashlib.sha256(token.token).hexdigest()
                    if (stamp["gen_time"], stamp["token_sha256"]) != (token.time_text, digest):
                        raise Bad(name, token.time_text + " " + digest, "%(gen_time)s %(token_sha256)s" % stamp)
                if only_sm3 and token.hash == "sm3":
                    raise Bad(name + " imprint", "SM3 alone", "SM3 only beside SHA-256, 384 or 512")
                stamp = Stamp(name, token.data, self.data(covered), self.trust, self.scratch, token)
                stamp.token.number = n
                stamps.append(stamp)
                return self.token_result(stamp)
            zh, en = ("时间戳 %s 覆盖 %s" if "timestamp" in name else "封存时间戳 %s 覆盖 %s"), "token %s over %s"
            self.v.attempt(check_id % n, True, zh % (name, covered), en % (name, covered), work)
            rows.append(self.v.checks[-1])
        if any(r["result"] in ("pass", "limited") for r in rows):
            for r in rows:
                r["required"] = r["result"] != "not_checked"
        return stamps

    def check_inclusion(self):
        self.check_in("record.json", self.proof)
        if self.proof.index == 0:
            raise Bad("index", 0, "1 or more: leaf 0 is the operator's")
        return ("pass", "第 %d 条，共 %d 条" % (self.proof.index, self.note.size),
                "index %d of %d" % (self.proof.index, self.note.size))

    def check_in(self, name, proof):
        found = root_from(leaf_hash(self.data(name)), proof.index, proof.note.size, proof.hashes)
        if found != proof.note.root:
            raise Bad("root computed from " + name, found.hex(), proof.note.root.hex())

    def check_log_signature(self, note):
        if self.log is None:
            raise Open("no key of this ledger in the reader's policy", "", note.origin)
        signature = note.lines.get(self.log[:2])
        if signature is None:
            raise Open("no signature line of the known log key", "", "%s+%s" % (self.log[0], self.log[1].hex()))
        if not ed_verify(self.log[3], note.text.encode("utf-8"), signature):
            raise Bad("log signature", "does not verify", "a signature by " + self.log[0])

    def check_log_role(self):
        if self.log is None:
            raise Open("no key of this ledger in the reader's policy")
        stamps = self.seal_stamps or self.statement_stamps
        at = min([s.token.time for s in stamps] or [self.now])
        row = self.trust.role(vkey_text(self.log), at)
        if not row or row["role"] != "platform":
            return ("limited", "自建或不认识的账本", "self-made or unknown", "platform", row["role"] if row else "no role")
        return ("pass", show(row["name"]), show(row["name"]))

    def log_independent(self, at):
        row = self.trust.role(vkey_text(self.log), at)
        return bool(row and row["independent"])

    def check_policy(self):
        if self.trust.policy is None:
            raise Open("the reader's trust has no policy")
        if self.log is None:
            raise Open("no key of this ledger in the reader's policy", "", self.note.origin)
        found = []
        for name, note in [("checkpoint.txt", self.note)] + self.later:
            met, good = self.trust.policy.evaluate(note)
            self.cosigned[name] = good
            found.append((met, name, sorted(good)))
        known = [key[:2] for key in [self.log] + list(self.trust.policy.witnesses.values())]
        unknown = sum(line not in known for line in self.note.lines)
        if unknown:
            self.v.notes.append(("%d 行签名无法核验，不计入" % unknown, "%d lines that could not be checked, not counted" % unknown))
        best = [f for f in found if f[0]]
        if not best:
            raise Open("the quorum is not met", "cosigned by %s" % (found[0][2] or "nobody"), "quorum " + self.trust.policy.quorum)
        if self.trust.policy.quorum == "none":
            return ("limited", "单一运营方，策略未要求见证人", "single operator, no witness asked for")
        at = self.witnessed_at(best[0][1])
        rows = [self.trust.role(vkey_text(self.trust.policy.witnesses[name]), at) for name in best[0][2]]
        names = ", ".join(show(row["name"] if row else name) for name, row in zip(best[0][2], rows))
        zh, en = "", ""
        if best[0][1] != "checkpoint.txt":
            zh, en = "（签署的是后来的检查点）", " (a later checkpoint, not the one first sealed)"
        if not any(row and row["independent"] for row in rows):
            return ("limited", "由 %s 见证%s；没有一家列为独立，视同运营方自己的" % (names, zh),
                    "cosigned by %s%s; none is marked independent, so they count as the operator's own" % (names, en))
        return ("pass", "由 %s 见证%s" % (names, zh), "cosigned by " + names + en)

    def witnessed_at(self, name):
        """When the checkpoint in this file was sealed: whose roles were in force is asked of that moment."""
        stamps = self.seal_stamps or self.statement_stamps
        for base, stamp in self.later_stamps:
            if base == name:
                stamps = [stamp]
        return min([s.token.time for s in stamps] or [self.now])

    def check_operator(self):
        if "operator-record.json" not in self.e:
            raise Open("the operator's record is not in the package")
        record = parse_record("operator-record.json", self.data("operator-record.json"))
        statement = record["statement"]
        parse_statement(statement)
        if statement["kind"] != "operator" or statement["ledger"] != self.note.origin:
            raise Bad("operator record", "%s of %s" % (statement["kind"], statement["ledger"]), "operator of " + self.note.origin)
        opened = open_disclosures("operator-disclosure.json", self.data("operator-disclosure.json"), statement)
        proof = Proof("operator-proof.tlog-proof", self.data("operator-proof.tlog-proof"))
        if proof.index != 0 or proof.note.data != self.note.data:
            raise Bad("operator proof", "index %d" % proof.index, "index 0 under the same checkpoint")
        self.check_in("operator-record.json", proof)
        name = opened.get("operator_name")
        return ("pass", "自称 %s" % show(name or "（未披露）"), "it calls itself %s" % show(name or "(not disclosed)"))

    def check_later(self):
        """later-NN and renewal-NN, in the order in which they were added."""
        names, covered, last = list(self.e), [], self.note
        self.group_stamps = []
        for name in names:
            if rank(name) is not None and 2 <= rank(name) <= 12:
                covered.append(name)
        fixed = list(covered)
        for name in names:
            m = re.fullmatch(r"later-(\d\d)-proof\.tlog-proof|renewal-(\d\d)\.txt", name)
            if not m:
                continue
            if m.group(1):
                base = "later-%s-" % m.group(1)

                def later():
                    proof = Proof(name, self.data(name))
                    note, tsr = proof.note, self.data(base + "checkpoint.tsr")
                    if note.data != self.data(base + "checkpoint.txt"):
                        raise Bad(base + "checkpoint.txt", "other bytes", "the note inside " + name)
                    if note.origin != self.note.origin or proof.index != self.proof.index or note.size < last.size:
                        raise Bad(name, "%s, index %d, size %d" % (note.origin, proof.index, note.size),
                                  "%s, index %d, size %d or more" % (self.note.origin, self.proof.index, last.size))
                    if note.size == last.size and note.root != last.root:
                        raise Bad(name + " root", note.root.hex(), last.root.hex())
                    self.check_in("record.json", proof)
                    self.check_log_signature(note)
                    if self.trust.policy:
                        self.trust.policy.evaluate(note)
                    stamp = Stamp(base + "checkpoint.tsr", tsr, note.data, self.trust, self.scratch)
                    if stamp.token.hash == "sm3":
                        raise Bad(base + "checkpoint.tsr imprint", "SM3 alone", "SHA-256, SHA-384 or SHA-512")
                    self.group_stamps.append(stamp)
                    self.later.append((base + "checkpoint.txt", note))
                    self.later_stamps.append((base + "checkpoint.txt", stamp))
                    return self.token_result(stamp)
                if self.v.attempt("later-%d" % int(m.group(1)), False, "后续检查点", "a later checkpoint", later):
                    last = self.later[-1][1]
                covered += [base + s for s in ("proof.tlog-proof", "checkpoint.txt", "checkpoint.tsr")]
            else:
                token = "renewal-%s.tsr" % m.group(2)

                def renewal():
                    before = covered
                    if not self.ordered:
                        # The order of this group is then the one that the list gives.
                        units = dict.fromkeys(re.findall(rb"(?m)  ((?:later|renewal)-\d\d)[^\n]*$", self.data(name)))
                        before = fixed + [u.decode() + s for u in units for s in (LATER if u[0] == 108 else RENEWAL)]
                    missing = [n for n in before if n not in self.e]
                    text = "".join("%s  %s\n" % (hashlib.sha512(self.data(n)).hexdigest(), n) for n in before if n in self.e).encode()
                    if missing or self.data(name) != text:
                        raise Bad(name, self.data(name)[:100].decode("utf-8", "replace"), "sha512sum of every entry before it")
                    stamp = Stamp(token, self.data(token), self.data(name), self.trust, self.scratch)
                    if stamp.token.hash != "sha512":
                        raise Bad(token + " imprint", stamp.token.hash, "SHA-512")
                    stamp.token.renewal = int(m.group(2))
                    stamp.token.lists = set(re.findall(rb"(?m)  (renewal-\d\d)[^\n]*$", self.data(name)))
                    self.group_stamps.append(stamp)
                    return self.token_result(stamp)
                self.v.attempt("renewal-%d" % int(m.group(2)), False, "续期时间戳", "a renewal", renewal)
                covered += [name, token]

    def kept(self, stamp, renewals):
        """Whether its signing certificate is good by this computer's clock, or a chain of `renewals` keeps it."""
        def lists(later, earlier):
            return b"renewal-%02d" % earlier.renewal in later.lists
        own, chained = stamp.token, []
        for r in [s.token for s in renewals]:
            by = r.time + r.accuracy
            direct = (not own.renewal or lists(r, own)) and by <= own.cert.end
            if direct or any(lists(r, one) and by <= one.cert.end for one in chained):
                chained.append(r)
        return max(t.cert.end for t in [own] + chained) >= self.now

    def check_ends(self):
        """Tokens whose signing certificate ended by this computer's clock: kept by a renewal of the time before, or limited."""
        rows = {c["id"]: c for c in self.v.checks}
        renewals = self.renewals = [s for s in self.group_stamps if s.token.renewal and s.root is not None]
        order = {id(s): n for n, s in enumerate(renewals, 1)}
        named = [("renewal-%d" % s.token.renewal, s) for s in renewals]
        for kind, stamps in (("statement-token-%d", self.statement_stamps), ("sealing-token-%d", self.seal_stamps)):
            named += [(kind % s.token.number, s) for s in stamps if s.root is not None]
        for name, s in named:
            row = rows[name]
            if s.token.cert.end >= self.now or row["result"] not in ("pass", "limited"):
                continue
            ended = text_of(s.token.cert.end)
            if self.kept(s, renewals[order.get(id(s), 0):]):
                row["zh"] += "签名证书已于 %s 到期，此前已续期。" % ended
                row["en"] += " Its signing certificate ended at %s, renewed before." % ended
            else:
                row["result"] = "limited"
                row["zh"] += "签名证书已于 %s 到期，此前没有续期。" % ended
                row["en"] += " Its signing certificate ended at %s, not renewed before." % ended

    def check_named(self):
        """related-named-NN: records that a licence names. spec/package.md, "Named records"."""
        refs = self.opened.get("refs")
        if refs is None:
            raise Open("refs are not disclosed")
        numbers = sorted({re.fullmatch(NAMED_ENTRY, n).group(1) for n in self.e if re.fullmatch(NAMED_ENTRY, n)})
        held = []
        for number in numbers:
            base = "related-named-%s-" % number
            if int(number) > len(refs):
                raise Bad("number of a named record", number, "1 to %d, as in refs" % len(refs))
            for part in ("record.json", "disclosure.json"):
                if base + part not in self.e:
                    raise Open(base + part)
            ref, data = refs[int(number) - 1], self.data(base + "record.json")
            if leaf_hash(data).hex() != ref["leaf"]:
                raise Bad("leaf hash of a named record", leaf_hash(data).hex(), ref["leaf"])
            named = parse_record(base + "record.json", data)["statement"]
            parse_statement(named)
            if (named["ledger"], named["id"]) != (ref["ledger"], ref["id"]):
                raise Bad("ledger and number of a named record", named["ledger"] + " " + named["id"], ref["ledger"] + " " + ref["id"])
            if named["kind"] not in ("image", "file", "digest", "collection"):
                raise Bad("kind of a named record", named["kind"], "image, file, digest or collection")
            open_disclosures(base + "disclosure.json", self.data(base + "disclosure.json"), named)
            held.append((int(number), named, self.named_list(base + "manifest.jsonl", named)))
        self.named = held
        return ("pass", "许可写明 %d 项登记，其中 %d 项随附，叶哈希一致；位置和时间未核验" % (len(refs), len(numbers)),
                "%d named, %d of them carried along with the leaf hashes named; their places and times are not checked"
                % (len(refs), len(numbers)))

    def named_list(self, name, named):
        """Lines of a named collection's list; none where it is not carried along."""
        if name not in self.e:
            return None
        if named["kind"] != "collection":
            raise Bad("kind of a named record with a list", named["kind"], "collection")
        data = self.data(name)
        sha, sm3, _, size = digest_stream(io.BytesIO(data).read, len(data), True)
        want = named["file"]
        if (sha, sm3, size) != (want["sha256"], want["sm3"], want["size"]):
            raise Bad("list of a named collection", "sha256 " + sha, "sha256 " + want["sha256"])
        return parse_manifest(data)

    def check_named_files(self, originals):
        """Each given file is that of a named registration, or of none. spec/licence.md, "Files given along"."""
        refs = self.opened.get("refs") or []
        held = [n for n in self.named if n[1]["kind"] != "collection" or n[2] is not None]
        known = []
        for place, named, lines in self.named:
            known.append((named["file"], "第 %d 项登记 %s" % (place, named["id"]), "registration %d, %s" % (place, named["id"])))
            known += [(line, "第 %d 项合集的清单第 %d 条 %s" % (place, n, line["id"]), "line %d on the list of collection %d, %s" % (n, place, line["id"]))
                      for n, line in enumerate(lines or [], 1)]
        for n, (path, digests) in enumerate(originals, 1):
            name, check_id, found = show(os.path.basename(path)), "named-file-%d" % n, "sha256 " + digests[0]
            same = next((k for k in known if (k[0]["sha256"], k[0]["sm3"], k[0]["size"]) == digests), None)
            if same:
                self.v.add(check_id, "pass", True, "%s 就是许可写明的%s。" % (name, same[1]),
                           "%s is what the licence names: %s." % (name, same[2]), found, found)
            elif not held or len(held) < len(refs):
                self.v.add(check_id, "not_checked", True, "%s 不是随附的 %d 项登记的文件，另外 %d 项没有随附。" % (name, len(held), len(refs) - len(held)),
                           "%s is none of the %d that are carried along; %d more are not." % (name, len(held), len(refs) - len(held)), None, found)
            else:
                self.v.add(check_id, "fail", True, "%s 不是许可写明的任何一项登记的文件。" % name,
                           "%s is the file of none of the registrations that the licence names." % name, "a file of the named registrations", found)

    def check_related(self):
        """related-NN: other records about this one. spec/package.md, "Later records"."""
        self.related = []
        for n in range(1, 100):
            base = "related-%02d-" % n
            if base + "record.json" in self.e:
                self.v.attempt("related-%d" % n, False, "同一存证主体的另一条记录", "another record of the same owner",
                               lambda: self.one_related(base))

    def one_related(self, base):
        first = self.need_statement()
        record = parse_record(base + "record.json", self.data(base + "record.json"))
        later = record["statement"]
        received = parse_statement(later)
        if first["kind"] not in CARRIED.get(later["kind"], []):
            raise Bad("kind of the later record", later["kind"], "one about a record of kind " + first["kind"])
        if later["ledger"] != first["ledger"]:
            raise Bad("ledger of the later record", later["ledger"], first["ledger"])
        opened = open_disclosures(base + "disclosure.json", self.data(base + "disclosure.json"), later)
        before_it = self.bound(base, first, later, opened)
        if later["kind"] != "rights":
            check_told(later, opened)
        proof = Proof(base + "proof.tlog-proof", self.data(base + "proof.tlog-proof"))
        note = proof.note
        if note.data != self.data(base + "checkpoint.txt"):
            raise Bad(base + "checkpoint.txt", "other bytes", "the note inside " + base + "proof.tlog-proof")
        if note.origin != self.note.origin or (proof.index >= self.proof.index if before_it else proof.index <= self.proof.index):
            raise Bad(base + "proof.tlog-proof", "%s, index %d" % (note.origin, proof.index),
                      "%s, an index %s %d" % (self.note.origin, "under" if before_it else "over", self.proof.index))
        if note.size == self.note.size and note.root != self.note.root:
            raise Bad("root at the same size", note.root.hex(), self.note.root.hex())
        self.check_in(base + "record.json", proof)
        met = self.trust.policy is not None and self.trust.policy.evaluate(note)[0]
        data, stamps = canonical(later).encode("utf-8"), []
        names = [base + "timestamp-%d.tsr" % n for n in range(1, 5) if base + "timestamp-%d.tsr" % n in self.e]
        if len(names) != len(record["timestamps"]):
            raise Bad("tokens of the later record", len(names), len(record["timestamps"]))
        read, missing = self.read_tokens((name, self.data(name)) for name in names)
        sealing, other = self.read_tokens([(base + "checkpoint.tsr", self.data(base + "checkpoint.tsr"))])
        for group in (read, sealing):
            if any(group) and all(t.hash == "sm3" for t in group if t):
                raise Bad(base + "imprint", "SM3 alone", "SM3 only beside SHA-256, 384 or 512")
        missing, seals = missing or other, []
        for name, token, named in zip(names, read, record["timestamps"]):
            if token is None:
                continue
            digest = hashlib.sha256(token.token).hexdigest()
            if (named["gen_time"], named["token_sha256"]) != (token.time_text, digest):
                raise Bad(name, token.time_text + " " + digest, "%(gen_time)s %(token_sha256)s" % named)
        rows = [(name, token, data, stamps) for name, token in zip(names, read)]
        for name, token, over, group in rows + [(base + "checkpoint.tsr", sealing[0], note.data, seals)]:
            try:
                group += [Stamp(name, token.data, over, self.trust, self.scratch, token)] if token else []
            except Open as e:
                missing = missing or e

        def before(what, a, b):
            if a > b:
                raise Bad(what, text_of(a), "no later than " + text_of(b))
        one, two = (received, self.received) if before_it else (self.received, received)
        before("received_at, before the later record's", one, two)
        for t in [t for t in read if t]:
            before("received_at of the later record", received, t.time + t.accuracy + 2 * US)
            before("a token of the later record", t.time, self.now + t.accuracy + 60 * US)
            for seal in [s for s in sealing if s]:
                before("a token of the later record, before its seal", t.time - t.accuracy, seal.time + seal.accuracy)
            for one in [s.token for s in self.statement_stamps]:
                one, two = (t, one) if before_it else (one, t)
                before("a statement token, before the later record's", one.time - one.accuracy, two.time + two.accuracy)
        for seal in [s for s in sealing if s]:
            before("the seal of the later record", seal.time, self.now + seal.accuracy + 60 * US)
        self.check_log_signature(note)
        if not met:
            raise Open("the quorum is not met under the later record's checkpoint", "", "quorum " + self.trust.policy.quorum)
        best = self.best(stamps)
        if best is None or self.best(seals) is None:
            raise missing or Open("no root of these authorities in the reader's trust", "", "a tsa-*.pem")
        said = {n: opened[n] for n in SAID[later["kind"]] if opened.get(n) is not None}
        self.related.append((later["kind"], later["id"], text_of(best.token.time + best.token.accuracy), said))
        # No renewal lists a later record.
        whole = later["kind"] not in PLATFORM or self.log_independent(best.token.time)
        whole = whole and all(any(s.independent and not s.token.limited and self.kept(s, []) for s in g) for g in (stamps, seals))
        return ("pass" if whole else "limited", "%s，第 %d 条" % (later["id"], proof.index), "%s, index %d" % (later["id"], proof.index))

    def bound(self, base, first, later, opened):
        """What makes it one about this record and no other; whether it stands before this record."""
        covered = base + "covered.json"
        if later["kind"] != "attestation":
            if covered in self.e:
                raise Bad(covered, "there", "only beside an attestation")
            if "refs" not in opened:
                raise Open("refs of the later record are not disclosed")
            own = {"ledger": first["ledger"], "id": first["id"], "leaf": leaf_hash(self.data("record.json")).hex()}
            if not opened["refs"] or canonical(opened["refs"][0]) != canonical(own):
                raise Bad("first of the later record's refs", opened["refs"], own)
            self.same_owner(opened)
            return False
        self.same_owner(opened)
        method, named = self.opened.get("identity_method", ()), "attestation " + later["id"]
        if covered in self.e:
            if method == named:
                raise Bad(covered, "there", "none where identity_method names the attestation")
            if "covered_root" not in opened:
                raise Open("covered_root is not disclosed")
            root = is_hex("covered_root", opened["covered_root"], 32)
            value = closed(covered, parse_json(covered, self.data(covered)), ["salt", "place", "path"])
            path, place = value["path"], value["place"]
            if not isinstance(path, list) or len(path) > 32 or not is_int(place) or not 0 <= place < 1 << len(path):
                raise Bad(covered, value, "a place, and up to 32 hashes")
            path = [bytes.fromhex(is_hex(covered, h, 32)) for h in path]
            salt = bytes.fromhex(is_hex(covered, value["salt"], 32))
            leaf = leaf_hash(salt + leaf_hash(self.data("record.json")))
            found = root_from(leaf, place, 1 << len(path), path).hex()
            if found != root:
                raise Bad("root computed from " + covered, found, root)
            return False
        if method == ():
            raise Open("what binds the attestation is missing: identity_method, or " + covered)
        if method != named:
            raise Bad("identity_method of this record", method, named)
        return True

    def check_times(self):
        self.need_statement()
        first, seal = [s.token for s in self.statement_stamps], [s.token for s in self.seal_stamps]

        def before(a, what_a, b, what_b):
            if a > b:
                raise Bad(what_a + " is later than " + what_b, text_of(a), "no later than " + text_of(b))
        for t in first:
            before(self.received, "received_at", t.time + t.accuracy + 2 * US, "genTime + accuracy + 2 s")
            for s in seal:
                before(t.time - t.accuracy, "a statement token", s.time + s.accuracy, "a sealing token")
        group = [s.token for s in self.group_stamps]
        for t in first + seal + group:
            before(t.time, "genTime", self.now + t.accuracy + 60 * US, "this computer's clock + 60 s")
        # Without package.json the order of later checkpoints among renewals is not known.
        renewals = [t for t in group if t.renewal]
        for row in [group] if self.ordered else [[t for t in group if not t.renewal], renewals]:
            high = max([s.time - s.accuracy for s in seal] or [0])
            for t in row:
                before(high, "a token of the renewal group", t.time + t.accuracy, "the one after it")
                high = max(high, t.time - t.accuracy)
        tokens_over = {name: s.token for (name, _), s in zip(self.later, [
            s for s in self.group_stamps if any(s.token.data == self.data(n[:-3] + "tsr") for n, _ in self.later)])}
        for name, good in self.cosigned.items():
            over = seal if name == "checkpoint.txt" else [tokens_over[name]] if name in tokens_over else []
            latest = max([t.time for t in over] or [self.now]) + 60 * US
            for witness, (_, at) in good.items():
                if first:
                    before(min(t.time for t in first) - 60 * US, "the earliest statement token - 60 s", at * US,
                           "the cosignature of " + show(witness))
                before(at * US, "the cosignature of " + show(witness), latest, "the latest token over its checkpoint + 60 s")
                before(at * US, "the cosignature of " + show(witness), self.now + 60 * US, "this computer's clock + 60 s")
        if not any(s.root for s in self.statement_stamps) or not any(s.root for s in self.seal_stamps):
            raise Open("no verified token over the statement, or none over the checkpoint")
        lag = round((min(t.time for t in first) - self.received) / US, 3) + 0.0  # never "-0.000"
        return ("pass", "平台时钟，早于时间戳 %.3f 秒" % lag, "the platform's clock, %.3f s before" % lag)

    def check_clock(self):
        clock = self.need_statement()["clock"]
        if not clock["checked"]:
            return ("limited", "登记时未与其他时间源比对", "was not compared with another when this was registered")
        result = "limited" if abs(clock["offset_us"]) > 1000000 else "pass"
        return (result, "已与 %s 比对，相差 %d 微秒" % (show(clock["source"]), clock["offset_us"]),
                "compared with %s, %d microseconds apart" % (show(clock["source"]), clock["offset_us"]))

    def best(self, stamps):
        good = [s for s in stamps if s.root is not None]
        return min([s for s in good if s.independent] or good, key=lambda s: s.token.time, default=None)

    def conclude(self):
        """The two lists, computed from the checks."""
        done = {c["id"]: c["result"] in ("pass", "limited") for c in self.v.checks}
        shows, silent = self.v.shows, self.v.does_not_show
        one, two = self.best(self.statement_stamps), self.best(self.seal_stamps)
        if self.v.result == "verified" and one and two:
            t1, t2 = (text_of(s.token.time + s.token.accuracy) for s in (one, two))
            has_file = "file" in self.statement
            shows.append({"zh": "%s不晚于 %s 已存在（时间戳机构 %s）；不晚于 %s 已封存（时间戳机构 %s）。" % (
                "该文件、权利人与各项声明" if has_file else "该声明", t1, show(one.authority), t2, show(two.authority)),
                "en": "%s existed no later than %s (authority %s); sealed no later than %s (authority %s)." % (
                "File, owner and claims" if has_file else "The statement", t1, show(one.authority), t2, show(two.authority))})
            if not one.independent and two.independent:
                shows.append({"zh": "独立机构证明的日期是 %s。" % t2, "en": "The date that an independent authority vouches for is %s." % t2})
        if self.v.result != "not_verified":
            if done.get("file") and self.statement.get("file"):
                shows.append({"zh": "所给文件与登记时逐字节相同。", "en": "The given file is, byte for byte, the one that was registered."})
            if done.get("inclusion") and done.get("log-signature"):
                shows.append({"zh": "记录在账本中，位置 %d。" % self.proof.index,
                              "en": "The record is in the ledger, at index %d." % self.proof.index})
            given = sum(c["id"].startswith("named-file-") and c["result"] == "pass" for c in self.v.checks)
            if given:
                shows.append({"zh": "给出的文件中有 %d 个是许可写明的登记的文件。" % given,
                              "en": "%d of the given files are files of registrations that the licence names." % given})
            for kind, number, at, claims in self.related:
                said = ", ".join("%s=%s" % (n, show(c)) for n, c in claims.items())
                zh, en = WHOSE[kind]
                shows.append({"zh": "%s（%s，不晚于 %s）：%s。本记录没有改变。" % (zh, number, at, said),
                              "en": "%s (%s, no later than %s): %s. This record is unchanged." % (en, number, at, said)})
        for zh, en in (("谁创作了该文件，权利归谁：登记不等于权属。", "Who made the file or who owns it: a deposit is not ownership."),
                       ("文件在取指纹之前的情况。", "What was true before the fingerprint was taken."),
                       ("账本此后的记录，例如撤回或争议。", "Later records, for example a revocation or a dispute.")):
            silent.append({"zh": zh, "en": en})
        if one and two and not one.independent and not two.independent:
            silent.append({"zh": "独立第三方证明的时间：时间戳均由运营方自有机构签发。",
                           "en": "A time that an independent party vouches for: every token is the operator's own."})
        if self.statement and self.statement["kind"] == "digest":
            silent.append({"zh": "登记人当时持有该文件：只登记了摘要。", "en": "That the owner held the file: only its digests were told."})
        if self.trust.policy is not None and self.trust.policy.quorum == "none":
            silent.append({"zh": "账本对所有人一致：没有独立见证人。", "en": "That everyone sees the same ledger: no independent witness."})


# --- command line: spec/README.md, exit codes ---------------------------------------------------------

EXITS = {"verified": 0, "not_verified": 1, "incomplete": 3}
RESULTS = {"verified": ("核验一致：文件与账本记录一致", "VERIFIED: consistent with the ledger"), "not_verified": ("核验不一致", "NOT VERIFIED: not consistent"),
           "incomplete": ("尚不完整：没有矛盾，但缺少必要的核验", "INCOMPLETE: nothing contradicts, but something required was not checked")}
MARKS = {"pass": "+", "limited": "~", "not_checked": "?", "fail": "X"}


def chinese():
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return os.environ[name].lower().startswith("zh")
    return False


def report(v, entries, zh, colour, out):
    def line(text=""):
        out.write(text + "\n")

    def paint(result, text):
        codes = {"pass": 32, "verified": 32, "limited": 33, "incomplete": 33, "not_checked": 33, "fail": 31, "not_verified": 31}
        return "\033[%dm%s\033[0m" % (codes[result], text) if colour else text
    pick_text = (lambda pair: pair[0]) if zh else (lambda pair: pair[1])
    for c in v.checks:
        mark = "[%s]" % MARKS[c["result"]]
        note = "" if c["required"] else ("（非必需）" if zh else " (not required)")
        line("%s %-18s %s%s" % (paint(c["result"], mark), c["id"], c["zh"] if zh else c["en"], note))
        if c["result"] in ("fail", "not_checked") and (c["found"] or c["expected"]):
            line("    %s %s" % ("实为：" if zh else "found:   ", c["found"] or "-"))
            line("    %s %s" % ("应为：" if zh else "expected:", c["expected"] or "-"))
    line()
    line("+ %s   ~ %s   ? %s   X %s" % tuple(pick_text(REASONS[r]) for r in MARKS))
    for pair in v.notes:
        line(("注：" if zh else "note: ") + pick_text(pair))
    for name in ("VERIFY.txt", "verify.py"):
        if name in entries:
            line("%s sha256 %s" % (name, entries[name].sha256))
    line()
    line(("结论：" if zh else "Result: ") + paint(v.result, pick_text(RESULTS[v.result])))
    for title, rows in ((("这证明：", "This shows:"), v.shows), (("这不证明：", "This does not show:"), v.does_not_show)):
        if rows:
            line(pick_text(title))
            for row in rows:
                line("  - " + (row["zh"] if zh else row["en"]))


def digest_original(path):
    with open(path, "rb") as f:
        sha, sm, _, size = digest_stream(f.read, None, True)
    return sha, sm, size


def main(argv):
    trust_dir, as_json, paths, rest = None, False, [], list(argv)
    while rest:
        arg = rest.pop(0)
        if arg in ("-h", "--help"):
            print(__doc__)
            return 0
        if arg == "--trust" and rest:
            trust_dir = rest.pop(0)
        elif arg.startswith("--trust="):
            trust_dir = arg[8:]
        elif arg == "--json":
            as_json = True
        elif arg == "--":
            paths, rest = paths + rest, []
        elif arg.startswith("-") and len(arg) > 1:
            raise Usage("unknown option " + show(arg))
        else:
            paths.append(arg)
    if not paths:
        raise Usage("usage: verify.py [--trust DIR] [--json] PACKAGE|FOLDER [FILES...]")
    if not shutil.which("openssl"):
        raise Usage("the openssl command is needed")
    if not os.path.isdir(paths[0]):
        with open(paths[0], "rb") as f:
            if f.read(5) == b"%PDF-":
                raise Usage("this reader takes a package or a folder; run `pdfdetach -saveall -o DIR %s` and give DIR"
                            % show(paths[0]))
    trust = Trust(trust_dir)
    originals = [(p, digest_original(p)) for p in paths[1:]]
    scratch = tempfile.mkdtemp(prefix="verify-")
    try:
        checker = Checker(trust, int(time.time() * US), scratch)
        v = checker.run(paths[0], originals)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if as_json:
        print(json.dumps({"result": v.result, "checks": v.checks, "shows": v.shows, "does_not_show": v.does_not_show},
                         ensure_ascii=False, separators=(",", ":")))
    else:
        report(v, checker.e, chinese(), sys.stdout.isatty() and not os.environ.get("NO_COLOR"), sys.stdout)
    return EXITS[v.result]


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        sys.exit(main(sys.argv[1:]))
    except (Usage, OSError, subprocess.SubprocessError) as error:
        sys.stderr.write("verify.py: %s\n" % show(error))
        sys.exit(2)
    except Open as error:
        sys.stderr.write("verify.py: %s: %s\n" % (error.what, error.expected))
        sys.exit(2)
