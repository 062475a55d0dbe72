/** What the probes have in common that need a login: az, ssh, or the database's password. */
export const coreProbe = {
  group: 'core',
  quick: false,
  visible: false,
  hiddenByMaintenance: false,
  showsNetwork: true,
  timeoutMs: 30_000,
  silence: 'UNKNOWN',
} as const
