import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { act, type Command, look } from '../shell/command.ts'
import type { Runner } from '../shell/runner.ts'
import { isAlive } from '../shell/secretFile.ts'
import type { Context } from '../tasks/context.ts'
import { type Difference, type Field, ok, type Task } from '../tasks/task.ts'
import { OpsError } from '../util/errors.ts'
import { makeFolder } from '../util/files.ts'
import { linesNow, renderBlock, withBlock, withoutBlock } from './cron.ts'
import type { InstallTarget, ScheduledTask } from './tasks.ts'

const C = { LC_ALL: 'C' }
const readCommand = look(['crontab', '-l'], { env: C, accept: [0, 1], timeoutMs: 10_000 })

/** The command that makes this text the crontab; an empty one is no crontab at all. */
export const writeCommand = (text: string): Command =>
  text === ''
    ? act(['crontab', '-r'], { env: C, timeoutMs: 10_000 })
    : act(['crontab', '-'], { env: C, timeoutMs: 10_000, stdin: text })

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
    tasks.length > 0 ? withBlock(text, renderBlock(tasks, place), place) : withoutBlock(text, place)
  return [
    {
      id: 'crontab',
      title: `Crontab of ${place.user}`,
      part: 'together',
      async inspect(): Promise<Difference> {
        const now = await readCrontab(runner)
        const text = wanted(now)
        if (text === now) return ok(tasks.length > 0 ? 'these lines are in it' : 'none of our lines is in it')
        const [before, after] = [linesNow(now, place), linesNow(text, place)]
        return {
          state: before.length === 0 ? 'create' : 'change',
          what:
            tasks.length === 0
              ? 'our lines out of it'
              : before.length === 0
                ? 'our lines into it'
                : 'our lines',
          fields: fieldsOf(before, after),
          effects: [writeCommand(text)],
        }
      },
      async apply(_difference, tell) {
        // Read again: an editor may have been saved meanwhile.
        const now = await readCrontab(runner)
        if (now !== '') tell(`The crontab as it was is kept as ${keep(config.stateDir, now)}`)
        await runner.run(writeCommand(wanted(now)))
      },
    },
  ]
}

/** Lines that go, lines that come; comments aside. */
function fieldsOf(before: readonly string[], after: readonly string[]): Field[] {
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
function keep(stateDir: string, text: string): string {
  const folder = path.join(stateDir, 'crontabs')
  makeFolder(folder, 0o700)
  const file = path.join(folder, `${new Date().toISOString().replaceAll(/[-:.]/g, '')}.crontab`)
  writeFileSync(file, text, { mode: 0o600 })
  return file
}

const pidFiles = ['/run/crond.pid', '/var/run/crond.pid', '/run/cron.pid', '/run/crond.reboot']

/** Does a cron daemon seem to run? Undefined where it leaves no trace to go by (macOS starts it by itself). */
export function cronRuns(): boolean | undefined {
  if (process.platform !== 'linux') return undefined
  const pids = pidFiles.filter((file) => existsSync(file)).map((file) => Number(readFileSync(file, 'utf8')))
  return pids.some((pid) => pid > 0 && isAlive(pid))
}
