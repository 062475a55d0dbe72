# Reports everything that the tasks need to know about the server. Changes nothing. Arguments: web root, domain, folder of the
# ACME challenges, renewal hook, and the packages to look for.
# Prints one fact per line: name, tab, value. A value never contains a newline.
set -u
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL=C
root=$1 domain=$2 acme=$3 hook=$4
shift 4
site=$root/$domain
conf=/etc/nginx/dominion/$domain

say() { printf '%s\t%s\n' "$1" "$2"; }
one_line() { tr -d '\n\r' < "$1" | head -c 8192; }

say server-state 1
sed -n 's/^\(ID\|ID_LIKE\|VERSION_ID\)="\{0,1\}\([^"]*\)"\{0,1\}$/os.\1\t\2/p' /etc/os-release 2>/dev/null
dpkg-query -W -f '${Package}\t${db:Status-Status}\n' "$@" 2>/dev/null | sed 's/^/package./'
# A killed dpkg leaves its journal, and apt then refuses to work. A running dpkg also has a journal, but holds its lock.
for journal in /var/lib/dpkg/updates/[0-9]*; do
  [ -e "$journal" ] || break
  grep -q ":$(stat -c %i /var/lib/dpkg/lock 2>/dev/null) " /proc/locks || say dpkg.interrupted yes
  break
done
command -v systemctl > /dev/null && say systemd yes
# Files of procfs have size 0 regardless of their content.
say ipv6 "$([ -n "$(head -c 1 /proc/net/if_inet6 2>/dev/null)" ] && echo yes || echo no)"
awk '$4 == "00" { print "ipv6.address\t" $1 }' /proc/net/if_inet6 2>/dev/null
# Ask each of several name servers for the domain. Dead is one that gives no answer within 3 s, or refuses to look names up
# (RFC 1035, 4.1.1). Without python3, which comes with certbot, nobody asks.
name_servers() { sed -n 's/^[[:space:]]*nameserver[[:space:]]\{1,\}\([^[:space:]#;]*\).*/\1/p' /etc/resolv.conf 2>/dev/null; }
name_servers | sed 's/^/nameserver\t/'
[ "$(name_servers | wc -l)" -lt 2 ] || ! command -v python3 > /dev/null || name_servers | xargs python3 -c '
import select, socket, struct, sys, time
name = b"".join(bytes([len(label)]) + label.encode() for label in sys.argv[1].split("."))
query = struct.pack(">6H", 20557, 256, 1, 0, 0, 0) + name + struct.pack(">B2H", 0, 1, 1)
waiting = {}
for server in sys.argv[2:]:
    try:
        family, kind, _, _, place = socket.getaddrinfo(server, 53, 0, socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST)[0]
        connection = socket.socket(family, kind)
        connection.setblocking(False)
        connection.connect(place)
        waiting[connection] = server
    except OSError:
        print("nameserver.dead", server, sep="\t")
for attempt in range(3):
    for connection in waiting:
        try:
            connection.send(query)
        except OSError:
            pass
    end = time.monotonic() + 1
    while waiting and time.monotonic() < end:
        for connection in select.select(list(waiting), [], [], max(0, end - time.monotonic()))[0]:
            try:
                answer = connection.recv(4096)
            except OSError:
                continue
            if len(answer) > 11 and answer[:2] == query[:2] and answer[3] & 15 != 5:
                del waiting[connection]
for server in waiting.values():
    print("nameserver.dead", server, sep="\t")
' "$domain"

below=$site
while [ ! -d "$below" ]; do below=$(dirname "$below"); done
df -Pk "$below" | awk 'NR == 2 { print "disk.freeKb\t" $4 }'
# What a killed publish left; the next one removes it first. Files with more links also belong to a release, so removing
# them frees nothing.
for leftover in "$site"/releases/*.partial*; do
  if [ -e "$leftover" ]; then find "$leftover" -type f -links 1 -printf '%b\n'; fi
done | awk '{ blocks += $1 } END { print "disk.leftoverBytes\t" blocks * 512 }'

if command -v nginx > /dev/null; then
  say nginx.version "$(nginx -v 2>&1 | sed -n 's|^nginx version: nginx/\([0-9.]*\).*|\1|p')"
else
  say nginx.candidate "$(apt-cache policy nginx 2>/dev/null | sed -n 's/^ *Candidate: \([0-9][0-9.]*\).*/\1/p')"
fi
# Who listens on the ports that nginx needs: the first process of each socket (ss(8), -p).
ss -Hltnp '( sport = :80 or sport = :443 )' 2>/dev/null |
  sed -n 's/^LISTEN .*:\(80\|443\) .* users:(("\([^"]*\)",pid=\([0-9]*\).*/port\t\1\t\2\t\3/p' | sort -u
ss -Hltn 'sport = :80' 2>/dev/null | grep -q '\[::\]:80 ' && say nginx.ipv6 yes
# Properties are printed unit by unit, in the order of the arguments (systemctl(1), show).
systemctl show -p ActiveState,UnitFileState nginx.service certbot.timer 2>/dev/null | awk -F= '
  $1 == "ActiveState" { active = active " " $2 }
  $1 == "UnitFileState" { enabled = enabled " " $2 }
  END { print "units.active\t" substr(active, 2); print "units.enabled\t" substr(enabled, 2) }'
say nginx.current "$(readlink "$conf/current" 2>/dev/null)"
say nginx.loaded "$(readlink "$conf/loaded" 2>/dev/null)"
find -H "$conf/current" -maxdepth 1 -type f -exec sha256sum {} + 2>/dev/null |
  sed 's|^\([0-9a-f]*\)  .*/|nginx.file\t\1\t|'
[ -f "$conf/current/backend.conf" ] &&
  say nginx.backend "$(sed -n 's/^set [$]backend \([^ ;]*\);.*/\1/p' "$conf/current/backend.conf" | head -n 1)"
say nginx.site "$(readlink "/etc/nginx/sites-enabled/$domain.conf" 2>/dev/null)"
for link in /etc/nginx/sites-enabled/*.conf; do
  target=$(readlink "$link") || continue
  case $target in
    "$conf"/*) ;;
    /etc/nginx/dominion/*/current/site.conf)
      other=${target#/etc/nginx/dominion/}
      if grep -qs default_server "$link"; then say nginx.neighbour "${other%%/*}"; fi
      ;;
  esac
done
[ -d "$conf/before" ] && say nginx.unfinished yes
[ -L /etc/nginx/sites-enabled/default ] && say nginx.default yes
[ -f "$site/maintenance/index.html" ] && say maintenance "on $(one_line "$site/maintenance/facts.json" 2>/dev/null)"

lineage=/etc/letsencrypt/live/$domain
[ -s "$lineage/fullchain.pem" ] && [ -s "$lineage/privkey.pem" ] && [ -s "$lineage/cert.pem" ] &&
  say certificate.pem "$(grep -v -e '-----' "$lineage/cert.pem" | tr -d '\n\r')"
renewal=/etc/letsencrypt/renewal/$domain.conf
sed -n 's/^\(server\|authenticator\) *= */certificate.\1\t/p' "$renewal" 2>/dev/null
sha256sum "$hook" 2>/dev/null | sed 's/^/certificate.hook\t/; s/ .*//'

[ -d "$site/releases" ] && say web.releases yes
[ -f "$site/status/index.html" ] && say web.status yes
[ -d "$acme/.well-known/acme-challenge" ] && say web.acme yes
live=$(readlink "$site/current" 2>/dev/null)
say live "${live##*/}"
previous=$(readlink "$site/previous" 2>/dev/null)
say previous "${previous##*/}"
say cached "$(sort -u "$site/cached" 2>/dev/null | tail -n 100 | tr '\n' ' ')"
for folder in "$site"/releases/*/; do
  folder=${folder%/}
  name=${folder##*/}
  case $name in
    \*) ;;
    *.partial) ;; # an interrupted upload, which the next one removes
    *)
      json=
      if [ -f "$folder/release.json" ]; then IFS= read -r json < "$folder/release.json" || :; fi
      keep=
      if [ -f "$folder.keep" ]; then keep=keep; fi
      if [ -n "$json" ]; then printf 'release\t%s\t%s\t%s\n' "$name" "$keep" "$json"; fi
      ;;
  esac
done
say end server-state
