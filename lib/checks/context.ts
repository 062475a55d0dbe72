import { openArm } from '../azure/arm.ts'
import { type Azure, createAzure } from '../azure/client.ts'
import { readRedisKey } from '../azure/resources/redis.ts'
import type { Command } from '../shell/command.ts'
import type { Runner } from '../shell/runner.ts'
import type { Context, VpsContext } from '../tasks/task.ts'
import { memoize } from '../util/concurrency.ts'
import type { CheckContext, QuickContext } from './check.ts'
import { databaseSources } from './database/facts.ts'
import { createQuickContext, loginTimeoutMs } from './run.ts'

/** @param options `azure`: a client that has already read the current state */
export function createCheckContext(
  context: VpsContext,
  options: Partial<Omit<QuickContext, 'context'>> & { azure?: Azure; hurry?: boolean } = {},
): CheckContext {
  const { azure, hurry = false, ...rest } = options
  const quick = createQuickContext(context, rest)
  const azContext = hurry ? inHaste(context) : context
  const client = azure ?? createAzure(azContext)
  return {
    ...quick,
    azContext,
    azure: client,
    arm: openArm(azContext, quick.signal),
    redisKey: memoize(() => readRedisKey(azContext, client)),
    database: databaseSources(azContext, client),
  }
}

/** A check often needs two az calls (the account, then its own query): both fit into its time limit. */
const patienceMs = loginTimeoutMs / 2 - 1000

/**
 * The same context, but its commands and queries end early and are not retried: the next run of the health
 * check is the retry.
 */
function inHaste({ config, runner }: Context): Context {
  const once = (command: Command): Command => {
    return { ...command, retry: undefined, timeoutMs: Math.min(command.timeoutMs, patienceMs) }
  }
  const hasty: Runner = {
    ...runner,
    query: (query) => runner.query({ timeoutMs: patienceMs, ...query }),
    run: (command, onOutput) => runner.run(once(command), onOutput),
    runPrivately: (command) => runner.runPrivately(once(command)),
  }
  return { config, runner: hasty }
}
