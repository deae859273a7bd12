#!/usr/bin/env bash
# Measures what docs/benchmarks.md reports and prints it as Markdown. Ratios are taken within one run:
# absolute figures of a shared machine or disk change from day to day.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

# In one go: built one by one, each would ask for other features of what they share.
cargo build --locked --release -p quezao -p ledger -p certificate -p picture -p portal -p service -p store -p node --bin quezao \
    --example throughput --example speed --example shop --example near_speed --example near \
    --example load --example quorum --example mirror_speed --example quota --example merchants
folder=$(target_folder)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export QUEZAO_STATE_DIR=$work/state
scripts/photographs.sh 10 | cut -f2 >"$work/photographs"
printf 'Commit %s, %s cores, %s, %s\n\n' "$(git describe --always --dirty 2>/dev/null || echo unknown)" "$(nproc)" \
    "$(rustc --version)" "$(openssl version | cut -d'(' -f1)"
python3 scripts/machine.py
python3 scripts/bench.py "$folder/release/quezao" "$work" "${BENCH_COPIES:-20}"

# A shop's pictures: real ones cut and encoded anew. 4 GB, and as much again where they are kept.
if [ "$(df -Pk "$work" | awk 'NR == 2 { print $4 }')" -lt 10000000 ]; then
    echo "under 10 GB free in $work: the shop of ${BENCH_SHOP:-2000} pictures of 2 MB was not measured"
else
    mapfile -t photographs <"$work/photographs"
    "$folder/release/examples/shop" "$work/shop" "${BENCH_SHOP:-2000}" 2000000 "${photographs[@]}"
    python3 scripts/bench_folders.py "$folder/release/quezao" "$work"
    BENCH_DIR=$work python3 scripts/bench_serve.py "$folder/release/quezao" "$work/shop"
fi

BENCH_DIR=$work python3 scripts/bench_api.py "$folder/release/quezao" "$folder/release/examples/load"
BENCH_DIR=$work python3 scripts/bench_quorum.py "$folder/release/quezao" "$folder/release/examples/quorum"

# Many merchants in one folder. The target's size needs 15 GB and some minutes: BENCH_MERCHANTS=1000 BENCH_RECORDS=10000.
BENCH_DIR=$work python3 scripts/bench_merchants.py "$folder/release/quezao" "$folder/release/examples/merchants" \
    "$folder/release/examples/load" "${BENCH_MERCHANTS:-100}" "${BENCH_RECORDS:-2000}"

TMPDIR=$work "$folder/release/examples/quota"
"$folder/release/examples/throughput"
"$folder/release/examples/speed"
"$folder/release/examples/near_speed"
TMPDIR=$work "$folder/release/examples/mirror_speed" 300000 2000
if [ "$(df -Pk "$work" | awk 'NR == 2 { print $4 }')" -lt 10000000 ]; then
    echo "under 10 GB free in $work: queries over 10⁶ fingerprints were not measured"
else
    TMPDIR=$work "$folder/release/examples/near"
fi
