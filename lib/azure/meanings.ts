import { formatAzLine, formatKeyFile } from '../config/config.ts'
import type { KeyName } from '../config/schema.ts'
import { exitCode } from '../util/errors.ts'
import { adviseRole, anotherName, anotherRegion, unreachableAdvice } from './advice.ts'
import { describeSilence } from './silence.ts'

/* What Azure's messages mean, and what to do about them. */

export interface Meaning {
  /** Azure's error code, or a name for messages without one. */
  code: string
  when: RegExp
  what: string | ((output: string) => string)
  next: string | ((output: string) => string)
  /** Where the message was seen, or is documented. */
  source: string
  /** Replaces the tool's message. */
  said?: (output: string) => string
  exitCode?: number
  /** It can also be the cause of a failed image build. */
  ofBuild?: true
}

/** What az prints in place of a refusal that it has discarded. Sources in docs/azure.md. */
export const hiddenRefusal = /content for this response was already consumed/

/** PostgreSQL refuses a change during another one, and for a moment afterwards. */
export const serverBusy = /ServerIsBusy|ServerBusy|is busy (?:processing|with) another operation/

/** The first match counts, so specific entries come before general ones. */
export const meanings: readonly Meaning[] = [
  {
    code: 'ContentConsumed',
    when: hiddenRefusal,
    what: 'Azure refused this, and az does not show why (a defect of az before 2.78)',
    next: 'Install az 2.78 or newer (learn.microsoft.com/cli/azure/install-azure-cli), then run this command again to see the reason.',
    source: 'Azure/azure-cli#31581, #32261',
  },
  {
    code: 'RequestDisallowedByPolicy',
    when: /MFA is required|multi-?factor authentication|AADSTS5007[69]\b/i,
    what: 'Azure accepts changes only from a login with a second factor (MFA)',
    next: () =>
      `Log in again with the second factor: ${formatAzLine('az logout')}, then ${formatAzLine('az login --tenant TENANT_ID')} (az 2.76 or newer names the policy). Or log in as a service principal: ${formatAzLine('az login --service-principal')}.`,
    source: 'MicrosoftDocs/azure-docs-cli, "Troubleshooting Azure CLI", MFA',
    exitCode: exitCode.notLoggedIn,
  },
  {
    code: 'AADSTS',
    when: /az login|AADSTS|ExpiredAuthenticationToken|InvalidAuthenticationToken|Interactive authentication is needed/i,
    what: 'Not logged in to Azure, or the login has expired',
    next: () => `${formatAzLine('az login')}   (then run this command again)`,
    source: 'azure-cli 2.45',
    exitCode: exitCode.notLoggedIn,
  },
  {
    code: 'SubscriptionNotFound',
    when: /Subscription '?.*'? not found|SubscriptionNotFound|doesn't exist in cloud|InvalidSubscriptionId/i,
    what: 'This login cannot see the subscription',
    next: () =>
      `Set AZURE_SUBSCRIPTION in ${formatKeyFile('AZURE_SUBSCRIPTION')} to one of: ${formatAzLine('az account list --output table')}`,
    source: 'azure-cli 2.45',
    exitCode: exitCode.usage,
  },
  {
    code: 'AuthorizationFailed',
    when: /AuthorizationFailed|does not have authorization/i,
    what: 'This login lacks the permission that Azure requires for this',
    // The preflight check reads from the subscription, on which a deploy needs no other rights.
    next(output) {
      const [, kind] =
        /\/(\w+)' over scope '\/subscriptions\/[^/']+(?!\/resourceGroups)[/']/i.exec(output) ?? []
      if (kind !== undefined) return adviseRole(kind === 'read' ? 'Reader' : 'Contributor', 'subscription')
      // Azure does not say whether a group exists that this login may not read.
      const ofGroup = /'Microsoft\.Resources\/[\w/]+' over scope '\S+\/resourceGroups\//i.test(output)
      return `${adviseRole('Contributor', 'resource group')}${ofGroup ? ' A group that does not exist yet must be created first, by somebody with this role on the subscription (az group create).' : ''}`
    },
    source: 'Azure Resource Manager, common deployment errors',
  },
  {
    code: 'MissingSubscriptionRegistration',
    when: /MissingSubscriptionRegistration|not registered to use namespace/i,
    what: (output) => `The subscription is not registered for ${namespaceIn(output)}`,
    next: (output) =>
      `${formatAzLine(`az provider register --namespace ${namespaceIn(output)} --wait`)}   (once; then run this command again)`,
    source: 'Azure Resource Manager, common deployment errors',
  },
  {
    code: 'RequestDisallowedByAzure',
    when: /RequestDisallowedByAzure|set of best available regions where your subscription can deploy/i,
    what: 'Azure does not allow this subscription to deploy in this region (policy assignment sys.regionrestriction)',
    next: () =>
      `List the allowed regions: ${formatAzLine(`az policy assignment list --disable-scope-strict-match --query "[?name=='sys.regionrestriction'].parameters.listOfAllowedLocations.value"`)}   ${anotherRegion('one of them')}`,
    source:
      'learn.microsoft.com/troubleshoot/azure, error RequestDisallowedByAzure; reports of 2025 and 2026',
  },
  {
    code: 'RequestDisallowedByPolicy',
    when: /RequestDisallowedByPolicy|disallowed by policy|because of policy violation/i,
    what: 'A policy of your organisation forbids this resource',
    next: () =>
      `Find the policy in the message above. In ${formatKeyFile('AZURE_LOCATION', 'POSTGRES_SKU', 'REDIS_SKU')}, set values that it allows (AZURE_LOCATION for a region; POSTGRES_SKU or REDIS_SKU for a size), or ask the owner of the subscription for an exemption.`,
    source: 'Azure Resource Manager, error RequestDisallowedByPolicy',
  },
  {
    code: 'LocationIsOfferRestricted',
    when: /LocationIsOfferRestricted|Subscriptions are restricted from provisioning in location/i,
    what: (output) =>
      `This subscription may not create PostgreSQL servers in ${locationIn(output) ?? 'this region'}`,
    next: () =>
      `${anotherRegion('another region', 'POSTGRES_LOCATION')} Or ask Microsoft to enable this one: https://aka.ms/postgres-request-quota-increase`,
    source: 'Azure/azure-dev, ResourceNotAvailableHandler; reports of 2024 to 2026',
  },
  {
    code: 'QuotaExceeded',
    when: /exceeding approved \S+ Cores quota/i,
    what: (output) =>
      `The quota ${/approved (\S+) Cores quota/i.exec(output)?.[1]} of PostgreSQL leaves too few vCores in this region`,
    next: () =>
      `Set a smaller POSTGRES_SKU in ${formatKeyFile('POSTGRES_SKU')}, or ask Microsoft for more: https://aka.ms/postgres-request-quota-increase. ${anotherRegion('another region', 'POSTGRES_LOCATION')}`,
    source: 'learn.microsoft.com/azure/postgresql, how-to-resolve-capacity-errors',
  },
  {
    code: 'ParameterOutOfRange',
    when: /value of the 'Version' should be in: \[/i,
    what: (output) => {
      const versions = versionsIn(output)
      return versions === ''
        ? 'This subscription may not create PostgreSQL servers in this region'
        : `Azure offers only PostgreSQL ${versions} for this server`
    },
    next: (output) =>
      versionsIn(output) === ''
        ? anotherRegion('another region', 'POSTGRES_LOCATION')
        : `Set POSTGRES_VERSION in ${formatKeyFile('POSTGRES_VERSION')} to one of these. ${anotherRegion('another region, which may offer more', 'POSTGRES_LOCATION')}`,
    source: 'hashicorp/terraform-provider-azurerm#25344, #21306',
  },
  {
    code: 'ServerIsBusy',
    when: serverBusy,
    what: 'PostgreSQL is busy with another operation',
    next: 'Wait a few minutes, then run this command again.',
    source: 'Azure/azure-postgresql#134, Azure/bicep-registry-modules#4451',
  },
  {
    code: 'InsufficientCapacity',
    when: /due to insufficient capacity|redis[\s\S]*InsufficientCapacity|InsufficientCapacity[\s\S]*redis/i,
    what: 'Azure currently has no capacity for this Redis in this region',
    next: () =>
      `${anotherRegion('another region', 'REDIS_LOCATION')} Another REDIS_SKU (${formatKeyFile('REDIS_SKU')}), such as Balanced_B1, helps less often. If Azure failed to create it, the next run deletes it; a Redis that already had data is never deleted.`,
    source: 'microsoft/aspire#19174, langchain-ai/terraform#258',
  },
  {
    code: 'AllocationFailed',
    when: /AllocationFailed/,
    what: 'Azure could not allocate this resource in this region',
    next: () =>
      `${anotherRegion('another region', 'REDIS_LOCATION')} Another size (REDIS_SKU in ${formatKeyFile('REDIS_SKU')}) helps less often.`,
    source: 'langchain-ai/terraform#109',
  },
  {
    code: 'InsufficientCapacity',
    when: /requested resource is not available in the location '/i,
    what: (output) =>
      `Azure currently has no capacity for a container group of this size in ${locationIn(output) ?? 'this region'}`,
    next: () =>
      `Run this command again in a few minutes. If that does not help, configure smaller containers in ${formatKeyFile('BACKEND_CPU', 'BACKEND_MEMORY_GB', 'WORKER_CPU', 'WORKER_MEMORY_GB', 'AZURE_LOCATION')} (BACKEND_CPU, BACKEND_MEMORY_GB, WORKER_CPU, WORKER_MEMORY_GB), or another AZURE_LOCATION.`,
    source:
      'Azure/Azure-Landing-Zones#2404; learn.microsoft.com, ServiceUnavailable (409) in Container Instances',
  },
  {
    code: 'ContainerGroupQuotaReached',
    when: /ContainerGroupQuotaReached|container group quota '\w+' exceeded/i,
    what: (output) =>
      `The quota ${/quota '(\w+)'/i.exec(output)?.[1] ?? ''} of Azure Container Instances in ${locationIn(output) ?? 'this region'} is used up`.replace(
        '  ',
        ' ',
      ),
    next: () =>
      `Ask for more in the portal (Quotas, Container Instances), or set WORKER_COUNT, WORKER_CPU or BACKEND_CPU lower in ${formatKeyFile('WORKER_COUNT', 'WORKER_CPU', 'BACKEND_CPU')}. During a release the backend needs its cores twice.`,
    source: 'MicrosoftDocs/azure-docs#51738',
  },
  {
    code: 'DnsNameLabelNotAvailable',
    when: /DnsNameLabelNotAvailable|dns name label '[^']*'.* not available/i,
    what: (output) =>
      `The DNS label ${/label '([^']+)'/i.exec(output)?.[1] ?? 'of the backend'} is taken in this region`,
    next: () =>
      `Set BACKEND_DNS_LABEL in ${formatKeyFile('BACKEND_DNS_LABEL')} to a label that is free in this region, then run this command again.`,
    source: 'Azure Container Instances, dnsNameLabel',
  },
  {
    code: 'BadRequest',
    when: /Azure Cache for Redis is retiring|create Azure Managed Redis/i,
    what: 'Azure refuses classic Azure Cache for Redis: this tenant can no longer create one',
    next: () =>
      `Set REDIS_KIND=managed and REDIS_SKU=Balanced_B0 in ${formatKeyFile('REDIS_KIND', 'REDIS_SKU')}.`,
    source: 'learn.microsoft.com, retirement FAQ of Azure Cache for Redis',
  },
  {
    code: 'SkuNotAvailable',
    when: /redisEnterprise[\s\S]*(not (allowed|available|supported|enabled)|quota|NoRegisteredProviderFound|SkuNotAvailable|refused)|(SkuNotAvailable|NotAvailableForSubscription)[\s\S]*redis/i,
    what: 'Azure refuses Azure Managed Redis for this subscription or region',
    next: () =>
      `Set REDIS_LOCATION or REDIS_SKU in ${formatKeyFile('REDIS_LOCATION', 'REDIS_SKU')} to one that Azure offers to this subscription.`,
    // Nobody has reported it for Redis yet: the rehearsal's words are ours.
    source: 'Azure Resource Manager, error SkuNotAvailable',
  },
  {
    code: 'NoRegisteredProviderFound',
    when: /NoRegisteredProviderFound|No registered resource provider found for location/i,
    what: (output) => {
      const { type, version, known } = providerIn(output)
      const region = locationIn(output) ?? 'this region'
      return known
        ? `Azure does not offer ${type} in ${region}`
        : `Azure does not know the API version ${version} of ${type} in ${region}`
    },
    next: (output) => {
      const { type, known } = providerIn(output)
      const key = locationKeys.find(([of]) => of.test(type))?.[1] ?? 'AZURE_LOCATION'
      return known
        ? anotherRegion('a region that offers it', key)
        : `Update this toolbox. ${anotherRegion('a region that knows it', key)}`
    },
    source: 'Azure/bicep-types-az#2333, Azure/azure-cli#30847',
  },
  {
    code: 'InvalidResourceLocation',
    when: /InvalidResourceLocation|already exists in location '[^']+' in resource group/i,
    what: (output) =>
      `A resource with this name is already in ${locationIn(output) ?? 'another region'}, and Azure cannot move it`,
    next: () =>
      `Set the region of that resource back (AZURE_LOCATION, POSTGRES_LOCATION or REDIS_LOCATION), or give it a new name, in ${formatKeyFile('AZURE_LOCATION', 'POSTGRES_LOCATION', 'REDIS_LOCATION')}.`,
    source: 'MicrosoftDocs/azure-docs#70422',
  },
  {
    code: 'TasksOperationsNotAllowed',
    when: /TasksOperationsNotAllowed/i,
    what: 'The registry cannot build images for this subscription (ACR Tasks are paused for some, such as those on free credit)',
    // The build knows the line to paste: explainRefusedBuild in image.ts.
    next: 'Build the image with Docker and push it to the registry, then run this command again.',
    source: 'Azure-Samples/azure-search-openai-demo#2592',
  },
  {
    code: 'toomanyrequests',
    // Not TooManyRequests, which is ARM's.
    when: /toomanyrequests|TOOMANYREQUESTS/,
    ofBuild: true,
    what: 'The base image could not be pulled: its registry limits anonymous pulls',
    next: 'Take the base image from mcr.microsoft.com, or import it once with az acr import.',
    source: 'docs.docker.com, pull rate limit',
  },
  {
    code: 'RegistryErrorResponse',
    when: /RegistryErrorResponse/,
    what: 'Azure Container Instances got no image from the registry, which did not answer as it should',
    next: 'Run this command again in a few minutes. The message can name Docker Hub although the image is in your own registry.',
    source: 'Azure/azure-cli#29300',
  },
  {
    code: 'InaccessibleImage',
    when: /InaccessibleImage|image '[^']*' in container group '[^']*' is not accessible/i,
    what: (output) =>
      `Azure Container Instances cannot pull the image ${/image '([^']+)' in container group/i.exec(output)?.[1] ?? ''}`.trimEnd(),
    // Reports of images and passwords that were right end with a repetition that works: Azure/azure-cli#18596.
    next: () =>
      `Run this command again: it looks for the image and reads the password of the registry (ACR_NAME in ${formatKeyFile('ACR_NAME')}) anew. If it is refused again, check that the portal shows the image and, under Access keys, the admin user.`,
    source: 'Azure/azure-sdk-for-python#16731, Azure/azure-cli#18596',
  },
  {
    code: 'ServerNameAlreadyExists',
    when: /ServerNameAlreadyExists|server name is already used/i,
    what: 'The name of the PostgreSQL server is taken: it must be unique in all of Azure, and the name of a deleted server may stay reserved for days',
    next: () => anotherName('POSTGRES_SERVER', true),
    source: 'hashicorp/terraform-provider-azurerm#16622, MicrosoftDocs/azure-docs#115432',
  },
  {
    code: 'ServerGroupDropping',
    when: /ServerGroupDropping|server group in dropping state/i,
    what: 'A PostgreSQL server with this name is being deleted, and its name may stay reserved for days afterwards',
    next: () => anotherName('POSTGRES_SERVER', true),
    source: 'MicrosoftDocs/azure-dev-docs#765, hashicorp/terraform-provider-azurerm#16622',
  },
  {
    code: 'AlreadyInUse',
    when: /AlreadyInUse|registry DNS name \S+ is already in use/i,
    what: 'The name of the registry is taken: it must be unique in all of Azure',
    next: () => anotherName('ACR_NAME'),
    source: 'Azure/azure-cli#13951',
  },
  {
    code: 'NameNotAvailable',
    when: /NameNotAvailable|name .* is already (taken|in use)/i,
    what: 'The name is taken: it must be unique in all of Azure, and the name of a deleted resource may stay reserved for a while',
    next: () =>
      `Choose another name in ${formatKeyFile('POSTGRES_SERVER', 'REDIS_NAME', 'ACR_NAME', 'BACKEND_DNS_LABEL')} (POSTGRES_SERVER, REDIS_NAME, ACR_NAME or BACKEND_DNS_LABEL).`,
    source: 'Azure/azure-service-operator#852',
  },
  {
    code: 'Conflict',
    when: /already exists or is in a conflicting state/i,
    what: 'This Redis is being changed, or its creation has failed',
    next: 'Wait a few minutes, then run this command again. It deletes a Redis whose creation has failed, which holds no data.',
    source: 'Azure-Samples/ai-hub-gateway-solution-accelerator#108',
  },
  {
    code: 'ConnectionError',
    when: /Max retries exceeded|NewConnectionError|Name or service not known|getaddrinfo|Connection (refused|reset|aborted)|ProxyError|Read timed out|ConnectTimeout|Temporary failure in name resolution/i,
    what: 'Azure cannot be reached from here',
    said: describeSilence,
    next: unreachableAdvice,
    source: 'azure-cli 2.45',
    exitCode: exitCode.unknown,
  },
]

const locationKeys: readonly [RegExp, KeyName][] = [
  [/^flexibleServers/i, 'POSTGRES_LOCATION'],
  [/^redis/i, 'REDIS_LOCATION'],
]

/** ARM has one message for an unsupported location and for an unknown API version; only its list tells which it is. */
function providerIn(output: string): { type: string; version: string; known: boolean } {
  const type = /for type '([^']+)'/.exec(output)?.[1] ?? 'this resource'
  const version = /API version '([^']+)'/.exec(output)?.[1] ?? ''
  const versions = /supported api-versions are '([^']*)'/.exec(output)?.[1]?.split(/,\s*/)
  return { type, version, known: versions?.includes(version) ?? true }
}

const versionsIn = (output: string): string => /should be in: \[([^\]]*)\]/i.exec(output)?.[1] ?? ''

const namespaceIn = (output: string): string => /namespace '([\w.]+)'/.exec(output)?.[1] ?? 'NAMESPACE'

const locationIn = (output: string): string | undefined => /(?:location|region) '([^']+)'/i.exec(output)?.[1]
