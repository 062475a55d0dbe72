import type { EffectKind } from '../util/effect.ts'
import type { Command, HostCommand, SecretFile } from './command.ts'
import type { Host } from './remote.ts'

type Argv = Command['argv']

/** What a template may hold: one word, several words, or none (`false`, `undefined`). */
export type Word = string | number | SecretFile | readonly (string | SecretFile)[] | false | undefined

export type CommandOptions = Partial<Omit<Command, 'argv' | 'on' | 'effect'>>

type Tag<C> = (text: TemplateStringsArray, ...words: Word[]) => C

/** A tag for commands: `` run`npm ci` ``, or with options `` run({ cwd })`npm ci` ``. */
export interface Template<C> extends Tag<C> {
  (options: CommandOptions): Tag<C>
}

/** A template for commands that only read, with one for changes and one for this tool's own records. */
export interface CommandTemplate<C = Command> extends Template<C> {
  readonly change: Template<C>
  readonly record: Template<C>
}

/**
 * Splits a template at its white space into an argument vector; no shell takes part, so quotes have no meaning. An
 * interpolation is never split: it is one word, or a part of the word it touches. A list is several words, and `false`
 * and `undefined` are none; these three stand alone. Text before a secret file precedes its path.
 * Throws a TypeError for a value that cannot be part of a word.
 */
export function toArgv(text: readonly string[], values: readonly Word[]): Argv {
  const rest = [...values]
  // An argument cannot hold NUL, so NUL marks the interpolations.
  const words = text.join('\0').split(/\s+/).filter(Boolean)
  return words.flatMap((word): Argv => {
    if (word !== '\0') {
      const [start = '', ...ends] = word.split('\0')
      return [ends.reduce<string | SecretFile>((all, end) => glue(all, rest.shift(), end), start)]
    }
    const value = rest.shift()
    if (value === false || value === undefined) return []
    return typeof value === 'number' ? [String(value)] : [value].flat()
  })
}

function glue(start: string | SecretFile, value: Word, end: string): string | SecretFile {
  if (typeof start === 'string') {
    if (typeof value === 'string' || typeof value === 'number') return `${start}${value}${end}`
    if (typeof value === 'object' && 'content' in value && end === '')
      return { ...value, prefix: start + value.prefix }
  }
  throw new TypeError('a list, an absent value or a secret file cannot be part of a longer word')
}

/** Makes a template whose commands are finished by `make`: program, defaults, machine. */
export function commandTemplate<C extends Command>(
  make: (argv: Argv, effect: EffectKind, options: CommandOptions) => C,
): CommandTemplate<C> {
  const withEffect = (effect: EffectKind): Template<C> => {
    const withOptions =
      (options: CommandOptions): Tag<C> =>
      (text, ...words) =>
        make(toArgv(text, words), effect, options)
    function template(options: CommandOptions): Tag<C>
    function template(text: TemplateStringsArray, ...words: Word[]): C
    function template(first: CommandOptions | TemplateStringsArray, ...words: Word[]) {
      return 'raw' in first ? withOptions({})(first, ...words) : withOptions(first)
    }
    return template
  }
  return Object.assign(withEffect('read'), { change: withEffect('change'), record: withEffect('record') })
}

const minute = 60_000

/** A command on this machine. A read gets 2 minutes and everything else 30, unless `timeoutMs` says otherwise. */
export const local: CommandTemplate = commandTemplate((argv, effect, options) => ({
  argv,
  on: 'here',
  effect,
  timeoutMs: (effect === 'read' ? 2 : 30) * minute,
  ...options,
}))

/** A command on a host, as the user of its login. It gets 2 minutes, unless `timeoutMs` says otherwise. */
export const onHost = (host: Host): CommandTemplate<HostCommand> =>
  commandTemplate((argv, effect, options) => ({ argv, on: host, effect, timeoutMs: 2 * minute, ...options }))
