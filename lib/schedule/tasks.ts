import { existsSync, statSync } from 'node:fs'
import path from 'node:path'
import type { Config } from '../config/config.ts'
import { usageError } from '../util/errors.ts'

/** Every N minutes (a divisor of an hour), from :00 or some minutes later; or once a day in this machine's time. */
export type Interval =
  | { readonly everyMinutes: number; readonly fromMinute?: number }
  | { readonly dailyAt: { readonly hour: number; readonly minute: number } }

/** A task that a scheduler runs. All paths in it are absolute. */
export interface ScheduledTask {
  readonly id: 'health' | 'status-page' | 'backup-database'
  readonly title: string
  readonly interval: Interval
  readonly argv: readonly string[]
  /** Time limit, where the scheduler supports one. */
  readonly limitMinutes: number
  /** Run later if the machine was off, where the scheduler supports it. */
  readonly catchUp: boolean
}

/** What all tasks of an environment have in common. */
export interface InstallTarget {
  /** The folder of `.env`. */
  readonly folder: string
  /** The name given to --env, or `default`. */
  readonly environment: string
  /** The PATH for programs that tasks start: az, pg_dump, ssh … */
  readonly path: string
  /** Login name of the user who runs them. */
  readonly user: string
}

/** The tasks: health every N minutes, the status page every ten, a verified backup at night. */
export function listScheduledTasks(
  environment: string,
  everyMinutes: number,
  { node, bin }: { node: string; bin: string },
): ScheduledTask[] {
  const argv = (...words: string[]) => [
    ...[node, bin, ...words, '--quiet'],
    ...(environment === 'default' ? [] : ['--env', environment]),
  ]
  return [
    {
      id: 'health',
      title: 'health check',
      interval: { everyMinutes },
      argv: argv('health'),
      limitMinutes: 10,
      catchUp: false,
    },
    {
      id: 'status-page',
      title: 'status page',
      // Two minutes after a check, so that the page includes it.
      interval: { everyMinutes: 10, fromMinute: 2 },
      argv: argv('status-page'),
      limitMinutes: 9,
      catchUp: false,
    },
    {
      id: 'backup-database',
      title: 'verified backup',
      // After the hour that is skipped or repeated when the clocks change.
      interval: { dailyAt: { hour: 3, minute: 15 } },
      argv: argv('backup-database', '--prove'),
      limitMinutes: 360,
      catchUp: true,
    },
  ]
}

const divisors = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60]

/**
 * Parses --every: `1m`, `5m` … `1h`. Throws (exit 2) unless it divides an hour, because cron could not keep
 * other intervals regular.
 */
export function parseMinutes(words: string): number {
  const found = /^(\d{1,2})m$/.exec(words)?.[1] ?? (words === '1h' ? '60' : '')
  if (divisors.includes(Number(found))) return Number(found)
  throw usageError(
    `--every ${words} does not divide an hour into equal parts`,
    `Specify ${divisors
      .slice(0, -1)
      .map((each) => `${each}m`)
      .join(', ')} or 1h.`,
  )
}

/** `every 5 minutes`, `every hour`, `every night at 03:15`. */
export function formatInterval(interval: Interval): string {
  if ('dailyAt' in interval)
    return `every night at ${pad2(interval.dailyAt.hour)}:${pad2(interval.dailyAt.minute)}`
  if (interval.everyMinutes === 1) return 'every minute'
  return interval.everyMinutes === 60 ? 'every hour' : `every ${interval.everyMinutes} minutes`
}

export const pad2 = (number: number): string => String(number).padStart(2, '0')

const programs = ['az', 'pg_dump', 'pg_restore', 'ssh', 'op', 'git']

/**
 * The folders of PATH with the programs that tasks start, then the usual ones: cron's own is too short for az. Not the
 * folders where somebody else could put a program of that name.
 */
export function buildPath(
  given: string,
  usual: readonly string[] = ['/usr/local/bin', '/usr/bin', '/bin'],
): string {
  const isSafe = (folder: string) => path.isAbsolute(folder) && !isOpenToOthers(folder)
  const folders = given.split(path.delimiter).filter(isSafe)
  const first = programs.flatMap(
    (program) => folders.find((folder) => existsSync(path.join(folder, program))) ?? [],
  )
  const wanted = [...folders.filter((folder) => first.includes(folder)), ...usual.filter(isSafe)]
  return [...new Set(wanted)].join(path.delimiter)
}

/** The folders of PATH that `buildPath` leaves out although they have one of the programs. */
export const listOpenFolders = (given: string): string[] =>
  [...new Set(given.split(path.delimiter))].filter(
    (folder) =>
      path.isAbsolute(folder) &&
      programs.some((program) => existsSync(path.join(folder, program))) &&
      isOpenToOthers(folder),
  )

/**
 * Whether users other than root and this one can create files there. The group may, because where every user has a group
 * alone, such folders are ordinary (Debian's /usr/local/bin, Homebrew). Windows has no such mode.
 */
function isOpenToOthers(folder: string): boolean {
  const own = process.getuid?.()
  if (own === undefined || !existsSync(folder)) return false
  const { mode, uid } = statSync(folder)
  return (mode & 0o002) !== 0 || ![0, own].includes(uid)
}

/** Keys whose secret is in an environment variable, which schedulers do not have. */
export const unreachableSecrets = (config: Config): string[] =>
  [
    ...[config.postgres.password, config.backend.secretKey, config.health.pingUrl, config.alerts.webhook],
    ...[config.alerts.slack, config.alerts.teams, config.alerts.email.smtp],
  ]
    .filter((secret) => secret.text().startsWith('env:'))
    .map(({ key }) => key)

/** Throws (exit 2) when a string cannot be on one line of a scheduler's file. */
export function assertOneLine(text: string, kind: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to refuse
  if (!/[\u0000-\u001f\u007f]/.test(text)) return
  throw usageError(
    `${JSON.stringify(text)} contains a control character, which is not allowed in a ${kind}`,
    'Move the project to a folder whose name has only ordinary characters.',
  )
}
