import { expect, test } from 'vitest'
import { buildSloReport } from '../../../../lib/monitoring/slo/sloReport.ts'
import { createHistoryPath, look, minute, openTestHistory, sample } from '../../../support/historyFixtures.ts'

const start = Date.UTC(2026, 0, 1)
const whole = { from: start, to: start + 60 * minute }

test('a transaction that fails stores nothing', async () => {
  const history = await openTestHistory()
  const failing = () =>
    history.transaction(() => {
      history.record(look(start, sample('new')))
      history.setNote('confirm', { rows: 1 })
      history.openIncident({ from: start, rank: 2, targets: ['new'], cause: 'x' })
      history.transaction(() => history.enqueue({ channel: 'slack', alert: {}, since: start, error: '' }))
      throw new Error('killed here')
    })
  expect(failing).toThrow('killed here')
  expect([history.latest(), history.note('confirm'), history.incidents(whole), history.outbox()]).toEqual([
    ...[[], undefined, [], []],
  ])
  // The id of the new target was rolled back with the transaction.
  history.record(look(start, sample('new')))
  expect(history.latest().map(({ target }) => target)).toEqual(['new'])
})

test('an incident opens, becomes worse and ends', async () => {
  const history = await openTestHistory()
  const id = history.openIncident({ from: start, rank: 1, targets: ['api'], cause: 'api 640 ms' })
  history.changeIncident(id, { rank: 3, targets: ['api', 'static'], cause: 'api 503' })
  const incident = { id, from: start, to: null, rank: 3, targets: ['api', 'static'], cause: 'api 503' }
  expect(history.incidents(whole)).toEqual([incident])
  history.changeIncident(id, { targets: ['api'] })
  history.changeIncident(id, { to: start + 10 * minute })
  const closed = { ...incident, targets: ['api'], to: start + 10 * minute }
  expect(history.incidents(whole)).toEqual([closed])
  expect(history.incidents({ from: start + 9 * minute, to: whole.to })).toEqual([closed])
  expect(history.incidents({ from: start + 10 * minute, to: whole.to })).toEqual([])
  expect(history.incidents({ from: 0, to: start })).toEqual([])
})

test('alerts stay queued in order across runs until they are sent', async () => {
  const file = createHistoryPath()
  const first = await openTestHistory(file)
  const [slack, email] = ['slack', 'email'].map((channel) =>
    first.enqueue({ channel, alert: { title: `to ${channel}` }, since: start, error: 'refused' }),
  )
  first.recordAttempt(slack!, 'answered 500')
  first.setLastRun({ at: start, exitCode: 2, line: 'CRITICAL - api 503' })
  first.close()
  const second = await openTestHistory(file)
  expect(second.outbox()).toEqual([
    {
      id: slack,
      channel: 'slack',
      alert: { title: 'to slack' },
      since: start,
      tries: 2,
      error: 'answered 500',
    },
    { id: email, channel: 'email', alert: { title: 'to email' }, since: start, tries: 1, error: 'refused' },
  ])
  second.dequeue(slack!)
  expect(second.outbox().map(({ id }) => id)).toEqual([email])
  expect(second.lastRun()).toEqual({ at: start, exitCode: 2, line: 'CRITICAL - api 503' })
})

test('runs from the VPS are kept separate and never affect the availability of the site', async () => {
  const history = await openTestHistory()
  history.record(look(start))
  history.record({ ...look(start + minute, sample('static', 'CRITICAL'), sample('api')), from: 'vps' })
  const now = start + 3 * minute
  expect(history.latest('here', now).map(({ target, verdict }) => [target, verdict])).toEqual([
    ['api', 'OK'],
    ['static', 'OK'],
  ])
  expect(history.latest('vps', now)[1]).toMatchObject({
    target: 'static',
    verdict: 'CRITICAL',
    at: start + minute,
  })
  // A sample from a clock that was ahead is ignored.
  history.record(look(start + 100 * minute, sample('static', 'CRITICAL')))
  expect(history.latest('here', now)[1]).toMatchObject({ target: 'static', verdict: 'OK', at: start })
  const terms = { sloPercent: 99.9, getLimits: () => undefined }
  const here = buildSloReport(history, terms, { ...whole, now })
  expect(here.site?.minutes).toMatchObject({ up: 3, down: 0, ahead: 57 })
  const there = buildSloReport(history, terms, { ...whole, now, vantage: 'vps' })
  expect(there.site).toBeNull()
  expect(there.targets.map(({ target, minutes: { up, down } }) => [target, up, down])).toEqual([
    ['api', 2, 0],
    ['static', 0, 2],
  ])
})
