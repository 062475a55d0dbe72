# Turns the maintenance page on or off. nginx checks for the page on every request, so one rename switches it without a
# reload. Releases are not touched.
# Arguments: site folder. To turn it on, also: name of the page's folder, then pairs of file name and length; the files
# follow on standard input.
set -eu
export LC_ALL=C
umask 022
site=$1
shift
mkdir -p "$site/maintenance.d"
cd "$site"
exec 9> maintenance.d/.lock
flock -E 75 -w 30 9 || { [ $? -ne 75 ] || echo "another change of the maintenance mode is in progress" >&2; exit 1; }

name=
if [ $# -gt 0 ]; then
  name=$1
  shift
  mkdir "maintenance.d/$name"
  while [ $# -gt 1 ]; do
    file=maintenance.d/$name/$1
    head -c "$2" > "$file"
    [ "$(wc -c < "$file")" -eq "$2" ] || { echo "$1 did not arrive complete" >&2; rm -rf "maintenance.d/$name"; exit 1; }
    shift 2
  done
  rm -f maintenance.new
  ln -s "maintenance.d/$name" maintenance.new
  mv -T maintenance.new maintenance
else
  rm -f maintenance
fi
for folder in maintenance.d/*/; do
  [ -d "$folder" ] || continue
  [ "$folder" = "maintenance.d/$name/" ] || rm -rf "$folder"
done
