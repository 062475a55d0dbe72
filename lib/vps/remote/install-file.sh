# Replaces a file with standard input by one rename. Arguments: the file, its mode.
set -eu
umask 077
folder=$(dirname "$1")
[ -d "$folder" ] || { mkdir -p "$folder" && chmod 755 "$folder"; }
cat > "$1.tmp.$$"
chmod "$2" "$1.tmp.$$"
mv -T "$1.tmp.$$" "$1"
