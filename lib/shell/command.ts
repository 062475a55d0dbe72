import type { Readable } from 'node:stream'
import type { HttpRequest } from '../net/http.ts'
import type { Mail } from '../net/smtp.ts'
import type { TcpExchange } from '../net/tcp.ts'
import type { EffectKind } from '../util/effect.ts'
import type { Failure } from '../util/errors.ts'
import { quoteLine, quoteToPaste } from './quote.ts'
import type { Host } from './remote.ts'

/** A value that must not appear in a process's arguments: the runner writes it to a 0600 file and passes the path. */
export interface SecretFile {
  /** What the plan shows instead: `<name>`. */
  readonly name: string
  readonly content: string
  /** Text to put before the path, as in az's `@file`. */
  readonly prefix: string
}

export interface Retry {
  /** Total number of attempts. */
  readonly times: number
  readonly pauseMs: number
  /** Only failures whose output matches are retried. */
  readonly when: RegExp
}

/** A process, on this machine or on a host. Never a shell string. */
export interface Command {
  readonly argv: readonly (string | SecretFile)[]
  readonly on: 'here' | Host
  readonly effect: EffectKind
  /** Text, bytes, or a function that opens a stream (called once per attempt). */
  readonly stdin?: string | Uint8Array | (() => Readable)
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Selects, by name, the variables that the process inherits. Default: all. */
  readonly inherits?: (name: string) => boolean
  readonly timeoutMs: number
  readonly retry?: Retry | undefined
  /** Exit codes that are an answer rather than a failure. Default: only 0. */
  readonly accept?: readonly number[]
  /** Explains the tool's output: what it means and what to do. */
  readonly explain?: (output: string) => Partial<Failure> | undefined
  /** Removes lines of stderr that are not about this command; the transcript keeps them. */
  readonly cleanStderr?: (stderr: string) => string
  /** For a tool that can hide why it failed: when its output matches, the read's own failure gives the reason. */
  readonly inquiry?: { readonly when: RegExp; readonly command: Command }
}

export type HostCommand = Command & { readonly on: Host }

/** One SQL statement (or a script of several) on the deployment's database. */
export interface Query {
  readonly text: string
  readonly values?: readonly unknown[]
  readonly effect: EffectKind
  /** Milliseconds to wait for the answer; without it the server's own limit applies. */
  readonly timeoutMs?: number
  readonly database?: string | undefined
  /** The login: the application's own instead of the administrator's. */
  readonly as?: 'application'
  /** What the plan prints instead of a long script. */
  readonly title?: string
}

/** Every action of this program on the outside world is one of these. */
export type Effect = Command | HttpRequest | Query | TcpExchange | Mail

export const isRequest = (effect: Effect): effect is HttpRequest => 'url' in effect
export const isMail = (effect: Effect): effect is Mail => 'subject' in effect
export const isQuery = (effect: Effect): effect is Query => 'text' in effect && !isMail(effect)

export const secretFile = (name: string, content: string, prefix = ''): SecretFile => ({
  name,
  content,
  prefix,
})

/** The line to read or paste; secret files are shown as `<name>`. */
export function display(command: Effect): string {
  if ('tls' in command) return `${command.tls ? 'tls' : 'tcp'}://${command.host}:${command.port}`
  if (isRequest(command)) return `${command.method} ${command.url}${command.body ? ` ${command.body}` : ''}`
  if (isMail(command)) {
    const { host, port } = command.server
    return `mail by ${host}:${port} to ${command.to.join(', ')}: ${command.subject}`
  }
  if (isQuery(command)) {
    const where = command.database ? `sql (${command.database})` : 'sql'
    return `${where}: ${command.title ?? command.text.replaceAll(/\s+/g, ' ').trim()}`
  }
  const quote = command.on === 'here' ? quoteToPaste : quoteLine
  const shown = (word: string | SecretFile) =>
    typeof word === 'string' ? quote([word]) : `${word.prefix}<${word.name}>`
  const line = command.argv.map(shown).join(' ')
  const where = command.cwd ? `(in ${command.cwd}) ${line}` : line
  return command.on === 'here' ? where : `${command.on.name}: ${where}`
}

type Argv = Command['argv']

/** What a template may contain: one word, several words, or none (`false`, `undefined`). */
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

/** Creates a template; `make` completes its commands with program, defaults and machine. */
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
