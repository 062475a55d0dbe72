import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Command } from '../../../lib/shell/command.ts'
import {
  listBadCommand,
  markBadCommand,
  parseBadReleases,
  unmarkBadCommand,
} from '../../../lib/vps/badReleases.ts'
import { loadFileConfig } from '../../support/config.ts'

const config = await loadFileConfig()
const root = '/var/lib/codex-dominion/bad'

/** Runs a command for the VPS here, with a different folder. */
function played(command: Command, folder: string): string {
  const [program, ...rest] = (command.argv as string[]).map((word) => word.replace(root, folder))
  return execFileSync(program!, rest, { input: String(command.stdin ?? '') }).toString()
}

function temporary(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "bad it's "))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

test('a mark is a record: name in the arguments, reason on standard input', () => {
  const command = markBadCommand(config.servers[0], 'backend', 'src-0123456789ab', {
    at: 't',
    why: '$(x) "y"',
  })
  expect(command.argv.slice(-3)).toEqual(['record', `${root}/backend`, 'src-0123456789ab'])
  expect(command).toMatchObject({
    on: { name: 'vps' },
    effect: 'record',
    stdin: '{"at":"t","why":"$(x) \\"y\\""}\n',
  })
  expect(unmarkBadCommand(config.servers[0], 'frontend', '20261122T100000Z-aaaaaaaa').argv).toEqual([
    ...['rm', '-f', '--', `${root}/frontend/20261122T100000Z-aaaaaaaa`],
  ])
  expect(listBadCommand(config.servers[0]).effect).toBe('read')
})

test.each(['../x', 'a/b', '..', '.hidden', '-rf', '', 'a b', 'a\nb', 'x'.repeat(129)])(
  'a name that is not a release does not reach the VPS: %j',
  (id) => {
    expect(() => markBadCommand(config.servers[0], 'frontend', id, { at: '', why: '' })).toThrow(
      'neither a release id',
    )
    expect(() => unmarkBadCommand(config.servers[0], 'frontend', id)).toThrow('neither a release id')
  },
)

test('marks are read back: the latest reason counts, a damaged mark still counts, a cleared one is gone', () => {
  const folder = temporary()
  expect(parseBadReleases(played(listBadCommand(config.servers[0]), folder), 'vps')).toEqual({
    frontend: new Map(),
    backend: new Map(),
  })
  const mark = { at: '2026-11-22T10:00:00.000Z', why: "it's\t500" }
  for (const why of ['first', mark.why])
    played(markBadCommand(config.servers[0], 'backend', 'src-1', { ...mark, why }), folder)
  played(markBadCommand(config.servers[0], 'frontend', '20261122T100000Z-aaaaaaaa', mark), folder)
  writeFileSync(path.join(folder, 'frontend', '20261122T100001Z-bbbbbbbb'), '{"at":')
  expect(parseBadReleases(played(listBadCommand(config.servers[0]), folder), 'vps')).toEqual({
    frontend: new Map([
      ['20261122T100000Z-aaaaaaaa', mark],
      ['20261122T100001Z-bbbbbbbb', { at: '', why: 'the mark is damaged' }],
    ]),
    backend: new Map([['src-1', mark]]),
  })
  expect(statSync(path.join(folder, 'backend', 'src-1')).mode & 0o777).toBe(0o600)
  played(unmarkBadCommand(config.servers[0], 'backend', 'src-1'), folder)
  expect(readdirSync(path.join(folder, 'backend'))).toEqual([])
})

test('an incomplete list from the VPS does not mean that there are no marks', () => {
  expect(() => parseBadReleases('', 'vps')).toThrow('vps did not list')
  expect(() => parseBadReleases('backend\tsrc-1\t{}\n', 'vps')).toThrow('vps did not list')
})
