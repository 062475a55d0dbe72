import type { Config } from '../config/config.ts'
import type { Runner } from '../shell/runner.ts'

/** What every step works with. */
export interface Context {
  readonly config: Config
  readonly runner: Runner
}
