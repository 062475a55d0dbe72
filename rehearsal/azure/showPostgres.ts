import type { Bag } from './json.ts'
import type { Resource, World } from './world.ts'

/** A flexible server as GET shows it. */
export function showPostgres(world: World, resource: Resource): Bag {
  const { properties, sku } = resource.wanted
  const running = resource.runtime.server?.running()
  const states: Record<string, string> = { Creating: 'Starting', Updating: 'Updating', Deleting: 'Dropping' }
  return {
    sku,
    systemData: { createdAt: resource.createdAt.toISOString() },
    properties: {
      administratorLogin: properties.administratorLogin,
      version: properties.version,
      // The version that is actually running: Debian's, which may differ from the one in the template.
      minorVersion: resource.runtime.server?.version() ?? '',
      state:
        world.faults.get('postgres-state')?.state ??
        resource.runtime.shown ??
        states[resource.state] ??
        (running ? 'Ready' : 'Stopped'),
      fullyQualifiedDomainName: `${resource.name}.postgres.database.azure.com`,
      storage: { autoGrow: 'Disabled', iops: 120, tier: 'P4', ...properties.storage },
      backup: {
        geoRedundantBackup: 'Disabled',
        ...properties.backup,
        earliestRestoreDate: resource.runtime.backups?.[0]?.completed ?? resource.createdAt.toISOString(),
      },
      network: { publicNetworkAccess: 'Enabled', ...properties.network },
      highAvailability: { mode: 'Disabled', state: 'NotEnabled', ...properties.highAvailability },
      authConfig: { activeDirectoryAuth: 'Disabled', passwordAuth: 'Enabled', ...properties.authConfig },
      availabilityZone: properties.availabilityZone ?? '1',
      replicationRole: 'Primary',
      replicaCapacity: 5,
    },
  }
}
