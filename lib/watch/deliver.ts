import type { Alert, Channel } from '../alerts/alert.ts'
import { send } from '../alerts/channels.ts'
import type { Waiting } from '../history/outbox.ts'
import type { History } from '../history/store.ts'
import type { Context } from '../steps/context.ts'
import type { Report, Unsent } from './report.ts'

type Delivered = Report['alerts'] & { trouble: string[] }

/** Longer than any channel takes; a sender that was killed is not waited for longer. */
const leaseMs = 60_000
const lease = 'sender'

/**
 * Sends what waits in the outbox, oldest first, all channels at once; what is sent is taken out. A channel that refuses
 * keeps its alerts, in their order, for the next run. One process sends at a time, so that nothing is sent twice.
 */
export async function deliver(
  context: Context,
  history: History,
  channels: readonly Channel[],
): Promise<Delivered> {
  const sent: { channel: string; kind: string }[] = []
  const trouble: string[] = []
  const refused = new Set<string>()
  for (let waiting = claim(history); waiting; waiting = more(history, refused)) {
    const lines = Object.groupBy(waiting, ({ channel }) => channel)
    await Promise.all(
      Object.entries(lines).map(async ([name, queue = []]) => {
        const channel = channels.find((each) => each.name === name)
        for (const each of queue) {
          const alert = each.alert as Alert
          if (!channel) {
            history.sent(each.id)
            trouble.push(`the ${alert.kind} alert for ${name} was dropped: it is not configured any more`)
            continue
          }
          const { failure, remark } = await send(context, channel, alert)
          if (failure) {
            history.triedAgain(each.id, failure.what)
            refused.add(name)
            return
          }
          history.sent(each.id)
          sent.push({ channel: name, kind: alert.kind })
          if (remark) trouble.push(remark)
        }
      }),
    )
  }
  return {
    sent,
    unsent: history
      .outbox()
      .filter(({ tries }) => tries > 1)
      .map(unsentOf),
    trouble,
  }
}

/** Everything that waits, for this process alone; undefined when there is nothing, or another one is sending. */
const claim = (history: History): Waiting[] | undefined =>
  history.transaction(() => {
    const waiting = history.outbox()
    if (waiting.length === 0) return undefined
    const held = history.note<{ pid: number; until: number }>(lease)
    const now = Date.now()
    if (held && held.until > now && held.until <= now + leaseMs) return undefined
    history.setNote(lease, { pid: process.pid, until: now + leaseMs })
    return waiting
  })

/** What another run has put out meanwhile; the lease ends where there is nothing more. */
const more = (history: History, refused: ReadonlySet<string>): Waiting[] | undefined =>
  history.transaction(() => {
    const waiting = history.outbox().filter(({ channel }) => !refused.has(channel))
    history.setNote(lease, waiting.length > 0 ? { pid: process.pid, until: Date.now() + leaseMs } : undefined)
    return waiting.length > 0 ? waiting : undefined
  })

/** The outbox counts putting it there as its first try. */
const unsentOf = ({ channel, alert, since, tries, error }: Waiting): Unsent => ({
  channel,
  kind: (alert as Alert).kind,
  since: new Date(since).toISOString(),
  tries: tries - 1,
  error,
})
