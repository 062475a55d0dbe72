# Makes a staged release live by one rename, records the previous one, and removes old ones. Browsers still show pages of the
# previous release, so its hashed assets are carried over as planRelease in release.ts does. A new release already has
# them; a release that a rollback returns to does not.
# Arguments: site folder, id, ids to remove.
set -eu
export LC_ALL=C
umask 022
site=$1 id=$2
shift 2
cd "$site"
exec 9> releases/.lock
flock -E 75 -w 30 9 || { [ $? -ne 75 ] || echo "another publish is in progress" >&2; exit 1; }
[ -f "releases/$id/release.json" ] || { echo "there is no complete release $id" >&2; exit 1; }

point() {
  rm -f "$1.new"
  ln -s "$2" "$1.new"
  mv -T "$1.new" "$1"
}
# Adds the files below _next/static that only the previous release's manifest lists. A .gz belongs to the text file next to
# it. Without both manifests nothing is carried over.
carry() {
  old=${live##*/}
  [ -f "releases/$old.manifest" ] && [ -f "releases/$id.manifest" ] || return 0
  awk -v today="$(date -u +%F)" '
    { name = substr($0, length($1 $2 $3) + 4) }
    NR == FNR { there[name] = 1; next }
    index(name, "_next/static/") != 1 || name in there { next }
    name ~ /\.gz$/ && substr(name, 1, length(name) - 3) in there { next }
    { print $1, $2, $3 == "-" ? today : $3, name }' "releases/$id.manifest" "releases/$old.manifest" > releases/.carried &&
    (cd "releases/$old" && cut -d ' ' -f 4- ../.carried |
      xargs -d '\n' -r cp -l --remove-destination --parents -t "../$id" --) &&
    cat "releases/$id.manifest" releases/.carried > "releases/$id.manifest.new" &&
    mv -T "releases/$id.manifest.new" "releases/$id.manifest" &&
    rm -f releases/.carried
}

live=$(readlink current 2>/dev/null || true)
if [ "$live" != "releases/$id" ]; then
  # The file `cached` exists when a CDN is purged: from now on its caches may hold this release.
  if [ -f cached ]; then printf '%s\n' "$id" >> cached; fi
  if [ -n "$live" ] && [ -d "$live" ]; then
    carry || echo "not all assets of ${live##*/} could be carried over" >&2
    point previous "$live"
  fi
  point current "releases/$id"
fi

keep=" $(readlink current) $(readlink previous 2>/dev/null || true) "
for old; do
  case $keep in *" releases/$old "*) continue ;; esac
  [ -e "releases/$old.keep" ] && continue
  [ -d "releases/$old" ] || continue
  mv -T "releases/$old" "releases/$old.partial"
  rm -rf "releases/$old.partial" "releases/$old.manifest"
done
for manifest in releases/*.manifest; do
  if [ -f "$manifest" ] && [ ! -d "${manifest%.manifest}" ]; then rm -f "$manifest"; fi
done
