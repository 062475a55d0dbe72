import { homedir } from 'node:os'
import path from 'node:path'
import { type KeyName, keys, type ShareKind } from './schema.ts'
import {
  appSecretKeyRule,
  createSecret,
  deriveApiToken,
  postgresPasswordRule,
  type Secret,
  type SecretRule,
} from './secret.ts'

/** A value from the first limit on is a WARNING, from the second on CRITICAL. */
export interface Limits {
  readonly warning: number
  readonly critical: number
}

type Frozen<T> = T extends Secret ? T : { readonly [Key in keyof T]: Frozen<T[Key]> }

/** The whole configuration, frozen. Paths are absolute. */
export type Config = Frozen<ReturnType<typeof createConfig>>

/**
 * Gives the values of `.env` their names and types.
 *
 * @param fileOf the file that sets a key, `.env` or `.env.NAME`; for one that none sets, the file where it belongs
 * @param folder of `.env`; relative paths start there
 * @param environment the name given to --env, else `default`
 */
export function createConfig(
  texts: Readonly<Record<KeyName, string>>,
  fileOf: (key: KeyName) => string,
  folder: string,
  environment: string,
) {
  const absolute = (text: string) => path.resolve(folder, text.replace(/^~(?=$|[/\\])/, homedir()))
  const optionalPath = (text: string) => (text === '' ? '' : absolute(text))
  const optionalNumber = (text: string) => (text === '' ? undefined : Number(text))
  const limits = (key: KeyName): Limits => {
    const [warning = 0, critical = 0] = texts[key].split(',').map(Number)
    return { warning, critical }
  }
  const secret = (key: KeyName, rule?: SecretRule, derive?: Secret['derive']) =>
    createSecret(key, texts[key], {
      file: fileOf(key),
      ...(rule ? { rule } : {}),
      ...(derive ? { derive } : {}),
    })
  const keyFiles: Partial<Record<KeyName, string>> = Object.fromEntries(
    (Object.keys(keys) as KeyName[]).map((key) => [key, fileOf(key)]),
  )
  /** Added to the environment that az inherits. */
  const azEnvironment: Record<string, string> = Object.fromEntries(
    Object.entries({
      HTTPS_PROXY: texts.HTTPS_PROXY,
      HTTP_PROXY: texts.HTTPS_PROXY,
      NO_PROXY: texts.NO_PROXY,
      REQUESTS_CA_BUNDLE: optionalPath(texts.REQUESTS_CA_BUNDLE),
      AZURE_CONFIG_DIR: optionalPath(texts.AZURE_CONFIG_DIR),
    }).filter(([, value]) => value !== ''),
  )
  return {
    environment,
    keyFiles,
    folder,
    domain: texts.DOMAIN,
    /** What another environment may use, too. */
    shares: texts.SHARES.split(',').filter((word): word is ShareKind => word !== ''),
    azure: {
      /** '' = the subscription that az is set to. */
      subscription: texts.AZURE_SUBSCRIPTION,
      resourceGroup: texts.AZURE_RESOURCE_GROUP,
      location: texts.AZURE_LOCATION,
      registry: texts.ACR_NAME.toLowerCase(),
    },
    postgres: {
      server: texts.POSTGRES_SERVER,
      database: texts.POSTGRES_DATABASE,
      user: texts.POSTGRES_USER,
      password: secret('POSTGRES_PASSWORD', postgresPasswordRule(texts.POSTGRES_USER)),
      sku: texts.POSTGRES_SKU,
      version: texts.POSTGRES_VERSION,
      storageGb: Number(texts.POSTGRES_STORAGE_GB),
      backupDays: Number(texts.POSTGRES_BACKUP_DAYS),
    },
    redis: { kind: texts.REDIS_KIND as 'managed' | 'classic', name: texts.REDIS_NAME, sku: texts.REDIS_SKU },
    backend: {
      /** The build context. */
      dir: absolute(texts.BACKEND_DIR),
      dockerfile: texts.BACKEND_DOCKERFILE,
      dnsLabel: texts.BACKEND_DNS_LABEL,
      cpu: Number(texts.BACKEND_CPU),
      memoryGb: Number(texts.BACKEND_MEMORY_GB),
      secretKey: secret('APP_SECRET_KEY', appSecretKeyRule, (value) => [deriveApiToken(value)]),
      healthyWithinSeconds: Number(texts.HEALTHY_WITHIN_SECONDS),
    },
    worker: {
      cpu: Number(texts.WORKER_CPU),
      memoryGb: Number(texts.WORKER_MEMORY_GB),
      count: Number(texts.WORKER_COUNT),
    },
    ionos: {
      host: texts.IONOS_HOST,
      port: Number(texts.IONOS_PORT),
      user: texts.IONOS_USER,
      /** '' = whatever ssh's own configuration, the agent and the usual key files offer. */
      key: optionalPath(texts.IONOS_SSH_KEY),
      knownHosts: optionalPath(texts.IONOS_KNOWN_HOSTS) || path.join(homedir(), '.ssh', 'known_hosts'),
      /** The address that DNS must point to. */
      publicIp: texts.IONOS_PUBLIC_IP || texts.IONOS_HOST,
      webRoot: texts.WEB_ROOT.replace(/\/+$/, ''),
      keepReleases: Number(texts.KEEP_RELEASES),
      keepAssetsDays: Number(texts.KEEP_ASSETS_DAYS),
      purgeUrl: texts.PURGE_URL,
      dnsKey: secret('IONOS_DNS_KEY'),
      dnsApi: texts.IONOS_DNS_API.replace(/\/+$/, ''),
    },
    /** What IONOS bills, in dollars; undefined = what lib/cost assumes. */
    cost: {
      vpsMonthly: optionalNumber(texts.VPS_MONTHLY_USD),
      domainYearly: optionalNumber(texts.DOMAIN_YEARLY_USD),
    },
    health: {
      staticMs: limits('HEALTH_STATIC_MS'),
      apiMs: limits('HEALTH_API_MS'),
      /** Percentage of the lifetime that is left: less is worse. */
      certificatePercent: limits('HEALTH_CERTIFICATE_PERCENT'),
      queueJobs: limits('HEALTH_QUEUE_JOBS'),
      queueSeconds: limits('HEALTH_QUEUE_SECONDS'),
      diskPercent: limits('HEALTH_DISK_PERCENT'),
      /** Of one container within an hour. */
      restarts: limits('HEALTH_RESTARTS'),
      clockSeconds: limits('HEALTH_CLOCK_SECONDS'),
      /** HOST:PORT, or tcp://HOST:PORT. */
      neutralTargets: texts.HEALTH_NEUTRAL_TARGETS.split(','),
      pingUrl: secret('HEALTH_PING_URL'),
    },
    history: {
      sampleDays: Number(texts.HISTORY_SAMPLE_DAYS),
      days: Number(texts.HISTORY_DAYS),
      sloPercent: Number(texts.SLO_PERCENT),
    },
    alerts: {
      webhook: secret('ALERT_WEBHOOK_URL'),
      slack: secret('ALERT_SLACK_URL'),
      teams: secret('ALERT_TEAMS_URL'),
      email: { to: texts.ALERT_EMAIL_TO, from: texts.ALERT_EMAIL_FROM, smtp: secret('SMTP_URL') },
    },
    dashboardDir: absolute(texts.DASHBOARD_DIR),
    acme: { email: texts.ACME_EMAIL, server: texts.ACME_SERVER },
    network: {
      /** '' = the system's resolver. */
      dnsServer: texts.DNS_SERVER,
      caFile: optionalPath(texts.CA_FILE),
      azEnvironment,
    },
    /** Receipts and transcripts of this environment. */
    stateDir: path.join(absolute(texts.STATE_DIR), environment),
  }
}
