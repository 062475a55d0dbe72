import path from 'node:path'
import { expect, test } from 'vitest'
import { readAccount } from '../../../lib/azure/account.ts'
import { az } from '../../../lib/azure/cli.ts'
import { createAzure } from '../../../lib/azure/client.ts'
import { deployCommand } from '../../../lib/azure/dataTier.ts'
import { buildCommand } from '../../../lib/azure/image.ts'
import { formatRefusal } from '../../../lib/azure/refusals.ts'
import { createGroup, deleteGroup, groupId, showGroup } from '../../../lib/azure/resources/containerGroups.ts'
import {
  applicationDatabase,
  operatorRule,
  postgres,
  secureTransport,
} from '../../../lib/azure/resources/postgres.ts'
import {
  classicRedis,
  managedDatabase,
  managedRedis,
  readRedisKey,
} from '../../../lib/azure/resources/redis.ts'
import { readRegistryCredentials, registry } from '../../../lib/azure/resources/registry.ts'
import { resourceId } from '../../../lib/azure/resources/resource.ts'
import { noteEnvironment, noteSubscription } from '../../../lib/config/config.ts'
import { display } from '../../../lib/shell/command.ts'
import { quoteLine } from '../../../lib/shell/quote.ts'
import { fakeAz } from '../../support/fakeAz.ts'
import { findSecretFile, getFailure, home, loadTestConfig } from '../../support/helpers.ts'

const subscription = '11111111-1111-1111-1111-111111111111'
const always = '--output json --only-show-errors'
const account = JSON.stringify({
  id: subscription,
  name: 'Codex',
  tenantId: 't',
  user: { name: 'ops@example.org' },
})

test('every az command requests only JSON, whatever the operator has set', () => {
  const command = az`group show --name ${'x'}`
  expect(display(command)).toBe(`az group show --name x ${always}`)
  expect(command).toMatchObject({
    effect: 'read',
    on: 'here',
    accept: [0, 3],
    env: {
      AZURE_CORE_NO_COLOR: '1',
      AZURE_CORE_COLLECT_TELEMETRY: '0',
      AZURE_CORE_LOGIN_EXPERIENCE_V2: 'off',
      AZURE_EXTENSION_USE_DYNAMIC_INSTALL: 'no',
    },
  })
  expect(az.change`group create`).toMatchObject({ effect: 'change' })
  expect(az.change`group create`.accept).toBeUndefined()
})

test('the image is built in its own folder, with az’s settings', async () => {
  const command = buildCommand(await loadTestConfig('BACKEND_DIR=/srv/backend'), 'src-abc', 's')
  expect(display(command)).toBe(
    `(in /srv/backend) az acr build --registry codexacr1216 --image codex-backend:src-abc --file Dockerfile.azure . --subscription s ${always}`,
  )
  expect(command).toMatchObject({
    effect: 'change',
    env: { PYTHONUTF8: '1', AZURE_CORE_NO_COLOR: '1', AZURE_EXTENSION_USE_DYNAMIC_INSTALL: 'no' },
  })
  expect(command.timeoutMs).toBe(3_600_000)
})

test('a registry that may not build: the whole line that builds the image with Docker, for this environment', async () => {
  const { explain } = buildCommand(await loadTestConfig('BACKEND_DIR=/srv/my backend'), 'src-abc', 's')
  noteEnvironment('staging')
  noteSubscription('s')
  const failure = explain?.(`ERROR: (TasksOperationsNotAllowed) ${formatRefusal('tasksNotAllowed')}`)
  expect(failure?.what).toContain('The registry cannot build images for this subscription')
  expect(failure?.next).toBe(
    'Build the image with Docker, then run this command again: az acr login --name codexacr1216 --subscription s' +
      " && docker build --platform linux/amd64 --file '/srv/my backend/Dockerfile.azure'" +
      " --tag codexacr1216.azurecr.io/codex-backend:src-abc '/srv/my backend'" +
      ' && docker push codexacr1216.azurecr.io/codex-backend:src-abc && npx dominion build-image --env staging',
  )
  expect(explain?.('ERROR: anything else')).toBeUndefined()
})

test('the data tier: one deployment, its values in a secret file, in the configured subscription', async () => {
  const config = await loadTestConfig()
  const parameters = {
    ...{ location: 'eastus', postgresStorageGb: 32, operatorAddress: '198.51.100.7' },
    postgresPassword: 'pä"ss\\word',
    postgresCreateMode: 'Default',
  } as const
  const command = deployCommand(config, 'codex-data-tier-1', parameters, 's')
  const template = quoteLine([path.join(home, 'infra', 'data-tier.json')])
  expect(display(command)).toBe(
    `az deployment group create --resource-group codexdominion-prod --name codex-data-tier-1 --template-file ${template} --parameters @<parameters.json> --no-wait --subscription s ${always}`,
  )
  const file = findSecretFile(command.argv)
  expect(file).toMatchObject({ name: 'parameters.json', prefix: '@' })
  expect(file.content, 'az on Windows reads its input in another encoding').toMatch(/^[ -~]+$/)
  expect(JSON.parse(file.content)).toEqual({
    $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#',
    contentVersion: '1.0.0.0',
    parameters: {
      location: { value: 'eastus' },
      postgresStorageGb: { value: 32 },
      operatorAddress: { value: '198.51.100.7' },
      postgresPassword: { value: 'pä"ss\\word' },
      postgresCreateMode: { value: 'Default' },
      configuration: { value: 'codex-data-tier-1' },
    },
  })
})

test('a container group is created from a file, and deleted by name, without waiting in az', async () => {
  const config = await loadTestConfig('AZURE_RESOURCE_GROUP=rg1')
  const create = createGroup(config, 'group', '{"secure":"value"}', 's')
  expect(display(create)).toBe(
    `az container create --resource-group rg1 --file <group.json> --no-wait --subscription s ${always}`,
  )
  expect(findSecretFile(create.argv).content).toBe('{"secure":"value"}')
  expect(display(deleteGroup(config, 'codex-backend-next', 's'))).toBe(
    `az rest --method delete --url 'https://management.azure.com/subscriptions/s/resourceGroups/rg1/providers/Microsoft.ContainerInstance/containerGroups/codex-backend-next?api-version=2023-05-01' ${always}`,
  )
})

test.each([
  ['Microsoft.ContainerRegistry/registries/codexacr1216', registry],
  ['Microsoft.DBforPostgreSQL/flexibleServers/codexdominion-db', postgres],
  [
    'Microsoft.DBforPostgreSQL/flexibleServers/codexdominion-db/configurations/require_secure_transport',
    secureTransport,
  ],
  ['Microsoft.Cache/redisEnterprise/codexdominion-redis', managedRedis],
  ['Microsoft.Cache/redisEnterprise/codexdominion-redis/databases/default', managedDatabase],
  ['Microsoft.Cache/Redis/codexdominion-redis', classicRedis],
] as const)('ARM’s id ends as %s', async (end, type) => {
  expect(resourceId(await loadTestConfig(), 'sub', type)).toBe(
    `/subscriptions/sub/resourceGroups/codexdominion-prod/providers/${end}`,
  )
})

test('the queries to az, each made once until the result may have changed', async () => {
  const { context, asked } = await fakeAz(
    { match: /^account show/, stdout: account },
    { match: /^resource show --ids \S+ --/, stdout: '{"id":"x","name":"n","properties":{}}' },
    { match: /^resource show/, stdout: '[{"id":"x","name":"n"},{"id":"y","properties":{}}]' },
    { match: /^container list/, stdout: '[]' },
    { match: /^acr repository show-tags/, stdout: '[]' },
    { match: /^deployment group show/, code: 3 },
  )
  const azure = createAzure(context)
  await Promise.all([azure.registry(), azure.registry(), azure.database(), azure.redis(), azure.groups()])
  expect(await azure.tags()).toEqual([])
  expect(await azure.deployment('d1')).toBeUndefined()
  await azure.groups()
  const id = (type: Parameters<typeof resourceId>[2]) => resourceId(context.config, subscription, type)
  const end = `--subscription ${subscription} ${always}`
  const expected = [
    `az account show ${always}`,
    `az resource show --ids ${id(registry)} --api-version 2023-07-01 ${end}`,
    `az resource show --ids ${id(postgres)} ${id(secureTransport)} ${id(operatorRule)} ${id(applicationDatabase)} --api-version 2025-08-01 ${end}`,
    `az resource show --ids ${id(managedRedis)} ${id(managedDatabase)} --api-version 2025-07-01 ${end}`,
    `az container list --resource-group codexdominion-prod ${end}`,
    `az acr repository show-tags --name codexacr1216 --repository codex-backend --detail --orderby time_desc --top 100 ${end}`,
    `az deployment group show --resource-group codexdominion-prod --name d1 ${end}`,
  ]
  expect(asked().sort()).toEqual(expected.sort())
  azure.forget('groups')
  await azure.groups()
  expect(asked()).toHaveLength(expected.length + 1)
})

test('keys and credentials: their source, and that they stay out of the transcript', async () => {
  const { context, asked, transcript } = await fakeAz(
    { match: /^account show/, stdout: account },
    { match: /^rest/, stdout: '{"primaryKey":"fresh-redis-key"}' },
    {
      match: /^acr credential/,
      stdout: '{"username":"codexacr1216","passwords":[{"name":"password","value":"fresh-acr-key"}]}',
    },
  )
  const azure = createAzure(context)
  expect(await readRedisKey(context, azure)).toBe('fresh-redis-key')
  expect(await readRegistryCredentials(context, azure)).toEqual({
    username: 'codexacr1216',
    password: 'fresh-acr-key',
  })
  const path = resourceId(context.config, subscription, managedRedis)
  const url = `https://management.azure.com${path}/databases/default/listKeys?api-version=2025-07-01`
  expect(asked()).toContain(`az rest --method post --url ${quoteLine([url])} ${always}`)
  expect(asked()).toContain(
    `az acr credential show --name codexacr1216 --subscription ${subscription} ${always}`,
  )
  expect(transcript()).not.toContain('fresh-')
  expect(context.runner.secrets.clean('fresh-redis-key fresh-acr-key')).toBe('*** ***')
})

test('classic Redis has its keys at another path', async () => {
  const { context, asked } = await fakeAz(
    { match: /^account show/, stdout: account },
    { match: /^rest/, stdout: '{"primaryKey":"k3y-classic"}' },
  )
  const config = await loadTestConfig('REDIS_KIND=classic', 'REDIS_SKU=Basic_C0')
  const classic = { ...context, config }
  await readRedisKey(classic, createAzure(classic))
  const url = `https://management.azure.com${resourceId(config, subscription, classicRedis)}/listKeys?api-version=2024-03-01`
  expect(asked()).toContain(`az rest --method post --url ${quoteLine([url])} ${always}`)
})

test('a missing group is absent; silence is not', async () => {
  const absent = await fakeAz(
    { match: /^account show/, stdout: account },
    { match: /^container show/, code: 3, stderr: 'ERROR: (ResourceNotFound) x' },
  )
  expect(await showGroup(absent.context, createAzure(absent.context), 'codex-backend')).toBeUndefined()
  const id = groupId(absent.context.config, subscription, 'codex-backend')
  expect(absent.asked().at(-1)).toBe(`az container show --ids ${id} ${always}`)
  const silent = await fakeAz(
    { match: /^account show/, stdout: account },
    { match: /^container/, code: 1, stderr: 'ERROR: Max retries exceeded with url: /x (NewConnectionError)' },
  )
  expect(await getFailure(createAzure(silent.context).groups())).toMatchObject({ exitCode: 3 })
})

test('a repository without pushes has no tags; a registry that refuses access is an error', async () => {
  const empty = await fakeAz(
    { match: /^account show/, stdout: account },
    {
      match: /^acr repository/,
      code: 1,
      stderr: 'ERROR: repository "codex-backend" is not found.',
    },
  )
  expect(await createAzure(empty.context).tags()).toEqual([])
  expect(await createAzure(empty.context).tag('src-abc')).toBeUndefined()
  const refused = await fakeAz(
    { match: /^account show/, stdout: account },
    {
      match: /^acr repository/,
      code: 1,
      stderr: 'ERROR: (AuthorizationFailed) The client does not have authorization to perform action',
    },
  )
  expect((await getFailure(createAzure(refused.context).tags())).what).toBe(
    'This login lacks the permission that Azure requires for this',
  )
  const gone = await fakeAz(
    { match: /^account show/, stdout: account },
    {
      match: /^acr repository/,
      code: 1,
      stderr: 'ERROR: Unable to authenticate using AAD or admin login credentials.',
    },
    { match: /^resource show .*registries/, code: 3, stderr: 'ERROR: (ResourceNotFound)' },
  )
  expect((await getFailure(createAzure(gone.context).tags())).what).toBe(
    'Registry codexacr1216 not found in codexdominion-prod',
  )
})

test('a single tag is queried by name, so that an old one is found, too', async () => {
  const tag = { name: 'src-old', digest: 'sha256:1', createdTime: '2020-01-01T00:00:00Z' }
  const { context, asked } = await fakeAz(
    { match: /^account show/, stdout: account },
    { match: /--image codex-backend:src-old /, stdout: JSON.stringify({ ...tag, signed: false }) },
    {
      match: /^acr repository show /,
      code: 1,
      stderr: 'ERROR: 2026-11-23 Error: the specified tag does not exist. Correlation ID: 7e5c38f4.',
    },
  )
  const azure = createAzure(context)
  expect(await azure.tag('src-old')).toMatchObject(tag)
  expect(await azure.tag('src-none')).toBeUndefined()
  const line = (name: string) =>
    `az acr repository show --name codexacr1216 --image codex-backend:${name} --subscription ${subscription} ${always}`
  expect(asked().slice(1)).toEqual([line('src-old'), line('src-none')])
})

test('the configured subscription is used', async () => {
  const { context, asked } = await fakeAz({ match: /^account show/, stdout: account })
  expect(
    await readAccount({ ...context, config: await loadTestConfig('AZURE_SUBSCRIPTION=codex-prod') }),
  ).toEqual({
    id: subscription,
    name: 'Codex',
    user: 'ops@example.org',
    isPerson: false,
  })
  expect(asked()).toEqual([`az account show --subscription codex-prod ${always}`])
})
