import type { Context } from '../../tasks/context.ts'
import { getMessage, OpsError, unknownError } from '../../util/errors.ts'
import { poll } from '../../util/poll.ts'
import { formatUntil } from '../../vps/maintenance/page.ts'
import { inspectServer } from '../../vps/serverState.ts'
import { type Check, type CheckResult, runChecks } from '../check.ts'
import { reactionTo } from '../connectionErrors.ts'

export interface RetriedChecks {
  /** What is wrong for good. */
  failed: CheckResult[]
  /** How many see only the maintenance page, and the words for that maintenance. */
  hidden: number
  planned?: string | undefined
}

/** Looks up to `tries` times, a second longer apart each: a change takes some seconds to be seen everywhere; a fault stays. */
export async function retryChecks(
  context: Context,
  checks: readonly Check[],
  tries = 4,
): Promise<RetriedChecks> {
  let last: RetriedChecks = { failed: [], hidden: 0 }
  const attempt = async (): Promise<RetriedChecks | undefined> => {
    const failed = (await runChecks(checks)).filter(({ ok }) => !ok)
    if (failed.length === 0) return { failed, hidden: 0 }
    const planned = await plannedMaintenance(context)
    const broken = failed.filter((check) => !(planned && hiddenByMaintenance(check)))
    last = { failed: broken, hidden: failed.length - broken.length, planned }
    return broken.length === 0 ? last : undefined
  }
  return (await poll(attempt, { intervalMs: (turn) => turn * 1000, attempts: tries })) ?? last
}

/** What the checks saw, as a step says it. */
export const describePassed = (checks: readonly Check[], { hidden, planned }: RetriedChecks): string =>
  hidden === 0
    ? `${checks.length} checks`
    : `${planned}: ${checks.length - hidden} checks; ${hidden} more see only its page, until maintenance-mode off`

export const describeFailed = (failed: readonly CheckResult[]): string =>
  failed.map(({ id, detail }) => `${id}: ${detail}`).join('\n')

/**
 * `lookUntilGood` for a last look. When something failed for good, `mustHear` is asked whether that says anything: it
 * throws (exit 3 or 4) when the other side gives this machine no answer at all. The failed checks are told either way.
 */
export async function lookUntilKnown(
  context: Context,
  checks: readonly Check[],
  {
    tries,
    mustHear = () => assertReachable(context),
  }: { tries?: number; mustHear?: (failed: readonly CheckResult[]) => Promise<unknown> } = {},
): Promise<RetriedChecks> {
  const settled = await retryChecks(context, checks, tries)
  const { failed } = settled
  if (failed.length === 0) return settled
  await mustHear(failed).catch((thrown) => {
    if (!(thrown instanceof OpsError)) throw thrown
    const said = [thrown.failure.said, describeFailed(failed)].filter(Boolean).join('\n')
    throw new OpsError({ ...thrown.failure, said })
  })
  return settled
}

/** Throws (exit 3) when the site gives this machine no answer at all: then failed checks say nothing about the site. */
export async function assertResponding(context: Context): Promise<void> {
  const silence = await silenceOf(context)
  if (silence !== undefined) throw noAnswer(context, silence)
}

/** The same for who asks for the way to the site, too: a refused connection or a wrong certificate is an answer then. */
export async function assertReachable(context: Context): Promise<void> {
  const silence = await silenceOf(context)
  if (silence !== undefined && reactionTo(silence) === undefined) throw noAnswer(context, silence)
}

/** Why the site gives no answer; undefined when it gives one. */
async function silenceOf({ config, runner }: Context): Promise<unknown> {
  const url = `https://${config.domain}/`
  return runner.request({ method: 'HEAD', url, effect: 'read', timeoutMs: 10_000 }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
}

const noAnswer = ({ config }: Context, silence: unknown): OpsError =>
  unknownError(
    `https://${config.domain}/ gives this machine no answer, so nothing can be said about what visitors get`,
    getMessage(silence),
    'See whether the site is there from another network; then run the same line again.',
  )

/**
 * The maintenance that hides the site from its visitors, in words; undefined when there is none, or when the VPS does
 * not answer: then a fault is a fault.
 */
export async function plannedMaintenance(context: Context): Promise<string | undefined> {
  const survey = await inspectServer(context).catch(() => undefined)
  return survey?.maintenance && formatUntil(survey.maintenance)
}

const hidden = ['site-https', 'not-found', 'pages', 'worker-job']

/** Does maintenance mode alone make this check fail? It asks what visitors ask, and gets the maintenance page. */
export const hiddenByMaintenance = ({ id }: { id: string }): boolean =>
  hidden.includes(id) || id.startsWith('api-')
