"""ml_dsa.py NOTE VKEY: an ML-DSA-44 cosignature (C2SP tlog-cosignature, type 06) checked from its bytes by another
library, python3-cryptography over its own OpenSSL. Exit 3: that is not here, or too old."""
import base64, hashlib, sys

try:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
except ImportError as e:
    print(e, file=sys.stderr)
    sys.exit(3)

text, lines = open(sys.argv[1], encoding="utf-8").read().split("\n\n", 1)
name, key_id, key = sys.argv[2].split("+", 2)
key = base64.b64decode(key)
assert key[0] == 6 and hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8] == key_id, "no ML-DSA-44 key"
origin, size, root = text.split("\n")[:3]
for line in lines.splitlines():
    _, by, signature = line.split(" ")
    signature = base64.b64decode(signature)
    if by == name and signature[:4].hex() == key_id:
        opaque = [bytes([len(word.encode())]) + word.encode() for word in (name, origin)]
        tree = bytes(8) + int(size).to_bytes(8, "big") + base64.b64decode(root)
        message = b"subtree/v1\n\0" + opaque[0] + signature[4:12] + opaque[1] + tree
        MLDSA44PublicKey.from_public_bytes(key[1:]).verify(signature[12:], message)
        sys.exit(0)
sys.exit("no line of this key")
