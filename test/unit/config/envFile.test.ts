import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { parse } from 'dotenv'
import { expect, test } from 'vitest'
import { saveValues, setValues } from '../../../lib/config/envFile.ts'
import { getFailure, home, temporaryFolder } from '../../support/helpers.ts'

test('the effective value is replaced; comments, order, quotes elsewhere and line ends stay', () => {
  const text = [
    '# BACKEND_CPU=9 is a comment',
    'BACKEND_CPU=1',
    "NOTE='two lines:",
    "BACKEND_CPU=7'",
    'export  BACKEND_CPU = "2"   # cores',
    'BACKEND_MEMORY_GB=',
    'WORKER_CPU=1#tight',
    'LAST=x',
  ].join('\r\n')
  const after = setValues(text, {
    BACKEND_CPU: '4',
    BACKEND_MEMORY_GB: '8',
    WORKER_CPU: '2',
    WORKER_COUNT: '3',
  })
  expect(after.split('\r\n')).toEqual([
    '# BACKEND_CPU=9 is a comment',
    'BACKEND_CPU=1',
    "NOTE='two lines:",
    "BACKEND_CPU=7'",
    'export  BACKEND_CPU = 4   # cores',
    'BACKEND_MEMORY_GB=8',
    'WORKER_CPU=2#tight',
    'LAST=x',
    'WORKER_COUNT=3',
    '',
  ])
  expect(setValues('', { WORKER_COUNT: '2' })).toBe('WORKER_COUNT=2\n')
  expect(setValues(after, {})).toBe(after)
})

test('a copy of .env.example: two lines differ and nothing else', () => {
  const text = readFileSync(path.join(home, '.env.example'), 'utf8')
  const after = setValues(text, { WORKER_CPU: '1.5', WORKER_MEMORY_GB: '3' })
  const before = text.split('\n')
  const lines = after.split('\n')
  expect(lines.length).toBe(before.length)
  expect(lines.filter((line, index) => line !== before[index])).toEqual([
    'WORKER_CPU=1.5',
    'WORKER_MEMORY_GB=3',
  ])
  expect(parse(after)).toEqual({ ...parse(text), WORKER_CPU: '1.5', WORKER_MEMORY_GB: '3' })
})

test('saving keeps the mode and a link, and leaves no other files', async () => {
  const folder = temporaryFolder()
  mkdirSync(path.join(folder, 'kept'))
  const real = path.join(folder, 'kept', 'env')
  writeFileSync(real, 'WORKER_CPU=1\n')
  chmodSync(real, 0o640)
  symlinkSync(real, path.join(folder, '.env'))
  await saveValues(path.join(folder, '.env'), { WORKER_CPU: '2' })
  expect(readFileSync(real, 'utf8')).toBe('WORKER_CPU=2\n')
  expect(statSync(real).mode & 0o777).toBe(0o640)
  expect(lstatSync(path.join(folder, '.env')).isSymbolicLink()).toBe(true)
  expect(readdirSync(path.join(folder, 'kept'))).toEqual(['env'])
})

test('what cannot be saved is reported with the lines to set, and the file is unchanged', async () => {
  const folder = temporaryFolder()
  const file = path.join(folder, '.env')
  writeFileSync(file, 'WORKER_CPU=1\n')
  // The path of the new file is taken: as with a full disk, it fails before the rename.
  mkdirSync(`${file}.${process.pid}.new`)
  expect(await getFailure(saveValues(file, { WORKER_CPU: '2' }))).toMatchObject({
    what: expect.stringContaining('could not be written'),
    next: 'Set by hand: WORKER_CPU=2',
  })
  expect(readFileSync(file, 'utf8')).toBe('WORKER_CPU=1\n')
})
