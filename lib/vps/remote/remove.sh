# Takes the site down: nginx forgets it, then its certificate and its releases go. Packages, other sites, receipts and
# what was marked stay. Each part may be gone already. Arguments: domain, web root, folder of the CA's files, renewal hook.
set -eu
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL=C
domain=$1 web=$2 acme=$3 hook=$4

rm -f "/etc/nginx/sites-enabled/$domain.conf"
# A broken neighbour is no reason to keep serving this site; nginx says then what it dislikes.
if command -v nginx > /dev/null && systemctl is-active --quiet nginx; then
  nginx -t -q
  systemctl reload nginx
fi
if [ -e "/etc/letsencrypt/renewal/$domain.conf" ]; then
  certbot delete --non-interactive --cert-name "$domain" 2>&1
fi
rm -rf "/etc/nginx/dominion/${domain:?}" "${web:?}/${domain:?}"
# Only for the last site of ours.
if rmdir /etc/nginx/dominion 2> /dev/null; then rm -rf "${acme:?}" "$hook"; fi
