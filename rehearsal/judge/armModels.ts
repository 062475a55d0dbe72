import type { Bodies } from '../azure/types.ts'

/** Models of one module below `azure.mgmt`, and the addresses that they belong to. */
export interface Section {
  module: string
  /** By methods and path: that behind the subscription and the resource group, in lower case. See getPattern. */
  paths: Record<string, Bodies>
  /** Models without an address of their own. */
  also?: string[]
}

const deployment = '(?:/providers/microsoft.resources)?/deployments/*'

/** What belongs to Azure Resource Manager itself, or to any resource. */
export const armModels: Section[] = [
  {
    module: 'resource.resources.v2024_11_01',
    paths: {
      [`PUT ${deployment}`]: { request: 'Deployment', answer: 'DeploymentExtended' },
      [`GET ${deployment}`]: { answer: 'DeploymentExtended' },
      [`HEAD DELETE ${deployment}`]: {},
      'GET (?:/providers/microsoft.resources)?/deployments': { answer: 'DeploymentListResult' },
      [`GET ${deployment}/operations/*`]: { answer: 'DeploymentOperation' },
      [`GET ${deployment}/operations`]: { answer: 'DeploymentOperationsListResult' },
      [`POST ${deployment}/validate`]: { request: 'Deployment', answer: 'DeploymentValidateResult' },
      'PUT /resourcegroups/*': { request: 'ResourceGroup', answer: 'ResourceGroup' },
      'GET /resourcegroups/*': { answer: 'ResourceGroup' },
      'HEAD DELETE /resourcegroups/*': {},
      'GET /resourcegroups': { answer: 'ResourceGroupListResult' },
      'PATCH /resourcegroups/*': { request: 'ResourceGroupPatchable', answer: 'ResourceGroup' },
      'GET /providers/*': { answer: 'Provider' },
      'POST /providers/*/register': { answer: 'Provider' },
      'GET /providers': { answer: 'ProviderListResult' },
      'GET /resources': { answer: 'ResourceListResult' },
    },
    // Every refusal has its form.
    also: ['ErrorResponse'],
  },
  {
    module: 'resource.subscriptions.v2022_12_01',
    paths: {
      'GET /subscriptions/*': { answer: 'Subscription' },
      'GET /subscriptions': { answer: 'SubscriptionListResult' },
      'GET /locations': { answer: 'LocationListResult' },
      'GET /tenants': { answer: 'TenantListResult' },
    },
  },
  {
    module: 'resource.policy.v2022_06_01',
    paths: {
      'GET /providers/microsoft.authorization/policyassignments': { answer: 'PolicyAssignmentListResult' },
    },
  },
  {
    module: 'authorization.v2022_04_01',
    paths: {
      'GET **/providers/microsoft.authorization/permissions': { answer: 'PermissionGetResult' },
      'GET **/providers/microsoft.authorization/roleassignments': { answer: 'RoleAssignmentListResult' },
    },
  },
  { module: 'monitor', paths: { 'GET **/providers/microsoft.insights/metrics': { answer: 'Response' } } },
]
