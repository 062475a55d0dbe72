import { backendPort as port, stableHost } from '../../config/endpoints.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import { answerOf, healthFromVps } from '../../vps/nginx/upstream.ts'
import { type Check, doubtful, fine, wrong } from './check.ts'

/** nginx must reach the backend: asked from the VPS, not from here. */
export const backendPort: Check = {
  id: 'backend-port',
  title: `Port ${port} of the backend, seen from the VPS`,
  category: 'ports',
  get next() {
    return `See whether the container runs (${formatScriptLine('view-logs', '--only', 'backend')}), and whether the VPS may open that port to the outside.`
  },
  async look({ context: { config, runner } }) {
    const host = stableHost(config)
    const { status, body } = await runner.run(healthFromVps(host)).then(answerOf)
    if (status === 200) return fine(`${host} answers`)
    if (status === undefined) return wrong(`${host}: ${body}`)
    // The way is open; whether the application is well is for others to judge.
    return doubtful(
      `${host} answers, though not well: ${body}`,
      formatScriptLine('view-logs', '--only', 'backend'),
    )
  },
}
