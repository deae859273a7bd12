#!/usr/bin/env bash
# scripts/wacz.sh FILE: is FILE a valid WACZ to py-wacz, are its records valid to warcio, does its index lead to them?
# Exit 0 yes, 1 no, 2 it could not be asked. Needs python3; the first time it fetches both from PyPI.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

from_pypi wacz wacz --prefer-binary
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$venv/bin/wacz" validate --file "$1" >"$work/wacz.log" 2>&1 || { cat "$work/wacz.log"; exit 1; }
cat "$work/wacz.log"
# Its exit code does not say so.
grep -qi "validation succeeded" "$work/wacz.log" || exit 1
"$venv/bin/python" -m zipfile -e "$1" "$work/files"
# warcio exits 0 on some damage, so every word of it counts.
report=$("$venv/bin/warcio" check -v "$work/files/archive/data.warc.gz" 2>&1) || { echo "$report"; exit 1; }
if grep -iqE "error|fail|exception|problem" <<<"$report"; then
    echo "$report"
    exit 1
fi
"$venv/bin/python" "$root/scripts/wacz_index.py" "$work/files"
