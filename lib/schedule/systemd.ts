import { createHash } from 'node:crypto'
import { formatScriptLine } from '../config/pasteLine.ts'
import { usageError } from '../util/errors.ts'
import { assertOneLine, type InstallTarget, type Interval, type ScheduledTask, two } from './tasks.ts'

/** A unit file: its name, and all of its text. */
export interface Unit {
  name: string
  text: string
}

/** The timers of `root` are the system's; anybody else's are their own. */
export type Scope = 'system' | 'user'

/** As systemd.time(7) writes it. */
export function toCalendar(rhythm: Interval): string {
  if ('dailyAt' in rhythm) return `*-*-* ${two(rhythm.dailyAt.hour)}:${two(rhythm.dailyAt.minute)}:00`
  const { everyMinutes, fromMinute = 0 } = rhythm
  return everyMinutes === 60 ? `*-*-* *:${two(fromMinute)}:00` : `*-*-* *:${fromMinute}/${everyMinutes}:00`
}

/** One word of ExecStart= or Environment=: in double quotes, C escapes, specifiers doubled (systemd.syntax(7)). */
export const quotedWord = (text: string): string =>
  `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')}"`

/** A word of ExecStart=, where $ stands for a variable, too (systemd.service(5)). */
const execWord = (text: string): string => quotedWord(text).replaceAll('$', '$$$$')

/** The first line of our files: by it they are known as ours. */
export const getMarker = ({ environment, folder }: InstallTarget): string =>
  `# codex-dominion-ops: ${environment} in ${folder}`

/** Names tell environments apart, and folders of the same machine. */
export function baseName(task: Pick<ScheduledTask, 'id'>, { environment, folder }: InstallTarget): string {
  const where = createHash('sha256').update(folder).digest('hex').slice(0, 6)
  return `codex-dominion-${environment}-${task.id}-${where}`
}

/**
 * The service and the timer of one task. Throws (exit 2) when a path cannot stand in a unit file.
 */
export function renderUnits(task: ScheduledTask, place: InstallTarget, scope: Scope): Unit[] {
  for (const word of [place.folder, place.path, ...task.argv]) assertOneLine(word, 'unit file')
  if (/[$"'\\]/.test(task.argv[0]!))
    throw usageError(
      `systemd starts no program whose path has a quote, a backslash or a $ in it: ${task.argv[0]}`,
      'Move the project to a folder with a plainer name.',
    )
  const base = baseName(task, place)
  const head = [
    getMarker(place),
    `# Written by ${formatScriptLine('schedule', '--install')}; ${formatScriptLine('schedule', '--remove')} takes it away.`,
    '[Unit]',
    `Description=Codex Dominion: ${task.title} (${place.environment})`,
  ]
  const service = [
    ...head,
    ...(scope === 'system' ? ['Wants=network-online.target', 'After=network-online.target'] : []),
    '',
    '[Service]',
    'Type=oneshot',
    // A system unit has no HOME without it; az and ssh keep their things there.
    ...(scope === 'system' ? [`User=${place.user}`] : []),
    `WorkingDirectory=${place.folder.replaceAll('%', '%%')}`,
    `Environment=${quotedWord(`PATH=${place.path}`)}`,
    `ExecStart=${task.argv.map(execWord).join(' ')}`,
    `TimeoutStartSec=${task.limitMinutes}min`,
  ]
  const timer = [
    ...head,
    '',
    '[Timer]',
    `OnCalendar=${toCalendar(task.rhythm)}`,
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
