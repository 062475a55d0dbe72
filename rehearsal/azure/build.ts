import { createHash } from 'node:crypto'
import { mkdirSync, renameSync, statSync } from 'node:fs'
import { join, posix } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { extract } from 'tar-stream'
import { hasPythonImage } from './baseImages.ts'
import { type BuildMachine, containerPath, startBuildMachine } from './buildMachine.ts'
import {
  BuildError,
  expand,
  type Instruction,
  parseCommand,
  parseDockerfile,
  parsePairs,
  splitWords,
} from './dockerfile.ts'
import { findImage, type Image, type ImageConfig, imageReference, type Repository } from './images.ts'
import type { World } from './world.ts'

export interface BuildInput {
  name: string
  /** The tar.gz that was uploaded. */
  source: Buffer
  dockerfile: string
  arguments: Record<string, string>
  /** Host of the registry that builds, so that `FROM` finds its own images. */
  loginServer: string
  repositories: Map<string, Repository>
}

/** The Dockerfile inside the context, and the context without it when `az` has added it under a random name. */
async function readDockerfile(source: Buffer, path: string): Promise<string> {
  let found: string | undefined
  const reader = extract()
  reader.on('entry', (header, stream, next) => {
    const parts: Buffer[] = []
    const wanted = posix.normalize(header.name) === posix.normalize(path)
    stream.on('data', (part) => {
      if (wanted) parts.push(part as Buffer)
    })
    stream.on('end', () => {
      if (wanted) found = Buffer.concat(parts).toString('utf8')
      next()
    })
    stream.resume()
  })
  await new Promise<void>((resolve, reject) => {
    reader.on('finish', resolve)
    reader.on('error', reject)
    try {
      reader.end(gunzipSync(source))
    } catch (error) {
      reject(
        new BuildError(
          `unable to extract the source archive: ${error instanceof Error ? error.message : error}`,
        ),
      )
    }
  })
  if (found === undefined)
    throw new BuildError(
      `unable to prepare context: unable to evaluate symlinks in Dockerfile path: ${path}: no such file`,
    )
  return found
}

const emptyConfig = (): ImageConfig => ({
  env: { PATH: containerPath, LANG: 'C.UTF-8' },
  entrypoint: [],
  command: ['python3'],
  workdir: '/',
  user: '',
  ports: [],
  labels: {},
})

/**
 * What a `FROM` may name: a Python image (represented by Debian's Python), or an image in the same registry.
 */
function baseImage(world: World, input: BuildInput, name: string): Image | undefined {
  const { host, repository, reference } = imageReference(name)
  if (host === input.loginServer) {
    const image = findImage(input.repositories, repository, reference)
    if (image) return image
    throw new BuildError(
      `manifest for ${name} not found: manifest unknown: manifest tagged by "${reference}" is not found`,
    )
  }
  if (host === 'docker.io' && world.faults.has('docker-hub-limit'))
    throw new BuildError(
      'toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit',
    )
  const python = hasPythonImage(name)
  if (python) return undefined
  if (python === false)
    throw new BuildError(
      `manifest for ${name} not found: manifest unknown: manifest tagged by "${reference}" is not found`,
    )
  throw new BuildError(
    `manifest for ${name} not found: manifest unknown. The rehearsal builds on Python images (mcr.microsoft.com/…/python) ` +
      `and on images of ${input.loginServer}.`,
  )
}

interface BuildState {
  config: ImageConfig
  /** ARG values; an ENV with the same name takes precedence. */
  values: Record<string, string>
  commandSet: boolean
}

function getFlags(text: string): { flags: Record<string, string>; list: string[] } {
  const flags: Record<string, string> = {}
  let rest = text
  for (;;) {
    const match = /^--([a-z]+)=(\S+)\s+/.exec(rest)
    if (!match) break
    flags[match[1]!] = match[2]!
    rest = rest.slice(match[0].length)
  }
  const list = rest.startsWith('[') ? (JSON.parse(rest) as string[]) : splitWords(rest)
  return { flags, list }
}

async function copy(machine: BuildMachine, step: Instruction, state: BuildState): Promise<void> {
  const { flags, list } = getFlags(step.text)
  for (const flag of Object.keys(flags))
    if (!['chown', 'chmod', 'link'].includes(flag))
      throw new BuildError(
        `dockerfile line ${step.line}: the rehearsal's builder does not support ${step.name} --${flag}`,
      )
  const values = { ...state.values, ...state.config.env }
  const paths = list.map((each) => expand(each, values))
  const target = paths.pop()
  if (!target || paths.length === 0)
    throw new BuildError(`dockerfile line ${step.line}: ${step.name} requires at least two arguments`)
  const special = step.name === 'ADD' && paths.find((each) => /^[a-z]+:\/\/|\.(tar|tgz|tar\.\w+)$/.test(each))
  if (special)
    throw new BuildError(
      `dockerfile line ${step.line}: the rehearsal's builder does not support ADD of archives or URLs (${special})`,
    )
  const whole = posix.resolve(state.config.workdir, target) + (/(\/|^\.)$/.test(target) ? '/' : '')
  await machine.copy(paths, whole, flags.chown, flags.chmod)
}

async function runStep(
  machine: BuildMachine,
  step: Instruction,
  state: BuildState,
  log: (text: string) => void,
) {
  const { text } = { text: step.text.replace(/^(--\w+=\S+\s+)+/, '') }
  const argv = parseCommand(text)
  const code = await machine.run(
    argv,
    { env: { ...state.values, ...state.config.env }, cwd: state.config.workdir, user: state.config.user },
    log,
  )
  if (code !== 0) throw new BuildError(`The command '${argv.join(' ')}' returned a non-zero code: ${code}`)
}

async function carryOut(
  machine: BuildMachine,
  step: Instruction,
  state: BuildState,
  given: Record<string, string>,
  log: (text: string) => void,
) {
  const { config } = state
  const expanded = () => expand(step.text, { ...state.values, ...config.env })
  switch (step.name) {
    case 'ARG':
      for (const [name, value] of parsePairs(step.text.includes('=') ? expanded() : `${step.text}=`))
        state.values[name] = given[name] ?? value
      return
    case 'ENV':
      for (const [name, value] of parsePairs(expanded())) config.env[name] = value
      return
    case 'LABEL':
      for (const [name, value] of parsePairs(expanded())) config.labels[name] = value
      return
    case 'EXPOSE':
      config.ports.push(...splitWords(expanded()))
      return
    case 'WORKDIR':
      config.workdir = posix.resolve(config.workdir, expanded())
      await machine.run(['mkdir', '-p', config.workdir], { env: {}, cwd: '/', user: '' }, log)
      return
    case 'USER':
      config.user = expanded()
      return
    case 'CMD':
      config.command = parseCommand(step.text)
      state.commandSet = true
      return
    case 'ENTRYPOINT':
      config.entrypoint = parseCommand(step.text)
      if (!state.commandSet) config.command = []
      return
    case 'COPY':
    case 'ADD':
      return copy(machine, step, state)
    case 'RUN':
      return runStep(machine, step, state, log)
    case 'VOLUME':
    case 'STOPSIGNAL':
    case 'MAINTAINER':
      return
    case 'HEALTHCHECK':
      log(' ---> [Warning] Azure Container Instances does not use HEALTHCHECK; its own probes do that.\n')
      return
    default:
      throw new BuildError(
        `dockerfile line ${step.line}: the rehearsal's builder does not support ${step.name} here`,
      )
  }
}

/** Builds an image from an uploaded context: the Dockerfile's steps, one after the other, in a separate machine. */
export async function buildImage(
  world: World,
  input: BuildInput,
  log: (text: string) => void,
): Promise<Image> {
  const text = await readDockerfile(input.source, input.dockerfile)
  const steps = parseDockerfile(text)
  if (steps.filter(({ name }) => name === 'FROM').length > 1)
    throw new BuildError("the rehearsal's builder does not support multi-stage builds (more than one FROM)")
  const state: BuildState = { config: emptyConfig(), values: {}, commandSet: false }
  const from = steps.find(({ name }) => name === 'FROM')!
  for (const step of steps.slice(0, steps.indexOf(from)))
    for (const [name, value] of parsePairs(step.text.includes('=') ? step.text : `${step.text}=`))
      state.values[name] = input.arguments[name] ?? value
  const name = expand(from.text.replace(/^--platform=\S+\s+/, '').split(/\s+/)[0]!, state.values)
  const base = baseImage(world, input, name)
  if (base) state.config = structuredClone(base.config)
  const machine = await startBuildMachine(world, input.name, input.source, base)
  try {
    // `az` puts the Dockerfile into the archive under a random name; it is not part of the content.
    if (/^[0-9a-f]{32}_/.test(input.dockerfile))
      await machine.run(
        ['rm', '-f', `/tmp/context/${input.dockerfile}`],
        { env: {}, cwd: '/', user: '' },
        log,
      )
    for (const [index, step] of steps.entries()) {
      log(`Step ${index + 1}/${steps.length} : ${step.name} ${step.text}\n`)
      if (index > steps.indexOf(from)) await carryOut(machine, step, state, input.arguments, log)
      log(` ---> ${createHash('sha256').update(`${index}${step.text}`).digest('hex').slice(0, 12)}\n`)
    }
    const folder = join(world.folder, 'images')
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const temporary = join(folder, `${input.name}.tar`)
    const { content, removed } = await machine.snapshot(temporary)
    const digest = `sha256:${createHash('sha256')
      .update(JSON.stringify([content, removed, name, state.config]))
      .digest('hex')}`
    const archive = join(folder, `${digest.slice(7)}.tar`)
    renameSync(temporary, archive)
    const { size } = statSync(archive)
    return { digest, config: state.config, archive, removed, size, createdAt: new Date() }
  } finally {
    await machine.stop()
  }
}
