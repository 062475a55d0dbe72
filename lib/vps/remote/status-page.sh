# Publishes a status page by one rename. Fails if the site does not exist, so that a removed site does not come back.
# Arguments: site folder, length of the page. The page follows on standard input.
set -eu
export LC_ALL=C
umask 022
cd "$1" || { echo "there is no site on this machine" >&2; exit 4; }
mkdir -p status
exec 9> status/.lock
flock -E 75 -w 30 9 || { [ $? -ne 75 ] || echo "another status page is being published" >&2; exit 1; }
trap 'rm -f status/.new' EXIT
head -c "$2" > status/.new
[ "$(wc -c < status/.new)" -eq "$2" ] || { echo "the page did not arrive complete" >&2; exit 1; }
mv -T status/.new status/index.html
