"""What the fuzzer starts from: fuzz_seeds.py DEMO CORPUS takes apart what `quezao demo --forge DEMO` wrote, and takes
the certificates of vectors/.

Without seeds a minute is spent on finding out what a signature looks like."""

import hashlib
import io
import os
import pathlib
import re
import sys
import zipfile
import zlib

demo, corpus = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
TARGETS = {"statement.json": ["statement"], "record.json": ["record"], "operator-record.json": ["record"],
           "disclosure.json": ["disclosure"], "operator-disclosure.json": ["disclosure"], "checkpoint.txt": ["note"],
           "proof.tlog-proof": ["proof"], "operator-proof.tlog-proof": ["proof"], "trust-policy": ["policy"],
           "certificate.pdf": ["certificate"]}


def seed(target, data):
    folder = corpus / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


for path in sorted(demo.rglob("*.zip")):
    data = path.read_bytes()
    seed("package", data)
    seed("verdict", data)
    archive = zipfile.ZipFile(path)
    entries = {name: archive.read(name) for name in archive.namelist() if ".." not in name}
    policy = entries.get("trust-policy", b"").decode()
    for name, entry in entries.items():
        for target in TARGETS.get(name, []):
            seed(target, entry)
        if name.endswith(".tsr"):
            seed("token", entry)
            seed("intake", entry)
        if name == "trust-policy":
            seed("trust", b"\x01" + entry)
        if name == "trust-roles.json":
            seed("trust", b"\x00" + entry)
        if name.endswith(".pem"):
            seed("trust", b"\x02" + entry)
        if name == "checkpoint.txt":
            seed("add_checkpoint", b"old 0\n\n" + entry)
            for line in policy.splitlines():
                words = line.split()
                if words[:1] in (["log"], ["witness"]):
                    seed("cosignature", words[-1].encode() + b"\n" + entry)
        if name.endswith("proof.tlog-proof"):
            seed("merkle", (1).to_bytes(8, "big") + (3).to_bytes(8, "big") + hashlib.sha256(entry).digest() * 4)
# Certificates of the vectors, good and bad, whole and the signatures in them (one target reads both).
vectors = pathlib.Path(__file__).resolve().parent.parent / "vectors"
for path in (vectors / "witness").glob("*.txt"):
    seed("add_checkpoint", path.read_bytes())
for path in [*demo.rglob("*.pdf"), *vectors.rglob("certificate.pdf")]:
    data = path.read_bytes()
    seed("certificate", data)
    for digits in re.findall(rb"/Contents<([0-9a-fA-F]+)>", data):
        der = bytes.fromhex(digits.decode())
        if der[:2] == b"\x30\x82":
            seed("certificate", der[:4 + int.from_bytes(der[2:4], "big")])
for path in sorted(vectors.glob("comparison*/*/package.zip")):
    package = zipfile.ZipFile(path)
    seed("verdict", path.read_bytes())
    if "comparison.json" in package.namelist():
        seed("comparison", package.read("comparison.json"))
for path in sorted(vectors.glob("capture-*/*/package.zip")):
    seed("verdict", path.read_bytes())
    seed("wacz", zipfile.ZipFile(path).read("capture.wacz"))
for path in sorted(vectors.glob("collection-*/*/package.zip")):
    entries = zipfile.ZipFile(path)
    for name in {"manifest.jsonl", "items.zip"} & set(entries.namelist()):
        seed("collection", entries.read(name))
# Captures of the vectors: their WACZ, and the handshakes in them. Pictures of the demo.
for path in sorted(vectors.rglob("package.zip")):
    try:
        wacz = zipfile.ZipFile(path).read("capture.wacz")
        warc = zipfile.ZipFile(io.BytesIO(wacz)).read("archive/data.warc.gz")
    except (KeyError, zipfile.BadZipFile):
        continue
    seed("wacz", wacz)
    while warc:
        member = zlib.decompressobj(31)
        try:
            head, _, block = member.decompress(warc).partition(b"\r\n\r\n")
        except zlib.error:
            break
        if b"urn:quezao:contact" in head:
            seed("contact", block[:-4])
        warc = member.unused_data
for path in sorted(demo.rglob("*.png")):
    seed("picture", path.read_bytes())
# Tables of rights, each behind the byte that says what it is (fuzz_targets/sidecar.rs).
TABLE = "文件,匹配,作品名称,作者,作品来源,完成日期,附件\r\n,*.jpg,,林晚,职务作品,,\r\n秋季/杯.jpg,,\"釉色杯,秋\",,,2026/1/3,底片/杯.CR3|合同.pdf\r\n"
seed("sidecar", b"\x00" + TABLE.encode())
seed("sidecar", b"\x05" + TABLE.encode())
seed("sidecar", b"\x0a" + TABLE.encode("gbk"))
seed("sidecar", b"\x01" + TABLE.replace(",", "\t").encode())
seed("sidecar", b"\x03" + """[[rights]]
pattern = "秋季/**/*.jpg"
author = "林晚"
work_origin = "employee"
[[rights]]
file = "秋季/杯.jpg"
completed_at = "2026-01-03"
attach = ["底片/杯.CR3"]
""".encode())
CELLS = '<c t="inlineStr"><is><t>%s</t></is></c>'
ROWS = "".join("<row>" + "".join(CELLS % cell for cell in row.split(",")) + "</row>" for row in ["file,author,completed_at", "a.jpg,林晚,2026-01-03"])
SHEET = "<worksheet><sheetData>" + ROWS + '<row r="3"><c r="A3" t="s"><v>0</v></c><c r="C3" s="1"><v>46025</v></c></row></sheetData></worksheet>'
STRINGS = '<sst><si><t>b.jpg</t></si><si><r><t>x</t></r><rPh sb="0" eb="1"><t>y</t></rPh></si></sst>'
STYLES = '<styleSheet><numFmts><numFmt numFmtId="164" formatCode="yyyy\\-mm"/></numFmts><cellXfs><xf/><xf numFmtId="164"/></cellXfs></styleSheet>'
seed("sidecar", b"\xff" + b"\x00".join(part.encode() for part in (SHEET, STRINGS, STYLES)))
print(sum(len(files) for _, _, files in os.walk(corpus)), "seeds")
