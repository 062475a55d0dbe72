import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { formatScriptLine } from '../config/config.ts'
import { type Command, local } from '../shell/command.ts'
import { quoteLine, quotePosix } from '../shell/quote.ts'
import type { Runner } from '../shell/runner.ts'
import { isAlive } from '../shell/secretFile.ts'
import { type Context, type Field, ok, type Task } from '../tasks/task.ts'
import { OpsError, usageError } from '../util/errors.ts'
import { makeFolder } from '../util/files.ts'
import { assertOneLine, type InstallTarget, type Interval, type ScheduledTask } from './tasks.ts'

/** Debian's crontab(1) accepts commands of up to 998 characters. */
const maxLineLength = 998

/** The five fields of crontab(5). */
export function formatCronFields(interval: Interval): string {
  if ('dailyAt' in interval) return `${interval.dailyAt.minute} ${interval.dailyAt.hour} * * *`
  const { everyMinutes, fromMinute = 0 } = interval
  if (fromMinute > 0) return `${fromMinute}-59/${everyMinutes} * * * *`
  if (everyMinutes === 1) return '* * * * *'
  return everyMinutes === 60 ? '0 * * * *' : `*/${everyMinutes} * * * *`
}

/**
 * One line of a crontab. It changes to the folder and sets its own PATH, because a PATH= line would apply to all
 * later lines of others. `%` is escaped: crontab(5) treats it as a line break, even in quotes.
 * Throws (exit 2) when a path is not allowed in a crontab.
 */
export function formatCronLine({ interval, argv }: ScheduledTask, { folder, path }: InstallTarget): string {
  const words = [folder, path, ...argv]
  for (const word of words) assertOneLine(word, 'crontab')
  const invalid = words.find((word) => word.includes('\\'))
  if (invalid !== undefined)
    throw usageError(
      `${invalid} contains a backslash, which cron interprets itself`,
      'Move the project to a folder whose name has only ordinary characters.',
    )
  const command = `cd ${quotePosix(folder)} && PATH=${quotePosix(path)} ${quoteLine(argv)}`.replaceAll(
    '%',
    '\\%',
  )
  if (command.length > maxLineLength)
    throw usageError(
      `The line for ${argv[2]} has ${command.length} characters; cron accepts ${maxLineLength}`,
      'Move the project to a folder with a shorter path.',
    )
  return `${formatCronFields(interval)} ${command}`
}

/** The lines around our block: one block per environment and folder. */
export const getMarkers = ({ environment, folder }: InstallTarget) => ({
  begin: `# BEGIN codex-dominion-ops: ${environment} in ${folder}`,
  end: `# END codex-dominion-ops: ${environment} in ${folder}`,
})

/** Our block of a crontab, with a final line break. */
export function renderBlock(tasks: readonly ScheduledTask[], target: InstallTarget): string {
  const { begin, end } = getMarkers(target)
  const about = `# Written by ${formatScriptLine('schedule', '--install')}; ${formatScriptLine('schedule', '--remove')} removes it.`
  return [begin, about, ...tasks.map((task) => formatCronLine(task, target)), end, ''].join('\n')
}

/** The crontab with our block in its former place or at the end. All other lines stay unchanged, byte for byte. */
export function insertBlock(text: string, block: string, target: InstallTarget): string {
  const found = findBlock(text, target)
  if (found) return text.slice(0, found.from) + block + text.slice(found.to)
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${block}`
}

export function removeBlock(text: string, target: InstallTarget): string {
  const found = findBlock(text, target)
  return found ? text.slice(0, found.from) + text.slice(found.to) : text
}

function getBlockLines(text: string, target: InstallTarget): string[] {
  const found = findBlock(text, target)
  return found ? text.slice(found.from, found.to).trimEnd().split('\n').slice(1, -1) : []
}

/** The position of our block with its markers. Throws when somebody has edited it: guessing would lose lines. */
function findBlock(text: string, target: InstallTarget): { from: number; to: number } | undefined {
  const { begin, end } = getMarkers(target)
  const lines = text.split('\n')
  const at = (mark: string) => lines.flatMap((line, index) => (line === mark ? [index] : []))
  const [begins, ends] = [at(begin), at(end)]
  if (begins.length === 0 && ends.length === 0) return undefined
  const [first, last] = [begins[0], ends[0]]
  if (begins.length !== 1 || ends.length !== 1 || first === undefined || last === undefined || last < first)
    throw new OpsError({
      what: `The crontab contains our markers, but not as one block (lines ${[...begins, ...ends].map((line) => line + 1).join(', ')})`,
      next: `Remove the lines from “${begin}” to “${end}” with crontab -e, then run this command again.`,
    })
  const getOffset = (count: number) => lines.slice(0, count).reduce((sum, line) => sum + line.length + 1, 0)
  return { from: getOffset(first), to: Math.min(getOffset(last + 1), text.length) }
}

const options = { env: { LC_ALL: 'C' }, timeoutMs: 10_000 }
const readCommand = local({ ...options, accept: [0, 1] })`crontab -l`

/** The command that installs this text as the crontab; an empty text removes the crontab. */
export const writeCommand = (text: string): Command =>
  text === '' ? local.change(options)`crontab -r` : local.change({ ...options, stdin: text })`crontab -`

export const noCrontab = 'This machine has no crontab program'

/** Reads this user's crontab; empty when there is none. Throws with advice when it cannot be read unchanged. */
async function readCrontab(runner: Runner): Promise<string> {
  const { code, stdout, stderr } = await runner.run(readCommand).catch((thrown: unknown) => {
    if (!(thrown instanceof OpsError) || !thrown.message.includes('not installed')) throw thrown
    throw new OpsError({
      what: noCrontab,
      next: 'Install cron (Debian: apt-get install cron), or use --as systemd.',
    })
  })
  if (code === 1 && /no crontab for/i.test(stderr)) return ''
  if (code === 1)
    throw new OpsError({
      what: 'The crontab cannot be read',
      said: stderr.trim() || stdout.trim(),
      next: 'Check /etc/cron.allow and /etc/cron.deny, or use --as systemd.',
    })
  if (stdout.includes('\ufffd'))
    throw new OpsError({
      what: 'The crontab is not valid UTF-8 and could not be written back unchanged',
      next: 'Fix those lines with crontab -e, or use --as systemd.',
    })
  return stdout
}

/** Installs the block of this environment; without tasks, removes it. */
export function cronTasks(
  { runner, config }: Context,
  target: InstallTarget,
  tasks: readonly ScheduledTask[],
): Task[] {
  const wanted = (text: string) =>
    tasks.length > 0 ? insertBlock(text, renderBlock(tasks, target), target) : removeBlock(text, target)
  const crontab: Task<string> = {
    id: 'crontab',
    title: `Crontab of ${target.user}`,
    part: 'together',
    async inspect() {
      const now = await readCrontab(runner)
      const text = wanted(now)
      if (text === now) return ok(tasks.length > 0 ? 'entries are up to date' : 'no entries of this tool')
      const [before, after] = [getBlockLines(now, target), getBlockLines(text, target)]
      const verb = before.length === 0 ? 'install' : 'update'
      return {
        state: before.length === 0 ? 'create' : 'change',
        what: `${tasks.length === 0 ? 'remove' : verb} our entries`,
        fields: compareLines(before, after),
        effects: [writeCommand(text)],
        fact: now,
      }
    },
    async beforeEach({ change: { fact: now } }, log) {
      if (now) log(`The previous crontab is saved as ${backUpCrontab(config.stateDir, now)}`)
    },
  }
  return [crontab]
}

function compareLines(before: readonly string[], after: readonly string[]): Field[] {
  const lines = (all: readonly string[]) => all.filter((line) => !line.startsWith('#'))
  const named = (all: readonly string[]) =>
    new Map(
      lines(all).map((line) => [/ (health|status-page|backup-database) --/.exec(line)?.[1] ?? line, line]),
    )
  const [old, fresh] = [named(before), named(after)]
  return [...new Set([...old.keys(), ...fresh.keys()])]
    .filter((name) => old.get(name) !== fresh.get(name))
    .map((name) => ({ name, before: old.get(name), after: fresh.get(name) ?? '(removed)' }))
}

/** Saves the crontab before a change, readable only by its owner. Returns the file. */
function backUpCrontab(stateDir: string, text: string): string {
  const folder = path.join(stateDir, 'crontabs')
  makeFolder(folder, 0o700)
  const file = path.join(folder, `${new Date().toISOString().replaceAll(/[-:.]/g, '')}.crontab`)
  writeFileSync(file, text, { mode: 0o600 })
  return file
}

const pidFiles = ['/run/crond.pid', '/var/run/crond.pid', '/run/cron.pid', '/run/crond.reboot']

/** True when a cron daemon seems to run; undefined where that cannot be determined (macOS starts it on demand). */
export function isCronRunning(): boolean | undefined {
  if (process.platform !== 'linux') return undefined
  const pids = pidFiles.filter((file) => existsSync(file)).map((file) => Number(readFileSync(file, 'utf8')))
  return pids.some((pid) => pid > 0 && isAlive(pid))
}
