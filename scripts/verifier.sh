#!/usr/bin/env bash
# scripts/verifier.sh: builds the browser's verifier into target/verifier. The same source gives the same bytes, wherever it lies.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

target=${CARGO_TARGET_DIR:-target}
# A module that grows past this has lost its way; a browser then ends it, not the machine.
memory=1610612736

flags=(--remap-path-prefix "$root=." --remap-path-prefix "${CARGO_HOME:-$HOME/.cargo}/registry/src=crates")
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && printf '%s' "${flags[*]}") \
    cargo rustc --locked --quiet -p verifier --lib --crate-type cdylib --profile wasm --target wasm32-unknown-unknown -- \
    -C link-arg=--max-memory=$memory
python3 scripts/verifier.py "$target/wasm32-unknown-unknown/wasm/verifier.wasm" "$target/verifier"
