import type { PeerCertificate } from 'node:tls'
import type { Limits } from '../../config/config.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import type { Context } from '../../tasks/context.ts'
import type { Judged, Verdict } from '../../util/status.ts'
import { siteNames } from '../../vps/dns/records.ts'
import { unanswered } from '../connectionErrors.ts'
import type { Probe, Reading } from '../probe.ts'
import { byLowLimits } from '../thresholds.ts'
import { get, webProbe } from './http.ts'

/** The certificate that nginx shows: trusted, for both names, and with enough of its lifetime left. */
export const certificateProbe = (context: Context): Probe => ({
  ...webProbe,
  id: 'certificate',
  title: 'Certificate',
  visible: false,
  hiddenByMaintenance: false,
  async ask(signal) {
    const { config } = context
    const url = `https://${config.domain}/`
    try {
      const { certificate } = await get(context, url, signal, { method: 'HEAD' })
      return judgeServed(certificate, siteNames(config), config.health.certificatePercent, Date.now())
    } catch (thrown) {
      return unanswered(url, thrown)
    }
  },
})

const renew = () =>
  `See why it is not renewed (certbot.timer on the VPS); ${formatScriptLine('issue-certificate')} asks for a new one.`

/** By fraction of the lifetime: lifetimes get shorter (64 days from 2027, 45 from 2028 on). */
export function judgeServed(
  certificate: Pick<PeerCertificate, 'subjectaltname' | 'valid_from' | 'valid_to'> | undefined,
  names: readonly string[],
  limits: Limits,
  now: number,
): Reading {
  if (!certificate) return { verdict: 'CRITICAL', detail: 'no certificate was shown' }
  const shown = certificate.subjectaltname ?? ''
  const has = shown.split(', ')
  const missing = names.find((name) => !has.includes(`DNS:${name}`))
  if (missing) return { verdict: 'CRITICAL', detail: `it is not for ${missing} (${shown})` }
  const [from, to] = [Date.parse(certificate.valid_from), Date.parse(certificate.valid_to)]
  const { verdict, percent } = lifetimeLeft({ from, to }, limits, now)
  const figures = [{ name: 'certificate', value: percent, unit: '%', limits }] as const
  if (verdict === 'OK') return { verdict, detail: `for both names, until ${certificate.valid_to}`, figures }
  const detail = `only ${Math.round(percent)} % of its lifetime is left (until ${certificate.valid_to})`
  return { verdict, detail, next: renew(), figures }
}

/** Per cent of a certificate's lifetime that is left, one decimal; 0 when it is over. Times in ms since 1970. */
export function lifetimeLeft(
  { from, to }: { from: number; to: number },
  limits: Limits,
  now: number,
): { verdict: Verdict; percent: number } {
  const percent = Math.max(0, Math.round(((to - now) / (to - from)) * 1000) / 10)
  return { verdict: byLowLimits(percent, limits), percent }
}

export const reloadLine = 'On the VPS: systemctl reload nginx'

/** Renewed on disk while the old one is served is a classic. Serial numbers in hexadecimal. */
export function judgeStored(served: string | undefined, stored: string | undefined): Judged {
  if (served === undefined) return { verdict: 'CRITICAL', detail: 'nginx showed none' }
  if (stored === undefined)
    return { verdict: 'CRITICAL', detail: 'one is served, but none is stored where certbot keeps it' }
  if (served.toUpperCase() === stored.toUpperCase()) return { verdict: 'OK', detail: 'is the stored one' }
  return {
    verdict: 'CRITICAL',
    detail: 'is not the stored one: nginx was not reloaded since it was renewed',
    next: reloadLine,
  }
}
