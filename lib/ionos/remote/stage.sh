# Stages a release beside the live one; nothing that is served changes.
# Arguments: site folder, id, release to copy from (- for none), lengths of four texts, number of files.
# Standard input: names to remove (NUL after each), names to unpack (a .gz a line), the manifest, release.json, and a
# gzipped tar of what is new.
# Exit 9: the result is not what the manifest says (the release copied from was changed by hand); nothing was staged.
set -eu
export LC_ALL=C
umask 022
site=$1 id=$2 base=$3 remove=$4 unpack=$5 manifest=$6 facts=$7 count=$8
mkdir -p "$site/releases"
cd "$site/releases"
exec 9> .lock
flock -w 30 9 || { echo "another publish is under way" >&2; exit 1; }

# What a killed publish left.
rm -rf ./*.partial
part=$id.partial
if [ "$base" = - ]; then mkdir "$part"; else cp -al "$base" "$part"; fi
rm -f "$part/release.json"
head -c "$remove" | (cd "$part" && xargs -0 -r rm -f --)
find "$part" -mindepth 1 -type d -empty -delete
packed=$(head -c "$unpack")
head -c "$manifest" > "$part.manifest"
release=$(head -c "$facts")
# A file that is replaced is unlinked first: the same bytes still belong to the release copied from.
tar -x -z -p --no-same-owner --unlink-first -f - -C "$part"
if [ -n "$packed" ]; then
  printf '%s\n' "$packed" | (cd "$part" && xargs -d '\n' gzip -d -k --)
fi
wrong=$(cd "$part" && sed 's/^\([0-9a-f]*\) [0-9]* [0-9-]* /\1  /' "../$part.manifest" | sha256sum -c --quiet --strict 2>&1) || {
  printf '%s\n' "$wrong" | head -n 20 >&2
  rm -rf "$part" "$part.manifest"
  exit 9
}
there=$(find "$part" -type f | wc -l)
if [ "$there" -ne "$count" ]; then
  echo "$there files instead of $count" >&2
  rm -rf "$part" "$part.manifest"
  exit 9
fi
printf '%s\n' "$release" > "$part/release.json"
mv -T "$part.manifest" "$id.manifest"
mv -T "$part" "$id"
