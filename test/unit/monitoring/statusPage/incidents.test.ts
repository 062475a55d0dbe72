import path from 'node:path'
import { expect, test } from 'vitest'
import { buildStatusView } from '../../../../lib/monitoring/statusPage/data.ts'
import { openHistory } from '../../../../lib/monitoring/store/store.ts'
import type { Verdict } from '../../../../lib/util/verdict.ts'
import { loadFileConfig } from '../../../support/config.ts'
import { temporaryFolder } from '../../../support/helpers.ts'

const begin = Date.parse('2026-11-23T05:00:00Z')
const second = 1000

/** Check runs by their seconds; [static, api, containers] of each. */
async function seen(
  looks: readonly (readonly [number, Verdict, Verdict, Verdict])[],
  incident: { from: number; to?: number; rank: 1 | 2 | 3; targets?: string[] },
) {
  const history = await openHistory(path.join(temporaryFolder(), 'health.sqlite'), {
    sampleDays: 35,
    days: 400,
  })
  for (const [at, ...verdicts] of looks) {
    history.record({
      at: begin + at * second,
      samples: ['static', 'api', 'containers'].map((target, index) => {
        const verdict = verdicts[index]!
        const said = target === 'containers' ? 'backend was restarted' : 'connect ECONNREFUSED 127.0.0.1:443'
        return { target, verdict, ms: verdict === 'OK' ? 50 : null, cause: verdict === 'OK' ? '' : said }
      }),
    })
  }
  const { from, to, rank, targets = ['containers', 'static', 'api'] } = incident
  const cause = 'containers backend was restarted; certificate, tls, static connect ECONNREFUSED'
  const id = history.openIncident({ from: begin + from * second, rank, targets, cause })
  if (to !== undefined) history.changeIncident(id, { to: begin + to * second })
  const now = begin + (looks.at(-1)?.[0] ?? 0) * second + second
  const { headline, incidents } = buildStatusView(history, await loadFileConfig(), now)
  history.close()
  return { headline, incidents, at: (ms: number | undefined) => ms && (ms - begin) / second }
}

const private1 = [0, 'OK', 'OK', 'WARNING'] as const
const outage = [
  private1,
  [20, 'OK', 'OK', 'WARNING'],
  [40, 'CRITICAL', 'OK', 'WARNING'],
  [50, 'CRITICAL', 'CRITICAL', 'WARNING'],
] as const

test('an outage lasts as long as it affected visitors, however long its incident was open', async () => {
  const { incidents, headline, at } = await seen(
    [
      ...outage,
      [58, 'OK', 'OK', 'WARNING'],
      [70, 'OK', 'OK', 'WARNING'],
      [90, 'OK', 'OK', 'OK'],
      [100, 'OK', 'OK', 'OK'],
    ],
    { from: 0, to: 90, rank: 3 },
  )
  expect(incidents.map(({ title, cause, start, end }) => [title, cause, at(start), at(end)])).toEqual([
    ['The website and the API were not working as expected', 'No connection could be established.', 40, 58],
  ])
  expect(headline.title).toBe('Everything works')
})

test('a fault of a private target keeps no public outage open', async () => {
  const good = [
    [58, 'OK', 'OK', 'WARNING'],
    [70, 'OK', 'OK', 'WARNING'],
  ] as const
  const incident = { from: 0, rank: 3 } as const
  const during = await seen(outage, incident)
  expect(during.headline).toMatchObject({
    level: 'down',
    title: 'The website and the API are not working as expected',
  })
  expect(during.incidents).toMatchObject([{ end: undefined }])
  const one = await seen([...outage, good[0]], incident)
  expect(one.headline).toMatchObject({ level: 'slow', title: 'The website and the API are recovering' })
  expect(one.incidents).toMatchObject([{ end: undefined }])
  const two = await seen([...outage, ...good], incident)
  expect(two.headline).toMatchObject({ level: 'works', title: 'Everything works' })
  expect(two.incidents.map(({ end }) => two.at(end))).toEqual([58])
})

test('an incident that visitors did not notice is not public; a slow site is reported as slow', async () => {
  const quiet = await seen([private1, [20, 'OK', 'OK', 'WARNING']], { from: 0, rank: 3 })
  expect(quiet.incidents).toEqual([])
  const slow = await seen([[0, 'WARNING', 'OK', 'CRITICAL']], { from: 0, rank: 2 })
  expect(slow.incidents).toMatchObject([{ title: 'The website is impaired', end: undefined }])
})

test("uses the incident's own times and the public part of its cause once the samples are pruned", async () => {
  const { incidents, at } = await seen(
    [
      [86_400, 'OK', 'OK', 'OK'],
      [86_700, 'OK', 'OK', 'OK'],
    ],
    { from: 0, to: 90, rank: 3 },
  )
  expect(incidents.map(({ cause, start, end }) => [cause, at(start), at(end)])).toEqual([
    ['No connection could be established.', 0, 90],
  ])
})

test('a young history also shows ninety days, and the page says when it starts', async () => {
  const { openHistory: open } = await import('../../../../lib/monitoring/store/store.ts')
  const history = await open(path.join(temporaryFolder(), 'health.sqlite'), { sampleDays: 35, days: 400 })
  history.record({ at: begin, samples: [{ target: 'static', verdict: 'OK', ms: 50, cause: '' }] })
  const view = buildStatusView(history, await loadFileConfig(), begin + second)
  history.close()
  expect(view.parts[0]!.days).toHaveLength(90)
  const { renderStatusPage } = await import('../../../../lib/monitoring/statusPage/page.ts')
  expect((await renderStatusPage(view)).html).toContain('The history starts on 23 Nov 2026.')
})
