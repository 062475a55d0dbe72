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

/** What a run is asked for. */
export interface HealthOptions {
  quick: boolean
  only: string[]
  format: Format
  rules: IncidentRules
  targets?: string
  fromVps: boolean
  /** '' = every channel. */
  testAlert?: string
}

/** Throws (exit 2, which health turns into its own 3) when the flags cannot be followed. */
export function parseHealthFlags(flags: HealthFlags, onTerminal: boolean): HealthOptions {
  const { json, targets, testAlert } = flags
  const format = flags.format === undefined ? undefined : parseFormat(flags.format)
  if (flags.from !== undefined && flags.from !== 'vps')
    throw usageError(`--from ${flags.from} is no place to look from`, 'There is: vps.')
  if (json && format && format !== 'json') throw usageError(`--json and --format ${format} contradict`)
  if (flags.quick && flags.from)
    throw usageError('--from vps needs ssh, and --quick opens none', 'Leave one of them out.')
  const only = (flags.only ?? '')
    .split(',')
    .map((id) => id.trim())
    .filter(Boolean)
  if (flags.only !== undefined && only.length === 0) throw usageError('--only names no probe')
  if (testAlert !== undefined && (flags.quick || flags.only || targets || flags.from || format))
    throw usageError('--test-alert looks at nothing', 'Leave the other flags out.')
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
    `--format ${name} is none${meant ? `; did you mean ${meant}?` : ''}`,
    `There are: ${formats.join(', ')}.`,
  )
}

function parseCount(flag: string, words: string): number {
  const number = parseNumber(words, { whole: true, minimum: 1, maximum: 9999 })
  if (number !== undefined) return number
  throw usageError(`${flag}=${words} is not a number of looks`, 'Give a whole number from 1 on.')
}

function parseReminder(flag: string, words: string): number {
  if (words === '0') return 0
  const now = new Date()
  if (/^([0-9]{1,6}[smhdw])+$/.test(words)) {
    const ms = now.getTime() - parsePastTime(words, now).getTime()
    if (ms > 0) return ms
  }
  throw usageError(`${flag}=${words} is not a length of time`, 'Give 30m, 6h, 1d …, or 0 for never.')
}
