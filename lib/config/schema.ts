/** What two environments can share, by the names that SHARES takes. */
export const shareKinds = [
  'containers',
  'dns-label',
  'postgres',
  'database',
  'redis',
  'registry',
  'site',
  'dns-records',
] as const
export type ShareKind = (typeof shareKinds)[number]

/** One key of `.env`. Values arrive as text; `type` is what the text must represent. */
export interface Key {
  type: 'string' | 'integer' | 'number'
  default?: string
  /** A regular expression the text must match. */
  pattern?: string
  /** What the pattern allows, as the end of "must be …". */
  means?: string
  enum?: readonly string[]
  minimum?: number
  maximum?: number
  /** Never printed and never passed as an argument; may be a reference (env:, op://, azkv://). */
  secret?: boolean
  /** A file or a folder: a value that looks like the content of a key file is refused. */
  path?: boolean
}

const hostName = '^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$'
const host = '^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$'
const url = '^https?://[^\\s]+$'
const port = '(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])'
const neutralTarget = `(?:tcp://)?[A-Za-z0-9.-]+:${port}`
/** Two numbers: WARNING from the first on, CRITICAL from the second on. */
const limits = '^[0-9]{1,9}(\\.[0-9]{1,3})?,[0-9]{1,9}(\\.[0-9]{1,3})?$'
export const limitsMean = 'two figures, WARNING,CRITICAL, such as 200,1000'
const dollars = '^([0-9]{1,6}(\\.[0-9]{1,2})?)?$'

/** Every key of the configuration. `.env.example` explains each; a test holds the two together. */
export const keys = {
  SHARES: {
    type: 'string',
    default: '',
    pattern: `^((${shareKinds.join('|')})(,(?!$)|$))*$`,
    means: `some of ${shareKinds.join(', ')} with commas, or empty`,
  },
  BASE_ONLY: { type: 'string', default: '', pattern: '^(yes)?$', means: 'yes, or empty' },

  DOMAIN: {
    type: 'string',
    default: 'codexdominion.app',
    pattern: hostName,
    means: 'a host name in lower case',
  },

  AZURE_SUBSCRIPTION: {
    type: 'string',
    default: '',
    pattern: '^[^\\s"\']*$',
    means: 'a subscription id, or empty',
  },
  AZURE_RESOURCE_GROUP: {
    type: 'string',
    default: 'codexdominion-prod',
    pattern: '^[A-Za-z0-9_().-]{0,89}[A-Za-z0-9_()-]$',
    means: '1–90 letters, digits, _ - . ( ), not ending in a full stop',
  },
  AZURE_LOCATION: {
    type: 'string',
    default: 'eastus',
    pattern: '^[a-z0-9]+$',
    means: 'a region such as eastus',
  },
  ACR_NAME: {
    type: 'string',
    default: 'codexacr1216',
    pattern: '^[A-Za-z0-9]{5,50}$',
    means: '5–50 letters or digits',
  },

  POSTGRES_SERVER: {
    type: 'string',
    default: 'codexdominion-db',
    pattern: '^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$',
    means: '3–63 lower-case letters, digits or hyphens',
  },
  POSTGRES_DATABASE: {
    type: 'string',
    default: 'codexdb',
    pattern: '^[A-Za-z_][A-Za-z0-9_]{0,62}$',
    means: 'a database name',
  },
  POSTGRES_USER: {
    type: 'string',
    default: 'codexadmin',
    pattern:
      '^(?!azure_|pg_)(?!(admin|administrator|root|guest|public|azuresu|azure_superuser)$)[a-z][a-z0-9_]{0,62}$',
    means: 'a name that Azure allows (not admin, root, azure_…, pg_…)',
  },
  POSTGRES_PASSWORD: { type: 'string', default: '', secret: true },
  POSTGRES_SKU: {
    type: 'string',
    default: 'Standard_B1ms',
    pattern: '^Standard_B[0-9]+[a-z]*s(_v2)?$',
    means: 'a Burstable size such as Standard_B1ms',
  },
  POSTGRES_VERSION: { type: 'string', default: '16', enum: ['14', '15', '16', '17', '18'] },
  POSTGRES_STORAGE_GB: { type: 'integer', default: '32', minimum: 32, maximum: 32768 },
  POSTGRES_BACKUP_DAYS: { type: 'integer', default: '7', minimum: 7, maximum: 35 },

  REDIS_KIND: { type: 'string', default: 'managed', enum: ['managed', 'classic'] },
  REDIS_NAME: {
    type: 'string',
    default: 'codexdominion-redis',
    pattern: '^[a-z0-9]([a-z0-9]|-(?!-)){0,58}[a-z0-9]$',
    means: '2–60 lower-case letters, digits or single hyphens',
  },
  REDIS_SKU: {
    type: 'string',
    default: 'Balanced_B0',
    pattern: '^(Balanced_B|MemoryOptimized_M|ComputeOptimized_X)[0-9]+$|^(Basic|Standard)_C[0-6]$',
    means: 'Balanced_B0 (managed) or Basic_C0 (classic)',
  },

  BACKEND_DIR: { type: 'string', default: 'examples/codex-dominion/backend', path: true },
  BACKEND_DOCKERFILE: { type: 'string', default: 'Dockerfile.azure', path: true },
  BACKEND_DNS_LABEL: {
    type: 'string',
    default: 'codex-api',
    pattern: '^[a-z][a-z0-9-]{3,57}[a-z0-9]$',
    means: '5–59 lower-case letters, digits or hyphens',
  },
  BACKEND_CPU: { type: 'number', default: '2', minimum: 0.1, maximum: 31 },
  BACKEND_MEMORY_GB: { type: 'number', default: '4', minimum: 0.1, maximum: 240 },
  WORKER_CPU: { type: 'number', default: '1', minimum: 0.1, maximum: 31 },
  WORKER_MEMORY_GB: { type: 'number', default: '2', minimum: 0.1, maximum: 240 },
  WORKER_COUNT: { type: 'integer', default: '1', minimum: 1, maximum: 20 },
  APP_SECRET_KEY: { type: 'string', default: '', secret: true },
  HEALTHY_WITHIN_SECONDS: { type: 'integer', default: '300', minimum: 5, maximum: 3600 },

  IONOS_HOST: {
    type: 'string',
    default: '74.208.123.158',
    pattern: host,
    means: 'an address or a host name',
  },
  IONOS_PORT: { type: 'integer', default: '22', minimum: 1, maximum: 65535 },
  IONOS_USER: { type: 'string', default: 'root', pattern: '^[a-z_][a-z0-9_-]*$', means: 'a login name' },
  IONOS_SSH_KEY: { type: 'string', default: '', path: true },
  IONOS_KNOWN_HOSTS: { type: 'string', default: '', path: true },
  IONOS_PUBLIC_IP: {
    type: 'string',
    default: '',
    pattern: '^$|^((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(\\.(?!$)|$)){4}$',
    means: 'an IPv4 address, or empty',
  },
  DASHBOARD_DIR: { type: 'string', default: 'examples/codex-dominion/dashboard-app', path: true },
  WEB_ROOT: {
    type: 'string',
    default: '/var/www',
    pattern: '^/[A-Za-z0-9._/-]+$',
    means: 'an absolute path',
    path: true,
  },
  KEEP_RELEASES: { type: 'integer', default: '5', minimum: 2, maximum: 100 },
  KEEP_ASSETS_DAYS: { type: 'integer', default: '30', minimum: 1, maximum: 365 },
  VPS_MONTHLY_USD: { type: 'string', default: '', pattern: dollars, means: 'dollars such as 7.50, or empty' },
  DOMAIN_YEARLY_USD: { type: 'string', default: '', pattern: dollars, means: 'dollars such as 15, or empty' },
  PURGE_URL: { type: 'string', default: '', pattern: `^$|${url}`, means: 'a URL, or empty' },

  IONOS_DNS_KEY: { type: 'string', default: '', secret: true },
  IONOS_DNS_API: {
    type: 'string',
    default: 'https://api.hosting.ionos.com/dns',
    pattern: url,
    means: 'a URL',
  },
  ACME_EMAIL: {
    type: 'string',
    default: '',
    pattern: '^$|^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$',
    means: 'an e-mail address, or empty',
  },
  ACME_SERVER: {
    type: 'string',
    default: 'https://acme-v02.api.letsencrypt.org/directory',
    pattern: '^https://[^\\s]+$',
    means: 'an https URL',
  },

  HEALTH_STATIC_MS: { type: 'string', default: '200,1000', pattern: limits, means: limitsMean },
  HEALTH_API_MS: { type: 'string', default: '500,2000', pattern: limits, means: limitsMean },
  HEALTH_CERTIFICATE_PERCENT: { type: 'string', default: '25,12.5', pattern: limits, means: limitsMean },
  HEALTH_QUEUE_JOBS: { type: 'string', default: '100,1000', pattern: limits, means: limitsMean },
  HEALTH_QUEUE_SECONDS: { type: 'string', default: '300,1800', pattern: limits, means: limitsMean },
  HEALTH_DISK_PERCENT: { type: 'string', default: '80,90', pattern: limits, means: limitsMean },
  HEALTH_RESTARTS: { type: 'string', default: '1,3', pattern: limits, means: limitsMean },
  HEALTH_CLOCK_SECONDS: { type: 'string', default: '5,60', pattern: limits, means: limitsMean },
  HEALTH_NEUTRAL_TARGETS: {
    type: 'string',
    default: '1.1.1.1:443,9.9.9.9:443',
    pattern: `^${neutralTarget}(,${neutralTarget})+$`,
    means: 'two or more HOST:PORT (or tcp://HOST:PORT) with commas',
  },
  HEALTH_PING_URL: { type: 'string', default: '', secret: true },
  SLO_PERCENT: { type: 'number', default: '99.9', minimum: 50, maximum: 99.9999 },
  HISTORY_SAMPLE_DAYS: { type: 'integer', default: '35', minimum: 2, maximum: 400 },
  HISTORY_DAYS: { type: 'integer', default: '400', minimum: 32, maximum: 4000 },
  ALERT_WEBHOOK_URL: { type: 'string', default: '', secret: true },
  ALERT_SLACK_URL: { type: 'string', default: '', secret: true },
  ALERT_TEAMS_URL: { type: 'string', default: '', secret: true },
  ALERT_EMAIL_TO: {
    type: 'string',
    default: '',
    pattern: '^$|^[^@\\s,]+@[^@\\s,]+(,[^@\\s,]+@[^@\\s,]+)*$',
    means: 'e-mail addresses with commas, or empty',
  },
  ALERT_EMAIL_FROM: {
    type: 'string',
    default: '',
    pattern: '^$|^[^@\\s]+@[^@\\s]+$',
    means: 'an e-mail address, or empty',
  },
  SMTP_URL: { type: 'string', default: '', secret: true },

  DNS_SERVER: {
    type: 'string',
    default: '',
    pattern: '^$|^[0-9A-Fa-f.:\\[\\]]+$',
    means: 'the address of a resolver, or empty',
  },
  CA_FILE: { type: 'string', default: '', path: true },
  HTTPS_PROXY: { type: 'string', default: '', pattern: `^$|${url}`, means: 'a URL, or empty' },
  NO_PROXY: { type: 'string', default: '' },
  REQUESTS_CA_BUNDLE: { type: 'string', default: '', path: true },
  AZURE_CONFIG_DIR: { type: 'string', default: '', path: true },
  STATE_DIR: { type: 'string', default: '.dominion', path: true, pattern: '^.+$', means: 'a folder' },
} as const satisfies Record<string, Key>

export type KeyName = keyof typeof keys

/** The JSON Schema of a configuration. A number arrives as a number, all else as text. */
export const schema = {
  type: 'object',
  properties: Object.fromEntries(Object.entries(keys).map(([key, about]) => [key, toProperty(about)])),
}

function toProperty({ type, pattern, minimum, maximum, ...about }: Key): object {
  return {
    type,
    ...(pattern === undefined ? {} : { pattern }),
    ...(about.enum ? { enum: about.enum } : {}),
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
  }
}
