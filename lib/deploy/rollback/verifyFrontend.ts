import { select } from '../../checks/check.ts'
import { createCheckContext } from '../../checks/context.ts'
import { checks as allChecks } from '../../checks/list.ts'
import { assertResponding, describeFailed, describePassed, retryChecks } from '../../checks/retry.ts'
import { servedPages } from '../../checks/site/servedRelease.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import type { Command } from '../../shell/command.ts'
import type { Context } from '../../tasks/context.ts'
import { type Log, ok, type Task, unknown } from '../../tasks/task.ts'
import { OpsError } from '../../util/errors.ts'
import { badReleases, clearCommand, markBad } from '../../vps/badReleases.ts'
import { keepVerified } from '../../vps/frontend/pin.ts'
import { switchBack, switchBackCommand } from '../../vps/frontend/publish.ts'
import { purgeCdn } from '../../vps/frontend/purge.ts'
import { inspectServer, type ServerState } from '../../vps/serverState.ts'
import { readHistory } from '../receipts/read.ts'
import { receiptsKept } from '../receipts/write.ts'
import { verifiedReleases } from './candidates.ts'

/** Which release was live before this run, and which one it made live. Both '' while it has switched nothing. */
export interface Switched {
  from: string
  to: string
  /** The one that is live as far as was seen. */
  live?: string
}

/** The switch, remembering what it switched. */
export function rememberingSwitch(context: Context, step: Task, switched: Switched): Task {
  return {
    ...step,
    async apply(difference, tell) {
      const { live } = await inspectServer(context)
      await step.apply?.(difference, tell)
      switched.from = live
      switched.to = (await inspectServer(context)).live
    },
  }
}

/**
 * What a run that was cut off between its switch and its look has switched, as far as is left of it: the release before,
 * when no run has ever seen the live one work. Throws when the receipts of the VPS cannot be read.
 */
async function switchedEarlier(context: Context, { live, previous }: ServerState): Promise<Switched> {
  const { kept, answers } = await readHistory(context, receiptsKept)
  if (answers.vps.failure) throw answers.vps.failure
  const worked = verifiedReleases(kept.map(({ receipt }) => receipt)).frontend.has(live)
  return worked ? { from: '', to: '' } : { from: previous, to: live }
}

/**
 * Do visitors get the live release, whole? When they do not, and this run (or one that was cut off before it looked) has
 * switched to it, the step goes back to the release before, marks this one as bad, and fails. Without any answer nothing
 * is concluded and nothing moved.
 */
export function verifyFrontendTask(context: Context, switched: Switched): Task {
  const { config } = context
  const after = ['frontend-switch', 'frontend-purge', 'nginx-https']
  const checking = createCheckContext(context)
  const ofPages = select(allChecks, 'verify').filter(({ tags }) => tags.includes('pages'))
  const checksOf = (release: string) => [servedPages(release), ...ofPages]
  let wrong = ''
  let tried: Switched = { from: '', to: '' }

  /** Runs when the new release is not what it should be; always throws. */
  async function goBack(tell: Log): Promise<never> {
    const { from, to } = tried
    await switchBack(context, from, tell)
    await purgeCdn(context, tell)
    switched.live = from
    const { failed } = await retryChecks(checking, checksOf(from))
    if (failed.length > 0) {
      throw new OpsError({
        what: `Release ${to} does not pass its checks, and release ${from}, which is live again, does not either`,
        said: `${wrong}\nrelease ${from}:\n${describeFailed(failed)}`,
        next: `The pages are hardly the cause, so none was marked as bad. Look at nginx and DNS: ${formatScriptLine('configure-nginx', '--dry-run')}`,
      })
    }
    await markBad(context, 'frontend', to, wrong)
    throw new OpsError({
      what: `Release ${to} does not pass its checks; release ${from} is live again and passes them`,
      said: wrong,
      next: `Mend the dashboard. Release ${to} is marked as bad: nothing rolls back to it.`,
    })
  }

  return {
    id: 'verify-frontend',
    title: 'Verify what is served',
    part: 'ionos',
    after,
    async inspect(ahead) {
      if (after.some((id) => ahead.willChange(id))) return unknown('checked after the switch')
      const survey = await inspectServer(context)
      const { live } = survey
      switched.live = live
      const checks = checksOf(live)
      const settled = await retryChecks(checking, checks)
      const { frontend: marks } = await badReleases(context)
      if (settled.failed.length === 0) {
        const kept = settled.hidden === 0 ? await keepVerified(context, live) : ''
        if (settled.hidden > 0 || !marks.has(live))
          return ok(`release ${live}, ${describePassed(checks, settled)}${kept}`, settled.hidden > 0)
        return {
          state: 'change',
          what: `release ${live} passes its checks: its mark as bad is taken away`,
          effects: [clearCommand(config, 'frontend', live)],
        }
      }
      await assertResponding(context)
      wrong = describeFailed(settled.failed)
      tried = switched.to === '' ? await switchedEarlier(context, survey) : { ...switched }
      const { from, to } = tried
      const back = to === live && from !== live && survey.releases.some(({ id }) => id === from)
      if (back && !marks.has(from)) {
        return {
          state: 'change',
          what: `back to release ${from}: ${settled.failed.length} of ${checks.length} checks failed`,
          fields: [{ name: 'live release', before: to, after: from }],
          effects: [switchBackCommand(config, from)],
        }
      }
      throw new OpsError({
        what: `${settled.failed.length} of ${checks.length} checks failed with release ${live}, which stays live`,
        said: wrong,
        next: back
          ? `Release ${from}, live before, is marked as bad. Mend the dashboard and run the same line again.`
          : `${to === live ? 'There is none to go back to' : 'This run did not make it live'}. What there is: ${formatScriptLine('rollback', 'frontend', '--list')}`,
      })
    },
    async apply(difference, tell) {
      if (wrong !== '') await goBack(tell)
      if (!('effects' in difference)) return
      for (const effect of difference.effects ?? []) await context.runner.run(effect as Command)
    },
  }
}
