#!/usr/bin/env bash
# Every fuzz target for FUZZ_SECONDS (60) seconds; a crash ends it, its input is in fuzz/artifacts.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

# Seeds: what the attacker's walk writes, taken apart, and the certificates of the vectors.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
QUEZAO_STATE_DIR=$work/state cargo run --locked -q -p quezao -- demo --forge --json "$work/demo" >/dev/null
python3 scripts/fuzz_seeds.py "$work/demo" fuzz/corpus

cargo +nightly fuzz list | while read -r target; do
    say "模糊测试：$target" "Fuzzing: $target"
    cargo +nightly fuzz run "$target" -- -max_total_time="${FUZZ_SECONDS:-60}" -verbosity=0 </dev/null
done
