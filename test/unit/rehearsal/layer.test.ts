import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { formatList, readLayer } from '../../../rehearsal/azure/layer.ts'

/* What is read from the three directories of an overlay; test/system/imageBuilds.test.ts does it with a real one. */

let folder: string
const at = (...names: string[]) => path.join(folder, ...names)

/** Creates `path → text` in one of the directories; a path that ends with a slash is an empty folder. */
function fill(side: string, files: Record<string, string>): void {
  mkdirSync(at(side), { recursive: true })
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(at(side, name.endsWith('/') ? name : path.dirname(name)), { recursive: true })
    if (!name.endsWith('/')) writeFileSync(at(side, name), text)
  }
}

const read = (isLeftOut: (path: string) => boolean = () => false) =>
  readLayer({ upper: at('upper'), lower: at('lower'), merged: at('merged') }, isLeftOut)

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'dominion-layer-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('it contains what was written, and nothing from the root', () => {
  fill('lower', { 'etc/passwd': 'root', 'usr/lib/a': '' })
  fill('upper', { 'app/one': '1', 'app-two': '2', 'usr/lib/b': '' })
  fill('merged', { 'etc/passwd': 'root', 'usr/lib/a': '', 'usr/lib/b': '', 'app/one': '1', 'app-two': '2' })
  expect(read()).toEqual({
    written: ['app', 'app-two', 'app/one', 'usr', 'usr/lib', 'usr/lib/b'],
    removed: [],
  })
})

test('it lists what was removed, also in emptied folders', () => {
  fill('lower', { 'etc/one': '', 'etc/two': '', 'opt/deep/file': '' })
  fill('upper', { 'etc/': '', 'opt/deep/': '' })
  fill('merged', { 'etc/two': '', 'opt/deep/': '' })
  expect(read()).toEqual({ written: ['etc', 'opt', 'opt/deep'], removed: ['etc/one', 'opt/deep/file'] })
})

test('a path that changed its type is removed first', () => {
  fill('lower', { 'srv/file': '', 'opt/folder/file': '', 'etc/same': '' })
  fill('upper', { 'srv/file/inside': '', 'opt/folder': '', 'etc/': '' })
  symlinkSync('passwd', at('upper/etc/same'))
  fill('merged', { 'srv/file/inside': '', 'opt/folder': '', 'etc/same': '' })
  expect(read().removed).toEqual(['opt/folder', 'srv/file'])
})

test('excluded paths count neither as written nor as removed', () => {
  fill('lower', { 'etc/shadow': '', 'etc/hosts': '' })
  fill('upper', { 'etc/hosts': 'own', 'tmp/context/file': '' })
  fill('merged', { 'etc/hosts': 'own', 'tmp/context/file': '' })
  const leftOut = new Set(['etc/shadow', 'etc/hosts', 'tmp/context'])
  expect(read((each) => leftOut.has(each))).toEqual({ written: ['etc', 'tmp'], removed: [] })
})

test('names keep their bytes in any encoding', () => {
  fill('lower', {})
  const name = Buffer.concat([Buffer.from(at('upper/')), Buffer.from([0xe9, 0x0a, 0xff])])
  fill('upper', { größe: '' })
  writeFileSync(name, '')
  fill('merged', {})
  const list = formatList(read().written)
  expect(list.equals(Buffer.concat([Buffer.from('größe\0'), Buffer.from([0xe9, 0x0a, 0xff, 0])]))).toBe(true)
})
