import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Config } from '../../config/config.ts'
import { type Command, local } from '../../shell/command.ts'
import { getRevision } from '../../shell/git.ts'
import { ok, type Task, type VpsContext } from '../../tasks/task.ts'
import { OpsError } from '../../util/errors.ts'
import { formatCount } from '../../util/format.ts'
import { parseJson, readIfPresent } from '../../util/json.ts'
import { inspectServers } from '../serverState.ts'
import { buildNoteName, readExport } from './export.ts'
import { addScriptPolicies } from './scriptPolicy.ts'
import { readSources } from './sources.ts'

/** The content of out/.build.json. */
interface BuildNote {
  source: string
  revision: string
  builtAt: string
}

export const getExportDir = (config: Config): string => path.join(config.dashboardDir, 'out')

/** Builds the dashboard, unless out/ or a release on every server was built from these sources. */
export function buildTask(context: VpsContext): Task<string> {
  const { config, runner } = context
  return {
    id: 'frontend-build',
    title: 'Build the dashboard',
    part: 'ionos',
    async inspect() {
      const { all: source, shared } = await readSources(context)
      if (readBuildNote(config)?.source === source) return ok('out/ was built from these sources')
      const releases = (await inspectServers(context)).map((state) =>
        state.releases.find((release) => release.source === source),
      )
      const [published] = releases
      if (published && releases.every(Boolean))
        return ok(`release ${published.id} was built from these sources`)
      return {
        state: 'create',
        what: `build of sources ${source.slice(0, 8)}`,
        fact: source,
        effects: getBuildCommands(config, shared.slice(0, 12)),
      }
    },
    async afterAll({ fact: source }, log) {
      const files = await readExport(getExportDir(config))
      await addScriptPolicies(getExportDir(config), files.keys())
      const note: BuildNote = {
        source: source!,
        revision: await getRevision(runner, config.dashboardDir),
        builtAt: new Date().toISOString(),
      }
      // Written last, so that the export of an interrupted build lacks it and is built again.
      await writeFile(path.join(getExportDir(config), buildNoteName), `${JSON.stringify(note)}\n`)
      log(`${formatCount(files.size, 'file')} in out/`)
    },
  }
}

/** Third-party code runs in both commands: install scripts are off, and neither sees the operator's secrets. */
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
          `Fix it and run this command again. The build alone: npm run build   (in ${cwd})`,
          'Install scripts do not run. If a package needs its script: npm rebuild NAME, in that folder.',
        ].join('\n  '),
      }),
    })`npm run build`,
  ]
}

/** Undefined when there is none, as after an interrupted build. */
export function readBuildNote(config: Config): BuildNote | undefined {
  const note = readIfPresent(path.join(getExportDir(config), buildNoteName))
  const { source, revision = '', builtAt } = parseJson<Partial<BuildNote>>(note ?? '') ?? {}
  return source && builtAt ? { source, revision, builtAt } : undefined
}

export function requireBuildNote(config: Config, source: string): BuildNote {
  const note = readBuildNote(config)
  if (note?.source === source) return note
  throw new OpsError({
    what: `${getExportDir(config)} was not built from the current sources`,
    next: 'The sources changed during the run. Run this command again.',
  })
}

const lastLines = (output: string): string => output.trim().split('\n').slice(-50).join('\n')

/**
 * Variables of the operator's environment that the dashboard's packages get: those packages are third-party code, and
 * the environment holds logins (AZURE_*), agents (SSH_AUTH_SOCK) and secrets. Case is ignored, as on Windows.
 */
const passed = new Set([
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'TERM', 'TMPDIR', 'TMP', 'TEMP', 'TZ', 'LANG', 'LANGUAGE'],
  ...['CI', 'NO_COLOR', 'FORCE_COLOR', 'SOURCE_DATE_EPOCH', 'NODE_OPTIONS'],
  // Proxies and trusted authorities.
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'],
  ...['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR'],
  // Windows needs these to start a program.
  ...['SYSTEMROOT', 'SYSTEMDRIVE', 'WINDIR', 'COMSPEC', 'PATHEXT', 'OS', 'USERNAME', 'USERPROFILE'],
  ...['HOMEDRIVE', 'HOMEPATH', 'APPDATA', 'LOCALAPPDATA', 'PROGRAMDATA', 'PROGRAMFILES', 'PROGRAMFILES(X86)'],
  ...['COMMONPROGRAMFILES', 'NUMBER_OF_PROCESSORS', 'PROCESSOR_ARCHITECTURE'],
  // Not secret: the dashboard shows it.
  'SITE_URL',
])

/** npm's settings, and the variables from which an .npmrc usually takes a registry's token. */
const isNpmSetting = (name: string): boolean => name.startsWith('NPM_CONFIG_')
const isRegistryLogin = (name: string): boolean =>
  name === 'NPM_TOKEN' ||
  name === 'NODE_AUTH_TOKEN' ||
  (isNpmSetting(name) && /AUTH|TOKEN|PASSWORD/.test(name))

/** For `npm run build`, which runs the packages' code: without the login of the registry. */
export function isBuildVariable(variable: string): boolean {
  const name = variable.toUpperCase()
  if (isRegistryLogin(name)) return false
  return passed.has(name) || isNpmSetting(name) || /^(LC_|NEXT_PUBLIC_)/.test(name)
}

/** For `npm ci --ignore-scripts`, which runs none of their code. */
export const isInstallVariable = (variable: string): boolean =>
  isBuildVariable(variable) || isRegistryLogin(variable.toUpperCase())

interface Locked {
  version?: string
  integrity?: string
  link?: boolean
  optional?: boolean
  inBundle?: boolean
}

type Packages = Readonly<Record<string, Locked>>

/**
 * Whether node_modules matches package-lock.json. npm records what it installed in node_modules/.package-lock.json;
 * file times prove nothing after a checkout. Optional packages, such as those for other systems, may be missing.
 */
function isInstalled(folder: string): boolean {
  const wanted = readPackages(path.join(folder, 'package-lock.json'))
  const found = readPackages(path.join(folder, 'node_modules', '.package-lock.json'))
  return wanted !== undefined && found !== undefined && isSameInstallation(wanted, found)
}

export function isSameInstallation(wanted: Packages, found: Packages): boolean {
  const same = (a: Locked, b: Locked) =>
    a.version === b.version && (a.integrity ?? '') === (b.integrity ?? '')
  for (const [name, locked] of Object.entries(wanted)) {
    if (name === '' || locked.link || !name.startsWith('node_modules/')) continue
    const there = found[name]
    if (there ? !same(locked, there) : !locked.optional && !locked.inBundle) return false
  }
  return Object.keys(found).every((name) => name in wanted)
}

const readPackages = (file: string): Packages | undefined =>
  parseJson<{ packages?: Packages }>(readIfPresent(file) ?? '')?.packages
