import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import {
  discardEnvironment,
  markEnvironment,
  placeEnvironment,
  readMark,
} from '../../../rehearsal/environmentMark.ts'
import { temporaryFolder } from '../../support/helpers.ts'

const id = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff'
const written = markEnvironment('stage', id, 'DOMAIN=a.app\n')

test.each([
  ['as the rehearsal wrote it', written, { id, changed: false }],
  ['with a line of the operator', `${written}WORKER_COUNT=2\n`, { id, changed: true }],
  ['with a changed value', written.replace('a.app', 'b.app'), { id, changed: true }],
  ['by hand', 'DOMAIN=a.app\n', undefined],
  ['empty', '', undefined],
  ['a copy of another rehearsal', markEnvironment('demo', id, 'DOMAIN=a.app\n'), undefined],
  ['with the mark further down', `DOMAIN=a.app\n${written}`, undefined],
])('an .env.stage %s', (_, text, mark) => {
  const file = path.join(temporaryFolder(), '.env.stage')
  writeFileSync(file, text)
  expect(readMark(file)).toEqual(mark)
  discardEnvironment(file)
  expect(existsSync(file)).toBe(mark === undefined)
  const kept = readdirSync(path.dirname(file)).filter((name) => name !== '.env.stage')
  expect(kept).toEqual(mark?.changed ? ['.env.stage.changed'] : [])
})

test('a folder with that name is kept', () => {
  const folder = path.join(temporaryFolder(), '.env.stage')
  mkdirSync(folder)
  expect(readMark(folder)).toBeUndefined()
  expect(discardEnvironment(folder)).toEqual([])
  expect(() => placeEnvironment(folder, written)).toThrow(/was not written by a rehearsal/)
  expect(existsSync(folder)).toBe(true)
})

test('the file of another run is kept', () => {
  const file = path.join(temporaryFolder(), '.env.stage')
  writeFileSync(file, written)
  expect(discardEnvironment(file, '00000000-0000-4000-8000-000000000000')).toEqual([])
  expect(readFileSync(file, 'utf8')).toBe(written)
})

test('it is written only for its owner, over an older generated one, never over a hand-written one', () => {
  const file = path.join(temporaryFolder(), '.env.stage')
  placeEnvironment(file, written)
  placeEnvironment(file, markEnvironment('stage', id, 'DOMAIN=b.app\n'))
  expect(readFileSync(file, 'utf8')).toContain('DOMAIN=b.app')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  writeFileSync(file, 'DOMAIN=by-hand.app\n')
  expect(() => placeEnvironment(file, written)).toThrow(/was not written by a rehearsal/)
  expect(readFileSync(file, 'utf8')).toBe('DOMAIN=by-hand.app\n')
  expect(readdirSync(path.dirname(file))).toEqual(['.env.stage'])
})
