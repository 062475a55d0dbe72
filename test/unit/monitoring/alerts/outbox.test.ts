import { expect, onTestFinished, test, vi } from 'vitest'
import type { Channel } from '../../../../lib/monitoring/alerts/alert.ts'
import { createChannels } from '../../../../lib/monitoring/alerts/channels.ts'
import { deliver } from '../../../../lib/monitoring/alerts/outbox.ts'
import type { History } from '../../../../lib/monitoring/store/store.ts'
import { createAlert, startReceiver } from '../../../support/alertFixtures.ts'
import { loadTestConfig, openRunner } from '../../../support/helpers.ts'
import { createHistoryPath, day, openTestHistory } from '../../../support/historyFixtures.ts'

const getContext = () => ({ runner: openRunner() }) as never

const enqueue = (history: History, incident: string, since = Date.now()) =>
  history.enqueue({ channel: 'webhook', alert: createAlert({ incident }), since, error: '' })

/** A receiver that answers with the status that `judge` returns; `taken` lists what it accepted. */
async function hook(judge: (body: { incident: string; lines: string[] }) => number) {
  const taken: string[] = []
  const { port, heard } = await startReceiver((outgoing, { body }) => {
    const said = JSON.parse(body) as { incident: string; lines: string[] }
    const status = judge(said)
    if (status === 200) taken.push(`${said.incident} ${said.lines.length}`)
    outgoing.writeHead(status).end(status === 200 ? '' : 'no such message')
  })
  const channels = createChannels(await loadTestConfig(`ALERT_WEBHOOK_URL=http://localhost:${port}/hook`))
  return { taken, heard, channels }
}

test('an alert that is refused is sent in short form', async () => {
  const { taken, channels } = await hook(({ incident, lines }) =>
    incident === 'a' && lines.length > 0 ? 413 : 200,
  )
  const history = await openTestHistory()
  for (const incident of ['a', 'b']) enqueue(history, incident)
  const { sent, unsent, trouble } = await deliver(getContext(), history, channels)
  expect(taken).toEqual(['a 0', 'b 2'])
  expect([sent.length, unsent]).toEqual([2, []])
  expect(trouble).toEqual([
    expect.stringMatching(/^the problem alert was sent in short form: .* answered 413/),
  ])
  expect(history.outbox()).toEqual([])
})

test('an alert that is also refused in short form blocks no other, and is discarded after a day with a report', async () => {
  const { taken, channels } = await hook(({ incident }) => (incident === 'a' ? 400 : 200))
  const history = await openTestHistory()
  for (const incident of ['a', 'b']) enqueue(history, incident)
  const first = await deliver(getContext(), history, channels)
  expect(taken).toEqual(['b 2'])
  expect(first.unsent).toMatchObject([{ tries: 1, error: expect.stringContaining('answered 400') }])
  expect((await deliver(getContext(), history, channels)).unsent).toMatchObject([{ tries: 2 }])

  enqueue(history, 'a', Date.now() - 2 * day)
  const later = await deliver(getContext(), history, channels)
  expect(later.trouble).toEqual([
    expect.stringMatching(/^the problem alert was discarded after being refused for a day: /),
  ])
  expect(history.outbox()).toHaveLength(1)
})

test('a channel that fails keeps all of its queued alerts and reports them', async () => {
  const { heard, channels } = await hook(() => 500)
  const history = await openTestHistory()
  for (const incident of ['a', 'b', 'c']) enqueue(history, incident)
  const { unsent } = await deliver(getContext(), history, channels)
  expect(heard).toHaveLength(1)
  expect(unsent.map(({ tries, error }) => [tries, /answered 500/.test(error)])).toEqual(
    Array(3).fill([1, true]),
  )
})

test('a sender that takes longer than one lease in total is not overtaken by another run', async () => {
  let ahead = 0
  const now = Date.now
  vi.spyOn(Date, 'now').mockImplementation(() => now() + ahead)
  onTestFinished(() => void vi.restoreAllMocks())
  const file = createHistoryPath()
  const [first, second] = [await openTestHistory(file), await openTestHistory(file)]
  for (let number = 0; number < 10; number++) enqueue(first, String(number))
  const got: string[] = []
  let other: ReturnType<typeof deliver> | undefined
  const channel = (who: string): Channel => ({
    ...{ name: 'webhook', title: 'the webhook', key: 'ALERT_WEBHOOK_URL', file: '.env' },
    async deliver(_, { incident }) {
      got.push(who + incident)
      ahead += 9000
      if (who === 'first' && incident === '8') other = deliver(getContext(), second, [channel('second')])
      await other
      return undefined
    },
  })
  await deliver(getContext(), first, [channel('first')])
  expect(got).toEqual([...Array(10).keys()].map((number) => `first${number}`))
})

test('a sender that lost its lease sends nothing that another run has sent', async () => {
  let ahead = 0
  const now = Date.now
  vi.spyOn(Date, 'now').mockImplementation(() => now() + ahead)
  onTestFinished(() => void vi.restoreAllMocks())
  const file = createHistoryPath()
  const [first, second] = [await openTestHistory(file), await openTestHistory(file)]
  for (const incident of ['a', 'b', 'c']) enqueue(first, incident)
  const got: string[] = []
  const channel = (who: string): Channel => ({
    ...{ name: 'webhook', title: 'the webhook', key: 'ALERT_WEBHOOK_URL', file: '.env' },
    async deliver(_, { incident }) {
      if (who === 'first') {
        // The machine was suspended.
        ahead += 600_000
        await deliver(getContext(), second, [channel('second')])
      }
      got.push(`${who} ${incident}`)
      return undefined
    },
  })
  await deliver(getContext(), first, [channel('first')])
  expect(got).toEqual(['second a', 'second b', 'second c', 'first a'])
})
