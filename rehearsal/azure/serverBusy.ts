import { refuse } from './errors.ts'
import { counted } from './faults.ts'
import { getParent, listChildren } from './resources.ts'
import type { Request } from './types.ts'
import type { Resource, World } from './world.ts'

const settlingMs = 10_000

/** Called when an operation on the server itself has ended: the server is still busy internally for a while. */
export function startSettling(server: Resource): void {
  server.runtime.settlingUntil = Date.now() + settlingMs
}

/** Throws while an operation on the server or on a child other than `except` is in progress. */
export function requireIdle(world: World, server: Resource, except?: string): void {
  const working = [server, ...listChildren(world, server)].some(
    ({ id, state }) => id !== except && ['Creating', 'Updating', 'Deleting'].includes(state),
  )
  if (working) throw refuse('serverBusy', { name: server.name })
}

/**
 * A server works on one child at a time and refuses a parameter immediately after an operation on itself.
 * Sources: Azure/azure-postgresql#134 and Azure/bicep-types-az#1507 (a `configurations` resource behind the
 * server usually fails); avm/res/db-for-postgre-sql/flexible-server in Azure/bicep-registry-modules
 * (database, firewall rules and parameters one after the other are accepted).
 */
export function checkServerFree(world: World, { address }: Request, parameter = false): void {
  const server = getParent(world, address)
  if (!server) return
  const settling = parameter && (server.runtime.settlingUntil ?? 0) > Date.now()
  const forced = /databases$/.test(address.type) && counted(world, 'postgres-busy') !== undefined
  if (settling || forced) throw refuse('serverBusy', { name: server.name })
  requireIdle(world, server, address.id)
  // Any later operation waits until this one has ended, and by then the server is ready again.
  if (!parameter) server.runtime.settlingUntil = 0
}
