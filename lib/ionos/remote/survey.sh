# Looks at everything the steps want to know and changes nothing. Arguments: web root, domain.
# One fact a line: name, tab, value. Values never hold a newline.
set -u
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL=C
root=$1
domain=$2
tab=$(printf '\t')
site=$root/$domain
conf=/etc/nginx/dominion/$domain

say() { printf '%s\t%s\n' "$1" "$2"; }
sha() { [ -f "$1" ] && sha256sum < "$1" | cut -d' ' -f1; }
one_line() { tr -d '\n\r' < "$1" | head -c 8192; }

say survey 1
for key in ID ID_LIKE VERSION_ID; do
  say "os.$key" "$(sed -n "s/^$key=//p" /etc/os-release 2>/dev/null | head -n 1 | tr -d '"')"
done
dpkg-query -W -f '${Package}\t${db:Status-Status}\n' nginx certbot ca-certificates 2>/dev/null |
  while IFS=$tab read -r name state; do say "package.$name" "$state"; done
command -v systemctl > /dev/null && say systemd yes
say ipv6 "$([ -s /proc/net/if_inet6 ] && echo yes || echo no)"
awk '$4 == "00" { print "ipv6.address\t" $1 }' /proc/net/if_inet6 2>/dev/null
sed -n 's/^[[:space:]]*nameserver[[:space:]]\{1,\}\([^[:space:]#;]*\).*/nameserver\t\1/p' /etc/resolv.conf 2>/dev/null

below=$site
while [ ! -d "$below" ]; do below=$(dirname "$below"); done
df -Pk "$below" | awk 'NR == 2 { print "disk.freeKb\t" $4 }'

if command -v nginx > /dev/null; then
  say nginx.version "$(nginx -v 2>&1 | sed -n 's|^nginx version: nginx/\([0-9.]*\).*|\1|p')"
else
  say nginx.candidate "$(apt-cache policy nginx 2>/dev/null | sed -n 's/^ *Candidate: \([0-9][0-9.]*\).*/\1/p')"
fi
# One answer a line, in the order of the units.
systemctl is-active nginx certbot.timer 2>/dev/null | paste -s -d ' ' | sed 's/^/units.active\t/'
systemctl is-enabled nginx certbot.timer 2>/dev/null | paste -s -d ' ' | sed 's/^/units.enabled\t/'
say nginx.current "$(readlink "$conf/current" 2>/dev/null)"
say nginx.loaded "$(readlink "$conf/loaded" 2>/dev/null)"
for file in "$conf"/current/*; do
  [ -f "$file" ] && printf 'nginx.file\t%s\t%s\n' "$(sha "$file")" "${file##*/}"
done
[ -f "$conf/current/backend.conf" ] &&
  say nginx.backend "$(sed -n 's/^set \$backend \([^ ;]*\);.*/\1/p' "$conf/current/backend.conf" | head -n 1)"
say nginx.site "$(readlink "/etc/nginx/sites-enabled/$domain.conf" 2>/dev/null)"
[ -L /etc/nginx/sites-enabled/default ] && say nginx.default yes
[ -f "$site/maintenance/index.html" ] && say maintenance "on $(one_line "$site/maintenance/facts.json" 2>/dev/null)"

lineage=/etc/letsencrypt/live/$domain
[ -s "$lineage/fullchain.pem" ] && [ -s "$lineage/privkey.pem" ] && [ -s "$lineage/cert.pem" ] &&
  say certificate.pem "$(grep -v -e '-----' "$lineage/cert.pem" | tr -d '\n\r')"
renewal=/etc/letsencrypt/renewal/$domain.conf
for key in server authenticator; do
  say "certificate.$key" "$(sed -n "s/^$key *= *//p" "$renewal" 2>/dev/null | head -n 1)"
done
say certificate.hook "$(sha /etc/letsencrypt/renewal-hooks/deploy/dominion-nginx)"

[ -d "$site/releases" ] && say web.releases yes
[ -d /var/www/_acme/.well-known/acme-challenge ] && say web.acme yes
live=$(readlink "$site/current" 2>/dev/null)
say live "${live##*/}"
previous=$(readlink "$site/previous" 2>/dev/null)
say previous "${previous##*/}"
for folder in "$site"/releases/*/; do
  [ -d "$folder" ] || continue
  name=$(basename "$folder")
  case $name in
    *.partial) ;; # an upload that was cut off; the next one sweeps it up
    *) [ -f "${folder}release.json" ] &&
      printf 'release\t%s\t%s\t%s\n' "$name" "$([ -f "$site/releases/$name.keep" ] && echo keep)" "$(one_line "${folder}release.json")" ;;
  esac
done
say end survey
