import { backendPort as port, stableHost } from '../../config/endpoints.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import { healthCommand, parseHealth } from '../../vps/nginx/upstream.ts'
import { type Check, fail, pass, warn } from '../check.ts'

/** nginx must reach the backend: asked from the VPS, not from here. */
export const backendPort: Check = {
  id: 'backend-port',
  title: `Port ${port} of the backend, seen from the VPS`,
  tags: ['doctor', 'ports'],
  needs: 'ssh',
  advice: () =>
    `See whether the container runs (${formatScriptLine('view-logs', '--only', 'backend')}), and whether the VPS may open that port to the outside.`,
  async run({ context: { config, runner } }) {
    const host = stableHost(config)
    const { status, body } = await runner.run(healthCommand(config, host)).then(parseHealth)
    if (status === 200) return pass(`${host} answers`)
    if (status === undefined) return fail(`${host}: ${body}`)
    // The way is open; whether the application is well is for others to judge.
    return warn(
      `${host} answers, though not well: ${body}`,
      formatScriptLine('view-logs', '--only', 'backend'),
    )
  },
}
