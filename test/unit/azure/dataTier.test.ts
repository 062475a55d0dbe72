import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { deploymentName, templateParameters } from '../../../lib/azure/dataTier.ts'
import { postgres } from '../../../lib/azure/resources/postgres.ts'
import { clusteringPolicy, redisAddress } from '../../../lib/azure/resources/redis.ts'
import type { Config } from '../../../lib/config/config.ts'
import { home, loadTestConfig } from '../../support/helpers.ts'

const template = JSON.parse(readFileSync(path.join(home, 'infra', 'data-tier.json'), 'utf8')) as {
  parameters: Record<string, { type: string; defaultValue?: unknown; allowedValues?: unknown[] }>
  resources: {
    type: string
    apiVersion: string
    name: string
    location?: string
    dependsOn?: string[]
    properties: Record<string, unknown>
  }[]
}

test('managed Redis: every parameter, typed as the template wants it', async () => {
  expect(templateParameters(await loadTestConfig())).toEqual({
    location: 'eastus',
    registryName: 'codexacr1216',
    postgresLocation: 'eastus',
    postgresServer: 'codexdominion-db',
    postgresDatabase: 'codexdb',
    postgresUser: 'codexadmin',
    postgresSku: 'Standard_B1ms',
    postgresTier: 'Burstable',
    postgresVersion: '16',
    postgresStorageGb: 32,
    postgresBackupDays: 7,
    redisLocation: 'eastus',
    redisKind: 'managed',
    redisName: 'codexdominion-redis',
    redisSku: 'Balanced_B0',
  })
})

test('classic Redis: its size in parts', async () => {
  const config = await loadTestConfig('REDIS_KIND=classic', 'REDIS_SKU=Standard_C2')
  expect(templateParameters(config)).toMatchObject({
    redisKind: 'classic',
    classicFamilyAndCapacity: { name: 'Standard', family: 'C', capacity: 2 },
  })
})

test.each([[[]], [['REDIS_KIND=classic', 'REDIS_SKU=Basic_C0']]])(
  'the template declares every parameter, and gets each one it requires %j',
  async (lines: string[]) => {
    const given = {
      ...templateParameters(await loadTestConfig(...lines)),
      configuration: '',
      operatorAddress: '',
      postgresCreateMode: 'Default',
      postgresPassword: '',
    }
    const getType = (value: unknown) => (typeof value === 'number' ? 'int' : typeof value)
    for (const [name, value] of Object.entries(given)) {
      const about = template.parameters[name]
      expect(about?.type.replace('secureString', 'string').toLowerCase(), name).toBe(getType(value))
      if (about?.allowedValues) expect(about.allowedValues, name).toContain(value)
    }
    const asked = Object.entries(template.parameters).filter(([, about]) => !('defaultValue' in about))
    expect(Object.keys(given)).toEqual(expect.arrayContaining(asked.map(([name]) => name)))
  },
)

test('the password is the template’s only secret parameter', () => {
  const secure = Object.entries(template.parameters).filter(([, { type }]) => /^secure/i.test(type))
  expect(secure.map(([name]) => name)).toEqual(['postgresPassword'])
})

test('a deployment is named after its content: the same name only for the same content', async () => {
  const parameters = templateParameters(await loadTestConfig())
  const name = deploymentName(parameters, 'password', 'server')
  expect(name).toMatch(/^codex-data-tier-[0-9a-f]{12}$/)
  expect(deploymentName(templateParameters(await loadTestConfig()), 'password', 'server')).toBe(name)
  const others = [
    deploymentName({ ...parameters, redisLocation: 'westus3' }, 'password', 'server'),
    deploymentName({ ...parameters, postgresStorageGb: 64 }, 'password', 'server'),
    deploymentName(parameters, 'other', 'server'),
  ]
  expect(new Set([name, ...others]).size).toBe(4)
})

test('each resource has its region, by default that of the resource group', async () => {
  const lines = ['AZURE_LOCATION=westeurope', 'POSTGRES_LOCATION=northeurope', 'REDIS_LOCATION=francecentral']
  const all = (config: Config) => {
    const { location, postgresLocation, redisLocation } = templateParameters(config)
    return [location, postgresLocation, redisLocation]
  }
  expect(all(await loadTestConfig(...lines))).toEqual(['westeurope', 'northeurope', 'francecentral'])
  expect(all(await loadTestConfig(...lines.slice(0, 1)))).toEqual(['westeurope', 'westeurope', 'westeurope'])
  expect(redisAddress(await loadTestConfig(...lines)).host).toBe(
    'codexdominion-redis.francecentral.redis.azure.net',
  )
  const used = template.resources
    .filter(({ location }) => location !== undefined)
    .map(({ type, location }) => `${type} ${location}`)
  expect(used).toEqual([
    "Microsoft.ContainerRegistry/registries [parameters('location')]",
    "Microsoft.DBforPostgreSQL/flexibleServers [parameters('postgresLocation')]",
    "Microsoft.Cache/redisEnterprise [parameters('redisLocation')]",
    "Microsoft.Cache/Redis [parameters('redisLocation')]",
  ])
})

test.each([
  ['Standard_B1ms', 'Burstable'],
  ['Standard_B2s_v2', 'Burstable'],
  ['Standard_D2ds_v5', 'GeneralPurpose'],
  ['Standard_D4s_v3', 'GeneralPurpose'],
  ['Standard_E2ads_v5', 'MemoryOptimized'],
])('the size %s belongs to the tier %s', async (sku, tier) => {
  expect(templateParameters(await loadTestConfig(`POSTGRES_SKU=${sku}`)).postgresTier).toBe(tier)
})

test('everything of PostgreSQL is written with the first API version that knows PostgreSQL 17 and 18', () => {
  const versions = template.resources
    .filter(({ type }) => type.startsWith('Microsoft.DBforPostgreSQL'))
    .map(({ apiVersion }) => apiVersion)
  expect(new Set([...versions, postgres.apiVersion])).toEqual(new Set(['2025-08-01']))
})

test('Redis gets the policy that RQ needs, which is also the one that is checked', () => {
  const [database] = template.resources.filter(({ type }) => /redisEnterprise\/databases$/.test(type))
  expect(database?.properties.clusteringPolicy).toBe('NoCluster')
  expect(clusteringPolicy).toBe('NoCluster')
})

test('children of the PostgreSQL server follow each other one by one, the database first, and none is a parameter', () => {
  const children = template.resources.filter(({ type }) => /flexibleServers\/./.test(type))
  expect(children.map(({ type }) => type.split('/').at(-1))).toEqual([
    'databases',
    'firewallRules',
    'firewallRules',
  ])
  const behind = children.map(({ dependsOn = [] }) => dependsOn.join())
  expect(behind[0]).toMatch(/flexibleServers', parameters\('postgresServer'\)\)/)
  expect(behind[1]).toMatch(/flexibleServers\/databases'/)
  expect(behind[2]).toMatch(/flexibleServers\/firewallRules'.*'azure-services'/)
})
