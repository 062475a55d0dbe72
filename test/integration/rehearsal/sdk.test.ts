import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pushImage } from '../../../rehearsal/azure/images.ts'
import { createDataTierDeployment } from '../../support/emulatorFixtures.ts'
import { loadTestConfig } from '../../support/helpers.ts'
import { startSdkEmulator } from '../../support/sdkEmulator.ts'
import { watchAnswers } from '../../support/sdkMappers.ts'

/*
 * Microsoft's own clients use the rehearsal's Azure, beside az: they judge paths, API versions, status codes, how long
 * operations are polled, and the form of the answers.
 */

const location = 'eastus'
const folder = mkdtempSync(path.join(tmpdir(), 'dominion-sdk-'))
let azure: Awaited<ReturnType<typeof startSdkEmulator>>
const differences = new Set<string>()

beforeAll(async () => {
  azure = await startSdkEmulator(folder)
  const { resources, containers, postgres, redis } = azure.clients
  for (const client of [resources, containers, postgres, redis]) watchAnswers(client, differences)
  await resources.resourceGroups.createOrUpdate('rg', { location })
}, 60_000)
afterAll(async () => {
  await azure?.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function list<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const each of pages) all.push(each)
  return all
}

const names = async (pages: AsyncIterable<{ name?: string }>) => (await list(pages)).map(({ name }) => name)

const notFound = expect.objectContaining({ statusCode: 404, code: 'ResourceNotFound' })

/** What the API of this version does not know is sent by the generic client. */
const putById = (id: string, body: object) =>
  azure.clients.resources.resources.beginCreateOrUpdateByIdAndWait(id, '2025-07-01', body)

/* Each kind of resource: created, shown, listed, changed, deleted. */

test('container registry', async () => {
  const { registries } = azure.clients.registries
  const type = 'Microsoft.ContainerRegistry/registries' as const
  expect(await registries.checkNameAvailability({ name: 'codexone', type })).toMatchObject({
    nameAvailable: true,
  })
  const wanted = { location, sku: { name: 'Basic' }, adminUserEnabled: true }
  expect(await registries.create('rg', 'codexone', wanted)).toMatchObject({
    ...{ loginServer: 'codexone.azurecr.io', provisioningState: 'Succeeded', sku: { tier: 'Basic' } },
  })
  expect(await registries.checkNameAvailability({ name: 'codexone', type })).toMatchObject({
    ...{
      nameAvailable: false,
      reason: 'AlreadyExists',
      message: 'The registry codexone is already in use.',
    },
  })
  expect(await names(registries.list())).toContain('codexone')
  expect(await names(registries.listByResourceGroup('rg'))).toContain('codexone')
  expect(await registries.update('rg', 'codexone', { tags: { a: 'b' } })).toMatchObject({
    tags: { a: 'b' },
  })
  const { username, passwords } = await registries.listCredentials('rg', 'codexone')
  expect([username, passwords?.length]).toEqual(['codexone', 2])
  const { passwords: next } = await registries.regenerateCredential('rg', 'codexone', { name: 'password2' })
  expect(next?.map(({ value }, at) => value === passwords?.[at]?.value)).toEqual([true, false])
  await registries.delete('rg', 'codexone')
  await expect(registries.get('rg', 'codexone')).rejects.toMatchObject({
    statusCode: 404,
    code: 'ResourceNotFound',
  })
})

test('Azure Managed Redis', async () => {
  const { redisEnterprise, databases } = azure.clients.redis
  const wanted = { location, sku: { name: 'Balanced_B0' }, minimumTlsVersion: '1.2' }
  const cluster = await redisEnterprise.beginCreateAndWait('rg', 'codexredis', wanted)
  expect(cluster).toMatchObject({ provisioningState: 'Succeeded', resourceState: 'Running' })
  expect(await names(redisEnterprise.list())).toEqual(['codexredis'])
  expect(await names(redisEnterprise.listByResourceGroup('rg'))).toEqual(['codexredis'])
  await putById(`${cluster.id}/databases/default`, {
    properties: { clusteringPolicy: 'NoCluster', accessKeysAuthentication: 'Enabled' },
  })
  expect(await databases.get('rg', 'codexredis', 'default')).toMatchObject({
    clusteringPolicy: 'NoCluster',
    port: 10000,
  })
  const change = { evictionPolicy: 'AllKeysLRU' }
  const refused = databases.beginUpdateAndWait('rg', 'codexredis', 'default', change)
  await expect(refused).rejects.toMatchObject({ statusCode: 501 })
  expect(await names(databases.listByCluster('rg', 'codexredis'))).toEqual(['default'])
  expect(await databases.listKeys('rg', 'codexredis', 'default')).toMatchObject({ primaryKey: 'one' })
  await databases.beginRegenerateKeyAndWait('rg', 'codexredis', 'default', { keyType: 'Secondary' })
  await databases.beginDeleteAndWait('rg', 'codexredis', 'default')
  await redisEnterprise.beginDeleteAndWait('rg', 'codexredis')
  await expect(redisEnterprise.get('rg', 'codexredis')).rejects.toEqual(notFound)
})

test('PostgreSQL: a server, its database, firewall and settings', async () => {
  const { servers, databases, firewallRules, configurations, nameAvailability } = azure.clients.postgres
  const asked = { name: 'codexdb', type: 'Microsoft.DBforPostgreSQL/flexibleServers' }
  expect(await nameAvailability.checkGlobally(asked)).toMatchObject({ nameAvailable: true })
  const created = servers.beginCreateOrUpdateAndWait('rg', 'codexdb', {
    ...{ location, version: '17', sku: { name: 'Standard_B1ms', tier: 'Burstable' } },
    ...{ administratorLogin: 'codexadmin', administratorLoginPassword: 'Gr8-password' },
  })
  await expect(created).resolves.toMatchObject({
    ...{ state: 'Ready', version: '17', fullyQualifiedDomainName: 'codexdb.postgres.database.azure.com' },
  })
  for (const answer of [
    nameAvailability.checkGlobally(asked),
    nameAvailability.checkWithLocation(location, asked),
  ])
    expect(await answer).toMatchObject({ nameAvailable: false, reason: 'AlreadyExists' })
  expect(await names(servers.listBySubscription())).toContain('codexdb')

  await databases.beginCreateAndWait('rg', 'codexdb', 'codex', { charset: 'UTF8', collation: 'en_US.utf8' })
  expect(await names(databases.listByServer('rg', 'codexdb'))).toEqual(['codex'])
  const range = { startIpAddress: '192.0.2.1', endIpAddress: '192.0.2.7' }
  await firewallRules.beginCreateOrUpdateAndWait('rg', 'codexdb', 'operator', range)
  expect(await firewallRules.get('rg', 'codexdb', 'operator')).toMatchObject(range)
  expect(await list(configurations.listByServer('rg', 'codexdb'))).toMatchObject([
    { name: 'max_connections', value: '50', source: 'user-override', allowedValues: '1-262143' },
  ])
  await servers.beginUpdateAndWait('rg', 'codexdb', { tags: { a: 'b' } })

  await firewallRules.beginDeleteAndWait('rg', 'codexdb', 'operator')
  await databases.beginDeleteAndWait('rg', 'codexdb', 'codex')
  expect(await names(databases.listByServer('rg', 'codexdb'))).toEqual([])
  const removal = azure.hold()
  const deletion = await servers.beginDelete('rg', 'codexdb')
  await deletion.poll()
  expect([deletion.getOperationState().status, (await servers.get('rg', 'codexdb')).state]).toEqual([
    ...['running', 'Dropping'],
  ])
  removal()
  await deletion.pollUntilDone()
  await expect(servers.get('rg', 'codexdb')).rejects.toEqual(notFound)
})

test('PostgreSQL: what a region offers, and how many cores are left', async () => {
  const { capabilitiesByLocation, quotaUsages } = azure.clients.postgres
  const read = async () => (await list(capabilitiesByLocation.list(location)))[0]
  const open = await read()
  expect(open?.restricted).toBe('Disabled')
  expect(open?.supportedServerVersions?.map(({ name }) => name)).toContain('17')
  const usages = await list(quotaUsages.list(location))
  expect(usages.map(({ name }) => name?.value)).toContain('cores')
  azure.world.faults.set('postgres-location-restricted', { location })
  expect(await read()).toMatchObject({
    restricted: 'Enabled',
    reason: expect.stringMatching(/^Provisioning is/),
  })
  azure.world.faults.delete('postgres-location-restricted')
})

test('PostgreSQL: restarted, stopped and started, and busy meanwhile', async () => {
  const { servers, databases } = azure.clients.postgres
  await servers.beginCreateOrUpdateAndWait('rg', 'codexdb2', {
    ...{ location, version: '16', sku: { name: 'Standard_D2ds_v5', tier: 'GeneralPurpose' } },
    ...{ administratorLogin: 'codexadmin', administratorLoginPassword: 'Gr8-password' },
  })
  const state = async () => (await servers.get('rg', 'codexdb2')).state
  const release = azure.hold()
  const restart = await servers.beginRestart('rg', 'codexdb2')
  await restart.poll()
  expect([restart.getOperationState().status, await state()]).toEqual(['running', 'Restarting'])
  await expect(databases.beginCreate('rg', 'codexdb2', 'codex', {})).rejects.toMatchObject({
    code: 'ServerIsBusy',
  })
  release()
  await restart.pollUntilDone()
  expect(await state()).toBe('Ready')
  await servers.beginStopAndWait('rg', 'codexdb2')
  expect(await state()).toBe('Stopped')
  await servers.beginStartAndWait('rg', 'codexdb2')
  expect(await state()).toBe('Ready')
  await servers.beginDeleteAndWait('rg', 'codexdb2')
})

test('container group: started, stopped, its log', async () => {
  const { containerGroups, containers, location: region } = azure.clients.containers
  const { registries } = azure.clients.registries
  await registries.create('rg', 'codextwo', { location, sku: { name: 'Basic' }, adminUserEnabled: true })
  const { username, passwords } = await registries.listCredentials('rg', 'codextwo')
  const registry = [...azure.world.resources.values()].find(({ name }) => name === 'codextwo')!
  pushImage(registry.runtime.repositories, 'codex', 'v1', {
    ...{ digest: 'sha256:1', manifest: '{}', config: {}, layers: [], size: 1, createdAt: new Date() },
  })
  const ipAddress = { type: 'Public', ports: [{ port: 8000, protocol: 'TCP' }], dnsNameLabel: 'codex-sdk' }
  const wanted = {
    ...{ location, osType: 'Linux', restartPolicy: 'Always', ipAddress },
    imageRegistryCredentials: [
      { server: 'codextwo.azurecr.io', username: username!, password: passwords![0]!.value! },
    ],
    containers: [
      {
        ...{ name: 'backend', image: 'codextwo.azurecr.io/codex:v1', ports: [{ port: 8000 }] },
        resources: { requests: { cpu: 1, memoryInGB: 1.5 } },
        environmentVariables: [{ name: 'SECRET', secureValue: 'word' }],
        livenessProbe: { exec: { command: ['true'] }, periodSeconds: 10 },
      },
    ],
  }
  const group = await containerGroups.beginCreateOrUpdateAndWait('rg', 'codex-backend', wanted)
  expect(group).toMatchObject({
    ...{ provisioningState: 'Succeeded', ipAddress: { fqdn: 'codex-sdk.eastus.azurecontainer.io' } },
    containers: [
      { environmentVariables: [{ name: 'SECRET' }], instanceView: { currentState: { state: 'Running' } } },
    ],
  })
  expect(JSON.stringify(group)).not.toContain('word')
  const scoped = { ...ipAddress, autoGeneratedDomainNameLabelScope: 'TenantReuse' }
  const rescoped = containerGroups.beginCreateOrUpdateAndWait('rg', 'codex-backend', {
    ...{ ...wanted, ipAddress: scoped },
  })
  await expect(rescoped).rejects.toThrow(/you must delete it first/)
  const log = async () => (await containers.listLogs('rg', 'codex-backend', 'backend')).content
  expect(await log()).toBe('The container has started.\n')
  await containerGroups.beginRestartAndWait('rg', 'codex-backend')
  expect(await log()).toBe('The container has started.\n'.repeat(2))
  await containerGroups.stop('rg', 'codex-backend')
  const state = async () => (await containerGroups.get('rg', 'codex-backend')).instanceView?.state
  expect(await state()).toBe('Stopped')
  await containerGroups.beginStartAndWait('rg', 'codex-backend')
  expect(await state()).toBe('Running')
  expect(await containerGroups.update('rg', 'codex-backend', { tags: { a: 'b' } })).toMatchObject({
    ...{ tags: { a: 'b' }, provisioningState: 'Succeeded' },
  })
  const generic = azure.clients.resources.resources
  const more = generic.beginUpdateByIdAndWait(group.id!, '2023-05-01', { properties: { osType: 'Windows' } })
  await expect(more).rejects.toThrow(/changes only tags/)
  const [listed] = await list(containerGroups.listByResourceGroup('rg'))
  expect(listed).toMatchObject({ name: 'codex-backend', tags: { a: 'b' } })
  expect(listed?.instanceView, 'as Azure: only GET of one group has it').toBeUndefined()
  expect(await list(region.listCapabilities(location))).toMatchObject([
    { osType: 'Linux' },
    { osType: 'Windows' },
  ])
  const usages = await list(region.listUsage(location))
  expect(usages.map(({ name, currentValue }) => [name?.value, currentValue])).toContainEqual([
    'StandardCores',
    1,
  ])
  await containerGroups.beginDeleteAndWait('rg', 'codex-backend')
  await expect(containerGroups.get('rg', 'codex-backend')).rejects.toEqual(notFound)
  await registries.delete('rg', 'codextwo')
})
test('infra/data-tier.json: validated, deployed; a refusal says why; the group goes with all of it', async () => {
  const { resources } = azure.clients
  const { deployments, deploymentOperations, resourceGroups } = resources
  await resourceGroups.createOrUpdate('tier', { location })
  const body = createDataTierDeployment(await loadTestConfig('POSTGRES_VERSION=16'), 'first')
  const valid = await deployments.beginValidateAndWait('tier', 'first', body)
  expect(valid.properties?.validatedResources).toHaveLength(7)
  expect(await deployments.checkExistence('tier', 'first')).toMatchObject({ body: false })
  const release = azure.hold()
  const deployment = await deployments.beginCreateOrUpdate('tier', 'first', body)
  await deployment.poll()
  const state = async () => (await deployments.get('tier', 'first')).properties?.provisioningState
  expect([deployment.getOperationState().status, await state()]).toEqual(['running', 'Running'])
  release()
  const deployed = await deployment.pollUntilDone()
  expect(deployed.properties).toMatchObject({ provisioningState: 'Succeeded' })
  expect(deployed.properties?.parameters).not.toMatchObject({
    postgresPassword: { value: expect.anything() },
  })
  const steps = await list(deploymentOperations.list('tier', 'first'))
  expect(steps.map(({ properties }) => properties?.provisioningState)).toEqual(Array(7).fill('Succeeded'))
  const tops = await list(resources.resources.listByResourceGroup('tier'))
  expect(tops.map(({ type }) => type)).toEqual([
    ...['Microsoft.ContainerRegistry/registries', 'Microsoft.DBforPostgreSQL/flexibleServers'],
    'Microsoft.Cache/redisEnterprise',
  ])
  expect(await resources.resources.getById(tops[0]!.id!, '2023-07-01')).toMatchObject({ id: tops[0]!.id })

  const parameters = { ...body.properties.parameters, postgresVersion: { value: '15' } }
  const failing = { properties: { ...body.properties, parameters } }
  await expect(deployments.beginCreateOrUpdateAndWait('tier', 'second', failing)).rejects.toThrow(
    /DeploymentFailed/,
  )
  expect((await deployments.get('tier', 'second')).properties?.error?.details).toMatchObject([
    { code: 'InvalidVersionDowngrade', target: tops[1]!.id },
  ])
  await deployments.beginDeleteAndWait('tier', 'second')
  expect(await names(deployments.listByResourceGroup('tier'))).toEqual(['first'])
  await resourceGroups.beginDeleteAndWait('tier')
  await expect(resourceGroups.get('tier')).rejects.toMatchObject({ code: 'ResourceGroupNotFound' })
  expect(await names(resourceGroups.list())).toEqual(['rg'])
})

test('the subscription: its providers and what is in it', async () => {
  const { providers, resources } = azure.clients.resources
  expect(await providers.get('Microsoft.Cache')).toMatchObject({ registrationState: 'Registered' })
  expect(await providers.register('Microsoft.Cache')).toMatchObject({ namespace: 'Microsoft.Cache' })
  expect((await list(providers.list())).length).toBeGreaterThan(4)
  expect(await list(resources.list())).toEqual([])
  await expect(resources.getById(`${'/subscriptions'}/x`, '2021-04-01')).rejects.toMatchObject({
    statusCode: 404,
  })
})

test('all of it fits the models of the SDK', () => {
  // The client of Redis is of API 2022-01-01: it does not know what has come since then.
  const since2022 =
    /^(Cluster|Database)(List \/value\/\*)? ?\/(kind|properties\/(highAvailability|redundancyMode|accessKeysAuthentication|redisVersion)) unknown$/
  expect([...differences].filter((each) => !since2022.test(each))).toEqual([])
  const { findings, requests, answers } = azure.world.judge.verdict
  expect(findings).toEqual([])
  expect(Math.min(requests, answers)).toBeGreaterThan(80)
})
