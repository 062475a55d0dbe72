import { createHash } from 'node:crypto'
import { badRequest } from './errors.ts'
import type { Bag } from './json.ts'
import { sameJson } from './json.ts'

// biome-ignore lint/suspicious/noExplicitAny: template functions take values of any JSON type
type Value = any

const text = (value: Value): string => (typeof value === 'object' ? JSON.stringify(value) : String(value))

/** `format('{0}-{1:000}', …)`: placeholders by number; a number format of zeros pads with zeros. */
function format(pattern: string, ...values: Value[]): string {
  return pattern.replace(
    /\{\{|\}\}|\{(\d+)(?::(0+))?\}/g,
    (found: string, index: string, zeros?: string): string => {
      if (found === '{{' || found === '}}') return found.slice(0, 1)
      const value = text(values[Number(index)])
      return zeros ? value.padStart(zeros.length, '0') : value
    },
  )
}

/**
 * ARM's own hash is not published. What matters is that the 13 characters are the same for the same input.
 */
function uniqueString(...values: Value[]): string {
  const hash = createHash('sha256').update(values.map(text).join('\0')).digest()
  return [...hash.subarray(0, 13)].map((byte) => 'abcdefghijklmnopqrstuvwxyz234567'[byte % 32]).join('')
}

function guid(...values: Value[]): string {
  const hex = createHash('sha256').update(values.map(text).join('-')).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

const empty = (value: Value): boolean =>
  value === null ||
  value === undefined ||
  value === '' ||
  (typeof value === 'object' && Object.keys(value).length === 0)

/** Objects are merged one level deep, arrays joined without duplicates, as ARM's `union` does. */
function union(...values: Value[]): Value {
  if (!Array.isArray(values[0])) return Object.assign({}, ...values)
  const joined: Value[] = []
  for (const each of values.flat()) if (!joined.some((other) => sameJson(other, each))) joined.push(each)
  return joined
}

function contains(container: Value, item: Value): boolean {
  if (typeof container === 'string') return container.includes(text(item))
  if (Array.isArray(container)) return container.some((each) => sameJson(each, item))
  return Object.keys(container ?? {}).some((key) => key.toLowerCase() === text(item).toLowerCase())
}

function integer(value: Value): number {
  const number = Number(value)
  if (Number.isInteger(number)) return number
  throw badRequest('InvalidTemplate', `The template function 'int' cannot convert '${value}' to an integer.`)
}

/** The functions that need only their arguments; `if`, `parameters` and the like belong to the evaluator. */
export const pureFunctions: Record<string, (...values: Value[]) => Value> = {
  concat: (...values) => (Array.isArray(values[0]) ? values.flat() : values.map(text).join('')),
  format,
  toLower: (value) => text(value).toLowerCase(),
  toUpper: (value) => text(value).toUpperCase(),
  trim: (value) => text(value).trim(),
  string: text,
  int: integer,
  bool: (value) => (typeof value === 'string' ? value.toLowerCase() === 'true' : Boolean(value)),
  json: (value) => JSON.parse(value),
  replace: (value, from, to) => text(value).replaceAll(from, to),
  substring: (value, start, length) =>
    text(value).substring(start, length === undefined ? undefined : start + length),
  split: (value, by) => text(value).split(by),
  join: (values, by) => values.join(by),
  startsWith: (value, part) => text(value).toLowerCase().startsWith(text(part).toLowerCase()),
  endsWith: (value, part) => text(value).toLowerCase().endsWith(text(part).toLowerCase()),
  padLeft: (value, length, by = ' ') => text(value).padStart(length, by),
  length: (value) =>
    typeof value === 'string' || Array.isArray(value) ? value.length : Object.keys(value).length,
  first: (value) => value[0],
  last: (value) => value.at(-1),
  take: (value, count) => value.slice(0, Math.max(0, count)),
  skip: (value, count) => value.slice(Math.max(0, count)),
  contains,
  empty,
  union,
  createArray: (...values) => values,
  createObject: (...values) =>
    Object.fromEntries(
      values.flatMap((each, index) => (index % 2 === 0 ? [[each, values[index + 1]]] : [])),
    ) as Bag,
  coalesce: (...values) => values.find((each) => each !== null && each !== undefined) ?? null,
  equals: (left, right) =>
    typeof left === 'string' && typeof right === 'string'
      ? left.toLowerCase() === right.toLowerCase()
      : sameJson(left, right),
  not: (value) => !value,
  less: (left, right) => left < right,
  lessOrEquals: (left, right) => left <= right,
  greater: (left, right) => left > right,
  greaterOrEquals: (left, right) => left >= right,
  add: (left, right) => left + right,
  sub: (left, right) => left - right,
  mul: (left, right) => left * right,
  div: (left, right) => Math.trunc(left / right),
  mod: (left, right) => left % right,
  min: (...values) => Math.min(...values.flat()),
  max: (...values) => Math.max(...values.flat()),
  base64: (value) => Buffer.from(text(value)).toString('base64'),
  base64ToString: (value) => Buffer.from(text(value), 'base64').toString(),
  uriComponent: (value) => encodeURIComponent(text(value)),
  uniqueString,
  guid,
  true: () => true,
  false: () => false,
  null: () => null,
}
