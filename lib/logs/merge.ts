import { setTimeout as pause } from 'node:timers/promises'
import { sortBatches } from './buffers.ts'
import type { LogLine } from './parse.ts'

/** A source of lines, oldest first (within a second: several processes may write one log). */
export interface Source {
  /** `backend`, `access` … */
  readonly id: string
  /**
   * Yields batches of lines. An empty batch means that all existing lines were given and new ones follow (--follow).
   * @param add adds a source that was discovered later
   */
  open(signal: AbortSignal, add: (source: Source) => void): AsyncIterable<LogLine[]>
}

export interface MergeOptions {
  onOpen?(source: Source): void
  /** Aborted when no more lines are wanted. */
  signal: AbortSignal
  /** How long the others wait for a silent source, in milliseconds. */
  patienceMs: number
  /** The others continue without it; its lines are merged when they arrive. */
  onLate(source: Source): void
  /** It has failed; the others continue. */
  onFailure(source: Source, error: Error): void
}

interface Feed {
  source: Source
  iterator: AsyncIterator<LogLine[]>
  /** `waited for`: nothing is passed on before its next line is known. `live`: its lines are passed on as they arrive. */
  state: 'waited for' | 'late' | 'live' | 'ended'
  batch: LogLine[]
  next: number
  asked: boolean
  patience?: NodeJS.Timeout
}

const batchSize = 1000

/**
 * Merges sources by time, buffering one batch of each. Yields batches; an empty one when all existing lines were
 * given and the rest is late or not yet written.
 */
export const merge = (sources: readonly Source[], options: MergeOptions): AsyncGenerator<LogLine[]> =>
  sortBatches(mergeFeeds(sources, options))

async function* mergeFeeds(sources: readonly Source[], options: MergeOptions): AsyncGenerator<LogLine[]> {
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const feeds: Feed[] = []
  let wake = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => wake.resolve(), { once: true })
  const add = (source: Source) => {
    options.onOpen?.(source)
    const iterator = source.open(signal, add)[Symbol.asyncIterator]()
    feeds.push({ source, iterator, state: 'waited for', batch: [], next: 0, asked: false })
    wake.resolve()
  }
  sources.forEach(add)
  try {
    for (let announced = false; !signal.aborted; ) {
      for (const feed of feeds)
        if (isEmpty(feed) && feed.state !== 'ended' && !feed.asked) requestBatch(feed, options)
      const blocking = feeds.filter((feed) => feed.state === 'waited for' && isEmpty(feed))
      const lines = blocking.length === 0 ? takeEarliest(feeds) : []
      if (lines.length > 0) {
        announced = false
        yield lines
        continue
      }
      const open = feeds.filter(({ state }) => state !== 'ended')
      if (open.length === 0) return
      if (blocking.length === 0 && !announced) {
        announced = true
        yield []
        continue
      }
      await wake.promise
      wake = Promise.withResolvers<void>()
    }
  } finally {
    stop.abort()
    for (const { patience } of feeds) clearTimeout(patience)
    // Wait until the sources have ended, so that none of them outlives this, but do not wait forever.
    const ended = Promise.allSettled(feeds.map(({ iterator }) => iterator.return?.()))
    await Promise.race([ended, pause(3000, undefined, { ref: false })])
  }

  function requestBatch(feed: Feed, { onLate, onFailure, patienceMs }: MergeOptions): void {
    feed.asked = true
    feed.iterator
      .next()
      .then(
        ({ done, value }) => {
          feed.batch = done ? [] : value
          feed.next = 0
          if (done) feed.state = 'ended'
          else if (value.length === 0) feed.state = 'live'
          else if (feed.state === 'late') feed.state = 'waited for'
        },
        (thrown) => {
          feed.state = 'ended'
          if (!signal.aborted)
            onFailure(feed.source, thrown instanceof Error ? thrown : new Error(String(thrown)))
        },
      )
      .finally(() => {
        clearTimeout(feed.patience)
        feed.asked = false
        wake.resolve()
      })
    if (feed.state !== 'waited for') return
    feed.patience = setTimeout(() => {
      feed.state = 'late'
      onLate(feed.source)
      wake.resolve()
    }, patienceMs)
  }
}

const isEmpty = ({ batch, next }: Feed): boolean => next >= batch.length

/** Takes lines in order of time until a source that must be waited for is empty. */
function takeEarliest(feeds: readonly Feed[]): LogLine[] {
  const lines: LogLine[] = []
  while (lines.length < batchSize) {
    let first: Feed | undefined
    let least = Number.POSITIVE_INFINITY
    for (const feed of feeds) {
      if (isEmpty(feed)) continue
      const at = feed.batch[feed.next]!.at ?? Number.NEGATIVE_INFINITY
      if (first && at >= least) continue
      first = feed
      least = at
    }
    if (!first) break
    lines.push(first.batch[first.next++]!)
    if (first.state === 'waited for' && isEmpty(first)) break
  }
  return lines
}
