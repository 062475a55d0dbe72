import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Command } from '../../../lib/shell/command.ts'
import type { Runner } from '../../../lib/shell/runner.ts'
import {
  type Entry,
  formatManifest,
  type Manifest,
  parseManifest,
} from '../../../lib/vps/frontend/release.ts'
import { pinCommand, pinVerified, switchBackCommand } from '../../../lib/vps/frontend/switch.ts'
import { remoteScript } from '../../../lib/vps/remote/vps.ts'
import { parseServerState, serverStateCommand } from '../../../lib/vps/serverState.ts'
import { loadFileConfig } from '../../support/config.ts'
import { toSite } from '../../support/helpers.ts'

/* The real scripts, run by this machine's shell on a temporary web root. */

const [a, b, c] = ['20260101T000000Z-aaaaaaaa', '20260102T000000Z-aaaaaaaa', '20260103T000000Z-aaaaaaaa']
let root: string
let site: string
const config = await loadFileConfig()

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'dominion-web-'))
  site = path.join(root, config.domain)
  for (const id of [a, b, c]) {
    mkdirSync(path.join(site, 'releases', id), { recursive: true })
    writeFileSync(path.join(site, 'releases', id, 'release.json'), '{"source":"s","builtAt":"t"}\n')
  }
})
afterEach(() => rmSync(root, { recursive: true }))

const here = () => ({ ...config, ionos: { ...config.ionos, webRoot: root } })
const marks = () => readdirSync(path.join(site, 'releases')).filter((name) => name.endsWith('.keep'))

async function perform({ argv, stdin }: Command): Promise<string> {
  const input = typeof stdin === 'function' ? await buffer(stdin()) : ''
  const [program, ...args] = argv as string[]
  return execFileSync(program!, args, { input, stdio: 'pipe' }).toString()
}

test('one release is pinned and the previous one unpinned; a missing one is refused and changes nothing', async () => {
  const command = pinCommand(toSite(here()), a)
  expect(command.effect).toBe('record')
  await perform(command)
  expect(marks()).toEqual([`${a}.keep`])
  await perform(pinCommand(toSite(here()), c))
  expect(marks()).toEqual([`${c}.keep`])
  await expect(perform(pinCommand(toSite(here()), '20260104T000000Z-aaaaaaaa'))).rejects.toThrow()
  expect(marks()).toEqual([`${c}.keep`])
})

test.each([
  ['in a dry run', false, [], []],
  ['when it is kept already', true, [b], []],
  ['when nothing is', true, [], [b]],
  ['when another is, too', true, [a, b], [b]],
])('%s', async (_when, mayChange, kept, wanted) => {
  const recorded: string[] = []
  const lines = [a, b].map(
    (id) => `release\t${id}\t${kept.includes(id) ? 'keep' : ''}\t{"source":"s","builtAt":"t"}`,
  )
  const runner = {
    mayChange,
    async run(command: Command) {
      if (command.effect === 'record') recorded.push(command.argv.at(-1) as string)
      return {
        code: 0,
        stdout: ['server-state\t1', ...lines, 'end\tserver-state'].join('\n'),
        stderr: '',
        timedOut: false,
      }
    },
  } as unknown as Runner
  const context = { ...toSite(config), runner }
  expect(await pinVerified(context, b)).toBe('')
  expect(await pinVerified(context, b)).toBe('')
  expect(await pinVerified(context, undefined)).toBe('')
  expect(recorded).toEqual(wanted)
})

test('a VPS that does not store the pin is a warning, not a fault of the release', async () => {
  const runner = { mayChange: true, run: () => Promise.reject(new Error('gone')) } as unknown as Runner
  expect(await pinVerified({ ...toSite(config), runner }, b)).toBe('; warning: it could not be pinned: gone')
})

test('the server state shows what is kept, what caches may hold, and what an interrupted publish left', async () => {
  const state = async () => parseServerState(await perform(serverStateCommand(toSite(here()))), 'vps')
  expect(await state()).toMatchObject({ cached: [], leftoverBytes: 0, live: '' })
  await perform(switchBackCommand(toSite(here()), a))
  expect((await state()).cached, 'nobody tells caches here').toEqual([])
  writeFileSync(path.join(site, 'cached'), `${a}\n`)
  await perform(switchBackCommand(toSite(here()), b))
  await perform(pinCommand(toSite(here()), b))
  const part = path.join(site, 'releases', '20260104T000000Z-aaaaaaaa.partial')
  execFileSync('cp', ['-al', path.join(site, 'releases', a), part])
  writeFileSync(path.join(part, 'half'), Buffer.alloc(64 * 1024, 1))
  const { cached, leftoverBytes, live, previous, releases } = await state()
  expect({ cached, live, previous }).toEqual({ cached: [a, b], live: b, previous: a })
  expect(releases.filter(({ pinned }) => pinned).map(({ id }) => id)).toEqual([b])
  expect(leftoverBytes, 'without what a release shares').toBe(64 * 1024)
})

/** Puts files into a release and writes its manifest; `.gz` and retired files are marked as such in the name. */
function fill(id: string, files: Record<string, string>, retired: Record<string, string> = {}): void {
  const manifest: [string, Entry][] = Object.entries(files).map(([name, text]) => {
    const file = path.join(site, 'releases', id, name)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, text)
    const sha256 = createHash('sha256').update(text).digest('hex')
    return [name, { sha256, size: Buffer.byteLength(text), retired: retired[name] ?? '' }]
  })
  writeFileSync(path.join(site, 'releases', `${id}.manifest`), formatManifest(new Map(manifest)))
}

test('a release that a rollback returns to gets the assets of the later ones, and its manifest lists them', async () => {
  const asset = (name: string) => `_next/static/${name}`
  fill(a, { 'index.html': 'a', [asset('both.js')]: 'both', [asset('a.js')]: 'a' })
  fill(b, {
    'index.html': 'b',
    'b.html': 'b',
    [asset('both.js')]: 'both',
    [asset('both.js.gz')]: 'gz',
    [asset('b.js')]: 'b',
  })
  fill(
    c,
    {
      'index.html': 'c',
      [asset('c/one two.js')]: 'c',
      [asset('c/one two.js.gz')]: 'gz',
      [asset('old.js')]: 'old',
    },
    { [asset('old.js')]: '2026-01-01' },
  )
  for (const id of [c, b, a]) await perform(switchBackCommand(toSite(here()), id))
  const today = new Date().toISOString().slice(0, 10)
  // `full` reads the files, `quick` trusts the manifest when names and sizes match.
  const manifest = async (how: string) =>
    parseManifest(await perform(remoteScript(config.servers[0], 'read', 'manifest', [site, '-', how])))
  const [quick, full] = [await manifest('quick'), await manifest('full')]
  expect(Object.fromEntries([...quick].map(([name, { retired }]) => [name, retired]))).toEqual({
    'index.html': '',
    [asset('a.js')]: '',
    [asset('both.js')]: '',
    [asset('b.js')]: today,
    [asset('c/one two.js')]: today,
    [asset('c/one two.js.gz')]: today,
    [asset('old.js')]: '2026-01-01',
  })
  const content = (each: Manifest) => [...each].map(([name, { sha256, size }]) => [name, sha256, size]).sort()
  expect(content(quick)).toEqual(content(full))
  const read = (id: string, name: string) => readFileSync(path.join(site, 'releases', id, name), 'utf8')
  expect([read(a, 'index.html'), read(c, 'index.html')]).toEqual(['a', 'c'])
  // Killed between files and manifest, the same line resumes.
  writeFileSync(path.join(site, 'releases', `${c}.manifest`), '')
  fill(c, { 'index.html': 'c' })
  await perform(switchBackCommand(toSite(here()), c))
  expect((await manifest('quick')).get(asset('b.js'))?.retired).toBe(today)
  expect(readdirSync(path.join(site, 'releases')).filter((name) => /carried|new$/.test(name))).toEqual([])
})

test('an upload that is cut off leaves nothing behind', async () => {
  const id = '20260104T000000Z-aaaaaaaa'
  const stage = remoteScript(config.servers[0], 'change', 'stage', [site, id, a, 'gzip', '0', '1'], {
    payload: async function* () {
      yield Buffer.from('1f8b', 'hex')
    },
  })
  await expect(perform(stage)).rejects.toThrow('unexpected end of file')
  expect(readdirSync(path.join(site, 'releases')).sort()).toEqual(['.lock', a, b, c])
})
