"""wacz_index.py FOLDER: every line of a WACZ's index, looked up in its WARC by warcio and keyed by the surt library.

Exits 1 at the first that does not fit. Run by wacz.sh."""

import hashlib
import json
import pathlib
import sys

from surt import surt
from warcio.archiveiterator import ArchiveIterator

folder = pathlib.Path(sys.argv[1])
warc = folder / "archive/data.warc.gz"
lines = (folder / "indexes/index.cdx").read_text(encoding="utf-8").splitlines()
assert lines == sorted(lines, key=lambda line: line.encode()), "the index is not in order"
found = set()
for line in lines:
    key, stamp, members = line.split(" ", 2)
    members = json.loads(members)
    with open(warc, "rb") as file:
        file.seek(int(members["offset"]))
        record = next(iter(ArchiveIterator(file)))
        payload = hashlib.sha256(record.raw_stream.read()).hexdigest()
        url = record.rec_headers.get_header("WARC-Target-URI")
        date = record.rec_headers.get_header("WARC-Date")
    assert url == members["url"], (url, members["url"])
    assert "sha256:" + payload == members["digest"], url
    assert "".join(filter(str.isdigit, date))[:14] == stamp, url
    if not url.startswith("urn:"):
        assert surt(url) == key, (surt(url), key)
    if record.http_headers:
        assert record.http_headers.get_statuscode() == members["status"], url
    found.add((url, date, int(members["offset"])))
with open(warc, "rb") as file:
    expected, method, records = set(), None, ArchiveIterator(file)
    for record in records:
        url, date = (record.rec_headers.get_header(n) for n in ("WARC-Target-URI", "WARC-Date"))
        if record.rec_type == "request":
            method = record.http_headers.protocol
        if record.rec_type == "resource" or record.rec_type == "response" and method == "GET":
            expected.add((url, date, records.get_record_offset()))
assert found == expected, expected ^ found
pages = [json.loads(line) for line in (folder / "pages/pages.jsonl").read_text(encoding="utf-8").splitlines()]
assert pages[0]["format"] == "json-pages-1.0" and all(p["url"] in {f[0] for f in found} for p in pages[1:])
print(len(found), "lines of the index lead to their records")
