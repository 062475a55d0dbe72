import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isSameInstallation } from '../../../lib/vps/frontend/build.ts'
import { readExport } from '../../../lib/vps/frontend/export.ts'
import {
  createReleaseId,
  findUnserved,
  formatManifest,
  getChangedAddresses,
  parseManifest,
  parseRelease,
  planRelease,
  selectPrunable,
} from '../../../lib/vps/frontend/release.ts'
import { hashSources } from '../../../lib/vps/frontend/sources.ts'
import { findChangedHere } from '../../../lib/vps/frontend/upload.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'dominion-export-'))
})
afterEach(() => rmSync(folder, { recursive: true }))
function put(name: string, content = name): void {
  const file = path.join(folder, name)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, content)
}

const sha = (letter: string) => letter.repeat(64)
const entry = (letter: string, retired = '') => ({ sha256: sha(letter), size: 1, retired })
const now = new Date('2026-11-22T10:00:00Z')

test('which files are sent, removed and carried over', () => {
  const before = new Map([
    ['index.html', entry('a')],
    ['same.html', entry('b')],
    ['gone.html', entry('c')],
    ['_next/static/old.js', entry('d')],
    ['_next/static/older.js', entry('e', '2026-10-24')],
    ['_next/static/oldest.js', entry('f', '2026-10-23')],
  ])
  const wanted = new Map([
    ['index.html', entry('1')],
    ['same.html', entry('b')],
    ['_next/static/new.js', entry('2')],
  ])
  const plan = planRelease(wanted, before, { now, keepDays: 30 })
  expect(plan.send).toEqual(['_next/static/new.js', 'index.html'])
  expect(plan.remove).toEqual(['_next/static/oldest.js', 'gone.html'])
  expect(plan.carried).toEqual(['_next/static/old.js', '_next/static/older.js'])
  expect(plan.manifest.get('_next/static/old.js')?.retired).toBe('2026-11-22')
  expect(plan.manifest.get('_next/static/older.js')?.retired).toBe('2026-10-24')
  expect(plan.manifest.size).toBe(5)
})

test('an unchanged export sends nothing; an asset that comes back is no longer retired', () => {
  const before = new Map([['_next/static/a.js', entry('a', '2026-11-01')]])
  const plan = planRelease(new Map([['_next/static/a.js', entry('a')]]), before, { now, keepDays: 30 })
  expect(plan).toMatchObject({ send: [], remove: [], carried: [], compress: [] })
  expect(plan.manifest.get('_next/static/a.js')?.retired).toBe('')
})

test('an old asset does not stay where the export now has a folder, nor below what is now a file', () => {
  const before = new Map([
    ['_next/static/x', entry('a')],
    ['_next/static/y/z.js', entry('b')],
  ])
  const wanted = new Map([
    ['_next/static/x/inner.js', entry('1')],
    ['_next/static/y', entry('2')],
  ])
  expect(planRelease(wanted, before, { now, keepDays: 30 }).remove).toEqual([
    '_next/static/x',
    '_next/static/y/z.js',
  ])
})

test('a manifest is restored from its text, with hostile names', () => {
  const names = [
    'a b.html',
    "it's.html",
    '$(rm -rf x).html',
    '-rf',
    '  two  spaces',
    'ünï.html',
    '"q"',
    '*',
    'a;b&c|d',
  ]
  const manifest = new Map(names.map((name, index) => [name, entry('a', index % 2 ? '2026-01-02' : '')]))
  expect(new Map([...parseManifest(formatManifest(manifest))])).toEqual(manifest)
  expect(() => parseManifest('nonsense\n')).toThrow('not a line of a manifest')
})

test('which releases may be removed', () => {
  const ids = [1, 2, 3, 4, 5, 6].map((day) => createReleaseId(new Date(Date.UTC(2026, 0, day)), sha('a')))
  const releases = ids.map((id) => ({ id, pinned: false }))
  const bad = new Set<string>()
  expect(selectPrunable(releases, { live: ids[5]!, previous: ids[4]!, keep: 3, bad })).toEqual(
    ids.slice(0, 3),
  )
  expect(
    selectPrunable(releases, { live: ids[0]!, previous: ids[1]!, keep: 2, bad }),
    'after a rollback',
  ).toEqual([ids[2], ids[3]])
  releases[2]!.pinned = true
  expect(selectPrunable(releases, { live: ids[5]!, previous: ids[4]!, keep: 2, bad })).toEqual([
    ids[0],
    ids[1],
    ids[3],
  ])
  releases[2]!.pinned = false
  for (const id of ids.slice(3)) bad.add(id)
  expect(
    selectPrunable(releases, { live: ids[5]!, previous: ids[4]!, keep: 2, bad }),
    'three bad ones push no good one out',
  ).toEqual([ids[0], ids[3]])
  expect(selectPrunable([], { live: '', previous: '', keep: 2, bad })).toEqual([])
})

test('a release.json is parsed; a damaged one gives undefined', () => {
  const id = createReleaseId(now, sha('a'))
  expect(id).toBe('20261122T100000Z-aaaaaaaa')
  const facts = { id, source: sha('a'), revision: 'abc', builtAt: now.toISOString(), files: 3, bytes: 9 }
  expect(parseRelease(id, JSON.stringify(facts), true)).toEqual({ ...facts, pinned: true })
  expect(parseRelease(id, '{"source":', false)).toBeUndefined()
  expect(parseRelease('../etc', JSON.stringify(facts), false)).toBeUndefined()
})

test('addresses to purge from a cache', () => {
  const before = new Map([
    ['index.html', entry('a')],
    ['a.html', entry('b')],
    ['same.css', entry('c')],
  ])
  const after = new Map([
    ['index.html', entry('1')],
    ['index.html.gz', entry('2')],
    ['new/index.html', entry('3')],
    ['same.css', entry('c')],
  ])
  expect(getChangedAddresses(before, after)).toEqual([
    '/',
    '/a',
    '/a.html',
    '/index.html',
    '/new',
    '/new/index.html',
  ])
})

test('an export with unusual names is read, and its bytes are those that were hashed', async () => {
  put('index.html', 'x'.repeat(5000))
  put('404.html')
  put("odd names/it's ünï $(x).txt", 'y'.repeat(2000))
  put('.build.json')
  const files = await readExport(folder)
  expect([...files.keys()]).toEqual(['404.html', 'index.html', "odd names/it's ünï $(x).txt"])
  put('index.html', 'changed meanwhile')
  expect((await files.get('index.html')!.read()).toString()).toBe('x'.repeat(5000))
})

test('text files worth compressing are compressed there; the .gz of an unchanged one is kept', () => {
  const big = (letter: string) => ({ sha256: sha(letter), size: 5000 })
  const wanted = new Map([
    ['same.html', big('a')],
    ['changed.html', big('1')],
    ['new.css', big('2')],
    ['bare.js', big('b')], // Of a release that had no .gz next to it.
    ['small.html', { sha256: sha('3'), size: 1024 }],
    ['photo.png', big('4')],
    ['own.txt', big('5')],
    ['own.txt.gz', big('6')],
  ])
  const before = new Map([
    ...['same.html', 'bare.js'].map((name) => [name, { ...wanted.get(name)!, retired: '' }] as const),
    ['same.html.gz', entry('7')],
    ['changed.html', entry('8')],
    ['changed.html.gz', entry('9')],
    ['_next/static/old.js', entry('c')],
    ['_next/static/old.js.gz', entry('d')],
  ])
  const plan = planRelease(wanted, before, { now, keepDays: 30 })
  expect(plan.compress).toEqual(['changed.html', 'new.css', 'bare.js'])
  expect(plan.remove).toEqual(['changed.html.gz'])
  expect(plan.carried).toEqual(['_next/static/old.js', '_next/static/old.js.gz'])
  expect(plan.manifest.get('same.html.gz')).toEqual(entry('7'))
  expect(plan.manifest.has('changed.html.gz')).toBe(false)
  expect(plan.send).not.toContain('same.html.gz')
})

test('a hashed asset that changes under its name loses its old .gz', () => {
  const wanted = new Map([['_next/static/a.js', { sha256: sha('1'), size: 5000 }]])
  const before = new Map([
    ['_next/static/a.js', entry('2')],
    ['_next/static/a.js.gz', entry('3')],
  ])
  const plan = planRelease(wanted, before, { now, keepDays: 30 })
  expect([plan.remove, plan.carried, plan.compress]).toEqual([
    ['_next/static/a.js.gz'],
    [],
    ['_next/static/a.js'],
  ])
})

test('an export that cannot be published says why', async () => {
  await expect(readExport(path.join(folder, 'none'))).rejects.toThrow('The build did not create')
  await expect(readExport(folder)).rejects.toThrow('is empty')
  put('about.html')
  await expect(readExport(folder)).rejects.toThrow('has no index.html')
  put('index.html')
  await expect(readExport(folder)).rejects.toThrow('has no 404.html')
  put('404.html')
  symlinkSync('/etc/passwd', path.join(folder, 'link.html'))
  await expect(readExport(folder)).rejects.toThrow('"link.html" in')
  rmSync(path.join(folder, 'link.html'))
  put('release.json')
  await expect(readExport(folder)).rejects.toThrow('a name that is reserved for the upload')
  rmSync(path.join(folder, 'release.json'))
  put('.publish/x')
  await expect(readExport(folder)).rejects.toThrow('".publish"')
  rmSync(path.join(folder, '.publish'), { recursive: true })
  put('two\nlines.html')
  await expect(readExport(folder)).rejects.toThrow('a control character in its name')
  rmSync(path.join(folder, 'two\nlines.html'))
  put('x.css')
  put('x.css.gz/inner.txt')
  await expect(readExport(folder)).rejects.toThrow(
    `"x.css.gz" in ${folder} has the name that the compressed copy of "x.css" needs`,
  )
  rmSync(path.join(folder, 'x.css'))
  expect([...(await readExport(folder)).keys()], 'a folder of that name alone').toContain(
    'x.css.gz/inner.txt',
  )
  put('-')
  expect([...(await readExport(folder)).keys()]).toContain('-')
  const deep = ['a', 'b', 'c', 'd', 'e'].map((letter) => letter.repeat(198)).join('/')
  put(`${deep}/z.txt`)
  expect([...(await readExport(folder)).keys()], '1000 bytes').toContain(`${deep}/z.txt`)
  put(`${deep}/zz.txt`)
  await expect(readExport(folder)).rejects.toThrow('zz.txt" in')
  await expect(readExport(folder)).rejects.toThrow('has a path of more than 1000 bytes')
})

test('files that nginx never serves are known by name', () => {
  const served = ['-', 'index.html', 'apis/x.json', 'api.html', '.well-known/security.txt', 'a.b/c..d.txt']
  const unserved = [
    '.htaccess',
    'a/.git/config',
    '.well-known/.x',
    'api/x.json',
    '.well-known',
    '_next/static/.x/y.js',
  ]
  expect(findUnserved([...served, ...unserved])).toEqual(unserved)
})

test('a file that changes after it was hashed is found, and one that is gone', async () => {
  put('index.html')
  put('404.html')
  const kept = await readExport(folder)
  const plan = { send: [...kept.keys()], remove: [], carried: [], compress: [], manifest: new Map() }
  // As with an export that does not fit into memory.
  const files = new Map(
    [...kept].map(([name, file]) => [name, { ...file, read: () => readFile(path.join(folder, name)) }]),
  )
  expect(await findChangedHere({ plan, files })).toBeUndefined()
  put('index.html', 'changed')
  expect(await findChangedHere({ plan, files })).toBe('index.html')
  rmSync(path.join(folder, '404.html'))
  expect(await findChangedHere({ plan, files })).toBe('404.html')
})

test('sources: contents and names count, ignored files do not, pages do not change the build id', async () => {
  put('package.json', '{"scripts":{"build":"next build"}}')
  put('.gitignore', 'made/\n*.log\n')
  put('app/page.tsx', '1')
  put('lib/a.ts', '1')
  const hash = () => hashSources(folder, {})
  const first = await hash()
  for (const ignored of [
    'made/x.ts',
    'a.log',
    'node_modules/x/index.js',
    '.next/y',
    'out/index.html',
    'next-env.d.ts',
  ]) {
    put(ignored)
  }
  expect(await hash()).toEqual(first)
  chmodSync(path.join(folder, 'lib/a.ts'), 0o600)
  expect(await hash()).toEqual(first)
  put('app/page.tsx', '2')
  const second = await hash()
  expect(second.all).not.toBe(first.all)
  expect(second.shared).toBe(first.shared)
  put('lib/a.ts', '2')
  const third = await hash()
  expect(third.shared).not.toBe(second.shared)
  put('.env.local', 'NEXT_PUBLIC_X=1')
  expect((await hash()).all).not.toBe(third.all)
  expect((await hashSources(folder, { NEXT_PUBLIC_X: '1' })).all).not.toBe((await hash()).all)
  expect(await hashSources(folder, { HOME: '/x' })).toEqual(await hash())
})

test('a folder that is not a dashboard', async () => {
  await expect(hashSources(path.join(folder, 'none'), {})).rejects.toThrow('There is no dashboard at')
  await expect(hashSources(folder, {})).rejects.toThrow('has no package.json')
  put('package.json', '{')
  await expect(hashSources(folder, {})).rejects.toThrow('is not JSON')
  put('package.json', '{}')
  await expect(hashSources(folder, {})).rejects.toThrow('has no build script')
})

test('whether the installed packages match the lock file', () => {
  const locked = (version: string, more = {}) => ({ version, integrity: `sha512-${version}`, ...more })
  const lock = {
    '': {},
    'node_modules/a': locked('1'),
    'node_modules/win': locked('1', { optional: true }),
    'node_modules/here': { link: true },
  }
  expect(isSameInstallation(lock, { 'node_modules/a': locked('1') })).toBe(true)
  expect(isSameInstallation(lock, { 'node_modules/a': locked('2') })).toBe(false)
  expect(isSameInstallation(lock, {})).toBe(false)
  expect(isSameInstallation(lock, { 'node_modules/a': locked('1'), 'node_modules/b': locked('1') })).toBe(
    false,
  )
  expect(isSameInstallation(lock, { 'node_modules/a': locked('1'), 'node_modules/win': locked('2') })).toBe(
    false,
  )
})
