# Makes a staged release the live one by one rename, remembers the one before, and removes old ones.
# Arguments: site folder, id, ids to remove.
set -eu
export LC_ALL=C
umask 022
site=$1 id=$2
shift 2
cd "$site"
exec 9> releases/.lock
flock -w 30 9 || { echo "another publish is under way" >&2; exit 1; }
[ -f "releases/$id/release.json" ] || { echo "there is no complete release $id" >&2; exit 1; }

point() {
  rm -f "$1.new"
  ln -s "$2" "$1.new"
  mv -T "$1.new" "$1"
}
live=$(readlink current 2>/dev/null || true)
if [ "$live" != "releases/$id" ]; then
  # Where caches are told of changes: from here on they may hold this one.
  if [ -f cached ]; then printf '%s\n' "$id" >> cached; fi
  if [ -n "$live" ] && [ -d "$live" ]; then point previous "$live"; fi
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
