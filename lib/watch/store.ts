import { messageOf, OpsError } from '../command/errors.ts'
import type { Config } from '../config/config.ts'
import { type History, historyFile, openHistory } from '../history/store.ts'

/** The history, or why there is none for this run: the look is worth more than its record. */
export interface Store {
  history: History | undefined
  trouble: string[]
  close(): void
}

export async function openStore(config: Config): Promise<Store> {
  try {
    const history = await openHistory(historyFile(config), config.history)
    return { history, trouble: [], close: () => history.close() }
  } catch (thrown) {
    return { history: undefined, trouble: [notKept(thrown)], close() {} }
  }
}

/** One line of why nothing could be written down, and what that means. */
export function notKept(thrown: unknown): string {
  const said = thrown instanceof OpsError ? thrown.failure.said : undefined
  const why = `${messageOf(thrown)}${said ? ` (${said.trim().split('\n')[0]})` : ''}`
  return `nothing was recorded, and no alert can come of this look: ${why}`
}
