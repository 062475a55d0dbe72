import { expect, test } from 'vitest'
import { compareGroup, needsReplacement } from '../../../lib/azure/containers/plan.ts'
import {
  backendGroup,
  fingerprint,
  type GroupSecrets,
  groupFile,
  hashConfiguration,
  workerGroup,
} from '../../../lib/azure/containers/spec.ts'
import type { ContainerGroup } from '../../../lib/azure/resources/containerGroups.ts'
import { loadTestConfig } from '../../support/helpers.ts'

const image = 'codexacr1216.azurecr.io/codex-backend:src-0123456789ab'
const secrets: GroupSecrets = {
  databasePassword: "p@ss:/word'%$\\1",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: az expands it in unquoted YAML
  appSecretKey: 'app-key-${X}',
  redisKey: 'redis+key/=1',
  registry: { username: 'codexacr1216', password: 'acr-pass' },
}
const everySecret = [
  secrets.databasePassword,
  secrets.appSecretKey,
  secrets.redisKey,
  secrets.registry.password,
]

interface Group {
  name: string
  location: string
  tags: Record<string, string>
  properties: {
    containers: {
      properties: { environmentVariables: { name: string; value?: string; secureValue?: string }[] } & Record<
        string,
        unknown
      >
    }[]
    ipAddress?: unknown
    imageRegistryCredentials: unknown
    [key: string]: unknown
  }
}
const parse = (text: string) => JSON.parse(text) as Group

test('the backend: size, port, label, probes, restart policy, environment', async () => {
  const config = await loadTestConfig()
  const group = parse(groupFile(config, backendGroup(config, image), secrets))
  expect(group).toMatchObject({
    apiVersion: '2023-05-01',
    type: 'Microsoft.ContainerInstance/containerGroups',
    name: 'codex-backend',
    location: 'eastus',
  })
  const { containers, ...properties } = group.properties
  expect(properties).toEqual({
    osType: 'Linux',
    restartPolicy: 'Always',
    imageRegistryCredentials: [
      { server: 'codexacr1216.azurecr.io', username: 'codexacr1216', password: 'acr-pass' },
    ],
    ipAddress: { type: 'Public', dnsNameLabel: 'codex-api', ports: [{ port: 5000, protocol: 'TCP' }] },
  })
  expect(containers).toHaveLength(1)
  const { environmentVariables, livenessProbe, readinessProbe, ...container } = containers[0]!.properties
  expect(container).toEqual({
    image,
    ports: [{ port: 5000, protocol: 'TCP' }],
    resources: { requests: { cpu: 2, memoryInGB: 4 } },
  })
  const health = { path: '/health', port: 5000, scheme: 'http' }
  // Of the probe kinds that ACI offers, one that tests only the port: the services behind /health may be down.
  expect(livenessProbe).not.toHaveProperty('httpGet')
  expect(livenessProbe).toMatchObject({
    exec: { command: ['python3', '-c', expect.stringContaining("('127.0.0.1', 5000)")] },
  })
  expect(readinessProbe).toMatchObject({ httpGet: health })
  expect(Object.fromEntries(environmentVariables.map(({ name, value }) => [name, value]))).toMatchObject({
    APP_ENV: 'production',
    FLASK_ENV: 'production',
    PORT: '5000',
    RELEASE: 'src-0123456789ab',
    PGSSLMODE: 'verify-full',
  })
})

test('secrets appear only in secureValue, escaped for URLs', async () => {
  const config = await loadTestConfig()
  const group = parse(groupFile(config, backendGroup(config, image), secrets))
  const variables = group.properties.containers[0]!.properties.environmentVariables
  const secure = Object.fromEntries(
    variables.flatMap(({ name, secureValue }) => (secureValue === undefined ? [] : [[name, secureValue]])),
  )
  expect(Object.keys(secure)).toEqual(['DATABASE_URL', 'REDIS_URL', 'RQ_REDIS_URL', 'SECRET_KEY'])
  const database = new URL(secure.DATABASE_URL!)
  expect([database.host, database.pathname, database.username]).toEqual([
    'codexdominion-db.postgres.database.azure.com:5432',
    '/codexdb',
    'codexadmin',
  ])
  expect(decodeURIComponent(database.password)).toBe(secrets.databasePassword)
  const redis = new URL(secure.REDIS_URL!)
  expect([redis.protocol, redis.host]).toEqual([
    'rediss:',
    'codexdominion-redis.eastus.redis.azure.net:10000',
  ])
  expect(decodeURIComponent(redis.password)).toBe(secrets.redisKey)
  expect(secure.SECRET_KEY).toBe(secrets.appSecretKey)

  group.properties.containers[0]!.properties.environmentVariables = variables.filter(
    ({ secureValue }) => secureValue === undefined,
  )
  group.properties.imageRegistryCredentials = []
  const rest = JSON.stringify(group)
  for (const secret of everySecret) {
    expect(rest).not.toContain(JSON.stringify(secret).slice(1, -1))
    expect(rest).not.toContain(encodeURIComponent(secret))
  }
})

test('the worker: its command, its size, no address, no probes', async () => {
  const config = await loadTestConfig()
  const group = parse(groupFile(config, workerGroup(config, image), secrets))
  expect(group.name).toBe('codex-worker')
  expect(group.properties.ipAddress).toBeUndefined()
  const { environmentVariables: _, ...container } = group.properties.containers[0]!.properties
  expect(container).toEqual({
    image,
    command: ['rq', 'worker', '--serializer', 'rq.serializers.JSONSerializer', 'workflows'],
    ports: [],
    resources: { requests: { cpu: 1, memoryInGB: 2 } },
  })
})

test('a worker with an older command is recreated', async () => {
  const config = await loadTestConfig()
  const wanted = workerGroup(config, image)
  const older = { ...wanted, command: ['rq', 'worker', 'workflows'] }
  const [now, before] = [wanted, older].map((group) => hashConfiguration(config, group, 'password', 'key'))
  expect(now).not.toBe(before)
})

test('the surge group is the backend under another name and label', async () => {
  const config = await loadTestConfig('BACKEND_CPU=1.5')
  const [stable, surge] = [backendGroup(config, image), backendGroup(config, image, 'surge')]
  expect(surge).toEqual({
    ...stable,
    name: 'codex-backend-next',
    public: { dnsLabel: 'codex-api-next', port: 5000 },
  })
  expect(stable.cpu).toBe(1.5)
})

test('classic Redis has another host and port', async () => {
  const config = await loadTestConfig('REDIS_KIND=classic', 'REDIS_SKU=Basic_C0')
  const text = groupFile(config, backendGroup(config, image), secrets)
  expect(text).toContain('@codexdominion-redis.redis.cache.windows.net:6380/0')
})

test('the configuration tag changes with every part, including secrets, and reveals none of them', async () => {
  const config = await loadTestConfig()
  const group = backendGroup(config, image)
  const tag = (
    ...[other = config, wanted = group, password = 'a', key = 'b']: Partial<
      [typeof config, typeof group, string, string]
    >
  ) => hashConfiguration(other, wanted, password, key)
  const same = tag()
  expect(same).toMatch(/^[0-9a-f]{16}$/)
  expect(tag(await loadTestConfig())).toBe(same)
  const others = [
    tag(config, { ...group, image: `${image}0` }),
    tag(config, { ...group, environment: { ...group.environment, NEW: '1' } }),
    tag(config, group, 'other'),
    tag(config, group, 'a', 'other'),
    tag(await loadTestConfig('POSTGRES_SERVER=other-db')),
    tag(await loadTestConfig('POSTGRES_DATABASE=otherdb')),
    tag(await loadTestConfig('REDIS_NAME=other-redis')),
  ]
  expect(new Set([same, ...others]).size).toBe(others.length + 1)
})

test('groups of an older release differ: their liveness probe requested /health, and their Redis had another policy', async () => {
  const config = await loadTestConfig()
  // The value that the release of that revision computed from this configuration.
  const before = { backend: '6be0d9f0376c227b', worker: 'd1c307bc156d3af7' }
  expect(hashConfiguration(config, backendGroup(config, image), 'a', 'b')).not.toBe(before.backend)
  expect(hashConfiguration(config, workerGroup(config, image), 'a', 'b')).not.toBe(before.worker)
})

test('a fingerprint is stable, salted, and not a plain hash', () => {
  expect(fingerprint('secret', 'salt')).toMatch(/^[0-9a-f]{16}$/)
  expect(fingerprint('secret', 'salt')).toBe(fingerprint('secret', 'salt'))
  expect(fingerprint('secret', 'other')).not.toBe(fingerprint('secret', 'salt'))
  const started = performance.now()
  fingerprint('secret', 'salt')
  expect(performance.now() - started, 'costly to guess from').toBeGreaterThan(5)
})

/** As `az container list` prints it. */
const running = (change: Partial<ContainerGroup> = {}, container: object = {}): ContainerGroup => ({
  name: 'codex-backend',
  restartPolicy: 'Always',
  osType: 'Linux',
  tags: { configuration: 'tag-1' },
  containers: [
    {
      name: 'codex-backend',
      image,
      command: null,
      resources: { requests: { cpu: 2, memoryInGb: 4 } },
      ...container,
    },
  ],
  ...change,
})

test('an up-to-date group has no differences', async () => {
  const wanted = backendGroup(await loadTestConfig(), image)
  expect(compareGroup(running(), wanted, 'tag-1')).toEqual([])
  const otherSpelling = running({}, { resources: { requests: { cpu: 2.0, memoryInGB: 4.0 } } })
  expect(compareGroup(otherSpelling, wanted, 'tag-1')).toEqual([])
})

test.each([
  ['image', {}, { image: 'x:old' }, { name: 'image', before: 'x:old', after: image }, false],
  [
    'CPU',
    {},
    { resources: { requests: { cpu: 1, memoryInGb: 4 } } },
    { name: 'CPU', before: '1', after: '2' },
    true,
  ],
  [
    'memory',
    {},
    { resources: { requests: { cpu: 2, memoryInGb: 8 } } },
    { name: 'memory (GB)', before: '8', after: '4' },
    true,
  ],
  [
    'restart policy',
    { restartPolicy: 'Never' },
    {},
    { name: 'restart policy', before: 'Never', after: 'Always' },
    true,
  ],
  [
    'operating system',
    { osType: 'Windows' },
    {},
    { name: 'operating system', before: 'Windows', after: 'Linux' },
    true,
  ],
  ['command', {}, { command: ['sleep', '1'] }, { name: 'command', before: 'sleep 1', after: '' }, false],
  [
    'environment, probes or secrets',
    { tags: { configuration: 'tag-0' } },
    {},
    { name: 'environment, probes or secrets', before: 'tag-0', after: 'tag-1' },
    false,
  ],
  [
    'a group of another tool, without the tag',
    { tags: null },
    {},
    { name: 'environment, probes or secrets', before: undefined, after: 'tag-1' },
    false,
  ],
])('%s differs', async (_, group, container, field, replace) => {
  const fields = compareGroup(running(group, container), backendGroup(await loadTestConfig(), image), 'tag-1')
  expect(fields).toEqual([field])
  expect(needsReplacement(fields)).toBe(replace)
})
