#!/usr/bin/env bash
# scripts/pyhanko.sh FILE ROOT…: is the signature of FILE valid to pyHanko, AdES-style, under these roots (PEM or DER)?
# Exit 0 yes, 1 no, 2 it could not be asked. Needs python3; the first time it fetches pyHanko from PyPI.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

from_pypi pyhanko pyHanko --only-binary :all:
file=$1
shift
trust=()
for anchor in "$@"; do trust+=(--trust "$anchor"); done
report=$("$venv/bin/pyhanko" sign adesverify "${trust[@]}" --trust-replace --pretty-print "$file" 2>&1) || { echo "$report"; exit 1; }
echo "$report"
grep -q "judged VALID" <<<"$report"
