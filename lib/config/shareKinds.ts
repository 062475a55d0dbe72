/** What two environments can share, by the names that SHARES takes. */
export const shareKinds = [
  'containers',
  'dns-label',
  'postgres',
  'database',
  'redis',
  'registry',
  'site',
  'dns-records',
] as const
export type ShareKind = (typeof shareKinds)[number]
