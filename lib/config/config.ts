import type { KeyName, ShareKind } from './schema.ts'
import type { Secret } from './secret.ts'

/** From the first on it is a WARNING, from the second on CRITICAL. */
export interface Limits {
  readonly warning: number
  readonly critical: number
}

/** The whole configuration, frozen. Paths are absolute. */
export interface Config {
  /** `.env` or `.env.NAME`: the name given to --env, else `default`. */
  readonly environment: string
  /** The file that sets each key, `.env` or `.env.NAME`; for one that none sets, the file it belongs into. */
  readonly keyFiles: Readonly<Partial<Record<KeyName, string>>>
  /** The folder `.env` lies in; relative paths count from here. */
  readonly folder: string
  readonly domain: string
  /** What may be another environment's, too. */
  readonly shares: readonly ShareKind[]
  readonly azure: {
    /** '' = the subscription that az is set to. */
    readonly subscription: string
    readonly resourceGroup: string
    readonly location: string
    readonly registry: string
  }
  readonly postgres: {
    readonly server: string
    readonly database: string
    readonly user: string
    readonly password: Secret
    readonly sku: string
    readonly version: string
    readonly storageGb: number
    readonly backupDays: number
  }
  readonly redis: { readonly kind: 'managed' | 'classic'; readonly name: string; readonly sku: string }
  readonly backend: {
    /** The build context. */
    readonly dir: string
    readonly dockerfile: string
    readonly dnsLabel: string
    readonly cpu: number
    readonly memoryGb: number
    readonly secretKey: Secret
    readonly healthyWithinSeconds: number
  }
  readonly worker: { readonly cpu: number; readonly memoryGb: number; readonly count: number }
  readonly ionos: {
    readonly host: string
    readonly port: number
    readonly user: string
    /** '' = what ssh's own configuration, the agent and the usual key files offer. */
    readonly key: string
    readonly knownHosts: string
    /** The address that DNS must point at: IONOS_PUBLIC_IP, else IONOS_HOST. */
    readonly publicIp: string
    readonly webRoot: string
    readonly keepReleases: number
    readonly keepAssetsDays: number
    readonly purgeUrl: string
    readonly dnsKey: Secret
    readonly dnsApi: string
  }
  /** What IONOS bills, in dollars; undefined = what lib/cost assumes. */
  readonly cost: { readonly vpsMonthly: number | undefined; readonly domainYearly: number | undefined }
  readonly health: {
    readonly staticMs: Limits
    readonly apiMs: Limits
    /** Per cent of the lifetime left: here less is worse. */
    readonly certificatePercent: Limits
    readonly queueJobs: Limits
    readonly queueSeconds: Limits
    readonly diskPercent: Limits
    /** Of one container within an hour. */
    readonly restarts: Limits
    readonly clockSeconds: Limits
    /** HOST:PORT, or tcp://HOST:PORT. */
    readonly neutralTargets: readonly string[]
    readonly pingUrl: Secret
  }
  readonly history: { readonly sampleDays: number; readonly days: number; readonly sloPercent: number }
  readonly alerts: {
    readonly webhook: Secret
    readonly slack: Secret
    readonly teams: Secret
    readonly email: { readonly to: string; readonly from: string; readonly smtp: Secret }
  }
  readonly dashboardDir: string
  readonly acme: { readonly email: string; readonly server: string }
  readonly network: {
    /** '' = the system's resolver. */
    readonly dnsServer: string
    readonly caFile: string
    /** Environment that az gets on top of this process's own. */
    readonly azEnvironment: Readonly<Record<string, string>>
  }
  /** Receipts and transcripts of this environment. */
  readonly stateDir: string
}
