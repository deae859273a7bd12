#!/usr/bin/env bash
# packaging/deb.sh [FOLDER]: a Debian package of an executable that is built already, in FOLDER (target/deb).
#
# QUEZAO names the executable (target/release/quezao), COMPRESSION how it is packed (xz). Needs dpkg-deb alone, no network; the same executable and commit
# give the same bytes. The version is the workspace's, with the commit's time where the tree is between releases.
set -euo pipefail
. "$(dirname "$0")/../scripts/common.sh"
cd "$root"

quezao=${QUEZAO:-$(target_folder)/release/quezao}
output=${1:-target/deb}
[ -x "$quezao" ] || stop "没有可执行文件 $quezao；请先运行 cargo build --release" "There is no executable $quezao; run cargo build --release first"
have dpkg-deb || stop "缺少 dpkg-deb（Debian 的 dpkg）" "dpkg-deb is missing (Debian's dpkg)"

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
git describe --exact-match --tags >/dev/null 2>&1 || version="$version~$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S)"
architecture=$(dpkg --print-architecture)
name=quezao_${version}_$architecture
# Whoever builds it for others puts an address of their own here.
maintainer=${MAINTAINER:-"Quezao packagers <quezao@example.org>"}
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
umask 022
chmod 755 "$tree"

# The newest symbol of libc that the executable asks for.
libc=$(objdump -T "$quezao" | grep -o 'GLIBC_[0-9.]*' | sed 's/GLIBC_//' | sort -Vu | tail -1)

put() { install -D -m "$1" "$2" "$tree/$3"; }
put 755 "$quezao" usr/bin/quezao
strip --strip-unneeded "$tree/usr/bin/quezao"
put 644 packaging/quezao.service usr/lib/systemd/system/quezao.service
put 644 packaging/quezao-node.service usr/lib/systemd/system/quezao-node.service
put 644 packaging/quezao.sysusers usr/lib/sysusers.d/quezao.conf
put 644 packaging/quezao.tmpfiles usr/lib/tmpfiles.d/quezao.conf
put 644 packaging/quezao.default etc/default/quezao
put 644 packaging/no-capture.conf usr/share/doc/quezao/examples/no-capture.conf
for page in README.md README.zh-CN.md docs/*.md; do put 644 "$page" "usr/share/doc/quezao/$(basename "$page")"; done
put 644 CHANGELOG.md usr/share/doc/quezao/CHANGELOG.md
put 644 packaging/copyright usr/share/doc/quezao/copyright
put 644 packaging/lintian-overrides usr/share/lintian/overrides/quezao
printf 'quezao (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md beside this file.\n\n -- %s  %s\n' \
    "$version" "$maintainer" "$(date -uRd "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$tree/usr/share/doc/quezao/changelog.gz"

# The browser's verifier, where `make verifier` built it: the portal offers it from there.
for file in "$(target_folder)"/verifier/*; do
    [ -f "$file" ] && put 644 "$file" "usr/share/quezao/verifier/$(basename "$file")"
done

# What the executable says of itself.
mkdir -p "$tree/usr/share/man/man1" "$tree/usr/share/man/zh_CN/man1"
LC_ALL=C.UTF-8 "$quezao" man --output "$tree/usr/share/man/man1"
LC_ALL=zh_CN.UTF-8 "$quezao" man --output "$tree/usr/share/man/zh_CN/man1"
gzip -9n "$tree"/usr/share/man/man1/* "$tree"/usr/share/man/zh_CN/man1/*
completions() {
    mkdir -p "$(dirname "$tree/$2")"
    "$quezao" completions "$1" >"$tree/$2"
}
completions bash usr/share/bash-completion/completions/quezao
completions zsh usr/share/zsh/vendor-completions/_quezao
completions fish usr/share/fish/vendor_completions.d/quezao.fish

mkdir "$tree/DEBIAN"
echo /etc/default/quezao >"$tree/DEBIAN/conffiles"
install -m 755 packaging/postinst packaging/prerm packaging/postrm "$tree/DEBIAN"
cat >"$tree/DEBIAN/control" <<END
Package: quezao
Version: $version
Architecture: $architecture
Maintainer: $maintainer
Section: net
Priority: optional
Installed-Size: $(du -sk --exclude=DEBIAN "$tree" | cut -f1)
Depends: libc6 (>= $libc), libgcc-s1
Recommends: ca-certificates, chromium, fonts-noto-cjk, systemd | systemd-standalone-sysusers
Description: image deposit and web forensics with offline proofs
 Registers pictures and files, captures web pages, and gives certificates and
 evidence packages that anybody can verify offline: digests, time-stamps
 (RFC 3161) and a transparency log. A portal, an API and a command line over
 one data folder.
END
(cd "$tree" && find . -path ./DEBIAN -prune -o -type f -printf '%P\n' | sort | xargs -d '\n' md5sum) >"$tree/DEBIAN/md5sums"

mkdir -p "$output"
# shellcheck disable=SC2086 # an algorithm, and perhaps how hard it works
dpkg-deb --build --root-owner-group -Z${COMPRESSION:-xz} "$tree" "$output/$name.deb" >&2
echo "$output/$name.deb"
