import { exitCode, OpsError } from './errors.ts'

/** As monitoring plugins say it. */
export type Verdict = 'OK' | 'WARNING' | 'CRITICAL' | 'UNKNOWN'

/** How one thing is, and what that rests on. */
export interface Judged {
  verdict: Verdict
  detail: string
  /** What to do, where it is not OK. */
  next?: string | undefined
}

/** One line of a check. */
export interface Finding extends Judged {
  id: string
  title: string
}

/** The worst of them; UNKNOWN counts less than what is known to be wrong. */
export function worstVerdict(findings: readonly Pick<Judged, 'verdict'>[]): Verdict {
  const order: Verdict[] = ['CRITICAL', 'WARNING', 'UNKNOWN', 'OK']
  return order.find((verdict) => findings.some((each) => each.verdict === verdict)) ?? 'UNKNOWN'
}

/** A fault that many things share is told once: the others name where. */
export function getDetail({ verdict, detail }: Finding, earlier: readonly Finding[]): string {
  const same = earlier.find((each) => verdict !== 'OK' && each.detail === detail)
  return same ? `for the same reason as ${same.title}` : detail
}

/** Something that is known to be absent or wrong is CRITICAL; something that cannot be known is UNKNOWN. */
export function judgedFailure(thrown: unknown): Judged {
  if (!(thrown instanceof OpsError))
    return { verdict: 'UNKNOWN', detail: thrown instanceof Error ? thrown.message : String(thrown) }
  const { what, said, next } = thrown.failure
  const known = thrown.exitCode === exitCode.failed || thrown.exitCode === exitCode.usage
  const words = said?.trim().split('\n')[0]
  return {
    verdict: known ? 'CRITICAL' : 'UNKNOWN',
    detail: words ? `${what}: ${words}` : what,
    next,
  }
}
