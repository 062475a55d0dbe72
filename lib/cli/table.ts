import { stripVTControlCharacters } from 'node:util'
import { printable } from '../command/terminal.ts'

/** A column: its heading, and to which side its cells keep. */
export interface Column {
  heading: string
  align?: 'left' | 'right'
}

/** Width on a terminal: a sequence of colour takes none, everything used in this tool's tables one per character. */
const width = (text: string): number => [...stripVTControlCharacters(printable(text))].length

/** Plain columns two blanks apart, no trailing blanks; the last column may be of any length. */
export function tableText(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
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
