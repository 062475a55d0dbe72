import type { Limits } from './config.ts'
import type { Secret } from './secret.ts'

/** What two environments can share, by the names that SHARES accepts. */
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
  default: string
  /** A regular expression that the text must match. */
  pattern?: string
  /** What the pattern allows; completes the sentence "must be …". */
  means?: string
  enum?: readonly string[]
  minimum?: number
  maximum?: number
  /** Never printed and never passed as an argument; may be a reference (env:, op://, azkv://). */
  secret?: boolean
  /** A file or a folder: a value that looks like the content of a key file is refused. */
  path?: boolean
}

/** What a value may need besides its text. */
export interface Source {
  /** Makes a path absolute: relative paths start at the folder of `.env`, `~` is the home folder. */
  toPath(text: string): string
  toSecret(key: string, text: string): Secret
}

/** A key, and the value that a field of the configuration gets from its text. */
interface Setting<Name extends string, Value> extends Key {
  key: Name
  read(text: string, source: Source): Value
}

const hostName = '^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$'
const host = '^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$'
const url = '^https?://[^\\s]+$'
const port = '(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])'
const neutralTarget = `(?:tcp://)?[A-Za-z0-9.-]+:${port}`
const limitsPattern = '^[0-9]{1,9}(\\.[0-9]{1,3})?,[0-9]{1,9}(\\.[0-9]{1,3})?$'
export const limitsMean = 'two figures, WARNING,CRITICAL, such as 200,1000'

const setting = <Name extends string, Value>(
  key: Name,
  about: Key,
  read: Setting<Name, Value>['read'],
): Setting<Name, Value> => ({ ...about, key, read })
const unchanged = (value: string): string => value

const text = <Name extends string>(
  key: Name,
  value: string,
  pattern: string,
  means: string,
  more: Partial<Key> = {},
) => setting(key, { type: 'string', default: value, pattern, means, ...more }, unchanged)
const choice = <Name extends string, Value extends string>(key: Name, value: Value, ...values: Value[]) =>
  setting(key, { type: 'string', default: value, enum: values }, (chosen) => chosen as Value)
const integer = <Name extends string>(key: Name, value: string, minimum: number, maximum: number) =>
  setting(key, { type: 'integer', default: value, minimum, maximum }, Number)
const number = <Name extends string>(key: Name, value: string, minimum: number, maximum: number) =>
  setting(key, { type: 'number', default: value, minimum, maximum }, Number)
/** A path; '' when none is set. */
const file = <Name extends string>(key: Name) =>
  setting(key, { type: 'string', default: '', path: true }, (value, { toPath }) => value && toPath(value))
const folder = <Name extends string>(key: Name, value: string) =>
  setting(key, { type: 'string', default: value, path: true }, (given, { toPath }) => toPath(given))
const secret = <Name extends string>(key: Name) =>
  setting(key, { type: 'string', default: '', secret: true }, (value, { toSecret }) => toSecret(key, value))
/** Dollars; undefined when none are set. */
const dollars = <Name extends string>(key: Name, means: string) =>
  setting(key, { type: 'string', default: '', pattern: '^([0-9]{1,6}(\\.[0-9]{1,2})?)?$', means }, (value) =>
    value === '' ? undefined : Number(value),
  )
const limits = <Name extends string>(key: Name, value: string) =>
  setting(
    key,
    { type: 'string', default: value, pattern: limitsPattern, means: limitsMean },
    (given): Limits => {
      const [warning = 0, critical = 0] = given.split(',').map(Number)
      return { warning, critical }
    },
  )

/**
 * Every key: its default, what it allows, and its field. `.env.example` explains each; a test keeps the two in step.
 */
export const settings = {
  /** Resources that other environments may use, too. */
  shares: text(
    'SHARES',
    '',
    `^((${shareKinds.join('|')})(,(?!$)|$))*$`,
    `a comma-separated list of ${shareKinds.join(', ')}, or empty`,
  ),
  baseOnly: text('BASE_ONLY', '', '^(yes)?$', 'yes, or empty'),
  domain: text('DOMAIN', 'codexdominion.app', hostName, 'a lower-case host name'),
  azure: {
    /** '' = the current subscription of az. */
    subscription: text('AZURE_SUBSCRIPTION', '', '^[^\\s"\']*$', 'a subscription id, or empty'),
    resourceGroup: text(
      'AZURE_RESOURCE_GROUP',
      'codexdominion-prod',
      '^[A-Za-z0-9_().-]{0,89}[A-Za-z0-9_()-]$',
      '1–90 letters, digits, _ - . ( ), not ending in a full stop',
    ),
    location: text('AZURE_LOCATION', 'eastus', '^[a-z0-9]+$', 'a region such as eastus'),
    registry: text('ACR_NAME', 'codexacr1216', '^[A-Za-z0-9]{5,50}$', '5–50 letters or digits'),
  },
  postgres: {
    server: text(
      'POSTGRES_SERVER',
      'codexdominion-db',
      '^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$',
      '3–63 lower-case letters, digits or hyphens',
    ),
    database: text('POSTGRES_DATABASE', 'codexdb', '^[A-Za-z_][A-Za-z0-9_]{0,62}$', 'a database name'),
    user: text(
      'POSTGRES_USER',
      'codexadmin',
      '^(?!azure_|pg_)(?!(admin|administrator|root|guest|public|azuresu|azure_superuser)$)[a-z][a-z0-9_]{0,62}$',
      'a name that Azure allows (not admin, root, azure_…, pg_…)',
    ),
    password: secret('POSTGRES_PASSWORD'),
    sku: text(
      'POSTGRES_SKU',
      'Standard_B1ms',
      '^Standard_(B[0-9]+[a-z]*s(_v2)?|[DE][0-9]+[a-z]*s_v[345])$',
      'a size such as Standard_B1ms (Burstable), Standard_D2ds_v5 (general purpose) or Standard_E2ds_v5 (memory optimised)',
    ),
    /** '' = that of everything else. */
    location: text('POSTGRES_LOCATION', '', '^[a-z0-9]*$', 'a region such as westus3, or empty'),
    version: choice('POSTGRES_VERSION', '16', '14', '15', '16', '17', '18'),
    storageGb: integer('POSTGRES_STORAGE_GB', '32', 32, 32768),
    backupDays: integer('POSTGRES_BACKUP_DAYS', '7', 7, 35),
  },
  redis: {
    /** '' = that of everything else. */
    location: text('REDIS_LOCATION', '', '^[a-z0-9]*$', 'a region such as westus3, or empty'),
    kind: choice('REDIS_KIND', 'managed', 'managed', 'classic'),
    name: text(
      'REDIS_NAME',
      'codexdominion-redis',
      '^[a-z0-9]([a-z0-9]|-(?!-)){0,58}[a-z0-9]$',
      '2–60 lower-case letters, digits or single hyphens',
    ),
    sku: text(
      'REDIS_SKU',
      'Balanced_B0',
      '^(Balanced_B|MemoryOptimized_M|ComputeOptimized_X)[0-9]+$|^(Basic|Standard)_C[0-6]$',
      'Balanced_B0 (managed) or Basic_C0 (classic)',
    ),
  },
  backend: {
    /** The build context. */
    dir: folder('BACKEND_DIR', 'examples/codex-dominion/backend'),
    dockerfile: setting(
      'BACKEND_DOCKERFILE',
      { type: 'string', default: 'Dockerfile.azure', path: true },
      unchanged,
    ),
    dnsLabel: text(
      'BACKEND_DNS_LABEL',
      'codex-api',
      '^[a-z][a-z0-9-]{3,57}[a-z0-9]$',
      '5–59 lower-case letters, digits or hyphens',
    ),
    cpu: number('BACKEND_CPU', '2', 0.1, 31),
    memoryGb: number('BACKEND_MEMORY_GB', '4', 0.1, 240),
    secretKey: secret('APP_SECRET_KEY'),
    healthyWithinSeconds: integer('HEALTHY_WITHIN_SECONDS', '300', 5, 3600),
  },
  worker: {
    cpu: number('WORKER_CPU', '1', 0.1, 31),
    memoryGb: number('WORKER_MEMORY_GB', '2', 0.1, 240),
    count: integer('WORKER_COUNT', '1', 1, 20),
  },
  ionos: {
    host: text('IONOS_HOST', '74.208.123.158', host, 'an address or a host name'),
    port: integer('IONOS_PORT', '22', 1, 65535),
    user: text('IONOS_USER', 'root', '^[a-z_][a-z0-9_-]*$', 'a login name'),
    /** '' = the keys that ssh's own configuration, the agent and the usual key files offer. */
    key: file('IONOS_SSH_KEY'),
    knownHosts: file('IONOS_KNOWN_HOSTS'),
    publicIp: text(
      'IONOS_PUBLIC_IP',
      '',
      '^$|^((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(\\.(?!$)|$)){4}$',
      'an IPv4 address, or empty',
    ),
    webRoot: text('WEB_ROOT', '/var/www', '^/[A-Za-z0-9._/-]+$', 'an absolute path', { path: true }),
    keepReleases: integer('KEEP_RELEASES', '5', 2, 100),
    keepAssetsDays: integer('KEEP_ASSETS_DAYS', '30', 1, 365),
    purgeUrl: text('PURGE_URL', '', `^$|${url}`, 'a URL, or empty'),
    dnsKey: secret('IONOS_DNS_KEY'),
    dnsApi: text('IONOS_DNS_API', 'https://api.hosting.ionos.com/dns', url, 'a URL'),
  },
  dashboardDir: folder('DASHBOARD_DIR', 'examples/codex-dominion/dashboard-app'),
  /** What IONOS bills a month, in dollars; undefined = the price that lib/cost assumes. */
  cost: {
    vpsMonthly: dollars('VPS_MONTHLY_USD', 'dollars such as 7.50, or empty'),
    domainYearly: dollars('DOMAIN_YEARLY_USD', 'dollars such as 15, or empty'),
  },
  acme: {
    email: text('ACME_EMAIL', '', '^$|^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$', 'an e-mail address, or empty'),
    server: text(
      'ACME_SERVER',
      'https://acme-v02.api.letsencrypt.org/directory',
      '^https://[^\\s]+$',
      'an https URL',
    ),
  },
  health: {
    staticMs: limits('HEALTH_STATIC_MS', '200,1000'),
    apiMs: limits('HEALTH_API_MS', '500,2000'),
    /** Percentage of the lifetime that is left; a lower value is worse. */
    certificatePercent: limits('HEALTH_CERTIFICATE_PERCENT', '25,12.5'),
    queueJobs: limits('HEALTH_QUEUE_JOBS', '100,1000'),
    queueSeconds: limits('HEALTH_QUEUE_SECONDS', '300,1800'),
    diskPercent: limits('HEALTH_DISK_PERCENT', '80,90'),
    /** Restarts of one container within an hour. */
    restarts: limits('HEALTH_RESTARTS', '1,3'),
    clockSeconds: limits('HEALTH_CLOCK_SECONDS', '5,60'),
    neutralTargets: text(
      'HEALTH_NEUTRAL_TARGETS',
      '1.1.1.1:443,9.9.9.9:443',
      `^${neutralTarget}(,${neutralTarget})+$`,
      'two or more HOST:PORT (or tcp://HOST:PORT), separated by commas',
    ),
    pingUrl: secret('HEALTH_PING_URL'),
  },
  history: {
    sloPercent: number('SLO_PERCENT', '99.9', 50, 99.9999),
    sampleDays: integer('HISTORY_SAMPLE_DAYS', '35', 2, 400),
    days: integer('HISTORY_DAYS', '400', 32, 4000),
  },
  alerts: {
    webhook: secret('ALERT_WEBHOOK_URL'),
    slack: secret('ALERT_SLACK_URL'),
    teams: secret('ALERT_TEAMS_URL'),
    email: {
      to: text(
        'ALERT_EMAIL_TO',
        '',
        '^$|^[^@\\s,]+@[^@\\s,]+(,[^@\\s,]+@[^@\\s,]+)*$',
        'e-mail addresses separated by commas, or empty',
      ),
      from: text('ALERT_EMAIL_FROM', '', '^$|^[^@\\s]+@[^@\\s]+$', 'an e-mail address, or empty'),
      smtp: secret('SMTP_URL'),
    },
  },
  network: {
    /** '' = the system's resolver. */
    dnsServer: text('DNS_SERVER', '', '^$|^[0-9A-Fa-f.:\\[\\]]+$', 'the address of a resolver, or empty'),
    caFile: file('CA_FILE'),
    azProxy: text('HTTPS_PROXY', '', `^$|${url}`, 'a URL, or empty'),
    azNoProxy: setting('NO_PROXY', { type: 'string', default: '' }, unchanged),
    azCaFile: file('REQUESTS_CA_BUNDLE'),
    azFolder: file('AZURE_CONFIG_DIR'),
  },
  stateDir: text('STATE_DIR', '.dominion', '^.+$', 'a folder', { path: true }),
}

type NameOf<Part> =
  Part extends Setting<infer Name, unknown>
    ? Name
    : { [Field in keyof Part]: NameOf<Part[Field]> }[keyof Part]
export type KeyName = NameOf<typeof settings>

type ValueOf<Part> =
  Part extends Setting<string, infer Value> ? Value : { readonly [Field in keyof Part]: ValueOf<Part[Field]> }

const isSetting = (part: object): part is Setting<KeyName, unknown> => 'read' in part

const listSettings = (part: object): Setting<KeyName, unknown>[] =>
  isSetting(part) ? [part] : Object.values(part).flatMap(listSettings)

export const keys = {} as Record<KeyName, Key>
for (const each of listSettings(settings)) keys[each.key] = each

export function readSettings(textOf: (key: KeyName) => string, source: Source) {
  const read = (part: object): unknown =>
    isSetting(part)
      ? part.read(textOf(part.key), source)
      : Object.fromEntries(Object.entries(part).map(([field, inner]) => [field, read(inner)]))
  return read(settings) as ValueOf<typeof settings>
}

/** The JSON Schema of one key. */
const keywords = ['type', 'pattern', 'enum', 'minimum', 'maximum']

/** The JSON Schema of a configuration. Numbers arrive as numbers, everything else as text. */
export const schema = {
  type: 'object',
  properties: Object.fromEntries(
    Object.entries(keys).map(([key, about]) => [
      key,
      Object.fromEntries(Object.entries(about).filter(([word]) => keywords.includes(word))),
    ]),
  ),
}
