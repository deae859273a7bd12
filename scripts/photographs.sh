#!/usr/bin/env bash
# Prints up to COUNT (default 10) photographs of Debian's wallpaper packages, one a line:
# NAME.jpg, a tab, the path. One picture of each wallpaper, its largest; photographs before drawings.
# They are used where they lie and never shipped.
set -euo pipefail

count=${1:-10}
photographs="Autumn BytheWater ColorfulCups DarkestHour EveningGlow FallenLeaf OneStandsOut Path ColdRipple Grey"

# SIZE, NAME, PATH of every JPEG that is not a thumbnail: a wallpaper is a folder or a file.
candidates() {
    local folder
    for folder in /usr/share/wallpapers /usr/share/backgrounds; do
        [ -d "$folder" ] || continue
        find "$folder" -type f \( -iname '*.jpg' -o -iname '*.jpeg' \) -size +100k -printf '%s\t%P\t%p\n'
    done | awk -F'\t' -v OFS='\t' '{ name = $2; sub(/\/.*/, "", name); sub(/\.[^.]*$/, "", name); print $1, name, $3 }'
}

candidates | LC_ALL=C sort -t "$(printf '\t')" -k1,1nr -k3,3 | awk -F'\t' -v OFS='\t' -v wanted="$photographs" -v count="$count" '
    !($2 in path) { path[$2] = $3; order[++seen] = $2 }
    END {
        n = split(wanted, first, " ")
        for (i = 1; i <= n; i++) if (first[i] in path) emit(first[i])
        for (i = 1; i <= seen; i++) emit(order[i])
    }
    function emit(name) {
        if (printed < count && !(name in done)) { done[name] = 1; printed++; print name ".jpg", path[name] }
    }'
