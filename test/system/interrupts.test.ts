import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { copyBackend, createWorkFolder, smallDashboard } from '../support/system/applications.ts'
import { steadyLoad } from '../support/system/load.ts'
import { listSecrets, readReceipts } from '../support/system/records.ts'
import { type Rehearsal, startRehearsal } from '../support/system/rehearsal.ts'
import { findProcesses, type Session, startSession } from '../support/system/sessions.ts'

/* Ctrl-C, SIGTERM and SIGKILL at many moments: the same line always resumes, and no visitor notices. */

const work = createWorkFolder('dominion-stop')
let clouds: Rehearsal
let environment: string
let common: Record<string, string>
let secrets: ReturnType<typeof listSecrets>
let running: Session | undefined

beforeAll(async () => {
  clouds = await startRehearsal('sys-stop')
  secrets = listSecrets(clouds)
  common = { DASHBOARD_DIR: smallDashboard(work.folder, 1) }
  environment = clouds.variant('first', common)
})
afterAll(async () => {
  running?.kill('SIGKILL')
  await clouds?.down()
  work.remove()
})

function deploy(env = environment, ...flags: string[]): Session {
  running = startSession(['deploy-complete', ...flags, '--env', env])
  return running
}

async function ended(session: Session) {
  const end = await session.ended
  secrets.said(end.said)
  return end
}

/** An environment whose backend differs from all others. */
function release(name: string): string {
  const dir = copyBackend(work.folder, name, { 'dominion/app.py': (text) => `${text}\n# ${name}\n` })
  return clouds.variant(name, { ...common, BACKEND_DIR: dir })
}

/** The az and npm processes that a run started, or the run itself. */
const ownProcesses = () => findProcesses(new RegExp(`AZURE_CONFIG_DIR=${clouds.folder}/az(\\0|$)`))
const groups = async () => {
  const answer = await fetch(`${clouds.state.controlUrl}/resources`)
  const { resources } = (await answer.json()) as { resources: { id: string }[] }
  return resources.flatMap(({ id }) => /containerGroups\/(.+)$/.exec(id)?.[1] ?? []).sort()
}

test('repeated SIGKILLs from the start: the same command finishes the job', async () => {
  const killed: number[] = []
  for (let seconds = 3; ; seconds *= 1.6) {
    const session = deploy()
    const end = await Promise.race([session.ended, pause(seconds * 1000)])
    if (end) {
      expect(end, end.said).toMatchObject({ code: 0 })
      break
    }
    session.kill('SIGKILL')
    await ended(session)
    killed.push(session.pid)
  }
  expect(killed.length).toBeGreaterThan(2)
  const again = await ended(deploy())
  expect(again.said).toMatch(/Nothing to do in/)
  await expect.poll(ownProcesses, { timeout: 20_000 }).toEqual([])
  const secretFolders = readdirSync(tmpdir()).flatMap((name) => /^dominion-\d+-(\d+)-/.exec(name)?.[1] ?? [])
  expect(secretFolders.filter((pid) => killed.includes(Number(pid)))).toEqual([])
})

test('Ctrl-C once: running steps finish, nothing new starts, exit 130', async () => {
  const env = release('once')
  const session = deploy(env)
  await session.until(/Backend image …/)
  session.kill('SIGINT')
  const { code, said } = await ended(session)
  expect(code, said).toBe(130)
  expect(said).toMatch(/Finishing the current step; press Ctrl-C again to stop now\./)
  expect(said).toMatch(/Backend image: build codex-backend:src-/)
  expect(said).toMatch(/Backend container: not started/)
  expect(said).toMatch(
    /✖ Interrupted: [^\n]*\n {2}Transcript[^\n]*\n {2}Resume with: npx dominion deploy-complete --env sys-stop-once/,
  )
  const { receipt } = readReceipts(clouds, env).at(-1)!
  expect(receipt.result).toBe('interrupted')
  expect(receipt.changed.map(({ id }) => id)).toEqual(['image'])
  expect(ownProcesses()).toEqual([])
})

test('Ctrl-C twice stops at once and ends its processes', async () => {
  const session = deploy(release('twice'))
  await session.until(/Backend image …/)
  await pause(1500)
  session.kill('SIGINT')
  await session.until(/Finishing the current step/)
  await pause(200) // Closer together than a person presses, it would count as an echo of the first.
  const at = Date.now()
  session.kill('SIGINT')
  const { code, said } = await ended(session)
  expect(code, said).toBe(130)
  expect(Date.now() - at).toBeLessThan(6000)
  expect(said).not.toMatch(/Backend image: build/)
  expect(ownProcesses()).toEqual([])
})

test.each([
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)('%s: as the first Ctrl-C, exit %d', async (signal, exitCode) => {
  const session = deploy(release(signal.toLowerCase()))
  await session.until(/Data tier …/)
  session.kill(signal)
  const { code, said } = await ended(session)
  expect(code, said).toBe(exitCode)
  expect(said).toMatch(/Backend image: not started/)
})

test('SIGKILL at each stage of a release: no request fails, the same command finishes', async () => {
  const env = release('turns')
  const built = await clouds.dominion(['build-image'], { environment: env })
  expect(built.code, built.stderr).toBe(0)
  const turns = [
    /starting codex-backend-next/,
    /nginx sends \/api\/ to codex-api-next\./,
    /Backend container: starting codex-backend$/m,
    /nginx sends \/api\/ to codex-api\./,
  ]
  const load = steadyLoad(clouds.config)
  const run = () => {
    running = startSession(['release-containers', '--env', env])
    return running
  }
  let killed = 0
  for (const turn of turns) {
    const session = run()
    await session.until(turn).catch(() => {})
    session.kill('SIGKILL')
    if ((await ended(session)).signal === 'SIGKILL') killed++
  }
  const last = await ended(run())
  const { answered, failed } = await load.stop()
  expect(last.code, last.said).toBe(0)
  expect(killed).toBe(turns.length)
  expect(failed).toEqual([])
  expect(answered).toBeGreaterThan(100)
  expect(await groups()).toEqual(['codex-backend', 'codex-worker'])
  const plan = await clouds.dominion(['deploy-complete', '-n', '--detailed-exitcode'], { environment: env })
  expect(plan.code, plan.stdout).toBe(0)
})

test('two deploys at once: the second learns who, since when, and the command that unlocks', async () => {
  const first = deploy(release('first-of-two'))
  await first.until(/Deploy lock: ok/)
  const second = startSession(['deploy-complete', '--env', environment])
  const refused = await ended(second)
  expect(refused.code, refused.said).toBe(5)
  expect(refused.said).toMatch(
    /Locked: \S+@\S+ has been running "npx dominion deploy-complete --env sys-stop-first-of-two" since \d{4}-\S+Z \([12]?\d(\.\d)? s ago\)/,
  )
  expect(refused.said).toMatch(/npx dominion unlock --env sys-stop-first/)
  expect(readReceipts(clouds, environment).at(-1)?.receipt.failed[0]?.id).toBe('lock')

  const asked = await clouds.dominion(['unlock'], { environment })
  expect(asked.code).toBe(2)
  expect(asked.stderr).toMatch(/--yes/)
  const unlocked = await clouds.dominion(['unlock', '--yes', '--json'], { environment })
  expect(JSON.parse(unlocked.stdout)).toMatchObject({ ok: true, released: true })
  const robbed = await ended(first)
  expect(robbed.code, robbed.said).toBe(5)
  expect(robbed.said).toMatch(/The deploy lock was lost/)

  const nobody = await clouds.dominion(['unlock'], { environment })
  expect(nobody.code).toBe(0)
  expect(nobody.stdout).toBe('Nobody holds the deploy lock.\n')
})

test('the lock ends with a holder that is killed', async () => {
  const session = deploy()
  await session.until(/Deploy lock: ok/)
  session.kill('SIGKILL')
  await ended(session)
  const again = await ended(deploy(environment, '--skip-azure'))
  expect(again.code, again.said).toBe(0)
})

test('no secret in anything that was printed, stored or passed as an argument', () => {
  expect(secrets.seen()).toEqual([])
})
