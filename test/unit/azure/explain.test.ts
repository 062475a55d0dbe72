import { expect, test } from 'vitest'
import { explainAz, removeModuleErrors } from '../../../lib/azure/errors.ts'
import { buildCommand } from '../../../lib/azure/image.ts'
import { meanings as table } from '../../../lib/azure/meanings.ts'
import { loadTestConfig } from '../../support/helpers.ts'

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
    { next: 'Ask for the role Contributor on the subscription (az role assignment create).' },
  ],
  [
    'no right to read in the resource group',
    "AuthorizationFailed: The client 'x' with object id 'y' does not have authorization to perform action 'Microsoft.Cache/redisEnterprise/read' over scope '/subscriptions/s/resourceGroups/rg/providers/Microsoft.Cache/redisEnterprise/r'",
    { next: 'Ask for the role Contributor on the resource group (az role assignment create).' },
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
    { next: expect.stringMatching(/^Set REDIS_LOCATION or REDIS_SKU in \.env to one that Azure offers/) },
  ],
  [
    'no builds on free credit',
    'ERROR: (TasksOperationsNotAllowed) ACR Tasks requests for the registry codexacr1216 and s are not permitted.',
    { what: expect.stringContaining('The registry cannot build images for this subscription') },
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
    { what: expect.stringContaining('may stay reserved for days') },
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
      said: 'management.azure.com: the proxy (HTTPS_PROXY) does not answer, or blocks the connection',
      exitCode: 3,
    },
  ],
]

test.each(meanings)('%s', (_, output, meaning) => {
  const explained = explainAz(output)
  expect(explained).toMatchObject(meaning!)
  expect(explained?.next, 'every meaning says what to do').toBeTruthy()
})

/** Errors that operators met, in Azure's own words, with the key or the line that helps. */
const reported: [string, string, string, RegExp][] = [
  [
    'PostgreSQL that is busy (Azure/azure-postgresql#134)',
    `"code":"ServerIsBusy","message":"Cannot complete operation while server 'somePgServerName' is busy processing another operation. Try again later."`,
    'PostgreSQL is busy with another operation',
    /Wait a few minutes/,
  ],
  [
    'the same in its older words (Azure/bicep-registry-modules#4451)',
    "ServerBusy: Server 'psqltest00502' is busy with another operation. Please try again later.",
    'PostgreSQL is busy with another operation',
    /Wait a few minutes/,
  ],
  [
    'a region that is closed to PostgreSQL',
    "Microsoft.DBforPostgreSQL/flexibleServers LocationIsOfferRestricted: Subscriptions are restricted from provisioning in location 'eastus'. Try again in a different location. For exceptions to this rule please open a support request with Issue type of 'Service and subscription limits'. See https://aka.ms/postgres-request-quota-increase for more details.",
    'This subscription may not create PostgreSQL servers in eastus',
    /POSTGRES_LOCATION.*aka\.ms\/postgres-request-quota-increase/,
  ],
  [
    'the same as older API versions say it (hashicorp/terraform-provider-azurerm#21306)',
    "ParameterOutOfRange: The value of the 'Version' should be in: []. Verify that the specified parameter value is correct.",
    'This subscription may not create PostgreSQL servers in this region',
    /^Set POSTGRES_LOCATION in \.env to another region\.$/,
  ],
  [
    'a version of PostgreSQL that the region does not offer (hashicorp/terraform-provider-azurerm#25344)',
    "ParameterOutOfRange: The value of the 'Version' should be in: [13,14,15]. Verify that the specified parameter value is correct.",
    'Azure offers only PostgreSQL 13,14,15 for this server',
    /POSTGRES_VERSION.*POSTGRES_LOCATION/,
  ],
  [
    'a region that is closed to everything',
    "(RequestDisallowedByAzure) Resource 'platodo-plan' was disallowed by Azure: This policy maintains a set of best available regions where your subscription can deploy resources. The objective of this policy is to ensure that your subscription has full access to Azure services with optimal performance. Should you need additional or different regions, contact support..\nCode: RequestDisallowedByAzure",
    'Azure does not allow this subscription to deploy in this region (policy assignment sys.regionrestriction)',
    /az policy assignment list .*AZURE_LOCATION/,
  ],
  [
    'a policy of the organisation',
    `(RequestDisallowedByPolicy) Resource 'codexacr1216' was disallowed by policy. Policy identifiers: '[{"policyAssignment":{"name":"Allowed locations"}}]'.`,
    'A policy of your organisation forbids this resource',
    /AZURE_LOCATION.*exemption/,
  ],
  [
    'a change without a second factor (azure-docs-cli)',
    'Resource was disallowed by policy. Reasons: MFA is required. See error details for policy resource\nIDs. RequestDisallowedByPolicy Message: Resource policy resource IDs was disallowed by policy.\nReasons: MFA is required.',
    'Azure accepts changes only from a login with a second factor (MFA)',
    /az login --tenant/,
  ],
  [
    'the same with az 2.75, which asks for a login only',
    'Due to a configuration change made by your administrator, or because you moved to a new location,\nyou must enroll in multi-factor authentication. Interactive authentication is needed.',
    'Azure accepts changes only from a login with a second factor (MFA)',
    /az login --tenant/,
  ],
  [
    'no capacity for Redis (microsoft/aspire#19174)',
    'InsufficientCapacity: Request failed due to insufficient capacity. Retry using a different Azure Managed Redis size or region.',
    'Azure currently has no capacity for this Redis in this region',
    /REDIS_LOCATION.*REDIS_SKU/,
  ],
  [
    'the same under another code',
    'Microsoft.Cache/redisEnterprise AllocationFailed: Request failed due to insufficient capacity. Retry using a different Azure Managed Redis size, region or contact Azure support for assistance.',
    'Azure currently has no capacity for this Redis in this region',
    /REDIS_LOCATION.*REDIS_SKU/,
  ],
  [
    'an allocation that failed (langchain-ai/terraform#109)',
    'AllocationFailed: Please retry with a different size, region or contact Azure support for assistance',
    'Azure could not allocate this resource in this region',
    /REDIS_LOCATION.*REDIS_SKU/,
  ],
  [
    'no capacity for containers (Azure/Azure-Landing-Zones#2404)',
    "(Failed) The requested resource is not available in the location 'uksouth' at this moment. Please retry with a different resource request or in another location. Resource requested: '1' CPU '2' GB memory 'Linux' OS virtual network",
    'Azure currently has no capacity for a container group of this size in uksouth',
    /BACKEND_CPU.*AZURE_LOCATION/,
  ],
  [
    'no cores left',
    "(ContainerGroupQuotaReached) Resource type 'Microsoft.ContainerInstance/containerGroups' container group quota 'StandardCores' exceeded in region 'westus2'. Limit: '10', Usage: '10' Requested: '1'.",
    'The quota StandardCores of Azure Container Instances in westus2 is used up',
    /Quotas.*WORKER_COUNT/,
  ],
  [
    'a DNS label that is taken',
    "(DnsNameLabelNotAvailable) Dns name label 'codex-api' in region 'eastus' not available.",
    'The DNS label codex-api is taken in this region',
    /BACKEND_DNS_LABEL/,
  ],
  [
    'a region that does not offer a type',
    "(NoRegisteredProviderFound) No registered resource provider found for location 'chilecentral' and API version '2025-07-01' for type 'redisEnterprise'. The supported api-versions are '2021-03-01, 2025-07-01'. The supported locations are 'eastus'.",
    'Azure does not offer redisEnterprise in chilecentral',
    /^Set REDIS_LOCATION in/,
  ],
  [
    'an API version that a region does not know (Azure/bicep-types-az#2333)',
    "(NoRegisteredProviderFound) No registered resource provider found for location 'westeurope' and API version '2025-08-01' for type 'flexibleServers'. The supported api-versions are '2022-12-01, 2024-08-01'.",
    'Azure does not know the API version 2025-08-01 of flexibleServers in westeurope',
    /^Update this toolbox\. Set POSTGRES_LOCATION in/,
  ],
  [
    'a registry that fails while a container group is created (Azure/azure-cli#29300)',
    "ERROR: (RegistryErrorResponse) An error response is received from the docker registry 'index.docker.io'. Please retry later.",
    'Azure Container Instances got no image from the registry, which did not answer as it should',
    /^Run this command again in a few minutes\..*in your own registry\.$/,
  ],
  [
    'a resource that is already in another region (MicrosoftDocs/azure-docs#70422)',
    "Code=InvalidResourceLocation; Message=The resource 'codexredis' already exists in location 'centralus' in resource group 'rg'. A resource with the same name cannot be created in location 'eastus'. Please select a new resource name.",
    'A resource with this name is already in centralus, and Azure cannot move it',
    /REDIS_LOCATION.*new name/,
  ],
]

test.each(reported)('%s', (_, output, what, next) => {
  const explained = explainAz(output)
  expect(explained?.what).toBe(what)
  expect(explained?.next).toMatch(next)
})

/** A real message for each row of the table, in its order. */
const messages: [string, string][] = [
  ['ContentConsumed', 'ERROR: The content for this response was already consumed'],
  [
    'RequestDisallowedByPolicy',
    'Resource was disallowed by policy. Reasons: MFA is required. See error details for policy resource IDs. RequestDisallowedByPolicy',
  ],
  ['AADSTS', "ERROR: Please run 'az login' to setup account."],
  [
    'SubscriptionNotFound',
    "ERROR: Subscription 'codex-prod' not found. Check the spelling and casing and try again.",
  ],
  [
    'AuthorizationFailed',
    "ERROR: (AuthorizationFailed) The client 'x' with object id 'y' does not have authorization to perform action 'Microsoft.Cache/redisEnterprise/write'",
  ],
  [
    'MissingSubscriptionRegistration',
    "ERROR: (MissingSubscriptionRegistration) The subscription is not registered to use namespace 'Microsoft.DBforPostgreSQL'. See https://aka.ms/rps-not-found",
  ],
  [
    'RequestDisallowedByAzure',
    "(RequestDisallowedByAzure) Resource 'codexacr1216' was disallowed by Azure: This policy maintains a set of best available regions where your subscription can deploy resources.",
  ],
  [
    'RequestDisallowedByPolicy',
    '(RequestDisallowedByPolicy) Resource \'codexacr1216\' was disallowed by policy. Policy identifiers: \'[{"policyAssignment":{"name":"Allowed locations"}}]\'.',
  ],
  [
    'LocationIsOfferRestricted',
    "LocationIsOfferRestricted: Subscriptions are restricted from provisioning in location 'eastus'. Try again in a different location. For exceptions to this rule please open a support request: https://aka.ms/postgres-request-quota-increase",
  ],
  ['QuotaExceeded', 'It results in exceeding approved standardBSFamily Cores quota. Current Limit: 0'],
  [
    'ParameterOutOfRange',
    "ParameterOutOfRange: The value of the 'Version' should be in: [13,14,15]. Verify that the specified parameter value is correct.",
  ],
  [
    'ServerIsBusy',
    "ServerIsBusy: Cannot complete operation while server 'codexdominion-db' is busy processing another operation. Try again later.",
  ],
  [
    'InsufficientCapacity',
    'InsufficientCapacity: Request failed due to insufficient capacity. Retry using a different Azure Managed Redis size or region.',
  ],
  [
    'AllocationFailed',
    'AllocationFailed: Please retry with a different size, region or contact Azure support for assistance',
  ],
  [
    'InsufficientCapacity',
    "The requested resource is not available in the location 'eastus' at this moment. Please retry with a different resource request or in another location. Resource requested: '2' CPU '4' GB memory 'Linux' OS",
  ],
  [
    'ContainerGroupQuotaReached',
    "(ContainerGroupQuotaReached) Resource type 'Microsoft.ContainerInstance/containerGroups' container group quota 'StandardCores' exceeded in region 'eastus'. Limit: '10', Usage: '10' Requested: '2'.",
  ],
  [
    'DnsNameLabelNotAvailable',
    "(DnsNameLabelNotAvailable) Dns name label 'codex-api' in region 'eastus' not available.",
  ],
  [
    'BadRequest',
    'ERROR: (BadRequest) Azure Cache for Redis is retiring, create Azure Managed Redis instance instead',
  ],
  [
    'SkuNotAvailable',
    'Microsoft.Cache/redisEnterprise SkuNotAvailable: The requested size is not available in location eastus',
  ],
  [
    'NoRegisteredProviderFound',
    "(NoRegisteredProviderFound) No registered resource provider found for location 'mexicocentral' and API version '2023-05-01' for type 'containerGroups'. The supported api-versions are '2018-02-01-preview'.",
  ],
  [
    'InvalidResourceLocation',
    "InvalidResourceLocation: The resource 'codexredis' already exists in location 'centralus' in resource group 'rg'. A resource with the same name cannot be created in location 'eastus'. Please select a new resource name.",
  ],
  [
    'TasksOperationsNotAllowed',
    'ERROR: (TasksOperationsNotAllowed) ACR Tasks requests for the registry codexacr1216 and s are not permitted.',
  ],
  ['toomanyrequests', 'toomanyrequests: You have reached your unauthenticated pull rate limit.'],
  [
    'RegistryErrorResponse',
    "ERROR: (RegistryErrorResponse) An error response is received from the docker registry 'index.docker.io'. Please retry later.",
  ],
  [
    'InaccessibleImage',
    "(InaccessibleImage) The image 'codexacr1216.azurecr.io/codex-backend:1' in container group 'codex-api' is not accessible. Please check the image and registry credential.",
  ],
  ['ServerNameAlreadyExists', 'ServerNameAlreadyExists: Specified server name is already used.'],
  [
    'ServerGroupDropping',
    '(ServerGroupDropping) Operations on a server group in dropping state are not allowed.',
  ],
  ['AlreadyInUse', '(AlreadyInUse) The registry DNS name codexacr1216.azurecr.io is already in use.'],
  [
    'NameNotAvailable',
    'NameNotAvailable: An error occured when trying to reserve the DNS name for the cache instance.',
  ],
  ['Conflict', 'A resource with this name already exists or is in a conflicting state.'],
  [
    'ConnectionError',
    "ERROR: HTTPSConnectionPool(host='management.azure.com', port=443): Max retries exceeded with url: /x (Caused by NewConnectionError)",
  ],
]

test('the table has a message for each row', () => {
  expect(messages.map(([code]) => code)).toEqual(table.map(({ code }) => code))
})

test.each(messages.map((message, index) => [...message, table[index]!] as const))(
  'the table: %s is recognised by its own message, and by no earlier row',
  (_, message, row) => {
    expect(table.find(({ when }) => when.test(message))).toBe(row)
    expect(row.source).not.toBe('')
    const explained = explainAz(message)
    expect(explained?.what).toMatch(/\S/)
    expect(explained?.next).toMatch(/\S/)
  },
)

test.each([
  "ERROR: (ResourceNotFound) The Resource 'Microsoft.ContainerInstance/containerGroups/nope' under resource group 'rg1' was not found.",
  "ERROR: (25, 'Inappropriate ioctl for device')",
  'ERROR: (InvalidTemplateDeployment) The template deployment failed with error',
  'ERROR: (TooManyRequests) The request is being throttled as the limit has been reached.',
  '',
])('self-explanatory messages: %j', (output) => {
  expect(explainAz(output)).toBeUndefined()
})

test('a network fault inside a build is not mistaken for an unreachable Azure', async () => {
  const log =
    'Step 4/9 : RUN pip install -r requirements.txt\nWARNING: Retrying after connection broken by \'ReadTimeoutError("Read timed out.")\'\nERROR: No matching distribution found for flask\nRun ID: ca1 failed after 12s.'
  expect(buildCommand(await loadTestConfig(), 'src-1', 's').explain?.(log)?.what).not.toBe(
    'Azure cannot be reached from here',
  )
})

/** az 2.74 of Debian 13, verbatim, with a new index of commands. */
const moduleErrors =
  "ERROR: Error loading command module 'monitor': ord() expected string of length 1, but int found\n" +
  "ERROR: Error loading command module 'rdbms': No module named 'azure.mgmt.rdbms.mysql_flexibleservers'\n"

test('modules of az that have nothing to do with the command are not part of its words', () => {
  const words = "ERROR: Please run 'az login' to setup account.\n"
  expect(removeModuleErrors(moduleErrors + words)).toBe(words)
  expect(removeModuleErrors(words)).toBe(words)
  expect(removeModuleErrors(moduleErrors.trimEnd())).toBe('')
})

test('a module that az needs for the command is the reason, and stays', () => {
  const unknown = `${moduleErrors}ERROR: 'postgres' is misspelled or not recognized by the system.\n`
  expect(removeModuleErrors(unknown)).toBe(unknown)
})
