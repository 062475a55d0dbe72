import { expect, test, vi } from 'vitest'
import { loadSqlite } from '../../../../lib/monitoring/store/sqlite.ts'

const experimental = 'SQLite is an experimental feature and might change at any time'

/** The text of every warning that gets past the filter while `work` runs. */
function getWarnings(work: () => void): string[] {
  const emit = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  try {
    work()
    return emit.mock.calls.map(([warning]) => String(warning))
  } finally {
    emit.mockRestore()
  }
}

test('suppresses only the warning that node:sqlite is experimental', () => {
  const warnings = getWarnings(() => {
    loadSqlite(() => {
      process.emitWarning(experimental, 'ExperimentalWarning')
      process.emitWarning('Type Stripping is an experimental feature', 'ExperimentalWarning')
      process.emitWarning(experimental, 'DeprecationWarning')
      process.emitWarning(experimental, { type: 'ExperimentalWarning' })
      process.emitWarning('another', { type: 'Warning', code: 'X' })
      return process.getBuiltinModule('node:sqlite')
    })
    process.emitWarning(experimental, 'ExperimentalWarning')
  })
  expect(warnings).toEqual([
    'Type Stripping is an experimental feature',
    experimental,
    'another',
    // After the load, nothing is filtered.
    experimental,
  ])
})

test('a load that fails restores the warnings', () => {
  const before = process.emitWarning
  expect(() =>
    loadSqlite(() => {
      throw new Error('no sqlite')
    }),
  ).toThrow('no sqlite')
  expect(process.emitWarning).toBe(before)
})

test('returns what node:sqlite exports', async () => {
  expect(loadSqlite()).toBe((await import('node:sqlite')).default)
})
