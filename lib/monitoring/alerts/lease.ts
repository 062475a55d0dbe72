import { randomUUID } from 'node:crypto'
import type { Waiting } from '../store/records.ts'
import type { History } from '../store/store.ts'

/** Longer than any channel takes; a sender that was killed is not waited for longer. */
const leaseMs = 60_000
const key = 'sender'

/** The right to send what waits in the outbox: one process at a time has it, so that nothing is sent twice. */
export interface Lease {
  /** Everything that waits; undefined when nothing does, or another process is sending. */
  take(): Waiting[] | undefined
  /** To be asked before each sending: whether it is still ours to send. From then on the lease lasts a minute again. */
  maySend(id: number): boolean
  /** What waits now, as far as it is `wanted`; the lease ends where that is nothing. */
  more(wanted: (waiting: Waiting) => boolean): Waiting[] | undefined
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
