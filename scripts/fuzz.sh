#!/usr/bin/env bash
# Every fuzz target for FUZZ_SECONDS (60) seconds; a crash ends it, its input is in fuzz/artifacts.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

cargo +nightly fuzz list | while read -r target; do
    say "模糊测试：$target" "Fuzzing: $target"
    cargo +nightly fuzz run "$target" -- -max_total_time="${FUZZ_SECONDS:-60}" -verbosity=0 </dev/null
done
