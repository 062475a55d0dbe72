import {
  dollars,
  explain,
  file,
  folder,
  host,
  integer,
  safeUrl,
  safeUrlMeans,
  secret,
  section,
  text,
} from '../setting.ts'

/** What two environments can share on the VPS, by the names that SHARES accepts. */
export const siteShareKinds = ['vps', 'site', 'dns-records'] as const

export const vpsSettings = section('IONOS: the VPS', {
  /** By the name that a server has in plans and in the state folder. */
  servers: {
    vps: {
      ...explain(
        'The VPS: address or name, ssh port, login. A login other than root needs sudo without a password.',
        {
          address: text('IONOS_HOST', '74.208.123.158', host, 'an address or a host name'),
          port: integer('IONOS_PORT', '22', 1, 65535),
          user: text('IONOS_USER', 'root', '^[a-z_][a-z0-9_-]*$', 'a login name'),
        },
      ),
      ...explain(
        'Private key; empty = the ssh agent, the keys that `ssh -G` lists, and the usual files. The host must be in known_hosts.',
        { key: file('IONOS_SSH_KEY'), knownHosts: file('IONOS_KNOWN_HOSTS') },
      ),
      ...explain('The address that DNS must point at, if it is not IONOS_HOST.', {
        publicIp: text(
          'IONOS_PUBLIC_IP',
          '',
          '^$|^((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(\\.(?!$)|$)){4}$',
          'an IPv4 address, or empty',
        ),
      }),
      ...explain(
        'Optional: an IPv6 address of the VPS, for AAAA records of both names. The VPS must really have it, and the IONOS firewall policy must admit ports 80 and 443 over IPv6. Empty: no AAAA record is set; one that belongs to the VPS is kept.',
        {
          // Global unicast addresses are 2000::/3 (RFC 4291, 2.4).
          publicIpv6: text(
            'IONOS_PUBLIC_IPV6',
            '',
            '^$|^[23][0-9a-fA-F]{0,3}:[0-9a-fA-F:]*$',
            'a public IPv6 address, or empty',
          ),
        },
      ),
    },
  },
  ionos: {
    ...explain('Where to publish the dashboard. Releases are stored in WEB_ROOT/DOMAIN/releases.', {
      webRoot: text('WEB_ROOT', '/var/www', '^/[A-Za-z0-9._/-]+$', 'an absolute path', { path: true }),
    }),
    ...explain(
      'Number of releases kept for a rollback; days for which hashed assets of old releases are kept for pages still open.',
      {
        keepReleases: integer('KEEP_RELEASES', '5', 2, 100),
        keepAssetsDays: integer('KEEP_ASSETS_DAYS', '30', 1, 365),
      },
    ),
    ...explain('Optional: a URL that gets a POST after each publish, to purge a CDN.', {
      purgeUrl: text('PURGE_URL', '', `^$|${safeUrl}`, `${safeUrlMeans}, or empty`),
    }),
    ...explain(
      "Secret, optional: IONOS DNS API key (prefix.secret). Without it, DNS is only checked, not set. With it, the A records of both names are set; their AAAA records that are not the server's, and a CNAME that leads elsewhere or lacks IONOS_PUBLIC_IPV6, are deleted.",
      {
        dnsKey: secret('IONOS_DNS_KEY'),
        dnsApi: text('IONOS_DNS_API', 'https://api.hosting.ionos.com/dns', safeUrl, safeUrlMeans),
      },
    ),
  },
  ...explain('The dashboard to build.', {
    dashboardDir: folder('DASHBOARD_DIR', 'examples/codex-dominion/dashboard-app'),
  }),
  acme: {
    ...explain(
      "Let's Encrypt: e-mail address for its notices (may be empty), and the directory URL of the CA.",
      {
        email: text(
          'ACME_EMAIL',
          '',
          '^$|^(?!-)[^@\\s]+@[^@\\s]+\\.[^@\\s]+$',
          'an e-mail address, or empty',
        ),
        server: text(
          'ACME_SERVER',
          'https://acme-v02.api.letsencrypt.org/directory',
          '^https://[^\\s]+$',
          'an https URL',
        ),
      },
    ),
  },
  /** undefined = the price that lib/cost assumes. */
  cost: {
    ...explain(
      "Optional, for the cost estimate: the price of the VPS a month and of the domain a year, in US dollars. Azure's prices are public; those of IONOS are not.",
      {
        vpsMonthly: dollars('VPS_MONTHLY_USD', 'dollars such as 7.50, or empty'),
        domainYearly: dollars('DOMAIN_YEARLY_USD', 'dollars such as 15, or empty'),
      },
    ),
  },
})
