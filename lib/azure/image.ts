import { createHash } from 'node:crypto'
import { constants, existsSync } from 'node:fs'
import { lstat, readlink } from 'node:fs/promises'
import path from 'node:path'
import { type Config, formatAzLine, formatKeyFile, formatScriptLine } from '../config/config.ts'
import type { Command } from '../shell/command.ts'
import { joinToPaste, quoteToPaste } from '../shell/quote.ts'
import { type Context, ok, type Task } from '../tasks/task.ts'
import { exitCode, type Failure, getMessage, OpsError, usageError } from '../util/errors.ts'
import { sha256OfFile } from '../util/files.ts'
import { formatUtc } from '../util/time.ts'
import { type Packed, packedFiles } from './buildContext.ts'
import { az } from './cli.ts'
import type { Azure } from './client.ts'
import { explainBuild } from './errors.ts'
import { getTag } from './resources/containerGroups.ts'
import { getImageName, repository, type Tag } from './resources/registry.ts'
import { assertNoSecretFiles } from './secretFiles.ts'

export interface Image {
  /** registry.azurecr.io/codex-backend:tag */
  image: string
  /** '' until the image has been built. */
  digest: string
}

/**
 * The tag of the sources: `src-` and 12 hex digits of a SHA-256 over what `az acr build` would send: the Dockerfile's name
 * and content, and of each packed path its kind and content, executable bit or link target. Equal sources have one tag; a
 * tag never means anything else. The other permission bits are not counted: they follow the umask of the checkout.
 * Throws (exit 2) when the folder or the Dockerfile does not exist, or when az cannot pack them.
 */
export async function sourceTag({ backend: { dir, dockerfile } }: Config): Promise<string> {
  if (!existsSync(dir))
    throw usageError(`No backend found in ${dir}`, `Set BACKEND_DIR in ${formatKeyFile('BACKEND_DIR')}.`)
  const recipe = await lstat(path.join(dir, dockerfile)).catch(() => undefined)
  if (!recipe)
    throw usageError(
      `${dockerfile} not found in ${dir}`,
      `Set BACKEND_DOCKERFILE in ${formatKeyFile('BACKEND_DOCKERFILE')}.`,
    )
  if (!recipe.isFile()) {
    throw usageError(
      `${path.join(dir, dockerfile)} is ${recipe.isSymbolicLink() ? 'a symbolic link' : 'not a file'}`,
      'Replace it with the Dockerfile itself: az sends a link as a link, not its target.',
    )
  }
  const hash = createHash('sha256')
  hash.update(`${dockerfile}\0${await sha256OfFile(path.join(dir, dockerfile))}\n`)
  const files = await packedFiles(dir, dockerfile)
  assertNoSecretFiles(dir, dockerfile, files)
  for (const packed of files) {
    hash.update(
      `${packed.path}\0${packed.kind}\0${await contentOf(path.join(dir, packed.path), packed.kind)}\n`,
    )
  }
  return `src-${hash.digest('hex').slice(0, 12)}`
}

async function contentOf(file: string, kind: Packed['kind']): Promise<string> {
  if (kind === 'folder') return ''
  if (kind === 'link') return readlink(file)
  const { mode } = await lstat(file)
  return `${mode & constants.S_IXUSR ? 'executable' : 'plain'} ${await sha256OfFile(file)}`
}

/** `az acr build`: packs the folder, uploads it, builds in Azure, prints the log. */
export const buildCommand = (config: Config, tag: string, subscription: string): Command =>
  az.change({
    // az resolves --file against the working folder, not against the source folder.
    cwd: config.backend.dir,
    timeoutMs: 60 * 60_000,
    env: { PYTHONUTF8: '1' },
    explain: (output) => explainRefusedBuild(config, tag, output),
    // A failed build is never repeated, whatever its log says; az itself repeats a throttled upload.
    retry: undefined,
  })`
    acr build --registry ${config.azure.registry} --image ${repository}:${tag}
    --file ${config.backend.dockerfile} . --subscription ${subscription}`

/**
 * Azure refuses to build for some subscriptions, for example those on free credit; then Docker builds the image of the
 * same sources here. Without the platform, Docker on ARM builds an image that Container Instances cannot run
 * (MicrosoftDocs/azure-docs#111668).
 */
function explainRefusedBuild(config: Config, tag: string, output: string): Partial<Failure> | undefined {
  const failure = explainBuild(output)
  if (!output.includes('TasksOperationsNotAllowed')) return failure
  const { dir, dockerfile } = config.backend
  const image = getImageName(config, tag)
  const platform = ['--platform', 'linux/amd64']
  const lines = [
    formatAzLine(`az acr login --name ${config.azure.registry}`),
    quoteToPaste(['docker', 'build', ...platform, '--file', path.join(dir, dockerfile), '--tag', image, dir]),
    quoteToPaste(['docker', 'push', image]),
    formatScriptLine('build-image'),
  ]
  const next = `Build the image with Docker, then run this command again: ${joinToPaste(lines)}`
  return { ...failure, next }
}

/** Requires the registry of the images; does not create it. */
export const registryTask = ({ config }: Context, azure: Azure, login: Task): Task => ({
  id: 'registry',
  title: 'Container registry',
  part: 'azure',
  after: [login],
  async inspect() {
    if (await azure.registry()) return ok(`${config.azure.registry} exists`)
    throw new OpsError({
      what: `Registry ${config.azure.registry} not found`,
      next: `${formatScriptLine('provision')}   (it creates one)`,
    })
  },
})

/** Why images are marked as bad, by tag. */
export type ImageMarks = ReadonlyMap<string, { why: string }>

export interface ImageOptions {
  login: Task
  /** The task that provides the registry; `quick` does not wait for it. */
  registry?: Task
  /** Uses the newest image that is not marked as bad, regardless of the sources. */
  quick?: boolean | undefined
  /** Fails instead of building an image that does not exist. */
  existingOnly?: boolean
  /** Reads the marks of bad images; undefined where none are stored. Rejects when they cannot be read. */
  marks?: (() => Promise<ImageMarks>) | undefined
}

export function imageTask(
  context: Context,
  azure: Azure,
  { login, registry, quick = false, existingOnly = false, marks = async () => new Map() }: ImageOptions,
): Task<Image> {
  const { config } = context

  /** Finds the newest image without a mark. Throws when there is none, or when the marks cannot be read. */
  async function newest(source: string): Promise<{ found: Tag; words: string }> {
    const there = (await azure.registry()) === undefined ? [] : await azure.tags()
    const marked: ImageMarks = there.length === 0 ? new Map() : await marks().catch(cannotChoose)
    const sorted = [...there].sort((a, b) => b.createdTime.localeCompare(a.createdTime))
    const at = sorted.findIndex(({ name }) => !marked.has(name))
    const skipped = sorted.slice(0, at < 0 ? sorted.length : at)
    const passedOver = skipped.map(({ name }) => `${name} (${marked.get(name)?.why})`)
    const found = sorted[at]
    if (found) {
      const remark = passedOver.length > 0 ? `; marked as bad: ${passedOver.join(', ')}` : ''
      return { found, words: evidence(found, source, true) + remark }
    }
    throw new OpsError({
      what:
        skipped.length > 0
          ? `No image to use: every ${repository} in ${config.azure.registry} is marked as bad`
          : `No image to use: the registry ${config.azure.registry} has no ${repository}`,
      said: passedOver.join('\n') || undefined,
      next: existingOnly
        ? `${formatScriptLine('build-image')}   (it builds one)`
        : 'Run this command without --quick to build one.',
    })
  }

  /** Describes the mark of the image of these sources; '' when it has none. */
  const caution = (name: string): Promise<string> =>
    marks().then(
      (marked) => {
        const why = marked.get(name)?.why
        return why === undefined ? '' : `; it is marked as bad (${why}) but will be released`
      },
      (thrown) => `; could not determine whether it is marked as bad: ${getMessage(thrown)}`,
    )

  return {
    id: 'image',
    title: 'Backend image',
    // Check that there is an image to use before anything is created.
    part: quick ? 'prepare' : 'azure',
    after: [quick ? login : registry],
    async inspect(ahead) {
      const source = await sourceTag(config)
      if (quick) {
        const { found, words } = await newest(source)
        return { ...ok(words), fact: { image: getImageName(config, found.name), digest: found.digest } }
      }
      const there = !ahead.willChange(registry) || (await azure.registry()) !== undefined
      const [found, mark] = await Promise.all([there ? azure.tag(source) : undefined, caution(source)])
      const fact = { image: getImageName(config, source), digest: found?.digest ?? '' }
      if (found) return { ...ok(`${evidence(found, source, false)}${mark}`), fact }
      if (existingOnly)
        throw new OpsError({
          what: 'The registry has no image of these sources',
          next: `${formatScriptLine('build-image')}   (or --quick for the newest existing one)`,
        })
      const effects = [buildCommand(config, source, (await azure.account()).id)]
      return { state: 'create', what: `build ${repository}:${source}${mark}`, fact, effects }
    },
    async afterAll({ fact }) {
      const { image } = fact!
      const tag = getTag(image)
      azure.forget('tags')
      const built = await azure.tag(tag)
      if (built) return { image, digest: built.digest }
      throw new OpsError({
        what: `The build succeeded, but ${repository}:${tag} is not in the registry`,
        next: `${formatAzLine(`az acr task list-runs --registry ${config.azure.registry}`)}      shows the result of the build.`,
      })
    },
  }
}

/** Unknown marks do not mean "none": --quick could release a bad image. */
function cannotChoose(thrown: unknown): never {
  const failure = thrown instanceof OpsError ? thrown.failure : { what: getMessage(thrown) }
  throw new OpsError({
    exitCode: exitCode.unknown,
    ...failure,
    what: `Could not read which images are marked as bad, so --quick selects none: ${failure.what}`,
    next: `${failure.next ? `${failure.next} ` : ''}Without --quick, the image of the local sources is used.`,
  })
}

function evidence({ name, createdTime, digest }: Tag, source: string, quick: boolean): string {
  const when = `${formatUtc(createdTime)} UTC`
  if (name === source)
    return `${repository}:${name} was built from these sources on ${when}, ${digest.slice(0, 19)}`
  return quick
    ? `--quick: ${repository}:${name} of ${when}, the newest available; the local sources (${source}) are not built`
    : `${repository}:${name} of ${when}`
}
