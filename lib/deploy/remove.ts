import { loginStep } from '../azure/account.ts'
import { ownGroups, removeAzureSteps } from '../azure/remove.ts'
import { type Azure, createAzure } from '../azure/resources.ts'
import { mustConfirmName } from '../cli/ask.ts'
import type { CommonFlags, Run } from '../cli/script.ts'
import { messageOf } from '../command/errors.ts'
import { type Answer, gather } from '../command/gather.ts'
import { count } from '../command/words.ts'
import { monthlyEstimate } from '../cost/estimate.ts'
import { removeSiteStep, siteParts } from '../ionos/remove.ts'
import { surveyOf } from '../ionos/survey.ts'
import type { Context } from '../steps/context.ts'
import { ok, type Step } from '../steps/step.ts'
import { withContext } from './context.ts'
import { mustBeUnlocked } from './lock.ts'

export interface RemoveFlags extends CommonFlags {
  confirm?: string
  skipAzure?: boolean
  skipIonos?: boolean
}

/** The face first, so that no visitor sees the core break; then the core, containers before what they use. */
export function removeList(context: Context, flags: RemoveFlags): Step[] {
  const azure = createAzure(context)
  const face = flags.skipIonos ? [] : [removeSiteStep(context)]
  if (flags.skipAzure) return face
  const before = ['azure-login', 'azure-parts', ...face.map(({ id }) => id)]
  return [
    loginStep(context, azure.account),
    partsStep(azure),
    ...face.map((step) => ({ ...step, after: ['azure-parts'] })),
    ...removeAzureSteps(context, azure, before),
  ]
}

/** The whole of the core is looked at before the face goes: while Azure is silent the site stays as it is. */
const partsStep = (azure: Azure): Step => ({
  id: 'azure-parts',
  title: 'What is there in Azure',
  part: 'azure',
  after: ['azure-login'],
  async inspect() {
    const [groups, tier] = await Promise.all([azure.groups(), azure.dataTier()])
    const names = [...groups, ...tier].flatMap((each) => (each ? [each.name] : []))
    return ok(names.join(', ') || 'nothing')
  },
})

/**
 * Shows what would be lost and what it costs now, and asks for the domain to be typed.
 * Throws (exit 2) when it was not; nothing has been touched then.
 */
export const confirmRemoval = (run: Run<RemoveFlags>): Promise<number> =>
  withContext(run, 'remove', false, async (context) => {
    const { domain } = context.config
    const [lines] = await Promise.all([losses(context, run.flags), mustBeUnlocked(context)])
    run.story(`This takes down ${domain}:`)
    for (const line of lines) run.story(`  ${line}`)
    await mustConfirmName(run.flags.confirm, domain, 'It cannot be undone.')
    return 0
  })

/** What is there, part by part; a part that cannot be asked says so, and the removal itself will meet it again. */
async function losses(context: Context, { skipAzure, skipIonos }: RemoveFlags): Promise<string[]> {
  const { config } = context
  const azure = createAzure(context)
  const { site, containers, database, redis, tags, cost } = await gather({
    site: async () => (skipIonos ? [] : siteParts(await surveyOf(context))),
    containers: async () => (skipAzure ? [] : ownGroups(azure)),
    database: async () => (skipAzure ? undefined : azure.database()),
    redis: async () => (skipAzure ? undefined : azure.redis()),
    tags: async () => (skipAzure || !(await azure.registry()) ? [] : azure.tags()),
    cost: () => monthlyEstimate(context),
  })
  const told = <Value>(what: string, answer: Answer<Value>, text: (value: Value) => string): string =>
    `${what}: ${answer.failure ? `cannot be told (${messageOf(answer.failure)})` : text(answer.value!)}`
  const list = (words: readonly string[]) => words.join(', ') || 'nothing'
  return [
    ...(skipIonos ? [] : [told('VPS', site, list)]),
    ...(skipAzure
      ? []
      : [
          told('Containers', containers, list),
          told('Database', database, (there) =>
            there ? `${config.postgres.server} with every row and its own backups` : 'nothing',
          ),
          told('Redis', redis, (there) => (there ? `${config.redis.name} with its queue` : 'nothing')),
          told('Images', tags, (all) =>
            all.length === 0 ? 'nothing' : `${count(all.length, 'image')} in ${config.azure.registry}`,
          ),
        ]),
    told(
      'It costs',
      cost,
      ({ known, total }) =>
        `about $${known.toFixed(2)} a month${total === null ? ', and parts that are not known' : ''}; the VPS and the domain go on costing until you cancel them`,
    ),
    'Dumps, receipts, the configuration and the resource group stay.',
  ]
}
