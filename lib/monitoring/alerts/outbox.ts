import { randomUUID } from 'node:crypto'
import type { Context } from '../../tasks/context.ts'
import type { Report, Unsent } from '../report.ts'
import type { QueuedAlert } from '../store/records.ts'
import type { History } from '../store/store.ts'
import { type Alert, type Channel, truncate } from './alert.ts'
import { type Delivery, sendAlert } from './channels.ts'

type Delivered = Report['alerts'] & { trouble: string[] }

/** So long a message is tried that a channel refuses for good, in short, too: its address may be the fault. */
const dropMs = 86_400_000

/**
 * Sends what waits in the outbox, oldest first, all channels at once; what is sent is taken out. A channel that fails
 * keeps its alerts, in their order, for the next run. A message that one refuses for good is sent in short; where that is
 * refused, too, it waits for a day and holds up no other.
 */
export async function deliver(
  context: Context,
  history: History,
  channels: readonly Channel[],
): Promise<Delivered> {
  const lease = createLease(history)
  const told: DeliveryLog = { sent: [], trouble: [] }
  /** What is left for the next run. */
  const left = new Set<number>()
  const wanted = ({ id }: QueuedAlert) => !left.has(id)
  for (let waiting = lease.take(); waiting; waiting = lease.more(wanted)) {
    const lines = Object.groupBy(waiting, ({ channel }) => channel)
    await Promise.all(
      Object.entries(lines).map(async ([name, queue = []]) => {
        const channel = channels.find((each) => each.name === name)
        const unsent = channel
          ? await sendQueue(context, { history, lease, channel, queue, told })
          : dropUnconfigured(history, queue, told)
        for (const id of unsent) left.add(id)
      }),
    )
  }
  const unsent = history.outbox().filter(({ tries }) => tries > 1)
  return { ...told, unsent: unsent.map(toUnsent) }
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
  told: DeliveryLog
}

/** Gives the ids of those that the channel did not take. */
async function sendQueue(
  context: Context,
  { history, lease, channel, queue, told }: Queue,
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
    const inShort =
      whole.forGood && lease.maySend(each.id) ? await sendAlert(context, channel, shorten(alert)) : undefined
    const { failure, forGood, remark }: Delivery = inShort ?? whole
    if (!failure) {
      history.dequeue(each.id)
      told.sent.push({ channel: channel.name, kind: alert.kind })
      if (inShort) told.trouble.push(`the ${alert.kind} alert was sent in short: ${whole.failure?.what}`)
      if (remark) told.trouble.push(remark)
    } else if (!forGood) {
      // What is behind it waits for the same reason.
      for (const behind of queue.slice(index)) leave(behind, failure.what)
      return left
    } else if (Date.now() - each.since > dropMs) {
      history.dequeue(each.id)
      told.trouble.push(`the ${alert.kind} alert was dropped, refused for a day: ${failure.what}`)
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
      `the ${(alert as Alert).kind} alert for ${channel} was dropped: it is not configured any more`,
    )
  }
  return []
}

/** Nothing in it that a receiver could choke on: few words, in letters that all know. */
const shorten = (alert: Alert): Alert => ({
  ...alert,
  title: truncate(alert.title.replaceAll(/[^\w .,;:%()-]+/g, ' '), 80),
  lines: [],
})

/** The outbox counts putting it there as its first try. */
const toUnsent = ({ channel, alert, since, tries, error }: QueuedAlert): Unsent => ({
  channel,
  kind: (alert as Alert).kind,
  since: new Date(since).toISOString(),
  tries: tries - 1,
  error,
})

/** Longer than any channel takes; a sender that was killed is not waited for longer. */
const leaseMs = 60_000
const key = 'sender'

/** The right to send what waits in the outbox: one process at a time has it, so that nothing is sent twice. */
export interface Lease {
  /** Everything that waits; undefined when nothing does, or another process is sending. */
  take(): QueuedAlert[] | undefined
  /** To be asked before each sending: whether it is still ours to send. From then on the lease lasts a minute again. */
  maySend(id: number): boolean
  /** What waits now, as far as it is `wanted`; the lease ends where that is nothing. */
  more(wanted: (waiting: QueuedAlert) => boolean): QueuedAlert[] | undefined
}

export function createLease(history: History): Lease {
  const holder = randomUUID()
  const held = () => history.note<{ holder: string; until: number }>(key)
  const renew = () => history.setNote(key, { holder, until: Date.now() + leaseMs })
  return {
    take: () =>
      history.transaction(() => {
        const waiting = history.outbox()
        const other = held()
        const left = (other?.until ?? 0) - Date.now()
        // One that ends later than any can is from before the clock was set back.
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
