# Writes standard input to a file by one rename. Arguments: the file, its mode.
set -eu
umask 077
# shellcheck disable=SC2174 # The mode is meant for the last folder.
mkdir -p -m 755 "$(dirname "$1")"
cat > "$1.tmp.$$"
chmod "$2" "$1.tmp.$$"
mv -T "$1.tmp.$$" "$1"
