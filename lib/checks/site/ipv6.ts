import { formatKeyFile, formatScriptLine } from '../../config/config.ts'
import { worstVerdict } from '../../util/verdict.ts'
import { readRecords } from '../../vps/dns/records.ts'
import { type Check, pass, type QuickContext, type Result, warn } from '../check.ts'
import { getRootCause, unanswered } from '../connectionErrors.ts'
import { isIpv6Target, reachesAny } from '../ownNetwork.ts'
import { get, judgeResponse } from './http.ts'

/** Leaves time for the neutral targets within the time limit of `health`. */
const patienceMs = 5000

/**
 * Every AAAA record of both names leads to the site. Browsers and the CA prefer IPv6, but most checks use IPv4, as many
 * machines have nothing else. Where this machine has no IPv6, the check says so and passes.
 */
export const siteOverIpv6: Check<QuickContext> = {
  id: 'ipv6',
  title: 'Site over IPv6',
  tags: ['health', 'verify', 'doctor', 'ports', 'ionos'],
  needs: 'nothing',
  hiddenByMaintenance: true,
  // It says nothing about this machine's IPv4.
  showsNetwork: false,
  silence: 'UNKNOWN',
  advice: () =>
    `Visitors with IPv6 reach nothing there. Check that the IONOS firewall policy admits ports 80 and 443 over IPv6, and run ${formatScriptLine('configure-nginx')}; or delete the AAAA records and leave IONOS_PUBLIC_IPV6 empty in ${formatKeyFile('IONOS_PUBLIC_IPV6')}.`,
  async run(checking) {
    const records = await readRecords(checking.context.config)
    const addresses = [...new Set(records.flatMap(({ ipv6 }) => ipv6))]
    if (addresses.length === 0) return pass('no AAAA record, so visitors use IPv4')
    const asked = records.flatMap(({ name, ipv6 }) =>
      ipv6.flatMap((address) =>
        ['https', 'http'].map((scheme) => request(checking, `${scheme}://${name}/`, address)),
      ),
    )
    const answers = await Promise.all(asked)
    const faults = answers.filter(({ verdict }) => verdict !== 'OK')
    if (faults.length === 0) return pass(`${addresses.join(' and ')} answers`)
    if (answers.every(({ silent }) => silent)) {
      const own = await findOwnFault(checking, answers, addresses)
      if (own) return own
    }
    return {
      verdict: worstVerdict(faults),
      detail: [...new Set(faults.map(({ detail }) => detail))].join('; '),
      ...(faults.every(({ maintenance }) => maintenance) ? { maintenance: true } : {}),
    }
  },
}

interface Answer extends Result {
  /** The error of a connection that was not even attempted because there is no route. */
  routeless?: boolean
  code?: string
}

async function request(checking: QuickContext, url: string, address: string): Promise<Answer> {
  const shown = `${url} over IPv6 (${address})`
  try {
    const response = await get(checking, url, { address, timeoutMs: patienceMs })
    const { status } = response
    const isFrontPage = url === `https://${checking.context.config.domain}/`
    const good = isFrontPage ? status === 200 : status < 400
    const fault = good ? undefined : `${shown} answers ${status}`
    return judgeResponse({ id: 'ipv6', hiddenByMaintenance: true, fault }, response, undefined)
  } catch (thrown) {
    const { code = '' } = getRootCause(thrown)
    const { verdict, detail } = unanswered(shown, thrown)
    const routeless = /^(ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL|EAFNOSUPPORT)$/.test(code)
    return {
      verdict,
      detail,
      routeless,
      code,
      ...(routeless || code === 'ETIMEDOUT' ? { silent: true } : {}),
    }
  }
}

/** The result when the silence may be this machine's own: no neutral target answers over IPv6 either. */
async function findOwnFault(
  { context }: QuickContext,
  answers: readonly Answer[],
  addresses: readonly string[],
): Promise<Result | undefined> {
  const targets = context.config.health.neutralTargets.filter(isIpv6Target)
  if (targets.length > 0 && (await reachesAny(context, targets)).reached) return undefined
  // Without a target to compare with, EHOSTUNREACH may be the far side's answer.
  const isOwn = ({ code }: Answer) => targets.length > 0 || code !== 'EHOSTUNREACH'
  if (answers.every((answer) => answer.routeless && isOwn(answer)))
    return pass(`not checked: this machine has no IPv6 (the records name ${addresses.join(' and ')})`)
  const others =
    targets.length > 0 ? `neither does ${targets.join(' or ')}` : 'nothing shows that it has IPv6'
  const next =
    targets.length > 0
      ? 'Check the site over IPv6 from another network.'
      : `Add an IPv6 target, such as [2620:fe::fe]:443, to HEALTH_NEUTRAL_TARGETS in ${formatKeyFile('HEALTH_NEUTRAL_TARGETS')}.`
  // Not UNKNOWN, which would fail every deploy from a network that drops IPv6.
  return {
    ...warn(`${addresses.join(' and ')} does not answer this machine, and ${others}`, next),
    silent: true,
  }
}
