import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdirSync, readdirSync } from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { expect, onTestFinished } from 'vitest'
import { exitCode, OpsError } from '../../lib/util/errors.ts'
import { escapeControls, escapeJsonControls } from '../../lib/util/terminal.ts'
import { temporaryFolder } from './helpers.ts'

/** Printed by the tests; set FUZZ_SEED to repeat a run. */
export const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31)

const attacks = [
  ...[
    '\x1b[2J',
    '\x1b]0;owned\x07',
    '\x9b31m',
    '\u202e',
    '\u200b',
    '\r',
    '\b',
    '\0',
    '\ud800',
    '\udb40\udc41',
  ],
  ...[
    '$(touch owned)',
    '`touch owned`',
    '; touch owned',
    '| touch owned',
    '&& touch owned',
    "'",
    '"',
    '\\',
    '%00',
  ],
  ...[
    '../',
    '../../owned',
    '/tmp/owned',
    '-x',
    '--help',
    '-oProxyCommand=touch owned',
    '\n',
    '\r\n',
    '\t',
    ' ',
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'null',
    'NaN',
    '-1',
    '1e999',
    '0x10',
    '{',
    '[',
    '$HOME',
    '%s%n',
    '=',
  ],
]

/** Texts of attacks and of characters of all kinds. */
export const hostileText = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...attacks) },
      { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
      { weight: 2, arbitrary: fc.string({ maxLength: 12 }) },
      { weight: 1, arbitrary: fc.constantFrom('a', '7').map((letter) => letter.repeat(600)) },
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''))

/** Values of every type of JSON, with hostile texts, also as names. */
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  hostileText,
  fc.constantFrom(null, [], {}, [null], [[]], -1, 1e308, true, '', { id: 'x' }, [{ id: 'x' }]),
  fc.dictionary(hostileText, hostileText, { maxKeys: 3 }),
)

/** Good data in which up to three places hold something else, or nothing. */
export function spoil<Data>(good: Data): fc.Arbitrary<unknown> {
  const change = fc.tuple(fc.nat(200), fc.option(hostileValue, { nil: undefined }))
  return fc.array(change, { maxLength: 3 }).map((changes) => {
    const data: Record<string, unknown> = structuredClone({ whole: good })
    for (const [index, shared] of changes) {
      const value = structuredClone(shared)
      const places = listPlaces(data)
      const [holder, name] = places[index % places.length] ?? [data, 'whole']
      if (value === undefined) delete holder[name]
      else
        Object.defineProperty(holder, name, { value, configurable: true, enumerable: true, writable: true })
    }
    return data.whole
  })
}

type Holder = Record<string, unknown>

const listPlaces = (holder: Holder): [Holder, string][] =>
  Object.entries(holder).flatMap(([name, value]): [Holder, string][] => [
    [holder, name],
    ...(typeof value === 'object' && value !== null ? listPlaces(value as Holder) : []),
  ])

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const steering = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/

/** Neither steers a terminal, nor shows an internal error. */
export function assertHarmless(shown: string): void {
  if (steering.test(shown)) throw new Error(`a control character: ${JSON.stringify(shown)}`)
  if (/^\s+at .*\.(ts|js):\d+/m.test(shown)) throw new Error(`a stack trace: ${JSON.stringify(shown)}`)
}

const codes: readonly number[] = Object.values(exitCode)

/** Runs one case: it has a result, or it fails on purpose with an exit code of the table. Any other error passes on. */
async function runCase(use: () => unknown): Promise<void> {
  try {
    const result = await use()
    const text = typeof result === 'string' ? result : (JSON.stringify(result) ?? '')
    assertHarmless(typeof result === 'string' ? escapeControls(text) : escapeJsonControls(text))
  } catch (thrown) {
    if (!(thrown instanceof OpsError)) throw thrown
    const { what, said = '', next = '' } = thrown.failure
    assertHarmless(escapeControls([what, said, next].join('\n')))
    if (!codes.includes(thrown.exitCode) || thrown.exitCode === exitCode.done)
      throw new Error(`exit ${thrown.exitCode} of a failure`)
  }
}

let count = 0
export const countInputs = (): number => count

/**
 * Runs cases with generated inputs. No case may start a process, or leave a file outside its folder; fast-check shrinks
 * the input of a failure and prints it with the seed.
 */
export async function attack<Input>(
  cases: number,
  inputs: fc.Arbitrary<Input>,
  use: (input: Input, folder: string) => unknown,
): Promise<void> {
  const outside = temporaryFolder()
  const folder = path.join(outside, 'inside')
  mkdirSync(folder)
  let started = 0
  const note = () => void started++
  subscribe('child_process', note)
  onTestFinished(() => void unsubscribe('child_process', note))
  await fc.assert(
    fc.asyncProperty(inputs, async (input) => {
      count++
      await runCase(() => use(input, folder))
      if (started > 0) throw new Error('a process was started')
    }),
    { seed, numRuns: cases, interruptAfterTimeLimit: 100_000, markInterruptAsFailure: true },
  )
  expect(readdirSync(outside)).toEqual(['inside'])
}
