import { createAzure } from '../../azure/client.ts'
import { readRedisKey } from '../../azure/resources/redis.ts'
import type { Command } from '../../shell/command.ts'
import type { Context } from '../../tasks/context.ts'
import type { Probe } from '../probe.ts'
import { coreProbe } from '../probe.ts'
import { containersProbe } from './containers.ts'
import { databaseProbe } from './database.ts'
import { diskProbe } from './disk.ts'
import { queueProbe } from './queue.ts'
import { redisProbe } from './redis.ts'
import { storedCertificateProbe } from './storedCertificate.ts'

/** The probes that need a login. They share what they ask Azure for; each of them fails alone. */
export function fullProbes(context: Context): Probe[] {
  const hurried = inHaste(context)
  const azure = createAzure(hurried)
  let asked: Promise<string> | undefined
  const key = () => {
    asked ??= readRedisKey(hurried, azure)
    return asked
  }
  return [
    storedCertificateProbe(context),
    diskProbe(context),
    containersProbe(hurried, azure),
    databaseProbe(hurried, azure),
    redisProbe(context, azure, key),
    queueProbe(context, key),
  ]
}

/** Two calls mostly follow each other (who am I, then what is asked): both have ended before their probe has. */
const patienceMs = coreProbe.timeoutMs / 2 - 1000

/** The same context, whose commands and queries end in time and are not tried again: the next look is that. */
export function inHaste(context: Context): Context {
  const once = ({ retry: _, ...command }: Command): Command => ({
    ...command,
    timeoutMs: Math.min(command.timeoutMs, patienceMs),
  })
  const { runner } = context
  return {
    ...context,
    runner: {
      ...runner,
      query: (query) => runner.query({ timeoutMs: patienceMs, ...query }),
      run: (command, onOutput) => runner.run(once(command), onOutput),
      runPrivately: (command) => runner.runPrivately(once(command)),
    },
  }
}
