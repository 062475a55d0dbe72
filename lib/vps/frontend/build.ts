import { existsSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Config } from '../../config/config.ts'
import type { Command } from '../../shell/command.ts'
import { getRevision } from '../../shell/git.ts'
import { local } from '../../shell/template.ts'
import type { Context } from '../../tasks/context.ts'
import { ok, type Task } from '../../tasks/task.ts'
import { OpsError } from '../../util/errors.ts'
import { formatCount } from '../../util/format.ts'
import { inspectServer } from '../serverState.ts'
import { isBuildVariable, isInstallVariable } from './buildEnvironment.ts'
import { buildNoteName, readExport } from './export.ts'
import { isInstalled } from './lockfile.ts'
import { readSources } from './sources.ts'

/** What out/.build.json says of the export it lies in. */
export interface BuildNote {
  source: string
  revision: string
  builtAt: string
}

export const getExportDir = (config: Config): string => path.join(config.dashboardDir, 'out')

/** Builds the dashboard, unless the VPS or out/ already holds a build of these sources. */
export function buildTask(context: Context): Task<string> {
  const { config, runner } = context
  return {
    id: 'frontend-build',
    title: 'Build the dashboard',
    part: 'ionos',
    async inspect() {
      const { all: source, shared } = await readSources(context)
      if (readBuildNote(config)?.source === source) return ok('out/ was built from these sources')
      const published = (await inspectServer(context)).releases.find((release) => release.source === source)
      if (published) return ok(`release ${published.id} was built from these sources`)
      return {
        state: 'create',
        what: `build of sources ${source.slice(0, 8)}`,
        fact: source,
        effects: getBuildCommands(config, shared.slice(0, 12)),
      }
    },
    async afterAll({ fact: source }, log) {
      const files = await readExport(getExportDir(config))
      const note: BuildNote = {
        source: source!,
        revision: await getRevision(runner, config.dashboardDir),
        builtAt: new Date().toISOString(),
      }
      // Written last: an interrupted build leaves an export without a note, and is built again.
      await writeFile(path.join(getExportDir(config), buildNoteName), `${JSON.stringify(note)}\n`)
      log(`${formatCount(files.size, 'file')} in out/`)
    },
  }
}

/**
 * `npm ci` when what is installed is not what the lock file says, then the build. Install scripts do not run, and neither
 * command sees the operator's secrets: both run what strangers wrote.
 */
export function getBuildCommands(config: Config, buildId: string): Command[] {
  const cwd = config.dashboardDir
  const env = { BUILD_ID: buildId, NEXT_TELEMETRY_DISABLED: '1' }
  const install = existsSync(path.join(cwd, 'package-lock.json')) ? 'ci' : 'install'
  return [
    ...(isInstalled(cwd)
      ? []
      : [
          local.change({
            cwd,
            inherits: isInstallVariable,
            explain: (output) => ({ what: `npm ${install} failed in ${cwd}`, said: lastLines(output) }),
          })`npm ${install} --include=dev --ignore-scripts --no-audit --no-fund`,
        ]),
    local.change({
      cwd,
      env,
      inherits: isBuildVariable,
      explain: (output) => ({
        what: 'The build of the dashboard failed; nothing was published',
        said: lastLines(output),
        next: [
          `Fix it and run this command again; alone it is: npm run build   (in ${cwd})`,
          'Install scripts do not run; a package that needs its script: npm rebuild NAME, in that folder.',
        ].join('\n  '),
      }),
    })`npm run build`,
  ]
}

/** The note of an export; undefined when there is none, as after an interrupted build. */
export function readBuildNote(config: Config): BuildNote | undefined {
  try {
    const note = JSON.parse(
      readFileSync(path.join(getExportDir(config), buildNoteName), 'utf8'),
    ) as Partial<BuildNote>
    const { source, revision = '', builtAt } = note
    return source && builtAt ? { source, revision, builtAt } : undefined
  } catch {
    return undefined
  }
}

/** The note of the export that is about to be published. Throws when out/ is of other sources. */
export function requireBuildNote(config: Config, source: string): BuildNote {
  const note = readBuildNote(config)
  if (note?.source === source) return note
  throw new OpsError({
    what: `${getExportDir(config)} was not built from the present sources`,
    next: 'The sources changed while the script ran. Run this command again.',
  })
}

const lastLines = (output: string): string => output.trim().split('\n').slice(-50).join('\n')
