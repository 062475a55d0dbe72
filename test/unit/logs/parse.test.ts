import { expect, test } from 'vitest'
import {
  createErrorTimestampParser,
  createLineParser,
  parseAccessTimestamp,
  parseContainerTimestamp,
  parseIsoTimestamp,
  readLines,
} from '../../../lib/logs/parse.ts'

const iso = (at: number | undefined) => (at === undefined ? undefined : new Date(at).toISOString())

test.each([
  ['2026-11-23T01:10:05.123Z level=info x', '2026-11-23T01:10:05.123Z', 'level=info x'],
  ['2026-11-23T01:10:05.123456789Z x', '2026-11-23T01:10:05.123Z', 'x'],
  ['2026-11-23 01:10:05,7 x', '2026-11-23T01:10:05.700Z', 'x'],
  ['2026-11-23T01:10:05+05:30 x', '2026-11-22T19:40:05.000Z', 'x'],
  [
    '[2026-11-23 01:10:05 -0100] [7] [INFO] x',
    '2026-11-23T02:10:05.000Z',
    '[2026-11-23 01:10:05 -0100] [7] [INFO] x',
  ],
  ['2026-11-23T01:10:05Z', '2026-11-23T01:10:05.000Z', ''],
  ['2026-13-41T01:10:05Z x', undefined, '2026-13-41T01:10:05Z x'],
  ['2026-11-23T01:10:05.123Zoo', undefined, '2026-11-23T01:10:05.123Zoo'],
  ['Traceback at 2026-11-23T01:10:05Z', undefined, 'Traceback at 2026-11-23T01:10:05Z'],
])('a line of a program: %s', (line, at, text) => {
  const found = parseIsoTimestamp(line)
  expect([iso(found.at), found.text]).toEqual([at, text])
})

test("the program's own timestamp takes precedence over Azure's", () => {
  const outer = '2026-11-23T01:10:06.000000000Z '
  expect(iso(parseContainerTimestamp(`${outer}2026-11-23T01:10:05.123Z hello`).at)).toBe(
    '2026-11-23T01:10:05.123Z',
  )
  expect(parseContainerTimestamp(`${outer}  File "x"`)).toEqual({
    at: Date.parse('2026-11-23T01:10:06Z'),
    text: '  File "x"',
  })
})

test('access log: uses the time between user and request, whatever the user name contains', () => {
  const line = '10.0.0.1 - [01/Jan/2030:00:00:00 +0000] x [23/Nov/2026:01:10:05 +0100] "GET / HTTP/2.0" 200 5'
  expect([iso(parseAccessTimestamp(line).at), parseAccessTimestamp(line).text]).toEqual([
    '2026-11-23T00:10:05.000Z',
    line,
  ])
  expect(parseAccessTimestamp('not a line').at).toBeUndefined()
})

test("error log: parses the server's local time, across a clock change", () => {
  const berlin = createErrorTimestampParser('Europe/Berlin', '+0200')
  const at = (time: string) => iso(berlin(`${time} [error] 7#7: no`).at)
  expect(at('2026/10/25 01:59:59')).toBe('2026-10-24T23:59:59.000Z')
  expect(at('2026/10/25 03:00:00')).toBe('2026-10-25T02:00:00.000Z')
  expect(at('2026/07/01 12:00:00')).toBe('2026-07-01T10:00:00.000Z')
  expect(berlin('2026/07/01 12:00:00 [error] 7#7: no').text).toBe('[error] 7#7: no')
  expect(iso(createErrorTimestampParser('Nowhere/At-all', '+0200')('2026/07/01 12:00:00 x').at)).toBe(
    '2026-07-01T10:00:00.000Z',
  )
})

test('joins lines from chunks that split a character', async () => {
  const bytes = Buffer.from('one\nzwölf\n\nlast')
  const chunks = async function* () {
    for (const byte of bytes) yield Uint8Array.of(byte)
  }
  const lines: string[] = []
  for await (const batch of readLines(chunks())) lines.push(...batch)
  expect(lines).toEqual(['one', 'zwölf', '', 'last'])
})

test('a line without a time takes that of the line before; the first ones take the first known time', () => {
  const since = Date.parse('2026-11-23T01:00:00Z')
  const dates = createLineParser('backend', parseIsoTimestamp, since)
  const lines = dates.take([
    'before',
    '2026-11-23T00:59:59Z old',
    'of the old one',
    '2026-11-23T01:00:00Z new',
    '  at x',
  ])
  expect(lines.map(({ at, text }) => [iso(at), text])).toEqual([
    ['2026-11-23T01:00:00.000Z', 'new'],
    ['2026-11-23T01:00:00.000Z', '  at x'],
  ])
  const none = createLineParser('worker', parseIsoTimestamp, since)
  expect(none.take(['a', 'b'])).toEqual([])
  expect(none.rest().map(({ at, text }) => [at, text])).toEqual([
    [undefined, 'a'],
    [undefined, 'b'],
  ])
})
