import { randomUUID } from 'node:crypto'
import type { Context } from '../../tasks/task.ts'
import type { Report, Unsent } from '../report.ts'
import type { History, QueuedAlert } from '../store/store.ts'
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
  const [sent, trouble]: [{ channel: string; kind: string }[], string[]] = [[], []]
  const left = new Set<number>()
  const leave = (id: number, why: string) => {
    history.recordAttempt(id, why)
    left.add(id)
  }
  for (let queued = lease.take(); queued; queued = lease.more(({ id }) => !left.has(id))) {
    const queues = Map.groupBy(queued, ({ channel }) => channel)
    await Promise.all(
      [...queues].map(([name, queue]) => {
        const channel = channels.find((each) => each.name === name)
        return channel ? sendQueue(channel, queue) : dropUnconfigured(queue)
      }),
    )
  }
  const unsent = history.outbox().filter(({ tries }) => tries > 1)
  return { sent, trouble, unsent: unsent.map(toUnsent) }

  async function sendQueue(channel: Channel, queue: readonly QueuedAlert[]): Promise<void> {
    for (const [index, { id, since, ...each }] of queue.entries()) {
      if (!lease.maySend(id)) {
        left.add(id)
        continue
      }
      const alert = each.alert as Alert
      const { failure, forGood, remark } = await send(channel, id, alert)
      if (!failure) {
        history.dequeue(id)
        sent.push({ channel: channel.name, kind: alert.kind })
        if (remark) trouble.push(remark)
      } else if (!forGood) {
        // Later alerts wait for the same reason.
        for (const behind of queue.slice(index)) leave(behind.id, failure.what)
        return
      } else if (Date.now() - since > dropMs) {
        history.dequeue(id)
        trouble.push(`the ${alert.kind} alert was discarded after being refused for a day: ${failure.what}`)
      } else leave(id, failure.what)
    }
  }

  async function send(channel: Channel, id: number, alert: Alert): Promise<Delivery> {
    const whole = await sendAlert(context, channel, alert)
    if (!whole.forGood || !lease.maySend(id)) return whole
    const short = await sendAlert(context, channel, shorten(alert))
    if (!short.failure) trouble.push(`the ${alert.kind} alert was sent in short form: ${whole.failure?.what}`)
    return short
  }

  function dropUnconfigured(queue: readonly QueuedAlert[]): void {
    for (const { id, alert, channel } of queue) {
      history.dequeue(id)
      const { kind } = alert as Alert
      trouble.push(`the ${kind} alert for ${channel} was discarded: the channel is no longer configured`)
    }
  }
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
function createLease(history: History) {
  const holder = randomUUID()
  const held = () => history.note<{ holder: string; until: number }>(key)
  const renew = () => history.setNote(key, { holder, until: Date.now() + leaseMs })
  return {
    /** All queued alerts; undefined when there are none, or another process is sending. */
    take: () =>
      history.transaction(() => {
        const queued = history.outbox()
        const left = (held()?.until ?? 0) - Date.now()
        // A lease that ends too far in the future dates from before the clock was set back.
        if (queued.length === 0 || (left > 0 && left <= leaseMs)) return undefined
        renew()
        return queued
      }),
    /** Checks before each delivery whether this process may still send it; extends the lease by a minute. */
    maySend: (id: number) =>
      history.transaction(() => {
        if (held()?.holder !== holder) return false
        renew()
        return history.outbox().some((queued) => queued.id === id)
      }),
    /** The queued alerts that are `wanted`; releases the lease when there are none. */
    more: (wanted: (queued: QueuedAlert) => boolean) =>
      history.transaction(() => {
        if (held()?.holder !== holder) return undefined
        const queued = history.outbox().filter(wanted)
        if (queued.length > 0) renew()
        else history.setNote(key, undefined)
        return queued.length > 0 ? queued : undefined
      }),
  }
}
