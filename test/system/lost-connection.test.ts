import { afterAll, beforeAll, expect, test } from 'vitest'
import { backendCopy, smallDashboard, workFolder } from './applications.ts'
import { onVps } from './face.ts'
import { steadyLoad } from './load.ts'
import { type Rehearsed, startRehearsal } from './rehearsed.ts'
import { type Session, startSession } from './sessions.ts'

/* The ssh connection to the VPS breaks in the middle of a release: it says so, and the site goes on being served. */

const work = workFolder('dominion-lost')
let clouds: Rehearsed
let common: Record<string, string>
let running: Session | undefined

beforeAll(async () => {
  clouds = await startRehearsal('sys-lost')
  common = { DASHBOARD_DIR: smallDashboard(work.folder) }
  const { code, stderr } = await clouds.dominion(['deploy-complete'], {
    environment: clouds.variant('first', common),
  })
  expect(code, stderr).toBe(0)
})
afterAll(async () => {
  running?.kill('SIGKILL')
  await clouds?.down()
  work.remove()
})

/** Kills the sshd process that serves the run which holds the lock. */
const breakConnection = () =>
  onVps(
    clouds,
    `pid=$(cat /run/lock/codex-dominion.lock.pid)
until grep -q '^Name:.sshd' /proc/$pid/status; do pid=$(sed -n 's/^PPid:.//p' /proc/$pid/status); done
kill -9 $pid`,
  )

/** The host that nginx sends /api/ to. */
const target = async () =>
  (await onVps(clouds, 'cat /etc/nginx/dominion/*/loaded/backend.conf')).match(/codex-api[a-z-]*/)?.[0]

async function groups(): Promise<string[]> {
  const answer = await fetch(`${clouds.state.controlUrl}/resources`)
  const { resources } = (await answer.json()) as { resources: { id: string }[] }
  return resources.flatMap(({ id }) => /containerGroups\/(.+)$/.exec(id)?.[1] ?? []).sort()
}

test('lost before, and then between, the two switches: no request fails, and the same line finishes', async () => {
  const newer = backendCopy(work.folder, 'newer', { 'dominion/app.py': (text) => `${text}\n# newer\n` })
  const environment = clouds.variant('newer', { ...common, BACKEND_DIR: newer })
  const built = await clouds.dominion(['build-image'], { environment })
  expect(built.code, built.stderr).toBe(0)
  const load = steadyLoad(clouds.config)
  const release = () => {
    running = startSession(['release-containers', '--env', environment])
    return running
  }
  const lost =
    /✖ Backend container: The connection to \S+ was lost[\s\S]*→ Run the same line again[\s\S]*To go on: +npx dominion release-containers/

  const first = release()
  await first.until(/starting codex-backend-next/)
  await breakConnection()
  const early = await first.ended
  expect(early.said).toMatch(lost)
  expect(early.code).toBe(3)
  expect(early.said).not.toMatch(/nginx sends/)
  expect(await target()).toBe('codex-api')

  const second = release()
  await second.until(/nginx sends \/api\/ to codex-api-next\./)
  await breakConnection()
  const late = await second.ended
  expect(late.said).toMatch(lost)
  expect(late.code).toBe(3)
  expect(late.said).not.toMatch(/nginx sends \/api\/ to codex-api\.|deleting codex-backend-next/)
  expect(await target()).toBe('codex-api-next')
  expect(await groups()).toContain('codex-backend-next')

  const last = await release().ended
  const { answered, failed } = await load.stop()
  expect(last.code, last.said).toBe(0)
  expect(last.said).toMatch(/Backend container: finish the release that was interrupted/)
  expect(await target()).toBe('codex-api')
  expect(await groups()).toEqual(['codex-backend', 'codex-worker'])
  expect(failed).toEqual([])
  expect(answered).toBeGreaterThan(50)
})
