#!/usr/bin/env bash
# scripts/pywb.sh FILE URL OUT [URL OUT]…: replays each URL from FILE (WACZ) in pywb; OUT is the body that it serves.
# Exit 0 all served, 1 not, 2 it could not be asked. Needs python3, curl; the first time it fetches pywb from PyPI.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

from_pypi pywb pywb --prefer-binary
have curl || exit 2
file=$1
shift
asked=()
while [ $# -ge 2 ]; do
    asked+=("$1" "$(realpath -m "$2")")
    shift 2
done
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
"$venv/bin/python" -m zipfile -e "$file" "$work/files"
cd "$work"
{ "$venv/bin/wb-manager" init capture && "$venv/bin/wb-manager" add capture files/archive/data.warc.gz; } >"$work/log" 2>&1 ||
    { cat "$work/log"; exit 1; }
port=$("$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$venv/bin/wayback" -b 127.0.0.1 -p "$port" >>"$work/log" 2>&1 &
server=$!
# id_: the body as it is in the record, without pywb's own banner and links.
fetch() {
    curl --silent --globoff --max-time 10 --fail --output "$2" "http://127.0.0.1:$port/capture/id_/$1"
}
for _ in $(seq 100); do
    if fetch "${asked[@]:0:2}"; then
        for ((n = 2; n < ${#asked[@]}; n += 2)); do
            fetch "${asked[@]:n:2}" || { echo "not served: ${asked[n]}"; exit 1; }
        done
        exit 0
    fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.2
done
cat "$work/log"
exit 1
