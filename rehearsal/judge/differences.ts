import type { Finding } from './judge.ts'

export type Difference = Pick<Finding, 'side' | 'model' | 'at' | 'what'> & { why: string }

/** Where az or the rehearsal's Azure differs from Microsoft's models, and is right. */
export const differences: Difference[] = [
  {
    side: 'request',
    model: 'containerregistry.RunRequest',
    at: '/platform/os',
    what: 'no such value',
    why: 'az sends linux in lower case (get_validate_platform in azure-cli); registries do not mind the case.',
  },
  ...['Run', 'RunListResult'].map((name) => ({
    side: 'answer' as const,
    model: `containerregistry.${name}`,
    at: `${name === 'Run' ? '' : '/value/*'}/properties/platform/os`,
    what: 'no such value' as const,
    why: 'A registry shows what az sent: linux in lower case.',
  })),
  ...(['request', 'answer'] as const).map((side) => ({
    side,
    model: 'redisenterprise.Cluster',
    at: '/properties/publicNetworkAccess',
    what: 'unknown' as const,
    why: 'The API 2025-07-01, which the template asks for, has it; the model is of 2025-05-01-preview.',
  })),
  ...['Configuration', 'ConfigurationListResult'].map((name) => ({
    side: 'answer' as const,
    model: `postgresqlflexibleservers.${name}`,
    at: `${name === 'Configuration' ? '' : '/value/*'}/properties/dataType`,
    what: 'no such value' as const,
    why: 'String is a ConfigurationDataType since the API 2025-08-01; the model is of 2025-01-01-preview.',
  })),
  ...['SubscriptionListResult', 'TenantListResult'].map((name) => ({
    side: 'answer' as const,
    model: `subscriptions.${name}`,
    at: '/nextLink',
    what: 'missing' as const,
    why: 'The model calls it required, but the last page of a list has none.',
  })),
]

/** What no model describes. */
export const withoutModel: { path: RegExp; why: string }[] = [
  {
    path: /\/providers\/microsoft\.resources\/operation(s|results)\//,
    why: 'The state of an asynchronous operation is of ARM itself; its poller reads it, and no SDK has a model of it.',
  },
]
