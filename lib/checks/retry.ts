import type { Context, VpsContext } from '../tasks/task.ts'
import { getMessage, OpsError, unknownError } from '../util/errors.ts'
import { poll } from '../util/poll.ts'
import { formatMaintenance } from '../vps/maintenance/page.ts'
import { inspectServer } from '../vps/serverState.ts'
import type { Check, CheckContext, Observation } from './check.ts'
import { reactionTo } from './connectionErrors.ts'
import { hasPassed, runChecks } from './run.ts'

export interface RetriedChecks {
  /** The checks that still fail. */
  failed: Observation[]
  /** How many checks see only the maintenance page, and the description of that maintenance. */
  hidden: number
  planned?: string | undefined
}

/**
 * Runs checks up to `tries` times, with pauses that grow by a second, because a change takes some seconds to
 * become visible.
 */
export async function retryChecks(
  checking: CheckContext,
  checks: readonly Check[],
  tries = 4,
): Promise<RetriedChecks> {
  let last: RetriedChecks = { failed: [], hidden: 0 }
  const attempt = async (): Promise<RetriedChecks | undefined> => {
    const failed = (await runChecks(checks, checking)).filter((each) => !hasPassed(each))
    if (failed.length === 0) return { failed, hidden: 0 }
    const planned = await plannedMaintenance(checking.context)
    const broken = failed.filter(({ probe }) => !(planned && probe.hiddenByMaintenance))
    last = { failed: broken, hidden: failed.length - broken.length, planned }
    return broken.length === 0 ? last : undefined
  }
  return (await poll(attempt, { intervalMs: (turn) => turn * 1000, attempts: tries })) ?? last
}

export const describePassed = (checks: readonly Check[], { hidden, planned }: RetriedChecks): string =>
  hidden === 0
    ? `${checks.length} checks`
    : `${planned}: ${checks.length - hidden} checks; ${hidden} more see only its page until maintenance-mode off`

export const describeFailed = (failed: readonly Observation[]): string =>
  failed.map(({ probe, detail }) => `${probe.id}: ${detail}`).join('\n')

/**
 * `retryChecks` for the last task of a deploy. When checks still fail, `assertAnswered` decides whether that
 * counts: it throws (exit 3 or 4) when the other side does not answer this machine at all. The failed checks
 * are shown in either case.
 */
export async function retryUntilKnown(
  checking: CheckContext,
  checks: readonly Check[],
  {
    tries,
    assertAnswered = () => assertReachable(checking.context),
  }: { tries?: number; assertAnswered?: (failed: readonly Observation[]) => Promise<unknown> } = {},
): Promise<RetriedChecks> {
  const settled = await retryChecks(checking, checks, tries)
  const { failed } = settled
  if (failed.length === 0) return settled
  await assertAnswered(failed).catch((thrown) => {
    if (!(thrown instanceof OpsError)) throw thrown
    const said = [thrown.failure.said, describeFailed(failed)].filter(Boolean).join('\n')
    throw new OpsError({ ...thrown.failure, said })
  })
  return settled
}

/**
 * Throws (exit 3) when the site does not answer this machine at all, because failed checks then prove nothing
 * about the site.
 */
export async function assertResponding(context: Context): Promise<void> {
  const silence = await findSilence(context)
  if (silence !== undefined) throw noAnswer(context, silence)
}

/** The same, but a refused connection or a wrong certificate also counts as an answer. */
export async function assertReachable(context: Context): Promise<void> {
  const silence = await findSilence(context)
  if (silence !== undefined && reactionTo(silence) === undefined) throw noAnswer(context, silence)
}

/** Why the site does not answer; undefined when it does. */
async function findSilence({ config, runner }: Context): Promise<unknown> {
  try {
    const url = `https://${config.domain}/`
    await runner.request({ method: 'HEAD', url, effect: 'read', timeoutMs: 10_000 })
    return undefined
  } catch (thrown) {
    return thrown
  }
}

const noAnswer = ({ config }: Context, silence: unknown): OpsError =>
  unknownError(
    `https://${config.domain}/ does not answer this machine, so it is not known what visitors get`,
    getMessage(silence),
    'Check from another network whether the site answers; then run this command again.',
  )

/**
 * Describes the maintenance that hides the site from its visitors. Undefined when there is none or when the
 * VPS does not answer; a fault then counts as a fault.
 */
async function plannedMaintenance(context: VpsContext): Promise<string | undefined> {
  const server = await inspectServer(context).catch(() => undefined)
  return server?.maintenance && formatMaintenance(server.maintenance)
}
