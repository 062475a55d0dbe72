# Stages a release next to the live one. What visitors get does not change.
# Arguments: site folder, id, release to copy from (`-`: none), compression of the archive (zstd or gzip), length of the
# list of names to remove, number of files.
# Standard input: names to remove (NUL-terminated), then a compressed tar of the new files with .publish/manifest,
# .publish/release.json and .publish/compress (text files that get a .gz for nginx's gzip_static, one name per line).
# Exit 9: the result does not match the manifest, because the copied release was changed by hand, or the export while it was
# sent. Nothing was staged.
set -eu
export LC_ALL=C
umask 022
site=$1 id=$2 base=$3 form=$4 remove=$5 count=$6
mkdir -p "$site/releases"
cd "$site/releases"
exec 9> .lock
flock -E 75 -w 30 9 || { [ $? -ne 75 ] || echo "another publish is in progress" >&2; exit 1; }

# Remove what a killed publish left behind.
rm -rf ./*.partial ./*.partial.*
part=$id.partial
# Clean up after a full disk or a lost connection. After a success nothing matches.
trap 'cd "$site/releases" && rm -rf "$part" "$part".*' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
if [ "$base" = - ]; then mkdir "$part"; else cp -al "$base" "$part"; fi
cd "$part"
rm -f release.json
head -c "$remove" | xargs -0 -r rm -f --
# Unlink a file before replacing it: the copied release shares its inode.
tar -x "--$form" -p --no-same-owner --unlink-first -f -
mv .publish/manifest "../$part.manifest"
mv .publish/compress "../$part.compress"
mv .publish/release.json "../$part.json"
find . -mindepth 1 -type d -empty -delete

# Compressing (at nginx's own level) and verifying share the cores. Without -f, gzip skips files with several hard links. Names
# begin with ./, because a bare `-` would be standard input.
there=$(find . -type f | wc -l)
cores=$(nproc)
sed 's|^|./|' "../$part.compress" | xargs -d '\n' -r -n 24 -P "$cores" gzip -5 -n -k -f -- &
compressing=$!
wrong=$(sed 's|^\([0-9a-f]*\) [0-9]* [0-9-]* |\1  ./|' "../$part.manifest" |
  split -e -n "r/$cores" --filter 'sha256sum -c --quiet --strict' 2>&1) || there=wrong
wait "$compressing"
if [ "$there" != "$count" ]; then
  [ "$there" = wrong ] || wrong="$there files instead of $count"
  printf '%s\n' "$wrong" | head -n 20 >&2
  exit 9
fi
if [ -s "../$part.compress" ]; then
  sed 's/$/.gz/' "../$part.compress" > "../$part.gz"
  sed 's|^|./|' "../$part.gz" | xargs -d '\n' sha256sum -- | cut -c 1-64 > "../$part.sums"
  sed 's|^|./|' "../$part.gz" | xargs -d '\n' stat -c '%s -' -- > "../$part.sizes"
  paste -d ' ' "../$part.sums" "../$part.sizes" "../$part.gz" >> "../$part.manifest"
fi
mv "../$part.json" release.json
cd ..
mv -T "$part.manifest" "$id.manifest"
mv -T "$part" "$id"
