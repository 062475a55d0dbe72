import { expect, test } from 'vitest'
import { joinToPaste, quoteToPaste } from '../../../lib/shell/quote.ts'

test.each([
  ['--env', '--env'],
  ['a b', '"a b"'],
  ['', '""'],
  ["it's", `"it's"`],
  ['@file', '"@file"'],
  ['a,b', '"a,b"'],
  ['a&b', '"a&b"'],
  ['C:\\ops\\.env', 'C:\\ops\\.env'],
  ['C:\\my ops\\', '"C:\\my ops\\\\"'],
  ["$HOME's", "'$HOME''s'"],
])('on Windows, %j is pasted as %s', (word, quoted) => {
  expect(quoteToPaste(['npx', word], 'win32')).toBe(`npx ${quoted}`)
})

test('elsewhere a POSIX shell reads the line', () => {
  expect(quoteToPaste(["it's", '@file'], 'linux')).toBe(`'it'\\''s' @file`)
  expect(joinToPaste(['a', 'b'], 'linux')).toBe('a && b')
  expect(joinToPaste(['a', 'b'], 'win32')).toBe('a; b')
})
