import type { Readable } from 'node:stream'
import type { HttpRequest } from '../net/http.ts'
import type { Mail } from '../net/smtp.ts'
import type { TcpExchange } from '../net/tcp.ts'
import type { EffectKind } from '../util/effect.ts'
import type { Failure } from '../util/errors.ts'
import { quoteLine } from './quote.ts'
import type { Host } from './remote.ts'

/** A value that must not stand in a process's arguments: the runner writes it to a 0600 file and passes the path. */
export interface SecretFile {
  /** What a reader of the plan sees: `<name>`. */
  readonly name: string
  readonly content: string
  /** Put before the path, as in az's `@file`. */
  readonly prefix: string
}

export interface Retry {
  /** Attempts in all. */
  readonly times: number
  /** Pause before the next attempt, in milliseconds. */
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
  /** Milliseconds until the process is ended. */
  readonly timeoutMs: number
  readonly retry?: Retry | undefined
  /** Exit codes that are an answer, not a failure. Default: 0 only. */
  readonly accept?: readonly number[]
  /** Explains the tool's output: what it means and what to do. */
  readonly explain?: (output: string) => Partial<Failure> | undefined
}

/** A command on a host. */
export type HostCommand = Command & { readonly on: Host }

/** One SQL statement (or a script of several) on the deployment's database. */
export interface Query {
  readonly text: string
  readonly values?: readonly unknown[]
  readonly effect: EffectKind
  /** Milliseconds to wait for the answer; without it the server's own limit applies. */
  readonly timeoutMs?: number
  /** Another database on the same server. */
  readonly database?: string | undefined
  /** What the plan prints instead of a long script. */
  readonly title?: string
}

/** Everything that this program does outside itself is one of these. */
export type Effect = Command | HttpRequest | Query | TcpExchange | Mail

export const isRequest = (effect: Effect): effect is HttpRequest => 'url' in effect
export const isMail = (effect: Effect): effect is Mail => 'subject' in effect
export const isQuery = (effect: Effect): effect is Query => 'text' in effect && !isMail(effect)

export const secretFile = (name: string, content: string, prefix = ''): SecretFile => ({
  name,
  content,
  prefix,
})

/** The line to read or paste; secret files show as `<name>`. */
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
  const shown = (word: string | SecretFile) =>
    typeof word === 'string' ? quoteLine([word]) : `${word.prefix}<${word.name}>`
  const line = command.argv.map(shown).join(' ')
  const where = command.cwd ? `(in ${command.cwd}) ${line}` : line
  return command.on === 'here' ? where : `${command.on.name}: ${where}`
}
