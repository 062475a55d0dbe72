import type { Limits } from './config.ts'
import type { Secret } from './secret.ts'

/** One key of `.env`. Values arrive as text; `type` is what the text must represent. */
export interface Key {
  type: 'string' | 'integer' | 'number'
  default: string
  /** A regular expression that the text must match. */
  pattern?: string
  /** What the pattern allows; completes the sentence "must be …". */
  means?: string
  enum?: readonly string[]
  minimum?: number
  maximum?: number
  /** Never printed and never passed as an argument; may be a reference (env:, op://, azkv://). */
  secret?: boolean
  /** A file or a folder: a value that looks like the content of a key file is refused. */
  path?: boolean
  /** Its value in `.env.example`, where that is not the default. */
  example?: string
  /** The heading above it in `.env.example`. */
  section?: string
  /** The text above it in `.env.example`, which also explains the keys below it up to the next text. */
  explanation?: string
}

/** What a value may need besides its text. */
export interface Source {
  /** Makes a path absolute: relative paths start at the folder of `.env`, `~` is the home folder. */
  toPath(text: string): string
  toSecret(key: string, text: string): Secret
}

/** A key, and the value that a field of the configuration gets from its text. */
export interface Setting<Name extends string, Value> extends Key {
  key: Name
  read(text: string, source: Source): Value
}

export const hostName = '^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$'
export const host = '^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$'
export const url = '^https?://[^\\s]+$'
/** For addresses with a secret in them or beside them: only https hides it on the way, except to this machine. */
export const safeUrl =
  '^https://[^\\s]+$|^http://(localhost|127(\\.[0-9]{1,3}){3}|\\[::1\\])(:[0-9]{1,5})?([/?#][^\\s]*)?$'
export const safeUrlMeans = 'an https URL (http only to this machine)'
const port = '(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])'
export const neutralTarget = `(?:tcp://)?(?:[A-Za-z0-9.-]+|\\[[0-9a-fA-F:.]+\\]):${port}`
const limitsPattern = '^[0-9]{1,9}(\\.[0-9]{1,3})?,[0-9]{1,9}(\\.[0-9]{1,3})?$'
export const limitsMean = 'two figures, WARNING,CRITICAL, such as 200,1000'

export const setting = <Name extends string, Value>(
  key: Name,
  about: Key,
  read: Setting<Name, Value>['read'],
): Setting<Name, Value> => ({ ...about, key, read })
export const unchanged = (value: string): string => value

export const text = <Name extends string>(
  key: Name,
  value: string,
  pattern: string,
  means: string,
  more: Partial<Key> = {},
) => setting(key, { type: 'string', default: value, pattern, means, ...more }, unchanged)
export const choice = <Name extends string, Value extends string>(
  key: Name,
  value: Value,
  ...values: Value[]
) => setting(key, { type: 'string', default: value, enum: values }, (chosen) => chosen as Value)
export const integer = <Name extends string>(key: Name, value: string, minimum: number, maximum: number) =>
  setting(key, { type: 'integer', default: value, minimum, maximum }, Number)
export const number = <Name extends string>(key: Name, value: string, minimum: number, maximum: number) =>
  setting(key, { type: 'number', default: value, minimum, maximum }, Number)
/** A path; '' when none is set. */
export const file = <Name extends string>(key: Name) =>
  setting(key, { type: 'string', default: '', path: true }, (value, { toPath }) => value && toPath(value))
export const folder = <Name extends string>(key: Name, value: string) =>
  setting(key, { type: 'string', default: value, path: true }, (given, { toPath }) => toPath(given))
export const secret = <Name extends string>(key: Name, example = '') =>
  setting(key, { type: 'string', default: '', secret: true, example }, (value, { toSecret }) =>
    toSecret(key, value),
  )
/** Dollars; undefined when none are set. */
export const dollars = <Name extends string>(key: Name, means: string) =>
  setting(key, { type: 'string', default: '', pattern: '^([0-9]{1,6}(\\.[0-9]{1,2})?)?$', means }, (value) =>
    value === '' ? undefined : Number(value),
  )
export const limits = <Name extends string>(key: Name, value: string) =>
  setting(
    key,
    { type: 'string', default: value, pattern: limitsPattern, means: limitsMean },
    (given): Limits => {
      const [warning = 0, critical = 0] = given.split(',').map(Number)
      return { warning, critical }
    },
  )

type AnySetting = Setting<string, unknown>
export const isSetting = (part: object): part is AnySetting => 'read' in part

/** All settings of a part of the configuration, in order. */
export const listSettings = (part: object): AnySetting[] =>
  isSetting(part) ? [part] : Object.values(part).flatMap(listSettings)

function describeFirst<Part extends object>(part: Part, about: Partial<Key>): Part {
  Object.assign(listSettings(part)[0]!, about)
  return part
}

/** Writes an explanation above these keys in `.env.example`. */
export const explain = <Part extends object>(explanation: string, part: Part): Part =>
  describeFirst(part, { explanation })

/** Writes a heading above these keys in `.env.example`. */
export const section = <Part extends object>(title: string, part: Part): Part =>
  describeFirst(part, { section: title })
