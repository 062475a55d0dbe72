import type { Line } from './line.ts'

/** What is wanted of every source. */
export interface Wanted {
  /** Is this source wanted? `backend`, `worker-2`, `access` … */
  only(source: string): boolean
  /** Milliseconds since 1970: nothing older. */
  since?: number
  /** Not more than the last so many lines of each source. */
  tail?: number
  follow: boolean
  /** A source that goes on, but not as it should; or does so again. */
  trouble(source: string, words: string): void
}

/** A source that is known to give nothing. */
export async function* failing(error: Error): AsyncGenerator<Line[]> {
  yield await Promise.reject(error)
}
