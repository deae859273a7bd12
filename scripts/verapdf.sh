#!/usr/bin/env bash
# scripts/verapdf.sh FILE.pdf…: is each a PDF/A-3b, as veraPDF sees it? Exit 0 yes, 1 no, 2 it could not be asked.
# Needs java and, the first time, mvn, which fetches veraPDF from Maven Central.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if ! have java; then
    say "没有 java：安装 default-jdk-headless。" "There is no java: install default-jdk-headless." >&2
    exit 2
fi
path=$tools/verapdf.classpath
if [ ! -s "$path" ] || [ "$root/scripts/verapdf/pom.xml" -nt "$path" ]; then
    if ! have mvn; then
        say "没有 mvn：安装 maven。" "There is no mvn: install maven." >&2
        exit 2
    fi
    mkdir -p "$tools"
    if ! mvn -q -B -f "$root/scripts/verapdf/pom.xml" dependency:build-classpath -Dmdep.outputFile="$path.new" >&2; then
        say "无法从 Maven Central 取得 veraPDF。" "veraPDF could not be fetched from Maven Central." >&2
        exit 2
    fi
    mv "$path.new" "$path"
fi
exec java -Xmx512m -cp "$(cat "$path")" "$root/scripts/verapdf/Check.java" "$@"
