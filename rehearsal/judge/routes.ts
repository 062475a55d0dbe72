/** Which of Microsoft's models (models.jsonl) a request and its answer belong to. */
export interface Route {
  methods: string
  /** Of the path without the subscription and the resource group, in lower case. */
  path: RegExp
  request?: string
  answer?: string
}

const name = '[^/]+'
const at = (path: string): RegExp => new RegExp(`^${path.replaceAll('*', name)}$`)

/** A resource: written and read as one model, changed and listed in others. */
function resource(type: string, model: string, patch: string, list: string, write = model): Route[] {
  const steps = type.split('/')
  const item = `/providers/${steps[0]}${steps
    .slice(1)
    .map((step) => `/${step}/*`)
    .join('')}`
  return [
    { methods: 'PUT', path: at(item), request: write, answer: model },
    { methods: 'PATCH', path: at(item), request: patch, answer: model },
    { methods: 'GET', path: at(item), answer: model },
    { methods: 'HEAD DELETE', path: at(item) },
    { methods: 'GET', path: at(item.replace(/\/\*$/, '')), answer: list },
  ]
}

const group = '/providers/microsoft.containerinstance/containergroups/*'
const server = '/providers/microsoft.dbforpostgresql/flexibleservers/*'
const registry = '/providers/microsoft.containerregistry/registries/*'
const cluster = '/providers/microsoft.cache/redisenterprise/*'
const cache = '/providers/microsoft.cache/redis/*'
const deployment = '(?:/providers/microsoft.resources)?/deployments/*'

/** In order: the first that fits. */
export const routes: Route[] = [
  ...resource(
    'microsoft.containerinstance/containergroups',
    'containerinstance.ContainerGroup',
    'containerinstance.Resource',
    'containerinstance.ContainerGroupListResult',
  ),
  ...resource(
    'microsoft.containerregistry/registries',
    'containerregistry.Registry',
    'containerregistry.RegistryUpdateParameters',
    'containerregistry.RegistryListResult',
  ),
  ...resource(
    'microsoft.dbforpostgresql/flexibleservers',
    'postgresqlflexibleservers.Server',
    'postgresqlflexibleservers.ServerForUpdate',
    'postgresqlflexibleservers.ServerListResult',
  ),
  ...['Database', 'FirewallRule', 'Configuration'].flatMap((model) =>
    resource(
      `microsoft.dbforpostgresql/flexibleservers/${model.toLowerCase()}s`,
      `postgresqlflexibleservers.${model}`,
      // Databases and firewall rules know no PATCH of their own.
      `postgresqlflexibleservers.${model === 'Configuration' ? 'ConfigurationForUpdate' : model}`,
      `postgresqlflexibleservers.${model}ListResult`,
    ),
  ),
  ...resource(
    'microsoft.cache/redisenterprise',
    'redisenterprise.Cluster',
    'redisenterprise.ClusterUpdate',
    'redisenterprise.ClusterList',
  ),
  ...resource(
    'microsoft.cache/redisenterprise/databases',
    'redisenterprise.Database',
    'redisenterprise.DatabaseUpdate',
    'redisenterprise.DatabaseList',
  ),
  ...resource(
    'microsoft.cache/redis',
    'redis.RedisResource',
    'redis.RedisUpdateParameters',
    'redis.RedisListResult',
    'redis.RedisCreateParameters',
  ),

  { methods: 'GET', path: at(`${group}/containers/*/logs`), answer: 'containerinstance.Logs' },
  { methods: 'POST', path: at(`${group}/(?:start|stop|restart)`) },
  {
    methods: 'GET',
    path: at('/providers/microsoft.containerinstance/locations/*/capabilities'),
    answer: 'containerinstance.CapabilitiesListResult',
  },
  {
    methods: 'GET',
    path: at('/providers/microsoft.containerinstance/locations/*/usages'),
    answer: 'containerinstance.UsageListResult',
  },

  { methods: 'POST', path: at(`${server}/(?:start|stop)`) },
  { methods: 'POST', path: at(`${server}/restart`), request: 'postgresqlflexibleservers.RestartParameter' },
  {
    methods: 'GET',
    path: at(`${server}/backups`),
    answer: 'postgresqlflexibleservers.ServerBackupListResult',
  },
  { methods: 'GET', path: at(`${server}/backups/*`), answer: 'postgresqlflexibleservers.ServerBackup' },
  {
    methods: 'GET',
    path: at('/providers/microsoft.dbforpostgresql/locations/*/capabilities'),
    answer: 'postgresqlflexibleservers.CapabilitiesListResult',
  },
  {
    methods: 'GET',
    path: at('/providers/microsoft.dbforpostgresql/locations/*/resourcetype/flexibleservers/usages'),
    answer: 'postgresqlflexibleservers.QuotaUsagesListResult',
  },
  {
    methods: 'POST',
    path: at('/providers/microsoft.dbforpostgresql/(?:locations/*/)?checknameavailability'),
    request: 'postgresqlflexibleservers.CheckNameAvailabilityRequest',
    answer: 'postgresqlflexibleservers.NameAvailability',
  },

  { methods: 'POST', path: at(`${cluster}/databases/*/listkeys`), answer: 'redisenterprise.AccessKeys' },
  {
    methods: 'POST',
    path: at(`${cluster}/databases/*/regeneratekey`),
    request: 'redisenterprise.RegenerateKeyParameters',
    answer: 'redisenterprise.AccessKeys',
  },
  { methods: 'POST', path: at(`${cache}/listkeys`), answer: 'redis.RedisAccessKeys' },
  {
    methods: 'POST',
    path: at(`${cache}/regeneratekey`),
    request: 'redis.RedisRegenerateKeyParameters',
    answer: 'redis.RedisAccessKeys',
  },

  {
    methods: 'POST',
    path: at(`${registry}/listcredentials`),
    answer: 'containerregistry.RegistryListCredentialsResult',
  },
  {
    methods: 'POST',
    path: at(`${registry}/regeneratecredential`),
    request: 'containerregistry.RegenerateCredentialParameters',
    answer: 'containerregistry.RegistryListCredentialsResult',
  },
  { methods: 'GET', path: at(`${registry}/listusages`), answer: 'containerregistry.RegistryUsageListResult' },
  {
    methods: 'POST',
    path: at(`${registry}/listbuildsourceuploadurl`),
    answer: 'containerregistry.SourceUploadDefinition',
  },
  {
    methods: 'POST',
    path: at(`${registry}/schedulerun`),
    request: 'containerregistry.RunRequest',
    answer: 'containerregistry.Run',
  },
  { methods: 'GET', path: at(`${registry}/runs`), answer: 'containerregistry.RunListResult' },
  { methods: 'GET', path: at(`${registry}/runs/*`), answer: 'containerregistry.Run' },
  {
    methods: 'POST',
    path: at(`${registry}/runs/*/listlogsasurl`),
    answer: 'containerregistry.RunGetLogResult',
  },
  {
    methods: 'POST',
    path: at('/providers/microsoft.containerregistry/checknameavailability'),
    request: 'containerregistry.RegistryNameCheckRequest',
    answer: 'containerregistry.RegistryNameStatus',
  },

  {
    methods: 'PUT',
    path: at(deployment),
    request: 'resources.Deployment',
    answer: 'resources.DeploymentExtended',
  },
  { methods: 'GET', path: at(deployment), answer: 'resources.DeploymentExtended' },
  { methods: 'HEAD DELETE', path: at(deployment) },
  {
    methods: 'POST',
    path: at(`${deployment}/validate`),
    request: 'resources.Deployment',
    answer: 'resources.DeploymentValidateResult',
  },
  {
    methods: 'POST',
    path: at(`${deployment}/whatif`),
    request: 'resources.DeploymentWhatIf',
    answer: 'resources.WhatIfOperationResult',
  },
  {
    methods: 'GET',
    path: at(`${deployment}/operations`),
    answer: 'resources.DeploymentOperationsListResult',
  },
  {
    methods: 'GET',
    path: at('(?:/providers/microsoft.resources)?/deployments'),
    answer: 'resources.DeploymentListResult',
  },
  { methods: 'GET', path: at('/resources'), answer: 'resources.ResourceListResult' },
  { methods: 'GET', path: at('/providers'), answer: 'resources.ProviderListResult' },
  { methods: 'GET', path: at('/providers/*'), answer: 'resources.Provider' },
  { methods: 'POST', path: at('/providers/*/register'), answer: 'resources.Provider' },
  { methods: 'GET', path: at('/locations'), answer: 'subscriptions.LocationListResult' },
  { methods: 'GET', path: /\/providers\/microsoft\.insights\/metrics$/, answer: 'monitor.Response' },
  {
    methods: 'GET',
    path: /\/providers\/microsoft\.authorization\/permissions$/,
    answer: 'authorization.PermissionGetResult',
  },
  {
    methods: 'GET',
    path: /\/providers\/microsoft\.authorization\/roleassignments$/,
    answer: 'authorization.RoleAssignmentListResult',
  },
  {
    methods: 'GET',
    path: at('/providers/microsoft.authorization/policyassignments'),
    answer: 'policy.PolicyAssignmentListResult',
  },
]

/** Above a subscription, and the resource groups themselves. */
export const outerRoutes: Route[] = [
  { methods: 'GET', path: at('/subscriptions'), answer: 'subscriptions.SubscriptionListResult' },
  { methods: 'GET', path: at('/subscriptions/*'), answer: 'subscriptions.Subscription' },
  { methods: 'GET', path: at('/tenants'), answer: 'subscriptions.TenantListResult' },
  {
    methods: 'GET',
    path: at('/subscriptions/*/resourcegroups'),
    answer: 'resources.ResourceGroupListResult',
  },
  { methods: 'HEAD DELETE', path: at('/subscriptions/*/resourcegroups/*') },
  {
    methods: 'PUT',
    path: at('/subscriptions/*/resourcegroups/*'),
    request: 'resources.ResourceGroup',
    answer: 'resources.ResourceGroup',
  },
  {
    methods: 'PATCH',
    path: at('/subscriptions/*/resourcegroups/*'),
    request: 'resources.ResourceGroupPatchable',
    answer: 'resources.ResourceGroup',
  },
  { methods: 'GET', path: at('/subscriptions/*/resourcegroups/*'), answer: 'resources.ResourceGroup' },
]

export function findRoute(method: string, path: string): Route | undefined {
  const whole = `/${path.toLowerCase().split('/').filter(Boolean).join('/')}`
  const fits = (within: string) => (route: Route) =>
    route.methods.split(' ').includes(method) && route.path.test(within)
  const within = whole.replace(/^\/subscriptions\/[^/]+(\/resourcegroups\/[^/]+)?(?=\/)/, '')
  return outerRoutes.find(fits(whole)) ?? routes.find(fits(within))
}
