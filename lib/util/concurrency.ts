import { exitCode, OpsError } from './errors.ts'

/** Runs at most `places` at a time, first come, first served. */
export function createLimiter(places: number) {
  let free = places
  const waiting: (() => void)[] = []
  /** Occupies a place until the function that it resolves to is called. */
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

/**
 * Maps items with at most `places` running; results keep the order of the items. After a failure nothing more is started;
 * it rejects with the first failure as soon as nothing is running.
 */
export async function mapLimit<T, R>(
  places: number,
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const turn = createLimiter(places)
  const failures: unknown[] = []
  const all = items.map((item) =>
    turn(async () => {
      if (failures.length > 0) throw failures[0]
      try {
        return await work(item)
      } catch (thrown) {
        failures.push(thrown)
        throw thrown
      }
    }),
  )
  await Promise.allSettled(all)
  if (failures.length > 0) throw failures[0]
  return Promise.all(all)
}

/** The value from one source, or the reason why there is none. */
export type Settled<Value> = { value: Value; failure?: never } | { value?: never; failure: Error }

/** Asks several sources at once. A failure of one neither delays nor loses the answers of the others. */
export async function settleAll<Values extends Record<string, unknown>>(
  asks: {
    [Name in keyof Values]: () => Promise<Values[Name]>
  },
): Promise<{ [Name in keyof Values]: Settled<Values[Name]> }> {
  const names = Object.keys(asks) as (keyof Values)[]
  const answers = await Promise.all(names.map(async (name) => [name, await settle(asks[name])] as const))
  return Object.fromEntries(answers) as { [Name in keyof Values]: Settled<Values[Name]> }
}

async function settle<Value>(ask: () => Promise<Value>): Promise<Settled<Value>> {
  try {
    return { value: await ask() }
  } catch (thrown) {
    return { failure: thrown instanceof Error ? thrown : new Error(String(thrown)) }
  }
}

/** 0 when every source answered; otherwise the exit code of the first failure, or 3 because the result is incomplete. */
export function getExitCode(answers: Readonly<Record<string, Settled<unknown>>>): number {
  const failed = Object.values(answers).find(({ failure }) => failure)
  if (!failed) return exitCode.done
  return failed.failure instanceof OpsError ? failed.failure.exitCode : exitCode.unknown
}

/** Reads at the first call; every call gets that result, even when it is a failure. */
export function memoize<Value>(read: () => Promise<Value>): () => Promise<Value> {
  let reading: Promise<Value> | undefined
  return () => (reading ??= read())
}

export type Opening<T> = ReturnType<typeof once<T>>

/** The connection for a key, opened at the first call. */
export function getOrOpen<Key, T>(known: Map<Key, Opening<T>>, key: Key, open: () => Promise<T>): Opening<T> {
  const opening = known.get(key) ?? once(open)
  known.set(key, opening)
  return opening
}

/**
 * Opens the connection at the first call. If that fails, every waiting caller gets the failure, and the next
 * call tries again.
 */
export function once<T>(open: () => Promise<T>) {
  let opening: Promise<T> | undefined
  return {
    begin() {
      opening ??= open()
      opening.catch(() => {}) // Each caller handles the failure.
    },
    get(): Promise<T> {
      const asked = opening ?? open()
      opening = asked
      asked.catch(() => {
        if (opening === asked) opening = undefined
      })
      return asked
    },
    opened: async (): Promise<T | undefined> => opening?.catch(() => undefined),
  }
}
