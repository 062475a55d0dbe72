export interface Limiter {
  <T>(work: () => Promise<T>): Promise<T>
  /** Takes a place until the function it gives is called. */
  take(): Promise<() => void>
}

/** At most `places` at a time, first come, first served. */
export function createLimiter(places: number): Limiter {
  let free = places
  const waiting: (() => void)[] = []
  const take = async () => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    let given = false
    return () => {
      if (given) return
      given = true
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    const release = await take()
    try {
      return await work()
    } finally {
      release()
    }
  }
  return Object.assign(run, { take })
}

/** Results in the order of the items, at most `places` under way. Rejects with the first failure. */
export function mapLimit<T, R>(
  places: number,
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const turn = createLimiter(places)
  return Promise.all(items.map((item) => turn(() => work(item))))
}
