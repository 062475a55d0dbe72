import { assertStrong } from '../config/strength.ts'
import { type Context, ok, type Task } from '../tasks/task.ts'
import { OpsError } from '../util/errors.ts'
import type { Judged } from '../util/verdict.ts'
import { openArm } from './arm.ts'
import { describe, judgeNames, judgeProviders, judgeRegions } from './availability.ts'
import type { Azure } from './client.ts'
import { coresAdvice, judgeContainerCores } from './containers/cores.ts'
import { findDeployed } from './dataTier.ts'
import { isRunning } from './deployment.ts'
import {
  type ContainerGroup,
  containerGroups,
  getWantedNames,
  groupNames,
} from './resources/containerGroups.ts'
import { type DataTier, getDataTier } from './resources/index.ts'
import { postgres } from './resources/postgres.ts'
import type { Asking, AzureResource } from './resources/resource.ts'

/** The resources of the configuration that a run would create. */
export const findMissing = (
  context: Context,
  found: DataTier,
  groups: readonly ContainerGroup[],
): AzureResource[] => [
  ...getDataTier(context.config).filter((part) => {
    const resource = found[part.id]
    // A run deletes an empty one whose creation failed, and creates it again.
    return resource === undefined || part.findFault?.(context.config, resource, '')?.empty === true
  }),
  ...(getWantedNames(context.config).every((wanted) => groups.some(({ name }) => name === wanted))
    ? []
    : [containerGroups]),
]

/**
 * Asks Azure whether it would refuse what this run creates, before any of it exists and is billed. It asks nothing when
 * everything exists. An unreadable answer is reported, and the run continues. A weak secret is refused for a new server and a
 * new backend only: replacing one that is in use takes a moment that the operator chooses.
 * @param containers whether the run creates the containers, too
 */
export const preflightTask = (
  context: Context,
  azure: Azure,
  { login, containers }: { login: Task; containers: boolean },
): Task => ({
  id: 'preflight',
  title: 'Preflight check',
  part: 'azure',
  after: [login],
  async inspect() {
    const { config } = context
    const [{ state, found }, groups] = await Promise.all([
      findDeployed(context, azure),
      containers ? azure.groups() : [],
    ])
    if (isRunning(state)) return ok('a deployment is in progress')
    const missing = findMissing(context, found, groups).filter(
      (each) => containers || each !== containerGroups,
    )
    if (missing.length === 0) return ok('nothing needs to be created')
    const isNew = !groups.some(({ name }) => name === groupNames.backend || name === groupNames.surge)
    const secrets = [
      ...(missing.some(({ provider }) => provider === postgres.provider) ? [config.postgres.password] : []),
      ...(missing.includes(containerGroups) && isNew ? [config.backend.secretKey] : []),
    ]
    await assertStrong(secrets, context.runner)
    const asking = { config, arm: openArm(context), subscription: (await azure.account()).id }
    return judge(asking, missing, groups)
  },
})

async function judge(asking: Asking, missing: readonly AzureResource[], groups: readonly ContainerGroup[]) {
  const { config } = asking
  const namespaces = missing.map(({ provider }) => provider)
  const questions = [
    () => judgeProviders(asking, namespaces),
    () => judgeRegions(asking, missing),
    () => judgeNames(asking, missing),
    ...(missing.includes(containerGroups) ? [() => judgeCoresBeforehand(asking, groups)] : []),
  ]
  const answers = await Promise.all(questions.map((question) => question()))
  const refused = answers.filter(({ verdict }) => verdict === 'CRITICAL')
  if (refused.length > 0)
    throw new OpsError({
      what: `Azure would refuse this, so nothing was created: ${refused.map(({ detail }) => detail).join('; ')}`,
      next: refused.flatMap(({ next }) => next ?? []).join('   '),
    })
  const open = answers.filter(({ verdict }) => verdict !== 'OK').map(({ detail }) => detail)
  const later = missing.flatMap((each) => each.unforeseeable?.(config) ?? [])
  return ok(
    [
      ...(open.length > 0 ? open : [`Azure allows ${describe(config, missing)}`]),
      ...(later.length > 0 ? [`only the attempt will show ${later.join(' and ')}`] : []),
    ].join('; '),
  )
}

async function judgeCoresBeforehand(asking: Asking, groups: readonly ContainerGroup[]): Promise<Judged> {
  const { verdict, detail } = await judgeContainerCores(asking, groups)
  return { verdict, detail: `cores for containers: ${detail}`, next: coresAdvice() }
}
