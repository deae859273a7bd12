#!/usr/bin/env bash
# Every fuzz target for FUZZ_SECONDS (60) seconds.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

[ -f fuzz/Cargo.toml ] || stop "还没有 fuzz/ 目标；每个解析器的性质测试在 make test 里。" \
    "There are no targets in fuzz/ yet; the parsers' property tests run in make test."
have cargo-fuzz || stop "缺少 cargo-fuzz：cargo install cargo-fuzz --locked" "cargo-fuzz is missing: cargo install cargo-fuzz --locked"
cargo +nightly fuzz list | while read -r target; do
    cargo +nightly fuzz run "$target" -- -max_total_time="${FUZZ_SECONDS:-60}"
done
