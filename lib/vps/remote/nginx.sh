# Activates a set of nginx files: writes it next to the old set, switches by one rename, tests, loads and verifies it. If
# nginx rejects the set, everything is restored.
# Arguments: domain, name of the set, then pairs of file name and length; the files follow on standard input.
# Exit 10: nginx rejected the set. Exit 11: nginx loaded the set but does not run with it. In both cases every file and link
# is restored. If nginx rejects the restored files too, or some cannot be restored, the last lines on standard error say so.
set -eu
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL=C
umask 022
domain=$1
set_name=$2
shift 2
base=/etc/nginx/dominion/$domain
sites=/etc/nginx/sites-enabled
enabled=$sites/$domain.conf
site=$base/current/site.conf
journal=$base/before

# One change at a time, from any machine. The lock is not below $base, which a rejected first run removes.
exec 9> "/run/dominion-nginx-$domain.lock"
flock -E 75 -w 30 9 || {
  [ $? -ne 75 ] || echo "another change of nginx is in progress" >&2
  exit 1
}

# The journal holds copies of the links, files and set that this run replaces. It is complete before anything changes, so
# the next run can undo a killed one.
keep() { if [ -e "$1" ] || [ -L "$1" ]; then cp -a "$1" "$journal.new/$2"; fi; }
restore() { # name in the journal, path to restore
  if [ -e "$journal/$1" ] || [ -L "$journal/$1" ]; then
    [ -d "$2" ] && [ ! -L "$2" ] && rm -rf "$2"
    cp -a "$journal/$1" "$base/$1.new"
    mv -T "$base/$1.new" "$2"
  else
    rm -rf "$2"
  fi
}
undo() {
  restore enabled "$enabled"
  restore default "$sites/default"
  restore current "$base/current"
  restore set "$base/$(cat "$journal/name")"
  made=$(cat "$journal/made")
  mv -T "$journal" "$base/undone.new"
  rm -rf "$base"/*.new
  if [ -n "$made" ]; then rmdir "$base" /etc/nginx/dominion 2> /dev/null || true; fi
}
if [ -d "$journal" ]; then undo; fi

made=
[ -d "$base" ] || made=yes
rm -rf "$base"/*.new
mkdir -p "$base/$set_name.new" "$journal.new"
while [ $# -gt 1 ]; do
  head -c "$2" > "$base/$set_name.new/$1"
  shift 2
done
printf %s "$made" > "$journal.new/made"
printf %s "$set_name" > "$journal.new/name"
keep "$enabled" enabled
keep "$sites/default" default
keep "$base/current" current
keep "$base/$set_name" set
mv -T "$journal.new" "$journal"
old=$(readlink "$base/loaded" 2>/dev/null || true)

# Equal names mean equal content, unless someone edited the files.
if diff -rq "$base/$set_name.new" "$base/$set_name" > /dev/null 2>&1; then
  rm -rf "$base/$set_name.new"
else
  rm -rf "${base:?}/$set_name"
  mv -T "$base/$set_name.new" "$base/$set_name"
fi

point() { ln -s "$2" "$1.tmp.$$" && mv -T "$1.tmp.$$" "$1"; }

# If this script ends before the journal is closed, restore everything and let nginx test the result.
put_back() {
  [ -d "$journal" ] || return 0
  trap '' HUP INT TERM
  # In the background: after `||` or in an `if`, the shell ignores `set -e`.
  (set -e; undo) &
  wait $! || { echo "some nginx files could not be restored" >&2 || true; return 0; }
  if words=$(nginx -t 2>&1); then
    # Reload only if nginx was asked to load the new set; otherwise it still runs with the old one.
    if [ -n "$asked" ] && systemctl is-active --quiet nginx 9>&-; then systemctl reload nginx 9>&- || true; fi
  else
    printf 'nginx rejects the previous configuration too:\n%s\n' "$words" >&2 || true
  fi
}
asked=
trap put_back EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
trap '' PIPE

point "$base/current" "$set_name"
[ "$(readlink "$enabled" 2>/dev/null)" = "$site" ] || { rm -f "$enabled"; ln -s "$site" "$enabled"; }
rm -f "$enabled".tmp.*
# Remove only the link; sites-available keeps Debian's file.
if [ -L "$sites/default" ]; then rm -f "$sites/default"; fi

words=$(nginx -t 2>&1) || {
  printf '%s\n' "$words" >&2
  exit 10
}
asked=yes

# Prints the process ids of the workers that accept requests; a finishing worker's title says "is shutting down".
workers() {
  master=$(cat /run/nginx.pid 2>/dev/null) || return 0
  tr ' ' '\n' 2>/dev/null < "/proc/$master/task/$master/children" | while read -r pid || [ -n "$pid" ]; do
    case $(tr '\0' ' ' < "/proc/$pid/cmdline" 2>/dev/null) in "nginx: worker process "*shutting*) ;; "nginx: worker process"*) echo "$pid" ;; esac
  done
}
if systemctl is-active --quiet nginx 9>&-; then
  before=$(workers | tr '\n' ' ')
  words=$(systemctl reload nginx 2>&1 9>&-) || { printf '%s\n' "$words" >&2; exit 10; }
else
  before=
  words=$(systemctl start nginx 2>&1 9>&-) || {
    echo "nginx does not start" >&2
    printf '%s\n' "$words" >&2
    tail -n 5 /var/log/nginx/error.log >&2 2>/dev/null || true
    exit 10
  }
fi

# If a reload fails inside nginx (port in use, certificate missing), the old workers stay and only the log says so. Old
# workers keep answering until they are told to stop, so wait until all are replaced.
fresh() {
  new=
  for pid in $(workers); do
    case " $before " in *" $pid "*) return 1 ;; *) new=$pid ;; esac
  done
  [ -n "$new" ]
}
tries=0
until fresh; do
  tries=$((tries + 1))
  if [ $tries -gt 50 ]; then
    tail -n 5 /var/log/nginx/error.log >&2
    exit 11
  fi
  sleep 0.1
done
mv -T "$journal" "$base/done.new"
point "$base/loaded" "$set_name"
rm -rf "$base"/*.new

# Keep the previous set and remove older ones.
for folder in "$base"/*/; do
  name=$(basename "$folder")
  case $name in current | loaded | "$set_name") ;; *) [ "$name" = "$old" ] || rm -rf "${base:?}/$name" ;; esac
done
