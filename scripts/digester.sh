#!/usr/bin/env bash
# scripts/digester.sh [--check]: builds the digests' module into crates/portal/assets/digester.wasm, or with --check
# says whether the one that lies there is what the source gives.
#
# It is the one built file in the repository: small, and part of the program, so that `cargo build` needs no second
# target. The same source and toolchain give the same bytes, wherever it lies; `make test` compares them.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

target=${CARGO_TARGET_DIR:-target}
kept=crates/portal/assets/digester.wasm
# 16 MiB: a piece of a file, and room to spare.
memory=16777216

# Where a registry's mirror puts the sources is nobody's business.
cargo fetch --locked --quiet
flags=(--remap-path-prefix "$root=.")
for sources in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
    flags+=(--remap-path-prefix "$sources=crates")
done
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && printf '%s' "${flags[*]}") \
    cargo rustc --locked --quiet -p digester --lib --crate-type cdylib --profile wasm --target wasm32-unknown-unknown -- \
    -C link-arg=--max-memory=$memory
built=$target/wasm32-unknown-unknown/wasm/digester.wasm
if [ "${1:-}" = --check ]; then
    cmp -s "$built" "$kept" ||
        stop "$kept 不是由这份源码构建的；请运行 scripts/digester.sh" "$kept is not what this source gives; run scripts/digester.sh"
else
    install -m 644 "$built" "$kept"
fi
say "$kept：$(stat -c %s "$built") 字节" "$kept: $(stat -c %s "$built") bytes"
