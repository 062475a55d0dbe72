import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { writeAtomically } from '../../../lib/util/files.ts'
import { temporaryFolder } from '../../support/helpers.ts'

test('a file is replaced completely, with its mode, and no other file is left', () => {
  const folder = temporaryFolder()
  const file = path.join(folder, 'a')
  writeAtomically(file, 'one', { mode: 0o600 })
  chmodSync(file, 0o644)
  // Left by a killed process with this process id.
  writeFileSync(`${file}.${process.pid}.new`, 'half')
  writeAtomically(file, 'two', { mode: 0o600 })
  expect(readFileSync(file, 'utf8')).toBe('two')
  if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readdirSync(folder)).toEqual(['a'])
})

test('a write that fails, or that the check refuses, leaves the file and the folder unchanged', () => {
  const folder = temporaryFolder()
  const file = path.join(folder, 'a')
  writeFileSync(file, 'one')
  const check = () => {
    throw new Error('changed meanwhile')
  }
  expect(() => writeAtomically(file, 'two', { check })).toThrow('changed meanwhile')
  expect(readFileSync(file, 'utf8')).toBe('one')
  expect(readdirSync(folder)).toEqual(['a'])
  const taken = path.join(folder, 'taken')
  mkdirSync(path.join(taken, 'inside'), { recursive: true })
  expect(() => writeAtomically(taken, 'x')).toThrow()
  expect(existsSync(path.join(taken, 'inside'))).toBe(true)
  expect(readdirSync(folder).sort()).toEqual(['a', 'taken'])
})
