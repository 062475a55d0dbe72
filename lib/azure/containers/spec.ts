import { createHash, scryptSync } from 'node:crypto'
import type { Config } from '../../config/config.ts'
import { backendPort, surgeLabel } from '../../config/endpoints.ts'
import { clusteringPolicy } from '../redisState.ts'

/** A container group as `az container list` prints it; the parts that are compared. */
export interface ContainerGroup {
  name: string
  provisioningState?: string
  restartPolicy?: string
  osType?: string
  tags?: Record<string, string> | null
  ipAddress?: { ip?: string | null; fqdn?: string | null; dnsNameLabel?: string | null } | null
  containers: {
    name: string
    image: string
    command?: string[] | null
    resources?: { requests?: { cpu?: number; memoryInGb?: number; memoryInGB?: number } }
    instanceView?: {
      currentState?: { state?: string; startTime?: string; detailStatus?: string; exitCode?: number }
      restartCount?: number
      /** The last ones. Equal ones that follow each other are one, with a count. */
      events?: { name: string; count: number; firstTimestamp?: string; lastTimestamp?: string }[] | null
    } | null
  }[]
}

/** What a group must be; the secrets stay apart until the file for az is written. */
export interface WantedGroup {
  name: string
  image: string
  cpu: number
  memoryGb: number
  /** Undefined: the image's own command. */
  command?: string[]
  /** Undefined: not reachable from outside. */
  public?: { dnsLabel: string; port: number }
  environment: Record<string, string>
}

export interface GroupSecrets {
  databasePassword: string
  appSecretKey: string
  redisKey: string
  registry: { username: string; password: string }
}

export const groupNames = {
  backend: 'codex-backend',
  surge: 'codex-backend-next',
  worker: 'codex-worker',
} as const

export const databaseHost = (config: Config): string =>
  `${config.postgres.server}.postgres.database.azure.com`
export const redisAddress = ({ redis, azure }: Config): { host: string; port: number } =>
  redis.kind === 'managed'
    ? { host: `${redis.name}.${azure.location}.redis.azure.net`, port: 10000 }
    : { host: `${redis.name}.redis.cache.windows.net`, port: 6380 }

/** The backend under its stable name, or beside it under another one while a release is under way. */
export const backendGroup = (
  config: Config,
  image: string,
  as: 'backend' | 'surge' = 'backend',
): WantedGroup => ({
  name: groupNames[as],
  image,
  cpu: config.backend.cpu,
  memoryGb: config.backend.memoryGb,
  public: {
    dnsLabel: as === 'backend' ? config.backend.dnsLabel : surgeLabel(config),
    port: backendPort,
  },
  environment: environmentOf(image),
})

/** The names of the worker groups that the configuration wants: codex-worker, codex-worker-2 … */
export const workerNames = ({ worker }: Config): string[] =>
  Array.from({ length: worker.count }, (_, index) => workerName(index + 1))

const workerName = (number: number): string =>
  number === 1 ? groupNames.worker : `${groupNames.worker}-${number}`

/** Is this a name that a worker group of ours may have? A group of any other name is somebody else's. */
export const isWorkerName = (name: string): boolean =>
  name === groupNames.worker || /^codex-worker-([2-9]|[1-9][0-9]+)$/.test(name)

/** Did a deploy make this group, going by its name? */
export const isOwnGroup = (name: string): boolean =>
  name === groupNames.backend || name === groupNames.surge || isWorkerName(name)

export const workerGroup = (
  config: Config,
  image: string,
  name: string = groupNames.worker,
): WantedGroup => ({
  name,
  image,
  cpu: config.worker.cpu,
  memoryGb: config.worker.memoryGb,
  // RQ's default is pickle, and reading a pickle runs what its author wants (python-rq.org/docs/jobs).
  command: ['rq', 'worker', '--serializer', 'rq.serializers.JSONSerializer', 'workflows'],
  environment: environmentOf(image),
})

/** The image that a group runs; '' when ARM names none. */
export const getImage = ({ containers }: ContainerGroup): string => containers[0]?.image ?? ''

/** What a container may use: cores and GB, as far as ARM says it. `az` spells the memory in two ways. */
export function getSize(container: ContainerGroup['containers'][number] | undefined) {
  const { cpu, memoryInGb, memoryInGB } = container?.resources?.requests ?? {}
  return { cpu, memoryGb: memoryInGb ?? memoryInGB }
}

/** The tag of an image's full name: all of it when it has none. */
export const getTag = (image: string): string => image.slice(image.lastIndexOf(':') + 1)

const environmentOf = (image: string): Record<string, string> => ({
  APP_ENV: 'production',
  FLASK_ENV: 'production',
  PORT: String(backendPort),
  RELEASE: getTag(image),
  // libpq: check the server's certificate against the image's own authorities.
  PGSSLMODE: 'verify-full',
  PGSSLROOTCERT: '/etc/ssl/certs/ca-certificates.crt',
})

/** Tells whether a running group was made from the same configuration: secrets cannot be read back from ARM. */
export function hashConfiguration(
  config: Config,
  group: WantedGroup,
  databasePassword: string,
  appSecretKey: string,
): string {
  // A Redis with another policy has been another database, with other keys.
  const redis = {
    ...redisAddress(config),
    ...(config.redis.kind === 'managed' ? { clusteringPolicy } : {}),
  }
  const parts = {
    ...group,
    ...(group.public ? probesOn(group.public.port) : {}),
    database: databaseHost(config),
    user: config.postgres.user,
    name: config.postgres.database,
    redis,
  }
  const secrets = [
    fingerprint(databasePassword, config.postgres.server),
    fingerprint(appSecretKey, config.azure.registry),
  ]
  return createHash('sha256')
    .update(JSON.stringify([parts, secrets]))
    .digest('hex')
    .slice(0, 16)
}

/** A print of a secret that is costly to guess from (scrypt, RFC 7914); 16 hex digits. */
export const fingerprint = (secret: string, salt: string): string =>
  scryptSync(secret, salt, 8).toString('hex')

/**
 * The file for `az container create --file`, the whole group: what is left out would be reset. Written as JSON, because
 * az expands `${X}` in unquoted YAML. Shape: Microsoft.ContainerInstance/containerGroups 2023-05-01.
 */
export function groupFile(config: Config, group: WantedGroup, secrets: GroupSecrets): string {
  const user = encodeURIComponent(config.postgres.user)
  const database = `postgresql://${user}:${encodeURIComponent(secrets.databasePassword)}@${databaseHost(config)}:5432/${config.postgres.database}`
  const { host, port } = redisAddress(config)
  const redis = `rediss://:${encodeURIComponent(secrets.redisKey)}@${host}:${port}/0`
  const secure = {
    DATABASE_URL: database,
    REDIS_URL: redis,
    RQ_REDIS_URL: redis,
    SECRET_KEY: secrets.appSecretKey,
  }
  const ports = group.public ? [{ port: group.public.port, protocol: 'TCP' }] : []
  return JSON.stringify({
    apiVersion: '2023-05-01',
    type: 'Microsoft.ContainerInstance/containerGroups',
    name: group.name,
    location: config.azure.location,
    tags: {
      application: 'codex-dominion',
      configuration: hashConfiguration(config, group, secrets.databasePassword, secrets.appSecretKey),
    },
    properties: {
      osType: 'Linux',
      restartPolicy: 'Always',
      containers: [
        {
          name: group.name,
          properties: {
            image: group.image,
            ...(group.command ? { command: group.command } : {}),
            ports: ports,
            environmentVariables: [
              ...Object.entries(group.environment).map(([name, value]) => ({ name, value })),
              ...Object.entries(secure).map(([name, secureValue]) => ({ name, secureValue })),
            ],
            resources: { requests: { cpu: group.cpu, memoryInGB: group.memoryGb } },
            ...(group.public ? probesOn(group.public.port) : {}),
          },
        },
      ],
      imageRegistryCredentials: [{ server: `${config.azure.registry}.azurecr.io`, ...secrets.registry }],
      ...(group.public ? { ipAddress: { type: 'Public', dnsNameLabel: group.public.dnsLabel, ports } } : {}),
    },
  })
}

/**
 * Liveness asks whether the port takes connections and nothing else: /health is 503 while the database or Redis rests, and
 * a restart helps against neither. ACI knows probes of the kinds exec and httpGet only (ContainerProbe, API 2023-05-01),
 * and a Flask application has no path that surely answers 200 without asking anything. So the interpreter that runs the
 * application opens the connection: python3 is in every image that can serve it, a shell or curl need not be.
 */
const probesOn = (port: number) => ({
  livenessProbe: {
    exec: {
      command: [
        'python3',
        '-c',
        `import socket; socket.create_connection(('127.0.0.1', ${port}), 4).close()`,
      ],
    },
    initialDelaySeconds: 30,
    periodSeconds: 15,
    timeoutSeconds: 5,
    failureThreshold: 4,
  },
  readinessProbe: {
    httpGet: { path: '/health', port, scheme: 'http' },
    initialDelaySeconds: 2,
    periodSeconds: 5,
    timeoutSeconds: 5,
    failureThreshold: 3,
  },
})
