import { formatScriptLine } from '../../config/pasteLine.ts'
import { byHand, findFaults, publicAddress, readRecords } from '../../vps/dns/records.ts'
import { inspectServer } from '../../vps/serverState.ts'
import { type Check, fail, pass } from './check.ts'

/** Both names lead to the VPS and nowhere else. */
export const dnsRecords: Check = {
  id: 'dns-records',
  title: 'A records',
  category: 'dns',
  get next() {
    return formatScriptLine('point-dns')
  },
  async look({ context }) {
    const { config } = context
    const address = publicAddress(config)
    const records = await readRecords(config)
    const hasIpv6 = records.some(({ ipv6 }) => ipv6.length > 0)
    const own = hasIpv6 ? (await inspectServer(context)).ipv6Addresses : []
    const faults = findFaults(records, address, own)
    return faults.length === 0
      ? pass(`both names point at ${address}`)
      : fail(faults.join('; '), byHand(config))
  },
}
