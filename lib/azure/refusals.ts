/** A refusal by Azure, word for word. `{name}` stands for what differs from case to case. */
export interface Refusal {
  code: string
  /** The HTTP status; that of the operation where Azure accepts the request and fails later. */
  status: number
  words: string
  /** Who reported it, and when (a date, as ISO 8601 writes it). */
  source: string
  seen: string
}

/**
 * Refusals that have been reported word for word and that these scripts explain, in meanings.ts. Each can be provoked in the
 * rehearsal, which takes the words from here; refusals.test.ts checks that the three match. What the rehearsal says
 * besides is in its own refusals.json: with a source where somebody reported it, otherwise in our words.
 */
export const refusals = {
  serverBusy: {
    code: 'ServerIsBusy',
    status: 409,
    words:
      "Cannot complete operation while server '{name}' is busy processing another operation. Try again later.",
    source: 'Azure/azure-postgresql#134',
    seen: '2026-02-20',
  },
  offerRestricted: {
    code: 'LocationIsOfferRestricted',
    status: 400,
    words:
      "Subscriptions are restricted from provisioning in location '{location}'. Try again in a different location. For exceptions " +
      "to this rule please open a support request with Issue type of 'Service and subscription limits'. " +
      'See https://aka.ms/postgres-request-quota-increase for more details.',
    source: 'Azure/azure-dev, ResourceNotAvailableHandler; adamdost-0/linux-update-cds#14',
    seen: '2026-04-18',
  },
  versionOutOfRange: {
    code: 'ParameterOutOfRange',
    status: 400,
    words:
      "The value of the 'Version' should be in: [{versions}]. Verify that the specified parameter value is correct.",
    source: 'hashicorp/terraform-provider-azurerm#25344; with an empty list #21306',
    seen: '2024-03-21',
  },
  regionDisallowed: {
    code: 'RequestDisallowedByAzure',
    status: 403,
    words:
      "Resource '{name}' was disallowed by Azure: This policy maintains a set of best available regions where your subscription " +
      'can deploy resources. The objective of this policy is to ensure that your subscription has full access to Azure ' +
      'services with optimal performance. Should you need additional or different regions, contact support..',
    source: 'Azure/static-web-apps#1743',
    seen: '2026-05-12',
  },
  policyDisallowed: {
    code: 'RequestDisallowedByPolicy',
    status: 403,
    words:
      'Resource \'{name}\' was disallowed by policy. Policy identifiers: \'[{"policyAssignment":{"name":"Not allowed resource types",' +
      '"id":"/subscriptions/{subscription}/providers/Microsoft.Authorization/policyAssignments/35ee869489f24894b32aed2f"},' +
      '"policyDefinition":{"name":"Not allowed resource types","id":"/subscriptions/{subscription}/providers/' +
      'Microsoft.Authorization/policyDefinitions/e98df9f1-b3e4-4c56-9b0a-3fdeb1341a6f"}}]\'.',
    source: 'Azure-Samples/azure-search-openai-demo#120',
    seen: '2023-04-17',
  },
  mfaRequired: {
    code: 'RequestDisallowedByPolicy',
    status: 403,
    words:
      'Resource was disallowed by policy. Reasons: MFA is required. See error details for policy resource IDs.',
    source: 'MicrosoftDocs/azure-docs-cli#5403',
    seen: '2025-07-25',
  },
  fewRights: {
    code: 'AuthorizationFailed',
    status: 403,
    words:
      "The client '{client}' with object id '{client}' does not have authorization to perform action '{action}' over scope " +
      "'{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
    source:
      'Azure/azure-cli#30800; of a subscription hashicorp/terraform-provider-azurerm#2678, theforeman/foreman_azure_rm#193',
    seen: '2025-02-10',
  },
  noRegisteredProvider: {
    code: 'NoRegisteredProviderFound',
    status: 400,
    words:
      "No registered resource provider found for location '{location}' and API version '{apiVersion}' for type '{type}'. " +
      "The supported api-versions are '{versions}'.",
    source: 'Azure/bicep-types-az#2333',
    seen: '2024-10-29',
  },
  wrongLocation: {
    code: 'InvalidResourceLocation',
    status: 409,
    words:
      "The resource '{name}' already exists in location '{location}' in resource group '{group}'. " +
      "A resource with the same name cannot be created in location '{wanted}'. Please select a new resource name.",
    source: 'MicrosoftDocs/azure-docs#70422',
    seen: '2021-02-10',
  },
  serverNameTaken: {
    code: 'ServerNameAlreadyExists',
    status: 409,
    words: 'Specified server name is already used.',
    source:
      'Azure/azure-service-operator#2428; of a deleted server hashicorp/terraform-provider-azurerm#16622',
    seen: '2023-12-21',
  },
  serverQuota: {
    code: 'QuotaExceeded',
    status: 400,
    words:
      'Operation could not be completed as it results in exceeding approved {quota} Cores quota. Additional details - ' +
      'Current Limit: {limit}, Current Usage: {used}, Additional Required: {asked}, (Minimum) New Limit Required: {wanted}. ' +
      'Submit a request for Quota increase by specifying parameters listed in the ‘Details’ section for deployment to succeed.',
    source:
      'MicrosoftDocs/azure-docs, postgresql/flexible-server/how-to-resolve-capacity-errors.md; with its code theonemule/fahclient-azure-vm#3, of virtual machines',
    seen: '2024-01-25',
  },
  serverDropping: {
    code: 'ServerGroupDropping',
    status: 409,
    words: 'Operations on a server group in dropping state are not allowed.',
    source: 'MicrosoftDocs/azure-dev-docs#765',
    seen: '2022-04-22',
  },
  registryNameTaken: {
    code: 'AlreadyInUse',
    status: 409,
    words:
      'The registry DNS name {name}.azurecr.io is already in use. You can check if the name is already claimed using following API: ' +
      'https://docs.microsoft.com/en-us/rest/api/containerregistry/registries/checknameavailability',
    source: 'Azure/azure-cli#13951',
    seen: '2020-06-13',
  },
  redisNameTaken: {
    code: 'NameNotAvailable',
    status: 409,
    words:
      'An error occured when trying to reserve the DNS name for the cache instance. This may be a temporary issue if a cache ' +
      'instance of this name was recently deleted. Please choose a different name or try again later.',
    source: 'Azure/azure-service-operator#852',
    seen: '2020-03-31',
  },
  redisConflict: {
    code: 'Conflict',
    status: 409,
    words: 'A resource with this name already exists or is in a conflicting state.',
    source: 'Azure-Samples/ai-hub-gateway-solution-accelerator#108',
    seen: '2026-04-19',
  },
  redisNoCapacity: {
    code: 'InsufficientCapacity',
    status: 409,
    words:
      'Request failed due to insufficient capacity. Retry using a different Azure Managed Redis size or region.',
    source: 'microsoft/aspire#19174',
    seen: '2026-08-09',
  },
  redisAllocationFailed: {
    code: 'AllocationFailed',
    status: 409,
    words: 'Please retry with a different size, region or contact Azure support for assistance',
    source: 'langchain-ai/terraform#109, which quotes only this end',
    seen: '2026-08-03',
  },
  classicRedisRetired: {
    code: 'BadRequest',
    status: 400,
    words: 'Azure Cache for Redis is retiring, create Azure Managed Redis instance instead.',
    source: 'Ankit900598/strlix, notes on creating a classic Redis; others saw a link after it',
    seen: '2026-09-21',
  },
  tasksNotAllowed: {
    code: 'TasksOperationsNotAllowed',
    status: 400,
    words:
      'ACR Tasks requests for the registry {name} and {subscription} are not permitted. Please file an Azure support request at ' +
      'http://aka.ms/azuresupport for assistance.',
    source: 'Azure-Samples/azure-search-openai-demo#2592',
    seen: '2025-07-02',
  },
  notRegistered: {
    code: 'MissingSubscriptionRegistration',
    status: 409,
    words:
      "The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found for how to register subscriptions.",
    source: 'nforgeio/neonKUBE#1670',
    seen: '2022-09-02',
  },
  inaccessibleImage: {
    code: 'InaccessibleImage',
    status: 400,
    words:
      "The image '{image}' in container group '{group}' is not accessible. Please check the image and registry credential.",
    source: 'Azure/azure-sdk-for-python#16731; its status docker-archive/compose-cli#439',
    seen: '2021-02-12',
  },
  containerNoCapacity: {
    code: 'InsufficientCapacity',
    status: 409,
    words:
      "The requested resource is not available in the location '{location}' at this moment. Please retry with a different resource " +
      "request or in another location. Resource requested: '{cpu}' CPU '{memoryGb}' GB memory 'Linux' OS",
    source: 'Azure/Azure-Landing-Zones#2404',
    seen: '2025-04-02',
  },
  containerQuota: {
    code: 'ContainerGroupQuotaReached',
    status: 400,
    words:
      "Resource type 'Microsoft.ContainerInstance/containerGroups' container group quota 'StandardCores' exceeded in region " +
      "'{location}'. Limit: '{limit}', Usage: '{used}' Requested: '{asked}'.",
    source: 'MicrosoftDocs/azure-docs#51738',
    seen: '2020-04-05',
  },
  dnsLabelTaken: {
    code: 'DnsNameLabelNotAvailable',
    status: 400,
    words:
      "The DNS name label '{label}' in container group '{name}' not available. Try using a different label.",
    source: 'shahiddev/docker-k8s-workshop#2',
    seen: '2020-06-08',
  },
} as const satisfies Record<string, Refusal>

export type RefusalName = keyof typeof refusals

type Values = Readonly<Record<string, unknown>>

/** Replaces each `{name}` by its value. */
export const fillWords = (words: string, values: Values): string =>
  words.replaceAll(/\{(\w+)\}/g, (whole, key: string) => String(values[key] ?? whole))

/** Azure's words for one case. */
export const formatRefusal = (name: RefusalName, values: Values = {}): string =>
  fillWords(refusals[name].words, values)
