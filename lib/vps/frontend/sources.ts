import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { readdir, readlink } from 'node:fs/promises'
import path from 'node:path'
import type { Ignore } from 'ignore'
import { formatKeyFile } from '../../config/config.ts'
import type { Runner } from '../../shell/runner.ts'
import type { Context } from '../../tasks/task.ts'
import { mapLimit } from '../../util/concurrency.ts'
import { usageError } from '../../util/errors.ts'
import { sha256OfFile } from '../../util/files.ts'
import { sha256 } from './export.ts'

/** Part of the hash: change it when pages are published differently, so that they are published again. */
const format = 'export with script policies, and gzip, 2'

/** Never sources, independent of .gitignore. */
const never = new Set(['node_modules', '.next', 'out', '.git'])
const generated = /^(next-env\.d\.ts|.*\.tsbuildinfo)$/

/** Sources whose change does not affect pages that visitors have open. */
const leaf = /(^|\/)app\/(.*\/)?page\.(tsx?|jsx?|mdx?)$|^[^/]*\.md$/

export interface Sources {
  /** SHA-256 of everything that determines the build. */
  all: string
  /**
   * The same without pages; it becomes Next.js's build id. An open page reloads when the id changes, which it must when
   * shared code changes. Nothing imports a page, so a changed page needs no new id, and all other files stay the same (4
   * files to send instead of 549).
   */
  shared: string
}

const known = new WeakMap<Runner, Promise<Sources>>()

/** Reads the dashboard's sources once per run. Throws (exit 2) when there is no dashboard. */
export function readSources(context: Context): Promise<Sources> {
  const asked = known.get(context.runner) ?? hashSources(context.config.dashboardDir, process.env)
  known.set(context.runner, asked)
  return asked
}

/** SHA-256 of all sources, which identifies a build. */
export const getSourceHash = async (context: Context): Promise<string> => (await readSources(context)).all

/**
 * Hashes paths and contents of everything that determines the build: files that .gitignore does not exclude, .env files
 * (ignored or not), and NEXT_PUBLIC_ variables of the environment, which the build writes into pages.
 */
export async function hashSources(folder: string, environment: NodeJS.ProcessEnv): Promise<Sources> {
  assertDashboard(folder)
  const envFiles = ['.env', '.env.production', '.env.local', '.env.production.local'].filter((name) =>
    existsSync(path.join(folder, name)),
  )
  const paths = [...new Set([...(await listSources(folder)), ...envFiles])].sort()
  const sums = await mapLimit(16, paths, async (name) => {
    const file = path.join(folder, ...name.split('/'))
    // A link to a folder cannot be read.
    return sha256OfFile(file).catch(async () => sha256(await readlink(file)))
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

function assertDashboard(folder: string): void {
  const file = path.join(folder, 'package.json')
  if (!existsSync(file)) {
    throw usageError(
      existsSync(folder) ? `${folder} has no package.json` : `There is no dashboard at ${folder}`,
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

type Rules = readonly { base: string; ignored: Ignore }[]

async function listSources(folder: string): Promise<string[]> {
  const { default: ignore } = await import('ignore')
  const found: string[] = []
  /**
   * The rules of a .gitignore apply to paths below its folder; those of deeper folders come later and take precedence.
   */
  const visit = async (below: string, rules: Rules) => {
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

function isIgnored(name: string, isFolder: boolean, rules: Rules): boolean {
  let excluded = false
  for (const { base, ignored } of rules) {
    const relative = (base ? name.slice(base.length + 1) : name) + (isFolder ? '/' : '')
    const result = ignored.test(relative)
    if (result.ignored) excluded = true
    else if (result.unignored) excluded = false
  }
  return excluded
}
