# Removes the site: first from nginx, then its certificate and releases. Keeps packages, other sites, receipts and bad-release
# marks. Any part may already be gone. Arguments: domain, web root, folder of the ACME challenges, renewal hook.
set -eu
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL=C
domain=$1 web=$2 acme=$3 hook=$4

rm -f "/etc/nginx/sites-enabled/$domain.conf"
# If another site's configuration is broken, nginx reports it here; this site is already disabled.
if command -v nginx > /dev/null && systemctl is-active --quiet nginx; then
  nginx -t -q
  systemctl reload nginx
fi
if [ -e "/etc/letsencrypt/renewal/$domain.conf" ]; then
  certbot delete --non-interactive --cert-name "$domain" 2>&1
fi
rm -rf "/etc/nginx/dominion/${domain:?}" "${web:?}/${domain:?}"
# Only after the last site that this tool installed.
if rmdir /etc/nginx/dominion 2> /dev/null; then rm -rf "${acme:?}" "$hook"; fi
