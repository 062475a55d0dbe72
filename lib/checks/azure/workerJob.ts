import { getApiToken } from '../../config/secret.ts'
import { poll } from '../../util/poll.ts'
import { type Check, pass, type QuickContext } from '../check.ts'
import { assertThat } from '../run.ts'
import { authorize } from '../site/http.ts'

type Workflow = { id: number; name: string; runs: number }

/**
 * Starts one workflow per worker through the site, all at once, and waits until their rows have changed. It
 * changes data, so it is only for rehearsals, never for cron.
 */
export const workerJob: Check<QuickContext> = {
  id: 'worker-job',
  title: 'Workers run jobs',
  tags: ['acceptance'],
  needs: 'nothing',
  hiddenByMaintenance: true,
  async run({ context: { config, runner } }) {
    const api = `https://${config.domain}/api/workflows`
    // A backend that requires no token ignores the header.
    const authorization: Record<string, string> = config.backend.secretKey.given
      ? { authorization: `Bearer ${await getApiToken(config, runner)}` }
      : {}
    const read = async (): Promise<Workflow[]> => {
      const headers = await authorize({ config, runner }, api)
      const request = { method: 'GET', url: api, effect: 'read', headers, timeoutMs: 10_000 } as const
      return (JSON.parse((await runner.request(request)).body) as { workflows: Workflow[] }).workflows
    }
    async function runOnce(before: Workflow): Promise<string> {
      const { status, body } = await runner.request({
        method: 'POST',
        url: `${api}/run`,
        effect: 'change',
        headers: { 'content-type': 'application/json', ...authorization },
        body: JSON.stringify({ name: before.name }),
        timeoutMs: 10_000,
      })
      assertThat(status === 202, `the job was not accepted: ${status} ${body.slice(0, 200)}`)
      const started = Date.now()
      const attempt = async () => {
        const after = (await read()).find(({ id }) => id === before.id)
        if (!after || after.runs <= before.runs) return undefined
        return `${before.name}: run ${after.runs} finished after ${Date.now() - started} ms`
      }
      const describe = () => new Error(`${before.name} did not run within 60 s`)
      return poll(attempt, { intervalMs: 500, timeoutMs: 60_000, describe })
    }
    const workflows = (await read()).slice(0, config.worker.count)
    assertThat(workflows.length > 0, 'there are no workflows')
    return pass((await Promise.all(workflows.map(runOnce))).join('; '))
  },
}
