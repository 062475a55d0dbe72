import { loginTask } from '../azure/account.ts'
import { type Azure, createAzure } from '../azure/client.ts'
import { containerTasks, type ReleaseOptions } from '../azure/containers/release.ts'
import { dataTierTasks } from '../azure/dataTier.ts'
import { type Image, type ImageOptions, imageTask } from '../azure/image.ts'
import { secretsTask } from '../azure/secrets.ts'
import { formatScriptLine } from '../config/pasteLine.ts'
import { migrationTask } from '../database/migrations.ts'
import type { Context } from '../tasks/context.ts'
import { ok, type Task } from '../tasks/task.ts'
import { OpsError } from '../util/errors.ts'
import { imageMarks } from './badReleaseWarnings.ts'

export type AzureOptions = Omit<ReleaseOptions, 'image'> & ImageOptions

/** The core: login, data tier, tables, image, containers. */
export function azureList(
  context: Context,
  azure: Azure,
  { quick = false, marks, ...release }: AzureOptions,
): { steps: Task[]; image: Image } {
  const { step, image } = imageTask(context, azure, { quick, marks })
  const steps = [
    containerSecrets(context),
    loginTask(context, azure.account),
    ...dataTierTasks(context, azure),
    migrationTask(context),
    step,
    ...containerTasks(context, azure, { image, ...release }),
  ]
  return { steps, image }
}

/** `provision`: the data tier and its tables. */
export function provisionList(context: Context): Task[] {
  const azure = createAzure(context)
  return [
    secretsTask(context, [context.config.postgres.password]),
    loginTask(context, azure.account),
    ...dataTierTasks(context, azure),
    migrationTask(context),
  ]
}

/** `build-image`: needs the registry, makes nothing else. */
export function imageList(context: Context): Task[] {
  const azure = createAzure(context)
  return [loginTask(context, azure.account), registryIsThere(context, azure), imageTask(context, azure).step]
}

/** `release-containers`: the image that exists, to backend and workers. */
export function releaseList(
  context: Context,
  { quick = false, ...release }: Omit<AzureOptions, 'marks'>,
): Task[] {
  const azure = createAzure(context)
  const { step, image } = imageTask(context, azure, { quick, marks: imageMarks(context) })
  const containers = containerTasks(context, azure, { image, ...release })
  return [
    containerSecrets(context),
    loginTask(context, azure.account),
    registryIsThere(context, azure),
    existingOnly(step),
    ...containers,
  ]
}

/** What both containers are given. */
export const containerSecrets = (context: Context): Task =>
  secretsTask(context, [context.config.postgres.password, context.config.backend.secretKey])

/** A release switches nginx to and fro, so nginx must have got its configuration of this run before it begins. */
export const afterNginx = (steps: readonly Task[]): Task[] =>
  steps.map((step) =>
    step.id === 'backend' ? { ...step, after: [...(step.after ?? []), 'nginx-https'] } : step,
  )

export const registryIsThere = ({ config }: Context, azure: Azure): Task => ({
  id: 'registry',
  title: 'Container registry',
  part: 'azure',
  after: ['azure-login'],
  async inspect() {
    if (await azure.registry()) return ok(`${config.azure.registry} is there`)
    throw new OpsError({
      what: `There is no registry ${config.azure.registry}`,
      next: `${formatScriptLine('provision')}   (it makes one)`,
    })
  },
})

/** The same step, but a missing image is an error instead of a build. */
const existingOnly = (step: Task): Task => ({
  ...step,
  async inspect(ahead) {
    const difference = await step.inspect(ahead)
    if (difference.state === 'ok') return difference
    throw new OpsError({
      what: 'There is no image of these sources in the registry',
      next: `${formatScriptLine('build-image')}   (or --quick for the newest one there is)`,
    })
  },
})
