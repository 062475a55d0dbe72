import { stripVTControlCharacters } from 'node:util'
import { escapeControls } from './terminal.ts'

/** `1 release`, `2 releases`. */
export const formatCount = (number: number, thing: string, things = `${thing}s`): string =>
  `${number} ${number === 1 ? thing : things}`

/** Formats bytes with three significant digits: `82 kB`, `1.07 GB`. */
export const formatBytes = (bytes: number): string => formatScaled(bytes, 1000, ['B', 'kB', 'MB', 'GB', 'TB'])

/** Formats a figure in the largest of these units that it fills. Each unit is `base` times the previous one. */
export function formatScaled(figure: number, base: number, units: readonly string[]): string {
  // Rounding must not produce 1024 of a unit: 1023.99 KiB is 1 MiB.
  const power = units.findLastIndex((_, index) => figure >= base ** index * 0.9995)
  const exponent = Math.max(0, power)
  return `${formatFigure(figure / base ** exponent)} ${units[exponent]}`
}

/** Formats a figure with three significant digits: 0.125, 1.25, 12.5, 125, 1250. */
export const formatFigure = (figure: number): string =>
  figure >= 100 ? figure.toFixed(0) : String(Number(figure.toPrecision(3)))

/**
 * Formats a duration in its two largest units: `0.4 s`, `25 s`, `2 min 30 s`, `2 h 5 min`, `3 d 4 h`. The
 * second unit is left out when it is 0; smaller units are cut off. Durations below ten seconds have one
 * decimal. A negative duration is `0 s`.
 */
export function formatDuration(ms: number): string {
  const tenths = Math.max(0, Math.round(ms / 100))
  if (tenths < 100) return `${tenths / 10} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return formatTwo(seconds, 60, 'min', 's')
  const minutes = Math.floor(seconds / 60)
  return minutes < 24 * 60
    ? formatTwo(minutes, 60, 'h', 'min')
    : formatTwo(Math.floor(minutes / 60), 24, 'd', 'h')
}

function formatTwo(number: number, base: number, unit: string, lesser: string): string {
  const rest = number % base
  return `${Math.floor(number / base)} ${unit}${rest > 0 ? ` ${rest} ${lesser}` : ''}`
}

/**
 * `a, b and 3 more`: names at most `most` items and counts the rest. A single remaining item is named, too.
 * @param separator if it is not a comma, it also precedes the last part: `a; b; and 3 more`
 */
export function formatList(items: readonly string[], most: number, separator = ', '): string {
  if (items.length <= most + 1) return items.join(separator)
  const named = items.slice(0, most).join(separator)
  return `${named}${separator === ', ' ? ' ' : separator}and ${items.length - most} more`
}

/** A column: its heading and the alignment of its cells. */
export interface Column {
  heading: string
  align?: 'left' | 'right'
}

/**
 * Width on a terminal. Colour sequences have no width, and every character in this tool's tables is one column wide.
 */
const width = (text: string): number => [...stripVTControlCharacters(escapeControls(text))].length

/** Formats columns with two spaces between them and no trailing spaces. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ heading }, index) =>
    Math.max(width(heading), ...rows.map((row) => width(row[index] ?? ''))),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => {
        const blanks = ' '.repeat(Math.max(0, widths[index]! - width(cell)))
        return columns[index]?.align === 'right' ? blanks + cell : cell + blanks
      })
      .join('  ')
      .trimEnd()
  return [columns.map(({ heading }) => heading), ...rows].map(line).join('\n')
}

const blocks = [...'▁▂▃▄▅▆▇█']
const letters = [...'_.-=+*#@']

/** Whether the terminal shows more than ASCII: in POSIX, the first of LC_ALL, LC_CTYPE and LANG that is set decides. */
export function showsUnicode(env: NodeJS.ProcessEnv = process.env, platform = process.platform): boolean {
  if (platform === 'win32' || platform === 'darwin') return true
  return /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || '')
}

/** Draws figures as a word, scaled from 0; those that share a character show their greatest, null a space. */
export function sparkline(
  figures: readonly (number | null)[],
  options: { width?: number; unicode?: boolean } = {},
): string {
  const { width = 30, unicode = true } = options
  const cells = unicode ? blocks : letters
  const shown = shorten(figures, width)
  const greatest = Math.max(0, ...shown.map((figure) => figure ?? 0))
  return shown
    .map((figure) => {
      if (figure === null) return ' '
      if (greatest === 0 || figure <= 0) return cells[0]
      return cells[Math.min(cells.length - 1, Math.floor((figure / greatest) * cells.length))]
    })
    .join('')
}

function shorten(figures: readonly (number | null)[], width: number): (number | null)[] {
  if (figures.length <= width) return [...figures]
  return Array.from({ length: width }, (_, cell) => {
    const [from, to] = [cell, cell + 1].map((edge) => Math.round((edge * figures.length) / width))
    const known = figures.slice(from, to).filter((figure) => figure !== null)
    return known.length > 0 ? Math.max(...known) : null
  })
}
