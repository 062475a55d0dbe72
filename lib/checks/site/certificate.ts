import type { PeerCertificate } from 'node:tls'
import { formatScriptLine, getSiteNames, type Limits } from '../../config/config.ts'
import { byLowLimits, type Check, fail, type QuickContext, type Result } from '../check.ts'
import { unanswered } from '../connectionErrors.ts'
import { get, nginxAdvice } from './http.ts'

/** The certificate that nginx presents: trusted, for both names, and with enough of its lifetime left. */
export const certificate: Check<QuickContext> = {
  id: 'certificate',
  title: 'Certificate',
  tags: ['health', 'verify', 'ionos', 'from-vps'],
  needs: 'nothing',
  advice: nginxAdvice,
  async run(checking) {
    const { config } = checking.context
    const url = `https://${config.domain}/`
    try {
      const { certificate: shown } = await get(checking, url, { method: 'HEAD' })
      return judgeServed(shown, getSiteNames(config), config.health.certificatePercent, Date.now())
    } catch (thrown) {
      return unanswered(url, thrown)
    }
  },
}

/**
 * Evaluates the remaining share of the lifetime, because lifetimes become shorter (64 days from 2027, 45 from
 * 2028).
 */
export function judgeServed(
  shown: Pick<PeerCertificate, 'subjectaltname' | 'valid_from' | 'valid_to'> | undefined,
  names: readonly string[],
  limits: Limits,
  now: number,
): Result {
  if (!shown) return fail('no certificate was presented')
  const has = shown.subjectaltname ?? ''
  const missing = names.find((name) => !has.split(', ').includes(`DNS:${name}`))
  if (missing) return fail(`it is not valid for ${missing} (${has})`)
  const [from, to] = [Date.parse(shown.valid_from), Date.parse(shown.valid_to)]
  const { verdict, percent } = lifetimeLeft({ from, to }, limits, now)
  const figures = [{ name: 'certificate', value: percent, unit: '%', limits }] as const
  if (verdict === 'OK') return { verdict, detail: `valid for both names, until ${shown.valid_to}`, figures }
  const detail = `only ${Math.round(percent)} % of its lifetime is left (until ${shown.valid_to})`
  const next = `Find out why it is not renewed (certbot.timer on the VPS); ${formatScriptLine('issue-certificate')} requests a new one.`
  return { verdict, detail, next, figures }
}

/**
 * The percentage of a certificate's lifetime that is left, with one decimal; 0 when it has expired. Times in
 * ms since 1970.
 */
export function lifetimeLeft({ from, to }: { from: number; to: number }, limits: Limits, now: number) {
  const percent = Math.max(0, Math.round(((to - now) / (to - from)) * 1000) / 10)
  return { verdict: byLowLimits(percent, limits), percent }
}
