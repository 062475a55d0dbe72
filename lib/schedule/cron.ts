import { formatScriptLine } from '../config/pasteLine.ts'
import { quoteLine, quotePosix } from '../shell/quote.ts'
import { OpsError, usageError } from '../util/errors.ts'
import { assertOneLine, type InstallTarget, type Interval, type ScheduledTask } from './tasks.ts'

/** Debian's crontab(1) takes commands of 998 characters. */
const longest = 998

/** The five fields of crontab(5). */
export function cronTimes(rhythm: Interval): string {
  if ('dailyAt' in rhythm) return `${rhythm.dailyAt.minute} ${rhythm.dailyAt.hour} * * *`
  const { everyMinutes, fromMinute = 0 } = rhythm
  if (fromMinute > 0) return `${fromMinute}-59/${everyMinutes} * * * *`
  if (everyMinutes === 1) return '* * * * *'
  return everyMinutes === 60 ? '0 * * * *' : `*/${everyMinutes} * * * *`
}

/**
 * One line of a crontab: it goes to the folder by itself and brings its PATH along, because a PATH= line would hold for
 * all lines of others below it. `%` is escaped: crontab(5) makes a line's end of it, within quotes, too.
 * Throws (exit 2) when a path cannot stand in a crontab.
 */
export function cronLine({ rhythm, argv }: ScheduledTask, { folder, path }: InstallTarget): string {
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
  if (command.length > longest)
    throw usageError(
      `The line for ${argv[2]} has ${command.length} characters; cron takes ${longest}`,
      'Move the project to a folder with a shorter path.',
    )
  return `${cronTimes(rhythm)} ${command}`
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
  return [begin, about, ...tasks.map((task) => cronLine(task, place)), end, ''].join('\n')
}

/** The crontab with our block as it shall be: in its old place, else at the end. Every other line stays byte for byte. */
export function withBlock(text: string, block: string, place: InstallTarget): string {
  const found = findBlock(text, place)
  if (found) return text.slice(0, found.from) + block + text.slice(found.to)
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${block}`
}

/** The crontab without our block. */
export function withoutBlock(text: string, place: InstallTarget): string {
  const found = findBlock(text, place)
  return found ? text.slice(0, found.from) + text.slice(found.to) : text
}

/** The lines of our block that are there now. */
export function linesNow(text: string, place: InstallTarget): string[] {
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
