import { type Azure, createAzure } from '../azure/client.ts'
import { ownGroups } from '../azure/remove.ts'
import type { CommonFlags, Run } from '../cli/defineScript.ts'
import { confirmName } from '../cli/prompt.ts'
import {
  findSharedWithOthers,
  getSeparateConfig,
  readOthers,
  type SharedWith,
} from '../config/environments.ts'
import type { ShareKind } from '../config/schema.ts'
import { monthlyEstimate } from '../cost/estimate.ts'
import { type Context, ok, type Task } from '../tasks/task.ts'
import { getMessage, usageError } from '../util/errors.ts'
import { formatCount } from '../util/format.ts'
import { listSiteParts } from '../vps/remove.ts'
import { inspectServer } from '../vps/serverState.ts'
import { withContext } from './context.ts'
import { assertUnlocked } from './lock.ts'

export interface RemoveFlags extends CommonFlags {
  confirm?: string
  skipAzure?: boolean
  skipIonos?: boolean
}

/** What stays because another environment names it, by kind. */
type Staying = ReadonlyMap<ShareKind, SharedWith>

/** What another environment names, too, whatever SHARES says. Throws (exit 2) when one of the files cannot be read. */
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

/** Shows what would be lost and its cost, and prompts for the domain. Throws (exit 2), nothing changed, without it. */
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
  const { postgres, redis, azure: names } = context.config
  const azure = createAzure(context)
  const goes = (kind: ShareKind) => !staying.has(kind) && !(kind === 'site' ? skipIonos : skipAzure)
  const describe = async <Value>(what: string, ask: () => Promise<Value>, text: (value: Value) => string) =>
    `${what}: ${await ask().then(text, (thrown) => `not known (${getMessage(thrown)})`)}`
  const list = (words: readonly string[]) => words.join(', ') || 'nothing'
  const lines = await Promise.all([
    goes('site') && describe('VPS', async () => listSiteParts(await inspectServer(context)), list),
    goes('containers') && describe('Containers', () => ownGroups(azure), list),
    goes('postgres') &&
      describe(
        'Database',
        () => azure.database(),
        (there) => (there ? `${postgres.server} with every row and its own backups` : 'nothing'),
      ),
    goes('redis') &&
      describe(
        'Redis',
        () => azure.redis(),
        (there) => (there ? `${redis.name} with its queue` : 'nothing'),
      ),
    goes('registry') &&
      describe(
        'Images',
        async () => ((await azure.registry()) ? azure.tags() : []),
        (all) => (all.length === 0 ? 'nothing' : `${formatCount(all.length, 'image')} in ${names.registry}`),
      ),
    describe(
      'It costs',
      () => monthlyEstimate(context),
      ({ known, total }) =>
        `about $${known.toFixed(2)} a month${total === null ? ', and parts that are not known' : ''}; the VPS and the domain go on costing until you cancel them`,
    ),
  ])
  return [
    ...lines.filter((line) => line !== false),
    ...[...staying.values()].map(stays),
    ...(staying.has('postgres') && !staying.has('database')
      ? [`Database ${postgres.database} on that server: not removed, drop it by hand when nobody needs it`]
      : []),
    'Dumps, receipts, the configuration and the resource group stay.',
  ]
}
