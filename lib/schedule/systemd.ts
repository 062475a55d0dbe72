import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { formatScriptLine } from '../config/config.ts'
import { type Command, local } from '../shell/command.ts'
import type { Runner } from '../shell/runner.ts'
import { type Context, type Field, ok, type Task } from '../tasks/task.ts'
import { getMessage, OpsError, usageError } from '../util/errors.ts'
import { makeFolder, writeAtomically } from '../util/files.ts'
import { assertOneLine, type InstallTarget, type Interval, pad2, type ScheduledTask } from './tasks.ts'

/** A unit file: its name and its complete text. */
export interface Unit {
  name: string
  text: string
}

/** `root` installs system timers, any other user their own. */
export type Scope = 'system' | 'user'

/** An OnCalendar= expression (systemd.time(7)). */
export function toCalendar(interval: Interval): string {
  if ('dailyAt' in interval) return `*-*-* ${pad2(interval.dailyAt.hour)}:${pad2(interval.dailyAt.minute)}:00`
  const { everyMinutes, fromMinute = 0 } = interval
  return everyMinutes === 60 ? `*-*-* *:${pad2(fromMinute)}:00` : `*-*-* *:${fromMinute}/${everyMinutes}:00`
}

/** One word of ExecStart= or Environment=: in double quotes, C escapes, specifiers doubled (systemd.syntax(7)). */
export const quoteWord = (text: string): string =>
  `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')}"`

/** A word of ExecStart=, where $ starts a variable (systemd.service(5)). */
const quoteExecWord = (text: string): string => quoteWord(text).replaceAll('$', '$$$$')

/** The first line of our unit files, which identifies them. */
const getMarker = ({ environment, folder }: InstallTarget): string =>
  `# codex-dominion-ops: ${environment} in ${folder}`

/** The unit name, unique per environment and folder. */
export function getUnitName(task: Pick<ScheduledTask, 'id'>, { environment, folder }: InstallTarget): string {
  const where = createHash('sha256').update(folder).digest('hex').slice(0, 6)
  return `codex-dominion-${environment}-${task.id}-${where}`
}

/** The service and the timer of one task. Throws (exit 2) when a path is not allowed in a unit file. */
export function renderUnits(task: ScheduledTask, target: InstallTarget, scope: Scope): Unit[] {
  for (const word of [target.folder, target.path, ...task.argv]) assertOneLine(word, 'unit file')
  if (/[$"'\\]/.test(task.argv[0]!))
    throw usageError(
      `systemd cannot start a program whose path contains a quote, a backslash or a $: ${task.argv[0]}`,
      'Move the project to a folder whose name has only ordinary characters.',
    )
  const base = getUnitName(task, target)
  const head = [
    getMarker(target),
    `# Written by ${formatScriptLine('schedule', '--install')}; ${formatScriptLine('schedule', '--remove')} removes it.`,
    '[Unit]',
    `Description=Codex Dominion: ${task.title} (${target.environment})`,
  ]
  const service = [
    ...head,
    ...(scope === 'system' ? ['Wants=network-online.target', 'After=network-online.target'] : []),
    '',
    '[Service]',
    'Type=oneshot',
    // Without User=, a system unit has no HOME, where az and ssh keep their files.
    ...(scope === 'system' ? [`User=${target.user}`] : []),
    `WorkingDirectory=${target.folder.replaceAll('%', '%%')}`,
    `Environment=${quoteWord(`PATH=${target.path}`)}`,
    `ExecStart=${task.argv.map(quoteExecWord).join(' ')}`,
    `TimeoutStartSec=${task.limitMinutes}min`,
  ]
  const timer = [
    ...head,
    '',
    '[Timer]',
    `OnCalendar=${toCalendar(task.interval)}`,
    ...(task.catchUp ? ['Persistent=true'] : []),
    'AccuracySec=5s',
    '',
    '[Install]',
    'WantedBy=timers.target',
  ]
  return [
    { name: `${base}.service`, text: `${service.join('\n')}\n` },
    { name: `${base}.timer`, text: `${timer.join('\n')}\n` },
  ]
}

export const getScope = (): Scope => (process.getuid?.() === 0 ? 'system' : 'user')

/** Where unit files of this scope belong (systemd.unit(5)). */
export const getUnitFolder = (scope: Scope, env: NodeJS.ProcessEnv, home: string): string =>
  scope === 'system'
    ? '/etc/systemd/system'
    : path.join(env.XDG_CONFIG_HOME || path.join(home, '.config'), 'systemd', 'user')

const systemctl = (scope: Scope) => ['systemctl', ...(scope === 'user' ? ['--user'] : [])]

/** Activates changed files. A running timer keeps its old times until it is restarted. */
export const enableCommands = (scope: Scope, timers: readonly string[]): Command[] => [
  local.change`${systemctl(scope)} daemon-reload`,
  local.change`${systemctl(scope)} enable ${timers}`,
  local.change`${systemctl(scope)} restart ${timers}`,
]

/** Commands before and after removing the files. A killed install may have left no timer to disable. */
export const disableCommands = (
  scope: Scope,
  timers: readonly string[],
): { before: Command[]; after: Command[] } => ({
  before: timers.length > 0 ? [local.change`${systemctl(scope)} disable --now ${timers}`] : [],
  after: [local.change`${systemctl(scope)} daemon-reload`],
})

/** Throws with advice when systemd is not running here or this login has no session with it. */
async function assertResponding(runner: Runner, scope: Scope): Promise<void> {
  const instead = 'Use --as cron.'
  const asked = local({ accept: [0, 1], timeoutMs: 10_000 })`${systemctl(scope)} is-system-running`
  const { stdout, stderr } = await runner.run(asked).catch((thrown) => {
    throw new OpsError({
      what: 'systemd is not running on this machine',
      said: getMessage(thrown),
      next: instead,
    })
  })
  if (/^(running|degraded|starting|initializing|maintenance)\s*$/.test(stdout)) return
  const noSession = scope === 'user' && existsSync('/run/systemd/system')
  throw new OpsError({
    what: noSession
      ? 'This login session has no systemd user instance'
      : 'systemd is not running on this machine',
    said: stderr.trim() || stdout.trim() || undefined,
    next: noSession
      ? 'Log in directly (ssh, not su), and run loginctl enable-linger once, so that timers run without a login; or use --as cron.'
      : instead,
  })
}

/** Installs the services and timers of this environment; with `wanted` false, removes them. */
export function systemdTasks(
  { runner }: Context,
  target: InstallTarget,
  tasks: readonly ScheduledTask[],
  wanted: boolean,
  scope: Scope,
  folder: string,
): Task[] {
  const units = tasks.flatMap((task) => renderUnits(task, target, scope))
  const timers = units.map(({ name }) => name).filter((name) => name.endsWith('.timer'))
  const getUnitFile = ({ name }: Unit) => path.join(folder, name)
  const getInstalled = () => units.filter((unit) => existsSync(getUnitFile(unit)))
  const task: Task<number> = {
    id: 'timers',
    title: scope === 'system' ? 'systemd timers' : `Timers of ${target.user}`,
    part: 'together',
    // The fact is the index of the effect before which the files change.
    async inspect() {
      const installed = getInstalled()
      if (!wanted && installed.length === 0) return ok('no timers of this tool')
      await assertResponding(runner, scope)
      for (const unit of installed) assertOwnUnit(getUnitFile(unit), target)
      if (!wanted) {
        const fields = installed.map(({ name }) => ({ name, before: 'installed', after: '(removed)' }))
        const { before, after } = disableCommands(
          scope,
          timers.filter((name) => existsSync(path.join(folder, name))),
        )
        const effects = [...before, ...after]
        return { state: 'change', what: 'remove our timers', fields, effects, fact: before.length }
      }
      const fields = units.flatMap((unit) => compareUnit(getUnitFile(unit), unit))
      const idle = await listIdleTimers(runner, scope, timers)
      if (fields.length === 0 && idle.length === 0) return ok('timers are running')
      return {
        state: installed.length === 0 ? 'create' : 'change',
        what: installed.length === 0 ? 'install our timers' : 'update our timers',
        fields: [...fields, ...idle.map((name) => ({ name, before: 'idle', after: 'running' }))],
        effects: enableCommands(scope, timers),
        fact: 0,
      }
    },
    async beforeEach({ index, change }) {
      if (index !== change.fact) return
      if (!wanted) for (const unit of getInstalled()) rmSync(getUnitFile(unit), { force: true })
      else {
        makeFolder(folder)
        for (const unit of units) writeAtomically(getUnitFile(unit), unit.text, { mode: 0o644 })
      }
    },
  }
  return [task]
}

function assertOwnUnit(file: string, target: InstallTarget): void {
  const mark = getMarker(target)
  if (readFileSync(file, 'utf8').startsWith(`${mark}\n`)) return
  throw new OpsError({
    what: `${file} does not belong to this project: it does not start with “${mark}”`,
    next: 'Move it away if it is not needed, then run this command again.',
  })
}

function compareUnit(file: string, { name, text }: Unit): Field[] {
  const before = existsSync(file) ? readFileSync(file, 'utf8') : undefined
  if (before === text) return []
  const lines = (all: string) => all.split('\n')
  const changed = before === undefined ? [] : lines(text).filter((line) => !lines(before).includes(line))
  return [
    { name, before: before === undefined ? undefined : 'other', after: changed.join('; ') || 'installed' },
  ]
}

async function listIdleTimers(runner: Runner, scope: Scope, timers: readonly string[]): Promise<string[]> {
  const ask = async (verb: string, good: string) => {
    const asked = local({ accept: [0, 1, 3, 4], timeoutMs: 10_000 })`${systemctl(scope)} ${verb} ${timers}`
    const states = (await runner.run(asked)).stdout.trim().split('\n')
    return timers.filter((_, index) => states[index] !== good)
  }
  const [disabled, inactive] = await Promise.all([ask('is-enabled', 'enabled'), ask('is-active', 'active')])
  return timers.filter((name) => disabled.includes(name) || inactive.includes(name))
}

/** True when this user's timers stop at logout; undefined when unknown. */
export async function stopsAtLogout(runner: Runner, user: string): Promise<boolean | undefined> {
  const asked = local({ accept: [0, 1], timeoutMs: 10_000 })`
    loginctl show-user ${user} --property=Linger --value`
  const { code, stdout } = await runner.run(asked).catch(() => ({ code: 1, stdout: '' }))
  return code === 0 ? stdout.trim() === 'no' : undefined
}
