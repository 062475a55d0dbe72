# Waits until no process holds a lock of certbot's, or the time is over, and changes nothing. certbot takes fcntl locks,
# which flock(1) does not see; the kernel lists them, with their holders (proc_locks(5)).
# Arguments: seconds, the lock files. Prints each holder once: `holder`, tab, process id, tab, its command line.
# Exit 75: one of them is still held.
set -u
export LC_ALL=C
left=$1
shift

# The process that holds one of the files. Another file system may have the same inode: the process has the file open.
holder() {
  for lock; do
    inode=$(stat -c %i "$lock" 2> /dev/null) || continue
    for pid in $(awk -v end=":$inode$" '$2 == "POSIX" && $6 ~ end { print $5 }' /proc/locks); do
      if [ -n "$(find "/proc/$pid/fd" -lname "$(readlink -f "$lock")" 2> /dev/null)" ]; then
        echo "$pid"
        return
      fi
    done
  done
}

said=
while pid=$(holder "$@") && [ -n "$pid" ]; do
  if [ "$pid" != "$said" ]; then
    printf 'holder\t%s\t%s\n' "$pid" "$(tr '\0\n\t' '   ' < "/proc/$pid/cmdline" 2> /dev/null | head -c 200)"
    said=$pid
  fi
  [ "$left" -gt 0 ] || exit 75
  left=$((left - 1))
  sleep 1
done
# It ended before it could be seen, or cannot be seen: certbot is not asked again at once.
if [ -z "$said" ]; then sleep 2; fi
exit 0
