import type { Runner } from '../command/runner.ts'
import type { Config } from '../config/config.ts'

/** What every step works with. */
export interface Context {
  readonly config: Config
  readonly runner: Runner
}
