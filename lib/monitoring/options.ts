import type { CommonFlags } from '../cli/defineScript.ts'
import { usageError } from '../util/errors.ts'
import { parseNumber } from '../util/number.ts'
import { formatSuggestion } from '../util/suggest.ts'
import { parseDuration } from '../util/time.ts'

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

export type HealthOptions = ReturnType<typeof parseHealthFlags>

/** Parses the flags; an empty `testAlert` means every channel. Throws (exit 2, which `health` reports as 3). */
export function parseHealthFlags(flags: HealthFlags, onTerminal: boolean) {
  const { json, targets, testAlert } = flags
  const format = flags.format === undefined ? undefined : parseFormat(flags.format)
  const usual: Format = onTerminal ? 'table' : 'plugin'
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
    format: json ? ('json' as const) : (format ?? usual),
    targets,
    fromVps: flags.from === 'vps',
    testAlert: testAlert === true ? '' : testAlert?.toString(),
    rules: {
      failAfter: parseCount('--fail-after', flags.failAfter ?? '3'),
      recoverAfter: parseCount('--recover-after', flags.recoverAfter ?? '2'),
      remindMs: parseReminder(flags.remind ?? '6h'),
    },
  }
}

function parseFormat(name: string): Format {
  const format = formats.find((each) => each === name)
  if (format) return format
  throw usageError(
    `Unknown format "${name}" for --format${formatSuggestion(name, formats)}`,
    `Supported: ${formats.join(', ')}.`,
  )
}

function parseCount(flag: string, words: string): number {
  const number = parseNumber(words, { whole: true, minimum: 1, maximum: 9999 })
  if (number !== undefined) return number
  throw usageError(`${flag}=${words} is not a number of checks`, 'Specify a whole number, 1 or more.')
}

function parseReminder(words: string): number {
  if (words === '0') return 0
  const ms = parseDuration(words)
  if (ms) return ms
  throw usageError(`--remind=${words} is not a duration`, 'Specify 30m, 6h, 1d …, or 0 for never.')
}
