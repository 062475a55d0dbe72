import { type Config, formatScriptLine } from '../../config/config.ts'
import {
  findFaults,
  formatManualSteps,
  getPublicAddress,
  type Records,
  readRecords,
} from '../../vps/dns/records.ts'
import { type Check, fail, pass, type QuickContext, type Result } from '../check.ts'

/** The A records of both names. Only the VPS knows whether an AAAA record is its own, so doctor asks it. */
export const dns: Check<QuickContext> = {
  id: 'dns',
  title: 'DNS',
  tags: ['health', 'verify', 'ionos'],
  needs: 'nothing',
  // The name server may be this machine.
  showsNetwork: false,
  silence: 'UNKNOWN',
  async run({ context: { config } }) {
    const records = await readRecords(config)
    return judgeRecords(
      config,
      records.map((record) => ({ ...record, ipv6: [] })),
    )
  },
}

/** Both names point to the VPS and nowhere else. */
export const dnsRecords: Check = {
  id: 'dns-records',
  title: 'A records',
  tags: ['doctor', 'dns'],
  needs: 'nothing',
  advice: () => formatScriptLine('point-dns'),
  async run({ context }) {
    const records = await readRecords(context.config)
    const hasIpv6 = records.some(({ ipv6 }) => ipv6.length > 0)
    if (!hasIpv6) return judgeRecords(context.config, records)
    const { inspectServer } = await import('../../vps/serverState.ts')
    return judgeRecords(context.config, records, (await inspectServer(context)).ipv6Addresses)
  },
}

function judgeRecords(config: Config, records: readonly Records[], ownIpv6: readonly string[] = []): Result {
  const address = getPublicAddress(config)
  const faults = findFaults(records, address, ownIpv6)
  return faults.length === 0
    ? pass(`both names point at ${address}`)
    : fail(faults.map(({ message }) => message).join('; '), formatManualSteps(config))
}
