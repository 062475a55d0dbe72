import { createHash, scryptSync } from 'node:crypto'
import { backendPort, type Config, surgeLabel } from '../../config/config.ts'
import { getTag, groupNames } from '../resources/containerGroups.ts'
import { databaseHost } from '../resources/postgres.ts'
import { clusteringPolicy, redisAddress } from '../resources/redis.ts'

/** The wanted state of a group; secrets are added only when the file for az is written. */
export interface WantedGroup {
  name: string
  image: string
  cpu: number
  memoryGb: number
  /** Undefined for the default command of the image. */
  command?: string[]
  /** Undefined if the group is not reachable from outside. */
  public?: { dnsLabel: string; port: number }
  environment: Record<string, string>
}

export interface GroupSecrets {
  databasePassword: string
  appSecretKey: string
  redisKey: string
  registry: { username: string; password: string }
}

/** The backend under its stable name, or the surge group that runs next to it during a release. */
export function backendGroup(
  config: Config,
  image: string,
  as: 'backend' | 'surge' = 'backend',
): WantedGroup {
  const { cpu, memoryGb } = config.backend
  const dnsLabel = as === 'backend' ? config.backend.dnsLabel : surgeLabel(config)
  return {
    ...{ name: groupNames[as], image, cpu, memoryGb },
    public: { dnsLabel, port: backendPort },
    environment: getEnvironment(image),
  }
}

export const workerGroup = (
  { worker: { cpu, memoryGb } }: Config,
  image: string,
  name: string = groupNames.worker,
): WantedGroup => ({
  ...{ name, image, cpu, memoryGb },
  // RQ's default is pickle, and loading a pickle runs its author's code (python-rq.org/docs/jobs).
  command: ['rq', 'worker', '--serializer', 'rq.serializers.JSONSerializer', 'workflows'],
  environment: getEnvironment(image),
})

const getEnvironment = (image: string): Record<string, string> => ({
  APP_ENV: 'production',
  FLASK_ENV: 'production',
  PORT: String(backendPort),
  RELEASE: getTag(image),
  // libpq: verify the server's certificate against the authorities of the image.
  PGSSLMODE: 'verify-full',
  PGSSLROOTCERT: '/etc/ssl/certs/ca-certificates.crt',
})

/** Identifies the configuration that a group was created from, because ARM does not return secrets. */
export function hashConfiguration(
  config: Config,
  group: WantedGroup,
  databasePassword: string,
  appSecretKey: string,
): string {
  const { server, user, database: name } = config.postgres
  const parts = {
    ...group,
    ...(group.public ? getProbes(group.public.port) : {}),
    ...{ database: databaseHost(config), user, name },
    // A Redis with another clustering policy is a different database, with different keys.
    redis: { ...redisAddress(config), ...(config.redis.kind === 'managed' ? { clusteringPolicy } : {}) },
  }
  const secrets = [fingerprint(databasePassword, server), fingerprint(appSecretKey, config.azure.registry)]
  const text = JSON.stringify([parts, secrets])
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** A hash of a secret that is expensive to reverse (scrypt, RFC 7914); 16 hex digits. */
export const fingerprint = (secret: string, salt: string): string =>
  scryptSync(secret, salt, 8).toString('hex')

/**
 * Creates the file for `az container create --file`: the whole group, because az resets what is missing. It is JSON,
 * because az expands `${X}` in unquoted YAML. Shape: Microsoft.ContainerInstance/containerGroups 2023-05-01.
 */
export function groupFile(config: Config, group: WantedGroup, secrets: GroupSecrets): string {
  const user = encodeURIComponent(config.postgres.user)
  const database = `postgresql://${user}:${encodeURIComponent(secrets.databasePassword)}@${databaseHost(config)}:5432/${config.postgres.database}`
  const { host, port } = redisAddress(config)
  const redis = `rediss://:${encodeURIComponent(secrets.redisKey)}@${host}:${port}/0`
  const addresses = { DATABASE_URL: database, REDIS_URL: redis, RQ_REDIS_URL: redis }
  const secure = { ...addresses, SECRET_KEY: secrets.appSecretKey }
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
            ports,
            environmentVariables: [
              ...Object.entries(group.environment).map(([name, value]) => ({ name, value })),
              ...Object.entries(secure).map(([name, secureValue]) => ({ name, secureValue })),
            ],
            resources: { requests: { cpu: group.cpu, memoryInGB: group.memoryGb } },
            ...(group.public ? getProbes(group.public.port) : {}),
          },
        },
      ],
      imageRegistryCredentials: [{ server: `${config.azure.registry}.azurecr.io`, ...secrets.registry }],
      ...(group.public ? { ipAddress: { type: 'Public', dnsNameLabel: group.public.dnsLabel, ports } } : {}),
    },
  })
}

/**
 * Liveness only tests whether the port accepts connections: /health is 503 while the database or Redis is
 * down, and a restart helps against neither. ACI has only exec and httpGet probes (ContainerProbe, API
 * 2023-05-01), and no path of a Flask application is certain to answer 200 without a dependency. So the
 * interpreter that runs the application opens the connection: every image that can serve it has python3, but
 * not always a shell or curl.
 */
const getProbes = (port: number) => ({
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
