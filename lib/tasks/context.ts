import type { Config } from '../config/config.ts'
import type { Runner } from '../shell/runner.ts'

/** What every task works with. */
export interface Context {
  readonly config: Config
  readonly runner: Runner
}
