import { homedir } from 'node:os'
import path from 'node:path'
import type { Server, ServerKeys } from './config.ts'
import type { readSettings } from './schema.ts'
import { vpsSettings } from './settings/vps.ts'

const { servers: sections } = vpsSettings
type Sections = typeof sections
type ServerSettings = ReturnType<typeof readSettings>['servers']

/**
 * The servers that serve the site, in the order of `servers` in settings/vps.ts. The first one keeps receipts and marks.
 * A server's name there is its name in plans and in the state folder, so no two have the same.
 */
export function createServers(
  read: ServerSettings,
  settings: Sections = sections,
): readonly [Server, ...Server[]] {
  const names = Object.keys(read) as (keyof ServerSettings)[]
  const [first, ...others] = names.map((name, index): Server => {
    const server = read[name]
    return {
      ...server,
      name,
      label: index === 0 ? 'the VPS' : `the VPS ${name}`,
      keys: listKeys(settings[name]),
      knownHosts: server.knownHosts || path.join(homedir(), '.ssh', 'known_hosts'),
      publicIp: server.publicIp || server.address,
    }
  })
  return [first!, ...others]
}

const listKeys = (settings: Record<keyof ServerKeys, { key: ServerKeys[keyof ServerKeys] }>): ServerKeys =>
  Object.fromEntries(Object.entries(settings).map(([field, { key }]) => [field, key])) as ServerKeys
