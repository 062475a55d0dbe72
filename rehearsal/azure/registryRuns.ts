import { randomBytes, randomUUID } from 'node:crypto'
import { poll } from '../../lib/util/poll.ts'
import { BuildError, buildImage } from './build.ts'
import { ArmError, badRequest, refuse } from './errors.ts'
import { type Call, jsonBody, type Reply } from './http.ts'
import { imageReference, pushImage } from './images.ts'
import type { Bag } from './json.ts'
import { type Resource, type World, waitUsualTime } from './world.ts'

/** Azure's usual time for an image build, in seconds. */
const usualSeconds = 180

/** One quick run of a registry's builder. */
export interface Run {
  id: string
  status: 'Queued' | 'Running' | 'Succeeded' | 'Failed'
  log: string
  createdAt: Date
  startedAt?: Date
  endedAt?: Date
  outputs: Bag[]
  error?: string
}

/** The blob host of the builders; every registry has a separate folder there. */
export const blobHost = 'acrtaskprodeus.blob.core.windows.net'

const getRuns = (registry: Resource): Map<string, Run> => {
  registry.runtime.runs ??= new Map()
  return registry.runtime.runs
}

const logs = new WeakMap<World, Map<string, Run>>()

/** The run whose log is at a path on the blob host. */
export const findRunByLog = (world: World, path: string): Run | undefined => logs.get(world)?.get(path)

function requireTasks(world: World, { name }: Resource): void {
  if (world.faults.has('build-tasks-not-allowed'))
    throw refuse('tasksNotAllowed', { name, subscription: world.subscription.id })
}

export function uploadUrl(world: World, registry: Resource): Reply {
  requireTasks(world, registry)
  const relativePath = `source/${new Date().toISOString().replace(/\D/g, '').slice(0, 12)}/${randomUUID()}.tar.gz`
  const folder = `build-${registry.name.toLowerCase()}`
  const signature = randomBytes(24).toString('base64url')
  // Only the issued address may be written to.
  world.blobs.set(`/${folder}/${relativePath}?${signature}`, Buffer.alloc(0))
  const query = `sv=2019-12-12&sr=b&sig=${signature}&se=2040-01-01&sp=w`
  return {
    status: 200,
    body: { uploadUrl: `https://${blobHost}/${folder}/${relativePath}?${query}`, relativePath },
  }
}

function getSource(world: World, registry: Resource, location: unknown): Buffer {
  const start = `/build-${registry.name.toLowerCase()}/${location}`
  const found = [...world.blobs].find(([path, bytes]) => path.split('?')[0] === start && bytes.length > 0)
  if (found) return found[1]
  throw badRequest(
    'InvalidSourceLocation',
    `The source location '${location}' is not valid: nothing was uploaded there.`,
  )
}

const stamp = (): string => new Date().toISOString().replace('T', ' ').replaceAll('-', '/').slice(0, 19)

function show(registry: Resource, run: Run): Bag {
  return {
    id: `${registry.id}/runs/${run.id}`,
    name: run.id,
    type: 'Microsoft.ContainerRegistry/registries/runs',
    properties: {
      runId: run.id,
      status: run.status,
      provisioningState: ['Failed', 'Succeeded'].includes(run.status) ? run.status : 'Creating',
      runType: 'QuickRun',
      isArchiveEnabled: false,
      createTime: run.createdAt.toISOString(),
      lastUpdatedTime: (run.endedAt ?? run.startedAt ?? run.createdAt).toISOString(),
      startTime: run.startedAt?.toISOString() ?? null,
      finishTime: run.endedAt?.toISOString() ?? null,
      platform: { os: 'linux', architecture: 'amd64' },
      task: null,
      outputImages: run.outputs,
      runErrorMessage: run.error ?? null,
    },
  }
}

export function scheduleRun(world: World, registry: Resource, call: Call): Reply {
  requireTasks(world, registry)
  const body = jsonBody(call)
  if (body.type !== 'DockerBuildRequest')
    throw badRequest('InvalidRunType', `The rehearsal's registry builds Dockerfiles, not '${body.type}'.`)
  const source = getSource(world, registry, body.sourceLocation)
  const runs = getRuns(registry)
  const run: Run = { id: `ca${runs.size + 1}`, status: 'Queued', log: '', createdAt: new Date(), outputs: [] }
  runs.set(run.id, run)
  carryOut(world, registry, run, body, source).catch((error) => {
    run.status = 'Failed'
    run.error = String(error)
  })
  return { status: 200, body: show(registry, run) }
}

async function carryOut(
  world: World,
  registry: Resource,
  run: Run,
  body: Bag,
  source: Buffer,
): Promise<void> {
  const startedAt = Date.now()
  const log = (text: string): void => {
    run.log += text.replace(/\r?\n/g, '\r\n')
  }
  const say = (text: string): void => log(`${stamp()} ${text}\n`)
  const seconds = (): string => `${Math.round((Date.now() - startedAt) / 1000)}s`
  run.status = 'Running'
  run.startedAt = new Date()
  const loginServer = `${registry.name.toLowerCase()}.azurecr.io`
  try {
    say('Downloading source code...')
    say('Finished downloading source code')
    say(`Executing step ID: build. Timeout(sec): ${body.timeout ?? 3600}, Working directory: '', Network: ''`)
    log(`Sending build context to Docker daemon  ${(source.length / 1024).toFixed(1)}kB\n`)
    const image = await buildImage(
      world,
      {
        name: `build-${registry.name.toLowerCase()}-${run.id}`.slice(0, 63),
        source,
        dockerfile: String(body.dockerFilePath ?? 'Dockerfile'),
        arguments: Object.fromEntries((body.arguments ?? []).map((each: Bag) => [each.name, each.value])),
        loginServer,
      },
      log,
    )
    await waitUsualTime(world, usualSeconds, startedAt)
    log(`Successfully built ${image.digest.slice(7, 19)}\n`)
    for (const name of (body.imageNames ?? []) as string[]) {
      const { repository, reference } = imageReference(name.replace('{{.Run.ID}}', run.id))
      log(`Successfully tagged ${loginServer}/${repository}:${reference}\n`)
      if (body.isPushEnabled === false) continue
      say(`Pushing image: ${loginServer}/${repository}:${reference}, attempt 1`)
      pushImage(registry.runtime.repositories, repository, reference, image)
      log(`${reference}: digest: ${image.digest} size: ${image.size}\n`)
      run.outputs.push({ registry: loginServer, repository, tag: reference, digest: image.digest })
    }
    run.endedAt = new Date()
    log(`\nRun ID: ${run.id} was successful after ${seconds()}\n`)
    run.status = 'Succeeded'
  } catch (error) {
    run.endedAt = new Date()
    run.error = error instanceof Error ? error.message : String(error)
    if (!(error instanceof BuildError)) log("The rehearsal's builder failed: ")
    if (!run.log.includes(run.error)) log(`${run.error}\n`)
    say('Container failed during run: build. No retries remaining.')
    log('failed to run step ID: build: exit status 1\n')
    log(`\nRun ID: ${run.id} failed after ${seconds()}. Error: failed during run, err: exit status 1\n`)
    run.status = 'Failed'
  }
}

/**
 * `az acr build --no-logs` sleeps 30 s between its requests, so an answer waits a moment for the end of the
 * run.
 */
export async function runRoute(registry: Resource, id: string): Promise<Reply> {
  const run = runNamed(registry, id)
  await poll(async () => run.endedAt, { intervalMs: 100, timeoutMs: 20_000 })
  return { status: 200, body: show(registry, run) }
}

function runNamed(registry: Resource, id: string): Run {
  const run = getRuns(registry).get(id)
  if (run) return run
  throw new ArmError(
    404,
    'ResourceNotFound',
    `The run '${id}' of the registry '${registry.name}' could not be found.`,
  )
}

export function listRuns(registry: Resource, call: Call): Reply {
  const top = Number(call.query.get('$top') ?? 100)
  const value = [...getRuns(registry).values()]
    .reverse()
    .slice(0, top)
    .map((run) => show(registry, run))
  return { status: 200, body: { value } }
}

export function logLink(world: World, registry: Resource, id: string): Reply {
  const run = runNamed(registry, id)
  const path = `/logs-${registry.name.toLowerCase()}/${id}/rawtext.log`
  const known = logs.get(world) ?? new Map<string, Run>()
  logs.set(world, known)
  known.set(path, run)
  return {
    status: 200,
    body: {
      logLink: `https://${blobHost}${path}?sv=2019-12-12&sr=b&sig=${randomBytes(12).toString('hex')}&sp=r`,
    },
  }
}
