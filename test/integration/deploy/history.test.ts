import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import {
  compareReceipts,
  differenceText,
  historyTable,
  theOne,
} from '../../../lib/deploy/receipts/history.ts'
import {
  localFolder,
  merged,
  type Receipt,
  readKeptReceipts,
  readReceipts,
  receiptsCommand,
  vpsFolder,
} from '../../../lib/deploy/receipts/receipts.ts'
import type { Command } from '../../../lib/shell/command.ts'
import { getFailure, loadTestConfig, openRunner, temporaryFolder, toSite } from '../../support/helpers.ts'

const receipt = (id: string, more: Partial<Receipt> = {}): Receipt => ({
  ...{ id, line: 'npx dominion deploy-complete', by: 'ops@desk', started: '2026-11-22T10:00:00.000Z' },
  ...{
    seconds: 61.25,
    result: 'done',
    revision: 'abc',
    image: 'r.azurecr.io/codex-backend:src-1',
    digest: 'sha256:1',
  },
  ...{ frontend: '', changed: [], unchanged: ['backend'], failed: [] },
  ...{ longestChain: { seconds: 1, ids: ['a'] }, commands: { read: 1, change: 0, record: 1 }, ...more },
})
const first = receipt('20261122T100000Z-deploy-complete-1')
const second = receipt('20261122T100000Z-deploy-complete-22', {
  image: 'r.azurecr.io/codex-backend:src-2',
  changed: [
    {
      ...{ id: 'backend', title: 'Backend container', what: 'codex-backend', seconds: 2 },
      fields: [{ name: 'image', before: 'src-1', after: 'src-2' }],
    },
  ],
  failed: [{ id: 'verify', error: 'no' }],
  result: 'failed',
})

/** The VPS side of the command, run here on a folder of receipts. */
function played(command: Command, folder: string): string {
  const [program, ...rest] = (command.argv as string[]).map((word) => (word === vpsFolder ? folder : word))
  return execFileSync(program!, rest).toString()
}

test('receipts on the VPS: the newest, by prefix, damaged ones named, none before the first deploy', async () => {
  const config = await loadTestConfig()
  const folder = temporaryFolder()
  for (const each of [first, second])
    writeFileSync(path.join(folder, `${each.id}.json`), JSON.stringify(each))
  writeFileSync(path.join(folder, '.half.new'), '{')
  const read = (most: number, prefix = '') =>
    readReceipts(played(receiptsCommand(config.servers[0], most, prefix), folder), 'vps')
  expect(read(9)).toEqual({ receipts: [first, second], damaged: [] })
  expect(read(1).receipts).toEqual([second])
  expect(read(9, first.id).receipts).toEqual([first])
  const wrong = {
    'a$(x) b.json': '{"id":',
    '20261122T100001Z-x-1.json': JSON.stringify({ ...first, id: 'other' }),
    '20261122T100002Z-x-1.json': JSON.stringify({ ...first, id: '20261122T100002Z-x-1', changed: [null] }),
    '20261122T100003Z-x-1.json': '',
  }
  for (const [name, text] of Object.entries(wrong)) writeFileSync(path.join(folder, name), text)
  const all = read(99)
  expect(all.receipts).toEqual([first, second])
  expect(all.damaged.map(({ name, why }) => `${name}: ${why}`)).toEqual([
    '20261122T100001Z-x-1.json: its id is "other"',
    '20261122T100002Z-x-1.json: its changed is [null]',
    '20261122T100003Z-x-1.json: it is empty',
    expect.stringMatching(/^a\$\(x\) b\.json: .*JSON/),
  ])
  expect(
    readReceipts(played(receiptsCommand(config.servers[0], 9, ''), `${folder}/none`), 'vps').receipts,
  ).toEqual([])
  expect(() => readReceipts('20261122T100000Z-x-1.json\te30=\n', 'vps')).toThrow('vps did not return all')
})

test('both places become one list, newest first; if one is silent, the other is still shown', async () => {
  const changed = { ...first, by: 'somebody' }
  expect(merged([first, second], [changed])).toEqual([
    { receipt: second, places: ['here'], differs: false },
    { receipt: first, places: ['here', 'vps'], differs: true },
  ])
  const config = await loadTestConfig()
  mkdirSync(localFolder(config), { recursive: true })
  writeFileSync(path.join(localFolder(config), `${first.id}.json`), JSON.stringify(first))
  const history = await readKeptReceipts({ ...toSite(config), runner: openRunner() }, 9)
  expect(history.kept).toEqual([{ receipt: first, places: ['here'], differs: false }])
  expect(history.answers.vps.failure?.message).toBe('this test has no VPS')
  expect(await getFailure(Promise.resolve().then(() => theOne(history, '2030')))).toMatchObject({
    exitCode: 3,
  })
})

test('an id may be shortened as long as it is unique', async () => {
  const answers = {
    here: { value: { receipts: [], damaged: [] } },
    vps: { value: { receipts: [], damaged: [] } },
  }
  const history = { kept: merged([first, second], []), damaged: [], answers }
  // One complete id is the prefix of the other.
  const longer = { ...history, kept: merged([first, { ...second, id: `${first.id}1` }], []) }
  expect(theOne(longer, first.id).receipt).toBe(first)
  expect(theOne(history, '20261122T100000Z-deploy-complete-2').receipt).toBe(second)
  for (const [prefix, words] of [
    ['20261122', /matches 2 ids/],
    ['2030', /Receipt 2030\S* not found/],
  ] as const)
    expect(await getFailure(Promise.resolve().then(() => theOne(history, prefix)))).toMatchObject({
      what: expect.stringMatching(words),
      exitCode: 2,
    })
})

test('the table: ids as short as possible, what changed and what failed', () => {
  const other = receipt('20261121T090000Z-provision-7', { started: '2026-11-21T09:00:00.000Z' })
  const lines = historyTable(merged([first, second, other], [])).split('\n')
  expect(lines[1]).toMatch(
    /^2026-11-22 10:00:00 {2}20261122T100000Z-deploy-complete-2 +ops@desk {2}failed +61\.3 {2}src-2 {2}– +deploy-complete {2}backend; ✖ verify$/,
  )
  expect(lines[3]).toMatch(/^2026-11-21 09:00:00 {2}20261121T090000Z .* nothing$/)
})

test('the differences between two runs: facts, steps and their fields', () => {
  const difference = compareReceipts(first, second)
  expect(difference).toEqual({
    facts: [
      { name: 'result', a: 'done', b: 'failed' },
      { name: 'image', a: 'r.azurecr.io/codex-backend:src-1', b: 'r.azurecr.io/codex-backend:src-2' },
    ],
    steps: [{ id: 'backend', b: 'codex-backend (image: src-1 → src-2)' }],
  })
  expect(differenceText(first, second, difference)).toContain(
    'step backend\n  A (unchanged)\n  B codex-backend (image: src-1 → src-2)',
  )
})
