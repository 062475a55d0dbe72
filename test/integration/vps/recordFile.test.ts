import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { Command } from '../../../lib/shell/command.ts'
import { recordFile } from '../../../lib/vps/remote/vps.ts'
import { loadFileConfig } from '../../support/config.ts'
import { temporaryFolder } from '../../support/helpers.ts'

const config = await loadFileConfig()

function play({ argv, stdin }: Command): void {
  const [program, ...rest] = argv as string[]
  execFileSync(program!, rest, { input: String(stdin), stdio: 'pipe' })
}

test('our own folder is created, only for root; any other must exist', () => {
  const folder = path.join(temporaryFolder(), "it's ours")
  for (const text of ['first\n', 'later\n'])
    play(recordFile(config.servers[0], { ours: folder }, 'a.json', text))
  expect(readdirSync(folder)).toEqual(['a.json'])
  expect(readFileSync(path.join(folder, 'a.json'), 'utf8')).toBe('later\n')
  expect([folder, path.join(folder, 'a.json')].map((each) => statSync(each).mode & 0o777)).toEqual([
    0o700, 0o600,
  ])

  play(recordFile(config.servers[0], { there: folder }, 'b', '$(x)\n'))
  expect(readFileSync(path.join(folder, 'b'), 'utf8')).toBe('$(x)\n')
  const gone = path.join(folder, 'gone')
  expect(() => play(recordFile(config.servers[0], { there: gone }, 'b', ''))).toThrow('gone')
  expect(existsSync(gone)).toBe(false)
})

test('only the given number of the last files in a folder is kept', () => {
  const folder = path.join(temporaryFolder(), 'receipts')
  const names = ['20260101', '20260102', '20260103', '20260104'].map((day) => `${day}T000000Z-deploy-1.json`)
  for (const name of names) play(recordFile(config.servers[0], { ours: folder }, name, '{}\n', 3))
  expect(readdirSync(folder).sort()).toEqual(names.slice(1))
  // With a clock that is behind, the newest record is kept only if its name says so.
  play(recordFile(config.servers[0], { ours: folder }, names[0]!, '{}\n', 4))
  expect(readdirSync(folder).sort()).toEqual(names)
})
