# Prints an nginx log including its rotated files, oldest line first. The first line describes the clock of the log:
# clock <offset from UTC> <time zone>. With `follow`, a line with the single byte 0x01 separates old lines from new ones.
# $1 log file
# $2 seconds since 1970: print only newer lines; '' = all
# $3 a number: print only that many last lines; '' = all
# $4 follow: keep printing new lines until standard input ends
set -u
export LC_ALL=C
file=$1 since=$2 lines=$3 follow=$4

zone=$(cat /etc/timezone 2>/dev/null || readlink /etc/localtime | sed 's|.*/zoneinfo/||')
echo "clock $(date +%z) $zone"
if ! [ -r "$file" ]; then
  echo "cannot read $file" >&2
  exit 4
fi

plain() {
  case $1 in
    *.gz) gzip -dc -- "$1" ;;
    *.xz) xz -dc -- "$1" ;;
    *.bz2) bzip2 -dc -- "$1" ;;
    *.zst) zstd -dcq -- "$1" ;;
    *) cat -- "$1" ;;
  esac
}

# The earliest local time to print, as 2026/11/23 01:10:05. If the clock is set back within that hour, the earlier reading
# counts: better some extra lines than a missing one.
reached=
if [ -n "$since" ]; then
  reached=$(for second in "$since" $((since / 3600 * 3600 + 3600)); do
    date -d "@$second" '+%Y/%m/%d %H:%M:%S'
  done | sort | head -n 1)
fi

# Finds the first line that is new enough. Prints its number, or with `print` that line and everything after it. An access
# log has times like [23/Nov/2026:01:10:05 +0000], an error log like 2026/11/23 01:10:05.
new_enough() {
  awk -v how="$1" -v reached="$reached" '
    BEGIN {
      split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", names, " ")
      for (i in names) month[names[i]] = sprintf("%02d", i)
    }
    found { print; next }
    /^[0-9][0-9][0-9][0-9]\/[0-9][0-9]\/[0-9][0-9] / { time = substr($0, 1, 19) }
    match($0, /\[[0-9][0-9]\/[A-Z][a-z][a-z]\/[0-9:]+ [-+][0-9]+\] "/) {
      t = substr($0, RSTART + 1, 20)
      time = substr(t, 8, 4) "/" month[substr(t, 4, 3)] "/" substr(t, 1, 2) " " substr(t, 13, 8)
    }
    time >= reached {
      found = 1
      if (how == "print") { print; next }
      print NR
      exit
    }
    END { if (how == "number" && !found) print NR + 1 }'
}

# Read the file by line number from here on: nginx may keep writing.
total=$(wc -l < "$file")
start=1
[ -z "$reached" ] || start=$(new_enough number < "$file")
lacking=0
if [ -n "$lines" ]; then
  lacking=$((lines - (total - start + 1)))
  [ "$lacking" -gt 0 ] || start=$((total - lines + 1))
fi

# Rotated files, newest first: access.log.1, access.log.2.gz, access.log-20261122 …
rotated=
if [ -z "$lines" ] || [ "$lacking" -gt 0 ]; then
  rotated=$(find "${file%/*}" -maxdepth 1 -type f -size +0 \
    \( -name "${file##*/}.[0-9]*" -o -name "${file##*/}-[0-9]*" \) \
    ${since:+-newermt "@$since"} -printf '%T@ %p\n' | sort -rn | cut -d' ' -f2-)
fi

# Only as many of them as needed, oldest first.
needed=
left=$lacking
IFS='
'
for part in $rotated; do
  needed="$part
$needed"
  [ -n "$lines" ] || continue
  left=$((left - $(plain "$part" | wc -l)))
  [ "$left" -gt 0 ] || break
done
older() {
  for part in $needed; do
    if [ -n "$reached" ]; then plain "$part" | new_enough print; else plain "$part"; fi
  done
}
if [ -z "$lines" ]; then older; elif [ -n "$needed" ]; then older | tail -n "$lacking"; fi

if [ "$follow" != follow ]; then
  exec tail -n "+$start" -- "$file"
fi
[ "$start" -gt "$total" ] || sed -n "$start,${total}p;${total}q" -- "$file"
printf '\001\n'
# Where inotify does not work (overlay file systems), these options make tail notice a rotation within a second.
tail -n "+$((total + 1))" -F -s 0.5 --max-unchanged-stats=1 -- "$file" 2> /dev/null &
tail=$!
trap 'kill "$tail"' EXIT
trap 'exit 143' HUP INT TERM
cat > /dev/null
