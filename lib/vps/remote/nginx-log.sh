# Writes one of nginx's logs with its rotated parts, oldest line first. Before it a line about the clock by which it is
# written: clock <offset from UTC> <time zone>. With `follow` a line of one byte 0x01 says that what comes now is new.
# $1 log file
# $2 seconds since 1970: only what was written since; '' = all
# $3 a number: only the last lines; '' = all
# $4 follow: goes on with what is written, until its standard input ends
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

# Local time that a line must have reached, as 2026/11/23 01:10:05. Where a clock is put back within the hour, its earlier
# reading counts: rather some lines too many than one too few.
reached=
if [ -n "$since" ]; then
  reached=$(for second in "$since" $((since / 3600 * 3600 + 3600)); do
    date -d "@$second" '+%Y/%m/%d %H:%M:%S'
  done | sort | head -n 1)
fi

# Looks for the first line that is new enough and gives its number, or with `print` that line and all after it. Times stand
# as [23/Nov/2026:01:10:05 +0000] in an access log, as 2026/11/23 01:10:05 in an error log.
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

# From here on the file is read by line numbers: nginx may go on writing.
total=$(wc -l < "$file")
start=1
[ -z "$reached" ] || start=$(new_enough number < "$file")
lacking=0
if [ -n "$lines" ]; then
  lacking=$((lines - (total - start + 1)))
  [ "$lacking" -gt 0 ] || start=$((total - lines + 1))
fi

# Rotated parts, newest first: access.log.1, access.log.2.gz, access.log-20261122 …
rotated=
if [ -z "$lines" ] || [ "$lacking" -gt 0 ]; then
  rotated=$(find "${file%/*}" -maxdepth 1 -type f -size +0 \
    \( -name "${file##*/}.[0-9]*" -o -name "${file##*/}-[0-9]*" \) \
    ${since:+-newermt "@$since"} -printf '%T@ %p\n' | sort -rn | cut -d' ' -f2-)
fi

# As many of them as are needed, oldest first.
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
# The options are for where inotify does not work (overlays): a rotated log is noticed within a second all the same.
tail -n "+$((total + 1))" -F -s 0.5 --max-unchanged-stats=1 -- "$file" 2> /dev/null &
tail=$!
trap 'kill "$tail"' EXIT
trap 'exit 143' HUP INT TERM
cat > /dev/null
