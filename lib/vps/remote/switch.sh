# Makes a staged release the live one by one rename, remembers the one before, and removes old ones. Pages of the one
# before are open in browsers: its hashed assets are carried along as publishing does it (manifest.ts, planRelease), which
# a newly published release has done already, and one that is gone back to has not.
# Arguments: site folder, id, ids to remove.
set -eu
export LC_ALL=C
umask 022
site=$1 id=$2
shift 2
cd "$site"
exec 9> releases/.lock
flock -E 75 -w 30 9 || { [ $? -ne 75 ] || echo "another publish is under way" >&2; exit 1; }
[ -f "releases/$id/release.json" ] || { echo "there is no complete release $id" >&2; exit 1; }

point() {
  rm -f "$1.new"
  ln -s "$2" "$1.new"
  mv -T "$1.new" "$1"
}
# Adds what the manifest of the release that is left has below _next/static and that of the next one has not. A .gz
# belongs to the text beside it. Without both manifests nothing is carried.
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
  # Where caches are told of changes: from here on they may hold this one.
  if [ -f cached ]; then printf '%s\n' "$id" >> cached; fi
  if [ -n "$live" ] && [ -d "$live" ]; then
    carry || echo "not all assets of ${live##*/} could be carried along" >&2
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
