import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { readdir, readFile, readlink } from 'node:fs/promises'
import path from 'node:path'
import type { Ignore } from 'ignore'
import { formatKeyFile } from '../../config/pasteLine.ts'
import type { Context } from '../../tasks/context.ts'
import { mapLimit } from '../../util/concurrency.ts'
import { usageError } from '../../util/errors.ts'

/** Counts with the sources, so that a change of the published form publishes again. */
const format = 'export and gzip, 1'

/** Never sources, whatever .gitignore says. */
const never = new Set(['node_modules', '.next', 'out', '.git'])
const generated = /^(next-env\.d\.ts|.*\.tsbuildinfo)$/

/** What two builds may differ in without a visitor's open page noticing. */
const leaf = /(^|\/)app\/(.*\/)?page\.(tsx?|jsx?|mdx?)$|^[^/]*\.md$/

export interface Sources {
  /** sha256 of everything that decides over the build. */
  all: string
  /**
   * The same without pages. It becomes Next.js's build id: a page that was opened before a publish loads anew when the
   * id has changed, which it must when code that pages share has changed. A page is imported by nobody, so a changed
   * one needs no new id, and the files of all other pages stay as they are (4 files to send instead of 549).
   */
  shared: string
}

const known = new WeakMap<Context, Promise<Sources>>()

/** The dashboard's sources, read once a run. Throws (exit 2) when they are not a dashboard. */
export function readSources(context: Context): Promise<Sources> {
  const asked = known.get(context) ?? hashSources(context.config.dashboardDir, process.env)
  known.set(context, asked)
  return asked
}

/** sha256 of all sources: what a release is compared by. */
export const getSourceHash = async (context: Context): Promise<string> => (await readSources(context)).all

/**
 * sha256 over paths and contents of everything that decides over the build: the files that .gitignore does not leave
 * out, the .env files (ignored or not), and NEXT_PUBLIC_ variables of the environment, which the build writes into pages.
 */
export async function hashSources(folder: string, environment: NodeJS.ProcessEnv): Promise<Sources> {
  assertDashboard(folder)
  const paths = [...new Set([...(await listSources(folder)), ...(await listEnvFiles(folder))])].sort()
  const sums = await mapLimit(16, paths, async (name) => {
    const file = path.join(folder, ...name.split('/'))
    const content = await readFile(file).catch(() => readlink(file))
    return createHash('sha256').update(content).digest('hex')
  })
  const variables = Object.keys(environment)
    .filter((name) => name.startsWith('NEXT_PUBLIC_'))
    .sort()
    .map((name) => `${name}=${environment[name]}\0`)
  const over = (chosen: (name: string) => boolean) => {
    const hash = createHash('sha256').update(`${format}\0`)
    for (const [index, name] of paths.entries()) if (chosen(name)) hash.update(`${name}\0${sums[index]}\0`)
    return hash.update(variables.join('')).digest('hex')
  }
  return { all: over(() => true), shared: over((name) => !leaf.test(name)) }
}

/** Throws (exit 2) with what is missing. */
export function assertDashboard(folder: string): void {
  const file = path.join(folder, 'package.json')
  if (!existsSync(folder)) {
    throw usageError(
      `There is no dashboard at ${folder}`,
      `Set DASHBOARD_DIR in ${formatKeyFile('DASHBOARD_DIR')} to the folder with its package.json.`,
    )
  }
  if (!existsSync(file)) {
    throw usageError(
      `${folder} has no package.json`,
      `Set DASHBOARD_DIR in ${formatKeyFile('DASHBOARD_DIR')} to the folder of the Next.js project.`,
    )
  }
  let described: { scripts?: Record<string, string> }
  try {
    described = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw usageError(
      `${file} is not JSON (${(error as Error).message})`,
      'Fix it, then run this command again.',
    )
  }
  if (!described.scripts?.build) {
    throw usageError(`${file} has no build script`, 'Add "build": "next build" to its scripts.')
  }
}

async function listEnvFiles(folder: string): Promise<string[]> {
  const used = ['.env', '.env.production', '.env.local', '.env.production.local']
  return used.filter((name) => existsSync(path.join(folder, name)))
}

async function listSources(folder: string): Promise<string[]> {
  const { default: ignore } = await import('ignore')
  const found: string[] = []
  /** Rules of a folder's .gitignore hold for paths below it, those of deeper folders come later. */
  const visit = async (below: string, rules: readonly { base: string; ignored: Ignore }[]) => {
    const here = path.join(folder, ...below.split('/'))
    const file = path.join(here, '.gitignore')
    const all = existsSync(file)
      ? [...rules, { base: below, ignored: ignore().add(readFileSync(file, 'utf8')) }]
      : rules
    for (const entry of await readdir(here, { withFileTypes: true })) {
      if (never.has(entry.name) || generated.test(entry.name)) continue
      const name = below ? `${below}/${entry.name}` : entry.name
      if (isIgnored(name, entry.isDirectory(), all)) continue
      if (entry.isDirectory()) await visit(name, all)
      else found.push(name)
    }
  }
  await visit('', [])
  return found
}

function isIgnored(
  name: string,
  isFolder: boolean,
  rules: readonly { base: string; ignored: Ignore }[],
): boolean {
  let leftOut = false
  for (const { base, ignored } of rules) {
    const relative = (base ? name.slice(base.length + 1) : name) + (isFolder ? '/' : '')
    const said = ignored.test(relative)
    if (said.ignored) leftOut = true
    else if (said.unignored) leftOut = false
  }
  return leftOut
}
