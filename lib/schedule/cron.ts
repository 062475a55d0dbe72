import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { formatScriptLine } from '../config/pasteLine.ts'
import type { Command } from '../shell/command.ts'
import { quoteLine, quotePosix } from '../shell/quote.ts'
import type { Runner } from '../shell/runner.ts'
import { isAlive } from '../shell/secretFile.ts'
import { local } from '../shell/template.ts'
import type { Context } from '../tasks/context.ts'
import { type Difference, type Field, ok, type Task } from '../tasks/task.ts'
import { OpsError, usageError } from '../util/errors.ts'
import { makeFolder } from '../util/files.ts'
import { assertOneLine, type InstallTarget, type Interval, type ScheduledTask } from './tasks.ts'

/** Debian's crontab(1) takes commands of 998 characters. */
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
 * One line of a crontab: it goes to the folder by itself and brings its PATH along, because a PATH= line would hold for
 * all lines of others below it. `%` is escaped: crontab(5) makes a line's end of it, within quotes, too.
 * Throws (exit 2) when a path cannot stand in a crontab.
 */
export function formatCronLine({ interval, argv }: ScheduledTask, { folder, path }: InstallTarget): string {
  const words = [folder, path, ...argv]
  for (const word of words) assertOneLine(word, 'crontab')
  const odd = words.find((word) => word.includes('\\'))
  if (odd !== undefined)
    throw usageError(
      `${odd} has a backslash in it, which cron takes for itself`,
      'Move the project to a folder with a plainer name.',
    )
  const command = `cd ${quotePosix(folder)} && PATH=${quotePosix(path)} ${quoteLine(argv)}`.replaceAll(
    '%',
    '\\%',
  )
  if (command.length > maxLineLength)
    throw usageError(
      `The line for ${argv[2]} has ${command.length} characters; cron takes ${maxLineLength}`,
      'Move the project to a folder with a shorter path.',
    )
  return `${formatCronFields(interval)} ${command}`
}

interface Marks {
  begin: string
  end: string
}

/** The lines that our block lies between: one block an environment and folder. */
export const getMarkers = ({ environment, folder }: InstallTarget): Marks => ({
  begin: `# BEGIN codex-dominion-ops: ${environment} in ${folder}`,
  end: `# END codex-dominion-ops: ${environment} in ${folder}`,
})

/** Our part of a crontab, with a line break at its end. */
export function renderBlock(tasks: readonly ScheduledTask[], place: InstallTarget): string {
  const { begin, end } = getMarkers(place)
  const about = `# Written by ${formatScriptLine('schedule', '--install')}; ${formatScriptLine('schedule', '--remove')} takes it away.`
  return [begin, about, ...tasks.map((task) => formatCronLine(task, place)), end, ''].join('\n')
}

/** The crontab with our block as it shall be: in its old place, else at the end. Every other line stays byte for byte. */
export function insertBlock(text: string, block: string, place: InstallTarget): string {
  const found = findBlock(text, place)
  if (found) return text.slice(0, found.from) + block + text.slice(found.to)
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${block}`
}

/** The crontab without our block. */
export function removeBlock(text: string, place: InstallTarget): string {
  const found = findBlock(text, place)
  return found ? text.slice(0, found.from) + text.slice(found.to) : text
}

/** The lines of our block that are there now. */
export function getBlockLines(text: string, place: InstallTarget): string[] {
  const found = findBlock(text, place)
  return found ? text.slice(found.from, found.to).trimEnd().split('\n').slice(1, -1) : []
}

/**
 * Where our block lies in the text, its marks included. Throws when it does not: half a block, or two of them, is somebody's
 * edit, and guessing would cost lines.
 */
function findBlock(text: string, place: InstallTarget): { from: number; to: number } | undefined {
  const { begin, end } = getMarkers(place)
  const lines = text.split('\n')
  const at = (mark: string) => lines.flatMap((line, index) => (line === mark ? [index] : []))
  const [begins, ends] = [at(begin), at(end)]
  if (begins.length === 0 && ends.length === 0) return undefined
  const [first, last] = [begins[0], ends[0]]
  if (begins.length !== 1 || ends.length !== 1 || first === undefined || last === undefined || last < first)
    throw new OpsError({
      what: `The crontab has our marks, but not as one block (lines ${[...begins, ...ends].map((line) => line + 1).join(', ')})`,
      next: `Take the lines between “${begin}” and “${end}” and both of them out by hand (crontab -e), then run this again.`,
    })
  const lengthOf = (count: number) => lines.slice(0, count).reduce((sum, line) => sum + line.length + 1, 0)
  return { from: lengthOf(first), to: Math.min(lengthOf(last + 1), text.length) }
}

const options = { env: { LC_ALL: 'C' }, timeoutMs: 10_000 }
const readCommand = local({ ...options, accept: [0, 1] })`crontab -l`

/** The command that makes this text the crontab; an empty one is no crontab at all. */
export const writeCommand = (text: string): Command =>
  text === '' ? local.change(options)`crontab -r` : local.change({ ...options, stdin: text })`crontab -`

export const noCrontab = 'There is no crontab program on this machine'

/** This user's crontab; '' when there is none. Throws what to do when it cannot be read as it is. */
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
      next: 'Who may use cron stands in /etc/cron.allow and /etc/cron.deny; or use --as systemd.',
    })
  if (stdout.includes('\ufffd'))
    throw new OpsError({
      what: 'The crontab holds bytes that are no UTF-8, which could not be put back as they are',
      next: 'Mend those lines with crontab -e, or use --as systemd.',
    })
  return stdout
}

/** The block of this environment as it shall be; no tasks: none of it. */
export function cronTasks(
  { runner, config }: Context,
  place: InstallTarget,
  tasks: readonly ScheduledTask[],
): Task[] {
  const wanted = (text: string) =>
    tasks.length > 0 ? insertBlock(text, renderBlock(tasks, place), place) : removeBlock(text, place)
  return [
    {
      id: 'crontab',
      title: `Crontab of ${place.user}`,
      part: 'together',
      async inspect(): Promise<Difference> {
        const now = await readCrontab(runner)
        const text = wanted(now)
        if (text === now) return ok(tasks.length > 0 ? 'these lines are in it' : 'none of our lines is in it')
        const [before, after] = [getBlockLines(now, place), getBlockLines(text, place)]
        return {
          state: before.length === 0 ? 'create' : 'change',
          what:
            tasks.length === 0
              ? 'our lines out of it'
              : before.length === 0
                ? 'our lines into it'
                : 'our lines',
          fields: compareLines(before, after),
          effects: [writeCommand(text)],
        }
      },
      async apply(_difference, tell) {
        // Read again: an editor may have been saved meanwhile.
        const now = await readCrontab(runner)
        if (now !== '') tell(`The crontab as it was is kept as ${backUpCrontab(config.stateDir, now)}`)
        await runner.run(writeCommand(wanted(now)))
      },
    },
  ]
}

/** Lines that go, lines that come; comments aside. */
function compareLines(before: readonly string[], after: readonly string[]): Field[] {
  const lines = (all: readonly string[]) => all.filter((line) => !line.startsWith('#'))
  const named = (all: readonly string[]) =>
    new Map(
      lines(all).map((line) => [/ (health|status-page|backup-database) --/.exec(line)?.[1] ?? line, line]),
    )
  const [old, fresh] = [named(before), named(after)]
  return [...new Set([...old.keys(), ...fresh.keys()])]
    .filter((name) => old.get(name) !== fresh.get(name))
    .map((name) => ({ name, before: old.get(name), after: fresh.get(name) ?? '(gone)' }))
}

/** Keeps a crontab as it was before a change; only its owner can read it. Gives the file. */
function backUpCrontab(stateDir: string, text: string): string {
  const folder = path.join(stateDir, 'crontabs')
  makeFolder(folder, 0o700)
  const file = path.join(folder, `${new Date().toISOString().replaceAll(/[-:.]/g, '')}.crontab`)
  writeFileSync(file, text, { mode: 0o600 })
  return file
}

const pidFiles = ['/run/crond.pid', '/var/run/crond.pid', '/run/cron.pid', '/run/crond.reboot']

/** Does a cron daemon seem to run? Undefined where it leaves no trace to go by (macOS starts it by itself). */
export function isCronRunning(): boolean | undefined {
  if (process.platform !== 'linux') return undefined
  const pids = pidFiles.filter((file) => existsSync(file)).map((file) => Number(readFileSync(file, 'utf8')))
  return pids.some((pid) => pid > 0 && isAlive(pid))
}
