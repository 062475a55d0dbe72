import { backendPort as port, stableHost } from '../../config/backend.ts'
import { healthFromVps } from '../../ionos/backendTarget.ts'
import { type Check, fine, wrong } from '../check.ts'

/** nginx must reach the backend: asked from the VPS, not from here. */
export const backendPort: Check = {
  id: 'backend-port',
  title: `Port ${port} of the backend, seen from the VPS`,
  category: 'ports',
  next: 'See whether the container runs (npx dominion view-logs --only backend), and whether the VPS may open that port to the outside.',
  async look({ context: { config, runner } }) {
    const host = stableHost(config)
    const { code, stderr } = await runner.run(healthFromVps(host))
    if (code === 0) return fine(`${host} answers`)
    return wrong(`${host}: ${stderr.trim().split('\n').at(-1) || `exit ${code}`}`)
  },
}
