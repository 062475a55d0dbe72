import { expect, test } from 'vitest'
import { showsUnicode, sparkline } from '../../../lib/util/format.ts'

test('scaled from 0 to the greatest; a gap is a space', () => {
  expect(sparkline([0, 1, 2, 3, null, 4, 5, 6, 7, 8])).toBe('▁▂▃▄ ▅▆▇██')
  expect(sparkline([0, 4, null, 8], { unicode: false })).toBe('_+ @')
  expect(sparkline([0, 0, null])).toBe('▁▁ ')
  expect(sparkline([])).toBe('')
})

test('more figures than characters: peaks are kept, and a gap appears only where all are missing', () => {
  const figures = [...Array(10).fill(null), ...Array(21).fill(1), 100, ...Array(28).fill(1)]
  const line = sparkline(figures, { width: 30 })
  expect([...line]).toHaveLength(30)
  expect(line.slice(0, 5)).toBe('     ')
  expect(line[15]).toBe('█')
  expect(line[16]).toBe('▁')
})

test('Unicode where the locale supports it', () => {
  expect(showsUnicode({ LANG: 'en_US.UTF-8' }, 'linux')).toBe(true)
  expect(showsUnicode({ LANG: 'en_US.UTF-8', LC_ALL: 'C' }, 'linux')).toBe(false)
  expect(showsUnicode({ LC_CTYPE: 'C.utf8', LANG: 'C' }, 'linux')).toBe(true)
  expect(showsUnicode({}, 'linux')).toBe(false)
  expect(showsUnicode({}, 'win32')).toBe(true)
})
