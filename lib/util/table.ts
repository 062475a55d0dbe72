import { stripVTControlCharacters } from 'node:util'
import { escapeControls } from './terminal.ts'

/** A column: its heading and the alignment of its cells. */
export interface Column {
  heading: string
  align?: 'left' | 'right'
}

/** Width on a terminal: colour sequences have none, and every character in this tool's tables is one wide. */
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

/**
 * Draws figures as a word of at most `width` characters, scaled from 0 to the greatest. Figures that share a character show
 * the greatest of them, so that no peak is lost. null, nothing measured, is a space.
 */
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
