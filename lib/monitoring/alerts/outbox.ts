import { randomUUID } from 'node:crypto'
import type { Context } from '../../tasks/context.ts'
import type { Report, Unsent } from '../report.ts'
import type { QueuedAlert } from '../store/records.ts'
import type { History } from '../store/store.ts'
import { type Alert, type Channel, truncate } from './alert.ts'
import { type Delivery, sendAlert } from './channels.ts'

type Delivered = Report['alerts'] & { trouble: string[] }

/** How long an alert that a channel refuses is retried, also in short form: the channel's address may be wrong. */
const dropMs = 86_400_000

/**
 * Sends the queued alerts, oldest first, all channels concurrently, and removes the delivered ones. A channel that
 * fails keeps its alerts in order for the next run. An alert that is refused is sent in short form; if that is
 * refused too, it is retried for a day and does not block others.
 */
export async function deliver(
  context: Context,
  history: History,
  channels: readonly Channel[],
): Promise<Delivered> {
  const lease = createLease(history)
  const log: DeliveryLog = { sent: [], trouble: [] }
  /** Ids left for the next run. */
  const left = new Set<number>()
  const wanted = ({ id }: QueuedAlert) => !left.has(id)
  for (let waiting = lease.take(); waiting; waiting = lease.more(wanted)) {
    const lines = Object.groupBy(waiting, ({ channel }) => channel)
    await Promise.all(
      Object.entries(lines).map(async ([name, queue = []]) => {
        const channel = channels.find((each) => each.name === name)
        const unsent = channel
          ? await sendQueue(context, { history, lease, channel, queue, log })
          : dropUnconfigured(history, queue, log)
        for (const id of unsent) left.add(id)
      }),
    )
  }
  const unsent = history.outbox().filter(({ tries }) => tries > 1)
  return { ...log, unsent: unsent.map(toUnsent) }
}

interface DeliveryLog {
  sent: { channel: string; kind: string }[]
  trouble: string[]
}

interface Queue {
  history: History
  lease: Lease
  channel: Channel
  queue: readonly QueuedAlert[]
  log: DeliveryLog
}

/** Returns the ids of the alerts that were not delivered. */
async function sendQueue(
  context: Context,
  { history, lease, channel, queue, log }: Queue,
): Promise<number[]> {
  const left: number[] = []
  const leave = ({ id }: QueuedAlert, why: string) => {
    history.recordAttempt(id, why)
    left.push(id)
  }
  for (const [index, each] of queue.entries()) {
    if (!lease.maySend(each.id)) {
      left.push(each.id)
      continue
    }
    const alert = each.alert as Alert
    const whole = await sendAlert(context, channel, alert)
    const shortened =
      whole.forGood && lease.maySend(each.id) ? await sendAlert(context, channel, shorten(alert)) : undefined
    const { failure, forGood, remark }: Delivery = shortened ?? whole
    if (!failure) {
      history.dequeue(each.id)
      log.sent.push({ channel: channel.name, kind: alert.kind })
      if (shortened)
        log.trouble.push(`the ${alert.kind} alert was sent in short form: ${whole.failure?.what}`)
      if (remark) log.trouble.push(remark)
    } else if (!forGood) {
      // Later alerts wait for the same reason.
      for (const behind of queue.slice(index)) leave(behind, failure.what)
      return left
    } else if (Date.now() - each.since > dropMs) {
      history.dequeue(each.id)
      log.trouble.push(`the ${alert.kind} alert was discarded after being refused for a day: ${failure.what}`)
    } else leave(each, failure.what)
  }
  return left
}

function dropUnconfigured(
  history: History,
  queue: readonly QueuedAlert[],
  { trouble }: DeliveryLog,
): number[] {
  for (const { id, alert, channel } of queue) {
    history.dequeue(id)
    trouble.push(
      `the ${(alert as Alert).kind} alert for ${channel} was discarded: the channel is no longer configured`,
    )
  }
  return []
}

/** A short form without anything that a receiver might refuse. */
const shorten = (alert: Alert): Alert => ({
  ...alert,
  title: truncate(alert.title.replaceAll(/[^\w .,;:%()-]+/g, ' '), 80),
  lines: [],
})

/** The outbox counts queueing as the first attempt. */
const toUnsent = ({ channel, alert, since, tries, error }: QueuedAlert): Unsent => ({
  channel,
  kind: (alert as Alert).kind,
  since: new Date(since).toISOString(),
  tries: tries - 1,
  error,
})

/** Longer than any channel takes; after this a killed sender loses its lease. */
const leaseMs = 60_000
const key = 'sender'

/** The right to send queued alerts. One process holds it at a time, so that nothing is sent twice. */
interface Lease {
  /** All queued alerts; undefined when there are none, or another process is sending. */
  take(): QueuedAlert[] | undefined
  /** Checks before each delivery whether this process may still send it; extends the lease by a minute. */
  maySend(id: number): boolean
  /** The queued alerts that are `wanted`; releases the lease when there are none. */
  more(wanted: (waiting: QueuedAlert) => boolean): QueuedAlert[] | undefined
}

function createLease(history: History): Lease {
  const holder = randomUUID()
  const held = () => history.note<{ holder: string; until: number }>(key)
  const renew = () => history.setNote(key, { holder, until: Date.now() + leaseMs })
  return {
    take: () =>
      history.transaction(() => {
        const waiting = history.outbox()
        const other = held()
        const left = (other?.until ?? 0) - Date.now()
        // A lease that ends too far in the future dates from before the clock was set back.
        if (waiting.length === 0 || (left > 0 && left <= leaseMs)) return undefined
        renew()
        return waiting
      }),
    maySend: (id) =>
      history.transaction(() => {
        if (held()?.holder !== holder) return false
        renew()
        return history.outbox().some((waiting) => waiting.id === id)
      }),
    more: (wanted) =>
      history.transaction(() => {
        if (held()?.holder !== holder) return undefined
        const waiting = history.outbox().filter(wanted)
        if (waiting.length > 0) renew()
        else history.setNote(key, undefined)
        return waiting.length > 0 ? waiting : undefined
      }),
  }
}
