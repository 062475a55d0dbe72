import type { Config } from '../config/config.ts'
import type { Host } from '../shell/remote.ts'

/** The VPS as a host that commands run on. */
export const getVps = ({ ionos: { host, port, user, key, knownHosts } }: Config): Host => ({
  name: 'vps',
  label: 'the VPS',
  address: host,
  port,
  user,
  key,
  knownHosts,
})
