#!/usr/bin/env bash
# scripts/schemathesis.sh QUEZAO: the API of that program against its own description (tests/portal/contract.py).
# Exit 0 it holds, 1 it does not, 2 schemathesis could not be asked. Needs python3; the first time it fetches it from PyPI.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

from_pypi schemathesis schemathesis --only-binary :all:
exec "$venv/bin/python" "$root/tests/portal/contract.py" "$1" "$venv/bin/schemathesis"
