/** The tables that the application lives on; infra/migrations makes them. */
export const applicationTables = ['agents', 'capsules', 'councils', 'metrics', 'workflows'] as const
