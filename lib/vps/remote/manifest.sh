# Prints the manifest of a release, one `sha256 size retired path` per line.
# Arguments: site folder, release (`-`: the live one; prints nothing if there is none), `quick` or `full`.
# quick prints the stored manifest if names and sizes still match the files; otherwise the manifest is computed.
set -eu
export LC_ALL=C
release=$2
if [ "$release" = - ]; then
  release=$(readlink "$1/current") || exit 0
  release=${release##*/}
fi
cd "$1/releases/$release"
kept=../$release.manifest
listing() { find . -type f ! -path ./release.json -printf '%s %P\n' | sort; }

if [ "$3" = quick ] && [ -f "$kept" ]; then
  there=$(listing | sha256sum)
  noted=$(sed 's/^[0-9a-f]* \([0-9]*\) [0-9-]* /\1 /' "$kept" | sort | sha256sum)
  if [ "$there" = "$noted" ]; then
    cat "$kept"
    exit 0
  fi
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
find . -type f ! -path ./release.json -printf '%P\n' | sort > "$work/names"
# A bare `-` would be standard input.
sed 's|^|./|' "$work/names" | tr '\n' '\0' > "$work/paths"
xargs -0 -r sha256sum -- < "$work/paths" | cut -c 1-64 > "$work/sums"
xargs -0 -r stat -c '%s -' -- < "$work/paths" > "$work/sizes"
paste -d ' ' "$work/sums" "$work/sizes" "$work/names"
