import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { getCachedTree } from '../../../rehearsal/treeCache.ts'
import { home } from '../../support/helpers.ts'

/* What the cache builds is complete, whoever asks for it and whatever happened before. */

let folder: string
let place: string
let made: number
let lines: string[]
const say = (line: string) => void lines.push(line)

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'dominion-tree-'))
  place = path.join(folder, 'above', 'one')
  made = 0
  lines = []
})
afterEach(() => rmSync(folder, { recursive: true }))

async function make(tree: string): Promise<void> {
  made += 1
  mkdirSync(path.join(tree, 'usr'), { recursive: true })
  await pause(50)
  writeFileSync(path.join(tree, 'usr', 'file'), 'text')
}

test('several processes create it once, and later ones find it', async () => {
  const all = await Promise.all([1, 2, 3, 4].map(() => getCachedTree(place, make, say)))
  expect(new Set(all)).toEqual(new Set([path.join(place, 'tree')]))
  expect(await getCachedTree(place, make, say)).toBe(all[0])
  expect(made).toBe(1)
  expect(lines).toEqual([])
})

test('a long wait says what it is waiting for', async () => {
  const slow = async (tree: string) => {
    await pause(1500)
    await make(tree)
  }
  const first = getCachedTree(place, slow, () => {})
  await pause(200)
  await getCachedTree(place, make, say)
  await first
  expect(made).toBe(1)
  expect(lines).toEqual([`Waiting for another process that is creating ${place}`])
})

test('the remains of a failed attempt are not used', async () => {
  const fail = async (tree: string) => {
    await make(tree)
    throw new Error('no space left')
  }
  await expect(getCachedTree(place, fail, say)).rejects.toThrow('no space left')
  expect(readdirSync(path.dirname(place))).toEqual(['one.lock'])
  await getCachedTree(place, make, say)
  expect(made).toBe(2)
})

test('the remains of a killed process are not used', async () => {
  mkdirSync(path.join(`${place}.new`, 'tree', 'half'), { recursive: true })
  const tree = await getCachedTree(place, make, say)
  expect(readdirSync(tree)).toEqual(['usr'])
  expect(existsSync(`${place}.new`)).toBe(false)
})

test.each([
  ['a file is missing', (tree: string) => rmSync(path.join(tree, 'usr', 'file'))],
  ['a file is cut short', (tree: string) => writeFileSync(path.join(tree, 'usr', 'file'), '')],
  ['a file has come in', (tree: string) => writeFileSync(path.join(tree, 'usr', 'other'), '')],
  ['its fingerprint is missing', (tree: string) => rmSync(path.join(tree, '..', 'fingerprint'))],
  ['all of it is missing', (tree: string) => rmSync(tree, { recursive: true })],
])('a tree of which %s is recreated', async (_what, damage) => {
  const tree = await getCachedTree(place, make, say)
  damage(tree)
  expect(await getCachedTree(place, make, say)).toBe(tree)
  expect(made).toBe(2)
  expect(readdirSync(path.join(tree, 'usr'))).toEqual(['file'])
  expect(lines).toEqual([`${place} is damaged: creating it again`])
})

test('a cache folder that cannot be created is refused at once', () => {
  const text = `import { getCachedTree } from ${JSON.stringify(path.join(home, 'rehearsal', 'treeCache.ts'))}
    await getCachedTree('/proc/none/roots/one', async () => {}, () => {})`
  const argv = ['--input-type=module-typescript', '--eval', text]
  const { status, signal, stderr } = spawnSync(process.execPath, argv, {
    timeout: 10_000,
    killSignal: 'SIGKILL',
  })
  expect([status, signal]).toEqual([1, null])
  expect(String(stderr)).toMatch(/Error: E[A-Z]+: .*mkdir/)
})
