import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { linkSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import type { Command } from '../../../lib/shell/command.ts'
import { type ExportedFile, sha256 } from '../../../lib/vps/frontend/export.ts'
import { parseManifest, planRelease } from '../../../lib/vps/frontend/release.ts'
import { type Compression, changedByHand, stageCommand } from '../../../lib/vps/frontend/upload.ts'
import { remoteScript } from '../../../lib/vps/remote/vps.ts'
import { loadFileConfig } from '../../support/config.ts'
import { temporaryFolder, toSite } from '../../support/helpers.ts'

/* The scripts for the VPS, run here by this machine's shell on a temporary folder. */

async function site() {
  const root = mkdtempSync(path.join(tmpdir(), 'dominion-stage-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  const config = await loadFileConfig(`WEB_ROOT=${root}`)
  const releases = path.join(root, config.domain, 'releases')
  const run = async (command: Command): Promise<SpawnSyncReturns<Buffer>> => {
    const [program, ...args] = command.argv as string[]
    return spawnSync(program!, args, {
      input: await buffer((command.stdin as () => NodeJS.ReadableStream)()),
    })
  }
  const manifest = async (id: string, how: 'quick' | 'full') =>
    parseManifest(
      (
        await run(remoteScript(config.servers[0], 'read', 'manifest', [path.dirname(releases), id, how]))
      ).stdout.toString(),
    )
  const stage = async (id: string, base: string, contents: Record<string, string>, form: Compression) => {
    const files = new Map<string, ExportedFile>(
      Object.entries(contents).map(([name, text]) => {
        const content = Buffer.from(text)
        return [name, { sha256: sha256(content), size: content.length, read: async () => content }]
      }),
    )
    return stageFiles(id, base, files, form)
  }
  const stageFiles = async (
    id: string,
    base: string,
    files: Map<string, ExportedFile>,
    form: Compression,
  ) => {
    const before = base ? await manifest(base, 'quick') : new Map()
    const plan = planRelease(files, before, { now: new Date(), keepDays: 30 })
    const facts = { id, source: 's', revision: '', builtAt: 'now', files: files.size, bytes: 1 }
    return run(stageCommand(toSite(config), { facts, base, plan, files, form }, { bytes: 0 }))
  }
  return {
    releases,
    manifest,
    stage,
    stageFiles,
    file: (...parts: string[]) => path.join(releases, ...parts),
  }
}

const page = (word: string) => `<html>${`${word} `.repeat(500)}</html>`
const odd = "it's $(odd) ü.txt"

test.each(['zstd', 'gzip'] as const)('stages a release sent with %s', async (form) => {
  const { releases, manifest, stage, file } = await site()
  const first = {
    ...{ 'index.html': page('one'), 'a/b.html': page('two'), [odd]: page('odd'), 'gone/x.html': 'x' },
    ...{ '-': 'a name that programs take for standard input', '-rf.html': page('dash') },
  }
  const done = await stage('20260101T000000Z-aaaaaaaa', '', first, form)
  expect([done.status, done.stderr.toString()]).toEqual([0, ''])
  const id = '20260102T000000Z-bbbbbbbb'
  const { 'gone/x.html': _gone, ...second } = { ...first, 'index.html': page('changed') }
  expect((await stage(id, '20260101T000000Z-aaaaaaaa', second, form)).status).toBe(0)
  for (const [name, text] of Object.entries(second)) {
    expect(readFileSync(file(id, name), 'utf8'), name).toBe(text)
    if (name !== '-') expect(gunzipSync(readFileSync(file(id, `${name}.gz`))).toString(), name).toBe(text)
  }
  expect(readFileSync(file('20260101T000000Z-aaaaaaaa', 'index.html'), 'utf8'), 'the one before').toBe(
    page('one'),
  )
  const inode = (release: string) => statSync(file(release, 'a/b.html.gz')).ino
  expect(inode(id), 'what stays is a hard link').toBe(inode('20260101T000000Z-aaaaaaaa'))
  expect(readdirSync(file(id)).sort()).toEqual(
    ['a', 'index.html', 'index.html.gz', odd, `${odd}.gz`, 'release.json']
      .concat('-', '-rf.html', '-rf.html.gz')
      .sort(),
  )
  expect(readdirSync(releases).filter((name) => name.includes('partial'))).toEqual([])
  const kept = await manifest(id, 'quick')
  expect(kept.size).toBe(9)
  expect(kept, 'the stored manifest matches the files').toEqual(await manifest(id, 'full'))
})

test('a large file is read in parts; one that shrinks while it is sent does not match', async () => {
  const { stageFiles, file } = await site()
  const source = path.join(temporaryFolder(), 'big.bin')
  const content = randomBytes(9_000_001)
  writeFileSync(source, content)
  const about = { sha256: sha256(content), size: content.length, read: async () => content, file: source }
  const id = '20260101T000000Z-aaaaaaaa'
  const done = await stageFiles(id, '', new Map([['big.bin', about]]), 'zstd')
  expect([done.status, done.stderr.toString()]).toEqual([0, ''])
  expect(readFileSync(file(id, 'big.bin')).equals(content)).toBe(true)
  writeFileSync(source, content.subarray(0, 8_000_000))
  const shrunk = await stageFiles('20260102T000000Z-aaaaaaaa', '', new Map([['big.bin', about]]), 'gzip')
  expect([shrunk.status, shrunk.stderr.toString()]).toEqual([
    changedByHand,
    expect.stringContaining('big.bin: FAILED'),
  ])
})

test('a hard-linked text file without a .gz gets one', async () => {
  const { stage, file } = await site()
  const ids = ['20260101T000000Z-aaaaaaaa', '20260102T000000Z-aaaaaaaa'] as const
  const files = { 'index.html': page('one') }
  await stage(ids[0], '', files, 'zstd')
  rmSync(file(ids[0], 'index.html.gz'))
  expect((await stage(ids[1], ids[0], files, 'zstd')).status).toBe(0)
  expect(gunzipSync(readFileSync(file(ids[1], 'index.html.gz'))).toString()).toBe(page('one'))
})

test('a release that was changed by hand is not copied from', async () => {
  const { releases, stage, file } = await site()
  const ids = ['20260101T000000Z-aaaaaaaa', '20260102T000000Z-aaaaaaaa'] as const
  const files = { 'index.html': page('one'), 'a.html': page('two') }
  await stage(ids[0], '', files, 'zstd')
  writeFileSync(file(ids[0], 'a.html'), page('owt'))
  const changed = await stage(ids[1], ids[0], { ...files, 'index.html': page('new') }, 'zstd')
  expect([changed.status, changed.stderr.toString()]).toEqual([
    changedByHand,
    expect.stringContaining('a.html: FAILED'),
  ])
  writeFileSync(file(ids[0], 'a.html'), page('two'))
  linkSync(file(ids[0], 'a.html'), file(ids[0], 'more.html'))
  const more = await stage(ids[1], ids[0], files, 'zstd')
  expect([more.status, readdirSync(releases).sort()]).toEqual([0, expect.arrayContaining([...ids])])
  expect(readdirSync(file(ids[1]))).not.toContain('more.html')
})
