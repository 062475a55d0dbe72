import { type Azure, createAzure } from '../azure/client.ts'
import { ownGroups } from '../azure/remove.ts'
import { getDataTier } from '../azure/resources/index.ts'
import type { CommonFlags, Run } from '../cli/defineScript.ts'
import { confirmName } from '../cli/prompt.ts'
import { readOthers } from '../config/environments.ts'
import type { ShareKind } from '../config/schema.ts'
import { monthlyEstimate } from '../cost/estimate.ts'
import { type Context, eachServer, formatServer, ok, type Task, type VpsContext } from '../tasks/task.ts'
import { getMessage, usageError } from '../util/errors.ts'
import { listSiteParts } from '../vps/remove.ts'
import { inspectServer } from '../vps/serverState.ts'
import { withContext } from './context.ts'
import { assertUnlocked } from './lock.ts'
import { findSharedWithOthers, getSeparateConfig, type SharedWith } from './separation.ts'

export interface RemoveFlags extends CommonFlags {
  confirm?: string
  skipAzure?: boolean
  skipIonos?: boolean
}

/** What is kept because another environment names it, by kind. */
type Staying = ReadonlyMap<ShareKind, SharedWith>

/** What another environment also names, whatever SHARES says. Throws (exit 2) when one of the files cannot be read. */
export async function readStaying(run: Run<RemoveFlags>): Promise<Staying> {
  const config = await getSeparateConfig(run)
  const others = await readOthers(config)
  const [unreadable] = others.unreadable
  if (unreadable) {
    throw usageError(
      `${unreadable.file} cannot be read, so it is unknown what it names; nothing was removed: ${unreadable.why}`,
      `Fix ${unreadable.file}, or move it to another folder if it is not an environment.`,
    )
  }
  return new Map(findSharedWithOthers(config, others).map((shared) => [shared.kind, shared]))
}

const stays = ({ what, files }: SharedWith): string =>
  `${what}: not removed, also named by ${files.join(', ')}`

/** Why a kind of resource is not removed; undefined when it is. */
export const reasonToStay =
  (staying: Staying) =>
  (kind: ShareKind): string | undefined => {
    const shared = staying.get(kind)
    return shared && stays(shared)
  }

/** Reads all of Azure before the site is removed: if Azure does not answer, the site is kept. */
export const azurePartsTask = ({ config }: Context, azure: Azure, staying: Staying, login: Task): Task => ({
  id: 'azure-parts',
  title: 'What exists in Azure',
  part: 'azure',
  after: [login],
  async inspect() {
    const [groups, tier] = await Promise.all([ownGroups(azure), azure.dataTier()])
    const parts = getDataTier(config).filter(({ shared }) => !staying.has(shared[0].kind))
    const own = [
      ...(staying.has('containers') ? [] : groups),
      ...parts.flatMap(({ id }) => tier[id]?.name ?? []),
    ]
    return ok(own.join(', ') || 'nothing')
  },
})

/**
 * Shows what would be lost and its cost, and prompts for the domain. Throws (exit 2) if it is not typed; nothing has
 * been changed then.
 */
export const confirmRemoval = (run: Run<RemoveFlags>, staying: Staying): Promise<number> =>
  withContext(run, 'remove', false, async (context) => {
    const { domain } = context.config
    const [lines] = await Promise.all([readLosses(context, run.flags, staying), assertUnlocked(context)])
    run.log(`This removes ${domain}:`)
    for (const line of lines) run.log(`  ${line}`)
    await confirmName(run.flags.confirm, domain, 'This cannot be undone.')
    return 0
  })

/** What exists, part by part; the line of an unknown part says so. */
async function readLosses(
  context: VpsContext,
  { skipAzure, skipIonos }: RemoveFlags,
  staying: Staying,
): Promise<string[]> {
  const { config } = context
  const azure = createAzure(context)
  // The images last: they can be built again.
  const parts = getDataTier(config).sort((a, b) => Number(a.id === 'registry') - Number(b.id === 'registry'))
  const goes = (kind: ShareKind) => !staying.has(kind) && !(kind === 'site' ? skipIonos : skipAzure)
  const describe = async <Value>(what: string, ask: () => Promise<Value>, text: (value: Value) => string) =>
    `${what}: ${await ask().then(text, (thrown) => `unknown (${getMessage(thrown)})`)}`
  const list = (words: readonly string[]) => words.join(', ') || 'nothing'
  const lines = await Promise.all([
    ...eachServer(context).map(
      (each) =>
        goes('site') &&
        describe(`VPS${formatServer(each)}`, async () => listSiteParts(await inspectServer(each)), list),
    ),
    goes('containers') && describe('Containers', () => ownGroups(azure), list),
    ...parts.map(({ id, shared: [{ kind }], loss }) => {
      const read = async () => ((await azure[id]()) === undefined ? undefined : loss.describe(config, azure))
      return goes(kind) && describe(loss.title, read, (lost) => lost ?? 'nothing')
    }),
    describe(
      'Cost',
      () => monthlyEstimate(context),
      ({ known, total }) =>
        `about $${known.toFixed(2)} a month${total === null ? ', plus parts with unknown prices' : ''}; the VPS and the domain continue to cost until you cancel them`,
    ),
  ])
  return [
    ...lines.filter((line) => line !== false),
    ...[...staying.values()].map(stays),
    ...(staying.has('postgres') && !staying.has('database')
      ? [
          `Database ${config.postgres.database} on that server: not removed; drop it by hand when nobody needs it`,
        ]
      : []),
    'Dumps, receipts, the configuration and the resource group are kept.',
  ]
}
