import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { Command } from '../../lib/command/command.ts'
import { recordFile } from '../../lib/ionos/recordFile.ts'
import { temporaryFolder } from '../command/rig.ts'
import { configOf } from './configuration.ts'

const config = await configOf()

function play({ argv, stdin }: Command): void {
  const [program, ...rest] = argv as string[]
  execFileSync(program!, rest, { input: String(stdin), stdio: 'pipe' })
}

test('a folder of our own is made, for root alone; another one must be there', () => {
  const folder = path.join(temporaryFolder(), "it's ours")
  for (const text of ['first\n', 'later\n']) play(recordFile(config, { ours: folder }, 'a.json', text))
  expect(readdirSync(folder)).toEqual(['a.json'])
  expect(readFileSync(path.join(folder, 'a.json'), 'utf8')).toBe('later\n')
  expect([folder, path.join(folder, 'a.json')].map((each) => statSync(each).mode & 0o777)).toEqual([
    0o700, 0o600,
  ])

  play(recordFile(config, { there: folder }, 'b', '$(x)\n'))
  expect(readFileSync(path.join(folder, 'b'), 'utf8')).toBe('$(x)\n')
  const gone = path.join(folder, 'gone')
  expect(() => play(recordFile(config, { there: gone }, 'b', ''))).toThrow('gone')
  expect(existsSync(gone)).toBe(false)
})
