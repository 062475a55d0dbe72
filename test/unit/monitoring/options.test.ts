import { expect, test } from 'vitest'
import { type HealthFlags, parseHealthFlags } from '../../../lib/monitoring/options.ts'

test('defaults: a table on a terminal, otherwise a line; 3 and 2 runs; reminders every six hours', () => {
  const rules = { failAfter: 3, recoverAfter: 2, remindMs: 6 * 3_600_000 }
  expect(parseHealthFlags({}, true)).toEqual({
    quick: false,
    only: [],
    format: 'table',
    rules,
    fromVps: false,
  })
  expect(parseHealthFlags({}, false).format).toBe('plugin')
  expect(parseHealthFlags({ json: true }, true).format).toBe('json')
})

test('parses every flag', () => {
  const flags = {
    quick: true,
    only: 'api, static,',
    format: 'openmetrics',
    failAfter: '1',
    recoverAfter: '10',
  }
  expect(parseHealthFlags({ ...flags, remind: '1d12h' }, true)).toMatchObject({
    ...{ quick: true, only: ['api', 'static'], format: 'openmetrics' },
    rules: { failAfter: 1, recoverAfter: 10, remindMs: 36 * 3_600_000 },
  })
  expect(parseHealthFlags({ remind: '0' }, true).rules.remindMs).toBe(0)
  expect(parseHealthFlags({ testAlert: true }, true).testAlert).toBe('')
  expect(parseHealthFlags({ testAlert: 'slack' }, true).testAlert).toBe('slack')
})

test.each<[HealthFlags, RegExp]>([
  [{ format: 'tables' }, /Unknown format "tables" for --format; did you mean table/],
  [{ json: true, format: 'table' }, /contradict/],
  [{ from: 'moon' }, /Unknown location "moon" for --from/],
  [{ from: 'vps', quick: true }, /needs ssh/],
  [{ only: ' , ' }, /lists no probe/],
  [{ failAfter: '0' }, /--fail-after=0/],
  [{ recoverAfter: '2.5' }, /--recover-after=2.5/],
  [{ remind: 'soon' }, /--remind=soon/],
  [{ remind: '0h' }, /--remind=0h/],
  [{ testAlert: true, only: 'api' }, /runs no probe/],
])('%j is rejected', (flags, words) => {
  expect(() => parseHealthFlags(flags, true)).toThrow(words)
})
