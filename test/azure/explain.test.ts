import { expect, test } from 'vitest'
import { azAct, explainAz } from '../../lib/azure/az.ts'
import { buildCommand } from '../../lib/azure/image.ts'
import { configOf } from '../command/rig.ts'

const meanings: [string, string, Partial<ReturnType<typeof explainAz>>][] = [
  [
    'not logged in (2.45)',
    "ERROR: Please run 'az login' to setup account.",
    { what: 'Not logged in to Azure, or the login has expired', exitCode: 4 },
  ],
  [
    'a login that has expired',
    'ERROR: AADSTS700082: The refresh token has expired due to inactivity. The token was issued on 2026-01-01.\nInteractive authentication is needed. Please run:\naz login',
    { exitCode: 4 },
  ],
  [
    'another subscription',
    "ERROR: Subscription 'codex-prod' not found. Check the spelling and casing and try again.",
    { what: 'This login cannot see the subscription', exitCode: 2 },
  ],
  [
    'a subscription that this login does not see',
    "ERROR: The subscription of '11111111-1111-1111-1111-111111111111' doesn't exist in cloud 'AzureCloud'.",
    { what: 'This login cannot see the subscription', exitCode: 2 },
  ],
  [
    'no right',
    "ERROR: (AuthorizationFailed) The client 'x' with object id 'y' does not have authorization to perform action 'Microsoft.Resources/subscriptions/resourcegroups/write' over scope '/subscriptions/s'",
    { what: 'This login may not do that in Azure' },
  ],
  [
    'a provider that is not registered',
    "ERROR: (MissingSubscriptionRegistration) The subscription is not registered to use namespace 'Microsoft.DBforPostgreSQL'. See https://aka.ms/rps-not-found",
    {
      what: 'The subscription is not registered for Microsoft.DBforPostgreSQL',
      next: expect.stringContaining('az provider register --namespace Microsoft.DBforPostgreSQL --wait'),
    },
  ],
  [
    'classic Redis',
    'ERROR: (BadRequest) Azure Cache for Redis is retiring, create Azure Managed Redis instance instead',
    { next: expect.stringContaining('REDIS_KIND=managed') },
  ],
  [
    'managed Redis',
    'Microsoft.Cache/redisEnterprise SkuNotAvailable: The requested size is not available in location eastus',
    { next: expect.stringContaining('REDIS_KIND=classic') },
  ],
  [
    'no builds on free credit',
    'ERROR: (TasksOperationsNotAllowed) ACR Tasks requests for the registry codexacr1216 and s are not permitted.',
    { next: expect.stringContaining('docker build') },
  ],
  [
    'the limit of Docker Hub',
    'toomanyrequests: You have reached your unauthenticated pull rate limit.',
    { next: expect.stringContaining('mcr.microsoft.com') },
  ],
  [
    'a name that is taken',
    'ERROR: (AlreadyInUse) The registry DNS name codexacr1216.azurecr.io is already in use.',
    { next: expect.stringContaining('ACR_NAME') },
  ],
  [
    'a server name that is taken',
    'ServerNameAlreadyExists: Specified server name is already used.',
    { what: expect.stringContaining('The name is taken') },
  ],
  [
    'no network',
    "ERROR: HTTPSConnectionPool(host='login.microsoftonline.com', port=443): Max retries exceeded with url: /x (Caused by NewConnectionError('<urllib3.connection.HTTPSConnection object at 0x7f>: Failed to establish a new connection: [Errno -2] Name or service not known'))",
    {
      what: 'Azure cannot be reached from here',
      said: 'login.microsoftonline.com: its name does not resolve',
      exitCode: 3,
    },
  ],
  [
    'no proxy',
    "ERROR: HTTPSConnectionPool(host='management.azure.com', port=443): Max retries exceeded with url: /subscriptions (Caused by ProxyError('Cannot connect to proxy.', NewConnectionError('<urllib3>: Failed to establish a new connection: [Errno 111] Connection refused')))",
    {
      said: 'management.azure.com: the proxy (HTTPS_PROXY) does not answer, or lets nothing through',
      exitCode: 3,
    },
  ],
]

test.each(meanings)('%s', (_, output, meaning) => {
  const explained = explainAz(output)
  expect(explained).toMatchObject(meaning!)
  expect(explained?.next, 'every meaning says what to do').toBeTruthy()
})

test.each([
  "ERROR: (ResourceNotFound) The Resource 'Microsoft.ContainerInstance/containerGroups/nope' under resource group 'rg1' was not found.",
  "ERROR: (25, 'Inappropriate ioctl for device')",
  'ERROR: (InvalidTemplateDeployment) The template deployment failed with error',
  '',
])('words that speak for themselves: %j', (output) => {
  expect(explainAz(output)).toBeUndefined()
})

const retried = (output: string) => azAct(['x']).retry!.when.test(output)

test.each([
  'ERROR: (OperationNotAllowed) The container group is still transitioning, please retry later.',
  'ERROR: (TooManyRequests) The request is being throttled.',
  'ERROR: (RequestConflict) Another operation is in progress',
  'ERROR: (AnotherOperationInProgress) x',
  '429 Client Error: Too Many Requests for url: https://management.azure.com/',
  "ERROR: Operation returned an invalid status 'Too Many Requests'",
])('a busy Azure is tried again: %s', (output) => {
  expect(retried(output)).toBe(true)
})

test.each([
  "ERROR: (AuthorizationFailed) The client '429f' does not have authorization",
  'WARNING: Sending context (429.000 Bytes) to registry: codexacr1...',
  'Downloading psycopg-3.2.whl (429 kB)',
])('other words are not: %s', (output) => {
  expect(retried(output)).toBe(false)
})

test('a failed build is a failed build, whatever its log says: it is not built again', async () => {
  const { retry } = buildCommand(await configOf(), 'src-1', [])
  for (const log of [
    'toomanyrequests: You have reached your unauthenticated pull rate limit.',
    'ERROR: HTTP error 429 Too Many Requests while getting a wheel',
    'Downloading psycopg-3.2.whl (429 kB)\nERROR: No matching distribution found for nonsense==1',
  ]) {
    expect(retry?.when.test(log) ?? false, log).toBe(false)
  }
})

test('a network fault inside a build is not taken for Azure being out of reach', async () => {
  const log =
    'Step 4/9 : RUN pip install -r requirements.txt\nWARNING: Retrying after connection broken by \'ReadTimeoutError("Read timed out.")\'\nERROR: No matching distribution found for flask\nRun ID: ca1 failed after 12s.'
  expect(buildCommand(await configOf(), 'src-1', []).explain?.(log)?.what).not.toBe(
    'Azure cannot be reached from here',
  )
})
