import { Chalk, type ChalkInstance } from 'chalk'
import { markStyle } from './terminal.ts'

/** Styles a string for a terminal; without colours it returns the string unchanged. */
export type Style = (text: string) => string

const names = ['green', 'yellow', 'red', 'magenta', 'cyan', 'blueBright', 'dim'] as const
export type Colours = Readonly<Record<(typeof names)[number], Style>>

/** Colours for a terminal. chalk supports --no-color itself, but not NO_COLOR (no-color.org). */
export function colours(chalk: ChalkInstance = new Chalk(process.env.NO_COLOR ? { level: 0 } : {})): Colours {
  return Object.fromEntries(names.map((name) => [name, createStyle(chalk[name])])) as Colours
}

function createStyle(apply: Style): Style {
  const [open = '', close = ''] = apply('|').split('|')
  if (open === '') return (text) => text
  const [begin, end] = [markStyle(open), markStyle(close)]
  // The end of a nested style would end this one, too.
  return (text) => (text === '' ? '' : `${begin}${text.replaceAll(end, end + begin)}${end}`)
}
