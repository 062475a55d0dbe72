# Puts a set of nginx files in force: beside the old one, switched by one rename, tested, loaded, verified; put back when
# nginx does not like it. Arguments: domain, name of the set, then pairs of file name and length; the files follow on
# standard input. Exit 10: nginx refused it. 11: it was loaded, but nginx does not run with it. Either way every file and
# link is as before; when nginx refuses those too, or not all of them can be put back, the last lines on standard error
# say so.
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

# One at a time, also against another machine's deploy. Not below $base, which a refused first run removes.
exec 9> "/run/dominion-nginx-$domain.lock"
flock -E 75 -w 30 9 || {
  [ $? -ne 75 ] || echo "another change of nginx is under way" >&2
  exit 1
}

# The journal holds copies of the links and files, and of the folder of a set, that this run replaces. It is complete before
# anything is changed, so that the next run undoes one that was killed.
keep() { if [ -e "$1" ] || [ -L "$1" ]; then cp -a "$1" "$journal.new/$2"; fi; }
restore() { # name in the journal, where it belongs
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

# The same name is the same content, unless someone changed the files by hand.
if diff -rq "$base/$set_name.new" "$base/$set_name" > /dev/null 2>&1; then
  rm -rf "$base/$set_name.new"
else
  rm -rf "${base:?}/$set_name"
  mv -T "$base/$set_name.new" "$base/$set_name"
fi

point() { ln -s "$2" "$1.tmp.$$" && mv -T "$1.tmp.$$" "$1"; }

# However this ends before the journal is closed, everything is put back, and nginx says whether it takes that.
put_back() {
  [ -d "$journal" ] || return 0
  trap '' HUP INT TERM
  # By itself: behind || or in an if the shell would go on after a failure.
  (set -e; undo) &
  wait $! || { echo "not every file of nginx could be put back" >&2 || true; return 0; }
  if words=$(nginx -t 2>&1); then
    # Only what nginx was asked to load is taken back: before that it runs with what it had.
    if [ -n "$asked" ] && systemctl is-active --quiet nginx 9>&-; then systemctl reload nginx 9>&- || true; fi
  else
    printf 'nginx refuses the previous configuration too:\n%s\n' "$words" >&2 || true
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
# Only the link goes; sites-available keeps Debian's file.
if [ -L "$sites/default" ]; then rm -f "$sites/default"; fi

words=$(nginx -t 2>&1) || {
  printf '%s\n' "$words" >&2
  exit 10
}
asked=yes

# The pids of the workers that take requests; those that only finish say "is shutting down".
workers() {
  master=$(cat /run/nginx.pid 2>/dev/null) || return 0
  for pid in $(cat "/proc/$master/task/$master/children" 2>/dev/null); do
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

# A reload that fails inside (a port taken, a certificate gone) leaves the old workers and says so only in the log. Until
# the last old one has been told, it answers new requests in the old way.
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

# Keep the set before this one; older ones go.
for folder in "$base"/*/; do
  name=$(basename "$folder")
  case $name in current | loaded | "$set_name") ;; *) [ "$name" = "$old" ] || rm -rf "${base:?}/$name" ;; esac
done
