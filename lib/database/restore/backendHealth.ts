import { healthUrl } from '../../azure/containers/waitFor.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import type { Context } from '../../tasks/context.ts'
import { type Difference, ok, type Task, unknown } from '../../tasks/task.ts'
import { getMessage, OpsError } from '../../util/errors.ts'
import { poll } from '../../util/poll.ts'

/** Checks that the backend works with the restored database. */
export const backendHealthTask = (context: Context, restore: Task): Task => ({
  id: 'backend',
  title: 'Backend /health',
  part: 'together',
  after: [restore],
  async inspect(ahead) {
    if (ahead.willChange(restore)) return unknown('checked after the restore')
    return waitUntilHealthy(context)
  },
})

/** The rename ended its connections, which it opens again within moments. */
async function waitUntilHealthy({ config, runner }: Context): Promise<Difference> {
  const url = healthUrl(config, config.backend.dnsLabel)
  let last = ''
  const attempt = async () => {
    try {
      const answer = await runner.request({ method: 'GET', url, effect: 'read', timeoutMs: 5000 })
      if (answer.status === 200) return ok(`${url} says 200`)
      last = `${answer.status} ${answer.body.slice(0, 300)}`
    } catch (thrown) {
      last = getMessage(thrown)
    }
    return undefined
  }
  const unhealthy = () =>
    new OpsError({
      what: 'The database is restored, but the backend is not healthy',
      said: `${url}: ${last}`,
      next: `Run ${formatScriptLine('check-database')}, then ${formatScriptLine('release-containers')}. The restore itself is complete.`,
    })
  return poll(attempt, { intervalMs: 1000, attempts: 15, describe: unhealthy })
}
