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
const limits = '^[0-9]{1,9}(\\.[0-9]{1,3})?,[0-9]{1,9}(\\.[0-9]{1,3})?$'
export const limitsMean = 'two figures, WARNING,CRITICAL, such as 200,1000'
const dollars = '^([0-9]{1,6}(\\.[0-9]{1,2})?)?$'

const text = (value: string, pattern: string, means: string) =>
  ({ type: 'string', default: value, pattern, means }) satisfies Key
const choice = (value: string, ...values: readonly string[]) =>
  ({ type: 'string', default: value, enum: values }) satisfies Key
const integer = (value: string, minimum: number, maximum: number) =>
  ({ type: 'integer', default: value, minimum, maximum }) satisfies Key
const number = (value: string, minimum: number, maximum: number) =>
  ({ type: 'number', default: value, minimum, maximum }) satisfies Key
const file = (value: string) => ({ type: 'string', default: value, path: true }) satisfies Key
const secret = { type: 'string', default: '', secret: true } satisfies Key

/** Every key of the configuration, with its default. `.env.example` explains each; a test holds the two together. */
export const keys = {
  SHARES: text(
    '',
    `^((${shareKinds.join('|')})(,(?!$)|$))*$`,
    `some of ${shareKinds.join(', ')} with commas, or empty`,
  ),
  BASE_ONLY: text('', '^(yes)?$', 'yes, or empty'),

  DOMAIN: text('codexdominion.app', hostName, 'a host name in lower case'),

  AZURE_SUBSCRIPTION: text('', '^[^\\s"\']*$', 'a subscription id, or empty'),
  AZURE_RESOURCE_GROUP: text(
    'codexdominion-prod',
    '^[A-Za-z0-9_().-]{0,89}[A-Za-z0-9_()-]$',
    '1–90 letters, digits, _ - . ( ), not ending in a full stop',
  ),
  AZURE_LOCATION: text('eastus', '^[a-z0-9]+$', 'a region such as eastus'),
  ACR_NAME: text('codexacr1216', '^[A-Za-z0-9]{5,50}$', '5–50 letters or digits'),

  POSTGRES_SERVER: text(
    'codexdominion-db',
    '^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$',
    '3–63 lower-case letters, digits or hyphens',
  ),
  POSTGRES_DATABASE: text('codexdb', '^[A-Za-z_][A-Za-z0-9_]{0,62}$', 'a database name'),
  POSTGRES_USER: text(
    'codexadmin',
    '^(?!azure_|pg_)(?!(admin|administrator|root|guest|public|azuresu|azure_superuser)$)[a-z][a-z0-9_]{0,62}$',
    'a name that Azure allows (not admin, root, azure_…, pg_…)',
  ),
  POSTGRES_PASSWORD: secret,
  POSTGRES_SKU: text(
    'Standard_B1ms',
    '^Standard_B[0-9]+[a-z]*s(_v2)?$',
    'a Burstable size such as Standard_B1ms',
  ),
  POSTGRES_VERSION: choice('16', '14', '15', '16', '17', '18'),
  POSTGRES_STORAGE_GB: integer('32', 32, 32768),
  POSTGRES_BACKUP_DAYS: integer('7', 7, 35),

  REDIS_KIND: choice('managed', 'managed', 'classic'),
  REDIS_NAME: text(
    'codexdominion-redis',
    '^[a-z0-9]([a-z0-9]|-(?!-)){0,58}[a-z0-9]$',
    '2–60 lower-case letters, digits or single hyphens',
  ),
  REDIS_SKU: text(
    'Balanced_B0',
    '^(Balanced_B|MemoryOptimized_M|ComputeOptimized_X)[0-9]+$|^(Basic|Standard)_C[0-6]$',
    'Balanced_B0 (managed) or Basic_C0 (classic)',
  ),

  BACKEND_DIR: file('examples/codex-dominion/backend'),
  BACKEND_DOCKERFILE: file('Dockerfile.azure'),
  BACKEND_DNS_LABEL: text(
    'codex-api',
    '^[a-z][a-z0-9-]{3,57}[a-z0-9]$',
    '5–59 lower-case letters, digits or hyphens',
  ),
  BACKEND_CPU: number('2', 0.1, 31),
  BACKEND_MEMORY_GB: number('4', 0.1, 240),
  WORKER_CPU: number('1', 0.1, 31),
  WORKER_MEMORY_GB: number('2', 0.1, 240),
  WORKER_COUNT: integer('1', 1, 20),
  APP_SECRET_KEY: secret,
  HEALTHY_WITHIN_SECONDS: integer('300', 5, 3600),

  IONOS_HOST: text('74.208.123.158', host, 'an address or a host name'),
  IONOS_PORT: integer('22', 1, 65535),
  IONOS_USER: text('root', '^[a-z_][a-z0-9_-]*$', 'a login name'),
  IONOS_SSH_KEY: file(''),
  IONOS_KNOWN_HOSTS: file(''),
  IONOS_PUBLIC_IP: text(
    '',
    '^$|^((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(\\.(?!$)|$)){4}$',
    'an IPv4 address, or empty',
  ),
  DASHBOARD_DIR: file('examples/codex-dominion/dashboard-app'),
  WEB_ROOT: { ...text('/var/www', '^/[A-Za-z0-9._/-]+$', 'an absolute path'), path: true },
  KEEP_RELEASES: integer('5', 2, 100),
  KEEP_ASSETS_DAYS: integer('30', 1, 365),
  VPS_MONTHLY_USD: text('', dollars, 'dollars such as 7.50, or empty'),
  DOMAIN_YEARLY_USD: text('', dollars, 'dollars such as 15, or empty'),
  PURGE_URL: text('', `^$|${url}`, 'a URL, or empty'),

  IONOS_DNS_KEY: secret,
  IONOS_DNS_API: text('https://api.hosting.ionos.com/dns', url, 'a URL'),
  ACME_EMAIL: text('', '^$|^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$', 'an e-mail address, or empty'),
  ACME_SERVER: text('https://acme-v02.api.letsencrypt.org/directory', '^https://[^\\s]+$', 'an https URL'),

  HEALTH_STATIC_MS: text('200,1000', limits, limitsMean),
  HEALTH_API_MS: text('500,2000', limits, limitsMean),
  HEALTH_CERTIFICATE_PERCENT: text('25,12.5', limits, limitsMean),
  HEALTH_QUEUE_JOBS: text('100,1000', limits, limitsMean),
  HEALTH_QUEUE_SECONDS: text('300,1800', limits, limitsMean),
  HEALTH_DISK_PERCENT: text('80,90', limits, limitsMean),
  HEALTH_RESTARTS: text('1,3', limits, limitsMean),
  HEALTH_CLOCK_SECONDS: text('5,60', limits, limitsMean),
  HEALTH_NEUTRAL_TARGETS: text(
    '1.1.1.1:443,9.9.9.9:443',
    `^${neutralTarget}(,${neutralTarget})+$`,
    'two or more HOST:PORT (or tcp://HOST:PORT) with commas',
  ),
  HEALTH_PING_URL: secret,
  SLO_PERCENT: number('99.9', 50, 99.9999),
  HISTORY_SAMPLE_DAYS: integer('35', 2, 400),
  HISTORY_DAYS: integer('400', 32, 4000),
  ALERT_WEBHOOK_URL: secret,
  ALERT_SLACK_URL: secret,
  ALERT_TEAMS_URL: secret,
  ALERT_EMAIL_TO: text(
    '',
    '^$|^[^@\\s,]+@[^@\\s,]+(,[^@\\s,]+@[^@\\s,]+)*$',
    'e-mail addresses with commas, or empty',
  ),
  ALERT_EMAIL_FROM: text('', '^$|^[^@\\s]+@[^@\\s]+$', 'an e-mail address, or empty'),
  SMTP_URL: secret,

  DNS_SERVER: text('', '^$|^[0-9A-Fa-f.:\\[\\]]+$', 'the address of a resolver, or empty'),
  CA_FILE: file(''),
  HTTPS_PROXY: text('', `^$|${url}`, 'a URL, or empty'),
  NO_PROXY: { type: 'string', default: '' },
  REQUESTS_CA_BUNDLE: file(''),
  AZURE_CONFIG_DIR: file(''),
  STATE_DIR: { ...text('.dominion', '^.+$', 'a folder'), path: true },
} satisfies Record<string, Key>

export type KeyName = keyof typeof keys

/** What JSON Schema knows of a key. */
const keywords = ['type', 'pattern', 'enum', 'minimum', 'maximum']

/** The JSON Schema of a configuration. A number arrives as a number, all else as text. */
export const schema = {
  type: 'object',
  properties: Object.fromEntries(
    Object.entries(keys).map(([key, about]) => [
      key,
      Object.fromEntries(Object.entries(about).filter(([word]) => keywords.includes(word))),
    ]),
  ),
}
