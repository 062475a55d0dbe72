import type { CommonFlags } from '../cli/defineScript.ts'
import { usageError } from '../util/errors.ts'
import { parseNumber } from '../util/number.ts'
import { findNearest } from '../util/suggest.ts'
import { parsePastTime } from '../util/time.ts'
import type { IncidentRules } from './incidentState.ts'

export const formats = ['plugin', 'json', 'table', 'openmetrics'] as const
export type Format = (typeof formats)[number]

export interface HealthFlags extends CommonFlags {
  quick?: boolean
  only?: string
  format?: string
  failAfter?: string
  recoverAfter?: string
  remind?: string
  targets?: string
  from?: string
  testAlert?: string | boolean
}

/** The options of one run. */
export interface HealthOptions {
  quick: boolean
  only: string[]
  format: Format
  rules: IncidentRules
  targets?: string
  fromVps: boolean
  /** An empty string means every channel. */
  testAlert?: string
}

/** Parses the flags. Throws (exit 2, which `health` reports as 3) for invalid ones. */
export function parseHealthFlags(flags: HealthFlags, onTerminal: boolean): HealthOptions {
  const { json, targets, testAlert } = flags
  const format = flags.format === undefined ? undefined : parseFormat(flags.format)
  if (flags.from !== undefined && flags.from !== 'vps')
    throw usageError(`Unknown location "${flags.from}" for --from`, 'Supported: vps.')
  if (json && format && format !== 'json') throw usageError(`--json contradicts --format ${format}`)
  if (flags.quick && flags.from)
    throw usageError('--from vps needs ssh, and --quick opens none', 'Omit one of them.')
  const only = (flags.only ?? '')
    .split(',')
    .map((id) => id.trim())
    .filter(Boolean)
  if (flags.only !== undefined && only.length === 0) throw usageError('--only lists no probe')
  if (testAlert !== undefined && (flags.quick || flags.only || targets || flags.from || format))
    throw usageError('--test-alert runs no probe', 'Omit the other flags.')
  return {
    quick: flags.quick ?? false,
    only,
    format: json ? 'json' : (format ?? (onTerminal ? 'table' : 'plugin')),
    rules: {
      failAfter: parseCount('--fail-after', flags.failAfter ?? '3'),
      recoverAfter: parseCount('--recover-after', flags.recoverAfter ?? '2'),
      remindMs: parseReminder('--remind', flags.remind ?? '6h'),
    },
    ...(targets === undefined ? {} : { targets }),
    fromVps: flags.from === 'vps',
    ...(testAlert === undefined ? {} : { testAlert: testAlert === true ? '' : String(testAlert) }),
  }
}

function parseFormat(name: string): Format {
  const format = formats.find((each) => each === name)
  if (format) return format
  const meant = findNearest(name, formats)
  throw usageError(
    `Unknown format "${name}" for --format${meant ? `; did you mean ${meant}?` : ''}`,
    `Supported: ${formats.join(', ')}.`,
  )
}

function parseCount(flag: string, words: string): number {
  const number = parseNumber(words, { whole: true, minimum: 1, maximum: 9999 })
  if (number !== undefined) return number
  throw usageError(`${flag}=${words} is not a number of checks`, 'Specify a whole number, 1 or more.')
}

function parseReminder(flag: string, words: string): number {
  if (words === '0') return 0
  const now = new Date()
  if (/^([0-9]{1,6}[smhdw])+$/.test(words)) {
    const ms = now.getTime() - parsePastTime(words, now).getTime()
    if (ms > 0) return ms
  }
  throw usageError(`${flag}=${words} is not a duration`, 'Specify 30m, 6h, 1d …, or 0 for never.')
}
