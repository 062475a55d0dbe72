import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ProcessResult, startProcess } from '../../lib/shell/spawn.ts'
import { getEnvironmentFile, getFolder, readState, startClouds } from '../../rehearsal/rehearsal.ts'
import { dominionArgv, ordinaryEnvironment } from '../support/system/rehearsal.ts'

/* A running rehearsal cannot be taken down by accident, and an .env.NAME that it did not write is never deleted. */

const home = path.join(import.meta.dirname, '..', '..')
const name = 'sys-claims'
const file = getEnvironmentFile(name)
const byHand = 'DOMAIN=by-hand.example\n'
let elsewhere: string

beforeAll(() => {
  elsewhere = mkdtempSync(path.join(tmpdir(), 'dominion-other-clone-'))
})
afterAll(async () => {
  await rehearse(['--down', '--name', name])
  rmSync(file, { force: true })
  for (const left of changedFiles()) rmSync(left)
  rmSync(elsewhere, { recursive: true, force: true })
})

const rehearse = (args: string[], cwd = process.cwd()): Promise<ProcessResult> =>
  dominion(['rehearse', ...args], cwd)

const dominion = (args: string[], cwd: string): Promise<ProcessResult> =>
  startProcess(dominionArgv(args), {
    cwd,
    env: ordinaryEnvironment(),
    timeoutMs: 120_000,
    signal: new AbortController().signal,
  })

const changedFiles = () => readdirSync('.').filter((each) => each.startsWith(`.env.${name}.changed`))

/** Everything that would show that somebody interfered. */
const picture = () => ({
  state: readFileSync(path.join(getFolder(name), 'state.json'), 'utf8'),
  environment: readFileSync(file, 'utf8'),
  files: readdirSync(getFolder(name), { recursive: true }).length,
  links: execFileSync('ip', ['-json', 'link', 'show', 'type', 'veth'], { encoding: 'utf8' }).includes(
    `dominion rehearsal ${name} `,
  ),
})

test('started twice at the same moment, one runs and the other refuses', async () => {
  const starts = await Promise.allSettled(
    [1, 2].map(() => startClouds({ name, latency: 'none', keep: true })),
  )
  expect(starts.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  const refused = starts.find(({ status }) => status === 'rejected') as PromiseRejectedResult
  expect(refused.reason).toMatchObject({ exitCode: 2, message: expect.stringContaining(`"${name}"`) })
  expect(readState(name)).toMatchObject({ controlUrl: expect.any(String) })
})

test.each([
  ['from the same folder', ['--name', name]],
  ['with --keep', ['--name', name, '--keep']],
  ['from another clone', ['--name', name], 'elsewhere'],
])('a second one %s is refused, names who runs it, and changes nothing', async (_, args, place?: string) => {
  const before = picture()
  const { code, stderr } = await rehearse(args, place ? elsewhere : process.cwd())
  expect(code, stderr).toBe(2)
  expect(stderr).toContain(`A rehearsal "${name}" is running`)
  expect(stderr).toContain(process.cwd())
  expect(stderr).toContain(`process ${readState(name)!.pid}`)
  expect(stderr).toMatch(/since \d{4}-\d\d-\d\d/)
  expect(stderr).toContain(`npm run rehearse -- --down --name ${name}`)
  expect(stderr).toContain('--name ANOTHER')
  expect(stderr).not.toContain('Taking both clouds down')
  expect(picture()).toEqual(before)
})

test('it names the same resources as production, and neither blocks the other', async () => {
  const example = readFileSync(path.join(home, '.env.example'), 'utf8')
  // An address where nothing answers: what production's line does after the check does not matter here.
  writeFileSync(path.join(elsewhere, '.env'), `${example}\nIONOS_HOST=127.0.0.1\nIONOS_PORT=1\n`)
  copyFileSync(file, path.join(elsewhere, `.env.${name}`))
  const plan = await dominion(['configure-nginx', '--dry-run', '--env', name], elsewhere)
  expect(plan.code, plan.stderr).toBe(0)
  const production = await dominion(['configure-nginx', '--dry-run'], elsewhere)
  expect(production.stderr + production.stdout).not.toContain('name the same')
  expect(production.stdout).toContain('unknown')
  rmSync(path.join(elsewhere, '.env'))
})

test('--down from another clone takes down the named rehearsal, not the file of that clone', async () => {
  const own = path.join(elsewhere, `.env.${name}`)
  writeFileSync(own, byHand)
  const { pid } = readState(name)!
  const { code, stdout, stderr } = await rehearse(['--down', '--name', name], elsewhere)
  expect(code, stderr).toBe(0)
  expect(stdout).toContain(`rehearsal "${name}" is down`)
  expect(existsSync(`/proc/${pid}`)).toBe(false)
  expect(existsSync(getFolder(name))).toBe(false)
  expect(existsSync(file)).toBe(false)
  expect(readFileSync(own, 'utf8')).toBe(byHand)
})

test('a hand-written .env.NAME survives --down, and no rehearsal overwrites it', async () => {
  writeFileSync(file, byHand)
  const down = await rehearse(['--down', '--name', name])
  expect(down.code, down.stderr).toBe(0)
  expect(down.stdout).toContain(`.env.${name} was not written by a rehearsal`)
  for (const flags of [[], ['--keep']]) {
    const { code, stderr } = await rehearse(['--name', name, ...flags])
    expect(code, stderr).toBe(2)
    expect(stderr).toContain(`.env.${name} was not written by a rehearsal`)
  }
  expect(readFileSync(file, 'utf8')).toBe(byHand)
  expect(existsSync(getFolder(name))).toBe(false)
  rmSync(file)
})

test('killed: the next start removes its leftovers and keeps manually added lines in another file', async () => {
  const killed = await startClouds({ name, latency: 'none', keep: true })
  const text = `${readFileSync(file, 'utf8')}# a line of the operator\n`
  writeFileSync(file, text)
  process.kill(killed.pid, 'SIGKILL')
  await pause(300)
  expect(existsSync(file)).toBe(true)
  // Started by a process that then ends, as `rehearse --keep` does.
  const start = `import { startClouds } from ${JSON.stringify(path.join(home, 'rehearsal', 'rehearsal.ts'))}
    await startClouds(${JSON.stringify({ name, latency: 'none', keep: true })})
    process.exit()`
  execFileSync(process.execPath, ['--input-type=module-typescript', '--eval', start], { timeout: 60_000 })
  expect(readState(name)?.pid).not.toBe(killed.pid)
  const second = await rehearse(['--name', name])
  expect(second.code, second.stderr).toBe(2)
  expect(second.stderr).toContain('kept with --keep')
  expect(changedFiles()).toHaveLength(1)
  expect(readFileSync(changedFiles()[0]!, 'utf8')).toBe(text)

  writeFileSync(file, `${readFileSync(file, 'utf8')}WORKER_COUNT=2\n`)
  const down = await rehearse(['--down', '--name', name])
  expect(down.stdout).toMatch(
    new RegExp(`\\.env\\.${name} has been changed .* kept as .*\\.env\\.${name}\\.changed-2`),
  )
  expect(changedFiles()).toHaveLength(2)
  expect(existsSync(file)).toBe(false)
})
