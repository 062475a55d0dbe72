import type { Azure } from '../azure/client.ts'
import { getTag } from '../azure/resources/containerGroups.ts'
import { containersRunning } from '../checks/azure/containers.ts'
import { type Observation, select } from '../checks/check.ts'
import { createCheckContext } from '../checks/context.ts'
import { checks as allChecks } from '../checks/list.ts'
import { perServer } from '../checks/perServer.ts'
import {
  assertReachable,
  assertResponding,
  describeFailed,
  describePassed,
  retryChecks,
  retryUntilKnown,
} from '../checks/retry.ts'
import { apiAreas } from '../checks/site/api.ts'
import { servedBackend, servedPages } from '../checks/site/servedRelease.ts'
import { formatScriptLine } from '../config/config.ts'
import { eachServer, type Log, ok, type Task, unknown, type VpsContext } from '../tasks/task.ts'
import { OpsError } from '../util/errors.ts'
import { markBadRelease, readBadReleases, unmarkBadCommand } from '../vps/badReleases.ts'
import { purgeCdn } from '../vps/frontend/purge.ts'
import { logSwitch, pinVerified, type Switched, switchBackCommand } from '../vps/frontend/switch.ts'
import { inspectServer, inspectServers, type ServerState } from '../vps/serverState.ts'
import { readKeptReceipts, receiptsKept } from './receipts/receipts.ts'
import { verifiedReleases } from './rollback/candidates.ts'

export interface VerifyOptions {
  /** Undefined if Azure is not verified. */
  azure: Azure | undefined
  ionos: boolean
  /** The task that made a frontend release live; when all checks pass, the release is pinned as verified. */
  swap?: Task<Switched> | undefined
  after: readonly Task[]
}

/** Verifies what visitors get, and that the backend and the workers run. */
export function verifyTask(context: VpsContext, { azure, ionos, swap, after }: VerifyOptions): Task {
  const checking = createCheckContext(context, azure ? { azure } : {})
  const checks = perServer(context, select(allChecks, 'verify')).filter(
    ({ tags }) => (azure || !tags.includes('azure')) && (ionos || !tags.includes('ionos')),
  )

  /** Throws when the cause is this machine's network or its login. */
  async function assertAnswered(failed: readonly Observation[]): Promise<void> {
    if (ionos) await assertReachable(context)
    if (azure && (!ionos || failed.every(({ probe }) => probe.needs === 'az'))) {
      azure.forget('groups')
      await azure.groups()
    }
  }

  return {
    id: 'verify',
    title: 'Verify',
    part: 'together',
    after,
    async inspect(ahead) {
      if (after.some((task) => ahead.willChange(task))) return unknown('checked after the changes')
      const settled = await retryUntilKnown(checking, checks, { assertAnswered })
      const { failed } = settled
      const seen = failed.length === 0 && settled.hidden === 0 && ionos
      const live = swap && ahead.fact(swap).to
      const kept = seen ? await pinVerified(context, live || undefined) : ''
      if (failed.length === 0) return ok(describePassed(checks, settled) + kept, settled.hidden > 0)
      throw new OpsError({
        what: `${failed.length} of ${checks.length} checks failed`,
        said: describeFailed(failed),
        next: 'Fix what the checks report, then run this command again to verify.',
      })
    },
  }
}

/** Verifies the new image through the site, in the containers, and in the API. */
export function verifyBackendTask(
  context: VpsContext,
  azure: Azure,
  image: Task<{ image: string }>,
  after: readonly Task[],
): Task {
  return {
    id: 'verify-backend',
    title: 'Verify what is served',
    part: 'together',
    after: [image, ...after],
    async inspect(ahead) {
      if (after.some((task) => ahead.willChange(task))) return unknown('checked after the release')
      const tag = getTag(ahead.fact(image).image)
      const checks = perServer(context, [servedBackend(tag), containersRunning, ...apiAreas])
      const settled = await retryUntilKnown(createCheckContext(context, { azure }), checks, { tries: 6 })
      if (settled.failed.length > 0) {
        throw new OpsError({
          what: `${settled.failed.length} of ${checks.length} checks failed with ${tag}`,
          said: describeFailed(settled.failed),
          next: `${formatScriptLine('rollback', 'backend', '--list')}   (lists the releases)`,
        })
      }
      const { backend: marks } = await readBadReleases(context)
      if (settled.hidden > 0 || !marks.has(tag))
        return ok(`${tag}, ${describePassed(checks, settled)}`, settled.hidden > 0)
      return {
        state: 'change',
        what: `${tag} passes its checks, so its bad mark was removed`,
        effects: [unmarkBadCommand(context.server, 'backend', tag)],
      }
    },
  }
}

/**
 * The switch by an earlier run that was interrupted before it verified the result: from the previous release to the
 * live one, if no run has ever verified the live one. Throws when the receipts of the VPS cannot be read.
 */
async function switchedEarlier(context: VpsContext, { live, previous }: ServerState): Promise<Switched> {
  const { kept, answers } = await readKeptReceipts(context, receiptsKept)
  if (answers.vps.failure) throw answers.vps.failure
  const worked = verifiedReleases(kept.map(({ receipt }) => receipt)).frontend.has(live)
  return worked ? { from: '', to: '' } : { from: previous, to: live }
}

/** The live release, and what was wrong with the one before it. */
export interface FrontendVerdict {
  live: string
  /** The switch to undo, and the results of the checks. */
  back?: Switched & { wrong: string }
  /** Set after a rollback. */
  failure?: OpsError
}

/**
 * Verifies that visitors get the live release, complete. If they do not, and this run (or one that was
 * interrupted before this step) switched to it, the task rolls back to the previous release, marks the new
 * one as bad, and fails. Without any answer it concludes nothing and changes nothing.
 */
export function verifyFrontendTask(
  context: VpsContext,
  { swaps, after }: { swaps: readonly Task<Switched>[]; after: readonly Task[] },
): Task<FrontendVerdict> {
  const { server } = context
  const checking = createCheckContext(context)
  const ofPages = select(allChecks, 'verify').filter(({ tags }) => tags.includes('pages'))
  const checksOf = (release: string) => perServer(context, [servedPages(release), ...ofPages])
  const servers = eachServer(context)

  /** Checks the previous release, which is live again, and returns the failure to report. */
  async function checkPrevious(
    { from, to, wrong }: Switched & { wrong: string },
    log: Log,
  ): Promise<OpsError> {
    await purgeCdn(context, log)
    const { failed } = await retryChecks(checking, checksOf(from))
    if (failed.length > 0) {
      return new OpsError({
        what: `Release ${to} fails its checks, and so does release ${from}, which is live again`,
        said: `${wrong}\nrelease ${from}:\n${describeFailed(failed)}`,
        next: `The old release fails too, so neither was marked as bad. Check nginx and DNS: ${formatScriptLine('configure-nginx', '--dry-run')}`,
      })
    }
    await markBadRelease(context, 'frontend', to, wrong)
    return new OpsError({
      what: `Release ${to} fails its checks; release ${from} is live again and passes them`,
      said: wrong,
      next: `Fix the dashboard. Release ${to} is marked as bad: no rollback selects it.`,
    })
  }

  return {
    id: 'verify-frontend',
    title: 'Verify what is served',
    part: 'ionos',
    after: [...swaps, ...after],
    async inspect(ahead) {
      if ([...swaps, ...after].some((task) => ahead.willChange(task)))
        return unknown('checked after the switch')
      const state = await inspectServer(context)
      const { live } = state
      const checks = checksOf(live)
      const settled = await retryChecks(checking, checks)
      const { frontend: marks } = await readBadReleases(context)
      if (settled.failed.length === 0) {
        const kept = settled.hidden === 0 ? await pinVerified(context, live) : ''
        if (settled.hidden > 0 || !marks.has(live)) {
          const words = `release ${live}, ${describePassed(checks, settled)}${kept}`
          return { ...ok(words, settled.hidden > 0), fact: { live } }
        }
        return {
          state: 'change',
          what: `release ${live} passes its checks, so its bad mark was removed`,
          effects: [unmarkBadCommand(server, 'frontend', live)],
          fact: { live },
        }
      }
      await assertResponding(context)
      const wrong = describeFailed(settled.failed)
      const swapped = swaps.map((swap) => ahead.fact(swap)).find((each) => each.from !== each.to)
      const { from, to } = swapped ?? (await switchedEarlier(context, state))
      const has = ({ releases }: ServerState) => releases.some(({ id }) => id === from)
      const back = to === live && from !== live && (await inspectServers(context)).every(has)
      if (back && !marks.has(from)) {
        return {
          state: 'change',
          what: `back to release ${from}: ${settled.failed.length} of ${checks.length} checks failed`,
          fields: [{ name: 'live release', before: to, after: from }],
          effects: servers.map((each) => switchBackCommand(each, from)),
          fact: { live, back: { from, to, wrong } },
        }
      }
      throw new OpsError({
        what: `${settled.failed.length} of ${checks.length} checks failed with release ${live}, which stays live`,
        said: wrong,
        next: back
          ? `Release ${from}, live before, is marked as bad. Fix the dashboard and run this command again.`
          : `${to === live ? 'There is no release to roll back to' : 'This run did not make it live'}. List the releases: ${formatScriptLine('rollback', 'frontend', '--list')}`,
      })
    },
    beforeEach: async () => performance.now(),
    async afterEach({ index, change: { fact } }, started, log) {
      if (fact?.back) logSwitch(servers[index]!, fact.back.from, started as number, log)
    },
    async afterAll({ fact }, log) {
      return fact?.back ? { live: fact.back.from, failure: await checkPrevious(fact.back, log) } : fact
    },
    async verify(fact) {
      if (fact?.failure) throw fact.failure
    },
  }
}
