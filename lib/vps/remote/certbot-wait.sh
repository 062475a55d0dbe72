# Waits until no process holds a certbot lock or the time is up. Changes nothing. certbot uses fcntl locks, which flock(1)
# does not see; the kernel lists them with their holders (proc_locks(5)).
# Arguments: seconds, lock files. Prints each holder once: `holder`, tab, process id, tab, its command line.
# Exit 75: a lock is still held.
set -u
export LC_ALL=C
left=$1
shift

# Prints the process that holds one of the locks. Another file system may use the same inode number, so the process must
# also have the file open.
holder() {
  for lock; do
    inode=$(stat -c %i "$lock" 2> /dev/null) || continue
    awk -v end=":$inode$" '$2 == "POSIX" && $6 ~ end { print $5 }' /proc/locks | while read -r pid; do
      if [ -n "$(find "/proc/$pid/fd" -lname "$(readlink -f "$lock")" 2> /dev/null)" ]; then echo "$pid"; fi
    done
  done | head -n 1
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
# The holder ended before it was seen, or cannot be seen: pause before the caller runs certbot again.
if [ -z "$said" ]; then sleep 2; fi
exit 0
