import type { Config } from '../../config/config.ts'
import type { Context } from '../../tasks/context.ts'
import { byHand, findFaults, publicAddress, readRecords } from '../../vps/dns/records.ts'
import type { Probe } from '../probe.ts'
import { webProbe } from './http.ts'

/** The A records of both names. Whether an AAAA record is the VPS's own, only the VPS knows: doctor asks it. */
export const dnsProbe = ({ config }: Context): Probe => ({
  ...webProbe,
  id: 'dns',
  title: 'DNS',
  visible: false,
  hiddenByMaintenance: false,
  // The name server may be this machine itself.
  showsNetwork: false,
  silence: 'UNKNOWN',
  async ask() {
    const wanted = publicAddress(config)
    const faults = await faultsOfNames(config)
    if (faults.length === 0) return { verdict: 'OK', detail: `both names point at ${wanted}` }
    return { verdict: 'CRITICAL', detail: faults.join('; '), next: byHand(config) }
  },
})

/** What is wrong with the A records, one line a fault. Throws (exit 3) when the name server does not answer. */
export async function faultsOfNames(config: Config): Promise<string[]> {
  const records = await readRecords(config)
  return findFaults(
    records.map((record) => ({ ...record, ipv6: [] })),
    publicAddress(config),
    [],
  )
}
