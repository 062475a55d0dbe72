import { Chalk, type ChalkInstance } from 'chalk'
import { ownStyle } from './terminal.ts'

/** Dresses a text for a terminal; where there are no colours it gives it back as it came. */
export type Style = (text: string) => string

const names = ['green', 'yellow', 'red', 'magenta', 'cyan', 'blueBright', 'dim'] as const
export type Colours = Readonly<Record<(typeof names)[number], Style>>

/** Colours for a terminal. chalk itself knows --no-color, but not NO_COLOR (no-color.org). */
export function colours(chalk: ChalkInstance = new Chalk(process.env.NO_COLOR ? { level: 0 } : {})): Colours {
  return Object.fromEntries(names.map((name) => [name, styleOf(chalk[name])])) as Colours
}

function styleOf(dress: Style): Style {
  const [open = '', close = ''] = dress('|').split('|')
  if (open === '') return (text) => text
  const [begin, end] = [ownStyle(open), ownStyle(close)]
  // What ends a style inside would end this one, too.
  return (text) => (text === '' ? '' : `${begin}${text.replaceAll(end, end + begin)}${end}`)
}
