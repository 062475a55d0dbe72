import { expect, test } from 'vitest'
import type { Receipt } from '../../../lib/deploy/receipts/receipts.ts'
import { imageBefore } from '../../../lib/deploy/rollback/automatic.ts'
import type { Remote } from '../../../lib/shell/remote.ts'
import { unknownError } from '../../../lib/util/errors.ts'
import { getFailure, loadTestConfig, openRunner, toSite } from '../../support/helpers.ts'

/* What a release that resumes an interrupted run rolls back to when its image does not work. */

const image = (tag: string) => `codexacr1216.azurecr.io/codex-backend:${tag}`
const released = (tag: string, started: string): Receipt => ({
  ...{ id: `${started}-x`, line: '', by: '', started, seconds: 1, result: 'done', revision: '', digest: '' },
  ...{ image: image(tag), frontend: '', unchanged: [], failed: [] },
  changed: [{ id: 'backend', title: '', what: '', fields: [], seconds: 1 }],
  ...{ longestChain: { seconds: 0, ids: [] }, commands: { read: 0, change: 0, record: 0 } },
})

/** A VPS that has these receipts, and has these tags marked as bad. */
async function vps(receipts: readonly Receipt[], bad: readonly string[] = []) {
  const lines = receipts.map(
    (receipt) => `${receipt.id}.json\t${Buffer.from(JSON.stringify(receipt)).toString('base64')}`,
  )
  const marks = bad.map((tag) => `backend\t${tag}\t{"at":"2026-11-22T10:00:00Z","why":"it crashes"}`)
  const remote: Partial<Remote> = {
    exec: async (line) => ({
      code: 0,
      timedOut: false,
      stderr: '',
      stdout: [...(line.includes('/bad') ? marks : lines), 'end', ''].join('\n'),
    }),
    close() {},
  }
  return {
    ...toSite(await loadTestConfig()),
    runner: openRunner({ openHost: async () => remote as Remote }),
  }
}

const history = [released('t1', '2026-11-20T10:00:00.000Z'), released('t2', '2026-11-21T10:00:00.000Z')]
const cutOff = { backend: image('new'), workers: [] }

test('the image of the backend before the release; nothing else is read', async () => {
  const context = { ...toSite(await loadTestConfig()), runner: openRunner() }
  expect(await imageBefore(context, image('new'), { backend: image('old'), workers: [] })).toBe(image('old'))
})

test('interrupted after the backend: the image of a worker, or the last verified one, but never a bad one', async () => {
  const workers = [image('new'), image('old')]
  expect(await imageBefore(await vps(history), image('new'), { ...cutOff, workers })).toBe(image('old'))
  expect(await imageBefore(await vps(history), image('new'), cutOff)).toBe(image('t2'))
  // The backend group was deleted, and not yet created again.
  expect(await imageBefore(await vps(history), image('new'), { backend: undefined, workers: [] })).toBe(
    image('t2'),
  )
  const marked = await vps(history, ['old', 't2'])
  expect(await imageBefore(marked, image('new'), { ...cutOff, workers })).toBe(image('t1'))
})

test('no image to roll back to: the image itself was verified, or none was', async () => {
  const seen = await vps([...history, released('new', '2026-11-22T10:00:00.000Z')])
  expect(await imageBefore(seen, image('new'), cutOff)).toBeUndefined()
  expect(await imageBefore(await vps([]), image('new'), cutOff)).toBeUndefined()
})

test('a VPS that does not answer does not count as one without receipts', async () => {
  const silent = {
    ...toSite(await loadTestConfig()),
    runner: openRunner({ openHost: () => Promise.reject(unknownError('the VPS is silent')) }),
  }
  expect(await getFailure(imageBefore(silent, image('new'), cutOff))).toMatchObject({ exitCode: 3 })
})
