import { formatScriptLine } from '../../config/config.ts'
import type { VpsContext } from '../../tasks/task.ts'
import {
  type AskIpv6,
  expandIpv6,
  formatManualSteps,
  getPublicIpv4,
  inspectRecords,
} from '../../vps/dns/records.ts'
import { type Check, fail, pass, type QuickContext, type Result, warn } from '../check.ts'

/**
 * The records of both names. Only the VPS knows whether an AAAA record is its own. This check uses no ssh, so it uses the
 * addresses that this machine last saw there.
 */
export const dns: Check<QuickContext> = {
  id: 'dns',
  title: 'DNS',
  tags: ['health', 'verify', 'ionos'],
  needs: 'nothing',
  // The name server may be this machine.
  showsNetwork: false,
  silence: 'UNKNOWN',
  run: ({ context }) =>
    judgeRecords(context, async (each) => {
      const seen = (await import('../../vps/serverState.ts')).getRememberedIpv6(each)
      const wanted = each.server.publicIpv6
      // The VPS may have got the address since this machine last saw it.
      return wanted && !seen?.includes(expandIpv6(wanted)) ? undefined : seen
    }),
}

/** Both names point to the VPS and nowhere else. */
export const dnsRecords: Check = {
  id: 'dns-records',
  title: 'A records',
  tags: ['doctor', 'dns'],
  needs: 'nothing',
  advice: () => formatScriptLine('point-dns'),
  run: ({ context }) =>
    judgeRecords(context, async (each) => (await import('../../vps/serverState.ts')).readOwnIpv6(each)),
}

async function judgeRecords(context: VpsContext, askIpv6: AskIpv6): Promise<Result> {
  const { config } = context
  const faults = await inspectRecords(context, askIpv6)
  if (faults.length === 0) return pass(`both names point at ${getPublicIpv4(config).join(' and ')}`)
  const detail = faults.map(({ message }) => message).join('; ')
  if (faults.some(({ unsure, mild }) => !unsure && !mild)) return fail(detail, formatManualSteps(config))
  return faults.some(({ unsure }) => unsure)
    ? warn(detail, `Ask the VPS: ${formatScriptLine('doctor', '--only', 'dns')}`)
    : warn(detail, `Visitors use IPv4 until it is set: ${formatScriptLine('point-dns')}`)
}
