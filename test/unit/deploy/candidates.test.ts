import { expect, test } from 'vitest'
import type { Receipt } from '../../../lib/deploy/receipts/receipts.ts'
import {
  backendCandidates,
  type Candidate,
  candidateTable,
  chooseTarget,
  frontendCandidates,
  verifiedReleases,
} from '../../../lib/deploy/rollback/candidates.ts'
import { getFailure } from '../../support/helpers.ts'

const receipt = (more: Partial<Receipt>): Receipt => ({
  ...{
    id: 'i',
    line: '',
    by: '',
    started: '2026-11-22T10:00:00.000Z',
    seconds: 90,
    result: 'done',
    revision: 'r1',
  },
  ...{ image: '', digest: '', frontend: '', changed: [], unchanged: [], failed: [] },
  ...{ longestChain: { seconds: 0, ids: [] }, commands: { read: 0, change: 0, record: 0 } },
  ...more,
})
const step = (id: string, fields: object[] = []) => ({ id, title: id, what: '', fields, seconds: 1 })
const image = (tag: string) => `r.azurecr.io/codex-backend:${tag}`
const ended = '2026-11-22T10:01:30.000Z'

test('an image counts as working if it was released and waited for, or verified while live', () => {
  const backend = (more: Partial<Receipt>) => [...verifiedReleases([receipt(more)]).backend]
  expect(backend({ image: image('a'), changed: [step('backend')] })).toEqual([['a', ended]])
  expect(backend({ image: image('a'), unchanged: ['backend', 'verify'] })).toEqual([['a', ended]])
  expect(
    backend({ changed: [step('backend', [{ name: 'image', before: image('a'), after: image('b') }])] }),
  ).toEqual([['b', ended]])
  // Built only; live but not verified; a release that failed or was interrupted.
  expect(backend({ image: image('a'), changed: [step('image')] })).toEqual([])
  expect(backend({ image: image('a'), unchanged: ['backend'] })).toEqual([])
  for (const result of ['failed', 'interrupted'] as const)
    expect(backend({ image: image('a'), changed: [step('backend')], result })).toEqual([])
})

test('pages count as working if a run verified them as visitors get them; switching alone is not enough', () => {
  const frontend = (more: Partial<Receipt>) => [...verifiedReleases([receipt(more)]).frontend]
  const switched = step('frontend-switch', [{ name: 'live release', after: 'f1' }])
  // publish-frontend switches, but nothing verifies.
  expect(frontend({ frontend: 'f1', changed: [switched] })).toEqual([])
  expect(frontend({ frontend: 'f1', unchanged: ['verify'] })).toEqual([['f1', ended]])
  expect(frontend({ frontend: 'f1', changed: [switched], unchanged: ['verify-frontend'] })).toEqual([
    ['f1', ended],
  ])
  // The checks saw the maintenance page.
  expect(frontend({ frontend: 'f1', unchanged: ['verify'], hidden: ['verify'] })).toEqual([])
  expect(frontend({ frontend: 'f1' })).toEqual([])
  expect(frontend({ frontend: 'f1', unchanged: ['verify'], result: 'failed' })).toEqual([])
  const later = receipt({ frontend: 'f1', unchanged: ['verify'], started: '2026-11-23T10:00:00.000Z' })
  expect(
    verifiedReleases([later, receipt({ frontend: 'f1', unchanged: ['verify'] })]).frontend.get('f1'),
  ).toBe('2026-11-23T10:01:30.000Z')
})

const candidate = (id: string, more: Partial<Candidate> = {}): Candidate => ({
  ...{ id, made: `2026-11-2${id.at(-1)}T10:00:00Z`, revision: '', live: false, healthy: ended, ...more },
})

test('the previous release: the newest older one that worked and is not bad', async () => {
  const bad = { at: ended, why: 'it lost orders' }
  const all = [
    candidate('r6'),
    candidate('r5', { live: true }),
    candidate('r4', { bad }),
    { ...candidate('r3'), healthy: '' },
    candidate('r2'),
    candidate('r1'),
  ]
  expect(chooseTarget('backend', all, undefined).id).toBe('r2')
  // An operator may name a newer one, or one that was never verified, but not a bad one.
  expect(chooseTarget('backend', all, 'r6').id).toBe('r6')
  expect(chooseTarget('backend', all, 'r3').id).toBe('r3')
  const refused = (to: string | undefined, from = all) =>
    getFailure(Promise.resolve().then(() => chooseTarget('backend', from, to)))
  expect(await refused('r4')).toMatchObject({
    what: 'r4 is marked as bad, so no rollback selects it: it lost orders (2026-11-22 10:01:30 UTC)',
    next: expect.stringContaining('--clear-bad r4'),
    exitCode: 2,
  })
  expect(await refused('r')).toMatchObject({
    what: expect.stringMatching(/^r matches 6/),
    exitCode: 2,
  })
  expect(await refused('')).toMatchObject({ exitCode: 2 })
  expect(await refused('nope')).toMatchObject({
    what: expect.stringContaining('No backend release nope'),
    exitCode: 2,
  })
  expect(await refused(undefined, all.slice(0, 4))).toMatchObject({
    what: expect.stringMatching(/^No release before r5/),
    exitCode: 2,
  })
  expect(await refused(undefined, all.slice(2))).toMatchObject({
    what: expect.stringContaining('Could not determine which backend release is live'),
  })
})

test('an id that is a prefix of another one still selects itself', () => {
  const all = [candidate('src-1'), candidate('src-12')]
  expect(chooseTarget('backend', all, 'src-1').id).toBe('src-1')
})

test('the list: newest first, with dates, revision, and what is live, bad or never verified', () => {
  const releases = [
    '20261120T100000Z-aaaaaaaa',
    '20261121T100000Z-bbbbbbbb',
    '20261122T100000Z-cccccccc',
  ].map((id) => ({
    ...{ id, source: 's', revision: 'r1', builtAt: '', files: 1, bytes: 1, pinned: false },
  }))
  const state = { releases, live: releases[2]!.id, previous: releases[1]!.id }
  const bad = new Map([[releases[0]!.id, { at: '', why: 'the mark is damaged' }]])
  const found = frontendCandidates(state, bad, new Map([[releases[2]!.id, ended]]))
  expect(candidateTable('frontend', found).split('\n').slice(1)).toEqual([
    '20261122T100000Z-cccccccc  2026-11-22 10:00:00  r1        2026-11-22 10:01:30     live',
    '20261121T100000Z-bbbbbbbb  2026-11-21 10:00:00  r1        was live, not verified  only with --to',
    '20261120T100000Z-aaaaaaaa  2026-11-20 10:00:00  r1        never                   bad: the mark is damaged',
  ])
  expect(candidateTable('backend', [])).toBe('There are no backend releases.')
})

test('an image has the revision that it was first released from', () => {
  const tags = [{ name: 'src-1', digest: 'd', createdTime: '2026-11-22T09:00:00.1Z' }]
  const receipts = ['r2', 'r1'].map((revision, index) =>
    receipt({ image: image('src-1'), revision, started: `2026-11-2${3 - index}T10:00:00.000Z` }),
  )
  expect(backendCandidates(tags, 'src-1', new Map(), new Map(), receipts)).toEqual([
    { id: 'src-1', made: '2026-11-22T09:00:00.1Z', live: true, revision: 'r1' },
  ])
})

test('with only one release, there is none to name', () => {
  const only = [{ id: 'r1', made: '', live: true, revision: '', healthy: true }] as never
  expect(() => chooseTarget('frontend', only, undefined)).toThrow(
    'There is no earlier frontend release than r1',
  )
})
