import { type Azure, createAzure } from '../azure/client.ts'
import { ownGroups } from '../azure/remove.ts'
import type { CommonFlags, Run } from '../cli/defineScript.ts'
import { confirmName } from '../cli/prompt.ts'
import { findSharedWithOthers, readOthers, type SharedWith } from '../config/environments.ts'
import type { ShareKind } from '../config/schema.ts'
import { monthlyEstimate } from '../cost/estimate.ts'
import type { Context } from '../tasks/context.ts'
import { ok, type Task } from '../tasks/task.ts'
import { type Settled, settleAll } from '../util/concurrency.ts'
import { getMessage, usageError } from '../util/errors.ts'
import { formatCount } from '../util/format.ts'
import { inspectServer } from '../vps/serverState.ts'
import { listSiteParts } from '../vps/uninstall.ts'
import { withContext } from './context.ts'
import { assertUnlocked } from './lock.ts'
import { getSeparateConfig } from './separate.ts'

export interface RemoveFlags extends CommonFlags {
  confirm?: string
  skipAzure?: boolean
  skipIonos?: boolean
}

/** What stays because another environment names it, by kind. */
export type Staying = ReadonlyMap<ShareKind, SharedWith>

/**
 * What another environment of the folder names, too: it stays, even if SHARES allows both to use it.
 * Throws (exit 2) when one of the other files cannot be read, because what it names is unknown.
 */
export async function readStaying(run: Run<RemoveFlags>): Promise<Staying> {
  const config = await getSeparateConfig(run)
  const others = await readOthers(config)
  const [unreadable] = others.unreadable
  if (unreadable) {
    throw usageError(
      `${unreadable.file} cannot be read, so what else it names is not known, and nothing is removed: ${unreadable.why}`,
      `Correct ${unreadable.file}, or move it to another folder if it is no environment.`,
    )
  }
  return new Map(findSharedWithOthers(config, others).map((shared) => [shared.kind, shared]))
}

const stays = ({ what, files }: SharedWith): string =>
  `${what}: not removed, also named by ${files.join(', ')}`

/** Why a kind is not removed; undefined when it is. */
export const reasonToStay =
  (staying: Staying) =>
  (kind: ShareKind): string | undefined => {
    const shared = staying.get(kind)
    return shared && stays(shared)
  }

/** Reads all of Azure before the site is removed: if Azure does not answer, the site stays. */
export const azurePartsTask = (azure: Azure, staying: Staying, login: Task): Task => ({
  id: 'azure-parts',
  title: 'What exists in Azure',
  part: 'azure',
  after: [login],
  async inspect() {
    const [groups, { registry, database, redis }] = await Promise.all([azure.groups(), azure.dataTier()])
    const own = [
      ...(staying.has('containers') ? [] : groups),
      ...(staying.has('registry') ? [] : [registry]),
      ...(staying.has('postgres') ? [] : [database]),
      ...(staying.has('redis') ? [] : [redis]),
    ]
    return ok(own.flatMap((each) => (each ? [each.name] : [])).join(', ') || 'nothing')
  },
})

/**
 * Shows what would be lost and what it costs now, and prompts for the domain.
 * Throws (exit 2) when it is not typed; nothing has been changed then.
 */
export const confirmRemoval = (run: Run<RemoveFlags>, staying: Staying): Promise<number> =>
  withContext(run, 'remove', false, async (context) => {
    const { domain } = context.config
    const [lines] = await Promise.all([losses(context, run.flags, staying), assertUnlocked(context)])
    run.log(`This takes down ${domain}:`)
    for (const line of lines) run.log(`  ${line}`)
    await confirmName(run.flags.confirm, domain, 'It cannot be undone.')
    return 0
  })

/** What exists, part by part; the line of an unknown part says so. */
async function losses(
  context: Context,
  { skipAzure, skipIonos }: RemoveFlags,
  staying: Staying,
): Promise<string[]> {
  const { config } = context
  const azure = createAzure(context)
  const { site, containers, database, redis, tags, cost } = await settleAll({
    site: async () => (skipIonos || staying.has('site') ? [] : listSiteParts(await inspectServer(context))),
    containers: async () => (skipAzure || staying.has('containers') ? [] : ownGroups(azure)),
    database: async () => (skipAzure || staying.has('postgres') ? undefined : azure.database()),
    redis: async () => (skipAzure || staying.has('redis') ? undefined : azure.redis()),
    tags: async () => (skipAzure || staying.has('registry') || !(await azure.registry()) ? [] : azure.tags()),
    cost: () => monthlyEstimate(context),
  })
  const describe = <Value>(what: string, answer: Settled<Value>, text: (value: Value) => string): string =>
    `${what}: ${answer.failure ? `not known (${getMessage(answer.failure)})` : text(answer.value!)}`
  const list = (words: readonly string[]) => words.join(', ') || 'nothing'
  const goes = (part: ShareKind, line: () => string): string[] =>
    skipAzure || staying.has(part) ? [] : [line()]
  return [
    ...(skipIonos || staying.has('site') ? [] : [describe('VPS', site, list)]),
    ...goes('containers', () => describe('Containers', containers, list)),
    ...goes('postgres', () =>
      describe('Database', database, (there) =>
        there ? `${config.postgres.server} with every row and its own backups` : 'nothing',
      ),
    ),
    ...goes('redis', () =>
      describe('Redis', redis, (there) => (there ? `${config.redis.name} with its queue` : 'nothing')),
    ),
    ...goes('registry', () =>
      describe('Images', tags, (all) =>
        all.length === 0 ? 'nothing' : `${formatCount(all.length, 'image')} in ${config.azure.registry}`,
      ),
    ),
    describe(
      'It costs',
      cost,
      ({ known, total }) =>
        `about $${known.toFixed(2)} a month${total === null ? ', and parts that are not known' : ''}; the VPS and the domain go on costing until you cancel them`,
    ),
    ...[...staying.values()].map(stays),
    ...(staying.has('postgres') && !staying.has('database')
      ? [
          `Database ${config.postgres.database} on that server: not removed, drop it by hand when nobody needs it`,
        ]
      : []),
    'Dumps, receipts, the configuration and the resource group stay.',
  ]
}
