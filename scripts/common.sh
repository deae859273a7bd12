# Sourced by the other scripts: where things are, and two languages.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=$root/target/tools
export PATH="$tools/bin:$PATH"

# The locale that decides, in POSIX order; the executable does the same.
case "${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}" in
    zh*) language=zh ;;
    *) language=en ;;
esac

# say ZH EN: one line on stdout in the person's language.
say() {
    if [ "$language" = zh ]; then printf '%s\n' "$1"; else printf '%s\n' "$2"; fi
}

# stop ZH EN: the same on stderr, and the end of the script.
stop() {
    say "$1" "$2" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# from_pypi NAME WORD PIPOPTION…: $tools/NAME is a Python environment with exactly scripts/NAME.txt; sets venv.
# Exit 2 where it could not be fetched.
from_pypi() {
    local name=$1 word=$2
    shift 2
    venv=$tools/$name
    cmp -s "$root/scripts/$name.txt" "$venv/$name.txt" && return 0
    rm -rf "$venv"
    if ! { python3 -m venv "$venv" &&
        "$venv/bin/pip" install --quiet --disable-pip-version-check "$@" -r "$root/scripts/$name.txt"; } >&2; then
        say "无法从 PyPI 取得 $word。" "$word could not be fetched from PyPI." >&2
        exit 2
    fi
    cp "$root/scripts/$name.txt" "$venv/$name.txt"
}

# Where cargo puts what it builds.
target_folder() {
    cargo metadata --locked --no-deps --format-version 1 | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])'
}
