# Puts a set of nginx files in force: beside the old one, switched by one rename, tested, loaded, verified; put back when
# nginx does not like it. Arguments: domain, name of the set, then pairs of file name and length; the files follow on
# standard input. Exit 10: nginx refused it, the old one is back. 11: it was loaded, but nginx does not run with it.
set -eu
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL=C
umask 022
domain=$1
set_name=$2
shift 2
base=/etc/nginx/dominion/$domain
enabled=/etc/nginx/sites-enabled/$domain.conf
site=$base/current/site.conf

# One at a time, also against another machine's deploy.
mkdir -p "$base"
exec 9> "$base/.lock"
flock -w 30 9 || { echo "another change of nginx is under way" >&2; exit 1; }

rm -rf "$base"/*.new
mkdir "$base/$set_name.new"
while [ $# -gt 1 ]; do
  head -c "$2" > "$base/$set_name.new/$1"
  shift 2
done
old=$(readlink "$base/loaded" 2>/dev/null || true)
[ -n "$old" ] && [ -d "$base/$old" ] || old=
had_default=
[ -L /etc/nginx/sites-enabled/default ] && had_default=$(readlink /etc/nginx/sites-enabled/default)

# The same name is the same content, unless someone changed the files by hand.
if diff -rq "$base/$set_name.new" "$base/$set_name" > /dev/null 2>&1; then
  rm -rf "$base/$set_name.new"
else
  rm -rf "$base/$set_name"
  mv -T "$base/$set_name.new" "$base/$set_name"
fi

point() { ln -s "$2" "$1.tmp.$$" && mv -T "$1.tmp.$$" "$1"; }

put_back() {
  if [ -n "$old" ]; then
    point "$base/current" "$old"
  else
    rm -f "$enabled" "$base/current"
    [ -n "$had_default" ] && ln -s "$had_default" /etc/nginx/sites-enabled/default
  fi
  if nginx -t -q 2>/dev/null && systemctl is-active --quiet nginx 9>&-; then systemctl reload nginx 9>&- || true; fi
}

point "$base/current" "$set_name"
[ "$(readlink "$enabled" 2>/dev/null)" = "$site" ] || { rm -f "$enabled"; ln -s "$site" "$enabled"; }
rm -f "$enabled".tmp.*
# Only the link goes; sites-available keeps Debian's file.
if [ -n "$had_default" ]; then rm -f /etc/nginx/sites-enabled/default; fi

if ! words=$(nginx -t 2>&1); then
  put_back
  printf '%s\n' "$words" >&2
  exit 10
fi

# The pids of the workers that take requests; those that only finish say "is shutting down".
workers() {
  master=$(cat /run/nginx.pid 2>/dev/null) || return 0
  for pid in $(cat "/proc/$master/task/$master/children" 2>/dev/null); do
    case $(tr '\0' ' ' < "/proc/$pid/cmdline" 2>/dev/null) in "nginx: worker process "*shutting*) ;; "nginx: worker process"*) echo "$pid" ;; esac
  done
}
if systemctl is-active --quiet nginx 9>&-; then
  before=$(workers | tr '\n' ' ')
  words=$(systemctl reload nginx 2>&1 9>&-) || { put_back; printf '%s\n' "$words" >&2; exit 10; }
else
  before=
  words=$(systemctl start nginx 2>&1 9>&-) || {
    put_back
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
    put_back
    tail -n 5 /var/log/nginx/error.log >&2
    exit 11
  fi
  sleep 0.1
done
point "$base/loaded" "$set_name"

# Keep the set before this one; older ones go.
for folder in "$base"/*/; do
  name=$(basename "$folder")
  case $name in current | loaded | "$set_name") ;; *) [ "$name" = "$old" ] || rm -rf "${base:?}/$name" ;; esac
done
