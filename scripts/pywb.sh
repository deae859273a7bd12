#!/usr/bin/env bash
# scripts/pywb.sh FILE URL OUT: replays URL from FILE (WACZ) in pywb and writes the body that it serves to OUT.
# Exit 0 served, 1 not, 2 it could not be asked. Needs python3, curl; the first time it fetches pywb from PyPI.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

from_pypi pywb pywb --prefer-binary
have curl || exit 2
out=$(realpath -m "$3")
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
"$venv/bin/python" -m zipfile -e "$1" "$work/files"
cd "$work"
{ "$venv/bin/wb-manager" init capture && "$venv/bin/wb-manager" add capture files/archive/data.warc.gz; } >"$work/log" 2>&1 ||
    { cat "$work/log"; exit 1; }
port=$("$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$venv/bin/wayback" -b 127.0.0.1 -p "$port" >>"$work/log" 2>&1 &
server=$!
# id_: the body as it is in the record, without pywb's own banner and links.
for _ in $(seq 100); do
    if curl --silent --max-time 10 --fail --output "$out" "http://127.0.0.1:$port/capture/id_/$2"; then
        exit 0
    fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.2
done
cat "$work/log"
exit 1
