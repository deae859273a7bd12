#!/usr/bin/env bash
# The main road on real photographs, in a fresh folder ./demo: register, export, and verify each one with
# our verifier, with the independent reader (verify.py), with openssl, poppler and the system's digest tools.
# Then three things that must not verify. Ends with an account of what was proved, and by whom, and leaves a portal running.
# Any step that does not answer as it should ends the demo with its message and exit 1.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

demo=demo
data=$demo/data
export QUEZAO_STATE_DIR=$root/$demo/state
reader=crates/archive/assets/verify.py
offline=()
step=start
site=
port=

main() {
    trap 'code=$?; [ -z "$site" ] || kill "$site" 2>/dev/null || true; [ "$code" -eq 0 ] || say "演示在这一步失败：$step" "The demo failed at this step: $step" >&2' EXIT
    step=build
    cargo build --locked -p quezao
    quezao=$(target_folder)/debug/quezao
    fresh_folder
    # Verifying needs no network: where the kernel allows it, it is done without one.
    if unshare -rn true 2>/dev/null; then offline=(unshare -rn); fi

    register
    heading "逐件核验" "Verifying each one"
    verify_all
    collect_all
    heading "必须被拒绝的" "What must be refused"
    refusals
    capture_page
    outside_authority
    judicial_nodes
    walk
    account
    portal
}

# The portal on the same folder stays, so that there is something to look at; the next demo ends it.
portal() {
    step="quezao serve"
    setsid nohup "$quezao" serve --data "$data" --listen "127.0.0.1:$port" </dev/null >"$demo/portal.log" 2>&1 &
    echo $! >"$demo/portal.pid"
    for _ in $(seq 100); do grep -q '/set-up/' "$demo/portal.log" && break; sleep 0.1; done
    heading "门户，仍在运行" "The portal, still running"
    sed 's/^/    /' "$demo/portal.log"
    grep -q '/set-up/' "$demo/portal.log"
    say "    打开第一个地址，设一个登录名和密码，十张照片就在证据库里。停止：kill \$(cat $demo/*.pid)" \
        "    Open the first address and choose a name and a password: the ten photographs are in the library. To end it: kill \$(cat $demo/*.pid)"
}

# Ends the portal and the nodes that an earlier demo left, and nothing else that has their numbers by now.
end_portal() {
    local pid
    while read -r pid; do
        case $(readlink "/proc/$pid/exe" 2>/dev/null) in */quezao*) kill "$pid" 2>/dev/null || true ;; esac
        for _ in $(seq 50); do [ -e "/proc/$pid" ] || break; sleep 0.1; done
    done < <(cat "$demo"/*.pid 2>/dev/null || true)
}

# Three courts, each a node with its own keys and its own copy, under the rule "two of three"; they stay with the portal,
# which they follow. What was sealed before them is final from now on too.
judicial_nodes() {
    local n id file folder=$demo/courts key
    heading "三个司法节点" "Three judicial nodes"
    step="quezao node"
    mkdir -p "$folder"
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    key=$("$quezao" admin keys --data "$data" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["ledger_key"])')
    for n in 1 2 3; do
        setsid nohup "$quezao" node --data "$folder/$n" --ledger "http://127.0.0.1:$port/ledger" --log-key "$key" \
            --name "court-$n.example/node" --listen 127.0.0.1:0 </dev/null >"$folder/$n.log" 2>&1 &
        echo $! >"$demo/court-$n.pid"
        for _ in $(seq 100); do grep -q 'http://127' "$folder/$n.log" && break; sleep 0.1; done
    done
    step="quezao node key"
    python3 - "$quezao" "$folder" "$key" <<'PY'
import json, re, subprocess, sys
quezao, folder, log = sys.argv[1:]
policy, roles = [f"log {log}"], []
for n in (1, 2, 3):
    key = json.loads(subprocess.check_output([quezao, "node", "key", "--data", f"{folder}/{n}", "--json"]))
    address = re.search(r"http://127[0-9.:]+", open(f"{folder}/{n}.log", encoding="utf-8").read())[0]
    policy.append(f"witness court-{n} {key['witness'][0]} {address}")
    roles.append({"key": key["witness"][0], "role": "court", "name": f"演示法院 {'甲乙丙'[n - 1]}", "independent": True, "from": None, "until": None})
policy += ["group courts 2 court-1 court-2 court-3", "quorum courts", ""]
open(f"{folder}/policy", "w", encoding="utf-8").write("\n".join(policy))
json.dump(roles, open(f"{folder}/roles.json", "w", encoding="utf-8"), ensure_ascii=False)
PY
    step="quezao admin policy set"
    "$quezao" admin policy set "$folder/policy" --data "$data" | sed 's/^/    /'
    printf 'seen by three courts\n' >"$folder/note.txt"
    step="quezao deposit, cosigned"
    "$quezao" deposit --data "$data" --json "$folder/note.txt" >"$demo/reports/courts.deposit.jsonl"
    "$quezao" stamp --data "$data" >/dev/null
    id=$(python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())["id"])' <"$demo/reports/courts.deposit.jsonl")
    "$quezao" export --data "$data" --output "$folder" "$id" >/dev/null
    for file in "$folder/$id.pdf" "$folder/$id.zip"; do
        step="quezao verify $file"
        "${offline[@]}" "$quezao" verify --data "$data" --json "$file" "$folder/note.txt" >"$demo/reports/courts.json"
        step="the three cosignatures in $file"
        python3 - "$demo/reports/courts.json" "$language" <<'PY'
import json, sys
verdict = json.load(open(sys.argv[1], encoding="utf-8"))
policy = next(c for c in verdict["checks"] if c["id"] == "policy")
if verdict["result"] != "verified" or "已获 3 个见证密钥签署" not in policy["zh"]:
    sys.exit(f"{verdict['result']}: {policy['zh']}")
print("    " + policy["zh" if sys.argv[2] == "zh" else "en"])
PY
    done
    step="verify.py $folder/$id.zip"
    "${offline[@]}" python3 "$reader" --trust "$data/trust" "$folder/$id.zip" "$folder/note.txt" >"$demo/reports/$id.verify-py.txt"
    say "    节点各有自己的密钥与副本，只签署没有改写过去的账本。（三个节点都在本机，只作演示。）" \
        "    Each node has its own keys and copy, and signs only a ledger that did not rewrite its past. (All three run on this machine, for show.)"
}

# The embedded authority's seal beside one from outside: an `openssl ts` authority on a loopback port, which ends by
# itself. Last, so that nothing else rests on it; then it is removed again.
outside_authority() {
    local folder=$demo/outside id first port=$demo/outside/port
    heading "外部时间戳机构" "A time authority from outside"
    step="scripts/tsa.py"
    mkdir -p "$folder"
    python3 scripts/tsa.py "$folder/authority" "$port" 120 &
    site=$!
    for _ in $(seq 100); do [ -s "$port" ] && break; sleep 0.1; done
    step="quezao admin tsa add"
    "$quezao" admin tsa add outside --data "$data" --url "http://127.0.0.1:$(cat "$port")/" \
        --root "$folder/authority/root.pem" --pace 0 >/dev/null
    step="quezao admin tsa check"
    "$quezao" admin tsa check --data "$data"
    printf 'sealed from outside\n' >"$folder/note.txt"
    step="quezao deposit, sealed from outside"
    "$quezao" deposit --data "$data" --json "$folder/note.txt" >"$demo/reports/outside.deposit.jsonl"
    "$quezao" stamp --data "$data" >/dev/null
    id=$(python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())["id"])' <"$demo/reports/outside.deposit.jsonl")
    "$quezao" export --data "$data" --output "$folder" "$id" >/dev/null
    step="quezao verify $folder/$id.zip"
    "${offline[@]}" "$quezao" verify --data "$data" --json "$folder/$id.zip" "$folder/note.txt" >"$demo/reports/$id.json"
    step="verify.py $folder/$id.zip"
    "${offline[@]}" python3 "$reader" --trust "$data/trust" "$folder/$id.zip" "$folder/note.txt" >"$demo/reports/$id.verify-py.txt"
    kill "$site" 2>/dev/null || true
    site=
    step="quezao admin tsa remove"
    "$quezao" admin tsa remove outside --data "$data" >/dev/null
    first=$(head -n1 "$demo/reports/records.tsv" | cut -f1)
    step="the two seals"
    python3 - "$demo/reports/$first.json" "$demo/reports/$id.json" "$language" <<'PY'
import json, sys
zh = sys.argv[3] == "zh"
for path, result, name in ((sys.argv[1], "limited", "内置" if zh else "embedded"), (sys.argv[2], "pass", "外部" if zh else "outside")):
    verdict = json.load(open(path, encoding="utf-8"))
    seal = next(c for c in verdict["checks"] if c["id"] == "sealing-token-1")
    if verdict["result"] != "verified" or seal["result"] != result:
        sys.exit(f"{path}: {verdict['result']}, sealing-token-1 {seal['result']}, not {result}")
    print(f"    {name}  {seal['zh' if zh else 'en']}")
PY
    say "    区别：内置机构的时间是运营者自己的话；外部机构的签名不在运营者手里，他事后改不了那个日期。（这里的外部机构也在本机，只作演示。）" \
        "    The difference: the embedded authority's time is the operator's own word; an outside one's key is not in his hands, so he cannot date anything back. (This one runs on the same machine, for show.)"
}

# One certificate for the ten photographs: a line for each of them, its pages drawn again, the independent reader on the
# package and on what pdfdetach takes out; with a photograph that is on no line it must fail.
collect_all() {
    local id pdf
    heading "十张照片，一份证书" "Ten photographs, one certificate"
    step="quezao collect"
    "$quezao" collect --data "$data" --all --title 十张照片 --json >"$demo/reports/collect.json"
    id=$(python3 -c 'import json, sys; line = json.load(sys.stdin); assert line["items"] == 10, line; print(line["id"])' <"$demo/reports/collect.json")
    pdf=$demo/certificates/$id.pdf
    step="quezao export $id"
    "$quezao" export --data "$data" --output "$demo/certificates" "$id" >/dev/null
    step="quezao verify --render $pdf, ten photographs"
    "${offline[@]}" "$quezao" verify --data "$data" --render --json "$pdf" "${photographs[@]}" >"$demo/reports/$id.pdf.json"
    [ "$(grep -o '"id":"collection-file-[0-9]*","result":"pass"' "$demo/reports/$id.pdf.json" | wc -l)" -eq 10 ]
    step="verify.py $demo/certificates/$id.zip"
    "${offline[@]}" python3 "$reader" --trust "$data/trust" "$demo/certificates/$id.zip" "${photographs[@]}" >"$demo/reports/$id.verify-py.txt"
    step="pdfdetach -saveall $pdf"
    mkdir -p "$demo/detached/$id"
    pdfdetach -saveall -o "$demo/detached/$id" "$pdf" 2>/dev/null
    step="verify.py $demo/detached/$id"
    "${offline[@]}" python3 "$reader" --trust "$data/trust" "$demo/detached/$id" "${photographs[0]}" >"$demo/reports/$id.detached.txt"
    flip "${photographs[0]}" "$demo/refused/on-no-line.jpg"
    expect 1 "$quezao" verify --data "$data" "$pdf" "${photographs[1]}" "$demo/refused/on-no-line.jpg"
    say "成立  合集 $id：十行逐一相符；另给一张改了一个比特的照片，不成立" \
        "holds  collection $id: a line for each of the ten; with a photograph of which one bit was changed it does not"
}

# A shop's page on this machine that shows one of the registered photographs, recompressed and resized, and one that
# nobody registered: captured, verified, compared.
capture_page() {
    local id registered port=$demo/site/port
    heading "一个店铺网页" "A shop's page"
    step="quezao doctor"
    if ! "$quezao" doctor --json 2>/dev/null | grep -q '"subject":"capture".*"level":"ok"\|"level":"ok".*"subject":"capture"'; then
        say "未取证：本系统不允许隔离浏览器；见 quezao doctor" "not captured: this system does not let a browser be isolated; see quezao doctor"
        return 0
    fi
    mkdir -p "$demo/site"
    # The small picture on the certificate is the photograph, made smaller and compressed anew.
    step="pdfimages of the first certificate"
    registered=$(head -n1 "$demo/reports/records.tsv" | cut -f1)
    pdfimages -all "$demo/certificates/$registered.pdf" "$demo/site/drawn" 2>/dev/null
    mv "$(find "$demo/site" -name 'drawn-*.jpg' -printf '%s\t%p\n' | sort -n | tail -n1 | cut -f2)" "$demo/site/photo.jpg"
    rm -f "$demo/site"/drawn-*
    cp "$(scripts/photographs.sh 11 | tail -n1 | cut -f2)" "$demo/site/other.jpg"
    cat >"$demo/site/index.html" <<'HTML'
<!doctype html><meta charset="utf-8"><title>秋日·林荫 装饰画</title>
<h1>秋日·林荫 装饰画</h1><p>价格 ¥199，月销 1,024 件，全国包邮。</p>
<img src="photo.jpg" width="640" alt=""> <img src="other.jpg" width="320" alt="">
HTML
    python3 - "$demo/site" "$port" <<'PY' &
import functools, http.server, sys
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=sys.argv[1]))
open(sys.argv[2], "w").write(str(server.server_address[1]))
server.serve_forever()
PY
    site=$!
    for _ in $(seq 50); do [ -s "$port" ] && break; sleep 0.1; done
    step="quezao capture"
    "$quezao" capture --data "$data" --allow-loopback "127.0.0.1:$(cat "$port")" --json "http://127.0.0.1:$(cat "$port")/" >"$demo/reports/capture.jsonl" 2>"$demo/reports/capture.txt"
    kill "$site" 2>/dev/null || true
    site=
    id=$(python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())["id"])' <"$demo/reports/capture.jsonl")
    step="quezao export $id"
    "$quezao" export --data "$data" --output "$demo/certificates" --originals "$id" >/dev/null
    step="quezao verify $demo/certificates/$id.zip"
    "${offline[@]}" "$quezao" verify --data "$data" --json "$demo/certificates/$id.zip" >"$demo/reports/$id.json"
    step="verify.py $demo/certificates/$id.zip"
    "${offline[@]}" python3 "$reader" --trust "$data/trust" "$demo/certificates/$id.zip" >"$demo/reports/$id.verify-py.txt"
    step="quezao verify --render $demo/certificates/$id.pdf $demo/certificates/$id.wacz"
    "${offline[@]}" "$quezao" verify --data "$data" --render --json "$demo/certificates/$id.pdf" "$demo/certificates/$id.wacz" >"$demo/reports/$id.pdf.json"
    step="pdfsig $demo/certificates/$id.pdf"
    pdfsig -nocert "$demo/certificates/$id.pdf" >"$demo/reports/$id.pdfsig.txt" 2>/dev/null || true
    grep -q 'Signature is Valid' "$demo/reports/$id.pdfsig.txt"
    say "成立  网页已取证：先有指令，后有页面；取证报告 $demo/certificates/$id.pdf；$demo/certificates/$id.wacz 可用 ReplayWeb.page 回放" \
        "holds  the page, captured after its order was on the ledger; its report is $demo/certificates/$id.pdf; $demo/certificates/$id.wacz replays in ReplayWeb.page"
    compare_page "$id" "$registered"
}

# compare_page CAPTURE RECORD: the page's images against all registered ones. The one pair is the photograph of RECORD;
# its figures are computed again from the WACZ and the photograph.
compare_page() {
    local capture=$1 registered=$2 photograph comparison
    heading "页面图像与登记图像比对" "The page's images against the registered ones"
    step="quezao compare $capture"
    "$quezao" compare --data "$data" --json "$capture" >"$demo/reports/compare.json"
    comparison=$(python3 - "$demo/reports/compare.json" "$registered" "$language" <<'PY'
import json, sys
line = json.load(open(sys.argv[1], encoding="utf-8"))
pairs, zh = line["pairs"], sys.argv[3] == "zh"
if [(p["record"]["id"], p["similarity"]) for p in pairs] != [(sys.argv[2], "close")]:
    sys.exit(f"not the one pair that there is: {pairs}")
pair, image = pairs[0], pairs[0]["image"]
print(line["id"])
rows = [
    ("页面" if zh else "page", f"{image['url']}  {image['width']} × {image['height']}", image["sha256"], line["capture"]),
    ("登记" if zh else "registered", pair["record"]["id"], pair["record"]["sha256"], pair["record"]["id"]),
]
for name, what, sha256, id in rows:
    print(f"    {name}  {what}\n        SHA-256 {sha256}", file=sys.stderr)
match = pair["match"]
print(f"    dct-256 {match['dct']}/256, gradient-512 {match['gradient']}/512", file=sys.stderr)
print("    相似度由算法给出，不是侵权认定；未发现相似不等于不存在。" if zh else
      "    Similarity by algorithm, not a finding of infringement; no match does not mean absent.", file=sys.stderr)
PY
    )
    photograph=$(awk -F'\t' -v id="$registered" '$1 == id { print $2 }' "$demo/reports/records.tsv")
    [ -f "$photograph" ] || photograph=$demo/photographs/$(basename "$photograph")
    step="quezao export $comparison"
    "$quezao" export --data "$data" --output "$demo/certificates" --originals "$comparison" >/dev/null
    step="quezao verify $demo/certificates/$comparison.zip"
    "${offline[@]}" "$quezao" verify --data "$data" --json "$demo/certificates/$comparison.zip" \
        "$demo/certificates/$capture.wacz" "$photograph" >"$demo/reports/$comparison.json"
    grep -q '"id":"comparison-distances","result":"pass"' "$demo/reports/$comparison.json"
    step="quezao verify --render $demo/certificates/$comparison.pdf"
    "${offline[@]}" "$quezao" verify --data "$data" --render --json "$demo/certificates/$comparison.pdf" \
        "$demo/certificates/$comparison.comparison.json" "$demo/certificates/$capture.wacz" "$photograph" >"$demo/reports/$comparison.pdf.json"
    step="verify.py $demo/certificates/$comparison.zip"
    "${offline[@]}" python3 "$reader" --trust "$data/trust" "$demo/certificates/$comparison.zip" >"$demo/reports/$comparison.verify-py.txt"
    say "成立  比对另成一条记录 $comparison；距离由 WACZ 和原件重新算出，相同" \
        "holds  a record of its own, $comparison; distances computed again from WACZ and original are the same"
}

heading() { printf '\n'; say "— $1" "— $2"; }

# Removes ./demo only if an earlier demo made it.
fresh_folder() {
    step="fresh folder"
    if [ -e "$demo" ]; then
        [ -f "$demo/.made-by-make-demo" ] || stop "./demo 不是演示建立的，未改动。请移走后重试。" \
            "./demo was not made by the demo and was left as it is. Move it away and try again."
        end_portal
        rm -rf "$demo"
    fi
    mkdir -p "$demo/photographs" "$demo/reports" "$demo/refused"
    touch "$demo/.made-by-make-demo"
    local name path
    while IFS=$'\t' read -r name path; do cp "$path" "$demo/photographs/$name"; done < <(scripts/photographs.sh 10)
    photographs=("$demo"/photographs/*.jpg)
    [ ${#photographs[@]} -eq 10 ] || stop "只找到 ${#photographs[@]} 张照片，需要 10 张。" \
        "Found ${#photographs[@]} photographs; 10 are needed."
}

register() {
    heading "建立账本，登记 ${#photographs[@]} 张照片" "A ledger, and ${#photographs[@]} photographs registered"
    step="quezao init"
    "$quezao" init --data "$data" --owner-kind individual --owner-name 林晚 --owner-id 11010519491231002X
    step="quezao deposit"
    "$quezao" deposit --data "$data" --author 林晚 --json "${photographs[@]}" >"$demo/reports/deposit.jsonl"
    # One line a photograph: record number, path.
    python3 - "$demo/reports/deposit.jsonl" >"$demo/reports/records.tsv" <<'PY'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
for line in lines:
    if line["status"] not in ("new", "pending") or not line["id"]:
        sys.exit(f"not registered: {line}")
    print(line["id"], line["file"], sep="\t")
if len(lines) != 10:
    sys.exit(f"{len(lines)} lines for 10 photographs")
PY
    step="quezao export"
    cut -f1 "$demo/reports/records.tsv" | xargs "$quezao" export --data "$data" --output "$demo/certificates" --json >"$demo/reports/export.jsonl"
}

verify_all() {
    local id photograph package count=0
    while IFS=$'\t' read -r -u 3 id photograph; do
        package=$demo/certificates/$id.zip
        [ -f "$photograph" ] || photograph=$demo/photographs/$(basename "$photograph")
        step="quezao verify $package $photograph"
        "${offline[@]}" "$quezao" verify --data "$data" --json "$package" "$photograph" >"$demo/reports/$id.json"
        step="verify.py $package $photograph"
        "${offline[@]}" python3 "$reader" --trust "$data/trust" "$package" "$photograph" >"$demo/reports/$id.verify-py.txt"
        foreign_tools "$id" "$package" "$photograph"
        count=$((count + 1))
        say "成立  $(basename "$photograph")  $id" "holds  $(basename "$photograph")  $id"
    done 3<"$demo/reports/records.tsv"
    [ "$count" -eq 10 ] || stop "核验了 $count 件，应为 10 件。" "$count were verified, not 10."
}

# Without any program of this project: digests against the statement, tokens against the root that is
# in the reader's own trust folder, not the one that the package brings.
foreign_tools() {
    local id=$1 photograph=$3 folder=$demo/opened/$1 sha256 sm3
    step="unzip $2"
    mkdir -p "$folder"
    python3 -m zipfile -e "$2" "$folder"
    cat "$data"/trust/tsa-*.pem >"$demo/reports/roots.pem"

    step="digests of $photograph"
    sha256=$(sha256sum "$photograph" | cut -d' ' -f1)
    sm3=$(openssl dgst -sm3 -r "$photograph" | cut -d' ' -f1)
    python3 - "$folder/statement.json" "$sha256" "$sm3" <<'PY'
import json, sys
file = json.load(open(sys.argv[1], encoding="utf-8"))["file"]
for name, found in (("sha256", sys.argv[2]), ("sm3", sys.argv[3])):
    if file[name] != found:
        sys.exit(f"{name}: the statement says {file[name]}, the file has {found}")
PY
    openssl_token "$folder/statement.json" "$folder/timestamp-1.tsr"
    openssl_token "$folder/checkpoint.txt" "$folder/checkpoint.tsr"
    certificate "$id" "$photograph"
}

# The certificate alone, beside the photograph: our verifier, which draws its pages again, and poppler. What
# pdfdetach takes out is what the package holds, and the independent reader accepts it.
certificate() {
    local id=$1 photograph=$2 pdf=$demo/certificates/$1.pdf detached=$demo/detached/$1 file
    step="quezao verify --render $pdf"
    "${offline[@]}" "$quezao" verify --data "$data" --render --json "$pdf" "$photograph" >"$demo/reports/$id.pdf.json"
    step="pdfsig $pdf"
    # 1970 is pdfsig's reading of the document time-stamp, which it cannot check; its first block is the signature.
    pdfsig -nocert "$pdf" >"$demo/reports/$id.pdfsig.txt" 2>/dev/null || true
    grep -q 'Signature is Valid' "$demo/reports/$id.pdfsig.txt"
    step="pdfdetach -saveall $pdf"
    mkdir -p "$detached"
    pdfdetach -saveall -o "$detached" "$pdf" 2>/dev/null
    for file in "$detached"/*; do cmp "$file" "$demo/opened/$id/$(basename "$file")"; done
    [ -f "$detached/proof.tlog-proof" ] && [ -f "$detached/VERIFY.txt" ]
    step="verify.py $detached"
    "${offline[@]}" python3 "$reader" --trust "$data/trust" "$detached" "$photograph" >"$demo/reports/$id.detached.txt"
}

# openssl_token DATA TOKEN: as VERIFY.txt tells; -attime because openssl compares no certificate with genTime.
openssl_token() {
    local at
    step="openssl ts -verify -data $1 -in $2"
    at=$(openssl ts -reply -in "$2" -text 2>/dev/null | sed -n 's/^Time stamp: //p')
    at=$(date -u -d "$at" +%s)
    if ! "${offline[@]}" openssl ts -verify -data "$1" -in "$2" -CAfile "$demo/reports/roots.pem" -attime "$at" >"$demo/reports/openssl.txt" 2>&1; then
        cat "$demo/reports/openssl.txt" >&2
        exit 1
    fi
    grep -q 'Verification: OK' "$demo/reports/openssl.txt"
}

# expect CODE COMMAND…: the command must end with exactly this exit code.
expect() {
    local wanted=$1 code=0
    shift
    step="$*"
    "${offline[@]}" "$@" >"$demo/reports/refused.txt" 2>&1 || code=$?
    if [ "$code" -ne "$wanted" ]; then
        cat "$demo/reports/refused.txt" >&2
        stop "退出码 $code，应为 $wanted：$*" "exit $code instead of $wanted: $*"
    fi
}

refusals() {
    local id photograph package
    IFS=$'\t' read -r id photograph <"$demo/reports/records.tsv"
    [ -f "$photograph" ] || photograph=$demo/photographs/$(basename "$photograph")
    package=$demo/certificates/$id.zip

    flip "$photograph" "$demo/refused/one-bit.jpg"
    expect 1 "$quezao" verify --data "$data" "$package" "$demo/refused/one-bit.jpg"
    cp "$demo/reports/refused.txt" "$demo/refused/one-bit.jpg.txt"
    expect 1 python3 "$reader" --trust "$data/trust" "$package" "$demo/refused/one-bit.jpg"
    say "不成立  照片改了一个比特（两个核验器都退出 1）" "refused  one bit of the photograph changed (both verifiers exit 1)"

    flip "$package" "$demo/refused/one-bit.zip"
    expect 1 "$quezao" verify --data "$data" "$demo/refused/one-bit.zip" "$photograph"
    say "不成立  证据包改了一个比特（退出 1）" "refused  one bit of the package changed (exit 1)"

    flip "$demo/certificates/$id.pdf" "$demo/refused/one-bit.pdf"
    expect 1 "$quezao" verify --data "$data" "$demo/refused/one-bit.pdf" "$photograph"
    say "不成立  证书改了一个比特（退出 1）" "refused  one bit of the certificate changed (exit 1)"

    expect 3 "$quezao" verify "$package" "$photograph"
    say "不完整  没有核验者自己的信任清单：证据包自带的密钥不算数（退出 3）" \
        "incomplete  no trust of the reader's own: keys that a package brings count for nothing (exit 3)"
}

# The attacker's walk: every forgery with the platform's own keys in the wrong hands.
walk() {
    heading "攻击者拿着平台的全部密钥" "An attacker with all of the platform's keys"
    step="quezao demo --forge"
    "$quezao" demo --forge --picture "${photographs[0]}" --picture "${photographs[1]}" "$demo/walk" >"$demo/reports/walk.txt"
    grep -E -A1 '^[✗☐]' "$demo/reports/walk.txt" | grep -v '^--'
}

# flip FROM TO: a copy with the lowest bit of its middle byte changed.
flip() {
    python3 - "$1" "$2" <<'PY'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[len(data) // 2] ^= 1
open(sys.argv[2], "wb").write(data)
PY
}

account() {
    step=account
    local network
    network=$(say "未断网（系统不允许）" "with the network on (this system does not let us cut it)")
    [ ${#offline[@]} -eq 0 ] || network=$(say "断网" "without a network")
    heading "账目" "Account"
    python3 - "$demo" "$language" "$network" <<'PY'
import glob, json, sys
demo, language, network = sys.argv[1:4]
ids = [line.split("\t")[0] for line in open(f"{demo}/reports/records.tsv", encoding="utf-8")]
lowest, highest, size = None, None, 0
for id in ids:
    record = json.load(open(f"{demo}/opened/{id}/record.json", encoding="utf-8"))
    times = [stamp["gen_time"] for stamp in record["timestamps"]]
    lowest, highest = min([*times, lowest or times[0]]), max([*times, highest or times[0]])
    note = open(f"{demo}/opened/{id}/checkpoint.txt", encoding="utf-8").read().split("\n")
    origin, size = note[0], max(size, int(note[1]))
verdicts = [json.load(open(f"{demo}/reports/{id}.json", encoding="utf-8")) for id in ids]
if any(verdict["result"] != "verified" for verdict in verdicts):
    sys.exit("a verdict is not `verified`")
limited = sorted({check["id"] for verdict in verdicts for check in verdict["checks"] if check["result"] == "limited"})

def when(gen_time):
    digits = gen_time.rstrip("Z")
    return "{}-{}-{} {}:{}:{} UTC".format(digits[:4], digits[4:6], digits[6:8], digits[8:10], digits[10:12], digits[12:])

rows = {
    "zh": [
        ("证明了", f"{len(ids)} 张照片、其存证主体与声明，最晚在 {when(lowest)} 至 {when(highest)} 已经存在，此后一个比特也没有改变"),
        ("谁盖的时间", "本账本自带的时间戳服务：平台自签时间标记，不是独立机构"),
        ("谁管账本", f"林晚本人，单一运营者，封存时无见证者：自行固定记录。账本 {origin}，共 {size} 条"),
        ("谁核验的", f"quezao verify、verify.py（只用 Python 标准库与 openssl）、openssl ts、pdfsig、pdfdetach、sha256sum、openssl dgst -sm3；{network}"),
        ("有保留", "、".join(limited) or "无"),
        ("没有证明", "谁拍摄了照片、权利归谁、登记之前发生过什么；运营者若自己改动时钟，这里看不出"),
        ("证书", f"{demo}/certificates/*.pdf，附有全部证据：一个 PDF 加原件就够；同名 .zip 为证据包；照片 {demo}/photographs/"),
        ("信任清单", f"{demo}/data/trust/；核验报告 {demo}/reports/；被拒绝的 {demo}/refused/"),
    ],
    "en": [
        ("Proved", f"{len(ids)} photographs, their owner and claims existed no later than {when(lowest)} to {when(highest)}; not one bit has changed since"),
        ("Time by", "the ledger's own embedded authority (平台自签时间标记), not an independent one"),
        ("Ledger by", f"林晚, the owner: a single operator, no witness when they were sealed, a self-made record. {origin}, {size} leaves"),
        ("Verified by", f"quezao verify, verify.py (Python's standard library and openssl only), openssl ts, pdfsig, pdfdetach, sha256sum, openssl dgst -sm3; {network}"),
        ("Reservations", ", ".join(limited) or "none"),
        ("Not proved", "who took the pictures, who owns the rights, what was true before; an operator who sets his own clock wrong is not seen here"),
        ("Certificates", f"{demo}/certificates/*.pdf, all evidence attached: one PDF beside the original is enough; packages of the same name (.zip); photographs in {demo}/photographs/"),
        ("Trust", f"{demo}/data/trust/; reports in {demo}/reports/; what was refused in {demo}/refused/"),
    ],
}[language]
for name, value in rows:
    print(f"{name}\n    {value}" if language == "zh" else f"{name + ':':<15}{value}")
PY
    printf '\n'
    say "再看一次：" "Look again:"
    printf '    %s verify --data %s %s %s\n' "$quezao" "$data" "$demo/certificates/$(head -n1 "$demo/reports/records.tsv" | cut -f1).pdf" \
        "$(head -n1 "$demo/reports/records.tsv" | cut -f2)"
}

main
